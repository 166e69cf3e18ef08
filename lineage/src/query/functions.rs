//! `upstream(…)`, `downstream(…)` and `contribution(…)`.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::catalog::streaming::StreamingTable;
use datafusion::catalog::{MemTable, TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::{ScalarValue, exec_datafusion_err, plan_err};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use datafusion::prelude::SessionContext;

use super::Resolve;
use crate::ancestry::{AsOf, Bound, Lineage, LineageError};
use crate::closure::{Direction, Step};
use crate::contribution::contribution;
use crate::tables::{BATCH, ClosureRow, ContributionRow, Side, Table};

/// Makes the functions available.
pub(super) fn register(context: &SessionContext, lineage: &Arc<Lineage>, resolver: &Arc<dyn Resolve>, most: usize) {
    let asked = |name| Asked { name, lineage: Arc::clone(lineage), resolver: Arc::clone(resolver), most };
    context.register_udtf("upstream", Arc::new(ClosureFunction(asked("upstream"), Side::Upstream)));
    context.register_udtf("downstream", Arc::new(ClosureFunction(asked("downstream"), Side::Downstream)));
    context.register_udtf("contribution", Arc::new(ContributionFunction(asked("contribution"))));
}

/// What every function knows.
#[derive(Debug)]
struct Asked {
    name: &'static str,
    lineage: Arc<Lineage>,
    resolver: Arc<dyn Resolve>,
    most: usize,
}

#[derive(Debug)]
struct ClosureFunction(Asked, Side);

#[derive(Debug)]
struct ContributionFunction(Asked);

impl TableFunctionImpl for ClosureFunction {
    fn call_with_args(&self, args: TableFunctionArgs<'_, '_>) -> Result<Arc<dyn TableProvider>> {
        let Self(asked, side) = self;
        let usage = "(ref [, depth [, as_of]])";
        let (root, rest) = asked.root(args.exprs(), usage, 2)?;
        let depth = match rest.first() {
            Some(depth) => asked.number(depth, "depth")?.map(|depth| u32::try_from(depth).unwrap_or(u32::MAX)),
            None => None,
        };
        let as_of = rest.get(1).map_or(Ok(AsOf::Now), |as_of| asked.as_of(as_of))?;
        let bound = asked.lineage.bound(as_of).map_err(external)?;
        let found = Found::new(&asked.lineage, &*asked.resolver, root, *side, depth, bound, asked.most)?;
        let table = StreamingTable::try_new(ClosureRow::schema(), vec![Arc::new(found)])?;
        Ok(Arc::new(table))
    }
}

impl TableFunctionImpl for ContributionFunction {
    fn call_with_args(&self, args: TableFunctionArgs<'_, '_>) -> Result<Arc<dyn TableProvider>> {
        let Self(asked) = self;
        let (root, rest) = asked.root(args.exprs(), "(model [, as_of])", 1)?;
        let as_of = rest.first().map_or(Ok(AsOf::Now), |as_of| asked.as_of(as_of))?;
        let root = node(&asked.lineage, &*asked.resolver, &root)?;
        let rows = contribution(&asked.lineage, root, as_of, asked.most);
        let rows = rows.map_err(|error| DataFusionError::External(Box::new(error)))?;
        Ok(Arc::new(MemTable::try_new(ContributionRow::schema(), vec![ContributionRow::batches(&rows)?])?))
    }
}

impl Asked {
    /// The first argument, and at most `more` others.
    fn root<'a>(&self, args: &'a [Expr], usage: &str, more: usize) -> Result<(String, Vec<&'a ScalarValue>)> {
        let name = self.name;
        if args.is_empty() || args.len() > more + 1 {
            return plan_err!("the function is {name}{usage}, found {} arguments", args.len());
        }
        let values = args.iter().map(|arg| match arg {
            Expr::Literal(value, _) => Ok(value),
            Expr::Placeholder(_) => plan_err!(
                "{name}(…) takes no parameters: write `closure where root = $1`, or put the value into the query"
            ),
            Expr::Column(column) => {
                plan_err!("{name}(…) takes values: put {} between single quotes, or join `closure`", column.name)
            }
            _ => plan_err!("{name}(…) takes values that do not depend on rows"),
        });
        let mut values = values.collect::<Result<Vec<_>>>()?.into_iter();
        match values.next().and_then(|root| root.try_as_str().flatten()) {
            Some(root) => Ok((root.to_owned(), values.collect())),
            None => plan_err!("the first argument of {name}{usage} is a text"),
        }
    }

    fn number(&self, value: &ScalarValue, what: &str) -> Result<Option<u64>> {
        let number = match value.cast_to(&DataType::UInt64) {
            _ if value.is_null() => return Ok(None),
            // A fraction would be cut, and a text or truth value read as a number.
            _ if !value.data_type().is_integer() => None,
            Ok(ScalarValue::UInt64(number)) => number,
            _ => None,
        };
        match number {
            Some(number) => Ok(Some(number)),
            None => plan_err!("{what} of {}(…) is an integer from 0, or null", self.name),
        }
    }

    fn as_of(&self, value: &ScalarValue) -> Result<AsOf> {
        let Some(Some(text)) = value.try_as_str() else {
            return Ok(self.number(value, "as_of")?.map_or(AsOf::Now, AsOf::Size));
        };
        let epoch = text.strip_prefix("epoch ").and_then(|number| number.parse().ok()).map(AsOf::Epoch);
        match epoch.or_else(|| text.parse().ok().map(AsOf::Size)) {
            Some(as_of) => Ok(as_of),
            None => plan_err!("as_of of {}(…) is a number of entries, or an epoch like 'epoch 3'", self.name),
        }
    }
}

/// The node that a text stands for: an id of a node, or whatever the resolver takes.
fn node(lineage: &Lineage, resolver: &dyn Resolve, text: &str) -> Result<u32> {
    if let Some(node) = lineage.node(text) {
        return Ok(node);
    }
    let statement = resolver.resolve(text).map_err(|error| DataFusionError::External(Box::new(error)))?;
    lineage.node_of(&statement).map_err(external)
}

fn external(error: LineageError) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

/// A closure that was walked, whose rows are made as they are read.
#[derive(Debug, Clone)]
pub(super) struct Found {
    schema: SchemaRef,
    lineage: Arc<Lineage>,
    steps: Arc<[Step]>,
    root: String,
    side: Side,
    as_of: u64,
}

impl Found {
    /// Walks a closure.
    pub(super) fn new(
        lineage: &Arc<Lineage>,
        resolver: &dyn Resolve,
        root: String,
        side: Side,
        depth: Option<u32>,
        bound: Bound,
        most: usize,
    ) -> Result<Self> {
        let start = node(lineage, resolver, &root)?;
        let direction = match side {
            Side::Upstream => Direction::Up,
            Side::Downstream => Direction::Down,
        };
        let steps = lineage.closure(start, direction, depth, bound, most).map_err(external)?.into();
        let (schema, lineage) = (ClosureRow::schema(), Arc::clone(lineage));
        Ok(Self { schema, lineage, steps, root, side, as_of: bound.size })
    }

    fn row(&self, step: Step) -> Result<ClosureRow> {
        let node = self.lineage.row(step.node).ok_or_else(|| exec_datafusion_err!("no row of node {}", step.node))?;
        Ok(ClosureRow {
            root: self.root.clone(),
            direction: self.side,
            as_of: self.as_of,
            depth: step.depth,
            node: step.node,
            id: node.id.clone(),
            kind: node.kind,
            r#ref: node.r#ref.clone(),
            created_seq: node.created_seq,
        })
    }

    fn batch(&self, number: usize) -> Option<Result<datafusion::arrow::array::RecordBatch>> {
        let start = number.checked_mul(BATCH)?;
        let steps = self.steps.get(start..self.steps.len().min(start + BATCH)).filter(|steps| !steps.is_empty())?;
        let rows = steps.iter().map(|step| self.row(*step)).collect::<Result<Vec<_>>>();
        Some(rows.and_then(|rows| {
            let columns = ClosureRow::columns(&rows);
            Ok(datafusion::arrow::array::RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
        }))
    }
}

impl PartitionStream for Found {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let found = self.clone();
        let batches = (0..).map_while(move |number| found.batch(number));
        let stream = futures_util::stream::iter(batches);
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), stream))
    }
}
