//! What was just done, told in a banner on the page it leads back to. A word in the address carries it:
//! a page that is loaded again says the same again, and nothing is kept for it.

use super::components::NotificationBanner;
use super::form::query;
use super::parts::success;
use axum::http::Uri;

/// The field of the address.
const DONE: &str = "done";

/// What can have been done on a page; each page declares its own with `done!`.
pub trait Done: Copy + 'static {
    const ALL: &'static [Self];

    /// The word in the address.
    fn slug(self) -> &'static str;

    /// What the banner says.
    fn words(self) -> &'static str;
}

/// Declares what can have been done on a page: name, word in the address, sentence of the banner.
///
/// ```ignore
/// done! {
///     /// What was done with work.
///     WorkDone { TriedAgain "again": "It is being tried again.", }
/// }
/// ```
macro_rules! done {
    ($(#[$attribute:meta])* $name:ident { $( $done:ident $slug:literal: $words:literal, )+ }) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $( #[doc = $words] $done, )+ }

        impl $crate::web::done::Done for $name {
            const ALL: &'static [Self] = &[ $( $name::$done, )+ ];

            fn slug(self) -> &'static str {
                match self { $( $name::$done => $slug, )+ }
            }

            fn words(self) -> &'static str {
                match self { $( $name::$done => $words, )+ }
            }
        }
    };
}
pub(crate) use done;

/// The address of a page that says what was done.
pub fn address<D: Done>(path: &str, done: D) -> String {
    format!("{path}?{DONE}={}", done.slug())
}

/// The banner of an address that says that something was done; nothing for a word the page does not know.
pub fn banner<D: Done>(uri: &Uri) -> Option<NotificationBanner> {
    let fields = query(uri);
    let word = fields.text(DONE);
    D::ALL.iter().find(|done| done.slug() == word).map(|done| success(done.words()))
}

/// The banner of a page that may say only some of what can have been done.
pub fn banner_among<D: Done>(uri: &Uri, known: &[D]) -> Option<NotificationBanner> {
    let fields = query(uri);
    let word = fields.text(DONE);
    known.iter().find(|done| done.slug() == word).map(|done| success(done.words()))
}

#[cfg(test)]
mod tests {
    use super::*;

    done! {
        /// What was done with a lamp.
        LampDone {
            Lit "lit": "The lamp is lit.",
            Out "out": "The lamp is out.",
        }
    }

    #[test]
    fn banners_say_what_the_address_says_was_done() {
        let banner = |address: &str| {
            banner::<LampDone>(&address.parse().expect("an address")).map(|banner| banner.text)
        };
        for done in LampDone::ALL {
            assert_eq!(banner(&address("/lamp", *done)).as_deref(), Some(done.words()));
        }
        assert_eq!(banner("/lamp"), None);
        assert_eq!(banner("/lamp?done=broken"), None);
        let among = |known: &[LampDone]| {
            banner_among(&"/lamp?done=out".parse().expect("an address"), known).map(|banner| banner.text)
        };
        assert_eq!(among(&[LampDone::Lit]), None);
        assert_eq!(among(LampDone::ALL).as_deref(), Some("The lamp is out."));
    }
}
