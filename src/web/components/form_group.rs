//! What all fields share: the element round them, and their hint and error message.

use serde::Deserialize;

use super::error_message::ErrorMessage;
use super::fieldset::Fieldset;
use super::hint::Hint;
use super::html::{Attributes, Classes, Component, Content, Html, Markup};

/// Options of the element round a field or a group of fields.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct FormGroup {
    pub classes: String,
    pub attributes: Attributes,
    #[serde(alias = "beforeInputs")]
    pub before_input: Option<Content>,
    #[serde(alias = "afterInputs")]
    pub after_input: Option<Content>,
}

/// Options of the element round an input that has a prefix, a suffix or something beside it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct InputWrapper {
    pub classes: String,
    pub attributes: Attributes,
}

impl FormGroup {
    pub(super) fn open(&self, out: &mut Markup, is_wrong: bool) {
        out.open("div")
            .classes(
                Classes::new("nhsuk-form-group").when(is_wrong, "nhsuk-form-group--error").and(&self.classes),
            )
            .attributes(&self.attributes);
    }
}

/// The hint and the error message of one question, with the ids that tie them to it.
pub(super) struct Described {
    hint: Option<Hint>,
    error_message: Option<ErrorMessage>,
    /// The value of `aria-describedby`.
    pub by: String,
}

impl Described {
    pub fn new(id: &str, also_by: &str, hint: &Option<Hint>, error_message: &Option<ErrorMessage>) -> Self {
        let or = |given: &str, ending: &str| {
            if given.is_empty() { format!("{id}-{ending}") } else { given.to_owned() }
        };
        let hint = hint
            .clone()
            .filter(|hint| !hint.is_empty())
            .map(|hint| Hint { id: or(&hint.id, "hint"), ..hint });
        let error_message = error_message
            .clone()
            .filter(|message| !message.is_empty())
            .map(|message| ErrorMessage { id: or(&message.id, "error"), ..message });
        let ids = [
            Some(also_by),
            hint.as_ref().map(|hint| hint.id.as_str()),
            error_message.as_ref().map(|message| message.id.as_str()),
        ];
        let by = ids.into_iter().flatten().filter(|id| !id.is_empty()).collect::<Vec<_>>().join(" ");
        Self { hint, error_message, by }
    }
}

impl Component for Described {
    fn render(&self, out: &mut Markup) {
        if let Some(hint) = &self.hint {
            out.component(hint);
        }
        if let Some(message) = &self.error_message {
            out.component(message);
        }
    }
}

/// Writes the answers to one question in its fieldset, where it has one.
pub(super) fn in_fieldset(out: &mut Markup, fieldset: &Option<Fieldset>, described_by: &str, inner: Html) {
    match fieldset {
        Some(fieldset) => {
            out.component(&Fieldset {
                described_by: described_by.to_owned(),
                html: Some(inner),
                ..fieldset.clone()
            });
        }
        None => {
            out.html(&inner);
        }
    }
}

/// The id of a field: its own, or else its name.
pub(super) fn id_or_name<'a>(id: &'a str, name: &'a str) -> &'a str {
    if id.is_empty() { name } else { id }
}
