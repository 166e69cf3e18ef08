//! What to do next for a transaction that is to happen once: a pure function of what is known.
//!
//! No socket is in sight here. [`crate::sender`] looks at the chain and the outbox, asks [`next`], does the one thing
//! that it says, and looks again; so a process may die between any two lines of that loop.
//!
//! Three rules carry the rest. What the contract's state says goes before what any transaction says. A receipt counts
//! only while its block is the canonical one, and only if the transaction succeeded. A nonce is given up only after it
//! was seen used three times with nothing of ours to show for it, since a node may be behind.

use crate::chain::{BlockRef, Receipt};
use crate::fees::Fees;
use crate::outbox::{Attempt, Job, Landed, Stage};

/// After how many seconds without a block a transaction is sent again, or raised.
pub const RESUBMIT_SECONDS: i64 = 48;
/// How often a used nonce is looked at before it is given up.
pub const MAX_MISSES: u32 = 3;
/// How many blocks on top of a block confirm it, where the node knows nothing of finality.
pub const CONFIRMATIONS: u64 = 10;

/// What the contract's own state says about the thing that is to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// There is nothing to ask: the receipt decides.
    Unknown,
    /// It has not happened.
    Open,
    /// It has happened, by whichever transaction.
    Reached,
    /// Something else has happened in its place.
    Conflict,
}

/// Everything that is known at one moment.
#[derive(Debug, Clone)]
pub struct View<'a> {
    /// What the contract says.
    pub goal: Goal,
    /// What the outbox has, if anything.
    pub job: Option<&'a Job>,
    /// The receipt of one of its attempts, if its block is the canonical one at that height.
    pub receipt: Option<Receipt>,
    /// How many transactions of the sender are in blocks.
    pub mined_nonce: u64,
    /// What the market asks.
    pub market: Fees,
    /// The number of the newest block.
    pub head: u64,
    /// The number of the newest block that cannot be taken back, where the node knows.
    pub finalized: Option<u64>,
    /// Seconds since 1970.
    pub now: i64,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Take a nonce and sign.
    Sign {
        /// What to offer.
        fees: Fees,
    },
    /// Sign again under the same nonce, and offer more.
    Raise {
        /// What to offer.
        fees: Fees,
    },
    /// Take a new nonce, and sign.
    Renew {
        /// What to offer.
        fees: Fees,
    },
    /// Send what is signed.
    Send {
        /// Which attempt.
        attempt: u32,
    },
    /// Write down that the nonce is used and nothing of ours is to be seen.
    Miss,
    /// Write down that the block is gone.
    Reorged,
    /// Write down how far it is.
    Settle {
        /// How far.
        stage: Stage,
        /// Where; none if it was not us.
        landed: Option<Landed>,
    },
    /// Nothing; look again later.
    Wait,
    /// Nothing more can happen.
    Stop(Stop),
}

/// Why nothing more can happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// It happened, and cannot be taken back or is as sure as was asked.
    Done,
    /// Something else happened in its place.
    Conflict,
    /// The contract refused it.
    Reverted,
}

/// Decides.
pub fn next(view: &View<'_>) -> Action {
    if view.goal == Goal::Conflict {
        return Action::Stop(Stop::Conflict);
    }
    let Some(job) = view.job else {
        return if view.goal == Goal::Reached { Action::Stop(Stop::Done) } else { Action::Sign { fees: view.market } };
    };
    if job.stage == Stage::Finalized && view.goal != Goal::Open {
        // Nodes forget old receipts; what was final stays so, unless the contract knows nothing of it: then this is not
        // the chain that it was, and its block is gone like any other.
        return Action::Stop(Stop::Done);
    }
    match &view.receipt {
        Some(receipt) if receipt.succeeded => landed(view, job, receipt),
        Some(_) if view.goal == Goal::Reached => superseded(job),
        Some(receipt) => refused(job, receipt),
        None if view.goal == Goal::Reached => superseded(job),
        None => missing(view, job),
    }
}

/// One of ours is in the canonical block and did what it was to do.
fn landed(view: &View<'_>, job: &Job, receipt: &Receipt) -> Action {
    if view.goal == Goal::Open {
        // The receipt is ahead of the state: two machines answer for one endpoint. It counts as little as none.
        return Action::Wait;
    }
    let stage = stage_of(receipt.block, view.head, view.finalized);
    let landed = Some(landing(receipt));
    if job.landed == landed && job.stage == stage {
        return Action::Wait;
    }
    Action::Settle { stage, landed }
}

fn superseded(job: &Job) -> Action {
    if job.stage == Stage::Superseded {
        return Action::Stop(Stop::Done);
    }
    Action::Settle { stage: Stage::Superseded, landed: None }
}

fn refused(job: &Job, receipt: &Receipt) -> Action {
    let landed = Some(landing(receipt));
    if job.stage == Stage::Reverted && job.landed == landed {
        return Action::Stop(Stop::Reverted);
    }
    Action::Settle { stage: Stage::Reverted, landed }
}

/// Nothing of ours is in a block.
fn missing(view: &View<'_>, job: &Job) -> Action {
    if !job.stage.is_open() {
        // It was in a block, or somebody else's was, and that block is gone.
        return Action::Reorged;
    }
    if view.mined_nonce > job.nonce {
        return if job.misses >= MAX_MISSES { Action::Renew { fees: view.market } } else { Action::Miss };
    }
    let Some(newest) = job.attempts.last() else { return Action::Renew { fees: view.market } };
    match newest.sent_at {
        None => Action::Send { attempt: newest.number },
        Some(sent) if view.now.saturating_sub(sent) < RESUBMIT_SECONDS => Action::Wait,
        Some(_) => raise(newest, view.market),
    }
}

fn raise(newest: &Attempt, market: Fees) -> Action {
    match newest.signed.fees.bumped(market) {
        Some(fees) => Action::Raise { fees },
        None => Action::Send { attempt: newest.number },
    }
}

/// How sure a block is.
pub fn stage_of(block: BlockRef, head: u64, finalized: Option<u64>) -> Stage {
    if finalized.is_some_and(|finalized| finalized >= block.number) {
        Stage::Finalized
    } else if head.saturating_sub(block.number) >= CONFIRMATIONS {
        Stage::Confirmed
    } else {
        Stage::Mined
    }
}

fn landing(receipt: &Receipt) -> Landed {
    Landed { tx: receipt.tx, block: receipt.block, gas_used: receipt.gas_used, made: receipt.contract }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{Address, B256, Bytes, U256};

    use super::*;
    use crate::chain::Identity;
    use crate::outbox::{Call, Key, Signed};

    const MARKET: Fees = Fees { tip: 10, cap: 100 };

    fn attempt(number: u32, sent_at: Option<i64>) -> Attempt {
        let tx = B256::repeat_byte(u8::try_from(number).unwrap() + 1);
        let signed = Signed { raw: Bytes::new(), tx, gas: 21_000, fees: MARKET };
        Attempt { number, nonce: 5, signed, sent_at }
    }

    fn job(stage: Stage, attempts: &[Attempt]) -> Job {
        let chain = Identity { chain_id: 1, genesis: B256::ZERO, local: false };
        let key = Key { chain, contract: Some(Address::ZERO), purpose: "test".to_owned() };
        let call = Call { input: Bytes::new(), value: U256::ZERO };
        Job::sample(key, call, 5, stage, attempts.to_vec())
    }

    fn view(job: Option<&Job>) -> View<'_> {
        View {
            goal: Goal::Open,
            job,
            receipt: None,
            mined_nonce: 5,
            market: MARKET,
            head: 100,
            finalized: None,
            now: 1000,
        }
    }

    fn receipt(number: u64, succeeded: bool) -> Receipt {
        let block = BlockRef { number, hash: B256::repeat_byte(9) };
        Receipt { tx: B256::repeat_byte(1), block, succeeded, gas_used: 1, contract: None }
    }

    #[test]
    fn the_contract_is_asked_before_anything() {
        let sent = job(Stage::Broadcast, &[attempt(0, Some(990))]);
        for known in [None, Some(&sent)] {
            let conflict = View { goal: Goal::Conflict, ..view(known) };
            assert_eq!(next(&conflict), Action::Stop(Stop::Conflict));
        }
        assert_eq!(next(&view(None)), Action::Sign { fees: MARKET });
        assert_eq!(next(&View { goal: Goal::Reached, ..view(None) }), Action::Stop(Stop::Done));
        // Somebody else did it, whatever became of ours.
        let superseded = Action::Settle { stage: Stage::Superseded, landed: None };
        assert_eq!(next(&View { goal: Goal::Reached, ..view(Some(&sent)) }), superseded);
        let refused = View { goal: Goal::Reached, receipt: Some(receipt(99, false)), ..view(Some(&sent)) };
        assert_eq!(next(&refused), superseded);
    }

    #[test]
    fn what_is_signed_is_sent_and_what_waits_is_raised() {
        assert_eq!(next(&view(Some(&job(Stage::Signed, &[attempt(0, None)])))), Action::Send { attempt: 0 });
        let waiting = |sent| job(Stage::Broadcast, &[attempt(0, Some(sent))]);
        assert_eq!(next(&view(Some(&waiting(1000)))), Action::Wait);
        assert_eq!(next(&view(Some(&waiting(1000 - RESUBMIT_SECONDS + 1)))), Action::Wait);
        let raised = Action::Raise { fees: Fees { tip: 11, cap: 110 } };
        assert_eq!(next(&view(Some(&waiting(1000 - RESUBMIT_SECONDS)))), raised);
        // A second attempt that a crash kept from being sent is sent before anything is raised again.
        let both = job(Stage::Broadcast, &[attempt(0, Some(900)), attempt(1, None)]);
        assert_eq!(next(&view(Some(&both))), Action::Send { attempt: 1 });
        // At the ceiling the same bytes go out again.
        let mut dear = attempt(0, Some(900));
        dear.signed.fees = Fees { tip: 99_000_000_000, cap: 99_000_000_000 };
        assert_eq!(next(&view(Some(&job(Stage::Broadcast, &[dear])))), Action::Send { attempt: 0 });
    }

    #[test]
    fn a_receipt_of_success_moves_it_on_by_depth() {
        let sent = job(Stage::Broadcast, &[attempt(0, Some(990))]);
        for (number, finalized, stage) in [
            (100, None, Stage::Mined),
            (91, None, Stage::Mined),
            (90, None, Stage::Confirmed),
            (90, Some(89), Stage::Confirmed),
            (90, Some(90), Stage::Finalized),
        ] {
            let receipt = receipt(number, true);
            let landed = Some(landing(&receipt));
            for goal in [Goal::Unknown, Goal::Reached] {
                let view = View { goal, finalized, receipt: Some(receipt.clone()), ..view(Some(&sent)) };
                assert_eq!(next(&view), Action::Settle { stage, landed }, "{number} {finalized:?}");
            }
        }
        // The state lags behind the receipt: two machines answer.
        let ahead = View { receipt: Some(receipt(100, true)), ..view(Some(&sent)) };
        assert_eq!(next(&ahead), Action::Wait);
    }

    #[test]
    fn a_receipt_of_failure_is_never_success() {
        let sent = job(Stage::Broadcast, &[attempt(0, Some(990))]);
        for goal in [Goal::Unknown, Goal::Open] {
            let view = View { goal, receipt: Some(receipt(1, false)), finalized: Some(100), ..view(Some(&sent)) };
            let Action::Settle { stage, .. } = next(&view) else { panic!("not settled") };
            assert_eq!(stage, Stage::Reverted);
        }
        let mut refused = job(Stage::Reverted, &[attempt(0, Some(990))]);
        refused.landed = Some(landing(&receipt(1, false)));
        let again = View { receipt: Some(receipt(1, false)), ..view(Some(&refused)) };
        assert_eq!(next(&again), Action::Stop(Stop::Reverted));
    }

    #[test]
    fn a_block_that_is_gone_means_sending_again() {
        for stage in [Stage::Mined, Stage::Confirmed, Stage::Superseded, Stage::Reverted] {
            let was = job(stage, &[attempt(0, Some(990))]);
            assert_eq!(next(&view(Some(&was))), Action::Reorged, "{stage:?}");
        }
        // What was final stays so, though the node has forgotten the receipt.
        let was = job(Stage::Finalized, &[attempt(0, Some(990))]);
        for goal in [Goal::Unknown, Goal::Reached] {
            assert_eq!(next(&View { goal, ..view(Some(&was)) }), Action::Stop(Stop::Done), "{goal:?}");
        }
        // Unless the contract knows nothing of it: a chain that was cut back has no final blocks to speak of.
        assert_eq!(next(&view(Some(&was))), Action::Reorged);
        // A receipt does not stand against the contract either.
        let ahead = View { receipt: Some(receipt(99, true)), finalized: Some(100), ..view(Some(&was)) };
        assert_eq!(next(&ahead), Action::Wait);
    }

    #[test]
    fn a_used_nonce_is_given_up_after_three_looks() {
        let mut sent = job(Stage::Broadcast, &[attempt(0, Some(990))]);
        for misses in 0..MAX_MISSES {
            sent.misses = misses;
            assert_eq!(next(&View { mined_nonce: 6, ..view(Some(&sent)) }), Action::Miss);
        }
        sent.misses = MAX_MISSES;
        assert_eq!(next(&View { mined_nonce: 6, ..view(Some(&sent)) }), Action::Renew { fees: MARKET });
        // While the nonce is free, however often it was seen used, nothing is given up.
        assert_eq!(next(&view(Some(&sent))), Action::Wait);
    }
}
