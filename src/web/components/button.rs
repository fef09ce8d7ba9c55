use serde::Deserialize;

use super::html::{Attributes, Classes, Component, Html, Markup, TextOrHtml, component, from_text, or};
use super::icon::IconName;

/// Sends a form, or leads to the next step where it has an `href`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Button {
    pub id: String,
    /// A link where there is an `href`, a button otherwise, unless something is said here.
    pub element: Option<ButtonElement>,
    pub text: String,
    pub html: Option<Html>,
    pub name: String,
    /// `submit` where nothing is said.
    pub r#type: Option<ButtonType>,
    pub value: String,
    pub disabled: bool,
    pub href: String,
    pub icon: Option<ButtonIcon>,
    pub aria_label: String,
    pub small: bool,
    pub variant: Option<ButtonVariant>,
    pub classes: String,
    /// Takes a second click within a second for a slip of the hand.
    pub prevent_double_click: Option<bool>,
    pub attributes: Attributes,
}

/// How much a button asks to be pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ButtonVariant {
    Brand,
    Login,
    Reverse,
    Secondary,
    SecondarySolid,
    Warning,
}

impl ButtonVariant {
    fn name(self) -> &'static str {
        match self {
            ButtonVariant::Brand => "brand",
            ButtonVariant::Login => "login",
            ButtonVariant::Reverse => "reverse",
            ButtonVariant::Secondary => "secondary",
            ButtonVariant::SecondarySolid => "secondary-solid",
            ButtonVariant::Warning => "warning",
        }
    }
}

/// The HTML element a button is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ButtonElement {
    A,
    Button,
    Input,
}

/// What a button does to its form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ButtonType {
    #[default]
    Submit,
    Button,
    Reset,
}

impl ButtonType {
    pub(super) fn name(self) -> &'static str {
        match self {
            ButtonType::Submit => "submit",
            ButtonType::Button => "button",
            ButtonType::Reset => "reset",
        }
    }
}

/// An icon beside the words of a button.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct ButtonIcon {
    pub name: Option<IconName>,
    /// Stands in place of the named icon.
    pub html: Option<Html>,
    pub placement: ButtonIconPlacement,
}

/// On which side of the words an icon stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ButtonIconPlacement {
    #[default]
    Start,
    End,
}

impl From<IconName> for ButtonIcon {
    fn from(name: IconName) -> Self {
        Self { name: Some(name), ..Self::default() }
    }
}

component!(Button);
from_text!(Button);

impl Button {
    fn write_icon(&self, out: &mut Markup, side: ButtonIconPlacement) {
        let Some(icon) = self.icon.as_ref().filter(|icon| icon.placement == side) else {
            return;
        };
        if let Some(html) = &icon.html {
            out.html(html);
        } else if let Some(name) = &icon.name {
            out.component(name);
        }
    }
}

impl Component for Button {
    fn render(&self, out: &mut Markup) {
        let is_link = !self.href.is_empty() && self.r#type.is_none();
        let element = self.element.unwrap_or(if is_link { ButtonElement::A } else { ButtonElement::Button });
        let name = match element {
            ButtonElement::A => "a",
            ButtonElement::Button => "button",
            ButtonElement::Input => "input",
        };
        let classes = Classes::new("nhsuk-button")
            .modifier("nhsuk-button--", self.variant.map(ButtonVariant::name))
            .when(self.icon.is_some(), "nhsuk-button--icon")
            .when(self.small, "nhsuk-button--small")
            .and(&self.classes);
        let is_a = element == ButtonElement::A;
        let tag = out
            .open(name)
            .classes(classes)
            .id(&self.id)
            .optional("name", if is_a { "" } else { &self.name })
            .attribute("data-module", "nhsuk-button")
            .choice("data-prevent-double-click", self.prevent_double_click);
        match element {
            ButtonElement::A => tag
                .attribute("href", or(&self.href, "#"))
                .attribute("role", "button")
                .attribute("draggable", "false")
                .optional("aria-label", &self.aria_label),
            ButtonElement::Button | ButtonElement::Input => tag
                .attribute("type", self.r#type.unwrap_or_default().name())
                .optional("value", if element == ButtonElement::Input { &self.text } else { &self.value })
                .flag("disabled", self.disabled)
                .optional("aria-label", &self.aria_label)
                .optional("aria-disabled", if self.disabled { "true" } else { "" }),
        }
        .attributes(&self.attributes);
        if element == ButtonElement::Input {
            return;
        }
        let words = TextOrHtml(&self.text, &self.html);
        self.write_icon(out, ButtonIconPlacement::Start);
        if self.icon.is_some() && !words.is_empty() {
            out.open("span").class("nhsuk-button__content");
            out.component(&words).close("span");
        } else {
            out.component(&words);
        }
        self.write_icon(out, ButtonIconPlacement::End);
        out.close(name);
    }
}
