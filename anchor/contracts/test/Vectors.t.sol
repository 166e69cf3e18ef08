// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Rfc6962} from "../src/Rfc6962.sol";
import {Base64} from "./Base64.sol";
import {Trees} from "./Rfc6962.t.sol";
import {Test, Vm} from "./Vm.sol";

/// The vectors that every verifier of this project reads, and those of transparency-dev/merkle.
contract VectorsTest is Test {
    Trees private trees = new Trees();

    uint256 private accepted;
    uint256 private refused;

    /// ingest/core/vectors/merkle: the decision, and the reason for it.
    function test_our_vectors() public {
        Vm.DirEntry[] memory files = vm.readDir("../../ingest/core/vectors/merkle", 1);
        for (uint256 i = 0; i < files.length; i++) {
            if (endsWith(files[i].path, ".json")) ours(files[i].path);
        }
        check(accepted >= 7 && refused >= 23, "7 accepted, 23 refused, or more");
    }

    /// MIRA_VECTORS/rfc6962: 98 + 98 cases, of which 6 + 6 hold; two have roots of 12 bytes, and one of these holds.
    function test_transparency_dev_vectors() public {
        string memory folder = vm.envOr("MIRA_VECTORS", "");
        if (bytes(folder).length == 0) return vm.skip(true, "MIRA_VECTORS is not set");
        Vm.DirEntry[] memory files = vm.readDir(string.concat(folder, "/rfc6962"), 4);
        for (uint256 i = 0; i < files.length; i++) {
            if (endsWith(files[i].path, ".json")) theirs(files[i].path);
        }
        equal(accepted, 11);
        equal(refused, 184);
    }

    function ours(string memory path) private {
        string memory json = vm.readFile(path);
        string memory expect = vm.parseJsonString(json, ".expect");
        bytes memory call = is_(vm.parseJsonString(json, ".kind"), "inclusion")
            ? abi.encodeCall(
                trees.inclusion,
                (
                    trees.leafHash(vm.parseBytes(string.concat("0x", vm.parseJsonString(json, ".leaf_data")))),
                    uint64(vm.parseJsonUint(json, ".index")),
                    uint64(vm.parseJsonUint(json, ".size")),
                    digests(json, ".path"),
                    digest(json, ".root")
                )
            )
            : abi.encodeCall(
                trees.consistency,
                (
                    uint64(vm.parseJsonUint(json, ".old_size")),
                    digest(json, ".old_root"),
                    uint64(vm.parseJsonUint(json, ".new_size")),
                    digest(json, ".new_root"),
                    digests(json, ".path")
                )
            );
        (bool ok, bytes memory found) = address(trees).staticcall(call);
        check(ok == is_(expect, "accept"), path);
        if (ok) {
            accepted++;
        } else {
            refused++;
            check(bytes4(found) == selector(expect), string.concat("reason: ", path));
        }
    }

    function selector(string memory reason) private pure returns (bytes4) {
        if (is_(reason, "index_beyond_tree")) return Rfc6962.IndexBeyondSize.selector;
        if (is_(reason, "path_length")) return Rfc6962.PathLength.selector;
        if (is_(reason, "old_tree_empty")) return Rfc6962.EmptyTree.selector;
        if (is_(reason, "shrinks")) return Rfc6962.SizesOutOfOrder.selector;
        return Rfc6962.RootMismatch.selector; // root, old_root, new_root
    }

    function theirs(string memory path) private {
        if (endsWith(path, "/sizes-are-equal-one-and-proof-is-empty.json")) return;
        string memory json = vm.readFile(path);
        bool ok;
        // What is not made of 32-byte hashes cannot be put to the library at all.
        bool expressible = true;
        bytes32[] memory proof;
        if (vm.keyExistsJson(json, ".leafHash")) {
            bytes32[3] memory hashes;
            (proof, hashes, expressible) = base64s(json, "leafHash", "root");
            uint64 index = uint64(vm.parseJsonUint(json, ".leafIdx"));
            uint64 size = uint64(vm.parseJsonUint(json, ".treeSize"));
            bytes memory call = abi.encodeCall(trees.inclusion, (hashes[0], index, size, proof, hashes[1]));
            if (expressible) (ok,) = address(trees).staticcall(call);
        } else {
            bytes32[3] memory hashes;
            (proof, hashes, expressible) = base64s(json, "root1", "root2");
            uint64 size1 = uint64(vm.parseJsonUint(json, ".size1"));
            uint64 size2 = uint64(vm.parseJsonUint(json, ".size2"));
            bytes memory call = abi.encodeCall(trees.consistency, (size1, hashes[0], size2, hashes[1], proof));
            if (expressible) (ok,) = address(trees).staticcall(call);
        }
        check(ok != vm.parseJsonBool(json, ".wantErr"), path);
        if (ok) accepted++;
        else refused++;
    }

    function base64s(string memory json, string memory first, string memory second)
        private
        pure
        returns (bytes32[] memory proof, bytes32[3] memory hashes, bool expressible)
    {
        expressible = true;
        bytes memory one = Base64.decode(bytes(vm.parseJsonString(json, string.concat(".", first))));
        bytes memory two = Base64.decode(bytes(vm.parseJsonString(json, string.concat(".", second))));
        if (one.length != 32 || two.length != 32) expressible = false;
        (hashes[0], hashes[1]) = (bytes32(one), bytes32(two));
        string[] memory texts = strings(json, ".proof");
        proof = new bytes32[](texts.length);
        for (uint256 i = 0; i < texts.length; i++) {
            bytes memory hash = Base64.decode(bytes(texts[i]));
            if (hash.length != 32) expressible = false;
            proof[i] = bytes32(hash);
        }
    }

    /// An array of strings; null is an empty one.
    function strings(string memory json, string memory key) private pure returns (string[] memory none) {
        try vm.parseJsonStringArray(json, key) returns (string[] memory some) {
            return some;
        } catch {
            return none;
        }
    }

    function digest(string memory json, string memory key) private pure returns (bytes32) {
        return bytes32(vm.parseBytes(string.concat("0x", vm.parseJsonString(json, key))));
    }

    function digests(string memory json, string memory key) private pure returns (bytes32[] memory list) {
        string[] memory texts = vm.parseJsonStringArray(json, key);
        list = new bytes32[](texts.length);
        for (uint256 i = 0; i < texts.length; i++) {
            list[i] = bytes32(vm.parseBytes(string.concat("0x", texts[i])));
        }
    }

    function is_(string memory a, string memory b) private pure returns (bool) {
        return keccak256(bytes(a)) == keccak256(bytes(b));
    }

    function endsWith(string memory text, string memory end) private pure returns (bool) {
        (bytes memory t, bytes memory e) = (bytes(text), bytes(end));
        if (t.length < e.length) return false;
        for (uint256 i = 0; i < e.length; i++) {
            if (t[t.length - e.length + i] != e[i]) return false;
        }
        return true;
    }
}
