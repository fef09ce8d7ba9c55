//! One answer of a registrant, and how it is laid over what was said before.

use super::Refusal;
use super::answers::{Answers, DsptAnswer, PeopleBounds, Person, Proof, ProofWay, SiteAnswer, Sites, Way};
use super::journey::{self, Page};
use crate::contact::Name;

/// An answer that stands by itself. An address that was confirmed and authority that was proved are no
/// answers: moves of their own save them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OneAnswer {
    SocialCare(bool),
    CqcRegistered(bool),
    Hospice(bool),
    Sites(Sites),
    Way(Way),
    HasAccount(bool),
    /// The site that was chosen, as the registers give it.
    Site(SiteAnswer),
    /// The site that was looked for has accounts, whatever was said before.
    SiteHasAccounts,
    /// Whether the site that was shown is theirs; where it is not, another is looked for.
    RightSite(bool),
    /// What the DSPT look-up showed, seen and agreed to.
    Dspt(DsptAnswer),
    ProofWay(ProofWay),
    /// Whom to ask for at the number CQC publishes.
    CallBack {
        ask_for: Name,
        when: String,
        telephone: String,
    },
    Town(String),
    /// A person as they are to stand in the list; `was` is the one they take the place of.
    Person {
        was: Option<Person>,
        person: Person,
    },
    RemovePerson(Person),
    /// Everybody has been named.
    PeopleDone,
}

impl OneAnswer {
    /// The page that asks.
    pub fn page(&self) -> Page {
        match self {
            OneAnswer::SocialCare(_) => Page::SocialCare,
            OneAnswer::CqcRegistered(_) => Page::CqcRegistered,
            OneAnswer::Hospice(_) => Page::Hospice,
            OneAnswer::Sites(_) => Page::Sites,
            OneAnswer::Way(_) => Page::Way,
            OneAnswer::HasAccount(_) => Page::HasAccount,
            OneAnswer::Site(_) | OneAnswer::SiteHasAccounts => Page::FindSite,
            OneAnswer::RightSite(_) => Page::ConfirmSite,
            OneAnswer::Dspt(_) => Page::Dspt,
            OneAnswer::ProofWay(_) => Page::Proof,
            OneAnswer::CallBack { .. } => Page::CallBack,
            OneAnswer::Town(_) => Page::Town,
            OneAnswer::Person { .. } | OneAnswer::RemovePerson(_) | OneAnswer::PeopleDone => Page::People,
        }
    }
}

impl Answers {
    /// Lays an answer over what was said before. The same answer twice is the answer once.
    ///
    /// # Errors
    /// [`Refusal::NotAskedYet`] with the page to go on with, [`Refusal::Answer`] where it cannot stand
    /// beside the others.
    pub fn lay(&mut self, answer: OneAnswer, bounds: PeopleBounds) -> Result<(), Refusal> {
        if !journey::can_visit(self, answer.page()) {
            return Err(Refusal::NotAskedYet(journey::next(self)));
        }
        match answer {
            OneAnswer::SocialCare(yes) => self.social_care = Some(yes),
            OneAnswer::CqcRegistered(yes) => self.cqc_registered = Some(yes),
            OneAnswer::Hospice(yes) => self.hospice = Some(yes),
            OneAnswer::Sites(sites) => self.sites = Some(sites),
            OneAnswer::Way(way) => self.way = Some(way),
            OneAnswer::HasAccount(yes) => self.has_account = Some(yes),
            OneAnswer::Site(site) => self.choose_site(site),
            OneAnswer::SiteHasAccounts => self.has_account = Some(true),
            OneAnswer::RightSite(true) => self.site_confirmed = true,
            OneAnswer::RightSite(false) => {
                self.site = None;
                self.site_confirmed = false;
                self.dspt = None;
                self.proof = None;
                self.proof_way = None;
            }
            OneAnswer::Dspt(dspt) => self.dspt = Some(dspt),
            OneAnswer::ProofWay(way) => self.choose_proof(way),
            OneAnswer::CallBack { ask_for, when, telephone } => {
                let location =
                    self.site.as_ref().map_or_else(String::new, |site| site.cqc_location_id.clone());
                self.proof = Some(Proof::CallBack { location, ask_for, when, telephone });
            }
            OneAnswer::Town(town) => self.town = Some(town),
            OneAnswer::Person { was, person } => self.name_person(was.as_ref(), person, bounds)?,
            OneAnswer::RemovePerson(gone) => {
                // By who they are and not by place: a second click must not remove the next one.
                self.people.retain(|person| *person != gone);
                self.people_done = false;
            }
            OneAnswer::PeopleDone => match self.people_problem(bounds) {
                None => self.people_done = true,
                Some(words) => return Err(Refusal::Answer { field: "add", words }),
            },
        }
        Ok(())
    }

    /// Puts a person in the place of another, or at the end. Somebody who was named in another window
    /// meanwhile is not lost.
    fn name_person(
        &mut self,
        was: Option<&Person>,
        person: Person,
        bounds: PeopleBounds,
    ) -> Result<(), Refusal> {
        if self.people.contains(&person) {
            return Ok(());
        }
        let place = was.and_then(|was| self.people.iter().position(|known| known == was));
        let repeats = self.repeats(place.unwrap_or(usize::MAX), &person.email, &person.mobile);
        if let Some((field, words)) = repeats.into_iter().next() {
            return Err(Refusal::Answer { field, words });
        }
        match place {
            Some(place) => self.people[place] = person,
            None if self.people.len() < bounds.max => self.people.push(person),
            None => {
                let words = format!("A site can have {} people", bounds.max);
                return Err(Refusal::Answer { field: "first_name", words });
            }
        }
        self.people_done = false;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contact::{Email, Mobile};
    use crate::registration::journey::tests::complete;

    const BOUNDS: PeopleBounds = PeopleBounds { min: 2, max: 3 };

    #[test]
    fn answers_are_laid_only_where_the_journey_has_come() {
        let mut answers = Answers::default();
        let early = answers.lay(OneAnswer::Town("Oldham".to_owned()), BOUNDS);
        assert_eq!(early, Err(Refusal::NotAskedYet(Page::SocialCare)));
        assert_eq!(answers.lay(OneAnswer::SocialCare(true), BOUNDS), Ok(()));
        assert_eq!(journey::next(&answers), Page::CqcRegistered);
    }

    #[test]
    fn answers_to_another_site_are_forgotten_with_the_site() {
        let mut answers = complete();
        answers.lay(OneAnswer::RightSite(false), BOUNDS).expect("laid");
        assert_eq!(journey::next(&answers), Page::FindSite);
        assert_eq!((answers.dspt, answers.proof, answers.proof_way), (None, None, None));
    }

    /// A third person.
    fn cleo() -> Person {
        Person {
            email: Email::parse("cleo@oakhouse.example").expect("an address"),
            mobile: Mobile::parse("07700900003").expect("a mobile"),
            ..complete().people[0].clone()
        }
    }

    #[test]
    fn people_named_in_two_windows_are_both_kept_and_a_second_click_names_nobody_twice() {
        let mut answers = complete();
        answers.people.truncate(1);
        // Both windows saw one person and name the second.
        let bo = complete().people[1].clone();
        for person in [bo.clone(), cleo(), cleo()] {
            answers.lay(OneAnswer::Person { was: None, person }, BOUNDS).expect("named");
        }
        assert_eq!(answers.people, [complete().people[0].clone(), bo, cleo()]);
        assert!(!answers.people_done);
    }

    #[test]
    fn people_are_changed_removed_and_bounded_by_who_they_are() {
        let mut answers = complete();
        let (amy, bo) = (answers.people[0].clone(), answers.people[1].clone());
        let change = |answers: &mut Answers, was: &Person, person: Person| {
            answers.lay(OneAnswer::Person { was: Some(was.clone()), person }, BOUNDS)
        };
        let renamed = Person { role: "Deputy".to_owned(), ..bo.clone() };
        assert_eq!(change(&mut answers, &bo, renamed.clone()), Ok(()));
        assert_eq!(answers.people, [amy.clone(), renamed.clone()]);
        let same_mobile = Person { mobile: amy.mobile.clone(), ..renamed.clone() };
        let refused = change(&mut answers, &renamed, same_mobile).expect_err("refused");
        assert!(matches!(refused, Refusal::Answer { field: "mobile", .. }), "{refused:?}");

        answers.lay(OneAnswer::RemovePerson(renamed.clone()), BOUNDS).expect("removed");
        answers.lay(OneAnswer::RemovePerson(renamed), BOUNDS).expect("removed before");
        assert_eq!(answers.people, [amy]);
        let few = answers.lay(OneAnswer::PeopleDone, BOUNDS).expect_err("too few");
        assert!(matches!(few, Refusal::Answer { field: "add", .. }), "{few:?}");

        let more = |number: u32| Person {
            email: Email::parse(&format!("p{number}@oakhouse.example")).expect("an address"),
            mobile: Mobile::parse(&format!("077009001{number:02}")).expect("a mobile"),
            ..cleo()
        };
        for number in [1, 2] {
            answers.lay(OneAnswer::Person { was: None, person: more(number) }, BOUNDS).expect("named");
        }
        let many = answers.lay(OneAnswer::Person { was: None, person: more(3) }, BOUNDS);
        assert!(matches!(many, Err(Refusal::Answer { field: "first_name", .. })), "{many:?}");
    }
}
