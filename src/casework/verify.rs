//! Asking the registers, and our own tables, what the checks of a registration need to know.

use crate::app::App;
use crate::clock::{Span, Timestamp};
use crate::contact::Email;
use crate::database::{Error, Reads, Tx};
use crate::directory::freeze::Frozen;
use crate::directory::{self, KnownOrganisation, Scope};
use crate::register::site_contacts::SiteContacts;
use crate::register::{AskError, CqcLocation, CqcLocationId, DsptStanding, OdsOrganisation, OdsSiteCode};
use crate::registration::answers::{Proof, SiteAnswer};
use crate::registration::checks::{self, Bounds, Findings, OnRecordToday, ProofFindings, RegisterCheck};
use crate::registration::store as registrations;
use crate::registration::{Registration, verify as registers};
use crate::settings::SecretKey;
use crate::sign_in::secrets::recipient_hash;

/// Everything the checks need, asked now, and judged. A register that does not answer is a check without
/// an outcome.
///
/// # Errors
/// A fault: what the database answered.
pub async fn check(app: &App, case: &Registration) -> Result<Vec<RegisterCheck>, Error> {
    let now = app.clock.now();
    let findings = findings(app, case, now).await?;
    let bounds = Bounds {
        today: now.day(),
        now,
        recent_owner: Span::days(i64::from(app.settings.recent_owner_days)),
        registrations_max: i64::from(app.settings.registrations_a_person_max),
    };
    Ok(checks::judge(&case.answers, &findings, bounds))
}

/// What a register said, or that it did not answer; a fault of ours is neither.
fn answered<T>(asked: Result<T, AskError>) -> Result<Result<T, AskError>, Error> {
    match asked {
        Err(AskError::Fault(error)) => Err(error),
        other @ (Ok(_) | Err(AskError::Later(_) | AskError::Never(_))) => Ok(other),
    }
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
    registers::location(app, &id).await
}

async fn dspt(app: &App, site: &SiteAnswer) -> Result<DsptStanding, AskError> {
    let code = OdsSiteCode::parse(&site.ods_code).map_err(wrong_code)?;
    Ok(registers::dspt(app, &code).await?)
}

async fn dspt_evidence(app: &App, site: &SiteAnswer) -> Result<String, Error> {
    let Ok(code) = OdsSiteCode::parse(&site.ods_code) else { return Ok(String::new()) };
    let hq = app.imported.hq_of_site(&code).await?;
    let mut seen = Vec::new();
    for code in [Some(code.any()), hq].into_iter().flatten() {
        if let Some(row) = crate::register::store::dspt(&app.database, &code).await? {
            seen.push(format!("{} ({}): {}", row.name, row.code, checks::seen(&row.provenance)));
        }
    }
    Ok(seen.join("; "))
}

/// What is on record today for the site that a proof is claimed for.
async fn proof_findings(
    from: &impl Reads,
    key: &SecretKey,
    site: &SiteAnswer,
    proof: &Proof,
) -> Result<ProofFindings, Error> {
    let contacts = match CqcLocationId::parse(&site.cqc_location_id) {
        Ok(location) => crate::register::store::site_contacts(from, &location).await?,
        Err(_) => None,
    };
    let among = |known: &[&str], shown: &str| match known {
        [] => OnRecordToday::Nothing,
        known if known.contains(&shown) => OnRecordToday::Same,
        _ => OnRecordToday::Other,
    };
    let ids = contacts.iter().flat_map(|contacts| &contacts.contacts);
    let ids: Vec<&str> = ids.filter_map(|contact| Some(contact.contact_id.as_ref()?.as_str())).collect();
    let emails: Vec<String> = contacts
        .iter()
        .flat_map(SiteContacts::emails)
        .filter_map(|email| Email::parse(email).ok())
        .map(|email| recipient_hash(key, email.as_str()))
        .collect();
    let emails: Vec<&str> = emails.iter().map(String::as_str).collect();
    let on_record = match proof {
        Proof::ContactId { hash, .. } => among(&ids, hash),
        Proof::EmailedCode { recipient, .. } => among(&emails, recipient),
        Proof::CallBack { .. } => OnRecordToday::NotCompared,
    };
    Ok(ProofFindings { on_record, site_can_be_told: !emails.is_empty() })
}

/// The checks that stand in our own tables, judged again in the transaction of a decision.
///
/// # Errors
/// What the database answered.
pub async fn check_again(
    tx: &mut Tx,
    key: &SecretKey,
    now: Timestamp,
    case: &Registration,
) -> Result<[RegisterCheck; 2], Error> {
    let site = &case.answers.site;
    let proof = proof_findings(tx, key, site, &case.answers.proof).await?;
    let already = already(tx, site).await?;
    let others = registrations::list_others_of_site(tx, &case.id, site).await?;
    Ok(checks::judge_again(&case.answers, proof, already.as_deref(), &others, now))
}

/// The name of a site with accounts under either code.
async fn already(from: &impl Reads, site: &SiteAnswer) -> Result<Option<String>, Error> {
    if let Some(found) = directory::store::find_site_by_ods_code(from, &site.ods_code).await? {
        return Ok(Some(found.name));
    }
    let found = directory::store::find_site_by_cqc_location(from, &site.cqc_location_id).await?;
    Ok(found.map(|site| site.name))
}

async fn findings(app: &App, case: &Registration, now: Timestamp) -> Result<Findings, Error> {
    let (site, proof, people) = (&case.answers.site, &case.answers.proof, &case.answers.people);
    let code = Frozen::Site { ods_code: site.ods_code.clone() };
    let freeze = directory::store::find_freeze_of(&app.database, &code).await?;
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
    let town = &case.answers.town;
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
    Ok(Findings {
        ods: answered(ods(app, site).await)?,
        location: answered(location(app, site).await)?,
        dspt: answered(dspt(app, site).await)?,
        dspt_evidence: dspt_evidence(app, site).await?,
        proof: proof_findings(&app.database, &app.key, site, proof).await?,
        already: already(&app.database, site).await?,
        others: registrations::list_others_of_site(&app.database, &case.id, site).await?,
        people_taken,
        accounts_not_found,
        registrations_lately: registrations::count_lately(
            &app.database,
            &case.browser,
            case.answers.email.as_str(),
            now.minus(registrations::LATELY),
        )
        .await?,
        look_alikes,
        frozen_at: freeze.map(|freeze| freeze.frozen_at),
    })
}

/// Whose site it is, as the imported registers say; by the name that was confirmed where they say nothing.
///
/// # Errors
/// A fault.
pub async fn organisation_of(app: &App, case: &Registration) -> Result<KnownOrganisation, Error> {
    let site = &case.answers.site;
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
