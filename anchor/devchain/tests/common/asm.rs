//! An assembler of a page, so that the contracts of the tests can be read.
//!
//! Words are opcodes; `0x…` is pushed as it is; `name:` is a place to jump to, and `@name` pushes it.

use std::collections::HashMap;

/// The bytes of a program.
pub fn asm(source: &str) -> Vec<u8> {
    let places = assemble(source, &HashMap::new()).1;
    assemble(source, &places).0
}

/// Code that makes a contract: `constructor` runs with an empty stack, then `runtime` is returned.
pub fn init(constructor: &str, runtime: &[u8]) -> Vec<u8> {
    let length = u16::try_from(runtime.len()).unwrap();
    let tail = |offset: u16| asm(&format!("0x{length:04x} DUP1 0x{offset:04x} 0x00 CODECOPY 0x00 RETURN"));
    let constructor = asm(constructor);
    let offset = u16::try_from(constructor.len() + tail(0).len()).unwrap();
    [constructor, tail(offset), runtime.to_vec()].concat()
}

fn assemble(source: &str, places: &HashMap<String, u16>) -> (Vec<u8>, HashMap<String, u16>) {
    let mut code = Vec::new();
    let mut found = HashMap::new();
    for word in source.split_whitespace() {
        if let Some(digits) = word.strip_prefix("0x") {
            let bytes = alloy::hex::decode(digits).unwrap();
            code.push(0x5f + u8::try_from(bytes.len()).unwrap());
            code.extend(bytes);
        } else if let Some(name) = word.strip_prefix('@') {
            code.push(0x61);
            code.extend(places.get(name).copied().unwrap_or_default().to_be_bytes());
        } else if let Some(name) = word.strip_suffix(':') {
            found.insert(name.to_owned(), u16::try_from(code.len()).unwrap());
            code.push(0x5b);
        } else {
            code.push(opcode(word));
        }
    }
    (code, found)
}

fn opcode(name: &str) -> u8 {
    let numbered = |prefix, base: u8| Some(base + name.strip_prefix(prefix)?.parse::<u8>().ok()?);
    let named = OPCODES.iter().find(|(known, _)| *known == name).map(|(_, code)| *code);
    named
        .or_else(|| numbered("DUP", 0x7f))
        .or_else(|| numbered("SWAP", 0x8f))
        .or_else(|| numbered("LOG", 0xa0))
        .unwrap_or_else(|| panic!("no opcode {name}"))
}

#[rustfmt::skip]
const OPCODES: &[(&str, u8)] = &[
    ("STOP", 0x00), ("ADD", 0x01), ("SUB", 0x03), ("CLZ", 0x1e), ("EQ", 0x14), ("ISZERO", 0x15), ("KECCAK256", 0x20),
    ("ADDRESS", 0x30), ("CALLER", 0x33), ("CALLVALUE", 0x34), ("CALLDATALOAD", 0x35), ("CALLDATASIZE", 0x36),
    ("CALLDATACOPY", 0x37), ("CODESIZE", 0x38), ("CODECOPY", 0x39), ("GASPRICE", 0x3a), ("RETURNDATASIZE", 0x3d),
    ("RETURNDATACOPY", 0x3e), ("EXTCODEHASH", 0x3f), ("BLOCKHASH", 0x40), ("TIMESTAMP", 0x42), ("NUMBER", 0x43),
    ("PREVRANDAO", 0x44), ("GASLIMIT", 0x45), ("CHAINID", 0x46), ("SELFBALANCE", 0x47), ("BASEFEE", 0x48),
    ("BLOBBASEFEE", 0x4a), ("POP", 0x50), ("MLOAD", 0x51), ("MSTORE", 0x52), ("SLOAD", 0x54), ("SSTORE", 0x55),
    ("JUMP", 0x56), ("JUMPI", 0x57), ("GAS", 0x5a), ("TLOAD", 0x5c), ("TSTORE", 0x5d), ("MCOPY", 0x5e),
    ("CREATE", 0xf0), ("CALL", 0xf1), ("RETURN", 0xf3), ("DELEGATECALL", 0xf4), ("CREATE2", 0xf5), ("STATICCALL", 0xfa),
    ("REVERT", 0xfd), ("INVALID", 0xfe), ("SELFDESTRUCT", 0xff),
];
