use super::people::HOME_INSTEAD;
use super::world::World;

/// As a registrant I can correct an answer before I send, so that my registration is right.
#[test]
fn corrects_an_answer_before_sending() {
    let world = World::new();
    let amy = world.person("amy@homeinstead.example");
    amy.answers_everything(&HOME_INSTEAD);

    amy.follows("Change town or city");
    amy.fills("Which town or city is your site in?", "Ashton-under-Lyne");
    amy.presses("Continue");
    amy.sees("Town or city must be 11 characters or fewer. Shorten it, like Ashton for Ashton-under-Lyne");
    amy.fills("Which town or city is your site in?", "Ashton");
    amy.presses("Continue");
    amy.is_on("/register/check-your-answers");
    amy.sees("Ashton");

    // The same mobile for two people is named at once, with whose it is.
    amy.follows("Change Bo Li");
    amy.fills("UK mobile number", "+44 7700 900101");
    amy.presses("Save this person");
    amy.sees("Amy Reed has this mobile number. Each person needs their own");
    amy.fills("UK mobile number", "01632 960123");
    amy.presses("Save this person");
    amy.sees("Enter a UK mobile number");
    amy.fills("UK mobile number", "07700 900103");
    amy.fills("First name", "Front");
    amy.fills("Last name", "Office");
    amy.presses("Save this person");
    amy.sees("Enter the name of a person");
    amy.fills("First name", "Niamh");
    amy.fills("Last name", "Ní Bhriain-O'Brien");
    amy.presses("Save this person");
    amy.sees("Niamh Ní Bhriain-O'Brien");

    // One person alone, or nobody who owns, is not enough.
    amy.follows("Remove Amy Reed");
    amy.chooses("Yes");
    amy.presses("Continue");
    amy.presses("Continue");
    amy.sees("Add 1 more person. A site needs at least 2");
    amy.adds("Cy", "Fox", "cy.fox@personal.example", "07700 900104", "Member");
    amy.presses("Continue");
    amy.sees("Choose at least one owner");
    amy.follows("Change Cy Fox");
    amy.answers("What may they do", "Owner");
    amy.presses("Save this person");
    amy.presses("Continue");

    // Nothing is sent without the declaration.
    amy.presses("Send registration");
    amy.sees("Confirm that you may act for the site");
    amy.sends_it();
    world.does_all_work();
    assert_eq!(world.state_of("Home Instead"), "Provisioning");
    let mailboxes = world.mail.mailboxes();
    assert!(mailboxes.contains_key("niamh.ni-bhriain-obrien@carepost.example"), "{mailboxes:?}");
    world.ignores_letters(&[
        "registration received",
        "registration approved",
        "notice to the site",
        "activation",
    ]);
}
