//! Answers in the shapes of Refersion and of the gateway in front of it.

use serde::Serialize;
use serde_json::json;

/// One HTTP answer, before latency and faults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn ok(body: &impl Serialize) -> Self {
        Self::json(200, body)
    }

    /// `{"error":"..."}`, the shape of 400, 401, 404 and 429.
    pub(crate) fn error(status: u16, text: &str) -> Self {
        Self::json(status, &json!({ "error": text }))
    }

    /// `{"errors":["..."]}`, the shape of 422.
    pub(crate) fn refused<T: Serialize>(errors: &[T]) -> Self {
        Self::json(422, &json!({ "errors": errors }))
    }

    /// `{"message":"..."}`, the shape of the gateway.
    pub(crate) fn gateway(status: u16, text: &str) -> Self {
        Self::json(status, &json!({ "message": text }))
    }

    /// An HTML page, as a gateway or a proxy sends it.
    pub(crate) fn page(status: u16, title: &str) -> Self {
        let body = format!(
            "<html>\r\n<head><title>{status} {title}</title></head>\r\n<body><center><h1>{status} {title}</h1></center></body>\r\n</html>\r\n"
        );
        Self { status, headers: content_type("text/html"), body: body.into_bytes() }
    }

    /// The answer to an unknown field: HTTP forbids a body with 204, so the documented `{"error":"Invalid field X"}`
    /// is never sent.
    pub(crate) fn no_content() -> Self {
        Self { status: 204, headers: Vec::new(), body: Vec::new() }
    }

    pub(crate) fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    fn json(status: u16, body: &impl Serialize) -> Self {
        let body = serde_json::to_vec(body).expect("answers have string keys and plain values");
        Self { status, headers: content_type("application/json"), body }
    }
}

fn content_type(value: &str) -> Vec<(String, String)> {
    vec![("content-type".to_owned(), value.to_owned())]
}
