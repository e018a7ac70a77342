//! Programs that are started, where the kernel takes no program of ours: its process connector, which needs
//! CAP_NET_ADMIN, else a look at /proc every second.

use super::host;
use super::netlink::{self, Socket, message, number};
use super::record::{Record, What};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::collections::HashSet;
use std::os::fd::BorrowedFd;

/// Group of the connector that tells of processes, which is its number and that of its value, too.
const PROCESSES: u32 = 1;
/// A program was started.
const EXEC: u32 = 2;
/// How often /proc is looked at, in nanoseconds.
const LOOK: u64 = 1_000_000_000;

/// Longest wait for the connector's first word.
const ANSWER: Timespec = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };

/// Where it is learnt.
pub(super) struct Programs {
    connector: Option<Socket>,
    known: HashSet<u32>,
    next_look: u64,
    lost: u64,
}

impl Programs {
    pub(super) fn open() -> Programs {
        let connector = connector().ok();
        Programs { connector, known: host::processes().into_iter().collect(), next_look: 0, lost: 0 }
    }

    /// What is not seen this way.
    pub(super) fn missing(&self) -> &'static str {
        match self.connector {
            Some(_) => "programs that end within milliseconds (three of ten short commands)",
            None => "programs that run for less than a second (needs CAP_NET_ADMIN)",
        }
    }

    pub(super) fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.connector.as_ref().map(Socket::fd)
    }

    /// When it must be asked, if it does not tell.
    pub(super) fn due(&self) -> Option<u64> {
        self.connector.is_none().then_some(self.next_look)
    }

    pub(super) fn lost(&mut self) -> u64 {
        std::mem::take(&mut self.lost)
    }

    /// Gives the programs that were started since the last round.
    pub(super) fn records(&mut self, now: u64, take: &mut dyn FnMut(Record)) {
        let Some(connector) = &mut self.connector else { return self.look(now, take) };
        loop {
            let heard = connector.receive(|message| {
                // One that is gone before it could be asked for is nobody.
                if let Some(record) = started(message.body).and_then(|pid| told(pid, now)) {
                    take(record);
                }
            });
            match heard {
                Ok(true) => {}
                Err(Errno::NOBUFS) => self.lost += connector.dropped(),
                Ok(false) | Err(_) => return,
            }
        }
    }

    fn look(&mut self, now: u64, take: &mut dyn FnMut(Record)) {
        if now < self.next_look {
            return;
        }
        self.next_look = now + LOOK;
        let running: HashSet<u32> = host::processes().into_iter().collect();
        for pid in running.difference(&self.known) {
            let Some(record) = told(*pid, now) else { continue };
            // A process that runs its parent's program was forked and has started none.
            let parent = host::process(record.who.parent);
            let own = host::process(*pid);
            let forked =
                parent.zip(own).is_some_and(|(parent, own)| parent.name == own.name && parent.path == own.path);
            if !forked {
                take(record);
            }
        }
        self.known = running;
    }
}

/// A process as the start of its program.
fn told(pid: u32, now: u64) -> Option<Record> {
    let (who, path) = host::who(pid)?;
    Some(Record { at: now, who, what: What::Exec { path: path.unwrap_or_default() } })
}

/// The connector, at work.
fn connector() -> rustix::io::Result<Socket> {
    let mut socket = Socket::open(rustix::net::netlink::CONNECTOR, PROCESSES)?;
    socket.send(&listen(&[1]))?;
    // In a namespace of its own a process is heard and never answered.
    let mut answered = false;
    while !answered {
        let mut waited = [PollFd::from_borrowed_fd(socket.fd(), PollFlags::IN)];
        if poll(&mut waited, Some(&ANSWER))? == 0 {
            return Err(Errno::TIMEDOUT);
        }
        socket.receive(|message| answered |= is_answer(message.body))?;
    }
    // Of programs that start alone (Linux 6.6; older ones do not hear it): nobody is woken for each fork and each end.
    socket.send(&listen(&[1, EXEC]))?;
    Ok(socket)
}

/// A request to the connector: `struct cn_msg`, which is number, value, sequence, answer, length of what follows and flags;
/// then what is asked.
fn listen(asked: &[u32]) -> Vec<u8> {
    let mut body = Vec::new();
    [PROCESSES, 1, 0, 0].iter().for_each(|number| body.extend_from_slice(&number.to_ne_bytes()));
    let length = u16::try_from(4 * asked.len()).unwrap_or(u16::MAX);
    [length, 0].iter().for_each(|number| body.extend_from_slice(&number.to_ne_bytes()));
    asked.iter().for_each(|number| body.extend_from_slice(&number.to_ne_bytes()));
    message(netlink::DONE, 0, &body)
}

/// Whether the connector says that it tells from now on.
fn is_answer(body: &[u8]) -> bool {
    number(body, 20) == Some([0; 4]) && number(body, 36) == Some([0; 4])
}

/// The process that started a program, from `struct cn_msg` and `struct proc_event`.
fn started(body: &[u8]) -> Option<u32> {
    let what = number(body, 20).map(u32::from_ne_bytes)?;
    // Behind it: processor, time, thread, process.
    (what == EXEC).then(|| number(body, 40).map(u32::from_ne_bytes)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_start_is_read_as_it_is_laid_out() {
        let mut body = vec![0; 20];
        for number in [EXEC, 1, 0, 0, 813, 812] {
            body.extend_from_slice(&number.to_ne_bytes());
        }
        assert_eq!(started(&body), Some(812));
        body[20] = 1;
        assert_eq!(started(&body), None, "it was forked");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_bytes_are_a_start_or_none(body in prop::collection::vec(any::<u8>(), 0..80)) {
            prop_assert!(started(&body).is_none() || body.len() >= 44);
        }
    }
}
