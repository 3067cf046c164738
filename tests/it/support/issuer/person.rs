//! Who agrees: a person with a browser.

use std::time::Duration;

use credbench::http::{Answer, Request, TlsOptions, Trust, send};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::super::server::RUNTIME;
use super::super::tls;

/// A person; works on the servers' runtime, so that a test may wait for them with any clock.
#[derive(Clone, Copy)]
pub(crate) struct Person {
    pub(super) trusts: bool,
}

impl Person {
    async fn visit(self, url: Url) -> Answer {
        let authorities = if self.trusts { vec![tls::authority_der()] } else { Vec::new() };
        let trust = Trust::new(authorities, Default::default());
        let request = Request {
            method: "GET".to_owned(),
            url,
            headers: Vec::new(),
            body: None,
            allow_http: false,
            tls: TlsOptions::default(),
        };
        let deadline = Instant::now() + Duration::from_secs(60);
        send(&request, &trust, deadline, &CancellationToken::new()).await.result.unwrap()
    }

    /// Goes where a login says and agrees: where the browser would be sent next.
    pub(crate) async fn agrees(self, url: Url) -> String {
        let answer = RUNTIME.spawn(self.visit(url)).await.unwrap();
        assert_eq!(answer.status, 302, "{}", String::from_utf8_lossy(&answer.body));
        answer.header("location").unwrap().to_owned()
    }

    /// Goes where a login says, agrees and follows to where the browser is sent: what is shown there.
    pub(crate) async fn browses(self, url: Url) -> (u16, String) {
        let place = self.agrees(url).await.parse().unwrap();
        let answer = RUNTIME.spawn(self.visit(place)).await.unwrap();
        (answer.status, String::from_utf8_lossy(&answer.body).into_owned())
    }
}

/// Waits until something is so, without any clock.
pub(crate) async fn until(mut so: impl FnMut() -> bool) {
    while !so() {
        tokio::task::yield_now().await;
        std::thread::yield_now();
    }
}
