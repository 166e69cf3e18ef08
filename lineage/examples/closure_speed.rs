//! How fast closures are, on a lineage-like graph that is made up.
//!
//! ```text
//! cargo run -p mira-lineage --example closure_speed -- [EDGES [CSV]]
//! ```
//!
//! Five edges a node; 70 % of them come from one of the last 1,000 nodes, 30 % from anywhere, old nodes more often. With CSV, the
//! edges are written there for other engines, whose answers must be the same: the roots and counts are printed.

use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::time::Instant;

use mira_lineage::closure::{Direction, Index, Walk};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let count: u32 = args.next().map_or(Ok(10_000_000), |text| text.parse())?;
    let nodes = count / 5;
    let edges = edges(nodes, count);
    if let Some(path) = args.next() {
        let mut file = BufWriter::new(File::create(path)?);
        writeln!(file, "src,dst")?;
        edges.iter().try_for_each(|(src, dst)| writeln!(file, "{src},{dst}"))?;
        file.flush()?;
    }
    let (index, built) = timed(|| Index::build(nodes, &edges));
    let index = index?;
    println!("{} nodes, {} edges, {} MB", index.nodes(), index.edges(), index.as_bytes().len() / 1_000_000);
    println!("build          {built:>10.3} ms");
    let path = std::env::temp_dir().join(format!("closure-speed-{}.csr", std::process::id()));
    std::fs::write(&path, index.as_bytes())?;
    for _ in 0..3 {
        let (opened, time) = timed(|| Index::open(&path));
        drop(opened?);
        println!("open           {time:>10.3} ms");
    }
    std::fs::remove_file(&path)?;

    let all = Walk::everything();
    let (steps, time) = timed(|| index.walk(nodes - 1, Direction::Up, &all));
    println!("full ancestry  {time:>10.3} ms  {} nodes above {}", steps?.len(), nodes - 1);
    let (steps, time) = timed(|| index.walk(nodes / 2, Direction::Down, &all));
    println!("half descent   {time:>10.3} ms  {} nodes below {}", steps?.len(), nodes / 2);
    let Some((root, size)) = small(&index)? else { return Ok(()) };
    for _ in 0..3 {
        let (steps, time) = timed(|| index.walk(root, Direction::Up, &all));
        println!("small ancestry {time:>10.4} ms  {} nodes above {root}", steps?.len());
    }
    let mut times = Vec::new();
    for root in (1..2000).map(|at| at * (size / 100).max(1)).filter(|root| *root < 2000) {
        times.push(timed(|| index.walk(root, Direction::Up, &all)).1);
    }
    times.sort_by(f64::total_cmp);
    if let Some(p95) = times.get(times.len() * 95 / 100) {
        println!("small, p95     {p95:>10.4} ms  of {} roots", times.len());
    }
    Ok(())
}

/// The first root with an ancestry of 150 to 300 nodes.
fn small(index: &Index) -> Result<Option<(u32, u32)>, Box<dyn Error>> {
    for root in 0..index.nodes().min(100_000) {
        let found = index.walk(root, Direction::Up, &Walk { most: 300, ..Walk::everything() });
        if let Ok(steps) = found
            && steps.len() >= 150
        {
            return Ok(Some((root, u32::try_from(steps.len())?)));
        }
    }
    Ok(None)
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let start = Instant::now();
    let result = work();
    (result, start.elapsed().as_secs_f64() * 1000.0)
}

/// The same edges every time.
fn edges(nodes: u32, count: u32) -> Vec<(u32, u32)> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut below = |end: u32| {
        // Marsaglia's xorshift64.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        u32::try_from((u128::from(state) * u128::from(end)) >> 64).unwrap_or(0)
    };
    let edge = |at: u32| {
        let dst = (1 + at / 5).min(nodes - 1);
        let src = match below(10) {
            0..7 => dst - 1 - below(dst.min(1000)),
            _ => {
                let newest = below(dst);
                below(newest + 1)
            }
        };
        (src, dst)
    };
    (0..count).map(edge).collect()
}
