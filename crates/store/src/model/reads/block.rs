//! What a text is read in.

/// Some whole lines, or a part of one line that is too long to be held.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Block<'a> {
    pub(crate) bytes: &'a [u8],
    /// The number of its first line.
    pub(crate) line: u64,
    /// The offset of its first byte.
    pub(crate) offset: u64,
    /// Whether its first line begins with it.
    pub(crate) begins: bool,
    /// Whether its last line ends with it.
    pub(crate) ends: bool,
}

/// What looks at a text, block by block.
pub(crate) trait Look {
    /// Looks at the next block.
    fn look(&mut self, block: Block<'_>);

    /// Whether it has seen enough.
    fn is_done(&self) -> bool;
}
