//! The closed lists that portal, keeper, ledger and room share. A number, once used, is never given again.

/// A number on the wire or in a ledger row that is on none of our lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not a known {1}")]
pub struct UnknownWord(pub i32, pub &'static str);

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident ($text:literal) { $($(#[$item_doc:meta])* $item:ident = $number:literal $word:literal),+ $(,)? })+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum $name { $($(#[$item_doc])* $item = $number),+ }

        impl $name {
            /// Every one, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$item),+];

            /// The number on the wire and in the ledger.
            pub const fn number(self) -> u8 { self as u8 }

            /// The lower-case word used in policies, exports and machine-readable pages.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$item => $word),+ }
            }
        }

        impl TryFrom<i32> for $name {
            type Error = UnknownWord;

            fn try_from(number: i32) -> Result<Self, UnknownWord> {
                match number { $($number => Ok(Self::$item),)+ _ => Err(UnknownWord(number, $text)) }
            }
        }

        impl From<$name> for i32 {
            fn from(word: $name) -> Self { Self::from(word.number()) }
        }
    )+};
}

words! {
    /// Why somebody opens or does something. An empty or unknown purpose is refused.
    Purpose ("purpose") {
        /// A patient reads their own record.
        OwnRecord = 1 "own_record",
        /// A proxy reads the record of the patient they act for.
        ProxyAccess = 2 "proxy_access",
        /// A clinician cares for the patient.
        DirectCare = 3 "direct_care",
        /// Practice staff arrange care: bookings, filing, post.
        Administration = 4 "administration",
        /// A practice puts something in.
        Deposit = 5 "deposit",
        /// A person in danger, now; told to the patient.
        Emergency = 6 "emergency",
        /// The run that tells people about an incident.
        IncidentNotice = 7 "incident_notice",
        /// Officers find out who lost what.
        IncidentScope = 8 "incident_scope",
        /// Somebody looks at who opened a record.
        AccessHistory = 9 "access_history",
        /// Accounts, roles, invitations.
        AccountCare = 10 "account_care",
        /// The worker tells somebody of one change, on a channel they had before it.
        Notification = 80 "notification",
    }

    /// In which role a session acts: exactly one.
    Role ("role") {
        /// The patient.
        Patient = 1 "patient",
        /// Somebody who acts for a patient. Within one session a person's own record and proxied ones are both reachable.
        Proxy = 2 "proxy",
        /// Doctor or nurse of a practice.
        Clinician = 3 "clinician",
        /// Reception of a practice.
        Reception = 4 "reception",
        /// Manages a practice's staff and its portal.
        Manager = 5 "manager",
        /// Operator: privacy officer.
        PrivacyOfficer = 6 "privacy_officer",
        /// Operator: security officer.
        SecurityOfficer = 7 "security_officer",
        /// Operator: communications officer.
        CommunicationsOfficer = 8 "communications_officer",
        /// A practice's program with its own credential.
        PracticeClient = 9 "practice_client",
        /// Nobody is signed in.
        Anonymous = 10 "anonymous",
        /// The keeper itself.
        Keeper = 11 "keeper",
    }

    /// What an item is.
    ItemKind ("item kind") {
        /// The content of one document version.
        Document = 1 "document",
        /// A sealed group of resources of one section.
        Segment = 2 "segment",
        /// Names, birth date, NHI.
        Identity = 3 "identity",
        /// Where and how a person is reached.
        Contact = 4 "contact",
        /// The text of a notice that waits in the portal.
        Notice = 5 "notice",
    }

    /// A part of a record that is opened at once.
    Section ("section") {
        /// Titles, kinds and dates of documents; opening it is *listed*.
        Shelf = 1 "shelf",
        /// Conditions and problems.
        Conditions = 2 "conditions",
        /// Medicines.
        Medicines = 3 "medicines",
        /// Allergies and intolerances.
        Allergies = 4 "allergies",
        /// Immunisations.
        Immunisations = 5 "immunisations",
        /// Observations and reports.
        Results = 6 "results",
        /// Everything else that was deposited, kept whole.
        Other = 7 "other",
        /// Identity blocks; opening one is *listed*.
        Identity = 8 "identity",
        /// Contact blocks.
        Contact = 9 "contact",
        /// Notices waiting for the patient.
        Notices = 10 "notices",
        /// No section: the item is a document.
        None = 11 "none",
    }

    /// What makes a segment or document more sensitive than others (breach-and-law R37).
    Tag ("sensitivity tag") {
        /// Sexual and reproductive health.
        Sexual = 1 "sexual",
        /// Mental health.
        Mental = 2 "mental",
        /// Violence.
        Violence = 3 "violence",
        /// Addiction.
        Addiction = 4 "addiction",
        /// Pregnancy.
        Pregnancy = 5 "pregnancy",
        /// Genetic findings.
        Genetic = 6 "genetic",
        /// An address that must not become known.
        ProtectedAddress = 7 "protected_address",
    }

    /// What a ledger entry records.
    EntryKind ("entry kind") {
        /// Keys were released, or refused.
        Open = 1 "open",
        /// The portal says the first byte was sent.
        Delivered = 2 "delivered",
        /// A new item's key was given out.
        Deposit = 3 "deposit",
        /// A deposit became visible.
        Sealed = 4 "sealed",
        /// People were looked up.
        Find = 5 "find",
        /// A right, credential, proxy, client or practice changed.
        Change = 6 "change",
        /// Somebody signed in, or failed to.
        SignIn = 7 "sign_in",
        /// Somebody signed out, or a session ended.
        SignOut = 8 "sign_out",
        /// An action without content.
        Authorize = 9 "authorize",
        /// A rule of detection struck.
        Alarm = 10 "alarm",
        /// Something was frozen.
        Freeze = 11 "freeze",
        /// Something was unfrozen.
        Unfreeze = 12 "unfreeze",
        /// A key of the root or an epoch was used.
        KeyUse = 13 "key_use",
        /// The keeper started.
        Start = 14 "start",
        /// Access history was shown.
        History = 15 "history",
        /// Refusals of one network, account and minute, summed up.
        Summary = 16 "summary",
        /// A granted answer was held back after its entry was written.
        Withheld = 17 "withheld",
        /// A key was destroyed.
        Shred = 18 "shred",
        /// A loss of ledger entries was accepted by two people.
        LossAccepted = 19 "loss_accepted",
        /// A clinician went on past a spent budget, with a passkey and a reason.
        Reopening = 20 "reopening",
        /// Somebody was told of an earlier entry by mail, or could not be.
        Told = 80 "told",
        /// A practice took back what somebody there put in; and of each patient concerned, that it did.
        Recall = 60 "recall",
        /// It put that back; and of each patient concerned, that it did.
        RecallEnded = 61 "recall_ended",
    }

    /// Why the keeper refuses. Only the portal's wording of it reaches a person.
    Reason ("reason") {
        /// Not theirs, absent, deleted or withdrawn: one and the same to the asker.
        NotFound = 1 "not_found",
        /// The token is unknown, idle for 15 minutes, older than 8 hours, or bound to another instance.
        SessionEnded = 2 "session_ended",
        /// The role may not do this for this purpose.
        NotAllowed = 3 "not_allowed",
        /// A budget is used up.
        OverBudget = 4 "over_budget",
        /// A passkey or code younger than five minutes is needed first.
        StepUpNeeded = 5 "step_up_needed",
        /// Session, principal, client, purpose, practice, instance or installation is frozen.
        Frozen = 6 "frozen",
        /// The ledger cannot be written; nothing opens.
        LedgerUnavailable = 7 "ledger_unavailable",
        /// The request does not make sense; nothing was changed.
        Invalid = 8 "invalid",
        /// Login, password, code or passkey do not fit.
        WrongCredentials = 9 "wrong_credentials",
        /// Too many tries; wait.
        TooMany = 10 "too_many",
        /// Facts about the subject do not verify; it is closed.
        SubjectClosed = 11 "subject_closed",
        /// Somebody else must approve first.
        SecondPersonNeeded = 12 "second_person_needed",
        /// The passkey, password or code was added to the account too lately for this.
        CredentialIsNew = 13 "credential_is_new",
        /// The practice must keep it.
        OnHold = 14 "on_hold",
        /// The patient has no account yet: there is nothing to recover.
        NoAccount = 15 "no_account",
        /// The patient's age does not allow it.
        WrongAge = 26 "wrong_age",
        /// The patient has died, or was marked so: nobody signs in as them.
        Deceased = 27 "deceased",
        /// The root key is not at hand: a person must unlock it, or its token is away. Nothing opens.
        Sealed = 19 "sealed",
        /// The patient has an account already: there is nobody to invite.
        HasAccount = 20 "has_account",
        /// What the two records say of a person does not fit one person.
        RecordsDiffer = 65 "records_differ",
        /// One of the two records is one person's with another already.
        AlreadyMerged = 66 "already_merged",
        /// Each of the two records has an account of its own.
        TwoAccounts = 67 "two_accounts",
        /// What was shown before it was asked for is something else now.
        NotAsShown = 60 "not_as_shown",
        /// This session opened or wrote as much as one may in an hour; another sign-in goes on.
        SessionSpent = 75 "session_spent",
        /// Many together opened or wrote as much as they may in an hour, or a run is as fast as it may be; wait.
        OverCeiling = 76 "over_ceiling",
    }

    /// Of what somebody is told by mail.
    Notification ("notification") {
        /// A way of signing in was added, or took the place of another.
        WayAdded = 1 "way_added",
        /// One was taken away.
        WayRemoved = 2 "way_removed",
        /// A change was asked for with a code, and is done in a day unless it is stopped.
        ActWaits = 3 "act_waits",
        /// A practice gave out a code by which new ways of signing in are made.
        RecoveryBegun = 4 "recovery_begun",
        /// It was used.
        RecoveryUsed = 5 "recovery_used",
        /// Nobody objected: the older ways ended.
        RecoveryOver = 6 "recovery_over",
        /// Somebody objected: what it made ended.
        RecoveryStopped = 7 "recovery_stopped",
        /// A code was given out by which an account is made.
        AccountInvited = 8 "account_invited",
        /// It was used.
        AccountMade = 9 "account_made",
        /// Somebody was invited to act for the patient.
        ProxyInvited = 10 "proxy_invited",
        /// Somebody acts for the patient now.
        ProxyBegan = 11 "proxy_began",
        /// A practice may see more than before.
        Shared = 12 "shared",
        /// Somebody opened something as an emergency.
        Emergency = 13 "emergency",
        /// How the patient is reached was changed.
        ContactChanged = 14 "contact_changed",
        /// An address of the account was added or taken away.
        AddressChanged = 15 "address_changed",
    }

    /// What became of telling somebody.
    Telling ("outcome of telling") {
        /// A relay took the mail.
        Sent = 1 "sent",
        /// There is nobody to write to, or nothing may be written.
        NoAddress = 2 "no_address",
        /// The relay refused the address for good.
        Refused = 3 "refused",
        /// It was tried often enough.
        Stuck = 4 "stuck",
    }

    /// How a way of signing in came to an account.
    Origin ("origin") {
        /// It was there when the account was made.
        Account = 1 "account",
        /// Its holder added it later.
        Holder = 2 "holder",
        /// A recovery added it.
        Recovery = 3 "recovery",
    }

    /// How a practice made sure of who stands at its counter.
    Identified ("way of identifying") {
        /// Somebody there has known them in person for long.
        KnownInPerson = 1 "known_in_person",
        /// An identification with a photo was looked at.
        PhotoSeen = 2 "photo_seen",
        /// Two papers with their name were looked at, and questions answered that only they can.
        PapersAndQuestions = 3 "papers_and_questions",
    }

    /// What became of the recovery of an account.
    RecoveryStep ("recovery step") {
        /// Two people of a practice gave out a code.
        Allowed = 1 "allowed",
        /// New ways to sign in were made with it.
        Made = 2 "made",
        /// Nobody objected: the older ways ended.
        Over = 3 "over",
        /// It was stopped, and what it made ended.
        Stopped = 4 "stopped",
        /// Something was done by the new ways before that.
        Used = 5 "used",
    }

    /// What became of two records being one person's.
    MergeStep ("merge step") {
        /// Two people of a practice noted it.
        Made = 1 "made",
        /// It was ended.
        Ended = 2 "ended",
        /// It was ended, because they are two people.
        EndedAsTwo = 3 "ended_as_two",
    }

    /// The ladder of freezing.
    Level ("freeze level") {
        /// One session.
        Session = 1 "session",
        /// A person or client.
        Principal = 2 "principal",
        /// A client.
        Client = 3 "client",
        /// A purpose.
        Purpose = 4 "purpose",
        /// A practice.
        Practice = 5 "practice",
        /// One portal instance.
        Instance = 6 "instance",
        /// Everything.
        Installation = 7 "installation",
        /// Proof mode of one instance: nothing stops, and each opening asks for a fresh factor.
        Proof = 8 "proof",
    }

    /// As what somebody acts for a patient. It follows from who let them, and never from a form.
    ProxyKind ("kind of proxy") {
        /// The patient let them.
        Wish = 1 "wish",
        /// A practice did, of somebody who is not grown: a parent or guardian.
        Guardian = 2 "guardian",
        /// A practice did, of somebody who is.
        Helper = 3 "helper",
        /// A practice did, of somebody who died (HIPAA: personal representative).
        Representative = 4 "personal_representative",
    }

    /// How old a patient is, as far as it decides who acts for them.
    #[derive(Default)]
    Age ("age") {
        /// Parents decide.
        Child = 1 "child",
        /// With a say of their own: what is sensitive is theirs.
        Young = 2 "young",
        /// Others act by the person's own wish.
        #[default]
        Grown = 3 "grown",
    }

    /// What somebody who acts for a patient may do beside reading.
    ProxyAction ("action of a proxy") {
        /// Write messages.
        Write = 1 "write",
        /// Book, move or cancel appointments.
        Book = 2 "book",
        /// See who opened the record.
        History = 3 "history",
    }

    /// Actions without content, asked for with `Authorize`.
    Action ("action") {
        /// Send a message or notice.
        Send = 1 "send",
        /// Book, move or cancel an appointment.
        Book = 2 "book",
        /// See a practice's work without sealed fields.
        Worklist = 3 "worklist",
        /// Work in the incident room.
        Room = 4 "room",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_off_the_list_is_refused() {
        assert_eq!(Purpose::try_from(3), Ok(Purpose::DirectCare));
        assert!(Purpose::try_from(0).is_err());
        assert!(Purpose::try_from(99).is_err());
    }

    #[test]
    fn every_word_reads_back_from_its_number() {
        for kind in EntryKind::ALL {
            assert_eq!(EntryKind::try_from(i32::from(*kind)), Ok(*kind));
        }
    }
}
