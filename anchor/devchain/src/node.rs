//! The chain with its file and its clock: what is decided in [`crate::chain`] is done here.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use alloy::primitives::B256;
use alloy::rpc::client::RpcClient;

use crate::chain::{BlockError, Chain, Moment, Next, decode_transaction};
use crate::clock::{Clock, SystemClock};
use crate::file::{BlockFile, FileError};
use crate::genesis::{Genesis, GenesisError, MAX_TIMESTAMP};
use crate::refusal::Refusal;
use crate::transport::DevTransport;

/// A chain in a file, which nobody else can open until this and all its transports are gone.
#[derive(Debug, Clone)]
pub struct DevChain {
    node: Arc<Mutex<Node>>,
}

/// What there is to say about a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Its file.
    pub path: PathBuf,
    /// What transactions are signed for.
    pub chain_id: u64,
    /// The hash of the first block.
    pub genesis: B256,
    /// The number of the last block.
    pub head: u64,
    /// The hash of the last block.
    pub hash: B256,
    /// The time of the last block.
    pub timestamp: u64,
    /// How far the time of the chain is ahead of its clock, in seconds.
    pub ahead: i64,
    /// Bytes of the file.
    pub bytes: u64,
}

/// Why a chain cannot be made or opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChainError {
    /// There is something wrong with the file.
    #[error(transparent)]
    File(#[from] FileError),
    /// A chain cannot begin like this.
    #[error("the chain cannot begin")]
    Genesis(#[from] GenesisError),
    /// The first block is another one than the file says.
    #[error("{}: the first block has hash {found}, the file says {expected}", path.display())]
    First {
        /// The file.
        path: PathBuf,
        /// What the file says.
        expected: B256,
        /// What the genesis gives.
        found: B256,
    },
    /// A block that does not follow from those before it.
    #[error("{}: byte {offset}: block {number} does not verify", path.display())]
    Block {
        /// The file.
        path: PathBuf,
        /// Where its record begins.
        offset: u64,
        /// The number that it would have.
        number: u64,
        /// Why not.
        source: Box<BlockError>,
    },
}

/// Why a block was not made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    File(#[from] FileError),
}

/// What a transport talks to.
pub(crate) struct Node {
    pub(crate) chain: Chain,
    file: BlockFile,
    clock: Box<dyn Clock>,
    /// How far the chain's time is ahead of the clock.
    ahead: i64,
    /// The time that was asked for for the next block.
    next_timestamp: Option<u64>,
}

impl DevChain {
    /// Makes a chain in a new file.
    pub fn create(path: impl AsRef<Path>, genesis: Genesis) -> Result<Self, ChainError> {
        Self::create_with(path, genesis, SystemClock)
    }

    /// Makes a chain in a new file, with another clock than the machine's.
    pub fn create_with(
        path: impl AsRef<Path>,
        genesis: Genesis,
        clock: impl Clock + 'static,
    ) -> Result<Self, ChainError> {
        let genesis = genesis.checked()?;
        let chain = Chain::begin(&genesis);
        let file = BlockFile::create(path.as_ref(), &genesis.encode(), chain.head().hash)?;
        Ok(Self::of(chain, file, clock))
    }

    /// Opens a chain and executes all its blocks again. One that gives another hash, or was written in another way
    /// than this version would write it, is an error, and so is a torn last record.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, ChainError> {
        Self::open_with(path, SystemClock)
    }

    /// Opens a chain with another clock than the machine's.
    pub fn open_with(path: impl AsRef<Path>, clock: impl Clock + 'static) -> Result<Self, ChainError> {
        Self::whole(BlockFile::open(path.as_ref())?, clock)
    }

    /// Opens a chain to be read, which several may do at once; it makes no block. Nobody has it for writing meanwhile.
    pub fn open_to_read(path: impl AsRef<Path>) -> Result<Self, ChainError> {
        Self::whole(BlockFile::open_to_read(path.as_ref())?, SystemClock)
    }

    fn whole(file: BlockFile, clock: impl Clock + 'static) -> Result<Self, ChainError> {
        let (chain, torn) = replay(&file)?;
        match torn {
            Some(torn) => Err(torn.into()),
            None => Ok(Self::of(chain, file, clock)),
        }
    }

    /// Opens a chain whose last record was not written in full, and cuts it off. Returns how many bytes that were: 0
    /// if the file is whole. Nobody was told of the block that is lost. Anything else that is wrong is an error still.
    pub fn recover(path: impl AsRef<Path>) -> Result<(Self, u64), ChainError> {
        Self::recover_with(path, SystemClock)
    }

    /// Recovers a chain with another clock than the machine's.
    pub fn recover_with(path: impl AsRef<Path>, clock: impl Clock + 'static) -> Result<(Self, u64), ChainError> {
        let mut file = BlockFile::open(path.as_ref())?;
        let (chain, torn) = replay(&file)?;
        let lost = match torn {
            Some(FileError::Torn { offset, bytes, .. }) => {
                file.cut(offset)?;
                bytes
            }
            Some(other) => return Err(other.into()),
            None => 0,
        };
        Ok((Self::of(chain, file, clock), lost))
    }

    /// The chain as a node that alloy's clients talk to. Copies talk to the same chain and keep it locked.
    pub fn transport(&self) -> DevTransport {
        DevTransport::new(Arc::clone(&self.node))
    }

    /// A client of this chain, for a `ProviderBuilder`.
    pub fn client(&self) -> RpcClient {
        RpcClient::new(self.transport(), true)
    }

    /// What there is to say about the chain.
    pub fn status(&self) -> Status {
        locked(&self.node).status()
    }

    fn of(chain: Chain, file: BlockFile, clock: impl Clock + 'static) -> Self {
        let ahead = chain.ahead();
        let node = Node { chain, file, clock: Box::new(clock), ahead, next_timestamp: None };
        Self { node: Arc::new(Mutex::new(node)) }
    }
}

impl Node {
    /// Makes a block of a transaction. When this returns its hash the block is durable; on an error nothing changed.
    pub(crate) fn send(&mut self, raw: &[u8]) -> Result<B256, SendError> {
        let tx = decode_transaction(raw)?;
        let hash = *tx.tx_hash();
        let moment = self.moment();
        let next = self.chain.execute(tx, moment)?;
        self.keep(next, moment)?;
        Ok(hash)
    }

    /// Makes a block without a transaction.
    pub(crate) fn mine(&mut self) -> Result<(), SendError> {
        let moment = self.moment();
        let next = self.chain.pass(moment)?;
        Ok(self.keep(next, moment)?)
    }

    /// The time that a block would have now: after the last one, whatever the clock says.
    pub(crate) fn moment(&self) -> Moment {
        let now = i64::try_from(self.clock.now()).unwrap_or(i64::MAX);
        match self.next_timestamp {
            Some(timestamp) => {
                Moment { timestamp, ahead: i64::try_from(timestamp).unwrap_or(i64::MAX).saturating_sub(now) }
            }
            None => {
                let time = u64::try_from(now.saturating_add(self.ahead)).unwrap_or(0);
                let after = self.chain.header().timestamp.saturating_add(1);
                Moment { timestamp: time.max(after), ahead: self.ahead }
            }
        }
    }

    /// Moves the time forward, from the next block on. Returns by how much it is ahead of the clock then.
    pub(crate) fn increase_time(&mut self, seconds: u64) -> Option<i64> {
        let seconds = i64::try_from(seconds.min(MAX_TIMESTAMP + 1)).ok()?;
        let ahead = self.ahead.saturating_add(seconds);
        if u64::try_from(ahead).is_ok_and(|ahead| ahead > MAX_TIMESTAMP) {
            return None;
        }
        self.ahead = ahead;
        Some(ahead)
    }

    /// Sets the time of the next block, from which time goes on. It must be after the last block.
    pub(crate) fn set_next_timestamp(&mut self, timestamp: u64) -> bool {
        let possible = timestamp > self.chain.header().timestamp && timestamp <= MAX_TIMESTAMP;
        if possible {
            self.next_timestamp = Some(timestamp);
        }
        possible
    }

    pub(crate) fn status(&self) -> Status {
        let head = self.chain.head();
        Status {
            path: self.file.path().to_owned(),
            chain_id: self.chain.chain_id,
            genesis: self.chain.block(0).map(|first| first.hash).unwrap_or_default(),
            head: head.block.header.number,
            hash: head.hash,
            timestamp: head.block.header.timestamp,
            ahead: self.ahead,
            bytes: self.file.len(),
        }
    }

    /// First the file, then the chain that others see.
    fn keep(&mut self, next: Next, moment: Moment) -> Result<(), FileError> {
        // A crash before this line: no block. After it: a block that nobody asked for twice, since its nonce is used.
        self.file.append(&alloy::rlp::encode(&next.sealed.block), next.sealed.hash)?;
        self.chain.push(next);
        self.ahead = moment.ahead;
        self.next_timestamp = None;
        Ok(())
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node").field("status", &self.status()).finish_non_exhaustive()
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { chain_id, head, hash, .. } = self;
        write!(f, "local (one operator, no independent time): chain {chain_id}, block {head}, {hash}")
    }
}

/// The node, also after a panic of another thread: a block is pushed only after all that could panic.
pub(crate) fn locked(node: &Mutex<Node>) -> MutexGuard<'_, Node> {
    node.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Executes all whole records of a file. A torn last one is handed back beside them.
fn replay(file: &BlockFile) -> Result<(Chain, Option<FileError>), ChainError> {
    let mut records = file.records()?;
    let path = || file.path().to_owned();
    let Some(first) = records.next()? else { return Err(FileError::Magic { path: path() }.into()) };
    let chain = Chain::begin(&Genesis::decode(&first.bytes)?);
    let found = chain.head().hash;
    if found != first.hash {
        return Err(ChainError::First { path: path(), expected: first.hash, found });
    }
    let mut chain = chain;
    loop {
        let record = match records.next() {
            Ok(Some(record)) => record,
            Ok(None) => return Ok((chain, None)),
            Err(torn @ FileError::Torn { .. }) => return Ok((chain, Some(torn))),
            Err(other) => return Err(other.into()),
        };
        let number = chain.header().number + 1;
        let next = chain.replay(&record.bytes, record.hash).map_err(|source| ChainError::Block {
            path: path(),
            offset: record.offset,
            number,
            source: Box::new(source),
        })?;
        chain.push(next);
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{Address, U256};

    use super::*;
    use crate::clock::ManualClock;
    use crate::genesis::LOCAL_CHAIN_ID;

    #[test]
    fn a_block_that_cannot_be_stored_is_no_block() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("chain");
        let alloc = vec![(Address::with_last_byte(1), U256::ONE)];
        let genesis = Genesis { chain_id: LOCAL_CHAIN_ID, timestamp: 1, base_fee: 7, alloc };
        let chain = DevChain::create_with(&path, genesis, ManualClock::at(1)).unwrap();
        let mut node = locked(&chain.node);
        node.mine().unwrap();
        let before = node.status();
        node.file.jam();
        assert!(matches!(node.mine(), Err(SendError::File(FileError::Io { action: "write", .. }))));
        assert!(matches!(node.mine(), Err(SendError::File(FileError::Broken { .. }))));
        assert_eq!(node.status(), before);
        drop(node);
        drop(chain);
        let chain = DevChain::open_with(&path, ManualClock::at(1)).unwrap();
        assert_eq!(chain.status(), before);
        locked(&chain.node).mine().unwrap();
        assert_eq!(chain.status().head, before.head + 1);
    }
}
