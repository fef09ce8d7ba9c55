//! Which site somebody means: codes read, recognised when they are something else, and named with
//! what to do. Pure; `pages/` asks the registers.

use super::answers::SiteAnswer;
use crate::clock::Day;
use crate::register::{CodeProblem, CqcLocation, CqcProvider, OdsOrganisation};
use crate::registration::store::SiteHeld;
use crate::web::Problems;

/// The problem of what was typed as an ODS site code, in words.
pub fn ods_words(problem: &CodeProblem) -> String {
    match problem {
        CodeProblem::Empty => "Enter the ODS code of your site, like VM195".to_owned(),
        CodeProblem::HqCode(code) => format!(
            "{code} is the code of a head office. Enter the code of your site. It has 5 characters and begins with V"
        ),
        CodeProblem::SiteCode(code) => format!("{code} is the code of a site"),
        CodeProblem::NonCareCode(code) => format!(
            "{code} is the code of another kind of organisation. Enter the code of your site. It has 5 characters and begins with V"
        ),
        CodeProblem::SpreadsheetDamaged(text) => format!(
            "{text} is what a spreadsheet made of a code. Enter the code as it stands on a letter, like VM195, or search for your site by name"
        ),
        CodeProblem::ClosedSuffix(code) => {
            format!("{code} is marked as closed. Search for your site by name to find its new code")
        }
        CodeProblem::LooksLikeCqcId(text) => {
            format!("{text} is a CQC number. Enter the ODS code here, like VM195")
        }
        CodeProblem::LooksLikeOdsCode(code) => format!("{code} is an ODS code"),
        CodeProblem::ContactIdForLocation(text) => {
            format!("{text} is a CQC contact ID. Enter the ODS code here, like VM195")
        }
        CodeProblem::MissingPrefix(better) => {
            format!("{better} is a CQC number. Enter the ODS code here, like VM195")
        }
        CodeProblem::WrongShape(text) => {
            format!("“{text}” is not an ODS code. It has 5 letters and numbers and begins with V, like VM195")
        }
    }
}

/// The problem of what was typed as a CQC location ID, in words.
pub fn location_words(problem: &CodeProblem) -> String {
    match problem {
        CodeProblem::Empty => "Enter the CQC location ID of your site, like 1-545611283".to_owned(),
        CodeProblem::ContactIdForLocation(text) => {
            format!(
                "{text} is a CQC contact ID. Enter the location ID. It begins with 1- and is on your CQC certificate"
            )
        }
        CodeProblem::LooksLikeOdsCode(code) => {
            format!("{code} is an ODS code. Enter the CQC location ID here, like 1-545611283")
        }
        CodeProblem::MissingPrefix(better) => format!("A CQC location ID begins with 1-. Is it {better}?"),
        CodeProblem::SpreadsheetDamaged(text) => format!(
            "{text} is what a spreadsheet made of a number. Enter the location ID as it stands on your CQC certificate, like 1-545611283"
        ),
        CodeProblem::HqCode(text)
        | CodeProblem::SiteCode(text)
        | CodeProblem::NonCareCode(text)
        | CodeProblem::ClosedSuffix(text)
        | CodeProblem::LooksLikeCqcId(text)
        | CodeProblem::WrongShape(text) => format!(
            "“{text}” is not a CQC location ID. It begins with 1- followed by numbers, like 1-545611283"
        ),
    }
}

/// The problem of what was typed as a CQC contact ID, in words.
pub fn contact_words(problem: &CodeProblem) -> String {
    match problem {
        CodeProblem::Empty => "Enter the CQC contact ID".to_owned(),
        CodeProblem::LooksLikeOdsCode(code) => format!("{code} is an ODS code. Enter the CQC contact ID"),
        CodeProblem::MissingPrefix(better) => format!("A CQC contact ID begins with 1- or CON1-. Is it {better}?"),
        CodeProblem::HqCode(_)
        | CodeProblem::SiteCode(_)
        | CodeProblem::NonCareCode(_)
        | CodeProblem::SpreadsheetDamaged(_)
        | CodeProblem::ClosedSuffix(_)
        | CodeProblem::LooksLikeCqcId(_)
        | CodeProblem::ContactIdForLocation(_)
        | CodeProblem::WrongShape(_) => {
            "Enter the CQC contact ID as it stands on the registered manager's certificate. It begins with 1- or CON1-".to_owned()
        }
    }
}

/// A place that took over from another, as it is named to the registrant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Successor {
    pub name: String,
    pub code: String,
}

/// What the registers said about a choice.
#[derive(Clone, Debug, Default)]
pub struct Looked {
    /// The ODS code as read, and what ODS says of it.
    pub ods_code: Option<String>,
    pub ods: Option<OdsOrganisation>,
    pub ods_successors: Vec<Successor>,
    /// The location ID as read, and what CQC says of it.
    pub location_id: Option<String>,
    pub location: Option<CqcLocation>,
    pub location_successors: Vec<Successor>,
    /// The provider that has this ID, where no location has it.
    pub provider: Option<CqcProvider>,
    /// Names and IDs of that provider's sites, a few.
    pub sites_of_provider: Vec<Successor>,
    /// Whether the site has joined, or a registration of it is being decided.
    pub held: SiteHeld,
    pub typed: bool,
}

/// The names of the two fields on the page.
pub const ODS_FIELD: &str = "ods_code";
pub const LOCATION_FIELD: &str = "location_id";

/// What becomes of a choice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    Site(SiteAnswer),
    /// The site has accounts already: recovery, not a second registration.
    Already,
    /// Somebody has shown that they may act for the site, and their registration is being decided; has the
    /// name of the site.
    UnderReview(String),
    Wrong(Problems),
}

fn named(successors: &[Successor]) -> Option<String> {
    let list: Vec<String> =
        successors.iter().take(3).map(|next| format!("{} ({})", next.name, next.code)).collect();
    (!list.is_empty()).then(|| list.join(" or "))
}

/// Judges a choice by what the registers said.
pub fn judge(looked: &Looked, today: Day) -> Choice {
    let mut problems = Problems::none();
    let location_id = looked.location_id.as_deref().unwrap_or("");
    match (&looked.location, &looked.provider) {
        (Some(location), _) if !location.is_registered() => {
            let ended = location.deregistered_on.map_or_else(String::new, |day| format!(" on {day}"));
            problems.add(
                LOCATION_FIELD,
                match named(&looked.location_successors) {
                    Some(next) => format!("{} ({location_id}) was deregistered{ended}. It is now {next}. Use that one", location.name),
                    None => format!("{} ({location_id}) was deregistered{ended}. CQC lists no registered site that took over from it. Check the location ID on your CQC certificate", location.name),
                },
            );
        }
        (Some(location), _) if location.is_hospice() => {
            problems.add(LOCATION_FIELD, format!("CQC lists {} as a hospice. Hospices join in another way: go back to the start and choose hospice", location.name));
        }
        (Some(location), _) if !location.is_social_care() => {
            problems.add(LOCATION_FIELD, format!("CQC does not list {} as social care. This service is for social care only", location.name));
        }
        (Some(_), _) => {}
        (None, Some(provider)) => problems.add(
            LOCATION_FIELD,
            match named(&looked.sites_of_provider) {
                Some(sites) => format!("{location_id} is the provider ID of {}. Enter the location ID of your site, like {sites}", provider.name),
                None => format!("{location_id} is the provider ID of {}. Enter the location ID of your site. It is on the same certificate", provider.name),
            },
        ),
        (None, None) => problems.add(
            LOCATION_FIELD,
            format!("CQC does not know a location {location_id}. Check the location ID on your CQC certificate"),
        ),
    }
    let ods_code = looked.ods_code.as_deref().unwrap_or("");
    let pair_is_right = looked
        .location
        .as_ref()
        .and_then(|location| location.ods_code.as_ref())
        .is_some_and(|known| known.as_str() == ods_code);
    match &looked.ods {
        Some(ods) if !ods.is_open(today) => {
            let ended = ods.closed_on.map_or_else(String::new, |day| format!(" on {day}"));
            problems.add(
                ODS_FIELD,
                match named(&looked.ods_successors) {
                    Some(next) => format!("{ods_code} was closed{ended}. It is now {next}. Use that one"),
                    None => format!("{ods_code} was closed{ended}, and no open code took over from it. Only CQC can correct it. Ask them, or call our helpdesk"),
                },
            );
        }
        Some(ods) if ods.kind != crate::register::ods::OdsKind::Site => {
            problems.add(ODS_FIELD, format!("{ods_code} is the code of {}, which is not a care site. Enter the code of your site. It begins with V", ods.name));
        }
        Some(_) => {}
        // ODS lags CQC by about a month, so a code that CQC gives for the location counts for now.
        None if pair_is_right => {}
        None if ods_code.is_empty() => problems.add(ODS_FIELD, ods_words(&CodeProblem::Empty)),
        None => problems.add(
            ODS_FIELD,
            format!("ODS does not know the code {ods_code}. Check it, or search for your site by name"),
        ),
    }
    if problems.is_empty()
        && let Some(location) = &looked.location
        && let Some(known) = &location.ods_code
        && known.as_str() != ods_code
    {
        let whose = looked.ods.as_ref().map_or_else(String::new, |ods| format!(", which is {}", ods.name));
        problems.add(
            ODS_FIELD,
            format!("{ods_code}{whose} does not belong to {}. Its ODS code is {known}", location.name),
        );
    }
    let Some(location) = looked.location.as_ref().filter(|_| problems.is_empty()) else {
        return Choice::Wrong(problems);
    };
    match looked.held {
        SiteHeld::Free => {}
        SiteHeld::UnderReview => return Choice::UnderReview(location.name.clone()),
        SiteHeld::Joined => return Choice::Already,
    }
    Choice::Site(SiteAnswer {
        ods_code: ods_code.to_owned(),
        cqc_location_id: location.id.as_str().to_owned(),
        name: location.name.clone(),
        address: location.address.join(", "),
        town: location.town.clone().unwrap_or_default(),
        postcode: location.postcode.as_ref().map(ToString::to_string).unwrap_or_default(),
        provider_name: location.provider_name.clone().unwrap_or_default(),
        typed: looked.typed,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::register::cqc::RegistrationStatus;
    use crate::register::ods::OdsKind;
    use crate::register::{CqcLocationId, OdsCode};

    fn today() -> Day {
        Day::new(2026, 11, 23).expect("a day")
    }

    fn location() -> CqcLocation {
        let id = CqcLocationId::parse("1-530528300").expect("an id");
        CqcLocation {
            ods_code: OdsCode::parse("VN4F6").ok(),
            organisation_type: Some("Social Care Org".to_owned()),
            ..CqcLocation::named(id, "Home Instead")
        }
    }

    fn ods() -> OdsOrganisation {
        let body = include_str!("../register/recorded/ods_site.json");
        let mut found = OdsOrganisation::from_r4(body).expect("a recorded body");
        found.code = OdsCode::parse("VN4F6").expect("a code");
        found.kind = OdsKind::Site;
        found.closed_on = None;
        found
    }

    fn looked() -> Looked {
        Looked {
            ods_code: Some("VN4F6".to_owned()),
            ods: Some(ods()),
            location_id: Some("1-530528300".to_owned()),
            location: Some(location()),
            ..Looked::default()
        }
    }

    /// What is said, of both fields together.
    fn said(looked: &Looked) -> String {
        match judge(looked, today()) {
            Choice::Wrong(problems) => problems
                .iter()
                .map(|(field, words)| format!("{field}: {words}"))
                .collect::<Vec<_>>()
                .join(" | "),
            other @ (Choice::Site(_) | Choice::Already | Choice::UnderReview(_)) => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_pair_that_belongs_together_is_a_site() {
        let Choice::Site(site) = judge(&looked(), today()) else { panic!("a site") };
        assert_eq!((site.ods_code.as_str(), site.cqc_location_id.as_str()), ("VN4F6", "1-530528300"));
        assert_eq!(judge(&Looked { held: SiteHeld::Joined, ..looked() }, today()), Choice::Already);
        let under_review = Choice::UnderReview(looked().location.expect("a location").name);
        assert_eq!(judge(&Looked { held: SiteHeld::UnderReview, ..looked() }, today()), under_review);
    }

    #[test]
    fn a_code_that_ods_has_not_loaded_yet_counts_where_cqc_gives_it() {
        assert!(matches!(judge(&Looked { ods: None, ..looked() }, today()), Choice::Site(_)));
    }

    #[test]
    fn each_wrong_way_is_named_with_what_to_do() {
        let mut gone = location();
        gone.status = RegistrationStatus::Deregistered;
        let next = vec![Successor { name: "Home Again".to_owned(), code: "1-999".to_owned() }];
        let words = said(&Looked { location: Some(gone), location_successors: next, ..looked() });
        assert!(
            words.contains("was deregistered") && words.contains("It is now Home Again (1-999)"),
            "{words}"
        );

        let mut closed = ods();
        closed.closed_on = Day::new(2024, 1, 31);
        let next = vec![Successor { name: "Home Again".to_owned(), code: "VNGTV".to_owned() }];
        let words = said(&Looked { ods: Some(closed), ods_successors: next, ..looked() });
        assert!(words.contains("was closed on 31 January 2024. It is now Home Again (VNGTV)"), "{words}");

        let words = said(&Looked { location: None, ..looked() });
        assert!(words.contains("CQC does not know a location 1-530528300"), "{words}");

        let words = said(&Looked { ods_code: Some("VZZZ9".to_owned()), ods: None, ..looked() });
        assert!(words.contains("ODS does not know the code VZZZ9"), "{words}");

        let words = said(&Looked { ods_code: Some("VN139".to_owned()), ..looked() });
        assert!(words.contains("does not belong to Home Instead. Its ODS code is VN4F6"), "{words}");

        let mut hospice = location();
        hospice.name = "St Example's Hospice".to_owned();
        assert!(
            said(&Looked { location: Some(hospice), ..looked() }).contains("Hospices join in another way")
        );

        let mut dentist = location();
        dentist.organisation_type = Some("Primary Dental Care".to_owned());
        assert!(said(&Looked { location: Some(dentist), ..looked() }).contains("social care only"));

        let mut hq = ods();
        hq.kind = OdsKind::Hq;
        assert!(said(&Looked { ods: Some(hq), ..looked() }).contains("is not a care site"));
    }
}
