//! The contracts of a workspace: on which chain, at which addresses, with which code.
//!
//! ```json
//! {"schema": "mira.deployment/1", "chains": [{"chain": "local", "chain_id": "1835627105", "genesis": "0x…",
//!   "origin_id": "0x…", "block": 1, "token": {"address": "0x…", "tx": "0x…", "code_hash": "0x…"}, "registry": …,
//!   "distributor": …}]}
//! ```
//!
//! The file is written after each contract, so that a deployment that was cut off goes on where it was; the outbox
//! knows the rest. It is a record of what this workspace made, and no reason for anybody to believe a contract: that is
//! the trust file's business.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use alloy::primitives::{Address, B256, U256, keccak256};
use alloy::sol_types::{SolCall as _, SolConstructor as _};
use serde::{Deserialize, Serialize};

use crate::abi::{MiraToken, RewardsDistributor, RootRegistry};
use crate::artifact::{Artifact, ArtifactError};
use crate::chain::{ChainError, Client, Identity};
use crate::commitment::{Committee, origin_id};
use crate::sender::{Intent, SendError, Sender, Sent};

/// Largest file that is read.
const MAX_FILE: u64 = 1 << 20;
/// Most chains that one workspace deploys to.
const MAX_CHAINS: usize = 64;
const SCHEMA: &str = "mira.deployment/1";

/// The contracts of a workspace on one chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deployment {
    /// `local`, or where the chain was reached: scheme, host and port.
    pub chain: String,
    #[serde(with = "decimal")]
    chain_id: u64,
    genesis: B256,
    /// The log's name in the registry.
    pub origin_id: B256,
    /// Who may anchor the log.
    pub committee: Vec<Address>,
    /// How many of them must sign.
    pub threshold: u8,
    /// The block before the first contract: no event of theirs is older.
    pub block: u64,
    /// What rewards are paid in.
    pub token: Option<Contract>,
    /// Where epochs are anchored.
    pub registry: Option<Contract>,
    /// Whether the log is registered there.
    pub registered: bool,
    /// What pays them.
    pub distributor: Option<Contract>,
}

/// A contract that was deployed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contract {
    /// Its address.
    pub address: Address,
    /// The transaction that made it.
    pub tx: B256,
    /// keccak256 of its runtime code, which never changes.
    pub code_hash: B256,
}

/// All deployments of a workspace, in its file.
#[derive(Debug)]
pub struct Deployments {
    path: PathBuf,
    chains: Vec<Deployment>,
}

/// What a deployment is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The log's origin.
    pub origin: String,
    /// The log's public key.
    pub log_key: [u8; 32],
    /// Who may anchor it.
    pub committee: Committee,
    /// The token's supply, which goes to the deployer; none if `token` is another's.
    pub supply: U256,
    /// Who proposes rewards.
    pub proposer: Address,
    /// Who may stop a proposal.
    pub guardian: Address,
    /// Seconds from a proposal to when it can be claimed.
    pub window: u64,
    /// Seconds that the guardian has to answer a dispute.
    pub resolution: u64,
    /// What a dispute costs until it is answered, in base units of the token.
    pub bond: U256,
}

/// Why there is no deployment.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// The file cannot be used.
    #[error("{}: cannot use the record of deployments", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file is no such record.
    #[error("{}: not a record of deployments", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: serde_json::Error,
    },
    /// It holds too much, or is of another version.
    #[error("{}: not a record of deployments of this version", path.display())]
    Version {
        /// The file.
        path: PathBuf,
    },
    /// What was deployed here was for another log or committee.
    #[error("this workspace has contracts on that chain for origin {found}, and this log is {expected}")]
    OtherOrigin {
        /// This log.
        expected: B256,
        /// What the record says.
        found: B256,
    },
    /// The transaction is not in a block yet; the same command goes on.
    #[error("{contract} is not deployed yet: transaction {tx} waits")]
    Pending {
        /// The contract.
        contract: &'static str,
        /// Its transaction.
        tx: B256,
    },
    /// The transaction made no contract, or another one.
    #[error("transaction {tx} did not make {contract}")]
    OtherCode {
        /// The contract.
        contract: &'static str,
        /// The transaction.
        tx: B256,
    },
    /// Sending.
    #[error(transparent)]
    Send(#[from] SendError),
    /// Asking.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The compiled-in code.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
}

impl Deployment {
    /// The chain.
    pub fn identity(&self) -> Identity {
        Identity { chain_id: self.chain_id, genesis: self.genesis, local: self.chain == "local" }
    }

    /// Whether all contracts are there and the log is registered.
    pub fn is_complete(&self) -> bool {
        self.token.is_some() && self.registry.is_some() && self.registered && self.distributor.is_some()
    }

    /// Checks that the chain and every recorded contract on it are what was recorded.
    ///
    /// # Errors
    /// [`ChainError`].
    pub fn check(&self, client: &Client) -> Result<(), ChainError> {
        client.expect(self.identity())?;
        for contract in [self.token, self.registry, self.distributor].into_iter().flatten() {
            client.expect_code(contract.address, contract.code_hash)?;
        }
        Ok(())
    }
}

impl Deployments {
    /// Reads the record; none is an empty one.
    ///
    /// # Errors
    /// [`DeployError`].
    pub fn load(path: &Path) -> Result<Self, DeployError> {
        let failed = |source| DeployError::Io { path: path.to_owned(), source };
        let mut text = String::new();
        // The read is bounded, not only the length that the file says it has.
        match File::open(path).and_then(|file| file.take(MAX_FILE + 1).read_to_string(&mut text)) {
            Ok(read) if read as u64 > MAX_FILE => return Err(DeployError::Version { path: path.to_owned() }),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Self { path: path.to_owned(), chains: Vec::new() });
            }
            Err(error) => return Err(failed(error)),
        }
        let wire: Wire =
            serde_json::from_str(&text).map_err(|source| DeployError::Malformed { path: path.to_owned(), source })?;
        if wire.schema != SCHEMA || wire.chains.len() > MAX_CHAINS {
            return Err(DeployError::Version { path: path.to_owned() });
        }
        Ok(Self { path: path.to_owned(), chains: wire.chains })
    }

    /// What is recorded of this chain.
    pub fn on(&self, chain: Identity) -> Option<&Deployment> {
        self.chains.iter().find(|found| found.identity().is(&chain))
    }

    /// All of them.
    pub fn all(&self) -> &[Deployment] {
        &self.chains
    }

    /// Deploys what is not there yet: token, registry, the log's registration, distributor. Each is recorded when it is
    /// in a block, before the next one begins.
    ///
    /// # Errors
    /// [`DeployError`]; the same call goes on where it stopped.
    pub fn deploy(&mut self, sender: &mut Sender<'_>, plan: &Plan) -> Result<Deployment, DeployError> {
        let mut deployment = self.begin(sender.client(), plan)?;
        if deployment.token.is_none() {
            let values = MiraToken::constructorCall { initialHolder: sender.account(), supply: plan.supply };
            let made = deploy(sender, &Artifact::mira_token()?, deployment.origin_id, &values.abi_encode())?;
            deployment.token = Some(made);
            self.keep(&deployment)?;
        }
        if deployment.registry.is_none() {
            deployment.registry = Some(deploy(sender, &Artifact::root_registry()?, deployment.origin_id, &[])?);
            self.keep(&deployment)?;
        }
        let (Some(token), Some(registry)) = (deployment.token, deployment.registry) else { return Ok(deployment) };
        if !deployment.registered {
            register(sender, registry.address, plan, deployment.origin_id)?;
            deployment.registered = true;
            self.keep(&deployment)?;
        }
        if deployment.distributor.is_none() {
            let values = RewardsDistributor::constructorCall {
                token_: token.address,
                registry_: registry.address,
                originId_: deployment.origin_id,
                proposer_: plan.proposer,
                guardian_: plan.guardian,
                window_: plan.window,
                resolution_: plan.resolution,
                bond_: plan.bond,
            };
            let artifact = Artifact::rewards_distributor()?;
            deployment.distributor = Some(deploy(sender, &artifact, deployment.origin_id, &values.abi_encode())?);
            self.keep(&deployment)?;
        }
        Ok(deployment)
    }

    fn begin(&mut self, client: &Client, plan: &Plan) -> Result<Deployment, DeployError> {
        let expected = origin_id(&plan.origin, &plan.log_key, &plan.committee);
        let chain = client.identity();
        if let Some(found) = self.on(chain) {
            if found.origin_id != expected {
                return Err(DeployError::OtherOrigin { expected, found: found.origin_id });
            }
            found.check(client)?;
            return Ok(found.clone());
        }
        let deployment = Deployment {
            chain: client.endpoint().to_string(),
            chain_id: chain.chain_id,
            genesis: chain.genesis,
            origin_id: expected,
            committee: plan.committee.members().to_vec(),
            threshold: plan.committee.threshold(),
            block: client.head()?.number,
            token: None,
            registry: None,
            registered: false,
            distributor: None,
        };
        self.keep(&deployment)?;
        Ok(deployment)
    }

    /// Replaces the file in one step: a crash leaves the old one or the new one.
    fn keep(&mut self, deployment: &Deployment) -> Result<(), DeployError> {
        let at = self.chains.iter().position(|found| found.identity().is(&deployment.identity()));
        match at.and_then(|at| self.chains.get_mut(at)) {
            Some(found) => *found = deployment.clone(),
            None => self.chains.push(deployment.clone()),
        }
        let wire = Wire { schema: SCHEMA.to_owned(), chains: self.chains.clone() };
        let text = serde_json::to_string_pretty(&wire)
            .map_err(|source| DeployError::Malformed { path: self.path.clone(), source })?;
        replace(&self.path, text.as_bytes()).map_err(|source| DeployError::Io { path: self.path.clone(), source })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    schema: String,
    chains: Vec<Deployment>,
}

/// A deployment belongs to the log it is for, so its purpose names the log.
fn deploy(sender: &mut Sender<'_>, artifact: &Artifact, origin: B256, values: &[u8]) -> Result<Contract, DeployError> {
    let input = [&artifact.creation, values].concat().into();
    let purpose = format!("deploy/{}/{origin}", artifact.name);
    let sent = sender.send(&Intent { purpose, to: None, input, value: U256::ZERO })?;
    let landed = landed(&sent, artifact.name)?;
    let other = || DeployError::OtherCode { contract: artifact.name, tx: landed.tx };
    let address = landed.made.ok_or_else(other)?;
    let code = sender.client().code(address)?;
    if !artifact.is_runtime(&code) {
        return Err(other());
    }
    Ok(Contract { address, tx: landed.tx, code_hash: keccak256(&code) })
}

/// Registering twice changes nothing, and neither does it if somebody else does it first.
fn register(sender: &mut Sender<'_>, registry: Address, plan: &Plan, origin: B256) -> Result<(), DeployError> {
    if sender.client().view(registry, &RootRegistry::thresholdCall { originId: origin })? != 0 {
        return Ok(());
    }
    let call = RootRegistry::registerCall {
        origin: plan.origin.clone(),
        logKey: plan.log_key.into(),
        committee: plan.committee.members().to_vec(),
        k: plan.committee.threshold(),
    };
    let purpose = format!("register/{origin}");
    let intent = Intent { purpose, to: Some(registry), input: call.abi_encode().into(), value: U256::ZERO };
    landed(&sender.send(&intent)?, "registration")?;
    Ok(())
}

fn landed(sent: &Sent, contract: &'static str) -> Result<crate::outbox::Landed, DeployError> {
    sent.landed.ok_or_else(|| DeployError::Pending { contract, tx: sent.tx.unwrap_or_default() })
}

/// Replaces a file in one step, durably.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let dir = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    fs::create_dir_all(dir)?;
    let temp = path.with_extension(format!("tmp-{}", std::process::id()));
    let mut file = File::create(&temp)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temp, path)?;
    File::open(dir)?.sync_all()
}

mod decimal {
    //! Integers that may pass 2^53 are written as text.

    use serde::{Deserialize as _, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(value: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&value.to_string())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(|_| de::Error::custom("expected a decimal number"))
    }
}
