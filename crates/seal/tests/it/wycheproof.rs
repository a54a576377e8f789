//! The primitives underneath, held against Project Wycheproof.

use std::io::Read;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::{hkdf, hmac};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Key};
use serde_json::Value;

use crate::shared_data::shared_data;

struct Case {
    group: Value,
    test: Value,
}

impl Case {
    fn bytes(&self, field: &str) -> Vec<u8> {
        let text = self.test[field].as_str().unwrap();
        let digits = text.as_bytes().chunks_exact(2);
        digits
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }

    fn is_valid(&self) -> bool {
        self.test["result"] == "valid"
    }

    fn has(&self, field: &str, bits: u64) -> bool {
        self.group[field] == bits
    }

    fn id(&self) -> &Value {
        &self.test["tcId"]
    }
}

/// The cases of one file; none where the shared test data is absent.
fn cases(name: &str) -> Vec<Case> {
    let Some(path) = shared_data(&format!("crypto-vectors/wycheproof/{name}_test.json.gz")) else {
        return Vec::new();
    };
    let file = std::fs::File::open(path).unwrap();
    let mut text = String::new();
    flate2::read::GzDecoder::new(file)
        .read_to_string(&mut text)
        .unwrap();
    let all: Value = serde_json::from_str(&text).unwrap();
    let groups = all["testGroups"].as_array().unwrap();
    let each = |group: &Value| {
        let tests = group["tests"].as_array().unwrap().clone();
        let mut group = group.clone();
        group.as_object_mut().unwrap().remove("tests");
        tests.into_iter().map(move |test| Case {
            group: group.clone(),
            test,
        })
    };
    groups.iter().flat_map(each).collect()
}

#[test]
fn aes_256_gcm_agrees_with_every_vector() {
    let all = cases("aes_gcm");
    let ours = |case: &&Case| {
        case.has("keySize", 256) && case.has("ivSize", 96) && case.has("tagSize", 128)
    };
    let mut checked = 0;
    for case in all.iter().filter(ours) {
        let key = UnboundKey::new(&AES_256_GCM, &case.bytes("key")).unwrap();
        let key = LessSafeKey::new(key);
        let nonce = || Nonce::try_assume_unique_for_key(&case.bytes("iv")).unwrap();
        let mut sealed = [case.bytes("ct"), case.bytes("tag")].concat();
        let opened = key.open_in_place(nonce(), Aad::from(case.bytes("aad")), &mut sealed);
        assert_eq!(opened.is_ok(), case.is_valid(), "{}", case.id());
        if let Ok(opened) = opened {
            assert_eq!(opened, case.bytes("msg"), "{}", case.id());
            let mut out = case.bytes("msg");
            key.seal_in_place_append_tag(nonce(), Aad::from(case.bytes("aad")), &mut out)
                .unwrap();
            assert_eq!(
                out,
                [case.bytes("ct"), case.bytes("tag")].concat(),
                "{}",
                case.id()
            );
        }
        checked += 1;
    }
    assert!(all.is_empty() || checked > 60, "{checked}");
}

#[test]
fn chacha20_poly1305_agrees_with_every_vector() {
    let all = cases("chacha20_poly1305");
    let mut checked = 0;
    for case in all.iter().filter(|case| case.has("ivSize", 96)) {
        let key = Key::try_from(case.bytes("key").as_slice()).unwrap();
        let cipher = ChaCha20Poly1305::new(&key);
        let nonce = case.bytes("iv").as_slice().try_into().unwrap();
        let (sealed, aad) = (
            [case.bytes("ct"), case.bytes("tag")].concat(),
            case.bytes("aad"),
        );
        let opened = cipher.decrypt(
            &nonce,
            Payload {
                msg: &sealed,
                aad: &aad,
            },
        );
        assert_eq!(opened.is_ok(), case.is_valid(), "{}", case.id());
        if let Ok(opened) = opened {
            assert_eq!(opened, case.bytes("msg"), "{}", case.id());
        }
        checked += 1;
    }
    assert!(all.is_empty() || checked > 200, "{checked}");
}

#[test]
fn hkdf_sha256_agrees_with_every_vector() {
    struct Size(usize);
    impl hkdf::KeyType for Size {
        fn len(&self) -> usize {
            self.0
        }
    }
    for case in cases("hkdf_sha256") {
        let size = usize::try_from(case.test["size"].as_u64().unwrap()).unwrap();
        let key =
            hkdf::Salt::new(hkdf::HKDF_SHA256, &case.bytes("salt")).extract(&case.bytes("ikm"));
        let info = case.bytes("info");
        let mut out = vec![0; size];
        let filled = key
            .expand(&[&info], Size(size))
            .and_then(|derived| derived.fill(&mut out));
        assert_eq!(filled.is_ok(), case.is_valid(), "{}", case.id());
        assert!(
            !case.is_valid() || out == case.bytes("okm"),
            "{}",
            case.id()
        );
    }
}

#[test]
fn hmac_sha256_agrees_with_every_vector() {
    for case in cases("hmac_sha256")
        .iter()
        .filter(|case| case.has("tagSize", 256))
    {
        let (key, tag) = (case.bytes("key"), case.bytes("tag"));
        let whole = hmac::Key::new(hmac::HMAC_SHA256, &key);
        let verified = hmac::verify(&whole, &case.bytes("msg"), &tag);
        assert_eq!(verified.is_ok(), case.is_valid(), "{}", case.id());
        if let Ok(key) = key.as_slice().try_into() {
            let key = candour_seal::MacKey::from_bytes(key);
            let matches = candour_seal::hmac_matches(&key, &case.bytes("msg"), &tag);
            assert_eq!(matches, case.is_valid(), "{}", case.id());
        }
    }
}

#[test]
fn x25519_agrees_with_every_vector() {
    for case in cases("x25519") {
        let private: [u8; 32] = case.bytes("private").try_into().unwrap();
        let public: [u8; 32] = case.bytes("public").try_into().unwrap();
        let private = x25519_dalek::StaticSecret::from(private);
        let shared = private.diffie_hellman(&x25519_dalek::PublicKey::from(public));
        assert_eq!(
            shared.as_bytes().as_slice(),
            case.bytes("shared"),
            "{}",
            case.id()
        );
    }
}
