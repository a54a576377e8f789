//! Whether a picture says where it was taken: the GPS directory of Exif (CIPA DC-008, TIFF 6.0). Nothing is decoded.

/// The tag of the GPS directory in the first directory of an Exif block.
const GPS: u16 = 0x8825;
/// JPEG segments and directory entries that are looked at.
const MOST: usize = 1024;

/// Whether the first directory of a JPEG's or TIFF's Exif data points to a place.
pub(super) fn has_location(bytes: &[u8]) -> bool {
    if bytes.starts_with(b"\xff\xd8") {
        exif_of_jpeg(bytes).is_some_and(|exif| has_gps(exif).unwrap_or(false))
    } else {
        has_gps(bytes).unwrap_or(false)
    }
}

fn exif_of_jpeg(bytes: &[u8]) -> Option<&[u8]> {
    let mut at = 2;
    for _ in 0..MOST {
        let [0xff, kind, high, low] = *bytes.get(at..at + 4)? else {
            return None;
        };
        let length = usize::from(u16::from_be_bytes([high, low]));
        let segment = bytes.get(at + 4..at + 2 + length)?;
        match (kind, segment.strip_prefix(b"Exif\0\0")) {
            (0xe1, Some(exif)) => return Some(exif),
            // The picture itself begins.
            (0xda, _) => return None,
            _ => at += 2 + length,
        }
    }
    None
}

fn has_gps(tiff: &[u8]) -> Option<bool> {
    let is_little = match tiff.get(..4)? {
        b"II*\0" => true,
        b"MM\0*" => false,
        _ => return None,
    };
    let number = |at: usize, length: usize| -> Option<usize> {
        let field = tiff.get(at..at.checked_add(length)?)?;
        let add = |number: usize, byte: &u8| number << 8 | usize::from(*byte);
        Some(if is_little {
            field.iter().rev().fold(0, add)
        } else {
            field.iter().fold(0, add)
        })
    };
    let directory = number(4, 4)?;
    let entries = number(directory, 2)?.min(MOST);
    for entry in 0..entries {
        if number(directory + 2 + entry * 12, 2)? == usize::from(GPS) {
            return Some(true);
        }
    }
    Some(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_points_outside_the_file_is_no_location() {
        assert!(!has_location(b"II*\0\xff\xff\xff\xff"));
        assert!(!has_location(b"II*\0\x08\0\0\0\xff\xff"));
        assert!(!has_location(b"\xff\xd8\xff\xe1\0\x04"));
        assert!(has_location(
            b"II*\0\x08\0\0\0\x01\0\x25\x88\x04\0\x01\0\0\0\x1a\0\0\0"
        ));
    }
}
