//! Notes: the example of C2SP signed-note, a cosigned checkpoint, and what is wrong with their neighbours.

use data_encoding::BASE64;
use mira_core::log::note::{Note, NoteSignature, PosixSeconds};
use mira_core::log::vkey::VerifierKey;
use serde_json::json;

use crate::{Scenario, flipped, key, last_signature_flipped, name, text};

/// Key and signature line of the example in C2SP signed-note.
const VKEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
const LINE: &str = concat!(
    "\u{2014} example.com/foo ",
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
);
/// A line of a key that nobody knows, and a known key of a type that is never checked.
const STRANGER: &str = "\u{2014} stranger.example/x AAAAAAA=\n";
const STRANGE_TYPE: &str = "stranger.example/x+00000000+BgEC";
/// The text of a sample checkpoint.
const CHECKPOINT: &str = "sample.example/log\n1\nbjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=\n";

pub(crate) fn scenarios() -> Vec<Scenario> {
    [known_and_unknown(), cosignatures(), spellings()].into_iter().flatten().collect()
}

fn known_and_unknown() -> Vec<Scenario> {
    let note = example();
    let plus = |line: &str| format!("{note}{line}");
    let other_id = "\u{2014} example.com/foo AAAAAAA=\n";
    vec![
        accept("signed_note_example", "the example of C2SP signed-note", &[VKEY], note.clone()),
        accept("unknown_lines_ignored", "16 lines, 15 of them unknown", &[VKEY], plus(&STRANGER.repeat(15))),
        accept("same_name_other_id", "an unknown key that shares the name", &[VKEY], plus(other_id)),
        accept("same_id_other_name", "an unknown key that shares the id", &[VKEY], plus(&LINE.replace("/foo", "/bar"))),
        accept("known_key_twice", "every line verifies; the key counts once", &[VKEY], plus(LINE)),
        accept("strange_type_ignored", "a known key of another type", &[VKEY, STRANGE_TYPE], plus(STRANGER)),
        refuse(
            "strange_type_alone",
            "a key of another type never counts",
            &[STRANGE_TYPE],
            note.replace(LINE, STRANGER),
        ),
        refuse("no_known_key", "signed by nobody the reader knows", &[&log_key()], note.clone()),
        refuse("no_keys", "the reader knows nobody", &[], note.clone()),
        refuse("text_edited", "another text", &[VKEY], note.replace("example message", "edited message")),
        refuse("known_key_twice_second_wrong", "every line must verify", &[VKEY], plus(&last_signature_flipped(LINE))),
        refuse(
            "signature_too_short",
            "three bytes of signature",
            &[VKEY],
            note.replace(LINE, "\u{2014} example.com/foo Uw2QOkn8sg==\n"),
        ),
    ]
}

fn cosignatures() -> Vec<Scenario> {
    let witness_key = VerifierKey::cosignature(name("sample.example/w"), key(2).verifying_key());
    let time = PosixSeconds::new(1_679_315_147).unwrap();
    let log = NoteSignature::sign(CHECKPOINT, &name("sample.example/log"), &key(1));
    let witness = NoteSignature::cosign(CHECKPOINT, witness_key.name(), &key(2), time);
    let both = text(Note::new(CHECKPOINT, &[log, witness]).unwrap().as_bytes());
    let blob = BASE64.decode(both.trim_end().rsplit(' ').next().unwrap().as_bytes()).unwrap();
    let with_blob = |changed: &[u8]| both.replace(&BASE64.encode(&blob), &BASE64.encode(changed));
    let mut late = blob.clone();
    late[4] |= 0x80;
    let (log_key, witness_key) = (log_key(), witness_key.to_string());
    let as_log = VerifierKey::note(name("sample.example/w"), key(2).verifying_key()).to_string();
    vec![
        accept("log_and_witness", "a signature and a cosignature", &[&log_key, &witness_key], both.clone()),
        accept("witness_alone", "only the witness is known", &[&witness_key], both.clone()),
        refuse(
            "known_key_wrong_beside_good_one",
            "one wrong known signature is enough",
            &[&log_key, &witness_key],
            last_signature_flipped(&both),
        ),
        refuse("cosigner_as_note_key", "the same key under type 01 has another id", &[&as_log], both.clone()),
        refuse("cosignature_time_changed", "the time is signed", &[&witness_key], with_blob(&flipped(&blob, 11))),
        refuse("cosignature_time_2_to_the_63", "a time out of range", &[&witness_key], with_blob(&late)),
        refuse(
            "cosignature_without_time",
            "64 bytes where 72 belong",
            &[&witness_key],
            with_blob(&[&blob[..4], &blob[12..]].concat()),
        ),
    ]
}

fn spellings() -> Vec<Scenario> {
    let note = example();
    let plus = |line: &str| format!("{note}{line}");
    let refuse = |name: &str, comment: &str, note: String| refuse(name, comment, &[VKEY], note);
    let not_utf_8 = [b"\xff", note.as_bytes()].concat();
    vec![
        refuse("dash_is_a_hyphen", "a hyphen for the em dash", note.replace('\u{2014}', "-")),
        refuse("two_spaces", "two spaces before the signature", note.replace("foo Uw", "foo  Uw")),
        refuse("trailing_space", "a space after the signature", note.replace("QM=", "QM= ")),
        refuse("no_final_newline", "the last line does not end", note.trim_end().into()),
        refuse("no_signatures", "an empty line and nothing after it", note.replace(LINE, "")),
        refuse("no_empty_line", "signatures follow the text at once", note.replace("\n\n", "\n")),
        refuse("no_text", "an empty line and no text", format!("\n{LINE}")),
        refuse("carriage_return", "CRLF", note.replace('\n', "\r\n")),
        refuse("tab_in_text", "a control character", note.replace(" is ", "\tis ")),
        refuse("line_after_signatures", "a line that is no signature", plus("more\n")),
        refuse("base64_unpadded", "base64 without its padding", note.replace("QM=", "QM")),
        refuse("base64_spare_bits", "base64 whose spare bits are not zero", note.replace("QM=", "QN=")),
        refuse("name_empty", "no name", note.replace("example.com/foo ", " ")),
        refuse("name_with_plus", "a plus in an unknown name", plus(&STRANGER.replace("/x", "+x"))),
        refuse("name_with_no_break_space", "a Unicode space in a name", plus(&STRANGER.replace("/x", "\u{a0}x"))),
        refuse("id_without_signature", "four bytes and no more", plus(&STRANGER.replace("AAAAAAA=", "AAAAAA=="))),
        refuse("signatures_129", "more lines than are read", plus(&STRANGER.repeat(128))),
        Scenario::new(
            "not_utf_8",
            false,
            "a byte that is not UTF-8",
            vec![("keys", json!([VKEY])), ("note_base64", BASE64.encode(&not_utf_8).into())],
        ),
    ]
}

fn accept(name: &str, comment: &str, keys: &[&str], note: String) -> Scenario {
    Scenario::new(name, true, comment, vec![("keys", json!(keys)), ("note", note.into())])
}

fn refuse(name: &str, comment: &str, keys: &[&str], note: String) -> Scenario {
    Scenario::new(name, false, comment, vec![("keys", json!(keys)), ("note", note.into())])
}

fn example() -> String {
    format!("This is an example message.\n\n{LINE}")
}

fn log_key() -> String {
    VerifierKey::note(name("sample.example/log"), key(1).verifying_key()).to_string()
}
