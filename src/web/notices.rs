//! Messages on top of every page. They are kept in memory, so that a page costs no look into the
//! database; whoever knows what they say sets them.

use crate::cache::Filled;
use crate::clock::Timestamp;
use std::sync::{Arc, PoisonError, RwLock};

/// A message on top of every page, from a moment until another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    pub title: String,
    pub words: String,
    /// Where there is more to read.
    pub href: &'static str,
    pub from: Timestamp,
    pub until: Option<Timestamp>,
}

/// The messages of one node. Cheap to clone; clones share what they hold.
#[derive(Clone, Debug)]
pub struct Notices {
    held: Arc<RwLock<Held>>,
    filled: Filled,
}

#[derive(Debug, Default)]
struct Held {
    /// What every node shows alike.
    shared: Vec<Notice>,
    /// What this node noticed and cannot write down.
    own: Option<Notice>,
}

impl Notices {
    /// None yet.
    pub fn new(filled: Filled) -> Self {
        Notices { held: Arc::default(), filled }
    }

    /// Those that every node shows, in place of those before.
    pub fn set(&self, notices: Vec<Notice>) {
        self.held.write().unwrap_or_else(PoisonError::into_inner).shared = notices;
        self.filled.set();
    }

    /// What this node alone shows.
    pub fn set_own(&self, notice: Option<Notice>) {
        self.held.write().unwrap_or_else(PoisonError::into_inner).own = notice;
    }

    /// Those that are shown at a moment.
    pub fn at(&self, now: Timestamp) -> Vec<Notice> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        let is_shown = |notice: &&Notice| notice.from <= now && notice.until.is_none_or(|until| now < until);
        held.own.iter().chain(&held.shared).filter(is_shown).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::{Cache, Caches};

    #[test]
    fn a_message_is_shown_from_its_moment_until_its_end() {
        let at = Timestamp::from_milliseconds;
        let notice = |title: &str, until| Notice {
            title: title.to_owned(),
            words: String::new(),
            href: "/",
            from: at(10),
            until,
        };
        let notices = Notices::new(Caches::default().filled(Cache::Notices));
        notices.set(vec![notice("a while", Some(at(20))), notice("for good", None)]);
        let titles = |now| notices.at(at(now)).into_iter().map(|notice| notice.title).collect::<Vec<_>>();
        assert_eq!(titles(9), Vec::<String>::new());
        assert_eq!(titles(10), ["a while", "for good"]);
        assert_eq!(titles(20), ["for good"]);
        notices.set_own(Some(notice("our own", None)));
        assert_eq!(titles(20), ["our own", "for good"]);
        notices.set_own(None);
        notices.set(Vec::new());
        assert_eq!(titles(20), Vec::<String>::new());
    }
}
