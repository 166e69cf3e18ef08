//! A deployer with contracts on a chain, and a log to anchor.

#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests state what they expect")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use alloy::primitives::U256;
use mira_anchor::chain::Client;
use mira_anchor::commitment::Committee;
use mira_anchor::deployment::{Deployment, Deployments, Plan};
use mira_anchor::outbox::Outbox;
use mira_anchor::registry::Origin;
use mira_anchor::sender::Sender;
use mira_anchor::wallet::Wallet;
use mira_core::digest::Digest;
use mira_core::merkle::{Tree, TreeHead, leaf_hash};
use tempfile::TempDir;

/// A chain, an account that pays on it, and the files of a workspace.
pub(crate) struct World {
    pub(crate) dir: TempDir,
    pub(crate) client: Client,
    pub(crate) wallet: Wallet,
    pub(crate) origin: String,
}

impl World {
    pub(crate) fn outbox(&self) -> Outbox {
        Outbox::open(&self.dir.path().join("outbox.sqlite")).unwrap()
    }

    pub(crate) fn deployments(&self) -> Deployments {
        Deployments::load(&self.dir.path().join("deployment.json")).unwrap()
    }

    pub(crate) fn sender<'a>(&'a self, outbox: &'a mut Outbox) -> Sender<'a> {
        Sender::new(&self.client, &self.wallet, outbox).unwrap()
    }

    pub(crate) fn plan(&self) -> Plan {
        let account = self.wallet.address();
        Plan {
            origin: self.origin.clone(),
            log_key: [7; 32],
            committee: Committee::of_one(account).unwrap(),
            supply: U256::from(1_000_000),
            proposer: account,
            guardian: account,
            window: 24 * 3600,
            resolution: 3600,
            bond: U256::from(10),
        }
    }

    pub(crate) fn deploy(&self) -> Deployment {
        let mut outbox = self.outbox();
        self.deployments().deploy(&mut self.sender(&mut outbox), &self.plan()).unwrap()
    }
}

pub(crate) fn origin_of(deployment: &Deployment) -> Origin {
    Origin { registry: deployment.registry.unwrap().address, id: deployment.origin_id, since: deployment.block }
}

/// The keystore of the first account that anvil funds: a key that everybody knows.
pub(crate) fn sample_keystore(dir: &Path) -> Wallet {
    let path = dir.join("sample");
    fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/sample-anvil-0.json"), &path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    Wallet::keystore(&path, "sample password").unwrap()
}

/// A log of as many entries.
pub(crate) fn tree(size: u64) -> Tree {
    Tree::new((0..size).map(|leaf| leaf_hash(&leaf.to_be_bytes())))
}

/// The epochs of a log that was sealed at these sizes, and the proof of the last one.
pub(crate) fn epochs(sizes: &[u64]) -> (Vec<TreeHead>, Vec<Digest>) {
    let heads: Vec<TreeHead> = sizes.iter().map(|size| tree(*size).head()).collect();
    let path = match heads.as_slice() {
        [.., before, last] => tree(last.size.value()).consistency_path(before.size).unwrap(),
        _ => Vec::new(),
    };
    (heads, path)
}
