//! What a command reports when it fails: a kind, a message, a place and a hint.
//!
//! On a terminal an error is up to three lines,
//!
//! ```text
//! error: ragged row: 7 fields, header has 6
//!   at sales.csv:10482 (byte 1204331)
//!   hint: --on-bad-row quarantine sets it aside
//! ```
//!
//! and with `--json` it is one object, `{"error":{"kind":…,"message":…,"where":…,"hint":…}}`, as the last line of stderr.

use std::error::Error;
use std::fmt;
use std::io;
use std::iter;
use std::path::Path;
use std::process::ExitCode;

use mira_ingest::outbox::OutboxError;
use mira_ingest::store::StoreError;
use serde::Serialize;

use crate::nearby;
use crate::output::{escape, to_json};

/// What went wrong, in the sense that matters to a caller: each kind has one exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The command could not do its work. Exit code 1.
    Failed,
    /// A file, a REF or a key that is not there. Exit code 1.
    NotFound,
    /// Settings or the workspace are not usable. Exit code 1.
    Config,
    /// The command line makes no sense. Exit code 2.
    Usage,
    /// Evidence that does not hold, or a thing that is not allowed. Exit code 3.
    DoesNotVerify,
    /// Evidence that could not be checked, or a question without an answer. Exit code 4.
    NotChecked,
    /// The user stopped it. Exit code 130.
    Interrupted,
}

impl Kind {
    /// The exit code, as documented by `mira help exit-codes`.
    pub fn exit_code(self) -> ExitCode {
        ExitCode::from(match self {
            Self::Failed | Self::NotFound | Self::Config => 1,
            Self::Usage => 2,
            Self::DoesNotVerify => 3,
            Self::NotChecked => 4,
            Self::Interrupted => 130,
        })
    }
}

/// A failure of a command.
#[derive(Debug, Serialize)]
pub struct CliError {
    /// What kind of failure.
    pub kind: Kind,
    message: String,
    #[serde(rename = "where")]
    place: Option<String>,
    hint: Option<String>,
}

/// What a command returns.
pub type Result<T = ExitCode> = std::result::Result<T, CliError>;

impl CliError {
    /// A failure with a message: a lower-case clause without a full stop.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), place: None, hint: None }
    }

    /// What the system says about a file.
    pub fn of_io(kind: Kind, path: &Path, error: &io::Error) -> Self {
        let failed = Self::new(kind, error.to_string()).at(path.display().to_string());
        let hint = match error.kind() {
            io::ErrorKind::NotFound => nearby::hint(path),
            kind => room(kind).map(str::to_owned),
        };
        Self { hint, ..failed }
    }

    /// A failure that an error of a library tells: it and its sources as one clause. What the system said about a file of
    /// the store gets a line for its place.
    pub fn caused(kind: Kind, error: &(dyn Error + 'static)) -> Self {
        let (mut clauses, mut place, mut hint) = (Vec::new(), None, None);
        for error in causes(error) {
            match error.downcast_ref::<StoreError>() {
                Some(StoreError::Io { action, path, .. }) => {
                    place = Some(path.display().to_string());
                    clauses.push(format!("cannot {action} a file of the store"));
                }
                _ => push_clause(&mut clauses, error),
            }
            if let Some((file, refused)) = of_database(error) {
                place = Some(file.to_owned());
                hint = room(refused).or(Some(UNTOLD));
                if refused == io::ErrorKind::StorageFull {
                    // The system's words, as of every other file; SQLite's are its own.
                    clauses.push("No space left on device".to_owned());
                    break;
                }
            }
            hint = hint.or_else(|| error.downcast_ref::<io::Error>().and_then(|error| room(error.kind())));
        }
        Self { kind, message: clauses.join(": "), place, hint: hint.map(str::to_owned) }
    }

    /// The same failure, with what was tried before what the system said.
    pub fn saying(mut self, tried: &str) -> Self {
        self.message = format!("{tried}: {}", self.message);
        self
    }

    /// The same failure as one of another kind.
    pub fn of_kind(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }

    /// Says where: a path, a line, a byte.
    pub fn at(mut self, place: impl Into<String>) -> Self {
        self.place = Some(place.into());
        self
    }

    /// Says what would help.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What is wrong.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What would help.
    pub fn help(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// The lines for a person. Strings may come from files and peers, so control characters are escaped.
    pub fn to_text(&self) -> String {
        let mut text = format!("error: {}", escape(&self.message));
        if let Some(place) = &self.place {
            text.push_str(&format!("\n  at {}", escape(place)));
        }
        if let Some(hint) = &self.hint {
            text.push_str(&format!("\n  hint: {}", escape(hint)));
        }
        text
    }

    /// The same in one line, without the word error, for a list.
    pub fn in_one_line(&self) -> String {
        self.to_text().trim_start_matches("error: ").replace('\n', ",")
    }

    /// The line for a program.
    pub fn to_json(&self) -> String {
        to_json(&ErrorDocument { error: self })
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.place.as_ref().map_or(Ok(()), |place| write!(f, " at {place}"))
    }
}

/// As the source of another error: rewards ask for rows, and what the workspace answers is one of these.
impl Error for CliError {}

#[derive(Serialize)]
struct ErrorDocument<'a> {
    error: &'a CliError,
}

/// Gives an error of a library its kind; the chain of its sources becomes one clause.
pub trait ResultExt<T> {
    /// Turns the error into a [`CliError`] of this kind.
    fn kind(self, kind: Kind) -> Result<T>;
}

impl<T, E: Error + 'static> ResultExt<T> for std::result::Result<T, E> {
    fn kind(self, kind: Kind) -> Result<T> {
        self.map_err(|error| CliError::caused(kind, &error))
    }
}

/// What helps where the system refuses for want of room or rights.
fn room(refused: io::ErrorKind) -> Option<&'static str> {
    match refused {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Some("make room and run this again: it goes on where it was (mira gc --dry-run says what could go)")
        }
        io::ErrorKind::ReadOnlyFilesystem => {
            Some("the file system takes no writes: mount it with them, or use another")
        }
        io::ErrorKind::PermissionDenied => {
            Some("you may not do this here: look at the owner and the mode of the place")
        }
        _ => None,
    }
}

/// What helps where a database does not say what the system said.
const UNTOLD: &str = "see whether the disk has room and takes writes, and run this again: it goes on where it was";

/// The file of a queue in the workspace that the system did not let be used, and what it refused.
fn of_database(error: &(dyn Error + 'static)) -> Option<(&'static str, io::ErrorKind)> {
    let pins = error.downcast_ref::<OutboxError>().and_then(OutboxError::refused);
    let transactions = error.downcast_ref::<mira_anchor::outbox::OutboxError>().and_then(|error| error.refused());
    let pins = pins.map(|refused| (".mira/outbox.sqlite", refused));
    pins.or(transactions.map(|refused| (".mira/chain/outbox.sqlite", refused)))
}

/// An error and its sources, outermost first, joined by colons.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut clauses = Vec::new();
    causes(error).into_iter().for_each(|error| push_clause(&mut clauses, error));
    clauses.join(": ")
}

/// An error and its sources. Of a connection that could not be made or broke, the layers in between say nothing more.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> Vec<&'a (dyn Error + 'static)> {
    let causes: Vec<_> = iter::successors(Some(error), |error| Error::source(*error)).collect();
    if let [first, .., last] = *causes
        && last.downcast_ref::<io::Error>().is_some_and(is_of_a_connection)
    {
        return vec![first, last];
    }
    causes
}

fn is_of_a_connection(error: &io::Error) -> bool {
    use io::ErrorKind as Is;
    matches!(
        error.kind(),
        Is::ConnectionRefused
            | Is::ConnectionReset
            | Is::ConnectionAborted
            | Is::HostUnreachable
            | Is::NetworkUnreachable
    )
}

/// Adds what an error says, unless the one that it is the source of has said it already.
fn push_clause(clauses: &mut Vec<String>, error: &dyn Error) {
    let text = error.to_string();
    if !clauses.last().is_some_and(|said| said.ends_with(&text)) {
        clauses.push(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_room_and_no_rights_are_three_lines() {
        for (number, said, hint) in [
            (28, "No space left", "mira gc --dry-run"),
            (30, "Read-only file system", "takes no writes"),
            (13, "Permission denied", "owner and the mode"),
        ] {
            let (action, path) = ("write", "store/tmp/1-0".into());
            let error = StoreError::Io { action, path, source: io::Error::from_raw_os_error(number) };
            let text = CliError::caused(Kind::Failed, &error).to_text();
            assert!(text.starts_with("error: cannot write a file of the store: ") && text.contains(said), "{text}");
            assert!(text.contains("\n  at store/tmp/1-0\n  hint: ") && text.contains(hint), "{text}");
            let text =
                CliError::of_io(Kind::Failed, Path::new("blobs/x"), &io::Error::from_raw_os_error(number)).to_text();
            assert!(text.contains("\n  at blobs/x\n  hint: ") && text.contains(hint), "{text}");
        }
    }

    #[test]
    fn three_lines_and_no_control_characters() {
        let error = CliError::new(Kind::NotFound, "no such key \u{1b}[31m").at("a\nb").hint("mira key list");
        assert_eq!(error.to_text(), "error: no such key \\u{1b}[31m\n  at a\\nb\n  hint: mira key list");
        assert_eq!(
            error.to_json(),
            r#"{"error":{"kind":"not-found","message":"no such key \u001b[31m","where":"a\nb","hint":"mira key list"}}"#
        );
    }
}
