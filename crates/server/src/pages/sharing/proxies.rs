//! Letting somebody act for a patient: the patient's own form, and that of a practice.

use super::rule::{DAYS, SECTIONS, chosen, until};
use super::{Choice, act, own, section_name};
use crate::error::Problem;
use crate::frame::{FieldErrors, Frame};
use crate::pages::invitations::{InviteMadePage, who};
use crate::pages::{self, erasures};
use crate::portal::Portal;
use crate::reading::{Reading, banner};
use crate::respond;
use crate::session::Visitor;
use crate::texts::{Language, Texts};
use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::response::Response;
use candour_app::invitations::{self, About, ProxyScope};
use candour_app::{FirstByte, Refusal};
use candour_keeper_api::words::{ProxyAction, Section};

/// How far somebody who acts reaches.
#[derive(Template)]
#[template(path = "sharing/proxy.html")]
pub struct ProxyPage {
    /// Around it.
    pub frame: Frame,
    /// What is to be mended.
    pub errors: FieldErrors,
    /// A practice fills it in.
    pub is_staff: bool,
    /// Where it is sent.
    pub action: String,
    /// The sections to see.
    pub sections: Vec<Choice>,
    /// What to do beside seeing.
    pub may: Vec<Choice>,
    /// For how long.
    pub days: Vec<Choice>,
    /// Why.
    pub reason: String,
}

/// What they may do, with the key of its words.
const MAY: [(ProxyAction, &str); 3] = [
    (ProxyAction::Write, "proxies.may_write"),
    (ProxyAction::Book, "proxies.may_book"),
    (ProxyAction::History, "proxies.may_history"),
];

/// Longest reason, in letters.
const LONGEST_REASON: usize = 300;

/// What was chosen. A name of the form can stand in it several times.
pub struct Asked {
    sections: Vec<Section>,
    may: Vec<ProxyAction>,
    days: String,
    reason: String,
    is_checked: bool,
}

impl Asked {
    /// What most people who help somebody need.
    fn usual() -> Self {
        Self {
            sections: vec![Section::Medicines, Section::Allergies],
            may: Vec::new(),
            days: "365".to_owned(),
            reason: String::new(),
            is_checked: false,
        }
    }

    fn read(form: &[(String, String)]) -> Self {
        let all = |name| pages::values(form, name);
        let of = |name| all(name).next().unwrap_or_default();
        let (see, may): (Vec<_>, Vec<_>) = (all("see").collect(), all("may").collect());
        Self {
            sections: sections()
                .filter(|section| see.contains(&section.word()))
                .collect(),
            may: MAY
                .into_iter()
                .filter_map(|(action, _)| may.contains(&action.word()).then_some(action))
                .collect(),
            days: of("days").to_owned(),
            reason: of("reason").trim().to_owned(),
            is_checked: all("checked").next().is_some(),
        }
    }

    fn errors(&self, texts: &Texts, is_staff: bool) -> FieldErrors {
        let mut errors = FieldErrors::default();
        if self.reason.is_empty() || self.reason.chars().count() > LONGEST_REASON {
            errors.add("reason", texts.say("proxies.error_reason"));
        }
        if is_staff && !self.is_checked {
            errors.add("checked", texts.say("proxies.error_check"));
        }
        errors
    }

    fn scope(self, portal: &Portal) -> Result<ProxyScope, Problem> {
        let mut sections = self.sections;
        if sections.is_empty() {
            // None at all would be read as all of them.
            sections.push(Section::Identity);
        }
        Ok(ProxyScope {
            sections,
            may: self.may,
            until: until(portal.now(), &self.days)?,
            reason: self.reason,
        })
    }
}

fn sections() -> impl Iterator<Item = Section> {
    SECTIONS.into_iter().chain([Section::Notices])
}

fn page(frame: Frame, asked: &Asked, errors: FieldErrors, at: Option<&Reading>) -> ProxyPage {
    let mut frame = frame;
    frame.has_errors = !errors.is_empty();
    let texts = frame.texts();
    let is_staff = at.is_some();
    let seen = sections().map(|section| Choice {
        value: section.word().to_owned(),
        words: texts.say(section_name(section)).to_owned(),
        is_chosen: asked.sections.contains(&section),
    });
    let may = MAY.map(|(action, words)| Choice {
        value: action.word().to_owned(),
        words: texts.say(words).to_owned(),
        is_chosen: asked.may.contains(&action),
    });
    let days = DAYS.map(|(days, words)| {
        let words = if days == 0 {
            "proxies.days_open"
        } else {
            words
        };
        (days.to_string(), texts.say(words).to_owned())
    });
    ProxyPage {
        is_staff,
        action: at.map_or("/sharing/proxy".to_owned(), |at| at.path("/proxy")),
        sections: seen.collect(),
        may: may.into(),
        days: chosen(days, &asked.days),
        reason: asked.reason.clone(),
        errors,
        frame,
    }
}

/// `GET /sharing/proxy`.
pub async fn ask_own(State(portal): State<Portal>, visitor: Visitor) -> Result<Response, Problem> {
    own(&portal, &visitor).await?;
    let frame = own_frame(&portal, &visitor).await;
    let asked = Asked::usual();
    respond::page(&page(frame, &asked, FieldErrors::default(), None))
}

async fn own_frame(portal: &Portal, visitor: &Visitor) -> Frame {
    let frame = portal.frame(visitor.visit, "proxies.own_title").await;
    frame.back_to(super::PATH, "frame.back")
}

/// `POST /sharing/proxy`: asks for the answer that it needs. The code comes with what is answered.
pub async fn begin_own(
    State(portal): State<Portal>,
    visitor: Visitor,
    Form(form): Form<Vec<(String, String)>>,
) -> Result<Response, Problem> {
    let own = own(&portal, &visitor).await?;
    let asked = Asked::read(&form);
    let errors = asked.errors(Language::English.texts(), false);
    if !errors.is_empty() {
        let frame = own_frame(&portal, &visitor).await;
        return Ok(respond::to_mend(respond::page(&page(
            frame, &asked, errors, None,
        ))?));
    }
    let (app, token) = (portal.app(), visitor.signed_in()?);
    let scope = asked.scope(&portal)?;
    let ceremony = invitations::ask_proxy(app, token, own.patient, scope).await?;
    act(&portal, &visitor, super::PATH, ceremony, false).await
}

async fn at_practice(
    portal: &Portal,
    reading: &Reading,
    asked: &Asked,
    errors: FieldErrors,
) -> Result<(ProxyPage, FirstByte), Problem> {
    let (identity, first_byte) = reading.identity(portal).await?;
    reading.staff_only()?;
    let frame = reading.frame(portal, "proxies.title", None).await;
    let around = banner(frame.texts(), identity.as_ref());
    let page = page(frame.about(around), asked, errors, Some(reading));
    Ok((page, first_byte))
}

/// `GET /patients/{patient}/proxy`.
pub async fn ask(
    State(portal): State<Portal>,
    visitor: Visitor,
    Path(patient): Path<String>,
) -> Result<Response, Problem> {
    let reading = Reading::of(&portal, visitor, &patient).await?;
    let asked = Asked::usual();
    let made = at_practice(&portal, &reading, &asked, FieldErrors::default());
    let (page, first_byte) = made.await?;
    respond::opened(&page, first_byte)
}

/// `POST /patients/{patient}/proxy`. The code is in this answer and nowhere else.
pub async fn invite(
    State(portal): State<Portal>,
    visitor: Visitor,
    Path(patient): Path<String>,
    Form(form): Form<Vec<(String, String)>>,
) -> Result<Response, Problem> {
    let reading = Reading::of(&portal, visitor, &patient).await?;
    let field = |name| {
        let mut fields = form.iter();
        let found = fields.find(|(key, _)| key == name);
        found.map_or("", |(_, value)| value.as_str())
    };
    if !field("ceremony").is_empty() {
        let answer = (field("ceremony"), field("answer").to_owned());
        return answered(&portal, &reading, answer).await;
    }
    let asked = Asked::read(&form);
    let errors = asked.errors(Language::English.texts(), true);
    let has_errors = !errors.is_empty();
    // Whoever may not see whose record it is, is refused here, on the ledger, whatever they sent.
    let (page, first_byte) = at_practice(&portal, &reading, &asked, errors).await?;
    if has_errors {
        return unprocessable(&page, first_byte);
    }
    let session = reading.visitor.session(&portal).await?;
    let practice = session.practice.ok_or(Problem::NoSuchPage)?;
    let (app, token) = (portal.app(), reading.visitor.signed_in()?);
    let scope = asked.scope(&portal)?;
    let about = About {
        practice,
        patient: reading.patient,
        who: page
            .frame
            .patient
            .as_ref()
            .map_or_else(String::new, |about| who(page.frame.texts(), about)),
    };
    let begun = invitations::invite_proxy(app, token, about, scope).await;
    let frame = portal
        .frame(reading.visitor.visit, "invite.act_title")
        .await
        .back_to(reading.path("/proxy"), "frame.back");
    erasures::act(frame, begun?, reading.path("/proxy"))
}

/// The code is in this answer and nowhere else.
async fn answered(
    portal: &Portal,
    reading: &Reading,
    answer: (&str, String),
) -> Result<Response, Problem> {
    let code = pages::invitations::answered(portal, reading, answer).await?;
    let texts = Language::English.texts();
    let mut errors = FieldErrors::default();
    match &code {
        Ok(_) => {}
        Err(Refusal::WrongCredentials) => {
            errors.add("maincontent", texts.say("invite.error_again"));
        }
        // Who speaks for somebody who died does so until a day.
        Err(Refusal::Invalid) => errors.add("days", texts.say("proxies.error_days")),
        Err(refusal) => return Err((*refusal).into()),
    }
    let (page, first_byte) = at_practice(portal, reading, &Asked::usual(), errors).await?;
    match code {
        Err(_) => unprocessable(&page, first_byte),
        Ok(code) => {
            let made = made(
                portal,
                page.frame,
                &code,
                (reading.path(""), Some("proxies.made_then")),
            );
            respond::opened(&made, first_byte)
        }
    }
}

fn unprocessable(page: &ProxyPage, first_byte: FirstByte) -> Result<Response, Problem> {
    Ok(respond::to_mend(respond::opened(page, first_byte)?))
}

/// The code, to be handed over; with where it goes on, and what whoever uses it waits for.
fn made(
    portal: &Portal,
    mut frame: Frame,
    code: &str,
    (back, made_then): (String, Option<&'static str>),
) -> InviteMadePage {
    let texts = frame.texts();
    texts.say("invite.made_title").clone_into(&mut frame.title);
    InviteMadePage {
        code: code.to_owned(),
        made_where: texts.fill(
            "proxies.made_where",
            &[("address", &portal.settings().origin)],
        ),
        made_birth: "proxies.made_birth",
        made_then,
        back,
        back_words: "frame.back",
        frame,
    }
}

/// The code that a patient gets for somebody who is to act for them: in this answer and nowhere else.
pub(in crate::pages) async fn code_page(
    portal: &Portal,
    visitor: &Visitor,
    code: &str,
) -> Result<Response, Problem> {
    let frame = portal.frame(visitor.visit, "invite.made_title").await;
    respond::page(&made(portal, frame, code, (super::PATH.to_owned(), None)))
}
