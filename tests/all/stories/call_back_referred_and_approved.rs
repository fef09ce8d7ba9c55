use super::people::HOME_INSTEAD;
use super::world::World;

/// As a registrant who cannot find the contact ID I ask for a call, and a case worker decides with
/// everything beside it.
#[test]
fn call_back_referred_and_approved() {
    let world = World::new();
    world.add_case_worker("casey@carepost.example", "Casey Worker");
    let amy = world.person("amy@homeinstead.example");
    amy.starts_a_registration();
    amy.finds(&HOME_INSTEAD);
    amy.presses("Continue");
    amy.chooses("With the CQC contact ID");
    amy.presses("Continue");
    amy.fills("What is the CQC contact ID?", "1-7000000001");
    amy.presses("Continue");
    amy.sees("This contact ID is not the one CQC gave us for the site");
    amy.follows("I cannot find it. Show it in another way");
    amy.chooses("With a call from our team");
    amy.presses("Continue");
    amy.presses("Continue");
    amy.sees("Enter when we can call");
    amy.fills("Who should we ask for?", "Amy Reed");
    amy.fills("When can we call?", "weekdays after 2pm");
    amy.presses("Continue");
    amy.gives_the_town("Oldham");
    amy.adds_two_people();
    amy.sends_it();
    let reference = amy.reference();
    world.does_all_work();
    assert_eq!(world.state_of("Home Instead"), "Referred");
    amy.follows("See how your registration is doing");
    amy.sees("With our team");
    amy.sees("To be looked at");

    let casey = world.person("casey@carepost.example");
    casey.signs_in_as_case_worker();
    casey.takes_a_picture("queue");
    casey.follows(&reference);
    casey.sees("Call the site before you approve");
    casey.sees("weekdays after 2pm");
    casey.sees("Amy Reed");
    casey.takes_a_picture("case");

    // First a question, which the registrant answers on the status page.
    casey.presses("Ask for more information");
    casey.presses("Send the question");
    casey.fills("What do you need to know?", "Who is the deputy?");
    casey.presses("Send the question");
    assert_eq!(world.state_of("Home Instead"), "MoreInformationAsked");
    assert!(world.letter("amy@homeinstead.example", "more information asked").contains("Who is the deputy?"));
    amy.goes_to(&format!("/registration/{reference}"));
    amy.sees("Who is the deputy?");
    amy.fills("Your answer", "Bo Li is the deputy.");
    amy.presses("Send answer");
    assert_eq!(world.state_of("Home Instead"), "Referred");

    casey.goes_to("/casework");
    casey.follows(&reference);
    casey.sees("Bo Li is the deputy.");
    casey.fills("Add a note", "Spoke to Amy Reed on the number CQC publishes.");
    casey.presses("Save note");
    casey.sees("Spoke to Amy Reed");
    casey.presses("Approve");
    world.does_all_work();
    assert_eq!(world.state_of("Home Instead"), "Provisioning");
    assert!(
        world
            .letter("amy@homeinstead.example", "registration approved")
            .contains("care.vn4f6@carepost.example")
    );
    world.ignores_letters(&["registration received", "notice to the site", "activation"]);
}
