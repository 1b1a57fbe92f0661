//! An installation with the HTTP API, as a client of it.

use serde_json::{Value, json};

use crate::world::{World, http};

/// An installation with a dead letter of Ann in `shop`, and another connection.
pub(crate) struct Api {
    pub(crate) world: World,
    pub(crate) letter: i64,
    pub(crate) event: String,
    pub(crate) group: String,
}

impl Api {
    pub(crate) fn new() -> Self {
        let world = World::started(&[]);
        world.add("other", "pub_2.sec_2", &[]);
        // The reader accepts this as an address; Refersion does not.
        let event = world
            .accept(&json!({ "type": "identify", "userId": "ann", "messageId": "m-ann", "traits": {
            "email": "ann@-x.org", "name": "Ann Smith", "address": { "city": "Rome" } } }));
        world.accept(&json!({ "type": "identify", "userId": "bob", "traits": { "vip": true },
            "context": { "personas": { "computation_key": "vip", "computation_class": "audience" } } }));
        let dead = world.event_in("ann", "dead");
        let letter = dead["dead_letter_id"].as_i64().unwrap();
        let groups = world.json(&["dead-letters", "groups"]);
        let group = groups["groups"][0]["group"].as_str().unwrap().to_owned();
        Self { world, letter, event, group }
    }

    /// Adds an operator, and returns its token.
    pub(crate) fn operator(&self, name: &str, role: &str, options: &[&str]) -> String {
        let added = self.world.json(&[&["operators", "add", name, "--role", role][..], options].concat());
        added["token"].as_str().unwrap().to_owned()
    }

    pub(crate) fn ask(&self, token: &str, method: &str, path: &str, body: &Value) -> (u16, Value) {
        self.ask_with(token, method, path, body, "")
    }

    pub(crate) fn ask_with(
        &self,
        token: &str,
        method: &str,
        path: &str,
        body: &Value,
        head: &str,
    ) -> (u16, Value) {
        let address = self.world.service.as_ref().unwrap().address("api");
        let authorization =
            if token.is_empty() { String::new() } else { format!("authorization: Bearer {token}\r\n") };
        let head = format!("{authorization}content-type: application/json\r\n{head}");
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let (status, answer) = http(&address, method, &format!("/api/v1{path}"), &head, &body);
        (
            status,
            serde_json::from_str(&answer)
                .unwrap_or_else(|error| panic!("{method} {path}: {error}: {answer}")),
        )
    }

    pub(crate) fn ok(&self, token: &str, method: &str, path: &str, body: &Value) -> Value {
        let (status, answer) = self.ask(token, method, path, body);
        assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
        answer
    }

    /// Every route of the document: the method, the path with existing ids and names, and the name of the operation.
    pub(crate) fn routes(&self) -> Vec<(String, String, String)> {
        let document = self.ok("", "GET", "/openapi.json", &Value::Null);
        let mut routes = Vec::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            let filled = path.trim_start_matches("/api/v1");
            let filled = match filled.split('/').nth(1).unwrap() {
                "connections" => filled.replace("{name}", "shop"),
                "events" => filled.replace("{id}", &self.event),
                "operators" => filled.replace("{name}", "nobody"),
                "plans" => filled.replace("{id}", "1"),
                "audiences" => filled.replace("{name}", "vip"),
                _ => filled.replace("{id}", &self.letter.to_string()).replace("{key}", &self.group),
            };
            assert!(!filled.contains('{'), "say in this test what {path} takes");
            for (method, operation) in item.as_object().unwrap() {
                let name = operation["operationId"].as_str().unwrap().to_owned();
                routes.push((method.to_uppercase(), filled.clone(), name));
            }
        }
        assert!(routes.len() > 20, "{routes:?}");
        routes
    }
}
