//! Which caches answer pages, and whether each has been filled from the database since the program
//! started.
//!
//! A cache that is not filled yet looks like an empty one: the search finds no site, no message stands on
//! top of a page. So `/ready` answers 503 until every one is filled.
//!
//! **A new cache**: a line in `caches!` below. `src/readiness.rs` then does not compile until it says what
//! fills it, and the cache itself takes the [`Filled`] that [`Caches::filled`] hands out and sets it.
//! `tests/all/tidy.rs` refuses shared memory whose file knows no [`Filled`].

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

macro_rules! caches {
    ($($(#[$doc:meta])* $cache:ident = $words:literal,)+) => {
        /// What answers from memory.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Cache {
            $($(#[$doc])* $cache,)+
        }

        impl Cache {
            pub const ALL: &[Cache] = &[$(Cache::$cache),+];

            /// Its name for operators.
            pub fn words(self) -> &'static str {
                match self {
                    $(Cache::$cache => $words,)+
                }
            }
        }
    };
}

caches! {
    /// The index of every site of the registers.
    SiteSearch = "the search for sites",
    /// The messages on top of every page.
    Notices = "the messages on top of pages",
}

/// The marks of one running service. Cheap to clone; clones share them.
#[derive(Clone, Debug)]
pub struct Caches(Arc<[AtomicBool]>);

impl Default for Caches {
    fn default() -> Self {
        Caches(Cache::ALL.iter().map(|_| AtomicBool::new(false)).collect())
    }
}

impl Caches {
    /// The mark of a cache, for the cache itself.
    pub fn filled(&self, cache: Cache) -> Filled {
        Filled { caches: self.clone(), cache }
    }

    /// Those that have not been filled yet.
    pub fn not_filled(&self) -> Vec<Cache> {
        Cache::ALL.iter().copied().filter(|cache| !self.filled(*cache).is_set()).collect()
    }
}

/// The mark by which a cache says that it has been filled. Once set, it stays: a cache that cannot be
/// brought up to date goes on answering what it knew.
#[derive(Clone, Debug)]
pub struct Filled {
    caches: Caches,
    cache: Cache,
}

impl Filled {
    /// The cache holds what the database says, be it nothing.
    pub fn set(&self) {
        self.mark().store(true, Ordering::Release);
    }

    pub fn is_set(&self) -> bool {
        self.mark().load(Ordering::Acquire)
    }

    fn mark(&self) -> &AtomicBool {
        // A variant's number is its place in the list that `caches!` makes of the same lines.
        &self.caches.0[self.cache as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caches_are_not_filled_until_each_has_said_so() {
        let caches = Caches::default();
        for (place, cache) in Cache::ALL.iter().enumerate() {
            assert_eq!(caches.not_filled(), Cache::ALL[place..]);
            let filled = caches.filled(*cache);
            assert!(!filled.is_set());
            filled.set();
            assert!(caches.filled(*cache).is_set());
        }
        assert_eq!(caches.not_filled(), []);
    }
}
