//! A double of AWS STS that checks every signature with code of its own, from the bytes that came.

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

use super::server::{Act, Seen, Server, answer};

/// The key that the double knows, and the one that its role gives.
pub(crate) const KEY: (&str, &str) = ("AKIADOUBLE", "wJalr/secret+of=the~double");
/// A temporary key: it needs its token.
pub(crate) const SESSION: (&str, &str, &str) =
    ("ASIADOUBLE", "secret/of+the=session", "token/of+the=session==");
const ROLE: (&str, &str, &str) = ("ASIAROLE", "secret/of+the=role", "token/of+the=role==");
/// The role that the key may take on.
pub(crate) const ROLE_ARN: &str = "arn:aws:iam::123456789012:role/deploy";

/// Starts it. A key whose name is an error's code (`AKIA` and a word) gets that error.
pub(crate) fn start() -> Server {
    Server::start(|seen| sts(seen, false))
}

/// The same, answering in JSON.
pub(crate) fn start_json() -> Server {
    Server::start(|seen| sts(seen, true))
}

fn sts(seen: &Seen, json: bool) -> Act {
    let said = seen.header("authorization").to_owned();
    let id = between(&said, "Credential=", "/").to_owned();
    let body = String::from_utf8_lossy(&seen.body).into_owned();
    if let Some(code) = id.strip_prefix("AKIAsays").map(|code| code.to_owned()) {
        return refuse(json, 403, &code, "as the test wants it");
    }
    let (secret, token) = match id.as_str() {
        id if id == KEY.0 => (KEY.1, ""),
        id if id == SESSION.0 => (SESSION.1, SESSION.2),
        id if id == ROLE.0 => (ROLE.1, ROLE.2),
        _ => {
            let message = "The security token included in the request is invalid.";
            return refuse(json, 403, "InvalidClientTokenId", message);
        }
    };
    if seen.header("x-amz-security-token") != token {
        return refuse(json, 403, "InvalidClientTokenId", "The security token is invalid.");
    }
    if let Err(why) = check(seen, &said, secret) {
        return refuse(json, 403, "SignatureDoesNotMatch", &why);
    }
    if !body.contains("Version=2011-06-15") || seen.method != "POST" {
        return refuse(json, 400, "InvalidAction", "no such version");
    }
    if body.contains("Action=GetCallerIdentity&") {
        let arn = match id.as_str() {
            id if id == ROLE.0 => "arn:aws:sts::123456789012:assumed-role/deploy/credbench-test",
            _ => "arn:aws:iam::123456789012:user/ann",
        };
        let members = [("Arn", arn), ("UserId", "AIDADOUBLE"), ("Account", "123456789012")];
        return good(json, "GetCallerIdentity", &members);
    }
    let role: String = url::form_urlencoded::byte_serialize(ROLE_ARN.as_bytes()).collect();
    if !body.contains("Action=AssumeRole&") || !body.contains(&format!("RoleArn={role}&")) {
        return refuse(json, 403, "AccessDenied", "User is not authorized to perform: sts:AssumeRole");
    }
    let members = [("AccessKeyId", ROLE.0), ("SecretAccessKey", ROLE.1), ("SessionToken", ROLE.2)];
    good(json, "AssumeRole", &members)
}

fn good(json: bool, action: &str, members: &[(&str, &str)]) -> Act {
    if json {
        let members: Vec<String> =
            members.iter().map(|(name, value)| format!("\"{name}\": \"{value}\"")).collect();
        let body = format!("{{\"{action}Response\": {{\"{action}Result\": {{{}}}}}}}", members.join(", "));
        return answer(200, &[("content-type", "application/json")], body);
    }
    let members: String = members.iter().map(|(name, value)| format!("<{name}>{value}</{name}>")).collect();
    let body = format!(
        "<{action}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><{action}Result>{members}</{action}Result>\
         <ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></{action}Response>"
    );
    answer(200, &[("content-type", "text/xml")], body)
}

/// An error as STS writes it.
pub(crate) fn refuse(json: bool, status: u16, code: &str, message: &str) -> Act {
    if json {
        let body = format!(
            "{{\"Error\": {{\"Code\": \"{code}\", \"Message\": \"{message}\", \"Type\": \"Sender\"}}}}"
        );
        return answer(status, &[("content-type", "application/json")], body);
    }
    let body = format!(
        "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type><Code>{code}</Code>\
         <Message>{message}</Message></Error><RequestId>1</RequestId></ErrorResponse>"
    );
    answer(status, &[("content-type", "text/xml")], body)
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let rest = text.split_once(start).map_or("", |(_, rest)| rest);
    rest.split_once(end).map_or(rest, |(inner, _)| inner)
}

/// Computes the signature anew from what came; says what is wrong.
fn check(seen: &Seen, said: &str, secret: &str) -> Result<(), String> {
    let scope: Vec<&str> = between(said, "Credential=", ",").split('/').skip(1).collect();
    let [day, region, service, "aws4_request"] = scope.as_slice() else { return Err("the scope".into()) };
    let date = seen.header("x-amz-date");
    if *service != "sts" || !date.starts_with(day) || date.len() != 16 {
        return Err("the scope's day or service".into());
    }
    let names = between(said, "SignedHeaders=", ",");
    for must in ["host", "x-amz-date"] {
        if !names.split(';').any(|name| name == must) {
            return Err(format!("{must} is not signed"));
        }
    }
    let mut canonical = format!("{}\n{}\n\n", seen.method, seen.target);
    for name in names.split(';') {
        canonical.push_str(&format!("{name}:{}\n", seen.header(name).trim()));
    }
    canonical.push_str(&format!("\n{names}\n{}", hex(&Sha256::digest(&seen.body))));
    let text = format!("AWS4-HMAC-SHA256\n{date}\n{}\n{}", scope.join("/"), hex(&Sha256::digest(canonical)));
    let mut key = format!("AWS4{secret}").into_bytes();
    for part in [*day, region, service, "aws4_request"] {
        key = mac(&key, part);
    }
    let expected = hex(&mac(&key, &text));
    match between(said, "Signature=", ",") == expected {
        true => Ok(()),
        false => Err("The request signature we calculated does not match the signature you provided.".into()),
    }
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
