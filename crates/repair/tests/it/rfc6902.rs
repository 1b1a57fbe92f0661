//! The examples of RFC 6902, appendix A, on the traits of an identify.

use repair::{PatchProblem, RepairError};

const BEFORE: &str = r#"{"type":"identify","userId":"u-1","messageId":"m-1","traits":"#;

/// Applies a patch, whose paths begin with `/traits`, to an event with these traits. Returns the traits of the result.
fn traits(traits: &str, patch: &str) -> Result<String, RepairError> {
    let repaired = super::patched(&format!("{BEFORE}{traits}}}"), patch)?;
    Ok(repaired.payload.strip_prefix(BEFORE).unwrap().strip_suffix('}').unwrap().to_owned())
}

#[track_caller]
fn check(before: &str, patch: &str, expected: &str) {
    assert_eq!(traits(before, patch).unwrap(), expected, "{before} {patch}");
}

#[track_caller]
fn fails(before: &str, patch: &str, expected: PatchProblem) {
    match traits(before, patch) {
        Err(RepairError::Patch { problem, .. }) => assert_eq!(problem, expected, "{before} {patch}"),
        other => panic!("{before} {patch}: {other:?}"),
    }
}

#[test]
fn the_examples_of_the_rfc_give_their_results() {
    check(
        r#"{"foo":"bar"}"#,
        r#"[{"op":"add","path":"/traits/baz","value":"qux"}]"#,
        r#"{"foo":"bar","baz":"qux"}"#,
    );
    check(
        r#"{"foo":["bar","baz"]}"#,
        r#"[{"op":"add","path":"/traits/foo/1","value":"qux"}]"#,
        r#"{"foo":["bar","qux","baz"]}"#,
    );
    check(r#"{"baz":"qux","foo":"bar"}"#, r#"[{"op":"remove","path":"/traits/baz"}]"#, r#"{"foo":"bar"}"#);
    check(
        r#"{"foo":["bar","qux","baz"]}"#,
        r#"[{"op":"remove","path":"/traits/foo/1"}]"#,
        r#"{"foo":["bar","baz"]}"#,
    );
    check(
        r#"{"baz":"qux","foo":"bar"}"#,
        r#"[{"op":"replace","path":"/traits/baz","value":"boo"}]"#,
        r#"{"baz":"boo","foo":"bar"}"#,
    );
    check(
        r#"{"foo":{"bar":"baz","waldo":"fred"},"qux":{"corge":"grault"}}"#,
        r#"[{"op":"move","from":"/traits/foo/waldo","path":"/traits/qux/thud"}]"#,
        r#"{"foo":{"bar":"baz"},"qux":{"corge":"grault","thud":"fred"}}"#,
    );
    check(
        r#"{"foo":["all","grass","cows","eat"]}"#,
        r#"[{"op":"move","from":"/traits/foo/1","path":"/traits/foo/3"}]"#,
        r#"{"foo":["all","cows","eat","grass"]}"#,
    );
    check(
        r#"{"foo":["bar"]}"#,
        r#"[{"op":"add","path":"/traits/foo/-","value":["abc","def"]}]"#,
        r#"{"foo":["bar",["abc","def"]]}"#,
    );
    check(
        r#"{"foo":"bar"}"#,
        r#"[{"op":"add","path":"/traits/baz","value":"qux","xyz":123}]"#,
        r#"{"foo":"bar","baz":"qux"}"#,
    );
    check(
        r#"{"foo":1}"#,
        r#"[{"op":"copy","from":"/traits/foo","path":"/traits/bar"}]"#,
        r#"{"foo":1,"bar":1}"#,
    );
}

#[test]
fn a_test_compares_values_and_not_how_they_are_written() {
    let test = |before: &str, path: &str, value: &str| {
        let patch = format!(
            r#"[{{"op":"test","path":"{path}","value":{value}}},{{"op":"add","path":"/traits/done","value":true}}]"#
        );
        traits(before, &patch)
    };
    assert!(test(r#"{"foo":["a",2,"c"]}"#, "/traits/foo/1", "2.0").is_ok());
    assert!(test(r#"{"/":9,"~1":10}"#, "/traits/~01", "10").is_ok());
    assert!(test(r#"{"a":{"x":1,"y":"é"}}"#, "/traits/a", r#"{"y":"\u00e9","x":1}"#).is_ok());
    for (before, path, value) in [
        (r#"{"/":9,"~1":10}"#, "/traits/~01", "\"10\""),
        (r#"{"n":123456789012345678901}"#, "/traits/n", "123456789012345678902"),
        (r#"{"a":[1]}"#, "/traits/a", "[1,1]"),
    ] {
        let failed = RepairError::Patch { operation: 1, problem: PatchProblem::TestFailed };
        assert_eq!(test(before, path, value).unwrap_err().to_string(), failed.to_string());
    }
}

#[test]
fn errors_of_the_rfc_are_errors() {
    fails(r#"{"foo":"bar"}"#, r#"[{"op":"add","path":"/traits/baz/bat","value":1}]"#, PatchProblem::Missing);
    fails(r#"{"foo":[1]}"#, r#"[{"op":"add","path":"/traits/foo/2","value":1}]"#, PatchProblem::Missing);
    fails(r#"{"foo":[1]}"#, r#"[{"op":"replace","path":"/traits/foo/00","value":1}]"#, PatchProblem::Missing);
    fails(r#"{"foo":1}"#, r#"[{"op":"replace","path":"/traits/bar","value":1}]"#, PatchProblem::Missing);
    fails(r#"{"foo":1}"#, r#"[{"op":"replace","path":"traits/foo","value":1}]"#, PatchProblem::Path);
    fails(r#"{"foo":1}"#, r#"[{"op":"replace","path":"/traits/~2","value":1}]"#, PatchProblem::Path);
    fails(r#"{"foo":1}"#, r#"[{"op":"replace","path":"/traits/foo"}]"#, PatchProblem::Lacks);
    fails(r#"{"foo":1}"#, r#"[{"op":"spam","path":"/traits/foo"}]"#, PatchProblem::Operation);
    fails(
        r#"{"foo":{"a":1}}"#,
        r#"[{"op":"move","from":"/traits/foo","path":"/traits/foo/a"}]"#,
        PatchProblem::IntoItself,
    );
    fails(
        r#"{"foo":1,"foo":2}"#,
        r#"[{"op":"replace","path":"/traits/foo","value":3}]"#,
        PatchProblem::Twice,
    );
    fails(r#"{"foo":1}"#, r#"{"op":"remove","path":"/traits/foo"}"#, PatchProblem::NotAPatch);
    fails(r#"{"foo":1}"#, r#"[{"op":"remove","path":""}]"#, PatchProblem::Missing);
}

#[test]
fn copies_of_copies_end_at_the_limit() {
    let copy = r#"{"op":"copy","from":"/traits","path":"/traits/x"},{"op":"copy","from":"/traits","path":"/traits/y"}"#;
    let patch = format!("[{}]", vec![copy; 60].join(","));
    fails(r#"{"foo":"bar"}"#, &patch, PatchProblem::Grows);
}
