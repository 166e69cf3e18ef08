//! What SQL shows: one file per table, each the rows of one kind of fact.
//!
//! A table is a struct of its rows; [`Table`] says how they look in Arrow. Rows are plain values, so whoever has facts that
//! are not in the log (pins, anchors, rewards, claims, chunk lists) hands them in as rows and needs nothing else of this
//! crate. The rest comes out of [`replay`](crate::replay).
//!
//! | in SQL | what it holds |
//! |---|---|
//! | identities | 64 lowercase hex digits, as text |
//! | counts, positions | unsigned integers |
//! | amounts of a token | `Decimal(38, 0)`, in the token's smallest unit; see [`TokenAmount`] |
//! | times | `Timestamp` in UTC: somebody's word, as the statement has it |
//!
//! No number that reaches money is a float.

mod agents;
mod anchors;
mod associations;
mod cards;
mod cell;
mod chunks;
mod claims;
mod closures;
mod column_edges;
mod contributions;
mod dataset_versions;
mod datasets;
mod deployments;
mod edges;
mod epochs;
mod evaluations;
mod events;
mod judgements;
mod model_versions;
mod models;
mod nodes;
mod pins;
mod rewards;
mod rights;
mod runs;
mod uses;

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch};
use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::arrow::error::ArrowError;

pub use agents::AgentRow;
pub use anchors::AnchorRow;
pub use associations::AssociationRow;
pub use cards::CardRow;
pub use cell::{AmountError, Share, TokenAmount};
pub use chunks::ChunkRow;
pub use claims::ClaimRow;
pub use closures::{ClosureRow, Side};
pub use column_edges::ColumnEdgeRow;
pub use contributions::ContributionRow;
pub use dataset_versions::DatasetVersionRow;
pub use datasets::DatasetRow;
pub use deployments::DeploymentRow;
pub use edges::{EdgeRow, Rel};
pub use epochs::EpochRow;
pub use evaluations::EvaluationRow;
pub use events::{Assurance, EventRow};
pub use judgements::JudgementRow;
pub use model_versions::ModelVersionRow;
pub use models::ModelRow;
pub use nodes::{NodeKind, NodeRow};
pub use pins::PinRow;
pub use rewards::RewardRow;
pub use rights::RightsRow;
pub use runs::RunRow;
pub use uses::UseRow;

/// Rows in one batch of a table.
pub(crate) const BATCH: usize = 8192;

/// A kind of rows that SQL shows as one table.
pub trait Table: Sized {
    /// What SQL calls it.
    const NAME: &'static str;

    /// Its columns, in order.
    fn fields() -> Vec<Field>;

    /// The columns of some of its rows.
    fn columns(rows: &[Self]) -> Vec<ArrayRef>;

    /// Its schema.
    fn schema() -> SchemaRef {
        Arc::new(Schema::new(Self::fields()))
    }

    /// All rows, in batches of bounded size.
    ///
    /// # Errors
    /// None, unless the columns of this table are not what its schema says.
    fn batches(rows: &[Self]) -> Result<Vec<RecordBatch>, ArrowError> {
        rows.chunks(BATCH).map(|rows| RecordBatch::try_new(Self::schema(), Self::columns(rows))).collect()
    }
}

/// Declares the rows of a table and how they look in Arrow: each field is a column of that name.
macro_rules! table {
    (
        $(#[$doc:meta])*
        $row:ident as $name:literal { $($(#[$field_doc:meta])* $field:ident: $type:ty,)+ }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $row {
            $($(#[$field_doc])* pub $field: $type,)+
        }

        impl $crate::tables::Table for $row {
            const NAME: &'static str = $name;

            fn fields() -> Vec<datafusion::arrow::datatypes::Field> {
                vec![$($crate::tables::cell::field::<$type>(stringify!($field).trim_start_matches("r#"))),+]
            }

            fn columns(rows: &[Self]) -> Vec<datafusion::arrow::array::ArrayRef> {
                vec![$($crate::tables::cell::column(rows, |row: &Self| &row.$field)),+]
            }
        }
    };
}

/// Declares the words that a column may hold.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$member_doc:meta])* $member:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$member_doc])* $member,)+
        }

        impl $name {
            /// The word.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$member => $text,)+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

pub(crate) use {table, words};
