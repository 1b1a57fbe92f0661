//! Webhooks about affiliates: their signature, and their content.
//!
//! Refersion posts JSON with the headers `Refersion-Topic` and `Refersion-Signature`, the base64 of the HMAC-SHA256 of the
//! raw body under the account's webhook signing secret (<https://www.refersion.dev/reference/webhook-validation>). Only
//! some topics are documented, so the body decides: one about an affiliate has a `code` and an `email`. Neither order, nor
//! repetition, nor delivery is promised: the content of a webhook is a hint.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

use crate::{AffiliateCode, AffiliateId, Status, answer};

/// Upper limit of custom fields that are read of one webhook.
const MAX_CUSTOM_FIELDS: usize = 500;

/// An affiliate as a webhook shows it. `Debug` shows no value of a person.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookAffiliate {
    /// Its code.
    pub code: AffiliateCode,
    /// Its numeric id, if it is shown.
    pub id: Option<AffiliateId>,
    /// Its status; `None` if it is not one that is documented.
    pub status: Option<Status>,
    /// Its email address.
    pub email: String,
    /// Text fields by our names of them (those of `/affiliate/edit`); fields that are not shown are left out.
    pub fields: Vec<(&'static str, String)>,
    /// Id, name and value of each custom field: the only place where Refersion shows their ids. `None`: the value is not shown, or
    /// no text.
    pub custom_fields: Vec<(u64, String, Option<String>)>,
}

impl std::fmt::Debug for WebhookAffiliate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebhookAffiliate")
            .field("code", &self.code)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// The fields of a webhook, with the names that `/affiliate/edit` has for them.
const FIELDS: [(&str, &str); 11] = [
    ("first_name", "first_name"),
    ("last_name", "last_name"),
    ("paypal_email", "paypal_email"),
    ("company", "company"),
    ("address_1", "address1"),
    ("address_2", "address2"),
    ("city", "city"),
    ("state", "state"),
    ("zip", "zip"),
    ("country", "country"),
    ("phone_number", "phone"),
];

/// Whether `signature` is the one of `body` under `secret`. The comparison takes constant time.
#[must_use]
pub fn is_signed(secret: &str, body: &[u8], signature: &str) -> bool {
    let Ok(signature) = BASE64_STANDARD.decode(signature.trim()) else { return false };
    let Ok(mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return false };
    mac.chain_update(body).verify_slice(&signature).is_ok()
}

/// The signature of `body` under `secret`, for simulators of Refersion.
#[must_use]
pub fn sign(secret: &str, body: &[u8]) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    BASE64_STANDARD.encode(mac.chain_update(body).finalize().into_bytes())
}

/// The affiliate that a webhook is about; `None` if it is about something else.
#[must_use]
pub fn affiliate(body: &[u8]) -> Option<WebhookAffiliate> {
    let Value::Object(object) = serde_json::from_slice(body).ok()? else { return None };
    let text = |key: &str| answer::text(object.get(key)).filter(|text| !text.is_empty());
    let fields =
        FIELDS.iter().filter_map(|(theirs, ours)| Some((*ours, answer::shown(object.get(*theirs))?)));
    let custom = object.get("custom_fields").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    Some(WebhookAffiliate {
        code: answer::code(object.get("code"))?,
        email: text("email")?,
        id: object.get("id").and_then(answer::number).map(AffiliateId),
        status: text("status").and_then(|status| Status::from_name(&status)),
        fields: fields.collect(),
        custom_fields: custom.iter().take(MAX_CUSTOM_FIELDS).filter_map(custom_field).collect(),
    })
}

fn custom_field(field: &Value) -> Option<(u64, String, Option<String>)> {
    let name = answer::text(field.get("name"))?;
    Some((answer::number(field.get("id")?)?, name, answer::shown(field.get("value"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = br#"{"id":37569297,"code":"a3y7","status":"ACTIVE","email":"Ann@x.test","first_name":"Ann",
        "address_1":"Main St 1","phone_number":null,"custom_fields":[{"id":"1234","name":"Plan","value":"gold"},{"name":"x"},
        {"id":5,"name":"Tags","value":["a"]},{"id":6,"name":"VIP","value":true},{"id":7,"name":"Tier","value":null}]}"#;

    #[test]
    fn the_signature_is_checked_over_the_raw_body() {
        let signature = sign("hush", BODY);
        assert!(is_signed("hush", BODY, &signature));
        assert!(is_signed("hush", BODY, &format!(" {signature} ")));
        assert!(!is_signed("other", BODY, &signature));
        assert!(!is_signed("hush", &BODY[..BODY.len() - 1], &signature));
        for wrong in ["", "no base64!", "AAAA", &signature[..20]] {
            assert!(!is_signed("hush", BODY, wrong), "{wrong}");
        }
    }

    #[test]
    fn a_webhook_about_an_affiliate_is_recognized_by_its_body() {
        let found = affiliate(BODY).unwrap();
        assert_eq!((found.code.as_str(), found.id), ("a3y7", Some(AffiliateId(37_569_297))));
        assert_eq!((found.email.as_str(), found.status), ("Ann@x.test", Some(Status::Active)));
        let fields = vec![
            ("first_name", "Ann".to_owned()),
            ("address1", "Main St 1".to_owned()),
            ("phone", String::new()),
        ];
        assert_eq!(found.fields, fields);
        let custom =
            found.custom_fields.iter().map(|(id, name, value)| (*id, name.as_str(), value.as_deref()));
        let shown = [
            (1234, "Plan", Some("gold")),
            (5, "Tags", None),
            (6, "VIP", Some("true")),
            (7, "Tier", Some("")),
        ];
        assert_eq!(custom.collect::<Vec<_>>(), shown);
        assert!(!format!("{found:?}").contains("Ann"));
        for other in [&br#"{"id":1,"affiliate_code":"a3y7","total":"9.99"}"#[..], b"[1]", b"{", b""] {
            assert!(affiliate(other).is_none());
        }
    }
}
