//! The only place that asks the time.
//!
//! Rules are handed a [`Timestamp`]; whoever calls them asks a [`Clock`]. Stories and tests hold a
//! still clock and move it on purpose.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// A moment, in milliseconds since 1 January 1970 UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

/// How long something lasts, in whole milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(i64);

impl Span {
    pub const fn milliseconds(count: i64) -> Self {
        Span(count)
    }
    pub const fn seconds(count: i64) -> Self {
        Span(count * 1000)
    }
    pub const fn minutes(count: i64) -> Self {
        Span(count * 60_000)
    }
    pub const fn hours(count: i64) -> Self {
        Span(count * 3_600_000)
    }
    pub const fn days(count: i64) -> Self {
        Span(count * 86_400_000)
    }
    pub const fn as_milliseconds(self) -> i64 {
        self.0
    }
    pub const fn as_seconds(self) -> i64 {
        self.0 / 1000
    }
    pub const fn as_minutes(self) -> i64 {
        self.0 / 60_000
    }
}

impl Timestamp {
    pub const fn from_milliseconds(milliseconds: i64) -> Self {
        Timestamp(milliseconds)
    }

    pub const fn as_milliseconds(self) -> i64 {
        self.0
    }

    pub const fn plus(self, span: Span) -> Self {
        Timestamp(self.0 + span.0)
    }

    pub const fn minus(self, span: Span) -> Self {
        Timestamp(self.0 - span.0)
    }

    /// How long it is from `earlier` to this moment; negative if `earlier` is later.
    pub const fn since(self, earlier: Timestamp) -> Span {
        Span(self.0 - earlier.0)
    }

    /// Reads "2026-03-02 09:00" as local time in London, for stories and samples.
    pub fn parse_london(text: &str) -> Option<Self> {
        let civil: jiff::civil::DateTime = text.replace(' ', "T").parse().ok()?;
        let zoned = civil.in_tz("Europe/London").ok()?;
        Some(Timestamp(zoned.timestamp().as_millisecond()))
    }

    fn london(self) -> jiff::Zoned {
        jiff::Timestamp::from_millisecond(self.0)
            .unwrap_or(jiff::Timestamp::UNIX_EPOCH)
            .in_tz("Europe/London")
            .unwrap_or_else(|_| jiff::Timestamp::UNIX_EPOCH.to_zoned(jiff::tz::TimeZone::UTC))
    }

    /// The calendar day in London.
    pub fn day(self) -> Day {
        let date = self.london().date();
        Day { year: date.year(), month: date.month(), day: date.day() }
    }

    /// "2 March 2026 at 9:05am", as the design system writes dates and times.
    pub fn in_words(self) -> String {
        format!("{} at {}", self.day(), self.time_in_words())
    }

    /// "9:05am", with "midday" and "midnight" in words.
    pub fn time_in_words(self) -> String {
        let at = self.london();
        match (at.hour(), at.minute()) {
            (0, 0) => "midnight".to_owned(),
            (12, 0) => "midday".to_owned(),
            (hour, minute) => {
                let half = if hour < 12 { "am" } else { "pm" };
                let twelve = if hour % 12 == 0 { 12 } else { hour % 12 };
                if minute == 0 { format!("{twelve}{half}") } else { format!("{twelve}:{minute:02}{half}") }
            }
        }
    }

    /// The same time of day so many working days later in England.
    #[must_use]
    pub fn working_days_later(self, days: u8) -> Self {
        let (from, mut day, mut left) = (self.day(), self.day(), days);
        while left > 0 {
            day = day.days_later(1);
            left -= u8::from(day.is_working());
        }
        self.plus(day.starts_at().since(from.starts_at()))
    }

    /// "22:05" in London, as [`time_of`] reads it.
    pub fn time_text(self) -> String {
        self.london().strftime("%H:%M").to_string()
    }

    /// RFC 3339 in UTC, for machine output and logs.
    pub fn rfc3339(self) -> String {
        jiff::Timestamp::from_millisecond(self.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH).to_string()
    }
}

/// Month and day of Easter Sunday (the Gregorian computus as Meeus, Jones and Butcher write it).
fn easter(year: i16) -> (i8, i8) {
    let year = i32::from(year);
    let (a, b, c) = (year % 19, year / 100, year % 100);
    let (d, e, f) = (b / 4, b % 4, (b + 8) / 25);
    let g = (b - f + 1) / 3;
    let h = (19 * a + b - d - g + 15) % 30;
    let (i, k) = (c / 4, c % 4);
    let l = (32 + 2 * e + 2 * i - h - k) % 7;
    let m = (a + 11 * h + 22 * l) / 451;
    let sum = h + l - 7 * m + 114;
    (i8::try_from(sum / 31).unwrap_or(3), i8::try_from(sum % 31 + 1).unwrap_or(31))
}

/// A calendar day, as registers write dates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day {
    pub year: i16,
    pub month: i8,
    pub day: i8,
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// A month as people write it: 11, Nov, november.
pub fn month_of(text: &str) -> Option<i8> {
    if let Ok(number) = text.parse::<i8>() {
        return (1..=12).contains(&number).then_some(number);
    }
    let text = text.to_lowercase();
    let place = MONTHS.iter().position(|month| text.len() >= 3 && month.to_lowercase().starts_with(&text))?;
    i8::try_from(place + 1).ok()
}

/// Hour and minute of a time of day as people write it: 22:30, 10.30pm, 9 am, midday.
pub fn time_of(text: &str) -> Option<(i8, i8)> {
    let text: String = text.to_lowercase().chars().filter(|letter| !letter.is_whitespace()).collect();
    match text.as_str() {
        "midnight" => return Some((0, 0)),
        "midday" | "noon" => return Some((12, 0)),
        _ => {}
    }
    let (digits, half) = match (text.strip_suffix("am"), text.strip_suffix("pm")) {
        (Some(digits), _) => (digits, Some(0)),
        (_, Some(digits)) => (digits, Some(12)),
        (None, None) => (text.as_str(), None),
    };
    let (hour, minute) = match (digits.split_once([':', '.']), half) {
        (Some((hour, minute)), _) if minute.len() == 2 => (hour, minute),
        // A bare number is a time only where it says which half of the day.
        (None, Some(_)) => (digits, "0"),
        _ => return None,
    };
    let plain = |text: &str, most: i8| {
        let is_plain = matches!(text.len(), 1 | 2) && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|number: &i8| is_plain && *number <= most)
    };
    let minute = plain(minute, 59)?;
    match half {
        Some(half) => plain(hour, 12).filter(|hour| *hour > 0).map(|hour| (hour % 12 + half, minute)),
        None => plain(hour, 23).map(|hour| (hour, minute)),
    }
}

impl Day {
    /// A day that exists in the calendar, or nothing.
    pub fn new(year: i16, month: i8, day: i8) -> Option<Self> {
        jiff::civil::Date::new(year, month, day).ok()?;
        Some(Day { year, month, day })
    }

    /// Reads `2026-03-02`, the form in which days are stored.
    pub fn parse_iso(text: &str) -> Option<Self> {
        let date: jiff::civil::Date = text.parse().ok()?;
        Some(Day { year: date.year(), month: date.month(), day: date.day() })
    }

    /// `2026-03-02`.
    pub fn iso(self) -> String {
        format!("{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }

    /// The same day some months later; the last of the month where there is no such day.
    #[must_use]
    pub fn months_later(self, months: u8) -> Self {
        let later = jiff::civil::Date::new(self.year, self.month, self.day)
            .and_then(|date| date.checked_add(jiff::Span::new().months(i32::from(months))));
        later.map_or(self, |date| Day { year: date.year(), month: date.month(), day: date.day() })
    }

    /// Whether it is a Saturday or a Sunday.
    fn is_weekend(self) -> bool {
        use jiff::civil::Weekday;
        jiff::civil::Date::new(self.year, self.month, self.day)
            .is_ok_and(|date| matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday))
    }

    /// Whether people work on it in England: neither a weekend nor a bank holiday.
    pub fn is_working(self) -> bool {
        !self.is_weekend() && !self.is_bank_holiday()
    }

    /// Whether it is a bank holiday in England and Wales, by the standing rules (Banking and Financial
    /// Dealings Act 1971, schedule 1, and the days proclaimed every year since 1978). A single day
    /// proclaimed for one year, like a coronation, is not known here and counts as a working day.
    pub fn is_bank_holiday(self) -> bool {
        let weekday = |day: Day| {
            jiff::civil::Date::new(day.year, day.month, day.day)
                .map_or(0, |date| date.weekday().to_monday_one_offset())
        };
        let (month, day, of_week) = (self.month, self.day, weekday(self));
        let (easter_month, easter_day) = easter(self.year);
        let easter = Day { year: self.year, month: easter_month, day: easter_day };
        match (month, day) {
            // A holiday that falls on a weekend is kept on the next working day.
            (1, 1) => of_week <= 5,
            (1, 2 | 3) => of_week == 1,
            (12, 25 | 26) => of_week <= 5,
            (12, 27) => of_week == 1 || of_week == 2,
            (12, 28) => of_week == 1 || of_week == 2,
            (5, 1..=7 | 25..=31) | (8, 25..=31) => of_week == 1,
            _ => self == easter.days_later(-2) || self == easter.days_later(1),
        }
    }

    /// The day so many days later, or earlier.
    #[must_use]
    pub fn days_later(self, days: i32) -> Self {
        let later = jiff::civil::Date::new(self.year, self.month, self.day)
            .and_then(|date| date.checked_add(jiff::Span::new().days(days)));
        later.map_or(self, |date| Day { year: date.year(), month: date.month(), day: date.day() })
    }

    /// A time of this day in London. One that does not exist, because clocks go forward over it, is as much
    /// later; of two, because clocks go back, it is the first.
    pub fn at(self, hour: i8, minute: i8) -> Timestamp {
        Timestamp::parse_london(&format!("{}T{hour:02}:{minute:02}", self.iso())).unwrap_or(self.starts_at())
    }

    /// The first moment of the day in London.
    pub fn starts_at(self) -> Timestamp {
        Timestamp::parse_london(&format!("{}T00:00", self.iso())).unwrap_or(Timestamp(0))
    }
}

impl std::fmt::Display for Day {
    /// "2 March 2026".
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let month = MONTHS.get(usize::try_from(self.month - 1).unwrap_or(0)).unwrap_or(&"");
        write!(f, "{} {} {}", self.day, month, self.year)
    }
}

/// Who is asked for the time.
#[derive(Clone, Debug)]
pub struct Clock(Option<Arc<AtomicI64>>);

impl Clock {
    /// The machine's own clock.
    pub fn system() -> Self {
        Clock(None)
    }

    /// A clock that stands still until it is moved.
    pub fn still(at: Timestamp) -> Self {
        Clock(Some(Arc::new(AtomicI64::new(at.as_milliseconds()))))
    }

    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the wall clock")]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Some(still) => Timestamp(still.load(Ordering::SeqCst)),
            None => {
                let since =
                    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
                Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
            }
        }
    }

    /// Moves a still clock; the system clock cannot be moved and ignores this.
    pub fn advance(&self, by: Span) {
        if let Some(still) = &self.0 {
            still.fetch_add(by.as_milliseconds(), Ordering::SeqCst);
        }
    }

    /// Sets a still clock; the system clock cannot be set and ignores this.
    pub fn set(&self, to: Timestamp) {
        if let Some(still) = &self.0 {
            still.store(to.as_milliseconds(), Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_as_people_write_them() {
        let check = |text: &str, expect: &str| {
            assert_eq!(Timestamp::parse_london(text).expect("a time").in_words(), expect);
        };
        check("2026-03-02 09:00", "2 March 2026 at 9am");
        check("2026-07-02 15:05", "2 July 2026 at 3:05pm");
        check("2026-07-02 12:00", "2 July 2026 at midday");
        check("2026-12-31 00:00", "31 December 2026 at midnight");
        check("2026-12-31 00:30", "31 December 2026 at 12:30am");
    }

    #[test]
    fn a_summer_day_starts_an_hour_before_utc_does() {
        let day = Day::new(2026, 7, 1).expect("a day");
        assert_eq!(day.starts_at().rfc3339(), "2026-06-30T23:00:00Z");
        assert_eq!(day.starts_at().day(), day);
    }

    #[test]
    fn bank_holidays_of_england_are_known() {
        // As listed on gov.uk/bank-holidays for England and Wales.
        for (year, days) in [
            (2021, "01-01 04-02 04-05 05-03 05-31 08-30 12-27 12-28"),
            (2025, "01-01 04-18 04-21 05-05 05-26 08-25 12-25 12-26"),
            (2026, "01-01 04-03 04-06 05-04 05-25 08-31 12-25 12-28"),
            (2027, "01-01 03-26 03-29 05-03 05-31 08-30 12-27 12-28"),
            (2028, "01-03 04-14 04-17 05-01 05-29 08-28 12-25 12-26"),
        ] {
            let first = Day::new(year, 1, 1).expect("a day");
            let found: Vec<String> = (0..366)
                .map(|place| first.days_later(place))
                .filter(|day| day.year == year && day.is_bank_holiday() && !day.is_weekend())
                .map(|day| day.iso()[5..].to_owned())
                .collect();
            assert_eq!(found.join(" "), days, "{year}");
        }
    }

    #[test]
    fn working_days_are_counted_from_one_morning_to_the_next() {
        let check = |from: &str, days: u8, to: &str| {
            let at = |text| Timestamp::parse_london(text).expect("a time");
            assert_eq!(at(from).working_days_later(days), at(to), "{from}");
        };
        check("2026-11-23 09:00", 1, "2026-11-24 09:00");
        check("2026-11-27 16:30", 1, "2026-11-30 16:30");
        check("2026-11-28 10:00", 1, "2026-11-30 10:00");
        check("2026-12-24 10:00", 1, "2026-12-29 10:00");
        check("2026-12-24 10:00", 0, "2026-12-24 10:00");
        check("2026-10-23 10:00", 2, "2026-10-27 10:00");
    }

    #[test]
    fn times_of_day_are_read_as_people_write_them() {
        let check = |text: &str, expect: Option<(i8, i8)>| assert_eq!(time_of(text), expect, "{text}");
        check("22:30", Some((22, 30)));
        check("9:05", Some((9, 5)));
        check("10pm", Some((22, 0)));
        check("10.30 PM", Some((22, 30)));
        check("12am", Some((0, 0)));
        check("12:15pm", Some((12, 15)));
        check("Midnight", Some((0, 0)));
        check("noon", Some((12, 0)));
        for wrong in ["", "10", "24:00", "9:5", "13pm", "0am", "10:60", "-1:00", "ten", "1:000", "am", "٣pm"]
        {
            check(wrong, None);
        }
    }

    #[test]
    fn days_that_do_not_exist_are_nothing() {
        assert_eq!(Day::new(2026, 2, 29), None);
        assert!(Day::new(2028, 2, 29).is_some());
        assert_eq!(Day::parse_iso("2026-13-01"), None);
    }
}
