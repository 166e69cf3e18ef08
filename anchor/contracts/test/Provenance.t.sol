// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Provenance} from "../src/Provenance.sol";
import {Rfc6962} from "../src/Rfc6962.sol";
import {RootRegistry} from "../src/RootRegistry.sol";
import {Base64} from "./Base64.sol";
import {Fixture} from "./Fixture.sol";

/// A contract that wants to know where a row comes from.
contract Asker {
    function verifyRow(
        Provenance.Row calldata row,
        bytes calldata entry,
        Provenance.Inclusion calldata inLog,
        Provenance.Epoch calldata epoch,
        RootRegistry registry,
        bytes32 originId
    ) external view returns (Provenance.Header memory) {
        return Provenance.verifyRow(row, entry, inLog, epoch, registry, originId);
    }

    function datasetOf(Provenance.Row calldata row) external view returns (bytes32) {
        return Provenance.datasetOf(row);
    }

    function parseChunk(bytes calldata data) external pure returns (Provenance.Chunk memory) {
        return Provenance.parseChunk(data);
    }

    function parseEntry(bytes calldata data) external pure returns (Provenance.Header memory) {
        return Provenance.parseEntry(data);
    }
}

/// The proof file ingest/core/vectors/proofs/row.json, which mira itself made, on a chain where its log is anchored.
contract ProvenanceTest is Fixture {
    Asker private asker = new Asker();
    bytes private entry;
    Provenance.Row private row;
    Provenance.Inclusion private inLog;
    Provenance.Epoch private epoch;

    function setUp() public override {
        super.setUp();
        originId = registry.register("log of the vector", LOG_KEY, addresses(vm.addr(KEY)), 1);
        reset();
        bytes[] memory signatures = signed(KEY, 1, epoch.root, epoch.size, epoch.previous);
        registry.anchor(originId, 1, epoch.root, epoch.size, 0, 0, noHashes(), signatures);
    }

    /// What holds, read again.
    function reset() private {
        readProof("../../ingest/core/vectors/proofs/row.json");
        epoch.epoch = 1;
        epoch.previous = registry.commitments(originId, 0);
    }

    function test_row_of_the_vector() public view {
        Provenance.Header memory header = asker.verifyRow(row, entry, inLog, epoch, registry, originId);
        equal(header.kind, Provenance.CONTRIBUTE);
        equal(header.subject, asker.datasetOf(row));
    }

    function test_changed_row() public {
        row.row[1] ^= 0x01;
        expect(Rfc6962.RootMismatch.selector);
        row.row[0] = "m";
        expect(Provenance.RowStart.selector);
        row.row = "";
        expect(Provenance.RowStart.selector);
    }

    function test_changed_indices_and_sizes() public {
        row.inChunk.index ^= 1;
        expect(Rfc6962.RootMismatch.selector);
        row.inChunk.index = type(uint64).max;
        expect(Rfc6962.IndexBeyondSize.selector);
        reset();
        row.rows += 1;
        expect(Provenance.SubjectMismatch.selector);
        reset();
        row.inDataset.index = row.chunks;
        expect(Rfc6962.IndexBeyondSize.selector);
        reset();
        inLog.index ^= 1;
        expect(Rfc6962.RootMismatch.selector);
        reset();
        epoch.size += 1;
        expect(Provenance.CommitmentMismatch.selector);
        reset();
        epoch.epoch = 2; // not anchored: nothing opens 0
        expect(Provenance.CommitmentMismatch.selector);
    }

    /// The chunk's count of rows and its profile are part of what the dataset_id commits to.
    function test_changed_chunk() public {
        for (uint256 i = 14; i < 87; i += 24) {
            reset();
            row.chunk[i] ^= 0x01;
            (bool ok,) = ask();
            check(!ok, vm.toString(i));
        }
        row.chunk[0] = "M";
        expect(Provenance.WrongTag.selector);
        row.chunk.push(0);
        expect(Provenance.ChunkLength.selector);
    }

    function test_level_confusion() public {
        // The chunk as a row: it starts with a letter.
        row.row = row.chunk;
        expect(Provenance.RowStart.selector);
        reset();
        // The row as the entry.
        entry = row.row;
        expect(Rfc6962.RootMismatch.selector);
    }

    function test_entry_must_be_about_a_dataset() public {
        // A train entry whose subject is the dataset_id, in a log of one.
        entry[14] = 0x0a;
        bytes32 root = sha256(abi.encodePacked(bytes1(0), entry));
        originId = registry.register("one", LOG_KEY, addresses(vm.addr(KEY)), 1);
        bytes32 c0 = registry.commitments(originId, 0);
        bytes[] memory signatures = signed(KEY, 1, root, 1, c0);
        registry.anchor(originId, 1, root, 1, 0, 0, noHashes(), signatures);
        epoch = Provenance.Epoch(1, c0, root, 1);
        inLog = Provenance.Inclusion(0, noHashes());
        expect(Provenance.NotAboutADataset.selector);
        // Another log's commitment.
        originId = "another";
        expect(Provenance.CommitmentMismatch.selector);
    }

    function test_headers() public {
        bytes memory good = abi.encodePacked("mira/entry/v1", hex"0006", bytes32("who"), bytes32("what"), "{}");
        Provenance.Header memory header = asker.parseEntry(good);
        check(header.kind == 6 && header.contributorId == "who" && header.subject == "what", "header");
        vm.expectRevert(abi.encodeWithSelector(Provenance.EntryLength.selector, 78));
        asker.parseEntry(new bytes(78));
        vm.expectRevert(abi.encodeWithSelector(Provenance.EntryLength.selector, 65536));
        asker.parseEntry(new bytes(65536));
        vm.expectPartialRevert(Provenance.WrongTag.selector);
        asker.parseEntry(new bytes(79));
        Provenance.Chunk memory chunk = asker.parseChunk(
            abi.encodePacked("mira/chunk/v1", hex"0001", bytes32("schema"), uint64(5), bytes32("root"))
        );
        check(
            chunk.rowProfile == 1 && chunk.schemaId == "schema" && chunk.rows == 5 && chunk.rowRoot == "root", "chunk"
        );
    }

    function expect(bytes4 reason) private view {
        (bool ok, bytes memory data) = ask();
        check(!ok && bytes4(data) == reason, "refused for that reason");
    }

    function ask() private view returns (bool ok, bytes memory data) {
        return
            address(asker).staticcall(abi.encodeCall(asker.verifyRow, (row, entry, inLog, epoch, registry, originId)));
    }

    // Reading the proof file (FORMAT.md section 12)

    function readProof(string memory path) private {
        string memory json = vm.readFile(path);
        string[] memory lines = vm.split(vm.parseJsonString(json, ".proof"), "\n");
        readExtra(Base64.decode(after_(lines[1], 6)));
        inLog.index = uint64(vm.parseUint(string(after_(lines[2], 6))));
        uint256 line = 3;
        delete inLog.path;
        for (; bytes(lines[line]).length != 0; line++) {
            inLog.path.push(bytes32(Base64.decode(bytes(lines[line]))));
        }
        epoch.size = uint64(vm.parseUint(lines[line + 2]));
        epoch.root = bytes32(Base64.decode(bytes(lines[line + 3])));
        readStatement();
    }

    /// The dataset's counts are in the statement, 79 bytes into the entry.
    function readStatement() private {
        bytes memory envelope = new bytes(entry.length - 79);
        for (uint256 i = 0; i < envelope.length; i++) {
            envelope[i] = entry[79 + i];
        }
        string memory payload = string(Base64.decode(bytes(vm.parseJsonString(string(envelope), ".payload"))));
        row.rows = uint64(vm.parseJsonUint(payload, ".predicate.rows"));
        row.chunks = uint64(vm.parseJsonUint(payload, ".predicate.chunks"));
    }

    bytes private cbor;
    uint256 private next;

    function readExtra(bytes memory data) private {
        (cbor, next) = (data, 0);
        for (uint256 keys = head(); keys > 0; keys--) {
            bytes32 key = keccak256(bytes_());
            if (key == keccak256("row")) {
                row.row = bytes_();
            } else if (key == keccak256("entry")) {
                entry = bytes_();
            } else if (key == keccak256("schema")) {
                bytes_();
            } else {
                check(key == keccak256("levels"), "row, entry, levels, schema");
                check(head() == 2 && head() == 3, "two levels");
                row.inDataset.index = uint64(head());
                readPath(row.inDataset.path);
                row.chunk = bytes_();
                check(head() == 2, "index and path");
                row.inChunk.index = uint64(head());
                readPath(row.inChunk.path);
            }
        }
    }

    function readPath(bytes32[] storage path) private {
        while (path.length > 0) path.pop();
        for (uint256 n = head(); n > 0; n--) {
            path.push(bytes32(bytes_()));
        }
    }

    /// The number in the next head: a value, a length or a count.
    function head() private returns (uint256 value) {
        uint8 info = uint8(cbor[next++]) & 0x1f;
        if (info < 24) return info;
        for (uint256 n = 1 << (info - 24); n > 0; n--) {
            value = (value << 8) | uint8(cbor[next++]);
        }
    }

    function bytes_() private returns (bytes memory data) {
        data = new bytes(head());
        for (uint256 i = 0; i < data.length; i++) {
            data[i] = cbor[next++];
        }
    }

    function after_(string memory line, uint256 n) private pure returns (bytes memory rest) {
        rest = new bytes(bytes(line).length - n);
        for (uint256 i = 0; i < rest.length; i++) {
            rest[i] = bytes(line)[n + i];
        }
    }
}
