//! Random histories: whatever callers request, whatever time and the collector do in between, and whichever process
//! dies, the store answers as plain data would, holds the bytes of what can be read, and in the end nothing else.
//!
//! The histories are the same each time, so that a failure is that of a change. `make histories` plays others, and more. A
//! history that fails is shortened as long as it still fails, and printed. Its seed goes into tests/histories/seeds.txt,
//! which is played first the next time.
#![cfg(test)]
#![recursion_limit = "256"]

mod call;
mod make;
mod play;
mod reference;
mod step;

use std::{env, ops::RangeInclusive, sync::OnceLock};

use cairn_store::ContentHash;
use proptest::test_runner::{Config, FileFailurePersistence, RngSeed, TestError, TestRunner};

/// In a row, some of the same size; in one object; in parts.
const SIZES: [usize; 6] = [0, 10, 10, 40_000, 40_000, (8 << 20) + 1];
/// Rare combinations appear late in a history; a failing one is shortened.
const STEPS: RangeInclusive<usize> = 1..=140;
const CASES: u32 = 12;

/// The contents that are sent: few, so that they coincide.
fn contents() -> &'static [bytes::Bytes] {
    static CONTENTS: OnceLock<Vec<bytes::Bytes>> = OnceLock::new();
    CONTENTS.get_or_init(|| {
        let each = SIZES.iter().enumerate().map(|(place, size)| {
            let mut content = harness::content(*size);
            if let Some(first) = content.first_mut() {
                *first = place as u8;
            }
            content.into()
        });
        each.collect()
    })
}

fn hashes() -> &'static [String] {
    static HASHES: OnceLock<Vec<String>> = OnceLock::new();
    HASHES.get_or_init(|| {
        let each = contents().iter();
        each.map(|content| ContentHash::of(content).to_string())
            .collect()
    })
}

#[test]
fn every_history_is_answered_as_plain_data_would_be() {
    let mut config = Config {
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/histories/seeds.txt"
        )))),
        max_shrink_iters: 500,
        ..Config::default()
    };
    if env::var_os("PROPTEST_CASES").is_none() {
        config.cases = CASES;
    }
    if env::var_os("PROPTEST_RNG_SEED").is_none() {
        config.rng_seed = RngSeed::Fixed(1);
    }
    let outcome = TestRunner::new(config).run(&step::histories(STEPS), |history| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(play::play(&history));
        Ok(())
    });
    match outcome {
        Ok(()) => {}
        Err(TestError::Abort(why)) => panic!("{why}"),
        Err(TestError::Fail(why, history)) => {
            let steps: Vec<_> = history.iter().map(|step| format!("{step:?}")).collect();
            panic!("{why} after this history:\n{}", steps.join("\n"));
        }
    }
}
