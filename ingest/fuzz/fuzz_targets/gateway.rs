//! What gateways give for a file: only its own bytes are kept, whatever comes, and however it is cut and mixed.
#![no_main]

use std::convert::Infallible;
use std::fs;
use std::sync::OnceLock;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use mira_core::car;
use mira_core::cid::Cid;
use mira_core::unixfs::{CHUNK_LEN, FileBuilder, Sink};
use mira_ingest::fetch::{Fetcher, Length, Patience, Source, Wanted};
use mira_ingest::store::Store;
use mira_ingest_fuzz::{scratch, server};

const PATIENCE: Patience = Patience {
    connect: Duration::from_secs(1),
    idle: Duration::from_secs(1),
    rate: 16 << 10,
    attempts: 1,
    first_wait: Duration::from_millis(1),
    longest_wait: Duration::from_millis(1),
};

/// A file of two leaves, its node, and how it is named.
struct Sample {
    bytes: Vec<u8>,
    node: Vec<u8>,
    cid: Cid,
}

// What each kind of request is answered with, as steps: so that a CAR of a mebibyte is a few bytes here.
fuzz_target!(|data: &[u8]| {
    let (sample, data) = (sample(), data.to_vec());
    let (car, block) =
        data.split_first().map_or((&[][..], &[][..]), |(at, rest)| rest.split_at(usize::from(*at).min(rest.len())));
    let (car, block) = (made(car, sample), made(block, sample));
    let node = format!("/ipfs/{}?format=raw", sample.cid);
    let address = server::answers(move |line| match () {
        () if line.contains("format=car") => car.clone(),
        () if line.contains(&node) => server::ok(&sample.node),
        () => block.clone(),
    });
    let root = scratch().join("store");
    fs::create_dir_all(&root).expect("a directory of our own");
    let store = Store::open(&root).expect("a store");
    let fetcher = Fetcher::new(vec![Source::gateway(address).expect("a gateway")], PATIENCE).expect("a client");
    let wanted = Wanted { cid: sample.cid, len: Length::Exactly(sample.bytes.len() as u64) };
    match fetcher.files(&store, &[wanted]) {
        Ok(()) => assert!(store.get(&sample.cid, u64::MAX).expect("it was kept") == sample.bytes),
        Err(_) => assert!(!store.has(&sample.cid).expect("a store")),
    }
    fs::remove_dir_all(&root).expect("our own directory");
});

/// Steps: a number, or bytes by their count.
fn made(mut steps: &[u8], sample: &Sample) -> Vec<u8> {
    let mut out = Vec::new();
    while let Some((step, rest)) = steps.split_first() {
        steps = rest;
        // No answer is longer than a few of the file's.
        if out.len() > 8 * CHUNK_LEN {
            break;
        }
        match step {
            0xf0 => {
                out.extend(b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.ipld.car\r\nConnection: close\r\n\r\n")
            }
            0xf1 => out.extend(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"),
            0xf2 => car::header(&mut out, sample.cid),
            0xf3 => frame(&mut out, sample.cid, &sample.node),
            0xf4 | 0xf5 => {
                let leaf = sample.bytes.chunks(CHUNK_LEN).nth(usize::from(step & 1)).unwrap_or_default();
                frame(&mut out, Cid::raw_of(leaf), leaf);
            }
            0xf6 | 0xf7 => out.extend(sample.bytes.chunks(CHUNK_LEN).nth(usize::from(step & 1)).unwrap_or_default()),
            0xf8 => out.extend(&sample.node),
            len => {
                let (bytes, after) = steps.split_at(usize::from(*len).min(steps.len()));
                out.extend(bytes);
                steps = after;
            }
        }
    }
    out
}

fn frame(out: &mut Vec<u8>, cid: Cid, block: &[u8]) {
    car::frame_head(out, cid, block.len()).expect("a block of ours is short");
    out.extend(block);
}

fn sample() -> &'static Sample {
    static SAMPLE: OnceLock<Sample> = OnceLock::new();
    SAMPLE.get_or_init(|| {
        let bytes: Vec<u8> = (0_u32..).flat_map(u32::to_le_bytes).take(CHUNK_LEN + 100).collect();
        let mut node = Vec::new();
        let mut builder = FileBuilder::new(Node(&mut node));
        builder.write(&bytes).expect("nothing can fail");
        let cid = builder.finish().expect("nothing can fail").cid;
        Sample { bytes, node, cid }
    })
}

struct Node<'a>(&'a mut Vec<u8>);

impl Sink for Node<'_> {
    type Error = Infallible;

    fn leaf(&mut self, _: Cid, _: u64, _: usize) -> Result<(), Infallible> {
        Ok(())
    }

    fn node(&mut self, _: Cid, bytes: &[u8]) -> Result<(), Infallible> {
        *self.0 = bytes.to_vec();
        Ok(())
    }
}
