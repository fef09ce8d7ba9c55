//! How old somebody must be, at school, to read a text with ease: the Flesch-Kincaid grade and five
//! years (Kincaid and others, 1975). What cannot be read aloud (codes, addresses) counts as one
//! short word. Sentences only: tables and headings have none.

/// The oldest we write for, in years.
pub const AGE_MAX: f64 = 11.0;

/// The reading age of sentences, in years.
pub fn of(paragraphs: &[String]) -> f64 {
    let (mut sentences, mut words, mut beats) = (0_u32, 0_u32, 0_u32);
    for paragraph in paragraphs {
        for sentence in paragraph.split_inclusive(['.', '!', '?', ':']) {
            let mut any = false;
            for word in sentence.split_whitespace() {
                if word.chars().any(char::is_alphanumeric) {
                    any = true;
                    words += 1;
                    beats += syllables(word);
                }
            }
            sentences += u32::from(any);
        }
    }
    if words == 0 || sentences == 0 {
        return 0.0;
    }
    let (sentences, words, beats) = (f64::from(sentences), f64::from(words), f64::from(beats));
    0.39 * words / sentences + 11.8 * beats / words - 15.59 + 5.0
}

/// How many syllables a word has, by its groups of vowels.
fn syllables(word: &str) -> u32 {
    if word.contains(['@', '`', '/']) || word.chars().any(|letter| letter.is_ascii_digit()) {
        return 1;
    }
    let letters: Vec<char> =
        word.to_lowercase().chars().filter(|letter| letter.is_ascii_alphabetic()).collect();
    let is_vowel = |letter: &char| "aeiouy".contains(*letter);
    let mut count: u32 = 0;
    let mut before = false;
    for letter in &letters {
        let vowel = is_vowel(letter);
        count += u32::from(vowel && !before);
        before = vowel;
    }
    let text: String = letters.iter().collect();
    let ends = |endings: &[&str]| endings.iter().any(|ending| text.ends_with(ending));
    let silent = (text.ends_with('e') && !ends(&["le", "ee", "ie", "ye"]))
        || (text.ends_with("ed") && !ends(&["ted", "ded"]))
        || (text.ends_with("es") && !ends(&["ses", "zes", "ces", "ges", "ches", "shes", "xes", "ies"]));
    if silent && count > 1 {
        count -= 1;
    }
    count.max(1)
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
            ("closed", 1),
            ("deleted", 3),
            ("organisation", 5),
            ("administrator", 5),
            ("codes", 1),
            ("changes", 2),
            ("VM195", 1),
            ("helpdesk@carepost.example", 1),
            ("the", 1),
        ] {
            assert_eq!(syllables(word), expect, "{word}");
        }
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
