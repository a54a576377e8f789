//! The addresses of whoever is told of one entry: those in force before it, and nothing else of the patient. Whoever has no
//! record here has those of their account.

use super::{Ask, Found, kind_of, touch_of};
use crate::decision::{Action, Relation};
use crate::ledger::Refusal;
use crate::notifications;
use candour_keeper_wire::words::Section;

/// What the worker may open to tell somebody of the entry at `index`. To anybody else, and of any other entry, there is
/// nothing.
pub(super) async fn of(ask: &Ask<'_>, index: u64) -> Result<Found, Refusal> {
    let (core, caller) = (ask.core, ask.caller);
    let section = Section::Contact;
    let mut found = Found::nothing(section, Action::OpenRunMember(section));
    found.item_kind = Some(kind_of(section));
    found.touch = touch_of(section);
    if !notifications::is_lane(caller.session.principal, caller.purpose) {
        return Ok(found);
    }
    let Some(owed) = notifications::open_for(core, index, caller.now).await? else {
        return Ok(found);
    };
    (found.visible, found.addresses) = owed.everywhere(core).await?;
    if let Some(about) = &owed.about {
        let token = about.subject();
        found.view = owed.view(core, about).await?;
        found.patient = Some(core.keys.patient_id(token));
        found.token = Some(token);
    } else if found.addresses.is_empty() {
        return Ok(found);
    } else {
        // No patient: so that one person's are counted, the entry names whose account it is.
        found.item = owed.account.as_ref().map(|account| account.subject());
    }
    found.relation = Relation::RunMember;
    found.told_of = index;
    found.is_spent = notifications::is_spent(core, &owed, caller.now).await?;
    Ok(found)
}
