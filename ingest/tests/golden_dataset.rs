//! `samples/golden/v0/dataset/`: a published dataset, from the rows of `samples/data/airlines.csv`, signed by a sample key.
//! Every later build reads it and makes the same bytes. `BLESS=1` writes the files; once formats are released they are
//! never written again.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests state what they expect, as tests do"
)]

use std::collections::BTreeSet;
use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use mira_core::car::Car;
use mira_core::cid::Cid;
use mira_core::dsse::Envelope;
use mira_core::key::SigningKey;
use mira_core::manifest::{ChunkList, FileRef, Manifest, ManifestFields};
use mira_core::rights::{Basis, License, PersonalData, Rights, Terms, Use, Visibility};
use mira_core::statement::{
    Common, Dataset, DatasetSubject, Inference, Nonce, Positive, Predicate, Profiles, Statement,
};
use mira_ingest::chunk;
use mira_ingest::commit::CommittedDataset;
use mira_ingest::directory::{DatasetDirectory, TopFiles};
use mira_ingest::physical::PhysicalSchema;
use mira_ingest::pipeline;
use mira_ingest::source::{Options, Source};
use mira_ingest::store::Store;

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples")
}

fn commit(store: &Store) -> CommittedDataset {
    let source = Source::open(&[samples().join("data/airlines.csv")], Options::default()).unwrap();
    let plan = source.infer().unwrap();
    let physical = PhysicalSchema::of_working(plan.arrow()).unwrap();
    let batches = source.batches(&plan).map(|batch| batch.map(|batch| batch.batch().clone()));
    pipeline::run(&physical, batches, store, NonZeroUsize::MIN, &mut |_| ()).unwrap().dataset
}

fn rights() -> Rights {
    Rights::new(Terms {
        allow: BTreeSet::from([Use::Train]),
        deny: BTreeSet::new(),
        basis: Basis::PublicDomain,
        license: "CC0-1.0".parse::<License>().unwrap(),
        license_text: None,
        personal_data: PersonalData::None,
        visibility: Visibility::Public,
        attribution: None,
        consent: None,
    })
    .unwrap()
}

fn manifest(dataset: &CommittedDataset, list: &[u8]) -> Manifest {
    Manifest::new(ManifestFields {
        schema: dataset.schema().clone(),
        physical: dataset.physical.to_string(),
        rows: dataset.rows,
        chunks: dataset.chunks.len() as u64,
        bad_rows: 0,
        chunk_root: dataset.chunk_root,
        chunk_list: FileRef::of(list),
        profiles: Profiles { infer: Inference::Infer1 },
        parent: None,
        card: None,
        report: None,
        license: None,
        croissant: None,
        rights: rights(),
    })
    .unwrap()
}

fn statement(dataset: &CommittedDataset, manifest: &Manifest) -> Vec<u8> {
    // A sample key: its seed is public and it signs nothing but samples.
    let key = SigningKey::from_seed(&[1; 32]);
    let common = Common {
        claimed_at: "2026-01-31T12:00:00Z".parse().unwrap(),
        contributor_id: key.verifying_key().contributor_id(),
        nonce: Nonce::new([7; 16]),
        prev: None,
    };
    let contribute = Predicate::Contribute(Dataset {
        subject: DatasetSubject {
            name: "airlines".parse().unwrap(),
            id: manifest.dataset_id(),
            manifest: manifest.digest(),
        },
        on_behalf_of: None,
        rows: Positive::new(dataset.rows).unwrap(),
        chunks: Positive::new(dataset.chunks.len() as u64).unwrap(),
        schema_id: dataset.schema().schema_id(),
        profiles: Profiles { infer: Inference::Infer1 },
        rights: rights(),
    });
    let payload = Statement::new(common, contribute).unwrap().to_payload();
    Envelope::seal(&payload, &[&key]).unwrap().to_bytes()
}

/// The files, by their names in the folder.
fn written() -> Vec<(&'static str, Vec<u8>)> {
    let temporary = tempfile::tempdir().unwrap();
    let store = Store::open(temporary.path()).unwrap();
    let dataset = commit(&store);
    let list = ChunkList::new(dataset.chunks.clone());
    let manifest = manifest(&dataset, &list.to_cbor());
    let (statement, schema) = (statement(&dataset, &manifest), dataset.schema().to_json());
    let top = TopFiles {
        manifest: store.put(&manifest.to_cbor()).unwrap(),
        chunk_list: store.put(&list.to_cbor()).unwrap(),
        statement: store.put(&statement).unwrap(),
        schema: store.put(schema.as_bytes()).unwrap(),
        readme: None,
        license: None,
        croissant: None,
        report: None,
    };
    let directory = DatasetDirectory::new(&top, &list).unwrap();
    let mut car = Vec::new();
    for plan in directory.cars(directory.files()).unwrap() {
        let out = |part: &[u8]| {
            car.extend_from_slice(part);
            Ok::<_, ()>(())
        };
        plan.write(&store, out).unwrap();
    }
    vec![
        ("manifest.cbor", manifest.to_cbor()),
        ("chunks.cbor", list.to_cbor()),
        ("statement.dsse", statement),
        ("schema.json", schema.into_bytes()),
        ("physical.json", dataset.physical.to_string().into_bytes()),
        ("000000.parquet", store.get(&dataset.chunks[0].cid, dataset.chunks[0].bytes).unwrap()),
        ("dataset.car", car),
        ("dataset.cid", format!("{}\n", directory.cid()).into_bytes()),
    ]
}

#[test]
fn the_files_are_what_this_build_writes() {
    let folder = samples().join("golden/v0/dataset");
    for (name, bytes) in written() {
        if std::env::var_os("BLESS").is_some() {
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join(name), &bytes).unwrap();
        }
        assert!(fs::read(folder.join(name)).unwrap() == bytes, "{name} differs; BLESS=1 writes it");
    }
}

#[test]
fn the_files_verify_and_belong_together() {
    let read = |name: &str| fs::read(samples().join("golden/v0/dataset").join(name)).unwrap();
    let text = |name: &str| String::from_utf8(read(name)).unwrap();
    let manifest = Manifest::from_cbor(&read("manifest.cbor")).unwrap();
    let list = manifest.open_chunk_list(&read("chunks.cbor")).unwrap();
    let envelope = Envelope::parse(&read("statement.dsse")).unwrap().verify_signatures().unwrap();
    assert!(String::from_utf8_lossy(envelope.payload()).contains(&manifest.dataset_id().to_string()));
    let physical = PhysicalSchema::parse(&text("physical.json")).unwrap();
    assert_eq!(
        (physical.to_string(), physical.logical()),
        (manifest.fields().physical.clone(), &manifest.fields().schema)
    );
    let file = read("000000.parquet");
    assert_eq!(Cid::raw_of(&file), list.chunks()[0].cid);
    let rows = chunk::read(Bytes::from(file.clone()), &physical).unwrap().verify(&list.chunks()[0].leaf).unwrap();
    assert_eq!(rows.num_rows(), 16);
    let bytes = read("dataset.car");
    let car = Car::new(&bytes).unwrap();
    assert_eq!(car.root().to_string(), text("dataset.cid").trim());
    let blocks: Vec<_> = car.map(Result::unwrap).collect();
    assert_eq!(blocks.last().unwrap().cid.to_string(), text("dataset.cid").trim());
    assert!(blocks.iter().any(|block| block.data == file));
}
