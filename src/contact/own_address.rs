//! Whether an email address is likely to be read by one person, and by the one who was meant.
//!
//! The link that activates an account goes to a person's own address. Whoever reads an address that is shared,
//! or that was mistyped and is a stranger's, would have the account.

use super::{ARTICLES, Email, GENERIC};

/// Domains that many people have an address at, as their providers write them.
const PROVIDERS: &[&str] = &[
    "aol.co.uk",
    "aol.com",
    "blueyonder.co.uk",
    "btinternet.com",
    "btopenworld.com",
    "doctors.org.uk",
    "gmail.com",
    "gmx.com",
    "gmx.co.uk",
    "googlemail.com",
    "hotmail.co.uk",
    "hotmail.com",
    "icloud.com",
    "live.co.uk",
    "live.com",
    "mac.com",
    "mail.com",
    "me.com",
    "msn.com",
    "nhs.net",
    "nhs.uk",
    "ntlworld.com",
    "outlook.co.uk",
    "outlook.com",
    "proton.me",
    "protonmail.com",
    "rocketmail.com",
    "sky.com",
    "talk21.com",
    "talktalk.net",
    "tiscali.co.uk",
    "virginmedia.com",
    "yahoo.co.uk",
    "yahoo.com",
    "ymail.com",
];

/// Ends of domains that are slips of the keyboard, and what was meant. None of them is a top-level domain
/// (IANA, root zone database), but for `.co` and `.cm`, which are left to the providers above.
const ENDS: &[(&str, &str)] = &[
    (".con", ".com"),
    (".cmo", ".com"),
    (".ocm", ".com"),
    (".comm", ".com"),
    (".vom", ".com"),
    (".xom", ".com"),
    (".cpm", ".com"),
    (".clm", ".com"),
    (".co.ik", ".co.uk"),
    (".co.uj", ".co.uk"),
    (".co.yk", ".co.uk"),
    (".co.ukk", ".co.uk"),
    (".c.uk", ".co.uk"),
    (".cok.uk", ".co.uk"),
    (".ogr.uk", ".org.uk"),
    (".nte", ".net"),
    (".ner", ".net"),
];

/// Words of a mailbox that is read by whoever is there, beside those of [`GENERIC`].
const SHARED: &[&str] = &[
    "accounts",
    "bookings",
    "careers",
    "company",
    "contact",
    "contactus",
    "finance",
    "hello",
    "hr",
    "invoices",
    "jobs",
    "noreply",
    "payroll",
    "post",
    "postmaster",
    "recruitment",
    "referrals",
    "safeguarding",
    "sales",
    "training",
    "webmaster",
];

/// Why an address may not be a person's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// It looks as if several people read it.
    Shared,
    /// It looks like another one with a slip in it.
    Mistyped { meant: Email },
}

impl Doubt {
    /// What to ask.
    pub fn words(&self) -> String {
        match self {
            Doubt::Shared => {
                "This looks like an address that several people read. Enter one that only this person reads, or tick that it is theirs alone".to_owned()
            }
            Doubt::Mistyped { meant } => {
                format!("Check the end of the email address. Did you mean {meant}? If not, tick that it is right as it stands")
            }
        }
    }
}

impl Email {
    /// Whether it is at a domain or below it.
    pub fn is_at(&self, domain: &str) -> bool {
        let own = self.0.rsplit('@').next().unwrap_or("");
        own.eq_ignore_ascii_case(domain)
            || own.strip_suffix(&domain.to_ascii_lowercase()).is_some_and(|before| before.ends_with('.'))
    }

    /// What to ask before an address is taken for a person's own. `site` is the name of their site, and
    /// `of_site` the address that a register has for it.
    pub fn doubt(&self, site: &str, of_site: Option<&Email>) -> Option<Doubt> {
        let (local, domain) = self.0.split_once('@')?;
        if let Some(meant) = meant(domain) {
            return Email::parse(&format!("{local}@{meant}")).ok().map(|meant| Doubt::Mistyped { meant });
        }
        (of_site == Some(self) || is_shared(local, site)).then_some(Doubt::Shared)
    }
}

fn is_shared(local: &str, site: &str) -> bool {
    let local = local.split('+').next().unwrap_or("");
    let plain = |text: &str| -> String {
        any_ascii::any_ascii(text).to_lowercase().chars().filter(char::is_ascii_alphabetic).collect()
    };
    // One letter is an initial: "a.house" may be Amy House.
    let is_article = |word: &str| word.len() > 1 && ARTICLES.contains(&word);
    let is_word = |word: &str| GENERIC.contains(&word) || SHARED.contains(&word) || is_article(word);
    let mut words =
        local.split(|letter: char| !letter.is_ascii_alphabetic()).filter(|word| !word.is_empty()).peekable();
    if words.peek().is_none() {
        return false;
    }
    // "care.manager" is nobody; "amy.manager" may be Amy.
    let of_site: Vec<String> = site.split_whitespace().map(plain).filter(|word| word.len() > 2).collect();
    let all_generic = words.all(|word| is_word(word) || of_site.iter().any(|known| known == word));
    let joined = plain(local);
    let from_site = (2..=of_site.len()).any(|count| of_site[..count].concat() == joined);
    all_generic || from_site || is_joined(&joined, &is_word)
}

/// "carehome", "thenurses": generic words written as one.
fn is_joined(text: &str, is_word: &impl Fn(&str) -> bool) -> bool {
    (3..text.len().saturating_sub(2))
        .filter_map(|place| text.split_at_checked(place))
        .any(|(front, back)| is_word(front) && is_word(back))
}

/// The domain that was meant by one with a slip in it; nothing where it is fine as far as we can know.
fn meant(domain: &str) -> Option<String> {
    if PROVIDERS.contains(&domain) {
        return None;
    }
    let mended =
        ENDS.iter().find_map(|(wrong, right)| Some(format!("{}{right}", domain.strip_suffix(wrong)?)));
    let looked_at = mended.as_deref().unwrap_or(domain);
    if PROVIDERS.contains(&looked_at) {
        return mended;
    }
    let near = PROVIDERS
        .iter()
        .filter(|provider| provider.len() >= 7)
        .map(|provider| (rapidfuzz::distance::osa::distance(looked_at.chars(), provider.chars()), *provider))
        .min()?;
    let slips_max = if near.1.len() >= 9 { 2 } else { 1 };
    (near.0 <= slips_max).then(|| near.1.to_owned()).or(mended)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn email(text: &str) -> Email {
        Email::parse(text).expect("an address")
    }

    #[test]
    fn addresses_at_a_domain_and_below_it_are_its_own() {
        for (address, expect) in [
            ("amy@carepost.example", true),
            ("amy@post.carepost.example", true),
            ("AMY@CAREPOST.EXAMPLE", true),
            ("amy@notcarepost.example", false),
            ("amy@carepost.example.org", false),
        ] {
            assert_eq!(email(address).is_at("Carepost.example"), expect, "{address}");
        }
    }

    #[test]
    fn shared_looking_addresses_ask_again() {
        let of_site = email("rc-lodge@homes.example");
        for shared in [
            "info@home2.example",
            "nurses@post.example",
            "the.office@home2.example",
            "office1@home2.example",
            "care.manager@home2.example",
            "carehome@home2.example",
            "manager+rota@home2.example",
            "rosecourt@post.example",
            "rose-court@home2.example",
            "rosecourtnursinghome@post.example",
            "registered_manager@home2.example",
            "hr@home2.example",
            "rc-lodge@homes.example",
        ] {
            let found = email(shared).doubt("Rose Court Nursing Home", Some(&of_site));
            assert_eq!(found, Some(Doubt::Shared), "{shared}");
        }
        for own in [
            "amy@oakhouse.example",
            "amy.manager@home2.example",
            "rose.tyler@home2.example",
            "p.nurse@home2.example",
            "amyreed1979@post.example",
            "1979@home2.example",
            "a.house@post.example",
            "homer@home2.example",
            "officer.reed@home2.example",
        ] {
            assert_eq!(email(own).doubt("Rose Court Nursing Home", Some(&of_site)), None, "{own}");
        }
    }

    #[test]
    fn mistyped_domains_ask_again() {
        for (typed, expect) in [
            ("gmail.con", "gmail.com"),
            ("gmial.com", "gmail.com"),
            ("gmail.co", "gmail.com"),
            ("gmail.comm", "gmail.com"),
            ("gmaill.com", "gmail.com"),
            ("gnail.com", "gmail.com"),
            ("hotmial.co.uk", "hotmail.co.uk"),
            ("hotmail.co.uj", "hotmail.co.uk"),
            ("outlok.com", "outlook.com"),
            ("outlook.con", "outlook.com"),
            ("yaho.co.uk", "yahoo.co.uk"),
            ("btinternt.com", "btinternet.com"),
            ("iclould.com", "icloud.com"),
            ("nhs.ner", "nhs.net"),
            ("oakhouse.con", "oakhouse.com"),
        ] {
            assert_eq!(meant(typed).as_deref(), Some(expect), "{typed}");
        }
        for fine in PROVIDERS.iter().copied().chain([
            "oakhouse.example",
            "mail.example",
            "oakhouse.co.uk",
            "care.org.uk",
            "hotmail.fr",
            "outlook.de",
            "gmx.de",
            "live.ie",
            "abc.com",
        ]) {
            assert_eq!(meant(fine), None, "{fine}");
        }
        let Some(Doubt::Mistyped { meant }) = email("amy@oakhouse.con").doubt("", None) else { panic!() };
        assert_eq!(meant.as_str(), "amy@oakhouse.com");
    }
}
