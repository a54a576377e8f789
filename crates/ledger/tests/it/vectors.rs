//! Against vectors made elsewhere: transparency-dev's Merkle proofs and Wycheproof's Ed25519.

use std::io::Read;
use std::path::{Path, PathBuf};

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use candour_ledger::{Hash, verify_consistency, verify_inclusion};
use serde_json::Value;

use crate::shared_data::shared_data;

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| {
            if path.is_dir() {
                files(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

/// A hash of a vector; none where it is empty, which our types cannot even express.
///
/// Some roots are short texts that only matter by being equal or not: their digest stands for them.
fn hash(value: &Value) -> Option<Hash> {
    let bytes = STANDARD.decode(value.as_str()?).unwrap();
    if bytes.is_empty() {
        return None;
    }
    let whole = bytes.as_slice().try_into().map(Hash::from_bytes);
    Some(whole.unwrap_or_else(|_| candour_ledger::leaf_hash(&bytes)))
}

fn proof(value: &Value) -> Option<Vec<Hash>> {
    match value {
        Value::Null => Some(Vec::new()),
        _ => value.as_array().unwrap().iter().map(hash).collect(),
    }
}

fn check(kind: &str, expected: usize, holds: impl Fn(&Value) -> Option<bool>) {
    let Some(directory) = shared_data("merkle-vectors") else {
        return;
    };
    let files = files(&directory.join(kind));
    assert!(files.len() >= expected, "{}", files.len());
    for path in files {
        let vector: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let wants_error = vector["wantErr"].as_bool().unwrap();
        assert_eq!(
            holds(&vector).unwrap_or(false),
            !wants_error,
            "{}",
            path.display()
        );
    }
}

#[test]
fn every_inclusion_vector_is_judged_as_it_says() {
    check("inclusion", 40, |vector| {
        let (leaf, root) = (hash(&vector["leafHash"])?, hash(&vector["root"])?);
        let (index, size) = (vector["leafIdx"].as_u64()?, vector["treeSize"].as_u64()?);
        let proof = proof(&vector["proof"])?;
        Some(verify_inclusion(&leaf, index, size, &proof, &root).is_ok())
    });
}

#[test]
fn every_consistency_vector_is_judged_as_it_says() {
    check("consistency", 40, |vector| {
        let (older, newer) = (hash(&vector["root1"])?, hash(&vector["root2"])?);
        let (size1, size2) = (vector["size1"].as_u64()?, vector["size2"].as_u64()?);
        let proof = proof(&vector["proof"])?;
        Some(verify_consistency(size1, &older, size2, &newer, &proof).is_ok())
    });
}

#[test]
fn ed25519_agrees_with_every_vector() {
    let Some(path) = shared_data("crypto-vectors/wycheproof/ed25519_test.json.gz") else {
        return;
    };
    let mut text = String::new();
    let file = std::fs::File::open(path).unwrap();
    flate2::read::GzDecoder::new(file)
        .read_to_string(&mut text)
        .unwrap();
    let all: Value = serde_json::from_str(&text).unwrap();
    let bytes = |value: &Value| -> Vec<u8> {
        let pairs = value.as_str().unwrap().as_bytes().chunks_exact(2);
        pairs
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    };
    let mut checked = 0;
    for group in all["testGroups"].as_array().unwrap() {
        let key = UnparsedPublicKey::new(&ED25519, bytes(&group["publicKey"]["pk"]));
        for test in group["tests"].as_array().unwrap() {
            let verified = key.verify(&bytes(&test["msg"]), &bytes(&test["sig"]));
            assert_eq!(
                verified.is_ok(),
                test["result"] == "valid",
                "{}",
                test["tcId"]
            );
            checked += 1;
        }
    }
    assert_eq!(checked, 151);
}
