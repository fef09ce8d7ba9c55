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
    action_link: ActionLink;
    back_link: BackLink, LinkElement, Reverse;
    breadcrumb: Breadcrumb, BreadcrumbItem;
    button: Button, ButtonElement, ButtonIcon, ButtonIconPlacement, ButtonType, ButtonVariant;
    caption: Caption, CaptionPlacement;
    card: Card, CardDescription, CardImage, CardVariant;
    character_count: CharacterCount, CountMessage, CountType;
    checkboxes: CheckboxBehaviour, Checkboxes, CheckboxesItem;
    contents_list: ContentsList, ContentsListItem;
    date_input: DateInput, DateInputItem;
    details: Details, DetailsSummary;
    do_dont_list: DoDontIcon, DoDontList;
    error_message: ErrorMessage;
    error_summary: ErrorSummary, ErrorSummaryItem;
    fieldset: Fieldset;
    footer: Footer, FooterItem, FooterMeta, FooterNavigation;
    form_group: FormGroup, InputWrapper;
    header: Header, HeaderAccount, HeaderAccountItem, HeaderColour, HeaderLogo, HeaderNavigation,
        HeaderNavigationItem, HeaderOrganisation, HeaderSearch, HeaderSearchButton, HeaderSearchInput,
        HeaderSearchLabel, HeaderService;
    heading: Heading;
    hint: Hint;
    html: Attributes, Content, Html;
    icon: IconName;
    input: Affix, Input, InputWidth;
    inset_text: InsetText;
    label: Label;
    legend: Legend;
    notification_banner: NotificationBanner, NotificationBannerVariant;
    pagination: Pagination, PaginationItem, PaginationLink;
    panel: Panel, PanelVariant;
    password_input: PasswordButton, PasswordInput;
    radios: Conditional, Radios, RadiosItem;
    search_input: SearchButton, SearchInput;
    select: Select, SelectItem;
    size: Size;
    skip_link: SkipLink;
    summary_list: Action, Actions, SummaryList, SummaryListRow, SummaryListText;
    tables: Table, TableAlign, TableCell, TableFormat, TableHeader, TableSort;
    tabs: Tabs, TabsItem, TabsPanel;
    tag: Tag, TagColour;
    task_list: TaskList, TaskListItem, TaskListStatus;
    textarea: Textarea;
    warning_callout: WarningCallout;
}
