//! Addresses: what stands before the @, and the names shown beside it.
//!
//! A local part is ASCII by construction, so no letter of another alphabet can stand in for one of
//! ours. A person's is `firstname.lastname`, with a number from 1 after a name that was ever taken;
//! a shared mailbox's is `care.` and the site's ODS code.

use crate::contact::Name;

/// Longest local part (RFC 5321, section 4.5.3.1.1).
pub const LOCAL_PART_MAX: usize = 64;
/// Longest local part without its number: leaves room for six digits.
pub const STEM_MAX: usize = 58;
/// Longest display name, in characters: the national directory asks for under 250.
pub const DISPLAY_NAME_MAX: usize = 249;

/// What shared mailboxes begin with; nobody's own address may.
const SHARED_MAILBOX_PREFIX: &str = "care.";

/// Local parts that speak for a service and not for a person (RFC 2142, and what phishers like to
/// be called). Compared without dots and hyphens, so that "help.desk" counts as "helpdesk".
const ROLES: &[&str] = &[
    "abuse",
    "account",
    "accounts",
    "admin",
    "administrator",
    "administration",
    "alert",
    "alerts",
    "all",
    "allstaff",
    "billing",
    "care",
    "carepost",
    "contact",
    "contactus",
    "donotreply",
    "dpo",
    "enquiries",
    "everyone",
    "feedback",
    "ftp",
    "help",
    "helpdesk",
    "hostmaster",
    "info",
    "information",
    "ithelpdesk",
    "itsupport",
    "listserv",
    "localadministrator",
    "mail",
    "mailadmin",
    "mailerdaemon",
    "mailmaster",
    "marketing",
    "news",
    "nhs",
    "nhsmail",
    "nobody",
    "noc",
    "noreply",
    "notification",
    "notifications",
    "office",
    "operator",
    "payroll",
    "person",
    "postmaster",
    "privacy",
    "registration",
    "registrations",
    "root",
    "sales",
    "security",
    "service",
    "servicedesk",
    "spam",
    "staff",
    "support",
    "sysadmin",
    "system",
    "test",
    "usenet",
    "uucp",
    "webmaster",
    "www",
];

/// The one written form of an address; two addresses are the same when these are.
///
/// Only ASCII letters are lowered: folding the letters of other alphabets would make a look-alike
/// equal to what it imitates (the Kelvin sign to `k`), and mail would go to the wrong person.
pub fn canonical(text: &str) -> String {
    text.trim().to_ascii_lowercase()
}

/// Whether a stem is a site's and no person's.
pub fn is_shared_mailbox_stem(stem: &str) -> bool {
    stem.starts_with(SHARED_MAILBOX_PREFIX)
}

/// What stands before the @ of a person's address, before a number is added.
pub fn stem(first: &Name, last: &Name) -> String {
    stem_of(first.as_str(), last.as_str())
}

fn stem_of(first: &str, last: &str) -> String {
    let (mut first, mut last) = (part(first), part(last));
    if first.len() + last.len() + 1 > STEM_MAX {
        // The shorter of the two stays whole where it can.
        last.truncate(STEM_MAX.saturating_sub(first.len() + 1).max(STEM_MAX / 2));
        first.truncate(STEM_MAX - 1 - last.len());
    }
    let (first, last) = (trimmed(&first), trimmed(&last));
    let joined = |one: &str, two: &str| match (one, two) {
        ("", "") => "person".to_owned(),
        ("", only) | (only, "") => only.to_owned(),
        (one, two) => format!("{one}.{two}"),
    };
    [joined(first, last), joined(last, first)].into_iter().find(|stem| !is_reserved(stem)).unwrap_or_else(
        || {
            let all: String = format!("person.{}", joined(first, last).replace('.', "-"));
            trimmed(&all[..all.len().min(STEM_MAX)]).to_owned()
        },
    )
}

/// One name in plain letters: spaces become hyphens, apostrophes and full stops go.
fn part(name: &str) -> String {
    let mut plain = String::new();
    for letter in any_ascii::any_ascii(name).chars() {
        if letter.is_ascii_alphanumeric() {
            plain.push(letter.to_ascii_lowercase());
        } else if (letter == '-' || letter.is_whitespace()) && !plain.is_empty() && !plain.ends_with('-') {
            plain.push('-');
        }
    }
    plain
}

/// Without hyphens at the ends, and without digits at the end, where the number goes.
fn trimmed(text: &str) -> &str {
    text.trim_start_matches('-').trim_end_matches(|letter: char| letter == '-' || letter.is_ascii_digit())
}

/// Whether a local part speaks for a service or a shared mailbox and may not name a person.
pub fn is_reserved(local_part: &str) -> bool {
    let letters: String = local_part.chars().filter(char::is_ascii_lowercase).collect();
    local_part.starts_with(SHARED_MAILBOX_PREFIX) || ROLES.contains(&letters.as_str())
}

/// An address of a person: the stem, its number where it has one, and the domain.
pub fn of_person(stem: &str, number: i64, domain: &str) -> String {
    if number == 0 {
        canonical(&format!("{stem}@{domain}"))
    } else {
        canonical(&format!("{stem}{number}@{domain}"))
    }
}

/// What stands before the @ of a site's shared mailbox.
pub fn shared_mailbox_stem(ods_code: &str) -> String {
    let code: String = ods_code.chars().filter(char::is_ascii_alphanumeric).collect();
    canonical(&format!("{SHARED_MAILBOX_PREFIX}{code}"))
}

/// The name shown for a shared mailbox: `Care.VM195 (Rose Court, Lincoln)`.
pub fn shared_mailbox_display_name(ods_code: &str, site_name: &str, town: &str) -> String {
    with_place(&format!("Care.{}", shown(ods_code).to_uppercase()), site_name, town)
}

/// The name shown for a person: `Asha Patel (Rose Court, Lincoln)`, so that two people of one name
/// are told apart by where they work.
pub fn person_display_name(first: &Name, last: &Name, site_name: &str, town: &str) -> String {
    with_place(&shown(&format!("{first} {last}")), site_name, town)
}

fn with_place(name: &str, site_name: &str, town: &str) -> String {
    let (site_name, town) = (shown(site_name), shown(town));
    // Of a name that is too long, the site's own name is cut: who and where must stay.
    let room = DISPLAY_NAME_MAX
        .saturating_sub(name.chars().count() + town.chars().count() + " (, )".chars().count());
    let site_name: String = site_name.chars().take(room).collect();
    let whole = format!("{name} ({}, {town})", site_name.trim_end());
    whole.chars().take(DISPLAY_NAME_MAX).collect()
}

/// Text with only what a display name may hold: letters, digits, spaces, apostrophes and
/// `- , ; . ( ) & [ ]`.
fn shown(text: &str) -> String {
    let kept: String = text
        .chars()
        .map(|letter| match letter {
            '’' | '‘' | 'ʼ' | '`' => '\'',
            '–' | '—' | '‐' => '-',
            letter if letter.is_alphanumeric() || " '-,;.()&[]".contains(letter) => letter,
            _ => ' ',
        })
        .collect();
    kept.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether two names could be taken for one another at a glance: the same to the eye, or at most two
/// letters apart. For warning a case worker, not for refusing.
pub fn look_alike(one: &str, two: &str) -> bool {
    // Two letters of a very short name are most of it.
    let letters = |text: &str| text.chars().filter(|letter| letter.is_alphanumeric()).count();
    let apart_max = if letters(one).min(letters(two)) <= 4 { 1 } else { 2 };
    let (one, two) = (skeleton(one), skeleton(two));
    letters_apart(one.as_bytes(), two.as_bytes()) <= apart_max
}

/// A name as the eye takes it in: plain letters, with those that look alike made one.
fn skeleton(text: &str) -> String {
    let plain: String = any_ascii::any_ascii(text)
        .to_ascii_lowercase()
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|letter| match letter {
            '0' => 'o',
            '1' | 'i' => 'l',
            '5' => 's',
            '8' => 'b',
            '2' => 'z',
            'u' => 'v',
            other => other,
        })
        .collect();
    plain.replace("rn", "m").replace("vv", "w").replace("cl", "d")
}

/// How many letters must be added, taken away, changed or swapped with the next to make one text
/// the other.
fn letters_apart(one: &[u8], two: &[u8]) -> usize {
    let width = two.len() + 1;
    let mut rows: Vec<Vec<usize>> = vec![(0..width).collect()];
    for (i, a) in one.iter().enumerate() {
        let mut row = vec![i + 1; width];
        for (j, b) in two.iter().enumerate() {
            let changed = rows[i][j] + usize::from(a != b);
            let mut fewest = changed.min(rows[i][j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *a == two[j - 1] && one[i - 1] == *b {
                fewest = fewest.min(rows[i - 1][j - 1] + 1);
            }
            row[j + 1] = fewest;
        }
        rows.push(row);
    }
    rows[one.len()][two.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn people_are_called_by_their_names_in_plain_letters() {
        let check = |first: &str, last: &str, expect: &str| {
            let name = |text: &str| Name::parse(text, "name").expect(text);
            assert_eq!(stem(&name(first), &name(last)), expect);
        };
        check("Asha", "Patel", "asha.patel");
        check("Seán", "O'Brien", "sean.obrien");
        check("Mary Jane", "Smith-Jones", "mary-jane.smith-jones");
        check("Zoë", "van der Berg", "zoe.van-der-berg");
        check("Þór", "Müller", "thor.muller");
        check("Łukasz", "St. John", "lukasz.st-john");
        check("Jos\u{65}\u{301}", "Núñez", "jose.nunez");
        check("X", "Ng", "x.ng");
        check("Ольга", "李", "olga.li");
        check("-Ann-", "Lee", "ann.lee");
        check("Care", "Jones", "jones.care");
        check("Post", "Master", "master.post");
        check("Help", "Desk", "desk.help");
        check(&"a".repeat(60), "Li", &format!("{}.li", "a".repeat(55)));
        check("Jo", &"b".repeat(60), &format!("jo.{}", "b".repeat(55)));
        check(&"a".repeat(60), &"b".repeat(60), &format!("{}.{}", "a".repeat(28), "b".repeat(29)));
    }

    #[test]
    fn nobody_is_given_an_address_that_speaks_for_a_service() {
        for local_part in
            ["postmaster", "abuse", "helpdesk", "help-desk", "admin", "no-reply", "care.vm195", "care.home"]
        {
            assert!(is_reserved(local_part), "{local_part}");
        }
        for local_part in ["asha.patel", "admin.patel", "carey.jones", "bill.care"] {
            assert!(!is_reserved(local_part), "{local_part}");
        }
        for name in ["admin", "root", "care", "", "!"] {
            assert!(!is_reserved(&stem_of(name, "")), "{name}: {}", stem_of(name, ""));
            assert!(!is_reserved(&stem_of("", name)), "{name}: {}", stem_of("", name));
        }
        assert_eq!(stem_of("care", "care"), "person.care-care");
    }

    #[test]
    fn a_shared_mailbox_is_called_by_its_site() {
        assert_eq!(shared_mailbox_stem("VM195"), "care.vm195");
        assert_eq!(
            shared_mailbox_display_name("VM195", "Rose Court", "Lincoln"),
            "Care.VM195 (Rose Court, Lincoln)"
        );
        assert_eq!(
            shared_mailbox_display_name("vm195", "St. Mary’s <House> / Annexe", "Ross-on-Wye"),
            "Care.VM195 (St. Mary's House Annexe, Ross-on-Wye)"
        );
        let long = shared_mailbox_display_name("VM195", &"Rose ".repeat(100), "Lincoln");
        assert!(long.chars().count() > DISPLAY_NAME_MAX - 6, "{long}");
        assert!(long.ends_with(", Lincoln)"), "{long}");
        let name = |text: &str| Name::parse(text, "name").expect(text);
        assert_eq!(
            person_display_name(&name("Seán"), &name("O’Brien"), "Rose Court", "Lincoln"),
            "Seán O'Brien (Rose Court, Lincoln)"
        );
    }

    #[test]
    fn names_that_look_alike_are_noticed() {
        let check = |one: &str, two: &str, expect: bool| {
            assert_eq!(look_alike(one, two), expect, "{one} / {two}");
            assert_eq!(look_alike(two, one), expect, "{two} / {one}");
        };
        check("Rose Court", "Rose Court", true);
        check("Rose Court", "Rose Coutr", true);
        check("Rose Court", "Rosecourt", true);
        check("Rose Court", "R0se C0urt", true);
        check("Fernhill", "Femhill", true);
        check("Rose Court", "Rоse Cоurt", true);
        check("asha.patel", "asha.patle", true);
        check("Rose Court", "Oak House", false);
        check("Ann Lee", "Bob Ray", false);
        check("Ng", "Li", false);
        check("Li", "Lo", true);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn whatever_the_name_the_local_part_is_plain_bounded_and_stable(first in "\\PC{0,80}", last in "\\PC{0,80}") {
            let stem = stem_of(&first, &last);
            prop_assert!(!stem.is_empty() && stem.len() <= STEM_MAX, "{}", stem);
            prop_assert!(stem.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte)), "{}", stem);
            prop_assert!(stem.bytes().any(|byte| byte.is_ascii_lowercase()), "{}", stem);
            prop_assert!(!stem.starts_with(['.', '-']) && !stem.ends_with(['.', '-']) && !stem.contains(".."), "{}", stem);
            prop_assert!(!stem.ends_with(|letter: char| letter.is_ascii_digit()), "{}", stem);
            prop_assert!(!is_reserved(&stem), "{}", stem);
            prop_assert_eq!(&stem_of(&first, &last), &stem);
            let address = of_person(&stem, 999_999, "carepost.example");
            prop_assert_eq!(&canonical(&address), &address);
            prop_assert!(address.split('@').next().is_some_and(|local| local.len() <= LOCAL_PART_MAX));
            prop_assert!(address.parse::<lettre::Address>().is_ok(), "{}", address);
        }

        #[test]
        fn different_numbers_give_different_addresses(first in "[a-zA-Z0-9 '-]{1,20}", last in "[a-zA-Z0-9 '-]{1,20}", one in 0_i64..2_000, two in 0_i64..2_000) {
            let stem = stem_of(&first, &last);
            prop_assert_eq!(one == two, of_person(&stem, one, "x.example") == of_person(&stem, two, "x.example"));
        }

        #[test]
        fn the_canonical_form_is_its_own(text in "\\PC{0,40}") {
            prop_assert_eq!(canonical(&canonical(&text)), canonical(&text));
        }

        #[test]
        fn a_display_name_holds_nothing_it_must_not(name in "\\PC{0,400}", town in "\\PC{0,40}") {
            let shown = shared_mailbox_display_name("VM195", &name, &town);
            prop_assert!(shown.chars().count() <= DISPLAY_NAME_MAX);
            prop_assert!(shown.chars().all(|letter| letter.is_alphanumeric() || " '-,;.()&[]".contains(letter)), "{}", shown);
        }

        #[test]
        fn one_slip_of_the_finger_is_always_noticed(name in "[a-z]{5,20}", place in 0_usize..20, letter in "[a-z]") {
            let place = place % name.len();
            let mut slipped = name.clone();
            slipped.replace_range(place..=place, &letter);
            prop_assert!(look_alike(&name, &slipped), "{} / {}", name, slipped);
        }
    }
}
