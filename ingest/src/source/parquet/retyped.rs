//! A footer that says otherwise which byte strings are text.
//!
//! The reader checks a column for UTF-8 if the footer calls it UTF8, and only then: not if JSON, nor if the columns of Arrow
//! that the writer left in the footer make text of plain bytes. And it refuses a whole column for one value. So what is
//! text is said anew: all of it is, for the reader to check, or, where it refused, none, for us to look at row by row.

use std::sync::{Arc, OnceLock};

use arrow_schema::SchemaRef;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::basic::{ConvertedType, LogicalType, Type as PhysicalType};
use parquet::errors::ParquetError;
use parquet::file::metadata::{FileMetaData, ParquetMetaData};
use parquet::schema::types::{SchemaDescriptor, Type, TypePtr};

use crate::source::untyped;

/// Which leaves become text in Arrow; none at all if the file has no text.
#[derive(Debug, Clone)]
pub(super) struct Texts {
    leaves: Arc<[bool]>,
    /// Made for the first row group that asks, for all of them: it describes them all.
    untyped: Arc<OnceLock<Option<ArrowReaderMetadata>>>,
}

impl Texts {
    /// Those of a file that is read in these columns.
    pub(super) fn of(metadata: &ArrowReaderMetadata) -> Result<Option<Self>, ParquetError> {
        let mut leaves = Vec::new();
        metadata.schema().fields().iter().for_each(|field| untyped::leaves(field.data_type(), &mut leaves));
        let columns = metadata.parquet_schema().columns();
        if leaves.len() != columns.len() {
            return Err(ParquetError::General(format!("{} columns are read as {}", columns.len(), leaves.len())));
        }
        let of = |(leaf, column): (_, &parquet::schema::types::ColumnDescPtr)| {
            untyped::is_text(leaf) && column.physical_type() == PhysicalType::BYTE_ARRAY
        };
        let leaves: Arc<[bool]> = leaves.into_iter().zip(columns).map(of).collect();
        Ok(leaves.contains(&true).then(|| Self { leaves, untyped: Arc::default() }))
    }

    /// The file with every text checked by the reader.
    pub(super) fn checked(&self, metadata: ArrowReaderMetadata) -> Result<ArrowReaderMetadata, ParquetError> {
        let columns = metadata.parquet_schema().columns();
        let is_checked = |(text, column): (&bool, &parquet::schema::types::ColumnDescPtr)| {
            !text || column.converted_type() == ConvertedType::UTF8
        };
        if self.leaves.iter().zip(columns).all(is_checked) {
            return Ok(metadata);
        }
        let schema = Arc::clone(metadata.schema());
        self.retyped(&metadata, Some(LogicalType::String), schema)
    }

    /// The file with bytes for texts, if it can be read so.
    pub(super) fn untyped(&self, metadata: &ArrowReaderMetadata) -> Option<ArrowReaderMetadata> {
        let untyped = || self.retyped(metadata, None, untyped::schema(metadata.schema())).ok();
        self.untyped.get_or_init(untyped).clone()
    }

    fn retyped(
        &self,
        metadata: &ArrowReaderMetadata,
        text: Option<LogicalType>,
        schema: SchemaRef,
    ) -> Result<ArrowReaderMetadata, ParquetError> {
        let file = metadata.metadata().file_metadata();
        let mut leaves = self.leaves.iter().copied();
        let root = retyped(file.schema_descr().root_schema(), text.as_ref(), &mut leaves)?;
        let file = FileMetaData::new(
            file.version(),
            file.num_rows(),
            file.created_by().map(str::to_owned),
            None,
            Arc::new(SchemaDescriptor::new(root)),
            file.column_orders().cloned(),
        );
        let groups = metadata.metadata().row_groups().to_vec();
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true).with_schema(schema);
        ArrowReaderMetadata::try_new(Arc::new(ParquetMetaData::new(file, groups)), options)
    }
}

/// The same type with `text` for what the leaves that are texts are called. Leaves are met in their order.
fn retyped(
    ty: &Type,
    text: Option<&LogicalType>,
    leaves: &mut impl Iterator<Item = bool>,
) -> Result<TypePtr, ParquetError> {
    match ty {
        Type::GroupType { basic_info, fields } => {
            // No deeper than the schema, which was walked when it was read.
            let fields = fields.iter().map(|field| retyped(field, text, leaves)).collect::<Result<_, _>>()?;
            Ok(Arc::new(Type::GroupType { basic_info: basic_info.clone(), fields }))
        }
        Type::PrimitiveType { basic_info, physical_type, .. } if leaves.next() == Some(true) => {
            let builder = Type::primitive_type_builder(basic_info.name(), *physical_type)
                .with_repetition(basic_info.repetition())
                .with_id(basic_info.has_id().then(|| basic_info.id()))
                .with_logical_type(text.cloned());
            Ok(Arc::new(builder.build()?))
        }
        leaf @ Type::PrimitiveType { .. } => Ok(Arc::new(leaf.clone())),
    }
}
