//! What a practice's manager can show of every erasure.

use crate::dates;
use crate::error::Problem;
use crate::frame::Frame;
use crate::pages::Before;
use crate::portal::Portal;
use crate::respond;
use crate::session::Visitor;
use crate::texts::Texts;
use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use candour_app::erasures::{self, Erasure};
use candour_keeper_api::words::Purpose;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The list.
#[derive(Template)]
#[template(path = "erasures/certificates.html")]
pub struct CertificatePage {
    /// Around it.
    pub frame: Frame,
    /// Newest first.
    pub certificates: Vec<CertificateView>,
    /// Where earlier ones are.
    pub older: Option<String>,
    /// Where the newest are, on an older page.
    pub newest: Option<&'static str>,
}

/// One erasure.
pub struct CertificateView {
    /// What, as a heading.
    pub what: String,
    /// Exactly what both signed.
    pub sentence: String,
    /// Who signed.
    pub who: String,
    /// When the keys were destroyed, and by which entry.
    pub erased: String,
    /// From when on no backup holds them that is kept no longer than it should be.
    pub gone: String,
    /// From when on no other copy opens either.
    pub last: String,
    /// Of whom: the id, which says nothing to others.
    pub patient: String,
}

const PATH: &str = "/practice/erasures";

/// `GET /practice/erasures`. Whether a session may see it is the keeper's to say.
pub async fn show(
    State(portal): State<Portal>,
    visitor: Visitor,
    Query(Before { before }): Query<Before>,
) -> Result<Response, Problem> {
    visitor.signed_in()?;
    let viewer = visitor.viewer(Purpose::AccessHistory)?;
    let found = erasures::page(portal.app(), &viewer, before).await?;
    let found = found.into_inner();
    let frame = portal
        .frame(visitor.visit, "certificates.title")
        .await
        .back_to("/practice", "frame.back");
    let (texts, settings) = (frame.texts(), portal.settings());
    let now = (settings.clock)();
    let last = found.all.last().filter(|_| found.has_more);
    let page = CertificatePage {
        older: last.map(|last| format!("{PATH}?before={}", last.index)),
        newest: before.map(|_| PATH),
        certificates: found
            .all
            .iter()
            .map(|one| {
                let gone_at = one.at.saturating_add(settings.backups_kept).unwrap_or(now);
                CertificateView::of(texts, &settings.zone, one, (gone_at, now))
            })
            .collect(),
        frame,
    };
    respond::page(&page)
}

impl CertificateView {
    fn of(
        texts: &Texts,
        zone: &TimeZone,
        one: &Erasure,
        (gone_at, now): (Timestamp, Timestamp),
    ) -> Self {
        let what = match (one.is_one_document, one.documents) {
            (true, _) => texts.say("certificates.one").to_owned(),
            (false, 1) => texts.say("certificates.everything_one").to_owned(),
            (false, count) => {
                texts.fill("certificates.everything", &[("count", &count.to_string())])
            }
        };
        let named = |name: &str| {
            if name.is_empty() {
                texts.say("certificates.unnamed").to_owned()
            } else {
                name.to_owned()
            }
        };
        let (author, second) = (named(&one.author), named(&one.second));
        let when = dates::moment(texts, one.at, zone);
        let entry = one.index.to_string();
        let day = dates::day(texts, gone_at.to_zoned(zone.clone()).date());
        let gone = if gone_at <= now {
            "certificates.gone"
        } else {
            "certificates.gone_later"
        };
        let last_day = dates::day(texts, one.final_at.to_zoned(zone.clone()).date());
        let last = if one.is_final {
            "certificates.last"
        } else {
            "certificates.last_later"
        };
        Self {
            what,
            sentence: one.sentence.clone(),
            who: texts.fill(
                "certificates.who",
                &[("author", &author), ("second", &second)],
            ),
            erased: texts.fill("certificates.erased", &[("when", &when), ("entry", &entry)]),
            gone: texts.fill(gone, &[("date", &day)]),
            last: texts.fill(last, &[("date", &last_day)]),
            patient: one
                .patient
                .map(|patient| texts.fill("certificates.patient", &[("id", &patient.to_string())]))
                .unwrap_or_default(),
        }
    }
}
