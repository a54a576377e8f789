//! Addresses that people give themselves, on the page of how they sign in.

use super::{OLD, Post, notifier, refusing_relay, somebody};
use crate::installation::Installation;
use crate::sign_in_ways::{Somebody, signed_in_again};
use crate::visits::{between, encoded};
use candour_keeper::clock::Clock;
use jiff::SignedDuration;

const OWN: &str = "hemi.walker@example.nz";

/// The page's forms in which something stands.
fn forms<'a>(page: &'a str, holding: &str) -> Vec<&'a str> {
    let forms = page.split("<form ").skip(1);
    let forms = forms.filter_map(|form| form.split("</form>").next());
    forms.filter(|form| form.contains(holding)).collect()
}

impl Somebody {
    async fn gives(&mut self, address: &str) {
        let form = encoded(&[("what", "address"), ("email", address)]);
        let done = self.does(&form).await;
        assert_eq!(done.header("location"), "/sign-in-ways?note=done");
    }

    /// The name of the one address for which a code is waited for.
    async fn waits_for(&self) -> String {
        let page = self.list().await;
        let [form] = forms(&page, "confirm-address").try_into().unwrap();
        between(form, "name=\"address\" value=\"", "\"").to_owned()
    }

    async fn types(&self, code: &str) -> (String, String) {
        self.types_for(&self.waits_for().await, code).await
    }

    async fn types_for(&self, address: &str, code: &str) -> (String, String) {
        let form = encoded(&[
            ("what", "confirm-address"),
            ("address", address),
            ("code", code),
        ]);
        let answer = self
            .installation
            .post("/sign-in-ways", &self.cookies, &form);
        let answer = answer.await;
        let location = answer.headers.get("location");
        let location = location.map(|to| to.to_str().unwrap().to_owned());
        (location.unwrap_or_default(), answer.body)
    }

    /// Gives an address, and the code that is sent there; what is told of from now on comes later.
    async fn confirms(&mut self, post: &Post, address: &str) {
        self.gives(address).await;
        post.step(&self.installation).await;
        let [mail] = post.got(address).try_into().unwrap();
        let (location, body) = self.types(code_of(&mail)).await;
        assert_eq!(location, "/sign-in-ways?note=told", "{body}");
        later(&self.installation);
    }
}

/// The line that is nothing but a code.
fn code_of(mail: &str) -> &str {
    let is_code = |line: &&str| line.len() == 9 && line.as_bytes()[4] == b'-';
    mail.lines().find(is_code).unwrap()
}

fn later(installation: &Installation) {
    let clock = &installation.keeper.clock;
    clock.advance(SignedDuration::from_secs(1));
}

#[tokio::test]
async fn an_address_that_answered_with_its_code_is_told_of_what_comes_after() {
    let (mut somebody, post) = somebody().await;
    somebody.gives(OWN).await;
    // Where they were told before it is said that there is one more.
    assert_eq!(post.step(&somebody.installation).await, 2);
    let [old] = post.got(OLD).try_into().unwrap();
    assert!(old.contains("an email address was added"), "{old}");
    let [mail] = post.got(OWN).try_into().unwrap();
    assert!(!old.contains(code_of(&mail)), "{old}");

    let (location, body) = somebody.types("0000-0000").await;
    assert!(
        location.is_empty() && body.contains("That is not the code"),
        "{body}"
    );
    assert!(body.contains("href=\"#code-1\""), "{body}");
    let (location, body) = somebody.types(code_of(&mail)).await;
    assert_eq!(location, "/sign-in-ways?note=told", "{body}");
    later(&somebody.installation);
    assert!(somebody.list().await.contains("We write there."));

    somebody.add("New phone").await;
    assert_eq!(post.step(&somebody.installation).await, 2);
    let added = "a new way of signing in was added";
    let mails = post.got(OWN);
    assert!(mails.iter().any(|mail| mail.contains(added)), "{mails:?}");
}

#[tokio::test]
async fn the_same_address_as_the_practice_s_gets_the_code_and_then_one_mail_for_each_change() {
    let (mut somebody, post) = somebody().await;
    somebody.confirms(&post, OLD).await;
    let [mail] = post.got(OLD).try_into().unwrap();
    // Whoever else is signed in as them and gives it does not make the mail one that says less.
    assert!(mail.contains("an email address was added"), "{mail}");
    somebody.add("New phone").await;
    assert_eq!(post.step(&somebody.installation).await, 1);
    assert_eq!(post.got(OLD).len(), 2);
}

#[tokio::test]
async fn what_is_no_address_is_said_beside_its_field() {
    let (somebody, _post) = somebody().await;
    for wrong in ["", "hemi", "hemi@", "hemi example.nz"] {
        let form = encoded(&[("what", "address"), ("email", wrong)]);
        let installation = &somebody.installation;
        let page = installation.post("/sign-in-ways", &somebody.cookies, &form);
        let page = page.await.body;
        assert!(page.contains("Enter an email address"), "{wrong}: {page}");
        assert!(page.contains("href=\"#email\""), "{wrong}: {page}");
    }
}

#[tokio::test]
async fn an_address_is_taken_away_with_a_passkey_and_hears_of_it() {
    let (mut somebody, post) = somebody().await;
    somebody.confirms(&post, OWN).await;
    let page = somebody.list().await;
    let [form] = forms(&page, "without-address").try_into().unwrap();
    let id = between(form, "name=\"address\" value=\"", "\"");
    let form = encoded(&[("what", "without-address"), ("address", id)]);
    let done = somebody.does(&form).await;
    assert_eq!(done.header("location"), "/sign-in-ways?note=done");
    assert!(!somebody.list().await.contains(OWN));
    assert_eq!(post.step(&somebody.installation).await, 2);
    assert_eq!(post.got(OWN).len(), 2);
}

#[tokio::test]
async fn an_address_that_fails_is_counted_although_another_one_is_told() {
    let (mut somebody, post) = somebody().await;
    somebody.confirms(&post, OWN).await;
    somebody.add("New phone").await;
    let installation = &somebody.installation;
    let folder = tempfile::tempdir().unwrap();
    // Whoever got in, and added a mailbox of theirs, hides nothing by it.
    let relay = refusing_relay(OLD, "550 no such mailbox").await;
    let notifier = notifier(installation, relay, &folder);
    let clock = || installation.keeper.clock.now();
    assert_eq!(notifier.step(&clock).await.unwrap(), 1);
    notifier.step(&clock).await.unwrap();
    let trust = installation.get("/trust.json", "").await;
    let twin: serde_json::Value = serde_json::from_str(&trust.body).unwrap();
    assert_eq!(twin["keeper"]["notifications_missed"], 1);
}

#[tokio::test]
async fn a_code_that_is_too_old_is_said_at_the_top_where_its_field_is_gone() {
    let (mut somebody, post) = somebody().await;
    somebody.gives(OWN).await;
    post.step(&somebody.installation).await;
    let [mail] = post.got(OWN).try_into().unwrap();
    let address = somebody.waits_for().await;
    let installation = &somebody.installation;
    let day = SignedDuration::from_hours(24);
    installation.keeper.clock.advance(day);
    somebody.cookies = signed_in_again(installation, &mut somebody.device, "").await;
    let (location, body) = somebody.types_for(&address, code_of(&mail)).await;
    assert!(location.is_empty(), "{location}");
    assert!(body.contains("href=\"#maincontent\""), "{body}");
    assert!(
        body.contains("The code that was sent there is too old."),
        "{body}"
    );
}
