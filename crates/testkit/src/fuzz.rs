//! What a fuzzer feeds: wherever bytes from somebody else are read, a function that takes any bytes and holds the reader
//! to what it promises.
//!
//! A function panics when a promise is broken, and has no other way to say so. `fuzz/` drives these with libFuzzer for
//! as long as one likes (`cargo xtask fuzz`); an ordinary test feeds each its committed seeds once.

mod content;
mod entries;
mod feed;
mod frames;
mod imports;
mod law;
mod notes;
mod policies;
mod proofs;
mod tiles;
mod webauthn;

/// A place where bytes of others are read.
pub struct Target {
    /// Its name, and that of its folder of seeds.
    pub name: &'static str,
    /// Takes any bytes.
    pub feed: fn(&[u8]),
    /// Small inputs from which a fuzzer gets further than from nothing: made by our own code, the same each time.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// Every one, by name.
pub const TARGETS: [Target; 10] = [
    Target {
        name: "content",
        feed: content::feed,
        seeds: content::seeds,
    },
    Target {
        name: "entries",
        feed: entries::feed,
        seeds: entries::seeds,
    },
    Target {
        name: "frames",
        feed: frames::feed,
        seeds: frames::seeds,
    },
    Target {
        name: "imports",
        feed: imports::feed,
        seeds: imports::seeds,
    },
    Target {
        name: "law",
        feed: law::feed,
        seeds: law::seeds,
    },
    Target {
        name: "notes",
        feed: notes::feed,
        seeds: notes::seeds,
    },
    Target {
        name: "policies",
        feed: policies::feed,
        seeds: policies::seeds,
    },
    Target {
        name: "proofs",
        feed: proofs::feed,
        seeds: proofs::seeds,
    },
    Target {
        name: "tiles",
        feed: tiles::feed,
        seeds: tiles::seeds,
    },
    Target {
        name: "webauthn",
        feed: webauthn::feed,
        seeds: webauthn::seeds,
    },
];

/// The target of this name.
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
