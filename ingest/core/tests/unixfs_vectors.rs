//! The vectors in `vectors/unixfs` and `vectors/car`: one scenario a file, most of them refusals.
//!
//! Every file has `comment`, an input, and `expect`, which is either the result or `{"refused": message}`:
//! - `file` is `{"text": …}` or `{"zeros": length}`; `expect` has `cid`, `size`, `tsize`;
//! - `directory` is a list of `[name, cid, tsize]` in the order of insertion; `expect` has `cid`, `tsize`, `block`;
//! - `node` is a block in hex; `expect` has `kind`, `children` or `entries`;
//! - `car` is a file in hex; `expect` has `root` and `blocks` as `[cid, data in hex]`.
//!
//! `BLESS=1 cargo test -p mira-core --test unixfs_vectors` writes the inputs below and the results as they are now;
//! read the difference before committing it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests state what they expect as tests do"
)]

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use serde_json::{Value, json};

use mira_core::car::{self, Car};
use mira_core::cid::{Cid, Codec};
use mira_core::digest::Digest;
use mira_core::unixfs::{CHUNK_LEN, Directory, Discard, FileTree, Link, Node, decode_node};

type Outcome = Result<Value, Box<dyn Error>>;

#[test]
fn vectors() {
    let bless = std::env::var_os("BLESS").is_some();
    let mut names = BTreeSet::new();
    for (name, comment, input) in scenarios() {
        assert!(names.insert(PathBuf::from(format!("{name}.json"))), "{name} is there twice");
        let path = root().join(format!("{name}.json"));
        if bless {
            let mut vector = input;
            vector["comment"] = comment.into();
            vector["expect"] = outcome(&vector);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, format!("{vector:#}\n")).unwrap();
            continue;
        }
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
        let vector: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(outcome(&vector), vector["expect"], "{name}: {}", vector["comment"]);
        assert_eq!(vector["expect"].get("refused").is_some(), name.contains("refused_"), "{name}");
        for (key, value) in input.as_object().unwrap() {
            assert_eq!(&vector[key], value, "{name}: the input is not the one described here");
        }
    }
    for folder in ["unixfs", "car"] {
        for file in fs::read_dir(root().join(folder)).unwrap() {
            let file = Path::new(folder).join(file.unwrap().file_name());
            assert!(names.contains(&file), "{} has no scenario here", file.display());
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors")
}

fn outcome(vector: &Value) -> Value {
    let result = match vector {
        vector if vector["file"].is_object() => file(&vector["file"]),
        vector if vector["directory"].is_array() => directory(&vector["directory"]),
        vector if vector["node"].is_string() => node(&unhex(&vector["node"])),
        vector => car_file(&unhex(&vector["car"])),
    };
    result.unwrap_or_else(|error| json!({ "refused": chain(&*error) }))
}

/// The message and those of its sources.
fn chain(error: &dyn Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", chain(source)),
        None => error.to_string(),
    }
}

fn file(input: &Value) -> Outcome {
    let mut tree = FileTree::new(Discard);
    if let Some(text) = input["text"].as_str() {
        for leaf in text.as_bytes().chunks(CHUNK_LEN) {
            tree.push(Digest::of(leaf), leaf.len())?;
        }
    }
    let zeros = usize::try_from(input["zeros"].as_u64().unwrap_or(0))?;
    let (leaf, rest) = (vec![0; CHUNK_LEN], zeros % CHUNK_LEN);
    let full = Digest::of(&leaf);
    for _ in 0..zeros / CHUNK_LEN {
        tree.push(full, CHUNK_LEN)?;
    }
    if rest > 0 {
        tree.push(Digest::of(&leaf[..rest]), rest)?;
    }
    let file = tree.finish()?;
    Ok(json!({ "cid": file.cid.to_string(), "size": file.size, "tsize": file.tsize }))
}

fn directory(input: &Value) -> Outcome {
    let mut directory = Directory::new();
    for entry in input.as_array().unwrap() {
        let (name, cid) = (entry[0].as_str().unwrap(), entry[1].as_str().unwrap().parse()?);
        directory.insert(name, Link { cid, tsize: entry[2].as_u64().unwrap() })?;
    }
    let Link { cid, tsize } = directory.link();
    Ok(json!({ "cid": cid.to_string(), "tsize": tsize, "block": HEXLOWER.encode(&directory.encode()) }))
}

fn node(block: &[u8]) -> Outcome {
    let node = decode_node(block)?;
    assert_eq!(node.encode(), block);
    Ok(match node {
        Node::File(node) => {
            let children = node.children().iter();
            let children = children.map(|child| json!([child.cid.to_string(), child.size, child.tsize]));
            json!({ "kind": "file", "children": children.collect::<Value>() })
        }
        Node::Directory(directory) => {
            let entries = directory.entries().map(|(name, link)| json!([name, link.cid.to_string(), link.tsize]));
            json!({ "kind": "directory", "entries": entries.collect::<Value>() })
        }
    })
}

fn car_file(bytes: &[u8]) -> Outcome {
    let car = Car::new(bytes)?;
    let root = car.root().to_string();
    let mut blocks = Vec::new();
    for block in car {
        let block = block?;
        blocks.push(json!([block.cid.to_string(), HEXLOWER.encode(block.data)]));
    }
    Ok(json!({ "root": root, "blocks": blocks }))
}

fn unhex(text: &Value) -> Vec<u8> {
    HEXLOWER.decode(text.as_str().unwrap().as_bytes()).unwrap()
}

/// Protobuf and CBOR by hand, so that the vectors can be wrong in every way.
fn bytes_field(key: u8, bytes: &[u8]) -> Vec<u8> {
    [&[key, u8::try_from(bytes.len()).unwrap()], bytes].concat()
}

fn link(cid: &[u8], name: &[u8], tsize: &[u8]) -> Vec<u8> {
    let fields = [bytes_field(0x0a, cid), bytes_field(0x12, name), [&[0x18], tsize].concat()];
    bytes_field(0x12, &fields.concat())
}

fn raw(content: &[u8]) -> [u8; Cid::LEN] {
    Cid::raw_of(content).to_bytes()
}

fn scenarios() -> Vec<(String, &'static str, Value)> {
    let mut all = Vec::new();
    all.extend(
        file_scenarios()
            .into_iter()
            .map(|(name, why, input)| (format!("unixfs/file_{name}"), why, json!({ "file": input }))),
    );
    all.extend(directory_scenarios().into_iter().map(|(name, why, entries)| {
        let entries = entries.iter().map(|(name, cid, tsize)| json!([name, cid.to_string(), tsize]));
        (format!("unixfs/directory_{name}"), why, json!({ "directory": entries.collect::<Value>() }))
    }));
    all.extend(
        node_scenarios()
            .into_iter()
            .map(|(name, why, block)| (format!("unixfs/node_{name}"), why, json!({ "node": HEXLOWER.encode(&block) }))),
    );
    all.extend(
        car_scenarios()
            .into_iter()
            .map(|(name, why, bytes)| (format!("car/{name}"), why, json!({ "car": HEXLOWER.encode(&bytes) }))),
    );
    all
}

fn file_scenarios() -> Vec<(&'static str, &'static str, Value)> {
    vec![
        ("empty", "the empty file is the raw CID of nothing", json!({ "zeros": 0 })),
        ("hello_world", "IPIP-0499's smallest fixture", json!({ "text": "hello world" })),
        ("one_chunk", "exactly 1 MiB is one raw leaf", json!({ "zeros": 1 << 20 })),
        ("one_chunk_plus_1", "one byte more takes a node with two leaves", json!({ "zeros": (1 << 20) + 1 })),
        ("full_node", "1,024 leaves fit one node", json!({ "zeros": 1u64 << 30 })),
        ("full_node_plus_1", "a lone last leaf is wrapped to the common depth", json!({ "zeros": (1u64 << 30) + 1 })),
        ("two_full_nodes_plus_1", "the same under a wider root", json!({ "zeros": (2u64 << 30) + 1 })),
    ]
}

type Entries = Vec<(String, Cid, u64)>;

fn directory_scenarios() -> Vec<(&'static str, &'static str, Entries)> {
    let x = Cid::raw_of(b"x");
    let empty = Directory::new().link();
    let named = |names: &[&str]| names.iter().map(|name| (name.to_string(), x, 1)).collect::<Entries>();
    vec![
        ("empty", "the empty directory's well-known CID", named(&[])),
        ("sorted", "links stand by the bytes of their names, not as inserted", named(&["é", "b", "a.b", "a", "B"])),
        ("nested", "a directory in a directory", vec![("chunks".into(), empty.cid, empty.tsize)]),
        ("empty_file", "a size of zero is written", vec![("empty".into(), Cid::raw_of(b""), 0)]),
        ("refused_empty_name", "a name is not empty", named(&[""])),
        ("refused_slash", "a name is one path component", named(&["a/b"])),
        ("refused_nul", "a name has no NUL", named(&["a\0b"])),
        ("refused_dot", "a name is not a step", named(&["."])),
        ("refused_dot_dot", "a name is not a step up", named(&[".."])),
        ("refused_duplicate", "a name stands once", named(&["a", "a"])),
        ("refused_codec", "entries are UnixFS", vec![("a".into(), Cid::of(Codec::DagCbor, b"x"), 1)]),
        ("refused_long_name", "a name has at most 255 bytes", named(&[&"n".repeat(256)])),
        ("refused_tsize_overflow", "sizes add up within 64 bits", vec![("a".into(), x, u64::MAX)]),
    ]
}

fn node_scenarios() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let directory = bytes_field(0x0a, &[0x08, 1]);
    let a = link(&raw(b"x"), b"a", &[1]);
    let b = link(&raw(b"x"), b"b", &[1]);
    let leaf = link(&raw(b"x"), b"", &[1]);
    let data = bytes_field(0x0a, &[0x08, 2, 0x18, 2, 0x20, 1, 0x20, 1]);
    let dir = |links: &[u8]| [links, &directory].concat();
    let file = |data: &[u8]| [&leaf[..], &leaf, &bytes_field(0x0a, data)].concat();
    let body = |fields: &[&[u8]]| dir(&bytes_field(0x12, &fields.concat()));
    let hash = bytes_field(0x0a, &raw(b"x"));
    let huge = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    let branch = Cid::of(Codec::DagPb, b"x").to_bytes();
    let v0 = &Cid::of(Codec::DagPb, b"x").to_bytes()[2..];
    let half = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01];
    let half_plus_1 = [&[0x81], &half[1..]].concat();
    let overflow = [&[0x08, 2, 0x18, 0, 0x20][..], &half, &[0x20], &half].concat();
    let two = |cid: &[u8], tsize: &[u8], data: &[u8]| {
        [link(cid, b"", tsize), link(cid, b"", tsize), bytes_field(0x0a, data)].concat()
    };
    vec![
        ("directory", "two entries", [&a[..], &b, &directory].concat()),
        ("file", "two leaves of one byte", file(&data[2..])),
        ("refused_empty", "no data", Vec::new()),
        ("refused_data_first", "the data stand after the links", [&directory[..], &a].concat()),
        ("refused_two_data", "the data stand once", [&directory[..], &directory].concat()),
        ("refused_no_data", "a node without data is not UnixFS", a.clone()),
        ("refused_trailing_garbage", "nothing follows the data", [&directory[..], &[0]].concat()),
        ("refused_truncated", "cut inside the data", directory[..3].to_vec()),
        ("refused_link_order", "links ascend by name", [&b[..], &a, &directory].concat()),
        ("refused_duplicate_name", "a name stands once", [&a[..], &a, &directory].concat()),
        ("refused_long_varint", "a length in two bytes that fits one", [&[0x0a, 0x82, 0x00], &[0x08, 1][..]].concat()),
        ("refused_varint_over_64_bits", "a size of 70 bits", body(&[&hash, &[0x12, 1, b'a'], &[0x18], &[0xff; 10]])),
        ("refused_hostile_length", "a link of 2^64 - 1 bytes", [&[0x12][..], &huge].concat()),
        ("refused_no_name", "UnixFS writes empty names too", body(&[&hash, &[0x18, 1]])),
        ("refused_no_tsize", "a link has its size", body(&[&hash, &[0x12, 1, b'a']])),
        ("refused_no_hash", "a link has its CID", body(&[&[0x12, 1, b'a', 0x18, 1]])),
        ("refused_field_order", "the name stands before the size", body(&[&hash, &[0x18, 1, 0x12, 1, b'a']])),
        ("refused_unknown_field", "a link has three fields", body(&[&hash, &[0x12, 1, b'a', 0x18, 1, 0x20, 1]])),
        ("refused_name_not_utf8", "names are text", dir(&link(&raw(b"x"), &[0xff], &[1]))),
        ("refused_parent_name", "a name is not a step up", dir(&link(&raw(b"x"), b"..", &[1]))),
        ("refused_cid_v0", "CIDs are version 1", dir(&link(v0, b"a", &[1]))),
        ("refused_symlink", "UnixFS type 4", bytes_field(0x0a, &[0x08, 4])),
        ("refused_sharded", "UnixFS type 5", bytes_field(0x0a, &[0x08, 5])),
        ("refused_directory_with_mode", "this profile has no mode", bytes_field(0x0a, &[0x08, 1, 0x38, 1])),
        ("refused_file_without_children", "the empty file is a raw leaf", bytes_field(0x0a, &[0x08, 2, 0x18, 0])),
        ("refused_inline_data", "file bytes are in raw leaves", file(&[0x08, 2, 0x12, 1, 0, 0x18, 2])),
        ("refused_packed_block_sizes", "block sizes stand one by one", file(&[0x08, 2, 0x18, 2, 0x22, 2, 1, 1])),
        ("refused_missing_block_size", "a size for each link", file(&[0x08, 2, 0x18, 2, 0x20, 1])),
        ("refused_extra_block_size", "no size without a link", file(&[0x08, 2, 0x18, 2, 0x20, 1, 0x20, 1, 0x20, 0])),
        ("refused_file_size_minus_1", "the sizes add up", file(&[0x08, 2, 0x18, 1, 0x20, 1, 0x20, 1])),
        ("refused_leaf_tsize", "a leaf's two sizes are one", file(&[0x08, 2, 0x18, 3, 0x20, 2, 0x20, 1])),
        ("refused_empty_leaf", "no leaf is empty", two(&raw(b""), &[0], &[0x08, 2, 0x18, 0, 0x20, 0, 0x20, 0])),
        ("refused_branch_tsize", "a node takes room", two(&branch, &[1], &data[2..])),
        ("refused_size_overflow", "sums fit 64 bits", two(&branch, &half_plus_1, &overflow)),
        ("refused_named_child", "the links of a file have no names", [&a[..], &a, &data].concat()),
        (
            "refused_leaf_too_long",
            "a leaf has at most 1 MiB",
            two(&raw(b"x"), &[0x81, 0x80, 0x40], &[0x08, 2, 0x18, 2, 0x20, 0x81, 0x80, 0x40, 0x20, 1]),
        ),
        (
            "refused_mixed_depths",
            "leaves and nodes are not siblings",
            [&leaf[..], &link(&branch, b"", &[9]), &data].concat(),
        ),
    ]
}

fn car_scenarios() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let root = raw(b"hello world");
    let head = |body: &[u8]| [&[u8::try_from(body.len()).unwrap()], body].concat();
    let link = [&[0xd8, 0x2a, 0x58, 0x25, 0x00], &root[..]].concat();
    let roots = |count: u8| [&[0x65][..], b"roots", &[0x80 + count], &link.repeat(count.into())].concat();
    let version = |number: u8| [&[0x67][..], b"version", &[number]].concat();
    let map = |fields: &[Vec<u8>]| head(&[vec![0xa0 + u8::try_from(fields.len()).unwrap()], fields.concat()].concat());
    let good = map(&[roots(1), version(1)]);
    let frame = head(&[&root, &b"hello world"[..]].concat());
    let with = |frame: &[u8]| [&good, frame].concat();
    let changed = |at: usize| {
        let mut bytes = with(&frame);
        bytes[at] ^= 1;
        bytes
    };
    let untagged = [&[0x65][..], b"roots", &[0x81], &link[2..]].concat();
    let long_one = [&[0x67][..], b"version", &[0x18, 1]].concat();
    let mut over = Vec::new();
    car::frame_head(&mut over, Cid::raw_of(b""), car::MAX_BLOCK_LEN).unwrap();
    over[0] += 1;
    vec![
        ("one_block", "a header and a frame", with(&frame)),
        ("no_blocks", "the root's block need not be there", good.clone()),
        ("twice", "a block may stand twice", with(&frame.repeat(2))),
        ("refused_empty", "no header", Vec::new()),
        ("refused_no_roots", "one root", map(&[roots(0), version(1)])),
        ("refused_two_roots", "one root", map(&[roots(2), version(1)])),
        ("refused_version_2", "version 1", map(&[roots(1), version(2)])),
        ("refused_key_order", "the shorter key first", map(&[version(1), roots(1)])),
        ("refused_no_version", "both keys", map(&[roots(1)])),
        ("refused_untagged_root", "a root is a link", map(&[untagged, version(1)])),
        ("refused_long_integer", "the header is deterministic CBOR", map(&[roots(1), long_one])),
        ("refused_header_too_long", "a header of 2^63 bytes", [&[0x80; 9][..], &[1]].concat()),
        ("refused_header_cut", "cut inside the header", good[..58].to_vec()),
        ("refused_frame_cut", "cut inside a frame", with(&frame[..47])),
        ("refused_zero_padding", "a frame holds a CID", with(&[0; 8])),
        ("refused_long_varint", "a length as short as can be", with(&[&[0xaf, 0x00], &frame[1..]].concat())),
        ("refused_block_too_long", "a block of 2 MiB and one byte", with(&over)),
        ("refused_changed_data", "the data are not what the CID names", changed(59 + 1 + 36)),
        ("refused_changed_digest", "the CID is not that of the data", changed(59 + 1 + 35)),
        ("refused_changed_codec", "a codec we do not use", changed(59 + 1 + 1)),
        ("refused_trailing_garbage", "bytes after the last frame", [with(&frame), vec![0x2f]].concat()),
    ]
}
