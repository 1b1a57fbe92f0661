//! Reads secrets. Never from an argument: arguments end up in the shell's history, and in the list of processes.

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

/// The change of a connection's shared secret.
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

/// A secret that is read, in the words of its prompt and of its errors.
struct Asked {
    code: &'static str,
    /// The secret, with the option or the command that asked for it.
    what: &'static str,
    prompt: &'static str,
    hint: &'static str,
}

const SHARED_SECRET: Asked = Asked {
    code: "shared_secret",
    what: "the shared secret (--shared-secret-stdin)",
    prompt: "Shared secret, as in Segment's settings: ",
    hint: "it is the Shared Secret in the settings of Segment's Webhooks",
};

const WEBHOOK_SECRET: Asked = Asked {
    code: "webhook_secret",
    what: "the webhook signing secret (set-webhook-secret)",
    prompt: "Webhook signing secret, as in Refersion's dashboard: ",
    hint: "it is the Webhook Signing Secret in Refersion's dashboard",
};

/// Reads the shared secret: from standard input, on a terminal from a prompt that does not show it.
pub(super) fn read_shared_secret() -> Result<SharedSecret, Failure> {
    read_secret(&SHARED_SECRET)
}

/// Reads the secret that Refersion signs webhooks with, in the same way.
pub(super) fn read_webhook_secret() -> Result<SharedSecret, Failure> {
    read_secret(&WEBHOOK_SECRET)
}

fn read_secret(asked: &Asked) -> Result<SharedSecret, Failure> {
    let text = if std::io::stdin().is_terminal() {
        rpassword::prompt_password(asked.prompt)
            .map(Zeroizing::new)
            .map_err(|error| Failure::failed(asked.code, &error, "give it on standard input"))?
    } else {
        from_stdin(asked.code, MAX_SHARED_SECRET_BYTES)?
    };
    SharedSecret::parse(text.trim_end_matches(['\r', '\n'])).map_err(|error| {
        Failure::usage(asked.code, format!("{} cannot be used: {error}", asked.what), asked.hint)
    })
}

fn from_stdin(code: &'static str, longest: usize) -> Result<Zeroizing<String>, Failure> {
    let mut text = Zeroizing::new(String::new());
    // A little more than the longest key, so that a text that is too long is refused and not cut.
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
