//! The contracts' interface, as Rust types made from the committed artifacts, so that neither can change alone.

#![allow(missing_docs, reason = "the Solidity sources document their interface")]
#![allow(clippy::too_many_arguments, clippy::indexing_slicing, reason = "generated")]
#![allow(unreachable_pub, reason = "generated")]

use alloy::sol;
use alloy::sol_types::SolInterface as _;

sol!(
    #[derive(Debug, PartialEq, Eq)]
    RootRegistry,
    "contracts/artifacts/RootRegistry.json"
);

sol!(
    #[derive(Debug, PartialEq, Eq)]
    RewardsDistributor,
    "contracts/artifacts/RewardsDistributor.json"
);

sol!(
    #[derive(Debug, PartialEq, Eq)]
    MiraToken,
    "contracts/artifacts/MiraToken.json"
);

sol! {
    /// What a committee signs to anchor an epoch (EIP-712).
    #[derive(Debug, PartialEq, Eq)]
    struct Anchor {
        bytes32 originId;
        uint64 epoch;
        bytes32 root;
        uint64 size;
        bytes32 previous;
    }
}

/// The contract error that these bytes encode, with its values.
pub fn describe_error(data: &[u8]) -> Option<String> {
    let registry = RootRegistry::RootRegistryErrors::abi_decode(data).map(|error| format!("{error:?}"));
    let distributor =
        || RewardsDistributor::RewardsDistributorErrors::abi_decode(data).map(|error| format!("{error:?}"));
    let token = || MiraToken::MiraTokenErrors::abi_decode(data).map(|error| format!("{error:?}"));
    registry.or_else(|_| distributor()).or_else(|_| token()).ok().map(|text| inner(&text).to_owned())
}

/// `NoGrowth(NoGrowth { size: 5 })` says its name twice.
fn inner(text: &str) -> &str {
    text.split_once('(').map_or(text, |(_, rest)| rest.strip_suffix(')').unwrap_or(rest))
}
