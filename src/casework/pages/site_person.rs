//! What the central team does for one person of a site: each on a page of its own, with its reason.

use super::site_loaded::{Loaded, few_owners, load};
use super::{SITES, layout, not_done, text_problem, version_of};
use crate::app::App;
use crate::clock::{Span, Timestamp};
use crate::directory::moves::{self, AccessOrder, Order};
use crate::directory::store as directory_store;
use crate::directory::{Access, Account, AccountMove, AccountState, Refusal};
use crate::outbox::outcome::{Declined, without_faults};
use crate::outbox::transitions::Transition;
use crate::sign_in::CaseWorker;
use crate::sign_in::authority::{IsDeed, NotAllowed, Permit, Who, permit};
use crate::web::components::{Button, Checkboxes, NotificationBanner, Textarea, WarningCallout};
use crate::web::done::{self, Done};
use crate::web::page::show_with;
use crate::web::{Answer, Fields, Form, Interrupt, Layout, Problems, Visit, go_to};
use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;

pub(super) const REASON: &str = "reason";
pub(super) const CONFIRM: &str = "confirm";
pub(super) const VERSION: &str = "version";

/// What can be done for one person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    Disable,
    Enable,
    MakeOwner,
    MakeMember,
    Remove,
    /// Signs out everywhere and revokes every app password.
    SignOutAndRevoke,
    Freeze,
}

impl Doing {
    /// What can be done for somebody whose account and access are so.
    pub fn of(state: Option<AccountState>, access: Access) -> Vec<Self> {
        let Some(state) = state else { return Vec::new() };
        Self::ALL
            .iter()
            .copied()
            .filter(|doing| match doing {
                Doing::Disable => AccountMove::Disable.leads(state).is_some(),
                Doing::Enable => AccountMove::Enable.leads(state).is_some(),
                Doing::SignOutAndRevoke => state.facts().may_have_sessions,
                Doing::Freeze => AccountMove::Freeze.leads(state).is_some(),
                Doing::MakeOwner => access == Access::Member,
                Doing::MakeMember => access == Access::Owner,
                Doing::Remove => true,
            })
            .collect()
    }

    pub fn from_slug(slug: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|doing| doing.slug() == slug)
    }

    /// The link on the site's page.
    pub fn link(self) -> &'static str {
        match self {
            Doing::Disable => "Disable",
            Doing::Enable => "Enable",
            Doing::MakeOwner => "Make an owner",
            Doing::MakeMember => "Make a member",
            Doing::Remove => "Remove access",
            Doing::SignOutAndRevoke => "Sign out and revoke",
            Doing::Freeze => "Freeze",
        }
    }

    fn title(self, name: &str) -> String {
        match self {
            Doing::Disable => format!("Disable the account of {name}"),
            Doing::Enable => format!("Enable the account of {name}"),
            Doing::MakeOwner => format!("Make {name} an owner"),
            Doing::MakeMember => format!("Make {name} a member"),
            Doing::Remove => format!("Remove the access of {name}"),
            Doing::SignOutAndRevoke => format!("Sign {name} out and revoke all mail programs"),
            Doing::Freeze => format!("Freeze the account of {name}"),
        }
    }

    /// What follows from it, before it is done.
    fn consequences(self, until: Timestamp) -> Vec<String> {
        let lines: &[&str] = match self {
            Doing::Disable => &[
                "For long leave. They are signed out at once and cannot sign in, and their mail programs cannot open the mailbox.",
                "Mail to them is refused and its sender is told. Nothing is deleted, and no app password is revoked.",
                "They are told at their personal email address.",
            ],
            Doing::Enable => &[
                "They can sign in again, and the mail programs they had work again.",
                "They are told at their personal email address.",
            ],
            Doing::MakeOwner => &[
                "An owner reads and sends mail of the shared mailbox, and tells us who joins and who leaves.",
                "They are told by email.",
            ],
            Doing::MakeMember => &[
                "A member reads and sends mail of the shared mailbox. We no longer take changes for the site from them.",
                "They are told by email.",
            ],
            Doing::Remove => &[
                "They can no longer open the shared mailbox of this site. Their own account stays as it is, with its place.",
                "They are told by email.",
            ],
            Doing::SignOutAndRevoke => &[
                "For a lost phone or computer, or when somebody else may have got in.",
                "They are signed out in every browser and every app password stops working at once. Their password and authenticator app stay.",
                "They are told at their personal email address.",
            ],
            Doing::Freeze => &[
                "For a suspected fraud or break-in. Nobody can sign in, activate the account, read its mail or send from it, within a minute. It can be done to the last owner of a site, too.",
                "Whoever sends to it is asked to try again later, so no mail is lost for some days.",
                "They are told at their personal email address. Two case workers together can lift the freeze.",
            ],
        };
        let mut lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        if self == Doing::Disable {
            lines.insert(2, format!("An account can be disabled until {} at most.", until.day()));
        }
        lines
    }

    fn confirmation(self, name: &str) -> String {
        match self {
            Doing::Disable => format!("Yes, disable the account of {name}"),
            Doing::Enable => format!("Yes, enable the account of {name}"),
            Doing::MakeOwner => format!("Yes, make {name} an owner"),
            Doing::MakeMember => format!("Yes, make {name} a member"),
            Doing::Remove => format!("Yes, remove the access of {name}"),
            Doing::Freeze => format!("Yes, freeze the account of {name}"),
            Doing::SignOutAndRevoke => format!("Yes, sign {name} out and revoke all app passwords"),
        }
    }

    fn button(self) -> &'static str {
        match self {
            Doing::Disable => "Disable the account",
            Doing::Enable => "Enable the account",
            Doing::MakeOwner => "Make an owner",
            Doing::MakeMember => "Make a member",
            Doing::Remove => "Remove access",
            Doing::SignOutAndRevoke => "Sign out and revoke",
            Doing::Freeze => "Freeze the account",
        }
    }

    /// Whether it takes an owner from the site.
    fn takes_an_owner(self) -> bool {
        match self {
            Doing::Disable | Doing::MakeMember | Doing::Remove | Doing::Freeze => true,
            Doing::Enable | Doing::MakeOwner | Doing::SignOutAndRevoke => false,
        }
    }
}

impl Done for Doing {
    const ALL: &'static [Self] = &[
        Doing::MakeOwner,
        Doing::MakeMember,
        Doing::Disable,
        Doing::Enable,
        Doing::SignOutAndRevoke,
        Doing::Freeze,
        Doing::Remove,
    ];

    fn slug(self) -> &'static str {
        match self {
            Doing::Disable => "disable",
            Doing::Enable => "enable",
            Doing::MakeOwner => "make-owner",
            Doing::MakeMember => "make-member",
            Doing::Remove => "remove",
            Doing::SignOutAndRevoke => "sign-out",
            Doing::Freeze => "freeze",
        }
    }

    fn words(self) -> &'static str {
        match self {
            Doing::Disable => "The account is disabled. The person was signed out and is told by email.",
            Doing::Enable => "The account is enabled. The person is told by email.",
            Doing::MakeOwner => "The person is an owner now and is told by email.",
            Doing::MakeMember => "The person is a member now and is told by email.",
            Doing::Remove => "The person can no longer open this shared mailbox and is told by email.",
            Doing::Freeze => {
                "The account is frozen. The person is told by email. Two case workers together can lift the freeze."
            }
            Doing::SignOutAndRevoke => {
                "The person was signed out everywhere, all app passwords are revoked, and they are told by email."
            }
        }
    }
}

#[derive(askama::Template)]
#[template(path = "casework/pages/site_person.html")]
pub struct PersonPage {
    pub layout: Layout,
    pub form: Form,
    pub banner: Option<NotificationBanner>,
    pub site: String,
    pub address: String,
    /// How the account and its access are now: what somebody decides about.
    pub now: String,
    pub consequences: Vec<String>,
    pub few_owners: Option<WarningCallout>,
    pub version: String,
    pub reason: Textarea,
    pub confirm: Checkboxes,
    pub button: Button,
}

/// The reason, as every form of these pages asks for it.
pub(super) fn reason_field(form: &Form) -> Textarea {
    form.lines(
        REASON,
        "Reason",
        "Who asked for it, and how you know that it was them. It stays in the history of the site. Do not write anything about people who receive care.",
    )
}

/// What is wrong with the reason and the box.
pub(super) fn read(fields: &Fields, problems: &mut Problems) {
    if let Some(words) = text_problem(fields.text(REASON), "Enter the reason", "Reason") {
        problems.add(REASON, words);
    }
    if fields.text(CONFIRM) != "yes" {
        problems.add(CONFIRM, "Tick the box if this is what should be done");
    }
}

/// Whom a page is about.
struct Subject {
    loaded: Loaded,
    account: Account,
    access: Access,
    doing: Doing,
}

impl Subject {
    async fn load(
        app: &App,
        by: &CaseWorker,
        site: &str,
        account: &str,
        doing: &str,
    ) -> Result<Self, Interrupt> {
        let doing = Doing::from_slug(doing).ok_or_else(Interrupt::not_found)?;
        let loaded = load(app, by, site).await?;
        let person = loaded.people.iter().find(|person| person.account_id == account);
        let access = person.ok_or_else(Interrupt::not_found)?.access;
        let account = directory_store::find_account(&app.database, account).await?;
        let account = account.ok_or_else(Interrupt::not_found)?;
        Ok(Subject { loaded, account, access, doing })
    }

    /// What somebody decides about: saving is refused where either changed meanwhile.
    fn version(&self) -> String {
        format!("{}-{}", self.account.version, self.loaded.mailbox.version)
    }

    fn show(
        &self,
        app: &App,
        visit: &Visit,
        by: &CaseWorker,
        form: Form,
        status: StatusCode,
        banner: Option<NotificationBanner>,
    ) -> Answer {
        let name = self.account.full_name();
        let until = app.clock.now().plus(Span::days(i64::from(app.settings.disabled_days_max)));
        let button = form.button(self.doing.button());
        // Whether too few owners would be left is said before, not only when none would be.
        let left: Vec<_> = self
            .loaded
            .people
            .iter()
            .filter(|person| person.account_id != self.account.id)
            .cloned()
            .collect();
        let template = PersonPage {
            layout: layout(visit, by, &self.doing.title(&name), SITES)
                .with_problems(&form)
                .back_to(self.loaded.path()),
            banner,
            site: self.loaded.called(),
            address: self.account.address.clone(),
            now: format!("Account: {}. Access: {}.", self.account.state.in_words(), self.access.in_words()),
            consequences: self.doing.consequences(until),
            few_owners: self.doing.takes_an_owner().then(|| few_owners(&left)).flatten(),
            version: self.version(),
            reason: reason_field(&form),
            confirm: form.tick(CONFIRM, &self.doing.confirmation(&name)),
            button: match self.doing {
                Doing::Enable | Doing::MakeOwner => button,
                Doing::Disable
                | Doing::MakeMember
                | Doing::Remove
                | Doing::SignOutAndRevoke
                | Doing::Freeze => button.warning(),
            },
            form,
        };
        show_with(status, &template)
    }
}

/// GET /casework/sites/{id}/people/{account}/{doing}
pub async fn page(
    Shared(app): Shared<App>,
    visit: Visit,
    by: CaseWorker,
    Path((site, account, doing)): Path<(String, String, String)>,
) -> Answer {
    let subject = Subject::load(&app, &by, &site, &account, &doing).await?;
    subject.show(&app, &visit, &by, visit.empty_form(), StatusCode::OK, None)
}

/// POST /casework/sites/{id}/people/{account}/{doing}
pub async fn save(
    Shared(app): Shared<App>,
    visit: Visit,
    by: CaseWorker,
    Path((site, account, doing)): Path<(String, String, String)>,
    fields: Fields,
) -> Answer {
    let subject = Subject::load(&app, &by, &site, &account, &doing).await?;
    let mut problems = Problems::none();
    read(&fields, &mut problems);
    if !problems.is_empty() {
        let form = visit.form(fields, problems);
        return subject.show(&app, &visit, &by, form, StatusCode::UNPROCESSABLE_ENTITY, None);
    }
    let seen = Seen::read(fields.text(VERSION));
    let words = match carry_out(&app, &by, &subject, seen, fields.text(REASON)).await? {
        Ok(()) => return go_to(done::address(&subject.loaded.path(), subject.doing)),
        Err(Declined::Refusal(refusal)) => refusal.words(),
        Err(Declined::Conflict(conflict)) => conflict.words,
    };
    // As it is now, for deciding again.
    let subject = Subject::load(&app, &by, &subject.loaded.site.id, &subject.account.id, &doing).await?;
    let form = visit.form(fields.with(CONFIRM, ""), Problems::none());
    let banner = not_done("This was not done", &words);
    subject.show(&app, &visit, &by, form, StatusCode::CONFLICT, Some(banner))
}

/// Does it, with the permit that it needs.
async fn carry_out(
    app: &App,
    by: &CaseWorker,
    subject: &Subject,
    seen: Seen,
    reason: &str,
) -> Result<Result<(), Declined<Refusal>>, Interrupt> {
    let who = Who::CaseWorker { id: by.id.clone() };
    let (account, mailbox) = (&subject.account.id, &subject.loaded.mailbox.id);
    let order = Order { seen: seen.account, reason: reason.to_owned() };
    let access = AccessOrder { account: account.clone(), seen: seen.mailbox, reason: reason.to_owned() };
    let outcome = match subject.doing {
        Doing::Disable => moves::disable(app, allowed_for_account(app, &who, account).await?, order).await,
        Doing::Enable => moves::enable(app, allowed_for_account(app, &who, account).await?, order).await,
        Doing::SignOutAndRevoke => {
            moves::sign_out_and_revoke(app, allowed_for_account(app, &who, account).await?, order).await
        }
        Doing::Freeze => {
            let permit = allowed_for_account(app, &who, account).await?;
            moves::freeze_account(app, permit, order.reason).await
        }
        Doing::MakeOwner => {
            let permit = allowed_for_mailbox(app, &who, mailbox).await?;
            moves::change_access(app, permit, access, Access::Owner).await
        }
        Doing::MakeMember => {
            let permit = allowed_for_mailbox(app, &who, mailbox).await?;
            moves::change_access(app, permit, access, Access::Member).await
        }
        Doing::Remove => {
            moves::remove_access(app, allowed_for_mailbox(app, &who, mailbox).await?, access).await
        }
    };
    Ok(without_faults(outcome)?)
}

/// The permit for a deed to an account, or the page that says why there is none.
async fn allowed_for_account<D: IsDeed>(app: &App, who: &Who, account: &str) -> Result<Permit<D>, Interrupt> {
    let subject = directory_store::subject_of_account(&app.database, account).await?;
    permit(who, subject.ok_or_else(Interrupt::not_found)?).map_err(not_allowed)
}

/// The permit for a deed to a shared mailbox, or the page that says why there is none.
pub(super) async fn allowed_for_mailbox<D: IsDeed>(
    app: &App,
    who: &Who,
    mailbox: &str,
) -> Result<Permit<D>, Interrupt> {
    let subject = directory_store::subject_of_shared_mailbox(&app.database, mailbox).await?;
    permit(who, subject.ok_or_else(Interrupt::not_found)?).map_err(not_allowed)
}

fn not_allowed(why: NotAllowed) -> Interrupt {
    match why {
        NotAllowed::NotTheirs => Interrupt::not_found(),
        NotAllowed::NotForRole | NotAllowed::LookedAfterBy(_) | NotAllowed::SiteNotOpen => {
            Interrupt::refused(StatusCode::FORBIDDEN, "You cannot do this", why.words())
        }
    }
}

/// The versions that a form was made from.
#[derive(Clone, Copy, Debug)]
struct Seen {
    account: i64,
    mailbox: i64,
}

impl Seen {
    /// One that is no pair of numbers is nobody's.
    fn read(text: &str) -> Self {
        let (account, mailbox) = text.split_once('-').unwrap_or((text, ""));
        Seen { account: version_of(account), mailbox: version_of(mailbox) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_makes_sense_is_offered() {
        let check = |state: AccountState, access: Access, expect: &[Doing]| {
            assert_eq!(Doing::of(Some(state), access), expect, "{state:?} {access:?}");
        };
        use Doing::{Disable, Enable, Freeze, MakeMember, MakeOwner, Remove, SignOutAndRevoke};
        check(AccountState::Active, Access::Owner, &[MakeMember, Disable, SignOutAndRevoke, Freeze, Remove]);
        check(AccountState::Active, Access::Member, &[MakeOwner, Disable, SignOutAndRevoke, Freeze, Remove]);
        check(AccountState::Disabled, Access::Member, &[MakeOwner, Enable, SignOutAndRevoke, Freeze, Remove]);
        check(AccountState::Pending, Access::Owner, &[MakeMember, Freeze, Remove]);
        check(AccountState::Frozen, Access::Owner, &[MakeMember, SignOutAndRevoke, Remove]);
        for doing in Doing::ALL.iter().copied() {
            assert_eq!(Doing::from_slug(doing.slug()), Some(doing));
            assert!(doing.title("Amy Reed").contains("Amy Reed"));
        }
    }
}
