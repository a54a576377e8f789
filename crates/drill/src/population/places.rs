//! Regions, towns and streets; Northland first, since the first installation is there. Hospitals are made up.

use candour_core::people::PostalAddress;

use super::chance::Chance;

/// A region with its towns and its (made-up) hospital.
pub(super) struct Region {
    pub name: &'static str,
    pub hospital: &'static str,
    pub hospital_town: usize,
    /// Area code of its landlines, without the 0.
    pub area: &'static str,
    pub towns: &'static [Town],
}

/// A town with its post code.
pub(super) struct Town {
    pub name: &'static str,
    pub postcode: &'static str,
    pub suburbs: &'static [&'static str],
}

const fn town(
    name: &'static str,
    postcode: &'static str,
    suburbs: &'static [&'static str],
) -> Town {
    Town {
        name,
        postcode,
        suburbs,
    }
}

pub(super) const REGIONS: &[Region] = &[
    Region {
        name: "Northland",
        hospital: "Te Tokerau Regional Hospital",
        hospital_town: 0,
        area: "9",
        towns: &[
            town(
                "Whangārei",
                "0110",
                &["Kensington", "Tikipunga", "Ōtāika", "Maunu", "Kamo"],
            ),
            town("Kerikeri", "0230", &["Waipapa"]),
            town("Kaitāia", "0410", &[]),
            town("Dargaville", "0310", &["Mangawhare"]),
            town("Kaikohe", "0405", &[]),
            town("Paihia", "0200", &["Waitangi", "Te Haumi"]),
            town("Rāwene", "0473", &[]),
        ],
    },
    Region {
        name: "Auckland",
        hospital: "Manukau Harbour Hospital",
        hospital_town: 0,
        area: "9",
        towns: &[
            town("Auckland", "2102", &["Manurewa", "Weymouth"]),
            town("Auckland", "0612", &["Henderson", "Te Atatū"]),
            town("Auckland", "1041", &["Mount Roskill", "Three Kings"]),
        ],
    },
    Region {
        name: "Waikato",
        hospital: "Waipā River Hospital",
        hospital_town: 0,
        area: "7",
        towns: &[
            town("Hamilton", "3204", &["Frankton", "Melville"]),
            town("Te Awamutu", "3800", &[]),
        ],
    },
    Region {
        name: "Bay of Plenty",
        hospital: "Moana Bay Hospital",
        hospital_town: 0,
        area: "7",
        towns: &[
            town("Tauranga", "3110", &["Ōtūmoetai", "Judea"]),
            town("Whakatāne", "3120", &[]),
            town("Rotorua", "3010", &["Ōhinemutu"]),
        ],
    },
    Region {
        name: "Tairāwhiti",
        hospital: "Rāwhiti Coast Hospital",
        hospital_town: 0,
        area: "6",
        towns: &[
            town("Gisborne", "4010", &["Kaitī", "Whataupoko"]),
            town("Ruatōria", "4032", &[]),
        ],
    },
    Region {
        name: "Wellington",
        hospital: "Te Awarua Hospital",
        hospital_town: 1,
        area: "4",
        towns: &[
            town("Porirua", "5022", &["Tītahi Bay", "Cannons Creek"]),
            town("Wellington", "6021", &["Newtown", "Berhampore"]),
        ],
    },
    Region {
        name: "Canterbury",
        hospital: "Plains Hospital",
        hospital_town: 0,
        area: "3",
        towns: &[
            town("Christchurch", "8024", &["Addington", "Spreydon"]),
            town("Timaru", "7910", &["Highfield"]),
        ],
    },
    Region {
        name: "Otago",
        hospital: "Harbour Cone Hospital",
        hospital_town: 0,
        area: "3",
        towns: &[
            town("Dunedin", "9016", &["Māori Hill", "Roslyn"]),
            town("Ōamaru", "9400", &[]),
        ],
    },
];

const STREETS: &[&str] = &[
    "Kauri Road",
    "Station Road",
    "Tūī Street",
    "Rātā Street",
    "Bank Street",
    "Kōwhai Crescent",
    "Pōhutukawa Drive",
    "High Street",
    "Victoria Avenue",
    "River Road",
    "Tōtara Place",
    "Beach Road",
    "Church Street",
    "Mānuka Lane",
    "Norfolk Street",
    "Hokianga Road",
    "Hill Street",
    "Seaview Terrace",
    "Pūriri Street",
    "Old Mill Road",
];

impl Town {
    /// An address in this town; one in ten is a rural delivery, one in twenty a PO box.
    pub(super) fn address(&self, chance: &mut Chance) -> PostalAddress {
        let number = chance.within(1..=240);
        let street = chance.one_of(STREETS);
        let kind = chance.below(20);
        let lines = match kind {
            0 => vec![format!("PO Box {}", chance.within(100..=999))],
            1 | 2 => vec![
                format!("{} {street}", number * 7),
                format!("RD {}", chance.within(1..=9)),
            ],
            3 => vec![
                format!("Flat {}", chance.within(1..=6)),
                format!("{number} {street}"),
            ],
            _ => vec![format!("{number} {street}")],
        };
        let in_town = kind > 2 && !self.suburbs.is_empty();
        PostalAddress {
            lines,
            suburb: in_town.then(|| (*chance.one_of(self.suburbs)).to_owned()),
            city: self.name.into(),
            postcode: self.postcode.into(),
            country: "NZ".into(),
        }
    }
}

/// An address in another country: Australia mostly, then the United Kingdom and the United States.
pub(super) fn abroad(chance: &mut Chance) -> (PostalAddress, &'static str) {
    /// Weight; country, region, city, post code.
    const PLACES: &[(u32, [&str; 4])] = &[
        (4, ["AU", "Queensland", "Brisbane QLD", "4000"]),
        (3, ["AU", "Victoria", "Melbourne VIC", "3000"]),
        (2, ["AU", "Western Australia", "Perth WA", "6000"]),
        (2, ["GB", "England", "London", "SE1 7EH"]),
        (1, ["US", "California", "San Diego CA", "92101"]),
    ];
    let [country, region, city, postcode] = *chance.weighted(PLACES);
    let address = PostalAddress {
        lines: vec![format!("{} Station Street", chance.within(1..=180))],
        suburb: None,
        city: city.into(),
        postcode: postcode.into(),
        country: country.into(),
    };
    (address, region)
}
