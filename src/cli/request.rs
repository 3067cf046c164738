//! `request`: an authorized request to the credential's own hosts.

use std::process::ExitCode;

use jiff::Timestamp;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::args::Request;
use super::manual::{self, Page};
use super::output::visible;
use super::{Context, exchange, input, values};
use crate::audit::{Entry, What};
use crate::http::{Answer, MOST};
use crate::model::reference::Reference;
use crate::model::{Id, TokenDigest};
use crate::probe::{self, Asked, Unplannable, Wish};
use crate::problem::{Exit, Problem};
use crate::redact::Redactor;
use crate::secret::Secret;
use crate::session::oauth::{Why, has_tokens};
use crate::session::{self, Opened, Setup};

pub(super) const PAGES: &[Page] = &[Page {
    command: "request",
    examples: &[
        ("credbench request pay.stripe /v1/charges?limit=3", "gets a path behind the base URL"),
        ("credbench request crm.hubspot POST /crm/v3/objects/contacts --data @contact.json", "sends a file"),
        ("credbench request pay.stripe --include https://api.stripe.com/v1/balance", "shows the headers too"),
    ],
    json: r#"{"status", "headers":[[name, value]], "body"}; a body that is JSON stands there as JSON"#,
    faults: &[
        (Exit::Usage, "method", "that is no method"),
        (Exit::Usage, "header", "NAME: VALUE was expected"),
        (Exit::Usage, "address", "that is no path and no address"),
        (Exit::Refused, "elsewhere", "that host is none of the credential's"),
        (Exit::Failed, "not_sendable", "the credential cannot be sent so; says why"),
        (Exit::Failed, "no_answer", "the service did not answer; says at which step"),
        (Exit::Failed, "status", "the answer's status is not 2xx; it was printed all the same"),
        (Exit::Invalid, "ca_file", "the authorities of the configuration cannot be used"),
        (Exit::Invalid, "proxy", "a proxy cannot be used"),
    ],
    shared: &[
        &manual::READS,
        &manual::OPENS,
        &manual::FINDS,
        &manual::REFERS,
        &manual::ASKS_FOR_TOKENS,
        &manual::RECORDED,
    ],
}];

pub(crate) fn run(context: &Context, arguments: &Request) -> Result<ExitCode, Problem> {
    let wish = wish(arguments)?;
    let setup = context.setup()?;
    let reference = match Reference::is_meant(&arguments.key) {
        true => session::read_reference(&arguments.key, "KEY")?,
        false => Reference { solution: None, key: arguments.key.clone(), field: None },
    };
    let mut opened = context.open(&setup)?;
    let credential = session::referred(&opened.document, &reference, &setup.solution)?;
    let (id, oauth) = (credential.id.clone(), has_tokens(&credential.content));
    if oauth {
        // A token that is good: refreshed if it has to be.
        exchange::access_token(context, &setup, &mut opened.session, &id, Why::Use)?;
    }
    let unrecorded = arguments.log.unrecorded;
    let timeout =
        arguments.timeout.unwrap_or(std::time::Duration::from_secs(setup.config.test.timeout_seconds));
    let mut sent = send(context, &setup, &mut opened, &id, wish.clone(), timeout, unrecorded)?;
    let mut kept_out = None;
    if sent.answer.status == 401
        && let Some(tokens) = &sent.tokens
    {
        // Another token, once, and the request once more: what a server refuses twice it means.
        match exchange::access_token(context, &setup, &mut opened.session, &id, Why::Refused(tokens)) {
            Ok(_) => sent = send(context, &setup, &mut opened, &id, wish, timeout, unrecorded)?,
            Err(problem) => kept_out = Some(problem),
        }
    }
    drop(opened);
    print(context, arguments, &sent);
    match sent.answer.status {
        200..=299 => Ok(ExitCode::SUCCESS),
        _ => Err(match kept_out {
            Some(problem) => status(&sent)
                .causes([format!("there is no other token: {}", problem.message)])
                .hint(problem.hint.unwrap_or_else(|| format!("`credbench login {}`", arguments.key))),
            None => status(&sent),
        }),
    }
}

/// A request that was answered.
pub(super) struct Sent {
    pub(super) answer: Answer,
    pub(super) redactor: Redactor,
    /// Which OAuth tokens it was sent with.
    tokens: Option<TokenDigest>,
}

/// Sends the request with what the vault holds now; that it is about to be sent is in the audit log before.
///
/// # Errors
/// Why nothing was sent; the audit log; no answer.
pub(super) fn send(
    context: &Context,
    setup: &Setup,
    opened: &mut Opened,
    id: &Id,
    wish: Wish,
    timeout: std::time::Duration,
    unrecorded: bool,
) -> Result<Sent, Problem> {
    let document = opened.session.document();
    let credential = document.by_id(id).cloned().ok_or_else(|| {
        let message = "the credential is not there any more: another program removed it";
        Problem::new(Exit::NotFound, "no_credential", message)
    })?;
    let content = &credential.content;
    let around = session::surroundings(document, content);
    let prepared = probe::prepare(&opened.kinds, content, &around, wish).map_err(|error| {
        if let Unplannable::Elsewhere(_) = error {
            opened.session.use_refused(id, "elsewhere", Timestamp::now());
        }
        unsent(&error)
    })?;
    let trust = setup.network.trust()?;
    if let Some(proxy) = prepared.url().and_then(|url| trust.proxy_for(url))
        && setup.network.is_from_environment()
    {
        let named_by = &trust.proxies.named_by;
        context.output.note(&format!("It goes through the proxy {proxy} ({named_by})."));
    }
    let failed = |error: std::io::Error| Problem::new(Exit::Failed, "io", format!("no request: {error}"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    let act = || {
        let asked = runtime.block_on(async {
            let cancel = CancellationToken::new();
            let sent = prepared.send(&trust, timeout, &cancel, Timestamp::now());
            tokio::select! {
                asked = sent => Some(asked),
                _ = tokio::signal::ctrl_c() => None,
            }
        });
        let Some(Asked { result, redactor }) = asked else { return Err(super::prompt::cancelled()) };
        let answer = result.map_err(|none| Problem::new(Exit::Failed, "no_answer", none.words))?;
        let tokens = content.tokens().digest().filter(|_| has_tokens(content));
        Ok(Sent { answer, redactor, tokens })
    };
    let used = Entry::about(What::Requested, &credential).with_secrets(&content.secrets);
    values::hand_out(context, &mut opened.session, vec![used], unrecorded, act)
}

fn print(context: &Context, arguments: &Request, sent: &Sent) {
    let (out, answer) = (&context.output, &sent.answer);
    if out.is_json() {
        let body = String::from_utf8_lossy(&answer.body);
        let body = serde_json::from_slice(&answer.body).unwrap_or_else(|_| json!(body));
        out.json(&json!({ "status": answer.status, "headers": answer.headers, "body": body }));
    } else {
        if arguments.include {
            out.line(&format!("HTTP {}", answer.status));
            for (name, value) in &answer.headers {
                out.line(&visible(&sent.redactor.clean(&format!("{name}: {value}"))));
            }
            out.line("");
        }
        match out.is_terminal() {
            true => on_terminal(context, &sent.redactor.clean(&String::from_utf8_lossy(&answer.body))),
            false => out.bytes(&answer.body),
        }
    }
    if answer.cut {
        out.warning(&format!("only the first {} MiB of the answer were read", MOST >> 20));
    }
}

/// A body line by line, each character visible.
fn on_terminal(context: &Context, body: &str) {
    for line in body.lines() {
        context.output.line(&visible(&line.replace('\t', "    ")));
    }
}

fn status(sent: &Sent) -> Problem {
    let answer = &sent.answer;
    let problem = Problem::new(Exit::Failed, "status", format!("the service answered {}", answer.status));
    match answer.header("location").filter(|_| (300..400).contains(&answer.status)) {
        Some(place) => {
            problem.hint(format!("it leads to {}; a redirect is not followed", sent.redactor.clean(place)))
        }
        None => problem,
    }
}

/// What the command line asks for.
fn wish(arguments: &Request) -> Result<Wish, Problem> {
    let (method, target) = match arguments.target.as_slice() {
        [method, target] => (Some(method.to_ascii_uppercase()), target),
        [target, ..] => (None, target),
        [] => return Err(Problem::new(Exit::Usage, "address", "a path or an address is missing")),
    };
    if let Some(method) = &method
        && !method.bytes().all(|byte| byte.is_ascii_uppercase())
    {
        return Err(Problem::new(Exit::Usage, "method", format!("{method:?} is no method"))
            .hint("a method is GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS or another word of letters"));
    }
    let mut headers = Vec::new();
    for text in &arguments.header {
        let Some((name, value)) = text.split_once(':') else {
            return Err(Problem::new(
                Exit::Usage,
                "header",
                format!("--header {text:?}: NAME: VALUE was expected"),
            ));
        };
        headers.push((name.trim().to_owned(), Secret::from(value.trim())));
    }
    let body = match arguments.data.as_deref().map(|data| (data, data.strip_prefix('@'))) {
        None => None,
        Some((_, Some(path))) => Some(input::read_secret(std::path::Path::new(path))?),
        Some((data, None)) => Some(Secret::from(data)),
    };
    if let Some(body) = &body
        && !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"))
    {
        let json = body.expose().trim_start().starts_with(['{', '[']);
        let kind = if json { "application/json" } else { "application/x-www-form-urlencoded" };
        headers.push(("Content-Type".to_owned(), Secret::from(kind)));
    }
    let usual = if body.is_some() { "POST" } else { "GET" };
    Ok(Wish { method: method.unwrap_or_else(|| usual.to_owned()), target: target.clone(), headers, body })
}

/// Why nothing is sent.
fn unsent(error: &Unplannable) -> Problem {
    let message = crate::redact::visible(&error.to_string(), 300);
    match error {
        Unplannable::Elsewhere(_) => Problem::new(Exit::Refused, "elsewhere", message)
            .hint("add it to the credential's allowed_hosts if it may go there"),
        Unplannable::Address(_) => Problem::new(Exit::Usage, "address", message),
        Unplannable::Lacking { advice, .. } => {
            Problem::new(Exit::Failed, "not_sendable", message).hint(advice.clone())
        }
        _ => Problem::new(Exit::Failed, "not_sendable", message),
    }
}
