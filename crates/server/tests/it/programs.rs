//! Two managers add a program, let it read and end it, without script but for the passkey.

use crate::installation::{Answer, Installation, cookies};
use crate::visits::{between, encoded, signed};
use candour_keeper::instances::InstanceKind;
use candour_keeper_api::wire::{Call, ClientSignIn, Reply};
use candour_keeper_api::words::{Purpose, Role};
use candour_keeper_api::{Item, Token, Viewer};
use candour_server::session::Visit;
use candour_testkit::passkey::SoftwarePasskey;
use http::StatusCode;

const OFFICE: Visit = Visit::Staff(Some(Purpose::Administration));

struct Manager {
    cookies: String,
    device: SoftwarePasskey,
}

async fn manager(installation: &Installation) -> Manager {
    let keeper = &installation.keeper;
    let person = keeper.staff(installation.practice, Role::Manager).await;
    Manager {
        device: keeper.give_passkey(person.person).await,
        cookies: cookies(&person.token, OFFICE),
    }
}

impl Manager {
    /// Signs what a page asks.
    async fn signs(&mut self, installation: &Installation, asked: &Answer) -> Answer {
        let answer = signed(asked, &mut self.device);
        installation
            .post("/practice/act", &self.cookies, &answer)
            .await
    }

    /// Agrees to what a colleague began.
    async fn agrees(&mut self, installation: &Installation) -> Answer {
        let waiting = installation.get("/practice/waiting", &self.cookies).await;
        let id = between(&waiting.body, "name=\"id\" value=\"", "\"");
        let asked = installation
            .post("/practice/waiting", &self.cookies, &encoded(&[("id", id)]))
            .await;
        self.signs(installation, &asked).await
    }
}

async fn signs_in(installation: &Installation, credential: &str) -> Option<Token> {
    let (client, secret) = credential.split_once(':').unwrap();
    let bytes = |text: &str| base16ct::lower::decode_vec(text).unwrap();
    let call = Call::ClientSignIn(ClientSignIn {
        client: bytes(client),
        secret: bytes(secret),
    });
    let import = installation.keeper.client(InstanceKind::Import);
    match import.call(call).await {
        Ok(Reply::SignedIn(signed_in)) => Token::from_bytes(&signed_in.token),
        _ => None,
    }
}

async fn opens(installation: &Installation, token: &Token, item: candour_seal::ItemId) -> bool {
    let viewer = Viewer {
        token: token.clone(),
        purpose: Purpose::Administration,
        network: String::new(),
    };
    let import = installation.keeper.client(InstanceKind::Import);
    import.open(&viewer, Item(item)).await.is_ok()
}

#[tokio::test]
async fn two_managers_add_a_program_let_it_read_and_one_ends_it() {
    let installation = Installation::fresh().await;
    let keeper = &installation.keeper;
    let practice = installation.practice;
    let program = keeper.program(practice, InstanceKind::Portal).await;
    let patient = installation.patient(1, practice, &program).await;
    let letter = installation
        .document(patient, &program, "Heart clinic", b"Kia ora.\n")
        .await;
    let (mut first, mut second) = (manager(&installation).await, manager(&installation).await);
    let start = installation.get("/practice", &first.cookies).await;
    assert!(start.body.contains("href=\"/practice/programs\""));

    let nameless = encoded(&[("name", " ")]);
    let mend = installation
        .post("/practice/programs", &first.cookies, &nameless)
        .await;
    assert_eq!(mend.status, StatusCode::UNPROCESSABLE_ENTITY);
    let named = encoded(&[("name", "Kauri results")]);
    let asked = installation
        .post("/practice/programs", &first.cookies, &named)
        .await;
    let sentence = "Give the program Kauri results a credential for this practice.";
    assert!(asked.body.contains(sentence), "{}", asked.body);
    let waits = first.signs(&installation, &asked).await;
    assert_eq!(waits.header("location"), "/practice/waiting?said=waits");
    let made = second.agrees(&installation).await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.body);
    let credential = between(&made.body, "id=\"credential\">", "<").to_owned();
    let token = signs_in(&installation, &credential).await.unwrap();
    assert!(!opens(&installation, &token, letter).await);

    let client = credential.split_once(':').unwrap().0;
    let path = format!("/practice/programs/{client}");
    let reading = format!("{path}/reading");
    let page = installation.get(&reading, &first.cookies).await;
    assert!(
        page.body.contains("Let Kauri results read"),
        "{}",
        page.body
    );
    let why = ("reason", "letters are printed there");
    let nothing = encoded(&[("days", "90"), why]);
    let mend = installation.post(&reading, &first.cookies, &nothing).await;
    assert_eq!(mend.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(mend.body.contains("href=\"#see\""), "{}", mend.body);
    let both = encoded(&[("see", "shelf"), ("see", "results"), ("days", "90"), why]);
    let asked = installation.post(&reading, &first.cookies, &both).await;
    for said in [
        "Let the program “Kauri results”, added 2 March 2026, 21:00 UTC, read what this practice put in",
        "documents, results. Nothing that is marked sensitive",
        "Only until 31 May 2026",
        "Reason: letters are printed there",
    ] {
        assert!(asked.body.contains(said), "{said}: {}", asked.body);
    }
    first.signs(&installation, &asked).await;
    assert!(!opens(&installation, &token, letter).await);
    let done = second.agrees(&installation).await;
    assert_eq!(done.header("location"), "/practice/waiting?said=done");
    assert!(opens(&installation, &token, letter).await);
    let list = installation.get("/practice/programs", &second.cookies);
    let list = list.await.body;
    assert!(list.contains("It may read: Documents, Results"), "{list}");

    // The patient sees it.
    let themself = keeper.as_patient(patient).await;
    let themself = cookies(&themself.token, Visit::Patient);
    let history = format!("/patients/{patient}/history");
    let seen = installation.get(&history, &themself).await.body;
    assert!(seen.contains("computer system"), "{seen}");

    for (what, button, still) in [
        ("reading", "End its reading", true),
        ("program", "End this program", false),
    ] {
        let page = installation.get("/practice/programs", &second.cookies);
        assert!(page.await.body.contains(button), "{what}");
        let end = format!("{path}/end");
        let asked = installation
            .post(&end, &second.cookies, &encoded(&[("what", what)]))
            .await;
        let answer = signed(&asked, &mut second.device);
        let done = installation
            .post("/practice/programs/act", &second.cookies, &answer)
            .await;
        let ended = "/practice/programs?said=ended";
        assert_eq!(done.header("location"), ended, "{}", done.body);
        assert!(!opens(&installation, &token, letter).await, "{what}");
        let signs_in = signs_in(&installation, &credential).await;
        assert_eq!(signs_in.is_some(), still, "{what}");
    }
    // A page that was open since then leads to the list.
    let gone = installation.get(&reading, &first.cookies).await;
    assert_eq!(gone.header("location"), "/practice/programs?said=changed");
}

#[tokio::test]
async fn nobody_but_a_manager_has_these_pages() {
    let installation = Installation::fresh().await;
    for role in [Role::Clinician, Role::Reception] {
        let staff = installation.keeper.staff(installation.practice, role).await;
        let staff = cookies(&staff.token, OFFICE);
        let start = installation.get("/practice", &staff).await;
        assert!(!start.body.contains("/practice/programs"));
        let path = "/practice/programs";
        let refused = installation.get(path, &staff).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
        let form = encoded(&[("name", "Kauri results")]);
        let refused = installation.post(path, &staff, &form).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
    }
}
