use serde::Deserialize;

use super::error_message::ErrorMessage;
use super::form_group::{Described, FormGroup, InputWrapper, id_or_name};
use super::hint::Hint;
use super::html::{Attributes, Classes, Component, Markup, component};
use super::label::Label;

/// A list to choose one answer from, where radios would be too long.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Select {
    /// The name where nothing is said.
    pub id: String,
    pub name: String,
    pub items: Vec<SelectItem>,
    /// The value of the answer that is chosen.
    pub value: String,
    pub disabled: bool,
    /// Ids of further elements that describe the field, separated by spaces.
    pub described_by: String,
    pub label: Label,
    pub hint: Option<Hint>,
    pub error_message: Option<ErrorMessage>,
    pub form_group: FormGroup,
    pub input_wrapper: InputWrapper,
    pub classes: String,
    pub attributes: Attributes,
}

/// One answer.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct SelectItem {
    /// The text where nothing is said.
    pub value: Option<String>,
    pub text: String,
    /// Chosen or not, whatever the value of the list.
    pub selected: Option<bool>,
    pub disabled: bool,
    /// Makes the item a line between answers.
    pub divider: bool,
    pub attributes: Attributes,
}

component!(Select);

impl SelectItem {
    fn render(&self, out: &mut Markup, chosen: &str) {
        if self.divider {
            out.open("hr");
            return;
        }
        let value = self.value.as_ref().unwrap_or(&self.text);
        let tag = out.open("option");
        let tag = match &self.value {
            Some(value) => tag.attribute("value", value),
            None => tag,
        };
        tag.flag("selected", self.selected.unwrap_or(!chosen.is_empty() && value == chosen))
            .flag("disabled", self.disabled)
            .attributes(&self.attributes);
        out.text(&self.text).close("option");
    }
}

impl Component for Select {
    fn render(&self, out: &mut Markup) {
        let id = id_or_name(&self.id, &self.name);
        let is_wrong = self.error_message.is_some();
        let described = Described::new(id, &self.described_by, &self.hint, &self.error_message);

        self.form_group.open(out, is_wrong);
        out.component(&self.label.clone().for_field(id));
        out.component(&described);
        let has_wrapper = self.form_group.before_input.is_some()
            || self.form_group.after_input.is_some()
            || !self.input_wrapper.classes.is_empty()
            || !self.input_wrapper.attributes.0.is_empty();
        if has_wrapper {
            out.open("div")
                .classes(Classes::new("nhsuk-input-wrapper").and(&self.input_wrapper.classes))
                .attributes(&self.input_wrapper.attributes);
        }
        if let Some(before) = &self.form_group.before_input {
            out.component(before);
        }
        out.open("select")
            .classes(Classes::new("nhsuk-select").when(is_wrong, "nhsuk-select--error").and(&self.classes))
            .attribute("id", id)
            .attribute("name", &self.name)
            .flag("disabled", self.disabled)
            .optional("aria-describedby", &described.by)
            .attributes(&self.attributes);
        for item in &self.items {
            item.render(out, &self.value);
        }
        out.close("select");
        if let Some(after) = &self.form_group.after_input {
            out.component(after);
        }
        if has_wrapper {
            out.close("div");
        }
        out.close("div");
    }
}
