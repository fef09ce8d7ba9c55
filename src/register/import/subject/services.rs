//! A list of services in one cell: separated by bars in one layout, by commas in another, with names that
//! have commas in themselves.

use crate::register::tidy_or_none;

/// The services of a cell. Where the file separates them by bars, commas belong to names. Otherwise a
/// comma, or a semicolon, ends a name, unless what follows goes on with a small letter or "and": every
/// service begins with a capital ("Hospital services for people with mental health needs, learning
/// disabilities and problems with substance misuse" is one).
pub(super) fn services(cell: &str, has_bars: bool) -> Vec<String> {
    if has_bars {
        return cell.split('|').filter_map(tidy_or_none).collect();
    }
    let mut services: Vec<String> = Vec::new();
    for part in cell.split(';') {
        let mut first = true;
        for piece in part.split(',').filter_map(tidy_or_none) {
            let goes_on = piece.starts_with(char::is_lowercase) || piece.starts_with("and ");
            match services.last_mut() {
                Some(before) if goes_on && !first => {
                    before.push_str(", ");
                    before.push_str(&piece);
                }
                Some(_) | None => services.push(piece),
            }
            first = false;
        }
    }
    services
}

#[cfg(test)]
mod tests {
    use super::services;

    #[test]
    fn services_are_separated_as_the_file_does() {
        let long = "Hospital services for people with mental health needs, learning disabilities and problems with substance misuse";
        assert_eq!(
            services("Homecare agencies,Supported living", false),
            ["Homecare agencies", "Supported living"]
        );
        assert_eq!(
            services("Homecare agencies, Supported living", false),
            ["Homecare agencies", "Supported living"]
        );
        assert_eq!(
            services(&format!("Nursing homes,{long},Residential homes"), false),
            ["Nursing homes", long, "Residential homes"]
        );
        assert_eq!(services(&format!("{long}|Nursing homes"), true), [long, "Nursing homes"]);
        assert_eq!(services(long, true), [long]);
        assert_eq!(services("Homecare agencies; Shared lives", false), ["Homecare agencies", "Shared lives"]);
        assert_eq!(services(" , -,", false), [""; 0]);
        assert_eq!(services("", true), [""; 0]);
    }
}
