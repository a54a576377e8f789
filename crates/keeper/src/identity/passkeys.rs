//! Passkeys: what a browser is asked, and whether its answer holds.
//!
//! `webauthn-rs-core` checks type, challenge, origin, relying party, user verification, signature and
//! counter. The safe wrapper above it cannot be used: it makes its own random challenge, and an act needs
//! one that is the hash of the act.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use candour_seal::{MacKey, PersonId, hmac};
use std::time::Duration;
use url::Url;
use webauthn_rs_core::WebauthnCore;
use webauthn_rs_core::proto::{
    AllowCredentials, AuthenticationState, Credential, PublicKeyCredential,
    RegisterPublicKeyCredential, RegistrationState, UserVerificationPolicy,
};

/// Why an answer to a passkey ceremony is refused.
#[derive(Debug, thiserror::Error)]
pub enum PasskeyError {
    /// The answer is not the JSON of a `PublicKeyCredential`.
    #[error("the passkey's answer does not parse")]
    Malformed,
    /// The answer does not fit the challenge, the site, the person or the credential.
    #[error("the passkey's answer does not fit")]
    Refused(#[source] Option<webauthn_rs_core::error::WebauthnError>),
    /// The ceremony could not be put together.
    #[error("the passkey ceremony could not be made")]
    Setup,
}

/// How long an authenticator may take: as long as the ceremony lives.
pub const CEREMONY_LASTS: Duration = Duration::from_mins(5);

/// The relying party of one installation.
pub struct Passkeys {
    core: WebauthnCore,
}

/// What was asked in a sign-in, step-up or act.
#[derive(Clone)]
pub struct Asked {
    /// Options for `navigator.credentials.get`, as JSON with its `publicKey` wrapper.
    pub options_json: String,
    /// What the answer is checked against.
    pub state: AuthenticationState,
}

/// What was asked of a new passkey.
#[derive(Clone)]
pub struct AskedNew {
    /// Options for `navigator.credentials.create`, as JSON with its `publicKey` wrapper.
    pub options_json: String,
    /// What the answer is checked against.
    pub state: RegistrationState,
}

/// Whose passkeys may answer.
pub enum Offered {
    /// Any discoverable passkey of this site; it names its person itself.
    Discoverable,
    /// One of these credentials.
    Credentials(Vec<Credential>),
    /// Nobody's: this made-up credential id is shown, and no answer will fit.
    Nobody(Vec<u8>),
}

impl Passkeys {
    /// The relying party `id` (a host name), whose pages come from these origins and no others.
    pub fn new(id: &str, origins: Vec<Url>) -> Self {
        Self {
            core: WebauthnCore::new_unsafe_experts_only(
                "Candour",
                id,
                origins,
                CEREMONY_LASTS,
                Some(false),
                Some(false),
            ),
        }
    }

    /// Asks for a new passkey for a person; authenticators that hold one of `existing` are to decline.
    pub fn ask_new(
        &self,
        person: PersonId,
        login: &str,
        existing: Vec<Vec<u8>>,
    ) -> Result<AskedNew, PasskeyError> {
        let builder = self
            .core
            .new_challenge_register_builder(person.as_bytes(), login, login)
            .map_err(|_| PasskeyError::Setup)?
            .user_verification_policy(UserVerificationPolicy::Required)
            .require_resident_key(true)
            .exclude_credentials(Some(existing));
        let (options, state) = self
            .core
            .generate_challenge_register(builder)
            .map_err(|_| PasskeyError::Setup)?;
        Ok(AskedNew {
            options_json: serde_json::to_string(&options).map_err(|_| PasskeyError::Setup)?,
            state,
        })
    }

    /// The new credential, when the answer fits what was asked.
    pub fn accept_new(
        &self,
        answer_json: &str,
        state: &RegistrationState,
    ) -> Result<Credential, PasskeyError> {
        let answer: RegisterPublicKeyCredential =
            serde_json::from_str(answer_json).map_err(|_| PasskeyError::Malformed)?;
        self.core
            .register_credential(&answer, state, None)
            .map_err(|error| PasskeyError::Refused(Some(error)))
    }

    /// Asks for a signature; with `challenge` it is over exactly those bytes, else over random ones.
    pub fn ask(
        &self,
        offered: Offered,
        challenge: Option<[u8; 32]>,
    ) -> Result<Asked, PasskeyError> {
        let (credentials, made_up) = match offered {
            Offered::Discoverable => (Vec::new(), None),
            Offered::Credentials(credentials) => (credentials, None),
            Offered::Nobody(id) => (Vec::new(), Some(id)),
        };
        let builder = self
            .core
            .new_challenge_authenticate_builder(credentials, Some(UserVerificationPolicy::Required))
            .map_err(|_| PasskeyError::Setup)?;
        let (mut options, mut state) = self
            .core
            .generate_challenge_authenticate(builder)
            .map_err(|_| PasskeyError::Setup)?;
        // How an authenticator is reached says which one it is; browsers find it without.
        for listed in &mut options.public_key.allow_credentials {
            listed.transports = None;
        }
        if let Some(id) = made_up {
            options.public_key.allow_credentials.push(AllowCredentials {
                type_: "public-key".to_owned(),
                id,
                transports: None,
            });
        }
        if let Some(challenge) = challenge {
            options.public_key.challenge = challenge.to_vec();
            state = with_challenge(&state, &challenge)?;
        }
        Ok(Asked {
            options_json: serde_json::to_string(&options).map_err(|_| PasskeyError::Setup)?,
            state,
        })
    }

    /// Checks an answer against one credential. The new signature counter; 0 where the authenticator does not count.
    pub fn accept(
        &self,
        answer: &Answer,
        state: &AuthenticationState,
        credential: &Credential,
    ) -> Result<u32, PasskeyError> {
        let result = self
            .core
            .authenticate_single_credential(&answer.0, state, credential)
            .map_err(|error| PasskeyError::Refused(Some(error)))?;
        if !result.user_verified() {
            return Err(PasskeyError::Refused(None));
        }
        Ok(result.counter())
    }
}

/// A parsed answer whose signature is not checked yet.
pub struct Answer(PublicKeyCredential);

impl Answer {
    /// Parses the JSON of a `PublicKeyCredential`.
    pub fn parse(answer_json: &str) -> Result<Self, PasskeyError> {
        serde_json::from_str(answer_json)
            .map(Self)
            .map_err(|_| PasskeyError::Malformed)
    }

    /// The credential that claims to have answered.
    pub fn credential_id(&self) -> &[u8] {
        self.0.get_credential_id()
    }

    /// The person the authenticator names, if it names one.
    pub fn person(&self) -> Option<PersonId> {
        PersonId::try_from(self.0.get_user_unique_id()?).ok()
    }
}

/// The credential id shown for a login that nobody has: always the same one, and like a real one.
pub fn made_up_credential(key: &MacKey, login: &str) -> Vec<u8> {
    let mut input = b"candour/v1/nobody".to_vec();
    input.extend_from_slice(login.as_bytes());
    hmac(key, &input).to_vec()
}

fn with_challenge(
    state: &AuthenticationState,
    challenge: &[u8; 32],
) -> Result<AuthenticationState, PasskeyError> {
    let mut fields = serde_json::to_value(state).map_err(|_| PasskeyError::Setup)?;
    let held = fields.get_mut("challenge").ok_or(PasskeyError::Setup)?;
    *held = URL_SAFE_NO_PAD.encode(challenge).into();
    serde_json::from_value(fields).map_err(|_| PasskeyError::Setup)
}

#[cfg(test)]
mod tests {
    use super::*;
    use candour_testkit::passkey::SoftwarePasskey;

    const ORIGIN: &str = "http://localhost:8443";

    fn site() -> Passkeys {
        Passkeys::new("localhost", vec![ORIGIN.parse().unwrap()])
    }

    fn registered(site: &Passkeys, device: SoftwarePasskey) -> (SoftwarePasskey, Credential) {
        let mut device = device;
        let asked = site
            .ask_new(PersonId::from_bytes([7; 16]), "aroha", Vec::new())
            .unwrap();
        let answer = device.create(&asked.options_json, ORIGIN).unwrap();
        let credential = site.accept_new(&answer, &asked.state).unwrap();
        (device, credential)
    }

    fn answered(
        site: &Passkeys,
        device: &mut SoftwarePasskey,
        credential: &Credential,
        challenge: Option<[u8; 32]>,
    ) -> (Answer, AuthenticationState) {
        let asked = site
            .ask(Offered::Credentials(vec![credential.clone()]), challenge)
            .unwrap();
        let answer = device.get(&asked.options_json, ORIGIN).unwrap();
        (Answer::parse(&answer).unwrap(), asked.state)
    }

    #[test]
    fn a_new_passkey_signs_in_and_names_its_person() {
        let site = site();
        let (mut device, credential) = registered(&site, SoftwarePasskey::new().unwrap());
        let asked = site.ask(Offered::Discoverable, None).unwrap();
        let answer = device.get(&asked.options_json, ORIGIN).unwrap();
        let answer = Answer::parse(&answer).unwrap();
        assert_eq!(answer.person(), Some(PersonId::from_bytes([7; 16])));
        assert_eq!(answer.credential_id(), credential.cred_id.as_slice());
        site.accept(&answer, &asked.state, &credential).unwrap();
    }

    #[test]
    fn the_challenge_is_exactly_the_one_given() {
        let site = site();
        let (mut device, credential) = registered(&site, SoftwarePasskey::new().unwrap());
        let (answer, state) = answered(&site, &mut device, &credential, Some([5; 32]));
        site.accept(&answer, &state, &credential).unwrap();
        let other = with_challenge(&state, &[6; 32]).unwrap();
        assert!(site.accept(&answer, &other, &credential).is_err());
    }

    #[test]
    fn an_answer_from_another_origin_is_refused() {
        let site = site();
        let (mut device, credential) = registered(&site, SoftwarePasskey::new().unwrap());
        let asked = site
            .ask(Offered::Credentials(vec![credential.clone()]), None)
            .unwrap();
        for origin in ["http://localhost:9000", "https://localhost:8443"] {
            let answer = device.get(&asked.options_json, origin).unwrap();
            let answer = Answer::parse(&answer).unwrap();
            assert!(
                site.accept(&answer, &asked.state, &credential).is_err(),
                "{origin}"
            );
        }
    }

    #[test]
    fn a_key_that_does_not_ask_who_holds_it_makes_no_passkey_and_answers_for_none() {
        let site = site();
        let mut touched = SoftwarePasskey::new().unwrap().without_verification();
        let asked = site
            .ask_new(PersonId::from_bytes([7; 16]), "aroha", Vec::new())
            .unwrap();
        let answer = touched.create(&asked.options_json, ORIGIN).unwrap();
        assert!(site.accept_new(&answer, &asked.state).is_err());
        let (device, credential) = registered(&site, SoftwarePasskey::new().unwrap());
        let mut device = device.without_verification();
        let (answer, state) = answered(&site, &mut device, &credential, None);
        assert!(site.accept(&answer, &state, &credential).is_err());
    }

    #[test]
    fn a_challenge_is_32_random_bytes_and_never_the_same() {
        let site = site();
        let challenge = || {
            let asked = site.ask(Offered::Discoverable, None).unwrap();
            let options: serde_json::Value = serde_json::from_str(&asked.options_json).unwrap();
            let text = options["publicKey"]["challenge"].as_str().unwrap();
            URL_SAFE_NO_PAD.decode(text).unwrap()
        };
        let (one, other) = (challenge(), challenge());
        assert_eq!((one.len(), other.len()), (32, 32));
        assert_ne!(one, other);
    }

    #[test]
    fn a_counter_that_goes_back_is_refused() {
        let site = site();
        let (mut device, mut credential) =
            registered(&site, SoftwarePasskey::new().unwrap().counting());
        let (answer, state) = answered(&site, &mut device, &credential, None);
        credential.counter = site.accept(&answer, &state, &credential).unwrap();
        assert_eq!(credential.counter, 1);
        device.rewind();
        let (answer, state) = answered(&site, &mut device, &credential, None);
        assert!(site.accept(&answer, &state, &credential).is_err());
    }

    #[test]
    fn another_passkey_does_not_answer_for_this_one() {
        let site = site();
        let (_, credential) = registered(&site, SoftwarePasskey::new().unwrap());
        let (mut stranger, _) = registered(&site, SoftwarePasskey::new().unwrap());
        let asked = site.ask(Offered::Discoverable, None).unwrap();
        let answer = stranger.get(&asked.options_json, ORIGIN).unwrap();
        let answer = Answer::parse(&answer).unwrap();
        assert!(site.accept(&answer, &asked.state, &credential).is_err());
    }

    #[test]
    fn a_login_that_nobody_has_is_asked_like_any_other() {
        let site = site();
        let key = MacKey::from_bytes(&[1; 32]);
        let (_, credential) = registered(&site, SoftwarePasskey::new().unwrap());
        let real = site
            .ask(Offered::Credentials(vec![credential]), None)
            .unwrap();
        let nobody = site
            .ask(Offered::Nobody(made_up_credential(&key, "nobody")), None)
            .unwrap();
        let shape = |json: &str| {
            let mut options: serde_json::Value = serde_json::from_str(json).unwrap();
            options["publicKey"]["challenge"] = "".into();
            let id = options["publicKey"]["allowCredentials"][0]["id"].take();
            (options, id.as_str().unwrap().len())
        };
        assert_eq!(shape(&real.options_json), shape(&nobody.options_json));
        assert_eq!(
            made_up_credential(&key, "nobody"),
            made_up_credential(&key, "nobody")
        );
    }
}
