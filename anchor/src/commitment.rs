//! What the registry stores for an epoch, computed here as it is there.
//!
//! ```text
//! originId = keccak256(abi.encode(string origin, bytes32 logKey, address[] committee, uint8 k))
//! C_0      = keccak256(abi.encode("mira/anchor/v1", uint256 chainid, address registry, originId))
//! C_e      = keccak256(abi.encode(C_{e-1}, uint64 e, bytes32 root, uint64 size))
//! ```
//!
//! Every C_e holds all epochs before it, so one slot read from the chain speaks for the whole history. A committee
//! signs the EIP-712 digest of `Anchor(originId, e, root, size, C_{e-1})` under the domain (`mira RootRegistry`, `1`,
//! chain id, registry), which no other chain, registry or epoch can use.

use alloy::primitives::{Address, B256, U256, keccak256};
use alloy::sol_types::{SolStruct as _, SolValue as _, eip712_domain};
use mira_core::id::EpochNumber;
use mira_core::merkle::TreeHead;

use crate::abi::Anchor;

/// The tag before C_0.
const TAG: &str = "mira/anchor/v1";

/// Who may anchor a log: the addresses ascending, and how many of them must sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committee {
    members: Vec<Address>,
    threshold: u8,
}

/// Why there is no such committee.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommitteeError {
    /// Too few or too many.
    #[error("a committee has 1 to {MAX_MEMBERS} members, found {found}")]
    Members {
        /// How many.
        found: usize,
    },
    /// A member stands twice, or is nobody.
    #[error("{member} cannot be a member, or is one already")]
    Member {
        /// Which.
        member: Address,
    },
    /// Not a majority, or more than there are.
    #[error("of {members} members more than half must sign, found {found}")]
    Threshold {
        /// How many members there are.
        members: usize,
        /// How many were to sign.
        found: u8,
    },
}

/// Most members of a committee.
pub const MAX_MEMBERS: usize = 31;

impl Committee {
    /// A committee of these members, in any order.
    ///
    /// # Errors
    /// [`CommitteeError`]: what the registry would refuse.
    pub fn new(mut members: Vec<Address>, threshold: u8) -> Result<Self, CommitteeError> {
        members.sort();
        let found = members.len();
        if found == 0 || found > MAX_MEMBERS {
            return Err(CommitteeError::Members { found });
        }
        let twice = members.windows(2).find_map(|pair| (pair.first() == pair.last()).then(|| pair.first().copied()));
        let nobody = members.first().copied().filter(|member| *member == Address::ZERO);
        if let Some(member) = twice.flatten().or(nobody) {
            return Err(CommitteeError::Member { member });
        }
        if usize::from(threshold) * 2 <= found || usize::from(threshold) > found {
            return Err(CommitteeError::Threshold { members: found, found: threshold });
        }
        Ok(Self { members, threshold })
    }

    /// One member who signs alone; what development uses.
    ///
    /// # Errors
    /// [`CommitteeError::Member`] for the zero address.
    pub fn of_one(member: Address) -> Result<Self, CommitteeError> {
        Self::new(vec![member], 1)
    }

    /// The members, ascending.
    pub fn members(&self) -> &[Address] {
        &self.members
    }

    /// How many must sign.
    pub fn threshold(&self) -> u8 {
        self.threshold
    }
}

/// Names a log in a registry: its name, its key, and who may anchor it.
pub fn origin_id(origin: &str, log_key: &[u8; 32], committee: &Committee) -> B256 {
    let encoded = (
        origin.to_owned(),
        B256::from(*log_key),
        committee.members.clone(),
        // A uint8 takes a whole word, as every integer in `abi.encode` does.
        U256::from(committee.threshold),
    )
        .abi_encode_params();
    keccak256(encoded)
}

/// C_0: what comes before the first epoch.
pub fn genesis(chain_id: u64, registry: Address, origin_id: B256) -> B256 {
    keccak256((TAG.to_owned(), U256::from(chain_id), registry, origin_id).abi_encode_params())
}

/// C_e, from C_{e-1} and the epoch's checkpoint.
pub fn next(previous: B256, epoch: EpochNumber, head: TreeHead) -> B256 {
    let root = B256::from(*head.root.as_bytes());
    keccak256((previous, epoch.value(), root, head.size.value()).abi_encode())
}

/// C_0, C_1, … C_n of epochs 1 to n.
pub fn history(genesis: B256, heads: impl IntoIterator<Item = TreeHead>) -> Vec<B256> {
    let mut all = vec![genesis];
    let mut last = genesis;
    for (epoch, head) in (1..).zip(heads) {
        last = next(last, EpochNumber::new(epoch), head);
        all.push(last);
    }
    all
}

/// What a committee member signs to anchor an epoch.
pub fn signing_digest(
    chain_id: u64,
    registry: Address,
    origin_id: B256,
    epoch: EpochNumber,
    head: TreeHead,
    previous: B256,
) -> B256 {
    let domain = eip712_domain! {
        name: "mira RootRegistry",
        version: "1",
        chain_id: chain_id,
        verifying_contract: registry,
    };
    let anchor = Anchor {
        originId: origin_id,
        epoch: epoch.value(),
        root: B256::from(*head.root.as_bytes()),
        size: head.size.value(),
        previous,
    };
    anchor.eip712_signing_hash(&domain)
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{address, b256};
    use mira_core::digest::Digest;
    use mira_core::id::TreeSize;

    use super::*;

    const A: Address = address!("0x00000000000000000000000000000000000000aa");
    const B: Address = address!("0x00000000000000000000000000000000000000bb");

    fn head(size: u64) -> TreeHead {
        TreeHead { size: TreeSize::new(size), root: Digest::of(&size.to_be_bytes()) }
    }

    /// `abi.encode` written out by hand, word for word.
    #[test]
    fn the_preimages_are_those_of_solidity() {
        let word = |text: &str| {
            let mut word = [0; 32];
            let bytes = alloy::hex::decode(text).unwrap();
            word[32 - bytes.len()..].copy_from_slice(&bytes);
            word
        };
        let mut text = [0; 32];
        text[..3].copy_from_slice(b"a/b");
        let committee = Committee::new(vec![B, A], 2).unwrap();
        let origin =
            [word("80"), [7; 32], word("c0"), word("02"), word("03"), text, word("02"), word("aa"), word("bb")]
                .concat();
        assert_eq!(origin_id("a/b", &[7; 32], &committee), keccak256(origin));

        let mut tag = [0; 32];
        tag[..14].copy_from_slice(b"mira/anchor/v1");
        let zero = [word("80"), word("7a69"), word("aa"), [9; 32], word("0e"), tag].concat();
        assert_eq!(genesis(31337, A, B256::from([9; 32])), keccak256(zero));

        let one = [[9; 32], word("01"), *head(5).root.as_bytes(), word("05")].concat();
        assert_eq!(next(B256::from([9; 32]), EpochNumber::new(1), head(5)), keccak256(one));
    }

    #[test]
    fn the_signed_digest_is_that_of_eip_712() {
        let kind = keccak256(b"Anchor(bytes32 originId,uint64 epoch,bytes32 root,uint64 size,bytes32 previous)");
        let domain_kind =
            keccak256(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
        let domain =
            keccak256((domain_kind, keccak256(b"mira RootRegistry"), keccak256(b"1"), U256::from(5), A).abi_encode());
        let (origin, previous) = (B256::from([1; 32]), B256::from([2; 32]));
        let root = B256::from(*head(9).root.as_bytes());
        let structure = keccak256((kind, origin, 3_u64, root, 9_u64, previous).abi_encode());
        let expected = keccak256([&[0x19, 0x01], &domain[..], &structure[..]].concat());
        assert_eq!(signing_digest(5, A, origin, EpochNumber::new(3), head(9), previous), expected);
    }

    #[test]
    fn every_commitment_holds_those_before_it() {
        let zero = b256!("0x00000000000000000000000000000000000000000000000000000000000000ff");
        let all = history(zero, [head(1), head(4), head(9)]);
        assert_eq!(all.len(), 4);
        assert_eq!(all[0], zero);
        assert_eq!(
            all[3],
            next(next(next(zero, 1.into_epoch(), head(1)), 2.into_epoch(), head(4)), 3.into_epoch(), head(9))
        );
        assert_ne!(history(zero, [head(1), head(5), head(9)])[3], all[3]);
    }

    trait IntoEpoch {
        fn into_epoch(self) -> EpochNumber;
    }
    impl IntoEpoch for u64 {
        fn into_epoch(self) -> EpochNumber {
            EpochNumber::new(self)
        }
    }

    #[test]
    fn committees_are_majorities_without_doubles() {
        assert_eq!(Committee::new(vec![B, A], 2).unwrap().members(), [A, B]);
        assert!(matches!(Committee::new(vec![], 1), Err(CommitteeError::Members { found: 0 })));
        assert!(matches!(Committee::new(vec![A; 2], 2), Err(CommitteeError::Member { .. })));
        assert!(matches!(Committee::of_one(Address::ZERO), Err(CommitteeError::Member { .. })));
        assert!(matches!(Committee::new(vec![A, B], 1), Err(CommitteeError::Threshold { .. })));
        assert!(matches!(Committee::new(vec![A, B], 3), Err(CommitteeError::Threshold { .. })));
    }
}
