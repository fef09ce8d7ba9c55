use super::people::HOME_INSTEAD;
use super::world::World;
use carepost::clock::Span;

/// As an account holder I activate with a link and a code, and my site is live.
#[test]
fn activates() {
    let world = World::new();
    let amy = world.person("amy@homeinstead.example");
    amy.answers_everything(&HOME_INSTEAD);
    amy.sends_it();
    let link = amy.link_from("amy.reed@personal.example", "activation");

    // What a link scanner does changes nothing.
    for _ in 0..3 {
        amy.goes_to(&link);
    }
    amy.sees("Your new address is amy.reed@carepost.example");
    amy.presses("Send the code to my phone");
    amy.fills("Enter the code we sent you", "123456");
    amy.presses("Continue");
    amy.sees("not right");
    amy.fills("Enter the code we sent you", &amy.code_from("+447700900101", "activation code"));
    amy.presses("Continue");

    for (password, words) in [
        ("short", "12 characters or more"),
        ("amy reed likes green tea", "your name"),
        ("password1234", "easy to guess"),
    ] {
        amy.fills("Password", password);
        amy.presses("Continue");
        amy.sees(words);
    }
    amy.fills("Password", "teapot lantern gravel");
    amy.presses("Continue");
    amy.presses("Activate my account");
    amy.sees("agree");
    amy.chooses("I have read this policy");
    amy.presses("Activate my account");
    amy.sees("care.vn4f6@carepost.example");
    amy.sees("One thing is left: your authenticator app");
    world.does_all_work();
    assert_eq!(world.state_of("Home Instead"), "Live");
    assert!(world.letter("amy@homeinstead.example", "registration live").contains("first owner"));

    // The link is used up, and says nothing of whose it was.
    let eve = world.person("eve@elsewhere.example");
    eve.goes_to(&link);
    eve.sees("no longer works");
    eve.does_not_see("amy");

    // Bo was on holiday: a new link replaces the one that ran out.
    world.time_passes(Span::hours(30));
    let bo = world.person("bo.li@personal.example");
    let old = bo.link_from("bo.li@personal.example", "activation");
    bo.goes_to(&old);
    bo.fills("Your email address", "bo.li@personal.example");
    bo.presses("Send me a new link");
    bo.sees("If an account waits to be activated at that address, we have sent a new link");
    let new = bo.link_from("bo.li@personal.example", "activation");
    assert_ne!(old, new);
    bo.goes_to(&new);
    bo.sees("bo.li@carepost.example");
    world.ignores_letters(&[
        "registration received",
        "registration approved",
        "notice to the site",
        "activated",
    ]);
}
