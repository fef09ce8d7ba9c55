use super::people::HOME_INSTEAD;
use super::world::World;

/// As somebody whose browser runs no scripts I register all the same.
#[test]
fn registers_without_scripts() {
    let world = World::new();
    let amy = world.person_without_scripts("amy@homeinstead.example");
    amy.answers_everything(&HOME_INSTEAD);
    amy.sends_it();
    world.does_all_work();
    assert_eq!(world.state_of("Home Instead"), "Provisioning");
    amy.follows("See and print what you sent");
    amy.sees("VN4F6");
    world.ignores_letters(&[
        "registration received",
        "registration approved",
        "notice to the site",
        "activation",
    ]);
}

/// As somebody who uses no mouse I register with the keyboard alone.
#[test]
fn registers_by_keyboard() {
    let world = World::new();
    let amy = world.person("amy@homeinstead.example").by_keyboard();
    amy.answers_everything(&HOME_INSTEAD);
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
