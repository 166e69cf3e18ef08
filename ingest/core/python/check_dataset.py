"""Checks a published dataset, from its rows up: python check_dataset.py PATH

PATH is a dataset directory (manifest.cbor, chunks.cbor, chunks/ddd/dddddd.parquet, …), a CAR file of one, or a
workspace (a directory with `.mira`), of which every manifest is checked. Parquet is read by pyarrow; everything else
is computed by `mira_format`: row bytes, leaves, roots, boundaries, ids and CIDs. A statement.dsse is compared with the
manifest and its signature checked; who its signer is, and whether a log holds it, is not.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from mira_format import Refused, arrow, datasets, manifest, physical, rows, schema, statements, trees, unixfs

Files = Mapping[str, bytes]
"""The files of a dataset directory by their path within it."""


class Report:
    """Counts checks, and keeps what differs."""

    def __init__(self) -> None:
        self.checks = 0
        self.differences: list[str] = []

    def same(self, what: str, found: object, said: object) -> None:
        self.checks += 1
        if found != said:
            self.differences.append(f"{what}: found {_show(found)}, said {_show(said)}")


def _show(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else f"{value!s:.400}"


def chunk_path(index: int) -> str:
    """Where a chunk's file lies in a dataset directory (section 6)."""
    return f"chunks/{index:06d}"[:10] + f"/{index:06d}.parquet"


# Where files come from


def files_of_directory(root: Path) -> Files:
    paths = (path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in paths}


def _file_bytes(cid: unixfs.Cid, blocks: Mapping[unixfs.Cid, bytes]) -> bytes:
    if cid not in blocks:
        raise Refused(f"block {cid} is missing")
    if cid.codec == unixfs.RAW:
        return blocks[cid]
    node = unixfs.parse_node(blocks[cid])
    if not isinstance(node, unixfs.FileNode):
        raise Refused(f"{cid} is no file")
    return b"".join(_file_bytes(child.cid, blocks) for child in node.children)


def _walk(cid: unixfs.Cid, blocks: Mapping[unixfs.Cid, bytes], path: str) -> Iterator[tuple[str, bytes]]:
    node = unixfs.parse_node(blocks[cid]) if cid.codec == unixfs.DAG_PB and cid in blocks else None
    if not isinstance(node, unixfs.DirectoryNode):
        yield path, _file_bytes(cid, blocks)
        return
    for entry in node.entries:
        yield from _walk(entry.cid, blocks, f"{path}/{entry.name}" if path else entry.name)


def files_of_car(data: bytes, report: Report) -> Files:
    """The files of a CAR; the root is compared with the directory that they make."""
    root, found = unixfs.parse_car(data)
    files = dict(_walk(root, dict(found), ""))
    report.same("root of the CAR", str(directory_node(files).cid), str(root))
    return files


def files_of_workspace(root: Path) -> Iterator[tuple[str, Files]]:
    """Each manifest of a workspace with its files, as a directory would have them (section 18)."""
    blobs = {path.name: path.read_bytes() for path in (root / ".mira/blobs").iterdir() if path.is_file()}
    objects = {path.name: path for path in (root / ".mira/store/objects").rglob("*") if path.is_file()}
    for name, data in sorted(blobs.items()):
        try:
            parsed = manifest.parse_manifest(data)
        except Refused:
            continue
        chunk_list = blobs.get(parsed.chunk_list.sha256.hex(), b"")
        files = {"manifest.cbor": data, "chunks.cbor": chunk_list}
        for index, listed in enumerate(manifest.parse_chunk_list(chunk_list, parsed)):
            if str(listed.cid) in objects:
                files[chunk_path(index)] = objects[str(listed.cid)].read_bytes()
        yield f"manifest {name}", files


def directory_node(files: Files) -> unixfs.Node:
    """The UnixFS directory of files by path (section 13)."""
    links: list[unixfs.Link] = []
    folders: dict[str, dict[str, bytes]] = {}
    for path, data in files.items():
        first, slash, rest = path.partition("/")
        if slash:
            folders.setdefault(first, {})[rest] = data
        else:
            node = unixfs.file_of(data)
            links.append(unixfs.Link(node.cid, path, node.tsize))
    for name, inner in folders.items():
        node = directory_node(inner)
        links.append(unixfs.Link(node.cid, name, node.tsize))
    return unixfs.directory_of(links)[1]


# What is checked


class Checker:
    """Recomputes a dataset from its chunk files and compares it with its manifest."""

    def __init__(self, files: Files, report: Report) -> None:
        self.files = files
        self.report = report
        self.manifest = manifest.parse_manifest(self.file("manifest.cbor"))
        self.listed = manifest.parse_chunk_list(self.file("chunks.cbor"), self.manifest)
        self.columns = physical.parse_physical(self.manifest.physical)
        self.encode = rows.row_encoder(self.manifest.schema)
        self.leaves: list[list[bytes]] = []
        self.lengths: list[int] = []

    def file(self, path: str) -> bytes:
        if path not in self.files:
            raise Refused(f"{path} is missing")
        return self.files[path]

    def run(self) -> None:
        self.report.same("manifest, written again", self.manifest.encode(), self.file("manifest.cbor"))
        self.report.same("chunk list, written again", manifest.encode_chunk_list(self.listed), self.file("chunks.cbor"))
        for index, listed in enumerate(self.listed):
            self.chunk(index, listed)
        self.roots()
        self.boundaries()
        self.companions()

    def chunk(self, index: int, listed: manifest.ListedChunk) -> None:
        path = chunk_path(index)
        data = self.file(path)
        self.report.same(f"{path}: bytes", len(data), listed.length)
        self.report.same(f"{path}: CID", str(unixfs.file_of(data).cid), str(listed.cid))
        leaves = []
        for row in self.chunk_rows(path, data):
            self.lengths.append(len(row))
            leaves.append(rows.row_leaf(row))
        self.leaves.append(leaves)
        self.report.same(f"{path}: rows", len(leaves), listed.chunk.rows)
        self.report.same(f"{path}: row root", trees.root(leaves), listed.chunk.row_root)

    def chunk_rows(self, path: str, data: bytes) -> Iterator[bytes]:
        """The canonical rows of a chunk file, whose columns and footer are checked."""
        try:
            file = pq.ParquetFile(io.BytesIO(data))
            table = file.read()
        except (pa.ArrowException, OSError) as error:
            raise Refused(f"{path} cannot be read: {error}") from error
        footer = file.metadata.metadata or {}
        self.report.same(f"{path}: footer", footer, {b"mira.schema": self.manifest.physical.encode("utf-8")})
        found = [(field.name, field.type) for field in file.schema_arrow]
        self.report.same(f"{path}: columns", found, [(name, arrow.stored_type(kind)) for name, kind in self.columns])
        self.report.same(f"{path}: written by", file.metadata.created_by, "mira pq-1")
        self.report.same(f"{path}: row groups", file.metadata.num_row_groups, 1)
        kinds = [kind for _, kind in self.columns]
        for values in arrow.table_rows(table):
            yield self.encode(tuple(map(arrow.from_storage, values, kinds)))

    def roots(self) -> None:
        schema_id = schema.schema_id(self.manifest.schema)
        chunks = tuple(datasets.Chunk(schema_id, len(some), trees.root(some)) for some in self.leaves)
        found = datasets.Dataset(schema_id, chunks)
        self.report.same("rows", found.rows, self.manifest.rows)
        self.report.same("chunk root", found.chunk_root, self.manifest.chunk_root)
        self.report.same("dataset_id", found.dataset_id, self.manifest.dataset_id)

    def boundaries(self) -> None:
        leaves = [leaf for some in self.leaves for leaf in some]
        sizes, cutter = [0], datasets.Cut1()
        for index, (length, leaf) in enumerate(zip(self.lengths, leaves)):
            sizes[-1] += 1
            if cutter.ends_after(length, leaf) and index + 1 < len(leaves):
                sizes.append(0)
        self.report.same("boundaries of cut-1", sizes, list(map(len, self.leaves)))

    def companions(self) -> None:
        """What else a directory may hold that the manifest determines."""
        if "schema.json" in self.files:
            self.report.same("schema.json", self.files["schema.json"], manifest.schema_json(self.manifest))
        for path, name in self.manifest.files().items():
            if path in self.files:
                self.report.same(path, name.fits(self.files[path]), True)
        if "statement.dsse" in self.files:
            self.statement(statements.parse_envelope(self.files["statement.dsse"]))

    def statement(self, envelope: statements.Envelope) -> None:
        envelope.verify()
        stated = statements.parse_statement(envelope.payload)
        digest = sha256(self.files["manifest.cbor"]).hexdigest()
        digests = {"miraDatasetV1": self.manifest.dataset_id.hex(), "sha256": digest}
        if stated.kind not in statements.DATASETS:
            raise Refused("statement.dsse is of no dataset")
        self.report.same("statement.dsse: subject", stated.digests, digests)
        for key in ("rows", "chunks", "profiles", "rights"):
            self.report.same(f"statement.dsse: {key}", stated.predicate[key], getattr(self.manifest, key))
        self.report.same("statement.dsse: schema_id", stated.predicate["schema_id"], self.manifest.schema_id.hex())


def sources(path: Path, report: Report) -> Iterable[tuple[str, Files]]:
    if path.is_file():
        yield str(path), files_of_car(path.read_bytes(), report)
    elif (path / ".mira").is_dir():
        yield from files_of_workspace(path)
    else:
        files = files_of_directory(path)
        print(f"directory {directory_node(files).cid}")
        yield str(path), files


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or not Path(arguments[0]).exists():
        print(__doc__, file=sys.stderr)
        return 2
    report, checked = Report(), 0
    try:
        for name, files in sources(Path(arguments[0]), report):
            checker = Checker(files, report)
            checker.run()
            checked += 1
            print(f"{name}: dataset {checker.manifest.dataset_id.hex()}, {checker.manifest.rows} rows")
    except Refused as error:
        report.differences.append(str(error))
    for difference in report.differences:
        print(difference)
    if report.differences or not checked:
        print(f"{len(report.differences)} differences in {report.checks} checks on {checked} datasets")
        return 1
    print(f"{report.checks} checks on {checked} datasets agree")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
