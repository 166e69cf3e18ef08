//! Arbitrary statements: every choice is drawn from bytes that a property test gives.

#![allow(unreachable_pub, reason = "test binaries share this module")]

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use mira_core::cid::{Cid, Codec};
use mira_core::digest::{ContributorId, Digest, StatementId};
use mira_core::key::VerifyingKey;
use mira_core::name::Name;
use mira_core::rights::*;
use mira_core::statement::*;
use mira_core::time::{Date, UtcTime};

use crate::people::{positive, public};

/// Bytes to draw from; when they run out, zeros.
pub struct Draw<'a>(pub &'a [u8]);

impl Draw<'_> {
    fn byte(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        *first
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.byte())
    }

    fn below(&mut self, end: u64) -> u64 {
        u64::from_be_bytes(self.bytes()) % end
    }

    fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[usize::from(self.byte()) % items.len()]
    }

    fn maybe<T>(&mut self, draw: impl FnOnce(&mut Self) -> T) -> Option<T> {
        (self.byte() % 2 == 1).then(|| draw(self))
    }

    fn many<T, C: FromIterator<T>>(&mut self, least: u8, draw: impl Fn(&mut Self) -> T) -> C {
        let count = least + self.byte() % 4;
        (0..count).map(|_| draw(self)).collect()
    }

    fn text<T: FromStr<Err: std::fmt::Debug>>(&mut self, texts: &[&str]) -> T {
        self.pick(texts).parse().unwrap()
    }

    fn digest(&mut self) -> Digest {
        Digest::new([self.byte(); 32])
    }

    fn id(&mut self) -> StatementId {
        self.digest().into()
    }

    fn contributor(&mut self) -> ContributorId {
        self.digest().into()
    }

    fn key(&mut self) -> VerifyingKey {
        public(self.byte())
    }

    fn positive(&mut self) -> Positive {
        positive(1 + self.below(Positive::MAX))
    }

    fn natural(&mut self) -> Natural {
        Natural::new(self.below(Natural::MAX + 1)).unwrap()
    }

    fn name(&mut self) -> Name {
        self.text(&["a", "corpus", "0-9", "a.b_c", "deadbee", "lineitem-2026.1"])
    }

    fn time(&mut self) -> UtcTime {
        let seconds = self.below(253_402_300_800);
        UtcTime::from_unix_seconds(seconds.cast_signed()).unwrap()
    }

    fn uses(&mut self) -> BTreeSet<Use> {
        self.many(0, |draw| draw.pick(Use::ALL))
    }

    pub fn rights(&mut self) -> Rights {
        let allow = self.uses();
        let license: License = self.text(&["MIT", "NOASSERTION", "LicenseRef-a", "MIT OR (ISC AND LicenseRef-b)"]);
        Rights::new(Terms {
            deny: &self.uses() - &allow,
            allow,
            basis: self.pick(Basis::ALL),
            license_text: license.names_license_ref().then(|| self.digest()),
            license,
            personal_data: self.pick(PersonalData::ALL),
            visibility: self.pick(Visibility::ALL),
            attribution: self.maybe(|draw| match draw.byte() % 2 {
                0 => Attribution::Contributor(draw.contributor()),
                _ => Attribution::Text(draw.digest()),
            }),
            consent: self.maybe(|draw| Consent {
                expires: draw.maybe(|draw| Date::from_days(draw.below(10_000).cast_signed()).unwrap()),
                record: draw.digest(),
                scope: draw.uses(),
            }),
        })
        .unwrap()
    }

    fn row_set(&mut self) -> RowSet {
        RowSet { count: self.positive(), sha256: self.digest() }
    }

    fn ranges(&mut self) -> Ranges {
        let mut end = self.below(9);
        let range = |draw: &mut Self| {
            let (gap, length) = (1 + draw.below(9), 1 + draw.below(9));
            let start = Natural::new(end + gap).unwrap();
            end += gap + length;
            Range { start, length: positive(length) }
        };
        let count = 1 + self.byte() % 4;
        let range = std::cell::RefCell::new(range);
        Ranges::new((0..count).map(|_| (range.borrow_mut())(self)).collect()).unwrap()
    }

    fn input(&mut self) -> Input {
        if self.byte().is_multiple_of(3) {
            return Input::External(ExternalInput {
                uri: self.text(&["https://example.org/a@b", "hf:org/data", "urn:x"]),
                role: self.pick(InputRole::ALL),
                sha256: self.maybe(Self::digest),
                license: self.maybe(|draw| draw.text(&["ISC", "NOASSERTION"])),
            });
        }
        Input::Logged(LoggedInput {
            statement: self.id(),
            role: self.pick(InputRole::ALL),
            passes: self.positive(),
            part: match self.byte() % 3 {
                0 => Part::Whole,
                1 => Part::Chunks(self.ranges()),
                _ => Part::Rows(self.row_set()),
            },
            tokens: self.maybe(|draw| Amount(draw.below(u64::MAX))),
        })
    }

    fn listed<T>(&mut self, draw: impl FnOnce(&mut Self) -> T) -> Listed<T> {
        match self.byte() % 4 {
            0 => Listed::File { count: self.positive(), list: self.digest() },
            _ => Listed::Inline(draw(self)),
        }
    }

    fn inputs(&mut self) -> Inputs {
        self.listed(|draw| draw.many(0, Self::input))
    }

    fn code(&mut self) -> Code {
        let commit = ["0a", "bc"].map(|byte| byte.repeat(20));
        Code { commit: self.pick(&[&commit[0], &commit[1]]).parse().unwrap(), uri: self.text(&["git://example.org/x"]) }
    }

    fn dataset(&mut self) -> Dataset {
        let chunks = 1 + self.below(Dataset::MAX_CHUNKS);
        Dataset {
            subject: DatasetSubject { name: self.name(), id: self.digest().into(), manifest: self.digest().into() },
            on_behalf_of: self.maybe(Self::contributor),
            rows: positive(chunks + self.below(1 << 40)),
            chunks: positive(chunks),
            schema_id: self.digest().into(),
            profiles: Profiles { infer: self.pick(Inference::ALL) },
            rights: self.rights(),
        }
    }

    fn train(&mut self) -> Train {
        let files: Listed<ModelFiles> =
            self.listed(|draw| draw.many(1, |draw| (draw.text(&["a", "a/b", "B", "weights-1.bin"]), draw.digest())));
        let id = match &files {
            Listed::Inline(files) => model_id(files),
            Listed::File { .. } => self.digest().into(),
        };
        Train {
            subject: ModelSubject { name: self.name(), id },
            on_behalf_of: self.maybe(Self::contributor),
            files,
            inputs: self.inputs(),
            rights: self.rights(),
            code: self.maybe(Self::code),
            config: self.maybe(Self::digest),
            agents: self.maybe(|draw| {
                draw.many(1, |draw| Agent { contributor_id: draw.contributor(), role: draw.pick(AgentRole::ALL) })
            }),
        }
    }

    fn delegate(&mut self) -> Delegate {
        let state = self.pick(DelegationState::ALL);
        Delegate {
            to: self.contributor(),
            kinds: self.many(1, |draw| draw.pick(DelegatedKind::ALL)),
            names: self.maybe(|draw| draw.many(1, Self::name)).filter(|_| state == DelegationState::Granted),
            state,
        }
    }

    fn usage(&mut self) -> Usage {
        let (a, b) = (self.time(), self.time());
        Usage {
            subject: self.digest().into(),
            model: self.id(),
            deployment: self.maybe(Self::id),
            from: a.min(b),
            to: a.max(b),
            unit: self.pick(Unit::ALL),
            count: Amount(self.below(u64::MAX)),
            terms: self.many(0, Self::id),
        }
    }

    fn bind(&mut self) -> Bind {
        Bind {
            payout: EvmAddress::new(self.bytes()),
            bind_nonce: self.natural(),
            log_origin: self.text(&["log.example.org", "x"]),
            expires_epoch: self.natural(),
            chain_id: self.natural(),
            contract: EvmAddress::new(self.bytes()),
            signature: EvmSignature::new([self.byte(); 65]),
        }
    }

    fn register(&mut self) -> Register {
        let key = self.key();
        Register {
            key,
            label: self.maybe(|draw| draw.text(&["ann", "b-2"])),
            recovery: self.maybe(Self::key).filter(|recovery| *recovery != key),
        }
    }

    fn deploy(&mut self) -> Deploy {
        Deploy {
            subject: self.digest().into(),
            model: self.id(),
            deployment: self.name(),
            state: self.pick(DeploymentState::ALL),
            on_behalf_of: self.maybe(Self::contributor),
            uri: self.maybe(|draw| draw.text(&["https://example.org/chat"])),
        }
    }

    fn evaluate(&mut self) -> Evaluate {
        let metrics: BTreeMap<_, _> =
            self.many(0, |draw| (draw.text(&["f1", "acc/top-1"]), draw.text(&["0.5", "-1", "100.00"])));
        Evaluate {
            subject: self.digest().into(),
            model: self.id(),
            report: self.digest(),
            inputs: self.inputs(),
            metrics,
        }
    }

    fn transform(&mut self) -> Transform {
        Transform {
            output: self.dataset(),
            inputs: self.inputs(),
            code: self.maybe(Self::code),
            config: self.maybe(Self::digest),
        }
    }

    fn predicate(&mut self, kind: Kind) -> Predicate {
        match kind {
            Kind::Register => Predicate::Register(self.register()),
            Kind::Rotate => Predicate::Rotate(Rotate { old: self.key(), new: self.key() }),
            Kind::RevokeKey => {
                Predicate::RevokeKey(RevokeKey { key: self.key(), reason: self.pick(RevokeReason::ALL) })
            }
            Kind::Delegate => Predicate::Delegate(self.delegate()),
            Kind::Bind => Predicate::Bind(self.bind()),
            Kind::Contribute => Predicate::Contribute(self.dataset()),
            Kind::Available => {
                Predicate::Available(Available { target: self.id(), cid: Cid::new(Codec::DagPb, self.digest()) })
            }
            Kind::Refused => Predicate::Refused(Refused { target: self.id(), reason: self.pick(RefusedReason::ALL) }),
            Kind::Transform => Predicate::Transform(self.transform()),
            Kind::Train => Predicate::Train(self.train()),
            Kind::Evaluate => Predicate::Evaluate(self.evaluate()),
            Kind::Deploy => Predicate::Deploy(self.deploy()),
            Kind::Use => Predicate::Use(self.usage()),
            Kind::Countersign => {
                Predicate::Countersign(Countersign { target: self.id(), role: self.pick(AgentRole::ALL) })
            }
            Kind::Withdraw => Predicate::Withdraw(Withdraw {
                target: self.id(),
                reason: self.pick(WithdrawReason::ALL),
                rows: self.maybe(Self::row_set),
            }),
            Kind::Dispute => Predicate::Dispute(Dispute {
                target: self.id(),
                reason: self.pick(DisputeReason::ALL),
                evidence: self.maybe(Self::digest),
            }),
            Kind::Policy => Predicate::Policy(Policy { policy: self.digest(), from_epoch: self.positive() }),
            Kind::Audit => Predicate::Audit(Audit {
                report: self.digest(),
                epoch: self.positive(),
                result: self.pick(AuditResult::ALL),
            }),
        }
    }

    /// A statement of this kind by a contributor that no drawn digest names.
    pub fn statement(&mut self, kind: Kind) -> Statement {
        let common = Common {
            claimed_at: self.time(),
            contributor_id: Digest::of(b"sample signer").into(),
            nonce: Nonce::new(self.bytes()),
            prev: self.maybe(Self::id),
        };
        Statement::new(common, self.predicate(kind)).unwrap()
    }
}
