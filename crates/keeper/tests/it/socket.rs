//! Who may call at all.

use crate::arrange::scene;
use candour_embedded::cluster::{connect, roles};
use candour_keeper::instances::{InstanceKind, InstanceLine, Instances};
use candour_keeper::serve::KeeperService;
use candour_keeper_api::wire::{Call, Hello, StatusQuestion};
use candour_keeper_api::words::Reason;
use candour_keeper_api::{CallError, Keeper, KeeperAddress, service};
use candour_seal::{InstanceId, Zeroizing};
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use tokio::net::UnixListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

const CREDENTIAL: [u8; 32] = [5; 32];

fn line(name: &str, credential: &[u8], uid: u32) -> InstanceLine {
    let id = InstanceId::from_bytes([credential[0]; 16]);
    InstanceLine::of(name, InstanceKind::Portal, id, credential, Some(uid))
}

/// What a process with this credential is told, where only these may call.
async fn greeted(lines: &[InstanceLine], credential: &[u8]) -> Result<(), CallError> {
    let scene = scene().await;
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("keeper.sock");
    let instances = Instances::at(&folder.path().join("instances.json"));
    instances.write(lines).unwrap();
    let service = Arc::new(KeeperService {
        core: Arc::clone(&scene.keeper.core),
        instances,
    });
    let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
    let listener = UnixListener::bind(&socket).unwrap();
    tasks.spawn(service::serve(listener, service, stop.clone()));
    let _stop = stop.drop_guard();
    let client = Keeper::new(KeeperAddress {
        socket,
        credential: Zeroizing::new(credential.to_vec()),
    });
    client.call(Call::Status(StatusQuestion {})).await?;
    // Once greeted, a connection stays what it is.
    let other = Call::Hello(Hello {
        credential: vec![6; 32],
    });
    assert!(client.call(other).await.is_err());
    Ok(())
}

fn own_user() -> u32 {
    tempfile::tempfile().unwrap().metadata().unwrap().uid()
}

#[tokio::test]
async fn the_right_credential_from_the_right_user_is_let_in() {
    let lines = [
        line("portal", &CREDENTIAL, own_user()),
        line("other", &[6; 32], own_user()),
    ];
    greeted(&lines, &CREDENTIAL).await.unwrap();
}

#[tokio::test]
async fn the_right_credential_from_another_user_is_refused() {
    let lines = [line("portal", &CREDENTIAL, own_user() + 1)];
    assert!(greeted(&lines, &CREDENTIAL).await.is_err());
}

#[tokio::test]
async fn a_credential_that_was_not_issued_is_refused() {
    let lines = [line("portal", &CREDENTIAL, own_user())];
    assert!(greeted(&lines, &[7; 32]).await.is_err());
}

#[tokio::test]
async fn a_call_before_the_greeting_is_refused() {
    use candour_keeper_api::service::Answer;
    let scene = scene().await;
    let folder = tempfile::tempdir().unwrap();
    let service = Arc::new(KeeperService {
        core: Arc::clone(&scene.keeper.core),
        instances: Instances::at(&folder.path().join("instances.json")),
    });
    let peer = Arc::new(service.connected(None).unwrap());
    let reply = service.answer(peer, Call::Status(StatusQuestion {})).await;
    let candour_keeper_api::wire::Reply::Refused(refused) = reply else {
        panic!("answered")
    };
    assert_eq!(refused.reason, i32::from(Reason::NotAllowed));
}

#[tokio::test]
async fn no_other_part_s_role_reaches_the_keeper_s_database() {
    let scene = scene().await;
    let database = scene.database.as_ref().unwrap();
    for role in [roles::PORTAL, roles::WORKER, roles::ROOM, roles::MIGRATOR] {
        let refused = connect(&database.config_as(role)).await.unwrap_err();
        let said = refused.as_db_error().unwrap().message().to_owned();
        assert!(
            said.contains("permission denied for database"),
            "{role}: {said}"
        );
    }
    connect(&database.config_as(roles::KEEPER)).await.unwrap();
}
