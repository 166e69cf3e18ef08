//! Closures over lineage: everything that a node was made from, or that was made from it.
//!
//! The index is a compressed sparse row file in both directions. Node ids are dense and in log order and edges run from old
//! to new, so a neighbour list that ascends by id ascends in time: what the log held at some size is a bound on ids, and
//! no path can come back to its start.
//!
//! ```text
//! "mira/closure/v1\n" ‖ u64le nodes ‖ u64le edges ‖ u64le checksum
//! ‖ u32le[nodes + 1] starts ‖ u32le[edges] sources of each node, ascending      (up)
//! ‖ u32le[nodes + 1] starts ‖ u32le[edges] destinations of each node, ascending (down)
//! ```
//!
//! Opening reads the file once into one allocation and checks magic, lengths and checksum; numbers are decoded where a walk
//! meets them, and each is checked there again. The checksum finds damage, not forgery: whoever can write the file can make
//! it say anything, so it is for those who believe the place where it lies.
//!
//! ```
//! use mira_lineage::closure::{Direction, Index, Walk};
//!
//! let index = Index::build(4, &[(0, 1), (1, 2), (0, 2), (2, 3)])?;
//! let up = index.walk(3, Direction::Up, &Walk::everything())?;
//! assert_eq!(up.iter().map(|step| (step.node, step.depth)).collect::<Vec<_>>(), [(2, 1), (0, 2), (1, 2)]);
//! # Ok::<(), mira_lineage::closure::ClosureError>(())
//! ```

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// The first bytes of an index.
const MAGIC: &[u8; 16] = b"mira/closure/v1\n";
/// Bytes before the arrays.
const HEADER: usize = 40;
/// Bytes of a number in the arrays.
const WORD: usize = 4;

/// Which way a walk goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// To what a node was made from.
    Up,
    /// To what was made from it.
    Down,
}

/// How far a walk goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Walk {
    /// Most edges from the root; all if absent.
    pub depth: Option<u32>,
    /// Only nodes below this id: those that the log had at some size.
    pub bound: u32,
    /// Most nodes that a walk may find; one more is an error.
    pub most: usize,
}

/// A node that a walk found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// The node.
    pub node: u32,
    /// The fewest edges between it and the root.
    pub depth: u32,
}

/// The neighbours of every node, in both directions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    nodes: u32,
    edges: usize,
    /// The file as it is on disk.
    bytes: Vec<u8>,
}

/// Why there is no index, or no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClosureError {
    /// The system refused.
    #[error("could not read {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The bytes are not an index.
    #[error("the file does not start with mira/closure/v1")]
    Magic,
    /// The file has another length than its header says.
    #[error("an index of {nodes} nodes and {edges} edges has another length than {found} bytes")]
    Length {
        /// Nodes in the header.
        nodes: u64,
        /// Edges in the header.
        edges: u64,
        /// The length of the file.
        found: usize,
    },
    /// The file was damaged.
    #[error("the index has checksum {found:016x}, expected {expected:016x}")]
    Checksum {
        /// The checksum in the header.
        expected: u64,
        /// That of the file.
        found: u64,
    },
    /// An edge does not run from an older node to a newer one.
    #[error("the edge {src} -> {dst} does not run from an older node to a newer one of {nodes}")]
    Edge {
        /// Its source.
        src: u32,
        /// Its destination.
        dst: u32,
        /// How many nodes there are.
        nodes: u32,
    },
    /// More edges than 32 bits can count.
    #[error("an index holds at most 2^32 - 1 edges, found {found}")]
    TooManyEdges {
        /// How many there are.
        found: usize,
    },
    /// The root is not a node below the bound.
    #[error("there is no node {node} below {bound}")]
    Root {
        /// The root.
        node: u32,
        /// How many nodes there are.
        bound: u32,
    },
    /// The walk found more nodes than it may.
    #[error("the closure has more than {most} nodes")]
    Limit {
        /// The limit.
        most: usize,
    },
    /// A neighbour list of the index is not one.
    #[error("the index is damaged at node {node}")]
    Damaged {
        /// Whose list it is.
        node: u32,
    },
}

impl Walk {
    /// As far as there is anything.
    pub const fn everything() -> Self {
        Self { depth: None, bound: u32::MAX, most: usize::MAX }
    }
}

impl Index {
    /// Makes an index of `nodes` nodes. Edges may come in any order and more than once; each is (source, destination).
    ///
    /// # Errors
    /// [`ClosureError::Edge`] and [`ClosureError::TooManyEdges`].
    pub fn build(nodes: u32, edges: &[(u32, u32)]) -> Result<Self, ClosureError> {
        if u32::try_from(edges.len()).is_err() {
            return Err(ClosureError::TooManyEdges { found: edges.len() });
        }
        if let Some((src, dst)) = edges.iter().copied().find(|(src, dst)| src >= dst || *dst >= nodes) {
            return Err(ClosureError::Edge { src, dst, nodes });
        }
        let mut up = Lists::bucket(nodes, edges.iter().map(|(src, dst)| (*dst, *src)));
        up.sort_and_dedup();
        // Destinations are visited in ascending order, so every list of this direction ascends without sorting.
        let down = Lists::bucket(nodes, up.pairs().map(|(dst, src)| (src, dst)));
        let edges = up.targets.len();
        let mut bytes = Vec::with_capacity(HEADER + (2 * (nodes as usize + 1) + 2 * edges) * WORD);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&u64::from(nodes).to_le_bytes());
        bytes.extend_from_slice(&(edges as u64).to_le_bytes());
        bytes.extend_from_slice(&[0; 8]);
        for array in [&up.starts, &up.targets, &down.starts, &down.targets] {
            array.iter().for_each(|number| bytes.extend_from_slice(&number.to_le_bytes()));
        }
        let sum = checksum(bytes.get(HEADER..).unwrap_or_default());
        if let Some(place) = bytes.get_mut(HEADER - 8..HEADER) {
            place.copy_from_slice(&sum.to_le_bytes());
        }
        Ok(Self { nodes, edges, bytes })
    }

    /// Reads an index from a file.
    ///
    /// # Errors
    /// [`ClosureError`], before memory is taken for a file whose length is not what its header says.
    pub fn open(path: &Path) -> Result<Self, ClosureError> {
        let io = |source| ClosureError::Io { path: path.to_owned(), source };
        let mut file = File::open(path).map_err(io)?;
        let mut header = Vec::with_capacity(HEADER);
        io::Read::by_ref(&mut file).take(HEADER as u64).read_to_end(&mut header).map_err(io)?;
        let length = usize::try_from(file.metadata().map_err(io)?.len()).unwrap_or(usize::MAX);
        Header::parse(&header, length)?;
        let mut bytes = header;
        bytes.reserve_exact(length.saturating_sub(HEADER));
        file.take((length - HEADER) as u64).read_to_end(&mut bytes).map_err(io)?;
        Self::from_bytes(bytes)
    }

    /// Takes the bytes of a file as an index.
    ///
    /// # Errors
    /// [`ClosureError`], if they are not one, or damaged.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, ClosureError> {
        let Header { nodes, edges, checksum: expected } = Header::parse(&bytes, bytes.len())?;
        let found = checksum(bytes.get(HEADER..).unwrap_or_default());
        if found != expected {
            return Err(ClosureError::Checksum { expected, found });
        }
        Ok(Self { nodes, edges, bytes })
    }

    /// The file.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many nodes there are.
    pub fn nodes(&self) -> u32 {
        self.nodes
    }

    /// How many edges there are between different pairs of nodes.
    pub fn edges(&self) -> usize {
        self.edges
    }

    /// The nodes that can be reached from `root`, which is not among them, nearest first.
    ///
    /// # Errors
    /// [`ClosureError::Root`], [`ClosureError::Limit`] and [`ClosureError::Damaged`]; never fewer nodes than there are.
    pub fn walk(&self, root: u32, direction: Direction, walk: &Walk) -> Result<Vec<Step>, ClosureError> {
        let bound = walk.bound.min(self.nodes);
        if root >= bound {
            return Err(ClosureError::Root { node: root, bound });
        }
        let mut seen = match direction {
            Direction::Up => Bits::new(0, root),
            Direction::Down => Bits::new(root + 1, bound),
        };
        let mut found: Vec<Step> = Vec::new();
        let mut next = 0;
        let mut at = Step { node: root, depth: 0 };
        loop {
            if walk.depth.is_none_or(|depth| at.depth < depth) {
                for node in self.neighbours(at.node, direction)? {
                    if node >= bound {
                        // The list ascends: everything from here on is too new.
                        break;
                    }
                    if seen.insert(node).ok_or(ClosureError::Damaged { node: at.node })? {
                        if found.len() == walk.most {
                            return Err(ClosureError::Limit { most: walk.most });
                        }
                        found.push(Step { node, depth: at.depth + 1 });
                    }
                }
            }
            match found.get(next) {
                Some(step) => at = *step,
                None => return Ok(found),
            }
            next += 1;
        }
    }

    /// The neighbours of a node, ascending.
    ///
    /// # Errors
    /// [`ClosureError::Damaged`].
    pub fn neighbours(&self, node: u32, direction: Direction) -> Result<impl Iterator<Item = u32> + '_, ClosureError> {
        let damaged = ClosureError::Damaged { node };
        let list = self.list(node, direction).ok_or(damaged)?;
        let inside = match direction {
            Direction::Up => list.last().is_none_or(|last| number(last) < node),
            Direction::Down => list.first().is_none_or(|first| number(first) > node),
        };
        if inside { Ok(list.iter().map(number)) } else { Err(ClosureError::Damaged { node }) }
    }

    fn list(&self, node: u32, direction: Direction) -> Option<&[[u8; WORD]]> {
        let starts_len = (self.nodes as usize + 1) * WORD;
        let starts = match direction {
            Direction::Up => HEADER,
            Direction::Down => HEADER + starts_len + self.edges * WORD,
        };
        let at = starts + node as usize * WORD;
        let [start, end] = self.bytes.get(at..at + 2 * WORD)?.as_chunks::<WORD>().0 else { return None };
        let (start, end) = (number(start) as usize, number(end) as usize);
        if start > end || end > self.edges {
            return None;
        }
        let targets = starts + starts_len;
        self.bytes.get(targets + start * WORD..targets + end * WORD).map(|list| list.as_chunks().0)
    }
}

fn number(bytes: &[u8; WORD]) -> u32 {
    u32::from_le_bytes(*bytes)
}

/// What an index says of itself.
struct Header {
    nodes: u32,
    edges: usize,
    checksum: u64,
}

impl Header {
    /// Reads the header of a file of `length` bytes, which must be the length that it asks for.
    fn parse(bytes: &[u8], length: usize) -> Result<Self, ClosureError> {
        let header = bytes.strip_prefix(MAGIC).ok_or(ClosureError::Magic)?;
        let ([nodes, edges, checksum, ..], _) = header.as_chunks::<8>() else { return Err(ClosureError::Magic) };
        let (nodes, edges, checksum) =
            (u64::from_le_bytes(*nodes), u64::from_le_bytes(*edges), u64::from_le_bytes(*checksum));
        let expected = 2 * WORD as u128 * (u128::from(nodes) + 1 + u128::from(edges)) + HEADER as u128;
        match (u32::try_from(nodes), u32::try_from(edges)) {
            (Ok(nodes), Ok(edges)) if expected == length as u128 => Ok(Self { nodes, edges: edges as usize, checksum }),
            _ => Err(ClosureError::Length { nodes, edges, found: length }),
        }
    }
}

/// Neighbour lists while they are made.
struct Lists {
    starts: Vec<u32>,
    targets: Vec<u32>,
}

impl Lists {
    /// Sorts pairs into the lists of their first nodes, in the order in which they come. All nodes are below `nodes`, and
    /// there are fewer than 2^32 pairs.
    #[expect(clippy::indexing_slicing, reason = "the caller checked that every node is below `nodes`")]
    fn bucket(nodes: u32, pairs: impl Iterator<Item = (u32, u32)> + Clone) -> Self {
        let mut starts = vec![0_u32; nodes as usize + 1];
        for (of, _) in pairs.clone() {
            starts[of as usize + 1] += 1;
        }
        for node in 1..starts.len() {
            starts[node] += starts[node - 1];
        }
        let mut ends = starts.clone();
        let mut targets = vec![0; starts.last().map_or(0, |count| *count as usize)];
        for (of, target) in pairs {
            let end = &mut ends[of as usize];
            targets[*end as usize] = target;
            *end += 1;
        }
        Self { starts, targets }
    }

    /// Makes every list ascend without repetition.
    #[expect(clippy::indexing_slicing, reason = "starts are those that `bucket` made")]
    fn sort_and_dedup(&mut self) {
        let mut kept = 0_usize;
        for node in 0..self.starts.len() - 1 {
            let (start, end) = (self.starts[node] as usize, self.starts[node + 1] as usize);
            self.targets[start..end].sort_unstable();
            self.starts[node] = u32::try_from(kept).unwrap_or(u32::MAX);
            let mut last = None;
            for at in start..end {
                let target = self.targets[at];
                if last.replace(target) != Some(target) {
                    self.targets[kept] = target;
                    kept += 1;
                }
            }
        }
        self.targets.truncate(kept);
        if let Some(end) = self.starts.last_mut() {
            *end = u32::try_from(kept).unwrap_or(u32::MAX);
        }
    }

    /// All pairs, ascending by the first.
    fn pairs(&self) -> impl Iterator<Item = (u32, u32)> + Clone + '_ {
        (0_u32..).zip(self.starts.windows(2)).flat_map(|(node, range)| {
            let range = match range {
                [start, end] => *start as usize..*end as usize,
                _ => 0..0,
            };
            self.targets.get(range).unwrap_or_default().iter().map(move |target| (node, *target))
        })
    }
}

/// A set of nodes within a range of ids.
struct Bits {
    first: u32,
    words: Vec<u64>,
}

impl Bits {
    fn new(first: u32, end: u32) -> Self {
        Self { first, words: vec![0; (end.saturating_sub(first) as usize).div_ceil(64)] }
    }

    /// Adds a node; false if it was there. None if it is outside of the range, where no edge of a whole index leads.
    fn insert(&mut self, node: u32) -> Option<bool> {
        let at = node.checked_sub(self.first)?;
        let word = self.words.get_mut(at as usize / 64)?;
        let bit = 1 << (at % 64);
        let new = *word & bit == 0;
        *word |= bit;
        Some(new)
    }
}

/// Each step maps the sum one to one for a given word, and words to sums for a given sum: so no change of a single word
/// goes unnoticed, and others hardly ever. Four lanes keep the multipliers of one core busy.
fn checksum(bytes: &[u8]) -> u64 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let step = |sum: u64, word: u64| (sum ^ word).wrapping_mul(FACTOR).rotate_left(29);
    let (blocks, rest) = bytes.as_chunks::<32>();
    let mut lanes = [1_u64, 2, 3, 4];
    for block in blocks {
        for (lane, word) in lanes.iter_mut().zip(block.as_chunks::<8>().0) {
            *lane = step(*lane, u64::from_le_bytes(*word));
        }
    }
    let sum = lanes.into_iter().fold(bytes.len() as u64, step);
    rest.iter().fold(sum, |sum, byte| step(sum, u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes(steps: &[Step]) -> Vec<(u32, u32)> {
        steps.iter().map(|step| (step.node, step.depth)).collect()
    }

    #[test]
    fn walks_stop_at_bounds_and_say_so_at_limits() {
        let index = Index::build(5, &[(0, 1), (1, 2), (2, 3), (0, 4), (0, 4)]).unwrap();
        assert_eq!((index.nodes(), index.edges()), (5, 4), "an edge that comes twice is one");
        let all = Walk::everything();
        assert_eq!(nodes(&index.walk(0, Direction::Down, &all).unwrap()), [(1, 1), (4, 1), (2, 2), (3, 3)]);
        let old = Walk { bound: 3, ..all };
        assert_eq!(nodes(&index.walk(0, Direction::Down, &old).unwrap()), [(1, 1), (2, 2)]);
        assert!(matches!(index.walk(3, Direction::Up, &old), Err(ClosureError::Root { node: 3, bound: 3 })));
        let near = Walk { depth: Some(1), ..all };
        assert_eq!(nodes(&index.walk(3, Direction::Up, &near).unwrap()), [(2, 1)]);
        assert!(index.walk(3, Direction::Up, &Walk { depth: Some(0), ..all }).unwrap().is_empty());
        let few = |most| index.walk(0, Direction::Down, &Walk { most, ..all });
        assert_eq!(few(4).unwrap().len(), 4);
        assert!(matches!(few(3), Err(ClosureError::Limit { most: 3 })));
    }

    #[test]
    fn edges_run_from_old_to_new() {
        for edge in [(1, 0), (1, 1), (0, 2)] {
            assert!(matches!(Index::build(2, &[edge]), Err(ClosureError::Edge { .. })), "{edge:?}");
        }
        let empty = Index::build(0, &[]).unwrap();
        assert_eq!(Index::from_bytes(empty.as_bytes().to_vec()).unwrap(), empty);
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let index = Index::build(6, &[(0, 3), (1, 3), (3, 5)]).unwrap();
        let bytes = index.as_bytes();
        assert_eq!(Index::from_bytes(bytes.to_vec()).unwrap(), index);
        for at in 0..bytes.len() * 8 {
            let mut damaged = bytes.to_vec();
            damaged[at / 8] ^= 1 << (at % 8);
            assert!(Index::from_bytes(damaged).is_err(), "bit {at}");
        }
        for length in 0..bytes.len() {
            assert!(Index::from_bytes(bytes[..length].to_vec()).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn a_forged_index_gives_an_error_and_no_panic() {
        let index = Index::build(6, &[(0, 3), (1, 3), (3, 5)]).unwrap();
        for at in HEADER..index.as_bytes().len() {
            for value in [0, 1, 7, 255] {
                let mut forged = index.as_bytes().to_vec();
                forged[at] = value;
                let sum = checksum(&forged[HEADER..]);
                forged[HEADER - 8..HEADER].copy_from_slice(&sum.to_le_bytes());
                let forged = Index::from_bytes(forged).unwrap();
                for root in 0..6 {
                    for direction in [Direction::Up, Direction::Down] {
                        if let Ok(steps) = forged.walk(root, direction, &Walk::everything()) {
                            assert!(steps.len() < 6);
                        }
                    }
                }
            }
        }
    }
}
