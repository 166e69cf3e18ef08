// Compiles the contracts and writes artifacts/<Name>.json; with --check it writes nothing and fails unless what it made
// equals what is committed, byte for byte. Compiler and libraries are those of .ci/anvil/package-lock.json.
//
//   node build.mjs [--check]

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
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

  const modules = join(run(join(here, "../../.ci/anvil/install.sh")), "..");
  const require = createRequire(join(modules, "_"));
  const solc = require("solc");
  const sources = collect(modules);
  const made = compile(solc, sources);

  const different = [];
  for (const name of contracts) {
    const file = join(here, "artifacts", `${name}.json`);
    const text = artifact(solc, sources, made, name);
    if (!check) writeFileSync(file, text);
    else if (!existsSync(file) || readFileSync(file, "utf8") !== text) different.push(name);
    const bytes = made[`src/${name}.sol`][name].evm.deployedBytecode.object.length / 2;
    console.log(`${name}: ${bytes} bytes, ${sha256(text)}`);
  }
  if (different.length > 0) fail(`not what the sources compile to: ${different.join(", ")} (run node build.mjs)`);
}

// The contracts' sources and, by their import lines, those of the libraries; sorted by name.
function collect(modules) {
  const sources = {};
  const queue = readdirSync(join(here, "src")).filter((file) => file.endsWith(".sol")).map((file) => `src/${file}`);
  while (queue.length > 0) {
    const name = queue.pop();
    if (name in sources) continue;
    const content = readFileSync(join(name.startsWith("src/") ? here : modules, name), "utf8");
    sources[name] = { content };
    for (const [, path] of content.matchAll(/^\s*import\s+(?:[^"';]*from\s+)?["']([^"']+)["'];/gm)) {
      queue.push(path.startsWith(".") ? join(dirname(name), path) : path);
    }
  }
  return Object.fromEntries(Object.entries(sources).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function compile(solc, sources) {
  const wanted = ["abi", "evm.bytecode.object", "evm.deployedBytecode.object", "evm.deployedBytecode.immutableReferences"];
  const outputSelection = Object.fromEntries(contracts.map((name) => [`src/${name}.sol`, { [name]: wanted }]));
  const input = { language: "Solidity", sources, settings: { ...settings, outputSelection } };
  const output = JSON.parse(solc.compile(JSON.stringify(input)));
  // No warning is let pass, so none hides the next; but 2394 is only the news that transient storage exists.
  const complaints = (output.errors ?? []).filter((error) => error.errorCode !== "2394");
  if (complaints.length > 0) fail(complaints.map((error) => error.formattedMessage).join("\n"));
  return output.contracts;
}

// Everything a deployer needs, and what it was made from.
function artifact(solc, sources, made, name) {
  const { abi, evm } = made[`src/${name}.sol`][name];
  const bytecode = `0x${evm.bytecode.object}`;
  const deployedBytecode = `0x${evm.deployedBytecode.object}`;
  const value = {
    contractName: name,
    abi,
    bytecode,
    deployedBytecode,
    // Where the constructor writes values into the deployed code: {start, length} by the compiler's number of each.
    immutableReferences: evm.deployedBytecode.immutableReferences,
    sha256: {
      abi: sha256(JSON.stringify(abi)),
      bytecode: sha256(Buffer.from(evm.bytecode.object, "hex")),
      deployedBytecode: sha256(Buffer.from(evm.deployedBytecode.object, "hex")),
    },
    compiler: solc.version(),
    settings,
    sources: Object.fromEntries(needed(sources, `src/${name}.sol`).map((path) => [path, sha256(sources[path].content)])),
  };
  return `${JSON.stringify(value, null, 2)}\n`;
}

// The sources that `name` reaches by imports, itself included, sorted.
function needed(sources, name) {
  const seen = new Set();
  const visit = (path) => {
    if (seen.has(path)) return;
    seen.add(path);
    for (const [, other] of sources[path].content.matchAll(/^\s*import\s+(?:[^"';]*from\s+)?["']([^"']+)["'];/gm)) {
      visit(other.startsWith(".") ? join(dirname(path), other) : other);
    }
  };
  visit(name);
  return [...seen].sort();
}

function sha256(data) {
  return createHash("sha256").update(data).digest("hex");
}

function run(program) {
  return execFileSync(program, { encoding: "utf8" }).trim();
}

function fail(message) {
  console.error(message);
  process.exit(1);
}

main();
