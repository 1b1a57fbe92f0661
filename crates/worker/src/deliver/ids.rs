//! Numeric ids of new affiliates: an id that another known affiliate has is never accepted.

use async_trait::async_trait;
use refersion::{Class, Created, Failure, LookupBy, Operation};

use super::Api;

/// Knows which numeric id belongs to which affiliate code.
#[async_trait]
pub trait KnownIds: Send + Sync {
    /// Whether the id may belong to the affiliate with this code. After that it belongs to no other one.
    async fn takes(&self, id: u64, code: &str) -> bool;
}

/// The numeric id of an affiliate that was just created: from the answer of the create, else by a `get` of its code.
///
/// # Errors
///
/// The failure of the `get`, if it failed; `None` if Refersion does not show the affiliate yet.
pub(super) async fn id_of(api: &Api, created: &Created) -> Result<u64, Option<Failure>> {
    let code = created.code.to_string();
    if let Some(id) = created.id
        && api.ids.takes(id.0, &code).await
    {
        return Ok(id.0);
    }
    match api.client.get(LookupBy::Code(created.code.clone())).await {
        Ok(Some(shown)) if api.ids.takes(shown.id.0, &code).await => Ok(shown.id.0),
        Ok(Some(_)) => Err(Some(of_another())),
        Ok(None) => Err(None),
        Err(failure) => Err(Some(failure)),
    }
}

fn of_another() -> Failure {
    Failure {
        class: Class::Request,
        operation: Operation::Get,
        http_status: Some(200),
        message: "refersion shows the numeric id of another affiliate under the code of a new one".to_owned(),
        retry_after: None,
    }
}
