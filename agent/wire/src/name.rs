//! Names of hosts as they stand in bytes: they may hold anything, so none can be printed.

/// A host's name in lower case, without the dot at its end. Of a question to DNS its labels may hold any byte.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Name(Box<[u8]>);

/// Longest name.
const LONGEST: usize = 255;

/// Second labels below which countries register domains: `com.kz`, `co.uk`, `or.jp`.
const SECOND: [&[u8]; 12] = [b"com", b"co", b"org", b"net", b"edu", b"gov", b"mil", b"ac", b"or", b"ne", b"go", b"gob"];

/// What a name shows of being made up to carry data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Features {
    /// Bytes below the registered domain, dots included.
    pub below: u8,
    /// Bytes of the longest label there.
    pub label: u8,
    /// Different characters there, dots aside.
    pub characters: u8,
    /// Entropy of these characters, in tenths of a bit each.
    pub entropy: u8,
}

impl Name {
    /// A name out of TLS or HTTP: `None` for what no host is called. A port behind it and the brackets of an IPv6
    /// address are left out.
    #[must_use]
    pub fn of_host(text: &[u8]) -> Option<Name> {
        let text = text.trim_ascii();
        let bare = match text.strip_prefix(b"[") {
            Some(rest) => &rest[..memchr::memchr(b']', rest)?],
            // More than one colon is an address without brackets.
            None => match memchr::memchr(b':', text) {
                Some(at) if !text[at + 1..].contains(&b':') => &text[..at],
                _ => text,
            },
        };
        let bare = bare.strip_suffix(b".").unwrap_or(bare);
        let fits = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(byte) || *byte >= 0x80;
        (!bare.is_empty() && bare.len() <= LONGEST && bare.iter().all(fits)).then(|| Name::of_labels([bare]))
    }

    /// The name of a question to DNS, as logs write it: `None` for none, or one that is longer than names are. Its labels may be
    /// made of any bytes.
    #[must_use]
    pub fn of_question(text: &[u8]) -> Option<Name> {
        let text = text.strip_suffix(b".").unwrap_or(text);
        (!text.is_empty() && text.len() <= LONGEST).then(|| Name::of_labels([text]))
    }

    /// From labels of DNS.
    pub(crate) fn of_labels<'a>(labels: impl IntoIterator<Item = &'a [u8]>) -> Name {
        let mut name = Vec::with_capacity(64);
        for label in labels {
            if !name.is_empty() {
                name.push(b'.');
            }
            name.extend(label.iter().map(u8::to_ascii_lowercase));
        }
        Name(name.into())
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Where the registered domain begins: the last two labels, three below `com.kz` and the like.
    fn split(&self) -> usize {
        let mut dots = memchr::memrchr_iter(b'.', &self.0);
        let (Some(last), Some(second)) = (dots.next(), dots.next()) else { return 0 };
        let country = self.0.len() - last == 3;
        if country && SECOND.contains(&&self.0[second + 1..last]) {
            return dots.next().map_or(0, |third| third + 1);
        }
        second + 1
    }

    /// The registered domain.
    #[must_use]
    pub fn registered(&self) -> &[u8] {
        &self.0[self.split()..]
    }

    /// What stands below the registered domain, without the dot between; empty when nothing does.
    #[must_use]
    pub fn below(&self) -> &[u8] {
        &self.0[..self.split().saturating_sub(1)]
    }

    /// What [`below`](Name::below) is made of.
    #[must_use]
    pub fn features(&self) -> Features {
        let below = self.below();
        let mut counts = [0u32; 256];
        let characters = below.iter().filter(|byte| **byte != b'.');
        characters.clone().for_each(|byte| counts[usize::from(*byte)] += 1);
        let all = f64::from(counts.iter().sum::<u32>());
        let share = counts.iter().filter(|count| **count > 0).map(|count| f64::from(*count) / all);
        let bits: f64 = share.clone().map(|share| -share * share.log2()).sum();
        let size = |length: usize| u8::try_from(length).unwrap_or(u8::MAX);
        Features {
            below: size(below.len()),
            label: size(below.split(|byte| *byte == b'.').map(<[u8]>::len).max().unwrap_or(0)),
            characters: size(share.count()),
            entropy: (bits * 10.0).round() as u8,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Name {
        Name::of_labels([text.as_bytes()])
    }

    #[test]
    fn a_question_may_have_any_bytes_and_its_end_is_no_label() {
        let name = Name::of_question(b"\xfeAb\x01.T.Example.").unwrap();
        assert_eq!((name.registered(), name.below()), (&b"t.example"[..], &b"\xfeab\x01"[..]));
        let long = [b'a'; LONGEST + 1];
        assert!([&b""[..], b".", &long].iter().all(|text| Name::of_question(text).is_none()));
        assert!(Name::of_question(&long[1..]).is_some());
    }

    #[test]
    fn the_registered_domain_is_two_labels_or_three() {
        for (name, registered, below) in [
            ("www.mfo.kz", "mfo.kz", "www"),
            ("a.b.api.mfo.com.kz", "mfo.com.kz", "a.b.api"),
            ("mfo.com.kz", "mfo.com.kz", ""),
            ("com.kz", "com.kz", ""),
            ("x.co.uk", "x.co.uk", ""),
            ("a.co.com", "co.com", "a"),
            ("localhost", "localhost", ""),
            ("", "", ""),
            ("..", ".", ""),
        ] {
            let name = of(name);
            assert_eq!((name.registered(), name.below()), (registered.as_bytes(), below.as_bytes()));
        }
    }

    #[test]
    fn made_up_names_look_made_up() {
        let plain = of("www.mfo.kz").features();
        assert_eq!(plain, Features { below: 3, label: 3, characters: 1, entropy: 0 });
        let made = of("nbswy3dpeb3w64tmmqqho2lu.q2lomf4tsobq.t.evil.com").features();
        assert!(made.below == 39 && made.label == 24 && made.characters > 15 && made.entropy > 38, "{made:?}");
        assert_eq!(of("mfo.kz").features(), Features::default());
    }

    #[test]
    fn hosts_are_called_by_letters() {
        let host = |text: &str| Name::of_host(text.as_bytes()).map(|name| String::from_utf8(name.0.to_vec()).unwrap());
        assert_eq!(host(" API.Mfo.KZ.:8443 ").as_deref(), Some("api.mfo.kz"));
        assert_eq!(host("[2001:db8::1]:443").as_deref(), Some("2001:db8::1"));
        assert_eq!(host("2001:db8::1").as_deref(), Some("2001:db8::1"));
        assert_eq!((host(""), host("a b"), host("[::1"), host(&"a".repeat(256))), (None, None, None, None));
    }
}
