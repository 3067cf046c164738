//! Which way a test takes.

use url::Url;

use super::Plan;
use super::plan::{Unplannable, Work};
use crate::http::{AllowedHosts, Trust};
use crate::model::Content;
use crate::proxy::Proxy;
use crate::schema::Kind;

impl Plan {
    /// The proxy that it goes through, if any.
    pub fn proxy<'a>(&self, trust: &'a Trust) -> Option<&'a Proxy> {
        self.urls().into_iter().find_map(|url| trust.proxy_for(url))
    }

    /// Where it goes over HTTP, as far as that is known before anything is sent.
    fn urls(&self) -> Vec<&Url> {
        match &self.work {
            Work::Http(call) => vec![&call.request.url],
            Work::Aws(aws) => vec![aws.url()],
            Work::Token(token) => token.urls(),
            Work::Client(client) => client.ask.url().into_iter().collect(),
            Work::Service(chain) => chain.origins.iter().collect(),
            Work::Wire(_) => Vec::new(),
        }
    }
}

/// The hosts besides the base URL's that a credential names.
///
/// # Errors
/// An entry that is no host.
pub(super) fn other_hosts(kind: &Kind, content: &Content) -> Result<AllowedHosts, Unplannable> {
    let entries = content.get("/allowed_hosts").and_then(serde_json::Value::as_array);
    let entries = entries.into_iter().flatten().filter_map(serde_json::Value::as_str);
    AllowedHosts::read(entries).map_err(|error| Unplannable::Unusable {
        field: kind.title_of("/allowed_hosts"),
        problem: error.to_string(),
    })
}
