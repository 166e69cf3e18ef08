//! Pins that are still to be made, kept across crashes.
//!
//! ```text
//! enqueue → queued ⇄ importing → pinned          queued again after what may pass, with a longer wait each time
//!             ↑      ↘↖  ↓         ↓
//!             │    pinning↓    unpinned          pinning: a service has taken it on, and is to be asked how far it is
//!             └──────  failed                    after what will not pass by itself; enqueueing tries again
//! ```
//!
//! A pin is a dataset directory at a service. What is written here is intent and outcome; the work may be done twice
//! without harm, so a crash between the two costs a repetition and nothing else. A job that is being worked on carries a
//! lease: when that runs out, whoever held it is taken to be dead and the job is due again.
//!
//! The file is a SQLite database with a rollback journal, not a write-ahead log. There are a few small writes a minute
//! and hardly a reader, so nothing is gained from letting both go on at once; and one file is left that can be copied,
//! also on file systems without shared memory. With `synchronous = FULL` a state is on disk when a call returns, save
//! that losing power may undo the very last one, which repeats work that is safe to repeat.

use std::io;
use std::path::Path;
use std::time::Duration;

use mira_core::cid::{Cid, CidError};
use mira_core::digest::{Digest, DigestError, StatementId};
use mira_core::time::UtcTime;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, Row, TransactionBehavior, named_params};

/// Marks the file as ours, in SQLite's header: "mira".
const APPLICATION_ID: i32 = 0x6d69_7261;
/// Version of the table.
const VERSION: i32 = 2;
/// How long another process may hold the file.
const BUSY: Duration = Duration::from_secs(5);
/// How long a job is its worker's without a sign of life.
pub const LEASE_SECONDS: i64 = 15 * 60;
/// The wait after the first failure; it doubles with each.
const FIRST_WAIT_SECONDS: i64 = 10;
/// The longest wait.
const MAX_WAIT_SECONDS: i64 = 60 * 60;
/// The most characters of an error that are kept.
const MAX_ERROR_LEN: usize = 1000;

const TABLE: &str = "
CREATE TABLE pins (
    dataset     TEXT    NOT NULL,  -- CID of the dataset directory
    service     TEXT    NOT NULL,  -- scheme, host and port
    statement   TEXT    NOT NULL,  -- statement_id, in hex
    state       TEXT    NOT NULL CHECK (state IN ('queued', 'importing', 'pinning', 'pinned', 'failed', 'unpinned')),
    attempts    INTEGER NOT NULL CHECK (attempts >= 0),
    last_error  TEXT,
    queued_at   INTEGER NOT NULL,  -- seconds since 1970, as all times here
    changed_at  INTEGER NOT NULL,
    due_at      INTEGER NOT NULL,  -- when to try; of a job in work, when its lease ends
    confirmed_at INTEGER,          -- when the service last showed that it has it
    PRIMARY KEY (dataset, service)
) STRICT, WITHOUT ROWID;
CREATE INDEX due ON pins (due_at) WHERE state IN ('queued', 'importing', 'pinning');
";
/// Before and after the table is made, where there is one of version 1.
const OF_VERSION_1: [&str; 2] = [
    "ALTER TABLE pins RENAME TO pins_1; DROP INDEX due;",
    "INSERT INTO pins SELECT *, CASE state WHEN 'pinned' THEN changed_at END FROM pins_1; DROP TABLE pins_1;",
];

/// The queue, in one file.
#[derive(Debug)]
pub struct Outbox {
    db: Connection,
}

/// Which pin: a dataset at a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The dataset directory.
    pub dataset: Cid,
    /// The service, as it names itself: scheme, host and port.
    pub service: String,
}

/// A pin and how far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Which pin.
    pub target: Target,
    /// The statement by which the dataset was contributed.
    pub statement: StatementId,
    /// How far it is.
    pub state: State,
    /// How often it was begun since it was enqueued.
    pub attempts: u32,
    /// Why it did not work out the last time.
    pub last_error: Option<String>,
    /// When it was first enqueued.
    pub queued_at: i64,
    /// When it last changed.
    pub changed_at: i64,
    /// When it is to be tried, or the lease ends.
    pub due_at: i64,
    /// When the service last showed that it has it.
    pub confirmed_at: Option<i64>,
}

/// How far a pin is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// To be done.
    Queued,
    /// Somebody is at it, or died at it.
    Importing,
    /// A service has taken it on.
    Pinning,
    /// Confirmed by the service.
    Pinned,
    /// Given up until it is enqueued again.
    Failed,
    /// Ended, and confirmed to be.
    Unpinned,
}

/// What became of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt<'a> {
    /// The service lists the pin and gave back what was sent.
    Confirmed,
    /// A service has taken it on and is not done.
    Accepted,
    /// Not now; later perhaps.
    Later {
        /// Why.
        error: &'a str,
    },
    /// Not without somebody doing something.
    Never {
        /// Why.
        error: &'a str,
    },
}

/// Why the outbox cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    /// The database refuses.
    #[error("the outbox cannot be used")]
    Database(#[from] rusqlite::Error),
    /// The file is a database of something else.
    #[error("the file is not an outbox: expected application id {APPLICATION_ID:#x}, found {found:#x}")]
    NotAnOutbox {
        /// The application id in its header.
        found: i32,
    },
    /// The file was written by a newer version.
    #[error("the outbox has version {found}, this program knows version {VERSION}")]
    Newer {
        /// Its version.
        found: i32,
    },
    /// A column holds what was never written there.
    #[error("an entry has the {column} {found:?}")]
    Entry {
        /// The column.
        column: &'static str,
        /// What it holds.
        found: String,
    },
    /// There is no such entry.
    #[error("{dataset} is not queued for {service}")]
    Unknown {
        /// The dataset.
        dataset: Cid,
        /// The service.
        service: String,
    },
}

impl OutboxError {
    /// What the system refused when the database failed, as far as SQLite tells: it knows a full disk only where it
    /// writes, and calls the rest what it calls every failure.
    pub fn refused(&self) -> Option<io::ErrorKind> {
        let Self::Database(rusqlite::Error::SqliteFailure(failure, _)) = self else { return None };
        match failure.code {
            ErrorCode::DiskFull => Some(io::ErrorKind::StorageFull),
            ErrorCode::ReadOnly => Some(io::ErrorKind::ReadOnlyFilesystem),
            ErrorCode::PermissionDenied => Some(io::ErrorKind::PermissionDenied),
            ErrorCode::CannotOpen | ErrorCode::SystemIoFailure => Some(io::ErrorKind::Other),
            _ => None,
        }
    }
}

impl State {
    const ALL: [Self; 6] = [Self::Queued, Self::Importing, Self::Pinning, Self::Pinned, Self::Failed, Self::Unpinned];

    /// The state's spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Importing => "importing",
            Self::Pinning => "pinning",
            Self::Pinned => "pinned",
            Self::Failed => "failed",
            Self::Unpinned => "unpinned",
        }
    }
}

impl Outbox {
    /// Opens the outbox in a file, and makes it if it is not there.
    ///
    /// # Errors
    /// [`OutboxError::NotAnOutbox`] and [`OutboxError::Newer`] before anything is changed.
    pub fn open(path: &Path) -> Result<Self, OutboxError> {
        let mut db = Connection::open(path)?;
        db.busy_timeout(BUSY)?;
        db.pragma_update(None, "journal_mode", "DELETE")?;
        db.pragma_update(None, "synchronous", "FULL")?;
        // Immediately a writer, so that of two processes that find no table only one makes it.
        let setup = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let number = |name: &str| setup.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
        let (id, version) = (number("application_id")?, number("user_version")?);
        let tables: i64 = setup.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        match (id, version) {
            (0, 0) if tables == 0 => {
                setup.execute_batch(TABLE)?;
                setup.pragma_update(None, "application_id", APPLICATION_ID)?;
                setup.pragma_update(None, "user_version", VERSION)?;
                // A crash up to here leaves an empty file, which is made again.
                setup.commit()?;
            }
            (APPLICATION_ID, VERSION) => drop(setup),
            (APPLICATION_ID, 1) => {
                let [before, after] = OF_VERSION_1;
                setup.execute_batch(before)?;
                setup.execute_batch(TABLE)?;
                setup.execute_batch(after)?;
                setup.pragma_update(None, "user_version", VERSION)?;
                // All of it or nothing: a crash up to here leaves version 1.
                setup.commit()?;
            }
            (APPLICATION_ID, found) => return Err(OutboxError::Newer { found }),
            (found, _) => return Err(OutboxError::NotAnOutbox { found }),
        }
        Ok(Self { db })
    }

    /// Reads all entries without changing anything, so also where nothing may be written. No file is no entries.
    ///
    /// # Errors
    /// [`OutboxError`].
    pub fn read(path: &Path) -> Result<Vec<Job>, OutboxError> {
        if !path.exists() {
            return Ok(Vec::new());
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let read = Connection::open_with_flags(path, flags).map_err(OutboxError::from).and_then(|db| {
            db.busy_timeout(BUSY)?;
            let version: i32 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
            if version > VERSION { Err(OutboxError::Newer { found: version }) } else { Self { db }.jobs() }
        });
        match read {
            // What a writer that died left half done can be put right by a writer only; and so can an empty file.
            Err(OutboxError::Database(_)) => Self::open(path)?.jobs(),
            read => read,
        }
    }

    /// Asks for a pin, due at once. One that is made, or in work, stays as it is; one that failed or was ended is tried
    /// again.
    ///
    /// # Errors
    /// [`OutboxError`].
    pub fn enqueue(&self, target: &Target, statement: StatementId, now: UtcTime) -> Result<Job, OutboxError> {
        self.db.execute(
            "INSERT INTO pins VALUES (:dataset, :service, :statement, 'queued', 0, NULL, :now, :now, :now, NULL)
             ON CONFLICT DO UPDATE SET
                 state = 'queued', due_at = :now, changed_at = :now, statement = :statement,
                 attempts = CASE state WHEN 'queued' THEN attempts ELSE 0 END
             WHERE state IN ('queued', 'failed', 'unpinned')",
            named_params! {
                ":dataset": target.dataset.to_string(),
                ":service": target.service,
                ":statement": statement.to_string(),
                ":now": now.unix_seconds(),
            },
        )?;
        self.job(target)?.ok_or_else(|| unknown(target))
    }

    /// The job that has been due longest, if any is.
    ///
    /// # Errors
    /// [`OutboxError`].
    pub fn next_due(&self, now: UtcTime) -> Result<Option<Job>, OutboxError> {
        let sql = "SELECT * FROM pins WHERE state IN ('queued', 'importing', 'pinning') AND due_at <= ?1
                   ORDER BY due_at, dataset, service LIMIT 1";
        self.db.query_row(sql, [now.unix_seconds()], |row| Ok(job(row))).optional()?.transpose()
    }

    /// Begins an attempt, whether or not it is due: the job is in work until its lease ends. The number of the attempt
    /// goes back into [`renew`](Self::renew) and [`finish`](Self::finish).
    ///
    /// # Errors
    /// [`OutboxError::Unknown`] if it was never enqueued.
    pub fn begin(&self, target: &Target, now: UtcTime) -> Result<Job, OutboxError> {
        self.db.execute(
            "UPDATE pins SET state = 'importing', attempts = attempts + 1, changed_at = :now, due_at = :now + :lease
             WHERE dataset = :dataset AND service = :service",
            named_params! {
                ":dataset": target.dataset.to_string(),
                ":service": target.service,
                ":now": now.unix_seconds(),
                ":lease": LEASE_SECONDS,
            },
        )?;
        self.job(target)?.ok_or_else(|| unknown(target))
    }

    /// Says that the attempt is still being made. Gives false if it is no longer this worker's.
    ///
    /// # Errors
    /// [`OutboxError`].
    pub fn renew(&self, target: &Target, attempt: u32, now: UtcTime) -> Result<bool, OutboxError> {
        let due_at = now.unix_seconds().saturating_add(LEASE_SECONDS);
        self.update(target, attempt, State::Importing, due_at, None, now)
    }

    /// Says what became of the attempt. Gives false, and changes nothing, if another has begun since: that one's
    /// outcome will tell.
    ///
    /// # Errors
    /// [`OutboxError`].
    pub fn finish(
        &self,
        target: &Target,
        attempt: u32,
        outcome: Attempt<'_>,
        now: UtcTime,
    ) -> Result<bool, OutboxError> {
        let (state, wait, error) = match outcome {
            Attempt::Confirmed => (State::Pinned, 0, None),
            Attempt::Accepted => (State::Pinning, FIRST_WAIT_SECONDS, None),
            Attempt::Later { error } => (State::Queued, wait(attempt), Some(error)),
            Attempt::Never { error } => (State::Failed, 0, Some(error)),
        };
        self.update(target, attempt, state, now.unix_seconds().saturating_add(wait), error, now)
    }

    /// One entry.
    ///
    /// # Errors
    /// [`OutboxError`].
    pub fn job(&self, target: &Target) -> Result<Option<Job>, OutboxError> {
        let sql = "SELECT * FROM pins WHERE dataset = ?1 AND service = ?2";
        let key = (target.dataset.to_string(), &target.service);
        self.db.query_row(sql, key, |row| Ok(job(row))).optional()?.transpose()
    }

    /// All entries, by dataset and service.
    ///
    /// # Errors
    /// [`OutboxError`].
    pub fn jobs(&self) -> Result<Vec<Job>, OutboxError> {
        let mut statement = self.db.prepare("SELECT * FROM pins ORDER BY dataset, service")?;
        let rows = statement.query_map([], |row| Ok(job(row)))?;
        rows.map(|row| row?).collect()
    }

    /// Says that a pin was ended, and is gone; whoever works on it loses the right to.
    ///
    /// # Errors
    /// [`OutboxError`].
    pub fn unpinned(&self, target: &Target, statement: StatementId, now: UtcTime) -> Result<(), OutboxError> {
        self.db.execute(
            "INSERT INTO pins VALUES (:dataset, :service, :statement, 'unpinned', 0, NULL, :now, :now, :now, NULL)
             ON CONFLICT DO UPDATE SET state = 'unpinned', last_error = NULL, changed_at = :now, due_at = :now",
            named_params! {
                ":dataset": target.dataset.to_string(),
                ":service": target.service,
                ":statement": statement.to_string(),
                ":now": now.unix_seconds(),
            },
        )?;
        Ok(())
    }

    /// Forgets an entry. Gives false if there was none.
    ///
    /// # Errors
    /// [`OutboxError`].
    pub fn remove(&self, target: &Target) -> Result<bool, OutboxError> {
        let key = (target.dataset.to_string(), &target.service);
        Ok(self.db.execute("DELETE FROM pins WHERE dataset = ?1 AND service = ?2", key)? > 0)
    }

    /// Moves an entry on, if it is in work and this attempt is the latest. Without an error the last one is forgotten,
    /// unless the work goes on.
    fn update(
        &self,
        target: &Target,
        attempt: u32,
        state: State,
        due_at: i64,
        error: Option<&str>,
        now: UtcTime,
    ) -> Result<bool, OutboxError> {
        let error: Option<String> = error.map(|error| error.chars().take(MAX_ERROR_LEN).collect());
        let changed = self.db.execute(
            "UPDATE pins SET state = :state, due_at = :due_at, changed_at = :now,
                 confirmed_at = CASE :state WHEN 'pinned' THEN :now ELSE confirmed_at END,
                 last_error = CASE :state WHEN 'importing' THEN last_error ELSE :error END
             WHERE dataset = :dataset AND service = :service AND state = 'importing' AND attempts = :attempt",
            named_params! {
                ":dataset": target.dataset.to_string(),
                ":service": target.service,
                ":state": state.as_str(),
                ":due_at": due_at,
                ":now": now.unix_seconds(),
                ":error": error,
                ":attempt": attempt,
            },
        )?;
        Ok(changed > 0)
    }
}

/// Seconds to wait after this many attempts: 10, 20, 40 … up to an hour.
fn wait(attempts: u32) -> i64 {
    let doublings = attempts.saturating_sub(1).min(30);
    (FIRST_WAIT_SECONDS << doublings).min(MAX_WAIT_SECONDS)
}

fn unknown(target: &Target) -> OutboxError {
    OutboxError::Unknown { dataset: target.dataset, service: target.service.clone() }
}

fn job(row: &Row<'_>) -> Result<Job, OutboxError> {
    let wrong = |column, found: &str| OutboxError::Entry { column, found: found.chars().take(80).collect() };
    let text = |column| row.get::<_, String>(column);
    let (dataset, statement, state) = (text("dataset")?, text("statement")?, text("state")?);
    Ok(Job {
        target: Target {
            dataset: dataset.parse().map_err(|_: CidError| wrong("dataset", &dataset))?,
            service: text("service")?,
        },
        statement: Digest::from_hex(&statement).map_err(|_: DigestError| wrong("statement", &statement))?.into(),
        state: State::ALL.into_iter().find(|known| known.as_str() == state).ok_or_else(|| wrong("state", &state))?,
        attempts: row.get("attempts")?,
        last_error: row.get("last_error")?,
        queued_at: row.get("queued_at")?,
        changed_at: row.get("changed_at")?,
        due_at: row.get("due_at")?,
        confirmed_at: match row.get("confirmed_at") {
            // A file of version 1 that is only read.
            Err(rusqlite::Error::InvalidColumnName(_)) => None,
            confirmed_at => confirmed_at?,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_an_hour() {
        let waits = [1, 2, 3, 8, 9, 10, 1000, u32::MAX].map(wait);
        assert_eq!(waits, [10, 20, 40, 1280, 2560, 3600, 3600, 3600]);
    }
}
