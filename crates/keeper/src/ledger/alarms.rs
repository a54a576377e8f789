//! What follows when a rule speaks: the freeze stands already; here it becomes fact and entry.

use super::{Health, LedgerError, LedgerHandle, Shared};
use crate::draft::{Draft, Effect};
use crate::facts;
use crate::freeze::{Freezes, numbers};
use crate::keys::OwnSubject;
use candour_keeper_wire::wire::AlarmDetails;
use candour_keeper_wire::words::EntryKind;
use candour_rules::detect::{Action, Alarm, Rule};
use candour_rules::freeze::{Frozen, Level};
use prost::Message;
use std::sync::Arc;
use std::time::Duration;

/// What the alarm freezes, and puts into proof mode.
pub(super) fn freezes(alarm: &Alarm) -> Vec<Frozen> {
    let what = alarm.actions.iter().filter_map(|action| match action {
        Action::Freeze(what) => Some(*what),
        Action::ProofMode(instance) => Some(Frozen::Proof(*instance)),
        _ => None,
    });
    what.collect()
}

/// Asks sessions and networks for a fresh factor.
pub(super) fn ask_for_proof(freezes: &Freezes, alarm: &Alarm) {
    for action in &alarm.actions {
        match action {
            Action::StepUp(session) => freezes.ask_session(session.0, alarm.at.0),
            Action::StepUpNetwork(network) => freezes.ask_network(network.0, alarm.at.0),
            _ => {}
        }
    }
}

/// Writes the freezes and the alarm, for as long as it takes.
pub(super) async fn record(handle: LedgerHandle, shared: Arc<Shared>, alarm: Alarm) {
    loop {
        match handle.append(drafts(&shared, &alarm)).await {
            Ok(outcomes) if outcomes.iter().all(Result::is_ok) => return,
            Err(LedgerError::Closed) => {
                tracing::error!("the facts of what is frozen do not verify; an alarm has no entry");
                return;
            }
            _ if handle.health() == Health::Ended => return,
            _ => tokio::time::sleep(Duration::from_millis(200)).await,
        }
    }
}

fn drafts(shared: &Shared, alarm: &Alarm) -> Vec<Draft> {
    let mut drafts = Vec::new();
    let words = words(alarm);
    let mut spoken = about(alarm, EntryKind::Alarm);
    for what in freezes(alarm) {
        let (level, surrogate) = numbers(what);
        let frozen = facts::Frozen {
            level: level.into(),
            surrogate,
            rule: listed(alarm.rule).0.into(),
            ..facts::Frozen::default()
        };
        let details = frozen.encode_to_vec();
        let effects = [
            Effect::fact(
                shared.keys.own(OwnSubject::Freezes),
                facts::Fact::Frozen(frozen),
            ),
            Effect::Freeze(what),
        ];
        if matches!(what, Frozen::Proof(_)) {
            // Nobody is stopped by it, so it is no freeze of the keeper's own, which would open an incident.
            spoken.effects.extend(effects);
            continue;
        }
        let mut draft = about(alarm, EntryKind::Freeze);
        draft.body.text.clone_from(&words);
        draft.body.details = details;
        draft.effects = effects.into();
        drafts.push(draft);
    }
    spoken.row.decision = listed(alarm.rule).0;
    spoken.body.text = words;
    spoken.body.details = details(alarm).encode_to_vec();
    drafts.push(spoken);
    drafts
}

/// Rule, numbers, documents and people so far, for whoever reads the entry.
fn words(alarm: &Alarm) -> String {
    format!(
        "{}: {} of {}; until then {} documents and sections of {} people",
        listed(alarm.rule).1,
        alarm.numbers.counted,
        alarm.numbers.threshold,
        alarm.documents,
        alarm.people,
    )
}

fn about(alarm: &Alarm, kind: EntryKind) -> Draft {
    let mut draft = Draft::of_keeper(kind);
    draft.row.session = alarm.session.map_or(0, |session| session.0);
    draft.row.principal = alarm.principal.map_or(0, |principal| principal.0);
    draft
}

fn details(alarm: &Alarm) -> AlarmDetails {
    AlarmDetails {
        rule: u32::from(listed(alarm.rule).0),
        rule_word: listed(alarm.rule).1.to_owned(),
        counted: alarm.numbers.counted,
        threshold: alarm.numbers.threshold,
        within_ms: u64::try_from(alarm.numbers.within.as_micros() / 1000).unwrap_or_default(),
        documents: alarm.documents,
        people: alarm.people,
        opens_incident: alarm.actions.contains(&Action::OpenIncident),
        pages: alarm.actions.contains(&Action::Page),
        instance: alarm.instance.map_or(0, |instance| instance.0),
    }
}

/// The number of a rule in an alarm's row, never given again, and its word.
const fn listed(rule: Rule) -> (u8, &'static str) {
    match rule {
        Rule::Canary => (CANARY, "canary"),
        Rule::ForeignPatients => (2, "foreign_patients"),
        Rule::UnknownIds => (3, "unknown_ids"),
        Rule::Insistence => (4, "insistence"),
        Rule::Breadth => (5, "breadth"),
        Rule::OrderedWalk => (6, "ordered_walk"),
        Rule::MachineTiming => (7, "machine_timing"),
        Rule::Dormant => (8, "dormant"),
        Rule::Emergency => (9, "emergency"),
        Rule::GlobalRate => (10, "global_rate"),
        Rule::ManyAccounts => (11, "many_accounts"),
        Rule::FrozenSessions => (12, "frozen_sessions"),
        Rule::FailingNetworks => (13, "failing_networks"),
        Rule::FailingAccounts => (14, "failing_accounts"),
        Rule::Ceiling(level, _) => match level {
            Level::Session => (75, "session_ceiling"),
            Level::Practice => (76, "practice_ceiling"),
            Level::Purpose => (77, "purpose_ceiling"),
            Level::Instance => (78, "instance_ceiling"),
            _ => (79, "installation_ceiling"),
        },
    }
}

/// The number of the rule about canaries, which speaks before detection sees anything where a list names one.
pub(crate) const CANARY: u8 = 1;
/// The number of the alarm about rows changed past the keeper. From here on no rule of detection.
pub const FOREIGN_ROW: u8 = 100;
/// The number of the alarm about entries that are lost, as two operators accepted.
pub const LEDGER_LOSS: u8 = 101;
/// The number of the alarm about the room that is left for the ledger.
pub const LEDGER_VOLUME: u8 = 102;
/// The number of the alarm about a witness that saw another past of the ledger.
pub const WITNESS: u8 = 103;
/// The number of the alarm about a recovery that its account's holder did not ask for.
pub const RECOVERY_STOPPED: u8 = 104;

/// The number of the alarm about two people whose records were one person's, when something was opened by way of that.
pub const MERGE_OF_TWO: u8 = 165;

/// The number of the alarm about policies in force that cannot be used, so that nothing is permitted.
pub const POLICIES: u8 = 110;

/// An alarm of the keeper's own that opens an incident and wakes somebody at its first.
pub(crate) fn incident(rule: u8, word: &str, text: String) -> Draft {
    let details = AlarmDetails {
        counted: 1,
        threshold: 1,
        opens_incident: true,
        pages: true,
        ..AlarmDetails::default()
    };
    own_alarm(rule, word, text, &details)
}

/// An alarm of the keeper about itself; `details` say the rest.
pub(crate) fn own_alarm(rule: u8, word: &str, text: String, details: &AlarmDetails) -> Draft {
    let mut draft = Draft::of_keeper(EntryKind::Alarm);
    draft.row.decision = rule;
    draft.body.text = text;
    draft.body.details = AlarmDetails {
        rule: u32::from(rule),
        rule_word: word.to_owned(),
        ..details.clone()
    }
    .encode_to_vec();
    draft
}
