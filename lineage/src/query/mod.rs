//! SQL over the tables, read-only.
//!
//! Every [table](crate::tables) is there under its name, and the questions that SQL alone answers slowly or not at all:
//!
//! | | |
//! |---|---|
//! | `upstream(ref [, depth [, as_of]])` | what something was made from |
//! | `downstream(ref [, depth [, as_of]])` | what was made from it |
//! | `contribution(model [, as_of])` | whose rows went into a model |
//! | `closure where root = $1 [and direction = …] [and as_of = …]` | both closures, for bound parameters and IN lists |
//!
//! `ref` is whatever the caller's [`Resolve`] takes, or the id of a node. `as_of` is a number of entries, or `'epoch 3'`.
//!
//! Nothing here writes: statements other than queries are refused before they are planned any further, no file and no
//! address can be named in a query, and there is nothing to set. A query runs on a thread of its own, on one partition, so
//! that rows come in the same order every time and a query that never yields can still be left behind when its
//! [`Limits`] are reached, which is an error.

mod closure_table;
mod depth;
mod diagnose;
mod functions;
mod table;

use std::fmt::{self, Debug};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::ScalarValue;
use datafusion::error::DataFusionError;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::GreedyMemoryPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::{DataFrame, SQLOptions, SessionConfig, SessionContext};
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::Statement as SqlStatement;
use futures_util::StreamExt as _;
use mira_core::digest::StatementId;

pub use diagnose::{Place, QueryError};
pub(crate) use table::for_each as for_each_table;

use crate::ancestry::Lineage;

/// Says which statement a text in a query stands for.
pub trait Resolve: Debug + Send + Sync {
    /// The statement.
    ///
    /// # Errors
    /// [`Unresolved`], as a person should read it.
    fn resolve(&self, text: &str) -> Result<StatementId, Unresolved>;
}

/// Why a text stands for no statement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Unresolved {
    /// What is wrong.
    pub message: String,
    /// What would help.
    pub hint: Option<String>,
}

/// What a query may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes that sorts, joins and aggregates may hold; nothing is spilled to disk.
    pub memory: usize,
    /// Time from the start of planning to the last row.
    pub time: Duration,
    /// Nodes of one closure.
    pub nodes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { memory: 1 << 30, time: Duration::from_secs(300), nodes: 100_000_000 }
    }
}

/// Tables that can be asked in SQL.
pub struct Sql {
    context: SessionContext,
    limits: Limits,
}

/// The rows of an answer, in batches as they are found.
#[derive(Debug)]
pub struct Answer {
    schema: SchemaRef,
    messages: Receiver<Message>,
    deadline: Instant,
    limits: Limits,
    ended: bool,
}

/// What the thread of a query says.
#[derive(Debug)]
enum Message {
    Schema(SchemaRef),
    Batch(RecordBatch),
    Failed(Box<QueryError>),
    Done,
}

impl Sql {
    /// Makes the tables of `lineage` available.
    ///
    /// # Errors
    /// [`QueryError`], if the engine cannot be set up.
    pub fn new(lineage: Arc<Lineage>, resolver: Arc<dyn Resolve>, limits: Limits) -> Result<Self, QueryError> {
        let mut config = SessionConfig::new()
            .with_target_partitions(1)
            .with_batch_size(crate::tables::BATCH)
            .with_information_schema(true)
            .with_default_catalog_and_schema("mira", "lineage");
        config.options_mut().sql_parser.collect_spans = true;
        config.options_mut().sql_parser.map_string_types_to_utf8view = false;
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(GreedyMemoryPool::new(limits.memory)))
            .with_disk_manager_builder(DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled))
            .build_arc();
        let runtime = runtime.map_err(|error| QueryError::of(&error))?;
        let context = SessionContext::new_with_config_rt(config, runtime);
        table::register(&context, &lineage).map_err(|error| QueryError::of(&error))?;
        functions::register(&context, &lineage, &resolver, limits.nodes);
        closure_table::register(&context, lineage, resolver, limits.nodes).map_err(|error| QueryError::of(&error))?;
        Ok(Self { context, limits })
    }

    /// Plans one query and starts it. `parameters` stand in it as `$1`, `$2`, …; each is read as the type that its place asks
    /// for, never as SQL.
    ///
    /// # Errors
    /// [`QueryError`]; later ones come out of the [`Answer`].
    pub fn query(&self, sql: &str, parameters: &[String]) -> Result<Answer, QueryError> {
        let (sender, messages) = sync_channel(2);
        let (context, limits) = (self.context.clone(), self.limits);
        let (sql, parameters) = (sql.to_owned(), parameters.to_vec());
        let deadline = Instant::now() + limits.time;
        let failed = |error: std::io::Error| QueryError::Engine { message: error.to_string() };
        std::thread::Builder::new()
            .name("query".to_owned())
            // Plans are trees, and deep ones are visited by recursion; memory is taken as it goes deeper.
            .stack_size(256 << 20)
            .spawn(move || run(&context, &sql, &parameters, &sender))
            .map_err(failed)?;
        match receive(&messages, deadline, &limits)? {
            Message::Schema(schema) => Ok(Answer { schema, messages, deadline, limits, ended: false }),
            Message::Failed(error) => Err(*error),
            Message::Batch(_) | Message::Done => {
                Err(QueryError::Engine { message: "an answer without columns".into() })
            }
        }
    }
}

impl Debug for Sql {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sql").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl Answer {
    /// The columns.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }
}

impl Iterator for Answer {
    type Item = Result<RecordBatch, QueryError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        match receive(&self.messages, self.deadline, &self.limits) {
            Ok(Message::Batch(batch)) => return Some(Ok(batch)),
            Ok(Message::Done) => self.ended = true,
            Ok(Message::Failed(error)) => {
                self.ended = true;
                return Some(Err(*error));
            }
            Ok(Message::Schema(_)) => {
                self.ended = true;
                return Some(Err(QueryError::Engine { message: "an answer with two sets of columns".into() }));
            }
            Err(error) => {
                self.ended = true;
                return Some(Err(error));
            }
        }
        None
    }
}

/// Waits for the thread of a query, but not longer than it may take.
fn receive(messages: &Receiver<Message>, deadline: Instant, limits: &Limits) -> Result<Message, QueryError> {
    // Asked first: a message that is ready would be taken however late it is.
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(QueryError::Time { limit: limits.time });
    }
    messages.recv_timeout(left).map_err(|error| match error {
        RecvTimeoutError::Timeout => QueryError::Time { limit: limits.time },
        // A thread that ends properly says so first.
        RecvTimeoutError::Disconnected => QueryError::Engine { message: "the query's thread died".into() },
    })
}

/// Runs a query to its end, or until nobody listens any more.
fn run(context: &SessionContext, sql: &str, parameters: &[String], sender: &SyncSender<Message>) {
    let runtime = match tokio::runtime::Builder::new_current_thread().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let error = QueryError::Engine { message: error.to_string() };
            // Without a listener there is nobody to tell.
            let _ = sender.send(Message::Failed(Box::new(error)));
            return;
        }
    };
    let result = runtime.block_on(async {
        let frame = plan(context, sql, parameters).await?;
        let mut stream = frame.execute_stream().await.map_err(|error| QueryError::of(&error))?;
        if sender.send(Message::Schema(stream.schema())).is_err() {
            return Ok(());
        }
        while let Some(batch) = stream.next().await {
            let batch = batch.map_err(|error| QueryError::of(&error))?;
            if sender.send(Message::Batch(batch)).is_err() {
                return Ok(());
            }
        }
        Ok(())
    });
    let _ = sender.send(match result {
        Ok(()) => Message::Done,
        Err(error) => Message::Failed(Box::new(error)),
    });
}

/// Turns a text into a plan that only reads.
async fn plan(context: &SessionContext, sql: &str, parameters: &[String]) -> Result<DataFrame, QueryError> {
    depth::check(sql)?;
    let explain = |error| diagnose::explain(context, &error);
    let state = context.state();
    let dialect = state.config().options().sql_parser.dialect;
    let statement = state.sql_to_statement(sql, &dialect).map_err(explain)?;
    if !only_reads(&statement) {
        return Err(QueryError::ReadOnly);
    }
    let plan = state.statement_to_plan(statement).await.map_err(explain)?;
    let options = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    options.verify_plan(&plan).map_err(|_| QueryError::ReadOnly)?;
    let wanted = plan.get_parameter_types().map_err(|error| QueryError::of(&error))?;
    if wanted.len() != parameters.len() {
        return Err(QueryError::Parameters { expected: wanted.len(), found: parameters.len() });
    }
    let value = |(at, text): (usize, &String)| {
        let wanted = wanted.get(&format!("${at}")).cloned().flatten().unwrap_or(DataType::Utf8);
        ScalarValue::try_from_string(text.clone(), &wanted)
    };
    let values: Result<Vec<ScalarValue>, DataFusionError> = (1..).zip(parameters).map(value).collect();
    let values = values.map_err(|error| QueryError::of(&error))?;
    let frame = context.execute_logical_plan(plan).await.map_err(explain)?;
    if values.is_empty() {
        return Ok(frame);
    }
    frame.with_param_values(values).map_err(|error| QueryError::of(&error))
}

/// Whether a statement is a question. What is inside a query that is none is found in its plan.
fn only_reads(statement: &Statement) -> bool {
    match statement {
        Statement::Explain(_) => true,
        Statement::Statement(statement) => matches!(
            **statement,
            SqlStatement::Query(_)
                | SqlStatement::ExplainTable { .. }
                | SqlStatement::ShowVariable { .. }
                | SqlStatement::ShowTables { .. }
                | SqlStatement::ShowColumns { .. }
                | SqlStatement::ShowFunctions { .. }
        ),
        _ => false,
    }
}
