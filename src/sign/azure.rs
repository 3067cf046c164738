//! Azure's Shared Key: an HMAC over the request's headers and resource.

use jiff::Timestamp;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::code::{Encoding, Hash, KeyEncoding};
use super::template::Template;
use super::{Fill, SignError, body, header, query_pairs, set_header};
use crate::http::Request;
use crate::secret::Secret;

/// The parameters of Shared Key.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AzureSpec {
    /// The account's name.
    pub account: String,
    /// The account's key, in base64.
    pub key: String,
    /// What the service's own headers begin with; Batch says `ocp-`.
    #[serde(default = "storage")]
    pub header_prefix: String,
    /// Sent as `x-ms-version`; empty: no such header.
    #[serde(default = "version")]
    pub version: String,
}

fn storage() -> String {
    "x-ms-".to_owned()
}

fn version() -> String {
    "2021-12-02".to_owned()
}

/// An account's key.
pub(super) struct Azure {
    account: Secret,
    key: Zeroizing<Vec<u8>>,
    prefix: String,
    version: String,
}

impl AzureSpec {
    pub(super) fn resolve<E: From<SignError>>(&self, fill: &Fill<'_, E>) -> Result<Azure, E> {
        let key = Template::fixed(&self.key, fill)?;
        Ok(Azure {
            account: Template::fixed(&self.account, fill)?,
            key: KeyEncoding::Base64.read(key.expose())?,
            prefix: self.header_prefix.to_ascii_lowercase(),
            version: self.version.clone(),
        })
    }
}

impl Azure {
    /// Sets the date, the version and `Authorization`.
    pub(super) fn sign(&self, request: &mut Request, now: Timestamp) -> Result<Vec<Secret>, SignError> {
        let date = now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        set_header(request, &format!("{}date", self.prefix), Secret::new(date))?;
        if !self.version.is_empty() {
            set_header(request, &format!("{}version", self.prefix), Secret::from(self.version.as_str()))?;
        }
        let text = Zeroizing::new(self.text(request));
        let signature = Encoding::Base64.of(&Hash::Sha256.hmac(&self.key, text.as_bytes()));
        let value = Secret::new(format!("SharedKey {}:{signature}", self.account.expose()));
        set_header(request, "Authorization", value)?;
        Ok(vec![Secret::new(signature)])
    }

    fn text(&self, request: &Request) -> String {
        let mut lines = vec![request.method.clone()];
        let length = body(request).len();
        for name in [
            "Content-Encoding",
            "Content-Language",
            "Content-Length",
            "Content-MD5",
            "Content-Type",
            // The date stands in the service's own header.
            "",
            "If-Modified-Since",
            "If-Match",
            "If-None-Match",
            "If-Unmodified-Since",
            "Range",
        ] {
            lines.push(match name {
                "Content-Length" if length > 0 => length.to_string(),
                "Content-Length" | "" => String::new(),
                name => header(request, name).unwrap_or_default().to_owned(),
            });
        }
        let mut own: Vec<(String, String)> = request
            .headers
            .iter()
            .map(|(name, value)| (name.to_ascii_lowercase(), value.expose().trim().to_owned()))
            .filter(|(name, _)| name.starts_with(&self.prefix))
            .collect();
        own.sort();
        lines.extend(own.iter().map(|(name, value)| format!("{name}:{value}")));
        lines.push(format!("/{}{}", self.account.expose(), request.url.path()));
        lines.extend(resource_parameters(&query_pairs(request)));
        lines.join("\n")
    }
}

/// Names in small letters, sorted; the values of one name sorted and joined by commas.
fn resource_parameters(pairs: &[(String, String)]) -> Vec<String> {
    let mut pairs: Vec<(String, &str)> =
        pairs.iter().map(|(name, value)| (name.to_lowercase(), value.as_str())).collect();
    pairs.sort();
    let mut lines: Vec<String> = Vec::new();
    let mut last = None;
    for (name, value) in pairs {
        match lines.last_mut().filter(|_| last.as_ref() == Some(&name)) {
            Some(line) => {
                line.push(',');
                line.push_str(value);
            }
            None => lines.push(format!("{name}:{value}")),
        }
        last = Some(name);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The string to sign that Azure's documentation gives for "Get Container Metadata".
    #[test]
    fn the_documented_example() {
        let azure = Azure {
            account: Secret::from("myaccount"),
            key: KeyEncoding::Base64.read("a2V5").unwrap(),
            prefix: storage(),
            version: "2014-02-14".into(),
        };
        let url =
            "https://myaccount.blob.core.windows.net/mycontainer?restype=container&comp=metadata&timeout=20";
        let mut request = Request {
            method: "GET".into(),
            url: url.parse().unwrap(),
            headers: Vec::new(),
            body: None,
            allow_http: false,
            tls: crate::http::TlsOptions::default(),
        };
        let made = azure.sign(&mut request, "2015-06-26T23:39:12Z".parse().unwrap()).unwrap();
        let text = "GET\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:Fri, 26 Jun 2015 23:39:12 GMT\nx-ms-version:2014-02-14\n\
                    /myaccount/mycontainer\ncomp:metadata\nrestype:container\ntimeout:20";
        assert_eq!(azure.text(&request), text);
        let signature = Encoding::Base64.of(&Hash::Sha256.hmac(b"key", text.as_bytes()));
        assert_eq!(made, [Secret::from(signature.as_str())]);
        assert_eq!(
            header(&request, "authorization"),
            Some(format!("SharedKey myaccount:{signature}").as_str())
        );
    }

    #[test]
    fn a_parameter_that_comes_twice_stands_once() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let lines = resource_parameters(&[pair("B", "2"), pair("a", "x"), pair("b", "1")]);
        assert_eq!(lines, ["a:x", "b:1,2"]);
        assert!(matches!(KeyEncoding::Base64.read("not base64!"), Err(SignError::Key(_))));
    }
}
