//! The design system's components, one file each, proved equal to the official examples.
//!
//! A component is a struct whose fields are named like the official options. It stands in an askama
//! template as it is (`{{ component }}`). Text is always escaped; markup has a type of its own,
//! [`Html`]. An option that is left empty is left out.
//!
//! Older spellings that the design system keeps for old services are left out on purpose, as are
//! components that no page of ours needs; `docs/guides/components.md` has the list.

macro_rules! components {
    ($($file:ident: $($name:ident),+;)+) => {$(
        mod $file;
        pub use $file::{$($name),+};
    )+};
}

components! {
    back_link: BackLink, LinkElement, Reverse;
    button: Button, ButtonElement, ButtonIcon, ButtonIconPlacement, ButtonType, ButtonVariant;
    caption: Caption, CaptionPlacement;
    card: Card, CardDescription, CardImage, CardVariant;
    checkboxes: CheckboxBehaviour, Checkboxes, CheckboxesItem;
    error_message: ErrorMessage;
    error_summary: ErrorSummary, ErrorSummaryItem;
    fieldset: Fieldset;
    form_group: FormGroup, InputWrapper;
    heading: Heading, Size;
    hint: Hint;
    html: Attributes, Content, Html;
    icon: IconName;
    input: Affix, Input, InputWidth;
    inset_text: InsetText;
    label: Label;
    legend: Legend;
    radios: Conditional, Radios, RadiosItem;
    skip_link: SkipLink;
    summary_list: Action, Actions, SummaryList, SummaryListRow, SummaryListText;
}
