use super::people::HOME_INSTEAD;
use super::world::World;
use crate::mail::clients::{Imap, Smtp};

const BO: &str = "bo.li@carepost.example";
const HOME: &str = "care.vn4f6@carepost.example";

/// A care home registers; as one of its people I give my computer an app password, and read and answer
/// the home's mail with it; and when the central team switches my account off, I am out.
#[test]
fn opens_the_mail_of_the_home() {
    let Some(world) = World::with_mail_servers() else { return };
    let amy = world.person("amy@homeinstead.example");
    amy.answers_everything(&HOME_INSTEAD);
    amy.sends_it();
    world.does_all_work();
    world.everybody_activates();
    world.does_all_work();
    world.ignores_letters(&[
        "registration received",
        "registration approved",
        "notice to the site",
        "registration live",
        "activation",
        "activated",
        "app password made",
        "account disabled",
    ]);

    let bo = world.person("bo.li@personal.example");
    bo.signs_in(BO);
    bo.follows("Mail programs");
    bo.presses("Add a mail program");
    bo.fills("Name", "Reception computer");
    bo.presses("Make an app password");
    let password = bo.copies("app-secret--large");
    world.does_all_work();

    let settings = &world.app.settings;
    let (imap_port, smtp_port, submission_port) =
        (settings.imap_port, settings.smtp_port, settings.submission_port);
    world.wait(async {
        let from_outside =
            format!("From: ward@trust.example\r\nTo: {HOME}\r\nSubject: Discharge\r\n\r\nToday at two.");
        let mut outside = Smtp::outside(smtp_port).await;
        assert_eq!(outside.send("ward@trust.example", &[HOME], &from_outside).await.0, 250);
        let mut found = Vec::new();
        while found.is_empty() {
            let mut imap = Imap::signed_in(imap_port, BO, &password).await;
            found = imap.find("Shared/care.vn4f6", "Discharge").await;
        }
        assert!(found[0].contains("Today at two."), "{}", found[0]);
        let mut smtp = Smtp::signed_in(submission_port, BO, &password).await;
        let answer = format!("From: {HOME}\r\nTo: {BO}\r\nSubject: Re: Discharge\r\n\r\nWe are ready.");
        assert_eq!(smtp.send(HOME, &[BO], &answer).await.0, 250);
        let mut sent = Vec::new();
        while sent.is_empty() {
            let mut imap = Imap::signed_in(imap_port, BO, &password).await;
            sent = imap.find("Shared/care.vn4f6/Sent", "Re: Discharge").await;
        }
    });

    world.add_case_worker("casey@carepost.example", "Casey Worker");
    let casey = world.person("casey@carepost.example");
    casey.signs_in_as_case_worker();
    casey.goes_to("/casework/sites?q=home+inst");
    casey.follows("Home Instead");
    casey.follows("Disable: Bo Li");
    casey.fills("Reason", "He is away until spring.");
    casey.chooses("Yes, disable the account of Bo Li");
    casey.presses("Disable the account");
    casey.sees("The account is disabled");
    world.does_all_work();
    bo.goes_to("/my-account");
    bo.is_on("/sign-in");
    world.wait(async {
        let mut imap = Imap::program(imap_port).await;
        assert!(imap.sign_in(BO, &password).await.1.starts_with("NO"));
        let mut smtp = Smtp::program(submission_port).await;
        assert_eq!(smtp.sign_in(BO, &password).await.0, 535);
        let mut outside = Smtp::outside(smtp_port).await;
        let text = format!("From: ward@trust.example\r\nTo: {BO}\r\nSubject: Late\r\n\r\nHi");
        assert_eq!(outside.send("ward@trust.example", &[BO], &text).await.0, 550);
    });
}
