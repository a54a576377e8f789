//! Every route with an id refuses everybody who has no business there: the same 404, and a denial in the ledger.

use crate::installation::{Answer, Installation, ORIGIN, cookies, now};
use axum::body::Body;
use axum::extract::ConnectInfo;
use candour_app::acts;
use candour_keeper::facts::{Fact, StaffRole};
use candour_keeper::instances::InstanceKind;
use candour_keeper_api::wire::{ChangeKind, EnrolmentChange};
use candour_keeper_api::words::{Purpose, Role};
use candour_seal::{ItemId, PatientId, PersonId};
use candour_server::routes::{Access, ROUTES, Route, Sample};
use candour_server::session::Visit;
use http::header::{CONTENT_TYPE, COOKIE, ORIGIN as ORIGIN_HEADER};
use http::{Request, StatusCode};
use jiff::SignedDuration;
use std::net::SocketAddr;

const CARE: Visit = Visit::Staff(Some(Purpose::DirectCare));

/// A request to a route about one patient and document.
fn request(route: &Route, patient: PatientId, document: ItemId, cookies: &str) -> Request<Body> {
    let path = route
        .path
        .replace("{patient}", &patient.to_string())
        .replace("{document}", &document.to_string())
        .replace("{section}", "results");
    assert!(
        !path.contains('{'),
        "{} has a place that this test does not fill",
        route.path
    );
    let request = Request::builder()
        .method(route.method)
        .uri(path)
        .header(COOKIE, cookies)
        .header(ORIGIN_HEADER, ORIGIN);
    let filled = match route.sample {
        Sample::Nothing => request.body(Body::empty()),
        Sample::Form(form) => request
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(form)),
        Sample::Deposit => request
            .header(CONTENT_TYPE, "multipart/form-data; boundary=edge")
            .body(Body::from(deposit())),
    };
    filled.unwrap()
}

fn deposit() -> String {
    let field = |name: &str, value: &str| {
        format!("--edge\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let mut form = String::new();
    for (name, value) in [
        ("once", "30313233343536373839616263646566"),
        ("name", "A letter"),
        ("kind", "clinic_letter"),
        ("day", "3"),
        ("month", "2"),
        ("year", "2026"),
    ] {
        form.push_str(&field(name, value));
    }
    form.push_str("--edge\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\nKia ora.\r\n--edge--\r\n");
    form
}

fn with_id() -> impl Iterator<Item = &'static Route> {
    ROUTES.iter().filter(|route| route.has_id())
}

/// A patient with a document, and the cookies of those who may open it.
struct Scene {
    installation: Installation,
    patient: PatientId,
    document: ItemId,
    themself: String,
    clinician: String,
}

async fn scene() -> Scene {
    let installation = Installation::fresh().await;
    let keeper = &installation.keeper;
    let program = keeper
        .program(installation.practice, InstanceKind::Portal)
        .await;
    let patient = installation
        .patient(1, installation.practice, &program)
        .await;
    let document = installation
        .document(patient, &program, "Letter", b"Kia ora.\n")
        .await;
    let themself = keeper.as_patient(patient).await;
    let clinician = keeper.staff(installation.practice, Role::Clinician).await;
    keeper.give_passkey(clinician.person).await;
    Scene {
        patient,
        document,
        themself: cookies(&themself.token, Visit::Patient),
        clinician: cookies(&clinician.token, CARE),
        installation,
    }
}

/// Tries every route with an id as one stranger.
async fn refuses(scene: &Scene, who: &str, stranger: &str) {
    let absent = scene
        .installation
        .get("/there/is/no/such/page", stranger)
        .await;
    assert_eq!(absent.status, StatusCode::NOT_FOUND);
    for route in with_id() {
        let before = scene.installation.denials().await;
        let request = request(route, scene.patient, scene.document, stranger);
        let answer = scene.installation.send(request).await;
        let what = format!("{} {} as {who}", route.method, route.path);
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{what}");
        assert_eq!(
            answer.body, absent.body,
            "{what}: not the page that everybody gets"
        );
        let after = scene.installation.denials().await;
        assert!(after > before, "{what}: no denial in the ledger");
    }
}

#[tokio::test]
async fn another_patient_gets_the_404_of_everybody_and_is_written_down() {
    let scene = scene().await;
    let keeper = &scene.installation.keeper;
    let program = keeper
        .program(scene.installation.practice, InstanceKind::Portal)
        .await;
    let other = scene
        .installation
        .patient(2, scene.installation.practice, &program)
        .await;
    let other = keeper.as_patient(other).await;
    refuses(
        &scene,
        "another patient",
        &cookies(&other.token, Visit::Patient),
    )
    .await;
}

#[tokio::test]
async fn a_patient_who_says_to_be_staff_gets_the_same() {
    let scene = scene().await;
    let keeper = &scene.installation.keeper;
    let program = keeper
        .program(scene.installation.practice, InstanceKind::Portal)
        .await;
    let other = scene
        .installation
        .patient(2, scene.installation.practice, &program)
        .await;
    let other = keeper.as_patient(other).await;
    refuses(
        &scene,
        "a patient with the cookie of staff",
        &cookies(&other.token, CARE),
    )
    .await;
}

#[tokio::test]
async fn staff_of_another_practice_get_the_404_of_everybody_and_are_written_down() {
    let scene = scene().await;
    let elsewhere = scene.installation.keeper.practice().await;
    let staff = scene
        .installation
        .keeper
        .staff(elsewhere, Role::Clinician)
        .await;
    refuses(
        &scene,
        "staff of another practice",
        &cookies(&staff.token, CARE),
    )
    .await;
}

/// Their session ends with their role: they are nobody any more, and what they try is written down as a stranger's.
#[tokio::test]
async fn staff_whose_role_ended_open_nothing_and_are_written_down() {
    let scene = scene().await;
    let keeper = &scene.installation.keeper;
    let person = PersonId::from_bytes(keeper.next_id("person"));
    let practice = scene.installation.practice;
    let role = Fact::StaffRole(StaffRole {
        practice: practice.as_bytes().to_vec(),
        role: Role::Clinician.into(),
        until: (now() + SignedDuration::from_mins(1)).as_microsecond(),
        sealed_name: Vec::new(),
    });
    keeper.account(person, vec![role]).await;
    let staff = keeper.sign_in_staff(person, practice, Role::Clinician);
    keeper.clock.advance(SignedDuration::from_mins(2));
    let cookies = cookies(&staff.token, CARE);
    let before = scene.installation.denials().await;
    for route in with_id() {
        let request = request(route, scene.patient, scene.document, &cookies);
        let answer = scene.installation.send(request).await;
        let what = format!("{} {}", route.method, route.path);
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{what}");
        assert!(answer.body.contains("You are signed out"), "{what}");
    }
    keeper.stop().await;
    assert!(scene.installation.denials().await > before);
}

#[tokio::test]
async fn staff_whose_patient_left_get_the_404_of_everybody_and_are_written_down() {
    let scene = scene().await;
    let staff = scene
        .installation
        .keeper
        .staff(scene.installation.practice, Role::Clinician)
        .await;
    let left = ChangeKind::EndEnrolment(EnrolmentChange {
        patient: scene.patient.as_bytes().to_vec(),
        practice: scene.installation.practice.as_bytes().to_vec(),
    });
    let program = scene
        .installation
        .keeper
        .program(scene.installation.practice, InstanceKind::Portal)
        .await;
    acts::now(scene.installation.app(), &program, left)
        .await
        .unwrap();
    refuses(
        &scene,
        "staff whose patient left",
        &cookies(&staff.token, CARE),
    )
    .await;
}

/// Who is not signed in costs no ledger entry each: one for each network and minute, with their number.
#[tokio::test]
async fn a_stranger_gets_the_404_of_everybody_and_is_written_down() {
    let scene = scene().await;
    let absent = scene.installation.get("/there/is/no/such/page", "").await;
    let before = scene.installation.denials().await;
    let mut tried = 0;
    for route in with_id() {
        // Each route from a network of its own, so that each has its own entry.
        tried += 1;
        let network = SocketAddr::from(([198, 51, 100, tried], 1));
        let mut request = request(route, scene.patient, scene.document, "");
        request.extensions_mut().insert(ConnectInfo(network));
        let answer: Answer = scene.installation.send(request).await;
        let what = format!("{} {}", route.method, route.path);
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{what}");
        assert_eq!(answer.body, absent.body, "{what}");
    }
    // The minute that runs is written when the keeper ends.
    scene.installation.keeper.stop().await;
    let after = scene.installation.denials().await;
    assert_eq!(
        after - before,
        i64::from(tried),
        "a route was not written down"
    );
}

/// Without this the tests above would pass on a portal that opens nothing to anybody.
#[tokio::test]
async fn those_who_may_are_let_in_by_the_same_requests() {
    let scene = scene().await;
    for route in with_id() {
        let who: &[&str] = match route.access {
            Access::Patient => &[&scene.themself],
            Access::Staff => &[&scene.clinician],
            _ => &[&scene.themself, &scene.clinician],
        };
        for cookies in who {
            let request = request(route, scene.patient, scene.document, cookies);
            let answer = scene.installation.send(request).await;
            // A form that comes back with what is to be mended is one that they may send.
            let let_in = matches!(
                answer.status,
                StatusCode::OK | StatusCode::SEE_OTHER | StatusCode::UNPROCESSABLE_ENTITY
            );
            assert!(
                let_in,
                "{} {}: {} {}",
                route.method, route.path, answer.status, answer.body
            );
        }
    }
}
