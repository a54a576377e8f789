//! Emergency access: one record, or one document, whatever budgets say. First the words, then a passkey over the sentence
//! that says whose record and why; it stands in the patient's list of who opened the record.

use super::documents::{DocumentView, content, view};
use super::record::{EntryView, entry, name_of, none_of, unreadable};
use crate::error::Problem;
use crate::frame::{FieldErrors, Frame};
use crate::portal::Portal;
use crate::reading::{Reading, Relation, banner};
use crate::respond;
use crate::session::{Visit, Visitor};
use crate::text::{ceremony, hexadecimal};
use crate::texts::Texts;
use askama::Template;
use axum::Form;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use candour_app::record::RecordSection;
use candour_app::{FirstByte, Refusal, emergency};
use candour_core::people::Identity;
use candour_keeper_api::words::{Purpose, Section};
use candour_seal::{ItemId, PatientId};
use serde::Deserialize;

/// Most letters of the words.
const LONGEST_WORDS: usize = 300;
/// Most entries of one section that the page shows.
const MOST: usize = 50;

/// What is asked first: the words.
#[derive(Template)]
#[template(path = "emergency/ask.html")]
pub struct AskPage {
    /// Around it.
    pub frame: Frame,
    /// What is to be mended.
    pub errors: FieldErrors,
    /// Where it is sent.
    pub action: String,
    /// The words typed before.
    pub reason: String,
    /// The one document that is asked for, or empty.
    pub document: String,
}

/// What the passkey signs.
#[derive(Template)]
#[template(path = "emergency/act.html")]
pub struct ActPage {
    /// Around it.
    pub frame: Frame,
    /// Where it is sent.
    pub action: String,
    /// Exactly what is signed.
    pub sentence: String,
    /// The words, for another try.
    pub reason: String,
    /// The one document that is asked for, or empty.
    pub document: String,
    /// The ceremony.
    pub ceremony: String,
    /// Its options as JSON.
    pub options: String,
}

/// What was opened.
#[derive(Template)]
#[template(path = "emergency/record.html")]
pub struct RecordPage {
    /// Around it.
    pub frame: Frame,
    /// The sections, what is dangerous first.
    pub sections: Vec<SectionView>,
    /// The documents on the shelf: address of the question for each, and its line.
    pub documents: Vec<(String, DocumentView)>,
    /// That something could not be shown.
    pub unreadable: Option<String>,
}

/// One section.
pub struct SectionView {
    /// The heading's id.
    pub id: &'static str,
    /// Key of its name.
    pub name: &'static str,
    /// The newest entries.
    pub entries: Vec<EntryView>,
    /// What it says when there is none.
    pub none: &'static str,
    /// That there are more.
    pub more: Option<String>,
}

/// Where staff who were refused a patient's page open the record in an emergency.
pub(crate) fn beside(path: &str, visit: Option<Visit>) -> Option<String> {
    let patient = path.strip_prefix("/patients/")?.split('/').next()?;
    let patient: PatientId = patient.parse().ok()?;
    matches!(visit, Some(Visit::Staff(_))).then(|| format!("/patients/{patient}/emergency"))
}

/// For which document.
#[derive(Deserialize)]
pub struct Question {
    #[serde(default)]
    document: String,
}

/// `GET /patients/{patient}/emergency`: opens nothing.
pub async fn ask(
    State(portal): State<Portal>,
    visitor: Visitor,
    Path(patient): Path<String>,
    Query(Question { document }): Query<Question>,
) -> Result<Response, Problem> {
    let reading = Reading::of(&portal, visitor, &patient).await?;
    let given = AnswerForm {
        document,
        ..AnswerForm::default()
    };
    form(&portal, &reading, given, FieldErrors::default()).await
}

/// Whose record it is, where that may be seen without the emergency. A stranger's try is refused here, on the ledger.
async fn identity(
    portal: &Portal,
    reading: &Reading,
) -> Result<Option<(Option<Identity>, FirstByte)>, Problem> {
    let found = match reading.identity(portal).await {
        Ok(found) => Some(found),
        Err(Problem::Refused(
            Refusal::OverBudget { .. }
            | Refusal::SessionSpent { .. }
            | Refusal::OverCeiling { .. }
            | Refusal::CredentialIsNew { .. }
            | Refusal::StepUpNeeded
            | Refusal::Frozen,
        )) => None,
        Err(problem) => return Err(problem),
    };
    reading.staff_only()?;
    Ok(found)
}

/// The page's frame, with whose record it is where that may be seen.
async fn framed(
    portal: &Portal,
    reading: &Reading,
) -> Result<(Frame, Option<Identity>, Option<FirstByte>), Problem> {
    let frame = reading.frame(portal, "emergency.title", None).await;
    Ok(match identity(portal, reading).await? {
        Some((identity, first_byte)) => {
            let around = banner(frame.texts(), identity.as_ref());
            (frame.about(around), identity, Some(first_byte))
        }
        None => (frame, None, None),
    })
}

fn shown<P: Template>(page: &P, first_byte: Option<FirstByte>) -> Result<Response, Problem> {
    match first_byte {
        Some(first_byte) => respond::opened(page, first_byte),
        None => respond::page(page),
    }
}

async fn form(
    portal: &Portal,
    reading: &Reading,
    given: AnswerForm,
    errors: FieldErrors,
) -> Result<Response, Problem> {
    let (mut frame, _, first_byte) = framed(portal, reading).await?;
    let has_errors = !errors.is_empty();
    frame.has_errors = has_errors;
    let page = AskPage {
        frame,
        errors,
        action: reading.path("/emergency"),
        reason: given.reason,
        document: given.document,
    };
    let response = shown(&page, first_byte)?;
    Ok(respond::to_mend_if(has_errors, response))
}

/// The words, then the answer over the sentence that was made of them.
#[derive(Deserialize, Default)]
pub struct AnswerForm {
    #[serde(default)]
    reason: String,
    #[serde(default)]
    document: String,
    #[serde(default)]
    ceremony: String,
    #[serde(default)]
    answer: String,
}

impl AnswerForm {
    fn document(&self) -> Result<Option<ItemId>, Problem> {
        match self.document.as_str() {
            "" => Ok(None),
            id => id.parse().map(Some).map_err(|_| Problem::NoSuchPage),
        }
    }
}

/// `POST /patients/{patient}/emergency`: takes the words and shows the sentence; takes the answer, and opens.
pub async fn open(
    State(portal): State<Portal>,
    visitor: Visitor,
    Path(patient): Path<String>,
    Form(given): Form<AnswerForm>,
) -> Result<Response, Problem> {
    let reading = Reading::of(&portal, visitor, &patient).await?;
    let texts = crate::texts::Language::English.texts();
    let mut errors = FieldErrors::default();
    if given.ceremony.is_empty() {
        let words = given.reason.trim();
        if words.is_empty() || words.chars().count() > LONGEST_WORDS {
            errors.add("reason", texts.say("emergency.error_reason"));
            return form(&portal, &reading, given, errors).await;
        }
        return sentence(&portal, &reading, given).await;
    }
    match opened(&portal, &reading, &given).await {
        Err(Problem::Refused(Refusal::StepUpNeeded | Refusal::WrongCredentials)) => {
            errors.add("reason", texts.say("emergency.error_answer"));
            form(&portal, &reading, given, errors).await
        }
        answered => answered,
    }
}

async fn sentence(
    portal: &Portal,
    reading: &Reading,
    given: AnswerForm,
) -> Result<Response, Problem> {
    let (frame, who, first_byte) = framed(portal, reading).await?;
    let viewer = reading.visitor.viewer(Purpose::Emergency)?;
    let asked = emergency::Asked {
        patient: reading.patient,
        who,
        document: given.document()?,
        words: given.reason.trim().to_owned(),
    };
    let asked = emergency::start(portal.app(), &viewer, asked).await?;
    let page = ActPage {
        frame: frame.with_passkeys(),
        action: reading.path("/emergency"),
        sentence: asked.text,
        reason: given.reason,
        document: given.document,
        ceremony: hexadecimal(asked.id.as_bytes()),
        options: asked.options_json,
    };
    shown(&page, first_byte)
}

async fn opened(
    portal: &Portal,
    reading: &Reading,
    given: &AnswerForm,
) -> Result<Response, Problem> {
    let texts = crate::texts::Language::English.texts();
    let (app, viewer) = (portal.app(), reading.visitor.viewer(Purpose::Emergency)?);
    let proof = (ceremony(&given.ceremony)?, given.answer.clone());
    if let Some(document) = given.document()? {
        let opened = emergency::document(app, &viewer, document, proof).await?;
        return Ok(content(opened, false));
    }
    let opened = emergency::open(app, &viewer, reading.patient, proof).await;
    // To others it is no page; the keeper has written down that they tried.
    reading.staff_only()?;
    let (record, first_byte) = opened?;
    let shelf = record.shelf.into_inner();
    let mut missing = shelf.unreadable;
    let sections = record.sections.into_iter().map(|(of, opened)| {
        let opened = opened.into_inner();
        missing += opened.unreadable;
        section(texts, of, &opened)
    });
    let sections = sections.collect();
    let name = record.name.into_inner();
    let frame = reading.frame(portal, "emergency.opened", None).await;
    let page = RecordPage {
        sections,
        documents: shelf
            .lines
            .iter()
            .map(|line| {
                let path = reading.path(&format!("/emergency?document={}", line.document));
                (path, view(texts, line, Relation::Staff))
            })
            .collect(),
        unreadable: unreadable(texts, missing),
        frame: frame.about(banner(texts, name.identity.as_ref())),
    };
    respond::opened(&page, first_byte)
}

fn section(texts: &'static Texts, of: Section, opened: &RecordSection) -> SectionView {
    let rows = opened.rows();
    let all = rows.len();
    let entries = rows.into_iter().take(MOST).map(|row| entry(texts, row));
    SectionView {
        id: of.word(),
        name: name_of(of),
        entries: entries.collect(),
        none: texts.say(none_of(of)),
        more: (all > MOST).then(|| {
            let counts = [("shown", MOST.to_string()), ("all", all.to_string())];
            texts.fill(
                "record.shown",
                &[("shown", &counts[0].1), ("all", &counts[1].1)],
            )
        }),
    }
}
