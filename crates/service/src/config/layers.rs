//! The three layers of the configuration: the shipped file, the operator's file, the environment.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::SHIPPED;
use super::error::ConfigError;
use super::settings::{Entry, Form, Origin, Raw, Settings};

/// Prefix of the variables that are settings. It ends in two underscores: with one, the variables that Kubernetes makes for a
/// service of this name (`REFERSION_DESTINATION_SERVICE_HOST`) would be taken for mistakes.
pub(super) const PREFIX: &str = "REFERSION_DESTINATION__";

/// The longest configuration file that is read, in bytes.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// One value of a TOML file.
struct Found {
    key: String,
    raw: Raw,
    line: usize,
}

/// The settings of the shipped file.
pub(super) fn shipped() -> Result<Settings, ConfigError> {
    let entries: BTreeMap<_, _> = read_toml(SHIPPED, Path::new("config/default.toml"))?
        .into_iter()
        .map(|found| (found.key, Entry { raw: found.raw, origin: Origin::Default, place: found.line }))
        .collect();
    Ok(Settings { entries })
}

/// Overlays `settings` with those of the file at `path`.
pub(super) fn overlay_file(settings: &mut Settings, path: &Path) -> Result<(), ConfigError> {
    let unreadable = |cause| ConfigError::Unreadable { path: path.to_owned(), cause };
    let size = std::fs::metadata(path).map_err(unreadable)?.len();
    if size > MAX_FILE_BYTES {
        return Err(unreadable(std::io::Error::other("it is larger than 1 MiB")));
    }
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    refuse_unknown_sections(settings, &text, path)?;
    for Found { key, raw, line } in read_toml(&text, path)? {
        let origin = Origin::File { path: path.to_owned(), line };
        if !settings.overlay(&key, raw, origin.clone()) {
            let nearest = settings.nearest(&key).to_owned();
            return Err(ConfigError::UnknownKey { key, origin, nearest });
        }
    }
    Ok(())
}

/// A section is looked at as a whole, so that an empty one is noticed too.
fn refuse_unknown_sections(settings: &Settings, text: &str, path: &Path) -> Result<(), ConfigError> {
    let table = parse(text, path)?;
    for (name, value) in table.get_ref() {
        let section: &str = name.get_ref();
        let DeValue::Table(inner) = value.get_ref() else { continue };
        if !settings.has_section(section) {
            let keys: Vec<&str> = inner.keys().map(|key| key.get_ref().as_ref()).collect();
            let origin = Origin::File { path: path.to_owned(), line: line_at(text, name.span().start) };
            let nearest = settings.nearest_section(section, &keys).to_owned();
            return Err(ConfigError::UnknownSection { section: section.to_owned(), origin, nearest });
        }
    }
    Ok(())
}

/// Puts the variables that are settings over `settings`.
pub(super) fn overlay_environment(
    settings: &mut Settings,
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<(), ConfigError> {
    for (name, value) in variables {
        let Some(name) = name.to_str() else { continue };
        let Some(rest) = name.strip_prefix(PREFIX) else { continue };
        let key = rest.to_lowercase().replace("__", ".");
        let origin = Origin::Variable(name.to_owned());
        let (text, form) = match value.into_string() {
            Ok(text) => (text, Form::Variable),
            Err(_) => (String::new(), Form::Other("text that is not UTF-8")),
        };
        if !settings.overlay(&key, Raw { text, form }, origin.clone()) {
            let nearest = variable(settings.nearest(&key));
            return Err(ConfigError::UnknownKey { key: name.to_owned(), origin, nearest });
        }
    }
    Ok(())
}

/// The variable that sets `key`.
pub(super) fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.to_uppercase().replace('.', "__"))
}

fn read_toml(text: &str, path: &Path) -> Result<Vec<Found>, ConfigError> {
    let table = parse(text, path)?;
    let mut found = Vec::new();
    flatten(table.get_ref(), "", text, &mut found);
    Ok(found)
}

fn parse<'a>(text: &'a str, path: &Path) -> Result<Spanned<DeTable<'a>>, ConfigError> {
    DeTable::parse(text).map_err(|error| ConfigError::NotToml {
        origin: Origin::File {
            path: path.to_owned(),
            line: line_at(text, error.span().map_or(0, |span| span.start)),
        },
        message: error.message().to_owned(),
    })
}

/// Lists every value below `table`, its key with the tables' names before it.
fn flatten(table: &DeTable<'_>, above: &str, text: &str, found: &mut Vec<Found>) {
    for (name, value) in table {
        let key =
            if above.is_empty() { name.get_ref().to_string() } else { format!("{above}.{}", name.get_ref()) };
        if let DeValue::Table(inner) = value.get_ref() {
            flatten(inner, &key, text, found);
        } else {
            found.push(Found { key, raw: raw(value.get_ref()), line: line_at(text, name.span().start) });
        }
    }
}

fn raw(value: &DeValue<'_>) -> Raw {
    match value {
        DeValue::String(text) => Raw { text: text.to_string(), form: Form::Text },
        DeValue::Integer(number) => Raw { text: number.to_string(), form: Form::Integer },
        other => Raw { text: String::new(), form: Form::Other(kind(other)) },
    }
}

/// The name of a value's kind in an error; no setting takes any of these.
fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        _ => "a table",
    }
}

fn line_at(text: &str, offset: usize) -> usize {
    text.as_bytes().iter().take(offset).filter(|&&byte| byte == b'\n').count() + 1
}
