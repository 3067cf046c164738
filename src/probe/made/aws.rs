//! Access keys that AWS makes and drops (IAM): its answers are XML and its requests are signed, so no file of the
//! catalogue says how.

use std::collections::BTreeMap;

use url::form_urlencoded::Serializer;

use super::{Unmade, Wish};
use crate::http::Answer;
use crate::model::Content;
use crate::secret::Secret;

/// Where IAM is; an endpoint of the credential's own takes its place.
const IAM: &str = "https://iam.amazonaws.com/";

/// The version of IAM's interface.
const VERSION: &str = "2010-05-08";

const ID: &str = "/config/access_key_id";
const SECRET: &str = "/config/secret_access_key";

/// What the key in use must be allowed.
pub(super) const NEEDS: &str = "iam:CreateAccessKey and iam:DeleteAccessKey for its own user";

/// Whether a credential's key makes others. Keys of a session are made otherwise.
pub(super) fn makes_keys(content: &Content) -> bool {
    content.kind() == "aws" && content.secret("/config/session_token").is_none_or(Secret::is_empty)
}

/// The request that makes another key for whoever the one in use belongs to.
pub(super) fn to_make(content: &Content) -> Wish {
    wish(content, &BTreeMap::from([("Action", "CreateAccessKey")]))
}

/// The request that drops a key: `id` names it, the credential's own key asks.
pub(super) fn to_drop(content: &Content, id: &str) -> Wish {
    wish(content, &BTreeMap::from([("Action", "DeleteAccessKey"), ("AccessKeyId", id)]))
}

/// The id of the key of a credential.
pub(super) fn key_id(content: &Content) -> Option<&str> {
    content.get_str(ID)
}

/// The credential with the key that was made.
///
/// # Errors
/// What the service said instead, in its own words, or that its answer is not understood.
pub(super) fn made(content: &Content, answer: &Answer) -> Result<Content, Unmade> {
    let text = String::from_utf8_lossy(&answer.body);
    let said = |name: &str| between(&text, &format!("<{name}>"), &format!("</{name}>"));
    match (answer.status, said("AccessKeyId"), said("SecretAccessKey")) {
        (200, Some(id), Some(secret)) if !id.is_empty() && !secret.is_empty() && !answer.cut => {
            let mut next = content.clone();
            next.set(ID, id.into());
            next.set_secret(SECRET, Secret::from(secret));
            Ok(next)
        }
        (200, ..) => Err(Unmade::unclear("the service answered 200, but not with a key".to_owned())),
        (status @ 500.., ..) => Err(Unmade::unclear(refusal(&text, status))),
        (status, ..) => Err(Unmade::refused(refusal(&text, status))),
    }
}

/// Whether a key was dropped, or is not there any more.
///
/// # Errors
/// What the service said instead.
pub(super) fn dropped(answer: &Answer) -> Result<(), Unmade> {
    let text = String::from_utf8_lossy(&answer.body);
    match answer.status {
        200 => Ok(()),
        404 if text.contains("<Code>NoSuchEntity</Code>") => Ok(()),
        status @ 500.. => Err(Unmade::unclear(refusal(&text, status))),
        status => Err(Unmade::refused(refusal(&text, status))),
    }
}

fn refusal(text: &str, status: u16) -> String {
    let said = |name: &str| between(text, &format!("<{name}>"), &format!("</{name}>")).unwrap_or_default();
    match (said("Code"), said("Message")) {
        ("", _) => format!("the service answered {status}"),
        (code, message) => format!("the service answered {status}, {code}: {message}"),
    }
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    text.split_once(start)?.1.split_once(end).map(|(inner, _)| inner)
}

fn wish(content: &Content, parameters: &BTreeMap<&str, &str>) -> Wish {
    let mut body = Serializer::new(String::new());
    body.extend_pairs(parameters).append_pair("Version", VERSION);
    let own = content.get_str("/config/endpoint_url").filter(|own| !own.is_empty());
    Wish {
        method: "POST".to_owned(),
        target: own.map_or_else(|| IAM.to_owned(), |_| "/".to_owned()),
        headers: vec![(
            "Content-Type".to_owned(),
            Secret::from("application/x-www-form-urlencoded; charset=utf-8"),
        )],
        body: Some(Secret::new(body.finish())),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn aws() -> Content {
        let document = json!({"key": "k", "kind": "aws", "config": {"access_key_id": "AKIAOLD"}});
        let mut content = Content { document: document.as_object().unwrap().clone(), ..Content::default() };
        content.set_secret(SECRET, Secret::from("old"));
        content
    }

    fn answer(status: u16, body: &str) -> Answer {
        Answer { status, headers: Vec::new(), body: body.as_bytes().to_vec(), cut: false }
    }

    #[test]
    fn a_key_is_read_out_of_the_answer_or_the_refusal_is_told() {
        let text = "<CreateAccessKeyResponse><CreateAccessKeyResult><AccessKey><UserName>ann</UserName>\
            <AccessKeyId>AKIANEW</AccessKeyId><Status>Active</Status><SecretAccessKey>a/b+c=</SecretAccessKey>\
            </AccessKey></CreateAccessKeyResult></CreateAccessKeyResponse>";
        let next = made(&aws(), &answer(200, text)).unwrap();
        assert_eq!((key_id(&next), next.secret(SECRET)), (Some("AKIANEW"), Some(&Secret::from("a/b+c="))));
        let full = "<ErrorResponse><Error><Code>LimitExceeded</Code><Message>two at most</Message></Error></ErrorResponse>";
        let refused = made(&aws(), &answer(409, full)).unwrap_err();
        assert_eq!(
            refused,
            Unmade::refused("the service answered 409, LimitExceeded: two at most".to_owned())
        );
        for (status, text) in [(200, "<html></html>"), (503, full)] {
            assert!(made(&aws(), &answer(status, text)).unwrap_err().unclear, "{status}: a key may be there");
        }
        assert!(dropped(&answer(200, "")).is_ok() && dropped(&answer(404, "")).is_err());
        assert!(dropped(&answer(404, "<Code>NoSuchEntity</Code>")).is_ok(), "somebody did it before");
    }

    #[test]
    fn a_session_s_key_makes_no_other() {
        let mut content = aws();
        assert!(makes_keys(&content));
        content.set_secret("/config/session_token", Secret::from("s"));
        assert!(!makes_keys(&content));
        let sent = to_drop(&aws(), "AKIA&x").body.unwrap();
        assert_eq!(sent.expose(), "AccessKeyId=AKIA%26x&Action=DeleteAccessKey&Version=2010-05-08");
    }
}
