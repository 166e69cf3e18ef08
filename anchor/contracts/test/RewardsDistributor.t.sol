// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {RewardsDistributor} from "../src/RewardsDistributor.sol";
import {Fixture} from "./Fixture.sol";
import {BlockingToken, FalseToken, FeeToken, HookToken, SilentToken} from "./Tokens.sol";
import {Vm} from "./Vm.sol";

contract RewardsDistributorTest is Fixture {
    bytes32 internal constant FIRST = keccak256("first");
    bytes32 internal constant SECOND = keccak256("second");
    address internal constant FIRST_ACCOUNT = address(0xa22);
    address internal constant SECOND_ACCOUNT = address(0xb0b);

    RewardsDistributor.Status internal constant PENDING = RewardsDistributor.Status.Pending;
    RewardsDistributor.Status internal constant ACTIVE = RewardsDistributor.Status.Active;
    RewardsDistributor.Status internal constant DISPUTED = RewardsDistributor.Status.Disputed;
    RewardsDistributor.Status internal constant VETOED = RewardsDistributor.Status.Vetoed;

    function setUp() public override {
        super.setUp();
        fund(1000);
        vm.prank(FUNDER);
        token.transfer(STRANGER, 10 * BOND);
        vm.prank(STRANGER);
        token.approve(address(distributor), 10 * BOND);
    }

    // Deployment

    function test_deployment_refuses_what_cannot_work() public {
        address t = address(token);
        address r = address(registry);
        vm.expectRevert(abi.encodeWithSelector(RewardsDistributor.NoContract.selector, FIRST_ACCOUNT));
        new RewardsDistributor(FIRST_ACCOUNT, r, originId, PROPOSER, GUARDIAN, WINDOW, RESOLUTION, BOND);
        vm.expectRevert(abi.encodeWithSelector(RewardsDistributor.NoContract.selector, FIRST_ACCOUNT));
        new RewardsDistributor(t, FIRST_ACCOUNT, originId, PROPOSER, GUARDIAN, WINDOW, RESOLUTION, BOND);
        vm.expectRevert(abi.encodeWithSelector(RewardsDistributor.UnknownOrigin.selector, bytes32("x")));
        new RewardsDistributor(t, r, "x", PROPOSER, GUARDIAN, WINDOW, RESOLUTION, BOND);
        vm.expectRevert(RewardsDistributor.ZeroAddress.selector);
        new RewardsDistributor(t, r, originId, address(0), GUARDIAN, WINDOW, RESOLUTION, BOND);
        vm.expectRevert(RewardsDistributor.ZeroAddress.selector);
        new RewardsDistributor(t, r, originId, PROPOSER, address(0), WINDOW, RESOLUTION, BOND);
        vm.expectPartialRevert(RewardsDistributor.SecondsRange.selector);
        new RewardsDistributor(t, r, originId, PROPOSER, GUARDIAN, 24 hours - 1, RESOLUTION, BOND);
        vm.expectPartialRevert(RewardsDistributor.SecondsRange.selector);
        new RewardsDistributor(t, r, originId, PROPOSER, GUARDIAN, type(uint64).max, RESOLUTION, BOND);
        vm.expectPartialRevert(RewardsDistributor.SecondsRange.selector);
        new RewardsDistributor(t, r, originId, PROPOSER, GUARDIAN, WINDOW, 0, BOND);
        vm.expectPartialRevert(RewardsDistributor.AmountRange.selector);
        new RewardsDistributor(t, r, originId, PROPOSER, GUARDIAN, WINDOW, RESOLUTION, 0);
        new RewardsDistributor(t, r, originId, PROPOSER, GUARDIAN, 24 hours, RESOLUTION, BOND);
    }

    /// The window has a floor on every chain, those of developers included.
    function test_window_has_no_exception_by_chain() public {
        vm.chainId(31337);
        vm.expectPartialRevert(RewardsDistributor.SecondsRange.selector);
        new RewardsDistributor(address(token), address(registry), originId, PROPOSER, GUARDIAN, 60, RESOLUTION, BOND);
    }

    /// What state can be changed by, all of it.
    function test_nothing_else_changes_state() public view {
        string memory artifact = vm.readFile("artifacts/RewardsDistributor.json");
        string[] memory changing = new string[](9);
        uint256 found = 0;
        for (uint256 i = 0; vm.keyExistsJson(artifact, entry(i, ".type")); i++) {
            if (!same(vm.parseJsonString(artifact, entry(i, ".type")), "function")) continue;
            string memory mutability = vm.parseJsonString(artifact, entry(i, ".stateMutability"));
            if (same(mutability, "view") || same(mutability, "pure")) continue;
            check(same(mutability, "nonpayable"), "payable");
            changing[found++] = vm.parseJsonString(artifact, entry(i, ".name"));
        }
        string[9] memory expected =
            ["claim", "dispute", "fund", "lapse", "propose", "proveDuplicate", "proveShrinking", "resolve", "veto"];
        for (uint256 i = 0; i < 9; i++) {
            check(same(changing[i], expected[i]), expected[i]);
        }
    }

    // Funding

    function test_funding_counts_and_says_for_what() public {
        vm.recordLogs();
        vm.prank(FUNDER);
        equal(distributor.fund("statement", 7), 7);
        equal(distributor.funded(), 1007);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        Vm.Log memory last = logs[logs.length - 1];
        equal(last.topics[0], keccak256("Funded(address,bytes32,uint256)"));
        equal(last.topics[1], bytes32(uint256(uint160(FUNDER))));
        equal(last.topics[2], "statement");
        equal(keccak256(last.data), keccak256(abi.encode(7)));
        vm.expectPartialRevert(RewardsDistributor.AmountRange.selector);
        vm.prank(FUNDER);
        distributor.fund(0, 0);
    }

    /// A transfer past `fund` is nobody's and promises nothing.
    function test_gifts_are_not_funds() public {
        vm.prank(FUNDER);
        token.transfer(address(distributor), 500);
        equal(distributor.funded(), 1000);
        bytes32 c = registry.commitments(originId, 2);
        vm.expectRevert(abi.encodeWithSelector(RewardsDistributor.Underfunded.selector, 1000, 1001));
        vm.prank(PROPOSER);
        distributor.propose(1, "root", 1001, "manifest", 2, c);
    }

    // Proposing

    function test_proposal_is_checked() public {
        bytes32 c1 = registry.commitments(originId, 1);
        bytes32 c2 = registry.commitments(originId, 2);
        vm.expectRevert(abi.encodeWithSelector(RewardsDistributor.NotProposer.selector, STRANGER));
        vm.prank(STRANGER);
        distributor.propose(1, "root", 100, "manifest", 2, c2);
        refuse(RewardsDistributor.WrongEpoch.selector, 0, "root", 100, "manifest", 2, c2);
        refuse(RewardsDistributor.WrongEpoch.selector, 2, "root", 100, "manifest", 2, c2);
        refuse(RewardsDistributor.WrongEpoch.selector, (1 << 32) + 1, "root", 100, "manifest", 2, c2);
        refuse(RewardsDistributor.ZeroRoot.selector, 1, 0, 100, "manifest", 2, c2);
        refuse(RewardsDistributor.ZeroManifest.selector, 1, "root", 100, 0, 2, c2);
        refuse(RewardsDistributor.Underfunded.selector, 1, "root", 1001, "manifest", 2, c2);
        refuse(RewardsDistributor.Underfunded.selector, 1, "root", 1 << 200, "manifest", 2, c2);
        refuse(RewardsDistributor.NotAnchored.selector, 1, "root", 100, "manifest", 2, c1);
        refuse(RewardsDistributor.NotAnchored.selector, 1, "root", 100, "manifest", 3, 0);
        // C_0 is stored, but nothing is anchored by it.
        bytes32 c0 = registry.commitments(originId, 0);
        refuse(RewardsDistributor.NotAnchored.selector, 1, "root", 100, "manifest", 0, c0);

        propose(1, "root", 100);
        refuse(RewardsDistributor.WrongEpoch.selector, 1, "root", 100, "manifest", 2, c2);
        refuse(RewardsDistributor.TotalShrinks.selector, 2, "root", 99, "manifest", 2, c2);
        refuse(RewardsDistributor.LogEpochShrinks.selector, 2, "root", 100, "manifest", 1, c1);
        propose(2, "root", 100);
    }

    function test_proposal_is_recorded() public {
        vm.recordLogs();
        propose(1, "root", 100);
        (bytes32 root, uint256 total, uint64 logEpoch, uint64 activatesAt,) = distributor.epochs(1);
        check(root == "root" && total == 100 && logEpoch == 2, "record");
        equal(activatesAt, block.timestamp + WINDOW);
        checkStatus(1, PENDING);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        equal(logs[0].topics[0], keccak256("Proposed(uint64,bytes32,uint256,bytes32,uint64,uint64)"));
        equal(logs[0].topics[1], bytes32(uint256(1)));
        bytes memory data =
            abi.encode(bytes32("root"), uint256(100), bytes32("manifest"), uint64(2), uint64(block.timestamp + WINDOW));
        equal(keccak256(logs[0].data), keccak256(data));
        check(distributor.lastEpoch() == 1 && distributor.lastTotal() == 100, "last");
    }

    // Claiming

    function test_leaf_is_that_of_the_format() public view {
        bytes32 domain = keccak256(abi.encode("mira/claim/v1", block.chainid, address(distributor), address(token)));
        equal(distributor.domain(), domain);
        bytes32 leaf = keccak256(bytes.concat(keccak256(abi.encode(domain, FIRST, FIRST_ACCOUNT, uint256(60)))));
        equal(distributor.leafOf(FIRST, FIRST_ACCOUNT, 60), leaf);
    }

    /// Anybody may send a claim, and the money goes where the leaf says.
    function test_claim_pays_the_payout_address() public {
        Leaf[] memory leaves = active(60, 40);
        bytes32[] memory proof = proofOf(leaves, 0);
        bytes32[] memory secondProof = proofOf(leaves, 1);
        vm.recordLogs();
        vm.prank(STRANGER);
        equal(distributor.claim(1, FIRST, FIRST_ACCOUNT, 60, proof), 60);
        equal(token.balanceOf(FIRST_ACCOUNT), 60);
        equal(distributor.claimed(FIRST), 60);
        equal(distributor.claimedTotal(), 60);
        Vm.Log memory log = vm.getRecordedLogs()[0];
        equal(log.topics[0], keccak256("Claimed(bytes32,address,uint64,uint256)"));
        equal(log.topics[1], FIRST);
        equal(log.topics[2], bytes32(uint256(uint160(FIRST_ACCOUNT))));
        equal(keccak256(log.data), keccak256(abi.encode(1, 60)));
        vm.expectPartialRevert(RewardsDistributor.ProofMismatch.selector);
        distributor.claim(1, SECOND, STRANGER, 40, secondProof);
        distributor.claim(1, SECOND, SECOND_ACCOUNT, 40, secondProof);
        equal(distributor.claimedTotal(), 100);
        check(distributor.lastTotal() == 100, "all of it");
    }

    function test_claiming_again_pays_nothing() public {
        Leaf[] memory leaves = active(60, 40);
        bytes32[] memory proof = proofOf(leaves, 0);
        distributor.claim(1, FIRST, FIRST_ACCOUNT, 60, proof);
        vm.expectRevert(abi.encodeWithSelector(RewardsDistributor.NothingDue.selector, FIRST, 60, 60));
        distributor.claim(1, FIRST, FIRST_ACCOUNT, 60, proof);
    }

    /// Nothing is paid before the window has passed, and nothing makes it pass.
    function test_claim_waits_for_the_window() public {
        Leaf[] memory leaves = pair(60, 40);
        bytes32[] memory proof = proofOf(leaves, 0);
        propose(1, rootOf(leaves), 100);
        vm.warp(block.timestamp + WINDOW - 1);
        vm.expectRevert(abi.encodeWithSelector(RewardsDistributor.WrongStatus.selector, 1, PENDING));
        distributor.claim(1, FIRST, FIRST_ACCOUNT, 60, proof);
        vm.warp(block.timestamp + 1);
        checkStatus(1, ACTIVE);
        distributor.claim(1, FIRST, FIRST_ACCOUNT, 60, proof);
    }

    function test_unknown_epochs_cannot_be_claimed_from() public {
        for (uint64 epoch = 0; epoch < 3; epoch++) {
            vm.expectRevert(abi.encodeWithSelector(RewardsDistributor.WrongStatus.selector, epoch, 0));
            distributor.claim(epoch, FIRST, FIRST_ACCOUNT, 60, noHashes());
        }
        active(60, 40);
        uint64 wrapped = (1 << 32) + 1;
        vm.expectRevert(abi.encodeWithSelector(RewardsDistributor.WrongStatus.selector, wrapped, 0));
        distributor.claim(wrapped, FIRST, FIRST_ACCOUNT, 60, noHashes());
    }

    /// An inner node is no leaf, and neither is a leaf's own hash.
    function test_inner_node_as_leaf_is_refused() public {
        Leaf[] memory leaves = new Leaf[](3);
        leaves[0] = Leaf(FIRST, FIRST_ACCOUNT, 60);
        leaves[1] = Leaf(SECOND, SECOND_ACCOUNT, 40);
        leaves[2] = Leaf("c", address(0xc), 1);
        bytes32[] memory nodes = tree(leaves);
        propose(1, nodes[0], 101);
        wait_();
        // A leaf's preimage has 128 bytes, an inner node's 64: no arguments make one from the other.
        bytes32 forged = keccak256(abi.encode(nodes[3], nodes[4]));
        check(forged != hash(leaves[0]) && pair(nodes[3], nodes[4]) == nodes[1], "node 1 has children 3 and 4");
        bytes32[] memory proof = new bytes32[](1);
        proof[0] = nodes[2];
        vm.expectPartialRevert(RewardsDistributor.ProofMismatch.selector);
        distributor.claim(1, nodes[3], address(uint160(uint256(nodes[4]))), uint256(nodes[4]), proof);
    }

    function testFuzz_proofs_are_those_of_openzeppelin(bytes32 leaf, bytes32[] calldata proof) public {
        // The contract hashes a leaf of its own, and folds the proof into it as OpenZeppelin does.
        bytes32 own = distributor.leafOf(leaf, FIRST_ACCOUNT, 1);
        bytes32 root = MerkleProof.processProof(proof, own);
        propose(1, root, 1);
        wait_();
        distributor.claim(1, leaf, FIRST_ACCOUNT, 1, proof);
        equal(token.balanceOf(FIRST_ACCOUNT), 1);
    }

    function testFuzz_changed_claims_are_refused(uint256 seed) public {
        Leaf[] memory leaves = many(3 + seed % 20);
        uint256 i = (seed >> 8) % leaves.length;
        Leaf memory leaf = leaves[i];
        bytes32[] memory proof = proofOf(leaves, i);
        propose(1, rootOf(leaves), sum(leaves));
        wait_();
        uint256 bit = uint256(1) << ((seed >> 16) % 160);
        uint256 how = (seed >> 24) % 5;
        if (how == 0) leaf.contributorId ^= bytes32(bit);
        else if (how == 1) leaf.payout = address(uint160(leaf.payout) ^ uint160(bit));
        else if (how == 2) leaf.cumulative ^= bit;
        else if (how == 3) proof[(seed >> 32) % proof.length] ^= bytes32(bit);
        else proof[proof.length - 1] = proof[0] ^ bytes32(bit);
        if (leaf.payout == address(0)) return;
        vm.expectPartialRevert(RewardsDistributor.ProofMismatch.selector);
        distributor.claim(1, leaf.contributorId, leaf.payout, leaf.cumulative, proof);
    }

    /// A contributor who has not bound an address yet: nothing is paid, and nothing is lost.
    function test_unbound_contributor_waits() public {
        Leaf[] memory leaves = pair(60, 40);
        leaves[0].payout = address(0);
        bytes32[] memory proof = proofOf(leaves, 0);
        propose(1, rootOf(leaves), 100);
        wait_();
        vm.expectRevert(abi.encodeWithSelector(RewardsDistributor.Unbound.selector, FIRST));
        distributor.claim(1, FIRST, address(0), 60, proof);
        leaves[0].payout = FIRST_ACCOUNT;
        proof = proofOf(leaves, 0);
        propose(2, rootOf(leaves), 100);
        wait_();
        distributor.claim(2, FIRST, FIRST_ACCOUNT, 60, proof);
        equal(token.balanceOf(FIRST_ACCOUNT), 60);
    }

    /// The payout address changes, and the sum does not.
    function test_changed_payout_is_not_paid_twice() public {
        Leaf[] memory leaves = active(60, 40);
        bytes32[] memory old = proofOf(leaves, 0);
        leaves[0] = Leaf(FIRST, address(0xa33), 90);
        bytes32[] memory later = proofOf(leaves, 0);
        propose(2, rootOf(leaves), 130);
        wait_();
        distributor.claim(1, FIRST, FIRST_ACCOUNT, 60, old);
        distributor.claim(2, FIRST, address(0xa33), 90, later);
        equal(token.balanceOf(FIRST_ACCOUNT), 60);
        equal(token.balanceOf(address(0xa33)), 30);
        vm.expectRevert(abi.encodeWithSelector(RewardsDistributor.NothingDue.selector, FIRST, 90, 60));
        distributor.claim(1, FIRST, FIRST_ACCOUNT, 60, old);
    }

    /// An older root stays good, also after others were paid from a later one beyond the older one's total.
    function test_older_root_stays_good() public {
        Leaf[] memory leaves = active(60, 40);
        bytes32[] memory secondProof = proofOf(leaves, 1);
        Leaf[] memory more = pair(300, 50);
        bytes32[] memory firstProof = proofOf(more, 0);
        bytes32[] memory bobsLater = proofOf(more, 1);
        propose(2, rootOf(more), 350);
        wait_();
        distributor.claim(2, FIRST, FIRST_ACCOUNT, 300, firstProof);
        equal(distributor.claim(1, SECOND, SECOND_ACCOUNT, 40, secondProof), 40);
        equal(distributor.claim(2, SECOND, SECOND_ACCOUNT, 50, bobsLater), 10);
        equal(distributor.claimedTotal(), 350);
    }

    /// A smaller amount is a clear error, not an underflow.
    function test_smaller_amount_is_a_clear_error() public {
        Leaf[] memory leaves = active(60, 40);
        distributor.claim(1, FIRST, FIRST_ACCOUNT, 60, proofOf(leaves, 0));
        leaves = pair(50, 60);
        bytes32[] memory proof = proofOf(leaves, 0);
        propose(2, rootOf(leaves), 110);
        wait_();
        vm.expectRevert(abi.encodeWithSelector(RewardsDistributor.NothingDue.selector, FIRST, 60, 50));
        distributor.claim(2, FIRST, FIRST_ACCOUNT, 50, proof);
    }

    /// A root whose amounts add up to more than its total pays its total and no more, though more is funded.
    function test_root_pays_no_more_than_its_total() public {
        Leaf[] memory leaves = pair(60, 40);
        bytes32[] memory firstProof = proofOf(leaves, 0);
        bytes32[] memory secondProof = proofOf(leaves, 1);
        propose(1, rootOf(leaves), 99);
        wait_();
        distributor.claim(1, FIRST, FIRST_ACCOUNT, 60, firstProof);
        vm.expectRevert(abi.encodeWithSelector(RewardsDistributor.OverTotal.selector, 99, 60, 40));
        distributor.claim(1, SECOND, SECOND_ACCOUNT, 40, secondProof);
        equal(distributor.claimedTotal(), 60);
    }

    function test_amount_beyond_words_is_refused() public {
        Leaf[] memory leaves = pair(type(uint256).max, 40);
        bytes32[] memory firstProof = proofOf(leaves, 0);
        bytes32[] memory secondProof = proofOf(leaves, 1);
        propose(1, rootOf(leaves), 100);
        wait_();
        distributor.claim(1, SECOND, SECOND_ACCOUNT, 40, secondProof);
        vm.expectRevert(abi.encodeWithSelector(RewardsDistributor.OverTotal.selector, 100, 40, type(uint256).max));
        distributor.claim(1, FIRST, FIRST_ACCOUNT, type(uint256).max, firstProof);
    }

    /// A proof is for one instance on one chain.
    function test_proof_is_for_this_instance_and_chain() public {
        Leaf[] memory leaves = active(60, 40);
        bytes32[] memory proof = proofOf(leaves, 0);
        bytes32 root = rootOf(leaves);
        vm.chainId(block.chainid + 1);
        vm.expectPartialRevert(RewardsDistributor.ProofMismatch.selector);
        distributor.claim(1, FIRST, FIRST_ACCOUNT, 60, proof);
        vm.chainId(block.chainid - 1);

        RewardsDistributor other = deploy(address(token));
        vm.prank(FUNDER);
        token.approve(address(other), 1000);
        vm.prank(FUNDER);
        other.fund(0, 1000);
        bytes32 c = registry.commitments(originId, 2);
        vm.prank(PROPOSER);
        other.propose(1, root, 100, "manifest", 2, c);
        wait_();
        vm.expectPartialRevert(RewardsDistributor.ProofMismatch.selector);
        other.claim(1, FIRST, FIRST_ACCOUNT, 60, proof);
        distributor.claim(1, FIRST, FIRST_ACCOUNT, 60, proof);
    }

    // Objections

    function test_guardian_vetoes_in_the_window_only() public {
        propose(1, "root", 100);
        vm.expectRevert(abi.encodeWithSelector(RewardsDistributor.NotGuardian.selector, PROPOSER));
        vm.prank(PROPOSER);
        distributor.veto(1);
        vm.prank(GUARDIAN);
        distributor.veto(1);
        checkStatus(1, VETOED);
        vm.expectRevert(abi.encodeWithSelector(RewardsDistributor.WrongStatus.selector, 1, VETOED));
        vm.prank(GUARDIAN);
        distributor.veto(1);
        propose(2, "root", 100);
        wait_();
        vm.expectRevert(abi.encodeWithSelector(RewardsDistributor.WrongStatus.selector, 2, ACTIVE));
        vm.prank(GUARDIAN);
        distributor.veto(2);
        vm.expectRevert(abi.encodeWithSelector(RewardsDistributor.WrongStatus.selector, 3, 0));
        vm.prank(GUARDIAN);
        distributor.veto(3);
    }

    /// A vetoed epoch keeps its number; the next takes its place, and is held to the last one that stands.
    function test_after_a_veto_the_next_number_follows() public {
        Leaf[] memory leaves = active(60, 40);
        propose(2, "too much", 900);
        propose(3, "on top of it", 950);
        bytes32 c2 = registry.commitments(originId, 2);
        refuse(RewardsDistributor.TotalShrinks.selector, 4, "root", 949, "manifest", 2, c2);
        vm.prank(GUARDIAN);
        distributor.veto(2);
        equal(distributor.lastTotal(), 950);
        vm.prank(GUARDIAN);
        distributor.veto(3);
        equal(distributor.lastTotal(), 100);
        equal(distributor.lastEpoch(), 3);
        refuse(RewardsDistributor.WrongEpoch.selector, 2, "root", 100, "manifest", 2, c2);
        refuse(RewardsDistributor.TotalShrinks.selector, 4, "root", 99, "manifest", 2, c2);
        leaves = pair(70, 50);
        propose(4, rootOf(leaves), 120);
        wait_();
        bytes32[] memory proof = proofOf(leaves, 0);
        vm.expectRevert(abi.encodeWithSelector(RewardsDistributor.WrongStatus.selector, 2, VETOED));
        distributor.claim(2, FIRST, FIRST_ACCOUNT, 70, proof);
        distributor.claim(4, FIRST, FIRST_ACCOUNT, 70, proof);
        vm.prank(GUARDIAN);
        vm.expectRevert(abi.encodeWithSelector(RewardsDistributor.WrongStatus.selector, 4, ACTIVE));
        distributor.veto(4);
    }

    /// The total that the next proposal is held to is that of the last epoch that stands, whatever was vetoed when.
    function testFuzz_last_total_is_that_of_the_last_that_stands(uint256 seed) public {
        uint256[] memory totals = new uint256[](11);
        bool[] memory vetoed = new bool[](11);
        for (uint64 epoch = 1; epoch <= 10; epoch++) {
            uint256 last = distributor.lastTotal();
            totals[epoch] = last + (seed >> (8 * epoch)) % 90;
            propose(epoch, "root", totals[epoch]);
            if ((seed >> (100 + epoch)) & 1 == 1) {
                uint64 target = 1 + uint64(seed >> (120 + 8 * epoch)) % epoch;
                if (!vetoed[target]) {
                    vm.prank(GUARDIAN);
                    distributor.veto(target);
                    vetoed[target] = true;
                }
            }
            uint64 standing = epoch;
            while (vetoed[standing]) standing--;
            equal(distributor.lastTotal(), totals[standing]);
        }
    }

    /// Disputed, an epoch waits; others do not.
    function test_dispute_upheld() public {
        Leaf[] memory leaves = pair(60, 40);
        propose(1, "wrong", 100);
        vm.prank(STRANGER);
        distributor.dispute(1);
        equal(token.balanceOf(STRANGER), 9 * BOND);
        (address by, uint64 deadline) = distributor.disputes(1);
        check(by == STRANGER && deadline == block.timestamp + RESOLUTION, "dispute");
        vm.expectRevert(abi.encodeWithSelector(RewardsDistributor.WrongStatus.selector, 1, DISPUTED));
        distributor.dispute(1);
        bytes32[] memory proof = proofOf(leaves, 0);
        propose(2, rootOf(leaves), 100);
        wait_();
        checkStatus(1, DISPUTED);
        distributor.claim(2, FIRST, FIRST_ACCOUNT, 60, proof);
        vm.expectRevert(abi.encodeWithSelector(RewardsDistributor.NotGuardian.selector, STRANGER));
        vm.prank(STRANGER);
        distributor.resolve(1, true);
        vm.prank(GUARDIAN);
        distributor.resolve(1, true);
        checkStatus(1, VETOED);
        equal(token.balanceOf(STRANGER), 10 * BOND);
        equal(distributor.funded(), 1000);
    }

    /// Rejected, the bond is the pool's, and the window starts again so that others can still object.
    function test_dispute_rejected() public {
        Leaf[] memory leaves = pair(60, 40);
        propose(1, rootOf(leaves), 100);
        vm.warp(block.timestamp + WINDOW - 1);
        vm.prank(STRANGER);
        distributor.dispute(1);
        vm.warp(block.timestamp + RESOLUTION - 1);
        vm.recordLogs();
        vm.prank(GUARDIAN);
        distributor.resolve(1, false);
        equal(vm.getRecordedLogs()[0].topics[0], keccak256("Funded(address,bytes32,uint256)"));
        equal(distributor.funded(), 1000 + BOND);
        checkStatus(1, PENDING);
        bytes32[] memory proof = proofOf(leaves, 0);
        vm.warp(block.timestamp + WINDOW - 1);
        vm.expectRevert(abi.encodeWithSelector(RewardsDistributor.WrongStatus.selector, 1, PENDING));
        distributor.claim(1, FIRST, FIRST_ACCOUNT, 60, proof);
        vm.warp(block.timestamp + 1);
        distributor.claim(1, FIRST, FIRST_ACCOUNT, 60, proof);
        vm.expectRevert(abi.encodeWithSelector(RewardsDistributor.WrongStatus.selector, 1, ACTIVE));
        vm.prank(STRANGER);
        distributor.dispute(1);
    }

    /// No answer in time is a veto.
    function test_unanswered_dispute_lapses() public {
        propose(1, "root", 100);
        vm.prank(STRANGER);
        distributor.dispute(1);
        uint64 deadline = uint64(block.timestamp) + RESOLUTION;
        vm.warp(deadline - 1);
        vm.expectRevert(abi.encodeWithSelector(RewardsDistributor.DeadlineAhead.selector, deadline));
        distributor.lapse(1);
        vm.warp(deadline);
        vm.expectRevert(abi.encodeWithSelector(RewardsDistributor.DeadlinePassed.selector, deadline));
        vm.prank(GUARDIAN);
        distributor.resolve(1, false);
        distributor.lapse(1);
        checkStatus(1, VETOED);
        equal(token.balanceOf(STRANGER), 10 * BOND);
        vm.expectRevert(abi.encodeWithSelector(RewardsDistributor.WrongStatus.selector, 1, VETOED));
        distributor.lapse(1);
    }

    function test_dispute_needs_the_bond_and_a_window() public {
        vm.expectRevert(abi.encodeWithSelector(RewardsDistributor.WrongStatus.selector, 1, 0));
        vm.prank(STRANGER);
        distributor.dispute(1);
        propose(1, "root", 100);
        vm.prank(FIRST_ACCOUNT); // has nothing
        (bool ok,) = address(distributor).call(abi.encodeCall(distributor.dispute, (1)));
        check(!ok, "without the bond");
        checkStatus(1, PENDING);
    }

    /// Two leaves of one contributor.
    function test_duplicate_vetoes_at_once() public {
        Leaf[] memory leaves = pair(60, 40);
        leaves[1] = Leaf(FIRST, FIRST_ACCOUNT, 40);
        bytes32[] memory a = proofOf(leaves, 0);
        bytes32[] memory b = proofOf(leaves, 1);
        propose(1, rootOf(leaves), 100);
        vm.prank(STRANGER);
        distributor.proveDuplicate(1, FIRST, FIRST_ACCOUNT, 60, a, FIRST_ACCOUNT, 40, b);
        checkStatus(1, VETOED);
    }

    function test_duplicate_with_another_payout_counts() public {
        Leaf[] memory leaves = pair(60, 60);
        leaves[1] = Leaf(FIRST, SECOND_ACCOUNT, 60);
        bytes32[] memory a = proofOf(leaves, 0);
        bytes32[] memory b = proofOf(leaves, 1);
        propose(1, rootOf(leaves), 120);
        vm.prank(STRANGER);
        distributor.dispute(1);
        distributor.proveDuplicate(1, FIRST, FIRST_ACCOUNT, 60, a, SECOND_ACCOUNT, 60, b); // also while it is disputed
        checkStatus(1, VETOED);
        equal(token.balanceOf(STRANGER), 10 * BOND);
    }

    function test_no_false_duplicates() public {
        Leaf[] memory leaves = pair(60, 40);
        bytes32[] memory a = proofOf(leaves, 0);
        bytes32[] memory b = proofOf(leaves, 1);
        propose(1, rootOf(leaves), 100);
        vm.expectRevert(abi.encodeWithSelector(RewardsDistributor.NotADuplicate.selector, FIRST));
        distributor.proveDuplicate(1, FIRST, FIRST_ACCOUNT, 60, a, FIRST_ACCOUNT, 60, a);
        vm.expectPartialRevert(RewardsDistributor.ProofMismatch.selector);
        distributor.proveDuplicate(1, FIRST, FIRST_ACCOUNT, 60, a, SECOND_ACCOUNT, 40, b);
        vm.expectPartialRevert(RewardsDistributor.ProofMismatch.selector);
        distributor.proveDuplicate(2, FIRST, FIRST_ACCOUNT, 60, a, FIRST_ACCOUNT, 40, b);
        checkStatus(1, PENDING);
    }

    /// A contradiction that nobody found in the window takes nothing back: else whoever made the root could hide one.
    function test_active_roots_are_final() public {
        Leaf[] memory leaves = new Leaf[](3);
        leaves[0] = Leaf(FIRST, FIRST_ACCOUNT, 60);
        leaves[1] = Leaf(SECOND, SECOND_ACCOUNT, 40);
        leaves[2] = Leaf(SECOND, SECOND_ACCOUNT, 41);
        bytes32[] memory a = proofOf(leaves, 1);
        bytes32[] memory b = proofOf(leaves, 2);
        bytes32[] memory firstProof = proofOf(leaves, 0);
        propose(1, rootOf(leaves), 141);
        wait_();
        vm.expectRevert(abi.encodeWithSelector(RewardsDistributor.WrongStatus.selector, 1, ACTIVE));
        distributor.proveDuplicate(1, SECOND, SECOND_ACCOUNT, 40, a, SECOND_ACCOUNT, 41, b);
        distributor.claim(1, FIRST, FIRST_ACCOUNT, 60, firstProof);
        // Who is in it twice is paid the larger amount, once.
        distributor.claim(1, SECOND, SECOND_ACCOUNT, 40, a);
        distributor.claim(1, SECOND, SECOND_ACCOUNT, 41, b);
        equal(token.balanceOf(SECOND_ACCOUNT), 41);
    }

    function test_shrinking_vetoes_at_once() public {
        Leaf[] memory leaves = active(60, 40);
        bytes32[] memory earlier = proofOf(leaves, 0);
        leaves = pair(59, 50);
        leaves[0].payout = SECOND_ACCOUNT; // under any address
        bytes32[] memory proof = proofOf(leaves, 0);
        propose(2, rootOf(leaves), 109);
        vm.prank(STRANGER);
        distributor.proveShrinking(2, FIRST, SECOND_ACCOUNT, 59, proof, 1, FIRST_ACCOUNT, 60, earlier);
        checkStatus(2, VETOED);
        equal(distributor.lastTotal(), 100);
    }

    function test_no_false_shrinking() public {
        Leaf[] memory leaves = active(60, 40);
        bytes32[] memory earlier = proofOf(leaves, 0);
        Leaf[] memory later = pair(60, 50);
        bytes32[] memory proof = proofOf(later, 0);
        propose(2, rootOf(later), 110);
        vm.expectRevert(abi.encodeWithSelector(RewardsDistributor.NotShrinking.selector, 2, 60, 1, 60));
        distributor.proveShrinking(2, FIRST, FIRST_ACCOUNT, 60, proof, 1, FIRST_ACCOUNT, 60, earlier);
        vm.expectPartialRevert(RewardsDistributor.ProofMismatch.selector);
        distributor.proveShrinking(2, FIRST, FIRST_ACCOUNT, 59, proof, 1, FIRST_ACCOUNT, 60, earlier);
        vm.expectPartialRevert(RewardsDistributor.ProofMismatch.selector);
        distributor.proveShrinking(2, FIRST, FIRST_ACCOUNT, 60, proof, 1, FIRST_ACCOUNT, 61, earlier);
        // Epoch 3 gives less than epoch 2 does, but epoch 2 is not active: it may be the wrong one.
        Leaf[] memory last = pair(60, 51);
        last[1].cumulative = 49;
        bytes32[] memory less = proofOf(last, 1);
        bytes32[] memory secondProof = proofOf(later, 1);
        propose(3, rootOf(last), 111);
        vm.expectRevert(abi.encodeWithSelector(RewardsDistributor.WrongStatus.selector, 2, PENDING));
        distributor.proveShrinking(3, SECOND, SECOND_ACCOUNT, 49, less, 2, SECOND_ACCOUNT, 50, secondProof);
        // And an earlier epoch is not shrunk from by a later one.
        vm.expectPartialRevert(RewardsDistributor.NotShrinking.selector);
        distributor.proveShrinking(1, FIRST, FIRST_ACCOUNT, 59, proof, 2, FIRST_ACCOUNT, 60, earlier);
        checkStatus(2, PENDING);
    }

    // Tokens

    function test_token_with_a_fee() public {
        FeeToken odd = new FeeToken();
        distributor = deploy(address(odd));
        odd.approve(address(distributor), 1e24);
        equal(distributor.fund(0, 1000), 900);
        equal(distributor.funded(), 900);
        propose(1, "root", 900);
        vm.expectRevert(abi.encodeWithSelector(RewardsDistributor.BondShort.selector, BOND, BOND * 9 / 10));
        distributor.dispute(1);
        checkStatus(1, PENDING);
    }

    function test_token_that_says_false() public {
        FalseToken odd = new FalseToken();
        distributor = deploy(address(odd));
        odd.approve(address(distributor), 1e24);
        distributor.fund(0, 1000);
        Leaf[] memory leaves = active(60, 40);
        bytes32[] memory proof = proofOf(leaves, 0);
        odd.refuse();
        vm.expectPartialRevert(bytes4(keccak256("SafeERC20FailedOperation(address)")));
        distributor.claim(1, FIRST, FIRST_ACCOUNT, 60, proof);
        equal(distributor.claimed(FIRST), 0);
        vm.expectPartialRevert(bytes4(keccak256("SafeERC20FailedOperation(address)")));
        distributor.fund(0, 1);
    }

    function test_token_that_returns_nothing() public {
        SilentToken odd = new SilentToken();
        distributor = deploy(address(odd));
        distributor.fund(0, 1000);
        Leaf[] memory leaves = active(60, 40);
        distributor.claim(1, FIRST, FIRST_ACCOUNT, 60, proofOf(leaves, 0));
        equal(odd.balanceOf(FIRST_ACCOUNT), 60);
    }

    /// Whom the token refuses to pay loses the bond to the pool, and the veto stands.
    function test_unpayable_disputer_does_not_hold_the_epoch() public {
        BlockingToken odd = new BlockingToken();
        distributor = deploy(address(odd));
        odd.approve(address(distributor), 1e24);
        distributor.fund(0, 1000);
        propose(1, "root", 100);
        distributor.dispute(1);
        odd.block_(address(this));
        vm.prank(GUARDIAN);
        distributor.veto(1);
        checkStatus(1, VETOED);
        equal(distributor.funded(), 1000 + BOND);
        equal(odd.balanceOf(address(distributor)), 1000 + BOND);
    }

    function test_reentry() public {
        HookToken odd = new HookToken();
        distributor = deploy(address(odd));
        odd.approve(address(distributor), 1e24);
        odd.transfer(address(odd), 500); // for calls that it makes itself
        vm.prank(address(odd));
        odd.approve(address(distributor), 500);

        // Funds counted twice, as funds and as funds; as funds and as a bond.
        odd.arm(address(distributor), abi.encodeCall(distributor.fund, (0, 100)));
        distributor.fund(0, 1000);
        reentryRefused(odd);
        equal(distributor.funded(), 1000);
        Leaf[] memory leaves = pair(60, 40);
        bytes32[] memory proof = proofOf(leaves, 0);
        propose(1, rootOf(leaves), 100);
        odd.arm(address(distributor), abi.encodeCall(distributor.dispute, (1)));
        distributor.fund(0, 100);
        reentryRefused(odd);
        odd.arm(address(distributor), abi.encodeCall(distributor.fund, (0, 100)));
        distributor.dispute(1);
        reentryRefused(odd);
        odd.arm(address(0), "");
        vm.prank(GUARDIAN);
        distributor.resolve(1, true);

        // A claim in a claim finds everything written.
        propose(2, rootOf(leaves), 100);
        wait_();
        odd.arm(address(distributor), abi.encodeCall(distributor.claim, (2, FIRST, FIRST_ACCOUNT, 60, proof)));
        distributor.claim(2, FIRST, FIRST_ACCOUNT, 60, proof);
        bytes memory refusal = abi.encodeWithSelector(RewardsDistributor.NothingDue.selector, FIRST, 60, 60);
        equal(keccak256(odd.answer()), keccak256(refusal));
        equal(odd.balanceOf(FIRST_ACCOUNT), 60);
        equal(odd.balanceOf(address(distributor)), distributor.funded() - 60);
    }

    // Helpers

    function reentryRefused(HookToken odd) private view {
        bytes memory refusal = abi.encodeWithSelector(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector);
        check(odd.called(), "called");
        equal(keccak256(odd.answer()), keccak256(refusal));
    }

    function refuse(
        bytes4 reason,
        uint64 epoch,
        bytes32 root,
        uint256 total,
        bytes32 manifest,
        uint64 logEpoch,
        bytes32 commitment
    ) private {
        vm.expectPartialRevert(reason);
        vm.prank(PROPOSER);
        distributor.propose(epoch, root, total, manifest, logEpoch, commitment);
    }

    function pair(uint256 firstProof, uint256 secondProof) private pure returns (Leaf[] memory leaves) {
        leaves = new Leaf[](2);
        leaves[0] = Leaf(FIRST, FIRST_ACCOUNT, firstProof);
        leaves[1] = Leaf(SECOND, SECOND_ACCOUNT, secondProof);
    }

    /// Proposed as epoch 1, and its window passed.
    function active(uint256 firstProof, uint256 secondProof) private returns (Leaf[] memory leaves) {
        leaves = pair(firstProof, secondProof);
        propose(1, rootOf(leaves), firstProof + secondProof);
        wait_();
    }

    function many(uint256 n) private pure returns (Leaf[] memory leaves) {
        leaves = new Leaf[](n);
        for (uint256 i = 0; i < n; i++) {
            leaves[i] = Leaf(keccak256(abi.encode(i)), address(uint160(i + 1)), i + 1);
        }
    }

    function entry(uint256 i, string memory key) private pure returns (string memory) {
        return string.concat(".abi[", vm.toString(i), "]", key);
    }

    function same(string memory a, string memory b) private pure returns (bool) {
        return keccak256(bytes(a)) == keccak256(bytes(b));
    }
}
