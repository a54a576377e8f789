//! A portal over the real keeper and databases, in process; requests go through the router.

use axum::Router;
use axum::body::{Body, to_bytes};
use candour_app::{App, documents, enrolment};
use candour_core::document::{DocumentKind, DocumentMeta, MediaType, NewDocument, Title};
use candour_core::fhir::Sensitivities;
use candour_core::people::{Contact, Identity};
use candour_keeper::instances::InstanceKind;
use candour_keeper_api::Token;
use candour_seal::{DepositKey, ItemId, PatientId, PracticeId};
use candour_server::pages::ToRing;
use candour_server::session::{TOKEN_COOKIE, VISIT_COOKIE, Visit};
use candour_server::{Portal, PortalSettings};
use candour_store::{Objects, Placement, Practice, Store};
use candour_testkit::keeper::{KEEPER, Settings};
use candour_testkit::portal::{PORTAL, walker};
use candour_testkit::{TestCluster, TestDatabase, TestKeeper};
use http::header::{CONTENT_TYPE, COOKIE, ORIGIN as ORIGIN_HEADER};
use http::{HeaderMap, Request, StatusCode};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::sync::Arc;
use tempfile::TempDir;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

/// The address that browsers, and passkeys, know.
pub const ORIGIN: &str = "http://localhost:8080";

/// The keeper's clock stands at this time, and so does the portal's.
pub fn now() -> Timestamp {
    "2026-03-02T21:00:00Z".parse().unwrap()
}

/// Everything a journey needs.
pub struct Installation {
    pub keeper: TestKeeper,
    pub router: Router,
    pub practice: PracticeId,
    /// The use cases once more, for what arranges with a share of them.
    pub shared: Arc<App>,
    portal: Portal,
    _stop: DropGuard,
    /// The keeper's and the portal's.
    pub databases: [TestDatabase; 2],
    _folder: TempDir,
}

/// An answer, read to its end.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    /// A header as text.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// The cookies it sets, as a `Cookie` header would send them back.
    pub fn cookies(&self) -> String {
        let pairs = self.headers.get_all("set-cookie").iter();
        pairs
            .map(|pair| pair.to_str().unwrap().split(';').next().unwrap())
            .collect::<Vec<_>>()
            .join("; ")
    }
}

impl Installation {
    /// One practice, nobody in it yet.
    pub async fn fresh() -> Self {
        Self::with(Settings::default()).await
    }

    /// The same with a keeper that is set otherwise.
    pub async fn with(settings: Settings) -> Self {
        let keeper_database = TestCluster::shared().database(&KEEPER).await;
        let keeper = TestKeeper::start_with(&keeper_database, settings).await;
        let database = TestCluster::shared().database(&PORTAL).await;
        let folder = tempfile::tempdir().unwrap();
        let store = |role| {
            let objects = Objects::open(folder.path(), Placement::Kept).unwrap();
            Store::new(database.config_as(role), 4, objects).unwrap()
        };
        let practice = keeper.practice().await;
        let known = Practice {
            id: practice,
            name: "Kauri Health".to_owned(),
            hpi: None,
            region: "Northland".to_owned(),
            phone: "09 430 0000".to_owned(),
            email: "kauri@example.org".to_owned(),
            address: "1 Bank Street\nWhangārei".to_owned(),
            out_of_hours: "0800 611 116".to_owned(),
        };
        store("candour_worker").put_practice(&known).await.unwrap();
        let stop = CancellationToken::new();
        let client = Arc::new(keeper.client(InstanceKind::Portal));
        let shared = App::start(
            Arc::clone(&client),
            store("candour_portal"),
            &TaskTracker::new(),
            stop.clone(),
        );
        let app = App::start(
            client,
            store("candour_portal"),
            &TaskTracker::new(),
            stop.clone(),
        );
        let settings = PortalSettings {
            origin: ORIGIN.to_owned(),
            zone: TimeZone::get("Pacific/Auckland").unwrap(),
            trusted_proxies: Vec::new(),
            operator: ToRing::new("Kōwhai Health", "0800 555 0100"),
            demonstration: None,
            backups_kept: jiff::SignedDuration::from_hours(36 * 24),
            tells_by_mail: true,
            tested: folder.path().join(candour_core::tested::FILE),
            clock: now,
        };
        let portal = Portal::new(app, settings);
        Self {
            router: candour_server::routes::router(portal.clone()),
            shared: Arc::new(shared),
            portal,
            practice,
            keeper,
            _stop: stop.drop_guard(),
            databases: [keeper_database, database],
            _folder: folder,
        }
    }

    /// The use cases, to arrange.
    /// The file that says when it was last tried.
    pub fn tested(&self) -> &std::path::Path {
        &self.portal.settings().tested
    }

    pub fn app(&self) -> &App {
        self.portal.app()
    }

    /// Somebody enrolled at a practice, by its own program.
    pub async fn patient(&self, number: u32, practice: PracticeId, program: &Token) -> PatientId {
        self.patient_of(walker(number), practice, program).await
    }

    pub async fn patient_of(
        &self,
        identity: Identity,
        practice: PracticeId,
        program: &Token,
    ) -> PatientId {
        let person = enrolment::NewPatient {
            key: DepositKey::from_bytes(self.keeper.next_id("enrolment")),
            identity,
            contact: Contact::unknown("NZ"),
            left_on: None,
        };
        let enrolled = enrolment::enrol(self.app(), program, practice, vec![person], now()).await;
        enrolled.unwrap().remove(0).unwrap()
    }

    /// A document on a patient's shelf, by the practice's own program.
    pub async fn document(
        &self,
        patient: PatientId,
        program: &Token,
        title: &str,
        bytes: &[u8],
    ) -> ItemId {
        let deposit = documents::Deposit {
            patient,
            key: DepositKey::from_bytes(self.keeper.next_id("document")),
            document: NewDocument {
                meta: DocumentMeta {
                    title: Title::of(title),
                    kind: DocumentKind::ClinicLetter,
                    date: Some(jiff::civil::date(2026, 2, 14)),
                    media_type: MediaType::Unknown,
                    size_bytes: 0,
                    source: "Kauri Health".to_owned(),
                    author: None,
                    envelope: None,
                },
                tags: Sensitivities::NONE,
                bytes: bytes.to_vec(),
            },
        };
        let deposited = documents::deposit(self.app(), program, vec![deposit], now()).await;
        deposited.unwrap().remove(0).unwrap()
    }

    /// Sends a request as it is.
    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        Answer {
            status: head.status,
            headers: head.headers,
            body: String::from_utf8_lossy(&bytes).into_owned(),
        }
    }

    /// A page, as a browser with these cookies asks for it.
    pub async fn get(&self, path: &str, cookies: &str) -> Answer {
        let request = Request::get(path)
            .header(COOKIE, cookies)
            .header("sec-fetch-site", "same-origin");
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// A form, as a browser with these cookies sends it from one of our pages.
    pub async fn post(&self, path: &str, cookies: &str, form: &str) -> Answer {
        let request = Request::post(path)
            .header(COOKIE, cookies)
            .header(ORIGIN_HEADER, ORIGIN)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(request.body(Body::from(form.to_owned())).unwrap())
            .await
    }

    /// How many entries the ledger has.
    pub async fn entries(&self) -> i64 {
        self.keeper.entries().await.values().sum()
    }

    /// How many of them refuse something.
    pub async fn denials(&self) -> i64 {
        let entries = self.keeper.entries().await;
        entries
            .iter()
            .filter(|((_, decision), _)| *decision != 0)
            .map(|(_, count)| count)
            .sum()
    }
}

/// The cookies of a visit.
pub fn cookies(token: &Token, visit: Visit) -> String {
    let digits = base16ct::lower::encode_string(token.expose());
    format!("{TOKEN_COOKIE}={digits}; {VISIT_COOKIE}={}", visit.word())
}
