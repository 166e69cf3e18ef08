//! Manifests, and chunk lists under a manifest: other spellings, and files that contradict themselves or each other.

use data_encoding::BASE64;
use mira_core::digest::Digest;
use mira_core::manifest::{ChunkList, FileRef, Manifest, ManifestFields};
use mira_core::rights::{Rights, Terms};

use crate::Scenario;
use crate::sample::{chunk_list, manifest, manifest_fields};

pub(crate) fn scenarios() -> Vec<Scenario> {
    let good = manifest().to_cbor();
    let swap = |from: &[u8], to: &[u8]| swapped(&good, from, to);
    let head = |head: u8, rest: &[u8]| [&[head], good.get(1..).unwrap(), rest].concat();
    let refuse = |name, comment, bytes| case(name, false, comment, bytes);
    let with = |fields| Manifest::new(fields).unwrap().to_cbor();
    let file = || Some(FileRef::of(b"sample"));
    let id = *good.last().unwrap();
    let bad_rows = b"\x68bad_rows\x00";
    let full =
        ManifestFields { card: file(), report: file(), parent: Some(Digest::of(b"").into()), ..manifest_fields() };
    let published = ManifestFields { license: file(), croissant: file(), ..full.clone() };
    let licensed = manifest_with_license();
    vec![
        case("sample", true, "five rows in two chunks", good.clone()),
        case("every_key", true, "with card, parent and report", with(full)),
        case("every_file", true, "with license and croissant as well", with(published)),
        case("license_of_rights", true, "license is the text that the rights block names", licensed.clone()),
        refuse("license_other_than_rights", "license is another text than the rights block names", {
            let digest = Digest::of(b"sample");
            swapped(
                &licensed,
                &[&[0x06, 0x58, 0x20][..], digest.as_bytes()].concat(),
                &[&[0x06, 0x58, 0x20][..], &[7; 32]].concat(),
            )
        }),
        refuse(
            "croissant_before_profiles",
            "keys ascend by length, then by bytes",
            croissant_first(&with(ManifestFields { croissant: file(), ..manifest_fields() })),
        ),
        case(
            "bad_rows",
            true,
            "rows that were set aside are counted",
            with(ManifestFields { bad_rows: 7, ..manifest_fields() }),
        ),
        refuse("empty", "no bytes", Vec::new()),
        refuse("cut_off", "the last byte is missing", good[..good.len() - 1].to_vec()),
        refuse("trailing_garbage", "a byte after the map", head(good[0], &[0])),
        refuse("indefinite_map", "lengths are definite", head(0xbf, &[0xff])),
        refuse("head_too_long", "eleven keys in a two-byte head", [&[0xb8, good[0] & 0x1f], &good[1..]].concat()),
        refuse("unknown_key", "a key that comes last", head(good[0] + 1, b"\x6bunknown_key\xf6")),
        refuse("key_missing", "bad_rows is not optional", {
            let mut bytes = swap(bad_rows, b"");
            bytes[0] -= 1;
            bytes
        }),
        refuse("key_twice", "rows twice", {
            let mut bytes = swap(b"\x64rows\x05", b"\x64rows\x05\x64rows\x05");
            bytes[0] += 1;
            bytes
        }),
        refuse(
            "keys_out_of_order",
            "chunks before type",
            swap(b"\x64type\x6fmira.manifest/1\x66chunks\x02", b"\x66chunks\x02\x64type\x6fmira.manifest/1"),
        ),
        refuse("integer_too_long", "five rows in two bytes", swap(b"\x64rows\x05", b"\x64rows\x18\x05")),
        refuse("integer_negative", "minus one bad rows", swap(bad_rows, b"\x68bad_rows\x20")),
        refuse("no_rows", "a dataset has a row", swap(b"\x64rows\x05", b"\x64rows\x00")),
        refuse("more_chunks_than_rows", "a chunk has a row", swap(b"\x64rows\x05", b"\x64rows\x01")),
        refuse("other_rows", "the dataset_id does not follow", swap(b"\x64rows\x05", b"\x64rows\x06")),
        refuse("other_dataset_id", "one bit of it", [&good[..good.len() - 1], &[id ^ 1]].concat()),
        refuse("type_of_version_2", "another version", swap(b"mira.manifest/1", b"mira.manifest/2")),
        refuse("type_of_chunk_list", "the other file's type", swap(b"\x6fmira.manifest/1", b"\x6dmira.chunks/1")),
        refuse("infer_2", "no such profile", swap(b"infer-1", b"infer-2")),
        refuse("cut_2", "no such profile", swap(b"cut-1", b"cut-2")),
        refuse("parquet_2", "no such profile", swap(b"pq-1", b"pq-2")),
        refuse("row_profile_2", "no such profile", swap(b"\x64rows\x01", b"\x64rows\x02")),
        refuse("type_unknown", "no such type in the schema", swap(b"mass_g\x63int", b"mass_g\x63Int")),
        refuse("right_unknown", "no such use", swap(b"evaluate", b"evaluatf")),
        refuse("rights_descend", "uses ascend", swap(b"\x68evaluate\x65train", b"\x65train\x68evaluate")),
        refuse("chunk_root_as_text", "digests are byte strings", swap(b"\x6achunk_root\x58", b"\x6achunk_root\x78")),
        refuse("not_utf8", "text is UTF-8", swap(b"CC0-1.0", b"CC0-1.\xff")),
    ]
}

/// A manifest whose rights block names the text that stands in `license`.
fn manifest_with_license() -> Vec<u8> {
    let fields = manifest_fields();
    let mut terms = Terms::clone(&fields.rights);
    terms.license = "LicenseRef-Sample".parse().unwrap();
    terms.license_text = Some(Digest::of(b"sample"));
    let (rights, license) = (Rights::new(terms).unwrap(), Some(FileRef::of(b"sample")));
    Manifest::new(ManifestFields { rights, license, ..fields }).unwrap().to_cbor()
}

/// Moves the key `croissant` to where it would stand in the order of the alphabet.
fn croissant_first(manifest: &[u8]) -> Vec<u8> {
    let member = [&b"\x69croissant\x82\x06\x58\x20"[..], Digest::of(b"sample").as_bytes()].concat();
    let without = swapped(manifest, &member, b"");
    swapped(&without, b"\x68profiles", &[&member, &b"\x68profiles"[..]].concat())
}

pub(crate) fn lists() -> Vec<Scenario> {
    let list = chunk_list();
    let good = list.to_cbor();
    let reversed = ChunkList::new(list.chunks().iter().rev().cloned().collect()).to_cbor();
    let one = ChunkList::new(list.chunks()[..1].to_vec()).to_cbor();
    let named = |name: &str, accept, comment: &str, bytes: Vec<u8>| {
        let fields = ManifestFields { chunk_list: FileRef::of(&bytes), ..manifest_fields() };
        pair(name, accept, comment, &Manifest::new(fields).unwrap().to_cbor(), &bytes)
    };
    let refuse = |name, comment, bytes: Vec<u8>| named(name, false, comment, bytes);
    let swap = |from: &[u8], to: &[u8]| swapped(&good, from, to);
    let (leaf, cid) = (list.chunks()[0].leaf.encode(), list.chunks()[0].cid.to_bytes());
    let bytes = u8::try_from(list.chunks()[0].bytes).unwrap();
    let after_cid = [&cid[..], &[0x18, bytes]].concat();
    vec![
        named("sample", true, "two chunks", good.clone()),
        named(
            "another_cid",
            true,
            "a CID names a file, not the rows: the list is the manifest's, and its roots fit",
            swap(&cid, &list.chunks()[1].cid.to_bytes()),
        ),
        pair("not_the_one_named", false, "the manifest names another file", &manifest().to_cbor(), &reversed),
        refuse("reversed", "named by the manifest, but the chunk root is another", reversed),
        refuse("one_of_two", "named by the manifest, but a chunk is missing", one),
        refuse("empty", "no bytes", Vec::new()),
        refuse("cut_off", "the last byte is missing", good[..good.len() - 1].to_vec()),
        refuse("trailing_garbage", "a byte after the map", [&good[..], &[0]].concat()),
        refuse("type_of_version_2", "another version", swap(b"mira.chunks/1", b"mira.chunks/2")),
        refuse("unknown_key", "a key that comes last", [&[good[0] + 1], &good[1..], b"\x67unknown\xf6"].concat()),
        refuse(
            "four_members",
            "an item has three",
            swap(&[&[0x83, 0x58, 0x57], &leaf[..]].concat(), &[&[0x84, 0x58, 0x57], &leaf[..]].concat()),
        ),
        refuse("length_too_long", "a length in three bytes", swap(&after_cid, &[&cid[..], &[0x19, 0, bytes]].concat())),
        refuse(
            "leaf_of_86_bytes",
            "leaf data has 87 bytes",
            swap(&[&[0x58, 0x57], &leaf[..]].concat(), &[&[0x58, 0x56], &leaf[..86]].concat()),
        ),
        refuse(
            "cid_of_35_bytes",
            "a CID has 36 bytes",
            swap(&[&[0x58, 0x24], &cid[..]].concat(), &[&[0x58, 0x23], &cid[..35]].concat()),
        ),
        refuse("cid_version_0", "only CIDv1", swap(&cid, &[&[0], &cid[1..]].concat())),
        refuse(
            "huge_array",
            "the count is more than the bytes can hold",
            swap(b"\x66chunks\x82", b"\x66chunks\x9b\xff\xff\xff\xff\xff\xff\xff\xff"),
        ),
    ]
}

fn case(name: &str, accept: bool, comment: &str, manifest: Vec<u8>) -> Scenario {
    Scenario::new(name, accept, comment, vec![("manifest_base64", BASE64.encode(&manifest).into())])
}

fn pair(name: &str, accept: bool, comment: &str, manifest: &[u8], list: &[u8]) -> Scenario {
    let input = [("manifest_base64", manifest), ("chunk_list_base64", list)];
    Scenario::new(name, accept, comment, input.map(|(key, bytes)| (key, BASE64.encode(bytes).into())).to_vec())
}

/// Puts other bytes in the place of those that occur once.
fn swapped(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let places: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(from)).collect();
    assert_eq!(places.len(), 1, "{}", String::from_utf8_lossy(from));
    [&bytes[..places[0]], to, &bytes[places[0] + from.len()..]].concat()
}
