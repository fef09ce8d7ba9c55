//! The registers as imported: the one every installation has.

use super::dspt::{DsptLevel, DsptStanding, standing};
use super::{
    AskError, Code, CqcLocation, CqcLocationId, CqcProviderId, Finding, OdsCode, OdsSiteCode, Register, store,
};
use crate::clock::Day;
use crate::database::{BoxFuture, Database, Result};

/// How many times a location's successor is followed: the longest chain seen has four links.
const SUCCESSIONS_MAX: usize = 10;

/// The imported registers in the database.
#[derive(Clone)]
pub struct Imported {
    database: Database,
}

impl Imported {
    pub fn new(database: Database) -> Self {
        Imported { database }
    }

    /// The locations CQC lists under a site's ODS code, the registered one first.
    pub async fn site_of_ods(&self, code: &OdsCode) -> Result<Vec<CqcLocation>> {
        store::locations_of_ods(&self.database, code).await
    }

    /// Whether a number given for a location is really a provider's: the two have one shape, and
    /// people copy the wrong one from the same certificate.
    pub async fn is_provider_number(&self, id: &CqcLocationId) -> Result<bool> {
        let Ok(id) = CqcProviderId::parse(id.as_str()) else {
            return Ok(false);
        };
        // Directories name the provider of each location without a row for the provider itself.
        Ok(store::provider(&self.database, &id).await?.is_some()
            || !store::locations_of_provider(&self.database, &id).await?.is_empty())
    }

    /// The locations that stand now where this one did: its successors, and theirs, as far as they
    /// are registered.
    pub async fn current_successors(&self, id: &CqcLocationId) -> Result<Vec<CqcLocation>> {
        let mut current = Vec::new();
        let mut seen = vec![id.clone()];
        let mut next = vec![id.clone()];
        for _ in 0..SUCCESSIONS_MAX {
            let mut later = Vec::new();
            for id in &next {
                let Some(location) = store::location(&self.database, id).await? else {
                    continue;
                };
                for successor in &location.successors {
                    if !seen.contains(&successor.id) {
                        seen.push(successor.id.clone());
                        later.push(successor.id.clone());
                    }
                }
                if location.is_registered() && *id != seen[0] {
                    current.push(location);
                }
            }
            if later.is_empty() {
                break;
            }
            next = later;
        }
        Ok(current)
    }

    /// The ODS codes that took over from this one, and from those, last ones first.
    pub async fn ods_successors(&self, code: &OdsCode) -> Result<Vec<OdsCode>> {
        let mut found: Vec<OdsCode> = Vec::new();
        let mut next = vec![code.clone()];
        for _ in 0..SUCCESSIONS_MAX {
            let mut later = Vec::new();
            for code in &next {
                for succession in store::successors(&self.database, code).await? {
                    if succession.successor != *code && !found.contains(&succession.successor) {
                        found.push(succession.successor.clone());
                        later.push(succession.successor);
                    }
                }
            }
            if later.is_empty() {
                break;
            }
            next = later;
        }
        found.reverse();
        Ok(found)
    }

    /// Where a site stands with DSPT today: by its own row, or by that of its headquarters, which
    /// is ODS's parent of the site or, failing that, the ODS code CQC has for the provider.
    pub async fn dspt_standing(
        &self,
        site: &OdsSiteCode,
        today: Day,
        threshold: &DsptLevel,
    ) -> Result<DsptStanding> {
        let own = store::dspt(&self.database, &site.any()).await?;
        let hq = match self.hq_of_site(site).await? {
            Some(hq) => store::dspt(&self.database, &hq).await?,
            None => None,
        };
        Ok(standing(own.as_ref(), hq.as_ref(), today, threshold))
    }

    /// The headquarters' code of a site.
    pub async fn hq_of_site(&self, site: &OdsSiteCode) -> Result<Option<OdsCode>> {
        let organisation = store::organisation(&self.database, &site.any()).await?;
        if let Some(parent) = organisation.and_then(|organisation| organisation.parent) {
            return Ok(Some(parent));
        }
        for location in store::locations_of_ods(&self.database, &site.any()).await? {
            if location.is_registered()
                && let Some(id) = &location.provider_id
                && let Some(provider) = store::provider(&self.database, id).await?
                && provider.ods_code.is_some()
            {
                return Ok(provider.ods_code);
            }
        }
        Ok(None)
    }

    async fn ask(&self, code: &Code) -> std::result::Result<Finding, AskError> {
        Ok(match code {
            Code::OdsSite(code) => store::organisation(&self.database, &code.any())
                .await?
                .map(|found| Finding::Ods(Box::new(found))),
            Code::OdsHq(code) => store::organisation(&self.database, &code.any())
                .await?
                .map(|found| Finding::Ods(Box::new(found))),
            Code::CqcLocation(id) => {
                store::location(&self.database, id).await?.map(|found| Finding::CqcLocation(Box::new(found)))
            }
            Code::CqcProvider(id) => {
                store::provider(&self.database, id).await?.map(|found| Finding::CqcProvider(Box::new(found)))
            }
            Code::Dspt(code) => {
                store::dspt(&self.database, code).await?.map(|found| Finding::Dspt(Box::new(found)))
            }
        }
        .unwrap_or(Finding::NotFound))
    }
}

impl Register for Imported {
    fn name(&self) -> &'static str {
        "the imported registers"
    }

    fn knows(&self, _code: &Code) -> bool {
        true
    }

    fn find<'a>(&'a self, code: &'a Code) -> BoxFuture<'a, std::result::Result<Finding, AskError>> {
        Box::pin(self.ask(code))
    }
}
