//! Exchanges of tokens and of keys in the background: a task for each, which asks the server; what it gives
//! is stored by the vault's thread before anybody uses it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use jiff::SignedDuration;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::consent::Consent;
use crate::audit::What;
use crate::http::Trust;
use crate::model::{Edit, Id};
use crate::problem::{Exit, Problem};
use crate::proxy::Proxy;
use crate::schema::Kinds;
use crate::secret::Secret;
use crate::session::oauth::{self, Held, Keeper, Stage, Ways, Why};
use crate::session::{self, Saved, Setup};
use crate::tui::app::Clock;
use crate::tui::message::{Exchange, Exchanged, Message, News, Order};

/// What every exchange works with.
struct Common {
    trust: Arc<Trust>,
    consent: Arc<Consent>,
    timeout: Duration,
    margin: SignedDuration,
    clock: Clock,
    messages: UnboundedSender<Message>,
}

/// The running exchanges.
pub(super) struct Exchanges {
    common: Arc<Common>,
    orders: Sender<Order>,
    running: HashMap<u64, Running>,
    all: CancellationToken,
}

/// What one of them is about.
struct Work {
    serial: u64,
    id: Id,
    what: Exchange,
    kinds: Arc<Kinds>,
}

struct Running {
    cancel: CancellationToken,
    pasted: UnboundedSender<Secret>,
}

impl Exchanges {
    pub(super) fn new(
        setup: &Setup,
        trust: Arc<Trust>,
        consent: Arc<Consent>,
        clock: Clock,
        orders: Sender<Order>,
        messages: UnboundedSender<Message>,
    ) -> Self {
        let options = &setup.config.oauth;
        let timeout = Duration::from_secs(options.timeout_seconds);
        let margin = SignedDuration::from_secs(options.margin_seconds.into());
        let common = Arc::new(Common { trust, consent, timeout, margin, clock, messages });
        Self { common, orders, running: HashMap::new(), all: CancellationToken::new() }
    }

    /// Begins one.
    pub(super) fn run(&mut self, kinds: Arc<Kinds>, serial: u64, id: Id, what: Exchange, runtime: &Handle) {
        self.running.retain(|_, one| !one.cancel.is_cancelled());
        let cancel = self.all.child_token();
        let (pasted, to_login) = unbounded_channel();
        self.running.insert(serial, Running { cancel: cancel.clone(), pasted });
        let begun = Begun::tell(self.orders.clone());
        let common = self.common.clone();
        runtime.spawn(async move {
            let work = Work { serial, id, what, kinds };
            let result = common.exchange(begun, &work, &cancel, to_login).await;
            common.tell(serial, News::Ended(result));
            // Marks it as done.
            cancel.cancel();
        });
    }

    /// Gives a login what was pasted.
    pub(super) fn paste(&self, serial: u64, text: Secret) {
        if let Some(running) = self.running.get(&serial) {
            // One that ended meanwhile needs it no more.
            let _ = running.pasted.send(text);
        }
    }

    /// Ends one, as far as nothing is lost by it.
    pub(super) fn cancel(&mut self, serial: u64) {
        if let Some(running) = self.running.remove(&serial) {
            running.cancel.cancel();
        }
    }

    pub(super) fn cancel_all(&self) {
        self.all.cancel();
    }
}

impl Common {
    fn tell(&self, serial: u64, news: News) {
        // A screen that is gone needs no news.
        let _ = self.messages.send(Message::Exchange(serial, news));
    }

    async fn exchange(
        &self,
        begun: Begun,
        work: &Work,
        cancel: &CancellationToken,
        pasted: UnboundedReceiver<Secret>,
    ) -> Result<Exchanged, Problem> {
        let Work { serial, id, what, kinds } = work;
        let (held, folder) = begun.hold(id, kinds).await?;
        let proxy = match what {
            Exchange::Forget => None,
            Exchange::MakeKey | Exchange::DropKey => held.service_proxy(&self.trust),
            _ => held.proxy(&self.trust),
        };
        self.may_be_used(proxy, cancel).await?;
        let vault = &Vault { begun, kinds: kinds.clone(), folder };
        let told = |stage: Stage| self.tell(*serial, News::Stage(stage));
        let ways = Ways {
            trust: &self.trust,
            timeout: self.timeout,
            margin: self.margin,
            cancel,
            clock: &*self.clock,
            told: &told,
        };
        match what {
            Exchange::MakeKey => session::make_key(vault, id, &ways).await.map(Exchanged::Made),
            Exchange::DropKey => session::drop_key(vault, id, false, &ways).await.map(Exchanged::Dropped),
            Exchange::LogIn => {
                let (prompts, mut shown) = unbounded_channel();
                let login = oauth::login(vault, id, &ways, prompts, pasted);
                tokio::pin!(login);
                loop {
                    tokio::select! {
                        // What was asked of a person comes before the end.
                        biased;
                        Some(prompt) = shown.recv() => self.tell(*serial, News::Prompt(prompt)),
                        given = &mut login => return given.map(Exchanged::Token),
                    }
                }
            }
            Exchange::Renew => oauth::renew(vault, id, Why::Asked, &ways).await.map(Exchanged::Token),
            Exchange::Use => oauth::renew(vault, id, Why::Use, &ways).await.map(Exchanged::Token),
            Exchange::Revoke => oauth::revoke(vault, id, false, &ways).await.map(Exchanged::Revoked),
            Exchange::Forget => oauth::revoke(vault, id, true, &ways).await.map(Exchanged::Revoked),
        }
    }

    /// Asks a person before a proxy that only the environment names is used for the first time.
    async fn may_be_used(&self, proxy: Option<Proxy>, cancel: &CancellationToken) -> Result<(), Problem> {
        let Some(proxy) = proxy else { return Ok(()) };
        let named_by = &self.trust.proxies.named_by;
        let given = tokio::select! {
            () = cancel.cancelled() => false,
            given = self.consent.is_given(&proxy, named_by, &self.messages) => given,
        };
        let refused = || Problem::new(Exit::Failed, "cancelled", "not sent: the proxy may not be used");
        given.then_some(()).ok_or_else(refused)
    }
}

/// Tells the vault's thread that an exchange goes on, until it is dropped.
struct Begun(Sender<Order>);

impl Begun {
    fn tell(orders: Sender<Order>) -> Self {
        let _ = orders.send(Order::ExchangeBegins);
        Self(orders)
    }

    async fn answered<T>(
        &self,
        order: impl FnOnce(oneshot::Sender<Result<T, Problem>>) -> Order,
    ) -> Result<T, Problem> {
        let (answer, wait) = oneshot::channel();
        let _ = self.0.send(order(answer));
        // Nobody answers where the thread failed, which it told.
        let gone = || Problem::new(Exit::Locked, "locked", "the vault is locked");
        wait.await.unwrap_or_else(|_| Err(gone()))
    }

    async fn hold(&self, id: &Id, kinds: &Arc<Kinds>) -> Result<(Held, PathBuf), Problem> {
        let (id, kinds) = (id.clone(), kinds.clone());
        self.answered(|answer| Order::Hold { id, kinds, answer }).await
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        let _ = self.0.send(Order::ExchangeEnds);
    }
}

/// The vault's thread, as an exchange sees it.
struct Vault {
    begun: Begun,
    kinds: Arc<Kinds>,
    folder: PathBuf,
}

impl Keeper for Vault {
    async fn read(&self, id: &Id) -> Result<Held, Problem> {
        Ok(self.begun.hold(id, &self.kinds).await?.0)
    }

    async fn keep(&self, edits: Vec<Edit>) -> Result<Saved, Problem> {
        self.begun.answered(|answer| Order::Store { edits, answer }).await
    }

    async fn begins(&self, what: What, id: &Id) -> Result<(), Problem> {
        let id = id.clone();
        self.begun.answered(|answer| Order::RecordBegin { what, id, answer }).await
    }

    async fn ends(&self, id: &Id, result: &'static str) {
        let _ = self.begun.0.send(Order::RecordEnd { id: id.clone(), result });
    }

    fn folder(&self) -> &Path {
        &self.folder
    }
}
