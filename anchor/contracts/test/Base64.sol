// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// Padded base64 of vectors, which are well formed.
library Base64 {
    function decode(bytes memory text) internal pure returns (bytes memory data) {
        if (text.length == 0) return data;
        uint256 padding = text[text.length - 2] == "=" ? 2 : text[text.length - 1] == "=" ? 1 : 0;
        data = new bytes((text.length / 4) * 3 - padding);
        uint256 bits;
        for (uint256 i = 0; i < text.length; i++) {
            bits = (bits << 6) | digit(uint8(text[i]));
            if (i % 4 != 3) continue;
            for (uint256 j = 0; j < 3; j++) {
                uint256 to = (i / 4) * 3 + j;
                if (to < data.length) data[to] = bytes1(uint8(bits >> (16 - 8 * j)));
            }
            bits = 0;
        }
    }

    function digit(uint8 c) private pure returns (uint256) {
        if (c >= 0x41 && c <= 0x5a) return c - 0x41;
        if (c >= 0x61 && c <= 0x7a) return c - 0x61 + 26;
        if (c >= 0x30 && c <= 0x39) return c - 0x30 + 52;
        if (c == 0x2b) return 62;
        if (c == 0x2f) return 63;
        return 0; // padding
    }
}
