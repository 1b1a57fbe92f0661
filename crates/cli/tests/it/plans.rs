//! Plans of replays as an operator makes, runs, steers and reports them.

use serde_json::{Value, json};

use crate::world::World;

/// A worker that gives up at once.
const GIVE_UP_AT_ONCE: [(&str, &str); 5] = [
    ("RETRY__MAX_ATTEMPTS", "1"),
    ("RETRY__MAX_ELAPSED", "1ms"),
    ("RETRY__INITIAL", "10ms"),
    ("RETRY__MAX_INTERVAL", "10ms"),
    ("BREAKER__FAILURES", "1000000"),
];

/// Sends an identify of each user.
fn identify(world: &World, (kind, users): (&str, usize), domain: &str, city: &str) {
    let line = |nth: usize| {
        json!({
            "type": "identify", "userId": format!("{kind}{nth}"), "messageId": format!("{kind}{nth} in {city}"),
            "traits": {
                "email": format!("{kind}{nth}@{domain}"), "name": "Ann Smith", "address": { "city": city },
            },
        })
    };
    let lines: Vec<String> = (0..users).map(|nth| line(nth).to_string()).collect();
    let sent = world.cli_with(&["send", "--connection", "shop", "-"], &lines.join("\n"), &[]);
    assert_eq!(sent.code, Some(0), "{}", sent.stderr);
}

fn open(world: &World) -> usize {
    let count = world.json(&["dead-letters", "list", "state:open", "--limit", "1"])["count"].as_u64();
    usize::try_from(count.unwrap()).unwrap()
}

/// Dead letters of two causes: Refersion was away when affiliates were to be edited, and it refuses an address.
fn with_dead_letters(failed: usize, refused: usize) -> World {
    let world = World::started(&GIVE_UP_AT_ONCE);
    identify(&world, ("user", failed), "example.org", "Rome");
    world.until("all to be created", || (world.affiliates().len() == failed).then_some(()));
    world.settled();
    world.faults("503=100%");
    identify(&world, ("user", failed), "example.org", "Oslo");
    world.until("all to die", || (open(&world) == failed).then_some(()));
    world.faults("");
    // The reader accepts these as addresses; Refersion does not.
    identify(&world, ("bad", refused), "-x.org", "Rome");
    world.until("the others to die", || (open(&world) == failed + refused).then_some(()));
    world
}

/// Number of affiliates that have the values of the dead letters.
fn moved(world: &World) -> usize {
    world.affiliates().iter().filter(|affiliate| affiliate.to_string().contains("Oslo")).count()
}

fn plan_of(world: &World, arguments: &[&str]) -> (Value, String) {
    let plan = world.json(&[&["dead-letters", "plan"], arguments].concat());
    let id = plan["id"].to_string();
    (plan, id)
}

fn shown(world: &World, id: &str) -> Value {
    world.json(&["dead-letters", "plans", id])
}

fn until_state(world: &World, id: &str, state: &str) -> Value {
    world.until(&format!("plan {id} to be {state}"), || {
        let plan = shown(world, id);
        (plan["state"] == state).then_some(plan)
    })
}

fn report(world: &World, id: &str, more: &[&str], code: i32) -> Value {
    let ended = world.cli(&[&["dead-letters", "report", id, "--json"], more].concat());
    assert_eq!(ended.code, Some(code), "{} {}", ended.stdout, ended.stderr);
    serde_json::from_str(&ended.stdout).unwrap()
}

#[test]
fn another_runner_continues_after_a_kill_and_no_affiliate_is_created_twice() {
    let mut world = with_dead_letters(300, 6);
    let (plan, id) = plan_of(&world, &["state:open", "--rate", "6/m"]);
    let estimate = &plan["frame"]["estimate"];
    assert_eq!(plan["seconds_at_rate"], 120.0, "12 calls: {plan}");
    assert_eq!(
        (&plan["state"], &estimate["events"], &estimate["persons"]),
        (&json!("ready"), &json!(306), &json!(306))
    );
    assert_eq!((&estimate["creates"], &estimate["edits"]), (&json!(6), &json!(6)), "{plan}");
    assert_eq!(moved(&world), 0, "a plan sends nothing");

    let run = ["dead-letters", "run", &id, "--rate", "2/s", "--canary", "5", "--stop-if", "90%", "--detach"];
    assert_eq!(world.json(&run)["state"], "running");
    world.until("the run to be in the middle", || (moved(&world) >= 40).then_some(()));
    world.service.take().unwrap().signal("-KILL");
    assert!(moved(&world) < 300, "it was in the middle");
    world.serve();
    let done = until_state(&world, &id, "done");
    assert_eq!(done["progress"]["canary"]["passed"], true, "{done}");
    let report = report(&world, &id, &[], 3);
    assert_eq!((&report["results"]["delivered"], &report["results"]["same_cause"]), (&json!(300), &json!(6)));
    assert_eq!((&report["left"], &report["calls_planned"]), (&json!(6), &json!(12)), "{report}");
    assert_eq!(
        (world.affiliates().len(), moved(&world)),
        (300, 300),
        "each affiliate once, with what it was to get"
    );
    let audit = world.json(&["audit"]).to_string();
    for act in ["plan_made", "plan_run", "plan_done"] {
        assert!(audit.contains(act), "{act} in {audit}");
    }
}

#[test]
fn calls_that_were_open_at_a_kill_are_counted_when_they_are_sent_again() {
    let mut world = with_dead_letters(20, 0);
    let edits = |world: &World| {
        let all = world.refersion_page("calls")["by_operation"]["affiliate/edit"].clone();
        all.as_object().unwrap().values().filter_map(Value::as_u64).sum::<u64>()
    };
    let before = edits(&world);
    let (_, id) = plan_of(&world, &["state:open"]);
    // A call takes effect on its arrival; the answers come when no process is there to receive them.
    world.faults("latency=20s..20s");
    world.json(&["dead-letters", "run", &id, "--detach"]);
    world.until("every edit to arrive", || (moved(&world) == 20).then_some(()));
    world.service.take().unwrap().signal("-KILL");
    let open = edits(&world) - before;
    world.faults("");
    world.serve();
    until_state(&world, &id, "done");
    let report = report(&world, &id, &[], 0);
    assert!(open > 0);
    assert_eq!(report["repeated_calls"], open, "{report}");
    assert_eq!(edits(&world) - before, 2 * open, "each was sent twice");
    let shown = world.cli(&["dead-letters", "report", &id]).stdout;
    assert!(shown.contains(&format!("repeated after an interruption: {open} call")), "{shown}");
}

#[test]
fn a_plan_stops_by_its_rule_and_releases_its_dead_letters_when_it_is_cancelled() {
    let world = with_dead_letters(12, 8);
    let (first, id) = plan_of(&world, &["field:email"]);
    assert_eq!(first["selector"], "field:email state:open");
    let (second, other) = plan_of(&world, &["state:open", "--reason", "Refersion is back"]);
    assert_eq!(second["frame"]["estimate"]["events"], 12, "the others are reserved: {second}");
    let skipped = world.json(&["dead-letters", "plans", &other, "--skipped"]);
    assert_eq!(skipped.as_array().unwrap().len(), 8);
    assert_eq!(skipped[0]["reason"], format!("reserved by plan {id}"));
    let replayed = world.cli(&["dead-letters", "replay", "field:email"]);
    assert!(
        replayed.code == Some(1) && replayed.stdout.contains("reserved by a plan"),
        "{}",
        replayed.stdout
    );

    // All of them are refused again.
    let stopped = world.cli(&["dead-letters", "run", &id, "--canary", "3", "--json"]);
    assert_eq!(stopped.code, Some(4), "{} {}", stopped.stdout, stopped.stderr);
    let stopped: Value = serde_json::from_str(&stopped.stdout).unwrap();
    assert_eq!((&stopped["results"]["same_cause"], &stopped["results"]["planned"]), (&json!(3), &json!(5)));
    let again = world.cli(&["dead-letters", "run", &id]);
    assert!(again.code == Some(1) && again.stderr.contains("is stopped"), "{}", again.stderr);
    world.json(&["dead-letters", "resume", &id]);
    until_state(&world, &id, "stopped");
    let again = report(&world, &id, &[], 4);
    assert_eq!(again["results"]["planned"], 2, "a resumed plan begins with a new canary: {again}");
    let cancelled = world.json(&["dead-letters", "cancel", &id, "--reason", "the form is wrong"]);
    assert_eq!(cancelled["state"], "cancelled");
    let (third, _) = plan_of(&world, &["field:email"]);
    assert_eq!(third["frame"]["estimate"]["events"], 8, "they are free: {third}");

    let csv = world.folder.path().join("report.csv");
    report(&world, &id, &["--csv", csv.to_str().unwrap()], 3);
    let lines = std::fs::read_to_string(csv).unwrap();
    assert_eq!((lines.lines().count(), lines.matches("same_cause").count()), (9, 6), "{lines}");
    let plans = world.json(&["dead-letters", "plans"]);
    assert_eq!(plans.as_array().unwrap().len(), 3, "a replay of nothing makes none: {plans}");
}

#[test]
fn a_plan_is_paused_at_a_clean_boundary_and_its_remainder_is_planned_again() {
    let world = with_dead_letters(200, 0);
    let (_, id) = plan_of(&world, &["state:open"]);
    world.json(&["dead-letters", "run", &id, "--rate", "1/s", "--detach"]);
    world.until("some to be delivered", || (moved(&world) > 0).then_some(()));
    assert_eq!(world.json(&["dead-letters", "pause", &id])["state"], "paused");
    let boundary = world.until("a clean boundary", || {
        let counts = shown(&world, &id)["counts"].to_string();
        (!counts.contains("releas")).then_some(counts)
    });
    assert!(boundary.contains("planned"), "it was paused in the middle: {boundary}");
    let sent = moved(&world);
    assert_eq!(open(&world), 200 - sent, "what was not sent is open");
    world.json(&["dead-letters", "resume", &id]);
    world.until("it to go on", || (moved(&world) > sent).then_some(()));
    world.json(&["dead-letters", "cancel", &id]);
    let (left, left_id) = world.until("the rest to be free", || {
        let counts = shown(&world, &id)["counts"].to_string();
        (!counts.contains("releas")).then(|| plan_of(&world, &["--left-of", &id]))
    });
    assert_eq!(left["frame"]["left_of"].to_string(), id);
    let ended = world.cli(&["dead-letters", "run", &left_id]);
    assert_eq!(ended.code, Some(0), "{} {}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains("delivered: updated"), "{}", ended.stdout);
    assert_eq!((moved(&world), open(&world)), (200, 0));
}

#[test]
fn a_replay_is_a_plan_in_one_step() {
    let world = with_dead_letters(3, 0);
    let replayed = world.json(&["dead-letters", "replay", "state:open"]);
    assert_eq!((&replayed["done"], &replayed["not_done"]), (&json!(3), &json!(0)), "{replayed}");
    let plan = replayed["plan"].to_string();
    until_state(&world, &plan, "done");
    assert_eq!(report(&world, &plan, &[], 0)["results"]["delivered"], 3);
}

#[test]
fn a_plan_keeps_no_data_of_a_deleted_person() {
    let world = with_dead_letters(2, 0);
    let (_, id) = plan_of(&world, &["state:open"]);
    world.json(&["forget", "user0", "--yes"]);
    world.until("the delete to be done", || (open(&world) == 1).then_some(()));
    world.json(&["dead-letters", "run", &id, "--detach"]);
    until_state(&world, &id, "done");
    let report = report(&world, &id, &[], 0);
    assert_eq!((&report["results"]["delivered"], &report["results"]["skipped"]), (&json!(1), &json!(1)));
    let skipped = world.json(&["dead-letters", "plans", &id, "--skipped", "user deleted"]);
    assert_eq!(skipped.as_array().unwrap().len(), 1, "{report}");
    assert_eq!(world.files_with(&["user0@example.org"]), Vec::<String>::new());
}
