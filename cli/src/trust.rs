//! Whom this user believes: log keys, kept outside every workspace.
//!
//! The trust file has one `log VKEY` a line, `#` comments and blank lines. It is the user's own word; nothing that is
//! being checked may add to it.

use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;

use mira_core::note::VerifierKey;
use mira_core::policy::Policy;

use crate::error::{CliError, Kind, Result, ResultExt};
use crate::home::Home;

/// Largest trust file that is read.
const MAX_TRUST_FILE: u64 = 1 << 20;

/// The user's trust file.
#[derive(Debug)]
pub struct Trust {
    path: PathBuf,
    logs: Vec<VerifierKey>,
}

impl Trust {
    /// Reads the trust file; none is an empty one.
    pub fn load(home: &Home) -> Result<Self> {
        let path = home.trust_file();
        let text = match fs::metadata(&path) {
            Ok(meta) if meta.len() > MAX_TRUST_FILE => {
                return Err(
                    CliError::new(Kind::Config, "the trust file is larger than 1 MiB").at(path.display().to_string())
                );
            }
            Ok(_) => fs::read_to_string(&path)
                .map_err(|error| CliError::new(Kind::Config, error.to_string()).at(path.display().to_string()))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(CliError::new(Kind::Config, error.to_string()).at(path.display().to_string())),
        };
        let mut logs = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let key = line.strip_prefix("log ").map(str::trim).and_then(|vkey| vkey.parse::<VerifierKey>().ok());
            logs.push(key.ok_or_else(|| {
                CliError::new(Kind::Config, "expected `log VKEY`").at(format!("{}:{number}", path.display()))
            })?);
        }
        Ok(Self { path, logs })
    }

    /// The logs believed.
    pub fn logs(&self) -> &[VerifierKey] {
        &self.logs
    }

    /// Believes a log; says whether that is new.
    pub fn add(&mut self, key: VerifierKey) -> Result<bool> {
        if self.logs.contains(&key) {
            return Ok(false);
        }
        self.logs.push(key);
        self.save().map(|()| true)
    }

    /// Stops believing the logs of this name, or this very key; says how many.
    pub fn remove(&mut self, name_or_vkey: &str) -> Result<usize> {
        let before = self.logs.len();
        self.logs.retain(|key| key.name() != name_or_vkey && key.to_string() != name_or_vkey);
        let removed = before - self.logs.len();
        if removed > 0 {
            self.save()?;
        }
        Ok(removed)
    }

    /// The same as a policy: any of the logs, no witnesses.
    pub fn policy(&self) -> Policy {
        Policy::of_logs(self.logs.iter().cloned())
    }

    /// Replaces the file in one step: a crash leaves the old one or the new one.
    fn save(&self) -> Result<()> {
        let text: String = self.logs.iter().map(|key| format!("log {key}\n")).collect();
        self.replace(&text)
            .map_err(|error| CliError::new(Kind::Failed, error.to_string()).at(self.path.display().to_string()))
    }

    fn replace(&self, text: &str) -> io::Result<()> {
        let dir = self.path.parent().ok_or(io::ErrorKind::InvalidInput)?;
        fs::create_dir_all(dir)?;
        let temp = self.path.with_extension(format!("tmp-{}", std::process::id()));
        let mut file = fs::File::create(&temp)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&temp, &self.path)?;
        fs::File::open(dir)?.sync_all()
    }
}

/// Reads a verifier key that the user typed.
pub fn parse_vkey(text: &str) -> Result<VerifierKey> {
    text.parse::<VerifierKey>().kind(Kind::Usage).map_err(|error| {
        error.hint("a verifier key looks like example.com/log+1234abcd+AbCd…, as `mira log key` prints it")
    })
}
