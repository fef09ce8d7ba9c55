//! Days as the registers write them: in cells, in the names of files, in the lines before a header.
//!
//! A day with slashes can be read in two orders. Which one a file uses is decided from all of its days at
//! once ([`Order::of`]); a file that cannot be decided is refused.

use crate::clock::{Day, month_of};
use std::collections::BTreeSet;

/// From how many different days on that could be read in either order a file is refused. Of twenty days
/// taken by chance all can be read in both in one file of a hundred million; below, the order that all
/// registers document (day before month) is taken.
const AMBIGUOUS_MAX: usize = 20;
/// Years that a register's day can be of. Organisations opened in 1900 are in ODS.
const YEARS: std::ops::RangeInclusive<i16> = 1800..=2200;

/// A day as it stands in a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// It can be read in one way.
    Plain(Day),
    /// Two numbers before a year: `03/04/2026`.
    Numbers(i8, i8, i16),
}

/// Which of the two numbers before a year is the day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    #[default]
    DayFirst,
    MonthFirst,
}

fn year(text: &str) -> Option<i16> {
    let number: i16 = text.parse().ok()?;
    match text.len() {
        2 => Some(2000 + number),
        4 => Some(number).filter(|year| YEARS.contains(year)),
        _ => None,
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Reads `2021-03-31`, `2021/03/31`, `20210331`, `31/03/2021`, `31-03-2021`, `31.03.21`, `31 March 2021`,
/// `31-Mar-21`, `March 31, 2021`, each with or without a time after it.
pub fn written(text: &str) -> Option<Written> {
    let text = text.trim();
    if text.len() == 8 && is_number(text) {
        return Day::parse_iso(&format!("{}-{}-{}", &text[..4], &text[4..6], &text[6..])).map(Written::Plain);
    }
    // `2021-03-31T10:00:00Z`: the letter between day and time stands for a space.
    let bytes = text.as_bytes();
    let text = match bytes.get(10) {
        Some(b'T') if bytes[..10].iter().all(|byte| byte.is_ascii_digit() || *byte == b'-') => &text[..10],
        _ => text,
    };
    let parts: Vec<&str> =
        text.split([' ', '/', '-', '.', ',']).filter(|part| !part.is_empty()).take(4).collect();
    let [one, two, three, ..] = parts.as_slice() else { return None };
    let number = |text: &str| text.parse::<i8>().ok();
    let is_short = |text: &str| is_number(text) && text.len() <= 2;
    let word = |text: &str| (!is_number(text)).then(|| month_of(text)).flatten();
    if one.len() == 4 && is_short(two) && is_short(three) {
        return Day::new(year(one)?, number(two)?, number(three)?).map(Written::Plain);
    }
    let year = year(three.trim_end_matches(':'))?;
    if let (true, Some(month)) = (is_short(one), word(two)) {
        return Day::new(year, month, number(one)?).map(Written::Plain);
    }
    if let (Some(month), true) = (word(one), is_short(two)) {
        return Day::new(year, month, number(two)?).map(Written::Plain);
    }
    if !is_short(one) || !is_short(two) {
        return None;
    }
    let (one, two) = (number(one)?, number(two)?);
    let possible = Day::new(year, two, one).is_some() || Day::new(year, one, two).is_some();
    possible.then_some(Written::Numbers(one, two, year))
}

/// What the days of a file say about their order.
#[derive(Default)]
pub struct Evidence {
    /// The first line with a day that can only be read with the day first, and with the month first.
    day_first: Option<(u64, String)>,
    month_first: Option<(u64, String)>,
    ambiguous: BTreeSet<(i8, i8, i16)>,
    /// Days that can be read at all, and the newest of them in either order.
    pub count: usize,
    newest: [Option<Day>; 2],
}

impl Evidence {
    pub fn add(&mut self, line: u64, text: &str, today: Day) {
        let mut newer = |place: usize, day: Option<Day>| {
            // A day to come is a plan or a slip, and not the day of the data.
            if let Some(day) = day.filter(|day| *day <= today) {
                self.newest[place] = self.newest[place].max(Some(day));
            }
        };
        match written(text) {
            None => return,
            Some(Written::Plain(day)) => {
                newer(0, Some(day));
                newer(1, Some(day));
            }
            Some(Written::Numbers(one, two, year)) => {
                let (day_first, month_first) = (Day::new(year, two, one), Day::new(year, one, two));
                newer(0, day_first);
                newer(1, month_first);
                match (day_first, month_first) {
                    (Some(_), None) => {
                        self.day_first.get_or_insert_with(|| (line, text.trim().to_owned()));
                    }
                    (None, Some(_)) => {
                        self.month_first.get_or_insert_with(|| (line, text.trim().to_owned()));
                    }
                    (Some(one_day), Some(other)) if one_day != other => {
                        if self.ambiguous.len() < AMBIGUOUS_MAX {
                            self.ambiguous.insert((one, two, year));
                        }
                    }
                    (Some(_), Some(_)) | (None, None) => {}
                }
            }
        }
        self.count += 1;
    }

    /// The newest day that is not to come, read in an order.
    pub fn newest(&self, order: Order) -> Option<Day> {
        self.newest[usize::from(order == Order::MonthFirst)]
    }
}

impl Order {
    /// The order of a file's days.
    ///
    /// # Errors
    /// Why it cannot be told, with the lines.
    pub fn of(evidence: &Evidence) -> Result<Self, String> {
        match (&evidence.day_first, &evidence.month_first) {
            (Some((line, day)), Some((other, month))) => Err(format!(
                "its days are written in two orders: {day} on line {line} has the day first, {month} on line {other} the month. Download the file again and do not open it in a spreadsheet"
            )),
            (Some(_), None) => Ok(Order::DayFirst),
            (None, Some(_)) => Ok(Order::MonthFirst),
            (None, None) if evidence.ambiguous.len() < AMBIGUOUS_MAX => Ok(Order::DayFirst),
            (None, None) => Err(
                "each of its days can be read with the day or with the month first, so it cannot be told which is meant. Download the file again and do not open it in a spreadsheet".to_owned(),
            ),
        }
    }

    /// The day that a cell means.
    pub fn read(self, text: &str) -> Option<Day> {
        match (written(text)?, self) {
            (Written::Plain(day), _) => Some(day),
            (Written::Numbers(day, month, year), Order::DayFirst)
            | (Written::Numbers(month, day, year), Order::MonthFirst) => Day::new(year, month, day),
        }
    }
}

/// A day written in a file's name or preamble: `29_July_2026`, `1st Oct 2026`, `July 29, 2026`,
/// `2022-09-09`, `20220909`, `09_09_2022 12_44_07`, `09092022`, `October 2026` (its first day). A day with
/// numbers alone has the day first; a month above twelve shows that it has not.
pub fn day_in_name(text: &str) -> Option<Day> {
    let parts = parts_of(text);
    let short = |text: &str| is_number(text) && text.len() <= 2;
    let number = |text: &str| text.parse::<i8>().ok();
    let word = |text: &str| (text.len() >= 3 && !is_number(text)).then(|| month_of(text)).flatten();
    let whole = |text: &str| Some(text).filter(|text| text.len() == 4).and_then(year).filter(is_of_this_age);
    let three = parts.windows(3).find_map(|three| {
        let [one, two, three] = three else { return None };
        if let (true, Some(month)) = (short(one), word(two)) {
            // `03_Mar_26`, but not the hour after `03 March`.
            return Day::new(year(three).filter(is_of_this_age)?, month, number(one)?);
        }
        if let (Some(month), true) = (word(one), short(two)) {
            return Day::new(whole(three)?, month, number(two)?);
        }
        if short(two) && short(three) && one.len() == 4 {
            return Day::new(whole(one)?, number(two)?, number(three)?);
        }
        if short(one) && short(two) {
            let (year, one, two) = (whole(three)?, number(one)?, number(two)?);
            return Day::new(year, two, one).or_else(|| Day::new(year, one, two));
        }
        None
    });
    three
        .or_else(|| {
            parts.iter().filter(|part| matches!(part.len(), 8 | 12 | 14) && is_number(part)).find_map(
                |part| {
                    let of = |year: &str, month: &str, day: &str| {
                        Day::new(whole(year)?, month.parse().ok()?, day.parse().ok()?)
                    };
                    of(&part[..4], &part[4..6], &part[6..8])
                        .or_else(|| of(&part[4..8], &part[2..4], &part[..2]))
                },
            )
        })
        .or_else(|| {
            parts.windows(2).find_map(|two| {
                let [one, two] = two else { return None };
                match (word(one), word(two)) {
                    (Some(month), _) => Day::new(whole(two)?, month, 1),
                    (None, Some(month)) => Day::new(whole(one)?, month, 1),
                    // `2026-10`: a month and no day.
                    (None, None) if short(two) && two.len() == 2 => Day::new(whole(one)?, number(two)?, 1),
                    (None, None) => None,
                }
            })
        })
}

/// The last day of a year that a file's name gives alone: `latest_ratings_2021.csv`.
pub fn year_in_name(text: &str) -> Option<Day> {
    let parts = parts_of(text);
    let years: Vec<i16> = parts
        .iter()
        .filter(|part| part.len() == 4)
        .filter_map(|part| year(part).filter(is_of_this_age))
        .collect();
    match years.as_slice() {
        [only] => Day::new(*only, 12, 31),
        _ => None,
    }
}

/// No register was published as a file before 2000.
fn is_of_this_age(year: &i16) -> bool {
    (2000..=2099).contains(year)
}

/// Runs of letters and runs of digits; `3rd` is `3`, `03Mar2026` three runs.
fn parts_of(text: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let mut last = None;
    for letter in text.chars() {
        let kind = if letter.is_ascii_digit() {
            Some(true)
        } else if letter.is_alphabetic() {
            Some(false)
        } else {
            None
        };
        match kind {
            None => {}
            Some(_) if kind == last => {
                if let Some(part) = parts.last_mut() {
                    part.extend(letter.to_lowercase());
                }
            }
            Some(_) => parts.push(letter.to_lowercase().collect()),
        }
        last = kind;
    }
    parts.retain(|part| !matches!(part.as_str(), "st" | "nd" | "rd" | "th" | "of"));
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn today() -> Day {
        Day::new(2026, 3, 2).expect("a day")
    }

    #[test]
    fn days_in_names_are_read_however_cqc_and_dspt_write_them() {
        let check = |name: &str, day: Option<&str>| {
            assert_eq!(day_in_name(name).map(Day::iso).as_deref(), day, "{name}")
        };
        for name in [
            "03_March_2026_CQC_directory.csv",
            "3 March 2026 CQC directory.csv",
            "03_Mar_2026_HSCA_Active_Locations.csv",
            "03 Mar 26 HSCA.csv",
            "3rd_March_2026.csv",
            "03March2026.csv",
            "March_3_2026.csv",
            "March 3rd, 2026",
            "2026-03-03 directory.csv",
            "2026_03_03.csv",
            "20260303_HSCA_Active_Locations.csv",
            "HSCA_20260303T1200.csv",
            "report-20260303124407.csv",
            "DSPT search results 03_03_2026 12_44_07.csv",
            "OrganisationSearch-03-03-2026.csv",
            "Organisation Search Results 03.03.2026 12.44.07.csv",
            "dspt03032026.csv",
            "This data was produced on 03 March 2026",
            "Data as at 03/03/2026",
            "1-03-03-2026.csv",
        ] {
            check(name, Some("2026-03-03"));
        }
        check("dspt_search_results_09_09_2022 12_44_07.csv", Some("2022-09-09"));
        check("29_July_2026_CQC_directory.csv", Some("2026-07-29"));
        check("01_February_2026_CQC_directory (1).csv", Some("2026-02-01"));
        check("HSCA_Active_Locations_October_2026.csv", Some("2026-10-01"));
        check("2026-10_ratings.csv", Some("2026-10-01"));
        check("ecarehomesite_20260131.csv", Some("2026-01-31"));
        for name in ["2021.csv", "report-12345678.csv", "locations.ndjson", "file 12.csv", "may be wrong.csv"]
        {
            check(name, None);
        }
        assert_eq!(
            year_in_name("cqc_latest_ratings_overall_2021.csv").map(Day::iso).as_deref(),
            Some("2021-12-31")
        );
        assert_eq!(year_in_name("ratings.csv"), None);
    }

    #[test]
    fn a_files_order_of_day_and_month_is_decided_from_all_its_days() {
        let order = |days: &[&str]| {
            let mut evidence = Evidence::default();
            for (line, day) in days.iter().enumerate() {
                evidence.add(line as u64 + 2, day, today());
            }
            Order::of(&evidence).map(|order| (order, evidence.newest(order).map(Day::iso)))
        };
        assert_eq!(
            order(&["01/02/2025", "25/12/2025"]),
            Ok((Order::DayFirst, Some("2025-12-25".to_owned())))
        );
        assert_eq!(
            order(&["01/02/2025", "12/25/2025"]),
            Ok((Order::MonthFirst, Some("2025-12-25".to_owned())))
        );
        let mixed = order(&["25/12/2025", "12/26/2025"]).expect_err("two orders");
        assert!(mixed.contains("line 2") && mixed.contains("line 3"), "{mixed}");
        let many: Vec<String> =
            (0..36).map(|n| format!("{:02}/{:02}/2024", n % 12 + 1, n / 12 + 1)).collect();
        assert!(order(&many.iter().map(String::as_str).collect::<Vec<_>>()).is_err());
        assert_eq!(order(&["2025-06-01"; 30]), Ok((Order::DayFirst, Some("2025-06-01".to_owned()))));
        assert_eq!(Order::DayFirst.read("03/04/2025 10:11").map(Day::iso).as_deref(), Some("2025-04-03"));
        assert_eq!(Order::MonthFirst.read("3/4/25").map(Day::iso).as_deref(), Some("2025-03-04"));
        assert_eq!(Order::DayFirst.read("31-Mar-21").map(Day::iso).as_deref(), Some("2021-03-31"));
        assert_eq!(Order::DayFirst.read("2021-03-31T09:00:00Z").map(Day::iso).as_deref(), Some("2021-03-31"));
        for wrong in ["", "soon", "31/31/2021", "12", "1/2", "2021-13-40", "99/99/9999"] {
            assert_eq!(Order::DayFirst.read(wrong), None, "{wrong}");
        }
    }
}
