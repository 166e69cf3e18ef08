//! What the tests of reading share.
#![allow(clippy::unwrap_used, reason = "tests state what they expect")]
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part")]

use std::fs;
use std::ops::ControlFlow;
use std::path::PathBuf;

use arrow_array::RecordBatch;
use arrow_select::concat::concat_batches;
use mira_core::schema::{Field, Schema, Type};
use mira_ingest::pipeline::{Progress, Watch};
use mira_ingest::source::{BadRow, Options, Plan, Source, SourceError};
use tempfile::TempDir;

/// Files in a directory of their own, read in order.
pub struct Files {
    pub directory: TempDir,
    pub paths: Vec<PathBuf>,
}

impl Files {
    pub fn new(files: &[(&str, &[u8])]) -> Self {
        let directory = TempDir::new().unwrap();
        let path = |&(name, content): &(&str, &[u8])| {
            let path = directory.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, content).unwrap();
            path
        };
        let paths = files.iter().map(path).collect();
        Self { directory, paths }
    }

    pub fn open(&self, options: Options) -> Result<Source, SourceError> {
        Source::open(&self.paths, options)
    }
}

/// Keeps what was set aside.
#[derive(Default)]
pub struct Kept(pub Vec<BadRow>);

impl Watch for Kept {
    fn progress(&mut self, _: Progress) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn bad_row(&mut self, row: BadRow) -> ControlFlow<()> {
        self.0.push(row);
        ControlFlow::Continue(())
    }
}

/// All rows of a source under a plan, as one batch.
pub fn rows(source: &Source, plan: &Plan) -> Result<RecordBatch, SourceError> {
    let batches =
        source.batches(plan).map(|batch| Ok(batch?.batch().clone())).collect::<Result<Vec<_>, SourceError>>()?;
    Ok(concat_batches(plan.arrow(), &batches).unwrap())
}

pub fn schema(columns: &[(&str, Type)]) -> Schema {
    Schema::new(fields(columns)).unwrap()
}

pub fn fields(columns: &[(&str, Type)]) -> Vec<Field> {
    columns.iter().map(|(name, ty)| Field { name: (*name).to_owned(), ty: ty.clone() }).collect()
}

pub fn list(item: Type) -> Type {
    Type::List(Box::new(item))
}

pub fn map(key: Type, value: Type) -> Type {
    Type::Map(Box::new(key), Box::new(value))
}
