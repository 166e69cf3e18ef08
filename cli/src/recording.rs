//! What every command that signs a statement begins and ends with.

use mira_core::fold::Accepted;
use mira_core::key::SigningKey;
use mira_core::statement::Predicate;
use mira_lineage::log::LogSigner;
use serde::Serialize;

use crate::args::Global;
use crate::error::{CliError, Kind, Result};
use crate::output::Output;
use crate::session::Session;
use crate::workspace::WriteLock;

/// A workspace that nobody else writes to, and the keys that sign.
#[derive(Debug)]
pub struct Recording {
    /// The workspace and its user.
    pub session: Session,
    key: SigningKey,
    signer: LogSigner,
    _lock: WriteLock,
}

/// Where a statement stands.
#[derive(Debug, Clone, Serialize)]
pub struct Receipt {
    /// Its entry in the log.
    pub entry: String,
    /// Its id.
    pub statement: String,
    /// Its version, if it gives one to something.
    #[serde(skip)]
    pub version: u64,
    /// A run before this one logged it, and ended without having told.
    #[serde(skip)]
    pub was_untold: bool,
}

impl Recording {
    /// Opens the workspace, and both keys before any work is done.
    pub fn open(global: &Global) -> Result<Self> {
        let (session, lock) = Session::open_to_write(global)?;
        let signer = session.log_signer()?;
        let key = session.signing_key()?;
        Ok(Self { session, key, signer, _lock: lock })
    }

    /// The key that signs.
    pub fn key(&self) -> &SigningKey {
        &self.key
    }

    /// Signs a statement and logs it. Files that it names are durable before: a crash leaves files that nothing names.
    pub fn record(&mut self, predicate: Predicate) -> Result<Receipt> {
        let size = self.session.ledger.log().size();
        let accepted = self.session.ledger.record(predicate, &self.key, &self.signer)?;
        Ok(Receipt { was_untold: accepted.record.seq.value() < size.value(), ..Receipt::of(accepted) })
    }

    /// The same, signed by a second key as well.
    pub fn record_by_two(&mut self, predicate: Predicate, second: &SigningKey) -> Result<Receipt> {
        let accepted = self.session.ledger.record_signed(predicate, &[&self.key, second], &self.signer)?;
        Ok(Receipt::of(accepted))
    }
}

impl Receipt {
    /// That of an accepted statement.
    pub fn of(accepted: &Accepted) -> Self {
        Self {
            entry: accepted.record.entry_id.to_string(),
            statement: accepted.statement_id.to_string(),
            version: accepted.record.version.as_ref().map_or(0, |version| version.number),
            was_untold: false,
        }
    }

    /// The line for a person.
    pub fn print(&self, output: &Output) {
        if self.was_untold {
            output.talk("a run before this one logged it and did not come to its end: it is not logged twice");
        }
        output.data(format_args!("statement  {}", self.statement));
    }
}

/// A count that the command line gave.
pub fn positive(what: &str, value: u64) -> Result<mira_core::statement::Positive> {
    mira_core::statement::Positive::new(value)
        .ok_or_else(|| CliError::new(Kind::Usage, format!("{what} is from 1 to 2^53 - 1, not {value}")))
}
