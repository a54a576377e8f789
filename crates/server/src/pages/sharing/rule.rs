//! The two forms: keeping something from somebody, and sharing it with a practice.

use super::{Own, PATH, act, name, own, section_name};
use crate::error::Problem;
use crate::frame::{FieldErrors, Frame};
use crate::pages::documents::named;
use crate::portal::Portal;
use crate::respond;
use crate::session::Visitor;
use crate::texts::Texts;
use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::response::Response;
use candour_app::sharing::{self, Part, Whom};
use candour_app::{Refusal, documents, practices};
use candour_keeper_api::words::{Purpose, Section};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

/// One of the two forms.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one independent choice of the form"
)]
#[derive(Template)]
#[template(path = "sharing/rule.html")]
pub struct RulePage {
    /// Around it.
    pub frame: Frame,
    /// What is to be mended.
    pub errors: FieldErrors,
    /// It shares; else it keeps from somebody.
    pub is_share: bool,
    /// Where it is sent.
    pub action: String,
    /// It is about one's own record, and not that of a child.
    pub is_own: bool,
    /// Who is chosen stands behind a line of the access history.
    pub has_entry: bool,
    /// Where that is.
    pub history: String,
    /// With or from whom.
    pub whom: Vec<Choice>,
    /// What of the record.
    pub parts: Vec<Choice>,
    /// For how long.
    pub days: Vec<Choice>,
    /// What is marked sensitive is shared too.
    pub with_sensitive: bool,
}

/// One thing to choose.
pub struct Choice {
    /// Names it in the form.
    pub value: String,
    /// What it says.
    pub words: String,
    /// It is chosen.
    pub is_chosen: bool,
}

/// The sections that can be chosen; the shelf stands for all documents.
pub(super) const SECTIONS: [Section; 6] = [
    Section::Shelf,
    Section::Conditions,
    Section::Medicines,
    Section::Allergies,
    Section::Immunisations,
    Section::Results,
];

/// For how many days something can be shared, with the key of its words; 0: until it is ended.
pub(in crate::pages) const DAYS: [(u16, &str); 4] = [
    (30, "sharing.days_30"),
    (90, "sharing.days_90"),
    (365, "sharing.days_365"),
    (0, "sharing.days_open"),
];

/// Where the form begins: at a line of the access history, at a document, or at what of a section came in together.
#[derive(Deserialize)]
pub struct From {
    entry: Option<u64>,
    document: Option<String>,
    segment: Option<String>,
}

/// What was chosen.
#[derive(Deserialize, Default)]
pub struct RuleForm {
    #[serde(default)]
    whom: String,
    #[serde(default)]
    part: String,
    #[serde(default)]
    days: String,
    #[serde(default)]
    sensitive: String,
}

/// What begins the name of a segment in the form.
const SEGMENT: &str = "segment-";

/// `GET /sharing/keep`.
pub async fn ask_keep(
    State(portal): State<Portal>,
    visitor: Visitor,
    Query(from): Query<From>,
) -> Result<Response, Problem> {
    let own = own(&portal, &visitor).await?;
    begin_keep(&portal, &visitor, &own, from).await
}

/// The form, as it begins.
pub(super) async fn begin_keep(
    portal: &Portal,
    visitor: &Visitor,
    own: &Own,
    from: From,
) -> Result<Response, Problem> {
    let begun = RuleForm {
        whom: from
            .entry
            .map(|index| format!("entry-{index}"))
            .unwrap_or_default(),
        part: match (from.document, from.segment) {
            (_, Some(segment)) => format!("{SEGMENT}{segment}"),
            (document, None) => document.unwrap_or_default(),
        },
        ..RuleForm::default()
    };
    form(portal, visitor, own, &begun, false, FieldErrors::default()).await
}

/// `GET /sharing/share`.
pub async fn ask_share(
    State(portal): State<Portal>,
    visitor: Visitor,
) -> Result<Response, Problem> {
    let own = own(&portal, &visitor).await?;
    let begun = RuleForm::default();
    form(
        &portal,
        &visitor,
        &own,
        &begun,
        true,
        FieldErrors::default(),
    )
    .await
}

async fn form(
    portal: &Portal,
    visitor: &Visitor,
    own: &Own,
    given: &RuleForm,
    is_share: bool,
    errors: FieldErrors,
) -> Result<Response, Problem> {
    let viewer = visitor.viewer(if own.is_viewers {
        Purpose::OwnRecord
    } else {
        Purpose::ProxyAccess
    })?;
    let (shelf, first_byte) = documents::shelf(portal.app(), &viewer, own.patient).await?;
    let title = match (is_share, own.is_viewers) {
        (true, _) => "sharing.share_title",
        (false, true) => "sharing.keep_title",
        (false, false) => "charge.keep_title",
    };
    let frame = portal.frame(visitor.visit, title).await;
    let mut frame = frame.back_to(own.base.clone(), "frame.back");
    let has_errors = !errors.is_empty();
    frame.has_errors = has_errors;
    let texts = frame.texts();
    let lines = shelf.into_inner().lines;
    let documents = lines.iter().map(|line| named(texts, line));
    let sections = SECTIONS.map(|section| {
        let words = match section {
            Section::Shelf => "sharing.all_documents",
            other => section_name(other),
        };
        (section.word().to_owned(), texts.say(words).to_owned())
    });
    let everything = (
        "everything".to_owned(),
        texts.say("sharing.everything").to_owned(),
    );
    let mut parts: Vec<_> = sections.into_iter().chain(documents).collect();
    // What is chosen first is what the form is for: to keep all of it, and to share a part.
    parts.insert(if is_share { parts.len() } else { 0 }, everything);
    if !is_share && given.part.starts_with(SEGMENT) {
        let words = texts.say("sharing.segment").to_owned();
        parts.insert(0, (given.part.clone(), words));
    }
    let page = RulePage {
        errors,
        is_share,
        action: format!("{}/{}", own.base, if is_share { "share" } else { "keep" }),
        is_own: own.is_viewers,
        has_entry: entry(&given.whom).is_some(),
        history: format!("/patients/{}/history", own.patient),
        whom: chosen(
            whom(portal, texts, own, given, is_share).await?,
            &given.whom,
        ),
        parts: chosen(parts, &given.part),
        days: chosen(
            DAYS.map(|(days, words)| (days.to_string(), texts.say(words).to_owned())),
            &given.days,
        ),
        with_sensitive: !given.sensitive.is_empty(),
        frame,
    };
    let response = respond::opened(&page, first_byte)?;
    Ok(respond::to_mend_if(has_errors, response))
}

pub(in crate::pages) fn chosen(
    all: impl IntoIterator<Item = (String, String)>,
    given: &str,
) -> Vec<Choice> {
    let choice = |(value, words): (String, String)| Choice {
        is_chosen: value == given,
        value,
        words,
    };
    all.into_iter().map(choice).collect()
}

async fn whom(
    portal: &Portal,
    texts: &Texts,
    own: &Own,
    given: &RuleForm,
    is_share: bool,
) -> Result<Vec<(String, String)>, Problem> {
    let directory = practices::all(portal.app()).await?;
    let sharing = &own.sharing;
    let practices = sharing.practices.iter();
    let mut all: Vec<_> = practices
        .map(|id| (format!("practice-{id}"), name(texts, &directory, *id)))
        .collect();
    if is_share {
        return Ok(all);
    }
    if let Some(index) = entry(&given.whom) {
        let words = texts.fill("sharing.whom_entry", &[("entry", &index.to_string())]);
        all.insert(0, (given.whom.clone(), words));
    }
    all.extend(sharing.proxies.iter().map(|proxy| {
        let words = match proxy.reason.as_str() {
            "" => texts.say("sharing.proxy_unnamed").to_owned(),
            reason => texts.fill("sharing.whom_proxy", &[("reason", reason)]),
        };
        (format!("person-{}", proxy.person), words)
    }));
    Ok(all)
}

fn entry(word: &str) -> Option<u64> {
    word.strip_prefix("entry-")?.parse().ok()
}

/// `None` where nothing was chosen.
fn read_whom(word: &str) -> Result<Option<Whom>, Problem> {
    Ok(match word.split_once('-') {
        None => None,
        Some(("practice", id)) => Some(Whom::Practice(id.parse().map_err(|_| Problem::Form)?)),
        Some(("person", id)) => Some(Whom::Person(id.parse().map_err(|_| Problem::Form)?)),
        Some(_) => Some(Whom::Entry(entry(word).ok_or(Problem::Form)?)),
    })
}

fn read_part(word: &str) -> Result<Part, Problem> {
    let section = SECTIONS.iter().find(|section| section.word() == word);
    if let Some(segment) = word.strip_prefix(SEGMENT) {
        let segment = segment.parse().map_err(|_| Problem::Form)?;
        return Ok(Part::Segment(segment));
    }
    Ok(match (word, section) {
        ("everything", _) => Part::Everything,
        (_, Some(section)) => Part::Section(*section),
        (document, None) => Part::Document(document.parse().map_err(|_| Problem::Form)?),
    })
}

/// `POST /sharing/keep`: asks for the answer that it needs.
pub async fn keep(
    State(portal): State<Portal>,
    visitor: Visitor,
    Form(given): Form<RuleForm>,
) -> Result<Response, Problem> {
    let own = own(&portal, &visitor).await?;
    asked_keep(&portal, &visitor, &own, given).await
}

/// What was chosen, or the form again.
pub(super) async fn asked_keep(
    portal: &Portal,
    visitor: &Visitor,
    own: &Own,
    given: RuleForm,
) -> Result<Response, Problem> {
    let texts = crate::texts::Language::English.texts();
    let mut errors = FieldErrors::default();
    if let Some(whom) = read_whom(&given.whom)? {
        let (app, token, part) = (portal.app(), visitor.signed_in()?, read_part(&given.part)?);
        match sharing::keep(app, token, own.patient, whom, part).await {
            Ok(ceremony) => return act(portal, visitor, &own.base, ceremony, true).await,
            Err(Refusal::NotFound | Refusal::Invalid) => {
                errors.add("whom", texts.say("sharing.error_cannot"));
            }
            Err(refusal) => return Err(refusal.into()),
        }
    } else {
        errors.add("whom", texts.say("sharing.error_whom"));
    }
    form(portal, visitor, own, &given, false, errors).await
}

/// `POST /sharing/share`: asks for the answer that it needs.
pub async fn share(
    State(portal): State<Portal>,
    visitor: Visitor,
    Form(given): Form<RuleForm>,
) -> Result<Response, Problem> {
    let own = own(&portal, &visitor).await?;
    let texts = crate::texts::Language::English.texts();
    let mut errors = FieldErrors::default();
    if let Some(Whom::Practice(practice)) = read_whom(&given.whom)? {
        let (app, token, part) = (portal.app(), visitor.signed_in()?, read_part(&given.part)?);
        let until = until(portal.now(), &given.days)?;
        let with_sensitive = !given.sensitive.is_empty();
        let begun = sharing::share(
            app,
            token,
            own.patient,
            practice,
            part,
            until,
            with_sensitive,
        );
        match begun.await {
            Ok(ceremony) => return act(&portal, &visitor, PATH, ceremony, false).await,
            Err(Refusal::NotFound | Refusal::Invalid) => {
                errors.add("whom", texts.say("sharing.error_cannot"));
            }
            Err(refusal) => return Err(refusal.into()),
        }
    } else {
        errors.add("whom", texts.say("sharing.error_whom"));
    }
    form(&portal, &visitor, &own, &given, true, errors).await
}

/// The end that a choice of [`DAYS`] means; `None`: until it is ended.
pub(in crate::pages) fn until(now: Timestamp, days: &str) -> Result<Option<Timestamp>, Problem> {
    let known = DAYS.iter().find(|(known, _)| known.to_string() == days);
    match known.ok_or(Problem::Form)?.0 {
        0 => Ok(None),
        days => {
            let lasts = SignedDuration::from_hours(24 * i64::from(days));
            let until = now.checked_add(lasts).map_err(|_| Problem::Form)?;
            Ok(Some(until))
        }
    }
}
