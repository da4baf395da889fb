//! Watches the events of a session.
//!
//! Events get their positions when they are first read, in the order in which they become visible; what commits later
//! comes later, whenever it began. So no position is ever skipped and filled in after a watcher has passed it.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::{
    meta::events as rows,
    model::{
        error::{Error, Result},
        event::{Event, EventBatch, EventKind, WatchStart},
        id::TenantId,
        session::session_id,
        tenant::Caller,
        text::Identifier,
    },
    store::Store,
};

/// The maximum events of one message.
pub(super) const PAGE: i64 = 100;
/// The interval of keepalive messages.
pub(super) const SIGN_OF_LIFE: Duration = Duration::from_secs(15);
/// The poll intervals: short at first, then longer.
pub(super) const SHORTEST_PAUSE: Duration = Duration::from_millis(50);
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// A watch of a session.
pub struct Watch {
    store: Store,
    tenant: TenantId,
    session: Identifier,
    position: i64,
    until_sealed: bool,
    /// No message was sent yet.
    fresh: bool,
    over: bool,
}

impl Store {
    /// Begins to watch a session, which need not exist yet.
    ///
    /// # Errors
    /// `Invalid`, also for a position that the session has not reached; `EventsExpired`, `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn watch_session(
        &self,
        caller: &Caller,
        session: &str,
        from: WatchStart,
        until_sealed: bool,
    ) -> Result<Watch> {
        let session = session_id(session)?;
        caller.reach().may_name_session(session.as_str())?;
        let mut watch = Watch {
            store: self.clone(),
            tenant: caller.tenant.id,
            session,
            position: 0,
            until_sealed,
            fresh: true,
            over: false,
        };
        match from {
            WatchStart::Now => watch.position = watch.reach(i64::MAX).await?,
            WatchStart::After(position) => {
                let reached = watch.reach(position).await?;
                if !(0..=reached).contains(&position) {
                    let rule = format!("must be 0 to {reached}, where the session is now");
                    return Err(Error::invalid("after_position", rule));
                }
                watch.position = position;
                let seen = watch.look().await?;
                watch.check(&seen)?;
            }
        }
        Ok(watch)
    }
}

impl Watch {
    /// Waits for events, and returns an empty batch after a while; the first batch comes at once. `None` when the watch
    /// ends because the session is sealed.
    ///
    /// # Errors
    /// `EventsExpired`, `Unavailable`. Watching can be tried again.
    pub async fn next(&mut self) -> Result<Option<EventBatch>> {
        if self.over {
            return Ok(None);
        }
        let patience = Instant::now() + SIGN_OF_LIFE;
        let mut pause = SHORTEST_PAUSE;
        loop {
            let seen = self.look().await?;
            self.check(&seen)?;
            let news = !seen.events.is_empty();
            if news || self.fresh || Instant::now() >= patience {
                self.fresh = false;
                return self.tell(seen.events).await.map(Some);
            }
            if seen.unnumbered {
                self.number().await?;
                continue;
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn tell(&mut self, mut events: Vec<Event>) -> Result<EventBatch> {
        if self.until_sealed {
            let sealed = |event: &Event| event.what == EventKind::Sealed;
            if let Some(last) = events.iter().position(sealed) {
                events.truncate(last + 1);
                self.over = true;
            }
        }
        if let Some(last) = events.last() {
            self.position = last.position;
        } else if self.until_sealed {
            let client = self.store.meta.client().await?;
            let session = self.session.as_str();
            self.over = rows::sealed_by(&client, self.tenant, session, self.position).await?;
        }
        let position = self.position;
        Ok(EventBatch { events, position })
    }

    async fn look(&self) -> Result<rows::Seen> {
        let client = self.store.meta.client().await?;
        let session = self.session.as_str();
        rows::after(&client, self.tenant, session, self.position, PAGE).await
    }

    /// Positions have no gaps: a missing one was deleted by retention.
    fn check(&self, seen: &rows::Seen) -> Result<()> {
        let next = seen.events.first().map(|event| event.position - 1);
        let first = next.unwrap_or(seen.last.max(self.position));
        if first == self.position {
            return Ok(());
        }
        Err(Error::EventsExpired {
            session: Some(self.session.as_str().to_owned()),
            first,
        })
    }

    async fn number(&self) -> Result<()> {
        let client = self.store.meta.client().await?;
        let tx = client.transaction().await?;
        rows::number(&tx, &[self.tenant.0], &[self.session.as_str()]).await?;
        Ok(tx.commit().await?)
    }

    /// Assigns positions to new events, until a position is reached or all have one; returns the last.
    async fn reach(&self, position: i64) -> Result<i64> {
        loop {
            let seen = self.look().await?;
            if seen.last >= position || !seen.unnumbered {
                return Ok(seen.last);
            }
            self.number().await?;
        }
    }
}
