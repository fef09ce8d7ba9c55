//! Checkpoints in a file outside the database, which is only ever added to.

use super::checkpoint::{Keys, Signed, TEXT_MAX};
use std::fs::OpenOptions;
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// So much of the end of the file is looked at for the newest checkpoint, in bytes.
const LOOKED_AT: u64 = 8 * TEXT_MAX as u64;

/// The file. A checkpoint is a note followed by an empty line; pieces that were torn by a crash are passed over.
#[derive(Clone, Debug)]
pub struct CheckpointFile(PathBuf);

impl CheckpointFile {
    pub fn new(path: PathBuf) -> Self {
        CheckpointFile(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn exists(&self) -> bool {
        self.0.exists()
    }

    /// The newest checkpoint that a known key signed; nothing where there is none.
    ///
    /// # Errors
    /// In words: the file cannot be read, or holds something and nothing that a known key signed.
    pub fn last(&self, keys: &Keys) -> Result<Option<Signed>, String> {
        let wrong = |error: std::io::Error| format!("{}: {error}", self.0.display());
        let mut file = match std::fs::File::open(&self.0) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(wrong(error)),
        };
        let length = file.metadata().map_err(wrong)?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(LOOKED_AT))).map_err(wrong)?;
        let mut bytes = Vec::new();
        file.take(LOOKED_AT).read_to_end(&mut bytes).map_err(wrong)?;
        let newest = Signed::all_in(&String::from_utf8_lossy(&bytes))
            .into_iter()
            .rev()
            .find(|signed| signed.verify(keys).is_ok());
        if newest.is_none() && length > 0 {
            return Err(format!(
                "{}: holds no checkpoint of the audit trail that a known key signed. Bring the file back from a \
                 copy; the letters to auditors hold checkpoints, too.",
                self.0.display()
            ));
        }
        Ok(newest)
    }

    /// Adds a checkpoint at the end, and answers when it is on the disk.
    ///
    /// # Errors
    /// In words.
    pub fn add(&self, signed: &Signed) -> Result<(), String> {
        let wrong = |error: std::io::Error| format!("{}: {error}", self.0.display());
        if let Some(folder) = self.0.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(wrong)?;
        }
        let mut file =
            OpenOptions::new().append(true).create(true).read(true).open(&self.0).map_err(wrong)?;
        let is_torn = ends_torn(&mut file).map_err(wrong)?;
        let text = format!("{}{}\n", if is_torn { "\n\n" } else { "" }, signed.text());
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(wrong)
    }
}

/// Whether something stands at the end that is not a whole checkpoint with its empty line.
fn ends_torn(file: &mut std::fs::File) -> std::io::Result<bool> {
    let length = file.metadata()?.len();
    if length == 0 {
        return Ok(false);
    }
    file.seek(SeekFrom::Start(length.saturating_sub(2)))?;
    let mut end = Vec::new();
    file.take(2).read_to_end(&mut end)?;
    Ok(end != b"\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transparency_log::key::for_tests::signing_key;
    use crate::transparency_log::tree::leaf_hash;

    #[test]
    fn the_newest_checkpoint_is_found_after_a_torn_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = CheckpointFile::new(folder.path().join("audit").join("checkpoints"));
        let key = signing_key("carepost.example/audit");
        let keys = Keys::parse(&key.public()).expect("a key");
        assert_eq!(file.last(&keys), Ok(None));
        for size in 1..600 {
            file.add(&Signed::by(&key, size, leaf_hash(b"x")).expect("signed")).expect("added");
        }
        let last = || file.last(&keys).expect("read").map(|signed| signed.checkpoint.size);
        assert_eq!(last(), Some(599));
        let torn = Signed::by(&key, 600, leaf_hash(b"x")).expect("signed");
        let mut raw = OpenOptions::new().append(true).open(file.path()).expect("opened");
        raw.write_all(&torn.text().as_bytes()[..50]).expect("torn");
        assert_eq!(last(), Some(599));
        file.add(&Signed::by(&key, 601, leaf_hash(b"x")).expect("signed")).expect("added");
        assert_eq!(last(), Some(601));
        let strangers = Keys::parse(&signing_key("carepost.example/audit").public()).expect("a key");
        assert!(file.last(&strangers).is_err());
    }
}
