//! Every SQL statement of the keeper, as constants; a test prepares each against the migrated schema.

pub mod calls;
pub mod facts;
pub mod ledger;
pub mod making;

/// Every statement.
pub fn all() -> impl Iterator<Item = &'static str> {
    [calls::ALL, facts::ALL, ledger::ALL, making::ALL]
        .into_iter()
        .flatten()
        .copied()
}

/// Gives a module's statements names and the list of them.
macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $text:expr;)+) => {
        $($(#[$doc])* pub const $name: &str = $text;)+
        /// Every statement of this module.
        pub const ALL: &[&str] = &[$($name),+];
    };
}
pub(crate) use statements;
