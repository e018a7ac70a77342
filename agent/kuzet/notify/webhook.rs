//! POSTs each notification as JSON to an address of the user's choice, signed if there is a key (Standard Webhooks 1.0:
//! HMAC-SHA256 over `id.timestamp.body`).

use super::http::Http;
use super::{Attempt, Entry, Notifier, NotifyError, Plan as AnyPlan, envelope};
use crate::clock::Clock;
use crate::secret::Secret;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use ring::hmac;
use std::sync::Arc;

/// Key of the signature.
pub(super) struct Key(hmac::Key);

impl Key {
    /// From `whsec_` and base64 of 24 to 64 bytes.
    pub(super) fn new(secret: &Secret) -> Result<Key, String> {
        let wrong = || "the key must be whsec_ and base64 of 24 to 64 bytes".to_owned();
        let text = secret.expose().strip_prefix("whsec_").ok_or_else(wrong)?;
        let bytes = STANDARD.decode(text).map_err(|_| wrong())?;
        if (24..=64).contains(&bytes.len()) { Ok(Key(hmac::Key::new(hmac::HMAC_SHA256, &bytes))) } else { Err(wrong()) }
    }

    /// Value of the header `webhook-signature`.
    fn sign(&self, id: &str, seconds: i64, body: &str) -> String {
        let tag = hmac::sign(&self.0, format!("{id}.{seconds}.{body}").as_bytes());
        format!("v1,{}", STANDARD.encode(tag))
    }
}

/// What the channel needs.
pub(super) struct Plan {
    pub(super) http: Http,
    pub(super) key: Option<Key>,
}

/// The notifier.
pub(super) struct Webhook {
    pub(super) plan: Arc<AnyPlan>,
    pub(super) clock: Arc<dyn Clock>,
}

impl Notifier for Webhook {
    fn notify<'a>(&'a mut self, entry: &'a Entry) -> Attempt<'a> {
        Box::pin(async move {
            let AnyPlan::Webhook(plan) = self.plan.as_ref() else { return Ok(()) };
            let body = envelope::seal(entry)?;
            let headers = headers(plan.key.as_ref(), &entry.delivery(), self.clock.as_ref(), &body)?;
            plan.http.post(headers, body.into_bytes()).await
        })
    }
}

fn headers(key: Option<&Key>, id: &str, clock: &dyn Clock, body: &str) -> Result<HeaderMap, NotifyError> {
    let value = |text: &str| {
        HeaderValue::from_str(text)
            .map_err(|_| NotifyError::Refused { reason: "the incident's name does not fit a header".into() })
    };
    let mut headers = HeaderMap::new();
    let seconds = clock.wall().0.div_euclid(1_000_000);
    headers.insert(HeaderName::from_static("idempotency-key"), value(id)?);
    headers.insert(HeaderName::from_static("webhook-id"), value(id)?);
    headers.insert(HeaderName::from_static("webhook-timestamp"), value(&seconds.to_string())?);
    if let Some(key) = key {
        headers.insert(HeaderName::from_static("webhook-signature"), value(&key.sign(id, seconds, body))?);
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret;
    use std::io::Write;
    use std::os::unix::fs::PermissionsExt;

    fn secret(text: &str) -> Secret {
        let path = std::env::temp_dir().join(format!("kuzet-{}-{:x}", std::process::id(), text.len()));
        let mut file = std::fs::File::create(&path).unwrap();
        file.set_permissions(std::fs::Permissions::from_mode(0o600)).unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let secret = secret::from_file(&path).ok().unwrap();
        std::fs::remove_file(path).unwrap();
        secret
    }

    /// The example of the specification (standard-webhooks/spec, "Signature scheme").
    #[test]
    fn signs_as_the_specification_does() {
        let key = Key::new(&secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")).ok().unwrap();
        let body = r#"{"test": 2432232314}"#;
        let signature = key.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn refuses_weak_keys() {
        for text in ["MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_YWJj", "whsec_!", "whsec_"] {
            assert!(Key::new(&secret(text)).is_err(), "{text}");
        }
    }
}
