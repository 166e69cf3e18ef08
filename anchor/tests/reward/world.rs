//! A log of sample people and tiny datasets, told as a list of events, with its rows and its chain.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::collections::{BTreeMap, BTreeSet, HashMap};

use alloy::primitives::{Address, B256, U256};
use mira_anchor::reward::{
    Allocation, Distributor, EpochError, Evidence, EvidenceSource, Funded, History, LogView, Outline, Policy, Previous,
    Row,
};
use mira_core::dataset::{ChunkLeafData, dataset_id};
use mira_core::digest::{ContributorId, DatasetId, Digest, ManifestDigest, StatementId};
use mira_core::dsse::Envelope;
use mira_core::entry::Entry;
use mira_core::fold::{Accepted, Fold, Outcome};
use mira_core::id::TreeSize;
use mira_core::key::SigningKey;
use mira_core::log::vkey::KeyName;
use mira_core::merkle::{Tree, TreeHead, leaf_hash, root_of};
use mira_core::rights::{Basis, License, PersonalData, Rights, Terms, Visibility};
use mira_core::row::{self, Value};
use mira_core::schema::{Field, Schema, Type};
use mira_core::statement::*;

pub const ORIGIN: &str = "log.example.org/sample";
/// Rows of each chunk but the last.
pub const CHUNK: usize = 2;
/// The person whom the reserve belongs to.
pub const RESERVE: u8 = 99;

/// What columns a sample dataset has: one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Columns {
    /// An int called a.
    IntA,
    /// An int called b: the same type.
    IntB,
    /// A date: other rows, though their bytes may be equal.
    Date,
}

/// Something that is logged. Numbers name earlier events, and people by the seed of their sample key.
#[derive(Debug, Clone)]
pub enum Event {
    Contribute { by: u8, columns: Columns, rows: Vec<u8> },
    Transform { by: u8, columns: Columns, rows: Vec<u8>, inputs: Vec<Use> },
    Train { by: u8, inputs: Vec<Use>, agents: Vec<(u8, AgentRole)> },
    Evaluate { by: u8, run: usize },
    Deploy { by: u8, run: usize, active: bool },
    Use { by: u8, run: usize, deployment: Option<usize>, count: u64 },
    Withdraw { target: usize, reason: WithdrawReason, rows: Option<Vec<u64>> },
    Available { by: u8, target: usize },
    Policy { by: u8, policy: Digest, from_epoch: u64 },
    Bind { by: u8, bind: Box<Bind> },
}

/// An input of a transform or a run.
#[derive(Debug, Clone)]
pub struct Use {
    pub target: usize,
    pub role: InputRole,
    pub passes: u64,
    pub part: Piece,
}

/// How much of a dataset.
#[derive(Debug, Clone)]
pub enum Piece {
    Whole,
    Chunk(u64),
    Rows(Vec<u64>),
}

impl Use {
    pub fn whole(target: usize) -> Self {
        Self { target, role: InputRole::Train, passes: 1, part: Piece::Whole }
    }
}

/// The log that the events made.
pub struct World {
    pub origin: KeyName,
    pub epochs: Vec<TreeHead>,
    pub ids: Vec<StatementId>,
    accepted: Vec<Accepted>,
    leaves: Vec<Digest>,
    fold: Fold,
    pub shelf: Shelf,
}

/// The rows and files that exist.
#[derive(Debug, Clone, Default)]
pub struct Shelf {
    datasets: HashMap<DatasetId, (Outline, Vec<Vec<Row>>)>,
    pub files: HashMap<Digest, Vec<u8>>,
    pub reads: usize,
}

pub fn person(seed: u8) -> ContributorId {
    key(seed).verifying_key().contributor_id()
}

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

pub fn distributor() -> Distributor {
    Distributor { chain_id: 31337, contract: Address::repeat_byte(0xdd), token: Address::repeat_byte(0x70) }
}

/// Rows below 2 are shorter than the sample policy counts.
pub fn policy() -> Policy {
    let mut policy = Policy::standard(ORIGIN.parse().unwrap(), person(RESERVE));
    policy.data.min_row_bytes = 3;
    policy
}

impl World {
    /// Logs the events and seals them as epoch 1.
    pub fn new(events: &[Event]) -> Self {
        let origin: KeyName = ORIGIN.parse().unwrap();
        let mut world = Self {
            fold: Fold::new(origin.clone()),
            origin,
            epochs: vec![],
            ids: vec![],
            accepted: vec![],
            leaves: vec![],
            shelf: Shelf::default(),
        };
        world.seal(events);
        world
    }

    /// Logs more events and seals them as the next epoch.
    pub fn seal(&mut self, events: &[Event]) {
        for event in events {
            self.log(event);
        }
        let size = TreeSize::new(self.leaves.len() as u64);
        self.epochs.push(TreeHead { size, root: root_of(self.leaves.iter().copied()) });
    }

    /// The proof that the last epoch extends the one before.
    pub fn consistency(&self) -> Vec<Digest> {
        let [.., before, _] = self.epochs.as_slice() else { return vec![] };
        Tree::new(self.leaves.iter().copied()).consistency_path(before.size).unwrap()
    }

    pub fn history(&self) -> History<'_> {
        History::new(&self.origin, &self.epochs, &self.accepted)
    }

    pub fn accepted(&self) -> Vec<&Accepted> {
        self.accepted.iter().collect()
    }

    pub fn view<'a>(&'a self, accepted: &'a [&'a Accepted]) -> LogView<'a> {
        LogView { origin: &self.origin, epochs: &self.epochs, accepted }
    }

    pub fn compute(&self, policy: &Policy, funded: &[Funded], previous: &Previous) -> Result<Allocation, EpochError> {
        let mut shelf = self.shelf.clone();
        Allocation::compute(1, &self.history(), &policy.to_bytes(), distributor(), funded, previous, &mut shelf)
    }

    /// The first epoch under a policy, with these payments, as what each person got.
    pub fn pay(&self, policy: &Policy, funded: &[Funded]) -> BTreeMap<ContributorId, u128> {
        let allocation = self.compute(policy, funded, &Previous::default()).unwrap();
        allocation.amounts.shares.iter().map(|share| (share.contributor, share.amount.to::<u128>())).collect()
    }

    pub fn fund(&self, payments: &[(Option<usize>, u128)]) -> Vec<Funded> {
        let event = |(index, (target, amount)): (u64, &(Option<usize>, u128))| Funded {
            block: 10 + index,
            log_index: 0,
            statement: target.map_or(B256::ZERO, |target| B256::from(*self.ids[target].as_bytes())),
            amount: U256::from(*amount),
        };
        (0..).zip(payments).map(event).collect()
    }

    fn log(&mut self, event: &Event) {
        let index = self.ids.len();
        let (by, predicate) = self.predicate(index, event);
        let mut nonce = [0; 16];
        nonce[..8].copy_from_slice(&(index as u64).to_be_bytes());
        let common = Common {
            claimed_at: "2026-01-31T12:00:00Z".parse().unwrap(),
            contributor_id: person(by),
            nonce: Nonce::new(nonce),
            prev: None,
        };
        let statement = Statement::new(common, predicate).unwrap();
        let entry = Entry::of(&Envelope::seal(&statement.to_payload(), &[&key(by)]).unwrap()).unwrap();
        match self.fold.apply(entry.as_bytes()) {
            Outcome::Accepted(accepted) => {
                self.ids.push(accepted.statement_id);
                self.leaves.push(leaf_hash(entry.as_bytes()));
                self.accepted.push(*accepted);
            }
            Outcome::Refused(refusal) => panic!("{event:?}: {refusal:?}"),
        }
    }

    fn predicate(&mut self, index: usize, event: &Event) -> (u8, Predicate) {
        let ids = self.ids.clone();
        let run = |run: &usize| (model(*run), ids[*run]);
        match event {
            Event::Contribute { by, columns, rows } => {
                (*by, Predicate::Contribute(self.dataset(index, *columns, rows)))
            }
            Event::Transform { by, columns, rows, inputs } => {
                let inputs = self.inputs(inputs);
                let output = self.dataset(index, *columns, rows);
                (*by, Predicate::Transform(Transform { output, inputs, code: None, config: None }))
            }
            Event::Train { by, inputs, agents } => (*by, self.train(index, inputs, agents)),
            Event::Evaluate { by, run: at } => {
                let (subject, model) = run(at);
                let (report, inputs) = (Digest::of(b"report"), Listed::Inline(vec![]));
                (*by, Predicate::Evaluate(Evaluate { subject, model, report, inputs, metrics: BTreeMap::new() }))
            }
            Event::Deploy { by, run: at, active } => {
                let (subject, model) = run(at);
                let state = if *active { DeploymentState::Active } else { DeploymentState::Retired };
                let deployment = format!("served-{index}").parse().unwrap();
                (*by, Predicate::Deploy(Deploy { subject, model, deployment, state, on_behalf_of: None, uri: None }))
            }
            Event::Use { by, run: at, deployment, count } => {
                let (subject, model) = run(at);
                let usage = Usage {
                    subject,
                    model,
                    deployment: deployment.map(|deployment| ids[deployment]),
                    from: "2026-01-01T00:00:00Z".parse().unwrap(),
                    to: "2026-02-01T00:00:00Z".parse().unwrap(),
                    unit: Unit::Tokens,
                    count: Amount(*count),
                    terms: BTreeSet::new(),
                };
                (*by, Predicate::Use(usage))
            }
            Event::Withdraw { target, reason, rows } => {
                let rows = rows.as_ref().map(|rows| self.row_set(rows));
                let withdraw = Withdraw { target: ids[*target], reason: *reason, rows };
                (self.signer(*target), Predicate::Withdraw(withdraw))
            }
            Event::Available { by, target } => {
                let cid = "bafybeihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku".parse().unwrap();
                (*by, Predicate::Available(Available { target: ids[*target], cid }))
            }
            Event::Policy { by, policy, from_epoch } => (
                *by,
                Predicate::Policy(mira_core::statement::Policy {
                    policy: *policy,
                    from_epoch: Positive::new(*from_epoch).unwrap(),
                }),
            ),
            Event::Bind { by, bind } => (*by, Predicate::Bind((**bind).clone())),
        }
    }

    /// The seed of who signed an event.
    fn signer(&self, target: usize) -> u8 {
        let signer = self.accepted[target].record.signer;
        (0..=u8::MAX).find(|seed| person(*seed) == signer).unwrap()
    }

    fn train(&mut self, index: usize, inputs: &[Use], agents: &[(u8, AgentRole)]) -> Predicate {
        let agents: BTreeSet<Agent> =
            agents.iter().map(|(by, role)| Agent { contributor_id: person(*by), role: *role }).collect();
        Predicate::Train(Train {
            subject: ModelSubject { name: format!("model-{index}").parse().unwrap(), id: model(index) },
            on_behalf_of: None,
            files: Listed::Inline(files(index)),
            inputs: self.inputs(inputs),
            rights: rights(),
            code: None,
            config: None,
            agents: Some(agents).filter(|agents| !agents.is_empty()),
        })
    }

    fn inputs(&mut self, inputs: &[Use]) -> Inputs {
        let input = |input: &Use| {
            let range = |start: u64| Range { start: Natural::new(start).unwrap(), length: Positive::new(1).unwrap() };
            let part = match &input.part {
                Piece::Whole => Part::Whole,
                Piece::Chunk(chunk) => Part::Chunks(Ranges::new(vec![range(*chunk)]).unwrap()),
                Piece::Rows(rows) => Part::Rows(self.row_set(rows)),
            };
            Input::Logged(LoggedInput {
                statement: self.ids[input.target],
                role: input.role,
                passes: Positive::new(input.passes).unwrap(),
                part,
                tokens: None,
            })
        };
        let inputs: Vec<Input> = inputs.iter().map(input).collect();
        // Long lists stand in files; here some short ones do too.
        match Inputs::in_file(&inputs).filter(|_| inputs.len().is_multiple_of(2)) {
            Some((listed, file)) => {
                self.shelf.files.insert(Digest::of(&file), file);
                listed
            }
            None => Listed::Inline(inputs),
        }
    }

    fn row_set(&mut self, rows: &[u64]) -> RowSet {
        let mut ranges: Vec<(u64, u64)> = vec![];
        for row in rows.iter().copied().collect::<BTreeSet<_>>() {
            match ranges.last_mut() {
                Some((_, end)) if *end == row => *end += 1,
                _ => ranges.push((row, row + 1)),
            }
        }
        let range = |(start, end): (u64, u64)| Range {
            start: Natural::new(start).unwrap(),
            length: Positive::new(end - start).unwrap(),
        };
        let ranges = Ranges::new(ranges.into_iter().map(range).collect()).unwrap();
        self.shelf.files.insert(Digest::of(&ranges.to_cbor()), ranges.to_cbor());
        RowSet::of(&ranges)
    }

    fn dataset(&mut self, index: usize, columns: Columns, rows: &[u8]) -> Dataset {
        let (schema, chunks) = table(columns, rows);
        let leaves = outline(&schema, &chunks);
        let schema_id = schema.schema_id();
        let root = root_of(leaves.iter().map(ChunkLeafData::leaf)).into();
        let id = dataset_id(row::PROFILE, &schema_id, rows.len() as u64, leaves.len() as u64, &root);
        self.shelf.datasets.insert(id, (Outline { schema, chunks: leaves.clone() }, chunks));
        Dataset {
            subject: DatasetSubject {
                name: format!("data-{index}").parse().unwrap(),
                id,
                manifest: ManifestDigest::new(Digest::of(b"manifest")),
            },
            on_behalf_of: None,
            rows: Positive::new(rows.len() as u64).unwrap(),
            chunks: Positive::new(leaves.len() as u64).unwrap(),
            schema_id,
            profiles: Profiles { infer: Inference::Infer1 },
            rights: rights(),
        }
    }
}

impl Evidence for Shelf {
    fn outline(&mut self, _: &StatementId, dataset: &Dataset) -> Result<Outline, EvidenceSource> {
        let (outline, _) = self.datasets.get(&dataset.subject.id).ok_or("no such dataset")?;
        Ok(outline.clone())
    }

    fn chunk(&mut self, _: &StatementId, dataset: &Dataset, index: usize) -> Result<Vec<Row>, EvidenceSource> {
        self.reads += 1;
        let (_, chunks) = self.datasets.get(&dataset.subject.id).ok_or("no such dataset")?;
        Ok(chunks.get(index).ok_or("no such chunk")?.clone())
    }

    fn file(&mut self, sha256: &Digest) -> Result<Vec<u8>, EvidenceSource> {
        Ok(self.files.get(sha256).ok_or("no such file")?.clone())
    }
}

impl Shelf {
    /// Lets a dataset's rows be gone.
    pub fn lose(&mut self, dataset: &DatasetId) {
        self.datasets.remove(dataset);
    }

    /// Lets a dataset say something else in its first row.
    pub fn forge(&mut self, dataset: &DatasetId) {
        let (_, chunks) = self.datasets.get_mut(dataset).unwrap();
        chunks[0][0].leaf = Digest::of(b"forged").into();
    }
}

fn table(columns: Columns, rows: &[u8]) -> (Schema, Vec<Vec<Row>>) {
    let (name, ty) = match columns {
        Columns::IntA => ("a", Type::Int),
        Columns::IntB => ("b", Type::Int),
        Columns::Date => ("a", Type::Date),
    };
    let schema = Schema::new(vec![Field::new(name, ty)]).unwrap();
    let row = |value: &u8| {
        // One byte of CBOR below 24, two above.
        let number = if *value < 2 { i32::from(*value) } else { 100 + i32::from(*value) };
        let value = match columns {
            Columns::Date => Value::Date(number),
            Columns::IntA | Columns::IntB => Value::Int(number.into()),
        };
        let bytes = row::encode_row(&schema, &[value]).unwrap();
        Row { leaf: row::row_leaf(&bytes), len: u32::try_from(bytes.len()).unwrap() }
    };
    let rows: Vec<Row> = rows.iter().map(row).collect();
    let chunks = rows.chunks(CHUNK).map(<[Row]>::to_vec).collect();
    (schema, chunks)
}

fn outline(schema: &Schema, chunks: &[Vec<Row>]) -> Vec<ChunkLeafData> {
    let leaf = |rows: &Vec<Row>| ChunkLeafData {
        row_profile: row::PROFILE,
        schema_id: schema.schema_id(),
        rows: rows.len() as u64,
        row_root: root_of(rows.iter().map(|row| row.leaf)).into(),
    };
    chunks.iter().map(leaf).collect()
}

fn files(index: usize) -> ModelFiles {
    BTreeMap::from([("weights".parse().unwrap(), Digest::of(&index.to_be_bytes()))])
}

fn model(index: usize) -> mira_core::digest::ModelId {
    model_id(&files(index))
}

fn rights() -> Rights {
    Rights::new(Terms {
        allow: BTreeSet::new(),
        deny: BTreeSet::new(),
        basis: Basis::Own,
        license: "CC0-1.0".parse::<License>().unwrap(),
        license_text: None,
        personal_data: PersonalData::None,
        visibility: Visibility::Public,
        attribution: None,
        consent: None,
    })
    .unwrap()
}
