//! Limits the concurrent requests of one operator, so that one account or script cannot use up the capacity of all others.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::http::StatusCode;
use parking_lot::Mutex;

use super::problem::Problem;

/// Requests of one operator that are carried out at the same time.
pub(super) const AT_ONCE: usize = 32;

/// How many requests each operator has under way in this process.
#[derive(Clone, Default)]
pub(super) struct Turns(Arc<Mutex<BTreeMap<String, usize>>>);

/// The place of one request, which is free again when this is dropped.
pub(super) struct Turn {
    turns: Turns,
    operator: String,
}

impl Turns {
    /// Takes a place.
    ///
    /// # Errors
    ///
    /// A problem with the status 429 if the operator has [`AT_ONCE`] requests under way.
    pub(super) fn take(&self, operator: &str) -> Result<Turn, Problem> {
        let mut under_way = self.0.lock();
        let own = under_way.entry(operator.to_owned()).or_default();
        if *own >= AT_ONCE {
            let detail = format!("{operator} has {AT_ONCE} requests under way, which is the limit");
            let (status, hint) = (StatusCode::TOO_MANY_REQUESTS, "send it again when one of them has ended");
            return Err(Problem::new(status, "too_many_requests", detail, hint));
        }
        *own += 1;
        Ok(Turn { turns: self.clone(), operator: operator.to_owned() })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut under_way = self.turns.0.lock();
        if let Some(own) = under_way.get_mut(&self.operator) {
            *own -= 1;
            if *own == 0 {
                under_way.remove(&self.operator);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::header::RETRY_AFTER;
    use axum::response::IntoResponse;

    use super::*;

    #[test]
    fn an_operator_is_limited_without_affecting_others() {
        let turns = Turns::default();
        let mut taken: Vec<Turn> = (0..AT_ONCE).filter_map(|_| turns.take("ann").ok()).collect();
        assert_eq!(taken.len(), AT_ONCE);
        let refused = turns.take("ann").err().map(IntoResponse::into_response).unwrap();
        assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(refused.headers()[RETRY_AFTER], "1");
        assert!(turns.take("bob").is_ok());
        drop(taken.pop());
        assert!(turns.take("ann").is_ok());
        taken.clear();
        assert!(turns.0.lock().is_empty(), "nothing is kept of those who have none");
    }
}
