//! A keeper whose root key is sealed.

use candour_keeper::root::{Cost, RootFile, SealedRoot, read};
use candour_keeper::unlock::{unlock, unlock_socket, until_typed, while_sealed};
use candour_keeper_api::wire::{Call, StatusQuestion};
use candour_keeper_api::words::Reason;
use candour_keeper_api::{CallError, Keeper, KeeperAddress};
use candour_seal::{RootKey, SystemRandom, Zeroizing};
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
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

#[test]
fn a_file_is_sealed_again_by_another_passphrase_for_whoever_has_the_one_before() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keeper/root.key");
    fs::create_dir(folder.path().join("keeper")).unwrap();
    let root = RootKey::from_bytes(&[7; 32]);
    let cheap = Cost(64, 1, 1);
    let before = SealedRoot::seal(&root, "nine blue kowhai trees", cheap, &mut SystemRandom);
    fs::write(&path, before.unwrap().to_text()).unwrap();
    let type_in = |words: &[&str], typed: &str| {
        let mut child = Command::new(env!("CARGO_BIN_EXE_candour-keeper"))
            .args(words)
            .arg("--data")
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(typed.as_bytes())
            .unwrap();
        let ended = child.wait_with_output().unwrap();
        (
            ended.status.success(),
            String::from_utf8(ended.stderr).unwrap(),
        )
    };
    let opens = |passphrase: &str| {
        let Ok(RootFile::Sealed(sealed)) = read(&path) else {
            panic!("not sealed");
        };
        sealed.open(passphrase) == Some(root.clone())
    };
    let (done, said) = type_in(&["seal-root"], "");
    assert!(!done && said.contains("seal-root --again"), "{said}");
    let new = "seven quiet rātā hills\nseven quiet rātā hills\n";
    let (done, said) = type_in(
        &["seal-root", "--again"],
        &format!("nine red kowhai trees\n{new}"),
    );
    assert!(!done && opens("nine blue kowhai trees"), "{said}");
    let (done, said) = type_in(
        &["seal-root", "--again"],
        &format!("nine blue kowhai trees\n{new}"),
    );
    assert!(done, "{said}");
    assert!(opens("seven quiet rātā hills") && !opens("nine blue kowhai trees"));
}
