//! Questions to the user at the terminal.

use std::io::{IsTerminal as _, Write as _};

use service::failure::Failure;

/// Whether there is a user who can be asked.
pub(super) fn can_ask() -> bool {
    std::io::stdin().is_terminal()
}

/// Whether an editor can be used: it reads the keyboard and draws the screen.
pub(super) fn can_edit() -> bool {
    can_ask() && std::io::stdout().is_terminal()
}

/// Asks a question on standard error, as standard output is for results. Returns the trimmed answer.
pub(super) fn ask(question: &str) -> String {
    drop(write!(std::io::stderr(), "{question}"));
    let mut answer = String::new();
    match std::io::stdin().read_line(&mut answer) {
        Ok(_) => answer.trim().to_owned(),
        Err(_) => String::new(),
    }
}

/// Makes sure that the shown changes are to be stored.
///
/// # Errors
///
/// [`Failure`] with the code `not_confirmed`, if the answer is not yes or no user can be asked.
pub(super) fn confirm(question: &str, yes: bool) -> Result<(), Failure> {
    let hint =
        "nothing was changed; --yes stores the changes without asking, and is required without a terminal";
    if yes || (can_ask() && ask(&format!("{question} Type yes: ")) == "yes") {
        return Ok(());
    }
    Err(Failure::usage("not_confirmed", "the changes were not confirmed", hint))
}
