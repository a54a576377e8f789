//! What holds for every page.

use crate::samples;
use candour_server::texts::Language;
use std::collections::BTreeSet;
use std::path::Path;

/// Values of an attribute in a page, in order.
fn values<'a>(page: &'a str, attribute: &str) -> Vec<&'a str> {
    let start = format!(" {attribute}=\"");
    page.split(start.as_str())
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect()
}

#[test]
fn every_page_has_one_heading_a_language_and_a_title() {
    for (name, page) in samples::all() {
        assert_eq!(page.matches("<h1").count(), 1, "{name}");
        assert!(page.contains("<html lang=\"en-NZ\">"), "{name}");
        assert!(page.contains(" – Candour</title>"), "{name}");
    }
}

#[test]
fn no_page_loads_or_names_an_outside_host() {
    for (name, page) in samples::all() {
        for attribute in ["href", "src", "action", "srcset", "poster", "data"] {
            for value in values(&page, attribute) {
                let stays = value.starts_with('#')
                    || (value.starts_with('/') && !value.starts_with("//"))
                    || value.starts_with("otpauth://")
                    || value.starts_with("tel:");
                assert!(stays, "{name}: {attribute}={value}");
            }
        }
        assert!(!page.to_lowercase().contains("nhs"), "{name} names the NHS");
    }
    for (file, text) in [
        (
            "candour.css",
            include_str!("../../../../web/dist/candour.css"),
        ),
        (
            "passkey.js",
            include_str!("../../../../web/dist/passkey.js"),
        ),
        (
            "check_receipt.js",
            include_str!("../../../../web/dist/check_receipt.js"),
        ),
        (
            "demonstration.js",
            include_str!("../../../../web/dist/demonstration.js"),
        ),
    ] {
        let text = text
            .replace("http://www.w3.org/2000/svg", "")
            .to_lowercase();
        for outside in ["http:", "https:", "url(//", "@import", "@font-face", "nhs"] {
            assert!(!text.contains(outside), "{file} has {outside}");
        }
    }
}

#[test]
fn no_page_has_inline_script_or_style() {
    for (name, page) in samples::all() {
        assert!(!page.contains("<style"), "{name}");
        assert!(values(&page, "style").is_empty(), "{name}");
        assert!(!page.contains("javascript:"), "{name}");
        for tag in page.split("<script").skip(1) {
            assert!(
                tag.starts_with(" src=\"/assets/"),
                "{name}: <script{}",
                &tag[..tag.len().min(60)]
            );
        }
        for handler in [" onclick=", " onload=", " onsubmit=", " onerror="] {
            assert!(!page.contains(handler), "{name} has{handler}");
        }
    }
}

#[test]
fn every_input_has_a_label_and_every_id_is_there_once() {
    for (name, page) in samples::all() {
        let ids = values(&page, "id");
        let unique: BTreeSet<_> = ids.iter().collect();
        assert_eq!(ids.len(), unique.len(), "{name} has an id twice: {ids:?}");
        let labels: BTreeSet<_> = values(&page, "for").into_iter().collect();
        for tag in page
            .split("<input")
            .skip(1)
            .chain(page.split("<select").skip(1))
        {
            let tag = tag.split('>').next().unwrap_or_default();
            if tag.contains("type=\"hidden\"") {
                continue;
            }
            let id = values(tag, "id").first().copied().unwrap_or_default();
            assert!(labels.contains(id), "{name}: no label for <input{tag}>");
        }
        for described in values(&page, "aria-describedby")
            .into_iter()
            .chain(values(&page, "aria-labelledby"))
        {
            for id in described.split_whitespace() {
                assert!(ids.contains(&id), "{name}: nothing has the id {id}");
            }
        }
        for target in values(&page, "href")
            .into_iter()
            .filter_map(|href| href.strip_prefix('#'))
        {
            assert!(ids.contains(&target), "{name}: nothing has the id {target}");
        }
    }
}

#[test]
fn every_password_is_masked_and_left_to_password_managers() {
    let mut passwords = 0;
    for (name, page) in samples::all() {
        assert!(!page.contains("onpaste"), "{name}");
        for tag in page.split("<input").skip(1) {
            let tag = tag.split('>').next().unwrap_or_default();
            let names = values(tag, "name");
            let is_password = names.iter().any(|name| name.ends_with("password"));
            if !is_password || tag.contains("type=\"hidden\"") {
                continue;
            }
            passwords += 1;
            assert_eq!(values(tag, "type"), ["password"], "{name}: <input{tag}>");
            let offered = values(tag, "autocomplete");
            let is_known = |word: &&str| ["current-password", "new-password"].contains(word);
            assert!(offered.iter().any(is_known), "{name}: <input{tag}>");
            assert!(values(tag, "maxlength").is_empty(), "{name}: <input{tag}>");
        }
    }
    assert!(passwords >= 4);
    for script in [
        include_str!("../../../../web/dist/passkey.js"),
        include_str!("../../../../web/dist/demonstration.js"),
    ] {
        assert!(!script.contains("paste"));
    }
}

#[test]
fn whoever_is_signed_in_can_sign_out_on_every_page() {
    // What strangers see, and what ends a session.
    let public = [
        "account",
        "check-receipt",
        "demonstration",
        "invitation",
        "problem-frozen",
        "problem-not-found",
        "recover-account",
        "recover-use",
        "sheet",
        "sign-in",
        "sign-in-wrong",
        "trust",
    ];
    for (name, page) in samples::all() {
        let form = "<form method=\"post\" action=\"/sign-out\"><button";
        let header = page.split("</header>").next().unwrap_or_default();
        assert_ne!(header.contains(form), public.contains(&name), "{name}");
    }
}

#[test]
fn no_page_shows_the_key_of_a_missing_sentence() {
    let sections: BTreeSet<String> = Language::English
        .texts()
        .keys()
        .filter_map(|key| key.split('.').next().map(str::to_owned))
        .collect();
    for (name, page) in samples::all() {
        for section in &sections {
            for rest in page.split(&format!(">{section}.")).skip(1) {
                let word: String = rest
                    .chars()
                    .take_while(|letter| letter.is_ascii_lowercase() || *letter == '_')
                    .collect();
                assert!(word.is_empty(), "{name} shows {section}.{word}");
            }
        }
    }
}

/// Every `say("…")` and key constant in sources and templates is in every language's file, and nothing else is.
#[test]
fn every_sentence_that_is_used_exists_in_every_language() {
    fn files(folder: &Path, found: &mut String) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                files(&path, found);
            } else {
                found.push_str(&std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = String::new();
    files(&root.join("src"), &mut all);
    files(&root.join("templates"), &mut all);
    for language in Language::ALL {
        let keys: BTreeSet<&str> = language.texts().keys().collect();
        let sections: BTreeSet<&str> = keys
            .iter()
            .filter_map(|key| key.split('.').next())
            .collect();
        for quoted in all.split('"').skip(1) {
            let Some((section, name)) = quoted.split_once('.') else {
                continue;
            };
            let looks_like_key = sections.contains(section)
                && !name.is_empty()
                && name.chars().all(|letter| {
                    letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_'
                });
            // Beginnings that a macro completes are checked where they are completed.
            if looks_like_key && !name.ends_with('_') && !["js", "html", "css"].contains(&name) {
                assert!(keys.contains(quoted), "{} lacks {quoted}", language.code());
            }
        }
    }
}

#[test]
fn pages_read_as_they_did() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/pages");
    std::fs::create_dir_all(&folder).unwrap();
    for (name, page) in samples::all() {
        std::fs::write(folder.join(format!("{name}.html")), &page).unwrap();
        insta::assert_snapshot!(name, page);
    }
}
