//! SQL scripts: every `slt/*.slt` over the sample story.
//!
//! ```text
//! # a remark
//! query
//! select 1, null
//! ----
//! 1 | NULL
//!
//! error
//! drop table nodes
//! ----
//! only queries
//! ```
//!
//! A query's rows must come exactly so and in this order; an error's message must contain the text. `BLESS=1` writes the
//! rows that come.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use mira_lineage::query::{Limits, Sql};
use mira_lineage::write::{Format, write};

use crate::world::World;

#[test]
fn every_script_says_what_comes() {
    let sql = World::story().sql(Limits::default());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tables/slt");
    let mut scripts: Vec<_> = fs::read_dir(folder).unwrap().map(|item| item.unwrap().path()).collect();
    scripts.sort();
    assert!(!scripts.is_empty());
    for script in scripts {
        let text = fs::read_to_string(&script).unwrap();
        let came: String = text.split_inclusive("\n\n").map(|record| answered(&sql, record)).collect();
        if std::env::var_os("BLESS").is_some() {
            fs::write(&script, &came).unwrap();
            continue;
        }
        for (line, (came, text)) in (1..).zip(came.lines().zip(text.lines())) {
            assert_eq!(came, text, "{}:{line}", script.display());
        }
        assert!(came == text, "{}: rows are missing at the end", script.display());
    }
}

/// A record with the rows that came.
fn answered(sql: &Sql, record: &str) -> String {
    let Some((asked, expected)) = record.split_once("----\n") else { return record.to_owned() };
    let lines: Vec<&str> = asked.lines().filter(|line| !line.starts_with('#')).collect();
    let query = lines[1..].join("\n");
    let end = if record.ends_with("\n\n") { "\n" } else { "" };
    let came = match (lines[0], rows(sql, &query)) {
        ("query", Ok(rows)) => rows,
        ("error", Err(message)) if message.contains(expected.trim()) && !expected.trim().is_empty() => {
            return record.to_owned();
        }
        ("error", Err(message)) => message + "\n",
        (kind, came) => panic!("{kind} {query}: {came:?}"),
    };
    format!("{asked}----\n{came}{end}")
}

pub(crate) fn rows(sql: &Sql, query: &str) -> Result<String, String> {
    let mut table = Vec::new();
    let answer = sql.query(query, &[]).map_err(|error| error.to_string())?;
    write(answer, Format::Table, |text| text.escape_debug().to_string(), &mut table)
        .map_err(|error| error.to_string())?;
    let mut rows = String::new();
    for line in String::from_utf8(table).unwrap().lines().skip(2) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        writeln!(rows, "{}", cells.join(" | ").trim_end()).unwrap();
    }
    Ok(rows)
}
