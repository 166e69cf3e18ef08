//! Files that a command leaves for its user: whole or not at all, and never over another without `--force`.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use crate::error::{CliError, Kind, Result};
use crate::temporary;

/// Writes a file from bytes at hand.
pub fn whole(path: &Path, bytes: &[u8], force: bool) -> Result<()> {
    stream(path, force, |file| file.write_all(bytes).map_err(|error| failed(path, &error)))
}

/// Writes a file as it is made. It gets its name when `fill` has returned without an error and all is durable; a crash
/// or an error before leaves at most a hidden temporary file.
pub fn stream(path: &Path, force: bool, fill: impl FnOnce(&mut BufWriter<File>) -> Result<()>) -> Result<()> {
    if path.file_name().is_none() {
        return Err(CliError::new(Kind::Usage, "not the name of a file").at(display(path)));
    }
    let temp = temporary::beside(path).map_err(|error| failed(path, &error))?;
    if !force && path.symlink_metadata().is_ok() {
        return Err(CliError::new(Kind::Failed, "there is a file already")
            .at(display(path))
            .hint("--force replaces it"));
    }
    // A rename puts a file in the place of whatever was there, be it a device.
    if path.metadata().is_ok_and(|there| !there.is_file()) {
        return Err(CliError::new(Kind::Failed, "what is there is no regular file").at(display(path)));
    }
    // Errors name the file that was asked for: nobody knows of the other one.
    let result = File::create_new(&temp).map_err(|error| failed(path, &error)).and_then(|file| {
        let mut file = BufWriter::with_capacity(1 << 20, file);
        fill(&mut file)?;
        let file = file.into_inner().map_err(|error| failed(path, error.error()))?;
        file.sync_all().map_err(|error| failed(path, &error))?;
        // Another file may have come since the check above, and is not replaced.
        temporary::place(&temp, path, force).map_err(|error| failed(path, &error))
    });
    if result.is_err() {
        // Nothing more can be done about a file that cannot be removed.
        let _ = fs::remove_file(&temp);
    }
    result
}

fn failed(path: &Path, error: &io::Error) -> CliError {
    CliError::of_io(Kind::Failed, path, error)
}

fn display(path: &Path) -> String {
    path.display().to_string()
}
