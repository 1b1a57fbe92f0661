//! The OpenAPI document, generated from the routes; and the role that each route needs, read from it.

use std::collections::BTreeMap;

use axum::Router;
use serde_json::{Value, json};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use super::guard::Route;
use super::{idempotency, problem, routes};

/// Where it is served.
pub const PATH: &str = "/api/v1/openapi.json";

/// Problems that any request may meet, by status.
const PROBLEMS: [(&str, &str); 9] = [
    ("400", "the request is malformed"),
    ("401", "there is no token, or it is not valid"),
    ("403", "the role of the operator does not allow it"),
    ("404", "it does not exist, or the operator may not see it"),
    ("408", "the body did not arrive in time"),
    ("422", "a value is out of bounds, or a selector cannot be read"),
    ("429", "the operator has too many requests under way"),
    ("500", "a bug"),
    ("503", "queue or ledger cannot be used at present"),
];

/// Problems of requests with a body.
const PROBLEMS_OF_BODIES: [(&str, &str); 2] =
    [("413", "the body is longer than 262144 bytes"), ("415", "the body is not application/json")];

/// The head of the document. Its version is that of the API, not of the program.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "refersion-destination",
        version = "1.0.0",
        description = "The operators' API. Lists page by (time, id): pass `next` as `cursor`. Acts repeat the selector and \
                       the exact count, and refuse an empty selector.",
        license(name = "MIT OR Apache-2.0")
    ),
    components(schemas(problem::ProblemDocument))
)]
struct Head;

/// The document as JSON.
#[derive(Clone, Debug)]
pub struct Document(Value);

/// The routes, and the document that describes all of them.
///
/// # Panics
///
/// If the document is no JSON object, which the tests of this crate rule out.
pub fn documented() -> (Router, Document) {
    let (router, document) =
        OpenApiRouter::with_openapi(Head::openapi()).merge(routes::all()).split_for_parts();
    let mut value = serde_json::to_value(&document).expect("a document of ours is JSON");
    complete(&mut value);
    (router, Document(value))
}

/// Adds what all routes have in common.
fn complete(document: &mut Value) {
    document["components"]["securitySchemes"] = json!({ "bearer": {
        "type": "http", "scheme": "bearer",
        "description": "The token of an operator. Each operation names the least role that it needs."
    } });
    let paths = document["paths"].as_object_mut();
    let operations =
        paths.into_iter().flatten().flat_map(|(_, item)| item.as_object_mut().into_iter().flatten());
    for (method, operation) in operations {
        let has_body = operation.get("requestBody").is_some();
        let is_act = method != "get" && role(operation) != Some("viewer");
        let more = if has_body { &PROBLEMS_OF_BODIES[..] } else { &[] };
        let conflict =
            is_act.then_some(("409", "it conflicts with the present state, or with a request under way"));
        for (status, description) in PROBLEMS.iter().chain(more).copied().chain(conflict) {
            operation["responses"][status] = json!({
                "description": description,
                "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } }
            });
        }
        if is_act {
            let key = json!({
                "name": idempotency::KEY, "in": "header", "required": false,
                "description": "An act with the same key and the same request is carried out once within 24 h",
                "schema": { "type": "string", "pattern": "^[!-~]{1,255}$" }
            });
            match operation["parameters"].as_array_mut() {
                Some(parameters) => parameters.push(key),
                None => operation["parameters"] = json!([key]),
            }
        }
    }
}

fn role(operation: &Value) -> Option<&str> {
    operation["security"][0]["bearer"][0].as_str()
}

impl Document {
    /// Its text, as it is committed.
    #[must_use]
    pub fn text(&self) -> String {
        let text = serde_json::to_string_pretty(&self.0).unwrap_or_default();
        format!("{text}\n")
    }

    /// The name and the required role of each route, by path and method. A route that names no role is left out: the
    /// guard serves it to nobody.
    pub(super) fn routes(&self) -> BTreeMap<String, BTreeMap<String, Route>> {
        let operation = |path: &str, operation: &Value| {
            let role = role(operation)?.parse().ok()?;
            let name = operation["operationId"].as_str()?.to_owned();
            Some(Route { path: path.to_owned(), operation: name, role })
        };
        let paths = self.0["paths"].as_object().into_iter().flatten();
        let of_path = |(path, item): (&String, &Value)| {
            let methods = item.as_object().into_iter().flatten();
            let routes = methods.filter_map(|(method, it)| Some((method.clone(), operation(path, it)?)));
            (path.clone(), routes.collect())
        };
        paths.map(of_path).collect()
    }
}
