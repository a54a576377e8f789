//! The way to one witness: HTTP/1.1 over TCP, with TLS where its address says so; the connection is kept.

use std::sync::Arc;
use std::time::Duration;

use http::header::{CONTENT_TYPE, HOST};
use http::uri::Scheme;
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::rt::{Read, Write};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_util::task::TaskTracker;

/// Largest answer: signature lines.
const LARGEST_ANSWER: usize = 64 * 1024;
/// How long one question may take, with connecting.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why a witness was not reached, or gave no answer: a sentence for the log.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unreached(String);

fn because<E: std::error::Error>(doing: &'static str) -> impl Fn(E) -> Unreached {
    move |error| Unreached(format!("{doing}: {}", crate::problem::sentence(&error)))
}

/// What a witness answered.
pub struct Answered {
    /// The status.
    pub status: StatusCode,
    /// It says which size the witness has.
    pub is_size: bool,
    /// The body.
    pub body: String,
}

/// A witness's address and the connection to it, if there is one.
pub struct Way {
    to: Uri,
    host: String,
    port: u16,
    tls: Option<TlsConnector>,
    kept: Option<SendRequest<Full<Bytes>>>,
    connections: TaskTracker,
}

impl Way {
    /// The way to the witness at this submission prefix.
    ///
    /// # Errors
    /// When it is no `http` or `https` address, or the system has no certificates to check with.
    pub fn to(prefix: &str, connections: TaskTracker) -> Result<Self, Unreached> {
        let address = format!("{}/add-checkpoint", prefix.trim_end_matches('/'));
        let to: Uri = address.parse().map_err(because("its address is none"))?;
        let is_tls = match to.scheme() {
            Some(scheme) if *scheme == Scheme::HTTP => false,
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            _ => {
                let text = format!("{prefix} does not begin with https:// or http://");
                return Err(Unreached(text));
            }
        };
        Ok(Self {
            host: to.host().unwrap_or_default().to_owned(),
            port: to.port_u16().unwrap_or(if is_tls { 443 } else { 80 }),
            tls: is_tls.then(tls).transpose()?,
            to,
            kept: None,
            connections,
        })
    }

    /// Posts this body.
    ///
    /// # Errors
    /// [`Unreached`], also when it takes too long; the connection is dropped then.
    pub async fn post(&mut self, body: String) -> Result<Answered, Unreached> {
        let asked = tokio::time::timeout(PATIENCE, self.ask(body)).await;
        let asked =
            asked.unwrap_or_else(|_| Err(Unreached("it did not answer in time".to_owned())));
        if asked.is_err() {
            self.kept = None;
        }
        asked
    }

    async fn ask(&mut self, body: String) -> Result<Answered, Unreached> {
        let mut kept = self.kept.take();
        if let Some(sender) = &mut kept
            && sender.ready().await.is_err()
        {
            kept = None;
        }
        let mut sender = match kept {
            Some(kept) => kept,
            None => self.connect().await?,
        };
        let authority = self
            .to
            .authority()
            .map_or("", |authority| authority.as_str());
        let path = self.to.path_and_query().map_or("/", |path| path.as_str());
        let request = Request::post(path)
            .header(HOST, authority)
            .header(CONTENT_TYPE, "text/plain; charset=utf-8")
            .body(Full::from(body))
            .map_err(because("it cannot be asked"))?;
        let answer = sender.send_request(request).await;
        let (head, body) = answer.map_err(because("it did not answer"))?.into_parts();
        let body = Limited::new(body, LARGEST_ANSWER).collect().await;
        let body = body.map_err(|error| Unreached(format!("its answer broke off: {error}")))?;
        let kind = head.headers.get(CONTENT_TYPE);
        self.kept = Some(sender);
        Ok(Answered {
            status: head.status,
            is_size: kind.is_some_and(|kind| kind == "text/x.tlog.size"),
            body: String::from_utf8_lossy(&body.to_bytes()).into_owned(),
        })
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, Unreached> {
        let host = self.host.trim_matches(['[', ']']);
        let stream = TcpStream::connect((host, self.port)).await;
        let stream = stream.map_err(because("it cannot be reached"))?;
        let _ = stream.set_nodelay(true);
        let Some(tls) = &self.tls else {
            return self.shake_hands(TokioIo::new(stream)).await;
        };
        let name = ServerName::try_from(host.to_owned()).map_err(because("its name is none"))?;
        let stream = tls.connect(name, stream).await;
        let stream = stream.map_err(because("no protected connection to it"))?;
        self.shake_hands(TokioIo::new(stream)).await
    }

    async fn shake_hands<T>(&self, stream: T) -> Result<SendRequest<Full<Bytes>>, Unreached>
    where
        T: Read + Write + Unpin + Send + 'static,
    {
        let (sender, connection) = handshake(stream).await.map_err(because("no connection"))?;
        // Ends with its sender.
        self.connections.spawn(connection);
        Ok(sender)
    }
}

/// Checks the witness's certificate with what the system trusts; the cosignature itself needs no such trust.
fn tls() -> Result<TlsConnector, Unreached> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(BuilderVerifierExt::with_platform_verifier)
        .map_err(because("the system's certificates cannot be used"))?;
    Ok(TlsConnector::from(Arc::new(config.with_no_client_auth())))
}
