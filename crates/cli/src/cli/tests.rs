//! The promises of the command line's help.

use clap::CommandFactory;

use super::*;

/// The example lines of a command: program and arguments, without the words that explain them and without a pipe.
fn examples(command: &clap::Command) -> Vec<Vec<String>> {
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let lines = help.lines().filter(|line| line.starts_with("  "));
    lines.filter_map(|line| line.find("refersion-destination ").map(|at| words(&line[at..]))).collect()
}

/// The words as a shell splits them, up to a pipe, a redirection or an explanation.
fn words(example: &str) -> Vec<String> {
    let (mut words, mut quote, mut spaces) = (vec![String::new()], None, 0);
    for c in example.chars() {
        spaces = if c == ' ' && quote.is_none() { spaces + 1 } else { 0 };
        match (c, quote) {
            (c, Some(open)) if c == open => quote = None,
            ('"' | '\'', None) => quote = Some(c),
            ('|' | '<' | '>', None) => break,
            (' ', None) if spaces > 1 => break,
            (' ', None) => words.push(String::new()),
            (c, _) => words.last_mut().expect("one at least").push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Every command that a user is shown; a hidden one is started by the program itself.
fn each_command(command: &clap::Command, check: &mut dyn FnMut(&clap::Command)) {
    check(command);
    for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set()) {
        each_command(inner, check);
    }
}

#[test]
fn the_tree_is_well_formed() {
    Cli::command().debug_assert();
}

#[test]
fn every_command_has_at_least_three_examples_that_parse() {
    each_command(&Cli::command(), &mut |command| {
        let examples = examples(command);
        assert!((3..=6).contains(&examples.len()), "{} has {} examples", command.get_name(), examples.len());
        for example in examples {
            if let Err(error) = Cli::try_parse_from(&example) {
                panic!("{}: {error}", example.join(" "));
            }
        }
    });
}

#[test]
fn every_command_and_option_is_explained() {
    each_command(&Cli::command(), &mut |command| {
        assert!(command.get_about().is_some(), "{} has no explanation", command.get_name());
        for argument in command.get_arguments() {
            assert!(argument.get_help().is_some(), "{} {} has none", command.get_name(), argument.get_id());
        }
    });
}

#[test]
fn no_line_of_help_exceeds_the_width() {
    each_command(&Cli::command(), &mut |command| {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        for line in help.lines() {
            assert!(line.chars().count() <= HELP_WIDTH, "{}: {line}", command.get_name());
        }
    });
}
