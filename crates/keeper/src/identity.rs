//! Who somebody is: passkeys, passwords, codes, sessions, invitations.

pub mod ceremonies;
pub mod codes;
pub mod passkeys;
pub mod passwords;
