//! The page on which a browser checks receipts by itself.

use crate::error::Problem;
use crate::frame::Frame;
use crate::portal::Portal;
use crate::respond;
use crate::session::Visitor;
use crate::texts::Texts;
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use candour_app::installation;

/// The sentences that only the script says stand under this name.
const SPOKEN: &str = "receipt_word.";

/// The page.
#[derive(Template)]
#[template(path = "access_history/receipt.html")]
pub struct ReceiptPage {
    /// Around it.
    pub frame: Frame,
    /// The log's public key, as the keeper names it now; empty while it does not answer.
    pub key: String,
    /// What the script says, by name.
    pub words: Vec<(&'static str, &'static str)>,
}

impl ReceiptPage {
    /// The page with this key.
    pub fn new(frame: Frame, key: String) -> Self {
        let words = words(frame.texts());
        Self { frame, key, words }
    }
}

/// `GET /check-receipt`.
pub async fn show(State(portal): State<Portal>, visitor: Visitor) -> Result<Response, Problem> {
    let frame = portal.frame(visitor.visit, "receipt.title").await;
    let status = installation::status(portal.app()).await;
    let key = status.map_or_else(|_| String::new(), |status| status.verifier_key);
    respond::page(&ReceiptPage::new(
        frame.with_script("check_receipt.js"),
        key,
    ))
}

fn words(texts: &'static Texts) -> Vec<(&'static str, &'static str)> {
    let mut words: Vec<_> = texts
        .keys()
        .filter_map(|key| Some((key.strip_prefix(SPOKEN)?, texts.say(key))))
        .collect();
    words.sort_unstable();
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::texts::Language;
    use candour_keeper_api::words::{EntryKind, ItemKind, Purpose, Reason, Role};

    #[test]
    fn the_script_has_words_for_everything_that_an_entry_can_say() {
        fn of<T>(name: &str, all: &[T], number: impl Fn(&T) -> u8) -> Vec<String> {
            all.iter()
                .map(|one| format!("{name}_{}", number(one)))
                .collect()
        }
        let needed = [
            of("kind", EntryKind::ALL, |kind| kind.number()),
            of("purpose", Purpose::ALL, |purpose| purpose.number()),
            of("role", Role::ALL, |role| role.number()),
            of("item", ItemKind::ALL, |kind| kind.number()),
            of("decision", Reason::ALL, |reason| reason.number()),
            vec!["decision_0".to_owned()],
        ];
        for language in Language::ALL {
            let words = words(language.texts());
            for name in needed.iter().flatten() {
                assert!(words.iter().any(|(known, _)| known == name), "{name}");
            }
        }
    }
}
