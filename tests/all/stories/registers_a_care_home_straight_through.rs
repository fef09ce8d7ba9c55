use super::people::HOME_INSTEAD;
use super::world::World;

/// As a care home manager I find my home, and codes fill themselves in, so that it is decided in
/// minutes.
#[test]
fn registers_a_care_home_straight_through() {
    let world = World::new();
    let amy = world.person("amy@homeinstead.example");

    amy.starts_a_registration();
    amy.finds(&HOME_INSTEAD);
    amy.sees("Your DSPT is in place");
    amy.sees("Standards Met for 2026/27");
    amy.presses("Continue");
    amy.proves_with_the_contact_id(&HOME_INSTEAD);
    amy.gives_the_town("Oldham");
    amy.adds_two_people();
    amy.sees("VN4F6");
    amy.sees("1-530528300");
    amy.sends_it();
    let reference = amy.reference();

    assert!(world.letter("amy@homeinstead.example", "registration received").contains(&reference));
    assert!(
        world
            .letter("amy@homeinstead.example", "registration approved")
            .contains("care.vn4f6@carepost.example")
    );
    assert!(world.letter(HOME_INSTEAD.contact, "notice to the site").contains("If this was not you"));
    assert!(world.letter("amy.reed@personal.example", "activation").contains("amy.reed@carepost.example"));
    assert!(world.letter("bo.li@personal.example", "activation").contains("bo.li@carepost.example"));
    assert_eq!(world.state_of("Home Instead"), "Provisioning");

    amy.follows("See how your registration is doing");
    amy.sees("Ready to activate");
    let mailboxes = world.mail.mailboxes();
    assert_eq!(mailboxes.len(), 3, "{mailboxes:?}");
    assert!(mailboxes["care.vn4f6@carepost.example"].contains("owners: amy.reed@carepost.example"));
}
