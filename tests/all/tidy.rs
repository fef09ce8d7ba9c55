//! The house rules that the compiler does not know.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Folders and files of `src/`, from the top line down; what stands on one line is neighbours. Where
/// the pages of a folder stand higher than its rules, `folder/pages` has a line of its own.
const LINES: &[&[&str]] = &[
    &["main"],
    &["cli"],
    &["routes", "work"],
    &["readiness", "schedule"],
    &["service_status/pages"],
    &["guidance"],
    &["casework", "service_desk/pages", "my_account"],
    &["console"],
    &["registration", "directory"],
    &["service_desk", "service_status"],
    &["sign_in"],
    &["outbox"],
    &["audit"],
    &["app"],
    &["web", "register", "mail", "letter", "transparency_log"],
    &["settings"],
    &["database"],
    &["contact", "id", "clock", "cache", "language"],
];

/// Imports against the lines that are allowed, each with its reason.
const EXCEPTIONS: &[(&str, &str)] = &[
    // An id carries the moment it was made in.
    ("id", "clock"),
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut waiting = vec![folder.to_path_buf()];
    while let Some(folder) = waiting.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder of ours") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|known| known == ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn source_files() -> Vec<(String, String)> {
    files(&root().join("src"), "rs")
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(root()).expect("below the root").display().to_string();
            (name, std::fs::read_to_string(&path).expect("readable"))
        })
        .collect()
}

/// The code of a file without its tests and comments.
fn code(text: &str) -> String {
    let before_tests = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(text);
    before_tests.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The folder, or the file right under `src/`, that a path belongs to; pages that stand on a line of
/// their own by themselves.
fn house_part(name: &str) -> String {
    let below = name.trim_start_matches("src/");
    let mut steps = below.split('/');
    let first = steps.next().unwrap_or(below).trim_end_matches(".rs");
    part_of(first, steps.next().unwrap_or(""))
}

fn part_of(first: &str, second: &str) -> String {
    let pages = format!("{first}/{second}");
    if LINES.iter().any(|line| line.contains(&pages.as_str())) { pages } else { first.to_owned() }
}

/// What stands behind each `crate::` of a file: the path, and whatever follows it; a path for each of
/// those in braces.
fn imports(code: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for start in ["crate::", "carepost::"] {
        for rest in code.split(start).skip(1) {
            match rest.strip_prefix('{') {
                Some(inner) => found.extend(inner.split('}').next().unwrap_or("").split(',').map(str::trim)),
                None => found.push(rest),
            }
        }
    }
    found
}

/// The part of the house that a path of an import leads to.
fn part_of_import(path: &str) -> String {
    let first = first_word(path);
    let second = path[first.len()..].strip_prefix("::").map(first_word).unwrap_or_default();
    part_of(&first, &second)
}

fn is_test_file(name: &str) -> bool {
    name.ends_with("/tests.rs")
        || name.contains("/tests/")
        || name.ends_with("/for_tests.rs")
        || name.ends_with("/contract.rs")
}

/// Whether a file holds SQL: it is called so, or lies in a folder that is.
fn is_store(name: &str) -> bool {
    name.ends_with("/store.rs") || name.contains("/store/")
}

#[test]
fn a_folder_imports_only_from_lines_below_its_own() {
    let line_of: BTreeMap<&str, usize> = LINES
        .iter()
        .enumerate()
        .flat_map(|(line, parts)| parts.iter().map(move |part| (*part, line)))
        .collect();
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    for (name, text) in source_files() {
        let part = house_part(&name);
        if part == "lib" || is_test_file(&name) {
            continue;
        }
        seen.insert(part.clone());
        let Some(own) = line_of.get(part.as_str()) else {
            wrong.push(format!("{name}: the folder {part} stands on no line"));
            continue;
        };
        let text = code(&text);
        for path in imports(&text) {
            let other = part_of_import(path);
            let allowed = match line_of.get(other.as_str()) {
                Some(line) => line > own || EXCEPTIONS.contains(&(part.as_str(), other.as_str())),
                None => true,
            };
            if other != part && !allowed {
                wrong.push(format!("{name} imports {other}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    for part in line_of.keys() {
        assert!(seen.contains(*part), "the lines name {part}, which is not there");
    }
}

fn first_word(text: &str) -> String {
    text.trim_start().chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect()
}

#[test]
fn pages_are_imported_by_pages_and_routes_only() {
    let mut wrong = Vec::new();
    for (name, text) in source_files() {
        if name.contains("/pages/") || name == "src/routes.rs" || is_test_file(&name) {
            continue;
        }
        let text = code(&text);
        let of_super = text.split("super::").skip(1);
        for path in imports(&text).into_iter().chain(of_super) {
            let path: String = path
                .chars()
                .take_while(|letter| letter.is_alphanumeric() || "_:".contains(*letter))
                .collect();
            if path.split("::").any(|step| step == "pages") {
                wrong.push(format!("{name} imports {path}"));
            }
        }
    }
    assert!(wrong.is_empty(), "what stands behind pages must not know them: {wrong:#?}");
}

#[test]
fn pages_call_moves_and_write_nothing_themselves() {
    let writing: Vec<String> = source_files()
        .into_iter()
        .filter(|(name, _)| name.contains("/pages/") && !is_test_file(name))
        .filter(|(_, text)| {
            let text = code(text);
            [".write(", ".write::<", "transaction!"].iter().any(|write| text.contains(write))
        })
        .map(|(name, _)| name)
        .collect();
    assert!(writing.is_empty(), "these pages write to the database; call a move of the domain: {writing:#?}");
}

#[test]
fn drivers_sql_and_the_web_stay_where_they_belong() {
    let mut wrong = Vec::new();
    for (name, text) in source_files() {
        if is_test_file(&name) {
            continue;
        }
        let text = code(&text);
        let in_database = name.starts_with("src/database/");
        for driver in ["rusqlite::", "tokio_postgres::", "deadpool_postgres::"] {
            if text.contains(driver) && !in_database {
                wrong.push(format!("{name} names the driver {driver}"));
            }
        }
        let is_sql_file = is_store(&name) || in_database;
        for statement in ["\"SELECT ", "\"INSERT INTO ", "\"UPDATE ", "\"DELETE FROM "] {
            if text.contains(statement) && !is_sql_file {
                wrong.push(format!("{name} holds SQL ({})", statement.trim_start_matches('"').trim()));
            }
        }
        let may_use_axum = name.starts_with("src/web/")
            || name == "src/routes.rs"
            || name == "src/sign_in/permits.rs"
            || name.contains("/pages/");
        if text.contains("axum::") && !may_use_axum {
            wrong.push(format!("{name} uses axum"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Shared memory that holds nothing of the database, each with its reason.
const NO_CACHES: &[&str] = &[
    // A statement made from an enum of the code.
    "src/outbox/store/mod.rs",
    // The moment the program started, for waiting times.
    "src/database/sqlite.rs",
    // Where this program looks for free ports.
    "src/mail/postfix_dovecot/servers.rs",
];

/// A cache that nobody fills at the start answers that there is nothing.
#[test]
fn caches_say_whether_they_are_filled() {
    let mut wrong = Vec::new();
    for (name, text) in source_files() {
        let text = code(&text);
        let holds = ["RwLock<", "OnceLock<", "OnceCell<"].iter().find(|kind| text.contains(**kind));
        let is_exempt = is_test_file(&name) || NO_CACHES.contains(&name.as_str());
        match holds {
            Some(kind) if !is_exempt && !text.contains("Filled") => {
                wrong.push(format!("{name} shares a {kind}…> and has no Filled (see src/cache.rs)"));
            }
            None if NO_CACHES.contains(&name.as_str()) => wrong.push(format!("{name} needs no exception")),
            Some(_) | None => {}
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn rules_are_pure() {
    let mut wrong = Vec::new();
    for (name, text) in source_files() {
        let is_domain = [
            "registration",
            "casework",
            "directory",
            "guidance",
            "my_account",
            "service_desk",
            "service_status",
        ]
        .contains(&house_part(&name).as_str());
        let file = name.rsplit('/').next().unwrap_or("");
        let may_wait = ["verify.rs", "provision.rs"].contains(&file)
            || is_store(&name)
            || name.contains("/pages/")
            || name.contains("/moves/")
            || is_test_file(&name);
        if is_domain && !may_wait && code(&text).contains("async fn") {
            wrong.push(name);
        }
    }
    assert!(wrong.is_empty(), "these hold rules and wait for something: {wrong:#?}");
}

#[test]
fn every_migration_of_the_folder_is_in_the_list_and_the_other_way_round() {
    let mut in_folder: Vec<String> = files(&root().join("migrations"), "sql")
        .iter()
        .map(|path| {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            name.trim_end_matches(".sql").trim_end_matches(".sqlite").trim_end_matches(".postgres").to_owned()
        })
        .collect();
    in_folder.dedup();
    let in_list: Vec<&str> = carepost::database::MIGRATIONS.iter().map(|migration| migration.name).collect();
    assert_eq!(in_folder, in_list);
    for (place, migration) in (1_i64..).zip(carepost::database::MIGRATIONS) {
        assert_eq!(migration.number, place, "numbers follow one another");
        assert!(migration.name.starts_with(&format!("{place:04}_")));
    }
}

#[test]
fn the_guide_to_settings_is_the_one_the_code_makes() {
    let written = std::fs::read_to_string(root().join("docs/guides/settings.md")).expect("the guide");
    assert_eq!(written, carepost::settings::Settings::guide(), "run `make docs`");
}

#[test]
fn the_pictures_of_states_are_those_the_tables_make() {
    let written = std::fs::read_to_string(root().join("docs/states.md")).expect("the pictures");
    for picture in
        [carepost::registration::picture(), carepost::directory::picture(), carepost::service_desk::picture()]
    {
        assert!(written.contains(&picture), "run `make docs`; docs/states.md lacks\n{picture}");
    }
}

#[test]
fn authority_is_the_reviewed_table() {
    let written = std::fs::read_to_string(root().join("docs/authority.md")).expect("the table");
    assert_eq!(written, carepost::sign_in::authority::table(), "read the difference, then run `make docs`");
}

#[test]
fn lists_and_searches_of_the_directory_take_a_scope_first() {
    let mut wrong = Vec::new();
    for (name, text) in
        source_files().into_iter().filter(|(name, _)| name.starts_with("src/directory/store/"))
    {
        let text = code(&text);
        for start in ["pub async fn list_", "pub async fn search_"] {
            for rest in text.split(start).skip(1) {
                let function = first_word(rest);
                // What hangs on one mailbox or account whose reader was judged already.
                let hangs_on_one = ["aliases", "app_passwords_in_force"].contains(&function.as_str());
                let first = rest.split_once('(').map_or("", |(_, after)| after).trim_start();
                if !hangs_on_one && !first.starts_with("scope: &Scope") {
                    wrong.push(format!("{name}: {start}{function}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_glossary_names_types_that_exist() {
    let glossary = std::fs::read_to_string(root().join("docs/glossary.md")).expect("the glossary");
    let source: String = source_files().into_iter().map(|(_, text)| text).collect();
    let mut missing = Vec::new();
    for row in glossary.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| word")) {
        let Some(cell) = row.split('|').nth(3) else { continue };
        for name in cell.split('`').skip(1).step_by(2) {
            let is_there = ["struct", "enum", "trait"].iter().any(|kind| {
                source.contains(&format!("{kind} {name} "))
                    || source.contains(&format!("{kind} {name}<"))
                    || source.contains(&format!("{kind} {name}("))
                    || source.contains(&format!("{kind} {name};"))
                    || source.contains(&format!("{kind} {name}:"))
                // As the table of states writes it.
            }) || source.contains(&format!("\n    {name} {{\n"));
            if !is_there {
                missing.push(name.to_owned());
            }
        }
    }
    assert!(missing.is_empty(), "the glossary names {missing:?}");
}

#[test]
fn documents_name_files_and_folders_that_exist() {
    let mut missing = Vec::new();
    let mut documents = files(&root().join("docs"), "md");
    for name in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "STYLE.md", "SECURITY.md"] {
        documents.push(root().join(name));
    }
    for document in documents {
        let text = std::fs::read_to_string(&document).expect("readable");
        for quoted in text.split('`').skip(1).step_by(2) {
            let is_path = ["src/", "docs/", "tests/", "migrations/", "samples/", "scripts/", "benches/"]
                .iter()
                .any(|start| quoted.starts_with(start));
            if is_path && !quoted.contains(['*', '…', ' ', '<']) && !root().join(quoted).exists() {
                missing
                    .push(format!("{}: {quoted}", document.strip_prefix(root()).expect("below").display()));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn decision_records_are_numbered_once_and_decided() {
    let mut numbers = BTreeSet::new();
    for path in files(&root().join("docs/decisions"), "md") {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let number = name.split('-').next().unwrap_or("").to_owned();
        assert!(numbers.insert(number.clone()), "{number} is there twice");
        let text = std::fs::read_to_string(&path).expect("readable");
        assert!(text.contains("**Status**") || text.contains("Status"), "{name} has no status");
        assert!(!text.to_lowercase().contains("status** proposed"), "{name} is not decided");
    }
}
