//! The limits of one call.

/// The largest accepted message, in bytes.
pub(crate) const MAX_MESSAGE: usize = 4 << 20;

/// The unread bytes that a caller may send on one stream. A call that is not yet admitted, or waits for room, can make
/// this process hold no more.
pub(crate) const STREAM_WINDOW: u32 = 1 << 20;
