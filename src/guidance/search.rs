//! Finding an article by what people type: their own words, some of them misspelt.
//!
//! Every word of an article counts by where it stands (title, what else it is called, headings,
//! text) and by how few articles have it. Words are compared without their endings; one that no
//! article has may be wrong by a letter, or stand in the list of words that mean the same. All of it
//! is in memory and made once. Words are taken apart as the search for sites does it.

use super::article::Article;
use super::{Section, lines};
use crate::register::search::{one_letter_apart, plain_words};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// How many articles a page of results shows: whoever has not found it among them should ask.
pub const RESULTS_MAX: usize = 10;
/// How much of what was typed is looked at, in characters.
const TYPED_MAX: usize = 200;
/// How many words of it are looked at.
const WORDS_MAX: usize = 24;

/// What a word counts, by where it stands.
const IN_TITLE: f32 = 6.0;
const IN_NAMES: f32 = 4.0;
const IN_SUMMARY: f32 = 3.0;
const IN_HEADING: f32 = 3.0;
const IN_TEXT: f32 = 1.0;
const IN_TABLE: f32 = 0.7;
/// How soon more of the same word stops counting for more.
const ENOUGH: f32 = 4.0;
/// What a word counts that is near what was typed: a letter wrong, or meaning the same.
const MISSPELT: f32 = 0.8;
const SAME_MEANING: f32 = 0.4;
const BEGINNING: f32 = 0.6;
/// What each word of a name of the article counts when all of its words were typed.
const WHOLE_NAME: f32 = 1.5;
/// Results below this part of the best are left out.
const WORTH_SHOWING: f32 = 0.15;
/// Shorter words are not looked for with a letter wrong: almost anything would match.
const MISSPELT_MIN_LETTERS: usize = 3;
/// Shorter words are not looked for by their beginning.
const BEGINNING_MIN_LETTERS: usize = 4;

/// Words that stand in every question and say nothing of what it is about.
const EMPTY_WORDS: &[&str] = &[
    "a",
    "about",
    "after",
    "again",
    "all",
    "also",
    "am",
    "an",
    "and",
    "any",
    "are",
    "as",
    "at",
    "be",
    "been",
    "but",
    "by",
    "can",
    "cant",
    "come",
    "comes",
    "coming",
    "could",
    "did",
    "do",
    "does",
    "dont",
    "else",
    "even",
    "ever",
    "for",
    "from",
    "get",
    "go",
    "going",
    "got",
    "had",
    "has",
    "have",
    "hello",
    "hi",
    "how",
    "i",
    "if",
    "im",
    "in",
    "into",
    "is",
    "isnt",
    "it",
    "its",
    "ive",
    "just",
    "keep",
    "keeps",
    "let",
    "lets",
    "like",
    "lot",
    "many",
    "me",
    "much",
    "my",
    "myself",
    "need",
    "not",
    "now",
    "of",
    "on",
    "one",
    "only",
    "or",
    "other",
    "our",
    "please",
    "really",
    "right",
    "s",
    "say",
    "says",
    "should",
    "since",
    "so",
    "some",
    "someone",
    "someones",
    "something",
    "still",
    "than",
    "that",
    "the",
    "their",
    "them",
    "then",
    "there",
    "they",
    "thing",
    "things",
    "this",
    "to",
    "told",
    "too",
    "tried",
    "try",
    "trying",
    "us",
    "very",
    "want",
    "was",
    "we",
    "were",
    "what",
    "when",
    "where",
    "which",
    "who",
    "why",
    "will",
    "with",
    "would",
    "you",
    "your",
];

/// Every word of every article.
#[derive(Debug, Default)]
pub struct SearchIndex {
    /// Words without their endings, with the articles that have them and what they count there.
    words: BTreeMap<String, Vec<(usize, f32)>>,
    /// What else articles are called, word by word.
    names: Vec<(usize, Vec<String>)>,
    /// Words that mean the same.
    same: HashMap<String, Vec<String>>,
    articles: usize,
}

/// The words of a text as they are compared.
fn stems(text: &str) -> Vec<String> {
    plain_words(text).iter().map(|word| stem(word)).collect()
}

fn is_empty_word(word: &str) -> bool {
    EMPTY_WORDS.binary_search(&word).is_ok()
}

/// A word without its ending: "leavers", "leaving" and "leave" are one.
fn stem(word: &str) -> String {
    if word.len() < 4 || word.bytes().any(|byte| byte.is_ascii_digit()) {
        return word.to_owned();
    }
    let mut stem = word.to_owned();
    if let Some(start) = stem.strip_suffix("ies") {
        stem = format!("{start}y");
    } else if stem.ends_with('s') && !stem.ends_with("ss") && !stem.ends_with("us") && !stem.ends_with("is") {
        stem.pop();
    }
    for ending in ["ing", "ed", "er"] {
        if let Some(start) = stem.strip_suffix(ending)
            && start.len() >= 3
            && start.contains(['a', 'e', 'i', 'o', 'u'])
        {
            let last_two: Vec<char> = start.chars().rev().take(2).collect();
            let doubled = last_two.first() == last_two.get(1) && !start.ends_with(['l', 's', 'z']);
            stem = start[..start.len() - usize::from(doubled)].to_owned();
            break;
        }
    }
    if stem.len() > 3 && stem.ends_with('e') {
        stem.pop();
    }
    stem
}

impl SearchIndex {
    pub fn of(articles: &[Article], sections: &[Section], synonyms: &str) -> Self {
        let mut index = SearchIndex { articles: articles.len(), ..SearchIndex::default() };
        for (place, article) in articles.iter().enumerate() {
            let mut counts: HashMap<String, f32> = HashMap::new();
            let mut add = |text: &str, each: f32| {
                for word in plain_words(text).iter().filter(|word| !is_empty_word(word)) {
                    *counts.entry(stem(word)).or_default() += each;
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
                let words: Vec<String> = plain_words(name)
                    .iter()
                    .filter(|word| !is_empty_word(word))
                    .map(|word| stem(word))
                    .collect();
                if !words.is_empty() {
                    index.names.push((place, words));
                }
            }
        }
        for (_, line) in lines(synonyms) {
            let group: BTreeSet<String> = stems(line).into_iter().collect();
            for word in &group {
                let others = group.iter().filter(|other| *other != word).cloned();
                index.same.entry(word.clone()).or_default().extend(others);
            }
        }
        index
    }

    /// The articles that fit what was typed, by their places, best first.
    pub fn find(&self, typed: &str) -> Vec<usize> {
        let typed: String = typed.chars().take(TYPED_MAX).collect();
        let all: Vec<String> = plain_words(&typed).into_iter().take(WORDS_MAX).collect();
        let mut asked: Vec<&String> = all.iter().filter(|word| !is_empty_word(word)).collect();
        if asked.is_empty() {
            asked = all.iter().collect();
        }
        let mut scores = vec![0.0_f32; self.articles];
        let mut meant: BTreeSet<String> = BTreeSet::new();
        for word in asked {
            let mut best = vec![0.0_f32; self.articles];
            for (known, weight) in self.meanings(word) {
                if weight >= MISSPELT {
                    meant.insert(known.clone());
                }
                let Some(places) = self.words.get(&known) else { continue };
                let rare = self.rare(places.len());
                for (place, counts) in places {
                    let score = weight * rare * counts * (ENOUGH + 1.0) / (counts + ENOUGH);
                    best[*place] = best[*place].max(score);
                }
            }
            for (score, best) in scores.iter_mut().zip(best) {
                *score += best;
            }
        }
        for (place, name) in &self.names {
            if name.iter().all(|word| meant.contains(word)) {
                let rare: f32 =
                    name.iter().map(|word| self.rare(self.words.get(word).map_or(0, Vec::len))).sum();
                scores[*place] += WHOLE_NAME * rare;
            }
        }
        let top = scores.iter().copied().fold(0.0_f32, f32::max);
        let mut found: Vec<usize> = (0..self.articles)
            .filter(|place| scores[*place] > 0.0 && scores[*place] >= top * WORTH_SHOWING)
            .collect();
        found.sort_by(|one, other| scores[*other].total_cmp(&scores[*one]).then(one.cmp(other)));
        found.truncate(RESULTS_MAX);
        found
    }

    /// How much a word says that so many articles have.
    fn rare(&self, articles: usize) -> f32 {
        let count = |number: usize| f32::from(u16::try_from(number).unwrap_or(u16::MAX));
        let (all, with) = (count(self.articles), count(articles));
        (1.0 + (all - with + 0.5) / (with + 0.5)).ln()
    }

    /// The words that one typed word may mean, each with what it counts.
    fn meanings(&self, typed: &str) -> Vec<(String, f32)> {
        let stem = stem(typed);
        let mut meanings = Vec::new();
        if self.words.contains_key(&stem) || self.same.contains_key(&stem) {
            meanings.push((stem.clone(), 1.0));
        } else if typed.len() >= MISSPELT_MIN_LETTERS {
            let known = self.words.keys().chain(self.same.keys());
            let near: BTreeSet<&String> = known
                .filter(|known| {
                    one_letter_apart(stem.as_bytes(), known.as_bytes())
                        || one_letter_apart(typed.as_bytes(), known.as_bytes())
                })
                .collect();
            meanings.extend(near.into_iter().map(|word| (word.clone(), MISSPELT)));
        }
        if meanings.is_empty() && stem.len() >= BEGINNING_MIN_LETTERS {
            let begins = self.words.range(stem.clone()..).take_while(|(word, _)| word.starts_with(&stem));
            meanings.extend(begins.map(|(word, _)| (word.clone(), BEGINNING)));
        }
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_words_are_in_order() {
        assert!(EMPTY_WORDS.is_sorted());
    }

    #[test]
    fn endings_do_not_matter() {
        for (one, other) in [
            ("leavers", "leaving"),
            ("codes", "code"),
            ("registered", "registering"),
            ("stopped", "stop"),
            ("agencies", "agency"),
            ("selling", "sell"),
            ("deleted", "delete"),
            ("emails", "email"),
        ] {
            assert_eq!(stem(one), stem(other));
        }
        for word in ["dspt", "cqc", "bus", "class", "vm195"] {
            assert_eq!(stem(word), word);
        }
    }
}
