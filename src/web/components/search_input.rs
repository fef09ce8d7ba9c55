use serde::Deserialize;

use super::button::{Button, ButtonIcon, ButtonType, ButtonVariant};
use super::error_message::ErrorMessage;
use super::form_group::{FormGroup, InputWrapper, id_or_name};
use super::hint::Hint;
use super::html::{Attributes, Classes, Component, Content, Html, Markup, component, or};
use super::icon::IconName;
use super::input::{Affix, Input, InputWidth};
use super::label::Label;

/// A field to search with, and its button.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct SearchInput {
    /// The name where nothing is said.
    pub id: String,
    pub name: String,
    /// `search` where nothing is said.
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
    pub button: SearchButton,
    pub code: bool,
    pub large: bool,
    pub width: Option<InputWidth>,
    pub classes: String,
    /// `off` where nothing is said.
    pub autocomplete: String,
    pub autocapitalize: String,
    pub placeholder: String,
    pub spellcheck: Option<bool>,
    pub attributes: Attributes,
}

/// The button beside a search field.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct SearchButton {
    pub id: String,
    pub text: String,
    pub html: Option<Html>,
    pub aria_label: String,
    pub href: String,
    pub name: String,
    pub value: String,
    pub r#type: Option<ButtonType>,
    /// A magnifying glass where nothing is said.
    pub icon: Option<ButtonIcon>,
    pub small: Option<bool>,
    pub variant: Option<ButtonVariant>,
    pub prevent_double_click: Option<bool>,
    pub disabled: Option<bool>,
    /// Leaves the button out; the official option is `button: false`.
    pub left_out: bool,
    pub classes: String,
    pub attributes: Attributes,
}

impl Default for SearchButton {
    fn default() -> Self {
        Self {
            id: String::new(),
            text: String::new(),
            html: None,
            aria_label: "Search".to_owned(),
            href: String::new(),
            name: String::new(),
            value: String::new(),
            r#type: None,
            icon: Some(IconName::Search.into()),
            small: None,
            variant: None,
            prevent_double_click: None,
            disabled: None,
            left_out: false,
            classes: String::new(),
            attributes: Attributes::default(),
        }
    }
}

component!(SearchInput);

impl SearchInput {
    fn button(&self) -> Button {
        let own = self.button.clone();
        Button {
            html: own.html,
            text: own.text,
            aria_label: own.aria_label,
            id: own.id,
            href: own.href,
            name: own.name,
            value: own.value,
            r#type: own.r#type.or(Some(ButtonType::Submit)),
            icon: own.icon,
            small: own.small.unwrap_or(!self.large),
            prevent_double_click: own.prevent_double_click,
            disabled: own.disabled.unwrap_or(self.disabled),
            classes: Classes::new("nhsuk-search-input__button").and(&own.classes).into_string(),
            attributes: own.attributes,
            variant: own.variant,
            ..Button::default()
        }
    }
}

impl Component for SearchInput {
    fn render(&self, out: &mut Markup) {
        let mut after = Markup::default();
        if !self.button.left_out {
            after.component(&self.button());
        }
        if let Some(more) = &self.form_group.after_input {
            after.component(more);
        }
        out.component(&Input {
            label: self.label.clone(),
            hint: self.hint.clone(),
            error_message: self.error_message.clone(),
            id: id_or_name(&self.id, &self.name).to_owned(),
            name: self.name.clone(),
            value: self.value.clone(),
            placeholder: self.placeholder.clone(),
            r#type: or(&self.r#type, "search").to_owned(),
            prefix: self.prefix.clone(),
            suffix: self.suffix.clone(),
            code: self.code,
            width: self.width,
            large: self.large,
            spellcheck: self.spellcheck,
            inputmode: self.inputmode.clone(),
            autocomplete: or(&self.autocomplete, "off").to_owned(),
            autocapitalize: self.autocapitalize.clone(),
            disabled: self.disabled,
            described_by: self.described_by.clone(),
            classes: Classes::new("nhsuk-search-input__input").and(&self.classes).into_string(),
            attributes: self.attributes.clone(),
            input_wrapper: InputWrapper {
                classes: Classes::new("nhsuk-search-input__wrapper")
                    .and(&self.input_wrapper.classes)
                    .into_string(),
                attributes: self.input_wrapper.attributes.clone(),
            },
            form_group: FormGroup {
                classes: Classes::new("nhsuk-search-input")
                    .when(self.large, "nhsuk-search-input--large")
                    .and(&self.form_group.classes)
                    .into_string(),
                attributes: self.form_group.attributes.clone(),
                before_input: self.form_group.before_input.clone(),
                after_input: Some(Content::html(after.finish())),
            },
            ..Input::default()
        });
    }
}
