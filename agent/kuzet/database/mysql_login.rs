//! How an account of MariaDB or MySQL proves itself: the greeting and the plugins.

use super::{DatabaseError, ErrorKind};
use crate::secret::Secret;
use ring::digest::{self, Algorithm, SHA1_FOR_LEGACY_USE_ONLY, SHA256};

/// What the server says first.
pub(super) struct Greeting {
    pub(super) id: u32,
    pub(super) version: String,
    pub(super) capabilities: u32,
    pub(super) salt: Vec<u8>,
    pub(super) plugin: String,
}

impl Greeting {
    pub(super) fn read(packet: &[u8]) -> Result<Greeting, DatabaseError> {
        Greeting::parse(packet).ok_or_else(|| DatabaseError::protocol("not a greeting of MariaDB or MySQL"))
    }

    fn parse(packet: &[u8]) -> Option<Greeting> {
        let rest = packet.strip_prefix(&[10])?;
        let end = memchr::memchr(0, rest)?;
        // MariaDB before 11 puts 5.5.5- in front, for old replicas.
        let version = String::from_utf8_lossy(&rest[..end]).trim_start_matches("5.5.5-").to_owned();
        let rest = &rest[end + 1..];
        let id = u32::from_le_bytes(*rest.first_chunk()?);
        let mut salt = rest.get(4..12)?.to_vec();
        let low = u16::from_le_bytes([*rest.get(13)?, *rest.get(14)?]);
        let high = rest.get(18..20).map_or(0, |high| u16::from_le_bytes([high[0], high[1]]));
        let (mut plugin, length) = (String::from("mysql_native_password"), usize::from(*rest.get(20).unwrap_or(&0)));
        if let Some(tail) = rest.get(31..) {
            let more = length.saturating_sub(8).max(13).min(tail.len());
            salt.extend(&tail[..more]);
            let name = &tail[more..];
            let name = &name[..memchr::memchr(0, name).unwrap_or(name.len())];
            if !name.is_empty() {
                plugin = String::from_utf8_lossy(name).into_owned();
            }
        }
        trim(&mut salt);
        Some(Greeting { id, version, capabilities: u32::from(low) | u32::from(high) << 16, salt, plugin })
    }
}

/// The salt ends in a zero that is not part of it.
fn trim(salt: &mut Vec<u8>) {
    if salt.last() == Some(&0) {
        salt.pop();
    }
}

/// The plugin and the salt of a request to prove oneself otherwise.
pub(super) fn switch(body: &[u8]) -> (String, Vec<u8>) {
    let end = memchr::memchr(0, body).unwrap_or(body.len());
    let mut salt = body.get(end + 1..).unwrap_or_default().to_vec();
    trim(&mut salt);
    (String::from_utf8_lossy(&body[..end]).into_owned(), salt)
}

/// The proof for the plugins that hash; `None` for others.
pub(super) fn scramble(plugin: &str, salt: &[u8], password: Option<&Secret>) -> Option<Vec<u8>> {
    let hash = |algorithm: &'static Algorithm, parts: &[&[u8]]| {
        let mut context = digest::Context::new(algorithm);
        parts.iter().for_each(|part| context.update(part));
        context.finish().as_ref().to_vec()
    };
    let Some(password) = password else { return Some(Vec::new()) };
    let password = password.expose().as_bytes();
    let (once, mask) = match plugin {
        "mysql_native_password" => {
            let once = hash(&SHA1_FOR_LEGACY_USE_ONLY, &[password]);
            let twice = hash(&SHA1_FOR_LEGACY_USE_ONLY, &[&once]);
            (once, hash(&SHA1_FOR_LEGACY_USE_ONLY, &[salt, &twice]))
        }
        "caching_sha2_password" => {
            let once = hash(&SHA256, &[password]);
            let twice = hash(&SHA256, &[&once]);
            (once, hash(&SHA256, &[&twice, salt]))
        }
        _ => return None,
    };
    Some(once.iter().zip(mask).map(|(a, b)| a ^ b).collect())
}

/// The answer to a switch to `plugin`.
pub(super) fn answer(
    plugin: &str,
    salt: Vec<u8>,
    password: Option<&Secret>,
    private: bool,
) -> Result<Vec<u8>, DatabaseError> {
    match plugin {
        "mysql_clear_password" | "sha256_password" => clear(plugin, password, private),
        // The kernel tells the server who is there.
        "unix_socket" | "auth_socket" => Ok(Vec::new()),
        _ => scramble(plugin, &salt, password).ok_or_else(|| {
            let name: String = plugin.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(40).collect();
            let message = format!(
                "the account proves itself by {name}, which the agent does not know: use mysql_native_password, \
                 caching_sha2_password or unix_socket"
            );
            DatabaseError::new(ErrorKind::Login, message)
        }),
    }
}

/// The password itself, where nobody can read along.
pub(super) fn clear(plugin: &str, password: Option<&Secret>, private: bool) -> Result<Vec<u8>, DatabaseError> {
    if !private || !matches!(plugin, "mysql_clear_password" | "sha256_password" | "caching_sha2_password") {
        let message = "the server asks for the password itself on an open line: use TLS or the socket";
        return Err(DatabaseError::new(ErrorKind::Login, message));
    }
    let mut bytes = password.map(|password| password.expose().as_bytes().to_vec()).unwrap_or_default();
    bytes.push(0);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn greetings_that_end_early_are_refused() {
        let mut good = b"\x0a5.5.5-10.11.14-MariaDB\0\x07\0\0\0abcdefgh\0\xfe\xf7\x2d\x02\0\xff\x81\x15".to_vec();
        good.extend([0; 10]);
        good.extend(b"ijklmnopqrst\0mysql_native_password\0");
        let greeting = Greeting::read(&good).ok().unwrap();
        assert_eq!((greeting.id, greeting.version.as_str()), (7, "10.11.14-MariaDB"));
        assert_eq!(greeting.salt, b"abcdefghijklmnopqrst");
        assert_eq!(greeting.plugin, "mysql_native_password");
        for end in 0..38 {
            assert!(Greeting::read(&good[..end]).is_err(), "{end}");
        }
    }

    #[test]
    fn the_password_itself_goes_over_private_lines_only() {
        let password = Secret::new("pw").unwrap();
        assert!(clear("mysql_clear_password", Some(&password), false).is_err());
        assert_eq!(clear("mysql_clear_password", Some(&password), true).unwrap(), b"pw\0");
        assert!(answer("client_ed25519", Vec::new(), Some(&password), true).is_err());
    }

    /// mysql_native_password: the server holds SHA1(SHA1(password)), takes its mask off and compares.
    #[test]
    fn a_server_would_accept_the_scramble() {
        let sha1 = |bytes: &[u8]| digest::digest(&SHA1_FOR_LEGACY_USE_ONLY, bytes).as_ref().to_vec();
        let (salt, password) = (b"01234567890123456789", Secret::new("analyst-pw").unwrap());
        let proof = scramble("mysql_native_password", salt, Some(&password)).unwrap();
        let held = sha1(&sha1(b"analyst-pw"));
        let mask = sha1(&[&salt[..], &held].concat());
        let once: Vec<u8> = proof.iter().zip(mask).map(|(a, b)| a ^ b).collect();
        assert_eq!(sha1(&once), held);
    }
}
