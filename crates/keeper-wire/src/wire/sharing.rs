//! Who reads a record beside its patient: who acts for them, what they keep from somebody, and what they share with
//! another practice.

/// What of a record is kept from somebody, or shared with a practice.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SharingRule {
    /// The patient (16 bytes).
    #[prost(bytes = "vec", tag = "1")]
    pub patient: Vec<u8>,
    /// The practice it concerns (16 bytes); empty where one person is kept out.
    #[prost(bytes = "vec", tag = "2")]
    pub practice: Vec<u8>,
    /// The person who is kept out (16 bytes). Filled in by the keeper where `of_entry` says who.
    #[prost(bytes = "vec", tag = "3")]
    pub person: Vec<u8>,
    /// The person is whoever made this entry of the patient's access history. An entry's index plus one; 0 for none.
    #[prost(uint64, tag = "4")]
    pub of_entry: u64,
    /// One section ([`crate::words::Section`]); 0: all of them, where `item` is empty.
    #[prost(int32, tag = "5")]
    pub section: i32,
    /// One document (16 bytes), or one segment to be kept from somebody; else empty.
    #[prost(bytes = "vec", tag = "6")]
    pub item: Vec<u8>,
    /// A share's end; 0 without end.
    #[prost(int64, tag = "7")]
    pub until: i64,
    /// What is marked sensitive is shared too.
    #[prost(bool, tag = "8")]
    pub with_sensitive: bool,
    /// What and whom, in words: part of the sentence that is signed, filled in by the keeper, whatever was sent.
    #[prost(string, tag = "9")]
    pub words: String,
}

/// A rule of a patient's ends.
#[derive(Clone, PartialEq, prost::Message)]
pub struct EndSharingRule {
    /// The patient (16 bytes).
    #[prost(bytes = "vec", tag = "1")]
    pub patient: Vec<u8>,
    /// Which, as in [`SharingRuleView`].
    #[prost(int64, tag = "2")]
    pub rule: i64,
    /// What and whom, in words, filled in by the keeper, whatever was sent.
    #[prost(string, tag = "3")]
    pub words: String,
}

/// Asks who reads a record beside its patient.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SharingQuestion {
    /// The session's token.
    #[prost(bytes = "vec", tag = "1")]
    pub token: Vec<u8>,
    /// The browser's network; the portal's word.
    #[prost(string, tag = "2")]
    pub network: String,
    /// The patient (16 bytes) for whom the asker acts; empty for the asker's own record.
    #[prost(bytes = "vec", tag = "3")]
    pub patient: Vec<u8>,
}

/// Who reads a record beside its patient, to the patient; to whoever acts for all of it, what they keep from others.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Sharing {
    /// Who acts for the patient.
    #[prost(message, repeated, tag = "1")]
    pub proxies: Vec<ProxyView>,
    /// What the patient keeps from somebody or shares, oldest first.
    #[prost(message, repeated, tag = "2")]
    pub rules: Vec<SharingRuleView>,
    /// Where the patient is enrolled now (16 bytes each).
    #[prost(bytes = "vec", repeated, tag = "3")]
    pub practices: Vec<Vec<u8>>,
    /// Invitations by a practice to act for the patient, which nobody has accepted.
    #[prost(message, repeated, tag = "12")]
    pub invited: Vec<InvitedProxy>,
    /// The asker may keep more from others.
    #[prost(bool, tag = "4")]
    pub may_keep: bool,
    /// To the patient: their address is protected.
    #[prost(bool, tag = "70")]
    pub is_address_protected: bool,
}

/// A practice has invited somebody to act for a patient.
#[derive(Clone, PartialEq, prost::Message)]
pub struct InvitedProxy {
    /// Names the invitation (16 bytes).
    #[prost(bytes = "vec", tag = "1")]
    pub invitation: Vec<u8>,
    /// Which practice (16 bytes).
    #[prost(bytes = "vec", tag = "2")]
    pub practice: Vec<u8>,
    /// When it was invited.
    #[prost(int64, tag = "3")]
    pub since: i64,
    /// When it can no longer be accepted.
    #[prost(int64, tag = "4")]
    pub until: i64,
    /// Why, as it was given.
    #[prost(string, tag = "5")]
    pub reason: String,
}

/// Asks who acts for a patient of the session's practice.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ActingQuestion {
    /// The session's token.
    #[prost(bytes = "vec", tag = "1")]
    pub token: Vec<u8>,
    /// The patient (16 bytes).
    #[prost(bytes = "vec", tag = "2")]
    pub patient: Vec<u8>,
}

/// Who acts for a patient, to a practice where the patient is enrolled, which may end it.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ActingList {
    /// Who acts now. The words of a patient who let somebody act are left out.
    #[prost(message, repeated, tag = "1")]
    pub people: Vec<ProxyView>,
    /// The patient has died.
    #[prost(bool, tag = "2")]
    pub is_deceased: bool,
    /// Nothing may be sent to the address or mailbox.
    #[prost(bool, tag = "3")]
    pub is_unsafe_to_write: bool,
    /// The address is protected, so nothing may be sent to it either.
    #[prost(bool, tag = "70")]
    pub is_address_protected: bool,
}

/// Somebody who acts for a patient.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ProxyView {
    /// Who (16 bytes).
    #[prost(bytes = "vec", tag = "1")]
    pub person: Vec<u8>,
    /// Sections within reach ([`crate::words::Section`]); empty means all.
    #[prost(int32, repeated, tag = "2")]
    pub sections: Vec<i32>,
    /// When it ends; 0 without end.
    #[prost(int64, tag = "3")]
    pub until: i64,
    /// Since when.
    #[prost(int64, tag = "4")]
    pub since: i64,
    /// Why, as it was given.
    #[prost(string, tag = "5")]
    pub reason: String,
    /// This practice (16 bytes) invited them, and until `opens_from` they see only what it put in; else empty.
    #[prost(bytes = "vec", tag = "12")]
    pub only_from: Vec<u8>,
    /// When they see everything within reach; 0 where they do.
    #[prost(int64, tag = "13")]
    pub opens_from: i64,
    /// What they may do beside reading ([`crate::words::ProxyAction`]).
    #[prost(int32, repeated, tag = "6")]
    pub may: Vec<i32>,
    /// As what ([`crate::words::ProxyKind`]); 0 where that was not written down yet.
    #[prost(int32, tag = "7")]
    pub kind: i32,
}

/// What a patient keeps from somebody or shares.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SharingRuleView {
    /// Names it among the patient's rules.
    #[prost(int64, tag = "1")]
    pub rule: i64,
    /// It shares; else it keeps from somebody.
    #[prost(bool, tag = "2")]
    pub is_share: bool,
    /// What and whom, as it was signed.
    #[prost(string, tag = "3")]
    pub words: String,
    /// The one document it concerns (16 bytes), or empty. A segment is named by the words.
    #[prost(bytes = "vec", tag = "4")]
    pub item: Vec<u8>,
    /// Since when.
    #[prost(int64, tag = "5")]
    pub since: i64,
    /// A share's end; 0 without end.
    #[prost(int64, tag = "6")]
    pub until: i64,
    /// Whoever acted for the patient as a child made it.
    #[prost(bool, tag = "7")]
    pub is_by_another: bool,
}
