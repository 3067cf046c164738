//! A login in a browser: authorization code with PKCE (RFC 6749, 4.1; RFC 7636; RFC 8252), by a listener on this
//! machine and by pasting at once, whichever comes first.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::login::{Deaf, Person, Prompt, shown_end};
use super::loopback::Listener;
use super::redirect::Redirect;
use super::talk::{Form, Place, Talk};
use super::transaction::{Answered, Transaction};
use super::{Refusal, Token};
use crate::http::Failure;

/// How long a person has to agree.
const LONGEST: Duration = Duration::from_secs(300);

pub(super) async fn login(talk: &mut Talk<'_>, person: &mut Person) -> Result<Token, Refusal> {
    let ask = talk.ask;
    let authorization = talk.address(Place::Authorization).await?;
    // Known before the person is sent away: an answer that nothing can be done with helps nobody.
    let token = talk.address(Place::Token).await?;
    if let Some(metadata) = talk.metadata() {
        metadata.check_pkce()?;
    }
    let redirect = ask.redirect_url.clone().unwrap_or_default();
    let listener = Listener::open(&redirect);
    let port = listener.as_ref().ok().map(|listener| listener.address().port());
    let here = !redirect.places().is_empty();
    let sent = redirect.at(port);
    let transaction = Arc::new(Transaction::new(ask, sent, here, &authorization, &token, talk.metadata()));
    let ends = talk.means.deadline.min(Instant::now() + LONGEST);
    let url = transaction.url(ask, &authorization);
    person.show(Prompt::Browser {
        host: url.host_str().unwrap_or_default().to_owned(),
        url,
        listening: listener.as_ref().map(Listener::address).map_err(|deaf| *deaf),
        ends: shown_end(talk.means, ends),
    });
    let answered = answered(talk, person, &redirect, listener, &transaction, ends).await?;
    let (code, kept) = match answered {
        Answered::Code { code, kept } => (code, kept),
        Answered::Denied { code, description } => return Err(Refusal::Denied { code, description }),
    };
    talk.secrets.extend([code.clone(), transaction.verifier().clone()]);
    let mut form = Form::default();
    form.add("grant_type", "authorization_code");
    form.add("code", code);
    form.add("redirect_uri", transaction.redirect.as_str());
    form.add("code_verifier", transaction.verifier().clone());
    talk.prove(&mut form, &token)?;
    talk.extra(&mut form);
    let mut token = talk.token("token", &token, form).await?;
    token.check_id(&ask.client_id, transaction.nonce())?;
    token.reply.extend(kept);
    Ok(token)
}

/// Waits for the browser and for the person.
async fn answered(
    talk: &Talk<'_>,
    person: &mut Person,
    redirect: &Redirect,
    listener: Result<Listener, Deaf>,
    transaction: &Arc<Transaction>,
    ends: Instant,
) -> Result<Answered, Refusal> {
    let deaf = listener.as_ref().err().copied();
    let came = async {
        match listener {
            Ok(listener) => listener.answer(redirect, transaction).await,
            Err(_) => std::future::pending().await,
        }
    };
    tokio::pin!(came);
    loop {
        tokio::select! {
            biased;
            () = talk.means.cancel.cancelled() => return Err(Refusal::Failure(Failure::Cancelled)),
            answered = &mut came => return answered.map_err(Refusal::Redirect),
            pasted = person.paste() => match (pasted, deaf) {
                (Some(pasted), _) => match transaction.judge_pasted(&pasted) {
                    Ok(answered) => return Ok(answered),
                    Err(reason) => person.show(Prompt::NotThis(reason)),
                },
                (None, Some(deaf)) => return Err(Refusal::NoWayBack(deaf)),
                (None, None) => {}
            },
            () = sleep_until(ends) => return Err(Refusal::TooLate),
        }
    }
}
