//! Hundreds of people with one placeholder: the address, the anonymousId or the userId stops linking, and all of them are delivered.

use std::time::Duration;

use identity::fold::{AddressClass, Name, Statement, identify};
use identity::graph::Lane as OfGraph;
use identity::stamp::Stamp;
use identity::{Digest, Graph, Map};
use ledger::{Changes, Counts, DeadLetterFilter, Graphs as _, Save, View as _};
use queue::Lane;
use serde_json::{Value, json};
use simulator::Status;
use tokio::time::Instant;
use worker::translate::{ADDRESS, ANONYMOUS, USER};

use super::shop::{Plan, Shop, address, sign_up, with_trait};

/// More than a graph may hold.
const MANY: usize = 600;

/// The longest that absorbing all of them may take, in the time of this machine: with every event in one ever growing graph it
/// would take minutes.
const ABSORBED_WITHIN: Duration = Duration::from_secs(60);

const PLACEHOLDER: &str = "noreply@shop.test";

fn people() -> impl Iterator<Item = String> {
    (0..MANY).map(|number| format!("p{number}"))
}

async fn open() -> Shop {
    let mut plan = Plan::usual();
    plan.settings.rate_per_second = 200.0;
    let shop = Shop::open(plan).await;
    shop.reconcile();
    shop
}

/// Sends events in batches of the size that the queue hands out.
async fn send_all(shop: &mut Shop, events: impl Iterator<Item = Value>) {
    let events: Vec<Value> = events.collect();
    for batch in events.chunks(128) {
        shop.send(Lane::Live, batch).await;
    }
}

async fn counts(shop: &Shop) -> Counts {
    shop.ledger.counts(Some(shop.id), shop.worker.now()).await.expect("a ledger")
}

fn digest(shop: &Shop, kind: &str, name: &str) -> Digest {
    Digest(shop.worker.vault.digest(kind, shop.id, name))
}

/// Checks that this identifier alone is shared, that operators see it, and that no event has died.
async fn assert_only_shared(shop: &Shop, place: &str, name: Digest) {
    let counts = counts(shop).await;
    let [(shared, events)] = &counts.shared_identifiers[..] else { panic!("{counts:?}") };
    assert_eq!(*shared, format!("{place} {name}"));
    assert!(*events >= 400, "{events} events have named it since");
    assert_eq!(counts.dead_letters, 0);
    let graphs = shop.ledger.gather(shop.id, &[name], &[]).await.expect("a ledger").graphs;
    let kept = &graphs[0].graph.identifiers;
    assert_eq!((kept.len(), kept.get(&name).and_then(|it| it.shared)), (1, Some(101)));
}

fn with_email(mut event: Value, email: &str) -> Value {
    event["traits"]["email"] = email.into();
    event
}

fn assert_all_have_affiliates(shop: &Shop) {
    for who in people() {
        let affiliate = shop.affiliate(&address(&who)).unwrap_or_else(|| panic!("{who} has no affiliate"));
        assert_eq!(affiliate.status, Status::Active, "{who}");
    }
}

#[tokio::test(start_paused = true)]
async fn six_hundred_people_with_one_placeholder_address_have_affiliates_once_they_state_their_own() {
    let mut shop = open().await;
    let began = std::time::Instant::now();
    let at_placeholder = |who: String| with_email(sign_up(&who), PLACEHOLDER);
    send_all(&mut shop, people().take(50).map(at_placeholder)).await;
    shop.until_idle().await;
    let before = shop.affiliate(PLACEHOLDER).expect("up to the limit it belongs to a person");
    send_all(&mut shop, people().skip(50).map(at_placeholder)).await;
    assert!(began.elapsed() < ABSORBED_WITHIN);
    shop.until_idle().await;
    assert_only_shared(&shop, "email", digest(&shop, ADDRESS, PLACEHOLDER)).await;
    assert_eq!(
        shop.ends("p599").await,
        [("remembered", Some("no_address; left out: email (shared_identifier)".to_owned()))]
    );
    send_all(&mut shop, people().map(|who| with_trait(&who, "email", address(&who)))).await;
    shop.until_idle().await;
    assert_all_have_affiliates(&shop);
    assert_eq!(
        shop.affiliate(PLACEHOLDER),
        Some(before),
        "what is at the placeholder is left over, and not touched"
    );
    // Later events with the placeholder do not change anybody's address.
    send_all(&mut shop, people().map(|who| with_email(with_trait(&who, "vip", true), PLACEHOLDER))).await;
    shop.until_idle().await;
    assert_all_have_affiliates(&shop);
    let vip = |who: String| shop.affiliate(&address(&who)).and_then(|it| it.custom_fields.get(&101).cloned());
    assert!(people().all(|who| vip(who).as_deref() == Some("true")));
}

#[tokio::test(start_paused = true)]
async fn six_hundred_people_at_one_tablet_are_six_hundred_affiliates() {
    let mut shop = open().await;
    let at_the_tablet = |mut event: Value| {
        event["anonymousId"] = json!("tablet");
        event
    };
    send_all(&mut shop, people().map(|who| at_the_tablet(sign_up(&who)))).await;
    shop.until_idle().await;
    assert_all_have_affiliates(&shop);
    assert_only_shared(&shop, "anonymousId", digest(&shop, ANONYMOUS, "tablet")).await;
    let alone = json!({ "type": "identify", "anonymousId": "tablet", "traits": { "vip": true } });
    shop.send(Lane::Live, &[alone]).await;
    shop.until_idle().await;
    assert_eq!(shop.count("edit"), 0, "the events of the tablet are about no person");
    assert_eq!(counts(&shop).await.outcomes.get("skipped"), Some(&1));
}

#[tokio::test(start_paused = true)]
async fn six_hundred_people_under_one_user_id_are_six_hundred_affiliates_with_names_of_their_own() {
    let mut shop = open().await;
    let guest = |who: &String| {
        let mut event = sign_up(who);
        event["userId"] = json!("guest-checkout");
        event["traits"]["firstName"] = json!(format!("Ann {who}"));
        event
    };
    send_all(&mut shop, people().map(|who| guest(&who))).await;
    shop.until_idle().await;
    assert_all_have_affiliates(&shop);
    assert_only_shared(&shop, "userId", digest(&shop, USER, "guest-checkout")).await;
    for who in people() {
        let affiliate = shop.affiliate(&address(&who)).expect("an affiliate");
        assert_eq!(affiliate.first_name, format!("Ann {who}"));
    }
    // The source is corrected.
    send_all(&mut shop, people().map(|who| with_email(with_trait(&who, "vip", true), &address(&who)))).await;
    shop.until_idle().await;
    assert_eq!(shop.count("new"), MANY, "each is the affiliate that it was");
}

#[tokio::test(start_paused = true)]
async fn a_delete_that_names_a_shared_address_disables_none_of_its_people() {
    let mut shop = open().await;
    send_all(&mut shop, people().take(150).map(|who| sign_up(&who))).await;
    send_all(&mut shop, people().take(150).map(|who| with_email(with_trait(&who, "vip", true), PLACEHOLDER)))
        .await;
    shop.until_idle().await;
    let delete = json!({ "type": "delete", "userId": "p7", "email": PLACEHOLDER });
    shop.send(Lane::Live, &[delete]).await;
    shop.until_idle().await;
    let deleted = shop.ends("p7").await.pop();
    let left_out = "left out: email (shared_identifier)";
    assert!(matches!(&deleted, Some(("deleted", Some(reason))) if reason.ends_with(left_out)), "{deleted:?}");
    for who in people().take(150) {
        let status = shop.affiliate(&address(&who)).expect("an affiliate").status;
        assert_eq!(status == Status::Disabled, who == "p7", "{who} is {status:?}");
    }
}

/// A full graph, as an earlier version left it.
async fn full_graph(shop: &Shop) {
    let mut graph = Graph::default();
    let name = |kind: &str, name: &str| {
        let digest = digest(shop, kind, name);
        Name::new(digest, || "sealed".to_owned())
    };
    for (number, who) in people().take(499).enumerate() {
        let stamp = Stamp {
            time: shop.worker.now().into(),
            received: None,
            key: format!("old-{number}").into(),
            revision: 0,
        };
        let traits = Map::from_iter([
            ("first_name".into(), Some("Ann".into())),
            ("last_name".into(), Some("Lee".into())),
        ]);
        identify(
            &mut graph,
            &Statement {
                event: uuid::Uuid::from_u128(1_000_000 + u128::try_from(number).expect("small")),
                stamp,
                lane: OfGraph::Live,
                user: Some(name(USER, &who)),
                address: Some((name(ADDRESS, PLACEHOLDER), AddressClass::Ordinary)),
                anonymous: None,
                traits,
                unusable: None,
            },
        );
    }
    graph.events.clear();
    let new_digests = graph.identifiers.keys().copied().collect();
    let save = Save {
        row: None,
        graph,
        counted: identity::audiences::Counted::default(),
        new_digests,
        work: None,
        dirty: 0,
        waiting: 0,
    };
    let changes = Changes { connection: shop.id, saves: vec![save], ..Changes::default() };
    shop.ledger.record(changes).await.expect("recorded");
}

#[tokio::test(start_paused = true)]
async fn the_next_event_takes_a_person_out_of_a_full_graph_of_an_earlier_version() {
    let mut shop = open().await;
    full_graph(&shop).await;
    // A person that was locked out, whose event comes again as in a replay, and one that was locked in.
    shop.send(Lane::Live, &[with_email(sign_up("p550"), PLACEHOLDER)]).await;
    shop.send(
        Lane::Live,
        &[with_trait("p550", "email", address("p550")), with_trait("p3", "email", address("p3"))],
    )
    .await;
    shop.until_idle().await;
    assert!(shop.affiliate(&address("p550")).is_some() && shop.affiliate(&address("p3")).is_some());
    let letters = DeadLetterFilter { limit: 10, ..DeadLetterFilter::default() };
    assert!(shop.ledger.dead_letters(&letters).await.expect("a ledger").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_graph_that_fills_up_before_an_identifier_is_shared_excludes_no_person() {
    let mut shop = open().await;
    // Ten anonymousIds each: fifty people fill the graph.
    let events = people().take(120).flat_map(|who| {
        let browsers = (0..10).map(move |nth| format!("{who}-{nth}"));
        let who = browsers.clone().next().expect("ten").trim_end_matches("-0").to_owned();
        browsers.map(move |browser| {
            let mut event = with_email(sign_up(&who), PLACEHOLDER);
            event["anonymousId"] = json!(browser);
            event
        })
    });
    send_all(&mut shop, events.collect::<Vec<_>>().into_iter()).await;
    send_all(&mut shop, people().take(120).map(|who| with_trait(&who, "email", address(&who)))).await;
    let began = Instant::now();
    shop.until_idle().await;
    assert!(began.elapsed() < Duration::from_secs(600), "it took {:?}", began.elapsed());
    assert!(people().take(120).all(|who| shop.affiliate(&address(&who)).is_some()));
    assert_eq!(counts(&shop).await.dead_letters, 0);
}

#[tokio::test(start_paused = true)]
async fn a_user_with_an_anonymous_id_for_every_event_can_change_the_address() {
    let mut shop = open().await;
    let events = (0..MANY).map(|number| {
        let mut event = sign_up("ann");
        event["anonymousId"] = json!(format!("random-{number}"));
        event
    });
    send_all(&mut shop, events).await;
    shop.until_idle().await;
    shop.send(Lane::Live, &[with_trait("ann", "email", "new@x.test")]).await;
    shop.until_idle().await;
    assert!(shop.affiliate("new@x.test").is_some());
    assert_eq!(counts(&shop).await.dead_letters, 0);
}
