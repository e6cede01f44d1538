//! The first words of a TLS handshake (RFC 5246, RFC 8446): a greeting that offers what clients of all ages speak, as
//! scanners send it, and what a server makes of it. No key is agreed on: it only tells what the server would choose.

use tls_parser::{
    CIPHERS, NamedGroup, TlsCipherAu, TlsCipherEnc, TlsCipherKx, TlsCipherSuite, TlsMessage, TlsMessageHandshake,
    TlsRecordType, TlsServerHelloContents, TlsVersion, parse_tls_extensions, parse_tls_message_handshake,
    parse_tls_raw_record,
};

/// Groups of keys: the curves of NIST from 256 bits on, X25519 and X448, Brainpool's (of TLS 1.2 and 1.3), secp256k1,
/// finite fields (the registry "TLS Supported Groups").
const GROUPS: &[u16] = &[29, 23, 24, 25, 30, 22, 26, 27, 28, 31, 32, 33, 0x100, 0x101, 0x102, 0x103, 0x104];

/// Signatures: RSA of both kinds, ECDSA, DSA, Ed25519, Ed448, Brainpool's, down to SHA-1 (the registry "TLS
/// SignatureScheme").
const SIGNATURES: &[u16] = &[
    0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0804, 0x0805, 0x0806, 0x0809, 0x080a, 0x080b, 0x0401, 0x0501, 0x0601,
    0x081a, 0x081b, 0x081c, 0x0303, 0x0301, 0x0402, 0x0502, 0x0602, 0x0302, 0x0203, 0x0201, 0x0202,
];

/// The random value of a server that answers TLS 1.3 with a request to try again (RFC 8446, 4.1.3).
const RETRY: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11,
    0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

/// Up to which version a greeting goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Newest {
    /// From TLS 1.0 to 1.2: the server shows its certificate in the clear.
    Tls12,
    /// TLS 1.3 alone.
    Tls13,
}

/// What a server chose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Such as `TLSv1.2`.
    pub version: String,
    /// Whether it is one of those that are given up (RFC 8996).
    pub is_old: bool,
    /// The cipher suite, by the name that IANA gives it, or its number.
    pub cipher: String,
    /// Its number.
    pub cipher_number: u16,
    /// Of TLS 1.3: the group of keys that it asks for.
    pub group: Option<String>,
    /// The certificates in DER, where they are sent in the clear.
    pub chain: Vec<Vec<u8>>,
}

/// What has come back until now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// More has to come.
    Unfinished,
    /// The server chose.
    Chose(Choice),
    /// The server ends the handshake, with this number (RFC 8446, 6).
    Alert(u8),
    /// It is no TLS.
    Garbled,
}

/// The greeting, as one record, for a host that is named where there is a name. `random` is the client's random value.
pub fn client_hello(host: Option<&str>, newest: Newest, random: [u8; 32]) -> Vec<u8> {
    let body = [
        vec![3, 3],
        random.to_vec(),
        prefixed::<1>(&random),
        prefixed::<2>(&numbers(&ciphers(newest))),
        vec![1, 0],
        prefixed::<2>(&extensions(host, newest)),
    ];
    let message = [vec![1], prefixed::<3>(&body.concat())].concat();
    [vec![22, 3, 1], prefixed::<2>(&message)].concat()
}

/// The suites that clients have: none without encryption or without a server that proves itself, none of the weakened
/// ones for export.
fn ciphers(newest: Newest) -> Vec<u16> {
    let mut suites: Vec<u16> =
        CIPHERS.values().filter(|suite| is_offered(suite, newest)).map(|suite| suite.id.0).collect();
    suites.sort_unstable_by(|a, b| b.cmp(a));
    suites
}

fn is_offered(suite: &TlsCipherSuite, newest: Newest) -> bool {
    let is_new = suite.kx == TlsCipherKx::Tls13;
    let has_keys = matches!(suite.kx, TlsCipherKx::Rsa | TlsCipherKx::Dhe | TlsCipherKx::Ecdhe);
    let has_proof = matches!(suite.au, TlsCipherAu::Rsa | TlsCipherAu::Dss | TlsCipherAu::Ecdsa);
    let is_weakened = suite.name.contains("EXPORT") || suite.enc == TlsCipherEnc::Null;
    match newest {
        Newest::Tls13 => is_new,
        Newest::Tls12 => !is_new && has_keys && has_proof && !is_weakened,
    }
}

fn extensions(host: Option<&str>, newest: Newest) -> Vec<u8> {
    let extension = |number: u16, body: &[u8]| [number.to_be_bytes().to_vec(), prefixed::<2>(body)].concat();
    let name = host.map(|host| extension(0, &prefixed::<2>(&[vec![0], prefixed::<2>(host.as_bytes())].concat())));
    let mut all = vec![
        name.unwrap_or_default(),
        extension(10, &prefixed::<2>(&numbers(GROUPS))),
        extension(11, &[1, 0]),
        extension(13, &prefixed::<2>(&numbers(SIGNATURES))),
        extension(23, &[]),
        extension(0xff01, &[0]),
    ];
    if newest == Newest::Tls13 {
        all.push(extension(43, &prefixed::<1>(&numbers(&[0x0304]))));
        all.push(extension(45, &[1, 1]));
        // No key is offered: the server answers which group it wants one of.
        all.push(extension(51, &[0, 0]));
    }
    all.concat()
}

fn numbers(numbers: &[u16]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

/// Bytes behind their length, which takes `N` bytes. Nothing here is longer than that.
fn prefixed<const N: usize>(bytes: &[u8]) -> Vec<u8> {
    let length = bytes.len().to_be_bytes();
    [length.get(length.len() - N..).unwrap_or_default(), bytes].concat()
}

/// What the server has said so far.
pub fn parse(bytes: &[u8]) -> Said {
    let mut rest = bytes;
    let mut messages = Vec::new();
    while let Ok((left, record)) = parse_tls_raw_record(rest) {
        match record.hdr.record_type {
            TlsRecordType::Handshake => messages.extend_from_slice(record.data),
            // Warnings (level 1) do not end anything.
            TlsRecordType::Alert => match record.data {
                [1, ..] => {}
                [_, number, ..] => return chosen(&messages).map_or(Said::Alert(*number), Said::Chose),
                _ => return Said::Garbled,
            },
            // What is encrypted has nothing to say here, and the choice went before it.
            _ => return chosen(&messages).map_or(Said::Garbled, Said::Chose),
        }
        rest = left;
    }
    match (chosen(&messages), bytes) {
        (Some(choice), _) if !choice.chain.is_empty() || choice.group.is_some() => Said::Chose(choice),
        (_, [] | [21 | 22] | [21 | 22, 3, ..]) => Said::Unfinished,
        _ => Said::Garbled,
    }
}

/// The choice, with the certificates as far as they have come.
fn chosen(messages: &[u8]) -> Option<Choice> {
    let mut rest = messages;
    let mut choice = None;
    while let Ok((left, TlsMessage::Handshake(message))) = parse_tls_message_handshake(rest) {
        match (message, &mut choice) {
            (TlsMessageHandshake::ServerHello(hello), None) => choice = Some(of_hello(&hello)),
            (TlsMessageHandshake::Certificate(sent), Some(choice)) => {
                choice.chain = sent.cert_chain.iter().map(|certificate| certificate.data.to_vec()).collect();
            }
            _ => {}
        }
        rest = left;
    }
    choice
}

fn of_hello(hello: &TlsServerHelloContents<'_>) -> Choice {
    let extensions =
        hello.ext.and_then(|bytes| parse_tls_extensions(bytes).ok()).map(|(_, all)| all).unwrap_or_default();
    let version = extensions.iter().find_map(|extension| match extension {
        tls_parser::TlsExtension::SupportedVersions(versions) => versions.first().copied(),
        _ => None,
    });
    let group = extensions.iter().find_map(|extension| match extension {
        tls_parser::TlsExtension::KeyShare([a, b, ..]) => Some(NamedGroup(u16::from_be_bytes([*a, *b]))),
        _ => None,
    });
    let version = version.unwrap_or(hello.version);
    let wants_group = hello.random == RETRY || version == TlsVersion::Tls13;
    Choice {
        version: word_of_version(version),
        is_old: version.0 < TlsVersion::Tls12.0,
        cipher: hello
            .cipher
            .get_ciphersuite()
            .map_or_else(|| format!("{:#06x}", hello.cipher.0), |suite| suite.name.to_owned()),
        cipher_number: hello.cipher.0,
        group: wants_group.then(|| group.map_or_else(String::new, |group| format!("{group:?}"))),
        chain: Vec::new(),
    }
}

fn word_of_version(version: TlsVersion) -> String {
    match version {
        TlsVersion::Ssl30 => "SSLv3".to_owned(),
        TlsVersion::Tls10 => "TLSv1.0".to_owned(),
        TlsVersion::Tls11 => "TLSv1.1".to_owned(),
        TlsVersion::Tls12 => "TLSv1.2".to_owned(),
        TlsVersion::Tls13 => "TLSv1.3".to_owned(),
        TlsVersion(other) => format!("{other:#06x}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A record with this content.
    fn record(kind: u8, content: &[u8]) -> Vec<u8> {
        [vec![kind, 3, 3], prefixed::<2>(content)].concat()
    }

    fn message(kind: u8, content: &[u8]) -> Vec<u8> {
        [vec![kind], prefixed::<3>(content)].concat()
    }

    fn hello(version: [u8; 2], random: [u8; 32], cipher: [u8; 2], extensions: &[u8]) -> Vec<u8> {
        let body = [&version[..], &random, &[0], &cipher, &[0], &prefixed::<2>(extensions)].concat();
        message(2, &body)
    }

    #[test]
    fn a_server_of_tls_1_2_shows_suite_and_certificates_in_as_many_pieces_as_it_likes() {
        let certificates = prefixed::<3>(&[prefixed::<3>(b"leaf"), prefixed::<3>(b"authority")].concat());
        let messages = [hello([3, 3], [7; 32], [0, 0x2f], &[]), message(11, &certificates)].concat();
        let (first, second) = messages.split_at(60);
        let whole = [record(22, first), record(22, second)].concat();
        for end in 0..whole.len() {
            assert_eq!(parse(&whole[..end]), Said::Unfinished, "{end}");
        }
        let Said::Chose(choice) = parse(&whole) else { panic!() };
        assert_eq!((choice.version.as_str(), choice.cipher.as_str()), ("TLSv1.2", "TLS_RSA_WITH_AES_128_CBC_SHA"));
        assert_eq!(
            (choice.is_old, choice.group, choice.chain),
            (false, None, vec![b"leaf".to_vec(), b"authority".to_vec()])
        );
    }

    #[test]
    fn a_server_of_tls_1_3_names_the_group_that_it_wants() {
        let extensions = [vec![0, 43, 0, 2, 3, 4], vec![0, 51, 0, 2, 0, 25]].concat();
        let retry = record(22, &hello([3, 3], RETRY, [0x13, 2], &extensions));
        let Said::Chose(choice) = parse(&retry) else { panic!() };
        assert_eq!((choice.version.as_str(), choice.cipher.as_str()), ("TLSv1.3", "TLS_AES_256_GCM_SHA384"));
        assert_eq!(choice.group.as_deref(), Some("Secp521r1"));
    }

    #[test]
    fn an_old_version_an_alert_and_something_else() {
        let certificates = prefixed::<3>(&prefixed::<3>(b"leaf"));
        let old = [hello([3, 1], [7; 32], [0, 5], &[]), message(11, &certificates)].concat();
        let Said::Chose(choice) = parse(&record(22, &old)) else { panic!() };
        assert_eq!((choice.version.as_str(), choice.is_old), ("TLSv1.0", true));
        assert_eq!(parse(&record(21, &[2, 40])), Said::Alert(40));
        assert_eq!(parse(&[record(21, &[1, 112]), record(21, &[2, 40])].concat()), Said::Alert(40));
        assert_eq!(parse(b"HTTP/1.1 400 Bad Request\r\n"), Said::Garbled);
        assert_eq!(parse(b"220 mail ESMTP\r\n"), Said::Garbled);
    }

    #[test]
    fn the_greeting_is_one_that_a_server_can_read() {
        for (newest, host) in [(Newest::Tls12, Some("d.test")), (Newest::Tls13, None)] {
            let bytes = client_hello(host, newest, [9; 32]);
            let (rest, record) = tls_parser::parse_tls_plaintext(&bytes).unwrap();
            assert!(rest.is_empty());
            let [TlsMessage::Handshake(TlsMessageHandshake::ClientHello(hello))] = record.msg.as_slice() else {
                panic!()
            };
            let (_, extensions) = parse_tls_extensions(hello.ext.unwrap()).unwrap();
            let names =
                extensions.iter().any(|e| matches!(e, tls_parser::TlsExtension::SNI(names) if names[0].1 == b"d.test"));
            assert_eq!(names, host.is_some());
            let names: Vec<&str> = hello.ciphers.iter().map(|id| id.get_ciphersuite().unwrap().name).collect();
            assert_eq!(names.contains(&"TLS_RSA_WITH_AES_128_CBC_SHA"), newest == Newest::Tls12);
            assert_eq!(names.contains(&"TLS_AES_128_GCM_SHA256"), newest == Newest::Tls13);
            assert!(
                !names.iter().any(|name| name.contains("NULL") || name.contains("anon") || name.contains("EXPORT"))
            );
        }
    }
}
