use serde::Deserialize;

use super::heading::Heading;
use super::html::{Attributes, Classes, Component, Html, Markup, component, or};

/// Tells people what has just happened, or what else they should know.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct NotificationBanner {
    pub id: String,
    /// "Success" or "Important" where nothing is said.
    pub title: Heading,
    pub heading: Heading,
    pub text: String,
    pub html: Option<Html>,
    pub variant: Option<NotificationBannerVariant>,
    /// `alert` for a success and `region` otherwise, where nothing is said.
    pub role: String,
    pub disable_auto_focus: Option<bool>,
    pub classes: String,
    pub attributes: Attributes,
}

/// A banner says that something went well, or else that something matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NotificationBannerVariant {
    Success,
}

component!(NotificationBanner);

impl Component for NotificationBanner {
    fn render(&self, out: &mut Markup) {
        let is_success = self.variant.is_some();
        let (words, role) = if is_success { ("Success", "alert") } else { ("Important", "region") };
        let title = Heading {
            id: or(&self.title.id, "nhsuk-notification-banner-title").to_owned(),
            text: or(&self.title.text, words).to_owned(),
            ..self.title.clone()
        };
        out.open("div")
            .classes(
                Classes::new("nhsuk-notification-banner")
                    .and(&self.classes)
                    .when(is_success, "nhsuk-notification-banner--success"),
            )
            .id(&self.id)
            .attribute("data-module", "nhsuk-notification-banner")
            .choice("data-disable-auto-focus", self.disable_auto_focus)
            .attribute("role", or(&self.role, role))
            .attribute("aria-labelledby", &title.id)
            .attributes(&self.attributes);
        out.open("div").class("nhsuk-notification-banner__header");
        title.render_as(out, &title.element_or(2), Classes::new("nhsuk-notification-banner__title"));
        out.close("div");
        out.open("div").class("nhsuk-notification-banner__content");
        let heading = &self.heading;
        heading.render_as(out, &heading.element_or(3), Classes::new("nhsuk-notification-banner__heading"));
        if let Some(html) = &self.html {
            out.html(html);
        } else if !self.text.is_empty() {
            let is_heading = heading.is_empty();
            out.open("p").class(if is_heading { "nhsuk-notification-banner__heading" } else { "nhsuk-body" });
            out.text(&self.text).close("p");
        }
        out.close("div").close("div");
    }
}
