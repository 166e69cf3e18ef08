//! Long work, for whoever watches it: how far it is, and whether it is to go on.
//!
//! Whatever takes long here takes an [`Observer`], tells it what was done since it was told last, and ends with
//! [`Halted`] where it is asked to. It says so between two steps, at a place where nothing is half done. Who only wants
//! the work passes `&()`.

use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use tokio::time::sleep;

use crate::store::Store;

/// Is told how far long work is, by whichever thread does it.
pub trait Observer: Sync {
    /// So many rows and bytes were done since the last call. Work that waits for others calls now and then with none.
    ///
    /// # Errors
    /// [`Halted`] to end the work.
    fn done(&self, rows: u64, bytes: u64) -> Result<(), Halted>;

    /// So many bytes are left, as far as is known.
    fn left(&self, bytes: u64) {
        let _ = bytes;
    }
}

/// Whoever watches wants the work to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("stopped half-way, as was asked for")]
pub struct Halted;

/// Nobody watches.
impl Observer for () {
    fn done(&self, _: u64, _: u64) -> Result<(), Halted> {
        Ok(())
    }
}

/// Where chunk files are read, and who is told of each that was read and checked.
pub trait ChunkFiles: fmt::Debug + Sync {
    /// Where they are.
    fn store(&self) -> &Store;

    /// One is read and checked.
    ///
    /// # Errors
    /// [`Halted`] to read no more.
    fn done(&self, rows: u64, bytes: u64) -> Result<(), Halted>;
}

/// Nobody is told.
impl ChunkFiles for Store {
    fn store(&self) -> &Store {
        self
    }

    fn done(&self, _: u64, _: u64) -> Result<(), Halted> {
        Ok(())
    }
}

/// A store whose readers are watched.
#[derive(Clone, Copy)]
pub struct Watched<'a> {
    /// Where chunk files are.
    pub store: &'a Store,
    /// Who is told.
    pub observer: &'a dyn Observer,
}

impl ChunkFiles for Watched<'_> {
    fn store(&self) -> &Store {
        self.store
    }

    fn done(&self, rows: u64, bytes: u64) -> Result<(), Halted> {
        self.observer.done(rows, bytes)
    }
}

impl fmt::Debug for Watched<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched").field("store", self.store).finish_non_exhaustive()
    }
}

/// Does work that waits for others, and asks often enough whether it is to go on, also while nothing comes.
pub(crate) async fn attend<T, E: From<Halted>>(
    observer: &dyn Observer,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    const EVERY: Duration = Duration::from_millis(200);
    let mut work = pin!(work);
    loop {
        match select(work, pin!(sleep(EVERY))).await {
            Either::Left((result, _)) => return result,
            Either::Right(((), unfinished)) => {
                observer.done(0, 0)?;
                work = unfinished;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// Ends the work when it was asked so often.
    struct Patient(AtomicU32);

    impl Observer for Patient {
        fn done(&self, _: u64, _: u64) -> Result<(), Halted> {
            if self.0.fetch_sub(1, Ordering::Relaxed) > 1 { Ok(()) } else { Err(Halted) }
        }
    }

    #[test]
    fn work_that_never_ends_is_ended() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let never = std::future::pending::<Result<(), Halted>>();
        assert_eq!(runtime.block_on(attend(&Patient(AtomicU32::new(2)), never)), Err(Halted));
        let at_once = async { Ok::<_, Halted>(7) };
        assert_eq!(runtime.block_on(attend(&Patient(AtomicU32::new(1)), at_once)), Ok(7));
    }
}
