//! The writer that every component uses: it escapes text, so that only [`Html`] can carry markup.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

/// Markup that somebody has vouched for: it goes into the page as it is.
///
/// It has no `From<String>`, so text that a person typed cannot become markup by accident.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Html(String);

impl Html {
    /// Vouches for this markup. Everything in it that a person may have typed must be escaped.
    pub fn trusted(markup: impl Into<String>) -> Self {
        Self(markup.into())
    }

    /// Text as markup, escaped.
    pub fn text(text: &str) -> Self {
        let mut html = String::with_capacity(text.len());
        escape(&mut html, text);
        Self(html)
    }

    /// What a component or an askama template renders, which is escaped already.
    pub fn of(rendered: &impl askama::filters::HtmlSafe) -> Self {
        Self(rendered.to_string())
    }

    /// The markup itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Html {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl askama::filters::HtmlSafe for Html {}

/// Further attributes of an element, in the order they are written. Values are escaped; a name with
/// an empty value is a plain `name`.
#[derive(Clone, Debug, Default)]
pub struct Attributes(pub Vec<(String, String)>);

impl<const N: usize> From<[(&str, &str); N]> for Attributes {
    fn from(pairs: [(&str, &str); N]) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }
}

impl<'de> Deserialize<'de> for Attributes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// Reads a map without losing its order.
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Attributes;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a map of attribute names to values")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Attributes, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Attributes(pairs))
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}

/// The value of a `class` attribute: the component's own name, its modifiers, the caller's classes.
#[derive(Clone, Debug)]
pub(super) struct Classes(String);

impl Classes {
    pub fn new(own: &str) -> Self {
        Self(own.to_owned())
    }

    /// Adds what the caller asked for, which may be nothing.
    pub fn and(mut self, classes: &str) -> Self {
        if !classes.is_empty() {
            if !self.0.is_empty() {
                self.0.push(' ');
            }
            self.0.push_str(classes);
        }
        self
    }

    pub fn when(self, wanted: bool, class: &str) -> Self {
        if wanted { self.and(class) } else { self }
    }

    /// Adds a modifier of this kind, unless the caller's classes have one already.
    pub fn unless_in(self, classes: &str, prefix: &str, variant: Option<&str>) -> Self {
        self.modifier(prefix, variant.filter(|_| !classes.contains(prefix)))
    }

    /// Adds `prefix` and the name of a variant, where there is one.
    pub fn modifier(self, prefix: &str, variant: Option<&str>) -> Self {
        match variant {
            Some(variant) => self.and(&format!("{prefix}{variant}")),
            None => self,
        }
    }
}

impl Classes {
    pub fn into_string(self) -> String {
        self.0
    }
}

/// A page, or a part of one, while it is being written.
#[derive(Debug, Default)]
pub(super) struct Markup(String);

impl Markup {
    /// Opens an element; the attributes follow, and the tag ends where the value is dropped.
    pub fn open(&mut self, element: &str) -> Tag<'_> {
        self.0.push('<');
        self.0.push_str(element);
        Tag { markup: self }
    }

    pub fn close(&mut self, element: &str) -> &mut Self {
        self.0.push_str("</");
        self.0.push_str(element);
        self.0.push('>');
        self
    }

    pub fn text(&mut self, text: &str) -> &mut Self {
        escape(&mut self.0, text);
        self
    }

    pub fn html(&mut self, html: &Html) -> &mut Self {
        self.0.push_str(&html.0);
        self
    }

    /// Words for screen readers only. Spaces at either end separate them from what stands beside.
    pub fn visually_hidden(&mut self, text: &str) -> &mut Self {
        self.open("span").class("nhsuk-u-visually-hidden");
        self.text(text).close("span")
    }

    pub fn component(&mut self, component: &impl Component) -> &mut Self {
        component.render(self);
        self
    }

    pub fn finish(self) -> Html {
        Html(self.0)
    }
}

/// An opening tag while its attributes are being written.
#[derive(Debug)]
pub(super) struct Tag<'a> {
    markup: &'a mut Markup,
}

impl Tag<'_> {
    pub fn attribute(self, name: &str, value: &str) -> Self {
        let html = &mut self.markup.0;
        html.push(' ');
        escape(html, name);
        html.push_str("=\"");
        escape(html, value);
        html.push('"');
        self
    }

    /// An attribute that is left out when it has no value.
    pub fn optional(self, name: &str, value: &str) -> Self {
        if value.is_empty() { self } else { self.attribute(name, value) }
    }

    /// An attribute that counts by being there.
    pub fn flag(self, name: &str, set: bool) -> Self {
        if set {
            self.markup.0.push(' ');
            self.markup.0.push_str(name);
        }
        self
    }

    /// `name="true"` or `name="false"` where somebody chose.
    pub fn choice(self, name: &str, chosen: Option<bool>) -> Self {
        match chosen {
            Some(true) => self.attribute(name, "true"),
            Some(false) => self.attribute(name, "false"),
            None => self,
        }
    }

    pub fn class(self, class: &str) -> Self {
        self.optional("class", class)
    }

    pub fn classes(self, classes: Classes) -> Self {
        self.class(&classes.0)
    }

    pub fn id(self, id: &str) -> Self {
        self.optional("id", id)
    }

    pub fn attributes(mut self, attributes: &Attributes) -> Self {
        for (name, value) in &attributes.0 {
            self = if value.is_empty() { self.flag(name, true) } else { self.attribute(name, value) };
        }
        self
    }
}

impl Drop for Tag<'_> {
    fn drop(&mut self) {
        self.markup.0.push('>');
    }
}

/// What can be written into a page.
pub(super) trait Component {
    fn render(&self, out: &mut Markup);
}

/// Lets a component stand in an askama template (`{{ component }}`) and in a [`Html::of`].
macro_rules! component {
    ($($name:ty),+ $(,)?) => {$(
        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let mut out = $crate::web::components::html::Markup::default();
                $crate::web::components::html::Component::render(self, &mut out);
                std::fmt::Display::fmt(&out.finish(), formatter)
            }
        }
        impl askama::filters::HtmlSafe for $name {}
    )+};
}
pub(super) use component;

/// Lets bare words stand where an option has more to it: `hint: Some("As on your letter".into())`.
macro_rules! from_text {
    ($($name:ty),+ $(,)?) => {$(
        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                text.to_owned().into()
            }
        }
        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self { text, ..Self::default() }
            }
        }
    )+};
}
pub(super) use from_text;

/// Words, or markup in their place.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Content {
    pub text: String,
    /// Stands in place of `text`.
    pub html: Option<Html>,
}

from_text!(Content);

impl Content {
    /// Markup in place of words.
    pub fn html(html: Html) -> Self {
        Self { html: Some(html), ..Self::default() }
    }
}

impl Component for Content {
    fn render(&self, out: &mut Markup) {
        out.component(&TextOrHtml(&self.text, &self.html));
    }
}

/// The two options that nearly every component has; the markup wins.
pub(super) struct TextOrHtml<'a>(pub &'a str, pub &'a Option<Html>);

impl TextOrHtml<'_> {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty() && self.1.as_ref().is_none_or(|html| html.0.is_empty())
    }
}

impl Component for TextOrHtml<'_> {
    fn render(&self, out: &mut Markup) {
        match self.1 {
            Some(html) if !html.0.is_empty() => out.html(html),
            Some(_) | None => out.text(self.0),
        };
    }
}

/// What was said, or else what is said where nothing was.
pub(super) fn or<'a>(said: &'a str, otherwise: &'a str) -> &'a str {
    if said.is_empty() { otherwise } else { said }
}

fn escape(html: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            other => html.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_attribute_values_are_escaped() {
        let mut out = Markup::default();
        out.open("p").attribute("title", "\"><script>").flag("hidden", true);
        out.text("Tom & Jerry's <b>").close("p");
        assert_eq!(
            out.finish().as_str(),
            "<p title=\"&quot;&gt;&lt;script&gt;\" hidden>Tom &amp; Jerry&#39;s &lt;b&gt;</p>"
        );
    }

    #[test]
    fn a_component_in_a_template_is_not_escaped_twice() {
        #[derive(askama::Template)]
        #[template(source = "{{ hint }}{{ words }}", ext = "html")]
        struct Page {
            hint: crate::web::components::Hint,
            words: &'static str,
        }
        let page = Page { hint: "Tom & Jerry".into(), words: "<b>" };
        let rendered = askama::Template::render(&page).unwrap();
        assert_eq!(rendered, "<div class=\"nhsuk-hint\">Tom &amp; Jerry</div>&#60;b&#62;");
    }
}
