//! `operators`: the users of the HTTP API, and their roles.

use clap::{Args, Subcommand};
use connections::{ConnectionId, ConnectionName};
use jiff::Timestamp;
use ledger::{OperatorRole, OperatorView};
use serde::Serialize;

use service::Context;
use service::failure::{Exit, Failure};
use service::operator::directory::by_name;
use service::operator::operators::{self, OperatorName};
use service::operator::{Directory, audit};
use service::output::{Output, age, cut, spare, whole};

const EXAMPLES: &str = "\
Examples:
  refersion-destination operators add ann --role operator
  refersion-destination operators add shop-support --role viewer --connection shop
  refersion-destination operators list
  refersion-destination operators revoke ann

The token is printed once; only a digest of it is kept. A viewer reads, with personal data masked. An operator reads
personal data, which is audited, and acts. An admin also manages operators. docs/api.md shows how to use a token.";

/// The arguments of `operators`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, arg_required_else_help = true)]
pub struct Arguments {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Add an operator, and print its token
    #[command(after_help = EXAMPLES)]
    Add {
        /// Its name: up to 64 of the characters A-Z a-z 0-9 _ - . @
        name: OperatorName,
        /// Role: viewer, operator or admin
        #[arg(long, value_name = "ROLE")]
        role: OperatorRole,
        /// A connection that it may see; may be repeated [default: all]
        #[arg(long, value_name = "NAME")]
        connection: Vec<ConnectionName>,
    },
    /// List operators, the revoked ones too
    #[command(after_help = EXAMPLES)]
    List,
    /// End an operator's token at once
    #[command(after_help = EXAMPLES)]
    Revoke {
        /// Its name
        name: OperatorName,
    },
}

/// An operator. The names of its fields are fixed: scripts rely on them.
#[derive(Debug, Serialize)]
struct Row {
    name: String,
    role: OperatorRole,
    /// Names; null: all.
    connections: Option<Vec<String>>,
    created_at: Timestamp,
    last_used_at: Option<Timestamp>,
    revoked_at: Option<Timestamp>,
}

/// Carries out `operators`.
///
/// # Errors
///
/// [`Failure`] of the subcommand.
pub async fn run(arguments: Arguments, context: &mut Context) -> Result<Exit, Failure> {
    match arguments.act {
        Act::Add { name, role, connection } => add(&name, role, &connection, context).await?,
        Act::List => list(context).await?,
        Act::Revoke { name } => {
            let engines = context.engines().await?;
            operators::revoke(&engines, &audit::cli(), &name).await?;
            if context.output.is_json() {
                context.output.json(&serde_json::json!({ "name": name.to_string(), "revoked": true }))?;
            } else {
                context.output.line(&format!("revoked {name}: its token is refused from now on"))?;
            }
        }
    }
    Ok(Exit::Done)
}

async fn add(
    name: &OperatorName,
    role: OperatorRole,
    names: &[ConnectionName],
    context: &mut Context,
) -> Result<(), Failure> {
    let engines = context.engines().await?;
    let mut ids: Vec<ConnectionId> = Vec::new();
    for name in names {
        ids.push(by_name(&engines, name).await?.id);
    }
    let only = (!ids.is_empty()).then_some(ids);
    let token = operators::add(&engines, &audit::cli(), name, role, only).await?;
    if context.output.is_json() {
        let token = token.as_str();
        let added = serde_json::json!({ "name": name.to_string(), "role": role, "token": token });
        return context.output.json(&added);
    }
    context.output.line(&token)?;
    context.output.line(&format!("\nadded {name} ({role}); this token is not shown again"))
}

async fn list(context: &mut Context) -> Result<(), Failure> {
    let engines = context.engines().await?;
    let directory = Directory::read(&engines, None).await?;
    let all = engines.operators.operators().await?;
    let rows: Vec<Row> = all.into_iter().map(|view| row(view, &directory)).collect();
    if context.output.is_json() {
        return context.output.json(&rows);
    }
    table(&rows, engines.now(), &mut context.output)?;
    context.output.total(rows.len(), rows.len() as u64, "operators")
}

fn row(view: OperatorView, directory: &Directory) -> Row {
    let names = |ids: Vec<ConnectionId>| ids.into_iter().map(|id| directory.name(id)).collect();
    Row {
        name: view.name,
        role: view.role,
        connections: view.connections.map(names),
        created_at: view.created_at,
        last_used_at: view.last_used_at,
        revoked_at: view.revoked_at,
    }
}

fn table(rows: &[Row], now: Timestamp, output: &mut Output) -> Result<(), Failure> {
    let cells = |row: &Row| {
        let state = if row.revoked_at.is_some() { "revoked" } else { "active" };
        let connections = row.connections.as_ref().map_or_else(|| "all".to_owned(), |all| all.join(", "));
        let used = row.last_used_at.map_or_else(|| "never".to_owned(), |at| age(at, now));
        vec![
            row.name.clone(),
            row.role.to_string(),
            state.to_owned(),
            connections,
            used,
            age(row.created_at, now),
        ]
    };
    let head =
        [cut("NAME"), whole("ROLE"), whole("STATE"), cut("CONNECTIONS"), whole("LAST USED"), spare("ADDED")];
    output.table(&head, &rows.iter().map(cells).collect::<Vec<_>>())?;
    output.line("")
}
