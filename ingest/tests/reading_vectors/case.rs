//! One case: files, how they are read, and what is expected; and its vector.

use std::error::Error;
use std::fs;

use arrow_array::RecordBatch;
use data_encoding::{BASE64, HEXLOWER};
use mira_core::dataset::dataset_id;
use mira_core::digest::RowLeaf;
use mira_core::row::{self, Value};
use mira_core::{merkle, schema::Schema};
use mira_ingest::commit::leaf_data;
use mira_ingest::rows::RowEncoder;
use mira_ingest::source::{Format, Header, Options, Plan, Source, SourceError};
use serde_json::{Value as Json, json};

/// Sizes of blocks. Where a file is cut must make no difference.
const BLOCKS: [usize; 3] = [1, 16, 1 << 20];

pub(crate) struct Case {
    pub(crate) name: &'static str,
    comment: &'static str,
    format: Format,
    files: Vec<Vec<u8>>,
    nulls: Vec<&'static str>,
    delimiter: Option<char>,
    has_header: bool,
    /// The schema and the rows, unless the case is refused.
    expect: Option<(&'static str, Vec<String>)>,
}

/// A schema, and the canonical bytes of each row.
type Table = (Schema, Vec<Vec<u8>>);

pub(crate) fn csv(name: &'static str, comment: &'static str, file: impl AsRef<[u8]>) -> Case {
    case(name, comment, Format::Csv, file)
}

pub(crate) fn ndjson(name: &'static str, comment: &'static str, file: impl AsRef<[u8]>) -> Case {
    case(name, comment, Format::Ndjson, file)
}

pub(crate) fn json(name: &'static str, comment: &'static str, file: impl AsRef<[u8]>) -> Case {
    case(name, comment, Format::Json, file)
}

fn case(name: &'static str, comment: &'static str, format: Format, file: impl AsRef<[u8]>) -> Case {
    let (nulls, delimiter, has_header, expect) = (Vec::new(), None, true, None);
    Case { name, comment, format, files: vec![file.as_ref().to_vec()], nulls, delimiter, has_header, expect }
}

impl Case {
    /// Another file, after those before.
    pub(crate) fn then(mut self, file: impl AsRef<[u8]>) -> Self {
        self.files.push(file.as_ref().to_vec());
        self
    }

    /// An unquoted field of CSV that is this token is null.
    pub(crate) fn null(mut self, token: &'static str) -> Self {
        self.nulls.push(token);
        self
    }

    pub(crate) fn delimiter(mut self, delimiter: char) -> Self {
        self.delimiter = Some(delimiter);
        self
    }

    pub(crate) fn without_header(mut self) -> Self {
        self.has_header = false;
        self
    }

    /// The schema as JSON, and each row as its values are printed.
    pub(crate) fn reads(mut self, schema: &'static str, rows: &[&'static str]) -> Self {
        self.expect = Some((schema, rows.iter().map(|&row| row.to_owned()).collect()));
        self
    }

    /// The lines of this case in its vector, or how it is not as expected.
    pub(crate) fn vector(&self) -> Result<String, String> {
        let mut members = vec![("name", json!(self.name)), ("comment", json!(self.comment))];
        members.extend(self.input());
        members.extend(self.outcome().map_err(|found| format!("{}: {}: {found}", self.name, self.comment))?);
        let lines: Vec<String> = members.iter().map(|(key, value)| format!("      \"{key}\": {value}")).collect();
        // Whoever reads the vector should see a byte order mark.
        Ok(format!("    {{\n{}\n    }}", lines.join(",\n")).replace('\u{feff}', "\\ufeff"))
    }

    fn outcome(&self) -> Result<Vec<(&'static str, Json)>, String> {
        match (self.read_in_all_ways()?, &self.expect) {
            (Ok((schema, rows)), Some(expected)) => {
                let values: Vec<String> = rows.iter().map(|row| shown(&schema, row)).collect();
                if (schema.to_json().as_str(), &values) != (expected.0, &expected.1) {
                    return Err(format!("read as {} {values:?}", schema.to_json()));
                }
                Ok(accepted(&schema, &rows, &values))
            }
            (Err(reason), None) => Ok(vec![("expect", json!("refuse")), ("reason", json!(reason))]),
            (Ok((schema, _)), None) => Err(format!("read as {}", schema.to_json())),
            (Err(reason), Some(_)) => Err(format!("refused: {reason}")),
        }
    }

    fn input(&self) -> Vec<(&'static str, Json)> {
        let file = |bytes: &Vec<u8>| match str::from_utf8(bytes) {
            Ok(text) => json!({ "text": text }),
            Err(_) => json!({ "base64": BASE64.encode(bytes) }),
        };
        let files = self.files.iter().map(file).collect();
        let mut members = vec![("format", json!(self.format.name())), ("files", files)];
        if !self.nulls.is_empty() {
            members.push(("null", json!(self.nulls)));
        }
        members.extend(self.delimiter.map(|delimiter| ("delimiter", json!(delimiter))));
        if !self.has_header {
            members.push(("header", json!(false)));
        }
        members
    }

    /// What the files are, which must not depend on the size of blocks, nor on whether there was a guess before.
    fn read_in_all_ways(&self) -> Result<Result<Table, String>, String> {
        let [small, smallish, whole] = BLOCKS.map(|block_bytes| self.read(block_bytes));
        if small == whole && smallish == whole { Ok(whole) } else { Err("blocks make a difference".to_owned()) }
    }

    fn read(&self, block_bytes: usize) -> Result<Table, String> {
        let directory = tempfile::tempdir().unwrap();
        let paths = self.files.iter().enumerate().map(|(index, bytes)| {
            let path = directory.path().join(index.to_string());
            fs::write(&path, bytes).unwrap();
            path
        });
        let options = Options {
            format: Some(self.format),
            delimiter: self.delimiter.map(|delimiter| u8::try_from(delimiter).unwrap()),
            header: if self.has_header { Header::Yes } else { Header::No },
            nulls: self.nulls.iter().map(|&token| token.to_owned()).collect(),
            block_bytes,
            ..Options::default()
        };
        let read = || -> Result<Table, Box<dyn Error>> {
            let source = Source::open(&paths.collect::<Vec<_>>(), options)?;
            let plan = source.infer()?;
            let batches = source
                .batches(&plan)
                .map(|batch| Ok(batch?.batch().clone()))
                .collect::<Result<Vec<_>, SourceError>>()?;
            let table = table(&plan, &batches)?;
            self.check_guess(&source, &table);
            Ok(table)
        };
        // Where the files lie is no part of the vector.
        read().map_err(|error| reason(&*error).replace(&format!("{}/", directory.path().display()), ""))
    }

    /// A guess that holds reads the same.
    fn check_guess(&self, source: &Source, table: &Table) {
        let Some(guess) = source.guess().unwrap() else { return };
        let pieces: Vec<_> = source.blocks().map(|block| guess.parse(block.unwrap())).collect();
        if pieces.iter().all(|piece| piece.error.is_none()) {
            let batches: Vec<RecordBatch> = pieces.into_iter().flat_map(|piece| piece.batches).collect();
            assert!(self::table(guess.plan(), &batches).unwrap() == *table, "{}: the guess differs", self.name);
        }
    }
}

fn table(plan: &Plan, batches: &[RecordBatch]) -> Result<Table, Box<dyn Error>> {
    let mut rows = Vec::new();
    for batch in batches {
        let mut encoder = RowEncoder::new(batch)?;
        for index in 0..encoder.rows() {
            let mut row = Vec::new();
            encoder.encode(index, &mut row)?;
            rows.push(row);
        }
    }
    Ok((plan.schema().clone(), rows))
}

fn accepted(schema: &Schema, rows: &[Vec<u8>], values: &[String]) -> Vec<(&'static str, Json)> {
    let leaves: Vec<RowLeaf> = rows.iter().map(|row| row::row_leaf(row)).collect();
    // So few rows are one chunk.
    let chunks = merkle::root_of([leaf_data(schema, &leaves).leaf()]);
    let id = dataset_id(row::PROFILE, &schema.schema_id(), rows.len() as u64, 1, &chunks.into());
    vec![
        ("expect", json!("accept")),
        ("schema", serde_json::from_str(&schema.to_json()).unwrap()),
        ("values", json!(values)),
        ("rows", rows.iter().map(|row| HEXLOWER.encode(row)).collect()),
        ("dataset_id", json!(id.to_string())),
    ]
}

/// A row's values, as they are printed.
fn shown(schema: &Schema, row: &[u8]) -> String {
    let values = row::decode_row(schema, row).unwrap();
    values.iter().map(Value::to_string).collect::<Vec<_>>().join(", ")
}

/// An error and its sources, as `mira` prints them.
fn reason(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}
