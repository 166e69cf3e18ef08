//! Accounts and their storage after a block, as the trie that the block's header names.

use alloy::primitives::{Address, B256, U256, keccak256};
use alloy::rlp::Encodable;
use alloy::trie::TrieAccount;
use revm::bytecode::Bytecode;
use revm::database_interface::{DBErrorMarker, DatabaseRef};
use revm::state::{Account as Changed, AccountInfo, EvmState};

use crate::trie::{Trie, Value};

/// Everything that contracts and balances are, at one block. Copies are cheap: they share what did not change.
#[derive(Debug, Clone, Default)]
pub(crate) struct State {
    accounts: Trie<Account>,
}

/// One account that exists: by EIP-161, one that is not empty.
#[derive(Debug, Clone, Default)]
pub(crate) struct Account {
    /// Nonce, balance and code; the code is always there.
    pub(crate) info: AccountInfo,
    /// Storage without its zeroes.
    storage: Trie<U256>,
}

/// What the machine reads: the accounts of one block, and the hashes of those before.
#[derive(Debug)]
pub(crate) struct View<'a, H> {
    /// The accounts.
    pub(crate) state: &'a State,
    /// The hash of a block by its number.
    pub(crate) hash_of: H,
}

/// What the state cannot answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StateError {
    /// Code is handed out with its account; this is asked for only if that went wrong.
    #[error("no code with hash {0}")]
    NoCode(B256),
    /// The machine asks only for the 256 blocks before the one it executes.
    #[error("no block {0}")]
    NoBlock(u64),
}

impl DBErrorMarker for StateError {}

impl State {
    /// Accounts that have money and nothing else.
    pub(crate) fn of_balances(balances: impl IntoIterator<Item = (Address, U256)>) -> Self {
        let mut state = Self::default();
        for (address, balance) in balances {
            let account = Account { info: AccountInfo { balance, ..Default::default() }, ..Default::default() };
            state.set(address, account);
        }
        state
    }

    pub(crate) fn account(&self, address: Address) -> Option<&Account> {
        self.accounts.find(&keccak256(address))
    }

    pub(crate) fn balance(&self, address: Address) -> U256 {
        self.account(address).map_or(U256::ZERO, |account| account.info.balance)
    }

    pub(crate) fn nonce(&self, address: Address) -> u64 {
        self.account(address).map_or(0, |account| account.info.nonce)
    }

    pub(crate) fn code(&self, address: Address) -> Option<&Bytecode> {
        self.account(address)?.info.code.as_ref()
    }

    pub(crate) fn storage(&self, address: Address, slot: U256) -> U256 {
        let slot = keccak256(slot.to_be_bytes::<32>());
        self.account(address).and_then(|account| account.storage.find(&slot)).copied().unwrap_or_default()
    }

    /// The state root of a header.
    pub(crate) fn root(&self) -> B256 {
        self.accounts.root()
    }

    /// The state after what the machine changed.
    pub(crate) fn after(&self, changes: EvmState) -> Self {
        let mut next = self.clone();
        // The order does not matter: a trie is a function of what is in it.
        for (address, changed) in changes {
            if changed.is_touched() {
                next.change(address, changed);
            }
        }
        next
    }

    fn change(&mut self, address: Address, changed: Changed) {
        let old = self.account(address).cloned().unwrap_or_default();
        if changed.is_selfdestructed() {
            // EIP-6780: only an account made in the same transaction.
            return self.set(address, Account::default());
        }
        let mut storage = if changed.is_created() { Trie::default() } else { old.storage };
        for (slot, value) in changed.changed_storage_slots() {
            let key = keccak256(slot.to_be_bytes::<32>());
            match value.present_value() {
                U256::ZERO => storage.remove(&key),
                value => storage.insert(&key, value),
            }
        }
        let mut info = changed.info;
        if info.code.is_none() && info.code_hash == old.info.code_hash {
            info.code = old.info.code;
        }
        self.set(address, Account { info, storage });
    }

    /// EIP-161: an account without nonce, balance and code does not exist.
    fn set(&mut self, address: Address, account: Account) {
        let key = keccak256(address);
        if account.info.is_empty() {
            self.accounts.remove(&key);
        } else {
            self.accounts.insert(&key, account);
        }
    }
}

impl<H: Fn(u64) -> Option<B256>> DatabaseRef for View<'_, H> {
    type Error = StateError;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, StateError> {
        Ok(self.state.account(address).map(|account| account.info.clone()))
    }

    fn code_by_hash_ref(&self, code_hash: B256) -> Result<Bytecode, StateError> {
        Err(StateError::NoCode(code_hash))
    }

    fn storage_ref(&self, address: Address, slot: U256) -> Result<U256, StateError> {
        Ok(self.state.storage(address, slot))
    }

    fn block_hash_ref(&self, number: u64) -> Result<B256, StateError> {
        (self.hash_of)(number).ok_or(StateError::NoBlock(number))
    }
}

impl Value for Account {
    fn encode(&self, out: &mut Vec<u8>) {
        let AccountInfo { nonce, balance, code_hash, .. } = self.info;
        TrieAccount::new(nonce, balance, self.storage.root(), code_hash).encode(out);
    }
}

impl Value for U256 {
    fn encode(&self, out: &mut Vec<u8>) {
        Encodable::encode(self, out);
    }
}
