//! The HTTP API as an operator uses it: roles, hidden data, acts that are done once, and the audit.

use serde_json::{Value, json};

use crate::api_client::Api;
use crate::api_plans::plans_are_steered;
use crate::api_repairs::repairs_and_walks;

/// Each act of the API, and its name in the audit.
const ACTS: [(&str, &str); 18] = [
    ("pause_connection", "connection_paused"),
    ("resume_connection", "connection_resumed"),
    ("adopt_affiliates", "adoption_asked_for"),
    ("verify_affiliates", "verification_asked_for"),
    ("edit_dead_letter", "dead_letters_repaired"),
    ("patch_dead_letters", "dead_letters_repaired"),
    ("preview_patch", "payload_revealed"),
    ("note_group", "group_noted"),
    ("replay_dead_letters", "dead_letters_replayed"),
    ("discard_dead_letters", "dead_letters_discarded"),
    ("restore_dead_letters", "dead_letters_restored"),
    ("add_operator", "operator_added"),
    ("revoke_operator", "operator_revoked"),
    ("make_plan", "plan_made"),
    ("run_plan", "plan_run"),
    ("pause_plan", "plan_paused"),
    ("resume_plan", "plan_resumed"),
    ("cancel_plan", "plan_cancelled"),
];

/// Texts that are hidden from operators who may not see the connection, or who see it masked.
const PERSONAL: [&str; 4] = ["Smith", "ann@", "Rome", "m-ann"];

/// The role that a route needs, as these tests see it: the author of a new route has to decide it twice.
fn required_role(method: &str, path: &str) -> usize {
    let reads = method == "GET" || ["/events/search", "/profiles/search", "/why"].contains(&path);
    match (reads, path.split('/').nth(1).unwrap()) {
        (_, "operators") => 2,
        (_, "audit") | (false, _) => 1,
        (true, _) => 0,
    }
}

#[test]
fn every_route_admits_only_the_roles_that_it_requires() {
    let api = Api::new();
    let roles = ["viewer", "operator", "admin"];
    let tokens = roles.map(|role| api.operator(&format!("the-{role}"), role, &[]));
    let revoked = api.operator("gone", "admin", &[]);
    api.world.json(&["operators", "revoke", "gone"]);
    let mut denials = 0;
    for (method, path, _) in api.routes() {
        for wrong in ["", revoked.as_str(), "rdop_nonsense", "nonsense"] {
            let (status, answer) = api.ask(wrong, &method, &path, &json!({}));
            assert_eq!(status, 401, "{method} {path} with `{wrong}`: {answer}");
        }
        for (role, token) in tokens.iter().enumerate() {
            let (status, answer) = api.ask(token, &method, &path, &json!({}));
            let (is_denied, must_be) = (status == 403, role < required_role(&method, &path));
            assert_eq!(is_denied, must_be, "{method} {path} as {}: {status} {answer}", roles[role]);
            assert!(status != 401 && status < 500, "{method} {path} as {}: {status} {answer}", roles[role]);
            denials += u64::from(is_denied);
        }
    }
    let audit = api.ok(&tokens[2], "GET", "/audit?selector=result:denied", &Value::Null);
    assert_eq!(audit["count"], denials, "each denial is in the audit");
    let is_raw = |line: &Value| line["subject"].as_str().unwrap().contains(&api.event);
    assert!(!audit["lines"].as_array().unwrap().iter().any(is_raw), "paths by their templates: {audit}");
    for (method, path, name) in api.routes() {
        let act = ACTS.iter().find(|(act, _)| *act == name && name != "preview_patch");
        let Some((_, action)) = act else { continue };
        let is_named = |line: &&Value| line["action"] == *action;
        assert!(
            audit["lines"].as_array().unwrap().iter().any(|it| is_named(&it)),
            "{method} {path}: {audit}"
        );
    }
    let limited = json!({ "name": "boss", "role": "admin", "connections": ["shop"] });
    assert_eq!(api.ask(&tokens[2], "POST", "/operators", &limited).0, 422);
    let refused = api.ok(&tokens[2], "GET", "/audit?selector=action:operator_added", &Value::Null);
    assert_eq!(refused["lines"][0]["reason"], "admin_is_limited", "{refused}");
}

#[test]
fn a_connection_that_an_operator_may_not_see_is_hidden() {
    let api = Api::new();
    let token = api.operator("guest", "operator", &["--connection", "other"]);
    let refused = api.world.cli(&["operators", "add", "boss", "--role", "admin", "--connection", "other"]);
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    let selector = format!("id:{}", api.letter);
    assert_eq!(api.world.json(&["dead-letters", "plan", "state:open"])["id"], 1);
    for (method, path, name) in api.routes() {
        if required_role(&method, &path) == 2 {
            continue;
        }
        let body = match name.as_str() {
            "note_group" => json!({ "note": "mine" }),
            "search_events" | "search_profiles" | "why" => json!({ "subject": "ann" }),
            "edit_dead_letter" => json!({ "patch": [], "revision": 0 }),
            "patch_dead_letters" | "preview_patch" => json!({ "selector": selector, "patch": [] }),
            name if name.ends_with("_dead_letters") || name == "make_plan" => json!({ "selector": selector }),
            _ => json!({}),
        };
        let (status, answer) = api.ask(&token, &method, &path, &body);
        let text = answer.to_string();
        assert!(!PERSONAL.iter().any(|it| text.contains(it)), "{method} {path}: {text}");
        let names_it = path.contains("shop") || path.contains(&api.event) || path.contains(&api.group);
        let names_it =
            names_it || path.ends_with(&format!("/{}", api.letter)) || path.starts_with("/plans/1");
        let names_it = names_it || path.ends_with("/revisions") || path == "/audiences/vip";
        // There is nothing to plan.
        let otherwise = if name == "make_plan" { 422 } else { 200 };
        assert_eq!(status, if names_it { 404 } else { otherwise }, "{method} {path}: {text}");
        let is_empty = ["count", "done"].iter().all(|key| answer[*key].as_u64().unwrap_or(0) == 0);
        assert!(is_empty || ["/connections", "/audit"].contains(&path.as_str()), "{method} {path}: {text}");
        assert!(names_it || !text.contains("shop"), "{method} {path}: {text}");
    }
    // Hidden and missing connections are answered alike.
    let [hidden, nothing] = ["shop", "none"].map(|name| {
        api.ask(&token, "GET", &format!("/connections/{name}"), &Value::Null)
            .1
            .to_string()
            .replace(name, "it")
    });
    assert_eq!(hidden, nothing);
    let [hidden, nothing] = ["shop", "none"].map(|name| {
        let paths =
            ["/dead-letters?selector", "/dead-letters/count?selector", "/audit?selector", "/audiences?"];
        let asked = paths.map(|path| {
            let path = format!("{path}connection:{name}").replace("?connection:", "?connection=");
            let path = path.replace("selectorc", "selector=c");
            api.ask(&token, "GET", &path, &Value::Null)
        });
        let body = json!({ "selector": format!("connection:{name}"), "patch": [] });
        let acts = ["/dead-letters/patch", "/dead-letters/patch/preview", "/plans"];
        let acted = acts.map(|path| api.ask(&token, "POST", path, &body));
        let all: Vec<(u16, String)> = asked
            .into_iter()
            .chain(acted)
            .map(|(status, it)| (status, it.to_string().replace(name, "it")))
            .collect();
        assert!(all.iter().all(|(status, _)| *status == 404), "{all:?}");
        all
    });
    assert_eq!(hidden, nothing, "also where selectors name them");
    let why = api.ask(&token, "POST", "/why", &json!({ "subject": "ann", "connection": "shop" }));
    assert_eq!(why.0, 404, "{}", why.1);
    let letters = api.world.json(&["dead-letters", "list", "state:open"]);
    assert_eq!(letters["count"], 1, "nothing was done");
}

#[test]
fn every_act_is_audited_and_repeats_its_subject() {
    let api = Api::new();
    let token = api.operator("root", "admin", &[]);
    let acts: Vec<String> = api
        .routes()
        .into_iter()
        .filter(|(method, path, _)| method != "GET" && required_role(method, path) > 0)
        .map(|(_, _, name)| name)
        .collect();
    let known: Vec<&str> = ACTS.iter().map(|(act, _)| *act).collect();
    assert!(
        acts.iter().all(|act| known.contains(&act.as_str())),
        "say in this test how {acts:?} are audited"
    );
    let post = |path: &str, body: Value| api.ok(&token, "POST", path, &body);
    assert_eq!(post("/connections/shop/pause", json!({ "reason": "a test" }))["paused_for"], "operator");
    assert_eq!(post("/connections/shop/resume", json!({}))["state"], "active");
    repairs_and_walks(&api, &token);
    let note = format!("/dead-letters/groups/{}/note", api.group);
    assert_eq!(api.ok(&token, "PUT", &note, &json!({ "note": "seen" }))["note"], "seen");
    let again = api.ok(&token, "PUT", &note, &json!({ "note": "corrected" }));
    assert_eq!(
        (&again["note"], &again["replaced"]),
        (&json!("corrected"), &json!("seen")),
        "nothing is lost silently"
    );
    let all = json!({ "selector": "class:refused", "reason": "a test" });
    let discarded = post("/dead-letters/discard", all.clone());
    assert_eq!(discarded["selector"], "class:refused state:open");
    assert_eq!((&discarded["count"], &discarded["done"]), (&json!(1), &json!(1)), "{discarded}");
    assert_eq!(post("/dead-letters/restore", all.clone())["done"], 1);
    assert_eq!(post("/dead-letters/replay", all.clone())["done"], 1);
    let (status, refused) = api.ask(&token, "POST", "/dead-letters/discard", &json!({ "selector": " " }));
    assert_eq!((status, &refused["code"]), (422, &json!("empty_selector")), "{refused}");
    assert!(refused["hint"].as_str().unwrap().contains("state:open"), "{refused}");
    api.world.until("the letter to die again", || {
        (api.world.json(&["dead-letters", "list", "state:open"])["count"] == 1).then_some(())
    });
    // The dead letter is reserved until the plan of the replay has noticed that.
    api.world.until("the plan of the replay to end", || {
        let replays = api.world.json(&["dead-letters", "plans"]);
        replays[0]["state"].as_str().filter(|state| *state == "done").map(drop)
    });
    plans_are_steered(&api, &token);
    post("/operators", json!({ "name": "eve", "role": "viewer" }));
    api.ok(&token, "DELETE", "/operators/eve", &Value::Null);

    let audit = api.ok(&token, "GET", "/audit?selector=actor:root", &Value::Null);
    let lines = audit["lines"].as_array().unwrap();
    for (act, action) in ACTS {
        let is_there = lines.iter().any(|line| line["action"] == action && line["result"] == "done");
        assert!(is_there, "{act} as {action}: {audit}");
    }
    let of = |action: &str| lines.iter().rfind(|line| line["action"] == action).unwrap();
    let discard = of("dead_letters_discarded");
    assert_eq!((&discard["number"], &discard["reason"]), (&json!(1), &json!("a test")), "{discard}");
    assert_eq!((&discard["connection"], &discard["selector"]), (&json!("shop"), &discarded["selector"]));
    assert_eq!(of("connection_paused")["reason"], "a test");
    let is_refused = |line: &Value| line["action"] == "dead_letters_discarded" && line["result"] == "failed";
    assert!(lines.iter().any(is_refused), "also what was refused, under the same name: {audit}");
    let (first, second) = (&lines[0], &lines[1]);
    let page = api.ok(&token, "GET", "/audit?selector=actor:root&limit=1", &Value::Null);
    let next = format!("/audit?selector=actor:root&limit=1&cursor={}", page["next"].as_str().unwrap());
    assert_eq!((&page["lines"][0], &page["count"]), (first, &audit["count"]));
    assert_eq!(&api.ok(&token, "GET", &next, &Value::Null)["lines"][0], second);
}

#[test]
fn viewers_see_no_personal_data_and_access_by_operators_is_audited() {
    let api = Api::new();
    let [viewer, operator] =
        ["viewer", "operator"].map(|role| api.operator(&format!("the-{role}"), role, &[]));
    let ann = json!({ "subject": "ann" });
    let letter = format!("/dead-letters/{}", api.letter);
    let event = format!("/events/{}", api.event);
    let looks = [
        ("POST", "/profiles/search", &ann),
        ("POST", "/events/search", &ann),
        ("POST", "/why", &ann),
        ("GET", letter.as_str(), &Value::Null),
        ("GET", event.as_str(), &Value::Null),
        ("GET", "/dead-letters", &Value::Null),
        ("GET", "/dead-letters/groups", &Value::Null),
        ("GET", "/status", &Value::Null),
    ];
    for (method, path, body) in looks {
        let text = api.ok(&viewer, method, path, body).to_string();
        assert!(!PERSONAL.iter().any(|it| text.contains(it)), "{method} {path}: {text}");
    }
    assert_eq!(api.ok(&viewer, "GET", &letter, &Value::Null)["payload"]["traits"]["name"], "…");
    for path in ["/dead-letters", "/dead-letters/count", "/dead-letters/groups"] {
        let searched = format!("{path}?selector=text:ann");
        let (status, refused) = api.ask(&viewer, "GET", &searched, &Value::Null);
        assert_eq!((status, &refused["code"]), (403, &json!("denied")), "{path}: {refused}");
        assert!(refused["detail"].as_str().unwrap().contains("`text:`"), "{refused}");
    }
    assert_eq!(api.ask(&operator, "GET", "/dead-letters?selector=text:ann", &Value::Null).0, 200);
    let audit = || api.world.json(&["audit", "list", "action:payload_revealed,person_revealed"]);
    assert_eq!(audit(), json!([]));
    let shown = api.ok(&operator, "GET", &letter, &Value::Null);
    assert_eq!(shown["payload"]["traits"]["name"], "Ann Smith", "{shown}");
    let request = |letter: &Value| letter["calls"][0]["request"].clone();
    assert!(request(&shown).is_object(), "what was sent: {shown}");
    assert_eq!(request(&api.ok(&viewer, "GET", &letter, &Value::Null)), Value::Null);
    let profile = api.ok(&operator, "POST", "/profiles/search", &ann).to_string();
    assert!(profile.contains("Rome"), "{profile}");
    let revealed = audit();
    let actions: Vec<&Value> = revealed.as_array().unwrap().iter().map(|line| &line["action"]).collect();
    assert_eq!(actions, ["person_revealed", "payload_revealed"], "{revealed}");
    assert!(!PERSONAL.iter().any(|it| revealed.to_string().contains(it)), "{revealed}");
}

#[test]
fn an_act_with_a_key_is_carried_out_once() {
    let api = Api::new();
    let token = api.operator("root", "admin", &[]);
    let key = "idempotency-key: one\r\n";
    let act = |selector: &str| {
        let body = json!({ "selector": selector });
        api.ask_with(&token, "POST", "/dead-letters/discard", &body, key)
    };
    let first = act("state:open");
    assert_eq!((first.0, &first.1["done"]), (200, &json!(1)), "{}", first.1);
    assert_eq!(act("state:open"), first, "the same answer, and not 0 done");
    let (status, other) = act("state:replaying");
    assert_eq!((status, &other["code"]), (422, &json!("idempotency_key_reused")));
    let (status, wrong) =
        api.ask_with(&token, "POST", "/dead-letters/discard", &json!({}), "idempotency-key: \r\n");
    assert_eq!(status, 400, "{wrong}");
    let add = || {
        let body = json!({ "name": "eve", "role": "viewer" });
        api.ask_with(&token, "POST", "/operators", &body, "idempotency-key: two\r\n")
    };
    assert_eq!(add().0, 201);
    let (status, again) = add();
    assert_eq!((status, &again["code"]), (409, &json!("answer_not_kept")), "a token is kept nowhere");
    let text = json!({ "selector": "text:hidden-person" });
    let third = "idempotency-key: three\r\n";
    let (status, masked) = api.ask_with(&token, "POST", "/dead-letters/discard", &text, third);
    assert_eq!((status, &masked["selector"]), (200, &json!("text:… state:open")), "{masked}");
    let files = api.world.files_with(&[token.as_str(), "hidden-person"]);
    assert!(files.is_empty(), "{files:?}");
    api.world.json(&["operators", "revoke", "root"]);
    let token = api.operator("root", "admin", &[]);
    let again = json!({ "selector": "state:open" });
    let (status, answer) = api.ask_with(&token, "POST", "/dead-letters/discard", &again, key);
    assert_eq!((status, &answer["done"]), (200, &json!(0)), "another account with the name: {answer}");
}
