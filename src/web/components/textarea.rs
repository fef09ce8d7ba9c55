use serde::Deserialize;

use super::error_message::ErrorMessage;
use super::form_group::{Described, FormGroup, id_or_name};
use super::hint::Hint;
use super::html::{Attributes, Classes, Component, Markup, component};
use super::label::Label;

/// A field for several lines of text.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Textarea {
    /// The name where nothing is said.
    pub id: String,
    pub name: String,
    pub spellcheck: Option<bool>,
    /// 5 where nothing is said.
    pub rows: Option<u32>,
    pub value: String,
    pub disabled: bool,
    /// Ids of further elements that describe the field, separated by spaces.
    pub described_by: String,
    pub label: Label,
    pub hint: Option<Hint>,
    pub error_message: Option<ErrorMessage>,
    pub form_group: FormGroup,
    pub classes: String,
    pub autocomplete: String,
    pub attributes: Attributes,
}

component!(Textarea);

impl Component for Textarea {
    fn render(&self, out: &mut Markup) {
        let id = id_or_name(&self.id, &self.name);
        let is_wrong = self.error_message.is_some();
        let described = Described::new(id, &self.described_by, &self.hint, &self.error_message);

        self.form_group.open(out, is_wrong);
        out.component(&self.label.clone().for_field(id));
        out.component(&described);
        if let Some(before) = &self.form_group.before_input {
            out.component(before);
        }
        out.open("textarea")
            .classes(
                Classes::new("nhsuk-textarea").when(is_wrong, "nhsuk-textarea--error").and(&self.classes),
            )
            .attribute("id", id)
            .attribute("name", &self.name)
            .attribute("rows", &self.rows.unwrap_or(5).to_string())
            .choice("spellcheck", self.spellcheck)
            .flag("disabled", self.disabled)
            .optional("aria-describedby", &described.by)
            .optional("autocomplete", &self.autocomplete)
            .attributes(&self.attributes);
        // A browser drops the first line break, so that one typed there needs another before it.
        if self.value.starts_with(['\n', '\r']) {
            out.text("\n");
        }
        out.text(&self.value).close("textarea");
        if let Some(after) = &self.form_group.after_input {
            out.component(after);
        }
        out.close("div");
    }
}
