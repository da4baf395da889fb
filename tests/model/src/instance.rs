//! The bounds within which the protocol is checked.

use crate::{state::UPLOADS, variants::Variant};

/// One bounded instance. Only uploads and failovers are limited: there may be any number of crashes, unclear outcomes,
/// deletions and restorations, passes and scans.
#[derive(Clone, Copy, Debug)]
pub struct Instance {
    /// Which protocol.
    pub variant: Variant,
    /// Whether the foreign key prevents condemning a referenced object, and referencing a dead one.
    pub foreign_key: bool,
    /// How many uploads begin, at most two at a time.
    pub uploads: u8,
    /// The content of each.
    pub contents: [u8; UPLOADS],
    /// Which of them declare their hash and send no bytes, one bit each.
    pub declared: u8,
    /// Which of them are to be published later, one bit each.
    pub unpublished: u8,
    /// How many workers collect, up to two.
    pub workers: u8,
    /// How many sightings of an unknown key the scanner needs before it deletes the key; 0: there is no scanner.
    pub sightings: u8,
    /// Whether callers delete artifacts and restore them.
    pub deletions: bool,
    /// Whether the artifacts belong to one session, which is sealed at some time.
    pub session: bool,
    /// Whether requests to the store and commits may have unclear outcomes.
    pub unclear: bool,
    /// Whether two uploads may be committed by one transaction.
    pub together: bool,
    /// How often a lagging standby takes over.
    pub failovers: u8,
}

impl Instance {
    /// Two uploads of the same bytes, two workers, deletions, crashes and unclear outcomes.
    pub const TWO_UPLOADS: Self = Self {
        variant: Variant::Cairn,
        foreign_key: true,
        uploads: 2,
        contents: [0; UPLOADS],
        declared: 0,
        unpublished: 0,
        workers: 2,
        sightings: 0,
        deletions: true,
        session: false,
        unclear: true,
        together: false,
        failovers: 0,
    };

    pub(crate) fn is(&self, variant: Variant) -> bool {
        self.variant == variant
    }
}
