use serde::Deserialize;

use super::button::{Button, ButtonIcon, ButtonType, ButtonVariant};
use super::error_message::ErrorMessage;
use super::form_group::{FormGroup, InputWrapper, id_or_name};
use super::hint::Hint;
use super::html::{Attributes, Classes, Component, Content, Markup, component, or};
use super::input::{Affix, Input, InputWidth};
use super::label::Label;

/// A field for a password, with a button that shows what was typed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct PasswordInput {
    /// The name where nothing is said.
    pub id: String,
    pub name: String,
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
    pub button: PasswordButton,
    pub code: bool,
    pub large: bool,
    pub width: Option<InputWidth>,
    pub classes: String,
    /// `current-password` where nothing is said; `new-password` where one is chosen.
    pub autocomplete: String,
    pub attributes: Attributes,
    pub show_password_text: String,
    pub hide_password_text: String,
    pub show_password_aria_label: String,
    pub hide_password_aria_label: String,
    pub password_shown_announcement_text: String,
    pub password_hidden_announcement_text: String,
}

/// The button beside a password.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct PasswordButton {
    pub id: String,
    pub text: String,
    pub aria_label: String,
    pub href: String,
    pub name: String,
    pub value: String,
    pub r#type: Option<ButtonType>,
    pub icon: Option<ButtonIcon>,
    pub small: Option<bool>,
    pub variant: Option<ButtonVariant>,
    pub prevent_double_click: Option<bool>,
    pub disabled: Option<bool>,
    pub classes: String,
}

component!(PasswordInput);

impl PasswordInput {
    fn button(&self, id: &str) -> Button {
        let own = self.button.clone();
        Button {
            text: or(&self.show_password_text, or(&own.text, "Show")).to_owned(),
            aria_label: or(&self.show_password_aria_label, or(&own.aria_label, "Show password")).to_owned(),
            id: own.id,
            href: own.href,
            name: own.name,
            value: own.value,
            r#type: own.r#type.or(Some(ButtonType::Button)),
            icon: own.icon,
            small: own.small.unwrap_or(!self.large),
            prevent_double_click: own.prevent_double_click,
            disabled: own.disabled.unwrap_or(self.disabled),
            classes: Classes::new("nhsuk-password-input__toggle nhsuk-js-password-input-toggle")
                .and(&own.classes)
                .into_string(),
            attributes: Attributes::from([("aria-controls", id), ("hidden", "")]),
            variant: own.variant.or(Some(ButtonVariant::Secondary)),
            ..Button::default()
        }
    }

    fn form_group_attributes(&self) -> Attributes {
        let mut attributes = Attributes::from([("data-module", "nhsuk-password-input")]);
        let texts = [
            ("show-password", or(&self.show_password_text, &self.button.text)),
            ("hide-password", &self.hide_password_text),
            ("show-password-aria-label", or(&self.show_password_aria_label, &self.button.aria_label)),
            ("hide-password-aria-label", &self.hide_password_aria_label),
            ("password-shown-announcement", &self.password_shown_announcement_text),
            ("password-hidden-announcement", &self.password_hidden_announcement_text),
        ];
        for (key, text) in texts.into_iter().filter(|(_, text)| !text.is_empty()) {
            attributes.0.push((format!("data-i18n.{key}"), text.to_owned()));
        }
        attributes.0.extend(self.form_group.attributes.0.iter().cloned());
        attributes
    }
}

impl Component for PasswordInput {
    fn render(&self, out: &mut Markup) {
        let id = id_or_name(&self.id, &self.name);
        let mut after = Markup::default();
        after.component(&self.button(id));
        if let Some(more) = &self.form_group.after_input {
            after.component(more);
        }
        out.component(&Input {
            label: self.label.clone(),
            hint: self.hint.clone(),
            error_message: self.error_message.clone(),
            id: id.to_owned(),
            name: self.name.clone(),
            value: self.value.clone(),
            r#type: "password".to_owned(),
            prefix: self.prefix.clone(),
            suffix: self.suffix.clone(),
            code: self.code,
            width: self.width,
            large: self.large,
            spellcheck: Some(false),
            autocomplete: or(&self.autocomplete, "current-password").to_owned(),
            autocapitalize: "none".to_owned(),
            disabled: self.disabled,
            described_by: self.described_by.clone(),
            classes: Classes::new("nhsuk-password-input__input nhsuk-js-password-input-input")
                .and(&self.classes)
                .into_string(),
            attributes: self.attributes.clone(),
            input_wrapper: self.input_wrapper.clone(),
            form_group: FormGroup {
                classes: Classes::new(&self.form_group.classes).and("nhsuk-password-input").into_string(),
                attributes: self.form_group_attributes(),
                before_input: self.form_group.before_input.clone(),
                after_input: Some(Content::html(after.finish())),
            },
            ..Input::default()
        });
    }
}
