use super::people::HOME_INSTEAD;
use super::world::World;
use carepost::clock::Span;

/// As the central team we let no single person approve what looks like fraud.
#[test]
fn high_risk_needs_two_different_case_workers() {
    // Every registration is one too many from its browser.
    let world = World::with(|settings| settings.registrations_a_person_max = 0);
    world.add_case_worker("casey@carepost.example", "Casey Worker");
    world.add_case_worker("sam@carepost.example", "Sam Second");
    let amy = world.person("amy@homeinstead.example");
    amy.answers_everything(&HOME_INSTEAD);
    amy.sends_it();
    let reference = amy.reference();
    world.does_all_work();
    assert_eq!(world.state_of("Home Instead"), "Referred");

    let casey = world.person("casey@carepost.example");
    casey.signs_in_as_case_worker();
    casey.follows(&reference);
    casey.presses("Approve");
    world.does_all_work();
    assert_eq!(world.state_of("Home Instead"), "Referred", "one is not enough");
    casey.goes_to("/casework");
    casey.follows(&reference);
    casey.sees("second");

    let sam = world.person("sam@carepost.example");
    sam.signs_in_as_case_worker();
    sam.follows(&reference);
    sam.sees("Casey Worker");
    sam.presses("Approve");
    world.does_all_work();
    assert_eq!(world.state_of("Home Instead"), "Provisioning");
    world.ignores_letters(&[
        "registration received",
        "registration approved",
        "notice to the site",
        "activation",
    ]);
}

/// As a registrant I lose nothing when the mail engine is down: the work waits and finishes.
#[test]
fn the_mail_engine_is_down_for_a_while() {
    let world = World::new();
    world.mail.set_down(true);
    let amy = world.person("amy@homeinstead.example");
    amy.answers_everything(&HOME_INSTEAD);
    amy.sends_it();
    world.does_all_work();
    assert_eq!(world.state_of("Home Instead"), "Approved");
    assert!(world.mail.mailboxes().is_empty());
    world.mail.set_down(false);
    world.time_passes(Span::minutes(2));
    world.does_all_work();
    assert_eq!(world.state_of("Home Instead"), "Provisioning");
    assert_eq!(world.mail.mailboxes().len(), 3);
    // One activation letter each, however often it was tried.
    assert_eq!(world.letters_to("amy.reed@personal.example").len(), 1);
    world.ignores_letters(&[
        "registration received",
        "registration approved",
        "notice to the site",
        "activation",
    ]);
}
