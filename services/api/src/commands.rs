//! What an operator does with `cairn-api` beside serving.

pub(crate) mod keys;
pub(crate) mod tenants;
pub(crate) mod workloads;
