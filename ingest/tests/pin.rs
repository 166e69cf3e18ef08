//! Pinning, against the node in memory.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests state what they expect, as tests do"
)]

mod published;

use std::fs;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use bytes::Bytes;
use mira_core::car::Car;
use mira_core::cid::Cid;
use mira_ingest::directory::car::{CarContent, WriteError};
use mira_ingest::observer::{Halted, Observer};
use mira_ingest::pin::{Memory, Pin, PinError, Route, Upload, checks, pin_dataset, plan_dataset};
use published::{Sample, sample};

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn small() -> Sample {
    sample(1, 5, 5, &[10, 1 << 20, (1 << 20) + 1, 3 << 20, 0])
}

/// More chunks than one directory of a part may have, so that there are two CARs.
fn many() -> Sample {
    sample(50, 1100, 1100, &[100, 200])
}

fn pin(service: &impl Pin, sample: &Sample) -> Result<mira_ingest::pin::Pinned, PinError> {
    pin_dataset(service, &sample.store, &sample.dataset, "ours", 12345, &())
}

/// What must hold of a node that is said to have the dataset.
fn check_everything(service: &Memory, sample: &Sample) {
    let root = sample.dataset.cid();
    service.collect_garbage();
    assert_eq!(block_on(service.pinned_as("ours")).unwrap(), [root]);
    assert_eq!(block_on(service.pinned_as(&format!("part of {root}"))).unwrap(), []);
    // Every file of a small dataset, some of a large one.
    for entry in sample.dataset.files().step_by(1 + sample.dataset.len() / 50) {
        let size = usize::try_from(entry.file.size).unwrap();
        let file = service.resolve(&root, &entry.path).unwrap();
        let found = block_on(service.read(&file, 0, size + 1)).unwrap();
        assert_eq!(found, sample.store.get(&entry.file.cid, entry.file.size).unwrap(), "{}", entry.path);
    }
}

#[test]
fn the_node_in_memory_passes_the_checks() {
    block_on(checks::check_all(&Memory::new(), 7)).unwrap();
}

#[test]
fn cars_have_the_length_and_content_that_was_planned() {
    for (sample, count) in [(small(), 1), (many(), 2)] {
        let cars = sample.dataset.cars(sample.dataset.files()).unwrap();
        assert_eq!(cars.len(), count);
        for (index, plan) in cars.iter().enumerate() {
            let mut bytes = Vec::new();
            let content = plan
                .write(&sample.store, |part| {
                    bytes.extend_from_slice(part);
                    Ok::<_, ()>(())
                })
                .unwrap();
            assert_eq!(bytes.len() as u64, plan.byte_len());
            let car = Car::new(&bytes).unwrap();
            assert_eq!((car.root(), plan.is_last()), (plan.root(), index + 1 == count));
            let blocks: Vec<_> = car.collect::<Result<_, _>>().unwrap();
            assert_eq!(blocks.last().map(|block| block.cid), Some(plan.root()), "the root is complete at the end");
            let block_bytes = blocks.iter().map(|block| block.data.len() as u64).sum();
            assert_eq!(content, CarContent { blocks: blocks.len() as u64, block_bytes });
            assert_eq!(content, plan.content(), "known before anything is read");
        }
        assert_eq!(cars.last().unwrap().root(), sample.dataset.cid());
    }
}

/// Bytes that were sent, and those that were to be.
#[derive(Default)]
struct Count {
    sent: AtomicU64,
    total: AtomicU64,
}

impl Count {
    fn read(&self) -> (u64, u64) {
        (self.sent.load(Ordering::Relaxed), self.total.load(Ordering::Relaxed))
    }
}

impl Observer for Count {
    fn done(&self, _: u64, bytes: u64) -> Result<(), Halted> {
        self.sent.fetch_add(bytes, Ordering::Relaxed);
        Ok(())
    }

    fn left(&self, bytes: u64) {
        self.total.store(self.sent.load(Ordering::Relaxed) + bytes, Ordering::Relaxed);
    }
}

#[test]
fn pins_and_reports_every_byte_once() {
    for sample in [small(), many()] {
        let service = Memory::new();
        let count = Count::default();
        let pinned = pin_dataset(&service, &sample.store, &sample.dataset, "ours", 99, &count).unwrap();
        let (sent, total) = count.read();
        assert_eq!((pinned.root, pinned.sent, pinned.kept_files), (sample.dataset.cid(), sent, 0));
        assert_eq!(sent, total);
        check_everything(&service, &sample);
        let again = pin(&service, &sample).unwrap();
        assert_eq!((again.sent, again.kept_files), (0, sample.dataset.len()));
    }
}

/// Where there is no `dag/import`, files go one by one, and the same blocks are there in the end.
#[test]
fn a_node_that_takes_no_cars_is_sent_files() {
    for sample in [small(), many()] {
        let (by_car, by_file) = (Memory::new(), Memory::without_import());
        assert_eq!(pin(&by_car, &sample).unwrap().route, Some(Route::Import));
        let pinned = pin(&by_file, &sample).unwrap();
        assert_eq!((pinned.route, pinned.sent), (Some(Route::Add), sample.dataset.size()));
        // A CAR that is not the last has a directory of its own.
        let parts = sample.dataset.cars(sample.dataset.files()).unwrap().len() - 1;
        assert_eq!((by_file.blocks() + parts, pinned.root), (by_car.blocks(), sample.dataset.cid()));
        check_everything(&by_file, &sample);
        let again = pin(&by_file, &sample).unwrap();
        assert_eq!((again.sent, again.route), (0, None));
    }
}

/// Cuts files at other places than we do, as a node with settings of its own would.
#[test]
fn a_node_that_cuts_otherwise_is_refused() {
    struct Other(Memory);
    impl Pin for Other {
        async fn version(&self) -> Result<String, PinError> {
            self.0.version().await
        }
        async fn has_block(&self, cid: &Cid) -> Result<bool, PinError> {
            self.0.has_block(cid).await
        }
        async fn has_dag(&self, cid: &Cid) -> Result<bool, PinError> {
            self.0.has_dag(cid).await
        }
        async fn import(&self, car: Upload<'_>) -> Result<CarContent, PinError> {
            self.0.import(car).await
        }
        async fn add(&self, file: Upload<'_>) -> Result<Cid, PinError> {
            let cid = self.0.add(file).await?;
            Ok(Cid::raw_of(&cid.to_bytes()))
        }
        async fn put(&self, block: Bytes) -> Result<Cid, PinError> {
            self.0.put(block).await
        }
        async fn pin(&self, cid: &Cid, name: &str, just_sent: bool) -> Result<(), PinError> {
            self.0.pin(cid, name, just_sent).await
        }
        async fn is_pinned(&self, cid: &Cid) -> Result<bool, PinError> {
            self.0.is_pinned(cid).await
        }
        async fn pinned_as(&self, name: &str) -> Result<Vec<Cid>, PinError> {
            self.0.pinned_as(name).await
        }
        async fn unpin(&self, cid: &Cid) -> Result<(), PinError> {
            self.0.unpin(cid).await
        }
        async fn read(&self, file: &Cid, offset: u64, len: usize) -> Result<Bytes, PinError> {
            self.0.read(file, offset, len).await
        }
    }
    let node = Other(Memory::without_import());
    let error = pin(&node, &small()).unwrap_err();
    assert!(matches!(error, PinError::Added { .. }), "{error}");
    assert!(!block_on(node.is_pinned(&small().dataset.cid())).unwrap());
}

#[test]
fn what_would_be_sent_is_what_is_sent() {
    let (before, after) = (sample(100, 4, 4, &[2 << 20]), sample(100, 5, 5, &[2 << 20]));
    let service = Memory::new();
    pin(&service, &before).unwrap();
    let there = service.blocks();
    let plan = plan_dataset(&service, &after.dataset).unwrap();
    assert_eq!((plan.files, plan.is_pinned, service.blocks()), (2, false, there), "nothing is sent by asking");
    let pinned = pin(&service, &after).unwrap();
    assert_eq!((pinned.sent, service.blocks() as u64), (plan.bytes, there as u64 + plan.content.blocks));
    assert!(plan_dataset(&service, &after.dataset).unwrap().is_pinned);
}

#[test]
fn sends_only_what_is_missing() {
    let (before, after) = (sample(100, 4, 4, &[2 << 20]), sample(100, 5, 5, &[2 << 20]));
    let service = Memory::new();
    pin(&service, &before).unwrap();
    let pinned = pin(&service, &after).unwrap();
    // Of the chunks only the fifth, of the files beside them the chunk list; the rest is equal by its salt.
    assert_eq!(pinned.kept_files, after.dataset.len() - 2);
    assert!((2 << 20..(2 << 20) + 8000).contains(&pinned.sent), "{}", pinned.sent);
    block_on(service.unpin(&before.dataset.cid())).unwrap();
    check_everything(&service, &after);
}

#[test]
fn a_block_that_is_missing_below_a_file_is_sent_after_all() {
    let sample = small();
    let service = Memory::new();
    pin(&service, &sample).unwrap();
    let root = sample.dataset.cid();
    block_on(service.unpin(&root)).unwrap();
    // The root of the file of three leaves stays, so the file looks as if it were there.
    let leaf = sample.store.get(&sample.dataset.file(4 + 3 + 3).unwrap().file.cid, 4 << 20).unwrap();
    service.lose(&Cid::raw_of(&leaf[1 << 20..2 << 20]));
    let pinned = pin(&service, &sample).unwrap();
    assert_eq!(pinned.kept_files, sample.dataset.len() - 1, "only the file that lacks a leaf is sent");
    check_everything(&service, &sample);
    // The same of a node that says it has pinned the dataset.
    service.lose(&Cid::raw_of(&leaf[1 << 20..2 << 20]));
    assert_eq!(pin(&service, &sample).unwrap().kept_files, sample.dataset.len() - 1);
    check_everything(&service, &sample);
}

#[test]
fn damage_in_the_store_is_not_published() {
    let sample = small();
    let entry = sample.dataset.file(sample.dataset.len() - 2).unwrap();
    let shard = format!("{:02x}", entry.file.cid.digest().as_bytes()[0]);
    let path = sample.store_path().join("objects").join(shard).join(entry.file.cid.to_string());
    let good = fs::read(&path).unwrap();
    let mut flipped = good.clone();
    flipped[(1 << 20) + 7] ^= 1;
    for (bytes, what) in [(Some(flipped), "flipped"), (Some(good[..9].to_vec()), "cut"), (None, "gone")] {
        match bytes {
            Some(bytes) => fs::write(&path, bytes).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        for service in [Memory::new(), Memory::without_import()] {
            let error = pin(&service, &sample).unwrap_err();
            let PinError::Car(source) = &error else { panic!("{what}: {error}") };
            match (what, &**source) {
                ("flipped", WriteError::Corrupt { .. })
                | ("cut", WriteError::Length { .. })
                | ("gone", WriteError::Open { .. }) => {}
                _ => panic!("{what}: {source}"),
            }
            assert!(!error.is_transient());
            assert!(!block_on(service.is_pinned(&sample.dataset.cid())).unwrap());
        }
    }
}

/// A node that dies at its n-th call, before or after it does what it was asked, and otherwise is the one in memory.
struct Dying<'a> {
    node: &'a Memory,
    calls: AtomicUsize,
    dies_at: usize,
    after: bool,
}

impl Dying<'_> {
    async fn call<T>(&self, work: impl Future<Output = Result<T, PinError>>) -> Result<T, PinError> {
        let number = self.calls.fetch_add(1, Ordering::Relaxed);
        let dead = || PinError::Timeout { service: "dying".into(), call: "any", seconds: 0 };
        if number > self.dies_at || (number == self.dies_at && !self.after) {
            return Err(dead());
        }
        let done = work.await;
        if number == self.dies_at { Err(dead()) } else { done }
    }
}

impl Pin for Dying<'_> {
    async fn version(&self) -> Result<String, PinError> {
        self.call(self.node.version()).await
    }
    async fn has_block(&self, cid: &Cid) -> Result<bool, PinError> {
        self.call(self.node.has_block(cid)).await
    }
    async fn has_dag(&self, cid: &Cid) -> Result<bool, PinError> {
        self.call(self.node.has_dag(cid)).await
    }
    async fn import(&self, car: Upload<'_>) -> Result<CarContent, PinError> {
        self.call(self.node.import(car)).await
    }
    async fn add(&self, file: Upload<'_>) -> Result<Cid, PinError> {
        self.call(self.node.add(file)).await
    }
    async fn put(&self, block: Bytes) -> Result<Cid, PinError> {
        self.call(self.node.put(block)).await
    }
    async fn pin(&self, cid: &Cid, name: &str, just_sent: bool) -> Result<(), PinError> {
        self.call(self.node.pin(cid, name, just_sent)).await
    }
    async fn is_pinned(&self, cid: &Cid) -> Result<bool, PinError> {
        self.call(self.node.is_pinned(cid)).await
    }
    async fn pinned_as(&self, name: &str) -> Result<Vec<Cid>, PinError> {
        self.call(self.node.pinned_as(name)).await
    }
    async fn unpin(&self, cid: &Cid) -> Result<(), PinError> {
        self.call(self.node.unpin(cid)).await
    }
    async fn read(&self, file: &Cid, offset: u64, len: usize) -> Result<Bytes, PinError> {
        self.call(self.node.read(file, offset, len)).await
    }
}

/// Breaks every call, before and after it does its work; garbage is collected; then a second run must get there.
#[test]
fn a_run_that_dies_anywhere_is_made_good_by_the_next() {
    let sample = sample(900, 6, 3, &[50, 60]);
    let dies_at = |dies_at, after, node: &Memory| {
        let dying = Dying { node, calls: AtomicUsize::new(0), dies_at, after };
        (pin(&dying, &sample).is_ok(), dying.calls.into_inner())
    };
    for empty in [Memory::new, Memory::without_import] {
        let (done, calls) = dies_at(usize::MAX, false, &empty());
        assert!(done);
        for (number, after) in (0..calls).flat_map(|number| [(number, false), (number, true)]) {
            for collects in [true, false] {
                let node = empty();
                let (done, _) = dies_at(number, after, &node);
                assert!(!done, "dead at call {number} and still reported as pinned");
                if collects {
                    node.collect_garbage();
                }
                pin(&node, &sample).unwrap();
                check_everything(&node, &sample);
            }
        }
    }
}

/// A node that lists the pin and gives other bytes back is not believed.
#[test]
fn a_node_that_lies_is_found_out() {
    struct Liar(Memory);
    impl Pin for Liar {
        async fn version(&self) -> Result<String, PinError> {
            self.0.version().await
        }
        async fn has_block(&self, _: &Cid) -> Result<bool, PinError> {
            Ok(true)
        }
        async fn has_dag(&self, _: &Cid) -> Result<bool, PinError> {
            Ok(true)
        }
        async fn import(&self, car: Upload<'_>) -> Result<CarContent, PinError> {
            self.0.import(car).await
        }
        async fn add(&self, file: Upload<'_>) -> Result<Cid, PinError> {
            self.0.add(file).await
        }
        async fn put(&self, block: Bytes) -> Result<Cid, PinError> {
            self.0.put(block).await
        }
        async fn pin(&self, _: &Cid, _: &str, _: bool) -> Result<(), PinError> {
            Ok(())
        }
        async fn is_pinned(&self, _: &Cid) -> Result<bool, PinError> {
            Ok(true)
        }
        async fn pinned_as(&self, name: &str) -> Result<Vec<Cid>, PinError> {
            self.0.pinned_as(name).await
        }
        async fn unpin(&self, cid: &Cid) -> Result<(), PinError> {
            self.0.unpin(cid).await
        }
        async fn read(&self, _: &Cid, _: u64, len: usize) -> Result<Bytes, PinError> {
            Ok(vec![0; len].into())
        }
    }
    let error = pin(&Liar(Memory::new()), &small()).unwrap_err();
    assert!(matches!(error, PinError::ReadBack { .. }), "{error}");
}
