//! The dead letters that a command is about: its selector, with the options of earlier versions as terms.

use clap::{Args, ValueEnum};
use connections::ConnectionName;
use ledger::selector::Term;
use ledger::{DeadLetterState, Selector, SelectorError};

use service::engines::Engines;
use service::failure::Failure;
use service::operator::Directory;
use service::operator::dead_letters::{Frozen, Selection, to_act};

/// Arguments that say which dead letters.
#[derive(Debug, Default, Args)]
pub(super) struct Wanted {
    /// Terms, all of which must match, as class:refused 'age:<2d'; a number is an id. The keys are below
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

/// The selection that a command is about.
pub(super) struct Asked {
    pub(super) selection: Selection,
    /// Terms were written: the JSON is an object. If only ids and options are given, it is the list that scripts of earlier
    /// versions read.
    pub(super) is_object: bool,
}

impl Wanted {
    /// The selector in the arguments.
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

    /// Whether nothing was selected.
    pub(super) fn is_empty(&self) -> bool {
        self.selector.is_empty() && self.class.is_none() && self.connection.is_none()
    }

    fn is_object(&self) -> bool {
        let is_id = |argument: &String| argument.bytes().all(|it| it.is_ascii_digit());
        !self.selector.iter().all(is_id)
    }

    /// The selection of a list: everything, if the selector is empty.
    ///
    /// # Errors
    ///
    /// [`Failure`] if the selector cannot be read, or names a connection that is not there.
    pub(super) async fn to_list(
        &self,
        state: Option<StateWord>,
        engines: &Engines,
    ) -> Result<Asked, Failure> {
        let selector = self.selector(state)?;
        self.select(selector, engines).await
    }

    /// The selection to group: without a state, open dead letters.
    ///
    /// # Errors
    ///
    /// As [`Wanted::to_list`].
    pub(super) async fn to_group(&self, engines: &Engines) -> Result<Frozen, Failure> {
        let mut selector = self.selector(None)?;
        if !selector.names_a_state() {
            selector.and(Term::State(vec![DeadLetterState::Open]))?;
        }
        let directory = Directory::read(engines, None).await?;
        Frozen::of(engines, &directory, selector)
    }

    /// The selection of an act. Without a state or ids these are the dead letters in the state `acts_on`, and the selector of
    /// the answer then says so.
    ///
    /// # Errors
    ///
    /// As [`Wanted::to_list`]; also if the selector is empty.
    pub(super) async fn to_act(
        &self,
        all: bool,
        acts_on: DeadLetterState,
        engines: &Engines,
    ) -> Result<Asked, Failure> {
        let mut selector = self.selector(None)?;
        if all && selector.is_empty() {
            selector.and(Term::State(vec![acts_on]))?;
        }
        let mut asked = self.select(to_act(selector, acts_on)?, engines).await?;
        asked.selection.filter.limit = self.limit.unwrap_or(usize::MAX);
        Ok(asked)
    }

    async fn select(&self, selector: Selector, engines: &Engines) -> Result<Asked, Failure> {
        let directory = Directory::read(engines, None).await?;
        let selection = Selection::of(engines, &directory, selector).await?;
        Ok(Asked { selection, is_object: self.is_object() })
    }
}

/// A state, as an argument.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum StateWord {
    /// It waits to be replayed or discarded
    Open,
    /// Its event was queued again, and has no outcome yet
    Replaying,
    /// It was delivered after all
    Resolved,
    /// It will not be tried again
    Discarded,
}

impl From<StateWord> for DeadLetterState {
    fn from(word: StateWord) -> Self {
        match word {
            StateWord::Open => Self::Open,
            StateWord::Replaying => Self::Replaying,
            StateWord::Resolved => Self::Resolved,
            StateWord::Discarded => Self::Discarded,
        }
    }
}
