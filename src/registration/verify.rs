//! Asking the registers what the questions of a draft and the checks of a registration need to know.

use super::answers::Answers;
use super::site_choice::{Looked, Successor};
use super::store::{self, SiteHeld};
use crate::app::App;
use crate::contact::Email;
use crate::database::{Error, Reads};
use crate::register::site_contacts::SiteContacts;
use crate::register::{
    AskError, Code, CqcLocation, CqcLocationId, CqcProviderId, DsptStanding, Finding, OdsOrganisation,
    OdsSiteCode,
};
use crate::registration::checks::dspt_threshold;

/// Sites named when somebody types a provider's ID.
const SITES_NAMED_MAX: usize = 3;
/// Sites of a provider that are asked about to find those to name.
const SITES_ASKED_MAX: usize = 20;

/// What ODS says of a site's code.
///
/// # Errors
/// Why it does not answer.
pub async fn ods(app: &App, code: &OdsSiteCode) -> Result<Option<OdsOrganisation>, AskError> {
    Ok(match app.ask(&Code::OdsSite(code.clone())).await? {
        Finding::Ods(found) => Some(*found),
        Finding::NotFound | Finding::CqcLocation(_) | Finding::CqcProvider(_) | Finding::Dspt(_) => None,
    })
}

/// What CQC says of a location.
///
/// # Errors
/// Why it does not answer.
pub async fn location(app: &App, id: &CqcLocationId) -> Result<Option<CqcLocation>, AskError> {
    Ok(match app.ask(&Code::CqcLocation(id.clone())).await? {
        Finding::CqcLocation(found) => Some(*found),
        Finding::NotFound | Finding::Ods(_) | Finding::CqcProvider(_) | Finding::Dspt(_) => None,
    })
}

/// How a site stands with the DSPT today.
///
/// # Errors
/// A fault: the DSPT is imported and never asked.
pub async fn dspt(app: &App, code: &OdsSiteCode) -> Result<DsptStanding, Error> {
    let today = app.clock.now().day();
    app.imported.dspt_standing(code, today, &dspt_threshold(&app.settings)).await
}

/// Everything that judging a choice of site needs ([`super::site_choice::judge`]). `typed` says whether
/// the codes were typed instead of chosen.
///
/// # Errors
/// Why a register does not answer.
pub async fn site(
    app: &App,
    ods_code: Option<&OdsSiteCode>,
    location_id: Option<&CqcLocationId>,
    typed: bool,
) -> Result<Looked, AskError> {
    let mut looked = Looked { typed, ..Looked::default() };
    if let Some(code) = ods_code {
        looked.ods_code = Some(code.as_str().to_owned());
        looked.ods = ods(app, code).await?;
        if looked.ods.as_ref().is_some_and(|ods| !ods.is_open(app.clock.now().day())) {
            for next in app.imported.ods_successors(&code.any()).await? {
                if looked.ods_successors.len() >= SITES_NAMED_MAX {
                    break;
                }
                let known = crate::register::store::organisation(&app.database, &next).await?;
                if known.is_some_and(|known| !known.is_open(app.clock.now().day())) {
                    continue;
                }
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
    if let Some(id) = location_id {
        looked.location_id = Some(id.as_str().to_owned());
        looked.location = location(app, id).await?;
        match &looked.location {
            Some(found) if !found.is_registered() => {
                looked.location_successors = app
                    .imported
                    .current_successors(id)
                    .await?
                    .iter()
                    .map(|next| Successor { name: next.name.clone(), code: next.id.as_str().to_owned() })
                    .collect();
                if looked.location_successors.is_empty() {
                    // Those that no list has shown us may be registered; those that are known are not.
                    for next in &found.successors {
                        if crate::register::store::location(&app.database, &next.id).await?.is_none() {
                            let code = next.id.as_str().to_owned();
                            looked.location_successors.push(Successor { name: next.name.clone(), code });
                        }
                    }
                }
            }
            Some(_) => {}
            None => provider(app, id, &mut looked).await?,
        }
    }
    looked.held = match (&looked.ods_code, &looked.location_id) {
        (Some(ods), Some(location)) => store::who_holds(&app.database, ods, location).await?,
        (None, _) | (_, None) => SiteHeld::Free,
    };
    Ok(looked)
}

/// Whether the ID is a provider's: the two look alike, so only the register can tell.
async fn provider(app: &App, id: &CqcLocationId, looked: &mut Looked) -> Result<(), AskError> {
    let Ok(provider_id) = CqcProviderId::parse(id.as_str()) else { return Ok(()) };
    if let Finding::CqcProvider(provider) = app.ask(&Code::CqcProvider(provider_id)).await? {
        for location_id in provider.location_ids.iter().take(SITES_ASKED_MAX) {
            if looked.sites_of_provider.len() >= SITES_NAMED_MAX {
                break;
            }
            if let Some(site) = location(app, location_id).await?
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

/// What is on record for a site, as far as it decides how somebody can prove that they act for it.
#[derive(Clone, Debug)]
pub struct OnRecord {
    pub location: CqcLocationId,
    pub contacts: Option<SiteContacts>,
    /// The number CQC publishes; none, too, while CQC does not answer.
    pub telephone: Option<String>,
}

impl OnRecord {
    /// What is on record for the site that was chosen; nothing before one was.
    ///
    /// # Errors
    /// A fault.
    pub async fn of(app: &App, answers: &Answers) -> Result<Option<Self>, Error> {
        let Some(location) = location_of(answers)? else { return Ok(None) };
        let contacts = crate::register::store::site_contacts(&app.database, &location).await?;
        let telephone = match self::location(app, &location).await {
            Ok(found) => found.and_then(|found| found.telephone),
            Err(AskError::Fault(error)) => return Err(error),
            Err(AskError::Later(_) | AskError::Never(_)) => None,
        };
        Ok(Some(OnRecord { location, contacts, telephone }))
    }

    /// The address a code can be sent to.
    pub fn email(&self) -> Option<Email> {
        self.contacts.as_ref().and_then(first_email)
    }

    pub fn has_contact_id(&self) -> bool {
        self.contacts
            .as_ref()
            .is_some_and(|contacts| contacts.contacts.iter().any(|contact| contact.contact_id.is_some()))
    }
}

fn first_email(contacts: &SiteContacts) -> Option<Email> {
    contacts.emails().find_map(|email| Email::parse(email).ok())
}

/// The location of the site that was chosen; nothing before one was.
///
/// # Errors
/// A fault where what is stored is no location.
pub fn location_of(answers: &Answers) -> Result<Option<CqcLocationId>, Error> {
    let Some(site) = &answers.site else { return Ok(None) };
    let id = CqcLocationId::parse(&site.cqc_location_id)
        .map_err(|_| Error::Broken(format!("a draft with location {}", site.cqc_location_id)))?;
    Ok(Some(id))
}

/// The address that CQC holds for the contact of a location.
///
/// # Errors
/// A fault.
pub async fn site_email(from: &impl Reads, location: &CqcLocationId) -> Result<Option<Email>, Error> {
    let contacts = crate::register::store::site_contacts(from, location).await?;
    Ok(contacts.as_ref().and_then(first_email))
}
