// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// RFC 9162, sections 2.1.1, 2.1.3.1 and 2.1.4.1 word for word, recursive: what the library is compared with.
library Naive {
    function leaf(uint256 i) internal pure returns (bytes32) {
        return sha256(abi.encodePacked(bytes1(0), i));
    }

    function node(bytes32 left, bytes32 right) internal pure returns (bytes32) {
        return sha256(abi.encodePacked(bytes1(0x01), left, right));
    }

    /// The largest power of two below n.
    function split(uint256 n) internal pure returns (uint256 k) {
        k = 1;
        while (k * 2 < n) k *= 2;
    }

    /// MTH(D[start:end]) where leaf i is leaf(i).
    function root(uint256 start, uint256 end) internal pure returns (bytes32) {
        if (end - start == 1) return leaf(start);
        uint256 middle = start + split(end - start);
        return node(root(start, middle), root(middle, end));
    }

    /// PATH(m, D[start:end]), m counted from start
    function path(uint256 m, uint256 start, uint256 end) internal pure returns (bytes32[] memory) {
        if (end - start == 1) return new bytes32[](0);
        uint256 k = split(end - start);
        if (m < k) return append(path(m, start, start + k), root(start + k, end));
        return append(path(m - k, start + k, end), root(start, start + k));
    }

    /// PROOF(m, D[0:n])
    function consistency(uint256 m, uint256 n) internal pure returns (bytes32[] memory) {
        return subproof(m, 0, n, true);
    }

    function subproof(uint256 m, uint256 start, uint256 end, bool whole) private pure returns (bytes32[] memory) {
        uint256 n = end - start;
        if (m == n) {
            bytes32[] memory none = new bytes32[](0);
            return whole ? none : append(none, root(start, end));
        }
        uint256 k = split(n);
        if (m <= k) return append(subproof(m, start, start + k, whole), root(start + k, end));
        return append(subproof(m - k, start + k, end, false), root(start, start + k));
    }

    function append(bytes32[] memory list, bytes32 item) internal pure returns (bytes32[] memory longer) {
        longer = new bytes32[](list.length + 1);
        for (uint256 i = 0; i < list.length; i++) {
            longer[i] = list[i];
        }
        longer[list.length] = item;
    }
}
