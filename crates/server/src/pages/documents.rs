//! The shelf of documents, and what stands on it.

use super::record::unreadable;
use crate::dates;
use crate::error::Problem;
use crate::frame::Frame;
use crate::portal::Portal;
use crate::reading::{Reading, Relation, together};
use crate::respond;
use crate::session::Visitor;
use crate::texts::Texts;
use askama::Template;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use candour_app::documents::{self, OpenDocument, ShelfLine};
use candour_core::document::{Showing, content_disposition};
use candour_keeper_api::words::Purpose;
use http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};
use serde::Deserialize;

/// The shelf.
#[derive(Template)]
#[template(path = "documents/documents.html")]
pub struct DocumentsPage {
    /// Around it.
    pub frame: Frame,
    /// A document was just stored.
    pub stored: bool,
    /// Where staff add one.
    pub deposit: Option<String>,
    /// Newest first.
    pub documents: Vec<DocumentView>,
    /// That something could not be shown.
    pub unreadable: Option<String>,
}

/// One document.
pub struct DocumentView {
    /// Its id as text.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Kind, practice, date.
    pub about: String,
    /// Type of file and size.
    pub file: String,
    /// "Download" with the title, for those who hear the page read.
    pub download: String,
    /// The browser may show it.
    pub shows_inline: bool,
    /// For the patient: where to keep it from somebody, and the link's words for those who hear the page read.
    pub keep: Option<(String, String)>,
    /// What is added to its address: for somebody who acts for the patient, `?as=proxy`.
    pub asked_as: &'static str,
}

/// A document was just stored.
#[derive(Deserialize)]
pub struct Stored {
    stored: Option<String>,
}

/// `GET /patients/{patient}/documents`: the shelf; for the ledger, the patient was listed.
pub async fn shelf(
    State(portal): State<Portal>,
    visitor: Visitor,
    Path(patient): Path<String>,
    Query(Stored { stored }): Query<Stored>,
) -> Result<Response, Problem> {
    let reading = Reading::of(&portal, visitor, &patient).await?;
    let (opened, first_byte) =
        documents::shelf(portal.app(), &reading.viewer, reading.patient).await?;
    let (banner, banner_byte) = reading.banner(&portal).await?.unzip();
    let frame = reading.frame(&portal, "documents.title", banner).await;
    let texts = frame.texts();
    let shelf = opened.into_inner();
    let mut documents: Vec<DocumentView> = shelf
        .lines
        .iter()
        .map(|line| view(texts, line, reading.relation))
        .collect();
    if reading.is_other {
        // What is kept is kept on one's own record, and holds here.
        for document in &mut documents {
            document.keep = None;
        }
    }
    let page = DocumentsPage {
        stored: stored.is_some(),
        deposit: (reading.relation == Relation::Staff).then(|| reading.path("/deposit")),
        documents,
        unreadable: unreadable(texts, shelf.unreadable),
        frame,
    };
    respond::opened(&page, together(first_byte, banner_byte))
}

pub(super) fn view(texts: &Texts, line: &ShelfLine, relation: Relation) -> DocumentView {
    let meta = &line.meta;
    let title = meta.title.as_str();
    let kind = meta.kind.words();
    let about = match meta.date {
        Some(date) => texts.fill(
            "documents.from_on",
            &[
                ("kind", kind),
                ("practice", &meta.source),
                ("date", &dates::day(texts, date)),
            ],
        ),
        None => texts.fill(
            "documents.from_undated",
            &[("kind", kind), ("practice", &meta.source)],
        ),
    };
    let size = dates::size(meta.size_bytes);
    let file = [("type", meta.media_type.words()), ("size", &*size)];
    let cautions: Vec<_> = line.cautions.iter().map(|known| known.words()).collect();
    let file = if cautions.is_empty() {
        texts.fill("documents.file", &file)
    } else {
        let cautions = cautions.join("; it ");
        let file = [file[0], file[1], ("cautions", &*cautions)];
        texts.fill("documents.file_with", &file)
    };
    DocumentView {
        id: line.document.to_string(),
        title: title.to_owned(),
        about,
        file,
        download: texts.fill("documents.download_named", &[("title", title)]),
        shows_inline: meta.media_type.showing() != Showing::Download,
        keep: (relation == Relation::Own).then(|| {
            let path = format!("/sharing/keep?document={}", line.document);
            let words = texts.fill("sharing.keep_document_named", &[("title", title)]);
            (path, words)
        }),
        asked_as: asked_as(relation),
    }
}

/// A document by its id, with its title and what stands below it on the shelf.
pub(crate) fn named(texts: &Texts, line: &ShelfLine) -> (String, String) {
    let view = view(texts, line, Relation::Staff);
    let named = [("title", &*view.title), ("about", &*view.about)];
    (view.id, texts.fill("erase.document", &named))
}

/// What a link to a document says of who follows it; empty for one's own and for staff.
pub(super) const fn asked_as(relation: Relation) -> &'static str {
    match relation {
        Relation::Proxy => "?as=proxy",
        Relation::Own | Relation::Staff => "",
    }
}

/// As whom a document is asked for; the keeper judges it.
#[derive(Deserialize)]
pub struct AskedAs {
    #[serde(default, rename = "as")]
    asked_as: Option<String>,
}

/// `GET /documents/{document}`: shown by the browser where that is safe.
pub async fn show(
    State(portal): State<Portal>,
    visitor: Visitor,
    Path(document): Path<String>,
    Query(asked): Query<AskedAs>,
) -> Result<Response, Problem> {
    let opened = open(&portal, &visitor, &document, &asked).await?;
    Ok(content(opened, false))
}

/// `GET /documents/{document}/download`.
pub async fn download(
    State(portal): State<Portal>,
    visitor: Visitor,
    Path(document): Path<String>,
    Query(asked): Query<AskedAs>,
) -> Result<Response, Problem> {
    let opened = open(&portal, &visitor, &document, &asked).await?;
    Ok(content(opened, true))
}

async fn open(
    portal: &Portal,
    visitor: &Visitor,
    document: &str,
    asked: &AskedAs,
) -> Result<OpenDocument, Problem> {
    let document = document.parse().map_err(|_| Problem::NoSuchPage)?;
    let purpose = match (visitor.purpose()?, asked.asked_as.as_deref()) {
        (Purpose::OwnRecord, Some("proxy")) => Purpose::ProxyAccess,
        (purpose, _) => purpose,
    };
    Ok(documents::open(portal.app(), &visitor.viewer(purpose)?, document).await?)
}

/// A document may do nothing at all. Chromium 156 shows a PDF so as well; where an older browser does not, there is
/// the download.
const SANDBOX: &str =
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

pub(super) fn content(document: OpenDocument, as_download: bool) -> Response {
    let face = &document.face;
    let disposition = content_disposition(face.title.as_str(), face.date, face.media_type);
    let disposition = match disposition.strip_prefix("inline") {
        Some(rest) if as_download => format!("attachment{rest}"),
        _ => disposition,
    };
    let mut headers = HeaderMap::new();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static(face.media_type.content_type()),
    );
    headers.insert(CONTENT_LENGTH, face.size_bytes.into());
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(SANDBOX));
    // Made of ASCII by `content_disposition`; without it the browser would choose a name, and nothing worse.
    if let Ok(disposition) = HeaderValue::from_str(&disposition) {
        headers.insert(CONTENT_DISPOSITION, disposition);
    }
    let body = match document.body.into_whole() {
        Ok(bytes) => Body::from(bytes),
        Err(pieces) => Body::from_stream(pieces),
    };
    (headers, body).into_response()
}
