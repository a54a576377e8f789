use super::*;
use crate::backup::key::{BackupKey, BackupSeal, make};

struct Keys {
    _place: tempfile::TempDir,
    seal: BackupSeal,
    key: BackupKey,
}

fn keys() -> Keys {
    let place = tempfile::tempdir().unwrap();
    let (data, file) = (place.path().join("data"), place.path().join("key"));
    std::fs::create_dir_all(data.join("secrets")).unwrap();
    make(&data, &file).unwrap();
    Keys {
        seal: BackupSeal::read(&data).unwrap(),
        key: BackupKey::read(&file).unwrap(),
        _place: place,
    }
}

/// Two entries, the second longer than what is read at once.
fn archive(seal: &BackupSeal) -> Vec<u8> {
    let mut writer = Writer::begin(Vec::new(), seal).unwrap();
    for (name, content) in [("manifest", b"hello".to_vec()), ("object/x", long())] {
        writer.entry(name, 0o600).unwrap();
        writer.push(&content).unwrap();
        writer.close().unwrap();
    }
    writer.finish().unwrap()
}

fn long() -> Vec<u8> {
    (0..3_000_000_u32)
        .map(|number| number.to_le_bytes()[0])
        .collect()
}

fn read(bytes: &[u8], key: &BackupKey) -> Result<Vec<(String, Vec<u8>)>, ArchiveError> {
    let mut reader = Reader::begin(bytes, key)?;
    let mut found = Vec::new();
    while let Some(entry) = reader.next_entry()? {
        found.push((entry.name, reader.whole(usize::MAX)?.to_vec()));
    }
    Ok(found)
}

#[test]
fn what_was_written_is_read_back() {
    let keys = keys();
    let found = read(&archive(&keys.seal), &keys.key).unwrap();
    assert_eq!(found[0], ("manifest".to_owned(), b"hello".to_vec()));
    assert_eq!(found[1], ("object/x".to_owned(), long()));
    assert_eq!(found.len(), 2);
}

#[test]
fn an_entry_that_nobody_reads_is_passed_over() {
    let keys = keys();
    let bytes = archive(&keys.seal);
    let mut reader = Reader::begin(bytes.as_slice(), &keys.key).unwrap();
    let mut names = Vec::new();
    while let Some(entry) = reader.next_entry().unwrap() {
        names.push(entry.name);
    }
    assert_eq!(names, ["manifest", "object/x"]);
}

#[test]
fn a_backup_cut_anywhere_is_never_taken_for_whole() {
    let keys = keys();
    let bytes = archive(&keys.seal);
    // Around the head, every chunk's border, and the end.
    let head = head(&[vec![0; SEALED_KEY]]).len();
    let borders = (0..=bytes.len() / 16_400).map(|chunk| head + 56 + chunk * 16_400);
    let cuts = borders.flat_map(|border| [border - 1, border, border + 1]);
    for cut in cuts.chain([0, 3, 17, 40, bytes.len() - 1]) {
        if cut < bytes.len() {
            assert!(read(&bytes[..cut], &keys.key).is_err(), "cut at {cut}");
        }
    }
}

#[test]
fn a_changed_byte_anywhere_is_noticed() {
    let keys = keys();
    let bytes = archive(&keys.seal);
    for place in (0..600).chain((600..bytes.len()).step_by(7919)) {
        let mut changed = bytes.clone();
        changed[place] ^= 1;
        assert!(read(&changed, &keys.key).is_err(), "changed at {place}");
    }
}

#[test]
fn another_key_a_newer_version_and_another_file_are_told_apart() {
    let keys = keys();
    let bytes = archive(&keys.seal);
    let other = self::keys();
    assert!(matches!(
        read(&bytes, &other.key),
        Err(ArchiveError::WrongKey)
    ));
    let newer = [b"candour-backup 2\n".as_slice(), &bytes[17..]].concat();
    assert!(matches!(
        read(&newer, &keys.key),
        Err(ArchiveError::Newer(2))
    ));
    assert!(matches!(
        read(b"PK\x03\x04 and so on and on", &keys.key),
        Err(ArchiveError::NotABackup)
    ));
}

#[test]
fn something_added_behind_the_end_is_noticed() {
    let keys = keys();
    let bytes = [archive(&keys.seal), vec![0]].concat();
    assert!(read(&bytes, &keys.key).is_err());
}

#[test]
fn the_writer_refuses_a_name_that_the_reader_would() {
    let keys = keys();
    let mut writer = Writer::begin(Vec::new(), &keys.seal).unwrap();
    let longest = "x".repeat(LONGEST_NAME);
    writer.entry(&longest, 0).unwrap();
    writer.close().unwrap();
    assert!(writer.entry(&format!("{longest}x"), 0).is_err());
    let read = read(&writer.finish().unwrap(), &keys.key).unwrap();
    assert_eq!(read, [(longest, Vec::new())]);
}
