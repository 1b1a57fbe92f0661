//! `config show`, and the behaviour with a wrong configuration.

use crate::program::{program, run};

#[test]
fn config_show_lists_every_value_with_its_source() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "[retention]\noutcomes = \"7d\"\n").unwrap();
    let path = file.path().to_str().unwrap();
    let ended = run(
        &["config", "show", "--json", "--config", path],
        &[
            ("REFERSION_DESTINATION__LOG__FORMAT", "json"),
            ("REFERSION_DESTINATION__SECRETS__KEY", "c2VjcmV0"),
        ],
    );
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    let shown: Vec<serde_json::Value> = serde_json::from_str(&ended.stdout).unwrap();
    let of = |key: &str| {
        let setting = shown.iter().find(|setting| setting["key"] == key).unwrap();
        (setting["value"].as_str().unwrap(), setting["from"].as_str().unwrap())
    };
    assert_eq!(of("retention.outcomes"), ("7d", format!("{path}:2").as_str()));
    assert_eq!(of("log.format"), ("json", "REFERSION_DESTINATION__LOG__FORMAT"));
    assert_eq!(of("secrets.key"), ("[hidden]", "REFERSION_DESTINATION__SECRETS__KEY"));
    assert_eq!(of("ledger.url"), ("sqlite://data/ledger.db", "default"));
}

#[test]
fn the_table_begins_with_the_first_section() {
    let ended = run(&["config", "show"], &[]);
    let mut lines = ended.stdout.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    assert_eq!(lines.next().unwrap(), ["SETTING", "VALUE", "FROM"]);
    assert_eq!(lines.next().unwrap(), ["queue.url", "sqlite://data/queue.db", "default"]);
}

#[test]
fn a_wrong_configuration_is_exit_code_2_for_every_command() {
    for arguments in [&["config", "show", "--json"][..], &["simulate", "--listen", "127.0.0.1:0", "--json"]] {
        let ended = run(arguments, &[("REFERSION_DESTINATION__QUEUE__ULR", "sqlite://q.db")]);
        let error = ended.error();
        assert_eq!((ended.code, error["code"].as_str()), (Some(2), Some("configuration")));
        assert_eq!(error["hint"], "did you mean REFERSION_DESTINATION__QUEUE__URL?");
    }
}

#[test]
fn an_unknown_section_is_reported_with_the_right_one_even_if_it_is_empty() {
    for (text, wrong, right) in [
        ("[retension]\noutcomes = \"7d\"\n", "retension", "retention"),
        ("[injest]\n", "injest", "ingest"),
        ("[legder]\nurl = \"sqlite://x.db\"\n", "legder", "ledger"),
        ("[disc]\nmin_free = \"1GiB\"\n", "disc", "disk"),
    ] {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let ended = run(&["config", "show", "--json", "--config", file.path().to_str().unwrap()], &[]);
        let error = ended.error();
        assert_eq!((ended.code, error["code"].as_str()), (Some(2), Some("configuration")));
        assert!(
            error["message"].as_str().unwrap().contains(&format!("unknown section [{wrong}]")),
            "{error}"
        );
        assert_eq!(error["hint"], format!("did you mean [{right}]?"));
    }
}

#[test]
fn errors_without_json_have_a_hint_line_and_name_their_cause() {
    let ended = run(&["config", "show", "--config", "/nowhere/my.toml"], &[]);
    assert_eq!(ended.code, Some(2));
    let lines: Vec<_> = ended.stderr.lines().collect();
    assert!(
        lines[0].starts_with("error: cannot read the configuration file /nowhere/my.toml: No such file"),
        "{lines:?}"
    );
    assert!(lines[1].starts_with("hint: "), "{lines:?}");
}

#[test]
fn a_closed_standard_output_is_no_failure() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    assert_eq!(program(&["config", "show"]).stdout(writer).status().unwrap().code(), Some(0));
}
