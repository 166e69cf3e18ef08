//! `mira prove`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use mira_core::dataset::ChunkLeafData;
use mira_core::digest::RowLeaf;
use mira_core::evidence::{AnchorClaim, ChunkStep, Descent, Evidence, Rotation, RowStep};
use mira_core::fold::Outcome;
use mira_core::id::{LeafIndex, TreeSize};
use mira_core::log::checkpoint::SignedCheckpoint;
use mira_core::log::tlog_proof::TlogProof;
use mira_core::merkle::Tree;
use mira_core::statement::Kind as StatementKind;
use mira_ingest::export;
use mira_ingest::rows::RowEncoder;
use mira_ingest::store::Store;
use mira_lineage::epoch;
use serde::Serialize;

use crate::args::Global;
use crate::dataset::{self, Stored};
use crate::error::{CliError, Kind, Result, ResultExt};
use crate::output::{Output, count, counted};
use crate::receipts;
use crate::refs::Found;
use crate::session::Session;
use crate::write_file;

/// Make a proof file that a stranger can check offline
///
/// A proof holds what is needed and no more: the entry with its signature, the path to the log's checkpoint, and, for a
/// row or a chunk, the way down from the dataset. The row itself is in it, so hand it only to who may see the row.
///
/// Where an epoch with the entry is in a registry (`mira anchor`), the proof stands under that epoch's checkpoint and
/// says where to look.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mira prove row penguins 17 -o row.tlog-proof
  mira prove chunk penguins 0
  mira prove entry penguins@1
  mira prove model net -o net.tlog-proof
  mira verify row.tlog-proof
  mira verify net.safetensors --proof net.tlog-proof")]
pub struct ProveArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// A row of a dataset
    #[command(after_help = "Examples:
  mira prove row penguins 7 -o row.tlog-proof
  mira prove row penguins 7 --without-row")]
    Row {
        /// The dataset
        #[arg(value_name = "REF")]
        reference: String,
        /// The row's position in the dataset, from 0
        row: u64,
        #[command(flatten)]
        to: To,
        /// Leave the row's bytes out; whoever verifies has to bring them
        #[arg(long)]
        without_row: bool,
    },
    /// A chunk of a dataset
    #[command(after_help = "Examples:
  mira prove chunk penguins 0 -o chunk.tlog-proof")]
    Chunk {
        /// The dataset
        #[arg(value_name = "REF")]
        reference: String,
        /// The chunk's index, from 0
        chunk: u64,
        #[command(flatten)]
        to: To,
    },
    /// The log entry of a statement
    #[command(after_help = "Examples:
  mira prove entry penguins@1")]
    Entry {
        /// What was stated
        #[arg(value_name = "REF")]
        reference: String,
        #[command(flatten)]
        to: To,
    },
    /// A model: the log entry of its training run, which names its files and inputs
    #[command(after_help = "Examples:
  mira prove model net -o net.tlog-proof")]
    Model {
        /// The model
        #[arg(value_name = "REF")]
        reference: String,
        #[command(flatten)]
        to: To,
    },
}

#[derive(Debug, Args)]
struct To {
    /// The proof file
    #[arg(short, long, value_name = "FILE", default_value = "proof.tlog-proof")]
    output: PathBuf,
    /// Write over an existing file
    #[arg(long)]
    force: bool,
}

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    file: String,
    #[serde(serialize_with = "count")]
    bytes: u64,
    statement: String,
    #[serde(serialize_with = "count")]
    index: u64,
    #[serde(serialize_with = "count")]
    size: u64,
    /// The epoch whose checkpoint the proof stands under, if it is in a registry.
    epoch: Option<u64>,
    /// Whether the row's bytes are in the proof; nothing if it is not of a row.
    with_row: Option<bool>,
}

/// Makes the proof.
pub fn run(args: &ProveArgs, global: &Global, output: &Output) -> Result {
    let session = Session::open(global)?;
    let (reference, to) = match &args.what {
        What::Row { reference, to, .. }
        | What::Chunk { reference, to, .. }
        | What::Entry { reference, to }
        | What::Model { reference, to } => (reference, to),
    };
    let found = session.find(reference)?;
    let (descent, schema) = match args.what {
        What::Entry { .. } => (Descent::Entry, None),
        What::Model { .. } if found.record.kind != StatementKind::Train => {
            let message = format!("{reference} is not a model but a {} statement", found.record.kind);
            return Err(CliError::new(Kind::Usage, message).hint("mira prove entry proves any statement"));
        }
        What::Model { .. } => (Descent::Entry, None),
        What::Chunk { chunk, .. } => {
            let stored = dataset::load(&session.ledger, &session.blobs(), &found)?;
            (Descent::Chunk(chunk_step(&stored, chunk)?), Some(stored.manifest.fields().schema.to_cbor()))
        }
        What::Row { row, without_row, .. } => {
            let stored = dataset::load(&session.ledger, &session.blobs(), &found)?;
            (to_row(&session, &stored, row, without_row)?, Some(stored.manifest.fields().schema.to_cbor()))
        }
    };
    let with_row = match &descent {
        Descent::Row { row, .. } => Some(row.row.is_some()),
        _ => None,
    };
    let ground = ground(&session, found.record.seq)?;
    let proof = prove(&session, &found, &ground, descent, schema)?;
    let bytes = proof.to_bytes();
    write_file::whole(&to.output, &bytes, to.force)?;
    let size = ground.size.value();
    let epoch = ground.anchor.as_ref().map(|anchor| anchor.epoch.value());
    let file = to.output.display().to_string();
    if output.is_json() {
        output.document(&Document {
            schema: "mira.prove/1",
            file,
            bytes: bytes.len() as u64,
            statement: found.id.to_string(),
            index: found.record.seq.value(),
            size,
            epoch,
            with_row,
        });
    } else {
        let epoch = epoch.map(|epoch| format!(", epoch {epoch}")).unwrap_or_default();
        let length = counted(bytes.len() as u64, "byte");
        output.data(format_args!("{file}: {length}, entry {} of {size}{epoch}", found.record.seq));
    }
    if with_row == Some(false) && !matches!(args.what, What::Row { without_row: true, .. }) {
        output.talk("the row was removed here, so it is not in the proof: mira verify --row takes it from who has it");
    }
    Ok(ExitCode::SUCCESS)
}

/// The checkpoint that a proof stands under, and where that one is anchored.
struct Ground {
    checkpoint: SignedCheckpoint,
    size: TreeSize,
    anchor: Option<AnchorClaim>,
}

fn prove(
    session: &Session,
    found: &Found<'_>,
    ground: &Ground,
    descent: Descent,
    schema: Option<Vec<u8>>,
) -> Result<TlogProof> {
    let log = session.ledger.log();
    let index = found.record.seq;
    let entry = log.entry(index).kind(Kind::DoesNotVerify)?;
    let path = log.prove_inclusion(index, ground.size).kind(Kind::DoesNotVerify)?;
    let rotations = rotations(session, found, ground.size)?;
    let evidence = Evidence { entry, descent, schema, rotations, anchor: ground.anchor.clone() };
    Ok(TlogProof { extra: evidence.to_cbor(), index, path, checkpoint: ground.checkpoint.clone() })
}

/// The checkpoint of the earliest anchored epoch that has the entry, since the oldest anchor says most; one on a chain
/// that others see goes before one on the local chain. Without any, the log's own checkpoint.
fn ground(session: &Session, index: LeafIndex) -> Result<Ground> {
    let log = session.ledger.log();
    let mut local = None;
    for epoch in epoch::read_all(log).kind(Kind::DoesNotVerify)? {
        if epoch.head().size.value() <= index.value() {
            continue;
        }
        let Some(receipt) = receipts::load(&session.workspace, &epoch)? else { continue };
        let (checkpoint, size) = (epoch.checkpoint().signed().clone(), epoch.head().size);
        let found = Ground { checkpoint, size, anchor: Some(receipts::claim(&receipt)) };
        if !receipt.local {
            return Ok(found);
        }
        local.get_or_insert(found);
    }
    let unanchored = || Ground { checkpoint: log.checkpoint().signed().clone(), size: log.size(), anchor: None };
    Ok(local.unwrap_or_else(unanchored))
}

/// The rotations of the signer before this entry.
fn rotations(session: &Session, found: &Found<'_>, size: TreeSize) -> Result<Vec<Rotation>> {
    let log = session.ledger.log();
    let before = session.ledger.history().iter().take_while(|event| event.index < found.record.seq);
    let rotations = before.filter(|event| match &event.outcome {
        Outcome::Accepted(accepted) => {
            accepted.record.kind == StatementKind::Rotate && accepted.record.signer == found.record.signer
        }
        Outcome::Refused(_) => false,
    });
    rotations
        .map(|event| {
            let entry = log.entry(event.index).kind(Kind::DoesNotVerify)?;
            let path = log.prove_inclusion(event.index, size).kind(Kind::DoesNotVerify)?;
            Ok(Rotation { entry, index: event.index, path })
        })
        .collect()
}

fn chunk_step(stored: &Stored, chunk: u64) -> Result<ChunkStep> {
    let chunks = stored.chunks.chunks();
    let leaf = usize::try_from(chunk).ok().and_then(|chunk| chunks.get(chunk)).map(|chunk| chunk.leaf);
    let leaf = leaf.ok_or_else(|| out_of_range("chunk", chunk, chunks.len() as u64))?;
    let index = LeafIndex::new(chunk);
    let path = Tree::new(chunks.iter().map(|chunk| chunk.leaf.leaf())).path(index).kind(Kind::Failed)?;
    Ok(ChunkStep { index, path, leaf })
}

fn to_row(session: &Session, stored: &Stored, row: u64, without_row: bool) -> Result<Descent> {
    let (chunk, within) = locate(stored.chunks.chunks().iter().map(|chunk| &chunk.leaf), row)
        .ok_or_else(|| out_of_range("row", row, stored.manifest.fields().rows))?;
    let store = session.store()?;
    let index = LeafIndex::new(within);
    let Rows { leaves, row } = rows(&store, stored, chunk, within)?;
    let path = Tree::new(leaves).path(index).kind(Kind::Failed)?;
    let row = RowStep { index, path, row: row.filter(|_| !without_row) };
    Ok(Descent::Row { chunk: chunk_step(stored, chunk as u64)?, row })
}

/// The leaves of a chunk's rows, and one of the rows if they are here.
struct Rows {
    leaves: Vec<RowLeaf>,
    row: Option<Vec<u8>>,
}

fn rows(store: &Store, stored: &Stored, index: usize, row: u64) -> Result<Rows> {
    let gone = || CliError::new(Kind::Failed, "the chunk is gone");
    let chunk = stored.committed.chunks.get(index).ok_or_else(gone)?;
    if !store.has(&chunk.cid).kind(Kind::Failed)? {
        // What `mira rm` keeps of rows is enough for a proof, though not for the row in it.
        let leaves = store.leaves(&chunk.leaf).kind(Kind::DoesNotVerify)?;
        let leaves = leaves.ok_or_else(|| {
            CliError::new(Kind::NotChecked, format!("neither rows nor leaves of chunk {index} are here"))
                .hint("mira get REF --from URL fetches them, mira add of the same files brings them back")
        })?;
        return Ok(Rows { leaves, row: None });
    }
    let batch = export::chunk(&stored.committed, store, index)
        .kind(Kind::DoesNotVerify)
        .map_err(|error| error.hint(DAMAGED))?
        .ok_or_else(gone)?;
    let mut encoder = RowEncoder::new(&batch).kind(Kind::Failed)?;
    let leaves = encoder.leaves().kind(Kind::Failed)?.into_iter().map(|leaf| leaf.hash).collect();
    let mut bytes = Vec::new();
    let at = usize::try_from(row).kind(Kind::Failed)?;
    encoder.encode(at, &mut bytes).kind(Kind::Failed)?;
    Ok(Rows { leaves, row: Some(bytes) })
}

/// What mends a chunk file that does not verify.
const DAMAGED: &str = "mira get REF --from URL fetches it again, mira add of the same files writes it again";

/// The chunk that holds the row at this position, and the row's place in it.
fn locate<'a>(chunks: impl Iterator<Item = &'a ChunkLeafData>, row: u64) -> Option<(usize, u64)> {
    let mut before = 0_u64;
    for (index, chunk) in chunks.enumerate() {
        if row - before < chunk.rows {
            return Some((index, row - before));
        }
        before += chunk.rows;
    }
    None
}

fn out_of_range(what: &str, asked: u64, len: u64) -> CliError {
    CliError::new(Kind::Usage, format!("there is no {what} {asked}: the dataset has {}", TreeSize::new(len)))
        .hint("positions count from 0")
}
