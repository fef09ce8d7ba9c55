//! Who may do what to whom: one pure function, and the permit that a move demands.
//!
//! `rule` is the whole policy, a line for each kind of person and each kind of deed; [`may`] judges
//! one person, one deed and one subject by it. Nothing else makes a [`Permit`], and a move that
//! changes something takes one for its own deed, so a change without a decision about authority does
//! not compile. The subject is judged as it was read: a move compares it with what is stored, in its
//! own transaction ([`Permit::subject`]).
//!
//! `docs/authority.md` is the whole product of people, deeds and subjects, made from this file and
//! compared by a test: read its difference when you change a line here.

use crate::audit::Actor;
use std::marker::PhantomData;

/// Who looks after a site's accounts after set-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Management {
    /// The central team.
    Nas,
    /// The organisation itself, by its Local Administrators.
    Organisation,
}

impl Management {
    pub const ALL: [Management; 2] = [Management::Nas, Management::Organisation];

    pub fn stored(self) -> &'static str {
        match self {
            Management::Nas => "Nas",
            Management::Organisation => "Organisation",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.stored() == text)
    }
}

/// What a Local Administrator of an organisation is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdministratorRole {
    /// Everything, and who else is an administrator.
    Primary,
    /// Everything but who else is one.
    Full,
    /// Helps people in and out; creates and deletes nothing.
    Helpdesk,
    /// Reads.
    Auditor,
}

/// Which sites of the organisation a Local Administrator looks after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdministeredSites {
    All,
    Only(Vec<String>),
}

/// Whoever wants to do something, as their session, key or link shows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// Fills in one registration.
    Registrant {
        registration: String,
    },
    /// Holds the link sent to the contact that the register knows for a site.
    SiteContact {
        registration: String,
    },
    /// Somebody signed in to their own account, and the sites whose shared mailboxes they own.
    AccountHolder {
        account: String,
        owns: Vec<String>,
    },
    LocalAdministrator {
        account: String,
        organisation: String,
        role: AdministratorRole,
        sites: AdministeredSites,
    },
    CaseWorker {
        id: String,
    },
    /// A program of an organisation.
    ApiKey {
        id: String,
        organisation: String,
    },
    /// Carepost itself, doing work that follows a change or is due by the clock.
    Service,
    /// Somebody at the command line of the machine.
    Operator,
}

/// A kind of person, for the policy's lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Registrant,
    SiteContact,
    AccountHolder,
    Owner,
    PrimaryAdministrator,
    FullAdministrator,
    HelpdeskAdministrator,
    AuditorAdministrator,
    CaseWorker,
    ApiKey,
    Service,
    Operator,
}

impl Role {
    pub const ALL: [Role; 12] = [
        Role::Registrant,
        Role::SiteContact,
        Role::AccountHolder,
        Role::Owner,
        Role::PrimaryAdministrator,
        Role::FullAdministrator,
        Role::HelpdeskAdministrator,
        Role::AuditorAdministrator,
        Role::CaseWorker,
        Role::ApiKey,
        Role::Service,
        Role::Operator,
    ];

    pub fn in_words(self) -> &'static str {
        match self {
            Role::Registrant => "registrant",
            Role::SiteContact => "contact of the site",
            Role::AccountHolder => "account holder",
            Role::Owner => "owner of the site",
            Role::PrimaryAdministrator => "primary Local Administrator",
            Role::FullAdministrator => "Local Administrator",
            Role::HelpdeskAdministrator => "Local Administrator, helpdesk",
            Role::AuditorAdministrator => "Local Administrator, auditor",
            Role::CaseWorker => "case worker",
            Role::ApiKey => "API key",
            Role::Service => "the service",
            Role::Operator => "operator",
        }
    }
}

impl Who {
    /// Which line of the policy holds. Somebody who owns a site is an owner there and an account
    /// holder everywhere else.
    pub fn role(&self, subject: &Subject) -> Role {
        match self {
            Who::Registrant { .. } => Role::Registrant,
            Who::SiteContact { .. } => Role::SiteContact,
            Who::AccountHolder { account, owns } => match subject.place() {
                Some(place) if owns.contains(&place.site) && !subject.is_account(account) => Role::Owner,
                Some(_) | None => Role::AccountHolder,
            },
            Who::LocalAdministrator { role, .. } => match role {
                AdministratorRole::Primary => Role::PrimaryAdministrator,
                AdministratorRole::Full => Role::FullAdministrator,
                AdministratorRole::Helpdesk => Role::HelpdeskAdministrator,
                AdministratorRole::Auditor => Role::AuditorAdministrator,
            },
            Who::CaseWorker { .. } => Role::CaseWorker,
            Who::ApiKey { .. } => Role::ApiKey,
            Who::Service => Role::Service,
            Who::Operator => Role::Operator,
        }
    }

    /// As the audit trail names them.
    pub fn actor(&self) -> Actor {
        match self {
            Who::Registrant { .. } => Actor::Registrant,
            Who::SiteContact { .. } => Actor::SiteContact,
            Who::AccountHolder { account, .. } => Actor::AccountHolder(account.clone()),
            Who::LocalAdministrator { account, .. } => Actor::LocalAdministrator(account.clone()),
            Who::CaseWorker { id } => Actor::CaseWorker(id.clone()),
            Who::ApiKey { id, .. } => Actor::ApiKey(id.clone()),
            Who::Service => Actor::Service,
            Who::Operator => Actor::Operator,
        }
    }
}

/// Where an account or a shared mailbox is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub site: String,
    pub organisation: String,
    pub management: Management,
    /// Whether the site takes changes; a frozen, closing or closed one does not.
    pub is_open: bool,
}

/// What something is done to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    Account {
        id: String,
        place: Place,
    },
    /// The shared mailbox of a site.
    SharedMailbox {
        id: String,
        place: Place,
    },
    Site(Place),
    Organisation {
        id: String,
        management: Management,
    },
    Registration {
        id: String,
    },
    /// A message to the central team.
    Enquiry {
        id: String,
    },
    /// A site or an account that was stopped.
    Freeze {
        id: String,
    },
    /// The service itself: its announcements, background work, mail servers, registers.
    Service,
}

impl Subject {
    /// The site it belongs to.
    pub fn place(&self) -> Option<&Place> {
        match self {
            Subject::Account { place, .. } | Subject::SharedMailbox { place, .. } | Subject::Site(place) => {
                Some(place)
            }
            Subject::Organisation { .. }
            | Subject::Registration { .. }
            | Subject::Enquiry { .. }
            | Subject::Freeze { .. }
            | Subject::Service => None,
        }
    }

    /// Its identifier; empty for the service.
    pub fn id(&self) -> &str {
        match self {
            Subject::Account { id, .. }
            | Subject::SharedMailbox { id, .. }
            | Subject::Organisation { id, .. }
            | Subject::Registration { id }
            | Subject::Enquiry { id }
            | Subject::Freeze { id } => id,
            Subject::Site(place) => &place.site,
            Subject::Service => "",
        }
    }

    pub fn kind(&self) -> SubjectKind {
        match self {
            Subject::Account { .. } => SubjectKind::Account,
            Subject::SharedMailbox { .. } => SubjectKind::SharedMailbox,
            Subject::Site(_) => SubjectKind::Site,
            Subject::Organisation { .. } => SubjectKind::Organisation,
            Subject::Registration { .. } => SubjectKind::Registration,
            Subject::Enquiry { .. } => SubjectKind::Enquiry,
            Subject::Freeze { .. } => SubjectKind::Freeze,
            Subject::Service => SubjectKind::Service,
        }
    }

    fn is_account(&self, account: &str) -> bool {
        matches!(self, Subject::Account { id, .. } if id == account)
    }
}

/// A kind of subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubjectKind {
    Account,
    SharedMailbox,
    Site,
    Organisation,
    Registration,
    Enquiry,
    Freeze,
    Service,
}

/// Whose a subject may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    Never,
    /// Their own account, registration or link.
    Own,
    /// Of a site whose shared mailbox they own.
    OwnSite,
    /// Of the organisation whose administrator or program they are, where it manages itself.
    OwnOrganisation,
    /// Of sites that the central team looks after.
    NasSites,
    Any,
}

macro_rules! deeds {
    ($( $(#[doc = $doc:literal])+ $name:ident: $kind:ident, $open:literal; )+) => {
        /// Everything that may be done.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Deed { $( $(#[doc = $doc])+ $name, )+ }

        impl Deed {
            pub const ALL: &[Deed] = &[ $( Deed::$name, )+ ];

            /// What it is done to.
            pub fn about(self) -> SubjectKind {
                match self { $( Deed::$name => SubjectKind::$kind, )+ }
            }

            /// Whether the site must be open for it.
            pub fn needs_open_site(self) -> bool {
                match self { $( Deed::$name => $open, )+ }
            }
        }

        /// A type for each deed, so that a permit for one is no permit for another.
        pub mod deed {
            $( $(#[doc = $doc])+ #[derive(Clone, Copy, Debug)] pub struct $name;
               impl super::IsDeed for $name { const DEED: super::Deed = super::Deed::$name; } )+
        }
    };
}

/// A type that stands for one deed.
pub trait IsDeed {
    const DEED: Deed;
}

deeds! {
    /// Answer the questions of a draft, and send it.
    FillIn: Registration, false;
    /// Withdraw a registration.
    Withdraw: Registration, false;
    /// Answer what a case worker asked.
    AnswerQuestion: Registration, false;
    /// Say that the site knows nothing of a registration.
    StopRegistration: Registration, false;
    /// Say that a registration is the site's own.
    ConfirmRegistration: Registration, false;
    /// Check, refer, follow a registration and end a draft nobody continued.
    MoveOn: Registration, false;
    /// Open a case and write notes on it.
    WorkOnCase: Registration, false;
    /// Approve, decline or ask for more.
    Decide: Registration, false;
    /// Read what is known of a site and its people.
    ReadSite: Site, false;
    /// Open a site with its shared mailbox and accounts.
    OpenSite: Registration, false;
    /// Disable an account while its holder is away.
    Disable: Account, true;
    /// Enable a disabled account.
    Enable: Account, true;
    /// Stop an account at once, the last owner's as well.
    Freeze: Account, false;
    /// Stop a site with its accounts and its shared mailbox at once.
    FreezeSite: Site, false;
    /// Agree to lift a freeze, or keep it.
    LiftFreeze: Freeze, false;
    /// End every session of an account and revoke its app passwords.
    SignOutAndRevoke: Account, false;
    /// Activate an account, and what belongs to it: password, authenticator app, recovery codes, app passwords.
    SecureOwnAccount: Account, false;
    /// Give somebody access to a shared mailbox.
    GiveAccess: SharedMailbox, true;
    /// Make somebody with access an owner or a member.
    ChangeAccess: SharedMailbox, true;
    /// Take access to a shared mailbox away.
    RemoveAccess: SharedMailbox, true;
    /// Let the address of the site that was there before lead to a shared mailbox.
    AddAddress: SharedMailbox, true;
    /// Look after a message to the central team, and answer it.
    WorkOnEnquiry: Enquiry, false;
    /// Tell everybody how the service works.
    TellStatus: Service, false;
    /// Try work again, give it up, compare the directory with the mail servers.
    RunService: Service, false;
    /// Import a file of a register.
    ImportRegister: Service, false;
    /// Release or discard an import that waits for two people.
    ReleaseImport: Service, false;
}

/// The policy: how far each kind of person reaches with each deed.
fn rule(role: Role, deed: Deed) -> Reach {
    use Deed as D;
    use Reach as R;
    match role {
        Role::Registrant => match deed {
            D::FillIn | D::Withdraw | D::AnswerQuestion => R::Own,
            D::StopRegistration | D::MoveOn | D::WorkOnCase | D::Decide | D::OpenSite => R::Never,
            D::ReadSite | D::Disable | D::Enable | D::SignOutAndRevoke | D::SecureOwnAccount => R::Never,
            D::GiveAccess | D::ChangeAccess | D::RemoveAccess | D::AddAddress => R::Never,
            D::WorkOnEnquiry | D::TellStatus | D::RunService => R::Never,
            D::Freeze | D::FreezeSite | D::LiftFreeze => R::Never,
            D::ConfirmRegistration => R::Never,
            D::ImportRegister | D::ReleaseImport => R::Never,
        },
        Role::SiteContact => match deed {
            D::StopRegistration | D::ConfirmRegistration => R::Own,
            D::FillIn | D::Withdraw | D::AnswerQuestion | D::MoveOn | D::WorkOnCase | D::Decide => R::Never,
            D::OpenSite | D::ReadSite | D::Disable | D::Enable | D::SignOutAndRevoke => R::Never,
            D::SecureOwnAccount | D::GiveAccess | D::ChangeAccess | D::RemoveAccess => R::Never,
            D::AddAddress | D::WorkOnEnquiry | D::TellStatus | D::RunService => R::Never,
            D::Freeze | D::FreezeSite | D::LiftFreeze => R::Never,
            D::ImportRegister | D::ReleaseImport => R::Never,
        },
        Role::AccountHolder => match deed {
            D::SecureOwnAccount | D::SignOutAndRevoke => R::Own,
            D::FillIn | D::Withdraw | D::AnswerQuestion | D::StopRegistration | D::MoveOn => R::Never,
            D::WorkOnCase | D::Decide | D::OpenSite | D::ReadSite | D::Disable | D::Enable => R::Never,
            D::GiveAccess | D::ChangeAccess | D::RemoveAccess | D::AddAddress => R::Never,
            D::WorkOnEnquiry | D::TellStatus | D::RunService => R::Never,
            D::Freeze | D::FreezeSite | D::LiftFreeze => R::Never,
            D::ConfirmRegistration => R::Never,
            D::ImportRegister | D::ReleaseImport => R::Never,
        },
        Role::Owner => match deed {
            D::ReadSite | D::Disable | D::Enable => R::OwnSite,
            D::GiveAccess | D::ChangeAccess | D::RemoveAccess => R::OwnSite,
            D::FillIn | D::Withdraw | D::AnswerQuestion | D::StopRegistration | D::MoveOn => R::Never,
            D::WorkOnCase | D::Decide | D::OpenSite | D::SignOutAndRevoke => R::Never,
            D::SecureOwnAccount | D::AddAddress => R::Never,
            D::WorkOnEnquiry | D::TellStatus | D::RunService => R::Never,
            D::Freeze | D::FreezeSite | D::LiftFreeze => R::Never,
            D::ConfirmRegistration => R::Never,
            D::ImportRegister | D::ReleaseImport => R::Never,
        },
        Role::PrimaryAdministrator | Role::FullAdministrator | Role::ApiKey => match deed {
            D::ReadSite | D::Disable | D::Enable | D::SignOutAndRevoke => R::OwnOrganisation,
            D::GiveAccess | D::ChangeAccess | D::RemoveAccess => R::OwnOrganisation,
            D::FillIn | D::Withdraw | D::AnswerQuestion | D::StopRegistration | D::MoveOn => R::Never,
            D::WorkOnCase | D::Decide | D::OpenSite | D::SecureOwnAccount | D::AddAddress => R::Never,
            D::WorkOnEnquiry | D::TellStatus | D::RunService => R::Never,
            D::Freeze | D::FreezeSite | D::LiftFreeze => R::Never,
            D::ConfirmRegistration => R::Never,
            D::ImportRegister | D::ReleaseImport => R::Never,
        },
        Role::HelpdeskAdministrator => match deed {
            D::ReadSite | D::SignOutAndRevoke | D::Enable => R::OwnOrganisation,
            D::FillIn | D::Withdraw | D::AnswerQuestion | D::StopRegistration | D::MoveOn => R::Never,
            D::WorkOnCase | D::Decide | D::OpenSite | D::Disable | D::SecureOwnAccount => R::Never,
            D::GiveAccess | D::ChangeAccess | D::RemoveAccess | D::AddAddress => R::Never,
            D::WorkOnEnquiry | D::TellStatus | D::RunService => R::Never,
            D::Freeze | D::FreezeSite | D::LiftFreeze => R::Never,
            D::ConfirmRegistration => R::Never,
            D::ImportRegister | D::ReleaseImport => R::Never,
        },
        Role::AuditorAdministrator => match deed {
            D::ReadSite => R::OwnOrganisation,
            D::FillIn | D::Withdraw | D::AnswerQuestion | D::StopRegistration | D::MoveOn => R::Never,
            D::WorkOnCase | D::Decide | D::OpenSite | D::Disable | D::Enable => R::Never,
            D::SignOutAndRevoke | D::SecureOwnAccount => R::Never,
            D::GiveAccess | D::ChangeAccess | D::RemoveAccess | D::AddAddress => R::Never,
            D::WorkOnEnquiry | D::TellStatus | D::RunService => R::Never,
            D::Freeze | D::FreezeSite | D::LiftFreeze => R::Never,
            D::ConfirmRegistration => R::Never,
            D::ImportRegister | D::ReleaseImport => R::Never,
        },
        Role::CaseWorker => match deed {
            D::WorkOnCase | D::Decide | D::OpenSite | D::WorkOnEnquiry => R::Any,
            D::TellStatus | D::RunService | D::ReadSite | D::ReleaseImport => R::Any,
            // Whoever may have been broken into is signed out at once, whoever looks after them.
            D::SignOutAndRevoke | D::Freeze | D::FreezeSite | D::LiftFreeze => R::Any,
            D::Disable | D::Enable => R::NasSites,
            D::GiveAccess | D::ChangeAccess | D::RemoveAccess | D::AddAddress => R::NasSites,
            D::FillIn | D::Withdraw | D::AnswerQuestion | D::StopRegistration | D::MoveOn => R::Never,
            D::SecureOwnAccount => R::Never,
            D::ConfirmRegistration => R::Never,
            // Whoever imports a file is not among those who release it.
            D::ImportRegister => R::Never,
        },
        Role::Service => match deed {
            D::MoveOn | D::Decide | D::OpenSite | D::RunService | D::TellStatus | D::ReadSite => R::Any,
            D::ImportRegister => R::Any,
            D::FillIn | D::Withdraw | D::AnswerQuestion | D::StopRegistration | D::WorkOnCase => R::Never,
            D::Disable | D::Enable | D::SignOutAndRevoke | D::SecureOwnAccount => R::Never,
            D::GiveAccess | D::ChangeAccess | D::RemoveAccess | D::AddAddress => R::Never,
            D::WorkOnEnquiry | D::ReleaseImport => R::Never,
            D::Freeze | D::FreezeSite | D::LiftFreeze => R::Never,
            D::ConfirmRegistration => R::Never,
        },
        Role::Operator => match deed {
            D::RunService | D::ImportRegister => R::Any,
            D::FillIn | D::Withdraw | D::AnswerQuestion | D::StopRegistration | D::MoveOn => R::Never,
            D::WorkOnCase | D::Decide | D::OpenSite | D::ReadSite | D::Disable | D::Enable => R::Never,
            D::SignOutAndRevoke | D::SecureOwnAccount => R::Never,
            D::GiveAccess | D::ChangeAccess | D::RemoveAccess | D::AddAddress => R::Never,
            D::WorkOnEnquiry | D::TellStatus | D::ReleaseImport => R::Never,
            D::Freeze | D::FreezeSite | D::LiftFreeze => R::Never,
            D::ConfirmRegistration => R::Never,
        },
    }
}

/// Why somebody may not do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAllowed {
    /// It is not theirs; answered as if it did not exist.
    NotTheirs,
    /// It is theirs to see, and this is not for people like them.
    NotForRole,
    /// Somebody else looks after the site.
    LookedAfterBy(Management),
    /// The site takes no changes.
    SiteNotOpen,
}

impl NotAllowed {
    pub fn words(self) -> &'static str {
        match self {
            NotAllowed::NotTheirs => "We could not find that.",
            NotAllowed::NotForRole => "Your role does not let you do this.",
            NotAllowed::LookedAfterBy(Management::Nas) => {
                "The central team looks after this site. Contact the helpdesk to ask for this change."
            }
            NotAllowed::LookedAfterBy(Management::Organisation) => {
                "The organisation looks after its own accounts. Its Local Administrators can do this."
            }
            NotAllowed::SiteNotOpen => "This site takes no changes at the moment. Contact the helpdesk.",
        }
    }
}

/// That somebody may do one deed to one subject. Only [`may`] makes one.
#[derive(Clone, Debug)]
pub struct Permit<D> {
    who: Who,
    subject: Subject,
    deed: PhantomData<D>,
}

impl<D: IsDeed> Permit<D> {
    pub fn who(&self) -> &Who {
        &self.who
    }

    /// As the audit trail names them.
    pub fn actor(&self) -> Actor {
        self.who.actor()
    }

    /// What it is for, as it was when authority was judged.
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// Identifier of what it is for.
    pub fn id(&self) -> &str {
        self.subject.id()
    }
}

/// Whether somebody may do a deed to a subject, with the permit that the move of the deed demands.
///
/// # Errors
/// Why not.
pub fn permit<D: IsDeed>(who: &Who, subject: Subject) -> Result<Permit<D>, NotAllowed> {
    may(who, D::DEED, &subject)?;
    Ok(Permit { who: who.clone(), subject, deed: PhantomData })
}

/// Whether somebody may do a deed to a subject.
///
/// # Errors
/// Why not.
pub fn may(who: &Who, deed: Deed, subject: &Subject) -> Result<(), NotAllowed> {
    if subject.kind() != deed.about() {
        return Err(NotAllowed::NotForRole);
    }
    let reaches = match rule(who.role(subject), deed) {
        Reach::Never if is_theirs(who, subject) => Err(NotAllowed::NotForRole),
        Reach::Never => Err(NotAllowed::NotTheirs),
        Reach::Any => Ok(()),
        Reach::Own | Reach::OwnSite | Reach::OwnOrganisation if !is_theirs(who, subject) => {
            Err(NotAllowed::NotTheirs)
        }
        Reach::Own | Reach::OwnSite => Ok(()),
        Reach::OwnOrganisation => managed_by(subject, Management::Organisation),
        Reach::NasSites => managed_by(subject, Management::Nas),
    };
    reaches?;
    match subject.place() {
        Some(place) if deed.needs_open_site() && !place.is_open => Err(NotAllowed::SiteNotOpen),
        Some(_) | None => Ok(()),
    }
}

fn managed_by(subject: &Subject, wanted: Management) -> Result<(), NotAllowed> {
    let management = match subject {
        Subject::Account { place, .. } | Subject::SharedMailbox { place, .. } | Subject::Site(place) => {
            place.management
        }
        Subject::Organisation { management, .. } => *management,
        Subject::Registration { .. }
        | Subject::Enquiry { .. }
        | Subject::Freeze { .. }
        | Subject::Service => return Ok(()),
    };
    if management == wanted { Ok(()) } else { Err(NotAllowed::LookedAfterBy(management)) }
}

/// Whether a subject is within what somebody's session, link or key speaks of.
fn is_theirs(who: &Who, subject: &Subject) -> bool {
    match who {
        Who::Registrant { registration } | Who::SiteContact { registration } => {
            matches!(subject, Subject::Registration { id } if id == registration)
        }
        Who::AccountHolder { account, owns } => {
            subject.is_account(account) || subject.place().is_some_and(|place| owns.contains(&place.site))
        }
        Who::LocalAdministrator { organisation, sites, .. } => {
            is_of_organisation(subject, organisation)
                && match (sites, subject.place()) {
                    (AdministeredSites::All, _) => true,
                    (AdministeredSites::Only(sites), Some(place)) => sites.contains(&place.site),
                    (AdministeredSites::Only(_), None) => false,
                }
        }
        Who::ApiKey { organisation, .. } => is_of_organisation(subject, organisation),
        Who::CaseWorker { .. } | Who::Service | Who::Operator => true,
    }
}

fn is_of_organisation(subject: &Subject, organisation: &str) -> bool {
    match subject {
        Subject::Organisation { id, .. } => id == organisation,
        Subject::Account { place, .. } | Subject::SharedMailbox { place, .. } | Subject::Site(place) => {
            place.organisation == organisation
        }
        Subject::Registration { .. }
        | Subject::Enquiry { .. }
        | Subject::Freeze { .. }
        | Subject::Service => false,
    }
}

/// Every kind of person, every deed, and subjects near and far, as a table in Markdown.
pub fn table() -> String {
    let mut text = String::from(
        "# Authority\n\nWho may do what to whom, made from `src/sign_in/authority.rs` by `make docs`. Each cell \
         reads: the central team looks after the site / the organisation itself does. `yes`, or why not: \
         `hidden` (answered as if it did not exist), `role` (not for this kind of person), `other` (somebody else \
         looks after the site), `closed` (the site takes no changes).\n",
    );
    for deed in Deed::ALL {
        text.push_str(&format!("\n## {deed:?}\n\n"));
        let relations = Relation::of(deed.about());
        text.push_str("| who |");
        for relation in relations {
            text.push_str(&format!(" {} |", relation.in_words()));
        }
        text.push_str("\n|---|");
        text.push_str(&"---|".repeat(relations.len()));
        text.push('\n');
        for role in Role::ALL {
            text.push_str(&format!("| {} |", role.in_words()));
            for relation in relations {
                let cell = |management| {
                    let subject = subject_of(*deed, role, *relation, management);
                    in_a_word(may(&somebody(role), *deed, &subject))
                };
                let [nas, own] = Management::ALL.map(cell);
                text.push_str(&if nas == own { format!(" {nas} |") } else { format!(" {nas} / {own} |") });
            }
            text.push('\n');
        }
    }
    text
}

fn in_a_word(answer: Result<(), NotAllowed>) -> &'static str {
    match answer {
        Ok(()) => "yes",
        Err(NotAllowed::NotTheirs) => "hidden",
        Err(NotAllowed::NotForRole) => "role",
        Err(NotAllowed::LookedAfterBy(_)) => "other",
        Err(NotAllowed::SiteNotOpen) => "closed",
    }
}

/// How near a subject is to whoever wants something, for the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Relation {
    Own,
    OwnSite,
    OtherSite,
    OtherOrganisation,
    OwnSiteClosed,
}

impl Relation {
    fn of(kind: SubjectKind) -> &'static [Relation] {
        use Relation::{OtherOrganisation, OtherSite, Own, OwnSite, OwnSiteClosed};
        match kind {
            SubjectKind::Account => &[Own, OwnSite, OtherSite, OtherOrganisation, OwnSiteClosed],
            SubjectKind::SharedMailbox | SubjectKind::Site => {
                &[OwnSite, OtherSite, OtherOrganisation, OwnSiteClosed]
            }
            SubjectKind::Organisation
            | SubjectKind::Registration
            | SubjectKind::Enquiry
            | SubjectKind::Freeze => &[Own, OtherOrganisation],
            SubjectKind::Service => &[Own],
        }
    }

    fn in_words(self) -> &'static str {
        match self {
            Relation::Own => "own",
            Relation::OwnSite => "own site",
            Relation::OtherSite => "other site of the organisation",
            Relation::OtherOrganisation => "other organisation",
            Relation::OwnSiteClosed => "own site, closed",
        }
    }
}

/// Somebody of each kind: at `site` of `organisation`, with the registration `registration`.
fn somebody(role: Role) -> Who {
    let text = |text: &str| text.to_owned();
    let administrator = |role| Who::LocalAdministrator {
        account: text("me"),
        organisation: text("organisation"),
        role,
        sites: AdministeredSites::Only(vec![text("site")]),
    };
    match role {
        Role::Registrant => Who::Registrant { registration: text("own") },
        Role::SiteContact => Who::SiteContact { registration: text("own") },
        Role::AccountHolder => Who::AccountHolder { account: text("own"), owns: Vec::new() },
        Role::Owner => Who::AccountHolder { account: text("own"), owns: vec![text("site")] },
        Role::PrimaryAdministrator => administrator(AdministratorRole::Primary),
        Role::FullAdministrator => administrator(AdministratorRole::Full),
        Role::HelpdeskAdministrator => administrator(AdministratorRole::Helpdesk),
        Role::AuditorAdministrator => administrator(AdministratorRole::Auditor),
        Role::CaseWorker => Who::CaseWorker { id: text("me") },
        Role::ApiKey => Who::ApiKey { id: text("me"), organisation: text("organisation") },
        Role::Service => Who::Service,
        Role::Operator => Who::Operator,
    }
}

fn subject_of(deed: Deed, role: Role, relation: Relation, management: Management) -> Subject {
    let (site, organisation) = match relation {
        Relation::Own | Relation::OwnSite | Relation::OwnSiteClosed => ("site", "organisation"),
        Relation::OtherSite => ("other site", "organisation"),
        Relation::OtherOrganisation => ("elsewhere", "other organisation"),
    };
    // Whoever has no account of their own has none to act on: their "own" account is one of the site.
    let id = match (relation, role) {
        (Relation::Own, Role::PrimaryAdministrator | Role::FullAdministrator) => "me",
        (Relation::Own, Role::HelpdeskAdministrator | Role::AuditorAdministrator) => "me",
        (
            Relation::Own,
            Role::Registrant
            | Role::SiteContact
            | Role::AccountHolder
            | Role::Owner
            | Role::CaseWorker
            | Role::ApiKey
            | Role::Service
            | Role::Operator,
        ) => "own",
        (
            Relation::OwnSite | Relation::OtherSite | Relation::OtherOrganisation | Relation::OwnSiteClosed,
            _,
        ) => "somebody",
    };
    let place = Place {
        site: site.to_owned(),
        organisation: organisation.to_owned(),
        management,
        is_open: relation != Relation::OwnSiteClosed,
    };
    let id = id.to_owned();
    match deed.about() {
        SubjectKind::Account => Subject::Account { id, place },
        SubjectKind::SharedMailbox => Subject::SharedMailbox { id, place },
        SubjectKind::Site => Subject::Site(place),
        SubjectKind::Organisation => Subject::Organisation { id: place.organisation, management },
        SubjectKind::Registration => Subject::Registration { id },
        SubjectKind::Enquiry => Subject::Enquiry { id },
        SubjectKind::Freeze => Subject::Freeze { id },
        SubjectKind::Service => Subject::Service,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(site: &str, organisation: &str, management: Management) -> Place {
        Place { site: site.to_owned(), organisation: organisation.to_owned(), management, is_open: true }
    }

    #[test]
    fn organisation_people_reach_nothing_of_another_organisation() {
        for role in Role::ALL {
            let who = somebody(role);
            for deed in Deed::ALL {
                for management in Management::ALL {
                    let subject = subject_of(*deed, role, Relation::OtherOrganisation, management);
                    let central = matches!(who, Who::CaseWorker { .. } | Who::Service | Who::Operator);
                    let has_organisation = subject.place().is_some();
                    if has_organisation && !central {
                        assert_eq!(
                            may(&who, *deed, &subject),
                            Err(NotAllowed::NotTheirs),
                            "{role:?} {deed:?}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn sites_that_are_not_open_take_no_change_from_anybody() {
        for role in Role::ALL {
            for deed in Deed::ALL.iter().filter(|deed| deed.needs_open_site()) {
                for management in Management::ALL {
                    let subject = subject_of(*deed, role, Relation::OwnSiteClosed, management);
                    assert!(may(&somebody(role), *deed, &subject).is_err(), "{role:?} {deed:?}");
                }
            }
        }
    }

    #[test]
    fn local_administrators_keep_to_their_sites_and_to_sites_their_organisation_manages() {
        let who = somebody(Role::FullAdministrator);
        let account = |place| Subject::Account { id: "somebody".to_owned(), place };
        let own = at("site", "organisation", Management::Organisation);
        assert!(permit::<deed::Disable>(&who, account(own.clone())).is_ok());
        let nas = Place { management: Management::Nas, ..own.clone() };
        assert_eq!(may(&who, Deed::Disable, &account(nas)), Err(NotAllowed::LookedAfterBy(Management::Nas)));
        let other = Place { site: "other site".to_owned(), ..own };
        assert_eq!(may(&who, Deed::Disable, &account(other)), Err(NotAllowed::NotTheirs));
    }

    #[test]
    fn owners_act_for_their_site_and_not_on_their_own_account() {
        let who = somebody(Role::Owner);
        let place = at("site", "organisation", Management::Nas);
        let account = |id: &str| Subject::Account { id: id.to_owned(), place: place.clone() };
        assert_eq!(may(&who, Deed::Disable, &account("somebody")), Ok(()));
        assert_eq!(may(&who, Deed::Disable, &account("own")), Err(NotAllowed::NotForRole));
        assert_eq!(may(&who, Deed::SecureOwnAccount, &account("own")), Ok(()));
        assert_eq!(may(&who, Deed::SecureOwnAccount, &account("somebody")), Err(NotAllowed::NotForRole));
    }

    #[test]
    fn permits_carry_who_and_what_they_are_for() {
        let subject = Subject::Registration { id: "own".to_owned() };
        let made = permit::<deed::FillIn>(&somebody(Role::Registrant), subject).expect("allowed");
        assert_eq!((made.id(), made.actor()), ("own", Actor::Registrant));
    }
}
