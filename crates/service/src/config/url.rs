//! The URLs of queue and ledger: the scheme chooses the engine. Passwords in them are shown nowhere.

use std::path::PathBuf;

use super::secret::{HIDDEN, Secret};
use super::settings::Raw;
use super::value::Setting;

/// URL schemes of a broker: plain, and over TLS.
const AMQP: [&str; 2] = ["amqp://", "amqps://"];
/// URL schemes of a management API: plain, and over TLS.
const HTTP: [&str; 2] = ["http://", "https://"];
/// URL schemes of a database; libpq takes both.
const POSTGRES: [&str; 2] = ["postgres://", "postgresql://"];

/// The engine of the queue, and its address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueueUrl {
    /// A SQLite file.
    Sqlite(PathBuf),
    /// RabbitMQ: the nodes of one cluster, one at least.
    Amqp(Vec<Secret>),
}

impl Setting for QueueUrl {
    const WANTED: &'static str = "sqlite://RELATIVE/FILE, sqlite:///ABSOLUTE/FILE or \
                                  amqp://USER:PASSWORD@HOST:5672/VIRTUAL-HOST (amqps:// with TLS; with a comma \
                                  between the nodes of one cluster)";

    fn read(raw: &Raw) -> Option<Self> {
        let text = raw.as_text()?.trim();
        if let Some(file) = sqlite_file(text) {
            return Some(Self::Sqlite(file));
        }
        let nodes = nodes(text);
        // A comma in the host is a node whose scheme was forgotten.
        let host_is_one = |node: &&str| !node.rsplit('@').next().unwrap_or(node).contains(',');
        let right = nodes.iter().all(|node| has_scheme(node, &AMQP) && host_is_one(node));
        right.then(|| Self::Amqp(nodes.into_iter().map(Secret::new).collect()))
    }
}

/// The address of RabbitMQ's management API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManagementUrl(pub Secret);

impl Setting for Option<ManagementUrl> {
    const WANTED: &'static str = "http://USER:PASSWORD@HOST:15672 (https:// with TLS), or empty";

    fn read(raw: &Raw) -> Option<Self> {
        let text = raw.as_text()?.trim();
        if text.is_empty() {
            return Some(None);
        }
        has_scheme(text, &HTTP).then(|| Some(ManagementUrl(Secret::new(text))))
    }
}

/// The engine of the ledger, and its address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LedgerUrl {
    /// A SQLite file.
    Sqlite(PathBuf),
    /// A Postgres database.
    Postgres(Secret),
}

impl Setting for LedgerUrl {
    const WANTED: &'static str = "sqlite://RELATIVE/FILE, sqlite:///ABSOLUTE/FILE or \
                                  postgres://USER:PASSWORD@HOST:5432/DATABASE";

    fn read(raw: &Raw) -> Option<Self> {
        let text = raw.as_text()?.trim();
        if let Some(file) = sqlite_file(text) {
            return Some(Self::Sqlite(file));
        }
        has_scheme(text, &POSTGRES).then(|| Self::Postgres(Secret::new(text)))
    }
}

fn sqlite_file(text: &str) -> Option<PathBuf> {
    let file = text.strip_prefix("sqlite://")?;
    (!file.is_empty() && !file.ends_with('/')).then(|| PathBuf::from(file))
}

fn has_scheme(text: &str, schemes: &[&str]) -> bool {
    let rest = schemes.iter().find_map(|scheme| text.strip_prefix(scheme));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.contains(char::is_whitespace))
}

/// The URLs of a list. A comma may stand in a password too: only one with a scheme behind it ends a URL.
fn nodes(text: &str) -> Vec<&str> {
    let mut nodes = Vec::new();
    let mut begin = 0;
    for (comma, _) in text.match_indices(',') {
        if AMQP.iter().any(|scheme| text[comma + 1..].trim_start().starts_with(scheme)) {
            nodes.push(text[begin..comma].trim());
            begin = comma + 1;
        }
    }
    nodes.push(text[begin..].trim());
    nodes
}

/// Hides users and passwords: the text before the `@` of each URL, and after `password=`.
pub fn mask(text: &str) -> String {
    nodes(text).into_iter().map(mask_one).collect::<Vec<_>>().join(",")
}

fn mask_one(text: &str) -> String {
    let mut masked = match text.rfind('@') {
        None => text.to_owned(),
        Some(at) => {
            let start = text.find("://").map_or(0, |scheme| scheme + 3).min(at);
            format!("{}{HIDDEN}{}", &text[..start], &text[at..])
        }
    };
    for parameter in ["?password=", "&password="] {
        if let Some(found) = masked.find(parameter) {
            let start = found + parameter.len();
            let end = masked[start..].find('&').map_or(masked.len(), |length| start + length);
            masked.replace_range(start..end, HIDDEN);
        }
    }
    masked
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::settings::Form;

    fn read<T: Setting>(text: &str) -> Option<T> {
        T::read(&Raw { text: text.to_owned(), form: Form::Text })
    }

    #[test]
    fn the_scheme_chooses_the_engine() {
        assert_eq!(read("sqlite:///var/q.db"), Some(QueueUrl::Sqlite("/var/q.db".into())));
        assert_eq!(read("sqlite://data/l.db"), Some(LedgerUrl::Sqlite("data/l.db".into())));
        let nodes = ["amqp://u:p,w@a:5672/%2f", "amqps://b"].map(Secret::new);
        let text = "amqp://u:p,w@a:5672/%2f, amqps://b";
        assert_eq!(read(text), Some(QueueUrl::Amqp(nodes.into())), "a comma in a password ends no URL");
        for text in ["postgres://u:p@h/d", "postgresql://h/d"] {
            assert_eq!(read(text), Some(LedgerUrl::Postgres(Secret::new(text))));
        }
    }

    #[test]
    fn unknown_schemes_are_refused() {
        for text in ["", "q.db", "sqlite://", "sqlite://folder/", "amqp://", "amqp://a,b", "postgres://h/d"] {
            assert_eq!(read::<QueueUrl>(text), None, "{text}");
        }
        for text in ["", "mysql://h/d", "postgres://", "postgres://a b", "amqp://a"] {
            assert_eq!(read::<LedgerUrl>(text), None, "{text}");
        }
    }

    #[test]
    fn no_password_is_shown() {
        for (text, shown) in [
            ("amqp://u:pw@a/v,amqps://u:p,w@b/v", "amqp://[hidden]@a/v,amqps://[hidden]@b/v"),
            ("postgres://u:p@w@h/d?sslmode=require", "postgres://[hidden]@h/d?sslmode=require"),
            ("postgres://h/d?user=u&password=pw&x=1", "postgres://h/d?user=u&password=[hidden]&x=1"),
            ("u:pw@h", "[hidden]@h"),
            ("sqlite://data/q.db", "sqlite://data/q.db"),
        ] {
            assert_eq!(mask(text), shown);
        }
    }
}
