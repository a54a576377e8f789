//! The bulk lane, and what a freeze does to one under way.

use crate::arrange::{Scene, denied, eventually, frozen_under_way, scene, scene_of};
use candour_keeper::draft::Effect;
use candour_keeper::facts::{Canary, Fact};
use candour_keeper::instances::InstanceKind;
use candour_keeper_api::wire::{self, Call, Reply};
use candour_keeper_api::words::{EntryKind, Purpose, Reason, Section};
use candour_keeper_api::{CallError, Keeper, RunMember, Token, Viewer};
use candour_rules::freeze::Frozen;
use candour_rules::keys;
use candour_seal::{PatientId, RunId};
use candour_testkit::keeper::{KEEPER, Settings};
use candour_testkit::{TestCluster, TestKeeper};
use jiff::SignedDuration;
use std::time::Instant;

/// The tokens of the runs that live.
async fn live(room: &Keeper) -> Vec<Token> {
    let question = wire::RunsQuestion { run: Vec::new() };
    let Reply::Runs(runs) = room.call(Call::Runs(question)).await.unwrap() else {
        panic!("not an answer to runs");
    };
    let tokens = runs.runs.iter().map(|run| Token::from_bytes(&run.token));
    tokens.map(Option::unwrap).collect()
}

async fn open(room: &Keeper, token: &Token, run: RunId, patient: PatientId) -> Result<(), Reason> {
    let viewer = Viewer {
        token: token.clone(),
        purpose: Purpose::IncidentNotice,
        network: String::new(),
    };
    let target = RunMember {
        run,
        patient,
        section: Section::Contact,
    };
    match room.open(&viewer, target).await {
        Ok(_) => Ok(()),
        Err(error @ CallError::Denied(_)) => Err(denied(&error)),
        Err(other) => panic!("no answer: {other}"),
    }
}

async fn granted(scene: &Scene) -> i64 {
    scene.count(EntryKind::Open, 0).await
}

#[tokio::test]
async fn a_freeze_stops_a_run_at_the_member_under_way_on_every_rung_it_stands_on() {
    for rung in ["run", "purpose", "installation"] {
        let scene = scene().await;
        let mut members = Vec::new();
        for number in 1..=12 {
            members.push(scene.patient(number).await);
        }
        let run = scene.keeper.run_for([9; 16], &members).await;
        let room = scene.keeper.client(InstanceKind::Room);
        let token = live(&room).await.pop().unwrap();
        for member in &members[..3] {
            assert_eq!(open(&room, &token, run, *member).await, Ok(()), "{rung}");
        }
        let what = match rung {
            "run" => {
                Frozen::Principal(keys::Principal(scene.keeper.core.keys.run(run).surrogate()))
            }
            "purpose" => {
                Frozen::Purpose(keys::Purpose(i64::from(Purpose::IncidentNotice.number())))
            }
            _ => Frozen::Installation,
        };
        // The fourth's entry is being written when the freeze comes: nothing of it is released, and that is said.
        let under_way = open(&room, &token, run, members[3]);
        let under_way = frozen_under_way(&scene, under_way, what).await;
        assert_eq!(under_way, Err(Reason::Frozen), "{rung}");
        let written = granted(&scene).await;
        assert_eq!(written, 4, "{rung}");
        let frozen = Reason::Frozen.number();
        assert_eq!(scene.count(EntryKind::Withheld, frozen).await, 1, "{rung}");
        // Nobody more, all at once or one by one; nor is the run handed out again.
        let rest = members[4..]
            .iter()
            .map(|member| open(&room, &token, run, *member));
        for after in futures_util::future::join_all(rest).await {
            assert_eq!(after, Err(Reason::Frozen), "{rung}");
        }
        assert_eq!(granted(&scene).await, written, "{rung}");
        assert!(live(&room).await.is_empty(), "{rung}");
    }
}

async fn members(scene: &Scene, count: u64) -> Vec<PatientId> {
    let people = (1..=count).map(crate::arrange::person).collect();
    let enrolled = scene.enrol_as(&scene.program, people).await;
    enrolled.into_iter().map(Result::unwrap).collect()
}

#[tokio::test]
async fn a_run_is_as_fast_as_the_configuration_says_and_nothing_of_it_counts_for_others() {
    let database = TestCluster::shared().database(&KEEPER).await;
    let mut settings = Settings::default();
    settings.budgets.run.items_per_second = 3;
    // Were a run counted there, it would be refused sooner.
    settings.budgets.instance.listed_hour = 1;
    settings.budgets.installation.listed_hour = 1;
    let keeper = TestKeeper::start_with(&database, settings).await;
    let scene = scene_of(database, keeper).await;
    let members = members(&scene, 5).await;
    let run = scene.keeper.run_for([9; 16], &members).await;
    let room = scene.keeper.client(InstanceKind::Room);
    let token = live(&room).await.pop().unwrap();
    for member in &members[..3] {
        assert_eq!(open(&room, &token, run, *member).await, Ok(()));
    }
    let fast = open(&room, &token, run, members[3]).await;
    assert_eq!(fast, Err(Reason::OverCeiling));
    scene
        .keeper
        .clock
        .advance(SignedDuration::from_millis(1_100));
    for member in &members[3..] {
        assert_eq!(open(&room, &token, run, *member).await, Ok(()));
    }
}

#[tokio::test]
async fn a_member_s_address_is_opened_three_times_in_a_run_and_no_more() {
    let scene = scene().await;
    let members = members(&scene, 1).await;
    let run = scene.keeper.run_for([9; 16], &members).await;
    let room = scene.keeper.client(InstanceKind::Room);
    let token = live(&room).await.pop().unwrap();
    for _ in 0..3 {
        assert_eq!(open(&room, &token, run, members[0]).await, Ok(()));
    }
    let fourth = open(&room, &token, run, members[0]).await;
    assert_eq!(fourth, Err(Reason::OverBudget));
}

#[tokio::test]
async fn a_member_who_became_a_canary_is_not_opened_and_the_run_is_frozen() {
    let scene = scene().await;
    let members = members(&scene, 3).await;
    let run = scene.keeper.run_for([9; 16], &members).await;
    let room = scene.keeper.client(InstanceKind::Room);
    let token = live(&room).await.pop().unwrap();
    assert_eq!(open(&room, &token, run, members[0]).await, Ok(()));
    let effect = Effect::InsertFact {
        subject: scene.keeper.core.keys.patient(members[1]),
        fact: Fact::Canary(Canary {}),
    };
    scene.keeper.arrange(vec![effect]).await;
    let touched = open(&room, &token, run, members[1]).await;
    assert_eq!(touched, Err(Reason::NotFound));
    let after = open(&room, &token, run, members[2]).await;
    assert_eq!(after, Err(Reason::Frozen));
    assert!(live(&room).await.is_empty());
    eventually(|| async { scene.count(EntryKind::Alarm, 1).await == 1 }).await;
}

/// The ledger's own word for it: nothing of the run is granted after the entry of its freeze, and what was granted before
/// was not released after it. `cargo test … freeze_stops_a_run_at_full_speed -- --nocapture` prints how long it took.
#[tokio::test]
async fn a_freeze_stops_a_run_at_full_speed_within_its_own_entry() {
    let database = TestCluster::shared().database(&KEEPER).await;
    let mut settings = Settings::default();
    settings.budgets.run.items_per_second = 1_000_000;
    let keeper = TestKeeper::start_with(&database, settings).await;
    let scene = scene_of(database, keeper).await;
    let members = members(&scene, 300).await;
    let run = scene.keeper.run_for([9; 16], &members).await;
    let room = scene.keeper.client(InstanceKind::Room);
    let token = live(&room).await.pop().unwrap();
    let principal = scene.keeper.core.keys.run(run).surrogate();
    let what = Frozen::Principal(keys::Principal(principal));
    let opened = std::sync::atomic::AtomicUsize::new(0);
    let last = std::sync::Mutex::new(Instant::now());
    let worker = async |mine: &[PatientId]| {
        for member in mine {
            match open(&room, &token, run, *member).await {
                Ok(()) => {
                    opened.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                    *last.lock().unwrap() = Instant::now();
                }
                Err(reason) => return assert_eq!(reason, Reason::Frozen),
            }
        }
        panic!("everybody was opened before the freeze");
    };
    let freezing = async {
        eventually(|| async { opened.load(std::sync::atomic::Ordering::SeqCst) >= 30 }).await;
        let asked = Instant::now();
        (asked, scene.keeper.freeze(what).await)
    };
    let workers = futures_util::future::join_all(members.chunks(75).map(worker));
    let ((asked, frozen), _) = tokio::join!(freezing, workers);
    let took = last.lock().unwrap().saturating_duration_since(asked);
    println!("the last member was opened {took:?} after the freeze was asked for");
    let client = scene.keeper.core.pool.get().await.unwrap();
    let row = client
        .query_one(
            "select count(*) filter (where kind = $3 and decision = 0 and index > $2), \
               count(*) filter (where kind = $3 and decision = 0), \
               count(*) filter (where kind = $4 and decision = $5) \
             from entry where principal = $1",
            &[
                &principal,
                &i64::try_from(frozen).unwrap(),
                &i16::from(EntryKind::Open.number()),
                &i16::from(EntryKind::Withheld.number()),
                &i16::from(Reason::Frozen.number()),
            ],
        )
        .await
        .unwrap();
    let (after, granted, withheld): (i64, i64, i64) = (row.get(0), row.get(1), row.get(2));
    assert_eq!(
        after, 0,
        "nothing was granted after the entry of the freeze"
    );
    let opened = i64::try_from(opened.load(std::sync::atomic::Ordering::SeqCst)).unwrap();
    assert_eq!(
        granted - withheld,
        opened,
        "granted, and not held back, is what came out"
    );
}
