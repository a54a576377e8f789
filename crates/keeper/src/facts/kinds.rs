//! The kinds of facts. A number, once used, is never given again. Tokens are 16 bytes ([`crate::keys::KeyedToken`]);
//! practices stand as their random ids; times are microseconds since the Unix epoch.

mod clients;
mod merges;
mod policies;
mod proxies;
mod recall;
mod recovery;
mod second;
mod sharing;
mod ways;

pub use clients::{Client, ClientRight};
pub use merges::{MergeEnded, Merged};
pub use policies::{Policies, PoliciesProposed, PolicyFile};
pub use proxies::{ProxiedBy, Proxy, ProxyMay, is_scope};
pub use recall::Recalled;
pub use recovery::{Recovery, RecoveryEnded};
pub use second::{Erased, Hold, Waits};
pub use sharing::{AddressProtection, ProxyInvited, RecordPart, Restriction, Share};
pub use ways::{Account, CodeSheet, CodeUsed, NotificationAddress, Passkey, Password, Totp};

/// The body of one fact row.
#[derive(Clone, PartialEq, prost::Message)]
pub struct FactBody {
    /// What it says.
    #[prost(
        oneof = "Fact",
        tags = "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 35, 36, 37, 38, 39, 40, 56, 57, 60, 65, 66, 70, 72, 74"
    )]
    pub fact: Option<Fact>,
}

/// Everything the keeper can know about somebody or something.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum Fact {
    /// An earlier fact of this subject ended.
    #[prost(message, tag = "1")]
    End(End),
    /// Person: has an account.
    #[prost(message, tag = "2")]
    Account(Account),
    /// Person: a passkey.
    #[prost(message, tag = "3")]
    Passkey(Passkey),
    /// Person: a password.
    #[prost(message, tag = "4")]
    Password(Password),
    /// Person: an authenticator app.
    #[prost(message, tag = "5")]
    Totp(Totp),
    /// Person: a printed sheet of codes.
    #[prost(message, tag = "6")]
    CodeSheet(CodeSheet),
    /// Person: a code of the sheet, or a time step of the authenticator app, was used.
    #[prost(message, tag = "7")]
    CodeUsed(CodeUsed),
    /// Person: is this patient.
    #[prost(message, tag = "8")]
    SelfPatient(SelfPatient),
    /// Person: works at a practice.
    #[prost(message, tag = "9")]
    StaffRole(StaffRole),
    /// Person: works for the operator.
    #[prost(message, tag = "10")]
    OperatorRole(OperatorRole),
    /// Person: acts for a patient.
    #[prost(message, tag = "11")]
    Proxy(Proxy),
    /// Patient: exists.
    #[prost(message, tag = "12")]
    Patient(Patient),
    /// Patient: is enrolled at a practice.
    #[prost(message, tag = "13")]
    Enrolment(Enrolment),
    /// Patient: nobody has a reason to open it.
    #[prost(message, tag = "14")]
    Canary(Canary),
    /// Patient: has an account (mirror of `SelfPatient`).
    #[prost(message, tag = "15")]
    AccountHolder(AccountHolder),
    /// Patient: somebody acts for them (mirror of `Proxy`).
    #[prost(message, tag = "16")]
    ProxiedBy(ProxiedBy),
    /// Practice: exists.
    #[prost(message, tag = "17")]
    Practice(Practice),
    /// Client: exists.
    #[prost(message, tag = "18")]
    Client(Client),
    /// Invitation: exists.
    #[prost(message, tag = "19")]
    Invitation(Invitation),
    /// Invitation or pending change: used.
    #[prost(message, tag = "20")]
    Used(Used),
    /// Run: what it may do.
    #[prost(message, tag = "21")]
    Run(Run),
    /// Run or pending change: somebody approved.
    #[prost(message, tag = "22")]
    Approval(Approval),
    /// Pending change.
    #[prost(message, tag = "23")]
    Pending(Pending),
    /// Freezes: something is frozen.
    #[prost(message, tag = "24")]
    Frozen(Frozen),
    /// Patient: marks that replace those of the `Patient` fact.
    #[prost(message, tag = "25")]
    PatientMarks(PatientMarks),
    /// Staff may be named to patients (subject: person).
    #[prost(message, tag = "26")]
    NameReleased(NameReleased),
    /// Runs: one was opened.
    #[prost(message, tag = "27")]
    RunOpened(RunOpened),
    /// Person: an act waits, and every old channel is to be told.
    #[prost(message, tag = "28")]
    ActWaits(ActWaits),
    /// Person: the account is being recovered at a counter.
    #[prost(message, tag = "29")]
    Recovery(Recovery),
    /// Person: that is over, or was stopped.
    #[prost(message, tag = "30")]
    RecoveryEnded(RecoveryEnded),
    /// Patient: something a practice deposited was erased.
    #[prost(message, tag = "35")]
    Erased(Erased),
    /// Patient: a practice must keep what it deposited.
    #[prost(message, tag = "36")]
    Hold(Hold),
    /// Practice: a change waits for a second person there.
    #[prost(message, tag = "37")]
    Waits(Waits),
    /// Patient: keeps something from somebody.
    #[prost(message, tag = "38")]
    Restriction(Restriction),
    /// Patient: shares something with a practice that did not put it in.
    #[prost(message, tag = "39")]
    Share(Share),
    /// Patient: a practice invited somebody to act for them.
    #[prost(message, tag = "40")]
    ProxyInvited(ProxyInvited),
    /// Policies: a set is in force.
    #[prost(message, tag = "56")]
    Policies(Policies),
    /// Policies: a set is proposed.
    #[prost(message, tag = "57")]
    PoliciesProposed(PoliciesProposed),
    /// Patient: is one person with another record (on both).
    #[prost(message, tag = "65")]
    Merged(Merged),
    /// Patient: was (on both).
    #[prost(message, tag = "66")]
    MergeEnded(MergeEnded),
    /// Practice: took back what somebody there put in.
    #[prost(message, tag = "60")]
    Recalled(Recalled),
    /// Patient: the address is protected, or no longer; the newest holds.
    #[prost(message, tag = "70")]
    AddressProtection(AddressProtection),
    /// Client: it may read some of what its practice put in.
    #[prost(message, tag = "72")]
    ClientRight(ClientRight),
    /// Person: is told of changes of the account at this address.
    #[prost(message, tag = "74")]
    NotificationAddress(NotificationAddress),
}

/// An earlier fact ended.
#[derive(Clone, PartialEq, prost::Message)]
pub struct End {
    /// The version of the fact that ended.
    #[prost(int64, tag = "1")]
    pub version: i64,
}

/// The person is this patient.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SelfPatient {
    /// The patient's token.
    #[prost(bytes = "vec", tag = "1")]
    pub patient: Vec<u8>,
    /// It came by an invitation of this practice (16 bytes), and reads what that put in until `opens_from`; else empty.
    #[prost(bytes = "vec", tag = "12")]
    pub invited_at: Vec<u8>,
    /// When it reads everything; 0 for what always did.
    #[prost(int64, tag = "13")]
    pub opens_from: i64,
}

/// A staff role.
#[derive(Clone, PartialEq, prost::Message)]
pub struct StaffRole {
    /// The practice (16 bytes).
    #[prost(bytes = "vec", tag = "1")]
    pub practice: Vec<u8>,
    /// A [`candour_keeper_wire::words::Role`].
    #[prost(int32, tag = "2")]
    pub role: i32,
    /// When it ends; 0 without end.
    #[prost(int64, tag = "3")]
    pub until: i64,
    /// The name as released by the practice, sealed.
    #[prost(bytes = "vec", tag = "4")]
    pub sealed_name: Vec<u8>,
}

/// An operator role.
#[derive(Clone, PartialEq, prost::Message)]
pub struct OperatorRole {
    /// A [`candour_keeper_wire::words::Role`].
    #[prost(int32, tag = "1")]
    pub role: i32,
    /// When it ends; 0 without end.
    #[prost(int64, tag = "2")]
    pub until: i64,
    /// The name, sealed.
    #[prost(bytes = "vec", tag = "3")]
    pub sealed_name: Vec<u8>,
}

/// A patient.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Patient {
    /// Birth year; 0 when unknown.
    #[prost(int32, tag = "1")]
    pub birth_year: i32,
    /// Keyed hash of the birth date (16 bytes).
    #[prost(bytes = "vec", tag = "2")]
    pub birth: Vec<u8>,
    /// Region.
    #[prost(string, tag = "3")]
    pub region: String,
    /// Country as ISO 3166-1 alpha-2.
    #[prost(string, tag = "4")]
    pub country: String,
    /// The patient has died.
    #[prost(bool, tag = "5")]
    pub is_deceased: bool,
    /// Nothing may be sent to the address or mailbox.
    #[prost(bool, tag = "6")]
    pub is_unsafe_to_write: bool,
}

/// New marks of a patient.
#[derive(Clone, PartialEq, prost::Message)]
pub struct PatientMarks {
    /// The patient has died.
    #[prost(bool, tag = "1")]
    pub is_deceased: bool,
    /// Nothing may be sent to the address or mailbox.
    #[prost(bool, tag = "2")]
    pub is_unsafe_to_write: bool,
}

/// An enrolment; it ends by `End`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Enrolment {
    /// The practice (16 bytes).
    #[prost(bytes = "vec", tag = "1")]
    pub practice: Vec<u8>,
    /// When it began.
    #[prost(int64, tag = "2")]
    pub since: i64,
}

/// A canary.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Canary {}

/// The patient has an account.
#[derive(Clone, PartialEq, prost::Message)]
pub struct AccountHolder {
    /// The person's token.
    #[prost(bytes = "vec", tag = "1")]
    pub person: Vec<u8>,
}

/// A practice.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Practice {
    /// Region.
    #[prost(string, tag = "1")]
    pub region: String,
    /// Its name as shown in lists.
    #[prost(string, tag = "2")]
    pub name: String,
    /// The practice (16 bytes).
    #[prost(bytes = "vec", tag = "3")]
    pub practice: Vec<u8>,
}

/// An invitation.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Invitation {
    /// The inviting practice (16 bytes).
    #[prost(bytes = "vec", tag = "1")]
    pub practice: Vec<u8>,
    /// A [`candour_keeper_wire::words::Role`].
    #[prost(int32, tag = "2")]
    pub role: i32,
    /// The patient's token; empty for staff.
    #[prost(bytes = "vec", tag = "3")]
    pub patient: Vec<u8>,
    /// The staff member's name, sealed; empty for patients.
    #[prost(bytes = "vec", tag = "4")]
    pub sealed_name: Vec<u8>,
    /// When it can no longer be used.
    #[prost(int64, tag = "5")]
    pub until: i64,
    /// Who invited: the person's token.
    #[prost(bytes = "vec", tag = "6")]
    pub invited_by: Vec<u8>,
    /// For a proxy: sections within reach; empty means all.
    #[prost(int32, repeated, tag = "7")]
    pub sections: Vec<i32>,
    /// For a proxy: when it ends; 0 without end.
    #[prost(int64, tag = "8")]
    pub proxy_until: i64,
    /// For a proxy: why, sealed.
    #[prost(bytes = "vec", tag = "9")]
    pub sealed_reason: Vec<u8>,
    /// For a proxy: what they may do beside reading; absent in what was made before that was asked: everything.
    #[prost(message, optional, tag = "20")]
    pub may: Option<ProxyMay>,
    /// For a proxy: as what, a [`candour_keeper_wire::words::ProxyKind`].
    #[prost(int32, tag = "21")]
    pub proxy_kind: i32,
    /// It makes no account and gives no right: it recovers the account of this person's token.
    #[prost(bytes = "vec", tag = "10")]
    pub recovers: Vec<u8>,
}

/// Used.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Used {
    /// Who used it: the person's token.
    #[prost(bytes = "vec", tag = "1")]
    pub by: Vec<u8>,
}

/// A bulk lane. Its members stand in `run_member`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Run {
    /// A [`candour_keeper_wire::words::Purpose`].
    #[prost(int32, tag = "1")]
    pub purpose: i32,
    /// How many members.
    #[prost(uint32, tag = "2")]
    pub members: u32,
    /// SHA-256 over the sorted member tokens (32 bytes).
    #[prost(bytes = "vec", tag = "3")]
    pub members_digest: Vec<u8>,
    /// Sections that may be opened.
    #[prost(int32, repeated, tag = "4")]
    pub sections: Vec<i32>,
    /// When it ends.
    #[prost(int64, tag = "5")]
    pub until: i64,
    /// The incident (16 bytes).
    #[prost(bytes = "vec", tag = "6")]
    pub incident: Vec<u8>,
    /// SHA-256 of the scope version (32 bytes).
    #[prost(bytes = "vec", tag = "7")]
    pub scope_hash: Vec<u8>,
}

/// An approval.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Approval {
    /// Who: the person's token.
    #[prost(bytes = "vec", tag = "1")]
    pub by: Vec<u8>,
    /// In which session: its surrogate.
    #[prost(sfixed64, tag = "2")]
    pub session: i64,
}

/// A pending change.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Pending {
    /// The change, as sent ([`candour_keeper_wire::wire::Change`]), sealed.
    #[prost(bytes = "vec", tag = "1")]
    pub sealed_change: Vec<u8>,
    /// Who began it: the person's token.
    #[prost(bytes = "vec", tag = "2")]
    pub author: Vec<u8>,
    /// In which session: its surrogate.
    #[prost(sfixed64, tag = "3")]
    pub session: i64,
    /// When it can no longer be approved.
    #[prost(int64, tag = "4")]
    pub until: i64,
    /// When it may be done at the earliest; 0 at once.
    #[prost(int64, tag = "5")]
    pub not_before: i64,
    /// For a passkey to be added: the credential as JSON, sealed.
    #[prost(bytes = "vec", tag = "6")]
    pub sealed_credential: Vec<u8>,
}

/// Something is frozen.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Frozen {
    /// A [`candour_keeper_wire::words::Level`].
    #[prost(int32, tag = "1")]
    pub level: i32,
    /// What: its surrogate, the purpose's number, 0 for the installation.
    #[prost(sfixed64, tag = "2")]
    pub surrogate: i64,
    /// Why, sealed; empty where a rule of detection did it.
    #[prost(bytes = "vec", tag = "3")]
    pub sealed_reason: Vec<u8>,
    /// Who: the person's token; empty where nobody was signed in.
    #[prost(bytes = "vec", tag = "4")]
    pub by: Vec<u8>,
    /// The rule that did it, as in an alarm's row, or 0.
    #[prost(uint32, tag = "5")]
    pub rule: u32,
}

/// The practice released the name to patients' access history.
#[derive(Clone, PartialEq, prost::Message)]
pub struct NameReleased {
    /// The practice (16 bytes).
    #[prost(bytes = "vec", tag = "1")]
    pub practice: Vec<u8>,
}

/// A run was opened.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RunOpened {
    /// The run's token.
    #[prost(bytes = "vec", tag = "1")]
    pub run: Vec<u8>,
    /// When it ends.
    #[prost(int64, tag = "2")]
    pub until: i64,
}

/// An act of somebody without a passkey waits for a day.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ActWaits {
    /// The pending change's token.
    #[prost(bytes = "vec", tag = "1")]
    pub pending: Vec<u8>,
    /// When it may be done.
    #[prost(int64, tag = "2")]
    pub not_before: i64,
}

/// The number of a fact's kind, as in its row: the number of its field in [`FactBody`].
pub const fn kind_number(fact: &Fact) -> i16 {
    match fact {
        Fact::End(_) => 1,
        Fact::Account(_) => 2,
        Fact::Passkey(_) => 3,
        Fact::Password(_) => 4,
        Fact::Totp(_) => 5,
        Fact::CodeSheet(_) => 6,
        Fact::CodeUsed(_) => 7,
        Fact::SelfPatient(_) => 8,
        Fact::StaffRole(_) => 9,
        Fact::OperatorRole(_) => 10,
        Fact::Proxy(_) => 11,
        Fact::Patient(_) => 12,
        Fact::Enrolment(_) => 13,
        Fact::Canary(_) => 14,
        Fact::AccountHolder(_) => 15,
        Fact::ProxiedBy(_) => 16,
        Fact::Practice(_) => 17,
        Fact::Client(_) => 18,
        Fact::Invitation(_) => 19,
        Fact::Used(_) => 20,
        Fact::Run(_) => 21,
        Fact::Approval(_) => 22,
        Fact::Pending(_) => 23,
        Fact::Frozen(_) => 24,
        Fact::PatientMarks(_) => 25,
        Fact::NameReleased(_) => 26,
        Fact::RunOpened(_) => 27,
        Fact::ActWaits(_) => 28,
        Fact::Recovery(_) => 29,
        Fact::RecoveryEnded(_) => 30,
        Fact::Erased(_) => 35,
        Fact::Hold(_) => 36,
        Fact::Waits(_) => 37,
        Fact::Restriction(_) => 38,
        Fact::Share(_) => 39,
        Fact::ProxyInvited(_) => 40,
        Fact::Policies(_) => 56,
        Fact::PoliciesProposed(_) => 57,
        Fact::Merged(_) => 65,
        Fact::MergeEnded(_) => 66,
        Fact::Recalled(_) => 60,
        Fact::AddressProtection(_) => 70,
        Fact::ClientRight(_) => 72,
        Fact::NotificationAddress(_) => 74,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prost::Message;

    #[test]
    fn a_kind_s_number_is_that_of_its_field() {
        let facts = [
            Fact::End(End::default()),
            Fact::Account(Account::default()),
            Fact::Passkey(Passkey::default()),
            Fact::Password(Password::default()),
            Fact::Totp(Totp::default()),
            Fact::CodeSheet(CodeSheet::default()),
            Fact::CodeUsed(CodeUsed::default()),
            Fact::SelfPatient(SelfPatient::default()),
            Fact::StaffRole(StaffRole::default()),
            Fact::OperatorRole(OperatorRole::default()),
            Fact::Proxy(Proxy::default()),
            Fact::Patient(Patient::default()),
            Fact::Enrolment(Enrolment::default()),
            Fact::Canary(Canary::default()),
            Fact::AccountHolder(AccountHolder::default()),
            Fact::ProxiedBy(ProxiedBy::default()),
            Fact::Practice(Practice::default()),
            Fact::Client(Client::default()),
            Fact::Invitation(Invitation::default()),
            Fact::Used(Used::default()),
            Fact::Run(Run::default()),
            Fact::Approval(Approval::default()),
            Fact::Pending(Pending::default()),
            Fact::Frozen(Frozen::default()),
            Fact::PatientMarks(PatientMarks::default()),
            Fact::NameReleased(NameReleased::default()),
            Fact::RunOpened(RunOpened::default()),
            Fact::ActWaits(ActWaits::default()),
            Fact::Recovery(Recovery::default()),
            Fact::RecoveryEnded(RecoveryEnded::default()),
            Fact::Erased(Erased::default()),
            Fact::Hold(Hold::default()),
            Fact::Waits(Waits::default()),
            Fact::Restriction(Restriction::default()),
            Fact::Share(Share::default()),
            Fact::ProxyInvited(ProxyInvited::default()),
            Fact::Policies(Policies::default()),
            Fact::PoliciesProposed(PoliciesProposed::default()),
            Fact::Merged(Merged::default()),
            Fact::MergeEnded(MergeEnded::default()),
            Fact::Recalled(Recalled::default()),
            Fact::AddressProtection(AddressProtection::default()),
            Fact::ClientRight(ClientRight::default()),
            Fact::NotificationAddress(NotificationAddress::default()),
        ];
        for fact in facts {
            let number = kind_number(&fact);
            let body = FactBody { fact: Some(fact) };
            let (field, _) =
                prost::encoding::decode_key(&mut body.encode_to_vec().as_slice()).unwrap();
            assert_eq!(u32::try_from(number), Ok(field));
        }
    }
}
