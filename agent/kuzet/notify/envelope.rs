//! The document that webhook and JSON lines send: the incident in an envelope that names the notification
//! (docs/schema/notification-1.json).

use super::{Entry, NotifyError};
use serde::de::IgnoredAny;

/// Value of the envelope's field `schema`.
pub const SCHEMA: &str = "kuzet.notification/1";

/// One line of JSON, without a line end.
///
/// # Errors
/// Refused when the stored incident is not JSON: the store is damaged, and no later attempt can help.
pub(super) fn seal(entry: &Entry) -> Result<String, NotifyError> {
    let damaged = |error: serde_json::Error| NotifyError::Refused {
        reason: format!("the stored incident is not JSON (line {}, column {})", error.line(), error.column()),
    };
    serde_json::from_str::<IgnoredAny>(&entry.payload).map_err(damaged)?;
    let id = serde_json::to_string(&entry.delivery()).map_err(damaged)?;
    // A line end in JSON can only be white space between tokens.
    let incident = entry.payload.replace(['\n', '\r'], " ");
    Ok(format!(r#"{{"schema":"{SCHEMA}","id":{id},"sequence":{},"incident":{incident}}}"#, entry.sequence))
}
