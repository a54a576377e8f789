//! Letters: referral, clinic letter, discharge summary, laboratory report.

use candour_core::document::{DocumentKind, DocumentMeta, Title, sniff};
use candour_core::fhir::{FhirDate, Sensitivities};
use candour_core::people::{Identity, PostalAddress};
use jiff::civil::Date;

use super::Letter;
use super::chance::{Chance, days_after, working_day};
use super::page::{BLACK, Column, GREY, Ink, LEFT, Sheet, TypeFaces, Weight};
use super::places::REGIONS;
use super::practice::SyntheticPractice;
use super::results::Panel;
use super::topics::Topic;

/// What a letter is written from.
pub(super) struct Writer<'a> {
    pub faces: &'a TypeFaces,
    pub practice: &'a SyntheticPractice,
    pub identity: &'a Identity,
    pub postal: Option<&'a PostalAddress>,
    /// Long-term conditions and their medicines, with the day they began.
    pub conditions: Vec<(Date, String)>,
    pub medicines: Vec<(Date, String)>,
    pub allergies: Vec<String>,
}

const PRACTICE_INK: [Ink; 6] = [
    (0, 92, 104),
    (22, 78, 120),
    (86, 54, 110),
    (32, 96, 62),
    (132, 60, 30),
    (60, 70, 90),
];
const HOSPITAL_INK: Ink = (18, 72, 112);
const LABORATORY_INK: Ink = (104, 40, 72);

fn day(date: Date) -> String {
    FhirDate::of_day(date).to_string()
}

fn address_line(address: &PostalAddress) -> String {
    let mut parts = address.lines.clone();
    parts.extend(address.suburb.clone());
    parts.push(format!("{} {}", address.city, address.postcode));
    parts.join(", ")
}

/// So many different sentences of a list, in their order, with the name filled in.
fn some(chance: &mut Chance, list: &[&str], many: usize, name: &str) -> Vec<String> {
    let mut left = list.len();
    let mut wanted = many.min(left);
    let mut chosen = Vec::new();
    for sentence in list {
        if wanted > 0 && chance.below(left) < wanted {
            chosen.push(sentence.replace("{name}", name));
            wanted -= 1;
        }
        left -= 1;
    }
    chosen
}

impl Writer<'_> {
    fn sheet(&self, ink: Ink) -> Sheet<'_> {
        Sheet::new(self.faces, ink)
    }

    fn hospital(&self) -> &'static str {
        REGIONS[self.practice.region_index].hospital
    }

    /// The laboratory of the region.
    pub(super) fn laboratory(practice: &SyntheticPractice) -> String {
        format!("{} Laboratory Services", practice.region)
    }

    fn practice_ink(&self) -> Ink {
        PRACTICE_INK[self.practice.index % PRACTICE_INK.len()]
    }

    fn practice_head(&self, sheet: &mut Sheet<'_>) {
        let practice = self.practice;
        let under = [
            address_line(&practice.address),
            format!("HPI facility {}", practice.facility),
        ];
        let right = [
            format!("Telephone {}", practice.phone.local()),
            practice.email.to_string(),
        ];
        sheet.letterhead(&practice.name, &under, &right);
    }

    fn hospital_head(&self, sheet: &mut Sheet<'_>, department: &str) {
        let region = &REGIONS[self.practice.region_index];
        let town = region.towns[region.hospital_town].name;
        let under = [department.to_owned(), format!("Private Bag, {town}")];
        let right = [
            format!("Telephone 0{} 555 0000", region.area),
            format!("{} region", region.name),
        ];
        sheet.letterhead(region.hospital, &under, &right);
    }

    fn doctor<'b>(&'b self, chance: &mut Chance) -> &'b str {
        &chance.one_of(&self.practice.clinicians[..2]).name
    }

    /// The box that says whom the letter is about.
    fn about(&self, sheet: &mut Sheet<'_>, more: &[(&'static str, String)]) {
        let mut facts = vec![
            ("Patient", self.identity.name.full()),
            (
                "NHI",
                self.identity
                    .nhi
                    .map(|nhi| nhi.to_string())
                    .unwrap_or_default(),
            ),
            ("Date of birth", day(self.identity.birth_date.date())),
        ];
        facts.extend_from_slice(more);
        sheet.facts(&facts);
        if let Some(postal) = self.postal {
            sheet.gap(-6.0);
            sheet.line(
                &format!("Address: {}", address_line(postal)),
                Weight::Regular,
                GREY,
            );
            sheet.gap(8.0);
        }
    }

    /// What was known on the day of the letter.
    fn background(&self, sheet: &mut Sheet<'_>, on: Date) {
        let known = |list: &[(Date, String)]| -> Vec<String> {
            list.iter()
                .filter(|(since, _)| *since <= on)
                .map(|(_, what)| what.clone())
                .collect()
        };
        for (heading, list, none) in [
            (
                "Background",
                known(&self.conditions),
                "No long-term conditions are recorded.",
            ),
            ("Medicines", known(&self.medicines), "No regular medicines."),
        ] {
            sheet.heading(heading);
            if list.is_empty() {
                sheet.paragraph(none);
            } else {
                sheet.bullets(&list);
            }
        }
        sheet.heading("Allergies and reactions");
        let allergies = if self.allergies.is_empty() {
            "None known.".to_owned()
        } else {
            self.allergies.join("; ")
        };
        sheet.paragraph(&allergies);
    }

    fn signature(sheet: &mut Sheet<'_>, name: &str, role: &str, on: Date) {
        sheet.keep_together(86.0);
        sheet.gap(4.0);
        sheet.line("Nāku noa, nā", Weight::Regular, BLACK);
        sheet.gap(20.0);
        sheet.line(name, Weight::Bold, BLACK);
        sheet.line(role, Weight::Regular, BLACK);
        sheet.line(
            &format!("Signed electronically on {}", day(on)),
            Weight::Regular,
            GREY,
        );
    }

    fn finish(
        &self,
        sheet: Sheet<'_>,
        kind: DocumentKind,
        title: &str,
        author: &str,
        on: Date,
        topic: Option<Topic>,
    ) -> Option<Letter> {
        let nhi = self
            .identity
            .nhi
            .map(|nhi| nhi.to_string())
            .unwrap_or_default();
        let footer =
            format!("{author} · {nhi} · In confidence: made-up person, for demonstration only");
        let pdf = sheet.write(title, author, on, &footer)?;
        let tag = topic.and_then(|topic| topic.text().tag);
        Some(Letter {
            meta: DocumentMeta {
                title: Title::of(title),
                kind,
                date: Some(on),
                media_type: sniff(&pdf),
                size_bytes: pdf.len() as u64,
                source: self.practice.name.clone(),
                author: Some(author.to_owned()),
                envelope: None,
            },
            tags: tag.map_or(Sensitivities::NONE, |tag| Sensitivities::NONE.with(tag)),
            pdf,
        })
    }

    pub(super) fn referral(&self, chance: &mut Chance, topic: Topic, on: Date) -> Option<Letter> {
        let (text, name) = (topic.text(), self.identity.name.called());
        let on = if topic.is_acute() {
            on
        } else {
            working_day(on)
        };
        let doctor = self.doctor(chance);
        let mut sheet = self.sheet(self.practice_ink());
        self.practice_head(&mut sheet);
        sheet.aside(&day(on));
        sheet.line(text.department, Weight::Bold, BLACK);
        sheet.line(self.hospital(), Weight::Regular, BLACK);
        sheet.gap(10.0);
        sheet.title(&format!("Referral: {}", text.concern));
        let urgency = if topic.is_acute() {
            "Urgent"
        } else {
            chance.weighted(&[(6, "Routine"), (3, "Semi-urgent"), (1, "Urgent")])
        };
        self.about(&mut sheet, &[("Urgency", urgency.to_owned())]);
        sheet.paragraph("Tēnā koe,");
        sheet.paragraph(&format!(
            "Thank you for seeing {name}. {}",
            some(chance, text.history, 3, name).join(" ")
        ));
        sheet.heading("Findings");
        sheet.paragraph(&some(chance, text.examination, 2, name).join(" "));
        self.background(&mut sheet, on);
        sheet.heading("What we ask");
        if topic.is_acute() {
            sheet.paragraph(&format!(
                "Please see {name} today. Nothing was eaten or drunk since this morning."
            ));
        } else {
            sheet.paragraph("Please see and advise. We are happy to follow up here.");
        }
        Self::signature(
            &mut sheet,
            doctor,
            &format!("General practitioner, {}", self.practice.name),
            on,
        );
        let title = format!("Referral to {}", text.department);
        self.finish(
            sheet,
            DocumentKind::Referral,
            &title,
            &self.practice.name,
            on,
            Some(topic),
        )
    }

    pub(super) fn clinic_letter(
        &self,
        chance: &mut Chance,
        topic: Topic,
        on: Date,
    ) -> Option<Letter> {
        let (text, name) = (topic.text(), self.identity.name.called());
        let on = working_day(on);
        let mut sheet = self.sheet(HOSPITAL_INK);
        self.hospital_head(&mut sheet, text.department);
        sheet.aside(&day(on));
        sheet.line(self.doctor(chance), Weight::Bold, BLACK);
        sheet.line(&self.practice.name, Weight::Regular, BLACK);
        sheet.line(
            &address_line(&self.practice.address),
            Weight::Regular,
            BLACK,
        );
        sheet.gap(10.0);
        sheet.title(&format!(
            "{} clinic: {}",
            text.department,
            text.concern.to_lowercase()
        ));
        let seen = working_day(days_after(on, -chance.within(1..=6)));
        self.about(&mut sheet, &[("Seen on", day(seen))]);
        sheet.paragraph("Tēnā koe,");
        sheet.paragraph(&format!(
            "Thank you for referring {name}, whom I saw in clinic. {}",
            some(chance, text.history, 3, name).join(" ")
        ));
        sheet.heading("Examination and tests");
        sheet.paragraph(&some(chance, text.examination, 3, name).join(" "));
        sheet.heading("Plan");
        sheet.bullets(&some(chance, text.advice, 3, name));
        self.background(&mut sheet, on);
        sheet.paragraph(&format!(
            "A copy of this letter goes to {}.",
            self.identity.name.full()
        ));
        let author = *chance.one_of(CONSULTANTS);
        Self::signature(
            &mut sheet,
            author,
            &format!("Consultant, {}", text.department),
            on,
        );
        let title = format!("{} clinic letter", text.department);
        self.finish(
            sheet,
            DocumentKind::ClinicLetter,
            &title,
            self.hospital(),
            on,
            Some(topic),
        )
    }

    pub(super) fn discharge_summary(
        &self,
        chance: &mut Chance,
        topic: Topic,
        on: Date,
    ) -> Option<Letter> {
        let (text, name) = (topic.text(), self.identity.name.called());
        let mut sheet = self.sheet(HOSPITAL_INK);
        self.hospital_head(&mut sheet, text.department);
        sheet.title("Discharge summary");
        let nights = chance.within(2..=6);
        let ward = format!("Ward {}", chance.within(2..=24));
        self.about(
            &mut sheet,
            &[
                ("Ward", ward),
                ("Admitted", day(days_after(on, -nights))),
                ("Discharged", day(on)),
            ],
        );
        sheet.line(
            &format!("To {}, {}", self.doctor(chance), self.practice.name),
            Weight::Bold,
            BLACK,
        );
        sheet.gap(6.0);
        sheet.heading("Reason for admission");
        sheet.paragraph(text.stay_reason);
        sheet.heading("What happened in hospital");
        sheet.paragraph(&some(chance, text.stay, 4, name).join(" "));
        self.background(&mut sheet, on);
        sheet.heading("For the practice");
        sheet.bullets(&some(chance, text.afterwards, 3, name));
        sheet.heading(&format!("For {name}"));
        sheet.paragraph(
            "Rest for a few days and drink enough. If you feel worse, have a fever or are worried, ring your practice, \
             or Healthline on 0800 611 116 at any hour. In an emergency ring 111.",
        );
        let author = *chance.one_of(CONSULTANTS);
        Self::signature(
            &mut sheet,
            author,
            &format!("{}, {}", text.department, self.hospital()),
            on,
        );
        let title = format!("Discharge summary, {}", text.department);
        self.finish(
            sheet,
            DocumentKind::DischargeSummary,
            &title,
            self.hospital(),
            on,
            Some(topic),
        )
    }

    pub(super) fn lab_report(&self, chance: &mut Chance, panels: &[Panel]) -> Option<Letter> {
        let collected = panels.first()?.day;
        let laboratory = Self::laboratory(self.practice);
        let mut sheet = self.sheet(LABORATORY_INK);
        let number = format!("Report {:06}", chance.within(100_000..=999_999));
        sheet.letterhead(
            &laboratory,
            &[
                "Medical laboratory".to_owned(),
                "Accredited for demonstration only".to_owned(),
            ],
            &[number, "Telephone 0800 555 000".to_owned()],
        );
        sheet.title("Laboratory report");
        let requested = self.doctor(chance).to_owned();
        self.about(
            &mut sheet,
            &[
                ("Requested by", requested),
                ("Collected", day(collected)),
                ("Reported", day(collected)),
                ("Specimen", "Blood".to_owned()),
            ],
        );
        for panel in panels {
            sheet.heading(panel.name);
            let rows: Vec<Vec<String>> = panel
                .readings
                .iter()
                .map(|reading| {
                    vec![
                        reading.measure.name.to_owned(),
                        reading.shown(),
                        reading.measure.unit.to_owned(),
                        reading.usual(),
                        match reading.flag() {
                            "H" => "High".to_owned(),
                            "L" => "Low".to_owned(),
                            _ => String::new(),
                        },
                    ]
                })
                .collect();
            sheet.table(&COLUMNS, &rows);
        }
        sheet.gap(4.0);
        sheet.paragraph("Usual ranges are those of adults. Results are to be read together with the clinical picture.");
        sheet.line("Authorised electronically", Weight::Bold, BLACK);
        let author = *chance.one_of(CONSULTANTS);
        sheet.line(author, Weight::Regular, BLACK);
        self.finish(
            sheet,
            DocumentKind::LabReport,
            "Laboratory report",
            &laboratory,
            collected,
            None,
        )
    }
}

/// Columns of a laboratory report.
const COLUMNS: [Column; 5] = [
    Column {
        title: "Test",
        x: LEFT,
    },
    Column {
        title: "Result",
        x: LEFT + 185.0,
    },
    Column {
        title: "Unit",
        x: LEFT + 250.0,
    },
    Column {
        title: "Usual range",
        x: LEFT + 335.0,
    },
    Column {
        title: "Flag",
        x: LEFT + 430.0,
    },
];

const CONSULTANTS: &[&str] = &[
    "Dr Hēni Wharepapa",
    "Dr Anil Nair",
    "Dr Fiona Sinclair",
    "Dr Tevita Moala",
    "Dr Mei Chen",
    "Dr Rāwiri Parata",
    "Dr Katherine Doyle",
    "Dr Seumalo Leota",
    "Dr Ngāhuia Te Moana",
    "Dr Stuart Hargreaves",
];
