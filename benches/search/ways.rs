//! The ways in which managers type what they look for, made from what the registers say of a site:
//! with slips, without words, with the words of another register.
//!
//! Everything is seeded, so that two runs ask the same.

/// What is known of a site that is looked for.
#[derive(Clone, Debug, Default)]
pub struct Known {
    pub location_id: String,
    pub name: String,
    /// What another register calls it.
    pub other_name: Option<String>,
    pub street: String,
    pub town: String,
    pub postcode: String,
    pub provider: String,
}

/// Numbers that look random and are the same in every run (SplitMix64).
pub struct Seeded(pub u64);

impl Seeded {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, count: usize) -> usize {
        (self.next() % count.max(1) as u64) as usize
    }

    pub fn one_of<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for place in (1..items.len()).rev() {
            items.swap(place, self.below(place + 1));
        }
    }
}

/// One way of typing: its name, how many of a hundred sites should be among the first ten, and what
/// somebody types for a site. Nothing where the site's name has nothing of the kind.
pub struct Way {
    pub name: &'static str,
    pub aim_percent: f64,
    pub typed: fn(&Known, &mut Seeded) -> Option<String>,
}

const fn way(name: &'static str, aim_percent: f64, typed: fn(&Known, &mut Seeded) -> Option<String>) -> Way {
    Way { name, aim_percent, typed }
}

pub const WAYS: [Way; 36] = [
    way("name in small letters", 99.0, |site, _| Some(site.name.to_lowercase())),
    way("name in capitals, with blanks too many", 99.0, |site, _| {
        Some(format!("  {} ", site.name.to_uppercase().replace(' ', "   ")))
    }),
    way("without the legal form", 99.0, |site, _| without(&site.name, LEGAL)),
    way("one letter wrong, more or less", 99.0, |site, seeded| misspelt(&site.name, seeded, 1)),
    way("two letters wrong in one word", 90.0, |site, seeded| misspelt(&site.name, seeded, 2)),
    way("one letter wrong in each of two words", 95.0, two_words_misspelt),
    way("two letters swapped", 99.0, |site, seeded| {
        changed(&site.name, seeded, |word, seeded| {
            let place = seeded.below(word.len() - 1);
            word.swap(place, place + 1);
        })
    }),
    way("a key beside the right one", 99.0, |site, seeded| {
        changed(&site.name, seeded, |word, seeded| slip(word, seeded))
    }),
    way("a letter doubled or a double one single", 99.0, |site, seeded| {
        changed(&site.name, seeded, |word, seeded| match word.windows(2).position(|two| two[0] == two[1]) {
            Some(place) => {
                word.remove(place);
            }
            None => {
                let place = seeded.below(word.len());
                word.insert(place, word[place]);
            }
        })
    }),
    way("“care home” added", 99.0, |site, _| Some(format!("{} care home", site.name))),
    way("without its kind (care home, services …)", 98.0, |site, _| without(&site.name, KINDS)),
    way("Ltd for Limited and the other way, or added", 98.0, |site, seeded| {
        let (name, legal) = (site.name.to_lowercase(), *seeded.one_of(&["ltd", "limited", "Ltd."]));
        Some(if let Some(before) = name.strip_suffix(" limited") {
            format!("{before} ltd")
        } else if let Some(before) = name.strip_suffix(" ltd") {
            format!("{before} limited")
        } else {
            format!("{name} {legal}")
        })
    }),
    way("nursing home for care home, rest home …", 98.0, |site, seeded| {
        let kind =
            *seeded.one_of(&["nursing home", "residential home", "care home", "rest home", "care centre"]);
        let before = without(&site.name, HOME_KINDS)?;
        Some(format!("{before} {kind}"))
    }),
    way("homecare, home care, domiciliary care", 98.0, |site, seeded| {
        let name = site.name.to_lowercase();
        for kind in ["homecare", "home care", "domiciliary care"] {
            if name.contains(kind) {
                let others: Vec<&str> = ["homecare", "home care", "domiciliary care"]
                    .into_iter()
                    .filter(|other| *other != kind)
                    .collect();
                return Some(name.replace(kind, seeded.one_of::<&str>(others.as_slice())));
            }
        }
        None
    }),
    way("and for &, the other way, or “the” more or less", 98.0, |site, _| {
        let name = site.name.to_lowercase();
        Some(if name.contains(" & ") {
            name.replace(" & ", " and ")
        } else if name.contains(" and ") {
            name.replace(" and ", " & ")
        } else if let Some(rest) = name.strip_prefix("the ") {
            rest.to_owned()
        } else {
            format!("the {name}")
        })
    }),
    way("postcode with a dash", 100.0, |site, seeded| {
        let dash = *seeded.one_of(&["-", "\u{2013}", " - "]);
        has(&site.postcode).then(|| site.postcode.replace(' ', dash))
    }),
    way("postcode without its blank, small", 100.0, |site, _| {
        has(&site.postcode).then(|| site.postcode.replace(' ', "").to_lowercase())
    }),
    way("postcode with O and 0, I and 1 confused", 100.0, |site, _| {
        let wrong: String = site
            .postcode
            .chars()
            .map(|letter| match letter {
                '0' => 'O',
                'O' => '0',
                '1' => 'I',
                'I' => '1',
                other => other,
            })
            .collect();
        (wrong != site.postcode).then_some(wrong)
    }),
    way("first word and first part of the postcode", 98.0, |site, _| {
        let outward = site.postcode.split(' ').next().filter(|part| !part.is_empty())?;
        Some(format!("{} {outward}", telling(&site.name)?))
    }),
    way("name and postcode", 99.0, |site, _| {
        has(&site.postcode).then(|| format!("{}, {}", site.name, site.postcode))
    }),
    way("Saint, St, St.", 99.0, |site, seeded| {
        let others = *seeded.one_of(&["Saint", "St.", "st"]);
        let words: Vec<&str> = site.name.split(' ').collect();
        words.iter().any(|word| is_saint(word)).then(|| {
            words.iter().map(|word| if is_saint(word) { others } else { word }).collect::<Vec<_>>().join(" ")
        })
    }),
    way("accents", 99.0, |site, seeded| {
        changed(&site.name, seeded, |word, _| {
            if let Some(vowel) = word.iter_mut().find(|letter| "aeiouc".contains(**letter)) {
                *vowel = match *vowel {
                    'a' => 'à',
                    'e' => 'é',
                    'i' => 'ï',
                    'o' => 'ô',
                    'u' => 'ü',
                    _ => 'ç',
                };
            }
        })
    }),
    way("apostrophes dropped, curly, a blank or added", 99.0, |site, seeded| {
        let other = *seeded.one_of(&["", "\u{2019}", "`", " ", "\u{2018}"]);
        if site.name.contains(['\'', '\u{2019}']) {
            return Some(site.name.replace(['\'', '\u{2019}'], other));
        }
        let mut words: Vec<String> = site.name.split(' ').map(str::to_owned).collect();
        let word = words.iter_mut().find(|word| word.len() > 4 && word.ends_with('s') && word.is_ascii())?;
        word.insert(word.len() - 1, '\'');
        Some(words.join(" "))
    }),
    way("hyphens and dashes for blanks, blanks for dashes", 99.0, |site, seeded| {
        let dash = *seeded.one_of(&["-", "\u{2013}", " \u{2014} ", "/"]);
        let name = site.name.to_lowercase();
        if name.contains(['-', '\u{2013}']) {
            return Some(name.replace(['-', '\u{2013}'], " "));
        }
        name.contains(' ').then(|| name.replacen(' ', dash, 1))
    }),
    way("plural for singular and the other way", 98.0, |site, seeded| {
        changed(&site.name, seeded, |word, _| {
            if word.last() == Some(&'s') {
                word.pop();
            } else {
                word.push('s');
            }
        })
    }),
    way("two words as one", 98.0, |site, seeded| {
        let words: Vec<String> = site.name.to_lowercase().split_whitespace().map(str::to_owned).collect();
        let place = seeded.below(words.len().checked_sub(1).filter(|count| *count > 0)?);
        let mut typed = words[..place].to_vec();
        typed.push(format!("{}{}", words[place], words[place + 1]));
        typed.extend_from_slice(&words[place + 2..]);
        Some(typed.join(" "))
    }),
    way("all words as one", 95.0, |site, _| {
        let joined = site.name.to_lowercase().replace(' ', "");
        (joined.len() <= 40).then_some(joined)
    }),
    way("one word as two", 98.0, |site, seeded| {
        changed(&site.name, seeded, |word, seeded| {
            let place = if word.len() > 5 { 3 + seeded.below(word.len() - 5) } else { word.len() / 2 };
            word.insert(place, ' ');
        })
    }),
    way("words in another order", 99.0, |site, seeded| {
        let mut words: Vec<&str> = site.name.split_whitespace().collect();
        seeded.shuffle(&mut words);
        (words.len() > 1).then(|| words.join(" "))
    }),
    way("name and town", 99.0, |site, _| has(&site.town).then(|| format!("{} {}", site.name, site.town))),
    way("first words, misspelt, and town", 98.0, |site, seeded| {
        let words: Vec<&str> = site.name.split_whitespace().take(2).collect();
        has(&site.town).then_some(())?;
        Some(format!("{} {}", misspelt(&words.join(" "), seeded, 1)?, site.town))
    }),
    way("name with its end missing", 98.0, |site, _| {
        let letters = site.name.chars().count();
        (letters > 8).then(|| site.name.chars().take(letters - 3).collect())
    }),
    way("street and town", 95.0, |site, _| {
        (has(&site.street) && has(&site.town)).then(|| format!("{} {}", site.street, site.town))
    }),
    way("provider’s name and town", 95.0, |site, _| {
        (has(&site.provider) && has(&site.town)).then(|| format!("{} {}", site.provider, site.town))
    }),
    way("abbreviations (Hse, Rd, Ct …)", 98.0, |site, _| {
        let name = format!(" {} ", site.name.to_lowercase());
        let short = ABBREVIATIONS.iter().fold(name.clone(), |text, (long, short)| {
            text.replace(&format!(" {long} "), &format!(" {short} "))
        });
        (short != name).then(|| short.trim().to_owned())
    }),
    way("the name it has in the DSPT", 85.0, |site, _| site.other_name.clone()),
];

const LEGAL: &[&str] = &["ltd", "limited", "plc", "llp", "cic", "ltd."];
const HOME_KINDS: &[&str] =
    &["care", "home", "nursing", "residential", "rest", "centre", "ltd", "limited", "homes", "retirement"];
const KINDS: &[&str] = &[
    "care",
    "home",
    "homes",
    "nursing",
    "residential",
    "centre",
    "services",
    "service",
    "ltd",
    "limited",
    "agency",
    "homecare",
    "domiciliary",
    "support",
    "supported",
    "living",
];
const ABBREVIATIONS: [(&str, &str); 18] = [
    ("house", "hse"),
    ("road", "rd"),
    ("court", "ct"),
    ("avenue", "ave"),
    ("lane", "ln"),
    ("street", "st"),
    ("close", "cl"),
    ("crescent", "cres"),
    ("gardens", "gdns"),
    ("residential", "res"),
    ("nursing", "nsg"),
    ("centre", "ctr"),
    ("services", "svcs"),
    ("cottage", "cott"),
    ("drive", "dr"),
    ("park", "pk"),
    ("mount", "mt"),
    ("terrace", "tce"),
];
const KEYBOARD: [&str; 3] = ["qwertyuiop", "asdfghjkl", "zxcvbnm"];

fn has(text: &str) -> bool {
    !text.is_empty()
}

fn is_saint(word: &str) -> bool {
    ["st", "st.", "saint"].contains(&word.to_lowercase().as_str())
}

/// The name without some words; nothing where it has none of them or nothing else.
fn without(name: &str, words: &[&str]) -> Option<String> {
    let all: Vec<&str> = name.split_whitespace().collect();
    let left: Vec<&str> =
        all.iter().copied().filter(|word| !words.contains(&word.to_lowercase().as_str())).collect();
    let tells = left.iter().any(|word| word.len() > 3);
    (tells && left.len() < all.len()).then(|| left.join(" "))
}

/// A name without its kind, its legal form and articles: what sites that cannot be told apart share.
pub fn core(name: &str) -> String {
    let lower = name.to_lowercase().replace(['\'', '\u{2019}'], "").replace('&', " and ");
    let words: Vec<&str> = lower
        .split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty() && !KINDS.contains(word) && !["the", "and", "rest"].contains(word))
        .collect();
    words.join(" ")
}

/// The word of a name that tells most: the longest that is no kind.
fn telling(name: &str) -> Option<&str> {
    name.split_whitespace()
        .filter(|word| {
            word.bytes().all(|letter| letter.is_ascii_alphabetic())
                && !KINDS.contains(&word.to_lowercase().as_str())
                && word.len() > 3
        })
        .max_by_key(|word| word.len())
}

/// The name with its telling word changed.
fn changed(name: &str, seeded: &mut Seeded, change: impl Fn(&mut Vec<char>, &mut Seeded)) -> Option<String> {
    let word = telling(name)?;
    let mut letters: Vec<char> = word.to_lowercase().chars().collect();
    change(&mut letters, seeded);
    Some(name.replacen(word, &letters.into_iter().collect::<String>(), 1))
}

fn slip(word: &mut [char], seeded: &mut Seeded) {
    let place = seeded.below(word.len());
    for row in KEYBOARD {
        if let Some(key) = row.find(word[place]) {
            let beside =
                if key + 1 < row.len() && (key == 0 || seeded.below(2) == 0) { key + 1 } else { key - 1 };
            word[place] = row.as_bytes()[beside] as char;
        }
    }
}

fn letter(seeded: &mut Seeded) -> char {
    *seeded.one_of(b"abcdefghijklmnopqrstuvwxyz") as char
}

fn mistake(word: &mut Vec<char>, seeded: &mut Seeded) {
    // The first letter is rarely wrong, but it is at times.
    let from = usize::from(seeded.below(10) != 0).min(word.len() - 1);
    let place = from + seeded.below(word.len() - from);
    match seeded.below(4) {
        0 => word[place] = letter(seeded),
        1 => word.insert(place, letter(seeded)),
        2 if word.len() > 4 => {
            word.remove(place);
        }
        _ => slip(word, seeded),
    }
}

fn misspelt(name: &str, seeded: &mut Seeded, mistakes: usize) -> Option<String> {
    let word = telling(name)?;
    // Two letters wrong of five are another word.
    if mistakes > 1 && word.len() < 6 {
        return None;
    }
    changed(name, seeded, |letters, seeded| {
        for _ in 0..mistakes {
            mistake(letters, seeded);
        }
    })
}

fn two_words_misspelt(site: &Known, seeded: &mut Seeded) -> Option<String> {
    let mut words: Vec<String> = site.name.split_whitespace().map(str::to_lowercase).collect();
    let mut places: Vec<usize> = (0..words.len())
        .filter(|place| {
            words[*place].len() > 3 && words[*place].bytes().all(|letter| letter.is_ascii_alphabetic())
        })
        .collect();
    (places.len() > 1).then_some(())?;
    seeded.shuffle(&mut places);
    for place in &places[..2] {
        let mut letters: Vec<char> = words[*place].chars().collect();
        mistake(&mut letters, seeded);
        words[*place] = letters.into_iter().collect();
    }
    Some(words.join(" "))
}
