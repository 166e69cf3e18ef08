//! Whether a proof's checkpoint is anchored: the registry is asked, never the proof.
//!
//! The proof says in which epoch to look, and gives C_{e-1}. With the root and size of its checkpoint that makes C_e, and
//! the registry on the chain holds it or not. Which registry, and which of its logs, comes from a flag or the trust file.

use mira_anchor::chain::{ChainError, Client};
use mira_anchor::registry::{Lookup, Origin, lookup};
use mira_anchor::{Address, B256};
use mira_core::evidence::AnchorClaim;
use mira_core::log::vkey::{PublicKey, VerifierKey};
use mira_core::merkle::TreeHead;
use mira_core::verify::{Failure, Gap, Outcome, Proof};

use crate::args::Global;
use crate::chain::parse_endpoint;
use crate::error::{CliError, Kind, Result, chain};
use crate::home::Home;
use crate::trust::{Role, Trust};
use crate::workspace::Workspace;

/// What flags say of the registry.
#[derive(Debug, Clone, Copy)]
pub struct Ask {
    /// The registry to believe.
    pub contract: Option<Address>,
    /// The log's name in it.
    pub origin_id: Option<B256>,
}

/// What the chain said.
#[derive(Debug)]
pub struct Answer {
    /// In one word.
    pub word: &'static str,
    /// For the report.
    pub outcome: Outcome,
}

/// Asks the chain at `endpoint`. That it does not answer is an answer: not checked, and why.
pub fn ask(
    ask: &Ask,
    endpoint: &str,
    claim: &AnchorClaim,
    proof: &Proof,
    trusted_by: Option<&str>,
    global: &Global,
) -> Result<Answer> {
    let workspace = Workspace::find(global.workspace.as_deref()).ok();
    let endpoint = parse_endpoint(endpoint, workspace.as_ref())?;
    // A log that nobody vouches for has no name that a registry could be asked about.
    let Some(log) = trusted_by.and_then(|vkey| vkey.parse::<VerifierKey>().ok()) else {
        return Ok(gap(Gap::Blocked));
    };
    let client = match Client::connect_to_read(&endpoint) {
        Ok(client) => client,
        Err(error) => return Ok(unanswered(&error)),
    };
    let origins = match origins(ask, claim, &log, &client, global)? {
        Ok(origins) => origins,
        Err(error) => return Ok(unanswered(&error)),
    };
    if origins.is_empty() || claim.chain_id != client.identity().chain_id {
        let contract = format!("{:#x}", Address::from(claim.contract));
        return Ok(gap(Gap::UnknownRegistry { contract, chain_id: claim.chain_id }));
    }
    let head = head_of(proof);
    let mut first = None;
    for origin in origins {
        match lookup(&client, &origin, claim.epoch, B256::from(claim.previous), head) {
            Ok(Lookup::Anchored(stage)) => return Ok(anchored(crate::chain::status(stage, client.identity().local))),
            Ok(other) => {
                first.get_or_insert(other);
            }
            Err(error) => return Ok(unanswered(&error)),
        }
    }
    let (expected, found) = match first {
        Some(Lookup::Other { expected, found }) => (expected.to_string(), found.to_string()),
        Some(Lookup::Missing { expected }) => (expected.to_string(), "nothing".to_owned()),
        _ => return Ok(gap(Gap::Blocked)),
    };
    let outcome = Outcome::Failed(Failure::NotAnchored { epoch: claim.epoch, expected, found });
    Ok(Answer { word: "failed", outcome })
}

/// The registries to ask: those that the verifier believes and the proof names.
fn origins(
    ask: &Ask,
    claim: &AnchorClaim,
    log: &VerifierKey,
    client: &Client,
    global: &Global,
) -> Result<std::result::Result<Vec<Origin>, ChainError>> {
    let named = Address::from(claim.contract);
    let chain = client.identity();
    if let Some(registry) = ask.contract {
        if registry != named {
            return Ok(Ok(Vec::new()));
        }
        let id = match ask.origin_id {
            Some(id) => Ok(id),
            None => registered(client, registry, log)?,
        };
        return Ok(id.map(|id| vec![Origin { registry, id, since: 0 }]));
    }
    let trust = Trust::load(&Home::locate(global.home.as_deref())?)?;
    let mut origins = Vec::new();
    for found in trust.contracts() {
        let fits = found.role == Role::Registry && found.chain.is(&chain) && found.origin == *log.name();
        if !fits || found.address != named {
            continue;
        }
        if let Err(error) = client.expect_code(found.address, found.code_hash) {
            return Ok(Err(error));
        }
        origins.push(Origin { registry: found.address, id: found.origin_id, since: 0 });
    }
    Ok(Ok(origins))
}

/// The log's only name in a registry. Anybody may register a log again with another committee; then a flag must say.
fn registered(client: &Client, registry: Address, log: &VerifierKey) -> Result<std::result::Result<B256, ChainError>> {
    let PublicKey::Note(key) = log.public() else {
        return Err(CliError::new(Kind::Config, "the log's key is no key of a log"));
    };
    let found = match mira_anchor::registry::registered(client, registry, log.name().as_str(), key.as_bytes()) {
        Ok(found) => found,
        Err(error) => return Ok(Err(error)),
    };
    match found.as_slice() {
        [id] => Ok(Ok(*id)),
        [] => Err(CliError::new(Kind::NotChecked, format!("the registry knows no log {}", log.name()))),
        several => Err(CliError::new(
            Kind::NotChecked,
            format!("the log {} is registered {} times, with other committees", log.name(), several.len()),
        )
        .hint("--origin-id says which one you believe")),
    }
}

fn head_of(proof: &Proof) -> TreeHead {
    let checkpoint = proof.container().checkpoint.unverified();
    TreeHead { size: checkpoint.size(), root: *checkpoint.root().digest() }
}

fn anchored(word: &'static str) -> Answer {
    let outcome = match word {
        "local" => Outcome::NotChecked(Gap::LocalAnchor),
        "confirmed" | "finalized" => Outcome::Ok,
        _ => Outcome::NotChecked(Gap::Unconfirmed),
    };
    Answer { word, outcome }
}

fn unanswered(error: &ChainError) -> Answer {
    gap(Gap::Chain { reason: chain(error) })
}

fn gap(gap: Gap) -> Answer {
    Answer { word: "not-checked", outcome: Outcome::NotChecked(gap) }
}
