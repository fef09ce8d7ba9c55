use super::people::HOME_INSTEAD;
use super::world::World;

/// As a registrant without the certificate I have a code sent to the home, and see only a hint of the
/// address.
#[test]
fn proves_with_a_code_to_the_site() {
    let world = World::new();
    let amy = world.person("amy@homeinstead.example");
    amy.starts_a_registration();
    amy.finds(&HOME_INSTEAD);
    amy.presses("Continue");
    amy.chooses("With a code sent to the site");
    amy.does_not_see(HOME_INSTEAD.contact);
    amy.presses("Continue");
    amy.sees("m•••@h•••.example");
    amy.does_not_see(HOME_INSTEAD.contact);
    amy.fills("Code", "000000");
    amy.presses("Continue");
    amy.sees("The code is not right");
    amy.presses("Send a new code");
    amy.fills("Code", &amy.code_from(HOME_INSTEAD.contact, "site code"));
    amy.presses("Continue");
    amy.gives_the_town("Oldham");
    amy.adds_two_people();
    amy.sends_it();
    world.does_all_work();
    assert_eq!(world.state_of("Home Instead"), "Provisioning");
    world.ignores_letters(&[
        "registration received",
        "registration approved",
        "notice to the site",
        "activation",
    ]);
}
