//! The 8-byte surrogates by which the ledger names people and things, one type for each.
//!
//! They mean nothing outside the keeper: it makes them from keyed tokens and never shows them.

macro_rules! surrogate {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);
    )+};
}

surrogate! {
    /// One sign-in, from token to end.
    Session,
    /// Whoever acts: a person or a client.
    Principal,
    /// A program with its own credential.
    Client,
    /// The person a record is about.
    Patient,
    /// One sealed thing.
    Item,
    /// An organisation that provides care.
    Practice,
    /// One process of the portal, with its own credential.
    Instance,
    /// A network address range as the portal names it; the portal's word, so it may only ever cause a refusal.
    Network,
    /// An account name as typed at sign-in, whether it exists or not.
    Account,
    /// One value of the keeper's closed list of purposes.
    Purpose,
}
