//! How old somebody must be, at school, to read a text with ease: the Flesch-Kincaid grade (Kincaid
//! and others, 1975) and five years.
//!
//! The formula is about running text, so running text is counted: paragraphs, and items of lists that
//! are sentences. What has no mark at its end is no sentence and is left out: headings, tables, points
//! such as "a mobile phone", and the words before such points ("You need:"). Each would count as a
//! short sentence and make a text look easier than it is. A label of a word or two ("A code.") counts
//! with the sentence that follows. Syllables are counted as somebody reads aloud: `CQC` has three, `30`
//! counts for two. Addresses of pages and mailboxes, and examples of codes, are not read aloud and are
//! left out.

/// The oldest we write for, in years.
pub const AGE_MAX: f64 = 11.0;

/// A sentence of fewer words is a label and counts with the one that follows.
const SENTENCE_MIN_WORDS: u32 = 3;

/// The reading age of sentences, in years; 0 where there are none.
pub fn of(paragraphs: &[String]) -> f64 {
    let (mut sentences, mut words, mut beats) = (0_u32, 0_u32, 0_u32);
    for paragraph in paragraphs {
        let (mut some_words, mut some_beats, mut counted) = (0_u32, 0_u32, false);
        for word in without_code(paragraph).split_whitespace() {
            let spoken = syllables(word);
            some_words += u32::from(spoken > 0);
            some_beats += spoken;
            if ends_a_sentence(word) && some_words >= SENTENCE_MIN_WORDS {
                (sentences, words, beats) = (sentences + 1, words + some_words, beats + some_beats);
                (some_words, some_beats, counted) = (0, 0, true);
            }
        }
        // A last sentence of a word or two belongs to the one before it.
        if counted && some_words > 0 && paragraph.trim_end().ends_with(['.', '!', '?']) {
            (words, beats) = (words + some_words, beats + some_beats);
        }
    }
    if sentences == 0 {
        return 0.0;
    }
    let (sentences, words, beats) = (f64::from(sentences), f64::from(words), f64::from(beats));
    0.39 * words / sentences + 11.8 * beats / words - 15.59 + 5.0
}

/// A text without what stands between backticks.
fn without_code(text: &str) -> String {
    text.split('`').step_by(2).collect::<Vec<_>>().join(" ")
}

/// Whether a sentence ends with a word; brackets and quotation marks may follow the mark. A full stop
/// inside a word, as in an address, ends nothing.
fn ends_a_sentence(word: &str) -> bool {
    word.trim_end_matches(['"', '”', '’', '\'', ')']).ends_with(['.', '!', '?'])
}

/// How many syllables a word has when it is read aloud; none for what is not read aloud.
fn syllables(word: &str) -> u32 {
    let word = word.trim_matches(|letter: char| !letter.is_alphanumeric());
    if word.contains(['@', '/']) || word.split('.').nth(1).is_some_and(|rest| !rest.is_empty()) {
        return 0;
    }
    word.split(|letter: char| !letter.is_alphanumeric() && letter != '’' && letter != '\'').map(spoken).sum()
}

/// The same for a word without hyphens.
fn spoken(word: &str) -> u32 {
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let letters: Vec<char> = word.chars().filter(char::is_ascii_alphabetic).collect();
    let digits = count(word.chars().filter(char::is_ascii_digit).count());
    // An abbreviation is read letter by letter; the name of W is long.
    let capitals =
        letters.len() > 1 && letters.iter().filter(|letter| **letter != 's').all(char::is_ascii_uppercase);
    if capitals || digits > 0 {
        let long = count(letters.iter().filter(|letter| **letter == 'W').count());
        return digits + count(letters.iter().filter(|letter| **letter != 's').count()) + 2 * long;
    }
    let text: String = letters.iter().map(char::to_ascii_lowercase).collect();
    if text.is_empty() {
        return 0;
    }
    let letters: Vec<char> = text.chars().collect();
    let is_vowel = |letter: char| "aeiouy".contains(letter);
    let mut beats: u32 = 0;
    for (place, letter) in letters.iter().enumerate().filter(|(_, letter)| is_vowel(**letter)) {
        let before = place.checked_sub(1).map_or(' ', |place| letters[place]);
        let two_before = place.checked_sub(2).map_or(' ', |place| letters[place]);
        // Two vowels in a row are one sound, but for "per-i-od", "man-u-al", "try-ing", "be-ing".
        let apart = match (before, *letter) {
            ('i', 'a' | 'o' | 'u') => !"cgstx".contains(two_before),
            ('u', 'a') => !"gq".contains(two_before),
            ('y' | 'e', 'i') => text[place..].starts_with("ing"),
            _ => false,
        };
        beats += u32::from(!is_vowel(before) || apart);
    }
    let ends = |endings: &[&str]| endings.iter().any(|ending| text.ends_with(ending));
    let silent = (text.ends_with('e') && !ends(&["le", "ee", "ie", "ye", "oe"]))
        || (text.ends_with("le") && text.len() > 3 && text.chars().rev().nth(2).is_some_and(is_vowel))
        || (text.ends_with("ed") && !ends(&["ted", "ded", "eed", "ied"]))
        || (text.ends_with("es")
            && !ends(&["ses", "zes", "ces", "ges", "ches", "shes", "xes", "ies"])
            && !(text.ends_with("les") && text.chars().rev().nth(3).is_some_and(|letter| !is_vowel(letter))))
        || ends(&["ely", "eful", "eless", "ething", "ebody", "etimes", "ewhere"]);
    if silent && beats > 1 {
        beats -= 1;
    }
    beats.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn syllables_are_counted() {
        for (word, expect) in [
            ("care", 1),
            ("home", 1),
            ("mailbox", 2),
            ("table", 2),
            ("whole", 1),
            ("files", 1),
            ("tables", 2),
            ("closed", 1),
            ("married", 2),
            ("need", 1),
            ("deleted", 3),
            ("organisation", 5),
            ("administrator", 5),
            ("codes", 1),
            ("changes", 2),
            ("the", 1),
            ("being", 2),
            ("trying", 2),
            ("period", 3),
            ("manual", 3),
            ("question", 2),
            ("safely", 2),
            ("home-care", 2),
            ("don’t", 1),
            ("DSPT", 4),
            ("GPs", 2),
            ("30", 2),
            ("VM195", 5),
            ("helpdesk@carepost.example", 0),
            ("nhs.net", 0),
            ("(CQC).", 3),
            ("–", 0),
        ] {
            assert_eq!(syllables(word), expect, "{word}");
        }
    }

    #[test]
    fn only_sentences_are_counted() {
        let age = |lines: &[&str]| {
            let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
            of(&lines)
        };
        let sentence = "The manager decides who can open the mailbox.";
        let alone = age(&[sentence]);
        for other in ["You need:", "a mobile phone", "How to ask", "`VM195`"] {
            assert!((age(&[sentence, other]) - alone).abs() < f64::EPSILON, "{other}");
        }
        // A label is no sentence of its own, and an address ends none.
        for (one, same) in [
            ("A code. The manager decides who can open it.", "A code the manager decides who can open it."),
            ("The manager at nhs.net decides who can open it.", "The manager at decides who can open it."),
        ] {
            assert!((age(&[one]) - age(&[same])).abs() < f64::EPSILON, "{one}");
        }
        assert!(age(&["You need:", "a phone"]).abs() < f64::EPSILON);
    }

    #[test]
    fn plain_words_are_for_the_young_and_long_ones_are_not() {
        let age = |text: &str| of(&[text.to_owned()]);
        let plain = age("Read the mail on each shift. Tell an owner when you leave.");
        let hard = age(
            "Organisational administrators are responsible for the continuous verification of authorisations, notwithstanding alternative arrangements.",
        );
        assert!(plain < 8.0, "{plain}");
        assert!(hard > 18.0, "{hard}");
        assert!(age("").abs() < f64::EPSILON);
    }
}
