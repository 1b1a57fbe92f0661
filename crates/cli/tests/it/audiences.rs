//! Audiences from the first event to the file for an import, as an operator meets them.

use serde_json::{Value, json};

use crate::world::World;

fn flag(number: u32, who: &Value, is_member: bool) -> Value {
    let mut event = json!({
        "type": "identify",
        "messageId": format!("personas_{number}"),
        "traits": { "vip": is_member },
        "context": { "personas": {
            "computation_class": "audience", "computation_id": "aud_1", "computation_key": "vip",
            "space_id": "spa_1"
        } },
    });
    event.as_object_mut().unwrap().extend(who.as_object().unwrap().clone());
    event
}

fn sign_up(user: &str, first: &str) -> Value {
    json!({
        "type": "identify", "messageId": format!("sign-up {user}"), "userId": user,
        "traits": {
            "email": format!("{user}@example.org"), "firstName": first, "lastName": "Smith, Jr.",
            "address": { "city": "Springfield", "state": "CA", "country": "US" }
        },
    })
}

/// The audience, once it has this many members and is counted to the end.
pub(crate) fn with_members(world: &World, members: u64) -> Value {
    with(world, "members", members)
}

/// The same with any figure.
fn with(world: &World, name: &str, figure: u64) -> Value {
    world.until(&format!("vip to have {figure} {name}"), || {
        let shown = world.cli(&["audiences", "show", "vip", "--json"]);
        let row: Value = serde_json::from_str(&shown.stdout).ok()?;
        (row[name] == figure && row["counting"] == false).then_some(row)
    })
}

pub(crate) fn started() -> World {
    let world = World::started(&[]);
    let set = world.cli(&["connections", "set", "shop", "--custom-field", "vip=7"]);
    assert_eq!(set.code, Some(0), "{}", set.stderr);
    world.accept(&sign_up("ann", "Ann"));
    world.accept(&flag(1, &json!({ "userId": "ann" }), true));
    world.accept(&flag(2, &json!({ "userId": "ann", "email": "ann@example.org" }), true));
    world.accept(&flag(3, &json!({ "userId": "dave" }), true));
    world.accept(&flag(4, &json!({ "userId": "eve" }), false));
    world.settled();
    world
}

#[test]
fn an_audience_is_counted_by_person_and_compared_with_refersion() {
    let world = started();
    let row = with_members(&world, 2);
    let figures = ["left", "affiliates", "held", "delivered", "waiting", "refused"].map(|name| &row[name]);
    assert_eq!(figures, [1, 1, 1, 1, 0, 0], "{row}");
    assert_eq!((&row["class"], &row["match_rate"]), (&json!("audience"), &json!(0.5)));
    assert_eq!(row["mapped_to"], json!(["custom field 7"]));
    let list = world.json(&["audiences", "list"]);
    assert_eq!(list["audiences"].as_array().map(Vec::len), Some(1), "{list}");
    let page = world.health("/metrics").1;
    let members = page.lines().find(|line| line.contains("audience_persons") && line.contains("\"members\""));
    assert!(members.is_some_and(|line| line.contains("audience=\"vip\"") && line.ends_with(" 2")), "{page}");
    world.json(&["forget", "ann", "--wait"]);
    assert_eq!(with_members(&world, 1)["held"], 0);
    assert_eq!(world.cli(&["audiences", "show", "nobody"]).code, Some(1));
}

#[test]
fn members_without_an_affiliate_are_exported_for_an_import() {
    let world = started();
    with_members(&world, 2);
    // Refersion takes nobody meanwhile, so that she stays without an affiliate.
    world.faults("429=100%");
    world.accept(&sign_up("cara", "=Cara"));
    world.accept(&flag(5, &json!({ "userId": "cara" }), true));
    assert_eq!(with(&world, "waiting", 1)["members"], 3);
    let path = world.folder.path().join("members.csv");
    let export = ["audiences", "export", "vip", "--for-import", path.to_str().unwrap()];
    let refused = world.cli(&export);
    assert!(refused.code == Some(1) && refused.stderr.contains("--offer"), "{}", refused.stderr);
    let wrong = world.cli(&[&export[..], &["--offer", "spring"]].concat());
    assert!(wrong.code == Some(2) && wrong.stderr.contains("spring"), "{}", wrong.stderr);
    assert!(!path.exists());
    let exported = world.json(&[&export[..], &["--offer", "77"]].concat());
    assert_eq!(exported["persons"], 1, "{exported}");
    let left_out = json!({ "is an affiliate already": 1, "has no email address": 1 });
    assert_eq!(exported["left_out"], left_out);
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let head =
        "First Name,Last Name,Email,Offer ID,Password,PayPal Email,Coupon,Country,State,Dashboard Enabled";
    assert_eq!((lines.len(), lines[0]), (2, head));
    let (begin, end) = ("'=Cara,\"Smith, Jr.\",cara@example.org,77,", ",,,US,CA,TRUE");
    assert!(lines[1].starts_with(begin) && lines[1].ends_with(end), "{}", lines[1]);
    let password = &lines[1][begin.len()..lines[1].len() - end.len()];
    assert!((9..=72).contains(&password.len()), "{password}");
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
    }
    let again = world.cli(&[&export[..], &["--offer", "77"]].concat());
    assert_eq!(again.code, Some(1), "a file that is there is not overwritten");
    let printed = world.cli(&["audiences", "export", "vip", "--for-import", "-", "--offer", "77"]);
    assert_eq!((printed.stdout.lines().count(), printed.code), (2, Some(0)));
    assert!(printed.stderr.contains("connections adopt shop"), "{}", printed.stderr);
    assert!(printed.stderr.starts_with("1 member of vip without an affiliate is in the output."));
    let audit = world.json(&["audit"]);
    let lines = audit.as_array().unwrap().iter().filter(|line| line["action"] == "audience_exported");
    assert_eq!(lines.count(), 3, "{audit}");
}

#[test]
fn members_whom_the_directory_lists_are_not_exported_and_their_share_is_unknown_without_a_field() {
    let world = World::started(&[]);
    for email in ["ann@example.org", "cara@example.org"] {
        let listed = json!({ "first_name": "A", "last_name": "Lee", "email": email, "password": "Very-Secret-9", "status": "ACTIVE" });
        world.refersion("affiliate/new", &listed);
    }
    assert_eq!(world.json(&["connections", "adopt", "shop"])["affiliates"], 2);
    world.accept(&flag(1, &json!({ "userId": "dave" }), true));
    with_members(&world, 1);
    world.json(&["connections", "pause", "shop"]);
    // Ann lacks what a create requires; Cara has all of it.
    world.accept(&flag(2, &json!({ "userId": "ann", "email": "ann@example.org" }), true));
    world.accept(&sign_up("cara", "Cara"));
    world.accept(&flag(3, &json!({ "userId": "cara" }), true));
    let row = with_members(&world, 3);
    assert_eq!((&row["match_rate"], &row["mapped_to"]), (&Value::Null, &json!([])), "{row}");
    let text = world.cli(&["audiences", "show", "vip"]).stdout;
    assert!(text.contains("is not known, because the audience has no field"), "{text}");
    let path = world.folder.path().join("members.csv");
    let export = ["audiences", "export", "vip", "--for-import", path.to_str().unwrap(), "--offer", "77"];
    let exported = world.json(&export);
    assert_eq!(exported["persons"], 0, "{exported}");
    let left_out = json!({ "is an affiliate already": 2, "has no email address": 1 });
    assert_eq!(exported["left_out"], left_out);
}
