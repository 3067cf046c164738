//! Plan → Report: the only part of a test that touches the network.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::certificate;
use super::classify::classify;
use super::plan::{Call, Work};
use super::{Plan, Report, Step, Unplannable};
use crate::http::{self, Exchange, Failure, ProxyFailure, TlsFailure, Trust};
use crate::model::Outcome;

/// The longest message of a report, in characters.
const MESSAGE: usize = 300;

/// Carries out a plan within `timeout`, unless it is cancelled before. `clock` tells when it ended.
pub async fn run(
    plan: &Plan,
    trust: &Trust,
    timeout: Duration,
    cancel: &CancellationToken,
    clock: impl Fn() -> Timestamp,
) -> Report {
    let start = Instant::now();
    // A time beyond the clock's range is as good as a day.
    let deadline = start.checked_add(timeout).unwrap_or(start + Duration::from_secs(86_400));
    let mut report = match &plan.work {
        Work::Http(call) => {
            let exchange = http::send(&call.request, trust, deadline, cancel).await;
            judge(plan, call, exchange, timeout, clock())
        }
    };
    report.latency_ms = millis(start.elapsed());
    report.at = clock();
    report
}

impl Unplannable {
    /// The report of a credential for which nothing was sent.
    pub fn report(&self, at: Timestamp) -> Report {
        let message = crate::redact::visible(&self.to_string(), MESSAGE);
        let (outcome, advice) = match self {
            Self::Incomplete(_) => (Outcome::Incomplete, "Enter it, then test again."),
            Self::NotTestable(_) => (Outcome::NotTestable, ""),
            Self::Address(_) => (Outcome::Unexpected, "Correct the base URL or the test's path."),
            Self::Unsendable { .. } => (Outcome::Unexpected, "Enter it again: a stray character came along."),
            Self::Unusable { .. } => (Outcome::Unexpected, "Correct it, then test again; nothing was sent."),
            Self::BadTest(_) => (Outcome::Unexpected, "Correct the test, as JSON."),
        };
        Report::unsent(outcome, message, advice, at)
    }
}

fn judge(plan: &Plan, call: &Call, exchange: Exchange, timeout: Duration, now: Timestamp) -> Report {
    let show = |text: &str| plan.redactor.show(text, MESSAGE);
    let mut steps: Vec<Step> = exchange
        .steps
        .iter()
        .map(|step| Step { name: step.name, ms: millis(step.took), detail: show(&step.detail), ok: true })
        .collect();
    let (outcome, message, advice, status_code) = match &exchange.result {
        Ok(answer) => {
            let verdict = classify(answer, &call.rules, call.html);
            let verdict = certificate::weigh(&call.request, &exchange, verdict);
            if let Some(request) = steps.last_mut() {
                request.detail = show(&format!("{} {}", plan.summary(), answer.status));
            }
            let mut advice = advice(verdict.outcome, answer.status).to_owned();
            if let Some((step, warning)) = certificate::ends_soon(&exchange, now) {
                if let Some(tls) = steps.iter_mut().find(|step| step.name == "TLS") {
                    tls.detail = [tls.detail.as_str(), &step].join(" ").trim_start().to_owned();
                }
                advice = [advice.as_str(), &warning].join(" ").trim_start().to_owned();
            }
            let mut message = show(&verdict.message);
            if answer.cut {
                message.push_str(" (only the first MiB of the answer was read)");
            }
            steps.push(Step {
                name: "match",
                ms: 0,
                detail: message.clone(),
                ok: verdict.outcome == Outcome::Ok,
            });
            (verdict.outcome, message, advice, Some(answer.status))
        }
        Err(failure) => {
            let (outcome, advice) = failed(failure, timeout);
            let message = show(&failure_words(failure));
            if let Some(last) = steps.last_mut() {
                last.ok = false;
                let gap = if last.detail.is_empty() { "" } else { ": " };
                last.detail = format!("{}{gap}{message}", last.detail);
            }
            (outcome, message, advice, None)
        }
    };
    Report { outcome, status_code, latency_ms: 0, message, advice, steps, at: Timestamp::UNIX_EPOCH }
}

fn failure_words(failure: &Failure) -> String {
    match failure {
        Failure::Tls(TlsFailure::WrongName { names }) if !names.is_empty() => {
            format!("{failure}: {}", names.join(", "))
        }
        failure => failure.to_string(),
    }
}

/// What to do about an answer.
fn advice(outcome: Outcome, status: u16) -> &'static str {
    match outcome {
        Outcome::Ok | Outcome::NotTestable | Outcome::Cancelled => "",
        Outcome::Limited => {
            "Give the credential the permission the request needs at the service, or test with another request."
        }
        Outcome::Rejected => "Make a new one at the service, enter it and test again.",
        Outcome::Expired => "Renew it at the service, enter it and test again.",
        Outcome::RateLimited => "Wait, then test again; the earlier verdict stays.",
        Outcome::Unreachable => "The service itself failed; test again later. The earlier verdict stays.",
        Outcome::WrongEndpoint if (300..400).contains(&status) => {
            "If the service has moved there, change the base URL and enter the secret again."
        }
        Outcome::WrongEndpoint => "Check the base URL and the test's path.",
        Outcome::Unexpected => "Compare the test's rules with what the service documents.",
        Outcome::Incomplete => "Enter what is missing, then test again.",
    }
}

/// The outcome of a request without an answer, and what to do about it.
fn failed(failure: &Failure, timeout: Duration) -> (Outcome, String) {
    let advice = match failure {
        Failure::Cancelled => return (Outcome::Cancelled, String::new()),
        Failure::Address(_) | Failure::BadRequest => {
            return (Outcome::Unexpected, "Correct the base URL or the test.".to_owned());
        }
        Failure::PlainHttp => {
            let advice = "Use https, or set allow_http for this credential if that network is trusted.";
            return (Outcome::Unexpected, advice.to_owned());
        }
        Failure::Forbidden { .. } => {
            return (Outcome::Unexpected, "Check the base URL: nothing was sent.".to_owned());
        }
        Failure::NotHttp => {
            return (Outcome::WrongEndpoint, "Check scheme and port of the base URL.".to_owned());
        }
        Failure::Proxy { problem, .. } => match problem {
            ProxyFailure::Login => "Correct the login in the proxy's address. The service was not asked.",
            ProxyFailure::Refused(_) | ProxyFailure::Socks(_) => {
                "Ask who runs the proxy, or check the host's name and port. The service was not asked."
            }
            _ => {
                "Check the proxy's address, in the configuration or the environment. The service was not asked."
            }
        },
        Failure::CertificateOver(_) => {
            let advice = "Get a new certificate, enter it with its key and test again; nothing was sent.";
            return (Outcome::Expired, advice.to_owned());
        }
        Failure::CertificateEarly(_) => {
            let advice = "Check the clock of this machine, or wait; nothing was sent.";
            return (Outcome::Unexpected, advice.to_owned());
        }
        Failure::Tls(TlsFailure::CertificateRefused(_)) => {
            let advice = "Get a certificate from an authority that the service trusts, enter it with its key and test again.";
            return (Outcome::Rejected, advice.to_owned());
        }
        Failure::NotFound => "Check the host's name in the base URL.",
        Failure::Resolve => "Check this machine's DNS.",
        Failure::Refused => "Check the port of the base URL, and whether the service runs.",
        Failure::NoRoute | Failure::Connect => "Check this machine's network and firewall.",
        Failure::Closed | Failure::Endless => "Test again; if it stays so, ask who runs the service.",
        Failure::TimedOut { .. } => {
            let seconds = timeout.as_secs_f32();
            return (
                Outcome::Unreachable,
                format!("It had {seconds} s. Check network and firewall, or allow more time with --timeout."),
            );
        }
        Failure::Tls(tls) => match tls {
            TlsFailure::Expired | TlsFailure::Revoked => {
                "The service has to renew its certificate; nothing was sent."
            }
            TlsFailure::NotYetValid => "Check the clock of this machine; nothing was sent.",
            TlsFailure::WrongName { .. } => "Check the host's name in the base URL; nothing was sent.",
            TlsFailure::SelfSigned | TlsFailure::UnknownIssuer => {
                "If this is your own service, add its authority: for all with [network] ca_file, for this one as its CA certificate; nothing was sent."
            }
            TlsFailure::NotTls => "Check scheme and port of the base URL; nothing was sent.",
            TlsFailure::TooOld => "The service has to offer TLS 1.2 or 1.3; nothing was sent.",
            TlsFailure::ClientCertificate => "The service wants a client certificate.",
            TlsFailure::NoAuthorities => "Install ca-certificates; nothing was sent.",
            TlsFailure::Certificate
            | TlsFailure::Alert(_)
            | TlsFailure::CertificateRefused(_)
            | TlsFailure::Closed
            | TlsFailure::Other => "Ask who runs the service; nothing was sent.",
        },
    };
    (Outcome::Unreachable, advice.to_owned())
}

fn millis(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}
