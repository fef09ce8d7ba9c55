use super::people::HOME_INSTEAD;
use super::world::World;

const BO: &str = "bo.li@carepost.example";

/// As a case worker I find a site, disable somebody who is away and enable them again, and change who
/// its owners are; it keeps at least one.
#[test]
fn looks_after_a_site() {
    let world = World::new();
    world.add_case_worker("casey@carepost.example", "Casey Worker");
    let amy = world.person("amy@homeinstead.example");
    amy.answers_everything(&HOME_INSTEAD);
    amy.sends_it();
    world.does_all_work();
    world.everybody_activates();
    let bo = world.person("bo.li@personal.example");
    bo.signs_in(BO);

    let casey = world.person("casey@carepost.example");
    casey.signs_in_as_case_worker();
    casey.follows("Sites");
    casey.goes_to("/casework/sites?q=home+inst");
    casey.follows("Home Instead");
    casey.sees("Only one owner of this site has an active account");
    casey.takes_a_picture("site");

    casey.follows("Disable: Bo Li");
    casey.presses("Disable the account");
    casey.sees("Enter the reason");
    casey.fills("Reason", "Amy Reed called from the site’s number. Maternity leave.");
    casey.chooses("Yes, disable the account of Bo Li");
    casey.presses("Disable the account");
    casey.sees("The account is disabled");
    bo.follows("Security");
    bo.is_on("/sign-in");
    bo.gives_the_password(BO);
    bo.sees("One of them is not right");
    assert!(
        world.letter("bo.li@personal.example", "account disabled").contains("Nothing you have is deleted")
    );
    casey.follows("Enable: Bo Li");
    casey.fills("Reason", "Amy Reed says that he is back.");
    casey.chooses("Yes, enable the account of Bo Li");
    casey.presses("Enable the account");
    casey.sees("The account is enabled");
    bo.signs_in(BO);

    casey.follows("Remove access: Amy Reed");
    casey.fills("Reason", "She leaves.");
    casey.chooses("Yes, remove the access of Amy Reed");
    casey.presses("Remove access");
    casey.sees("Amy Reed is the only owner of Home Instead");
    casey.follows("Back");
    casey.follows("Make an owner: Bo Li");
    casey.fills("Reason", "Amy Reed named him as her successor.");
    casey.chooses("Yes, make Bo Li an owner");
    casey.presses("Make an owner");
    casey.sees("The person is an owner now");
    casey.does_not_see("Only one owner");
    casey.follows("Remove access: Amy Reed");
    casey.fills("Reason", "She leaves.");
    casey.chooses("Yes, remove the access of Amy Reed");
    casey.presses("Remove access");
    casey.sees("can no longer open this shared mailbox");
    bo.goes_to("/my-account");
    bo.sees("You are an owner");
    bo.does_not_see("Amy Reed");

    casey.follows("Sign out and revoke: Bo Li");
    casey.fills("Reason", "His phone was stolen.");
    casey.chooses("Yes, sign Bo Li out");
    casey.presses("Sign out and revoke");
    casey.sees("all app passwords are revoked");
    bo.follows("Security");
    bo.is_on("/sign-in");
    world.ignores_letters(&[
        "registration received",
        "registration approved",
        "notice to the site",
        "registration live",
        "activation",
        "account enabled",
        "access changed",
        "taken out",
    ]);
}
