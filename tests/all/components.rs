//! Our components equal the design system's own examples.
//!
//! The design system's package carries for each component a list of examples: the options and the
//! HTML that must come of them. We read the options into our structs, render them, and compare.
//!
//! What counts as equal: the same elements, attributes in the same order, and words. White space
//! counts where a browser would show it: a line break beside a block is layout of the source, a
//! space between words and a link is not.
//!
//! `components_not_matched.txt` lists the examples that are not matched, with the reason. An example
//! that is in the list and matches fails the test as much as one that is not in the list and does
//! not, so the list stays true when either side changes.

#![allow(clippy::unwrap_used, reason = "helpers of a test are tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display, Write as _};
use std::fs;
use std::path::{Path, PathBuf};

use carepost::web::components as ours;
use serde::de::{DeserializeOwned, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};

/// The examples in `nhsuk-frontend` 10.6.1; a change of the package shows itself here first.
const EXAMPLES: usize = 983;

#[test]
fn components_equal_the_official_examples() {
    let listed = read_list();
    let mut used = BTreeSet::new();
    let mut faults = String::new();
    let (mut examples, mut matched, mut left_out) = (0, 0, 0);
    let mut by_component = BTreeMap::new();

    for (component, file) in fixture_files() {
        let fixtures: Fixtures = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        for fixture in fixtures.fixtures {
            examples += 1;
            let counts: &mut (usize, usize) = by_component.entry(component.clone()).or_default();
            counts.0 += 1;
            let result = compare(&component, &fixture);
            let every = (component.clone(), "*".to_owned());
            let this = (component.clone(), fixture.name.clone());
            let entry = [every, this].into_iter().find(|entry| listed.contains_key(entry));
            match (result, entry) {
                (Ok(()), None) => {
                    matched += 1;
                    counts.1 += 1;
                }
                (Ok(()), Some(entry)) => {
                    writeln!(faults, "{} | {} is listed, but it matches\n", entry.0, fixture.name).unwrap();
                    used.insert(entry);
                }
                (Err(_), Some(entry)) => {
                    left_out += 1;
                    used.insert(entry);
                }
                (Err(difference), None) => {
                    writeln!(faults, "{component} | {}\n{difference}\n", fixture.name).unwrap();
                }
            }
        }
    }
    for entry in listed.keys().filter(|entry| !used.contains(*entry)) {
        writeln!(faults, "{} | {} is listed, but there is no such example\n", entry.0, entry.1).unwrap();
    }

    for (component, (of, matched)) in &by_component {
        println!("{component:24} {matched:4} of {of:4}");
    }
    println!("examples {examples}, matched {matched}, listed {left_out} (in {} lines)", listed.len());
    assert!(faults.is_empty(), "\n{faults}");
    assert_eq!(examples, EXAMPLES, "the package has other examples than we knew");
}

/// Renders one example with our component, and compares it with the official HTML.
fn compare(component: &str, fixture: &Fixture) -> Result<(), String> {
    let mut options = fixture.context.clone();
    if let Some(block) = &fixture.call_block {
        put_call_block(component, &mut options, block);
    }
    put_nhs_defaults(component, &mut options);
    let options = in_types(component, "", options);
    let read = serde_json::to_string(&options).map_err(|error| error.to_string())?;
    let rendered = render(component, &read)?;
    let expected = normal(&without_nhs_logo(&fixture.html));
    let rendered = normal(&rendered);
    if rendered == expected {
        return Ok(());
    }
    let same = expected.lines().zip(rendered.lines()).take_while(|(one, other)| one == other).count();
    let excerpt = |text: &str| {
        let from = same.saturating_sub(1);
        text.lines().skip(from).take(4).map(|line| format!("    {line}\n")).collect::<String>()
    };
    Err(format!("  expected\n{}  rendered\n{}", excerpt(&expected), excerpt(&rendered)))
}

fn render(component: &str, options: &str) -> Result<String, String> {
    fn with<T: DeserializeOwned + Display>(options: &str) -> Result<String, String> {
        let component: T =
            serde_json::from_str(options).map_err(|error| format!("  {error}\n  {options}"))?;
        Ok(component.to_string())
    }
    match component {
        "action-link" => with::<ours::ActionLink>(options),
        "back-link" => with::<ours::BackLink>(options),
        "breadcrumb" => with::<ours::Breadcrumb>(options),
        "button" => with::<ours::Button>(options),
        "caption" => with::<ours::Caption>(options),
        "card" => with::<ours::Card>(options),
        "character-count" => with::<ours::CharacterCount>(options),
        "checkboxes" => with::<ours::Checkboxes>(options),
        "contents-list" => with::<ours::ContentsList>(options),
        "date-input" => with::<ours::DateInput>(options),
        "details" => with::<ours::Details>(options),
        "do-dont-list" => with::<ours::DoDontList>(options),
        "error-message" => with::<ours::ErrorMessage>(options),
        "error-summary" => with::<ours::ErrorSummary>(options),
        "fieldset" => with::<ours::Fieldset>(options),
        "footer" => with::<ours::Footer>(options),
        "header" => with::<ours::Header>(options),
        "heading" => with::<ours::Heading>(options),
        "hint" => with::<ours::Hint>(options),
        "input" => with::<ours::Input>(options),
        "inset-text" => with::<ours::InsetText>(options),
        "label" => with::<ours::Label>(options),
        "legend" => with::<ours::Legend>(options),
        "notification-banner" => with::<ours::NotificationBanner>(options),
        "pagination" => with::<ours::Pagination>(options),
        "panel" => with::<ours::Panel>(options),
        "password-input" => with::<ours::PasswordInput>(options),
        "radios" => with::<ours::Radios>(options),
        "search-input" => with::<ours::SearchInput>(options),
        "select" => with::<ours::Select>(options),
        "skip-link" => with::<ours::SkipLink>(options),
        "summary-list" => with::<ours::SummaryList>(options),
        "tables" => with::<ours::Table>(options),
        "tabs" => with::<ours::Tabs>(options),
        "tag" => with::<ours::Tag>(options),
        "task-list" => with::<ours::TaskList>(options),
        "textarea" => with::<ours::Textarea>(options),
        "warning-callout" => with::<ours::WarningCallout>(options),
        _ => Err("  we have no such component".to_owned()),
    }
}

// ---- the package's files

#[derive(Deserialize)]
struct Fixtures {
    fixtures: Vec<Fixture>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fixture {
    name: String,
    context: Json,
    /// What the caller writes inside the component, in place of its `html`.
    call_block: Option<String>,
    html: String,
}

fn fixture_files() -> Vec<(String, PathBuf)> {
    let components = Path::new(env!("CAREPOST_NHSUK_DIR")).join("dist/nhsuk/components");
    let mut files: Vec<_> = fs::read_dir(&components)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), entry.path().join("fixtures.json")))
        .filter(|(_, file)| file.is_file())
        .collect();
    files.sort();
    files
}

/// The examples that are known not to match: component, name (`*` for all of them) and reason.
fn read_list() -> BTreeMap<(String, String), String> {
    let mut list = BTreeMap::new();
    let lines = include_str!("components_not_matched.txt").lines();
    for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let [component, name, reason] = line.splitn(3, " | ").collect::<Vec<_>>()[..] else {
            panic!("{line:?} is not `component | example | reason`");
        };
        let before = list.insert((component.to_owned(), name.to_owned()), reason.to_owned());
        assert!(before.is_none(), "{component} | {name} is listed twice");
    }
    list
}

// ---- from options without types to ours

/// JSON that keeps the order of its maps, because attributes are compared in order.
#[derive(Clone, Debug, PartialEq)]
enum Json {
    Null,
    Bool(bool),
    Number(serde_json::Number),
    Text(String),
    List(Vec<Json>),
    Map(Vec<(String, Json)>),
}

/// Options of which the official templates accept bare words in place of a map.
const WORDS_OR_MAP: &[&str] = &[
    "caption",
    "copyright",
    "description",
    "errorMessage",
    "heading",
    "hint",
    "key",
    "label",
    "legend",
    "meta",
    "prefix",
    "status",
    "suffix",
    "summary",
    "title",
];

/// Options that are numbers of ours; the official examples write them with and without quotes.
const NUMBERS: &[&str] =
    &["colspan", "columns", "level", "maxlength", "maxwords", "rows", "rowspan", "threshold"];

/// The official examples come from a language without types. This says what our types say: words are
/// text, what is not wanted is not there, and words that may also be a map are a map.
fn in_types(component: &str, key: &str, json: Json) -> Json {
    let words = |text: String| Json::Map(vec![("text".to_owned(), Json::Text(text))]);
    match json {
        Json::Text(text) if NUMBERS.contains(&key) => {
            text.parse::<u32>().map_or(Json::Text(text), |number| Json::Number(number.into()))
        }
        Json::Text(label) if (component, key) == ("tabs", "label") => Json::Text(label),
        Json::Text(text) if WORDS_OR_MAP.contains(&key) => words(text),
        Json::Text(text) if component == "tables" && ["head[]", "rows[][]"].contains(&key) => words(text),
        Json::Text(text) if (component, key) == ("summary-list", "value") => words(text),
        Json::Text(name)
            if ["button", "search-input", "password-input"].contains(&component) && key == "icon" =>
        {
            Json::Map(vec![("name".to_owned(), Json::Text(name))])
        }
        Json::Number(number) if !NUMBERS.contains(&key) => Json::Text(number.to_string()),
        // With nothing but what it has of itself.
        Json::Bool(true) if ["card", "errorMessage", "heading", "search"].contains(&key) => {
            Json::Map(Vec::new())
        }
        Json::Bool(true) if key == "sort" => Json::Text("none".to_owned()),
        Json::Bool(false) if key == "colour" => Json::Text("no-colour".to_owned()),
        Json::Bool(false) if (component, key) == ("search-input", "button") => {
            Json::Map(vec![("leftOut".to_owned(), Json::Bool(true))])
        }
        // A part that is there unless somebody takes it away.
        Json::Bool(false) if ["day", "month", "year", "icon"].contains(&key) => Json::Null,
        Json::List(items) if key == "actions" => {
            in_types(component, key, Json::Map(vec![("items".to_owned(), Json::List(items))]))
        }
        Json::List(items) => Json::List(
            items
                .into_iter()
                .filter(|item| !matches!(item, Json::Null | Json::Bool(false)))
                .map(|item| in_types(component, &format!("{key}[]"), item))
                .collect(),
        ),
        Json::Map(group) if (component, key) == ("footer", "navigation") => {
            in_types(component, key, Json::List(vec![Json::Map(group)]))
        }
        Json::Map(entries) if key == "attributes" => Json::Map(
            entries
                .into_iter()
                .filter_map(|(name, value)| Some((name, Json::Text(attribute_value(value)?))))
                .collect(),
        ),
        Json::Map(entries) => Json::Map(
            entries
                .into_iter()
                .filter(|(key, value)| {
                    *value != Json::Null && (key, value) != (&"errorMessage".to_owned(), &Json::Bool(false))
                })
                .map(|(key, value)| {
                    let value = in_types(component, &key, value);
                    (key, value)
                })
                .collect(),
        ),
        other @ (Json::Null | Json::Bool(_) | Json::Number(_) | Json::Text(_)) => other,
    }
}

/// The value of an attribute as text; nothing where the attribute is left out.
fn attribute_value(value: Json) -> Option<String> {
    match value {
        Json::Null => Some(String::new()),
        Json::Bool(value) => Some(value.to_string()),
        Json::Number(value) => Some(value.to_string()),
        Json::Text(value) => Some(value),
        Json::List(_) => Some(serde_json::to_string(&value).unwrap()),
        Json::Map(entries) => {
            let get =
                |key: &str| entries.iter().find(|(name, _)| name == key).map(|(_, value)| value.clone());
            match (get("value"), get("optional")) {
                (None | Some(Json::Null | Json::Bool(false)), Some(Json::Bool(true))) => None,
                (Some(Json::Bool(true)), Some(Json::Bool(true))) => Some(String::new()),
                (value, _) => attribute_value(value.unwrap_or(Json::Null)),
            }
        }
    }
}

/// Puts what the caller writes inside a component where our struct takes it.
fn put_call_block(component: &str, options: &mut Json, block: &str) {
    let Json::Map(entries) = options else { return };
    let html = Json::Text(block.to_owned());
    let inside = match component {
        "card" | "error-summary" => Some("description"),
        "footer" => Some("meta"),
        _ => None,
    };
    let Some(inside) = inside else {
        entries.retain(|(key, _)| key != "html");
        entries.push(("html".to_owned(), html));
        return;
    };
    match entries.iter_mut().find(|(key, _)| key == inside) {
        Some((_, Json::Map(inner))) => inner.push(("html".to_owned(), html)),
        Some((_, other)) => *other = Json::Map(vec![("html".to_owned(), html)]),
        None => entries.push((inside.to_owned(), Json::Map(vec![("html".to_owned(), html)]))),
    }
}

/// What the official header and footer show where nothing is said is the NHS's own: its logo, the
/// address of its search, its copyright. Ours show nothing instead, so here it is said.
fn put_nhs_defaults(component: &str, options: &mut Json) {
    let text = |text: &str| Json::Text(text.to_owned());
    let Json::Map(entries) = options else { return };
    let put = |entries: &mut Vec<(String, Json)>, key: &str, value: Json| {
        if !entries.iter().any(|(known, _)| known == key) {
            entries.push((key.to_owned(), value));
        }
    };
    match component {
        "header" => {
            put(entries, "logo", Json::Map(Vec::new()));
            if let Some((_, search)) = entries.iter_mut().find(|(key, _)| key == "search") {
                if *search == Json::Bool(true) {
                    *search = Json::Map(Vec::new());
                }
                let Json::Map(search) = search else { return };
                put(search, "action", text("https://www.nhs.uk/search/"));
                let label = ("visuallyHiddenText".to_owned(), text("Search the NHS website"));
                put(search, "label", Json::Map(vec![label]));
            }
        }
        "footer" => put(entries, "copyright", text("© NHS England")),
        _ => {}
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Json;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("JSON")
            }
            fn visit_unit<E>(self) -> Result<Json, E> {
                Ok(Json::Null)
            }
            fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
                Ok(Json::Bool(value))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
                Ok(Json::Number(value.into()))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
                Ok(Json::Number(value.into()))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
                Ok(Json::Text(value.to_string()))
            }
            fn visit_str<E>(self, value: &str) -> Result<Json, E> {
                Ok(Json::Text(value.to_owned()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = items.next_element()? {
                    list.push(item);
                }
                Ok(Json::List(list))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Json::Map(entries))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Json::Null => serializer.serialize_unit(),
            Json::Bool(value) => serializer.serialize_bool(*value),
            Json::Number(value) => value.serialize(serializer),
            Json::Text(value) => serializer.serialize_str(value),
            Json::List(items) => items.serialize(serializer),
            Json::Map(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (key, value) in entries {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }
    }
}

// ---- HTML that can be compared

/// Elements that stand in a line of words, so that white space beside them shows.
const IN_LINE: &[&str] = &["a", "abbr", "b", "code", "em", "i", "small", "span", "strong", "time"];

/// Elements at whose edges white space never shows.
const BLOCKS: &[&str] = &[
    "dd", "div", "dl", "dt", "h1", "h2", "h3", "h4", "h5", "h6", "li", "ol", "p", "table", "tbody", "td",
    "th", "thead", "tr", "ul",
];

enum Token<'a> {
    Tag(&'a str),
    Text(&'a str),
}

/// The official logo is not ours to show, so the program does not carry its drawing.
fn without_nhs_logo(html: &str) -> String {
    let Some(start) = html.find("<svg class=\"nhsuk-header__logo\"") else {
        return html.to_owned();
    };
    let end = start + html[start..].find("</svg>").unwrap() + "</svg>".len();
    format!("{}{}", &html[..start].trim_end(), &html[end..])
}

/// One tag or text a line, white space as a browser shows it, quotes written in one way.
fn normal(html: &str) -> String {
    let tokens = tokens(html);
    let tag = |index: Option<usize>| match index.and_then(|index| tokens.get(index)) {
        Some(Token::Tag(tag)) => Some(*tag),
        Some(Token::Text(_)) | None => None,
    };
    let mut lines = String::new();
    for (index, token) in tokens.iter().enumerate() {
        match token {
            Token::Tag(tag) => writeln!(lines, "{}", normal_tag(tag)).unwrap(),
            Token::Text(text) => {
                let before = tag(index.checked_sub(1));
                let after = tag(Some(index + 1));
                let shows_before = before.is_some_and(|tag| tag.starts_with("</") && is_in_line(tag));
                let shows_after = after.is_some_and(|tag| !tag.starts_with("</") && is_in_line(tag));
                let words = text.trim();
                let leading = &text[..text.len() - text.trim_start().len()];
                let trailing = &text[text.trim_end().len()..];
                let at_edge = |tag: Option<&str>| tag.is_some_and(is_block);
                let shown = |space: &str, shows: bool, beside: Option<&str>| {
                    !space.is_empty() && !at_edge(beside) && (shows || !space.contains('\n'))
                };
                let line = if words.is_empty() {
                    if shown(text, shows_before && shows_after, before.or(after)) {
                        " ".to_owned()
                    } else {
                        continue;
                    }
                } else {
                    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
                    let start = if shown(leading, shows_before, before) { " " } else { "" };
                    let end = if shown(trailing, shows_after, after) { " " } else { "" };
                    format!("{start}{words}{end}")
                };
                writeln!(lines, "\"{}\"", plain_quotes(&line)).unwrap();
            }
        }
    }
    lines
}

fn tokens(html: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = html;
    while !rest.is_empty() {
        if rest.starts_with('<') {
            let mut quote = None;
            let end = rest
                .char_indices()
                .find(|(_, character)| {
                    match (quote, *character) {
                        (None, '"' | '\'') => quote = Some(*character),
                        (Some(open), close) if open == close => quote = None,
                        (None, '>') => return true,
                        _ => {}
                    }
                    false
                })
                .map_or(rest.len(), |(end, _)| end + 1);
            tokens.push(Token::Tag(&rest[..end]));
            rest = &rest[end..];
        } else {
            let end = rest.find('<').unwrap_or(rest.len());
            tokens.push(Token::Text(&rest[..end]));
            rest = &rest[end..];
        }
    }
    tokens
}

fn is_in_line(tag: &str) -> bool {
    IN_LINE.contains(&name(tag))
}

fn is_block(tag: &str) -> bool {
    BLOCKS.contains(&name(tag))
}

fn name(tag: &str) -> &str {
    let name = tag.trim_start_matches(['<', '/']);
    &name[..name.find([' ', '>', '\n', '/']).unwrap_or(name.len())]
}

fn normal_tag(tag: &str) -> String {
    let inner = tag.trim_start_matches('<').trim_end_matches('>').trim_end_matches('/');
    let mut normal = String::from("<");
    let mut quote = None;
    let mut last = ' ';
    for character in inner.chars() {
        match (quote, character) {
            (None, '"' | '\'') => {
                quote = Some(character);
                normal.push('"');
            }
            (Some(open), close) if open == close => {
                quote = None;
                normal.push('"');
            }
            (_, space) if space.is_whitespace() => {
                if !last.is_whitespace() {
                    normal.push(' ');
                }
            }
            (_, other) => normal.push(other),
        }
        last = character;
    }
    let normal = normal.trim_end().replace("=\"\"", "");
    plain_quotes(&format!("{normal}>"))
}

fn plain_quotes(text: &str) -> String {
    text.replace("&quot;", "\"").replace("&#39;", "'").replace("&#96;", "`").replace("&#92;", "\\")
}

#[test]
fn white_space_counts_where_a_browser_shows_it() {
    let check = |one: &str, other: &str, equal: bool| {
        assert_eq!(normal(one) == normal(other), equal, "{one} {other}")
    };
    check("<div>\n  <p>\n    Words\n  </p>\n</div>", "<div><p>Words</p></div>", true);
    check("<p>See <a href=\"#\">this</a>.</p>", "<p>See<a href=\"#\">this</a>.</p>", false);
    check("<p>See\n  <a href=\"#\">this</a>.</p>", "<p>See <a href=\"#\">this</a>.</p>", true);
    check("<span>Error: </span>Enter", "<span>Error:</span>Enter", false);
    check("<input\n  id=\"a\"  disabled=\"\">", "<input id='a' disabled>", true);
    check("<p class=\"a b\"></p>", "<p class=\"b a\"></p>", false);
    check("<p>&lt;b&gt;</p>", "<p><b></p>", false);
}
