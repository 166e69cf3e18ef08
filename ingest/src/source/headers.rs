//! Files of one table have the same columns, in any order.

use std::sync::Arc;

use super::error::SourceError;
use super::text::{TextBlock, match_names};

/// The columns of the first CSV file, with which those of later ones are compared: it is the later file that is at fault.
#[derive(Debug, Default)]
pub(crate) struct Headers {
    first: Option<Arc<[String]>>,
    /// Those of the file that was compared last.
    last: Option<Arc<[String]>>,
}

impl Headers {
    /// Compares the columns of a block's file, once per file.
    pub(crate) fn check(&mut self, block: &TextBlock) -> Result<(), SourceError> {
        let header = block.header();
        if self.last.as_ref().is_some_and(|last| Arc::ptr_eq(last, header)) {
            return Ok(());
        }
        let first = self.first.get_or_insert_with(|| Arc::clone(header));
        if first != header {
            let names = first.iter().map(String::as_str);
            match_names(header, names).map_err(|problem| block.file_fault(problem))?;
        }
        self.last = Some(Arc::clone(header));
        Ok(())
    }
}
