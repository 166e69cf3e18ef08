// Compiles the contracts and writes artifacts/<Name>.json; with --check it writes nothing and fails unless what it made
// equals what is committed, byte for byte. Compiler and libraries are those of .ci/anvil/package-lock.json.
//
//   node build.mjs [--check]

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const contracts = ["MiraToken", "RewardsDistributor", "RootRegistry"];

// Everything that decides the bytes. No metadata and no CBOR trailer: paths and comments do not reach the bytecode.
// `cancun` is the oldest rule set that has every opcode used (transient storage, MCOPY), and Prague and Osaka run it
// unchanged.
const settings = {
  viaIR: true,
  optimizer: { enabled: true, runs: 1000000 },
  evmVersion: "cancun",
  metadata: { bytecodeHash: "none", appendCBOR: false },
};

function main() {
  const check = process.argv[2] === "--check";
  if (process.argv.length > (check ? 3 : 2)) fail("usage: node build.mjs [--check]");

  const modules = dirname(execFileSync(join(here, "../../.ci/anvil/install.sh"), { encoding: "utf8" }).trim());
  const solc = createRequire(join(modules, "_"))("solc");

  const different = [];
  for (const name of contracts) {
    // Each alone with what it imports, so that no other file changes its artifact.
    const sources = collect(`src/${name}.sol`, modules);
    const text = artifact(name, sources, compile(solc, name, sources), solc.version());
    const file = join(here, "artifacts", `${name}.json`);
    if (!check) writeFileSync(file, text);
    else if (!existsSync(file) || readFileSync(file, "utf8") !== text) different.push(name);
    console.log(`${name}: ${sha256(text)}`);
  }
  if (different.length > 0) fail(`not what the sources compile to: ${different.join(", ")} (run node build.mjs)`);
}

// A source and all that it imports, sorted by name.
function collect(start, modules) {
  const sources = {};
  const queue = [start];
  while (queue.length > 0) {
    const name = queue.pop();
    if (name in sources) continue;
    const content = readFileSync(join(name.startsWith("src/") ? here : modules, name), "utf8");
    sources[name] = content;
    for (const [, path] of content.matchAll(/^\s*import\s+(?:[^"';]*from\s+)?["']([^"']+)["'];/gm)) {
      queue.push(path.startsWith(".") ? join(dirname(name), path) : path);
    }
  }
  return Object.fromEntries(Object.entries(sources).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function compile(solc, name, sources) {
  const wanted = ["abi", "evm.bytecode.object", "evm.deployedBytecode.object", "evm.deployedBytecode.immutableReferences"];
  const input = {
    language: "Solidity",
    sources: Object.fromEntries(Object.entries(sources).map(([path, content]) => [path, { content }])),
    settings: { ...settings, outputSelection: { [`src/${name}.sol`]: { [name]: wanted } } },
  };
  const output = JSON.parse(solc.compile(JSON.stringify(input)));
  // No warning is let pass, so none hides the next; but 2394 is only the news that transient storage exists.
  const complaints = (output.errors ?? []).filter((error) => error.errorCode !== "2394");
  if (complaints.length > 0) fail(complaints.map((error) => error.formattedMessage).join("\n"));
  return output.contracts[`src/${name}.sol`][name];
}

// Everything a deployer needs, and what it was made from.
function artifact(name, sources, { abi, evm }, compiler) {
  const value = {
    contractName: name,
    abi,
    bytecode: `0x${evm.bytecode.object}`,
    deployedBytecode: `0x${evm.deployedBytecode.object}`,
    // Where the constructor writes values into the deployed code: {start, length}, by the compiler's number of each.
    immutableReferences: evm.deployedBytecode.immutableReferences,
    sha256: {
      abi: sha256(JSON.stringify(abi)),
      bytecode: sha256(Buffer.from(evm.bytecode.object, "hex")),
      deployedBytecode: sha256(Buffer.from(evm.deployedBytecode.object, "hex")),
    },
    compiler,
    settings,
    sources: Object.fromEntries(Object.entries(sources).map(([path, content]) => [path, sha256(content)])),
  };
  return `${JSON.stringify(value, null, 2)}\n`;
}

function sha256(data) {
  return createHash("sha256").update(data).digest("hex");
}

function fail(message) {
  console.error(message);
  process.exit(1);
}

main();
