//! DSPT, the yearly assessment by which an organisation shows that it keeps data safe.
//!
//! A status is one text with the year in it, "21/22 Standards Met". A year ends on 30 June and an
//! old status stays in the list for years: in the export of September 2022 18 % of published
//! social care rows were of an earlier year. So a level never passes without its year.

use super::{OdsCode, Provenance, day_text, tidy};
use crate::clock::{Day, Timestamp};
use serde::{Deserialize, Serialize};

/// How far an organisation has come, lowest first. An unknown level is kept in its own words and
/// never passes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DsptLevel {
    NotPublished,
    StandardsNotMet,
    /// "Standards not fully met (plan agreed)": for NHS bodies, beside Standards Not Met.
    PlanAgreed,
    /// Ended in March 2021.
    EntryLevel,
    /// Since March 2021.
    ApproachingStandards,
    StandardsMet,
    StandardsExceeded,
    Unknown(String),
}

impl DsptLevel {
    /// The place in the order; nothing for a level nobody has told us about.
    fn rank(&self) -> Option<u8> {
        match self {
            DsptLevel::NotPublished => Some(0),
            DsptLevel::StandardsNotMet | DsptLevel::PlanAgreed => Some(1),
            DsptLevel::EntryLevel => Some(2),
            DsptLevel::ApproachingStandards => Some(3),
            DsptLevel::StandardsMet => Some(4),
            DsptLevel::StandardsExceeded => Some(5),
            DsptLevel::Unknown(_) => None,
        }
    }

    /// Whether this level is at least the other. An unknown level is at least nothing.
    pub fn reaches(&self, threshold: &DsptLevel) -> bool {
        match (self.rank(), threshold.rank()) {
            (Some(own), Some(wanted)) => own >= wanted,
            (None, _) | (_, None) => false,
        }
    }

    fn parse(words: &str) -> Self {
        let plain: String = words.to_ascii_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
        match plain.as_str() {
            "" | "notpublished" => DsptLevel::NotPublished,
            "standardsnotmet" => DsptLevel::StandardsNotMet,
            "standardsnotfullymetplanagreed" => DsptLevel::PlanAgreed,
            "entrylevel" => DsptLevel::EntryLevel,
            "approachingstandards" => DsptLevel::ApproachingStandards,
            "standardsmet" => DsptLevel::StandardsMet,
            "standardsexceeded" => DsptLevel::StandardsExceeded,
            _ => DsptLevel::Unknown(words.trim().to_owned()),
        }
    }
}

impl std::fmt::Display for DsptLevel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            DsptLevel::NotPublished => "Not published",
            DsptLevel::StandardsNotMet => "Standards Not Met",
            DsptLevel::PlanAgreed => "Standards not fully met (plan agreed)",
            DsptLevel::EntryLevel => "Entry Level",
            DsptLevel::ApproachingStandards => "Approaching Standards",
            DsptLevel::StandardsMet => "Standards Met",
            DsptLevel::StandardsExceeded => "Standards Exceeded",
            DsptLevel::Unknown(words) => words,
        })
    }
}

/// The year an assessment is for, from 1 July to 30 June, written `2025/26`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AssessmentYear {
    /// The calendar year in which it begins.
    starts: i16,
}

impl AssessmentYear {
    /// The year that begins on 1 July of the given calendar year.
    pub const fn starting(starts: i16) -> Self {
        AssessmentYear { starts }
    }

    /// The year a day falls in.
    pub fn of(day: Day) -> Self {
        AssessmentYear { starts: if day.month >= 7 { day.year } else { day.year - 1 } }
    }

    /// The year before.
    pub const fn before(self) -> Self {
        AssessmentYear { starts: self.starts - 1 }
    }

    /// The calendar year in which it begins.
    pub const fn starts(self) -> i16 {
        self.starts
    }

    /// Reads `21/22`, `2021/22`, `2022-23` or `19-20`.
    pub fn parse(text: &str) -> Option<Self> {
        let (first, second) = text.trim().split_once(['/', '-'])?;
        let year = |text: &str| -> Option<i16> {
            let digits = text.bytes().all(|b| b.is_ascii_digit());
            match (digits, text.len()) {
                (true, 2) => Some(2000 + text.parse::<i16>().ok()?),
                (true, 4) => text.parse().ok(),
                _ => None,
            }
        };
        let (first, second) = (year(first)?, year(second)?);
        ((2000..=2099).contains(&first) && second == first + 1).then_some(AssessmentYear { starts: first })
    }

    /// Whether an assessment of this year still counts: the year a day falls in counts, and the
    /// one before it, because the new year's need not be published until 30 June.
    pub fn counts_on(self, day: Day) -> bool {
        self >= AssessmentYear::of(day).before()
    }
}

impl std::fmt::Display for AssessmentYear {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{:02}", self.starts, (self.starts + 1).rem_euclid(100))
    }
}

/// Reads a status: a year and a level in either order, as the exports and the search page write it.
pub fn parse_status(text: &str) -> (Option<AssessmentYear>, DsptLevel) {
    let text = tidy(text);
    if let Some((year, level)) = text.split_once(' ')
        && let Some(year) = AssessmentYear::parse(year)
    {
        return (Some(year), DsptLevel::parse(level));
    }
    if let Some(start) = text.rfind('(')
        && let Some(year) = AssessmentYear::parse(text[start + 1..].trim_end_matches(')'))
    {
        return (Some(year), DsptLevel::parse(&text[..start]));
    }
    (None, DsptLevel::parse(&text))
}

/// What the DSPT list says under one code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DsptStatus {
    pub code: OdsCode,
    pub name: String,
    pub level: DsptLevel,
    /// The year of the assessment; nothing when none is published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub year: Option<AssessmentYear>,
    #[serde(default, with = "day_text", skip_serializing_if = "Option::is_none")]
    pub published_on: Option<Day>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sector: Option<String>,
    #[serde(skip)]
    pub gone_from_register_at: Option<Timestamp>,
    #[serde(skip)]
    pub provenance: Provenance,
}

/// Whose assessment covers the site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CoveredBy {
    /// The site's own.
    Site,
    /// Its headquarters'.
    Hq,
}

/// Where a site stands, with what a case worker needs to say why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DsptStanding {
    /// At or above the threshold, for a year that counts.
    Met { by: CoveredBy, level: DsptLevel, year: AssessmentYear, published_on: Option<Day> },
    /// Published for a year that counts, below the threshold.
    BelowThreshold { by: CoveredBy, level: DsptLevel, year: AssessmentYear },
    /// Published for a year that no longer counts.
    Lapsed { by: CoveredBy, level: DsptLevel, year: AssessmentYear },
    /// A level or year nobody has told us about: a person must look.
    Unknown { by: CoveredBy, words: String },
    /// Registered with DSPT, nothing published.
    NotPublished { by: CoveredBy },
    /// Neither the site nor its headquarters is in the list.
    NotListed,
}

impl DsptStanding {
    /// Whether this lets the site join.
    pub fn is_met(&self) -> bool {
        matches!(self, DsptStanding::Met { .. })
    }

    /// How near it is to being met, so that the nearer of two is the one shown.
    fn nearness(&self) -> u8 {
        match self {
            DsptStanding::Met { .. } => 5,
            DsptStanding::BelowThreshold { .. } => 4,
            DsptStanding::Lapsed { .. } => 3,
            DsptStanding::Unknown { .. } => 2,
            DsptStanding::NotPublished { .. } => 1,
            DsptStanding::NotListed => 0,
        }
    }
}

/// Where a site stands today, by its own row or its headquarters'.
///
/// The site's own row wins; the headquarters' is shown where it is nearer to the threshold. A row
/// that a later full list no longer names counts as not listed.
pub fn standing(
    site: Option<&DsptStatus>,
    hq: Option<&DsptStatus>,
    today: Day,
    threshold: &DsptLevel,
) -> DsptStanding {
    let own = one_standing(site, CoveredBy::Site, today, threshold);
    let above = one_standing(hq, CoveredBy::Hq, today, threshold);
    if above.nearness() > own.nearness() { above } else { own }
}

fn one_standing(row: Option<&DsptStatus>, by: CoveredBy, today: Day, threshold: &DsptLevel) -> DsptStanding {
    let Some(row) = row.filter(|row| row.gone_from_register_at.is_none()) else {
        return DsptStanding::NotListed;
    };
    let level = row.level.clone();
    match (&row.level, row.year) {
        (DsptLevel::Unknown(words), _) => DsptStanding::Unknown { by, words: words.clone() },
        (DsptLevel::NotPublished, _) => DsptStanding::NotPublished { by },
        (_, None) => DsptStanding::Unknown { by, words: format!("{level}, without a year") },
        (_, Some(year)) if !year.counts_on(today) => DsptStanding::Lapsed { by, level, year },
        (_, Some(year)) if level.reaches(threshold) => {
            DsptStanding::Met { by, level, year, published_on: row.published_on }
        }
        (_, Some(year)) => DsptStanding::BelowThreshold { by, level, year },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        Day::parse_iso(text).expect("a day")
    }

    fn row(code: &str, status: &str) -> DsptStatus {
        let (year, level) = parse_status(status);
        DsptStatus {
            code: OdsCode::parse(code).expect("a code"),
            name: "A home".to_owned(),
            level,
            year,
            published_on: None,
            sector: None,
            gone_from_register_at: None,
            provenance: Provenance::default(),
        }
    }

    #[test]
    fn every_way_a_status_was_ever_written_is_read() {
        let check = |text: &str, year: Option<i16>, level: DsptLevel| {
            assert_eq!(parse_status(text), (year.map(AssessmentYear::starting), level), "{text:?}");
        };
        check("21/22 Standards Met", Some(2021), DsptLevel::StandardsMet);
        check("2022-23 Standards Met", Some(2022), DsptLevel::StandardsMet);
        check("Standards Met (19-20)", Some(2019), DsptLevel::StandardsMet);
        check("19/20 Entry Level", Some(2019), DsptLevel::EntryLevel);
        check("20/21 Standards Exceeded", Some(2020), DsptLevel::StandardsExceeded);
        check("21/22 Approaching  Standards", Some(2021), DsptLevel::ApproachingStandards);
        check("20/21 Standards Not Met", Some(2020), DsptLevel::StandardsNotMet);
        check("Not Published", None, DsptLevel::NotPublished);
        check("", None, DsptLevel::NotPublished);
        check("Standards not fully met (plan agreed)", None, DsptLevel::PlanAgreed);
        check("20/21 Standards Not fully Met (Plan Agreed)", Some(2020), DsptLevel::PlanAgreed);
        check("25/26 Outcomes Achieved", Some(2025), DsptLevel::Unknown("Outcomes Achieved".into()));
        check("21/23 Standards Met", None, DsptLevel::Unknown("21/23 Standards Met".into()));
    }

    #[test]
    fn a_year_ends_on_30_june_and_the_one_before_still_counts() {
        let check = |year: &str, today: &str, counts: bool| {
            let year = AssessmentYear::parse(year).expect("a year");
            assert_eq!(year.counts_on(day(today)), counts, "{year} on {today}");
        };
        check("21/22", "2022-06-30", true);
        check("21/22", "2022-09-09", true);
        check("21/22", "2023-06-30", true);
        check("21/22", "2023-07-01", false);
        check("22/23", "2022-09-09", true);
        check("20/21", "2022-06-30", true);
        check("20/21", "2022-07-01", false);
        assert_eq!(AssessmentYear::of(day("2026-03-02")).to_string(), "2025/26");
        assert_eq!(AssessmentYear::starting(2099).to_string(), "2099/00");
    }

    #[test]
    fn a_site_stands_by_its_own_row_or_its_headquarters() {
        let today = day("2022-09-09");
        let at = |site: Option<&str>, hq: Option<&str>| {
            let (site, hq) = (site.map(|s| row("VN139", s)), hq.map(|s| row("AQ8C", s)));
            standing(site.as_ref(), hq.as_ref(), today, &DsptLevel::ApproachingStandards)
        };
        let met = |by, level, starts| DsptStanding::Met {
            by,
            level,
            year: AssessmentYear::starting(starts),
            published_on: None,
        };
        assert_eq!(
            at(Some("21/22 Standards Met"), None),
            met(CoveredBy::Site, DsptLevel::StandardsMet, 2021)
        );
        assert_eq!(
            at(Some("22/23 Approaching Standards"), None),
            met(CoveredBy::Site, DsptLevel::ApproachingStandards, 2022)
        );
        assert_eq!(
            at(None, Some("21/22 Standards Exceeded")),
            met(CoveredBy::Hq, DsptLevel::StandardsExceeded, 2021)
        );
        assert_eq!(
            at(Some("19/20 Standards Met"), Some("21/22 Standards Met")),
            met(CoveredBy::Hq, DsptLevel::StandardsMet, 2021)
        );
        assert!(matches!(
            at(Some("20/21 Standards Met"), None),
            DsptStanding::Lapsed { by: CoveredBy::Site, .. }
        ));
        assert!(matches!(at(Some("21/22 Entry Level"), None), DsptStanding::BelowThreshold { .. }));
        assert!(matches!(
            at(Some("21/22 Standards Not Met"), Some("Not Published")),
            DsptStanding::BelowThreshold { by: CoveredBy::Site, .. }
        ));
        assert!(matches!(at(Some("21/22 Wonderful"), None), DsptStanding::Unknown { .. }));
        assert!(matches!(at(Some("Standards Met"), None), DsptStanding::Unknown { .. }));
        assert_eq!(at(Some("Not Published"), None), DsptStanding::NotPublished { by: CoveredBy::Site });
        assert_eq!(at(None, None), DsptStanding::NotListed);
    }

    #[test]
    fn an_unknown_level_never_passes_whatever_the_threshold() {
        assert!(!DsptLevel::Unknown("Outcomes Achieved".into()).reaches(&DsptLevel::NotPublished));
        assert!(!DsptLevel::StandardsExceeded.reaches(&DsptLevel::Unknown("x".into())));
        assert!(!DsptLevel::EntryLevel.reaches(&DsptLevel::ApproachingStandards));
    }
}
