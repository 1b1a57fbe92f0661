//! Checks that the committed OpenAPI document is that of the code, and that clients of the last release can still use the API.

use serde_json::{Value, json};

use super::document::documented;

const COMMITTED: &str = include_str!("../../../../docs/openapi.json");

/// The document of the last release: a release copies docs/openapi.json there.
const RELEASED: &str = include_str!("../../../../docs/openapi.released.json");

/// Set to write the document again.
const UPDATE: &str = "UPDATE_OPENAPI";

#[test]
#[expect(clippy::disallowed_methods, reason = "who runs the test may ask for the document to be written")]
fn the_committed_document_is_that_of_the_code() {
    let text = documented().1.text();
    if std::env::var_os(UPDATE).is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
        std::fs::write(path, &text).unwrap();
        return;
    }
    assert!(
        text == COMMITTED,
        "docs/openapi.json is out of date: write it again with {UPDATE}=1 and this test"
    );
}

#[test]
fn every_route_names_the_role_that_it_needs() {
    let document = documented().1;
    let value: Value = serde_json::from_str(&document.text()).unwrap();
    let operations = value["paths"].as_object().unwrap().values();
    let described: usize = operations.map(|item| item.as_object().unwrap().len()).sum();
    let served: usize = document.routes().values().map(std::collections::BTreeMap::len).sum();
    assert!(described > 0 && served == described, "{served} of {described}");
}

#[test]
fn nothing_is_taken_away_from_users_of_the_last_release() {
    let [old, new] = [RELEASED, COMMITTED].map(|text| serde_json::from_str::<Value>(text).unwrap());
    assert_eq!(breaks(&old, &new), [""; 0]);
}

#[test]
fn changes_that_break_a_client_are_found() {
    let old: Value = serde_json::from_str(COMMITTED).unwrap();
    let path = "/api/v1/dead-letters/discard";
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut new = old.clone();
        change(&mut new);
        breaks(&old, &new)
    };
    let removed = changed(&|new| drop(new["paths"].as_object_mut().unwrap().remove(path)));
    assert_eq!(removed, [format!("post {path} is gone")]);
    let schemas = |new: &mut Value, name: &str| new["components"]["schemas"][name].take();
    let renamed = changed(&|new| {
        let mut schema = schemas(new, "Acted");
        schema["properties"].as_object_mut().unwrap().remove("count");
        new["components"]["schemas"]["Acted"] = schema;
    });
    assert!(renamed.iter().any(|it| it.contains("count")), "{renamed:?}");
    let required = changed(&|new| {
        let mut schema = schemas(new, "ActInput");
        schema["required"] = json!(["selector", "reason"]);
        new["components"]["schemas"]["ActInput"] = schema;
    });
    assert!(required.iter().any(|it| it.contains("reason")), "{required:?}");
    let raised = changed(&|new| new["paths"][path]["post"]["security"] = json!([{ "bearer": ["admin"] }]));
    assert_eq!(raised, [format!("post {path} needs another role")]);
}

/// The parts of `old` that its clients would miss in `new`.
fn breaks(old: &Value, new: &Value) -> Vec<String> {
    let mut all = Vec::new();
    for (path, item) in old["paths"].as_object().into_iter().flatten() {
        for (method, was) in item.as_object().into_iter().flatten() {
            let is = &new["paths"][path][method];
            let name = format!("{method} {path}");
            if is.is_null() {
                all.push(format!("{name} is gone"));
                continue;
            }
            if is["security"] != was["security"] {
                all.push(format!("{name} needs another role"));
            }
            parameters(&name, was, is, &mut all);
            let body =
                |operation: &Value| operation["requestBody"]["content"]["application/json"]["schema"].clone();
            input(&name, (old, &body(was)), (new, &body(is)), &mut all);
            for (status, answer) in was["responses"].as_object().into_iter().flatten() {
                let schema = |answer: &Value| answer["content"]["application/json"]["schema"].clone();
                let now = &is["responses"][status];
                if now.is_null() {
                    all.push(format!("{name} never answers {status} any more"));
                }
                output(&name, (old, &schema(answer)), (new, &schema(now)), &mut all);
            }
        }
    }
    all
}

fn parameters(name: &str, was: &Value, is: &Value, all: &mut Vec<String>) {
    let list = |operation: &Value| operation["parameters"].as_array().cloned().unwrap_or_default();
    for parameter in list(was) {
        if !list(is).iter().any(|it| it["name"] == parameter["name"] && it["in"] == parameter["in"]) {
            all.push(format!("{name} takes no {} any more", parameter["name"]));
        }
    }
    for parameter in list(is).iter().filter(|it| it["required"] == true) {
        if !list(was).iter().any(|it| it["name"] == parameter["name"] && it["required"] == true) {
            all.push(format!("{name} requires {}", parameter["name"]));
        }
    }
}

fn resolved<'d>(document: &'d Value, schema: &'d Value) -> &'d Value {
    match schema["$ref"].as_str() {
        Some(name) => &document["components"]["schemas"][name.rsplit('/').next().unwrap()],
        None => schema,
    }
}

/// A request must not require more properties, nor lose one.
fn input(name: &str, (old, was): (&Value, &Value), (new, is): (&Value, &Value), all: &mut Vec<String>) {
    let (was, is) = (resolved(old, was), resolved(new, is));
    for required in is["required"].as_array().into_iter().flatten() {
        if !was["required"].as_array().is_some_and(|list| list.contains(required)) {
            all.push(format!("{name} requires {required}"));
        }
    }
    for property in was["properties"].as_object().into_iter().flatten().map(|(property, _)| property) {
        if is["properties"][property].is_null() {
            all.push(format!("{name} takes no {property} any more"));
        }
    }
}

/// An answer must not lose a property, at any depth.
fn output(name: &str, (old, was): (&Value, &Value), (new, is): (&Value, &Value), all: &mut Vec<String>) {
    let (was, is) = (resolved(old, was), resolved(new, is));
    for (property, schema) in was["properties"].as_object().into_iter().flatten() {
        let now = &is["properties"][property];
        if now.is_null() {
            all.push(format!("{name} answers without {property}"));
        } else {
            output(name, (old, schema), (new, now), all);
        }
    }
    if !was["items"].is_null() {
        output(name, (old, &was["items"]), (new, &is["items"]), all);
    }
    for (part, now) in
        was["allOf"].as_array().into_iter().flatten().zip(is["allOf"].as_array().into_iter().flatten())
    {
        output(name, (old, part), (new, now), all);
    }
}
