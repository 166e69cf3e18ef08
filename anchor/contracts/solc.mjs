#!/usr/bin/env node
// The compiler of .ci/anvil as forge wants it: a program that answers --version and --standard-json.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const installer = join(dirname(fileURLToPath(import.meta.url)), "../../.ci/anvil/install.sh");
const modules = join(execFileSync(installer, { encoding: "utf8" }).trim(), "..");
const solc = createRequire(join(modules, "_"))("solc");

if (process.argv.includes("--version")) {
  console.log(`solc, the solidity compiler commandline interface\nVersion: ${solc.version()}`);
} else if (process.argv.includes("--standard-json")) {
  process.stdout.write(solc.compile(readFileSync(0, "utf8")));
} else {
  console.error("usage: solc.mjs --version | --standard-json");
  process.exit(2);
}
