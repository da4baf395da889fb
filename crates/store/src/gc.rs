//! The garbage collector: passes that delete what no caller can reach any more, and nothing else.
//!
//! A pass is a function of a `Run`, which has the store and the policy. It takes no other input and can be
//! stopped anywhere: what it did is committed, and the next run finds what it did not do. Any number of workers may run
//! passes at the same time.
//!
//! The files, from the bottom: `report`, `run`, a file for each pass, `passes` (the list), `collect` (runs them). Beside
//! them, `status` and `fsck` answer operators.

mod audit;
mod batches;
mod collect;
mod erasures;
mod examine;
mod fsck;
mod ghosts;
mod jobs;
mod orphans;
mod passes;
mod plans;
mod reclaim;
mod report;
mod run;
mod status;
mod unfinished;
mod verdict;

pub use crate::model::collector::{Backlog, Deletion, Ghost, PassState};
pub use collect::Collector;
pub use fsck::{Fsck, FsckReport, Stray};
pub use passes::{PASSES, Pass};
pub use report::{Failure, PlannedAction, Report};
pub use run::Policy;
pub use status::Status;
