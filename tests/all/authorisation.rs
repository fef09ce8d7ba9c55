//! Every route as everybody, against a file that somebody has reviewed.

use crate::guest::run;
use crate::harness::{Got, Harness};
use carepost::routes;
use carepost::sign_in::session::SessionKind;
use std::fmt::Write;

/// Who knocks.
const ACTORS: [&str; 12] = [
    "anonymous",
    "registrant",
    "other registrant",
    "half signed in",
    "case worker",
    "activating",
    "holder half in",
    "setting up app",
    "account holder",
    "other holder",
    "disabled holder",
    "revoked",
];

/// A path with something that exists in place of its names.
fn concrete(path: &str, registration: &str, reference: &str) -> String {
    path.replace("{page}", "social-care")
        .replace("{place}", "1")
        .replace("{reference}", reference)
        .replace("{token}", "made-up.token")
        .replace("{id}", registration)
        .replace("{name}", "none.css")
        .replace("{article}", "dspt")
        .replace("{section}", "joining")
        .replace("{component}", "mail")
        .replace("{subject}", if path.starts_with("/feedback") { "hospice" } else { "email" })
}

fn outcome(got: &Got, registration: &str, site: &str, reference: &str) -> String {
    let place =
        got.location.replace(registration, "{id}").replace(site, "{id}").replace(reference, "{reference}");
    let place = place.split('?').next().unwrap_or("");
    if place.is_empty() { got.status.to_string() } else { format!("{} {place}", got.status) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::disallowed_methods, reason = "the golden files are written on request")]
async fn every_route_as_everybody() {
    let mut table = String::from(
        "# Every route as everybody. Generated from the router; review each difference.\n\
         # method path (policy): actor = status and where it leads\n",
    );
    for route in routes::all() {
        let _ = writeln!(table, "{} {} ({:?})", route.method, route.path, route.policy);
        for actor in ACTORS {
            let harness = Harness::new(false).await;
            let own = harness.draft(|draft| draft.answers.social_care = Some(true)).await;
            let other = harness.draft(|_| {}).await;
            let worker = harness.case_worker("casey@carepost.example").await;
            let home = harness.home("VM195").await;
            let browser = Harness::browser();
            match actor {
                "registrant" => harness.begins(&browser, SessionKind::Registrant, &own.id).await,
                "other registrant" => harness.begins(&browser, SessionKind::Registrant, &other.id).await,
                "half signed in" => harness.begins(&browser, SessionKind::HalfSignedIn, &worker).await,
                "case worker" => harness.begins(&browser, SessionKind::CaseWorker, &worker).await,
                "activating" => harness.begins(&browser, SessionKind::Activating, "nobody no-link").await,
                "holder half in" => {
                    harness.begins(&browser, SessionKind::HolderHalfSignedIn, &home.asha).await
                }
                "setting up app" => {
                    harness.begins(&browser, SessionKind::SettingUpApp, &home.asha).await;
                    run(
                        &harness,
                        "INSERT INTO authenticators (id, account_id, made_at)
                         SELECT 'waits', id, 1 FROM accounts WHERE address LIKE 'asha.patel@%'",
                    )
                    .await;
                }
                "account holder" => harness.begins(&browser, SessionKind::AccountHolder, &home.asha).await,
                "other holder" => {
                    let elsewhere = harness.home("VM196").await;
                    harness.begins(&browser, SessionKind::AccountHolder, &elsewhere.bo).await;
                }
                "disabled holder" => {
                    for kind in [
                        SessionKind::HolderHalfSignedIn,
                        SessionKind::SettingUpApp,
                        SessionKind::AccountHolder,
                    ] {
                        harness.begins(&browser, kind, &home.asha).await;
                    }
                    run(&harness, "UPDATE accounts SET state = 'Disabled'").await;
                }
                "revoked" => {
                    for kind in [
                        SessionKind::Registrant,
                        SessionKind::StatusReader,
                        SessionKind::CaseWorker,
                        SessionKind::HalfSignedIn,
                        SessionKind::Activating,
                        SessionKind::HolderHalfSignedIn,
                        SessionKind::SettingUpApp,
                        SessionKind::AccountHolder,
                    ] {
                        let subject = match kind {
                            SessionKind::CaseWorker | SessionKind::HalfSignedIn => &worker,
                            SessionKind::HolderHalfSignedIn
                            | SessionKind::SettingUpApp
                            | SessionKind::AccountHolder => &home.asha,
                            SessionKind::Registrant | SessionKind::StatusReader | SessionKind::Activating => {
                                &own.id
                            }
                        };
                        harness.begins(&browser, kind, subject).await;
                    }
                    // Whatever the browser held ends, as it does when somebody signs out elsewhere.
                    harness.app.clock.advance(carepost::clock::Span::days(2));
                }
                _ => {}
            }
            let path = if route.path.starts_with("/casework/sites") {
                concrete(route.path, &home.site, own.reference.as_str())
                    .replace("{account}", &home.bo)
                    .replace("{doing}", "disable")
            } else {
                concrete(route.path, &own.id, own.reference.as_str())
            };
            let got = match route.method {
                "GET" => harness.get(&path, &browser).await,
                _ => harness.post(&path, &browser, &[]).await,
            };
            assert!(got.status < 500, "{} {path} as {actor}: {got:?}", route.method);
            let _ = writeln!(
                table,
                "    {actor} = {}",
                outcome(&got, &own.id, &home.site, own.reference.as_str())
            );
        }
    }
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/all/authorisation.txt");
    if std::env::var("CAREPOST_TEST_GOLDEN").is_ok() {
        std::fs::write(file, &table).expect("written");
    }
    let reviewed = std::fs::read_to_string(file).expect("the reviewed file");
    for (line, (now, then)) in table.lines().zip(reviewed.lines()).enumerate() {
        assert_eq!(now, then, "line {} of the table of routes", line + 1);
    }
    assert_eq!(
        table.lines().count(),
        reviewed.lines().count(),
        "routes were added or removed: run `make golden` and review"
    );
}

/// Pages of a case worker open to nobody else, whatever the table says.
#[test]
fn case_work_is_for_case_workers() {
    use carepost::sign_in::Policy;
    for route in routes::all() {
        let is_case_work =
            route.path.starts_with("/casework") && !route.path.starts_with("/casework/sign-in");
        assert_eq!(is_case_work, route.policy == Policy::CaseWorker, "{} {}", route.method, route.path);
        let is_own = route.path.starts_with("/my-account") || route.path == "/sign-out";
        assert_eq!(is_own, route.policy == Policy::AccountHolder, "{} {}", route.method, route.path);
        assert_eq!(route.path.starts_with("/demo"), route.policy == Policy::Demo, "{}", route.path);
    }
}
