//! The accounts and their key pairs.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use crate::account::{Account, Config, ExistingAffiliate};
use crate::calls::AccountCalls;
use crate::options::Options;
use crate::state::{LastEdit, State};
use crate::traffic::Traffic;

/// Maximum number of accounts that are opened at first use; further key pairs are refused.
const MAX_ACCOUNTS: usize = 10_000;
/// Maximum length of each half of a key pair, in bytes; Refersion's own have 24.
const MAX_KEY_BYTES: usize = 255;

/// An account with its secret key and its traffic.
pub(crate) struct Tenant {
    /// `None` until the first call, if the account was opened without its secret key.
    secret_key: Option<String>,
    pub(crate) account: Account,
    pub(crate) traffic: Traffic,
}

/// All accounts. They share nothing.
pub(crate) struct Accounts {
    seed: u64,
    /// Number of affiliates that a new account has.
    affiliates: u32,
    config: Config,
    opens_at_first_use: bool,
    /// Public keys of the accounts that send webhooks.
    announcing: BTreeSet<String>,
    tenants: Vec<Tenant>,
    by_public_key: HashMap<String, usize>,
}

impl Accounts {
    pub(crate) fn new(options: &Options) -> Self {
        let mut accounts = Self {
            seed: options.seed,
            affiliates: options.affiliates,
            config: Config::new(options),
            opens_at_first_use: options.accounts.is_empty(),
            announcing: options.webhooks.keys().cloned().collect(),
            tenants: Vec::new(),
            by_public_key: HashMap::new(),
        };
        for (public_key, secret_key) in &options.accounts {
            // If a public key is listed twice, the last secret key is valid.
            let known = accounts.by_public_key.get(public_key).copied();
            let index = known.unwrap_or_else(|| accounts.add(public_key));
            accounts.tenants[index].secret_key = Some(secret_key.clone());
        }
        accounts
    }

    /// The account of a key pair, after counting the call; `None` if the keys are refused.
    pub(crate) fn authenticate(
        &mut self,
        now: Duration,
        public_key: &str,
        secret_key: &str,
    ) -> Option<&mut Tenant> {
        let index = self.by_public_key.get(public_key).copied();
        let index = index.or_else(|| self.open(public_key, secret_key))?;
        let tenant = &mut self.tenants[index];
        if tenant.secret_key.get_or_insert_with(|| secret_key.to_owned()) != secret_key {
            return None;
        }
        tenant.traffic.record_call(now);
        Some(tenant)
    }

    fn open(&mut self, public_key: &str, secret_key: &str) -> Option<usize> {
        let may_open = self.opens_at_first_use && self.tenants.len() < MAX_ACCOUNTS;
        (may_open && is_well_formed(public_key) && is_well_formed(secret_key)).then(|| self.add(public_key))
    }

    fn add(&mut self, public_key: &str) -> usize {
        let index = self.tenants.len();
        let mut account = Account::new(public_key, self.seed);
        // They are older than the webhooks, which report later changes only.
        for number in 1..=self.affiliates {
            account.add_existing(ExistingAffiliate::numbered(number), &self.config);
        }
        if self.announcing.contains(public_key) {
            account.announce();
        }
        self.tenants.push(Tenant { secret_key: None, account, traffic: Traffic::default() });
        self.by_public_key.insert(public_key.to_owned(), index);
        index
    }

    pub(crate) fn get(&self, public_key: &str) -> Option<&Account> {
        self.by_public_key.get(public_key).map(|index| &self.tenants[*index].account)
    }

    /// The account of a public key. Opens it without its secret key, if accounts are opened at first use.
    pub(crate) fn get_or_open(&mut self, public_key: &str) -> Option<&mut Account> {
        let index = match self.by_public_key.get(public_key) {
            Some(index) => *index,
            None if self.opens_at_first_use => self.add(public_key),
            None => return None,
        };
        Some(&mut self.tenants[index].account)
    }

    /// From now on, the account sends webhooks, if it exists or is opened.
    pub(crate) fn announce(&mut self, public_key: &str) {
        self.announcing.insert(public_key.to_owned());
        if let Some(index) = self.by_public_key.get(public_key) {
            self.tenants[*index].account.announce();
        }
    }

    /// The account of a public key, if it is there.
    pub(crate) fn get_mut(&mut self, public_key: &str) -> Option<&mut Account> {
        self.by_public_key.get(public_key).map(|index| &mut self.tenants[*index].account)
    }

    pub(crate) fn state(&self) -> State {
        State { accounts: self.tenants.iter().map(|tenant| tenant.account.state()).collect() }
    }

    pub(crate) fn last_edits(&self) -> Vec<LastEdit> {
        self.tenants.iter().flat_map(|tenant| tenant.account.last_edits()).collect()
    }

    pub(crate) fn calls(&self) -> Vec<AccountCalls> {
        let calls = |Tenant { account, traffic, .. }: &Tenant| AccountCalls {
            public_key: account.public_key.clone(),
            calls: traffic.calls,
            max_in_10s: traffic.max_in_10s,
            before_retry_after: traffic.before_retry_after,
            effects: account.effects,
        };
        self.tenants.iter().map(calls).collect()
    }
}

fn is_well_formed(key: &str) -> bool {
    !key.is_empty() && key.len() <= MAX_KEY_BYTES && key.bytes().all(|byte| byte.is_ascii_graphic())
}

impl Config {
    pub(crate) fn new(options: &Options) -> Self {
        Self { switches: options.switches.clone(), custom_fields: options.custom_fields.clone() }
    }
}
