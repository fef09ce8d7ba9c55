use super::people::Home;
use super::world::World;
use carepost::clock::Span;
use carepost::register::import::ImportKind;

const MOORHAVEN: Home = Home {
    search: "moorhaven",
    name: "Moorhaven Care Home Ltd",
    contact_id: "1-7138452042",
    contact: "manager@moorhaven-care-home-ltd.example",
};

/// As a manager whose DSPT has lapsed I learn exactly what is missing, and go on where I was when I
/// have published again.
#[test]
fn dspt_lapsed_then_renewed() {
    let world = World::new();
    let amy = world.person("amy@moorhaven.example");
    amy.starts_a_registration();
    amy.finds(&MOORHAVEN);
    amy.sees("Your DSPT is not in place yet");
    amy.sees("A DSPT must be published again each year, by 30 June");
    amy.sees("Approaching Standards or higher");
    amy.presses("Check again");
    amy.sees("Your DSPT is not in place yet");
    amy.presses("Save and close");

    world.time_passes(Span::days(5));
    world.imports(
        ImportKind::Dspt,
        "Code,Organisation Name,Status,Date Of Publication,Primary Sector,Commissioner (From ODS)\n\
         VM34N,MOORHAVEN CARE HOME,26/27 Standards Met,26/11/2026,Social Care,\n",
    );
    amy.goes_to("/register/return");
    amy.fills("Your email address", &amy.email);
    amy.presses("Continue");
    amy.fills("Code", &amy.code_from(&amy.email, "email code"));
    amy.presses("Continue");
    amy.is_on("/register/dspt");
    amy.sees("Your DSPT is in place");
    amy.sees("Standards Met for 2026/27");
    amy.presses("Continue");
    amy.proves_with_the_contact_id(&MOORHAVEN);
}
