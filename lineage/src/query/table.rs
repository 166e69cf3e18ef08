//! Rows as tables of the engine. The columns of a table are made when a query first reads it.

use std::fmt;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{MemTable, Session, TableProvider};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::SessionContext;

use crate::ancestry::Lineage;
use crate::replay::Tables;
use crate::tables::Table;

/// Makes every table available under its name.
pub(super) fn register(context: &SessionContext, lineage: &Arc<Lineage>) -> Result<()> {
    for_each(|name, schema, batches| {
        let rows = RowTable { schema, lineage: Arc::clone(lineage), batches, made: OnceLock::new() };
        context.register_table(name, Arc::new(rows)).map(|_| ())
    })
}

/// What makes the columns of a table.
pub(crate) type Batches = fn(&Tables) -> std::result::Result<Vec<RecordBatch>, datafusion::arrow::error::ArrowError>;

/// Calls `visit` with the name and schema of every table, and what makes its columns.
pub(crate) fn for_each<E>(
    mut visit: impl FnMut(&'static str, SchemaRef, Batches) -> std::result::Result<(), E>,
) -> std::result::Result<(), E> {
    macro_rules! each {
        ($($field:ident,)*) => {{
            $({
                fn of<T: Table>(_: fn(&Tables) -> &Vec<T>) -> (&'static str, SchemaRef) {
                    (T::NAME, T::schema())
                }
                let (name, schema) = of(|tables| &tables.$field);
                visit(name, schema, |tables| Table::batches(&tables.$field))?;
            })*
        }};
    }
    each! {
        agents, anchors, associations, cards, chunks, claims, column_edges, dataset_versions, datasets, deployments, edges, epochs,
        evaluations, events, judgements, model_versions, models, nodes, pins, rewards, rights, runs, uses,
    }
    Ok(())
}

/// A table of rows.
struct RowTable {
    schema: SchemaRef,
    lineage: Arc<Lineage>,
    batches: Batches,
    made: OnceLock<MemTable>,
}

impl fmt::Debug for RowTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RowTable").field("schema", &self.schema).finish_non_exhaustive()
    }
}

#[async_trait]
impl TableProvider for RowTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let table = match self.made.get() {
            Some(table) => table,
            None => {
                let batches = (self.batches)(self.lineage.tables())?;
                let table = MemTable::try_new(Arc::clone(&self.schema), vec![batches])?;
                self.made.get_or_init(|| table)
            }
        };
        table.scan(state, projection, filters, limit).await
    }
}
