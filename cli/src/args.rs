//! Arguments that several verbs take.

pub(crate) mod expression;
pub(crate) mod grant;
pub(crate) mod key;
pub(crate) mod limit;
pub(crate) mod metadata;
pub(crate) mod name;
pub(crate) mod page;
pub(crate) mod reading;
pub(crate) mod record;
pub(crate) mod server;
pub(crate) mod time;
