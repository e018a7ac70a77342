//! Protocols in clear text by their first line, and the host that a request of HTTP names.

use crate::Name;
use crate::stream::Protocol;
use crate::tls::Read;

/// What the first lines of one side say.
pub(crate) struct Head {
    pub(crate) protocol: Protocol,
    pub(crate) name: Option<Name>,
}

const METHODS: [&[u8]; 9] =
    [b"GET ", b"POST ", b"PUT ", b"HEAD ", b"PATCH ", b"DELETE ", b"OPTIONS ", b"CONNECT ", b"PROPFIND "];

/// First words of a side, and what speaks so.
const WORDS: [(&[u8], Protocol); 13] = [
    (b"HTTP/1.", Protocol::Http),
    (b"PRI * HTTP/2", Protocol::Http),
    (b"SSH-", Protocol::Ssh),
    (b"EHLO ", Protocol::Smtp),
    (b"HELO ", Protocol::Smtp),
    (b"LHLO ", Protocol::Smtp),
    (b"USER ", Protocol::Ftp),
    (b"AUTH TLS", Protocol::Ftp),
    (b"AUTH SSL", Protocol::Ftp),
    (b"FEAT\r", Protocol::Ftp),
    (b"PASV\r", Protocol::Ftp),
    (b"STOR ", Protocol::Ftp),
    (b"220-", Protocol::Ftp),
];

/// Reads the first bytes of one side. `full`: no more will come.
pub(crate) fn head(bytes: &[u8], full: bool) -> Read<Head> {
    let told = |protocol, name| Read::Done(Head { protocol, name });
    if METHODS.iter().any(|method| bytes.starts_with(method)) {
        return match request(bytes) {
            Read::Done(name) => told(Protocol::Http, name),
            Read::Not => told(Protocol::Http, None),
            Read::More if full => told(Protocol::Http, None),
            Read::More => Read::More,
        };
    }
    if bytes.starts_with(b"220") {
        // The greeting of a mail server says so; others that greet with it are of FTP.
        let Some(line) = memchr::memchr(b'\n', bytes).map(|end| &bytes[..end]) else {
            return if full || bytes.len() > 512 { told(Protocol::Other, None) } else { Read::More };
        };
        let mail = line.to_ascii_uppercase().windows(4).any(|word| word == b"SMTP");
        return told(if mail { Protocol::Smtp } else { Protocol::Ftp }, None);
    }
    if let Some((_, protocol)) = WORDS.iter().find(|(word, _)| bytes.starts_with(word)) {
        return told(*protocol, None);
    }
    let grows = |word: &[u8]| word.starts_with(bytes);
    let may = METHODS.iter().any(|word| grows(word)) || WORDS.iter().any(|(word, _)| grows(word)) || grows(b"220");
    if may && !full { Read::More } else { told(Protocol::Other, None) }
}

/// The host of a request: that of its target where one stands there (to a proxy), else that of its header.
fn request(bytes: &[u8]) -> Read<Option<Name>> {
    let mut lines = bytes.split_inclusive(|byte| *byte == b'\n');
    let Some(first) = lines.next().filter(|line| line.ends_with(b"\n")) else { return Read::More };
    let mut words = first.split(|byte| *byte == b' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    if method == b"CONNECT" {
        return Read::Done(Name::of_host(target));
    }
    let absolute = target.windows(3).take(8).position(|three| three == b"://");
    if let Some(at) = absolute {
        let rest = &target[at + 3..];
        let host = rest.split(|byte| b"/?#".contains(byte)).next().unwrap_or_default();
        // An account may stand before it.
        return Read::Done(Name::of_host(host.rsplit(|byte| *byte == b'@').next().unwrap_or_default()));
    }
    for line in lines {
        if !line.ends_with(b"\n") {
            return Read::More;
        }
        let line = line.trim_ascii();
        match line.split_at_checked(5) {
            Some((name, host)) if name.eq_ignore_ascii_case(b"host:") => return Read::Done(Name::of_host(host)),
            _ if line.is_empty() => return Read::Done(None),
            _ => {}
        }
    }
    Read::More
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: &str) -> Option<(Protocol, Option<String>)> {
        match head(bytes.as_bytes(), false) {
            Read::Done(head) => {
                let name = head.name.map(|name| String::from_utf8(name.bytes().to_vec()).unwrap());
                Some((head.protocol, name))
            }
            _ => None,
        }
    }

    #[test]
    fn first_lines_say_what_is_spoken() {
        let name = |name: &str| Some(name.to_owned());
        for (text, protocol, host) in [
            (
                "GET /a HTTP/1.1\r\nUser-Agent: curl/7.88.1\r\nhOST: Files.Example.com:8080\r\n",
                Protocol::Http,
                name("files.example.com"),
            ),
            ("POST http://u:p@drop.example/x HTTP/1.1\r\n", Protocol::Http, name("drop.example")),
            ("CONNECT 203.0.113.7:443 HTTP/1.1\r\n", Protocol::Http, name("203.0.113.7")),
            ("GET / HTTP/1.0\r\n\r\n", Protocol::Http, None),
            ("HTTP/1.1 200 OK\r\n", Protocol::Http, None),
            ("220 mail.example ESMTP Postfix\r\n", Protocol::Smtp, None),
            ("EHLO db1\r\n", Protocol::Smtp, None),
            ("220 (vsFTPd 3.0.3)\r\n", Protocol::Ftp, None),
            ("USER anonymous\r\n", Protocol::Ftp, None),
            ("SSH-2.0-OpenSSH_9.2p1\r\n", Protocol::Ssh, None),
            ("850830346939\tx", Protocol::Other, None),
        ] {
            assert_eq!(of(text), Some((protocol, host)), "{text}");
        }
        for text in ["", "G", "GET /", "GET / HTTP/1.1\r\nHost: a", "22", "220 mail", "EHL"] {
            assert_eq!(of(text), None, "{text}");
        }
    }
}
