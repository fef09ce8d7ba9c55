use super::people::HOME_INSTEAD;
use super::world::World;
use carepost::clock::Span;

/// As a manager who is called away I come back on another computer, and nothing is lost and nothing
/// is left behind.
#[test]
fn saves_and_returns() {
    let world = World::new();
    let amy = world.person("amy@homeinstead.example");
    amy.starts_a_registration();
    amy.finds(&HOME_INSTEAD);
    amy.presses("Continue");
    amy.proves_with_the_contact_id(&HOME_INSTEAD);
    amy.gives_the_town("Oldham");
    amy.adds("Amy", "Reed", "amy.reed@personal.example", "07700 900101", "Owner");

    // The office computer goes to sleep; somebody else sits down at it.
    world.time_passes(Span::hours(2));
    amy.goes_to("/register/people");
    amy.is_on("/register/return");
    amy.does_not_see("amy.reed@personal.example");

    let amy_at_home = world.person("amy@homeinstead.example");
    amy_at_home.goes_to("/register");
    amy_at_home.follows("Continue a registration you have started");
    amy_at_home.fills("Your email address", "Amy@HomeInstead.example ");
    amy_at_home.presses("Continue");
    amy_at_home.sees("Check your email");

    // A wrong code is said to be wrong, and nothing is opened.
    amy_at_home.fills("Code", "000000");
    amy_at_home.presses("Continue");
    amy_at_home.sees("The code is not right");
    amy_at_home.fills("Code", &amy_at_home.code_from("amy@homeinstead.example", "email code"));
    amy_at_home.presses("Continue");
    amy_at_home.is_on("/register/people");
    amy_at_home.sees("Amy Reed");
    // What was typed about people is masked for whoever comes back with a code alone.
    amy_at_home.does_not_see("amy.reed@personal.example");
    amy_at_home.sees("07••• •••101");

    amy_at_home.adds("Bo", "Li", "bo.li@personal.example", "07700 900102", "Member");
    // Changing a person without typing their contacts again keeps them.
    amy_at_home.follows("Change Amy Reed");
    amy_at_home.fills("Role at the site", "Registered manager");
    amy_at_home.presses("Save this person");
    amy_at_home.presses("Continue");
    amy_at_home.sends_it();
    world.does_all_work();
    assert_eq!(world.state_of("Home Instead"), "Provisioning");
    assert!(world.letter("amy.reed@personal.example", "activation").contains("amy.reed@carepost.example"));

    amy_at_home.presses("Close on this computer");
    amy_at_home.sees("Nothing of your registration is left in this browser");
    amy_at_home.goes_to("/register/summary");
    amy_at_home.is_on("/register/return");
    world.ignores_letters(&[
        "registration received",
        "registration approved",
        "notice to the site",
        "activation",
    ]);
}

/// As somebody else I cannot find out whether an address has a registration.
#[test]
fn nobody_learns_whether_there_is_a_draft() {
    let world = World::new();
    let eve = world.person("eve@elsewhere.example");
    eve.goes_to("/register/return");
    eve.fills("Your email address", "nobody@homeinstead.example");
    eve.presses("Continue");
    eve.sees("If there is a registration with nobody@homeinstead.example, we have sent a code");
    assert!(world.letters_to("nobody@homeinstead.example").is_empty());
}
