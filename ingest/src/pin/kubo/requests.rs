//! Calls, and options of calls, that the client crate does not know. Names and meanings are those of Kubo's RPC API.
//!
//! | call | the crate | why ours |
//! |---|---|---|
//! | `version`, `pin/ls` of one CID, `pin/rm` | its request | |
//! | `block/stat`, `cat`, `pin/add` | lacks `offline`; `pin/add` lacks `name` | a question must not go to the network |
//! | `pin/ls` | lacks `name` | parts of a dataset are found by it |
//! | `dag/import`, `dag/stat` | lacks them | |
//! | `add`, `block/put` | lack `max-file-links`, `pin`, `cid-codec` | the same CIDs as ours, and nothing pinned |

use std::collections::BTreeMap;

use ipfs_api_prelude::ApiRequest;
use serde::{Deserialize, Serialize};

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct DagImport {
    pub(super) pin_roots: bool,
    pub(super) stats: bool,
}

impl ApiRequest for DagImport {
    const PATH: &'static str = "/dag/import";
}

/// A line of the answer to `dag/import`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ImportLine {
    pub(super) stats: Option<ImportStats>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ImportStats {
    pub(super) block_count: u64,
    pub(super) block_bytes_count: u64,
}

/// Adds one file under the profile `unixfs-v1-2025`, whatever the node's own is.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Add {
    cid_version: u8,
    hash: &'static str,
    raw_leaves: bool,
    chunker: &'static str,
    max_file_links: usize,
    trickle: bool,
    inline: bool,
    pin: bool,
    progress: bool,
    wrap_with_directory: bool,
}

impl Default for Add {
    fn default() -> Self {
        Self {
            cid_version: 1,
            hash: "sha2-256",
            raw_leaves: true,
            chunker: "size-1048576",
            max_file_links: mira_core::unixfs::WIDTH,
            trickle: false,
            inline: false,
            pin: false,
            progress: false,
            wrap_with_directory: false,
        }
    }
}

impl ApiRequest for Add {
    const PATH: &'static str = "/add";
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AddedFile {
    pub(super) hash: String,
}

/// Stores one node of a directory.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct BlockPut {
    cid_codec: &'static str,
    mhtype: &'static str,
    pin: bool,
}

impl Default for BlockPut {
    fn default() -> Self {
        Self { cid_codec: "dag-pb", mhtype: "sha2-256", pin: false }
    }
}

impl ApiRequest for BlockPut {
    const PATH: &'static str = "/block/put";
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PutBlock {
    pub(super) key: String,
}

/// Walks a DAG and counts.
#[derive(Serialize)]
pub(super) struct DagStat<'a> {
    pub(super) arg: &'a str,
    /// With it a missing block is an error at once, without it a question to the network.
    pub(super) offline: bool,
    /// Else there is a line for each block.
    pub(super) progress: bool,
}

impl ApiRequest for DagStat<'_> {
    const PATH: &'static str = "/dag/stat";
}

#[derive(Deserialize)]
pub(super) struct DagStats {
    #[serde(rename = "DagStats")]
    pub(super) dags: Vec<WalkedDag>,
}

#[derive(Deserialize)]
pub(super) struct WalkedDag {
    #[serde(rename = "Cid")]
    pub(super) cid: String,
    #[serde(rename = "NumBlocks")]
    pub(super) blocks: u64,
}

#[derive(Serialize)]
pub(super) struct PinAdd<'a> {
    pub(super) arg: &'a str,
    pub(super) name: &'a str,
    pub(super) recursive: bool,
    /// Does not keep Kubo 0.43 from looking for a missing block on the network, so the DAG is walked before.
    pub(super) offline: bool,
}

impl ApiRequest for PinAdd<'_> {
    const PATH: &'static str = "/pin/add";
}

/// Lists the recursive pins whose name contains `name`.
#[derive(Serialize)]
pub(super) struct PinLsByName<'a> {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) name: &'a str,
}

impl ApiRequest for PinLsByName<'_> {
    const PATH: &'static str = "/pin/ls";
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Pins {
    /// By CID; left out where there are none.
    #[serde(default)]
    pub(super) keys: BTreeMap<String, NamedPin>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct NamedPin {
    #[serde(rename = "Type")]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) name: String,
}

#[derive(Serialize)]
pub(super) struct BlockStat<'a> {
    pub(super) arg: &'a str,
    pub(super) offline: bool,
}

impl ApiRequest for BlockStat<'_> {
    const PATH: &'static str = "/block/stat";
}

#[derive(Serialize)]
pub(super) struct Cat<'a> {
    pub(super) arg: &'a str,
    pub(super) offset: u64,
    pub(super) length: usize,
    pub(super) offline: bool,
}

impl ApiRequest for Cat<'_> {
    const PATH: &'static str = "/cat";
}
