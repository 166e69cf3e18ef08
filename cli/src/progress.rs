//! How far a long command is: a bar on terminals, events for programs, and silence elsewhere.
//!
//! ```text
//! commit ███████░░░░░░░░ 1,204,331 rows  312.4 of 766.0 MB  1.8 M rows/s  240.1 MB/s  2.1 s left
//! {"schema":"mira.progress/1","stage":"commit","rows":1204331,"bytes":312400000,"total_bytes":766000000,"elapsed_ms":1301}
//! ```

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use crate::output::{Output, ProgressMode, count, elapsed, grouped, optional_count, size, to_json};

/// How far one stage of a command is, told by any of its threads. What it shows ends when it is dropped.
#[derive(Debug)]
pub struct Progress {
    form: Form,
    stage: &'static str,
    began: Instant,
    state: Mutex<State>,
}

#[derive(Debug, Clone, Copy, Default)]
struct State {
    rows: u64,
    bytes: u64,
    total_bytes: Option<u64>,
    shown: Option<Instant>,
}

#[derive(Debug)]
enum Form {
    Silent,
    Events,
    Bar(ProgressBar),
}

#[derive(Serialize)]
struct Event {
    schema: &'static str,
    stage: &'static str,
    #[serde(serialize_with = "count")]
    rows: u64,
    #[serde(serialize_with = "count")]
    bytes: u64,
    #[serde(serialize_with = "optional_count")]
    total_bytes: Option<u64>,
    #[serde(serialize_with = "count")]
    elapsed_ms: u64,
}

/// Between two things that are shown.
const EVERY: Duration = Duration::from_millis(200);

/// The bar that is on the terminal, for those who write beside it.
static BAR: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// Writes to a terminal on which there may be a bar: the bar makes room and comes back.
pub fn beside(write: impl FnOnce()) {
    let bar = locked(&BAR).clone();
    match bar {
        Some(bar) => bar.suspend(write),
        None => write(),
    }
}

/// Takes the bar away, before the process ends at once.
pub fn clear() {
    if let Some(bar) = locked(&BAR).take() {
        bar.finish_and_clear();
    }
}

impl Progress {
    /// Begins a stage: a word such as `commit`. Without a total nobody is told how long it will take.
    pub fn new(output: &Output, stage: &'static str, total_bytes: Option<u64>) -> Self {
        let form = match output.progress {
            ProgressMode::Json => Form::Events,
            ProgressMode::Auto if !output.quiet && !output.is_json() && has_bars() => Form::Bar(bar(stage)),
            ProgressMode::Auto | ProgressMode::Off => Form::Silent,
        };
        let progress = Self { form, stage, began: Instant::now(), state: Mutex::default() };
        total_bytes.into_iter().for_each(|total| progress.left(total));
        progress
    }

    /// Says how far the stage is. Cheap enough to be called for every block.
    pub fn at(&self, rows: u64, bytes: u64) {
        self.update(|state| (state.rows, state.bytes) = (rows, bytes));
    }

    /// Says what was done since the last call.
    pub fn done(&self, rows: u64, bytes: u64) {
        self.update(|state| {
            state.rows += rows;
            state.bytes += bytes;
        });
    }

    /// Says how many bytes are left to do.
    pub fn left(&self, bytes: u64) {
        let total = {
            let mut state = locked(&self.state);
            let total = state.bytes + bytes;
            state.total_bytes = Some(total);
            total
        };
        if let Form::Bar(bar) = &self.form {
            bar.set_length(total);
        }
    }

    /// Rows and bytes so far.
    pub fn so_far(&self) -> (u64, u64) {
        let state = locked(&self.state);
        (state.rows, state.bytes)
    }

    /// Whether nobody is told, so that finding out what there is to do would be for nothing.
    pub fn is_silent(&self) -> bool {
        matches!(self.form, Form::Silent)
    }

    fn update(&self, change: impl FnOnce(&mut State)) {
        let state = {
            let mut state = locked(&self.state);
            change(&mut state);
            if self.is_silent() || state.shown.is_some_and(|shown| shown.elapsed() < EVERY) {
                return;
            }
            state.shown = Some(Instant::now());
            *state
        };
        self.show(state);
    }

    fn show(&self, state: State) {
        let State { rows, bytes, total_bytes, .. } = state;
        match &self.form {
            Form::Silent => {}
            Form::Events => {
                let elapsed_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
                let event =
                    Event { schema: "mira.progress/1", stage: self.stage, rows, bytes, total_bytes, elapsed_ms };
                // Losing an event is no reason to fail.
                let _ = writeln!(io::stderr().lock(), "{}", to_json(&event));
            }
            Form::Bar(bar) => {
                // Asked each time: the terminal may have another size by now.
                let width = terminal_width();
                let has_bar = total_bytes.is_some() && width >= NARROW;
                // The stage, the bar and the spaces between them.
                let taken = self.stage.len() + 1 + if has_bar { BAR_WIDTH + 1 } else { 0 };
                let room = width.saturating_sub(taken);
                bar.set_style(style(has_bar));
                bar.set_message(line(rows, bytes, total_bytes, self.began.elapsed(), room));
                bar.set_position(bytes);
            }
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        match &self.form {
            Form::Silent => {}
            // The last event says how far it came, whatever was shown before.
            Form::Events => self.show(*locked(&self.state)),
            Form::Bar(bar) => {
                bar.finish_and_clear();
                locked(&BAR).take();
            }
        }
    }
}

/// Whether a bar can be drawn where a person looks.
fn has_bars() -> bool {
    io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|terminal| terminal != "dumb")
}

fn terminal_width() -> usize {
    match rustix::termios::tcgetwinsize(io::stderr()) {
        Ok(size) if size.ws_col > 0 => size.ws_col.into(),
        _ => 80,
    }
}

/// Nothing under these locks can leave them half changed.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Columns of the bar itself, and of a terminal on which there is no room for it.
const BAR_WIDTH: usize = 16;
const NARROW: usize = 40;

fn bar(stage: &'static str) -> ProgressBar {
    let target = ProgressDrawTarget::stderr_with_hz(5);
    let bar = ProgressBar::with_draw_target(None, target).with_prefix(stage).with_style(style(false));
    *locked(&BAR) = Some(bar.clone());
    bar
}

fn style(has_bar: bool) -> ProgressStyle {
    let template = if has_bar { "{prefix} {bar:16} {wide_msg}" } else { "{prefix} {wide_msg}" };
    // A template that does not parse would be a fault of this file, and costs the bar's looks only.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("█▌░")
}

/// What stands beside the bar. Parts of which nothing is known are left out, and where there is little room those that
/// tell least: first rates, then rows.
#[expect(clippy::cast_precision_loss, reason = "rates for a person's eyes")]
fn line(rows: u64, bytes: u64, total: Option<u64>, time: Duration, room: usize) -> String {
    let mut parts = Vec::new();
    let seconds = time.as_secs_f64().max(0.001);
    if rows > 0 {
        parts.push((2, format!("{} row{}", grouped(rows), if rows == 1 { "" } else { "s" })));
    }
    if bytes > 0 {
        let of = total.map(|total| format!(" of {}", size(total))).unwrap_or_default();
        parts.push((1, format!("{}{of}", size(bytes))));
    }
    if rows > 0 {
        parts.push((4, format!("{} rows/s", rate(rows as f64 / seconds))));
    }
    if bytes > 0 {
        parts.push((3, format!("{:.1} MB/s", bytes as f64 / seconds / 1e6)));
    }
    // A guess from the first moments would jump about.
    if let Some(left) = total.and_then(|total| total.checked_sub(bytes))
        && bytes > 0
        && time >= Duration::from_secs(1)
        && let Ok(time) = Duration::try_from_secs_f64(seconds * (left as f64 / bytes as f64))
    {
        parts.push((0, format!("{} left", elapsed(time))));
    }
    loop {
        let text = parts.iter().map(|(_, part)| part.as_str()).collect::<Vec<_>>().join("  ");
        let least = parts.iter().map(|(rank, _)| *rank).max().unwrap_or_default();
        if parts.len() < 2 || text.chars().count() <= room {
            return text;
        }
        parts.retain(|(rank, _)| *rank != least);
    }
}

fn rate(rate: f64) -> String {
    match rate {
        rate if rate >= 1e6 => format!("{:.1} M", rate / 1e6),
        rate if rate >= 1e4 => format!("{:.0} k", rate / 1e3),
        rate => format!("{rate:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_is_known() {
        let line = |rows, bytes, total, seconds| line(rows, bytes, total, Duration::from_secs(seconds), 200);
        assert_eq!(
            line(1_204_331, 300_000_000, Some(900_000_000), 2),
            "1,204,331 rows  300.0 MB of 900.0 MB  602 k rows/s  150.0 MB/s  4.0 s left"
        );
        assert_eq!(line(0, 5_000, None, 1), "5.0 kB  0.0 MB/s");
        assert_eq!(line(10, 0, Some(7), 1), "10 rows  10 rows/s");
        assert_eq!(line(1, 0, Some(7), 1), "1 row  1 rows/s");
        assert_eq!(line(0, 0, None, 0), "");
        assert!(!line(1, 1, Some(1_000_000_000_000), 0).contains("left"));
        assert!(line(1, 2, Some(1), 9).ends_with("MB/s"), "a total that was too low is no time");
    }

    #[test]
    fn a_narrow_terminal_keeps_what_tells_most() {
        let line = |room| line(1_204_331, 300_000_000, Some(900_000_000), Duration::from_secs(2), room);
        assert_eq!(line(56), "1,204,331 rows  300.0 MB of 900.0 MB  4.0 s left");
        assert_eq!(line(34), "300.0 MB of 900.0 MB  4.0 s left");
        assert_eq!(line(12), "4.0 s left");
        assert_eq!(line(0), "4.0 s left", "the bar cuts it");
    }
}
