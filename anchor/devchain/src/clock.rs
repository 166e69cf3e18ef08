//! Where the time of blocks comes from.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Tells the time, in seconds since 1970. It may run backwards: blocks do not.
pub trait Clock: Send {
    /// The time now.
    fn now(&self) -> u64;
}

/// The clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

/// A clock that stands still until it is set, for tests and scripts that must give the same hashes again.
#[derive(Debug, Clone, Default)]
pub struct ManualClock(Arc<AtomicU64>);

impl Clock for SystemClock {
    fn now(&self) -> u64 {
        // A machine whose clock stands before 1970 gets blocks one second apart.
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs())
    }
}

impl ManualClock {
    /// A clock that shows a time; copies of it show the same.
    pub fn at(time: u64) -> Self {
        let clock = Self::default();
        clock.set(time);
        clock
    }

    /// Sets this clock and all its copies.
    pub fn set(&self, time: u64) {
        self.0.store(time, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}
