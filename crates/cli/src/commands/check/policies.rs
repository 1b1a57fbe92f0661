//! Policies that let the broker throw accepted events away.

use std::collections::BTreeMap;

use queue::rabbitmq::LossyPolicy;

use super::Finding;
use service::config::{Queue, QueueUrl};
use service::engines::queue_engine;

const NAME: &str = "queue, policies";

/// The findings; empty without a broker.
pub(super) async fn look(settings: &Queue) -> Vec<Finding> {
    if matches!(settings.url, QueueUrl::Sqlite(_)) {
        return Vec::new();
    }
    match queue_engine::lossy_policies(settings).await {
        Ok(Some((_, lossy))) if lossy.is_empty() => {
            vec![Finding::ok(NAME, "no policy makes the broker throw events away")]
        }
        Ok(Some((host, lossy))) => findings(&host, &settings.prefix, &lossy),
        Ok(None) => {
            let hint = "set queue.management_url: policies with message-ttl, expires or drop-head make the broker throw \
                        accepted events away";
            vec![Finding::note(NAME, "not known, because queue.management_url is not set", hint)]
        }
        Err(error) => vec![Finding::failed(NAME, &error)],
    }
}

/// A finding for each policy and key, with the queues that it applies to.
fn findings(host: &str, prefix: &str, lossy: &[LossyPolicy]) -> Vec<Finding> {
    let mut queues: BTreeMap<_, Vec<&str>> = BTreeMap::new();
    for it in lossy {
        let key = (&it.policy, &it.operator_policy, &it.key, &it.value, it.does);
        queues.entry(key).or_default().push(&it.queue);
    }
    let finding = |((policy, operator_policy, key, value, does), queues): (
        (&Option<String>, _, _, _, _),
        Vec<&str>,
    )| {
        let operator_policy: &Option<String> = operator_policy;
        let names = [("policy", policy), ("operator policy", operator_policy)];
        let named = names.iter().filter_map(|(kind, name)| Some(format!("{kind} `{}`", name.as_ref()?)));
        let named = named.collect::<Vec<_>>().join(" or ");
        let found = format!("{named} sets {key} = {value} for {}: the broker {does}", queues.join(", "));
        let commands = [("clear_policy", policy), ("clear_operator_policy", operator_policy)];
        let clear = commands.iter().filter_map(|(command, name)| {
            Some(format!("`rabbitmqctl {command} -p {host} {}`", name.as_ref()?))
        });
        let clear = clear.collect::<Vec<_>>().join(" or ");
        let hint = format!(
            "remove {key} from the policy, change its pattern so that it does not match {prefix}.*, or clear it: {clear}"
        );
        Finding::bad(NAME, found, hint)
    };
    queues.into_iter().map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_named_once_with_its_queues_and_how_it_is_cleared() {
        let lossy = |queue: &str, operator: Option<&str>| LossyPolicy {
            queue: queue.to_owned(),
            policy: operator.is_none().then(|| "ttl".to_owned()),
            operator_policy: operator.map(str::to_owned),
            key: "message-ttl".to_owned(),
            value: "1000".to_owned(),
            does: "throws events away",
        };
        let found = findings("/", "segment", &[lossy("segment.live", None), lossy("segment.bulk", None)]);
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].found,
            "policy `ttl` sets message-ttl = 1000 for segment.live, segment.bulk: the broker throws events away"
        );
        assert!(found[0].hint.as_ref().unwrap().contains("`rabbitmqctl clear_policy -p / ttl`"), "{found:?}");
        let found = findings("/", "segment", &[lossy("segment.live", Some("limits"))]);
        assert!(found[0].found.starts_with("operator policy `limits` sets"), "{found:?}");
        assert!(found[0].hint.as_ref().unwrap().contains("clear_operator_policy -p / limits"), "{found:?}");
    }
}
