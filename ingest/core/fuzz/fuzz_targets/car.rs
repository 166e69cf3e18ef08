//! CARs: block by block and step by step agree, every block is what its CID names, and blocks make the file again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mira_core::car::{self, Car, MAX_FRAME_LEN, Step};

fuzz_target!(|data: &[u8]| {
    let stepwise = steps(data);
    let Ok(whole) = Car::new(data) else {
        assert!(stepwise.is_none());
        return;
    };
    let mut again = Vec::new();
    car::header(&mut again, whole.root());
    let mut blocks = 0;
    let mut intact = true;
    for block in whole {
        let Ok(block) = block else {
            intact = false;
            break;
        };
        assert!(block.cid.matches(block.data));
        car::frame_head(&mut again, block.cid, block.data.len()).expect("it was read");
        again.extend_from_slice(block.data);
        blocks += 1;
    }
    assert!(data.starts_with(&again));
    assert_eq!(intact, again.len() == data.len());
    assert_eq!(stepwise, Some((blocks, again.len())));
});

/// The number of whole blocks, and where they end; nothing without a header.
fn steps(data: &[u8]) -> Option<(usize, usize)> {
    let Ok(Step::Done { used: mut at, .. }) = car::read_header(data) else { return None };
    let mut blocks = 0;
    loop {
        match car::read_frame(&data[at..]) {
            Ok(Step::Done { used, .. }) => {
                assert!(used > 0);
                at += used;
                blocks += 1;
            }
            Ok(Step::More { need }) => {
                assert!(need > data.len() - at && need <= MAX_FRAME_LEN, "asks for no more than a frame");
                return Some((blocks, at));
            }
            Err(_) => return Some((blocks, at)),
        }
    }
}
