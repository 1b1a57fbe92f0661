//! Refused events: their status, and that no message contains parts of the event.

use segment::Refusal;

use crate::now;

#[track_caller]
fn refused(json: &[u8]) -> (u16, String) {
    let refusal = segment::read(json, now()).expect_err("this cannot be an event");
    (refusal.http_status(), refusal.message())
}

#[test]
fn invalid_json_is_400_with_one_constant_message() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let deep_object =
        format!(r#"{{"type":"identify","userId":"u","a":{}1{}}}"#, "[".repeat(200), "]".repeat(200));
    let bodies: [&[u8]; 10] = [
        b"",
        b" ",
        b"{",
        b"{}}",
        b"{'type':'identify'}",
        br#"{"type":"identify","userId":"u","traits":{"a":NaN}}"#,
        b"{\"type\":\"identify\",\"userId\":\"\xff\"}",
        b"\xef\xbb\xbf{\"type\":\"identify\",\"userId\":\"u\"}",
        deep.as_bytes(),
        deep_object.as_bytes(),
    ];
    let (_, text) = refused(b"");
    for body in bodies {
        assert_eq!(refused(body), (400, text.clone()));
    }
}

#[test]
fn json_other_than_an_object_is_400() {
    for body in ["null", "[]", "[{\"type\":\"identify\",\"userId\":\"u\"}]", "7", "\"identify\"", "true"] {
        assert!(matches!(segment::read(body.as_bytes(), now()), Err(Refusal::NotAnObject)), "{body}");
        assert_eq!(refused(body.as_bytes()).0, 400);
    }
}

#[test]
fn an_event_without_a_type_is_400() {
    for body in [
        r#"{"userId":"u"}"#,
        r#"{"type":null,"userId":"u"}"#,
        r#"{"type":" ","userId":"u"}"#,
        r#"{"type":7,"userId":"u"}"#,
        r#"{"type":["identify"],"userId":"u"}"#,
    ] {
        assert!(matches!(segment::read(body.as_bytes(), now()), Err(Refusal::NoType)), "{body}");
        assert_eq!(refused(body.as_bytes()).0, 400);
    }
}

#[test]
fn any_other_type_is_501_and_only_types_of_segment_are_named() {
    for known in ["track", "page", "screen", "group", "alias"] {
        let (status, text) = refused(format!(r#"{{"type":"{known}","userId":"u"}}"#).as_bytes());
        assert_eq!(status, 501);
        assert!(text.contains(known), "{text}");
    }
    let (status, text) = refused(br#"{"type":"peter@example.com","userId":"u"}"#);
    assert_eq!(status, 501);
    assert!(!text.contains("peter"), "{text}");
}

#[test]
fn the_type_is_read_in_any_case_and_under_its_old_name() {
    for body in [
        r#"{"type":" Identify ","userId":"u"}"#,
        r#"{"TYPE":"IDENTIFY","userId":"u"}"#,
        r#"{"action":"identify","userId":"u"}"#,
        r#"{"type":"","action":"delete","userId":"u"}"#,
    ] {
        assert!(segment::read(body.as_bytes(), now()).is_ok(), "{body}");
    }
}

#[test]
fn an_event_without_identifiers_is_400() {
    for body in [
        r#"{"type":"identify"}"#,
        r#"{"type":"identify","userId":null,"anonymousId":"","email":"nobody"}"#,
        r#"{"type":"identify","traits":{"userId":"u","newEmail":"a@b.example"}}"#,
    ] {
        assert!(matches!(segment::read(body.as_bytes(), now()), Err(Refusal::IdentifyNamesNobody)), "{body}");
        let delete = body.replace("identify", "delete");
        assert!(matches!(segment::read(delete.as_bytes(), now()), Err(Refusal::DeleteNamesNobody)), "{body}");
        assert_eq!(refused(body.as_bytes()).0, 400);
    }
}
