//! What the running installation promises, and what not.

pub mod asvs;
pub mod twin;

use crate::dates;
use crate::error::Problem;
use crate::frame::Frame;
use crate::portal::{Portal, PortalSettings};
use crate::respond;
use crate::session::Visitor;
use crate::texts::Texts;
use askama::Template;
use asvs::Score;
use axum::extract::State;
use axum::response::Response;
use candour_app::installation;
use candour_core::tested::Tested;
use candour_keeper_api::wire::{EpochKeys, Limit, Status};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::sync::LazyLock;

/// How this version of Candour stands to OWASP's standard, by its own judgment.
static ASVS: LazyLock<Score> =
    LazyLock::new(|| Score::of(include_str!("../../../../docs/asvs.md")));

/// The trust page.
#[derive(Template)]
#[template(path = "trust/trust.html")]
pub struct TrustPage {
    /// Around it.
    pub frame: Frame,
    /// Promises, limits, state.
    pub parts: Vec<TrustPart>,
    /// The last signed checkpoint.
    pub checkpoint: Option<CheckpointView>,
}

/// A heading with sentences.
pub struct TrustPart {
    /// The heading's id.
    pub id: &'static str,
    /// Key of the heading.
    pub heading: &'static str,
    /// The sentences.
    pub sentences: Vec<String>,
}

/// A signed checkpoint.
pub struct CheckpointView {
    /// As published.
    pub text: String,
    /// The key to check it with.
    pub verifier: String,
}

/// `GET /trust`: made from what the keeper says of itself and from the configuration.
pub async fn show(State(portal): State<Portal>, visitor: Visitor) -> Result<Response, Problem> {
    let frame = portal.frame(visitor.visit, "trust.title").await;
    let texts = frame.texts();
    let status = installation::status(portal.app()).await.ok();
    let say = |keys: &[&'static str]| keys.iter().map(|key| texts.say(key).to_owned()).collect();
    let mut parts = vec![
        TrustPart {
            id: "promises",
            heading: "trust.promises_title",
            sentences: say(&[
                "trust.promise_ledger",
                "trust.promise_sealed",
                "trust.promise_forget",
                "trust.promise_sign_in",
            ]),
        },
        TrustPart {
            id: "limits",
            heading: "trust.limits_title",
            sentences: say(&[
                "trust.limit_taken",
                "trust.limit_keys",
                "trust.limit_capture",
                "trust.limit_keeper",
                "trust.limit_policies",
                "trust.limit_recovery",
                "trust.limit_invited",
                "trust.limit_kept",
                "trust.limit_room",
            ]),
        },
        TrustPart {
            id: "now",
            heading: "trust.now_title",
            sentences: now(texts, status.as_ref(), portal.settings()),
        },
        TrustPart {
            id: "tested",
            heading: "trust.tested_title",
            sentences: tested(texts, &read_tested(&portal).await),
        },
    ];
    if let Some(status) = &status {
        parts.push(TrustPart {
            id: "witnesses",
            heading: "trust.witness_title",
            sentences: witnessed(texts, status, &portal.settings().zone),
        });
        parts.push(TrustPart {
            id: "settings",
            heading: "trust.set_title",
            sentences: set_otherwise(texts, status),
        });
    }
    parts.push(TrustPart {
        id: "asvs",
        heading: "trust.asvs_title",
        sentences: assessed(texts, *ASVS),
    });
    let checkpoint = status
        .filter(|status| !status.checkpoint.is_empty())
        .map(|status| CheckpointView {
            verifier: texts.fill("trust.verifier", &[("key", &status.verifier_key)]),
            text: status.checkpoint,
        });
    respond::page(&TrustPage {
        frame,
        parts,
        checkpoint,
    })
}

/// Every budget and threshold that is not as the design has it: one person can set them, so everybody can see them.
fn set_otherwise(texts: &Texts, status: &Status) -> Vec<String> {
    if status.limits.is_empty() {
        return vec![texts.say("trust.set_usual").to_owned()];
    }
    let sentence = |limit: &Limit| {
        let words = [
            ("name", limit.name.as_str()),
            ("value", limit.value.as_str()),
            ("usual", limit.usual.as_str()),
            ("bound", limit.bound.as_str()),
        ];
        let key = if limit.is_beyond {
            "trust.set_beyond"
        } else {
            "trust.set_limit"
        };
        texts.fill(key, &words)
    };
    status.limits.iter().map(sentence).collect()
}

/// What the operator noted of its last drill and the last try of a backup.
async fn read_tested(portal: &Portal) -> Tested {
    let text = tokio::fs::read_to_string(&portal.settings().tested).await;
    text.map_or_else(|_| Tested::default(), |text| Tested::read(&text))
}

fn tested(texts: &Texts, tested: &Tested) -> Vec<String> {
    let drill = match &tested.drill {
        None => texts.say("trust.drill_never").to_owned(),
        Some(drill) => {
            let key = if drill.passed {
                "trust.drill_passed"
            } else {
                "trust.drill_failed"
            };
            texts.fill(key, &[("day", &dates::day(texts, drill.on))])
        }
    };
    let restore = match &tested.restore {
        None => texts.say("trust.restore_never").to_owned(),
        Some(restore) => {
            let key = if restore.put_back {
                "trust.restore_put_back"
            } else {
                "trust.restore_read"
            };
            let (on, of) = (restore.on, restore.backup_of);
            let words = [dates::day(texts, on), dates::day(texts, of)];
            texts.fill(key, &[("day", &words[0]), ("of", &words[1])])
        }
    };
    vec![drill, restore, texts.say("trust.tested_by").to_owned()]
}

/// How Candour stands to a standard for signing in, sessions and rights, and who says so.
fn assessed(texts: &Texts, score: Score) -> Vec<String> {
    let words = [
        ("all", score.all().to_string()),
        ("met", score.met.to_string()),
        ("not_applicable", score.not_applicable.to_string()),
        ("not_met", score.not_met.to_string()),
    ];
    let words = words.each_ref().map(|(name, word)| (*name, word.as_str()));
    vec![
        texts.fill("trust.asvs_score", &words),
        texts.say("trust.asvs_by_us").to_owned(),
    ]
}

/// Who else sees the list grow, and what waits for them.
fn witnessed(texts: &Texts, status: &Status, zone: &TimeZone) -> Vec<String> {
    let Some(seen) = &status.witnessing else {
        return vec![texts.say("trust.witness_none").to_owned()];
    };
    let mut sentences = vec![if seen.quorum == 0 {
        texts.say("trust.witness_no_limit").to_owned()
    } else {
        let words = [
            ("quorum", seen.quorum.to_string()),
            ("count", seen.witnesses.len().to_string()),
            ("most", seen.most_entries.to_string()),
            ("seen", seen.cosigned.to_string()),
        ];
        let words = words.each_ref().map(|(name, word)| (*name, word.as_str()));
        texts.fill("trust.witness_limit", &words)
    }];
    if seen.stops {
        sentences.push(texts.say("trust.witness_stops").to_owned());
    }
    for witness in &seen.witnesses {
        let when = dates::moment(texts, seconds(witness.at_seconds), zone);
        let (count, conflict) = (witness.size.to_string(), witness.conflict.to_string());
        let words = [
            ("name", witness.name.as_str()),
            ("count", &count),
            ("when", &when),
            ("conflict", &conflict),
        ];
        if witness.size > 0 {
            sentences.push(texts.fill("trust.witness_seen", &words));
        } else if witness.conflict == 0 {
            sentences.push(texts.fill("trust.witness_not_yet", &words));
        }
        if witness.conflict > 0 {
            sentences.push(texts.fill("trust.witness_conflict", &words));
        }
    }
    sentences
}

/// A witness's own clock; what no calendar has becomes the first second of all.
fn seconds(at: u64) -> Timestamp {
    let at = i64::try_from(at).ok();
    at.and_then(|at| Timestamp::from_second(at).ok())
        .unwrap_or_default()
}

/// How the installation runs now, the bad as plainly as the good.
fn now(texts: &Texts, status: Option<&Status>, settings: &PortalSettings) -> Vec<String> {
    let mut sentences = Vec::new();
    match status {
        None => sentences.push(texts.say("trust.now_unknown").to_owned()),
        Some(status) => {
            let choose = |is: bool, yes, no| texts.say(if is { yes } else { no }).to_owned();
            sentences.push(choose(
                status.demonstration,
                "trust.now_demonstration",
                "trust.now_real",
            ));
            sentences.push(choose(
                status.shares_user,
                "trust.now_shared",
                "trust.now_apart",
            ));
            sentences.push(choose(
                status.shares_cluster,
                "trust.now_one_cluster",
                "trust.now_own_cluster",
            ));
            sentences.push(choose(
                status.memory_locked,
                "trust.now_locked",
                "trust.now_not_locked",
            ));
            sentences.extend(key_store(texts, status));
            if let Some(keys) = &status.epoch_keys {
                sentences.extend(replaced(texts, keys, &settings.zone));
            }
            sentences.push(choose(
                status.waits_for_disk,
                "trust.now_durable",
                "trust.now_not_durable",
            ));
            sentences.push(choose(
                status.waits_for_standby,
                "trust.now_standby",
                "trust.now_one_machine",
            ));
            sentences.push(choose(
                status.ledger_writable,
                "trust.now_writable",
                "trust.now_not_writable",
            ));
            let count = status.ledger_size.to_string();
            sentences.push(texts.fill("trust.now_ledger", &[("count", &count)]));
        }
    }
    sentences.extend(told(texts, status, settings));
    sentences.push(texts.say("trust.now_unfreezing").to_owned());
    sentences.push(
        texts
            .say(match tls(settings) {
                "proxy" => "trust.now_tls_proxy",
                _ => "trust.now_tls_none",
            })
            .to_owned(),
    );
    sentences
}

/// Whether people are told of changes by mail, and whether that works.
fn told(texts: &Texts, status: Option<&Status>, settings: &PortalSettings) -> Vec<String> {
    if !settings.tells_by_mail {
        return vec![texts.say("trust.now_told_at_home").to_owned()];
    }
    let mut sentences = vec![texts.say("trust.now_told_by_mail").to_owned()];
    let missed = status.map_or(0, |status| status.notifications_missed);
    if missed > 0 {
        let count = missed.to_string();
        sentences.push(texts.fill("trust.now_not_told", &[("count", &count)]));
    }
    sentences
}

/// Where the root key is kept.
fn key_store(texts: &Texts, status: &Status) -> Vec<String> {
    let Some(token) = &status.token else {
        let is_sealed = status.root_kind == "passphrase";
        let key = if is_sealed {
            "trust.now_root_passphrase"
        } else {
            "trust.now_root_file"
        };
        return vec![texts.say(key).to_owned()];
    };
    let uses = token.uses.to_string();
    let words = [("model", token.model.as_str()), ("uses", &uses)];
    let mut sentences = vec![
        texts.fill("trust.now_root_token", &words),
        texts.fill("trust.now_token_uses", &words),
    ];
    if !token.trouble.is_empty() {
        sentences.push(texts.say("trust.now_token_away").to_owned());
    }
    sentences
}

/// How old the keys are that hang on the root key, and what becomes of those before.
fn replaced(texts: &Texts, keys: &EpochKeys, zone: &TimeZone) -> Vec<String> {
    let day = |at: i64| {
        let at = Timestamp::from_microsecond(at).unwrap_or_default();
        dates::day(texts, at.to_zoned(zone.clone()).date())
    };
    let words = [
        ("made", day(keys.made_at)),
        ("days", keys.days.to_string()),
        ("count", keys.waiting.to_string()),
        ("next", day(keys.destroyed_next)),
        ("last", day(keys.destroyed_last)),
    ];
    let words = words.each_ref().map(|(name, word)| (*name, word.as_str()));
    let told = [
        (true, "trust.now_epoch"),
        (keys.is_moving, "trust.now_epoch_moving"),
        (keys.waiting > 0, "trust.now_epoch_waiting"),
        (keys.destroyed_last > 0, "trust.now_epoch_destroyed"),
    ];
    let told = told.into_iter().filter(|(is, _)| *is);
    told.map(|(_, key)| texts.fill(key, &words)).collect()
}

/// Who encrypts. The portal speaks plain HTTP on this side: an `https` address, or a proxy whose word is taken, means
/// that another program stands in front and sees what is shown.
fn tls(settings: &PortalSettings) -> &'static str {
    if settings.origin.starts_with("https://") || !settings.trusted_proxies.is_empty() {
        "proxy"
    } else {
        "none"
    }
}
