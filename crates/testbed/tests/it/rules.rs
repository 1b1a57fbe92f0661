//! Every source file has a header, is short, and follows one module style; texts use plain words.

use std::fs;
use std::path::{Path, PathBuf};

/// The longest file, in lines.
const MAX_LINES: usize = 300;
/// Texts that no source file contains: unfinished work is an issue, and a test has to run.
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

/// Folders and files in which these words do not occur, from the root of the workspace.
const CHECKED_PATHS: [&str; 9] = [
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
const RENAMED_FIELDS: [(&str, &str); 4] =
    [("id", "connection_id"), ("cause", "error"), ("why", "error"), ("event", "event_id")];

fn crates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every file below a folder, or the file itself.
fn files(path: &Path) -> Vec<PathBuf> {
    if !path.is_dir() {
        return vec![path.to_owned()];
    }
    let entries = fs::read_dir(path).expect("a folder");
    entries.flat_map(|entry| files(&entry.expect("an entry").path())).collect()
}

/// Every source file below a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let is_source = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "rs");
    files(folder).into_iter().filter(is_source).collect()
}

fn has_sources(folder: &Path) -> bool {
    folder.is_dir() && !sources(folder).is_empty()
}

/// The problems of a file.
fn violations(path: &Path, text: &str) -> Vec<String> {
    let mut violations = Vec::new();
    let lines = text.lines().count();
    if lines > MAX_LINES {
        violations.push(format!("it has {lines} lines, {MAX_LINES} are allowed"));
    }
    if !text.starts_with("//!") {
        violations.push("it does not begin with a header (`//!`)".to_owned());
    }
    if has_sources(&path.with_extension("")) && path.file_stem().is_some_and(|stem| stem != "main") {
        violations.push("its modules are in a folder of its name: call it mod.rs there".to_owned());
    }
    violations.extend(
        FORBIDDEN.iter().filter(|word| text.contains(**word)).map(|word| format!("it contains {word}")),
    );
    for macro_name in ["error!(", "warn!(", "info!(", "debug!("] {
        for line in text.split(macro_name).skip(1) {
            violations.extend(
                misnamed_fields(line).map(|(name, right)| format!("the field {name} is called {right}")),
            );
        }
    }
    violations
}

/// The fields of a log line, up to its message, that have another name.
fn misnamed_fields(line: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let fields = line.split('"').next().unwrap_or_default();
    let names: Vec<&str> = fields
        .split(',')
        .map(|field| field.split('=').next().unwrap_or_default().trim().trim_start_matches(['%', '?']))
        .collect();
    RENAMED_FIELDS.into_iter().filter(move |(name, _)| names.contains(name))
}

#[test]
fn every_source_file_keeps_the_rules() {
    let files = sources(&crates());
    assert!(files.len() > 300, "the sources were found");
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("a source file");
        (path, text)
    };
    let found = all_violations(files.into_iter().map(read), violations);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// The findings of a check in files, each with its path.
fn all_violations(
    files: impl Iterator<Item = (PathBuf, String)>,
    check: impl Fn(&Path, &str) -> Vec<String>,
) -> Vec<String> {
    let mut all = Vec::new();
    for (path, text) in files {
        let found = check(&path, &text).into_iter();
        all.extend(found.map(|violation| format!("{}: {violation}", path.display())));
    }
    all
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
fn no_text_contains_words_that_the_glossary_replaces() {
    let paths = CHECKED_PATHS.iter().flat_map(|path| files(&crates().join("..").join(path)));
    // Files that are no text, such as pictures, are skipped.
    let texts = paths.filter_map(|path| Some((path.clone(), fs::read_to_string(path).ok()?)));
    let texts: Vec<(PathBuf, String)> = texts.collect();
    assert!(texts.len() > 300, "the texts were found");
    let odd = all_violations(texts.into_iter(), |_, text| odd_words(text));
    assert!(odd.is_empty(), "{}", odd.join("\n"));
    assert_eq!(odd_words(&ODD_WORDS.join("\n")).len(), ODD_WORDS.len());
    assert!(odd_words(concat!("unbu", "ry burial reb", "ury also manyfold")).is_empty());
}

#[test]
fn a_violation_of_each_rule_is_found() {
    let long = "//! A header.\n".repeat(MAX_LINES + 1);
    assert_eq!(violations(Path::new("long.rs"), &long).len(), 1);
    assert_eq!(violations(Path::new("none.rs"), "fn main() {}\n").len(), 1);
    let unfinished = format!("//! A header.\n// {}\n", FORBIDDEN[0]);
    assert_eq!(violations(Path::new("unfinished.rs"), &unfinished).len(), 1);
    let folder = crates().join("testbed/src.rs");
    assert_eq!(violations(&folder, "//! A header.\n").len(), 1);
    let line = concat!("//! A header.\n", "warn", "!(%cause, id = 1, \"cause, why\");\n");
    assert_eq!(violations(Path::new("log.rs"), line).len(), 2);
    assert!(violations(Path::new("good.rs"), "//! A header.\n").is_empty());
}
