//! What practice staff see: purpose, finding a patient, the patient's page.

use super::GivenDate;
use crate::frame::{FieldErrors, Frame};
use askama::Template;

/// Where staff start.
#[derive(Template)]
#[template(path = "practice/practice.html")]
pub struct PracticePage {
    /// Around it.
    pub frame: Frame,
    /// The practice's name.
    pub practice: String,
    /// Key of the sentence that says the chosen purpose.
    pub purpose: &'static str,
}

/// A purpose to choose.
pub struct PurposeChoice {
    /// The input's id.
    pub id: &'static str,
    /// The purpose's word.
    pub word: &'static str,
    /// Key of its name.
    pub words: &'static str,
    /// Key of its explanation.
    pub text: &'static str,
    /// It is the present one.
    pub is_chosen: bool,
}

/// Why records are opened in this visit.
#[derive(Template)]
#[template(path = "practice/purpose.html")]
pub struct PurposePage {
    /// Around it.
    pub frame: Frame,
    /// What is to be mended.
    pub errors: FieldErrors,
    /// The closed list.
    pub choices: Vec<PurposeChoice>,
}

/// What was typed into a search.
#[derive(Debug, Default, Clone)]
pub struct GivenTerms {
    /// NHI.
    pub nhi: String,
    /// Surname.
    pub surname: String,
    /// First name or initial.
    pub given: String,
    /// Birth date.
    pub birth: GivenDate,
    /// Phone number.
    pub phone: String,
}

/// One patient found.
pub struct FoundPatient {
    /// Id as text.
    pub id: String,
    /// Full name.
    pub name: String,
    /// Birth date and NHI.
    pub about: String,
}

/// What a search gave.
pub struct FoundView {
    /// How many.
    pub heading: String,
    /// At most ten.
    pub patients: Vec<FoundPatient>,
    /// There are more.
    pub has_more: bool,
}

/// Finding a patient of one's own practice.
#[derive(Template)]
#[template(path = "practice/find.html")]
pub struct FindPage {
    /// Around it.
    pub frame: Frame,
    /// What is to be mended.
    pub errors: FieldErrors,
    /// What was typed.
    pub terms: GivenTerms,
    /// What it gave.
    pub found: Option<FoundView>,
}

/// One patient, for staff.
#[derive(Template)]
#[template(path = "practice/patient.html")]
pub struct PatientPage {
    /// Around it.
    pub frame: Frame,
    /// The patient's id as text.
    pub patient: String,
}
