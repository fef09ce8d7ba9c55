use super::world::World;

/// As a hospice I reach the feedback team under the subject they look for, from the page itself.
#[test]
fn hospice_asks() {
    let world = World::new();
    let hana = world.person("hana@hospice.example");
    hana.goes_to("/register");
    hana.presses("Start now");
    hana.presses("Continue");
    hana.sees("Select yes if your organisation provides social care in England");
    hana.chooses("Yes");
    hana.presses("Continue");
    hana.chooses("Yes");
    hana.presses("Continue");
    hana.chooses("Yes");
    hana.presses("Continue");
    hana.sees("Hospices join in another way");
    hana.sees("Hospice NHSmail Application Query");

    hana.presses("Send");
    hana.sees("Enter the name of the hospice");
    hana.fills("Name of the hospice", "St Example's Hospice");
    hana.fills("Your name", "Hana Novák");
    hana.fills("Your email address", "hana@hospice.example");
    hana.fills("What else should we know? (optional)", "We have 12 beds.\nWhen can we start?");
    hana.presses("Send");
    hana.sees("Message sent");
    let reference = hana.reference();

    let to_team = world.letter("feedback@carepost.example", "enquiry to the team");
    assert!(to_team.contains("St Example's Hospice") && to_team.contains("We have 12 beds."), "{to_team}");
    let (letter, _) = world.letters_to("feedback@carepost.example").remove(0);
    assert_eq!(letter.subject, "Hospice NHSmail Application Query");
    assert!(world.letter("hana@hospice.example", "enquiry received").contains(&reference));

    // Going back and sending again makes no second case.
    assert_eq!(world.letters_to("feedback@carepost.example").len(), 1);
}

/// As somebody this service is not for I am told where to turn, on every way out.
#[test]
fn every_no_leads_somewhere() {
    let world = World::new();
    let sam = world.person("sam@elsewhere.example");
    sam.goes_to("/register");
    sam.presses("Start now");
    sam.chooses("No");
    sam.presses("Continue");
    sam.sees("This service is for social care in England");
    sam.sees("helpdesk@carepost.example");
    sam.follows("Back");
    sam.chooses("Yes");
    sam.presses("Continue");
    sam.chooses("No");
    sam.presses("Continue");
    sam.sees("You need to be registered with CQC");
    sam.follows("Back");
    sam.chooses("Yes");
    sam.presses("Continue");
    sam.chooses("No");
    sam.presses("Continue");
    sam.chooses("Several sites");
    sam.presses("Continue");
    sam.sees("Fits most");
    sam.chooses("Our own IT people do it");
    sam.presses("Continue");
    sam.sees("You apply once, for all sites");
    sam.follows("Back");
    sam.chooses("The central team does it for us");
    sam.presses("Continue");
    sam.chooses("Yes");
    sam.presses("Continue");
    sam.sees("Do not register again");
    sam.fills("Name and postcode of your site", "Rose Court, OL1 1AA");
    sam.fills("Your name", "Sam Ford");
    sam.fills("Your email address", "sam@elsewhere.example");
    sam.presses("Send");
    sam.sees("Enter a telephone number on which we can reach you");
    sam.fills("Your telephone number", "01632 960 001");
    sam.presses("Send");
    sam.sees("Message sent");
    world.ignores_letters(&["enquiry received", "enquiry to the team"]);
}
