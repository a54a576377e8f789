//! Writes the letters of a small population to a folder, or without a folder measures how fast they are made.
//!
//! `cargo run --release -p candour-drill --example letters -- 10000 [FOLDER]`

use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

use candour_drill::population::{Plan, Population};
use jiff::civil::date;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let patients = arguments.next().ok_or("how many patients?")?.parse()?;
    let folder = arguments.next().map(PathBuf::from);
    let population = Population::new(Plan::new(patients, 1, date(2026, 11, 20)))?;
    let begun = Instant::now();
    let (mut letters, mut bytes, mut resources, mut json) = (0, 0, 0, 0);
    for patient in population.patients() {
        let patient = patient?;
        resources += patient.resources.len();
        json += patient
            .resources
            .iter()
            .map(|resource| resource.raw.get().len())
            .sum::<usize>();
        for (place, letter) in patient.letters.iter().enumerate() {
            letters += 1;
            bytes += letter.pdf.len();
            if let Some(folder) = &folder {
                std::fs::create_dir_all(folder)?;
                let name = format!("{:05}-{place}-{:?}.pdf", patient.number, letter.meta.kind);
                std::fs::write(folder.join(name), &letter.pdf)?;
            }
        }
    }
    writeln!(
        std::io::stdout(),
        "{letters} letters ({} kB each), {resources} resources ({} kB each patient) in {:.1} s",
        bytes / 1000 / letters.max(1),
        json / 1000 / patients.max(1) as usize,
        begun.elapsed().as_secs_f64()
    )?;
    Ok(())
}
