//! What is looked for, in every form in which it may lie about, and the search itself.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use flate2::bufread::{GzDecoder, ZlibDecoder};
use std::collections::{BTreeMap, HashMap};
use std::io::Read;

/// What kind of thing a needle is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A mark within a document.
    Content,
    /// A mark within a document's title.
    Title,
    /// The key of an item.
    Key,
    /// A session's token.
    Token,
    /// A password.
    Password,
    /// A code that was typed or shown once: of a sheet or an invitation.
    Code,
    /// Something that must be there: the proof that the search sees this place.
    Sign,
}

/// The shortest needle in bytes. Shorter ones would be found by accident.
pub const SHORTEST: usize = 8;
/// Bits of the first look at a place.
const SIEVE_BITS: u32 = 22;
/// Bytes of one inflated stream that are looked at.
const MOST_INFLATED: u64 = 256 * 1024;
/// Bytes that must follow a stream's head for it to be tried.
const LEAST_DEFLATED: usize = 16;

struct Form {
    bytes: Vec<u8>,
    kind: Kind,
    /// Number of the needle.
    needle: usize,
}

/// Needles in all their forms.
#[derive(Default)]
pub struct Needles {
    forms: Vec<Form>,
    by_head: HashMap<u64, Vec<usize>>,
    sieve: Vec<u64>,
    count: usize,
}

/// How many different needles of each kind were found.
pub type Found = BTreeMap<Kind, usize>;

impl Needles {
    /// Adds text: a mark, a password, a code, a token as its cookie has it.
    pub fn add_text(&mut self, kind: Kind, text: &str) {
        let wide = |order: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(order).collect();
        let forms = vec![wide(u16::to_le_bytes), wide(u16::to_be_bytes)];
        self.add(kind, text.as_bytes(), forms);
    }

    /// Adds bytes: a key, a token.
    pub fn add_bytes(&mut self, kind: Kind, bytes: &[u8]) {
        self.add(kind, bytes, Vec::new());
    }

    /// How many needles there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The longest form in bytes: how far pieces of a place must overlap.
    pub fn longest(&self) -> usize {
        let lengths = self.forms.iter().map(|form| form.bytes.len());
        lengths.max().unwrap_or(0)
    }

    fn add(&mut self, kind: Kind, bytes: &[u8], mut forms: Vec<Vec<u8>>) {
        let needle = self.count;
        self.count += 1;
        forms.push(bytes.to_vec());
        let hex = base16ct::lower::encode_string(bytes);
        forms.push(hex.to_ascii_uppercase().into_bytes());
        forms.push(hex.into_bytes());
        for alignment in 0..3 {
            forms.extend(base64_at(bytes, alignment));
        }
        forms.sort_unstable();
        forms.dedup();
        if self.sieve.is_empty() {
            self.sieve = vec![0; 1 << (SIEVE_BITS - 6)];
        }
        for bytes in forms {
            let Some(head) = head(&bytes) else { continue };
            let (word, bit) = place(head);
            self.sieve[word] |= bit;
            self.by_head.entry(head).or_default().push(self.forms.len());
            self.forms.push(Form {
                bytes,
                kind,
                needle,
            });
        }
    }

    /// Marks what is found in a piece of memory or of a file.
    fn scan(&self, hay: &[u8], seen: &mut Seen) {
        for at in 0..hay.len().saturating_sub(SHORTEST - 1) {
            let Some(head) = head(&hay[at..]) else { return };
            let (word, bit) = place(head);
            if self.sieve.get(word).is_none_or(|bits| bits & bit == 0) {
                continue;
            }
            for form in self.by_head.get(&head).into_iter().flatten() {
                let form = &self.forms[*form];
                if hay[at..].starts_with(&form.bytes) {
                    seen.note(form.kind, form.needle, at, hay);
                }
            }
        }
    }

    /// Searches a piece as it is, and everything in it that inflates.
    pub fn search(&self, hay: &[u8], seen: &mut Seen) {
        self.scan(hay, seen);
        let mut inflated = Vec::new();
        for at in 0..hay.len().saturating_sub(LEAST_DEFLATED) {
            let stream = &hay[at..];
            let is_zlib = stream[0] == 0x78 && matches!(stream[1], 0x01 | 0x5E | 0x9C | 0xDA);
            let is_gzip = stream.starts_with(&[0x1F, 0x8B, 0x08]);
            if !is_zlib && !is_gzip {
                continue;
            }
            inflated.clear();
            // What comes before a stream breaks off is looked at as well.
            let _ = if is_zlib {
                ZlibDecoder::new(stream)
                    .take(MOST_INFLATED)
                    .read_to_end(&mut inflated)
            } else {
                GzDecoder::new(stream)
                    .take(MOST_INFLATED)
                    .read_to_end(&mut inflated)
            };
            if inflated.len() >= SHORTEST {
                self.scan(&inflated, seen);
            }
        }
    }
}

/// What was found in one place.
#[derive(Debug, Default)]
pub struct Seen {
    needles: BTreeMap<usize, Kind>,
    /// Bytes looked at.
    pub bytes: u64,
    /// Around the first finds: how many, and what stands there, for whoever mends it.
    pub around: Vec<String>,
}

/// Finds of which the surroundings are kept.
const MOST_AROUND: usize = 12;

impl Seen {
    fn note(&mut self, kind: Kind, needle: usize, at: usize, hay: &[u8]) {
        let is_new = self.needles.insert(needle, kind).is_none();
        if is_new && kind != Kind::Sign && self.around.len() < MOST_AROUND {
            let around = &hay[at.saturating_sub(48)..hay.len().min(at + 80)];
            self.around
                .push(format!("{kind:?}: {}", around.escape_ascii()));
        }
    }

    /// How many different needles of each kind, signs left out.
    pub fn found(&self) -> Found {
        let mut found = Found::new();
        for kind in self.needles.values().filter(|kind| **kind != Kind::Sign) {
            *found.entry(*kind).or_default() += 1;
        }
        found
    }

    /// Whether what must be there was seen.
    pub fn has_sign(&self) -> bool {
        self.needles.values().any(|kind| *kind == Kind::Sign)
    }
}

fn head(bytes: &[u8]) -> Option<u64> {
    bytes
        .first_chunk::<SHORTEST>()
        .map(|head| u64::from_le_bytes(*head))
}

fn place(head: u64) -> (usize, u64) {
    let hash = head.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - SIEVE_BITS);
    let word = usize::try_from(hash >> 6).unwrap_or(0);
    (word, 1 << (hash & 63))
}

/// How bytes look within base64 when so many bytes come before them: what depends on their neighbours is left out.
fn base64_at(bytes: &[u8], alignment: usize) -> Vec<Vec<u8>> {
    let padded = [vec![0; alignment], bytes.to_vec()].concat();
    let first = (alignment * 8).div_ceil(6);
    let last = padded.len() * 8 / 6;
    [STANDARD_NO_PAD, URL_SAFE_NO_PAD]
        .into_iter()
        .map(|engine| engine.encode(&padded).into_bytes())
        .map(|text| text.get(first..last).unwrap_or_default().to_vec())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::STANDARD;
    use flate2::Compression;
    use flate2::write::{GzEncoder, ZlibEncoder};
    use std::io::Write;

    const MARK: &str = "mark-7f3kq9zt2wlx";

    fn found(hay: &[u8]) -> Found {
        let mut needles = Needles::default();
        needles.add_text(Kind::Content, MARK);
        needles.add_bytes(Kind::Key, &[0xA7; 32]);
        let mut seen = Seen::default();
        needles.search(hay, &mut seen);
        seen.found()
    }

    fn is_found(hay: &[u8]) -> bool {
        found(hay) == Found::from([(Kind::Content, 1)])
    }

    #[test]
    fn a_mark_is_found_in_every_form() {
        let wide = |order: fn(u16) -> [u8; 2]| -> Vec<u8> {
            MARK.encode_utf16().flat_map(order).collect()
        };
        let hex = base16ct::lower::encode_string(MARK.as_bytes());
        let mut forms = vec![
            format!("x{MARK}y").into_bytes(),
            wide(u16::to_le_bytes),
            wide(u16::to_be_bytes),
            hex.to_ascii_uppercase().into_bytes(),
            hex.into_bytes(),
        ];
        for before in ["", "a", "ab", "abc"] {
            forms.push(
                STANDARD
                    .encode(format!("{before}{MARK} and more"))
                    .into_bytes(),
            );
        }
        for form in forms {
            let hay = [b"before ".as_slice(), &form, b" after"].concat();
            assert!(is_found(&hay), "{}", form.escape_ascii());
        }
    }

    #[test]
    fn a_mark_is_found_in_what_inflates_even_when_it_breaks_off() {
        let text = format!("{MARK} {}", "some more text, to be cut off ".repeat(40));
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
        zlib.write_all(text.as_bytes()).unwrap();
        let zlib = zlib.finish().unwrap();
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(text.as_bytes()).unwrap();
        for stream in [
            zlib[..zlib.len() - 8].to_vec(),
            zlib,
            gzip.finish().unwrap(),
        ] {
            assert!(
                !stream
                    .windows(MARK.len())
                    .any(|window| window == MARK.as_bytes())
            );
            let hay = [b"%PDF stream ".as_slice(), &stream, b"endstream"].concat();
            assert!(is_found(&hay));
        }
    }

    #[test]
    fn a_key_is_found_raw_and_what_is_not_there_is_not() {
        assert_eq!(found(&[0xA7; 40]), Found::from([(Kind::Key, 1)]));
        assert!(found(&[0xA7; 31]).is_empty());
        assert!(found(&MARK.as_bytes()[..MARK.len() - 1]).is_empty());
    }
}
