//! Feeds parsers with mutations of a kept corpus, on any toolchain, as part of the tests. An input whose outcome is new joins
//! those that are mutated further, so the runs get deeper than random bytes do.
//!
//! A run is bounded: some thousand inputs, or `CAIRN_FUZZ_SECONDS` of them. An input that panics is written to
//! `fuzz/crashes`; put it into the corpus once it is repaired.

mod config;
mod mutate;

use std::{
    collections::HashSet,
    fmt::Debug,
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    path::{Path, PathBuf},
    time::Instant,
};

use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};

use crate::{config::Config, mutate::mutate};

/// How many inputs a run without a time has.
const RUNS: u32 = 20_000;
/// How many inputs with new outcomes are kept in memory.
const MOST: usize = 4096;

/// Feeds a target, which panics when it breaks a promise. What it returns is its outcome: the finer it tells inputs apart by
/// what was found in them, the deeper the run gets.
///
/// # Panics
/// As the target does; and without a corpus.
pub fn fuzz<T: Debug>(name: &str, target: impl Fn(&[u8]) -> T) {
    let config = Config::from_env();
    let seed = config.seed.unwrap_or_else(rand::random);
    let mut rng = StdRng::seed_from_u64(seed);
    let mut inputs = corpus(name);
    let mut seen = HashSet::new();
    for input in &inputs {
        seen.insert(outcome(name, seed, input, &target));
    }
    let began = Instant::now();
    let mut runs = 0;
    loop {
        let over = match config.time {
            Some(time) => began.elapsed() >= time,
            None => runs >= RUNS,
        };
        if over {
            break;
        }
        let mut input = inputs.choose(&mut rng).cloned().unwrap_or_default();
        mutate(&mut input, &inputs, &mut rng);
        if seen.insert(outcome(name, seed, &input, &target)) {
            if inputs.len() < MOST {
                inputs.push(input);
            } else {
                let replaced = rng.random_range(0..MOST);
                inputs[replaced] = input;
            }
        }
        runs += 1;
    }
    println!(
        "{name}: {runs} inputs, {} outcomes, seed {seed}",
        seen.len()
    );
}

/// The kept inputs of a target.
fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = folder("corpus").join(name);
    let read = || -> std::io::Result<Vec<Vec<u8>>> {
        let mut files = fs::read_dir(&folder)?
            .map(|entry| Ok(entry?.path()))
            .collect::<std::io::Result<Vec<PathBuf>>>()?;
        files.sort();
        files.iter().map(fs::read).collect()
    };
    match read() {
        Ok(inputs) if !inputs.is_empty() => inputs,
        Ok(_) => panic!("{} has no input", folder.display()),
        Err(e) => panic!("{} cannot be read: {e}", folder.display()),
    }
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// What a target makes of an input, as a number. Digits do not tell outcomes apart: there would be no end of them.
fn outcome<T: Debug>(name: &str, seed: u64, input: &[u8], target: impl Fn(&[u8]) -> T) -> u64 {
    let mut hasher = DefaultHasher::new();
    match catch_unwind(AssertUnwindSafe(|| target(input))) {
        Ok(found) => {
            let shape = format!("{found:?}").replace(|c: char| c.is_ascii_digit(), "");
            shape.hash(&mut hasher);
            hasher.finish()
        }
        Err(panic) => {
            input.hash(&mut hasher);
            let file = folder("crashes").join(format!("{name}-{:016x}", hasher.finish()));
            let written =
                fs::create_dir_all(folder("crashes")).and_then(|()| fs::write(&file, input));
            eprintln!(
                "{name}: the input is in {}: {written:?}; seed {seed}",
                file.display()
            );
            resume_unwind(panic);
        }
    }
}
