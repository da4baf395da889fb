//! Faults of filters.

/// Why a text is not a valid filter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at position {position}: {message}")]
pub struct SyntaxError {
    /// The position of the error: its first character, counted from 1. If something is missing at the end of the text,
    /// the position is one after the last character.
    pub position: usize,
    /// What is wrong, and what is right.
    pub message: String,
}

impl SyntaxError {
    pub(super) fn new(position: usize, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { position, message }
    }
}
