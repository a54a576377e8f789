//! What surrounds every page: masthead, navigation, the banner of the patient concerned, footer.

use crate::texts::{Language, Texts};

/// What of the installation's state every page says.
#[derive(Debug, Clone, Copy, Default)]
pub struct Standing {
    /// Made as a demonstration.
    pub demonstration: bool,
    /// The keeper shares its OS user, or the owner of its database, with another part.
    pub is_shared: bool,
}

/// One entry of the navigation.
#[derive(Debug, Clone, Copy)]
pub struct NavigationLink {
    /// Key of its words.
    pub words: &'static str,
    /// Where it leads.
    pub path: &'static str,
    /// This page belongs to it.
    pub is_here: bool,
}

/// Who the record on this page is about; always in sight where somebody else reads it.
#[derive(Debug, Clone)]
pub struct PatientBanner {
    /// Full name.
    pub name: String,
    /// Birth date in words.
    pub born: String,
    /// NHI, or the word for none.
    pub nhi: String,
}

/// The back link of a page.
#[derive(Debug, Clone)]
pub struct BackLink {
    /// Where it leads.
    pub path: String,
    /// What it says.
    pub words: String,
}

/// Everything around a page's own content.
#[derive(Debug, Clone)]
pub struct Frame {
    /// The page's language.
    pub language: Language,
    /// The page's one `h1`.
    pub title: String,
    /// Whether somebody is signed in.
    pub is_signed_in: bool,
    /// The navigation; empty for strangers.
    pub navigation: Vec<NavigationLink>,
    /// Whom the page is about.
    pub patient: Option<PatientBanner>,
    /// The way back.
    pub back: Option<BackLink>,
    /// What must be known about all that this page shows.
    pub note: Option<String>,
    /// The installation's state.
    pub standing: Standing,
    /// The script the page needs, under `/assets/`.
    pub script: Option<&'static str>,
    /// Something in the form on this page is to be mended.
    pub has_errors: bool,
}

impl Frame {
    /// A frame for a page that strangers see.
    pub fn public(standing: Standing, title: &'static str) -> Self {
        let language = Language::English;
        Self {
            language,
            title: language.texts().say(title).to_owned(),
            is_signed_in: false,
            navigation: Vec::new(),
            patient: None,
            back: None,
            note: None,
            standing,
            script: None,
            has_errors: false,
        }
    }

    /// The same page for a patient or proxy who is signed in.
    #[must_use]
    pub fn for_patient(mut self) -> Self {
        self.is_signed_in = true;
        self.navigation = vec![NavigationLink {
            words: "frame.home",
            path: "/home",
            is_here: false,
        }];
        self
    }

    /// The same page for practice staff who are signed in.
    #[must_use]
    pub fn for_staff(mut self) -> Self {
        self.is_signed_in = true;
        self.navigation = [
            ("frame.home", "/practice"),
            ("frame.find_patient", "/practice/find"),
            ("frame.purpose", "/practice/purpose"),
        ]
        .map(|(words, path)| NavigationLink {
            words,
            path,
            is_here: false,
        })
        .to_vec();
        self
    }

    /// Marks where in the navigation the page is.
    #[must_use]
    pub fn at(mut self, path: &str) -> Self {
        for link in &mut self.navigation {
            link.is_here = link.path == path;
        }
        self
    }

    /// Another title, filled by the page.
    #[must_use]
    pub fn titled(mut self, title: String) -> Self {
        self.title = title;
        self
    }

    /// A link back.
    #[must_use]
    pub fn back_to(mut self, path: impl Into<String>, words: &'static str) -> Self {
        self.back = Some(BackLink {
            path: path.into(),
            words: self.say(words).to_owned(),
        });
        self
    }

    /// The banner of the patient concerned.
    #[must_use]
    pub fn about(mut self, patient: PatientBanner) -> Self {
        self.patient = Some(patient);
        self
    }

    /// A script from `/assets/`.
    #[must_use]
    pub fn with_script(mut self, script: &'static str) -> Self {
        self.script = Some(script);
        self
    }

    /// What asks passkeys. In a demonstration its accounts' own answer.
    #[must_use]
    pub fn with_passkeys(self) -> Self {
        let script = if self.standing.demonstration {
            "demonstration.js"
        } else {
            "passkey.js"
        };
        self.with_script(script)
    }

    /// The sentences.
    pub fn texts(&self) -> &'static Texts {
        self.language.texts()
    }

    /// One sentence.
    pub fn say(&self, key: &'static str) -> &'static str {
        self.texts().say(key)
    }

    /// The window's title; says first that something is to be mended, for those who hear it read.
    pub fn window_title(&self) -> String {
        let title = self
            .texts()
            .fill("frame.page_title", &[("title", &self.title)]);
        if self.has_errors {
            self.texts()
                .fill("frame.title_problem", &[("title", &title)])
        } else {
            title
        }
    }
}

/// What is to be mended in a form; listed on top of the page and linked to its field.
#[derive(Debug, Clone, Default)]
pub struct FieldErrors(Vec<(&'static str, String)>);

impl FieldErrors {
    /// Adds a sentence about a field.
    pub fn add(&mut self, field: &'static str, sentence: impl Into<String>) {
        self.0.push((field, sentence.into()));
    }

    /// Nothing is to be mended.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Field and sentence, in order.
    pub fn all(&self) -> &[(&'static str, String)] {
        &self.0
    }

    /// The sentence about one field.
    pub fn of(&self, field: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| *known == field)
            .map(|(_, sentence)| sentence.as_str())
    }
}
