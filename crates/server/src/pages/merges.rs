//! One person with two records: noting it, ending it with what was opened meanwhile, and what the patient is told.

use crate::dates;
use crate::error::Problem;
use crate::frame::{FieldErrors, Frame};
use crate::pages::{erasures, practice_name, sharing};
use crate::portal::Portal;
use crate::reading::{Reading, banner, nhi};
use crate::respond;
use crate::session::Visitor;
use crate::text::ceremony;
use crate::texts::{Language, Texts};
use askama::Template;
use axum::Form;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use candour_app::acts;
use candour_app::merges::{self, Ended, Merge, OpenedItem, Pair};
use candour_app::patients::{self, Terms};
use candour_app::sign_in::{Proof, Reachable};
use candour_app::{FirstByte, Refusal};
use candour_core::nhi::Nhi;
use candour_core::people::Identity;
use candour_keeper_api::words::{ItemKind, Role};
use candour_seal::PatientId;
use serde::Deserialize;

/// Longest reason in characters; the keeper's bound.
const LONGEST_REASON: usize = 300;
/// Longest words for whom it is about; the keeper's bound.
const LONGEST_NAME: usize = 200;

/// The other record of a patient, for staff.
#[derive(Template)]
#[template(path = "merges/merge.html")]
pub struct MergePage {
    /// Around it.
    pub frame: Frame,
    /// What is to be mended.
    pub errors: FieldErrors,
    /// Below which address it stands.
    pub base: String,
    /// Key of what was just done.
    pub said: Option<&'static str>,
    /// The other record that is read as this person's now.
    pub standing: Option<StandingView>,
    /// The manager may note one.
    pub may_begin: bool,
    /// What was typed before.
    pub given: Asked,
    /// Those that were ended, newest first.
    pub ended: Vec<EndedView>,
}

/// A link that stands.
pub struct StandingView {
    /// Since when, and whose number stays.
    pub what: String,
    /// Why, as it was signed.
    pub reason: String,
    /// Where the other record is.
    pub other: String,
    /// That some of it waits.
    pub waits: Option<String>,
}

/// A link that was ended.
pub struct EndedView {
    /// From when until when.
    pub when: String,
    /// Key of who ended it, and that they are two people.
    pub how: &'static str,
    /// Why; may be empty.
    pub reason: String,
    /// What was opened by way of it, a line each.
    pub opened: Vec<String>,
    /// That the list of who opened the record was looked at.
    pub looked: Option<String>,
    /// There may be more.
    pub is_partial: bool,
    /// Where the other record is.
    pub other: String,
}

/// What the home page says of a second record of one's own.
pub struct MergeNote {
    /// Who noted it, and when.
    pub what: String,
}

/// What was sent.
#[derive(Deserialize, Default, Clone)]
pub struct Asked {
    /// The other record's number.
    #[serde(default)]
    pub nhi: String,
    /// Which number stays: `this` or `other`.
    #[serde(default)]
    pub stays: String,
    /// Why.
    #[serde(default)]
    pub reason: String,
}

/// What was just done.
#[derive(Deserialize)]
pub struct Said {
    said: Option<String>,
}

/// Whose record it is, once staff may see that.
async fn known(
    portal: &Portal,
    visitor: Visitor,
    patient: &str,
) -> Result<(Reading, Option<Identity>, FirstByte), Problem> {
    let reading = Reading::of(portal, visitor, patient).await?;
    // Whoever may not see whose record it is, is refused here, on the ledger, whatever they sent.
    let (identity, first_byte) = reading.identity(portal).await?;
    reading.staff_only()?;
    Ok((reading, identity, first_byte))
}

/// `GET /patients/{patient}/merge`.
pub async fn show(
    State(portal): State<Portal>,
    visitor: Visitor,
    Path(patient): Path<String>,
    Query(Said { said }): Query<Said>,
) -> Result<Response, Problem> {
    let known = known(&portal, visitor, &patient).await?;
    let said = (said.as_deref() == Some("ended")).then_some("merge.said_ended");
    form(
        &portal,
        known,
        Asked::default(),
        (FieldErrors::default(), said),
    )
    .await
}

async fn form(
    portal: &Portal,
    (reading, identity, first_byte): (Reading, Option<Identity>, FirstByte),
    given: Asked,
    (errors, said): (FieldErrors, Option<&'static str>),
) -> Result<Response, Problem> {
    let session = reading.visitor.session(portal).await?;
    let token = reading.visitor.signed_in()?;
    let all = merges::of(portal.app(), token, reading.patient).await?;
    let frame = reading.frame(portal, "merge.title", None).await;
    let around = banner(frame.texts(), identity.as_ref());
    let mut frame = frame.about(around);
    let has_errors = !errors.is_empty();
    frame.has_errors = has_errors;
    let standing = all.iter().find(|merge| merge.ended.is_none());
    let standing = standing.map(|merge| StandingView::of(portal, &frame, merge));
    let page = MergePage {
        errors,
        base: reading.path("/merge"),
        said,
        may_begin: session.role == Role::Manager && standing.is_none(),
        standing,
        given,
        ended: all
            .iter()
            .filter_map(|merge| Some((merge, merge.ended.as_ref()?)))
            .map(|both| EndedView::of(portal, frame.texts(), reading.patient, both))
            .collect(),
        frame,
    };
    let response = respond::opened(&page, first_byte)?;
    Ok(respond::to_mend_if(has_errors, response))
}

impl StandingView {
    fn of(portal: &Portal, frame: &Frame, merge: &Merge) -> Self {
        let (texts, zone) = (frame.texts(), &portal.settings().zone);
        let since = dates::moment(texts, merge.since, zone);
        let what = if merge.stays {
            "merge.standing_stays"
        } else {
            "merge.standing_replaced"
        };
        Self {
            what: texts.fill(what, &[("when", &since)]),
            reason: texts.fill("merge.reason_was", &[("reason", &merge.reason)]),
            other: format!("/patients/{}", merge.other),
            waits: merge.opens_from.map(|from| {
                let until = dates::moment(texts, from, zone);
                texts.fill("merge.waits", &[("until", &until)])
            }),
        }
    }
}

impl EndedView {
    fn of(
        portal: &Portal,
        texts: &Texts,
        this: PatientId,
        (merge, ended): (&Merge, &Ended),
    ) -> Self {
        let zone = &portal.settings().zone;
        let (since, until) = (
            dates::moment(texts, merge.since, zone),
            dates::moment(texts, ended.at, zone),
        );
        let line = |item: &OpenedItem| {
            let first = dates::moment(texts, item.first_at, zone);
            opened_line(texts, this, item, &first)
        };
        Self {
            when: texts.fill("merge.ended_when", &[("since", &since), ("until", &until)]),
            how: match (ended.by_patient, ended.are_two_people) {
                (true, true) => "merge.patient_two",
                (true, false) => "merge.patient_apart",
                (false, true) => "merge.practice_two",
                (false, false) => "merge.practice_apart",
            },
            reason: match ended.reason.as_str() {
                "" => String::new(),
                reason => texts.fill("merge.reason_was", &[("reason", reason)]),
            },
            opened: ended.opened.iter().map(line).collect(),
            looked: (ended.histories > 0).then(|| {
                let count = ended.histories.to_string();
                texts.fill("merge.looked", &[("count", &count)])
            }),
            is_partial: ended.is_partial,
            other: format!("/patients/{}", merge.other),
        }
    }
}

fn opened_line(texts: &Texts, this: PatientId, item: &OpenedItem, first: &str) -> String {
    let what = match (item.kind, item.month) {
        (ItemKind::Document, Some((year, month))) => {
            let month = format!("{year}-{month:02}");
            texts.fill("merge.document_of", &[("month", &month)])
        }
        (ItemKind::Document, None) => texts.say("merge.document").to_owned(),
        _ => texts.say(sharing::section_name(item.section)).to_owned(),
    };
    let count = item.times.to_string();
    let key = match (item.patient == this, item.by_proxy, item.is_delivered) {
        (true, false, true) => "merge.opened_this",
        (true, false, false) => "merge.released_this",
        (true, true, true) => "merge.opened_this_proxy",
        (true, true, false) => "merge.released_this_proxy",
        (false, false, true) => "merge.opened_other",
        (false, false, false) => "merge.released_other",
        (false, true, true) => "merge.opened_other_proxy",
        (false, true, false) => "merge.released_other_proxy",
    };
    let filled = [("what", what.as_str()), ("when", first), ("count", &count)];
    texts.fill(key, &filled)
}

/// `POST /patients/{patient}/merge`: finds the other record among the practice's own, and shows the sentence with both names
/// that the passkey answers. Nothing is linked yet.
pub async fn begin(
    State(portal): State<Portal>,
    visitor: Visitor,
    Path(patient): Path<String>,
    Form(asked): Form<Asked>,
) -> Result<Response, Problem> {
    let known = known(&portal, visitor, &patient).await?;
    let texts = Language::English.texts();
    let mut errors = reason_errors(&asked.reason);
    if Nhi::parse(asked.nhi.trim()).is_err() {
        errors.add("nhi", texts.say("merge.error_nhi"));
    }
    if !["this", "other"].contains(&asked.stays.as_str()) {
        errors.add("stays", texts.say("merge.error_stays"));
    }
    if !errors.is_empty() {
        return form(&portal, known, asked, (errors, None)).await;
    }
    let reading = &known.0;
    let session = reading.visitor.session(&portal).await?;
    let practice = session.practice.ok_or(Problem::NoSuchPage)?;
    let terms = Terms {
        nhi: asked.nhi.trim().to_owned(),
        ..Terms::default()
    };
    let (found, _not_shown) =
        patients::find(portal.app(), &reading.viewer, practice, terms).await?;
    let mut people = found.into_inner().people.into_iter();
    let other = people.find(|line| line.patient != reading.patient);
    let Some((other, identity)) = other.and_then(|line| Some((line.patient, line.identity?)))
    else {
        errors.add("nhi", texts.say("merge.error_nobody"));
        return form(&portal, known, asked, (errors, None)).await;
    };
    let this = (reading.patient, who(texts, known.1.as_ref()));
    let other = (other, who(texts, Some(&identity)));
    let (stays, replaced) = if asked.stays == "this" {
        (this, other)
    } else {
        (other, this)
    };
    let pair = Pair {
        stays: stays.0,
        who: stays.1,
        replaced: replaced.0,
        replaced_who: replaced.1,
    };
    let token = reading.visitor.signed_in()?;
    let begun = merges::start(portal.app(), token, practice, pair, &asked.reason).await?;
    let frame = portal.frame(reading.visitor.visit, "merge.act_title").await;
    let frame = frame.back_to(reading.path("/merge"), "frame.back");
    erasures::act(frame, begun, erasures::ANSWERED.to_owned())
}

fn reason_errors(reason: &str) -> FieldErrors {
    let mut errors = FieldErrors::default();
    let length = reason.trim().chars().count();
    if length == 0 || length > LONGEST_REASON {
        errors.add(
            "reason",
            Language::English.texts().say("erase.error_reason"),
        );
    }
    errors
}

/// A patient as the sentence names them that two people sign.
fn who(texts: &Texts, identity: Option<&Identity>) -> String {
    let around = banner(texts, identity);
    let nhi = identity.map_or(around.nhi, |identity| nhi(texts, identity));
    let filled = [
        ("name", around.name.as_str()),
        ("date", &around.born),
        ("nhi", &nhi),
    ];
    let who = texts.fill("merge.who", &filled);
    who.chars().take(LONGEST_NAME).collect()
}

/// How it is ended, or the passkey's answer to that.
#[derive(Deserialize, Default)]
pub struct Ending {
    #[serde(default)]
    people: String,
    #[serde(default)]
    why: String,
    #[serde(default)]
    ceremony: String,
    #[serde(default)]
    answer: String,
}

/// `POST /patients/{patient}/merge/end`: shows the sentence, or takes the answer: it ends at once, and the page shows what
/// was opened meanwhile.
pub async fn end(
    State(portal): State<Portal>,
    visitor: Visitor,
    Path(patient): Path<String>,
    Form(ending): Form<Ending>,
) -> Result<Response, Problem> {
    let known = known(&portal, visitor, &patient).await?;
    let reading = &known.0;
    let token = reading.visitor.signed_in()?;
    if !ending.ceremony.is_empty() {
        let act = ceremony(&ending.ceremony)?;
        let proof = Proof::Passkey(act, ending.answer);
        return match acts::finish(portal.app(), token, act, proof).await {
            // It was answered before, or ended meanwhile: the page says what stands.
            Ok(_) | Err(Refusal::WrongCredentials | Refusal::NotFound) => {
                Ok(respond::to(&reading.path("/merge?said=ended")))
            }
            Err(refusal) => Err(refusal.into()),
        };
    }
    let texts = Language::English.texts();
    let mut errors = FieldErrors::default();
    if !reason_errors(&ending.why).is_empty() {
        errors.add("why", texts.say("erase.error_reason"));
    }
    if !["two", "one"].contains(&ending.people.as_str()) {
        errors.add("people", texts.say("merge.error_people"));
    }
    if !errors.is_empty() {
        return form(&portal, known, Asked::default(), (errors, None)).await;
    }
    let are_two = ending.people == "two";
    let begun = merges::start_end(portal.app(), token, reading.patient, are_two, &ending.why);
    let begun = match begun.await {
        Ok(begun) => begun,
        Err(Refusal::NotFound) => return Ok(respond::to(&reading.path("/merge"))),
        Err(refusal) => return Err(refusal.into()),
    };
    let frame = portal.frame(reading.visitor.visit, "merge.act_title").await;
    let frame = frame.back_to(reading.path("/merge"), "frame.back");
    erasures::act(frame, begun, reading.path("/merge/end"))
}

/// Whether the other record is theirs.
#[derive(Deserialize)]
pub struct Apart {
    #[serde(default)]
    people: String,
}

/// `POST /records/apart`: the patient ends it with one press.
pub async fn apart(
    State(portal): State<Portal>,
    visitor: Visitor,
    Form(Apart { people }): Form<Apart>,
) -> Result<Response, Problem> {
    let session = visitor.session(&portal).await?;
    let token = visitor.signed_in()?;
    let own = |reachable: &&Reachable| !reachable.is_proxied && reachable.merged.is_none();
    let own = session.patients.iter().find(own);
    let own = own.ok_or(Problem::NoSuchPage)?.patient;
    match merges::end_own(portal.app(), token, own, people == "two").await {
        // Somebody else ended it a moment ago.
        Ok(()) | Err(Refusal::NotFound) => Ok(respond::to("/home?said=apart")),
        Err(refusal) => Err(refusal.into()),
    }
}

impl MergeNote {
    /// Of the records within reach.
    pub async fn all(portal: &Portal, patients: &[Reachable]) -> Vec<Self> {
        let texts = Language::English.texts();
        let mut notes = Vec::new();
        for merged in patients
            .iter()
            .filter(|reachable| !reachable.is_proxied)
            .filter_map(|reachable| reachable.merged)
        {
            let practice = practice_name(portal, Some(merged.practice)).await;
            let when = dates::moment(texts, merged.since, &portal.settings().zone);
            let filled = [("practice", practice.as_str()), ("when", &when)];
            notes.push(Self {
                what: texts.fill("merge.note_what", &filled),
            });
        }
        notes
    }
}
