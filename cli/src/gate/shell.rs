//! The gate's hands: it looks up what [`super::decide`] wants to know, asks, and keeps what was accepted.

use std::fs::OpenOptions;
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use mira_core::digest::{ContributorId, Digest};
use mira_core::key::VerifyingKey;
use mira_core::rights::License;
use mira_ingest::export;
use mira_ingest::report::{Profile, Report, Show};
use mira_ingest::store::Store;
use serde::Serialize;

use super::{Asked, Decision, GateArgs, Permit, Publication, Refusal, Scanned, decide};
use crate::clock;
use crate::dataset::{self, Stored};
use crate::error::{CliError, Kind, Result, ResultExt};
use crate::keystore::{Keystore, is_demo};
use crate::output::{Output, escape, to_json};
use crate::refs::Found;
use crate::session::Session;

/// What was accepted, one document a line, in the workspace.
const RECEIPTS: &str = "published.ndjson";

/// Lets datasets be published at a destination, or says why not. `destination` names it for a person: a service or a node,
/// without whatever gives access to it.
///
/// # Errors
/// What [`super::decide`] refuses; data that are not here or do not verify.
pub fn pass(
    session: &Session,
    datasets: &[(String, Found<'_>)],
    destination: &str,
    args: GateArgs,
    output: &Output,
) -> Result<Permit> {
    session.refuse_demo_key()?;
    let store = session.store()?;
    let publications = datasets.iter().map(|(name, found)| publication(session, &store, name, found));
    let publications: Vec<Publication> = publications.collect::<Result<_>>()?;
    let is_there = io::stdin().is_terminal() && io::stderr().is_terminal();
    let asked = if is_there && !output.is_json() { Asked::Person } else { Asked::Nobody };
    match decide(&publications, destination, args, asked) {
        Decision::Pass => {}
        Decision::Refuse(refusal) => return Err(refusal.into()),
        Decision::Ask(question) if !agrees(&question)? => return Err(Refusal::Declined.into()),
        Decision::Ask(_) => {}
    }
    // Durable before anything is sent: whatever was published, somebody accepted.
    keep_receipt(session, datasets, &publications, destination, args)?;
    Ok(Permit(()))
}

/// What the gate looks at.
fn publication(session: &Session, store: &Store, name: &str, found: &Found<'_>) -> Result<Publication> {
    let stored = dataset::load(&session.ledger, &session.blobs(), found)?;
    let rights = &stored.manifest.fields().rights;
    Ok(Publication {
        dataset: name.to_owned(),
        withdrawn: found.record.withdrawn,
        visibility: rights.visibility,
        license: rights.license.clone(),
        demo_key: demo_key(session, &found.record.signer)?,
        scanned: scanned(session, store, &stored)?,
        rows: stored.committed.rows,
        bytes: stored.committed.bytes(),
    })
}

/// The name of the key of a demo that signs for this contributor, if it is one of the user's.
fn demo_key(session: &Session, signer: &ContributorId) -> Result<Option<String>> {
    let fold = session.ledger.fold();
    let signs = |did: &str| {
        let key = VerifyingKey::from_did(did).ok();
        key.is_some_and(|key| fold.by_key(&key).copied().unwrap_or_else(|| key.contributor_id()) == *signer)
    };
    let keys = Keystore::of(&session.home).list()?;
    Ok(keys.into_iter().find(|key| is_demo(&key.name) && signs(&key.did)).map(|key| key.name))
}

/// The findings in the dataset's report; where it has none, all stored rows are read and scanned.
fn scanned(session: &Session, store: &Store, stored: &Stored) -> Result<Scanned> {
    let of =
        |report: &Report| report.findings().map(|columns| Scanned { report: Digest::of(&report.to_json()), columns });
    if let Some(found) = dataset::report(&session.blobs(), &stored.manifest)?.as_ref().and_then(of) {
        return Ok(found);
    }
    let mut profile = Profile::new(stored.committed.schema(), Show::Values);
    for chunk in export::chunks(&stored.committed, store).kind(Kind::DoesNotVerify)? {
        profile.add(&chunk.kind(Kind::DoesNotVerify)?).kind(Kind::DoesNotVerify)?;
    }
    of(&profile.report()).ok_or_else(|| CliError::new(Kind::Failed, "the rows were not scanned"))
}

/// Asks at the terminal. Only a clear yes is one.
fn agrees(question: &str) -> Result<bool> {
    let failed = |error: io::Error| CliError::new(Kind::Failed, format!("nobody could be asked: {error}"));
    let mut terminal = io::stderr().lock();
    for line in question.lines() {
        writeln!(terminal, "{}", escape(line)).map_err(failed)?;
    }
    write!(terminal, "publish? [y/N] ").and_then(|()| terminal.flush()).map_err(failed)?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).map_err(failed)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

#[derive(Serialize)]
struct Receipt<'a> {
    schema: &'static str,
    at: String,
    by: Option<String>,
    destination: &'a str,
    datasets: Vec<Accepted<'a>>,
}

#[derive(Serialize)]
struct Accepted<'a> {
    dataset: &'a str,
    statement: String,
    license: &'a str,
    /// SHA-256 of the report with the findings.
    report: String,
    findings_accepted: bool,
    no_license: bool,
}

/// Notes who accepted what, when. A line that a crash cut off is no receipt; the next one begins a line of its own.
fn keep_receipt(
    session: &Session,
    datasets: &[(String, Found<'_>)],
    publications: &[Publication],
    destination: &str,
    args: GateArgs,
) -> Result<()> {
    let accepted = publications.iter().zip(datasets).map(|(publication, (_, found))| Accepted {
        dataset: &publication.dataset,
        statement: found.id.to_string(),
        license: publication.license.as_str(),
        report: publication.scanned.report.to_string(),
        findings_accepted: args.accept_findings && !publication.scanned.columns.is_empty(),
        no_license: args.no_license && publication.license == License::no_assertion(),
    });
    let receipt = Receipt {
        schema: "mira.published/1",
        at: clock::now()?.to_string(),
        by: session.me()?.map(|me| me.to_string()),
        destination,
        datasets: accepted.collect(),
    };
    let path = session.workspace.path(RECEIPTS);
    let line = format!("\n{}\n", to_json(&receipt));
    let file = OpenOptions::new().create(true).append(true).open(&path);
    file.and_then(|mut file| file.write_all(line.as_bytes()).and_then(|()| file.sync_all()))
        .map_err(|error| CliError::of_io(Kind::Failed, &path, &error))
}
