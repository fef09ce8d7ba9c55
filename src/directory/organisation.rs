//! Organisations: the legal bodies that provide care, and the sites they own.

use super::Management;
use crate::clock::Timestamp;

/// A legal body that provides care.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organisation {
    pub id: String,
    /// Goes up with every save; a save of an older version is refused.
    pub version: i64,
    pub name: String,
    /// ODS code of its head office, where it is known.
    pub hq_ods_code: Option<String>,
    pub cqc_provider_id: Option<String>,
    /// Whether it looks after its own accounts. Only then can a site of its be managed by it.
    pub management: Management,
    /// What its staff are told about whom to ask; empty where nothing was given.
    pub ict_contact: String,
    pub made_at: Timestamp,
}

/// An organisation as the registers know it, for finding it in the directory or adding it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownOrganisation {
    pub name: String,
    pub hq_ods_code: Option<String>,
    pub cqc_provider_id: Option<String>,
}

impl KnownOrganisation {
    /// One of which the registers say nothing: it is never taken for another by its name.
    pub fn unknown(name: &str) -> Self {
        KnownOrganisation { name: name.to_owned(), hq_ods_code: None, cqc_provider_id: None }
    }
}

/// How a site came into the directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// By its own registration (the NAS route).
    Registration(String),
    /// By its organisation's application to manage itself.
    Application(String),
    /// From another organisation.
    Transfer(String),
    Import(String),
    Api(String),
}

impl Origin {
    /// As stored: the kind, and what it came by.
    pub fn stored(&self) -> (&'static str, &str) {
        match self {
            Origin::Registration(id) => ("Registration", id),
            Origin::Application(id) => ("Application", id),
            Origin::Transfer(id) => ("Transfer", id),
            Origin::Import(id) => ("Import", id),
            Origin::Api(id) => ("Api", id),
        }
    }

    pub fn parse(kind: &str, id: &str) -> Option<Self> {
        [Origin::Registration, Origin::Application, Origin::Transfer, Origin::Import, Origin::Api]
            .into_iter()
            .map(|of| of(id.to_owned()))
            .find(|origin| origin.stored().0 == kind)
    }

    /// The registration it came by, if it came by one.
    pub fn registration(&self) -> Option<&str> {
        match self {
            Origin::Registration(id) => Some(id),
            Origin::Application(_) | Origin::Transfer(_) | Origin::Import(_) | Origin::Api(_) => None,
        }
    }
}

/// Which sites a list or a search of the directory may show. Every one takes it first, so that none
/// can forget it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    All,
    Organisation(String),
    /// Some sites of one organisation.
    Sites {
        organisation: String,
        sites: Vec<String>,
    },
}

impl Scope {
    /// The organisation, and the sites between commas: the first two parameters of every scoped
    /// statement.
    pub(super) fn parameters(&self) -> (&str, String) {
        match self {
            Scope::All => ("", String::new()),
            Scope::Organisation(organisation) => (organisation, String::new()),
            Scope::Sites { organisation, sites } => {
                (organisation, sites.iter().fold(",".to_owned(), |list, site| list + site + ","))
            }
        }
    }

    /// The statement of this scope among those that [`scoped!`](crate::directory::organisation::scoped) made.
    pub(super) fn statement(&self, all: &[&'static str; 3]) -> &'static str {
        match self {
            Scope::All => all[0],
            Scope::Organisation(_) => all[1],
            Scope::Sites { .. } => all[2],
        }
    }
}

/// One statement for each kind of scope, over `sites t`, with `{}` where the rest goes: `scoped!("SELECT …
/// FROM sites t JOIN …", "AND …")`. `$1` and `$2` are the scope's own.
macro_rules! scoped {
    ($head:expr, $rest:expr) => {
        [
            concat!($head, " WHERE $1 = '' AND $2 = '' ", $rest),
            concat!($head, " WHERE t.organisation_id = $1 AND $2 = '' ", $rest),
            concat!($head, " WHERE t.organisation_id = $1 AND $2 LIKE '%,' || t.id || ',%' ", $rest),
        ]
    };
}
pub(super) use scoped;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_read_as_they_were_stored() {
        for of in [Origin::Registration, Origin::Application, Origin::Transfer, Origin::Import, Origin::Api] {
            let origin = of("id".to_owned());
            let (kind, id) = origin.stored();
            assert_eq!(Origin::parse(kind, id), Some(origin.clone()));
        }
        assert_eq!(Origin::parse("Somehow", "id"), None);
    }
}
