//! Whom a command asks beside the disk: a gateway, a node, a pinning service that the node knows.

use serde_json::Value;

use crate::cases::Asks;
use crate::gateway::{Blocks, Gateway};
use crate::node::Node;
use crate::pinning_service::{KEY, PinningService};
use crate::world::World;

/// Those of one case, for all its rounds.
pub(crate) struct Elsewhere {
    asks: Asks,
    gateway: Option<(Gateway, String)>,
    node: Node,
}

/// Those of one round: a node of its own, at the address of the others, and a service of its own.
pub(crate) struct Turn {
    user: String,
    service: Option<PinningService>,
}

impl Elsewhere {
    pub(crate) fn new(asks: Asks) -> Self {
        Self { asks, gateway: (asks == Asks::Gateway).then(published), node: Node::start() }
    }

    /// What follows the command's own words: what is asked for, and of whom.
    pub(crate) fn words(&self) -> Vec<String> {
        self.gateway.iter().flat_map(|(gateway, cid)| [cid.clone(), format!("--from={}", gateway.url)]).collect()
    }

    /// Makes it a user's turn, who finds on the node what the other user has left there.
    pub(crate) fn turn(&self, user: String, as_left_by: Option<&Turn>, world: &mut World) -> Turn {
        if let Some(other) = as_left_by {
            self.node.copy(&other.user, &user);
        }
        world.set("MIRA_KUBO", self.node.url(&user));
        let service = (self.asks == Asks::Service).then(|| {
            let service = PinningService::start();
            // Pinned at once: waiting for it writes nothing that could break.
            service.course(&["pinned"]);
            self.node.know(&user, "sample-service", &service.endpoint, KEY);
            service
        });
        Turn { user, service }
    }

    /// The names of all pins there, of the service with their states.
    pub(crate) fn pins(&self, turn: &Turn) -> Vec<String> {
        let on_node = self.node.pins(&turn.user).into_iter().map(|(_, name)| format!("node: {name}"));
        let there = turn.service.iter().flat_map(PinningService::pins);
        on_node.chain(there.map(|(name, state)| format!("service: {name} {state}"))).collect()
    }

    /// Nothing is called pinned here that is not pinned there. Not of a command that ends pins: here it is known that one
    /// is gone when it is gone there, so what was seen last is told for a moment longer.
    pub(crate) fn check(&self, turn: &Turn, world: &World) -> Result<(), String> {
        if !world.ws(".mira").is_dir() {
            return Ok(());
        }
        let there = self.pins(turn);
        let status = world.run(&["status", "--json"]);
        let status: Value = serde_json::from_str(&status.out).map_err(|error| format!("{error}: {}", status.err))?;
        let called = status["pins"].as_array().into_iter().flatten().filter(|pin| pin["state"] == "pinned");
        for place in called.map(kind_of) {
            if !there.iter().any(|pin| pin.starts_with(place)) {
                return Err(format!("called pinned by the {place}, which has {there:?}"));
            }
        }
        Ok(())
    }
}

/// Whether a pin is of the node, or of a service that it knows.
pub(crate) fn kind_of(pin: &Value) -> &'static str {
    if pin["service"].as_str().is_some_and(|service| service.contains(" at ")) { "service" } else { "node" }
}

/// A dataset of somebody else's at a gateway, and its CID.
fn published() -> (Gateway, String) {
    let world = World::new();
    world.write("rows.csv", "name,age\nUna,7\nRex,4\n");
    world.ok(&["add", "rows.csv", "--license", "CC0-1.0"]);
    world.ok(&["get", "rows", "-o", "folder/"]);
    let mut blocks = Blocks::default();
    let cid = blocks.add_folder(&world.ws("folder")).cid.to_string();
    (Gateway::honest(&blocks), cid)
}
