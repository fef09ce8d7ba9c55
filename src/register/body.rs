//! Reading a record that an API answered, field by field: what is odd about one field is noted and costs
//! that field alone.

use super::{read_day, tidy_or_none};
use crate::clock::Day;
use serde_json::Value;

/// A field that is not as the API describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OddField {
    pub field: &'static str,
    pub why: String,
}

/// A record and what is odd about it.
pub(super) struct Body<'a> {
    body: &'a Value,
    pub odd: &'a mut Vec<OddField>,
}

impl<'a> Body<'a> {
    /// # Errors
    /// Where it is no record at all.
    pub(super) fn of(body: &'a Value, odd: &'a mut Vec<OddField>) -> Result<Self, String> {
        if body.is_object() { Ok(Body { body, odd }) } else { Err("the line is not a record".to_owned()) }
    }

    pub(super) fn note(&mut self, field: &'static str, why: impl Into<String>) {
        self.odd.push(OddField { field, why: why.into() });
    }

    fn note_kind(&mut self, field: &'static str, value: &Value, wanted: &str) {
        let kind = match value {
            Value::Null => "null",
            Value::Bool(_) => "true or false",
            Value::Number(_) => "a number",
            Value::String(_) => "text",
            Value::Array(_) => "a list",
            Value::Object(_) => "a record",
        };
        self.note(field, format!("it is {kind}, not {wanted}"));
    }

    /// A text; a number is taken for one. Absent and null are none.
    pub(super) fn text(&mut self, field: &'static str) -> Option<String> {
        match self.body.get(field)? {
            Value::String(text) => tidy_or_none(text),
            value @ Value::Number(number) => {
                let text = number.to_string();
                self.note_kind(field, value, "text");
                Some(text)
            }
            value @ (Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_)) => {
                self.note_kind(field, value, "text");
                None
            }
        }
    }

    /// A text that a reader makes something of; what it cannot read is noted.
    pub(super) fn read<T, E: std::fmt::Display>(
        &mut self,
        field: &'static str,
        read: impl Fn(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.text(field)?;
        match read(&text) {
            Ok(value) => Some(value),
            Err(why) => {
                self.note(field, why.to_string());
                None
            }
        }
    }

    pub(super) fn day(&mut self, field: &'static str) -> Option<Day> {
        self.read(field, |text| read_day(text).ok_or_else(|| format!("{text:?} is not a date")))
    }

    /// A whole number; one in text is taken and noted.
    pub(super) fn number(&mut self, field: &'static str) -> Option<u32> {
        let value = self.body.get(field)?;
        if let Some(number) = value.as_u64().and_then(|number| u32::try_from(number).ok()) {
            return Some(number);
        }
        self.note_kind(field, value, "a whole number");
        value.as_str().and_then(|text| text.trim().parse().ok())
    }

    /// `Y` or `N`; true and false are taken and noted.
    pub(super) fn flag(&mut self, field: &'static str) -> Option<bool> {
        if let Some(value @ Value::Bool(flag)) = self.body.get(field) {
            self.note_kind(field, value, "Y or N");
            return Some(*flag);
        }
        let text = self.text(field)?;
        let flag = super::cqc::yes_or_no(&text);
        if flag.is_none() {
            self.note(field, format!("{text:?} is neither Y nor N"));
        }
        flag
    }

    /// The members of a list; none, and a note, where it is no list.
    pub(super) fn list(&mut self, field: &'static str) -> &'a [Value] {
        match self.body.get(field) {
            None => &[],
            Some(Value::Array(list)) => list,
            Some(value) => {
                self.note_kind(field, value, "a list");
                &[]
            }
        }
    }
}

/// A text of a member of a list.
pub(super) fn member<'a>(member: &'a Value, field: &str) -> Option<&'a str> {
    member.get(field).and_then(Value::as_str)
}
