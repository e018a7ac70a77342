//! The notifier thread: one event loop, one task a channel. It owns no durable state.

use super::settings::{Channel, Plan};
use super::{Entry, Notifier, NotifyError, alertmanager, jsonlines, terminal, webhook};
use crate::clock::Clock;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc as sync;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::LocalSet;
use tokio::time::{Sleep, sleep};

/// Entries of one channel handed over and not yet reported.
pub(super) const WINDOW: usize = 16;
/// TLS and JSON need some; measured use is below 128 KiB.
const STACK_BYTES: usize = 512 * 1024;

/// Called after each report, so that the data thread takes a turn.
pub type Waker = Arc<dyn Fn() + Send + Sync>;

/// To a channel's task.
pub(super) enum Command {
    /// Tell.
    Notify(Entry),
    /// An incident that was told before the agent was started, as JSON.
    Remember(Arc<str>),
}

/// What became of an entry.
pub(super) enum Outcome {
    Delivered,
    Failed(NotifyError),
    /// Not tried, because the entry before it failed.
    Returned,
}

/// From a channel's task.
pub(super) struct Report {
    pub(super) channel: usize,
    pub(super) id: i64,
    pub(super) outcome: Outcome,
}

/// The one list of notifiers.
fn open(plan: &Arc<Plan>, clock: &Arc<dyn Clock>) -> Box<dyn Notifier> {
    let (shared, clock) = (Arc::clone(plan), Arc::clone(clock));
    match plan.as_ref() {
        Plan::Alertmanager(_) => Box::new(alertmanager::Alertmanager::new(shared, clock)),
        Plan::Webhook(_) => Box::new(webhook::Webhook { plan: shared, clock }),
        Plan::JsonLines(plan) => Box::new(jsonlines::JsonLines::new(plan)),
        Plan::Terminal => Box::new(terminal::Terminal),
    }
}

/// The running thread.
pub(super) struct Worker {
    pub(super) commands: Vec<mpsc::Sender<Command>>,
    pub(super) reports: sync::Receiver<Report>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What each task needs besides its notifier.
#[derive(Clone)]
struct Shared {
    reports: sync::SyncSender<Report>,
    resent: Arc<Vec<AtomicU64>>,
    waker: Waker,
}

impl Worker {
    /// Starts the thread. `resent` counts the repeated alerts of each channel.
    pub(super) fn start(
        channels: &[&Channel],
        clock: &Arc<dyn Clock>,
        waker: &Waker,
        resent: &Arc<Vec<AtomicU64>>,
    ) -> io::Result<Worker> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(4)
            .thread_stack_size(STACK_BYTES)
            .build()?;
        // Room for every entry that can be under way: a report never waits.
        let (sender, reports) = sync::sync_channel(WINDOW * channels.len().max(1));
        let shared = Shared { reports: sender, resent: Arc::clone(resent), waker: Arc::clone(waker) };
        let (commands, tasks): (Vec<_>, Vec<_>) = channels
            .iter()
            .map(|channel| {
                let (sender, receiver) = mpsc::channel(WINDOW);
                (sender, (Arc::clone(&channel.plan), channel.name.clone(), receiver))
            })
            .unzip();
        let (stop, stopped) = oneshot::channel::<()>();
        let clock = Arc::clone(clock);
        let thread = std::thread::Builder::new().name("notify".into()).stack_size(STACK_BYTES).spawn(move || {
            let local = LocalSet::new();
            for (number, (plan, name, receiver)) in tasks.into_iter().enumerate() {
                local.spawn_local(serve(number, name, open(&plan, &clock), receiver, shared.clone()));
            }
            drop(shared);
            local.block_on(&runtime, async { drop(stopped.await) });
            // A write to a pipe that nobody reads must not keep the agent from ending.
            drop(local);
            runtime.shutdown_background();
        })?;
        Ok(Worker { commands, reports, stop: Some(stop), thread: Some(thread) })
    }

    /// Ends the thread; attempts under way are broken off.
    pub(super) fn stop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Serves one channel: one entry at a time, in order.
async fn serve(
    channel: usize,
    name: String,
    mut notifier: Box<dyn Notifier>,
    mut commands: mpsc::Receiver<Command>,
    shared: Shared,
) {
    let mut timer: Option<Pin<Box<Sleep>>> = None;
    loop {
        timer = notifier.interval().map(|interval| timer.take().unwrap_or_else(|| Box::pin(sleep(interval))));
        tokio::select! {
                   command = commands.recv() => match command {
                       None => return,
                       Some(Command::Remember(payload)) => {
                           notifier.remember(&payload);
                           // What was told before the restart may end soon.
                           timer = Some(Box::pin(sleep(Duration::ZERO)));
                       }
                       Some(Command::Notify(entry)) => {
                           let result = notifier.notify(&entry).await;
                           let down = matches!(result, Err(NotifyError::Retry { .. }));
                           report(&shared, channel, entry.id, result.map_or_else(Outcome::Failed, |()| Outcome::Delivered));
                           while down && let Ok(Command::Notify(entry)) = commands.try_recv() {
                               report(&shared, channel, entry.id, Outcome::Returned);
                           }
                           (shared.waker)();
                       }
                   },
                   () = async { if let Some(timer) = &mut timer { timer.await } }, if timer.is_some() => {
                       timer = None;
                       match notifier.again().await {
                           Ok(times) => {
        shared.resent[channel].fetch_add(times, Ordering::Relaxed);
        }
                           Err(error) => tracing::warn!(channel = name, %error, "open alerts were not sent again"),
                       }
                   }
               }
    }
}

fn report(shared: &Shared, channel: usize, id: i64, outcome: Outcome) {
    // It fails only when the desk is gone, and then the entry is still in the outbox.
    drop(shared.reports.try_send(Report { channel, id, outcome }));
}
