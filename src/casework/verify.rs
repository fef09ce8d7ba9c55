//! Asking the registers, and our own tables, what the checks of a registration need to know.

use crate::app::App;
use crate::clock::{Span, Timestamp};
use crate::database::{Reads, transaction};
use crate::directory::{self, KnownOrganisation, Scope};
use crate::outbox::store::Taken;
use crate::outbox::{self, Work, WorkError};
use crate::register::site_contacts::ContactIdHash;
use crate::register::{
    AskError, Code, CqcLocation, CqcLocationId, DsptStanding, Finding, OdsOrganisation, OdsSiteCode,
};
use crate::registration::answers::{Proof, SiteAnswer};
use crate::registration::checks::{self, Bounds, Findings, RegisterCheck, Verdict};
use crate::registration::store::{self as registrations, Saved};
use crate::registration::{Registration, RegistrationState, verify as registers};

/// Runs the checks of a sent registration and keeps their evidence: on to the decision where all is
/// green, to a case worker where something is not, again later where a register did not answer.
///
/// # Errors
/// Later, while a register does not answer.
pub async fn run_checks(app: &App, taken: &Taken, id: &str) -> Result<(), WorkError> {
    let Some(case) = registrations::find(&app.database, id).await? else { return Ok(()) };
    if !matches!(case.state, RegistrationState::Submitted | RegistrationState::Checking) {
        // Withdrawn, stopped, or decided by a case worker in the meantime.
        return Ok(());
    }
    let checks = check(app, &case).await?;
    let verdict = checks::verdict(&checks);
    let (taken, now) = (taken.clone(), app.clock.now());
    let later = match &verdict {
        Verdict::AskAgain(what) => Some(what.clone()),
        Verdict::Straight | Verdict::Refer { .. } => None,
    };
    app.database
        .write::<_, WorkError, _>(transaction!(async move |tx| {
            let id = case.id.clone();
            match verdict {
                Verdict::AskAgain(_) => {
                    registrations::save_checks(tx, &id, &checks).await?;
                    if case.state == RegistrationState::Submitted
                        && let Ok(change) = case.begin_checking()
                    {
                        let _: Saved = registrations::save(tx, now, &change).await?;
                    }
                    return Ok(());
                }
                Verdict::Straight => {
                    if !outbox::store::done(tx, now, &taken).await? {
                        return Ok(());
                    }
                    registrations::save_checks(tx, &id, &checks).await?;
                    outbox::store::queue(tx, now, now, &Work::Decide { registration: id }).await?;
                }
                Verdict::Refer { because, high_risk } => {
                    if !outbox::store::done(tx, now, &taken).await? {
                        return Ok(());
                    }
                    registrations::save_checks(tx, &id, &checks).await?;
                    if let Ok(change) = case.refer(&because, high_risk)
                        && registrations::save(tx, now, &change).await? == Saved::VersionConflict
                    {
                        return Err(WorkError::Later("the registration changed meanwhile".to_owned()));
                    }
                }
            }
            Ok(())
        }))
        .await?;
    match later {
        Some(what) => Err(WorkError::Later(format!("no answer yet: {what}"))),
        None => Ok(()),
    }
}

/// Everything the checks need, asked now, and judged.
///
/// # Errors
/// What the database answered; a register that does not answer is a check without an outcome.
pub async fn check(app: &App, case: &Registration) -> Result<Vec<RegisterCheck>, WorkError> {
    let never = |what: &str| WorkError::Never(format!("registration {} has no {what}", case.reference));
    let site = case.answers.site.as_ref().ok_or_else(|| never("site"))?;
    let proof = case.answers.proof.as_ref().ok_or_else(|| never("proof"))?;
    let now = app.clock.now();
    let findings = findings(app, case, site, proof, now).await?;
    let bounds = Bounds {
        today: now.day(),
        now,
        recent_owner: Span::days(i64::from(app.settings.recent_owner_days)),
        registrations_max: i64::from(app.settings.registrations_a_person_max),
    };
    Ok(checks::judge(site, proof, &findings, bounds))
}

fn wrong_code(what: impl std::fmt::Display) -> AskError {
    AskError::Never(what.to_string())
}

async fn ods(app: &App, site: &SiteAnswer) -> Result<Option<OdsOrganisation>, AskError> {
    let code = OdsSiteCode::parse(&site.ods_code).map_err(wrong_code)?;
    registers::ods(app, &code).await
}

async fn location(app: &App, site: &SiteAnswer) -> Result<Option<CqcLocation>, AskError> {
    let id = CqcLocationId::parse(&site.cqc_location_id).map_err(wrong_code)?;
    Ok(match app.ask(&Code::CqcLocation(id)).await? {
        Finding::CqcLocation(found) => Some(*found),
        Finding::NotFound | Finding::Ods(_) | Finding::CqcProvider(_) | Finding::Dspt(_) => None,
    })
}

async fn dspt(app: &App, site: &SiteAnswer, now: Timestamp) -> Result<DsptStanding, AskError> {
    let code = OdsSiteCode::parse(&site.ods_code).map_err(wrong_code)?;
    Ok(app.imported.dspt_standing(&code, now.day(), &checks::dspt_threshold(&app.settings)).await?)
}

async fn dspt_evidence(app: &App, site: &SiteAnswer) -> String {
    let Ok(code) = OdsSiteCode::parse(&site.ods_code) else { return String::new() };
    let hq = app.imported.hq_of_site(&code).await.ok().flatten();
    let mut seen = Vec::new();
    for code in [Some(code.any()), hq].into_iter().flatten() {
        if let Ok(Some(row)) = crate::register::store::dspt(&app.database, &code).await {
            seen.push(format!("{} ({}): {}", row.name, row.code, checks::seen(&row.provenance)));
        }
    }
    seen.join("; ")
}

/// Whether the contact ID that was typed is still that of the site.
async fn contact_id_matches(app: &App, site: &SiteAnswer, proof: &Proof) -> Result<Option<bool>, WorkError> {
    let Proof::ContactId { hash } = proof else { return Ok(None) };
    let Ok(location) = CqcLocationId::parse(&site.cqc_location_id) else { return Ok(None) };
    let contacts = crate::register::store::site_contacts(&app.database, &location).await?;
    let known: Vec<ContactIdHash> = contacts
        .into_iter()
        .flat_map(|contacts| contacts.contacts)
        .filter_map(|contact| contact.contact_id)
        .collect();
    if known.is_empty() {
        return Ok(None);
    }
    let typed: Result<ContactIdHash, _> = serde_json::from_value(serde_json::Value::String(hash.clone()));
    Ok(Some(typed.is_ok_and(|typed| known.contains(&typed))))
}

async fn findings(
    app: &App,
    case: &Registration,
    site: &SiteAnswer,
    proof: &Proof,
    now: Timestamp,
) -> Result<Findings, WorkError> {
    let people = &case.answers.people;
    let mut already = directory::store::find_site_by_ods_code(&app.database, &site.ods_code).await?;
    if already.is_none() {
        already = directory::store::find_site_by_cqc_location(&app.database, &site.cqc_location_id).await?;
    }
    let mut people_taken = Vec::new();
    let mut accounts_not_found = Vec::new();
    let new: Vec<_> = people.iter().filter(|person| person.has_account.is_none()).collect();
    let contacts: Vec<_> = new.iter().map(|person| (&person.email, &person.mobile)).collect();
    for (place, contact) in directory::store::taken_contacts(&app.database, &contacts).await? {
        if let Some(person) = new.get(place) {
            people_taken.push(format!("{} ({})", person.full_name(), contact.in_words()));
        }
    }
    for place in registrations::people_in_other_registrations(&app.database, &case.id, people).await? {
        people_taken.push(format!("{} (another registration)", people[place].full_name()));
    }
    for person in people {
        let Some(address) = &person.has_account else { continue };
        let account = directory::store::find_account_by_address(&app.database, address.as_str()).await?;
        let is_theirs =
            account.is_some_and(|account| directory::same_last_name(&account.last_name, &person.last_name));
        if !is_theirs {
            accounts_not_found.push(person.full_name());
        }
    }
    let town = case.answers.town.as_deref().unwrap_or(&site.town);
    let mut look_alikes =
        directory::store::list_look_alike_sites(&Scope::All, &app.database, &site.name, town, &site.ods_code)
            .await?;
    for (place, person) in people.iter().enumerate() {
        for other in &people[..place] {
            if directory::address::look_alike(&person.full_name(), &other.full_name()) {
                look_alikes.push(format!("{} and {}", other.full_name(), person.full_name()));
            }
        }
    }
    let email = case.registrant_email().map_or("", |email| email.as_str());
    Ok(Findings {
        ods: ods(app, site).await,
        location: location(app, site).await,
        dspt: dspt(app, site, now).await,
        dspt_evidence: dspt_evidence(app, site).await,
        contact_id_matches: contact_id_matches(app, site, proof).await?,
        already: already.map(|site| site.name),
        people_taken,
        accounts_not_found,
        registrations_lately: registrations::count_lately(
            &app.database,
            &case.browser,
            email,
            now.minus(registrations::LATELY),
        )
        .await?,
        look_alikes,
    })
}

/// Whose site it is, as the imported registers say; by the name that was confirmed where they say nothing.
pub async fn organisation_of(
    app: &App,
    case: &Registration,
) -> Result<KnownOrganisation, crate::database::Error> {
    let Some(site) = &case.answers.site else { return Ok(KnownOrganisation::unknown("")) };
    let provider = match CqcLocationId::parse(&site.cqc_location_id) {
        Ok(id) => {
            let location = crate::register::store::location(&app.database, &id).await?;
            location.and_then(|location| location.provider_id)
        }
        Err(_) => None,
    };
    let hq = match OdsSiteCode::parse(&site.ods_code) {
        Ok(code) => app.imported.hq_of_site(&code).await?,
        Err(_) => None,
    };
    let name = if site.provider_name.is_empty() { &site.name } else { &site.provider_name };
    Ok(KnownOrganisation {
        name: name.clone(),
        hq_ods_code: hq.map(|code| code.to_string()),
        cqc_provider_id: provider.map(|id| id.to_string()),
    })
}

/// When the oldest evidence of a registration was read.
pub async fn oldest_evidence(
    from: &impl Reads,
    registration: &str,
) -> Result<Option<Timestamp>, crate::database::Error> {
    let checks = registrations::list_checks(from, registration).await?;
    Ok(checks.iter().map(|check| check.checked_at).min())
}
