//! Answers of Refersion that its documentation does not suggest, but permits.

use std::time::Duration;

use connections::State;
use queue::Lane;
use serde_json::json;
use simulator::{Options, Switches};

use super::shop::{Plan, Shop, address, sign_up, with_trait};

fn with(switches: Switches) -> Plan {
    Plan { refersion: Options { switches, ..Options::default() }, ..Plan::usual() }
}

async fn dead_letters(shop: &Shop) -> u64 {
    use ledger::View as _;
    shop.ledger.counts(Some(shop.id), shop.worker.now()).await.expect("a ledger").dead_letters
}

/// Lost answers lead to repeats that change nothing.
#[tokio::test(start_paused = true)]
async fn repeats_that_change_nothing_count_as_sent_and_pause_no_connection() {
    let mut shop = Shop::open(with(Switches { same_values_not_changed: true, ..Switches::default() })).await;
    shop.reconcile();
    let members: Vec<String> = (0..4).map(|number| format!("member{number}")).collect();
    shop.send(Lane::Live, &members.iter().map(|it| sign_up(it)).collect::<Vec<_>>()).await;
    shop.until_idle().await;
    shop.faults("drop-after=100%,operation=affiliate/edit");
    let city = json!({ "city": "Bern", "country": "CH" });
    let events: Vec<_> = members.iter().map(|it| with_trait(it, "address", city.clone())).collect();
    shop.send(Lane::Live, &events).await;
    shop.until("the edit took effect", async || {
        shop.affiliate(&address("member3")).is_some_and(|it| it.city == "Bern")
    })
    .await;
    shop.faults("");
    let before = shop.calls().len();
    shop.until_idle().await;
    assert_eq!((shop.state().await, dead_letters(&shop).await), (State::Active, 0));
    assert_eq!(shop.states(8).await[4..], ["updated"; 4]);
    let calls = shop.calls().len() - before;
    assert!(calls <= 4 * 3 + 4, "{calls} calls for four affiliates");
}

#[tokio::test(start_paused = true)]
async fn a_count_in_the_message_of_a_create_is_not_taken_for_an_id() {
    let mut shop = Shop::open(with(Switches { create_message_counts: true, ..Switches::default() })).await;
    shop.reconcile();
    shop.send(Lane::Live, &[sign_up("ann"), sign_up("bo"), sign_up("cy")]).await;
    shop.until_idle().await;
    shop.send(
        Lane::Live,
        &[with_trait("ann", "vip", "A"), with_trait("bo", "vip", "B"), with_trait("cy", "vip", "C")],
    )
    .await;
    shop.until_idle().await;
    for (who, value) in [("ann", "A"), ("bo", "B"), ("cy", "C")] {
        assert_eq!(shop.affiliate(&address(who)).expect("an affiliate").custom_fields[&101], value);
    }
    assert_eq!(shop.count("get"), 3, "one look for each");
}

/// The total counts the rows of a page, and the wanted address is on the second one.
#[tokio::test(start_paused = true)]
async fn pages_are_read_until_one_has_no_new_rows() {
    let switches = Switches { total_is_of_the_page: true, short_pages: true, ..Switches::default() };
    let mut shop = Shop::open(with(switches)).await;
    for number in 0..5 {
        shop.existed(&format!("{number}ann@x.test"));
    }
    shop.existed("ann@x.test");
    shop.reconcile();
    shop.send(Lane::Live, &[sign_up("ann")]).await;
    shop.until_idle().await;
    assert_eq!(shop.affiliate("ann@x.test").expect("an affiliate").first_name, "Ann");
    assert_eq!(shop.affiliate("ann@x.test").expect("an affiliate").last_name, "Lee");
    shop.send(Lane::Live, &[json!({ "type": "delete", "userId": "ann" })]).await;
    shop.until_idle().await;
    assert_eq!(shop.affiliate("ann@x.test").expect("an affiliate").status, simulator::Status::Disabled);
    assert_eq!(dead_letters(&shop).await, 0);
}

/// The create took effect, its answer was lost, and the search does not find it for a while.
#[tokio::test(start_paused = true)]
async fn a_taken_address_is_searched_for_until_it_is_found() {
    let switches = Switches { search_lags: Duration::from_secs(30), ..Switches::default() };
    let mut shop = Shop::open(with(switches)).await;
    shop.faults("drop-after=100%,operation=affiliate/new");
    shop.reconcile();
    shop.send(Lane::Live, &[sign_up("ann")]).await;
    shop.until("the create is out", async || shop.affiliate(&address("ann")).is_some()).await;
    shop.faults("");
    shop.send(Lane::Live, &[with_trait("ann", "vip", true)]).await;
    shop.until_idle().await;
    assert_eq!(shop.affiliate(&address("ann")).expect("an affiliate").custom_fields[&101], "true");
    assert_eq!(dead_letters(&shop).await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_byte_order_mark_before_json_is_ignored() {
    let mut shop = Shop::open(with(Switches { byte_order_mark: true, ..Switches::default() })).await;
    shop.reconcile();
    shop.send(Lane::Live, &[sign_up("ann"), with_trait("ann", "vip", true)]).await;
    shop.until_idle().await;
    assert_eq!(shop.affiliate(&address("ann")).expect("an affiliate").custom_fields[&101], "true");
    assert_eq!(shop.count("new"), 1);
}

/// Otherwise each create of a first sync would be refused once.
#[tokio::test(start_paused = true)]
async fn the_format_of_merchant_ids_is_learned_from_one_refusal() {
    let mut shop = Shop::open(with(Switches { alphanumeric_merchant_id: true, ..Switches::default() })).await;
    shop.reconcile();
    for who in ["a-1", "b-2", "c-3"] {
        shop.send(Lane::Live, &[sign_up(who)]).await;
        shop.until_idle().await;
    }
    assert_eq!(shop.count("new"), 4);
    shop.send(Lane::Live, &[sign_up("plain")]).await;
    shop.until_idle().await;
    assert_eq!(shop.affiliate(&address("plain")).expect("an affiliate").unique_merchant_id, "plain");
}

#[tokio::test(start_paused = true)]
async fn invalid_addresses_are_not_sent_and_are_named() {
    let mut plan = Plan::usual();
    plan.settings.paypal_trait = Some("payout".to_owned());
    let mut shop = Shop::open(plan).await;
    shop.reconcile();
    let mut odd = sign_up("odd");
    odd["traits"]["email"] = json!("a@@b.cd");
    shop.send(Lane::Live, &[odd, sign_up("ann")]).await;
    shop.until_idle().await;
    let calls = shop.calls().len();
    shop.send(Lane::Live, &[with_trait("ann", "payout", "a@b.cd,c@d.ef")]).await;
    shop.until_idle().await;
    assert_eq!((shop.count("new"), shop.calls().len()), (1, calls));
    assert_eq!(shop.ends("odd").await, [("remembered", Some("not_an_address".to_owned()))]);
    let last = shop.ends("ann").await.pop().expect("an event");
    assert_eq!(last, ("unchanged", Some("not_an_address: paypal_email".to_owned())));
    assert_eq!(dead_letters(&shop).await, 0);
    shop.send(Lane::Live, &[sign_up("odd")]).await;
    shop.until_idle().await;
    assert!(shop.affiliate(&address("odd")).is_some(), "another address makes it whole");
}

/// Only a create that may have been carried out may have sent the mail.
#[tokio::test(start_paused = true)]
async fn a_repeated_create_sends_the_welcome_mail_only_after_a_certain_refusal() {
    for (fault, greeted) in
        [("429=100%", true), ("403=100%,operation=affiliate/new", true), ("html=100%", false)]
    {
        let mut plan = Plan::usual();
        plan.settings.send_welcome = true;
        let mut shop = Shop::open(plan).await;
        shop.faults(fault);
        shop.reconcile();
        shop.send(Lane::Live, &[sign_up("ann")]).await;
        shop.until("the create is out", async || shop.count("new") > 0).await;
        shop.faults("");
        shop.until_idle().await;
        let last = shop.calls().into_iter().rfind(|call| call.operation == "new").expect("a create");
        assert_eq!(last.body["send_welcome"] == "TRUE", greeted, "{fault}");
    }
}
