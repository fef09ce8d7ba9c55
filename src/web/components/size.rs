use serde::Deserialize;

/// How large a heading, label, legend or caption is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Size {
    Xxs,
    Xs,
    S,
    M,
    L,
    Xl,
    /// For captions only.
    Xxl,
}

impl Size {
    pub(super) fn name(self) -> &'static str {
        match self {
            Size::Xxs => "xxs",
            Size::Xs => "xs",
            Size::S => "s",
            Size::M => "m",
            Size::L => "l",
            Size::Xl => "xl",
            Size::Xxl => "xxl",
        }
    }

    /// Labels, legends and table captions know four sizes.
    pub(super) fn one_of_four(self) -> Option<&'static str> {
        match self {
            Size::S | Size::M | Size::L | Size::Xl => Some(self.name()),
            Size::Xxs | Size::Xs | Size::Xxl => None,
        }
    }
}
