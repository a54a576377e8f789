//! What a practice took back.

/// A practice took back what one of its people or programs put in. It opens for nobody while this stands.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Recalled {
    /// Who put it in: the token of the person or program.
    #[prost(bytes = "vec", tag = "1")]
    pub depositor: Vec<u8>,
    /// Ledger indexes at which it became visible: the first of each run of them, ascending.
    #[prost(uint64, repeated, tag = "2")]
    pub first: Vec<u64>,
    /// How long each run is.
    #[prost(uint32, repeated, tag = "3")]
    pub length: Vec<u32>,
    /// SHA-256 over the ids of the items, sorted (32 bytes).
    #[prost(bytes = "vec", tag = "4")]
    pub digest: Vec<u8>,
    /// It was counted, and openings of it, in entries before this ledger index.
    #[prost(uint64, tag = "5")]
    pub as_of: u64,
}

impl Recalled {
    /// Notes that what became visible at these ledger indexes is taken back; `indexes` ascend, each once.
    pub fn note(&mut self, indexes: impl IntoIterator<Item = u64>) {
        for index in indexes {
            match (self.first.last(), self.length.last_mut()) {
                (Some(first), Some(length)) if first + u64::from(*length) == index => *length += 1,
                _ => {
                    self.first.push(index);
                    self.length.push(1);
                }
            }
        }
    }

    /// Whether what became visible at a ledger index is taken back.
    pub fn covers(&self, index: u64) -> bool {
        let run = self.first.partition_point(|first| *first <= index);
        let run = run.checked_sub(1);
        run.and_then(|run| Some((self.first.get(run)?, self.length.get(run)?)))
            .is_some_and(|(first, length)| index - first < u64::from(*length))
    }

    /// Every such ledger index, ascending.
    pub fn indexes(&self) -> impl Iterator<Item = u64> {
        let runs = self.first.iter().zip(&self.length);
        runs.flat_map(|(first, length)| *first..first.saturating_add(u64::from(*length)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_what_was_noted_is_covered_however_it_lies() {
        let noted = [3, 4, 5, 9, 11, 12, 40];
        let mut recalled = Recalled::default();
        recalled.note(noted);
        assert_eq!(recalled.first, [3, 9, 11, 40]);
        assert_eq!(recalled.indexes().collect::<Vec<_>>(), noted);
        for index in 0..50 {
            assert_eq!(recalled.covers(index), noted.contains(&index), "{index}");
        }
        assert!(!Recalled::default().covers(0));
    }
}
