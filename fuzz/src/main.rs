//! One program for every target, so that all of it is built and instrumented once: `cargo xtask fuzz`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

/// What is fed, by the variable that `cargo xtask fuzz` sets.
static FEED: LazyLock<fn(&[u8])> = LazyLock::new(|| {
    let name = std::env::var("CANDOUR_FUZZ_TARGET").unwrap_or_default();
    let target = candour_testkit::fuzz::target(&name);
    target
        .unwrap_or_else(|| panic!("CANDOUR_FUZZ_TARGET names no target: {name}"))
        .feed
});

fuzz_target!(|bytes: &[u8]| FEED(bytes));
