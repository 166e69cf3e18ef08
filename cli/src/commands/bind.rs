//! `mira bind`

use std::process::ExitCode;

use clap::Args;
use mira_anchor::Address;
use mira_anchor::bind::{self, Binding};
use mira_core::digest::ContributorId;
use mira_core::key::SigningKey;
use mira_core::statement::{Bind, EvmAddress, EvmSignature, Natural, Predicate};
use mira_lineage::epoch;
use serde::Serialize;

use crate::args::Global;
use crate::chain::{PayArgs, deployment_on, hex, load_deployments};
use crate::error::{CliError, Kind, Result, ResultExt};
use crate::output::{Output, count};
use crate::session::Session;

/// How many epochs a bind lasts where nothing else is said.
const EPOCHS: u64 = 1000;

/// Say which account your rewards are paid to
///
/// Both have to agree: your key signs the statement, and the account signs that you may. With --account this machine
/// holds the account's key. With --payout it is somewhere else: the first run prints what the account has to sign
/// (EIP-712), and the second takes the signature.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mira bind --account payout
  mira bind --payout 0x70997970c51812dc3a010c7d01b50e0d17dc79c8 > typed-data.json
  mira bind --payout 0x70997970c51812dc3a010c7d01b50e0d17dc79c8 --signature 0x…")]
pub struct BindArgs {
    #[command(flatten)]
    pay: PayArgs,
    /// An account whose key is not here
    #[arg(long, value_name = "ADDRESS")]
    payout: Option<EvmAddress>,
    /// That account's signature
    #[arg(long, value_name = "HEX", requires = "payout")]
    signature: Option<EvmSignature>,
    /// The last epoch of the log for which this counts (default: 1000 epochs from now)
    #[arg(long, value_name = "N")]
    expires: Option<u64>,
}

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    statement: String,
    entry: String,
    contributor: String,
    payout: String,
    #[serde(serialize_with = "count")]
    nonce: u64,
    #[serde(serialize_with = "count")]
    expires_epoch: u64,
    #[serde(serialize_with = "count")]
    chain_id: u64,
    contract: String,
}

/// Binds it.
pub fn run(args: &BindArgs, global: &Global, output: &Output) -> Result {
    let mut session = Session::open(global)?;
    let _lock = session.workspace.lock()?;
    let key = session.signing_key()?;
    let public = key.verifying_key();
    let contributor = session.ledger.fold().by_key(&public).copied().unwrap_or_else(|| public.contributor_id());
    let bind = match &args.payout {
        None => with_account(args, &session, contributor, output)?,
        Some(payout) => {
            let client = args.pay.chain().connect_to_read(&session.workspace)?;
            let deployment = deployment_on(&load_deployments(&session.workspace)?, &client)?;
            let contract = deployment.distributor.map(|contract| contract.address);
            let binding = binding(args, &session, contributor, client.identity().chain_id, contract)?;
            let payout = Address::from(*payout.as_bytes());
            match &args.signature {
                Some(signature) => binding.with(payout, signature),
                None => {
                    output.document(&binding.to_typed_data(payout));
                    output.talk("nothing is bound yet: have the account sign this, then give --signature");
                    return Ok(ExitCode::SUCCESS);
                }
            }
        }
    };
    bind::verify(contributor, &bind).kind(Kind::DoesNotVerify)?;
    record(&mut session, &key, contributor, &bind, output)
}

/// The account's key is here, so it signs.
fn with_account(args: &BindArgs, session: &Session, contributor: ContributorId, output: &Output) -> Result<Bind> {
    let chain = args.pay.open(session, output)?;
    let contract = chain.deployment()?.distributor.map(|contract| contract.address);
    let binding = binding(args, session, contributor, chain.client.identity().chain_id, contract)?;
    binding.sign(chain.wallet.address(), |digest| chain.wallet.sign_digest(digest)).kind(Kind::Failed)
}

/// What the account agrees to.
fn binding(
    args: &BindArgs,
    session: &Session,
    contributor: ContributorId,
    chain_id: u64,
    contract: Option<Address>,
) -> Result<Binding> {
    let fold = session.ledger.fold();
    let contract = contract.ok_or_else(|| {
        CliError::new(Kind::NotFound, "there is no distributor to be paid by").hint("mira chain deploy makes one")
    })?;
    let last = fold.contributor(&contributor).and_then(|contributor| contributor.last_bind());
    let epochs = epoch::read_all(session.ledger.log()).kind(Kind::DoesNotVerify)?.len() as u64;
    let natural = |what: &str, value: u64| {
        Natural::new(value).ok_or_else(|| CliError::new(Kind::Usage, format!("{what} is below 2^53, found {value}")))
    };
    // It is not sealed yet, so the first epoch that can have it is the next one.
    if let Some(expires) = args.expires.filter(|expires| *expires <= epochs) {
        return Err(CliError::new(Kind::Usage, format!("epoch {expires} of the log is past: this would pay nobody"))
            .hint(format!(
                "the next epoch is {}, and the last for which this counts cannot be before it",
                epochs + 1
            )));
    }
    Ok(Binding {
        contributor,
        nonce: natural("a nonce", last.map_or(1, |bind| bind.nonce.value() + 1))?,
        log_origin: fold.origin().clone(),
        expires_epoch: natural("an epoch", args.expires.unwrap_or(epochs + EPOCHS))?,
        chain_id: natural("a chain id", chain_id)?,
        contract: EvmAddress::new(contract.into_array()),
    })
}

fn record(session: &mut Session, key: &SigningKey, contributor: ContributorId, bind: &Bind, output: &Output) -> Result {
    let signer = session.log_signer()?;
    let accepted = session.ledger.record(Predicate::Bind(bind.clone()), key, &signer)?;
    let document = Document {
        schema: "mira.bind/1",
        statement: accepted.statement_id.to_string(),
        entry: accepted.record.entry_id.to_string(),
        contributor: contributor.to_string(),
        payout: hex(Address::from(*bind.payout.as_bytes())),
        nonce: bind.bind_nonce.value(),
        expires_epoch: bind.expires_epoch.value(),
        chain_id: bind.chain_id.value(),
        contract: bind.contract.to_string(),
    };
    if output.is_json() {
        output.document(&document);
    } else {
        output.data(format_args!("{:.16} is paid to {}", document.contributor, document.payout));
        output.talk("unsealed: it counts for epochs of rewards by the next sealed epoch of the log");
    }
    Ok(ExitCode::SUCCESS)
}
