//! A row for each file: its path, and its bytes (`files`) or its text (`text`).
//!
//! Blocks name files and hold nothing of them: whoever gets a block reads its files, so that a hundred thousand small
//! ones are read by all threads, and no more of them are in memory than a few blocks.
//!
//! A file is a row whole or not at all: one that is too long or cannot be decoded is an error, and never set aside.

use std::collections::HashSet;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field as ArrowField, Schema as ArrowSchema, SchemaRef};

use super::bad_row::OnBadRow;
use super::column::Strings;
use super::declared::Declared;
use super::error::{Problem, SourceError};
use super::input::Input;
use super::media::media_type;
use super::text::{BOM, MAX_RECORD};
use super::working::Plan;
use super::{Format, Origin, SourceBatch};

/// Largest file that is one row: the row has its path too, and is no longer than [`MAX_RECORD`].
pub(crate) const MAX_FILE: usize = MAX_RECORD - (64 << 10);
/// Most files of a block.
const BLOCK_FILES: usize = 1024;

/// Files whose rows are read together.
#[derive(Debug, Clone)]
pub(crate) struct FilesBlock {
    files: Arc<[Named]>,
    format: Format,
}

/// A file and what its row calls it.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    pub(crate) input: Arc<Input>,
    pub(crate) name: Arc<str>,
}

/// What every file of these formats is read as.
pub(crate) fn columns(format: Format, has_path: bool) -> SchemaRef {
    let text = |name: &str| ArrowField::new(name, DataType::Utf8, false);
    let columns = match format {
        Format::Files => {
            vec![text("path"), text("media_type"), ArrowField::new("bytes", DataType::Binary, false)]
        }
        _ if has_path => vec![text("path"), text("text")],
        _ => vec![text("text")],
    };
    Arc::new(ArrowSchema::new(columns))
}

/// The paths of files as rows have them: below the directory that was given, or the name of a file that was given; with
/// `/` between parts, no part `.` or `..`, and no two alike.
pub(crate) fn name(given: &[PathBuf], inputs: &[Arc<Input>]) -> Result<Vec<Named>, SourceError> {
    let given: HashSet<&Path> = given.iter().map(PathBuf::as_path).collect();
    let mut seen = HashSet::with_capacity(inputs.len());
    let named = inputs.iter().map(|input| {
        let name: Arc<str> = path_of(&given, input).ok_or_else(|| input.fault(Problem::NoPath))?.into();
        if !seen.insert(Arc::clone(&name)) {
            return Err(input.fault(Problem::SamePath { path: name.to_string() }));
        }
        Ok(Named { input: Arc::clone(input), name })
    });
    named.collect()
}

/// Archives are like directories.
fn path_of(given: &HashSet<&Path>, input: &Input) -> Option<String> {
    let file = &**input.file();
    let below = file.ancestors().skip(1).find(|above| given.contains(above) && !above.as_os_str().is_empty());
    let rest = match below {
        _ if given.contains(file) && input.member().is_some() => Path::new(""),
        _ if given.contains(file) => Path::new(file.file_name()?),
        Some(directory) => file.strip_prefix(directory).ok()?,
        // What a pattern matched.
        None if file.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) => file,
        None => Path::new(file.file_name()?),
    };
    let mut parts = Vec::new();
    for part in rest.components() {
        match part {
            Component::Normal(part) => parts.push(part.to_str()?),
            Component::CurDir => {}
            _ => return None,
        }
    }
    parts.extend(input.member());
    Some(parts.join("/")).filter(|name| !name.is_empty())
}

/// The blocks of files, each of about `size` bytes or a file of more.
pub(crate) fn blocks(files: &[Named], format: Format, size: usize) -> impl Iterator<Item = FilesBlock> + Send + use<> {
    let (mut blocks, mut block, mut bytes) = (Vec::new(), Vec::new(), 0_u64);
    for file in files {
        let len = file.input.disk_bytes();
        if !block.is_empty() && (bytes.saturating_add(len) > size as u64 || block.len() == BLOCK_FILES) {
            blocks.push(std::mem::take(&mut block));
            bytes = 0;
        }
        bytes += len;
        block.push(file.clone());
    }
    blocks.push(block);
    blocks.into_iter().filter(|files| !files.is_empty()).map(move |files| FilesBlock { files: files.into(), format })
}

impl FilesBlock {
    pub(crate) fn path(&self) -> &Path {
        self.files.first().map_or(Path::new(""), |file| &file.input.path)
    }

    /// Reads the files, a row each.
    pub(crate) fn read(&self, plan: &Plan) -> Result<SourceBatch, SourceError> {
        let (mut paths, mut media) = (Strings::default(), Strings::default());
        let mut contents = Strings::default();
        for Named { input, name } in &*self.files {
            let content = if self.format == Format::Files { bytes(input)? } else { document(input)? };
            // A block is of one file, or of less than offsets can count.
            let too_much = |_| input.fault(Problem::FileTooLong { limit: MAX_FILE });
            paths.push(name.as_bytes()).map_err(too_much)?;
            if self.format == Format::Files {
                media.push(media_type(name, &content).as_bytes()).map_err(too_much)?;
                contents.push(&content).map_err(too_much)?;
            } else {
                contents.push(text(input, &content)?.as_bytes()).map_err(too_much)?;
            }
        }
        let columns: Vec<ArrayRef> = match self.format {
            Format::Files => vec![paths.text()?, media.text()?, contents.bytes()?],
            _ => vec![paths.text()?, contents.text()?],
        };
        let schema = columns_of(self.format);
        let batch = RecordBatch::try_new(Arc::clone(&schema), columns)?;
        let Some(first) = self.files.first() else { return Err(SourceError::NoFiles { path: PathBuf::new() }) };
        let conform = Declared::new(Arc::clone(&first.input), schema).conform(plan, OnBadRow::Fail)?;
        let mut batch = conform.batch(&batch, 0, &[])?;
        batch.origin = Origin::Files(self.files.iter().map(|file| Arc::clone(&file.input.path)).collect());
        Ok(batch)
    }
}

fn columns_of(format: Format) -> SchemaRef {
    columns(format, true)
}

/// The bytes of a file, as they are.
fn bytes(input: &Input) -> Result<Vec<u8>, SourceError> {
    let mut reader = input.raw()?;
    let content = whole(input, |content, most| reader.append(content, most))?;
    input.check(reader.handle())?;
    Ok(content)
}

/// The bytes of a document, out of its compression and, whatever it is in, as UTF-8.
fn document(input: &Input) -> Result<Vec<u8>, SourceError> {
    let mut reader = input.text(true)?;
    let content = whole(input, |content, most| reader.append(content, most))?;
    input.check(reader.handle())?;
    Ok(content)
}

/// All that `append` gives, unless it is too much for a row.
fn whole(input: &Input, append: impl FnOnce(&mut Vec<u8>, usize) -> io::Result<usize>) -> Result<Vec<u8>, SourceError> {
    let mut content = Vec::with_capacity(usize::try_from(input.disk_bytes()).unwrap_or(MAX_FILE).min(MAX_FILE) + 1);
    let read = append(&mut content, MAX_FILE + 1).map_err(|source| input.io("read", source))?;
    if read > MAX_FILE {
        return Err(input.fault(Problem::FileTooLong { limit: MAX_FILE }));
    }
    Ok(content)
}

/// The text of a document: valid, and without the byte order mark that it may start with.
fn text<'a>(input: &Input, content: &'a [u8]) -> Result<&'a str, SourceError> {
    let content = content.strip_prefix(BOM).unwrap_or(content);
    std::str::from_utf8(content).map_err(|_| input.fault(Problem::Utf8))
}
