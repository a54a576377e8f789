//! The trust page for programs: the same states by name (`docs/formats/trust.md`).

use super::asvs::Score;
use super::{read_tested, tls};
use crate::error::Problem;
use crate::portal::Portal;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use candour_app::installation;
use candour_core::tested::Tested;
use candour_keeper_api::wire::{EpochKeys, KeyToken, Limit, Status, Witness, Witnessing};
use http::header::CONTENT_TYPE;
use jiff::Timestamp;
use serde::Serialize;

/// Of the fields below.
const VERSION: u32 = 1;

/// What Candour does not promise, whoever runs it (the words are those of the page, by name).
const LIMITS: &[&str] = &[
    "a_portal_taken_over_opens_what_its_signed_in_people_may_each_to_their_budget_until_frozen",
    "a_portal_taken_over_keeps_keys_it_was_given",
    "a_portal_taken_over_reads_what_is_typed_and_uploaded_and_may_show_one_person_s_page_to_another",
    "a_live_keeper_taken_over_is_not_bounded",
    "one_person_of_a_practice_invites_to_a_record_and_two_recover_an_account_within_three_days_limits",
    "two_operators_change_the_policies_within_a_fixed_floor",
    "what_is_kept_from_a_practice_opens_there_in_an_emergency",
    "officers_sign_in_through_the_same_keeper",
];

/// How the installation runs now.
#[derive(Debug, Serialize)]
struct Twin {
    version: u32,
    /// Absent while the keeper does not answer: then nothing opens, and nothing of it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    keeper: Option<Keeper>,
    tls: &'static str,
    tells_by_mail: bool,
    tested: Tested,
    unfreezing: &'static str,
    limits: &'static [&'static str],
    asvs: AgainstStandard,
}

/// OWASP ASVS 5.0.0, chapters V6 to V8, level 2.
#[derive(Debug, Serialize)]
struct AgainstStandard {
    requirements: u32,
    met: u32,
    not_applicable: u32,
    not_met: u32,
    assessed_by: &'static str,
}

impl From<Score> for AgainstStandard {
    fn from(score: Score) -> Self {
        Self {
            requirements: score.all(),
            met: score.met,
            not_applicable: score.not_applicable,
            not_met: score.not_met,
            assessed_by: "self",
        }
    }
}

#[derive(Debug, Serialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one independent state of the keeper"
)]
struct Keeper {
    demonstration: bool,
    own_user: bool,
    own_database_cluster: bool,
    memory_locked: bool,
    commits_wait_for_disk: bool,
    commits_wait_for_second_machine: bool,
    root_key: String,
    /// Absent where no token opens the root key.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<Token>,
    #[serde(skip_serializing_if = "Option::is_none")]
    epoch_keys: Option<KeyAges>,
    policy_sha256: String,
    frozen: bool,
    notifications_missed: u32,
    ledger: Ledger,
    limits_set_otherwise: Vec<Otherwise>,
}

#[derive(Debug, Serialize)]
struct Token {
    model: String,
    usable: bool,
    uses: u64,
    own_count: Option<u64>,
}

impl From<KeyToken> for Token {
    fn from(token: KeyToken) -> Self {
        Self {
            model: token.model,
            usable: token.trouble.is_empty(),
            uses: token.uses,
            own_count: None,
        }
    }
}

#[derive(Debug, Serialize)]
struct KeyAges {
    newest_made_at: String,
    made: u32,
    replaced_after_days: u32,
    moving: bool,
    waiting_to_be_destroyed: u32,
    /// Absent where none waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_destroyed_at: Option<String>,
    /// Absent where none was.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_destroyed_at: Option<String>,
}

impl From<EpochKeys> for KeyAges {
    fn from(keys: EpochKeys) -> Self {
        let text = |at: i64| {
            Timestamp::from_microsecond(at)
                .unwrap_or_default()
                .to_string()
        };
        let some = |at: i64| (at > 0).then(|| text(at));
        Self {
            newest_made_at: text(keys.made_at),
            made: keys.made,
            replaced_after_days: keys.days,
            moving: keys.is_moving,
            waiting_to_be_destroyed: keys.waiting,
            next_destroyed_at: some(keys.destroyed_next),
            last_destroyed_at: some(keys.destroyed_last),
        }
    }
}

#[derive(Debug, Serialize)]
struct Ledger {
    entries: u64,
    writable: bool,
    looked_through: bool,
    /// First missing index and the one after the last; absent where nothing is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    missing: Option<[u64; 2]>,
    /// Absent where no witness is configured.
    #[serde(skip_serializing_if = "Option::is_none")]
    witnessing: Option<Witnessed>,
    checkpoint: String,
    verifier_key: String,
}

#[derive(Debug, Serialize)]
struct Witnessed {
    quorum: u32,
    most_unwitnessed_entries: u64,
    cosigned_entries: u64,
    stops: bool,
    witnesses: Vec<Seeing>,
}

#[derive(Debug, Serialize)]
struct Seeing {
    name: String,
    key: String,
    entries: u64,
    /// Absent where it has not been heard of.
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<String>,
    /// So many entries of another past; absent where nothing is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    conflict: Option<u64>,
}

impl From<Witnessing> for Witnessed {
    fn from(seen: Witnessing) -> Self {
        let of = |witness: Witness| Seeing {
            at: (witness.size > 0).then(|| super::seconds(witness.at_seconds).to_string()),
            conflict: (witness.conflict > 0).then_some(witness.conflict),
            name: witness.name,
            key: witness.key,
            entries: witness.size,
        };
        Self {
            quorum: seen.quorum,
            most_unwitnessed_entries: seen.most_entries,
            cosigned_entries: seen.cosigned,
            stops: seen.stops,
            witnesses: seen.witnesses.into_iter().map(of).collect(),
        }
    }
}

#[derive(Debug, Serialize)]
struct Otherwise {
    name: String,
    value: String,
    usual: String,
    bound: String,
    beyond_bound: bool,
}

impl From<Limit> for Otherwise {
    fn from(limit: Limit) -> Self {
        Self {
            name: limit.name,
            value: limit.value,
            usual: limit.usual,
            bound: limit.bound,
            beyond_bound: limit.is_beyond,
        }
    }
}

impl From<Status> for Keeper {
    fn from(status: Status) -> Self {
        Self {
            demonstration: status.demonstration,
            own_user: !status.shares_user,
            own_database_cluster: !status.shares_cluster,
            memory_locked: status.memory_locked,
            commits_wait_for_disk: status.waits_for_disk,
            commits_wait_for_second_machine: status.waits_for_standby,
            root_key: status.root_kind,
            token: status.token.map(Token::from),
            epoch_keys: status.epoch_keys.map(KeyAges::from),
            policy_sha256: base16ct::lower::encode_string(&status.policy_hash),
            frozen: status.frozen,
            notifications_missed: status.notifications_missed,
            ledger: Ledger {
                entries: status.ledger_size,
                writable: status.ledger_writable,
                looked_through: status.ledger_looked_through,
                missing: (status.missing_to > 0)
                    .then_some([status.missing_from, status.missing_to]),
                witnessing: status.witnessing.map(Witnessed::from),
                checkpoint: status.checkpoint,
                verifier_key: status.verifier_key,
            },
            limits_set_otherwise: status.limits.into_iter().map(Otherwise::from).collect(),
        }
    }
}

/// `GET /trust.json`: what the trust page says, for programs.
pub async fn show(State(portal): State<Portal>) -> Result<Response, Problem> {
    let status = installation::status(portal.app()).await.ok();
    let twin = Twin {
        version: VERSION,
        keeper: status.map(Keeper::from),
        tls: tls(portal.settings()),
        tells_by_mail: portal.settings().tells_by_mail,
        tested: read_tested(&portal).await,
        unfreezing: "two operators, or two officers",
        limits: LIMITS,
        asvs: AgainstStandard::from(*super::ASVS),
    };
    let text = serde_json::to_string(&twin).map_err(|_| Problem::Internal)?;
    Ok(([(CONTENT_TYPE, "application/json")], text).into_response())
}
