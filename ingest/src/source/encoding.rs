//! Character encodings: told or guessed, and decoded into UTF-8 as a stream.
//!
//! A byte order mark tells UTF-8 and UTF-16. Without one, bytes that are UTF-8 at the start of a file make the whole file
//! UTF-8: bytes further on that are not are errors. Zero bytes on every other place are UTF-16. Anything else is guessed
//! from the start of the file, where a guess is allowed and the statistics are clear; who guesses says so.
//!
//! Decoding is exact or it fails: no U+FFFD stands in for bytes that mean nothing. The five bytes that windows-1252 leaves
//! undefined, and their like in its relatives, are such bytes, although the WHATWG's tables make control characters of
//! them. ISO-8859-1 is what its name says, every byte the character of that number, and not another name of windows-1252.

use std::fmt;
use std::io::{self, Read};
use std::str::FromStr;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{BIG5, Decoder, DecoderResult, UTF_8, UTF_16BE, UTF_16LE};

use super::error::Problem;
use super::packing::Refused;

/// A character encoding of a text file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Encoding(Kind);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Ascii,
    Latin1,
    /// UTF-16 whose byte order its mark tells; little-endian if there is none.
    Utf16,
    Other(&'static encoding_rs::Encoding),
}

/// A name that is no encoding.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is not an encoding that is read here")]
pub struct EncodingError {
    /// The name as given.
    pub found: String,
}

/// How an encoding came to be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    Told,
    Guessed,
}

/// How much of a file is looked at.
pub(crate) const SAMPLE: usize = 64 << 10;

const BUFFER: usize = 64 << 10;

impl Encoding {
    /// What nearly all files are in.
    pub const UTF_8: Self = Self(Kind::Other(UTF_8));

    /// The name in lower case, as [`FromStr`] takes it.
    pub fn name(self) -> String {
        match self.0 {
            Kind::Ascii => "us-ascii".to_owned(),
            Kind::Latin1 => "iso-8859-1".to_owned(),
            Kind::Utf16 => "utf-16".to_owned(),
            Kind::Other(encoding) => encoding.name().to_ascii_lowercase(),
        }
    }

    pub(crate) fn is_utf8(self) -> bool {
        self == Self::UTF_8
    }

    /// This encoding for a file that starts with `head`: marks must not say another one.
    pub(crate) fn settled(self, head: &[u8]) -> Result<Self, Problem> {
        let marked = marked(head)?;
        match (self.0, marked) {
            (Kind::Utf16, Some(Self(Kind::Other(marked)))) if marked == UTF_16LE || marked == UTF_16BE => {
                Ok(Self(Kind::Other(marked)))
            }
            (Kind::Utf16, None) => Ok(Self(Kind::Other(UTF_16LE))),
            (_, Some(marked)) if marked != self => Err(Problem::Mark { marked: marked.name(), encoding: self.name() }),
            _ => Ok(self),
        }
    }

    /// What a file is in that starts with `head`, which is all of it if `is_whole`.
    pub(crate) fn detect(head: &[u8], is_whole: bool, may_guess: bool) -> Result<(Self, Known), Problem> {
        if let Some(marked) = marked(head)? {
            return Ok((marked, Known::Told));
        }
        if let Some(unmarked) = unmarked(head)? {
            return Ok((unmarked, Known::Guessed));
        }
        if !may_guess || is_mostly_utf8(head, is_whole) {
            return Ok((Self::UTF_8, Known::Told));
        }
        match Self::guess(head, is_whole) {
            Some(guess) => Ok((guess, Known::Guessed)),
            None => Ok((Self::UTF_8, Known::Told)),
        }
    }

    /// The encoding that bytes which are not UTF-8 are likely in, if there is one that they are likely in.
    pub(crate) fn guess(bytes: &[u8], is_whole: bool) -> Option<Self> {
        let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
        detector.feed(bytes, is_whole);
        let guess = Self(Kind::Other(detector.guess(None, Utf8Detection::Deny)));
        // A character that the end of the sample cuts in two says nothing against the guess.
        let longest_cut = if is_whole { 0 } else { 3.min(bytes.len()) };
        let sample = |cut| bytes.get(..bytes.len() - cut).unwrap_or_default();
        let text = (0..=longest_cut).find_map(|cut| {
            let mut text = String::new();
            Decoded::new(sample(cut), guess).read_to_string(&mut text).is_ok().then_some(text)
        });
        let is_likely = text.is_some_and(|text| reads_like_words(&text)) && !guess.may_be_pairs(bytes);
        is_likely.then_some(guess)
    }

    /// Whether bytes that were taken for letters beyond Latin could as well be Big5, in which ideographs are pairs of
    /// bytes: then a guess would be a matter of luck. In text that is not Big5, hardly ever do all bytes pair.
    fn may_be_pairs(self, bytes: &[u8]) -> bool {
        const BEYOND_LATIN: [&str; 11] = [
            "windows-874",
            "windows-1251",
            "windows-1253",
            "windows-1255",
            "windows-1256",
            "iso-8859-5",
            "iso-8859-6",
            "iso-8859-7",
            "iso-8859-8",
            "koi8-u",
            "ibm866",
        ];
        BEYOND_LATIN.contains(&self.to_string().as_str()) && !BIG5.decode_without_bom_handling(bytes).1
    }

    fn decoder(self) -> Form {
        match self.0 {
            Kind::Ascii => Form::Ascii,
            Kind::Latin1 => Form::Latin1,
            Kind::Utf16 => Form::Other(Box::new(UTF_16LE.new_decoder_with_bom_removal())),
            Kind::Other(encoding) => Form::Other(Box::new(encoding.new_decoder_with_bom_removal())),
        }
    }

    /// Whether control characters U+0080 to U+009F are what the WHATWG makes of bytes without a meaning.
    fn has_gaps(self) -> bool {
        matches!(self.0, Kind::Other(encoding) if encoding.is_single_byte() && encoding.name().starts_with("windows-"))
    }
}

/// The encoding that a byte order mark tells.
fn marked(head: &[u8]) -> Result<Option<Encoding>, Problem> {
    match head {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => Err(Problem::Unread { encoding: "UTF-32" }),
        [0xff, 0xfe, ..] => Ok(Some(Encoding(Kind::Other(UTF_16LE)))),
        [0xfe, 0xff, ..] => Ok(Some(Encoding(Kind::Other(UTF_16BE)))),
        [0xef, 0xbb, 0xbf, ..] => Ok(Some(Encoding::UTF_8)),
        _ => Ok(None),
    }
}

/// UTF-16 without a mark: in half of all units or more one byte is zero, and always the same one of the two.
fn unmarked(head: &[u8]) -> Result<Option<Encoding>, Problem> {
    let (units, _) = head.as_chunks::<2>();
    let zeros = |at: usize| units.iter().filter(|unit| unit.get(at) == Some(&0)).count();
    let (first, second) = (zeros(0), zeros(1));
    if is_utf_32(head) {
        return Err(Problem::Unread { encoding: "UTF-32" });
    }
    let encoding = match (first, second) {
        (0, zeros) if zeros > 0 && zeros * 2 >= units.len() => UTF_16LE,
        (zeros, 0) if zeros > 0 && zeros * 2 >= units.len() => UTF_16BE,
        _ => return Ok(None),
    };
    Ok(Some(Encoding(Kind::Other(encoding))))
}

/// Whether most units of four bytes are a character below U+10000, which leaves the same two bytes empty in each.
fn is_utf_32(head: &[u8]) -> bool {
    let (units, _) = head.as_chunks::<4>();
    let most = |is: fn(&[u8; 4]) -> bool| units.iter().filter(|unit| is(unit)).count() * 10 > units.len() * 9;
    most(|&[a, b, c, d]| (a, b) != (0, 0) && (c, d) == (0, 0))
        || most(|&[a, b, c, d]| (a, b) == (0, 0) && (c, d) != (0, 0))
}

/// Whether bytes are UTF-8, or UTF-8 with some damage rather than another encoding: in others hardly ever do two bytes
/// beyond ASCII go together as they do in UTF-8, and in UTF-8 they always do.
fn is_mostly_utf8(bytes: &[u8], is_whole: bool) -> bool {
    let (mut good, mut bad) = (0_usize, 0_usize);
    let mut chunks = bytes.utf8_chunks().peekable();
    while let Some(chunk) = chunks.next() {
        good += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        // The sample may end inside of a character.
        let is_cut = chunks.peek().is_none() && !is_whole;
        bad += usize::from(!chunk.invalid().is_empty() && !is_cut);
    }
    bad == 0 || good >= bad
}

/// Whether most characters beyond ASCII are letters, and at least one of them is in a word: a Latin one beside a letter of
/// ASCII, any other beside a letter. The detector always answers, and its answer to bytes that are no text is noise.
fn reads_like_words(text: &str) -> bool {
    let is_latin = |c: char| c < '\u{250}';
    let joins = |c: char, other: char| if is_latin(c) { other.is_ascii_alphabetic() } else { other.is_alphabetic() };
    let (mut letters, mut others, mut in_words) = (0_usize, 0_usize, 0_usize);
    let mut chars = text.chars().peekable();
    let mut before = None;
    while let Some(c) = chars.next() {
        if !c.is_ascii() && c.is_alphabetic() {
            letters += 1;
            in_words += usize::from([before, chars.peek().copied()].into_iter().flatten().any(|other| joins(c, other)));
        } else if !c.is_ascii() {
            others += 1;
        }
        before = Some(c);
    }
    in_words > 0 && letters >= others
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

/// Takes every label of the WHATWG's Encoding Standard. Those of ASCII and of ISO-8859-1, which stand for windows-1252
/// there, stand for themselves here.
impl FromStr for Encoding {
    type Err = EncodingError;

    fn from_str(text: &str) -> Result<Self, EncodingError> {
        let label = text.trim().to_ascii_lowercase();
        let failed = || EncodingError { found: text.to_owned() };
        let kind = match label.as_str() {
            "ascii" | "us-ascii" | "ansi_x3.4-1968" => Kind::Ascii,
            "utf-16" | "utf16" => Kind::Utf16,
            "latin-1" | "latin1" | "l1" | "cp819" | "ibm819" | "csisolatin1" | "iso-8859-1" | "iso-ir-100"
            | "iso8859-1" | "iso88591" | "iso_8859-1" | "iso_8859-1:1987" => Kind::Latin1,
            label => {
                let encoding = encoding_rs::Encoding::for_label(label.as_bytes()).ok_or_else(failed)?;
                if encoding == encoding_rs::REPLACEMENT || encoding == encoding_rs::X_USER_DEFINED {
                    return Err(failed());
                }
                Kind::Other(encoding)
            }
        };
        Ok(Self(kind))
    }
}

enum Form {
    Ascii,
    Latin1,
    Other(Box<Decoder>),
}

/// A text in some encoding, read as UTF-8.
pub(crate) struct Decoded<R> {
    inner: R,
    encoding: Encoding,
    form: Form,
    raw: Vec<u8>,
    /// How many bytes came before `raw`.
    offset: u64,
    /// What has been decoded, and how much of it was handed out.
    text: Vec<u8>,
    given: usize,
    /// What stopped the decoding; said once the text before it is handed out.
    stopped: Option<Problem>,
    ended: bool,
}

impl<R: Read> Decoded<R> {
    pub(crate) fn new(inner: R, encoding: Encoding) -> Self {
        let (raw, text) = (Vec::new(), Vec::new());
        let (offset, given, stopped, ended) = (0, 0, None, false);
        Self { inner, encoding, form: encoding.decoder(), raw, offset, text, given, stopped, ended }
    }

    pub(crate) fn inner(&self) -> &R {
        &self.inner
    }

    /// Reads and decodes some more.
    fn refill(&mut self) -> io::Result<()> {
        self.text.clear();
        self.given = 0;
        self.raw.clear();
        self.ended = self.inner.by_ref().take(BUFFER as u64).read_to_end(&mut self.raw)? < BUFFER;
        let malformed = self.decode();
        let gap = self.gap();
        let at = match (malformed, gap) {
            (Some(malformed), Some(gap)) => Some(malformed.min(gap)),
            (malformed, gap) => malformed.or(gap),
        };
        if let Some(at) = at {
            self.stopped = Some(Problem::Malformed { encoding: self.encoding.name(), byte: at });
        }
        self.offset += self.raw.len() as u64;
        Ok(())
    }

    /// Decodes `raw` into `text`, up to the first byte that means nothing, whose place in the input is returned.
    fn decode(&mut self) -> Option<u64> {
        match &mut self.form {
            Form::Ascii => {
                let good = self.raw.iter().position(|byte| !byte.is_ascii());
                self.text.extend_from_slice(self.raw.get(..good.unwrap_or(self.raw.len())).unwrap_or_default());
                good.map(|good| self.offset + good as u64)
            }
            Form::Latin1 => {
                self.text.resize(self.raw.len() * 2, 0);
                let written = encoding_rs::mem::convert_latin1_to_utf8(&self.raw, &mut self.text);
                self.text.truncate(written);
                None
            }
            Form::Other(decoder) => {
                let room = decoder.max_utf8_buffer_length_without_replacement(self.raw.len());
                self.text.resize(room.unwrap_or(self.raw.len().saturating_mul(4)), 0);
                let (result, read, written) =
                    decoder.decode_to_utf8_without_replacement(&self.raw, &mut self.text, self.ended);
                self.text.truncate(written);
                match result {
                    DecoderResult::InputEmpty | DecoderResult::OutputFull => None,
                    DecoderResult::Malformed(bad, after) => {
                        // A sequence may have begun in the bytes before.
                        let end = self.offset + read as u64;
                        Some(end.saturating_sub(u64::from(bad) + u64::from(after)))
                    }
                }
            }
        }
    }

    /// The first byte that was decoded to a control character only because it has no meaning; the text ends before it.
    fn gap(&mut self) -> Option<u64> {
        if !self.encoding.has_gaps() {
            return None;
        }
        let is_control = |at: &usize| matches!(self.text.get(at + 1), Some(0x80..=0x9f));
        let at = memchr::memchr_iter(0xc2, &self.text).find(is_control)?;
        self.text.truncate(at);
        // One byte is one character.
        let chars = std::str::from_utf8(&self.text).map_or(0, |text| text.chars().count());
        Some(self.offset + chars as u64)
    }
}

impl<R: Read> Read for Decoded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let ready = self.text.get(self.given..).unwrap_or_default();
            if !ready.is_empty() || buffer.is_empty() {
                let len = ready.len().min(buffer.len());
                if let (Some(to), Some(from)) = (buffer.get_mut(..len), ready.get(..len)) {
                    to.copy_from_slice(from);
                }
                self.given += len;
                return Ok(len);
            }
            if let Some(problem) = self.stopped.clone() {
                return Err(Refused::error(problem));
            }
            if self.ended {
                return Ok(0);
            }
            self.refill()?;
        }
    }
}

impl<R: fmt::Debug> fmt::Debug for Decoded<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoded").field("inner", &self.inner).field("encoding", &self.encoding).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoding(label: &str) -> Encoding {
        label.parse().unwrap()
    }

    fn decode(label: &str, bytes: &[u8]) -> Result<String, String> {
        let mut text = String::new();
        let read = Decoded::new(bytes, encoding(label)).read_to_string(&mut text);
        read.map(|_| text).map_err(|error| error.to_string())
    }

    fn detect(bytes: &[u8]) -> Result<String, Problem> {
        Encoding::detect(bytes, true, true).map(|(encoding, _)| encoding.name())
    }

    fn utf16(text: &str, to: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(to).collect()
    }

    /// What every other encoding makes of a text that it has all characters of.
    fn encode(label: &str, text: &str) -> Option<Vec<u8>> {
        match encoding(label).0 {
            Kind::Ascii => text.is_ascii().then(|| text.as_bytes().to_vec()),
            Kind::Latin1 => text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect(),
            Kind::Other(other) if other == UTF_16LE => Some(utf16(text, u16::to_le_bytes)),
            Kind::Other(other) if other == UTF_16BE => Some(utf16(text, u16::to_be_bytes)),
            Kind::Utf16 => Some([&b"\xfe\xff"[..], &utf16(text, u16::to_be_bytes)].concat()),
            Kind::Other(other) => {
                let (bytes, _, lost) = other.encode(text);
                (!lost).then(|| bytes.into_owned())
            }
        }
    }

    const LABELS: &[&str] = &[
        "ascii",
        "latin1",
        "utf-16le",
        "utf-16be",
        "utf-8",
        "windows-1250",
        "windows-1251",
        "windows-1252",
        "windows-1253",
        "windows-1254",
        "windows-1257",
        "iso-8859-2",
        "iso-8859-15",
        "koi8-r",
        "macintosh",
        "ibm866",
        "big5",
        "shift_jis",
        "euc-jp",
        "iso-2022-jp",
        "euc-kr",
        "gbk",
        "gb18030",
    ];

    #[test]
    fn names_are_labels() {
        for label in LABELS {
            assert_eq!(encoding(&encoding(label).name()), encoding(label), "{label}");
        }
        assert_eq!(encoding("ISO-8859-1").name(), "iso-8859-1");
        assert_eq!(encoding("cp1252").name(), "windows-1252");
        for label in ["utf-32", "utf-7", "replacement", "x-user-defined", "", "klingon"] {
            assert!(label.parse::<Encoding>().is_err(), "{label}");
        }
    }

    #[test]
    fn marks_and_zero_bytes_tell() {
        assert_eq!(detect(b"\xef\xbb\xbfa").as_deref(), Ok("utf-8"));
        assert_eq!(detect(b"\xff\xfea\0").as_deref(), Ok("utf-16le"));
        assert_eq!(detect(b"\xfe\xff\0a").as_deref(), Ok("utf-16be"));
        assert_eq!(detect(&utf16("naïve,日本\n1,2\n", u16::to_le_bytes)).as_deref(), Ok("utf-16le"));
        assert_eq!(detect(&utf16("naïve,日本\n1,2\n", u16::to_be_bytes)).as_deref(), Ok("utf-16be"));
        // Big5 of which a detector makes Thai.
        let table =
            "id,\u{540d}\n".to_owned() + &(0..10).map(|i| format!("{i},\u{4e2d}\u{6587}{i}\n")).collect::<String>();
        let (bytes, ..) = BIG5.encode(&table);
        assert_ne!(Encoding::guess(&bytes, true).map(|guess| guess.to_string()), Some("windows-874".to_owned()));
        assert_eq!(detect(b"\xff\xfe\0\0a\0\0\0"), Err(Problem::Unread { encoding: "UTF-32" }));
        assert_eq!(detect(b"\0\0\xfe\xff\0\0\0a"), Err(Problem::Unread { encoding: "UTF-32" }));
        assert_eq!(detect(b"a\0\0\0,\0\0\0b\0\0\0"), Err(Problem::Unread { encoding: "UTF-32" }));
        assert_eq!(detect(b"\0\0\0a\0\0\0,\0\0\0b"), Err(Problem::Unread { encoding: "UTF-32" }));
        assert_eq!(detect(b"").as_deref(), Ok("utf-8"));
        assert_eq!(detect(b"a\0b,c,d,e\n").as_deref(), Ok("utf-8"), "one zero is no UTF-16");
    }

    #[test]
    fn what_is_not_utf8_is_guessed_where_it_is_clear() {
        let french = "nom,ville\nÉléonore,Orléans\nFrançois,Besançon\n";
        let russian = "имя,город\nАнна,Москва\nПётр,Казань\n";
        let chinese = "姓名,城市\n王小明,臺北市\n陳美麗,高雄市\n張志強,臺中市\n林淑芬,臺南市\n";
        for (label, text) in
            [("windows-1252", french), ("windows-1251", russian), ("koi8-u", russian), ("big5", chinese)]
        {
            assert_eq!(detect(&encode(label, text).unwrap()).as_deref(), Ok(label));
        }
        assert_eq!(detect(french.as_bytes()).as_deref(), Ok("utf-8"));
        // One character of many is damaged: the text is UTF-8 all the same, and reading it will fail.
        let damaged = [french.as_bytes(), b"Zo\xeb,Paris\n"].concat();
        assert_eq!(detect(&damaged).as_deref(), Ok("utf-8"));
        assert_eq!(detect(b"a,b\nx,1\n\xff,2\n").as_deref(), Ok("utf-8"), "too little to go by");
        assert_eq!(detect(b"a,b\nx,\xed\xa0\x80\n").as_deref(), Ok("utf-8"), "half of a surrogate pair");
    }

    #[test]
    fn a_sample_may_end_inside_of_a_character() {
        let text = "姓名,城市\n王小明,臺北市\n陳美麗,高雄市\n".repeat(20);
        let bytes = encode("big5", &text).unwrap();
        let cut = bytes.get(..bytes.len() - 2).unwrap();
        assert_eq!(Encoding::detect(cut, false, true).unwrap().0.name(), "big5");
        let cut = text.as_bytes().get(..text.len() - 2).unwrap();
        assert_eq!(Encoding::detect(cut, false, true).unwrap(), (Encoding::UTF_8, Known::Told));
    }

    #[test]
    fn bytes_without_a_meaning_are_errors_that_name_them() {
        for (label, bytes, byte) in [
            ("windows-1252", &b"a\x80\x81"[..], 2),
            ("windows-1252", b"\x8d", 0),
            ("windows-1253", b"\xe1\xd2", 1),
            ("ascii", b"ab\xe9", 2),
            ("utf-16le", b"a\0\0\xd8b\0", 2),
            ("utf-16le", b"a\0b", 2),
            ("utf-16be", b"\xdc\0", 0),
            ("big5", b"a\xa4", 1),
            ("big5", b"\x80", 0),
            ("shift_jis", b"ok\xff", 2),
            ("gb18030", b"\x81\x30\x81", 0),
        ] {
            let expected = Problem::Malformed { encoding: encoding(label).name(), byte }.to_string();
            assert_eq!(decode(label, bytes), Err(expected), "{label} {bytes:?}");
        }
        assert_eq!(decode("latin1", b"\x80\x81\xff").as_deref(), Ok("\u{80}\u{81}ÿ"));
        assert_eq!(decode("windows-1252", b"\x80\xff").as_deref(), Ok("€ÿ"));
        let long = [vec![b'x'; BUFFER - 1], vec![0xe9, 0x81]].concat();
        let failed = decode("windows-1252", &long).unwrap_err();
        assert!(failed.contains(&format!("byte {BUFFER} ")), "{failed}");
    }

    #[test]
    fn a_mark_must_not_say_something_else() {
        let settled = |label: &str, head: &[u8]| encoding(label).settled(head).map(Encoding::name);
        assert_eq!(settled("utf-16", b"\xfe\xff\0a").as_deref(), Ok("utf-16be"));
        assert_eq!(settled("utf-16", b"a\0").as_deref(), Ok("utf-16le"));
        assert_eq!(settled("utf-16be", b"\xfe\xff\0a").as_deref(), Ok("utf-16be"));
        for (label, head) in
            [("windows-1252", &b"\xef\xbb\xbfa"[..]), ("utf-16le", b"\xfe\xff\0a"), ("utf-16", b"\xef\xbb\xbf")]
        {
            assert!(matches!(settled(label, head), Err(Problem::Mark { .. })), "{label}");
        }
        assert_eq!(decode("utf-16", &encode("utf-16le", "\u{feff}a").unwrap()).as_deref(), Ok("a"));
    }

    proptest! {
        #[test]
        fn decoding_takes_back_encoding(
            label in proptest::sample::select(LABELS),
            ascii in "[ -~\n]{0,40}",
            text in "\\PC{0,40}",
            latin in "[ -~¡-ÿ]{0,40}",
            cyrillic in "[ -~а-яА-Я]{0,40}",
            han in "[a-z一-龥ぁ-ん가-힣]{0,40}",
        ) {
            for text in [ascii, text, latin, cyrillic, han] {
                // Japanese encodings write these as characters that they do not come back as.
                if text.contains(['¥', '‾', '−', '\u{feff}']) || (label.starts_with("iso-2022") && text.contains(['\u{e}', '\u{f}', '\u{1b}'])) {
                    continue;
                }
                if let Some(bytes) = encode(label, &text) {
                    prop_assert_eq!(decode(label, &bytes), Ok(text));
                }
            }
        }

        #[test]
        fn decoding_never_invents(label in proptest::sample::select(LABELS), bytes: Vec<u8>) {
            if let Ok(text) = decode(label, &bytes) {
                let has_one = text.contains(char::REPLACEMENT_CHARACTER);
                prop_assert!(!has_one || label.starts_with("utf") || label == "gb18030");
            }
        }
    }
}
