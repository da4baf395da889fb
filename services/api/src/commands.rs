//! The operator's commands of `cairn-api`, besides serving.

pub(crate) mod admin;
mod grant;
pub(crate) mod keys;
pub(crate) mod tenants;
pub(crate) mod workloads;
