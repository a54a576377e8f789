//! Changes of one's own account: how one signs in, and where one is told of changes.

/// A new passkey of one's own.
#[derive(Clone, PartialEq, prost::Message)]
pub struct AddPasskey {
    /// Its name in the list.
    #[prost(string, tag = "1")]
    pub name: String,
}

/// A passkey of one's own is to go; its sessions end at once.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RemovePasskey {
    /// Which (16 bytes), as in [`crate::wire::PasskeyView`].
    #[prost(bytes = "vec", tag = "1")]
    pub passkey: Vec<u8>,
    /// Its name in the list. The keeper fills it in, whatever was sent: it stands in the sentence that is signed.
    #[prost(string, tag = "2")]
    pub name: String,
}

/// A new password.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SetPassword {
    /// As typed. It is neither signed nor set aside.
    #[prost(string, tag = "1")]
    pub password: String,
    /// Its argon2id hash in PHC form, filled in by the keeper, whatever was sent.
    #[prost(string, tag = "2")]
    pub hash: String,
}

/// A new authenticator app.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SetApp {
    /// Its secret (20 bytes), made by the keeper, whatever was sent.
    #[prost(bytes = "vec", tag = "1")]
    pub secret: Vec<u8>,
}

/// A new printed sheet. Its codes are made when the act is done, and stand in that reply alone.
#[derive(Clone, PartialEq, prost::Message)]
pub struct NewSheet {}

/// An act that waits is to be forgotten.
#[derive(Clone, PartialEq, prost::Message)]
pub struct StopWaiting {
    /// The pending change (16 bytes), as in [`crate::wire::WaitingAct`].
    #[prost(bytes = "vec", tag = "1")]
    pub pending: Vec<u8>,
    /// The sentence of that act, filled in by the keeper, whatever was sent.
    #[prost(string, tag = "2")]
    pub text: String,
}

/// An address where somebody is told of changes of their account.
#[derive(Clone, PartialEq, prost::Message)]
pub struct AddNotificationAddress {
    /// Of mail, at most 254 bytes; part of what is signed.
    #[prost(string, tag = "1")]
    pub address: String,
}

/// An address where they are told no more.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RemoveNotificationAddress {
    /// Which (16 bytes), as in [`crate::wire::NotificationAddressView`].
    #[prost(bytes = "vec", tag = "1")]
    pub id: Vec<u8>,
    /// The address itself. The keeper fills it in, whatever was sent: it stands in the sentence that is signed.
    #[prost(string, tag = "2")]
    pub address: String,
}

/// That mail arrives at an address.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ConfirmNotificationAddress {
    /// Which (16 bytes).
    #[prost(bytes = "vec", tag = "1")]
    pub id: Vec<u8>,
    /// The code that was sent there, as typed.
    #[prost(string, tag = "2")]
    pub code: String,
}
