//! Names by the origin of families, in our own lists; weights follow how common a group is, not real persons.

use candour_core::people::{Gender, PersonName};

use super::chance::Chance;

/// Where a family's names come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    Maori,
    European,
    Samoan,
    Tongan,
    Indian,
    Chinese,
    Filipino,
    Korean,
}

impl Origin {
    pub(super) fn of_region(chance: &mut Chance, is_northland: bool, is_auckland: bool) -> Self {
        let [maori, european, pacific, asian] = match (is_northland, is_auckland) {
            (true, _) => [36, 54, 4, 6],
            (_, true) => [12, 46, 16, 26],
            _ => [17, 66, 6, 11],
        };
        *chance.weighted(&[
            (maori * 10, Self::Maori),
            (european * 10, Self::European),
            (pacific * 6, Self::Samoan),
            (pacific * 4, Self::Tongan),
            (asian * 4, Self::Indian),
            (asian * 3, Self::Chinese),
            (asian * 2, Self::Filipino),
            (asian, Self::Korean),
        ])
    }

    pub(super) const fn is_maori_or_pacific(self) -> bool {
        matches!(self, Self::Maori | Self::Samoan | Self::Tongan)
    }

    /// BCP 47 language, for the few who prefer another one than English.
    pub(super) const fn language(self) -> &'static str {
        match self {
            Self::Maori => "mi",
            Self::European => "en-NZ",
            Self::Samoan => "sm",
            Self::Tongan => "to",
            Self::Indian => "hi",
            Self::Chinese => "zh-Hans",
            Self::Filipino => "fil",
            Self::Korean => "ko",
        }
    }

    pub(super) fn family(self, chance: &mut Chance) -> String {
        let list = match self {
            Self::Maori => MAORI_FAMILY,
            Self::European => EUROPEAN_FAMILY,
            Self::Samoan => SAMOAN_FAMILY,
            Self::Tongan => TONGAN_FAMILY,
            Self::Indian => INDIAN_FAMILY,
            Self::Chinese => CHINESE_FAMILY,
            Self::Filipino => FILIPINO_FAMILY,
            Self::Korean => KOREAN_FAMILY,
        };
        let name = *chance.one_of(list);
        // Two families joined by a hyphen are common enough to be met in every list.
        if matches!(self, Self::European | Self::Maori) && chance.in_thousand(40) {
            return format!("{name}-{}", chance.one_of(EUROPEAN_FAMILY));
        }
        name.to_owned()
    }

    fn given(self, gender: Gender) -> &'static [&'static str] {
        let female = gender == Gender::Female;
        match (self, female) {
            (Self::Maori, true) => MAORI_FEMALE,
            (Self::Maori, false) => MAORI_MALE,
            (Self::European, true) => EUROPEAN_FEMALE,
            (Self::European, false) => EUROPEAN_MALE,
            (Self::Samoan | Self::Tongan, true) => PACIFIC_FEMALE,
            (Self::Samoan | Self::Tongan, false) => PACIFIC_MALE,
            (Self::Indian, true) => INDIAN_FEMALE,
            (Self::Indian, false) => INDIAN_MALE,
            (Self::Chinese | Self::Korean, true) => EAST_ASIAN_FEMALE,
            (Self::Chinese | Self::Korean, false) => EAST_ASIAN_MALE,
            (Self::Filipino, true) => FILIPINO_FEMALE,
            (Self::Filipino, false) => FILIPINO_MALE,
        }
    }

    /// A name with this family name; some have an English first name, most a middle name.
    pub(super) fn person(self, chance: &mut Chance, gender: Gender, family: &str) -> PersonName {
        let drawn = if gender == Gender::Other {
            *chance.one_of(&[Gender::Female, Gender::Male])
        } else {
            gender
        };
        let english = Self::European.given(drawn);
        let own = self.given(drawn);
        let first = if self != Self::European && chance.in_thousand(330) {
            english
        } else {
            own
        };
        let mut given = (*chance.one_of(first)).to_owned();
        if chance.in_thousand(620) {
            let middle = *chance.one_of(own);
            if middle != given {
                given = format!("{given} {middle}");
            }
        }
        let mut name = PersonName::new(&given, family);
        let short = SHORT.iter().find(|(long, _)| name.called() == *long);
        if let Some((_, short)) = short.filter(|_| chance.in_thousand(400)) {
            name.preferred = Some((*short).to_owned());
        }
        name
    }
}

const SHORT: &[(&str, &str)] = &[
    ("William", "Bill"),
    ("Elizabeth", "Liz"),
    ("Margaret", "Peg"),
    ("Robert", "Bob"),
    ("Wiremu", "Wī"),
    ("Rangimārie", "Rangi"),
    ("Te Ariki", "Ari"),
    ("Katherine", "Kate"),
    ("Thomas", "Tom"),
    ("Michael", "Mike"),
];

const MAORI_FAMILY: &[&str] = &[
    "Ngāta",
    "Pōtae",
    "Tāmihana",
    "Te Aho",
    "Wharepapa",
    "Rāwiri",
    "Hēnare",
    "Parata",
    "Tautari",
    "Kīngi",
    "Rēweti",
    "Paraone",
    "Tīpene",
    "Māhanga",
    "Te Moana",
    "Wikaira",
    "Hōhepa",
    "Rāpana",
    "Toka",
    "Pīhema",
    "Te Whiu",
    "Harawira",
    "Kāwiti",
    "Nēpia",
    "Tūhiwai",
    "Wirihana",
    "Pōmare",
    "Rīhari",
    "Āperahama",
    "Tāwhai",
    "Mōkaraka",
    "Te Rangi",
];
const MAORI_FEMALE: &[&str] = &[
    "Aroha",
    "Mere",
    "Ngaio",
    "Hinemoa",
    "Kōwhai",
    "Anahera",
    "Mārama",
    "Whetū",
    "Rangimārie",
    "Hana",
    "Moana",
    "Ataahua",
    "Pānia",
    "Tūī",
    "Wairere",
    "Ērana",
    "Hēni",
    "Maia",
    "Ngāhuia",
    "Tia",
    "Amīria",
    "Kahurangi",
    "Rīpeka",
    "Huia",
];
const MAORI_MALE: &[&str] = &[
    "Wiremu", "Hēmi", "Tāne", "Rāwiri", "Hōne", "Mātene", "Te Ariki", "Nikau", "Kāhu", "Manaaki",
    "Pita", "Rangi", "Tama", "Wī", "Hoani", "Tīmoti", "Kauri", "Matiu", "Āpera", "Tūtere",
    "Hakopa", "Ihaia", "Kereama", "Pāora",
];
const EUROPEAN_FAMILY: &[&str] = &[
    "Smith",
    "Wilson",
    "Williams",
    "Brown",
    "Taylor",
    "Jones",
    "Anderson",
    "Thompson",
    "Walker",
    "Scott",
    "Mitchell",
    "O'Brien",
    "McKenzie",
    "Campbell",
    "Stewart",
    "Harris",
    "Clarke",
    "Robertson",
    "Fraser",
    "MacDonald",
    "Bennett",
    "Van der Berg",
    "Müller",
    "Novak",
    "O'Sullivan",
    "Hughes",
    "Fletcher",
    "Gallagher",
    "Marinković",
    "Yelavich",
    "Sinclair",
    "Whitmore",
    "Ashby",
    "Lindqvist",
    "Hargreaves",
    "Pickering",
    "Doyle",
    "Radich",
    "Thorne",
    "Æsgard",
];
const EUROPEAN_FEMALE: &[&str] = &[
    "Charlotte",
    "Margaret",
    "Elizabeth",
    "Susan",
    "Emma",
    "Olivia",
    "Sophie",
    "Helen",
    "Judith",
    "Amelia",
    "Grace",
    "Katherine",
    "Zoë",
    "Renée",
    "Isla",
    "Patricia",
    "Nicola",
    "Rebecca",
    "Lucy",
    "Heather",
    "Jill",
    "Hannah",
    "Ruby",
];
const EUROPEAN_MALE: &[&str] = &[
    "William", "James", "Thomas", "Oliver", "Jack", "Robert", "David", "Michael", "Graeme",
    "Peter", "Noah", "Liam", "Ian", "Callum", "Stuart", "Barry", "Lucas", "George", "Hugo",
    "André", "Neil", "Trevor", "Max", "Angus",
];
const SAMOAN_FAMILY: &[&str] = &[
    "Tuilagi",
    "Faʻafetai",
    "Leota",
    "Sāpolu",
    "Tamasese",
    "Iosefa",
    "Faumuinā",
    "Lealaiauloto",
    "Tuʻimavave",
    "Seumalo",
];
const TONGAN_FAMILY: &[&str] = &[
    "Tāufa",
    "Fīnau",
    "Tupou",
    "Vākata",
    "Moala",
    "Havili",
    "Fifita",
    "Kaufusi",
    "Lātū",
    "ʻAkauʻola",
    "Taumalolo",
];
const PACIFIC_FEMALE: &[&str] = &[
    "Sina", "Mele", "Losa", "ʻAna", "Salote", "Lupe", "Fetū", "Tālia", "Malia", "Sela", "Leilani",
    "Vaʻasa", "Ema",
];
const PACIFIC_MALE: &[&str] = &[
    "Sione", "Tavita", "Semisi", "Ioane", "Mikaele", "Sālesi", "Viliami", "Pōuli", "Tevita",
    "Lēfaga", "Paulo", "Etuate",
];
const INDIAN_FAMILY: &[&str] = &[
    "Patel",
    "Singh",
    "Kaur",
    "Sharma",
    "Reddy",
    "Prasad",
    "Nair",
    "Kumar",
    "Fernandes",
    "Iyer",
];
const INDIAN_FEMALE: &[&str] = &[
    "Priya", "Anjali", "Harpreet", "Lakshmi", "Meera", "Divya", "Simran", "Kavita", "Asha",
];
const INDIAN_MALE: &[&str] = &[
    "Arjun", "Rajesh", "Gurpreet", "Vikram", "Sanjay", "Anil", "Rohan", "Manoj", "Kiran",
];
const CHINESE_FAMILY: &[&str] = &[
    "Wang", "Li", "Zhang", "Chen", "Liu", "Huang", "Zhao", "Wu", "Lin", "Xu", "Ng", "Wong",
];
const KOREAN_FAMILY: &[&str] = &["Kim", "Lee", "Park", "Choi", "Jung", "Kang", "Yoon"];
const EAST_ASIAN_FEMALE: &[&str] = &[
    "Mei", "Xiaoling", "Yuna", "Jiayi", "Soo-jin", "Lihua", "Yan", "Minji", "Hui", "Ling",
];
const EAST_ASIAN_MALE: &[&str] = &[
    "Wei", "Jun", "Min-ho", "Haoran", "Yichen", "Ji-hoon", "Ming", "Tao", "Lei", "Sung",
];
const FILIPINO_FAMILY: &[&str] = &[
    "Santos",
    "Reyes",
    "Cruz",
    "Bautista",
    "Dela Cruz",
    "Peña",
    "Villanueva",
    "Mendoza",
];
const FILIPINO_FEMALE: &[&str] = &[
    "Maria", "Angelica", "Jasmine", "Lourdes", "Cristina", "Marisol", "Rosario",
];
const FILIPINO_MALE: &[&str] = &[
    "José", "Miguel", "Angelo", "Ramón", "Paolo", "Jericho", "Emilio",
];
