//! Runs a command with a private RabbitMQ and a private Postgres, and stops both when it ends.
//!
//! `cargo run -p testbed --example servers -- COMMAND [ARGUMENT…]`
//!
//! The command gets their URLs in the program's own environment variables: `REFERSION_DESTINATION__QUEUE__URL`,
//! `…__LEDGER__URL` and `…__SECRETS__KEY`. Confirmed and committed data is on the disk, as in production.

#![expect(clippy::disallowed_methods, reason = "a program reads its arguments")]

use std::error::Error;
use std::process::{Command, ExitCode};

use testbed::postgres::Server;
use testbed::rabbitmq::Broker;

/// A key of 32 bytes in base64. It protects nothing: the database is removed when the command ends.
const MASTER_KEY: &str = "dGhlIGtleSBvZiBhIHRyaWFsIGlzIG5vIHNlY3JldCE=";

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let program = arguments.next().ok_or("the first argument is the command to run")?;
    let broker = Broker::start()?;
    let database = Server::start(&["fsync=on", "synchronous_commit=on"])?;
    let status = Command::new(program)
        .args(arguments)
        .env("REFERSION_DESTINATION__QUEUE__URL", broker.url())
        .env("REFERSION_DESTINATION__LEDGER__URL", database.fresh_database()?)
        .env("REFERSION_DESTINATION__SECRETS__KEY", MASTER_KEY)
        .status()?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}
