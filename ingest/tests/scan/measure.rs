//! How often the scan errs, and how fast it is.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use arrow_array::StringArray;
use mira_ingest::scan::{Findings, Kind, Scanner};

use crate::made::{Random, made};

/// A text corpus as a column.
struct Corpus {
    name: &'static str,
    texts: Vec<String>,
}

#[test]
#[ignore = "a measurement: prints the tables of src/scan/README.md"]
fn rate_false_positives_and_recall() {
    println!("| corpus | values | MB | MB/s of processor time | values with a finding | which |");
    println!("|---|---|---|---|---|---|");
    for corpus in [
        comments(),
        words(),
        numbers(),
        lines("samples", &samples()),
        lines("sources", &registry("rs")),
        lines("licences and docs", &registry("md")),
    ] {
        row(&corpus);
    }
    println!("\n| kind | found of 2,000 |\n|---|---|");
    for kind in Kind::ALL {
        let mut random = Random(77);
        let texts: Vec<String> =
            (0..2000).map(|i| format!("entry {i}: {} (checked)", made(*kind, &mut random))).collect();
        let (findings, _) = scan(&texts);
        println!("| {kind} | {} |", findings.iter().find(|(found, _)| found == kind).map_or(0, |(_, values)| values));
    }
}

fn row(corpus: &Corpus) {
    let (findings, best) = scan(&corpus.texts);
    let bytes: usize = corpus.texts.iter().map(String::len).sum();
    #[expect(clippy::cast_precision_loss, reason = "a rate for a person")]
    let (megabytes, rate) = (bytes as f64 / 1e6, bytes as f64 / 1e6 / best.as_secs_f64());
    let kinds: Vec<String> = findings.iter().map(|(kind, values)| format!("{kind} {values}")).collect();
    let sum: u64 = findings.iter().map(|(_, values)| values).sum();
    println!(
        "| {} | {} | {megabytes:.1} | {rate:.0} | {sum} | {} |",
        corpus.name,
        corpus.texts.len(),
        kinds.join(", ")
    );
}

/// Scans in columns of 8,192 values, as `add` does; the best time of three.
fn scan(texts: &[String]) -> (Findings, Duration) {
    let columns: Vec<StringArray> = texts.chunks(8192).map(StringArray::from_iter_values).collect();
    let mut scanner = Scanner::new();
    let mut best = Duration::MAX;
    let mut findings = Findings::default();
    for _ in 0..3 {
        findings = Findings::default();
        let began = Clock::now();
        columns.iter().for_each(|column| scanner.scan(column, &mut findings));
        best = best.min(began.elapsed());
    }
    (findings, best)
}

/// The time that this thread ran, where the system tells, so that other programs do not count.
struct Clock(Instant, Option<u64>);

impl Clock {
    fn now() -> Self {
        Self(Instant::now(), Self::ran())
    }

    fn elapsed(&self) -> Duration {
        let ran = self.1.zip(Self::ran()).map(|(began, now)| Duration::from_nanos(now - began));
        ran.unwrap_or_else(|| self.0.elapsed())
    }

    fn ran() -> Option<u64> {
        fs::read_to_string("/proc/thread-self/schedstat").ok()?.split(' ').next()?.parse().ok()
    }
}

/// Sentences in the manner of TPC-H's comments.
fn comments() -> Corpus {
    const WORDS: [&str; 24] = [
        "furiously",
        "carefully",
        "quickly",
        "blithely",
        "final",
        "ironic",
        "pending",
        "regular",
        "express",
        "special",
        "bold",
        "even",
        "deposits",
        "requests",
        "packages",
        "accounts",
        "theodolites",
        "foxes",
        "sleep",
        "haggle",
        "nag",
        "among the",
        "above the:",
        "--",
    ];
    let mut random = Random(3);
    let texts = (0..400_000).map(|_| {
        let words: Vec<&str> = (0..4).map(|_| WORDS[random.below(WORDS.len())]).collect();
        words.join(" ")
    });
    Corpus { name: "comments as in TPC-H", texts: texts.collect() }
}

/// Random words with punctuation and times.
fn words() -> Corpus {
    let mut random = Random(4);
    let mut text = || {
        let mut text = String::new();
        for _ in 0..20 {
            let len = 2 + random.below(9);
            let word: String = (0..len).map(|_| char::from(b'a' + u8::try_from(random.below(26)).unwrap())).collect();
            text.push_str(&word);
            text.push_str([" ", ", ", ". ", ": ", "-", " 12:30 ", " = ", " 2024-05-17 "][random.below(8)]);
        }
        text
    };
    Corpus { name: "random words", texts: (0..50_000).map(|_| text()).collect() }
}

/// Identifiers and amounts of every length.
fn numbers() -> Corpus {
    let mut random = Random(5);
    let text = |i: usize| match i % 5 {
        0 => format!("{:09}", random.below(1_000_000_000)),
        1 => format!("{:016}", random.next() % 10_000_000_000_000_000),
        2 => format!("Customer#{:09}", random.below(1_000_000)),
        3 => format!("{}.{:02}", random.below(100_000), random.below(100)),
        _ => format!("{:03}-{:04}-{:05}", random.below(1000), random.below(10_000), random.below(100_000)),
    };
    Corpus { name: "random numbers as text", texts: (0..200_000).map(text).collect() }
}

fn samples() -> Vec<PathBuf> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples/data");
    let mut files: Vec<PathBuf> = fs::read_dir(data).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// Files of the crates that were built, up to 40 MB of them.
fn registry(extension: &str) -> Vec<PathBuf> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cargo")));
    let mut open: Vec<PathBuf> = home.map(|home| home.join("registry/src")).into_iter().collect();
    let (mut files, mut bytes) = (Vec::new(), 0);
    while let Some(dir) = open.pop() {
        let Ok(entries) = fs::read_dir(&dir) else { continue };
        let mut entries: Vec<_> = entries.flatten().collect();
        entries.sort_by_key(fs::DirEntry::path);
        for entry in entries {
            let (path, Ok(metadata)) = (entry.path(), entry.metadata()) else { continue };
            let name = entry.file_name().to_string_lossy().into_owned();
            let wanted = path.extension().is_some_and(|found| found == extension)
                || extension == "md" && name.starts_with("LICENSE");
            if metadata.is_dir() {
                open.push(path);
            } else if wanted && bytes < 40_000_000 {
                bytes += metadata.len();
                files.push(path);
            }
        }
    }
    files
}

/// The lines of files.
fn lines(name: &'static str, files: &[PathBuf]) -> Corpus {
    let texts = files.iter().filter_map(|file| fs::read_to_string(file).ok());
    Corpus { name, texts: texts.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).collect() }
}
