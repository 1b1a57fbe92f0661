//! Audiences as metrics. Sources name them, so that only the largest have a label of their own.

use std::collections::BTreeMap;

use prometheus::proto::MetricFamily;

use super::family::{Family, number};
use super::snapshot::AudienceFigures;

/// Upper limit of audiences with a label of their own.
const LABELLED: usize = 100;

/// Label of the other audiences of a connection.
const OTHERS: &str = "(others)";

/// The persons of each audience by state. `name` returns the name of a connection by its id.
pub(super) fn family<'n>(
    audiences: &[AudienceFigures],
    name: impl Fn(&str) -> &'n str,
) -> Option<MetricFamily> {
    let family = Family::gauge(
        "audience_persons",
        "Persons by audience: members, and those of them that are affiliates or whose membership Refersion holds; former \
         members; and, of both, delivered, waiting and refused. Smaller audiences are counted together.",
        ["connection", "name", "audience", "what"],
    );
    let mut largest: Vec<&AudienceFigures> = audiences.iter().collect();
    largest.sort_by_key(|it| std::cmp::Reverse(it.members()));
    let mut persons: BTreeMap<(i64, &str, &str), u64> = BTreeMap::new();
    for (place, it) in largest.into_iter().enumerate() {
        let label = if place < LABELLED { it.name.as_str() } else { OTHERS };
        for (what, figure) in &it.persons {
            *persons.entry((it.connection, label, what)).or_default() += figure;
        }
    }
    let with = |family: Family<4>, ((connection, audience, what), figure): ((i64, &str, &str), u64)| {
        let id = connection.to_string();
        family.with([&id, name(&id), audience, what], number(figure))
    };
    persons.into_iter().fold(family, with).finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_largest_audiences_have_a_label() {
        let figures = |nth: u64| AudienceFigures {
            connection: 1,
            name: format!("audience {nth}"),
            persons: vec![("members", nth)],
        };
        let all: Vec<AudienceFigures> = (0..150).map(figures).collect();
        let family = family(&all, |_| "shop").expect("there are audiences");
        assert_eq!(family.get_metric().len(), LABELLED + 1);
        let sum: f64 = family.get_metric().iter().map(|it| it.get_gauge().get_value()).sum();
        assert!((sum - f64::from(149 * 150 / 2)).abs() < 0.1);
    }
}
