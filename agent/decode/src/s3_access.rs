//! The server access log of Amazon S3 and of what speaks like it: one line a request.
//!
//! ```text
//! 79a5…47ef2be dossiers [23/Nov/2026:17:02:44 +0000] 10.0.0.7 arn:aws:iam::123456789012:user/aigul 3E57427F3EXAMPLE REST.GET.OBJECT 2026/a.docx "GET /dossiers/2026/a.docx HTTP/1.1" 200 - 48123 48123 7 6 "-" "aws-cli/2.15" - …
//! ```
//!
//! Format: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/LogFormat.html>. Lines come late, out of order and not all
//! of them, says Amazon. A copy is two lines: the source was read, the new object made.

use crate::account::Lines;
use crate::postgres::Verdict;
use crate::s3::{Asked, Call, Calls};
use crate::times::clf;
use crate::web::percent;
use crate::{Chunk, DecodeOptions, Decoded, Decoder};
use kuzet_event::{Deed, Event, Timestamp};
use std::borrow::Cow;

/// Decoder of one access log.
pub(crate) struct S3Access {
    calls: Calls,
    lines: Lines,
}

impl S3Access {
    pub(crate) fn new(options: &DecodeOptions) -> S3Access {
        S3Access { calls: Calls::new(options), lines: Lines::default() }
    }
}

/// The next field and what stands behind it: a word, or what is quoted.
fn field(text: &[u8]) -> Option<(&[u8], &[u8])> {
    if let Some(quoted) = text.strip_prefix(b"\"") {
        // The log escapes nothing: the quote that ends a field has a blank behind it, or nothing.
        let end = memchr::memchr_iter(b'"', quoted).find(|at| matches!(quoted.get(at + 1), None | Some(b' ')))?;
        return Some((&quoted[..end], quoted.get(end + 2..).unwrap_or_default()));
    }
    match memchr::memchr(b' ', text) {
        Some(end) => Some((&text[..end], &text[end + 1..])),
        None => (!text.is_empty()).then_some((text, &b""[..])),
    }
}

/// The request of a line and its time.
fn read(line: &[u8]) -> Option<(Call<'_>, Timestamp)> {
    let (owner, rest) = field(line)?;
    let (bucket, rest) = field(rest)?;
    let (at, rest) = clf(rest.strip_prefix(b"[")?)?;
    let mut rest = rest.strip_prefix(b"] ")?;
    let mut fields = [&b""[..]; 13];
    for place in &mut fields {
        (*place, rest) = field(rest)?;
        if *place == b"-" {
            *place = b"";
        }
    }
    let [client, user, _, operation, key, _, status, _, sent, _, _, _, _] = fields;
    let agent = field(rest).map_or(&b""[..], |(agent, _)| agent);
    let number = |text: &[u8]| std::str::from_utf8(text).ok()?.parse::<u64>().ok();
    let named =
        operation.contains(&b'.') && operation.iter().all(|byte| byte.is_ascii_uppercase() || b"._".contains(byte));
    if owner.is_empty() || !named {
        return None;
    }
    // Of `arn:aws:iam::123456789012:user/aigul` the account; its number may be taken for a person's.
    let user = user.rsplit(|byte| matches!(byte, b'/' | b':')).next().unwrap_or_default();
    let call = Call {
        user: Cow::Borrowed(user),
        client: Cow::Borrowed(client),
        agent: Cow::Borrowed(if agent == b"-" { b"" } else { agent }),
        asked: asked(operation),
        bucket: Cow::Borrowed(bucket),
        keys: vec![Cow::Owned(percent(key, false))],
        status: number(status).unwrap_or_default(),
        sent: number(sent),
        ..Call::default()
    };
    Some((call, at))
}

/// What an operation does to objects.
fn asked(operation: &[u8]) -> Option<Asked> {
    Some(Asked::Deed(match operation {
        b"REST.GET.OBJECT" | b"REST.COPY.OBJECT_GET" | b"REST.SELECT.OBJECT" | b"WEBSITE.GET.OBJECT" => Deed::Read,
        b"REST.PUT.OBJECT" | b"REST.POST.OBJECT" | b"REST.POST.UPLOAD" | b"REST.COPY.OBJECT" => Deed::Create,
        b"REST.DELETE.OBJECT" | b"BATCH.DELETE.OBJECT" => Deed::Delete,
        b"REST.PUT.ACL" | b"REST.PUT.OBJECT_ACL" => Deed::Attributes,
        _ => return None,
    }))
}

impl Decoder for S3Access {
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
    read(line.trim_ascii_end()).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_a_line() {
        let line = b"79a59df900b9 dossiers [06/Feb/2026:00:00:38 +0000] 192.0.2.3 arn:aws:iam::123456789012:user/aigul 3E57 REST.GET.OBJECT a%20b.pdf \"GET /a HTTP/1.1\" 206 - 113 - 7 - \"-\" \"aws-cli/2.15\" -";
        let (call, at) = read(line).unwrap();
        assert_eq!(at.to_string(), "2026-02-06T00:00:38.000000Z");
        assert_eq!((&*call.user, &*call.keys[0], &*call.agent), (&b"aigul"[..], &b"a b.pdf"[..], &b"aws-cli/2.15"[..]));
        assert_eq!((call.status, call.sent, call.asked), (206, Some(113), Some(Asked::Deed(Deed::Read))));
        let web = b"10.0.0.7 - clerk7 [23/Nov/2026:04:08:12 +0000] \"GET / HTTP/1.1\" 200 3 \"-\" \"curl/7.88.1\"";
        assert!(read(web).is_none() && read(b"").is_none() && read(b"a b [x").is_none());
    }
}
