//! UnixFS nodes in dag-pb: one spelling, and files open only in the shape of the profile.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mira_core::cid::{Cid, Codec};
use mira_core::digest::Digest;
use mira_core::unixfs::{Directory, File, Node, Opened, WIDTH, decode_node};

fuzz_target!(|data: &[u8]| {
    let cid = Cid::new(Codec::DagPb, Digest::of(data));
    let directory = Directory::open(cid, data);
    let file = File::open(cid, data);
    let Ok(node) = decode_node(data) else {
        assert!(directory.is_err() && file.is_err());
        return;
    };
    assert_eq!(node.encode(), data);
    match node {
        Node::Directory(node) => {
            assert_eq!(directory.expect("it was decoded"), node);
            assert!(file.is_err());
        }
        Node::File(node) => {
            assert!(directory.is_err());
            let Ok((file, opened)) = file else { return };
            assert_eq!(file.size, node.size());
            let Opened::Node(blocks) = opened else { panic!("a node opened as a leaf") };
            assert!((1..=WIDTH).contains(&blocks.len()));
            let mut at = 0;
            for block in &blocks {
                assert_eq!(block.offset(), at);
                at += block.size();
            }
            assert_eq!(at, file.size);
        }
    }
});
