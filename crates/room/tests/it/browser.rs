//! The room's pages without its tasks, and whoever looks at them.

use crate::world::World;
use candour_keeper::facts::{CodeSheet, Fact, OperatorRole, StaffRole};
use candour_keeper::instances::InstanceKind;
use candour_keeper::practice::{self, Command, Ordered};
use candour_keeper::session::{NewSession, Principal, SignedBy};
use candour_keeper_api::words::Role;
use candour_room::room::Room;
use candour_seal::{IncidentId, PersonId, PracticeId, SystemRandom};
use candour_testkit::keeper::instance;
use candour_testkit::passkey::SoftwarePasskey;
use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

/// The one origin that the keeper of tests knows.
const ORIGIN: &str = "http://localhost:8080";

/// A room whose pages are served and whose tasks a test does by hand.
pub struct Served {
    pub room: Arc<Room>,
    pub at: SocketAddr,
    _stop: DropGuard,
}

pub async fn served(world: &World) -> Served {
    let room = Arc::new(Room::open(world.room.config.clone()).await.unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (at, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
    let pages = candour_room::serve_pages(Arc::clone(&room), listener, stop.clone());
    TaskTracker::new().spawn(pages);
    Served {
        room,
        at,
        _stop: stop.drop_guard(),
    }
}

/// The cookie of a running session through the room.
fn cookie(world: &World, person: PersonId, role: Role, practice: Option<PracticeId>) -> String {
    let new = NewSession {
        principal: Principal::Person(person),
        role,
        practice,
        instance: instance(InstanceKind::Room),
        by_passkey: true,
        own_patient: None,
        signed_by: SignedBy::default(),
    };
    let core = &world.keeper.core;
    let now = core.clock.now();
    let begun = core.sessions.begin(&core.keys, new, now, &mut SystemRandom);
    let (token, _) = begun.unwrap();
    let mut cookie = String::from("__Host-room=");
    for byte in token.expose() {
        write!(cookie, "{byte:02x}").unwrap();
    }
    cookie
}

/// The cookie of a privacy officer who answers with a code: what a page shows is the same as for a passkey.
pub async fn officer(world: &World) -> String {
    let keeper = &world.keeper;
    let person = PersonId::from_bytes(keeper.next_id("officer"));
    let role = Fact::OperatorRole(OperatorRole {
        role: Role::PrivacyOfficer.into(),
        ..OperatorRole::default()
    });
    let codes = Fact::CodeSheet(CodeSheet {
        hashes: vec![vec![0; 32]],
        ..CodeSheet::default()
    });
    keeper.account(person, vec![role, codes]).await;
    cookie(world, person, Role::PrivacyOfficer, None)
}

/// The cookie of somebody at the desk of the world's practice.
pub async fn receptionist(world: &World) -> String {
    let person = PersonId::from_bytes(world.keeper.next_id("receptionist"));
    let role = Fact::StaffRole(StaffRole {
        practice: world.practice.as_bytes().to_vec(),
        role: Role::Reception.into(),
        until: 0,
        sealed_name: Vec::new(),
    });
    world.keeper.account(person, vec![role]).await;
    cookie(world, person, Role::Reception, Some(world.practice))
}

pub struct Browser {
    pub room: SocketAddr,
    pub cookie: String,
}

impl Browser {
    pub async fn send(&self, head: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(self.room).await.unwrap();
        let (cookie, length) = (&self.cookie, body.len());
        let request = format!(
            "{head} HTTP/1.1\r\nHost: room\r\nConnection: close\r\nCookie: {cookie}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    pub async fn get(&self, path: &str) -> String {
        self.send(&format!("GET {path}"), "").await
    }

    /// Begins a step; the ceremony of its page.
    pub async fn begin(&self, case: IncidentId, act: &str) -> String {
        let page = self.get(&format!("/incidents/{case}/acts/{act}")).await;
        between(&page, "name=\"ceremony\" value=\"", "\"").to_owned()
    }

    /// Answers a ceremony at an address.
    pub async fn answer(&self, case: IncidentId, act: &str, ceremony: &str) -> String {
        let head = format!("POST /incidents/{case}/acts/{act}");
        let body = format!("ceremony={ceremony}&answer=%7B%7D");
        self.send(&head, &body).await
    }
}

pub fn between<'a>(page: &'a str, before: &str, after: &str) -> &'a str {
    let (_, rest) = page
        .split_once(before)
        .unwrap_or_else(|| panic!("no {before} in {page}"));
    rest.split(after).next().unwrap()
}

/// An officer with a real passkey, signed in over the room's own page.
pub struct Signatory {
    pub browser: Browser,
    passkey: SoftwarePasskey,
}

/// As many officers as there are roles.
pub async fn signatories(world: &World, room: SocketAddr, roles: &[&str]) -> Vec<Signatory> {
    let core = &world.keeper.core;
    let codes = practice::name_operators(core).await.unwrap();
    let mut all = Vec::new();
    for (number, role) in roles.iter().enumerate() {
        let ordered = Ordered {
            codes: codes.clone(),
            command: Command::AddOperator {
                role: (*role).to_owned(),
                name: format!("Officer {number}"),
            },
        };
        let made = practice::carry_out(core, &ordered).await.unwrap();
        let mut passkey = SoftwarePasskey::new().unwrap();
        let login = format!("officer{number}");
        let create = |options: &str| passkey.create(options, ORIGIN).unwrap();
        world.register(&made.invitation, &login, create).await;
        all.push(Signatory::sign_in(room, passkey).await);
    }
    all
}

impl Signatory {
    async fn sign_in(room: SocketAddr, mut passkey: SoftwarePasskey) -> Self {
        let stranger = Browser {
            room,
            cookie: String::new(),
        };
        let page = stranger.get("/sign-in").await;
        let form = answered(&mut passkey, &page);
        let page = stranger.send("POST /sign-in", &form).await;
        let cookie = between(&page, "set-cookie: ", ";").to_owned();
        Self {
            browser: Browser { room, cookie },
            passkey,
        }
    }

    /// What a step shows.
    pub async fn show(&self, case: IncidentId, act: &str) -> String {
        let path = format!("/incidents/{case}/acts/{act}");
        self.browser.get(&path).await
    }

    /// Answers exactly what a page shows, with the passkey.
    pub async fn answer(&mut self, case: IncidentId, act: &str, page: &str) -> String {
        let path = format!("/incidents/{case}/acts/{act}");
        self.answer_at(&path, page).await
    }

    /// The same at any address.
    pub async fn answer_at(&mut self, path: &str, page: &str) -> String {
        let form = answered(&mut self.passkey, page);
        self.browser.send(&format!("POST {path}"), &form).await
    }

    /// Does a step; gives what it showed.
    pub async fn act(&mut self, case: IncidentId, act: &str) -> String {
        let page = self.show(case, act).await;
        let answer = self.answer(case, act, &page).await;
        assert!(answer.starts_with("HTTP/1.1 303"), "{act}: {answer}");
        page
    }
}

/// The form that answers a page's ceremony.
fn answered(passkey: &mut SoftwarePasskey, page: &str) -> String {
    let ceremony = between(page, "name=\"ceremony\" value=\"", "\"");
    let options = between(page, "id=\"options\">", "</script>");
    let answer = passkey.get(options, ORIGIN).unwrap();
    let mut form = format!("ceremony={ceremony}&answer=");
    for byte in answer.bytes() {
        write!(form, "%{byte:02x}").unwrap();
    }
    form
}
