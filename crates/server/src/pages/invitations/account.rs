//! Accepting an invitation with a new account: a passkey, or a password with an app or a printed sheet.

use crate::error::Problem;
use crate::frame::{FieldErrors, Frame};
use crate::pages::{GivenDate, practice_name};
use crate::portal::Portal;
use crate::respond;
use crate::session::{INVITATION_COOKIE, RECOVERY_COOKIE, Visitor, cookie, set_cookie};
use crate::text::{bytes, ceremony, hexadecimal, secret};
use crate::texts::Texts;
use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::response::Response;
use candour_app::Refusal;
use candour_app::invitations::{self, Credential, Invitation};
use candour_app::recoveries;
use candour_keeper_api::words::Role;
use http::HeaderMap;
use http::header::SET_COOKIE;
use qrcode::{Color, EcLevel, QrCode};
use serde::Deserialize;
use std::fmt::Write;
use zeroize::Zeroizing;

/// What a code is for. The pages are the same; what they say, and what the keeper is asked, is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A new account.
    Invitation,
    /// New ways to sign in to one that exists.
    Recovery,
}

impl Kind {
    /// Where the code is typed; the account's page is below it.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Invitation => "/invitation",
            Self::Recovery => "/recover",
        }
    }

    const fn cookie(self) -> &'static str {
        match self {
            Self::Invitation => INVITATION_COOKIE,
            Self::Recovery => RECOVERY_COOKIE,
        }
    }

    /// Key of a sentence that differs.
    pub fn key(self, of_invitation: &'static str, of_recovery: &'static str) -> &'static str {
        match self {
            Self::Invitation => of_invitation,
            Self::Recovery => of_recovery,
        }
    }

    async fn look(
        self,
        portal: &Portal,
        code: &str,
        login: &str,
        network: &str,
    ) -> Result<Invitation, Refusal> {
        match self {
            Self::Invitation => invitations::look(portal.app(), code, login, network).await,
            Self::Recovery => recoveries::look(portal.app(), code, login, network).await,
        }
    }
}

/// Code and sign-in name.
#[derive(Template)]
#[template(path = "invitations/invitation.html")]
pub struct InvitationPage {
    /// Around it.
    pub frame: Frame,
    /// What the code is for.
    pub kind: Kind,
    /// What is to be mended.
    pub errors: FieldErrors,
    /// The sign-in name typed before.
    pub login: String,
}

/// What an authenticator app needs.
pub struct AppKey {
    /// The ceremony under which the keeper remembers the key.
    pub ceremony: String,
    /// `otpauth://` address.
    pub address: String,
    /// The same as a picture for the app's camera; `None` when it does not fit into one.
    pub picture: Option<Picture>,
    /// The key in groups of four.
    pub key: String,
}

/// A QR code as one path of unit squares.
pub struct Picture {
    /// Squares in a row, with the quiet zone.
    pub side: usize,
    /// The dark squares as SVG path data.
    pub path: String,
}

/// Light squares that must surround a QR code (ISO/IEC 18004).
const QUIET: usize = 4;

impl Picture {
    fn of(text: &str) -> Option<Self> {
        let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
        let width = code.width();
        let mut path = String::new();
        for (at, colour) in code.to_colors().into_iter().enumerate() {
            if colour == Color::Dark {
                // Writing to a string cannot fail.
                let _ = write!(
                    path,
                    "M{} {}h1v1h-1z",
                    at % width + QUIET,
                    at / width + QUIET
                );
            }
        }
        Some(Self {
            side: width + 2 * QUIET,
            path,
        })
    }
}

/// The three ways to make an account; staff have the first only.
#[derive(Template)]
#[template(path = "invitations/account.html")]
pub struct AccountPage {
    /// Around it.
    pub frame: Frame,
    /// What the code is for.
    pub kind: Kind,
    /// What is to be mended.
    pub errors: FieldErrors,
    /// Who invites.
    pub lead: String,
    /// The passkey ceremony.
    pub ceremony: String,
    /// Its options as JSON.
    pub options: String,
    /// For patients: the authenticator app.
    pub app: Option<AppKey>,
    /// A birth date is asked for.
    pub asks_birth: bool,
    /// It is that of somebody else, for whom the account's holder is to act.
    pub is_of_another: bool,
    /// The birth date typed before.
    pub birth: GivenDate,
    /// The way chosen before.
    pub way: &'static str,
}

impl AccountPage {
    /// Key of whose birth date is asked for, and what a browser may fill it in with.
    const fn whose_birth(&self) -> (&'static str, &'static str) {
        if self.is_of_another {
            ("invitation.link_birth", "")
        } else {
            ("invitation.birth", "bday")
        }
    }
}

/// The printed sheet, shown once.
#[derive(Template)]
#[template(path = "invitations/sheet.html")]
pub struct SheetPage {
    /// Around it.
    pub frame: Frame,
    /// 40 codes.
    pub codes: Vec<String>,
    /// Key of what is said first.
    pub lead: &'static str,
    /// Where it goes on, and the key of what the button says.
    pub next: (&'static str, &'static str),
}

/// Code and sign-in name.
#[derive(Deserialize)]
pub struct CodeForm {
    #[serde(default, deserialize_with = "secret")]
    code: Zeroizing<String>,
    #[serde(default)]
    login: String,
}

async fn code_page(
    portal: &Portal,
    kind: Kind,
    errors: FieldErrors,
    login: String,
) -> InvitationPage {
    let mut frame = portal
        .frame(None, kind.key("invitation.title", "recover.use_title"))
        .await
        .back_to("/sign-in", "frame.back");
    frame.has_errors = !errors.is_empty();
    InvitationPage {
        frame,
        kind,
        errors,
        login,
    }
}

async fn code_again(
    portal: &Portal,
    kind: Kind,
    errors: FieldErrors,
    login: String,
) -> Result<Response, Problem> {
    Ok(respond::to_mend(respond::page(
        &code_page(portal, kind, errors, login).await,
    )?))
}

/// `GET /invitation`.
pub async fn show(State(portal): State<Portal>) -> Result<Response, Problem> {
    ask_code(&portal, Kind::Invitation).await
}

pub(crate) async fn ask_code(portal: &Portal, kind: Kind) -> Result<Response, Problem> {
    respond::page(&code_page(portal, kind, FieldErrors::default(), String::new()).await)
}

/// `POST /invitation`.
pub async fn take(
    State(portal): State<Portal>,
    visitor: Visitor,
    Form(form): Form<CodeForm>,
) -> Result<Response, Problem> {
    take_code(&portal, &visitor, Kind::Invitation, form).await
}

/// The code goes on in a cookie, never in an address.
pub(crate) async fn take_code(
    portal: &Portal,
    visitor: &Visitor,
    kind: Kind,
    form: CodeForm,
) -> Result<Response, Problem> {
    let texts = crate::texts::Language::English.texts();
    let (code, login) = (
        Zeroizing::new(form.code.trim().to_owned()),
        form.login.trim().to_owned(),
    );
    let mut errors = FieldErrors::default();
    if code.is_empty() {
        let empty = kind.key("invitation.error_code", "recover.error_code");
        errors.add("code", texts.say(empty));
    }
    let is_name = |login: &str| {
        login.chars().count() >= 3
            && login.len() <= 64
            && !login
                .chars()
                .any(|letter| letter.is_whitespace() || letter.is_control())
    };
    if !is_name(&login) {
        errors.add("login", texts.say("invitation.error_login"));
    }
    if !errors.is_empty() {
        return code_again(portal, kind, errors, login).await;
    }
    match kind.look(portal, &code, "", &visitor.network).await {
        Ok(_) => {}
        Err(Refusal::NotFound | Refusal::WrongCredentials | Refusal::Invalid) => {
            let wrong = kind.key("invitation.wrong", "recover.wrong");
            errors.add("code", texts.say(wrong));
            return code_again(portal, kind, errors, login).await;
        }
        Err(refusal) => return Err(refusal.into()),
    }
    let carried = Zeroizing::new(hexadecimal(format!("{}\n{login}", *code).as_bytes()));
    let mut response = respond::to(&format!("{}/account", kind.path()));
    if let Some(cookie) = set_cookie(kind.cookie(), &carried) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Code and sign-in name out of the cookie.
fn carried(headers: &HeaderMap, kind: Kind) -> Option<(Zeroizing<String>, String)> {
    let text = cookie(headers, kind.cookie())?;
    let pairs = text.as_bytes().chunks(2);
    let bytes: Option<Vec<u8>> = pairs
        .map(|pair| {
            std::str::from_utf8(pair)
                .ok()
                .and_then(bytes::<1>)
                .map(|[byte]| byte)
        })
        .collect();
    let text = Zeroizing::new(String::from_utf8(bytes?).ok()?);
    let (code, login) = text.split_once('\n')?;
    Some((Zeroizing::new(code.to_owned()), login.to_owned()))
}

/// What is shown again after a slip.
#[derive(Default)]
struct Again {
    way: &'static str,
    birth: GivenDate,
    errors: FieldErrors,
    /// The ceremony and app key of the form that was sent: an app set up once stays set up.
    kept: Option<(String, String)>,
}

async fn account_page(
    portal: &Portal,
    kind: Kind,
    invitation: Invitation,
    again: Again,
) -> Result<AccountPage, Problem> {
    let title = kind.key("invitation.choose_title", "recover.choose_title");
    let mut frame = portal.frame(None, title).await.with_passkeys();
    frame.has_errors = !again.errors.is_empty();
    let texts = frame.texts();
    let practice = practice_name(portal, invitation.practice).await;
    let ceremony = invitation.ceremony.ok_or(Problem::Internal)?;
    let fresh = hexadecimal(ceremony.id.as_bytes());
    let (app_ceremony, address) = again
        .kept
        .unwrap_or_else(|| (fresh.clone(), invitation.otpauth.to_string()));
    let for_patients = !address.is_empty();
    let lead = match kind {
        Kind::Invitation if invitation.role == Role::Proxy => "invitation.choose_lead_proxy",
        Kind::Invitation if for_patients => "invitation.choose_lead_patient",
        _ => kind.key("invitation.choose_lead", "recover.choose_lead"),
    };
    Ok(AccountPage {
        frame,
        kind,
        errors: again.errors,
        lead: texts.fill(lead, &[("practice", &practice)]),
        ceremony: fresh,
        options: ceremony.options_json,
        app: for_patients.then(|| app_key(app_ceremony, address)),
        asks_birth: for_patients,
        is_of_another: invitation.role == Role::Proxy,
        birth: again.birth,
        way: again.way,
    })
}

/// The secret of an `otpauth://` address, in groups of four for typing.
pub(crate) fn app_key(ceremony: String, address: String) -> AppKey {
    let secret = address
        .split(['?', '&'])
        .find_map(|pair| pair.strip_prefix("secret="))
        .unwrap_or_default();
    let letters: Vec<char> = secret.chars().collect();
    let groups: Vec<String> = letters
        .chunks(4)
        .map(|group| group.iter().collect())
        .collect();
    AppKey {
        ceremony,
        key: groups.join(" "),
        picture: Picture::of(&address),
        address,
    }
}

/// `GET /invitation/account`: the ways to make an account.
pub async fn ways(
    State(portal): State<Portal>,
    visitor: Visitor,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    choose(&portal, &visitor, Kind::Invitation, &headers).await
}

pub(crate) async fn choose(
    portal: &Portal,
    visitor: &Visitor,
    kind: Kind,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let Some((code, login)) = carried(headers, kind) else {
        return Ok(respond::to(kind.path()));
    };
    let invitation = kind.look(portal, &code, &login, &visitor.network).await?;
    respond::page(&account_page(portal, kind, invitation, Again::default()).await?)
}

/// One of the three ways, filled in.
#[derive(Deserialize)]
pub struct AccountForm {
    #[serde(default)]
    way: String,
    #[serde(default)]
    ceremony: String,
    #[serde(default)]
    answer: String,
    #[serde(default, deserialize_with = "secret")]
    address: Zeroizing<String>,
    /// Set by the form of staff, which asks for no birth date.
    without_birth: Option<String>,
    #[serde(default)]
    day: String,
    #[serde(default)]
    month: String,
    #[serde(default)]
    year: String,
    #[serde(default, rename = "app-password", deserialize_with = "secret")]
    app_password: Zeroizing<String>,
    #[serde(default, rename = "sheet-password", deserialize_with = "secret")]
    sheet_password: Zeroizing<String>,
    #[serde(default, deserialize_with = "secret")]
    totp: Zeroizing<String>,
}

/// Fewest characters of a password; the keeper also refuses frequent ones.
const SHORTEST_PASSWORD: usize = 12;

fn check(texts: &Texts, form: &AccountForm, birth: &GivenDate, is_staff: bool) -> FieldErrors {
    let (field, password) = match form.way.as_str() {
        "app" => ("app-birth", Some(("app-password", &form.app_password))),
        "sheet" => (
            "sheet-birth",
            Some(("sheet-password", &form.sheet_password)),
        ),
        _ => ("birth", None),
    };
    let mut errors = FieldErrors::default();
    if !is_staff && birth.read().is_none() {
        errors.add(field, texts.say("invitation.error_birth"));
    }
    if let Some((field, password)) = password
        && password.chars().count() < SHORTEST_PASSWORD
    {
        errors.add(field, texts.say("invitation.error_password"));
    }
    if form.way == "app" && form.totp.trim().len() != 6 {
        errors.add("totp", texts.say("invitation.error_totp"));
    }
    errors
}

/// `POST /invitation/account`.
pub async fn make(
    State(portal): State<Portal>,
    visitor: Visitor,
    headers: HeaderMap,
    Form(form): Form<AccountForm>,
) -> Result<Response, Problem> {
    make_ways(&portal, &visitor, Kind::Invitation, &headers, form).await
}

pub(crate) async fn make_ways(
    portal: &Portal,
    visitor: &Visitor,
    kind: Kind,
    headers: &HeaderMap,
    form: AccountForm,
) -> Result<Response, Problem> {
    let Some((code, login)) = carried(headers, kind) else {
        return Ok(respond::to(kind.path()));
    };
    let texts = crate::texts::Language::English.texts();
    let birth = GivenDate {
        day: form.day.clone(),
        month: form.month.clone(),
        year: form.year.clone(),
    };
    // The keeper asks everybody but staff; what the form says only decides where the sentence stands.
    let is_staff = form.without_birth.is_some();
    let mut errors = check(texts, &form, &birth, is_staff);
    if errors.is_empty() {
        let credential = credential(&form)?;
        let birth_date = birth
            .read()
            .map(|date| date.to_string())
            .unwrap_or_default();
        let (app, network) = (portal.app(), &visitor.network);
        let (code, birth, login) = (code.as_str(), birth_date.as_str(), login.as_str());
        let answer = match kind {
            Kind::Invitation => {
                invitations::register(app, code, birth, login, credential, network).await
            }
            Kind::Recovery => recoveries::make(app, code, birth, login, credential, network).await,
        };
        match answer {
            Ok(registered) => return registered_page(portal, kind, &registered.sheet).await,
            Err(Refusal::WrongCredentials) => {
                let refused = kind.key("invitation.refused", "recover.refused");
                errors.add("maincontent", texts.say(refused));
            }
            Err(Refusal::Invalid) => errors.add("maincontent", texts.say("invitation.login_taken")),
            Err(refusal) => return Err(refusal.into()),
        }
    }
    let invitation = kind.look(portal, &code, &login, &visitor.network).await?;
    let is_kept = form.way == "app" && form.address.starts_with("otpauth://totp/");
    let again = Again {
        way: match form.way.as_str() {
            "app" => "app",
            "sheet" => "sheet",
            _ => "passkey",
        },
        birth,
        errors,
        kept: is_kept.then(|| (form.ceremony, form.address.to_string())),
    };
    Ok(respond::to_mend(respond::page(
        &account_page(portal, kind, invitation, again).await?,
    )?))
}

fn credential(form: &AccountForm) -> Result<Credential, Problem> {
    let ceremony = ceremony(&form.ceremony)?;
    Ok(match form.way.as_str() {
        "passkey" => Credential::Passkey(ceremony, form.answer.clone()),
        "app" => Credential::Authenticator {
            ceremony,
            password: form.app_password.clone(),
            code: Zeroizing::new(form.totp.trim().to_owned()),
        },
        "sheet" => Credential::Sheet {
            password: form.sheet_password.clone(),
        },
        _ => return Err(Problem::Form),
    })
}

/// With a sheet: the codes, in this answer and nowhere else. Without: on to signing in.
async fn registered_page(
    portal: &Portal,
    kind: Kind,
    sheet: &[Zeroizing<String>],
) -> Result<Response, Problem> {
    let mut response = if sheet.is_empty() {
        respond::to(kind.key("/sign-in?note=ready", "/sign-in?note=recovered"))
    } else {
        let frame = portal.frame(None, "invitation.sheet_ready").await;
        let codes = sheet.iter().map(|code| code.to_string()).collect();
        respond::page(&SheetPage {
            frame,
            codes,
            lead: kind.key("invitation.sheet_ready_text", "recover.sheet_ready_text"),
            next: ("/sign-in", "invitation.sheet_ready_button"),
        })?
    };
    if let Some(cookie) = set_cookie(kind.cookie(), "") {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_key_has_its_secret_in_groups_and_as_a_picture() {
        let address = "otpauth://totp/Candour:hemi?secret=JBSWY3DPEHPK3PXP&issuer=Candour";
        let app = app_key(String::new(), address.to_owned());
        assert_eq!(app.key, "JBSW Y3DP EHPK 3PXP");
        let picture = app.picture.unwrap();
        assert!(picture.side > 2 * QUIET && picture.path.starts_with("M4 4h1v1h-1z"));
    }

    #[test]
    fn what_the_cookie_carries_reads_back() {
        let mut headers = HeaderMap::new();
        let carried_text = hexadecimal("KQ7M-2XWD\nmāhina".as_bytes());
        let cookie = format!("{INVITATION_COOKIE}={carried_text}");
        headers.insert(http::header::COOKIE, cookie.parse().unwrap());
        let (code, login) = carried(&headers, Kind::Invitation).unwrap();
        assert_eq!((code.as_str(), login.as_str()), ("KQ7M-2XWD", "māhina"));
    }
}
