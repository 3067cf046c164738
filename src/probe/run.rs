//! Plan → Report: the only part of a test that touches the network.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::certificate;
use super::classify::{Verdict, classify};
use super::plan::{Call, Work};
use super::rules::Rules;
use super::{Plan, Report, Step, Unplannable, service, token};
use crate::http::{self, Exchange, Failure, ProxyFailure, Request, Timed, TlsFailure, Trust};
use crate::model::{Learnt, Outcome};
use crate::redact::Redactor;

/// The longest message of a report, in characters.
pub(super) const MESSAGE: usize = 300;

/// What every request of a test has.
#[derive(Clone, Copy)]
pub(super) struct Means<'a> {
    pub(super) trust: &'a Trust,
    pub(super) deadline: Instant,
    /// How much time there was in all, to be told.
    pub(super) timeout: Duration,
    pub(super) cancel: &'a CancellationToken,
}

impl Means<'_> {
    pub(super) async fn send(&self, request: &Request) -> Exchange {
        http::send(request, self.trust, self.deadline, self.cancel).await
    }
}

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
    let means = Means { trust, deadline, timeout, cancel };
    let mut report = match &plan.work {
        Work::Http(call) => {
            let exchange = means.send(&call.request).await;
            judge(&plan.redactor, call, &exchange, timeout, clock())
        }
        Work::Aws(work) => work.run(&plan.redactor, &means, &clock).await,
        Work::Token(work) => work.run(&plan.redactor, &means, &clock).await,
        Work::Client(work) => work.run(&plan.redactor, &means, clock()).await,
        Work::Service(chain) => service::run(chain, None, &means, clock()).await,
        Work::Wire(login) => login.run(&plan.redactor, &means).await,
    };
    if let Some(ends) = plan.ends {
        token::mind_end(&mut report, ends, clock());
    }
    if let Some(page) = &plan.status_page
        && report.outcome == Outcome::Unreachable
        && !failed_at_proxy(&report.steps)
    {
        report.advice = [report.advice.as_str(), page].join(" ").trim_start().to_owned();
    }
    report.latency_ms = millis(start.elapsed());
    report.at = clock();
    report
}

/// Whether a proxy stood in the way: the service was not asked then.
fn failed_at_proxy(steps: &[Step]) -> bool {
    steps.iter().any(|step| !step.ok && step.name.ends_with("proxy"))
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
            Self::Sign(_) => (Outcome::Unexpected, "Enter the key again, whole and as the service gave it."),
            Self::Lacking { advice, .. } => (Outcome::Incomplete, advice.as_str()),
            Self::Unusable { .. } => (Outcome::Unexpected, "Correct it, then test again; nothing was sent."),
            Self::BadTest(_) | Self::Elsewhere(_) => (Outcome::Unexpected, "Correct the test, as JSON."),
        };
        Report::unsent(outcome, message, advice, at)
    }
}

/// What was found out about one request.
pub(super) struct Judged {
    pub(super) outcome: Outcome,
    pub(super) status_code: Option<u16>,
    pub(super) message: String,
    pub(super) advice: String,
    pub(super) facts: Learnt,
}

impl Judged {
    /// Of a request that was never answered.
    pub(super) fn of(outcome: Outcome, message: &str) -> Self {
        Self {
            outcome,
            status_code: None,
            message: message.to_owned(),
            advice: advice(outcome, 0).to_owned(),
            facts: Learnt::default(),
        }
    }
}

/// The report of one request.
pub(super) fn judge(
    redactor: &Redactor,
    call: &Call,
    exchange: &Exchange,
    timeout: Duration,
    now: Timestamp,
) -> Report {
    let (judged, steps) = judge_call(&call.request, &call.rules, call.html, exchange, redactor, timeout, now);
    Report {
        outcome: judged.outcome,
        status_code: judged.status_code,
        latency_ms: 0,
        message: judged.message,
        advice: judged.advice,
        steps,
        facts: judged.facts,
        at: Timestamp::UNIX_EPOCH,
    }
}

/// The steps of one exchange as they are told; the request itself is called `name`.
pub(super) fn steps(redactor: &Redactor, exchange: &Exchange, name: &'static str) -> Vec<Step> {
    let told = |step: &Timed| Step {
        name: if step.name == "request" { name } else { step.name }.into(),
        ms: millis(step.took),
        detail: redactor.show(&step.detail, MESSAGE),
        ok: true,
    };
    exchange.steps.iter().map(told).collect()
}

/// The report of a request without an answer.
pub(super) fn unanswered(
    redactor: &Redactor,
    failure: &Failure,
    mut steps: Vec<Step>,
    timeout: Duration,
) -> Report {
    let (outcome, advice) = failed(failure, timeout);
    let message = redactor.show(&failure_words(failure), MESSAGE);
    blame_last(&mut steps, &message);
    Report { steps, ..Report::unsent(outcome, message, advice, Timestamp::UNIX_EPOCH) }
}

/// The last step is the one that failed.
fn blame_last(steps: &mut [Step], message: &str) {
    if let Some(last) = steps.last_mut() {
        last.ok = false;
        let gap = if last.detail.is_empty() { "" } else { ": " };
        last.detail = format!("{}{gap}{message}", last.detail);
    }
}

/// The report of an answer: what it was judged to be.
pub(super) fn answered(
    redactor: &Redactor,
    verdict: &Verdict,
    status: u16,
    advice: &str,
    mut steps: Vec<Step>,
) -> Report {
    let message = redactor.show(&verdict.message, MESSAGE);
    let ok = verdict.outcome == Outcome::Ok;
    steps.push(Step { name: "match".into(), ms: 0, detail: message.clone(), ok });
    let unsent = Report::unsent(verdict.outcome, message, advice, Timestamp::UNIX_EPOCH);
    Report { status_code: Some(status), steps, ..unsent }
}

/// What an exchange says, and its steps.
pub(super) fn judge_call(
    request: &Request,
    rules: &Rules,
    html: bool,
    exchange: &Exchange,
    redactor: &Redactor,
    timeout: Duration,
    now: Timestamp,
) -> (Judged, Vec<Step>) {
    let show = |text: &str| redactor.show(text, MESSAGE);
    let mut steps = steps(redactor, exchange, "request");
    let (outcome, message, advice, status_code) = match &exchange.result {
        Ok(answer) => {
            let verdict = classify(answer, rules, html);
            let verdict = certificate::weigh(request, exchange, verdict);
            if let Some(step) = steps.last_mut() {
                step.detail = format!("{} {} {}", request.method, show(request.url.path()), answer.status);
            }
            let mut advice = advice(verdict.outcome, answer.status).to_owned();
            if let Some((step, warning)) = certificate::ends_soon(exchange, now) {
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
                name: "match".into(),
                ms: 0,
                detail: message.clone(),
                ok: verdict.outcome == Outcome::Ok,
            });
            (verdict.outcome, message, advice, Some(answer.status))
        }
        Err(failure) => {
            let (outcome, advice) = failed(failure, timeout);
            let message = show(&failure_words(failure));
            blame_last(&mut steps, &message);
            (outcome, message, advice, None)
        }
    };
    (Judged { outcome, status_code, message, advice, facts: Learnt::default() }, steps)
}

/// A failure with what it names.
pub(super) fn failure_words(failure: &Failure) -> String {
    match failure {
        Failure::Tls(TlsFailure::WrongName { names }) if !names.is_empty() => {
            format!("{failure}: {}", names.join(", "))
        }
        failure => failure.to_string(),
    }
}

/// What to do about an answer.
pub(super) fn advice(outcome: Outcome, status: u16) -> &'static str {
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

pub(super) fn millis(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}
