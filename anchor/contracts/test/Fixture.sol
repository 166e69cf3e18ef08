// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {MiraToken} from "../src/MiraToken.sol";
import {RewardsDistributor} from "../src/RewardsDistributor.sol";
import {RootRegistry} from "../src/RootRegistry.sol";
import {Naive} from "./Naive.sol";
import {Test} from "./Vm.sol";

/// A registry with one log whose entry i is Naive.leaf(i), anchored at sizes 3 and 7, and a distributor that follows it.
/// Keys are samples.
abstract contract Fixture is Test {
    string internal constant ORIGIN = "log.example.org/sample";
    bytes32 internal constant LOG_KEY = bytes32(uint256(0xed25519));
    uint256 internal constant KEY = 0xa11ce; // of the committee of one
    uint64 internal constant WINDOW = 2 days;
    uint64 internal constant RESOLUTION = 5 days;
    uint256 internal constant BOND = 100;
    uint256 internal constant SUPPLY = 1e24;

    address internal constant PROPOSER = address(0x9409);
    address internal constant GUARDIAN = address(0x90a4d);
    address internal constant FUNDER = address(0xf00d);
    address internal constant STRANGER = address(0x5747);

    struct Leaf {
        bytes32 contributorId;
        address payout;
        uint256 cumulative;
    }

    RootRegistry internal registry;
    MiraToken internal token;
    RewardsDistributor internal distributor;
    bytes32 internal originId;

    /// What opens the commitment of the last epoch that `anchorNext` anchored.
    bytes32 internal beforePrevious;
    bytes32 internal previousRoot;
    uint64 internal anchoredSize;
    uint64 internal anchoredEpoch;

    function setUp() public virtual {
        vm.warp(1_800_000_000);
        registry = new RootRegistry();
        originId = registry.register(ORIGIN, LOG_KEY, addresses(vm.addr(KEY)), 1);
        anchorNext(3);
        anchorNext(7);
        token = new MiraToken(FUNDER, SUPPLY);
        distributor = deploy(address(token));
        vm.prank(FUNDER);
        token.approve(address(distributor), SUPPLY);
    }

    function deploy(address token_) internal returns (RewardsDistributor) {
        return new RewardsDistributor(token_, address(registry), originId, PROPOSER, GUARDIAN, WINDOW, RESOLUTION, BOND);
    }

    function anchorNext(uint64 size) internal {
        bytes32 root = Naive.root(0, size);
        bytes32[] memory proof = anchoredEpoch == 0 ? new bytes32[](0) : Naive.consistency(anchoredSize, size);
        bytes32 previous = registry.commitments(originId, anchoredEpoch);
        bytes[] memory signatures = signed(KEY, anchoredEpoch + 1, root, size, previous);
        registry.anchor(originId, anchoredEpoch + 1, root, size, beforePrevious, previousRoot, proof, signatures);
        beforePrevious = previous;
        previousRoot = root;
        anchoredSize = size;
        anchoredEpoch++;
    }

    function signed(uint256 key, uint64 epoch, bytes32 root, uint64 size, bytes32 previous)
        internal
        view
        returns (bytes[] memory signatures)
    {
        signatures = new bytes[](1);
        signatures[0] = sign(key, registry.anchorDigest(originId, epoch, root, size, previous));
    }

    function sign(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    function fund(uint256 amount) internal {
        vm.prank(FUNDER);
        distributor.fund(0, amount);
    }

    /// Proposes under the newest anchored epoch of the log.
    function propose(uint64 epoch, bytes32 root, uint256 total) internal {
        bytes32 commitment = registry.commitments(originId, anchoredEpoch);
        vm.prank(PROPOSER);
        distributor.propose(epoch, root, total, "manifest", anchoredEpoch, commitment);
    }

    function wait_() internal {
        vm.warp(block.timestamp + WINDOW);
    }

    function status(uint64 epoch) internal view returns (RewardsDistributor.Status found) {
        (,,,, found) = distributor.epochs(epoch);
    }

    function checkStatus(uint64 epoch, RewardsDistributor.Status expected) internal view {
        equal(uint256(expected), uint256(status(epoch)));
    }

    function hash(Leaf memory leaf) internal view returns (bytes32) {
        return distributor.leafOf(leaf.contributorId, leaf.payout, leaf.cumulative);
    }

    /// The tree of OpenZeppelin's StandardMerkleTree over leaves in this order: node i has children 2i+1 and 2i+2.
    function tree(Leaf[] memory leaves) internal view returns (bytes32[] memory nodes) {
        uint256 n = leaves.length;
        nodes = new bytes32[](2 * n - 1);
        for (uint256 i = 0; i < n; i++) {
            nodes[2 * n - 2 - i] = hash(leaves[i]);
        }
        for (uint256 i = n - 1; i > 0; i--) {
            nodes[i - 1] = pair(nodes[2 * i - 1], nodes[2 * i]);
        }
    }

    function rootOf(Leaf[] memory leaves) internal view returns (bytes32) {
        return tree(leaves)[0];
    }

    function proofOf(Leaf[] memory leaves, uint256 i) internal view returns (bytes32[] memory proof) {
        bytes32[] memory nodes = tree(leaves);
        proof = new bytes32[](0);
        for (uint256 node = 2 * leaves.length - 2 - i; node > 0; node = (node - 1) / 2) {
            proof = Naive.append(proof, nodes[node % 2 == 1 ? node + 1 : node - 1]);
        }
    }

    /// n sample keys, ascending by their addresses.
    function members(uint256 n) internal pure returns (uint256[] memory keys, address[] memory committee) {
        keys = new uint256[](n);
        committee = new address[](n);
        for (uint256 i = 0; i < n; i++) {
            (keys[i], committee[i]) = (i + 1, vm.addr(i + 1));
            for (uint256 j = i; j > 0 && committee[j] < committee[j - 1]; j--) {
                (keys[j], keys[j - 1]) = (keys[j - 1], keys[j]);
                (committee[j], committee[j - 1]) = (committee[j - 1], committee[j]);
            }
        }
    }

    function pair(bytes32 a, bytes32 b) internal pure returns (bytes32) {
        return a < b ? keccak256(abi.encode(a, b)) : keccak256(abi.encode(b, a));
    }

    function sum(Leaf[] memory leaves) internal pure returns (uint256 total) {
        for (uint256 i = 0; i < leaves.length; i++) {
            total += leaves[i].cumulative;
        }
    }

    function addresses(address one) internal pure returns (address[] memory list) {
        list = new address[](1);
        list[0] = one;
    }

    function noHashes() internal pure returns (bytes32[] memory) {
        return new bytes32[](0);
    }
}
