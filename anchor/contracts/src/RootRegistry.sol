// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Rfc6962} from "./Rfc6962.sol";

/// Where logs are anchored: for each log an append-only chain of its epochs, each a root and a size.
///
/// An epoch is stored only if the tree of the epoch before is proved to be a prefix of the new one, so once anchored,
/// a log can be neither forked nor rewritten, not even by who operates it. A committee that the log named when it was
/// registered signs each epoch, and anybody may send the transaction.
///
/// The contract has no owner, no upgrade and no way to change or delete what it stores. It does not look into the
/// log: which entries count is decided by whoever reads it.
contract RootRegistry is EIP712 {
    /// A log as it was anchored last. 0 in each field: registered, nothing anchored.
    struct Head {
        uint64 epoch;
        uint64 size;
        uint64 time; // of the block, seconds
        uint8 threshold; // signatures that an epoch needs; 0: not registered
    }

    /// The most members a committee may have.
    uint256 public constant MAX_COMMITTEE = 31;

    bytes32 public constant ANCHOR_TYPEHASH =
        keccak256("Anchor(bytes32 originId,uint64 epoch,bytes32 root,uint64 size,bytes32 previous)");

    /// C_e of each epoch. C_0 = keccak256(abi.encode("mira/anchor/v1", chain id, this contract, originId)), and
    /// C_e = keccak256(abi.encode(C_{e-1}, e, root, size)), so that one word commits to the whole history.
    mapping(bytes32 originId => mapping(uint64 epoch => bytes32)) public commitments;

    mapping(bytes32 originId => mapping(address => bool)) public isMember;

    mapping(bytes32 originId => Head) private heads;

    event Registered(bytes32 indexed originId, string origin, bytes32 logKey, address[] committee, uint8 k);
    event Anchored(bytes32 indexed originId, uint64 indexed epoch, bytes32 root, uint64 size, bytes32 commitment);

    error EmptyOrigin();
    error ZeroLogKey();
    error CommitteeSize(uint256 found);
    error CommitteeOrder(address previous, address member);
    error ThresholdRange(uint8 k, uint256 members);
    error UnknownOrigin(bytes32 originId);
    error WrongEpoch(uint64 expected, uint64 found);
    error ZeroRoot();
    error NoGrowth(uint64 size, uint64 found);
    error UnexpectedHistory();
    error PreviousMismatch(bytes32 expected, bytes32 found);
    error TooFewSignatures(uint256 expected, uint256 found);
    error SignerOrder(address previous, address signer);
    error NotAMember(address signer);

    constructor() EIP712("mira RootRegistry", "1") {}

    /// Makes a log known. Its id commits to everything given here, so whoever registers it first does no harm, and
    /// registering it again changes nothing.
    ///
    /// @param origin the origin of the log's checkpoints
    /// @param logKey its ed25519 public key; the chain never checks a signature of it
    /// @param committee who signs epochs, strictly ascending
    /// @param k how many of them must, more than half
    function register(string calldata origin, bytes32 logKey, address[] calldata committee, uint8 k)
        external
        returns (bytes32 originId)
    {
        if (bytes(origin).length == 0) revert EmptyOrigin();
        if (logKey == 0) revert ZeroLogKey();
        uint256 members = committee.length;
        if (members == 0 || members > MAX_COMMITTEE) revert CommitteeSize(members);
        if (k > members || uint256(k) * 2 <= members) revert ThresholdRange(k, members);

        originId = keccak256(abi.encode(origin, logKey, committee, k));
        if (heads[originId].threshold != 0) return originId;

        heads[originId].threshold = k;
        commitments[originId][0] = keccak256(abi.encode("mira/anchor/v1", block.chainid, address(this), originId));
        address previous = address(0);
        for (uint256 i = 0; i < members; i++) {
            // The zero address is not above the zero address.
            if (committee[i] <= previous) revert CommitteeOrder(previous, committee[i]);
            previous = committee[i];
            isMember[originId][previous] = true;
        }
        emit Registered(originId, origin, logKey, committee, k);
    }

    /// Appends an epoch. Anybody may send it; sent twice, it fails by its number, so sending again is safe.
    ///
    /// @param epoch the one after the last
    /// @param beforePrevious C_{epoch-2}, which with `previousRoot` opens the commitment of the last epoch; both are 0
    ///        in epoch 1
    /// @param previousRoot the root of the last epoch
    /// @param consistency the proof from the last epoch's tree to this one; empty in epoch 1
    /// @param signatures of k or more of the committee over the EIP-712 digest (`anchorDigest`), 65 bytes r ‖ s ‖ v each
    ///        with low s, by strictly ascending signers
    function anchor(
        bytes32 originId,
        uint64 epoch,
        bytes32 root,
        uint64 size,
        bytes32 beforePrevious,
        bytes32 previousRoot,
        bytes32[] calldata consistency,
        bytes[] calldata signatures
    ) external {
        Head memory last = heads[originId];
        if (last.threshold == 0) revert UnknownOrigin(originId);
        if (epoch != last.epoch + 1) revert WrongEpoch(last.epoch + 1, epoch);
        if (root == 0) revert ZeroRoot();
        if (size <= last.size) revert NoGrowth(last.size, size);

        bytes32 previous = commitments[originId][last.epoch];
        if (last.epoch == 0) {
            if (beforePrevious != 0 || previousRoot != 0 || consistency.length != 0) revert UnexpectedHistory();
        } else {
            bytes32 opened = keccak256(abi.encode(beforePrevious, last.epoch, previousRoot, last.size));
            if (opened != previous) revert PreviousMismatch(previous, opened);
            Rfc6962.verifyConsistency(last.size, previousRoot, size, root, consistency);
        }
        bytes32 digest = anchorDigest(originId, epoch, root, size, previous);
        checkSignatures(originId, last.threshold, digest, signatures);

        bytes32 commitment = keccak256(abi.encode(previous, epoch, root, size));
        commitments[originId][epoch] = commitment;
        heads[originId] = Head(epoch, size, uint64(block.timestamp), last.threshold);
        emit Anchored(originId, epoch, root, size, commitment);
    }

    /// The last epoch that was anchored, the size of its tree and the time of its block; zeros if there is none.
    function head(bytes32 originId) external view returns (uint64 epoch, uint64 size, uint64 time) {
        Head memory last = heads[originId];
        return (last.epoch, last.size, last.time);
    }

    /// How many signatures an epoch of this log needs; 0 if the log is not registered.
    function threshold(bytes32 originId) external view returns (uint8) {
        return heads[originId].threshold;
    }

    /// What the committee signs: EIP-712 in the domain of this contract on this chain. `previous` is C_{epoch-1}.
    function anchorDigest(bytes32 originId, uint64 epoch, bytes32 root, uint64 size, bytes32 previous)
        public
        view
        returns (bytes32)
    {
        // The domain is built anew if the chain id is not that of the deployment, so a fork needs signatures of its own.
        return _hashTypedDataV4(keccak256(abi.encode(ANCHOR_TYPEHASH, originId, epoch, root, size, previous)));
    }

    function checkSignatures(bytes32 originId, uint256 k, bytes32 digest, bytes[] calldata signatures) private view {
        if (signatures.length < k) revert TooFewSignatures(k, signatures.length);
        address previous = address(0);
        for (uint256 i = 0; i < signatures.length; i++) {
            // Refuses other lengths, high s and what recovers to nobody.
            address signer = ECDSA.recoverCalldata(digest, signatures[i]);
            if (signer <= previous) revert SignerOrder(previous, signer);
            if (!isMember[originId][signer]) revert NotAMember(signer);
            previous = signer;
        }
    }
}
