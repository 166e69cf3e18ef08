//! A small world with sample keys: a dataset of five rows in two chunks, a log of a few entries, and proofs of them.

#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests state what they expect")]

use std::collections::BTreeSet;

use mira_core::cid::Cid;
use mira_core::dataset::ChunkLeafData;
use mira_core::digest::{Digest, StatementId};
use mira_core::dsse::Envelope;
use mira_core::entry::Entry;
use mira_core::evidence::{ChunkStep, Descent, Evidence, Rotation, RowStep};
use mira_core::id::{LeafIndex, TreeSize};
use mira_core::key::SigningKey;
use mira_core::log::checkpoint::{Checkpoint, SignedCheckpoint};
use mira_core::log::policy::Policy as LogPolicy;
use mira_core::log::tlog_proof::TlogProof;
use mira_core::log::vkey::VerifierKey;
use mira_core::manifest::{ChunkList, FileRef, ListedChunk, Manifest, ManifestFields};
use mira_core::merkle::Tree;
use mira_core::rights::{Basis, License, PersonalData, Rights, Terms, Use, Visibility};
use mira_core::row::{self, Value};
use mira_core::schema::{Field, Schema, Type};
use mira_core::statement::{
    Common, Dataset, DatasetSubject, Inference, Nonce, Policy, Positive, Predicate, Profiles, Rotate, Statement,
};

pub(crate) const ORIGIN: &str = "log.example.org/sample";

/// Sample keys; their seeds are public and they sign nothing but samples.
pub(crate) fn contributor_key() -> SigningKey {
    SigningKey::from_seed(&[1; 32])
}

pub(crate) fn second_key() -> SigningKey {
    SigningKey::from_seed(&[2; 32])
}

pub(crate) fn stranger_key() -> SigningKey {
    SigningKey::from_seed(&[3; 32])
}

pub(crate) fn log_key() -> SigningKey {
    SigningKey::from_seed(&[9; 32])
}

pub(crate) fn trust() -> LogPolicy {
    LogPolicy::trusting(vec![vkey(ORIGIN, &log_key())])
}

pub(crate) fn vkey(origin: &str, key: &SigningKey) -> VerifierKey {
    VerifierKey::note(origin.parse().unwrap(), key.verifying_key())
}

pub(crate) fn schema() -> Schema {
    Schema::new(vec![Field::new("species", Type::Text), Field::new("mass_g", Type::Int)]).unwrap()
}

/// The rows of both chunks.
pub(crate) fn rows() -> [Vec<Vec<u8>>; 2] {
    let row = |(species, mass): (&str, i128)| {
        row::encode_row(&schema(), &[Value::Text(species.into()), Value::Int(mass)]).unwrap()
    };
    [
        [("Adelie", 3750), ("Adelie", 3800), ("Gentoo", 5000)].map(row).to_vec(),
        [("Chinstrap", 3500), ("Chinstrap", 3900)].map(row).to_vec(),
    ]
}

pub(crate) fn row_tree(chunk: usize) -> Tree {
    Tree::new(rows()[chunk].iter().map(|row| row::row_leaf(row)))
}

pub(crate) fn chunk_leaf(chunk: usize) -> ChunkLeafData {
    let tree = row_tree(chunk);
    ChunkLeafData {
        row_profile: row::PROFILE,
        schema_id: schema().schema_id(),
        rows: tree.size().value(),
        row_root: tree.root().into(),
    }
}

pub(crate) fn chunk_tree() -> Tree {
    Tree::new([0, 1].map(|chunk| chunk_leaf(chunk).leaf()))
}

pub(crate) fn rights() -> Rights {
    Rights::new(Terms {
        allow: BTreeSet::from([Use::Evaluate, Use::Train]),
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

pub(crate) fn chunk_list() -> ChunkList {
    let listed = |chunk: usize| {
        let file = format!("stands for the Parquet file of chunk {chunk}");
        ListedChunk { leaf: chunk_leaf(chunk), cid: Cid::raw_of(file.as_bytes()), bytes: file.len() as u64 }
    };
    ChunkList::new(vec![listed(0), listed(1)])
}

pub(crate) fn manifest_fields() -> ManifestFields {
    ManifestFields {
        schema: schema(),
        physical: r#"[["species","text"],["mass_g",["int","i64"]]]"#.to_owned(),
        rows: 5,
        chunks: 2,
        bad_rows: 0,
        chunk_root: chunk_tree().root().into(),
        chunk_list: FileRef::of(&chunk_list().to_cbor()),
        profiles: Profiles { infer: Inference::Infer1 },
        parent: None,
        card: None,
        report: None,
        license: None,
        croissant: None,
        rights: rights(),
    }
}

pub(crate) fn manifest() -> Manifest {
    Manifest::new(manifest_fields()).unwrap()
}

pub(crate) fn common(key: &SigningKey, nonce: u8) -> Common {
    Common {
        claimed_at: "2026-01-31T12:00:00Z".parse().unwrap(),
        contributor_id: key.verifying_key().contributor_id(),
        nonce: Nonce::new([nonce; 16]),
        prev: None::<StatementId>,
    }
}

pub(crate) fn dataset() -> Dataset {
    let manifest = manifest();
    let subject =
        DatasetSubject { name: "penguins".parse().unwrap(), id: manifest.dataset_id(), manifest: manifest.digest() };
    Dataset {
        subject,
        on_behalf_of: None,
        rows: Positive::new(5).unwrap(),
        chunks: Positive::new(2).unwrap(),
        schema_id: schema().schema_id(),
        profiles: Profiles { infer: Inference::Infer1 },
        rights: rights(),
    }
}

pub(crate) fn sign(statement: &Statement, keys: &[&SigningKey]) -> Entry {
    Entry::of(&Envelope::seal(&statement.to_payload(), keys).unwrap()).unwrap()
}

/// A statement about nothing in particular, to fill a log with.
pub(crate) fn filler(key: &SigningKey, nonce: u8) -> Entry {
    let policy = Policy { policy: Digest::of(b"sample policy"), from_epoch: Positive::new(1).unwrap() };
    sign(&Statement::new(common(key, nonce), Predicate::Policy(policy)).unwrap(), &[key])
}

/// The contributor's contribution, by whichever key of hers.
pub(crate) fn contribution(key: &SigningKey) -> Entry {
    let statement = Statement::new(common(&contributor_key(), 42), Predicate::Contribute(dataset())).unwrap();
    sign(&statement, &[key])
}

/// The same entry with another signature, as a careless log might take it.
pub(crate) fn badly_signed(entry: &Entry) -> Entry {
    let mut bytes = entry.as_bytes().to_vec();
    let sig = bytes.windows(7).position(|window| window == b"\"sig\":\"").unwrap() + 7;
    bytes[sig] = if bytes[sig] == b'A' { b'B' } else { b'A' };
    Entry::parse(&bytes).unwrap()
}

pub(crate) fn rotation(old: &SigningKey, new: &SigningKey, nonce: u8) -> Entry {
    let rotate = Rotate { old: old.verifying_key(), new: new.verifying_key() };
    let statement = Statement::new(common(&contributor_key(), nonce), Predicate::Rotate(rotate)).unwrap();
    sign(&statement, &[old, new])
}

/// A log over these entries, and proofs from it.
pub(crate) struct Log {
    pub(crate) entries: Vec<Entry>,
    pub(crate) origin: &'static str,
    pub(crate) key: SigningKey,
}

impl Log {
    pub(crate) fn new(entries: Vec<Entry>) -> Self {
        Self { entries, origin: ORIGIN, key: log_key() }
    }

    /// Three entries of somebody else, then the contribution, then one more.
    pub(crate) fn sample() -> Self {
        let other = stranger_key();
        Self::new(vec![
            filler(&other, 1),
            filler(&other, 2),
            filler(&other, 3),
            contribution(&contributor_key()),
            filler(&other, 4),
        ])
    }

    /// The contributor rotated to another key before she contributed with it.
    pub(crate) fn rotated() -> Self {
        let (first, second) = (contributor_key(), second_key());
        Self::new(vec![filler(&first, 1), rotation(&first, &second, 2), filler(&second, 3), contribution(&second)])
    }

    pub(crate) fn tree(&self) -> Tree {
        Tree::new(self.entries.iter().map(|entry| *entry.entry_id().digest()))
    }

    pub(crate) fn checkpoint(&self) -> SignedCheckpoint {
        let tree = self.tree();
        let checkpoint = Checkpoint::new(self.origin.parse().unwrap(), tree.size(), tree.root().into());
        SignedCheckpoint::sign(&checkpoint, &self.key).unwrap()
    }

    pub(crate) fn path(&self, index: u64) -> Vec<Digest> {
        self.tree().path(LeafIndex::new(index)).unwrap()
    }

    pub(crate) fn rotation_at(&self, index: u64) -> Rotation {
        let entry = self.entries[usize::try_from(index).unwrap()].as_bytes().to_vec();
        Rotation { entry, index: LeafIndex::new(index), path: self.path(index) }
    }

    /// A proof of the entry at `index`, as deep as `descent`.
    pub(crate) fn proof(&self, index: u64, descent: Descent) -> Parts {
        let schema = (descent != Descent::Entry).then(|| schema().to_cbor());
        let entry = self.entries[usize::try_from(index).unwrap()].as_bytes().to_vec();
        Parts {
            evidence: Evidence { entry, descent, schema, rotations: Vec::new(), anchor: None },
            index,
            path: self.path(index),
            checkpoint: self.checkpoint(),
        }
    }
}

/// A proof before it is written, so that a test can spoil a part of it.
#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) evidence: Evidence,
    pub(crate) index: u64,
    pub(crate) path: Vec<Digest>,
    pub(crate) checkpoint: SignedCheckpoint,
}

impl Parts {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let (index, path) = (LeafIndex::new(self.index), self.path.clone());
        TlogProof { extra: self.evidence.to_cbor(), index, path, checkpoint: self.checkpoint.clone() }.to_bytes()
    }
}

pub(crate) fn chunk_step(chunk: usize) -> ChunkStep {
    let index = LeafIndex::new(chunk as u64);
    ChunkStep { index, path: chunk_tree().path(index).unwrap(), leaf: chunk_leaf(chunk) }
}

pub(crate) fn row_step(chunk: usize, row: usize) -> RowStep {
    let index = LeafIndex::new(row as u64);
    RowStep { index, path: row_tree(chunk).path(index).unwrap(), row: Some(rows()[chunk][row].clone()) }
}

/// The way down to a row.
pub(crate) fn to_row(chunk: usize, row: usize) -> Descent {
    Descent::Row { chunk: chunk_step(chunk), row: row_step(chunk, row) }
}

pub(crate) fn size(value: u64) -> TreeSize {
    TreeSize::new(value)
}
