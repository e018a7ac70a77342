//! Alertmanager, API version 2: an alert fires while its incident is open and is resolved when it is closed.
//!
//! Alertmanager keeps no alert that is not told again, so every open one is re-sent with an `endsAt` some intervals
//! ahead: should the agent stop, its alerts end by themselves (and the rule on the missing agent fires).

use super::http::Http;
use super::{Again, Attempt, Entry, Notifier, NotifyError, Plan as AnyPlan};
use crate::clock::Clock;
use kuzet_event::{Count, Timestamp};
use kuzet_incident::{Incident, State};
use reqwest::header::HeaderMap;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Alerts re-sent. Those beyond are told once with a far end, so that the memory stays bounded.
const MOST_OPEN: usize = 1000;
/// End of an alert that is not re-sent.
const FAR: Duration = Duration::from_secs(7 * 24 * 3600);
/// `endsAt` lies this many intervals ahead.
const INTERVALS: u32 = 4;
/// Alerts a request.
const BATCH: usize = 64;
/// Longest label and annotation, characters.
const LABEL: usize = 200;
const ANNOTATION: usize = 1000;

/// What the channel needs.
pub(super) struct Plan {
    pub(super) http: Http,
    pub(super) host: String,
    pub(super) resend: Duration,
    pub(super) generator: Option<String>,
}

type Labels = BTreeMap<&'static str, String>;

/// One open alert, as told last.
struct Alert {
    labels: Labels,
    annotations: Labels,
    starts: Timestamp,
}

/// `postableAlert` of the API.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Postable<'a> {
    labels: &'a Labels,
    annotations: &'a Labels,
    starts_at: String,
    ends_at: String,
    #[serde(rename = "generatorURL", skip_serializing_if = "Option::is_none")]
    generator_url: Option<&'a str>,
}

impl Alert {
    fn of(incident: &Incident, host: &str) -> Alert {
        let kind = incident.kinds.first().map_or("", |kind| kind.kind.name());
        let labels = [
            ("alertname", "KuzetIncident".to_owned()),
            ("incident", incident.id.to_string()),
            ("severity", name(&incident.severity)),
            ("kind", kind.to_owned()),
            ("family", name(&incident.family)),
            ("store", incident.store.as_ref().map_or_else(String::new, |store| store.name.clone())),
            ("system", incident.system.name().to_owned()),
            ("host", host.to_owned()),
            ("clause", incident.clauses.join(" ")),
        ];
        let latest = incident.timeline.entries.last().map_or("", |entry| entry.reason.as_str());
        let annotations = [
            ("summary", incident.headline.clone()),
            ("description", latest.to_owned()),
            ("people", people(incident)),
            ("rows", rows(incident)),
            ("user", incident.user.clone()),
            ("person", incident.person.clone()),
            ("clients", incident.clients.join(", ")),
            ("state", name(&incident.lifecycle.state)),
            ("outcome", name(&incident.outcome)),
            ("runbook", format!("kuzet incidents show {}", incident.id)),
        ];
        Alert { labels: fit(labels, LABEL), annotations: fit(annotations, ANNOTATION), starts: incident.since }
    }

    fn until<'a>(&'a self, now: Timestamp, end: Timestamp, generator: Option<&'a str>) -> Postable<'a> {
        // Alertmanager refuses an alert that ends before it starts; the server's clock may be ahead of ours.
        let starts = self.starts.min(now).min(end);
        Postable {
            labels: &self.labels,
            annotations: &self.annotations,
            starts_at: starts.to_string(),
            ends_at: end.to_string(),
            generator_url: generator,
        }
    }
}

/// The stable name of a value, as in the incident's JSON.
fn name<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(text)) => text,
        _ => String::new(),
    }
}

/// Without empty values (they mean "no label"), each within `longest` characters and on one line.
fn fit<const N: usize>(pairs: [(&'static str, String); N], longest: usize) -> Labels {
    let clean = |text: String| -> String {
        text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(longest).collect()
    };
    pairs.into_iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| (name, clean(value))).collect()
}

fn people(incident: &Incident) -> String {
    let people = &incident.people;
    match people.at_most {
        Count::Known(most) if most == people.at_least => format!("{most}"),
        Count::Known(most) => format!("from {} to {most}", people.at_least),
        Count::Unknown => format!("at least {}, upper bound unknown", people.at_least),
    }
}

fn rows(incident: &Incident) -> String {
    match (incident.rows.moved(), incident.rows.unknown_parts) {
        (0, 0) => String::new(),
        (known, 0) => format!("{known}"),
        (0, _) => "unknown".to_owned(),
        (known, parts) => format!("{known}, and unknown rows of {parts} more detections"),
    }
}

/// The notifier.
pub(super) struct Alertmanager {
    plan: Arc<AnyPlan>,
    clock: Arc<dyn Clock>,
    open: BTreeMap<String, Alert>,
}

impl Alertmanager {
    pub(super) fn new(plan: Arc<AnyPlan>, clock: Arc<dyn Clock>) -> Alertmanager {
        Alertmanager { plan, clock, open: BTreeMap::new() }
    }

    fn plan(&self) -> Option<&Plan> {
        match self.plan.as_ref() {
            AnyPlan::Alertmanager(plan) => Some(plan),
            _ => None,
        }
    }

    async fn tell(&mut self, entry: &Entry) -> Result<(), NotifyError> {
        let incident = parse(&entry.payload)?;
        let closed = incident.lifecycle.state == State::Closed;
        let id = incident.id.to_string();
        let keep = !closed && (self.open.contains_key(&id) || self.open.len() < MOST_OPEN);
        let Some(plan) = self.plan() else { return Ok(()) };
        let now = self.clock.wall();
        let mut alert = Alert::of(&incident, &plan.host);
        if is_unsaved(&entry.payload) {
            let words = "the agent's store cannot be written: this incident is in its memory only";
            alert.annotations.insert("unsaved", words.to_owned());
        }
        let end = match (closed, keep) {
            (true, _) => now,
            (false, true) => now + plan.resend * INTERVALS,
            (false, false) => now + FAR,
        };
        let mut alerts = Vec::with_capacity(2);
        // Other labels make another alert: the one told before is over.
        if let Some(before) = self.open.get(&id).filter(|before| before.labels != alert.labels) {
            alerts.push(before.until(now, now, plan.generator.as_deref()));
        }
        alerts.push(alert.until(now, end, plan.generator.as_deref()));
        post(&plan.http, &alerts).await?;
        if keep {
            self.open.insert(id, alert);
        } else {
            self.open.remove(&id);
        }
        Ok(())
    }

    async fn tell_again(&self) -> Result<u64, NotifyError> {
        let Some(plan) = self.plan() else { return Ok(0) };
        let open: Vec<&Alert> = self.open.values().collect();
        let mut told = 0;
        for batch in open.chunks(BATCH) {
            let now = self.clock.wall();
            let end = now + plan.resend * INTERVALS;
            let alerts: Vec<_> = batch.iter().map(|alert| alert.until(now, end, plan.generator.as_deref())).collect();
            post(&plan.http, &alerts).await?;
            told += batch.len() as u64;
        }
        Ok(told)
    }
}

impl Notifier for Alertmanager {
    fn notify<'a>(&'a mut self, entry: &'a Entry) -> Attempt<'a> {
        Box::pin(self.tell(entry))
    }

    fn remember(&mut self, payload: &str) {
        let Ok(incident) = parse(payload) else { return };
        let Some(plan) = self.plan() else { return };
        if incident.lifecycle.state != State::Closed && self.open.len() < MOST_OPEN {
            let alert = Alert::of(&incident, &plan.host);
            self.open.insert(incident.id.to_string(), alert);
        }
    }

    fn interval(&self) -> Option<Duration> {
        if self.open.is_empty() { None } else { self.plan().map(|plan| plan.resend) }
    }

    fn again(&mut self) -> Again<'_> {
        Box::pin(self.tell_again())
    }
}

fn parse(payload: &str) -> Result<Incident, NotifyError> {
    Incident::from_json(payload)
        .map_err(|error| NotifyError::Refused { reason: format!("the stored incident cannot be read: {error}") })
}

/// Whether the document is marked as not recorded (`kuzet.unsaved`).
fn is_unsaved(payload: &str) -> bool {
    #[derive(Default, Deserialize)]
    struct Mark {
        #[serde(rename = "kuzet.unsaved", default)]
        unsaved: bool,
    }
    serde_json::from_str::<Mark>(payload).unwrap_or_default().unsaved
}

async fn post(http: &Http, alerts: &[Postable<'_>]) -> Result<(), NotifyError> {
    let body = serde_json::to_vec(alerts).map_err(|error| NotifyError::Refused { reason: error.to_string() })?;
    http.post(HeaderMap::new(), body).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::sample;

    #[test]
    fn labels_are_short_lines_and_never_empty() {
        let mut incident = sample::incident();
        incident.store = None;
        incident.user = "a\nb".repeat(1000);
        let alert = Alert::of(&incident, &"h".repeat(5000));
        assert!(!alert.labels.contains_key("store"));
        assert_eq!(alert.labels["host"].len(), LABEL);
        assert!(alert.annotations["user"].starts_with("a ba b") && alert.annotations["user"].len() == ANNOTATION);
        assert_eq!(alert.annotations["rows"], "unknown");
    }

    #[test]
    fn an_alert_never_ends_before_it_starts() {
        let alert = Alert::of(&sample::incident(), "db1");
        let early = Timestamp(alert.starts.0 - 5_000_000);
        let posted = alert.until(early, early, None);
        assert_eq!(posted.starts_at, posted.ends_at);
    }

    #[test]
    fn an_unsaved_incident_says_so() {
        let json = sample::incident().to_json().unwrap();
        assert!(!is_unsaved(&json));
        assert!(is_unsaved(&json.replacen('{', "{\"kuzet.unsaved\":true,", 1)));
    }
}
