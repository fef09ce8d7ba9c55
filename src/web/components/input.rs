use serde::Deserialize;

use super::error_message::ErrorMessage;
use super::form_group::{Described, FormGroup, InputWrapper, id_or_name};
use super::hint::Hint;
use super::html::{Attributes, Classes, Component, Html, Markup, TextOrHtml, component, from_text, or};
use super::label::Label;

/// A field for one line of text.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Input {
    /// The name where nothing is said.
    pub id: String,
    pub name: String,
    /// `text` where nothing is said.
    pub r#type: String,
    pub inputmode: String,
    pub value: String,
    pub disabled: bool,
    /// Ids of further elements that describe the field, separated by spaces.
    pub described_by: String,
    pub label: Label,
    pub hint: Option<Hint>,
    pub error_message: Option<ErrorMessage>,
    pub prefix: Option<Affix>,
    pub suffix: Option<Affix>,
    pub form_group: FormGroup,
    pub input_wrapper: InputWrapper,
    /// For codes and numbers that are read letter by letter.
    pub code: bool,
    pub large: bool,
    /// As wide as so many characters.
    pub width: Option<InputWidth>,
    pub classes: String,
    /// The purpose, so that a browser can fill it in (WCAG 1.3.5).
    pub autocomplete: String,
    pub autocapitalize: String,
    pub pattern: String,
    pub placeholder: String,
    pub spellcheck: Option<bool>,
    pub attributes: Attributes,
}

/// What stands before or after a field, for example a unit.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Affix {
    pub text: String,
    pub html: Option<Html>,
    pub classes: String,
    pub attributes: Attributes,
}

/// The widths a field may have, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum InputWidth {
    #[serde(rename = "2")]
    Two,
    #[serde(rename = "3")]
    Three,
    #[serde(rename = "4")]
    Four,
    #[serde(rename = "5")]
    Five,
    #[serde(rename = "10")]
    Ten,
    #[serde(rename = "20")]
    Twenty,
    #[serde(rename = "30")]
    Thirty,
}

impl InputWidth {
    pub(super) fn name(self) -> &'static str {
        match self {
            InputWidth::Two => "2",
            InputWidth::Three => "3",
            InputWidth::Four => "4",
            InputWidth::Five => "5",
            InputWidth::Ten => "10",
            InputWidth::Twenty => "20",
            InputWidth::Thirty => "30",
        }
    }
}

component!(Input);
from_text!(Affix);

impl Affix {
    fn render(&self, out: &mut Markup, class: &str) {
        out.open("div")
            .classes(Classes::new(class).and(&self.classes))
            .attribute("aria-hidden", "true")
            .attributes(&self.attributes);
        out.component(&TextOrHtml(&self.text, &self.html)).close("div");
    }
}

impl Component for Input {
    fn render(&self, out: &mut Markup) {
        let id = id_or_name(&self.id, &self.name);
        let is_wrong = self.error_message.is_some();
        let described = Described::new(id, &self.described_by, &self.hint, &self.error_message);

        self.form_group.open(out, is_wrong);
        out.component(&self.label.clone().for_field(id));
        out.component(&described);

        let has_wrapper = self.prefix.is_some()
            || self.suffix.is_some()
            || self.form_group.before_input.is_some()
            || self.form_group.after_input.is_some()
            || !self.input_wrapper.classes.is_empty()
            || !self.input_wrapper.attributes.0.is_empty();
        if has_wrapper {
            out.open("div")
                .classes(
                    Classes::new("nhsuk-input-wrapper")
                        .when(self.large, "nhsuk-input-wrapper--large")
                        .and(&self.input_wrapper.classes),
                )
                .attributes(&self.input_wrapper.attributes);
            if let Some(before) = &self.form_group.before_input {
                out.component(before);
            }
            if let Some(prefix) = &self.prefix {
                prefix.render(out, "nhsuk-input-wrapper__prefix");
            }
        }
        out.open("input")
            .classes(
                Classes::new("nhsuk-input")
                    .when(self.large, "nhsuk-input--large")
                    .when(self.code, "nhsuk-input--code")
                    .when(is_wrong, "nhsuk-input--error")
                    .unless_in(&self.classes, "nhsuk-input--width-", self.width.map(InputWidth::name))
                    .and(&self.classes),
            )
            .attribute("id", id)
            .attribute("name", &self.name)
            .attribute("type", or(&self.r#type, "text"))
            .choice("spellcheck", self.spellcheck)
            .optional("value", &self.value)
            .flag("disabled", self.disabled)
            .optional("aria-describedby", &described.by)
            .optional("autocomplete", &self.autocomplete)
            .optional("autocapitalize", &self.autocapitalize)
            .optional("pattern", &self.pattern)
            .optional("placeholder", &self.placeholder)
            .optional("inputmode", &self.inputmode)
            .attributes(&self.attributes);
        if has_wrapper {
            if let Some(suffix) = &self.suffix {
                suffix.render(out, "nhsuk-input-wrapper__suffix");
            }
            if let Some(after) = &self.form_group.after_input {
                out.component(after);
            }
            out.close("div");
        }
        out.close("div");
    }
}
