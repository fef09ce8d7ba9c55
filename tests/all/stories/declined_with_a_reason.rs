use super::people::Home;
use super::world::World;

const HOME: Home = Home {
    search: "VNHWE",
    name: "Ebenezer Care Services",
    contact_id: "1-7100240400",
    contact: "manager@ebenezer-care-services.example",
};

/// As a registrant who is declined I read why, and what to do; the case worker saw the very letter
/// before it went out.
#[test]
fn declined_with_a_reason() {
    let world = World::new();
    world.add_case_worker("casey@carepost.example", "Casey Worker");
    let amy = world.person("amy@ebenezer.example");
    // Dormant at CQC, so somebody looks.
    amy.answers_everything(&HOME);
    amy.sends_it();
    let reference = amy.reference();
    world.does_all_work();
    assert_eq!(world.state_of(HOME.name), "Referred");

    let casey = world.person("casey@carepost.example");
    casey.signs_in_as_case_worker();
    casey.follows(&reference);
    casey.sees("dormant");
    casey.presses("Decline");
    casey.presses("See the letter");
    casey.sees("Select a reason");
    casey.selects("Reason", "REJ-07");
    casey.fills("In your own words (optional)", "CQC lists the site as dormant since 2023.");
    casey.presses("See the letter");
    casey.sees("CQC lists the site as dormant since 2023.");
    casey.sees("Look for the location ID on your CQC certificate");
    assert_eq!(world.state_of(HOME.name), "Referred", "looking at the letter decides nothing");
    casey.presses("Change it");
    casey.sees("REJ-07");
    casey.presses("See the letter");
    casey.presses("Decline and send the letter");
    assert_eq!(world.state_of(HOME.name), "Declined");
    let letter = world.letter("amy@ebenezer.example", "registration declined");
    assert!(letter.contains("REJ-07") && letter.contains("dormant since 2023"), "{letter}");
    amy.follows("See how your registration is doing");
    amy.sees("Declined");
    amy.sees("dormant since 2023");
    world.ignores_letters(&["registration received", "notice to the site"]);
}
