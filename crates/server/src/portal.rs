//! What every handler works with. The portal holds no session state: only settings and what the keeper said of itself.

use crate::frame::{Frame, Standing};
use crate::pages::ToRing;
use crate::pages::demonstration::DemonstrationAccounts;
use crate::session::Visit;
use candour_app::{App, installation};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

/// How long the keeper's word about the installation is shown before it is asked again.
const STANDING_FRESH: Duration = Duration::from_secs(10);

/// What of the configuration the pages need.
#[derive(Clone)]
pub struct PortalSettings {
    /// The portal's address in a browser, without a path: `https://portal.example`.
    pub origin: String,
    /// The time zone in which times are shown.
    pub zone: TimeZone,
    /// Proxies in front of the portal whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// Who runs the portal, with the number that is open during an incident.
    pub operator: Option<ToRing>,
    /// The accounts of a demonstration; a real installation has none.
    pub demonstration: Option<DemonstrationAccounts>,
    /// For how long a backup is kept, and a day: so long after an erasure no copy of a key is left.
    pub backups_kept: SignedDuration,
    /// People are told by mail of changes to their account and of who reads their record.
    pub tells_by_mail: bool,
    /// The file that says when the installation was last drilled and its backup tried.
    pub tested: PathBuf,
    /// The clock.
    pub clock: fn() -> Timestamp,
}

struct Inner {
    app: App,
    settings: PortalSettings,
    standing: RwLock<Option<(Instant, Standing)>>,
}

/// The state of the router; cheap to clone.
#[derive(Clone)]
pub struct Portal(Arc<Inner>);

impl Portal {
    /// A portal that serves these use cases.
    pub fn new(app: App, settings: PortalSettings) -> Self {
        Self(Arc::new(Inner {
            app,
            settings,
            standing: RwLock::default(),
        }))
    }

    /// The use cases.
    pub fn app(&self) -> &App {
        &self.0.app
    }

    /// The settings.
    pub fn settings(&self) -> &PortalSettings {
        &self.0.settings
    }

    /// The time now; read once for each request.
    pub fn now(&self) -> Timestamp {
        (self.0.settings.clock)()
    }

    /// What every page's footer says of the installation: the keeper's word, at most ten seconds old, or its last one.
    pub async fn standing(&self) -> Standing {
        let held = *self
            .0
            .standing
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some((asked, standing)) = held
            && asked.elapsed() < STANDING_FRESH
        {
            return standing;
        }
        match installation::status(self.app()).await {
            Ok(status) => {
                let standing = Standing {
                    demonstration: status.demonstration,
                    is_shared: status.shares_user || status.shares_cluster,
                };
                *self
                    .0
                    .standing
                    .write()
                    .unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), standing));
                standing
            }
            Err(_) => held.map(|(_, standing)| standing).unwrap_or_default(),
        }
    }

    /// The frame of a page for whoever visits.
    pub async fn frame(&self, visit: Option<Visit>, title: &'static str) -> Frame {
        let frame = Frame::public(self.standing().await, title);
        match visit {
            None => frame,
            Some(Visit::Patient) => frame.for_patient(),
            Some(Visit::Staff(_)) => frame.for_staff(),
        }
    }
}
