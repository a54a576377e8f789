//! What is asked of a PKCS#11 module, and in which order. Each call takes as long as the token likes.

use super::{Fault, TokenTable};
use crate::root::TokenRoot;
use candour_seal::{CryptoRng, ItemKey, RootKey, Zeroizing};
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, SessionState, UserType};
use cryptoki::slot::{Slot, TokenInfo};
use cryptoki::types::AuthPin;
use rustix::process::geteuid;
use std::fs;
use std::os::unix::fs::MetadataExt;

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        match error {
            Error::Pkcs11(
                RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange,
                _,
            ) => Self::WrongPin,
            Error::Pkcs11(RvError::PinLocked, _) => Self::Locked,
            Error::Pkcs11(error, function) => Self::Failed(format!("{function}: {error:?}")),
            error => Self::Failed(error.to_string()),
        }
    }
}

/// Loads a module: its code runs in this process, so nobody but its owner or the system's may be able to change it.
pub(super) fn load(table: &TokenTable) -> Result<Pkcs11, Fault> {
    let path = &table.module;
    let cannot = |why: String| Fault::Module(path.clone(), why);
    if !path.is_absolute() {
        return Err(cannot("its path does not begin at /".to_owned()));
    }
    let found = fs::metadata(path).map_err(|error| cannot(error.to_string()))?;
    if found.mode() & 0o022 != 0 || ![0, geteuid().as_raw()].contains(&found.uid()) {
        return Err(cannot("others could change it".to_owned()));
    }
    Pkcs11::new(path).map_err(|error| cannot(error.to_string()))
}

/// A module at work; others cannot begin with it meanwhile.
struct AtWork(Pkcs11);

impl AtWork {
    fn begin(module: &Pkcs11) -> Result<Self, Fault> {
        module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK))?;
        Ok(Self(module.clone()))
    }

    /// The token by its label, and by its serial number where that is known.
    fn find(&self, label: &str, serial: Option<&str>) -> Result<(Slot, TokenInfo), Fault> {
        let mut found = Vec::new();
        for slot in self.0.get_slots_with_token()? {
            // A slot of somebody else that fails must not hide ours.
            if let Ok(info) = self.0.get_token_info(slot)
                && info.token_initialized()
                && info.label() == label
            {
                found.push((slot, info));
            }
        }
        let has_label = !found.is_empty();
        found.retain(|(_, info)| serial.is_none_or(|serial| info.serial_number() == serial));
        match found.pop() {
            Some(found_one) if found.is_empty() => Ok(found_one),
            Some(_) => Err(Fault::Several(label.to_owned())),
            None if has_label => Err(Fault::OtherToken(label.to_owned())),
            None => Err(Fault::NoToken(label.to_owned())),
        }
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        // Whether it minds or not: the next begin says what is wrong.
        let _ = self.0.clone().finalize();
    }
}

/// Gives the PIN once.
fn log_in(session: &Session, info: &TokenInfo, pin: &str) -> Result<(), Fault> {
    may_be_tried(info.user_pin_locked(), info.user_pin_final_try())?;
    match session.login(UserType::User, Some(&AuthPin::new(pin.into()))) {
        Err(Error::Pkcs11(RvError::UserPinNotInitialized, _)) => Err(Fault::NoPin),
        other => Ok(other?),
    }
}

/// A token that would lock itself after one more wrong PIN is given none: the right one may have been mistyped too.
fn may_be_tried(is_locked: bool, is_final_try: bool) -> Result<(), Fault> {
    match (is_locked, is_final_try) {
        (true, _) => Err(Fault::Locked),
        (_, true) => Err(Fault::FinalTry),
        _ => Ok(()),
    }
}

/// A token that is logged in to, and its key.
pub(super) struct Opened {
    // In this order: a session ends before its module does.
    session: Session,
    at_work: AtWork,
    slot: Slot,
    key: ObjectHandle,
    serial: String,
    /// Its maker's name for what it is.
    pub model: String,
}

impl Opened {
    /// Logs in to the token that sealed a root key. `pin` is asked for only once the token is there.
    pub fn open(
        module: &Pkcs11,
        table: &TokenTable,
        sealed: &TokenRoot,
        pin: impl FnOnce() -> Result<Zeroizing<String>, Fault>,
    ) -> Result<Self, Fault> {
        let at_work = AtWork::begin(module)?;
        let (slot, info) = at_work.find(&table.label, Some(&sealed.serial))?;
        let pin = pin()?;
        let session = at_work.0.open_ro_session(slot)?;
        log_in(&session, &info, &pin)?;
        let named = [
            Attribute::Class(ObjectClass::SECRET_KEY),
            Attribute::Id(sealed.key.to_vec()),
        ];
        let keys = session.find_objects(&named)?;
        let [key] = keys[..] else {
            return Err(Fault::NoKey);
        };
        Self::of(session, at_work, (slot, &info), key)
    }

    fn of(
        session: Session,
        at_work: AtWork,
        (slot, info): (Slot, &TokenInfo),
        key: ObjectHandle,
    ) -> Result<Self, Fault> {
        let asked = [AttributeType::Sensitive, AttributeType::Extractable];
        let kept = session.get_attributes(key, &asked)?;
        if kept != [Attribute::Sensitive(true), Attribute::Extractable(false)] {
            return Err(Fault::Loose);
        }
        Ok(Self {
            session,
            at_work,
            slot,
            key,
            serial: info.serial_number().to_owned(),
            model: info.model().trim().to_owned(),
        })
    }

    /// One use of the key.
    fn answer(&self, question: &[u8]) -> Result<ItemKey, Fault> {
        let answer = self
            .session
            .sign(&Mechanism::Sha256Hmac, self.key, question)?;
        let answer = Zeroizing::new(answer);
        let answer = answer.as_slice().try_into();
        Ok(ItemKey::from_bytes(answer.map_err(|_| Fault::Unsuited)?))
    }

    /// The root key: one use of the token's key.
    pub fn root(&self, sealed: &TokenRoot) -> Result<RootKey, Fault> {
        let answer = self.answer(&sealed.question())?;
        sealed.open(&answer).ok_or(Fault::Foreign)
    }

    /// Whether it is still there, without using the key.
    pub fn look(&self) -> Result<(), Fault> {
        let info = self.at_work.0.get_token_info(self.slot)?;
        let state = self.session.get_session_info()?.session_state();
        self.session
            .get_attributes(self.key, &[AttributeType::Id])?;
        if info.serial_number() != self.serial {
            return Err(Fault::OtherToken(info.label().to_owned()));
        }
        match state {
            SessionState::RoUser | SessionState::RwUser => Ok(()),
            _ => Err(Fault::Failed("somebody logged out".to_owned())),
        }
    }
}

/// Opens a root key once.
///
/// # Errors
/// Why the token does not.
pub fn open(
    table: &TokenTable,
    sealed: &TokenRoot,
    pin: Zeroizing<String>,
) -> Result<RootKey, Fault> {
    Opened::open(&load(table)?, table, sealed, || Ok(pin))?.root(sealed)
}

/// Makes a key in the token that never leaves it, and seals a root key by it.
///
/// # Errors
/// Why the token does not.
pub fn seal(
    table: &TokenTable,
    pin: &str,
    root: &RootKey,
    rng: &mut dyn CryptoRng,
) -> Result<TokenRoot, Fault> {
    let at_work = AtWork::begin(&load(table)?)?;
    let (slot, info) = at_work.find(&table.label, table.serial.as_deref())?;
    let session = at_work.0.open_rw_session(slot)?;
    log_in(&session, &info, pin)?;
    let mut id = [0; 16];
    rng.fill_bytes(&mut id);
    let template = [
        Attribute::Token(true),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Modifiable(false),
        Attribute::Sign(true),
        Attribute::Verify(false),
        Attribute::Encrypt(false),
        Attribute::Decrypt(false),
        Attribute::Wrap(false),
        Attribute::Unwrap(false),
        Attribute::Derive(false),
        Attribute::ValueLen(32.into()),
        Attribute::Label(table.key.as_bytes().to_vec()),
        Attribute::Id(id.to_vec()),
    ];
    let key = session
        .generate_key(&Mechanism::GenericSecretKeyGen, &template)
        .map_err(|error| match error {
            Error::Pkcs11(RvError::MechanismInvalid, _) => Fault::Unsuited,
            error => error.into(),
        })?;
    let opened = Opened::of(session, at_work, (slot, &info), key)?;
    let place = (opened.serial.clone(), id);
    TokenRoot::seal(root, place, |question| opened.answer(question), rng)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_is_locked_or_about_to_be_is_given_no_pin() {
        assert_eq!(may_be_tried(true, false), Err(Fault::Locked));
        assert_eq!(may_be_tried(true, true), Err(Fault::Locked));
        assert_eq!(may_be_tried(false, true), Err(Fault::FinalTry));
        assert_eq!(may_be_tried(false, false), Ok(()));
    }
}
