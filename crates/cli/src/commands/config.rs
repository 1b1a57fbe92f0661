//! `config show`: the settings in force, and the origin of each.

use clap::{Args, Subcommand};

use service::Context;
use service::failure::{Exit, Failure};

const EXAMPLES: &str = "\
Examples:
  refersion-destination config show                   every setting, its value and its origin
  refersion-destination config show --config my.toml  with a file over the defaults
  refersion-destination config show --json            as an array of key, value, from
  REFERSION_DESTINATION__RETRY__INITIAL=2s refersion-destination config show

A setting comes from the compiled-in defaults, from the file given by --config, or from an environment variable
(REFERSION_DESTINATION__SECTION__KEY). The file overrides the defaults, and the environment overrides both.";

/// The arguments of `config`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, arg_required_else_help = true)]
pub struct Arguments {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Print every setting with its value and its origin; secrets are hidden
    #[command(after_help = EXAMPLES)]
    Show,
}

/// Carries out `config`.
///
/// # Errors
///
/// [`Failure`] if the output cannot be written.
pub fn run(arguments: &Arguments, context: &mut Context) -> Result<Exit, Failure> {
    match arguments.act {
        Act::Show => show(context),
    }
}

fn show(context: &mut Context) -> Result<Exit, Failure> {
    let shown = context.loaded.settings.shown();
    if context.output.is_json() {
        context.output.json(&shown)?;
    } else {
        let rows: Vec<_> =
            shown.into_iter().map(|setting| vec![setting.key, setting.value, setting.from]).collect();
        context.output.table(&["SETTING", "VALUE", "FROM"], &rows)?;
    }
    Ok(Exit::Done)
}
