//! What people have, by age: conditions with usual medicines, allergies and the immunisation schedule.
//!
//! Frequencies are round figures of our own that make a plausible practice list; they are no statistics.

use candour_core::people::Gender;
use jiff::civil::Date;

use super::chance::{Chance, days_after, years_after};
use super::topics::Topic;

/// Whom a condition can befall.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whom {
    All,
    Female,
    Male,
}

/// A usual medicine, with its `RxNorm` ingredient where we are sure of it.
pub(super) struct Medicine {
    pub name: &'static str,
    pub rxnorm: Option<&'static str>,
    pub dosage: &'static str,
}

/// A condition people of this population may have.
pub(super) struct Ailment {
    pub name: &'static str,
    pub snomed: &'static str,
    whom: Whom,
    /// Youngest and oldest age at onset.
    onset: (i32, i32),
    /// Of a thousand who reach the oldest onset age.
    per_thousand: u32,
    /// The same for Māori and Pacific people.
    per_thousand_maori_or_pacific: u32,
    /// How long it lasts; `None` for good.
    days: Option<i32>,
    pub medicine: Option<Medicine>,
    pub topic: Option<Topic>,
}

/// A condition somebody has or had.
pub(super) struct Had {
    pub ailment: &'static Ailment,
    pub since: Date,
    pub until: Option<Date>,
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "the table has `None` for those without a medicine"
)]
const fn medicine(
    name: &'static str,
    rxnorm: &'static str,
    dosage: &'static str,
) -> Option<Medicine> {
    let rxnorm = if rxnorm.is_empty() {
        None
    } else {
        Some(rxnorm)
    };
    Some(Medicine {
        name,
        rxnorm,
        dosage,
    })
}

#[expect(clippy::too_many_arguments, reason = "one line of a table each")]
const fn ailment(
    name: &'static str,
    snomed: &'static str,
    whom: Whom,
    onset: (i32, i32),
    per_thousand: (u32, u32),
    days: i32,
    medicine: Option<Medicine>,
    topic: Option<Topic>,
) -> Ailment {
    Ailment {
        name,
        snomed,
        whom,
        onset,
        per_thousand: per_thousand.0,
        per_thousand_maori_or_pacific: per_thousand.1,
        days: if days == 0 { None } else { Some(days) },
        medicine,
        topic,
    }
}

#[rustfmt::skip]
static AILMENTS: &[Ailment] = &[
    ailment("Otitis media", "65363002", Whom::All, (0, 6), (280, 340), 10, medicine("Amoxicillin 250 mg/5 mL oral liquid", "723", "5 mL three times a day for 5 days"), Some(Topic::Hearing)),
    ailment("Eczema", "43116000", Whom::All, (0, 12), (160, 210), 0, medicine("Hydrocortisone 1 % cream", "5492", "Apply thinly to the sore places twice a day"), None),
    ailment("Asthma", "195967001", Whom::All, (3, 25), (120, 180), 0, medicine("Salbutamol 100 microgram inhaler", "435", "Two puffs through a spacer when needed"), Some(Topic::Breathing)),
    ailment("Acute rheumatic fever", "58718002", Whom::All, (6, 16), (1, 12), 0, medicine("Benzathine benzylpenicillin 1.2 million units injection", "", "One injection every 28 days"), Some(Topic::Heart)),
    ailment("Allergic rhinitis", "61582004", Whom::All, (8, 40), (130, 110), 0, medicine("Cetirizine 10 mg tablet", "20610", "One tablet a day when needed"), None),
    ailment("Depression", "35489007", Whom::All, (15, 65), (110, 130), 0, medicine("Sertraline 50 mg tablet", "36437", "One tablet in the morning"), Some(Topic::Mood)),
    ailment("Iron deficiency anaemia", "87522002", Whom::Female, (14, 50), (90, 120), 180, medicine("Ferrous fumarate 200 mg tablet", "", "One tablet a day, with orange juice"), None),
    ailment("Pregnant", "77386006", Whom::Female, (18, 42), (180, 200), 270, medicine("Folic acid 0.8 mg tablet", "4511", "One tablet a day"), Some(Topic::Pregnancy)),
    ailment("Migraine", "37796009", Whom::All, (14, 45), (110, 90), 0, medicine("Sumatriptan 50 mg tablet", "37418", "One tablet at the first sign of a migraine"), None),
    ailment("Victim of intimate partner abuse", "706893006", Whom::All, (18, 60), (9, 12), 0, None, None),
    ailment("Alcohol abuse", "15167005", Whom::All, (20, 60), (22, 26), 0, medicine("Naltrexone 50 mg tablet", "7243", "One tablet a day"), None),
    ailment("Gastro-oesophageal reflux disease", "235595009", Whom::All, (28, 70), (150, 150), 0, medicine("Omeprazole 20 mg capsule", "7646", "One capsule before breakfast"), Some(Topic::Stomach)),
    ailment("Gout", "90560007", Whom::Male, (28, 70), (70, 180), 0, medicine("Allopurinol 300 mg tablet", "519", "One tablet a day"), None),
    ailment("Hypertension", "38341003", Whom::All, (38, 75), (340, 410), 0, medicine("Candesartan 8 mg tablet", "214354", "One tablet in the morning"), None),
    ailment("Type 2 diabetes mellitus", "44054006", Whom::All, (34, 75), (100, 210), 0, medicine("Metformin 500 mg tablet", "6809", "One tablet with breakfast and one with the evening meal"), Some(Topic::Diabetes)),
    ailment("Hypothyroidism", "40930008", Whom::Female, (30, 70), (60, 50), 0, medicine("Levothyroxine 50 microgram tablet", "10582", "One tablet on an empty stomach"), None),
    ailment("Osteoarthritis of knee", "239873007", Whom::All, (50, 80), (190, 200), 0, medicine("Paracetamol 500 mg tablet", "161", "Two tablets up to four times a day when needed"), Some(Topic::Knee)),
    ailment("Ischaemic heart disease", "414545008", Whom::All, (48, 80), (90, 130), 0, medicine("Atorvastatin 40 mg tablet", "83367", "One tablet at night"), Some(Topic::Heart)),
    ailment("Chronic obstructive pulmonary disease", "13645005", Whom::All, (50, 80), (70, 120), 0, medicine("Tiotropium 18 microgram inhalation capsule", "", "One capsule inhaled once a day"), Some(Topic::Breathing)),
    ailment("Atrial fibrillation", "49436004", Whom::All, (58, 88), (90, 110), 0, medicine("Dabigatran 110 mg capsule", "", "One capsule twice a day"), Some(Topic::Heart)),
    ailment("Cataract", "193570009", Whom::All, (62, 88), (220, 220), 0, None, Some(Topic::Eyes)),
    ailment("Dementia", "52448006", Whom::All, (72, 92), (140, 150), 0, medicine("Donepezil 5 mg tablet", "135447", "One tablet at night"), Some(Topic::Memory)),
];

/// The conditions somebody has had up to `end`, in order of onset.
pub(super) fn ailments(
    chance: &mut Chance,
    birth: Date,
    end: Date,
    gender: Gender,
    is_maori_or_pacific: bool,
) -> Vec<Had> {
    let mut had = Vec::new();
    for ailment in AILMENTS {
        let likely = if is_maori_or_pacific {
            ailment.per_thousand_maori_or_pacific
        } else {
            ailment.per_thousand
        };
        // Drawn for everybody, so that one condition does not shift the others.
        let (befalls, age) = (
            chance.in_thousand(likely),
            chance.within(ailment.onset.0..=ailment.onset.1),
        );
        let day = chance.within(0..=364);
        let fits = match ailment.whom {
            Whom::All => true,
            Whom::Female => gender == Gender::Female,
            Whom::Male => gender == Gender::Male,
        };
        let since = days_after(years_after(birth, age), day);
        if befalls && fits && since <= end {
            let until = ailment
                .days
                .map(|days| days_after(since, days))
                .filter(|until| *until <= end);
            had.push(Had {
                ailment,
                since,
                until,
            });
        }
    }
    had.sort_by_key(|had| had.since);
    had
}

/// An allergy: substance, SNOMED code, reaction, whether it may be severe.
pub(super) type Allergy = (&'static str, &'static str, &'static str, bool);

const ALLERGIES: &[(u32, Allergy)] = &[
    (30, ("Allergy to penicillin", "91936005", "Rash", true)),
    (
        14,
        (
            "Allergy to peanut",
            "91935009",
            "Swelling of the face",
            true,
        ),
    ),
    (
        10,
        ("Allergy to bee venom", "424213003", "Local swelling", true),
    ),
    (10, ("Allergy to eggs", "91930004", "Hives", false)),
    (
        12,
        (
            "Allergy to cow's milk protein",
            "782555009",
            "Vomiting",
            false,
        ),
    ),
    (12, ("Allergy to codeine", "294459006", "Nausea", false)),
];

/// Up to two allergies.
pub(super) fn allergies(chance: &mut Chance) -> Vec<Allergy> {
    let many = *chance.weighted(&[(82, 0), (15, 1), (3, 2)]);
    let mut found: Vec<Allergy> = Vec::new();
    for _ in 0..many {
        let allergy = *chance.weighted(ALLERGIES);
        if !found.contains(&allergy) {
            found.push(allergy);
        }
    }
    found
}

/// A dose of the schedule: days after birth, vaccine, dose number.
const SCHEDULE: &[(i32, &str, u8)] = &[
    (42, "Rotavirus", 1),
    (
        42,
        "Diphtheria, tetanus, pertussis, polio, hepatitis B and Hib",
        1,
    ),
    (42, "Pneumococcal", 1),
    (91, "Rotavirus", 2),
    (
        91,
        "Diphtheria, tetanus, pertussis, polio, hepatitis B and Hib",
        2,
    ),
    (
        152,
        "Diphtheria, tetanus, pertussis, polio, hepatitis B and Hib",
        3,
    ),
    (152, "Pneumococcal", 2),
    (365, "Measles, mumps and rubella", 1),
    (365, "Pneumococcal", 3),
    (365, "Meningococcal B", 1),
    (457, "Measles, mumps and rubella", 2),
    (457, "Hib", 4),
    (457, "Varicella", 1),
    (1461, "Diphtheria, tetanus, pertussis and polio", 4),
    (4018, "Tetanus, diphtheria and pertussis", 1),
    (4383, "HPV", 1),
    (4600, "HPV", 2),
    (16436, "Tetanus, diphtheria and pertussis", 2),
    (23741, "Tetanus, diphtheria and pertussis", 3),
    (23800, "Zoster", 1),
];

/// The first year from which a practice's own immunisation records reach back.
const RECORDS_SINCE: i16 = 1996;

/// A vaccine given: day, name, dose.
pub(super) type Given = (Date, &'static str, Option<u8>);

/// Doses up to `end`: the schedule from 1996 on, influenza each autumn for the old and some others.
pub(super) fn immunisations(chance: &mut Chance, birth: Date, end: Date) -> Vec<Given> {
    let mut given = Vec::new();
    let keeps_to_it = !chance.in_thousand(90);
    for (days, vaccine, dose) in SCHEDULE {
        let day = days_after(birth, days + chance.within(0..=40));
        let misses = chance.in_thousand(70);
        if keeps_to_it && !misses && day.year() >= RECORDS_SINCE && day <= end {
            given.push((day, *vaccine, Some(*dose)));
        }
    }
    let yearly = if chance.in_thousand(150) { 18 } else { 65 };
    for year in (end.year() - 4)..=end.year() {
        let Ok(autumn) = Date::new(year, 4, 2) else {
            continue;
        };
        let day = days_after(autumn, chance.within(0..=70));
        if years_after(birth, yearly) <= day && day <= end && !chance.in_thousand(200) {
            given.push((day, "Influenza", None));
        }
    }
    given.sort_by_key(|(day, ..)| *day);
    given
}
