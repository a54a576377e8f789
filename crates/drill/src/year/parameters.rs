//! The numbers of ordinary life, each with where it comes from: `parameters.json`.

use serde::Deserialize;

/// A number and its source; an assumption says so.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sourced<T> {
    value: T,
    #[cfg_attr(
        not(test),
        expect(
            dead_code,
            reason = "for who reads the file; a test sees that it is there"
        )
    )]
    source: String,
}

impl<T> std::ops::Deref for Sourced<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

macro_rules! groups {
    ($($group:ident { $($name:ident: $kind:ty,)+ })+) => {$(
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(super) struct $group {
            $(pub(super) $name: Sourced<$kind>,)+
        }

        #[cfg(test)]
        impl $group {
            fn sources(&self) -> Vec<&str> {
                vec![$(&self.$name.source),+]
            }
        }
    )+};
}

groups! {
    Patients {
        registered: f64,
        active: f64,
        sign_ins_a_month: f64,
        hours: Vec<f64>,
        weekdays: Vec<f64>,
        sections: f64,
        more_than_sections: f64,
        documents: f64,
        look_seconds: f64,
        look_sigma: f64,
        documents_each: f64,
        document_days: f64,
        dormant: f64,
        acts_for_others: f64,
        fails_first: f64,
        proves: f64,
        prove_seconds: f64,
        mobile: f64,
        elsewhere: f64,
        carrier_addresses: f64,
    }
    Oddities {
        reloads: f64,
        held_key: f64,
        dead_bookmark: f64,
        foreign_bookmark: f64,
        shared_browser: f64,
        former_proxy: f64,
        goes_on: f64,
        takes_all: f64,
        restored_tabs: f64,
        impatience: f64,
    }
    Clinicians {
        patients_each: f64,
        practice_size: f64,
        days_a_week: f64,
        patients_a_day: f64,
        sections: f64,
        documents: f64,
        inbox_a_day: f64,
        inbox_seconds: f64,
        inbox_blocks: f64,
        inbox_sigma: f64,
        quick: f64,
        quick_seconds: f64,
        record_too: f64,
        returns_a_year: f64,
        letters_after_leave: f64,
        oldest_letter_days: f64,
        in_two_practices: f64,
        emergencies_a_day: f64,
        prove_seconds: f64,
        nurse_patients_each: f64,
        nurse_patients_a_day: f64,
    }
    Reception {
        patients_each: f64,
        searches_a_day: f64,
        names_a_search: f64,
        opened_a_day: f64,
        names_on_a_list: f64,
    }
    Recalls {
        a_year: f64,
        people: f64,
        seconds: f64,
        dormant: f64,
        last_letter: f64,
        letter_days: f64,
        run_people: f64,
        run_a_year: f64,
        run_a_second: f64,
        run_visits: f64,
        run_visit_minutes: f64,
    }
    Flu {
        people: f64,
        days: f64,
        vaccinators: f64,
        hours: f64,
        one_clerk: f64,
        second_look: f64,
    }
    Results {
        days: f64,
        many: f64,
        visits: f64,
        visit_minutes: f64,
    }
    Notice {
        visits: f64,
        visit_minutes: f64,
    }
    Merger {
        days: f64,
        links: f64,
        many: f64,
        seconds: f64,
    }
    Cyclone {
        days: f64,
        visits: f64,
        shelter: f64,
        duty: f64,
        emergencies_a_day: f64,
    }
    Programs {
        a_night: f64,
        catch_ups: f64,
        catch_up: f64,
    }
    Operator {
        principal_minutes: f64,
        proof_minutes: f64,
        instances: f64,
    }
}

/// All of them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Parameters {
    pub(super) patients: Patients,
    pub(super) oddities: Oddities,
    pub(super) clinicians: Clinicians,
    pub(super) reception: Reception,
    pub(super) recalls: Recalls,
    pub(super) flu: Flu,
    pub(super) results: Results,
    pub(super) notice: Notice,
    pub(super) merger: Merger,
    pub(super) cyclone: Cyclone,
    pub(super) programs: Programs,
    pub(super) operator: Operator,
}

/// What was written down.
pub(super) fn read() -> Result<Parameters, serde_json::Error> {
    serde_json::from_str(include_str!("parameters.json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_says_where_it_comes_from() {
        let all = read().unwrap();
        let sources = [
            all.patients.sources(),
            all.oddities.sources(),
            all.clinicians.sources(),
            all.reception.sources(),
            all.recalls.sources(),
            all.flu.sources(),
            all.results.sources(),
            all.notice.sources(),
            all.merger.sources(),
            all.cyclone.sources(),
            all.programs.sources(),
            all.operator.sources(),
        ]
        .concat();
        assert!(sources.len() > 80);
        for source in sources {
            assert!(source.len() > 20, "{source:?}");
        }
    }
}
