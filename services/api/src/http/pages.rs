//! The pages that people see, rendered here and without script.

mod content_host;
mod failed;
mod layout;
mod link;
mod preview;
mod session;
mod style;
mod visit;
mod words;

pub(super) use content_host::ContentHost;
pub(super) use failed::explain;
pub(super) use link::Pages;
pub(super) use session::SharedPage;
pub(super) use style::style;
pub(super) use visit::{VARY, Visit};
