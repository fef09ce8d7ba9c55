//! Finding the site in the registers: by name, postcode or code; or by typing both codes.

use super::{Asking, Question, again, onwards};
use crate::app::App;
use crate::register::{
    AskError, Code, CqcLocation, CqcLocationId, CqcProviderId, Finding, OdsSiteCode, Searched, SiteRow,
};
use crate::registration::answers::SiteAnswer;
use crate::registration::journey::Page;
use crate::registration::site_choice::{
    self, Choice, LOCATION_FIELD, Looked, ODS_FIELD, Successor, judge, location_words, ods_words,
};
use crate::registration::store;
use crate::registration::verify;
use crate::sign_in::Registrant;
use crate::web::components::{Html, Radios};
use crate::web::form::encoded;
use crate::web::{Answer, Fields, Form, Interrupt, Layout, Problems, Visit, go_to, show as show_page};
use axum::extract::State;
use axum::http::StatusCode;

/// The field in which is typed what to look for, and the field of the choice.
const WORDS: &str = "q";
const CHOSEN: &str = "site";
/// Sites named when somebody types a provider's ID.
const SITES_NAMED_MAX: usize = 3;

#[derive(askama::Template)]
#[template(path = "registration/pages/find_site.html")]
pub struct FindPage {
    pub layout: Layout,
    pub form: Form,
    pub typed: String,
    pub total: usize,
    pub shown: usize,
    pub results: Radios,
}

/// The value of a row's choice: its location ID where it has one.
fn value_of(row: &SiteRow) -> String {
    match (&row.location_id, &row.ods_code) {
        (Some(id), _) => id.as_str().to_owned(),
        (None, Some(code)) => format!("ods {code}"),
        (None, None) => String::new(),
    }
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

async fn find_page(asking: &Asking, typed: String, form: Form) -> Result<FindPage, Interrupt> {
    let (total, rows) = if typed.is_empty() {
        (0, Vec::new())
    } else {
        match asking.app.search.find(&typed, 0).await? {
            Searched::Results(found) => (found.total, found.rows),
            Searched::Starting => return Err(search_is_starting(&typed)),
        }
    };
    let mut results = form.radios(CHOSEN, "Which is your site?").in_page();
    for row in &rows {
        let mut hint: Vec<&str> = Vec::new();
        for part in [&row.address, &row.town, &row.postcode] {
            if !part.is_empty() && !hint.iter().any(|known| known.contains(part.as_str())) {
                hint.push(part);
            }
        }
        let mut hint = hint.join(", ");
        if !row.provider_name.is_empty() {
            hint.push_str(&format!(". {}", row.provider_name));
        }
        if !row.registered {
            hint.push_str(". No longer registered");
        } else if !row.social_care {
            hint.push_str(". Not social care");
        }
        results = results.choice_hinted(&value_of(row), &row.name, &hint);
    }
    Ok(FindPage {
        layout: asking.layout(Page::FindSite, "Find your site", &form),
        form,
        typed,
        total,
        shown: rows.len(),
        results,
    })
}

pub async fn show(asking: &Asking, query: &Fields) -> Answer {
    let typed = query.text(WORDS).to_owned();
    let problems = if query.has(WORDS) && typed.is_empty() {
        Problems::one(WORDS, "Enter the name, postcode or a code of your site")
    } else {
        Problems::none()
    };
    let form = asking.visit.form(query.clone(), problems.clone());
    show_page(&find_page(asking, typed, form).await?, &problems)
}

pub async fn save(asking: &Asking, fields: Fields) -> Answer {
    let chosen = fields.text(CHOSEN).to_owned();
    let typed = fields.text(WORDS).to_owned();
    if chosen.is_empty() {
        let problems = Problems::one(CHOSEN, "Select your site, or search again");
        let form = again(asking, fields, problems.clone());
        return show_page(&find_page(asking, typed, form).await?, &problems);
    }
    if let Some(ods) = chosen.strip_prefix("ods ") {
        // CQC does not list it (yet): the location ID must be typed from the certificate.
        return go_to(format!("/register/site-codes?{ODS_FIELD}={}", encoded(ods)));
    }
    let Ok(id) = CqcLocationId::parse(&chosen) else { return Err(Interrupt::not_found()) };
    let location = match ask_location(&asking.app, &id).await? {
        Some(location) => location,
        None => return Err(Interrupt::not_found()),
    };
    let Some(code) = location.ods_code.clone() else {
        return go_to(format!("/register/site-codes?{LOCATION_FIELD}={}", encoded(id.as_str())));
    };
    let looked = look(&asking.app, Some(code.as_str()), Some(&id), false).await?;
    match judge(&looked, asking.app.clock.now().day()) {
        Choice::Site(site) => chosen_site(asking, site).await,
        Choice::Already => already(asking).await,
        Choice::Wrong(found) => {
            // One field here stands for both codes.
            let words = found.iter().map(|(_, words)| words).collect::<Vec<_>>().join(". ");
            let problems = Problems::one(CHOSEN, words);
            let form = again(asking, fields, problems.clone());
            show_page(&find_page(asking, typed, form).await?, &problems)
        }
    }
}

async fn chosen_site(asking: &Asking, site: SiteAnswer) -> Answer {
    let answers = asking.keep(move |answers| answers.choose_site(site)).await?;
    if answers.site_confirmed {
        onwards(&answers, Page::ConfirmSite)
    } else {
        go_to(Page::ConfirmSite.path())
    }
}

/// The site has accounts: on to recovery, not to a second registration.
async fn already(asking: &Asking) -> Answer {
    asking.keep(|answers| answers.has_account = Some(true)).await?;
    go_to(Page::Recovery.path())
}

fn stop_of(error: &AskError) -> Interrupt {
    match error {
        AskError::Later(_) => Interrupt::refused(
            StatusCode::SERVICE_UNAVAILABLE,
            "The register does not answer at the moment",
            "Your answers are saved. Please try again in a few minutes.",
        )
        .then("/register/find-your-site", "Try again"),
        AskError::Never(why) => Interrupt::fault("asking a register", why),
    }
}

async fn ask_location(app: &App, id: &CqcLocationId) -> Result<Option<CqcLocation>, Interrupt> {
    match app.ask(&Code::CqcLocation(id.clone())).await.map_err(|error| stop_of(&error))? {
        Finding::CqcLocation(location) => Ok(Some(*location)),
        Finding::NotFound | Finding::Ods(_) | Finding::CqcProvider(_) | Finding::Dspt(_) => Ok(None),
    }
}

/// Asks the registers everything that judging a choice needs.
async fn look(
    app: &App,
    ods: Option<&str>,
    id: Option<&CqcLocationId>,
    typed: bool,
) -> Result<Looked, Interrupt> {
    let mut looked = Looked { typed, ..Looked::default() };
    if let Some(text) = ods
        && let Ok(code) = OdsSiteCode::parse(text)
    {
        looked.ods_code = Some(code.as_str().to_owned());
        looked.ods = verify::ods(app, &code).await.map_err(|error| stop_of(&error))?;
        if looked.ods.as_ref().is_some_and(|ods| !ods.is_open(app.clock.now().day())) {
            for next in app.imported.ods_successors(&code.any()).await?.into_iter().take(SITES_NAMED_MAX) {
                let name = app
                    .imported
                    .site_of_ods(&next)
                    .await?
                    .first()
                    .map_or_else(|| "its successor".to_owned(), |location| location.name.clone());
                looked.ods_successors.push(Successor { name, code: next.as_str().to_owned() });
            }
        }
    }
    if let Some(id) = id {
        looked.location_id = Some(id.as_str().to_owned());
        looked.location = ask_location(app, id).await?;
        match &looked.location {
            Some(location) if !location.is_registered() => {
                let current = app.imported.current_successors(id).await?;
                looked.location_successors = current
                    .iter()
                    .map(|next| Successor { name: next.name.clone(), code: next.id.as_str().to_owned() })
                    .collect();
                if looked.location_successors.is_empty() {
                    looked.location_successors = location
                        .successors
                        .iter()
                        .map(|next| Successor { name: next.name.clone(), code: next.id.as_str().to_owned() })
                        .collect();
                }
            }
            Some(_) => {}
            None => look_for_provider(app, id, &mut looked).await?,
        }
    }
    looked.already = match (&looked.ods_code, &looked.location_id) {
        (Some(ods), Some(location)) => store::has_accounts(&app.database, ods, location).await?,
        _ => false,
    };
    Ok(looked)
}

/// Whether the ID is a provider's: the two look alike, so only the register can tell.
async fn look_for_provider(app: &App, id: &CqcLocationId, looked: &mut Looked) -> Result<(), Interrupt> {
    let Ok(provider_id) = CqcProviderId::parse(id.as_str()) else { return Ok(()) };
    let found = app.ask(&Code::CqcProvider(provider_id)).await.map_err(|error| stop_of(&error))?;
    if let Finding::CqcProvider(provider) = found {
        for location_id in provider.location_ids.iter().take(20) {
            if looked.sites_of_provider.len() >= SITES_NAMED_MAX {
                break;
            }
            if let Some(site) = ask_location(app, location_id).await?
                && site.is_registered()
            {
                looked
                    .sites_of_provider
                    .push(Successor { name: site.name, code: location_id.as_str().to_owned() });
            }
        }
        looked.provider = Some(*provider);
    }
    Ok(())
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
    let asking = Asking::load(app, visit, registrant).await?;
    if !crate::registration::journey::can_visit(asking.answers(), Page::FindSite) {
        return go_to(crate::registration::journey::next(asking.answers()).path());
    }
    let mut fields = crate::web::form::query(&uri);
    if let (Some(site), false) = (&asking.answers().site, fields.has(ODS_FIELD) || fields.has(LOCATION_FIELD))
    {
        fields = Fields::from_pairs([
            (ODS_FIELD, site.ods_code.as_str()),
            (LOCATION_FIELD, site.cqc_location_id.as_str()),
        ]);
    }
    show_page(&codes_page(&asking, asking.visit.form(fields, Problems::none())), &Problems::none())
}

/// POST /register/site-codes
pub async fn save_codes(
    State(app): State<App>,
    visit: Visit,
    registrant: Registrant,
    fields: Fields,
) -> Answer {
    let asking = Asking::load(app, visit, registrant).await?;
    if !crate::registration::journey::can_visit(asking.answers(), Page::FindSite) {
        return go_to(crate::registration::journey::next(asking.answers()).path());
    }
    let mut problems = Problems::none();
    let ods = problems
        .take(ODS_FIELD, OdsSiteCode::parse(fields.text(ODS_FIELD)).map_err(|problem| ods_words(&problem)));
    let location = problems.take(
        LOCATION_FIELD,
        CqcLocationId::parse(fields.text(LOCATION_FIELD)).map_err(|problem| location_words(&problem)),
    );
    let looked = look(&asking.app, ods.as_ref().map(OdsSiteCode::as_str), location.as_ref(), true).await?;
    if problems.is_empty() {
        match judge(&looked, asking.app.clock.now().day()) {
            Choice::Site(site) => return chosen_site(&asking, site).await,
            Choice::Already => return already(&asking).await,
            Choice::Wrong(found) => problems = found,
        }
        // A letter O for a nought, a 1 for an I: say which code was probably meant.
        if problems.of(ODS_FIELD).is_some()
            && looked.ods.is_none()
            && let Some(other) = ods.as_ref().and_then(OdsSiteCode::look_alike)
            && let Some(meant) = verify::ods(&asking.app, &other).await.map_err(|error| stop_of(&error))?
        {
            let mut better = Problems::one(
                ODS_FIELD,
                format!("ODS does not know this code. Is it {other} ({})?", meant.name),
            );
            for (field, words) in problems.iter() {
                better.add(field, words);
            }
            problems = better;
        }
    } else if location.is_some() && ods.is_none() {
        // The wrong ODS code is named already; what is wrong with the location is said as well.
        if let Choice::Wrong(found) = judge(&looked, asking.app.clock.now().day())
            && let Some(words) = found.of(site_choice::LOCATION_FIELD)
        {
            problems.add(LOCATION_FIELD, words);
        }
    }
    show_page(&codes_page(&asking, again(&asking, fields, problems.clone())), &problems)
}

#[derive(askama::Template)]
#[template(path = "registration/pages/confirm_site.html")]
pub struct ConfirmPage {
    pub layout: Layout,
    pub form: Form,
    pub site: SiteAnswer,
    pub question: Radios,
}

fn confirm_page(asking: &Asking, form: Form) -> Result<ConfirmPage, Interrupt> {
    let site = asking.answers().site.clone().ok_or_else(Interrupt::not_found)?;
    Ok(ConfirmPage {
        layout: asking.layout(Page::ConfirmSite, "Is this your site?", &form),
        question: form
            .radios("right", "Is this your site?")
            .in_page()
            .choice("yes", "Yes, this is my site")
            .choice("no", "No, look for another one"),
        form,
        site,
    })
}

pub fn show_confirm(asking: &Asking) -> Answer {
    let fields = if asking.answers().site_confirmed {
        Fields::from_pairs([("right", "yes")])
    } else {
        Fields::default()
    };
    show_page(&confirm_page(asking, asking.visit.form(fields, Problems::none()))?, &Problems::none())
}

pub async fn save_confirm(asking: &Asking, fields: Fields) -> Answer {
    match fields.text("right") {
        "yes" => {
            let answers = asking.keep(|answers| answers.site_confirmed = true).await?;
            onwards(&answers, Page::ConfirmSite)
        }
        "no" => {
            asking
                .keep(|answers| {
                    answers.site = None;
                    answers.site_confirmed = false;
                    answers.dspt = None;
                    answers.proof = None;
                    answers.proof_way = None;
                })
                .await?;
            go_to(Page::FindSite.path())
        }
        _ => {
            let problems = Problems::one("right", "Select yes if this is your site");
            show_page(&confirm_page(asking, again(asking, fields, problems.clone()))?, &problems)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn search_that_is_starting_keeps_what_was_typed() {
        let Interrupt::Refused(refused) = search_is_starting("Rose & Sons OL1") else {
            panic!("it is refused");
        };
        assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
        let (href, _) = refused.next.expect("a way on");
        assert_eq!(href, "/register/find-your-site?q=Rose+%26+Sons+OL1");
    }
}
