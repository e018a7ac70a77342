//! MinIO's audit log, one JSON object a line, as its webhook sends it: who asked for which object of which bucket.
//!
//! ```text
//! {"version":"1","deploymentid":"…","time":"2026-11-23T17:02:44.536801Z","api":{"name":"GetObject","bucket":"dossiers","object":"2026/a.docx","status":"OK","statusCode":200,"rx":0,"tx":48123},"remotehost":"10.0.0.7","requestID":"15BA4A72C0C70AFC","userAgent":"MinIO (linux; amd64) minio-go/v7.0.80","accessKey":"aigul","parentUser":""}
//! ```
//!
//! Format: <https://min.io/docs/minio/linux/operations/monitoring/minio-logging.html>.
//!
//! Whether an object was there before it was put is not told: it was made. A key that MinIO gave somebody else's account
//! (`parentUser`) acts for that person.

use crate::account::Lines;
use crate::json::{self, Step, Value};
use crate::postgres::Verdict;
use crate::s3::{Asked, Call, Calls};
use crate::times::iso;
use crate::{Chunk, DecodeOptions, Decoded, Decoder};
use kuzet_event::{Deed, Event, Timestamp};
use std::borrow::Cow;

/// Decoder of one audit log.
pub(crate) struct MinioAudit {
    calls: Calls,
    lines: Lines,
}

impl MinioAudit {
    pub(crate) fn new(options: &DecodeOptions) -> MinioAudit {
        MinioAudit { calls: Calls::new(options), lines: Lines::default() }
    }
}

/// The request of a line and its time; `None` where it is no record of this log.
fn read(line: &[u8]) -> Option<(Call<'_>, Timestamp)> {
    let (mut call, mut at, mut named, mut signed) = (Call::default(), None, false, Cow::Borrowed(&b""[..]));
    json::walk(line, |path, value| {
        let number = value.number();
        let Value::Text(text) = value else {
            match path {
                [Step::Key(api), Step::Key(key)] if **api == *b"api" && **key == *b"statusCode" => {
                    call.status = number.unwrap_or_default();
                }
                [Step::Key(api), Step::Key(key)] if **api == *b"api" && **key == *b"tx" => call.sent = number,
                _ => {}
            }
            return;
        };
        match path {
            [Step::Key(key)] => match &**key {
                b"time" => at = iso(&text, 0),
                b"remotehost" => call.client = text,
                b"userAgent" => call.agent = text,
                b"accessKey" => call.user = text,
                b"parentUser" => call.owner = text,
                _ => {}
            },
            [Step::Key(part), Step::Key(key)] => match (&**part, &**key) {
                (b"api", b"name") => (call.asked, named) = (asked(&text), true),
                (b"api", b"bucket") => call.bucket = text,
                (b"api", b"object") => call.keys.push(text),
                (b"requestHeader", b"X-Amz-Copy-Source") => call.source = Cow::Owned(crate::web::percent(&text, false)),
                (b"requestHeader", b"Authorization") => signed = text,
                _ => {}
            },
            [Step::Key(part), Step::Key(list), Step::Item(_), Step::Key(key)]
                if **part == *b"api" && **list == *b"objects" && **key == *b"objectName" =>
            {
                call.keys.push(text);
            }
            _ => {}
        }
    })?;
    call.keys.dedup();
    if call.user.is_empty() {
        // Older versions tell the key in the signature only: `… Credential=KEY/20261123/us-east-1/s3/aws4_request, …`.
        let from = memchr::memmem::find(&signed, b"Credential=").map(|at| at + b"Credential=".len());
        let user = from.and_then(|from| signed[from..].split(|byte| *byte == b'/').next()).map(<[u8]>::to_vec);
        call.user = Cow::Owned(user.unwrap_or_default());
    }
    Some((call, at.filter(|_| named)?))
}

/// What an operation of the interface does to objects.
fn asked(name: &[u8]) -> Option<Asked> {
    Some(Asked::Deed(match name {
        b"GetObject" | b"SelectObjectContent" | b"GetObjectLambda" => Deed::Read,
        b"PutObject" | b"PutObjectExtract" | b"PostPolicyBucket" | b"CompleteMultipartUpload" => Deed::Create,
        b"CopyObject" => return Some(Asked::Copy),
        b"DeleteObject" | b"DeleteMultipleObjects" => Deed::Delete,
        b"PutObjectACL" => Deed::Attributes,
        _ => return None,
    }))
}

impl Decoder for MinioAudit {
    fn decode(&mut self, chunk: Chunk<'_>, events: &mut Vec<Event>) -> Decoded {
        let calls = &mut self.calls;
        self.lines.decode(chunk, |line, place| match read(line.trim_ascii_end()) {
            Some((call, at)) => calls.tell(&call, at, place, events),
            None => Verdict::Lost,
        })
    }

    fn snapshot(&self) -> Vec<u8> {
        let mut out = vec![u8::from(!self.lines.snapshot().is_empty())];
        self.calls.deeds.snapshot(&mut out);
        out
    }

    fn restore(&mut self, snapshot: &[u8]) {
        let [skipping, deeds @ ..] = snapshot else { return };
        self.lines.restore(&[*skipping]);
        self.calls.deeds.restore(deeds);
    }
}

/// Whether `line` could be a record.
pub(crate) fn recognises(line: &[u8]) -> bool {
    line.starts_with(b"{")
        && memchr::memmem::find(line, b"\"deploymentid\"").is_some()
        && memchr::memmem::find(line, b"\"api\"").is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_a_line() {
        let line = br#"{"deploymentid":"1","time":"2026-11-23T17:02:44.5Z","api":{"name":"DeleteMultipleObjects","bucket":"b","objects":[{"objectName":"x"},{"objectName":"y"}],"statusCode":200,"tx":7},"remotehost":"10.0.0.7","requestHeader":{"Authorization":"AWS4-HMAC-SHA256 Credential=aigul/20261123/us-east-1/s3/aws4_request, SignedHeaders=host"}}"#;
        let (call, at) = read(line).unwrap();
        assert!(recognises(line));
        assert_eq!(
            (at.to_string().as_str(), call.asked),
            ("2026-11-23T17:02:44.500000Z", Some(Asked::Deed(Deed::Delete)))
        );
        assert_eq!((&*call.user, call.keys.len(), call.status, call.sent), (&b"aigul"[..], 2, 200, Some(7)));
        assert!(read(b"{\"time\":\"2026-11-23T17:02:44.5Z\"}").is_none() && read(b"{").is_none());
    }
}
