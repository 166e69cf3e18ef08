//! What went wrong with a query, in terms of the query.

use std::time::Duration;

use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;
use datafusion::prelude::SessionContext;

use super::Unresolved;
use crate::ancestry::LineageError;
use crate::contribution::ContributionError;

/// A place in a query, both numbers from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The line.
    pub line: u64,
    /// The character in it.
    pub column: u64,
}

/// Why a query has no answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The query is not one that can be answered.
    #[error("{message}")]
    Query {
        /// What is wrong with it.
        message: String,
        /// Where.
        place: Option<Place>,
        /// What would help.
        hint: Option<String>,
    },
    /// The query would change something.
    #[error("only queries are answered here: nothing can be created, changed, copied or set")]
    ReadOnly,
    /// Another number of parameters.
    #[error("the query has {expected} parameters, found {found} values")]
    Parameters {
        /// Parameters in the query.
        expected: usize,
        /// Values that were given.
        found: usize,
    },
    /// A text stands for nothing.
    #[error(transparent)]
    Unresolved(Unresolved),
    /// What lies up- or downstream is not known.
    #[error("{message}")]
    Lineage {
        /// Why not.
        message: String,
    },
    /// It took too long.
    #[error("the query took longer than {} s", limit.as_secs_f64())]
    Time {
        /// The limit.
        limit: Duration,
    },
    /// It needed too much.
    #[error("the query needs more memory than it may have: {message}")]
    Memory {
        /// What the engine says.
        message: String,
    },
    /// The engine failed.
    #[error("the query failed: {message}")]
    Engine {
        /// What it says.
        message: String,
    },
}

impl QueryError {
    /// What the engine's error means.
    pub(super) fn of(error: &DataFusionError) -> Self {
        let root = error.find_root();
        if let DataFusionError::External(inner) = root {
            if let Some(unresolved) = inner.downcast_ref::<Unresolved>() {
                return Self::Unresolved(unresolved.clone());
            }
            let lineage = inner.downcast_ref::<LineageError>().map(ToString::to_string);
            let contribution = || inner.downcast_ref::<ContributionError>().map(ToString::to_string);
            if let Some(message) = lineage.or_else(contribution) {
                return Self::Lineage { message };
            }
        }
        let message = message(root);
        let span = error.diagnostic().and_then(|diagnostic| diagnostic.span);
        let place = span.map(|span| Place { line: span.start.line, column: span.start.column });
        match root {
            DataFusionError::ResourcesExhausted(_) => Self::Memory { message },
            DataFusionError::Internal(_) | DataFusionError::IoError(_) | DataFusionError::ExecutionJoin(_) => {
                Self::Engine { message }
            }
            DataFusionError::SQL(..) => {
                let (message, place) = parser(&message);
                Self::Query { message, place, hint: None }
            }
            _ => Self::Query { message, place: place.filter(|place| place.line > 0), hint: None },
        }
    }
}

/// What the engine's error means, and what was perhaps meant instead.
pub(super) fn explain(context: &SessionContext, error: &DataFusionError) -> QueryError {
    let found = QueryError::of(error);
    let QueryError::Query { message, place, hint: None } = found else { return found };
    if message.contains("only supports a single SQL statement") {
        let message = "there is more than one query: ask one at a time".to_owned();
        return QueryError::Query { message, place, hint: None };
    }
    if let DataFusionError::SchemaError(schema, _) = error.find_root()
        && let SchemaError::FieldNotFound { field, valid_fields } = &**schema
    {
        let names: Vec<String> = valid_fields.iter().map(|column| column.name.clone()).collect();
        let hint = nearest(&field.name, &names).or_else(|| Some(format!("the columns are {}", names.join(", "))));
        let hint = hint.filter(|_| !names.is_empty());
        return QueryError::Query { message: format!("there is no column {}", field.flat_name()), place, hint };
    }
    for (prefix, suffix, what) in [("table '", "' not found", "table"), ("table function '", "' not found", "function")]
    {
        let Some(name) = message.strip_prefix(prefix).and_then(|rest| rest.strip_suffix(suffix)) else { continue };
        let bare = name.rsplit('.').next().unwrap_or(name);
        let names = if what == "table" { tables(context) } else { functions(context) };
        let hint = nearest(bare, &names).unwrap_or_else(|| format!("the {what}s are {}", names.join(", ")));
        return QueryError::Query { message: format!("there is no {what} {bare}"), place, hint: Some(hint) };
    }
    QueryError::Query { message, place, hint: None }
}

fn tables(context: &SessionContext) -> Vec<String> {
    let schema = context.catalog("mira").and_then(|catalog| catalog.schema("lineage"));
    let mut names = schema.map(|schema| schema.table_names()).unwrap_or_default();
    names.sort_unstable();
    names
}

fn functions(context: &SessionContext) -> Vec<String> {
    let mut names: Vec<String> = context.state().table_functions().keys().cloned().collect();
    names.sort_unstable();
    names
}

/// The engine's words on one line, without what it says about itself.
fn message(error: &DataFusionError) -> String {
    let text = match error {
        DataFusionError::Diagnostic(_, inner) => return message(inner),
        DataFusionError::Plan(text)
        | DataFusionError::Execution(text)
        | DataFusionError::NotImplemented(text)
        | DataFusionError::ResourcesExhausted(text)
        | DataFusionError::Configuration(text) => text.clone(),
        DataFusionError::SQL(error, _) => error.to_string(),
        error => error.to_string(),
    };
    let text = text.split("\n\nbacktrace:").next().unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Takes the place out of a parser's message: `sql parser error: Expected …, found: x at Line: 1, Column: 8`.
fn parser(message: &str) -> (String, Option<Place>) {
    let message = message.strip_prefix("sql parser error: ").unwrap_or(message);
    let Some((text, place)) = message.rsplit_once(" at Line: ") else { return (message.to_owned(), None) };
    let numbers = place.split_once(", Column: ");
    let place = numbers.and_then(|(line, column)| {
        let column = column.trim_end_matches(|c: char| !c.is_ascii_digit());
        Some(Place { line: line.parse().ok()?, column: column.parse().ok()? })
    });
    match place {
        Some(place) => (text.to_owned(), Some(place)),
        None => (message.to_owned(), None),
    }
}

/// The name that is nearest to what was typed, as a question.
fn nearest(found: &str, names: &[String]) -> Option<String> {
    let found = found.to_lowercase();
    let near = |name: &&String| distance(&found, &name.to_lowercase());
    let name = names.iter().min_by_key(near)?;
    (near(&name) <= 1 + found.chars().count() / 4).then(|| format!("did you mean {name}?"))
}

/// Levenshtein's distance.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().enumerate() {
        let (mut diagonal, mut left) = (i, i + 1);
        for (above, y) in row.iter_mut().skip(1).zip(b.chars()) {
            let cost = (diagonal + usize::from(x != y)).min(left + 1).min(*above + 1);
            diagonal = std::mem::replace(above, cost);
            left = cost;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_come_out_of_the_parsers_message() {
        let found = parser("sql parser error: Expected: an expression, found: from at Line: 2, Column: 8");
        assert_eq!(found, ("Expected: an expression, found: from".into(), Some(Place { line: 2, column: 8 })));
        assert_eq!(parser("sql parser error: no idea"), ("no idea".into(), None));
        assert_eq!(parser("at Line: x, Column: y").1, None);
    }

    #[test]
    fn names_that_are_near() {
        let names = ["nodes".to_owned(), "edges".to_owned()];
        assert_eq!(nearest("node", &names), Some("did you mean nodes?".into()));
        assert_eq!(nearest("EDGES", &names), Some("did you mean edges?".into()));
        assert_eq!(nearest("contributors", &names), None);
    }
}
