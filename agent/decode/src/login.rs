//! What PostgreSQL writes when somebody connects.

use kuzet_event::Code;

/// Names in `connection authorized: user=… database=… application_name=…`.
pub(crate) struct Login<'a> {
    pub(crate) user: &'a [u8],
    pub(crate) database: &'a [u8],
    pub(crate) program: &'a [u8],
}

/// The names of a login message; `None` for any other message.
pub(crate) fn authorized(message: &[u8]) -> Option<Login<'_>> {
    let rest = message.strip_prefix(b"replication ").unwrap_or(message).strip_prefix(b"connection authorized: ")?;
    let rest = rest.strip_prefix(b"user=")?;
    // Newest servers end with the encryption: ` SSL enabled (…)`, ` GSS (…)`. Names may hold anything, so the last such
    // ending counts.
    let end = [&b" SSL enabled ("[..], b" GSS ("]
        .iter()
        .filter_map(|mark| memchr::memmem::rfind(rest, mark))
        .min()
        .unwrap_or(rest.len());
    let rest = &rest[..end];
    let (rest, program) = split(rest, b" application_name=");
    let (user, database) = split(rest, b" database=");
    Some(Login { user, database, program })
}

/// The address in `connection received: host=127.0.0.1 port=45118`.
pub(crate) fn received(message: &[u8]) -> Option<&[u8]> {
    let rest = message.strip_prefix(b"connection received: host=")?;
    Some(split(rest, b" port=").0)
}

/// `text` before and after the first `mark`; the second part is empty without one.
fn split<'a>(text: &'a [u8], mark: &[u8]) -> (&'a [u8], &'a [u8]) {
    match memchr::memmem::find(text, mark) {
        Some(at) => (&text[..at], &text[at + mark.len()..]),
        None => (text, b""),
    }
}

/// Whether a FATAL record of that code, without a statement, is a refused login: authentication (class 28), unknown
/// database, no right to connect (a FATAL 42501 occurs at login only), too many connections.
pub(crate) fn refused(code: Code) -> bool {
    let code = code.as_str();
    code.starts_with("28") || matches!(code, "3D000" | "42501" | "53300")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(message: &str) -> Option<(String, String, String)> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        authorized(message.as_bytes()).map(|login| (text(login.user), text(login.database), text(login.program)))
    }

    #[test]
    fn names_of_a_login() {
        let names = |user: &str, database: &str, program: &str| Some((user.into(), database.into(), program.into()));
        assert_eq!(
            show(
                "connection authorized: user=app database=mfo application_name=DBeaver 23.2 SSL enabled (protocol=TLSv1.3)"
            ),
            names("app", "mfo", "DBeaver 23.2")
        );
        assert_eq!(show("connection authorized: user=app database=mfo"), names("app", "mfo", ""));
        assert_eq!(show("replication connection authorized: user=app application_name=psql"), names("app", "", "psql"));
        assert_eq!(show("connection authenticated: identity=\"app\""), None);
        assert_eq!(received(b"connection received: host=10.0.0.1 port=1"), Some(&b"10.0.0.1"[..]));
        assert_eq!(received(b"connection received: host=[local]"), Some(&b"[local]"[..]));
    }
}
