//! Pins at a pinning service, asked for through the user's node.
//!
//! ```text
//! nothing there ── ask ──→ queued → pinning → pinned
//! failed ── end, ask ──↗      ↘ failed
//! ```
//!
//! The node keeps the service's address and key; neither comes here, but for the scheme and host of the address. A
//! service fetches the data from whoever has it, so the node must have it before. It lists pins and gives nothing back:
//! that it lists one as pinned is all that can be known of it through this interface. Asking again is safe at any point:
//! what the service says it has is not asked for twice.

use std::time::{Duration, Instant};

use mira_core::cid::Cid;

use super::{Kubo, Pin as _, PinError};
use crate::observer::{Observer, attend};

/// A pinning service that a node knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Its name at the node.
    pub name: String,
    /// Its address: scheme and host, nothing that may be secret.
    pub endpoint: String,
}

/// How far a service is with a pin, the better the greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RemoteState {
    /// Given up.
    Failed,
    /// Not begun.
    Queued,
    /// Being fetched.
    Pinning,
    /// There.
    Pinned,
}

/// How long a service is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// In all; nothing to ask and go.
    pub total: Duration,
    /// Before the second look; it doubles with each.
    pub first: Duration,
    /// The longest between two looks.
    pub longest: Duration,
}

impl Default for Waiting {
    fn default() -> Self {
        Self { total: Duration::from_secs(600), first: Duration::from_millis(500), longest: Duration::from_secs(30) }
    }
}

impl Service {
    pub(super) fn new(name: String, endpoint: &str) -> Self {
        Self { name, endpoint: super::address::shown(endpoint) }
    }
}

impl RemoteState {
    /// The state's spelling, which is that of the interface.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Queued => "queued",
            Self::Pinning => "pinning",
            Self::Pinned => "pinned",
        }
    }

    pub(super) fn named(text: &str) -> Option<Self> {
        [Self::Failed, Self::Queued, Self::Pinning, Self::Pinned].into_iter().find(|state| state.as_str() == text)
    }
}

/// The services that a node knows, for callers that are not async.
///
/// # Errors
/// [`PinError`].
pub fn services_of(node: &Kubo) -> Result<Vec<Service>, PinError> {
    runtime()?.block_on(node.services())
}

/// The software of a node, for callers that are not async.
///
/// # Errors
/// [`PinError`].
pub fn version_of(node: &Kubo) -> Result<String, PinError> {
    runtime()?.block_on(node.version())
}

/// Has a service pin what the node has, and waits for it, for callers that are not async. `report` hears of every change.
/// Gives the state at the end: pinned, or what it was when the time was over. The observer can end it at any time: what
/// the service has taken on goes on there, and asking again finds it.
///
/// # Errors
/// [`PinError::Halted`] where that is asked for; [`PinError::RemoteFailed`] if the service gives up; [`PinError::Refused`] with its words if it says no.
pub fn pin_remotely(
    node: &Kubo,
    service: &Service,
    cid: &Cid,
    name: &str,
    waiting: Waiting,
    report: &mut dyn FnMut(RemoteState),
    observer: &dyn Observer,
) -> Result<RemoteState, PinError> {
    runtime()?.block_on(attend(observer, async {
        let started = Instant::now();
        let mut state = ask(node, service, cid, name).await?;
        report(state);
        let mut pause = waiting.first;
        let mut trouble = None;
        while state < RemoteState::Pinned {
            if state == RemoteState::Failed {
                return Err(PinError::RemoteFailed { service: service.name.clone() });
            }
            if started.elapsed() + pause > waiting.total {
                // Not knowing is worse news than waiting.
                return trouble.map_or(Ok(state), Err);
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(waiting.longest);
            match node.remote_state(&service.name, cid, name).await {
                // It forgot what it took on: as good as failed.
                Ok(found) => {
                    let found = found.unwrap_or(RemoteState::Failed);
                    if found != state {
                        report(found);
                    }
                    (state, trouble) = (found, None);
                }
                // A service that is down for a moment goes on where it was.
                Err(error) if error.is_transient() => trouble = Some(error),
                Err(error) => return Err(error),
            }
        }
        Ok(state)
    }))
}

/// Asks for the pin, unless the service has it or is at it. One that failed is ended first, so that it is tried anew.
async fn ask(node: &Kubo, service: &Service, cid: &Cid, name: &str) -> Result<RemoteState, PinError> {
    match node.remote_state(&service.name, cid, name).await? {
        Some(RemoteState::Failed) => node.remote_rm(&service.name, cid, name, true).await?,
        Some(state) => return Ok(state),
        None => {}
    }
    node.remote_add(&service.name, cid, name).await
}

/// Ends a service's pins of this CID and name, whatever their state, and makes sure that it lists none. Gives whether
/// there was one.
///
/// # Errors
/// [`PinError::StillPinned`] if it goes on listing one.
pub fn unpin_remotely(node: &Kubo, service: &Service, cid: &Cid, name: &str) -> Result<bool, PinError> {
    runtime()?.block_on(async {
        let was = node.remote_state(&service.name, cid, name).await?.is_some();
        if was {
            node.remote_rm(&service.name, cid, name, false).await?;
        }
        match node.remote_state(&service.name, cid, name).await? {
            None => Ok(was),
            Some(_) => Err(PinError::StillPinned { root: *cid }),
        }
    })
}

fn runtime() -> Result<tokio::runtime::Runtime, PinError> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(PinError::Runtime)
}
