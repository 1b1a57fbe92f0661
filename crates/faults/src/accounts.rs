//! The connections of a row, and the affiliates that Refersion had before them.

use std::collections::BTreeSet;

use base64::Engine as _;
use connections::{ApiKey, ConnectionId, NewAffiliateStatus, NewConnection, Settings};
use reference::{ActualAffiliate, affiliates_of};
use service::config::{self, Config};
use service::engines::Engines;
use simulator::ExistingAffiliate;

use crate::dice::Dice;
use crate::harness::Harness;
use crate::messages::Messages;

/// Connections of a row.
pub const ACCOUNTS: usize = 2;
/// The ceiling of each, in calls a second.
pub const RATE: u32 = 12;
/// One address in this number has an affiliate before the first event.
const THERE_BEFORE: usize = 10;

/// One connection.
pub struct Account {
    /// Its number.
    pub id: ConnectionId,
    /// Both halves of its key.
    pub api_key: String,
    /// The public half.
    pub public_key: String,
    /// The affiliates in Refersion before the first event.
    pub initial: Vec<ActualAffiliate>,
}

impl Account {
    /// The header by which Segment names it.
    pub(crate) fn authorization(&self) -> String {
        format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{}:", self.api_key)))
    }

    /// The ids of these affiliates.
    #[must_use]
    pub fn existed(&self) -> BTreeSet<u64> {
        self.initial.iter().map(|affiliate| affiliate.id).collect()
    }
}

/// The configuration that these variables make.
///
/// # Errors
///
/// If one of them is wrong.
pub fn configuration(variables: Vec<(String, String)>) -> anyhow::Result<Config> {
    let variables = variables.into_iter().map(|(key, value)| (key.into(), value.into()));
    Ok(config::load(None, variables)?.config)
}

/// How long a delete looks for the affiliate of a create without an answer, in seconds. No call takes effect later than its
/// deadline here.
const LATE_CREATES: u32 = 15;

/// The settings of account number `index`: one approves affiliates at once, the other does not.
#[must_use]
pub fn settings(index: usize, refersion_url: &str) -> Settings {
    let status = if index == 0 { NewAffiliateStatus::Active } else { NewAffiliateStatus::Pending };
    Settings {
        refersion_url: refersion_url.to_owned(),
        rate_per_second: f64::from(RATE),
        new_affiliate_status: status,
        late_creates: LATE_CREATES,
        require_address: index == 1,
        custom_fields: [("vip".to_owned(), 101), ("plan".to_owned(), 102)].into(),
        ..Settings::default()
    }
}

/// Adds the connections, and the affiliates that exist before the first event.
pub(crate) async fn open(harness: &Harness, people: usize) -> anyhow::Result<Vec<Account>> {
    let engines = Engines::open(&configuration(harness.direct_variables())?).await?;
    let mut accounts = Vec::new();
    for index in 0..ACCOUNTS {
        let (public_key, api_key) = (format!("pub_{index}"), format!("pub_{index}.sec_hush{index}"));
        let key = ApiKey::parse(&api_key)?;
        let added = engines.connections.add(NewConnection {
            name: format!("shop-{index}").parse()?,
            settings: settings(index, &harness.refersion_url()),
            key: engines.vault.seal_key(&key),
            write_key: engines.vault.new_write_key(),
            created_at: engines.now(),
        });
        let id = added.await?.id;
        let addresses = Messages::new(Dice::new(0), index, people).addresses();
        let state = harness.refersion.with(|simulator, _| {
            for address in addresses.iter().step_by(THERE_BEFORE) {
                simulator.add_affiliate(&public_key, ExistingAffiliate::active(address));
            }
            simulator.state()
        });
        let state = serde_json::to_value(state)?;
        let ids = ids(&state, &public_key);
        let initial = affiliates_of(&state, &public_key, &ids)?;
        accounts.push(Account { id, api_key, public_key, initial });
    }
    Ok(accounts)
}

fn ids(state: &serde_json::Value, public_key: &str) -> BTreeSet<u64> {
    let accounts = state["accounts"].as_array().into_iter().flatten();
    let mine = accounts.filter(|account| account["public_key"] == public_key);
    let affiliates = mine.flat_map(|account| account["affiliates"].as_array().into_iter().flatten());
    affiliates.filter_map(|affiliate| affiliate["id"].as_u64()).collect()
}
