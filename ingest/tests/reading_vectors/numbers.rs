//! Bools and numbers of `infer-1`. Cells that must be told apart stand in columns of their own.

use crate::case::{Case, csv};

pub(crate) fn numbers() -> Vec<Case> {
    [bools(), ints(), floats(), decimals(), exponents()].into_iter().flatten().collect()
}

fn bools() -> Vec<Case> {
    vec![
        csv("bool", "these two words", "a,b\ntrue,x\n,x\nfalse,x\n")
            .reads(r#"[["a","bool"],["b","text"]]"#, &[r#"true, "x""#, r#"null, "x""#, r#"false, "x""#]),
        csv("bool_not", "in other letters, or beside a number", "a,b,c\nTrue,true,t\nfalse,1,f\n")
            .reads(r#"[["a","text"],["b","text"],["c","text"]]"#, &[r#""True", "true", "t""#, r#""false", "1", "f""#]),
    ]
}

fn ints() -> Vec<Case> {
    vec![
        csv("int_limits", "all fit i64, or all fit u64", "a,b\n-9223372036854775808,0\n9223372036854775807,18446744073709551615\n")
            .reads(r#"[["a","int"],["b","int"]]"#, &["-9223372036854775808, 0", "9223372036854775807, 18446744073709551615"]),
        csv("int_mixed", "no 64 bits hold both; the second column's are doubles", "a,b\n-1,-1\n18446744073709551615,10000000000000000000\n")
            .reads(r#"[["a",["decimal",0]],["b","float"]]"#, &["-1, -1.0", "18446744073709551615, 1e19"]),
        csv("int_beyond", "above u64, below i64, and 10^20, which is a double", "a,b,c\n18446744073709551616,-9223372036854775809,100000000000000000000\n")
            .reads(
                r#"[["a",["decimal",0]],["b",["decimal",0]],["c","float"]]"#,
                &["18446744073709551616, -9223372036854775809, 1e20"],
            ),
        csv("minus_zero", "a number and no integer", "a,b\n-0,1\n-0,-0\n")
            .reads(r#"[["a","float"],["b","float"]]"#, &["-0.0, 1.0", "-0.0, -0.0"]),
        csv("leading_zeros", "no numbers", "a,b,c,d\n007,00,-01,00.5\n").reads(
            r#"[["a","text"],["b","text"],["c","text"],["d","text"]]"#,
            &[r#""007", "00", "-01", "00.5""#],
        ),
        csv("leading_zero_later", "one is enough", "a,b\n12,1\n01,2\n")
            .reads(r#"[["a","text"],["b","int"]]"#, &[r#""12", 1"#, r#""01", 2"#]),
        csv("no_numbers", "other spellings", "a,b,c,d,e,f,g,h\n+1,.5,5.,1_000,0x1f,1e,- 1, 1\n").reads(
            r#"[["a","text"],["b","text"],["c","text"],["d","text"],["e","text"],["f","text"],["g","text"],["h","text"]]"#,
            &[r#""+1", ".5", "5.", "1_000", "0x1f", "1e", "- 1", " 1""#],
        ),
        csv("other_digits", "digits are those of ASCII", "a,b\n١,１\n")
            .reads(r#"[["a","text"],["b","text"]]"#, &[r#""١", "１""#]),
    ]
}

fn floats() -> Vec<Case> {
    vec![
        csv("float", "with an int beside it", "a,b\n1,0.1\n1.5,-2\n")
            .reads(r#"[["a","float"],["b","float"]]"#, &["1.0, 0.1", "1.5, -2.0"]),
        csv("float_zeros", "equal as numbers, whatever zeros there are", "a,b\n1.50,1.0\n2.00,0.000\n")
            .reads(r#"[["a","float"],["b","float"]]"#, &["1.5, 1.0", "2.0, 0.0"]),
        csv(
            "float_17_digits",
            "the shortest decimal of a double, and one more or other digit",
            "a,b,c\n0.30000000000000004,0.10000000000000001,0.30000000000000003\n",
        )
        .reads(
            r#"[["a","float"],["b",["decimal",17]],["c",["decimal",17]]]"#,
            &["0.30000000000000004, 0.10000000000000001, 0.30000000000000003"],
        ),
        csv("float_2_to_the_53", "the next integer is no double", "a,b\n9007199254740992,9007199254740993\n0.5,0.5\n")
            .reads(r#"[["a","float"],["b",["decimal",1]]]"#, &["9007199254740992.0, 9007199254740993.0", "0.5, 0.5"]),
        csv("float_limits", "the least and the greatest", "a,b\n5e-324,1.7976931348623157e308\n")
            .reads(r#"[["a","float"],["b","float"]]"#, &["5e-324, 1.7976931348623157e308"]),
        csv(
            "float_beyond",
            "below half the least, and infinities",
            "a,b,c,d\n4e-324,1.7976931348623159e308,1e400,1e-400\n",
        )
        .reads(
            r#"[["a","text"],["b","text"],["c","text"],["d","text"]]"#,
            &[r#""4e-324", "1.7976931348623159e308", "1e400", "1e-400""#],
        ),
        csv("float_names", "what is not finite is text", "a,b\nNaN,Infinity\n1,2\n")
            .reads(r#"[["a","text"],["b","text"]]"#, &[r#""NaN", "Infinity""#, r#""1", "2""#]),
    ]
}

fn decimals() -> Vec<Case> {
    vec![
        csv("decimal_38_digits", "the most, in whole numbers, fractions, and both", "a,b,c\n99999999999999999999999999999999999999,0.12345678901234567890123456789012345678,12345678901234567890.123456789012345678\n")
            .reads(
                r#"[["a",["decimal",0]],["b",["decimal",38]],["c",["decimal",18]]]"#,
                &["99999999999999999999999999999999999999, 0.12345678901234567890123456789012345678, 12345678901234567890.123456789012345678"],
            ),
        csv("decimal_39_digits", "too many", "a,b,c\n999999999999999999999999999999999999999,0.123456789012345678901234567890123456789,123456789012345678901.123456789012345678\n")
            .reads(
                r#"[["a","text"],["b","text"],["c","text"]]"#,
                &[r#""999999999999999999999999999999999999999", "0.123456789012345678901234567890123456789", "123456789012345678901.123456789012345678""#],
            ),
        csv("decimal_39_digits_of_two", "most whole and most fraction digits add up", "a,b\n99999999999999999999999999999999999999,1\n0.1,0.12345678901234567890123456789012345678\n")
            .reads(
                r#"[["a","text"],["b","text"]]"#,
                &[r#""99999999999999999999999999999999999999", "1""#, r#""0.1", "0.12345678901234567890123456789012345678""#],
            ),
        csv("decimal_scale", "fraction digits that are written, zeros too", "a,b\n18446744073709551617,0.10000000000000001\n1.50,1.00000000000000000000\n")
            .reads(
                r#"[["a",["decimal",2]],["b",["decimal",20]]]"#,
                &["18446744073709551617.00, 0.10000000000000001000", "1.50, 1.00000000000000000000"],
            ),
        csv("decimal_zeros_count", "1 and 38 zeros are 39 digits", "a,b\n0.10000000000000001,1\n1.00000000000000000000000000000000000000,2\n")
            .reads(
                r#"[["a","text"],["b","int"]]"#,
                &[r#""0.10000000000000001", 1"#, r#""1.00000000000000000000000000000000000000", 2"#],
            ),
        csv("decimal_minus_zero", "a decimal has no such value", "a,b\n-0,1\n-0.00,2\n0.10000000000000001,3\n").reads(
            r#"[["a",["decimal",17]],["b","int"]]"#,
            &["0.00000000000000000, 1", "0.00000000000000000, 2", "0.10000000000000001, 3"],
        ),
    ]
}

fn exponents() -> Vec<Case> {
    vec![
        csv("exponent", "floats, even of whole numbers", "a,b,c,d\n1e5,1E+05,1e-3,-2.5E-1\n").reads(
            r#"[["a","float"],["b","float"],["c","float"],["d","float"]]"#,
            &["100000.0, 100000.0, 0.001, -0.25"],
        ),
        csv("exponent_zero", "zero is zero", "a,b,c\n0e400,-0e-400,0e-99999999999999999999\n")
            .reads(r#"[["a","float"],["b","float"],["c","float"]]"#, &["0.0, -0.0, 0.0"]),
        csv("exponent_long", "of any length", "a,b\n1e99999999999999999999,1e-99999999999999999999\n")
            .reads(r#"[["a","text"],["b","text"]]"#, &[r#""1e99999999999999999999", "1e-99999999999999999999""#]),
        csv(
            "exponent_decimal",
            "digits are counted after it",
            "a,b,c\n1e-3,1.50e1,1.5e3\n123456789012345678.25,18446744073709551617,18446744073709551617\n",
        )
        .reads(
            r#"[["a",["decimal",3]],["b",["decimal",1]],["c",["decimal",0]]]"#,
            &["0.001, 15.0, 1500", "123456789012345678.250, 18446744073709551617.0, 18446744073709551617"],
        ),
        csv(
            "exponent_37",
            "a zero for each of its places",
            "a,b\n1e37,1e38\n18446744073709551617,18446744073709551617\n",
        )
        .reads(
            r#"[["a",["decimal",0]],["b","text"]]"#,
            &[r#"10000000000000000000000000000000000000, "1e38""#, r#"18446744073709551617, "18446744073709551617""#],
        ),
    ]
}
