//! Fetches the design system by the lock file and bundles it with our own styles and scripts, so
//! that one `cargo build` makes a program that needs no file beside it.
//!
//! Everything is written to the build folder; nothing from outside enters the repository. The
//! packages are fetched once for each lock file, so later builds are quick and need no network.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// The folder of an unpacked `nhsuk-frontend` package, for builds without a network.
const UNPACKED_PACKAGE: &str = "CAREPOST_ASSETS_DIR";

/// What `npm ci` installs from.
const LOCKED: [&str; 2] = ["package.json", "package-lock.json"];

const BUNDLE: &str = "scripts/bundle.mjs";
const OWN_FILES: &str = "src/web/static";

/// The articles of the support site.
const WORDS: &str = "src/guidance/words";

fn main() {
    for input in [LOCKED[0], LOCKED[1], BUNDLE, OWN_FILES, WORDS, "build.rs"] {
        println!("cargo::rerun-if-changed={input}");
    }
    println!("cargo::rerun-if-env-changed={UNPACKED_PACKAGE}");
    // The articles are named with the folder of the source, which may share a target folder with another.
    println!("cargo::rerun-if-env-changed=CARGO_MANIFEST_DIR");

    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let package = match env::var_os(UNPACKED_PACKAGE) {
        Some(unpacked) => PathBuf::from(unpacked),
        None => install(&out),
    };
    assert!(
        package.join("dist/nhsuk").is_dir(),
        "{} holds no nhsuk-frontend package (expected a folder dist/nhsuk in it)",
        package.display()
    );
    // The tests read the official examples from here.
    println!("cargo::rustc-env=CAREPOST_NHSUK_DIR={}", package.display());

    run(Command::new("node").arg(BUNDLE).arg(&out).arg(&package).arg(OWN_FILES));
    list_words(&out);
}

/// Writes the list of articles that the program takes in, so that a new one needs no Rust.
fn list_words(out: &Path) {
    let folder = fs::canonicalize(WORDS).unwrap_or_else(|error| panic!("{WORDS}: {error}"));
    let mut names: Vec<String> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{WORDS}: {error}"))
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.ends_with(".md") || name.ends_with(".txt"))
        .collect();
    names.sort();
    let lines: String = names
        .iter()
        .map(|name| format!("    ({name:?}, include_str!({:?})),\n", folder.join(name)))
        .collect();
    let list = format!(
        "/// The files built in: their names and what is in them.\nconst BUILT_IN: &[(&str, &str)] = &[\n{lines}];\n"
    );
    write(&out.join("words.rs"), &list);
}

/// Installs the packages that the program bundles, unless this very lock file was installed before.
fn install(out: &Path) -> PathBuf {
    let package = out.join("node_modules/nhsuk-frontend");
    let installed = out.join("installed");
    let wanted = LOCKED.map(|file| read(Path::new(file))).concat();
    if package.is_dir() && fs::read_to_string(&installed).is_ok_and(|done| done == wanted) {
        return package;
    }
    for file in LOCKED {
        write(&out.join(file), &read(Path::new(file)));
    }
    run(Command::new("npm").current_dir(out).args([
        "ci",
        "--omit=dev",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--loglevel=error",
    ]));
    write(&installed, &wanted);
    package
}

fn run(command: &mut Command) {
    let program = command.get_program().to_string_lossy().into_owned();
    match command.status() {
        Ok(status) if status.success() => {}
        Ok(status) => panic!(
            "`{program}` did not finish ({status}). Without a network set {UNPACKED_PACKAGE} to an \
             unpacked nhsuk-frontend package."
        ),
        Err(error) => panic!(
            "`{program}` could not be started ({error}). Building needs Node.js 20.19 or later, with npm."
        ),
    }
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("reading {}: {error}", path.display()))
}

fn write(path: &Path, contents: &str) {
    fs::write(path, contents).unwrap_or_else(|error| panic!("writing {}: {error}", path.display()));
}
