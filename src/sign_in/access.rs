//! What a person may do with a shared mailbox. The directory decides about it; the type is here because
//! owning a site is part of who somebody is ([`super::authority`]).

/// Access to a shared mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reads, sends, and looks after who else may.
    Owner,
    /// Reads and sends.
    Member,
}

impl Access {
    pub fn stored(self) -> &'static str {
        match self {
            Access::Owner => "Owner",
            Access::Member => "Member",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Access::Owner, Access::Member].into_iter().find(|known| known.stored() == text)
    }

    pub fn in_words(self) -> &'static str {
        match self {
            Access::Owner => "Owner",
            Access::Member => "Member",
        }
    }

    /// Within a sentence.
    pub fn with_article(self) -> &'static str {
        match self {
            Access::Owner => "an owner",
            Access::Member => "a member",
        }
    }
}
