//! Statements: one spelling of each.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mira_core::statement::Statement;

fuzz_target!(|data: &[u8]| {
    if let Ok(statement) = Statement::parse(data) {
        assert_eq!(statement.to_payload(), data);
        let again = Statement::new(statement.common().clone(), statement.predicate().clone());
        assert_eq!(again.expect("it was accepted before"), statement);
    }
});
