//! The loop that makes one thing happen on a chain once: look, decide, do one thing, look again.
//!
//! ```text
//! plan ─ reserve nonce + sign + commit ─ broadcast ─ note it ─ … receipt … ─ settle
//! ```
//!
//! It may be ended on any line and started again: the outbox and the contract's state say where it was.

use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use alloy::primitives::{Address, B256, Bytes, U256};

use crate::chain::{ChainError, Client, Identity, Receipt};
use crate::fees::{DEFAULT_TIP, Fees};
use crate::outbox::{Call, Job, Key, Landed, Outbox, OutboxError, Signed, Stage};
use crate::publish::{Action, Goal, RESUBMIT_SECONDS, Stop, View, next};
use crate::wallet::{SenderLock, Unsigned, Wallet, WalletError};

/// The most gas of one transaction (EIP-7825).
const MAX_GAS: u64 = 1 << 24;
/// How long between two looks at a node.
const POLL: Duration = Duration::from_millis(500);
/// How long a node gets to catch up after it contradicted itself.
const MISS: Duration = Duration::from_secs(4);
/// By how many percent an estimate of gas is exceeded: what the call meets when it is run may differ.
const GAS_MARGIN: u64 = 20;

/// One thing that is to happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intent {
    /// The same text whenever the same thing is meant; unique per chain and contract.
    pub purpose: String,
    /// Whom to call; none to make a contract.
    pub to: Option<Address>,
    /// The call's bytes, or a contract's code and what its constructor takes.
    pub input: Bytes,
    /// How much ether goes with it.
    pub value: U256,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// How far it is.
    pub stage: Stage,
    /// The newest transaction that was signed for it, or the one that is in a block.
    pub tx: Option<B256>,
    /// Where it happened.
    pub landed: Option<Landed>,
}

/// A job of an earlier run that was brought to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resumed {
    /// At which contract; none for a deployment.
    pub contract: Option<Address>,
    /// What was to happen.
    pub purpose: String,
    /// What became of it.
    pub sent: Sent,
    /// Whether it had been in a block that the chain does not have any more.
    pub was_lost: bool,
}

/// Sends from one account on one chain.
pub struct Sender<'a> {
    client: &'a Client,
    wallet: &'a Wallet,
    outbox: &'a mut Outbox,
    /// Nobody else sends from the account meanwhile, so that no nonce is taken twice.
    _lock: SenderLock,
    wait: Duration,
    probe: Option<Probe<'a>>,
}

/// Called at each step; an error there is a process that died there.
type Probe<'a> = Box<dyn FnMut(Step) -> Result<(), SendError> + 'a>;

/// The places at which a process may die.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Nothing is written yet.
    Planned,
    /// Nonce and bytes are on disk; nobody has seen them.
    Signed,
    /// The node has the bytes; the outbox does not know.
    Broadcast,
    /// The outbox knows.
    Noted,
    /// The transaction is in a block; the outbox does not know.
    Landed,
    /// The outbox knows.
    Settled,
}

/// Why it did not happen.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The chain did not answer, or the contract refuses.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The outbox.
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    /// The key.
    #[error(transparent)]
    Wallet(#[from] WalletError),
    /// A local key on another chain.
    #[error("{account} is an account for the local chain, and this is {chain}")]
    LocalKey {
        /// The account.
        account: Address,
        /// The chain.
        chain: Identity,
    },
    /// Another account began it.
    #[error("{purpose} was begun by {sender}, not by {account}")]
    OtherSender {
        /// What is to happen.
        purpose: String,
        /// Who began it.
        sender: Address,
        /// Who asks now.
        account: Address,
    },
    /// The transaction is in a block and was refused.
    #[error("transaction {tx} was refused by the contract: {purpose} has not happened")]
    Reverted {
        /// What was to happen.
        purpose: String,
        /// The transaction.
        tx: B256,
    },
    /// The transaction is in a block, and the contract knows nothing of it.
    #[error("transaction {tx} is in a block, and the contract does not show {purpose}: the chain contradicts itself")]
    Contradiction {
        /// What was to happen.
        purpose: String,
        /// The transaction.
        tx: B256,
    },
    /// Something else is there.
    #[error("something else has happened in place of {purpose}")]
    Conflict {
        /// What was to happen.
        purpose: String,
    },
    /// More gas than a transaction may take.
    #[error("{purpose} takes {gas} gas, and a transaction at most {MAX_GAS}")]
    Gas {
        /// What was to happen.
        purpose: String,
        /// How much.
        gas: u64,
    },
    /// This machine's clock is before 1970.
    #[error("this machine's clock is not set")]
    Clock,
    /// A test ended the process here.
    #[error("ended at {0:?}")]
    Ended(Step),
}

impl<'a> Sender<'a> {
    /// Sends from `wallet`'s account. A local key is refused on any chain but the local one.
    ///
    /// # Errors
    /// [`SendError::LocalKey`], and [`WalletError::Busy`] while another process sends from the account.
    pub fn new(client: &'a Client, wallet: &'a Wallet, outbox: &'a mut Outbox) -> Result<Self, SendError> {
        let chain = client.identity();
        if wallet.is_local_only() && !chain.local {
            return Err(SendError::LocalKey { account: wallet.address(), chain });
        }
        let lock = wallet.lock()?;
        Ok(Self { client, wallet, outbox, _lock: lock, wait: Duration::from_secs(120), probe: None })
    }

    /// How long [`send`](Self::send) waits for a block before it leaves the rest to a later call.
    #[must_use]
    pub fn waiting(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }

    /// Calls `probe` at each step; what it gives back as an error ends the call there, as if the process had died.
    #[doc(hidden)]
    #[must_use]
    pub fn probed(mut self, probe: impl FnMut(Step) -> Result<(), SendError> + 'a) -> Self {
        self.probe = Some(Box::new(probe));
        self
    }

    /// The account.
    pub fn account(&self) -> Address {
        self.wallet.address()
    }

    /// The chain.
    pub fn client(&self) -> &'a Client {
        self.client
    }

    /// The account's key.
    pub(crate) fn wallet(&self) -> &'a Wallet {
        self.wallet
    }

    /// The outbox.
    pub(crate) fn outbox(&mut self) -> &mut Outbox {
        self.outbox
    }

    /// Makes it happen, unless it has: the receipt of a transaction decides.
    ///
    /// Whoever calls again with the same intent gets the same result, and nothing is sent twice. A call that waited too
    /// long returns the stage it reached; that is no error.
    ///
    /// # Errors
    /// [`SendError`]. A contract that would refuse is found out before anything is signed.
    pub fn send(&mut self, intent: &Intent) -> Result<Sent, SendError> {
        self.send_until(intent, |_| Ok(Goal::Unknown))
    }

    /// Makes it happen, unless it has: the contract's state decides, which `goal` reads.
    ///
    /// # Errors
    /// [`SendError`].
    pub fn send_until(
        &mut self,
        intent: &Intent,
        mut goal: impl FnMut(&Client) -> Result<Goal, ChainError>,
    ) -> Result<Sent, SendError> {
        let key = Key { chain: self.client.identity(), contract: intent.to, purpose: intent.purpose.clone() };
        let call = Call { input: intent.input.clone(), value: intent.value };
        let started = Instant::now();
        // Whoever asks again after a refusal wants another try; a refusal in this very call is the answer.
        let mut retry = self.outbox.job(&key)?.is_some_and(|job| job.stage == Stage::Reverted);
        loop {
            let job = self.own(self.outbox.job(&key)?, &call)?;
            let view = self.look(job.as_ref(), &mut goal)?;
            if view.receipt.is_some() && job.as_ref().is_none_or(|job| job.stage.is_open()) {
                self.at(Step::Landed)?;
            }
            match (next(&view), &job) {
                (Action::Sign { fees }, _) => {
                    self.at(Step::Planned)?;
                    self.reserve(&key, &call, intent, fees)?;
                    self.at(Step::Signed)?;
                }
                (Action::Raise { fees }, Some(job)) => {
                    let gas = job.attempts.last().map_or(MAX_GAS, |attempt| attempt.signed.gas);
                    let signed = self.sign(intent, job.nonce, gas, fees)?;
                    self.outbox.replace(job, &signed)?;
                    self.at(Step::Signed)?;
                }
                (Action::Renew { fees }, Some(job)) => {
                    self.renew(job, &call, intent, fees)?;
                    self.at(Step::Signed)?;
                }
                (Action::Send { attempt }, Some(job)) => self.broadcast(job, attempt)?,
                (Action::Miss, Some(job)) => {
                    self.outbox.missed(job)?;
                    // The local chain is this process: it is never behind.
                    if !self.client.identity().local {
                        thread::sleep(MISS);
                    }
                }
                // Its nonce may be another job's by now.
                (Action::Reorged, Some(job)) if job.stage == Stage::Superseded => {
                    self.renew(job, &call, intent, view.market)?;
                }
                (Action::Reorged, Some(job)) => {
                    self.outbox.reorged(job)?;
                }
                (Action::Settle { stage, landed }, Some(job)) => {
                    let job = self.outbox.settle(job, stage, landed)?;
                    self.at(Step::Settled)?;
                    if stage.is_done() {
                        return Ok(sent(Some(&job)));
                    }
                }
                // What was seen in a block before, and still is, though the contract's state says otherwise.
                (Action::Wait, Some(job)) if view.goal == Goal::Open && !job.stage.is_open() => {
                    if started.elapsed() >= self.wait {
                        let tx = job.landed.map(|landed| landed.tx).unwrap_or_default();
                        return Err(SendError::Contradiction { purpose: intent.purpose.clone(), tx });
                    }
                    thread::sleep(POLL);
                }
                (Action::Wait, job) => {
                    if job.as_ref().is_some_and(|job| job.stage.is_done()) || started.elapsed() >= self.wait {
                        return Ok(sent(job.as_ref()));
                    }
                    thread::sleep(POLL);
                }
                (Action::Stop(Stop::Done), job) => return Ok(sent(job.as_ref())),
                (Action::Stop(Stop::Reverted), Some(job)) if retry => {
                    retry = false;
                    self.renew(job, &call, intent, view.market)?;
                }
                (Action::Stop(Stop::Reverted), job) => {
                    let tx = job.as_ref().and_then(|job| job.landed).map(|landed| landed.tx).unwrap_or_default();
                    return Err(SendError::Reverted { purpose: intent.purpose.clone(), tx });
                }
                (Action::Stop(Stop::Conflict), _) => {
                    return Err(SendError::Conflict { purpose: intent.purpose.clone() });
                }
                // `next` gives these only for a job.
                (_, None) => return Ok(sent(None)),
            }
        }
    }

    /// Brings a job of this purpose to its end, if there is one that has not ended; signs nothing for one that is not
    /// there.
    ///
    /// # Errors
    /// [`SendError`].
    pub fn finish(
        &mut self,
        to: Option<Address>,
        purpose: &str,
        goal: impl FnMut(&Client) -> Result<Goal, ChainError>,
    ) -> Result<Option<Sent>, SendError> {
        let key = Key { chain: self.client.identity(), contract: to, purpose: purpose.to_owned() };
        let Some(job) = self.outbox.job(&key)?.filter(|job| !job.stage.is_done()) else { return Ok(None) };
        let intent = Intent { purpose: job.key.purpose, to, input: job.call.input, value: job.call.value };
        self.send_until(&intent, goal).map(Some)
    }

    /// Brings everything to its end that the account began on this chain and that may still be on its way, in the order
    /// of its nonces. What was in a block that the chain does not have any more, as after a chain's file was cut back, is
    /// on its way again: the very bytes are sent anew. Nothing is signed that was not asked for before.
    ///
    /// Nothing that the contract refuses stops the others.
    ///
    /// # Errors
    /// [`SendError`].
    pub fn resume(&mut self) -> Result<Vec<Resumed>, SendError> {
        let (chain, account) = (self.client.identity(), self.account());
        let ours = |job: &Job| job.key.chain.is(&chain) && job.sender == account;
        let jobs: Vec<Job> = self.outbox.jobs()?.into_iter().filter(ours).collect();
        // A nonce that no transaction in a block has was not used, whatever was seen before.
        let free = self.client.mined_nonce(account)?;
        let is_lost = |job: &Job| !job.stage.is_open() && job.stage != Stage::Superseded && job.nonce >= free;
        let mut open: Vec<(Job, bool)> = jobs
            .into_iter()
            .map(|job| (is_lost(&job), job))
            .filter(|(lost, job)| *lost || job.stage.is_open())
            .map(|(lost, job)| (job, lost))
            .collect();
        open.sort_by_key(|(job, _)| job.nonce);
        // What a proposal says depends on the blocks before it, which may be others now: on one's own chain, where nobody
        // else has its bytes, it is left to be computed anew, and so is what came after it.
        let proposal = |(job, lost): &(Job, bool)| *lost && job.key.purpose.starts_with("propose/");
        let keep = open.iter().position(proposal).filter(|_| chain.local).unwrap_or(open.len());
        let mut given_up = Vec::new();
        for (job, _) in open.split_off(keep) {
            let job = self.outbox.settle(&job, Stage::Superseded, None)?;
            let (contract, purpose) = (job.key.contract, job.key.purpose.clone());
            given_up.push(Resumed { contract, purpose, sent: sent(Some(&job)), was_lost: true });
        }
        // All of them before the first is sent, so that none of their nonces is taken for a free one.
        for (job, _) in open.iter_mut().filter(|(_, lost)| *lost) {
            *job = self.outbox.reorged(job)?;
        }
        let mut resumed = Vec::new();
        for (job, was_lost) in open {
            resumed.push(self.resume_job(&job, was_lost)?);
        }
        resumed.append(&mut given_up);
        Ok(resumed)
    }

    fn resume_job(&mut self, job: &Job, was_lost: bool) -> Result<Resumed, SendError> {
        let (purpose, contract) = (job.key.purpose.clone(), job.key.contract);
        let key = Key { chain: self.client.identity(), contract, purpose: purpose.clone() };
        let call = Call { input: job.call.input.clone(), value: job.call.value };
        let intent = Intent { purpose: purpose.clone(), to: contract, input: call.input, value: call.value };
        let sent = match self.send(&intent) {
            Ok(sent) => sent,
            Err(SendError::Reverted { .. }) => sent(self.outbox.job(&key)?.as_ref()),
            // Something else has used its nonce, and the contract refuses to have it happen under another one.
            Err(SendError::Chain(ChainError::Revert(_))) => {
                sent(Some(&self.outbox.settle(job, Stage::Reverted, None)?))
            }
            Err(error) => return Err(error),
        };
        Ok(Resumed { contract, purpose, sent, was_lost })
    }

    /// Whether the contract would take it, and how much gas it would need; nothing is signed.
    ///
    /// # Errors
    /// [`SendError::Chain`] with the contract's refusal.
    pub fn dry_run(&self, intent: &Intent) -> Result<u64, SendError> {
        Ok(self.client.estimate_gas(self.account(), intent.to, &intent.input, intent.value)?)
    }

    /// Looks at everything that [`next`] decides by.
    fn look<'j>(
        &self,
        job: Option<&'j Job>,
        goal: &mut impl FnMut(&Client) -> Result<Goal, ChainError>,
    ) -> Result<View<'j>, SendError> {
        let client = self.client;
        // The state first: it outranks whatever is read after it.
        let goal = goal(client)?;
        let receipt = job.map(|job| self.receipt(job)).transpose()?.flatten();
        let head = client.head()?;
        let tip = client.suggested_tip()?.unwrap_or(DEFAULT_TIP);
        Ok(View {
            goal,
            job,
            receipt,
            mined_nonce: client.mined_nonce(self.account())?,
            market: Fees::market(tip, head.base_fee),
            head: head.number,
            finalized: client.finalized()?,
            now: now()?,
        })
    }

    /// The receipt of one of the job's attempts, if its block is the canonical one. One under a nonce that was given up
    /// counts only if it succeeded.
    fn receipt(&self, job: &Job) -> Result<Option<Receipt>, SendError> {
        let (current, given_up): (Vec<_>, Vec<_>) =
            job.attempts.iter().rev().partition(|attempt| attempt.nonce == job.nonce);
        for attempt in current.iter().chain(&given_up) {
            let Some(receipt) = self.client.receipt(attempt.signed.tx)? else { continue };
            let counts = receipt.succeeded || attempt.nonce == job.nonce;
            if counts && receipt.tx == attempt.signed.tx && self.is_canonical(&receipt)? {
                return Ok(Some(receipt));
            }
        }
        Ok(None)
    }

    /// A reorganisation may put another block at the same height, and a node may still have the old receipt.
    fn is_canonical(&self, receipt: &Receipt) -> Result<bool, SendError> {
        let block = self.client.block(crate::chain::At::Number(receipt.block.number))?;
        Ok(block.is_some_and(|block| block.hash == receipt.block.hash))
    }

    /// Refuses a job that another account began, whose nonces are not ours, and one that makes another call, unless the
    /// contract refused that one.
    fn own(&self, job: Option<Job>, call: &Call) -> Result<Option<Job>, SendError> {
        match job {
            Some(job) if job.stage != Stage::Reverted && job.call != *call => {
                Err(OutboxError::OtherCall { purpose: job.key.purpose }.into())
            }
            Some(job) if job.sender != self.account() => {
                Err(SendError::OtherSender { purpose: job.key.purpose, sender: job.sender, account: self.account() })
            }
            job => Ok(job),
        }
    }

    fn reserve(&mut self, key: &Key, call: &Call, intent: &Intent, fees: Fees) -> Result<(), SendError> {
        let gas = self.gas(intent)?;
        let (floor, account) = (self.client.pending_nonce(self.account())?, self.account());
        let (client, wallet) = (self.client, self.wallet);
        let sign = |nonce| sign(client, wallet, intent, nonce, gas, fees);
        self.outbox.reserve(key, account, call, floor, sign)?;
        Ok(())
    }

    fn renew(&mut self, job: &Job, call: &Call, intent: &Intent, fees: Fees) -> Result<(), SendError> {
        let gas = self.gas(intent)?;
        let floor = self.client.pending_nonce(self.account())?;
        let (client, wallet) = (self.client, self.wallet);
        self.outbox.renew(job, call, floor, |nonce| sign(client, wallet, intent, nonce, gas, fees))?;
        Ok(())
    }

    fn sign(&self, intent: &Intent, nonce: u64, gas: u64, fees: Fees) -> Result<Signed, SendError> {
        sign(self.client, self.wallet, intent, nonce, gas, fees)
    }

    /// Sends what is signed. What the node says decides nothing but whether it has the bytes; a receipt decides the rest.
    fn broadcast(&mut self, job: &Job, attempt: u32) -> Result<(), SendError> {
        let Some(found) = job.attempts.iter().find(|found| found.number == attempt) else { return Ok(()) };
        match self.client.broadcast(&found.signed.raw) {
            Ok(()) => {}
            Err(error) if error.is_already_known() => {}
            // Used by one of ours that is in a block by now, or by something else: the next look tells.
            Err(error) if error.is_nonce_too_low() => {}
            // As if it had been sent long ago: it is raised at once.
            Err(error) if error.is_below_base_fee() => {
                self.outbox.sent(job, attempt, now()?.saturating_sub(RESUBMIT_SECONDS))?;
                return Ok(());
            }
            // Something else waits under this nonce. It may go first; later we offer more.
            Err(error) if error.is_underpriced() => {}
            // Whatever else it is, the bytes are kept and the nonce stays theirs.
            Err(error) => return Err(error.into()),
        }
        self.at(Step::Broadcast)?;
        self.outbox.sent(job, attempt, now()?)?;
        self.at(Step::Noted)
    }

    fn gas(&self, intent: &Intent) -> Result<u64, SendError> {
        let estimate = self.dry_run(intent)?;
        if estimate > MAX_GAS {
            return Err(SendError::Gas { purpose: intent.purpose.clone(), gas: estimate });
        }
        Ok((estimate + estimate * GAS_MARGIN / 100).min(MAX_GAS))
    }

    fn at(&mut self, step: Step) -> Result<(), SendError> {
        self.probe.as_mut().map_or(Ok(()), |probe| probe(step))
    }
}

fn sign(
    client: &Client,
    wallet: &Wallet,
    intent: &Intent,
    nonce: u64,
    gas: u64,
    fees: Fees,
) -> Result<Signed, SendError> {
    let unsigned = Unsigned {
        chain_id: client.identity().chain_id,
        nonce,
        gas_limit: gas,
        fees,
        to: intent.to,
        value: intent.value,
        input: intent.input.clone(),
    };
    Ok(wallet.sign(&unsigned)?)
}

fn sent(job: Option<&Job>) -> Sent {
    let landed = job.and_then(|job| job.landed);
    let newest = job.and_then(|job| job.attempts.last()).map(|attempt| attempt.signed.tx);
    Sent {
        stage: job.map_or(Stage::Superseded, |job| job.stage),
        tx: landed.map(|landed| landed.tx).or(newest),
        landed,
    }
}

fn now() -> Result<i64, SendError> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|_| SendError::Clock)?;
    i64::try_from(since.as_secs()).map_err(|_| SendError::Clock)
}
