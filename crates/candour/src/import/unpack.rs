//! Opening files, gzip or not.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use super::Why;

pub(super) fn is_packed(path: &Path) -> bool {
    path.extension()
        .is_some_and(|ending| ending.eq_ignore_ascii_case("gz"))
}

/// The unpacked content as a stream.
pub(super) fn open(path: &Path) -> Result<Box<dyn BufRead>, Why> {
    let file = BufReader::with_capacity(
        256 << 10,
        File::open(path).map_err(|error| unreadable(&error))?,
    );
    if is_packed(path) {
        Ok(Box::new(BufReader::with_capacity(
            256 << 10,
            MultiGzDecoder::new(file),
        )))
    } else {
        Ok(Box::new(file))
    }
}

/// The system's word for an error; it names no content.
pub(super) fn unreadable(error: &std::io::Error) -> Why {
    Why::Unreadable(error.to_string())
}

/// The unpacked content as a whole, up to a limit: a small file may unpack to more than there is memory.
pub(super) fn whole(path: &Path, most_bytes: u64) -> Result<Vec<u8>, Why> {
    let mut bytes = Vec::new();
    open(path)?
        .take(most_bytes.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(&error))?;
    if bytes.len() as u64 > most_bytes {
        return Err(Why::TooLarge(most_bytes));
    }
    Ok(bytes)
}

/// Reads one line into `line` without its end; `false` at the end of the file.
///
/// # Errors
/// [`Why::TooLarge`] for a line over the limit, of which no more than the limit was held.
pub(super) fn next_line(
    stream: &mut dyn BufRead,
    line: &mut Vec<u8>,
    most_bytes: u64,
) -> Result<bool, Why> {
    line.clear();
    let read = stream
        .take(most_bytes)
        .read_until(b'\n', line)
        .map_err(|error| unreadable(&error))?;
    if line.last() == Some(&b'\n') {
        line.pop();
    } else if read as u64 == most_bytes {
        return Err(Why::TooLarge(most_bytes));
    }
    Ok(read > 0)
}
