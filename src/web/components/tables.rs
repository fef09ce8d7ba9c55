use serde::Deserialize;

use super::back_link::Reverse;
use super::card::Card;
use super::heading::Heading;
use super::size::Size;
use super::html::{Attributes, Classes, Component, Html, Markup, TextOrHtml, component, from_text, or};

/// Facts in rows and columns.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Table {
    pub id: String,
    pub caption: Option<Heading>,
    pub head: Vec<TableHeader>,
    pub rows: Vec<Vec<TableCell>>,
    /// The first cell of each row names the row.
    pub first_cell_is_header: bool,
    /// Puts each row under its own headings on small screens.
    pub responsive: bool,
    /// Lets a wide table scroll sideways.
    pub scroll: bool,
    pub compact: bool,
    pub striped: bool,
    /// `Some(false)` takes away the lines between rows.
    pub border: Option<bool>,
    /// `Some(false)` takes away the line under the last row.
    pub last_row_border: Option<bool>,
    pub variant: Option<Reverse>,
    /// Puts the table in a card.
    pub card: Option<Card>,
    /// What the script says when people sort the table.
    pub sort_announcement_text: String,
    pub ascending_text: String,
    pub descending_text: String,
    pub classes: String,
    pub attributes: Attributes,
}

/// The name of a column.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct TableHeader {
    pub text: String,
    pub html: Option<Html>,
    pub visually_hidden_text: String,
    pub format: Option<TableFormat>,
    pub align: Option<TableAlign>,
    /// A width of the design system, for example `one-half`.
    pub width: String,
    /// Makes the column one that people can sort, and says how it is sorted now.
    pub sort: Option<TableSort>,
    /// How the script sorts the column first.
    pub sort_next: Option<TableSort>,
    /// Where the server sorts by this column.
    pub href: String,
    pub colspan: Option<u32>,
    pub rowspan: Option<u32>,
    pub classes: String,
    pub attributes: Attributes,
}

/// One fact.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct TableCell {
    pub text: String,
    pub html: Option<Html>,
    pub visually_hidden_text: String,
    pub format: Option<TableFormat>,
    pub align: Option<TableAlign>,
    /// A width of the design system, for example `one-half`.
    pub width: String,
    /// What the script sorts by, where it is not the text.
    pub sort_value: String,
    pub href: String,
    pub colspan: Option<u32>,
    pub rowspan: Option<u32>,
    pub classes: String,
    pub attributes: Attributes,
}

/// What kind of facts a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TableFormat {
    Numeric,
    String,
}

/// On which side of its column a fact stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TableAlign {
    Left,
    Centre,
    Right,
}

impl TableAlign {
    fn name(self) -> &'static str {
        match self {
            TableAlign::Left => "left",
            TableAlign::Centre => "centre",
            TableAlign::Right => "right",
        }
    }
}

/// How a column is sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TableSort {
    None,
    Ascending,
    Descending,
}

impl TableSort {
    fn name(self) -> &'static str {
        match self {
            TableSort::None => "none",
            TableSort::Ascending => "ascending",
            TableSort::Descending => "descending",
        }
    }
}

component!(Table);
from_text!(TableHeader, TableCell);

/// A heading or a fact on its way into the table.
struct Cell<'a> {
    element: &'static str,
    fact: &'a TableCell,
    scope: &'static str,
    role: &'static str,
    own_attributes: Attributes,
    /// The name of the column, which is repeated before the fact on small screens.
    column: Option<&'a TableHeader>,
}

fn render_words(out: &mut Markup, text: &str, html: &Option<Html>, visually_hidden_text: &str) {
    let words = TextOrHtml(text, html);
    out.component(&words);
    if !visually_hidden_text.is_empty() {
        let space = if words.is_empty() { "" } else { " " };
        out.visually_hidden(&format!("{space}{visually_hidden_text}"));
    }
}

impl Cell<'_> {
    fn render(&self, out: &mut Markup, is_responsive: bool) {
        let fact = self.fact;
        let class = if self.element == "th" { "nhsuk-table__header" } else { "nhsuk-table__cell" };
        let classes = Classes::new(class)
            .when(fact.format == Some(TableFormat::Numeric), &format!("{class}--numeric"))
            .modifier("nhsuk-u-text-align-", fact.align.map(TableAlign::name))
            .modifier("nhsuk-u-width-", Some(fact.width.as_str()).filter(|width| !width.is_empty()))
            .and(&fact.classes);
        let number = |number: Option<u32>| number.map(|number| number.to_string()).unwrap_or_default();
        out.open(self.element)
            .classes(classes)
            .optional("scope", self.scope)
            .optional("role", if is_responsive { self.role } else { "" })
            .optional("colspan", &number(fact.colspan.filter(|_| !is_responsive)))
            .optional("rowspan", &number(fact.rowspan))
            .attributes(&self.own_attributes)
            .attributes(&fact.attributes);
        let mut in_span = false;
        if let Some(column) = self.column.filter(|_| is_responsive) {
            out.open("span").class("nhsuk-table__heading").attribute("aria-hidden", "true");
            render_words(out, &column.text, &column.html, &column.visually_hidden_text);
            out.text(" ").close("span");
            in_span = fact.html.is_some();
        }
        if in_span {
            out.open("span");
        }
        if !fact.href.is_empty() {
            out.open("a").class("nhsuk-link").attribute("href", &fact.href);
        }
        render_words(out, &fact.text, &fact.html, &fact.visually_hidden_text);
        if !fact.href.is_empty() {
            out.close("a");
        }
        if in_span {
            out.close("span");
        }
        out.close(self.element);
    }
}

impl Table {
    fn is_sortable(&self) -> bool {
        self.head.iter().any(|header| header.sort.is_some())
    }

    fn is_sorted_by_server(&self) -> bool {
        self.is_sortable() && self.head.iter().any(|header| !header.href.is_empty())
    }

    /// What a scrolling table is called by: the id of its caption.
    fn caption_id(&self) -> String {
        let Some(caption) = &self.caption else {
            return String::new();
        };
        match (caption.id.as_str(), self.scroll) {
            ("", true) if !self.id.is_empty() => format!("{}-caption", self.id),
            ("", true) if !caption.text.is_empty() => {
                let words: String = caption.text.replace(' ', "-").to_lowercase().chars().take(40).collect();
                format!("table-{words}-caption")
            }
            (own, _) => own.to_owned(),
        }
    }

    fn render_caption(&self, out: &mut Markup) {
        let Some(caption) = &self.caption else { return };
        let spoken = or(
            &caption.visually_hidden_text,
            if self.is_sortable() { "Column headers are sortable" } else { "" },
        );
        let heading = Heading {
            id: self.caption_id(),
            visually_hidden_text: if spoken.is_empty() { String::new() } else { format!("({spoken})") },
            ..caption.clone()
        };
        let size = caption.size.and_then(Size::one_of_four);
        let class =
            Classes::new("nhsuk-table__caption").unless_in(&caption.classes, "nhsuk-table__caption--", size);
        heading.render_as(out, "caption", class);
    }

    fn render_head(&self, out: &mut Markup) {
        let role = |role| if self.responsive { role } else { "" };
        out.open("thead").class("nhsuk-table__head").optional("role", role("rowgroup"));
        out.open("tr").class("nhsuk-table__row").optional("role", role("row"));
        for header in &self.head {
            let mut own_attributes = Attributes::default();
            if let Some(sort) = header.sort {
                own_attributes.0.push(("data-sort".to_owned(), String::new()));
                if let Some(next) = header.sort_next.filter(|_| !self.is_sorted_by_server()) {
                    own_attributes.0.push(("data-sort-next".to_owned(), next.name().to_owned()));
                }
                if sort != TableSort::None {
                    own_attributes.0.push(("aria-sort".to_owned(), sort.name().to_owned()));
                }
            }
            let cell = Cell {
                element: "th",
                fact: &TableCell {
                    text: header.text.clone(),
                    html: header.html.clone(),
                    visually_hidden_text: header.visually_hidden_text.clone(),
                    format: header.format,
                    align: header.align,
                    width: header.width.clone(),
                    href: header.href.clone(),
                    colspan: header.colspan,
                    rowspan: header.rowspan,
                    classes: header.classes.clone(),
                    attributes: header.attributes.clone(),
                    ..TableCell::default()
                },
                scope: "col",
                role: "columnheader",
                own_attributes,
                column: None,
            };
            cell.render(out, self.responsive);
        }
        out.close("tr").close("thead");
    }

    fn render_row(&self, out: &mut Markup, row: &[TableCell]) {
        out.open("tr").class("nhsuk-table__row").optional("role", if self.responsive { "row" } else { "" });
        let no_column = TableHeader::default();
        for (index, fact) in row.iter().enumerate() {
            let column = self.head.get(index).unwrap_or(&no_column);
            let words_among_numbers =
                fact.format == Some(TableFormat::String) && column.format == Some(TableFormat::Numeric);
            let names_row = index == 0 && self.first_cell_is_header;
            let mut own_attributes = Attributes::default();
            if !fact.sort_value.is_empty() {
                own_attributes.0.push(("data-sort-value".to_owned(), fact.sort_value.clone()));
            }
            let cell = Cell {
                element: if names_row { "th" } else { "td" },
                fact: &TableCell {
                    format: fact.format.or(column.format),
                    align: fact.align.or(if words_among_numbers {
                        Some(TableAlign::Right)
                    } else {
                        column.align
                    }),
                    ..fact.clone()
                },
                scope: if names_row { "row" } else { "" },
                role: if names_row { "rowheader" } else { "cell" },
                own_attributes,
                column: Some(column),
            };
            cell.render(out, self.responsive);
        }
        out.close("tr");
    }

    fn render_table(&self, out: &mut Markup) {
        let no_border = self.border == Some(false);
        let by_script = self.is_sortable() && !self.is_sorted_by_server();
        out.open("table")
            .classes(
                Classes::new("nhsuk-table")
                    .when(self.variant.is_some(), "nhsuk-table--reverse")
                    .when(self.compact, "nhsuk-table--compact")
                    .when(self.responsive, "nhsuk-table--responsive")
                    .when(no_border, "nhsuk-table--no-border")
                    .when(
                        !no_border && self.last_row_border == Some(false),
                        "nhsuk-table--no-last-row-border",
                    )
                    .when(self.is_sortable(), "nhsuk-table--sortable")
                    .when(self.striped, "nhsuk-table--striped")
                    .and(&self.classes),
            )
            .id(&self.id)
            .optional("data-module", if by_script { "nhsuk-table" } else { "" })
            .optional("data-i18n.sort-announcement", &self.sort_announcement_text)
            .optional("data-i18n.ascending", &self.ascending_text)
            .optional("data-i18n.descending", &self.descending_text)
            .optional("role", if self.responsive { "table" } else { "" })
            .attributes(&self.attributes);
        self.render_caption(out);
        if !self.head.is_empty() {
            self.render_head(out);
        }
        out.open("tbody").class("nhsuk-table__body");
        for row in &self.rows {
            self.render_row(out, row);
        }
        out.close("tbody").close("table");
    }
}

impl Component for Table {
    fn render(&self, out: &mut Markup) {
        let mut table = Markup::default();
        if self.scroll {
            table
                .open("div")
                .classes(Classes::new("nhsuk-scroll").when(self.variant.is_some(), "nhsuk-scroll--reverse"))
                .attribute("data-module", "nhsuk-scroll");
            table
                .open("div")
                .class("nhsuk-scroll__content")
                .attribute("role", "region")
                .optional("aria-labelledby", &self.caption_id());
        }
        self.render_table(&mut table);
        if self.scroll {
            table.close("div").close("div");
        }
        match &self.card {
            Some(card) => card.render_around(out, &table.finish()),
            None => {
                out.html(&table.finish());
            }
        }
    }
}
