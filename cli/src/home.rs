//! The user's own directory: keys and trust, never part of a workspace.

use std::path::{Path, PathBuf};

use crate::error::{CliError, Kind, Result};

/// `$MIRA_HOME`, by default `mira` under the user's config directory.
#[derive(Debug, Clone)]
pub struct Home(PathBuf);

impl Home {
    /// Finds the directory; it need not exist yet.
    pub fn locate(given: Option<&Path>) -> Result<Self> {
        if let Some(dir) = given {
            return Ok(Self(dir.to_owned()));
        }
        let non_empty = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        // XDG Base Directory Specification: a relative path in the variable is invalid and ignored.
        non_empty("XDG_CONFIG_HOME")
            .filter(|dir| dir.is_absolute())
            .or_else(|| non_empty("HOME").map(|home| home.join(".config")))
            .map(|config| Self(config.join("mira")))
            .ok_or_else(|| {
                CliError::new(Kind::Config, "there is no home directory to keep keys and trust in")
                    .hint("set MIRA_HOME")
            })
    }

    /// The directory itself.
    pub fn dir(&self) -> &Path {
        &self.0
    }

    /// The trust file.
    pub fn trust_file(&self) -> PathBuf {
        self.0.join("trust")
    }
}
