//! `--uses` and `--uses-external`: what went into a dataset, a model or an evaluation.
//!
//! ```text
//! REF[,role=R][,chunks=0-9+12][,rows=FILE][,passes=N][,tokens=N]
//! URI[,sha256=HEX][,license=SPDX][,role=R]
//! ```
//!
//! In JSON the same is such a text, or an object with the members `ref`, `role`, `chunks`, `rows`, `passes`, `tokens`, or
//! `uri`, `sha256`, `license`, `role`.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use mira_core::digest::Digest;
use mira_core::fold::{Outcome, Withdrawn};
use mira_core::name::Uri;
use mira_core::rights::{License, Use, Verdict};
use mira_core::statement::{
    Amount, ExternalInput, Input, InputRole, Inputs, Kind as StatementKind, LoggedInput, Natural, Part, Positive,
    Predicate, Range, Ranges, RowSet,
};
use mira_lineage::graph::Graph;
use serde::{Deserialize, Serialize};

use crate::artifact::INLINE_BYTES;
use crate::blobs::Blobs;
use crate::error::{CliError, Kind, Result, ResultExt};
use crate::output::counted;
use crate::refs::Found;
use crate::session::Session;
use crate::{clock, dataset, lineage, naming, read_file, terms};

/// Largest file of row positions that is read.
const MAX_ROWS_FILE: usize = 64 << 20;

/// A dataset or model that was used, as it was typed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "TypedUse")]
pub struct UseSpec {
    reference: String,
    role: Option<InputRole>,
    chunks: Option<String>,
    rows: Option<PathBuf>,
    passes: Option<u64>,
    tokens: Option<Amount>,
}

/// Something else that was used, as it was typed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "TypedExternal")]
pub struct ExternalSpec {
    uri: Uri,
    role: Option<InputRole>,
    sha256: Option<Digest>,
    license: Option<License>,
}

/// The inputs, as they go into a statement and into the answer.
#[derive(Debug, Default)]
pub struct Used {
    /// For the statement.
    pub inputs: Vec<Input>,
    /// For the answer.
    pub lines: Vec<InputLine>,
    /// What a person should know, though it is recorded all the same.
    pub warnings: Vec<String>,
}

/// An input in an answer.
#[derive(Debug, Clone, Serialize)]
pub struct InputLine {
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    statement: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    uri: Option<String>,
    role: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    passes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chunks: Option<Vec<[u64; 2]>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rows: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tokens: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    license: Option<String>,
}

impl Used {
    /// Finds what was typed. What was withdrawn is refused; what is only forbidden, or not known to be allowed, is said
    /// in a warning: that it was used is a fact, and a log that refused it would only be left in the dark.
    pub fn find(session: &Session, logged: &[UseSpec], external: &[ExternalSpec], role: InputRole) -> Result<Self> {
        let graph = lineage::graph(session)?;
        let mut used = Self::default();
        for spec in logged {
            let found = session.find(&spec.reference)?;
            let input = spec.resolve(session, &found, role)?;
            refuse_withdrawn(session, &spec.reference, &found, &input.part)?;
            used.warn(session, &graph, &found, &input)?;
            used.lines.push(InputLine::logged(session, &input));
            used.inputs.push(Input::Logged(input));
        }
        for spec in external {
            let input = spec.input(role);
            used.lines.push(InputLine::external(&input));
            used.inputs.push(Input::External(input));
        }
        Ok(used)
    }

    /// As they stand in a statement: a long list goes to a file of its own, which is durable when this returns.
    pub fn listed(&self, blobs: &Blobs) -> Result<Inputs> {
        match Inputs::in_file(&self.inputs) {
            Some((listed, file)) if file.len() > INLINE_BYTES => blobs.put(&file).map(|_| listed),
            _ => Ok(Inputs::Inline(self.inputs.clone())),
        }
    }

    fn warn(&mut self, session: &Session, graph: &Graph, found: &Found<'_>, input: &LoggedInput) -> Result<()> {
        let (fold, wanted) = (session.ledger.fold(), use_of(input.role));
        let place = lineage::place(graph, found)?;
        let title = naming::title(fold, &found.id);
        let answer = graph.may(fold, place, wanted, clock::now()?.date());
        let by = |item: usize| {
            let step = answer.items.get(item).and_then(|item| answer.walk.get(item.step));
            let node = step.and_then(|step| graph.node(step.place));
            node.filter(|node| node.statement != found.id)
                .map(|node| format!(" (by {})", naming::title(fold, &node.statement)))
                .unwrap_or_default()
        };
        match answer.verdict {
            Verdict::Allowed => {}
            Verdict::Denied { by: item } => {
                self.warnings.push(format!("{title} does not allow {wanted}{}: it is recorded all the same", by(item)));
            }
            Verdict::Unknown { by: item } => {
                let by = item.map(by).unwrap_or_default();
                self.warnings.push(format!("{title} says nothing that allows {wanted}{by}"));
            }
        }
        Ok(())
    }
}

impl UseSpec {
    fn resolve(&self, session: &Session, found: &Found<'_>, role: InputRole) -> Result<LoggedInput> {
        let record = found.record;
        let default = match record.kind {
            StatementKind::Contribute | StatementKind::Transform => role,
            StatementKind::Train if role == InputRole::Train => InputRole::Base,
            StatementKind::Train => role,
            kind => {
                return Err(CliError::new(Kind::Usage, format!("{} is a {kind} statement", self.reference))
                    .hint("--uses takes a dataset or a model"));
            }
        };
        Ok(LoggedInput {
            statement: found.id,
            role: self.role.unwrap_or(default),
            passes: crate::recording::positive("passes", self.passes.unwrap_or(1))?,
            part: self.part(session, found)?,
            tokens: self.tokens,
        })
    }

    fn part(&self, session: &Session, found: &Found<'_>) -> Result<Part> {
        if self.chunks.is_none() && self.rows.is_none() {
            return Ok(Part::Whole);
        }
        let extent = found.record.extent.ok_or_else(|| {
            CliError::new(Kind::Usage, format!("{} is a model: it has no chunks and no rows", self.reference))
        })?;
        match (&self.chunks, &self.rows) {
            (Some(_), Some(_)) => Err(CliError::new(Kind::Usage, "an input has chunks= or rows=, not both")),
            (Some(text), None) => {
                let chunks = positions(text.split('+'))?;
                within(&self.reference, "chunk", extent.chunks, &chunks)?;
                Ok(Part::Chunks(chunks))
            }
            (None, Some(path)) => {
                let rows = rows_file(path)?;
                within(&self.reference, "row", extent.rows, &rows)?;
                // The statement names the positions' file by digest, so it has to be there before.
                session.blobs().put(&rows.to_cbor())?;
                Ok(Part::Rows(RowSet::of(&rows)))
            }
            (None, None) => Ok(Part::Whole),
        }
    }
}

impl ExternalSpec {
    fn input(&self, role: InputRole) -> ExternalInput {
        ExternalInput {
            uri: self.uri.clone(),
            role: self.role.unwrap_or(role),
            sha256: self.sha256,
            license: self.license.clone(),
        }
    }
}

impl InputLine {
    /// That of a dataset or model of this log.
    pub fn logged(session: &Session, input: &LoggedInput) -> Self {
        let (chunks, rows) = match &input.part {
            Part::Whole => (None, None),
            Part::Chunks(chunks) => {
                let pair = |range: &Range| [range.start.value(), range.length.value()];
                (Some(chunks.as_slice().iter().map(pair).collect()), None)
            }
            Part::Rows(rows) => (None, Some(rows.count.value())),
        };
        Self {
            reference: Some(naming::title(session.ledger.fold(), &input.statement)),
            statement: Some(input.statement.to_string()),
            uri: None,
            role: input.role.as_str(),
            passes: Some(input.passes.value()),
            chunks,
            rows,
            tokens: input.tokens.map(|tokens| tokens.to_string()),
            sha256: None,
            license: None,
        }
    }

    /// That of anything else.
    pub fn external(input: &ExternalInput) -> Self {
        Self {
            reference: None,
            statement: None,
            uri: Some(input.uri.to_string()),
            role: input.role.as_str(),
            passes: None,
            chunks: None,
            rows: None,
            tokens: None,
            sha256: input.sha256.map(|sha256| sha256.to_string()),
            license: input.license.as_ref().map(ToString::to_string),
        }
    }

    /// The line for a person.
    pub fn to_text(&self) -> String {
        let name = self.reference.as_ref().or(self.uri.as_ref()).map(String::as_str).unwrap_or_default();
        let license = self.license.as_ref().map(|license| format!(", {license}")).unwrap_or_default();
        let unverified = if self.uri.is_some() { ", external: not verified" } else { "" };
        format!("{name} {}{license}{unverified}", self.manner())
    }

    /// How it was used, for a person.
    pub fn manner(&self) -> String {
        let mut text = format!("as {}", self.role);
        if let Some(chunks) = &self.chunks {
            let chunks: u64 = chunks.iter().map(|[_, length]| length).sum();
            text.push_str(&format!(", {chunks} {}", if chunks == 1 { "chunk" } else { "chunks" }));
        }
        if let Some(rows) = self.rows {
            text.push_str(&format!(", {rows} {}", if rows == 1 { "row" } else { "rows" }));
        }
        if let Some(passes) = self.passes.filter(|passes| *passes > 1) {
            text.push_str(&format!(", {passes} passes"));
        }
        if let Some(tokens) = &self.tokens {
            text.push_str(&format!(", {tokens} tokens"));
        }
        text
    }
}

/// The use of data that a role is.
pub const fn use_of(role: InputRole) -> Use {
    match role {
        InputRole::Train | InputRole::Pretrain => Use::Train,
        InputRole::Base | InputRole::Finetune => Use::Finetune,
        InputRole::Distill => Use::Distill,
        InputRole::Retrieval => Use::Retrieve,
        InputRole::Test | InputRole::Validation => Use::Evaluate,
    }
}

/// Reads positions, one or `a-b` each, in any order: the file of `rows=`, or its canonical CBOR form.
pub fn rows_file(path: &Path) -> Result<Ranges> {
    let bytes = read_file::bounded(path, MAX_ROWS_FILE)?;
    let at = |error: CliError| error.at(path.display().to_string());
    // The CBOR form is an array; no text starts with such a byte.
    if bytes.first().is_some_and(|byte| byte & 0xe0 == 0x80) {
        return Ranges::from_cbor(&bytes).kind(Kind::Failed).map_err(at);
    }
    let text = String::from_utf8(bytes).kind(Kind::Failed).map_err(at)?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    positions(lines).map_err(at)
}

/// The one form of a set of positions: sorted, and what touches or overlaps put together.
fn positions<'a>(parts: impl Iterator<Item = &'a str>) -> Result<Ranges> {
    let mut pairs = parts.map(span).collect::<Result<Vec<_>>>()?;
    pairs.sort_unstable();
    let mut merged: Vec<(u64, u64)> = Vec::new();
    for (start, end) in pairs {
        match merged.last_mut() {
            Some((_, last)) if start <= *last => *last = end.max(*last),
            _ => merged.push((start, end)),
        }
    }
    let range = |(start, end): (u64, u64)| Range {
        start: Natural::new(start).unwrap_or(MAX_NATURAL),
        length: Positive::new(end - start).unwrap_or(MAX_POSITIVE),
    };
    Ranges::new(merged.into_iter().map(range).collect()).kind(Kind::Usage)
}

/// `a` or `a-b`, both ends meant, as start and the position after the end.
fn span(text: &str) -> Result<(u64, u64)> {
    let bad = || {
        CliError::new(Kind::Usage, format!("{text:?} is not a position or a range of positions"))
            .hint("positions count from 0: 7, or 0-9 for the first ten")
    };
    let number = |text: &str| text.parse::<u64>().ok().filter(|number| *number < Positive::MAX).ok_or_else(bad);
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (number(first.trim())?, number(last.trim())?);
    if first <= last { Ok((first, last + 1)) } else { Err(bad()) }
}

/// Checks that positions lie within a dataset.
pub fn within(reference: &str, unit: &str, size: u64, ranges: &Ranges) -> Result<()> {
    if ranges.end() <= size {
        return Ok(());
    }
    Err(CliError::new(Kind::Usage, format!("there is no {unit} {}: {reference} has {size}", ranges.end() - 1))
        .hint("positions count from 0"))
}

/// What was withdrawn may not be used again: a whole dataset or model, or the rows that were.
fn refuse_withdrawn(session: &Session, reference: &str, found: &Found<'_>, part: &Part) -> Result<()> {
    let refused = |message: String| {
        Err(CliError::new(Kind::DoesNotVerify, message).hint(format!("mira show {reference} says who withdrew it")))
    };
    match found.record.withdrawn {
        Withdrawn::Nothing => Ok(()),
        Withdrawn::Whole => refused(format!("{reference} was withdrawn and may not be used")),
        Withdrawn::Rows => {
            let used = rows_of(session, found, part)?;
            let overlap = withdrawn_rows(session, found)?.iter().map(|rows| overlap(rows, &used)).sum::<u64>();
            if overlap == 0 {
                return Ok(());
            }
            Err(CliError::new(
                Kind::DoesNotVerify,
                format!("withdrawn, and used here: {} of {reference}", counted(overlap, "row")),
            )
            .hint("rows=FILE names the rows that were used, one position or range a line"))
        }
    }
}

/// The rows of a dataset that were withdrawn, each withdrawal by itself.
pub fn withdrawn_rows(session: &Session, found: &Found<'_>) -> Result<Vec<Vec<(u64, u64)>>> {
    let blobs = session.blobs();
    let mut withdrawn = Vec::new();
    for event in session.ledger.history() {
        let Outcome::Accepted(accepted) = &event.outcome else { continue };
        let Predicate::Withdraw(withdraw) = accepted.statement.predicate() else { continue };
        let Some(rows) = withdraw.rows.filter(|_| withdraw.target == found.id) else { continue };
        withdrawn.push(spans(&open_rows(&blobs, &rows)?));
    }
    Ok(withdrawn)
}

/// The positions that a row set names, from their file.
fn open_rows(blobs: &Blobs, rows: &RowSet) -> Result<Ranges> {
    let bytes = blobs.get(&rows.sha256, MAX_ROWS_FILE).map_err(|error| match error.kind {
        Kind::NotFound => CliError::new(
            Kind::NotChecked,
            format!("the positions of {} are not here", counted(rows.count.value(), "row")),
        )
        .hint("without them nobody can say which rows were meant"),
        _ => error,
    })?;
    rows.open(&bytes).kind(Kind::DoesNotVerify)
}

/// The positions of a part's rows.
fn rows_of(session: &Session, found: &Found<'_>, part: &Part) -> Result<Vec<(u64, u64)>> {
    match part {
        Part::Whole => Ok(vec![(0, u64::MAX)]),
        Part::Rows(rows) => Ok(spans(&open_rows(&session.blobs(), rows)?)),
        Part::Chunks(chunks) => {
            let stored = dataset::load(&session.ledger, &session.blobs(), found)?;
            let mut starts = vec![0_u64];
            for chunk in stored.chunks.chunks() {
                starts.push(starts.last().copied().unwrap_or_default().saturating_add(chunk.leaf.rows));
            }
            let start = |chunk: u64| usize::try_from(chunk).ok().and_then(|chunk| starts.get(chunk)).copied();
            let rows = |(from, to): (u64, u64)| Some((start(from)?, start(to)?));
            Ok(spans(chunks).into_iter().filter_map(rows).collect())
        }
    }
}

fn spans(ranges: &Ranges) -> Vec<(u64, u64)> {
    ranges.as_slice().iter().map(|range| (range.start.value(), range.end())).collect()
}

/// How many positions two ascending lists share.
fn overlap(a: &[(u64, u64)], b: &[(u64, u64)]) -> u64 {
    let (mut i, mut j, mut shared) = (0, 0, 0);
    while let (Some((from, to)), Some((start, end))) = (a.get(i), b.get(j)) {
        shared += to.min(end).saturating_sub(*from.max(start));
        if to < end { i += 1 } else { j += 1 }
    }
    shared
}

const MAX_NATURAL: Natural = match Natural::new(Natural::MAX) {
    Some(max) => max,
    None => panic!("the largest value is in range"),
};
const MAX_POSITIVE: Positive = match Positive::new(Positive::MAX) {
    Some(max) => max,
    None => panic!("the largest value is in range"),
};

impl FromStr for UseSpec {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let mut parts = text.split(',');
        let reference = parts.next().unwrap_or_default().to_owned();
        let mut spec = Self { reference, ..Self::default() };
        for part in parts {
            let (key, value) = part.split_once('=').ok_or_else(|| format!("{part:?} is not key=value"))?;
            match key {
                "role" => {
                    spec.role = Some(value.parse().map_err(|error: mira_core::name::NameError| error.to_string())?)
                }
                "chunks" => spec.chunks = Some(value.to_owned()),
                "rows" => spec.rows = Some(PathBuf::from(value)),
                "passes" => spec.passes = Some(value.parse().map_err(|_| format!("{value:?} is not a number"))?),
                "tokens" => spec.tokens = Some(value.parse().map_err(|_| format!("{value:?} is not a number"))?),
                _ => return Err(format!("{key:?} is not role, chunks, rows, passes or tokens")),
            }
        }
        Ok(spec)
    }
}

impl FromStr for ExternalSpec {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        // A comma may stand in a URI, an equals sign may not: the options start where the first one is behind a comma.
        let parts: Vec<&str> = text.split(',').collect();
        let options = parts.iter().skip(1).position(|part| part.contains('=')).map_or(parts.len(), |at| at + 1);
        let (uri, options) = parts.split_at(options);
        if uri.iter().any(|part| part.contains('?')) {
            return Err("uri: it takes no query, so leave out what begins with `?`".to_owned());
        }
        let mut typed = ExternalFields { uri: uri.join(","), ..ExternalFields::default() };
        for part in options {
            let (key, value) = part.split_once('=').ok_or_else(|| format!("{part:?} is not key=value"))?;
            let member = match key {
                "role" => &mut typed.role,
                "sha256" => &mut typed.sha256,
                "license" => &mut typed.license,
                _ => return Err(format!("{key:?} is not role, sha256 or license")),
            };
            *member = Some(value.to_owned());
        }
        typed.try_into()
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum TypedUse {
    Text(String),
    Object(UseFields),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UseFields {
    r#ref: String,
    role: Option<String>,
    chunks: Option<String>,
    rows: Option<PathBuf>,
    passes: Option<u64>,
    tokens: Option<Number>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Number(u64),
    Text(String),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum TypedExternal {
    Text(String),
    Object(ExternalFields),
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExternalFields {
    uri: String,
    role: Option<String>,
    sha256: Option<String>,
    license: Option<String>,
}

impl TryFrom<TypedUse> for UseSpec {
    type Error = String;

    fn try_from(typed: TypedUse) -> std::result::Result<Self, String> {
        let fields = match typed {
            TypedUse::Text(text) => return text.parse(),
            TypedUse::Object(fields) => fields,
        };
        let tokens = match fields.tokens {
            Some(Number::Number(number)) => Some(Amount(number)),
            Some(Number::Text(text)) => Some(parse("tokens", &text)?),
            None => None,
        };
        let role = fields.role.map(|role| parse("role", &role)).transpose()?;
        let UseFields { r#ref: reference, chunks, rows, passes, .. } = fields;
        Ok(Self { reference, role, chunks, rows, passes, tokens })
    }
}

impl TryFrom<TypedExternal> for ExternalSpec {
    type Error = String;

    fn try_from(typed: TypedExternal) -> std::result::Result<Self, String> {
        match typed {
            TypedExternal::Text(text) => text.parse(),
            TypedExternal::Object(fields) => fields.try_into(),
        }
    }
}

impl TryFrom<ExternalFields> for ExternalSpec {
    type Error = String;

    fn try_from(fields: ExternalFields) -> std::result::Result<Self, String> {
        Ok(Self {
            uri: parse("uri", &fields.uri)?,
            role: fields.role.map(|role| parse("role", &role)).transpose()?,
            sha256: fields.sha256.map(|sha256| parse("sha256", &sha256)).transpose()?,
            license: fields.license.map(|license| terms::known_license(&license)).transpose()?,
        })
    }
}

fn parse<T: FromStr<Err: std::fmt::Display>>(what: &str, text: &str) -> std::result::Result<T, String> {
    text.parse().map_err(|error| format!("{what}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_in_any_order_are_one_set() {
        let pairs = |text: &str| spans(&positions(text.split('+')).unwrap());
        assert_eq!(pairs("0-9+12"), [(0, 10), (12, 13)]);
        assert_eq!(pairs("12+5-9+0-4+7"), [(0, 10), (12, 13)], "touching and overlapping are put together");
        for bad in ["", "a", "3-1", "-1", "1-", "0-9007199254740991", "1,2"] {
            assert!(positions(bad.split('+')).is_err(), "{bad:?}");
        }
        assert!(positions(std::iter::empty()).is_err(), "a part is never empty");
    }

    #[test]
    fn overlaps_are_counted_once() {
        assert_eq!(overlap(&[(0, 10), (20, 30)], &[(5, 25)]), 10);
        assert_eq!(overlap(&[(0, 10)], &[(10, 20)]), 0);
        assert_eq!(overlap(&[(0, u64::MAX)], &[(1, 3), (7, 8)]), 3);
        assert_eq!(overlap(&[(2, 4), (6, 8)], &[(2, 4), (6, 8)]), 4);
    }

    #[test]
    fn uses_are_typed_in_one_line() {
        let spec: UseSpec =
            "sample-lab/corpus@2,role=finetune,chunks=0-9+12,passes=3,tokens=18446744073709551615".parse().unwrap();
        assert_eq!(spec.reference, "sample-lab/corpus@2");
        assert_eq!((spec.role, spec.passes, spec.tokens), (Some(InputRole::Finetune), Some(3), Some(Amount(u64::MAX))));
        for bad in ["a,role", "a,role=teacher", "a,passes=x", "a,weight=1", "a,tokens=-1"] {
            assert!(bad.parse::<UseSpec>().is_err(), "{bad}");
        }
        let external: ExternalSpec = "hf:org/base@a,b,license=MIT OR Apache-2.0,role=base".parse().unwrap();
        assert_eq!(external.uri.as_str(), "hf:org/base@a,b", "a comma may stand in a URI");
        assert_eq!(external.license.map(|license| license.to_string()).as_deref(), Some("MIT OR Apache-2.0"));
        for bad in ["no uri", "hf:a,size=1", "hf:a,sha256=12", "hf:a,license=MIT or BSD"] {
            assert!(bad.parse::<ExternalSpec>().is_err(), "{bad}");
        }
    }

    #[test]
    fn json_says_the_same() {
        let objects = r#"[{"ref":"a","role":"train","chunks":"0-1","tokens":"7"},"a,role=train,chunks=0-1,tokens=7",
                          {"ref":"a","role":"train","chunks":"0-1","tokens":7}]"#;
        let specs: Vec<UseSpec> = serde_json::from_str(objects).unwrap();
        assert!(specs.windows(2).all(|pair| pair[0] == pair[1]), "{specs:?}");
        assert!(serde_json::from_str::<UseSpec>(r#"{"ref":"a","weight":1}"#).is_err(), "unknown members are refused");
        let external = r#"[{"uri":"urn:a","license":"MIT"},"urn:a,license=MIT"]"#;
        let specs: Vec<ExternalSpec> = serde_json::from_str(external).unwrap();
        assert_eq!(specs[0], specs[1]);
    }
}
