use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use super::*;

/// Judges an answer of the host `autodiscover.d.test`.
fn judged(status: u16, headers: &[(&str, &str)], body: &str) -> Judged {
    of_host("autodiscover.d.test", status, headers, body.as_bytes(), true, None)
}

fn of_host(
    host: &str,
    status: u16,
    headers: &[(&str, &str)],
    body: &[u8],
    is_whole: bool,
    location_host: Option<&str>,
) -> Judged {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap());
    }
    judge(&Reply { host, status, headers: &map, body, is_whole, location_host })
}

const BASIC: (&str, &str) = ("www-authenticate", "Basic realm=\"bm.basic.auth.v2\", charset=\"UTF-8\"");
const XML: (&str, &str) = ("content-type", "text/xml; charset=utf-8");

#[test]
fn the_realm_of_bluemind_tells_it() {
    let answer = judged(401, &[BASIC], "");
    assert_eq!(answer.kind, Kind::Bluemind);
    assert_eq!(answer.realm.as_deref(), Some("bm.basic.auth.v2"));
    assert_eq!(answer.schemes.as_deref(), Some("Basic"));
    assert_eq!(judged(401, &[("www-authenticate", "basic realm=bm.basic.auth")], "").kind, Kind::Bluemind);
    assert_eq!(judged(401, &[("www-authenticate", "Basic realm=\"Mail\"")], "").kind, Kind::Authentication);
    assert_eq!(judged(401, &[], "").kind, Kind::Authentication);
    assert_eq!(judged(200, &[BASIC], "").kind, Kind::Empty, "only a 401 asks for a password");
    assert_eq!(judged(401, &[("www-authenticate", "Digest realm=\"bm.basic.auth\"")], "").kind, Kind::Authentication);
}

#[test]
fn challenges_may_share_a_header_or_have_their_own() {
    let answer = judged(401, &[("www-authenticate", "Negotiate, NTLM , Basic realm = \"a, \\\"b\\\"\"")], "");
    assert_eq!(answer.schemes.as_deref(), Some("Negotiate NTLM Basic"));
    assert_eq!(answer.realm.as_deref(), Some("a, \"b\""));
    let answer = judged(401, &[("www-authenticate", "Negotiate YII=="), BASIC, BASIC], "");
    assert_eq!(answer.schemes.as_deref(), Some("Negotiate Basic"));
    assert_eq!(answer.kind, Kind::Bluemind);
    for broken in ["", ",", "=", "\"", "realm=x", " , ,Basic", "Basic realm", "Basic realm=\"", "é=, é \"\\"] {
        let mut map = HeaderMap::new();
        map.append("www-authenticate", HeaderValue::from_bytes(broken.as_bytes()).unwrap());
        let reply = Reply { host: "h", status: 401, headers: &map, body: b"", is_whole: true, location_host: None };
        assert_eq!(judge(&reply).kind, Kind::Authentication, "{broken}");
    }
}

#[test]
fn a_page_of_an_error_may_be_that_of_bluemind() {
    for status in [502, 503] {
        assert_eq!(judged(status, &[], "<html><title>BlueMind</title></html>").kind, Kind::BluemindErrorPage);
        assert_eq!(judged(status, &[], "<html>Blue Mind is being updated</html>").kind, Kind::BluemindErrorPage);
        assert_eq!(judged(status, &[], "<html>Bad Gateway</html>").kind, Kind::Html);
    }
    assert_eq!(judged(503, &[], "").kind, Kind::Empty);
    assert_eq!(judged(200, &[], "<html>BlueMind</html>").kind, Kind::BluemindPage);
}

#[test]
fn exchange_is_told_by_its_headers() {
    assert_eq!(judged(401, &[("X-FEServer", "EX01")], "").kind, Kind::Exchange);
    assert_eq!(judged(302, &[("X-OWA-Version", "15.2")], "").kind, Kind::Exchange);
    assert_eq!(judged(401, &[("www-authenticate", "NTLM"), ("request-id", "1")], "").kind, Kind::Exchange);
    assert_eq!(judged(401, &[("www-authenticate", "Negotiate, NTLM")], "").kind, Kind::Authentication);
    assert_eq!(judged(404, &[("request-id", "1")], "").kind, Kind::Empty);
    assert_eq!(judged(401, &[("X-FEServer", "proxy"), BASIC], "").kind, Kind::Bluemind, "a proxy may add headers");
}

#[test]
fn office365_is_told_by_its_domains() {
    let kind = |host: &str, to: Option<&str>| of_host(host, 302, &[], b"", true, to).kind;
    assert_eq!(kind("autodiscover-s.outlook.com", None), Kind::Office365);
    assert_eq!(kind("Outlook.Office365.com.", None), Kind::Office365);
    assert_eq!(kind("d.test", Some("autodiscover-s.outlook.com")), Kind::Office365);
    for other in ["notoutlook.com", "outlook.com.d.test", "outlook.d.test", "com", ""] {
        assert_eq!(kind(other, Some(other)), Kind::Redirect, "{other}");
    }
}

#[test]
fn xml_is_read_without_being_trusted() {
    let error = "<?xml version=\"1.0\"?><a:Autodiscover xmlns:a=\"x\"><Response><Error Time=\"1\"><ErrorCode> 600 </ErrorCode>\
                 <Message>&nonsense; <![CDATA[<ErrorCode>1</ErrorCode>]]></Message></Error></Response></a:Autodiscover>\n";
    let answer = judged(200, &[XML], error);
    assert_eq!((answer.kind, answer.error_code.as_deref()), (Kind::Autodiscover, Some("600")));
    assert_eq!(judged(200, &[], error).kind, Kind::Autodiscover, "it says itself what it is");
    assert_eq!(judged(200, &[XML], "<Autodiscover/>").kind, Kind::Autodiscover);
    assert_eq!(judged(200, &[XML], "<other/>").kind, Kind::Other);
    assert_eq!(judged(200, &[("content-type", "application/xhtml+xml")], "<html/>").kind, Kind::Html);
    for broken in ["<a><b></a>", "<a>", "<a/><b/>", "<a></a>text", "no tags", "<", "<?xml version=\"1.0\"?>"] {
        assert_eq!(judged(200, &[XML], broken).kind, Kind::InvalidXml, "{broken}");
    }
    assert_eq!(judged(200, &[], "<?xml version=\"1.0\"?><Autodiscover><Resp").kind, Kind::InvalidXml);
    let utf16: Vec<u8> =
        "\u{feff}<?xml version=\"1.0\"?><Autodiscover/>".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(of_host("h", 200, &[], &utf16, true, None).kind, Kind::Autodiscover);
}

#[test]
fn what_was_not_read_to_its_end_is_not_called_broken() {
    let cut = b"<?xml version=\"1.0\"?><Autodiscover><Resp";
    assert_eq!(of_host("h", 200, &[], cut, false, None).kind, Kind::Autodiscover);
    assert_eq!(of_host("h", 200, &[XML], b"<other><a", false, None).kind, Kind::Other);
    assert_eq!(of_host("h", 200, &[], b"", false, None).kind, Kind::Other);
}

#[test]
fn an_entity_is_never_resolved() {
    let bomb = "<?xml version=\"1.0\"?><!DOCTYPE x [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;\"><!ENTITY c SYSTEM \"file:///etc/passwd\">]>\
                <Autodiscover><ErrorCode>&b;&c;</ErrorCode></Autodiscover>";
    let answer = judged(200, &[XML], bomb);
    assert_eq!((answer.kind, answer.error_code), (Kind::Autodiscover, None));
}

#[test]
fn other_answers() {
    assert_eq!(judged(404, &[("content-type", "text/html")], "<h1>Not Found</h1>").kind, Kind::Html);
    assert_eq!(judged(200, &[], "  <!DOCTYPE HTML PUBLIC>").kind, Kind::Html);
    assert_eq!(judged(200, &[], "hello").kind, Kind::Other);
    assert_eq!(judged(301, &[], "<html></html>").kind, Kind::Redirect);
    assert_eq!(judged(304, &[], "").kind, Kind::Empty);
}

proptest::proptest! {
    #[test]
    fn nothing_is_too_strange(
        status in 100_u16..600,
        challenge in "[ -~é]{0,60}",
        body: Vec<u8>,
        text in "(<|>|a|/|!|\\?xml|é|&|;|\"|-|\\[|CDATA| ){0,40}",
        is_whole: bool,
    ) {
        let mut headers = HeaderMap::new();
        headers.insert("www-authenticate", HeaderValue::from_bytes(challenge.as_bytes()).unwrap());
        headers.insert("content-type", HeaderValue::from_static("text/xml"));
        for body in [body.as_slice(), text.as_bytes()] {
            judge(&Reply { host: "h", status, headers: &headers, body, is_whole, location_host: None });
        }
    }
}
