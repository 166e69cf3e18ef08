//! Proof files: the container, and every line of it spelled otherwise. Nothing here follows the path.

use data_encoding::{BASE64, BASE64URL};
use mira_core::digest::{Digest, LogRoot};
use mira_core::id::{LeafIndex, TreeSize};
use mira_core::log::checkpoint::{Checkpoint, SignedCheckpoint};
use mira_core::log::tlog_proof::{MAX_PATH, TlogProof};

use crate::envelopes::twice;
use crate::{Scenario, key, name, spare_bit_set, text};

pub(crate) fn scenarios() -> Vec<Scenario> {
    [well_formed(), heads(), paths(), checkpoints()].into_iter().flatten().collect()
}

fn well_formed() -> Vec<Scenario> {
    vec![
        accept("with_extra", "every line there is", sample()),
        accept("without_extra", "the extra line is optional", print(b"", 2, 2)),
        accept("without_path", "the only leaf of a log has no siblings", print(b"", 0, 0)),
        accept("path_of_63", "as long as a path may be", print(b"", u64::MAX, MAX_PATH)),
        refuse("path_of_64", "a hash too many", print(b"", 2, MAX_PATH + 1)),
    ]
}

fn heads() -> Vec<Scenario> {
    let proof = sample();
    let extra = |text: &str| proof.replace("c2FtcGxl", text);
    let index = |text: &str| proof.replace("index 2", text);
    let after = proof.replace("extra c2FtcGxl\nindex 2\n", "index 2\nextra c2FtcGxl\n");
    let twice = proof.replace("extra c2FtcGxl\n", "extra c2FtcGxl\nextra c2FtcGxl\n");
    vec![
        refuse("magic_of_version_2", "another version", proof.replace("@v1", "@v2")),
        refuse("magic_missing", "no magic line", proof.split_once('\n').unwrap().1.into()),
        refuse("leading_newline", "an empty line first", format!("\n{proof}")),
        refuse("extra_empty", "an empty extra has no line", extra("")),
        refuse("extra_twice", "two extra lines", twice),
        refuse("extra_after_index", "lines in another order", after),
        refuse("extra_unpadded", "base64 without its padding", extra("c2FtcGxlcw")),
        refuse("extra_spare_bits", "base64 whose spare bits are not zero", extra("c2FtcGxlcx==")),
        refuse("index_missing", "no index", proof.replace("index 2\n", "")),
        refuse("index_leading_zero", "a leading zero", index("index 02")),
        refuse("index_negative", "a minus", index("index -2")),
        refuse("index_plus", "a plus", index("index +2")),
        refuse("index_2_to_the_64", "beyond 64 bits", index("index 18446744073709551616")),
        refuse("index_two_spaces", "two spaces", index("index  2")),
        refuse("index_trailing_space", "a space after the number", index("index 2 ")),
        refuse("carriage_return", "CRLF", proof.replace('\n', "\r\n")),
        refuse("empty", "nothing", String::new()),
    ]
}

fn paths() -> Vec<Scenario> {
    let proof = sample();
    let (first, second) = (BASE64.encode(hash(0).as_bytes()), BASE64.encode(hash(1).as_bytes()));
    let with_first = |text: &str| proof.replace(&first, text);
    vec![
        refuse("path_of_31_bytes", "a hash that is too short", with_first(&BASE64.encode(&[7; 31]))),
        refuse("path_of_33_bytes", "a hash that is too long", with_first(&BASE64.encode(&[7; 33]))),
        refuse("path_unpadded", "base64 without its padding", with_first(first.trim_end_matches('='))),
        refuse("path_padding_inside", "two padded texts in place of one", with_first(&twice(hash(0).as_bytes()))),
        refuse("path_url_safe", "URL-safe base64", with_first(&BASE64URL.encode(&[0xff; 32]))),
        refuse(
            "path_spare_bits",
            "base64 whose spare bits are not zero",
            spare_bit_set(&proof, &format!("\n{second}")),
        ),
        refuse("path_empty_line", "the path is cut in two", proof.replace(&first, &format!("{first}\n"))),
    ]
}

fn checkpoints() -> Vec<Scenario> {
    let proof = sample();
    let (head, _) = proof.split_once("\n\n").unwrap();
    vec![
        refuse("checkpoint_missing", "no checkpoint", format!("{head}\n\n")),
        refuse("separator_missing", "the checkpoint follows at once", proof.replacen("\n\n", "\n", 1)),
        refuse("checkpoint_size_leading_zero", "another spelling", proof.replace("log\n4\n", "log\n04\n")),
        refuse(
            "checkpoint_unsigned",
            "the checkpoint's text alone",
            format!("{}\n", proof.rsplit_once("\n\n").unwrap().0),
        ),
        refuse("trailing_garbage", "a line after the checkpoint", format!("{proof}x\n")),
    ]
}

fn accept(name: &str, comment: &str, proof: String) -> Scenario {
    Scenario::new(name, true, comment, vec![("proof", proof.into())])
}

fn refuse(name: &str, comment: &str, proof: String) -> Scenario {
    Scenario::new(name, false, comment, vec![("proof", proof.into())])
}

fn sample() -> String {
    print(b"sample", 2, 2)
}

fn print(extra: &[u8], index: u64, path: usize) -> String {
    let root = LogRoot::new(Digest::of(b"sample root"));
    let checkpoint = Checkpoint::new(name("sample.example/log"), TreeSize::new(4), root);
    let checkpoint = SignedCheckpoint::sign(&checkpoint, &key(1)).unwrap();
    let path = (0..path).map(hash).collect();
    text(&TlogProof { extra: extra.to_vec(), index: LeafIndex::new(index), path, checkpoint }.to_bytes())
}

fn hash(i: usize) -> Digest {
    Digest::of(&(i as u64).to_be_bytes())
}
