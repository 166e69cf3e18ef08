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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use alloy::primitives::Bytes;
    use alloy::trie::root::{state_root_unhashed, storage_root_unhashed};
    use proptest::prelude::*;
    use revm::state::{EvmStorageSlot, TransactionId};

    use super::*;

    /// An account as it is defined: the root of its storage is computed from all of it.
    #[derive(Debug, Clone, Default, PartialEq)]
    struct Naive {
        balance: U256,
        nonce: u64,
        code: Bytes,
        storage: BTreeMap<U256, U256>,
    }

    #[derive(Debug, Clone)]
    enum Step {
        Touch {
            who: u8,
            balance: u64,
            nonce: u64,
            code: Option<u8>,
        },
        Store {
            who: u8,
            slot: u64,
            value: u64,
        },
        /// Made anew in one transaction, which leaves nothing of its old storage.
        Create {
            who: u8,
        },
        Destroy {
            who: u8,
        },
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0u8..6, 0u64..3, 0u64..3, prop::option::of(0u8..3)).prop_map(|(who, balance, nonce, code)| Step::Touch {
                who,
                balance,
                nonce,
                code
            }),
            (0u8..6, 0u64..20, 0u64..3).prop_map(|(who, slot, value)| Step::Store { who, slot, value }),
            (0u8..6).prop_map(|who| Step::Create { who }),
            (0u8..6).prop_map(|who| Step::Destroy { who }),
        ]
    }

    fn root(accounts: &BTreeMap<Address, Naive>) -> B256 {
        state_root_unhashed(accounts.iter().map(|(address, account)| {
            let slots = account.storage.iter().map(|(slot, value)| (B256::from(*slot), *value));
            let Naive { balance, nonce, code, .. } = account;
            (*address, TrieAccount::new(*nonce, *balance, storage_root_unhashed(slots), keccak256(code)))
        }))
    }

    /// What the machine hands over for an account that it has looked at.
    fn seen(account: &Naive) -> Changed {
        let code = Bytecode::new_raw(account.code.clone());
        let mut changed = Changed::from(AccountInfo::new(account.balance, account.nonce, code.hash_slow(), code));
        changed.mark_touch();
        changed
    }

    proptest! {
        #[test]
        fn the_root_is_that_of_the_whole_state(steps in prop::collection::vec(step(), 0..40)) {
            let mut model = BTreeMap::<Address, Naive>::new();
            let mut state = State::default();
            for step in steps {
                let (Step::Touch { who, .. } | Step::Store { who, .. } | Step::Create { who } | Step::Destroy { who }) = step;
                let address = Address::with_last_byte(who);
                let mut account = model.remove(&address).unwrap_or_default();
                let mut changed = match step {
                    Step::Touch { balance, nonce, code, .. } => {
                        account.balance = U256::from(balance);
                        account.nonce = nonce;
                        account.code = code.map(|code| Bytes::from(vec![code; 3])).unwrap_or_default();
                        seen(&account)
                    }
                    Step::Store { slot, value, .. } => {
                        let (slot, value) = (U256::from(slot), U256::from(value));
                        let mut changed = seen(&account);
                        let old = account.storage.insert(slot, value).unwrap_or_default();
                        changed.storage.insert(slot, EvmStorageSlot::new_changed(old, value, TransactionId::ZERO));
                        changed
                    }
                    Step::Create { .. } => {
                        account = Naive { nonce: 1, ..Naive::default() };
                        let mut changed = seen(&account);
                        changed.mark_created();
                        changed
                    }
                    Step::Destroy { .. } => {
                        let mut changed = seen(&account);
                        changed.mark_selfdestruct();
                        account = Naive::default();
                        changed
                    }
                };
                account.storage.retain(|_, value| !value.is_zero());
                if account.balance.is_zero() && account.nonce == 0 && account.code.is_empty() {
                    account = Naive::default();
                } else {
                    model.insert(address, account.clone());
                }
                changed.info.code = Some(Bytecode::new_raw(account.code.clone()));
                state = state.after([(address, changed)].into_iter().collect());

                prop_assert_eq!(state.root(), root(&model));
                prop_assert_eq!(state.nonce(address), account.nonce);
                prop_assert_eq!(state.balance(address), account.balance);
                for slot in 0..20 {
                    let slot = U256::from(slot);
                    prop_assert_eq!(state.storage(address, slot), account.storage.get(&slot).copied().unwrap_or_default());
                }
            }
        }
    }

    #[test]
    fn nothing_that_was_only_looked_at_is_kept() {
        let state =
            State::of_balances([(Address::with_last_byte(1), U256::ONE), (Address::with_last_byte(2), U256::ZERO)]);
        assert!(state.account(Address::with_last_byte(2)).is_none(), "no money is no account");
        let looked_at = Changed::from(AccountInfo::from_balance(U256::from(9)));
        assert_eq!(state.after([(Address::with_last_byte(1), looked_at)].into_iter().collect()).root(), state.root());
    }
}
