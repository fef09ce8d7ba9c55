//! Words as they are compared: what registers write and what people type, made alike.

/// Words of plain letters and digits in lower case; an apostrophe joins.
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

/// Words that are written in more than one way, with the way they are compared in. What stands on one line is one
/// word to whoever searches.
const ALIKE: &[(&[&str], &[&str])] = &[
    (&["limited", "ltd", "plc", "llp", "cic", "inc", "incorporated", "company", "co"], &["ltd"]),
    (&["saint", "st", "street", "ste", "sainte", "str"], &["st"]),
    (&["and", "n", "plus"], &["and"]),
    (&["homecare"], &["home", "care"]),
    (&["carehome", "carehomes"], &["care", "home"]),
    (&["healthcare"], &["health", "care"]),
    (&["daycare"], &["day", "care"]),
    (&["domiciliary", "domicilary", "domicillary", "dom", "domi"], &["domiciliary"]),
    (&["dca"], &["domiciliary", "care", "agency"]),
    (&["road", "rd"], &["road"]),
    (&["avenue", "ave", "av"], &["avenue"]),
    (&["house", "hse", "hs"], &["house"]),
    (&["court", "ct", "crt"], &["court"]),
    (&["lane", "ln"], &["lane"]),
    (&["drive", "dr", "drv"], &["drive"]),
    (&["close", "cl", "cls"], &["close"]),
    (&["crescent", "cres", "cresc", "cr"], &["crescent"]),
    (&["gardens", "garden", "gdns", "gdn"], &["garden"]),
    (&["grove", "gr", "grv"], &["grove"]),
    (&["square", "sq"], &["square"]),
    (&["park", "pk"], &["park"]),
    (&["place", "pl"], &["place"]),
    (&["terrace", "ter", "terr", "tce"], &["terrace"]),
    (&["mount", "mt", "mnt"], &["mount"]),
    (&["residential", "resi", "res", "resid"], &["residential"]),
    (&["nursing", "nsg", "nurs", "nrsg"], &["nursing"]),
    (&["cottage", "cott", "ctg", "cttge"], &["cottage"]),
    (&["centre", "center", "ctr", "cntr", "cent"], &["centre"]),
    (&["service", "services", "svcs", "svc", "serv", "servs"], &["service"]),
    (&["organisation", "organization", "org"], &["organisation"]),
    (&["association", "assoc", "assn"], &["association"]),
    (&["community", "comm", "communities"], &["community"]),
    (&["support", "supp"], &["support"]),
    (&["manor", "mnr"], &["manor"]),
    (&["village", "vlg", "vill"], &["village"]),
    (&["lodge", "ldg", "ldge"], &["lodge"]),
    (&["great", "gt", "grt"], &["great"]),
    (&["upper", "upr"], &["upper"]),
    (&["lower", "lwr"], &["lower"]),
    (&["building", "bldg", "buildings"], &["building"]),
    (&["grange", "grng"], &["grange"]),
    (&["hospital", "hosp"], &["hospital"]),
    (&["doctor"], &["drive"]),
    (&["department", "dept"], &["department"]),
    (&["management", "mgmt", "mgt"], &["management"]),
    (&["north", "nth"], &["north"]),
    (&["south", "sth"], &["south"]),
    (&["brothers", "bros"], &["brother"]),
    (&["one", "i"], &["1"]),
    (&["two", "ii"], &["2"]),
    (&["three", "iii"], &["3"]),
    (&["four", "iv"], &["4"]),
    (&["five"], &["5"]),
    (&["six"], &["6"]),
    (&["seven"], &["7"]),
    (&["eight"], &["8"]),
    (&["nine"], &["9"]),
    (&["ten"], &["10"]),
    (&["first", "1st"], &["1st"]),
    (&["second", "2nd"], &["2nd"]),
];

/// How much a word tells of a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tells {
    /// An article, a legal form: sites are called the same with it and without it.
    Nothing,
    /// The kind of a place: what people write or leave out as they like.
    Kind,
    /// What it is called.
    Name,
}

/// How much a word tells, as [`search_words`] gives it.
pub fn tells(word: &str) -> Tells {
    match word {
        "the" | "and" | "of" | "at" | "in" | "for" | "a" | "an" | "on" | "with" | "ltd" | "uk" | "by"
        | "to" | "head" | "office" | "hq" => Tells::Nothing,
        "care" | "home" | "nursing" | "residential" | "service" | "support" | "supported" | "living"
        | "agency" | "domiciliary" | "centre" | "group" | "retirement" | "rest" | "health" | "community"
        | "nurse" | "carer" | "homecarer" | "provider" | "solution" => Tells::Kind,
        _ => Tells::Name,
    }
}

/// Without the ending that makes it several.
fn singular(word: &str) -> &str {
    match word.as_bytes() {
        [.., b's', b's'] | [.., b'u', b's'] => word,
        [start @ .., b's'] if start.len() >= 3 && word.bytes().any(|letter| letter.is_ascii_alphabetic()) => {
            &word[..word.len() - 1]
        }
        _ => word,
    }
}

/// The words of a text as they are compared: one way of writing each, without plurals, initials as one word, an S
/// that an apostrophe left behind with the word it belongs to.
pub fn search_words(text: &str) -> Vec<String> {
    search_words_as_typed(text).into_iter().map(|(compared, _)| compared).collect()
}

/// A text joined into one word, as it is compared.
pub fn joined(words: &[String]) -> String {
    singular(&words.concat()).to_owned()
}

/// The same as [`search_words`], each beside the word as it was typed.
pub fn search_words_as_typed(text: &str) -> Vec<(String, String)> {
    let mut joined: Vec<String> = Vec::new();
    let mut is_initials = false;
    for word in plain_words(text) {
        let is_letter = word.len() == 1 && !word.as_bytes()[0].is_ascii_digit();
        match joined.last_mut() {
            Some(last) if word == "s" && last.len() >= 3 && !is_initials => last.push('s'),
            Some(last) if is_letter && is_initials => last.push_str(&word),
            Some(_) | None => {
                is_initials = is_letter;
                joined.push(word);
            }
        }
    }
    let mut words = Vec::with_capacity(joined.len());
    for word in joined {
        let known = ALIKE.iter().find(|(written, _)| written.contains(&word.as_str()));
        match known {
            Some((_, [compared])) => words.push(((*compared).to_owned(), word)),
            Some((_, compared)) => {
                words.extend(compared.iter().map(|word| ((*word).to_owned(), (*word).to_owned())));
            }
            None => words.push((singular(&word).to_owned(), word)),
        }
    }
    words
}

/// A code or postcode with the letters and digits that are taken for one another made the same, so that it is found
/// whichever of them was read.
pub fn folded(code: &str) -> String {
    code.bytes()
        .filter(u8::is_ascii_alphanumeric)
        .map(|letter| match letter.to_ascii_uppercase() {
            b'O' | b'Q' => '0',
            b'I' | b'L' => '1',
            b'S' => '5',
            b'B' => '8',
            b'Z' => '2',
            b'G' => '6',
            other => char::from(other),
        })
        .collect()
}
