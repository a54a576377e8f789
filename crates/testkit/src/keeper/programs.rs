//! Programs of practices.

use super::{TestKeeper, credential, instance};
use candour_keeper::draft::Effect;
use candour_keeper::facts::{Client, Fact};
use candour_keeper::instances::InstanceKind;
use candour_keeper::session::{NewSession, Principal, SignedBy};
use candour_keeper_api::Token;
use candour_keeper_api::words::Role;
use candour_seal::{ClientId, Digest, PracticeId};

impl TestKeeper {
    /// The practice's program, signed in through an instance of this kind.
    ///
    /// # Panics
    /// When it cannot be arranged.
    #[expect(clippy::expect_used, reason = "for tests only")]
    pub async fn program(&self, practice: PracticeId, through: InstanceKind) -> Token {
        let client = self.client_with(practice, vec![0; 32]).await;
        self.begin(NewSession {
            principal: Principal::Client(client),
            role: Role::PracticeClient,
            practice: Some(practice),
            instance: instance(through),
            by_passkey: false,
            own_patient: None,
            signed_by: SignedBy::default(),
        })
        .expect("a session")
    }

    /// Another program of the practice, with the secret it signs in with.
    pub async fn program_credential(&self, practice: PracticeId) -> (ClientId, [u8; 32]) {
        let secret = credential("a practice's program");
        let hash = Digest::of(&[b"candour/v1/client".as_slice(), &secret].concat());
        let client = self.client_with(practice, hash.as_bytes().to_vec()).await;
        (client, secret)
    }

    async fn client_with(&self, practice: PracticeId, secret_hash: Vec<u8>) -> ClientId {
        let client = ClientId::from_bytes(self.next_id("client"));
        let fact = Fact::Client(Client {
            practice: practice.as_bytes().to_vec(),
            secret_hash,
            name: "practice system".to_owned(),
        });
        let subject = self.core.keys.client(client);
        self.arrange(vec![Effect::fact(subject, fact)]).await;
        client
    }
}
