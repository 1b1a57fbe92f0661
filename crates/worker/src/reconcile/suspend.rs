//! Suspended custom fields: a field that Refersion refuses for everybody is left out, and everything else is sent.

use std::collections::BTreeMap;

use connections::{Conflict, Settings, StoreError};
use identity::Text;
use identity::difference::desired;
use identity::eligibility::Rules;
use identity::graph::Graph;
use identity::plan::Analysis;
use jiff::SignedDuration;
use refersion::{AffiliateId, Edit};
use tracing::{info, warn};

use super::Holder;
use crate::off_thread::off_thread;
use crate::rules::{ConnectionCache, rules};

/// The first wait before a suspended field is probed; it doubles.
const FIRST_PROBE: SignedDuration = SignedDuration::from_secs(60);
/// The longest wait between probes.
const LAST_PROBE: SignedDuration = SignedDuration::from_hours(1);
/// Graphs that are read at once to find one with the field.
const STEP: usize = 200;
/// Maximum number of such reads for one probe.
const STEPS: usize = 50;

/// The content of a probe: one person's value, for their own affiliate.
struct Sample {
    affiliate: u64,
    text: Text,
}

impl Holder {
    /// Suspends a custom field. The change of settings reaches every worker, and a walk settles all persons again.
    pub(super) async fn suspend(
        &mut self,
        field: u64,
        why: &str,
        cache: &mut ConnectionCache,
    ) -> anyhow::Result<()> {
        self.forget_failures();
        // An operator may have taken the field out of the mapping while the calls were under way.
        if !self.connection.settings.custom_fields.values().any(|mapped| *mapped == field) {
            return Ok(());
        }
        let (connection, id) = (&self.connection.name, self.connection.id);
        warn!(%connection, connection_id = id, field, "refersion refuses a custom field: it is suspended");
        self.field_probes = (0, None);
        let now = self.worker.now();
        self.change_settings(cache, |settings| {
            settings.suspend(field, why, now);
        })
        .await
    }

    /// Probes the suspended fields when it is time. One that is accepted is sent again.
    pub(super) async fn probe_suspended(&mut self, cache: &mut ConnectionCache) -> anyhow::Result<()> {
        if self.connection.settings.suspended_fields.is_empty() {
            return Ok(());
        }
        let now = self.worker.now();
        let (tried, at) = self.field_probes;
        let Some(at) = at else {
            self.field_probes = (tried, now.checked_add(FIRST_PROBE).ok());
            return Ok(());
        };
        if now < at || self.room() == 0 {
            return Ok(());
        }
        let mut accepted = Vec::new();
        for field in self.connection.settings.suspended_fields.keys() {
            if self.beating(self.is_accepted(*field)).await? {
                accepted.push(*field);
            }
        }
        let wait = FIRST_PROBE.saturating_mul(1 << tried.min(6)).min(LAST_PROBE);
        self.field_probes = (tried + 1, now.checked_add(wait).ok());
        if accepted.is_empty() {
            return Ok(());
        }
        let (connection, id) = (&self.connection.name, self.connection.id);
        info!(%connection, connection_id = id, fields = ?accepted, "custom fields are accepted again");
        self.field_probes = (0, None);
        self.change_settings(cache, |settings| {
            settings.end_suspensions(|field| accepted.contains(&field));
        })
        .await
    }

    async fn is_accepted(&self, field: u64) -> anyhow::Result<bool> {
        let Some(Sample { affiliate, text }) = self.sample(field).await? else { return Ok(false) };
        let custom_fields = BTreeMap::from([(field, text.to_string())]);
        let edit = Edit { id: AffiliateId(affiliate), fields: BTreeMap::new(), custom_fields };
        let answer = self.api().await?.client.edit(&[edit]).await;
        Ok(answer.is_ok_and(|batch| batch.not_changed.is_empty()))
    }

    /// A value of the field that some affiliate should have. Affiliates with a call under way are left out.
    async fn sample(&self, field: u64) -> anyhow::Result<Option<Sample>> {
        let name = format!("custom:{field}");
        let rules = Rules { suspended: Vec::new(), ..rules(&self.connection.settings) };
        let mut after = 0;
        for _ in 0..STEPS {
            let rows = self.worker.ledger.walk(self.connection.id, after, STEP).await?;
            let Some(last) = rows.last() else { return Ok(None) };
            after = last.row.id;
            let mut idle = rows.iter().filter(|row| !self.in_flight.graphs.contains(&row.row.id));
            if let Some(sample) = off_thread(|| idle.find_map(|row| sample_of(&row.graph, &rules, &name))) {
                return Ok(Some(sample));
            }
        }
        Ok(None)
    }

    /// Changes the settings, unless another process does at the same moment; then the caller finds the reason again later.
    async fn change_settings(
        &mut self,
        cache: &mut ConnectionCache,
        change: impl FnOnce(&mut Settings),
    ) -> anyhow::Result<()> {
        let mut settings = self.connection.settings.clone();
        change(&mut settings);
        let seen = self.connection.settings_version;
        match self.worker.connections.set_settings(self.connection.id, seen, &settings).await {
            Ok(_) | Err(StoreError::Conflict(Conflict::SettingsChanged)) => {
                cache.forget();
                Ok(())
            }
            Err(other) => Err(other.into()),
        }
    }
}

/// The first person of a graph that has an affiliate and a value for the field.
fn sample_of(graph: &Graph, rules: &Rules, field: &str) -> Option<Sample> {
    let analysis = Analysis::of(graph, rules);
    analysis.resolution.persons.iter().find_map(|person| {
        let affiliate = analysis.resolution.bound(graph, person).filter(|it| !it.gone)?.id?;
        let text = desired(person, rules).fields.get(field).map(|text| Text::from(*text))?;
        Some(Sample { affiliate, text })
    })
}
