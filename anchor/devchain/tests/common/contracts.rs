//! Contracts for the tests, each as small as what it shows.

use alloy::primitives::{B256, U256, keccak256};
use alloy::signers::SignerSync;

use super::asm::{asm, init};
use super::sender;

/// Keeps a word. The constructor stores the word that follows the code, and logs who made the contract; a call stores
/// the word that it is given, logs old and new word, and returns the old one. Setting the word to zero gets a refund.
pub fn keeper(first: [u8; 32]) -> Vec<u8> {
    let runtime = asm("0x00 SLOAD 0x00 MSTORE 0x00 CALLDATALOAD DUP1 0x20 MSTORE 0x00 SSTORE
        CALLER 0x11 0x40 0x00 LOG2 0x20 0x00 RETURN");
    let code = init("0x20 DUP1 CODESIZE SUB 0x00 CODECOPY 0x00 MLOAD 0x00 SSTORE CALLER 0x22 0x20 0x00 LOG2", &runtime);
    [code, first.to_vec()].concat()
}

/// Reverts with `Refused(uint256)` and the word that it is given, after a log and a write.
pub fn refuser() -> Vec<u8> {
    let selector = alloy::hex::encode_prefixed(keccak256("Refused(uint256)").first_chunk::<4>().unwrap());
    init(
        "",
        &asm(&format!(
            "0x01 0x00 SSTORE 0x00 0x00 LOG0 {selector} 0x00 MSTORE 0x00 CALLDATALOAD 0x20 MSTORE 0x24 0x1c REVERT"
        )),
    )
}

/// Makes a contract of the code that it is given, keeps its address, and returns it: zero if that failed.
pub fn maker() -> Vec<u8> {
    init(
        "",
        &asm("CALLDATASIZE 0x00 0x00 CALLDATACOPY CALLDATASIZE 0x00 CALLVALUE CREATE
        DUP1 0x00 SSTORE 0x00 MSTORE 0x20 0x00 RETURN"),
    )
}

/// The same with CREATE2 and salt 7.
pub fn salted_maker() -> Vec<u8> {
    init(
        "",
        &asm("CALLDATASIZE 0x00 0x00 CALLDATACOPY 0x07 CALLDATASIZE 0x00 CALLVALUE CREATE2
        DUP1 0x00 SSTORE 0x00 MSTORE 0x20 0x00 RETURN"),
    )
}

/// Runs until its gas is gone.
pub fn spinner() -> Vec<u8> {
    init("", &asm("again: 0x01 0x00 SSTORE @again JUMP"))
}

/// An instruction that nobody may define.
pub fn invalid() -> Vec<u8> {
    init("", &asm("INVALID"))
}

/// Jumps into its own data.
pub fn lost() -> Vec<u8> {
    init("", &asm("0xff JUMP"))
}

/// Calls the precompile of a number with what it is given; returns whether that succeeded, and its answer.
pub fn precompile(number: u16) -> Vec<u8> {
    init(
        "",
        &asm(&format!(
            "CALLDATASIZE 0x00 0x00 CALLDATACOPY
        0x00 0x00 CALLDATASIZE 0x00 0x{number:04x} GAS STATICCALL
        0x00 MSTORE RETURNDATASIZE 0x00 0x20 RETURNDATACOPY 0x20 RETURNDATASIZE ADD DUP1 0x00 LOG0 0x00 RETURN"
        )),
    )
}

/// Calls an address (the first word) with the rest of what it is given, swallows a failure, and logs its answer.
pub fn caller() -> Vec<u8> {
    init(
        "",
        &asm("0x20 CALLDATASIZE SUB 0x20 0x00 CALLDATACOPY
        0x00 0x00 0x20 CALLDATASIZE SUB 0x00 CALLVALUE 0x00 CALLDATALOAD GAS CALL
        0x00 MSTORE RETURNDATASIZE 0x00 0x20 RETURNDATACOPY 0x20 RETURNDATASIZE ADD DUP1 0x00 LOG0 0x00 RETURN"),
    )
}

/// The same without a right to write.
pub fn static_caller() -> Vec<u8> {
    init(
        "",
        &asm("0x20 CALLDATASIZE SUB 0x20 0x00 CALLDATACOPY
        0x00 0x00 0x20 CALLDATASIZE SUB 0x00 0x00 CALLDATALOAD GAS STATICCALL
        0x00 MSTORE RETURNDATASIZE 0x00 0x20 RETURNDATACOPY 0x20 RETURNDATASIZE ADD DUP1 0x00 LOG0 0x00 RETURN"),
    )
}

/// Instructions of late hardforks: counts leading zeroes (Osaka), copies memory, stores for one transaction (Cancun).
pub fn modern() -> Vec<u8> {
    init(
        "",
        &asm("0x00 CALLDATALOAD CLZ 0x00 MSTORE 0x00 TLOAD 0x20 MSTORE 0x09 0x00 TSTORE 0x00 TLOAD 0x40 MSTORE
        0x60 0x00 0x60 MCOPY 0xc0 0x00 LOG0 0xc0 0x00 RETURN"),
    )
}

/// Says where it is: chain, gas limit, own balance, price of blobs.
pub fn teller() -> Vec<u8> {
    init(
        "",
        &asm(
            "CHAINID 0x00 MSTORE GASLIMIT 0x20 MSTORE SELFBALANCE 0x40 MSTORE BLOBBASEFEE 0x60 MSTORE 0x80 0x00 RETURN",
        ),
    )
}

/// Says when it is: number, time, base fee, randomness, and the hash of the block before.
pub fn when() -> Vec<u8> {
    init(
        "",
        &asm("NUMBER 0x00 MSTORE TIMESTAMP 0x20 MSTORE BASEFEE 0x40 MSTORE PREVRANDAO 0x60 MSTORE
        0x01 NUMBER SUB BLOCKHASH 0x80 MSTORE 0xa0 0x00 RETURN"),
    )
}

/// Gives its money to the caller and ends; only one that is made in the same transaction really ends.
pub fn mortal() -> Vec<u8> {
    init("", &asm("CALLER SELFDESTRUCT"))
}

/// Code that ends before it is a contract.
pub fn stillborn() -> Vec<u8> {
    asm("CALLER SELFDESTRUCT")
}

/// Code that would be a contract beginning with 0xef, which nothing may (EIP-3541).
pub fn forbidden() -> Vec<u8> {
    init("", &[0xef, 0x00])
}

/// What `ecrecover` takes for a signature of a sender.
pub fn signed(index: u8) -> Vec<u8> {
    let hash = B256::repeat_byte(0x5a);
    let signature = sender(index).sign_hash_sync(&hash).unwrap();
    let v = U256::from(27 + u8::from(signature.v()));
    [hash.0, v.to_be_bytes(), signature.r().to_be_bytes(), signature.s().to_be_bytes()].concat()
}

/// What `modexp` takes for 3 to the power of p - 1 modulo p, which is 1, since p = 2^256 - 2^32 - 977 is prime.
pub fn fermat() -> Vec<u8> {
    let p = U256::MAX - U256::from((1u64 << 32) + 976);
    let lengths = [1, 32, 32].map(U256::from).map(|length| length.to_be_bytes::<32>()).concat();
    [lengths, vec![3], (p - U256::ONE).to_be_bytes_vec(), p.to_be_bytes_vec()].concat()
}
