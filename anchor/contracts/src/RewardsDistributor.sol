// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {RootRegistry} from "./RootRegistry.sol";

/// Pays contributors in one ERC-20 what was computed from one log.
///
/// An epoch of rewards is a Merkle root over leaves (contributor, payout address, cumulative amount), the total of
/// these amounts, and what they were computed from: an epoch of the log that is anchored, and the digest of a manifest
/// that names policy, inputs and code. Nobody checks the computation here. Anybody can repeat it, and has a window to
/// object in before the root can be claimed from:
///
/// - the guardian vetoes it, or anybody disputes it with a bond, and then the guardian answers before a deadline or the
///   epoch is vetoed;
/// - anybody proves that it contradicts itself or takes back what an earlier root gave, which vetoes it at once.
///
/// Nobody can shorten the window, and nobody can take back a root once it is active: no later objection, no owner, no
/// upgrade, no expiry, no way to move the token but claims and bonds. An active root can be claimed from for ever. Its
/// total was funded when it was proposed, and all claims together never exceed the largest total claimed from. What the
/// contract cannot see is a later root that gives to others what an earlier one gave to somebody it leaves out; the
/// window is there for that.
///
/// Epochs of rewards count proposals. A vetoed epoch keeps its number and its record; what replaces it is the next one.
contract RewardsDistributor is ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    enum Status {
        None,
        Pending, // in its window
        Active, // can be claimed from, for ever
        Disputed, // waits for the guardian, until the deadline of its dispute
        Vetoed
    }

    enum Reason {
        Guardian,
        Upheld, // the guardian agreed with a dispute
        Lapsed, // the guardian did not answer a dispute
        Duplicate,
        Shrinking
    }

    struct Epoch {
        bytes32 root;
        uint112 total;
        uint64 logEpoch;
        uint40 activatesAt; // seconds; meaningless while disputed or vetoed
        uint32 previous; // the last epoch before it that was not vetoed when it was proposed, or 0
        Status status; // never Active: a pending epoch is active from `activatesAt`
    }

    struct Dispute {
        address by;
        uint64 deadline;
    }

    struct Pool {
        uint112 funded;
        uint32 lastEpoch;
    }

    struct Claims {
        uint112 total; // claimed in all
        uint112 limit; // the largest total of the roots claimed from
        uint32 epoch; // claimed from last, so known to be active: the next claim from it need not look again
    }

    uint64 public constant MIN_WINDOW = 24 hours;
    uint64 public constant MAX_WINDOW = 365 days;

    IERC20 public immutable token;
    RootRegistry public immutable registry;
    bytes32 public immutable originId;
    address public immutable proposer;
    address public immutable guardian;
    uint64 public immutable window; // from proposal to activation, seconds
    uint64 public immutable resolution; // what the guardian has to answer a dispute, seconds
    uint256 public immutable bond;

    uint256 private immutable deployedChainId;
    bytes32 private immutable deployedDomain;

    /// What each contributor was paid, by the id of the log, so a changed payout address is not paid twice.
    mapping(bytes32 contributorId => uint256) public claimed;

    mapping(uint64 epoch => Dispute) public disputes;

    mapping(uint64 epoch => Epoch) private epochOf;
    Pool private pool;
    Claims private claims;

    event Funded(address indexed from, bytes32 indexed statementId, uint256 amount);
    event Proposed(
        uint64 indexed epoch, bytes32 root, uint256 total, bytes32 manifest, uint64 logEpoch, uint64 activatesAt
    );
    event Disputed(uint64 indexed epoch, address indexed by, uint64 deadline);
    event DisputeRejected(uint64 indexed epoch, uint64 activatesAt);
    event Vetoed(uint64 indexed epoch, Reason reason);
    event Claimed(bytes32 indexed contributorId, address indexed payout, uint64 epoch, uint256 amount);

    error NoContract(address found);
    error ZeroAddress();
    error UnknownOrigin(bytes32 originId);
    error SecondsRange(uint64 least, uint64 most, uint64 found);
    error AmountRange(uint256 most, uint256 found);
    error NotProposer(address caller);
    error NotGuardian(address caller);
    error WrongEpoch(uint64 expected, uint64 found);
    error ZeroRoot();
    error ZeroManifest();
    error TotalShrinks(uint256 lastTotal, uint256 found);
    error Underfunded(uint256 funded, uint256 total);
    error LogEpochShrinks(uint64 last, uint64 found);
    error NotAnchored(uint64 logEpoch, bytes32 anchored, bytes32 found);
    error WrongStatus(uint64 epoch, Status found);
    error DeadlinePassed(uint64 deadline);
    error DeadlineAhead(uint64 deadline);
    error BondShort(uint256 bond, uint256 received);
    error ProofMismatch(uint64 epoch, bytes32 expected, bytes32 found);
    error NotADuplicate(bytes32 contributorId);
    error NotShrinking(uint64 epoch, uint256 cumulative, uint64 earlier, uint256 earlierCumulative);
    error Unbound(bytes32 contributorId);
    error NothingDue(bytes32 contributorId, uint256 claimed, uint256 cumulative);
    error OverTotal(uint256 limit, uint256 claimedTotal, uint256 amount);

    constructor(
        address token_,
        address registry_,
        bytes32 originId_,
        address proposer_,
        address guardian_,
        uint64 window_,
        uint64 resolution_,
        uint256 bond_
    ) {
        if (token_.code.length == 0) revert NoContract(token_);
        if (registry_.code.length == 0) revert NoContract(registry_);
        if (proposer_ == address(0) || guardian_ == address(0)) revert ZeroAddress();
        if (window_ < MIN_WINDOW || window_ > MAX_WINDOW) revert SecondsRange(MIN_WINDOW, MAX_WINDOW, window_);
        if (resolution_ == 0 || resolution_ > MAX_WINDOW) revert SecondsRange(1, MAX_WINDOW, resolution_);
        if (bond_ == 0 || bond_ > type(uint112).max) revert AmountRange(type(uint112).max, bond_);
        if (RootRegistry(registry_).commitments(originId_, 0) == 0) revert UnknownOrigin(originId_);
        token = IERC20(token_);
        registry = RootRegistry(registry_);
        originId = originId_;
        proposer = proposer_;
        guardian = guardian_;
        window = window_;
        resolution = resolution_;
        bond = bond_;
        deployedChainId = block.chainid;
        deployedDomain = makeDomain(token_);
    }

    /// Pays tokens in: for the use that a statement of the log records, or with 0 for all. What arrives counts, which
    /// may be less than `amount` with a token that takes a fee.
    function fund(bytes32 statementId, uint256 amount) external nonReentrant returns (uint256 received) {
        received = pull(amount);
        addFunds(msg.sender, statementId, received);
    }

    /// Proposes the rewards of an epoch; they can be claimed after the window.
    ///
    /// @param epoch the one after the last, vetoed ones included
    /// @param root the tree over all contributors and what they were given so far
    /// @param total the sum of its amounts, at least that of the last epoch that was not vetoed
    /// @param manifest SHA-256 of the manifest that the root can be recomputed from
    /// @param logEpoch the epoch of the log that it was computed from
    /// @param logCommitment what the registry holds for it
    function propose(
        uint64 epoch,
        bytes32 root,
        uint256 total,
        bytes32 manifest,
        uint64 logEpoch,
        bytes32 logCommitment
    ) external {
        if (msg.sender != proposer) revert NotProposer(msg.sender);
        Pool memory p = pool;
        uint32 number = p.lastEpoch + 1;
        if (epoch != number) revert WrongEpoch(number, epoch);
        if (root == 0) revert ZeroRoot();
        if (manifest == 0) revert ZeroManifest();

        uint32 previous = lastStanding(p.lastEpoch);
        Epoch storage before = epochOf[previous];
        if (total < before.total) revert TotalShrinks(before.total, total);
        if (total > p.funded) revert Underfunded(p.funded, total);
        if (logEpoch < before.logEpoch) revert LogEpochShrinks(before.logEpoch, logEpoch);
        bytes32 anchored = logEpoch == 0 ? bytes32(0) : registry.commitments(originId, logEpoch);
        if (anchored == 0 || anchored != logCommitment) revert NotAnchored(logEpoch, anchored, logCommitment);

        uint40 activatesAt = uint40(block.timestamp + window);
        // `total` is at most `funded`.
        epochOf[number] = Epoch(root, uint112(total), logEpoch, activatesAt, previous, Status.Pending);
        pool.lastEpoch = number;
        emit Proposed(epoch, root, total, manifest, logEpoch, activatesAt);
    }

    /// The guardian stops an epoch before it is active.
    function veto(uint64 epoch) external nonReentrant {
        if (msg.sender != guardian) revert NotGuardian(msg.sender);
        vetoBecause(epoch, Reason.Guardian);
    }

    /// Stops an epoch until the guardian has answered, for a bond. It comes back unless the guardian disagrees.
    function dispute(uint64 epoch) external nonReentrant {
        Status status = statusOf(epoch);
        if (status != Status.Pending) revert WrongStatus(epoch, status);
        uint64 deadline = uint64(block.timestamp) + resolution;
        epochOf[epoch].status = Status.Disputed;
        disputes[epoch] = Dispute(msg.sender, deadline);
        emit Disputed(epoch, msg.sender, deadline);
        uint256 received = pull(bond);
        if (received < bond) revert BondShort(bond, received);
    }

    /// The guardian answers a dispute. Upheld, the epoch is vetoed and the bond goes back. Otherwise the bond goes to
    /// the common pool and the window starts again: nobody else could object while the epoch was disputed, and a dispute
    /// among friends shall not use the window up.
    function resolve(uint64 epoch, bool upheld) external nonReentrant {
        if (msg.sender != guardian) revert NotGuardian(msg.sender);
        Dispute memory d = openDispute(epoch);
        if (block.timestamp >= d.deadline) revert DeadlinePassed(d.deadline);
        if (upheld) {
            vetoBecause(epoch, Reason.Upheld);
        } else {
            uint40 activatesAt = uint40(block.timestamp + window);
            epochOf[epoch].status = Status.Pending;
            epochOf[epoch].activatesAt = activatesAt;
            delete disputes[epoch];
            addFunds(d.by, 0, bond);
            emit DisputeRejected(epoch, activatesAt);
        }
    }

    /// Ends a dispute that the guardian did not answer in time: the epoch is vetoed and the bond goes back.
    function lapse(uint64 epoch) external nonReentrant {
        Dispute memory d = openDispute(epoch);
        if (block.timestamp < d.deadline) revert DeadlineAhead(d.deadline);
        vetoBecause(epoch, Reason.Lapsed);
    }

    /// Two leaves of a root for one contributor that are not the same leaf. Vetoes an epoch that is not yet active.
    function proveDuplicate(
        uint64 epoch,
        bytes32 contributorId,
        address payoutA,
        uint256 cumulativeA,
        bytes32[] calldata proofA,
        address payoutB,
        uint256 cumulativeB,
        bytes32[] calldata proofB
    ) external nonReentrant {
        if (payoutA == payoutB && cumulativeA == cumulativeB) {
            revert NotADuplicate(contributorId);
        }
        checkProof(epoch, leafOf(contributorId, payoutA, cumulativeA), proofA);
        checkProof(epoch, leafOf(contributorId, payoutB, cumulativeB), proofB);
        vetoBecause(epoch, Reason.Duplicate);
    }

    /// A leaf that gives a contributor less than an earlier, active root did. Vetoes an epoch that is not yet active.
    function proveShrinking(
        uint64 epoch,
        bytes32 contributorId,
        address payout,
        uint256 cumulative,
        bytes32[] calldata proof,
        uint64 earlier,
        address earlierPayout,
        uint256 earlierCumulative,
        bytes32[] calldata earlierProof
    ) external nonReentrant {
        if (earlier >= epoch || cumulative >= earlierCumulative) {
            revert NotShrinking(epoch, cumulative, earlier, earlierCumulative);
        }
        Status status = statusOf(earlier);
        if (status != Status.Active) revert WrongStatus(earlier, status);
        checkProof(epoch, leafOf(contributorId, payout, cumulative), proof);
        checkProof(earlier, leafOf(contributorId, earlierPayout, earlierCumulative), earlierProof);
        vetoBecause(epoch, Reason.Shrinking);
    }

    /// Pays a contributor what an active root gives beyond what was paid before. Anybody may send it; the money goes to
    /// the payout address of the leaf. Every active root can be used, not only the last.
    function claim(uint64 epoch, bytes32 contributorId, address payout, uint256 cumulative, bytes32[] calldata proof)
        external
        returns (uint256 amount)
    {
        // No guard against re-entry, which would cost: everything is written before the token is called.
        if (payout == address(0)) revert Unbound(contributorId);
        Claims storage c = claims;
        (uint256 total, uint256 limit) = (c.total, c.limit);
        if (epoch != c.epoch || epoch == 0) {
            Status status = statusOf(epoch);
            if (status != Status.Active) revert WrongStatus(epoch, status);
            if (epochOf[epoch].total > limit) limit = epochOf[epoch].total;
        }
        checkProof(epoch, leafOf(contributorId, payout, cumulative), proof);

        uint256 before = claimed[contributorId];
        if (cumulative <= before) revert NothingDue(contributorId, before, cumulative);
        unchecked {
            amount = cumulative - before;
            // `total` is never above `limit`. A root whose amounts add up to more than its total pays no more than that.
            if (amount > limit - total) revert OverTotal(limit, total, amount);
            total += amount;
        }
        // `limit` is a uint112, and there is no epoch beyond `lastEpoch`, a uint32.
        uint256 word = total | (limit << 112) | (uint256(epoch) << 224);
        assembly { sstore(claims.slot, word) }
        claimed[contributorId] = cumulative;
        emit Claimed(contributorId, payout, epoch, amount);
        token.safeTransfer(payout, amount);
    }

    /// What was proposed as this epoch. Its manifest is in the `Proposed` event.
    function epochs(uint64 epoch)
        external
        view
        returns (bytes32 root, uint256 total, uint64 logEpoch, uint64 activatesAt, Status status)
    {
        Epoch memory e = epochOf[epoch];
        return (e.root, e.total, e.logEpoch, e.activatesAt, statusOf(epoch));
    }

    /// The last epoch proposed, vetoed or not.
    function lastEpoch() external view returns (uint64) {
        return pool.lastEpoch;
    }

    /// The total of the last epoch that was not vetoed.
    function lastTotal() external view returns (uint256) {
        return epochOf[lastStanding(pool.lastEpoch)].total;
    }

    /// What was ever paid in, bonds that were lost included.
    function funded() external view returns (uint256) {
        return pool.funded;
    }

    /// What was ever claimed.
    function claimedTotal() external view returns (uint256) {
        return claims.total;
    }

    /// What leaves of this contract on this chain start with:
    /// keccak256(abi.encode("mira/claim/v1", chain id, this contract, token)).
    function domain() public view returns (bytes32) {
        return block.chainid == deployedChainId ? deployedDomain : makeDomain(address(token));
    }

    /// keccak256(keccak256(abi.encode(domain, contributorId, payout, cumulative))): a leaf of OpenZeppelin's
    /// StandardMerkleTree. Hashed twice, it is no node of the tree.
    function leafOf(bytes32 contributorId, address payout, uint256 cumulative) public view returns (bytes32 leaf) {
        bytes32 start = domain();
        assembly ("memory-safe") {
            let m := mload(0x40)
            mstore(m, start)
            mstore(add(m, 32), contributorId)
            mstore(add(m, 64), shr(96, shl(96, payout)))
            mstore(add(m, 96), cumulative)
            mstore(0, keccak256(m, 128))
            leaf := keccak256(0, 32)
        }
    }

    function makeDomain(address token_) private view returns (bytes32) {
        return keccak256(abi.encode("mira/claim/v1", block.chainid, address(this), token_));
    }

    function statusOf(uint64 epoch) private view returns (Status) {
        Epoch storage e = epochOf[epoch];
        Status status = e.status;
        return status == Status.Pending && block.timestamp >= e.activatesAt ? Status.Active : status;
    }

    /// `epoch`, or the last before it that is not vetoed. Only proposals that are vetoed after the next one was made
    /// lengthen the way, so whoever proposes bad epochs in a row pays for it, and no veto ever walks.
    function lastStanding(uint32 epoch) private view returns (uint32) {
        while (epochOf[epoch].status == Status.Vetoed) epoch = epochOf[epoch].previous;
        return epoch;
    }

    function openDispute(uint64 epoch) private view returns (Dispute memory) {
        Status status = statusOf(epoch);
        if (status != Status.Disputed) revert WrongStatus(epoch, status);
        return disputes[epoch];
    }

    /// Vetoes an epoch that is not yet active, and gives the bond back if there is one.
    ///
    /// Not even a proof of fraud stops an active epoch: whoever made the root could hide a contradiction in it and use it
    /// later to take back what others were given.
    function vetoBecause(uint64 epoch, Reason reason) private {
        Status status = statusOf(epoch);
        if (status != Status.Pending && status != Status.Disputed) revert WrongStatus(epoch, status);
        epochOf[epoch].status = Status.Vetoed;
        emit Vetoed(epoch, reason);
        if (status == Status.Disputed) {
            address by = disputes[epoch].by;
            delete disputes[epoch];
            // Somebody whom the token refuses to pay cannot keep the epoch from being vetoed.
            if (!token.trySafeTransfer(by, bond)) addFunds(by, 0, bond);
        }
    }

    function checkProof(uint64 epoch, bytes32 leaf, bytes32[] calldata proof) private view {
        bytes32 root = epochOf[epoch].root;
        bytes32 found = leaf;
        assembly ("memory-safe") {
            // Each pair is hashed in ascending order, as OpenZeppelin's MerkleProof does.
            let end := add(proof.offset, shl(5, proof.length))
            for { let next := proof.offset } lt(next, end) { next := add(next, 32) } {
                let sibling := calldataload(next)
                let side := shl(5, gt(found, sibling))
                mstore(side, found)
                mstore(xor(side, 32), sibling)
                found := keccak256(0, 64)
            }
        }
        if (root == 0 || found != root) revert ProofMismatch(epoch, root, found);
    }

    function addFunds(address from, bytes32 statementId, uint256 amount) private {
        uint256 most = type(uint112).max - pool.funded;
        if (amount == 0 || amount > most) revert AmountRange(most, amount);
        pool.funded += uint112(amount);
        emit Funded(from, statementId, amount);
    }

    function pull(uint256 amount) private returns (uint256 received) {
        uint256 before = token.balanceOf(address(this));
        token.safeTransferFrom(msg.sender, address(this), amount);
        received = token.balanceOf(address(this)) - before;
    }
}
