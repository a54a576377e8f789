//! Cosignatures as somebody brings them: the keeper believes only the witnesses' keys, and stops opening without them.

use crate::arrange::{Scene, Stored, denied, scene_of, viewer};
use crate::receipts;
use candour_keeper::draft::Draft;
use candour_keeper::keys::Keys;
use candour_keeper::ledger::WITNESS;
use candour_keeper::witness::{Named, WitnessTable};
use candour_keeper_api::wire::{self, Call, Reply, StatusQuestion};
use candour_keeper_api::words::{EntryKind, Purpose, Reason};
use candour_keeper_api::{CallError, Item, Token};
use candour_ledger::{LogSigner, LogVerifier, Note, WitnessSigner, WitnessVerifier, leaf_hash};
use candour_seal::PatientId;
use candour_testkit::keeper::{InstanceKind, KEEPER, Settings};
use candour_testkit::{TestCluster, TestKeeper};
use candour_verify::receipt;
use std::fs;
use std::time::Duration;

const AT: u64 = 1_772_485_200;
const MOST: u64 = 60;

fn witness(seed: u8) -> WitnessSigner {
    WitnessSigner::from_seed(&format!("witness.example/w{seed}"), &[seed; 32]).unwrap()
}

fn table(quorum: usize) -> WitnessTable {
    let named = |seed| Named {
        name: format!("Witness {seed}"),
        key: witness(seed).verifier().to_string(),
    };
    WitnessTable {
        witnesses: vec![named(1), named(2), named(3)],
        witness_quorum: Some(quorum),
        most_unwitnessed_entries: MOST,
    }
}

struct Watched {
    scene: Scene,
    patient: PatientId,
    stored: Stored,
}

async fn watched(quorum: usize) -> Watched {
    let database = TestCluster::shared().database(&KEEPER).await;
    let settings = Settings {
        witnesses: table(quorum),
        ..Settings::default()
    };
    let keeper = TestKeeper::start_with(&database, settings).await;
    let scene = scene_of(database, keeper).await;
    let patient = scene.patient(1).await;
    let stored = scene.document(1, patient).await;
    Watched {
        scene,
        patient,
        stored,
    }
}

/// Waits until outsiders see the whole ledger as it is now, and gives the checkpoint.
async fn shown(keeper: &TestKeeper) -> String {
    let verifier = keeper.core.checkpoints.verifier();
    for _ in 0..600 {
        let note = fs::read_to_string(keeper.public().join("checkpoint")).unwrap_or_default();
        if verifier
            .open(&note)
            .is_ok_and(|it| it.size == keeper.core.ledger.size())
        {
            return note;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("no checkpoint covers the ledger");
}

fn cosigned(note: &str, by: &[u8], at: u64) -> String {
    let text = Note::parse(note).unwrap().text.to_owned();
    by.iter().fold(note.to_owned(), |note, seed| {
        note + &witness(*seed).cosign(&text, at)
    })
}

/// Brings a note as whoever asks the witnesses does, and has the keeper look.
fn bring(keeper: &TestKeeper, note: &str) {
    fs::create_dir_all(keeper.brought()).unwrap();
    fs::write(keeper.brought().join("cosigned"), note).unwrap();
    keeper.core.witnesses.look(keeper.core.ledger.size());
}

fn public(keeper: &TestKeeper) -> Option<String> {
    fs::read_to_string(keeper.public().join("cosigned")).ok()
}

async fn seen(keeper: &TestKeeper) -> wire::Witnessing {
    let portal = keeper.client(InstanceKind::Portal);
    let reply = portal.call(Call::Status(StatusQuestion {})).await.unwrap();
    let Reply::Status(status) = reply else {
        panic!("no status");
    };
    status.witnessing.unwrap()
}

async fn grow(keeper: &TestKeeper, entries: u64) {
    let drafts = (0..entries).map(|_| Draft::of_keeper(EntryKind::KeyUse));
    let written = keeper.core.ledger.append(drafts.collect()).await.unwrap();
    assert!(written.iter().all(Result::is_ok));
}

async fn open(keeper: &TestKeeper, token: &Token, stored: &Stored) -> Result<u64, CallError> {
    let portal = keeper.client(InstanceKind::Portal);
    let opened = portal
        .open(&viewer(token, Purpose::OwnRecord), Item(stored.item))
        .await;
    opened.map(|permit| permit.index())
}

#[tokio::test]
async fn nothing_opens_past_the_limit_signing_in_does_and_it_opens_again_by_itself() {
    let Watched {
        scene,
        patient,
        stored,
    } = watched(2).await;
    let mut keeper = scene.keeper;
    let own = keeper.as_patient(patient).await;
    open(&keeper, &own.token, &stored).await.unwrap();
    let first = shown(&keeper).await;
    bring(&keeper, &cosigned(&first, &[1, 3], AT));
    let size = keeper
        .core
        .checkpoints
        .verifier()
        .open(&first)
        .unwrap()
        .size;
    assert_eq!(seen(&keeper).await.cosigned, size);

    // One less than the limit still opens; that opening is the last.
    grow(&keeper, size + MOST - 1 - keeper.core.ledger.size()).await;
    open(&keeper, &own.token, &stored).await.unwrap();
    let had = keeper.core.ledger.size();
    for _ in 0..3 {
        let refused = open(&keeper, &own.token, &stored).await.unwrap_err();
        assert_eq!(denied(&refused), Reason::LedgerUnavailable);
    }
    assert_eq!(
        keeper.core.ledger.size(),
        had,
        "a refusal makes the ledger no longer"
    );
    keeper.core.witnesses.look(had);
    assert!(seen(&keeper).await.stops);
    // Whoever works at a practice still deposits, and a program signs in.
    let practice = scene.practice;
    let (program, secret) = keeper.program_credential(practice).await;
    let call = Call::ClientSignIn(wire::ClientSignIn {
        client: program.as_bytes().to_vec(),
        secret: secret.to_vec(),
    });
    let import = keeper.client(InstanceKind::Import);
    assert!(matches!(
        import.call(call).await.unwrap(),
        Reply::SignedIn(_)
    ));

    // Started again, it knows what was cosigned, though nobody brings it any more.
    fs::remove_dir_all(keeper.brought()).unwrap();
    keeper = keeper.restart().await;
    assert_eq!(seen(&keeper).await.cosigned, size);
    let own = keeper.as_patient(patient).await;
    let refused = open(&keeper, &own.token, &stored).await.unwrap_err();
    assert_eq!(denied(&refused), Reason::LedgerUnavailable);

    // One of two is not enough; two are.
    let newest = shown(&keeper).await;
    bring(&keeper, &cosigned(&newest, &[1], AT + 1));
    assert!(open(&keeper, &own.token, &stored).await.is_err());
    assert_eq!(seen(&keeper).await.witnesses[0].at_seconds, AT + 1);
    bring(&keeper, &cosigned(&newest, &[1, 2], AT + 2));
    open(&keeper, &own.token, &stored).await.unwrap();
    assert!(
        !seen(&keeper).await.stops || keeper.core.witnesses.let_open(keeper.core.ledger.size())
    );
}

#[tokio::test]
async fn of_what_is_opened_at_once_only_what_lies_within_the_limit_is_released() {
    let Watched {
        scene,
        patient,
        stored,
    } = watched(1).await;
    let keeper = &scene.keeper;
    let own = keeper.as_patient(patient).await;
    grow(keeper, MOST - 2 - keeper.core.ledger.size()).await;
    let targets = [(); 4].map(|()| Item(stored.item)).into();
    let viewer = viewer(&own.token, Purpose::OwnRecord);
    let opened = scene.portal.open_batch(&viewer, targets, "").await.unwrap();
    let released = opened.iter().map(Result::is_ok);
    assert_eq!(released.collect::<Vec<_>>(), [true, true, false, false]);
    let reasons = opened.iter().filter_map(|one| one.as_ref().err());
    for refused in reasons {
        assert_eq!(refused.reason, Reason::LedgerUnavailable);
    }
    // What was written and not released has an entry that says so.
    let reason = Reason::LedgerUnavailable.number();
    assert_eq!(scene.count(EntryKind::Withheld, reason).await, 2);
}

#[tokio::test]
async fn what_enough_witnesses_cosigned_is_public_with_their_lines() {
    let Watched { scene, .. } = watched(2).await;
    let keeper = scene.keeper;
    let note = shown(&keeper).await;
    bring(&keeper, &cosigned(&note, &[2], AT));
    assert_eq!(public(&keeper), None);
    let both = cosigned(&note, &[2, 3], AT + 5);
    bring(&keeper, &both);
    assert_eq!(public(&keeper).as_ref(), Some(&both));
    let parsed = Note::parse(&both).unwrap();
    let key = WitnessVerifier::parse(&witness(3).verifier().to_string()).unwrap();
    assert_eq!(key.cosigned(&parsed), Ok(Some(AT + 5)));
    let told = seen(&keeper).await;
    let sizes: Vec<u64> = told.witnesses.iter().map(|one| one.size).collect();
    assert_eq!(sizes, [0, told.cosigned, told.cosigned]);
    assert_eq!((told.quorum, told.most_entries), (2, MOST));
    // An older one takes nothing back.
    grow(&keeper, 5).await;
    let newer = cosigned(&shown(&keeper).await, &[1, 2], AT + 9);
    bring(&keeper, &newer);
    bring(&keeper, &both);
    assert_eq!(public(&keeper), Some(newer));
}

#[tokio::test]
async fn a_receipt_shows_the_witnesses_where_they_have_seen_its_entry() {
    let Watched {
        scene,
        patient,
        stored,
    } = watched(2).await;
    let keeper = &scene.keeper;
    let own = keeper.as_patient(patient).await;
    let seen = open(keeper, &own.token, &stored).await.unwrap();
    let both = cosigned(&shown(keeper).await, &[1, 3], AT);
    bring(keeper, &both);
    let unseen = open(keeper, &own.token, &stored).await.unwrap();
    grow(keeper, 20).await;
    let newest = shown(keeper).await;
    let page = receipts::ask(keeper, &own.token, patient).await.unwrap();
    let (mut old, mut new) = (0, 0);
    for event in &page.events {
        // Whoever has the log's key alone is told that it holds, as without witnesses.
        receipt::verify(&event.receipt, &keeper.core.checkpoints.verifier()).unwrap();
        let under = receipt::checkpoint(&event.receipt).unwrap();
        if event.index <= seen {
            assert_eq!(under, both);
            old += 1;
        } else {
            assert!(under == newest && event.index >= unseen);
            new += 1;
        }
    }
    assert!(old > 0 && new > 0, "{old} {new}");
    // What is damaged there proves nothing, and is no reason to give no receipt.
    fs::write(keeper.public().join("cosigned"), "nothing\n").unwrap();
    let page = receipts::ask(keeper, &own.token, patient).await.unwrap();
    for event in page.events {
        let key = keeper.core.checkpoints.verifier();
        let proved = receipt::verify(&event.receipt, &key).unwrap();
        assert!(proved.checkpoint.size > seen + 1);
    }
}

#[tokio::test]
async fn what_is_forged_or_signed_by_strangers_counts_nothing() {
    let Watched { scene, .. } = watched(1).await;
    let keeper = scene.keeper;
    let note = shown(&keeper).await;
    let text = Note::parse(&note).unwrap().text.to_owned();
    let verifier = keeper.core.checkpoints.verifier();
    let impostor = |name: &str| WitnessSigner::from_seed(name, &[9; 32]).unwrap();
    let size = verifier.open(&note).unwrap().size;
    let larger = text.replacen(&format!("\n{size}\n"), &format!("\n{}\n", size + 1), 1);
    let other_log = LogSigner::from_seed(verifier.name(), &[8; 32]).unwrap();
    let other_log = other_log.sign(size, leaf_hash(b"other"));
    let pipe = keeper.brought().join("cosigned");
    let forgeries = [
        // Nobody cosigned it.
        note.clone(),
        // A key that is not configured, under the name of one that is.
        note.clone() + &impostor("witness.example/w1").cosign(&text, AT),
        // Cosigned by a witness, but another text.
        note.clone() + &witness(1).cosign(&larger, AT),
        // A good one beside a stranger's.
        cosigned(&note, &[1], AT) + &impostor("stranger.example").cosign(&text, AT),
        // Not signed by this log.
        cosigned(&other_log, &[1, 2, 3], AT),
        // The size was changed under good signatures.
        cosigned(&note, &[1, 2], AT).replacen(&text, &larger, 1),
        "rubbish".to_owned(),
        "\0".repeat(200_000),
    ];
    for forged in &forgeries {
        bring(&keeper, forged);
        assert_eq!(public(&keeper), None, "{forged}");
        assert_eq!(seen(&keeper).await.cosigned, 0, "{forged}");
    }
    // A pipe at which a reader would wait for ever, and a link to what somebody else keeps.
    fs::remove_file(&pipe).unwrap();
    let (here, fifo) = (rustix::fs::CWD, rustix::fs::FileType::Fifo);
    rustix::fs::mknodat(here, &pipe, fifo, rustix::fs::Mode::RUSR, 0).unwrap();
    keeper.core.witnesses.look(keeper.core.ledger.size());
    fs::remove_file(&pipe).unwrap();
    let elsewhere = keeper.folder().join("elsewhere");
    fs::write(&elsewhere, cosigned(&note, &[1], AT)).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &pipe).unwrap();
    keeper.core.witnesses.look(keeper.core.ledger.size());
    assert_eq!(public(&keeper), None);
    fs::remove_file(&pipe).unwrap();
    bring(&keeper, &cosigned(&note, &[1], AT));
    assert_eq!(seen(&keeper).await.cosigned, size);
}

/// A checkpoint that this log's key signed over entries that are not the ledger's.
fn of_another_past(keeper: &TestKeeper, verifier: &LogVerifier, size: u64) -> String {
    let keys = Keys::new(keeper.root_key()).unwrap();
    let signer = LogSigner::from_seed(verifier.name(), keys.checkpoint_seed().expose()).unwrap();
    assert_eq!(signer.verifier(), *verifier);
    signer.sign(size, leaf_hash(b"another past"))
}

#[tokio::test]
async fn a_witness_that_saw_another_past_is_an_alarm_and_what_it_cosigned_is_set_aside() {
    let Watched { scene, .. } = watched(1).await;
    let mut keeper = scene.keeper;
    let verifier = keeper.core.checkpoints.verifier();
    let note = shown(&keeper).await;
    let good = cosigned(&note, &[1], AT);
    bring(&keeper, &good);
    let had = verifier.open(&note).unwrap().size;
    for size in [had - 1, had + 1_000] {
        let other = of_another_past(&keeper, &verifier, size);
        bring(&keeper, &cosigned(&other, &[2], AT + size));
        assert_eq!(public(&keeper).as_ref(), Some(&good));
        let told = seen(&keeper).await;
        assert_eq!((told.cosigned, told.witnesses[1].conflict), (had, size));
        assert_eq!(told.witnesses[0].conflict, 0);
    }
    // The keeper was rolled back with everything but its public folder.
    keeper.stop().await;
    let other = of_another_past(&keeper, &verifier, had + 1_000);
    let other = cosigned(&other, &[1], AT + 1);
    fs::write(keeper.public().join("cosigned"), &other).unwrap();
    fs::remove_dir_all(keeper.brought()).unwrap();
    keeper = keeper.restart().await;
    let told = seen(&keeper).await;
    assert_eq!(
        (told.cosigned, told.witnesses[0].conflict),
        (0, had + 1_000)
    );
    assert_eq!(public(&keeper), None);
    let lost = keeper
        .public()
        .join(format!("lost/{:020}.cosigned", had + 1_000));
    assert_eq!(fs::read_to_string(lost).unwrap(), other);
    // Within a second it is an entry, and only one.
    let of = (i16::from(EntryKind::Alarm.number()), i16::from(WITNESS));
    for _ in 0..300 {
        if keeper.entries().await.contains_key(&of) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    keeper.stop().await;
    assert_eq!(keeper.entries().await.get(&of), Some(&1));
}

#[tokio::test]
async fn a_refusal_that_is_told_is_an_alarm_and_stops_nothing() {
    let Watched {
        scene,
        patient,
        stored,
    } = watched(1).await;
    let keeper = scene.keeper;
    bring(&keeper, &cosigned(&shown(&keeper).await, &[1], AT));
    fs::write(
        keeper.brought().join("conflicts"),
        "witness.example/w3 4711\nnobody 1\n",
    )
    .unwrap();
    keeper.core.witnesses.look(keeper.core.ledger.size());
    let conflicts: Vec<u64> = seen(&keeper)
        .await
        .witnesses
        .iter()
        .map(|one| one.conflict)
        .collect();
    assert_eq!(conflicts, [0, 0, 4711]);
    let own = keeper.as_patient(patient).await;
    open(&keeper, &own.token, &stored).await.unwrap();
    fs::write(keeper.brought().join("conflicts"), "").unwrap();
    keeper.core.witnesses.look(keeper.core.ledger.size());
    assert_eq!(seen(&keeper).await.witnesses[2].conflict, 0);
}

#[tokio::test]
async fn witnesses_that_could_never_be_enough_are_refused_with_a_sentence() {
    let scene = crate::arrange::scene().await;
    let tiles = || std::sync::Arc::clone(&scene.keeper.core.tiles);
    let refused = |table: &WitnessTable| {
        let made = candour_keeper::witness::Witnesses::new(table, scene.keeper.brought(), tiles());
        made.err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    };
    assert_eq!(refused(&table(3)), "");
    assert!(refused(&table(4)).contains("Set a quorum of at most 3"));
    let none = WitnessTable {
        most_unwitnessed_entries: 0,
        ..table(1)
    };
    assert!(refused(&none).contains("a limit of at least 1"));
    let mut twice = table(2);
    let alias = WitnessSigner::from_seed("alias.example", &[1; 32]).unwrap();
    twice.witnesses[2].key = alias.verifier().to_string();
    assert!(
        refused(&twice).contains("Witness 3 twice"),
        "{}",
        refused(&twice)
    );
    let mut foreign = table(2);
    foreign.witnesses[0].key = scene.keeper.core.checkpoints.verifier().to_string();
    assert!(refused(&foreign).contains("Take the line that the witness prints"));
    let nobody = scene.keeper.client(InstanceKind::Portal);
    let Reply::Status(status) = nobody.call(Call::Status(StatusQuestion {})).await.unwrap() else {
        panic!("no status");
    };
    assert_eq!(status.witnessing, None);
}
