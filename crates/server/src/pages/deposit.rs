//! Putting a document on a patient's shelf.

use super::GivenDate;
use crate::dates;
use crate::error::Problem;
use crate::frame::{FieldErrors, Frame};
use crate::portal::Portal;
use crate::reading::{Reading, banner};
use crate::respond;
use crate::session::Visitor;
use crate::text::hexadecimal;
use askama::Template;
use axum::body::Bytes;
use axum::extract::multipart::MultipartRejection;
use axum::extract::{Multipart, Path, State};
use axum::response::Response;
use candour_app::documents::{self, Deposit};
use candour_app::{FirstByte, practices};
use candour_core::document::{DocumentKind, DocumentMeta, MediaType, NewDocument, Title};
use candour_core::fhir::Sensitivities;
use candour_seal::{CryptoRng, DepositKey, SystemRandom};
use http::StatusCode;

/// Adding a document.
#[derive(Template)]
#[template(path = "documents/deposit.html")]
pub struct DepositPage {
    /// Around it.
    pub frame: Frame,
    /// What is to be mended.
    pub errors: FieldErrors,
    /// Where it is sent.
    pub action: String,
    /// Makes sending twice store once.
    pub once: String,
    /// What files are taken.
    pub file_hint: String,
    /// The title typed before.
    pub title: String,
    /// The kind chosen before.
    pub kind: String,
    /// Kinds: word and text.
    pub kinds: Vec<(String, String)>,
    /// The date typed before.
    pub date: GivenDate,
}

/// The largest file that this page takes, in bytes. Larger ones come by import.
pub const LARGEST: usize = 20 * 1024 * 1024;
/// What a form with such a file may hold.
pub const LARGEST_FORM: usize = LARGEST + 64 * 1024;

/// The kinds to choose from; the most frequent first.
const KINDS: [(&str, DocumentKind); 8] = [
    ("clinic_letter", DocumentKind::ClinicLetter),
    ("discharge_summary", DocumentKind::DischargeSummary),
    ("referral", DocumentKind::Referral),
    ("lab_report", DocumentKind::LabReport),
    ("imaging_report", DocumentKind::ImagingReport),
    ("visit_note", DocumentKind::VisitNote),
    ("form", DocumentKind::Form),
    ("other", DocumentKind::Other),
];

/// What was typed and chosen.
#[derive(Default)]
struct Given {
    once: String,
    file: Bytes,
    title: String,
    kind: String,
    date: GivenDate,
}

/// `GET /patients/{patient}/deposit`.
pub async fn ask(
    State(portal): State<Portal>,
    visitor: Visitor,
    Path(patient): Path<String>,
) -> Result<Response, Problem> {
    let reading = Reading::of(&portal, visitor, &patient).await?;
    let given = Given {
        once: new_key(),
        ..Given::default()
    };
    let (page, first_byte) = form(&portal, &reading, given, FieldErrors::default()).await?;
    respond::opened(&page, first_byte)
}

/// `POST /patients/{patient}/deposit`.
pub async fn store(
    State(portal): State<Portal>,
    visitor: Visitor,
    Path(patient): Path<String>,
    form_data: Result<Multipart, MultipartRejection>,
) -> Result<Response, Problem> {
    let reading = Reading::of(&portal, visitor, &patient).await?;
    // Whoever may not see whose record it is, is refused here, on the ledger, whatever they sent.
    let (_, _not_shown) = reading.identity(&portal).await?;
    reading.staff_only()?;
    let given = read(form_data.map_err(|_| Problem::Form)?).await?;
    let texts = crate::texts::Language::English.texts();
    let errors = check(texts, &given);
    let (Some(kind), Some(date), true) =
        (kind_of(&given.kind), given.date.read(), errors.is_empty())
    else {
        let (page, first_byte) = self::form(&portal, &reading, given, errors).await?;
        return Ok(respond::to_mend(respond::opened(&page, first_byte)?));
    };
    let session = reading.visitor.session(&portal).await?;
    let practice = session.practice.ok_or(Problem::NoSuchPage)?;
    let source = practices::one(portal.app(), practice)
        .await?
        .map(|practice| practice.name);
    let meta = DocumentMeta {
        title: Title::of(&given.title),
        kind,
        date: Some(date),
        // Set from the file by the use case.
        media_type: MediaType::Unknown,
        size_bytes: 0,
        source: source.unwrap_or_default(),
        author: (!session.staff_name.is_empty()).then_some(session.staff_name),
        envelope: None,
    };
    let deposit = Deposit {
        patient: reading.patient,
        key: given
            .once
            .parse::<DepositKey>()
            .map_err(|_| Problem::Form)?,
        document: NewDocument {
            meta,
            tags: Sensitivities::NONE,
            bytes: given.file.into(),
        },
    };
    let token = reading.visitor.signed_in()?;
    for answer in documents::deposit(portal.app(), token, vec![deposit], portal.now()).await? {
        answer?;
    }
    Ok(respond::to(&reading.path("/documents?stored=1")))
}

async fn form(
    portal: &Portal,
    reading: &Reading,
    given: Given,
    errors: FieldErrors,
) -> Result<(DepositPage, FirstByte), Problem> {
    let (identity, first_byte) = reading.identity(portal).await?;
    reading.staff_only()?;
    let mut frame = reading.frame(portal, "deposit.title", None).await;
    let texts = frame.texts();
    frame = frame
        .about(banner(texts, identity.as_ref()))
        .back_to(reading.path("/documents"), "frame.back");
    frame.has_errors = !errors.is_empty();
    let largest = dates::size(LARGEST as u64);
    let page = DepositPage {
        errors,
        action: reading.path("/deposit"),
        once: given.once,
        file_hint: texts.fill("deposit.file_hint", &[("size", &largest)]),
        title: given.title,
        kind: given.kind,
        kinds: KINDS
            .map(|(word, kind)| (word.to_owned(), kind.words().to_owned()))
            .into(),
        date: given.date,
        frame,
    };
    Ok((page, first_byte))
}

fn kind_of(word: &str) -> Option<DocumentKind> {
    KINDS
        .iter()
        .find(|(known, _)| *known == word)
        .map(|(_, kind)| *kind)
}

fn check(texts: &crate::texts::Texts, given: &Given) -> FieldErrors {
    let mut errors = FieldErrors::default();
    if given.file.is_empty() {
        errors.add("file", texts.say("deposit.error_file"));
    } else if given.file.len() > LARGEST {
        let size = dates::size(LARGEST as u64);
        errors.add(
            "file",
            texts.fill("deposit.error_too_big", &[("size", &size)]),
        );
    }
    if given.title.trim().is_empty() {
        errors.add("name", texts.say("deposit.error_name"));
    }
    if kind_of(&given.kind).is_none() {
        errors.add("kind", texts.say("deposit.error_kind"));
    }
    if given.date.read().is_none() {
        errors.add("date", texts.say("deposit.error_date"));
    }
    errors
}

/// Reads the form. The file's own name is not looked at: it selects nothing and is nobody's business.
async fn read(mut form: Multipart) -> Result<Given, Problem> {
    let mut given = Given::default();
    while let Some(field) = form
        .next_field()
        .await
        .map_err(|error| too_large_or_broken(&error))?
    {
        let name = field.name().unwrap_or_default().to_owned();
        let bytes = field
            .bytes()
            .await
            .map_err(|error| too_large_or_broken(&error))?;
        if name == "file" {
            given.file = bytes;
            continue;
        }
        let text = String::from_utf8(bytes.into()).map_err(|_| Problem::Form)?;
        match name.as_str() {
            "once" => given.once = text,
            "name" => given.title = text,
            "kind" => given.kind = text,
            "day" => given.date.day = text,
            "month" => given.date.month = text,
            "year" => given.date.year = text,
            _ => return Err(Problem::Form),
        }
    }
    Ok(given)
}

fn too_large_or_broken(error: &axum::extract::multipart::MultipartError) -> Problem {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        Problem::TooLarge
    } else {
        Problem::Form
    }
}

/// A key of its own for each form shown: sent twice, it stores once.
fn new_key() -> String {
    let random: &mut dyn CryptoRng = &mut SystemRandom;
    let mut bytes = [0; 16];
    random.fill_bytes(&mut bytes);
    hexadecimal(&bytes)
}
