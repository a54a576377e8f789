//! A keeper whose root key is sealed.

use candour_keeper::root::{Cost, SealedRoot};
use candour_keeper::unlock::{unlock, unlock_socket, until_typed, while_sealed};
use candour_keeper_api::wire::{Call, StatusQuestion};
use candour_keeper_api::words::Reason;
use candour_keeper_api::{CallError, Keeper, KeeperAddress};
use candour_seal::{RootKey, SystemRandom, Zeroizing};
use std::os::unix::fs::PermissionsExt;
use tokio::net::UnixListener;
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn a_sealed_keeper_answers_nobody_until_the_passphrase_fits() {
    let data = tempfile::tempdir().unwrap();
    std::fs::create_dir(data.path().join("keeper")).unwrap();
    let root = RootKey::from_bytes(&[9; 32]);
    let cheap = Cost(64, 1, 1);
    let sealed = SealedRoot::seal(&root, "seven red tūī sing", cheap, &mut SystemRandom).unwrap();
    let socket = data.path().join("calls.sock");
    let calls = UnixListener::bind(&socket).unwrap();
    let (path, stop) = (unlock_socket(data.path()), CancellationToken::new());
    let waiting = while_sealed(calls, &stop, until_typed(&sealed, &path));
    let typing = async {
        while !path.exists() {
            tokio::task::yield_now().await;
        }
        let mode = path.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let keeper = Keeper::new(KeeperAddress {
            socket: socket.clone(),
            credential: Zeroizing::new(vec![1; 32]),
        });
        let asked = keeper.call(Call::Status(StatusQuestion {})).await;
        let Err(CallError::Denied(denied)) = asked else {
            panic!("not a refusal");
        };
        assert_eq!(denied.reason, Reason::Sealed);
        assert!(!unlock(data.path(), "seven red tui sing").await.unwrap());
        assert!(unlock(data.path(), "seven red tūī sing").await.unwrap());
    };
    let (opened, ()) = tokio::join!(waiting, typing);
    assert_eq!(opened.unwrap().unwrap(), (root, 1));
    assert!(!path.exists());
    assert!(unlock(data.path(), "seven red tūī sing").await.is_err());
}
