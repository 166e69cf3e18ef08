// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {Rfc6962} from "../src/Rfc6962.sol";
import {RootRegistry} from "../src/RootRegistry.sol";
import {Fixture} from "./Fixture.sol";
import {Naive} from "./Naive.sol";
import {Vm} from "./Vm.sol";

/// The log of the fixture stands at epoch 2, size 7.
contract RootRegistryTest is Fixture {
    uint256 private constant ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;

    bytes32 private root11;
    bytes32[] private proof11;
    bytes32 private c2;

    function setUp() public override {
        super.setUp();
        root11 = Naive.root(0, 11);
        proof11 = Naive.consistency(7, 11);
        c2 = registry.commitments(originId, 2);
    }

    // What is stored

    function test_ids_and_commitments_are_those_of_the_format() public view {
        address[] memory committee = addresses(vm.addr(KEY));
        equal(originId, keccak256(abi.encode(ORIGIN, LOG_KEY, committee, uint8(1))));
        bytes32 c = keccak256(abi.encode("mira/anchor/v1", block.chainid, address(registry), originId));
        equal(registry.commitments(originId, 0), c);
        c = keccak256(abi.encode(c, uint64(1), Naive.root(0, 3), uint64(3)));
        equal(registry.commitments(originId, 1), c);
        c = keccak256(abi.encode(c, uint64(2), Naive.root(0, 7), uint64(7)));
        equal(registry.commitments(originId, 2), c);
        equal(registry.commitments(originId, 3), 0);
        (uint64 epoch, uint64 size, uint64 time) = registry.head(originId);
        check(epoch == 2 && size == 7 && time == block.timestamp, "head");
    }

    function test_digest_is_eip712() public view {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("mira RootRegistry"),
                keccak256("1"),
                block.chainid,
                address(registry)
            )
        );
        bytes32 message = keccak256(
            abi.encode(
                keccak256("Anchor(bytes32 originId,uint64 epoch,bytes32 root,uint64 size,bytes32 previous)"),
                originId,
                uint64(3),
                root11,
                uint64(11),
                c2
            )
        );
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", domain, message));
        equal(registry.anchorDigest(originId, 3, root11, 11, c2), digest);
    }

    function test_anchor_emits_what_it_stored() public {
        vm.recordLogs();
        anchorNext(11);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        equal(logs.length, 1);
        equal(logs[0].topics[0], keccak256("Anchored(bytes32,uint64,bytes32,uint64,bytes32)"));
        equal(logs[0].topics[1], originId);
        equal(logs[0].topics[2], bytes32(uint256(3)));
        bytes memory data = abi.encode(root11, uint64(11), registry.commitments(originId, 3));
        equal(keccak256(logs[0].data), keccak256(data));
    }

    function test_logs_are_apart() public {
        bytes32 other = registry.register("other", LOG_KEY, addresses(vm.addr(KEY)), 1);
        check(other != originId, "another id");
        anchorNext(11);
        (uint64 epoch,,) = registry.head(other);
        check(epoch == 0 && registry.commitments(other, 3) == 0, "untouched");
    }

    // Registration

    function test_registering_again_changes_nothing() public {
        bytes32 before = registry.commitments(originId, 2);
        vm.recordLogs();
        vm.prank(STRANGER);
        bytes32 again = registry.register(ORIGIN, LOG_KEY, addresses(vm.addr(KEY)), 1);
        equal(again, originId);
        equal(vm.getRecordedLogs().length, 0);
        (uint64 epoch, uint64 size,) = registry.head(originId);
        check(epoch == 2 && size == 7, "head");
        equal(registry.commitments(originId, 2), before);
    }

    function test_registration_refuses_what_it_cannot_mean() public {
        address[] memory one = addresses(vm.addr(KEY));
        vm.expectRevert(RootRegistry.EmptyOrigin.selector);
        registry.register("", LOG_KEY, one, 1);
        vm.expectRevert(RootRegistry.ZeroLogKey.selector);
        registry.register(ORIGIN, 0, one, 1);
        vm.expectRevert(abi.encodeWithSelector(RootRegistry.CommitteeSize.selector, 0));
        registry.register(ORIGIN, LOG_KEY, new address[](0), 1);
        vm.expectRevert(abi.encodeWithSelector(RootRegistry.CommitteeSize.selector, 32));
        registry.register(ORIGIN, LOG_KEY, ascending(32), 17);
        vm.expectRevert(abi.encodeWithSelector(RootRegistry.ThresholdRange.selector, 0, 1));
        registry.register(ORIGIN, LOG_KEY, one, 0);
        vm.expectRevert(abi.encodeWithSelector(RootRegistry.ThresholdRange.selector, 4, 3));
        registry.register(ORIGIN, LOG_KEY, ascending(3), 4);
        vm.expectRevert(abi.encodeWithSelector(RootRegistry.ThresholdRange.selector, 2, 4));
        registry.register(ORIGIN, LOG_KEY, ascending(4), 2);
        registry.register(ORIGIN, LOG_KEY, ascending(31), 16);
    }

    function test_committee_is_strictly_ascending() public {
        address[] memory committee = ascending(3);
        committee[2] = committee[1];
        vm.expectRevert(abi.encodeWithSelector(RootRegistry.CommitteeOrder.selector, committee[1], committee[1]));
        registry.register(ORIGIN, LOG_KEY, committee, 2);
        (committee[0], committee[1]) = (committee[1], committee[0]);
        vm.expectRevert(abi.encodeWithSelector(RootRegistry.CommitteeOrder.selector, committee[0], committee[1]));
        registry.register(ORIGIN, LOG_KEY, committee, 2);
        committee = addresses(address(0));
        vm.expectRevert(abi.encodeWithSelector(RootRegistry.CommitteeOrder.selector, address(0), address(0)));
        registry.register(ORIGIN, LOG_KEY, committee, 1);
    }

    // Epochs

    function test_anchoring_again_fails_by_its_number() public {
        bytes[] memory signatures = signed(KEY, 3, root11, 11, c2);
        vm.prank(STRANGER); // anybody may send it
        registry.anchor(originId, 3, root11, 11, beforePrevious, previousRoot, proof11, signatures);
        vm.expectRevert(abi.encodeWithSelector(RootRegistry.WrongEpoch.selector, 4, 3));
        registry.anchor(originId, 3, root11, 11, beforePrevious, previousRoot, proof11, signatures);
    }

    function test_epochs_are_neither_skipped_nor_replaced() public {
        vm.expectRevert(abi.encodeWithSelector(RootRegistry.WrongEpoch.selector, 3, 4));
        anchor(4, root11, 11, previousRoot, proof11);
        vm.expectRevert(abi.encodeWithSelector(RootRegistry.WrongEpoch.selector, 3, 2));
        anchor(2, root11, 11, previousRoot, proof11);
        vm.expectRevert(abi.encodeWithSelector(RootRegistry.WrongEpoch.selector, 3, 0));
        anchor(0, root11, 11, previousRoot, proof11);
    }

    function test_unknown_log() public {
        vm.expectRevert(abi.encodeWithSelector(RootRegistry.UnknownOrigin.selector, bytes32("x")));
        registry.anchor("x", 1, root11, 11, 0, 0, noHashes(), new bytes[](0));
    }

    function test_zero_root_is_refused() public {
        vm.expectRevert(RootRegistry.ZeroRoot.selector);
        anchor(3, 0, 11, previousRoot, proof11);
    }

    function test_log_must_grow() public {
        bytes32 root = Naive.root(0, 7);
        vm.expectRevert(abi.encodeWithSelector(RootRegistry.NoGrowth.selector, 7, 7));
        anchor(3, root, 7, previousRoot, noHashes());
        root = Naive.root(0, 3);
        vm.expectRevert(abi.encodeWithSelector(RootRegistry.NoGrowth.selector, 7, 3));
        anchor(3, root, 3, previousRoot, noHashes());
        bytes32 fresh = registry.register("fresh", LOG_KEY, addresses(vm.addr(KEY)), 1);
        vm.expectRevert(abi.encodeWithSelector(RootRegistry.NoGrowth.selector, 0, 0));
        registry.anchor(fresh, 1, root, 0, 0, 0, noHashes(), new bytes[](1));
    }

    function test_first_epoch_has_no_history() public {
        originId = registry.register("fresh", LOG_KEY, addresses(vm.addr(KEY)), 1);
        bytes32 c0 = registry.commitments(originId, 0);
        bytes[] memory signatures = signed(KEY, 1, root11, 11, c0);
        vm.expectRevert(RootRegistry.UnexpectedHistory.selector);
        registry.anchor(originId, 1, root11, 11, c0, 0, noHashes(), signatures);
        vm.expectRevert(RootRegistry.UnexpectedHistory.selector);
        registry.anchor(originId, 1, root11, 11, 0, previousRoot, noHashes(), signatures);
        vm.expectRevert(RootRegistry.UnexpectedHistory.selector);
        registry.anchor(originId, 1, root11, 11, 0, 0, proof11, signatures);
        registry.anchor(originId, 1, root11, 11, 0, 0, noHashes(), signatures);
    }

    /// The operator signs a history other than the anchored one.
    function test_fork_is_refused() public {
        // Leaf 2 was another one: a tree of 11 over a different prefix, with the proof that fits that prefix.
        bytes32 forked = Naive.node(
            Naive.node(Naive.node(Naive.leaf(0), Naive.leaf(1)), Naive.node(Naive.leaf(99), Naive.leaf(3))),
            Naive.root(4, 8)
        );
        bytes32[] memory path = Naive.consistency(4, 8);
        vm.expectRevert(abi.encodeWithSelector(Rfc6962.PathLength.selector, 4, 1));
        anchor(3, forked, 8, previousRoot, path);
        path = Naive.consistency(7, 8);
        bytes32 honest = Naive.root(0, 8);
        vm.expectRevert(abi.encodeWithSelector(Rfc6962.RootMismatch.selector, forked, honest));
        anchor(3, forked, 8, previousRoot, path);
        // He may claim another past, but what is anchored opens to one root only.
        bytes32 otherPast = Naive.root(1, 8);
        bytes32 opened = keccak256(abi.encode(beforePrevious, uint64(2), otherPast, uint64(7)));
        vm.expectRevert(abi.encodeWithSelector(RootRegistry.PreviousMismatch.selector, c2, opened));
        anchor(3, root11, 11, otherPast, proof11);
    }

    function testFuzz_mutated_consistency_is_refused(uint256 seed) public {
        bytes32[] memory path = proof11;
        path[seed % path.length] ^= bytes32(uint256(1) << ((seed >> 8) % 256));
        bytes[] memory signatures = signed(KEY, 3, root11, 11, c2);
        vm.expectPartialRevert(Rfc6962.RootMismatch.selector);
        registry.anchor(originId, 3, root11, 11, beforePrevious, previousRoot, path, signatures);
    }

    function testFuzz_logs_grow_by_any_steps(uint8[6] calldata steps) public {
        for (uint256 i = 0; i < steps.length; i++) {
            anchorNext(anchoredSize + 1 + steps[i] % 8);
        }
        (uint64 epoch, uint64 size,) = registry.head(originId);
        check(epoch == 8 && size == anchoredSize, "head");
    }

    // Signatures

    function test_signatures_of_three_of_five() public {
        (uint256[] memory keys, address[] memory committee) = members(5);
        originId = registry.register("five", LOG_KEY, committee, 3);
        bytes32 digest = registry.anchorDigest(originId, 1, root11, 11, registry.commitments(originId, 0));

        vm.expectRevert(abi.encodeWithSelector(RootRegistry.TooFewSignatures.selector, 3, 2));
        first(root11, list(sign(keys[0], digest), sign(keys[1], digest)));
        vm.expectRevert(abi.encodeWithSelector(RootRegistry.SignerOrder.selector, committee[1], committee[1]));
        first(root11, list(sign(keys[0], digest), sign(keys[1], digest), sign(keys[1], digest)));
        vm.expectRevert(abi.encodeWithSelector(RootRegistry.SignerOrder.selector, committee[3], committee[2]));
        first(root11, list(sign(keys[0], digest), sign(keys[3], digest), sign(keys[2], digest)));
        vm.expectPartialRevert(RootRegistry.NotAMember.selector);
        first(root11, list(sign(0x57a4, digest), sign(keys[1], digest), sign(keys[2], digest)));
        first(root11, list(sign(keys[0], digest), sign(keys[2], digest), sign(keys[4], digest)));
    }

    function test_more_signatures_than_needed_must_all_be_right() public {
        (uint256[] memory keys, address[] memory committee) = members(2);
        originId = registry.register("two", LOG_KEY, committee, 2);
        bytes32 digest = registry.anchorDigest(originId, 1, root11, 11, registry.commitments(originId, 0));
        bytes memory extra = sign(keys[1], "something else");
        bytes[] memory three = list(sign(keys[0], digest), sign(keys[1], digest), extra);
        address stray = ECDSA.recover(digest, extra);
        vm.expectRevert(
            stray <= committee[1]
                ? abi.encodeWithSelector(RootRegistry.SignerOrder.selector, committee[1], stray)
                : abi.encodeWithSelector(RootRegistry.NotAMember.selector, stray)
        );
        first(root11, three);
    }

    function test_high_s_is_refused() public {
        bytes32 digest = registry.anchorDigest(originId, 3, root11, 11, c2);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(KEY, digest);
        bytes32 high = bytes32(ORDER - uint256(s));
        bytes[] memory signatures = list(abi.encodePacked(r, high, v == 27 ? uint8(28) : uint8(27)));
        vm.expectRevert(abi.encodeWithSelector(ECDSA.ECDSAInvalidSignatureS.selector, high));
        registry.anchor(originId, 3, root11, 11, beforePrevious, previousRoot, proof11, signatures);
    }

    function test_signatures_of_other_forms_are_refused() public {
        bytes32 digest = registry.anchorDigest(originId, 3, root11, 11, c2);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(KEY, digest);
        bytes[] memory signatures = list(abi.encodePacked(r, s, v - 27));
        vm.expectRevert(ECDSA.ECDSAInvalidSignature.selector);
        registry.anchor(originId, 3, root11, 11, beforePrevious, previousRoot, proof11, signatures);
        signatures = list(abi.encodePacked(r, s, v, uint8(0)));
        vm.expectRevert(abi.encodeWithSelector(ECDSA.ECDSAInvalidSignatureLength.selector, 66));
        registry.anchor(originId, 3, root11, 11, beforePrevious, previousRoot, proof11, signatures);
        // The 64 bytes of ERC-2098.
        signatures = list(abi.encodePacked(r, bytes32(uint256(s) | (uint256(v - 27) << 255))));
        vm.expectRevert(abi.encodeWithSelector(ECDSA.ECDSAInvalidSignatureLength.selector, 64));
        registry.anchor(originId, 3, root11, 11, beforePrevious, previousRoot, proof11, signatures);
        // What recovers to nobody is nobody's signature.
        signatures = list(abi.encodePacked(bytes32(0), bytes32(uint256(1)), uint8(27)));
        vm.expectRevert(ECDSA.ECDSAInvalidSignature.selector);
        registry.anchor(originId, 3, root11, 11, beforePrevious, previousRoot, proof11, signatures);
    }

    /// Signatures bind log, epoch, root, size, the past, contract and chain.
    function test_signature_is_for_one_epoch_of_one_log_here() public {
        bytes[] memory signatures = signed(KEY, 3, root11, 11, c2);
        vm.chainId(block.chainid + 1);
        vm.expectPartialRevert(RootRegistry.NotAMember.selector);
        registry.anchor(originId, 3, root11, 11, beforePrevious, previousRoot, proof11, signatures);
        vm.chainId(block.chainid - 1);

        RootRegistry elsewhere = new RootRegistry();
        elsewhere.register(ORIGIN, LOG_KEY, addresses(vm.addr(KEY)), 1);
        signatures = list(sign(KEY, registry.anchorDigest(originId, 1, root11, 11, elsewhere.commitments(originId, 0))));
        vm.expectPartialRevert(RootRegistry.NotAMember.selector);
        elsewhere.anchor(originId, 1, root11, 11, 0, 0, noHashes(), signatures);

        bytes32 root12 = Naive.root(0, 12);
        bytes32[] memory proof12 = Naive.consistency(7, 12);
        signatures = signed(KEY, 3, root11, 11, c2);
        vm.expectPartialRevert(RootRegistry.NotAMember.selector);
        registry.anchor(originId, 3, root12, 12, beforePrevious, previousRoot, proof12, signatures);
        signatures = signed(KEY, 3, root11, 11, beforePrevious);
        vm.expectPartialRevert(RootRegistry.NotAMember.selector);
        registry.anchor(originId, 3, root11, 11, beforePrevious, previousRoot, proof11, signatures);
    }

    // Helpers

    /// Epoch `epoch` rightly signed, but for what the arguments say.
    function anchor(uint64 epoch, bytes32 root, uint64 size, bytes32 prior, bytes32[] memory proof) private {
        bytes32 digest = digestOf(epoch, root, size);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(KEY, digest);
        registry.anchor(originId, epoch, root, size, beforePrevious, prior, proof, list(abi.encodePacked(r, s, v)));
    }

    /// What `registry.anchorDigest` is; a call of it would be the one that `expectRevert` waits for.
    function digestOf(uint64 epoch, bytes32 root, uint64 size) private view returns (bytes32) {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("mira RootRegistry"),
                keccak256("1"),
                block.chainid,
                address(registry)
            )
        );
        bytes32 typehash = keccak256("Anchor(bytes32 originId,uint64 epoch,bytes32 root,uint64 size,bytes32 previous)");
        bytes32 message = keccak256(abi.encode(typehash, originId, epoch, root, size, c2));
        return keccak256(abi.encodePacked(hex"1901", domain, message));
    }

    function first(bytes32 root, bytes[] memory signatures) private {
        registry.anchor(originId, 1, root, 11, 0, 0, noHashes(), signatures);
    }

    function ascending(uint256 n) private pure returns (address[] memory committee) {
        committee = new address[](n);
        for (uint160 i = 0; i < n; i++) {
            committee[i] = address(i + 1);
        }
    }

    function list(bytes memory a) private pure returns (bytes[] memory signatures) {
        signatures = new bytes[](1);
        signatures[0] = a;
    }

    function list(bytes memory a, bytes memory b) private pure returns (bytes[] memory signatures) {
        signatures = new bytes[](2);
        (signatures[0], signatures[1]) = (a, b);
    }

    function list(bytes memory a, bytes memory b, bytes memory c) private pure returns (bytes[] memory signatures) {
        signatures = new bytes[](3);
        (signatures[0], signatures[1], signatures[2]) = (a, b, c);
    }
}
