//! Finding a site by what people have at hand: its name as they spell it, a word of it, the town, the street, who
//! runs it, a postcode, a code.
//!
//! Every site is in one index in memory, built from the database and never changed; after an import a new one takes
//! its place. Sites are ranked by how well they fit, and none is left out because of a word that it does not have
//! ([`ranking`]). [`words`] says which words are the same. `docs/decisions/0036-search-ranks-in-memory.md` says why
//! it is neither the database nor a search engine that does this, with what was measured.

pub mod ranking;
pub mod words;

#[cfg(test)]
mod tests;

use super::code::{CodeProblem, Postcode};
use super::cqc::{CqcLocation, CqcProvider};
use super::ods::OdsKind;
use super::{CqcContactId, CqcLocationId, CqcProviderId, OdsCode, store, tidy};
use crate::cache::Filled;
use crate::database::{Database, Error, Result};
use ranking::{CodeOf, Entry, Ranking, Texts};
use serde::Serialize;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
pub use words::plain_words;

/// How many results a page shows.
pub const RESULTS_PER_PAGE: usize = 20;
/// How much of what was typed is looked at, in characters.
const TYPED_MAX: usize = 200;
/// How often the database is asked whether there was an import. By the machine's steady clock and
/// not the [`crate::clock::Clock`], which stands still in stories.
const CHECKED_EVERY: Duration = Duration::from_secs(1);
/// How long a search waits for a new index before it answers from the old one.
const FRESH_WAIT: Duration = Duration::from_millis(200);
/// How long a search waits for the first index, from which alone it can answer: twice what the index of 60,000
/// sites takes, and less than people wait for a page.
const FIRST_WAIT: Duration = Duration::from_secs(3);

/// A site as a page of results shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SiteRow {
    /// None for a site that is in ODS but not, or not yet, at CQC.
    pub location_id: Option<CqcLocationId>,
    pub ods_code: Option<OdsCode>,
    pub name: String,
    pub address: String,
    pub town: String,
    pub postcode: String,
    pub provider_name: String,
    /// Whether CQC has it as registered and the last full list names it.
    pub registered: bool,
    pub social_care: bool,
}

impl std::fmt::Display for SiteRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let code = self.ods_code.as_ref().map_or("no ODS code", OdsCode::as_str);
        let id = self.location_id.as_ref().map_or("not at CQC", CqcLocationId::as_str);
        write!(f, "{code}  {id}  {}", self.name)?;
        for part in [&self.town, &self.postcode] {
            if !part.is_empty() {
                write!(f, ", {part}")?;
            }
        }
        if !self.registered {
            f.write_str(" (not registered)")?;
        }
        Ok(())
    }
}

impl From<&CqcLocation> for SiteRow {
    fn from(location: &CqcLocation) -> Self {
        SiteRow {
            location_id: Some(location.id.clone()),
            ods_code: location.ods_code.clone(),
            name: location.name.clone(),
            address: location.address.join(", "),
            town: location.town.clone().unwrap_or_default(),
            postcode: location.postcode.as_ref().map(ToString::to_string).unwrap_or_default(),
            provider_name: location.provider_name.clone().unwrap_or_default(),
            registered: location.is_registered(),
            social_care: location.is_social_care(),
        }
    }
}

/// One page of results.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Results {
    /// How many there are on all pages.
    pub total: usize,
    pub rows: Vec<SiteRow>,
    /// Whether the first of all is called what was typed, has that postcode or that code. Otherwise these are the
    /// nearest.
    pub is_exact: bool,
    /// What was typed, where it is a code that is not a site's.
    pub recognised: Option<Recognised>,
}

/// A code that was typed and is not a site's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recognised {
    /// A head office's ODS code; the results are its sites.
    HeadOffice(String),
    /// A CQC provider ID; the results are its locations.
    Provider(String),
    /// What a spreadsheet made of a code, as it was typed. The results are the sites of the code it was, where that
    /// can be told.
    SpreadsheetDamaged(String),
    /// A registered manager's contact ID, which is in no public register.
    ContactId,
}

/// What the search of a running service answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Searched {
    Results(Results),
    /// The first index since the start is still being made, so nothing can be said of any site.
    Starting,
}

const REGISTERED: u8 = 1;
/// What separates the fields of a site in the index; no register's text has it, since invisible
/// letters are taken out of every text on import.
const BETWEEN: char = '\u{1f}';

/// Every site, ready to be searched. Built once, never changed.
#[derive(Default)]
pub struct SearchIndex {
    version: i64,
    /// Fields of each site, in the order of their names.
    sites: Texts,
    providers: Texts,
    provider_of: Vec<u32>,
    marks: Vec<u8>,
    ranking: Ranking,
}

/// A site on its way into the index.
struct Draft {
    sort_by: Box<str>,
    fields: Box<str>,
    provider: Box<str>,
    is_registered: bool,
    entry: Entry,
}

fn fields(parts: [&str; 6]) -> Box<str> {
    parts.join(BETWEEN.to_string().as_str()).into_boxed_str()
}

/// What the registers say beside CQC's locations, by code.
#[derive(Default)]
struct Beside {
    providers: HashMap<CqcProviderId, CqcProvider>,
    ods: HashMap<OdsCode, super::OdsOrganisation>,
    dspt_names: HashMap<OdsCode, String>,
}

impl Beside {
    /// What the DSPT calls whatever has this code, without the code that it puts behind a third of its names.
    fn dspt_name(&self, code: &OdsCode) -> Option<String> {
        let name = self.dspt_names.get(code)?;
        let name = name.replace(&format!("({code})"), "").replace(&format!("- {code}"), "");
        Some(tidy(name.trim_end_matches([' ', '-'])))
    }

    /// Every name under which the registers have a code.
    fn names_of(&self, code: &OdsCode) -> Vec<String> {
        let ods = self.ods.get(code).map(|ods| ods.name.clone());
        ods.into_iter().chain(self.dspt_name(code)).collect()
    }

    fn of_location(&self, location: &CqcLocation) -> Draft {
        let provider = location.provider_id.as_ref().and_then(|id| self.providers.get(id));
        let provider_name = location
            .provider_name
            .as_deref()
            .or(provider.map(|provider| provider.name.as_str()))
            .unwrap_or("");
        let mut names = vec![location.name.clone()];
        names.extend(location.also_known_as.clone());
        names.extend(location.predecessors.iter().map(|before| before.name.clone()));
        let mut codes = vec![(CodeOf::Location, location.id.as_str().to_owned())];
        let mut head_office = provider.and_then(|provider| provider.ods_code.clone());
        if let Some(code) = &location.ods_code {
            names.extend(self.names_of(code));
            codes.push((CodeOf::Site, code.as_str().to_owned()));
            head_office = self.ods.get(code).and_then(|ods| ods.parent.clone()).or(head_office);
        }
        if let Some(id) = &location.provider_id {
            codes.push((CodeOf::Provider, id.as_str().to_owned()));
        }
        let address = location.address.join(", ");
        let town = location.town.as_deref().unwrap_or("");
        let district = [&location.local_authority, &location.county].into_iter().flatten();
        let mut draft = Draft {
            sort_by: plain_words(&location.name).join(" ").into(),
            fields: fields([
                &location.name,
                &address,
                town,
                location.postcode.as_ref().map_or("", Postcode::as_str),
                location.ods_code.as_ref().map_or("", OdsCode::as_str),
                location.id.as_str(),
            ]),
            provider: provider_name.into(),
            is_registered: location.is_registered(),
            entry: Entry {
                names,
                street: address,
                town: town.to_owned(),
                district: district.map(String::as_str).collect::<Vec<_>>().join(" "),
                provider: provider_name.to_owned(),
                postcode: location.postcode.as_ref().map(ToString::to_string).unwrap_or_default(),
                codes,
                is_open: location.is_registered(),
                is_social_care: location.is_social_care(),
            },
        };
        self.complete(&mut draft, head_office.as_ref());
        draft
    }

    /// A site that only ODS has: a new one that CQC's files do not list yet, or a home in Wales.
    fn of_ods_site(&self, site: &super::OdsOrganisation) -> Draft {
        let address = site.address.join(", ");
        let town = site.town.as_deref().unwrap_or("");
        let parent = site.parent.as_ref().and_then(|parent| self.ods.get(parent));
        let provider = parent.map_or("", |parent| parent.name.as_str());
        let mut names = vec![site.name.clone()];
        names.extend(self.dspt_name(&site.code));
        let mut draft = Draft {
            sort_by: plain_words(&site.name).join(" ").into(),
            fields: fields([
                &site.name,
                &address,
                town,
                site.postcode.as_ref().map_or("", Postcode::as_str),
                site.code.as_str(),
                "",
            ]),
            provider: provider.into(),
            is_registered: false,
            entry: Entry {
                names,
                street: address,
                town: town.to_owned(),
                district: site.county.clone().unwrap_or_default(),
                provider: provider.to_owned(),
                postcode: site.postcode.as_ref().map(ToString::to_string).unwrap_or_default(),
                codes: vec![(CodeOf::Site, site.code.as_str().to_owned())],
                is_open: site.closed_on.is_none() && site.gone_from_register_at.is_none(),
                is_social_care: true,
            },
        };
        self.complete(&mut draft, site.parent.as_ref());
        draft
    }

    /// Adds the head office, and leaves names out that are there already.
    fn complete(&self, draft: &mut Draft, head_office: Option<&OdsCode>) {
        let entry = &mut draft.entry;
        if let Some(code) = head_office {
            entry.codes.push((CodeOf::HeadOffice, code.as_str().to_owned()));
            for name in self.names_of(code) {
                entry.provider = format!("{} {name}", entry.provider);
            }
        }
        let mut seen = HashSet::new();
        entry.names.retain(|name| !name.is_empty() && seen.insert(words::search_words(name)));
    }
}

impl SearchIndex {
    /// Reads every site and makes the index.
    ///
    /// # Errors
    /// What the database answered.
    pub async fn build(database: &Database) -> Result<Self> {
        // The version is read first: an import that finishes meanwhile makes the index old, never
        // wrongly new.
        let version = store::register_version(database).await?;
        let beside: Arc<Mutex<Beside>> = Arc::default();
        let filling = Arc::clone(&beside);
        store::each_provider(database, move |provider| {
            lock(&filling).providers.insert(provider.id.clone(), provider);
        })
        .await?;
        let filling = Arc::clone(&beside);
        store::each_organisation(database, move |organisation| {
            lock(&filling).ods.insert(organisation.code.clone(), organisation);
        })
        .await?;
        let filling = Arc::clone(&beside);
        store::each_dspt_name(database, move |code, name| {
            lock(&filling).dspt_names.insert(code, name);
        })
        .await?;
        let beside = std::mem::take(&mut *lock(&beside));
        let drafts: Arc<Mutex<(Beside, Vec<Draft>)>> = Arc::new(Mutex::new((beside, Vec::new())));
        let filling = Arc::clone(&drafts);
        store::each_location(database, move |location| {
            let mut filling = lock(&filling);
            let draft = filling.0.of_location(&location);
            filling.1.push(draft);
        })
        .await?;
        let (beside, mut drafts) = std::mem::take(&mut *lock(&drafts));
        tokio::task::spawn_blocking(move || {
            let at_cqc: HashSet<String> = drafts
                .iter()
                .flat_map(|draft| &draft.entry.codes)
                .filter(|(kind, _)| *kind == CodeOf::Site)
                .map(|(_, code)| code.clone())
                .collect();
            let of_ods = beside.ods.values().filter(|ods| ods.kind == OdsKind::Site);
            drafts.extend(
                of_ods.filter(|ods| !at_cqc.contains(ods.code.as_str())).map(|ods| beside.of_ods_site(ods)),
            );
            Self::of(version, drafts)
        })
        .await
        .map_err(|error| Error::Misused(error.to_string()))
    }

    fn of(version: i64, mut drafts: Vec<Draft>) -> Self {
        drafts
            .sort_unstable_by(|one, other| (&one.sort_by, &one.fields).cmp(&(&other.sort_by, &other.fields)));
        let mut index = SearchIndex { version, ..SearchIndex::default() };
        let mut provider_numbers: HashMap<Box<str>, u32> = HashMap::new();
        for draft in &drafts {
            let provider = match provider_numbers.get(&draft.provider) {
                Some(number) => *number,
                None => {
                    let number = u32::try_from(index.providers.count()).unwrap_or(u32::MAX);
                    index.providers.push(&draft.provider);
                    provider_numbers.insert(draft.provider.clone(), number);
                    number
                }
            };
            index.provider_of.push(provider);
            index.marks.push(if draft.is_registered { REGISTERED } else { 0 });
            index.sites.push(&draft.fields);
        }
        let entries: Vec<Entry> = drafts.into_iter().map(|draft| draft.entry).collect();
        index.ranking = Ranking::of(&entries);
        index.sites.shrink();
        index.providers.shrink();
        index.provider_of.shrink_to_fit();
        index.marks.shrink_to_fit();
        index
    }

    /// How many sites can be found.
    pub fn len(&self) -> usize {
        self.sites.count()
    }

    /// Whether nothing was imported yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How much memory the index takes, in bytes.
    pub fn size_bytes(&self) -> usize {
        self.sites.size_bytes()
            + self.providers.size_bytes()
            + self.provider_of.capacity() * 4
            + self.marks.capacity()
            + self.ranking.size_bytes()
    }

    fn row(&self, site: u32) -> SiteRow {
        let place = site as usize;
        let mut parts = self.sites.get(place).split(BETWEEN);
        let mut next = || parts.next().unwrap_or("").to_owned();
        let (name, address, town, postcode) = (next(), next(), next(), next());
        let (ods_code, location_id) = (next(), next());
        SiteRow {
            location_id: CqcLocationId::parse(&location_id).ok(),
            ods_code: OdsCode::parse(&ods_code).ok(),
            name,
            address,
            town,
            postcode,
            provider_name: self.providers.get(self.provider_of[place] as usize).to_owned(),
            registered: self.marks[place] & REGISTERED != 0,
            social_care: self.ranking.is_social_care(site),
        }
    }

    /// One page of the sites that fit what was typed, best first; pages are counted from 0.
    pub fn find(&self, typed: &str, page: usize) -> Results {
        let typed: String = tidy(typed).chars().take(TYPED_MAX).collect();
        if self.is_empty() || typed.is_empty() {
            return Results::default();
        }
        let (sites, is_exact, recognised) = self.by_code(&typed).unwrap_or_else(|| {
            let ranked = self.ranking.find(&typed).0;
            let is_exact = ranked.first().is_some_and(|first| first.is_exact);
            (ranked.into_iter().map(|found| found.site).collect(), is_exact, None)
        });
        let shown = sites.iter().skip(page.saturating_mul(RESULTS_PER_PAGE)).take(RESULTS_PER_PAGE);
        Results {
            total: sites.len(),
            rows: shown.map(|site| self.row(*site)).collect(),
            is_exact,
            recognised,
        }
    }

    /// The sites of what was typed, where the whole of it is one code.
    fn by_code(&self, typed: &str) -> Option<(Vec<u32>, bool, Option<Recognised>)> {
        let code = match (OdsCode::parse(typed), CqcLocationId::parse(typed)) {
            (_, Ok(id)) => id.as_str().to_owned(),
            (_, Err(CodeProblem::MissingPrefix(id))) => id,
            // Words may begin with CON, too.
            (_, Err(CodeProblem::ContactIdForLocation(_))) => {
                return CqcContactId::parse(typed)
                    .is_ok()
                    .then(|| (Vec::new(), false, Some(Recognised::ContactId)));
            }
            (Ok(code), Err(_)) => code.as_str().to_owned(),
            (Err(CodeProblem::ClosedSuffix(code)), _) => code,
            (Err(CodeProblem::SpreadsheetDamaged(text)), _) => {
                let sites =
                    before_the_spreadsheet(&text).map(|code| self.of_code(&code).0).unwrap_or_default();
                return Some((sites, false, Some(Recognised::SpreadsheetDamaged(text))));
            }
            (Err(_), Err(_)) => return None,
        };
        let (sites, kind) = self.of_code(&code);
        // A head office's code may be a word: CARE is one.
        let is_word = !code.bytes().any(|letter| letter.is_ascii_digit()) && self.ranking.has_word(typed);
        let recognised = match kind? {
            CodeOf::Site | CodeOf::Location => None,
            CodeOf::HeadOffice if is_word => return None,
            CodeOf::HeadOffice => Some(Recognised::HeadOffice(code)),
            CodeOf::Provider => Some(Recognised::Provider(code)),
        };
        Some((sites, true, recognised))
    }

    /// The sites of a code, those that are open first, and whose it is.
    fn of_code(&self, code: &str) -> (Vec<u32>, Option<CodeOf>) {
        let found = self.ranking.sites_of_code(code);
        let kind = found.iter().map(|(_, kind)| *kind).min();
        let mut sites: Vec<u32> =
            found.iter().filter(|(_, own)| Some(*own) == kind).map(|(site, _)| *site).collect();
        sites.sort_unstable_by_key(|site| {
            (!self.ranking.is_open(*site), !self.ranking.is_social_care(*site), *site)
        });
        (sites, kind)
    }
}

/// The code that a spreadsheet turned into a date: APR4 becomes 01/04/2004 or 04-Apr.
fn before_the_spreadsheet(text: &str) -> Option<String> {
    const MONTHS: [&str; 12] =
        ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
    let parts: Vec<&str> = text.split(['/', '-']).collect();
    let (month, number) = match parts.as_slice() {
        [month, number] if MONTHS.contains(month) => (*month, *number),
        [number, month] if MONTHS.contains(month) => (*month, *number),
        [_, month, year] if year.len() == 4 => {
            let place = month.parse::<usize>().ok()?.checked_sub(1)?;
            (*MONTHS.get(place)?, *year)
        }
        [year, month, _] if year.len() == 4 => {
            let place = month.parse::<usize>().ok()?.checked_sub(1)?;
            (*MONTHS.get(place)?, *year)
        }
        _ => return None,
    };
    let number = number.parse::<u32>().ok()? % 100;
    Some(format!("{month}{number}"))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The search of a running service: an index that is made anew after an import.
pub struct Search {
    database: Database,
    index: Arc<RwLock<Arc<SearchIndex>>>,
    checked: Mutex<Option<Instant>>,
    building: Arc<tokio::sync::Mutex<()>>,
    filled: Filled,
}

impl Search {
    pub fn new(database: Database, filled: Filled) -> Self {
        Search {
            database,
            index: Arc::default(),
            checked: Mutex::new(None),
            building: Arc::default(),
            filled,
        }
    }

    /// Makes the first index, however long that takes.
    ///
    /// # Errors
    /// What the database answered.
    pub async fn fill(&self) -> Result<()> {
        let version = store::register_version(&self.database).await?;
        self.renewing(version).await.map_err(|error| Error::Misused(error.to_string()))?
    }

    /// The index as it is now.
    pub fn index(&self) -> Arc<SearchIndex> {
        Arc::clone(&self.index.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// One page of the sites that fit what was typed; pages are counted from 0. After an import of
    /// a whole register the old index answers until the new one is made. Where there is no old one, every
    /// search waits for the new one for `FIRST_WAIT` and then answers [`Searched::Starting`].
    ///
    /// # Errors
    /// What the database answered when it was asked for the newest import.
    pub async fn find(&self, typed: &str, page: usize) -> Result<Searched> {
        // Nothing can be answered from an empty index: every search makes sure that it should be empty.
        let is_first = !self.filled.is_set() || self.index().is_empty();
        if (is_first || self.is_due()) && !self.caught_up(is_first).await? {
            return Ok(Searched::Starting);
        }
        Ok(Searched::Results(self.index().find(typed, page)))
    }

    /// Whether it is time to ask for the newest import; whoever hears yes does so.
    fn is_due(&self) -> bool {
        let mut checked = lock(&self.checked);
        let due = checked.is_none_or(|at| at.elapsed() >= CHECKED_EVERY);
        if due {
            *checked = Some(Instant::now());
        }
        due
    }

    /// Looks whether there is a newer import and has its index made. Whether there is an index to
    /// answer from.
    async fn caught_up(&self, is_first: bool) -> Result<bool> {
        let version = store::register_version(&self.database).await?;
        if self.filled.is_set() && version == self.index().version {
            return Ok(true);
        }
        let wait = if is_first { FIRST_WAIT } else { FRESH_WAIT };
        let made = match tokio::time::timeout(wait, self.renewing(version)).await {
            Ok(joined) => joined.map_err(|error| Error::Misused(error.to_string()))?,
            Err(_) => return Ok(!is_first),
        };
        if is_first {
            made?;
        }
        Ok(true)
    }

    /// Has an index made that is at least of this version, whoever waits for it.
    fn renewing(&self, wanted: i64) -> JoinHandle<Result<()>> {
        let (database, index) = (self.database.clone(), Arc::clone(&self.index));
        let (building, filled) = (Arc::clone(&self.building), self.filled.clone());
        tokio::spawn(async move {
            let _alone = building.lock().await;
            let current = index.read().unwrap_or_else(PoisonError::into_inner).version;
            if filled.is_set() && current >= wanted {
                return Ok(());
            }
            let fresh = SearchIndex::build(&database).await.inspect_err(|error| {
                // Whoever waits for the first index tells of it.
                if filled.is_set() {
                    tracing::error!(%error, "the search index could not be made; the old one goes on answering");
                }
            })?;
            *index.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(fresh);
            filled.set();
            Ok(())
        })
    }
}

/// The first page of the sites that fit some words, for the command line: the index is made for
/// this one question.
pub async fn find(database: &Database, words: &str) -> Result<Vec<SiteRow>> {
    Ok(SearchIndex::build(database).await?.find(words, 0).rows)
}
