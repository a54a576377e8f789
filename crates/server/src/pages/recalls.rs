//! Taking back what one of the practice's people or programs put in: what there is, what was taken back, signing it.

mod people;

pub use people::{ConcernedView, PeoplePage, begin_end, show as people};

use crate::dates;
use crate::error::Problem;
use crate::frame::{FieldErrors, Frame};
use crate::pages::erasures::act;
use crate::portal::Portal;
use crate::respond;
use crate::session::Visitor;
use crate::text::{bytes, ceremony, hexadecimal};
use crate::texts::Texts;
use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::response::Response;
use candour_app::recalls::{self, Batch, BatchName, Batches, Recall, Span};
use candour_app::{Refusal, erasures};
use candour_keeper_api::words::Purpose;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde::Deserialize;

const PATH: &str = "/practice/recalls";
/// Where the passkey's answer is sent.
const ANSWERED: &str = "/practice/recalls/act";
/// Longest reason in characters; the keeper's bound.
const LONGEST_REASON: usize = 300;

/// What can be taken back, and what was.
#[derive(Template)]
#[template(path = "recalls/recalls.html")]
pub struct RecallsPage {
    /// Around it.
    pub frame: Frame,
    /// Key of the sentence about what was just done.
    pub said: Option<&'static str>,
    /// What is to be mended.
    pub errors: FieldErrors,
    /// From when, as the form has it.
    pub from: String,
    /// Until when.
    pub until: String,
    /// What was put in then; `None` before somebody looked.
    pub found: Option<FoundView>,
    /// What was taken back, newest first.
    pub recalls: Vec<RecallView>,
    /// Where earlier ones are.
    pub older: Option<String>,
    /// Where the newest are, on an older page.
    pub newest: Option<&'static str>,
}

/// What was put in.
pub struct FoundView {
    /// Up to which entry it was looked at.
    pub as_of: u64,
    /// One for each who did.
    pub batches: Vec<BatchView>,
    /// The reason typed before.
    pub reason: String,
}

/// What one person or program put in.
pub struct BatchView {
    /// Names it in the form.
    pub value: String,
    /// Who.
    pub who: String,
    /// How much, of how many patients.
    pub items: String,
    /// How much of it was seen.
    pub seen: String,
    /// It was chosen before.
    pub is_chosen: bool,
}

/// What was taken back, or put back.
pub struct RecallView {
    /// Which of the two, as a heading.
    pub what: &'static str,
    /// Who, and when.
    pub who: String,
    /// What was signed.
    pub sentence: String,
    /// Where those concerned are.
    pub people: Option<String>,
}

/// Which part of the list, and of which time to look.
#[derive(Deserialize, Default)]
pub struct Asked {
    before: Option<u64>,
    said: Option<String>,
    from: Option<String>,
    until: Option<String>,
}

/// What is to be taken back.
#[derive(Deserialize, Default)]
pub struct Chosen {
    #[serde(default)]
    from: String,
    #[serde(default)]
    until: String,
    #[serde(default)]
    as_of: u64,
    #[serde(default)]
    batch: String,
    #[serde(default)]
    reason: String,
}

/// `GET /practice/recalls`. Whether a session may see it is the keeper's to say.
pub async fn show(
    State(portal): State<Portal>,
    visitor: Visitor,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let chosen = match (&asked.from, &asked.until) {
        (Some(from), Some(until)) => Some(Chosen {
            from: from.clone(),
            until: until.clone(),
            ..Chosen::default()
        }),
        _ => None,
    };
    page(&portal, &visitor, &asked, chosen, FieldErrors::default()).await
}

async fn page(
    portal: &Portal,
    visitor: &Visitor,
    asked: &Asked,
    chosen: Option<Chosen>,
    mut errors: FieldErrors,
) -> Result<Response, Problem> {
    visitor.signed_in()?;
    let viewer = visitor.viewer(Purpose::AccessHistory)?;
    let listed = recalls::page(portal.app(), &viewer, asked.before).await?;
    let listed = listed.into_inner();
    let frame = portal
        .frame(visitor.visit, "recalls.title")
        .await
        .back_to("/practice", "frame.back");
    let (texts, zone) = (frame.texts(), &portal.settings().zone);
    let mut found = None;
    if let Some(chosen) = &chosen
        && let Some((from, until)) = read_span(texts, zone, chosen, &mut errors)
    {
        let viewer = visitor.viewer(Purpose::AccountCare)?;
        match recalls::look(portal.app(), &viewer, from, until).await {
            Ok(batches) => found = Some(FoundView::of(texts, &batches, chosen)),
            Err(Refusal::TooMany { .. }) => errors.add("from", texts.say("recalls.error_many")),
            Err(refusal) => return Err(refusal.into()),
        }
    }
    let (from, until) = match chosen {
        Some(chosen) => (chosen.from, chosen.until),
        None => since_yesterday(portal.now(), zone),
    };
    let last = listed.all.last().filter(|_| listed.has_more);
    let mut page = RecallsPage {
        said: said(asked.said.as_deref()),
        from,
        until,
        found,
        older: last.map(|last| format!("{PATH}?before={}", last.index)),
        newest: asked.before.map(|_| PATH),
        recalls: listed
            .all
            .iter()
            .map(|one| RecallView::of(texts, zone, one))
            .collect(),
        errors,
        frame,
    };
    page.frame.has_errors = !page.errors.is_empty();
    let has_errors = page.frame.has_errors;
    let response = respond::page(&page)?;
    Ok(respond::to_mend_if(has_errors, response))
}

fn said(word: Option<&str>) -> Option<&'static str> {
    match word {
        Some("done") => Some("recalls.said_done"),
        Some("again") => Some("recalls.said_again"),
        Some("changed") => Some("recalls.said_changed"),
        _ => None,
    }
}

/// From the beginning of yesterday until now: what most often went wrong.
fn since_yesterday(now: Timestamp, zone: &TimeZone) -> (String, String) {
    let now = now.to_zoned(zone.clone());
    let yesterday = now.date().yesterday().unwrap_or(now.date());
    let written = |at: DateTime| at.strftime("%Y-%m-%dT%H:%M").to_string();
    (written(yesterday.at(0, 0, 0, 0)), written(now.datetime()))
}

/// The time that was typed; the last minute is part of it.
fn read_span(
    texts: &Texts,
    zone: &TimeZone,
    chosen: &Chosen,
    errors: &mut FieldErrors,
) -> Option<(Timestamp, Timestamp)> {
    let read = |typed: &str| {
        let at: DateTime = typed.trim().parse().ok()?;
        Some(at.to_zoned(zone.clone()).ok()?.timestamp())
    };
    let (from, until) = (read(&chosen.from), read(&chosen.until));
    let until = until.and_then(|until| until.checked_add(1.minute()).ok());
    if from.is_none() {
        errors.add("from", texts.say("recalls.error_time"));
    }
    let is_after = until.zip(from).is_none_or(|(until, from)| until > from);
    if until.is_none() || !is_after {
        errors.add("until", texts.say("recalls.error_until"));
    }
    from.zip(until).filter(|_| is_after)
}

impl FoundView {
    fn of(texts: &Texts, found: &Batches, chosen: &Chosen) -> Self {
        let views = found.all.iter();
        Self {
            as_of: found.span.as_of,
            batches: views
                .map(|batch| BatchView::of(texts, batch, &chosen.batch))
                .collect(),
            reason: chosen.reason.clone(),
        }
    }
}

impl BatchView {
    fn of(texts: &Texts, batch: &Batch, chosen: &str) -> Self {
        let name = batch.depositor.as_str();
        let value = value(batch.name);
        let number = |count: u32| count.to_string();
        Self {
            who: match (batch.is_program, name.is_empty()) {
                (true, _) => texts.fill("recalls.program", &[("name", name)]),
                (false, true) => texts.say("recalls.somebody").to_owned(),
                (false, false) => name.to_owned(),
            },
            items: texts.fill(
                "recalls.items",
                &[
                    ("items", &number(batch.items)),
                    ("patients", &number(batch.patients)),
                ],
            ),
            seen: texts.fill(
                "recalls.seen",
                &[
                    ("opened", &number(batch.opened)),
                    ("listed", &number(batch.listed)),
                ],
            ),
            is_chosen: value == chosen,
            value,
        }
    }
}

/// A batch in a form: who put it in, and over what.
fn value(name: BatchName) -> String {
    hexadecimal(&[name.depositor.as_slice(), &name.digest].concat())
}

fn batch_of(value: &str) -> Option<BatchName> {
    let both = bytes::<48>(value)?;
    let (depositor, digest) = both.split_at(16);
    Some(BatchName {
        depositor: depositor.try_into().ok()?,
        digest: digest.try_into().ok()?,
    })
}

impl RecallView {
    fn of(texts: &Texts, zone: &TimeZone, one: &Recall) -> Self {
        let what = match (one.is_end, one.is_away) {
            (true, _) => "recalls.put_back",
            (false, true) => "recalls.taken_back",
            (false, false) => "recalls.taken_back_ended",
        };
        Self {
            what: texts.say(what),
            who: who(texts, zone, one),
            sentence: one.sentence.clone(),
            people: (!one.is_end).then(|| format!("{PATH}/people?recall={}", one.index)),
        }
    }
}

/// Who signed, and when.
fn who(texts: &Texts, zone: &TimeZone, one: &Recall) -> String {
    let name = match one.author.as_str() {
        "" => texts.say("certificates.unnamed"),
        name => name,
    };
    let when = dates::moment(texts, one.at, zone);
    texts.fill("recalls.signed", &[("name", name), ("when", &when)])
}

fn check_reason(texts: &Texts, reason: &str, errors: &mut FieldErrors) {
    let length = reason.trim().chars().count();
    if length == 0 || length > LONGEST_REASON {
        errors.add("reason", texts.say("erase.error_reason"));
    }
}

/// `POST /practice/recalls`: shows the sentence that the passkey answers. Nothing is taken back yet.
pub async fn begin(
    State(portal): State<Portal>,
    visitor: Visitor,
    Form(chosen): Form<Chosen>,
) -> Result<Response, Problem> {
    let session = visitor.session(&portal).await?;
    let practice = session.practice.ok_or(Problem::NoSuchPage)?;
    let texts = crate::texts::Language::English.texts();
    let mut errors = FieldErrors::default();
    let batch = batch_of(&chosen.batch);
    if batch.is_none() {
        errors.add("batch", texts.say("recalls.error_batch"));
    }
    check_reason(texts, &chosen.reason, &mut errors);
    // What is wrong with the time the page says.
    let zone = &portal.settings().zone;
    let span = read_span(texts, zone, &chosen, &mut FieldErrors::default());
    let (Some(batch), Some((from, until)), true) = (batch, span, errors.is_empty()) else {
        return page(&portal, &visitor, &Asked::default(), Some(chosen), errors).await;
    };
    let span = Span {
        from,
        until,
        as_of: chosen.as_of,
    };
    let token = visitor.signed_in()?;
    let asked = (batch, span);
    let begun = recalls::start(portal.app(), token, practice, asked, &chosen.reason).await;
    match begun {
        Ok(begun) => {
            let frame = portal.frame(visitor.visit, "erase.act_title").await;
            act(
                frame.back_to(PATH, "erase.back"),
                begun,
                ANSWERED.to_owned(),
            )
        }
        Err(Refusal::NotAsShown) => {
            errors.add("batch", texts.say("recalls.error_changed"));
            page(&portal, &visitor, &Asked::default(), Some(chosen), errors).await
        }
        Err(refusal) => Err(refusal.into()),
    }
}

/// The passkey's answer.
#[derive(Deserialize)]
pub struct Answer {
    #[serde(default)]
    ceremony: String,
    #[serde(default)]
    answer: String,
}

/// `POST /practice/recalls/act`: the answer to either sentence.
pub async fn answer(
    State(portal): State<Portal>,
    visitor: Visitor,
    Form(answer): Form<Answer>,
) -> Result<Response, Problem> {
    let token = visitor.signed_in()?;
    let ceremony = ceremony(&answer.ceremony)?;
    let said = match erasures::answer(portal.app(), token, ceremony, answer.answer).await {
        Ok(_) => "done",
        // The five minutes are over, or it was answered before: what stands is in the list.
        Err(Refusal::WrongCredentials | Refusal::NotFound) => "again",
        Err(Refusal::NotAsShown) => "changed",
        Err(refusal) => return Err(refusal.into()),
    };
    Ok(respond::to(&format!("{PATH}?said={said}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::texts::Language;

    fn read(from: &str, until: &str) -> (Option<(String, String)>, usize) {
        let zone = TimeZone::get("Pacific/Auckland").unwrap();
        let chosen = Chosen {
            from: from.to_owned(),
            until: until.to_owned(),
            ..Chosen::default()
        };
        let mut errors = FieldErrors::default();
        let span = read_span(Language::English.texts(), &zone, &chosen, &mut errors);
        let span = span.map(|(from, until)| (from.to_string(), until.to_string()));
        (span, errors.all().len())
    }

    #[test]
    fn a_time_is_read_in_the_installation_s_zone_with_its_last_minute() {
        let utc = (
            "2026-11-28T19:00:00Z".to_owned(),
            "2026-11-29T20:16:00Z".to_owned(),
        );
        assert_eq!(
            read("2026-11-29T08:00", " 2026-11-30T09:15 "),
            (Some(utc), 0)
        );
        // One minute is a time.
        assert!(read("2026-11-29T08:00", "2026-11-29T08:00").0.is_some());
        for (from, until) in [
            ("2026-11-29T08:00", "2026-11-29T07:59"),
            ("2026-11-29T08:00", "soon"),
            ("2026-02-30T08:00", "2026-11-29T08:00"),
        ] {
            assert_eq!(read(from, until), (None, 1), "{from} {until}");
        }
    }

    #[test]
    fn a_batch_reads_back_from_its_form_and_nothing_else_does() {
        let name = BatchName {
            depositor: [7; 16],
            digest: [9; 32],
        };
        assert_eq!(batch_of(&value(name)), Some(name));
        for text in ["", "00", &value(name)[2..]] {
            assert_eq!(batch_of(text), None);
        }
    }
}
