//! AWS Signature Version 4, as the general reference describes it.
//!
//! Our own: the crate that AWS keeps for it brings thirteen more crates, for what stands on this page.

use jiff::Timestamp;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::code::{self, Hash};
use super::template::Template;
use super::{Fill, SignError, authority, body, header, query_pairs, set_header};
use crate::http::Request;
use crate::secret::Secret;

/// The parameters of AWS Signature Version 4.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AwsSpec {
    /// The key's public name.
    pub access_key_id: String,
    /// The key.
    pub secret_access_key: String,
    /// Comes with temporary keys.
    #[serde(default)]
    pub session_token: Option<String>,
    /// The region that the service runs in.
    pub region: String,
    /// The service's name in signatures, such as `sts` or `s3`.
    pub service: String,
}

/// A key of AWS, for one service in one region.
pub(super) struct Aws {
    id: Secret,
    key: Secret,
    token: Option<Secret>,
    region: String,
    service: String,
}

impl AwsSpec {
    pub(super) fn resolve<E: From<SignError>>(&self, fill: &Fill<'_, E>) -> Result<Aws, E> {
        Ok(Aws {
            id: Template::fixed(&self.access_key_id, fill)?,
            key: Template::fixed(&self.secret_access_key, fill)?,
            token: Template::optional(self.session_token.as_deref(), fill)?,
            region: Template::fixed(&self.region, fill)?.expose().to_owned(),
            service: Template::fixed(&self.service, fill)?.expose().to_owned(),
        })
    }
}

impl Aws {
    pub(super) fn new(
        id: &str,
        secret: &Secret,
        token: Option<&Secret>,
        region: &str,
        service: &str,
    ) -> Self {
        Self {
            id: Secret::from(id),
            key: secret.clone(),
            token: token.cloned(),
            region: region.to_owned(),
            service: service.to_owned(),
        }
    }

    /// Sets `X-Amz-Date`, `X-Amz-Security-Token` and `Authorization`; S3 wants the body's hash as a header too.
    pub(super) fn sign(&self, request: &mut Request, now: Timestamp) -> Result<Vec<Secret>, SignError> {
        let date = now.strftime("%Y%m%dT%H%M%SZ").to_string();
        // Sent as it is signed: `+` or `%20` for a space must not be a question.
        let query = code::sorted_query(&query_pairs(request));
        request.url.set_query(Some(query.as_str()).filter(|query| !query.is_empty()));
        let hash = code::hex(&Hash::Sha256.of(body(request)));
        set_header(request, "X-Amz-Date", Secret::from(date.as_str()))?;
        if self.service == "s3" {
            set_header(request, "X-Amz-Content-Sha256", Secret::from(hash.as_str()))?;
        }
        if let Some(token) = &self.token {
            set_header(request, "X-Amz-Security-Token", token.clone())?;
        }
        let signed = signed_headers(request);
        let names: Vec<&str> = signed.iter().map(|(name, _)| name.as_str()).collect();
        let names = names.join(";");
        let headers: String = signed.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let headers = Zeroizing::new(headers);
        let canonical = Zeroizing::new(format!(
            "{}\n{}\n{query}\n{}\n{names}\n{hash}",
            request.method,
            self.path(request.url.path()),
            headers.as_str()
        ));
        let scope = format!("{}/{}/{}/aws4_request", &date[..8], self.region, self.service);
        let text = format!(
            "AWS4-HMAC-SHA256\n{date}\n{scope}\n{}",
            code::hex(&Hash::Sha256.of(canonical.as_bytes()))
        );
        let key = self.signing_key(&date[..8]);
        let signature = code::hex(&Hash::Sha256.hmac(&key, text.as_bytes()));
        let value = Secret::new(format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={signature}",
            self.id.expose()
        ));
        set_header(request, "Authorization", value)?;
        Ok(vec![Secret::new(signature), Secret::new(code::hex(&key))])
    }

    /// The path as it is signed: every service but S3 encodes it once more than it is sent.
    fn path(&self, path: &str) -> String {
        let once = code::percent(&code::unpercent(path), b"/");
        if self.service == "s3" { once } else { code::percent(once.as_bytes(), b"/") }
    }

    fn signing_key(&self, day: &str) -> Zeroizing<Vec<u8>> {
        let start = Zeroizing::new(format!("AWS4{}", self.key.expose()));
        let start = Zeroizing::new(start.as_bytes().to_vec());
        [day, &self.region, &self.service, "aws4_request"]
            .iter()
            .fold(start, |key, part| Hash::Sha256.hmac(&key, part.as_bytes()))
    }
}

/// The headers that are signed, by name: those that say what is asked. What the client adds by itself is not.
fn signed_headers(request: &Request) -> Vec<(String, String)> {
    let mut signed = vec![("host".to_owned(), authority(request))];
    for (name, _) in &request.headers {
        let name = name.to_ascii_lowercase();
        let counts =
            name.starts_with("x-amz-") || ["content-type", "content-md5", "range"].contains(&name.as_str());
        if counts && !signed.iter().any(|(known, _)| *known == name) {
            let value = header(request, &name).unwrap_or_default();
            signed.push((name, value.split_whitespace().collect::<Vec<_>>().join(" ")));
        }
    }
    signed.sort();
    signed
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The credential of AWS's published test suite.
    fn suite(service: &str, token: Option<&str>) -> Aws {
        Aws {
            id: Secret::from("AKIDEXAMPLE"),
            key: Secret::from("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
            token: token.map(Secret::from),
            region: "us-east-1".into(),
            service: service.into(),
        }
    }

    fn request(method: &str, url: &str, headers: &[(&str, &str)], body: Option<&str>) -> Request {
        Request {
            method: method.into(),
            url: url.parse().unwrap(),
            headers: headers.iter().map(|(name, value)| ((*name).to_owned(), Secret::from(*value))).collect(),
            body: body.map(Secret::from),
            allow_http: false,
            tls: crate::http::TlsOptions::default(),
        }
    }

    fn authorization(aws: &Aws, mut request: Request, at: &str) -> String {
        let secrets = aws.sign(&mut request, at.parse().unwrap()).unwrap();
        assert!(
            secrets.iter().any(|secret| header(&request, "authorization").unwrap().contains(secret.expose()))
        );
        header(&request, "authorization").unwrap().to_owned()
    }

    /// Signatures of AWS's published test suite (`aws-sig-v4-test-suite`).
    #[test]
    fn the_published_suite() {
        const AT: &str = "2015-08-30T12:36:00Z";
        let form = [("Content-Type", "application/x-www-form-urlencoded")];
        let base = "https://example.amazonaws.com";
        for (method, path, headers, body, signature) in [
            ("GET", "/", &[][..], None, "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
            ("POST", "/", &[][..], None, "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
            (
                "GET",
                "/?Param2=value2&Param1=value1",
                &[][..],
                None,
                "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
            ),
            (
                "GET",
                "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
                &[][..],
                None,
                "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f",
            ),
            (
                "POST",
                "/",
                &form[..],
                Some("Param1=value1"),
                "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
            ),
        ] {
            let request = request(method, &format!("{base}{path}"), headers, body);
            let value = authorization(&suite("service", None), request, AT);
            assert!(value.starts_with(
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
            ));
            assert!(value.ends_with(&format!("Signature={signature}")), "{method} {path}: {value}");
        }
    }

    /// The examples of the general reference and of S3's documentation.
    #[test]
    fn the_documented_examples() {
        let iam = request(
            "GET",
            "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08",
            &[("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")],
            None,
        );
        let value = authorization(&suite("iam", None), iam, "2015-08-30T12:36:00Z");
        assert!(value.contains("SignedHeaders=content-type;host;x-amz-date, "));
        assert!(
            value.ends_with("5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"),
            "{value}"
        );
        let key = suite("iam", None).signing_key("20150830");
        assert_eq!(code::hex(&key), "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9");

        let s3 = Aws {
            id: Secret::from("AKIAIOSFODNN7EXAMPLE"),
            key: Secret::from("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
            ..suite("s3", None)
        };
        let get = request(
            "GET",
            "https://examplebucket.s3.amazonaws.com/test.txt",
            &[("Range", "bytes=0-9")],
            None,
        );
        let value = authorization(&s3, get, "2013-05-24T00:00:00Z");
        assert!(
            value.ends_with("f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"),
            "{value}"
        );
    }

    #[test]
    fn what_is_signed_is_what_is_sent() {
        let mut signed = request("GET", "https://h.example:8443/a%20b/c?x=1+2&a=%2B", &[], None);
        suite("sts", Some("token")).sign(&mut signed, "2015-08-30T12:36:00Z".parse().unwrap()).unwrap();
        assert_eq!(signed.url.query(), Some("a=%2B&x=1%202"));
        assert_eq!(header(&signed, "x-amz-security-token"), Some("token"));
        assert!(header(&signed, "authorization").unwrap().contains("host;x-amz-date;x-amz-security-token"));
        assert_eq!(suite("sts", None).path("/a%20b/ü"), "/a%2520b/%25C3%25BC");
        assert_eq!(suite("s3", None).path("/a%20b/ü"), "/a%20b/%C3%BC");
        let refused = suite("sts", Some("a\nX-Evil: 1")).sign(&mut signed, Timestamp::UNIX_EPOCH);
        assert!(matches!(refused, Err(SignError::Unsendable(_))));
    }
}
