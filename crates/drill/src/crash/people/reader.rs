//! Somebody who reads: a patient their own record, a doctor their patients'.

use super::Somebody;
use crate::browser::ids_in;
use crate::crash::book::Asked;

/// Sections that are looked at between documents.
const SECTIONS: [&str; 3] = ["medicines", "conditions", "results"];

/// A reader and whose records they read.
pub struct Reader {
    /// Who reads.
    pub somebody: Somebody,
    /// Patients' ids.
    pub patients: Vec<String>,
}

impl Reader {
    /// Reads until it is time to go.
    pub async fn read(mut self) {
        while self.turn().await.is_some() {}
    }

    async fn turn(&mut self) -> Option<()> {
        self.somebody.pause(5, 60).await?;
        let patient = self.somebody.dice.one_of(&self.patients).cloned()?;
        let shelf = format!("/patients/{patient}/documents");
        let shelf = self.somebody.get(&shelf, Asked::Page(&patient)).await;
        let Some(shelf) = shelf.filter(|shelf| shelf.status == 200) else {
            return Some(());
        };
        let documents = ids_in(&shelf.text(), "/documents/");
        for _ in 0..3 {
            self.somebody.pause(5, 60).await?;
            let Some(document) = self.somebody.dice.one_of(&documents).cloned() else {
                break;
            };
            let path = format!("/documents/{document}/download");
            self.somebody.get(&path, Asked::Document(&document)).await;
        }
        self.somebody.pause(5, 60).await?;
        let section = SECTIONS[self.somebody.dice.below(SECTIONS.len())];
        let path = format!("/patients/{patient}/record/{section}");
        self.somebody.get(&path, Asked::Page(&patient)).await;
        Some(())
    }
}
