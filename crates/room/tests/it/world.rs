//! A whole room over the real keeper, the portal's database and a relay.

use crate::relay::Relay;
use crate::support::{ROOM, line};
use candour_app::App;
use candour_app::enrolment::{NewPatient, enrol};
use candour_app::invitations::{self, Credential};
use candour_core::people::{Contact, EmailAddress};
use candour_keeper::instances::InstanceKind;
use candour_room::room::Room;
use candour_room::{RoomConfig, Sender, Smtp};
use candour_seal::{DepositKey, PatientId, PracticeId, Zeroizing};
use candour_store::{Objects, Placement, Practice, Store};
use candour_testkit::portal::{PORTAL, walker};
use candour_testkit::{TestCluster, TestDatabase, TestKeeper};
use jiff::tz::TimeZone;
use std::sync::Arc;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

pub struct World {
    pub keeper: TestKeeper,
    pub room: Room,
    pub relay: Relay,
    pub practice: PracticeId,
    store: Store,
    app: App,
    _stop: DropGuard,
    _databases: [TestDatabase; 3],
    _folder: tempfile::TempDir,
}

/// Who is told of alarms.
pub const ON_CALL: &str = "on-call@kowhai.example";

/// A practice that can be mailed.
pub async fn world() -> World {
    let (keeper_database, keeper) = TestKeeper::fresh().await;
    let cluster = TestCluster::shared();
    let (portal, own) = tokio::join!(cluster.database(&PORTAL), cluster.database(&ROOM));
    let folder = tempfile::tempdir().unwrap();
    let objects = Objects::open(folder.path(), Placement::Kept).unwrap();
    let store = Store::new(portal.config_as("candour_worker"), 4, objects).unwrap();
    let objects = Objects::open(folder.path(), Placement::Kept).unwrap();
    let portal_store = Store::new(portal.config_as("candour_portal"), 4, objects).unwrap();
    let client = Arc::new(keeper.client(InstanceKind::Portal));
    let stop = CancellationToken::new();
    let relay = Relay::start().await;
    let config = RoomConfig {
        listen: ([127, 0, 0, 1], 0).into(),
        origin: "http://localhost:8081".to_owned(),
        keeper: keeper.address(InstanceKind::Room),
        database: Zeroizing::new(line(&own.config())),
        portal_database: Zeroizing::new(line(&portal.config_as("candour_room"))),
        smtp: Smtp {
            host: "127.0.0.1".to_owned(),
            port: relay.port,
            from: "Kōwhai Health <portal@kowhai.example>".to_owned(),
        },
        on_call: vec![ON_CALL.to_owned()],
        status_dir: folder.path().join("status"),
        sender: Sender {
            operator: "Kōwhai Health".to_owned(),
            phone: "0800 000 000".to_owned(),
            status_site: "status.example".to_owned(),
            regulator: "the Privacy Commissioner".to_owned(),
        },
        zone: TimeZone::get("Pacific/Auckland").unwrap(),
        code_key_file: folder.path().join("code.key"),
        demonstration: None,
    };
    let practice = keeper.practice().await;
    let world = World {
        room: Room::open(config).await.unwrap(),
        practice,
        keeper,
        relay,
        app: App::start(client, portal_store, &TaskTracker::new(), stop.clone()),
        _stop: stop.drop_guard(),
        store,
        _databases: [keeper_database, portal, own],
        _folder: folder,
    };
    world.mailbox_of_practice("kauri@example.org").await;
    world
}

impl World {
    /// So many people of the practice, each with a mailbox of their own.
    pub async fn members(&self, count: u32) -> Vec<PatientId> {
        let program = self
            .keeper
            .program(self.practice, InstanceKind::Portal)
            .await;
        let people = (1..=count).map(|number| NewPatient {
            key: DepositKey::from_bytes(self.keeper.next_id("enrolment")),
            identity: walker(number),
            contact: Contact {
                email: EmailAddress::parse(&format!("walker{number}@example.org")).ok(),
                ..Contact::unknown("NZ")
            },
            left_on: None,
        });
        let now = self.keeper.core.clock.now();
        let enrolled = enrol(&self.app, &program, self.practice, people.collect(), now).await;
        enrolled.unwrap().into_iter().map(Result::unwrap).collect()
    }

    /// Makes the account that an invitation is for, with a passkey.
    pub async fn register(
        &self,
        code: &str,
        login: &str,
        create: impl FnOnce(&str) -> String + Send,
    ) {
        let network = "192.0.2.7";
        let look = invitations::look(&self.app, code, login, network).await;
        let ceremony = look.unwrap().ceremony.unwrap();
        let answer = create(&ceremony.options_json);
        let credential = Credential::Passkey(ceremony.id, answer);
        invitations::register(&self.app, code, "", login, credential, network)
            .await
            .unwrap();
    }

    /// The practice as it presents itself, with this mailbox.
    pub async fn mailbox_of_practice(&self, email: &str) {
        let practice = Practice {
            id: self.practice,
            name: "Kauri Health".to_owned(),
            hpi: None,
            region: "Northland".to_owned(),
            phone: "09 430 0000".to_owned(),
            email: email.to_owned(),
            address: "1 Bank Street\nWhangārei".to_owned(),
            out_of_hours: "0800 611 116".to_owned(),
        };
        self.store.put_practice(&practice).await.unwrap();
    }
}
