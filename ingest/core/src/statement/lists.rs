//! Long lists in files of their own: the inputs of a statement, and the files of a model.

use super::inputs::{Input, Inputs, Listed};
use super::subject::{ModelFiles, model_list};
use super::values::Positive;
use crate::cbor::{self, CborError, Reader};
use crate::digest::Digest;
use crate::field::Field as _;
use crate::field::cbor::Form;
use crate::json::{FieldError, Node};
use crate::name::NameError;

/// In the file of inputs, digests are byte strings.
const INPUT: Form = Form(&["sha256", "statement"]);

/// Why bytes are not the list that a statement names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    /// The list stands in the statement.
    #[error("the statement names no file: its list is inline")]
    Inline,
    /// Other bytes than those that were meant.
    #[error("the list's SHA-256 is {found}, not {expected}")]
    Digest {
        /// The digest in the statement.
        expected: Digest,
        /// The digest of the bytes.
        found: Digest,
    },
    /// Another number of items.
    #[error("the list has {found} items, not {expected}")]
    Count {
        /// The number in the statement.
        expected: u64,
        /// The number of items.
        found: u64,
    },
    /// Not deterministic CBOR of that shape.
    #[error("the list is not deterministic CBOR")]
    Cbor(#[from] CborError),
    /// An item is no input.
    #[error("item {index} of the list is no input")]
    Input {
        /// Which item, counted from 0.
        index: usize,
        /// What is wrong with it.
        #[source]
        source: FieldError,
    },
    /// An item's path is no path of a model's file.
    #[error("item {index} of the list is no file of a model")]
    Path {
        /// Which item, counted from 0.
        index: usize,
        /// What is wrong with it.
        #[source]
        source: NameError,
    },
    /// The paths do not ascend.
    #[error("the path of item {index} is not greater than the one before")]
    Order {
        /// Which item, counted from 0.
        index: usize,
    },
}

impl Inputs {
    /// Writes inputs to a file, and what a statement then says; nothing if there are no inputs.
    pub fn in_file(inputs: &[Input]) -> Option<(Self, Vec<u8>)> {
        let mut file = Vec::new();
        cbor::array(&mut file, inputs.len() as u64);
        inputs.iter().for_each(|input| INPUT.write(&mut file, &input.to_json()));
        Some((Self::named(inputs.len(), &file)?, file))
    }

    /// Reads the file of inputs that a statement names.
    pub fn open(&self, file: &[u8]) -> Result<Vec<Input>, ListError> {
        let expected = self.check_digest(file)?;
        let mut reader = Reader::new(file);
        let found = reader.array()?;
        check_count(expected, found)?;
        let mut inputs = Vec::new();
        for index in 0..found {
            let json = INPUT.read(&mut reader)?;
            inputs.push(Input::read(&Node::root(&json)).map_err(|source| ListError::Input { index, source })?);
        }
        reader.finish()?;
        Ok(inputs)
    }
}

impl Listed<ModelFiles> {
    /// Writes a model's files to a list, and what a statement then says; nothing if there are no files.
    pub fn in_file(files: &ModelFiles) -> Option<(Self, Vec<u8>)> {
        let file = model_list(files);
        Some((Self::named(files.len(), &file)?, file))
    }

    /// Reads the list of a model's files that a statement names.
    pub fn open(&self, file: &[u8]) -> Result<ModelFiles, ListError> {
        let expected = self.check_digest(file)?;
        let mut reader = Reader::new(file);
        let found = reader.array()?;
        check_count(expected, found)?;
        let mut files = ModelFiles::new();
        for index in 0..found {
            reader.array_of(2)?;
            let path = reader.text()?.parse().map_err(|source| ListError::Path { index, source })?;
            if files.last_key_value().is_some_and(|(last, _)| *last >= path) {
                return Err(ListError::Order { index });
            }
            files.insert(path, Digest::new(reader.fixed()?));
        }
        reader.finish()?;
        Ok(files)
    }
}

impl<T> Listed<T> {
    fn named(items: usize, file: &[u8]) -> Option<Self> {
        Some(Self::File { count: Positive::new(items as u64)?, list: Digest::of(file) })
    }

    /// The number of items that the statement gives, if these are the bytes that it names.
    fn check_digest(&self, file: &[u8]) -> Result<u64, ListError> {
        let Self::File { count, list } = self else { return Err(ListError::Inline) };
        let (expected, found) = (*list, Digest::of(file));
        if expected == found { Ok(count.value()) } else { Err(ListError::Digest { expected, found }) }
    }
}

fn check_count(expected: u64, found: usize) -> Result<(), ListError> {
    let found = found as u64;
    if expected == found { Ok(()) } else { Err(ListError::Count { expected, found }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statement::{Amount, InputRole, LoggedInput, Part, RowSet};

    fn input(byte: u8) -> Input {
        Input::Logged(LoggedInput {
            statement: Digest::new([byte; 32]).into(),
            role: InputRole::Train,
            passes: Positive::new(3).unwrap(),
            part: Part::Rows(RowSet { count: Positive::new(24).unwrap(), sha256: Digest::new([9; 32]) }),
            tokens: Some(Amount(7)),
        })
    }

    #[test]
    fn a_list_of_inputs_opens_its_file_only() {
        let inputs = vec![input(1), input(2)];
        let (listed, file) = Inputs::in_file(&inputs).unwrap();
        let rows = [&b"\xa2\x65count\x18\x18\x66sha256\x58\x20"[..], &[9; 32]].concat();
        let first = [
            &b"\x82\xa5\x64role\x65train\x64rows"[..],
            &rows,
            b"\x66passes\x03\x66tokens\x617\x69statement\x58\x20",
            &[1; 32],
        ];
        assert_eq!(file[..file.len() / 2 + 1], first.concat()[..]);
        assert_eq!(listed.open(&file), Ok(inputs));
        assert_eq!(Inputs::in_file(&[]), None);
        assert_eq!(Inputs::Inline(vec![]).open(&file), Err(ListError::Inline));
        assert!(matches!(listed.open(&file[1..]), Err(ListError::Digest { .. })));

        let as_text = String::from_utf8(vec![b'1'; 64]).unwrap();
        let mut spelled = vec![0x81, 0xa3, 0x63];
        spelled.extend_from_slice(format!("uri\x65urn:x\x64role\x65train\x66sha256\x78\x40{as_text}").as_bytes());
        let listed = Inputs::named(1, &spelled).unwrap();
        assert!(matches!(listed.open(&spelled), Err(ListError::Cbor(_))), "a digest as text");
        let listed = Inputs::named(2, &[0x80]).unwrap();
        assert_eq!(listed.open(&[0x80]), Err(ListError::Count { expected: 2, found: 0 }));
    }

    #[test]
    fn a_list_of_files_ascends() {
        let file = |path: &str| (path.parse().unwrap(), Digest::new([1; 32]));
        let files = ModelFiles::from([file("b"), file("a/c"), file("a-b")]);
        let (listed, bytes) = Listed::<ModelFiles>::in_file(&files).unwrap();
        assert_eq!(listed.open(&bytes), Ok(files));
        let item = |path: &[u8]| [&[0x82, 0x61][..], path, &[0x58, 0x20], &[1; 32]].concat();
        for (paths, why) in [([b"b", b"a"], "descending"), ([b"a", b"a"], "twice")] {
            let bytes = [&[0x82][..], &item(paths[0]), &item(paths[1])].concat();
            let listed = Listed::<ModelFiles>::named(2, &bytes).unwrap();
            assert_eq!(listed.open(&bytes), Err(ListError::Order { index: 1 }), "{why}");
        }
        let bytes = [&[0x81][..], &item(b"/")].concat();
        assert!(matches!(Listed::<ModelFiles>::named(1, &bytes).unwrap().open(&bytes), Err(ListError::Path { .. })));
    }
}
