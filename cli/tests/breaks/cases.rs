//! The commands that are broken, what comes before each, and what running it again may say.

use crate::shim::Broken;
use crate::undisturbed::sound;
use crate::world::World;

pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// What is done before, undisturbed.
    pub(crate) before: &'static [&'static [&'static str]],
    /// What is disturbed.
    pub(crate) run: &'static [&'static str],
    /// What the error of another run says, where the one before had come to its end without having told.
    done: Option<&'static str>,
    /// Whether the workspace is there before the command.
    in_workspace: bool,
    /// Whether doing it again is doing another: training twice is two runs.
    pub(crate) repeats: bool,
    /// Files of other workspaces that nothing here names lie in this one.
    pub(crate) has_strays: bool,
    /// Whom it asks.
    pub(crate) asks: Asks,
}

/// Somebody whom a command asks. The bench runs them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asks {
    Nobody,
    /// A gateway, for a dataset of somebody else's: its CID and where follow the command.
    Gateway,
    /// The user's node.
    Node,
    /// The user's node, and a pinning service through it.
    Service,
}

const INIT: &[&str] = &["init", "--origin", "log.example.org/test"];
const ADD: &[&str] = &["add", "first.csv", "--name", "sample"];
const ADD_EDITED: &[&str] = &["add", "edited.csv", "--name", "sample"];
const TRAIN: &[&str] = &["record", "train", "--model", "model", "--artifact", "weights.bin", "--uses", "sample"];
const FOLDER: &[&str] = &["get", "sample", "-o", "copy/"];
const SEAL: &[&str] = &["seal"];
const ADD_LICENSED: &[&str] = &["add", "first.csv", "--name", "sample", "--license", "CC0-1.0"];
const PIN: &[&str] = &["pin", "sample"];
const PIN_AT_SERVICE: &[&str] = &["pin", "sample", "--service", "sample-service", "--yes"];

const fn case(
    name: &'static str,
    before: &'static [&'static [&'static str]],
    run: &'static [&'static str],
    done: Option<&'static str>,
) -> Case {
    Case {
        name,
        before,
        run,
        done,
        in_workspace: !before.is_empty(),
        repeats: false,
        has_strays: false,
        asks: Asks::Nobody,
    }
}

const fn repeats(name: &'static str, run: &'static [&'static str]) -> Case {
    Case { repeats: true, ..case(name, &[INIT, ADD], run, None) }
}

const fn among_strays(
    name: &'static str,
    before: &'static [&'static [&'static str]],
    run: &'static [&'static str],
) -> Case {
    Case { has_strays: true, ..case(name, before, run, None) }
}

const fn from_gateway(name: &'static str, run: &'static [&'static str], done: Option<&'static str>) -> Case {
    Case { asks: Asks::Gateway, ..case(name, &[INIT], run, done) }
}

const fn at(
    asks: Asks,
    name: &'static str,
    before: &'static [&'static [&'static str]],
    run: &'static [&'static str],
) -> Case {
    Case { asks, ..case(name, before, run, None) }
}

pub(crate) const CASES: &[Case] = &[
    case("init", &[], INIT, Some("there is a workspace already")),
    case("key new", &[INIT], &["key", "new", "other"], Some("there is a key")),
    case("add", &[INIT], ADD, None),
    case("add a second version", &[INIT, ADD], ADD_EDITED, None),
    case("add with quarantine", &[INIT], &["add", "bad.csv", "--on-bad-row", "quarantine"], None),
    repeats("record train", TRAIN),
    repeats("withdraw", &["withdraw", "sample", "--reason", "error"]),
    repeats("undo", &["undo"]),
    case("rm", &[INIT, ADD], &["rm", "sample", "--yes"], None),
    among_strays("gc", &[INIT, ADD], &["gc"]),
    case("seal", &[INIT, ADD], SEAL, Some("nothing was logged since the last epoch")),
    case("anchor", &[INIT, ADD, SEAL, &["chain", "deploy"]], &["anchor"], None),
    case("get", &[INIT, ADD], &["get", "sample", "-o", "copy.csv"], Some("there is a file already")),
    case("get a folder", &[INIT, ADD], &["get", "sample", "-o", "copy/"], Some("there is a folder already")),
    case("get a folder again", &[INIT, ADD, FOLDER], &["get", "sample", "-o", "copy/", "--force"], None),
    from_gateway("get --from", &["get", "-o", "copy.csv"], Some("there is a file already")),
    from_gateway("get a folder --from", &["get", "-o", "copy/"], Some("there is a folder already")),
    at(Asks::Node, "pin", &[INIT, ADD], PIN),
    at(Asks::Node, "pin again", &[INIT, ADD, PIN], PIN),
    at(Asks::Node, "unpin", &[INIT, ADD, PIN], &["unpin", "sample"]),
    at(Asks::Service, "pin at a service", &[INIT, ADD_LICENSED], PIN_AT_SERVICE),
];

impl Case {
    /// Nothing that was there is lost or half there.
    pub(crate) fn check_between(&self, world: &World) -> Result<(), String> {
        if self.in_workspace { sound(world).map_err(|why| format!("after the break, {why}")) } else { Ok(()) }
    }

    /// Runs the command once more, undisturbed.
    pub(crate) fn run_again(&self, world: &World, args: &[&str], broken: &Broken) -> Result<(), String> {
        let ended = world.run(args);
        let says_done = self.done.is_some_and(|done| ended.err.contains(done));
        match ended.code {
            0 => Ok(()),
            _ if says_done => Ok(()),
            code => {
                Err(format!("again: {code}: {}{}; before it: {:?} {}", ended.out, ended.err, broken.code, broken.err))
            }
        }
    }
}
