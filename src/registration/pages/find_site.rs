//! Finding the site in the registers: by name, postcode or code; or by typing both codes.

use super::{Asking, Question, onwards};
use crate::app::App;
use crate::register::search::RESULTS_PER_PAGE;
use crate::register::{AskError, CqcLocationId, OdsSiteCode, Recognised, Results, Searched, SiteRow};
use crate::registration::answer::OneAnswer;
use crate::registration::answers::SiteAnswer;
use crate::registration::journey::{self, Page};
use crate::registration::site_choice::{
    Choice, LOCATION_FIELD, Looked, ODS_FIELD, judge, location_words, ods_words,
};
use crate::registration::under_review;
use crate::registration::verify;
use crate::sign_in::Registrant;
use crate::web::components::{Html, Pagination, PaginationLink, Radios};
use crate::web::form::{encoded, query};
use crate::web::{Again, Answer, Fields, Form, Interrupt, Layout, Problems, Visit, go_to};
use axum::extract::State;
use axum::http::StatusCode;

/// The field in which is typed what to look for, the page of results, the field of the choice, and whether it was
/// right.
const WORDS: &str = "q";
const PAGE: &str = "page";
const CHOSEN: &str = "site";
const RIGHT: &str = "right";
/// For how many closed sites of a page of results successors are looked up: each is a few look-ups by key.
const SUCCESSIONS_MAX: usize = 5;

#[derive(askama::Template)]
#[template(path = "registration/pages/find_site.html")]
pub struct FindPage {
    pub layout: Layout,
    pub form: Form,
    pub typed: String,
    pub page: usize,
    /// A heading that says what was typed, where it is no site's name or code.
    pub heading: Option<&'static str>,
    /// What was found, a sentence a paragraph.
    pub said: Vec<String>,
    pub results: Option<Radios>,
    pub pagination: Option<Pagination>,
}

/// The value of a row's choice: its location ID where it has one.
fn value_of(row: &SiteRow) -> String {
    match (&row.location_id, &row.ods_code) {
        (Some(id), _) => id.as_str().to_owned(),
        (None, Some(code)) => format!("ods {code}"),
        (None, None) => String::new(),
    }
}

/// One site to choose from, with what is said of it beside its address.
struct Line {
    row: SiteRow,
    said: Option<String>,
}

/// What was found for what was typed.
struct FoundSites {
    typed: String,
    /// Counted from 0.
    page: usize,
    results: Results,
    /// The sites of this page, each closed one before those that took over from it.
    lines: Vec<Line>,
}

/// Looks for what was typed. Those that took over from `chosen` are among the lines in any case.
async fn find(
    asking: &Asking,
    fields: &Fields,
    chosen: Option<&CqcLocationId>,
) -> Result<FoundSites, Interrupt> {
    let typed = fields.text(WORDS).to_owned();
    let page = fields.text(PAGE).parse::<usize>().map_or(0, |page| page.saturating_sub(1));
    let mut results = Results::default();
    if !typed.is_empty() {
        results = match asking.app.search.find(&typed, page).await? {
            Searched::Results(found) => found,
            Searched::Starting => return Err(search_is_starting(&typed)),
        };
    }
    let mut lines: Vec<Line> = Vec::new();
    let mut looked_up = 0;
    for row in &results.rows {
        let is_listed = |id: &Option<CqcLocationId>, among: &[Line]| {
            id.is_some() && among.iter().any(|line| line.row.location_id == *id)
        };
        if is_listed(&row.location_id, &lines) {
            continue;
        }
        let closed = row.location_id.as_ref().filter(|_| !row.registered);
        let is_looked_up = looked_up < SUCCESSIONS_MAX || closed == chosen;
        let Some(id) = closed.filter(|_| is_looked_up) else {
            lines.push(Line { row: row.clone(), said: None });
            continue;
        };
        looked_up += 1;
        let successors = asking.app.imported.current_successors(id).await?;
        let said = match successors.as_slice() {
            [] => "No registered site took over from it".to_owned(),
            [..] => {
                let names: Vec<&str> = successors.iter().map(|next| next.name.as_str()).collect();
                format!("It is now {}", names.join(" or "))
            }
        };
        lines.push(Line { row: row.clone(), said: Some(said) });
        for next in &successors {
            let next = SiteRow::from(next);
            if !is_listed(&next.location_id, &lines) {
                lines.push(Line { row: next, said: Some(format!("Took over from {}", row.name)) });
            }
        }
    }
    Ok(FoundSites { typed, page, results, lines })
}

/// Nothing can be said of any site yet, least of all that there is none.
fn search_is_starting(typed: &str) -> Interrupt {
    Interrupt::refused(
        StatusCode::SERVICE_UNAVAILABLE,
        "The search is starting",
        "We have just started the search for sites. It is ready in a few seconds. Your answers are saved.",
    )
    .then(format!("{}?{WORDS}={}", Page::FindSite.path(), encoded(typed)), "Search again")
}

/// What a site is recognised by, beside its name.
fn hint_of(line: &Line) -> String {
    let row = &line.row;
    let mut place: Vec<&str> = Vec::new();
    for part in [&row.address, &row.town, &row.postcode] {
        if !part.is_empty() && !place.iter().any(|known| known.contains(part.as_str())) {
            place.push(part);
        }
    }
    let mut sentences = vec![place.join(", ")];
    sentences.push(row.provider_name.clone());
    sentences.push(
        if row.location_id.is_none() {
            "CQC does not list it yet"
        } else if !row.registered {
            "No longer registered"
        } else if !row.social_care {
            "Not social care"
        } else {
            ""
        }
        .to_owned(),
    );
    sentences.extend(line.said.clone());
    sentences.retain(|sentence| !sentence.is_empty());
    sentences.join(". ")
}

/// What was found, in words: a heading where what was typed is no site's, and a sentence a paragraph.
fn words_of(found: &FoundSites) -> (Option<&'static str>, Vec<String>) {
    let (typed, results) = (&found.typed, &found.results);
    let total = results.total;
    let mut said = Vec::new();
    let heading = match &results.recognised {
        Some(Recognised::HeadOffice(code)) => {
            said.push(format!("{code} is the ODS code of a head office. These are its sites."));
            None
        }
        Some(Recognised::Provider(id)) => {
            said.push(format!("{id} is a CQC provider ID. These are the provider’s sites."));
            None
        }
        Some(Recognised::SpreadsheetDamaged(text)) if total > 0 => {
            said.push(format!(
                "{text} is not a code. It looks like a code that a spreadsheet changed to a date. These sites belong to the code it probably was."
            ));
            None
        }
        Some(Recognised::SpreadsheetDamaged(text)) => {
            said.push(format!(
                "{text} looks like a code that a spreadsheet changed to a date or a number. Enter the code as it is on a letter, like VM195, or search by name or postcode."
            ));
            Some("A spreadsheet changed this code")
        }
        Some(Recognised::ContactId) => {
            said.push(
                "We ask for it later. To find your site, enter its name, postcode, ODS code or CQC location ID."
                    .to_owned(),
            );
            Some("This is a CQC contact ID")
        }
        None if total == 0 => {
            said.push(
                "Try the postcode, or another part of the name. A new site can take about a month to appear."
                    .to_owned(),
            );
            Some("No site is called anything like that")
        }
        None => {
            if !results.is_exact {
                said.push(format!("Nothing is called exactly “{typed}”. These are the nearest."));
            }
            None
        }
    };
    let first = found.page * RESULTS_PER_PAGE + 1;
    let last = first + results.rows.len().saturating_sub(1);
    if total > results.rows.len() && !results.rows.is_empty() {
        said.push(format!(
            "Showing {first} to {last} of {total} sites. Add the town or postcode to see fewer."
        ));
    } else if total > 0 && results.rows.is_empty() {
        said.push(format!("There are only {total} sites, and none on this page."));
    } else if total == 1 {
        said.push("1 site found.".to_owned());
    } else if total > 0 {
        said.push(format!("{total} sites found."));
    }
    (heading, said)
}

/// On to the next page of results, and back.
fn pagination(found: &FoundSites) -> Option<Pagination> {
    let pages = found.results.total.div_ceil(RESULTS_PER_PAGE);
    let link = |page: usize| PaginationLink {
        href: format!("{}?{WORDS}={}&{PAGE}={}", Page::FindSite.path(), encoded(&found.typed), page + 1),
        label: format!("Page {} of {pages}", page + 1).into(),
        ..Default::default()
    };
    let previous = (found.page > 0 && pages > 1).then(|| link((found.page - 1).min(pages - 1)));
    let next = (found.page + 1 < pages).then(|| link(found.page + 1));
    (previous.is_some() || next.is_some()).then(|| Pagination {
        aria_label: "Pages of sites".to_owned(),
        previous,
        next,
        ..Default::default()
    })
}

fn find_page(asking: &Asking, found: &FoundSites, form: Form) -> FindPage {
    let results = (!found.lines.is_empty()).then(|| {
        let radios = form.radios(CHOSEN, "Which is your site?").in_page();
        found.lines.iter().fold(radios, |radios, line| {
            radios.choice_hinted(&value_of(&line.row), &line.row.name, &hint_of(line))
        })
    });
    let (heading, said) = if found.typed.is_empty() { (None, Vec::new()) } else { words_of(found) };
    FindPage {
        layout: asking.layout(Page::FindSite, "Find your site", &form),
        form,
        typed: found.typed.clone(),
        page: found.page + 1,
        heading,
        said,
        results,
        pagination: pagination(found),
    }
}

pub async fn show(asking: &Asking, query: &Fields) -> Answer {
    let found = find(asking, query, None).await?;
    if query.has(WORDS) && found.typed.is_empty() {
        let problems = Problems::one(WORDS, "Enter the name, postcode or a code of your site");
        return asking.visit.show_again(query.clone(), problems, |form| find_page(asking, &found, form));
    }
    asking.visit.show_form(query.clone(), |form| find_page(asking, &found, form))
}

pub async fn save(asking: &Asking, fields: Fields) -> Answer {
    let chosen = fields.text(CHOSEN).to_owned();
    if let Some(ods) = chosen.strip_prefix("ods ") {
        // CQC does not list it (yet): the location ID must be typed from the certificate.
        return go_to(format!("/register/site-codes?{ODS_FIELD}={}", encoded(ods)));
    }
    let mut closed = None;
    let again: Again = if chosen.is_empty() {
        Problems::one(CHOSEN, "Select your site, or search again").into()
    } else {
        let Ok(id) = CqcLocationId::parse(&chosen) else { return Err(Interrupt::not_found()) };
        let location = verify::location(&asking.app, &id).await.map_err(no_answer)?;
        let location = location.ok_or_else(Interrupt::not_found)?;
        let code = location.ods_code.as_ref().and_then(|code| OdsSiteCode::parse(code.as_str()).ok());
        if location.is_registered() && location.ods_code.is_none() {
            return go_to(format!("/register/site-codes?{LOCATION_FIELD}={}", encoded(id.as_str())));
        }
        closed = Some(id.clone()).filter(|_| !location.is_registered());
        match choose(asking, code.as_ref(), Some(&id), false).await? {
            Chosen::GoOn(to) => return go_to(to.path()),
            Chosen::Wrong(found, _) => {
                // One field here stands for both codes; of a closed site its code says nothing more.
                let words = match (&closed, found.of(LOCATION_FIELD)) {
                    (Some(_), Some(words)) => words.to_owned(),
                    (Some(_), None) | (None, _) => {
                        found.iter().map(|(_, words)| words).collect::<Vec<_>>().join(". ")
                    }
                };
                Problems::one(CHOSEN, words).into()
            }
            Chosen::Again(again) => again,
        }
    };
    let found = find(asking, &fields, closed.as_ref()).await?;
    asking.visit.show_again(fields, again, |form| find_page(asking, &found, form))
}

/// What became of choosing a site.
enum Chosen {
    GoOn(Page),
    /// What is wrong with the codes, and what the registers said of them.
    Wrong(Problems, Box<Looked>),
    Again(Again),
}

/// Asks the registers about the codes and saves the site, where they are a site's.
async fn choose(
    asking: &Asking,
    ods: Option<&OdsSiteCode>,
    location: Option<&CqcLocationId>,
    typed: bool,
) -> Result<Chosen, Interrupt> {
    let looked = verify::site(&asking.app, ods, location, typed).await.map_err(no_answer)?;
    let answer = match judge(&looked, asking.app.clock.now().day()) {
        Choice::Site(site) => OneAnswer::Site(site),
        // On to recovery, not to a second registration.
        Choice::Already => OneAnswer::SiteHasAccounts,
        Choice::UnderReview(name) => {
            return Ok(Chosen::Again(Problems::one(CHOSEN, under_review(&name)).into()));
        }
        Choice::Wrong(found) => return Ok(Chosen::Wrong(found, Box::new(looked))),
    };
    Ok(match asking.save(CHOSEN, answer).await? {
        Ok(answers) if answers.has_account == Some(true) => Chosen::GoOn(Page::Recovery),
        Ok(answers) if answers.site_confirmed => Chosen::GoOn(journey::after(&answers, Page::ConfirmSite)),
        Ok(_) => Chosen::GoOn(Page::ConfirmSite),
        Err(again) => Chosen::Again(again),
    })
}

/// A register that does not answer is nobody's mistake: what was typed is saved, and it is tried again.
fn no_answer(error: AskError) -> Interrupt {
    match error {
        AskError::Later(_) => Interrupt::refused(
            StatusCode::SERVICE_UNAVAILABLE,
            "The register does not answer at the moment",
            "Your answers are saved. Please try again in a few minutes.",
        )
        .then("/register/find-your-site", "Try again"),
        AskError::Never(why) => Interrupt::fault("asking a register", why),
        AskError::Fault(error) => error.into(),
    }
}

fn codes_page(asking: &Asking, form: Form) -> Question {
    let ods = form
        .text(ODS_FIELD, "ODS code of your site")
        .hinted("5 letters and numbers that begin with V, like VM195. It is on letters about your DSPT.")
        .ten_wide();
    let location = form
        .text(LOCATION_FIELD, "CQC location ID")
        .hinted("Begins with 1- and is on your CQC certificate, like 1-545611283. It is not the provider ID.")
        .twenty_wide();
    let layout = asking
        .visit
        .layout("Enter the codes of your site")
        .with_problems(&form)
        .back_to(Page::FindSite.path());
    let (ods, location) = (Html::of(&ods), Html::of(&location));
    let mut page = Question::new(layout, form, ods);
    page.heading = "Enter the codes of your site".to_owned();
    page.after = location;
    page.otherwise =
        Some((Page::FindSite.path(), "Search for your site by name or postcode instead".to_owned()));
    page
}

/// GET /register/site-codes
pub async fn show_codes(
    State(app): State<App>,
    visit: Visit,
    registrant: Registrant,
    uri: axum::http::Uri,
) -> Answer {
    let asking = Asking::load_at(app, visit, registrant, Page::FindSite).await?;
    let mut fields = query(&uri);
    if let (Some(site), false) = (&asking.answers().site, fields.has(ODS_FIELD) || fields.has(LOCATION_FIELD))
    {
        fields = Fields::from_pairs([
            (ODS_FIELD, site.ods_code.as_str()),
            (LOCATION_FIELD, site.cqc_location_id.as_str()),
        ]);
    }
    asking.visit.show_form(fields, |form| codes_page(&asking, form))
}

/// POST /register/site-codes
pub async fn save_codes(
    State(app): State<App>,
    visit: Visit,
    registrant: Registrant,
    fields: Fields,
) -> Answer {
    let asking = Asking::load_at(app, visit, registrant, Page::FindSite).await?;
    let mut problems = Problems::none();
    let ods = problems
        .take(ODS_FIELD, OdsSiteCode::parse(fields.text(ODS_FIELD)).map_err(|problem| ods_words(&problem)));
    let location = problems.take(
        LOCATION_FIELD,
        CqcLocationId::parse(fields.text(LOCATION_FIELD)).map_err(|problem| location_words(&problem)),
    );
    let again: Again = match (&ods, &location) {
        (Some(code), Some(id)) => match choose(&asking, Some(code), Some(id), true).await? {
            Chosen::GoOn(to) => return go_to(to.path()),
            Chosen::Wrong(found, looked) => named(&asking.app, found, &looked, code).await?.into(),
            Chosen::Again(again) => again,
        },
        (None, Some(id)) => {
            // The wrong ODS code is named already; what is wrong with the location is said as well.
            let looked = verify::site(&asking.app, None, Some(id), true).await.map_err(no_answer)?;
            if let Choice::Wrong(found) = judge(&looked, asking.app.clock.now().day())
                && let Some(words) = found.of(LOCATION_FIELD)
            {
                problems.add(LOCATION_FIELD, words);
            }
            problems.into()
        }
        (_, None) => problems.into(),
    };
    asking.visit.show_again(fields, again, |form| codes_page(&asking, form))
}

/// A letter O for a nought, a 1 for an I: says which code was probably meant.
async fn named(
    app: &App,
    found: Problems,
    looked: &Looked,
    code: &OdsSiteCode,
) -> Result<Problems, Interrupt> {
    let other = code.look_alike().filter(|_| found.of(ODS_FIELD).is_some() && looked.ods.is_none());
    let Some(other) = other else { return Ok(found) };
    let Some(meant) = verify::ods(app, &other).await.map_err(no_answer)? else { return Ok(found) };
    let mut better =
        Problems::one(ODS_FIELD, format!("ODS does not know this code. Is it {other} ({})?", meant.name));
    for (field, words) in found.iter() {
        better.add(field, words);
    }
    Ok(better)
}

#[derive(askama::Template)]
#[template(path = "registration/pages/confirm_site.html")]
pub struct ConfirmPage {
    pub layout: Layout,
    pub form: Form,
    pub site: SiteAnswer,
    pub question: Radios,
}

fn confirm_page(asking: &Asking, site: SiteAnswer, form: Form) -> ConfirmPage {
    ConfirmPage {
        layout: asking.layout(Page::ConfirmSite, "Is this your site?", &form),
        question: form
            .radios(RIGHT, "Is this your site?")
            .in_page()
            .choice("yes", "Yes, this is my site")
            .choice("no", "No, look for another one"),
        form,
        site,
    }
}

fn chosen_site(asking: &Asking) -> Result<SiteAnswer, Interrupt> {
    asking.answers().site.clone().ok_or_else(Interrupt::not_found)
}

pub fn show_confirm(asking: &Asking) -> Answer {
    let site = chosen_site(asking)?;
    let fields = if asking.answers().site_confirmed {
        Fields::from_pairs([(RIGHT, "yes")])
    } else {
        Fields::default()
    };
    asking.visit.show_form(fields, |form| confirm_page(asking, site, form))
}

pub async fn save_confirm(asking: &Asking, fields: Fields) -> Answer {
    let right = match fields.text(RIGHT) {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    };
    let saved = match right {
        Some(right) => asking.save(RIGHT, OneAnswer::RightSite(right)).await?,
        None => Err(Problems::one(RIGHT, "Select yes if this is your site").into()),
    };
    match saved {
        Ok(answers) if answers.site_confirmed => onwards(&answers, Page::ConfirmSite),
        Ok(_) => go_to(Page::FindSite.path()),
        Err(again) => {
            let site = chosen_site(asking)?;
            asking.visit.show_again(fields, again, |form| confirm_page(asking, site, form))
        }
    }
}
