//! Where somebody is told of changes, beside the addresses that their practices have.

use super::{ChangeForm, Given, Views, again};
use crate::error::Problem;
use crate::portal::Portal;
use crate::respond;
use crate::session::Visitor;
use crate::text::{bytes, hexadecimal};
use axum::response::Response;
use candour_app::Refusal;
use candour_app::sign_in_ways::{self, Address, AddressState};

/// The addresses, as the page has them.
pub struct Told {
    /// Key of what stands above.
    pub lead: &'static str,
    /// Oldest first.
    pub addresses: Vec<AddressView>,
    /// There is room for one more.
    pub has_room: bool,
    /// What was typed before.
    pub typed: String,
}

/// One address.
pub struct AddressView {
    /// Names it in the forms.
    pub id: String,
    /// The address.
    pub address: String,
    /// Whether anything is written there.
    pub state: String,
    /// Label of the field for its code, where one is waited for.
    pub code: Option<String>,
    /// The id of that field: there may be several on the page.
    pub field: &'static str,
    /// What its button says.
    pub remove: String,
}

/// Ids of the fields for codes; an account has no more addresses.
const FIELDS: [&str; 3] = ["code-1", "code-2", "code-3"];

impl Views<'_> {
    pub(super) fn address(&self, place: usize, held: &Address) -> AddressView {
        let fill = |key| self.texts.fill(key, &[("address", &held.address)]);
        AddressView {
            id: hexadecimal(&held.id),
            address: held.address.clone(),
            state: match held.state {
                AddressState::Confirmed => self.texts.say("sign_in_ways.told_confirmed").to_owned(),
                AddressState::Sent(until) => self.at("sign_in_ways.told_sent", until),
                AddressState::TooLate => self.texts.say("sign_in_ways.told_late").to_owned(),
            },
            code: matches!(held.state, AddressState::Sent(_))
                .then(|| fill("sign_in_ways.told_code")),
            field: FIELDS.get(place).copied().unwrap_or_default(),
            remove: fill("sign_in_ways.told_remove"),
        }
    }
}

/// Where it is said that the code for this address is wrong: beside its field, where one is still waited for.
pub(super) fn field_of(addresses: &[AddressView], id: &str) -> &'static str {
    let held = addresses.iter().find(|held| held.id == id);
    let held = held.filter(|held| held.code.is_some());
    held.map_or("maincontent", |held| held.field)
}

/// The code from a mail, typed.
pub(super) async fn confirm(
    portal: &Portal,
    visitor: &Visitor,
    form: &ChangeForm,
) -> Result<Response, Problem> {
    let token = visitor.signed_in()?;
    let id = bytes(&form.address).ok_or(Problem::Form)?;
    match sign_in_ways::confirm(portal.app(), token, id, form.code.trim()).await {
        Ok(_) => Ok(respond::to("/sign-in-ways?note=told")),
        // It is gone, or confirmed, already.
        Err(Refusal::NotFound) => Ok(respond::to(super::PATH)),
        Err(Refusal::WrongCredentials) => {
            let given = Given {
                wrong_code: Some(form.address.clone()),
                ..Given::default()
            };
            again(portal, visitor, given).await
        }
        Err(refusal) => Err(refusal.into()),
    }
}
