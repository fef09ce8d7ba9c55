use super::people::{HOME_INSTEAD, Person};
use super::world::World;
use std::sync::Arc;

const AMY: &str = "amy.reed@carepost.example";
const BO: &str = "bo.li@carepost.example";

/// A home whose people have their activation letters.
fn a_home(world: &Arc<World>) -> Person {
    let amy = world.person("amy@homeinstead.example");
    amy.answers_everything(&HOME_INSTEAD);
    amy.sends_it();
    world.does_all_work();
    world.ignores_letters(&[
        "registration received",
        "registration approved",
        "notice to the site",
        "registration live",
        "activation",
        "activated",
    ]);
    amy
}

/// As an account holder I activate, set up my app, write down recovery codes, sign in again, and give
/// my computer an app password that I can take away.
#[test]
fn sets_everything_up_and_comes_back() {
    let world = World::new();
    let amy = a_home(&world);
    amy.activates_the_account("amy.reed@personal.example", "+447700900101");
    amy.presses("Set up the app");
    amy.sees("Add your account to the app");
    amy.fills("Code that the app shows now", "000000");
    amy.presses("Continue");
    amy.sees("The code is not right");
    amy.fills("Code that the app shows now", &world.code_of_account(AMY));
    amy.presses("Continue");
    amy.presses("Show my recovery codes");
    assert_eq!(amy.reads_the_recovery_codes().len(), 10);
    amy.takes_a_picture("recovery-codes");
    amy.presses("I have written them down");
    amy.sees("Your account is set up");
    amy.sees("care.vn4f6@carepost.example");
    amy.presses("Sign out");
    amy.sees("You have signed out");
    amy.goes_to("/my-account");
    amy.is_on("/sign-in");

    amy.signs_in(AMY);
    amy.follows("Mail programs");
    amy.presses("Add a mail program");
    amy.fills("Name", "Reception computer");
    amy.presses("Make an app password");
    let password = amy.copies("app-secret--large");
    assert_eq!(password.len(), 24, "copied, it is one word: {password:?}");
    amy.takes_a_picture("app-password");
    amy.presses("I have used it");
    amy.sees("Reception computer");
    amy.does_not_see(&password[..8]);
    amy.follows("Revoke the app password of Reception computer");
    amy.presses("Revoke this app password");
    amy.sees("The app password is revoked");
    amy.sees("You have no app passwords yet");
    for letter in ["authenticator app set up", "recovery codes made", "app password made"] {
        assert!(world.letter("amy.reed@personal.example", letter).contains("call our helpdesk"));
    }
}

/// As somebody who lost a phone I get in with a recovery code and set up the app on another one; and
/// I sign out everywhere.
#[test]
fn loses_a_phone() {
    let world = World::new();
    let amy = a_home(&world);
    world.everybody_activates();
    amy.signs_in(AMY);
    amy.sees("You have no recovery codes");
    amy.follows("Make new recovery codes");
    amy.presses("Show my recovery codes");
    let codes = amy.reads_the_recovery_codes();

    let later = world.person("amy.reed@personal.example");
    later.gives_the_password(AMY);
    later.follows("Use a recovery code");
    later.fills("Enter a recovery code", &codes[0].to_lowercase());
    later.presses("Sign in");
    later.sees("You signed in with a recovery code");
    later.follows("Security");
    later.follows("Replace the authenticator app");
    later.fills("Password", super::world::PASSWORD);
    later.fills("Code", &codes[0]);
    later.presses("Continue");
    later.sees("This recovery code does not work");
    later.fills("Password", super::world::PASSWORD);
    later.fills("Code", &codes[1]);
    later.presses("Continue");
    later.sees("Set up another authenticator app");
    later.fills("Code that the app shows now", &world.code_of_account(AMY));
    later.presses("Continue");
    later.sees("The new app is set up");
    later.sees("8 codes left");
    amy.goes_to("/my-account");
    amy.is_on("/sign-in");

    // With the new app in two browsers; then out everywhere, from one of them.
    amy.signs_in(AMY);
    later.goes_to("/my-account/security");
    later.follows("Sign out everywhere");
    later.presses("Sign out everywhere");
    later.sees("You have signed out everywhere");
    amy.follows("Mail programs");
    amy.is_on("/sign-in");
    world.ignores_letters(&[
        "recovery codes made",
        "recovery code used",
        "authenticator app replaced",
        "signed out everywhere",
    ]);
}

/// As somebody without a mouse, and as somebody whose browser runs no scripts, I sign in and make an
/// app password.
#[test]
fn signs_in_by_keyboard_and_without_scripts() {
    let world = World::new();
    let amy = a_home(&world).by_keyboard();
    world.everybody_activates();
    let bo = world.person_without_scripts("bo.li@personal.example");
    for (person, address) in [(&amy, AMY), (&bo, BO)] {
        person.signs_in(address);
        person.follows("Mail programs");
        person.presses("Add a mail program");
        person.fills("Name", "Phone");
        person.presses("Make an app password");
        person.sees("This is the only time you see it");
        person.presses("I have used it");
        person.follows("Revoke the app password of Phone");
        person.presses("Revoke this app password");
        person.sees("You have no app passwords yet");
        person.goes_to("/my-account/mail-programs/settings");
        person.sees("mail.carepost.example");
        person.goes_to("/my-account/security");
        person.sees("If you lost your phone or a computer");
        person.presses("Sign out");
        person.is_on("/sign-in");
    }
    world.ignores_letters(&["app password made"]);
}
