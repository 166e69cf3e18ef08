// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";

/// An ERC-20 of fixed supply, for chains that have no token to pay with yet.
///
/// It has no votes: they would add two cold reads to every claim. Whoever wants to vote wraps it (ERC20Wrapper with
/// ERC20Votes), and a distributor pays any ERC-20.
contract MiraToken is ERC20Permit {
    constructor(address initialHolder, uint256 supply) ERC20("mira", "MIRA") ERC20Permit("mira") {
        _mint(initialHolder, supply);
    }
}
