//! Who visits, out of two cookies: the token, and what the visit is for. Both are only carried; the keeper decides.

use crate::error::Problem;
use crate::guard::Network;
use crate::portal::Portal;
use axum::extract::FromRequestParts;
use candour_app::sign_in::{self, Browser, Session};
use candour_keeper_api::words::{Purpose, Role};
use candour_keeper_api::{Token, Viewer};
use http::HeaderValue;
use http::header::{COOKIE, HeaderMap, USER_AGENT};
use http::request::Parts;

/// The cookie with the session's token.
pub const TOKEN_COOKIE: &str = "__Host-candour";
/// The cookie with the word of [`Visit`].
pub const VISIT_COOKIE: &str = "__Host-candour-visit";
/// The cookie that carries an invitation's code between two pages, so that it never stands in an address.
pub const INVITATION_COOKIE: &str = "__Host-candour-invitation";

/// The same for the code of a recovery.
pub const RECOVERY_COOKIE: &str = "__Host-candour-recovery";

/// What a visit is for; chosen once, sent with each opening, and judged by the keeper each time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visit {
    /// As patient, or for those one acts for.
    Patient,
    /// As staff or officer, with the purpose once it is chosen.
    Staff(Option<Purpose>),
}

impl Visit {
    /// The purposes staff choose from.
    pub const CHOICES: [Purpose; 2] = [Purpose::DirectCare, Purpose::Administration];

    /// The word in the cookie.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Patient => "patient",
            Self::Staff(Some(purpose)) => purpose.word(),
            Self::Staff(None) => "staff",
        }
    }

    /// The visit a word stands for; a closed list.
    pub fn of(word: &str) -> Option<Self> {
        match word {
            "patient" => Some(Self::Patient),
            "staff" => Some(Self::Staff(None)),
            _ => Self::CHOICES
                .into_iter()
                .find(|purpose| purpose.word() == word)
                .map(|purpose| Self::Staff(Some(purpose))),
        }
    }

    /// The visit with which a session begins: who has one purpose only is not asked.
    pub const fn first(role: Role) -> Self {
        match role {
            Role::Patient | Role::Proxy | Role::Anonymous => Self::Patient,
            Role::Reception | Role::Manager => Self::Staff(Some(Purpose::Administration)),
            Role::Clinician
            | Role::PrivacyOfficer
            | Role::SecurityOfficer
            | Role::CommunicationsOfficer
            | Role::PracticeClient
            | Role::Keeper => Self::Staff(None),
        }
    }

    /// Where the visitor starts.
    pub const fn home(self) -> &'static str {
        match self {
            Self::Patient => "/home",
            Self::Staff(_) => "/practice",
        }
    }
}

/// A cookie's value in a request.
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|header| header.to_str().ok())
        .flat_map(|header| header.split(';'))
        .find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
}

/// `Set-Cookie` for this browser session; an empty value deletes. Only the characters that we write ourselves.
pub fn set_cookie(name: &str, value: &str) -> Option<HeaderValue> {
    let ends = if value.is_empty() { "; Max-Age=0" } else { "" };
    let text = format!("{name}={value}; Path=/; Secure; HttpOnly; SameSite=Strict{ends}");
    let mut header = HeaderValue::from_str(&text).ok()?;
    header.set_sensitive(true);
    Some(header)
}

/// The token as the cookie has it: 64 lower-case hexadecimal digits.
pub fn token_text(token: &Token) -> zeroize::Zeroizing<String> {
    zeroize::Zeroizing::new(crate::text::hexadecimal(token.secret()))
}

/// The visit in a request's cookies.
pub fn visit(headers: &HeaderMap) -> Option<Visit> {
    cookie(headers, TOKEN_COOKIE)?;
    cookie(headers, VISIT_COOKIE).and_then(Visit::of)
}

fn token(headers: &HeaderMap) -> Option<Token> {
    crate::text::bytes::<32>(cookie(headers, TOKEN_COOKIE)?)
        .and_then(|bytes| Token::from_bytes(&bytes))
        .map(|token| token.with_client(&client(headers)))
}

/// How the browser describes itself. A header that is no text counts as none.
fn client(headers: &HeaderMap) -> String {
    let described = headers.get(USER_AGENT).map(HeaderValue::as_bytes);
    String::from_utf8_lossy(described.unwrap_or_default()).into_owned()
}

/// Whoever asks, signed in or not.
#[derive(Debug, Clone)]
pub struct Visitor {
    /// The token, if one came.
    pub token: Option<Token>,
    /// What the visit is for, if that is known.
    pub visit: Option<Visit>,
    /// The browser's network address.
    pub network: String,
    /// How the browser describes itself.
    pub client: String,
}

impl Visitor {
    /// Reads the visitor out of a request's head.
    pub fn of(parts: &Parts) -> Self {
        let network = parts.extensions.get::<Network>();
        Self {
            token: token(&parts.headers),
            visit: visit(&parts.headers),
            network: network
                .map(|Network(text)| text.clone())
                .unwrap_or_default(),
            client: client(&parts.headers),
        }
    }

    /// Where the visitor signs in from. The session that begins goes on with this browser only.
    pub fn browser(&self) -> Browser<'_> {
        Browser {
            network: &self.network,
            client: Some(&self.client),
        }
    }

    /// Asks for something with an id. Who is not signed in asks with a token that nobody has: the keeper refuses
    /// and writes it down, and the page is the same 404 as for anybody else.
    pub fn viewer(&self, purpose: Purpose) -> Result<Viewer, Problem> {
        let nobody = || Token::from_bytes(&[0; 32]);
        Ok(Viewer {
            token: self
                .token
                .clone()
                .or_else(nobody)
                .ok_or(Problem::Internal)?,
            purpose,
            network: self.network.clone(),
        })
    }

    /// The token, or the way to the sign-in page.
    pub fn signed_in(&self) -> Result<&Token, Problem> {
        self.token.as_ref().ok_or(Problem::NotSignedIn)
    }

    /// The purpose of staff, or the way to the page where it is chosen.
    pub fn purpose(&self) -> Result<Purpose, Problem> {
        match self.visit {
            Some(Visit::Staff(Some(purpose))) => Ok(purpose),
            Some(Visit::Staff(None)) => Err(Problem::PurposeNeeded),
            Some(Visit::Patient) | None => Ok(Purpose::OwnRecord),
        }
    }

    /// Who it is, by the keeper's word.
    pub async fn session(&self, portal: &Portal) -> Result<Session, Problem> {
        Ok(sign_in::session(portal.app(), self.signed_in()?, &self.network).await?)
    }
}

impl FromRequestParts<Portal> for Visitor {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &Portal) -> Result<Self, Self::Rejection> {
        Ok(Self::of(parts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_visit_reads_back_from_its_cookie_and_nothing_else_does() {
        let all = [Visit::Patient, Visit::Staff(None)]
            .into_iter()
            .chain(Visit::CHOICES.map(|purpose| Visit::Staff(Some(purpose))));
        for visit in all {
            assert_eq!(Visit::of(visit.word()), Some(visit));
        }
        for word in ["", "emergency", "incident_notice", "own_record", "Patient"] {
            assert_eq!(Visit::of(word), None, "{word}");
        }
    }

    #[test]
    fn a_cookie_is_found_by_its_whole_name() {
        let mut headers = HeaderMap::new();
        headers.insert(
            COOKIE,
            HeaderValue::from_static("x=1; __Host-candour-visit=patient; __Host-candour=ab"),
        );
        assert_eq!(cookie(&headers, TOKEN_COOKIE), Some("ab"));
        assert_eq!(cookie(&headers, VISIT_COOKIE), Some("patient"));
        assert_eq!(cookie(&headers, "candour"), None);
    }
}
