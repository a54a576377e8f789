use candour_core::hpi::{Hpi, HpiKind};
use candour_core::nhi::{Nhi, NhiFormat};

use crate::csv::rows;
use crate::shared_data::shared_data;

#[test]
fn every_published_and_derived_nhi_vector_is_judged_right() {
    let Some(path) = shared_data("nz/nhi-vectors.csv") else {
        return;
    };
    let text = std::fs::read_to_string(path).unwrap();
    let mut judged = 0;
    for row in rows(&text) {
        let (value, kind, valid) = (&row[0], row[1].as_str(), row[2].as_str());
        let found = Nhi::parse(value);
        match valid {
            "True" => {
                let number = found.unwrap_or_else(|error| panic!("{value}: {error}"));
                let format = if kind == "NHI-new" {
                    NhiFormat::Letters
                } else {
                    NhiFormat::Digits
                };
                assert_eq!(number.format(), format, "{value}");
            }
            "False" => assert!(found.is_err(), "{value} is not valid: {}", row[3]),
            // Undecided: both open implementations accept it.
            _ => assert!(found.is_ok(), "{value}"),
        }
        judged += 1;
    }
    assert_eq!(judged, 123);
}

#[test]
fn every_published_and_derived_hpi_vector_is_judged_right() {
    let Some(path) = shared_data("nz/hpi-vectors.csv") else {
        return;
    };
    let text = std::fs::read_to_string(path).unwrap();
    let mut judged = 0;
    for row in rows(&text) {
        let found = Hpi::parse(&row[0]);
        assert_eq!(found.is_ok(), row[2] == "True", "{}: {}", row[0], row[3]);
        if let Ok(number) = found {
            let kind = match row[1].as_str() {
                "HPI-facility" => HpiKind::Facility,
                "HPI-organisation" => HpiKind::Organisation,
                _ => HpiKind::Person,
            };
            assert_eq!(number.kind(), kind, "{}", row[0]);
        }
        judged += 1;
    }
    assert_eq!(judged, 116);
}
