//! Writes each notification as text for a person to standard error.

use super::{Attempt, Entry, Notifier, NotifyError};
use kuzet_detect::Severity;
use kuzet_incident::{Incident, State, describe};
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};

/// The notifier.
pub(super) struct Terminal;

impl Notifier for Terminal {
    fn notify<'a>(&'a mut self, entry: &'a Entry) -> Attempt<'a> {
        Box::pin(async move {
            let incident = Incident::from_json(&entry.payload).map_err(|error| NotifyError::Refused {
                reason: format!("the stored incident cannot be read: {error}"),
            })?;
            super::blocking(move || {
                let mut out = io::stderr().lock();
                let colour = out.is_terminal() && std::env::var_os("NO_COLOR").is_none();
                out.write_all(render(&incident, colour).as_bytes())
            })
            .await
        })
    }
}

/// The incident in words. Control characters are shown as their escapes: role and program names come from whoever
/// connects, and a terminal obeys them.
fn render(incident: &Incident, colour: bool) -> String {
    let mut text = String::with_capacity(4096);
    let (on, off) = if colour { (paint(incident), "\x1b[0m") } else { ("", "") };
    for (number, line) in describe(incident).lines().enumerate() {
        let (on, off) = if number == 0 { (on, off) } else { ("", "") };
        text.push_str(on);
        for letter in line.chars() {
            if letter.is_control() {
                // Writing to a string cannot fail.
                let _ = write!(text, "{}", letter.escape_unicode());
            } else {
                text.push(letter);
            }
        }
        text.push_str(off);
        text.push('\n');
    }
    text.push('\n');
    text
}

fn paint(incident: &Incident) -> &'static str {
    match (incident.lifecycle.state, incident.severity) {
        (State::Closed, _) => "\x1b[32m",
        (_, Severity::Critical) => "\x1b[1;31m",
        (_, Severity::High) => "\x1b[31m",
        (_, Severity::Medium) => "\x1b[33m",
        (_, Severity::Low) => "\x1b[36m",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::sample;

    #[test]
    fn a_name_cannot_command_the_terminal() {
        let mut incident = sample::incident();
        incident.user = "eve\x1b]0;owned\x07\u{9b}2J".into();
        let plain = render(&incident, false);
        assert!(!plain.chars().any(|letter| letter.is_control() && letter != '\n'), "{plain}");
        assert!(plain.contains("\\u{1b}]0;owned"), "{plain}");
        assert!(render(&incident, true).starts_with("\x1b["));
    }
}
