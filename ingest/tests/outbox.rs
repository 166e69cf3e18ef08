//! The outbox through its public interface: every state, every crash.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests state what they expect, as tests do"
)]

use mira_core::cid::Cid;
use mira_core::digest::{Digest, StatementId};
use mira_core::time::UtcTime;
use mira_ingest::outbox::{Attempt, LEASE_SECONDS, Outbox, OutboxError, State, Target};

const START: i64 = 1_800_000_000;

fn at(seconds: i64) -> UtcTime {
    UtcTime::from_unix_seconds(START + seconds).unwrap()
}

fn target(name: &str) -> Target {
    Target { dataset: Cid::raw_of(name.as_bytes()), service: "http://127.0.0.1:5001".into() }
}

fn statement() -> StatementId {
    StatementId::new(Digest::of(b"statement"))
}

struct Fixture {
    directory: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    /// Opens the file anew, as a process after a crash does.
    fn open(&self) -> Outbox {
        Outbox::open(&self.directory.path().join("outbox.sqlite")).unwrap()
    }
}

#[test]
fn enqueueing_twice_is_enqueueing_once() {
    let fixture = Fixture::new();
    let outbox = fixture.open();
    let first = outbox.enqueue(&target("a"), statement(), at(0)).unwrap();
    let second = outbox.enqueue(&target("a"), statement(), at(5)).unwrap();
    assert_eq!((first.state, second.state, second.queued_at), (State::Queued, State::Queued, START));
    assert_eq!(outbox.jobs().unwrap(), [second]);
    let elsewhere = Target { service: "http://127.0.0.1:5002".into(), ..target("a") };
    outbox.enqueue(&elsewhere, statement(), at(6)).unwrap();
    assert_eq!(outbox.jobs().unwrap().len(), 2);
}

#[test]
fn a_pin_stays_pinned() {
    let fixture = Fixture::new();
    let outbox = fixture.open();
    outbox.enqueue(&target("a"), statement(), at(0)).unwrap();
    let job = outbox.begin(&target("a"), at(1)).unwrap();
    assert_eq!((job.state, job.attempts), (State::Importing, 1));
    assert!(outbox.finish(&target("a"), 1, Attempt::Confirmed, at(2)).unwrap());
    let job = fixture.open().enqueue(&target("a"), statement(), at(3)).unwrap();
    assert_eq!((job.state, job.changed_at, job.last_error), (State::Pinned, START + 2, None));
    assert_eq!(fixture.open().next_due(at(1_000_000)).unwrap(), None);
}

#[test]
fn tries_again_later_and_later() {
    let fixture = Fixture::new();
    let outbox = fixture.open();
    outbox.enqueue(&target("a"), statement(), at(0)).unwrap();
    let mut now = 0;
    for wait in [10, 20, 40, 80] {
        let job = outbox.next_due(at(now)).unwrap().unwrap();
        let attempt = outbox.begin(&job.target, at(now)).unwrap().attempts;
        assert!(outbox.finish(&job.target, attempt, Attempt::Later { error: "away" }, at(now)).unwrap());
        assert_eq!(outbox.next_due(at(now + wait - 1)).unwrap(), None);
        let due = fixture.open().next_due(at(now + wait)).unwrap().unwrap();
        assert_eq!((due.state, due.last_error.as_deref(), due.attempts), (State::Queued, Some("away"), attempt));
        now += wait;
    }
    // Asking for it oneself does not wait.
    outbox.begin(&target("a"), at(now)).unwrap();
    outbox.finish(&target("a"), 5, Attempt::Later { error: "away" }, at(now)).unwrap();
    assert_eq!(outbox.next_due(at(now)).unwrap(), None);
    outbox.enqueue(&target("a"), statement(), at(now)).unwrap();
    assert!(outbox.next_due(at(now)).unwrap().is_some());
}

#[test]
fn what_cannot_work_waits_for_somebody() {
    let fixture = Fixture::new();
    let outbox = fixture.open();
    outbox.enqueue(&target("a"), statement(), at(0)).unwrap();
    outbox.begin(&target("a"), at(0)).unwrap();
    outbox.finish(&target("a"), 1, Attempt::Never { error: "damaged" }, at(1)).unwrap();
    assert_eq!(outbox.next_due(at(1_000_000)).unwrap(), None);
    let job = outbox.enqueue(&target("a"), statement(), at(2)).unwrap();
    assert_eq!((job.state, job.attempts, job.last_error.as_deref()), (State::Queued, 0, Some("damaged")));
    assert!(outbox.next_due(at(2)).unwrap().is_some());
}

#[test]
fn a_worker_that_dies_is_replaced_and_cannot_come_back() {
    let fixture = Fixture::new();
    let dead = fixture.open();
    dead.enqueue(&target("a"), statement(), at(0)).unwrap();
    let old = dead.begin(&target("a"), at(0)).unwrap();
    let outbox = fixture.open();
    assert_eq!(outbox.next_due(at(LEASE_SECONDS - 1)).unwrap(), None);
    assert!(dead.renew(&target("a"), old.attempts, at(100)).unwrap());
    assert_eq!(outbox.next_due(at(LEASE_SECONDS + 99)).unwrap(), None);
    let job = outbox.next_due(at(LEASE_SECONDS + 100)).unwrap().unwrap();
    assert_eq!(job.state, State::Importing);
    let new = outbox.begin(&job.target, at(2000)).unwrap();
    // The old worker was only slow; its word no longer counts, not even that it failed.
    assert!(!dead.renew(&target("a"), old.attempts, at(2001)).unwrap());
    assert!(!dead.finish(&target("a"), old.attempts, Attempt::Never { error: "slow" }, at(2001)).unwrap());
    assert_eq!(outbox.job(&target("a")).unwrap(), Some(new.clone()));
    assert!(outbox.finish(&target("a"), new.attempts, Attempt::Confirmed, at(2002)).unwrap());
}

#[test]
fn the_longest_due_comes_first() {
    let fixture = Fixture::new();
    let outbox = fixture.open();
    for (name, when) in [("late", 30), ("early", 10), ("middle", 20)] {
        outbox.enqueue(&target(name), statement(), at(when)).unwrap();
    }
    for name in ["early", "middle", "late"] {
        let job = outbox.next_due(at(30)).unwrap().unwrap();
        assert_eq!(job.target, target(name));
        assert!(outbox.remove(&job.target).unwrap());
        assert!(!outbox.remove(&job.target).unwrap());
    }
    assert_eq!(outbox.next_due(at(30)).unwrap(), None);
    assert!(matches!(outbox.begin(&target("early"), at(30)), Err(OutboxError::Unknown { .. })));
}

#[test]
fn refuses_files_of_others_and_newer_ones() {
    let directory = tempfile::tempdir().unwrap();
    let with = |name: &str, sql: &str| {
        let path = directory.path().join(name);
        rusqlite::Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        Outbox::open(&path)
    };
    let newer = "PRAGMA application_id = 1835627105; PRAGMA user_version = 3;";
    assert!(matches!(with("newer", newer), Err(OutboxError::Newer { found: 3 })));
    assert!(matches!(with("foreign", "PRAGMA application_id = 7;"), Err(OutboxError::NotAnOutbox { found: 7 })));
    assert!(matches!(with("tables", "CREATE TABLE t (x);"), Err(OutboxError::NotAnOutbox { found: 0 })));
    std::fs::write(directory.path().join("text"), "not a database, and long enough to tell").unwrap();
    assert!(matches!(Outbox::open(&directory.path().join("text")), Err(OutboxError::Database(_))));
    assert!(with("empty", "").is_ok());
}

/// The table as version 1 made it, with one pin of each state.
const VERSION_1: &str = "
    PRAGMA application_id = 1835627105; PRAGMA user_version = 1;
    CREATE TABLE pins (
        dataset TEXT NOT NULL, service TEXT NOT NULL, statement TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('queued', 'importing', 'pinned', 'failed')),
        attempts INTEGER NOT NULL CHECK (attempts >= 0), last_error TEXT, queued_at INTEGER NOT NULL,
        changed_at INTEGER NOT NULL, due_at INTEGER NOT NULL, PRIMARY KEY (dataset, service)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX due ON pins (due_at) WHERE state IN ('queued', 'importing');";

#[test]
fn an_outbox_of_version_1_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("outbox.sqlite");
    let old = rusqlite::Connection::open(&path).unwrap();
    old.execute_batch(VERSION_1).unwrap();
    for (name, state) in [("a", "pinned"), ("b", "queued"), ("c", "failed")] {
        let key = (target(name).dataset.to_string(), statement().to_string(), state);
        let sql = "INSERT INTO pins VALUES (?1, 'http://127.0.0.1:5001', ?2, ?3, 1, NULL, 1, 2, 3)";
        old.execute(sql, key).unwrap();
    }
    drop(old);
    // Only reading it changes nothing, and all is there.
    let before = std::fs::read(&path).unwrap();
    let read = Outbox::read(&path).unwrap();
    assert_eq!((read.len(), std::fs::read(&path).unwrap()), (3, before));
    let outbox = Outbox::open(&path).unwrap();
    let state = |name: &str| outbox.job(&target(name)).unwrap().unwrap();
    assert_eq!((state("a").state, state("a").confirmed_at), (State::Pinned, Some(2)));
    assert_eq!((state("b").state, state("b").confirmed_at), (State::Queued, None));
    assert_eq!(outbox.next_due(at(0)).unwrap().unwrap().target, target("b"));
    outbox.unpinned(&target("a"), statement(), at(0)).unwrap();
    assert_eq!(Outbox::read(&path).unwrap().len(), 3);
}

#[test]
fn reading_what_is_not_there_makes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("outbox.sqlite");
    assert_eq!(Outbox::read(&path).unwrap(), []);
    assert!(!path.exists());
}

/// A service takes a pin on, is asked later, has it; then it is ended, and asked for again.
#[test]
fn a_service_takes_its_time() {
    let fixture = Fixture::new();
    let outbox = fixture.open();
    outbox.enqueue(&target("a"), statement(), at(0)).unwrap();
    outbox.begin(&target("a"), at(0)).unwrap();
    assert!(outbox.finish(&target("a"), 1, Attempt::Accepted, at(1)).unwrap());
    assert_eq!(outbox.enqueue(&target("a"), statement(), at(2)).unwrap().state, State::Pinning, "it is not asked anew");
    assert_eq!(outbox.next_due(at(10)).unwrap(), None);
    assert_eq!(outbox.next_due(at(11)).unwrap().unwrap().state, State::Pinning);
    outbox.begin(&target("a"), at(11)).unwrap();
    assert!(outbox.finish(&target("a"), 2, Attempt::Confirmed, at(12)).unwrap());
    let job = fixture.open().job(&target("a")).unwrap().unwrap();
    assert_eq!((job.state, job.confirmed_at), (State::Pinned, Some(START + 12)));

    let late = outbox.begin(&target("a"), at(13)).unwrap();
    outbox.unpinned(&target("a"), statement(), at(14)).unwrap();
    assert!(!outbox.finish(&target("a"), late.attempts, Attempt::Confirmed, at(15)).unwrap(), "it was ended meanwhile");
    assert_eq!(fixture.open().job(&target("a")).unwrap().unwrap().state, State::Unpinned);
    assert_eq!(outbox.next_due(at(1_000_000)).unwrap(), None);
    let again = outbox.enqueue(&target("a"), statement(), at(20)).unwrap();
    assert_eq!((again.state, again.attempts), (State::Queued, 0));
}
