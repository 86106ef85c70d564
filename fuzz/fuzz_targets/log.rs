//! Any bytes as a log: verifying and resuming end, and agree on whether the whole lines are good.

#![no_main]

use chrono::{DateTime, Utc};
use countersign::{Integrity, Ledger, LedgerError, LogVerifier};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|log: &[u8]| {
    let mut verifier = LogVerifier::new("fuzz");
    let whole = log.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    for line in log[..whole].split_inclusive(|byte| *byte == b'\n') {
        let _ = verifier.push(line);
    }
    let intact = matches!(verifier.finish(DateTime::<Utc>::UNIX_EPOCH).integrity, Integrity::Intact { .. });
    match Ledger::resume("fuzz", log) {
        Ok(_) | Err(LedgerError::TornTail { .. }) => assert!(intact),
        Err(_) => assert!(!intact || whole == 0),
    }
});
