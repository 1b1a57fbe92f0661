//! Which dead letters a command is about: its selector, with the options of earlier versions as terms.

use clap::Args;
use connections::ConnectionName;
use ledger::selector::Term;
use ledger::{DeadLetterFilter, DeadLetterState, Selector, SelectorError};

use super::StateWord;
use crate::engines::Engines;
use crate::failure::Failure;
use crate::operator::Directory;
use crate::output::counted;

/// Arguments that say which dead letters.
#[derive(Debug, Default, Args)]
pub(super) struct Wanted {
    /// Terms that all have to hold, as class:refused 'age:<2d'; a number is an id. The keys are below
    #[arg(value_name = "SELECTOR")]
    selector: Vec<String>,
    /// The same as class:CLASS
    #[arg(long, value_name = "CLASS")]
    class: Option<String>,
    /// The same as connection:NAME
    #[arg(long, value_name = "NAME")]
    connection: Option<ConnectionName>,
    /// At most N: the newest, or the largest groups [default: 100 for `list`, otherwise all]
    #[arg(long, value_name = "N")]
    pub(super) limit: Option<usize>,
}

/// A selector whose times are frozen, and what it selects.
pub(super) struct Selection {
    /// As every answer repeats it.
    pub(super) selector: Selector,
    pub(super) filter: DeadLetterFilter,
    /// How many dead letters it selects, exactly.
    pub(super) count: u64,
    /// Terms were written: the JSON is an object. Ids and options alone give the list that scripts of earlier versions read.
    pub(super) is_object: bool,
    /// Nothing but ids was given: those that are not there are reported.
    pub(super) is_by_id: bool,
}

impl Wanted {
    /// The selector that the arguments write.
    fn selector(&self, state: Option<StateWord>) -> Result<Selector, SelectorError> {
        let mut selector = Selector::of_arguments(&self.selector)?;
        if let Some(class) = &self.class {
            for term in Selector::parse(&format!("class:{class}"))?.terms() {
                selector.and(term.clone())?;
            }
        }
        if let Some(name) = &self.connection {
            selector.and(Term::Connection(vec![name.to_string()]))?;
        }
        if let Some(state) = state {
            selector.and(Term::State(vec![state.into()]))?;
        }
        Ok(selector)
    }

    fn is_object(&self) -> bool {
        let is_id = |argument: &String| argument.bytes().all(|it| it.is_ascii_digit());
        !self.selector.iter().all(is_id)
    }

    /// What a list shows: of an empty selector everything.
    ///
    /// # Errors
    ///
    /// [`Failure`] if the selector cannot be read, or names a connection that is not there.
    pub(super) async fn to_list(
        &self,
        state: Option<StateWord>,
        engines: &Engines,
    ) -> Result<Selection, Failure> {
        let selector = self.selector(state).map_err(unreadable)?;
        self.select(selector, engines).await
    }

    /// What is grouped: without a state, open dead letters.
    ///
    /// # Errors
    ///
    /// As [`Wanted::to_list`].
    pub(super) async fn to_group(&self, engines: &Engines) -> Result<(Selector, DeadLetterFilter), Failure> {
        let mut selector = self.selector(None).map_err(unreadable)?;
        if !selector.names_a_state() {
            selector.and(Term::State(vec![DeadLetterState::Open])).map_err(unreadable)?;
        }
        filter(selector, engines).await
    }

    /// What an act concerns. Without a state or ids these are the dead letters in the state `acts_on`, which the selector of
    /// the answer then says.
    ///
    /// # Errors
    ///
    /// As [`Wanted::to_list`]; also if the selector is empty.
    pub(super) async fn to_act(
        &self,
        all: bool,
        acts_on: DeadLetterState,
        engines: &Engines,
    ) -> Result<Selection, Failure> {
        let mut selector = self.selector(None).map_err(unreadable)?;
        if selector.is_empty() && !all {
            let message = "an empty selector would select every dead letter, so it is refused";
            let hint = format!("give a selector; for all of them, write state:{}", acts_on.word());
            return Err(Failure::usage("empty_selector", message, hint));
        }
        let is_by_id = matches!(selector.terms(), [Term::Id(_)]);
        if !is_by_id && !selector.names_a_state() {
            selector.and(Term::State(vec![acts_on])).map_err(unreadable)?;
        }
        let mut selection = self.select(selector, engines).await?;
        selection.is_by_id = is_by_id;
        selection.filter.limit = self.limit.unwrap_or(usize::MAX);
        Ok(selection)
    }

    async fn select(&self, selector: Selector, engines: &Engines) -> Result<Selection, Failure> {
        let (selector, filter) = filter(selector, engines).await?;
        let count = engines.dead_letters.count_dead_letters(&filter).await?;
        Ok(Selection { selector, filter, count, is_object: self.is_object(), is_by_id: false })
    }
}

/// The selector with its times frozen, and what it selects.
async fn filter(selector: Selector, engines: &Engines) -> Result<(Selector, DeadLetterFilter), Failure> {
    let now = engines.now();
    let selector = selector.freeze(now);
    let directory = Directory::read(engines, None).await?;
    let id_of = |name: &str| {
        let found = directory.all().find(|connection| connection.name.to_string() == name);
        found.map(|connection| connection.id).ok_or_else(|| {
            let message = format!("there is no connection named {name}");
            Failure::refused("no_such_connection", message, "`connections list` shows their names")
        })
    };
    let filter = selector.filter(now, id_of)?;
    Ok((selector, filter))
}

fn unreadable(error: SelectorError) -> Failure {
    Failure::usage(
        "selector",
        error.to_string(),
        "`dead-letters list --help` shows every key with an example",
    )
}

impl Selection {
    /// The selector and the count, for people.
    pub(super) fn told(&self) -> String {
        let letters = counted(self.count, "dead letter");
        match self.selector.is_empty() {
            true => format!("{letters} in all"),
            false => format!("selector: {}\n{letters} selected", self.selector),
        }
    }
}
