//! By what somebody signs in: the list, and what is asked before any of it changes.

mod act;
mod addresses;

pub use act::{ActPage, answer};
pub use addresses::{AddressView, Told};

use crate::dates;
use crate::error::Problem;
use crate::frame::{FieldErrors, Frame};
use crate::portal::Portal;
use crate::respond;
use crate::session::{Visit, Visitor};
use crate::text::{bytes, hexadecimal, secret};
use crate::texts::Texts;
use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::response::Response;
use candour_app::Refusal;
use candour_app::sign_in_ways::{self, Passkey, Typed, Waiting, Wanted, Ways};
use candour_core::people::EmailAddress;
use candour_keeper_api::words::Origin;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Deserialize;
use zeroize::Zeroizing;

/// The list.
#[derive(Template)]
#[template(path = "sign_in_ways/sign_in_ways.html")]
pub struct WaysPage {
    /// Around it.
    pub frame: Frame,
    /// What is to be mended.
    pub errors: FieldErrors,
    /// Key of a sentence on top.
    pub note: Option<&'static str>,
    /// That what this session was signed in by opens nothing yet.
    pub is_new: Option<String>,
    /// What waits.
    pub waiting: Vec<WaitingView>,
    /// Oldest first.
    pub passkeys: Vec<PasskeyView>,
    /// There is room for one more.
    pub has_room: bool,
    /// The name typed before.
    pub typed_name: String,
    /// Sentences about password, app and sheet; `None` for staff.
    pub typed: Option<TypedView>,
    /// Where changes are told; `None` where nobody is told by mail.
    pub told: Option<Told>,
}

/// One passkey.
pub struct PasskeyView {
    /// Names it in the form.
    pub id: String,
    /// What its owner calls it.
    pub name: String,
    /// When and how it was added.
    pub added: String,
    /// It is new.
    pub is_new: Option<String>,
    /// The session that asks was signed in with it.
    pub is_own: bool,
    /// What its button says, for those who hear it read.
    pub remove: String,
    /// It can be removed.
    pub may_go: bool,
}

/// An act that waits.
pub struct WaitingView {
    /// Names it in the form.
    pub pending: String,
    /// What it does.
    pub text: String,
    /// From when.
    pub when: String,
    /// That time has come.
    pub is_due: bool,
}

/// What is typed.
pub struct TypedView {
    /// Whether there is a password.
    pub password: &'static str,
    /// Whether there is an app.
    pub app: &'static str,
    /// How many codes are left.
    pub sheet: String,
}

pub(super) const PATH: &str = "/sign-in-ways";
/// Fewest characters of a password; the keeper also refuses frequent ones.
const SHORTEST_PASSWORD: usize = 12;

/// What was typed, and what of it is to be mended.
#[derive(Default)]
struct Given {
    errors: FieldErrors,
    note: Option<&'static str>,
    name: String,
    address: String,
    /// The address whose code was wrong.
    wrong_code: Option<String>,
}

async fn page(portal: &Portal, visitor: &Visitor, mut given: Given) -> Result<WaysPage, Problem> {
    let token = visitor.signed_in()?;
    let session = visitor.session(portal).await?;
    let ways = sign_in_ways::ways(portal.app(), token, &visitor.network).await?;
    let home = visitor.visit.map_or("/", Visit::home);
    let mut frame = portal
        .frame(visitor.visit, "sign_in_ways.title")
        .await
        .back_to(home, "frame.back");
    let (texts, zone) = (frame.texts(), &portal.settings().zone);
    let view = Views { texts, zone };
    let Ways {
        passkeys,
        has_room,
        typed,
        waiting,
        addresses,
        has_room_for_address,
    } = ways;
    let addresses: Vec<_> = addresses
        .iter()
        .enumerate()
        .map(|(place, held)| view.address(place, held))
        .collect();
    if let Some(id) = given.wrong_code {
        let field = addresses::field_of(&addresses, &id);
        let wrong = texts.say("sign_in_ways.told_code_wrong");
        given.errors.add(field, wrong);
    }
    frame.has_errors = !given.errors.is_empty();
    let told = portal.settings().tells_by_mail.then_some(Told {
        lead: match typed {
            Some(_) => "sign_in_ways.told_text",
            None => "sign_in_ways.told_staff",
        },
        addresses,
        has_room: has_room_for_address,
        typed: given.address,
    });
    Ok(WaysPage {
        errors: given.errors,
        note: given.note,
        is_new: session
            .opens_from
            .map(|from| view.at("sign_in_ways.session_new", from)),
        waiting: waiting.iter().map(|act| view.waiting(act)).collect(),
        passkeys: passkeys.iter().map(|held| view.passkey(held)).collect(),
        has_room,
        typed_name: given.name,
        typed: typed.map(|typed| view.typed(typed)),
        told,
        frame,
    })
}

/// Fills sentences.
struct Views<'a> {
    texts: &'static Texts,
    zone: &'a TimeZone,
}

impl Views<'_> {
    fn at(&self, key: &'static str, at: Timestamp) -> String {
        let when = dates::moment(self.texts, at, self.zone);
        self.texts.fill(key, &[("when", &when)])
    }

    fn passkey(&self, held: &Passkey) -> PasskeyView {
        let added = match held.origin {
            Origin::Account => "sign_in_ways.added_account",
            Origin::Holder => "sign_in_ways.added_holder",
            Origin::Recovery => "sign_in_ways.added_recovery",
        };
        PasskeyView {
            id: hexadecimal(&held.id),
            name: held.name.clone(),
            added: self.at(added, held.added_at),
            is_new: held.opens_from.map(|from| {
                let key = match held.origin {
                    Origin::Recovery => "sign_in_ways.passkey_counter",
                    Origin::Account | Origin::Holder => "sign_in_ways.passkey_new",
                };
                self.at(key, from)
            }),
            is_own: held.is_own,
            remove: self
                .texts
                .fill("sign_in_ways.remove", &[("name", &held.name)]),
            may_go: held.may_go,
        }
    }

    fn waiting(&self, act: &Waiting) -> WaitingView {
        let when = if act.is_due {
            "sign_in_ways.waiting_due"
        } else {
            "sign_in_ways.waiting_from"
        };
        WaitingView {
            pending: hexadecimal(&act.pending),
            text: act.text.clone(),
            when: self.at(when, act.not_before),
            is_due: act.is_due,
        }
    }

    fn typed(&self, typed: Typed) -> TypedView {
        TypedView {
            password: if typed.has_password {
                "sign_in_ways.password_set"
            } else {
                "sign_in_ways.password_none"
            },
            app: if typed.has_app {
                "sign_in_ways.app_set"
            } else {
                "sign_in_ways.app_none"
            },
            sheet: match typed.codes_left {
                None => self.texts.say("sign_in_ways.sheet_none").to_owned(),
                Some(left) => self
                    .texts
                    .fill("sign_in_ways.sheet_left", &[("count", &left.to_string())]),
            },
        }
    }
}

/// What was just done.
#[derive(Deserialize)]
pub struct Note {
    note: Option<String>,
}

/// `GET /sign-in-ways`.
pub async fn show(
    State(portal): State<Portal>,
    visitor: Visitor,
    Query(Note { note }): Query<Note>,
) -> Result<Response, Problem> {
    let note = match note.as_deref() {
        Some("done") => Some("sign_in_ways.done"),
        Some("waits") => Some("sign_in_ways.waits"),
        Some("told") => Some("sign_in_ways.told_here"),
        _ => None,
    };
    let given = Given {
        note,
        ..Given::default()
    };
    respond::page(&page(&portal, &visitor, given).await?)
}

/// The list again, with what is to be mended.
async fn again(portal: &Portal, visitor: &Visitor, given: Given) -> Result<Response, Problem> {
    Ok(respond::to_mend(respond::page(
        &page(portal, visitor, given).await?,
    )?))
}

/// What is to change.
#[derive(Deserialize)]
pub struct ChangeForm {
    what: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    passkey: String,
    #[serde(default)]
    pending: String,
    #[serde(default, deserialize_with = "secret")]
    password: Zeroizing<String>,
    #[serde(default)]
    email: String,
    #[serde(default)]
    address: String,
    #[serde(default, deserialize_with = "secret")]
    code: Zeroizing<String>,
}

/// `POST /sign-in-ways`: asks for the answer that the change needs.
pub async fn change(
    State(portal): State<Portal>,
    visitor: Visitor,
    Form(form): Form<ChangeForm>,
) -> Result<Response, Problem> {
    let token = visitor.signed_in()?;
    let texts = crate::texts::Language::English.texts();
    let mut given = Given::default();
    let (wanted, field) = match form.what.as_str() {
        "passkey" => {
            form.name.trim().clone_into(&mut given.name);
            (Wanted::Passkey(given.name.clone()), "name")
        }
        "remove" => {
            let id = bytes(&form.passkey).ok_or(Problem::Form)?;
            (Wanted::WithoutPasskey(id), "maincontent")
        }
        "password" if form.password.chars().count() < SHORTEST_PASSWORD => {
            given
                .errors
                .add("password", texts.say("invitation.error_password"));
            return again(&portal, &visitor, given).await;
        }
        "password" => (Wanted::Password(form.password), "password"),
        "app" => (Wanted::App, "maincontent"),
        "sheet" => (Wanted::Sheet, "maincontent"),
        "stop" => {
            let pending = bytes(&form.pending).ok_or(Problem::Form)?;
            (Wanted::Stop(pending), "maincontent")
        }
        "address" => {
            form.email.trim().clone_into(&mut given.address);
            match EmailAddress::parse(&given.address) {
                Ok(address) => (Wanted::Address(address), "email"),
                Err(_) => {
                    given
                        .errors
                        .add("email", texts.say("sign_in_ways.told_wrong"));
                    return again(&portal, &visitor, given).await;
                }
            }
        }
        "without-address" => {
            let id = bytes(&form.address).ok_or(Problem::Form)?;
            (Wanted::WithoutAddress(id), "maincontent")
        }
        "confirm-address" => return addresses::confirm(&portal, &visitor, &form).await,
        _ => return Err(Problem::Form),
    };
    let refused = match sign_in_ways::begin(portal.app(), token, wanted).await {
        Ok(ceremony) => {
            let asked = act::Asked::of(&form.what, &ceremony);
            return respond::page(&act::page(&portal, &visitor, asked).await);
        }
        // It is gone already.
        Err(Refusal::NotFound) => return Ok(respond::to(PATH)),
        Err(Refusal::Invalid) if field == "name" => "sign_in_ways.error_name",
        Err(Refusal::Invalid) if field == "password" => "sign_in_ways.error_password",
        Err(Refusal::Invalid) if field == "email" => "sign_in_ways.told_wrong",
        Err(Refusal::NotAllowed) if field == "email" => "sign_in_ways.told_full",
        Err(Refusal::TooMany { .. }) if field == "email" => "sign_in_ways.told_often",
        Err(Refusal::NotAllowed) if field == "name" => "sign_in_ways.no_room",
        Err(Refusal::NotAllowed) if form.what == "remove" => "sign_in_ways.last",
        Err(refusal) => return Err(refusal.into()),
    };
    given.errors.add(field, texts.say(refused));
    again(&portal, &visitor, given).await
}

/// What waited.
#[derive(Deserialize)]
pub struct WaitedForm {
    pending: String,
}

/// `POST /sign-in-ways/waited`: does it, once its day is over.
pub async fn waited(
    State(portal): State<Portal>,
    visitor: Visitor,
    Form(form): Form<WaitedForm>,
) -> Result<Response, Problem> {
    let token = visitor.signed_in()?;
    let pending = bytes(&form.pending).ok_or(Problem::Form)?;
    match sign_in_ways::go_on(portal.app(), token, pending).await {
        Ok(changed) => act::done(&portal, &visitor, &changed).await,
        Err(Refusal::NotFound) => Ok(respond::to(PATH)),
        Err(refusal) => Err(refusal.into()),
    }
}
