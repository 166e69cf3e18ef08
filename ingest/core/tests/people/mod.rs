//! Sample people, sample predicates, and a log that states what it expects of every entry.
//!
//! Each scenario is also written to `vectors/fold`, so that other implementations can be held to it.

#![allow(unreachable_pub, reason = "test binaries share this module")]
#![allow(dead_code, reason = "every test binary uses a part of this")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests state what they expect by unwrapping it")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use mira_core::cid::{Cid, Codec};
use mira_core::digest::{ContributorId, Digest, ModelId, StatementId};
use mira_core::dsse::Envelope;
use mira_core::entry::Entry;
use mira_core::fold::{Accepted, Fold, Outcome, Reason};
use mira_core::key::{SigningKey, VerifyingKey};
use mira_core::rights::{Basis, License, PersonalData, Rights, Terms, Use, Visibility};
use mira_core::statement::*;

/// The origin of the sample log.
pub const ORIGIN: &str = "log.example.org/sample";

/// A contributor, and the key with which it signs now.
#[derive(Clone)]
pub struct Person {
    pub id: ContributorId,
    pub key: SigningKey,
}

impl Person {
    /// The contributor named after the sample key of this seed.
    pub fn new(seed: u8) -> Self {
        let key = key(seed);
        Self { id: key.verifying_key().contributor_id(), key }
    }

    /// The same contributor, signing with another key.
    pub fn with_key(&self, seed: u8) -> Self {
        Self { id: self.id, key: key(seed) }
    }
}

/// A sample key, plainly one.
pub fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

pub fn public(seed: u8) -> VerifyingKey {
    key(seed).verifying_key()
}

pub fn positive(value: u64) -> Positive {
    Positive::new(value).unwrap()
}

pub fn digest(byte: u8) -> Digest {
    Digest::new([byte; 32])
}

pub fn rights() -> Rights {
    Rights::new(Terms {
        allow: BTreeSet::from([Use::Train, Use::Evaluate]),
        deny: BTreeSet::from([Use::Redistribute]),
        basis: Basis::Own,
        license: "CC-BY-4.0".parse::<License>().unwrap(),
        license_text: None,
        personal_data: PersonalData::None,
        visibility: Visibility::Public,
        attribution: None,
        consent: None,
    })
    .unwrap()
}

/// A dataset of 100 rows in 4 chunks.
pub fn dataset(name: &str) -> Dataset {
    Dataset {
        subject: DatasetSubject { name: name.parse().unwrap(), id: digest(0xd1).into(), manifest: digest(0xd2).into() },
        on_behalf_of: None,
        rows: positive(100),
        chunks: positive(4),
        schema_id: digest(0xd3).into(),
        profiles: Profiles { infer: Inference::Infer1 },
        rights: rights(),
    }
}

pub fn contribute(name: &str) -> Predicate {
    Predicate::Contribute(dataset(name))
}

pub fn contribute_for(owner: &Person, name: &str) -> Predicate {
    Predicate::Contribute(Dataset { on_behalf_of: Some(owner.id), ..dataset(name) })
}

pub fn input(statement: StatementId, part: Part) -> Inputs {
    Listed::Inline(vec![Input::Logged(LoggedInput {
        statement,
        role: InputRole::Train,
        passes: positive(1),
        part,
        tokens: None,
    })])
}

pub fn transform(name: &str, inputs: Inputs) -> Predicate {
    Predicate::Transform(Transform { output: dataset(name), inputs, code: None, config: None })
}

pub fn files(byte: u8) -> ModelFiles {
    BTreeMap::from([("weights.safetensors".parse().unwrap(), digest(byte))])
}

/// The id of the model of [`train`].
pub fn sample_model(byte: u8) -> ModelId {
    model_id(&files(byte))
}

pub fn train(name: &str, byte: u8, inputs: Inputs) -> Predicate {
    Predicate::Train(Train {
        subject: ModelSubject { name: name.parse().unwrap(), id: sample_model(byte) },
        on_behalf_of: None,
        files: Listed::Inline(files(byte)),
        inputs,
        rights: rights(),
        code: None,
        config: None,
        agents: None,
    })
}

pub fn deploy(model: StatementId, byte: u8, deployment: &str) -> Predicate {
    Predicate::Deploy(Deploy {
        subject: sample_model(byte),
        model,
        deployment: deployment.parse().unwrap(),
        state: DeploymentState::Active,
        on_behalf_of: None,
        uri: None,
    })
}

pub fn evaluate(model: StatementId, byte: u8, inputs: Inputs) -> Predicate {
    Predicate::Evaluate(Evaluate {
        subject: sample_model(byte),
        model,
        report: digest(0xe1),
        inputs,
        metrics: BTreeMap::new(),
    })
}

pub fn usage(model: StatementId, byte: u8, deployment: Option<StatementId>, terms: &[StatementId]) -> Predicate {
    Predicate::Use(Usage {
        subject: sample_model(byte),
        model,
        deployment,
        from: "2026-01-01T00:00:00Z".parse().unwrap(),
        to: "2026-02-01T00:00:00Z".parse().unwrap(),
        unit: Unit::Requests,
        count: Amount(12),
        terms: terms.iter().copied().collect(),
    })
}

pub fn available(target: StatementId) -> Predicate {
    Predicate::Available(Available { target, cid: Cid::new(Codec::DagPb, digest(0xc1)) })
}

pub fn countersign(target: StatementId) -> Predicate {
    Predicate::Countersign(Countersign { target, role: AgentRole::Validator })
}

pub fn dispute(target: StatementId) -> Predicate {
    Predicate::Dispute(Dispute { target, reason: DisputeReason::Copied, evidence: None })
}

pub fn withdraw(target: StatementId, rows: Option<u64>) -> Predicate {
    let rows = rows.map(|count| RowSet { count: positive(count), sha256: digest(0xc2) });
    Predicate::Withdraw(Withdraw { target, reason: WithdrawReason::Error, rows })
}

pub fn policy() -> Predicate {
    Predicate::Policy(Policy { policy: digest(0xb1), from_epoch: positive(1) })
}

pub fn register(seed: u8, label: Option<&str>, recovery: Option<u8>) -> Predicate {
    Predicate::Register(Register {
        key: public(seed),
        label: label.map(|label| label.parse().unwrap()),
        recovery: recovery.map(public),
    })
}

pub fn rotate(old: u8, new: u8) -> Predicate {
    Predicate::Rotate(Rotate { old: public(old), new: public(new) })
}

pub fn revoke(seed: u8) -> Predicate {
    Predicate::RevokeKey(RevokeKey { key: public(seed), reason: RevokeReason::Compromised })
}

pub fn grant(to: &Person, kinds: &[DelegatedKind], names: Option<&[&str]>) -> Predicate {
    Predicate::Delegate(Delegate {
        to: to.id,
        kinds: kinds.iter().copied().collect(),
        names: names.map(|names| names.iter().map(|name| name.parse().unwrap()).collect()),
        state: DelegationState::Granted,
    })
}

pub fn end(to: &Person, kinds: &[DelegatedKind]) -> Predicate {
    let kinds = kinds.iter().copied().collect();
    Predicate::Delegate(Delegate { to: to.id, kinds, names: None, state: DelegationState::Ended })
}

pub fn bind(nonce: u64, origin: &str) -> Predicate {
    Predicate::Bind(Bind {
        payout: EvmAddress::new([0xa1; 20]),
        bind_nonce: Natural::new(nonce).unwrap(),
        log_origin: origin.parse().unwrap(),
        expires_epoch: Natural::new(1000).unwrap(),
        chain_id: Natural::new(31_337).unwrap(),
        contract: EvmAddress::new([0xa2; 20]),
        signature: EvmSignature::new([0xa3; 65]),
    })
}

pub fn common(by: ContributorId, nonce: u64, prev: Option<StatementId>) -> Common {
    let mut bytes = [0; 16];
    bytes[8..].copy_from_slice(&nonce.to_be_bytes());
    let claimed_at = "2026-01-31T12:00:00Z".parse().unwrap();
    Common { claimed_at, contributor_id: by, nonce: Nonce::new(bytes), prev }
}

/// An entry by these keys, whoever they belong to.
pub fn sealed(statement: &Statement, keys: &[&SigningKey]) -> Vec<u8> {
    Entry::of(&Envelope::seal(&statement.to_payload(), keys).unwrap()).unwrap().as_bytes().to_vec()
}

/// A log whose entries all have an expected outcome.
pub struct Scenario {
    file: &'static str,
    comment: &'static str,
    pub fold: Fold,
    steps: Vec<Step>,
}

struct Step {
    comment: String,
    entry: Vec<u8>,
    expect: &'static str,
}

impl Scenario {
    pub fn new(file: &'static str, comment: &'static str) -> Self {
        Self { file, comment, fold: Fold::new(ORIGIN.parse().unwrap()), steps: Vec::new() }
    }

    /// A statement that differs from all others of this scenario.
    pub fn statement(&self, by: &Person, predicate: Predicate) -> Statement {
        Statement::new(common(by.id, self.steps.len() as u64, None), predicate).unwrap()
    }

    /// An entry by a person, and for a rotation by the new key too.
    pub fn entry(&self, by: &Person, predicate: Predicate) -> Vec<u8> {
        sealed(&self.statement(by, predicate), &[&by.key])
    }

    pub fn accept(&mut self, what: &str, by: &Person, predicate: Predicate) -> StatementId {
        let entry = self.entry(by, predicate);
        self.accept_entry(what, &entry)
    }

    pub fn refuse(&mut self, reason: Reason, what: &str, by: &Person, predicate: Predicate) {
        let entry = self.entry(by, predicate);
        self.refuse_entry(reason, what, &entry);
    }

    pub fn accept_entry(&mut self, what: &str, entry: &[u8]) -> StatementId {
        self.accepted(what, entry).statement_id
    }

    pub fn accepted(&mut self, what: &str, entry: &[u8]) -> Accepted {
        assert_eq!(self.fold.check(entry), Ok(()), "{what}");
        self.steps.push(Step { comment: what.into(), entry: entry.to_vec(), expect: "accepted" });
        match self.fold.apply(entry) {
            Outcome::Accepted(accepted) => *accepted,
            Outcome::Refused(refusal) => panic!("{what}: {refusal}"),
        }
    }

    /// Applies an entry that must be refused for this reason and change nothing.
    pub fn refuse_entry(&mut self, reason: Reason, what: &str, entry: &[u8]) {
        self.steps.push(Step { comment: what.into(), entry: entry.to_vec(), expect: reason.as_str() });
        let mut skipped = self.fold.clone();
        skipped.apply(b"refused for certain");
        let outcome = self.fold.apply(entry);
        assert_eq!(outcome.reason(), Some(reason), "{what}: {outcome:?}");
        assert!(self.fold == skipped, "{what}: a refused entry changed the state");
    }

    /// Compares the scenario with its vector; `BLESS=1` writes it.
    pub fn finish(self) {
        let quoted = |text: &str| serde_json::to_string(text).unwrap();
        let step = |step: &Step| {
            format!(
                "    {{\n      \"comment\": {},\n      \"expect\": \"{}\",\n      \"entry\": \"{}\"\n    }}",
                quoted(&step.comment),
                step.expect,
                data_encoding::BASE64.encode(&step.entry)
            )
        };
        let steps: Vec<String> = self.steps.iter().map(step).collect();
        let text = format!(
            "{{\n  \"comment\": {},\n  \"origin\": \"{ORIGIN}\",\n  \"entries\": [\n{}\n  ]\n}}\n",
            quoted(self.comment),
            steps.join(",\n")
        );
        bless(&format!("fold/{}.json", self.file), &text);
    }
}

/// The folder of vectors.
pub fn vectors() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("vectors")
}

/// Compares a text with the committed one; `BLESS=1` writes it.
pub fn bless(path: &str, text: &str) {
    let path = vectors().join(path);
    if std::env::var_os("BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == text, "{} is not what this test makes; BLESS=1 writes it", path.display());
}
