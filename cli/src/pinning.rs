//! Where datasets are pinned, and what is kept of it: the user's node, pinning services that it knows, the queue and
//! the receipts.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use mira_core::cid::Cid;
use mira_core::digest::StatementId;
use mira_core::key::SigningKey;
use mira_core::pin_receipt::{PinReceipt, PinState, PinnedPiece};
use mira_core::statement::Natural;
use mira_core::time::UtcTime;
use mira_ingest::outbox::{Attempt, Job, Outbox, State, Target};
use mira_ingest::pin::{Address, Kubo, PinError, ReadBack, Service, services_of, version_of};

use crate::error::{CliError, Kind, Result, ResultExt, chain};
use crate::output::counted;
use crate::refs::Found;
use crate::session::Session;
use crate::{clock, pin_receipts, publish};

/// What helps where no node answers.
pub const AWAY: &str = "is Kubo running? `ipfs daemon` starts it, and MIRA_KUBO says where it is";

/// What a node said, or that it did not.
pub fn away(error: &PinError) -> CliError {
    let failed = CliError::caused(Kind::Failed, error);
    if error.is_away() { failed.hint(AWAY) } else { failed }
}

/// `1 of 1 dataset is`, `2 of 3 datasets are`.
pub fn are(some: usize, all: usize, what: &str) -> String {
    format!("{some} of {} {}", counted(all as u64, what), if some == 1 { "is" } else { "are" })
}

/// The user's node.
pub struct Node {
    /// Its RPC API.
    pub kubo: Kubo,
    /// Where that is.
    pub address: Address,
}

/// What a pin is asked of.
pub enum Place {
    /// The node itself.
    Node,
    /// A pinning service, through the node.
    Service(Service),
}

/// One attempt at a pin, which the queue knows of. Whoever holds it gives signs of life.
pub struct Work<'a> {
    session: &'a Session,
    outbox: Outbox,
    target: Target,
    statement: StatementId,
    attempt: u32,
    renewed: Instant,
}

impl Node {
    /// The node that settings name.
    pub fn of(session: &Session) -> Result<Self> {
        let address = publish::node(session)?;
        Ok(Self { kubo: Kubo::new(&address).kind(Kind::Failed)?, address })
    }

    /// Where a pin is asked for: the node, or a service that it knows by this name.
    pub fn place(&self, service: Option<&str>) -> Result<Place> {
        let Some(name) = service else { return Ok(Place::Node) };
        let mut known = services_of(&self.kubo).map_err(|error| away(&error))?;
        if let Some(found) = known.iter().position(|service| service.name == name) {
            return Ok(Place::Service(known.swap_remove(found)));
        }
        let names: Vec<&str> = known.iter().map(|service| service.name.as_str()).collect();
        let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        Err(CliError::new(Kind::NotFound, format!("the node at {} knows no pinning service {name:?}", self.address))
            .hint(format!("it knows {known}; `ipfs pin remote service add NAME ENDPOINT KEY` makes one known")))
    }

    /// The software that answers, for receipts; it has just answered something else.
    pub fn version(&self) -> Result<String> {
        version_of(&self.kubo).map_err(|error| away(&error))
    }
}

impl Place {
    /// The name in the queue and in receipts: scheme, host and port, after the name of a service.
    pub fn name(&self, node: &Node) -> String {
        match self {
            Self::Node => node.address.to_string(),
            Self::Service(service) => format!("{} at {}", service.name, service.endpoint),
        }
    }

    /// Whom the data go to, if anybody gets them who is not the user's own node on this machine.
    pub fn destination(&self, node: &Node) -> Option<String> {
        match self {
            Self::Node if node.address.is_loopback() => None,
            Self::Node => Some(node.address.to_string()),
            Self::Service(_) if node.address.is_loopback() => Some(self.name(node)),
            Self::Service(_) => Some(format!("{} and {}", node.address, self.name(node))),
        }
    }
}

impl<'a> Work<'a> {
    /// Begins. The queue knows of it before anything is sent, so a crash on any line leaves it queued.
    pub fn begin(session: &'a Session, cid: Cid, place: String, statement: StatementId) -> Result<Self> {
        let outbox = publish::outbox(session)?;
        let target = Target { dataset: cid, service: place };
        outbox.enqueue(&target, statement, clock::now()?).kind(Kind::Failed)?;
        let attempt = outbox.begin(&target, clock::now()?).kind(Kind::Failed)?.attempts;
        Ok(Self { session, outbox, target, statement, attempt, renewed: Instant::now() })
    }

    /// Another hand for the thread that reports progress.
    pub fn hand(&self) -> Result<Work<'a>> {
        let outbox = publish::outbox(self.session)?;
        Ok(Self { outbox, target: self.target.clone(), renewed: Instant::now(), ..*self })
    }

    /// Says that it is still being worked on.
    pub fn renew(&mut self) {
        const EVERY: Duration = Duration::from_secs(60);
        if self.renewed.elapsed() < EVERY {
            return;
        }
        self.renewed = Instant::now();
        // If it cannot be written now, the next piece that is sent tries again; at worst the work is done twice.
        if let Ok(now) = clock::now() {
            let _ = self.outbox.renew(&self.target, self.attempt, now);
        }
    }

    /// Writes down what became of it: in the queue, which is the commit point.
    pub fn end(&self, outcome: Attempt<'_>) -> Result<Job> {
        self.outbox.finish(&self.target, self.attempt, outcome, clock::now()?).kind(Kind::Failed)?;
        let job = self.outbox.job(&self.target).kind(Kind::Failed)?;
        job.ok_or_else(|| CliError::new(Kind::Failed, "the queue lost the pin"))
    }

    /// The same of an error: queued again if trying later can help.
    pub fn end_badly(&self, error: &PinError) -> Result<(Job, String)> {
        let text = chain(error);
        let outcome =
            if error.is_transient() { Attempt::Later { error: &text } } else { Attempt::Never { error: &text } };
        Ok((self.end(outcome)?, text))
    }

    /// Signs what was seen, with the user's key. Gives the file.
    pub fn receipt(&self, seen: &Seen<'_>) -> Result<PathBuf> {
        let Seen { name, node, read_back, key } = *seen;
        let receipt = PinReceipt {
            cid: self.target.dataset,
            statement: self.statement,
            name: name.to_owned(),
            service: self.target.service.clone(),
            node: node.to_owned(),
            state: PinState::Pinned,
            read_back: read_back.and_then(|piece| {
                let (offset, length) = (Natural::new(piece.offset)?, Natural::new(piece.len)?);
                Some(PinnedPiece { path: piece.path.clone(), offset, length })
            }),
            at: clock::now()?,
        };
        pin_receipts::keep(&self.session.workspace, &receipt, key)
    }
}

/// What a receipt says beside what the queue knows.
#[derive(Clone, Copy)]
pub struct Seen<'a> {
    /// The name of the pin.
    pub name: &'a str,
    /// The software that answered.
    pub node: &'a str,
    /// What it gave back.
    pub read_back: Option<&'a ReadBack>,
    /// Who signs.
    pub key: &'a SigningKey,
}

/// Records that a pin is gone, and signs that. Gives the file of the receipt, if there is a key.
pub fn record_unpinned(
    session: &Session,
    cid: Cid,
    found: &Found<'_>,
    (place, name, node): (&str, &str, &str),
    key: Option<&SigningKey>,
) -> Result<Option<PathBuf>> {
    let target = Target { dataset: cid, service: place.to_owned() };
    publish::outbox(session)?.unpinned(&target, found.id, clock::now()?).kind(Kind::Failed)?;
    let Some(key) = key else { return Ok(None) };
    let receipt = PinReceipt {
        cid,
        statement: found.id,
        name: name.to_owned(),
        service: place.to_owned(),
        node: node.to_owned(),
        state: PinState::Unpinned,
        read_back: None,
        at: clock::now()?,
    };
    pin_receipts::keep(&session.workspace, &receipt, key).map(Some)
}

/// What a dataset is called, and its pin with it: `name@version`, or the statement's id.
pub fn name(found: &Found<'_>) -> String {
    match &found.record.version {
        Some(version) => format!("{}@{}", version.name, version.number),
        None => found.id.to_string(),
    }
}

/// When a pin was last seen, as text.
pub fn confirmed(job: &Job) -> Option<String> {
    job.confirmed_at.and_then(UtcTime::from_unix_seconds).map(|time| time.to_string())
}

/// The pins of a dataset that are there or wanted, for listings.
pub fn of<'j>(jobs: &'j [Job], statement: &StatementId) -> impl Iterator<Item = &'j Job> {
    let statement = *statement;
    jobs.iter().filter(move |job| job.statement == statement && job.state != State::Unpinned)
}
