//! Work on bytes, away from the threads that serve calls.

use tokio::{sync::Semaphore, task::spawn_blocking};

use crate::model::error::{Error, Result};

/// The places of such work in this process. Work goes on when its call ends early, for example because the client has left:
/// then the call's own place is free, and this one is not.
static PLACES: Semaphore = Semaphore::const_new(16);

/// Does work that keeps a processor busy. A panic of it is an error of this call alone.
///
/// # Errors
/// `Internal`.
pub(super) async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T> {
    within(&PLACES, work).await
}

async fn within<T: Send + 'static>(
    places: &'static Semaphore,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T> {
    let place = places.acquire().await;
    let place = place.map_err(|e| Error::Internal(e.into()))?;
    let done = spawn_blocking(move || {
        let done = work();
        drop(place);
        done
    });
    done.await.map_err(|e| Error::Internal(e.into()))
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, pin::pin, sync::mpsc, task::Poll};

    use super::*;

    #[tokio::test]
    async fn work_goes_on_in_its_place_when_its_call_has_ended() {
        static ONE: Semaphore = Semaphore::const_new(1);
        let (begin, begun) = mpsc::channel();
        let (end, ended) = mpsc::channel::<()>();
        let work = move || begin.send(()).is_ok() && ended.recv().is_err();
        {
            let mut call = pin!(within(&ONE, work));
            poll_fn(|context| Poll::Ready(call.as_mut().poll(context).is_pending())).await;
        }
        begun.recv().unwrap();
        assert_eq!(ONE.available_permits(), 0);
        drop(end);
        drop(ONE.acquire().await.unwrap());
    }
}
