//! The mails by which people are told of a change: plain words, nothing clinical, no name, no link.

use crate::dates;
use crate::pages::ToRing;
use crate::texts::{Language, Texts};
use candour_app::notifications::{About, Words};
use candour_keeper_api::words::Notification;
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
        Notification::AddressChanged => ("notification.address_changed", "notification.do_ways"),
    }
}

/// The mail about one change, or with the code for the address itself, in the language that its reader reads best as far as
/// there is one.
pub fn words(about: About<'_>, operator: &ToRing, zone: &TimeZone) -> Words {
    let texts = language_of(about.language);
    let day = dates::day(texts, about.at.to_zoned(zone.clone()).date());
    let (happened, to_do) = keys(about.what);
    let values = [
        ("day", day.as_str()),
        ("operator", operator.name.as_str()),
        ("phone", operator.phone.as_str()),
        ("code", about.code.unwrap_or_default()),
    ];
    let change = [
        happened,
        "notification.if_you",
        "notification.if_not_you",
        to_do,
    ];
    // The code stands alone, so that it is copied without a full stop.
    let confirm = [
        "notification.confirm",
        "notification.confirm_code",
        "notification.confirm_not_you",
    ];
    let mut whole = vec!["notification.greeting"];
    if about.is_told {
        whole.extend(change);
    }
    whole.extend(about.code.iter().flat_map(|_| confirm));
    whole.push("notification.ring");
    whole.push(match about.code {
        Some(_) => "notification.confirm_no_link",
        None => "notification.no_link",
    });
    let parts: Vec<String> = whole
        .into_iter()
        .map(|key| texts.fill(key, &values))
        .collect();
    Words {
        subject: texts.say("notification.subject").to_owned(),
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
        let about = About {
            what,
            at: "2026-11-29T20:00:00Z".parse().unwrap(),
            language,
            code: None,
            is_told: true,
        };
        words(about, &operator, &zone)
    }

    #[test]
    fn the_mail_with_a_code_says_where_it_is_typed_and_nothing_of_any_change() {
        let operator = ToRing::new("Kōwhai Health", "0800 555 0100").unwrap();
        let about = About {
            what: Notification::AddressChanged,
            at: "2026-11-29T20:00:00Z".parse().unwrap(),
            language: "en-NZ",
            code: Some("abcd-2345"),
            is_told: false,
        };
        let mail = words(about, &operator, &TimeZone::UTC);
        assert!(
            mail.text.lines().any(|line| line == "abcd-2345"),
            "{}",
            mail.text
        );
        assert!(mail.text.contains("How you sign in"), "{}", mail.text);
        assert!(!mail.text.contains("taken away"), "{}", mail.text);
        assert_eq!(
            mail.subject,
            self::mail(Notification::AddressChanged, "en-NZ").subject
        );
        for never in ["http", "www", ".nz", "@", "{", "notification."] {
            assert!(!mail.text.contains(never), "{never}: {}", mail.text);
        }
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
