//! The only place that asks the time.
//!
//! Rules are handed a [`Timestamp`]; whoever calls them asks a [`Clock`]. Stories and tests hold a
//! still clock and move it on purpose.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// A moment, in milliseconds since 1 January 1970 UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
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

    /// RFC 3339 in UTC, for machine output and logs.
    pub fn rfc3339(self) -> String {
        jiff::Timestamp::from_millisecond(self.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH).to_string()
    }
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
    pub fn is_weekend(self) -> bool {
        use jiff::civil::Weekday;
        jiff::civil::Date::new(self.year, self.month, self.day)
            .is_ok_and(|date| matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday))
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
    fn days_that_do_not_exist_are_nothing() {
        assert_eq!(Day::new(2026, 2, 29), None);
        assert!(Day::new(2028, 2, 29).is_some());
        assert_eq!(Day::parse_iso("2026-13-01"), None);
    }
}
