// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// Inclusion and consistency in the tree of RFC 6962 (RFC 9162, section 2.1), with SHA-256.
///
/// A function returns if its statement holds and reverts with what differed if it does not; there is no `false` to
/// forget. Every path is consumed exactly: it has the very length that the sizes call for, and an index lies within its
/// size. A path does not prove a size, so sizes and indices come from a commitment or from the preimage of a digest,
/// never from the author of the path alone.
///
/// The loops of RFC 9162 are split in two. While its counters fn and sn differ, every level of the tree takes one
/// element of the path. From where they meet, the node is the last of its level, and only levels where it is a right
/// child take one. So the loops end after at most 64 levels whatever the path is, the number of elements they took is
/// the length called for, and what they may have read behind the end of a short path is thrown away with the result.
library Rfc6962 {
    error IndexBeyondSize(uint64 index, uint64 size);
    error EmptyTree();
    error SizesOutOfOrder(uint64 oldSize, uint64 newSize);
    error PathLength(uint256 expected, uint256 found);
    error RootMismatch(bytes32 expected, bytes32 found);

    /// H(00 ‖ data)
    function leafHash(bytes calldata data) internal view returns (bytes32 leaf) {
        assembly ("memory-safe") {
            let m := mload(0x40)
            mstore8(m, 0)
            calldatacopy(add(m, 1), data.offset, data.length)
            if iszero(staticcall(gas(), 2, m, add(data.length, 1), 0, 32)) { revert(0, 0) }
            if iszero(eq(returndatasize(), 32)) { revert(0, 0) }
            leaf := mload(0)
        }
    }

    /// `leaf` stands at `index` in the tree of `size` leaves under `root`. RFC 9162, section 2.1.3.2.
    function verifyInclusion(bytes32 leaf, uint64 index, uint64 size, bytes32[] calldata path, bytes32 root)
        internal
        view
    {
        bytes32 found = inclusionRoot(leaf, index, size, path);
        if (found != root) revert RootMismatch(root, found);
    }

    /// The root under which `leaf` stands at `index` in a tree of `size` leaves, for a caller who compares it.
    function inclusionRoot(bytes32 leaf, uint64 index, uint64 size, bytes32[] calldata path)
        internal
        view
        returns (bytes32 root)
    {
        if (index >= size) revert IndexBeyondSize(index, size);
        // As whole words, which assembly may use: it does not clean shorter ones.
        uint256 fn = index;
        uint256 sn = size - 1;
        uint256 taken;
        assembly ("memory-safe") {
            // The preimage of a node, 01 ‖ left ‖ right, is written behind the memory in use.
            let m := mload(0x40)
            let left := add(m, 1)
            let right := add(m, 33)
            mstore8(m, 1)
            let hashed := 1

            let next := path.offset
            root := leaf
            for {} xor(fn, sn) {} {
                // A right child has bit 0 of fn set, and its sibling on the left.
                let side := shl(5, and(fn, 1))
                mstore(add(left, side), root)
                mstore(sub(right, side), calldataload(next))
                hashed := and(hashed, staticcall(gas(), 2, m, 65, 0, 32))
                root := mload(0)
                next := add(next, 32)
                fn := shr(1, fn)
                sn := shr(1, sn)
            }
            for {} fn { fn := shr(1, fn) } {
                if and(fn, 1) {
                    mstore(left, calldataload(next))
                    mstore(right, root)
                    hashed := and(hashed, staticcall(gas(), 2, m, 65, 0, 32))
                    root := mload(0)
                    next := add(next, 32)
                }
            }

            taken := shr(5, sub(next, path.offset))
            // A precompile that ran out of gas, or a chain that has none.
            if iszero(and(hashed, or(iszero(taken), eq(returndatasize(), 32)))) { revert(0, 0) }
        }
        if (taken != path.length) revert PathLength(taken, path.length);
    }

    /// The tree of `oldSize` leaves under `oldRoot` is what the tree of `newSize` leaves under `newRoot` starts with.
    /// RFC 9162, section 2.1.4.2. Equal sizes pass if the path is empty and the roots are equal; size 0 never does.
    function verifyConsistency(
        uint64 oldSize,
        bytes32 oldRoot,
        uint64 newSize,
        bytes32 newRoot,
        bytes32[] calldata path
    ) internal view {
        if (oldSize == 0) revert EmptyTree();
        if (oldSize > newSize) revert SizesOutOfOrder(oldSize, newSize);
        if (oldSize == newSize) {
            if (path.length != 0) revert PathLength(0, path.length);
            if (oldRoot != newRoot) revert RootMismatch(oldRoot, newRoot);
            return;
        }
        uint256 fn = oldSize - 1;
        uint256 sn = newSize - 1;
        bytes32 oldFound;
        bytes32 newFound;
        uint256 taken;
        assembly ("memory-safe") {
            let m := mload(0x40)
            let left := add(m, 1)
            let right := add(m, 33)
            mstore8(m, 1)
            let hashed := 1

            let next := path.offset
            for {} and(fn, 1) {} {
                fn := shr(1, fn)
                sn := shr(1, sn)
            }
            // An old tree that is one complete subtree is not in the path: its root is known.
            oldFound := oldRoot
            if fn {
                oldFound := calldataload(next)
                next := add(next, 32)
            }
            newFound := oldFound
            for {} or(xor(fn, sn), fn) {} {
                // Where the counters differ the level takes an element; where they meet, only a right child does.
                switch and(fn, 1)
                case 1 {
                    mstore(left, calldataload(next))
                    next := add(next, 32)
                    // Up to the first right sibling the old and the new node are the same one.
                    let same := eq(oldFound, newFound)
                    mstore(right, newFound)
                    hashed := and(hashed, staticcall(gas(), 2, m, 65, 0, 32))
                    newFound := mload(0)
                    switch same
                    case 1 { oldFound := newFound }
                    default {
                        mstore(right, oldFound)
                        hashed := and(hashed, staticcall(gas(), 2, m, 65, 0, 32))
                        oldFound := mload(0)
                    }
                }
                default {
                    if xor(fn, sn) {
                        mstore(left, newFound)
                        mstore(right, calldataload(next))
                        next := add(next, 32)
                        hashed := and(hashed, staticcall(gas(), 2, m, 65, 0, 32))
                        newFound := mload(0)
                    }
                }
                fn := shr(1, fn)
                sn := shr(1, sn)
            }

            taken := shr(5, sub(next, path.offset))
            if iszero(and(hashed, eq(returndatasize(), 32))) { revert(0, 0) }
        }
        if (taken != path.length) revert PathLength(taken, path.length);
        if (oldFound != oldRoot) revert RootMismatch(oldRoot, oldFound);
        if (newFound != newRoot) revert RootMismatch(newRoot, newFound);
    }
}
