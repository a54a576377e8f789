//! Measurements and laboratory results that fit a person's age and conditions.

use jiff::civil::Date;

use super::chance::Chance;

/// Something that is measured, with its usual range.
pub(super) struct Measure {
    pub name: &'static str,
    pub loinc: &'static str,
    pub unit: &'static str,
    pub ucum: &'static str,
    /// Usual range; `None` where there is no such thing.
    pub usual: Option<(f64, f64)>,
    pub decimals: u8,
}

/// One measured value.
#[derive(Clone, Copy)]
pub(super) struct Reading {
    pub measure: &'static Measure,
    pub value: f64,
}

impl Reading {
    /// The value with the measure's decimals.
    pub(super) fn shown(&self) -> String {
        format!("{:.*}", usize::from(self.measure.decimals), self.value)
    }

    /// `H` or `L` outside the usual range, else empty.
    pub(super) fn flag(&self) -> &'static str {
        match self.measure.usual {
            Some((_, high)) if self.value > high => "H",
            Some((low, _)) if self.value < low => "L",
            _ => "",
        }
    }

    /// `3.5 – 5.2`, or empty.
    pub(super) fn usual(&self) -> String {
        let decimals = usize::from(self.measure.decimals);
        self.measure.usual.map_or_else(String::new, |(low, high)| {
            format!("{low:.decimals$} – {high:.decimals$}")
        })
    }
}

/// Several results of one blood sample.
pub(super) struct Panel {
    pub name: &'static str,
    pub loinc: &'static str,
    pub day: Date,
    pub readings: Vec<Reading>,
}

/// What a visit at the practice measures.
pub(super) struct Vitals {
    pub day: Date,
    pub systolic: i32,
    pub diastolic: i32,
    pub readings: Vec<Reading>,
}

const fn measure(
    name: &'static str,
    loinc: &'static str,
    unit: &'static str,
    ucum: &'static str,
    usual: Option<(f64, f64)>,
    decimals: u8,
) -> Measure {
    Measure {
        name,
        loinc,
        unit,
        ucum,
        usual,
        decimals,
    }
}

static WEIGHT: Measure = measure("Body weight", "29463-7", "kg", "kg", None, 1);
static HEIGHT: Measure = measure("Body height", "8302-2", "cm", "cm", None, 0);
static HAEMOGLOBIN: Measure = measure(
    "Haemoglobin",
    "718-7",
    "g/L",
    "g/L",
    Some((115.0, 165.0)),
    0,
);
static FERRITIN: Measure = measure("Ferritin", "2276-4", "µg/L", "ug/L", Some((20.0, 200.0)), 0);
static CREATININE: Measure = measure(
    "Creatinine",
    "14682-9",
    "µmol/L",
    "umol/L",
    Some((45.0, 105.0)),
    0,
);
static SODIUM: Measure = measure(
    "Sodium",
    "2951-2",
    "mmol/L",
    "mmol/L",
    Some((135.0, 145.0)),
    0,
);
static POTASSIUM: Measure = measure(
    "Potassium",
    "2823-3",
    "mmol/L",
    "mmol/L",
    Some((3.5, 5.2)),
    1,
);
static CHOLESTEROL: Measure = measure(
    "Total cholesterol",
    "14647-2",
    "mmol/L",
    "mmol/L",
    Some((2.0, 5.0)),
    1,
);
static TRIGLYCERIDE: Measure = measure(
    "Triglyceride",
    "14927-8",
    "mmol/L",
    "mmol/L",
    Some((0.3, 1.7)),
    1,
);
static HDL: Measure = measure(
    "HDL cholesterol",
    "14646-4",
    "mmol/L",
    "mmol/L",
    Some((1.0, 2.6)),
    2,
);
static HBA1C: Measure = measure(
    "HbA1c",
    "59261-8",
    "mmol/mol",
    "mmol/mol",
    Some((20.0, 40.0)),
    0,
);
static URATE: Measure = measure(
    "Urate",
    "14933-6",
    "mmol/L",
    "mmol/L",
    Some((0.14, 0.36)),
    2,
);
static TSH: Measure = measure("TSH", "3016-3", "mIU/L", "m[IU]/L", Some((0.4, 4.0)), 2);

/// Weight, height and blood pressure at a visit.
pub(super) fn vitals(chance: &mut Chance, day: Date, age: i32, has_hypertension: bool) -> Vitals {
    let years = f64::from(age.clamp(0, 18));
    let height = if age < 18 { 52.0 + years * 6.6 } else { 170.0 } + chance.around(-14.0, 16.0, 0);
    let lean = if age < 18 { 15.0 + years * 0.35 } else { 27.5 };
    let weight = (lean + chance.around(-6.0, 10.0, 1)) * (height / 100.0).powi(2);
    let raised = if has_hypertension { 14 } else { 0 };
    let older = (age - 30).clamp(0, 40) / 3;
    let systolic = if age < 16 {
        88 + age
    } else {
        112 + older + raised
    } + chance.within(-7..=9);
    let diastolic = if age < 16 {
        54 + age / 2
    } else {
        70 + raised / 2
    } + chance.within(-5..=6);
    let readings = vec![
        Reading {
            measure: &WEIGHT,
            value: (weight * 10.0).round() / 10.0,
        },
        Reading {
            measure: &HEIGHT,
            value: height,
        },
    ];
    Vitals {
        day,
        systolic,
        diastolic,
        readings,
    }
}

/// The blood tests that somebody with these conditions has on a day.
pub(super) fn panels(chance: &mut Chance, day: Date, has: &dyn Fn(&str) -> bool) -> Vec<Panel> {
    let draw = |chance: &mut Chance, measure: &'static Measure, low: f64, high: f64| Reading {
        measure,
        value: chance.around(low, high, i32::from(measure.decimals)),
    };
    let has_diabetes = has("Type 2 diabetes mellitus");
    let is_anaemic = has("Iron deficiency anaemia");
    let mut panels = vec![Panel {
        name: "Blood count and iron",
        loinc: "58410-2",
        day,
        readings: vec![
            if is_anaemic {
                draw(chance, &HAEMOGLOBIN, 92.0, 122.0)
            } else {
                draw(chance, &HAEMOGLOBIN, 114.0, 166.0)
            },
            if is_anaemic {
                draw(chance, &FERRITIN, 4.0, 24.0)
            } else {
                draw(chance, &FERRITIN, 20.0, 240.0)
            },
        ],
    }];
    panels.push(Panel {
        name: "Kidney function",
        loinc: "24362-6",
        day,
        readings: vec![
            draw(chance, &SODIUM, 134.0, 146.0),
            draw(chance, &POTASSIUM, 3.5, 5.3),
            if has_diabetes {
                draw(chance, &CREATININE, 55.0, 150.0)
            } else {
                draw(chance, &CREATININE, 48.0, 108.0)
            },
        ],
    });
    let mut fats = vec![
        draw(chance, &CHOLESTEROL, 3.2, 7.2),
        draw(chance, &TRIGLYCERIDE, 0.6, 3.0),
        draw(chance, &HDL, 0.8, 2.0),
    ];
    fats.push(if has_diabetes {
        draw(chance, &HBA1C, 42.0, 88.0)
    } else {
        draw(chance, &HBA1C, 29.0, 44.0)
    });
    panels.push(Panel {
        name: "Lipids and HbA1c",
        loinc: "57698-3",
        day,
        readings: fats,
    });
    if has("Gout") {
        let readings = vec![draw(chance, &URATE, 0.28, 0.6)];
        panels.push(Panel {
            name: "Urate",
            loinc: "14933-6",
            day,
            readings,
        });
    }
    if has("Hypothyroidism") {
        let readings = vec![draw(chance, &TSH, 0.3, 7.5)];
        panels.push(Panel {
            name: "Thyroid function",
            loinc: "24348-5",
            day,
            readings,
        });
    }
    panels
}
