//! Files from gateways that serve, fail, lie, dawdle and never end.

#![allow(
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests state what they expect"
)]

mod gateway;

use std::io::Write as _;
use std::time::{Duration, Instant};

use gateway::{Answer, Blocks, Gateway, head};
use mira_core::cid::{Cid, Codec};
use mira_ingest::fetch::{
    FetchError, Fetcher, Length, Patience, Published, PublishedError, Source, State, Trouble, Wanted,
};
use mira_ingest::store::Store;
use tempfile::TempDir;

const MIB: usize = 1 << 20;
const CAR: &str = "application/vnd.ipld.car";

/// Short, so that tests of what never comes are too.
const PATIENCE: Patience = Patience {
    connect: Duration::from_secs(2),
    idle: Duration::from_millis(400),
    rate: 4 << 20,
    attempts: 3,
    first_wait: Duration::from_millis(10),
    longest_wait: Duration::from_secs(2),
};

/// Bytes without repetition.
fn content(len: usize) -> Vec<u8> {
    (0..len as u64)
        .flat_map(|index| {
            (index / 8)
                .wrapping_mul(0x9e37_79b9_7f4a_7c15)
                .rotate_left(index as u32 % 8 * 8)
                .to_le_bytes()
                .into_iter()
                .take(1)
        })
        .collect()
}

struct Place {
    _dir: TempDir,
    store: Store,
}

fn place() -> Place {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    Place { _dir: dir, store }
}

fn fetcher(gateways: &[&Gateway]) -> Fetcher {
    let sources = gateways.iter().map(|gateway| Source::gateway(&gateway.url).unwrap()).collect();
    Fetcher::new(sources, PATIENCE).unwrap()
}

fn exactly(cid: Cid, len: usize) -> Wanted {
    Wanted { cid, len: Length::Exactly(len as u64) }
}

/// A file of five and a half leaves.
fn large() -> (Vec<u8>, Blocks, Wanted) {
    let bytes = content(5 * MIB + MIB / 2);
    let mut blocks = Blocks::default();
    let cid = blocks.add(&bytes);
    let wanted = exactly(cid, bytes.len());
    (bytes, blocks, wanted)
}

/// Fetches from these gateways what must come out right.
fn right(gateways: &[&Gateway], bytes: &[u8], wanted: Wanted) -> Fetcher {
    let (place, fetcher) = (place(), fetcher(gateways));
    fetcher.files(&place.store, &[wanted]).unwrap();
    assert!(place.store.get(&wanted.cid, u64::MAX).unwrap() == bytes);
    fetcher
}

/// Fetches from one gateway what must not come out, and gives what it was blamed for.
fn trouble(gateway: &Gateway, wanted: Wanted) -> Trouble {
    let (place, started) = (place(), Instant::now());
    let error = fetcher(&[gateway]).files(&place.store, &[wanted]).unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
    assert!(!place.store.has(&wanted.cid).unwrap());
    match error {
        FetchError::Nowhere { tried, .. } => tried[0].1.clone(),
        other => panic!("{other}"),
    }
}

#[test]
fn a_large_file_is_one_block_and_one_car() {
    let (bytes, blocks, wanted) = large();
    let gateway = Gateway::honest(&blocks);
    let fetcher = right(&[&gateway], &bytes, wanted);
    assert_eq!((gateway.asked().len(), gateway.cars()), (2, 1));
    let given = &fetcher.given()[0];
    assert_eq!((given.blocks, given.state), (7, State::Fine));
    assert!(given.bytes > bytes.len() as u64 && given.bytes < bytes.len() as u64 + 1000);
}

#[test]
fn small_and_empty_files_are_one_block() {
    for len in [0, 1, MIB] {
        let mut blocks = Blocks::default();
        let bytes = content(len);
        let cid = blocks.add(&bytes);
        let gateway = Gateway::honest(&blocks);
        right(&[&gateway], &bytes, exactly(cid, len));
        assert_eq!(gateway.asked(), [format!("GET /ipfs/{cid}?format=raw HTTP/1.1")]);
    }
}

#[test]
fn gateways_without_cars_are_asked_for_blocks() {
    let (bytes, blocks, wanted) = large();
    for status in [400, 404, 406, 501, 200] {
        let gateway = Gateway::new(&blocks, move |ask| match ask.is_car {
            true => Answer::Full(status, "Content-Type: text/html\r\n", b"<html>".to_vec()),
            false => Answer::Honest,
        });
        right(&[&gateway], &bytes, wanted);
        assert_eq!((gateway.asked().len(), gateway.cars()), (8, 1), "{status}");
    }
}

#[test]
fn a_nodes_rpc_is_asked_for_blocks() {
    let (bytes, blocks, wanted) = large();
    let gateway = Gateway::honest(&blocks);
    let source = Source::kubo(&gateway.url.parse().unwrap()).unwrap();
    let (place, fetcher) = (place(), Fetcher::new(vec![source], PATIENCE).unwrap());
    fetcher.files(&place.store, &[wanted]).unwrap();
    assert!(place.store.get(&wanted.cid, u64::MAX).unwrap() == bytes);
    assert!(gateway.asked().iter().all(|line| line.starts_with("POST /api/v0/block/get?arg=baf")));
}

#[test]
fn a_car_may_have_any_order_and_blocks_twice() {
    let (bytes, blocks, wanted) = large();
    let served = blocks.clone();
    let gateway = Gateway::new(&blocks, move |ask| {
        let Some(cid) = ask.cid.filter(|_| ask.is_car) else { return Answer::Honest };
        let mut order: Vec<Cid> = served.files[&cid].iter().rev().copied().collect();
        order.insert(2, order[1]);
        Answer::Write(Box::new({
            let car = served.car(&cid, &order);
            move |stream| {
                head(stream, CAR);
                let _ = stream.write_all(&car);
            }
        }))
    });
    right(&[&gateway], &bytes, wanted);
    assert_eq!(gateway.asked().len(), 2);
}

#[test]
fn a_truncated_car_is_gone_on_with_block_by_block() {
    let (bytes, blocks, wanted) = large();
    let served = blocks.clone();
    let gateway = Gateway::new(&blocks, move |ask| {
        let Some(cid) = ask.cid.filter(|_| ask.is_car) else { return Answer::Honest };
        let mut car = served.car(&cid, &served.files[&cid]);
        car.truncate(3 * MIB + MIB / 2);
        Answer::Full(200, "Content-Type: application/vnd.ipld.car\r\n", car)
    });
    let fetcher = right(&[&gateway], &bytes, wanted);
    // The node, three leaves in the CAR, three by themselves: nothing came twice.
    assert_eq!(gateway.asked().len(), 1 + 1 + 3);
    assert_eq!(fetcher.given()[0].blocks, 7);
}

#[test]
fn who_gives_wrong_bytes_is_named_and_not_asked_again() {
    let (bytes, blocks, wanted) = large();
    let leaf = blocks.files[&wanted.cid][3];
    let mut edited = blocks.clone();
    edited.by_cid.get_mut(&leaf).unwrap()[7] ^= 1;
    let (liar, honest) = (Gateway::honest(&edited), Gateway::honest(&blocks));
    let fetcher = right(&[&liar, &honest], &bytes, wanted);
    let given = fetcher.given();
    assert_eq!((given[0].state, given[1].state), (State::Wrong, State::Fine));
    assert_eq!(liar.asked().len(), 2, "after the CAR it is left alone");

    assert_eq!(trouble(&liar, wanted), Trouble::Wrong { cid: leaf });
    let place = place();
    let error = self::fetcher(&[&liar]).files(&place.store, &[wanted]).unwrap_err();
    assert!(error.is_refusal() && error.to_string().contains(&liar.url), "{error}");
    assert!(error.to_string().contains(&format!("bytes that are not {leaf}")), "{error}");
}

#[test]
fn another_cid_is_wrong_bytes() {
    let (_, mut blocks, wanted) = large();
    let other = blocks.add(b"other");
    let served = blocks.clone();
    let block = Gateway::new(&blocks, |_| Answer::Full(200, "", b"other".to_vec()));
    assert_eq!(trouble(&block, exactly(Cid::raw_of(b"x"), 1)), Trouble::Wrong { cid: Cid::raw_of(b"x") });
    let car = Gateway::new(&blocks, move |ask| match ask.is_car {
        true => Answer::Full(200, "Content-Type: application/vnd.ipld.car\r\n", served.car(&other, &[other])),
        false => Answer::Honest,
    });
    assert_eq!(trouble(&car, wanted), Trouble::Wrong { cid: wanted.cid });
}

#[test]
fn bodies_without_end_and_absurd_lengths_are_left() {
    let (bytes, blocks, wanted) = large();
    let endless = |stream: &mut std::net::TcpStream| {
        head(stream, CAR);
        while stream.write_all(&[0; 1 << 16]).is_ok() {}
    };
    let block = Gateway::new(&blocks, move |_| Answer::Write(Box::new(endless)));
    assert!(matches!(trouble(&block, wanted), Trouble::TooLong { .. }));
    let declared = Gateway::new(&blocks, |_| {
        Answer::Write(Box::new(|stream| {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\nx");
        }))
    });
    assert!(matches!(trouble(&declared, wanted), Trouble::TooLong { .. } | Trouble::Broken { .. }));
    let declared = Gateway::new(&blocks, |_| {
        Answer::Write(Box::new(|stream| {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4611686018427387904\r\n\r\nx");
            std::thread::sleep(Duration::from_secs(3));
        }))
    });
    assert!(matches!(trouble(&declared, wanted), Trouble::TooLong { .. }));
    // A CAR in which blocks that nobody asked for never end is left, and blocks are asked for instead.
    let noise = {
        let mut frames = Vec::new();
        let cid = Cid::raw_of(&[9; 1000]);
        mira_core::car::frame_head(&mut frames, cid, 1000).unwrap();
        frames.extend_from_slice(&[9; 1000]);
        frames
    };
    let car = Gateway::new(&blocks, move |ask| {
        let Some(cid) = ask.cid.filter(|_| ask.is_car) else { return Answer::Honest };
        let noise = noise.clone();
        Answer::Write(Box::new(move |stream| {
            head(stream, CAR);
            let mut start = Vec::new();
            mira_core::car::header(&mut start, cid);
            let _ = stream.write_all(&start);
            while stream.write_all(&noise).is_ok() {}
        }))
    });
    right(&[&car], &bytes, wanted);
}

#[test]
fn who_dawdles_is_left() {
    let (bytes, blocks, wanted) = large();
    let silent = Gateway::new(&blocks, |_| Answer::Write(Box::new(|_| std::thread::sleep(Duration::from_secs(5)))));
    assert!(matches!(trouble(&silent, wanted), Trouble::Timeout { .. }));
    // A byte now and then is not getting on either.
    let trickle = Gateway::new(&blocks, |_| {
        Answer::Write(Box::new(|stream| {
            head(stream, CAR);
            while stream.write_all(b"x").is_ok() {
                std::thread::sleep(Duration::from_millis(50));
            }
        }))
    });
    assert!(matches!(trouble(&trickle, wanted), Trouble::Timeout { .. }));
    let honest = Gateway::honest(&blocks);
    right(&[&silent, &honest], &bytes, wanted);
}

#[test]
fn too_many_requests_are_fewer_requests() {
    let (bytes, blocks, wanted) = large();
    let busy = Gateway::new(&blocks, |ask| match ask.number {
        0 => Answer::Full(429, "Retry-After: 1\r\n", Vec::new()),
        _ => Answer::Honest,
    });
    let started = Instant::now();
    right(&[&busy], &bytes, wanted);
    assert!(started.elapsed() >= Duration::from_secs(1));
    let busier = Gateway::new(&blocks, |_| Answer::Full(429, "Retry-After: 3600\r\n", Vec::new()));
    let honest = Gateway::honest(&blocks);
    let fetcher = right(&[&busier, &honest], &bytes, wanted);
    assert_eq!(fetcher.given()[0].state, State::Away);
    assert_eq!(busier.asked().len(), 1, "it said when it wants to be asked again");
}

#[test]
fn what_passes_is_asked_again_and_what_stays_is_not() {
    let (bytes, blocks, wanted) = large();
    let times = std::sync::Mutex::new(std::collections::HashMap::new());
    let shaky = Gateway::new(&blocks, move |ask| {
        let mut times = times.lock().unwrap();
        let time = times.entry(ask.line.clone()).or_insert(0);
        *time += 1;
        match *time {
            1 => Answer::Full(500, "", Vec::new()),
            2 => Answer::Write(Box::new(|_| ())),
            _ => Answer::Honest,
        }
    });
    right(&[&shaky], &bytes, wanted);
    for (status, times) in [(500, 3), (403, 1), (404, 1)] {
        let gateway = Gateway::new(&blocks, move |_| Answer::Full(status, "", Vec::new()));
        assert_eq!(trouble(&gateway, wanted), Trouble::Status { status, retry_after: None });
        assert_eq!(gateway.asked().len(), times);
    }
    // Nobody listens on port 9 (discard).
    let nobody = Fetcher::new(vec![Source::gateway("http://127.0.0.1:9").unwrap()], PATIENCE).unwrap();
    let error = nobody.files(&place().store, &[wanted]).unwrap_err();
    assert!(error.to_string().contains("http://127.0.0.1:9 cannot be reached"), "{error}");
    assert!(!error.is_refusal());
}

#[test]
fn redirects_are_followed_and_end() {
    let (bytes, blocks, wanted) = large();
    let honest = Gateway::honest(&blocks);
    let target = honest.url.clone();
    let sends = Gateway::new(&blocks, move |ask| {
        let target = format!("{target}{}", ask.line.split(' ').nth(1).unwrap());
        Answer::Write(Box::new(move |stream| {
            let _ = write!(stream, "HTTP/1.1 301 Moved\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n");
        }))
    });
    right(&[&sends], &bytes, wanted);
    let circle = Gateway::new(&blocks, |_| Answer::Full(302, "Location: /ipfs/again\r\n", Vec::new()));
    assert_eq!(trouble(&circle, wanted), Trouble::Redirect);
    assert!(circle.asked().len() < 10);
}

#[test]
fn a_fetch_goes_on_where_it_was_left() {
    let (bytes, blocks, wanted) = large();
    let place = place();
    // No CARs, and only half of the leaves.
    let mut half = blocks.clone();
    half.files.clear();
    for leaf in &blocks.files[&wanted.cid][4..] {
        half.by_cid.remove(leaf);
    }
    let first = Gateway::honest(&half);
    fetcher(&[&first]).files(&place.store, &[wanted]).unwrap_err();
    assert!(!place.store.has(&wanted.cid).unwrap());

    let second = Gateway::honest(&blocks);
    let went_on = fetcher(&[&second]);
    went_on.files(&place.store, &[wanted]).unwrap();
    assert!(place.store.get(&wanted.cid, u64::MAX).unwrap() == bytes);
    let given = &went_on.given()[0];
    assert!(given.bytes < bytes.len() as u64 && given.blocks < 7, "{given:?}");
    // And once more there is nothing to do.
    let third = Gateway::honest(&blocks);
    fetcher(&[&third]).files(&place.store, &[wanted, wanted]).unwrap();
    assert_eq!(third.asked().len(), 0);
}

#[test]
fn lengths_are_held_to_what_names_the_file() {
    let (_, blocks, wanted) = large();
    let gateway = Gateway::honest(&blocks);
    for len in [Length::Exactly(1), Length::AtMost(MIB as u64)] {
        let (place, fetcher) = (place(), fetcher(&[&gateway]));
        let error = fetcher.files(&place.store, &[Wanted { len, ..wanted }]).unwrap_err();
        assert!(matches!(error, FetchError::Len { .. }) && error.is_refusal(), "{error}");
    }
    assert!(gateway.asked().len() == 2, "nothing but the node is fetched of what is too long");
}

#[test]
fn a_damaged_file_is_fetched_again() {
    let (bytes, blocks, wanted) = large();
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    store.put(&bytes).unwrap();
    let digest = wanted.cid.digest().to_string();
    let path = dir.path().join("objects").join(&digest[..2]).join(wanted.cid.to_string());
    std::fs::write(&path, b"damaged").unwrap();
    fetcher(&[&Gateway::honest(&blocks)]).files(&store, &[wanted]).unwrap();
    assert!(store.get(&wanted.cid, u64::MAX).unwrap() == bytes);
}

fn published(blocks: &Blocks, cid: &Cid) -> Result<Published, PublishedError> {
    fetcher(&[&Gateway::honest(blocks)]).published(&place().store, cid)
}

#[test]
fn directories_that_are_no_dataset_are_refused() {
    let mut blocks = Blocks::default();
    let file = blocks.add(b"file");
    let pb = |name: &str| {
        let link = [&[0x0a, 36][..], &file.to_bytes(), &[0x12, name.len() as u8], name.as_bytes(), &[0x18, 4]].concat();
        [&[0x12, link.len() as u8][..], &link, &[0x0a, 2, 0x08, 1]].concat()
    };
    for (name, message) in [
        ("..", "the CID is not that of a directory"),
        ("a/b", "the CID is not that of a directory"),
        ("evil\u{1b}[31m", "it has an entry \"evil\\u{1b}[31m\""),
        ("chunks.cbor", "it has no statement.dsse"),
        ("statement.dsse", "statement.dsse does not verify"),
    ] {
        let block = pb(name);
        let cid = Cid::of(Codec::DagPb, &block);
        blocks.by_cid.insert(cid, block);
        let error = published(&blocks, &cid).unwrap_err();
        assert!(error.to_string().contains(message) && error.is_refusal(), "{name:?}: {error}");
    }
    let error = published(&blocks, &file).unwrap_err();
    assert!(matches!(error, PublishedError::Directory(_)), "{error}");
    let error = published(&blocks, &Cid::of(Codec::DagPb, b"nowhere")).unwrap_err();
    assert!(!error.is_refusal(), "{error}");
}
