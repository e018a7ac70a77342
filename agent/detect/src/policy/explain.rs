//! Why the policy decides as it does: every rule with the first condition that it fails.

use super::{Condition, Doing, Policy};
use kuzet_event::{Actor, Timestamp};

/// What is asked: may `actor` do that, there and then?
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// Role, client, program.
    pub actor: &'a Actor,
    /// Name of the store.
    pub store: &'a str,
    /// A word of [`Policy::words`].
    pub action: &'a str,
    /// When.
    pub at: Timestamp,
    /// Rows of the statement, if known.
    pub rows: Option<u64>,
}

/// What one rule says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opinion {
    /// Line of the rule in its file.
    pub line: usize,
    /// The condition that it fails first; `None` allows it.
    pub fails: Option<&'static str>,
    /// The job that it declares.
    pub job: Option<String>,
}

impl Policy {
    /// What a policy can allow, in its own words.
    pub fn words() -> impl Iterator<Item = &'static str> {
        Doing::ALL.iter().map(|(word, _)| *word)
    }

    /// What every rule says, in the order of the file; `None` when the action is no word of the policy. People per hour
    /// and what a job does in a day are counted over time and not part of the answer.
    #[must_use]
    pub fn explain(&self, question: &Question<'_>) -> Option<Vec<Opinion>> {
        let (_, doing) = Doing::ALL.iter().find(|(word, _)| *word == question.action)?;
        let opinion = |rule: &super::Rule| {
            let fails = match rule.failing(question.actor, question.store, *doing) {
                (_, Some(condition)) => Some(condition),
                (_, None) => rule.failing_at(question.at, question.rows),
            };
            let job = rule.job.as_ref().map(|job| job.name.clone());
            Opinion { line: rule.line, fails: fails.map(Condition::name), job }
        };
        Some(self.rules.iter().map(opinion).collect())
    }
}
