//! Made-up practices. Their telephone numbers and domains are made up too: nothing is ever sent to them.

use candour_core::hpi::{Hpi, HpiKind};
use candour_core::people::{EmailAddress, Gender, PhoneNumber, PostalAddress, search_key};

use super::Plan;
use super::chance::{Chance, Stream};
use super::names::Origin;
use super::places::{REGIONS, Region};

/// Somebody who works at a practice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clinician {
    /// Name with title, for example `Dr Mere Te Aho`.
    pub name: String,
    /// What they are, for example `General practitioner`.
    pub role: &'static str,
}

/// Who is rung when the practice is closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutOfHours {
    /// Name.
    pub name: String,
    /// What they are to the practice.
    pub role: &'static str,
    /// Telephone.
    pub phone: PhoneNumber,
    /// E-mail.
    pub email: EmailAddress,
}

/// A made-up practice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntheticPractice {
    /// Its index in [`super::Population::practices`].
    pub index: usize,
    /// Its name.
    pub name: String,
    /// Its region.
    pub region: String,
    /// HPI number of the organisation.
    pub organisation: Hpi,
    /// HPI number of the facility.
    pub facility: Hpi,
    /// Where it is.
    pub address: PostalAddress,
    /// Telephone of the desk.
    pub phone: PhoneNumber,
    /// E-mail of the desk.
    pub email: EmailAddress,
    /// Who is rung when it is closed: manager, then privacy officer.
    pub out_of_hours: Vec<OutOfHours>,
    /// Doctors and nurses, at least three.
    pub clinicians: Vec<Clinician>,
    pub(super) region_index: usize,
    pub(super) town_index: usize,
}

const FIRST: &[&str] = &[
    "Kererū",
    "Kōtuku",
    "Pūriri",
    "Tūī",
    "Harakeke",
    "Rimu",
    "Toroa",
    "Mātai",
    "Kahikatea",
    "Pīwakawaka",
    "Kākāpō",
    "Tōtara",
    "Mānuka",
    "Pōhutukawa",
    "Ruru",
    "Kōkako",
    "Ngaio",
    "Rātā",
    "Hīnau",
    "Tītoki",
];
const SECOND: &[&str] = &[
    "Medical Centre",
    "Family Practice",
    "Health Centre",
    "Doctors",
    "Hauora Clinic",
];

/// Every second practice is in Northland.
fn region_of(index: usize) -> usize {
    if index.is_multiple_of(2) {
        0
    } else {
        1 + (index / 2) % (REGIONS.len() - 1)
    }
}

pub(super) fn all(plan: &Plan) -> Option<Vec<SyntheticPractice>> {
    (0..plan.practices)
        .map(|number| make(plan.practices_seed, number))
        .collect()
}

fn make(seed: u64, number: u32) -> Option<SyntheticPractice> {
    let mut chance = Chance::new(seed, Stream::Practice, number);
    let index = usize::try_from(number).ok()?;
    let region_index = region_of(index);
    let region = &REGIONS[region_index];
    let town_index = (index / 2) % region.towns.len();
    let town = &region.towns[town_index];
    // The first word repeats only after every second word was used: no two practices of a population share a name.
    let first = FIRST[index % FIRST.len()];
    let second = SECOND[(index / FIRST.len() + index) % SECOND.len()];
    let round = index / (FIRST.len() * SECOND.len());
    let name = if round == 0 {
        format!("{first} {second}")
    } else {
        format!("{first} {second} {}", round + 1)
    };
    let domain = format!("{}.example", search_key(&name).replace(' ', "-"));
    let staff = |chance: &mut Chance| {
        let gender = *chance.one_of(&[Gender::Female, Gender::Male]);
        let origin = Origin::of_region(chance, region_index == 0, region_index == 1);
        let family = origin.family(chance);
        let person = origin.person(chance, gender, &family);
        format!(
            "{} {family}",
            person.given.split(' ').next().unwrap_or_default()
        )
    };
    let clinicians = (0..4)
        .map(|place| match place {
            0 | 1 => Clinician {
                name: format!("Dr {}", staff(&mut chance)),
                role: "General practitioner",
            },
            2 => Clinician {
                name: staff(&mut chance),
                role: "Nurse practitioner",
            },
            _ => Clinician {
                name: staff(&mut chance),
                role: "Practice nurse",
            },
        })
        .collect();
    let out_of_hours = ["Practice manager", "Privacy officer"]
        .into_iter()
        .zip(1..)
        .filter_map(|(role, place)| {
            let name = staff(&mut chance);
            let mailbox = search_key(&name).replace(' ', ".");
            Some(OutOfHours {
                email: EmailAddress::parse(&format!("{mailbox}@{domain}")).ok()?,
                phone: PhoneNumber::parse(&format!("021 555 {:04}", number * 2 + place)).ok()?,
                name,
                role,
            })
        })
        .collect();
    Some(SyntheticPractice {
        index,
        region: region.name.into(),
        organisation: Hpi::made_up(HpiKind::Organisation, index)?,
        facility: Hpi::made_up(HpiKind::Facility, index)?,
        address: town.address(&mut chance),
        phone: landline(region, number)?,
        email: EmailAddress::parse(&format!("reception@{domain}")).ok()?,
        name,
        out_of_hours,
        clinicians,
        region_index,
        town_index,
    })
}

/// A landline of the region whose middle digits are 555.
pub(super) fn landline(region: &Region, number: u32) -> Option<PhoneNumber> {
    PhoneNumber::parse(&format!("0{} 555 {:04}", region.area, number % 10_000)).ok()
}
