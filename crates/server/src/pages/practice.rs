//! What practice staff see: purpose, finding a patient, the patient's page.

use super::GivenDate;
use super::record::{self, SectionLink};
use crate::error::Problem;
use crate::frame::{FieldErrors, Frame};
use crate::portal::Portal;
use crate::reading::{Reading, banner, nhi};
use crate::respond;
use crate::session::{VISIT_COOKIE, Visit, Visitor, set_cookie};
use crate::texts::Texts;
use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::response::Response;
use candour_app::patients::{self, NameLine, Terms};
use candour_app::practices;
use candour_core::nhi::Nhi;
use candour_keeper_api::words::{Purpose, Role};
use http::header::SET_COOKIE;
use serde::Deserialize;

/// Where staff start.
#[derive(Template)]
#[template(path = "practice/practice.html")]
pub struct PracticePage {
    /// Around it.
    pub frame: Frame,
    /// The practice's name.
    pub practice: String,
    /// Key of the sentence that says the chosen purpose.
    pub purpose: &'static str,
    /// The manager sees which budgets were reopened, and what was erased.
    pub is_manager: bool,
    /// Of the search, which stands here too: nothing yet.
    pub errors: FieldErrors,
    /// Of the search: nothing yet.
    pub terms: GivenTerms,
}

/// A purpose to choose.
pub struct PurposeChoice {
    /// The input's id.
    pub id: &'static str,
    /// The purpose's word.
    pub word: &'static str,
    /// Key of its name.
    pub words: &'static str,
    /// Key of its explanation.
    pub text: &'static str,
    /// It is the present one.
    pub is_chosen: bool,
}

/// Why records are opened in this visit.
#[derive(Template)]
#[template(path = "practice/purpose.html")]
pub struct PurposePage {
    /// Around it.
    pub frame: Frame,
    /// What is to be mended.
    pub errors: FieldErrors,
    /// The closed list.
    pub choices: Vec<PurposeChoice>,
}

/// What was typed into a search.
#[derive(Debug, Default, Clone)]
pub struct GivenTerms {
    /// NHI.
    pub nhi: String,
    /// Surname.
    pub surname: String,
    /// First name or initial.
    pub given: String,
    /// Birth date.
    pub birth: GivenDate,
    /// Phone number.
    pub phone: String,
}

/// One patient found.
pub struct FoundPatient {
    /// Id as text.
    pub id: String,
    /// Full name.
    pub name: String,
    /// Birth date and NHI.
    pub about: String,
}

/// What a search gave.
pub struct FoundView {
    /// How many.
    pub heading: String,
    /// At most ten.
    pub patients: Vec<FoundPatient>,
    /// There are more.
    pub has_more: bool,
}

/// Finding a patient of one's own practice.
#[derive(Template)]
#[template(path = "practice/find.html")]
pub struct FindPage {
    /// Around it.
    pub frame: Frame,
    /// What is to be mended.
    pub errors: FieldErrors,
    /// What was typed.
    pub terms: GivenTerms,
    /// What it gave.
    pub found: Option<FoundView>,
}

/// One patient, for staff.
#[derive(Template)]
#[template(path = "practice/patient.html")]
pub struct PatientPage {
    /// Around it.
    pub frame: Frame,
    /// The patient's id as text.
    pub patient: String,
    /// The record's sections, a click each.
    pub sections: Vec<SectionLink>,
    /// Doctors, nurses and managers erase; reception does not.
    pub may_erase: bool,
    /// Doctors and nurses open a record in an emergency.
    pub may_open: bool,
}

/// `GET /practice`: where staff start.
pub async fn start(State(portal): State<Portal>, visitor: Visitor) -> Result<Response, Problem> {
    let session = visitor.session(&portal).await?;
    let practice = session.practice.ok_or(Problem::NoSuchPage)?;
    let purpose = match visitor.purpose()? {
        Purpose::Administration => "practice.purpose_now_administration",
        _ => "practice.purpose_now_direct_care",
    };
    let name = practices::one(portal.app(), practice)
        .await?
        .map(|practice| practice.name);
    let frame = portal
        .frame(visitor.visit, "practice.title")
        .await
        .at("/practice");
    let hello = frame
        .texts()
        .fill("practice.hello", &[("name", &session.staff_name)]);
    let frame = if session.staff_name.is_empty() {
        frame
    } else {
        frame.titled(hello)
    };
    let practice = name.unwrap_or_default();
    respond::page(&PracticePage {
        frame,
        practice,
        purpose,
        is_manager: session.role == Role::Manager,
        errors: FieldErrors::default(),
        terms: GivenTerms::default(),
    })
}

/// `GET /practice/purpose`.
pub async fn purposes(State(portal): State<Portal>, visitor: Visitor) -> Result<Response, Problem> {
    visitor.session(&portal).await?;
    respond::page(&choose(&portal, &visitor, FieldErrors::default()).await)
}

async fn choose(portal: &Portal, visitor: &Visitor, errors: FieldErrors) -> PurposePage {
    let mut frame = portal
        .frame(visitor.visit, "purpose.title")
        .await
        .at("/practice/purpose");
    frame.has_errors = !errors.is_empty();
    let choice = |purpose: Purpose, id, words, text| PurposeChoice {
        id,
        word: purpose.word(),
        words,
        text,
        is_chosen: visitor.visit == Some(Visit::Staff(Some(purpose))),
    };
    PurposePage {
        frame,
        errors,
        choices: vec![
            choice(
                Purpose::DirectCare,
                "purpose",
                "purpose.direct_care",
                "purpose.direct_care_text",
            ),
            choice(
                Purpose::Administration,
                "purpose-administration",
                "purpose.administration",
                "purpose.administration_text",
            ),
        ],
    }
}

/// The chosen purpose.
#[derive(Deserialize)]
pub struct Chosen {
    #[serde(default)]
    purpose: String,
}

/// `POST /practice/purpose`: kept in a cookie with a closed list of words; the keeper judges it at each opening.
pub async fn choose_purpose(
    State(portal): State<Portal>,
    visitor: Visitor,
    Form(Chosen { purpose }): Form<Chosen>,
) -> Result<Response, Problem> {
    visitor.signed_in()?;
    let Some(visit @ Visit::Staff(Some(_))) = Visit::of(&purpose) else {
        let mut errors = FieldErrors::default();
        errors.add(
            "purpose",
            crate::texts::Language::English.texts().say("purpose.error"),
        );
        return Ok(respond::to_mend(respond::page(
            &choose(&portal, &visitor, errors).await,
        )?));
    };
    let mut response = respond::to("/practice");
    if let Some(cookie) = set_cookie(VISIT_COOKIE, visit.word()) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    Ok(response)
}

/// `GET /practice/find`.
pub async fn ask(State(portal): State<Portal>, visitor: Visitor) -> Result<Response, Problem> {
    visitor.signed_in()?;
    visitor.purpose()?;
    respond::page(
        &find_page(
            &portal,
            &visitor,
            FieldErrors::default(),
            GivenTerms::default(),
        )
        .await,
    )
}

async fn find_page(
    portal: &Portal,
    visitor: &Visitor,
    errors: FieldErrors,
    terms: GivenTerms,
) -> FindPage {
    let mut frame = portal
        .frame(visitor.visit, "find.title")
        .await
        .at("/practice/find");
    frame.has_errors = !errors.is_empty();
    FindPage {
        frame,
        errors,
        terms,
        found: None,
    }
}

/// A search as it was sent.
#[derive(Deserialize)]
pub struct Search {
    #[serde(default)]
    nhi: String,
    #[serde(default)]
    surname: String,
    #[serde(default)]
    given: String,
    #[serde(default)]
    day: String,
    #[serde(default)]
    month: String,
    #[serde(default)]
    year: String,
    #[serde(default)]
    phone: String,
}

/// `POST /practice/find`. The answer is the page itself: what was typed is personal and never stands in an address.
pub async fn find(
    State(portal): State<Portal>,
    visitor: Visitor,
    Form(search): Form<Search>,
) -> Result<Response, Problem> {
    let session = visitor.session(&portal).await?;
    let practice = session.practice.ok_or(Problem::NoSuchPage)?;
    let viewer = visitor.viewer(visitor.purpose()?)?;
    let birth = GivenDate {
        day: search.day,
        month: search.month,
        year: search.year,
    };
    let terms = GivenTerms {
        nhi: search.nhi.trim().to_owned(),
        surname: search.surname.trim().to_owned(),
        given: search.given.trim().to_owned(),
        birth,
        phone: search.phone.trim().to_owned(),
    };
    let texts = crate::texts::Language::English.texts();
    let errors = check(texts, &terms);
    if !errors.is_empty() {
        return Ok(respond::to_mend(respond::page(
            &find_page(&portal, &visitor, errors, terms).await,
        )?));
    }
    let asked = Terms {
        nhi: terms.nhi.clone(),
        surname: terms.surname.clone(),
        given: terms.given.clone(),
        birth_date: terms
            .birth
            .read()
            .map(|date| date.to_string())
            .unwrap_or_default(),
        phone: terms.phone.clone(),
    };
    let (opened, first_byte) = patients::find(portal.app(), &viewer, practice, asked).await?;
    let found = opened.into_inner();
    let mut page = find_page(&portal, &visitor, errors, terms).await;
    page.found = Some(FoundView {
        heading: match found.people.len() {
            0 => texts.say("find.none").to_owned(),
            1 => texts.say("find.found_one").to_owned(),
            count => texts.fill("find.found_many", &[("count", &count.to_string())]),
        },
        has_more: found.has_more,
        patients: found
            .people
            .iter()
            .map(|line| found_patient(texts, line))
            .collect(),
    });
    respond::opened(&page, first_byte)
}

fn found_patient(texts: &Texts, line: &NameLine) -> FoundPatient {
    let banner = banner(texts, line.identity.as_ref());
    let nhi = line
        .identity
        .as_ref()
        .map(|identity| nhi(texts, identity))
        .unwrap_or(banner.nhi);
    FoundPatient {
        id: line.patient.to_string(),
        name: banner.name,
        about: texts.fill("find.born", &[("date", &banner.born), ("nhi", &nhi)]),
    }
}

/// One kind of search must be filled: the keeper looks nobody up by a surname alone.
fn check(texts: &Texts, terms: &GivenTerms) -> FieldErrors {
    let mut errors = FieldErrors::default();
    if !terms.nhi.is_empty() && Nhi::parse(&terms.nhi).is_err() {
        errors.add("nhi", texts.say("find.error_nhi"));
    }
    if !terms.birth.is_empty() && terms.birth.read().is_none() {
        errors.add("birth", texts.say("find.error_birth"));
    }
    let by_name = !terms.surname.is_empty() && (!terms.given.is_empty() || !terms.birth.is_empty());
    if terms.nhi.is_empty() && terms.phone.is_empty() && !by_name {
        errors.add("surname", texts.say("find.error_terms"));
    }
    errors
}

/// `GET /patients/{patient}`: what staff can do with one patient. A patient who comes here is sent home.
pub async fn patient(
    State(portal): State<Portal>,
    visitor: Visitor,
    Path(patient): Path<String>,
) -> Result<Response, Problem> {
    let reading = Reading::of(&portal, visitor, &patient).await?;
    let (identity, first_byte) = reading.identity(&portal).await?;
    if reading.staff_only().is_err() {
        return Ok(respond::to("/home"));
    }
    let session = reading.visitor.session(&portal).await?;
    let frame = reading.frame(&portal, "patient.title", None).await;
    let around = banner(frame.texts(), identity.as_ref());
    let frame = frame
        .about(around)
        .back_to("/practice/find", "frame.find_patient");
    let page = PatientPage {
        frame,
        patient: reading.patient.to_string(),
        sections: record::links(&reading),
        may_erase: session.role != Role::Reception,
        may_open: session.role == Role::Clinician,
    };
    respond::opened(&page, first_byte)
}
