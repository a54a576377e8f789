//! The names of all tests: `crate::module::name`, and `e2e::file::title` for journeys in a browser.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::{Stop, workspace};

/// Every test of the workspace and of the journeys.
pub fn all(root: &Path) -> Result<BTreeSet<String>, Stop> {
    let mut found = BTreeSet::new();
    let read = |file: &Path| {
        fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))
    };
    for file in workspace::files(&root.join("crates"), "rs") {
        let place = file.strip_prefix(root.join("crates")).unwrap_or(&file);
        if let Some(module) = module(place) {
            found.extend(of_source(&module, &read(&file)?));
        }
    }
    for file in workspace::files(&root.join("e2e/journeys"), "ts") {
        let name = file.file_name().and_then(|name| name.to_str());
        let name = name.and_then(|name| name.strip_suffix(".spec.ts"));
        if let Some(name) = name {
            found.extend(of_journey(name, &read(&file)?));
        }
    }
    Ok(found)
}

/// The module of a file: `keeper/src/identity/codes.rs` is `candour_keeper::identity::codes`.
fn module(place: &Path) -> Option<String> {
    let mut parts: Vec<&str> = place.iter().filter_map(|part| part.to_str()).collect();
    let file = parts.pop()?.strip_suffix(".rs")?;
    let folder = parts.first()?.replace('-', "_");
    let of_crate = match folder.as_str() {
        "candour" => folder,
        other => format!("candour_{other}"),
    };
    let within = parts.iter().skip(2).copied();
    let file = (!["lib", "main"].contains(&file)).then_some(file);
    let module: Vec<&str> = std::iter::once(of_crate.as_str())
        .chain(within)
        .chain(file)
        .collect();
    ["src", "tests"]
        .contains(parts.get(1)?)
        .then(|| module.join("::"))
}

/// The tests of a source file: functions right below `#[test]` or `#[tokio::test]`, in it or in a module inside it.
fn of_source(module: &str, source: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut inner = None;
    let mut is_test = false;
    for line in source.lines() {
        let text = line.trim();
        if let Some(name) = line
            .strip_prefix("mod ")
            .and_then(|rest| rest.strip_suffix(" {"))
        {
            inner = Some(name);
        }
        is_test |= text == "#[test]" || text.starts_with("#[tokio::test");
        let declared = text
            .strip_prefix("async ")
            .unwrap_or(text)
            .strip_prefix("fn ");
        if let Some((name, _)) = declared.and_then(|rest| rest.split_once('(')) {
            if is_test {
                let inner = inner.filter(|_| line.starts_with(' '));
                let within = inner.map_or_else(String::new, |inner| format!("::{inner}"));
                found.push(format!("{module}{within}::{name}"));
            }
            is_test = false;
        }
    }
    found
}

fn of_journey(file: &str, source: &str) -> Vec<String> {
    let lines = source
        .lines()
        .filter_map(|line| line.trim().strip_prefix("test(\""));
    lines
        .filter_map(|rest| rest.split('"').next())
        .map(|title| format!("e2e::{file}::{title}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_named_as_rust_names_its_module() {
        for (place, named) in [
            (
                "keeper/src/identity/codes.rs",
                Some("candour_keeper::identity::codes"),
            ),
            ("keeper-wire/src/lib.rs", Some("candour_keeper_wire")),
            (
                "server/tests/it/sessions.rs",
                Some("candour_server::it::sessions"),
            ),
            ("server/tests/it/main.rs", Some("candour_server::it")),
            ("candour/src/main.rs", Some("candour")),
            ("drill/examples/letters.rs", None),
        ] {
            assert_eq!(module(Path::new(place)).as_deref(), named, "{place}");
        }
    }

    #[test]
    fn a_function_is_a_test_only_below_the_attribute() {
        let source = "\
            fn helper() {}\n\
            #[tokio::test(start_paused = true)]\nasync fn one() {\n    fn inside() {}\n}\n\
            #[test]\n#[cfg(unix)]\nfn two() {}\n\
            fn not_one() {}\n\
            #[cfg(test)]\nmod tests {\n    fn arrange() {}\n    #[test]\n    fn three() {}\n    fn none() {}\n}\n";
        let found = of_source("candour_keeper::a", source);
        let expected = ["a::one", "a::two", "a::tests::three"];
        assert_eq!(
            found,
            expected.map(|name| format!("candour_keeper::{name}"))
        );
    }

    #[test]
    fn a_journey_is_named_by_its_file_and_title() {
        let source =
            "test(\"somebody signs in\", async ({ page }) => {\n  await page.goto(\"/\");\n});\n";
        assert_eq!(
            of_journey("sign_in", source),
            ["e2e::sign_in::somebody signs in"]
        );
    }
}
