//! The commands that are broken, what comes before each, and what running it again may say.

use crate::shim::Broken;
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
}

const INIT: &[&str] = &["init", "--origin", "log.example.org/test"];
const ADD: &[&str] = &["add", "first.csv", "--name", "sample"];
const ADD_EDITED: &[&str] = &["add", "edited.csv", "--name", "sample"];
const TRAIN: &[&str] = &["record", "train", "--model", "model", "--artifact", "weights.bin", "--uses", "sample"];
const SEAL: &[&str] = &["seal"];

const fn case(
    name: &'static str,
    before: &'static [&'static [&'static str]],
    run: &'static [&'static str],
    done: Option<&'static str>,
) -> Case {
    Case { name, before, run, done, in_workspace: !before.is_empty() }
}

pub(crate) const CASES: &[Case] = &[
    case("init", &[], INIT, Some("there is a workspace already")),
    case("key new", &[INIT], &["key", "new", "other"], Some("there is a key")),
    case("add", &[INIT], ADD, None),
    case("add a second version", &[INIT, ADD], ADD_EDITED, None),
    case("record train", &[INIT, ADD], TRAIN, None),
    case("withdraw", &[INIT, ADD], &["withdraw", "sample", "--reason", "error"], Some("withdrawn")),
    case("seal", &[INIT, ADD], SEAL, None),
    case("anchor", &[INIT, ADD, SEAL, &["chain", "deploy"]], &["anchor"], None),
    case("get", &[INIT, ADD], &["get", "sample", "-o", "copy.csv"], Some("there is a file already")),
];

impl Case {
    /// Nothing that was there is lost or half there.
    pub(crate) fn check_between(&self, world: &World) -> Result<(), String> {
        if !self.in_workspace {
            return Ok(());
        }
        let ended = world.run(&["fsck"]);
        match ended.code {
            0 => Ok(()),
            code => Err(format!("after the break, fsck: {code}: {}{}", ended.out, ended.err)),
        }
    }

    /// Runs the command once more, undisturbed.
    pub(crate) fn run_again(&self, world: &World, broken: &Broken) -> Result<(), String> {
        let ended = world.run(self.run);
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
