//! Forms: what was typed, what is wrong with it, and the page's fields with both.

use super::components::{
    Button, ButtonVariant, Checkboxes, CheckboxesItem, ErrorMessage, ErrorSummary, ErrorSummaryItem,
    Fieldset, Hint, Html, Input, InputWidth, Label, Legend, Radios, RadiosItem, Size, Textarea,
};
use std::collections::BTreeMap;

/// Longest text we keep of one field, in characters; the longest honest answer is a message of 4,000.
const FIELD_MAX: usize = 10_000;
/// Most fields a form may have; the largest of ours has a dozen.
const FIELDS_MAX: usize = 200;

/// What was typed into a form: text without control characters, spaces at its ends taken away.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields(Vec<(String, String)>);

impl Fields {
    /// Reads a body as browsers send it. Whatever is not text becomes text; nothing is refused.
    pub fn parse(body: &[u8]) -> Self {
        Fields(
            form_urlencoded::parse(body)
                .take(FIELDS_MAX)
                .map(|(name, value)| (clean(&name), clean(&value)))
                .collect(),
        )
    }

    pub fn from_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        Fields(pairs.into_iter().map(|(name, value)| (name.to_owned(), clean(value))).collect())
    }

    /// What was typed, or nothing at all.
    pub fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// Every value of a field that may have several (checkboxes).
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }

    /// The same fields with one of them set.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.0.retain(|(known, _)| known != name);
        self.0.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds a field after those that are there.
    #[must_use]
    pub(super) fn and(mut self, name: &str, value: &str) -> Self {
        if self.0.len() < FIELDS_MAX {
            self.0.push((clean(name), clean(value)));
        }
        self
    }

    /// The name of the form they came with; whatever else stands there names no form of ours.
    pub fn once(&self) -> String {
        self.text(ONCE_FIELD).chars().filter(char::is_ascii_hexdigit).take(ONCE_LETTERS).collect()
    }

    /// One line of text of at most `letters_max` letters, or the problem in words.
    ///
    /// # Errors
    /// `missing` where nothing was typed, or that it is too long.
    pub fn line(
        &self,
        name: &str,
        letters_max: usize,
        missing: &str,
        called: &str,
    ) -> Result<String, String> {
        let text = self.text(name).split_whitespace().collect::<Vec<_>>().join(" ");
        if text.is_empty() {
            return Err(missing.to_owned());
        }
        if text.chars().count() > letters_max {
            return Err(format!("{called} must be {letters_max} characters or fewer"));
        }
        Ok(text)
    }
}

/// Takes away what no honest answer holds: control characters (a line break stays), marks that turn
/// the direction of writing round or cannot be seen, and spaces at the ends.
fn clean(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    text.trim()
        .chars()
        .filter(|&letter| letter == '\n' || !letter.is_control())
        .filter(|&letter| {
            !matches!(letter, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
        })
        .take(FIELD_MAX)
        .collect::<String>()
        .trim()
        .to_owned()
}

/// What must be put right, each with the field it is about, in the order of the page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems(Vec<(String, String)>);

impl Problems {
    pub fn none() -> Self {
        Self::default()
    }

    pub fn one(field: &str, words: impl Into<String>) -> Self {
        let mut problems = Self::none();
        problems.add(field, words);
        problems
    }

    /// Adds a problem; a field shows its first.
    pub fn add(&mut self, field: &str, words: impl Into<String>) {
        if self.of(field).is_none() {
            self.0.push((field.to_owned(), words.into()));
        }
    }

    /// Keeps the value, or notes why there is none.
    pub fn take<T>(&mut self, field: &str, read: Result<T, String>) -> Option<T> {
        match read {
            Ok(value) => Some(value),
            Err(words) => {
                self.add(field, words);
                None
            }
        }
    }

    pub fn of(&self, field: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == field).map(|(_, words)| words.as_str())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(field, words)| (field.as_str(), words.as_str()))
    }
}

/// A form on its way to a page: makes the page's fields with what was typed and what is wrong.
#[derive(Clone, Debug, Default)]
pub struct Form {
    pub fields: Fields,
    pub problems: Problems,
    pub token: String,
}

impl Form {
    pub fn new(token: String, fields: Fields, problems: Problems) -> Self {
        Form { fields, problems, token }
    }

    /// The summary at the top of the page; nothing where there is nothing wrong.
    pub fn summary(&self) -> Html {
        if self.problems.is_empty() {
            return Html::default();
        }
        let error_list = self
            .problems
            .iter()
            .map(|(field, words)| ErrorSummaryItem {
                href: format!("#{field}"),
                text: words.to_owned(),
                ..Default::default()
            })
            .collect();
        Html::of(&ErrorSummary { error_list, ..Default::default() })
    }

    /// The hidden field that shows a form came from our own page.
    pub fn hidden(&self) -> Html {
        hidden_token(&self.token)
    }

    /// The hidden field that names this form, so that sending it twice has the effect of once (see
    /// [`crate::id::Once`]). A form that is shown again keeps its name.
    pub fn once(&self) -> Html {
        let known = self.fields.once();
        let name = if known.is_empty() { crate::id::new_token() } else { known };
        Html::trusted(format!("<input type=\"hidden\" name=\"{ONCE_FIELD}\" value=\"{name}\">"))
    }

    fn error(&self, name: &str) -> Option<ErrorMessage> {
        self.problems.of(name).map(|words| ErrorMessage { text: words.to_owned(), ..Default::default() })
    }

    /// A field for one line.
    pub fn text(&self, name: &str, label: &str) -> Input {
        Input {
            name: name.to_owned(),
            id: name.to_owned(),
            label: Label { text: label.to_owned(), ..Default::default() },
            value: self.fields.text(name).to_owned(),
            error_message: self.error(name),
            ..Default::default()
        }
    }

    /// A field for an email address.
    pub fn email(&self, name: &str, label: &str) -> Input {
        Input { r#type: "email".to_owned(), spellcheck: Some(false), ..self.text(name, label) }
    }

    /// A field for a telephone number.
    pub fn telephone(&self, name: &str, label: &str) -> Input {
        Input { r#type: "tel".to_owned(), width: Some(InputWidth::Twenty), ..self.text(name, label) }
    }

    /// A field for the digits of a code we sent.
    pub fn code(&self, name: &str, label: &str) -> Input {
        Input {
            inputmode: "numeric".to_owned(),
            autocomplete: "one-time-code".to_owned(),
            spellcheck: Some(false),
            width: Some(InputWidth::Ten),
            code: true,
            ..self.text(name, label)
        }
    }

    /// A field whose value is never shown again.
    pub fn password(&self, name: &str, label: &str) -> Input {
        Input {
            r#type: "password".to_owned(),
            spellcheck: Some(false),
            autocapitalize: "none".to_owned(),
            value: String::new(),
            ..self.text(name, label)
        }
    }

    /// A field for several lines.
    pub fn lines(&self, name: &str, label: &str, hint: &str) -> Textarea {
        Textarea {
            name: name.to_owned(),
            id: name.to_owned(),
            label: Label { text: label.to_owned(), ..Default::default() },
            hint: (!hint.is_empty()).then(|| Hint { text: hint.to_owned(), ..Default::default() }),
            value: self.fields.text(name).to_owned(),
            error_message: self.error(name),
            ..Default::default()
        }
    }

    /// Answers of which one is chosen, under the page's question as its heading.
    pub fn radios(&self, name: &str, question: &str) -> Radios {
        Radios {
            name: name.to_owned(),
            value: self.fields.text(name).to_owned(),
            fieldset: Some(Fieldset {
                legend: Some(Legend {
                    text: question.to_owned(),
                    size: Some(Size::L),
                    is_page_heading: true,
                    ..Default::default()
                }),
                ..Default::default()
            }),
            error_message: self.error(name),
            ..Default::default()
        }
    }

    /// A question that is answered with yes or no.
    pub fn yes_no(&self, name: &str, question: &str) -> Radios {
        Radios { inline: false, ..self.radios(name, question) }.choice("yes", "Yes").choice("no", "No")
    }

    /// One box to tick.
    pub fn tick(&self, name: &str, text: &str) -> Checkboxes {
        Checkboxes {
            name: name.to_owned(),
            items: vec![CheckboxesItem {
                text: text.to_owned(),
                value: "yes".to_owned(),
                checked: Some(self.fields.text(name) == "yes"),
                ..Default::default()
            }],
            error_message: self.error(name),
            ..Default::default()
        }
    }

    /// The button that sends the form.
    pub fn button(&self, text: &str) -> Button {
        Button { text: text.to_owned(), prevent_double_click: Some(true), ..Default::default() }
    }

    /// A button for the less usual way.
    pub fn second_button(&self, text: &str) -> Button {
        Button {
            text: text.to_owned(),
            variant: Some(ButtonVariant::Secondary),
            prevent_double_click: Some(true),
            ..Default::default()
        }
    }
}

/// The hidden field that carries a token: hexadecimal digits, which need no escaping.
pub(super) fn hidden_token(token: &str) -> Html {
    Html::trusted(format!("<input type=\"hidden\" name=\"{TOKEN_FIELD}\" value=\"{token}\">"))
}

/// The name of the hidden field of [`Form::hidden`].
pub const TOKEN_FIELD: &str = "form_token";

/// The name of the hidden field of [`Form::once`].
pub const ONCE_FIELD: &str = "once";
/// Length of the name of a form: hexadecimal digits of 256 bits.
const ONCE_LETTERS: usize = 64;

impl Input {
    #[must_use]
    pub fn hinted(mut self, text: &str) -> Self {
        self.hint = Some(Hint { text: text.to_owned(), ..Default::default() });
        self
    }

    /// Makes the label the page's heading, for pages that ask one thing.
    #[must_use]
    pub fn as_heading(mut self) -> Self {
        self.label.is_page_heading = true;
        self.label.size = Some(Size::L);
        self
    }

    /// What the browser may fill in (WCAG 1.3.5).
    #[must_use]
    pub fn filled_as(mut self, purpose: &str) -> Self {
        self.autocomplete = purpose.to_owned();
        self
    }

    /// For codes that are read letter by letter and need letters to type.
    #[must_use]
    pub fn for_code(mut self) -> Self {
        self.code = true;
        self.spellcheck = Some(false);
        self.autocapitalize = "none".to_owned();
        self.width = Some(InputWidth::Twenty);
        self
    }

    #[must_use]
    pub fn ten_wide(mut self) -> Self {
        self.width = Some(InputWidth::Ten);
        self
    }

    #[must_use]
    pub fn twenty_wide(mut self) -> Self {
        self.width = Some(InputWidth::Twenty);
        self
    }
}

impl Radios {
    #[must_use]
    pub fn choice(mut self, value: &str, text: &str) -> Self {
        self.items.push(RadiosItem { value: value.to_owned(), text: text.to_owned(), ..Default::default() });
        self
    }

    #[must_use]
    pub fn choice_hinted(mut self, value: &str, text: &str, hint: &str) -> Self {
        self.items.push(RadiosItem {
            value: value.to_owned(),
            text: text.to_owned(),
            hint: Some(Hint { text: hint.to_owned(), ..Default::default() }),
            ..Default::default()
        });
        self
    }

    #[must_use]
    pub fn hinted(mut self, text: &str) -> Self {
        self.hint = Some(Hint { text: text.to_owned(), ..Default::default() });
        self
    }

    /// The question as a legend of middle size, for pages with a heading of their own.
    #[must_use]
    pub fn in_page(mut self) -> Self {
        if let Some(legend) = self.fieldset.as_mut().and_then(|fieldset| fieldset.legend.as_mut()) {
            legend.is_page_heading = false;
            legend.size = Some(Size::M);
        }
        self
    }
}

impl Button {
    /// What is sent with the form when this button is pressed.
    #[must_use]
    pub fn sending(mut self, name: &str, value: &str) -> Self {
        self.name = name.to_owned();
        self.value = value.to_owned();
        self
    }

    #[must_use]
    pub fn warning(mut self) -> Self {
        self.variant = Some(ButtonVariant::Warning);
        self
    }
}

/// The query part of an address, as fields.
pub fn query(uri: &axum::http::Uri) -> Fields {
    Fields::parse(uri.query().unwrap_or("").as_bytes())
}

/// Text as part of an address's query.
pub fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// Counts of things in words: "1 person", "3 people".
pub fn counted(count: usize, one: &str, many: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {many}") }
}

/// Fields by name, for documents and tests.
impl From<&Fields> for BTreeMap<String, String> {
    fn from(fields: &Fields) -> Self {
        fields.0.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_honest_answer_holds_is_taken_away() {
        let check = |body: &[u8], expect: &str| assert_eq!(Fields::parse(body).text("a"), expect);
        check(b"a=+Rose+Court+", "Rose Court");
        check(b"a=one%0D%0Atwo", "one\ntwo");
        check(b"a=nul%00byte", "nulbyte");
        check(b"a=%E2%80%AEevil", "evil");
        check(b"a=%EF%BB%BFbom", "bom");
        check(b"a=%ED%A0%80", "\u{fffd}\u{fffd}\u{fffd}");
        check(b"a=O%27Brien+%26+N%C3%AD", "O'Brien & Ní");
        check(b"b=other", "");
        assert_eq!(Fields::parse(b"a=1&a=2").all("a").collect::<Vec<_>>(), ["1", "2"]);
    }

    #[test]
    fn a_very_long_answer_is_cut_and_many_fields_are_bounded() {
        let body = format!("a={}", "x".repeat(1_000_000));
        assert_eq!(Fields::parse(body.as_bytes()).text("a").len(), FIELD_MAX);
        let body = "a=1&".repeat(10_000);
        assert_eq!(Fields::parse(body.as_bytes()).all("a").count(), FIELDS_MAX);
    }

    #[test]
    fn a_form_shows_what_was_typed_and_what_is_wrong_with_it() {
        let fields = Fields::from_pairs([("town", "<b>\"Leeds\"")]);
        let form =
            Form::new("t".to_owned(), fields, Problems::one("town", "Town must be 11 characters or fewer"));
        let html = form.text("town", "Town").to_string();
        assert!(
            html.contains("value=\"&lt;b&gt;&quot;Leeds&quot;\"")
                || html.contains("&#60;b&#62;&#34;Leeds&#34;"),
            "{html}"
        );
        assert!(html.contains("town-error"), "{html}");
        assert!(form.summary().as_str().contains("href=\"#town\""));
        assert!(!form.password("town", "Password").to_string().contains("Leeds"));
    }
}
