//! The verbs of a client, one a file.

pub(crate) mod completions;
pub(crate) mod cp;
pub(crate) mod diff;
pub(crate) mod edit;
pub(crate) mod grep;
pub(crate) mod hold;
pub(crate) mod inspect;
pub(crate) mod job;
pub(crate) mod lineage;
pub(crate) mod link;
pub(crate) mod ls;
pub(crate) mod preview;
pub(crate) mod pull;
pub(crate) mod push;
pub(crate) mod read;
pub(crate) mod restore;
pub(crate) mod rm;
pub(crate) mod session;
pub(crate) mod stage;
pub(crate) mod todo;
pub(crate) mod token;
pub(crate) mod update;
pub(crate) mod url;
pub(crate) mod usage;
pub(crate) mod versions;
pub(crate) mod whoami;
