//! Numbers of records inside their session: what PostgreSQL wrote and the log no longer holds.
//!
//! csvlog and jsonlog count the records of every session from 1, each format for itself (`session_line_num`, `line_num`).
//! stderr counts DETAIL and STATEMENT lines as well, so its `%l` says nothing here.

use kuzet_event::SessionId;

/// Sessions followed at a time. Two that share a place are not judged, which is cheaper than a map and never wrong.
const PLACES: usize = 4096;

/// The last number of each session.
pub(crate) struct Lines(Vec<(u64, u64)>);

impl Lines {
    pub(crate) fn new() -> Lines {
        Lines(Vec::new())
    }

    /// Takes note of record `number` of `session`; gives how many before it are missing. A session that is met in the
    /// middle of a file began in an earlier one.
    pub(crate) fn missing(&mut self, session: SessionId, number: u64) -> u64 {
        if session.0 == 0 || number == 0 {
            return 0;
        }
        if self.0.is_empty() {
            self.0.resize(PLACES, (0, 0));
        }
        // Start time and process id both change slowly: their low bits are spread.
        let place = (session.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 52) as usize % PLACES;
        let (known, last) = std::mem::replace(&mut self.0[place], (session.0, number));
        if known == session.0 && number > last { number - last - 1 } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_what_is_missing_in_the_middle_of_a_session() {
        let mut lines = Lines::new();
        let (one, other) = (SessionId(7), SessionId(9));
        for (session, number, missing) in [
            (one, 3, 0),
            (one, 4, 0),
            (other, 1, 0),
            (one, 9, 4),
            (one, 10, 0),
            (one, 2, 0),
            (SessionId(0), 5, 0),
            (other, 2, 0),
        ] {
            assert_eq!(lines.missing(session, number), missing, "{session:?} {number}");
        }
    }
}
