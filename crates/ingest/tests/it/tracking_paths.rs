//! Requests of the Tracking API without events: preflights, other paths and other methods.

use serde_json::{Value, json};

use crate::harness::WRITE_KEY;
use crate::tracking::Request;

#[tokio::test]
async fn a_browser_may_send_a_preflight_request() {
    let preflight = Request {
        method: "OPTIONS",
        headers: "Origin: https://shop.example\r\nAccess-Control-Request-Method: POST\r\n",
        ..Request::to("/v1/b", None, &Value::Null)
    };
    let reply = Request { body: Vec::new(), ..preflight }.send().await;
    assert_eq!((reply.status, reply.headers["access-control-allow-origin"].as_str()), (204, "*"));
    assert!(reply.headers["access-control-allow-headers"].contains("authorization"));
    for path in ["/v1/batch", "/v1/delete"] {
        let other = Request { method: "OPTIONS", ..Request::to(path, None, &Value::Null) }.send().await;
        assert_eq!(
            (other.status, other.headers["access-control-allow-origin"].as_str()),
            (204, "*"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn other_paths_and_methods_are_refused_with_errors_of_the_api() {
    for (method, path, status, code, text) in [
        ("POST", "/v1/delete", 404, "not_found", "a delete has to come from Segment"),
        ("GET", "/v1/", 404, "not_found", "/v1/batch"),
        ("GET", "/v1/batch", 405, "method_not_allowed", "with POST"),
        ("DELETE", "/v1/i", 405, "method_not_allowed", "with POST"),
    ] {
        let reply = Request { method, ..Request::to(path, Some(WRITE_KEY), &Value::Null) }.send().await;
        assert_eq!((reply.status, &reply.body["success"]), (status, &json!(false)), "{method} {path}");
        assert_eq!(reply.body["code"].as_str(), Some(code));
        assert!(reply.message().contains(text), "{reply:?}");
        assert_eq!(reply.headers["access-control-allow-origin"], "*");
        assert_eq!(reply.headers.get("allow").map(String::as_str), (status == 405).then_some("POST"));
    }
}
