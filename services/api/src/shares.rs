//! Limits that callers share, so that one cannot take all of a resource.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::Notify;

/// The owner of a share: a tenant by its name, or all callers without a credential together.
pub(crate) type Taker = Option<Arc<str>>;

/// A number of places for all tenants. A tenant may take more as long as it has no more than are left: alone it gets
/// half of them, one of two a third, and there is always room for a tenant that has none.
#[derive(Clone)]
pub(crate) struct Shares(Arc<Inner>);

struct Inner {
    places: usize,
    taken: Mutex<Taken>,
    freed: Notify,
}

#[derive(Default)]
struct Taken {
    all: usize,
    by: HashMap<Taker, usize>,
}

/// Places that are taken until this is dropped.
pub(crate) struct Share {
    inner: Arc<Inner>,
    taker: Taker,
    places: usize,
}

impl Shares {
    pub(crate) fn new(places: usize) -> Self {
        Self(Arc::new(Inner {
            places,
            taken: Mutex::default(),
            freed: Notify::new(),
        }))
    }

    /// Takes so many places, unless that exceeds the owner's share.
    pub(crate) fn take(&self, taker: &Taker, places: usize) -> Option<Share> {
        let taken = self.0.taken.lock();
        let mut taken = taken.unwrap_or_else(PoisonError::into_inner);
        let own = taken.by.get(taker).copied().unwrap_or(0);
        if own + places > self.0.places.saturating_sub(taken.all) {
            return None;
        }
        taken.all += places;
        taken.by.insert(taker.clone(), own + places);
        Some(Share {
            inner: self.0.clone(),
            taker: taker.clone(),
            places,
        })
    }

    /// Takes one place as soon as the owner may. The caller bounds the wait.
    pub(crate) async fn wait(&self, taker: &Taker) -> Share {
        loop {
            let freed = self.0.freed.notified();
            tokio::pin!(freed);
            // From here on no release is missed.
            freed.as_mut().enable();
            if let Some(share) = self.take(taker, 1) {
                return share;
            }
            freed.await;
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let taken = self.inner.taken.lock();
        let mut taken = taken.unwrap_or_else(PoisonError::into_inner);
        taken.all -= self.places;
        if let Some(own) = taken.by.get_mut(&self.taker) {
            *own -= self.places;
            if *own == 0 {
                taken.by.remove(&self.taker);
            }
        }
        drop(taken);
        self.inner.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::{Share, Shares, Taker};

    fn takers() -> [Taker; 3] {
        ["a", "b", "c"].map(|name| Some(name.into()))
    }

    fn take_all(shares: &Shares, taker: &Taker) -> Vec<Share> {
        std::iter::from_fn(|| shares.take(taker, 1)).collect()
    }

    #[test]
    fn one_takes_half_and_there_is_always_room_for_another() {
        let [a, b, c] = takers();
        let shares = Shares::new(100);
        let of_a = take_all(&shares, &a);
        assert_eq!(of_a.len(), 50);
        assert_eq!(take_all(&shares, &b).len(), 25);
        let of_b = take_all(&shares, &b);
        assert!(shares.take(&c, 1).is_some());
        drop((of_a, of_b));
        assert_eq!(take_all(&shares, &c).len(), 50);
    }

    #[tokio::test]
    async fn who_waits_goes_on_when_a_place_is_freed() {
        let [a, ..] = takers();
        let shares = Shares::new(2);
        let first = shares.take(&a, 1);
        assert!(first.is_some() && shares.take(&a, 1).is_none());
        let waiting = tokio::spawn(async move { shares.wait(&a).await });
        tokio::task::yield_now().await;
        drop(first);
        waiting.await.expect("it has its place");
    }
}
