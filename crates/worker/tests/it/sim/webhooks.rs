//! Refersion's webhooks on their way to us, and the endpoint that takes them as the ingest endpoint does. A webhook arrives
//! at any time, twice, in another order, or never, and now and then the endpoint fails before or after it has stored it.

use std::sync::Arc;
use std::time::Duration;

use connections::Registry as _;
use ledger::sqlite::SqliteLedger;
use refersion::webhook;
use simulator::{Deliveries, Latency, Probability, Retries, Webhook, WebhookTarget};
use tokio::time::sleep;
use worker::Clock;
use worker::hints::{ECHOES_FOR, Hint};

use super::dice::Dice;
use super::harness::{Account, Harness};
use super::network::Refersion;

/// How often the endpoint looks for webhooks.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Webhooks that are taken at once, at most.
const AT_ONCE: usize = 16;
/// The secret that webhooks are signed with.
const SECRET: &str = "whsec_hush";

/// The target of an account's webhooks. Its address contains the public key, by which the endpoint finds the account.
pub(crate) fn target() -> WebhookTarget {
    WebhookTarget { url: "http://here.test/refersion".to_owned(), secret: SECRET.to_owned() }
}

/// Everything that Refersion's documentation permits.
pub(crate) fn any(dice: &Dice) -> Deliveries {
    let chance = |most| Probability::per_million(u32::try_from(dice.below(most)).expect("small"));
    Deliveries {
        delay: Latency { min: Duration::ZERO, max: dice.millis(60_000) },
        twice: chance(400_000),
        lost: chance(400_000),
        retries: dice.per_mille(500).then(|| Retries { most: 3, wait: dice.millis(20_000) }),
    }
}

/// Delivers each webhook once, a moment later.
pub(crate) fn reliable() -> Deliveries {
    Deliveries {
        delay: Latency { min: Duration::ZERO, max: Duration::from_secs(1) },
        retries: Some(Retries { most: 1_000, wait: Duration::from_secs(1) }),
        ..Deliveries::default()
    }
}

/// The endpoint, which goes on until the simulation ends.
pub(crate) struct Endpoint {
    refersion: Arc<Refersion>,
    ledger: SqliteLedger,
    vault: connections::Vault,
    clock: Clock,
    dice: Dice,
    accounts: Vec<(String, i64)>,
}

impl Endpoint {
    pub(crate) fn of(harness: &Harness, dice: Dice) -> Self {
        let id = |account: &Account| (account.public_key.clone(), account.id);
        Self {
            refersion: Arc::clone(&harness.refersion),
            ledger: harness.ledger.clone(),
            vault: harness.vault.clone(),
            clock: Arc::clone(&harness.clock),
            dice,
            accounts: harness.accounts.iter().map(id).collect(),
        }
    }

    pub(crate) async fn serve(self) {
        loop {
            let now = self.refersion.began.elapsed();
            let due = self.refersion.core.lock().take_webhooks(now, AT_ONCE);
            for webhook in due {
                let status = self.receive(&webhook).await;
                let now = self.refersion.began.elapsed();
                self.refersion.core.lock().webhook_answered(now, webhook, status);
            }
            sleep(LOOK_EVERY).await;
        }
    }

    async fn receive(&self, webhook: &Webhook) -> Option<u16> {
        let fault = self.dice.below(10);
        if fault == 0 {
            return Some(503);
        }
        assert!(
            webhook::is_signed(SECRET, &webhook.body, &webhook.signature),
            "it is signed as Refersion does"
        );
        let affiliate = webhook::affiliate(&webhook.body).expect("a webhook about an affiliate");
        let (_, id) = self.accounts.iter().find(|(public_key, _)| *public_key == webhook.public_key)?;
        let connection = self.ledger.by_id(*id).await.expect("a ledger").expect("a connection");
        let hint = Hint::of(&connection, &self.vault, &affiliate, (self.clock)());
        let unconfirmed = hint.receive(&self.ledger).await.expect("the ledger is there");
        // A process that was killed does not compare again.
        if let Some(unconfirmed) = unconfirmed.filter(|_| fault > 2) {
            let ledger = self.ledger.clone();
            tokio::spawn(async move {
                sleep(ECHOES_FOR).await;
                unconfirmed.settle(&ledger).await.expect("the ledger is there");
            });
        }
        // The answer is lost: a webhook that is already durable may come again.
        (fault != 1).then_some(200)
    }
}
