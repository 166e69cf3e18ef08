//! How far a long command is: a bar on terminals, events for programs, and silence elsewhere.
//!
//! ```text
//! commit ███████░░░░░░░░ 1,204,331 rows  312.4 of 766.0 MB  1.8 M rows/s  240.1 MB/s  2.1 s left
//! {"schema":"mira.progress/1","stage":"commit","rows":1204331,"bytes":312400000,"total_bytes":766000000,"elapsed_ms":1301}
//! ```

use std::io::{self, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use crate::output::{Output, ProgressMode, count, elapsed, grouped, optional_count, size, to_json};

/// How far one stage of a command is. What it shows ends when it is dropped.
#[derive(Debug)]
pub struct Progress {
    form: Form,
    stage: &'static str,
    total_bytes: Option<u64>,
    began: Instant,
    shown: Option<Instant>,
    rows: u64,
    bytes: u64,
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

impl Progress {
    /// Begins a stage: a word such as `commit`. Without a total nobody is told how long it will take.
    pub fn new(output: &Output, stage: &'static str, total_bytes: Option<u64>) -> Self {
        let form = match output.progress {
            ProgressMode::Json => Form::Events,
            ProgressMode::Auto if !output.quiet && !output.is_json() && io::stderr().is_terminal() => {
                Form::Bar(bar(stage, total_bytes))
            }
            ProgressMode::Auto | ProgressMode::Off => Form::Silent,
        };
        Self { form, stage, total_bytes, began: Instant::now(), shown: None, rows: 0, bytes: 0 }
    }

    /// Says how far the stage is. Cheap enough to be called for every block.
    pub fn at(&mut self, rows: u64, bytes: u64) {
        (self.rows, self.bytes) = (rows, bytes);
        if matches!(self.form, Form::Silent) || self.shown.is_some_and(|shown| shown.elapsed() < EVERY) {
            return;
        }
        self.shown = Some(Instant::now());
        self.show();
    }

    fn show(&self) {
        let (rows, bytes, total_bytes) = (self.rows, self.bytes, self.total_bytes);
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
                bar.set_message(line(rows, bytes, total_bytes, self.began.elapsed()));
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
            Form::Events => self.show(),
            Form::Bar(bar) => bar.finish_and_clear(),
        }
    }
}

fn bar(stage: &'static str, total_bytes: Option<u64>) -> ProgressBar {
    let target = ProgressDrawTarget::stderr_with_hz(5);
    let bar = ProgressBar::with_draw_target(total_bytes, target).with_prefix(stage);
    let template = if total_bytes.is_some() { "{prefix} {bar:16} {wide_msg}" } else { "{prefix} {wide_msg}" };
    // A template that does not parse would be a fault of this file, and costs the bar's looks only.
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style.progress_chars("█▌░")),
        Err(_) => bar,
    }
}

/// What stands beside the bar; parts of which nothing is known are left out.
#[expect(clippy::cast_precision_loss, reason = "rates for a person's eyes")]
fn line(rows: u64, bytes: u64, total: Option<u64>, time: Duration) -> String {
    let mut parts = Vec::new();
    let seconds = time.as_secs_f64().max(0.001);
    if rows > 0 {
        parts.push(format!("{} row{}", grouped(rows), if rows == 1 { "" } else { "s" }));
    }
    if bytes > 0 {
        parts.push(match total {
            Some(total) => format!("{} of {}", size(bytes), size(total)),
            None => size(bytes),
        });
    }
    if rows > 0 {
        parts.push(format!("{} rows/s", rate(rows as f64 / seconds)));
    }
    if bytes > 0 {
        parts.push(format!("{:.1} MB/s", bytes as f64 / seconds / 1e6));
    }
    // A guess from the first moments would jump about.
    if let Some(left) = total.and_then(|total| total.checked_sub(bytes))
        && bytes > 0
        && time >= Duration::from_secs(1)
        && let Ok(time) = Duration::try_from_secs_f64(seconds * (left as f64 / bytes as f64))
    {
        parts.push(format!("{} left", elapsed(time)));
    }
    parts.join("  ")
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
        let line = |rows, bytes, total, seconds| line(rows, bytes, total, Duration::from_secs(seconds));
        assert_eq!(
            line(1_204_331, 300_000_000, Some(900_000_000), 2),
            "1,204,331 rows  300.0 MB of 900.0 MB  602 k rows/s  150.0 MB/s  4.0 s left"
        );
        assert_eq!(line(0, 5_000, None, 1), "5.0 kB  0.0 MB/s");
        assert_eq!(line(10, 0, Some(7), 1), "10 rows  10 rows/s");
        assert_eq!(line(0, 0, None, 0), "");
        assert!(!line(1, 1, Some(1_000_000_000_000), 0).contains("left"));
        assert!(line(1, 2, Some(1), 9).ends_with("MB/s"), "a total that was too low is no time");
    }
}
