//! The bulk lane, and what a freeze does to one under way.

use crate::arrange::{Scene, denied, frozen_under_way, scene};
use candour_keeper::instances::InstanceKind;
use candour_keeper_api::wire::{self, Call, Reply};
use candour_keeper_api::words::{EntryKind, Purpose, Reason, Section};
use candour_keeper_api::{CallError, Keeper, RunMember, Token, Viewer};
use candour_rules::freeze::Frozen;
use candour_rules::keys;
use candour_seal::{PatientId, RunId};

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
