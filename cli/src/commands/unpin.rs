//! `mira unpin`

use std::process::ExitCode;

use clap::Args;
use mira_ingest::pin::{unpin_dataset, unpin_remotely};
use mira_ingest::store::file_of;
use serde::Serialize;

use crate::args::Global;
use crate::error::{CliError, Kind, Result, ResultExt, chain};
use crate::output::{JsonMode, Output, escape};
use crate::pinning::{self, Node, Place};
use crate::refs::Found;
use crate::session::Session;
use crate::{dataset, publish};

/// End pins that `mira pin` made
///
/// Ends the node's pin of the dataset's directory, if it has the name that mira gave it, or the service's with
/// --service, and makes sure that it is no longer listed. The blocks stay until the node collects its garbage (`ipfs
/// repo gc`), and whoever has a copy keeps it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mira unpin penguins@1
  mira unpin penguins --service web3")]
pub struct UnpinArgs {
    /// The datasets
    #[arg(value_name = "REF", required = true)]
    references: Vec<String>,
    /// A pinning service, by the name that the node knows it by
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
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
    service: String,
    state: &'static str,
    was_pinned: bool,
    receipt: Option<String>,
    error: Option<String>,
    #[serde(skip)]
    is_away: bool,
}

/// Ends them.
pub fn run(args: &UnpinArgs, global: &Global, output: &Output) -> Result {
    let session = Session::open(global)?;
    let wanted: Vec<Found<'_>> = args.references.iter().map(|text| session.find(text)).collect::<Result<_>>()?;
    let _lock = session.workspace.lock()?;
    let node = Node::of(&session)?;
    let place = node.place(args.service.as_deref())?;
    let lines = wanted.iter().map(|found| unpin(&session, &node, &place, found));
    let lines: Vec<Line> = lines.collect::<Result<_>>()?;
    let failed = lines.iter().filter(|line| line.error.is_some()).count();
    let is_away = lines.iter().any(|line| line.is_away);
    let (all, service) = (lines.len(), place.name(&node));
    match output.json {
        JsonMode::Document => output.document(&Document { schema: "mira.unpin/1", service, pins: lines }),
        JsonMode::Lines => lines.iter().for_each(|line| output.document(line)),
        JsonMode::Off => lines.iter().for_each(|line| {
            let note = if line.state == "unpinned" && !line.was_pinned { "  (it was not pinned)" } else { "" };
            output.data(format_args!("{:<8} {}  {}{note}", line.state, line.cid, line.dataset));
            line.error.iter().for_each(|error| output.talk(format_args!("  {}", escape(error))));
        }),
    }
    if failed > 0 {
        let hint = match is_away {
            true => format!("{}; the same command tries again", pinning::AWAY),
            false => "the same command tries again; a pin under another name is ended by `ipfs pin rm`".to_owned(),
        };
        return Err(CliError::new(Kind::Failed, format!("{} not ended", pinning::are(failed, all, "pin"))).hint(hint));
    }
    output.talk("blocks stay until the node collects its garbage");
    Ok(ExitCode::SUCCESS)
}

fn unpin(session: &Session, node: &Node, place: &Place, found: &Found<'_>) -> Result<Line> {
    let name = pinning::name(found);
    let stored = dataset::load(&session.ledger, &session.blobs(), found)?;
    let directory = publish::directory_of(session, found, &stored, |bytes| file_of(bytes).kind(Kind::Failed))?;
    let (cid, service) = (directory.cid(), place.name(node));
    let ended = match place {
        Place::Node => unpin_dataset(&node.kubo, &cid, &name),
        Place::Service(service) => unpin_remotely(&node.kubo, service, &cid, &name),
    };
    let mut line = Line {
        dataset: name,
        cid: cid.to_string(),
        service,
        state: "failed",
        was_pinned: false,
        receipt: None,
        error: None,
        is_away: false,
    };
    match ended {
        Ok(was_pinned) => {
            let key = session.signing_key().ok();
            let said = (line.service.as_str(), line.dataset.as_str(), &*node.version()?);
            let receipt = pinning::record_unpinned(session, cid, found, said, key.as_ref())?;
            line.receipt = receipt.map(|path| path.display().to_string());
            (line.state, line.was_pinned) = ("unpinned", was_pinned);
        }
        Err(error) => (line.error, line.is_away) = (Some(chain(&error)), error.is_away()),
    }
    Ok(line)
}
