//! What most commands begin with: the workspace, its ledger, and who is asking.

use std::path::PathBuf;

use mira_core::digest::ContributorId;
use mira_core::key::{SigningKey, VerifyingKey};
use mira_ingest::quarantine;
use mira_ingest::store::Store;
use mira_lineage::log::LogSigner;

use crate::args::Global;
use crate::blobs::Blobs;
use crate::by_cid;
use crate::commands::key::passphrase;
use crate::error::{CliError, Kind, Result, ResultExt};
use crate::home::Home;
use crate::keystore::{Keystore, is_demo};
use crate::ledger::{Ledger, log_signer};
use crate::process;
use crate::receipts;
use crate::refs::{self, Found};
use crate::workspace::{Workspace, WriteLock};

/// An open workspace and its user.
#[derive(Debug)]
pub struct Session {
    /// The workspace.
    pub workspace: Workspace,
    /// The user's keys and trust.
    pub home: Home,
    /// The log and what it adds up to.
    pub ledger: Ledger,
    key_name: Option<String>,
}

impl Session {
    /// Finds and opens the workspace.
    pub fn open(global: &Global) -> Result<Self> {
        Self::of(global, Workspace::find(global.workspace.as_deref())?)
    }

    /// The same, with the right to write: taken before the log is read, so that nobody adds to it in between.
    pub fn open_to_write(global: &Global) -> Result<(Self, WriteLock)> {
        let workspace = Workspace::find(global.workspace.as_deref())?;
        let lock = workspace.lock()?;
        let session = Self::of(global, workspace)?;
        session.sweep()?;
        Ok((session, lock))
    }

    /// The same for who only looks at what would be written.
    pub fn open_to_look(global: &Global) -> Result<(Self, Option<WriteLock>)> {
        let workspace = Workspace::find(global.workspace.as_deref())?;
        let lock = workspace.lock_to_look()?;
        Ok((Self::of(global, workspace)?, lock))
    }

    /// Removes what writers that were killed left behind: nobody else writes now, and the living keep theirs.
    fn sweep(&self) -> Result<()> {
        self.blobs().sweep()?;
        quarantine::sweep(&self.quarantine(), |process| !process::is_alive(process)).kind(Kind::Failed)?;
        self.store()?.sweep_where(|process| !process::is_alive(process)).kind(Kind::Failed).map(drop)
    }

    fn of(global: &Global, workspace: Workspace) -> Result<Self> {
        let home = Home::locate(global.home.as_deref())?;
        let ledger = Ledger::open(&workspace)?;
        Ok(Self { workspace, home, ledger, key_name: global.key.clone() })
    }

    /// The small files.
    pub fn blobs(&self) -> Blobs {
        Blobs::of(&self.workspace)
    }

    /// The chunk files.
    pub fn store(&self) -> Result<Store> {
        Store::open(self.workspace.path("store")).kind(Kind::Failed)
    }

    /// Where records that were no rows are kept; private to the user, and never published.
    pub fn quarantine(&self) -> PathBuf {
        self.workspace.path("quarantine")
    }

    /// The key that signs: `--key`, else the default one.
    pub fn signing_key(&self) -> Result<SigningKey> {
        let keys = Keystore::of(&self.home);
        let name = match &self.key_name {
            Some(name) => name.clone(),
            None => keys
                .default_name()?
                .ok_or_else(|| CliError::new(Kind::NotFound, "you have no signing key").hint("mira key new"))?,
        };
        keys.load(&name, || {
            passphrase()?.ok_or_else(|| {
                CliError::new(Kind::Config, format!("the key {name:?} is encrypted"))
                    .hint("MIRA_PASSPHRASE_FILE names a file with its passphrase")
            })
        })
    }

    /// Refuses a key that `mira demo` made: what it signed is nobody's word.
    pub fn refuse_demo_key(&self) -> Result<()> {
        let default = || Keystore::of(&self.home).default_name().ok().flatten();
        match self.key_name.clone().or_else(default).filter(|name| is_demo(name)) {
            None => Ok(()),
            Some(name) => Err(CliError::new(
                Kind::DoesNotVerify,
                format!("the key {name:?} is of a demo, and stays on local chains"),
            )
            .hint("--key chooses another, mira key new makes one")),
        }
    }

    /// The key of the log, which its owner keeps among their keys; refused while the log is behind or beside what its
    /// receipts say is anchored.
    pub fn log_signer(&self) -> Result<LogSigner> {
        receipts::refuse_fork(&self.workspace, self.ledger.log())?;
        log_signer(&self.workspace, &self.home)
    }

    /// Who is asking, for names without an owner; nobody if there is no key yet.
    pub fn me(&self) -> Result<Option<ContributorId>> {
        let keys = Keystore::of(&self.home).list()?;
        let chosen = keys.iter().find(|key| match &self.key_name {
            Some(name) => key.name == *name,
            None => key.is_default,
        });
        let Some(key) = chosen.and_then(|key| VerifyingKey::from_did(&key.did).ok()) else { return Ok(None) };
        Ok(Some(self.ledger.fold().by_key(&key).copied().unwrap_or_else(|| key.contributor_id())))
    }

    /// Whom a label, did:key or contributor_id stands for; or else the name of one of the user's own keys.
    pub fn person(&self, who: &str) -> Result<ContributorId> {
        let fold = self.ledger.fold();
        refs::contributor(fold, who).or_else(|error| {
            let keys = Keystore::of(&self.home).list()?;
            let key = keys.iter().find(|key| key.name == who).and_then(|key| VerifyingKey::from_did(&key.did).ok());
            let id = key.map(|key| fold.by_key(&key).copied().unwrap_or_else(|| key.contributor_id()));
            id.ok_or(error)
        })
    }

    /// Finds what a REF stands for.
    pub fn find(&self, text: &str) -> Result<Found<'_>> {
        match by_cid::parse(text)? {
            Some(cid) => by_cid::find(self, &cid),
            None => refs::resolve(self.ledger.fold(), self.ledger.mistakes(), text, self.me()?),
        }
    }
}
