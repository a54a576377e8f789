//! Receipts: what they say, every way of changing one, and what they show together.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use candour_ledger::receipt::EXTRA_LENGTH;
use candour_ledger::{Entry, Hash, Levels, LogSigner, Opening, Receipt, prove_inclusion};
use candour_verify::receipt::{Finding, Proved, Refused, check_chain, said, split, verify};
use serde_json::{Value, json};

use crate::cosigned::{seen_by, witness};
use crate::{entry, salt, signer};

/// A log of 300 entries: most about one patient, every tenth about nobody, the first five as they were written once.
pub struct Log {
    entries: Vec<(Entry, Opening)>,
    levels: Levels,
}

pub fn log() -> Log {
    log_with(|_, opening| opening)
}

fn log_with(open: impl Fn(u64, Opening) -> Opening) -> Log {
    let mut number = 0;
    let entries: Vec<_> = (0..300)
        .map(|index| {
            let is_about_nobody = index % 10 == 9;
            let entry = Entry {
                patient: if is_about_nobody { 0 } else { 12 },
                practice: (!is_about_nobody).then_some(*b"0123456789abcdef"),
                decision: u8::from(index % 7 == 3),
                at: 1_767_052_800_000_000 + i64::try_from(index).unwrap() * 61_000_001,
                ..entry(index)
            };
            number += u64::from(!is_about_nobody);
            let opening = match index {
                0..5 => Opening::Salt(salt(index)),
                _ => Opening::Numbered {
                    secret: salt(index),
                    number: if is_about_nobody { 0 } else { number },
                },
            };
            (entry, open(index, opening))
        })
        .collect();
    let leaves: Vec<Hash> = entries
        .iter()
        .map(|(entry, opening)| entry.leaf(&opening.salt()))
        .collect();
    Log {
        entries,
        levels: Levels::of(&leaves),
    }
}

impl Log {
    fn note(&self, signer: &LogSigner, size: u64) -> String {
        signer.sign(size, self.levels.root(size).unwrap())
    }

    pub fn receipt(&self, index: u64) -> Receipt {
        self.receipt_under(index, 300)
    }

    fn receipt_under(&self, index: u64, size: u64) -> Receipt {
        let (entry, opening) = self.entries[usize::try_from(index).unwrap()];
        Receipt {
            entry,
            opening,
            proof: prove_inclusion(index, size, &self.levels).unwrap(),
            checkpoint: self.note(&signer(), size),
        }
    }

    fn proved(&self, indexes: &[u64]) -> Vec<Proved> {
        let of =
            |index: &u64| verify(&self.receipt(*index).to_string(), &signer().verifier()).unwrap();
        indexes.iter().map(of).collect()
    }
}

fn refused(text: &str) -> Refused {
    verify(text, &signer().verifier()).unwrap_err()
}

/// The receipt with one bit of its line `extra` changed.
fn flipped(receipt: &Receipt, byte: usize) -> String {
    let text = receipt.to_string();
    let line = text.lines().nth(1).unwrap().strip_prefix("extra ").unwrap();
    let mut extra = STANDARD.decode(line).unwrap();
    assert_eq!(extra.len(), EXTRA_LENGTH);
    extra[byte] ^= 1;
    text.replace(line, &STANDARD.encode(extra))
}

#[test]
fn a_receipt_of_every_entry_proves_it_and_says_what_it_says() {
    let log = log();
    for index in 0..300 {
        let proved = log.proved(&[index]).pop().unwrap();
        assert_eq!(proved.entry, log.entries[usize::try_from(index).unwrap()].0);
        assert_eq!(
            (proved.checkpoint.size, proved.number.is_none()),
            (300, index < 5)
        );
    }
    let said = said(&log.proved(&[17])[0]);
    assert_eq!(
        said,
        "Entry 17\n\
        \x20 time: 2025-12-30T00:17:17Z\n\
        \x20 what happened: something was opened\n\
        \x20 decision: refused: not theirs, or not there\n\
        \x20 purpose: on behalf of the patient\n\
        \x20 who: doctor or nurse\n\
        \x20 practice: 30313233343536373839616263646566\n\
        \x20 about: contact details\n\
        \x20 patient: 000000000000000c\n\
        \x20 number: 17 of the entries about this patient\n"
    );
}

#[test]
fn every_change_of_a_receipt_is_refused_with_a_sentence_of_its_own() {
    let log = log();
    let receipt = log.receipt(130);
    let text = receipt.to_string();
    for byte in 0..EXTRA_LENGTH {
        let expected = match byte {
            // The form, and the entry's version; whether there is a practice.
            0 | 41 | 62 => Refused::Extra,
            42..50 => Refused::Index,
            _ => Refused::Leaf,
        };
        assert_eq!(refused(&flipped(&receipt, byte)), expected, "byte {byte}");
    }
    let other = LogSigner::from_seed("candour.example/ledger", &[8; 32]).unwrap();
    let elsewhere = LogSigner::from_seed("elsewhere.example/ledger", &[7; 32]).unwrap();
    let with = |checkpoint: String| {
        Receipt {
            checkpoint,
            ..log.receipt(130)
        }
        .to_string()
    };
    let proof = |change: &dyn Fn(&mut Vec<Hash>)| {
        let mut changed = log.receipt(130);
        change(&mut changed.proof);
        changed.to_string()
    };
    let forged = text.replace("\n300\n", "\n301\n");
    let at = |size: u64| log.note(&signer(), size);
    for (changed, expected) in [
        (text.replace("index 130", "index 131"), Refused::Index),
        (text.replace("index 130", "index 0130"), Refused::Lines),
        (
            text.replace("tlog-proof@v1", "tlog-proof@v2"),
            Refused::Lines,
        ),
        (text.replace("extra ", "extra  "), Refused::Lines),
        (text.replacen("\n\n", "\n", 1), Refused::Lines),
        (String::new(), Refused::Lines),
        (proof(&|proof| proof.truncate(3)), Refused::ProofLength),
        (proof(&|proof| proof.push(proof[0])), Refused::ProofLength),
        (proof(&|proof| proof.swap(0, 1)), Refused::Proof),
        (with(at(299)), Refused::Proof),
        (with(at(130)), Refused::Early),
        (with(log.note(&other, 300)), Refused::Key),
        (with(log.note(&elsewhere, 300)), Refused::Key),
        (forged, Refused::Signature),
        (with("nothing\n".to_owned()), Refused::Checkpoint),
        (with(String::new()), Refused::Checkpoint),
    ] {
        assert_ne!(changed, text);
        assert_eq!(refused(&changed), expected, "{changed}");
        assert!(expected.to_string().ends_with(['.', '?']), "{expected}");
    }
    // A leaf that was made to fit the changed entry leads nowhere.
    let forged = Receipt {
        entry: Entry {
            role: 1,
            ..receipt.entry
        },
        ..receipt
    };
    assert_eq!(refused(&forged.to_string()), Refused::Proof);
}

#[test]
fn nobody_can_hand_an_entry_out_under_another_number() {
    let log = log();
    let renumbered = |number| {
        let mut receipt = log.receipt(130);
        receipt.opening = Opening::Numbered {
            secret: salt(130),
            number,
        };
        receipt.to_string()
    };
    assert!(verify(&renumbered(118), &signer().verifier()).is_ok());
    for number in [0, 117, 119] {
        assert_eq!(refused(&renumbered(number)), Refused::Proof);
    }
    let unnumbered = |salt| {
        let receipt = Receipt {
            opening: Opening::Salt(salt),
            ..log.receipt(130)
        };
        receipt.to_string()
    };
    assert_eq!(refused(&unnumbered(salt(130))), Refused::Proof);
    // Whoever passes it on can take the number off, but it shows beside any receipt of then.
    let taken_off = unnumbered(log.receipt(130).opening.salt());
    let taken_off = verify(&taken_off, &signer().verifier()).unwrap();
    assert_eq!(taken_off.number, None);
    assert!(
        said(&taken_off)
            .ends_with("number: it shows none, so what is missing around it cannot be seen\n")
    );
    assert!(check_chain(std::slice::from_ref(&taken_off)).is_empty());
    let fault = Finding::Unnumbered { index: 130 };
    for beside in [5, 9, 130] {
        let mut both = log.proved(&[beside]);
        both.push(taken_off.clone());
        assert!(check_chain(&both).contains(&fault) && fault.is_fault());
    }
}

#[test]
fn two_pasts_under_checkpoints_of_different_sizes_are_a_fault() {
    let rewritten = log_with(|index, opening| match opening {
        Opening::Numbered { number, .. } if index == 9 => Opening::Numbered {
            secret: [1; 32],
            number,
        },
        _ => opening,
    });
    let of = |receipt: Receipt| verify(&receipt.to_string(), &signer().verifier()).unwrap();
    let honest = of(log().receipt_under(9, 257));
    let both = [honest.clone(), of(rewritten.receipt_under(9, 300))];
    let fault = Finding::Rewritten { index: 9 };
    assert!(check_chain(&both) == [fault.clone()] && fault.is_fault());
    assert!(check_chain(&[honest, of(log().receipt_under(9, 300))]).is_empty());
}

#[test]
fn a_number_of_nobody_and_a_patient_s_number_nought_are_faults() {
    let false_log = log_with(|_, opening| match opening {
        Opening::Numbered { secret, number } => Opening::Numbered {
            secret,
            number: u64::from(number == 0),
        },
        Opening::Salt(_) => opening,
    });
    for index in [9, 20] {
        let fault = Finding::Number { index };
        assert!(check_chain(&false_log.proved(&[index])) == [fault.clone()] && fault.is_fault());
    }
}

#[test]
fn no_number_comes_after_the_highest_there_is() {
    let false_log = log_with(|index, opening| match opening {
        Opening::Numbered { secret, .. } if index == 20 => Opening::Numbered {
            secret,
            number: u64::MAX,
        },
        _ => opening,
    });
    let found = check_chain(&false_log.proved(&[20, 21]));
    assert!(
        found.contains(&Finding::Order { one: 20, other: 21 }),
        "{found:?}"
    );
}

#[test]
fn a_gap_between_a_patient_s_receipts_is_found_and_none_where_there_is_none() {
    let log = log();
    let all: Vec<u64> = (0..300).collect();
    // Those without number are the first five: the sixth is the first that shows how many came before.
    let before = Finding::Gap {
        patient: 12,
        from: 1,
        to: 5,
        before: None,
        after: 5,
    };
    assert_eq!(
        check_chain(&log.proved(&all)),
        std::slice::from_ref(&before)
    );
    assert_eq!(
        before.to_string(),
        "Numbers 1 to 5 of patient 000000000000000c have no receipt here: 5 entries before entry 5."
    );
    let found = check_chain(&log.proved(&[5, 6, 8, 10, 14]));
    assert_eq!(
        found[1..],
        [
            Finding::Gap {
                patient: 12,
                from: 8,
                to: 8,
                before: Some(6),
                after: 8
            },
            Finding::Gap {
                patient: 12,
                from: 11,
                to: 13,
                before: Some(10),
                after: 14
            },
        ]
    );
    assert_eq!(
        found[1].to_string(),
        "Number 8 of patient 000000000000000c has no receipt here: one entry between entries 6 and 8."
    );
    // Entries about nobody have no chain.
    assert!(check_chain(&log.proved(&[9, 29])).is_empty());
}

#[test]
fn numbers_that_run_backwards_and_forked_checkpoints_are_faults() {
    let false_log = log_with(|index, opening| match opening {
        Opening::Numbered { secret, .. } if index == 20 => Opening::Numbered { secret, number: 7 },
        _ => opening,
    });
    let found = check_chain(&false_log.proved(&[5, 6, 7, 20, 21]));
    let order = Finding::Order { one: 7, other: 20 };
    assert!(found.contains(&order) && order.is_fault(), "{found:?}");
    let mut both = log().proved(&[5]);
    both.extend(false_log.proved(&[6]));
    let fork = Finding::Fork { size: 300 };
    assert!(check_chain(&both).contains(&fork) && fork.is_fault());
}

#[test]
fn a_file_of_several_receipts_is_taken_apart_and_rubbish_before_them_is_refused() {
    let log = log();
    let one = log.receipt(5).to_string();
    let two = log.receipt(6).to_string();
    let both = format!("{one}{two}");
    assert_eq!(split(&both), [one.as_str(), two.as_str()]);
    let rubbish = format!("hello\n{one}");
    assert_eq!(split(&rubbish), ["hello\n", one.as_str()]);
    assert_eq!(split(""), [""]);
}

/// What stands in `docs/formats/receipts.json`; the check in the browser is tested with it too.
fn vectors() -> Value {
    let log = log();
    let good = |index: u64, size: u64| {
        let text = log.receipt_under(index, size).to_string();
        let Proved {
            entry,
            number,
            checkpoint,
            ..
        } = verify(&text, &signer().verifier()).unwrap();
        json!({
            "text": text,
            "says": {
                "index": entry.index, "at": entry.at, "kind": entry.kind, "decision": entry.decision,
                "purpose": entry.purpose, "role": entry.role, "item_kind": entry.item_kind,
                "has_practice": entry.practice.is_some(), "number": number, "size": checkpoint.size,
            },
        })
    };
    let mut all = vec![
        good(0, 1),
        good(2, 300),
        good(5, 6),
        good(9, 256),
        good(130, 257),
        good(299, 300),
    ];
    // What a witness adds says nothing to whoever has the log's key alone, and takes nothing away.
    let mut seen = good(130, 257);
    let by = witness("one.example/w", 1);
    seen["text"] = json!(seen_by(log.receipt_under(130, 257), &by));
    all.push(seen);
    let receipt = log.receipt(130);
    let text = receipt.to_string();
    let other = LogSigner::from_seed("candour.example/ledger", &[8; 32]).unwrap();
    let with = |checkpoint: String| {
        Receipt {
            checkpoint,
            ..log.receipt(130)
        }
        .to_string()
    };
    let mut short = log.receipt(130);
    short.proof.pop();
    let mut swapped = log.receipt(130);
    swapped.proof.swap(0, 1);
    for changed in [
        flipped(&receipt, 60),
        flipped(&receipt, 2),
        flipped(&receipt, 40),
        flipped(&receipt, 150),
        flipped(&receipt, 41),
        flipped(&receipt, 0),
        text.replace("index 130", "index 131"),
        text.replace("extra ", "extra  "),
        short.to_string(),
        swapped.to_string(),
        with(log.note(&signer(), 299)),
        with(log.note(&signer(), 100)),
        with(log.note(&other, 300)),
        text.replace("\n300\n", "\n301\n"),
        with("nothing\n".to_owned()),
    ] {
        let why = format!("{:?}", refused(&changed));
        all.push(json!({ "text": changed, "refused": why }));
    }
    json!({ "key": signer().verifier().to_string(), "receipts": all, "together": together(&log) })
}

/// Receipts that each hold alone, and whether they contradict each other.
fn together(log: &Log) -> Value {
    let as_numbered = |index: u64, number: u64| {
        log_with(move |at, opening| match opening {
            Opening::Numbered { secret, .. } if at == index => Opening::Numbered { secret, number },
            _ => opening,
        })
    };
    let rewritten = log_with(|at, opening| match opening {
        Opening::Numbered { number, .. } if at == 9 => Opening::Numbered {
            secret: [1; 32],
            number,
        },
        _ => opening,
    });
    let highest = as_numbered(20, u64::MAX);
    let taken_off = || Receipt {
        opening: Opening::Salt(log.receipt(130).opening.salt()),
        ..log.receipt(130)
    };
    let cases = [
        (
            "honest",
            vec![
                log.receipt(0),
                log.receipt(2),
                log.receipt(5),
                log.receipt(9),
                log.receipt(130),
            ],
        ),
        (
            "two sizes",
            vec![log.receipt_under(20, 257), log.receipt(20)],
        ),
        ("number taken off", vec![log.receipt(5), taken_off()]),
        ("beside its own", vec![log.receipt(130), taken_off()]),
        (
            "rewritten",
            vec![log.receipt_under(9, 257), rewritten.receipt(9)],
        ),
        ("nobody's number", vec![as_numbered(9, 1).receipt(9)]),
        ("number nought", vec![as_numbered(20, 0).receipt(20)]),
        (
            "highest number",
            vec![highest.receipt(20), highest.receipt(21)],
        ),
    ];
    let case = |(name, receipts): (&str, Vec<Receipt>)| {
        let texts: Vec<String> = receipts.iter().map(ToString::to_string).collect();
        let of = |text: &String| verify(text, &signer().verifier()).unwrap();
        let proved: Vec<Proved> = texts.iter().map(of).collect();
        let is_false = check_chain(&proved).iter().any(Finding::is_fault);
        json!({ "name": name, "texts": texts, "is_false": is_false })
    };
    cases.into_iter().map(case).collect()
}

#[test]
fn the_documented_receipts_are_these() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/formats/receipts.json");
    let made = vectors();
    if std::env::var_os("INSTA_UPDATE").is_some_and(|how| how == "always") {
        fs::write(&file, format!("{made:#}\n")).unwrap();
    }
    // In whatever order its fields stand, which depends on what else is built with this.
    let documented: Value =
        serde_json::from_str(&fs::read_to_string(file).unwrap_or_default()).unwrap_or_default();
    assert!(
        documented == made,
        "docs/formats/receipts.json differs; INSTA_UPDATE=always writes it"
    );
}

pub fn run(directory: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_candour-verify"))
        .current_dir(directory)
        .arg("receipt")
        .args(arguments)
        .output()
        .unwrap()
}

pub fn written(directory: &Path, name: &str, text: &str) -> PathBuf {
    let path = directory.join(name);
    fs::write(&path, text).unwrap();
    path
}

#[test]
fn the_program_says_what_receipts_say_and_which_are_missing() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path();
    let log = log();
    written(
        place,
        "a",
        &format!("{}{}", log.receipt(15), log.receipt(16)),
    );
    written(place, "b", &log.receipt(18).to_string());
    written(place, "key", &format!("{}\n", signer().verifier()));
    fs::create_dir(place.join("kept")).unwrap();
    written(&place.join("kept"), "300", &log.note(&signer(), 300));
    let output = run(place, &["a", "b", "--key", "key", "--checkpoints", "kept"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        text.matches("It is in the log as it was signed.").count(),
        3,
        "{text}"
    );
    assert!(
        text.ends_with(
            "Numbers 1 to 14 of patient 000000000000000c have no receipt here: 14 entries before entry 15.\n\
            Number 17 of patient 000000000000000c has no receipt here: one entry between entries 16 and 18.\n\
            3 of the receipts' 3 checkpoints are among those in kept.\n"
        ),
        "{text}"
    );
    assert!(output.status.success());

    written(
        &place.join("kept"),
        "301",
        &log_with(|_, _| Opening::Salt([0; 32])).note(&signer(), 300),
    );
    let output = run(place, &["a", "--key", "key", "--checkpoints", "kept"]);
    assert_eq!(output.status.code(), Some(1));

    written(place, "b", &flipped(&log.receipt(18), 60));
    let output = run(place, &["a", "b", "--key", "key"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.contains(
            "b (receipt 1 of 1)\n  The entry or its secret was changed: they do not give the leaf that was \
            written. It proves nothing.\n"
        ),
        "{text}"
    );
    assert_eq!(output.status.code(), Some(1));
    // What was found in the others is said all the same.
    let output = run(place, &["no such file", "a", "--key", "key"]);
    assert_eq!(output.status.code(), Some(2));
    let (said, unread) = (output.stdout, output.stderr);
    assert!(String::from_utf8(said).unwrap().starts_with("Entry 15\n"));
    let unread = String::from_utf8(unread).unwrap();
    assert!(
        unread.starts_with("no such file cannot be read: "),
        "{unread}"
    );
    let output = run(place, &["--key", "key"]);
    assert_eq!(output.status.code(), Some(2));
}
