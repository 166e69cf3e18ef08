//! An EVM chain in one process and one file.
