use super::people::HOME_INSTEAD;
use super::world::World;

/// As a care home manager I find my home, and codes fill themselves in, so that it is decided in
/// minutes.
#[test]
fn registers_a_care_home_straight_through() {
    let world = World::new();
    let amy = world.person("amy@homeinstead.example");

    amy.starts_a_registration();
    amy.fills("Name, postcode, ODS code or CQC location ID", "home insted oldham");
    amy.presses("Search");
    amy.sees("Home Instead");
    amy.takes_a_picture("find-your-site");
    amy.chooses(HOME_INSTEAD.name);
    amy.presses("Continue");
    amy.takes_a_picture("confirm-your-site");
    amy.chooses("Yes, this is my site");
    amy.presses("Continue");
    amy.takes_a_picture("dspt");
    amy.sees("Your DSPT is in place");
    amy.sees("Standards Met for 2026/27");
    amy.presses("Continue");
    amy.proves_with_the_contact_id(&HOME_INSTEAD);
    amy.gives_the_town("Oldham");
    amy.adds_two_people();
    amy.sees("VN4F6");
    amy.sees("1-530528300");
    amy.takes_a_picture("check-your-answers");
    amy.sends_it();
    amy.takes_a_picture("sent");
    let reference = amy.reference();

    assert!(world.letter("amy@homeinstead.example", "registration received").contains(&reference));
    assert!(
        world
            .letter("amy@homeinstead.example", "registration approved")
            .contains("care.vn4f6@carepost.example")
    );
    assert!(
        world.letter(HOME_INSTEAD.contact, "notice to the site").contains("If it was not, stop it there")
    );
    assert!(world.letter("amy.reed@personal.example", "activation").contains("amy.reed@carepost.example"));
    assert!(world.letter("bo.li@personal.example", "activation").contains("bo.li@carepost.example"));
    assert_eq!(world.state_of("Home Instead"), "Provisioning");

    amy.follows("See how your registration is doing");
    amy.sees("Ready to activate");
    amy.takes_a_picture("status");
    let mailboxes = world.mail.mailboxes();
    assert_eq!(mailboxes.len(), 3, "{mailboxes:?}");
    assert!(mailboxes["care.vn4f6@carepost.example"].contains("owners: amy.reed@carepost.example"));
}
