//! More artifacts than one call changes.

use futures_util::future::join_all;

use super::{Cairn, session_spec};

/// One more than a call changes before it answers.
pub const MANY: usize = 1001;

/// Creates [`MANY`] artifacts with the same four bytes in the session `bulk`.
pub async fn make_many(cairn: &Cairn) {
    let create = |i| {
        cairn
            .client
            .create(session_spec(&format!("{i}"), "bulk"), "same")
    };
    for made in join_all((0..MANY).map(create)).await {
        made.unwrap();
    }
}
