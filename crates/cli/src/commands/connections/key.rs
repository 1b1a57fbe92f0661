//! Where secrets are read from. Never from an argument: those end up in the shell's history, and in the list of processes.

use std::io::{IsTerminal, Read};

use clap::Args;
use connections::api_key::MAX_API_KEY_BYTES;
use connections::shared_secret::MAX_SHARED_SECRET_BYTES;
use connections::{ApiKey, SharedSecret};
use zeroize::Zeroizing;

use service::API_KEY;
use service::Context;
use service::failure::Failure;

/// Where an API key comes from.
#[derive(Debug, Args)]
pub(super) struct KeyOptions {
    /// Read the API key (publickey.secretkey) from standard input
    #[arg(long)]
    pub(super) api_key_stdin: bool,
}

/// What becomes of the shared secret of a connection.
#[derive(Debug, Args)]
pub(super) struct SecretOptions {
    /// Read the shared secret of Segment's Webhooks from standard input
    #[arg(long, conflicts_with = "api_key_stdin")]
    pub(super) shared_secret_stdin: bool,
    /// Remove the shared secret, and accept unsigned requests
    #[arg(long, conflicts_with = "shared_secret_stdin")]
    pub(super) no_shared_secret: bool,
}

/// Reads the key: from standard input if that was asked for, else from the environment, else from a prompt.
pub(super) fn read(options: &KeyOptions, context: &Context) -> Result<ApiKey, Failure> {
    let text = match &context.api_key {
        // On a terminal the key would stand on the screen.
        _ if options.api_key_stdin && !std::io::stdin().is_terminal() => {
            from_stdin("api_key", MAX_API_KEY_BYTES)?
        }
        _ if options.api_key_stdin => from_prompt()?,
        Some(text) => text.clone(),
        None => from_prompt()?,
    };
    let key = ApiKey::parse(text.trim_end_matches(['\r', '\n'])).map_err(|error| {
        Failure::usage("api_key", error.to_string(), "Refersion shows both keys under Account, Settings, API")
    })?;
    if let Some(warning) = key.warning() {
        tracing::warn!("{warning}");
    }
    Ok(key)
}

/// Reads the shared secret: from standard input, on a terminal from a prompt that does not show it.
pub(super) fn read_shared_secret() -> Result<SharedSecret, Failure> {
    let hint = "it is the Shared Secret in the settings of Segment's Webhooks";
    read_secret("shared_secret", "Shared secret, as in Segment's settings: ", hint)
}

/// Reads the secret that Refersion signs webhooks with, in the same way.
pub(super) fn read_webhook_secret() -> Result<SharedSecret, Failure> {
    let hint = "it is the Webhook Signing Secret in Refersion's dashboard";
    read_secret("webhook_secret", "Webhook signing secret, as in Refersion's dashboard: ", hint)
}

fn read_secret(code: &'static str, prompt: &str, hint: &'static str) -> Result<SharedSecret, Failure> {
    let text = if std::io::stdin().is_terminal() {
        rpassword::prompt_password(prompt)
            .map(Zeroizing::new)
            .map_err(|error| Failure::failed(code, &error, "give it on standard input"))?
    } else {
        from_stdin(code, MAX_SHARED_SECRET_BYTES)?
    };
    SharedSecret::parse(text.trim_end_matches(['\r', '\n']))
        .map_err(|error| Failure::usage(code, error.to_string(), hint))
}

fn from_stdin(code: &'static str, longest: usize) -> Result<Zeroizing<String>, Failure> {
    let mut text = Zeroizing::new(String::new());
    // A little more than there may be, so that what is too long is refused and not cut.
    let limit = u64::try_from(longest).unwrap_or(u64::MAX).saturating_add(16);
    std::io::stdin()
        .take(limit)
        .read_to_string(&mut text)
        .map_err(|error| Failure::failed(code, &error, "give it as text on standard input"))?;
    Ok(text)
}

fn from_prompt() -> Result<Zeroizing<String>, Failure> {
    if !std::io::stdin().is_terminal() {
        let hint =
            format!("give it with --api-key-stdin, or in {API_KEY}; on a terminal you are asked for it");
        return Err(Failure::usage("api_key", "there is no API key", hint));
    }
    rpassword::prompt_password("API key (public key, dot, secret key): ")
        .map(Zeroizing::new)
        .map_err(|error| Failure::failed("api_key", &error, "give it with --api-key-stdin"))
}
