//! The body of `/affiliate/new`, which has other fields than `edit`, and strings instead of booleans and numbers.

use serde_json::Value;

use super::call::Call;
use super::{Client, fields_object, read};
use crate::classify::Problem;
use crate::{Created, NewAffiliate, Operation, Secret, Status};

impl Client {
    pub(super) async fn create_once(
        &self,
        new: &NewAffiliate,
        merchant_id: Option<&str>,
    ) -> Result<Created, Problem> {
        let password = password();
        let call = Call::new(Operation::New, 1, &body(new, merchant_id, &password)).with_password(&password);
        self.call(call, read::created).await
    }
}

/// A password for a new affiliate, who sets another one through the password reset.
#[expect(clippy::disallowed_methods, reason = "nothing that a test repeats depends on a password")]
fn password() -> Secret {
    crate::password::generate(&mut rand::rng())
}

fn body(new: &NewAffiliate, merchant_id: Option<&str>, password: &Secret) -> Value {
    // An empty value means nothing in a create, and the API may refuse it where it expects an address or a code.
    let mut object = fields_object(new.fields.iter().filter(|(_, value)| !value.is_empty()));
    let mut put = |key: &str, text: String| object.insert(key.to_owned(), Value::String(text));
    put("password", password.expose().to_owned());
    put("status", Status::from(new.status).name().to_owned());
    put("send_welcome", if new.send_welcome { "TRUE" } else { "FALSE" }.to_owned());
    if let Some(offer) = new.offer {
        put("offer", offer.to_string());
    }
    if let Some(merchant_id) = merchant_id {
        put("unique_merchant_id", merchant_id.to_owned());
    }
    Value::Object(object)
}
