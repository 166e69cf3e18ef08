//! Copies in temporary files, of what can be read only once or only from the start.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use super::meter::Meter;
use super::plain::Plain;

/// Which side of the copy failed.
#[derive(Debug)]
pub(crate) enum SpoolError {
    /// What was to be copied could not be read.
    Read(io::Error),
    /// The copy could not be written.
    Write(io::Error),
}

const BUFFER: usize = 256 << 10;

/// The directory for temporary files: the one given, else the system's (`TMPDIR`).
pub(crate) fn scratch(given: Option<&Path>) -> PathBuf {
    given.map_or_else(std::env::temp_dir, Path::to_owned)
}

/// Copies all of `from` into a file without a name in `directory`: it is gone with this process, however that ends.
pub(crate) fn spool(from: &mut dyn Read, directory: &Path) -> Result<Plain, SpoolError> {
    let mut file = anonymous(directory).map_err(SpoolError::Write)?;
    let mut buffer = vec![0; BUFFER];
    let mut len = 0;
    loop {
        let read = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(SpoolError::Read(error)),
        };
        file.write_all(buffer.get(..read).unwrap_or_default()).map_err(SpoolError::Write)?;
        len += read as u64;
    }
    // Nothing is synced: after a crash nobody looks for it.
    Ok(Plain::new(file, len, Meter::default()))
}

/// A file that only its owner can read, without a name. A process that dies between the two calls leaves an empty file.
fn anonymous(directory: &Path) -> io::Result<File> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    loop {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = directory.join(format!(".mira-spool-{}-{number}", process::id()));
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        match options.open(&path) {
            Ok(file) => {
                fs::remove_file(&path)?;
                return Ok(file);
            }
            // Left by a process of the same number, or put there by somebody else: never opened.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
}
