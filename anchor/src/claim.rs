//! The claim tree: what each contributor has earned in all, as leaves that the distributor's contract checks.
//!
//! leaf = keccak(keccak(abi.encode(DOMAIN, contributor_id, payout, cumulative))); leaves are sorted by hash, pairs are
//! sorted before they are hashed, and the tree is laid out as OpenZeppelin's `StandardMerkleTree` lays out one of the
//! types `[bytes32, bytes32, address, uint256]`: its tools read and check ours. Proofs are of single leaves; there are no
//! multiproofs, and nobody stands in a tree twice.
//!
//! Nothing here pays or knows why: amounts come from [`reward`](crate::reward).
//!
//! ```
//! use alloy::primitives::{Address, B256, U256};
//! use mira_anchor::claim::{Claim, ClaimTree, verify};
//! use mira_core::digest::Digest;
//!
//! let domain = B256::repeat_byte(1);
//! let claim = |byte| Claim {
//!     contributor: Digest::new([byte; 32]).into(),
//!     payout: Address::repeat_byte(byte),
//!     cumulative: U256::from(byte),
//! };
//! let tree = ClaimTree::new(domain, (1..=5).map(claim).collect())?;
//! let (found, proof) = tree.prove(&Digest::new([3; 32]).into()).expect("it is in the tree");
//! assert!(verify(tree.root(), found.leaf(domain), &proof));
//! # Ok::<(), mira_anchor::claim::ClaimTreeError>(())
//! ```

use alloy::primitives::{Address, B256, U256, keccak256};
use alloy::sol_types::SolValue as _;
use mira_core::digest::ContributorId;

/// What DOMAIN starts with.
const VERSION: &str = "mira/claim/v1";

/// The DOMAIN of one distributor's leaves: keccak(abi.encode("mira/claim/v1", chain id, distributor, token)).
pub fn domain(chain_id: u64, distributor: Address, token: Address) -> B256 {
    keccak256((VERSION, U256::from(chain_id), distributor, token).abi_encode_params())
}

/// What one contributor has earned in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// Who.
    pub contributor: ContributorId,
    /// Where it is paid to; zero while nobody said where, and then it cannot be claimed yet.
    pub payout: Address,
    /// How much since the first epoch, paid or not.
    pub cumulative: U256,
}

impl Claim {
    /// The leaf under a DOMAIN.
    pub fn leaf(&self, domain: B256) -> B256 {
        let mut data = [0; 128];
        let parts = [
            domain,
            B256::from(*self.contributor.as_bytes()),
            self.payout.into_word(),
            B256::from(self.cumulative.to_be_bytes()),
        ];
        for (to, from) in data.iter_mut().zip(parts.iter().flat_map(|part| part.iter())) {
            *to = *from;
        }
        // Hashed twice, so that no inner node, which is the hash of 64 bytes, can pose as a leaf.
        keccak256(keccak256(data))
    }
}

/// A tree over claims, each of another contributor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimTree {
    /// Ascending by contributor.
    claims: Vec<Claim>,
    /// Where in `nodes` each claim's leaf is, in the order of `claims`.
    places: Vec<u32>,
    /// The root first, then the children of node i at 2i + 1 and 2i + 2.
    nodes: Vec<B256>,
}

/// Why claims are not a tree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClaimTreeError {
    /// There is nothing to claim.
    #[error("a claim tree has at least one leaf")]
    Empty,
    /// More leaves than a tree here holds.
    #[error("a claim tree has at most {} leaves, found {found}", ClaimTree::MAX_LEAVES)]
    TooLarge {
        /// How many there are.
        found: usize,
    },
    /// Two amounts for one contributor: the contract would take either as the truth.
    #[error("contributor {contributor} stands in the tree twice")]
    Twice {
        /// Who.
        contributor: ContributorId,
    },
}

impl ClaimTree {
    /// Most leaves of a tree.
    pub const MAX_LEAVES: usize = 1 << 30;

    /// Builds the tree over claims in any order.
    pub fn new(domain: B256, mut claims: Vec<Claim>) -> Result<Self, ClaimTreeError> {
        if claims.is_empty() {
            return Err(ClaimTreeError::Empty);
        }
        if claims.len() > Self::MAX_LEAVES {
            return Err(ClaimTreeError::TooLarge { found: claims.len() });
        }
        claims.sort_unstable_by_key(|claim| claim.contributor);
        let twice = claims.windows(2).find_map(|pair| match pair {
            [a, b] if a.contributor == b.contributor => Some(a.contributor),
            _ => None,
        });
        if let Some(contributor) = twice {
            return Err(ClaimTreeError::Twice { contributor });
        }
        // Below 2^30, so every index of a node fits.
        let mut leaves: Vec<(B256, u32)> = (0..).zip(&claims).map(|(at, claim)| (claim.leaf(domain), at)).collect();
        leaves.sort_unstable();
        let (nodes, places) = lay_out(&leaves);
        Ok(Self { claims, places, nodes })
    }

    /// The root.
    pub fn root(&self) -> B256 {
        // A tree has at least one node.
        self.nodes.first().copied().unwrap_or_default()
    }

    /// The claims, ascending by contributor.
    pub fn claims(&self) -> &[Claim] {
        &self.claims
    }

    /// What a contributor can claim, and the proof of it; the leaf's sibling first.
    pub fn prove(&self, contributor: &ContributorId) -> Option<(Claim, Vec<B256>)> {
        let at = self.claims.binary_search_by_key(contributor, |claim| claim.contributor).ok()?;
        let (claim, place) = (*self.claims.get(at)?, *self.places.get(at)?);
        Some((claim, self.siblings(place as usize).collect()))
    }

    /// The nodes of the tree, root first, as OpenZeppelin's `dump` lists them.
    pub fn nodes(&self) -> &[B256] {
        &self.nodes
    }

    fn siblings(&self, mut at: usize) -> impl Iterator<Item = B256> {
        std::iter::from_fn(move || {
            let parent = at.checked_sub(1)? / 2;
            // Children are 2i + 1 and 2i + 2.
            let sibling = if at % 2 == 1 { at + 1 } else { at - 1 };
            at = parent;
            self.nodes.get(sibling).copied()
        })
    }
}

/// Whether a leaf is under a root: the check that the contract makes.
pub fn verify(root: B256, leaf: B256, proof: &[B256]) -> bool {
    proof.iter().fold(leaf, |node, sibling| parent(node, *sibling)) == root
}

/// Lays out sorted leaves from the end of the array, smallest hash last, and the inner nodes before them. Also says
/// where each claim's leaf went, by the claim's index.
fn lay_out(leaves: &[(B256, u32)]) -> (Vec<B256>, Vec<u32>) {
    let last = 2 * leaves.len() - 2;
    let mut nodes = vec![B256::ZERO; 2 * leaves.len() - 1];
    let mut places = vec![0; leaves.len()];
    for (from_end, (leaf, claim)) in leaves.iter().enumerate() {
        let place = last - from_end;
        if let (Some(node), Some(at)) = (nodes.get_mut(place), places.get_mut(*claim as usize)) {
            *node = *leaf;
            *at = u32::try_from(place).unwrap_or(u32::MAX);
        }
    }
    for at in (0..leaves.len() - 1).rev() {
        if let [left, right] = nodes.get(2 * at + 1..2 * at + 3).unwrap_or_default() {
            let node = parent(*left, *right);
            nodes.iter_mut().skip(at).take(1).for_each(|to| *to = node);
        }
    }
    (nodes, places)
}

/// The node above two: the hash of both, the smaller first.
fn parent(a: B256, b: B256) -> B256 {
    let (first, second) = if a < b { (a, b) } else { (b, a) };
    let mut pair = [0; 64];
    let (left, right) = pair.split_at_mut(32);
    left.copy_from_slice(first.as_slice());
    right.copy_from_slice(second.as_slice());
    keccak256(pair)
}

#[cfg(test)]
mod tests {
    use mira_core::digest::Digest;
    use proptest::prelude::*;

    use super::*;

    const DOMAIN: B256 = B256::repeat_byte(7);

    fn claim(seed: u32) -> Claim {
        Claim {
            contributor: Digest::of(&seed.to_be_bytes()).into(),
            payout: Address::from_slice(
                &Digest::of(&[seed.to_be_bytes().as_slice(), b"payout"].concat()).as_bytes()[..20],
            ),
            cumulative: U256::from(seed) * U256::from(1_000_000_007_u64),
        }
    }

    fn tree(len: u32) -> ClaimTree {
        ClaimTree::new(DOMAIN, (0..len).map(claim).collect()).unwrap()
    }

    #[test]
    fn every_leaf_of_every_size_proves_and_nothing_else() {
        for len in 1..=40 {
            let tree = tree(len);
            for claim in tree.claims() {
                let (found, proof) = tree.prove(&claim.contributor).unwrap();
                assert_eq!(found, *claim);
                let leaf = claim.leaf(DOMAIN);
                assert!(verify(tree.root(), leaf, &proof));
                let more = Claim { cumulative: claim.cumulative + U256::ONE, ..*claim };
                assert!(!verify(tree.root(), more.leaf(DOMAIN), &proof), "a forged amount");
                let elsewhere = Claim { payout: Address::repeat_byte(9), ..*claim };
                assert!(!verify(tree.root(), elsewhere.leaf(DOMAIN), &proof), "another payout");
                assert!(!verify(tree.root(), claim.leaf(B256::ZERO), &proof), "another distributor");
                if let Some((_, short)) = proof.split_last() {
                    assert!(!verify(tree.root(), leaf, short), "a short proof");
                }
                let long = [proof.as_slice(), &[tree.root()]].concat();
                assert!(!verify(tree.root(), leaf, &long), "a long proof");
            }
            assert_eq!(tree.prove(&Digest::of(b"a stranger").into()), None);
        }
    }

    #[test]
    fn one_leaf_is_its_own_root() {
        let tree = tree(1);
        assert_eq!(tree.root(), claim(0).leaf(DOMAIN));
        assert_eq!(tree.prove(&claim(0).contributor).unwrap().1, Vec::<B256>::new());
    }

    #[test]
    fn an_inner_node_is_no_leaf() {
        // 64 bytes hash to the node once; a leaf is the hash of a hash of 128.
        let tree = tree(4);
        let [_, left, right, ..] = tree.nodes() else { panic!("seven nodes") };
        let pair = [left.as_slice(), right.as_slice()].concat();
        assert!(verify(tree.root(), keccak256(&pair), &[]), "it is the root");
        assert!(!verify(tree.root(), keccak256(keccak256(&pair)), &[]));
    }

    #[test]
    fn refuses_nobody_and_anybody_twice() {
        assert_eq!(ClaimTree::new(DOMAIN, vec![]), Err(ClaimTreeError::Empty));
        let twice = vec![claim(1), claim(2), Claim { cumulative: U256::MAX, ..claim(1) }];
        assert_eq!(ClaimTree::new(DOMAIN, twice), Err(ClaimTreeError::Twice { contributor: claim(1).contributor }));
        assert_eq!(
            ClaimTree::new(DOMAIN, vec![claim(3), claim(3)]),
            Err(ClaimTreeError::Twice { contributor: claim(3).contributor }),
            "not even with one amount"
        );
    }

    proptest! {
        #[test]
        fn the_order_of_claims_does_not_matter(mut seeds in proptest::collection::hash_set(any::<u32>(), 1..60)
            .prop_map(|set| set.into_iter().collect::<Vec<_>>())
        ) {
            let forth = ClaimTree::new(DOMAIN, seeds.iter().copied().map(claim).collect()).unwrap();
            seeds.reverse();
            prop_assert_eq!(forth, ClaimTree::new(DOMAIN, seeds.into_iter().map(claim).collect()).unwrap());
        }
    }
}
