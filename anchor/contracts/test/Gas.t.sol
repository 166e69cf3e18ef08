// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {RewardsDistributor} from "../src/RewardsDistributor.sol";
import {RootRegistry} from "../src/RootRegistry.sol";
import {Trees} from "./Rfc6962.t.sol";
import {Fixture} from "./Fixture.sol";
import {Naive} from "./Naive.sol";

/// What transactions cost, as whole transactions with their calldata, and that none costs more than its budget. The
/// siblings of deep trees are made up; a verifier cannot tell.
///
///   check.sh --match-contract Gas -vv
contract GasTest is Fixture {
    // Forge prints this one as a line.
    event log_named_uint(string key, uint256 val);

    Trees private trees = new Trees();

    function report(string memory what, uint256 budget) private returns (uint256 used) {
        used = vm.lastCallGas().totalUsed;
        emit log_named_uint(string.concat(what, " (", vm.toString(budget), ")"), used);
        check(used <= budget, what);
    }

    /// forge-config: default.isolate = true
    function test_register() public {
        registry.register("another", LOG_KEY, addresses(vm.addr(KEY)), 1);
        report("register, committee of 1", 110_000);
    }

    /// forge-config: default.isolate = true
    function test_anchor_without_proof() public {
        originId = registry.register("another", LOG_KEY, addresses(vm.addr(KEY)), 1);
        (anchoredEpoch, beforePrevious, previousRoot) = (0, 0, 0);
        anchorNext(5);
        report("anchor, epoch 1, 1 signature", 68_000);
    }

    /// forge-config: default.isolate = true
    function test_anchor_with_20_nodes_and_1_signature() public {
        anchorAgain(1, 1, 262_145);
        report("anchor, 20 nodes, 1 signature", 85_000 + 8_000);
    }

    /// Nearly every node is hashed into the old root as well.
    /// forge-config: default.isolate = true
    function test_anchor_with_20_nodes_at_worst() public {
        anchorAgain(1, 1, 393_215);
        report("anchor, 20 nodes of the worst kind, 1 signature", 85_000 + 8_000);
    }

    /// forge-config: default.isolate = true
    function test_anchor_with_20_nodes_and_3_signatures() public {
        anchorAgain(5, 3, 262_145);
        report("anchor, 20 nodes, 3 of 5 signatures", 85_000 + 3 * 8_000);
    }

    /// forge-config: default.isolate = true
    function test_propose() public {
        fund(1e20);
        report("fund, first", 110_000);
        propose(1, keccak256("root 1"), 1e19);
        wait_();
        propose(2, keccak256("root 2"), 2e19);
        report("propose", 85_000);
    }

    /// forge-config: default.isolate = true
    function test_claim_at_131072_leaves() public {
        fund(1e20);
        address payout = address(0xbeef);
        bytes32[] memory siblings = noise(17);
        bytes32 someone = keccak256("someone");
        bytes32 other = keccak256("other");
        // One root in which both are: the other's first sibling is this one's leaf.
        bytes32 leaf = distributor.leafOf(someone, payout, 1e18);
        bytes32 otherLeaf = distributor.leafOf(other, address(0xcafe), 1e18);
        bytes32[] memory otherSiblings = noise(17);
        (siblings[0], otherSiblings[0]) = (otherLeaf, leaf);
        propose(1, fold(leaf, siblings), 1e19);
        bytes32 again = distributor.leafOf(someone, payout, 2e18);
        bytes32 otherAgain = distributor.leafOf(other, address(0xcafe), 2e18);
        bytes32[] memory later = noise(17);
        bytes32[] memory otherLater = noise(17);
        (later[0], otherLater[0]) = (otherAgain, again);
        propose(2, fold(again, later), 2e19);
        wait_();

        distributor.claim(1, someone, payout, 1e18, siblings);
        report("claim, the first of all", 121_000);
        distributor.claim(1, other, address(0xcafe), 1e18, otherSiblings);
        report("claim, first of a contributor", 99_000);
        distributor.claim(2, other, address(0xcafe), 2e18, otherLater);
        report("claim, repeat, the first of an epoch", 67_500);
        distributor.claim(2, someone, payout, 2e18, later);
        // Of these, 5,000 are for counting what was claimed in all, without which a root could pay more than its total.
        report("claim, repeat", 65_000);
    }

    /// Execution alone, without the transaction.
    function test_row_proof_at_depth_20() public {
        bytes32[] memory path = noise(20);
        bytes32 root = bytes32(uint256(1));
        uint64 size = (1 << 20) - 3;
        uint64 index = 0x5a5a5;
        bytes32 leaf = keccak256("leaf");
        root = leaf;
        for (uint256 i = 0; i < 20; i++) {
            root = (index >> i) & 1 == 1 ? Naive.node(path[i], root) : Naive.node(root, path[i]);
        }
        trees.inclusion(leaf, index, size, path, root); // the address is warm from here
        uint256 before = gasleft();
        trees.inclusion(leaf, index, size, path, root);
        uint256 used = before - gasleft();
        emit log_named_uint("inclusion at depth 20, execution (18000)", used);
        check(used <= 18_000, "depth 20");
    }

    /// Brings a log of `oldSize` entries with a committee of n to 400,000, signed by k of it.
    function anchorAgain(uint256 n, uint256 k, uint64 oldSize) private {
        (uint256[] memory keys, address[] memory committee) = members(n);
        originId = registry.register("large", LOG_KEY, committee, uint8(k));
        uint64 newSize = 400_000;
        (bytes32[] memory proof, bytes32 oldRoot, bytes32 newRoot) = madeUp(oldSize, newSize);
        check(proof.length == 20, vm.toString(proof.length));
        bytes32 first = registry.commitments(originId, 0);
        registry.anchor(
            originId, 1, oldRoot, oldSize, 0, 0, noHashes(), signatures(keys, k, 1, oldRoot, oldSize, first)
        );
        bytes32 previous = registry.commitments(originId, 1);
        bytes[] memory bySigner = signatures(keys, k, 2, newRoot, newSize, previous);
        registry.anchor(originId, 2, newRoot, newSize, first, oldRoot, proof, bySigner);
    }

    function signatures(uint256[] memory keys, uint256 k, uint64 epoch, bytes32 root, uint64 size, bytes32 previous)
        private
        view
        returns (bytes[] memory list)
    {
        bytes32 digest = registry.anchorDigest(originId, epoch, root, size, previous);
        list = new bytes[](k);
        for (uint256 i = 0; i < k; i++) {
            list[i] = sign(keys[i], digest);
        }
    }

    /// A consistency proof of made-up nodes, and the two roots it leads to (RFC 9162, section 2.1.4.2, run forwards).
    function madeUp(uint64 m, uint64 n)
        private
        pure
        returns (bytes32[] memory proof, bytes32 oldRoot, bytes32 newRoot)
    {
        (uint64 fn, uint64 sn) = (m - 1, n - 1);
        while (fn & 1 == 1) (fn, sn) = (fn >> 1, sn >> 1);
        oldRoot = keccak256("seed");
        newRoot = oldRoot;
        proof = Naive.append(proof, oldRoot);
        while (sn != 0) {
            bytes32 node = keccak256(abi.encode(sn, proof.length));
            if (fn & 1 == 1 || fn == sn) {
                if (fn & 1 == 1) {
                    proof = Naive.append(proof, node);
                    (oldRoot, newRoot) = (Naive.node(node, oldRoot), Naive.node(node, newRoot));
                }
            } else {
                proof = Naive.append(proof, node);
                newRoot = Naive.node(newRoot, node);
            }
            (fn, sn) = (fn >> 1, sn >> 1);
        }
    }

    function noise(uint256 n) private pure returns (bytes32[] memory list) {
        list = new bytes32[](n);
        for (uint256 i = 0; i < n; i++) {
            list[i] = keccak256(abi.encode("noise", i));
        }
    }

    function fold(bytes32 leaf, bytes32[] memory proof) private pure returns (bytes32 root) {
        root = leaf;
        for (uint256 i = 0; i < proof.length; i++) {
            root = pair(root, proof[i]);
        }
    }
}
