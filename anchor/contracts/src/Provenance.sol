// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Rfc6962} from "./Rfc6962.sol";
import {RootRegistry} from "./RootRegistry.sol";

/// Row → chunk → dataset → log entry → anchored root: the levels of FORMAT.md, for any contract that wants to know where
/// a row comes from. Every function reverts with what differed.
///
/// This proves membership: that a log which anchored its root holds an entry about a dataset that holds the row. It
/// does not check the ed25519 signature in the entry's envelope, nor that the log's readers accept the entry, nor that
/// the bytes of the row are of its schema. Whoever relies on these has them checked outside.
library Provenance {
    uint8 internal constant CONTRIBUTE = 6;
    uint8 internal constant TRANSFORM = 9;

    bytes14 private constant CHUNK_TAG = "mira/chunk/v1";
    bytes16 private constant DATASET_TAG = "mira/dataset/v1";
    bytes14 private constant ENTRY_TAG = "mira/entry/v1";

    struct Inclusion {
        uint64 index;
        bytes32[] path; // the leaf's sibling first
    }

    /// A row in a dataset. `rows` and `chunks` are those of the dataset, whose id commits to them.
    struct Row {
        bytes row; // canonical
        Inclusion inChunk;
        bytes chunk; // its leaf data
        Inclusion inDataset;
        uint64 rows;
        uint64 chunks;
    }

    /// What leaf data of a chunk says.
    struct Chunk {
        uint8 rowProfile;
        bytes32 schemaId;
        uint64 rows;
        bytes32 rowRoot;
    }

    /// What a log entry says before its envelope.
    struct Header {
        uint8 kind;
        bytes32 contributorId;
        bytes32 subject;
    }

    /// An epoch as it opens its commitment: `previous` is C_{epoch-1}.
    struct Epoch {
        uint64 epoch;
        bytes32 previous;
        bytes32 root;
        uint64 size;
    }

    error RowStart(bytes1 found);
    error ChunkLength(uint256 found);
    error EntryLength(uint256 found);
    error WrongTag(bytes14 expected, bytes14 found);
    error NotAboutADataset(uint8 kind);
    error SubjectMismatch(bytes32 expected, bytes32 found);
    error CommitmentMismatch(bytes32 expected, bytes32 found);

    /// `row` is in the dataset that `entry` is about, and `entry` is in the log as it was anchored with `epoch`.
    function verifyRow(
        Row calldata row,
        bytes calldata entry,
        Inclusion calldata inLog,
        Epoch calldata epoch,
        RootRegistry registry,
        bytes32 originId
    ) internal view returns (Header memory header) {
        verifyEpoch(epoch, registry, originId);
        header = verifyEntry(entry, inLog, epoch.size, epoch.root);
        if (header.kind != CONTRIBUTE && header.kind != TRANSFORM) revert NotAboutADataset(header.kind);
        bytes32 found = datasetOf(row);
        if (found != header.subject) revert SubjectMismatch(header.subject, found);
    }

    /// The registry holds this epoch of this log.
    function verifyEpoch(Epoch calldata epoch, RootRegistry registry, bytes32 originId) internal view {
        bytes32 expected = registry.commitments(originId, epoch.epoch);
        bytes32 found = keccak256(abi.encode(epoch.previous, epoch.epoch, epoch.root, epoch.size));
        if (found != expected) revert CommitmentMismatch(expected, found);
    }

    /// `entry` is in the log of `size` entries under `root`.
    function verifyEntry(bytes calldata entry, Inclusion calldata inLog, uint64 size, bytes32 root)
        internal
        view
        returns (Header memory)
    {
        Rfc6962.verifyInclusion(Rfc6962.leafHash(entry), inLog.index, size, inLog.path, root);
        return parseEntry(entry);
    }

    /// The id of the one dataset that holds this row there. Sizes come from above: those of the trees over chunks from
    /// the dataset_id that the caller compares, that of the tree over rows from the chunk's leaf data.
    function datasetOf(Row calldata row) internal view returns (bytes32) {
        Chunk memory chunk = parseChunk(row.chunk);
        bytes1 start = row.row.length == 0 ? bytes1(0) : row.row[0];
        // A row is a CBOR array of at least one item; leaf data of chunks and entries start with a letter.
        if (start < 0x81 || start > 0x9b) revert RowStart(start);
        bytes32 leaf = Rfc6962.leafHash(row.row);
        Rfc6962.verifyInclusion(leaf, row.inChunk.index, chunk.rows, row.inChunk.path, chunk.rowRoot);
        leaf = Rfc6962.leafHash(row.chunk);
        bytes32 chunkRoot = Rfc6962.inclusionRoot(leaf, row.inDataset.index, row.chunks, row.inDataset.path);
        return datasetId(chunk.rowProfile, chunk.schemaId, row.rows, row.chunks, chunkRoot);
    }

    /// H("mira/dataset/v1\0" ‖ u8 row_profile ‖ schema_id ‖ u64be rows ‖ u64be chunks ‖ chunk_root)
    function datasetId(uint8 rowProfile, bytes32 schemaId, uint64 rows, uint64 chunks, bytes32 chunkRoot)
        internal
        pure
        returns (bytes32)
    {
        return sha256(abi.encodePacked(DATASET_TAG, rowProfile, schemaId, rows, chunks, chunkRoot));
    }

    /// "mira/chunk/v1\0" ‖ u8 row_profile ‖ schema_id ‖ u64be rows ‖ row_root
    function parseChunk(bytes calldata data) internal pure returns (Chunk memory) {
        if (data.length != 87) revert ChunkLength(data.length);
        if (bytes14(data) != CHUNK_TAG) revert WrongTag(CHUNK_TAG, bytes14(data));
        return Chunk(uint8(data[14]), bytes32(data[15:47]), uint64(bytes8(data[47:55])), bytes32(data[55:87]));
    }

    /// "mira/entry/v1\0" ‖ u8 kind ‖ contributor_id ‖ subject ‖ envelope
    function parseEntry(bytes calldata entry) internal pure returns (Header memory) {
        if (entry.length < 79 || entry.length > 65535) revert EntryLength(entry.length);
        if (bytes14(entry) != ENTRY_TAG) revert WrongTag(ENTRY_TAG, bytes14(entry));
        return Header(uint8(entry[14]), bytes32(entry[15:47]), bytes32(entry[47:79]));
    }
}
