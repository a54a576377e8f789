//! The practice's programs: what there is, letting one read, adding one, ending one.

use crate::dates;
use crate::error::Problem;
use crate::frame::{FieldErrors, Frame};
use crate::pages::sharing::rule::{DAYS, chosen, until};
use crate::pages::sharing::{Choice, section_name};
use crate::pages::{self, erasures};
use crate::portal::Portal;
use crate::respond;
use crate::session::Visitor;
use crate::texts::{Language, Texts};
use askama::Template;
use axum::Form;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use candour_app::Refusal;
use candour_app::programs::{self, Program, Reading};
use candour_app::sign_in::Ceremony;
use candour_keeper_api::Viewer;
use candour_keeper_api::words::{Purpose, Section};
use candour_seal::{ClientId, PracticeId};
use jiff::tz::TimeZone;
use serde::Deserialize;

const PATH: &str = "/practice/programs";
/// Where the answer to what ends something is sent.
const ENDED: &str = "/practice/programs/act";
/// Where whoever asks for what is not there as they saw it is led.
const CHANGED: &str = "/practice/programs?said=changed";
/// Longest name in letters; the keeper's bound.
const LONGEST_NAME: usize = 100;
/// Longest reason in letters; the keeper's bound.
const LONGEST_REASON: usize = 300;
/// For how many days a program is let read, unless something else is chosen.
const USUAL_DAYS: &str = "90";
/// What a program can be let read; the shelf stands for documents.
const SECTIONS: [Section; 10] = [
    Section::Identity,
    Section::Contact,
    Section::Shelf,
    Section::Notices,
    Section::Conditions,
    Section::Medicines,
    Section::Allergies,
    Section::Immunisations,
    Section::Results,
    Section::Other,
];

/// A section, to the practice: what the patient calls messages for them are messages to patients here.
const fn name_of(section: Section) -> &'static str {
    match section {
        Section::Notices => "programs.messages",
        other => section_name(other),
    }
}

/// The list.
#[derive(Template)]
#[template(path = "programs/programs.html")]
pub struct ProgramsPage {
    /// Around it.
    pub frame: Frame,
    /// Key of the sentence about what was just done.
    pub said: Option<&'static str>,
    /// What is to be mended.
    pub errors: FieldErrors,
    /// Each of them.
    pub programs: Vec<ProgramView>,
    /// The name that was typed for another.
    pub typed: String,
}

/// One program.
pub struct ProgramView {
    /// Its client id as text.
    pub client: String,
    /// Its name in lists.
    pub name: String,
    /// Since when it is there.
    pub since: String,
    /// What it may read; `None`: nothing.
    pub reads: Option<ReadsView>,
}

/// What a program may read.
pub struct ReadsView {
    /// What, and until when.
    pub what: String,
    /// What for.
    pub reason: String,
}

/// Letting one read.
#[derive(Template)]
#[template(path = "programs/reading.html")]
pub struct ReadingPage {
    /// Around it.
    pub frame: Frame,
    /// What is to be mended.
    pub errors: FieldErrors,
    /// Where it is sent.
    pub action: String,
    /// What it may read.
    pub sections: Vec<Choice>,
    /// For how long.
    pub days: Vec<Choice>,
    /// What for.
    pub reason: String,
}

/// A new program's credential, shown once.
#[derive(Template)]
#[template(path = "programs/credential.html")]
pub struct CredentialPage {
    /// Around it.
    pub frame: Frame,
    /// The client's id and secret.
    pub credential: String,
}

struct Desk {
    viewer: Viewer,
    practice: PracticeId,
    programs: Vec<Program>,
}

impl Desk {
    /// Of whoever may see it: that is the keeper's to say.
    async fn of(portal: &Portal, visitor: &Visitor) -> Result<Self, Problem> {
        visitor.signed_in()?;
        let viewer = visitor.viewer(Purpose::AccountCare)?;
        let programs = programs::all(portal.app(), &viewer).await?;
        let session = visitor.session(portal).await?;
        Ok(Self {
            viewer,
            practice: session.practice.ok_or(Problem::NoSuchPage)?,
            programs,
        })
    }

    /// The one with this id; `None` where it ended since the page was made.
    fn program(&self, client: &str) -> Result<Option<&Program>, Problem> {
        let client: ClientId = client.parse().map_err(|_| Problem::NoSuchPage)?;
        let mut programs = self.programs.iter();
        Ok(programs.find(|program| program.client == client))
    }

    async fn list(
        &self,
        portal: &Portal,
        visitor: &Visitor,
        said: Option<&'static str>,
        (typed, errors): (String, FieldErrors),
    ) -> Result<Response, Problem> {
        let frame = portal.frame(visitor.visit, "programs.title").await;
        let mut frame = frame.back_to("/practice", "frame.back");
        let has_errors = !errors.is_empty();
        frame.has_errors = has_errors;
        let (texts, zone) = (frame.texts(), &portal.settings().zone);
        let programs = self.programs.iter();
        let page = ProgramsPage {
            programs: programs
                .map(|program| ProgramView::of(texts, zone, program))
                .collect(),
            said,
            typed,
            errors,
            frame,
        };
        Ok(respond::to_mend_if(has_errors, respond::page(&page)?))
    }
}

impl ProgramView {
    fn of(texts: &Texts, zone: &TimeZone, program: &Program) -> Self {
        let since = dates::moment(texts, program.since, zone);
        Self {
            client: program.client.to_string(),
            name: program.name.clone(),
            since: texts.fill("programs.since", &[("when", &since)]),
            reads: program
                .reading
                .as_ref()
                .map(|reading| ReadsView::of(texts, zone, reading)),
        }
    }
}

impl ReadsView {
    fn of(texts: &Texts, zone: &TimeZone, reading: &Reading) -> Self {
        let sections = reading.sections.iter();
        let what: Vec<&str> = sections
            .map(|section| texts.say(name_of(*section)))
            .collect();
        let until = dates::moment(texts, reading.until, zone);
        let filled = [("what", what.join(", ")), ("until", until)];
        let filled = filled
            .each_ref()
            .map(|(name, value)| (*name, value.as_str()));
        Self {
            what: texts.fill("programs.reads", &filled),
            reason: texts.fill("programs.reason_was", &[("reason", &reading.reason)]),
        }
    }
}

/// What was just done.
#[derive(Deserialize)]
pub struct Said {
    said: Option<String>,
}

/// `GET /practice/programs`.
pub async fn show(
    State(portal): State<Portal>,
    visitor: Visitor,
    Query(Said { said }): Query<Said>,
) -> Result<Response, Problem> {
    let desk = Desk::of(&portal, &visitor).await?;
    let said = match said.as_deref() {
        Some("ended") => Some("programs.said_ended"),
        Some("again") => Some("programs.said_again"),
        Some("changed") => Some("programs.said_changed"),
        _ => None,
    };
    let nothing = (String::new(), FieldErrors::default());
    desk.list(&portal, &visitor, said, nothing).await
}

/// Another program.
#[derive(Deserialize)]
pub struct Another {
    #[serde(default)]
    name: String,
}

/// `POST /practice/programs`: shows the sentence that adds a program. A second manager agrees, and is shown its credential.
pub async fn add(
    State(portal): State<Portal>,
    visitor: Visitor,
    Form(Another { name }): Form<Another>,
) -> Result<Response, Problem> {
    let desk = Desk::of(&portal, &visitor).await?;
    let length = name.trim().chars().count();
    if length == 0 || length > LONGEST_NAME {
        let mut errors = FieldErrors::default();
        errors.add("name", Language::English.texts().say("programs.error_name"));
        return desk.list(&portal, &visitor, None, (name, errors)).await;
    }
    let begun = programs::start_add(portal.app(), &desk.viewer, desk.practice, &name).await;
    sign(&portal, &visitor, begun, erasures::ANSWERED).await
}

async fn sign(
    portal: &Portal,
    visitor: &Visitor,
    begun: Result<Ceremony, Refusal>,
    answered: &str,
) -> Result<Response, Problem> {
    let begun = match begun {
        Ok(begun) => begun,
        Err(Refusal::NotAsShown) => return Ok(respond::to(CHANGED)),
        Err(refusal) => return Err(refusal.into()),
    };
    let frame = portal.frame(visitor.visit, "erase.act_title").await;
    let frame = frame.back_to(PATH, "erase.back");
    erasures::act(frame, begun, answered.to_owned())
}

/// What is to end.
#[derive(Deserialize)]
pub struct Ending {
    #[serde(default)]
    what: String,
}

/// `POST /practice/programs/{client}/end`: shows the sentence that ends what it reads, or the program. One signature is enough.
pub async fn end(
    State(portal): State<Portal>,
    visitor: Visitor,
    Path(client): Path<String>,
    Form(Ending { what }): Form<Ending>,
) -> Result<Response, Problem> {
    let desk = Desk::of(&portal, &visitor).await?;
    let Some(program) = desk.program(&client)? else {
        return Ok(respond::to(CHANGED));
    };
    let only_reading = match what.as_str() {
        "reading" => true,
        "program" => false,
        _ => return Err(Problem::Form),
    };
    let (app, viewer) = (portal.app(), &desk.viewer);
    let begun = programs::start_end(app, viewer, desk.practice, program, only_reading).await;
    sign(&portal, &visitor, begun, ENDED).await
}

/// `POST /practice/programs/act`: the answer to what ends something; the list then says what stands.
pub async fn answer(
    State(portal): State<Portal>,
    visitor: Visitor,
    Form(answer): Form<erasures::Answer>,
) -> Result<Response, Problem> {
    let said = match answer.give(&portal, &visitor).await {
        Ok(_) => "ended",
        Err(Problem::Refused(Refusal::WrongCredentials | Refusal::NotFound)) => "again",
        Err(Problem::Refused(Refusal::NotAsShown)) => "changed",
        Err(problem) => return Err(problem),
    };
    Ok(respond::to(&format!("{PATH}?said={said}")))
}

/// What was chosen. A name of the form can stand in it several times.
struct Asked {
    sections: Vec<Section>,
    days: String,
    reason: String,
}

impl Asked {
    fn read(form: &[(String, String)]) -> Self {
        let of = |name| pages::values(form, name).next().unwrap_or_default();
        let see: Vec<&str> = pages::values(form, "see").collect();
        Self {
            sections: SECTIONS
                .into_iter()
                .filter(|section| see.contains(&section.word()))
                .collect(),
            days: of("days").to_owned(),
            reason: of("reason").trim().to_owned(),
        }
    }

    fn errors(&self, texts: &Texts) -> FieldErrors {
        let mut errors = FieldErrors::default();
        if self.sections.is_empty() {
            errors.add("see", texts.say("programs.error_see"));
        }
        if self.reason.is_empty() || self.reason.chars().count() > LONGEST_REASON {
            errors.add("reason", texts.say("erase.error_reason"));
        }
        errors
    }

    async fn page(
        self,
        portal: &Portal,
        visitor: &Visitor,
        program: &Program,
        errors: FieldErrors,
    ) -> Result<Response, Problem> {
        let frame = portal.frame(visitor.visit, "programs.reading_title").await;
        let mut frame = frame.back_to(PATH, "frame.back");
        let has_errors = !errors.is_empty();
        frame.has_errors = has_errors;
        let texts = frame.texts();
        let sections = SECTIONS.map(|section| Choice {
            value: section.word().to_owned(),
            words: texts.say(name_of(section)).to_owned(),
            is_chosen: self.sections.contains(&section),
        });
        // A program is let nothing without an end.
        let days = DAYS.into_iter().filter(|(days, _)| *days > 0);
        let days = days.map(|(days, words)| (days.to_string(), texts.say(words).to_owned()));
        let days = chosen(days, &self.days);
        let name = texts.fill("programs.reading_of", &[("name", &program.name)]);
        frame.title = name;
        let page = ReadingPage {
            action: format!("{PATH}/{}/reading", program.client),
            sections: sections.into(),
            days,
            reason: self.reason,
            errors,
            frame,
        };
        Ok(respond::to_mend_if(has_errors, respond::page(&page)?))
    }
}

/// `GET /practice/programs/{client}/reading`.
pub async fn ask(
    State(portal): State<Portal>,
    visitor: Visitor,
    Path(client): Path<String>,
) -> Result<Response, Problem> {
    let desk = Desk::of(&portal, &visitor).await?;
    let Some(program) = desk.program(&client)? else {
        return Ok(respond::to(CHANGED));
    };
    let asked = Asked {
        sections: Vec::new(),
        days: USUAL_DAYS.to_owned(),
        reason: String::new(),
    };
    asked
        .page(&portal, &visitor, program, FieldErrors::default())
        .await
}

/// `POST /practice/programs/{client}/reading`: shows the sentence that lets it read. A second manager must agree.
pub async fn begin(
    State(portal): State<Portal>,
    visitor: Visitor,
    Path(client): Path<String>,
    Form(form): Form<Vec<(String, String)>>,
) -> Result<Response, Problem> {
    let desk = Desk::of(&portal, &visitor).await?;
    let Some(program) = desk.program(&client)? else {
        return Ok(respond::to(CHANGED));
    };
    let asked = Asked::read(&form);
    let errors = asked.errors(Language::English.texts());
    if !errors.is_empty() {
        return asked.page(&portal, &visitor, program, errors).await;
    }
    let until = until(portal.now(), &asked.days)?;
    let reading = Reading {
        sections: asked.sections,
        until: until.ok_or(Problem::Form)?,
        reason: asked.reason,
    };
    let (app, viewer) = (portal.app(), &desk.viewer);
    let begun = programs::start_reading(app, viewer, desk.practice, program, &reading).await;
    sign(&portal, &visitor, begun, erasures::ANSWERED).await
}

/// The credential of a program that was just added.
pub(super) async fn credential_page(
    portal: &Portal,
    visitor: &Visitor,
    credential: &str,
) -> Result<Response, Problem> {
    let frame = portal.frame(visitor.visit, "programs.credential_title");
    respond::page(&CredentialPage {
        frame: frame.await,
        credential: credential.to_owned(),
    })
}
