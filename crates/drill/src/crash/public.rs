//! What outsiders see after every crash: a signed checkpoint, and every tile that it needs, giving its root.

use candour_ledger::tile::FULL;
use candour_ledger::{LogVerifier, Of, Tile, Tiler};
use std::fs;
use std::path::Path;

/// What is wrong with the public folder of the ledger.
pub fn findings(folder: &Path, key: &LogVerifier) -> Vec<String> {
    whole(folder, key).err().into_iter().collect()
}

/// Rebuilds the tree from the bundles alone and holds every tile against it.
fn whole(folder: &Path, key: &LogVerifier) -> Result<(), String> {
    let note = fs::read_to_string(folder.join("checkpoint"))
        .map_err(|error| format!("outsiders see no checkpoint: {error}"))?;
    let signed = key
        .open(&note)
        .map_err(|error| format!("the public checkpoint is not accepted: {error}"))?;
    // A narrower tile goes when the full one is there.
    let read = |tile: &Tile, length: usize| {
        let mut bytes = fs::read(folder.join(tile.to_string()))
            .or_else(|_| fs::read(folder.join(tile.filled().to_string())))
            .map_err(|error| format!("the public {tile} cannot be read: {error}"))?;
        bytes.truncate(length);
        Ok::<_, String>(bytes)
    };
    let (mut tiler, mut tiles) = (Tiler::default(), Vec::new());
    for index in 0..signed.size.div_ceil(u64::from(FULL)) {
        let Some(bundle) = Tile::at(Of::Entries, index, signed.size) else {
            break;
        };
        let left = signed.size - index * u64::from(FULL);
        let entries = usize::try_from(left.min(u64::from(FULL))).unwrap_or_default();
        for entry in read(&bundle, entries * 34)?.as_chunks::<34>().0 {
            if let Some(commitment) = entry.last_chunk() {
                tiler.append(commitment, &mut tiles);
            }
        }
    }
    if (tiler.size(), tiler.root()) != (signed.size, signed.root) {
        return Err(format!(
            "the public bundles do not give the {} entries that the public checkpoint signs",
            signed.size
        ));
    }
    tiles.extend(tiler.partial());
    for (tile, expected) in tiles {
        if read(&tile, expected.len())? != expected {
            return Err(format!("the public {tile} is not what its entries give"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use candour_ledger::LogSigner;

    #[test]
    fn a_tile_that_is_missing_or_changed_is_named_and_a_whole_log_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let signer = LogSigner::from_seed("candour.example/ledger", &[7; 32]).unwrap();
        let (mut tiler, mut tiles) = (Tiler::default(), Vec::new());
        for entry in 0..300_u64 {
            let mut commitment = [0; 32];
            commitment[..8].copy_from_slice(&entry.to_be_bytes());
            tiler.append(&commitment, &mut tiles);
        }
        tiles.extend(tiler.partial());
        for (tile, bytes) in &tiles {
            let path = folder.path().join(tile.to_string());
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        let look = || findings(folder.path(), &signer.verifier());
        assert!(look()[0].starts_with("outsiders see no checkpoint"));
        fs::write(
            folder.path().join("checkpoint"),
            signer.sign(300, tiler.root()),
        )
        .unwrap();
        assert!(look().is_empty(), "{:?}", look());
        for (tile, bytes) in &tiles {
            let path = folder.path().join(tile.to_string());
            let mut changed = bytes.clone();
            changed[5] ^= 1;
            fs::write(&path, changed).unwrap();
            assert_eq!(look().len(), 1, "{tile}");
            fs::remove_file(&path).unwrap();
            assert_eq!(look().len(), 1, "{tile}");
            fs::write(&path, bytes).unwrap();
        }
    }
}
