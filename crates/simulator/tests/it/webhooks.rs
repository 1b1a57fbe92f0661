//! Webhooks about affiliates: when they are sent, their content, how they are signed, and how their delivery may fail.

use std::collections::BTreeSet;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use simulator::{
    Deliveries, ExistingAffiliate, Options, StaffChange, Status, Webhook, WebhookCounts, WebhookTarget,
};

use crate::support::{Api, PUBLIC, and, new};

const SIGNING: &str = "signing secret of pub_1";

fn api(deliveries: &str) -> Api {
    let target =
        WebhookTarget { url: "http://127.0.0.1:1/refersion/1".to_owned(), secret: SIGNING.to_owned() };
    Api::of(Options {
        seed: 1,
        custom_fields: [(101, "VIP".to_owned())].into(),
        webhooks: [(PUBLIC.to_owned(), target)].into(),
        deliveries: Deliveries::parse(deliveries).unwrap(),
        ..Options::default()
    })
}

impl Api {
    fn webhooks(&mut self) -> Vec<Webhook> {
        self.simulator.take_webhooks(self.now, usize::MAX)
    }

    /// Topic and body of each webhook that is due.
    fn delivered(&mut self) -> Vec<(&'static str, Value)> {
        let read = |it: Webhook| (it.topic.name(), serde_json::from_slice(&it.body).unwrap());
        self.webhooks().into_iter().map(read).collect()
    }

    fn counts(&self) -> WebhookCounts {
        self.simulator.calls().webhooks
    }
}

#[test]
fn creates_edits_and_status_changes_are_reported_and_calls_without_effect_are_not() {
    let mut api = api("");
    let id = api.create("ann@x.com");
    let webhooks = api.delivered();
    assert_eq!(webhooks.len(), 1);
    assert_eq!(webhooks[0].0, "NEW_AFFILIATE");
    let code = api.affiliate("ann@x.com").code;
    for (name, value) in [
        ("id", json!(id)),
        ("code", json!(code)),
        ("status", json!("ACTIVE")),
        ("email", json!("ann@x.com")),
        ("first_name", json!("Ann")),
        ("address_1", json!("")),
        ("phone_number", json!("")),
        ("custom_fields", json!([{ "id": 101, "name": "VIP", "value": "" }])),
        ("is_marketplace_user", json!(false)),
    ] {
        assert_eq!(webhooks[0].1[name], value, "{name}");
    }
    let edit = json!({ "affiliates": [{ "id": id, "phone": "0123", "custom_fields": [{ "101": "true" }] }] });
    assert_eq!(api.status("edit", &edit), 200);
    let webhooks = api.delivered();
    assert_eq!((webhooks.len(), webhooks[0].0), (1, "AFFILIATE_DETAILS_CHANGE"));
    assert_eq!(webhooks[0].1["phone_number"], "0123");
    assert_eq!(webhooks[0].1["custom_fields"][0]["value"], "true");
    api.status("status_change", &json!({ "ids": [id], "status": "DISABLED" }));
    let webhooks = api.delivered();
    assert_eq!(
        (webhooks.len(), webhooks[0].0, &webhooks[0].1["status"]),
        (1, "AFFILIATE_STATUS_CHANGE", &json!("DISABLED"))
    );
    api.status("edit", &edit);
    api.status("status_change", &json!({ "ids": [id], "status": "DISABLED" }));
    api.status("new", &new("ann@x.com"));
    api.status("search", &json!({ "keyword": "ann" }));
    assert!(api.delivered().is_empty(), "nothing has changed");
    assert_eq!(api.counts().changes, 3);
}

#[test]
fn changes_by_staff_are_reported_by_webhooks() {
    let mut api = api("");
    let added = api.simulator.staff_adds(api.now, PUBLIC, ExistingAffiliate::active("bob@x.com")).unwrap();
    assert_eq!(api.delivered()[0].0, "NEW_AFFILIATE");
    let mut change = |change| api.simulator.staff_changes(Duration::ZERO, PUBLIC, added.id, change);
    assert!(change(StaffChange::Field("first_name".into(), "Rob".into())));
    assert!(change(StaffChange::CustomField(101, "x".into())));
    assert!(change(StaffChange::Status(Status::Pending)));
    assert!(!change(StaffChange::Field("password".into(), "x".into())));
    assert!(!change(StaffChange::CustomField(7, "x".into())), "the account has no such field");
    assert!(!api.simulator.staff_changes(Duration::ZERO, PUBLIC, 1, StaffChange::Status(Status::Active)));
    assert_eq!(api.delivered().len(), 3);
    let bob = api.affiliate("bob@x.com");
    assert_eq!((bob.first_name.as_str(), bob.status), ("Rob", Status::Pending));
    assert_eq!(api.simulator.calls().total, 0, "these are no calls");
    // Refersion has no topic for it.
    assert!(api.simulator.remove(PUBLIC, added.id));
    assert!(api.delivered().is_empty());
}

#[test]
fn only_accounts_with_an_address_post_webhooks() {
    let mut api = Api::new();
    api.create("ann@x.com");
    assert!(api.webhooks().is_empty());
    let target = WebhookTarget { url: "http://x.test/".to_owned(), secret: SIGNING.to_owned() };
    api.simulator.set_webhooks(PUBLIC, target);
    api.create("bob@x.com");
    assert_eq!(api.webhooks().len(), 1, "of what changed since");
}

#[test]
fn the_signature_is_the_hmac_of_the_raw_body_under_the_signing_secret() {
    let mut api = api("");
    api.status("new", &and(new("ann@x.com"), "company", "Müller & Söhne"));
    let webhook = api.webhooks().remove(0);
    let mac = Hmac::<Sha256>::new_from_slice(SIGNING.as_bytes()).unwrap().chain_update(&webhook.body);
    assert_eq!(webhook.signature, BASE64_STANDARD.encode(mac.finalize().into_bytes()));
    assert_eq!((webhook.public_key.as_str(), webhook.attempt), (PUBLIC, 1));
}

#[test]
fn webhooks_may_be_late_repeated_reordered_or_lost() {
    let mut api = api("delay=0ms..10s,twice=20%,lost=20%");
    let id = api.create("ann@x.com");
    for number in 0..200 {
        let edit = json!({ "affiliates": [{ "id": id, "company": number.to_string() }] });
        assert_eq!(api.status("edit", &edit), 200);
        api.now += Duration::from_millis(100);
    }
    let mut companies = Vec::new();
    while let Some(at) = api.simulator.next_webhook_at() {
        api.now = api.now.max(at);
        companies.extend(
            api.delivered().into_iter().map(|(_, body)| body["company"].as_str().unwrap().to_owned()),
        );
    }
    let counts = api.counts();
    assert_eq!(counts.changes, 201);
    assert!((20..70).contains(&counts.lost) && (20..70).contains(&counts.twice), "{counts:?}");
    assert_eq!(companies.len() as u64, counts.changes - counts.lost + counts.twice);
    let different: BTreeSet<_> = companies.iter().collect();
    assert!(different.len() < companies.len(), "some came twice");
    let numbers: Vec<u32> = companies.iter().filter_map(|company| company.parse().ok()).collect();
    assert!(!numbers.is_sorted(), "some have overtaken others, and have the values of their time");
}

#[test]
fn webhooks_without_a_2xx_are_repeated_up_to_the_configured_number() {
    let mut api = api("retries=2:10s");
    api.create("ann@x.com");
    let first = api.webhooks().remove(0);
    let signature = first.signature.clone();
    api.simulator.webhook_answered(api.now, first, Some(503));
    assert!(api.webhooks().is_empty());
    api.now += Duration::from_secs(10);
    let second = api.webhooks().remove(0);
    assert_eq!((second.attempt, &second.signature), (2, &signature));
    api.simulator.webhook_answered(api.now, second, None);
    api.now += Duration::from_secs(10);
    let third = api.webhooks().remove(0);
    api.simulator.webhook_answered(api.now, third.clone(), Some(403));
    assert_eq!(api.simulator.next_webhook_at(), None);
    assert_eq!((api.counts().refused, api.counts().given_up), (3, 1));
    api.simulator.webhook_answered(api.now, third, Some(204));
    assert_eq!(api.counts().delivered, 1);
}

#[test]
fn webhooks_are_sent_once_without_retries() {
    let mut api = api("");
    api.create("ann@x.com");
    let only = api.webhooks().remove(0);
    api.simulator.webhook_answered(api.now, only, Some(500));
    assert_eq!(api.simulator.next_webhook_at(), None);
    assert_eq!(api.counts().given_up, 1);
}
