//! Whom a recall concerned, and putting it back.

use super::{ANSWERED, PATH, check_reason, who};
use crate::error::Problem;
use crate::frame::{FieldErrors, Frame};
use crate::pages::erasures::act;
use crate::portal::Portal;
use crate::reading::banner;
use crate::respond;
use crate::session::Visitor;
use crate::texts::{Language, Texts};
use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::response::Response;
use candour_app::recalls::{self, Concerned};
use candour_keeper_api::words::Purpose;
use serde::Deserialize;

/// Whom it concerned.
#[derive(Template)]
#[template(path = "recalls/people.html")]
pub struct PeoplePage {
    /// Around it.
    pub frame: Frame,
    /// What is to be mended.
    pub errors: FieldErrors,
    /// What was signed.
    pub sentence: String,
    /// Who signed, and when.
    pub who: String,
    /// Names the recall in the form; `None` where it was put back.
    pub recall: Option<u64>,
    /// The reason typed before.
    pub reason: String,
    /// Whom it concerned.
    pub people: Vec<ConcernedView>,
    /// Where more of them are.
    pub more: Option<String>,
}

/// One patient.
pub struct ConcernedView {
    /// By name.
    pub name: String,
    /// Birth date and NHI.
    pub about: Option<String>,
    /// Where the patient is, for whom the name could be shown.
    pub path: Option<String>,
    /// How much was taken back.
    pub items: String,
    /// What of it was seen: whom the practice must speak to.
    pub seen: Option<String>,
}

/// Which recall, and which part of the list.
#[derive(Deserialize)]
pub struct Asked {
    recall: u64,
    before: Option<u64>,
}

/// `GET /practice/recalls/people`.
pub async fn show(
    State(portal): State<Portal>,
    visitor: Visitor,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    page(
        &portal,
        &visitor,
        &asked,
        String::new(),
        FieldErrors::default(),
    )
    .await
}

async fn page(
    portal: &Portal,
    visitor: &Visitor,
    asked: &Asked,
    reason: String,
    errors: FieldErrors,
) -> Result<Response, Problem> {
    visitor.signed_in()?;
    let viewer = visitor.viewer(Purpose::AccessHistory)?;
    let recall = recalls::one(portal.app(), &viewer, asked.recall).await?;
    let recall = recall.ok_or(Problem::NoSuchPage)?;
    let (people, first_byte) =
        recalls::people(portal.app(), &viewer, asked.recall, asked.before).await?;
    let people = people.into_inner();
    let mut frame = portal
        .frame(visitor.visit, "recalls.people_title")
        .await
        .back_to(PATH, "frame.back");
    let has_errors = !errors.is_empty();
    frame.has_errors = has_errors;
    let (texts, zone) = (frame.texts(), &portal.settings().zone);
    let last = people.all.last().filter(|_| people.has_more);
    let more = last.map(|last| {
        let (recall, before) = (asked.recall, last.index);
        format!("{PATH}/people?recall={recall}&before={before}")
    });
    let page = PeoplePage {
        errors,
        who: who(texts, zone, &recall),
        sentence: recall.sentence,
        recall: recall.is_away.then_some(recall.index),
        reason,
        people: people
            .all
            .iter()
            .map(|one| ConcernedView::of(texts, one))
            .collect(),
        more,
        frame,
    };
    let response = respond::opened(&page, first_byte)?;
    Ok(respond::to_mend_if(has_errors, response))
}

impl ConcernedView {
    fn of(texts: &Texts, one: &Concerned) -> Self {
        let number = |count: u32| count.to_string();
        let shown = one
            .identity
            .as_ref()
            .map(|_| banner(texts, one.identity.as_ref()));
        let is_seen = one.opened > 0 || one.listed > 0;
        let seen = || {
            texts.fill(
                "recalls.seen",
                &[
                    ("opened", &number(one.opened)),
                    ("listed", &number(one.listed)),
                ],
            )
        };
        Self {
            about: shown.as_ref().map(|shown| {
                let filled = [("date", shown.born.as_str()), ("nhi", &shown.nhi)];
                texts.fill("find.born", &filled)
            }),
            path: shown.as_ref().map(|_| format!("/patients/{}", one.patient)),
            name: shown.map_or_else(
                || texts.say("recalls.no_name").to_owned(),
                |shown| shown.name,
            ),
            items: texts.fill("recalls.of_one", &[("items", &number(one.items))]),
            seen: is_seen.then(seen),
        }
    }
}

/// Why it is put back.
#[derive(Deserialize)]
pub struct Ended {
    #[serde(default)]
    recall: u64,
    #[serde(default)]
    reason: String,
}

/// `POST /practice/recalls/back`: shows the sentence that the passkey answers.
pub async fn begin_end(
    State(portal): State<Portal>,
    visitor: Visitor,
    Form(ended): Form<Ended>,
) -> Result<Response, Problem> {
    let session = visitor.session(&portal).await?;
    let practice = session.practice.ok_or(Problem::NoSuchPage)?;
    let mut errors = FieldErrors::default();
    check_reason(Language::English.texts(), &ended.reason, &mut errors);
    if !errors.is_empty() {
        let asked = Asked {
            recall: ended.recall,
            before: None,
        };
        return page(&portal, &visitor, &asked, ended.reason, errors).await;
    }
    let token = visitor.signed_in()?;
    let (recall, reason) = (ended.recall, ended.reason.as_str());
    let begun = recalls::start_end(portal.app(), token, practice, recall, reason).await?;
    let frame = portal.frame(visitor.visit, "erase.act_title").await;
    act(
        frame.back_to(PATH, "erase.back"),
        begun,
        ANSWERED.to_owned(),
    )
}
