use super::world::World;

/// As a manager who does not know how to join I am asked a few questions and end at the start page.
#[test]
fn finds_the_way_that_fits_and_starts() {
    let world = World::new();
    let mina = world.person("mina@rosecourt.example");
    mina.goes_to("/");
    mina.follows("Find out which way of joining fits you");
    mina.presses("Continue");
    mina.sees("Select yes if you provide social care in England");
    for answer in ["Yes", "Yes", "No", "No", "Several sites"] {
        mina.chooses(answer);
        mina.presses("Continue");
    }
    mina.sees("Do you have an IT team");
    mina.follows("Back");
    mina.chooses("One site");
    mina.presses("Continue");
    mina.sees("With one site, this is your way");
    mina.presses("Go to the start page");
    mina.is_on("/register");
    mina.presses("Start now");
    mina.is_on("/register/social-care");
}

/// As somebody in a hurry I type what happened, with mistakes, and read what to do.
#[test]
fn searches_in_own_words_and_finds() {
    let world = World::new();
    let deva = world.person("deva@rosecourt.example");
    deva.goes_to("/support");
    deva.fills("Search help and support", "my fone was stollen");
    deva.searches();
    deva.follows("Forgotten password or lost phone");
    deva.is_on("/support/forgotten-password");
    deva.sees("Call us on 01632 960 100");
    deva.sees("Last reviewed");
    deva.presses("Yes");
    deva.sees("We are glad that it helped");
    deva.follows("Your account");
    deva.follows("Keep your account active");
    deva.sees("Not used for 30 days");
}

/// As a registrant I print the check-list: one page, without what is only for the screen.
#[test]
fn prints_the_check_list() {
    let world = World::new();
    let rosa = world.person("rosa@rosecourt.example");
    rosa.goes_to("/");
    rosa.follows("Registering a social care organisation");
    rosa.follows("check-list");
    rosa.sees("Tick each box when it is done");
    let pages = rosa.prints();
    assert!((1..=2).contains(&pages), "{pages} pages");
}

/// As somebody whose browser runs no scripts I find help all the same.
#[test]
fn finds_help_without_scripts() {
    let world = World::new();
    let omar = world.person_without_scripts("omar@rosecourt.example");
    omar.goes_to("/");
    omar.fills("Search help and support", "the manager left and nobody can get into the mailbox");
    omar.searches();
    omar.follows("Owners and members");
    omar.sees("If nobody can open the mailbox");
    omar.presses("No");
    omar.sees("We are sorry that it did not help");
    omar.goes_to("/support/activate-your-account");
    omar.sees("See how it goes: Activate your account");
    omar.goes_to("/support/which-route");
    omar.chooses("No");
    omar.presses("Continue");
    omar.sees("This service is for social care in England");
}

/// As a case worker I see which articles are due for review.
#[test]
fn team_sees_overdue_reviews() {
    let world = World::new();
    world.add_case_worker("casey@carepost.example", "Casey Worker");
    let casey = world.person("casey@carepost.example");
    casey.signs_in_as_case_worker();
    casey.follows("Articles");
    casey.is_on("/casework/articles");
    casey.sees("Review by");
}

/// As somebody who uses a screen reader or a small phone I can read every article.
#[test]
fn every_article_can_be_read_by_everybody() {
    let world = World::new();
    let edith = world.person("edith@rosecourt.example");
    for article in &crate::harness::words().articles {
        edith.goes_to(&carepost::guidance::path(&article.slug));
        edith.sees("Was this page helpful?");
    }
    for section in &crate::harness::words().sections {
        edith.goes_to(&format!("/support/sections/{}", section.slug));
        edith.sees(&section.summary);
    }
}
