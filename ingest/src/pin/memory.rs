//! A node in memory: what [`Kubo`](super::Kubo) does, without a network or a disk.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use mira_core::car::{Car, CarError};
use mira_core::cid::{Cid, Codec};
use mira_core::unixfs::{
    CHUNK_LEN, Directory, File, FileBlock, FileBuilder, FileError, Node, Opened, Sink, decode_node,
};

use super::{Pin, PinError, Upload};
use crate::directory::car::CarContent;

/// The twin of a Kubo node, for tests. Blocks are checked as they come, as Kubo does.
#[derive(Debug, Default)]
pub struct Memory {
    state: Mutex<State>,
    lacks_import: bool,
}

#[derive(Debug, Default, Clone)]
struct State {
    blocks: BTreeMap<Cid, Bytes>,
    /// Recursive pins, with their names.
    pins: BTreeMap<Cid, String>,
}

const SERVICE: &str = "memory";

impl Memory {
    /// A node without blocks.
    pub fn new() -> Self {
        Self::default()
    }

    /// A node that takes no CARs.
    pub fn without_import() -> Self {
        Self { lacks_import: true, ..Self::default() }
    }

    /// Removes every block that no pin keeps, as a node may at any time. Returns how many there were.
    pub fn collect_garbage(&self) -> usize {
        let mut state = self.state();
        let kept: BTreeSet<Cid> = state.pins.keys().filter_map(|root| state.walk(*root).ok()).flatten().collect();
        let before = state.blocks.len();
        state.blocks.retain(|cid, _| kept.contains(cid));
        before - state.blocks.len()
    }

    /// Loses one block whether or not a pin keeps it, as a damaged disk would.
    pub fn lose(&self, cid: &Cid) {
        self.state().blocks.remove(cid);
    }

    /// What a path leads to from a root, as a gateway finds it.
    ///
    /// # Errors
    /// [`PinError::Refused`] if a block is missing on the way, or a name.
    pub fn resolve(&self, root: &Cid, path: &str) -> Result<Cid, PinError> {
        self.state().resolve(root, path)
    }

    /// How many blocks there are.
    pub fn blocks(&self) -> usize {
        self.state().blocks.len()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No method leaves the state half changed, so a panic in a test does not spoil it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn block(&self, cid: &Cid) -> Result<&Bytes, PinError> {
        self.blocks.get(cid).ok_or_else(|| refused("block/get", format!("block was not found locally: {cid}")))
    }

    /// All blocks of a DAG.
    fn walk(&self, root: Cid) -> Result<BTreeSet<Cid>, PinError> {
        let (mut seen, mut open) = (BTreeSet::new(), vec![root]);
        while let Some(cid) = open.pop() {
            let block = self.block(&cid)?;
            if seen.insert(cid) && cid.codec() == Codec::DagPb {
                match decode_node(block).map_err(|error| refused("walk", error.to_string()))? {
                    Node::Directory(directory) => open.extend(directory.entries().map(|(_, link)| link.cid)),
                    Node::File(node) => open.extend(node.children().iter().map(|child| child.cid)),
                }
            }
        }
        Ok(seen)
    }

    fn resolve(&self, root: &Cid, path: &str) -> Result<Cid, PinError> {
        path.split('/').filter(|name| !name.is_empty()).try_fold(*root, |cid, name| {
            let directory =
                Directory::open(cid, self.block(&cid)?).map_err(|error| refused("cat", error.to_string()))?;
            let entry = directory.entry(name).ok_or_else(|| refused("cat", format!("no link named {name:?}")))?;
            Ok(entry.cid)
        })
    }

    fn file(&self, cid: Cid) -> Result<Vec<u8>, PinError> {
        let (_, opened) = File::open(cid, self.block(&cid)?).map_err(|error| refused("cat", error.to_string()))?;
        let mut bytes = Vec::new();
        self.append(opened, &mut bytes)?;
        Ok(bytes)
    }

    fn append(&self, opened: Opened<'_>, bytes: &mut Vec<u8>) -> Result<(), PinError> {
        match opened {
            Opened::Leaf(leaf) => bytes.extend_from_slice(leaf),
            Opened::Node(children) => children.iter().try_for_each(|child: &FileBlock| {
                let opened = child.open(self.block(&child.cid())?);
                self.append(opened.map_err(|error| refused("cat", error.to_string()))?, bytes)
            })?,
        }
        Ok(())
    }
}

impl Pin for Memory {
    async fn version(&self) -> Result<String, PinError> {
        Ok("memory 1".into())
    }

    async fn has_block(&self, cid: &Cid) -> Result<bool, PinError> {
        Ok(self.state().blocks.contains_key(cid))
    }

    async fn has_dag(&self, cid: &Cid) -> Result<bool, PinError> {
        Ok(self.state().walk(*cid).is_ok())
    }

    async fn import(&self, car: Upload<'_>) -> Result<CarContent, PinError> {
        if self.lacks_import {
            let message = "404 page not found".into();
            return Err(PinError::Refused { service: SERVICE.into(), call: "dag/import", status: 404, message });
        }
        let bytes = collect(car).await?;
        let blocks = read_car(&bytes).map_err(|error| refused("dag/import", error.to_string()))?;
        let sizes = blocks.iter().map(|(_, data)| data.len() as u64);
        let content = CarContent { blocks: blocks.len() as u64, block_bytes: sizes.sum() };
        self.state().blocks.extend(blocks);
        Ok(content)
    }

    async fn add(&self, file: Upload<'_>) -> Result<Cid, PinError> {
        let bytes = collect(file).await?;
        let failed = |error: FileError<Infallible>| refused("add", error.to_string());
        let mut blocks = Kept::default();
        let mut builder = FileBuilder::new(&mut blocks);
        builder.write(&bytes).map_err(failed)?;
        let file = builder.finish().map_err(failed)?;
        // Leaves are not handed to a sink with their bytes; they are the pieces of the file.
        let leaves = bytes.chunks(CHUNK_LEN).map(|leaf| (Cid::raw_of(leaf), Bytes::copy_from_slice(leaf)));
        let empty = bytes.is_empty().then(|| (Cid::raw_of(b""), Bytes::new()));
        self.state().blocks.extend(leaves.chain(empty).chain(blocks.0));
        Ok(file.cid)
    }

    async fn put(&self, block: Bytes) -> Result<Cid, PinError> {
        let cid = Cid::of(Codec::DagPb, &block);
        self.state().blocks.insert(cid, block);
        Ok(cid)
    }

    async fn pin(&self, cid: &Cid, name: &str, _: bool) -> Result<(), PinError> {
        let mut state = self.state();
        state.walk(*cid)?;
        state.pins.insert(*cid, name.into());
        Ok(())
    }

    async fn is_pinned(&self, cid: &Cid) -> Result<bool, PinError> {
        Ok(self.state().pins.contains_key(cid))
    }

    async fn pinned_as(&self, name: &str) -> Result<Vec<Cid>, PinError> {
        Ok(self.state().pins.iter().filter(|(_, found)| *found == name).map(|(cid, _)| *cid).collect())
    }

    async fn unpin(&self, cid: &Cid) -> Result<(), PinError> {
        self.state().pins.remove(cid);
        Ok(())
    }

    async fn read(&self, file: &Cid, offset: u64, len: usize) -> Result<Bytes, PinError> {
        let bytes = self.state().file(*file)?;
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        Ok(bytes.into_iter().skip(offset).take(len).collect())
    }
}

/// All of what is sent. Nothing is kept before the end, so what breaks off leaves nothing.
async fn collect(mut upload: Upload<'_>) -> Result<Vec<u8>, PinError> {
    let mut bytes = Vec::new();
    while let Some(piece) = upload.next().await {
        bytes.extend_from_slice(&piece.map_err(|error| PinError::Car(Box::new(error)))?);
    }
    Ok(bytes)
}

/// The nodes over a file.
#[derive(Default)]
struct Kept(Vec<(Cid, Bytes)>);

impl Sink for Kept {
    type Error = Infallible;

    fn leaf(&mut self, _: Cid, _: u64, _: usize) -> Result<(), Infallible> {
        Ok(())
    }

    fn node(&mut self, cid: Cid, bytes: &[u8]) -> Result<(), Infallible> {
        self.0.push((cid, Bytes::copy_from_slice(bytes)));
        Ok(())
    }
}

fn read_car(bytes: &[u8]) -> Result<Vec<(Cid, Bytes)>, CarError> {
    Car::new(bytes)?.map(|block| block.map(|block| (block.cid, Bytes::copy_from_slice(block.data)))).collect()
}

fn refused(call: &'static str, message: String) -> PinError {
    PinError::Refused { service: SERVICE.into(), call, status: 500, message }
}
