//! The pages that are asked, in order, derived from the answers and stored nowhere.
//!
//! [`route`] walks from the first question and stops at the first that has no answer. Back links,
//! change links and the refusal to skip ahead all come from that one walk.

use super::answers::{Answers, ProofWay, Sites, Way};

/// A page of the registration, with its address under `/register/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Page {
    SocialCare,
    CqcRegistered,
    Hospice,
    Sites,
    Way,
    HasAccount,
    Email,
    EmailCode,
    FindSite,
    ConfirmSite,
    Dspt,
    Proof,
    ContactId,
    SiteCode,
    CallBack,
    Town,
    People,
    CheckAnswers,
    NotSocialCare,
    NotCqcRegistered,
    IsHospice,
    SelfManagement,
    Recovery,
}

/// Every page, for tests and for the table of routes.
pub const PAGES: [Page; 23] = [
    Page::SocialCare,
    Page::CqcRegistered,
    Page::Hospice,
    Page::Sites,
    Page::Way,
    Page::HasAccount,
    Page::Email,
    Page::EmailCode,
    Page::FindSite,
    Page::ConfirmSite,
    Page::Dspt,
    Page::Proof,
    Page::ContactId,
    Page::SiteCode,
    Page::CallBack,
    Page::Town,
    Page::People,
    Page::CheckAnswers,
    Page::NotSocialCare,
    Page::NotCqcRegistered,
    Page::IsHospice,
    Page::SelfManagement,
    Page::Recovery,
];

impl Page {
    pub fn slug(self) -> &'static str {
        match self {
            Page::SocialCare => "social-care",
            Page::CqcRegistered => "cqc-registered",
            Page::Hospice => "hospice",
            Page::Sites => "how-many-sites",
            Page::Way => "which-way",
            Page::HasAccount => "existing-account",
            Page::Email => "your-email",
            Page::EmailCode => "email-code",
            Page::FindSite => "find-your-site",
            Page::ConfirmSite => "confirm-your-site",
            Page::Dspt => "dspt",
            Page::Proof => "prove-your-authority",
            Page::ContactId => "contact-id",
            Page::SiteCode => "site-code",
            Page::CallBack => "call-back",
            Page::Town => "town",
            Page::People => "people",
            Page::CheckAnswers => "check-your-answers",
            Page::NotSocialCare => "not-social-care",
            Page::NotCqcRegistered => "not-cqc-registered",
            Page::IsHospice => "hospice-query",
            Page::SelfManagement => "self-management",
            Page::Recovery => "recover-your-account",
        }
    }

    pub fn from_slug(slug: &str) -> Option<Self> {
        PAGES.into_iter().find(|page| page.slug() == slug)
    }

    pub fn path(self) -> String {
        format!("/register/{}", self.slug())
    }

    /// Whether the journey ends here without a registration; such a page says where to go instead.
    pub fn is_exit(self) -> bool {
        match self {
            Page::NotSocialCare
            | Page::NotCqcRegistered
            | Page::IsHospice
            | Page::SelfManagement
            | Page::Recovery => true,
            Page::SocialCare
            | Page::CqcRegistered
            | Page::Hospice
            | Page::Sites
            | Page::Way
            | Page::HasAccount
            | Page::Email
            | Page::EmailCode
            | Page::FindSite
            | Page::ConfirmSite
            | Page::Dspt
            | Page::Proof
            | Page::ContactId
            | Page::SiteCode
            | Page::CallBack
            | Page::Town
            | Page::People
            | Page::CheckAnswers => false,
        }
    }
}

/// The page after this one; `None` while this one has no answer, and after the last.
fn following(page: Page, answers: &Answers) -> Option<Page> {
    let when = |answer: Option<bool>, yes: Page, no: Page| answer.map(|answer| if answer { yes } else { no });
    match page {
        Page::SocialCare => when(answers.social_care, Page::CqcRegistered, Page::NotSocialCare),
        Page::CqcRegistered => when(answers.cqc_registered, Page::Hospice, Page::NotCqcRegistered),
        Page::Hospice => when(answers.hospice, Page::IsHospice, Page::Sites),
        Page::Sites => answers.sites.map(|sites| match sites {
            Sites::One => Page::HasAccount,
            Sites::Several => Page::Way,
        }),
        Page::Way => answers.way.map(|way| match way {
            Way::EachSiteHere => Page::HasAccount,
            Way::SelfManagement => Page::SelfManagement,
        }),
        Page::HasAccount => when(answers.has_account, Page::Recovery, Page::Email),
        Page::Email => answers.email.as_ref().map(|_| Page::EmailCode),
        Page::EmailCode => answers.email_confirmed.then_some(Page::FindSite),
        Page::FindSite => answers.site.as_ref().map(|_| Page::ConfirmSite),
        Page::ConfirmSite => answers.site_confirmed.then_some(Page::Dspt),
        Page::Dspt => answers.dspt.as_ref().map(|_| Page::Proof),
        Page::Proof => answers.proof_way.map(|way| match way {
            ProofWay::ContactId => Page::ContactId,
            ProofWay::EmailedCode => Page::SiteCode,
            ProofWay::CallBack => Page::CallBack,
        }),
        Page::ContactId | Page::SiteCode | Page::CallBack => answers.proof_of_site().map(|_| Page::Town),
        Page::Town => answers.town.as_ref().map(|_| Page::People),
        Page::People => answers.people_done.then_some(Page::CheckAnswers),
        Page::CheckAnswers
        | Page::NotSocialCare
        | Page::NotCqcRegistered
        | Page::IsHospice
        | Page::SelfManagement
        | Page::Recovery => None,
    }
}

/// The pages in the order in which they are asked, up to and with the first that has no answer.
pub fn route(answers: &Answers) -> Vec<Page> {
    let mut pages = vec![Page::SocialCare];
    let mut page = Page::SocialCare;
    while let Some(next) = following(page, answers) {
        pages.push(next);
        page = next;
    }
    pages
}

/// Where to go on.
pub fn next(answers: &Answers) -> Page {
    route(answers).pop().unwrap_or(Page::SocialCare)
}

/// Where to go after answering `page`: the one after it, or check-your-answers where everything has
/// been answered already.
pub fn after(answers: &Answers, page: Page) -> Page {
    let last = next(answers);
    if last == Page::CheckAnswers { last } else { following(page, answers).unwrap_or(last) }
}

/// Whether somebody may open a page: only what has been asked, or is being asked.
pub fn can_visit(answers: &Answers, page: Page) -> bool {
    route(answers).contains(&page)
}

/// Where the back link of a page leads: the page before it, or the start.
pub fn back(answers: &Answers, page: Page) -> Option<Page> {
    let route = route(answers);
    let place = route.iter().position(|known| *known == page)?;
    // A code that was right is not asked again on the way back.
    route[..place].iter().rev().copied().find(|page| *page != Page::EmailCode)
}

/// Whether everything has been answered.
pub fn is_complete(answers: &Answers) -> bool {
    next(answers) == Page::CheckAnswers
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::registration::answers::*;
    use proptest::prelude::*;

    /// Answers to everything, for tests that change one.
    pub fn complete() -> Answers {
        let person = |first: &str, number: u32, access| Person {
            first_name: crate::contact::Name::parse(first, "first name").expect("a name"),
            last_name: crate::contact::Name::parse("Reed", "last name").expect("a name"),
            role: "Manager".to_owned(),
            email: crate::contact::Email::parse(&format!("{first}@oakhouse.example")).expect("an address"),
            mobile: crate::contact::Mobile::parse(&format!("07700900{number:03}")).expect("a mobile"),
            access,
            has_account: None,
        };
        Answers {
            social_care: Some(true),
            cqc_registered: Some(true),
            hospice: Some(false),
            sites: Some(Sites::One),
            way: None,
            has_account: Some(false),
            email: crate::contact::Email::parse("amy@oakhouse.example").ok(),
            email_confirmed: true,
            site: Some(SiteAnswer {
                ods_code: "VM195".to_owned(),
                cqc_location_id: "1-123456789".to_owned(),
                name: "Oak House".to_owned(),
                address: "1 High Street".to_owned(),
                town: "Oldham".to_owned(),
                postcode: "OL1 1AA".to_owned(),
                provider_name: "Oak Care Limited".to_owned(),
                typed: false,
            }),
            site_confirmed: true,
            dspt: Some(DsptAnswer { words: "Standards Met, 2025 to 2026".to_owned(), by_hq: false }),
            proof_way: Some(ProofWay::ContactId),
            proof: Some(Proof::ContactId {
                location: "1-123456789".to_owned(),
                hash: "hash".to_owned(),
                at: crate::clock::Timestamp::from_milliseconds(0),
            }),
            town: Some("Oldham".to_owned()),
            people: vec![person("Amy", 1, AskedAccess::Owner), person("Bo", 2, AskedAccess::Member)],
            people_done: true,
        }
    }

    #[test]
    fn the_usual_journey_asks_everything_once() {
        use Page::{
            CheckAnswers, ConfirmSite, ContactId, CqcRegistered, Dspt, Email, EmailCode, FindSite,
            HasAccount, Hospice, People, Proof, Sites, SocialCare, Town,
        };
        assert_eq!(
            route(&complete()),
            [
                SocialCare,
                CqcRegistered,
                Hospice,
                Sites,
                HasAccount,
                Email,
                EmailCode,
                FindSite,
                ConfirmSite,
                Dspt,
                Proof,
                ContactId,
                Town,
                People,
                CheckAnswers
            ]
        );
        assert_eq!(route(&Answers::default()), [SocialCare]);
        assert_eq!(back(&complete(), FindSite), Some(Email));
        assert_eq!(back(&complete(), SocialCare), None);
    }

    #[test]
    fn each_no_has_its_own_way_out() {
        let check = |change: fn(&mut Answers), expect: Page| {
            let mut answers = complete();
            change(&mut answers);
            assert_eq!(next(&answers), expect);
            assert!(expect.is_exit());
            assert!(!can_visit(&answers, Page::CheckAnswers));
            assert!(back(&answers, expect).is_some(), "one can go back from {expect:?}");
        };
        check(|answers| answers.social_care = Some(false), Page::NotSocialCare);
        check(|answers| answers.cqc_registered = Some(false), Page::NotCqcRegistered);
        check(|answers| answers.hospice = Some(true), Page::IsHospice);
        check(|answers| answers.has_account = Some(true), Page::Recovery);
        check(
            |answers| {
                answers.sites = Some(Sites::Several);
                answers.way = Some(Way::SelfManagement)
            },
            Page::SelfManagement,
        );
    }

    #[test]
    fn choosing_another_site_takes_back_what_was_said_of_the_first() {
        let mut answers = complete();
        let mut site = answers.site.clone().expect("a site");
        answers.choose_site(site.clone());
        assert!(is_complete(&answers), "choosing the same site changes nothing");
        site.ods_code = "VL999".to_owned();
        answers.choose_site(site);
        assert_eq!(next(&answers), Page::ConfirmSite);
        assert_eq!((answers.dspt, answers.proof, answers.town), (None, None, None));
    }

    #[test]
    fn a_change_goes_back_to_the_check_page_when_nothing_is_missing() {
        let mut answers = complete();
        assert_eq!(after(&answers, Page::Town), Page::CheckAnswers);
        answers.choose_proof(ProofWay::CallBack);
        assert_eq!(after(&answers, Page::Proof), Page::CallBack);
    }

    proptest! {
        /// No answers lead to a page that cannot be left, or can be reached twice, or skipped to.
        #[test]
        fn every_journey_ends_somewhere_useful(
            flags in proptest::collection::vec(proptest::option::of(any::<bool>()), 5),
            several in proptest::option::of(any::<bool>()),
            self_managed in proptest::option::of(any::<bool>()),
            given in proptest::collection::vec(any::<bool>(), 9),
            way in 0..4_usize,
        ) {
            let full = complete();
            let answers = Answers {
                social_care: flags[0],
                cqc_registered: flags[1],
                hospice: flags[2],
                has_account: flags[3],
                sites: several.map(|several| if several { Sites::Several } else { Sites::One }),
                way: self_managed.map(|own| if own { Way::SelfManagement } else { Way::EachSiteHere }),
                email: full.email.filter(|_| given[0]),
                email_confirmed: given[1],
                site: full.site.filter(|_| given[2]),
                site_confirmed: given[3],
                dspt: full.dspt.filter(|_| given[4]),
                proof_way: [None, Some(ProofWay::ContactId), Some(ProofWay::EmailedCode), Some(ProofWay::CallBack)][way],
                proof: full.proof.filter(|_| given[5]),
                town: full.town.filter(|_| given[6]),
                people: if given[7] { full.people } else { Vec::new() },
                people_done: given[8],
            };
            let pages = route(&answers);
            let mut seen = pages.clone();
            seen.sort();
            seen.dedup();
            prop_assert_eq!(seen.len(), pages.len(), "no page twice");
            let last = next(&answers);
            prop_assert!(last.is_exit() || following(last, &answers).is_none());
            for page in PAGES {
                prop_assert_eq!(can_visit(&answers, page), pages.contains(&page));
                prop_assert_eq!(Page::from_slug(page.slug()), Some(page));
            }
            for page in &pages {
                prop_assert!(*page == Page::SocialCare || back(&answers, *page).is_some());
            }
            if is_complete(&answers) {
                prop_assert!(answers.site_confirmed && answers.proof.is_some() && answers.email_confirmed);
            }
        }
    }
}
