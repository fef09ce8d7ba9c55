//! Finding an article by what people type: their own words, some of them misspelt.
//!
//! Every word of an article counts by where it stands (title, what else it is called, headings,
//! text) and by how few articles it matters in. Words are compared without their endings; one that no
//! article has may be wrong by a letter or two, may have been torn in two, or may stand in the list of
//! words that mean the same. All of it is in memory and made once. Words are taken apart as the search
//! for sites does it.

use super::article::Article;
use super::{Section, lines};
use crate::register::search::plain_words;
use rapidfuzz::distance::osa;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// How many articles a page of results shows: whoever has not found it among them should ask.
pub const RESULTS_MAX: usize = 10;
/// How much of what was typed is looked at, in characters.
const TYPED_MAX: usize = 200;
/// How many words of it are looked at: 200 characters of short words.
const WORDS_MAX: usize = 40;

/// What a word counts, by where it stands.
const IN_TITLE: f32 = 6.0;
const IN_NAMES: f32 = 4.0;
const IN_SUMMARY: f32 = 3.0;
const IN_HEADING: f32 = 3.0;
const IN_TEXT: f32 = 1.0;
const IN_TABLE: f32 = 0.7;
/// How soon more of the same word stops counting for more.
const ENOUGH: f32 = 8.0;
/// A word matters more in an article that is about it than in one where it merely stands: for how few
/// articles a word matters in, each counts this many times what the word counts there, and 1 at most.
const MATTERS: f32 = 1.5;
/// What a word counts that is near what was typed: a letter wrong, the first letter wrong, two letters
/// wrong, and how much of it where the word is short.
const LETTER_WRONG: f32 = 0.8;
const FIRST_LETTER_WRONG: f32 = 0.55;
const TWO_LETTERS_WRONG: f32 = 0.5;
const SHORT: f32 = 0.6;
/// What a word counts that means the same, that begins so, and that was typed as two.
const SAME_MEANING: f32 = 0.4;
const BEGINNING: f32 = 0.6;
const TYPED_AS_TWO: f32 = 0.9;
/// What the words of a group count when a phrase of it was typed: it says more than one word does.
const SAME_AS_PHRASE: f32 = 0.7;
/// From here on a word counts as the one that was meant.
const MEANT: f32 = 0.55;
/// What each word of a name of the article counts when all of its words were typed.
const WHOLE_NAME: f32 = 1.5;
/// What a name counts that has only empty words, like "what do I need", when it was typed so.
const WHOLE_EMPTY_NAME: f32 = 3.0;
/// Results below this part of the best are left out.
const WORTH_SHOWING: f32 = 0.15;
/// Shorter words are not looked for with a letter wrong: almost anything would match.
const MISSPELT_MIN_LETTERS: usize = 3;
/// Shorter words are not looked for with two letters wrong, and shorter ones are not found so.
const TWO_WRONG_MIN_LETTERS: usize = 6;
const TWO_WRONG_FOUND_MIN_LETTERS: usize = 5;
/// Shorter words are not looked for by their beginning.
const BEGINNING_MIN_LETTERS: usize = 4;

/// Words that stand in every question and say nothing of what it is about.
const EMPTY_WORDS: &[&str] = &[
    "a",
    "able",
    "about",
    "actually",
    "after",
    "afternoon",
    "again",
    "ago",
    "all",
    "already",
    "also",
    "although",
    "always",
    "am",
    "an",
    "and",
    "another",
    "any",
    "anybody",
    "anyone",
    "anything",
    "anyway",
    "april",
    "are",
    "as",
    "ask",
    "at",
    "august",
    "basically",
    "be",
    "because",
    "been",
    "believe",
    "bit",
    "both",
    "but",
    "by",
    "can",
    "cannot",
    "cant",
    "christmas",
    "come",
    "comes",
    "coming",
    "could",
    "couldnt",
    "currently",
    "december",
    "did",
    "didnt",
    "do",
    "does",
    "doesnt",
    "doing",
    "done",
    "dont",
    "earth",
    "easter",
    "eight",
    "either",
    "else",
    "even",
    "evening",
    "ever",
    "every",
    "everything",
    "february",
    "few",
    "five",
    "for",
    "four",
    "friday",
    "from",
    "gave",
    "get",
    "gets",
    "getting",
    "given",
    "go",
    "goes",
    "going",
    "got",
    "had",
    "hadnt",
    "happen",
    "has",
    "hasnt",
    "have",
    "havent",
    "he",
    "hed",
    "hell",
    "hello",
    "her",
    "hers",
    "herself",
    "hes",
    "hi",
    "him",
    "himself",
    "his",
    "how",
    "i",
    "id",
    "idea",
    "if",
    "ill",
    "im",
    "in",
    "into",
    "is",
    "isnt",
    "it",
    "its",
    "ive",
    "january",
    "july",
    "just",
    "keep",
    "keeps",
    "kind",
    "know",
    "let",
    "lets",
    "like",
    "lot",
    "made",
    "make",
    "makes",
    "making",
    "many",
    "march",
    "may",
    "maybe",
    "me",
    "might",
    "mine",
    "moment",
    "monday",
    "morning",
    "much",
    "must",
    "my",
    "myself",
    "need",
    "needed",
    "needs",
    "nine",
    "not",
    "november",
    "now",
    "october",
    "of",
    "off",
    "ok",
    "okay",
    "on",
    "one",
    "ones",
    "only",
    "or",
    "other",
    "our",
    "ours",
    "out",
    "over",
    "perhaps",
    "please",
    "put",
    "quite",
    "rather",
    "really",
    "right",
    "s",
    "saturday",
    "say",
    "says",
    "september",
    "seven",
    "shall",
    "she",
    "shell",
    "shes",
    "should",
    "since",
    "so",
    "some",
    "someone",
    "someones",
    "something",
    "soon",
    "sort",
    "still",
    "stuff",
    "such",
    "sunday",
    "sure",
    "ta",
    "take",
    "taking",
    "tell",
    "than",
    "thank",
    "thanks",
    "that",
    "thats",
    "the",
    "their",
    "them",
    "themselves",
    "then",
    "there",
    "these",
    "they",
    "theyre",
    "theyve",
    "thing",
    "things",
    "think",
    "this",
    "those",
    "though",
    "three",
    "thursday",
    "til",
    "till",
    "to",
    "today",
    "told",
    "tomorrow",
    "tonight",
    "too",
    "took",
    "tried",
    "try",
    "trying",
    "tuesday",
    "unless",
    "until",
    "up",
    "upon",
    "us",
    "used",
    "usually",
    "very",
    "want",
    "wanted",
    "wanting",
    "wants",
    "was",
    "wasnt",
    "way",
    "ways",
    "we",
    "wednesday",
    "well",
    "went",
    "were",
    "werent",
    "weve",
    "what",
    "whats",
    "when",
    "where",
    "wheres",
    "whether",
    "which",
    "while",
    "who",
    "whose",
    "why",
    "will",
    "with",
    "without",
    "wont",
    "would",
    "wouldnt",
    "yes",
    "yesterday",
    "yet",
    "you",
    "your",
    "yours",
    "youve",
];

/// Words whose ending says nothing of where they come from.
const IRREGULAR: &[(&str, &str)] = &[
    ("began", "begin"),
    ("begun", "begin"),
    ("bought", "buy"),
    ("broke", "break"),
    ("broken", "break"),
    ("came", "come"),
    ("chose", "choose"),
    ("chosen", "choose"),
    ("died", "die"),
    ("dying", "die"),
    ("forgot", "forget"),
    ("forgotten", "forget"),
    ("found", "find"),
    ("gave", "give"),
    ("given", "give"),
    ("gone", "go"),
    ("got", "get"),
    ("heard", "hear"),
    ("kept", "keep"),
    ("knew", "know"),
    ("known", "know"),
    ("leaver", "leaver"),
    ("left", "leave"),
    ("loses", "lose"),
    ("lost", "lose"),
    ("men", "man"),
    ("paid", "pay"),
    ("people", "person"),
    ("rang", "ring"),
    ("rung", "ring"),
    ("said", "say"),
    ("sent", "send"),
    ("shown", "show"),
    ("sold", "sell"),
    ("spelt", "spell"),
    ("spoke", "speak"),
    ("spoken", "speak"),
    ("stole", "steal"),
    ("stolen", "steal"),
    ("taken", "take"),
    ("thought", "think"),
    ("told", "tell"),
    ("took", "take"),
    ("went", "go"),
    ("women", "woman"),
    ("written", "write"),
    ("wrote", "write"),
];

/// Every word of every article.
#[derive(Debug, Default)]
pub struct SearchIndex {
    /// Words without their endings, with the articles that have them and what they count there.
    words: BTreeMap<String, Vec<(usize, f32)>>,
    /// What else articles are called.
    names: Vec<(usize, Name)>,
    /// Words that mean the same.
    same: HashMap<String, Vec<String>>,
    /// Every word as it is written, with the word without its ending.
    spellings: BTreeMap<String, String>,
    /// The same by how they sound.
    sounds: HashMap<String, BTreeSet<String>>,
    /// Phrases, with the words that mean the same.
    phrases: Vec<(Vec<String>, Vec<String>)>,
    articles: usize,
}

/// What else an article is called, word by word.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Name {
    /// The words that say something, found in any order.
    Words(BTreeSet<String>),
    /// Empty words only, found as they stand.
    Phrase(Vec<String>),
}

/// The words of a text as they are compared.
fn stems(text: &str) -> Vec<String> {
    plain_words(text).iter().map(|word| stem(word)).collect()
}

/// "asked" and "asking" are as empty as "ask", "having" as "have".
fn is_empty_word(word: &str) -> bool {
    let is_listed = |word: &str| EMPTY_WORDS.binary_search(&word).is_ok();
    if is_listed(word) {
        return true;
    }
    let stem = stem(word);
    is_listed(&stem) || is_listed(&format!("{stem}e"))
}

/// A word without its ending: "closed", "closing" and "close" are one. An ending in "er" stays, because
/// an owner is not "own" and a number is not "numb".
fn stem(word: &str) -> String {
    let irregular = IRREGULAR.binary_search_by_key(&word, |(word, _)| word);
    let word = irregular.map_or(word, |place| IRREGULAR[place].1);
    if word.len() < 4 || word.bytes().any(|byte| byte.is_ascii_digit()) {
        return word.to_owned();
    }
    let mut stem = word.to_owned();
    if let Some(start) = stem.strip_suffix("ies") {
        stem = format!("{start}y");
    } else if stem.ends_with('s') && !stem.ends_with("ss") && !stem.ends_with("us") && !stem.ends_with("is") {
        stem.pop();
    }
    for ending in ["ing", "ed"] {
        if let Some(start) = stem.strip_suffix(ending)
            && start.len() >= 3
            && start.contains(['a', 'e', 'i', 'o', 'u', 'y'])
        {
            let last_two: Vec<char> = start.chars().rev().take(2).collect();
            let doubled = last_two.first() == last_two.get(1) && !start.ends_with(['l', 's', 'z']);
            stem = start[..start.len() - usize::from(doubled)].to_owned();
            if stem.ends_with('i') {
                stem.pop();
                stem.push('y');
            }
            break;
        }
    }
    // "activation" and "activate" are one.
    if stem.len() >= 8 && stem.ends_with("tion") {
        stem.truncate(stem.len() - 3);
    }
    if stem.len() > 3 && stem.ends_with('e') {
        stem.pop();
    }
    stem
}

/// A word as it sounds, so that "fone" and "phone", "rite" and "write" are one.
fn sound(word: &str) -> String {
    let plain = word.replace("ph", "f").replace("ck", "k").replace("wh", "w");
    let plain = match plain.get(..2) {
        Some("kn" | "wr") => &plain[1..],
        _ => &plain,
    };
    let mut sound = String::with_capacity(plain.len());
    for letter in plain.chars() {
        if !sound.ends_with(letter) {
            sound.push(letter);
        }
    }
    sound
}

/// Whether two words differ by two letters at most: left out, put in, another one, or changed about
/// (optimal string alignment).
fn two_letters_apart(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    if one.len().abs_diff(other.len()) > 2 {
        return false;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=other.len()).collect();
    for (row, letter) in one.iter().enumerate() {
        let mut now = vec![row + 1];
        for (column, against) in other.iter().enumerate() {
            let mut least = (last[column + 1] + 1)
                .min(now[column] + 1)
                .min(last[column] + usize::from(letter != against));
            if row > 0 && column > 0 && *letter == other[column - 1] && one[row - 1] == *against {
                least = least.min(before[column - 1] + 1);
            }
            now.push(least);
        }
        before = std::mem::replace(&mut last, now);
    }
    last[other.len()] <= 2
}

/// How well a phrase stands in what was typed: 1 where it stands so, less where letters are wrong.
fn fit(phrase: &[String], typed: &[BTreeMap<String, f32>]) -> f32 {
    typed
        .windows(phrase.len())
        .map(|words| phrase.iter().zip(words).map(|(word, meant)| meant.get(word).copied().unwrap_or(0.0)))
        .map(Iterator::product)
        .fold(0.0, f32::max)
}

impl SearchIndex {
    pub fn of(articles: &[Article], sections: &[Section], synonyms: &str) -> Self {
        let mut index = SearchIndex { articles: articles.len(), ..SearchIndex::default() };
        // What is called the same twice, but for empty words, is called so once.
        let mut names: BTreeSet<(usize, Name)> = BTreeSet::new();
        for (place, article) in articles.iter().enumerate() {
            let mut counts: HashMap<String, f32> = HashMap::new();
            let mut add = |text: &str, each: f32| {
                for word in plain_words(text).into_iter().filter(|word| !is_empty_word(word)) {
                    let stem = stem(&word);
                    *counts.entry(stem.clone()).or_default() += each;
                    index.spellings.insert(word, stem);
                }
            };
            add(&article.title, IN_TITLE);
            add(&article.also_called, IN_NAMES);
            add(&article.summary, IN_SUMMARY);
            for heading in &article.headings {
                add(&heading.text, IN_HEADING);
            }
            for sentence in &article.sentences {
                add(sentence, IN_TEXT);
            }
            add(&article.further_words, IN_TABLE);
            let section = sections.iter().find(|section| section.slug == article.section);
            add(section.map_or("", |section| &section.title), IN_TEXT);
            for (word, counts) in counts {
                index.words.entry(word).or_default().push((place, counts));
            }
            for name in article.also_called.split(',').chain([article.title.as_str()]) {
                let all = plain_words(name);
                let words: BTreeSet<String> =
                    all.iter().filter(|word| !is_empty_word(word)).map(|word| stem(word)).collect();
                if !words.is_empty() {
                    names.insert((place, Name::Words(words)));
                } else if all.len() > 1 {
                    names.insert((place, Name::Phrase(all.iter().map(|word| stem(word)).collect())));
                }
            }
        }
        index.names = names.into_iter().collect();
        for (_, line) in lines(synonyms) {
            let group: BTreeSet<Vec<String>> = line.split_whitespace().map(stems).collect();
            for token in line.split_whitespace() {
                if let [word] = plain_words(token).as_slice() {
                    index.spellings.insert(word.clone(), stem(word));
                }
            }
            let (words, phrases): (Vec<_>, Vec<_>) =
                group.into_iter().filter(|words| !words.is_empty()).partition(|words| words.len() == 1);
            let words: Vec<String> = words.into_iter().flatten().collect();
            for word in &words {
                let others = words.iter().filter(|other| *other != word).cloned();
                index.same.entry(word.clone()).or_default().extend(others);
            }
            index.phrases.extend(phrases.into_iter().map(|phrase| (phrase, words.clone())));
        }
        for (word, stem) in &index.spellings {
            index.sounds.entry(sound(word)).or_default().insert(stem.clone());
        }
        index
    }

    /// The articles that fit what was typed, by their places, best first.
    pub fn find(&self, typed: &str) -> Vec<usize> {
        let typed: String = typed.chars().take(TYPED_MAX).collect();
        let all: Vec<String> = plain_words(&typed).into_iter().take(WORDS_MAX).collect();
        let full: Vec<String> = all.iter().filter(|word| !is_empty_word(word)).cloned().collect();
        let found = self.best(&all, &full);
        // An empty word may be another one misspelt: "from" may be "form".
        if found.is_empty() { self.best(&all, &all) } else { found }
    }

    /// The articles for the words that are asked for, among all that were typed.
    fn best(&self, all: &[String], asked: &[String]) -> Vec<usize> {
        let mut scores = vec![0.0_f32; self.articles];
        let mut meant: BTreeSet<String> = BTreeSet::new();
        let mut counted: BTreeSet<&String> = BTreeSet::new();
        for word in asked {
            if counted.insert(word) {
                self.add(&self.with_same_meaning(self.meanings(word)), &mut scores, &mut meant);
            }
        }
        // Phrases, and words that were typed as two.
        let stood: Vec<BTreeMap<String, f32>> = all.iter().map(|word| self.stood_for(word)).collect();
        for (phrase, words) in &self.phrases {
            let fits = fit(phrase, &stood);
            if fits > 0.0 {
                let meanings: Vec<(String, f32)> =
                    words.iter().map(|word| (word.clone(), SAME_AS_PHRASE * fits)).collect();
                self.add(&meanings, &mut scores, &mut meant);
            }
        }
        for two in all.windows(2) {
            let joined = stem(&two.concat());
            if self.is_known(&joined) {
                self.add(&self.with_same_meaning(vec![(joined, TYPED_AS_TWO)]), &mut scores, &mut meant);
            }
        }
        for (place, name) in &self.names {
            scores[*place] += match name {
                Name::Words(words) if words.iter().all(|word| meant.contains(word)) => {
                    WHOLE_NAME * words.iter().map(|word| self.rare(word)).sum::<f32>()
                }
                Name::Words(_) => 0.0,
                Name::Phrase(words) => WHOLE_EMPTY_NAME * fit(words, &stood),
            };
        }
        let top = scores.iter().copied().fold(0.0_f32, f32::max);
        let mut found: Vec<usize> = (0..self.articles)
            .filter(|place| scores[*place] > 0.0 && scores[*place] >= top * WORTH_SHOWING)
            .collect();
        found.sort_by(|one, other| scores[*other].total_cmp(&scores[*one]).then(one.cmp(other)));
        found.truncate(RESULTS_MAX);
        found
    }

    /// Adds to each article the best of what one typed word may mean, and notes what was meant.
    fn add(&self, meanings: &[(String, f32)], scores: &mut [f32], meant: &mut BTreeSet<String>) {
        let mut best = vec![0.0_f32; self.articles];
        for (known, weight) in meanings {
            if *weight >= MEANT {
                meant.insert(known.clone());
            }
            let rare = self.rare(known);
            for (place, counts) in self.words.get(known).into_iter().flatten() {
                let score = weight * rare * counts * (ENOUGH + 1.0) / (counts + ENOUGH);
                best[*place] = best[*place].max(score);
            }
        }
        for (score, best) in scores.iter_mut().zip(best) {
            *score += best;
        }
    }

    /// How much a word says, by how few articles it matters in.
    fn rare(&self, word: &str) -> f32 {
        let all = f32::from(u16::try_from(self.articles).unwrap_or(u16::MAX));
        let places = self.words.get(word).into_iter().flatten();
        let with: f32 = places.map(|(_, counts)| (MATTERS * counts / (counts + ENOUGH)).min(1.0)).sum();
        (1.0 + (all - with + 0.5) / (with + 0.5)).ln()
    }

    /// Whether an article or the list of words that mean the same has it.
    fn is_known(&self, stem: &str) -> bool {
        self.words.contains_key(stem) || self.same.contains_key(stem)
    }

    /// The words that one typed word may be, each with what it counts; none for an empty word that is
    /// misspelt.
    fn meanings(&self, typed: &str) -> Vec<(String, f32)> {
        let stem = stem(typed);
        if self.is_known(&stem) {
            return vec![(stem, 1.0)];
        }
        let mut near: BTreeMap<&String, f32> = BTreeMap::new();
        let first = typed.bytes().next();
        let is_long = |word: &str| word.len() >= MISSPELT_MIN_LETTERS;
        if is_long(typed) {
            let cut = osa::Args::default().score_cutoff(1);
            let apart = |one: &str, other: &str| {
                osa::distance_with_args(one.chars(), other.chars(), &cut).is_some_and(|apart| apart == 1)
            };
            let short = if stem.len() <= MISSPELT_MIN_LETTERS { SHORT } else { 1.0 };
            for (word, known) in self.spellings.iter().filter(|(word, _)| is_long(word)) {
                if apart(typed, word) || is_long(&stem) && is_long(known) && apart(&stem, known) {
                    let first_is_right = word.bytes().next() == first;
                    let weight = short * if first_is_right { LETTER_WRONG } else { FIRST_LETTER_WRONG };
                    let before = near.entry(known).or_default();
                    *before = before.max(weight);
                }
            }
            for known in self.sounds.get(&sound(typed)).into_iter().flatten() {
                near.insert(known, LETTER_WRONG);
            }
            let is_one_of_ours = near.values().any(|weight| *weight >= LETTER_WRONG);
            let is_empty = |word: &&str| apart(typed, word) && word.bytes().next() == first;
            if !is_one_of_ours && !is_empty_word(typed) && EMPTY_WORDS.iter().any(is_empty) {
                return Vec::new();
            }
        }
        if near.is_empty() && typed.len() >= TWO_WRONG_MIN_LETTERS {
            let found = self.spellings.iter().filter(|(word, known)| {
                known.len() >= TWO_WRONG_FOUND_MIN_LETTERS
                    && word.bytes().next() == first
                    && (two_letters_apart(&stem, known) || two_letters_apart(typed, word))
            });
            near.extend(found.map(|(_, known)| (known, TWO_LETTERS_WRONG)));
        }
        if near.is_empty() && stem.len() >= BEGINNING_MIN_LETTERS {
            let begins = self.words.range(stem.clone()..).take_while(|(word, _)| word.starts_with(&stem));
            near.extend(begins.map(|(word, _)| (word, BEGINNING)));
        }
        near.into_iter().map(|(word, weight)| (word.clone(), weight)).collect()
    }

    /// The same, and the words that mean the same.
    fn with_same_meaning(&self, mut meanings: Vec<(String, f32)>) -> Vec<(String, f32)> {
        let same: Vec<(String, f32)> = meanings
            .iter()
            .filter_map(|(word, weight)| Some((self.same.get(word)?, weight)))
            .flat_map(|(others, weight)| {
                others.iter().map(move |other| (other.clone(), weight * SAME_MEANING))
            })
            .collect();
        meanings.extend(same);
        meanings
    }

    /// What a typed word may stand for in a phrase: itself, and what it is near.
    fn stood_for(&self, typed: &str) -> BTreeMap<String, f32> {
        let mut words = BTreeMap::new();
        if !is_empty_word(typed) {
            words.extend(self.meanings(typed).into_iter().filter(|(_, weight)| *weight >= MEANT));
        }
        words.insert(stem(typed), 1.0);
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_words_are_in_order() {
        assert!(EMPTY_WORDS.is_sorted());
        assert!(IRREGULAR.is_sorted());
        assert!(is_empty_word("asking") && is_empty_word("having") && !is_empty_word("shared"));
    }

    #[test]
    fn endings_do_not_matter() {
        for (one, other) in [
            ("leavers", "leaver"),
            ("left", "leaving"),
            ("rang", "ringing"),
            ("stolen", "steal"),
            ("closing", "close"),
            ("codes", "code"),
            ("registered", "register"),
            ("stopped", "stop"),
            ("agencies", "agency"),
            ("married", "marry"),
            ("selling", "sell"),
            ("deleted", "delete"),
            ("activation", "activate"),
            ("emails", "email"),
        ] {
            assert_eq!(stem(one), stem(other));
        }
        for word in ["dspt", "cqc", "bus", "class", "vm195", "owner", "number"] {
            assert_eq!(stem(word), word);
        }
    }

    #[test]
    fn two_letters_may_be_wrong_and_three_may_not() {
        for (one, other, expect) in [
            ("rember", "remember", true),
            ("adminstrater", "administrator", true),
            ("regsiterd", "registered", true),
            ("thunderbird", "thunderbird", true),
            ("hospise", "hospital", false),
            ("", "abc", false),
            ("", "ab", true),
        ] {
            assert_eq!(two_letters_apart(one, other), expect, "{one}, {other}");
        }
    }

    #[test]
    fn words_are_known_by_their_sound() {
        for (one, other) in [("fone", "phone"), ("stollen", "stolen"), ("rite", "write"), ("nock", "knock")] {
            assert_eq!(sound(one), sound(other));
        }
        assert_eq!(sound(""), "");
        assert_ne!(sound("phone"), sound("font"));
    }

    #[test]
    fn a_phrase_stands_together() {
        let typed = |words: &[(&str, f32)]| -> Vec<BTreeMap<String, f32>> {
            words.iter().map(|(word, weight)| BTreeMap::from([((*word).to_owned(), *weight)])).collect()
        };
        let phrase = ["walk".to_owned(), "out".to_owned()];
        let fits = |words: &[(&str, f32)]| fit(&phrase, &typed(words));
        assert!((fits(&[("she", 1.0), ("walk", 1.0), ("out", 1.0)]) - 1.0).abs() < f32::EPSILON);
        assert!((fits(&[("walk", 0.8), ("out", 1.0)]) - 0.8).abs() < f32::EPSILON);
        assert!(fits(&[("walk", 1.0), ("home", 1.0), ("out", 1.0)]).abs() < f32::EPSILON);
        assert!(fits(&[("walk", 1.0)]).abs() < f32::EPSILON);
    }
}
