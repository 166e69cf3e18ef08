//! The gate before publishing: what may leave this machine, and what has to be said before it does.
//!
//! Publishing cannot be taken back, so `pin` to anything but the user's own node, and `push`, pass here first.
//! [`decide`] is all of the rule and has no effect: it refuses data that are withdrawn, not public, signed by a key of a
//! demo, without a licence (until `--no-license`) or with findings of the scan (until `--accept-findings`), and asks
//! about the rest. [`shell`] asks, and keeps what was accepted.
//!
//! A [`Permit`] is given to nobody else, so whatever sends data elsewhere can demand one.

pub mod shell;

use std::fmt::Write as _;

use clap::Args;
use mira_core::digest::Digest;
use mira_core::fold::Withdrawn;
use mira_core::rights::{License, Visibility};
use mira_ingest::scan::Findings;

use crate::error::{CliError, Kind};
use crate::output::counted;

/// What is said before data are published.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Args)]
#[command(next_help_heading = "Publishing, which cannot be taken back")]
pub struct GateArgs {
    /// Publish data without a licence
    #[arg(long)]
    pub no_license: bool,
    /// Publish although the scan found what may be secrets or personal data
    #[arg(long)]
    pub accept_findings: bool,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

/// A dataset that somebody wants to publish, as far as the gate looks at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// What it is called: `name@version`.
    pub dataset: String,
    /// What became of it.
    pub withdrawn: Withdrawn,
    /// Who may see it.
    pub visibility: Visibility,
    /// Its licence.
    pub license: License,
    /// The name of the key that signed it, if a demo made that key.
    pub demo_key: Option<String>,
    /// What the scan found.
    pub scanned: Scanned,
    /// How many rows there are.
    pub rows: u64,
    /// Bytes of its chunk files.
    pub bytes: u64,
}

/// The findings of a dataset's scan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scanned {
    /// SHA-256 of the report that has them.
    pub report: Digest,
    /// The columns in which something was found.
    pub columns: Vec<(String, Findings)>,
}

/// Who could be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// Somebody at a terminal.
    Person,
    /// Nobody: a script, a pipe.
    Nobody,
}

/// What is to happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It was said all that has to be said.
    Pass,
    /// Somebody has to agree to this first.
    Ask(String),
    /// It stays here.
    Refuse(Refusal),
}

/// Why data stay here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// They were withdrawn, or some of their rows.
    Withdrawn(String),
    /// Not everybody may see them.
    NotPublic(String, Visibility),
    /// A demo's key signed them.
    DemoKey(String, String),
    /// Nobody said what may be done with them.
    NoLicense(String),
    /// There may be secrets or personal data in them.
    Findings(String, Vec<(String, Findings)>),
    /// Nobody is there to be asked, and nobody said `--yes`.
    Unasked(String),
    /// Somebody was asked, and did not agree.
    Declined,
}

/// The right to publish what was asked about. Only this module makes one.
#[derive(Debug)]
pub struct Permit(());

/// Decides about publishing datasets at a destination, all together or none.
pub fn decide(publications: &[Publication], destination: &str, args: GateArgs, asked: Asked) -> Decision {
    if let Some(refusal) = publications.iter().find_map(|publication| refuse(publication, args)) {
        return Decision::Refuse(refusal);
    }
    match (args.yes, asked) {
        (true, _) => Decision::Pass,
        (false, Asked::Person) => Decision::Ask(question(publications, destination)),
        (false, Asked::Nobody) => Decision::Refuse(Refusal::Unasked(destination.to_owned())),
    }
}

/// The first reason that keeps a dataset here: those that nothing said here can lift come first.
fn refuse(publication: &Publication, args: GateArgs) -> Option<Refusal> {
    let name = || publication.dataset.clone();
    if publication.withdrawn != Withdrawn::Nothing {
        return Some(Refusal::Withdrawn(name()));
    }
    if publication.visibility != Visibility::Public {
        return Some(Refusal::NotPublic(name(), publication.visibility));
    }
    if let Some(key) = &publication.demo_key {
        return Some(Refusal::DemoKey(name(), key.clone()));
    }
    if publication.license == License::no_assertion() && !args.no_license {
        return Some(Refusal::NoLicense(name()));
    }
    if !publication.scanned.columns.is_empty() && !args.accept_findings {
        return Some(Refusal::Findings(name(), publication.scanned.columns.clone()));
    }
    None
}

/// What, how much, where, and what was waived.
fn question(publications: &[Publication], destination: &str) -> String {
    let mut text = format!("to be published at {destination}:\n");
    for publication in publications {
        let Publication { dataset, rows, bytes, license, scanned, .. } = publication;
        let (rows, bytes) = (counted(*rows, "row"), counted(*bytes, "byte"));
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {dataset}  {rows}, {bytes}, licence {}", license.as_str());
        if !scanned.columns.is_empty() {
            let _ = writeln!(text, "    accepted: {}", listed(&scanned.columns));
        }
    }
    text + "what is published cannot be taken back: others may copy and keep it"
}

/// Most columns of findings that are told in one line.
const MAX_TOLD: usize = 8;

/// Counts by column and kind; never a value.
pub fn listed(columns: &[(String, Findings)]) -> String {
    let told = |(column, findings): &(String, Findings)| {
        let kinds: Vec<String> =
            findings.iter().map(|(kind, values)| format!("{values} with {}", kind.told())).collect();
        format!("{column}: {}", kinds.join(", "))
    };
    let mut lines: Vec<String> = columns.iter().take(MAX_TOLD).map(told).collect();
    if let Some(more) = columns.len().checked_sub(MAX_TOLD).filter(|more| *more > 0) {
        lines.push(format!("{} more", counted(more as u64, "column")));
    }
    lines.join("; ")
}

impl From<Refusal> for CliError {
    fn from(refusal: Refusal) -> Self {
        let forbidden = |message: String| Self::new(Kind::DoesNotVerify, message);
        match refusal {
            Refusal::Withdrawn(dataset) => {
                forbidden(format!("{dataset} was withdrawn, or rows of it, so it is not published"))
                    .hint("a new version without those rows can be")
            }
            Refusal::NotPublic(dataset, visibility) => {
                forbidden(format!("{dataset} is {visibility}, and only public data are published"))
                    .hint("if everybody may see it, add it again with --visibility public")
            }
            Refusal::DemoKey(dataset, key) => {
                forbidden(format!("{dataset} is signed by the key {key:?} of a demo, and stays on this machine"))
                    .hint("--key chooses another key, and add says it anew")
            }
            Refusal::NoLicense(dataset) => {
                forbidden(format!("{dataset} has no licence: nobody would know what they may do with it"))
                    .hint("add it again with --license, or publish it without one by --no-license")
            }
            Refusal::Findings(dataset, columns) => {
                forbidden(format!("{dataset} may hold secrets or personal data: values in {}", listed(&columns)))
                    .hint("look at them; --accept-findings publishes them all the same")
            }
            Refusal::Unasked(destination) => Self::new(
                Kind::Usage,
                format!("publishing at {destination} cannot be taken back, and nobody is here to ask"),
            )
            .hint("--yes publishes without asking"),
            Refusal::Declined => Self::new(Kind::Failed, "nothing was published"),
        }
    }
}

#[cfg(test)]
mod tests {
    use mira_ingest::scan::Kind as Found;

    use super::*;

    fn sample() -> Publication {
        Publication {
            dataset: "sample@1".into(),
            withdrawn: Withdrawn::Nothing,
            visibility: Visibility::Public,
            license: "MIT".parse().unwrap(),
            demo_key: None,
            scanned: Scanned { report: Digest::of(b"report"), columns: Vec::new() },
            rows: 1,
            bytes: 2,
        }
    }

    fn found() -> Vec<(String, Findings)> {
        let mut findings = Findings::default();
        findings.add(Found::Email, 3);
        vec![("contact".to_owned(), findings)]
    }

    /// Every refusal, with every way to say otherwise, and the exit code by its kind.
    #[test]
    fn the_table_of_decisions() {
        let args = |no_license, accept_findings, yes| GateArgs { no_license, accept_findings, yes };
        let all = args(true, true, true);
        let none = GateArgs::default();
        let with = |change: fn(&mut Publication)| {
            let mut publication = sample();
            change(&mut publication);
            publication
        };
        let withdrawn = with(|it| it.withdrawn = Withdrawn::Whole);
        let rows = with(|it| it.withdrawn = Withdrawn::Rows);
        let private = with(|it| it.visibility = Visibility::Private);
        let restricted = with(|it| it.visibility = Visibility::Restricted);
        let demo = with(|it| it.demo_key = Some("demo-contributor".into()));
        let unlicensed = with(|it| it.license = License::no_assertion());
        let suspect = with(|it| it.scanned.columns = found());
        let name = || "sample@1".to_owned();
        let table = [
            (&withdrawn, all, Some(Refusal::Withdrawn(name()))),
            (&rows, all, Some(Refusal::Withdrawn(name()))),
            (&private, all, Some(Refusal::NotPublic(name(), Visibility::Private))),
            (&restricted, all, Some(Refusal::NotPublic(name(), Visibility::Restricted))),
            (&demo, all, Some(Refusal::DemoKey(name(), "demo-contributor".into()))),
            (&unlicensed, args(false, true, true), Some(Refusal::NoLicense(name()))),
            (&unlicensed, args(true, false, true), None),
            (&suspect, args(true, false, true), Some(Refusal::Findings(name(), found()))),
            (&suspect, args(false, true, true), None),
            (&sample(), args(false, false, true), None),
        ];
        for (publication, args, expected) in table {
            for asked in [Asked::Person, Asked::Nobody] {
                let decision = decide(&[sample(), publication.clone()], "a service", args, asked);
                let expected = expected.clone().map_or(Decision::Pass, Decision::Refuse);
                assert_eq!(decision, expected, "{publication:?} {args:?}");
            }
        }
        // Nothing is refused, and nobody said yes: a person is asked, a script is told how.
        let decision = decide(&[sample()], "a service", none, Asked::Nobody);
        assert_eq!(decision, Decision::Refuse(Refusal::Unasked("a service".into())));
        let Decision::Ask(question) = decide(&[suspect], "a service", args(false, true, false), Asked::Person) else {
            unreachable!("a person is asked");
        };
        for part in [
            "a service",
            "sample@1",
            "1 row",
            "2 bytes",
            "MIT",
            "contact: 3 with e-mail addresses",
            "cannot be taken back",
        ] {
            assert!(question.contains(part), "{part}: {question}");
        }
    }

    #[test]
    fn a_long_list_of_columns_ends() {
        let columns: Vec<_> = (0..11).map(|_| found().remove(0)).collect();
        assert!(listed(&columns).ends_with("contact: 3 with e-mail addresses; 3 columns more"), "{}", listed(&columns));
    }
}
