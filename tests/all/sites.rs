//! The central team looks after sites that have joined: who may use a shared mailbox, who is away, and
//! what happens when a phone is lost.

use crate::guest::{Guest, does_all_work, run};
use crate::harness::{Got, Harness, Home};
use carepost::database::Reads;
use carepost::directory;
use carepost::letter::store::list_newest;
use carepost::sign_in::session::SessionKind;

fn sees(got: &Got, words: &str) {
    assert!(got.body.contains(words), "“{words}” is not on this page:\n{}", got.body);
}

/// A word as a form's hidden field has it.
fn hidden(got: &Got, name: &str) -> String {
    let start = format!("name=\"{name}\" value=\"");
    let rest = got.body.split(&start).nth(1).unwrap_or_else(|| panic!("no {name} on:\n{}", got.body));
    rest.split('"').next().unwrap_or("").to_owned()
}

async fn casey(harness: &Harness) -> Guest<'_> {
    let worker = harness.case_worker("casey@carepost.example").await;
    Guest::with(harness, SessionKind::CaseWorker, &worker).await
}

fn person(home: &Home, account: &str, doing: &str) -> String {
    format!("/casework/sites/{}/people/{account}/{doing}", home.site)
}

/// Opens the page and does what it is for.
async fn does(casey: &mut Guest<'_>, path: &str) -> Got {
    let page = casey.get(path).await;
    assert_eq!(page.status, 200, "{path}: {}", page.body);
    let version = hidden(&page, "version");
    casey.post(path, &[("version", &version), ("reason", "Asha Patel called."), ("confirm", "yes")]).await
}

async fn letters_to(harness: &Harness, email: &str) -> Vec<String> {
    does_all_work(harness).await;
    let letters = list_newest(&harness.app.database, email).await.expect("letters");
    letters.into_iter().rev().map(|letter| letter.name).collect()
}

async fn access_of(harness: &Harness, home: &Home) -> Vec<(String, String)> {
    let people =
        directory::store::list_people(&carepost::directory::Scope::All, &harness.app.database, &home.site)
            .await
            .expect("listed");
    people.into_iter().map(|person| (person.first_name, person.access.stored().to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_site_is_found_by_what_people_say() {
    let harness = Harness::new(false).await;
    let home = harness.home("VM195").await;
    harness.home("VM196").await;
    let mut casey = casey(&harness).await;
    let path = format!("/casework/sites/{}", home.site);
    let typed = [
        "Rose Court 195",
        "rose court 195",
        "court 195",
        "vm195",
        "1-195",
        "care.vm195",
        "Care.VM195@carepost.example",
        "asha.patel@carepost.example",
    ];
    for typed in typed {
        let got = casey.get(&format!("/casework/sites?q={}", carepost::web::form::encoded(typed))).await;
        sees(&got, &path);
        assert!(!got.body.contains("Rose Court 196<"), "{typed} finds the other one, too");
    }
    for typed in ["rose", "LN11AA", "ln1 1aa", ""] {
        let got = casey.get(&format!("/casework/sites?q={}", carepost::web::form::encoded(typed))).await;
        sees(&got, "Rose Court 195");
        sees(&got, "Rose Court 196");
    }
    for typed in ["%", "_", "ose", "nobody@carepost.example", "Rose Court 1957"] {
        let got = casey.get(&format!("/casework/sites?q={}", carepost::web::form::encoded(typed))).await;
        sees(&got, "Nothing found");
    }
    let got = casey.get(&path).await;
    sees(&got, "Only one owner of this site has an active account");
    sees(&got, "care.vm195@carepost.example");
    casey.get(&path).await;
    let (looks,): (i64,) = harness
        .app
        .database
        .one("SELECT COUNT(*) FROM audit_entries WHERE action = 'site looked at'", &[])
        .await
        .expect("read");
    assert_eq!(looks, 1, "who looks is an entry, once an hour");
    assert_eq!(casey.get("/casework/sites/nowhere").await.status, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_who_is_away_is_signed_out_at_once_and_comes_back() {
    let harness = Harness::new(false).await;
    let home = harness.home("VM195").await;
    let mut casey = casey(&harness).await;
    let mut bo = Guest::with(&harness, SessionKind::AccountHolder, &home.bo).await;
    let program = bo.post("/my-account/mail-programs/add", &[("name", "Phone")]).await;
    assert_eq!(program.status, 200);

    let disable = person(&home, &home.bo, "disable");
    let page = casey.get(&disable).await;
    sees(&page, "Disable the account of Bo Li");
    sees(&page, "until 24 May 2028 at most");
    let version = hidden(&page, "version");
    let got = casey.post(&disable, &[("version", &version)]).await;
    assert_eq!(got.status, 422);
    sees(&got, "Enter the reason");
    sees(&got, "Tick the box");
    let stale = casey.post(&disable, &[("version", "0-0"), ("reason", "x"), ("confirm", "yes")]).await;
    assert_eq!(stale.status, 409);
    sees(&stale, "Somebody else changed");
    assert_eq!(bo.get("/my-account").await.status, 200);

    let done = does(&mut casey, &disable).await;
    assert_eq!(done.location, format!("/casework/sites/{}?done=disable", home.site));
    assert_eq!(bo.get("/my-account").await.location, "/sign-in");
    let hash = carepost::sign_in::session::browser_hash(&bo.browser);
    let sessions = carepost::sign_in::store::list_sessions(&harness.app.database, &hash).await;
    assert_eq!(sessions.expect("read").len(), 0, "ended, not only refused");
    let site = casey.get(&format!("/casework/sites/{}?done=disable", home.site)).await;
    sees(&site, "The account is disabled.");
    sees(&site, "Until 24 May 2028 at most");
    sees(&site, "Asha Patel called.");
    let kept =
        directory::store::list_app_passwords_in_force(&harness.app.database, &home.bo).await.expect("read");
    assert_eq!(kept.len(), 1, "nothing else is revoked");
    let again = does(&mut casey, &disable).await;
    assert_eq!(again.status, 409);
    sees(&again, "The account of Bo Li is not active.");

    assert_eq!(does(&mut casey, &person(&home, &home.bo, "enable")).await.status, 303);
    assert_eq!(bo.get("/my-account").await.location, "/sign-in", "an old session does not come back");
    let letters = letters_to(&harness, "bo.195@home.example").await;
    assert_eq!(letters, ["app password made", "account disabled", "account enabled"]);
    let work: Vec<(String,)> = harness
        .app
        .database
        .all("SELECT kind FROM outbox WHERE kind LIKE 'Provision%' ORDER BY queued_at, id", &[])
        .await
        .expect("read");
    assert_eq!(
        work.iter().filter(|(kind,)| kind == "ProvisionAccount").count(),
        2 + 1,
        "what waits is done once for all that has changed"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_site_keeps_its_last_owner() {
    let harness = Harness::new(false).await;
    let home = harness.home("VM195").await;
    let mut casey = casey(&harness).await;
    for doing in ["disable", "make-member", "remove"] {
        let got = does(&mut casey, &person(&home, &home.asha, doing)).await;
        assert_eq!(got.status, 409, "{doing}");
        sees(&got, "Asha Patel is the only owner of Rose Court 195 whose account is active");
    }
    assert_eq!(does(&mut casey, &person(&home, &home.bo, "make-owner")).await.status, 303);
    assert_eq!(does(&mut casey, &person(&home, &home.asha, "make-member")).await.status, 303);
    let people = access_of(&harness, &home).await;
    assert_eq!(people, [("Asha".to_owned(), "Member".to_owned()), ("Bo".to_owned(), "Owner".to_owned())]);
    assert_eq!(does(&mut casey, &person(&home, &home.asha, "remove")).await.status, 303);
    assert_eq!(access_of(&harness, &home).await, [("Bo".to_owned(), "Owner".to_owned())]);
    assert_eq!(casey.get(&person(&home, &home.asha, "remove")).await.status, 404);
    let site = casey.get(&format!("/casework/sites/{}", home.site)).await;
    for words in
        ["Member made an owner", "Owner made a member", "Access removed", "Asha Patel", "Casey Worker"]
    {
        sees(&site, words);
    }
    assert_eq!(
        letters_to(&harness, "asha.patel@carepost.example").await,
        ["access changed", "access changed"]
    );
    // Whoever has no access any more finds the mailbox nowhere.
    let mut asha = Guest::with(&harness, SessionKind::AccountHolder, &home.asha).await;
    assert!(!asha.get("/my-account").await.body.contains("care.vm195"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_owners_who_go_at_once_one_stays() {
    let harness = Harness::new(false).await;
    let home = harness.home("VM195").await;
    run(&harness, "UPDATE shared_mailbox_access SET access = 'Owner'").await;
    let worker = harness.case_worker("casey@carepost.example").await;
    let browser = Harness::browser();
    harness.begins(&browser, SessionKind::CaseWorker, &worker).await;
    for account in [&home.asha, &home.bo] {
        let page = harness.get(&person(&home, account, "disable"), &browser).await;
        sees(&page, "Only one owner of this site has an active account");
    }
    let going = [&home.asha, &home.bo].map(async |account| {
        let fields = [("version", "1-1"), ("reason", "Away."), ("confirm", "yes")];
        harness.post(&person(&home, account, "disable"), &browser, &fields).await.status
    });
    let mut statuses = futures_util::future::join_all(going).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 409]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_phone_opens_nothing_any_more() {
    let harness = Harness::new(false).await;
    let home = harness.home("VM195").await;
    let mut casey = casey(&harness).await;
    let mut bo = Guest::with(&harness, SessionKind::AccountHolder, &home.bo).await;
    let mut half = Guest::with(&harness, SessionKind::SettingUpApp, &home.bo).await;
    for name in ["Phone", "Computer"] {
        bo.post("/my-account/mail-programs/add", &[("name", name)]).await;
    }
    assert_eq!(does(&mut casey, &person(&home, &home.bo, "sign-out")).await.status, 303);
    assert_eq!(bo.get("/my-account").await.location, "/sign-in");
    assert_eq!(half.get("/sign-in/app").await.location, "/sign-in");
    let kept =
        directory::store::list_app_passwords_in_force(&harness.app.database, &home.bo).await.expect("read");
    assert_eq!(kept.len(), 0);
    let letters = letters_to(&harness, "bo.195@home.example").await;
    assert_eq!(letters, ["app password made", "app password made", "taken out"]);
    let (waiting,): (i64,) = harness
        .app
        .database
        .one("SELECT COUNT(*) FROM outbox WHERE kind = 'ProvisionAccount' AND subject = $1", &[&home.bo])
        .await
        .expect("read");
    assert_eq!(waiting, 2, "the first, and one for all that has changed since");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_of_another_site_is_given_access_after_a_look_at_who_it_is() {
    let harness = Harness::new(false).await;
    let home = harness.home("VM195").await;
    let other = harness.home("VM196").await;
    let mut casey = casey(&harness).await;
    let path = format!("/casework/sites/{}/give-access", home.site);
    assert_eq!(casey.get(&path).await.status, 200);
    let got = casey.post(&path, &[]).await;
    assert_eq!(got.status, 422);
    for words in ["Enter the email address", "Select what they may do", "Enter the reason"] {
        sees(&got, words);
    }
    for (typed, words) in [
        ("amy@other.example", "ending in @carepost.example"),
        ("nobody@carepost.example", "No account has the address"),
        ("care.vm196@carepost.example", "No account has the address"),
    ] {
        let got =
            casey.post(&path, &[("address", typed), ("access", "member"), ("reason", "New here.")]).await;
        assert_eq!(got.status, 422);
        sees(&got, words);
    }
    let mut fields = vec![
        ("address", "Bo.Li1@carepost.example"),
        ("access", "member"),
        ("reason", "New here."),
        ("confirm", "yes"),
    ];
    let seen = casey.post(&path, &fields).await;
    assert_eq!(seen.status, 200, "not before somebody has looked");
    sees(&seen, "Is this the person?");
    sees(&seen, "Rose Court 196, Lincoln");
    let account = hidden(&seen, "account");
    assert_eq!(account, other.bo);
    fields.push(("account", &account));
    assert_eq!(
        casey.post(&path, &fields).await.location,
        format!("/casework/sites/{}?done=given", home.site)
    );
    assert_eq!(access_of(&harness, &home).await.len(), 3);
    let again = casey.post(&path, &fields).await;
    assert_eq!(again.status, 422);
    sees(&again, "Bo Li is a member of this shared mailbox already");
    assert_eq!(letters_to(&harness, "bo.li1@carepost.example").await, ["access given"]);
    let mut bo = Guest::with(&harness, SessionKind::AccountHolder, &other.bo).await;
    sees(&bo.get("/my-account").await, "care.vm195@carepost.example");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_address_of_the_site_before_leads_to_the_one_after() {
    let harness = Harness::new(false).await;
    let home = harness.home("VM195").await;
    harness.home("VM196").await;
    run(
        &harness,
        "INSERT INTO addresses (canonical, stem, number, names, taken_at)
         VALUES ('care.vm100@carepost.example', 'care.vm100', 0, 'gone', 1), ('amy.reed@carepost.example', 'amy.reed', 0, 'gone', 1)",
    )
    .await;
    let mut casey = casey(&harness).await;
    let path = format!("/casework/sites/{}/add-address", home.site);
    assert_eq!(casey.get(&path).await.status, 200);
    assert_eq!(casey.post(&path, &[]).await.status, 422);
    let try_it = async |casey: &mut Guest<'_>, typed: &str| {
        casey.post(&path, &[("address", typed), ("reason", "The home was sold."), ("confirm", "yes")]).await
    };
    for (typed, words) in [
        ("care.vm999@carepost.example", "was never the address of a site"),
        ("amy.reed@carepost.example", "was never the address of a site"),
        ("care.vm196@carepost.example", "leads to a mailbox that is in use"),
        ("care.vm195@carepost.example", "leads to a mailbox that is in use"),
    ] {
        let got = try_it(&mut casey, typed).await;
        assert_eq!(got.status, 422);
        sees(&got, words);
    }
    assert_eq!(try_it(&mut casey, " Care.VM100@carepost.example").await.status, 303);
    let got = try_it(&mut casey, "care.vm100@carepost.example").await;
    sees(&got, "leads to a mailbox that is in use");
    let site = casey.get(&format!("/casework/sites/{}?done=address", home.site)).await;
    sees(&site, "care.vm100@carepost.example");
    sees(&site, "The home was sold.");
    let aliases = directory::store::list_aliases(&harness.app.database, &home.shared_mailbox).await;
    assert_eq!(aliases.expect("listed"), ["care.vm100@carepost.example"]);
    sees(&casey.get("/casework/sites?q=care.vm100").await, "Rose Court 195");
    does_all_work(&harness).await;
}
