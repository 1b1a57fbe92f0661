//! From arguments and environment to an exit code.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use zeroize::Zeroizing;

use crate::cli::Cli;
use crate::commands;
use service::failure::{Exit, Failure};
use service::output::Output;
use service::{API_KEY, Context, config, logs};

/// The variable that asks for output without colours.
const NO_COLOR: &str = "NO_COLOR";

/// The variable with the width of the terminal.
const COLUMNS: &str = "COLUMNS";

/// Runs the command that `arguments` name. Reports a failure on standard error.
///
/// It takes no iterators: a generic function, and everything that it awaits, would be compiled again for the binary.
#[must_use]
pub fn run(arguments: Vec<OsString>, variables: Vec<(OsString, OsString)>) -> ExitCode {
    // The raw arguments are asked, because an error in the arguments has to be printed as JSON too.
    let json = arguments.iter().any(|argument| argument == "--json");
    let exit = match parse(arguments) {
        Ok(cli) => execute(cli, &variables).unwrap_or_else(|failure| report(&failure, json)),
        Err(error) => refuse(&error, json),
    };
    logs::flush();
    ExitCode::from(exit as u8)
}

fn parse(arguments: Vec<OsString>) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(arguments)
}

fn execute(cli: Cli, variables: &[(OsString, OsString)]) -> Result<Exit, Failure> {
    let api_key = api_key(variables);
    let loaded = config::load(cli.config.as_deref(), variables.iter().cloned())?;
    // For a script, a command that ends by itself prints exactly one JSON object to standard error.
    if cli.command.goes_on() || !cli.json {
        logs::start(&cli.command.log(&loaded), !is_set(variables, NO_COLOR));
    }
    let runtime = tokio::runtime::Runtime::new().map_err(|error| {
        Failure::failed("runtime", &error, "the system is short of threads or file handles")
    })?;
    let output = Output::to_stdout(cli.json, columns(variables));
    let output = if cli.wide { output.with_width(None) } else { output };
    let mut context = Context { loaded, output, api_key };
    runtime.block_on(commands::run(cli.command, &mut context))
}

/// The API key in the environment: for scripts that have no file to read it from.
fn api_key(variables: &[(OsString, OsString)]) -> Option<Zeroizing<String>> {
    let (_, value) = variables.iter().find(|(name, _)| name == API_KEY)?;
    value.to_str().filter(|text| !text.is_empty()).map(|text| Zeroizing::new(text.to_owned()))
}

/// Whether a variable has any value. <https://no-color.org>
fn is_set(variables: &[(OsString, OsString)], name: &str) -> bool {
    variables.iter().any(|(set, value)| set == name && !value.is_empty())
}

/// The width that the operator wants for tables, whatever the terminal's is.
fn columns(variables: &[(OsString, OsString)]) -> Option<usize> {
    let (_, value) = variables.iter().find(|(name, _)| name == COLUMNS)?;
    value.to_str()?.parse().ok().filter(|columns| *columns > 0)
}

/// Answers arguments that clap refuses: help and version are no mistake, everything else is wrong usage.
fn refuse(error: &clap::Error, json: bool) -> Exit {
    let asked_for = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    if json && !asked_for {
        return report(&usage(error), true);
    }
    // A reader that went away is no reason to fail: nobody reads the output any more.
    drop(error.print());
    if asked_for { Exit::Done } else { Exit::Usage }
}

fn usage(error: &clap::Error) -> Failure {
    let text = error.render().to_string();
    // The message may have several lines; it ends at an empty one.
    let lines: Vec<_> = text.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
    let message = lines.join(" ");
    let tip = text.lines().find_map(|line| line.trim().strip_prefix("tip: "));
    Failure {
        exit: Exit::Usage,
        code: "usage",
        message: message.strip_prefix("error: ").unwrap_or("no command given").to_owned(),
        hint: tip.unwrap_or("see --help, which has examples").to_owned(),
    }
}

fn report(failure: &Failure, json: bool) -> Exit {
    let text = if json { failure.as_json() } else { failure.as_text() };
    logs::last_line(&text);
    failure.exit
}
