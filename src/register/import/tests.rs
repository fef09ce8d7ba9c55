use super::*;
use crate::clock::{Span, Timestamp};
use crate::database::for_tests::{both_engines, sqlite};
use crate::register::cqc::RegistrationStatus;
use crate::register::dspt::{AssessmentYear, DsptLevel};
use crate::register::ods::Country;
use crate::register::{
    Code, CqcContactId, CqcLocation, CqcLocationId, CqcProviderId, Finding, Imported, OdsCode, OdsSiteCode,
    Register,
};

fn clock() -> Clock {
    Clock::still(Timestamp::parse_london("2026-03-02 09:00").expect("a time"))
}

fn options() -> Options {
    Options {
        by: "an operator".to_owned(),
        contact_key: Some(ContactKey::new([3; 32])),
        ..Options::default()
    }
}

async fn import(database: &Database, kind: ImportKind, text: &str) -> Result<Report, ImportRefusal> {
    run_bytes(database, &clock(), kind, "file.csv", text.as_bytes(), &options()).await
}

async fn takes(database: &Database, kind: ImportKind, text: &str) -> Report {
    let report = import(database, kind, text).await.unwrap_or_else(|why| panic!("{why}"));
    assert_eq!(report.rows, report.applied + report.unchanged + report.rejected, "{report}");
    report
}

fn location_id(text: &str) -> CqcLocationId {
    CqcLocationId::parse(text).expect("an ID")
}

async fn location(database: &Database, id: &str) -> CqcLocation {
    store::location(database, &location_id(id)).await.expect("an answer").expect("it is there")
}

fn counts(report: &Report) -> [usize; 4] {
    [report.applied, report.unchanged, report.rejected, report.closed]
}

const RATINGS_HEADER: &str = "Location ID,Location Name,Care Home?,Location Type,Location Primary Inspection Category,Location Street Address,Location Address Line 2,Location City,Location Post Code,Location Local Authority,Location Region,Location ONSPD CCG Code,Location ONSPD CCG,Location Commissioning CCG Code,Location Commissioning CCG Name,Service / Population Group,Domain,Latest Rating,Publication Date,Report Type,Inherited Rating (Y/N),URL,Provider ID,Provider Name,Brand ID,Brand Name\n";
const RATINGS_ROWS: &str = "1-10000792582,69 Tenter Lane,N,Social Care Org,Community based adult social care services,69 Tenter Lane,Warmsworth,Doncaster,DN4  9PE,Doncaster,Yorkshire and The Humber,E38000044,NHS Doncaster CCG,,,Overall,Overall,Requires improvement,20/11/2019,Location,Y,http://www.cqc.org.uk/location/1-10000792582,1-9098203603,Orchids Care Limited,-,-
1-7453047569,EACH The Nook,N,Independent Healthcare Org,Hospice services,Pigot Lane,Framingham Earl,Norwich,NR14 7PX,Norfolk,East of England,E38000239,NHS Norfolk and Waveney CCG,,,Overall,Overall,Outstanding,09/09/2016,Location,Y,http://www.cqc.org.uk/location/1-7453047569,1-101635487,East Anglia's Childrens Hospices,-,-
1-7453047569,EACH The Nook,N,Independent Healthcare Org,Hospice services,Pigot Lane,Framingham Earl,Norwich,NR14 7PX,Norfolk,East of England,E38000239,NHS Norfolk and Waveney CCG,,,Overall,Overall,Requires Improvement,07/04/2020,Location,N,http://www.cqc.org.uk/location/1-7453047569,1-101635487,East Anglia's Childrens Hospices,-,-
RX601,\"Ambulance Headquarters, Bernicia House\",N,NHS Healthcare Organisation,Ambulance service,The Waterfront,Goldcrest Way,Newcastle Upon Tyne,NE15 8NY,Newcastle upon Tyne,North East,E38000212,NHS Newcastle Gateshead CCG,,,Overall,Overall,Good,01/11/2016,Location,N,http://www.cqc.org.uk/location/RX601,RX6,North East Ambulance Service NHS Foundation Trust,-,-
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ratings_are_taken_row_by_row_and_the_same_file_again_changes_nothing() {
    for database in both_engines().await {
        let file = format!("{RATINGS_HEADER}{RATINGS_ROWS}");
        let report = takes(&database, ImportKind::CqcLocations, &file).await;
        // The second row of the same location says the same, as far as it is kept.
        assert_eq!(counts(&report), [3, 1, 0, 0], "{report}");
        assert_eq!(report.layout, "latest ratings");
        let again = takes(&database, ImportKind::CqcLocations, &file).await;
        assert_eq!(counts(&again), [0, 4, 0, 0], "{again}");
        assert_eq!(again.number, Some(2));
        let version = store::register_version(&database).await.expect("a version");
        assert_eq!(version, 1, "an import that changed nothing makes no index old");

        let tenter = location(&database, "1-10000792582").await;
        assert_eq!(tenter.postcode.as_ref().map(|code| code.as_str()), Some("DN4 9PE"));
        assert_eq!(tenter.provider_name.as_deref(), Some("Orchids Care Limited"));
        assert_eq!(tenter.town.as_deref(), Some("Doncaster"));
        assert!(tenter.is_social_care() && tenter.is_registered());
        assert_eq!(tenter.provenance.source, "CQC");
        let nook = location(&database, "1-7453047569").await;
        assert!(nook.is_hospice() && !nook.is_social_care() || !nook.is_social_care());
        let trust = location(&database, "RX601").await;
        assert_eq!(trust.provider_id.as_ref().map(|id| id.as_str()), Some("RX6"));
    }
}

#[tokio::test]
async fn a_second_row_that_says_something_else_is_rejected_with_its_line() {
    let database = sqlite().await;
    let file = format!("{RATINGS_HEADER}{RATINGS_ROWS}").replace(
        "1-7453047569,EACH The Nook,N,Independent Healthcare Org,Hospice services,Pigot Lane,Framingham Earl,Norwich,NR14 7PX,Norfolk,East of England,E38000239,NHS Norfolk and Waveney CCG,,,Overall,Overall,Requires Improvement",
        "1-7453047569,Another Nook,N,Independent Healthcare Org,Hospice services,Pigot Lane,Framingham Earl,Norwich,NR14 7PX,Norfolk,East of England,E38000239,NHS Norfolk and Waveney CCG,,,Overall,Overall,Good",
    );
    let report = takes(&database, ImportKind::CqcLocations, &file).await;
    assert_eq!(counts(&report), [3, 0, 1, 0]);
    assert_eq!((report.rejections[0].line, report.rejections[0].code.as_str()), (4, "1-7453047569"));
    assert!(report.rejections[0].reason.contains("line 3"), "{report}");
    assert_eq!(location(&database, "1-7453047569").await.name, "EACH The Nook");
}

const BODY: &str = r#"{"locationId":"1-10024040008","providerId":"1-9408305833","organisationType":"Location","type":"Social Care Org","name":"Ebenezer Care Services","odsCode":"VNHWE","registrationStatus":"Registered","registrationDate":"2021-03-31","dormancy":"Y","dormancyStartDate":"2023-06-01","careHome":"N","numberOfBeds":0,"mainPhoneNumber":"01616691029","localAuthority":"Oldham","region":"North West","postalAddressLine1":"S/C 2-5, Ivy Business Centre","postalAddressTownCity":"Manchester","postalCode":"M35 9BG","gacServiceTypes":[{"description":"Domiciliary care service","name":"Homecare agencies"}],"regulatedActivities":[{"code":"RA1","contacts":[{"personFamilyName":"PERSONA","personGivenName":"GIVENNA","personRoles":["Registered Manager"],"personTitle":"Mx"}],"name":"Personal care"}],"relationships":[]}"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_of_the_api_are_read_and_nobodys_name_is_kept() {
    for database in both_engines().await {
        let file = format!(
            "\u{feff}{BODY}\r\n\r\n{}",
            BODY.replace("\"odsCode\":\"VNHWE\",", "").replace("1-10024040008", "1-10024040009")
        );
        let report = takes(&database, ImportKind::CqcLocations, &file).await;
        assert_eq!(counts(&report), [2, 0, 0, 0], "{report}");
        let ebenezer = location(&database, "1-10024040008").await;
        assert_eq!(ebenezer.dormant, Some(true));
        assert_eq!(ebenezer.status, RegistrationStatus::Registered);
        assert_eq!(ebenezer.registered_on.map(Day::iso).as_deref(), Some("2021-03-31"));
        assert_eq!(ebenezer.beds, Some(0));
        // A field without a value is an absent key.
        let without = location(&database, "1-10024040009").await;
        assert_eq!((without.ods_code, without.deregistered_on), (None, None));
        nobody_is_named(&database).await;

        // A body that ends in the middle is a rejection, and what is there stays.
        let cut = format!("{BODY}\n{}\nnot json", &BODY[..300]);
        let report = takes_or_refuses(&database, &cut).await;
        assert!(
            report
                .is_err_and(|why| matches!(why, ImportRefusal::NothingReadable { rows: 3, rejected: 2, .. }))
        );
        let report =
            takes(&database, ImportKind::CqcLocations, &format!("{BODY}\n{BODY}\n{}", &BODY[..300])).await;
        assert_eq!(counts(&report), [0, 2, 1, 0]);
        assert!(report.rejections[0].reason.contains("ends in the middle"), "{report}");
        assert_eq!(report.rejections[0].line, 3);
    }
}

async fn takes_or_refuses(database: &Database, text: &str) -> Result<Report, ImportRefusal> {
    import(database, ImportKind::CqcLocations, text).await
}

async fn nobody_is_named(database: &Database) {
    let names = Arc::new(Mutex::new(Vec::new()));
    let found = Arc::clone(&names);
    for table in [&store::CQC_LOCATIONS, &store::CQC_PROVIDERS] {
        let found = Arc::clone(&found);
        table
            .each_known(database, move |row| {
                let facts = row.facts;
                for person in ["PERSONA", "GIVENNA", "Personson"] {
                    if facts.contains(person) {
                        found.lock().expect("unpoisoned").push(facts.clone());
                    }
                }
            })
            .await
            .expect("read");
    }
    assert!(names.lock().expect("unpoisoned").is_empty(), "{names:?}");
}

/// A directory of one layout with some sites of consecutive numbers.
fn directory(preamble: &str, authority: &str, id_column: &str, sites: std::ops::Range<u32>) -> String {
    let mut file = format!(
        "{preamble}Name,Also known as,Address,Postcode,Phone number,Service's website (if available),Service types,Date of latest check,Specialisms/services,Provider name,{authority},Region,Location URL,{id_column},CQC Provider ID (for office use only)\n"
    );
    for number in sites {
        file.push_str(&format!(
            "House {number},-,\"{number} High Street, Shaw, Oldham\",OL2 8SP,0161 496 0000,,Residential homes|Nursing homes,2025-01-02,Dementia|Physical disabilities,Oak Care Limited,Oldham,North West,https://www.cqc.org.uk/location/1-{0},1-{0},1-222222222\n",
            100_000_000 + number
        ));
    }
    file
}

const NEW_ID: &str = "CQC Location ID (for office use only)";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_layout_of_the_directory_is_read() {
    for database in both_engines().await {
        let preamble = "\u{feff}CQC Locations data,,\n\nThis data was produced on 29 July 2026\n,,,\n";
        let new = directory(preamble, "Local authority", NEW_ID, 0..3);
        let report = takes(&database, ImportKind::CqcLocations, &new).await;
        assert_eq!(counts(&report), [3, 0, 0, 0], "{report}");
        assert_eq!((report.layout, report.data_date.as_deref()), ("directory", Some("2026-07-29")));
        // The header of 2020 lost a bracket and wrote Authority with a capital letter.
        let old = directory("", "Local Authority", "\"CQC Location (for office use only\"", 0..3);
        assert_eq!(counts(&takes(&database, ImportKind::CqcLocations, &old).await), [0, 3, 0, 0]);
        let house = location(&database, "1-100000001").await;
        assert_eq!(house.address, ["1 High Street", "Shaw", "Oldham"]);
        assert_eq!(house.also_known_as, None);
        assert_eq!(house.local_authority.as_deref(), Some("Oldham"));
        assert!(house.is_social_care(), "by its services: the layout has no type");
        assert_eq!(house.provenance.data_date.map(Day::iso).as_deref(), Some("2026-07-29"));
        // The third layout has the address in four columns.
        let third = "Name,Also known as,Address 1,Address 2,Town/City,County,Postcode,Service types,Provider name,CQC Location ID (for office use only),CQC Provider ID (for office use only)\n\
            House 1,,1 High Street,Shaw,Oldham,Lancashire,ol28sp,Residential homes,Oak Care Limited,1-100000001,1-222222222\n\
            House 0,,0 High Street,Shaw,Oldham,Lancashire,OL2 8SP,Residential homes,Oak Care Limited,1-100000000,1-222222222\n\
            House 2,,2 High Street,Shaw,Oldham,Lancashire,OL2 8SP,Residential homes,Oak Care Limited,1-100000002,1-222222222\n";
        assert_eq!(counts(&takes(&database, ImportKind::CqcLocations, third).await), [3, 0, 0, 0]);
        let house = location(&database, "1-100000001").await;
        assert_eq!(house.town.as_deref(), Some("Oldham"));
        assert_eq!(
            house.telephone.as_deref(),
            Some("0161 496 0000"),
            "this layout has no telephone and erases none"
        );
    }
}

#[tokio::test]
async fn the_day_of_the_data_is_read_from_the_files_name() {
    let check = |name: &str, day: Option<&str>| {
        assert_eq!(dates::day_in_name(name).map(Day::iso).as_deref(), day, "{name}")
    };
    check("29_July_2026_CQC_directory.csv", Some("2026-07-29"));
    check("01 Oct 2026 HSCA_Active_Locations.csv", Some("2026-10-01"));
    check("dspt_search_results_2022-09-09_half.csv", Some("2022-09-09"));
    check("ecarehomesite_20260131.csv", Some("2026-01-31"));
    check("2021.csv", None);
    check("report-12345678.csv", None);
}

const HSCA: &str = "Location ID,Location HSCA start date,Dormant (Y/N),Care home?,Location Name,Location ODS Code,Location Telephone Number,Registered manager,Care homes beds,Location Type/Sector,Location Latest Overall Rating,Publication Date,Location Region,Location Local Authority,Location Street Address,Location Address Line 2,Location City,Location County,Location Postal Code,Brand ID,Brand Name,Provider ID,Provider Name,Provider HSCA start date,Provider Nominated Individual Name,Provider Main Partner Name,Regulated activity - Personal care,Service type - Homecare agencies,Service type - Residential homes\n\
1-10024040008,2021-03-31,Y,N,Ebenezer Care Services,VNHWE,01616691029,Personson Ann,0,Social Care Org,Requires Improvement,20/11/2024,North West,Oldham,Ivy Business Centre,Crown Street,Manchester,,M35  9BG,-,-,1-9408305833,Ebenezer Care Services Limited,31/01/2026,Personson Bob,Personson Cas,Y,Y,\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_active_locations_bring_codes_and_a_later_layout_without_them_erases_none() {
    for database in both_engines().await {
        let report = takes(&database, ImportKind::CqcLocations, HSCA).await;
        assert_eq!((report.layout, report.applied), ("HSCA active locations", 1), "{report}");
        let ratings = format!(
            "{RATINGS_HEADER}1-10024040008,Ebenezer Care,N,Social Care Org,x,Ivy Business Centre,,Manchester,M35 9BG,Oldham,North West,,,,,Overall,Overall,Good,20/11/2024,Location,N,u,1-9408305833,Ebenezer Care Services Limited,-,-\n"
        );
        assert_eq!(takes(&database, ImportKind::CqcLocations, &ratings).await.applied, 1);
        let ebenezer = location(&database, "1-10024040008").await;
        assert_eq!(ebenezer.name, "Ebenezer Care");
        assert_eq!(ebenezer.ods_code.as_ref().map(|code| code.as_str()), Some("VNHWE"));
        assert_eq!(ebenezer.service_types, ["Homecare agencies"]);
        assert_eq!(ebenezer.dormant, Some(true));
        // Two forms of date in one file.
        assert_eq!(ebenezer.registered_on.map(Day::iso).as_deref(), Some("2021-03-31"));
        assert_eq!(ebenezer.provider_registered_on.map(Day::iso).as_deref(), Some("2026-01-31"));
        nobody_is_named(&database).await;
        // Each of the columns that name people is in the file this was tried on.
        for person in subject::PEOPLE {
            assert!(HSCA.contains(person));
        }
    }
}

#[tokio::test]
async fn a_list_of_active_locations_does_not_bring_back_a_cancelled_one() {
    let database = sqlite().await;
    let gone = BODY.replace(
        "\"registrationStatus\":\"Registered\"",
        "\"registrationStatus\":\"Deregistered\",\"deregistrationDate\":\"2026-01-31\"",
    );
    takes(&database, ImportKind::CqcLocations, &gone).await;
    takes(&database, ImportKind::CqcLocations, HSCA).await;
    let ebenezer = location(&database, "1-10024040008").await;
    assert_eq!(ebenezer.status, RegistrationStatus::Deregistered);
    assert_eq!(ebenezer.deregistered_on.map(Day::iso).as_deref(), Some("2026-01-31"));
}

#[tokio::test]
async fn a_column_that_is_needed_and_missing_is_named() {
    let database = sqlite().await;
    let check = async |kind: ImportKind, file: &str, column: &str| {
        let why = import(&database, kind, file).await.expect_err("refused").to_string();
        assert!(why.contains(column) && why.contains("missing"), "{why}");
    };
    let directory = directory("", "Local authority", NEW_ID, 0..3);
    check(ImportKind::CqcLocations, &directory.replace(NEW_ID, "Number"), "Location ID").await;
    check(ImportKind::CqcLocations, &directory.replace("Postcode", "Zip"), "Location Postal Code").await;
    check(ImportKind::CqcLocations, &HSCA.replace("Location ODS Code", "Code"), "Location ODS Code").await;
    check(
        ImportKind::Dspt,
        "Code,Organisation Name,Date Of Publication,Primary Sector\nVN139,X,,Social Care\n",
        "Status",
    )
    .await;
    check(ImportKind::SiteContacts, "Location ID,Email,Telephone\n", "Contact ID").await;
    check(ImportKind::Dspt, "", "Code").await;
}

#[tokio::test]
async fn what_is_no_text_at_all_is_named() {
    let database = sqlite().await;
    for (bytes, word) in [
        (&b"PK\x03\x04rest of a spreadsheet"[..], "spreadsheet"),
        (b"\x1f\x8b\x08", "compressed"),
        (b"<!DOCTYPE html><html>", "web page"),
    ] {
        let why = run_bytes(&database, &clock(), ImportKind::Dspt, "x", bytes, &options())
            .await
            .expect_err("refused");
        assert!(why.to_string().contains(word), "{why}");
    }
}

/// What is held, and why; nothing of it is written.
async fn held(database: &Database, kind: ImportKind, name: &str, text: &str) -> Report {
    let report = run_bytes(database, &clock(), kind, name, text.as_bytes(), &options())
        .await
        .unwrap_or_else(|why| panic!("{why}"));
    assert!(report.held.is_some() && report.number.is_none(), "{report}");
    report
}

async fn released(database: &Database, id: &str, by: &'static str) -> Released {
    let (id, now) = (id.to_owned(), clock().now());
    database
        .write::<_, Error, _>(crate::database::transaction!(async move |tx| {
            release(tx, &id, by, now).await
        }))
        .await
        .expect("an answer")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_cut_short_waits_until_two_people_have_looked() {
    for database in both_engines().await {
        let whole = directory("", "Local authority", NEW_ID, 0..200);
        takes(&database, ImportKind::CqcLocations, &whole).await;
        let two_less = directory("", "Local authority", NEW_ID, 2..200);
        let three_less = directory("", "Local authority", NEW_ID, 3..200);
        let report = held(&database, ImportKind::CqcLocations, "file.csv", &three_less).await;
        assert!(report.details.waits_because[0].contains("3 of the 200"), "{report}");
        assert_eq!(report.details.closed[0].0, "1-100000000");
        assert!(location(&database, "1-100000000").await.is_registered(), "nothing is changed yet");
        // The same file again is the same import that waits.
        let again = held(&database, ImportKind::CqcLocations, "file.csv", &three_less).await;
        assert_eq!(again.held, report.held);
        // Half a file ends in the middle of a row, which is no reason to close the rest.
        let half = held(&database, ImportKind::CqcLocations, "file.csv", &whole[..whole.len() / 2 + 9]).await;
        assert_eq!(half.rejected, 1, "{half}");
        // No rows at all is the shortest file.
        let header = whole.split_inclusive('\n').next().expect("a header");
        held(&database, ImportKind::CqcLocations, "file.csv", header).await;

        let id = report.held.expect("held");
        assert_eq!(released(&database, &id, "ann").await, Released::First);
        assert_eq!(released(&database, &id, "ann").await, Released::SamePerson);
        assert!(location(&database, "1-100000000").await.is_registered(), "one person is not enough");
        assert_eq!(released(&database, &id, "bob").await, Released::Imported(2));
        assert_eq!(released(&database, &id, "cas").await, Released::NotWaiting);
        let gone = location(&database, "1-100000000").await;
        assert!(gone.gone_from_register_at.is_some() && !gone.is_registered());
        assert!(location(&database, "1-100000003").await.is_registered());
        // What waited beside it was compared with what is no more.
        assert_eq!(released(&database, &half.held.expect("held"), "ann").await, Released::Outdated);
        // Those that come back are there again.
        assert_eq!(counts(&takes(&database, ImportKind::CqcLocations, &whole).await), [3, 197, 0, 0]);
        assert_eq!(counts(&takes(&database, ImportKind::CqcLocations, &two_less).await), [0, 198, 0, 2]);
    }
}

#[tokio::test]
async fn a_file_that_closes_too_many_at_once_waits_even_if_it_is_not_a_full_picture() {
    let database = sqlite().await;
    let body = |number: u32, status: &str| {
        BODY.replace("1-10024040008", &format!("1-{}", 100_000_000 + number))
            .replace("\"registrationStatus\":\"Registered\"", &format!("\"registrationStatus\":\"{status}\""))
    };
    let file = |closed: u32| -> String {
        (0..200)
            .map(|number| body(number, if number < closed { "Deregistered" } else { "Registered" }) + "\n")
            .collect()
    };
    takes(&database, ImportKind::CqcLocations, &file(0)).await;
    let report = takes(&database, ImportKind::CqcLocations, &file(2)).await;
    assert_eq!((report.closed, report.held), (2, None));
    held(&database, ImportKind::CqcLocations, "file.csv", &file(10)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn contacts_that_all_become_one_address_wait_for_two_people() {
    for database in both_engines().await {
        let contacts = |address: fn(u32) -> String| -> String {
            let rows =
                (0..54).map(|number| format!("1-{},1-7{0},{},\n", 200_000_000 + number, address(number)));
            "Location ID,Contact ID,Email,Telephone\n".to_owned() + &rows.collect::<String>()
        };
        let right = contacts(|number| format!("manager@home{number}.example"));
        assert_eq!(takes(&database, ImportKind::SiteContacts, &right).await.applied, 54);
        let wrong = contacts(|_| "attacker@evil.example".to_owned());
        let report = held(&database, ImportKind::SiteContacts, "contacts.csv", &wrong).await;
        let words = report.details.waits_because.join(" ");
        assert!(words.contains("54 of the 54") && words.contains("54 of them get the same one"), "{words}");
        assert!(!report.json().contains("evil.example"), "a report repeats no address");
        let first = store::site_contacts(&database, &location_id("1-200000000")).await.expect("read");
        assert_eq!(
            first.expect("there").emails().collect::<Vec<_>>(),
            ["manager@home0.example"],
            "nothing is changed"
        );
        // Two of 54 is less than the limit.
        let two = right.replace("@home3.", "@new3.").replace("@home4.", "@new4.");
        assert_eq!(counts(&takes(&database, ImportKind::SiteContacts, &two).await), [2, 52, 0, 0]);
        // The number at which a registration is confirmed by telephone is a contact too.
        let site = |number: u32, telephone: &str| {
            BODY.replace("1-10024040008", &format!("1-{}", 100_000_000 + number))
                .replace("01616691029", telephone)
        };
        let file = |telephone: &str| (0..10).map(|n| site(n, telephone) + "\n").collect::<String>();
        takes(&database, ImportKind::CqcLocations, &file("0161 669 1029")).await;
        assert!(takes(&database, ImportKind::CqcLocations, &file("+44 1616691029")).await.held.is_none());
        held(&database, ImportKind::CqcLocations, "locations.ndjson", &file("07700900999")).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn older_data_never_takes_the_place_of_newer() {
    for database in both_engines().await {
        let import = async |kind: ImportKind, name: &str, text: &str| {
            run_bytes(&database, &clock(), kind, name, text.as_bytes(), &options()).await.expect("read")
        };
        let kind = ImportKind::CqcLocations;
        let march = directory("", "Local authority", NEW_ID, 0..3);
        let february = march.replace("House 1", "Old House 1");
        assert_eq!(import(kind, "03_March_2026_CQC_directory.csv", &march).await.applied, 3);
        // The same layout as a whole: it waits.
        let report = import(kind, "01_February_2026_CQC_directory.csv", &february).await;
        assert!(report.details.waits_because[0].contains("1 February 2026"), "{report}");
        assert_eq!(location(&database, "1-100000001").await.name, "House 1");
        // Another layout, value by value: what the newer one does not have is taken from the older.
        let ratings = format!(
            "{RATINGS_HEADER}1-100000001,Ancient House,Y,Social Care Org,x,1 Old Street,,Oldham,OL2 8SP,Oldham,North West,,,,,Overall,Overall,Good,20/11/2020,Location,N,u,1-999999999,Old Provider,-,-\n"
        );
        let report = import(kind, "latest_ratings_2021.csv", &ratings).await;
        assert_eq!(
            (report.held, report.details.kept_newer, report.data_date.as_deref()),
            (None, 1, Some("2021-12-31"))
        );
        let house = location(&database, "1-100000001").await;
        assert_eq!(
            (house.name.as_str(), house.provider_name.as_deref()),
            ("House 1", Some("Oak Care Limited"))
        );
        assert_eq!(house.organisation_type.as_deref(), Some("Social Care Org"), "the directory has no type");
        // Each value keeps its day: a directory of 2022 has nothing newer than March 2026, a list of
        // ratings of 2022 has a newer type.
        let later = ratings.replace("Social Care Org", "Independent Healthcare Org");
        import(kind, "ratings 09_09_2022 12_44_07.csv", &later).await;
        let house = location(&database, "1-100000001").await;
        assert_eq!(
            (house.name.as_str(), house.organisation_type.as_deref()),
            ("House 1", Some("Independent Healthcare Org"))
        );
        // Newer data that says the same makes the values newer.
        assert_eq!(counts(&import(kind, "10_March_2026_CQC_directory.csv", &march).await), [0, 3, 0, 0]);
        let ninth = import(kind, "09_March_2026_CQC_directory.csv", &february).await;
        assert!(ninth.held.is_some(), "{ninth}");
        // A full picture that is older closes nothing that is newer, in whatever layout it comes.
        let active = import(kind, "01_March_2026_HSCA_Active_Locations.csv", HSCA).await;
        assert_eq!((active.applied, active.closed), (1, 0), "{active}");

        let kind = ImportKind::Dspt;
        import(kind, "dspt_search_results 09_09_2022 12_44_07.csv", DSPT).await;
        let older = DSPT.replace("21/22 Standards Met,24/06/2022", "20/21 Standards Met,24/06/2021");
        let report = import(kind, "dspt_search_results 08_09_2022 12_44_07.csv", &older).await;
        let id = report.held.expect("it waits");
        let year = async || status(&database, "VN139").await.expect("there").year;
        assert_eq!(year().await, Some(AssessmentYear::starting(2021)));
        // Two people may know better.
        released(&database, &id, "ann").await;
        released(&database, &id, "bob").await;
        assert_eq!(year().await, Some(AssessmentYear::starting(2020)));
    }
}

#[tokio::test]
async fn a_cancelled_location_that_an_older_list_names_stays_gone() {
    let database = sqlite().await;
    let kind = ImportKind::CqcLocations;
    let import = async |name: &str, text: &str| {
        let all = Options { limits: Limits::NONE, ..options() };
        run_bytes(&database, &clock(), kind, name, text.as_bytes(), &all).await.expect("read")
    };
    import("01_January_2026_directory.csv", &directory("", "Local authority", NEW_ID, 0..3)).await;
    import("01_March_2026_directory.csv", &directory("", "Local authority", NEW_ID, 1..3)).await;
    assert!(!location(&database, "1-100000000").await.is_registered());
    let body = BODY.replace("1-10024040008", "1-100000000");
    import("locations_2026-02-01.ndjson", &body).await;
    assert!(!location(&database, "1-100000000").await.is_registered());
    import("locations_2026-03-01.ndjson", &body).await;
    assert!(location(&database, "1-100000000").await.is_registered());
}

/// Each damaged file is refused whole, and the words name the line.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_file_is_refused_by_line_and_closes_nothing() {
    for database in both_engines().await {
        let whole = directory("CQC Locations data\n", "Local authority", NEW_ID, 0..100);
        takes(&database, ImportKind::CqcLocations, &whole).await;
        let row = |number: u32| format!("House {number},-,\"{number} High Street, Shaw, Oldham\",");
        assert!(whole.contains(&row(96)));
        for (file, line) in [
            // A quotation mark before a name, with others after it, and as the last in the file.
            (whole.replace("House 96,", "\"House 96,"), 99),
            (whole.replace("Oldham\",OL2 8SP", "Oldham,OL2 8SP").replace("House 96,", "\"House 96,"), 3),
            (whole.replace("1-100000099,1-222222222", "1-100000099,\"1-222222222"), 102),
            (whole.replace("House 96,", "House \"96,"), 99),
            (whole.replace("House 96,", "House 96\","), 99),
            (whole.replace("House 96,", "House\0 96,"), 99),
            (whole.replace("House 96,-,", "House 96,"), 99),
            (whole.replace("House 96,-,", "House 96,-,-,"), 99),
            (whole.replace(&row(96), &row(96).replace("Oldham\"", "Oldham")), 99),
            (whole.replace(&row(96), &row(96).replace("\"96", "96")), 99),
        ] {
            let why = import(&database, ImportKind::CqcLocations, &file).await.expect_err("damaged");
            let words = why.to_string();
            assert!(matches!(why, ImportRefusal::Damaged { .. }), "{words}");
            assert!(words.contains(&format!("line {line},")), "{words}");
        }
        // Marks that swallow whole rows and end well: the row that begins so is named.
        let rows: String = (0..100)
            .map(|number| {
                format!(
                    "1-{},House {number},OL2 8SP,1-222222222,2025-01-31,VT{number:03},\n",
                    100_000_000 + number
                )
            })
            .collect();
        let active = "Location ID,Location Name,Location Postal Code,Provider ID,Location HSCA start date,Location ODS Code,Registered manager\n".to_owned() + &rows;
        takes(&database, ImportKind::CqcLocations, &active).await;
        let swallowed = active.replace("House 96,", "\"House 96,").replace(",House 99,", ",House 99\",");
        let why = import(&database, ImportKind::CqcLocations, &swallowed).await.expect_err("damaged");
        assert!(why.to_string().contains("line 98,"), "{why}");
        let swallowed = active.replace("House 96,", "\"House 96,");
        let why = import(&database, ImportKind::CqcLocations, &swallowed).await.expect_err("damaged");
        assert!(why.to_string().contains("line 98,"), "{why}");
        for number in [96, 97, 98, 99] {
            assert!(location(&database, &format!("1-{}", 100_000_000 + number)).await.is_registered());
        }
        // An address on several lines is no damage.
        let address =
            whole.replace("\"5 High Street, Shaw, Oldham\"", "\"5 High Street\nShaw\nOldham, Lancashire\"");
        assert_eq!(counts(&takes(&database, ImportKind::CqcLocations, &address).await), [1, 99, 0, 0]);
        assert_eq!(
            location(&database, "1-100000005").await.address,
            ["5 High Street", "Shaw", "Oldham", "Lancashire"]
        );
    }
}

#[tokio::test]
async fn one_odd_field_does_not_cost_the_row_and_is_listed() {
    let database = sqlite().await;
    let odd = |report: &Report| -> Vec<(u64, String)> {
        report.details.odd.iter().map(|odd| (odd.line, odd.field.clone())).collect()
    };
    let body = BODY
        .replace("\"relationships\":[]", "\"relationships\":null")
        .replace("\"numberOfBeds\":0", "\"numberOfBeds\":\"24\"")
        .replace("\"odsCode\":\"VNHWE\"", "\"odsCode\":\"01/04/2004\"")
        .replace("\"registrationDate\":\"2021-03-31\"", "\"registrationDate\":\"soon\"");
    let report = takes(&database, ImportKind::CqcLocations, &body).await;
    assert_eq!(counts(&report), [1, 0, 0, 0], "{report}");
    let fields: Vec<String> = odd(&report).into_iter().map(|(_, field)| field).collect();
    for field in ["relationships", "numberOfBeds", "odsCode", "registrationDate"] {
        assert!(fields.iter().any(|odd| odd == field), "{fields:?}");
    }
    let ebenezer = location(&database, "1-10024040008").await;
    assert_eq!((ebenezer.beds, ebenezer.ods_code, ebenezer.registered_on), (Some(24), None, None));
    // What is odd later does not take away what is known.
    let related = BODY.replace("\"relationships\":[]", "\"relationships\":[{\"relatedLocationId\":\"1-100000002\",\"relatedLocationName\":\"Next\",\"type\":\"HSCA Successor\",\"reason\":\"New Provider\"}]");
    takes(&database, ImportKind::CqcLocations, &related).await;
    takes(&database, ImportKind::CqcLocations, &body).await;
    let ebenezer = location(&database, "1-10024040008").await;
    assert_eq!(ebenezer.successors.len(), 1);
    assert_eq!(ebenezer.ods_code.as_ref().map(|code| code.as_str()), Some("VNHWE"));

    for (word, line) in [("N/A", true), ("-", false), ("NULL", true), ("#N/A", true), ("01/04/2004", true)] {
        let database = sqlite().await;
        let file = HSCA.replace(",VNHWE,", &format!(",{word},"));
        let report = takes(&database, ImportKind::CqcLocations, &file).await;
        assert_eq!(counts(&report), [1, 0, 0, 0], "{word}: {report}");
        let expected = if line { vec![(2, "Location ODS Code".to_owned())] } else { Vec::new() };
        assert_eq!(odd(&report), expected, "{word}");
        assert_eq!(location(&database, "1-10024040008").await.ods_code, None);
    }
    let database = sqlite().await;
    let file = HSCA.replace("2021-03-31", "31/31/2021").replace(",0,Social", ",many,Social");
    let report = takes(&database, ImportKind::CqcLocations, &file).await;
    assert_eq!((report.applied, report.details.odd_fields), (1, 2), "{report}");
}

#[tokio::test]
async fn words_for_a_status_are_known_and_an_unknown_one_costs_its_row() {
    let database = sqlite().await;
    let file = "Location ID,Location Name,Location Status,HSCA End Date,Location Postal Code\n\
        1-100000001,One,Inactive-Dereg,31/01/2026,OL2 8SP\n\
        1-100000002,Two,Removed,,OL2 8SP\n\
        1-100000003,Three,On the moon,,OL2 8SP\n\
        1-100000004,Four,De-registered,01/02/2026,OL2 8SP\n\
        1-100000005,Five,Somewhere else,,OL2 8SP\n\
        1-100000006,Six,Strange,,OL2 8SP\n";
    let report = takes(&database, ImportKind::CqcLocations, file).await;
    assert_eq!(counts(&report), [3, 0, 3, 0], "{report}");
    assert!(
        report.rejections[0].reason.contains("On the moon") && report.rejections[0].line == 4,
        "{report}"
    );
    for id in ["1-100000001", "1-100000002", "1-100000004"] {
        assert!(!location(&database, id).await.is_registered(), "{id}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cells_that_a_spreadsheet_left_out_at_the_end_are_empty() {
    for database in both_engines().await {
        let file = "Location ID,Contact ID,Email,Telephone\n1-200000001,1-7200000001,manager@home1.example,01632960001\n1-200000002,1-7200000002,manager@home2.example\n1-200000003,1-7200000003\n1-200000004,1-7200000004,nobody,01632960004\n";
        let report = takes(&database, ImportKind::SiteContacts, file).await;
        assert_eq!((counts(&report), report.details.odd_fields), ([4, 0, 0, 0], 1), "{report}");
        let email = async |id: &str| {
            let contacts =
                store::site_contacts(&database, &location_id(id)).await.expect("read").expect("there");
            contacts.emails().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(email("1-200000002").await, ["manager@home2.example"]);
        assert_eq!(email("1-200000004").await, [""; 0]);

        // A value that a row does not reach to is not erased.
        takes(&database, ImportKind::CqcLocations, HSCA).await;
        let short = HSCA.replace(",Personson Bob,Personson Cas,Y,Y,\n", "\n");
        assert_eq!(takes(&database, ImportKind::CqcLocations, &short).await.rejected, 0);
        assert_eq!(location(&database, "1-10024040008").await.service_types, ["Homecare agencies"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn letters_and_line_ends_of_every_kind_are_read() {
    let name = "St Mary’s Court – Annexe";
    let file = directory("", "Local authority", NEW_ID, 0..3).replace("House 1", name);
    let utf16 = |big: bool| -> Vec<u8> {
        let mark = if big { vec![0xfe, 0xff] } else { vec![0xff, 0xfe] };
        let units = file.encode_utf16();
        mark.into_iter()
            .chain(units.flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }))
            .collect()
    };
    let western = encoding_rs::WINDOWS_1252.encode(&file).0.into_owned();
    let mut mixed = western.clone();
    mixed.extend(
        "Café 4,-,x,OL2 8SP,,,Nursing homes,,,Oak,Oldham,North West,,1-100000004,1-222222222\n".bytes(),
    );
    for (what, bytes) in [
        ("UTF-8", file.clone().into_bytes()),
        ("UTF-8 with its mark", [&[0xef, 0xbb, 0xbf], file.as_bytes()].concat()),
        ("UTF-16, small end first", utf16(false)),
        ("UTF-16, big end first", utf16(true)),
        ("UTF-16 without its mark", utf16(false)[2..].to_vec()),
        ("Windows-1252", western.clone()),
        ("Windows-1252 and UTF-8", mixed),
        ("CR LF", file.replace('\n', "\r\n").into_bytes()),
        ("CR", file.replace('\n', "\r").into_bytes()),
        (
            "CR in Windows-1252",
            western.iter().map(|byte| if *byte == b'\n' { b'\r' } else { *byte }).collect(),
        ),
        ("tabs", file.replace(", ", "; ").replace(',', "\t").into_bytes()),
    ] {
        let database = sqlite().await;
        let report = run_bytes(&database, &clock(), ImportKind::CqcLocations, "d.csv", &bytes, &options())
            .await
            .unwrap_or_else(|why| panic!("{what}: {why}"));
        assert!(report.applied >= 3 && report.rejected == 0, "{what}: {report}");
        assert_eq!(location(&database, "1-100000001").await.name, name, "{what}");
        assert_eq!(location(&database, "1-100000002").await.name, "House 2", "{what}");
    }
}

#[tokio::test]
async fn dates_of_a_file_are_read_in_its_own_order_or_not_at_all() {
    let row = |code: &str, day: &str| format!("{code},NAME,21/22 Standards Met,{day},Social Care\n");
    let header = "Code,Organisation Name,Status,Date Of Publication,Primary Sector\n";
    let database = sqlite().await;
    let american = header.to_owned() + &row("VN100", "6/30/2022") + &row("VN101", "3/4/2022");
    takes(&database, ImportKind::Dspt, &american).await;
    let day = status(&database, "VN101").await.expect("there").published_on;
    assert_eq!(day.map(Day::iso).as_deref(), Some("2022-03-04"));
    let both = header.to_owned() + &row("VN100", "6/30/2022") + &row("VN101", "30/6/2022");
    let why = import(&database, ImportKind::Dspt, &both).await.expect_err("two orders").to_string();
    assert!(why.contains("line 2") && why.contains("line 3"), "{why}");
    let unclear: String = header.to_owned()
        + &(1..=12)
            .flat_map(|a| (1..=4).map(move |b| (a, b)))
            .map(|(a, b)| row(&format!("VN{a}{b:02}"), &format!("{a}/{b}/2022")))
            .collect::<String>();
    assert!(import(&database, ImportKind::Dspt, &unclear).await.is_err());
}

#[tokio::test]
async fn services_separated_by_commas_are_several() {
    let database = sqlite().await;
    let file = directory("", "Local authority", NEW_ID, 0..2)
        .replace("Residential homes|Nursing homes", "\"Homecare agencies,Supported living\"");
    takes(&database, ImportKind::CqcLocations, &file).await;
    let house = location(&database, "1-100000001").await;
    assert_eq!(house.service_types, ["Homecare agencies", "Supported living"]);
    assert!(house.is_social_care());
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_not_taken_for_one_that_is_gone() {
    let database = sqlite().await;
    let file = directory("", "Local authority", NEW_ID, 0..10);
    takes(&database, ImportKind::CqcLocations, &file).await;
    let report = takes(&database, ImportKind::CqcLocations, &file.replace("House 3,", ",")).await;
    assert_eq!(counts(&report), [0, 9, 1, 0], "{report}");
    assert!(location(&database, "1-100000003").await.is_registered());
}

const DSPT: &str = "\u{feff}Code,Organisation Name,Status,Date Of Publication,Primary Sector,Commissioner (From ODS)\r\n\
VN139,HEATHBANK SUPPORT SERVICES,21/22 Standards Met,24/06/2022,Social Care,\r\n\
VM9PR,TREETOPS NURSING HOME,Not Published,,No Sector Identified,\r\n\
8hk29,Ardeo Limited,19/20 Standards Exceeded,01/06/2020,Company,\r\n\
8A738CLOSED,PRIMECARE (8A738CLOSED),19/20 Standards Met,25/11/2019,Social Care,\r\n\
VL0GTClosed,4 BEAULY WAY,21/22 Approaching Standards,12/10/2021,Social Care,\r\n\
01/04/2004,THE NEW LODGE NURSING CARE LTD - HQ,21/22 Standards Met,24/06/2022,Social Care,\r\n\
VLN99,TURNING POINT,24/25 Outcomes Achieved,2025-06-30,Social Care,\r\n\
EE133799-SSCM-CPCSCAPS,UNIVERSITY OF BRISTOL,21/22 Standards Met,29/06/2022,University,\r\n";

async fn status(database: &Database, code: &str) -> Option<crate::register::DsptStatus> {
    let code = OdsCode::parse(code).expect("a code");
    store::dspt(database, &code).await.expect("an answer")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dspt_rows_with_damaged_codes_are_rejected_by_line_and_the_rest_is_taken() {
    for database in both_engines().await {
        let report = takes(&database, ImportKind::Dspt, DSPT).await;
        assert_eq!(counts(&report), [5, 0, 3, 0], "{report}");
        let lines: Vec<(u64, &str)> =
            report.rejections.iter().map(|one| (one.line, one.code.as_str())).collect();
        assert_eq!(lines, [(5, "8A738CLOSED"), (6, "VL0GTCLOSED"), (7, "01/04/2004")]);
        assert!(report.rejections[2].reason.contains("spreadsheet"), "{report}");
        let row = status(&database, "VN139").await.expect("there");
        assert_eq!((row.level, row.year), (DsptLevel::StandardsMet, Some(AssessmentYear::starting(2021))));
        assert_eq!(row.published_on.map(Day::iso).as_deref(), Some("2022-06-24"));
        assert!(status(&database, "8HK29").await.is_some(), "lower case in the file");
        assert_eq!(
            status(&database, "VLN99").await.expect("there").level,
            DsptLevel::Unknown("Outcomes Achieved".to_owned())
        );
        assert_eq!(status(&database, "VL0GT").await, None);
    }
}

#[tokio::test]
async fn the_dspt_headers_of_2019_and_2023_are_read() {
    let database = sqlite().await;
    let newer =
        DSPT.replace("Commissioner (From ODS)", "\"Integrated Care Board (where available, from ODS)\"");
    assert_eq!(takes(&database, ImportKind::Dspt, &newer).await.applied, 5);
    let database = sqlite().await;
    let older = "OrganisationName,ODSCode,PublicationStatus,DateOfPublication,PrimarySector,CCG (from ODS and CQC)\n\
        HEATHBANK,VN139,Standards Met,25/03/2019,Social Care,\n\
        A TRUST,R0A,Standards not fully met (plan agreed),28/03/2019,NHS Trust,\n\
        MILLFIELD,VLD2G,Standards Met (19-20),01/05/2019,Social Care,\n\
        NOBODY,VN999,,,Social Care,\n";
    assert_eq!(takes(&database, ImportKind::Dspt, older).await.applied, 4);
    let row = status(&database, "VN139").await.expect("there");
    assert_eq!(row.year, Some(AssessmentYear::starting(2018)), "the year in which it was published");
    assert_eq!(status(&database, "VLD2G").await.expect("there").year, Some(AssessmentYear::starting(2019)));
    assert_eq!(status(&database, "R0A").await.expect("there").level, DsptLevel::PlanAgreed);
    assert_eq!(status(&database, "VN999").await.expect("there").level, DsptLevel::NotPublished);
}

/// A row of 27 columns.
fn ods(code: &str, name: &str, closed: &str, parent: &str, left: &str, country: &str) -> String {
    format!(
        "\"{code}\",\"{name}\",\"\",\"\",\"1 HIGH STREET\",\"\",\"\",\"OLDHAM\",\"LANCASHIRE\",\"OL2  8SP\",\"20101208\",\"{closed}\",\"\",\"\",\"{parent}\",\"20101208\",\"{left}\",\"0161 496 0000\",\"\",\"\",\"\",\"0\",\"\",\"\",\"\",\"\",\"{country}\"\r\n"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ods_sites_and_headquarters_share_a_table_and_close_only_their_own() {
    for database in both_engines().await {
        let sites: String =
            (0..30).map(|n| ods(&format!("VN1{n:02}"), "HOUSE", "", "AQ8C", "", "1")).collect();
        let sites = sites
            + &ods("VN200", "CLOSED HOUSE", "20201012", "AQ8C", "", "1")
            + &ods("VN201", "MOVED HOUSE", "", "AQ8C", "20201012", "1")
            + &ods("VN202", "CARTREF", "", "", "", "3");
        assert_eq!(takes(&database, ImportKind::OdsSites, &sites).await.applied, 33);
        let hqs = ods("AQ8C", "HEATHBANK", "", "", "", "1");
        assert_eq!(counts(&takes(&database, ImportKind::OdsHqs, &hqs).await), [1, 0, 0, 0]);
        let today = clock().now().day();
        let organisation = async |code: &str| {
            let code = OdsCode::parse(code).expect("a code");
            store::organisation(&database, &code).await.expect("an answer").expect("there")
        };
        let open = organisation("VN100").await;
        assert!(open.is_open(today) && open.country == Some(Country::England));
        assert_eq!(open.parent.as_ref().map(|code| code.as_str()), Some("AQ8C"));
        assert_eq!(open.postcode.as_ref().map(|code| code.as_str()), Some("OL2 8SP"));
        assert!(!organisation("VN200").await.is_open(today));
        assert_eq!(organisation("VN201").await.parent, None, "it has left its headquarters");
        assert_eq!(organisation("VN202").await.country, Some(Country::Wales));
        assert!(organisation("AQ8C").await.is_open(today), "a list of sites says nothing about headquarters");
        assert_eq!(
            store::sites_of_hq(&database, &OdsCode::parse("AQ8C").expect("a code"))
                .await
                .expect("read")
                .len(),
            31
        );

        // Headquarters handed in as sites are refused as a whole, and the words say why.
        let why = import(&database, ImportKind::OdsSites, &hqs).await.expect_err("refused");
        assert!(why.to_string().contains("headquarters"), "{why}");
        let why = import(&database, ImportKind::OdsSites, DSPT).await.expect_err("refused");
        assert!(why.to_string().contains("27"), "{why}");
    }
}

#[tokio::test]
async fn old_files_in_western_letters_are_read() {
    let database = sqlite().await;
    let mut bytes = ods("VN139", "CAF? HOUSE", "", "", "", "1").into_bytes();
    let place = bytes.iter().position(|byte| *byte == b'?').expect("there");
    bytes[place] = 0xc9;
    run_bytes(&database, &clock(), ImportKind::OdsSites, "x.csv", &bytes, &options()).await.expect("taken");
    let code = OdsCode::parse("VN139").expect("a code");
    let found = store::organisation(&database, &code).await.expect("read").expect("there");
    assert_eq!(found.name, "CAFÉ HOUSE");
}

#[tokio::test]
async fn succession_is_followed_and_a_circle_ends() {
    let database = sqlite().await;
    let file = "\"VN2R0\",\"VNGTV\",\"R\",\"20201012\",\"0\"\r\n\"VNGTV\",\"VNHWE\",\"F\",\"20220101\",\"0\"\r\n\"VNHWE\",\"VN2R0\",\"F\",\"20230101\",\"0\"\r\n\"VN1\",\"VN1\",\"F\",\"\",\"0\"\r\n";
    let report = takes(&database, ImportKind::OdsSuccession, file).await;
    assert_eq!(counts(&report), [3, 0, 1, 0], "{report}");
    let imported = Imported::new(database);
    let code = OdsCode::parse("VN2R0").expect("a code");
    let next = imported.ods_successors(&code).await.expect("an answer");
    assert!(next.iter().any(|code| code.as_str() == "VNHWE"), "{next:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_providers_number_given_for_a_location_is_told_by_the_register() {
    for database in both_engines().await {
        takes(&database, ImportKind::CqcProviders, r#"{"providerId":"1-101655600","name":"Heathbank Support Services","registrationStatus":"Registered","ownershipType":"Organisation","odsCode":"AQ8C","companiesHouseNumber":"IP19203R  "}"#).await;
        let imported = Imported::new(database);
        let is_provider =
            async |number: &str| imported.is_provider_number(&location_id(number)).await.expect("an answer");
        assert!(is_provider("1-101655600").await && !is_provider("1-101655601").await);
        // The two have one shape: as a location it is not found, as a provider it is.
        let as_location = Code::CqcLocation(location_id("1-101655600"));
        assert_eq!(imported.find(&as_location).await, Ok(Finding::NotFound));
        let as_provider = Code::CqcProvider(CqcProviderId::parse("1-101655600").expect("an ID"));
        let Ok(Finding::CqcProvider(provider)) = imported.find(&as_provider).await else {
            panic!("the provider is there");
        };
        assert_eq!(provider.companies_house_number.as_deref(), Some("IP19203R"));
    }
}

#[tokio::test]
async fn a_site_that_is_new_at_cqc_is_not_yet_in_ods_and_the_two_say_so_apart() {
    let database = sqlite().await;
    takes(&database, ImportKind::CqcLocations, BODY).await;
    let imported = Imported::new(database);
    let code = OdsSiteCode::parse("VNHWE").expect("a code");
    assert_eq!(imported.find(&Code::OdsSite(code.clone())).await, Ok(Finding::NotFound));
    let at_cqc = imported.site_of_ods(&code.any()).await.expect("an answer");
    assert_eq!(at_cqc.len(), 1);
}

#[tokio::test]
async fn of_two_locations_with_one_code_the_registered_one_comes_first() {
    let database = sqlite().await;
    let old = BODY.replace("1-10024040008", "1-100000001").replace("\"Registered\"", "\"Deregistered\"");
    takes(&database, ImportKind::CqcLocations, &format!("{old}\n{BODY}")).await;
    let code = OdsCode::parse("VNHWE").expect("a code");
    let found = Imported::new(database).site_of_ods(&code).await.expect("an answer");
    let ids: Vec<&str> = found.iter().map(|location| location.id.as_str()).collect();
    assert_eq!(ids, ["1-10024040008", "1-100000001"]);
}

const CONTACTS: &str = "Location ID,Contact ID,Email,Telephone\n\
1-120745060,CON1-7120745060,Manager@Heathbank.example,01632 960 111\n\
1-120745060,1-7120745061,deputy@heathbank.example,\n\
1-126240944,1-7126240944,,07700 900112\n\
1-117886088,12345,manager@elizabeth.example,\n\
CON1-9999999999,1-117886088,swapped@elizabeth.example,\n\
1-117886088,1-7117886088,manager@elizabeth.example,\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn site_contacts_keep_hashes_and_a_wrong_contact_id_is_in_no_message() {
    for database in both_engines().await {
        let report = takes(&database, ImportKind::SiteContacts, CONTACTS).await;
        assert_eq!(report.rejected, 3, "{report}");
        assert!(!report.to_string().contains("9999999999"), "{report}");
        assert!(!report.json().contains("9999999999"), "{report}");
        assert!(!report.to_string().contains("12345,") && !report.json().contains("\"12345\""), "{report}");
        let heathbank = location_id("1-120745060");
        let contacts = store::site_contacts(&database, &heathbank).await.expect("read").expect("there");
        assert_eq!(
            contacts.emails().collect::<Vec<_>>(),
            ["manager@heathbank.example", "deputy@heathbank.example"]
        );
        assert_eq!(contacts.telephones().collect::<Vec<_>>(), ["01632960111"]);
        let key = ContactKey::new([3; 32]);
        let matches = async |location: &str, id: &str| {
            let id = CqcContactId::parse(id).expect("an ID");
            store::contact_id_matches(&database, &key, &location_id(location), &id).await.expect("read")
        };
        assert_eq!(matches("1-120745060", "1-7120745060").await, Some(true));
        assert_eq!(matches("1-120745060", "1-7126240944").await, Some(false));
        assert_eq!(matches("1-117886088", "1-7117886088").await, None, "no row of it was taken");
        let facts = format!("{contacts:?}");
        assert!(!facts.contains("7120745060"), "{facts}");

        assert_eq!(takes(&database, ImportKind::SiteContacts, CONTACTS).await.applied, 0);
        // A manager who left is not in the next feed's rows of the location.
        let fewer =
            "Location ID,Contact ID,Email,Telephone\n1-120745060,1-7120745061,deputy@heathbank.example,\n";
        // One of two sites is more than a twentieth, so two people have looked at it.
        let allowed = Options { limits: Limits::NONE, ..options() };
        let report =
            run_bytes(&database, &clock(), ImportKind::SiteContacts, "file.csv", fewer.as_bytes(), &allowed)
                .await
                .expect("taken");
        assert_eq!(report.applied, 1);
        assert_eq!(matches("1-120745060", "1-7120745060").await, Some(false));
        assert_eq!(matches("1-126240944", "1-7126240944").await, Some(true), "not named, not changed");
    }
}

#[tokio::test]
async fn without_the_key_site_contacts_are_refused() {
    let database = sqlite().await;
    let refused = run_bytes(
        &database,
        &clock(),
        ImportKind::SiteContacts,
        "x",
        CONTACTS.as_bytes(),
        &Options::default(),
    )
    .await;
    assert!(matches!(refused, Err(ImportRefusal::ContactKeyMissing)));
}

#[tokio::test]
async fn a_dry_run_counts_and_changes_nothing() {
    let database = sqlite().await;
    let dry = Options { dry_run: true, ..options() };
    let report = run_bytes(&database, &clock(), ImportKind::Dspt, "x.csv", DSPT.as_bytes(), &dry)
        .await
        .expect("counted");
    assert_eq!((report.applied, report.number), (5, None));
    assert_eq!(status(&database, "VN139").await, None);
    assert!(store::past_imports(&database).await.expect("read").is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_imports_at_once_one_stands_and_the_other_says_so() {
    for database in both_engines().await {
        let (first, second) = (
            directory("", "Local authority", NEW_ID, 0..500),
            directory("", "Local authority", NEW_ID, 0..501),
        );
        let (one, other) = tokio::join!(
            import(&database, ImportKind::CqcLocations, &first),
            import(&database, ImportKind::CqcLocations, &second)
        );
        let stood = usize::from(one.is_ok()) + usize::from(other.is_ok());
        assert!(stood >= 1, "{one:?} {other:?}");
        for refused in [one, other].into_iter().filter_map(Result::err) {
            assert!(matches!(refused, ImportRefusal::ChangedMeanwhile), "{refused}");
        }
        let past = store::past_imports(&database).await.expect("read");
        assert_eq!(past.len(), stood);
    }
}

#[tokio::test]
async fn rejections_are_written_beside_the_file_and_no_cell_is_a_formula() {
    let database = sqlite().await;
    let folder = std::env::temp_dir().join("carepost-tests").join(crate::id::new_token());
    std::fs::create_dir_all(&folder).expect("a folder");
    let path = folder.join("dspt 2022-09-09.csv");
    std::fs::write(&path, DSPT.replace("01/04/2004", "=HYPERLINK(1)")).expect("written");
    let report = run(&database, &clock(), ImportKind::Dspt, &path, &options()).await.expect("taken");
    assert_eq!(report.data_date.as_deref(), Some("2022-09-09"));
    let result = report.rejected_file.clone().expect("there are rejections");
    let text = std::fs::read_to_string(&result).expect("it is there");
    assert!(text.starts_with("Line,Code,Reason\n5,8A738CLOSED,"), "{text}");
    assert!(text.contains("\n7,'=HYPERLINK(1)"), "{text}");
    let json: serde_json::Value = serde_json::from_str(&report.json()).expect("JSON");
    for field in ["rows", "applied", "unchanged", "rejected", "seconds"] {
        assert!(json.get(field).is_some(), "{field}");
    }
    let past = store::past_imports(&database).await.expect("read");
    assert_eq!(past[0].sha256.len(), 64);
    assert_eq!(
        (past[0].by_whom.as_str(), past[0].file_name.as_str()),
        ("an operator", "dspt 2022-09-09.csv")
    );
    // The next import without rejections leaves no list of old ones.
    std::fs::write(&path, DSPT.lines().take(3).collect::<Vec<_>>().join("\n")).expect("written");
    let allowed = Options { limits: Limits::NONE, ..options() };
    let report = run(&database, &clock(), ImportKind::Dspt, &path, &allowed).await.expect("taken");
    assert_eq!(report.rejected_file, None);
    assert_eq!(std::fs::read_to_string(&result).expect("it is there"), "Line,Code,Reason\n");
    let why = run(&database, &clock(), ImportKind::Dspt, &folder.join("nothing.csv"), &options())
        .await
        .expect_err("refused");
    assert!(matches!(why, ImportRefusal::CannotRead { .. }), "{why}");
    std::fs::remove_dir_all(&folder).expect("removed");
}

/// Two hundred files damaged in every way a byte can be: each is refused whole or accounted for row
/// by row.
#[tokio::test]
async fn two_hundred_damaged_files_lose_no_row_in_silence() {
    let database = sqlite().await;
    let whole = directory("CQC Locations data\n", "Local authority", NEW_ID, 0..40);
    takes(&database, ImportKind::CqcLocations, &whole).await;
    let mut chance = fastrand::Rng::with_seed(1);
    let mut next = |below: usize| chance.usize(..below.max(1));
    let mut refused = 0;
    for number in 0..200 {
        let mut bytes = whole.clone().into_bytes();
        for _ in 0..=number % 4 {
            let place = next(bytes.len());
            match next(5) {
                0 => bytes[place] = [b'"', b',', b'\n', 0, 0xff, b'=', 0xc3][next(7)],
                1 => bytes.truncate(place),
                2 => bytes.insert(place, [b'"', b',', b'\n', b'\r'][next(4)]),
                3 => {
                    let end = (place + next(300)).min(bytes.len());
                    bytes.drain(place..end);
                }
                _ => {
                    let end = (place + next(300)).min(bytes.len());
                    let again = bytes[place..end].to_vec();
                    bytes.splice(place..place, again);
                }
            }
        }
        let dry = Options { dry_run: true, ..options() };
        match run_bytes(&database, &clock(), ImportKind::CqcLocations, "damaged.csv", &bytes, &dry).await {
            Ok(report) => {
                assert_eq!(report.rows, report.applied + report.unchanged + report.rejected);
                // One in a hundred of forty is none: whatever closes one waits for two people.
                let waits = !report.details.waits_because.is_empty();
                assert!(report.closed == 0 || waits, "file {number}: {report}");
            }
            Err(ImportRefusal::Database(why)) => panic!("file {number}: {why}"),
            Err(_) => refused += 1,
        }
    }
    assert!(refused > 20, "{refused}");
}

/// The full files of the registers, where they are at hand.
mod full_files {
    use super::*;
    use crate::register::search::SearchIndex;
    use std::time::Instant;

    fn folder() -> Option<PathBuf> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
        if folder.is_dir() {
            return Some(folder);
        }
        eprintln!("the full register files are not in {}; this test looked at nothing", folder.display());
        None
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_full_files_are_accounted_for_and_searched() {
        let Some(folder) = folder() else { return };
        let result_files = Options { dry_run: true, ..options() };
        for database in both_engines().await {
            let bytes_of = async |kind: ImportKind, name: &str| {
                let bytes = std::fs::read(folder.join(name)).expect("the file");
                let began = Instant::now();
                let report =
                    run_bytes(&database, &clock(), kind, name, &bytes, &options()).await.expect("taken");
                eprintln!("{} {}: {report} in {:?}", database.engine(), name, began.elapsed());
                let again =
                    run_bytes(&database, &clock(), kind, name, &bytes, &result_files).await.expect("again");
                assert_eq!((again.applied, again.closed), (0, 0), "{again}");
                report
            };
            let ratings =
                bytes_of(ImportKind::CqcLocations, "cqc-ratings-2021/cqc_latest_ratings_overall_2021.csv")
                    .await;
            assert_eq!((ratings.rows, counts(&ratings)), (31_961, [31_959, 2, 0, 0]));
            let bodies = bytes_of(ImportKind::CqcLocations, "cqc-api-oldham/locations.ndjson").await;
            assert_eq!((bodies.rows, bodies.applied, bodies.rejected), (221, 221, 0));
            let providers = bytes_of(ImportKind::CqcProviders, "cqc-api-oldham/providers.ndjson").await;
            assert_eq!((providers.rows, providers.applied), (18, 18));
            let dspt = bytes_of(ImportKind::Dspt, "dspt-2022/dspt_search_results_2022-09-09_half.csv").await;
            assert_eq!(dspt.rows, 31_994);
            assert!(dspt.rejected < 20, "{dspt}");
            let index = SearchIndex::build(&database).await.expect("an index");
            eprintln!("{} sites, {} bytes", index.len(), index.size_bytes());
            let names = |words: &str| -> Vec<String> {
                index.find(words, 0).rows.into_iter().map(|row| row.name).collect()
            };
            assert_eq!(names("VN139")[0], "Heathbank Support Services");
            assert_eq!(names("1-120745060"), ["Heathbank Support Services"]);
            assert_eq!(names("services heathbank")[0], "Heathbank Support Services");
            assert_eq!(names("haethbank")[0], "Heathbank Support Services");
            assert!(names("coppice nursing oldham").contains(&"Coppice Nursing Home".to_owned()));
        }
    }
}

#[tokio::test]
async fn a_still_clock_is_what_the_import_is_dated_by() {
    let database = sqlite().await;
    let clock = clock();
    clock.advance(Span::hours(2));
    run_bytes(&database, &clock, ImportKind::CqcLocations, "x", BODY.as_bytes(), &options())
        .await
        .expect("taken");
    let ebenezer = location(&database, "1-10024040008").await;
    assert_eq!(ebenezer.provenance.read_at, Some(clock.now()));
    assert_eq!(ebenezer.provenance.data_date, None, "nothing says of which day it is");
}
