//! The key that signs checkpoints: a file apart from the database, made at the first start.

use super::checkpoint::Keys;
use crate::id::random_bytes;
use crate::settings::Secret;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use signed_note::{Signer, StandardSigner};
use std::io::Write;
use std::path::Path;

/// The mark of an Ed25519 key in its text.
const ED25519: u8 = 1;

/// Signs checkpoints. It cannot be printed.
#[derive(Debug)]
pub struct SigningKey {
    signer: Secret<StandardSigner>,
    public: String,
}

impl SigningKey {
    /// Reads a key in the form of signed notes: `PRIVATE+KEY+name+id+key`.
    ///
    /// # Errors
    /// In words for the operator, without the key.
    pub fn read(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        Self::parse(text.trim())
            .ok_or_else(|| format!("{}: must hold one line PRIVATE+KEY+name+id+key", path.display()))
    }

    fn parse(text: &str) -> Option<Self> {
        let signer = StandardSigner::new(text).ok()?;
        let seed = BASE64_STANDARD.decode(text.splitn(5, '+').nth(4)?).ok()?;
        let seed = ed25519_dalek::SigningKey::try_from(seed.get(1..)?).ok()?;
        let public = signed_note::new_ed25519_verifier_key(signer.name(), &seed.verifying_key());
        Some(SigningKey { signer: Secret::new(signer), public })
    }

    /// The name under which it signs, which is the origin of the checkpoints.
    pub fn name(&self) -> &str {
        self.signer.reveal().name()
    }

    pub(super) fn signer(&self) -> &dyn Signer {
        self.signer.reveal()
    }

    /// The public half, as auditors and witnesses keep it: `name+id+key`.
    pub fn public(&self) -> String {
        self.public.clone()
    }
}

/// A new key's text.
fn new_text(name: &str) -> String {
    let seed: [u8; 32] = random_bytes();
    let public = ed25519_dalek::SigningKey::from_bytes(&seed).verifying_key();
    let id = signed_note::key_id(name, &[&[ED25519][..], public.as_bytes()].concat());
    format!("PRIVATE+KEY+{name}+{id:08x}+{}", BASE64_STANDARD.encode([&[ED25519][..], &seed].concat()))
}

/// Makes a new key in a file that only its owner may read.
///
/// # Errors
/// In words.
pub fn make(path: &Path, name: &str) -> Result<(), String> {
    write_new(path, &format!("{}\n", new_text(name)), 0o600)
        .map_err(|error| format!("{}: {error}", path.display()))
}

/// Sees to it that the public half stands in the file of public keys; answers all that stand there.
///
/// # Errors
/// In words.
pub fn add_public(path: &Path, key: &SigningKey) -> Result<Keys, String> {
    let wrong = |error: std::io::Error| format!("{}: {error}", path.display());
    let mut text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(wrong(error)),
    };
    if !text.split_whitespace().any(|known| known == key.public) {
        let line = format!("{}\n", key.public);
        if text.is_empty() {
            write_new(path, &line, 0o644).map_err(wrong)?;
        } else {
            let mut file = std::fs::OpenOptions::new().append(true).open(path).map_err(wrong)?;
            file.write_all(format!("\n{line}").as_bytes()).and_then(|()| file.sync_all()).map_err(wrong)?;
        }
        text.push('\n');
        text.push_str(&line);
    }
    Keys::parse(&text).map_err(|why| format!("{}: {why}", path.display()))
}

/// Writes a file that was not there, with its folder.
pub(super) fn write_new(path: &Path, text: &str, mode: u32) -> std::io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
pub mod for_tests {
    use super::*;

    pub fn signing_key(name: &str) -> SigningKey {
        SigningKey::parse(&new_text(name)).expect("a key")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_for_its_owner_and_is_never_printed() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("below").join("key");
        make(&path, "carepost.example/audit").expect("made");
        assert!(make(&path, "carepost.example/audit").is_err(), "a key is never written over");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(&path).expect("there").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        let key = SigningKey::read(&path).expect("read");
        let text = std::fs::read_to_string(&path).expect("read");
        let secret = text.trim().splitn(5, '+').nth(4).expect("a key");
        assert!(!format!("{key:?}").contains(secret));
        assert_eq!(key.name(), "carepost.example/audit");
        std::fs::write(&path, format!("{text}x")).expect("written");
        let refused = SigningKey::read(&path).expect_err("not a key");
        assert!(!refused.contains(secret), "{refused}");
    }

    #[test]
    fn public_keys_stay_on_their_list() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("public-keys");
        let (one, two) = (for_tests::signing_key("a.example"), for_tests::signing_key("b.example"));
        add_public(&path, &one).expect("added");
        add_public(&path, &two).expect("added");
        let keys = add_public(&path, &one).expect("there");
        assert_eq!(keys.written().collect::<Vec<_>>(), [one.public(), two.public()]);
    }
}
