//! Whom this user believes: log keys and contracts, kept outside every workspace.
//!
//! The trust file has one of these a line, `#` comments and blank lines. It is the user's own word; nothing that is
//! being checked may add to it.
//!
//! ```text
//! log VKEY
//! contract ROLE CHAIN_ID GENESIS ADDRESS CODE_HASH ORIGIN_ID ORIGIN
//! ```
//!
//! ROLE is `registry` or `distributor`. A chain is named by its id and the hash of its block 0, a contract by its address
//! and the hash of its code, the log that it serves by its name in the registry and its origin.

use std::fmt;
use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::str::FromStr;

use mira_anchor::chain::Identity;
use mira_anchor::{Address, B256};
use mira_core::log::policy::Policy;
use mira_core::log::vkey::{KeyName, VerifierKey};

use crate::error::{CliError, Kind, Result, ResultExt};
use crate::home::Home;
use crate::read_file;
use crate::temporary;

/// Largest trust file that is read.
const MAX_TRUST_FILE: usize = 1 << 20;

/// The user's trust file.
#[derive(Debug)]
pub struct Trust {
    path: PathBuf,
    logs: Vec<VerifierKey>,
    contracts: Vec<TrustedContract>,
}

/// A contract that the user believes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedContract {
    /// What it is believed to be.
    pub role: Role,
    /// The chain that it is on.
    pub chain: Identity,
    /// Where it is there.
    pub address: Address,
    /// keccak256 of its code.
    pub code_hash: B256,
    /// The name of its log in the registry.
    pub origin_id: B256,
    /// Its log.
    pub origin: KeyName,
}

/// What a contract is believed to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Where epochs are anchored.
    Registry,
    /// What pays rewards.
    Distributor,
}

impl Role {
    /// Its spelling.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Registry => "registry",
            Self::Distributor => "distributor",
        }
    }
}

impl fmt::Display for TrustedContract {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (role, chain, origin) = (self.role.as_str(), self.chain, &self.origin);
        let (chain_id, genesis) = (chain.chain_id, chain.genesis);
        write!(f, "{role} {chain_id} {genesis} {:#x} {} {} {origin}", self.address, self.code_hash, self.origin_id)
    }
}

impl FromStr for TrustedContract {
    type Err = ();

    fn from_str(text: &str) -> std::result::Result<Self, ()> {
        let parts: Vec<&str> = text.split_whitespace().collect();
        let [role, chain_id, genesis, address, code_hash, origin_id, origin] = parts.as_slice() else {
            return Err(());
        };
        let role = [Role::Registry, Role::Distributor].into_iter().find(|known| known.as_str() == *role).ok_or(())?;
        // A file names a chain without saying whose it is: whether it is local shows when it is asked.
        let genesis = genesis.parse().map_err(|_| ())?;
        let chain = Identity { chain_id: chain_id.parse().map_err(|_| ())?, genesis, local: false };
        Ok(Self {
            role,
            chain,
            address: address.parse().map_err(|_| ())?,
            code_hash: code_hash.parse().map_err(|_| ())?,
            origin_id: origin_id.parse().map_err(|_| ())?,
            origin: origin.parse().map_err(|_| ())?,
        })
    }
}

impl Trust {
    /// Reads the trust file; none is an empty one.
    pub fn load(home: &Home) -> Result<Self> {
        let path = home.trust_file();
        let text = match read_file::text(&path, MAX_TRUST_FILE) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(CliError::new(Kind::Config, error.to_string()).at(path.display().to_string())),
        };
        let (mut logs, mut contracts) = (Vec::new(), Vec::new());
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let log = line.strip_prefix("log ").and_then(|vkey| vkey.trim().parse().ok());
            let contract = line.strip_prefix("contract ").and_then(|contract| contract.parse().ok());
            logs.extend(log.clone());
            contracts.extend(contract.clone());
            if log.is_none() && contract.is_none() {
                return Err(CliError::new(Kind::Config, "expected `log VKEY` or `contract ROLE …`")
                    .at(format!("{}:{number}", path.display())));
            }
        }
        Ok(Self { path, logs, contracts })
    }

    /// The logs believed.
    pub fn logs(&self) -> &[VerifierKey] {
        &self.logs
    }

    /// The contracts believed.
    pub fn contracts(&self) -> &[TrustedContract] {
        &self.contracts
    }

    /// Believes a contract; says whether that is new.
    pub fn add_contract(&mut self, contract: TrustedContract) -> Result<bool> {
        if self.contracts.contains(&contract) {
            return Ok(false);
        }
        self.contracts.push(contract);
        self.save().map(|()| true)
    }

    /// Believes a log; says whether that is new.
    pub fn add(&mut self, key: VerifierKey) -> Result<bool> {
        if self.logs.contains(&key) {
            return Ok(false);
        }
        self.logs.push(key);
        self.save().map(|()| true)
    }

    /// Stops believing the logs of this name, this very key, or the contracts at this address; says how many.
    pub fn remove(&mut self, what: &str) -> Result<usize> {
        let before = self.logs.len() + self.contracts.len();
        self.logs.retain(|key| key.name().as_str() != what && key.to_string() != what);
        let address = what.parse::<Address>().ok();
        self.contracts.retain(|contract| Some(contract.address) != address);
        let removed = before - self.logs.len() - self.contracts.len();
        if removed > 0 {
            self.save()?;
        }
        Ok(removed)
    }

    /// The same as a policy: any of the logs, no witnesses.
    pub fn policy(&self) -> Policy {
        Policy::trusting(self.logs.clone())
    }

    /// Replaces the file in one step: a crash leaves the old one or the new one.
    fn save(&self) -> Result<()> {
        let logs = self.logs.iter().map(|key| format!("log {key}\n"));
        let text: String = logs.chain(self.contracts.iter().map(|contract| format!("contract {contract}\n"))).collect();
        self.replace(&text)
            .map_err(|error| CliError::new(Kind::Failed, error.to_string()).at(self.path.display().to_string()))
    }

    fn replace(&self, text: &str) -> io::Result<()> {
        let dir = self.path.parent().ok_or(io::ErrorKind::InvalidInput)?;
        fs::create_dir_all(dir)?;
        let temp = temporary::beside(&self.path)?;
        let mut file = fs::File::create(&temp)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        temporary::place(&temp, &self.path, true)
    }
}

/// Reads a verifier key that the user typed.
pub fn parse_vkey(text: &str) -> Result<VerifierKey> {
    text.parse::<VerifierKey>().kind(Kind::Usage).map_err(|error| {
        error.hint("a verifier key looks like example.com/log+1234abcd+AbCd…, as `mira log --vkey` prints it")
    })
}
