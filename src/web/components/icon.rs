use serde::Deserialize;

use super::html::{Component, Html, Markup};

// `paths`, the drawing of each icon, taken from the package when the program is built.
include!(concat!(env!("OUT_DIR"), "/icons.rs"));

/// The design system's icons that a component or a button may show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IconName {
    ArrowLeft,
    ArrowRight,
    ArrowUp,
    ArrowDown,
    ArrowUpDown,
    ArrowRightCircle,
    ArrowLeftCircle,
    ArrowUpCircle,
    ArrowDownCircle,
    ChevronRightCircle,
    ChevronLeftCircle,
    ChevronUpCircle,
    ChevronDownCircle,
    Cross,
    Tick,
    Minus,
    Plus,
    Search,
    User,
}

impl IconName {
    fn name(self) -> &'static str {
        match self {
            IconName::ArrowLeft => "arrow-left",
            IconName::ArrowRight => "arrow-right",
            IconName::ArrowUp => "arrow-up",
            IconName::ArrowDown => "arrow-down",
            IconName::ArrowUpDown => "arrow-up-down",
            IconName::ArrowRightCircle => "arrow-right-circle",
            IconName::ArrowLeftCircle => "arrow-left-circle",
            IconName::ArrowUpCircle => "arrow-up-circle",
            IconName::ArrowDownCircle => "arrow-down-circle",
            IconName::ChevronRightCircle => "chevron-right-circle",
            IconName::ChevronLeftCircle => "chevron-left-circle",
            IconName::ChevronUpCircle => "chevron-up-circle",
            IconName::ChevronDownCircle => "chevron-down-circle",
            IconName::Cross => "cross",
            IconName::Tick => "tick",
            IconName::Minus => "minus",
            IconName::Plus => "plus",
            IconName::Search => "search",
            IconName::User => "user",
        }
    }
}

impl Component for IconName {
    fn render(&self, out: &mut Markup) {
        out.open("svg")
            .class(&format!("nhsuk-icon nhsuk-icon--{}", self.name()))
            .attribute("xmlns", "http://www.w3.org/2000/svg")
            .attribute("viewBox", "0 0 24 24")
            .attribute("width", "16")
            .attribute("height", "16")
            .attribute("focusable", "false")
            .attribute("aria-hidden", "true");
        out.html(&Html::trusted(paths(self.name()))).close("svg");
    }
}
