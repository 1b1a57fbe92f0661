//! Applies a webhook of Refersion: to the directory, the names of custom fields, and the known drift.
//!
//! A webhook is a hint: it may arrive late, twice or out of order, or be caused by one of our own calls. So it never changes the
//! record of what an affiliate was sent; it says where to look.

use std::collections::BTreeMap;
use std::time::Duration;

use connections::{Connection, Vault};
use identity::directory::{DirectoryEntries, Listing, apply_directory};
use identity::drift::{EMAIL, Shown, compare};
use identity::eligibility::Rules;
use identity::{Digest, Text};
use jiff::Timestamp;
use ledger::{Changes, Drift, GraphRow, Ledger, LedgerError, ListedAffiliate, Save};
use refersion::webhook::WebhookAffiliate;

use crate::audiences::watched;
use crate::deliver::shown_status;
use crate::locks::in_order;
use crate::rules::rules;
use crate::settle::{settle_save, unsettled};
use crate::translate::Translator;

/// Wait before a difference counts: it may be caused by a call of ours whose answer is still being recorded.
pub const ECHOES_FOR: Duration = Duration::from_secs(10);

/// Maximum number of times that the graphs of a webhook's person are read again because others change them. After that the next
/// walk updates them.
const CONFLICTS: usize = 5;

/// A webhook about an affiliate of a connection, as the ledger takes it. It holds values of a person, and is not kept.
pub struct Hint {
    connection: i64,
    rules: Rules,
    affiliate: ListedAffiliate,
    shown: Shown,
    custom_fields: BTreeMap<u64, String>,
    received_at: Timestamp,
}

impl Hint {
    /// Reads a webhook.
    #[must_use]
    pub fn of(connection: &Connection, vault: &Vault, webhook: &WebhookAffiliate, now: Timestamp) -> Self {
        let translator = Translator { vault, connection: connection.id };
        let address = translator.address_digest(&webhook.email);
        let status = webhook.status.map(shown_status);
        let fields =
            webhook.fields.iter().map(|(field, text)| (Text::from(*field), Text::from(text.as_str())));
        let custom = webhook.custom_fields.iter();
        let custom = custom.filter_map(|(id, _, text)| {
            Some((Text::from(format!("custom:{id}")), Text::from(text.as_deref()?)))
        });
        Self {
            connection: connection.id,
            rules: rules(&connection.settings),
            affiliate: ListedAffiliate {
                code: webhook.code.to_string(),
                address,
                id: webhook.id.map(|id| id.0),
                status,
            },
            shown: Shown { address, status, fields: fields.chain(custom).collect() },
            custom_fields: webhook.custom_fields.iter().map(|(id, name, _)| (*id, name.clone())).collect(),
            received_at: now,
        }
    }

    /// Applies a webhook; it is durable when this returns. A difference from what was sent may be caused by a call whose answer is
    /// not recorded yet: it is returned, and has to be compared again [`ECHOES_FOR`] later.
    ///
    /// # Errors
    ///
    /// If the ledger is not available.
    pub async fn receive(self, ledger: &dyn Ledger) -> Result<Option<UnconfirmedDrift>, LedgerError> {
        let addresses = self.addresses(ledger).await?;
        let drift = self.compare(ledger, &addresses).await?;
        let has_moved = drift.as_ref().is_some_and(|drift| drift.fields.iter().any(|field| field == EMAIL));
        self.note(ledger, has_moved).await?;
        self.bind_person(ledger).await?;
        match drift {
            Some(drift) if drift.fields.is_empty() => ledger.note_drift(self.connection, &drift).await?,
            Some(_) => return Ok(Some(UnconfirmedDrift { hint: self, addresses })),
            None => {}
        }
        Ok(None)
    }

    /// Records what it says about the account: the directory and the names of custom fields. If its address `has_moved`, the
    /// directory keeps the address at which the affiliate is known.
    async fn note(&self, ledger: &dyn Ledger, has_moved: bool) -> Result<(), LedgerError> {
        let before = ledger.custom_fields(self.connection).await?;
        let mut new = self.custom_fields.clone();
        new.retain(|id, name| before.get(id) != Some(name));
        if !new.is_empty() {
            ledger.note_custom_fields(self.connection, &new).await?;
        }
        let mut affiliate = self.affiliate.clone();
        affiliate.address.take_if(|_| has_moved);
        ledger.note_affiliates(self.connection, &[affiliate], self.received_at).await
    }

    /// The digests of the addresses that it is about: the one that it shows, and the one at which the affiliate was known.
    async fn addresses(&self, ledger: &dyn Ledger) -> Result<Vec<Digest>, LedgerError> {
        let before = ledger.addresses_of(self.connection, std::slice::from_ref(&self.affiliate.code)).await?;
        Ok(in_order(before.into_values().chain(self.affiliate.address)))
    }

    /// Binds a person who waits for nothing but this affiliate.
    async fn bind_person(&self, ledger: &dyn Ledger) -> Result<(), LedgerError> {
        let Some(address) = self.affiliate.address else { return Ok(()) };
        for _ in 0..CONFLICTS {
            let gathered = ledger.gather(self.connection, &[address], &[]).await?;
            let Some(save) = gathered.graphs.into_iter().find_map(|read| self.bound(read, address)) else {
                return Ok(());
            };
            let rules = Rules { audiences: watched(ledger, self.connection).await?, ..self.rules.clone() };
            match ledger.record(self.changes(save, &rules)).await {
                Err(LedgerError::Conflict | LedgerError::Claimed) => tokio::task::yield_now().await,
                other => return other,
            }
        }
        Ok(())
    }

    /// The graph with the person at an address bound to the affiliate; `None` if nobody there waits for it.
    fn bound(&self, read: GraphRow, address: Digest) -> Option<Save> {
        let code = Text::from(self.affiliate.code.as_str());
        let listing = Listing { code, seen_at: self.received_at.into() };
        let entries = DirectoryEntries {
            complete_since: None,
            looked_up: [address].into(),
            listed: [(address, listing)].into_iter().collect(),
        };
        let mut save = unsettled(read);
        apply_directory(&mut save.graph, &self.rules, &entries).then_some(save)
    }

    fn changes(&self, mut save: Save, rules: &Rules) -> Changes {
        let mut changes =
            Changes { connection: self.connection, now: self.received_at, ..Changes::default() };
        settle_save(&mut changes, &mut save, rules, self.received_at, Duration::ZERO);
        changes.saves.push(save);
        changes
    }

    /// The differences from what the affiliate was sent, without fields if there are none; `None` if the affiliate is unknown.
    async fn compare(&self, ledger: &dyn Ledger, addresses: &[Digest]) -> Result<Option<Drift>, LedgerError> {
        let gathered = ledger.gather(self.connection, addresses, &[]).await?;
        let code = self.affiliate.code.as_str();
        for read in gathered.graphs {
            let Some(fields) = compare(&read.graph, &self.rules, code, &self.shown) else { continue };
            let sent = read.graph.affiliates.iter().find(|it| it.code.as_deref() == Some(code));
            return Ok(Some(Drift {
                code: code.to_owned(),
                address: sent.map(|it| it.address),
                fields: fields.iter().map(ToString::to_string).collect(),
                found_at: self.received_at,
            }));
        }
        Ok(None)
    }
}

/// A webhook that differs from what was sent.
pub struct UnconfirmedDrift {
    hint: Hint,
    addresses: Vec<Digest>,
}

impl UnconfirmedDrift {
    /// Compares again, and records the remaining differences.
    ///
    /// # Errors
    ///
    /// If the ledger is not available.
    pub async fn settle(self, ledger: &dyn Ledger) -> Result<(), LedgerError> {
        match self.hint.compare(ledger, &self.addresses).await? {
            Some(drift) => ledger.note_drift(self.hint.connection, &drift).await,
            None => Ok(()),
        }
    }
}
