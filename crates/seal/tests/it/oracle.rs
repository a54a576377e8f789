//! Against an independent implementation, both ways: pyca/cryptography (see `tests/oracle/setup.sh`).

use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use candour_seal::content::CHUNK_LENGTH;
use candour_seal::{ItemKey, RoomPrivateKey, SystemRandom, open, open_from, seal, seal_to};

use crate::pattern;
use crate::skipped::skipped;

const KEY: [u8; 32] = *b"an item key of thirty-two bytes.";
const CONTEXT: &[u8] = b"candour/v1/item and where it is";
const LONGEST: usize = 3 * CHUNK_LENGTH + 1;

#[test]
fn every_length_to_three_chunks_opens_in_the_other_implementation_and_back() {
    let Some(mut oracle) = oracle("cobblestone.py") else {
        return;
    };
    let mut oracle = oracle
        .args([hex(&KEY), hex(CONTEXT), LONGEST.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut to = BufWriter::with_capacity(1 << 20, oracle.stdin.take().unwrap());
    let mut from = BufReader::with_capacity(1 << 20, oracle.stdout.take().unwrap());
    let writer = std::thread::spawn(move || {
        let (key, content) = (ItemKey::from_bytes(&KEY), pattern(LONGEST));
        for length in 0..=LONGEST {
            let sealed = seal(&key, CONTEXT, &content[..length], &mut SystemRandom);
            to.write_all(&u32::try_from(sealed.len()).unwrap().to_be_bytes())
                .and_then(|()| to.write_all(&sealed))
                .unwrap();
        }
        to.flush().unwrap();
    });
    let (key, content) = (ItemKey::from_bytes(&KEY), pattern(LONGEST));
    for length in 0..=LONGEST {
        let mut sealed = frame(&mut from);
        let opened = open(&key, CONTEXT, &sealed).unwrap();
        assert!(opened.as_slice() == &content[..length], "{length}");
        refuses_what_was_changed(&key, &mut sealed, length);
    }
    // The last frame is how many of ours the other implementation refused, damaged as it was told to.
    assert_eq!(
        frame(&mut from),
        b"all of ours opened; every damaged one was refused"
    );
    writer.join().unwrap();
    assert!(oracle.wait().unwrap().success());
}

#[test]
fn what_is_sealed_to_a_room_opens_in_the_other_implementation_and_back() {
    let room = RoomPrivateKey::generate(&mut SystemRandom);
    for length in [0, 1, 32, 1000] {
        let content = pattern(length);
        let sealed = seal_to(&room.public(), b"contact", b"", &content, &mut SystemRandom).unwrap();
        let Some(mut oracle) = oracle("room.py") else {
            return;
        };
        let private = hex(room.to_bytes().as_slice());
        let output = oracle
            .args([private, hex(b"contact"), hex(&sealed), hex(&content)])
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let theirs = unhex(output.stdout.trim_ascii());
        assert_eq!(
            open_from(&room, b"contact", b"", &theirs)
                .unwrap()
                .as_slice(),
            content
        );
    }
}

/// The other implementation; none where it was not installed.
fn oracle(script: &str) -> Option<Command> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    // `cargo xtask test` says where it is; then it must be there. A developer's machine may do without.
    let said = std::env::var_os("CANDOUR_TEST_PYTHON").map(PathBuf::from);
    let is_said = said.is_some();
    let python = said.unwrap_or_else(|| root.join("../../target/oracle/bin/python"));
    if !python.exists() {
        assert!(!is_said, "there is no Python where it was said to be");
        skipped("crates/seal/tests/oracle/setup.sh has not been run");
        return None;
    }
    let mut command = Command::new(python);
    command.arg(root.join("tests/oracle").join(script));
    Some(command)
}

fn refuses_what_was_changed(key: &ItemKey, sealed: &mut [u8], length: usize) {
    let bit = length.wrapping_mul(2_654_435_761) % (sealed.len() * 8);
    sealed[bit / 8] ^= 1 << (bit % 8);
    assert!(open(key, CONTEXT, sealed).is_err(), "bit {bit} of {length}");
    sealed[bit / 8] ^= 1 << (bit % 8);
    let end = length.wrapping_mul(40_503) % sealed.len();
    assert!(
        open(key, CONTEXT, &sealed[..end]).is_err(),
        "{length} cut at {end}"
    );
    assert!(
        open(key, b"another place", sealed).is_err(),
        "{length} elsewhere"
    );
}

fn frame(from: &mut impl Read) -> Vec<u8> {
    let mut length = [0; 4];
    from.read_exact(&mut length).unwrap();
    let mut bytes = vec![0; usize::try_from(u32::from_be_bytes(length)).unwrap()];
    from.read_exact(&mut bytes).unwrap();
    bytes
}

fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits
        .map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)]))
        .collect()
}

fn unhex(digits: &[u8]) -> Vec<u8> {
    let pairs = digits
        .chunks_exact(2)
        .map(|pair| std::str::from_utf8(pair).unwrap());
    pairs
        .map(|pair| u8::from_str_radix(pair, 16).unwrap())
        .collect()
}
