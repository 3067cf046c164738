//! What happens to the workbench ([`Message`]) and what it wants done ([`Effect`]).

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use crossterm::event::KeyEvent;
use rustix::process::Signal;
use tokio::sync::oneshot;

use crate::audit::{Record, Usage, What};
use crate::model::{Content, Document, Edit, Id, KeptDraft};
use crate::probe::{Report, Surroundings};
use crate::problem::Problem;
use crate::schema::Kinds;
use crate::schema::catalogue::{Catalogue, Index};
use crate::secret::Secret;
use crate::session::oauth::{Given, Held, Prompt, Revoked, Stage};
use crate::session::review::{Reviewed, SignedOff, Standard};
use crate::session::{DroppedKey, Found, Keeping, MadeKey, Rewrite, Saved, ScanGroup, Watch, WorkflowUses};
use crate::tui::app::{Preview, Rewriting};
use crate::vault::{DraftSealer, OpenPolicy};

/// Something that happened.
#[derive(Debug)]
pub enum Message {
    /// A key was pressed.
    Key(KeyEvent),
    /// A text was pasted.
    Paste(Secret),
    /// A text was pasted that is not taken, and why.
    NotPasted(&'static str),
    /// The terminal has another size.
    Resize,
    /// The vault's thread has something to say.
    Vault(Answer),
    /// Files were scanned for what names credentials: each scan with its solution.
    Scanned(Result<Vec<(String, Found)>, Problem>),
    /// The services were read.
    Services(Arc<Index>),
    /// A test ended.
    Tested(Ticket, Box<Report>),
    /// Something of an exchange of tokens.
    Exchange(u64, News),
    /// A time that was asked for has come.
    Timer(Timer),
    /// A signal ends the program.
    Signal(Signal),
    /// Somebody wants it stopped (SIGTSTP), as Ctrl-Z does.
    Stop,
    /// The program was continued after a stop.
    Continued,
    /// The terminal itself is gone.
    TerminalGone,
    /// Somebody wants the vault locked (SIGUSR1).
    Lock,
}

/// What happens in an exchange of tokens, or of keys.
#[derive(Debug)]
pub enum News {
    /// A person is asked for something.
    Prompt(Prompt),
    /// What is being done.
    Stage(Stage),
    /// It ended.
    Ended(Result<Exchanged, Problem>),
}

/// What an exchange gave.
#[derive(Debug)]
pub enum Exchanged {
    /// A key that the service made, which is stored.
    Made(MadeKey),
    /// The key before is gone at the service, and here.
    Dropped(DroppedKey),
    /// An access token, which is stored.
    Token(Given),
    /// The tokens are gone.
    Revoked(Revoked),
}

/// What is to be done about a credential's tokens, or its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exchange {
    /// Let the service make the next key of a rotation.
    MakeKey,
    /// Let it drop the one before, and end the rotation.
    DropKey,
    /// Get new ones, with a person where the grant needs one.
    LogIn,
    /// Get the next access token now, whatever there is.
    Renew,
    /// Get an access token that is good: the stored one, or the next.
    Use,
    /// Give them back to the server, and drop them.
    Revoke,
    /// Drop them here only.
    Forget,
}

/// What the vault's thread answers.
#[derive(Debug)]
pub enum Answer {
    /// There is no vault yet.
    NoVault {
        /// Where it would be.
        vault: PathBuf,
        /// Where its identity is, or would be.
        identity: PathBuf,
        /// Whether that file is there.
        identity_exists: bool,
    },
    /// The vault is locked and opens without a question, so a key press has to ask for it.
    Locked,
    /// A question only a person can answer; the thread waits.
    Question(Question),
    /// Something to tell while the thread works, such as "touch your key".
    Told(String),
    /// The passphrase is wrong; the thread asks again.
    Wrong(Problem),
    /// Unlocking or making the vault failed.
    Failed(Problem),
    /// The vault is refused (exit 6).
    Refused(Problem),
    /// The vault is open.
    Opened {
        /// What it says.
        document: Arc<Document>,
        /// How often its credentials were used.
        usage: Arc<Usage>,
        /// What a person should hear.
        notices: Vec<String>,
        /// What happened since the last session that they should look into.
        alarms: Vec<String>,
        /// Why it is open read-only.
        refusal: Option<Problem>,
        /// It was made just now.
        created: bool,
        /// Drafts that were not saved when the workbench was locked, or ended.
        drafts: Vec<KeptDraft>,
        /// Seals drafts of this vault; `None`: it is open read-only.
        sealer: Option<Arc<DraftSealer>>,
    },
    /// Drafts were sealed; a problem: they are not on the disk.
    Kept(Result<(), Problem>),
    /// A kept draft was removed.
    Forgot(Result<(), Problem>),
    /// A commit ended.
    Committed {
        /// Which.
        serial: u64,
        /// What was stored, with the generation on disk.
        result: Result<(Saved, u64), Problem>,
    },
    /// How often credentials were used, where that changed.
    Used(Arc<Usage>),
    /// What the audit log says.
    Records(Result<Vec<Record>, Problem>),
    /// Records were written to a file.
    Written(Result<PathBuf, Problem>),
    /// What a review found.
    Reviewed(Result<Reviewed, Problem>),
    /// A review was signed off.
    SignedOff(Result<SignedOff, Problem>),
    /// How often workflows used credentials.
    Uses(Result<WorkflowUses, Problem>),
    /// What a new name would change.
    Preview(Result<Preview, Problem>),
    /// Files were changed: what could not be.
    Rewritten(Vec<String>),
    /// Tokens were stored: what the vault says now.
    Tokens(Arc<Document>),
    /// Another program had saved: the vault was read again.
    Refreshed(Result<Outside, Problem>),
    /// The vault's file can be watched.
    Watch(Watch),
    /// Nothing tells of changes to the vault, and why.
    Unwatched(String),
    /// A secret that was asked for.
    Secret {
        /// Of which credential.
        id: Id,
        /// At which place.
        place: String,
        /// What for.
        purpose: Purpose,
        /// How often credentials were used, this use included.
        usage: Arc<Usage>,
        /// The secret, where that it is handed out could be written down.
        result: Result<Secret, Problem>,
    },
    /// The thread failed: a bug. The vault is locked.
    Broken,
}

/// What another program saved.
#[derive(Debug)]
pub struct Outside {
    /// What the vault says now.
    pub document: Arc<Document>,
    /// What differs, in a few words; may be empty.
    pub words: String,
}

/// A question, with the way back for its answer. Dropping it is "cancelled".
#[derive(Debug)]
pub struct Question {
    /// Who asks.
    pub title: &'static str,
    /// What is asked for.
    pub what: String,
    /// How it is answered.
    pub kind: QuestionKind,
    /// Takes the answer.
    pub answer: SyncSender<Reply>,
}

/// How a question is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QuestionKind {
    /// By a text that is not shown.
    Passphrase,
    /// By a text.
    Text,
    /// By one of two words.
    Confirm {
        /// The first.
        yes: String,
        /// The second, where there is one.
        no: Option<String>,
    },
}

/// The answer to a question.
#[derive(Debug)]
pub enum Reply {
    /// A text.
    Text(Secret),
    /// Yes or no.
    Choice(bool),
}

/// Names one test, so that its result finds its place or is known to be late.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// The credential that is tested.
    pub id: Id,
    /// Which test: a later one of the same credential has a higher number.
    pub serial: u64,
    /// What was tested.
    pub subject: Subject,
}

/// What a test tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A stored version.
    Stored(u32),
    /// A draft at its revision.
    Draft(u64),
    /// The next values of a rotation, or those in use since its switch.
    Rotation,
}

/// Why a secret is taken out of the vault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To show it for a while.
    Reveal,
    /// To send it to the terminal's clipboard.
    Copy,
}

/// A time to come. A number that is not the newest any more means nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timer {
    /// Mask the shown secret.
    Mask(u64),
    /// Clear the clipboard.
    ClearClipboard(u64),
    /// Turn what spins.
    Spin,
    /// Test everything again.
    Retest(u64),
    /// Look whether the vault has been open for too long.
    OpenTime(u64),
    /// Look whether another program saved the vault.
    Look(u64),
    /// A second of a login passed.
    Login(u64),
}

/// Something to be done outside.
#[derive(Debug)]
pub enum Effect {
    /// Work for the vault's thread.
    Vault(Order),
    /// Answer the question of the vault's thread.
    Answer(SyncSender<Reply>, Reply),
    /// Run these tests, of credentials of these kinds.
    Test(Arc<Kinds>, Vec<(Ticket, Content, Surroundings)>),
    /// Look for what names credentials: in files of a solution, for its keys; those known already, or new ones.
    Scan {
        /// Each solution with the paths, and with the keys that are looked for by themselves.
        groups: Vec<ScanGroup>,
        /// What was scanned before: what is gone is no mistake.
        known: bool,
    },
    /// Read the services of a catalogue.
    Index(Arc<Catalogue>),
    /// Be told of what other programs save, until the vault is locked.
    Watch(Watch),
    /// Cancel a test, or an exchange of tokens.
    Cancel(u64),
    /// Ask for tokens of a credential, which is of one of these kinds.
    Exchange(Arc<Kinds>, u64, Id, Exchange),
    /// Give a login the address that a browser ended at.
    Pasted(u64, Secret),
    /// Come back after a while.
    Wake(Duration, Timer),
    /// Send a text to the terminal's clipboard.
    Clipboard(Secret),
    /// Give the terminal back and stop.
    Suspend,
    /// Seal drafts at once, whatever else is going on: the program ends.
    Keep(Keeping),
}

/// Work for the vault's thread, done in order.
#[derive(Debug)]
pub enum Order {
    /// Unlock and open the vault.
    Unlock {
        /// How much a refusal stops.
        policy: OpenPolicy,
        /// A person is there: where nothing has to be asked, wait for a key press.
        relock: bool,
    },
    /// Make the vault, and its identity where there is none.
    Create {
        /// Protects the identity; `None`: it exists.
        passphrase: Option<Secret>,
    },
    /// Store edits.
    Commit {
        /// Named in the answer.
        serial: u64,
        /// All or none.
        edits: Vec<Edit>,
    },
    /// Read the vault again if another program changed it.
    Refresh,
    /// Read the audit log.
    Records,
    /// Write records of the audit log to a file that is not there yet.
    WriteRecords {
        /// Where; `~/` is the home folder.
        path: PathBuf,
        /// What.
        records: Vec<Record>,
    },
    /// Look at everything in the vault.
    Review {
        /// The kinds there are.
        kinds: Arc<Kinds>,
        /// What it is held against.
        standard: Standard,
    },
    /// Write down that somebody looked at a review.
    SignOff {
        /// What it found.
        reviewed: Arc<Reviewed>,
        /// What they say to it.
        words: String,
    },
    /// Tell how often workflows used credentials.
    Uses,
    /// Read the files that a new name would change.
    Preview(Rewriting),
    /// Change files.
    Rewrite(Vec<Rewrite>),
    /// Files that were changed with a name that was taken back are changed back.
    RewriteBack(Vec<Rewrite>),
    /// An exchange of tokens begins: before a lock it is let finish.
    ExchangeBegins,
    /// It ended.
    ExchangeEnds,
    /// Read a credential afresh, for an exchange of its tokens.
    Hold {
        /// Which.
        id: Id,
        /// What it may be of.
        kinds: Arc<Kinds>,
        /// Takes the answer, with the folder of what belongs to the vault.
        answer: oneshot::Sender<Result<(Held, PathBuf), Problem>>,
    },
    /// Store what an exchange gave.
    Store {
        /// The tokens, or the key.
        edits: Vec<Edit>,
        /// Takes the answer.
        answer: oneshot::Sender<Result<Saved, Problem>>,
    },
    /// Write down that an exchange of tokens is about to be made.
    RecordBegin {
        /// Which.
        what: What,
        /// Of which credential.
        id: Id,
        /// Takes the answer.
        answer: oneshot::Sender<Result<(), Problem>>,
    },
    /// Write down what came of it, where nothing was stored.
    RecordEnd {
        /// Of which credential.
        id: Id,
        /// The code of a problem.
        result: &'static str,
    },
    /// Write down that a credential was to be used in a way that is forbidden.
    RecordRefused {
        /// Which.
        id: Id,
        /// A word for the log.
        why: &'static str,
    },
    /// Take a secret out.
    Secret {
        /// Of which credential.
        id: Id,
        /// At which place.
        place: String,
        /// What for.
        purpose: Purpose,
    },
    /// Seal drafts and put them on the disk.
    Keep(Keeping),
    /// Remove a kept draft, which was saved or dropped.
    Forget(Arc<DraftSealer>, Id),
    /// Forget everything.
    Lock,
}
