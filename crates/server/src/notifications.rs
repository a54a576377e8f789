//! The mails by which people are told of a change: plain words, nothing clinical, no name, no link.

use crate::dates;
use crate::pages::ToRing;
use crate::texts::{Language, Texts};
use candour_app::notifications::Words;
use candour_keeper_api::words::Notification;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// What happened, and what to do where it was not them.
const fn keys(what: Notification) -> (&'static str, &'static str) {
    match what {
        Notification::WayAdded => ("notification.way_added", "notification.do_ways"),
        Notification::WayRemoved => ("notification.way_removed", "notification.do_ways"),
        Notification::ActWaits => ("notification.act_waits", "notification.do_stop"),
        Notification::RecoveryBegun => ("notification.recovery_begun", "notification.do_not_me"),
        Notification::RecoveryUsed => ("notification.recovery_used", "notification.do_not_me"),
        Notification::RecoveryOver => ("notification.recovery_over", "notification.do_ring"),
        Notification::RecoveryStopped => ("notification.recovery_stopped", "notification.do_ring"),
        Notification::AccountInvited => ("notification.account_invited", "notification.do_ring"),
        Notification::AccountMade => ("notification.account_made", "notification.do_ring"),
        Notification::ProxyInvited => ("notification.proxy_invited", "notification.do_stop"),
        Notification::ProxyBegan => ("notification.proxy_began", "notification.do_reading"),
        Notification::Shared => ("notification.shared", "notification.do_reading"),
        Notification::Emergency => ("notification.emergency", "notification.do_history"),
        Notification::ContactChanged => ("notification.contact_changed", "notification.do_ring"),
    }
}

/// The mail about one change, in the language that its reader reads best as far as there is one.
pub fn words(
    what: Notification,
    at: Timestamp,
    language: &str,
    operator: &ToRing,
    zone: &TimeZone,
) -> Words {
    let texts = language_of(language);
    let day = dates::day(texts, at.to_zoned(zone.clone()).date());
    let (happened, to_do) = keys(what);
    let values = [
        ("day", day.as_str()),
        ("operator", operator.name.as_str()),
        ("phone", operator.phone.as_str()),
    ];
    let say = |key| texts.fill(key, &values);
    let parts = [
        say("notification.greeting"),
        say(happened),
        say("notification.if_you"),
        say("notification.if_not_you"),
        say(to_do),
        say("notification.ring"),
        say("notification.no_link"),
    ];
    Words {
        subject: say("notification.subject"),
        text: parts.join("\n\n") + "\n",
    }
}

/// The texts of a language that there is; else English.
fn language_of(code: &str) -> &'static Texts {
    let short = |code: &str| code.split('-').next().unwrap_or_default().to_lowercase();
    let known = Language::ALL
        .iter()
        .find(|language| short(language.code()) == short(code));
    known.copied().unwrap_or(Language::English).texts()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(what: Notification, language: &str) -> Words {
        let operator = ToRing::new("Kōwhai Health", "0800 555 0100").unwrap();
        let zone = TimeZone::get("Pacific/Auckland").unwrap();
        let at = "2026-11-29T20:00:00Z".parse().unwrap();
        words(what, at, language, &operator, &zone)
    }

    #[test]
    fn every_mail_says_the_day_the_number_to_ring_and_no_way_to_click() {
        for what in Notification::ALL {
            let Words { subject, text } = mail(*what, "en-NZ");
            assert!(text.contains("On 30 November 2026"), "{what:?} {text}");
            assert!(text.contains("Kōwhai Health on 0800 555 0100"), "{text}");
            for never in ["http", "www", ".nz", "@", "{", "notification."] {
                assert!(!text.contains(never), "{what:?} has {never}: {text}");
                assert!(!subject.contains(never), "{subject}");
            }
        }
    }

    #[test]
    fn the_subject_is_the_same_whatever_happened() {
        let subject = mail(Notification::WayAdded, "en-NZ").subject;
        for what in Notification::ALL {
            assert_eq!(mail(*what, "en-NZ").subject, subject);
        }
    }

    #[test]
    fn every_change_is_told_in_words_of_its_own() {
        let mut seen = std::collections::BTreeSet::new();
        for what in Notification::ALL {
            assert!(seen.insert(mail(*what, "en-NZ").text), "{what:?}");
        }
    }

    #[test]
    fn nothing_about_health_stands_in_any_of_them() {
        let clinical = [
            "medicine",
            "result",
            "diagnos",
            "condition",
            "letter",
            "appointment",
            "doctor",
            "nurse",
            "test",
            "allerg",
            "prescri",
            "hospital",
        ];
        for what in Notification::ALL {
            let text = mail(*what, "en-NZ").text.to_lowercase();
            for word in clinical {
                assert!(!text.contains(word), "{what:?} says {word}: {text}");
            }
        }
    }

    #[test]
    fn whose_language_has_no_reviewed_words_reads_english() {
        let english = mail(Notification::Shared, "en-NZ");
        for code in ["mi", "mi-NZ", "en", "", "xx-not-one"] {
            assert_eq!(mail(Notification::Shared, code), english);
        }
    }
}
