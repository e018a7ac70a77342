//! The worker itself: one question after the other, until nobody asks.

use super::asking::more_seconds;
use super::attempts::Prepared;
use super::look::Look;
use super::sandbox;
use super::tally::Tally;
use super::wire::{Asked, Hello, PACKET, Ready, numbers, receive, send};
use anyhow::{Context, bail};
use kuzet_personal::{Classifier, Key};
use rustix::fd::BorrowedFd;
use std::os::fd::AsFd;

/// Answers what is asked on standard input, a socket, until it is closed.
///
/// # Errors
/// Nobody asks, or this kernel refuses the sandbox: then no file is read.
pub fn serve() -> anyhow::Result<()> {
    let input = std::io::stdin();
    let socket = input.as_fd();
    let mut packet = vec![0; PACKET];
    let mut files = Vec::with_capacity(super::BATCH);
    let filled = receive(socket, &mut packet, &mut files).context("the agent starts the worker, nobody else")?;
    let hello: Hello<'_> = serde_json::from_slice(&packet[..filled]).context("the first packet")?;
    let Some([high, low]) = numbers(&hello.key).and_then(|key| <[u128; 2]>::try_from(key).ok()) else {
        bail!("the key is 64 hex digits")
    };
    let mut key = [0; 32];
    key[..16].copy_from_slice(&high.to_be_bytes());
    key[16..].copy_from_slice(&low.to_be_bytes());
    let canaries = numbers(&hello.canaries).context("canaries")?.into_iter().collect();
    let seconds = hello.seconds;
    sandbox::limit(hello.memory)?;
    let classifier = Classifier::new();
    let mut look = Look::new(&classifier, key, Tally::new(Key::new(key), canaries));
    let prepared = hello.prove.then(Prepared::new).transpose()?;
    let ready = serde_json::to_vec(&Ready { landlock: sandbox::close()? })?;
    send(socket, &ready, &[])?;
    if let Some(prepared) = prepared {
        return Ok(send(socket, &serde_json::to_vec(&prepared.try_all())?, &[])?);
    }
    let mut answer = Vec::with_capacity(PACKET);
    loop {
        let filled = receive(socket, &mut packet, &mut files)?;
        if filled == 0 {
            return Ok(());
        }
        let asked: Vec<Asked<'_>> = serde_json::from_slice(&packet[..filled]).context("a question")?;
        if asked.len() != files.len() {
            bail!("{} files are asked about and {} handed over", asked.len(), files.len());
        }
        let size = asked.iter().map(|asked| asked.size).fold(0, u64::saturating_add);
        sandbox::allow_seconds(seconds.saturating_add(more_seconds(size)))?;
        for (file, asked) in files.drain(..).zip(&asked) {
            serde_json::to_writer(&mut answer, &look.inspect(file.as_fd(), asked))?;
            answer.push(b'\n');
            if answer.len() >= PACKET {
                flush(socket, &mut answer)?;
            }
        }
        flush(socket, &mut answer)?;
    }
}

fn flush(socket: BorrowedFd<'_>, answer: &mut Vec<u8>) -> rustix::io::Result<()> {
    answer.chunks(PACKET).try_for_each(|packet| send(socket, packet, &[]))?;
    answer.clear();
    Ok(())
}
