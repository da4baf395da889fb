//! The protocol, and simpler ones: each leaves out one thing, and must fail.

/// Which protocol is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Variant {
    /// The one that Cairn follows.
    Cairn,

    /// Bytes are deleted although a standby may not yet know that they are condemned: the grace is shorter than the
    /// lag.
    GraceWithinLag,
    /// Ids come from a sequence of the database, which a failover sets back.
    IdsFromSequence,
    /// A commit reads which duplicate is live and does not lock it.
    DedupeWithoutLock,
    /// The collector decides by what it saw before it got the lock.
    CondemnWithoutSecondLook,
    /// A commit that finds a condemned duplicate makes it live again.
    Revival,
    /// Bytes are written before any row refers to them.
    NoStagingRow,
    /// The scanner asks which keys are known, and lists the store afterwards.
    AskThenList,
    /// The scanner asks the standby.
    AskStandby,
    /// A commit creates the row of its object again if it is missing, and rows are removed with their bytes.
    CommitMakesRow,

    /// Keys are made from the content, so that uploads of the same bytes share one.
    KeyFromContent,
    /// The same, with the key locked across the deletion of its bytes, and kept while any upload or artifact uses it.
    LockedKeyFromContent,
    /// Bytes are deleted before the row says so.
    BytesFirst,

    /// The collector looks for artifacts and ignores the unpublished ones.
    UnpublishedForgotten,
    /// Giving up an unpublished artifact does not queue its object.
    DiscardWithoutQueue,
    /// A transaction that commits two uploads keeps the second although the first, whose object it shares, is refused.
    TogetherInPart,

    /// Publishing unpins the object in one transaction and pins it again in the next.
    PublishInTwo,

    /// Restoring does not check again a row for which it may have waited.
    RestoreWithoutSecondLook,

    /// Commits do not lock the session.
    CommitWithoutSessionLock,
    /// Restoring does not lock the session.
    RestoreWithoutSessionLock,
    /// Restoring into a sealed session does not check its manifest.
    RestoreWhatIsNotListed,
    /// A seal does not end what has expired, and records what can be read.
    SealWithoutEnding,
    /// A manifest is not recorded, but computed from the times of the seal, of deletions and of expiry.
    ManifestByTimes,
}
