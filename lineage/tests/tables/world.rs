//! A log under the test's hands, and the sample story that most tests are about.

use std::collections::HashMap;
use std::sync::Arc;

use mira_core::cid::{Cid, Codec};
use mira_core::digest::{Digest, EntryId, RowRoot, StatementId};
use mira_core::entry::entry_id;
use mira_core::fold::{Fold, Outcome};
use mira_core::id::TreeSize;
use mira_core::merkle::{TreeHead, naive};
use mira_core::statement::*;
use mira_core::time::UtcTime;
use mira_lineage::ancestry::Lineage;
use mira_lineage::query::{Limits, Resolve, Sql, Unresolved};
use mira_lineage::replay::{Logged, Sources, Tables, replay};
use mira_lineage::tables::{AnchorRow, CardRow, ChunkRow, ClaimRow, PinRow, RewardRow};

use crate::people::{self, Person, common, digest, positive, sealed};

/// A log, what its entries came to, and what lies beside it.
pub(crate) struct World {
    pub(crate) fold: Fold,
    entries: Vec<(EntryId, Outcome)>,
    pub(crate) sources: Sources,
    names: HashMap<String, StatementId>,
}

/// Names that a test gave to statements, as REFs.
#[derive(Debug)]
struct Names(HashMap<String, StatementId>);

impl Resolve for Names {
    fn resolve(&self, text: &str) -> Result<StatementId, Unresolved> {
        let hint = Some("the story has no such name".to_owned());
        self.0.get(text).copied().ok_or_else(|| Unresolved { message: format!("nothing is called {text}"), hint })
    }
}

impl World {
    pub(crate) fn new() -> Self {
        let fold = Fold::new(people::ORIGIN.parse().unwrap());
        Self { fold, entries: Vec::new(), sources: Sources::default(), names: HashMap::new() }
    }

    /// Logs a statement that the fold must accept.
    pub(crate) fn say(&mut self, by: &Person, predicate: Predicate) -> StatementId {
        let statement = Statement::new(common(by.id, self.entries.len() as u64, None), predicate).unwrap();
        let accepted = match self.log(&sealed(&statement, &[&by.key])) {
            Outcome::Accepted(accepted) => accepted.statement_id,
            Outcome::Refused(refusal) => panic!("{refusal}"),
        };
        if let Some(version) = &self.fold.statement(&accepted).unwrap().version {
            self.names.insert(format!("{}@{}", version.name, version.number), accepted);
        }
        accepted
    }

    /// Logs any bytes.
    pub(crate) fn log(&mut self, entry: &[u8]) -> &Outcome {
        let outcome = self.fold.apply(entry);
        self.entries.push((entry_id(entry), outcome));
        &self.entries.last().unwrap().1
    }

    /// Seals the log as it is.
    pub(crate) fn seal(&mut self) {
        let leaves: Vec<Digest> = self.entries.iter().map(|(id, _)| Digest::from(*id)).collect();
        let size = TreeSize::new(leaves.len() as u64);
        self.sources.epochs.push(TreeHead { size, root: naive::root(&leaves) });
    }

    /// Hands in the chunks of a dataset, of so many rows each.
    pub(crate) fn chunks(&mut self, dataset: StatementId, rows: &[u64]) {
        let mut first_row = 0;
        for (index, rows) in (0..).zip(rows) {
            self.sources.chunks.push(ChunkRow {
                statement_id: dataset,
                index,
                first_row,
                rows: *rows,
                root: RowRoot::new(digest(0x40)),
                cid: Cid::new(Codec::Raw, digest(0x41)),
                bytes: 1000,
            });
            first_row += rows;
        }
    }

    pub(crate) fn tables(&self) -> Tables {
        let log: Vec<Logged<'_>> =
            self.entries.iter().map(|(entry_id, outcome)| Logged { entry_id: *entry_id, outcome }).collect();
        replay(&self.fold, &log, self.sources.clone()).unwrap()
    }

    pub(crate) fn lineage(&self) -> Arc<Lineage> {
        Arc::new(Lineage::new(self.tables()).unwrap())
    }

    pub(crate) fn sql(&self, limits: Limits) -> Sql {
        Sql::new(self.lineage(), Arc::new(Names(self.names.clone())), limits).unwrap()
    }

    /// Two contributors, a trainer with an outside base model, a validator and a deployer; some of it withdrawn and disputed.
    pub(crate) fn story() -> Self {
        let [ann, bob, tom, val, dep] = [1, 2, 3, 4, 5].map(Person::new);
        let mut world = Self::new();
        world.say(&ann, people::register(1, Some("ann"), None));
        let corpus = world.say(&ann, people::contribute("corpus"));
        world.chunks(corpus, &[25, 30, 35, 10]);
        let weather = world.say(&bob, people::contribute("weather"));
        world.seal();
        let chunks = [(0, 2), (3, 1)]
            .map(|(start, length)| Range { start: Natural::new(start).unwrap(), length: positive(length) });
        let parts = [
            logged(corpus, InputRole::Train, 1, Part::Chunks(Ranges::new(chunks.to_vec()).unwrap())),
            logged(weather, InputRole::Train, 1, Part::Whole),
        ];
        let clean = world.say(&ann, people::transform("clean", Inputs::Inline(parts.to_vec())));
        let base = world.say(&tom, training("base", 0x51, vec![external("hf:org/base", InputRole::Pretrain)], &[]));
        let rows = Part::Rows(RowSet { count: positive(24), sha256: digest(9) });
        let inputs = vec![
            logged(base, InputRole::Base, 1, Part::Whole),
            logged(clean, InputRole::Train, 2, Part::Whole),
            logged(corpus, InputRole::Finetune, 3, rows),
            logged(weather, InputRole::Validation, 1, Part::Whole),
        ];
        let agents = [Agent { contributor_id: dep.id, role: AgentRole::Compute }];
        let model = world.say(&tom, training("model", 0x52, inputs, &agents));
        world.log(b"no entry at all");
        world.seal();
        let test = Inputs::Inline(vec![logged(weather, InputRole::Test, 1, Part::Whole)]);
        let mut measured = people::evaluate(model, 0x52, test);
        if let Predicate::Evaluate(evaluate) = &mut measured {
            evaluate.metrics =
                [("acc", "0.5"), ("f1", "0.25")].map(|(k, v)| (k.parse().unwrap(), v.parse().unwrap())).into();
        }
        world.say(&val, measured);
        let served = world.say(&dep, people::deploy(model, 0x52, "chat"));
        world.say(&dep, people::usage(model, 0x52, Some(served), &[model, corpus]));
        world.say(&bob, people::countersign(model));
        world.say(&val, people::dispute(clean));
        world.say(&bob, people::withdraw(weather, None));
        world.say(&ann, people::bind(1, people::ORIGIN));
        world.say(&tom, training("model", 0x53, vec![logged(model, InputRole::Base, 1, Part::Whole)], &[]));
        world.hand_in(corpus, &ann);
        world
    }

    /// Facts that are no entries.
    fn hand_in(&mut self, corpus: StatementId, ann: &Person) {
        self.sources.anchors.push(AnchorRow {
            epoch: 1,
            size: 3,
            root: digest(0x61),
            chain_id: 31_337,
            contract: format!("0x{}", "62".repeat(20)),
            tx: format!("0x{}", "63".repeat(32)),
            block: Some(7),
            status: "local".to_owned(),
        });
        self.sources.cards.push(CardRow {
            statement_id: corpus,
            r#ref: "corpus@1".to_owned(),
            title: Some("Sample corpus".to_owned()),
            description: None,
            language: Some("en\nno".to_owned()),
            tags: Some("sample".to_owned()),
            tasks: None,
            license: Some("cc0-1.0".to_owned()),
        });
        self.sources.pins.push(PinRow {
            statement_id: corpus,
            cid: Cid::new(Codec::DagPb, digest(0x64)).to_string(),
            service: "http://127.0.0.1:5001".to_owned(),
            state: "pinned".to_owned(),
            attempts: 1,
            error: None,
            confirmed_at: UtcTime::from_unix_seconds(1_800_000_000),
            receipt: Some(digest(0x66)),
        });
        self.sources.rewards.push(RewardRow {
            epoch: 1,
            policy: digest(0x65),
            contributor: ann.id,
            amount: "99999999999999999999999999999999999998".parse().unwrap(),
            cumulative: "99999999999999999999999999999999999999".parse().unwrap(),
            payout: None,
            root: None,
        });
        self.sources.claims.push(ClaimRow {
            epoch: 1,
            contributor: ann.id,
            payout: format!("0x{}", "a1".repeat(20)),
            amount: "1".parse().unwrap(),
            cumulative: "1".parse().unwrap(),
            chain_id: 31_337,
            tx: format!("0x{}", "66".repeat(32)),
            block: None,
        });
    }
}

pub(crate) fn logged(statement: StatementId, role: InputRole, passes: u64, part: Part) -> Input {
    Input::Logged(LoggedInput { statement, role, passes: positive(passes), part, tokens: Some(Amount(u64::MAX)) })
}

pub(crate) fn external(uri: &str, role: InputRole) -> Input {
    Input::External(ExternalInput {
        uri: uri.parse().unwrap(),
        role,
        sha256: None,
        license: Some("MIT".parse().unwrap()),
    })
}

/// A training run with a program and its configuration.
pub(crate) fn training(name: &str, byte: u8, inputs: Vec<Input>, agents: &[Agent]) -> Predicate {
    let mut predicate = people::train(name, byte, Inputs::Inline(inputs));
    if let Predicate::Train(train) = &mut predicate {
        let uri = "https://example.org/code".parse().unwrap();
        train.code = Some(Code { commit: "0a".repeat(20).parse().unwrap(), uri });
        train.config = Some(digest(0x70));
        train.agents = (!agents.is_empty()).then(|| agents.iter().copied().collect());
    }
    predicate
}
