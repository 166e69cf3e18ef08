// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// Tokens that do what a distributor must survive. Each gives its maker SUPPLY.
abstract contract Minted is ERC20 {
    constructor() ERC20("test", "TEST") {
        _mint(msg.sender, 1e24);
    }
}

/// Keeps a tenth of every transfer.
contract FeeToken is Minted {
    function _update(address from, address to, uint256 value) internal override {
        if (from == address(0)) return super._update(from, to, value);
        super._update(from, address(0xfee), value / 10);
        super._update(from, to, value - value / 10);
    }
}

/// Says false instead of reverting, once it is told to.
contract FalseToken is Minted {
    bool private refusing;

    function refuse() external {
        refusing = true;
    }

    function transfer(address to, uint256 value) public override returns (bool) {
        return !refusing && super.transfer(to, value);
    }

    function transferFrom(address from, address to, uint256 value) public override returns (bool) {
        return !refusing && super.transferFrom(from, to, value);
    }
}

/// Returns nothing at all.
contract SilentToken {
    mapping(address => uint256) public balanceOf;

    constructor() {
        balanceOf[msg.sender] = 1e24;
    }

    function transfer(address to, uint256 value) external {
        move(msg.sender, to, value);
    }

    function transferFrom(address from, address to, uint256 value) external {
        move(from, to, value);
    }

    function move(address from, address to, uint256 value) private {
        balanceOf[from] -= value;
        balanceOf[to] += value;
    }
}

/// Refuses to pay whom it blocks.
contract BlockingToken is Minted {
    mapping(address => bool) private blocked;

    function block_(address who) external {
        blocked[who] = true;
    }

    function _update(address from, address to, uint256 value) internal override {
        require(!blocked[to], "blocked");
        super._update(from, to, value);
    }
}

/// Calls somebody in the middle of a transfer, as tokens with hooks do, and passes on how that went.
contract HookToken is Minted {
    address private target;
    bytes private call;
    bool public called;
    bytes public answer;

    function arm(address target_, bytes calldata call_) external {
        (target, call, called, answer) = (target_, call_, false, "");
    }

    function _update(address from, address to, uint256 value) internal override {
        super._update(from, to, value);
        if (target == address(0) || called) return;
        called = true;
        (bool ok, bytes memory data) = target.call(call);
        answer = ok ? bytes("ok") : data;
    }
}
