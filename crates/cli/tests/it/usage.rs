//! Wrong usage is exit code 2, with an error that says what to do.

use crate::program::run;

#[test]
fn help_and_version_end_without_an_error() {
    let help = run(&["--help"], &[]);
    assert_eq!(help.code, Some(0));
    assert!(help.stdout.contains("Examples:"), "{}", help.stdout);
    let version = run(&["--version"], &[]);
    assert_eq!(
        (version.code, version.stdout),
        (Some(0), format!("refersion-destination {}\n", env!("CARGO_PKG_VERSION")))
    );
}

#[test]
fn wrong_usage_is_exit_code_2() {
    for arguments in [&[][..], &["confg", "show"], &["config", "show", "--colour"], &["simulate"]] {
        let ended = run(arguments, &[]);
        assert_eq!(ended.code, Some(2), "{arguments:?}: {}", ended.stderr);
        assert!(ended.stdout.is_empty() && !ended.stderr.is_empty());
    }
}

#[test]
fn with_json_wrong_usage_is_one_object() {
    let ended = run(&["simulate", "--json", "--listen", "here"], &[]);
    let error = ended.error();
    assert_eq!((ended.code, error["code"].as_str()), (Some(2), Some("usage")));
    assert!(error["message"].as_str().unwrap().contains("here"), "{error}");
    assert!(!error["hint"].as_str().unwrap().is_empty());
    let tip = run(&["confg", "--json"], &[]).error();
    assert!(tip["hint"].as_str().unwrap().contains("'config'"), "{tip}");
    let missing = run(&["simulate", "--json"], &[]).error();
    assert!(missing["message"].as_str().unwrap().contains("--listen"), "{missing}");
}
