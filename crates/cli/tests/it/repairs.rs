//! Dead letters whose events an operator repairs.

use serde_json::{Value, json};

use crate::world::{KEY, World};

/// An event that dies, because the reader accepts its address and Refersion does not.
fn dies(world: &World, user: &str) -> String {
    let event = format!(
        r#"{{"type": "identify", "userId": "{user}", "traits": {{ "email": "{user}@-x.org", "name": "Ann Smith",
        "address": {{ "city": "Rome" }}, "points": 12345678901234567890123 }}}}"#
    );
    assert_eq!(world.post(KEY, &event).0, 202);
    world.event_in(user, "dead")["dead_letter_id"].to_string()
}

fn resolved(world: &World, id: &str) {
    world.until("the letter to be resolved", || {
        (world.json(&["dead-letters", "show", id])["state"] == "resolved").then_some(())
    });
}

fn emails(world: &World) -> Vec<Value> {
    world.affiliates().into_iter().map(|affiliate| affiliate["email"].clone()).collect()
}

/// A file with this content, for `--patch`.
fn file(world: &World, name: &str, content: &str) -> String {
    let path = world.folder.path().join(name);
    std::fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_dead_letter_is_edited_and_its_replay_delivers_the_newest_revision() {
    let world = World::started(&[]);
    let id = dies(&world, "ann");
    let shown = world.json(&["dead-letters", "show", &id]);
    assert_eq!(shown["calls"][0]["request"]["fields"]["email"], "(10 characters)", "{shown}");

    let locked = file(&world, "locked.json", r#"[{"op":"replace","path":"/userId","value":"bob"}]"#);
    let refused = world.cli(&["dead-letters", "edit", &id, "--patch", &locked, "--yes", "--json"]);
    assert_eq!((refused.code, &refused.error()["code"]), (Some(1), &json!("locked")));
    assert!(refused.stderr.contains("userId"), "{}", refused.stderr);

    let fix = file(&world, "fix.json", r#"[{"op":"replace","path":"/traits/email","value":"ann@y.org"}]"#);
    let asked = world.cli(&["dead-letters", "edit", &id, "--patch", &fix]);
    assert_eq!(asked.code, Some(2), "nobody can be asked");
    assert!(asked.stdout.contains("/traits/email") && asked.stdout.contains("ann@y.org"), "{}", asked.stdout);
    let edited =
        world.json(&["dead-letters", "edit", &id, "--patch", &fix, "--yes", "--reason", "a typing error"]);
    assert_eq!((&edited["revision"], &edited["changes"][0]["after"]), (&json!(1), &json!("ann@y.org")));

    // The editor gets the newest revision, and the file is removed afterwards.
    let editor = "sed -i s/ann@y.org/ann@z.org/";
    let by_hand = ["dead-letters", "edit", &id, "--yes", "--json"];
    let seen = world.cli_with(
        &by_hand,
        "",
        &[("EDITOR", editor), ("TMPDIR", world.folder.path().to_str().unwrap())],
    );
    assert_eq!(seen.code, Some(0), "{}", seen.stderr);
    let names = std::fs::read_dir(world.folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(names.into_iter().all(|name| !name.to_string_lossy().starts_with("dead-letter-")));
    let stale =
        world.cli(&["dead-letters", "edit", &id, "--patch", &fix, "--if-revision", "1", "--yes", "--json"]);
    assert_eq!((stale.code, &stale.error()["code"]), (Some(1), &json!("conflict")));

    let text = world.cli(&["dead-letters", "show", &id, "--json"]).stdout;
    assert!(text.contains("12345678901234567890123"), "numbers as they came: {text}");
    let shown: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(shown["payload"]["traits"]["email"], "ann@-x.org", "the original stays");
    let revisions = shown["revisions"].as_array().unwrap();
    assert_eq!((revisions.len(), &revisions[0]["reason"]), (2, &json!("a typing error")));
    assert_eq!(revisions[1]["changes"][0]["after"], "ann@z.org");
    assert!(world.cli(&["dead-letters", "show", &id]).stdout.contains("revision 2 by"));
    let exported = &world.json(&["export", "ann"])["events"][0];
    assert_eq!(exported["payload"]["traits"]["email"], "ann@-x.org", "{exported}");
    let repaired = exported["repairs"].as_array().unwrap().iter().map(|event| &event["traits"]["email"]);
    assert_eq!(repaired.collect::<Vec<_>>(), ["ann@y.org", "ann@z.org"]);

    world.json(&["dead-letters", "replay", &id]);
    resolved(&world, &id);
    assert_eq!(emails(&world), [json!("ann@z.org")]);
    let late = world.cli(&["dead-letters", "edit", &id, "--patch", &fix, "--yes", "--json"]);
    assert_eq!((late.code, &late.error()["code"]), (Some(1), &json!("not_open")));
    let kept = world.json(&["dead-letters", "show", &id]);
    assert_eq!((&kept["payload"], &kept["revisions"][1]["changes"]), (&json!(null), &json!(null)), "{kept}");
    assert!(world.json(&["audit"]).to_string().contains("a typing error"));
}

#[test]
fn a_patch_changes_the_selected_dead_letters_and_reports_the_others() {
    let world = World::started(&[]);
    let ids = ["bob", "cyd", "dan"].map(|user| dies(&world, user));
    let once = file(
        &world,
        "bob.json",
        r#"[{"op":"test","path":"/traits/email","value":"bob@-x.org"},
            {"op":"replace","path":"/traits/email","value":"bob@y.org"}]"#,
    );
    let nothing = world.cli(&["dead-letters", "patch", "--patch", &once, "--yes", "--json"]);
    assert_eq!((nothing.code, &nothing.error()["code"]), (Some(2), &json!("empty_selector")));
    let asked = world.cli(&["dead-letters", "patch", "field:email", "--patch", &once]);
    assert_eq!(asked.code, Some(2), "nobody can be asked");
    assert!(
        asked.stdout.contains("3 dead letters selected") && asked.stdout.contains("bob@y.org"),
        "{}",
        asked.stdout
    );

    let patched = world.cli(&["dead-letters", "patch", "field:email", "--patch", &once, "--yes", "--json"]);
    assert_eq!(patched.code, Some(3), "{}", patched.stderr);
    let patched: Value = serde_json::from_str(&patched.stdout).unwrap();
    assert_eq!((&patched["count"], &patched["results"]), (&json!(3), &json!({"changed": 1, "invalid": 2})));
    assert_eq!(patched["selector"], "field:email state:open");
    let shown = world.cli(&["dead-letters", "patch", "field:email", "--patch", &once, "--yes"]);
    assert!(shown.stdout.contains("3 not done: operation 1 of the patch is a test"), "{}", shown.stdout);

    world.json(&["dead-letters", "replay", &ids[0]]);
    resolved(&world, &ids[0]);
    assert_eq!(emails(&world), [json!("bob@y.org")]);
    // An erased event takes its revisions along.
    let all = file(&world, "all.json", r#"[{"op":"add","path":"/traits/company","value":"Secret Ltd"}]"#);
    assert_eq!(
        world.json(&["dead-letters", "patch", "state:open", "--patch", &all, "--yes"])["results"]["changed"],
        2
    );
    for user in ["cyd", "dan"] {
        world.json(&["forget", user, "--wait"]);
    }
    assert_eq!(world.files_with(&["Secret Ltd"]), Vec::<String>::new());
}

#[test]
fn a_plan_patches_its_events_and_leaves_out_events_that_stay_invalid() {
    let world = World::started(&[]);
    let ids = ["bob", "cyd", "dan"].map(|user| dies(&world, user));
    let fix = file(
        &world,
        "bob.json",
        r#"[{"op":"test","path":"/traits/email","value":"bob@-x.org"},
            {"op":"replace","path":"/traits/email","value":"bob@y.org"}]"#,
    );
    let plan = ["dead-letters", "plan", "field:email", "--patch", &fix];
    let tried = world.json(&[&plan[..], &["--dry-run"]].concat());
    assert_eq!(
        (&tried["count"], &tried["results"]),
        (&json!(3), &json!({"changed": 1, "invalid": 2})),
        "{tried}"
    );
    assert_eq!(tried["samples"].as_array().unwrap().len(), 3, "{tried}");
    assert_eq!(world.json(&["dead-letters", "show", &ids[0]])["revisions"], json!([]), "nothing is stored");
    assert_eq!(world.json(&["dead-letters", "plans"]), json!([]), "nor planned");

    let made = world.json(&[&plan[..], &["--reason", "a typing error"]].concat());
    assert_eq!(made["frame"]["patched"], json!({"changed": 1, "unchanged": 0}), "{made}");
    assert_eq!(made["frame"]["estimate"]["events"], 1, "{made}");
    assert!(made["samples"].to_string().contains("bob@y.org"), "{made}");
    let id = made["id"].to_string();
    let skipped = world.json(&["dead-letters", "plans", &id, "--skipped", "still invalid"]);
    assert_eq!(skipped.as_array().unwrap().len(), 2, "{skipped}");
    assert_eq!(emails(&world), Vec::<Value>::new(), "nothing is sent yet");
    let ended = world.cli(&["dead-letters", "run", &id]);
    assert_eq!(ended.code, Some(3), "{} {}", ended.stdout, ended.stderr);
    assert_eq!(emails(&world), [json!("bob@y.org")]);
    let audit = world.json(&["audit", "list", "action:dead_letters_repaired"]);
    assert!(audit[0]["selector"].as_str().unwrap().ends_with(&format!("(plan {id})")), "{audit}");
    let nothing = world.cli(&plan);
    assert!(
        nothing.stdout.contains("0 patched") && nothing.stdout.contains("2 left out: still invalid"),
        "{}",
        nothing.stdout
    );
}

/// The repair has not been replayed yet.
#[test]
fn a_delete_of_an_address_that_only_a_repair_names_erases_event_and_repair() {
    let world = World::started(&[]);
    let too_long = "x".repeat(2_000);
    world
        .accept(&json!({ "type": "identify", "traits": { "email": "ann@exmple.org", "company": too_long } }));
    let id = world.event_in("ann@exmple.org", "dead")["dead_letter_id"].to_string();
    let fix = file(
        &world,
        "fix.json",
        r#"[{"op":"replace","path":"/traits/email","value":"ann@y.org"}, {"op":"remove","path":"/traits/company"}]"#,
    );
    world.json(&["dead-letters", "edit", &id, "--patch", &fix, "--yes"]);
    world.accept(&json!({ "type": "delete", "messageId": "the delete", "email": "ann@y.org" }));
    world.event_in("the delete", "deleted");
    let shown = world.json(&["dead-letters", "show", &id]);
    assert_eq!((&shown["state"], &shown["payload"]), (&json!("discarded"), &Value::Null), "{shown}");
    assert_eq!(shown["revisions"][0]["changes"], Value::Null, "{shown}");
}
