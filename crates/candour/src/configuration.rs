//! The configuration of an installation: `candour.json` in its data directory, parsed once.

use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::Problem;

/// What an operator may set. Holds no secret: every part reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Configuration {
    /// True for a demonstration; the keeper's own database has the last word on it.
    pub demonstration: bool,
    /// The portal's address in a browser, without a path; passkeys are bound to it.
    pub origin: String,
    /// The incident room's address in a browser, without a path.
    pub room_origin: String,
    /// The status site's address in a browser, without a path; stands on notices beside their code.
    pub status_origin: String,
    /// Where the portal listens.
    pub portal: SocketAddr,
    /// Where the incident room listens.
    pub room: SocketAddr,
    /// Where the status site listens.
    pub status: SocketAddr,
    /// Where mail is handed over (SMTP).
    pub smtp_relay: SocketAddr,
    /// People are told by mail, through that relay, of changes to their account and of who reads their record.
    #[serde(default = "yes")]
    pub tells_people_by_mail: bool,
    /// Where the page of the captured mail listens; only in a demonstration.
    pub mailbox_page: Option<SocketAddr>,
    /// Proxies whose word on a visitor's address is taken.
    pub trusted_proxies: Vec<IpAddr>,
    /// Budgets other than the keeper's own; the keeper reads and checks them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budgets: Option<serde_json::Value>,
    /// Thresholds of detection other than the keeper's own; the keeper reads and checks them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detection: Option<serde_json::Value>,
    /// Ages other than the keeper's own, from which a person decides for themself; the keeper reads and checks them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ages: Option<serde_json::Value>,
    /// Ballast and alarms of the ledger's volume, other than the keeper's own; the keeper reads and checks them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ledger_volume: Option<serde_json::Value>,
    /// Who is asked to cosign the ledger's checkpoints; the keeper checks what they signed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub witnesses: Vec<Witness>,
    /// How many of them must have cosigned; the keeper reads and checks it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub witness_quorum: Option<u32>,
    /// Most entries that so many have not seen, before nothing opens; the keeper reads and checks it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most_unwitnessed_entries: Option<u64>,
    /// The token (PKCS#11) that opens the root key; the keeper reads and checks it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root_token: Option<RootToken>,
    /// The time zone in which pages and letters state times, by its name in the tz database.
    #[serde(default = "default_zone")]
    pub zone: String,
    /// After how many days the next epoch key is made, other than the keeper's own number; the keeper reads and checks it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch_key_days: Option<u16>,
    /// For how many days the operator keeps a backup; certificates of erasure say from when no copy of a key is left.
    #[serde(default = "default_backups_kept")]
    pub backups_kept_days: u16,
    /// Who runs the installation and speaks in its letters; a demonstration may leave it out.
    #[serde(default)]
    pub operator: Option<Operator>,
}

/// A witness: somebody else's program that sees the ledger grow (`docs/operate/witness.md`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Witness {
    /// What people call it.
    pub name: String,
    /// Its submission prefix: where it is asked.
    pub url: String,
    /// Its verifier key.
    pub key: String,
}

/// The token that opens the root key (`docs/operate/root-key.md`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RootToken {
    /// The file of its PKCS#11 module.
    pub module: PathBuf,
    /// Its label.
    pub label: String,
    /// Its serial number, where several have that label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    /// The label that a new key in it gets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Where its PIN lies; a person types it when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pin_file: Option<PathBuf>,
    /// What the module wants in the keeper's environment, which is empty otherwise.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
}

/// Who runs an installation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Operator {
    /// Its name, as people know it.
    pub name: String,
    /// The phone line that is open during an incident.
    pub phone: String,
    /// The mailbox that its letters come from.
    pub mailbox: String,
    /// Whom people may complain to.
    pub regulator: String,
    /// The mailboxes of whoever is on call, by day and night: each alarm of the keeper goes to all of them. Where none is
    /// named it goes to `mailbox`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub on_call: Vec<String>,
}

impl Operator {
    /// Where alarms go.
    pub fn on_call(&self) -> Vec<String> {
        if self.on_call.is_empty() {
            return vec![self.mailbox.clone()];
        }
        self.on_call.clone()
    }
}

const fn yes() -> bool {
    true
}

fn default_zone() -> String {
    "Pacific/Auckland".to_owned()
}

const fn default_backups_kept() -> u16 {
    35
}

/// The file's name in the data directory.
pub const FILE: &str = "candour.json";

/// How long between two looks at a port that is taken.
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

/// The port that a demonstration starts from unless told otherwise.
pub const DEFAULT_PORT: u16 = 8080;

impl Configuration {
    /// A demonstration on the loopback interface: five ports in a row from `port`.
    ///
    /// # Errors
    /// When five ports do not fit.
    pub fn demonstration(port: u16) -> Result<Self, Problem> {
        let at = |offset: u16| {
            let chosen = port.checked_add(offset).filter(|port| *port >= 1024);
            let chosen = chosen.ok_or_else(|| {
                Problem::Machine(format!(
                    "port {port} is not possible: the five ports from it must lie between 1024 and 65535. \
                     Name another one with --port."
                ))
            })?;
            Ok::<_, Problem>(SocketAddr::from((Ipv4Addr::LOCALHOST, chosen)))
        };
        let (portal, room, status) = (at(0)?, at(1)?, at(2)?);
        // By name: browsers give passkeys to "localhost", not to a bare address.
        let origin = |address: SocketAddr| format!("http://localhost:{}", address.port());
        Ok(Self {
            demonstration: true,
            origin: origin(portal),
            room_origin: origin(room),
            status_origin: origin(status),
            portal,
            room,
            status,
            mailbox_page: Some(at(3)?),
            smtp_relay: at(4)?,
            tells_people_by_mail: true,
            trusted_proxies: Vec::new(),
            // A made-up population is deposited within minutes.
            budgets: Some(serde_json::json!({ "client": { "deposited_hour_floor": 1_000_000 } })),
            detection: None,
            ages: None,
            ledger_volume: None,
            witnesses: Vec::new(),
            witness_quorum: None,
            most_unwitnessed_entries: None,
            root_token: None,
            epoch_key_days: None,
            zone: default_zone(),
            backups_kept_days: default_backups_kept(),
            operator: None,
        })
    }

    /// The same demonstration on other ports; everything else stays as its operator set it.
    ///
    /// # Errors
    /// When five ports do not fit.
    pub fn moved_to(self, port: u16) -> Result<Self, Problem> {
        let there = Self::demonstration(port)?;
        Ok(Self {
            origin: there.origin,
            room_origin: there.room_origin,
            status_origin: there.status_origin,
            portal: there.portal,
            room: there.room,
            status: there.status,
            mailbox_page: there.mailbox_page,
            smtp_relay: there.smtp_relay,
            ..self
        })
    }

    /// The time zone of pages and letters.
    ///
    /// # Errors
    /// When the system's tz database does not have it.
    pub fn zone(&self) -> Result<TimeZone, Problem> {
        TimeZone::get(&self.zone).map_err(|_| {
            Problem::Machine(format!(
                "the time zone {} is not known here. Install the package tzdata, or correct zone in {FILE}.",
                self.zone
            ))
        })
    }

    /// Who speaks in letters.
    ///
    /// # Errors
    /// When nobody is named and this is no demonstration.
    pub fn operator(&self) -> Result<Operator, Problem> {
        match &self.operator {
            Some(operator) => Ok(operator.clone()),
            None if self.demonstration => Ok(Operator {
                name: "Candour demonstration".to_owned(),
                // In the range that New Zealand keeps for fiction.
                phone: "0800 555 0100".to_owned(),
                mailbox: "notices@candour.example".to_owned(),
                regulator: "the Privacy Commissioner".to_owned(),
                on_call: Vec::new(),
            }),
            None => Err(Problem::Machine(format!(
                "{FILE} names no operator: letters would come from nobody. Add name, phone, mailbox and regulator."
            ))),
        }
    }

    /// Reads the configuration of a data directory.
    ///
    /// # Errors
    /// When it is missing or not valid.
    pub fn read(folder: &Path) -> Result<Self, Problem> {
        let file = folder.join(FILE);
        let text = fs::read_to_string(&file).map_err(Problem::file("could not read", &file))?;
        serde_json::from_str(&text).map_err(|source| Problem::Configuration { file, source })
    }

    /// Writes it into a data directory.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, folder: &Path) -> Result<(), Problem> {
        let file = folder.join(FILE);
        let text = serde_json::to_string_pretty(self).map_err(|source| Problem::Configuration {
            file: file.clone(),
            source,
        })?;
        let fresh = file.with_extension("new");
        fs::write(&fresh, text + "\n").map_err(Problem::file("could not write", &fresh))?;
        fs::rename(&fresh, &file).map_err(Problem::file("could not write", &file))
    }

    /// Everything that wants a port, with what a reader calls it.
    pub fn listeners(&self) -> Vec<(&'static str, SocketAddr)> {
        let mut listeners = vec![
            ("the portal", self.portal),
            ("the incident room", self.room),
            ("the status site", self.status),
        ];
        if let Some(page) = self.mailbox_page {
            listeners.push(("the mailbox page", page));
            listeners.push(("the capturing mail server", self.smtp_relay));
        }
        listeners
    }

    /// As [`Self::ports_are_free`], for a directory that was in use: when its supervisor was killed, the parts end in
    /// order and may hold their ports that long.
    ///
    /// # Errors
    /// [`Problem::PortTaken`] when `patience` is over.
    pub fn ports_come_free(&self, patience: Duration) -> Result<(), Problem> {
        let begun = Instant::now();
        loop {
            match self.ports_are_free() {
                Err(Problem::PortTaken { .. }) if begun.elapsed() < patience => {
                    std::thread::sleep(BETWEEN_LOOKS);
                }
                looked => return looked,
            }
        }
    }

    /// Refuses when another program listens at one of our addresses.
    ///
    /// # Errors
    /// [`Problem::PortTaken`].
    pub fn ports_are_free(&self) -> Result<(), Problem> {
        for (what, address) in self.listeners() {
            match TcpListener::bind(address) {
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
                    return Err(Problem::PortTaken { what, address });
                }
                Err(error) => {
                    return Err(Problem::Machine(format!(
                        "{what} cannot listen at {address}: {error}"
                    )));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_configuration_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let written = Configuration::demonstration(9000).unwrap();
        written.write(folder.path()).unwrap();
        assert_eq!(Configuration::read(folder.path()).unwrap(), written);
    }

    #[test]
    fn a_misspelt_setting_is_refused_with_its_name() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FILE), r#"{"demonstation": true}"#).unwrap();
        let error = Configuration::read(folder.path()).unwrap_err();
        assert!(
            crate::problem::sentence(&error).contains("demonstation"),
            "{error:?}"
        );
        assert!(error.to_string().contains("Correct it"), "{error}");
    }

    #[test]
    fn a_real_installation_without_an_operator_sends_no_letters() {
        let mut configuration = Configuration::demonstration(9000).unwrap();
        assert!(configuration.operator().is_ok());
        configuration.demonstration = false;
        let text = configuration.operator().unwrap_err().to_string();
        assert!(text.contains("names no operator"), "{text}");
    }

    #[test]
    fn a_taken_port_is_named_with_the_next_step() {
        let held = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut configuration = Configuration::demonstration(9000).unwrap();
        configuration.portal = held.local_addr().unwrap();
        let text = configuration.ports_are_free().unwrap_err().to_string();
        assert!(
            text.contains("is taken") && text.contains("--port"),
            "{text}"
        );
    }

    #[test]
    fn a_port_that_an_ending_part_holds_is_waited_for() {
        let held = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut configuration = Configuration::demonstration(9000).unwrap();
        for address in [
            &mut configuration.portal,
            &mut configuration.room,
            &mut configuration.status,
            &mut configuration.smtp_relay,
        ] {
            *address = held.local_addr().unwrap();
        }
        configuration.mailbox_page = None;
        assert!(configuration.ports_come_free(Duration::ZERO).is_err());
        let ending = std::thread::spawn(move || drop(held));
        configuration
            .ports_come_free(Duration::from_secs(30))
            .unwrap();
        ending.join().unwrap();
    }

    #[test]
    fn other_ports_change_nothing_but_the_ports() {
        let before = Configuration {
            zone: "Pacific/Chatham".to_owned(),
            ..Configuration::demonstration(9000).unwrap()
        };
        let after = before.clone().moved_to(9100).unwrap();
        assert_eq!(after.origin, "http://localhost:9100");
        assert_eq!(after.zone, "Pacific/Chatham");
        assert_eq!(after.moved_to(9000).unwrap(), before);
    }

    #[test]
    fn five_ports_must_fit() {
        assert!(Configuration::demonstration(65_533).is_err());
        assert!(Configuration::demonstration(80).is_err());
    }
}
