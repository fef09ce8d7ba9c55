//! Whether managers find their site whatever they type, how long a search takes, and how much memory the index
//! needs.
//!
//! From the full register files, where they are beside the project: a thousand real sites are looked for in each
//! of [`WAYS`], and the speed is that over [`SITES`] sites, of which those that the files do not have are made of
//! the words of real ones.

pub mod ways;

use crate::percentiles;
use crate::server::fresh_folder;
use carepost::clock::Clock;
use carepost::database::{Address, Database};
use carepost::register::import::{ImportKind, Limits, Options, run_bytes};
use carepost::register::search::SearchIndex;
use carepost::register::store;
use carepost::register::{CqcLocationId, OdsCode, SiteRow};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Instant;
use ways::{Known, Seeded, WAYS, core};

/// How many sites the speed is measured over: about twice the care sites that CQC registers.
const SITES: usize = 60_000;
/// How many sites are looked for in each way, and the seed that chooses them.
const ASKED: usize = 1_000;
const SEED: u64 = 13;
/// How many rows of the first page somebody looks at.
const LOOKED_AT: usize = 10;

const RATINGS: &str = "cqc-ratings-2021/cqc_latest_ratings_overall_2021.csv";
const BODIES: &str = "cqc-api-oldham/locations.ndjson";
const PROVIDERS: &str = "cqc-api-oldham/providers.ndjson";
const DSPT: &str = "dspt-2022/dspt_search_results_2022-09-09_half.csv";

fn data_folder() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    folder.exists().then_some(folder)
}

/// The ratings file with rows added to it until there are as many sites as wanted: a word of one real name and
/// the rest of another, in a real street of a real town.
fn grown(file: &[u8], wanted: usize) -> Vec<u8> {
    let mut reader = csv::Reader::from_reader(file);
    let headers = reader.headers().expect("headers").clone();
    let rows: Vec<csv::StringRecord> = reader.records().filter_map(Result::ok).collect();
    let column = |name: &str| headers.iter().position(|header| header == name).expect("a column");
    let (id, name, kind) = (column("Location ID"), column("Location Name"), column("Location Type"));
    let (street, postcode) = (column("Location Street Address"), column("Location Post Code"));
    let care: Vec<&csv::StringRecord> = rows.iter().filter(|row| &row[kind] == "Social Care Org").collect();
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(&headers).expect("written");
    for row in &rows {
        writer.write_record(row).expect("written");
    }
    let mut seeded = Seeded(SEED);
    for number in rows.len()..wanted.max(rows.len()) {
        let (place, other, third) = (seeded.one_of(&care), seeded.one_of(&care), seeded.one_of(&care));
        let mut words: Vec<&str> = other[name].split(' ').collect();
        let first = third[name].split(' ').find(|word| word.len() > 3).unwrap_or("Ash");
        let at = usize::from(words.len() > 1 && words[0].eq_ignore_ascii_case("the"));
        words[at] = first;
        let mut fields: Vec<String> = place.iter().map(str::to_owned).collect();
        fields[id] = format!("1-{}", 20_000_000_000_u64 + number as u64);
        fields[name] = words.join(" ");
        fields[street] = format!(
            "{} {}",
            1 + seeded.below(200),
            other[street].trim_start_matches(|c: char| !c.is_alphabetic())
        );
        let inward: String = [
            b"0123456789"[seeded.below(10)],
            b"ABDEFGHJLN"[seeded.below(10)],
            b"PQRSTUWXYZ"[seeded.below(10)],
        ]
        .iter()
        .map(|byte| char::from(*byte))
        .collect();
        fields[postcode] = format!("{} {inward}", place[postcode].split(' ').next().unwrap_or(""));
        writer.write_record(&fields).expect("written");
    }
    writer.into_inner().expect("in memory")
}

async fn world(data: &Path, sites: usize) -> (Database, PathBuf) {
    let folder = fresh_folder();
    let address =
        Address::parse(&format!("sqlite:{}", folder.join("search.db").display())).expect("an address");
    let database = Database::open(&address).await.expect("a database");
    let clock = Clock::system();
    database.migrate(clock.now().as_milliseconds()).await.expect("tables");
    let read = |file: &str| std::fs::read(data.join(file)).expect("a file of the registers");
    for (kind, name, bytes) in [
        (ImportKind::CqcProviders, PROVIDERS, read(PROVIDERS)),
        (ImportKind::CqcLocations, RATINGS, grown(&read(RATINGS), sites)),
        (ImportKind::CqcLocations, BODIES, read(BODIES)),
        (ImportKind::Dspt, DSPT, read(DSPT)),
    ] {
        let options = Options { limits: Limits::NONE, ..Options::default() };
        run_bytes(&database, &clock, kind, name, &bytes, &options).await.expect("imported");
    }
    (database, folder)
}

/// What the registers know of a site that is looked for.
async fn known(database: &Database, id: &str, other_names: bool) -> Option<Known> {
    let location = store::location(database, &CqcLocationId::parse(id).ok()?).await.expect("read")?;
    let mut other_name = None;
    if let Some(code) = location.ods_code.as_ref().filter(|_| other_names) {
        let status = store::dspt(database, code).await.expect("read");
        other_name = status
            .map(|status| without_code(&status.name, code))
            .filter(|name| core(name) != core(&location.name));
    }
    Some(Known {
        location_id: id.to_owned(),
        name: location.name,
        other_name,
        street: location.address.first().cloned().unwrap_or_default(),
        town: location.town.unwrap_or_default(),
        postcode: location.postcode.map(|postcode| postcode.to_string()).unwrap_or_default(),
        provider: location.provider_name.unwrap_or_default(),
    })
}

fn without_code(name: &str, code: &OdsCode) -> String {
    name.replace(&format!("({code})"), "").trim().to_owned()
}

/// The sites of which nobody could say which is meant, by what they share.
struct Alike(HashMap<String, usize>);

impl Alike {
    /// Whether a row is the site, or one of more than a page that are called, or stand, the same.
    fn is_right(&self, row: &SiteRow, site: &Known) -> bool {
        if row.location_id.as_ref().is_some_and(|id| id.as_str() == site.location_id) {
            return true;
        }
        let many = |key: &str| self.0.get(key).is_some_and(|count| *count > LOOKED_AT);
        let name = core(&site.name);
        let provider = format!("{}|{}", site.provider, site.town);
        many(&name) && core(&row.name) == name
            || many(&site.postcode) && row.postcode == site.postcode
            || many(&provider) && format!("{}|{}", row.provider_name, row.town) == provider
    }
}

pub async fn measure() {
    let Some(data) = data_folder() else {
        println!("search: the full register files are not beside the project; nothing measured");
        return;
    };
    found(&data).await;
    fast(&data).await;
}

async fn found(data: &Path) {
    let (database, folder) = world(data, 0).await;
    let index = SearchIndex::build(&database).await.expect("an index");
    let mut asked = Vec::new();
    let mut alike: HashMap<String, usize> = HashMap::new();
    let file = std::fs::read(data.join(RATINGS)).expect("the file");
    for row in csv::Reader::from_reader(file.as_slice()).records().filter_map(Result::ok) {
        if &row[3] == "Social Care Org" {
            asked.push(row[0].to_owned());
            *alike.entry(core(&row[1])).or_default() += 1;
            *alike.entry(row[8].to_owned()).or_default() += 1;
            *alike.entry(format!("{}|{}", &row[23], &row[7])).or_default() += 1;
        }
    }
    let alike = Alike(alike);
    let mut seeded = Seeded(SEED);
    seeded.shuffle(&mut asked);
    let mut sites = Vec::new();
    for id in asked.iter().take(ASKED) {
        sites.extend(known(&database, id, false).await);
    }
    // Those with an ODS code, by which the DSPT's name is known.
    let mut others = Vec::new();
    for body in std::fs::read_to_string(data.join(BODIES)).expect("the file").lines() {
        let id = body.split("\"locationId\": \"").nth(1).or_else(|| body.split("\"locationId\":\"").nth(1));
        if let Some(id) = id.and_then(|rest| rest.split('"').next()) {
            others.extend(known(&database, id, true).await.filter(|site| site.other_name.is_some()));
        }
    }
    println!("search: {} sites; {} looked for in each way", index.len(), sites.len());
    println!("| typed | looked for | found in the first {LOOKED_AT} | aim |");
    println!("|---|---|---|---|");
    let mut times = Vec::new();
    for way in WAYS {
        let (mut looked_for, mut right, mut missed) = (0, 0, Vec::new());
        for site in sites.iter().chain(&others) {
            let Some(typed) = (way.typed)(site, &mut seeded) else { continue };
            looked_for += 1;
            let started = Instant::now();
            let results = index.find(&typed, 0);
            times.push(started.elapsed());
            if results.rows.iter().take(LOOKED_AT).any(|row| alike.is_right(row, site)) {
                right += 1;
            } else {
                missed.push(format!("{typed:?} for {:?}", site.name));
            }
        }
        let percent = f64::from(right) * 100.0 / f64::from(looked_for.max(1));
        println!("| {} | {looked_for} | {percent:.1} % | {:.0} % |", way.name, way.aim_percent);
        if show_missed() {
            missed.iter().take(12).for_each(|missed| println!("    missed {missed}"));
        }
    }
    println!("search: {} searches over {} sites: {}", times.len(), index.len(), percentiles(&mut times));
    let _ = std::fs::remove_dir_all(folder);
}

fn show_missed() -> bool {
    std::env::var_os("CAREPOST_BENCH_MISSED").is_some()
}

async fn fast(data: &Path) {
    let (database, folder) = world(data, SITES).await;
    let before = own_memory();
    let started = Instant::now();
    let index = SearchIndex::build(&database).await.expect("an index");
    let took = started.elapsed();
    println!(
        "search: index of {} sites made in {:.2} s: {:.1} MB by its own count, the process grew by {:.1} MB",
        index.len(),
        took.as_secs_f64(),
        index.size_bytes() as f64 / 1e6,
        own_memory() - before
    );
    let mut seeded = Seeded(SEED);
    let mut ids: Vec<String> = Vec::new();
    for word in ["house", "care", "court", "lodge", "the", "st", "road", "park", "manor", "services"] {
        for page in 0..20 {
            ids.extend(
                index
                    .find(word, page)
                    .rows
                    .iter()
                    .filter_map(|row| row.location_id.as_ref())
                    .map(ToString::to_string),
            );
        }
    }
    let mut typed = Vec::new();
    seeded.shuffle(&mut ids);
    for id in ids.iter().take(ASKED) {
        if let Some(site) = known(&database, id, true).await {
            typed.extend(WAYS.iter().filter_map(|way| (way.typed)(&site, &mut seeded)));
        }
    }
    // What fits thousands of sites, and what is long.
    for words in [
        "care",
        "home",
        "care home",
        "the",
        "house",
        "limited",
        "st",
        "a",
        "nursing home care services limited",
        "london",
    ] {
        typed.extend(std::iter::repeat_n(words.to_owned(), 100));
    }
    let mut times = Vec::new();
    for typed in &typed {
        let started = Instant::now();
        std::hint::black_box(index.find(typed, 0).total);
        times.push(started.elapsed());
    }
    println!("search: {} searches over {} sites: {}", times.len(), index.len(), percentiles(&mut times));
    let _ = std::fs::remove_dir_all(folder);
}

/// The memory of this process that is in use, in MB.
fn own_memory() -> f64 {
    crate::server::memory_of(std::process::id(), "VmRSS:") * 1.048_576
}
