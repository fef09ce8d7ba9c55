//! Markdown as articles use it, in the design system's own components.
//!
//! Headings of the second and third level, paragraphs, lists, tables, links, bold and code; a
//! quotation becomes inset text. What has no Markdown stands between `:::` lines:
//!
//! ```text
//! :::warning Location ID or provider ID?     a warning
//! :::details What is a DSPT?                 words behind a line
//! :::do  and  :::dont                        a list of what to do, or not
//! :::checklist Your site                     a list with boxes to tick on paper
//! :::video Activate your account             a film (first line `film: https://…`, may be left
//! :::                                        out) and its words, which must be there
//! ```
//!
//! Pictures, HTML and everything else is refused: it would be beside the design system, or would
//! say nothing to somebody who cannot see it.

use super::marks::Marks;
use crate::web::components::{
    Content, Details, DoDontIcon, DoDontList, Heading as HeadingPart, Html, InsetText, Table, TableCell,
    TableHeader, WarningCallout,
};
use pulldown_cmark::{Event, HeadingLevel, LinkType, Options, Parser, Tag, TagEnd};

/// Ids that the page round an article uses.
const IDS_OF_THE_PAGE: [&str; 2] = ["maincontent", "top"];

/// A heading that a link can lead to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heading {
    pub id: String,
    pub text: String,
    /// 2 or 3.
    pub level: u8,
}

/// A link and the line of the file in which it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub to: String,
    pub line: usize,
}

/// Whether a text can be part of an address: small letters, digits and hyphens.
pub fn is_slug(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 60
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// An article's words, rendered.
#[derive(Default)]
pub struct Body {
    pub html: String,
    pub headings: Vec<Heading>,
    pub links: Vec<Link>,
    pub sentences: Vec<String>,
    pub further_words: String,
}

type Wrong = Vec<(usize, String)>;

/// Renders the lines of an article; `first_line` is the number of the first of them in its file.
pub fn render(lines: &[&str], first_line: usize, marks: &Marks, wrong: &mut Wrong) -> Body {
    let mut body = Body::default();
    let mut text = String::new();
    let mut text_from = first_line;
    let mut fence: Option<(usize, String, String)> = None;
    for (number, line) in (first_line..).zip(lines) {
        let filled = marks.fill(line).unwrap_or_else(|words| {
            wrong.push((number, words));
            String::new()
        });
        let Some(after) = filled.strip_prefix(":::") else {
            text.push_str(&filled);
            text.push('\n');
            continue;
        };
        let inner = std::mem::take(&mut text);
        let (kind, heading) = after.trim().split_once(' ').unwrap_or((after.trim(), ""));
        match (fence.take(), kind) {
            (Some((from, kind, heading)), "") => {
                let html = block(&kind, heading.trim(), &inner, from, &mut body, wrong);
                body.html.push_str(&html);
            }
            (None, "") => wrong.push((number, "::: ends a block that was not begun".to_owned())),
            (Some((from, _, _)), _) => {
                wrong.push((number, format!("the block of line {from} is not ended with :::")));
            }
            (None, kind) => {
                let html = to_html(&inner, text_from, &mut body, wrong);
                body.html.push_str(&html);
                fence = Some((number, kind.to_owned(), heading.replace('\\', "")));
            }
        }
        text_from = number + 1;
    }
    if let Some((from, _, _)) = fence {
        wrong.push((from, "the block is not ended with :::".to_owned()));
    }
    let html = to_html(&text, text_from, &mut body, wrong);
    body.html.push_str(&html);
    body
}

/// What stands between `:::` lines; `from` is the line that begins it.
fn block(kind: &str, heading: &str, inner: &str, from: usize, body: &mut Body, wrong: &mut Wrong) -> String {
    let mut must_have_heading = |otherwise: &str| {
        if heading.is_empty() && otherwise.is_empty() {
            wrong.push((from, format!(":::{kind} must be followed by its heading")));
        }
        if heading.is_empty() { otherwise.to_owned() } else { heading.to_owned() }
    };
    match kind {
        "warning" => {
            let text = must_have_heading("Important");
            let html = Html::trusted(to_html(inner, from + 1, body, wrong));
            let heading = HeadingPart { text, level: Some(2), ..Default::default() };
            format!("{}\n", WarningCallout { heading, html: Some(html), ..Default::default() })
        }
        "details" => {
            let summary = must_have_heading("").as_str().into();
            let html = Some(Html::trusted(to_html(inner, from + 1, body, wrong)));
            format!("{}\n", Details { summary, html, ..Default::default() })
        }
        "do" | "dont" => {
            let (text, icon) =
                if kind == "do" { ("Do", DoDontIcon::Tick) } else { ("Don’t", DoDontIcon::Cross) };
            let text = must_have_heading(text);
            let items = items(inner, from + 1, body, wrong).into_iter().map(Content::html).collect();
            let heading = HeadingPart { text, ..Default::default() };
            format!("{}\n", DoDontList { heading, icon, items, ..Default::default() })
        }
        "checklist" => {
            let text = must_have_heading("");
            let mut html = headed(&text, 2, from, body, wrong);
            html.push_str("<ul class=\"nhsuk-list app-checklist\">\n");
            for item in items(inner, from + 1, body, wrong) {
                html.push_str(&format!("<li>{item}</li>\n"));
            }
            html.push_str("</ul>\n");
            html
        }
        "video" => {
            let title = must_have_heading("");
            let (film, words, words_from) = match inner.split_once('\n') {
                Some((first, rest)) if first.starts_with("film:") => {
                    (first.trim_start_matches("film:").trim(), rest, from + 2)
                }
                Some(_) | None => ("", inner, from + 1),
            };
            if !film.is_empty() && !film.starts_with("https://") {
                wrong.push((from + 1, "film must be an address that begins https://".to_owned()));
            }
            if words.trim().is_empty() {
                wrong.push((from, "a film must have its words beside it".to_owned()));
            }
            let mut html = String::new();
            let called = if film.is_empty() {
                format!("See how it goes: {title}")
            } else {
                html.push_str(&format!(
                    "<p><a href=\"{}\">Watch the film “{}”</a></p>\n",
                    Html::text(film),
                    Html::text(&title)
                ));
                format!("Read the words of the film “{title}”")
            };
            let inner = Some(Html::trusted(to_html(words, words_from, body, wrong)));
            html.push_str(&Details { summary: called.into(), html: inner, ..Default::default() }.to_string());
            html.push('\n');
            html
        }
        _ => {
            let known = "warning, details, do, dont, checklist and video";
            wrong.push((from, format!(":::{kind} is not known; known are {known}")));
            String::new()
        }
    }
}

/// The lines of a list, each rendered without a paragraph round it.
fn items(inner: &str, from: usize, body: &mut Body, wrong: &mut Wrong) -> Vec<Html> {
    let mut items = Vec::new();
    for (number, line) in (from..).zip(inner.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        let Some(item) = line.strip_prefix("- ") else {
            wrong.push((number, "each line of this list must begin with a hyphen and a space".to_owned()));
            continue;
        };
        let html = to_html(item, number, body, wrong);
        items.push(Html::trusted(html.trim().trim_start_matches("<p>").trim_end_matches("</p>")));
    }
    if items.is_empty() {
        wrong.push((from, "the list is empty".to_owned()));
    }
    items
}

/// The words of a heading as its id.
fn id_of(text: &str) -> String {
    let mut id = String::new();
    for letter in any_ascii::any_ascii(text).to_lowercase().chars() {
        if letter.is_ascii_alphanumeric() {
            id.push(letter);
        } else if letter != '\'' && !id.is_empty() && !id.ends_with('-') {
            id.push('-');
        }
    }
    id.truncate(60);
    id.trim_end_matches('-').to_owned()
}

/// A heading, noted so that links and the contents of the page can lead to it.
fn headed(text: &str, level: u8, line: usize, body: &mut Body, wrong: &mut Wrong) -> String {
    let id = id_of(text);
    if !is_slug(&id)
        || IDS_OF_THE_PAGE.contains(&id.as_str())
        || body.headings.iter().any(|known| known.id == id)
    {
        wrong.push((line, format!("another heading on the page is called “{text}”, or it has no words")));
    }
    body.headings.push(Heading { id: id.clone(), text: text.to_owned(), level });
    let size = if level == 2 { "m" } else { "s" };
    format!("<h{level} id=\"{id}\" class=\"nhsuk-heading-{size}\">{}</h{level}>\n", Html::text(text))
}

/// A table on its way.
#[derive(Default)]
struct Rows {
    head: Vec<String>,
    rows: Vec<Vec<TableCell>>,
    row: Vec<TableCell>,
}

/// One stretch of Markdown.
struct Writer<'a> {
    markdown: &'a str,
    first_line: usize,
    body: &'a mut Body,
    wrong: &'a mut Wrong,
    /// Markup that is being written; a part of the page that is made as a whole has one of its own.
    parts: Vec<String>,
    /// The words of the sentence, heading or cell that is being written.
    words: String,
    table: Option<Rows>,
}

fn to_html(markdown: &str, first_line: usize, body: &mut Body, wrong: &mut Wrong) -> String {
    let mut writer = Writer {
        markdown,
        first_line,
        body,
        wrong,
        parts: vec![String::new()],
        words: String::new(),
        table: None,
    };
    let options = Options::ENABLE_TABLES | Options::ENABLE_SMART_PUNCTUATION;
    for (event, range) in Parser::new_ext(markdown, options).into_offset_iter() {
        writer.take(event, range.start);
    }
    writer.parts.pop().unwrap_or_default()
}

impl Writer<'_> {
    fn line(&self, offset: usize) -> usize {
        self.first_line + self.markdown[..offset].matches('\n').count()
    }

    fn refuse(&mut self, offset: usize, what: &str) {
        let line = self.line(offset);
        self.wrong.push((line, format!("{what} cannot stand in an article")));
    }

    fn push(&mut self, markup: &str) {
        if let Some(part) = self.parts.last_mut() {
            part.push_str(markup);
        }
    }

    fn begin_part(&mut self) {
        self.parts.push(String::new());
    }

    fn end_part(&mut self) -> String {
        self.parts.pop().unwrap_or_default()
    }

    fn end_sentence(&mut self) {
        let words = std::mem::take(&mut self.words);
        if self.table.is_some() {
            self.body.further_words.push_str(&words);
            self.body.further_words.push('\n');
        } else if !words.trim().is_empty() {
            self.body.sentences.push(words.trim().to_owned());
        }
    }

    fn text(&mut self, text: &str) {
        self.words.push_str(text);
        let text = Html::text(text);
        self.push(text.as_str());
    }

    fn take(&mut self, event: Event<'_>, offset: usize) {
        match event {
            Event::Start(tag) => self.start(tag, offset),
            Event::End(tag) => self.end(tag, offset),
            Event::Text(text) => self.text(&text),
            Event::Code(code) => {
                self.words.push_str(&format!("`{code}`"));
                let html = format!("<code class=\"app-code\">{}</code>", Html::text(&code));
                self.push(&html);
            }
            Event::SoftBreak => {
                self.words.push(' ');
                self.push("\n");
            }
            Event::HardBreak => {
                self.words.push(' ');
                self.push("<br>\n");
            }
            Event::Html(_) | Event::InlineHtml(_) => self.refuse(offset, "HTML"),
            Event::Rule => self.refuse(offset, "a line across the page"),
            Event::InlineMath(_)
            | Event::DisplayMath(_)
            | Event::FootnoteReference(_)
            | Event::TaskListMarker(_) => self.refuse(offset, "this"),
        }
    }

    fn start(&mut self, tag: Tag<'_>, offset: usize) {
        match tag {
            Tag::Paragraph => self.push("<p>"),
            Tag::Heading { .. } | Tag::BlockQuote(_) => self.begin_part(),
            Tag::List(number) => {
                // The words of an item end where a list inside it begins.
                self.end_sentence();
                self.push(&match number {
                    None => "<ul class=\"nhsuk-list nhsuk-list--bullet\">\n".to_owned(),
                    Some(1) => "<ol class=\"nhsuk-list nhsuk-list--number\">\n".to_owned(),
                    Some(from) => format!("<ol class=\"nhsuk-list nhsuk-list--number\" start=\"{from}\">\n"),
                });
            }
            Tag::Item => self.push("<li>"),
            Tag::Table(_) => self.table = Some(Rows::default()),
            Tag::TableHead | Tag::TableRow => {}
            Tag::TableCell => self.begin_part(),
            Tag::Emphasis => self.push("<em>"),
            Tag::Strong => self.push("<strong>"),
            Tag::Link { link_type, dest_url, .. } => {
                let to = if link_type == LinkType::Email {
                    format!("mailto:{dest_url}")
                } else {
                    dest_url.to_string()
                };
                let line = self.line(offset);
                if !["/", "#", "https://", "mailto:"].iter().any(|start| to.starts_with(start)) {
                    self.wrong.push((line, format!("the link to “{to}” must begin with /, # or https://")));
                }
                let html = format!("<a href=\"{}\">", Html::text(&to));
                self.push(&html);
                self.body.links.push(Link { to, line });
            }
            Tag::Image { .. } => self.refuse(offset, "a picture"),
            Tag::CodeBlock(_) => self.refuse(offset, "a block of code"),
            Tag::HtmlBlock
            | Tag::FootnoteDefinition(_)
            | Tag::DefinitionList
            | Tag::DefinitionListTitle
            | Tag::DefinitionListDefinition
            | Tag::Strikethrough
            | Tag::Superscript
            | Tag::Subscript
            | Tag::MetadataBlock(_) => {}
        }
    }

    fn end(&mut self, tag: TagEnd, offset: usize) {
        match tag {
            TagEnd::Paragraph => {
                self.push("</p>\n");
                self.end_sentence();
            }
            TagEnd::Heading(level) => {
                self.end_part();
                let text = std::mem::take(&mut self.words).replace('`', "");
                let line = self.line(offset);
                let level = match level {
                    HeadingLevel::H2 => 2,
                    HeadingLevel::H3 => 3,
                    HeadingLevel::H1 | HeadingLevel::H4 | HeadingLevel::H5 | HeadingLevel::H6 => {
                        self.wrong.push((line, "a heading must begin with ## or ###".to_owned()));
                        2
                    }
                };
                let html = headed(&text, level, line, self.body, self.wrong);
                self.push(&html);
            }
            TagEnd::BlockQuote(_) => {
                let html = Some(Html::trusted(self.end_part()));
                let inset = InsetText { html, ..Default::default() }.to_string();
                self.push(&inset);
                self.push("\n");
            }
            TagEnd::List(is_numbered) => self.push(if is_numbered { "</ol>\n" } else { "</ul>\n" }),
            TagEnd::Item => {
                self.push("</li>\n");
                self.end_sentence();
            }
            TagEnd::TableCell => {
                let html = self.end_part();
                let text = self.words.trim().to_owned();
                self.end_sentence();
                if let Some(table) = &mut self.table {
                    table.row.push(TableCell { text, html: Some(Html::trusted(html)), ..Default::default() });
                }
            }
            TagEnd::TableHead => {
                let line = self.line(offset);
                if let Some(table) = &mut self.table {
                    table.head = std::mem::take(&mut table.row).into_iter().map(|cell| cell.text).collect();
                    if table.head.iter().any(String::is_empty) {
                        self.wrong.push((line, "each column of a table must have a name".to_owned()));
                    }
                }
            }
            TagEnd::TableRow => {
                if let Some(table) = &mut self.table {
                    let row = std::mem::take(&mut table.row);
                    table.rows.push(row);
                }
            }
            TagEnd::Table => {
                if let Some(table) = self.table.take() {
                    let table = Table {
                        head: table
                            .head
                            .into_iter()
                            .map(|text| TableHeader { text, ..Default::default() })
                            .collect(),
                        rows: table.rows,
                        first_cell_is_header: true,
                        responsive: true,
                        ..Default::default()
                    };
                    self.push(&table.to_string());
                    self.push("\n");
                }
            }
            TagEnd::Emphasis => self.push("</em>"),
            TagEnd::Strong => self.push("</strong>"),
            TagEnd::Link => self.push("</a>"),
            TagEnd::Image
            | TagEnd::CodeBlock
            | TagEnd::HtmlBlock
            | TagEnd::FootnoteDefinition
            | TagEnd::DefinitionList
            | TagEnd::DefinitionListTitle
            | TagEnd::DefinitionListDefinition
            | TagEnd::Strikethrough
            | TagEnd::Superscript
            | TagEnd::Subscript
            | TagEnd::MetadataBlock(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    fn rendered(text: &str) -> (Body, Wrong) {
        let mut wrong = Vec::new();
        let lines: Vec<&str> = text.lines().collect();
        let marks = Marks::of(&Settings::defaults().expect("the defaults are right"));
        (render(&lines, 10, &marks, &mut wrong), wrong)
    }

    #[test]
    fn markdown_becomes_the_design_systems_markup() {
        let check = |text: &str, expect: &str| {
            let (body, wrong) = rendered(text);
            assert_eq!(wrong, [], "{text}");
            assert!(body.html.contains(expect), "{text}\n{}", body.html);
        };
        check("One & <two", "<p>One &amp; &lt;two</p>");
        check("## If it’s lost", "<h2 id=\"if-its-lost\" class=\"nhsuk-heading-m\">If it’s lost</h2>");
        check("### More", "<h3 id=\"more\" class=\"nhsuk-heading-s\">More</h3>");
        check(
            "- a\n- **b**",
            "<ul class=\"nhsuk-list nhsuk-list--bullet\">\n<li>a</li>\n<li><strong>b</strong></li>\n</ul>",
        );
        check("1. a\n   - b\n2. c", "<li>a<ul class=\"nhsuk-list nhsuk-list--bullet\">\n<li>b</li>");
        check("See [it](/support/x#y).", "<a href=\"/support/x#y\">it</a>");
        check(
            "Write to {{helpdesk_email}}.",
            "<a href=\"mailto:helpdesk@carepost.example\">helpdesk@carepost.example</a>.",
        );
        check("`care.vm195`", "<code class=\"app-code\">care.vm195</code>");
        check("> Good to know", "<div class=\"nhsuk-inset-text\">");
        check(":::warning Think first\nLock it.\n:::", "Think first");
        check(":::details More\nWords.\n:::", "<details class=\"nhsuk-details\">");
        check(":::dont\n- share it\n:::", "share it");
        check(
            ":::checklist Your site\n- Name\n:::",
            "<h2 id=\"your-site\" class=\"nhsuk-heading-m\">Your site</h2>\n<ul class=\"nhsuk-list app-checklist\">\n<li>Name</li>",
        );
        check(
            ":::video First day\nfilm: https://films.example/1\nAsha opens it.\n:::",
            "<a href=\"https://films.example/1\">Watch the film “First day”</a>",
        );
        check(":::video First day\nAsha opens it.\n:::", "See how it goes: First day");
        check("| Code | Like |\n|---|---|\n| ODS | `VM195` |", "nhsuk-table--responsive");
    }

    #[test]
    fn what_cannot_stand_in_an_article_is_refused_with_its_line() {
        let check = |text: &str, line: usize, expect: &str| {
            let (_, wrong) = rendered(text);
            assert!(
                wrong.iter().any(|(at, words)| *at == line && words.contains(expect)),
                "{text}: {wrong:?}"
            );
        };
        check("Words.\n\n<b>bold</b>", 12, "HTML");
        check("Words.\n\n<script>x</script>", 12, "HTML");
        check("![A picture](x.png)", 10, "a picture");
        check("# Title", 10, "## or ###");
        check("## A\n\n## A", 12, "another heading");
        check("## Top", 10, "another heading");
        check("[x](javascript:alert)", 10, "must begin with");
        check("[x](http://plain.example)", 10, "must begin with");
        check("Words.\n:::", 11, "was not begun");
        check(":::warning A\nWords.", 10, "not ended");
        check(":::warning A\n:::details B\n:::", 11, "line 10 is not ended");
        check(":::marquee A\n:::", 10, "not known");
        check(":::details\nWords.\n:::", 10, "must be followed by its heading");
        check(":::do\nwords\n:::", 11, "hyphen");
        check(":::checklist A\n:::", 11, "empty");
        check(":::video A\nfilm: https://films.example/1\n:::", 10, "its words");
        check(":::video A\nfilm: ftp://x\nWords.\n:::", 11, "https://");
        check("| | B |\n|---|---|\n| a | b |", 10, "must have a name");
        check("\n\n{{nothing}}", 12, "no mark");
        check("    code", 10, "a block of code");
    }

    #[test]
    fn words_are_kept_for_the_search_and_the_reading_age() {
        let (body, _) = rendered("One. Two\nthree.\n\n- four\n\n| A | B |\n|---|---|\n| five | `six` |");
        assert_eq!(body.sentences, ["One. Two three.", "four"]);
        assert!(body.further_words.contains("five") && body.further_words.contains("six"));
    }
}
