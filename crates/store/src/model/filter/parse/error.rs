//! Faults of filters.

/// Why a text is no filter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at position {position}: {message}")]
pub struct SyntaxError {
    /// Where the fault is: the character that it starts with, counted from 1. What is missing at the end of the text
    /// is missing one after the last character.
    pub position: usize,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl SyntaxError {
    pub(super) fn new(position: usize, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { position, message }
    }
}
