//! Notes: what case workers write beside an enquiry or a registration, and what a registrant answered.
//!
//! Their words stay out of the audit trail, whose entries cannot be taken back; the trail says that a
//! note was written, by whom and when.

use crate::audit::{Actor, Entry};
use crate::clock::Timestamp;
use crate::id::Once;

/// What the entry of a note says; its words are beside the case.
pub const NOTED: &str = "note added";

/// Who writes a note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoteAuthor {
    /// By identifier.
    CaseWorker(String),
    /// Whoever sent the registration that it stands beside.
    Registrant,
}

/// A note as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewNote {
    /// Identifier of the enquiry or registration.
    pub case: String,
    pub author: NoteAuthor,
    pub text: String,
    /// What makes sending its form twice one note; none where it belongs to a change that is made once
    /// anyhow.
    pub once: Option<Once>,
}

impl NewNote {
    /// A note that goes with a change of its case, which is made once by itself.
    pub fn with_a_change(case: &str, author: NoteAuthor, text: impl Into<String>) -> Self {
        NewNote { case: case.to_owned(), author, text: text.into(), once: None }
    }

    /// A note that a case worker typed into a form of its own, which carries a token.
    pub fn typed(case: &str, case_worker: &str, text: &str, form: &str) -> Self {
        NewNote {
            case: case.to_owned(),
            author: NoteAuthor::CaseWorker(case_worker.to_owned()),
            text: text.to_owned(),
            once: Some(Once::of(&["note", case_worker, case, form, text])),
        }
    }

    /// That a case worker wrote it.
    pub fn entry(&self, by: Actor) -> Entry {
        Entry::new(by, NOTED, &self.case)
    }
}

/// A note as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    pub at: Timestamp,
    /// The case worker's name; none where the registrant wrote it.
    pub case_worker: Option<String>,
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_with_the_same_words_from_the_same_form_are_one() {
        let first = NewNote::typed("e1", "casey", "They called.", "form");
        assert_eq!(first, NewNote::typed("e1", "casey", "They called.", "form"));
        for other in [
            NewNote::typed("e2", "casey", "They called.", "form"),
            NewNote::typed("e1", "sam", "They called.", "form"),
            NewNote::typed("e1", "casey", "They called again.", "form"),
            NewNote::typed("e1", "casey", "They called.", "another form"),
        ] {
            assert_ne!(first.once, other.once);
        }
        let answer = NewNote::with_a_change("r1", NoteAuthor::Registrant, "The second floor.");
        assert_eq!(answer.once, None, "the change it belongs to is made once");
    }
}
