//! What this process takes from the world when it signs: the time, and randomness.

use std::time::{SystemTime, UNIX_EPOCH};

use mira_core::statement::Nonce;
use mira_core::time::UtcTime;

use crate::error::{CliError, Kind, Result};

/// The time, as this machine has it: a claim, and not evidence.
pub fn now() -> Result<UtcTime> {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_secs()).ok())
        .and_then(UtcTime::from_unix_seconds)
        .ok_or_else(|| CliError::new(Kind::Config, "this machine's clock is not set to a time after 1970"))
}

/// Fresh random bytes.
pub fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| CliError::new(Kind::Failed, format!("no randomness from the system: {error}")))?;
    Ok(bytes)
}

/// A fresh nonce for a statement.
pub fn nonce() -> Result<Nonce> {
    random().map(Nonce::new)
}
