//! `mira rm`

use std::collections::HashSet;
use std::process::ExitCode;

use clap::Args;
use mira_ingest::outbox::State;
use serde::Serialize;

use crate::args::Global;
use crate::error::{CliError, Kind, Result, ResultExt};
use crate::needed;
use crate::output::{Output, count, counted};
use crate::refs::Found;
use crate::session::Session;
use crate::{dataset, naming, publish, removed};

/// Remove a dataset's rows from this machine
///
/// The chunk files that no other dataset here needs go; the log's entry, the manifest and the list of chunks stay, so
/// the dataset can still be named and proved by its chunks. `show` and `fsck` say that its rows were removed here. Others
/// keep what they have: `mira withdraw` takes a dataset back for everybody.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mira rm penguins@1          says what would go
  mira rm penguins@1 --yes

To have the rows again, add the same files again, or fetch them with `mira get REF --from URL`.")]
pub struct RmArgs {
    /// The dataset
    #[arg(value_name = "REF")]
    reference: String,
    /// Remove them: there is no other question
    #[arg(long)]
    yes: bool,
    /// Also while a pin of it is still to be sent
    #[arg(long)]
    force: bool,
}

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    #[serde(rename = "ref")]
    reference: String,
    statement: String,
    files: u64,
    #[serde(serialize_with = "count")]
    bytes: u64,
    kept_files: u64,
    pinned: Vec<String>,
}

/// Removes them.
pub fn run(args: &RmArgs, global: &Global, output: &Output) -> Result {
    let (session, _lock) = Session::open_to_write(global)?;
    let found = session.find(&args.reference)?;
    let stored = dataset::load(&session.ledger, &session.blobs(), &found)?;
    let title = naming::title(session.ledger.fold(), &found.id);
    let pinned = pinned(&session, &found, args.force)?;
    let store = session.store()?;
    let others = needed::objects(&session, &store, Some(&found.id))?;
    if let Some(unknown) = others.unknown.first() {
        return Err(CliError::new(Kind::NotChecked, format!("nobody can say which chunks {unknown} needs"))
            .hint("its manifest or list of chunks is damaged or missing: mira fsck says which"));
    }
    let (mut files, mut bytes, mut kept) = (HashSet::new(), 0, 0);
    for chunk in stored.chunks.chunks() {
        match store.size(&chunk.cid).kind(Kind::Failed)? {
            Some(_) if others.objects.contains(&chunk.cid) => kept += 1,
            // Equal chunks of one dataset are one file.
            Some(size) if files.insert(chunk.cid) => bytes += size,
            _ => {}
        }
    }
    let what = format!("{title}: {} of {bytes} bytes", counted(files.len() as u64, "chunk file"));
    if files.is_empty() && kept > 0 {
        return Err(CliError::new(
            Kind::Failed,
            format!("nothing to remove: other datasets need every chunk of {title}"),
        )
        .hint("mira ls --all lists them"));
    }
    if !args.yes {
        let copy = match pinned.first() {
            Some(service) => format!("it is pinned at {service}"),
            None => "nothing here knows of another copy".to_owned(),
        };
        return Err(
            CliError::new(Kind::Usage, format!("this would remove {what}")).hint(format!("{copy}; --yes removes it"))
        );
    }
    // The mark first: a crash from here on leaves a dataset that says what became of it.
    removed::mark(&session.workspace, &found.id)?;
    files.iter().try_for_each(|cid| store.remove(cid)).kind(Kind::Failed)?;
    if output.is_json() {
        output.document(&Document {
            schema: "mira.rm/1",
            reference: title,
            statement: found.id.to_string(),
            files: files.len() as u64,
            bytes,
            kept_files: kept,
            pinned,
        });
        return Ok(ExitCode::SUCCESS);
    }
    output.data(format_args!("removed    {what}"));
    if kept > 0 {
        output.data(format_args!("kept       {}, which other datasets need", counted(kept, "chunk file")));
    }
    Ok(ExitCode::SUCCESS)
}

/// Where the dataset is pinned, by the outbox. What the outbox still has to send is refused.
fn pinned(session: &Session, found: &Found<'_>, force: bool) -> Result<Vec<String>> {
    let jobs = publish::outbox(session)?.jobs().kind(Kind::Failed)?;
    let mut pinned = Vec::new();
    for job in jobs.into_iter().filter(|job| job.statement == found.id) {
        match job.state {
            State::Pinned => pinned.push(job.target.service),
            State::Queued | State::Importing if !force => {
                let service = &job.target.service;
                return Err(CliError::new(Kind::Failed, format!("a pin of it at {service} is still to be sent"))
                    .hint("mira pin sends it, --force removes the rows all the same"));
            }
            _ => {}
        }
    }
    Ok(pinned)
}
