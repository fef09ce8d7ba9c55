//! Languages that people can read the service in, and catalogues of words.
//!
//! The words of one kind of page, or of the letters of one folder, stand together in a catalogue that
//! `words!` declares. Each entry lists every language, so that a language which
//! is added to [`Language`] does not compile until each catalogue has its words
//! (`docs/decisions/0024-words-in-catalogues.md`). Words that have not moved into a catalogue are English,
//! and a page made of them says so: its `lang` is that of its words.

/// A language that the service speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    English,
}

impl Language {
    pub const ALL: [Language; 1] = [Language::English];

    /// The tag of the language (BCP 47), for `lang` in pages, for `Content-Language` in letters (RFC 3282),
    /// and as it is stored.
    pub const fn tag(self) -> &'static str {
        match self {
            Language::English => "en",
        }
    }

    /// Reads a tag; `None` for a language that this version does not speak.
    pub fn parse(tag: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.tag() == tag)
    }
}

/// Declares a catalogue: a type that holds a language, with a function for each sentence.
///
/// ```ignore
/// words! {
///     /// Words of the page of the service status.
///     StatusWords {
///         title { English => "Service status" }
///     }
/// }
/// StatusWords::in_language(visit.language()).title()
/// ```
///
/// Sentences that hold figures or names are functions of the catalogue with a `match` of their own.
macro_rules! words {
    ($(#[$attribute:meta])* $name:ident { $( $key:ident { $( $language:ident => $text:literal ),+ $(,)? } )+ }) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name($crate::language::Language);

        impl $name {
            pub fn in_language(language: $crate::language::Language) -> Self {
                Self(language)
            }

            $(
                pub fn $key(self) -> &'static str {
                    match self.0 { $( $crate::language::Language::$language => $text, )+ }
                }
            )+
        }
    };
}
pub(crate) use words;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_are_read_by_their_tags_and_others_are_unknown() {
        for language in Language::ALL {
            assert_eq!(Language::parse(language.tag()), Some(language));
        }
        assert_eq!(Language::parse("tlh"), None);
    }
}
