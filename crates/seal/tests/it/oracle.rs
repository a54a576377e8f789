//! Against an independent implementation, both ways: pyca/cryptography (see `tests/oracle/setup.sh`).

use std::io::{BufReader, BufWriter, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use candour_seal::content::CHUNK_LENGTH;
use candour_seal::{ItemKey, SystemRandom, open, seal};

use crate::pattern;

const KEY: [u8; 32] = *b"an item key of thirty-two bytes.";
const CONTEXT: &[u8] = b"candour/v1/item and where it is";
const LONGEST: usize = 3 * CHUNK_LENGTH + 1;

#[test]
fn every_length_to_three_chunks_opens_in_the_other_implementation_and_back() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = root.join("../../target/oracle/bin/python");
    if !python.exists() {
        println!("skipped: crates/seal/tests/oracle/setup.sh has not been run");
        return;
    }
    let mut oracle = Command::new(python)
        .arg(root.join("tests/oracle/cobblestone.py"))
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
