//! Everything that must have been answered before a registration is sent. What comes after sending
//! works with this, and has no question without an answer.

use super::answers::{Answers, DsptAnswer, Person, Proof, SiteAnswer, Sites};
use super::journey::{self, Page};
use crate::contact::Email;

/// Answers that lack nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complete {
    pub sites: Sites,
    /// The registrant's address, confirmed with a code.
    pub email: Email,
    pub site: SiteAnswer,
    pub dspt: DsptAnswer,
    pub proof: Proof,
    pub town: String,
    pub people: Vec<Person>,
}

impl Complete {
    /// # Errors
    /// The first page that has no answer, or the exit the answers lead to.
    pub fn of(answers: Answers) -> Result<Self, Page> {
        let last = journey::next(&answers);
        match answers {
            Answers {
                sites: Some(sites),
                email: Some(email),
                site: Some(site),
                dspt: Some(dspt),
                proof: Some(proof),
                town: Some(town),
                people,
                ..
            } if last == Page::CheckAnswers => Ok(Complete { sites, email, site, dspt, proof, town, people }),
            Answers { .. } => Err(last),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registration::journey::tests::complete;

    #[test]
    fn complete_answers_lack_nothing_that_is_asked() {
        let check = |change: fn(&mut Answers), expect: Option<Page>| {
            let mut answers = complete();
            change(&mut answers);
            assert_eq!(Complete::of(answers).err(), expect);
        };
        check(|_| {}, None);
        check(|answers| answers.sites = None, Some(Page::Sites));
        check(|answers| answers.email_confirmed = false, Some(Page::EmailCode));
        check(|answers| answers.site = None, Some(Page::FindSite));
        check(|answers| answers.site_confirmed = false, Some(Page::ConfirmSite));
        check(|answers| answers.dspt = None, Some(Page::Dspt));
        check(|answers| answers.proof = None, Some(Page::ContactId));
        check(|answers| answers.town = None, Some(Page::Town));
        check(|answers| answers.people_done = false, Some(Page::People));
        check(|answers| answers.hospice = Some(true), Some(Page::IsHospice));
    }
}
