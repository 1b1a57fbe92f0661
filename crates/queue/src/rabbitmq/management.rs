//! Asks the broker's management API which policies apply to our queues: AMQP does not show them.
//!
//! `GET /api/queues/VHOST/NAME` returns the names of the policy and of the operator policy, and the definition that results
//! from both. <https://www.rabbitmq.com/docs/http-api-reference>

use std::time::Duration;

use lapin::uri::AMQPUri;
use reqwest::{Certificate, Client, StatusCode, Url};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::topology::{QueueName, Source, Topology};
use super::{Options, RabbitError};

/// How long one answer may take.
const ANSWER_TIME: Duration = Duration::from_secs(10);

/// Maximum length of an answer that is read, in bytes. One about a busy queue has about 10 KB.
const ANSWER_BYTES: usize = 1024 * 1024;

/// A policy that lets one of our queues throw events away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LossyPolicy {
    /// The queue.
    pub queue: String,
    /// The policy that applies to it, if there is one.
    pub policy: Option<String>,
    /// The operator policy that applies to it, if there is one. The API does not show which of the two defines the key.
    pub operator_policy: Option<String>,
    /// The key that is defined, such as `message-ttl`.
    pub key: String,
    /// Its value, as JSON.
    pub value: String,
    /// The broker's action, as the end of a sentence about it.
    pub does: &'static str,
}

/// The parts of an answer about a queue that we read.
#[derive(Deserialize)]
struct Answer {
    policy: Option<String>,
    operator_policy: Option<String>,
    /// An object; an empty list if nothing is defined.
    #[serde(default)]
    effective_policy_definition: Value,
}

/// Reads the policies of all our queues, and returns those that lose events. A queue that does not exist yet has none.
///
/// # Errors
/// [`RabbitError::Management`] if the API does not answer as it should, [`RabbitError::Configuration`] if a URL is wrong.
pub async fn lossy_policies(
    management_url: &str,
    urls: &[String],
    options: &Options,
) -> Result<Vec<LossyPolicy>, RabbitError> {
    let api = Api::new(management_url, urls, options)?;
    let mut lossy = Vec::new();
    for queue in &Topology::new(options)?.queues {
        if let Some(answer) = api.queue(&queue.name).await? {
            lossy.extend(judge(queue, answer));
        }
    }
    Ok(lossy)
}

/// The virtual host of the queues, as the URL of a node names it.
///
/// # Errors
/// [`RabbitError::Configuration`] if there is no URL, or it is wrong.
pub fn virtual_host(urls: &[String]) -> Result<String, RabbitError> {
    Ok(node(urls)?.vhost)
}

fn node(urls: &[String]) -> Result<AMQPUri, RabbitError> {
    let wrong = || RabbitError::Configuration { what: "the queue needs the URL of a broker".to_owned() };
    urls.first().and_then(|url| url.parse().ok()).ok_or_else(wrong)
}

struct Api {
    client: Client,
    /// With user and password; it is shown nowhere.
    url: Url,
    virtual_host: String,
}

impl Api {
    /// A URL without a user has that of the queue.
    fn new(management_url: &str, urls: &[String], options: &Options) -> Result<Self, RabbitError> {
        let wrong = || RabbitError::Configuration {
            what: "the URL of the management API must look like https://user:password@host:15671".to_owned(),
        };
        let node = node(urls)?;
        let mut url = Url::parse(management_url).map_err(|_| wrong())?;
        if url.username().is_empty() {
            let user = &node.authority.userinfo;
            url.set_username(&user.username).map_err(|()| wrong())?;
            url.set_password(Some(&user.password)).map_err(|()| wrong())?;
        }
        if rustls::crypto::ring::default_provider().install_default().is_err() {
            tracing::debug!("the process has a crypto provider already; it is kept");
        }
        let client =
            Client::builder().timeout(ANSWER_TIME).redirect(reqwest::redirect::Policy::none()).no_proxy();
        let authorities = options.ca_pem.as_deref().map(|pem| Certificate::from_pem_bundle(pem.as_bytes()));
        let authorities = authorities.transpose().map_err(failed)?.unwrap_or_default();
        let client = client.tls_certs_merge(authorities).build().map_err(failed)?;
        Ok(Self { client, url, virtual_host: node.vhost })
    }

    /// The answer about a queue; `None` if there is none of that name.
    async fn queue(&self, name: &str) -> Result<Option<Answer>, RabbitError> {
        let mut url = self.url.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(["api", "queues", &self.virtual_host, name]);
        }
        let mut response = self.client.get(url).send().await.map_err(failed)?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(None),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                let why = "it refuses the user: give one with the tag `monitoring` in queue.management_url";
                return Err(RabbitError::Management { why: why.to_owned() });
            }
            status => return Err(RabbitError::Management { why: format!("it answers {status}") }),
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            body.extend_from_slice(&chunk);
            if body.len() > ANSWER_BYTES {
                return Err(RabbitError::Management { why: "its answer is too long".to_owned() });
            }
        }
        let answer = serde_json::from_slice(&body);
        let answer = answer.map_err(|_| RabbitError::Management {
            why: "its answer is not that of RabbitMQ: is it the address of the management API?".to_owned(),
        })?;
        Ok(Some(answer))
    }
}

/// The error without the URL, which contains a password.
fn failed(error: reqwest::Error) -> RabbitError {
    let error = error.without_url();
    let mut why = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        why = format!("{why}: {error}");
        cause = error.source();
    }
    RabbitError::Management { why }
}

fn judge(queue: &QueueName, answer: Answer) -> Vec<LossyPolicy> {
    let definition = match answer.effective_policy_definition {
        Value::Object(definition) => definition,
        _ => Map::new(),
    };
    let name = |name: &Option<String>| name.clone().filter(|name| !name.is_empty());
    let lossy = definition.into_iter().filter_map(|(key, value)| {
        let does = harm(queue.source, &key, &value)?;
        Some(LossyPolicy {
            queue: queue.name.clone(),
            policy: name(&answer.policy),
            operator_policy: name(&answer.operator_policy),
            value: value.to_string(),
            key,
            does,
        })
    });
    lossy.collect()
}

/// The effect on the events of a queue for which this is defined, if it loses any. The destination of dead letters is
/// always that of the queue's own arguments; on `overflow` the policy wins (seen on 3.10.8).
/// <https://www.rabbitmq.com/docs/policies#priorities>
fn harm(source: Source, key: &str, value: &Value) -> Option<&'static str> {
    match key {
        "message-ttl" => Some("throws away events that wait longer than its number of milliseconds"),
        "expires" => {
            Some("deletes a queue that no process has used for its number of milliseconds, with its events")
        }
        "overflow" if value != "reject-publish" => Some("throws away the oldest events of a full queue"),
        // Messages of the poison queue have nowhere else to go.
        "delivery-limit" if source == Source::Poison => {
            Some("throws away poison messages that were delivered that often")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Lane;

    fn judged(source: Source, answer: &str) -> Vec<(String, String, Option<String>)> {
        let queue = QueueName { source, name: "segment.x".to_owned(), key: "x".to_owned() };
        let lossy = judge(&queue, serde_json::from_str(answer).unwrap());
        lossy.into_iter().map(|it| (it.key, it.value, it.policy)).collect()
    }

    #[test]
    fn only_policies_that_lose_events_are_named() {
        let live = Source::Lane(Lane::Live);
        let none = r#"{"policy":null,"operator_policy":"","effective_policy_definition":[]}"#;
        assert_eq!(judged(live, none), []);
        assert_eq!(judged(live, "{}"), [], "a classic answer of an old version");
        let harmless = r#"{"policy":"ha","effective_policy_definition":{"queue-leader-locator":"balanced",
            "max-length":10,"overflow":"reject-publish","delivery-limit":3}}"#;
        assert_eq!(judged(live, harmless), []);
        assert_eq!(judged(Source::Poison, harmless).len(), 1, "poison has nowhere else to go");
        let bad = r#"{"policy":"p","operator_policy":"o","effective_policy_definition":{"expires":1800000,
            "message-ttl":1000,"overflow":"drop-head"}}"#;
        let found = judged(live, bad);
        let keys: Vec<_> = found.iter().map(|(key, value, _)| (key.as_str(), value.as_str())).collect();
        assert_eq!(keys, [("expires", "1800000"), ("message-ttl", "1000"), ("overflow", "\"drop-head\"")]);
        assert!(found.iter().all(|(.., policy)| policy.as_deref() == Some("p")));
    }

    #[test]
    fn a_url_without_a_user_gets_the_user_of_the_queue() {
        let urls = ["amqp://ann:p%40ss@host/shop".to_owned()];
        let api = |url: &str| Api::new(url, &urls, &Options::default()).unwrap();
        let url = api("http://host:15672/").url;
        assert_eq!((url.username(), url.password()), ("ann", Some("p%40ss")));
        assert_eq!(api("http://bob:x@host:15672").url.username(), "bob");
        assert_eq!(api("http://host:15672").virtual_host, "shop");
    }
}
