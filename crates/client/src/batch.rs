//! Small transfers that happen at the same time, gathered into calls of up to 100.
//!
//! A transfer waits for a free call, and then for at most three milliseconds for others to join it. Each transfer has its own
//! outcome and is repeated on its own.

mod create;
mod get;
mod outcome;
mod queue;
mod read;

pub use self::{create::CreateBatches, read::ReadBatches};
