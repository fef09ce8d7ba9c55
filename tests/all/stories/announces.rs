use super::people::Person;
use super::world::World;
use carepost::clock::Span;
use carepost::service_status::verify;

fn signed_in_case_worker(world: &std::sync::Arc<World>) -> Person {
    world.add_case_worker("casey@carepost.example", "Casey Worker");
    let casey = world.person("casey@carepost.example");
    casey.signs_in_as_case_worker();
    casey.follows("Service status");
    casey.is_on("/casework/status");
    casey
}

fn announces(casey: &Person) {
    casey.presses("Make an announcement");
    casey.presses("Announce");
    casey.sees("Select what kind of announcement it is");
    casey.answers("What kind of announcement is it?", "Something is wrong");
    casey.answers("Which part is it about?", "Sending and receiving secure email");
    casey.fills("Title", "Email is slow");
    casey.fills("What should people know, and what should they do?", "Call the ward if it is urgent.");
}

fn publishes(casey: &Person) {
    casey.presses("Announce");
    casey.sees("The announcement is published.");
}

/// As somebody in the middle of my work I see on every page that something is wrong, and that it is
/// over when it is.
#[test]
fn trouble_is_announced_on_every_page_and_gone_again() {
    let world = World::new();
    let amy = world.person("amy@oakhouse.example");
    amy.goes_to("/register");
    assert_eq!(amy.reads_on_top(), "");
    let casey = signed_in_case_worker(&world);
    announces(&casey);
    publishes(&casey);
    assert!(casey.reads_on_top().contains("Email is slow"), "at once, for whoever announces, too");
    for path in ["/", "/register", "/support/dspt", "/sign-in", "/contact", "/nowhere", "/casework/sign-in"] {
        amy.goes_to(path);
        let top = amy.reads_on_top();
        assert!(
            top.contains("Email is slow") && top.contains("Call the ward if it is urgent."),
            "{path}: {top}"
        );
    }
    amy.follows_on_top("Read more");
    amy.is_on("/service-status");
    amy.sees("Something is wrong: Sending and receiving secure email");

    casey.follows("Email is slow");
    casey.presses("End it now");
    casey.sees("The announcement has ended.");
    amy.goes_to("/register");
    assert_eq!(amy.reads_on_top(), "");
    amy.goes_to("/service-status");
    amy.sees("All services are working");
    amy.sees("Email is slow");
}

/// As somebody whose browser runs no scripts I see what is announced, and when it is over by itself.
#[test]
fn an_announcement_ends_by_itself_without_scripts() {
    let world = World::new();
    let casey = signed_in_case_worker(&world);
    announces(&casey);
    casey.gives_the_day("Day it ends", "23", "Nov", "2026");
    casey.presses("Announce");
    casey.sees("End must have a time");
    casey.fills("Time it ends", "11am");
    publishes(&casey);
    let omar = world.person_without_scripts("omar@rosecourt.example");
    omar.goes_to("/register");
    assert!(omar.reads_on_top().contains("Email is slow"));
    world.time_passes(Span::hours(3));
    omar.goes_to("/register");
    assert_eq!(omar.reads_on_top(), "");
}

/// As somebody who waits for a code I see that letters are late before anybody of the team does; and
/// as the team we say more, which no check takes away.
#[test]
fn the_service_looks_at_itself_and_the_team_has_the_last_word() {
    let world = World::new();
    let amy = world.person("amy@oakhouse.example");
    world.wait(verify::look(&world.app)).expect("looked");
    amy.goes_to("/");
    assert_eq!(amy.reads_on_top(), "");
    world.mail.set_down(true);
    world.wait(verify::look(&world.app)).expect("looked");
    amy.goes_to("/");
    assert!(amy.reads_on_top().contains("Sending and receiving secure email: does not work"));
    amy.goes_to("/service-status");
    amy.sees("Some parts of the service are not working.");
    amy.sees("Our mail server does not answer.");

    let casey = signed_in_case_worker(&world);
    casey.follows("Sending and receiving secure email");
    casey.presses("Set");
    casey.sees("The change is saved");
    casey.follows("Sending and receiving secure email");
    casey.chooses("Some problems");
    casey.presses("Set");
    casey.sees("Enter what people should know");
    casey.fills("What should people know?", "A disk is being replaced.");
    casey.presses("Set");
    casey.sees("The change is saved");
    world.mail.set_down(false);
    world.time_passes(Span::minutes(1));
    world.wait(verify::look(&world.app)).expect("looked");
    amy.goes_to("/service-status");
    amy.sees("There are some problems.");
    amy.sees("A disk is being replaced.");
    assert!(amy.reads_on_top().contains("some problems"), "the check is well and hides nothing");
}
