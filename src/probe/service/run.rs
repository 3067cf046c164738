//! A service's calls, one after the other: logins, the test, logging out.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::super::ask::{Asked, NoAnswer};
use super::super::run::{Judged, MESSAGE, Means, judge_call};
use super::facts::{learnt, taken};
use super::{Chain, Turn};
use crate::http::{self, Answer, Trust};
use crate::model::Outcome;
use crate::probe::plan::Unplannable;
use crate::probe::token::TOKEN;
use crate::probe::{Report, Step};
use crate::redact::Redactor;
use crate::secret::Secret;
use crate::sign::Signer;

/// How long logging out may take when a person cancelled: they are not to wait.
const PARTING: Duration = Duration::from_millis(150);

/// Carries out the calls and judges them. `token`: an access token that was got for this test alone.
pub(in crate::probe) async fn run(
    chain: &Chain,
    token: Option<&Secret>,
    means: &Means<'_>,
    now: Timestamp,
) -> Report {
    let Means { trust, deadline, timeout, cancel } = *means;
    let mut running = Running::of(chain, timeout, now);
    if let Some(token) = token {
        running.values.take(TOKEN, token.clone(), true);
        running.secrets.push(token.clone());
    }
    let mut verdict = None;
    for call in chain.calls.iter().filter(|call| call.turn != Turn::After) {
        let (judged, answer) = running.call(call, trust, deadline, cancel).await;
        let good = judged.outcome == Outcome::Ok;
        match answer.filter(|_| good && call.turn == Turn::Step) {
            Some(answer) => {
                if let Err(missing) = running.take(call, &answer) {
                    verdict = Some(*missing);
                    break;
                }
            }
            None => {
                verdict = Some(judged);
                break;
            }
        }
    }
    let mut judged = verdict.unwrap_or_else(|| Judged::of(Outcome::NotTestable, "there is no test to run"));
    running.part(trust, deadline, cancel).await;
    if judged.outcome == Outcome::Ok
        && let Some(weak) = chain.weak()
    {
        judged.outcome = Outcome::NotTestable;
        judged.message = format!("{}, but that proves little: {weak}", judged.message);
    }
    chain.advise(&mut judged);
    Report {
        outcome: judged.outcome,
        status_code: judged.status_code,
        latency_ms: 0,
        message: running.redactor().show(&judged.message, MESSAGE),
        advice: judged.advice,
        steps: running.steps,
        facts: judged.facts,
        at: Timestamp::UNIX_EPOCH,
    }
}

/// Sends a person's own request, or what makes or drops a key, after what the service wants before it, and logs out.
pub(in crate::probe) async fn ask(chain: &Chain, means: &Means<'_>, now: Timestamp) -> Asked {
    let Means { trust, deadline, timeout, cancel } = *means;
    let mut running = Running::of(chain, timeout, now);
    let mut result = Err(NoAnswer::unsent("there is nothing to send".to_owned()));
    for call in chain.calls.iter().filter(|call| call.turn != Turn::After) {
        if call.turn == Turn::Test {
            result = match running.request(call) {
                Ok(request) => {
                    let exchange = match chain.wish {
                        Some(_) => http::send_whole(&request, trust, deadline, cancel).await,
                        None => http::send(&request, trust, deadline, cancel).await,
                    };
                    NoAnswer::or_answer(exchange)
                }
                Err(error) => Err(NoAnswer::unsent(error.to_string())),
            };
            break;
        }
        let (judged, answer) = running.call(call, trust, deadline, cancel).await;
        let taken = match answer.filter(|_| judged.outcome == Outcome::Ok) {
            Some(answer) => running.take(call, &answer).map_err(|missing| missing.message),
            None => Err(judged.message),
        };
        if let Err(message) = taken {
            // What was to be sent was not: only what comes before it.
            result = Err(NoAnswer::unsent(message));
            break;
        }
    }
    running.part(trust, deadline, cancel).await;
    let redactor = running.redactor();
    Asked { result: result.map_err(|none| none.shown(&redactor)), redactor }
}

/// The calls as far as they went.
struct Running<'a> {
    chain: &'a Chain,
    values: super::Values,
    secrets: Vec<Secret>,
    steps: Vec<Step>,
    now: Timestamp,
    nonce: [u8; 16],
    timeout: Duration,
}

impl<'a> Running<'a> {
    fn of(chain: &'a Chain, timeout: Duration, now: Timestamp) -> Self {
        Self {
            chain,
            values: chain.values.clone(),
            secrets: chain.secrets.clone(),
            steps: Vec::new(),
            now,
            nonce: rand::random(),
            timeout,
        }
    }
}

impl Running<'_> {
    /// Knows every secret so far, those taken from answers included.
    fn redactor(&self) -> Redactor {
        Redactor::new(&self.secrets)
    }

    /// The request of a call, signed where the service wants it so.
    fn request(&mut self, call: &super::Call) -> Result<http::Request, Unplannable> {
        let mut signer: Option<Signer> = None;
        if let Some(spec) = &self.chain.signer {
            let values = &self.values;
            let made = spec.resolve::<Unplannable>(&|name| Ok(values.get_or_empty(name)))?;
            for (name, value) in made.values(self.now, &self.nonce)? {
                let secret = name == "jwt";
                if secret {
                    self.secrets.push(value.clone());
                }
                self.values.take(name, value, secret);
            }
            signer = Some(made);
        }
        let mut built = self.chain.build(call, &self.values)?;
        self.secrets.append(&mut built.secrets);
        if let Some(signer) = signer.filter(|_| call.carries_auth) {
            self.secrets.extend(signer.sign(&mut built.request, self.now, &self.nonce)?);
        }
        Ok(built.request)
    }

    async fn call(
        &mut self,
        call: &super::Call,
        trust: &Trust,
        deadline: Instant,
        cancel: &CancellationToken,
    ) -> (Judged, Option<Answer>) {
        let request = match self.request(call) {
            Ok(request) => request,
            Err(error) => return (Judged::of(Outcome::Unexpected, &error.to_string()), None),
        };
        let exchange = http::send(&request, trust, deadline, cancel).await;
        let redactor = self.redactor();
        let (mut judged, steps) =
            judge_call(&request, &call.rules, call.html, &exchange, &redactor, self.timeout, self.now);
        let answer = exchange.result.ok();
        if call.turn == Turn::Test
            && matches!(judged.outcome, Outcome::Ok | Outcome::Limited)
            && let Some(answer) = &answer
        {
            let json = json_of(answer);
            judged.facts = learnt(&call.call.facts, answer, json.as_ref(), &redactor, self.now);
        }
        if call.turn == Turn::Step && judged.outcome != Outcome::Ok {
            judged.message = format!("{}: {}", call.name, judged.message);
        }
        for mut step in steps {
            if !call.name.is_empty() {
                step.name = match &*step.name {
                    "request" => call.name.clone().into(),
                    other => format!("{} {other}", call.name).into(),
                };
            }
            self.steps.push(step);
        }
        (judged, answer)
    }

    /// Takes what the calls that follow need.
    fn take(&mut self, call: &super::Call, answer: &Answer) -> Result<(), Box<Judged>> {
        let json = json_of(answer);
        for take in &call.call.take {
            let Some(value) = taken(take, answer, json.as_ref()) else {
                let message = format!(
                    "{}: {} but the answer has no {}",
                    call.name,
                    answer.status,
                    take.json
                        .as_deref()
                        .or(take.header.as_deref())
                        .or(take.cookie.as_deref())
                        .unwrap_or("body")
                );
                return Err(Box::new(Judged {
                    status_code: Some(answer.status),
                    ..Judged::of(Outcome::Unexpected, &message)
                }));
            };
            if take.secret {
                self.secrets.push(value.clone());
            }
            match take.list {
                true => self.values.take_list(&take.name, value, take.secret),
                false => self.values.take(&take.name, value, take.secret),
            }
        }
        Ok(())
    }

    /// Logs out, as far as there is something to log out of and time is left. What comes of it changes nothing.
    async fn part(&mut self, trust: &Trust, deadline: Instant, cancel: &CancellationToken) {
        let (deadline, own) = match cancel.is_cancelled() {
            true => (deadline.min(Instant::now() + PARTING), CancellationToken::new()),
            false => (deadline, cancel.clone()),
        };
        let chain = self.chain;
        for call in chain.calls.iter().filter(|call| call.turn == Turn::After) {
            if Instant::now() >= deadline || self.needs_more(call) {
                continue;
            }
            self.call(call, trust, deadline, &own).await;
        }
    }

    /// Whether a call wants something that no answer brought: there is no session to end.
    fn needs_more(&self, call: &super::Call) -> bool {
        let taken = self.chain.calls.iter().flat_map(|call| &call.call.take);
        let missing = taken.filter(|take| !self.values.knows(&take.name)).count() > 0;
        missing || (call.carries_auth && self.chain.calls.iter().all(|call| call.call.take.is_empty()))
    }
}

fn json_of(answer: &Answer) -> Option<Value> {
    serde_json::from_slice(&answer.body).ok()
}

impl Chain {
    /// What to do next, in the words of this service.
    fn advise(&self, judged: &mut Judged) {
        match (judged.outcome, &self.key_page) {
            (Outcome::Rejected, Some(page)) => {
                judged.advice = format!("Make a new one at {page}, enter it and test again.");
            }
            (Outcome::Expired, Some(page)) => {
                judged.advice = format!("Renew it at {page}, enter it and test again.");
            }
            _ => {}
        }
        // What is worth knowing about the service's credentials helps only where one was answered.
        let answered = match judged.outcome {
            Outcome::Rejected | Outcome::Limited | Outcome::Expired => true,
            Outcome::Unexpected => judged.status_code.is_some(),
            _ => false,
        };
        if let (Some(note), true) = (&self.chosen.variant().note, answered) {
            judged.advice = [judged.advice.as_str(), note].join(" ").trim_start().to_owned();
        }
    }
}
