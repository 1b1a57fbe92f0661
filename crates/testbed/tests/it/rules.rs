//! Every source file has a header, is short, and follows one module style; texts use plain words.

use std::fs;
use std::path::{Path, PathBuf};

/// The longest file, in lines.
const LONGEST: usize = 300;
/// What no source file contains: unfinished work is an issue, and a test that does not run is none.
const FORBIDDEN: [&str; 4] =
    [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X"), concat!("#[ign", "ore")];

/// Words that docs/glossary.md replaces by plain ones.
const ODD_WORDS: [&str; 8] = [
    concat!("an", "ew"),
    concat!("so", " many"),
    concat!("so", " much"),
    concat!("to", "mbs"),
    concat!("ent", "omb"),
    concat!("bu", "ry"),
    concat!("yard", "stick"),
    concat!("tri", "als"),
];

/// Where these words do not occur: folders and files, from the root of the workspace.
const PLAIN: [&str; 9] = [
    "crates",
    "docs",
    "scripts",
    "config",
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    ".ci",
];

/// Fields of log lines that have another name in docs/logging.md.
const OTHER_NAMES: [(&str, &str); 4] =
    [("id", "connection_id"), ("cause", "error"), ("why", "error"), ("event", "event_id")];

fn crates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every source file below a folder.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn has_sources(folder: &Path) -> bool {
    let mut found = Vec::new();
    if folder.is_dir() {
        sources(folder, &mut found);
    }
    !found.is_empty()
}

/// What is wrong with a file.
fn breaches(path: &Path, text: &str) -> Vec<String> {
    let mut breaches = Vec::new();
    let lines = text.lines().count();
    if lines > LONGEST {
        breaches.push(format!("it has {lines} lines, {LONGEST} are allowed"));
    }
    if !text.starts_with("//!") {
        breaches.push("it does not begin with a header (`//!`)".to_owned());
    }
    if has_sources(&path.with_extension("")) && path.file_stem().is_some_and(|stem| stem != "main") {
        breaches.push("its modules are in a folder of its name: call it mod.rs there".to_owned());
    }
    breaches.extend(
        FORBIDDEN.iter().filter(|word| text.contains(**word)).map(|word| format!("it contains {word}")),
    );
    for macro_name in ["error!(", "warn!(", "info!(", "debug!("] {
        for line in text.split(macro_name).skip(1) {
            breaches
                .extend(misnamed(line).map(|(name, right)| format!("the field {name} is called {right}")));
        }
    }
    breaches
}

/// The fields of a log line, up to its message, that have another name.
fn misnamed(line: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let fields = line.split('"').next().unwrap_or_default();
    let names: Vec<&str> = fields
        .split(',')
        .map(|field| field.split('=').next().unwrap_or_default().trim().trim_start_matches(['%', '?']))
        .collect();
    OTHER_NAMES.into_iter().filter(move |(name, _)| names.contains(name))
}

#[test]
fn every_source_file_keeps_the_rules() {
    let mut files = Vec::new();
    sources(&crates(), &mut files);
    assert!(files.len() > 300, "the sources were found");
    let broken: Vec<String> = files
        .iter()
        .flat_map(|path| {
            let text = fs::read_to_string(path).expect("a source file");
            breaches(path, &text)
                .into_iter()
                .map(|breach| format!("{}: {breach}", path.display()))
                .collect::<Vec<_>>()
        })
        .collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// Every text file at a path, or below it.
fn texts(path: &Path, found: &mut Vec<(PathBuf, String)>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).expect("a folder") {
            texts(&entry.expect("an entry").path(), found);
        }
    } else if let Ok(text) = fs::read_to_string(path) {
        found.push((path.to_owned(), text));
    }
}

/// The odd words of a text, each with its line.
fn odd_words(text: &str) -> Vec<String> {
    let is_inside = |character: char| character.is_alphanumeric() || character == '_';
    let has = |line: &str, word: &str| {
        line.match_indices(word).any(|(at, _)| {
            let (before, after) = (&line[..at], &line[at + word.len()..]);
            !before.ends_with(is_inside) && !after.starts_with(is_inside)
        })
    };
    let lines = text.lines().enumerate().map(|(number, line)| (number + 1, line.to_lowercase()));
    let odd = |(number, line): (usize, String)| {
        let words = ODD_WORDS.iter().filter(|word| has(&line, word));
        words.map(|word| format!("line {number}: {word}")).collect::<Vec<_>>()
    };
    lines.flat_map(odd).collect()
}

#[test]
fn no_text_has_the_words_that_the_glossary_replaces() {
    let mut found = Vec::new();
    PLAIN.iter().for_each(|path| texts(&crates().join("..").join(path), &mut found));
    assert!(found.len() > 300, "the texts were found");
    let odd: Vec<String> = found
        .iter()
        .flat_map(|(path, text)| {
            odd_words(text).into_iter().map(|word| format!("{}, {word}", path.display())).collect::<Vec<_>>()
        })
        .collect();
    assert!(odd.is_empty(), "{}", odd.join("\n"));
    assert_eq!(odd_words(&ODD_WORDS.join("\n")).len(), ODD_WORDS.len());
    assert!(odd_words(concat!("unbu", "ry burial reb", "ury also manyfold")).is_empty());
}

#[test]
fn a_breach_of_each_rule_is_found() {
    let long = "//! A header.\n".repeat(LONGEST + 1);
    assert_eq!(breaches(Path::new("long.rs"), &long).len(), 1);
    assert_eq!(breaches(Path::new("none.rs"), "fn main() {}\n").len(), 1);
    let unfinished = format!("//! A header.\n// {}\n", FORBIDDEN[0]);
    assert_eq!(breaches(Path::new("unfinished.rs"), &unfinished).len(), 1);
    let folder = crates().join("testbed/src.rs");
    assert_eq!(breaches(&folder, "//! A header.\n").len(), 1);
    let line = concat!("//! A header.\n", "warn", "!(%cause, id = 1, \"cause, why\");\n");
    assert_eq!(breaches(Path::new("log.rs"), line).len(), 2);
    assert!(breaches(Path::new("good.rs"), "//! A header.\n").is_empty());
}
