//! Objects of a store of objects: a bucket is a folder whose files nobody looks into, and its log tells who fetched them.

use crate::support::agent::Setup;
use crate::support::poll;
use serde_json::{Value, json};
use std::fs;
use std::time::Duration;

/// One request, as MinIO tells it: fetches of one object come in two parts.
fn request(second: usize, user: &str, name: &str, object: &str, status: u16) -> String {
    let record = json!({
        "version": "1", "deploymentid": "8ca2b7ad-20cf-4d07-9efb-28b2f519f4a5",
        "time": format!("2026-11-23T10:{:02}:{:02}.5Z", second / 60, second % 60),
        "api": {"name": name, "bucket": "dossiers", "object": object, "statusCode": status, "rx": 0, "tx": 48_123},
        "remotehost": "10.0.0.7", "userAgent": "MinIO (linux; amd64) minio-go/v7.0.80 mc/0.1", "accessKey": user, "parentUser": "",
    });
    format!("{record}\n")
}

#[test]
fn whoever_fetches_a_bucket_is_told_and_whoever_was_refused_is_not() {
    let setup = Setup::new("objects").bare();
    let log = setup.scratch.join("audit.json");
    let fetch = |number: usize| {
        let object = format!("2026/contract-{number}.pdf");
        [
            request(2 * number, "aigul", "GetObject", &object, 206),
            request(2 * number + 1, "aigul", "GetObject", &object, 206),
            request(2 * number + 1, "daniyar", "GetObject", &object, 403),
            request(2 * number + 1, "backup", "GetObject", "2026/contract-1.pdf", 200),
        ]
    };
    fs::write(&log, (0..120).flat_map(fetch).collect::<String>()).unwrap();
    let folder = "[[folder]]\nname = \"scans\"\npath = \"s3://dossiers/2026\"\n";
    let agent = setup.source("objects", "minio_audit", &log, "").with(folder).start();
    let found = poll(Duration::from_secs(60), || {
        let bulk = |one: &Value| one["kuzet.kinds"].as_array().unwrap().iter().any(|of| of["kind"] == "bulk_read");
        agent.setup.incidents().into_iter().find(bulk)
    });
    let found = found.unwrap_or_else(|| panic!("nothing is told\n{}", agent.output()));
    assert_eq!((&found["user.name"], &found["kuzet.store"]["name"]), (&json!("aigul"), &json!("folder/scans")));
    assert_eq!(found["source.ip"], json!(["10.0.0.7"]));
    // Who was refused has read nothing, and whoever reads one file again and again has read one.
    let others = agent.setup.incidents();
    let others: Vec<&Value> = others.iter().filter(|one| one["user.name"] != "aigul").collect();
    let read = |one: &&Value| one["kuzet.kinds"].as_array().unwrap().iter().any(|of| of["kind"] == "bulk_read");
    assert!(!others.iter().any(read), "{others:#?}");
    agent.setup.accounted("objects");
}
