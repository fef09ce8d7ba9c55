use super::people::HOME_INSTEAD;
use super::world::World;

/// As the second case worker I am told that somebody was faster, and nothing of mine takes effect.
#[test]
fn two_people_decide_at_once() {
    let world = World::new();
    world.add_case_worker("casey@carepost.example", "Casey Worker");
    world.add_case_worker("sam@carepost.example", "Sam Second");
    let amy = world.person("amy@homeinstead.example");
    amy.starts_a_registration();
    amy.finds(&HOME_INSTEAD);
    amy.presses("Continue");
    amy.chooses("With a call from our team");
    amy.presses("Continue");
    amy.fills("Who should we ask for?", "Amy Reed");
    amy.fills("When can we call?", "mornings");
    amy.presses("Continue");
    amy.gives_the_town("Oldham");
    amy.adds_two_people();
    amy.sends_it();
    let reference = amy.reference();
    world.does_all_work();

    let casey = world.person("casey@carepost.example");
    casey.signs_in_as_case_worker();
    casey.follows(&reference);
    let sam = world.person("sam@carepost.example");
    sam.signs_in_as_case_worker();
    sam.follows(&reference);
    sam.presses("Decline");
    sam.selects("Reason", "REJ-08");
    sam.fills("In your own words (optional)", "The number did not answer.");
    sam.presses("See the letter");

    casey.presses("Approve");
    sam.presses("Decline and send the letter");
    sam.sees("Casey Worker");
    world.does_all_work();
    assert_eq!(world.state_of("Home Instead"), "Provisioning");
    assert!(
        world
            .letters_to("amy@homeinstead.example")
            .iter()
            .all(|(letter, _)| letter.name != "registration declined")
    );
    world.ignores_letters(&[
        "registration received",
        "registration approved",
        "notice to the site",
        "activation",
    ]);
}

/// As somebody who guesses I do not get in, however I try.
#[test]
fn nobody_signs_in_without_password_and_code() {
    let world = World::new();
    world.add_case_worker("casey@carepost.example", "Casey Worker");
    let eve = world.person("casey@carepost.example");
    eve.goes_to("/casework");
    eve.is_on("/casework/sign-in");
    eve.fills("Email address", "casey@carepost.example");
    eve.fills("Password", "wrong wrong wrong");
    eve.presses("Continue");
    eve.is_on("/casework/sign-in");
    let said = eve.text();
    eve.fills("Email address", "nobody@carepost.example");
    eve.fills("Password", "wrong wrong wrong");
    eve.presses("Continue");
    assert_eq!(said, eve.text(), "an address that is known and one that is not look alike");
    eve.fills("Email address", "casey@carepost.example");
    eve.fills("Password", super::world::PASSWORD);
    eve.presses("Continue");
    eve.goes_to("/casework");
    eve.is_on("/casework/sign-in");
}
