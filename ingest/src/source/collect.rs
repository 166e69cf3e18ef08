//! Which files an input consists of, and in which order.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use glob::{MatchOptions, Pattern};

use super::archive;
use super::error::SourceError;
use super::format::Format;
use super::input::{Access, Container, Input, fault, inner_name, io_error};
use super::meter::Meter;
use super::packing::{MAGIC_BYTES, Packing, Refused};
use super::spool::{self, SpoolError};

/// Deepest directories that are looked into.
const DEEPEST: usize = 64;

/// The files that `paths` name, in that order. `-` is standard input, which is copied here and now. A path that is not
/// there and has `*`, `?` or `[` in it is a pattern; what it matches, like the files of a directory and the members of an
/// archive, comes in the order of the paths' bytes. Names in a directory that start with `.` or `_` are not data and are
/// left out.
pub(crate) fn collect(paths: &[PathBuf], access: Access) -> Result<Vec<Arc<Input>>, SourceError> {
    let mut collector = Collector { inputs: Vec::new(), access: Arc::new(access), has_stdin: false };
    for path in paths {
        if path.as_os_str() == "-" {
            collector.push_stdin(path)?;
            continue;
        }
        match fs::metadata(path) {
            Ok(metadata) => collector.push_any(path, &metadata)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound && is_pattern(path) => {
                for path in matching(path)? {
                    collector.push_any(&path, &metadata(&path)?)?;
                }
            }
            Err(source) => return Err(io_error("open", path, source)),
        }
    }
    let inputs = collector.inputs;
    if inputs.is_empty() { Err(SourceError::NoFiles { path: PathBuf::new() }) } else { Ok(inputs) }
}

/// What has been found so far.
struct Collector {
    inputs: Vec<Arc<Input>>,
    access: Arc<Access>,
    has_stdin: bool,
}

impl Collector {
    /// A file, or the files of a directory.
    fn push_any(&mut self, path: &Path, metadata: &Metadata) -> Result<(), SourceError> {
        if !metadata.is_dir() {
            return self.push(path, metadata);
        }
        let mut found = Vec::new();
        list(path, 0, &mut found)?;
        if found.is_empty() {
            return Err(SourceError::NoFiles { path: path.to_owned() });
        }
        found.sort_by(|a, b| bytes(a).cmp(bytes(b)));
        for path in found {
            self.push(&path, &self::metadata(&path)?)?;
        }
        Ok(())
    }

    /// A file, or the members of an archive.
    fn push(&mut self, path: &Path, metadata: &Metadata) -> Result<(), SourceError> {
        if !metadata.is_file() {
            return Err(SourceError::NotAFile { path: path.to_owned() });
        }
        self.push_container(Container::file(path, metadata))
    }

    fn push_container(&mut self, container: Arc<Container>) -> Result<(), SourceError> {
        if self.is_archive(&container)? {
            return self.push_members(container);
        }
        let input = Input::new(container, None, self.inputs.len(), Arc::clone(&self.access));
        self.inputs.push(Arc::new(input));
        Ok(())
    }

    /// By name; and by the first bytes, which are not read of a file whose name says that it is something else.
    fn is_archive(&self, container: &Container) -> Result<bool, SourceError> {
        let path = container.path();
        let inner = inner_name(path);
        if archive::is_named(path) {
            return Ok(true);
        }
        if inner != **path || Format::of_name(&inner).is_some() {
            return Ok(false);
        }
        let head = container.open(&Meter::default())?.head(MAGIC_BYTES);
        Ok(Packing::of(&head.map_err(|source| io_error("read", path, source))?) == Packing::Zip)
    }

    fn push_members(&mut self, container: Arc<Container>) -> Result<(), SourceError> {
        let plain = container.open(&Meter::default())?;
        let failed = |source: io::Error| match source.downcast::<Refused>() {
            Ok(Refused(problem)) => fault(container.path(), problem),
            Err(source) => io_error("read", container.path(), source),
        };
        let members = archive::members(&plain, self.access.bound).map_err(failed)?;
        if members.is_empty() {
            return Err(SourceError::NoFiles { path: container.path().to_path_buf() });
        }
        for member in members {
            let (container, number) = (Arc::clone(&container), self.inputs.len());
            let input = Input::new(container, Some(member), number, Arc::clone(&self.access));
            self.inputs.push(Arc::new(input));
        }
        Ok(())
    }

    fn push_stdin(&mut self, name: &Path) -> Result<(), SourceError> {
        if std::mem::replace(&mut self.has_stdin, true) {
            return Err(SourceError::StandardInputTwice);
        }
        let scratch = &self.access.scratch;
        let copy = spool::spool(&mut io::stdin().lock(), scratch).map_err(|error| match error {
            SpoolError::Read(source) => io_error("read", Path::new("standard input"), source),
            SpoolError::Write(source) => io_error("write a copy of the input in", scratch, source),
        })?;
        self.push_container(Container::copy(name, copy))
    }
}

fn metadata(path: &Path) -> Result<Metadata, SourceError> {
    fs::metadata(path).map_err(|source| io_error("open", path, source))
}

/// Finds the files below a directory. Links to files are followed; links to directories are refused, because they can
/// lead in circles.
fn list(directory: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<(), SourceError> {
    for entry in entries(directory)? {
        if is_hidden(&entry.file_name()) {
            continue;
        }
        let path = entry.path();
        if entry.file_type().map_err(|source| io_error("list", directory, source))?.is_dir() {
            if depth == DEEPEST {
                return Err(io_error("list", &path, io::ErrorKind::QuotaExceeded.into()));
            }
            list(&path, depth + 1, found)?;
        } else {
            found.push(path);
        }
    }
    Ok(())
}

fn entries(directory: &Path) -> Result<Vec<fs::DirEntry>, SourceError> {
    let here = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    let entries = fs::read_dir(here).and_then(Iterator::collect);
    entries.map_err(|source| io_error("list", directory, source))
}

fn is_hidden(name: &OsStr) -> bool {
    matches!(name.as_encoded_bytes().first(), Some(b'.' | b'_'))
}

/// A part of a pattern between two slashes.
enum Step<'a> {
    /// A name as it is.
    Name(Component<'a>),
    /// A name with wildcards.
    Like(Pattern),
    /// `**`: any number of directories.
    Below,
}

fn is_pattern(path: &Path) -> bool {
    bytes(path).iter().any(|byte| matches!(byte, b'*' | b'?' | b'['))
}

/// What a pattern matches, in the order of the paths' bytes. As in a shell, a name that starts with a dot is matched by a
/// dot only. `**` does not follow links to directories.
fn matching(pattern: &Path) -> Result<Vec<PathBuf>, SourceError> {
    let steps = pattern.components().map(|part| step(pattern, part)).collect::<Result<Vec<_>, _>>()?;
    // A set, because `**/**` comes by the same file in several ways.
    let mut found = BTreeSet::new();
    walk(Path::new(""), &steps, 0, &mut found)?;
    if found.is_empty() {
        return Err(SourceError::NoMatch { pattern: pattern.to_owned() });
    }
    let mut found: Vec<PathBuf> = found.into_iter().collect();
    found.sort_by(|a, b| bytes(a).cmp(bytes(b)));
    Ok(found)
}

fn step<'a>(pattern: &Path, part: Component<'a>) -> Result<Step<'a>, SourceError> {
    let name = part.as_os_str();
    if name == "**" {
        return Ok(Step::Below);
    }
    match name.to_str().filter(|_| is_pattern(Path::new(name))) {
        None => Ok(Step::Name(part)),
        Some(text) => Pattern::new(text)
            .map(Step::Like)
            .map_err(|source| SourceError::Pattern { pattern: pattern.to_owned(), why: source.msg }),
    }
}

fn walk(at: &Path, steps: &[Step<'_>], depth: usize, found: &mut BTreeSet<PathBuf>) -> Result<(), SourceError> {
    if depth > DEEPEST {
        return Err(io_error("list", at, io::ErrorKind::QuotaExceeded.into()));
    }
    let Some((step, rest)) = steps.split_first() else {
        found.insert(at.to_owned());
        return Ok(());
    };
    match step {
        Step::Name(name) => {
            let path = at.join(name);
            if fs::symlink_metadata(&path).is_ok() { walk(&path, rest, depth + 1, found) } else { Ok(()) }
        }
        Step::Like(pattern) => {
            let options = MatchOptions {
                case_sensitive: true,
                require_literal_separator: true,
                require_literal_leading_dot: true,
            };
            for entry in entries(at)? {
                let name = entry.file_name();
                let path = at.join(&name);
                let is_like = name.to_str().is_some_and(|name| pattern.matches_with(name, options));
                if is_like && (rest.is_empty() || path.is_dir()) {
                    walk(&path, rest, depth + 1, found)?;
                }
            }
            Ok(())
        }
        Step::Below => {
            if !rest.is_empty() {
                walk(at, rest, depth + 1, found)?;
            }
            for entry in entries(at)?.into_iter().filter(|entry| !is_hidden(&entry.file_name())) {
                let path = at.join(entry.file_name());
                if entry.file_type().map_err(|source| io_error("list", at, source))?.is_dir() {
                    walk(&path, steps, depth + 1, found)?;
                } else if rest.is_empty() {
                    found.insert(path);
                }
            }
            Ok(())
        }
    }
}

fn bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_encoded_bytes()
}
