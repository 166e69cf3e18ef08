//! What a query may not do, and what it may not take.

use std::time::Duration;

use mira_lineage::query::{Limits, QueryError};
use mira_lineage::write::{Format, WriteError, document, write};

use crate::world::World;

fn sql() -> mira_lineage::query::Sql {
    World::story().sql(Limits::default())
}

#[test]
fn nothing_can_be_written_or_read_from_elsewhere() {
    let sql = sql();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("x.csv");
    std::fs::write(&file, "a\n1\n").unwrap();
    let file = file.display();
    for text in [
        "create table x as select 1".to_owned(),
        "create view x as select 1".to_owned(),
        "create or replace table nodes as select 1".to_owned(),
        format!("create external table x stored as csv location '{file}'"),
        "create function f(int) returns int return $1".to_owned(),
        "create schema s".to_owned(),
        "create database d".to_owned(),
        "drop table nodes".to_owned(),
        "drop view nodes".to_owned(),
        "insert into nodes select * from nodes".to_owned(),
        "insert into closure select * from closure where root = 'model@1'".to_owned(),
        "update nodes set node = 1".to_owned(),
        "delete from nodes".to_owned(),
        "truncate table nodes".to_owned(),
        format!("copy nodes to '{file}'"),
        format!("copy (select 1) to '{file}' stored as parquet"),
        format!("explain analyze copy nodes to '{file}'"),
        "explain insert into nodes select * from nodes".to_owned(),
        "set datafusion.execution.batch_size = 1".to_owned(),
        "reset datafusion.execution.batch_size".to_owned(),
        "prepare p as select 1".to_owned(),
        "execute p".to_owned(),
        "begin".to_owned(),
        "select 1 into x".to_owned(),
        "select 1; drop table nodes".to_owned(),
        format!("select * from '{file}'"),
        format!("select * from read_csv('{file}')"),
        "select * from 'http://127.0.0.1:1/x.parquet'".to_owned(),
    ] {
        assert!(sql.query(&text, &[]).is_err(), "{text}");
    }
    assert_eq!(std::fs::read_to_string(directory.path().join("x.csv")).unwrap(), "a\n1\n");
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    let nodes = crate::scripts::rows(&sql, "select count(*) from nodes").unwrap();
    assert_eq!(
        nodes.trim(),
        World::story().tables().nodes.len().to_string(),
        "after all that, the tables are the same"
    );
}

#[test]
fn values_are_never_read_as_sql() {
    let sql = sql();
    let count = |text: &str, values: &[&str]| {
        let values: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
        sql.query(text, &values).map(|answer| answer.map(|batch| batch.unwrap().num_rows()).sum::<usize>())
    };
    let closure = "select * from closure where root = $1 and direction = 'upstream'";
    assert!(count(closure, &["model@1"]).unwrap() > 5);
    for text in ["x' or '1'='1", "model@1' union select 1 --", "'; drop table nodes; --", "\u{0}", "", "$1", "model@1 "]
    {
        assert!(matches!(count(closure, &[text]), Err(QueryError::Unresolved(_))), "{text:?}");
        assert_eq!(count("select * from nodes where id = $1", &[text]).unwrap(), 0, "{text:?}");
        let quoted = text.replace('\'', "''");
        assert!(count(&format!("select * from upstream('{quoted}')"), &[]).is_err(), "{text:?}");
    }
    assert_eq!(count("select * from events where seq < $1", &["10"]).unwrap(), 10, "as a number, not as a text");
    assert!(count("select * from events where seq < $1", &["ten"]).is_err());
    assert!(matches!(count(closure, &[]), Err(QueryError::Parameters { expected: 1, found: 0 })));
    assert!(matches!(count("select 1", &["1"]), Err(QueryError::Parameters { expected: 0, found: 1 })));
}

#[test]
fn closures_stop_with_an_error() {
    let sql = World::story().sql(Limits { nodes: 2, ..Limits::default() });
    let error = crate::scripts::rows(&sql, "select * from upstream('model@2')").unwrap_err();
    assert_eq!(error, "the closure has more than 2 nodes");
    let error = crate::scripts::rows(&sql, "select * from closure where root = 'model@2'").unwrap_err();
    assert_eq!(error, "the closure has more than 2 nodes");
    assert!(crate::scripts::rows(&sql, "select * from upstream('model@2', 1)").is_err(), "three lie one step away");
}

#[test]
fn queries_stop_in_time() {
    let sql = World::story().sql(Limits { time: Duration::from_millis(300), ..Limits::default() });
    let query = "select count(*) from generate_series(1, 100000) a, generate_series(1, 100000) b";
    let started = std::time::Instant::now();
    let ended = sql.query(query, &[]).and_then(|mut answer| answer.next().transpose());
    assert!(matches!(ended, Err(QueryError::Time { .. })), "{ended:?}");
    assert!(started.elapsed() < Duration::from_secs(20));
}

/// A row is always ready, so that only the clock can end it.
#[test]
fn answers_that_never_wait_stop_in_time() {
    let sql = World::story().sql(Limits { time: Duration::from_millis(300), ..Limits::default() });
    let started = std::time::Instant::now();
    let last = sql.query("select * from generate_series(1, 100000000000)", &[]).unwrap().last();
    assert!(matches!(last, Some(Err(QueryError::Time { .. }))), "{last:?}");
    assert!(started.elapsed() < Duration::from_secs(20));
}

#[test]
fn queries_stop_at_their_memory() {
    let sql = World::story().sql(Limits { memory: 1 << 20, ..Limits::default() });
    let query = "select a.value, count(*) from generate_series(1, 3000000) a group by 1 order by 2, 1";
    let ended: Result<Vec<_>, _> = sql.query(query, &[]).and_then(Iterator::collect);
    assert!(matches!(ended, Err(QueryError::Memory { .. })), "{ended:?}");
}

#[test]
fn deep_queries_are_errors_and_no_crash() {
    let sql = sql();
    let deep = format!("select {}1{}", "(".repeat(20_000), ")".repeat(20_000));
    assert!(sql.query(&deep, &[]).is_err());
    let many = format!("select * from closure where root = 'model@1' and ({}false)", "node = 1 or ".repeat(2_000));
    assert!(matches!(sql.query(&many, &[]), Err(QueryError::Query { .. })));
    for link in ["+1", "||'a'", " or true", " union all select 1", "::int", " is null", "-1", " and 1 = 1"] {
        let chain = |times: usize| format!("select 1 {}", link.repeat(times));
        for times in [4_000, 100_000] {
            let ended = sql.query(&chain(times), &[]).map(|_| ());
            assert!(matches!(ended, Err(QueryError::Query { .. })), "{link}: {ended:?}");
        }
        // As deep as a query may be: an answer or an error, and no crash.
        let words = link.split_whitespace().count().max(1);
        let _ = sql.query(&chain(990 / words), &[]).map(|answer| answer.count());
    }
    let tables = format!("select count(*) from nodes{}", ", (values (1))".repeat(100));
    let _ = sql.query(&tables, &[]).map(|answer| answer.count());
    let list = format!("select count(*) from nodes where node in (0{})", ", -1".repeat(20_000));
    assert_eq!(sql.query(&list, &[]).unwrap().count(), 1, "a list is not deep");
}

#[test]
fn every_format_says_the_same() {
    let sql = sql();
    let say = |format, query: &str| {
        let mut out = Vec::new();
        let rows = write(sql.query(query, &[]).unwrap(), format, |text| text.escape_debug().to_string(), &mut out);
        rows.map(|rows| (rows, out)).map_err(|error| error.to_string())
    };
    let text = |format, query: &str| String::from_utf8(say(format, query).unwrap().1).unwrap();
    let query = "select amount, cast(18446744073709551615 as bigint unsigned) as big, 1 as small, null as nothing,
        '' as empty, 'a\u{1b}|\"b' as odd, true as yes from rewards";
    let amount = "99999999999999999999999999999999999998";
    assert_eq!(
        text(Format::Csv, query),
        format!(
            "amount,big,small,nothing,empty,odd,yes\n{amount},18446744073709551615,1,,\"\",\"a\u{1b}|\"\"b\",true\n"
        )
    );
    assert_eq!(
        text(Format::Ndjson, query),
        format!(
            "{{\"amount\":\"{amount}\",\"big\":\"18446744073709551615\",\"small\":1,\"nothing\":null,\"empty\":\"\",\
             \"odd\":\"a\\u001b|\\\"b\",\"yes\":true}}\n"
        )
    );
    let table = text(Format::Table, query);
    assert!(!table.contains('\u{1b}') && table.contains("NULL") && table.contains(amount), "{table}");
    let markdown = text(Format::Markdown, query);
    assert!(markdown.lines().all(|line| line.starts_with('|') && line.ends_with('|')) && markdown.contains("\\|"));
    let mut document_bytes = Vec::new();
    document(sql.query(query, &[]).unwrap(), "sample/1", &mut document_bytes).unwrap();
    let parsed: serde_json::Value = serde_json::from_slice(&document_bytes).unwrap();
    assert_eq!(parsed["rows"][0]["amount"], amount);
    assert_eq!(parsed["columns"][0]["type"], "Decimal128(38, 0)");
    assert_eq!(text(Format::Json, "select 1 as a where false").trim(), "[]");
    let empty = say(Format::Parquet, "select * from nodes where false").unwrap();
    assert!(empty.0 == 0 && empty.1.starts_with(b"PAR1"));
    let same = "select a.seq, b.seq from events a, events b";
    let error = write(sql.query(same, &[]).unwrap(), Format::Ndjson, str::to_owned, &mut Vec::new()).unwrap_err();
    assert!(matches!(error, WriteError::TwoColumns { .. }));
}
