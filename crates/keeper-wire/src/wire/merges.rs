//! Two records of one person, and what was opened by way of that.

/// Notes that two records are one person's (FHIR `Patient.link`).
#[derive(Clone, PartialEq, prost::Message)]
pub struct Merge {
    /// The practice (16 bytes) where both are enrolled.
    #[prost(bytes = "vec", tag = "1")]
    pub practice: Vec<u8>,
    /// The patient (16 bytes) whose number stays: it `replaces` the other.
    #[prost(bytes = "vec", tag = "2")]
    pub patient: Vec<u8>,
    /// The patient (16 bytes) whose number is no longer used: it is `replaced-by` the first.
    #[prost(bytes = "vec", tag = "3")]
    pub replaced: Vec<u8>,
    /// Both as the page names them; part of what is signed. At most 200 characters each.
    #[prost(string, tag = "4")]
    pub who: String,
    /// The second of them.
    #[prost(string, tag = "5")]
    pub replaced_who: String,
    /// Why; part of what is signed, kept in the sealed body. 1 to 300 characters.
    #[prost(string, tag = "6")]
    pub reason: String,
}

/// Two records are no longer one person's.
#[derive(Clone, PartialEq, prost::Message)]
pub struct EndMerge {
    /// Either of the two patients (16 bytes).
    #[prost(bytes = "vec", tag = "1")]
    pub patient: Vec<u8>,
    /// They are two different people: what the one opened of the other was not theirs.
    #[prost(bool, tag = "2")]
    pub are_two_people: bool,
    /// Why; part of what is signed. 1 to 300 characters from staff; the patient may say nothing.
    #[prost(string, tag = "3")]
    pub reason: String,
}

/// Asks about one patient of the session's practice.
#[derive(Clone, PartialEq, prost::Message)]
pub struct MergesQuestion {
    /// The session's token.
    #[prost(bytes = "vec", tag = "1")]
    pub token: Vec<u8>,
    /// The patient (16 bytes).
    #[prost(bytes = "vec", tag = "2")]
    pub patient: Vec<u8>,
}

/// What the session's practice noted about one patient, newest first.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Merges {
    /// At most one of them stands.
    #[prost(message, repeated, tag = "1")]
    pub merges: Vec<MergeView>,
}

/// One other record that is, or was, one person's with the patient's.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one independent thing that was said of it"
)]
#[derive(Clone, PartialEq, prost::Message)]
pub struct MergeView {
    /// The other patient (16 bytes).
    #[prost(bytes = "vec", tag = "1")]
    pub other: Vec<u8>,
    /// The number of the patient who was asked about stays; else it is the other's.
    #[prost(bool, tag = "2")]
    pub stays: bool,
    /// Since when.
    #[prost(int64, tag = "3")]
    pub since: i64,
    /// Why, as it was signed.
    #[prost(string, tag = "4")]
    pub reason: String,
    /// When what other practices put in opens; 0 where it does.
    #[prost(int64, tag = "5")]
    pub opens_from: i64,
    /// When it was ended; 0 while it stands.
    #[prost(int64, tag = "6")]
    pub ended_at: i64,
    /// Whoever ended it said that they are two people.
    #[prost(bool, tag = "7")]
    pub are_two_people: bool,
    /// The patient ended it.
    #[prost(bool, tag = "8")]
    pub by_patient: bool,
    /// Why it was ended; may be empty.
    #[prost(string, tag = "9")]
    pub end_reason: String,
    /// Once it is ended: what this practice put in and the one opened of the other. What other practices put in is not told.
    #[prost(message, repeated, tag = "10")]
    pub opened: Vec<OpenedByMerge>,
    /// Once it is ended: how many times the one looked at who had opened the other's record.
    #[prost(uint32, tag = "11")]
    pub histories: u32,
    /// There are more entries than were looked at.
    #[prost(bool, tag = "12")]
    pub is_partial: bool,
}

/// One item that was opened by way of a merge.
#[derive(Clone, PartialEq, prost::Message)]
pub struct OpenedByMerge {
    /// Whose it is (16 bytes).
    #[prost(bytes = "vec", tag = "1")]
    pub patient: Vec<u8>,
    /// Which (16 bytes).
    #[prost(bytes = "vec", tag = "2")]
    pub item: Vec<u8>,
    /// An [`crate::words::ItemKind`].
    #[prost(int32, tag = "3")]
    pub kind: i32,
    /// A [`crate::words::Section`].
    #[prost(int32, tag = "4")]
    pub section: i32,
    /// Its month, as in [`crate::wire::NewItem`].
    #[prost(uint32, tag = "5")]
    pub month: u32,
    /// When first.
    #[prost(int64, tag = "6")]
    pub first_at: i64,
    /// How many times.
    #[prost(uint32, tag = "7")]
    pub times: u32,
    /// Somebody who acts for the patient opened it, and not only the patient.
    #[prost(bool, tag = "8")]
    pub by_proxy: bool,
    /// A first byte was sent at least once, by the portal's word.
    #[prost(bool, tag = "9")]
    pub is_delivered: bool,
}
