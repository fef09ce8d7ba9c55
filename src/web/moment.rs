//! A moment that people type: a day they know, as day, month and year, and a time of day. London's.

use super::components::{
    DateInput, DateInputItem, ErrorMessage, Fieldset, Hint, Html, Input, InputWidth, Label, Legend, Size,
};
use super::form::{Fields, Form, Problems};
use crate::clock::{Day, Timestamp, month_of, time_of};

/// The fields of a moment, by what it is called in the form.
fn field(name: &str, part: &str) -> String {
    format!("{name}-{part}")
}

const DATE_PARTS: [(&str, &str, InputWidth); 3] = [
    ("day", "Day", InputWidth::Two),
    ("month", "Month", InputWidth::Two),
    ("year", "Year", InputWidth::Four),
];

/// The questions for the day and for the time, in order.
pub fn questions(form: &Form, name: &str, day: &str, time: &str, hint: &str) -> [Html; 2] {
    let items: Vec<DateInputItem> = DATE_PARTS
        .map(|(part, label, width)| {
            let name = field(name, part);
            DateInputItem {
                error: Some(form.problems.of(&name).is_some()),
                value: form.fields.text(&name).to_owned(),
                label: Label { text: label.to_owned(), ..Default::default() },
                width: Some(width),
                id: name.clone(),
                name,
                ..Default::default()
            }
        })
        .into();
    let wrong = DATE_PARTS.iter().find_map(|(part, ..)| form.problems.of(&field(name, part)));
    let date = DateInput {
        id: name.to_owned(),
        items,
        fieldset: Some(Fieldset {
            legend: Some(Legend { text: day.to_owned(), size: Some(Size::S), ..Default::default() }),
            ..Default::default()
        }),
        hint: Some(Hint { text: hint.to_owned(), ..Default::default() }),
        error_message: wrong.map(|words| ErrorMessage { text: words.to_owned(), ..Default::default() }),
        ..Default::default()
    };
    let time: Input = form.text(&field(name, "time"), time).hinted("For example, 10pm or 22:30").ten_wide();
    [Html::of(&date), Html::of(&time)]
}

/// What the fields of a moment hold.
pub fn filled(fields: Fields, name: &str, at: Timestamp) -> Fields {
    let day = at.day();
    let parts = [
        ("day", day.day.to_string()),
        ("month", day.month.to_string()),
        ("year", day.year.to_string()),
        ("time", at.time_text()),
    ];
    parts.into_iter().fold(fields, |fields, (part, value)| fields.with(&field(name, part), &value))
}

/// Reads a moment; nothing where no field of it was filled in, or where it is wrong.
pub fn read(problems: &mut Problems, fields: &Fields, name: &str, called: &str) -> Option<Timestamp> {
    let text = |part| fields.text(&field(name, part));
    let all = ["day", "month", "year", "time"];
    if all.iter().all(|part| text(part).is_empty()) {
        return None;
    }
    if let Some(missing) = all.iter().find(|part| text(part).is_empty()) {
        problems.add(&field(name, missing), format!("{called} must have a {missing}"));
        return None;
    }
    let day = text("day").parse().ok();
    let month = month_of(text("month"));
    let year = text("year").parse().ok().filter(|_| text("year").len() == 4);
    let is_day = |day: &i8| (1..=31).contains(day);
    let (Some(day), Some(month), Some(year)) = (day.filter(is_day), month, year) else {
        let (part, words) = match (day.filter(is_day), month) {
            (None, _) => ("day", "day must be a number from 1 to 31"),
            (_, None) => ("month", "month must be a number from 1 to 12, or a name"),
            _ => ("year", "year must have four figures, like 2026"),
        };
        problems.add(&field(name, part), format!("{called} {words}"));
        return None;
    };
    let Some(date) = Day::new(year, month, day) else {
        problems.add(&field(name, "day"), format!("{called} must be a day that is in the calendar"));
        return None;
    };
    let Some((hour, minute)) = time_of(text("time")) else {
        problems.add(&field(name, "time"), format!("{called} must have a time, like 10pm or 22:30"));
        return None;
    };
    Timestamp::parse_london(&format!("{} {hour:02}:{minute:02}", date.iso()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(parts: [&str; 4]) -> Fields {
        let names = ["starts-day", "starts-month", "starts-year", "starts-time"];
        Fields::from_pairs(names.into_iter().zip(parts))
    }

    #[test]
    fn a_moment_is_read_as_people_write_it() {
        let check = |parts: [&str; 4], expect: Result<&str, &str>| {
            let mut problems = Problems::none();
            let read = read(&mut problems, &typed(parts), "starts", "Start");
            let problem = problems.iter().next().map(|(field, _)| field.to_owned());
            match expect {
                Ok(text) => assert_eq!((read, problem), (Timestamp::parse_london(text), None), "{parts:?}"),
                Err(field) => assert_eq!((read, problem.as_deref()), (None, Some(field)), "{parts:?}"),
            }
        };
        check(["", "", "", ""], Ok("nothing"));
        check(["3", "11", "2026", "10pm"], Ok("2026-11-03 22:00"));
        check(["03", "Nov", "2026", "9.30 am"], Ok("2026-11-03 09:30"));
        check(["3", "november", "2026", "22:05"], Ok("2026-11-03 22:05"));
        check(["3", "7", "2026", "midday"], Ok("2026-07-03 12:00"));
        check(["", "11", "2026", "10pm"], Err("starts-day"));
        check(["3", "11", "2026", ""], Err("starts-time"));
        check(["", "", "", "10pm"], Err("starts-day"));
        check(["32", "11", "2026", "10pm"], Err("starts-day"));
        check(["30", "2", "2026", "10pm"], Err("starts-day"));
        check(["3", "13", "2026", "10pm"], Err("starts-month"));
        check(["3", "11", "26", "10pm"], Err("starts-year"));
        check(["3", "11", "2026", "25:00"], Err("starts-time"));
    }

    #[test]
    fn what_is_filled_in_is_read_again() {
        for text in ["2026-11-03 22:05", "2026-07-31 00:00", "2026-01-01 12:00", "2026-01-01 00:30"] {
            let at = Timestamp::parse_london(text).expect(text);
            let mut problems = Problems::none();
            let fields = filled(Fields::default(), "ends", at);
            assert_eq!(read(&mut problems, &fields, "ends", "End"), Some(at), "{text}");
        }
    }
}
