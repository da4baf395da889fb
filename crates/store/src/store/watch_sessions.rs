//! Watching many sessions of a tenant at once.
//!
//! Events are sent in the order of their numbers, up to the number below which every transaction has ended. A watch
//! writes nothing, and what it reads grows with the tenant's events and not with the number of sessions.

use std::{collections::HashSet, time::Duration};

use tokio::time::{Instant, sleep};

use crate::{
    meta::{
        connection::Connection,
        events::of_tenant::{self as rows, Extent},
    },
    model::{
        access::Grant,
        error::{Error, Result},
        event::{Event, EventBatch, EventKind, WatchStart, Watched},
        id::TenantId,
        tenant::Caller,
    },
    store::{
        Store,
        watch::{LONGEST_PAUSE, PAGE, SHORTEST_PAUSE, SIGN_OF_LIFE},
    },
};

/// How long the server waits for transactions of others before it asks whether they write events at all.
const OTHERS: Duration = Duration::from_secs(1);
/// How long a watcher of what is new waits for the writes that began before it. A statement may take less.
const BEGINNING: Duration = Duration::from_secs(60);

/// Sessions that are being watched.
pub struct SessionsWatch {
    store: Store,
    tenant: TenantId,
    /// What the watcher reaches.
    grant: Grant,
    watched: Watched,
    position: i64,
    /// No transaction under way can add an event up to this number.
    settled: i64,
    /// The next number that will be settled.
    waiting: Option<Waiting>,
    /// The sessions whose seal has not been sent yet; `None` if the watch does not end with the seals.
    unsealed: Option<HashSet<String>>,
    /// No message was sent yet.
    fresh: bool,
}

/// A number that is settled when all transactions that could have given a lower one have ended.
struct Waiting {
    last: i64,
    begun_below: i64,
    since: Instant,
}

impl Store {
    /// Begins to watch sessions, which need not be there yet.
    ///
    /// # Errors
    /// `Invalid`, also for a position that no event has reached; `OutOfReach`; `EventsExpired`, `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn watch_sessions(
        &self,
        caller: &Caller,
        watched: Watched,
        start: WatchStart,
    ) -> Result<SessionsWatch> {
        let reach = caller.reach();
        reach.has_whole_sessions()?;
        let mut named = watched.sessions.iter();
        named.try_for_each(|session| reach.may_name_session(session))?;
        let mut watch = SessionsWatch {
            store: self.clone(),
            tenant: caller.tenant.id,
            grant: caller.grant.clone(),
            watched,
            position: 0,
            settled: 0,
            waiting: None,
            unsealed: None,
            fresh: true,
        };
        match start {
            WatchStart::Now => watch.position = watch.settle_now().await?,
            WatchStart::After(position) => {
                let client = self.meta.client().await?;
                let extent = rows::extent(&client, caller.tenant.id).await?;
                if !(0..=extent.last).contains(&position) {
                    let rule = "must be 0, or a position that a message of WatchSessions said";
                    return Err(Error::invalid("after_position", rule));
                }
                watch.position = if position == 0 {
                    extent.forgotten
                } else {
                    position
                };
                watch.settled = watch.position;
                watch.check(extent.forgotten)?;
            }
        }
        if watch.watched.until_sealed {
            let client = self.meta.client().await?;
            let (tenant, position) = (watch.tenant, watch.position);
            let named = &watch.watched.sessions;
            let sealed = rows::sealed_before(&client, tenant, named, position).await?;
            let mut unsealed: HashSet<_> = named.iter().cloned().collect();
            unsealed.retain(|id| !sealed.contains(id));
            watch.unsealed = Some(unsealed);
        }
        Ok(watch)
    }
}

impl SessionsWatch {
    /// Waits for news, and says after a while that there is none; the first answer comes at once. `None` when the watch is
    /// over because the sessions are sealed.
    ///
    /// # Errors
    /// `EventsExpired`, `Unavailable`. Watching can be tried again.
    pub async fn next(&mut self) -> Result<Option<EventBatch>> {
        let sealed = self.unsealed.as_ref().is_some_and(HashSet::is_empty);
        if sealed && !self.fresh {
            return Ok(None);
        }
        let patience = Instant::now() + SIGN_OF_LIFE;
        let mut pause = SHORTEST_PAUSE;
        loop {
            let waited = self.waiting.is_some();
            let events = if sealed {
                Vec::new()
            } else {
                self.look().await?
            };
            if !events.is_empty() || self.fresh || Instant::now() >= patience {
                self.fresh = false;
                return Ok(Some(self.tell(events)));
            }
            if self.position < self.settled {
                continue;
            }
            let news = !waited && self.waiting.is_some();
            pause = if news { SHORTEST_PAUSE } else { pause };
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Tells these events, up to the last sealing that is waited for.
    fn tell(&mut self, mut events: Vec<Event>) -> EventBatch {
        if let Some(unsealed) = &mut self.unsealed {
            let last = events.iter().position(|event| {
                event.what == EventKind::Sealed
                    && unsealed.remove(&event.session_id)
                    && unsealed.is_empty()
            });
            if let Some(last) = last {
                events.truncate(last + 1);
                self.position = events[last].position;
            }
        }
        let position = self.position;
        EventBatch { events, position }
    }

    /// Reads the next events, which may be none although there are more.
    async fn look(&mut self) -> Result<Vec<Event>> {
        let client = self.store.meta.client().await?;
        self.settle(&client).await?;
        if self.position >= self.settled {
            return Ok(Vec::new());
        }
        let span = [self.position, self.settled];
        let found = rows::between(&client, self.tenant, &self.watched, span, PAGE).await?;
        self.check(found.forgotten)?;
        self.position = found.reached;
        let mut events = found.events;
        let narrowing = self.grant.narrowing();
        events.retain(|event| narrowing.admits_session(&event.session_id));
        Ok(events)
    }

    /// Finds out up to which number no transaction under way can add an event.
    async fn settle(&mut self, client: &Connection) -> Result<Extent> {
        let extent = rows::extent(client, self.tenant).await?;
        if let Some(waiting) = &self.waiting {
            let begun_below = waiting.begun_below;
            let ended = extent.ended_below >= begun_below
                || (waiting.since.elapsed() >= OTHERS
                    && !rows::is_being_written(client, begun_below).await?);
            if ended {
                self.settled = waiting.last;
                self.waiting = None;
            }
        }
        if self.waiting.is_none() && extent.last > self.settled {
            if extent.ended_below >= extent.begun_below {
                self.settled = extent.last;
            } else {
                self.waiting = Some(Waiting {
                    last: extent.last,
                    begun_below: extent.begun_below,
                    since: Instant::now(),
                });
            }
        }
        Ok(extent)
    }

    /// Waits until no transaction under way can add an event up to the last number of now, and says that number.
    async fn settle_now(&mut self) -> Result<i64> {
        let begun = Instant::now();
        let mut now = None;
        loop {
            let client = self.store.meta.client().await?;
            let last = self.settle(&client).await?.last;
            drop(client);
            let now = *now.get_or_insert(last);
            if self.settled >= now {
                return Ok(now);
            }
            if begun.elapsed() >= BEGINNING {
                return Err(Error::Unavailable {
                    dependency: "database",
                    source: "writes that began before a watch have not ended".into(),
                });
            }
            sleep(SHORTEST_PAUSE / 5).await;
        }
    }

    fn check(&self, forgotten: i64) -> Result<()> {
        if forgotten <= self.position {
            return Ok(());
        }
        Err(Error::EventsExpired {
            session: None,
            first: forgotten,
        })
    }
}
