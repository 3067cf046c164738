//! A service that sends back what it was sent, in any form: nothing of the secret is in the report.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use credbench::model::Outcome;

use super::*;
use crate::support::server::{Act, Seen, Server, answer, json as json_answer};

type Build = fn(String) -> Act;
type Encode = fn(&[u8]) -> String;

const ENCODINGS: [(&str, Encode); 9] = [
    ("plain", |bytes| String::from_utf8_lossy(bytes).into_owned()),
    ("base64", |bytes| STANDARD.encode(bytes)),
    ("base64 for URLs", |bytes| URL_SAFE_NO_PAD.encode(bytes)),
    ("hexadecimal", |bytes| bytes.iter().map(|byte| format!("{byte:02x}")).collect()),
    ("HEXADECIMAL", |bytes| bytes.iter().map(|byte| format!("{byte:02X}")).collect()),
    ("percent", |bytes| url::form_urlencoded::byte_serialize(bytes).collect()),
    ("JSON", |bytes| serde_json::to_string(&String::from_utf8_lossy(bytes)).unwrap()),
    // As Go and Rails write it, so that it can stand in a page.
    ("JSON for pages", |bytes| {
        let text = serde_json::to_string(&String::from_utf8_lossy(bytes)).unwrap();
        text.replace('&', "\\u0026").replace('<', "\\u003c").replace('/', "\\/")
    }),
    ("HTML", |bytes| {
        let text = String::from_utf8_lossy(bytes).replace('&', "&amp;").replace('"', "&#34;");
        text.replace('\'', "&#x27;").replace('/', "&#47;")
    }),
];

/// What the server got, with the query decoded: what a framework hands to its error page.
fn received(seen: &Seen) -> Vec<u8> {
    let url = url::Url::parse(&format!("http://host{}", seen.target)).unwrap();
    let pairs: Vec<String> = url.query_pairs().map(|(name, value)| format!("{name}={value}")).collect();
    let headers: Vec<&str> = seen.headers.iter().map(|(_, value)| value.as_str()).collect();
    format!("{} {} {}", seen.target, pairs.join(" "), headers.join(" ")).into_bytes()
}

/// What may not be in a report: the secret, in each form, and the middle of it in base64 at any offset.
fn forbidden(secret: &str) -> Vec<String> {
    let mut forms = Vec::new();
    let pair = STANDARD.encode(format!("user:{secret}"));
    for text in [secret.as_bytes(), pair.as_bytes()] {
        forms.extend(ENCODINGS.iter().map(|(_, encode)| encode(text)));
        for offset in 0..3 {
            let padded = [&b"  "[..offset], text].concat();
            for encoded in [STANDARD.encode(&padded), URL_SAFE_NO_PAD.encode(&padded)] {
                forms.push(encoded[4..encoded.len() - 6].to_owned());
            }
        }
    }
    forms.into_iter().map(|form| form.trim_matches('"').trim_end_matches('=').to_owned()).collect()
}

/// Where a service may put it.
const PLACES: [(&str, Build); 6] = [
    ("an error", |text| json_answer(401, json!({"error": {"message": text}}).to_string())),
    ("a server error", |text| json_answer(500, json!({"message": text}).to_string())),
    ("a title", |text| json_answer(418, json!({"title": text}).to_string())),
    ("a location", |text| Act::Raw(format!("HTTP/1.1 302 F\r\nlocation: /{text}\r\n\r\n").into_bytes())),
    ("a pause", |text| answer(429, &[("retry-after", &text)], "")),
    ("the status text", |text| Act::Raw(format!("HTTP/1.1 403 {text}\r\n\r\n").into_bytes())),
];

#[tokio::test]
async fn nothing_of_the_secret_comes_back() {
    let mut shown = 0;
    for placement in PLACEMENTS {
        // What a cookie cannot hold the others can.
        let secret = if placement == "cookie" {
            SECRET.to_owned()
        } else {
            format!("{SECRET}\"é\\").replace('é', ";")
        };
        for (encoding, encode) in ENCODINGS {
            for (place, build) in PLACES {
                let server = Server::start(move |seen| build(encode(&received(seen))));
                let report = tested(credential(placement, &server.url(), &secret)).await;
                let at = format!("{placement}, {encoding}, {place}");
                let text = format!("{report:?}") + &serde_json::to_string(&report.record(1)).unwrap();
                let lines = report.steps.iter().map(|step| step.detail.clone());
                let text = text + &report.message + &report.advice + &lines.collect::<String>();
                for form in forbidden(&secret) {
                    assert!(!text.contains(&form), "{at}: {form} in {text}");
                }
                // The control: it was in what the server sent, and some of that was shown.
                let sent = encode(&received(&server.requests()[0]));
                assert!(forbidden(&secret).iter().any(|form| sent.contains(form)), "{at}: {sent}");
                shown += usize::from(text.contains(credbench::secret::MASK));
            }
        }
    }
    assert!(shown > 100, "{shown}");
}

#[tokio::test]
async fn an_echo_with_status_200_is_no_leak_either() {
    let server = Server::start(|seen| {
        json_answer(200, json!({"error": String::from_utf8_lossy(&received(seen))}).to_string())
    });
    let mut document = credential("header", &server.url(), SECRET);
    document["test"]["expect"] =
        json!({"json": [{"pointer": "/ok", "exists": true}], "text": [{"contains": "welcome"}]});
    let report = tested(document).await;
    assert_eq!(report.outcome, Outcome::Unexpected);
    assert!(!format!("{report:?}").contains(SECRET), "{report:?}");
}
