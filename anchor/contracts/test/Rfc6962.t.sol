// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Rfc6962} from "../src/Rfc6962.sol";
import {Naive} from "./Naive.sol";
import {Test} from "./Vm.sol";

/// The library as a contract that others call.
contract Trees {
    function leafHash(bytes calldata data) external view returns (bytes32) {
        return Rfc6962.leafHash(data);
    }

    function inclusion(bytes32 leaf, uint64 index, uint64 size, bytes32[] calldata path, bytes32 root) external view {
        Rfc6962.verifyInclusion(leaf, index, size, path, root);
    }

    function consistency(uint64 oldSize, bytes32 oldRoot, uint64 newSize, bytes32 newRoot, bytes32[] calldata path)
        external
        view
    {
        Rfc6962.verifyConsistency(oldSize, oldRoot, newSize, newRoot, path);
    }
}

contract Rfc6962Test is Test {
    uint64 private constant MOST = 40;

    Trees private trees = new Trees();
    bytes32[] private roots; // roots[n]: of n leaves

    function setUp() public {
        roots.push(0);
        for (uint256 n = 1; n <= MOST; n++) {
            roots.push(Naive.root(0, n));
        }
    }

    function test_leaf_hash() public view {
        equal(trees.leafHash(""), sha256(hex"00"));
        equal(trees.leafHash("abc"), sha256(hex"00616263"));
    }

    function test_inclusion_of_every_leaf_of_every_size() public view {
        for (uint64 n = 1; n <= MOST; n++) {
            for (uint64 i = 0; i < n; i++) {
                trees.inclusion(Naive.leaf(i), i, n, Naive.path(i, 0, n), roots[n]);
            }
        }
    }

    function test_consistency_of_every_pair_of_sizes() public view {
        for (uint64 n = 1; n <= MOST; n++) {
            for (uint64 m = 1; m <= n; m++) {
                trees.consistency(m, roots[m], n, roots[n], Naive.consistency(m, n));
            }
        }
    }

    /// A right path under a wrong index or size, up to the ends of u64: accepted only where RFC 9162 accepts it, because
    /// a path does not prove a size.
    function testFuzz_inclusion_decides_as_the_rfc(uint64 index, uint64 size, uint256 seed) public view {
        uint64 n = uint64(bound(seed, 1, MOST));
        uint64 i = uint64(bound(seed >> 8, 0, n - 1));
        if (seed >> 254 != 0) (index, size) = (index % (MOST + 2), size % (MOST + 2));
        bytes32[] memory path = Naive.path(i, 0, n);
        bool expected = rfcInclusion(Naive.leaf(i), index, size, path, roots[n]);
        equalDecision(expected, inclusionPasses(Naive.leaf(i), index, size, path, roots[n]));
    }

    function testFuzz_consistency_decides_as_the_rfc(uint64 first, uint64 second, uint256 seed) public view {
        uint64 n = uint64(bound(seed, 1, MOST));
        uint64 m = uint64(bound(seed >> 8, 1, n));
        if (seed >> 254 != 0) (first, second) = (first % (MOST + 2), second % (MOST + 2));
        bytes32[] memory path = Naive.consistency(m, n);
        bool expected = rfcConsistency(first, roots[m], second, roots[n], path);
        equalDecision(expected, consistencyPasses(first, roots[m], second, roots[n], path));
    }

    /// Paths of nonsense for any size: never accepted, and never more than 64 levels of work.
    function testFuzz_random_paths_are_refused(uint64 a, uint64 b, bytes32[] calldata path, bytes32 x, bytes32 y)
        public
        view
    {
        vm.assume(x != y);
        uint256 gas = gasleft();
        check(!inclusionPasses(x, a, b, path, y), "inclusion");
        check(!consistencyPasses(a, x, b, y, path), "consistency");
        check(gas - gasleft() < 100_000 + 2_000 * path.length, "bounded gas");
    }

    function testFuzz_mutated_inclusion_is_refused(uint256 seed) public view {
        uint64 n = uint64(bound(seed, 2, MOST));
        uint64 i = uint64(bound(seed >> 8, 0, n - 1));
        bytes32[] memory path = mutate(Naive.path(i, 0, n), seed);
        check(!inclusionPasses(Naive.leaf(i), i, n, path, roots[n]), "accepted");
    }

    function testFuzz_mutated_consistency_is_refused(uint256 seed) public view {
        uint64 n = uint64(bound(seed, 2, MOST));
        uint64 m = uint64(bound(seed >> 8, 1, n - 1));
        bytes32[] memory path = mutate(Naive.consistency(m, n), seed);
        check(!consistencyPasses(m, roots[m], n, roots[n], path), "accepted");
    }

    /// An inner node offered as a leaf of the smaller tree it would be one of.
    function test_node_as_leaf_is_refused() public view {
        bytes32 pair = Naive.node(Naive.leaf(0), Naive.leaf(1));
        bytes32[] memory path = Naive.append(new bytes32[](0), Naive.node(Naive.leaf(2), Naive.leaf(3)));
        check(!inclusionPasses(pair, 0, 4, path, roots[4]), "as leaf 0 of 4");
        // Under size 2 the path is right: what a size means has to be known, and leaf data are hashed here.
        check(inclusionPasses(pair, 0, 2, path, roots[4]), "as leaf 0 of 2");
        bytes32 data = trees.leafHash(abi.encodePacked(Naive.leaf(0), Naive.leaf(1)));
        check(!inclusionPasses(data, 0, 2, path, roots[4]), "as data of leaf 0 of 2");
    }

    /// A last leaf doubled makes another root.
    function test_doubled_leaf_is_another_tree() public pure {
        bytes32 three = Naive.node(Naive.node(Naive.leaf(0), Naive.leaf(1)), Naive.leaf(2));
        bytes32 four = Naive.node(Naive.node(Naive.leaf(0), Naive.leaf(1)), Naive.node(Naive.leaf(2), Naive.leaf(2)));
        check(three != four, "equal");
    }

    function test_errors_say_what_differed() public {
        bytes32 leaf = Naive.leaf(3);
        bytes32[] memory path = Naive.path(3, 0, 11);
        vm.expectRevert(abi.encodeWithSelector(Rfc6962.IndexBeyondSize.selector, 11, 11));
        trees.inclusion(leaf, 11, 11, path, roots[11]);
        vm.expectRevert(abi.encodeWithSelector(Rfc6962.IndexBeyondSize.selector, 0, 0));
        trees.inclusion(leaf, 0, 0, path, roots[11]);
        vm.expectRevert(abi.encodeWithSelector(Rfc6962.PathLength.selector, 4, 5));
        trees.inclusion(leaf, 3, 11, Naive.append(path, 0), roots[11]);
        vm.expectRevert(abi.encodeWithSelector(Rfc6962.RootMismatch.selector, roots[12], roots[11]));
        trees.inclusion(leaf, 3, 11, path, roots[12]);

        path = Naive.consistency(6, 11);
        vm.expectRevert(Rfc6962.EmptyTree.selector);
        trees.consistency(0, roots[6], 11, roots[11], path);
        vm.expectRevert(abi.encodeWithSelector(Rfc6962.SizesOutOfOrder.selector, 11, 6));
        trees.consistency(11, roots[11], 6, roots[6], path);
        vm.expectRevert(abi.encodeWithSelector(Rfc6962.PathLength.selector, 4, 0));
        trees.consistency(6, roots[6], 11, roots[11], new bytes32[](0));
        vm.expectRevert(abi.encodeWithSelector(Rfc6962.PathLength.selector, 0, 4));
        trees.consistency(6, roots[6], 6, roots[6], path);
        vm.expectRevert(abi.encodeWithSelector(Rfc6962.RootMismatch.selector, roots[6], roots[7]));
        trees.consistency(6, roots[6], 6, roots[7], new bytes32[](0));
        vm.expectRevert(abi.encodeWithSelector(Rfc6962.RootMismatch.selector, roots[5], roots[6]));
        trees.consistency(6, roots[5], 11, roots[11], path);
        vm.expectRevert(abi.encodeWithSelector(Rfc6962.RootMismatch.selector, roots[12], roots[11]));
        trees.consistency(6, roots[6], 11, roots[12], path);
    }

    /// RFC 9162, section 2.1.3.2, step by step.
    function rfcInclusion(bytes32 leaf, uint64 index, uint64 size, bytes32[] memory path, bytes32 root)
        private
        pure
        returns (bool)
    {
        if (index >= size) return false;
        (uint64 fn, uint64 sn, bytes32 r) = (index, size - 1, leaf);
        for (uint256 i = 0; i < path.length; i++) {
            if (sn == 0) return false;
            if (fn & 1 == 1 || fn == sn) {
                r = Naive.node(path[i], r);
                while (fn & 1 == 0 && fn != 0) (fn, sn) = (fn >> 1, sn >> 1);
            } else {
                r = Naive.node(r, path[i]);
            }
            (fn, sn) = (fn >> 1, sn >> 1);
        }
        return sn == 0 && r == root;
    }

    /// RFC 9162, section 2.1.4.2, step by step, with the sizes it leaves to the caller as FORMAT.md section 2 has them.
    function rfcConsistency(uint64 first, bytes32 firstHash, uint64 second, bytes32 secondHash, bytes32[] memory path)
        private
        pure
        returns (bool)
    {
        if (first == 0 || first > second) return false;
        if (first == second) return path.length == 0 && firstHash == secondHash;
        if (path.length == 0) return false;
        uint256 i = 0;
        bytes32 fr = firstHash;
        if (first & (first - 1) != 0) fr = path[i++];
        bytes32 sr = fr;
        (uint64 fn, uint64 sn) = (first - 1, second - 1);
        while (fn & 1 == 1) (fn, sn) = (fn >> 1, sn >> 1);
        for (; i < path.length; i++) {
            if (sn == 0) return false;
            if (fn & 1 == 1 || fn == sn) {
                (fr, sr) = (Naive.node(path[i], fr), Naive.node(path[i], sr));
                while (fn & 1 == 0 && fn != 0) (fn, sn) = (fn >> 1, sn >> 1);
            } else {
                sr = Naive.node(sr, path[i]);
            }
            (fn, sn) = (fn >> 1, sn >> 1);
        }
        return fr == firstHash && sr == secondHash && sn == 0;
    }

    /// One of: a bit flipped, an element added in front or behind, left out, exchanged with its neighbour.
    function mutate(bytes32[] memory path, uint256 seed) private pure returns (bytes32[] memory changed) {
        uint256 how = (seed >> 16) % 5;
        uint256 spot = bound(seed >> 24, 0, path.length - 1);
        bytes32 noise = keccak256(abi.encode(seed));
        if (how == 0 || (how == 4 && path.length == 1)) {
            path[spot] ^= bytes32(uint256(1) << ((seed >> 32) % 256));
            return path;
        }
        if (how == 1) return Naive.append(path, noise);
        if (how == 4) {
            spot = bound(seed >> 24, 0, path.length - 2);
            (path[spot], path[spot + 1]) = (path[spot + 1], path[spot]);
            return path;
        }
        changed = new bytes32[](how == 2 ? path.length + 1 : path.length - 1);
        if (how == 2) changed[0] = noise;
        for ((uint256 from, uint256 to) = (0, how == 2 ? 1 : 0); from < path.length; from++) {
            if (how == 2 || from != spot) changed[to++] = path[from];
        }
    }

    function inclusionPasses(bytes32 leaf, uint64 index, uint64 size, bytes32[] memory path, bytes32 root)
        private
        view
        returns (bool)
    {
        try trees.inclusion(leaf, index, size, path, root) {
            return true;
        } catch {
            return false;
        }
    }

    function consistencyPasses(uint64 m, bytes32 oldRoot, uint64 n, bytes32 newRoot, bytes32[] memory path)
        private
        view
        returns (bool)
    {
        try trees.consistency(m, oldRoot, n, newRoot, path) {
            return true;
        } catch {
            return false;
        }
    }

    function equalDecision(bool expected, bool found) private pure {
        check(expected == found, expected ? "the rfc accepts it" : "the rfc refuses it");
    }
}
