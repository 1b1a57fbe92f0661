//! What the commands about dead letters say that an operator can do next.

use serde_json::{Value, json};

use crate::world::{KEY, World};

/// A patch in a file.
fn file(world: &World, name: &str, patch: &Value) -> String {
    let path = world.folder.path().join(name);
    std::fs::write(&path, patch.to_string()).unwrap();
    path.to_str().unwrap().to_owned()
}

/// An event that dies, because the reader accepts its address and Refersion does not.
fn dies(world: &World, user: &str) -> String {
    world.accept(&json!({
        "type": "identify", "userId": user,
        "traits": { "email": format!("{user}@-x.org"), "name": "Ann Smith", "address": { "city": "Rome" } },
    }));
    world.event_in(user, "dead")["dead_letter_id"].to_string()
}

#[test]
fn an_edit_without_a_terminal_requires_a_patch_and_refuses_what_is_no_address() {
    let world = World::started(&[]);
    let id = dies(&world, "ann");
    let refused = world.cli(&["dead-letters", "edit", &id, "--json"]);
    assert_eq!((refused.code, &refused.error()["code"]), (Some(2), &json!("no_terminal")));
    let hint = refused.error()["hint"].to_string();
    assert!(hint.contains("--patch FILE") && hint.contains("--yes"), "{hint}");

    let wrong = json!([{ "op": "replace", "path": "/traits/email", "value": "not an email" }]);
    let wrong = file(&world, "wrong.json", &wrong);
    let invalid = world.cli(&["dead-letters", "edit", &id, "--patch", &wrong, "--yes", "--json"]);
    assert_eq!((invalid.code, &invalid.error()["code"]), (Some(1), &json!("invalid")));
    assert!(invalid.stderr.contains("still invalid: the value of `email`"), "{}", invalid.stderr);
    let planned = world.cli(&["dead-letters", "plan", "field:email", "--patch", &wrong]);
    let shown = &planned.stdout;
    assert!(
        shown.contains("1 left out: still invalid") && shown.contains("nothing is left to run"),
        "{shown}"
    );
    assert_eq!(world.json(&["dead-letters", "show", &id])["revisions"], json!([]));
}

#[test]
fn a_patch_is_tried_first_and_its_hint_names_only_changed_dead_letters() {
    let world = World::started(&[]);
    let ids = ["bob", "cyd"].map(|user| dies(&world, user));
    let fix = json!([
        { "op": "test", "path": "/traits/email", "value": "bob@-x.org" },
        { "op": "replace", "path": "/traits/email", "value": "bob@y.org" },
    ]);
    let fix = file(&world, "fix.json", &fix);
    let patch = ["dead-letters", "patch", "field:email", "--patch", &fix];
    let tried = world.cli(&[&patch[..], &["--dry-run"]].concat());
    assert_eq!(tried.code, Some(0), "{}", tried.stderr);
    for part in
        ["2 dead letters selected", "bob@y.org", "1 would be changed", "1 would not be changed: operation 1"]
    {
        assert!(tried.stdout.contains(part), "{part}: {}", tried.stdout);
    }
    let tried = world.json(&[&patch[..], &["--dry-run"]].concat());
    assert_eq!(tried["results"], json!({ "changed": 1, "invalid": 1 }), "{tried}");
    assert_eq!(world.json(&["dead-letters", "show", &ids[0]])["revisions"], json!([]), "nothing is stored");

    let patched = world.cli(&[&patch[..], &["--yes"]].concat());
    let hint = format!("to send them: dead-letters replay {}\n", ids[0]);
    assert!(patched.stdout.ends_with(&hint), "{}", patched.stdout);
}

#[test]
fn a_plan_that_has_not_run_says_so_and_unknown_reasons_are_refused() {
    let world = World::started(&[]);
    dies(&world, "ann");
    let id = world.json(&["dead-letters", "plan", "state:open"])["id"].to_string();
    let report = world.cli(&["dead-letters", "report", &id]);
    assert_eq!(report.code, Some(3), "{}", report.stderr);
    assert!(report.stdout.contains("; it has not run yet\n"), "{}", report.stdout);
    assert!(report.stdout.ends_with(&format!("to run it: dead-letters run {id}\n")), "{}", report.stdout);

    let unknown = world.cli(&["dead-letters", "plans", &id, "--skipped", "bogus", "--json"]);
    assert_eq!((unknown.code, &unknown.error()["code"]), (Some(2), &json!("plan_reason")));
    assert!(unknown.error()["hint"].to_string().contains("still invalid"), "{}", unknown.stderr);
    assert_eq!(world.json(&["dead-letters", "plans", &id, "--skipped", "superseded"]), json!([]));

    world.json(&["dead-letters", "cancel", &id]);
    let left = world.cli(&["dead-letters", "plan", "--left-of", &id]).stdout;
    assert!(left.starts_with(&format!("selector: what is left of plan {id}: state:open\n")), "{left}");
    let checked = world.cli(&["check"]);
    assert_eq!(checked.code, Some(0), "{}", checked.stdout);
    assert!(checked.stdout.contains("1 open") && checked.stdout.contains("notifications.url is not set"));
}

#[test]
fn an_event_that_no_repair_can_correct_is_to_be_discarded() {
    let world = World::started(&[]);
    assert_eq!(world.post(KEY, r#"[{ "userId": "ann", "messageId": "m-1" }]"#).0, 202);
    let letter = world.until("the letter", || {
        Some(world.json(&["dead-letters", "list"])[0].clone())
            .filter(|letter| letter["class"] == "unreadable")
    });
    let id = letter["id"].to_string();
    let shown = world.cli(&["dead-letters", "show", &id]).stdout;
    assert!(shown.contains("what can be done: no repair can correct it"), "{shown}");
    let editor = [("EDITOR", "true")];
    let by_hand = world.cli_with(&["dead-letters", "edit", &id, "--yes", "--json"], "", &editor);
    assert_eq!((by_hand.code, &by_hand.error()["code"]), (Some(1), &json!("not_repairable")));
    let kind = json!([{ "op": "add", "path": "/type", "value": "identify" }]);
    let kind = file(&world, "type.json", &kind);
    let locked = world.cli(&["dead-letters", "edit", &id, "--patch", &kind, "--yes", "--json"]);
    assert_eq!((locked.code, &locked.error()["code"]), (Some(1), &json!("locked")));
    assert!(locked.error()["hint"].to_string().contains("discard it with --reason"), "{}", locked.stderr);
    assert_eq!(world.json(&["dead-letters", "discard", &id, "--reason", "no type"])[0]["state"], "discarded");
}
