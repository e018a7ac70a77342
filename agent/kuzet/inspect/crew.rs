//! From files to answers: batches of small files, workers beside each other, and one thread that walks and takes what comes back.

use super::extension;
use super::open::Opened;
use super::walk::{Aside, Entry, Met};
use crate::clock::Clock;
use crate::worker::{Answer, BATCH, Given, Settings, Worker, WorkerError};
use std::io;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

/// What became of one file, or of what is none.
pub enum Looked {
    /// The worker was asked.
    Answered(Entry, Answer),
    /// It could not be opened.
    Unopened(Entry, io::Error),
    /// It was left aside.
    Aside(PathBuf, Aside),
}

type Batch = Vec<(Entry, Opened)>;
type Answers = Result<Vec<Looked>, WorkerError>;

/// Looks inside everything that `walk` comes upon, with `jobs` workers; `digest`: with digests of the contents. `pause` is called
/// before each question, `take` with what
/// came of each file, in no order.
///
/// # Errors
/// No worker can be started.
pub fn inspect(
    walk: impl Iterator<Item = Met>,
    settings: &Settings,
    digest: bool,
    jobs: usize,
    clock: &Arc<dyn Clock>,
    pause: &mut dyn FnMut(),
    take: &mut dyn FnMut(Looked),
) -> Result<(), WorkerError> {
    // One question waits while another is worked on.
    let (send, batches) = sync_channel::<Batch>(jobs.max(1));
    let batches = Arc::new(Mutex::new(batches));
    let (answer, answers) = channel::<Answers>();
    std::thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            let (batches, answer) = (Arc::clone(&batches), answer.clone());
            scope.spawn(move || work(&batches, &answer, digest, Worker::new(settings.clone(), Arc::clone(clock))));
        }
        // Only the workers hold their ends, so that it shows when they are gone.
        drop((answer, batches));
        let mut batch = Batch::new();
        let mut bytes = 0;
        for met in walk {
            match met {
                Met::Entered(..) | Met::Left(..) => {}
                Met::Aside(path, why) => take(Looked::Aside(path, why)),
                Met::File(entry) => match entry.open() {
                    Err(error) => take(Looked::Unopened(entry, error)),
                    Ok(opened) => {
                        bytes += opened.size();
                        batch.push((entry, opened));
                    }
                },
            }
            if batch.len() == BATCH || bytes >= crate::worker::SMALL as u64 {
                pause();
                bytes = 0;
                // Nobody takes it: a worker could not be started, which its answer tells.
                if send.send(std::mem::take(&mut batch)).is_err() {
                    break;
                }
                for answer in answers.try_iter() {
                    answer?.into_iter().for_each(&mut *take);
                }
            }
        }
        if !batch.is_empty() {
            let _ = send.send(batch);
        }
        drop(send);
        answers.iter().try_for_each(|answer| {
            answer?.into_iter().for_each(&mut *take);
            Ok(())
        })
    })
}

/// One worker: takes batches until there are no more, or it cannot be started.
fn work(batches: &Mutex<Receiver<Batch>>, answer: &Sender<Answers>, digest: bool, mut worker: Worker) {
    loop {
        let next = batches.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(batch) = next else { return };
        let answers = ask(&mut worker, digest, batch);
        let lost = answers.is_err();
        if answer.send(answers).is_err() || lost {
            return;
        }
    }
}

fn ask(worker: &mut Worker, digest: bool, batch: Batch) -> Answers {
    let extensions: Vec<String> = batch.iter().map(|(entry, _)| extension(entry.name())).collect();
    let given = batch.iter().zip(&extensions).map(|((_, opened), extension)| Given {
        file: opened.file.as_fd(),
        size: opened.size(),
        extension,
        digest,
        known: None,
    });
    let answers = worker.inspect(&given.collect::<Vec<_>>())?;
    Ok(batch.into_iter().zip(answers).map(|((entry, _), answer)| Looked::Answered(entry, answer)).collect())
}
