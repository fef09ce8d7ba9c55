//! Checkpoints: what they say, how they are signed and by whom they are believed.
//!
//! The text is that of c2sp.org/tlog-checkpoint in a c2sp.org/signed-note: origin, number of leaves, hash over
//! all of them, an empty line, and a line for each signature. Witnesses sign as c2sp.org/tlog-cosignature says
//! (version 1, Ed25519).

use super::key::SigningKey;
use super::tree::Hash;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ed25519_dalek::Verifier as _;
use signed_note::{
    Note, NoteError, Signature, StandardVerifier, VerificationError, Verifier, Verifiers, is_key_name_valid,
};

/// A checkpoint with its signatures is at most so long, in bytes.
pub const TEXT_MAX: usize = 16 * 1024;
/// The mark of a witness's key in its text.
const WITNESS_KEY: u8 = 4;

/// How far the log had come.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    pub origin: String,
    pub size: u64,
    pub root: Hash,
}

impl Checkpoint {
    /// Size and root, as proofs are checked with.
    pub fn head(&self) -> (u64, Hash) {
        (self.size, self.root)
    }
}

/// A checkpoint with the signatures that stand under it.
#[derive(Clone, Debug, PartialEq)]
pub struct Signed {
    pub checkpoint: Checkpoint,
    text: String,
}

impl Signed {
    /// Signs.
    ///
    /// # Errors
    /// In words; none with a key that was read from its file.
    pub fn by(key: &SigningKey, size: u64, root: Hash) -> Result<Self, String> {
        let body = tlog_tiles::Checkpoint::new(key.name(), size, root, "").map_err(|why| why.to_string())?;
        let mut note = Note::new(&body.to_bytes(), &[]).map_err(|why| why.to_string())?;
        note.add_sigs(&[key.signer()]).map_err(|why| why.to_string())?;
        Self::parse(&String::from_utf8_lossy(&note.to_bytes()))
    }

    /// Reads a checkpoint, and nothing beside it. Signatures are not checked: [`Signed::verify`].
    ///
    /// # Errors
    /// In words.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > TEXT_MAX {
            return Err(format!("a checkpoint is at most {TEXT_MAX} bytes long"));
        }
        let note = Note::from_bytes(text.as_bytes()).map_err(|_| "this is not a checkpoint".to_owned())?;
        let body = tlog_tiles::Checkpoint::from_bytes(note.text())
            .map_err(|_| "this is a signed note, and not a checkpoint".to_owned())?;
        let checkpoint =
            Checkpoint { origin: body.origin().to_owned(), size: body.size(), root: *body.hash() };
        Ok(Signed { checkpoint, text: text.to_owned() })
    }

    /// The last checkpoint in a text that may hold other things: a file of checkpoints, a letter.
    pub fn last_in(text: &str) -> Option<Self> {
        Self::all_in(text).pop()
    }

    /// Every checkpoint in a text, in its order.
    pub fn all_in(text: &str) -> Vec<Self> {
        let lines: Vec<&str> = text.lines().map(|line| line.trim_end_matches('\r')).collect();
        let is_signature = |line: &&str| line.starts_with("— ");
        let mut found = Vec::new();
        for (at, line) in lines.iter().enumerate() {
            // The empty line between three lines and the signatures.
            if !line.is_empty() || at < 3 || !lines.get(at + 1).is_some_and(is_signature) {
                continue;
            }
            let signatures = lines[at + 1..].iter().take_while(|line| is_signature(line));
            let note: Vec<&str> =
                lines[at - 3..at].iter().chain(&[""]).copied().chain(signatures.copied()).collect();
            if let Ok(signed) = Self::parse(&format!("{}\n", note.join("\n"))) {
                found.push(signed);
            }
        }
        found
    }

    /// The text with its signatures.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What is signed.
    fn body(&self) -> &str {
        self.text.split_once("\n\n").map_or("", |(body, _)| body)
    }

    /// Whether a known key has signed it.
    ///
    /// # Errors
    /// In words: nobody known has, or a signature is wrong.
    pub fn verify(&self, keys: &Keys) -> Result<(), String> {
        let note =
            Note::from_bytes(self.text.as_bytes()).map_err(|_| "this is not a checkpoint".to_owned())?;
        match note.verify(keys) {
            Ok(_) => Ok(()),
            Err(NoteError::UnverifiedNote) => Err(format!(
                "none of the known keys has signed the checkpoint of {} entries of “{}”",
                self.checkpoint.size, self.checkpoint.origin
            )),
            Err(why) => Err(format!("the signature of the checkpoint does not hold: {why}")),
        }
    }

    /// The co-signatures in `lines` that known witnesses made of this checkpoint, each a line with the
    /// witness's name.
    pub fn cosignatures(&self, lines: &str, witnesses: &Keys) -> Vec<(String, String)> {
        let of_note = format!("{}\n", self.body());
        let signatures =
            lines.lines().take(16).filter_map(|line| Signature::from_bytes(line.as_bytes()).ok());
        signatures
            .filter(|signature| {
                witnesses
                    .verifier(signature.name(), signature.id())
                    .is_ok_and(|witness| witness.verify(of_note.as_bytes(), signature.signature()))
            })
            .map(|signature| {
                let line = String::from_utf8_lossy(&signature.to_bytes()).into_owned();
                (signature.name().to_owned(), line)
            })
            .collect()
    }
}

/// Keys whose signatures count.
#[derive(Default)]
pub struct Keys(Vec<Box<dyn Known>>);

/// A key that can be shown as it is written.
trait Known: Verifier + Send + Sync {
    fn written(&self) -> &str;
}

struct LogKey(StandardVerifier, String);
struct WitnessKey {
    name: String,
    id: u32,
    key: ed25519_dalek::VerifyingKey,
    written: String,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.written()).finish()
    }
}

impl Keys {
    /// Keys of logs, each as `name+id+key`, with space or line ends between.
    ///
    /// # Errors
    /// In words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let keys = text.split_whitespace().map(|written| {
            let key = StandardVerifier::new(written).map_err(|why| format!("{written}: {why}"))?;
            Ok(Box::new(LogKey(key, written.to_owned())) as Box<dyn Known>)
        });
        keys.collect::<Result<_, String>>().map(Keys)
    }

    /// Keys of witnesses, each as `name+id+key`.
    ///
    /// # Errors
    /// In words.
    pub fn parse_witnesses(text: &str) -> Result<Self, String> {
        let keys = text.split_whitespace().map(|written| {
            let wrong =
                || format!("{written}: is not the key of a witness, like witness.example/w+1234abcd+BE…");
            let (name, rest) = written.split_once('+').ok_or_else(wrong)?;
            let (id, key) = rest.split_once('+').ok_or_else(wrong)?;
            let id = u32::from_str_radix(id, 16).map_err(|_| wrong())?;
            let bytes = BASE64_STANDARD.decode(key).map_err(|_| wrong())?;
            let (Some((&WITNESS_KEY, point)), true) = (bytes.split_first(), is_key_name_valid(name)) else {
                return Err(wrong());
            };
            if id != signed_note::key_id(name, &bytes) {
                return Err(wrong());
            }
            let point: &[u8; 32] = point.try_into().map_err(|_| wrong())?;
            let key = ed25519_dalek::VerifyingKey::from_bytes(point).map_err(|_| wrong())?;
            Ok(Box::new(WitnessKey { name: name.to_owned(), id, key, written: written.to_owned() })
                as Box<dyn Known>)
        });
        keys.collect::<Result<_, String>>().map(Keys)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As they are written.
    pub fn written(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|key| key.written())
    }
}

impl Verifiers for Keys {
    fn verifier(&self, name: &str, id: u32) -> Result<&dyn Verifier, VerificationError> {
        let known = self.0.iter().find(|key| key.name() == name && key.key_id() == id);
        known
            .map(|key| &**key as &dyn Verifier)
            .ok_or_else(|| VerificationError::UnknownKey { name: name.to_owned(), id })
    }
}

impl Known for LogKey {
    fn written(&self) -> &str {
        &self.1
    }
}

impl Verifier for LogKey {
    fn name(&self) -> &str {
        self.0.name()
    }
    fn key_id(&self) -> u32 {
        self.0.key_id()
    }
    fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        self.0.verify(message, signature)
    }
}

impl Known for WitnessKey {
    fn written(&self) -> &str {
        &self.written
    }
}

impl Verifier for WitnessKey {
    fn name(&self) -> &str {
        &self.name
    }
    fn key_id(&self) -> u32 {
        self.id
    }
    /// A time in seconds stands before the signature and is signed with the checkpoint.
    fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        let Some((time, signature)) = signature.split_first_chunk::<8>() else { return false };
        let Ok(signature) = ed25519_dalek::Signature::from_slice(signature) else { return false };
        let mut signed = format!("cosignature/v1\ntime {}\n", u64::from_be_bytes(*time)).into_bytes();
        signed.extend_from_slice(message);
        self.key.verify(&signed, &signature).is_ok()
    }
}

#[cfg(test)]
pub mod for_tests {
    use super::*;
    use ed25519_dalek::Signer as _;

    /// A witness with a key of its own: its key as it is written, and what it signs with.
    pub struct Witness(ed25519_dalek::SigningKey, &'static str);

    impl Witness {
        pub fn new(name: &'static str) -> Self {
            Witness(ed25519_dalek::SigningKey::from_bytes(&crate::id::random_bytes()), name)
        }

        fn public(&self) -> Vec<u8> {
            [&[WITNESS_KEY][..], self.0.verifying_key().as_bytes()].concat()
        }

        pub fn written(&self) -> String {
            let id = signed_note::key_id(self.1, &self.public());
            format!("{}+{id:08x}+{}", self.1, BASE64_STANDARD.encode(self.public()))
        }

        /// The line with which it co-signs a checkpoint.
        pub fn cosigns(&self, signed: &Signed, time: u64) -> String {
            let message = format!("cosignature/v1\ntime {time}\n{}\n", signed.body());
            let id = signed_note::key_id(self.1, &self.public()).to_be_bytes();
            let signature = self.0.sign(message.as_bytes()).to_bytes();
            let bytes = [&id[..], &time.to_be_bytes(), &signature].concat();
            format!("— {} {}\n", self.1, BASE64_STANDARD.encode(bytes))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::for_tests::Witness;
    use super::*;
    use crate::transparency_log::key::for_tests::signing_key;
    use crate::transparency_log::tree::leaf_hash;

    #[test]
    fn a_checkpoint_is_believed_for_its_key_alone() {
        let (key, other) = (signing_key("carepost.example/audit"), signing_key("carepost.example/audit"));
        let signed = Signed::by(&key, 7, leaf_hash(b"x")).expect("signed");
        assert!(signed.text().starts_with("carepost.example/audit\n7\n"), "{}", signed.text());
        let keys = |key: &SigningKey| Keys::parse(&key.public()).expect("a key");
        assert_eq!(signed.verify(&keys(&key)), Ok(()));
        assert!(signed.verify(&keys(&other)).is_err());
        assert!(signed.verify(&Keys::default()).is_err());
        let forged = Signed::parse(&signed.text().replace("\n7\n", "\n8\n")).expect("parsed");
        assert_eq!(forged.checkpoint.size, 8);
        assert!(forged.verify(&keys(&key)).is_err());
    }

    #[test]
    fn checkpoints_are_found_in_a_letter_and_beside_torn_ones() {
        let key = signing_key("carepost.example/audit");
        let (one, two) = (
            Signed::by(&key, 1, leaf_hash(b"1")).expect("signed"),
            Signed::by(&key, 2, leaf_hash(b"2")).expect("signed"),
        );
        let torn = &two.text()[..40];
        let text =
            format!("Hello\r\n\r\n{}\n{torn}\n\n{}\nBye\n", one.text().replace('\n', "\r\n"), two.text());
        let found: Vec<u64> = Signed::all_in(&text).iter().map(|signed| signed.checkpoint.size).collect();
        assert_eq!(found, [1, 2]);
        assert_eq!(Signed::last_in(&text), Some(two));
        assert_eq!(Signed::last_in("Hello\n\n— x y\n"), None);
    }

    #[test]
    fn a_witness_co_signs_one_checkpoint() {
        let key = signing_key("carepost.example/audit");
        let signed = Signed::by(&key, 1, leaf_hash(b"1")).expect("signed");
        let other = Signed::by(&key, 2, leaf_hash(b"2")).expect("signed");
        let (known, unknown) = (Witness::new("witness.example/w"), Witness::new("witness.example/w"));
        let witnesses = Keys::parse_witnesses(&known.written()).expect("a witness");
        let line = known.cosigns(&signed, 1_800_000_000);
        assert_eq!(signed.cosignatures(&line, &witnesses), [("witness.example/w".to_owned(), line.clone())]);
        assert_eq!(other.cosignatures(&line, &witnesses), []);
        assert_eq!(signed.cosignatures(&unknown.cosigns(&signed, 1), &witnesses), []);
        assert_eq!(signed.cosignatures("nonsense\n", &witnesses), []);
        // With the co-signature it is still a checkpoint that the log signed.
        let shown = Signed::parse(&format!("{}{line}", signed.text())).expect("parsed");
        assert_eq!(shown.verify(&Keys::parse(&key.public()).expect("a key")), Ok(()));
        assert!(Keys::parse_witnesses(&key.public()).is_err(), "a log is no witness");
    }
}
