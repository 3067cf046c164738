//! A proxy that only the environment names is shown before the first use of a sitting.

use std::sync::mpsc::sync_channel;

use tokio::sync::Mutex;
use tokio::sync::mpsc::UnboundedSender;

use crate::proxy::Proxy;
use crate::session::Setup;
use crate::tui::message::{Answer, Message, Question, QuestionKind, Reply};

/// Whether proxies may be used: those that a person configured may.
pub(super) struct Consent(Mutex<bool>);

impl Consent {
    pub(super) fn new(setup: &Setup) -> Self {
        Self(Mutex::new(!setup.network.is_from_environment()))
    }

    /// Whether this proxy may be used: asks where nobody said so before. Others who ask wait for the answer meanwhile.
    pub(super) async fn is_given(
        &self,
        proxy: &Proxy,
        named_by: &str,
        messages: &UnboundedSender<Message>,
    ) -> bool {
        let mut agreed = self.0.lock().await;
        if *agreed {
            return true;
        }
        let (answer, wait) = sync_channel(1);
        let what = format!(
            "Requests will go through the proxy {proxy}, which {named_by} in the environment names. It sees which \
             hosts are asked. Use it until this workbench ends?"
        );
        let kind = QuestionKind::Confirm { yes: "Use it".to_owned(), no: Some("No".to_owned()) };
        let question = Question { title: "Proxy", what, kind, answer };
        let _ = messages.send(Message::Vault(Answer::Question(question)));
        // Waits until it is answered, or its dialog closed.
        let reply = tokio::task::spawn_blocking(move || wait.recv()).await;
        *agreed = matches!(reply, Ok(Ok(Reply::Choice(true))));
        *agreed
    }
}
