//! `closure`: closures as a table that wants to be filtered, for whoever cannot call a function.
//!
//! `root`, `direction` and `as_of` are what a closure is asked by, so equalities on them, lists of them (`IN`) and
//! alternatives (`OR`) are taken from the query and answered exactly. Everything else is left to the engine. Without a root
//! there is no closure, which is an error that names the fix.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{Column, ScalarValue, plan_err};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::streaming::PartitionStream;
use datafusion::prelude::SessionContext;

use super::Resolve;
use super::functions::Found;
use crate::ancestry::{AsOf, Lineage};
use crate::tables::{ClosureRow, Side, Table};

/// Makes the table available.
pub(super) fn register(
    context: &SessionContext,
    lineage: Arc<Lineage>,
    resolver: Arc<dyn Resolve>,
    most: usize,
) -> Result<()> {
    let table = ClosureTable { schema: ClosureRow::schema(), lineage, resolver, most };
    context.register_table(ClosureRow::NAME, Arc::new(table)).map(|_| ())
}

#[derive(Debug)]
struct ClosureTable {
    schema: SchemaRef,
    lineage: Arc<Lineage>,
    resolver: Arc<dyn Resolve>,
    most: usize,
}

/// One of the columns that a closure is asked by, and the values that a filter leaves for it.
struct Wanted<'a> {
    column: &'a str,
    values: BTreeSet<Key>,
}

/// A value of such a column.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Text(String),
    Number(u64),
}

impl Key {
    fn of(value: &ScalarValue) -> Option<Self> {
        match value {
            ScalarValue::UInt64(number) => number.map(Self::Number),
            value => value.try_as_str().flatten().map(|text| Self::Text(text.to_owned())),
        }
    }
}

/// Reads a filter, if it is one that this table takes.
fn wanted(filter: &Expr) -> Option<Wanted<'_>> {
    match filter {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => match (&**left, &**right) {
            (Expr::Column(column), Expr::Literal(value, _)) | (Expr::Literal(value, _), Expr::Column(column)) => {
                one(column, value)
            }
            _ => None,
        },
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
            let (mut left, right) = (wanted(left)?, wanted(right)?);
            if left.column != right.column {
                return None;
            }
            left.values.extend(right.values);
            Some(left)
        }
        Expr::InList(InList { expr, list, negated: false }) => {
            let Expr::Column(column) = &**expr else { return None };
            let values = list.iter().map(|item| match item {
                Expr::Literal(value, _) => Key::of(value),
                _ => None,
            });
            key_column(column).map(|column| values.collect::<Option<_>>().map(|values| Wanted { column, values }))?
        }
        _ => None,
    }
}

fn one<'a>(column: &'a Column, value: &ScalarValue) -> Option<Wanted<'a>> {
    Some(Wanted { column: key_column(column)?, values: BTreeSet::from([Key::of(value)?]) })
}

fn key_column(column: &Column) -> Option<&str> {
    Some(column.name.as_str()).filter(|name| matches!(*name, "root" | "direction" | "as_of"))
}

impl ClosureTable {
    /// The values that all filters on a column leave; none if there is no such filter.
    fn values(filters: &[Expr], column: &str) -> Option<BTreeSet<Key>> {
        let sets = filters.iter().filter_map(wanted).filter(|wanted| wanted.column == column);
        sets.map(|wanted| wanted.values).reduce(|left, right| &left & &right)
    }

    fn sides(filters: &[Expr]) -> Vec<Side> {
        let values = Self::values(filters, "direction");
        let is_wanted =
            |side: &Side| values.as_ref().is_none_or(|values| values.contains(&Key::Text(side.as_str().to_owned())));
        [Side::Upstream, Side::Downstream].into_iter().filter(is_wanted).collect()
    }

    fn states(filters: &[Expr]) -> Vec<AsOf> {
        let values = Self::values(filters, "as_of");
        values.map_or_else(
            || vec![AsOf::Now],
            |values| {
                let size = |key| match key {
                    Key::Number(size) => Some(AsOf::Size(size)),
                    Key::Text(_) => None,
                };
                values.into_iter().filter_map(size).collect()
            },
        )
    }
}

#[async_trait]
impl TableProvider for ClosureTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        let answer = |filter: &&Expr| match wanted(filter) {
            Some(_) => TableProviderFilterPushDown::Exact,
            None => TableProviderFilterPushDown::Unsupported,
        };
        Ok(filters.iter().map(answer).collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Some(roots) = Self::values(filters, "root") else {
            return plan_err!("closure wants a root: write `from closure where root = 'name@version'`, or `root = $1`");
        };
        let mut partitions: Vec<Arc<dyn PartitionStream>> = Vec::new();
        for as_of in Self::states(filters) {
            let bound = self.lineage.bound(as_of).map_err(|error| DataFusionError::External(Box::new(error)))?;
            for root in &roots {
                let Key::Text(root) = root else { continue };
                for side in Self::sides(filters) {
                    let (lineage, resolver) = (&self.lineage, &*self.resolver);
                    let found = Found::new(lineage, resolver, root.clone(), side, None, bound, self.most)?;
                    partitions.push(Arc::new(found));
                }
            }
        }
        let table = StreamingTable::try_new(Arc::clone(&self.schema), partitions)?;
        table.scan(state, projection, filters, limit).await
    }
}
