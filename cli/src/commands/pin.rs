//! `mira pin`

use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use clap::Args;
use mira_core::fold::Withdrawn;
use mira_core::key::SigningKey;
use mira_core::statement::Kind as StatementKind;
use mira_ingest::directory::DatasetDirectory;
use mira_ingest::observer::{Halted, Observer};
use mira_ingest::outbox::{Attempt, Job};
use mira_ingest::pin::{
    Missing, PinError, RemoteState, Route, Service, Waiting, pin_dataset, pin_remotely, plan_dataset,
};
use mira_ingest::store::file_of;
use serde::Serialize;

use crate::args::Global;
use crate::clock;
use crate::error::{CliError, Kind, Result, ResultExt};
use crate::gate::{GateArgs, shell};
use crate::output::{JsonMode, Output, count, counted, optional_count, size};
use crate::pinning::{self, Node, Place, Seen, Work};
use crate::refs::Found;
use crate::session::Session;
use crate::task::Task;
use crate::{dataset, publish};

/// Pin datasets on your IPFS node, or at a pinning service it knows
///
/// Sends what the node lacks, pins the dataset's directory, and reports success only when the node lists the pin and
/// gives back a piece of the data. If the node is away, the pin is queued; `mira pin --all` and any later `mira pin`
/// of the dataset try again.
///
/// The node is MIRA_KUBO (http://127.0.0.1:5001 or /ip4/127.0.0.1/tcp/5001), else the setting `kubo`, else that of
/// IPFS_PATH. With --service the node asks a pinning service that its owner made known to it (`ipfs pin remote service
/// add`); the service's key stays there. A service lists its pins and gives nothing back, so what it says is all that
/// is known.
///
/// A node that is not on this machine, and every service, is publishing: that cannot be taken back.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mira pin penguins
  mira pin --all --dry-run
  mira pin penguins --service web3 --yes")]
pub struct PinArgs {
    /// The datasets
    #[arg(value_name = "REF", required_unless_present = "all")]
    references: Vec<String>,
    /// Every dataset of this workspace, in its latest version
    #[arg(long, conflicts_with = "references")]
    all: bool,
    /// Say what would be sent, and send nothing
    #[arg(long)]
    dry_run: bool,
    /// A pinning service, by the name that the node knows it by
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    /// Do not wait until the service has it
    #[arg(long, requires = "service")]
    background: bool,
    /// How long to wait until the service has it
    #[arg(long, requires = "service", value_name = "SECONDS", default_value_t = 600, conflicts_with = "background")]
    wait: u64,
    #[command(flatten)]
    gate: GateArgs,
}

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    service: String,
    dry_run: bool,
    pins: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    dataset: String,
    cid: String,
    statement: String,
    service: String,
    state: &'static str,
    #[serde(serialize_with = "count")]
    sent_bytes: u64,
    /// How: as CARs, or file by file.
    route: Option<&'static str>,
    confirmed_at: Option<String>,
    receipt: Option<String>,
    missing: Option<Lacking>,
    error: Option<String>,
    #[serde(skip)]
    is_away: bool,
}

/// What would be sent.
#[derive(Serialize)]
struct Lacking {
    files: usize,
    #[serde(serialize_with = "count")]
    blocks: u64,
    #[serde(serialize_with = "count")]
    block_bytes: u64,
    #[serde(serialize_with = "optional_count")]
    car_bytes: Option<u64>,
}

/// Pins them.
pub fn run(args: &PinArgs, global: &Global, output: &Output) -> Result {
    // Only looking takes no lock, so it works where nobody may write.
    let (session, lock) = match args.dry_run {
        true => (Session::open(global)?, None),
        false => Session::open_to_write(global).map(|(session, lock)| (session, Some(lock)))?,
    };
    let wanted = wanted(args, &session)?;
    let node = Node::of(&session)?;
    if lock.is_none() {
        return plan(&session, &node, &wanted, output);
    }
    let place = node.place(args.service.as_deref())?;
    // Nothing has been sent up to here.
    let _permit = match place.destination(&node) {
        Some(destination) => Some(shell::pass(&session, &wanted, &destination, args.gate, output)?),
        None => None,
    };
    let key = session.signing_key();
    if let Err(error) = &key {
        output.talk(format_args!("no receipts are signed: {}", error.in_one_line()));
    }
    let pinner = Pinner { session: &session, node: &node, key: key.ok(), waiting: waiting(args), output };
    let mut pins = Vec::new();
    for (name, found) in &wanted {
        let (line, directory) = pinner.on_node(name, found)?;
        match &place {
            Place::Service(service) => pins.push(pinner.at_service(service, &place, line, &directory, found)?),
            Place::Node => pins.push(line),
        }
    }
    finish(&place, &node, pins, args, output)
}

fn finish(place: &Place, node: &Node, pins: Vec<Line>, args: &PinArgs, output: &Output) -> Result {
    let failed = pins.iter().filter(|line| line.error.is_some()).count();
    let waits = pins.iter().filter(|line| line.error.is_none() && line.state != "pinned").count();
    let (all, is_away) = (pins.len(), pins.iter().any(|line| line.is_away));
    print(place.name(node), false, pins, output);
    if failed > 0 {
        let hint = match is_away {
            true => format!("{}; mira pin again goes on", pinning::AWAY),
            false => "mira pin again when what is wrong is mended; mira status shows what is queued".to_owned(),
        };
        let are = pinning::are(failed, all, "dataset");
        return Err(CliError::new(Kind::Failed, format!("{are} not pinned")).hint(hint));
    }
    if waits > 0 && !args.background {
        let all = counted(all as u64, "dataset");
        return Err(CliError::new(Kind::Failed, format!("the service is not done with {waits} of {all}"))
            .hint("it goes on; the same command asks again"));
    }
    Ok(ExitCode::SUCCESS)
}

fn print(service: String, dry_run: bool, pins: Vec<Line>, output: &Output) {
    match output.json {
        JsonMode::Document => output.document(&Document { schema: "mira.pin/1", service, dry_run, pins }),
        JsonMode::Lines => pins.iter().for_each(|line| output.document(line)),
        JsonMode::Off => pins.iter().for_each(|line| {
            let missing = line.missing.as_ref().map(told).unwrap_or_default();
            output.data(format_args!("{:<7} {}  {}{missing}", line.state, line.cid, line.dataset));
            line.error.iter().for_each(|error| output.talk(format_args!("  {}", crate::output::escape(error))));
        }),
    }
}

fn told(missing: &Lacking) -> String {
    let blocks = counted(missing.blocks, "block");
    format!(
        "  {blocks} of {} are missing, in {}",
        counted(missing.block_bytes, "byte"),
        counted(missing.files as u64, "file")
    )
}

/// Asks a node on this machine what it lacks. One elsewhere is not even told CIDs: all may be missing there.
fn plan(session: &Session, node: &Node, wanted: &[(String, Found<'_>)], output: &Output) -> Result {
    let mut pins = Vec::new();
    for (name, found) in wanted {
        let stored = dataset::load(&session.ledger, &session.blobs(), found)?;
        let directory = publish::directory_of(session, found, &stored, |bytes| file_of(bytes).kind(Kind::Failed))?;
        let plan = match node.address.is_loopback() {
            true => plan_dataset(&node.kubo, &directory),
            false => Missing::everything(&directory),
        };
        let plan = plan.map_err(|error| pinning::away(&error))?;
        pins.push(Line {
            state: if plan.is_pinned { "pinned" } else { "planned" },
            missing: Some(Lacking {
                files: plan.files,
                blocks: plan.content.blocks,
                block_bytes: plan.content.block_bytes,
                car_bytes: Some(plan.bytes),
            }),
            ..Line::new(name, &directory, found, node.address.to_string())
        });
    }
    print(node.address.to_string(), true, pins, output);
    Ok(ExitCode::SUCCESS)
}

fn waiting(args: &PinArgs) -> Waiting {
    let total = if args.background { Duration::ZERO } else { Duration::from_secs(args.wait) };
    Waiting { total, ..Waiting::default() }
}

fn wanted<'a>(args: &PinArgs, session: &'a Session) -> Result<Vec<(String, Found<'a>)>> {
    let fold = session.ledger.fold();
    if !args.all {
        return args
            .references
            .iter()
            .map(|text| {
                let found = session.find(text)?;
                if found.record.withdrawn == Withdrawn::Whole {
                    return Err(CliError::new(Kind::DoesNotVerify, format!("{text} was withdrawn")));
                }
                Ok((pinning::name(&found), found))
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
    Ok(all.into_iter().map(|found| (pinning::name(&found), found)).collect())
}

/// Watches a dataset on its way: the user sees how far it is, and the queue that somebody is at it.
struct Sending<'a> {
    task: Task,
    hand: Mutex<Work<'a>>,
}

impl<'a> Sending<'a> {
    fn new(work: &Work<'a>, output: &Output, stage: &'static str) -> Result<Self> {
        Ok(Self { task: Task::stoppable(output, stage, None), hand: Mutex::new(work.hand()?) })
    }

    /// What an interrupted pin leaves.
    fn interrupted(&self, name: &str) -> CliError {
        let (_, sent) = self.task.progress().so_far();
        CliError::new(Kind::Interrupted, format!("interrupted: {name} is queued, {} were sent", size(sent)))
            .hint("mira pin again sends what is missing; mira status shows the queue")
    }
}

impl Observer for Sending<'_> {
    fn done(&self, rows: u64, bytes: u64) -> std::result::Result<(), Halted> {
        self.hand.lock().unwrap_or_else(PoisonError::into_inner).renew();
        self.task.done(rows, bytes)
    }

    fn left(&self, bytes: u64) {
        self.task.left(bytes);
    }
}

/// Pins one dataset after the other.
struct Pinner<'a> {
    session: &'a Session,
    node: &'a Node,
    key: Option<SigningKey>,
    waiting: Waiting,
    output: &'a Output,
}

impl Pinner<'_> {
    fn on_node(&self, name: &str, found: &Found<'_>) -> Result<(Line, DatasetDirectory)> {
        let store = self.session.store()?;
        let directory = publish::directory(self.session, &store, found)?;
        let place = Place::Node.name(self.node);
        let work = Work::begin(self.session, directory.cid(), place.clone(), found.id)?;
        let random = u64::from_be_bytes(clock::random::<8>()?);
        let sending = Sending::new(&work, self.output, "send")?;
        let pinned = pin_dataset(&self.node.kubo, &store, &directory, name, random, &sending);
        let mut line = Line::new(name, &directory, found, place);
        match pinned {
            Ok(pinned) => {
                line.take(&work.end(Attempt::Confirmed)?);
                line.sent_bytes = pinned.sent;
                line.route = pinned.route.filter(|_| pinned.sent > 0).map(|route| match route {
                    Route::Import => "import",
                    Route::Add => "add",
                });
                line.receipt = self.receipt(&work, name, &pinned.version, Some(&pinned.read_back))?;
            }
            Err(PinError::Halted(_)) => {
                work.end(Attempt::Later { error: "interrupted" })?;
                return Err(sending.interrupted(name));
            }
            Err(error) => {
                let (job, text) = work.end_badly(&error)?;
                line.take(&job);
                (line.error, line.is_away) = (Some(text), error.is_away());
            }
        }
        Ok((line, directory))
    }

    /// Has a service pin what is on the node. Where it did not get there, the service's turn is queued.
    fn at_service(
        &self,
        service: &Service,
        place: &Place,
        on_node: Line,
        directory: &DatasetDirectory,
        found: &Found<'_>,
    ) -> Result<Line> {
        let name = on_node.dataset.clone();
        let work = Work::begin(self.session, directory.cid(), place.name(self.node), found.id)?;
        let mut line = Line { service: place.name(self.node), receipt: None, confirmed_at: None, ..on_node };
        if let Some(error) = &line.error {
            let text = format!("the node does not have it: {error}");
            line.take(&work.end(Attempt::Later { error: &text })?);
            line.error = Some(text);
            return Ok(line);
        }
        let sending = Sending::new(&work, self.output, "wait")?;
        let mut told = None;
        let mut report = |state: RemoteState| {
            told = Some(state);
            self.output.talk(format_args!("{} {name} at {}", state.as_str(), service.name));
        };
        let (kubo, cid) = (&self.node.kubo, directory.cid());
        let pinned = pin_remotely(kubo, service, &cid, &name, self.waiting, &mut report, &sending);
        drop(sending);
        match pinned {
            Ok(RemoteState::Pinned) => {
                line.take(&work.end(Attempt::Confirmed)?);
                line.receipt = self.receipt(&work, &name, &self.node.version()?, None)?;
            }
            Ok(state) => {
                let job = work.end(Attempt::Accepted)?;
                line.take(&job);
                // The service's own word for it, which is finer than the queue's.
                line.state = state.as_str();
            }
            Err(PinError::Halted(_)) => {
                // What the service has told of goes on there; else it may not have heard of it.
                let outcome = told.map_or(Attempt::Later { error: "interrupted" }, |_| Attempt::Accepted);
                let state = work.end(outcome)?.state.as_str();
                return Err(CliError::new(
                    Kind::Interrupted,
                    format!("interrupted: {name} is {state} at {}", service.name),
                )
                .hint("the same command asks again; mira status shows what was told last"));
            }
            Err(error) => {
                let (job, text) = work.end_badly(&error)?;
                line.take(&job);
                line.error = Some(text);
            }
        }
        Ok(line)
    }

    fn receipt(
        &self,
        work: &Work<'_>,
        name: &str,
        node: &str,
        read_back: Option<&mira_ingest::pin::ReadBack>,
    ) -> Result<Option<String>> {
        let Some(key) = &self.key else { return Ok(None) };
        work.receipt(&Seen { name, node, read_back, key }).map(|path| Some(path.display().to_string()))
    }
}

impl Line {
    fn new(name: &str, directory: &DatasetDirectory, found: &Found<'_>, service: String) -> Self {
        Self {
            dataset: name.to_owned(),
            cid: directory.cid().to_string(),
            statement: found.id.to_string(),
            service,
            state: "queued",
            sent_bytes: 0,
            route: None,
            confirmed_at: None,
            receipt: None,
            missing: None,
            error: None,
            is_away: false,
        }
    }

    fn take(&mut self, job: &Job) {
        self.state = job.state.as_str();
        self.confirmed_at = pinning::confirmed(job);
    }
}
