//! Who reads a record beside its patient: the list, and the answer that a change of it needs.

pub mod acting;
pub mod charge;
pub mod proxies;
pub(super) mod rule;

pub use rule::{Choice, RulePage, ask_keep, ask_share, keep, share};

use crate::dates;
use crate::error::Problem;
use crate::frame::{FieldErrors, Frame};
use crate::portal::Portal;
use crate::respond;
use crate::session::Visitor;
use crate::text::{bytes, ceremony, hexadecimal, secret};
use crate::texts::{Language, Texts};
use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::response::Response;
use candour_app::Refusal;
use candour_app::acts::{self, Changed};
use candour_app::practices::{self, Practices};
use candour_app::sharing::{self, ActsFor, Rule, Sharing};
use candour_app::sign_in::{Ceremony, Proof};
use candour_keeper_api::words::{ProxyAction, Section};
use candour_seal::{PatientId, PracticeId};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Deserialize;
use zeroize::Zeroizing;

/// The list.
#[derive(Template)]
#[template(path = "sharing/sharing.html")]
pub struct SharingPage {
    /// Around it.
    pub frame: Frame,
    /// Key of a sentence on top.
    pub note: Option<&'static str>,
    /// Names of the practices where the patient is enrolled.
    pub practices: Vec<String>,
    /// Who acts for the patient.
    pub proxies: Vec<ProxyView>,
    /// What is kept from somebody.
    pub kept: Vec<RuleView>,
    /// What is shared.
    pub shared: Vec<RuleView>,
    /// There is a second practice to share with.
    pub may_share: bool,
    /// The address is protected.
    pub is_address_protected: bool,
}

/// Somebody who acts for the patient.
pub struct ProxyView {
    /// Names them in the form.
    pub person: String,
    /// Why, as it was given.
    pub reason: String,
    /// What they see.
    pub reach: String,
    /// What they do beside seeing, a sentence each.
    pub may: Vec<&'static str>,
    /// Since when, until when.
    pub when: String,
}

/// What is kept from somebody or shared.
pub struct RuleView {
    /// Names it in the form.
    pub id: i64,
    /// Whom and what, as it was signed.
    pub words: String,
    /// Since when, until when.
    pub when: String,
    /// Where its one document is.
    pub document: Option<String>,
    /// Whoever acted for the patient as a child made it.
    pub is_by_another: bool,
}

/// A sentence to be answered.
#[derive(Template)]
#[template(path = "sharing/act.html")]
pub struct ActPage {
    /// Around it.
    pub frame: Frame,
    /// Below which address it is about: one's own, or that of a child.
    pub base: String,
    /// None: a wrong answer ends the act.
    pub errors: FieldErrors,
    /// Exactly what is signed.
    pub sentence: String,
    /// The ceremony.
    pub ceremony: String,
    /// Its options as JSON; empty where a code answers.
    pub options: String,
    /// Key: what a code means for when it is done.
    pub code_text: &'static str,
}

pub(super) const PATH: &str = "/sharing";

/// What was just done.
#[derive(Deserialize)]
pub struct Note {
    note: Option<String>,
}

/// Somebody's own record, with who reads it. To whoever has none the page does not exist. Or that of a child for whom they
/// act.
pub(super) struct Own {
    pub patient: PatientId,
    pub sharing: Sharing,
    /// Below which address it stands.
    pub base: String,
    /// It is that of whoever is signed in.
    pub is_viewers: bool,
}

pub(super) async fn own(portal: &Portal, visitor: &Visitor) -> Result<Own, Problem> {
    let token = visitor.signed_in()?;
    let session = visitor.session(portal).await?;
    let own = session.patients.iter().find(|patient| !patient.is_proxied);
    let patient = own.ok_or(Problem::NoSuchPage)?.patient;
    Ok(Own {
        patient,
        sharing: sharing::sharing(portal.app(), token, &visitor.network, None).await?,
        base: PATH.to_owned(),
        is_viewers: true,
    })
}

/// A practice's name, or words for one that the directory does not know.
pub(super) fn name(texts: &Texts, practices: &Practices, id: PracticeId) -> String {
    let known = practices.get(&id).map(|practice| practice.name.clone());
    known.unwrap_or_else(|| texts.say("history.some_practice").to_owned())
}

/// Key of what was just done.
fn said(note: Option<&str>) -> Option<&'static str> {
    match note {
        Some("done") => Some("sharing.done"),
        Some("waits") => Some("sharing.waits"),
        Some("again") => Some("sharing.again"),
        Some("gone") => Some("sharing.gone"),
        _ => None,
    }
}

/// What the home page says of somebody whom a practice invited to act for the patient.
pub struct ProxyNote {
    /// Key of the title.
    pub title: &'static str,
    /// Who invited, when and why.
    pub what: String,
    /// What follows, and when.
    pub then: String,
    /// What is stopped by one press; `None` once it was accepted.
    pub invitation: Option<String>,
}

impl ProxyNote {
    /// Of whoever is signed in, to their own record.
    pub async fn all(
        portal: &Portal,
        visitor: &Visitor,
        directory: &Practices,
    ) -> Result<Vec<Self>, Problem> {
        let token = visitor.signed_in()?;
        let sharing = sharing::sharing(portal.app(), token, &visitor.network, None).await?;
        let texts = Language::English.texts();
        let moment = |at| dates::moment(texts, at, &portal.settings().zone);
        let note = |key: [&'static str; 3], practice, times: [Timestamp; 2], reason: &str| {
            let [since, until] = times.map(moment);
            let filled = [
                ("practice", name(texts, directory, practice)),
                ("when", since),
                ("until", until),
                ("reason", reason.to_owned()),
            ];
            let filled = filled.each_ref().map(|(key, text)| (*key, text.as_str()));
            let [title, what, then] = key;
            Self {
                title,
                what: texts.fill(what, &filled),
                then: texts.fill(then, &filled),
                invitation: None,
            }
        };
        let invited = sharing.invited.iter().map(|invited| {
            let times = [invited.since, invited.until];
            let what = if invited.reason.is_empty() {
                "proxy_invited.what"
            } else {
                "proxy_invited.what_reason"
            };
            let key = ["proxy_invited.title", what, "proxy_invited.then"];
            Self {
                invitation: Some(hexadecimal(&invited.id)),
                ..note(key, invited.practice, times, &invited.reason)
            }
        });
        let began = sharing.proxies.iter().filter_map(|proxy| {
            let part = proxy.part?;
            let times = [proxy.since, part.until];
            let key = [
                "proxy_invited.began_title",
                "proxy_invited.began_what",
                "proxy_invited.began_then",
            ];
            Some(note(key, part.practice, times, ""))
        });
        Ok(invited.chain(began).collect())
    }
}

/// `GET /sharing`.
pub async fn show(
    State(portal): State<Portal>,
    visitor: Visitor,
    Query(Note { note }): Query<Note>,
) -> Result<Response, Problem> {
    let Own { sharing, .. } = own(&portal, &visitor).await?;
    let directory = practices::all(portal.app()).await?;
    let frame = portal.frame(visitor.visit, "sharing.title").await;
    let frame = frame.back_to("/home", "frame.back");
    let view = Views {
        texts: frame.texts(),
        zone: &portal.settings().zone,
    };
    let rules = |is_share: bool| {
        let those = sharing.rules.iter();
        let those = those.filter(move |rule| rule.is_share == is_share);
        those.map(|rule| view.rule(rule)).collect()
    };
    respond::page(&SharingPage {
        note: said(note.as_deref()),
        practices: sharing
            .practices
            .iter()
            .map(|id| name(view.texts, &directory, *id))
            .collect(),
        proxies: sharing
            .proxies
            .iter()
            .map(|proxy| view.proxy(proxy))
            .collect(),
        kept: rules(false),
        shared: rules(true),
        may_share: sharing.practices.len() > 1,
        is_address_protected: sharing.is_address_protected,
        frame,
    })
}

/// Fills sentences.
struct Views<'a> {
    texts: &'static Texts,
    zone: &'a TimeZone,
}

impl Views<'_> {
    fn rule(&self, rule: &Rule) -> RuleView {
        RuleView {
            id: rule.id,
            words: rule.words.clone(),
            when: dates::lasting(self.texts, self.zone, rule.since, rule.until),
            document: rule.document.map(|item| format!("/documents/{item}")),
            is_by_another: rule.is_by_another,
        }
    }

    fn proxy(&self, proxy: &ActsFor) -> ProxyView {
        let reach: Vec<&str> = proxy
            .sections
            .iter()
            .map(|section| self.texts.say(section_name(*section)))
            .collect();
        ProxyView {
            person: proxy.person.to_string(),
            reason: if proxy.reason.is_empty() {
                self.texts.say("sharing.proxy_unnamed").to_owned()
            } else {
                proxy.reason.clone()
            },
            reach: if reach.is_empty() {
                self.texts.say("sharing.reach_all").to_owned()
            } else {
                self.texts
                    .fill("sharing.reach", &[("sections", &reach.join(", "))])
            },
            may: proxy
                .may
                .iter()
                .map(|action| self.texts.say(may_do(*action)))
                .collect(),
            when: dates::lasting(self.texts, self.zone, proxy.since, proxy.until),
        }
    }
}

/// Key of what somebody who acts does beside seeing.
const fn may_do(action: ProxyAction) -> &'static str {
    match action {
        ProxyAction::Write => "sharing.may_write",
        ProxyAction::Book => "sharing.may_book",
        ProxyAction::History => "sharing.may_history",
    }
}

/// Key of a section's name.
pub(super) const fn section_name(section: Section) -> &'static str {
    match section {
        Section::Shelf => "documents.title",
        Section::Conditions => "record.conditions",
        Section::Medicines => "record.medicines",
        Section::Allergies => "record.allergies",
        Section::Immunisations => "record.immunisations",
        Section::Results => "record.results",
        Section::Other => "sharing.other",
        Section::Identity => "sharing.identity",
        Section::Contact => "sharing.contact",
        Section::Notices => "notices.title",
        Section::None => "sharing.everything",
    }
}

/// What is to end.
#[derive(Deserialize)]
pub struct EndForm {
    what: String,
    #[serde(default)]
    person: String,
    #[serde(default)]
    rule: i64,
    #[serde(default)]
    invitation: String,
}

/// `POST /sharing`: asks for the answer that an ending needs.
pub async fn end(
    State(portal): State<Portal>,
    visitor: Visitor,
    Form(form): Form<EndForm>,
) -> Result<Response, Problem> {
    let Own { patient, .. } = own(&portal, &visitor).await?;
    let (app, token) = (portal.app(), visitor.signed_in()?);
    let begun = match form.what.as_str() {
        "invitation" => {
            let id = bytes::<16>(&form.invitation).ok_or(Problem::Form)?;
            // One press: it takes reading away from nobody who reads yet.
            return match sharing::stop_invitation(app, token, patient, id).await {
                Ok(()) => Ok(respond::to(&format!("{PATH}?note=done"))),
                // It was accepted meanwhile: the list has it.
                Err(Refusal::NotFound) => Ok(respond::to(&format!("{PATH}?note=gone"))),
                Err(refusal) => Err(refusal.into()),
            };
        }
        "proxy" => {
            let person = form.person.parse().map_err(|_| Problem::Form)?;
            sharing::withdraw(app, token, person, patient).await
        }
        "kept" => sharing::end(app, token, patient, form.rule, false).await,
        "shared" => sharing::end(app, token, patient, form.rule, true).await,
        "protect" => sharing::protect_address(app, token, patient, None, true).await,
        "unprotect" => sharing::protect_address(app, token, patient, None, false).await,
        _ => return Err(Problem::Form),
    };
    match begun {
        // What opens something again waits for a day where only a code answers.
        Ok(ceremony) => {
            let is_at_once = !matches!(form.what.as_str(), "kept" | "unprotect");
            act(&portal, &visitor, PATH, ceremony, is_at_once).await
        }
        // It ended meanwhile.
        Err(Refusal::NotFound) => Ok(respond::to(PATH)),
        Err(refusal) => Err(refusal.into()),
    }
}

pub(super) async fn act(
    portal: &Portal,
    visitor: &Visitor,
    base: &str,
    ceremony: Ceremony,
    is_at_once: bool,
) -> Result<Response, Problem> {
    let frame = portal
        .frame(visitor.visit, "sign_in_ways.act_title")
        .await
        .back_to(base.to_owned(), "frame.back")
        .with_passkeys();
    respond::page(&ActPage {
        frame,
        base: base.to_owned(),
        errors: FieldErrors::default(),
        sentence: ceremony.text,
        ceremony: hexadecimal(ceremony.id.as_bytes()),
        options: ceremony.options_json,
        code_text: if is_at_once {
            "sharing.code_at_once"
        } else {
            "sign_in_ways.code_waits"
        },
    })
}

/// The answer.
#[derive(Deserialize)]
pub struct AnswerForm {
    ceremony: String,
    #[serde(default)]
    answer: String,
    #[serde(default, deserialize_with = "secret")]
    code: Zeroizing<String>,
}

/// `POST /sharing/act`.
pub async fn answer(
    State(portal): State<Portal>,
    visitor: Visitor,
    Form(form): Form<AnswerForm>,
) -> Result<Response, Problem> {
    answered(&portal, &visitor, PATH, form).await
}

async fn answered(
    portal: &Portal,
    visitor: &Visitor,
    base: &str,
    form: AnswerForm,
) -> Result<Response, Problem> {
    let token = visitor.signed_in()?;
    let act = ceremony(&form.ceremony)?;
    let proof = if form.answer.is_empty() {
        Proof::Code(Zeroizing::new(form.code.trim().to_owned()))
    } else {
        Proof::Passkey(act, form.answer)
    };
    let note = match acts::finish(portal.app(), token, act, proof).await {
        Ok(changed) if changed.waits_until.is_some() => "waits",
        Ok(Changed {
            code: Some(code), ..
        }) => {
            return proxies::code_page(portal, visitor, &code).await;
        }
        Ok(_) => "done",
        // A slip of the hand, or it was answered before: what stands is in the list.
        Err(Refusal::WrongCredentials | Refusal::Invalid | Refusal::NotFound) => "again",
        Err(refusal) => return Err(refusal.into()),
    };
    Ok(respond::to(&format!("{base}?note={note}")))
}
