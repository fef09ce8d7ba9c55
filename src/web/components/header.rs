use serde::Deserialize;

use super::button::Button;
use super::form_group::FormGroup;
use super::html::{Attributes, Classes, Component, Content, Html, Markup, TextOrHtml, component, or};
use super::icon::IconName;
use super::input::Input;
use super::label::Label;

/// The top of every page: whose service it is, where one can go, and who is signed in.
///
/// Without a `logo` it shows the name of the service alone, which is how our pages use it: the NHS
/// logo is not ours to show, and the program does not carry its drawing.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Header {
    pub id: String,
    pub service: HeaderService,
    pub logo: Option<HeaderLogo>,
    pub organisation: Option<HeaderOrganisation>,
    pub search: Option<HeaderSearch>,
    pub account: Option<HeaderAccount>,
    pub navigation: Option<HeaderNavigation>,
    pub colour: Option<HeaderColour>,
    /// Puts search and account on the line of the service name.
    pub inline: bool,
    pub container_classes: String,
    pub classes: String,
    pub attributes: Attributes,
}

/// The name of the service, and its first page.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct HeaderService {
    pub text: String,
    pub href: String,
}

/// An organisation's logo.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct HeaderLogo {
    pub href: String,
    pub src: String,
    /// "NHS" where nothing is said.
    pub alt: String,
    pub aria_label: String,
}

/// The organisation whose service it is.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct HeaderOrganisation {
    pub name: String,
    /// The second line of a long name.
    pub split: String,
    pub descriptor: String,
}

/// A field to search with.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct HeaderSearch {
    pub action: String,
    /// `get` where nothing is said.
    pub method: String,
    /// The name of the field; `q` where nothing is said.
    pub name: String,
    pub label: HeaderSearchLabel,
    pub input: HeaderSearchInput,
    pub button: HeaderSearchButton,
    pub classes: String,
    pub attributes: Attributes,
}

/// What the field is called; only screen readers say it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct HeaderSearchLabel {
    pub visually_hidden_text: String,
}

/// What stands in the field while it is empty.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct HeaderSearchInput {
    pub placeholder: String,
}

/// What the button is called; only screen readers say it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct HeaderSearchButton {
    pub aria_label: String,
}

/// Who is signed in, and what they can do about it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct HeaderAccount {
    pub aria_label: String,
    pub items: Vec<HeaderAccountItem>,
    pub classes: String,
    pub attributes: Attributes,
}

/// A word, a link (with `href`) or a button that sends a form (with `action`).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct HeaderAccountItem {
    pub href: String,
    pub action: String,
    /// `post` where nothing is said.
    pub method: String,
    pub text: String,
    pub html: Option<Html>,
    /// Shows the picture of a person.
    pub icon: bool,
    pub classes: String,
    /// Goes into the form before its button, for example a token against forged requests. Not an
    /// official option.
    pub form_html: Option<Html>,
}

/// The main parts of the service.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct HeaderNavigation {
    pub aria_label: String,
    pub items: Vec<HeaderNavigationItem>,
    pub colour: Option<HeaderColour>,
    pub justified: bool,
    pub toggle_menu_text: String,
    pub toggle_menu_visually_hidden_text: String,
    pub classes: String,
    pub attributes: Attributes,
}

/// One part of the service.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct HeaderNavigationItem {
    pub href: String,
    pub text: String,
    pub html: Option<Html>,
    /// This very page.
    pub current: bool,
    /// The part that this page is in.
    pub active: bool,
    pub classes: String,
    pub attributes: Attributes,
}

/// A header is blue unless it is white.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HeaderColour {
    White,
}

component!(Header);

impl Component for Header {
    fn render(&self, out: &mut Markup) {
        out.open("header")
            .classes(
                Classes::new("nhsuk-header")
                    .when(self.colour.is_some(), "nhsuk-header--white")
                    .when(self.inline, "nhsuk-header--inline")
                    .when(self.organisation.is_some(), "nhsuk-header--organisation")
                    .and(&self.classes),
            )
            .id(&self.id)
            .attribute("data-module", "nhsuk-header")
            .attribute("role", "banner")
            .attributes(&self.attributes);
        out.open("div").classes(self.container("nhsuk-header__container"));
        out.open("div").class("nhsuk-header__service");
        match &self.logo {
            Some(logo) => self.render_with_logo(out, logo),
            None => self.render_service_name(out, &self.service.href),
        }
        out.close("div");
        if let Some(search) = &self.search {
            search.render(out);
        }
        if let Some(account) = &self.account {
            account.render(out);
        }
        out.close("div");
        if let Some(navigation) = self.navigation.as_ref().filter(|navigation| !navigation.items.is_empty()) {
            self.render_navigation(out, navigation);
        }
        out.close("header");
    }
}

impl Header {
    fn container(&self, class: &str) -> Classes {
        Classes::new(class).and("nhsuk-width-container").and(&self.container_classes)
    }

    fn render_with_logo(&self, out: &mut Markup, logo: &HeaderLogo) {
        let service = &self.service;
        // One link where two would lead to the same page.
        let combined = !service.text.is_empty()
            && !service.href.is_empty()
            && (logo.href.is_empty() || logo.href == service.href);
        let href = if combined { &service.href } else { &logo.href };
        if href.is_empty() {
            self.render_logo(out, logo);
        } else {
            let organisation = self.organisation.clone().unwrap_or_default();
            let words = [
                or(&logo.alt, "NHS"),
                &organisation.name,
                &organisation.split,
                if combined { &service.text } else { "" },
                "homepage",
            ];
            let words: Vec<_> = words.into_iter().filter(|word| !word.is_empty()).collect();
            out.open("a")
                .class("nhsuk-header__service-logo")
                .attribute("href", href)
                .attribute("aria-label", or(&logo.aria_label, &words.join(" ")));
            self.render_logo(out, logo);
            if combined {
                self.render_service_name(out, "");
            }
            out.close("a");
        }
        if !combined && !service.text.is_empty() {
            out.text(" ");
            self.render_service_name(out, &service.href);
        }
    }

    fn render_logo(&self, out: &mut Markup, logo: &HeaderLogo) {
        if !logo.src.is_empty() {
            out.open("img")
                .class("nhsuk-header__organisation-logo")
                .attribute("src", &logo.src)
                .attribute("width", "280")
                .attribute("alt", or(&logo.alt, "NHS"));
        }
        if let Some(organisation) = &self.organisation {
            out.open("span").class("nhsuk-header__organisation-name");
            out.text(&organisation.name);
            if !organisation.split.is_empty() {
                out.text(" ").open("span").class("nhsuk-header__organisation-name-split");
                out.text(&organisation.split).close("span");
            }
            out.close("span");
            if !organisation.descriptor.is_empty() {
                out.open("span").class("nhsuk-header__organisation-name-descriptor");
                out.text(&organisation.descriptor).close("span");
            }
        }
    }

    fn render_service_name(&self, out: &mut Markup, href: &str) {
        if self.service.text.is_empty() {
            return;
        }
        let element = if href.is_empty() { "span" } else { "a" };
        out.open(element).class("nhsuk-header__service-name").optional("href", href);
        out.text(&self.service.text).close(element);
    }

    fn render_navigation(&self, out: &mut Markup, navigation: &HeaderNavigation) {
        out.open("nav")
            .classes(
                Classes::new("nhsuk-header__navigation")
                    .when(navigation.colour.is_some(), "nhsuk-header__navigation--white")
                    .when(navigation.justified, "nhsuk-header__navigation--justified")
                    .and(&navigation.classes),
            )
            .attribute("aria-label", or(&navigation.aria_label, "Menu"))
            .attributes(&navigation.attributes);
        out.open("div").classes(self.container("nhsuk-header__navigation-container"));
        out.open("ul").class("nhsuk-header__navigation-list");
        for item in &navigation.items {
            item.render(out);
        }
        // The design system's script shows this where the list does not fit on one line.
        out.open("li").class("nhsuk-header__menu").flag("hidden", true);
        out.open("button")
            .class("nhsuk-header__menu-toggle nhsuk-header__navigation-link")
            .id("toggle-menu")
            .attribute("aria-expanded", "false");
        out.visually_hidden(&format!("{} ", or(&navigation.toggle_menu_visually_hidden_text, "Browse")));
        out.text(or(&navigation.toggle_menu_text, "More"));
        out.close("button").close("li").close("ul").close("div").close("nav");
    }
}

impl HeaderSearch {
    fn render(&self, out: &mut Markup) {
        out.open("search")
            .classes(Classes::new("nhsuk-header__search").and(&self.classes))
            .attributes(&self.attributes);
        out.open("form")
            .class("nhsuk-header__search-form")
            .id("search")
            .optional("action", &self.action)
            .attribute("method", or(&self.method, "get"))
            .flag("novalidate", true);
        let button = Button {
            aria_label: or(&self.button.aria_label, "Search").to_owned(),
            icon: Some(IconName::Search.into()),
            small: true,
            ..Button::default()
        };
        out.component(&Input {
            label: Label {
                text: or(&self.label.visually_hidden_text, "Search").to_owned(),
                classes: "nhsuk-u-visually-hidden".to_owned(),
                ..Label::default()
            },
            id: "search-field".to_owned(),
            name: or(&self.name, "q").to_owned(),
            r#type: "search".to_owned(),
            autocomplete: "off".to_owned(),
            placeholder: or(&self.input.placeholder, "Search").to_owned(),
            form_group: FormGroup {
                after_input: Some(Content { html: Some(Html::of(&button)), ..Content::default() }),
                ..FormGroup::default()
            },
            ..Input::default()
        });
        out.close("form").close("search");
    }
}

impl HeaderAccount {
    fn render(&self, out: &mut Markup) {
        out.open("nav")
            .classes(Classes::new("nhsuk-header__account").and(&self.classes))
            .attribute("aria-label", or(&self.aria_label, "Account"))
            .attributes(&self.attributes);
        out.open("ul").class("nhsuk-header__account-list");
        for item in &self.items {
            item.render(out);
        }
        out.close("ul").close("nav");
    }
}

impl HeaderAccountItem {
    fn render(&self, out: &mut Markup) {
        out.open("li").classes(Classes::new("nhsuk-header__account-item").and(&self.classes));
        if !self.href.is_empty() {
            out.open("a").class("nhsuk-header__account-link").attribute("href", &self.href);
            self.render_words(out);
            out.close("a");
        } else if !self.action.is_empty() {
            out.open("form")
                .class("nhsuk-header__account-form")
                .attribute("action", &self.action)
                .attribute("method", or(&self.method, "post"))
                .flag("novalidate", true);
            if let Some(html) = &self.form_html {
                out.html(html);
            }
            out.open("button").class("nhsuk-header__account-button");
            self.render_words(out);
            out.close("button").close("form");
        } else {
            self.render_words(out);
        }
        out.close("li");
    }

    fn render_words(&self, out: &mut Markup) {
        if self.icon {
            out.component(&IconName::User);
        }
        out.component(&TextOrHtml(&self.text, &self.html));
    }
}

impl HeaderNavigationItem {
    fn render(&self, out: &mut Markup) {
        let is_here = self.active || self.current;
        let (element, class) = if self.href.is_empty() {
            ("span", "nhsuk-header__navigation-text")
        } else {
            ("a", "nhsuk-header__navigation-link")
        };
        out.open("li")
            .classes(
                Classes::new("nhsuk-header__navigation-item")
                    .when(is_here, "nhsuk-header__navigation-item--current")
                    .and(&self.classes),
            )
            .attributes(&self.attributes);
        out.open(element).class(class).optional("href", &self.href).optional(
            "aria-current",
            match (self.current, self.active) {
                (true, _) => "page",
                (false, true) => "true",
                (false, false) => "",
            },
        );
        // Bold, for people who see neither our colours nor our lines.
        if is_here {
            out.open("strong").class("nhsuk-header__navigation-item-current-fallback");
        }
        out.component(&TextOrHtml(&self.text, &self.html));
        if is_here {
            out.close("strong");
        }
        out.close(element).close("li");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_logo_the_name_of_the_service_stands_alone() {
        let header = Header {
            service: HeaderService { text: "Carepost".into(), href: "/".into() },
            ..Header::default()
        };
        assert_eq!(
            header.to_string(),
            "<header class=\"nhsuk-header\" data-module=\"nhsuk-header\" role=\"banner\">\
             <div class=\"nhsuk-header__container nhsuk-width-container\">\
             <div class=\"nhsuk-header__service\">\
             <a class=\"nhsuk-header__service-name\" href=\"/\">Carepost</a>\
             </div></div></header>"
        );
    }
}
