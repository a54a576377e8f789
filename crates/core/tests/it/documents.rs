use candour_core::document::{MediaType, Showing, sniff};

use crate::csv::rows;
use crate::shared_data::shared_data;

fn samples() -> Vec<(String, String, MediaType)> {
    let Some(folder) = shared_data("documents") else {
        return Vec::new();
    };
    let index = std::fs::read_to_string(folder.join("index.csv")).unwrap();
    rows(&index)
        .into_iter()
        .map(|row| {
            let bytes = std::fs::read(folder.join(&row[0])).unwrap();
            (row[0].clone(), row[1].clone(), sniff(&bytes))
        })
        .collect()
}

#[test]
fn no_hostile_file_is_shown_inside_a_page() {
    for (file, class, found) in samples() {
        if class == "hostile" {
            assert_eq!(found.showing(), Showing::Download, "{file} is {found:?}");
        }
    }
}

#[test]
fn normal_files_are_known_by_their_content() {
    for (file, class, found) in samples() {
        let expected = match (class.as_str(), file.rsplit_once('.').unwrap().1) {
            ("normal", "pdf") => MediaType::Pdf,
            ("normal", "jpg") => MediaType::Jpeg,
            ("normal", "png") => MediaType::Png,
            ("normal", "tif" | "tiff") => MediaType::Tiff,
            ("normal", "docx") => MediaType::Docx,
            ("normal", "rtf") => MediaType::Rtf,
            ("normal", "txt") => MediaType::Text,
            ("normal" | "corner", "hl7") => MediaType::Hl7v2,
            ("normal", "xml") => MediaType::Xml,
            _ => continue,
        };
        assert_eq!(found, expected, "{file}");
    }
}

#[test]
fn what_every_sample_is_taken_for_stays_as_reviewed() {
    let samples = samples();
    if samples.is_empty() {
        return;
    }
    let lines: Vec<_> = samples
        .iter()
        .map(|(file, class, found)| format!("{class:9} {file}: {found:?}, {:?}", found.showing()))
        .collect();
    let reviewed = include_str!("documents.txt");
    assert_eq!(
        lines.join("\n"),
        reviewed.trim_end(),
        "compare, review, and store in documents.txt"
    );
}
