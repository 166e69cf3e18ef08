//! Ctrl-C, and what else asks a process to end.
//!
//! A command that has something to say about its half-done work holds [`SafePoints`] while it works and looks at them
//! now and then: the first signal is left to it, the second ends the process at once. Every other command ends with the
//! first. Ending anywhere is safe, because whatever becomes visible does so whole; safe points are about what is said.

use std::process;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::error::{CliError, Kind};
use crate::output::Output;
use crate::progress;

/// Exit code of a process that was interrupted.
const CODE: i32 = 130;

static ASKED: AtomicBool = AtomicBool::new(false);
static WATCHING: AtomicUsize = AtomicUsize::new(0);

/// Takes over SIGINT, SIGTERM and SIGHUP. Where somebody before had them ignored, as `nohup` does, they stay ignored.
pub fn install(output: Output) {
    // Without handlers the signals do what they always do, which is safe too.
    let _ = ctrlc::try_set_handler(move || {
        let is_first = !ASKED.swap(true, Ordering::SeqCst);
        if is_first && WATCHING.load(Ordering::SeqCst) > 0 {
            output.talk("\nstopping at the next safe point; once more stops at once");
            return;
        }
        progress::clear();
        if is_first {
            let error = CliError::new(Kind::Interrupted, "interrupted")
                .hint("nothing is half-visible; the same command can be run again");
            eprintln!("{}", if output.is_json() { error.to_json() } else { error.to_text() });
        }
        process::exit(CODE);
    });
}

/// While one of these lives, the first signal only asks.
#[derive(Debug)]
pub struct SafePoints(());

impl SafePoints {
    /// Promises to look at them at least every second or so.
    pub fn watch() -> Self {
        WATCHING.fetch_add(1, Ordering::SeqCst);
        Self(())
    }

    /// Whether to stop here.
    pub fn stop(&self) -> bool {
        ASKED.load(Ordering::SeqCst)
    }
}

impl Drop for SafePoints {
    fn drop(&mut self) {
        WATCHING.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The error of a command that stopped at a safe point: `kept` is what the next run need not do again.
pub fn interrupted(kept: &str) -> CliError {
    CliError::new(Kind::Interrupted, format!("interrupted: {kept}")).hint("the same command goes on from there")
}

/// The same where nothing is kept.
pub fn interrupted_before(what: &str) -> CliError {
    CliError::new(Kind::Interrupted, format!("interrupted: {what}")).hint("the same command starts again")
}
