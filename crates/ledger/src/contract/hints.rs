//! Promises about data from webhooks, and their secrets.

use std::collections::BTreeMap;

use connections::{SealedSecret, SharedSecret};
use identity::Digest;

use super::Engine;
use super::fixtures::{at, connection, vault};
use crate::hints::MAX_CUSTOM_FIELDS;
use crate::{Drift, ListedAffiliate};

/// A new name of a field replaces the old one; beyond the limit only the names of known fields are stored.
pub async fn custom_fields_are_named_and_bounded(engine: &impl Engine) {
    let id = connection(engine, "shop", 1).await.id;
    let named = |fields: &[(u64, &str)]| -> BTreeMap<u64, String> {
        fields.iter().map(|(id, name)| (*id, (*name).to_owned())).collect()
    };
    engine.note_custom_fields(id, &named(&[(1, "Plan"), (2, "Vip")])).await.expect("noted");
    engine.note_custom_fields(id, &named(&[(2, "VIP")])).await.expect("noted");
    assert_eq!(engine.custom_fields(id).await.expect("read"), named(&[(1, "Plan"), (2, "VIP")]));
    let many: BTreeMap<u64, String> =
        (0..MAX_CUSTOM_FIELDS as u64 + 50).map(|id| (id, "x".to_owned())).collect();
    engine.note_custom_fields(id, &many).await.expect("noted");
    let kept = engine.custom_fields(id).await.expect("read");
    assert_eq!(kept.len(), MAX_CUSTOM_FIELDS, "as many as there is room for");
    engine.note_custom_fields(id, &named(&[(1, "Plan B")])).await.expect("noted");
    assert_eq!(engine.custom_fields(id).await.expect("read")[&1], "Plan B");
}

/// New drift of an affiliate replaces the old drift; its address is the one in the directory.
pub async fn drift_of_one_affiliate_is_replaced(engine: &impl Engine) {
    let id = connection(engine, "shop", 1).await.id;
    let listed =
        |code: &str, address| ListedAffiliate { code: code.to_owned(), address, id: None, status: None };
    let affiliates = [listed("a", Some(Digest([7; 16]))), listed("b", None)];
    engine.note_affiliates(id, &affiliates, at(1)).await.expect("noted");
    let codes = ["a", "b", "c"].map(str::to_owned);
    let found = engine.addresses_of(id, &codes).await.expect("read");
    assert_eq!(found, [("a".to_owned(), Digest([7; 16]))].into());
    let mut drift = Drift {
        code: "b".to_owned(),
        address: Some(Digest([8; 16])),
        fields: vec!["email".to_owned()],
        found_at: at(2),
    };
    engine.note_drift(id, &drift).await.expect("noted");
    engine.note_affiliates(id, &[listed("b", Some(Digest([9; 16])))], at(3)).await.expect("noted");
    let sent = engine.addresses_of(id, &codes).await.expect("read");
    assert_eq!(sent.get("b"), Some(&Digest([8; 16])), "where it was sent to, not where it was moved");
    engine.note_drift(id, &Drift { fields: Vec::new(), ..drift }).await.expect("noted");
    drift = Drift { code: "a".to_owned(), address: None, fields: vec!["email".to_owned()], found_at: at(2) };
    for fields in [&["email"][..], &["city", "email"], &[]] {
        drift.fields = fields.iter().map(|&field| field.to_owned()).collect();
        engine.note_drift(id, &drift).await.expect("noted");
        let expected: &[Drift] = if fields.is_empty() { &[] } else { std::slice::from_ref(&drift) };
        assert_eq!(engine.drift(id, 9).await.expect("read"), expected);
        let of: BTreeMap<_, _> = expected.iter().map(|it| (it.code.clone(), it.fields.clone())).collect();
        assert_eq!(engine.drift_of(id, &codes).await.expect("read"), of);
    }
}

/// A connection has one webhook secret, which is removed with it and is separate from Segment's shared secrets.
pub async fn a_webhook_secret_is_kept_until_it_is_replaced(engine: &impl Engine) {
    let [shop, other] = [connection(engine, "shop", 1).await.id, connection(engine, "other", 2).await.id];
    let secret = |of, text: &str| -> SealedSecret {
        vault().seal_secret(of, &SharedSecret::parse(text).expect("a secret"))
    };
    for text in ["one", "two"] {
        engine.set_webhook_secret(&secret(shop, text)).await.expect("set");
    }
    engine.set_webhook_secret(&secret(other, "three")).await.expect("set");
    let opened = async |of| {
        let found = engine.webhook_secrets(of).await.expect("read");
        let mut all: Vec<String> = found
            .iter()
            .map(|it| vault().open_secret(it).expect("its own vault").reveal().to_owned())
            .collect();
        all.sort();
        all
    };
    assert_eq!(opened(Some(shop)).await, ["two"]);
    assert_eq!(opened(None).await, ["three", "two"]);
    assert!(engine.shared_secrets(shop, at(0)).await.expect("read").is_empty());
    assert!(engine.remove_webhook_secret(shop).await.expect("removed"));
    assert!(!engine.remove_webhook_secret(shop).await.expect("there was none"));
    super::fixtures::remove(engine, other).await;
    assert!(opened(None).await.is_empty());
    assert!(engine.set_webhook_secret(&secret(other, "four")).await.is_err());
}
