//! One epoch of rewards whose files never change: `../vectors/rewards`. `BLESS=1` writes them again, which is a changed
//! format.

use std::fs;
use std::path::Path;

use mira_anchor::reward::Previous;
use mira_core::statement::{AgentRole, InputRole, WithdrawReason};

use crate::world::{Columns, Event, Piece, Use, World, policy};

/// A bit of everything: copies, a transform, a base model, fees, a pool, declared use, a withdrawal.
fn story() -> World {
    let contribute = |by, rows: &[u8]| Event::Contribute { by, columns: Columns::IntA, rows: rows.to_vec() };
    let base = Use { role: InputRole::Base, ..Use::whole(3) };
    let part = Use { part: Piece::Chunk(0), passes: 3, ..Use::whole(2) };
    World::new(&[
        contribute(1, &[2, 3, 4, 5]),
        contribute(2, &[4, 5, 6]),
        Event::Transform {
            by: 3,
            columns: Columns::IntB,
            rows: vec![7, 8, 2],
            inputs: vec![Use::whole(0), Use::whole(1)],
        },
        Event::Train { by: 4, inputs: vec![Use::whole(0)], agents: vec![] },
        Event::Train { by: 5, inputs: vec![Use::whole(1), part, base], agents: vec![(6, AgentRole::Compute)] },
        Event::Evaluate { by: 7, run: 4 },
        Event::Deploy { by: 8, run: 4, active: true },
        Event::Use { by: 8, run: 4, deployment: Some(6), count: 5000 },
        Event::Use { by: 9, run: 3, deployment: None, count: 700 },
        Event::Withdraw { target: 1, reason: WithdrawReason::Privacy, rows: Some(vec![2]) },
    ])
}

#[test]
fn the_files_of_an_epoch() {
    let world = story();
    let funded = world.fund(&[(Some(7), 1_000_003), (None, 99_991), (Some(3), 17)]);
    let allocation = world.compute(&policy(), &funded, &Previous::default()).unwrap();
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/rewards");
    for (name, bytes) in [
        ("policy.json", policy().to_bytes()),
        ("allocation.json", allocation.table.clone()),
        ("manifest.json", allocation.manifest.to_bytes()),
        ("trace.json", allocation.amounts.trace.to_json().to_canonical()),
    ] {
        let path = dir.join(name);
        if std::env::var_os("BLESS").is_some() {
            fs::create_dir_all(&dir).unwrap();
            fs::write(&path, &bytes).unwrap();
        }
        let expected = fs::read(&path).unwrap();
        assert_eq!(String::from_utf8_lossy(&bytes), String::from_utf8_lossy(&expected), "{name}");
    }
}
