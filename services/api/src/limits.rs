//! The limits of tenants and keys on calls, bytes and watches. Each replica holds its share of a limit: the limit divided by
//! the number of replicas that are alive, which each learns from the others' rows every few seconds.

mod counts;
mod limiter;
mod metered;
mod rate;
mod replicas;
mod standing;

pub(crate) use counts::Direction;
pub(crate) use limiter::{BURST, Limited, Limiter, Place};
pub(crate) use metered::Metered;
pub(crate) use replicas::keep_up;
pub(crate) use standing::{CallsLeft, Standing};
