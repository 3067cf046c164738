//! `recipients`: who can open the vault.

use std::process::ExitCode;

use jiff::Timestamp;
use serde_json::json;

use super::args::Recipients;
use super::manual::{self, Page};
use super::output::visible;
use super::{Context, show};
use crate::model::{Edit, Recipient};
use crate::problem::{Exit, Problem};
use crate::session::Opened;
use crate::vault::parse_recipient;
use crate::words::counted;

pub(super) const PAGES: &[Page] = &[
    Page {
        command: "recipients list",
        examples: &[("credbench recipients list", "who can open the vault")],
        json: r#"{"recipients":[{"recipient","name","added_at","own"}],"last_writer"}"#,
        faults: &[],
        shared: &[&manual::OPENS],
    },
    Page {
        command: "recipients add",
        examples: &[(
            "credbench recipients add age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p --name Ann",
            "from the next save on she can open it",
        )],
        json: r#"{"recipient","done":"added"}"#,
        faults: &[
            (Exit::Invalid, "invalid_recipient", "that is no public key"),
            (Exit::Refused, "exists", "it is one already"),
        ],
        shared: &[&manual::OPENS, &manual::RECORDED, &manual::SAVES],
    },
    Page {
        command: "recipients remove",
        examples: &[("credbench recipients remove Ann", "and says how many secrets she knew")],
        json: r#"{"recipient","done":"removed","secrets_to_rotate"}"#,
        faults: &[
            (Exit::NotFound, "no_recipient", "there is none of that key or name"),
            (Exit::Usage, "no_recipient", "several are called so"),
        ],
        shared: &[&manual::OPENS, &manual::RECORDED, &manual::SAVES],
    },
];

pub(crate) fn run(context: &Context, action: &Recipients) -> Result<ExitCode, Problem> {
    let now = Timestamp::now();
    // What is no recipient is told before anything is unlocked.
    let added = match action {
        Recipients::Add { recipient, .. } => Some(parse_recipient(recipient)?.text().to_owned()),
        _ => None,
    };
    let setup = context.setup()?;
    let mut opened = context.open(&setup)?;
    let before = opened.document.recipients.clone();
    match (action, added) {
        (Recipients::Add { name, .. }, Some(recipient)) => {
            if before.iter().any(|known| known.recipient == recipient) {
                return Err(Problem::new(
                    Exit::Refused,
                    "exists",
                    format!("{recipient} can open the vault already"),
                ));
            }
            let name = name.clone().unwrap_or_default();
            let mut after = before.clone();
            after.push(Recipient { recipient: recipient.clone(), name, added_at: now });
            let saved = opened.session.commit(vec![Edit::SetRecipients { before, after }], now)?;
            let done = json!({ "recipient": recipient, "done": "added" });
            show::said(context, &saved, &done, &format!("{recipient}  added"));
        }
        (Recipients::Remove { recipient }, _) => remove(context, &mut opened, recipient, now)?,
        _ => list(context, &opened),
    }
    Ok(ExitCode::SUCCESS)
}

fn remove(context: &Context, opened: &mut Opened, wanted: &str, now: Timestamp) -> Result<(), Problem> {
    let canonical = parse_recipient(wanted).map(|parsed| parsed.text().to_owned());
    let meant = |known: &&Recipient| match &canonical {
        Ok(text) => known.recipient == *text,
        Err(_) => known.name == wanted,
    };
    let recipients = &opened.document.recipients;
    let found: Vec<Recipient> = recipients.iter().filter(meant).cloned().collect();
    let [removed] = &found[..] else {
        let message = match found.len() {
            0 => format!("no recipient is {wanted:?}"),
            count => format!("{count} recipients are called {wanted:?}"),
        };
        let exit = if found.is_empty() { Exit::NotFound } else { Exit::Usage };
        return Err(Problem::new(exit, "no_recipient", message)
            .hint("`credbench recipients list` shows them; name one by its public key"));
    };
    let rest: Vec<Recipient> = recipients.iter().filter(|known| *known != removed).cloned().collect();
    let secrets: usize =
        opened.document.credentials.iter().map(|credential| credential.content.secrets.len()).sum();
    let before = recipients.clone();
    let saved = opened.session.commit(vec![Edit::SetRecipients { before, after: rest }], now)?;
    let done = json!({ "recipient": removed.recipient, "done": "removed", "secrets_to_rotate": secrets });
    show::said(context, &saved, &done, &format!("{}  removed", removed.recipient));
    let count = counted(secrets, "secret");
    context.output.warning(&format!(
        "whoever was removed can still open every older copy of the vault, backups included: \
         {count} should be replaced at their services; `credbench backup purge` drops the backups here"
    ));
    Ok(())
}

fn list(context: &Context, opened: &Opened) {
    let (out, store) = (&context.output, opened.session.store());
    let (own, writer) = (store.own_recipient(), &opened.session.header().writer);
    if out.is_json() {
        let rows: Vec<_> = opened
            .document
            .recipients
            .iter()
            .map(|known| {
                json!({
                    "recipient": known.recipient,
                    "name": known.name,
                    "added_at": known.added_at,
                    "own": own == Some(known.recipient.as_str()),
                })
            })
            .collect();
        return out.json(&json!({ "recipients": rows, "last_writer": writer }));
    }
    for known in &opened.document.recipients {
        let own = if own == Some(known.recipient.as_str()) { "  (you)" } else { "" };
        let name = if known.name.is_empty() { String::new() } else { format!("  {}", visible(&known.name)) };
        out.line(&format!("{}{name}{own}", visible(&known.recipient)));
    }
    out.note(&format!("last saved by writer {writer}, generation {}", opened.session.header().generation));
}
