use super::world::World;

/// As a registrant who types codes by hand I am told what I typed instead, and what to do.
#[test]
fn types_codes_wrong_in_eight_ways() {
    let world = World::new();
    let amy = world.person("amy@homeinstead.example");
    amy.starts_a_registration();
    amy.follows("Enter the ODS code and CQC location ID instead");
    let tries = |ods: &str, location: &str, words: &str| {
        amy.fills("ODS code of your site", ods);
        amy.fills("CQC location ID", location);
        amy.presses("Continue");
        amy.is_on("/register/site-codes");
        amy.sees(words);
    };

    // Nothing, then what stands on the wrong line of a certificate or letter.
    tries("", "", "Enter the ODS code of your site, like VM195");
    tries("A7DT", "1-530528300", "A7DT is the code of a head office");
    tries("8A738", "1-530528300", "8A738 is the code of another kind of organisation");
    tries("VN4F6", "CON1-7530528300", "is a CQC contact ID. Enter the location ID");
    tries("01/04/2004", "1-530528300", "is what a spreadsheet made of a code");
    tries("VN4F6", "530528300", "A CQC location ID begins with 1-. Is it 1-530528300?");
    tries("VN4F6", "1-101655600", "is the provider ID of Heathbank Support Services");
    // Closed and deregistered, with their successors by name.
    tries("VN2R0", "1-1221269650", "was deregistered");
    amy.sees("VN2R0 was closed");
    amy.sees("VNGTV");
    // Two codes that are both right and do not belong together.
    tries("VN139", "1-530528300", "does not belong to Home Instead. Its ODS code is VN4F6");
    // A code nobody has.
    tries("VZZZ9", "1-530528300", "ODS does not know the code VZZZ9");
    tries("VN4F6", "1-999999999999", "CQC does not know a location 1-999999999999");

    // Lower case, labels and spaces are no mistake.
    amy.fills("ODS code of your site", " ods code: vn4f6 ");
    amy.fills("CQC location ID", "1 - 530528300");
    amy.presses("Continue");
    amy.is_on("/register/confirm-your-site");
    amy.sees("Home Instead");
}
