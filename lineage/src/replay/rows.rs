//! Which rows an entry makes.

use std::collections::{BTreeMap, HashMap};

use mira_core::cid::Cid;
use mira_core::digest::{ContributorId, StatementId};
use mira_core::fold::{Accepted, Fold, Outcome, Record, Thing, Version, Withdrawn};
use mira_core::merkle::TreeHead;
use mira_core::name::Name;
use mira_core::rights::{Rights, Use, Verdict};
use mira_core::statement::{Bind, Dataset, Deploy, Evaluate, Inputs, Listed, Predicate, Train, Usage};

use super::graph::{Graph, program};
use super::names::{label, reference_of};
use super::{Logged, ReplayError, Sources, Tables, accepted};
use crate::tables::{
    AgentRow, AssociationRow, Assurance, DatasetRow, DatasetVersionRow, DeploymentRow, EpochRow, EvaluationRow,
    EventRow, JudgementRow, ModelRow, ModelVersionRow, RightsRow, RunRow, UseRow,
};

/// A replay under way.
pub(super) struct Replay<'a> {
    fold: &'a Fold,
    epochs: &'a [TreeHead],
    graph: Graph<'a>,
    /// What later entries say about earlier ones.
    withdrawn: HashMap<StatementId, u64>,
    available: HashMap<StatementId, Cid>,
    agents: BTreeMap<u64, AgentRow>,
    tables: Tables,
}

/// An accepted statement, and what the rows of several tables have in common.
struct Said<'a> {
    seq: u64,
    accepted: &'a Accepted,
    /// What the fold keeps of it at the end of the log.
    record: &'a Record,
    node: Option<u32>,
    epoch: Option<u64>,
}

impl Said<'_> {
    fn assurance(&self) -> Assurance {
        match (self.record.disputes, self.record.countersignatures) {
            (0, 0) => Assurance::SelfAttested,
            (0, _) => Assurance::Countersigned,
            _ => Assurance::Disputed,
        }
    }

    /// The name of what it adds. Statements of the kinds that add something always have one.
    fn version(&self) -> Option<&Version> {
        self.record.version.as_ref()
    }
}

impl<'a> Replay<'a> {
    pub(super) fn new(fold: &'a Fold, log: &'a [Logged<'a>], sources: &'a Sources) -> Self {
        let mut withdrawn = HashMap::new();
        let mut available = HashMap::new();
        for (seq, accepted) in accepted(log) {
            match accepted.statement.predicate() {
                Predicate::Withdraw(withdraw) => {
                    withdrawn.entry(withdraw.target).or_insert(seq);
                }
                Predicate::Available(said) => {
                    available.insert(said.target, said.cid);
                }
                _ => {}
            }
        }
        let tables = Tables { epochs: epochs(&sources.epochs), ..Tables::default() };
        let graph = Graph::new(fold, sources);
        let agents = agents(fold, log);
        Self { fold, epochs: &sources.epochs, graph, withdrawn, available, agents, tables }
    }

    pub(super) fn finish(mut self) -> Tables {
        self.tables.nodes = self.graph.nodes;
        self.tables.edges = self.graph.edges;
        self.tables.agents = self.agents.into_values().collect();
        self.tables
    }

    pub(super) fn entry(&mut self, seq: u64, logged: &Logged<'a>) -> Result<(), ReplayError> {
        let epoch = self.epochs.partition_point(|head| head.size.value() <= seq);
        let epoch = self.epochs.get(epoch).map(|_| epoch as u64 + 1);
        let accepted = match logged.outcome {
            Outcome::Accepted(accepted) => &**accepted,
            Outcome::Refused(refusal) => {
                self.tables.events.push(EventRow {
                    seq,
                    entry_id: logged.entry_id,
                    accepted: false,
                    reason: Some(refusal.reason()),
                    detail: Some(chain(refusal)),
                    epoch,
                    statement_id: None,
                    kind: None,
                    signer: None,
                    owner: None,
                    subject: None,
                    role: None,
                    claimed_at: None,
                    assurance: None,
                    withdrawn: None,
                });
                return Ok(());
            }
        };
        let statement = accepted.statement_id;
        let record = self.fold.statement(&statement).ok_or(ReplayError::Unknown { statement })?;
        let node = self.graph.add(seq, accepted)?;
        let said = Said { seq, accepted, record, node, epoch };
        self.event(&said, logged);
        self.thing(&said);
        self.rights(&said);
        self.run(&said);
        self.associations(&said);
        match accepted.statement.predicate() {
            Predicate::Contribute(dataset) => self.dataset(&said, dataset, false),
            Predicate::Transform(transform) => self.dataset(&said, &transform.output, true),
            Predicate::Train(train) => self.model(&said, train),
            Predicate::Evaluate(evaluate) => self.evaluation(&said, evaluate),
            Predicate::Deploy(deploy) => self.deployment(&said, deploy),
            Predicate::Use(usage) => self.usage(&said, usage),
            predicate => self.judgement(&said, predicate),
        }
        Ok(())
    }

    fn event(&mut self, said: &Said<'_>, logged: &Logged<'_>) {
        let record = said.record;
        self.tables.events.push(EventRow {
            seq: said.seq,
            statement_id: Some(said.accepted.statement_id),
            entry_id: logged.entry_id,
            kind: Some(record.kind),
            signer: Some(record.signer),
            owner: Some(record.owner),
            subject: Some(record.subject),
            role: role(said.accepted.statement.predicate()),
            claimed_at: Some(said.accepted.statement.common().claimed_at),
            assurance: Some(said.assurance()),
            withdrawn: Some(record.withdrawn),
            accepted: true,
            reason: None,
            detail: None,
            epoch: said.epoch,
        });
    }

    /// The first version of a name adds a row to `datasets` or `models`.
    fn thing(&mut self, said: &Said<'_>) {
        let Some(Version { name, number: 1 }) = said.version() else { return };
        let owner = said.record.owner;
        let Some((versions, latest)) = latest(self.fold, &owner, name) else { return };
        let (owner_label, name, created_seq) = (label(self.fold, &owner), name.clone(), said.seq);
        match Thing::of(said.record.kind) {
            Some(Thing::Dataset) => {
                self.tables.datasets.push(DatasetRow { owner, owner_label, name, versions, latest, created_seq });
            }
            Some(Thing::Model) => {
                self.tables.models.push(ModelRow { owner, owner_label, name, versions, latest, created_seq });
            }
            _ => {}
        }
    }

    fn dataset(&mut self, said: &Said<'_>, dataset: &Dataset, derived: bool) {
        let (Some(version), Some(node)) = (said.version(), said.node) else { return };
        let statement_id = said.accepted.statement_id;
        self.tables.dataset_versions.push(DatasetVersionRow {
            statement_id,
            node,
            seq: said.seq,
            owner: said.record.owner,
            signer: said.record.signer,
            name: version.name.clone(),
            version: version.number,
            r#ref: reference_of(self.fold, &statement_id).unwrap_or_default(),
            dataset_id: dataset.subject.id,
            manifest: dataset.subject.manifest,
            schema_id: dataset.schema_id,
            rows: dataset.rows.value(),
            chunks: dataset.chunks.value(),
            license: dataset.rights.license.clone(),
            derived,
            claimed_at: said.accepted.statement.common().claimed_at,
            withdrawn: said.record.withdrawn,
            withdrawn_seq: self.withdrawn.get(&statement_id).copied(),
            assurance: said.assurance(),
            available: self.available.get(&statement_id).copied(),
            epoch: said.epoch,
        });
    }

    fn model(&mut self, said: &Said<'_>, train: &Train) {
        let (Some(version), Some(node)) = (said.version(), said.node) else { return };
        let statement_id = said.accepted.statement_id;
        self.tables.model_versions.push(ModelVersionRow {
            statement_id,
            node,
            seq: said.seq,
            owner: said.record.owner,
            signer: said.record.signer,
            name: version.name.clone(),
            version: version.number,
            r#ref: reference_of(self.fold, &statement_id).unwrap_or_default(),
            model_id: train.subject.id,
            files: match &train.files {
                Listed::Inline(files) => files.len() as u64,
                Listed::File { count, .. } => count.value(),
            },
            license: train.rights.license.clone(),
            claimed_at: said.accepted.statement.common().claimed_at,
            withdrawn: said.record.withdrawn,
            withdrawn_seq: self.withdrawn.get(&statement_id).copied(),
            assurance: said.assurance(),
            epoch: said.epoch,
        });
    }

    fn run(&mut self, said: &Said<'_>) {
        let predicate = said.accepted.statement.predicate();
        let (Some(inputs), Some(output)) = (predicate.inputs(), said.node) else { return };
        let (code, config) = program(predicate);
        let (inputs, inputs_known, input_list) = self.listed(inputs);
        let statement_id = said.accepted.statement_id;
        self.tables.runs.push(RunRow {
            statement_id,
            kind: said.record.kind,
            seq: said.seq,
            signer: said.record.signer,
            output,
            output_ref: reference_of(self.fold, &statement_id),
            inputs,
            inputs_known,
            input_list,
            code_uri: code.map(|code| code.uri.clone()),
            code_commit: code.map(|code| code.commit.clone()),
            config,
            claimed_at: said.accepted.statement.common().claimed_at,
            assurance: said.assurance(),
            epoch: said.epoch,
        });
    }

    /// How many inputs there are, whether they are known, and the file they stand in.
    fn listed(&self, inputs: &Inputs) -> (u64, bool, Option<mira_core::digest::Digest>) {
        match inputs {
            Listed::Inline(inputs) => (inputs.len() as u64, true, None),
            Listed::File { count, list } => (count.value(), self.graph.inputs(inputs).is_some(), Some(*list)),
        }
    }

    fn evaluation(&mut self, said: &Said<'_>, evaluate: &Evaluate) {
        let Some(node) = said.node else { return };
        let row = |metric| EvaluationRow {
            statement_id: said.accepted.statement_id,
            node,
            seq: said.seq,
            signer: said.record.signer,
            model: evaluate.model,
            model_ref: reference_of(self.fold, &evaluate.model),
            model_id: evaluate.subject,
            report: evaluate.report,
            metric,
            value: None,
            claimed_at: said.accepted.statement.common().claimed_at,
            assurance: said.assurance(),
            epoch: said.epoch,
        };
        let rows = evaluate
            .metrics
            .iter()
            .map(|(metric, value)| EvaluationRow { value: Some(value.clone()), ..row(Some(metric.clone())) });
        self.tables.evaluations.extend(rows);
        if evaluate.metrics.is_empty() {
            self.tables.evaluations.push(row(None));
        }
    }

    fn deployment(&mut self, said: &Said<'_>, deploy: &Deploy) {
        let (Some(version), Some(node)) = (said.version(), said.node) else { return };
        let series = self.fold.deployment(&said.record.owner, &version.name);
        let statement_id = said.accepted.statement_id;
        self.tables.deployments.push(DeploymentRow {
            statement_id,
            node,
            seq: said.seq,
            owner: said.record.owner,
            signer: said.record.signer,
            deployment: version.name.clone(),
            version: version.number,
            latest: series.is_some_and(|series| series.versions().last() == Some(&statement_id)),
            state: deploy.state,
            model: deploy.model,
            model_ref: reference_of(self.fold, &deploy.model),
            model_id: deploy.subject,
            uri: deploy.uri.clone(),
            claimed_at: said.accepted.statement.common().claimed_at,
            assurance: said.assurance(),
            epoch: said.epoch,
        });
    }

    fn usage(&mut self, said: &Said<'_>, usage: &Usage) {
        let Some(node) = said.node else { return };
        self.tables.uses.push(UseRow {
            statement_id: said.accepted.statement_id,
            node,
            seq: said.seq,
            signer: said.record.signer,
            model: usage.model,
            model_ref: reference_of(self.fold, &usage.model),
            model_id: usage.subject,
            deployment: usage.deployment,
            counted_from: usage.from,
            counted_to: usage.to,
            unit: usage.unit,
            count: usage.count.0,
            assurance: said.assurance(),
            epoch: said.epoch,
        });
    }

    fn rights(&mut self, said: &Said<'_>) {
        let Some(rights) = &said.record.rights else { return };
        let statement_id = said.accepted.statement_id;
        self.tables.rights.push(RightsRow {
            statement_id,
            r#ref: reference_of(self.fold, &statement_id).unwrap_or_default(),
            license: rights.license.clone(),
            license_text: rights.license_text,
            basis: rights.basis,
            personal_data: rights.personal_data,
            visibility: rights.visibility,
            attribution: rights.attribution,
            consent: rights.consent.as_ref().map(|consent| consent.record),
            consent_expires: rights.consent.as_ref().and_then(|consent| consent.expires),
            commercial: verdict(rights, Use::Commercial),
            distill: verdict(rights, Use::Distill),
            evaluate: verdict(rights, Use::Evaluate),
            finetune: verdict(rights, Use::Finetune),
            redistribute: verdict(rights, Use::Redistribute),
            retrieve: verdict(rights, Use::Retrieve),
            train: verdict(rights, Use::Train),
        });
    }

    fn associations(&mut self, said: &Said<'_>) {
        let predicate = said.accepted.statement.predicate();
        let (seq, agent) = (said.seq, said.record.signer);
        let activity = match predicate {
            Predicate::Countersign(countersign) => countersign.target,
            _ => said.accepted.statement_id,
        };
        if let Some(role) = role(predicate) {
            let on_behalf_of = predicate.on_behalf_of();
            self.tables.associations.push(AssociationRow { activity, agent, role, on_behalf_of, signed: true, seq });
        }
        let Predicate::Train(Train { agents: Some(agents), .. }) = predicate else { return };
        self.tables.associations.extend(agents.iter().map(|agent| AssociationRow {
            activity,
            agent: agent.contributor_id,
            role: agent.role.to_string(),
            on_behalf_of: None,
            signed: false,
            seq,
        }));
    }

    fn judgement(&mut self, said: &Said<'_>, predicate: &Predicate) {
        let (target, role, reason, rows) = match predicate {
            Predicate::Countersign(it) => (it.target, Some(it.role.to_string()), None, None),
            Predicate::Dispute(it) => (it.target, None, Some(it.reason.to_string()), None),
            Predicate::Withdraw(it) => {
                (it.target, None, Some(it.reason.to_string()), it.rows.map(|rows| rows.count.value()))
            }
            Predicate::Available(it) => (it.target, None, None, None),
            Predicate::Refused(it) => (it.target, None, Some(it.reason.to_string()), None),
            _ => return,
        };
        self.tables.judgements.push(JudgementRow {
            statement_id: said.accepted.statement_id,
            seq: said.seq,
            kind: said.record.kind,
            signer: said.record.signer,
            target,
            target_ref: reference_of(self.fold, &target),
            role,
            reason,
            rows,
            in_force: said.record.withdrawn == Withdrawn::Nothing,
            claimed_at: said.accepted.statement.common().claimed_at,
            epoch: said.epoch,
        });
    }
}

/// How many versions a name has, and the latest.
fn latest(fold: &Fold, owner: &ContributorId, name: &Name) -> Option<(u64, StatementId)> {
    let versions = fold.artifact(owner, name)?.versions();
    Some((versions.len() as u64, *versions.last()?))
}

/// As what the signer of a statement speaks.
fn role(predicate: &Predicate) -> Option<String> {
    let role = match predicate {
        Predicate::Contribute(_) => "contributor",
        Predicate::Transform(_) => "developer",
        Predicate::Train(_) => "trainer",
        Predicate::Evaluate(_) => "validator",
        Predicate::Deploy(_) | Predicate::Use(_) => "deployer",
        Predicate::Audit(_) => "auditor",
        Predicate::Countersign(countersign) => countersign.role.as_str(),
        _ => return None,
    };
    Some(role.to_owned())
}

fn verdict(rights: &Rights, wanted: Use) -> String {
    match rights.verdict(wanted) {
        Verdict::Allowed => "allowed",
        Verdict::Denied { .. } => "denied",
        Verdict::Unknown { .. } => "unknown",
    }
    .to_owned()
}

/// Everybody who signed an accepted statement, by the place of their first one.
fn agents(fold: &Fold, log: &[Logged<'_>]) -> BTreeMap<u64, AgentRow> {
    let mut seen: HashMap<ContributorId, (u64, u64)> = HashMap::new();
    let mut binds: HashMap<StatementId, &Bind> = HashMap::new();
    for (seq, accepted) in accepted(log) {
        seen.entry(accepted.record.signer).or_insert((seq, 0)).1 += 1;
        if let Predicate::Bind(bind) = accepted.statement.predicate() {
            binds.insert(accepted.statement_id, bind);
        }
    }
    let row = |(id, (first_seq, statements)): (ContributorId, (u64, u64))| {
        let contributor = fold.contributor(&id)?;
        let last = contributor.last_bind().map(|bind| bind.statement);
        let bind = last.and_then(|statement| binds.get(&statement));
        let row = AgentRow {
            contributor_id: id,
            label: contributor.label().cloned(),
            key: contributor.current_key().copied(),
            first_seq,
            statements,
            payout: bind.map(|bind| bind.payout),
            chain_id: bind.map(|bind| bind.chain_id.value()),
            bind_expires: bind.map(|bind| bind.expires_epoch.value()),
            bind: last,
        };
        Some((first_seq, row))
    };
    seen.into_iter().filter_map(row).collect()
}

fn epochs(heads: &[TreeHead]) -> Vec<EpochRow> {
    let starts = std::iter::once(0).chain(heads.iter().map(|head| head.size.value()));
    (1..)
        .zip(heads.iter().zip(starts))
        .map(|(epoch, (head, first_seq))| {
            let size = head.size.value();
            EpochRow { epoch, size, root: head.root, first_seq, entries: size.saturating_sub(first_seq) }
        })
        .collect()
}

/// An error and its sources, outermost first.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}
