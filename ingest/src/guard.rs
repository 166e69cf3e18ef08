//! Running code that may panic on hostile bytes, so that a damaged file is an error and says nothing besides.
//!
//! The Parquet library is careful with damaged files but not proven against hostile ones: some make it index past an end.
//! Its state is dropped with the panic, so nothing broken is seen again. What is not caught here: memory that runs out.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work` on this thread; `None` if it panicked, and then nothing was printed. Other threads, and panics outside of
/// `work`, are reported as ever.
pub(crate) fn guarded<T>(work: impl FnOnce() -> T) -> Option<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let report = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !GUARDED.get() {
                report(info);
            }
        }));
    });
    let outer = GUARDED.replace(true);
    let done = panic::catch_unwind(AssertUnwindSafe(work));
    GUARDED.set(outer);
    done.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::panic, reason = "that is what it is about")]
    fn a_panic_becomes_nothing_and_the_guard_ends() {
        assert_eq!(guarded(|| 7), Some(7));
        let none: Option<()> = guarded(|| {
            assert_eq!(guarded(|| panic!("inner")), None::<()>);
            assert!(GUARDED.get(), "the outer guard goes on");
            panic!("outer")
        });
        assert_eq!((none, GUARDED.get()), (None, false));
    }
}
