//! Finding a site by what people have at hand: its name, a word of it, the town, a postcode, a code.
//!
//! Every site is in one index in memory, built from the database and never changed; after an import
//! a new one takes its place. Words match in any order, the last one as far as it is typed, and a
//! word that nothing is called may be wrong by one letter. `docs/decisions/0007-search-in-memory.md`
//! says why it is not the database that searches.

use super::code::Postcode;
use super::cqc::CqcLocation;
use super::store;
use super::{CqcLocationId, OdsCode, OdsSiteCode, tidy};
use crate::cache::Filled;
use crate::database::{Database, Error, Result};
use serde::Serialize;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// How many results a page shows.
pub const RESULTS_PER_PAGE: usize = 20;
/// How many pages can be asked for: whoever reads further should type another word.
pub const PAGES_MAX: usize = 25;
/// How much of what was typed is looked at, in characters.
const TYPED_MAX: usize = 200;
/// How many words of it are looked at.
const WORDS_MAX: usize = 12;
/// With fewer sites than this to a word, words that differ from it by a letter are looked at too.
const FEW: usize = 3;
/// Shorter words are not looked for with a letter wrong: almost anything would match.
const MISSPELT_MIN_LETTERS: usize = 4;
/// How often the database is asked whether there was an import. By the machine's steady clock and
/// not the [`crate::clock::Clock`], which stands still in stories.
const CHECKED_EVERY: Duration = Duration::from_secs(1);
/// How long a search waits for a new index before it answers from the old one.
const FRESH_WAIT: Duration = Duration::from_millis(200);
/// How long a search waits for the first index, from which alone it can answer: four times what the
/// index of 60,000 sites takes, and less than people wait for a page.
const FIRST_WAIT: Duration = Duration::from_secs(2);

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

/// One page of results.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Results {
    /// How many there are on all pages.
    pub total: usize,
    pub rows: Vec<SiteRow>,
}

/// What the search of a running service answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Searched {
    Results(Results),
    /// The first index since the start is still being made, so nothing can be said of any site.
    Starting,
}

/// A set of sites by their number.
#[derive(Clone)]
struct Sites(Vec<u64>);

impl Sites {
    fn none(count: usize) -> Self {
        Sites(vec![0; count.div_ceil(64)])
    }

    fn add(&mut self, site: u32) {
        self.0[site as usize / 64] |= 1 << (site % 64);
    }

    fn has(&self, site: u32) -> bool {
        self.0[site as usize / 64] & (1 << (site % 64)) != 0
    }

    fn count(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    fn and(&mut self, other: &Sites) {
        for (word, with) in self.0.iter_mut().zip(&other.0) {
            *word &= with;
        }
    }

    fn or(&mut self, other: &Sites) {
        for (word, with) in self.0.iter_mut().zip(&other.0) {
            *word |= with;
        }
    }

    fn each(&self, mut each: impl FnMut(u32)) {
        for (place, word) in (0_u32..).zip(&self.0) {
            let mut word = *word;
            while word != 0 {
                each(place * 64 + word.trailing_zeros());
                word &= word - 1;
            }
        }
    }
}

/// Many short texts in one allocation.
#[derive(Default)]
struct Texts {
    text: String,
    ends: Vec<u32>,
}

impl Texts {
    fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.ends.push(u32::try_from(self.text.len()).unwrap_or(u32::MAX));
    }

    fn get(&self, place: usize) -> &str {
        let start = match place {
            0 => 0,
            _ => self.ends[place - 1] as usize,
        };
        &self.text[start..self.ends[place] as usize]
    }

    fn len(&self) -> usize {
        self.ends.len()
    }

    /// The texts that begin so, where they are sorted.
    fn beginning(&self, start: &str) -> std::ops::Range<usize> {
        let first = partition(self.len(), |place| self.get(place) < start);
        let count = partition(self.len() - first, |place| self.get(first + place).starts_with(start));
        first..first + count
    }

    fn shrink(&mut self) {
        self.text.shrink_to_fit();
        self.ends.shrink_to_fit();
    }
}

/// The first place at which `before` is no longer so.
fn partition(count: usize, before: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = low + (high - low) / 2;
        if before(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

/// Codes of one kind in order, each with its site.
#[derive(Default)]
struct Codes {
    codes: Texts,
    sites: Vec<u32>,
}

impl Codes {
    fn of(mut pairs: Vec<(Box<str>, u32)>) -> Self {
        pairs.sort_unstable();
        let mut codes = Codes::default();
        for (code, site) in pairs {
            codes.codes.push(&code);
            codes.sites.push(site);
        }
        codes.codes.shrink();
        codes.sites.shrink_to_fit();
        codes
    }

    /// Adds the sites whose code is this one, or begins so; answers whether there were any.
    fn add(&self, to: &mut Sites, code: &str, whole: bool) -> bool {
        let mut any = false;
        for place in self.codes.beginning(code) {
            if whole && self.codes.get(place).len() != code.len() {
                break;
            }
            to.add(self.sites[place]);
            any = true;
        }
        any
    }
}

const REGISTERED: u8 = 1;
const SOCIAL_CARE: u8 = 2;
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
    words: Texts,
    /// The numbers of the words, in the order of the words read backwards.
    backwards: Vec<u32>,
    posting_ends: Vec<u32>,
    postings: Vec<u32>,
    location_ids: Codes,
    ods_codes: Codes,
    postcodes: Codes,
}

/// A site on its way into the index.
struct Draft {
    sort_by: Box<str>,
    fields: Box<str>,
    words: Box<str>,
    provider: Box<str>,
    marks: u8,
    location_id: Option<Box<str>>,
    ods_code: Option<Box<str>>,
    postcode: Option<Box<str>>,
}

/// Words as they are compared: plain letters and digits in lower case; an apostrophe joins.
pub fn plain_words(text: &str) -> Vec<String> {
    let plain = if text.is_ascii() { text.to_owned() } else { any_ascii::any_ascii(text) };
    let mut words = Vec::new();
    let mut word = String::new();
    for letter in plain.chars() {
        if letter.is_ascii_alphanumeric() {
            word.push(letter.to_ascii_lowercase());
        } else if letter == '&' {
            if !word.is_empty() {
                words.push(std::mem::take(&mut word));
            }
            words.push("and".to_owned());
        } else if letter != '\'' && letter != '`' && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

fn fields(parts: [&str; 6]) -> Box<str> {
    let mut text = String::with_capacity(parts.iter().map(|part| part.len() + 1).sum());
    for (place, part) in parts.iter().enumerate() {
        if place > 0 {
            text.push(BETWEEN);
        }
        text.push_str(part);
    }
    text.into_boxed_str()
}

fn boxed(text: Option<&str>) -> Option<Box<str>> {
    text.map(Box::from)
}

fn draft_of_location(location: &CqcLocation, provider: &str) -> Draft {
    let address = location.address.join(", ");
    let town = location.town.as_deref().unwrap_or("");
    let mut marks = 0;
    if location.is_registered() {
        marks |= REGISTERED;
    }
    if location.is_social_care() {
        marks |= SOCIAL_CARE;
    }
    let ods_code = location.ods_code.as_ref().map(OdsCode::as_str);
    let postcode = location.postcode.as_ref().map(Postcode::as_str);
    // A directory without a column for the town has it among the lines of the address.
    let place = if town.is_empty() { address.as_str() } else { town };
    Draft {
        sort_by: plain_words(&location.name).join(" ").into(),
        fields: fields([
            &location.name,
            &address,
            town,
            postcode.unwrap_or(""),
            ods_code.unwrap_or(""),
            location.id.as_str(),
        ]),
        words: plain_words(&format!(
            "{} {} {place}",
            location.name,
            location.also_known_as.as_deref().unwrap_or(""),
        ))
        .join(" ")
        .into(),
        provider: provider.into(),
        marks,
        location_id: boxed(Some(location.id.as_str())),
        ods_code: boxed(ods_code),
        postcode: boxed(postcode),
    }
}

impl SearchIndex {
    /// Reads every site and makes the index.
    pub async fn build(database: &Database) -> Result<Self> {
        // The version is read first: an import that finishes meanwhile makes the index old, never
        // wrongly new.
        let version = store::register_version(database).await?;
        let names: Arc<Mutex<HashMap<Box<str>, Box<str>>>> = Arc::default();
        let filling = Arc::clone(&names);
        store::each_provider(database, move |provider| {
            lock(&filling).insert(provider.id.as_str().into(), provider.name.into());
        })
        .await?;
        let drafts: Arc<Mutex<Vec<Draft>>> = Arc::default();
        let filling = Arc::clone(&drafts);
        let naming = Arc::clone(&names);
        store::each_location(database, move |location| {
            let names = lock(&naming);
            let provider = location
                .provider_name
                .as_deref()
                .or_else(|| names.get(location.provider_id.as_ref()?.as_str()).map(|name| &**name))
                .unwrap_or("");
            lock(&filling).push(draft_of_location(&location, provider));
        })
        .await?;
        // Sites that only ODS has: new ones that CQC's files do not list yet, and homes in Wales.
        let at_cqc: std::collections::HashSet<Box<str>> =
            lock(&drafts).iter().filter_map(|draft| draft.ods_code.clone()).collect();
        let filling = Arc::clone(&drafts);
        store::each_ods_site(database, move |site| {
            if !at_cqc.contains(site.code.as_str()) {
                let address = site.address.join(", ");
                let town = site.town.as_deref().unwrap_or("");
                let postcode = site.postcode.as_ref().map(Postcode::as_str);
                lock(&filling).push(Draft {
                    sort_by: plain_words(&site.name).join(" ").into(),
                    fields: fields([
                        &site.name,
                        &address,
                        town,
                        postcode.unwrap_or(""),
                        site.code.as_str(),
                        "",
                    ]),
                    words: plain_words(&format!("{} {town}", site.name)).join(" ").into(),
                    provider: Box::default(),
                    marks: SOCIAL_CARE,
                    location_id: None,
                    ods_code: boxed(Some(site.code.as_str())),
                    postcode: boxed(postcode),
                });
            }
        })
        .await?;
        let drafts = std::mem::take(&mut *lock(&drafts));
        tokio::task::spawn_blocking(move || Self::of(version, drafts))
            .await
            .map_err(|error| crate::database::Error::Misused(error.to_string()))
    }

    fn of(version: i64, mut drafts: Vec<Draft>) -> Self {
        drafts
            .sort_unstable_by(|one, other| (&one.sort_by, &one.fields).cmp(&(&other.sort_by, &other.fields)));
        let mut index = SearchIndex { version, ..SearchIndex::default() };
        let mut vocabulary: HashMap<Box<str>, Vec<u32>> = HashMap::new();
        let mut provider_numbers: HashMap<Box<str>, u32> = HashMap::new();
        let mut codes: [Vec<(Box<str>, u32)>; 3] = Default::default();
        for (site, draft) in (0_u32..).zip(drafts) {
            let provider = match provider_numbers.get(&draft.provider) {
                Some(number) => *number,
                None => {
                    let number = u32::try_from(index.providers.len()).unwrap_or(u32::MAX);
                    index.providers.push(&draft.provider);
                    provider_numbers.insert(draft.provider.clone(), number);
                    number
                }
            };
            index.provider_of.push(provider);
            index.marks.push(draft.marks);
            index.sites.push(&draft.fields);
            let of_provider = plain_words(&draft.provider);
            let words = draft.words.split(' ').chain(of_provider.iter().map(String::as_str));
            for word in words.filter(|word| !word.is_empty()) {
                match vocabulary.get_mut(word) {
                    Some(sites) if sites.last() == Some(&site) => {}
                    Some(sites) => sites.push(site),
                    None => {
                        vocabulary.insert(word.into(), vec![site]);
                    }
                }
            }
            for (place, code) in [draft.location_id, draft.ods_code, draft.postcode].into_iter().enumerate() {
                if let Some(code) = code {
                    codes[place].push((code, site));
                }
            }
        }
        let mut vocabulary: Vec<(Box<str>, Vec<u32>)> = vocabulary.into_iter().collect();
        vocabulary.sort_unstable();
        for (word, sites) in vocabulary {
            index.words.push(&word);
            index.postings.extend(sites);
            index.posting_ends.push(u32::try_from(index.postings.len()).unwrap_or(u32::MAX));
        }
        index.backwards = (0..u32::try_from(index.words.len()).unwrap_or(0)).collect();
        let words = &index.words;
        index.backwards.sort_unstable_by(|one, other| {
            let (one, other) = (words.get(*one as usize), words.get(*other as usize));
            one.bytes().rev().cmp(other.bytes().rev())
        });
        let [location_ids, ods_codes, postcodes] = codes;
        index.location_ids = Codes::of(location_ids);
        index.ods_codes = Codes::of(ods_codes);
        index.postcodes = Codes::of(postcodes);
        index.sites.shrink();
        index.providers.shrink();
        index.words.shrink();
        index.postings.shrink_to_fit();
        index.posting_ends.shrink_to_fit();
        index.provider_of.shrink_to_fit();
        index.marks.shrink_to_fit();
        index
    }

    /// How many sites can be found.
    pub fn len(&self) -> usize {
        self.sites.len()
    }

    /// Whether nothing was imported yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How much memory the index takes, in bytes.
    pub fn size_bytes(&self) -> usize {
        let texts = |texts: &Texts| texts.text.capacity() + texts.ends.capacity() * 4;
        let codes = |codes: &Codes| texts(&codes.codes) + codes.sites.capacity() * 4;
        texts(&self.sites)
            + texts(&self.providers)
            + texts(&self.words)
            + codes(&self.location_ids)
            + codes(&self.ods_codes)
            + codes(&self.postcodes)
            + (self.provider_of.capacity() + self.backwards.capacity()) * 4
            + (self.posting_ends.capacity() + self.postings.capacity()) * 4
            + self.marks.capacity()
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
            social_care: self.marks[place] & SOCIAL_CARE != 0,
        }
    }

    fn add_word(&self, to: &mut Sites, word: usize) {
        let start = match word {
            0 => 0,
            _ => self.posting_ends[word - 1] as usize,
        };
        for site in &self.postings[start..self.posting_ends[word] as usize] {
            to.add(*site);
        }
    }

    /// The words that differ from this one by one letter more, less, other, or two swapped.
    ///
    /// One wrong letter leaves the first half of a word or its second half as it was, so only words
    /// that share one of the halves are compared.
    fn add_misspelt(&self, to: &mut Sites, typed: &str) {
        let half = typed.len() / 2;
        for word in self.words.beginning(&typed[..half]) {
            if one_letter_apart(typed.as_bytes(), self.words.get(word).as_bytes()) {
                self.add_word(to, word);
            }
        }
        let end = &typed.as_bytes()[half + 1..];
        let backwards = |place: usize| {
            let word = self.words.get(self.backwards[place] as usize);
            word.bytes().rev()
        };
        let first = partition(self.backwards.len(), |place| backwards(place).lt(end.iter().rev().copied()));
        for place in first..self.backwards.len() {
            let number = self.backwards[place] as usize;
            let word = self.words.get(number).as_bytes();
            if !word.ends_with(end) {
                break;
            }
            if one_letter_apart(typed.as_bytes(), word) {
                self.add_word(to, number);
            }
        }
    }

    /// Sites whose code is, or begins with, what was typed as one word.
    fn add_codes(&self, to: &mut Sites, typed: &str) -> bool {
        let upper = typed.to_ascii_uppercase();
        if upper.len() < 2 || !upper.bytes().any(|b| b.is_ascii_digit()) {
            return upper.len() >= 4
                && upper.bytes().all(|b| b.is_ascii_alphanumeric())
                && self.ods_codes.add(to, &upper, true);
        }
        let mut any = false;
        if upper.starts_with("1-") && upper.len() >= 4 {
            return self.location_ids.add(to, &upper, true) || self.location_ids.add(to, &upper, false);
        }
        if upper.len() >= 3 {
            any |= self.ods_codes.add(to, &upper, false);
            any |= self.location_ids.add(to, &upper, true);
        }
        if upper.len() >= 5 && upper.bytes().all(|b| b.is_ascii_digit()) {
            any |= self.location_ids.add(to, &format!("1-{upper}"), false);
        }
        if let Ok(postcode) = Postcode::parse(&upper) {
            any |= self.postcodes.add(to, postcode.as_str(), true);
        } else if upper.starts_with(|c: char| c.is_ascii_uppercase()) && upper.len() <= 7 {
            // The first part whole, as in OL4, or the whole as far as it is typed, as in OL45S.
            let first_part = self.postcodes.add(to, &format!("{upper} "), false);
            any |= first_part;
            if !first_part && upper.is_ascii() {
                for split in 2..upper.len().min(5) {
                    let (outward, inward) = upper.split_at(split);
                    any |= self.postcodes.add(to, &format!("{outward} {inward}"), false);
                }
            }
        }
        any
    }

    /// One page of the sites that fit what was typed; pages are counted from 0.
    pub fn find(&self, typed: &str, page: usize) -> Results {
        if self.is_empty() || page >= PAGES_MAX {
            return Results::default();
        }
        let typed: String = tidy(typed).chars().take(TYPED_MAX).collect();
        let mut by_code = Sites::none(self.len());
        // The whole of it as one code, with the label and the spaces people paste along.
        if let Ok(id) = CqcLocationId::parse(&typed) {
            self.location_ids.add(&mut by_code, id.as_str(), true);
        }
        if let Ok(code) = OdsCode::parse(&typed) {
            self.ods_codes.add(&mut by_code, code.as_str(), true);
        }
        if let Ok(postcode) = Postcode::parse(&typed) {
            self.postcodes.add(&mut by_code, postcode.as_str(), true);
        }
        let mut groups = self.groups(&typed);
        let mut found = by_code.clone();
        if let Some((first, rest)) = groups.split_first_mut() {
            let mut all = first.either();
            for group in rest.iter() {
                all.and(&group.either());
            }
            found.or(&all);
        }
        if found.count() == 0
            && let Ok(code) = OdsSiteCode::parse(&typed)
            && let Some(code) = code.look_alike()
        {
            self.ods_codes.add(&mut found, code.as_str(), true);
        }
        let mut ranked = Vec::with_capacity(found.count());
        found.each(|site| {
            let coded = by_code.has(site) || groups.iter().any(|group| group.codes.has(site));
            let class = match self.marks[site as usize] {
                both if both == REGISTERED | SOCIAL_CARE => 0,
                REGISTERED => 1_u64,
                SOCIAL_CARE => 2,
                _ => 3,
            };
            let misspelt = groups.iter().filter(|group| !group.exact.has(site)).count() as u64;
            ranked.push(u64::from(!coded) << 60 | class << 56 | misspelt << 40 | u64::from(site));
        });
        let total = ranked.len();
        let (from, to) = (page * RESULTS_PER_PAGE, ((page + 1) * RESULTS_PER_PAGE).min(total));
        if from >= total {
            return Results { total, rows: Vec::new() };
        }
        if to < total {
            ranked.select_nth_unstable(to);
        }
        let shown = &mut ranked[..to];
        shown.sort_unstable();
        let rows = shown[from..]
            .iter()
            .map(|rank| self.row(u32::try_from(rank & 0xffff_ffff).unwrap_or(0)))
            .collect();
        Results { total, rows }
    }

    /// What was typed, word by word, each with the sites it fits.
    fn groups(&self, typed: &str) -> Vec<Group> {
        let pieces: Vec<&str> = typed.split(' ').take(WORDS_MAX).collect();
        let mut groups = Vec::new();
        let mut place = 0;
        while place < pieces.len() {
            let piece = pieces[place];
            place += 1;
            // A postcode is two words to whoever types it.
            if let Some(next) = pieces.get(place)
                && let Ok(postcode) = Postcode::parse(&format!("{piece}{next}"))
            {
                let mut codes = Sites::none(self.len());
                if self.postcodes.add(&mut codes, postcode.as_str(), true) {
                    groups.push(Group { exact: codes.clone(), codes, near: None });
                    place += 1;
                    continue;
                }
            }
            let mut codes = Sites::none(self.len());
            if self.add_codes(&mut codes, piece.trim_matches(|c: char| !c.is_ascii_alphanumeric())) {
                let mut group = Group { exact: codes.clone(), codes, near: None };
                // A number may be a word of a name as well.
                if let [word] = plain_words(piece).as_slice() {
                    for there in self.words.beginning(word) {
                        if self.words.get(there).len() == word.len() {
                            self.add_word(&mut group.exact, there);
                        }
                    }
                }
                groups.push(group);
                continue;
            }
            let words = plain_words(piece);
            let count = words.len();
            for (number, word) in words.into_iter().enumerate() {
                let last = place == pieces.len() && number + 1 == count;
                groups.push(self.group_of_word(&word, last));
            }
        }
        groups
    }

    fn group_of_word(&self, word: &str, last: bool) -> Group {
        let mut exact = Sites::none(self.len());
        for there in self.words.beginning(word) {
            if last || self.words.get(there).len() == word.len() {
                self.add_word(&mut exact, there);
            } else if self.words.get(there).len() > word.len() {
                break;
            }
        }
        let near = (word.len() >= MISSPELT_MIN_LETTERS && exact.count() < FEW).then(|| {
            let mut near = Sites::none(self.len());
            self.add_misspelt(&mut near, word);
            near
        });
        Group { codes: Sites::none(self.len()), exact, near }
    }
}

/// The sites one typed word fits.
struct Group {
    /// By a code.
    codes: Sites,
    /// As it was typed, codes among them.
    exact: Sites,
    /// With one letter wrong.
    near: Option<Sites>,
}

impl Group {
    fn either(&self) -> Sites {
        let mut either = self.exact.clone();
        if let Some(near) = &self.near {
            either.or(near);
        }
        either
    }
}

/// Whether two different words are one letter more, less or other, or two swapped letters apart.
pub fn one_letter_apart(one: &[u8], other: &[u8]) -> bool {
    let (short, long) = if one.len() <= other.len() { (one, other) } else { (other, one) };
    if long.len() - short.len() > 1 {
        return false;
    }
    let same = short.iter().zip(long).take_while(|(a, b)| a == b).count();
    let (short, long) = (&short[same..], &long[same..]);
    if short.len() < long.len() {
        return short == &long[1..];
    }
    if short.is_empty() {
        return false;
    }
    short[1..] == long[1..]
        || short.len() >= 2 && short[0] == long[1] && short[1] == long[0] && short[2..] == long[2..]
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::{Cache, Caches};
    use proptest::prelude::*;

    async fn results(search: &Search, typed: &str) -> Results {
        match search.find(typed, 0).await.expect("read") {
            Searched::Results(results) => results,
            Searched::Starting => panic!("the index is not there in time"),
        }
    }

    struct Town(Vec<Draft>);

    impl Town {
        fn site(mut self, name: &str, id: &str, ods: &str, rest: &str) -> Self {
            let mut location = CqcLocation::named(CqcLocationId::parse(id).expect("an ID"), name);
            let parts: Vec<&str> = rest.split('|').collect();
            location.ods_code = OdsCode::parse(ods).ok();
            location.town = Some(parts[0].to_owned());
            location.postcode = Postcode::parse(parts[1]).ok();
            location.organisation_type = Some(parts[2].to_owned());
            if parts[3] == "gone" {
                location.status = super::super::cqc::RegistrationStatus::Deregistered;
            }
            self.0.push(draft_of_location(&location, parts[4]));
            self
        }

        fn index(self) -> SearchIndex {
            SearchIndex::of(1, self.0)
        }
    }

    const CARE: &str = super::super::cqc::SOCIAL_CARE;

    fn town() -> SearchIndex {
        let rest = |town: &str, postcode: &str, kind: &str, state: &str| {
            format!("{town}|{postcode}|{kind}|{state}|Oak Care Limited")
        };
        Town(Vec::new())
            .site("Heathbank Support Services", "1-120745060", "VN139", &rest("Oldham", "OL8 1RP", CARE, ""))
            .site(
                "St George's Nursing Home (Oldham)",
                "1-1442899058",
                "VLN9K",
                &rest("Oldham", "OL1 4PE", CARE, ""),
            )
            .site("St Georges Nursing Home", "1-120763021", "", &rest("Oldham", "OL1 4PE", CARE, "gone"))
            .site("Caf\u{e9} & Rest Home", "1-100000001", "VM0EV", &rest("Shaw", "OL16 1AA", CARE, ""))
            .site(
                "Oldham Dental Practice",
                "1-100000002",
                "V80156",
                &rest("Oldham", "OL8 1RP", "Primary Dental Care", ""),
            )
            .site("69 Tenter Lane", "1-10000792582", "VNAAA", &rest("Doncaster", "DN4 9PE", CARE, ""))
            .index()
    }

    fn names(index: &SearchIndex, typed: &str) -> Vec<String> {
        index.find(typed, 0).rows.into_iter().map(|row| row.name).collect()
    }

    #[test]
    fn a_site_is_found_by_whatever_is_at_hand() {
        let index = town();
        let heathbank = "Heathbank Support Services";
        for typed in [
            "VN139",
            "vn139",
            "ODS code: VN139",
            "VNI39",
            "1-120745060",
            "120745060",
            "1-1207",
            "heathbank",
            "HEATH",
            "services heathbank",
            "support serv",
            "Heathbonk",
            "haethbank",
            "heathbnk",
            "heathbannk",
            "oldham heathbank",
            "heathbank OL8 1RP",
            "ol81rp heathbank",
            "  Heathbank,  Oldham ",
            "heathbank oak care",
        ] {
            assert_eq!(names(&index, typed).first().map(String::as_str), Some(heathbank), "{typed:?}");
        }
        assert_eq!(names(&index, "OL8 1RP"), [heathbank, "Oldham Dental Practice"]);
        assert_eq!(names(&index, "ol8"), [heathbank, "Oldham Dental Practice"]);
        assert_eq!(
            names(&index, "OL1"),
            ["St George's Nursing Home (Oldham)", "St Georges Nursing Home"],
            "not OL16"
        );
        assert_eq!(
            names(&index, "st georges")[0],
            "St George's Nursing Home (Oldham)",
            "the registered one first"
        );
        assert_eq!(names(&index, "st george's").len(), 2);
        assert_eq!(names(&index, "cafe and rest"), ["Caf\u{e9} & Rest Home"]);
        assert_eq!(names(&index, "Caf\u{e9} & Rest"), ["Caf\u{e9} & Rest Home"]);
        assert_eq!(names(&index, "69 tenter lane"), ["69 Tenter Lane"]);
        for nothing in ["", "   ", "zzzz", "heathbank doncaster", "\u{1f}", "'", "-"] {
            assert_eq!(names(&index, nothing), Vec::<String>::new(), "{nothing:?}");
        }
        assert!(SearchIndex::default().find("anything", 0).rows.is_empty());
    }

    #[test]
    fn results_come_in_pages_with_the_count_of_all() {
        let mut town = Town(Vec::new());
        for number in 0..55 {
            town = town.site(
                &format!("Oak House {number:02}"),
                &format!("1-{}", 200_000_000 + number),
                &format!("VQ{number:03}"),
                &format!("Oldham|OL1 1AA|{CARE}||Oak"),
            );
        }
        let index = town.index();
        let first = index.find("oak", 0);
        assert_eq!((first.total, first.rows.len(), first.rows[0].name.as_str()), (55, 20, "Oak House 00"));
        let last = index.find("oak", 2);
        assert_eq!((last.rows.len(), last.rows[14].name.as_str()), (15, "Oak House 54"));
        assert_eq!(index.find("oak", 3).rows.len(), 0);
        assert_eq!(index.find("oak", PAGES_MAX).total, 0);
    }

    #[test]
    fn one_letter_apart_is_one_letter() {
        let check = |one: &str, other: &str, apart: bool| {
            assert_eq!(one_letter_apart(one.as_bytes(), other.as_bytes()), apart, "{one} {other}");
            assert_eq!(one_letter_apart(other.as_bytes(), one.as_bytes()), apart, "{other} {one}");
        };
        check("heath", "heat", true);
        check("heath", "heeth", true);
        check("heath", "haeth", true);
        check("heath", "heahtt", false);
        check("heath", "heath", false);
        check("heath", "he", false);
        check("ab", "ba", true);
        check("abcd", "badc", false);
    }

    /// What a running service answers after an import, without anybody telling its search.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn an_import_is_found_within_about_a_second_and_codes_only_ods_has_are_found_too() {
        use super::super::import::{ImportKind, Options, run_bytes};
        use crate::clock::{Clock, Timestamp};
        let clock = Clock::still(Timestamp::from_milliseconds(0));
        for database in crate::database::for_tests::both_engines().await {
            let search = Search::new(database.clone(), Caches::default().filled(Cache::SiteSearch));
            assert_eq!(results(&search, "heathbank").await.total, 0);
            let body = include_bytes!("recorded/cqc_location_registered.json");
            let line = String::from_utf8_lossy(body).replace('\n', " ");
            let take = async |kind: ImportKind, file: &str| {
                run_bytes(&database, &clock, kind, "x", file.as_bytes(), &Options::default())
                    .await
                    .expect("taken");
            };
            take(ImportKind::CqcLocations, &line).await;
            tokio::time::sleep(CHECKED_EVERY).await;
            assert_eq!(results(&search, "heathbank").await.total, 1);
            let site =
                |code: &str, name: &str| format!("\"{code}\",\"{name}\",{}\"1\"\n", "\"\",".repeat(24));
            let sites = site("VN139", "HEATHBANK") + &site("VNZZZ", "CARTREF NEWYDD");
            take(ImportKind::OdsSites, &sites).await;
            tokio::time::sleep(CHECKED_EVERY).await;
            let found = results(&search, "cartref").await;
            assert_eq!((found.total, &found.rows[0].location_id), (1, &None));
            assert!(!found.rows[0].registered);
            assert_eq!(results(&search, "heathbank").await.total, 1, "not once for each register");
        }
    }

    /// As many people search at once as soon as the program has started.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn searches_wait_for_the_first_index_and_none_is_told_that_there_is_nothing() {
        use super::super::import::{ImportKind, Options, run_bytes};
        use crate::clock::{Clock, Timestamp};
        let clock = Clock::still(Timestamp::from_milliseconds(0));
        for database in crate::database::for_tests::both_engines().await {
            let file = String::from_utf8_lossy(include_bytes!("recorded/cqc_location_registered.json"))
                .replace('\n', " ");
            let kind = ImportKind::CqcLocations;
            run_bytes(&database, &clock, kind, "x", file.as_bytes(), &Options::default())
                .await
                .expect("taken");
            for _ in 0..20 {
                let caches = Caches::default();
                let search = Arc::new(Search::new(database.clone(), caches.filled(Cache::SiteSearch)));
                let searching: Vec<_> = (0..8)
                    .map(|_| {
                        let search = Arc::clone(&search);
                        tokio::spawn(async move { results(&search, "heathbank").await.total })
                    })
                    .collect();
                for found in searching {
                    assert_eq!(found.await.expect("searched"), 1);
                }
                assert!(!caches.not_filled().contains(&Cache::SiteSearch));
            }
        }
    }

    /// While the first index cannot be made in time, nobody hears that there is nothing.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn searches_say_that_the_search_is_starting_while_the_first_index_takes_too_long() {
        let database = crate::database::for_tests::sqlite().await;
        let caches = Caches::default();
        let search = Search::new(database, caches.filled(Cache::SiteSearch));
        let held = search.building.lock().await;
        assert_eq!(search.find("heathbank", 0).await.expect("read"), Searched::Starting);
        assert!(caches.not_filled().contains(&Cache::SiteSearch));
        drop(held);
        search.fill().await.expect("filled");
        assert!(!caches.not_filled().contains(&Cache::SiteSearch));
        assert_eq!(results(&search, "heathbank").await, Results::default(), "the registers are empty");
    }

    proptest! {
        /// The shortcut by halves finds what comparing with every word finds.
        #[test]
        fn no_misspelling_is_missed(
            words in proptest::collection::vec("[a-d]{3,7}", 1..60),
            typed in "[a-d]{4,7}",
        ) {
            let mut town = Town(Vec::new());
            for (number, word) in words.iter().enumerate() {
                town = town.site(word, &format!("1-{}", 100_000_000 + number), "", "Q|OL1 1AA|x||");
            }
            let index = town.index();
            let mut near = Sites::none(index.len());
            index.add_misspelt(&mut near, &typed);
            let expected = words.iter().filter(|word| one_letter_apart(word.as_bytes(), typed.as_bytes())).count();
            prop_assert_eq!(near.count(), expected);
        }

        #[test]
        fn nothing_that_is_typed_breaks_the_search(typed in "\\PC{0,60}", page in 0_usize..30) {
            let results = town().find(&typed, page);
            prop_assert!(results.rows.len() <= RESULTS_PER_PAGE);
        }
    }
}
