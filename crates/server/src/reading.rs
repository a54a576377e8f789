//! One visitor and one patient: with which purpose the record is asked for, and what stands around its pages.

use crate::dates;
use crate::error::Problem;
use crate::frame::{Frame, PatientBanner};
use crate::pages::recoveries;
use crate::portal::Portal;
use crate::session::{Visit, Visitor};
use crate::texts::Texts;
use candour_app::sign_in::{InPart, Reachable};
use candour_app::{FirstByte, patients};
use candour_core::people::Identity;
use candour_keeper_api::Viewer;
use candour_keeper_api::words::Purpose;
use candour_seal::{PatientId, PersonId};

/// How a visitor comes to a patient's record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// It is their own.
    Own,
    /// They act for the patient.
    Proxy,
    /// They work at a practice.
    Staff,
}

/// A visitor at a patient's record. Whether they may be there is the keeper's to say.
pub struct Reading {
    /// Who visits.
    pub visitor: Visitor,
    /// Whose record.
    pub patient: PatientId,
    /// How they come to it, as far as the portal knows.
    pub relation: Relation,
    /// Who reads, where the keeper was asked for whom they act: not for staff.
    pub reader: Option<PersonId>,
    /// For somebody who acts for the patient: how far that reaches.
    pub reach: Option<Reachable>,
    /// What goes with each opening.
    pub viewer: Viewer,
    /// It sees one practice's part: that let the visitor in lately, by a recovery or an invitation.
    pub part: Option<InPart>,
    /// It is the visitor's own, and their address is protected.
    pub is_address_protected: bool,
    /// It is the visitor's own record under another number.
    pub is_other: bool,
}

impl Reading {
    /// Reads the patient's id and finds the purpose: staff chose it; for patients the keeper says whom they act for.
    pub async fn of(portal: &Portal, visitor: Visitor, patient: &str) -> Result<Self, Problem> {
        let patient: PatientId = patient.parse().map_err(|_| Problem::NoSuchPage)?;
        let (mut part, mut reach) = (None, None);
        let (mut is_address_protected, mut is_other) = (false, false);
        let (relation, reader) = match (visitor.visit, &visitor.token) {
            (Some(Visit::Staff(_)), _) => (Relation::Staff, None),
            (_, None) => (Relation::Own, None),
            (_, Some(_)) => {
                let session = visitor.session(portal).await?;
                let reader = Some(session.principal);
                let acts_for = |reachable: &Reachable| reachable.patient == patient;
                let within = session.patients.into_iter().find(acts_for);
                part = within.as_ref().and_then(|reachable| reachable.part);
                is_address_protected = within.as_ref().is_some_and(|own| own.is_address_protected);
                is_other = within
                    .as_ref()
                    .is_some_and(|reachable| reachable.merged.is_some());
                reach = within.filter(|reachable| reachable.is_proxied);
                let relation = reach.as_ref().map_or(Relation::Own, |_| Relation::Proxy);
                (relation, reader)
            }
        };
        let purpose = match relation {
            Relation::Own => Purpose::OwnRecord,
            Relation::Proxy => Purpose::ProxyAccess,
            Relation::Staff => visitor.purpose()?,
        };
        let viewer = visitor.viewer(purpose)?;
        Ok(Self {
            visitor,
            patient,
            relation,
            reader,
            reach,
            viewer,
            part,
            is_address_protected,
            is_other,
        })
    }

    /// An address below this patient.
    pub fn path(&self, rest: &str) -> String {
        format!("/patients/{}{rest}", self.patient)
    }

    /// Whose record it is: an opening of its own.
    pub async fn identity(
        &self,
        portal: &Portal,
    ) -> Result<(Option<Identity>, FirstByte), Problem> {
        let (line, first_byte) = patients::name(portal.app(), &self.viewer, self.patient).await?;
        Ok((line.into_inner().identity, first_byte))
    }

    /// The banner, for everybody but the patient themself; they know who they are.
    pub async fn banner(
        &self,
        portal: &Portal,
    ) -> Result<Option<(PatientBanner, FirstByte)>, Problem> {
        if self.relation == Relation::Own {
            return Ok(None);
        }
        let (identity, first_byte) = self.identity(portal).await?;
        let texts = crate::texts::Language::English.texts();
        Ok(Some((banner(texts, identity.as_ref()), first_byte)))
    }

    /// A frame with banner and the way back.
    pub async fn frame(
        &self,
        portal: &Portal,
        title: &'static str,
        banner: Option<PatientBanner>,
    ) -> Frame {
        let mut frame = portal.frame(self.visitor.visit, title).await;
        if self.is_other {
            frame.note = Some(frame.texts().say("merge.note_page").to_owned());
        }
        if let Some(part) = self.part {
            frame.note = Some(recoveries::seen_in_part(portal, part).await);
        }
        if let Some(reach) = self.reach.as_ref().filter(|reach| reach.is_young) {
            let age = reach.grown_from.to_string();
            frame.note = Some(frame.texts().fill("young.note", &[("age", &age)]));
        }
        let frame = match self.relation {
            Relation::Staff => frame.back_to(self.path(""), "frame.back"),
            Relation::Own | Relation::Proxy => frame.back_to("/home", "frame.back"),
        };
        match banner {
            Some(banner) => frame.about(banner),
            None => frame,
        }
    }

    /// For pages of staff only. To others the page does not exist; call it after the keeper was asked, so that a
    /// stranger's try is on the ledger like any other.
    pub fn staff_only(&self) -> Result<(), Problem> {
        match self.relation {
            Relation::Staff => Ok(()),
            Relation::Own | Relation::Proxy => Err(Problem::NoSuchPage),
        }
    }
}

/// The banner's words. Where the name cannot be read, the banner says so rather than be missing.
pub fn banner(texts: &Texts, identity: Option<&Identity>) -> PatientBanner {
    match identity {
        Some(identity) => PatientBanner {
            name: identity.name.full(),
            born: dates::day(texts, identity.birth_date.date()),
            nhi: nhi(texts, identity),
        },
        None => PatientBanner {
            name: texts.say("frame.name_unreadable").to_owned(),
            born: texts.say("dates.unknown").to_owned(),
            nhi: texts.say("frame.no_nhi").to_owned(),
        },
    }
}

/// The NHI number, or the word for none.
pub fn nhi(texts: &Texts, identity: &Identity) -> String {
    identity
        .nhi
        .as_ref()
        .map_or_else(|| texts.say("frame.no_nhi").to_owned(), ToString::to_string)
}

/// First bytes of several openings together.
pub fn together(first: FirstByte, second: Option<FirstByte>) -> FirstByte {
    match second {
        Some(second) => first.and(second),
        None => first,
    }
}
