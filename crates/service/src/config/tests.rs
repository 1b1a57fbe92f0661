//! The promises of the configuration.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use super::*;

fn variables(pairs: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
    pairs.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))).collect()
}

fn with_file(text: &str) -> Result<Loaded, ConfigError> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    load(Some(file.path()), variables(&[]))
}

fn with_variable(name: &str, value: &str) -> Result<Loaded, ConfigError> {
    load(None, variables(&[(name, value)]))
}

#[test]
fn the_shipped_file_loads_and_has_the_documented_defaults() {
    let config = load(None, variables(&[])).unwrap().config;
    assert_eq!(config.queue.url, QueueUrl::Sqlite("data/queue.db".into()));
    assert_eq!(config.ledger.url, LedgerUrl::Sqlite("data/ledger.db".into()));
    assert_eq!(config.key_file().unwrap(), Path::new("data/master.key"));
    assert_eq!(config.ingest.listen, "127.0.0.1:8080".parse().unwrap());
    assert_eq!(config.console.listen, "127.0.0.1:8081".parse().unwrap());
    assert_eq!(config.health.listen, "127.0.0.1:8082".parse().unwrap());
    assert_eq!(config.api.listen, "127.0.0.1:8085".parse().unwrap());
    assert_eq!(config.refersion.url, BaseUrl("https://api.refersion.com".to_owned()));
    assert_eq!(config.queue.max_bytes, ByteSize(4 << 30));
    assert_eq!(config.shutdown.deadline, Duration::from_secs(20));
    assert!(config.secrets.key.is_none());
}

#[test]
fn every_key_of_the_struct_is_in_the_shipped_file_and_no_other() {
    let settings = load(None, variables(&[])).unwrap().settings;
    let shown: Vec<_> = settings.shown().into_iter().map(|setting| setting.key).collect();
    let read: std::collections::BTreeSet<_> = Config::KEYS.iter().map(|key| (*key).to_owned()).collect();
    assert_eq!(shown.into_iter().collect::<std::collections::BTreeSet<_>>(), read);
}

#[test]
fn every_key_of_the_shipped_file_is_explained() {
    let lines: Vec<_> = SHIPPED.lines().collect();
    for (number, line) in
        lines.iter().enumerate().filter(|(_, line)| line.contains(" = ") && !line.starts_with('#'))
    {
        assert!(lines[number - 1].starts_with("# "), "{line} has no comment above it");
    }
}

#[test]
fn the_environment_beats_the_file_and_the_file_beats_the_defaults() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "# mine\n[retry]\nmax_attempts = 5\ninitial = \"3s\"\n").unwrap();
    let environment = variables(&[("REFERSION_DESTINATION__RETRY__MAX_ATTEMPTS", "7"), ("PATH", "/bin")]);
    let loaded = load(Some(file.path()), environment).unwrap();
    assert_eq!(loaded.config.retry.max_attempts, 7);
    assert_eq!(loaded.config.retry.initial, Duration::from_secs(3));
    assert_eq!(loaded.config.retry.max_interval, Duration::from_secs(600));
    let from = |key: &str| loaded.settings.origin(key).to_string();
    assert_eq!(from("retry.max_attempts"), "REFERSION_DESTINATION__RETRY__MAX_ATTEMPTS");
    assert_eq!(from("retry.initial"), format!("{}:4", file.path().display()));
    assert_eq!(from("retry.max_interval"), "default");
}

#[test]
fn every_key_can_be_set_by_its_variable() {
    let shipped = load(None, variables(&[])).unwrap().settings.shown();
    for setting in shipped {
        let name = layers::variable(&setting.key);
        let loaded = with_variable(&name, &setting.value).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(loaded.settings.origin(&setting.key), Origin::Variable(name));
    }
}

#[test]
fn an_unknown_key_is_reported_with_the_nearest_one_and_its_line() {
    let error = with_file("[retry]\n\nmax_attempt = 5\n").unwrap_err();
    assert!(error.to_string().starts_with("unknown setting retry.max_attempt ("), "{error}");
    assert!(error.to_string().ends_with(":3)"), "{error}");
    assert_eq!(error.hint(), "did you mean retry.max_attempts?");

    let error = with_file("[ledger]\nmax_interval = 5\n").unwrap_err();
    assert_eq!(error.hint(), "did you mean retry.max_interval?");

    let error = with_variable("REFERSION_DESTINATION__RETRI__INITIAL", "5s").unwrap_err();
    assert!(error.to_string().contains("REFERSION_DESTINATION__RETRI__INITIAL"), "{error}");
    assert_eq!(error.hint(), "did you mean REFERSION_DESTINATION__RETRY__INITIAL?");
}

#[test]
fn variables_of_kubernetes_are_not_taken_for_settings() {
    assert!(with_variable("REFERSION_DESTINATION_SERVICE_HOST", "10.0.0.1").is_ok());
}

#[test]
fn a_wrong_value_is_reported_with_its_key_and_the_expected_type() {
    let text = with_file("[retry]\ninitial = 5\n").unwrap_err().to_string();
    assert!(text.starts_with("retry.initial is the number 5, but must be a duration"), "{text}");
    let text = with_file("[retry]\nmax_attempts = \"5\"\n").unwrap_err().to_string();
    assert!(text.starts_with("retry.max_attempts is \"5\", but must be a whole number"), "{text}");
    let text = with_file("[ingest]\nlisten = [1]\n").unwrap_err().to_string();
    assert!(text.starts_with("ingest.listen is a list, but must be an address with a port"), "{text}");
    let text = with_variable("REFERSION_DESTINATION__LOG__LEVEL", "inof").unwrap_err().to_string();
    assert!(
        text.contains("log.level is \"inof\"") && text.contains("(REFERSION_DESTINATION__LOG__LEVEL)"),
        "{text}"
    );
}

#[test]
fn a_file_that_is_not_toml_or_not_there_is_refused_by_name() {
    let error = with_file("[retry]\nmax_attempts = = 5\n").unwrap_err();
    assert!(matches!(&error, ConfigError::NotToml { origin: Origin::File { line: 2, .. }, .. }), "{error}");
    let error = load(Some(Path::new("/nowhere/at/all.toml")), variables(&[])).unwrap_err();
    assert_eq!(error.to_string(), "cannot read the configuration file /nowhere/at/all.toml");
}

#[test]
fn contradicting_values_are_refused() {
    for (file, problem) in [
        ("[ingest]\ndeadline = \"5s\"", "ingest.deadline must be less than 5s"),
        ("[ingest]\nbody_memory = \"1KiB\"", "ingest.body_memory must not be less than ingest.max_body"),
        ("[retry]\ninitial = \"2h\"", "retry.initial must not be longer than retry.max_interval"),
        ("[queue]\nurl = \"sqlite://data/ledger.db\"", "queue.url must not be the file of ledger.url"),
    ] {
        let text = with_file(file).unwrap_err().to_string();
        assert!(text.starts_with(problem), "{text}");
    }
}

#[test]
fn secrets_are_shown_nowhere() {
    let loaded = load(None, variables(&[("REFERSION_DESTINATION__SECRETS__KEY", "c2VjcmV0")])).unwrap();
    let shown = serde_json::to_string(&loaded.settings.shown()).unwrap();
    assert!(shown.contains("[hidden]") && !shown.contains("c2VjcmV0"), "{shown}");
    assert!(!format!("{loaded:?}").contains("c2VjcmV0"));
    assert_eq!(loaded.config.secrets.key.unwrap().reveal(), "c2VjcmV0");

    for (name, url) in
        [("QUEUE", "amqp://me:pass@host/,amqp://me:pass@other/"), ("LEDGER", "postgres://me:pass@host/d")]
    {
        let loaded = with_variable(&format!("REFERSION_DESTINATION__{name}__URL"), url).unwrap();
        let shown = serde_json::to_string(&loaded.settings.shown()).unwrap();
        assert!(shown.contains("://[hidden]@host/") && !shown.contains("pass"), "{shown}");
        assert!(!format!("{loaded:?}").contains("pass"));
    }
}

#[test]
fn an_unknown_scheme_is_refused_with_the_valid_ones() {
    let text = |name, url| with_variable(name, url).unwrap_err().to_string();
    let error = text("REFERSION_DESTINATION__QUEUE__URL", "redis://me:pass@host/");
    assert!(error.contains("redis://[hidden]@host/") && !error.contains("pass"), "{error}");
    assert!(
        error.contains("sqlite://") && error.contains("amqp://") && error.contains("amqps://"),
        "{error}"
    );
    let error = text("REFERSION_DESTINATION__LEDGER__URL", "mysql://me:pass@host/");
    assert!(error.contains("mysql://[hidden]@host/") && !error.contains("pass"), "{error}");
    assert!(error.contains("sqlite://") && error.contains("postgres://"), "{error}");
}

#[test]
fn only_a_ledger_in_a_file_has_a_default_path_for_the_key() {
    let ledger = |url| with_variable("REFERSION_DESTINATION__LEDGER__URL", url).unwrap().config;
    assert_eq!(ledger("postgres://host/d").key_file(), None);
    assert_eq!(ledger("sqlite:///var/lib/l.db").key_file().unwrap(), Path::new("/var/lib/master.key"));
}

#[test]
fn durations_and_sizes_are_read_in_their_units_only() {
    let duration = |text: &str| with_variable("REFERSION_DESTINATION__RETENTION__OUTCOMES", text);
    for (text, seconds) in [("1h30m", 5400.0), ("500ms", 0.5), ("30d", 2_592_000.0), (" 2s ", 2.0)] {
        assert_eq!(
            duration(text).unwrap().config.retention.outcomes,
            Duration::from_secs_f64(seconds),
            "{text}"
        );
    }
    for text in ["", "5", "0s", "5 s", "-1s", "1.5s", "s", "99999999999999999999s", "20000d", "1h30"] {
        assert!(duration(text).is_err(), "{text}");
    }
    let size = |text: &str| with_variable("REFERSION_DESTINATION__QUEUE__MAX_BYTES", text);
    assert_eq!(size("64MiB").unwrap().config.queue.max_bytes, ByteSize(64 << 20));
    assert_eq!(size("1000").unwrap().config.queue.max_bytes, ByteSize(1000));
    for text in ["", "0", "64MB", "GiB", "1GiB1", "99999999999GiB"] {
        assert!(size(text).is_err(), "{text}");
    }
}

#[test]
fn trusted_proxies_are_networks_and_none_by_default() {
    let proxies = |text: &str| with_variable("REFERSION_DESTINATION__INGEST__TRUSTED_PROXIES", text);
    let read = |text: &str| proxies(text).unwrap().config.ingest.trusted_proxies;
    assert_eq!(load(None, variables(&[])).unwrap().config.ingest.trusted_proxies, read(""));
    assert!(read("10.0.0.0/8, ::1").contains("10.2.3.4".parse().unwrap()));
    for text in ["proxy", "10.0.0.0/40", "10.0.0.0/8;::1"] {
        let error = proxies(text).unwrap_err().to_string();
        assert!(error.starts_with("ingest.trusted_proxies is") && error.contains("10.0.0.0/8"), "{error}");
    }
}

#[test]
fn urls_of_refersion_are_normalized_or_refused() {
    let url = |text: &str| with_variable("REFERSION_DESTINATION__REFERSION__URL", text);
    assert_eq!(url("http://127.0.0.1:9000/").unwrap().config.refersion.url.0, "http://127.0.0.1:9000");
    for text in [
        "",
        "api.refersion.com",
        "https://",
        "https://api.refersion.com/v2",
        "https://a b",
        "ftp://x",
        "http:///x",
    ] {
        assert!(url(text).is_err(), "{text}");
    }
}
