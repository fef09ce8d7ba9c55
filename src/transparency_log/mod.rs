//! A log that is only ever added to and can prove it: a Merkle tree as in RFC 6962, signed checkpoints of
//! it (c2sp.org/tlog-checkpoint), the key that signs them, and a file that keeps them apart from the
//! database. It knows nothing of what is logged; `src/audit` puts entries of the trail into it.
//!
//! A checkpoint says how many leaves the log had and what the hash over all of them was. Whoever holds one
//! can have it proved that a later log begins with the same leaves: [`tree::verify_consistency`].

pub mod checkpoint;
pub mod file;
pub mod key;
pub mod tree;

use crate::settings::Settings;
use checkpoint::{Keys, Signed};
use file::CheckpointFile;
use key::SigningKey;
use std::path::PathBuf;

/// What a program holds that signs checkpoints and keeps them.
#[derive(Debug)]
pub struct Keeper {
    pub key: SigningKey,
    /// The keys whose checkpoints count.
    pub keys: Keys,
    /// Witnesses whose co-signatures are kept and shown.
    pub witnesses: Keys,
    pub file: CheckpointFile,
}

/// Where a log is kept outside the database.
#[derive(Clone, Debug)]
pub struct Places {
    pub folder: PathBuf,
    pub key: PathBuf,
    /// The public keys of the log, one a line; what is on it was or is the key.
    pub keys: PathBuf,
    pub checkpoints: PathBuf,
}

impl Places {
    /// As the settings say.
    ///
    /// # Errors
    /// In words, where the database is PostgreSQL and no folder is set.
    pub fn of(settings: &Settings) -> Result<Self, String> {
        let folder = settings.audit_folder()?;
        Ok(Places {
            key: settings.audit_key_file.clone().unwrap_or_else(|| folder.join("key")),
            keys: folder.join("public-keys"),
            checkpoints: folder.join("checkpoints"),
            folder,
        })
    }
}

impl Keeper {
    /// Opens key and file, making both at the first start. `has_checkpoints` says whether checkpoints were
    /// signed already: then a key that is missing is not made anew.
    ///
    /// # Errors
    /// In words for the operator.
    pub fn open(settings: &Settings, has_checkpoints: bool) -> Result<Self, String> {
        let places = Places::of(settings)?;
        let file = CheckpointFile::new(places.checkpoints.clone());
        if !places.key.exists() {
            if has_checkpoints || file.exists() {
                return Err(format!(
                    "{}: this file is missing. It holds the key that signs checkpoints of the audit trail, and \
                     checkpoints have been signed with it. Bring it back from where you keep it, or copy it from \
                     another node.",
                    places.key.display()
                ));
            }
            key::make(&places.key, &format!("{}/audit", settings.mail_domain))?;
        }
        let key = SigningKey::read(&places.key)?;
        let keys = key::add_public(&places.keys, &key)?;
        let witnesses = Keys::parse_witnesses(&settings.audit_witnesses)
            .map_err(|why| format!("audit_witnesses: {why}"))?;
        Ok(Keeper { key, keys, witnesses, file })
    }

    /// The newest checkpoint in the file outside the database.
    ///
    /// # Errors
    /// In words: the file cannot be read.
    pub fn last(&self) -> Result<Option<Signed>, String> {
        self.file.last(&self.keys)
    }
}
