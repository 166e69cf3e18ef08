//! `mira add --dry-run`: what would be added, and nothing written.

use std::collections::BTreeMap;
use std::process::ExitCode;

use mira_core::name::Name;
use mira_core::row::{self, NamedRow};
use mira_ingest::report::Show;
use mira_ingest::rows::RowEncoder;
use mira_ingest::source::{Plan, Source};
use mira_ingest::store::{Lookup, Unstored};
use serde::Serialize;
use serde_json::value::RawValue;

use super::run::{Added, Run};
use super::watch::BadRowPolicy;
use super::{AddArgs, Parent, card, name, parent};
use crate::args::Global;
use crate::error::{Kind, Result, ResultExt};
use crate::output::{Output, count, counted, escape, optional_count, size, to_width};
use crate::reading::{self, source_error};
use crate::session::Session;

/// Rows that are shown.
const SAMPLE: usize = 5;

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    dry_run: bool,
    dataset: String,
    #[serde(serialize_with = "optional_count")]
    version: Option<u64>,
    previous: Option<String>,
    unchanged: bool,
    root: String,
    schema_id: String,
    columns: Box<RawValue>,
    inferred: bool,
    format: String,
    detected: String,
    files: Vec<FileLine>,
    #[serde(serialize_with = "count")]
    input_bytes: u64,
    #[serde(serialize_with = "count")]
    rows: u64,
    #[serde(serialize_with = "count")]
    bad_rows: u64,
    bad_rows_by_kind: BTreeMap<&'static str, u64>,
    first_bad_rows: Vec<BadLine>,
    #[serde(serialize_with = "count")]
    chunks: u64,
    #[serde(serialize_with = "count")]
    total_bytes: u64,
    #[serde(serialize_with = "count")]
    new_bytes: u64,
    sample: Vec<String>,
    warnings: Vec<String>,
}

#[derive(Serialize)]
struct FileLine {
    path: String,
    #[serde(serialize_with = "count")]
    bytes: u64,
}

#[derive(Serialize)]
struct BadLine {
    place: String,
    reason: String,
}

/// Plans it. Without a workspace, or a key, there is nothing to compare with, and all of it would be new.
pub fn run(args: &AddArgs, global: &Global, output: &Output) -> Result {
    let name = name(args)?;
    let session = match Session::open(global) {
        Err(error) if error.kind == Kind::NotFound && global.workspace.is_none() => None,
        session => Some(session?),
    };
    let owner = args.on_behalf_of.as_deref().zip(session.as_ref()).map(|(who, session)| session.person(who));
    let parent = match &session {
        Some(session) => parent(session, owner.transpose()?, &name)?,
        None => None,
    };
    let card = card(args, parent.as_ref())?;
    let blobs = session.as_ref().map(Session::blobs);
    let before = parent.as_ref().map(|parent| &parent.stored.manifest.fields().rights);
    let rights = args.rights.planned(blobs.as_ref(), card.as_ref(), before)?.rights;
    let source = args.reading.open(&args.paths, args.on_bad_row.on_bad_row())?;
    reading::say(&source, output);
    // Nothing is kept of a dry run, bad rows included.
    let policy = if args.on_bad_row == BadRowPolicy::Fail { BadRowPolicy::Fail } else { BadRowPolicy::Skip };
    let schema = args.reading.schema()?;
    let run = Run::new(args, (&source, schema), parent.as_ref(), output, (policy, Show::of(rights.visibility)));
    let (added, plan) = match &session {
        Some(session) => run.commit(&Lookup::new(session.workspace.path("store")), None)?,
        None => run.commit(&Unstored, None)?,
    };
    // A card that is given may be the same as before; only adding it tells.
    let other_card = args.card.is_some() || args.no_card;
    let says =
        !other_card && parent.as_ref().is_some_and(|parent| parent.holds(added.outcome.dataset.dataset_id, &rights));
    let found = Found { name: &name, parent: parent.as_ref(), unchanged: says, has_workspace: session.is_some() };
    let document = document(args, &source, &plan, &added, &found)?;
    if output.is_json() {
        output.document(&document);
    } else {
        print(&document, &added, output);
    }
    Ok(ExitCode::SUCCESS)
}

/// What the input was compared with.
struct Found<'a> {
    name: &'a Name,
    parent: Option<&'a Parent>,
    unchanged: bool,
    has_workspace: bool,
}

fn document(args: &AddArgs, source: &Source, plan: &Plan, added: &Added, found: &Found<'_>) -> Result<Document> {
    let committed = &added.outcome.dataset;
    let before = found.parent.map(|parent| parent.receipt.version);
    let next = before.map_or(1, |before| before + u64::from(!found.unchanged));
    let files = source.sizes().map(|(path, bytes)| FileLine { path: path.display().to_string(), bytes });
    let first = added.bad.first.iter();
    Ok(Document {
        schema: "mira.plan/1",
        dry_run: true,
        dataset: found.name.to_string(),
        version: found.has_workspace.then_some(next),
        previous: before.map(|before| format!("{}@{before}", found.name)),
        unchanged: found.unchanged,
        root: committed.dataset_id.to_string(),
        schema_id: plan.schema().schema_id().to_string(),
        columns: RawValue::from_string(plan.schema().to_json()).kind(Kind::Failed)?,
        inferred: super::inference(args, source) != mira_core::statement::Inference::None,
        format: source.format().to_string(),
        detected: source.findings().to_string(),
        files: files.collect(),
        input_bytes: source.bytes_total(),
        rows: committed.rows,
        bad_rows: added.bad.count,
        bad_rows_by_kind: added.bad.kinds.clone(),
        first_bad_rows: first.map(|(place, reason)| BadLine { place: place.clone(), reason: reason.clone() }).collect(),
        chunks: committed.chunks.len() as u64,
        total_bytes: committed.bytes(),
        new_bytes: added.outcome.new_bytes,
        sample: sample(source, plan)?,
        warnings: added.warnings(),
    })
}

/// The first rows, as a person reads them.
fn sample(source: &Source, plan: &Plan) -> Result<Vec<String>> {
    let mut rows = Vec::new();
    for batch in source.batches(plan) {
        let batch = batch.map_err(|error| source_error(&error))?;
        let wanted = batch.batch().num_rows().min(SAMPLE - rows.len());
        let batch = batch.batch().slice(0, wanted);
        let mut encoder = RowEncoder::new(&batch).kind(Kind::Failed)?;
        for row in 0..wanted {
            let mut bytes = Vec::new();
            encoder.encode(row, &mut bytes).kind(Kind::Failed)?;
            let values = row::decode_row(plan.schema(), &bytes).kind(Kind::Failed)?;
            rows.push(NamedRow { schema: plan.schema(), values: &values }.to_string());
        }
        if rows.len() == SAMPLE {
            break;
        }
    }
    Ok(rows)
}

fn print(document: &Document, added: &Added, output: &Output) {
    let Document { rows, chunks, total_bytes, new_bytes, .. } = document;
    let (rows, chunks) = (counted(*rows, "row"), counted(*chunks, "chunk"));
    output.data(format_args!("{}  {rows} in {chunks}; a dry run, nothing is written", document.dataset));
    for file in &document.files {
        output.data(format_args!("file       {}  {}  {}", escape(&file.path), size(file.bytes), document.format));
    }
    let how = if document.inferred { "inferred from all rows" } else { "given" };
    output.data(format_args!("schema     {} ({how})", to_width(&escape(document.columns.get()), 20)));
    for row in &document.sample {
        output.data(format_args!("  {}", to_width(&escape(row), 2)));
    }
    for warning in &document.warnings {
        output.talk(format_args!("warning: {}", escape(warning)));
    }
    if document.bad_rows > 0 {
        output.data(format_args!("bad rows   {}", added.bad.summary()));
        added.bad.talk(output);
    }
    output.data(format_args!("root       {}", document.root));
    output.data(format_args!("would keep {}, {new_bytes} of them new", counted(*total_bytes, "byte")));
    let becomes = match (&document.previous, document.version) {
        (Some(previous), _) if document.unchanged => format!("nothing new: {previous} has the same rows and terms"),
        (Some(previous), Some(version)) => format!("version {version}, after {previous}"),
        (_, Some(_)) => "a new dataset".to_owned(),
        (_, None) => "a dataset of a workspace, which mira init makes".to_owned(),
    };
    output.data(format_args!("would be   {becomes}"));
    output.talk("to set types: the same with --json > plan.json, edit \"columns\", then --schema plan.json");
}
