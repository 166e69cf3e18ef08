// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {RewardsDistributor} from "../src/RewardsDistributor.sol";
import {Fixture} from "./Fixture.sol";

/// Does to a distributor what the world might, in any order, and never what would revert. Some of its roots are wrong:
/// they promise more than their total, leave somebody out, give somebody less, or list somebody twice.
contract World is Fixture {
    uint256 private constant PEOPLE = 4;

    mapping(uint64 epoch => Leaf[]) private leavesOf;
    uint256[PEOPLE] private earned;
    uint256 private bonds;
    uint256 private gifts;

    // What the invariants are checked against.
    uint256 public paidIn;
    uint256 public paidOut;
    uint64 public proposals;
    mapping(uint64 epoch => bool) public wasActive;

    /// A world makes its own contracts.
    constructor() {
        setUp();
    }

    function fundSome(uint256 amount) external {
        amount = bound(amount, 1, 1000);
        vm.prank(FUNDER);
        paidIn += distributor.fund(bytes32(amount), amount);
    }

    function give(uint256 amount) external {
        amount = bound(amount, 1, 10);
        vm.prank(FUNDER);
        token.transfer(address(distributor), amount);
        gifts += amount;
    }

    function pass(uint256 time) external {
        vm.warp(block.timestamp + bound(time, 1 hours, 3 days));
        note();
    }

    function proposeSome(uint256 seed) external {
        uint256 n = PEOPLE + (seed % 8 == 0 ? 1 : 0);
        Leaf[] memory leaves = new Leaf[](n);
        uint256 left = distributor.funded() - distributor.lastTotal();
        for (uint256 i = 0; i < PEOPLE; i++) {
            uint256 more = left / 8 * ((seed >> (8 + i)) & 1);
            earned[i] += more;
            leaves[i] = Leaf(person(i), payoutOf(i, (seed >> (16 + i)) & 1), earned[i]);
        }
        if (n > PEOPLE) leaves[PEOPLE] = Leaf(person(0), payoutOf(0, 0), earned[0] + left);
        if (seed % 8 == 1) leaves[1].cumulative /= 2;
        if (seed % 8 == 2) leaves[2].contributorId = "somebody else";
        uint256 total = sum(leaves);
        if (seed % 8 == 3) total /= 2;
        if (total > distributor.funded()) total = distributor.funded();
        if (total < distributor.lastTotal()) total = distributor.lastTotal();
        uint64 epoch = distributor.lastEpoch() + 1;
        propose(epoch, rootOf(leaves), total);
        for (uint256 i = 0; i < n; i++) {
            leavesOf[epoch].push(leaves[i]);
        }
        proposals++;
    }

    /// Everybody who is in some epoch claims from it, in any order.
    function claimAll(uint256 seed) external {
        if (proposals == 0) return;
        uint64 epoch = 1 + uint64(seed % proposals);
        uint256 n = leavesOf[epoch].length;
        for (uint256 i = 0; i < n; i++) {
            claimOne(epoch, (i + (seed >> 64)) % n);
        }
    }

    function claimOne(uint64 epoch, uint256 i) private {
        Leaf memory leaf = leavesOf[epoch][i];
        bytes32[] memory proof = proofOf(leavesOf[epoch], i);
        uint256 before = token.balanceOf(leaf.payout);
        try distributor.claim(epoch, leaf.contributorId, leaf.payout, leaf.cumulative, proof) returns (uint256 amount) {
            check(status(epoch) == RewardsDistributor.Status.Active, "paid from an epoch that is not active");
            check(token.balanceOf(leaf.payout) == before + amount, "paid to another");
            paidOut += amount;
        } catch (bytes memory reason) {
            bytes4 selector = bytes4(reason);
            check(
                selector == RewardsDistributor.WrongStatus.selector
                    || selector == RewardsDistributor.NothingDue.selector
                    || selector == RewardsDistributor.OverTotal.selector,
                "refused for another reason"
            );
        }
    }

    function vetoSome(uint256 seed) external {
        uint64 epoch = pick(seed);
        if (seed % 4 != 0 || !open(epoch)) return;
        if (status(epoch) == RewardsDistributor.Status.Disputed) bonds -= BOND;
        vm.prank(GUARDIAN);
        distributor.veto(epoch);
    }

    function disputeSome(uint256 seed) external {
        uint64 epoch = pick(seed);
        if (seed % 4 != 0 || status(epoch) != RewardsDistributor.Status.Pending) return;
        vm.prank(FUNDER);
        distributor.dispute(epoch);
        bonds += BOND;
    }

    function answer(uint256 seed, bool upheld) external {
        uint64 epoch = pick(seed);
        if (status(epoch) != RewardsDistributor.Status.Disputed) return;
        (, uint64 deadline) = distributor.disputes(epoch);
        bonds -= BOND;
        if (block.timestamp >= deadline) return distributor.lapse(epoch);
        vm.prank(GUARDIAN);
        distributor.resolve(epoch, upheld);
        if (!upheld) paidIn += BOND;
    }

    function prove(uint256 seed) external {
        uint64 epoch = pick(seed);
        Leaf[] memory leaves = leavesOf[epoch];
        if (!open(epoch) || leaves.length == PEOPLE || leaves[0].cumulative == leaves[PEOPLE].cumulative) return;
        if (status(epoch) == RewardsDistributor.Status.Disputed) bonds -= BOND;
        distributor.proveDuplicate(
            epoch,
            person(0),
            leaves[0].payout,
            leaves[0].cumulative,
            proofOf(leaves, 0),
            leaves[PEOPLE].payout,
            leaves[PEOPLE].cumulative,
            proofOf(leaves, PEOPLE)
        );
    }

    // The invariants

    function checkAll() external view {
        uint256 balance = token.balanceOf(address(distributor));
        uint256 claimed = distributor.claimedTotal();
        check(claimed == paidOut, "claimedTotal is what was paid out");
        check(distributor.funded() == paidIn, "funded is what was paid in");
        check(balance == paidIn + bonds + gifts - paidOut, "balance");
        check(balance >= distributor.lastTotal() - claimed + bonds, "what is promised is there");
        check(distributor.lastTotal() <= distributor.funded(), "solvent");
        check(distributor.lastEpoch() == proposals, "epochs count proposals");
        uint256 most = 0;
        for (uint64 epoch = 1; epoch <= proposals; epoch++) {
            (, uint256 total,,,) = distributor.epochs(epoch);
            bool active = status(epoch) == RewardsDistributor.Status.Active;
            check(active || !wasActive[epoch], "an active epoch stays active");
            if (active && total > most) most = total;
        }
        check(claimed <= most, "no more is paid than the largest active total");
        check(most <= distributor.lastTotal(), "totals never fall");
    }

    function note() private {
        for (uint64 epoch = 1; epoch <= proposals; epoch++) {
            if (status(epoch) == RewardsDistributor.Status.Active) wasActive[epoch] = true;
        }
    }

    function pick(uint256 seed) private view returns (uint64) {
        return proposals == 0 ? 0 : uint64(proposals - (seed >> 128) % (proposals > 3 ? 3 : proposals));
    }

    function open(uint64 epoch) private view returns (bool) {
        RewardsDistributor.Status s = status(epoch);
        return s == RewardsDistributor.Status.Pending || s == RewardsDistributor.Status.Disputed;
    }

    function person(uint256 i) private pure returns (bytes32) {
        return keccak256(abi.encode("person", i));
    }

    /// Everybody has two addresses and changes between them.
    function payoutOf(uint256 i, uint256 which) private pure returns (address) {
        return address(uint160(0x1000 + 2 * i + which));
    }
}

contract InvariantsTest {
    World private world;

    function setUp() public {
        world = new World();
    }

    function targetContracts() public view returns (address[] memory list) {
        list = new address[](1);
        list[0] = address(world);
    }

    function targetSelectors() public view returns (Selectors[] memory list) {
        bytes4[] memory selectors = new bytes4[](9);
        selectors[0] = World.fundSome.selector;
        selectors[1] = World.give.selector;
        selectors[2] = World.pass.selector;
        selectors[3] = World.proposeSome.selector;
        selectors[4] = World.claimAll.selector;
        selectors[5] = World.vetoSome.selector;
        selectors[6] = World.disputeSome.selector;
        selectors[7] = World.answer.selector;
        selectors[8] = World.prove.selector;
        list = new Selectors[](1);
        list[0] = Selectors(address(world), selectors);
    }

    struct Selectors {
        address addr;
        bytes4[] selectors;
    }

    function invariant_the_distributor_keeps_its_promises() public view {
        world.checkAll();
    }
}
