//! The DSPT, looked up and not asked: level, year, whose; and what to do where it is not enough.

use super::{Asking, onwards};
use crate::register::dspt::{CoveredBy, DsptLevel};
use crate::register::{DsptStanding, OdsSiteCode};
use crate::registration::answer::OneAnswer;
use crate::registration::answers::DsptAnswer;
use crate::registration::checks::{dspt_threshold, dspt_words};
use crate::registration::journey::Page;
use crate::registration::verify;
use crate::web::{Answer, Fields, Form, Interrupt, Layout, go_to};

#[derive(askama::Template)]
#[template(path = "registration/pages/dspt.html")]
pub struct DsptPage {
    pub layout: Layout,
    pub form: Form,
    pub site: String,
    pub code: String,
    pub words: String,
    pub is_met: bool,
    pub threshold: String,
    /// What exactly is missing, where something is.
    pub missing: String,
    pub draft_days: u16,
}

async fn look(asking: &Asking) -> Result<DsptStanding, Interrupt> {
    let site = asking.answers().site.as_ref().ok_or_else(Interrupt::not_found)?;
    let code = OdsSiteCode::parse(&site.ods_code)
        .map_err(|problem| Interrupt::fault("reading the ODS code of a draft", problem))?;
    Ok(verify::dspt(&asking.app, &code).await?)
}

/// What is missing, for a standing that is not met.
fn missing(standing: &DsptStanding, threshold: &DsptLevel) -> String {
    match standing {
        DsptStanding::Met { .. } => String::new(),
        DsptStanding::BelowThreshold { level, .. } => {
            format!("You published {level}. You need {threshold} or higher.")
        }
        DsptStanding::Lapsed { year, .. } => format!(
            "Your last assessment was for {year}. A DSPT must be published again each year, by 30 June."
        ),
        DsptStanding::Unknown { .. } => {
            "We cannot tell from the register which level you have. Call our helpdesk and we will look.".to_owned()
        }
        DsptStanding::NotPublished { .. } => {
            "You are registered with the DSPT. You have not published an assessment yet.".to_owned()
        }
        DsptStanding::NotListed => {
            "The DSPT lists neither your site nor its head office. You have to register with it and publish an assessment.".to_owned()
        }
    }
}

pub async fn show(asking: &Asking) -> Answer {
    let standing = look(asking).await?;
    let threshold = dspt_threshold(&asking.app.settings);
    let site = asking.answers().site.clone().ok_or_else(Interrupt::not_found)?;
    let title = if standing.is_met() { "Your DSPT is in place" } else { "Your DSPT is not in place yet" };
    asking.visit.show_form(Fields::default(), |form| DsptPage {
        layout: asking.layout(Page::Dspt, title, &form),
        form,
        site: site.name,
        code: site.ods_code,
        words: dspt_words(&standing),
        is_met: standing.is_met(),
        missing: missing(&standing, &threshold),
        threshold: threshold.to_string(),
        draft_days: asking.app.settings.draft_days,
    })
}

pub async fn save(asking: &Asking) -> Answer {
    let standing = look(asking).await?;
    let DsptStanding::Met { by, level, year, .. } = &standing else { return go_to(Page::Dspt.path()) };
    let answer = DsptAnswer { words: format!("{level} for {year}"), by_hq: *by == CoveredBy::Hq };
    match asking.save("", OneAnswer::Dspt(answer)).await? {
        Ok(answers) => onwards(&answers, Page::Dspt),
        // Nothing was typed, so the page as it is now says it all.
        Err(_) => go_to(Page::Dspt.path()),
    }
}
