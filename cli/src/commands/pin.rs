//! `mira pin`

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use mira_core::fold::Withdrawn;
use mira_core::statement::Kind as StatementKind;
use mira_ingest::outbox::{Attempt, Outbox, State, Target};
use mira_ingest::pin::{Kubo, pin_dataset};
use serde::Serialize;

use crate::args::Global;
use crate::clock;
use crate::error::{CliError, Kind, Result, ResultExt, chain};
use crate::gate::{self, GateArgs};
use crate::output::{Output, count};
use crate::publish;
use crate::refs::Found;
use crate::session::Session;

/// Pin datasets on your IPFS node
///
/// Sends what the node lacks, pins the dataset's directory, and reports success only when the node lists the pin and
/// gives back a piece of the data. If the node is away, the pin is queued; `mira pin --all` and any later `mira pin`
/// of the dataset try again.
///
/// The node is MIRA_KUBO (http://127.0.0.1:5001 or /ip4/127.0.0.1/tcp/5001), else the setting `kubo`, else that of
/// IPFS_PATH. On a node that is not on this machine, data are published: that is asked about first, and refused for data that
/// are not public, have no licence, or in which a scan found what may be secrets or personal data.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mira pin penguins
  mira pin --all")]
pub struct PinArgs {
    /// The datasets
    #[arg(value_name = "REF", required_unless_present = "all")]
    references: Vec<String>,
    /// Every dataset of this workspace, in its latest version
    #[arg(long, conflicts_with = "references")]
    all: bool,
    #[command(flatten)]
    gate: GateArgs,
}

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    service: String,
    pins: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    dataset: String,
    cid: String,
    state: &'static str,
    #[serde(serialize_with = "count")]
    sent_bytes: u64,
    error: Option<String>,
}

/// Pins them.
pub fn run(args: &PinArgs, global: &Global, output: &Output) -> Result {
    let session = Session::open(global)?;
    let _lock = session.workspace.lock()?;
    let address = publish::node(&session)?;
    let kubo = Kubo::new(&address).kind(Kind::Failed)?;
    let wanted = wanted(args, &session)?;
    if !address.is_loopback() {
        gate::shell::pass(&session, &wanted, &address.to_string(), args.gate, output)?;
    }
    let mut pins = Vec::new();
    for (name, found) in &wanted {
        pins.push(pin(&session, &kubo, name, found)?);
    }
    let failed = pins.iter().filter(|line| line.error.is_some()).count();
    if output.is_json() {
        let service = kubo.service().to_owned();
        output.document(&Document { schema: "mira.pin/1", service, pins });
    } else {
        for line in &pins {
            output.data(format_args!("{:<7} {}  {}", line.state, line.cid, line.dataset));
            line.error.iter().for_each(|error| output.talk(format_args!("  {error}")));
        }
    }
    if failed > 0 {
        return Err(CliError::new(Kind::Failed, format!("{failed} of {} datasets are not pinned", wanted.len()))
            .hint("they are queued: mira pin again when the node is back, mira status shows them"));
    }
    Ok(ExitCode::SUCCESS)
}

/// The right to work on one pin, which ends unless there are signs of life.
struct Lease<'a> {
    outbox: Outbox,
    target: &'a Target,
    attempt: u32,
    renewed: Instant,
}

impl Lease<'_> {
    fn renew(&mut self) {
        const EVERY: Duration = Duration::from_secs(60);
        if self.renewed.elapsed() < EVERY {
            return;
        }
        self.renewed = Instant::now();
        // If it cannot be written now, the next piece that is sent tries again; at worst the work is done twice.
        if let Ok(now) = clock::now() {
            let _ = self.outbox.renew(self.target, self.attempt, now);
        }
    }
}

fn wanted<'a>(args: &PinArgs, session: &'a Session) -> Result<Vec<(String, Found<'a>)>> {
    let fold = session.ledger.fold();
    let name = |found: &Found<'_>| match &found.record.version {
        Some(version) => format!("{}@{}", version.name, version.number),
        None => found.id.to_string(),
    };
    if !args.all {
        return args
            .references
            .iter()
            .map(|text| {
                let found = session.find(text)?;
                if found.record.withdrawn == Withdrawn::Whole {
                    return Err(CliError::new(Kind::DoesNotVerify, format!("{text} was withdrawn")));
                }
                Ok((name(&found), found))
            })
            .collect();
    }
    let mut all: Vec<Found<'a>> = fold
        .statements()
        .filter(|(_, record)| matches!(record.kind, StatementKind::Contribute | StatementKind::Transform))
        .filter(|(_, record)| record.withdrawn != Withdrawn::Whole)
        .filter(|(id, record)| session.ledger.latest(record).as_ref() == Some(*id))
        .map(|(id, record)| Found { id: *id, record })
        .collect();
    all.sort_by_key(|found| found.record.seq);
    Ok(all.into_iter().map(|found| (name(&found), found)).collect())
}

/// Pins one dataset. The queue knows of it before anything is sent, so a crash on any line leaves it queued.
fn pin(session: &Session, kubo: &Kubo, name: &str, found: &Found<'_>) -> Result<Line> {
    let store = session.store()?;
    let directory = publish::directory(session, &store, found)?;
    let outbox = publish::outbox(session)?;
    let target = Target { dataset: directory.cid(), service: kubo.service().to_owned() };
    outbox.enqueue(&target, found.id, clock::now()?).kind(Kind::Failed)?;
    let job = outbox.begin(&target, clock::now()?).kind(Kind::Failed)?;
    let random = u64::from_be_bytes(clock::random::<8>()?);
    // A connection of its own, because this one must not go to the thread that reports progress.
    let own = publish::outbox(session)?;
    let mut lease = Lease { outbox: own, target: &target, attempt: job.attempts, renewed: Instant::now() };
    let result = pin_dataset(kubo, &store, &directory, name, random, &mut |_| lease.renew());
    let text = result.as_ref().err().map(|error| chain(error));
    let outcome = match (&result, &text) {
        (Err(error), Some(text)) if error.is_transient() => Attempt::Later { error: text },
        (Err(_), Some(text)) => Attempt::Never { error: text },
        _ => Attempt::Confirmed,
    };
    outbox.finish(&target, job.attempts, outcome, clock::now()?).kind(Kind::Failed)?;
    let state = outbox.job(&target).kind(Kind::Failed)?.map_or(State::Failed, |job| job.state);
    Ok(Line {
        dataset: name.to_owned(),
        cid: directory.cid().to_string(),
        state: super::status::state_name(state),
        sent_bytes: result.map_or(0, |pinned| pinned.sent),
        error: text,
    })
}
