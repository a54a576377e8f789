//! What a freeze stops and what goes on, in the words of the command line and of the room.

use crate::words::Level;

/// Where emergency access goes on.
macro_rules! with_emergency {
    ($goes_on:literal) => {
        concat!(
            $goes_on,
            " The keeper still lets emergency access through, with a passkey answer of its own each time."
        )
    };
}

impl Level {
    /// What it stops, and what goes on.
    pub const fn effect(self) -> (&'static str, &'static str) {
        match self {
            Self::Session => (
                "everything in this one session.",
                with_emergency!(
                    "everybody else. The same person may sign in again; freeze the person to stop that."
                ),
            ),
            Self::Principal => (
                "everything this person does, in every session, and signing in.",
                with_emergency!("everybody else."),
            ),
            Self::Client => (
                "everything this program does: it signs in, enrols and deposits no more.",
                with_emergency!("everybody else, and what it put in before."),
            ),
            Self::Purpose => (
                "everything for this purpose, whoever asks.",
                with_emergency!("all other purposes."),
            ),
            Self::Practice => (
                "everything its staff and programs do, and opening documents it put in, for its patients too.",
                with_emergency!(
                    "all other practices and their documents; patients sign in and open the sections of their records."
                ),
            ),
            Self::Instance => (
                "everything that comes through this process, signing in included.",
                with_emergency!(
                    "every other process. While the portal is frozen the incident room works."
                ),
            ),
            Self::Installation => (
                "everything, for everybody: signing in, opening, putting in, emergency access, and what officers do in \
                 the incident room.",
                "the ledger, the public status site with what it says already, and candour freeze at the keeper's machine.",
            ),
            Self::Proof => (
                "every opening through this process by whoever gave no passkey or code within five minutes.",
                with_emergency!(
                    "everything, for whoever gives one again. Programs give none: they open nothing through it."
                ),
            ),
        }
    }
}
