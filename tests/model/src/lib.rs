//! A model of how Cairn keeps bytes, checked exhaustively, and the promises it is held to.
//!
//! `docs/architecture.md` tells the protocol. This crate plays it through: [`explore`] visits every state that an
//! [`Instance`] can come into, in every order in which its parties can take their steps, and holds each state against
//! [`invariants`]. Those are plain functions over a neutral description, so that a stress test of a real deployment can
//! use the same ones. The tests do this for Cairn's protocol and for every simpler [`Variant`], which must be seen to fail.
//! It is a package of its own because it must not know anything else of Cairn, and because it is compiled with
//! optimisation in tests too.
//!
//! # What is modelled
//!
//! - **Uploads**, two at a time: staging row, bytes, and the commit in two flights. The first takes the locks of the session,
//!   of the own row and of the live duplicate; the second writes and commits. Some declare their hash and send nothing.
//!   Some commit what is to be published later, in a table of its own that pins objects as artifacts do.
//! - **Workers**, two: they lock a queued object, look for artifacts, condemn and commit; they claim what is condemned,
//!   delete, and record it. **Passes** end leases, delete windows and what was not published, at any time whatever.
//! - **The scanner**: it lists, then asks the primary, and deletes what nothing knows, at the first or the second sighting.
//! - **The sealer** takes the session's lock, ends what has expired, then writes down what is live. A **caller** deletes and
//!   prolongs under the lock of the row alone, restores and publishes under the session's, in two steps where a seal could
//!   come in between. To prolong stands for every way in which what has expired is readable again, as under a hold.
//! - **Failures**: everybody may die at any step. A PUT or DELETE is applied and its answer lost, or is applied long after its
//!   sender gave up, or never. A commit is cut off, and is made or rolled back later. A standby that lags takes over.
//! - **Locks** as Postgres has them, and the **foreign key**, which can be left out, to see what the code is worth alone
//!   and what the key is.
//!
//! Only uploads and failovers are counted. Of crashes, unclear outcomes, deletions, restorations, passes and scans there
//! may be any number. The clock is left out: leases and windows end whenever that does most harm, and the grace ends at
//! once, but for the one thing that is demanded of it, that a standby which may take over knows of the condemnation.
//!
//! # What is not
//!
//! - Parts of multipart uploads: a PUT is one step, with the whole content. Bytes in the row: there is no second store.
//! - Statements within a flight, batches of more than one object, and Postgres itself: that READ COMMITTED and its locks do
//!   what they are taken for here is for tests with a real one.
//! - Versions, idempotency keys, tenants, quotas; and what an old primary does that has not noticed a failover.
//! - Anything beyond the bounds: a fault that needs four uploads would not be found.

mod actions;
mod check;
mod describe;
mod drain;
mod instance;
pub mod invariants;
mod properties;
mod protocol;
mod sights;
mod state;
mod variants;

pub use check::{Explored, explore, look_for_breach};
pub use instance::Instance;
pub use properties::{NOTHING_COMES_BACK, NOTHING_IS_LOST, NOTHING_LEAKS};
pub use variants::Variant;
