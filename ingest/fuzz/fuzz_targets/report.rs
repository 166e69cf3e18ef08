//! Column profile reports: one spelling, and what is accepted can be shown and compared.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mira_ingest::report::Report;

fuzz_target!(|data: &[u8]| {
    if let Ok(report) = Report::parse(data) {
        assert_eq!(report.to_json(), data);
        drop(report.findings());
        drop(report.difference(&report.clone()));
        for (path, column) in report.paths() {
            drop((path, column.type_name()));
        }
    }
});
