//! Transfers that wait for a call, and the calls that take them.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{Semaphore, mpsc, oneshot},
    task::{AbortHandle, JoinSet},
    time::{Instant, timeout_at},
};

use crate::Error;

/// The most items of one call.
pub(super) const MOST: usize = 100;

/// How many calls run at a time.
const CALLS: usize = 4;

/// How long a transfer waits for others once a call is free.
const LINGER: Duration = Duration::from_millis(3);

/// How many transfers wait for a call; more wait to enter.
const WAITING: usize = 4 * MOST;

/// One transfer, and who waits for it.
pub(super) struct Waiting<Q, A> {
    pub(super) request: Q,
    pub(super) answer: oneshot::Sender<Result<A, Error>>,
}

/// The end at which transfers come in. The calls are dropped with its last clone.
#[derive(Debug)]
pub(super) struct Queue<Q, A> {
    sender: mpsc::Sender<Waiting<Q, A>>,
    running: Arc<Running>,
}

#[derive(Debug)]
struct Running(AbortHandle);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl<Q, A> Clone for Queue<Q, A> {
    fn clone(&self) -> Self {
        Self {
            sender: self.sender.clone(),
            running: self.running.clone(),
        }
    }
}

impl<Q: Send + 'static, A: Send + 'static> Queue<Q, A> {
    /// Sends batches with `call`, which answers to each of those who wait. A batch is as long as the sum of `weight` is at
    /// most `limit`.
    pub(super) fn new<F: Future<Output = ()> + Send + 'static>(
        limit: usize,
        weight: impl Fn(&Q) -> usize + Send + 'static,
        call: impl Fn(Vec<Waiting<Q, A>>) -> F + Send + 'static,
    ) -> Self {
        let (sender, mut waiting) = mpsc::channel::<Waiting<Q, A>>(WAITING);
        let run = async move {
            let calls_left = Arc::new(Semaphore::new(CALLS));
            let mut calls = JoinSet::new();
            let mut next = None;
            // The semaphore is never closed.
            while let Ok(permit) = calls_left.clone().acquire_owned().await {
                let Some(first) = (match next.take() {
                    Some(first) => Some(first),
                    None => waiting.recv().await,
                }) else {
                    break;
                };
                let mut sum = weight(&first.request);
                let mut batch = vec![first];
                let until = Instant::now() + LINGER;
                while batch.len() < MOST
                    && let Ok(Some(more)) = timeout_at(until, waiting.recv()).await
                {
                    // The receiver may have been dropped.
                    if more.answer.is_closed() {
                        continue;
                    }
                    sum += weight(&more.request);
                    if sum > limit {
                        next = Some(more);
                        break;
                    }
                    batch.push(more);
                }
                let call = call(batch);
                calls.spawn(async move {
                    call.await;
                    drop(permit);
                });
                while calls.try_join_next().is_some() {}
            }
            while calls.join_next().await.is_some() {}
        };
        Self {
            sender,
            running: Arc::new(Running(tokio::spawn(run).abort_handle())),
        }
    }

    /// Waits for the outcome of one transfer.
    pub(super) async fn send(&self, request: Q) -> Result<A, Error> {
        let (answer, outcome) = oneshot::channel();
        let lost = || Error::Connection("the call was dropped".to_owned());
        let waiting = Waiting { request, answer };
        self.sender.send(waiting).await.map_err(|_| lost())?;
        outcome.await.unwrap_or_else(|_| Err(lost()))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    type Sizes = Arc<Mutex<Vec<usize>>>;

    /// A queue of numbers, each as heavy as it says, which are answered by their doubles; and how large its batches were.
    fn doubling(limit: usize) -> (Queue<usize, usize>, Sizes) {
        let sizes = Sizes::default();
        let seen = sizes.clone();
        let call = move |batch: Vec<Waiting<usize, usize>>| {
            seen.lock().unwrap().push(batch.len());
            async move {
                for Waiting { request, answer } in batch {
                    let _ = answer.send(Ok(2 * request));
                }
            }
        };
        (Queue::new(limit, |number| *number, call), sizes)
    }

    async fn send_all(queue: &Queue<usize, usize>, numbers: Vec<usize>) {
        let sent = numbers.into_iter().map(async |number| {
            let answer = queue.send(number).await.unwrap();
            assert_eq!(answer, 2 * number);
        });
        futures_util::future::join_all(sent).await;
    }

    #[tokio::test(start_paused = true)]
    async fn transfers_at_the_same_time_share_calls_of_up_to_100() {
        let (queue, sizes) = doubling(1_000_000);
        send_all(&queue, (0..250).collect()).await;
        assert_eq!(*sizes.lock().unwrap(), [100, 100, 50]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_is_not_heavier_than_its_limit() {
        let (queue, sizes) = doubling(10);
        send_all(&queue, vec![4, 4, 4, 12, 1]).await;
        assert_eq!(*sizes.lock().unwrap(), [2, 1, 1, 1]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_transfer_alone_is_sent_alone() {
        let (queue, sizes) = doubling(10);
        send_all(&queue, vec![1]).await;
        send_all(&queue, vec![2]).await;
        assert_eq!(*sizes.lock().unwrap(), [1, 1]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_dropped_answer_is_a_lost_call() {
        let queue = Queue::<(), ()>::new(1, |()| 1, |batch| async { drop(batch) });
        assert!(matches!(queue.send(()).await, Err(Error::Connection(_))));
    }
}
