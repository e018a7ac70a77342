//! What the metrics count, and that their labels are bounded.

use super::{metrics, text, value};
use kuzet::message::{GapReason, Stock};
use kuzet::metrics::list::{BOUNDS, LIST};
use kuzet::metrics::{Names, OpenIncidents, STORE_ERRORS, Told, Totals};
use kuzet::store::StoreErrorKind;
use kuzet_detect::{Kind, Severity, Store, StoreClass};
use kuzet_event::{Count, SourceId, Timestamp};
use std::time::Duration;

fn store(name: &str, guessed: bool) -> Store {
    let (class, persons) = (StoreClass::Restricted, Count::Unknown);
    Store { name: name.into(), class, persons, categories: Vec::new(), guessed }
}

fn series(text: &str) -> usize {
    text.lines().filter(|line| !line.starts_with('#')).count()
}

#[test]
fn a_hostile_log_adds_no_series() {
    let metrics = metrics();
    let known = store("borrowers", false);
    for kind in Kind::ALL {
        for of in [None, Some(&known), Some(&store("x", true))] {
            metrics.detection("bulk_read", kind, Severity::High, of);
        }
    }
    let before = series(&text(&metrics));
    for number in 0..10_000 {
        // Names as a log gives them: as a guess, and (a fault elsewhere) as if the catalogue knew them.
        for guessed in [true, false] {
            let odd = store(&format!("postgresql/{number}\"}}\n# evil"), guessed);
            metrics.detection("bulk_read", Kind::BulkRead, Severity::High, Some(&odd));
            metrics.incident(Kind::BulkRead, Severity::High, Some((&odd.name, guessed)));
        }
        metrics.store_error(&format!("KZ-{number}"));
    }
    let after = text(&metrics);
    assert_eq!(series(&after), before);
    let guessed = r#"kuzet_incidents_total{kind="bulk_read",severity="high",store="guessed"}"#;
    assert_eq!(value(&after, guessed), Some(20_000.0));
    assert_eq!(value(&after, r#"kuzet_store_errors_total{kind="other"}"#), Some(10_000.0));
}

#[test]
fn unknown_is_absent_and_not_zero() {
    let metrics = metrics();
    let late = [
        r#"kuzet_source_lag_seconds{source="pg"}"#,
        r#"kuzet_source_lag_bytes{source="pg"}"#,
        r#"kuzet_source_last_event_timestamp_seconds{source="pg"}"#,
        r#"kuzet_source_readable{source="pg"}"#,
        r#"kuzet_outbox_oldest_timestamp_seconds{channel="am"}"#,
        r#"kuzet_coverage_ratio{source="pg"}"#,
    ];
    let before = text(&metrics);
    for series in late {
        assert_eq!(value(&before, series), None, "{series}");
    }
    let source = metrics.source(SourceId(0)).unwrap();
    source.lag(10, Duration::from_millis(1500));
    source.last_event(Timestamp(1_795_364_550_784_000));
    source.files(2, false);
    source.coverage(0.75);
    metrics.outbox("am", 3, 1, Some(Timestamp(1_500_000)));
    let after = text(&metrics);
    let values: Vec<_> = late.iter().map(|series| value(&after, series)).collect();
    assert_eq!(values, [Some(1.5), Some(10.0), Some(1_795_364_550.784), Some(0.0), Some(1.5), Some(0.75)]);
    source.lag(0, Duration::from_secs(9));
    metrics.outbox("am", 0, 1, None);
    let end = text(&metrics);
    assert_eq!(value(&end, late[0]), Some(0.0));
    assert_eq!(value(&end, late[4]), None);
    assert_eq!(value(&end, r#"kuzet_outbox_dead{channel="am"}"#), Some(1.0));
}

#[test]
fn records_are_accounted_for() {
    let metrics = metrics();
    let source = metrics.source(SourceId(1)).unwrap();
    source.totals(Totals { seen: 10, handled: 6, suppressed: 3, lost: 1, events: 8, told: 2, untold: 1, ahead: 0 });
    source.totals(Totals { seen: 12, handled: 8, suppressed: 3, lost: 1, events: 9, told: 3, untold: 1, ahead: 0 });
    source.gap(GapReason::Truncated);
    let text = text(&metrics);
    assert_eq!(value(&text, r#"kuzet_records_seen_total{source="my"}"#), Some(12.0));
    let results = ["handled", "suppressed", "lost"];
    let sum = results.map(|result| value(&text, &format!(r#"kuzet_records_total{{result="{result}",source="my"}}"#)));
    assert_eq!(sum.into_iter().flatten().sum::<f64>(), 12.0);
    assert_eq!(value(&text, r#"kuzet_gaps_total{reason="truncated",source="my"}"#), Some(1.0));
    assert!(metrics.source(SourceId(2)).is_none());
}

#[test]
fn open_incidents_sum_their_bounds_and_count_the_unknown() {
    let metrics = metrics();
    let mut open = OpenIncidents::default();
    open.add(3, Count::Known(10));
    open.add(1, Count::Unknown);
    metrics.open(Severity::Critical, open);
    metrics.told("am", Told::Resent, 5);
    let text = text(&metrics);
    assert_eq!(value(&text, r#"kuzet_incidents_open{severity="critical"}"#), Some(2.0));
    assert_eq!(value(&text, r#"kuzet_people_affected_open{bound="at_least",severity="critical"}"#), Some(4.0));
    assert_eq!(value(&text, r#"kuzet_people_affected_open{bound="at_most",severity="critical"}"#), Some(10.0));
    assert_eq!(value(&text, r#"kuzet_people_unknown_open{severity="critical"}"#), Some(1.0));
    assert_eq!(value(&text, r#"kuzet_notifications_total{channel="am",result="resent"}"#), Some(5.0));
}

#[test]
fn every_metric_is_registered_as_the_list_says() {
    let metrics = metrics();
    let known = store("borrowers", false);
    metrics.detection("export", Kind::Export, Severity::Critical, Some(&known));
    metrics.evictions("detectors", 1);
    metrics.baselines([("learning", 1), ("known", 0)]);
    metrics.outbox("am", 1, 0, Some(Timestamp(1)));
    let source = metrics.source(SourceId(0)).unwrap();
    source.lag(1, Duration::ZERO);
    source.last_event(Timestamp(1));
    source.files(1, true);
    source.coverage(1.0);
    // Gone with the sensor, and no series for what nobody knows.
    source.means(Some("proc"));
    let by = |means| value(&text(&metrics), &format!(r#"kuzet_sensor_means{{means="{means}",source="pg"}}"#));
    assert_eq!((by("bpf"), by("proc"), by("other")), (Some(0.0), Some(1.0), None));
    source.means(None);
    assert_eq!((by("bpf"), by("proc")), (None, None));
    source.means(Some("bpf"));
    source.file_losses(1, 2);
    let folders = metrics.folders();
    let missed = |encrypted, open| [("encrypted", encrypted), ("open", open)].into_iter().collect();
    folders.stock("dossiers", &Stock { files: 3, missed: missed(1, 1), ..Stock::default() });
    folders.stock("dossiers", &Stock { files: 3, missed: missed(1, 0), ..Stock::default() });
    folders.walks("dossiers", 3);
    folders.walked("dossiers", Some(Timestamp(7_000_000)));
    folders.means("dossiers", Some(None));
    folders.inspected("", 9);
    folders.lost("crashed");
    let missed = |why| {
        let series = format!(r#"kuzet_folder_uninspected_files{{folder="dossiers",reason="{why}"}}"#);
        value(&text(&metrics), &series)
    };
    assert_eq!((missed("encrypted"), missed("open")), (Some(1.0), None));
    let unwatched = r#"kuzet_folder_means{folder="dossiers",means="none"}"#;
    assert_eq!(value(&text(&metrics), unwatched), Some(1.0));
    metrics.rules(&[("loaded", 64)]);
    metrics.ruled(1, [("nobody", 2)]);
    assert_eq!(value(&text(&metrics), r#"kuzet_rule_hits_total{rule="other"}"#), Some(2.0));
    let text = text(&metrics);
    for metric in LIST {
        let line = format!("# TYPE {} {}", metric.name, metric.kind.name());
        assert!(text.lines().any(|has| has == line), "{line}");
        for label in metric.labels {
            assert!(BOUNDS.iter().any(|(known, _)| known == label), "{label} has no bound");
        }
    }
    // The folder is configured no more.
    let (with, without) = (["dossiers".to_owned()], Names::default());
    let before = metrics.renamed(Names { folders: &with, ..without }).unwrap();
    metrics.renamed(without).unwrap().forget(&before);
    assert!(!self::text(&metrics).contains("folder=\"dossiers\""));
    let families = text.lines().filter(|line| line.starts_with("# TYPE ")).count();
    assert_eq!(families, LIST.len());
}

#[test]
fn every_failure_of_the_store_has_its_series() {
    for kind in StoreErrorKind::ALL {
        // These are not failures of a running agent's store: they answer a person.
        let answers = ["KZ-STORE-INSECURE", "KZ-STORE-MISSING", "KZ-INCIDENT-UNKNOWN", "KZ-INCIDENT-CLOSED"];
        assert!(STORE_ERRORS.contains(&kind.code()) != answers.contains(&kind.code()), "{}", kind.code());
    }
}
