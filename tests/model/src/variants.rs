//! The protocol, and the simpler ones that it is not: each leaves out one thing, and must be seen to fail.

/// Which protocol is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Variant {
    /// The one that Cairn follows.
    Cairn,

    /// Bytes are deleted although a standby may not know yet that they are condemned: the grace is within the lag.
    GraceWithinLag,
    /// Ids come from a sequence of the database, which a failover turns back.
    IdsFromSequence,
    /// A commit reads which duplicate is live and does not lock it.
    DedupeWithoutLock,
    /// The collector decides by what it saw before it had the lock.
    CondemnWithoutSecondLook,
    /// A commit that finds a condemned duplicate makes it live again.
    Revival,
    /// Bytes are written before any row tells of them.
    NoStagingRow,
    /// The scanner asks which keys are known, and lists the store afterwards.
    AskThenList,
    /// The scanner asks the standby.
    AskStandby,
    /// A commit makes the row of its object anew where it is missing, and rows are removed with their bytes.
    CommitMakesRow,

    /// Keys are made from the content, so that uploads of the same bytes share one.
    KeyFromContent,
    /// The same, with the key locked across the deletion of its bytes, and kept while any upload or artifact uses it.
    LockedKeyFromContent,
    /// Bytes are deleted before the row says so.
    BytesFirst,

    /// The collector looks for artifacts and forgets the unpublished ones.
    UnpublishedForgotten,
    /// What is given up before it is published does not queue its object.
    DiscardWithoutQueue,
    /// A transaction that commits two uploads keeps the second although the first, whose object it shares, is refused.
    TogetherInPart,

    /// Publishing lets go of the object in one transaction and pins it again in the next.
    PublishInTwo,

    /// Restoring does not look again at a row that it may have waited for.
    RestoreWithoutSecondLook,

    /// Commits do not lock the session.
    CommitWithoutSessionLock,
    /// Restoring does not lock the session.
    RestoreWithoutSessionLock,
    /// Restoring into a sealed session does not ask its manifest.
    RestoreWhatIsNotListed,
    /// A seal does not end what has expired, and writes down what can be read.
    SealWithoutEnding,
    /// A manifest is not written down, but told from the times of the seal, of deletions and of expiry.
    ManifestByTimes,
}
