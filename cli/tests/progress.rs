//! How far long commands are: events for programs from every one of them, and a bar on a terminal that fits and goes away.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests state what they expect")]

mod world;

use std::fmt::Write as _;
use std::process::{Command, Stdio};

use serde_json::Value;
use world::{World, sample};

/// A table that takes a moment.
fn table(rows: u32) -> String {
    let mut text = String::from("id,text\n");
    for row in 0..rows {
        writeln!(text, "{row},{:0200x}", u64::from(row).wrapping_mul(6_364_136_223_846_793_005)).unwrap();
    }
    text
}

/// Every command that reads all of a dataset says how far it is, to those who ask.
#[test]
fn long_commands_tell_how_far_they_are() {
    let world = World::new();
    world.ok(&["add", &sample("data/weather.csv"), "--name", "weather"]);
    world.write("less.csv", "place,t\nA,1\n");
    world.write("more.csv", "place,t\nA,1\nB,2\n");
    world.ok(&["add", "less.csv", "--name", "towns"]);
    world.ok(&["add", "more.csv", "--name", "towns"]);
    world.ok(&["seal"]);
    world.ok(&["prove", "row", "weather", "3", "-o", "row.tlog-proof"]);
    let data = sample("data/weather.csv");
    world.ok(&["get", "weather", "-o", "made/"]);
    for (stage, args) in [
        ("check", &["fsck"][..]),
        ("check", &["audit"]),
        ("write", &["get", "weather", "-o", "weather.csv"]),
        ("write", &["get", "weather", "-o", "weather.parquet"]),
        ("write", &["get", "weather", "-o", "weather.car"]),
        ("write", &["get", "weather", "-o", "weather/"]),
        ("compare", &["diff", "towns"]),
        ("verify", &["verify", &data, "--proof", "row.tlog-proof"]),
        ("verify", &["verify", "made", "--proof", "row.tlog-proof"]),
    ] {
        let said = world.run(&[args, &["-q", "--progress=json"]].concat());
        assert_eq!(said.code, 0, "{args:?}: {}{}", said.out, said.err);
        let events: Vec<Value> = said.err.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let last = events.last().unwrap();
        assert_eq!((&last["schema"], &last["stage"]), (&"mira.progress/1".into(), &stage.into()), "{args:?}");
        let [bytes, total] = ["bytes", "total_bytes"].map(|field| last[field].as_u64().unwrap());
        assert!(bytes > 0 && bytes >= total, "{args:?}: {last}");
    }
    // Nobody asked, and nobody looks.
    assert_eq!(world.run(&["fsck"]).err, "");
}

/// What a terminal shows: rows of characters, and whether a line ever went on in the next row.
struct Screen {
    rows: Vec<Vec<char>>,
    at: (usize, usize),
    columns: usize,
    wrapped: bool,
    bars: usize,
}

impl Screen {
    /// As much of a terminal as a bar needs.
    fn of(bytes: &[u8], columns: usize) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let mut screen = Self { rows: vec![Vec::new()], at: (0, 0), columns, wrapped: false, bars: 0 };
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '\r' => screen.at.1 = 0,
                '\n' => screen.down(),
                '\u{1b}' => {
                    chars.next_if_eq(&'[');
                    let mut number = String::new();
                    let end = loop {
                        match chars.next() {
                            Some(c) if c.is_ascii_digit() || c == '?' || c == ';' => number.push(c),
                            end => break end,
                        }
                    };
                    screen.control(&number, end);
                }
                c if c.is_control() => {}
                c => screen.put(c),
            }
        }
        screen
    }

    fn down(&mut self) {
        self.at.0 += 1;
        if self.rows.len() == self.at.0 {
            self.rows.push(Vec::new());
        }
    }

    fn control(&mut self, number: &str, end: Option<char>) {
        match end {
            Some('A') => self.at.0 = self.at.0.saturating_sub(number.parse().unwrap_or(1)),
            Some('K') if number == "2" => self.rows[self.at.0].clear(),
            Some('K') => self.rows[self.at.0].truncate(self.at.1),
            _ => {}
        }
    }

    fn put(&mut self, c: char) {
        if self.at.1 == self.columns {
            self.wrapped = true;
            self.down();
            self.at.1 = 0;
        }
        let row = &mut self.rows[self.at.0];
        row.resize(row.len().max(self.at.1 + 1), ' ');
        row[self.at.1] = c;
        self.at.1 += 1;
        self.bars += usize::from(c == '█');
    }

    fn text(&self) -> String {
        self.rows.iter().map(|row| row.iter().collect::<String>() + "\n").collect()
    }
}

/// Runs a command on a terminal of so many columns. `script` is a part of util-linux.
fn on_terminal(world: &World, columns: usize, env: &[(&str, &str)], args: &[&str]) -> Vec<u8> {
    let own = world.command(args);
    let line: Vec<&str> = own.get_args().map(|arg| arg.to_str().unwrap()).collect();
    let program = own.get_program().to_str().unwrap();
    let line = format!("stty cols {columns} rows 24; exec {program} {}", line.join(" "));
    let mut command = Command::new("script");
    command.args(["-qec", &line, "/dev/null"]).current_dir(own.get_current_dir().unwrap()).stdin(Stdio::null());
    command.env("TERM", "xterm").env_remove("COLUMNS").env_remove("NO_COLOR");
    own.get_envs().filter_map(|(key, value)| Some((key, value?))).for_each(|(key, value)| {
        command.env(key, value);
    });
    let ended = command.envs(env.iter().copied()).output().unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stdout));
    ended.stdout
}

#[test]
fn a_bar_fits_the_terminal_and_goes_away() {
    if Command::new("script").arg("--version").output().is_err() {
        eprintln!("skipped: there is no `script` to make a terminal");
        return;
    }
    let world = World::new();
    world.write("big.csv", table(100_000));
    for columns in [80, 40, 20] {
        let name = format!("on-{columns}");
        let shown = on_terminal(&world, columns, &[], &["add", "big.csv", "--threads", "1", "--name", &name]);
        let screen = Screen::of(&shown, columns);
        let raw = String::from_utf8_lossy(&shown).into_owned();
        // What the bar says is one line, whatever the width; the answer may be longer than that.
        assert!((screen.bars > 0 || columns < 40) && raw.contains("commit "), "{columns}: {raw:?}");
        let left = screen.text();
        assert!(!left.contains(['█', '░', '▌']) && !left.contains("commit "), "{columns}: {left}");
        for bar in raw.split(['\r', '\n']).filter(|line| line.contains("commit ")) {
            assert!(visible(bar) <= columns, "{columns}: {bar:?}");
        }
        assert!(columns < 80 || (raw.contains("100,000 rows") || raw.contains(" rows  ")), "{raw:?}");
    }
    let world_of = |name: &'static str| ["add", "big.csv", "--threads", "1", "--name", name];
    let plain = on_terminal(&world, 80, &[("NO_COLOR", "1")], &world_of("plain"));
    assert!(!String::from_utf8_lossy(&plain).contains("\u{1b}[3"), "no colours");
    let dumb = on_terminal(&world, 80, &[("TERM", "dumb")], &world_of("dumb"));
    let dumb = String::from_utf8_lossy(&dumb);
    assert!(!dumb.contains('\u{1b}') && !dumb.contains('█') && dumb.contains("dumb@1"), "{dumb:?}");
}

/// Characters of a line without what steers the terminal.
fn visible(line: &str) -> usize {
    let mut count = 0;
    let mut steers = false;
    for c in line.chars() {
        match c {
            '\u{1b}' => steers = true,
            c if steers => steers = !c.is_ascii_alphabetic(),
            _ => count += 1,
        }
    }
    count
}
