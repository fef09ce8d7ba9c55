use super::people::{HOME_INSTEAD, Person};
use super::world::World;

/// Fills in everything that contacting support asks for.
fn asks_for_help(amy: &Person) {
    amy.goes_to("/contact");
    amy.presses("Continue");
    amy.sees("Select what you need help with");
    amy.chooses("Email that did not arrive or cannot be sent");
    amy.presses("Continue");
    amy.sees("This may help you at once");
    amy.sees("Send securely");
    amy.presses("Write to us");
    amy.presses("Send");
    amy.sees("Enter what happened");
    amy.sees("Enter your telephone number, or tick that you cannot be called");
    amy.fills("What happened, and what did you try?", "No email from the hospital since 8.");
    amy.fills("What does the error message say? (optional)", "550 No such user");
    amy.fills("How many people does it affect?", "3");
    amy.fills("Their addresses on this service (optional)", "amy.reed@carepost.example");
    amy.fills("Your name", "Amy Reed");
    amy.fills("Your email address", "amy@oakhouse.example");
    amy.fills("Your telephone number", "01632 960 001");
    amy.fills("Name and postcode, or ODS code, of your site", "Oak House, OL1 1AA");
    amy.presses("Send");
    amy.sees("Message sent");
}

/// As a manager who cannot get any further I write to support once, with everything they need, and
/// get an answer.
#[test]
fn contacts_support_and_is_answered() {
    let world = World::new();
    let amy = world.person("amy@oakhouse.example");
    amy.goes_to("/support/shared-mailbox");
    amy.follows("Contact support");
    amy.is_on("/contact");
    asks_for_help(&amy);
    let reference = amy.reference();
    assert!(world.letter("amy@oakhouse.example", "enquiry received").contains(&reference));
    let to_team = world.letter("helpdesk@carepost.example", "enquiry to the team");
    assert!(to_team.contains("550 No such user") && to_team.contains("People affected: 3"), "{to_team}");

    world.add_case_worker("casey@carepost.example", "Casey Worker");
    let casey = world.person("casey@carepost.example");
    casey.signs_in_as_case_worker();
    casey.sees("Oak House, OL1 1AA");
    casey.sees("Somebody waits for an answer");
    casey.follows(&reference);
    casey.sees("No email from the hospital since 8.");
    casey.sees("amy.reed@carepost.example");
    casey.sees("Nobody yet");
    casey.sees("Not signed in. Check who it is");
    casey.presses("Look after it");
    casey.sees("You are now looking after this enquiry");
    casey.fills("Add a note", "The hospital had the old address.");
    casey.presses("Save note");
    casey.goes_to("/casework");
    casey.sees("Casey Worker looks after it");
    casey.follows(&reference);
    casey.chooses("With an answer by email");
    casey.fills("Your answer, if by email", "The hospital now has your new address.");
    casey.presses("Close the enquiry");
    casey.sees("The enquiry is closed");
    let answer = world.letter("amy@oakhouse.example", "enquiry answered");
    assert!(answer.contains("The hospital now has your new address."), "{answer}");
    casey.goes_to("/casework");
    casey.sees("0 cases to do");
}

/// As somebody who is signed in I need not say who I am, and the team knows that it is me.
#[test]
fn contacts_support_while_signed_in() {
    let world = World::new();
    let amy = world.person("amy@homeinstead.example");
    amy.answers_everything(&HOME_INSTEAD);
    amy.sends_it();
    world.does_all_work();
    amy.activates_the_account("amy.reed@personal.example", "+447700900101");
    amy.presses("Set up the app");
    amy.fills("Code that the app shows now", &world.code_of_account("amy.reed@carepost.example"));
    amy.presses("Continue");
    amy.presses("Show my recovery codes");
    amy.presses("I have written them down");
    amy.goes_to("/contact/people/write");
    amy.sees("You are signed in as Amy Reed (amy.reed@carepost.example)");
    amy.fills("What happened, and what did you try?", "Bo Li leaves on Friday.");
    amy.fills("How many people does it affect?", "1");
    amy.chooses("I cannot be called");
    amy.presses("Send");
    amy.sees("Message sent");
    let reference = amy.reference();
    let to_team = world.letter("helpdesk@carepost.example", "enquiry to the team");
    assert!(to_team.contains("They were signed in to their account"), "{to_team}");
    assert!(to_team.contains("They cannot be called"), "{to_team}");
    world.ignores_letters(&[
        "registration received",
        "registration approved",
        "notice to the site",
        "registration live",
        "activation",
        "activated",
        "authenticator app set up",
        "recovery codes made",
        "enquiry received",
    ]);

    world.add_case_worker("casey@carepost.example", "Casey Worker");
    let casey = world.person("casey@carepost.example");
    casey.signs_in_as_case_worker();
    casey.follows(&reference);
    casey.sees("Signed in as Amy Reed, amy.reed@carepost.example");
    casey.sees("Cannot be called");
    casey.sees("(VN4F6)");
}

/// As somebody who uses no mouse I contact support with the keyboard alone.
#[test]
fn contacts_support_by_keyboard() {
    let world = World::new();
    let amy = world.person("amy@oakhouse.example").by_keyboard();
    asks_for_help(&amy);
    world.ignores_letters(&["enquiry received", "enquiry to the team"]);
}

/// As somebody whose browser runs no scripts I contact support, give feedback and complain all the
/// same.
#[test]
fn writes_to_us_without_scripts() {
    let world = World::new();
    let amy = world.person_without_scripts("amy@oakhouse.example");
    asks_for_help(&amy);
    sends_praise(&amy);
    complains(&amy);
    amy.goes_to("/service-status");
    amy.sees("All services are working");
    world.ignores_letters(&["enquiry received", "enquiry to the team"]);
}

/// As a hospice I reach the feedback team under the subject they look for, from the feedback page.
#[test]
fn hospice_writes_from_the_feedback_page() {
    let world = World::new();
    let hana = world.person("hana@hospice.example");
    hana.goes_to("/support/hospices");
    hana.follows("Send us the hospice query");
    hana.is_on("/feedback/hospice");
    hana.sees("Hospice NHSmail Application Query");
    hana.presses("Send");
    hana.sees("Enter the name and postcode of the hospice");
    hana.fills("What should we know?", "We have 12 beds.\nWhen can we start?");
    hana.fills("Your name", "Hana Novák");
    hana.fills("Your email address", "hana@hospice.example");
    hana.fills("Your telephone number", "01632 960 002");
    hana.fills("Name and postcode of the hospice", "St Example's Hospice, LN1 1AA");
    hana.presses("Send");
    hana.sees("Message sent");
    let reference = hana.reference();
    let to_team = world.letter("feedback@carepost.example", "enquiry to the team");
    assert!(to_team.contains("We have 12 beds."), "{to_team}");
    let (letter, _) = world.letters_to("feedback@carepost.example").remove(0);
    assert_eq!(letter.subject, "Hospice NHSmail Application Query");
    assert!(world.letter("hana@hospice.example", "enquiry received").contains(&reference));

    world.add_case_worker("casey@carepost.example", "Casey Worker");
    let casey = world.person("casey@carepost.example");
    casey.signs_in_as_case_worker();
    casey.sees("Hospice query");
    casey.follows(&reference);
    casey.sees("Hospice NHSmail Application Query");
}

fn sends_praise(amy: &Person) {
    amy.goes_to("/feedback");
    amy.chooses("Something that went well");
    amy.presses("Continue");
    amy.fills("What went well?", "Ten minutes, and we were in.");
    amy.fills("Your name", "Amy Reed");
    amy.fills("Your email address", "amy@oakhouse.example");
    amy.presses("Send");
    amy.sees("Message sent");
}

/// As somebody who has just registered I tell the team what I think, and the right team reads it.
#[test]
fn gives_feedback() {
    let world = World::new();
    let amy = world.person("amy@oakhouse.example");
    amy.goes_to("/feedback");
    amy.presses("Continue");
    amy.sees("Select what your feedback is about");
    sends_praise(&amy);
    let to_team = world.letter("feedback@carepost.example", "enquiry to the team");
    assert!(to_team.contains("Ten minutes, and we were in."), "{to_team}");
    let (letter, _) = world.letters_to("feedback@carepost.example").remove(0);
    assert_eq!(letter.subject, "Feedback: something that went well");
    world.ignores_letters(&["enquiry received"]);
}

fn complains(amy: &Person) {
    amy.goes_to("/feedback");
    amy.chooses("A complaint");
    amy.presses("Continue");
    amy.sees("You hear within 1 working day who looks into it");
    amy.fills("What happened, and what should we do about it?", "Nobody called back.");
    amy.fills("Your name", "Amy Reed");
    amy.fills("Your email address", "amy@oakhouse.example");
    amy.presses("Send");
    amy.sees("Complaint sent");
}

/// As somebody who complains I hear within a working day who looks into it, and then the answer.
#[test]
fn complains_and_hears_who_looks_into_it() {
    let world = World::new();
    let amy = world.person("amy@oakhouse.example");
    complains(&amy);
    let reference = amy.reference();
    let received = world.letter("amy@oakhouse.example", "enquiry received");
    assert!(received.contains("24 November 2026 at 9am"), "one working day: {received}");
    assert!(world.letter("helpdesk@carepost.example", "enquiry to the team").contains("Nobody called back."));

    world.add_case_worker("casey@carepost.example", "Casey Worker");
    let casey = world.person("casey@carepost.example");
    casey.signs_in_as_case_worker();
    casey.follows(&reference);
    casey.sees("24 November 2026 at 9am");
    casey.presses("Look into it, and tell them so");
    casey.sees("We have told the person who complained");
    casey.sees("25 November 2026 at 9am");
    let told = world.letter("amy@oakhouse.example", "complaint acknowledged");
    assert!(told.contains("Casey Worker") && told.contains("25 November 2026 at 9am"), "{told}");
    casey.chooses("Without an answer");
    casey.fills("Why no answer is needed, if you close it without one", "Settled on the telephone.");
    casey.presses("Close the enquiry");
    casey.sees("The enquiry is closed");
}
