//! Every rule of section 10 of `FORMAT.md`, through the public API: what is accepted, what is refused and why.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests state what they expect")]

mod people;

use mira_core::digest::StatementId;
use mira_core::dsse::Envelope;
use mira_core::entry::{Entry, EntryError};
use mira_core::fold::{Fold, Outcome, Reason, Refusal, Thing, Withdrawn};
use mira_core::rights::{InputRights, Use, Verdict, fold};
use mira_core::statement::*;
use people::*;

const NOBODY: StatementId = StatementId::new(mira_core::digest::Digest::new([0; 32]));

#[test]
fn bytes_that_are_no_entry() {
    let mut log = Scenario::new("malformed", "bytes that are no entry in its one spelling");
    let ann = Person::new(1);
    let good = log.entry(&ann, contribute("corpus"));
    log.refuse_entry(Reason::Malformed, "nothing", b"");
    log.refuse_entry(Reason::Malformed, "a header alone", &good[..79]);
    log.refuse_entry(Reason::Malformed, "cut off in the header", &good[..78]);
    log.refuse_entry(Reason::Malformed, "trailing_garbage", &[&good[..], b"\n"].concat());
    log.refuse_entry(Reason::Malformed, "tag_of_another_version", &replaced(&good, b"entry/v1", b"entry/v2"));
    log.refuse_entry(Reason::Malformed, "a space after a colon", &replaced(&good, b"\"payload\":", b"\"payload\": "));
    log.refuse_entry(Reason::Malformed, "another payload type", &replaced(&good, b"in-toto+json", b"in-toto+jsom"));
    let statement = log.statement(&ann, contribute("corpus"));
    let payload = String::from_utf8(statement.to_payload()).unwrap();
    for (what, from, to) in [
        ("unknown_key", "\"nonce\"", "\"nonce2\""),
        ("name_that_looks_like_a_hash", "\"corpus\"", "\"deadbeef\""),
        ("kind_of_the_future", "urn:mira:contribute:v1", "urn:mira:contribute:v2"),
        ("a day that no calendar has", "2026-01-31", "2026-02-31"),
    ] {
        let envelope = Envelope::seal(payload.replace(from, to).as_bytes(), &[&ann.key]).unwrap();
        log.refuse_entry(Reason::Malformed, what, &[&good[..79], &envelope.to_bytes()].concat());
    }
    let twice = Envelope::seal(payload.as_bytes(), &[&ann.key, &key(2)]).unwrap();
    log.refuse_entry(Reason::Malformed, "two_signatures", &[&good[..79], &twice.to_bytes()].concat());
    let rotation = log.statement(&ann, rotate(1, 2));
    let once = Envelope::seal(&rotation.to_payload(), &[&ann.key]).unwrap();
    log.refuse_entry(Reason::Malformed, "rotation_with_one_signature", &[&good[..79], &once.to_bytes()].concat());
    log.accept_entry("the entry that all of these were made from", &good);
    log.finish();
}

/// No vector, because it would be as long.
#[test]
fn longer_than_a_log_can_hold() {
    let ann = Person::new(1);
    let uri = format!("urn:{}", "x".repeat(1000)).parse().unwrap();
    let input = Input::External(ExternalInput { uri, role: InputRole::Train, sha256: None, license: None });
    let statement = |count| {
        let predicate = train("model", 7, Listed::Inline(vec![input.clone(); count]));
        Statement::new(common(ann.id, 0, None), predicate).unwrap()
    };
    let longest = sealed(&statement(44), &[&ann.key]);
    assert!(longest.len() <= Entry::MAX_LEN);
    let mut fold = Fold::new(ORIGIN.parse().unwrap());
    let padded = [&longest[..], &vec![b' '; Entry::MAX_LEN + 1 - longest.len()]].concat();
    assert!(matches!(fold.apply(&padded), Outcome::Refused(Refusal::Entry(EntryError::Length { found: 65_536 }))));
    assert_eq!(fold.apply(&longest).reason(), None);
    assert!(Envelope::seal(&statement(50).to_payload(), &[&ann.key]).is_err());
}

#[test]
fn headers() {
    let mut log = Scenario::new("header", "headers that say something else than the statement; the reserved kind");
    let ann = Person::new(1);
    let good = log.entry(&ann, contribute("corpus"));
    let with = |at: usize, byte: u8| {
        let mut entry = good.clone();
        entry[at] = byte;
        entry
    };
    log.refuse_entry(Reason::Header, "header_of_another_kind", &with(14, 9));
    log.refuse_entry(Reason::Header, "header_of_no_kind", &with(14, 77));
    log.refuse_entry(Reason::Header, "header_of_another_contributor", &with(15, good[15] ^ 1));
    log.refuse_entry(Reason::Header, "header_of_another_subject", &with(78, good[78] ^ 1));
    log.refuse_entry(Reason::Reserved, "private", &with(14, 255));
    log.refuse_entry(Reason::Reserved, "private, with bytes of an unknown form", &with(14, 255)[..100]);
    log.refuse_entry(Reason::Malformed, "private, without a header", &with(14, 255)[..78]);
    log.accept_entry("the entry that all of these were made from", &good);
    log.finish();
}

#[test]
fn replays_and_forgeries() {
    let mut log = Scenario::new("signatures", "the same statement again, and signatures that do not count");
    let (ann, bob) = (Person::new(1), Person::new(2));
    let statement = log.statement(&ann, contribute("corpus"));
    let entry = sealed(&statement, &[&ann.key]);
    log.refuse_entry(Reason::Key, "signed_by_somebody_else", &sealed(&statement, &[&bob.key]));
    log.refuse_entry(Reason::Signature, "signature_of_another_statement", &{
        let other = log.entry(&ann, contribute("other"));
        with_signature_of(&entry, &other)
    });
    log.refuse_entry(Reason::Signature, "keyid_of_another_key", &{
        let (from, to) = (ann.key.verifying_key().to_did(), bob.key.verifying_key().to_did());
        replaced(&entry, from.as_bytes(), to.as_bytes())
    });
    let first = log.accept_entry("a dataset", &entry);
    log.refuse_entry(Reason::Repeated, "replayed", &entry);
    log.refuse_entry(Reason::Repeated, "replayed_with_another_keyid", &sealed(&statement, &[&bob.key]));
    assert_eq!(log.fold.artifact(&ann.id, &"corpus".parse().unwrap()).unwrap().versions(), [first]);
    log.finish();
}

#[test]
fn keys() {
    let mut log =
        Scenario::new("rotation", "who may sign after keys were replaced and revoked, without a recovery key");
    let (ann, bob) = (Person::new(1), Person::new(2));
    let rotation = |log: &Scenario, by: &Person, old, new: u8, second: u8| {
        sealed(&log.statement(by, rotate(old, new)), &[&by.key, &key(second)])
    };
    log.refuse(Reason::Key, "first_key_of_somebody_else", &ann.with_key(2), policy());
    log.accept("introduced by any statement", &ann, policy());
    let entry = rotation(&log, &ann.with_key(10), 1, 11, 11);
    log.refuse_entry(Reason::Key, "rotation_by_a_stranger", &entry);
    let entry = rotation(&log, &ann, 1, 10, 11);
    log.refuse_entry(Reason::Key, "rotation_cosigned_by_another_key", &entry);
    let entry = rotation(&log, &ann, 11, 10, 10);
    log.refuse_entry(Reason::Permission, "rotation_of_another_key", &entry);
    log.accept("bob", &bob, policy());
    let entry = rotation(&log, &ann, 1, 2, 2);
    log.refuse_entry(Reason::Taken, "rotation_to_anothers_key", &entry);
    let entry = rotation(&log, &ann, 1, 10, 10);
    log.accept_entry("rotated", &entry);
    log.refuse(Reason::Key, "rotation_then_old_key", &ann, policy());
    let ann = ann.with_key(10);
    log.accept("the new key", &ann, policy());
    let entry = rotation(&log, &ann, 10, 1, 1);
    log.refuse_entry(Reason::Taken, "rotation_back_to_an_old_key", &entry);
    log.refuse(Reason::Key, "contributor_named_after_a_key_in_use", &Person::new(10), policy());
    log.refuse(Reason::Permission, "revocation_of_anothers_key", &ann, revoke(2));
    log.accept("revocation of an earlier key, which was of no use any more", &ann, revoke(1));
    assert_eq!(log.fold.contributor(&ann.id).unwrap().current_key(), Some(&public(10)));
    log.accept("revocation of the current key", &ann, revoke(10));
    assert_eq!(log.fold.contributor(&ann.id).unwrap().current_key(), None);
    log.refuse(Reason::Key, "revoked_key", &ann, policy());
    let entry = rotation(&log, &ann, 10, 12, 12);
    log.refuse_entry(Reason::Key, "rotation_by_a_revoked_key", &entry);
    assert_eq!(log.fold.by_key(&public(1)), Some(&ann.id));
    log.finish();
}

#[test]
fn recovery() {
    let mut log = Scenario::new("recovery", "a recovery key replaces and revokes keys, and signs nothing else");
    let ann = Person::new(1);
    log.accept("registered", &ann, register(1, Some("ann"), Some(20)));
    let recovery = ann.with_key(20);
    log.refuse(Reason::Key, "recovery_key_signs_data", &recovery, contribute("corpus"));
    let entry = sealed(&log.statement(&ann, rotate(1, 20)), &[&ann.key, &key(20)]);
    log.refuse_entry(Reason::Taken, "rotation_to_the_recovery_key", &entry);
    log.refuse(Reason::Permission, "revocation_of_the_recovery_key", &ann, revoke(20));
    log.accept("revoked by the recovery key", &recovery, revoke(1));
    log.refuse(Reason::Key, "revoked_key", &ann, policy());
    let entry = sealed(&log.statement(&recovery, rotate(9, 10)), &[&recovery.key, &key(10)]);
    log.refuse_entry(Reason::Permission, "recovery_from_a_key_that_is_not_the_current", &entry);
    let entry = sealed(&log.statement(&recovery, rotate(1, 10)), &[&recovery.key, &key(11)]);
    log.refuse_entry(Reason::Key, "recovery_cosigned_by_another_key", &entry);
    let entry = sealed(&log.statement(&recovery, rotate(1, 1)), &[&recovery.key, &key(1)]);
    log.refuse_entry(Reason::Taken, "recovery_to_the_revoked_key", &entry);
    let entry = sealed(&log.statement(&recovery, rotate(1, 10)), &[&recovery.key, &key(10)]);
    log.accept_entry("recovery_after_loss", &entry);
    log.accept("the new key", &ann.with_key(10), contribute("corpus"));
    let entry = sealed(&log.statement(&recovery, rotate(10, 11)), &[&recovery.key, &key(11)]);
    log.accept_entry("recovery without a revocation", &entry);
    log.refuse(Reason::Key, "the key that was replaced", &ann.with_key(10), policy());
    assert_eq!(log.fold.contributor(&ann.id).unwrap().current_key(), Some(&public(11)));
    assert_eq!(log.fold.contributor(&ann.id).unwrap().recovery_key(), Some(&public(20)));
    log.finish();
}

#[test]
fn registrations() {
    let mut log = Scenario::new("registration", "labels and keys belong to whoever took them first");
    let (ann, bob, eve) = (Person::new(1), Person::new(2), Person::new(3));
    log.refuse(Reason::Permission, "registers_anothers_key", &ann, register(2, None, None));
    log.accept("ann", &ann, register(1, Some("ann"), None));
    log.refuse(Reason::Taken, "registered_twice", &ann, register(1, Some("anna"), None));
    log.refuse(Reason::Taken, "somebody_elses_label", &bob, register(2, Some("ann"), None));
    log.refuse(Reason::Taken, "recovery_key_in_use", &bob, register(2, None, Some(1)));
    assert!(log.fold.contributor(&bob.id).is_none());
    log.accept("bob", &bob, register(2, None, Some(20)));
    let entry = sealed(&log.statement(&eve, rotate(3, 4)), &[&eve.key, &key(4)]);
    log.accept_entry("introduced by a rotation", &entry);
    log.refuse(Reason::Taken, "recovery_key_is_the_current_key", &eve.with_key(4), register(3, None, Some(4)));
    log.accept(
        "registers its first key, which is not the current one",
        &eve.with_key(4),
        register(3, Some("eve"), None),
    );
    assert_eq!(log.fold.by_label(&"ann".parse().unwrap()), Some(&ann.id));
    assert_eq!(log.fold.by_label(&"anna".parse().unwrap()), None);
    assert_eq!(log.fold.contributor(&eve.id).unwrap().label().unwrap().as_str(), "eve");
    log.finish();
}

#[test]
fn prev() {
    let mut log = Scenario::new("prev", "prev names an earlier statement of the same contributor");
    let (ann, bob) = (Person::new(1), Person::new(2));
    let first = log.accept("first", &ann, policy());
    let linked = |by: &Person, nonce, prev| {
        sealed(&Statement::new(common(by.id, nonce, Some(prev)), policy()).unwrap(), &[&by.key])
    };
    log.refuse_entry(Reason::Prev, "prev_of_another_contributor", &linked(&bob, 100, first));
    log.refuse_entry(Reason::Prev, "prev_that_is_not_in_the_log", &linked(&ann, 101, NOBODY));
    log.accept_entry("linked", &linked(&ann, 102, first));
    log.accept_entry("linked to the same, as two machines may do", &linked(&ann, 103, first));
    log.finish();
}

#[test]
fn targets() {
    let mut log = Scenario::new("targets", "what may be named where, and whose model it is");
    let (ann, bob) = (Person::new(1), Person::new(2));
    let data = log.accept("a dataset", &ann, contribute("corpus"));
    let note = log.accept("a policy", &ann, policy());
    let whole = |id| input(id, Part::Whole);
    log.refuse(Reason::Target, "input_that_is_not_in_the_log", &ann, train("model", 7, whole(NOBODY)));
    log.refuse(Reason::Target, "input_that_is_a_policy", &ann, train("model", 7, whole(note)));
    log.refuse(Reason::Target, "transform_of_a_policy", &ann, transform("clean", whole(note)));
    let clean = log.accept("a dataset made from it", &ann, transform("clean", whole(data)));
    let model = log.accept("a model", &ann, train("model", 7, whole(clean)));
    log.accept("a model made from it", &ann, train("tuned", 8, whole(model)));
    log.refuse(Reason::Target, "evaluation_of_a_dataset", &bob, evaluate(data, 7, whole(data)));
    log.refuse(Reason::Subject, "evaluation_of_another_model", &bob, evaluate(model, 8, whole(data)));
    log.accept("evaluation", &bob, evaluate(model, 7, whole(data)));
    log.refuse(Reason::Target, "deployment_of_a_dataset", &bob, deploy(data, 7, "chat"));
    log.refuse(Reason::Subject, "deployment_of_another_model", &bob, deploy(model, 8, "chat"));
    let chat = log.accept("deployment", &bob, deploy(model, 7, "chat"));
    log.refuse(Reason::Target, "use_of_a_deployment_as_model", &bob, usage(chat, 7, None, &[]));
    log.refuse(Reason::Target, "use_in_a_model", &bob, usage(model, 7, Some(model), &[]));
    log.refuse(Reason::Target, "use_under_the_terms_of_a_policy", &bob, usage(model, 7, None, &[note]));
    log.refuse(Reason::Subject, "use_of_another_model", &bob, usage(model, 8, None, &[]));
    let tuned = log.accept("another model", &ann, train("tuned", 8, whole(model)));
    log.refuse(Reason::Subject, "use_in_a_deployment_of_another_model", &bob, usage(tuned, 8, Some(chat), &[]));
    let used = log.accept("use", &bob, usage(model, 7, Some(chat), &[data, clean, model]));
    log.refuse(Reason::Target, "available_model", &bob, available(model));
    log.accept("available", &bob, available(data));
    log.refuse(
        Reason::Target,
        "refused_use",
        &bob,
        Predicate::Refused(Refused { target: used, reason: RefusedReason::Size }),
    );
    log.refuse(Reason::Target, "countersigned_policy", &bob, countersign(note));
    log.refuse(Reason::Target, "disputed_policy", &bob, dispute(note));
    log.refuse(Reason::Target, "withdrawn_policy", &ann, withdraw(note, None));
    log.refuse(Reason::Target, "withdrawn_statement_that_is_not_in_the_log", &ann, withdraw(NOBODY, None));
    log.refuse(Reason::Target, "withdrawn_rows_of_a_model", &ann, withdraw(model, Some(1)));
    let refused = log.statement(&bob, contribute_for(&ann, "corpus"));
    let refused_id = Entry::parse(&sealed(&refused, &[&bob.key])).unwrap().envelope().statement_id();
    log.refuse_entry(Reason::Permission, "refused", &sealed(&refused, &[&bob.key]));
    log.refuse(Reason::Target, "names_a_refused_statement", &bob, train("model", 7, whole(refused_id)));
    log.finish();
}

#[test]
fn delegations() {
    use DelegatedKind::{Contribute, Deploy, Train, Transform, Withdraw};
    let mut log = Scenario::new("delegation", "signing under another's name");
    let (ann, bob, eve) = (Person::new(1), Person::new(2), Person::new(3));
    log.refuse(Reason::Permission, "somebody_elses_name", &bob, contribute_for(&ann, "corpus"));
    log.accept("contribute corpus and lists", &ann, grant(&bob, &[Contribute], Some(&["corpus", "lists"])));
    log.accept("delegated", &bob, contribute_for(&ann, "corpus"));
    log.refuse(Reason::Permission, "delegated_to_somebody_else", &eve, contribute_for(&ann, "corpus"));
    log.refuse(Reason::Permission, "delegation_for_another_name", &bob, contribute_for(&ann, "other"));
    let Predicate::Train(mut model) = train("corpus", 7, Listed::Inline(vec![])) else { unreachable!() };
    model.on_behalf_of = Some(ann.id);
    log.refuse(Reason::Permission, "delegation_for_another_kind", &bob, Predicate::Train(model.clone()));
    log.refuse(Reason::Permission, "delegation_the_other_way_round", &ann, contribute_for(&bob, "corpus"));
    log.accept("what is said about a kind replaces what was", &ann, grant(&bob, &[Contribute, Train], Some(&["m1"])));
    log.refuse(Reason::Permission, "name_no_longer_delegated", &bob, contribute_for(&ann, "corpus"));
    model.subject.name = "m1".parse().unwrap();
    let model = log.accept("another kind", &bob, Predicate::Train(model));
    log.accept("all names", &ann, grant(&bob, &[Contribute, Deploy, Transform, Withdraw], None));
    let other = log.accept("any name", &bob, contribute_for(&ann, "other"));
    log.accept("delegation ends for one kind", &ann, end(&bob, &[Contribute]));
    log.refuse(Reason::Permission, "delegation_ended", &bob, contribute_for(&ann, "other"));
    log.refuse(Reason::Permission, "withdrawn_by_a_stranger", &eve, withdraw(other, None));
    let mine = log.accept("of her own", &ann, contribute("mine"));
    log.accept("withdrawn by a delegate", &bob, withdraw(mine, None));
    log.accept("withdrawn by its owner, who did not sign it", &ann, withdraw(other, None));
    log.accept("all delegations end", &ann, end(&bob, &[Contribute, Deploy, Train, Transform, Withdraw]));
    log.accept("withdrawn by its signer, who does not own it", &bob, withdraw(model, None));
    log.refuse(Reason::Permission, "withdrawal_delegation_ended", &bob, withdraw(mine, None));
    let series = log.fold.artifact(&ann.id, &"other".parse().unwrap()).unwrap();
    assert_eq!((series.version(1), series.version(0), series.version(2)), (Some(&other), None, None));
    assert_eq!(log.fold.statement(&model).unwrap().owner, ann.id);
    log.finish();
}

#[test]
fn names_and_versions() {
    let mut log = Scenario::new("names", "one namespace for datasets and models of an owner, another for deployments");
    let (ann, bob) = (Person::new(1), Person::new(2));
    let none = || Listed::Inline(vec![]);
    let entry = log.entry(&ann, contribute("corpus"));
    let first = log.accepted("version 1", &entry);
    log.refuse(Reason::Name, "model_named_like_a_dataset", &ann, train("corpus", 7, none()));
    log.accept("a model of somebody else", &bob, train("corpus", 7, none()));
    log.refuse(Reason::Name, "dataset_named_like_a_model", &bob, contribute("corpus"));
    let entry = log.entry(&ann, transform("corpus", input(first.statement_id, Part::Whole)));
    let second = log.accepted("version 2", &entry);
    let model = log.accept("a model", &ann, train("model", 7, none()));
    let entry = log.entry(&ann, deploy(model, 7, "corpus"));
    let deployed = log.accepted("a deployment named like a dataset", &entry);
    let numbers = [&first, &second, &deployed].map(|accepted| accepted.record.version.as_ref().unwrap().number);
    assert_eq!(numbers, [1, 2, 1]);
    let corpus = "corpus".parse().unwrap();
    assert_eq!(log.fold.artifact(&ann.id, &corpus).unwrap().versions(), [first.statement_id, second.statement_id]);
    assert_eq!(log.fold.artifact(&bob.id, &corpus).unwrap().thing(), Thing::Model);
    assert_eq!(log.fold.deployment(&ann.id, &corpus).unwrap().versions(), [deployed.statement_id]);
    log.finish();
}

#[test]
fn binds() {
    let mut log = Scenario::new("bind", "binds rise, and count in one log only");
    let (ann, bob) = (Person::new(1), Person::new(2));
    log.refuse(Reason::Bind, "bind_for_another_log", &ann, bind(1, "log.example.org/other"));
    log.accept("bind 1", &ann, bind(1, ORIGIN));
    log.refuse(Reason::Bind, "bind_nonce_not_rising", &ann, bind(1, ORIGIN));
    log.refuse(Reason::Bind, "bind_nonce_falling", &ann, bind(0, ORIGIN));
    log.accept("bind of somebody else", &bob, bind(0, ORIGIN));
    let last = log.accept("bind 5", &ann, bind(5, ORIGIN));
    assert_eq!(log.fold.contributor(&ann.id).unwrap().last_bind().unwrap().statement, last);
    log.finish();
}

#[test]
fn ranges() {
    let mut log = Scenario::new("ranges", "chunks and rows lie within the dataset that is named");
    let ann = Person::new(1);
    let data = log.accept("100 rows in 4 chunks", &ann, contribute("corpus"));
    let chunks = |start, length| {
        let range = Range { start: Natural::new(start).unwrap(), length: positive(length) };
        Part::Chunks(Ranges::new(vec![range]).unwrap())
    };
    let rows = |count| Part::Rows(RowSet { count: positive(count), sha256: digest(0xc3) });
    log.refuse(Reason::Range, "chunk_beyond_the_last", &ann, train("model", 7, input(data, chunks(3, 2))));
    log.refuse(Reason::Range, "more_rows_than_there_are", &ann, train("model", 7, input(data, rows(101))));
    let model = log.accept("the last chunk", &ann, train("model", 7, input(data, chunks(3, 1))));
    log.accept("all rows", &ann, train("model", 7, input(data, rows(100))));
    log.refuse(Reason::Range, "chunk_of_a_model", &ann, train("tuned", 8, input(model, chunks(0, 1))));
    log.refuse(Reason::Range, "row_of_a_model", &ann, evaluate(model, 7, input(model, rows(1))));
    log.refuse(Reason::Range, "more_rows_withdrawn_than_there_are", &ann, withdraw(data, Some(101)));
    log.finish();
}

#[test]
fn judgements() {
    let mut log = Scenario::new("judgements", "countersignatures, disputes and withdrawals");
    let (ann, bob) = (Person::new(1), Person::new(2));
    let data = log.accept("a dataset", &ann, contribute("corpus"));
    log.refuse(Reason::Permission, "countersigned_by_its_signer", &ann, countersign(data));
    log.refuse(Reason::Permission, "withdrawn_by_a_stranger", &bob, withdraw(data, None));
    let countersigned = log.accept("countersigned", &bob, countersign(data));
    let disputed = log.accept("disputed", &bob, dispute(data));
    let flags = |log: &Scenario| {
        let record = log.fold.statement(&data).unwrap();
        (record.countersignatures, record.disputes, record.withdrawn)
    };
    assert_eq!(flags(&log), (1, 1, Withdrawn::Nothing));
    log.refuse(Reason::Permission, "dispute_withdrawn_by_the_disputed", &ann, withdraw(disputed, None));
    log.accept("dispute withdrawn", &bob, withdraw(disputed, None));
    log.accept("dispute withdrawn again", &bob, withdraw(disputed, None));
    log.accept("countersignature withdrawn", &bob, withdraw(countersigned, None));
    assert_eq!(flags(&log), (0, 0, Withdrawn::Nothing));

    let verdict = |log: &Scenario, wanted| fold(wanted, [((), log.fold.statement(&data).unwrap().input_rights())]);
    assert_eq!(verdict(&log, Use::Train), Verdict::Allowed);
    log.accept("some rows withdrawn", &ann, withdraw(data, Some(3)));
    assert_eq!(flags(&log).2, Withdrawn::Rows);
    assert_eq!(verdict(&log, Use::Train), Verdict::Unknown { by: Some(()) });
    assert_eq!(verdict(&log, Use::Redistribute), Verdict::Denied { by: () });
    log.accept("withdrawn", &ann, withdraw(data, None));
    assert_eq!(verdict(&log, Use::Train), Verdict::Denied { by: () });
    log.accept("some rows withdrawn once more", &ann, withdraw(data, Some(3)));
    assert_eq!(flags(&log).2, Withdrawn::Whole);
    assert_eq!(log.fold.statement(&disputed).unwrap().input_rights(), InputRights::Withdrawn);
    log.finish();
}

/// The committed scenarios by themselves: this is all that another implementation gets to see.
#[test]
fn vectors_replay() {
    let mut files = 0;
    for file in std::fs::read_dir(vectors().join("fold")).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        let scenario: serde_json::Value = serde_json::from_str(&text).unwrap();
        let mut fold = Fold::new(scenario["origin"].as_str().unwrap().parse().unwrap());
        for step in scenario["entries"].as_array().unwrap() {
            let entry = data_encoding::BASE64.decode(step["entry"].as_str().unwrap().as_bytes()).unwrap();
            let outcome = fold.apply(&entry);
            let found = outcome.reason().map_or("accepted", Reason::as_str);
            assert_eq!(found, step["expect"], "{}: {outcome:?}", step["comment"]);
            if let Outcome::Accepted(accepted) = outcome {
                assert_eq!(Entry::parse(&entry).unwrap().entry_id(), accepted.record.entry_id);
            }
        }
        files += 1;
    }
    assert!(files >= 12, "{files} scenarios");
}

/// The bytes with the first occurrence of `from` changed.
fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let at = bytes.windows(from.len()).position(|window| window == from).unwrap();
    [&bytes[..at], to, &bytes[at + from.len()..]].concat()
}

/// An entry with the signature of another.
fn with_signature_of(entry: &[u8], other: &[u8]) -> Vec<u8> {
    let start = |bytes: &[u8]| bytes.windows(7).position(|window| window == b"\"sig\":\"").unwrap();
    [&entry[..start(entry)], &other[start(other)..]].concat()
}
