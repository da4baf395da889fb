//! A model of how Cairn keeps bytes, checked exhaustively, and the promises that it must keep.
//!
//! `docs/architecture.md` describes the protocol. In this crate [`explore`] visits every state of an [`Instance`], in
//! every order in which its parties can take their steps, and checks each state against [`invariants`]. Those are plain
//! functions over a neutral description, so that a stress test of a real deployment can use the same ones. The tests do
//! this for Cairn's protocol and for every simpler [`Variant`], each of which must fail. This is a separate package
//! because it must not depend on anything else of Cairn, and because tests compile it with optimisation too.
//!
//! # What is modelled
//!
//! - **Uploads**, two at a time: staging row, bytes, and the commit in two flights. The first takes the locks of the
//!   session, of the own row and of the live duplicate; the second writes and commits. Some declare their hash and send
//!   nothing. Some commit an unpublished artifact, in a table of its own that pins objects as artifacts do.
//! - **Workers**, two: they lock a queued object, look for artifacts, condemn and commit; they claim a condemned object,
//!   delete, and record it. **Passes** end leases, delete windows and unpublished artifacts, at any time.
//! - **The scanner**: it lists, then asks the primary, and deletes unknown keys, at the first or the second sighting.
//! - **The sealer** takes the session's lock, ends what has expired, then records what is live. A **caller** deletes and
//!   extends under the lock of the row alone, restores and publishes under the session's, in two steps where a seal could
//!   come in between. Extending represents every way in which an expired artifact becomes readable again, as under a
//!   hold.
//! - **Failures**: every party may die at any step. A PUT or DELETE is applied and its answer lost, or is applied long
//!   after its sender gave up, or never. A commit is cut off, and is made or rolled back later. A lagging standby takes
//!   over.
//! - **The hold of a session**, whose artifacts follow in batches, in a model of its own ([`explore_holds`]).
//! - **An upload that outlives its process**, whose parts two writers send, in a model of its own
//!   ([`explore_resumable`]).
//! - **An upload whose parts strangers put** straight into the blob store, in a model of its own
//!   ([`explore_presigned`]).
//! - **Locks** as Postgres has them, and the **foreign key**, which can be left out, to see what the code achieves alone
//!   and what the key does.
//!
//! Only uploads and failovers are limited. There may be any number of crashes, unclear outcomes, deletions,
//! restorations, passes and scans. The clock is left out: leases and windows end whenever that does most harm, and the
//! grace ends at once, except for its one requirement: a standby that may take over knows of the condemnation.
//!
//! # What is not modelled
//!
//! - Parts of multipart uploads, outside of those two models: a PUT is one step, with the whole content. Inline bytes: there is no second store.
//! - Statements within a flight, batches of more than one object, and Postgres itself: tests with a real one show that
//!   READ COMMITTED and its locks work as assumed here.
//! - Versions, idempotency keys, tenants, quotas; and an old primary that has not noticed a failover.
//! - Anything beyond the bounds: a fault that needs four uploads would not be found.

mod actions;
mod check;
mod describe;
mod drain;
mod hold;
mod instance;
pub mod invariants;
mod presigned;
mod properties;
mod protocol;
mod resumable;
mod sights;
mod state;
mod variants;

pub use check::{Explored, explore, look_for_breach};
pub use hold::{HoldVariant, WHAT_IS_HELD_STAYS, explore_holds};
pub use instance::Instance;
pub use presigned::{ONLY_THE_DECLARED_IS_VISIBLE, PresignedVariant, explore_presigned};
pub use properties::{NOTHING_COMES_BACK, NOTHING_IS_LOST, NOTHING_LEAKS};
pub use resumable::{
    ACKNOWLEDGED_IS_KEPT, BYTES_MATCH_THEIR_HASH, ENDED_LEAVES_NOTHING, ResumableVariant,
    SEALED_STAYS_AS_IT_IS, explore_resumable,
};
pub use variants::Variant;
