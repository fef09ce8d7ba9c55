//! The index of every site in memory, and how well each fits what was typed.
//!
//! Nothing that was typed leaves a site out: each word adds to the score of the sites that have it, the more the less
//! often it occurs, the nearer it comes and the more the field tells. Then the best are laid beside what was typed
//! once more, as a whole.
//!
//! - A word fits one that is written like it up to [`allowed_mistakes`] apart, one it begins, one whose consonants it
//!   has, and two words that it is when joined.
//! - Postcodes and codes are sorted lists of their own, in which letters and digits that look alike are one.

use super::words::{Tells, folded, joined, plain_words, search_words, search_words_as_typed, tells};
use rapidfuzz::distance::osa;
use std::collections::HashMap;

/// How many sites are compared as a whole, and may be shown.
pub const RANKED_MAX: usize = 500;
/// How many words of what was typed are looked at.
const WORDS_MAX: usize = 12;
/// How many words of the registers one typed word may stand for.
const MEANT_MAX: usize = 96;
/// How many the last word may stand for, which may not be typed to its end.
const BEGUN_MAX: usize = 400;
/// Which share of the best score a site must reach to be shown, except among the first few.
const SHOWN_FROM: f32 = 0.62;
/// How many are shown however little they fit.
const SHOWN_MIN: usize = 10;
/// From here on a typed word counts as found.
const FOUND: f32 = 0.95;

/// Where a word of a site stands; the number is part of a posting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Field {
    Name,
    /// What another register calls it, what it was called, what it is called in the street.
    Other,
    /// Two words of a name that follow one another, as one.
    TwoOfName,
    /// All words of a name as one.
    WholeName,
    Town,
    District,
    Street,
    Provider,
}

/// What each field tells of a site, in the order of [`Field`].
const FIELD_WEIGHTS: [f32; 8] = [1.0, 0.96, 0.98, 0.98, 0.86, 0.8, 0.8, 0.76];
const FIELD_BITS: u32 = 3;
/// Stands between the names of a site.
const NEXT_NAME: u32 = u32::MAX;

/// What a code in the index is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CodeOf {
    Site,
    Location,
    HeadOffice,
    Provider,
}

/// A site on its way into the index.
#[derive(Clone, Debug, Default)]
pub struct Entry {
    /// What the register calls it first, then its other names.
    pub names: Vec<String>,
    pub street: String,
    pub town: String,
    /// The council, the county.
    pub district: String,
    pub provider: String,
    pub postcode: String,
    pub codes: Vec<(CodeOf, String)>,
    pub is_open: bool,
    pub is_social_care: bool,
}

/// Many short texts in one allocation.
#[derive(Default)]
pub struct Texts {
    text: String,
    ends: Vec<u32>,
}

impl Texts {
    pub fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.ends.push(u32::try_from(self.text.len()).unwrap_or(u32::MAX));
    }

    pub fn get(&self, place: usize) -> &str {
        let start = match place {
            0 => 0,
            _ => self.ends[place - 1] as usize,
        };
        &self.text[start..self.ends[place] as usize]
    }

    pub fn count(&self) -> usize {
        self.ends.len()
    }

    /// The texts that begin so, where they are sorted.
    fn beginning(&self, start: &str) -> std::ops::Range<usize> {
        let first = partition(self.count(), |place| self.get(place) < start);
        let count = partition(self.count() - first, |place| self.get(first + place).starts_with(start));
        first..first + count
    }

    pub fn shrink(&mut self) {
        self.text.shrink_to_fit();
        self.ends.shrink_to_fit();
    }

    pub fn size_bytes(&self) -> usize {
        self.text.capacity() + self.ends.capacity() * 4
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
    sites: Vec<(u32, CodeOf)>,
}

impl Codes {
    fn of(mut codes: Vec<(String, CodeOf, u32)>) -> Self {
        codes.sort_unstable();
        codes.dedup();
        let mut sorted = Codes::default();
        for (code, kind, site) in codes {
            sorted.codes.push(&code);
            sorted.sites.push((site, kind));
        }
        sorted.codes.shrink();
        sorted.sites.shrink_to_fit();
        sorted
    }

    /// The sites whose code is this one, or begins so where it need not be whole.
    fn beginning<'a>(&'a self, code: &'a str, whole: bool) -> impl Iterator<Item = (u32, CodeOf)> + 'a {
        self.codes
            .beginning(code)
            .take_while(move |place| !whole || self.codes.get(*place).len() == code.len())
            .map(|place| self.sites[place])
    }

    /// The sites whose code differs in one letter or two that are swapped.
    fn nearly<'a>(&'a self, code: &'a str) -> impl Iterator<Item = (u32, CodeOf)> + 'a {
        (0..self.codes.count())
            .filter(move |place| one_apart(self.codes.get(*place).as_bytes(), code.as_bytes()))
            .map(|place| self.sites[place])
    }

    fn size_bytes(&self) -> usize {
        self.codes.size_bytes() + self.sites.capacity() * size_of::<(u32, CodeOf)>()
    }
}

/// Whether two codes of one length differ in one letter, or in two neighbours that are swapped.
fn one_apart(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    let mut different = (0..one.len()).filter(|place| one[*place] != other[*place]);
    match (different.next(), different.next(), different.next()) {
        (Some(_), None, _) => true,
        (Some(a), Some(b), None) => b == a + 1 && one[a] == other[b] && one[b] == other[a],
        (None, _, _) | (Some(_), Some(_), _) => false,
    }
}

/// The words of one length, whose letters are compared first.
#[derive(Default)]
struct OfLength {
    words: Vec<u32>,
    letters: Vec<u32>,
}

/// Which letters a word has: a bit each, digits together in the bits that are left.
fn letters_of(word: &str) -> u32 {
    word.bytes().fold(0, |set, letter| {
        set | match letter {
            b'a'..=b'z' => 1 << (letter - b'a'),
            _ => 1 << (26 + letter % 6),
        }
    })
}

/// The longest word that is compared letter by letter; longer ones count as far as this.
const LETTERS_MAX: usize = 40;

/// Every site, ready to be searched. Built once, never changed.
#[derive(Default)]
pub struct Ranking {
    /// Every word of the registers, and pairs and whole names as one word, in order.
    words: Texts,
    weights: Vec<f32>,
    posting_ends: Vec<u32>,
    /// Site and field of each occurrence.
    postings: Vec<u32>,
    /// By length: words, and what is only joined of words.
    single: Vec<OfLength>,
    joined: Vec<OfLength>,
    /// The words of each site in the order of its fields, with the field.
    forward: Vec<u32>,
    forward_ends: Vec<u32>,
    marks: Vec<u8>,
    postcodes: Codes,
    codes: Codes,
}

const OPEN: u8 = 1;
const SOCIAL_CARE: u8 = 2;

/// A word on its way into the index.
#[derive(Default)]
struct NewWord {
    postings: Vec<u32>,
    is_single: bool,
}

impl Ranking {
    pub fn of(entries: &[Entry]) -> Self {
        let mut ranking = Ranking::default();
        let mut numbers: HashMap<String, u32> = HashMap::new();
        let mut new: Vec<NewWord> = Vec::new();
        let mut postcodes = Vec::new();
        let mut codes = Vec::new();
        for (site, entry) in (0_u32..).zip(entries) {
            let mut add = |word: String, field: Field| {
                let word: String = word.chars().take(LETTERS_MAX).collect();
                let number = *numbers.entry(word).or_insert_with(|| {
                    new.push(NewWord::default());
                    u32::try_from(new.len() - 1).unwrap_or(u32::MAX)
                });
                let there = &mut new[number as usize];
                there.is_single |= !matches!(field, Field::TwoOfName | Field::WholeName);
                let posting = site << FIELD_BITS | field as u32;
                // The same word twice in one field is one; fields of a site follow one another.
                if !there
                    .postings
                    .iter()
                    .rev()
                    .take_while(|other| **other >> FIELD_BITS == site)
                    .any(|other| *other == posting)
                {
                    there.postings.push(posting);
                }
                ranking.forward.push(number << FIELD_BITS | field as u32);
            };
            for (place, name) in entry.names.iter().enumerate() {
                let field = if place == 0 { Field::Name } else { Field::Other };
                let words = search_words_as_typed(name);
                for (number, (word, written)) in words.iter().enumerate() {
                    add(word.clone(), field);
                    if number > 0 {
                        let two = [words[number - 1].1.clone(), written.clone()];
                        add(joined(&two), Field::TwoOfName);
                    }
                }
                if words.len() > 2 {
                    add(joined(&plain_words(name)), Field::WholeName);
                }
                // The end of a name; the numbers of words are far from it.
                add(String::new(), Field::Name);
            }
            for (text, field) in [
                (&entry.town, Field::Town),
                (&entry.street, Field::Street),
                (&entry.district, Field::District),
                (&entry.provider, Field::Provider),
            ] {
                for word in search_words(text) {
                    add(word, field);
                }
            }
            ranking.forward_ends.push(u32::try_from(ranking.forward.len()).unwrap_or(u32::MAX));
            let open = if entry.is_open { OPEN } else { 0 };
            ranking.marks.push(open | if entry.is_social_care { SOCIAL_CARE } else { 0 });
            if let Some((outward, inward)) = entry.postcode.split_once(' ') {
                postcodes.push((format!("{} {}", folded(outward), folded(inward)), CodeOf::Site, site));
            }
            for (kind, code) in &entry.codes {
                codes.push((code_key(code), *kind, site));
            }
        }
        ranking.number_words(numbers, new);
        ranking.postcodes = Codes::of(postcodes);
        ranking.codes = Codes::of(codes);
        ranking
    }

    /// Puts the words in order, so that those that begin alike stand together.
    fn number_words(&mut self, numbers: HashMap<String, u32>, mut new: Vec<NewWord>) {
        let sites = self.marks.len() as f32;
        let mut sorted: Vec<(String, u32)> = numbers.into_iter().collect();
        sorted.sort_unstable();
        let mut number_of = vec![0_u32; new.len()];
        for (number, (word, old)) in (0_u32..).zip(sorted) {
            number_of[old as usize] = if word.is_empty() { NEXT_NAME } else { number };
            let there = std::mem::take(&mut new[old as usize]);
            self.words.push(&word);
            if word.is_empty() {
                self.weights.push(0.0);
                self.posting_ends.push(u32::try_from(self.postings.len()).unwrap_or(u32::MAX));
                continue;
            }
            self.weights.push(weight(&word, sites / (there.postings.len() as f32)));
            self.postings.extend(&there.postings);
            self.posting_ends.push(u32::try_from(self.postings.len()).unwrap_or(u32::MAX));
            let by_length = if there.is_single { &mut self.single } else { &mut self.joined };
            while by_length.len() <= word.len() {
                by_length.push(OfLength::default());
            }
            by_length[word.len()].words.push(number);
            by_length[word.len()].letters.push(letters_of(&word));
        }
        for place in &mut self.forward {
            let field = *place & ((1 << FIELD_BITS) - 1);
            *place = match number_of[(*place >> FIELD_BITS) as usize] {
                NEXT_NAME => NEXT_NAME,
                number => number << FIELD_BITS | field,
            };
        }
        for length in self.single.iter_mut().chain(&mut self.joined) {
            length.words.shrink_to_fit();
            length.letters.shrink_to_fit();
        }
        self.words.shrink();
        self.weights.shrink_to_fit();
        self.posting_ends.shrink_to_fit();
        self.postings.shrink_to_fit();
        self.forward.shrink_to_fit();
        self.forward_ends.shrink_to_fit();
        self.marks.shrink_to_fit();
    }

    /// How many sites there are.
    pub fn count(&self) -> usize {
        self.marks.len()
    }

    pub fn is_open(&self, site: u32) -> bool {
        self.marks[site as usize] & OPEN != 0
    }

    pub fn is_social_care(&self, site: u32) -> bool {
        self.marks[site as usize] & SOCIAL_CARE != 0
    }

    pub fn size_bytes(&self) -> usize {
        let lengths: usize = self
            .single
            .iter()
            .chain(&self.joined)
            .map(|length| (length.words.capacity() + length.letters.capacity()) * 4)
            .sum();
        self.words.size_bytes()
            + (self.weights.capacity() + self.posting_ends.capacity() + self.postings.capacity()) * 4
            + (self.forward.capacity() + self.forward_ends.capacity()) * 4
            + lengths
            + self.marks.capacity()
            + self.postcodes.size_bytes()
            + self.codes.size_bytes()
    }

    fn postings(&self, word: u32) -> &[u32] {
        let start = match word {
            0 => 0,
            _ => self.posting_ends[word as usize - 1] as usize,
        };
        &self.postings[start..self.posting_ends[word as usize] as usize]
    }

    fn number_of(&self, word: &str) -> Option<u32> {
        let place = partition(self.words.count(), |place| self.words.get(place) < word);
        (place < self.words.count() && self.words.get(place) == word && !word.is_empty())
            .then(|| u32::try_from(place).unwrap_or(u32::MAX))
    }

    /// Whether a word stands in a register.
    pub fn has_word(&self, word: &str) -> bool {
        search_words(word).first().is_some_and(|word| self.number_of(word).is_some())
    }

    /// The sites that have a code, in whatever way it is written.
    pub fn sites_of_code(&self, code: &str) -> Vec<(u32, CodeOf)> {
        self.codes.beginning(&code_key(code), true).collect()
    }

    /// The sites that fit what was typed, best first, and whether the first is called exactly so.
    pub fn find(&self, typed: &str) -> Ranked {
        let typed = self.read(typed);
        let mut ranked = self.ranked(&typed);
        if let Some(apart) = self.taken_apart(&typed) {
            ranked.or(self.ranked(&apart));
        }
        ranked
    }

    /// What was typed, word by word: postcodes and codes first, which may be several words.
    fn read(&self, typed: &str) -> Vec<Typed> {
        let words = plain_words(typed);
        let mut read = Vec::new();
        let mut text = String::new();
        let mut place = 0;
        while place < words.len() && read.len() < WORDS_MAX {
            if let Some((places, count)) = self.postcode(&words[place..]) {
                self.read_words(&mut text, &mut read);
                read.push(Typed::place(words[place..place + count].concat(), places));
                place += count;
                continue;
            }
            let word = &words[place];
            // The 1- of a CQC number.
            let is_one = word == "1"
                && words
                    .get(place + 1)
                    .is_some_and(|next| next.len() >= 5 && next.bytes().all(|b| b.is_ascii_digit()));
            let places = if is_one { Vec::new() } else { self.code(word, words.len() == 1) };
            if !places.is_empty() {
                self.read_words(&mut text, &mut read);
                let mut typed = Typed::place(word.clone(), places);
                typed.meant = self.meant(&typed, false);
                read.push(typed);
            } else if !is_one {
                text.push(' ');
                text.push_str(word);
            }
            place += 1;
        }
        self.read_words(&mut text, &mut read);
        read.truncate(WORDS_MAX);
        self.complete(&mut read);
        read
    }

    fn read_words(&self, text: &mut String, read: &mut Vec<Typed>) {
        for (word, written) in search_words_as_typed(&std::mem::take(text)) {
            read.push(Typed { word, written, ..Typed::default() });
        }
    }

    /// Finds what each typed word may stand for.
    fn complete(&self, read: &mut [Typed]) {
        let count = read.len();
        for (place, typed) in read.iter_mut().enumerate() {
            if !typed.is_place {
                typed.meant = self.meant(typed, place + 1 == count);
                typed.is_known = typed.meant.iter().any(|(_, near)| *near >= FOUND);
            }
        }
        // Words that were typed apart and are written as one.
        for place in 1..count {
            let [one, two] = [&read[place - 1], &read[place]];
            if one.is_place || two.is_place {
                continue;
            }
            let both = joined(&[one.written.clone(), two.written.clone()]);
            let is_known = one.is_known && two.is_known;
            let mut meant: Vec<(u32, f32)> =
                self.number_of(&both).map(|number| (number, 0.97)).into_iter().collect();
            if !is_known && both.len() > 5 {
                self.nearly(&both, 1, &self.single, &mut meant);
            }
            for side in [place - 1, place] {
                read[side].meant.extend(&meant);
            }
        }
        for typed in read.iter_mut() {
            typed.is_known |= typed.meant.iter().any(|(_, near)| *near >= FOUND);
            typed.weight = if typed.is_place { 8.0 } else { self.weight_of(typed) };
        }
        // What may only be the beginning of a word tells the less the less of it there is.
        if let Some(last) = read.last_mut()
            && !last.is_place
        {
            let begun = 0.5 * last.written.len() as f32;
            last.weight = if last.is_known && last.word == last.written {
                last.weight
            } else {
                last.weight.max(begun.min(2.0)).min(begun.max(0.5))
            };
        }
    }

    /// What a typed word weighs: what the nearest word of the registers does, of equally near ones the commonest.
    fn weight_of(&self, typed: &Typed) -> f32 {
        let nearest = typed.meant.iter().map(|(_, near)| *near).fold(0.0, f32::max);
        let near = typed.meant.iter().filter(|(_, near)| *near >= nearest - 0.04);
        near.map(|(word, _)| self.weights[*word as usize]).fold(f32::INFINITY, f32::min).min(7.0)
    }

    /// The words of the registers that a typed word may stand for, with how near they are.
    fn meant(&self, typed: &Typed, is_last: bool) -> Vec<(u32, f32)> {
        let mut meant = Vec::new();
        let written: String = typed.written.chars().take(LETTERS_MAX).collect();
        let typed: String = typed.word.chars().take(LETTERS_MAX).collect();
        let exact = self.number_of(&typed);
        meant.extend(exact.map(|number| (number, 1.0)));
        let is_number = typed.len() < 8 && typed.bytes().any(|letter| letter.is_ascii_digit());
        let is_single = exact.is_some_and(|number| self.is_single(number));
        if !is_number {
            let mistakes = allowed_mistakes(&typed);
            if mistakes > 0 {
                self.nearly(&typed, mistakes, &self.single, &mut meant);
                if !is_single {
                    self.nearly(&typed, mistakes, &self.joined, &mut meant);
                }
            }
            self.with_consonants(&typed, &mut meant);
        }
        meant.sort_unstable_by(|one, other| other.1.total_cmp(&one.1));
        meant.truncate(MEANT_MAX);
        // As far as it is typed; an abbreviation within.
        let from = if is_last { 1 } else { 3 };
        if written.len() >= from && (is_last || !is_number) {
            let most = if is_last { BEGUN_MAX } else { MEANT_MAX };
            let mut begun: Vec<u32> = self
                .words
                .beginning(&written)
                .filter_map(|place| u32::try_from(place).ok())
                .filter(|number| Some(*number) != exact)
                .collect();
            if begun.len() > most {
                // The commonest, for they are meant most often.
                begun.select_nth_unstable_by_key(most, |number| {
                    std::cmp::Reverse(self.postings(*number).len())
                });
                begun.truncate(most);
            }
            for number in begun {
                let share = written.len() as f32 / self.words.get(number as usize).len() as f32;
                meant.push((number, if is_last { 0.8 + 0.14 * share } else { 0.55 + 0.25 * share }));
            }
        }
        // Far from everything: what comes nearest at all.
        if meant.is_empty() && !is_number && typed.len() >= 4 {
            self.nearly(&typed, typed.len() / 2, &self.single, &mut meant);
            meant.truncate(MEANT_MAX);
        }
        meant
    }

    fn is_single(&self, number: u32) -> bool {
        let length = self.words.get(number as usize).len();
        self.single.get(length).is_some_and(|there| there.words.binary_search(&number).is_ok())
    }

    /// Words that can be read with so many letters wrong.
    fn nearly(&self, typed: &str, mistakes: usize, among: &[OfLength], meant: &mut Vec<(u32, f32)>) {
        let letters = letters_of(typed);
        let most = u32::try_from(mistakes).unwrap_or(u32::MAX);
        let compared = osa::BatchComparator::new(typed.chars());
        let shortest = typed.len().saturating_sub(mistakes).max(2);
        let lengths = typed.len() + mistakes + 1 - shortest;
        for there in among.iter().skip(shortest).take(lengths) {
            for (number, other) in there.words.iter().zip(&there.letters) {
                // Every mistake brings at most one new letter and takes one.
                if (letters & !other).count_ones() > most || (other & !letters).count_ones() > most {
                    continue;
                }
                let word = self.words.get(*number as usize);
                let cut = osa::Args::default().score_cutoff(mistakes);
                if let Some(apart) = compared.distance_with_args(word.chars(), &cut)
                    && apart > 0
                {
                    meant.push((*number, nearness(typed, word, apart)));
                }
            }
        }
    }

    /// Words whose consonants these are: "hthbnk".
    fn with_consonants(&self, typed: &str, meant: &mut Vec<(u32, f32)>) {
        if typed.len() < 3 || typed.bytes().any(is_vowel) {
            return;
        }
        for place in self.words.beginning(&typed[..1]) {
            let number = u32::try_from(place).unwrap_or(u32::MAX);
            let word = self.words.get(place);
            if word.len() > typed.len() && word.bytes().filter(|letter| !is_vowel(*letter)).eq(typed.bytes())
            {
                meant.push((number, 0.85));
            }
        }
    }

    /// The sites at a postcode, whole or in part, that the next words are, and how many words it takes.
    fn postcode(&self, words: &[String]) -> Option<(Vec<(u32, f32)>, usize)> {
        for count in (1..=words.len().min(7)).rev() {
            let joined = words[..count].concat();
            if !(5..=7).contains(&joined.len()) {
                continue;
            }
            let (outward, inward) = joined.split_at(joined.len() - 3);
            let key = format!("{} {}", folded(outward), folded(inward));
            let mut places: Vec<(u32, f32)> =
                self.postcodes.beginning(&key, true).map(|(site, _)| (site, 1.0)).collect();
            if places.is_empty() && is_postcode_shape(outward, inward) {
                places.extend(self.postcodes.nearly(&key).map(|(site, _)| (site, 0.85)));
                let sector = &key[..key.len() - 2];
                places.extend(self.postcodes.beginning(sector, false).map(|(site, _)| (site, 0.7)));
                if places.is_empty() {
                    let outward = key.split_inclusive(' ').next().unwrap_or(&key);
                    places.extend(self.postcodes.beginning(outward, false).map(|(site, _)| (site, 0.5)));
                }
            }
            if !places.is_empty() {
                return Some((places, count));
            }
        }
        // The first part whole, as in OL4, or the whole as far as it is typed, as in OL45S.
        let part = words.first()?;
        let has_digit = part.bytes().any(|b| b.is_ascii_digit());
        if !has_digit
            || !(2..=6).contains(&part.len())
            || !part.starts_with(|c: char| c.is_ascii_alphabetic())
        {
            return None;
        }
        let outward = format!("{} ", folded(part));
        // OL4 5, OL4 5S.
        if let Some(next) = words.get(1)
            && next.len() <= 2
            && next.starts_with(|c: char| c.is_ascii_digit())
        {
            let places =
                self.postcodes.beginning(&format!("{outward}{}", folded(next)), false).collect::<Vec<_>>();
            if !places.is_empty() {
                return Some((places.into_iter().map(|(site, _)| (site, 0.97)).collect(), 2));
            }
        }
        let mut places: Vec<(u32, f32)> =
            self.postcodes.beginning(&outward, false).map(|(site, _)| (site, 0.95)).collect();
        if places.is_empty() {
            for split in 2..part.len().min(5) {
                let (outward, inward) = part.split_at(split);
                if inward.starts_with(|c: char| c.is_ascii_digit()) {
                    let key = format!("{} {}", folded(outward), folded(inward));
                    places.extend(self.postcodes.beginning(&key, false).map(|(site, _)| (site, 0.9)));
                }
            }
        }
        (!places.is_empty()).then_some((places, 1))
    }

    /// The sites whose code a word is. Words of letters alone are names unless nothing else was typed.
    fn code(&self, word: &str, is_all: bool) -> Vec<(u32, f32)> {
        let has_digit = word.bytes().any(|b| b.is_ascii_digit());
        if word.len() < 3 || !(has_digit || is_all && word.len() >= 4) {
            return Vec::new();
        }
        let key = code_key(word);
        let exact: Vec<(u32, f32)> = self.codes.beginning(&key, true).map(|(site, _)| (site, 1.0)).collect();
        if !exact.is_empty() || !has_digit {
            return exact;
        }
        let is_number = word.bytes().all(|b| b.is_ascii_digit());
        if is_number && word.len() >= 4 || !is_number && word.len() >= 3 && word.starts_with('v') {
            let begun: Vec<(u32, f32)> = self
                .codes
                .beginning(&key, false)
                .filter(|(_, kind)| matches!(kind, CodeOf::Site | CodeOf::Location))
                .map(|(site, _)| (site, 0.9))
                .collect();
            if !begun.is_empty() {
                return begun;
            }
        }
        if word.len() == 5 && word.starts_with('v') || is_number && word.len() >= 9 {
            return self
                .codes
                .nearly(&key)
                .filter(|(_, kind)| matches!(kind, CodeOf::Site | CodeOf::Location))
                .map(|(site, _)| (site, 0.8))
                .collect();
        }
        Vec::new()
    }

    /// What was typed with the words taken apart that nobody knows and that are made of known ones; nothing where
    /// there are none.
    fn taken_apart(&self, read: &[Typed]) -> Option<Vec<Typed>> {
        let mut apart: Vec<Typed> = Vec::new();
        let mut any = false;
        for typed in read {
            match (typed.is_place || typed.is_known, self.parts_of(&typed.word)) {
                (false, Some(parts)) => {
                    any = true;
                    let parts = parts.iter().flat_map(|part| search_words_as_typed(part));
                    apart.extend(parts.map(|(word, written)| Typed { word, written, ..Typed::default() }));
                }
                (true, _) | (false, None) => apart.push(typed.clone()),
            }
        }
        apart.truncate(WORDS_MAX);
        any.then(|| {
            self.complete(&mut apart);
            apart
        })
    }

    /// A word as the fewest known words that it is made of, and of those the commonest.
    fn parts_of(&self, word: &str) -> Option<Vec<String>> {
        const PART_MIN: usize = 3;
        if word.len() < 2 * PART_MIN || word.len() > LETTERS_MAX || !word.is_ascii() {
            return None;
        }
        // The best way to each place: how many parts and how rare they are, and where the last begins.
        let mut best: Vec<Option<(f32, usize)>> = vec![None; word.len() + 1];
        best[0] = Some((0.0, 0));
        for end in 1..=word.len() {
            for start in 0..end {
                let Some((cost, _)) = best[start] else { continue };
                let part = &word[start..end];
                let is_short = part.len() < PART_MIN
                    && !matches!(part, "st" | "of" | "at" | "in" | "on" | "to" | "me" | "my" | "we" | "uk")
                    && !part.bytes().all(|letter| letter.is_ascii_digit());
                if is_short || start == 0 && end == word.len() {
                    continue;
                }
                let Some(number) = self.known_single(part) else { continue };
                let cost = cost + 8.0 + self.weights[number as usize];
                if best[end].is_none_or(|(known, _)| cost < known) {
                    best[end] = Some((cost, start));
                }
            }
        }
        let mut parts = Vec::new();
        let mut end = word.len();
        while end > 0 {
            let (_, start) = best[end]?;
            parts.push(word[start..end].to_owned());
            end = start;
        }
        parts.reverse();
        Some(parts)
    }

    fn known_single(&self, part: &str) -> Option<u32> {
        let words = search_words(part);
        let number = self.number_of(words.first()?)?;
        self.is_single(number).then_some(number)
    }

    /// Scores the sites, and the best of them once more as a whole.
    fn ranked(&self, read: &[Typed]) -> Ranked {
        let mut scores = vec![0.0_f32; self.count()];
        let mut of_word = vec![(0.0_f32, 0_u8); self.count()];
        for (place, typed) in (1_u8..).zip(read) {
            let mut add = |site: usize, score: f32| {
                let best = &mut of_word[site];
                if best.1 != place {
                    *best = (0.0, place);
                }
                if score > best.0 {
                    scores[site] += score - best.0;
                    best.0 = score;
                }
            };
            for (word, near) in &typed.meant {
                for posting in self.postings(*word) {
                    let field = FIELD_WEIGHTS[(posting & ((1 << FIELD_BITS) - 1)) as usize];
                    add((posting >> FIELD_BITS) as usize, typed.weight * near * field);
                }
            }
            for (site, near) in &typed.places {
                add(*site as usize, typed.weight * near);
            }
        }
        let mut best: Vec<(f32, u32)> = (0_u32..)
            .zip(&scores)
            .filter(|(_, score)| **score > 0.0)
            .map(|(site, score)| (score * self.standing(site), site))
            .collect();
        let better =
            |one: &(f32, u32), other: &(f32, u32)| other.0.total_cmp(&one.0).then(one.1.cmp(&other.1));
        if best.len() > RANKED_MAX {
            best.select_nth_unstable_by(RANKED_MAX - 1, better);
            best.truncate(RANKED_MAX);
        }
        let judge = Judge::of(self, read);
        let mut found: Vec<Found> = best.iter().map(|(_, site)| judge.judge(*site)).collect();
        found
            .sort_unstable_by(|one, other| other.score.total_cmp(&one.score).then(one.site.cmp(&other.site)));
        let enough = found.first().map_or(0.0, |first| first.score * SHOWN_FROM);
        let shown = found.iter().take_while(|found| found.score >= enough).count().max(SHOWN_MIN);
        found.truncate(shown);
        Ranked(found)
    }

    /// Sites that are open, and that are social care, come before others that fit as well.
    fn standing(&self, site: u32) -> f32 {
        match (self.is_open(site), self.is_social_care(site)) {
            (true, true) => 1.0,
            (true, false) => 0.95,
            (false, _) => 0.9,
        }
    }
}

/// The key under which a code is kept: without dashes and the 1- of CQC's numbers.
fn code_key(code: &str) -> String {
    folded(code.trim().strip_prefix("1-").unwrap_or(code))
}

fn is_vowel(letter: u8) -> bool {
    matches!(letter, b'a' | b'e' | b'i' | b'o' | b'u' | b'y')
}

/// Whether both parts look like those of a postcode.
fn is_postcode_shape(outward: &str, inward: &str) -> bool {
    let digit = |letter: u8| letter.is_ascii_digit() || matches!(letter, b'o' | b'i' | b'l');
    let inward = inward.as_bytes();
    outward.starts_with(|c: char| c.is_ascii_alphabetic())
        && outward.bytes().any(|b| b.is_ascii_digit())
        && digit(inward[0])
        && inward[1..].iter().all(u8::is_ascii_alphabetic)
}

/// How many letters may be wrong in a word that was typed.
pub fn allowed_mistakes(typed: &str) -> usize {
    match typed.len() {
        0..=2 => 0,
        3..=4 => 1,
        5..=8 => 2,
        _ => 3,
    }
}

/// How near two words are that differ in so many letters.
fn nearness(typed: &str, word: &str, apart: usize) -> f32 {
    let longer = typed.len().max(word.len()) as f32;
    let near = 1.0 - apart as f32 * (0.05 + 0.55 / longer);
    let first = if typed.as_bytes().first() == word.as_bytes().first() { 1.0 } else { 0.94 };
    // Two swapped letters are the commonest slip.
    let swapped = if typed.len() == word.len() && letters_of(typed) == letters_of(word) { 1.02 } else { 1.0 };
    (near * first * swapped).clamp(0.1, 0.94)
}

/// What a word weighs that so many sites to one have.
fn weight(word: &str, rarity: f32) -> f32 {
    match tells(word) {
        Tells::Nothing => 0.12,
        Tells::Kind => 0.5,
        Tells::Name => 1.2 + 0.55 * rarity.max(1.0).ln(),
    }
}

/// One word of what was typed.
#[derive(Clone, Debug, Default)]
struct Typed {
    /// As it is compared, and as it was typed.
    word: String,
    written: String,
    weight: f32,
    /// A postcode or a code, whose sites these are.
    is_place: bool,
    places: Vec<(u32, f32)>,
    meant: Vec<(u32, f32)>,
    /// Whether the registers have this very word.
    is_known: bool,
}

impl Typed {
    fn place(word: String, mut places: Vec<(u32, f32)>) -> Self {
        places.sort_unstable_by(|one, other| one.0.cmp(&other.0).then(other.1.total_cmp(&one.1)));
        places.dedup_by_key(|place| place.0);
        Typed { written: word.clone(), word, is_place: true, places, is_known: true, ..Typed::default() }
    }
}

/// A site with how well it fits.
#[derive(Clone, Copy, Debug)]
pub struct Found {
    pub site: u32,
    pub score: f32,
    /// Whether every word that tells something was found as it was typed.
    pub is_exact: bool,
}

/// Sites, best first.
#[derive(Debug, Default)]
pub struct Ranked(pub Vec<Found>);

impl Ranked {
    /// Takes the better of two readings of what was typed for each site.
    fn or(&mut self, other: Ranked) {
        let mut best: HashMap<u32, Found> = HashMap::new();
        for found in std::mem::take(&mut self.0).into_iter().chain(other.0) {
            let there = best.entry(found.site).or_insert(found);
            if found.score > there.score {
                *there = found;
            }
        }
        self.0 = best.into_values().collect();
        self.0
            .sort_unstable_by(|one, other| other.score.total_cmp(&one.score).then(one.site.cmp(&other.site)));
        self.0.truncate(RANKED_MAX);
    }
}

/// Lays what was typed beside a site.
struct Judge<'a> {
    ranking: &'a Ranking,
    read: &'a [Typed],
    /// For each word of the registers, where its typed words begin in `meant`; 0 for none.
    starts: Vec<u16>,
    meant: Vec<(u32, u8, f32)>,
    /// The words of a name, when exactly it was typed, without what tells nothing.
    exact: Vec<u32>,
    weight: f32,
}

impl<'a> Judge<'a> {
    fn of(ranking: &'a Ranking, read: &'a [Typed]) -> Self {
        let mut meant: Vec<(u32, u8, f32)> = Vec::new();
        for (place, typed) in (0_u8..).zip(read) {
            meant.extend(typed.meant.iter().map(|(word, near)| (*word, place, *near)));
        }
        meant.sort_unstable_by_key(|(word, place, _)| (*word, *place));
        meant.truncate(usize::from(u16::MAX) - 1);
        let mut starts = vec![0_u16; ranking.words.count()];
        for (place, (word, _, _)) in (1_u16..).zip(&meant) {
            let start = &mut starts[*word as usize];
            if *start == 0 {
                *start = place;
            }
        }
        let exact = read
            .iter()
            .filter(|typed| tells(&typed.word) != Tells::Nothing)
            .map(|typed| ranking.number_of(&typed.word).unwrap_or(NEXT_NAME))
            .collect();
        let weight = read.iter().map(|typed| typed.weight.min(8.0)).sum::<f32>().max(0.01);
        Judge { ranking, read, starts, meant, exact, weight }
    }

    fn typed_for(&self, word: u32) -> impl Iterator<Item = (usize, f32)> + '_ {
        let start = usize::from(self.starts[word as usize]);
        let from = if start == 0 { &[] } else { &self.meant[start - 1..] };
        from.iter()
            .take_while(move |(other, _, _)| *other == word)
            .map(|(_, place, near)| (usize::from(*place), *near))
    }

    fn judge(&self, site: u32) -> Found {
        let mut best = [0.0_f32; WORDS_MAX * 2];
        let mut nearest = [0.0_f32; WORDS_MAX * 2];
        let mut covered = 0.0_f32;
        let mut is_same = false;
        // The words of the name that is being looked at: their number, weight and how well each is met.
        let mut name: Vec<(u32, f32, f32)> = Vec::with_capacity(12);
        let mut is_first_name = true;
        let start = match site {
            0 => 0,
            _ => self.ranking.forward_ends[site as usize - 1] as usize,
        };
        for place in &self.ranking.forward[start..self.ranking.forward_ends[site as usize] as usize] {
            if *place == NEXT_NAME {
                let all: f32 = name.iter().map(|(_, weight, _)| weight).sum();
                let met: f32 = name.iter().map(|(_, weight, met)| weight * met).sum();
                let field = if is_first_name { 1.0 } else { 0.96 };
                covered = covered.max(if all > 0.0 { met / all * field } else { 0.0 });
                let told = name
                    .iter()
                    .filter(|(word, _, _)| tells(self.ranking.words.get(*word as usize)) != Tells::Nothing);
                is_same |= !name.is_empty() && told.map(|(word, _, _)| *word).eq(self.exact.iter().copied());
                name.clear();
                is_first_name = false;
                continue;
            }
            let (word, field) = (*place >> FIELD_BITS, *place & ((1 << FIELD_BITS) - 1));
            let mut met = 0.0_f32;
            for (typed, near) in self.typed_for(word) {
                best[typed] = best[typed].max(near * FIELD_WEIGHTS[field as usize]);
                nearest[typed] = nearest[typed].max(near);
                met = met.max(near);
            }
            if field == Field::Name as u32 || field == Field::Other as u32 {
                name.push((word, self.ranking.weights[word as usize], met));
            } else if field == Field::TwoOfName as u32 || field == Field::WholeName as u32 {
                let from = if field == Field::TwoOfName as u32 { name.len().saturating_sub(2) } else { 0 };
                for there in &mut name[from..] {
                    there.2 = there.2.max(met);
                }
            }
        }
        for (place, typed) in self.read.iter().enumerate() {
            if let Ok(there) = typed.places.binary_search_by_key(&site, |(site, _)| *site) {
                let near = typed.places[there].1;
                best[place] = best[place].max(near);
                nearest[place] = nearest[place].max(near);
            }
        }
        let met: f32 = self.read.iter().zip(best).map(|(typed, best)| typed.weight * best).sum();
        let typed_met = met / self.weight;
        let is_exact = self
            .read
            .iter()
            .zip(nearest)
            .all(|(typed, near)| near >= FOUND || !typed.is_place && tells(&typed.word) != Tells::Name);
        let mut score = typed_met * (1.0 + 0.35 * covered);
        if is_exact && covered > 0.95 {
            score += 0.1;
        }
        if is_same {
            score += 0.2;
        }
        score -= match (self.ranking.is_open(site), self.ranking.is_social_care(site)) {
            (true, true) => 0.0,
            (true, false) => 0.06,
            // More than being called exactly what was typed brings: the same place is open under another name.
            (false, true) => 0.25,
            (false, false) => 0.28,
        };
        Found { site, score, is_exact }
    }
}
