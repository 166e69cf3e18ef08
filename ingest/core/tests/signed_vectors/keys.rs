//! Keys and signatures at the edges of the strict rule (`FORMAT.md`, section 8). The points of small order are all eight;
//! the signatures with such an R were made for the sample key, and verify where only the equation is looked at.

use crate::Scenario;

/// Of seed 01…01, which everybody knows.
const KEY: &str = "8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c";
const SIGNATURE: &str = "aafb972bca108b8b40c080fc423899ad9b2a47f9165e78c169c7f1aa5a36413de499487a94fc1034e187da6ca55360402b6f47081eb66aa1738028ab9361c509";
const S_PLUS_L: &str = "aafb972bca108b8b40c080fc423899ad9b2a47f9165e78c169c7f1aa5a36413dd16d3ed7ae5f238cb724d20f844d3f552b6f47081eb66aa1738028ab9361c519";
const R_IDENTITY: &str = "01000000000000000000000000000000000000000000000000000000000000009e76d25f188d971deca78d7b8ffe488fb918870c339294949102f68823617604";
const R_IDENTITY_UNREDUCED: &str = "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f7f27ee0c6636ba654a1828eb8c5a701a6701e7c01487197669bfc724aac88800";
const R_IDENTITY_WITH_SIGN: &str = "0100000000000000000000000000000000000000000000000000000000000080a5fd8c4bb48ad97763487141e0a168374aa0b4447e9bf2c6cb49307080425700";

pub(crate) fn scenarios() -> Vec<Scenario> {
    let identity = format!("01{}", "0".repeat(62));
    // R is the identity and S is 0: under a key of small order it verifies for one message in eight, or for every one.
    let nothing = format!("{identity}{}", "0".repeat(64));
    let key = |name, comment, key: &str| case(name, false, comment, key, &nothing);
    let sig = |name, comment, signature: &str| case(name, false, comment, KEY, signature);
    let (first, last) = SIGNATURE.split_at(126);
    vec![
        case("sound", true, "a key, a message and its signature", KEY, SIGNATURE),
        sig(
            "signature_flipped",
            "one bit of S is another",
            &format!("{first}{}", if last == "09" { "08" } else { "09" }),
        ),
        sig("s_plus_l", "S is not reduced: the order of the group was added", S_PLUS_L),
        sig("r_identity", "R is the identity, and the equation holds", R_IDENTITY),
        sig("r_identity_unreduced", "R is the identity with y + p, and the equation holds", R_IDENTITY_UNREDUCED),
        sig(
            "r_identity_with_sign",
            "R is the identity with the sign of x = 0 set, and the equation holds",
            R_IDENTITY_WITH_SIGN,
        ),
        key("key_of_order_1", "the identity", &identity),
        key("key_of_order_2", "y = -1", &format!("ec{}7f", "f".repeat(60))),
        key("key_of_order_4", "y = 0", &"0".repeat(64)),
        key("key_of_order_4_with_sign", "y = 0, the other x", &format!("{}80", "0".repeat(62))),
        key("key_of_order_8", "a point of order 8", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
        key(
            "key_of_order_8_with_sign",
            "its negative",
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        ),
        key("key_of_order_8_other", "another", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
        key(
            "key_of_order_8_other_with_sign",
            "its negative",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        ),
        key("key_unreduced", "y = 3 + p, the other spelling of y = 3", &format!("f0{}7f", "f".repeat(60))),
        key("key_identity_with_sign", "the identity with the sign of x = 0 set", &format!("01{}80", "0".repeat(60))),
        key("key_no_point", "y = 2 is on no point", &format!("02{}", "0".repeat(62))),
    ]
}

fn case(name: &str, accept: bool, comment: &str, key: &str, signature: &str) -> Scenario {
    let input = vec![("key", key.into()), ("message", "sample".into()), ("signature", signature.into())];
    Scenario::new(name, accept, comment, input)
}
