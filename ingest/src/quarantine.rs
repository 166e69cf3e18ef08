//! Bad records, kept for whoever mends them: private, and never part of what is published.
//!
//! One file for each run that set something aside, a line for each record, in the order of the input:
//!
//! ```text
//! {"file":"sales.csv","line":7,"byte":193,"fault":193,"kind":"ragged","reason":"ragged row: 2 fields, header has 6","raw":"7,x"}
//! {"file":"sales.csv","line":9,"byte":230,"fault":233,"kind":"utf8","reason":"not UTF-8","raw_base64":"OSz//g=="}
//! {"file":"sales.parquet","row":7,"column":"names[]","fault":3,"kind":"utf8","reason":"column …","raw_base64":"Y2Fm6Q=="}
//! ```
//!
//! Of a text, `line` and `byte` are where the record begins, `fault` is the byte at fault, and the bytes from `byte` on are
//! the record without the end of its line. A record too long for memory comes in several lines, of which all but the first
//! have `"continues":true`. Of a file without lines, `row` is the row, from 0, `column` the column with the path inside it,
//! `fault` the byte at fault in the value, and the bytes are those of the value: a text's or bytes' own, of anything else
//! the number that stands for it in the file, in decimal. The file's name is its SHA-256: the same bad records make the
//! same file.

mod kept;

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use data_encoding::BASE64;
use mira_core::digest::{Digest, Hasher};
use serde::Serialize;

use crate::source::{BadRow, Problem, Spot};

pub use kept::{Kept, files, name, read, remove};

/// A file of bad records that is being written.
///
/// Until [`Quarantine::keep`] it has a temporary name, which goes away with this value; a process that is killed leaves
/// it to [`sweep`].
#[derive(Debug)]
pub struct Quarantine {
    directory: PathBuf,
    temporary: PathBuf,
    file: BufWriter<File>,
    hasher: Hasher,
}

#[derive(Serialize)]
struct Head<'a> {
    file: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    byte: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    row: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<&'a str>,
    fault: u64,
    kind: &'static str,
    reason: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    continues: bool,
}

impl Quarantine {
    /// Begins a file in a directory of such files, which is made if it is not there and is its owner's alone.
    pub fn begin(directory: &Path) -> io::Result<Self> {
        make_private(directory)?;
        let temporary = directory.join(format!("{TEMPORARY}{}", std::process::id()));
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = BufWriter::with_capacity(1 << 16, options.open(&temporary)?);
        Ok(Self { directory: directory.to_owned(), temporary, file, hasher: Hasher::default() })
    }

    /// Adds a record. At most one is in memory, whatever the number.
    pub fn push(&mut self, row: &BadRow) -> io::Result<()> {
        let (line, byte, number) = match row.place.spot {
            Spot::Text { line, byte } => (Some(line), Some(byte), None),
            Spot::Row(number) => (None, None, Some(number)),
            Spot::File => (None, None, None),
        };
        // A record of text stays as it was before rows had columns.
        let column = match &row.problem {
            Problem::Value { column, .. } if number.is_some() => Some(column.as_str()),
            _ => None,
        };
        let head = Head {
            file: &row.place.file.to_string_lossy(),
            line,
            byte,
            row: number,
            column,
            fault: row.fault,
            kind: row.problem.kind().unwrap_or("other"),
            reason: row.problem.to_string(),
            continues: row.continues,
        };
        let mut head = serde_json::to_vec(&head)?;
        // The raw bytes go on where the object ends, so that they need not be copied into it.
        head.pop();
        self.write(&head)?;
        match std::str::from_utf8(&row.bytes) {
            Ok(text) => {
                self.write(b",\"raw\":")?;
                let raw = serde_json::to_vec(text)?;
                self.write(&raw)?;
            }
            Err(_) => {
                self.write(b",\"raw_base64\":\"")?;
                for part in row.bytes.chunks(BASE64_PART) {
                    self.write(BASE64.encode(part).as_bytes())?;
                }
                self.write(b"\"")?;
            }
        }
        self.write(b"}\n")
    }

    /// Gives the file its name, durably when this returns, and returns its path.
    pub fn keep(mut self) -> io::Result<PathBuf> {
        self.file.flush()?;
        self.file.get_ref().sync_all()?;
        let path = kept::path(&self.directory, &self.digest());
        // A crash before this line leaves a temporary file, which nothing reads.
        fs::rename(&self.temporary, &path)?;
        File::open(&self.directory)?.sync_all()?;
        Ok(path)
    }

    fn digest(&self) -> Digest {
        self.hasher.clone().finish()
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hasher.update(bytes);
        self.file.write_all(bytes)
    }
}

impl Drop for Quarantine {
    fn drop(&mut self) {
        // Gone if it was kept; else a leftover that cannot be removed is harmless.
        let _ = fs::remove_file(&self.temporary);
    }
}

/// Removes the temporary files of processes, by their numbers, of which `is_gone` is true.
pub fn sweep(directory: &Path, is_gone: impl Fn(u32) -> bool) -> io::Result<()> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let process = name.to_str().and_then(|name| name.strip_prefix(TEMPORARY)?.parse().ok());
        if process.is_some_and(&is_gone) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// What the name of a temporary file begins with; the number of its process follows.
const TEMPORARY: &str = "tmp-";
/// Bytes encoded in one go: divisible by three, so that the parts of base64 fit together.
const BASE64_PART: usize = 3 << 14;

fn make_private(directory: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests state what they expect")]

    use std::sync::Arc;

    use super::*;
    use crate::source::{Place, Reason};

    fn bad(bytes: &[u8], continues: bool) -> BadRow {
        let spot = Spot::Text { line: 7, byte: 193 };
        let place = Place { file: Arc::from(Path::new("sales.csv")), spot };
        let problem = Problem::Ragged { found: 2, expected: 6 };
        BadRow { place, fault: 195, problem, bytes: bytes.to_vec(), continues }
    }

    #[test]
    fn lines_hold_the_bytes_and_the_name_their_digest() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("quarantine");
        let mut file = Quarantine::begin(&path).unwrap();
        let long = vec![0xff; BASE64_PART + 1];
        file.push(&bad(b"7,\"x\n", false)).unwrap();
        file.push(&bad(&long, true)).unwrap();
        let kept = file.keep().unwrap();
        let text = fs::read_to_string(&kept).unwrap();
        assert_eq!(kept.file_stem().unwrap().to_str().unwrap(), Digest::of(text.as_bytes()).to_string());
        let lines: Vec<&str> = text.lines().collect();
        let reason = "\"kind\":\"ragged\",\"reason\":\"ragged row: 2 fields, header has 6\"";
        let head = format!("{{\"file\":\"sales.csv\",\"line\":7,\"byte\":193,\"fault\":195,{reason}");
        assert_eq!(
            lines,
            [
                format!("{head},\"raw\":\"7,\\\"x\\n\"}}"),
                format!("{head},\"continues\":true,\"raw_base64\":\"{}\"}}", BASE64.encode(&long)),
            ]
        );
        assert_eq!(fs::read_dir(&path).unwrap().count(), 1, "no temporary file is left");

        // The second line goes on with the record of the first; edits are seen.
        let digest = name(&kept).unwrap();
        assert_eq!(files(&path).unwrap(), [(digest, text.len() as u64)]);
        assert_eq!(read(&path, &digest).unwrap(), Some(Kept { records: 1, digest }));
        let edited = text.replacen("continues", "continued", 1);
        fs::write(&kept, &edited).unwrap();
        let digest_of_edited = Digest::of(edited.as_bytes());
        assert_eq!(read(&path, &digest).unwrap(), Some(Kept { records: 2, digest: digest_of_edited }));
        remove(&path, &digest).unwrap();
        remove(&path, &digest).unwrap();
        assert_eq!(read(&path, &digest).unwrap(), None);
        assert!(files(&path).unwrap().is_empty() && files(&path.join("nowhere")).unwrap().is_empty());
    }

    #[test]
    fn a_row_is_named_by_its_number_and_column() {
        let directory = tempfile::tempdir().unwrap();
        let place = Place { file: Arc::from(Path::new("sales.parquet")), spot: Spot::Row(7) };
        let (column, excerpt) = ("names[]".to_owned(), "\"caf\\xe9\"".to_owned());
        let problem = Problem::Value { column, reason: Reason::Utf8, excerpt };
        let mut file = Quarantine::begin(directory.path()).unwrap();
        file.push(&BadRow { place, fault: 3, problem, bytes: b"caf\xe9".to_vec(), continues: false }).unwrap();
        let expected = concat!(
            r#"{"file":"sales.parquet","row":7,"column":"names[]","fault":3,"kind":"utf8","#,
            r#""reason":"column \"names[]\": not UTF-8: \"caf\\xe9\"","raw_base64":"Y2Fm6Q=="}"#,
            "\n"
        );
        assert_eq!(fs::read_to_string(file.keep().unwrap()).unwrap(), expected);
    }

    #[test]
    fn what_is_not_kept_goes_away() {
        let directory = tempfile::tempdir().unwrap();
        drop(Quarantine::begin(directory.path()).unwrap());
        fs::write(directory.path().join("tmp-1"), "").unwrap();
        fs::write(directory.path().join("tmp-2"), "").unwrap();
        sweep(directory.path(), |process| process == 2).unwrap();
        sweep(&directory.path().join("nowhere"), |_| true).unwrap();
        let left: Vec<_> = fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["tmp-1"]);
    }
}
