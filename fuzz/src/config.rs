//! What the environment says of a run. Only this file of the crate reads it.

use std::{env, str::FromStr, time::Duration};

/// How long a target is fed, and from where its mutations begin.
pub(crate) struct Config {
    /// `CAIRN_FUZZ_SECONDS`; without it the run ends after a number of inputs.
    pub(crate) time: Option<Duration>,
    /// `CAIRN_FUZZ_SEED`, to repeat a run.
    pub(crate) seed: Option<u64>,
}

impl Config {
    pub(crate) fn from_env() -> Self {
        Self {
            time: number("CAIRN_FUZZ_SECONDS").map(Duration::from_secs),
            seed: number("CAIRN_FUZZ_SEED"),
        }
    }
}

fn number<T: FromStr>(variable: &str) -> Option<T> {
    let text = env::var(variable).ok().filter(|text| !text.is_empty())?;
    match text.parse() {
        Ok(number) => Some(number),
        Err(_) => panic!("{variable} must be a whole number, not '{text}'"),
    }
}
