//! Facts about how somebody signs in.

/// An account.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Account {
    /// Keyed hash of the login name (16 bytes).
    #[prost(bytes = "vec", tag = "1")]
    pub login: Vec<u8>,
}

/// A passkey.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Passkey {
    /// The credential with its public key, as JSON of webauthn-rs.
    #[prost(string, tag = "1")]
    pub credential_json: String,
    /// Its name in the list, sealed.
    #[prost(bytes = "vec", tag = "2")]
    pub sealed_name: Vec<u8>,
    /// When it was added.
    #[prost(int64, tag = "3")]
    pub added_at: i64,
    /// Who added it: the person's token.
    #[prost(bytes = "vec", tag = "4")]
    pub added_by: Vec<u8>,
    /// A [`candour_keeper_wire::words::Origin`]; 0 is that of the account.
    #[prost(int32, tag = "5")]
    pub origin: i32,
    /// It is new until then: it opens nothing and answers no act; 0 for one that was never new.
    #[prost(int64, tag = "6")]
    pub opens_from: i64,
    /// A recovery at the counter of this practice (16 bytes) made it; else empty. It never lets anybody act as staff.
    #[prost(bytes = "vec", tag = "7")]
    pub recovered_at: Vec<u8>,
}

/// A password.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Password {
    /// argon2id in PHC form.
    #[prost(string, tag = "1")]
    pub phc: String,
    /// As of a passkey.
    #[prost(int64, tag = "2")]
    pub opens_from: i64,
    /// A recovery at the counter of this practice (16 bytes) made it; else empty. It never lets anybody act as staff.
    #[prost(bytes = "vec", tag = "3")]
    pub recovered_at: Vec<u8>,
}

/// An authenticator app.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Totp {
    /// The secret, sealed under a root-derived key.
    #[prost(bytes = "vec", tag = "1")]
    pub sealed_secret: Vec<u8>,
    /// As of a passkey.
    #[prost(int64, tag = "2")]
    pub opens_from: i64,
    /// A recovery at the counter of this practice (16 bytes) made it; else empty. It never lets anybody act as staff.
    #[prost(bytes = "vec", tag = "3")]
    pub recovered_at: Vec<u8>,
}

/// A printed sheet of one-use codes.
#[derive(Clone, PartialEq, prost::Message)]
pub struct CodeSheet {
    /// Hashes of the codes (32 bytes each), in the sheet's order: argon2id over their keyed hashes, or, without a salt, these.
    #[prost(bytes = "vec", repeated, tag = "1")]
    pub hashes: Vec<Vec<u8>>,
    /// As of a passkey.
    #[prost(int64, tag = "2")]
    pub opens_from: i64,
    /// A recovery at the counter of this practice (16 bytes) made it; else empty. It never lets anybody act as staff.
    #[prost(bytes = "vec", tag = "3")]
    pub recovered_at: Vec<u8>,
    /// Their salt (16 bytes), the same for each sheet of an account; empty for codes of 75 bits, and for a sheet that was made
    /// before there was one.
    #[prost(bytes = "vec", tag = "4")]
    pub salt: Vec<u8>,
}

/// An address where somebody is told of changes of their account.
#[derive(Clone, PartialEq, prost::Message)]
pub struct NotificationAddress {
    /// Names it (16 bytes).
    #[prost(bytes = "vec", tag = "1")]
    pub id: Vec<u8>,
    /// The address, sealed.
    #[prost(bytes = "vec", tag = "2")]
    pub sealed_address: Vec<u8>,
    /// A code that was sent there came back.
    #[prost(bool, tag = "3")]
    pub is_confirmed: bool,
    /// That code, sealed; empty for one that is confirmed.
    #[prost(bytes = "vec", tag = "4")]
    pub sealed_code: Vec<u8>,
}

/// A code was used.
#[derive(Clone, PartialEq, prost::Message)]
pub struct CodeUsed {
    /// The version of the `CodeSheet` or `Totp` fact.
    #[prost(int64, tag = "1")]
    pub of_version: i64,
    /// Position on the sheet, or the authenticator's time step.
    #[prost(int64, tag = "2")]
    pub position: i64,
}
