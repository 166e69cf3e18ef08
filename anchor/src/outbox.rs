//! Transactions that are still to happen, kept across crashes.
//!
//! ```text
//! signed → broadcast → mined → confirmed → finalized
//!             ↑          ↓
//!             └───────  (the block was replaced)          reverted, superseded: nothing more to do
//! ```
//!
//! A job is one thing to happen once: it has a key (chain, contract, purpose), one call, and a nonce that no other job
//! of its sender shares. An attempt is one signed transaction for it; all attempts of a job under one nonce exclude each
//! other on the chain.
//!
//! **Write order.** Nonce and signed bytes are committed in one transaction of the database *before* the bytes are sent
//! anywhere. A process that dies before the commit has used no nonce; one that dies after finds the very bytes again,
//! and sending them twice is sending them once. Nothing is ever signed anew for a nonce without the old bytes being
//! kept.
//!
//! The file also remembers which checkpoint was signed for which epoch, so that this signer never signs two.

use std::io;
use std::path::Path;
use std::time::Duration;

use alloy::primitives::{Address, B256, Bytes, U256};
use rusqlite::types::FromSql;
use rusqlite::{
    Connection, ErrorCode, OpenFlags, OptionalExtension as _, Row, Transaction, TransactionBehavior, named_params,
};

use crate::chain::{BlockRef, Identity};
use crate::fees::Fees;

/// Marks the file as ours, in SQLite's header: "mirc".
const APPLICATION_ID: i32 = 0x6d69_7263;
/// Version of the tables.
const VERSION: i32 = 2;
/// How long another process may hold the file.
const BUSY: Duration = Duration::from_secs(5);
/// Longest purpose.
const MAX_PURPOSE: usize = 200;

const TABLES: &str = "
CREATE TABLE jobs (
    id            INTEGER PRIMARY KEY,
    chain_id      TEXT    NOT NULL,  -- decimal
    genesis       BLOB    NOT NULL,
    contract      BLOB    NOT NULL,  -- 20 bytes; zeros for a deployment
    purpose       TEXT    NOT NULL,  -- what is to happen once, like anchor/<originId>/3
    sender        BLOB    NOT NULL,
    input         BLOB    NOT NULL,
    value         TEXT    NOT NULL,  -- decimal, in wei
    nonce         INTEGER NOT NULL,
    stage         TEXT    NOT NULL CHECK (stage IN
                    ('signed', 'broadcast', 'mined', 'confirmed', 'finalized', 'reverted', 'superseded')),
    misses        INTEGER NOT NULL DEFAULT 0,  -- how often the nonce was seen used with nothing of ours to show for it
    tx            BLOB,              -- the attempt that is in a block
    block_number  INTEGER,
    block_hash    BLOB,
    gas_used      INTEGER,
    made          BLOB,              -- the contract that a deployment made
    CHECK ((tx IS NULL) = (block_number IS NULL) AND (tx IS NULL) = (block_hash IS NULL)),
    UNIQUE (chain_id, genesis, contract, purpose)
) STRICT;
-- What somebody else did needs its nonce no more, and the next job may take it.
CREATE UNIQUE INDEX nonces ON jobs (chain_id, genesis, sender, nonce) WHERE stage <> 'superseded';
CREATE TABLE attempts (
    job           INTEGER NOT NULL REFERENCES jobs,
    number        INTEGER NOT NULL,
    nonce         INTEGER NOT NULL,
    gas           INTEGER NOT NULL,
    tip           TEXT    NOT NULL,  -- decimal, in wei, as all fees
    cap           TEXT    NOT NULL,
    raw           BLOB    NOT NULL,  -- the signed transaction
    tx            BLOB    NOT NULL,  -- one job's alone on its chain; the same bytes may be on another genesis
    sent_at       INTEGER,           -- seconds since 1970; none before it was first sent
    PRIMARY KEY (job, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX attempts_by_tx ON attempts (tx);
CREATE TABLE signed_epochs (
    chain_id      TEXT    NOT NULL,
    genesis       BLOB    NOT NULL,
    registry      BLOB    NOT NULL,
    origin_id     BLOB    NOT NULL,
    epoch         INTEGER NOT NULL,
    digest        BLOB    NOT NULL,  -- what was signed
    PRIMARY KEY (chain_id, genesis, registry, origin_id, epoch)
) STRICT, WITHOUT ROWID;
";

/// From version 1, where no two attempts had the same transaction, on whatever chain: a chain that was made anew has the
/// same id, and the same account sends the same bytes to it.
const FROM_1: &str = "
CREATE TABLE attempts_2 (
    job           INTEGER NOT NULL REFERENCES jobs,
    number        INTEGER NOT NULL,
    nonce         INTEGER NOT NULL,
    gas           INTEGER NOT NULL,
    tip           TEXT    NOT NULL,
    cap           TEXT    NOT NULL,
    raw           BLOB    NOT NULL,
    tx            BLOB    NOT NULL,
    sent_at       INTEGER,
    PRIMARY KEY (job, number)
) STRICT, WITHOUT ROWID;
INSERT INTO attempts_2 SELECT job, number, nonce, gas, tip, cap, raw, tx, sent_at FROM attempts;
DROP TABLE attempts;
ALTER TABLE attempts_2 RENAME TO attempts;
CREATE INDEX attempts_by_tx ON attempts (tx);
";

/// The outbox, in one file.
#[derive(Debug)]
pub struct Outbox {
    db: Connection,
}

/// What is to happen once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// On which chain.
    pub chain: Identity,
    /// At which contract; none to make one.
    pub contract: Option<Address>,
    /// What: a text that is the same whenever the same thing is meant.
    pub purpose: String,
}

/// The call that makes it happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The call's bytes, or the code of a contract and what its constructor takes.
    pub input: Bytes,
    /// How much ether goes with it, in wei.
    pub value: U256,
}

/// A signed transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// The bytes, as they are sent.
    pub raw: Bytes,
    /// The transaction's hash.
    pub tx: B256,
    /// The most gas it may take.
    pub gas: u64,
    /// What it offers.
    pub fees: Fees,
}

/// A job and how far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    id: i64,
    /// What is to happen.
    pub key: Key,
    /// Who sends it.
    pub sender: Address,
    /// The call.
    pub call: Call,
    /// The nonce of its newest attempt.
    pub nonce: u64,
    /// How far it is.
    pub stage: Stage,
    /// How often its nonce was seen used with nothing to show for it.
    pub misses: u32,
    /// Where it happened, or seems to have.
    pub landed: Option<Landed>,
    /// What was signed for it, oldest first.
    pub attempts: Vec<Attempt>,
}

/// One signed transaction of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Counted from 0.
    pub number: u32,
    /// Its nonce.
    pub nonce: u64,
    /// Bytes, hash and fees.
    pub signed: Signed,
    /// When it was last sent.
    pub sent_at: Option<i64>,
}

/// Where a job happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Landed {
    /// The transaction.
    pub tx: B256,
    /// Its block.
    pub block: BlockRef,
    /// The gas it took.
    pub gas_used: u64,
    /// The contract it made.
    pub made: Option<Address>,
}

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Signed and kept, and perhaps never sent.
    Signed,
    /// Sent.
    Broadcast,
    /// In a block.
    Mined,
    /// In a block that has others on top of it.
    Confirmed,
    /// In a block that cannot be taken back.
    Finalized,
    /// In a block, and refused by the contract.
    Reverted,
    /// Done by somebody else's transaction.
    Superseded,
}

/// Why the outbox cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    /// The database refuses.
    #[error("the outbox cannot be used")]
    Database(#[from] rusqlite::Error),
    /// The file is a database of something else.
    #[error("the file is not an outbox of transactions: expected application id {APPLICATION_ID:#x}, found {found:#x}")]
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
    #[error("a job has a {column} that was never written")]
    Entry {
        /// The column.
        column: &'static str,
    },
    /// The purpose is too long to be one.
    #[error("a purpose has at most {MAX_PURPOSE} characters, found {found}")]
    Purpose {
        /// Its length.
        found: usize,
    },
    /// The same thing is to happen by another call.
    #[error("{purpose} was signed already, with another call")]
    OtherCall {
        /// What is to happen.
        purpose: String,
    },
    /// One transaction cannot make two things happen.
    #[error("transaction {tx} stands for something else already")]
    SameTransaction {
        /// The transaction.
        tx: B256,
    },
    /// This signer has signed another checkpoint for the epoch, or a later one.
    #[error("refused to sign epoch {epoch}: this signer has signed {conflict}")]
    Signed {
        /// The epoch.
        epoch: u64,
        /// What it has signed.
        conflict: SignedConflict,
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

/// What stands against a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignedConflict {
    /// Another checkpoint as the same epoch.
    Beside,
    /// A later epoch, and nothing as this one.
    Behind {
        /// The latest one.
        latest: u64,
    },
}

impl std::fmt::Display for SignedConflict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Beside => f.write_str("another checkpoint for it"),
            Self::Behind { latest } => write!(f, "epoch {latest}, which is later"),
        }
    }
}

#[cfg(test)]
impl Job {
    /// A job that no outbox holds.
    pub(crate) fn sample(key: Key, call: Call, nonce: u64, stage: Stage, attempts: Vec<Attempt>) -> Self {
        Self { id: 0, key, sender: Address::ZERO, call, nonce, stage, misses: 0, landed: None, attempts }
    }
}

impl Stage {
    const ALL: [Self; 7] = [
        Self::Signed,
        Self::Broadcast,
        Self::Mined,
        Self::Confirmed,
        Self::Finalized,
        Self::Reverted,
        Self::Superseded,
    ];

    /// The stage's spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Signed => "signed",
            Self::Broadcast => "broadcast",
            Self::Mined => "mined",
            Self::Confirmed => "confirmed",
            Self::Finalized => "finalized",
            Self::Reverted => "reverted",
            Self::Superseded => "superseded",
        }
    }

    /// Whether it happened, as far as is known.
    pub const fn is_done(self) -> bool {
        matches!(self, Self::Mined | Self::Confirmed | Self::Finalized | Self::Superseded)
    }

    /// Whether a transaction may still be on its way.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Signed | Self::Broadcast)
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
        // A commit is on disk when it returns. EXTRA syncs the directory too: with FULL, losing power right after a
        // commit could bring the deleted journal back and undo it, and so forget bytes that were sent.
        db.pragma_update(None, "synchronous", "EXTRA")?;
        db.pragma_update(None, "foreign_keys", true)?;
        let setup = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let number = |name: &str| setup.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
        let (id, version) = (number("application_id")?, number("user_version")?);
        let tables: i64 = setup.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        match (id, version) {
            (0, 0) if tables == 0 => {
                setup.execute_batch(TABLES)?;
                setup.pragma_update(None, "application_id", APPLICATION_ID)?;
                setup.pragma_update(None, "user_version", VERSION)?;
                // A crash up to here leaves an empty file, which is made again.
                setup.commit()?;
            }
            (APPLICATION_ID, VERSION) => drop(setup),
            (APPLICATION_ID, 1) => {
                setup.execute_batch(FROM_1)?;
                setup.pragma_update(None, "user_version", VERSION)?;
                // A crash up to here leaves version 1.
                setup.commit()?;
            }
            (APPLICATION_ID, found) => return Err(OutboxError::Newer { found }),
            (found, _) => return Err(OutboxError::NotAnOutbox { found }),
        }
        Ok(Self { db })
    }

    /// Opens an outbox to look at its jobs: nothing is written, so that several may, and where nothing may be.
    ///
    /// # Errors
    /// [`OutboxError`].
    pub fn open_to_read(path: &Path) -> Result<Self, OutboxError> {
        // What a crash left half written has to be taken back before it can be read, which is writing.
        Self::open_read_only(path).or_else(|_| Self::open(path))
    }

    fn open_read_only(path: &Path) -> Result<Self, OutboxError> {
        let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        db.busy_timeout(BUSY)?;
        let number = |name: &str| db.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
        match (number("application_id")?, number("user_version")?) {
            // What is read is the same in both.
            (APPLICATION_ID, 1 | VERSION) => Ok(Self { db }),
            (APPLICATION_ID, found) => Err(OutboxError::Newer { found }),
            (found, _) => Err(OutboxError::NotAnOutbox { found }),
        }
    }

    /// The job of this key.
    ///
    /// # Errors
    /// [`OutboxError`].
    pub fn job(&self, key: &Key) -> Result<Option<Job>, OutboxError> {
        find(&self.db, key)
    }

    /// Every job, in the order in which they were reserved.
    ///
    /// # Errors
    /// [`OutboxError`].
    pub fn jobs(&self) -> Result<Vec<Job>, OutboxError> {
        let mut statement = self.db.prepare("SELECT * FROM jobs ORDER BY id")?;
        let mut rows = statement.query([])?;
        let mut jobs = Vec::new();
        while let Some(row) = rows.next()? {
            jobs.push(job(&self.db, row)?);
        }
        Ok(jobs)
    }

    /// Takes the next nonce and signs: nonce, call and signed bytes are on disk when this returns, or nothing is. The
    /// nonce is `floor`, which the chain gave, or comes after those of the sender's open jobs.
    ///
    /// If there is a job of this key already, it is returned as it is, provided that it makes the same call. One that the
    /// contract refused may be tried again by another.
    ///
    /// # Errors
    /// [`OutboxError::OtherCall`], and what `sign` gives.
    pub fn reserve<E: From<OutboxError>>(
        &mut self,
        key: &Key,
        sender: Address,
        call: &Call,
        floor: u64,
        sign: impl FnOnce(u64) -> Result<Signed, E>,
    ) -> Result<Job, E> {
        let commit = self.begin()?;
        if let Some(job) = find(&commit, key)? {
            if job.stage != Stage::Reverted {
                same_call(&job, call)?;
            }
            return Ok(job);
        }
        if key.purpose.len() > MAX_PURPOSE {
            return Err(OutboxError::Purpose { found: key.purpose.len() }.into());
        }
        let nonce = free_nonce(&commit, key.chain, sender, floor)?;
        let signed = sign(nonce)?;
        insert_job(&commit, key, sender, call, nonce)?;
        let id = commit.last_insert_rowid();
        insert_attempt(&commit, id, 0, nonce, &signed)?;
        let job = find(&commit, key)?.ok_or(OutboxError::Entry { column: "purpose" })?;
        commit.commit().map_err(OutboxError::from)?;
        Ok(job)
    }

    /// Keeps another signed transaction for the same nonce, which pays more.
    ///
    /// # Errors
    /// [`OutboxError`].
    pub fn replace(&mut self, job: &Job, signed: &Signed) -> Result<Job, OutboxError> {
        let commit = self.begin()?;
        insert_attempt(&commit, job.id, job.attempts.len(), job.nonce, signed)?;
        finish(commit, job)
    }

    /// Gives up the nonce, which something else or an attempt that was refused has used, and signs under a new one.
    ///
    /// # Errors
    /// [`OutboxError`], and what `sign` gives.
    pub fn renew<E: From<OutboxError>>(
        &mut self,
        job: &Job,
        call: &Call,
        floor: u64,
        sign: impl FnOnce(u64) -> Result<Signed, E>,
    ) -> Result<Job, E> {
        let commit = self.begin()?;
        let nonce = free_nonce(&commit, job.key.chain, job.sender, floor)?;
        let signed = sign(nonce)?;
        let sql = "UPDATE jobs SET nonce = ?2, input = ?3, value = ?4, misses = 0, stage = 'signed', tx = NULL,
                   block_number = NULL, block_hash = NULL, gas_used = NULL, made = NULL WHERE id = ?1";
        let values = (job.id, integer(nonce)?, call.input.as_ref(), call.value.to_string());
        commit.execute(sql, values).map_err(OutboxError::from)?;
        insert_attempt(&commit, job.id, job.attempts.len(), nonce, &signed)?;
        Ok(finish(commit, job)?)
    }

    /// Says that an attempt was sent.
    ///
    /// # Errors
    /// [`OutboxError`].
    pub fn sent(&mut self, job: &Job, attempt: u32, now: i64) -> Result<Job, OutboxError> {
        let commit = self.begin()?;
        commit.execute("UPDATE attempts SET sent_at = ?3 WHERE job = ?1 AND number = ?2", (job.id, attempt, now))?;
        commit.execute("UPDATE jobs SET stage = 'broadcast' WHERE id = ?1 AND stage = 'signed'", [job.id])?;
        finish(commit, job)
    }

    /// Says that the nonce was seen used with nothing to show for it.
    ///
    /// # Errors
    /// [`OutboxError`].
    pub fn missed(&mut self, job: &Job) -> Result<Job, OutboxError> {
        let commit = self.begin()?;
        commit.execute("UPDATE jobs SET misses = misses + 1 WHERE id = ?1", [job.id])?;
        finish(commit, job)
    }

    /// Says that the block is gone: whatever was sent has to be sent again.
    ///
    /// # Errors
    /// [`OutboxError`].
    pub fn reorged(&mut self, job: &Job) -> Result<Job, OutboxError> {
        let commit = self.begin()?;
        let sql = "UPDATE jobs SET stage = 'signed', misses = 0, tx = NULL, block_number = NULL, block_hash = NULL,
                   gas_used = NULL, made = NULL WHERE id = ?1";
        commit.execute(sql, [job.id])?;
        commit.execute(
            "UPDATE attempts SET sent_at = NULL WHERE job = ?1 AND nonce = ?2",
            (job.id, integer(job.nonce)?),
        )?;
        finish(commit, job)
    }

    /// Says how far it is, and where it happened.
    ///
    /// # Errors
    /// [`OutboxError`].
    pub fn settle(&mut self, job: &Job, stage: Stage, landed: Option<Landed>) -> Result<Job, OutboxError> {
        let commit = self.begin()?;
        commit.execute(
            "UPDATE jobs SET stage = :stage, misses = 0, tx = :tx, block_number = :number, block_hash = :hash,
                 gas_used = :gas, made = :made
             WHERE id = :id",
            named_params! {
                ":id": job.id,
                ":stage": stage.as_str(),
                ":tx": landed.map(|landed| landed.tx.0),
                ":number": landed.map(|landed| integer(landed.block.number)).transpose()?,
                ":hash": landed.map(|landed| landed.block.hash.0),
                ":gas": landed.map(|landed| integer(landed.gas_used)).transpose()?,
                ":made": landed.and_then(|landed| landed.made).map(|made| made.0.0),
            },
        )?;
        finish(commit, job)
    }

    /// Remembers that a checkpoint is about to be signed for an epoch, durably, before it is. The same one may be
    /// signed again.
    ///
    /// # Errors
    /// [`OutboxError::Signed`] if another one was signed for it, or only later ones.
    pub fn sign_epoch(
        &mut self,
        chain: Identity,
        registry: Address,
        origin_id: B256,
        epoch: u64,
        digest: B256,
    ) -> Result<(), OutboxError> {
        let commit = self.begin()?;
        let key = (chain.chain_id.to_string(), chain.genesis.0, registry.0.0, origin_id.0);
        let of_origin = "FROM signed_epochs WHERE chain_id = ?1 AND genesis = ?2 AND registry = ?3 AND origin_id = ?4";
        let known: Option<[u8; 32]> = commit
            .query_row(
                &format!("SELECT digest {of_origin} AND epoch = ?5"),
                (&key.0, key.1, key.2, key.3, integer(epoch)?),
                |row| row.get(0),
            )
            .optional()?;
        match known {
            Some(known) if digest == known => return Ok(()),
            Some(_) => return Err(OutboxError::Signed { epoch, conflict: SignedConflict::Beside }),
            None => {}
        }
        let latest: Option<i64> =
            commit.query_row(&format!("SELECT max(epoch) {of_origin}"), (&key.0, key.1, key.2, key.3), |row| {
                row.get(0)
            })?;
        if let Some(latest) = latest.and_then(|latest| u64::try_from(latest).ok()).filter(|latest| *latest > epoch) {
            return Err(OutboxError::Signed { epoch, conflict: SignedConflict::Behind { latest } });
        }
        commit.execute(
            "INSERT INTO signed_epochs VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            (key.0, key.1, key.2, key.3, integer(epoch)?, digest.0),
        )?;
        commit.commit()?;
        Ok(())
    }

    fn begin(&mut self) -> Result<Transaction<'_>, OutboxError> {
        Ok(self.db.transaction_with_behavior(TransactionBehavior::Immediate)?)
    }
}

fn finish(commit: Transaction<'_>, job: &Job) -> Result<Job, OutboxError> {
    let job = find(&commit, &job.key)?.ok_or(OutboxError::Entry { column: "purpose" })?;
    commit.commit()?;
    Ok(job)
}

/// A key that stands for another call than before would hide one of the two.
fn same_call(job: &Job, call: &Call) -> Result<(), OutboxError> {
    if job.call == *call { Ok(()) } else { Err(OutboxError::OtherCall { purpose: job.key.purpose.clone() }) }
}

/// The nonce after those of the sender's jobs that may not be in a block yet, and at least `floor`.
fn free_nonce(db: &Connection, chain: Identity, sender: Address, floor: u64) -> Result<u64, OutboxError> {
    let sql = "SELECT max(nonce) FROM jobs WHERE chain_id = ?1 AND genesis = ?2 AND sender = ?3
               AND stage IN ('signed', 'broadcast')";
    let last: Option<i64> =
        db.query_row(sql, (chain.chain_id.to_string(), chain.genesis.0, sender.0.0), |row| row.get(0))?;
    let after = last.and_then(|last| u64::try_from(last).ok()).map_or(0, |last| last.saturating_add(1));
    Ok(after.max(floor))
}

fn insert_job(db: &Connection, key: &Key, sender: Address, call: &Call, nonce: u64) -> Result<(), OutboxError> {
    db.execute(
        "INSERT INTO jobs (chain_id, genesis, contract, purpose, sender, input, value, nonce, stage)
         VALUES (:chain_id, :genesis, :contract, :purpose, :sender, :input, :value, :nonce, 'signed')",
        named_params! {
            ":chain_id": key.chain.chain_id.to_string(),
            ":genesis": key.chain.genesis.0,
            ":contract": key.contract.unwrap_or_default().0.0,
            ":purpose": key.purpose,
            ":sender": sender.0.0,
            ":input": call.input.as_ref(),
            ":value": call.value.to_string(),
            ":nonce": integer(nonce)?,
        },
    )?;
    Ok(())
}

fn insert_attempt(db: &Connection, job: i64, number: usize, nonce: u64, signed: &Signed) -> Result<(), OutboxError> {
    let number = u32::try_from(number).map_err(|_| OutboxError::Entry { column: "number" })?;
    let taken = "SELECT EXISTS (SELECT 1 FROM attempts JOIN jobs other ON other.id = attempts.job
                 JOIN jobs this ON this.id = ?1 AND this.chain_id = other.chain_id AND this.genesis = other.genesis
                 WHERE attempts.tx = ?2 AND other.id <> this.id)";
    if db.query_row(taken, (job, signed.tx.0), |row| row.get(0))? {
        return Err(OutboxError::SameTransaction { tx: signed.tx });
    }
    db.execute(
        "INSERT INTO attempts VALUES (:job, :number, :nonce, :gas, :tip, :cap, :raw, :tx, NULL)",
        named_params! {
            ":job": job,
            ":number": number,
            ":nonce": integer(nonce)?,
            ":gas": integer(signed.gas)?,
            ":tip": signed.fees.tip.to_string(),
            ":cap": signed.fees.cap.to_string(),
            ":raw": signed.raw.as_ref(),
            ":tx": signed.tx.0,
        },
    )?;
    Ok(())
}

fn find(db: &Connection, key: &Key) -> Result<Option<Job>, OutboxError> {
    let sql = "SELECT * FROM jobs WHERE chain_id = ?1 AND genesis = ?2 AND contract = ?3 AND purpose = ?4";
    let values =
        (key.chain.chain_id.to_string(), key.chain.genesis.0, key.contract.unwrap_or_default().0.0, &key.purpose);
    let mut statement = db.prepare(sql)?;
    let mut rows = statement.query(values)?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let mut job = job(db, row)?;
    // Whether the chain is the workspace's own is not kept: the key says.
    job.key.chain.local = key.chain.local;
    Ok(Some(job))
}

fn job(db: &Connection, row: &Row<'_>) -> Result<Job, OutboxError> {
    let id: i64 = row.get("id")?;
    let contract = Address::from(row.get::<_, [u8; 20]>("contract")?);
    let stage: String = row.get("stage")?;
    let landed = match row.get::<_, Option<[u8; 32]>>("tx")? {
        None => None,
        Some(tx) => Some(Landed {
            tx: tx.into(),
            block: BlockRef { number: count(row, "block_number")?, hash: row.get::<_, [u8; 32]>("block_hash")?.into() },
            gas_used: count(row, "gas_used")?,
            made: row.get::<_, Option<[u8; 20]>>("made")?.map(Address::from),
        }),
    };
    let chain = Identity {
        chain_id: number(row, "chain_id")?,
        genesis: row.get::<_, [u8; 32]>("genesis")?.into(),
        local: false,
    };
    Ok(Job {
        id,
        key: Key { chain, contract: (contract != Address::ZERO).then_some(contract), purpose: row.get("purpose")? },
        sender: row.get::<_, [u8; 20]>("sender")?.into(),
        call: Call { input: row.get::<_, Vec<u8>>("input")?.into(), value: number(row, "value")? },
        nonce: count(row, "nonce")?,
        stage: Stage::ALL
            .into_iter()
            .find(|known| known.as_str() == stage)
            .ok_or(OutboxError::Entry { column: "stage" })?,
        misses: row.get("misses")?,
        landed,
        attempts: attempts(db, id)?,
    })
}

fn attempts(db: &Connection, job: i64) -> Result<Vec<Attempt>, OutboxError> {
    let mut statement = db.prepare("SELECT * FROM attempts WHERE job = ?1 ORDER BY number")?;
    let mut rows = statement.query([job])?;
    let mut attempts = Vec::new();
    while let Some(row) = rows.next()? {
        attempts.push(Attempt {
            number: row.get("number")?,
            nonce: count(row, "nonce")?,
            signed: Signed {
                raw: row.get::<_, Vec<u8>>("raw")?.into(),
                tx: row.get::<_, [u8; 32]>("tx")?.into(),
                gas: count(row, "gas")?,
                fees: Fees { tip: number(row, "tip")?, cap: number(row, "cap")? },
            },
            sent_at: row.get("sent_at")?,
        });
    }
    Ok(attempts)
}

/// A number that SQLite's integers cannot hold, written in decimal.
fn number<T: std::str::FromStr>(row: &Row<'_>, column: &'static str) -> Result<T, OutboxError> {
    row.get::<_, String>(column)?.parse().map_err(|_| OutboxError::Entry { column })
}

fn count(row: &Row<'_>, column: &'static str) -> Result<u64, OutboxError> {
    u64::try_from(get::<i64>(row, column)?).map_err(|_| OutboxError::Entry { column })
}

fn get<T: FromSql>(row: &Row<'_>, column: &'static str) -> Result<T, OutboxError> {
    Ok(row.get(column)?)
}

/// Nonces, heights and gas stay far below 2^63 on any chain; one that does not is refused.
fn integer(value: u64) -> Result<i64, OutboxError> {
    i64::try_from(value).map_err(|_| OutboxError::Entry { column: "number" })
}
