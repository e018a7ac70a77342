//! SCRAM-SHA-256 (RFC 5802, RFC 7677): the client proves the password without sending it, and the server proves that it
//! knows it too.

use super::{DatabaseError, ErrorKind};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::rand::SecureRandom as _;
use ring::{digest, hmac, pbkdf2};
use std::num::NonZeroU32;

/// More rounds than any server asks; a hostile one shall not keep a core busy for long.
const MOST_ROUNDS: u32 = 1_000_000;

/// A dialogue: first message, answer to the server's challenge, check of its last word.
pub(super) struct Scram {
    nonce: String,
    server: Option<(hmac::Key, String)>,
    finished: bool,
}

impl Scram {
    pub(super) fn new() -> Result<Scram, DatabaseError> {
        let mut random = [0; 18];
        ring::rand::SystemRandom::new().fill(&mut random).map_err(|_| refused("no random numbers"))?;
        Ok(Scram { nonce: BASE64.encode(random), server: None, finished: false })
    }

    fn bare(&self) -> String {
        // The name stands in the startup message; servers ignore this one.
        format!("n=,r={}", self.nonce)
    }

    pub(super) fn first(&self) -> String {
        format!("n,,{}", self.bare())
    }

    /// The proof that answers `challenge`.
    pub(super) fn answer(&mut self, challenge: &str, password: &str) -> Result<String, DatabaseError> {
        let field = |name: &str| challenge.split(',').find_map(|part| part.strip_prefix(name));
        let (Some(nonce), Some(salt), Some(rounds)) = (field("r="), field("s="), field("i=")) else {
            return Err(refused("a challenge that is not SCRAM's"));
        };
        let salt = BASE64.decode(salt).map_err(|_| refused("a salt that is not base64"))?;
        let rounds = rounds.parse::<NonZeroU32>().ok().filter(|rounds| rounds.get() <= MOST_ROUNDS);
        let rounds = rounds.ok_or_else(|| refused("a number of rounds out of range"))?;
        if !nonce.starts_with(&self.nonce) || nonce.len() == self.nonce.len() {
            return Err(refused("a nonce that is not ours"));
        }
        let mut salted = [0; 32];
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, rounds, &salt, password.as_bytes(), &mut salted);
        let salted = hmac::Key::new(hmac::HMAC_SHA256, &salted);
        let client = hmac::sign(&salted, b"Client Key");
        let stored = digest::digest(&digest::SHA256, client.as_ref());
        let last = format!("c=biws,r={nonce}");
        let message = format!("{},{challenge},{last}", self.bare());
        let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, stored.as_ref()), message.as_bytes());
        let proof: Vec<u8> = client.as_ref().iter().zip(signature.as_ref()).map(|(a, b)| a ^ b).collect();
        let server = hmac::sign(&salted, b"Server Key");
        self.server = Some((hmac::Key::new(hmac::HMAC_SHA256, server.as_ref()), message));
        Ok(format!("{last},p={}", BASE64.encode(proof)))
    }

    /// Whether the server knows the password too.
    pub(super) fn finish(&mut self, last: &str) -> Result<(), DatabaseError> {
        let (key, message) = self.server.as_ref().ok_or_else(|| refused("an end before the challenge"))?;
        let signature = last.split(',').find_map(|part| part.strip_prefix("v=")).unwrap_or_default();
        let signature = BASE64.decode(signature).unwrap_or_default();
        hmac::verify(key, message.as_bytes(), &signature)
            .map_err(|_| refused("no proof that it knows the password: it may be another server"))?;
        self.finished = true;
        Ok(())
    }

    /// Whether the server proved itself.
    pub(super) fn is_finished(&self) -> bool {
        self.finished
    }
}

fn refused(what: &str) -> DatabaseError {
    DatabaseError::new(ErrorKind::Login, format!("SCRAM: the server gave {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The exchange of RFC 7677, section 3, but for the user's name, which PostgreSQL leaves empty: the proof was made
    /// with the RFC's own formulas over that message, and the server's signature is checked by the same code path.
    #[test]
    fn a_server_that_does_not_know_the_password_is_found_out() {
        let mut scram = Scram { nonce: "rOprNGfwEbeRWgbNEkqO".into(), server: None, finished: false };
        let challenge = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
        let answer = scram.answer(challenge, "pencil").unwrap();
        assert!(answer.starts_with("c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p="));
        assert!(scram.finish("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=").is_err());
        let (key, message) = scram.server.as_ref().unwrap();
        let good = BASE64.encode(hmac::sign(key, message.as_bytes()));
        assert!(scram.finish(&format!("v={good}")).is_ok());
    }

    #[test]
    fn bad_challenges_are_refused() {
        let mut scram = Scram { nonce: "abc".into(), server: None, finished: false };
        for bad in ["", "r=abc,s=AA==,i=1", "r=xyz1,s=AA==,i=1", "r=abc1,s=*,i=1", "r=abc1,s=AA==,i=0"] {
            assert!(scram.answer(bad, "p").is_err(), "{bad}");
        }
        assert!(scram.answer("r=abc1,s=AA==,i=99999999", "p").is_err());
        assert!(scram.finish("v=").is_err());
    }
}
