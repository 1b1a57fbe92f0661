//! An index of email addresses that finds them by a part.
//!
//! A search for `ann@x.com` has to find `joann@x.com` and `ann@x.com.au` as well. So the key is the domain followed
//! by the reversed local part (`x.com@nna`): all matches in one domain are adjacent.

use std::collections::BTreeMap;
use std::ops::Bound;

/// The addresses of one account, compared ignoring case, each with the numeric id of its affiliate.
#[derive(Debug, Default)]
pub(crate) struct EmailIndex(BTreeMap<String, u64>);

impl EmailIndex {
    pub(crate) fn owner(&self, email: &str) -> Option<u64> {
        self.0.get(&key(email)).copied()
    }

    pub(crate) fn insert(&mut self, email: &str, id: u64) {
        self.0.insert(key(email), id);
    }

    pub(crate) fn remove(&mut self, email: &str) {
        self.0.remove(&key(email));
    }

    /// The numeric ids of all affiliates whose address contains `part`, ascending.
    pub(crate) fn containing(&self, part: &str) -> Vec<u64> {
        let part = part.to_lowercase();
        let mut ids = match part.split_once('@') {
            // An address has exactly one `@`.
            Some((_, domain)) if domain.contains('@') => Vec::new(),
            Some((local, domain)) => self.around_the_at(local, domain),
            None => self.scan(&part),
        };
        ids.sort_unstable();
        ids
    }

    /// Addresses whose local part ends in `local`, in every domain that begins with `domain`.
    fn around_the_at(&self, local: &str, domain: &str) -> Vec<u64> {
        let local: String = local.chars().rev().collect();
        let mut found = Vec::new();
        let mut from = domain.to_owned();
        while let Some(whole) = self.first_domain(&from).filter(|whole| whole.starts_with(domain)) {
            let prefix = format!("{whole}@{local}");
            found.extend(self.with_prefix(&prefix));
            // 'A' follows '@' and occurs in no lower-case key, so this is the first key after the domain.
            from = format!("{whole}A");
        }
        found
    }

    fn first_domain(&self, from: &str) -> Option<&str> {
        let (key, _) = self.from(from).next()?;
        key.split_once('@').map(|(domain, _)| domain)
    }

    fn with_prefix<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = u64> + 'a {
        self.from(prefix).take_while(move |(key, _)| key.starts_with(prefix)).map(|(_, id)| *id)
    }

    fn from(&self, from: &str) -> impl Iterator<Item = (&String, &u64)> {
        self.0.range::<str, _>((Bound::Included(from), Bound::Unbounded))
    }

    /// Addresses that contain a part without `@` in either half.
    fn scan(&self, part: &str) -> Vec<u64> {
        let reversed: String = part.chars().rev().collect();
        let contains = |key: &str| {
            key.split_once('@')
                .is_some_and(|(domain, local)| domain.contains(part) || local.contains(&reversed))
        };
        self.0.iter().filter(|(key, _)| contains(key)).map(|(_, id)| *id).collect()
    }
}

fn key(email: &str) -> String {
    let email = email.trim().to_lowercase();
    match email.split_once('@') {
        Some((local, domain)) => {
            let mut key = String::with_capacity(email.len());
            key.push_str(domain);
            key.push('@');
            key.extend(local.chars().rev());
            key
        }
        // Only valid addresses are in the index; anything else is not found.
        None => email,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::EmailIndex;

    fn index_of(addresses: &[&str]) -> EmailIndex {
        let mut emails = EmailIndex::default();
        for (id, address) in (0..).zip(addresses) {
            emails.insert(address, id);
        }
        emails
    }

    #[test]
    fn a_part_is_found_anywhere_in_an_address() {
        let emails = index_of(&["ann@x.com", "joann@x.com", "ann@x.com.au", "Bob@x-y.org", "ann@y.com"]);
        assert_eq!(emails.containing("ann@x.com"), [0, 1, 2]);
        assert_eq!(emails.containing("@X.COM"), [0, 1, 2]);
        assert_eq!(emails.containing("bob"), [3]);
        assert_eq!(emails.containing("nn@"), [0, 1, 2, 4]);
        assert_eq!(emails.containing(".com"), [0, 1, 2, 4]);
        assert!(emails.containing("a@n@x").is_empty());
    }

    proptest! {
        #[test]
        fn the_index_finds_what_a_naive_search_finds(
            addresses in prop::collection::btree_set("[ab.]{1,4}@[ab.-]{1,4}", 0..40),
            part in "[ab.]{0,3}@?[ab.]{0,3}",
        ) {
            let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
            let naive: Vec<u64> =
                (0..).zip(&addresses).filter(|(_, address)| address.contains(&part)).map(|(id, _)| id).collect();
            prop_assert_eq!(index_of(&addresses).containing(&part), naive);
        }
    }
}
