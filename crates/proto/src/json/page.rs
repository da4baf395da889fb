//! Where a list goes on.

use serde::Serialize;

/// The end of one page of a list, flattened into the object that has the items.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Page {
    /// Whether there is another page.
    pub has_more: bool,
    /// What the next request has as its cursor.
    pub next_cursor: Option<String>,
}

impl Page {
    /// The page before the one with this token, which is empty on the last page.
    #[must_use]
    pub fn before(next_page_token: String) -> Self {
        Self {
            has_more: !next_page_token.is_empty(),
            next_cursor: super::present(next_page_token),
        }
    }
}
