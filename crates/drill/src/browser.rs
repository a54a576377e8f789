//! What speaks HTTP in a drill: keeps cookies, follows no redirect by itself, and can come from many addresses.

use crate::passkey::SoftwarePasskey;
use crate::{Problem, clock};
use jiff::Timestamp;
use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use reqwest::{Client, Method, RequestBuilder, StatusCode, redirect};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long one request may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A site as a browser sees it: its origin, and the address it is really at.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, Deserialize)]
pub struct Site {
    /// For example `http://localhost:8080`.
    pub origin: String,
    /// Where that is.
    pub address: SocketAddr,
}

impl Site {
    /// A site on this machine under the name that browsers give it.
    pub fn local(port: u16) -> Self {
        Self {
            origin: format!("http://localhost:{port}"),
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        }
    }
}

/// In which capacity somebody signs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acting {
    /// For oneself and those one acts for.
    Patient,
    /// At work: practice staff and officers.
    Staff,
}

impl Acting {
    const fn word(self) -> &'static str {
        match self {
            Self::Patient => "patient",
            Self::Staff => "staff",
        }
    }
}

/// A browser without a screen.
pub struct Browser {
    origin: String,
    /// Where requests go: the origin's host, at the port where the site is.
    base: String,
    clients: Vec<Client>,
    next: AtomicUsize,
    cookies: Mutex<BTreeMap<String, String>>,
}

/// A page or a file.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Where a redirect leads.
    pub location: Option<String>,
    /// The body as far as it came.
    pub body: Vec<u8>,
    /// When its first byte came; `None` for an empty body.
    pub first_byte_at: Option<Timestamp>,
    /// The body came to its end.
    pub is_whole: bool,
}

impl Answer {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A page, a file or a redirect: anything that is no refusal.
    pub fn is_success(&self) -> bool {
        self.status < 400
    }

    /// Refuses what is not a success.
    ///
    /// # Errors
    /// [`Problem::Answer`] with `what`.
    pub fn expect(self, what: &str) -> Result<Self, Problem> {
        if self.is_success() {
            return Ok(self);
        }
        Err(Problem::Answer {
            what: what.to_owned(),
            status: self.status,
        })
    }
}

#[derive(Deserialize)]
struct Started {
    ceremony: String,
    options: serde_json::Value,
}

impl Browser {
    /// A browser at 127.0.0.1.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn new(site: &Site) -> Result<Self, Problem> {
        Self::rotating(site, &[Ipv4Addr::LOCALHOST])
    }

    /// A browser whose requests come from these addresses in turn.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn rotating(site: &Site, addresses: &[Ipv4Addr]) -> Result<Self, Problem> {
        let (scheme, host) = site.origin.split_once("://").unwrap_or(("http", ""));
        let host = host.split(':').next().unwrap_or("localhost");
        let clients = addresses
            .iter()
            .map(|from| {
                Client::builder()
                    .no_proxy()
                    .redirect(redirect::Policy::none())
                    .resolve(host, site.address)
                    .local_address(IpAddr::V4(*from))
                    .timeout(PATIENCE)
                    .build()
            })
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            origin: site.origin.clone(),
            base: format!("{scheme}://{host}:{}", site.address.port()),
            clients,
            next: AtomicUsize::new(0),
            cookies: Mutex::default(),
        })
    }

    /// The cookies it holds, as name and value.
    pub fn cookies(&self) -> BTreeMap<String, String> {
        self.held().clone()
    }

    /// Takes somebody else's cookies: a stolen session.
    pub fn take_cookies(&self, cookies: BTreeMap<String, String>) {
        self.held().extend(cookies);
    }

    /// Gets a page; a redirect is not followed.
    ///
    /// # Errors
    /// When the site cannot be reached. A refusal is an [`Answer`].
    pub async fn get(&self, path: &str) -> Result<Answer, Problem> {
        self.send(self.request(Method::GET, path)).await
    }

    /// Gets a page and where it leads, at most five steps.
    ///
    /// # Errors
    /// When the site cannot be reached.
    pub async fn visit(&self, path: &str) -> Result<Answer, Problem> {
        let mut answer = self.get(path).await?;
        for _ in 0..5 {
            let Some(next) = answer.location.clone() else {
                break;
            };
            answer = self.get(&next).await?;
        }
        Ok(answer)
    }

    /// Sends a form as a page of the same site does.
    ///
    /// # Errors
    /// When the site cannot be reached.
    pub async fn post(&self, path: &str, form: &[(&str, &str)]) -> Result<Answer, Problem> {
        let request = self
            .request(Method::POST, path)
            .header("origin", &self.origin)
            .header("sec-fetch-site", "same-origin")
            .form(form);
        self.send(request).await
    }

    /// Sends a form with a file as a page of the same site does.
    ///
    /// # Errors
    /// When the site cannot be reached.
    pub async fn post_file(
        &self,
        path: &str,
        form: &[(&'static str, String)],
        file: Vec<u8>,
    ) -> Result<Answer, Problem> {
        let mut parts = reqwest::multipart::Form::new();
        for (name, value) in form {
            parts = parts.text(*name, value.clone());
        }
        let file = reqwest::multipart::Part::bytes(file).file_name("file");
        let request = self
            .request(Method::POST, path)
            .header("origin", &self.origin)
            .header("sec-fetch-site", "same-origin")
            .multipart(parts.part("file", file));
        self.send(request).await
    }

    /// Signs in with password and second factor through the sign-in page.
    ///
    /// # Errors
    /// When the page refuses.
    pub async fn sign_in_with_password(
        &self,
        login: &str,
        password: &str,
        code: &str,
    ) -> Result<(), Problem> {
        let form = [("name", login), ("password", password), ("code", code)];
        self.post("/sign-in/password", &form)
            .await?
            .expect("signing in with a password")?;
        self.is_signed_in("signing in with a password")
    }

    /// Signs in with a passkey through the sign-in page.
    ///
    /// # Errors
    /// When the page refuses, or the passkey does not answer.
    pub async fn sign_in_with_passkey(
        &self,
        login: &str,
        passkey: &mut SoftwarePasskey,
        acting: Acting,
    ) -> Result<(), Problem> {
        let (ceremony, answer) = self.ceremony(login, passkey).await?;
        let form = [
            ("login", login),
            ("ceremony", ceremony.as_str()),
            ("answer", answer.as_str()),
            ("acting", acting.word()),
        ];
        self.post("/sign-in/passkey", &form)
            .await?
            .expect("signing in with a passkey")?;
        self.is_signed_in("signing in with a passkey")
    }

    /// Asks for a sign-in challenge and answers it, without sending the answer.
    ///
    /// # Errors
    /// When the page refuses, or the passkey does not answer.
    pub async fn ceremony(
        &self,
        login: &str,
        passkey: &mut SoftwarePasskey,
    ) -> Result<(String, String), Problem> {
        let started = self
            .post("/sign-in/passkey/start", &[("login", login)])
            .await?
            .expect("asking for a passkey challenge")?;
        let started: Started = serde_json::from_slice(&started.body).map_err(|error| {
            Problem::Unexpected(format!("the passkey challenge does not read: {error}"))
        })?;
        let answer = passkey.get(&started.options.to_string(), &self.origin)?;
        Ok((started.ceremony, answer))
    }

    /// Invites a patient as staff do, with their passkey over the sentence of the page; gives the last page, which has the
    /// code where all went well.
    ///
    /// # Errors
    /// When the site cannot be reached, or the passkey does not answer. A refusal is an [`Answer`].
    pub async fn invite(
        &self,
        patient: &str,
        passkey: &mut SoftwarePasskey,
    ) -> Result<Answer, Problem> {
        let path = format!("/patients/{patient}/invite");
        let asked = self.post(&path, &[("checked", "yes")]).await?;
        let page = asked.text();
        let question = hidden_field(&page, "ceremony").zip(options_in(&page));
        let Some((ceremony, options)) = question else {
            return Ok(asked);
        };
        let answer = passkey.get(&options, &self.origin)?;
        let form = [("ceremony", ceremony.as_str()), ("answer", answer.as_str())];
        self.post(&path, &form).await
    }

    /// The origin it visits.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    fn is_signed_in(&self, what: &str) -> Result<(), Problem> {
        if self.held().is_empty() {
            return Err(Problem::Unexpected(format!("{what} gave no session")));
        }
        Ok(())
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.cookies.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % self.clients.len().max(1);
        let url = if path.starts_with("http") {
            path.to_owned()
        } else {
            format!("{}{path}", self.base)
        };
        let cookies = self.held();
        let cookies: Vec<String> = cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let request = self.clients[turn].request(method, url);
        if cookies.is_empty() {
            request
        } else {
            request.header(COOKIE, cookies.join("; "))
        }
    }

    async fn send(&self, request: RequestBuilder) -> Result<Answer, Problem> {
        let mut response = request.send().await?;
        self.keep_cookies(&response);
        let location = response
            .headers()
            .get(LOCATION)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        let status = response.status();
        let mut answer = Answer {
            status: status.as_u16(),
            location: location.filter(|_| status.is_redirection()),
            body: Vec::new(),
            first_byte_at: None,
            is_whole: status != StatusCode::PARTIAL_CONTENT,
        };
        loop {
            match response.chunk().await {
                Ok(Some(bytes)) if bytes.is_empty() => {}
                Ok(Some(bytes)) => {
                    answer.first_byte_at.get_or_insert_with(clock::now);
                    answer.body.extend_from_slice(&bytes);
                }
                Ok(None) => break,
                // What came before the end was seen all the same.
                Err(_) => {
                    answer.is_whole = false;
                    break;
                }
            }
        }
        Ok(answer)
    }

    fn keep_cookies(&self, response: &reqwest::Response) {
        let mut held = self.held();
        for line in response.headers().get_all(SET_COOKIE) {
            let Some((pair, attributes)) = line
                .to_str()
                .ok()
                .map(|text| text.split_once(';').unwrap_or((text, "")))
            else {
                continue;
            };
            let Some((name, value)) = pair.split_once('=') else {
                continue;
            };
            let ends = attributes.to_ascii_lowercase().contains("max-age=0");
            if value.is_empty() || ends {
                held.remove(name);
            } else {
                held.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

/// The parts of links on a page that follow `before`: ids of 32 hexadecimal digits, each once, in order.
pub fn ids_in(page: &str, before: &str) -> Vec<String> {
    let mut ids: Vec<String> = Vec::new();
    for rest in page.split(before).skip(1) {
        let id: String = rest.chars().take_while(char::is_ascii_hexdigit).collect();
        if id.len() == 32 && !ids.contains(&id) {
            ids.push(id);
        }
    }
    ids
}

/// The value of a hidden field of a form on a page; entities are undone.
pub fn hidden_field(page: &str, name: &str) -> Option<String> {
    let marker = format!("name=\"{name}\"");
    page.split("<input").skip(1).find_map(|rest| {
        let tag = rest.split('>').next()?;
        if !tag.contains(&marker) {
            return None;
        }
        attribute(tag, "value")
    })
}

/// The options for a passkey, which stand in a form on a page.
pub fn options_in(page: &str) -> Option<String> {
    page.split("<form")
        .skip(1)
        .find_map(|rest| attribute(rest.split('>').next()?, "data-options"))
}

/// The code on the page that a patient's invitation ends with.
pub fn invitation_code(page: &str) -> Option<&str> {
    let rest = page.split("id=\"invitation-code\">").nth(1)?;
    rest.split('<').next()
}

/// An attribute's value within a tag; entities are undone.
pub fn attribute(tag: &str, name: &str) -> Option<String> {
    let value = tag.split(&format!("{name}=\"")).nth(1)?;
    Some(plain(value.split('"').next()?))
}

/// Text of a page without its entities.
pub fn plain(text: &str) -> String {
    text.replace("&#34;", "\"")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&#x27;", "'")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&#60;", "<")
        .replace("&#62;", ">")
        .replace("&#38;", "&")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_found_once_each_and_only_where_they_follow() {
        let (one, two) = ("a".repeat(32), "0".repeat(32));
        let page = format!(
            "<a href=\"/documents/{one}\">x</a><a href=\"/documents/{one}/download\">y</a>\
             <a href=\"/patients/{two}\">z</a><a href=\"/documents/new\">n</a>"
        );
        assert_eq!(ids_in(&page, "/documents/"), [one]);
        assert_eq!(ids_in(&page, "/patients/"), [two]);
    }

    #[test]
    fn a_hidden_field_is_read_with_its_entities_undone() {
        let page = "<input type=\"hidden\" name=\"ceremony\" value=\"ab\">\
                    <input name=\"options\" value=\"{&quot;a&quot;:1}\">";
        assert_eq!(hidden_field(page, "ceremony").as_deref(), Some("ab"));
        assert_eq!(hidden_field(page, "options").as_deref(), Some("{\"a\":1}"));
        assert_eq!(hidden_field(page, "answer"), None);
    }
}
