use super::people::HOME_INSTEAD;
use super::world::World;

/// As a home that somebody else registers I am told through the address CQC has, and stop it.
#[test]
fn this_was_not_us() {
    // Nobody decides before the home has read its mail: the proof is a call that has not been made.
    let world = World::new();
    let mallory = world.person("mallory@elsewhere.example");
    mallory.starts_a_registration();
    mallory.finds(&HOME_INSTEAD);
    mallory.presses("Continue");
    mallory.chooses("With a call from our team");
    mallory.presses("Continue");
    mallory.fills("Who should we ask for?", "Mallory Moss");
    mallory.fills("When can we call?", "any time");
    mallory.presses("Continue");
    mallory.gives_the_town("Oldham");
    mallory.adds_two_people();
    mallory.sends_it();
    world.does_all_work();
    assert_eq!(world.state_of("Home Instead"), "Referred");

    let manager = world.person(HOME_INSTEAD.contact);
    let link = manager.link_from(HOME_INSTEAD.contact, "notice to the site");
    // A program that tries links changes nothing.
    manager.goes_to(&link);
    manager.goes_to(&link);
    assert_eq!(world.state_of("Home Instead"), "Referred");
    manager.sees("If neither you nor your colleagues did this, stop it.");
    manager.presses("This was not us: stop it");
    manager.sees("Nothing has been set up");
    assert_eq!(world.state_of("Home Instead"), "Stopped");
    assert!(world.letter("mallory@elsewhere.example", "registration stopped").contains("We have stopped it"));

    // Two case workers look into it; until both have, nobody gets the site approved.
    for (email, reason) in [
        ("casey@carepost.example", "Spoke to the manager on the number CQC has."),
        ("kim@carepost.example", "The manager has written to us, too."),
    ] {
        world.add_case_worker(email, "A Worker");
        let worker = world.person(email);
        worker.signs_in_as_case_worker();
        worker.follows("Urgent: 1 site or account is frozen");
        worker.follows("Home Instead (VN4F6)");
        worker.fills("Reason", reason);
        worker.presses(if email.starts_with("casey") {
            "Agree to lift the freeze"
        } else {
            "Lift the freeze"
        });
    }

    // The home itself can still register afterwards.
    let amy = world.person("amy@homeinstead.example");
    amy.starts_a_registration();
    amy.finds(&HOME_INSTEAD);
    amy.sees("Your DSPT is in place");
    assert!(world.letter("helpdesk@carepost.example", "urgent: not us").contains("The site is frozen"));
    world.ignores_letters(&["registration received"]);
}

/// As anybody with a link that was touched I get nowhere.
#[test]
fn a_link_that_was_touched_leads_nowhere() {
    let world = World::new();
    let eve = world.person("eve@elsewhere.example");
    eve.goes_to("/stop/0199f0c0-0000-7000-8000-000000000000.00000000000000000000000000000000");
    eve.sees("This link no longer works");
}
