//! How much of an input's bytes has been read, for whoever shows it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A count of bytes that readers on any thread add to. Clones share it.
///
/// The bytes are those that lie on the disk: of a compressed file the compressed ones, so that the count moves evenly
/// towards [`Source::bytes_total`](super::Source::bytes_total).
#[derive(Debug, Clone, Default)]
pub struct Meter(Arc<AtomicU64>);

impl Meter {
    /// How many bytes have been read since the last pass over the input began.
    pub fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    #[inline]
    pub(crate) fn add(&self, bytes: usize) {
        self.0.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Begins at zero again.
    pub(crate) fn restart(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}
