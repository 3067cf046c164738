//! LDAP 3: StartTLS, a simple bind, "Who am I?", a look at the base DN, leave.

use zeroize::Zeroizing;

use super::link::{FRAME, Link};
use super::login::Login;
use super::reader::{Reader, text};
use super::verdict::{Ends, Verdict};

const START_TLS: &str = "1.3.6.1.4.1.1466.20037";
/// RFC 4532.
const WHO_AM_I: &str = "1.3.6.1.4.1.4203.1.11.3";

/// The most messages of one answer.
const MESSAGES: usize = 100;

pub(super) async fn check(link: &mut Link<'_>, login: &Login) -> Ends<Verdict> {
    let mut talk = Talk { link, id: 0 };
    if talk.link.wants_tls() {
        talk.link.step("hello", "StartTLS");
        let answer = talk.ask(&extended(START_TLS), 0x78).await?;
        if answer.code != 0 {
            return Err(Verdict::no_tls());
        }
        talk.link.encrypt().await?;
    }
    talk.link.step("login", format!("as {}", login.user));
    let mut bind = Zeroizing::new(element(0x02, &[3]));
    bind.extend_from_slice(&element(0x04, login.user.as_bytes()));
    bind.extend_from_slice(&Zeroizing::new(element(0x80, login.password.expose().as_bytes())));
    let bind = Zeroizing::new(element(0x60, &bind));
    let answer = talk.ask(&bind, 0x61).await?;
    if answer.code != 0 {
        return Err(refusal(&answer, talk.link.is_encrypted()));
    }
    talk.link.step("ask", "Who am I?");
    let answer = talk.ask(&extended(WHO_AM_I), 0x78).await?;
    // Not every server knows the question.
    let mut who = login.user.clone();
    if answer.code == 0 {
        match answer.value.as_deref() {
            None | Some("") => return Ok(Verdict::unchecked()),
            Some(name) => who = name.trim_start_matches("dn:").to_owned(),
        }
    }
    if !login.database.is_empty() {
        talk.link.step("ask", format!("search {}", login.database));
        let answer = talk.ask(&search(&login.database), 0x65).await?;
        match answer.code {
            0 if answer.entries > 0 => {}
            0 => return Err(Verdict::limited(format!("{} may not be read", login.database))),
            32 | 34 | 10 => {
                return Err(Verdict::no_database(answer.words()).advice(
                    "The login itself is good: the base DN is not there, or may not be seen by it.",
                ));
            }
            50 => return Err(Verdict::limited(answer.words())),
            51 | 52 | 3 | 11 => return Err(Verdict::unreachable(answer.words())),
            _ => return Err(Verdict::unexpected(answer.words())),
        }
    }
    let bye = talk.framed(&[0x42, 0]);
    talk.link.leave(&bye).await;
    Ok(Verdict::ok(format!("logged in as {who}")))
}

/// Messages with their numbers.
struct Talk<'a, 'b> {
    link: &'a mut Link<'b>,
    id: u8,
}

/// The result of an operation.
struct Answer {
    code: u32,
    said: String,
    /// The value of an extended response.
    value: Option<String>,
    /// How many entries came before it.
    entries: usize,
}

impl Answer {
    fn words(&self) -> String {
        match self.said.trim_matches(['\0', ' ']) {
            "" => format!("LDAP result {} {}", self.code, name(self.code)),
            said => format!("{said} (LDAP result {} {})", self.code, name(self.code)),
        }
    }
}

impl Talk<'_, '_> {
    fn framed(&mut self, operation: &[u8]) -> Zeroizing<Vec<u8>> {
        // A handful of messages a login.
        self.id += 1;
        let mut message = Zeroizing::new(element(0x02, &[self.id]));
        message.extend_from_slice(operation);
        Zeroizing::new(element(0x30, &message))
    }

    /// Sends an operation and waits for its result, which has the tag `wanted`.
    async fn ask(&mut self, operation: &[u8], wanted: u8) -> Ends<Answer> {
        let message = self.framed(operation);
        self.link.send(&message).await?;
        for entries in 0..MESSAGES {
            let message = self.read().await?;
            let answer = Answer::read(&message, self.id, wanted);
            match self.link.whole(answer)? {
                Part::Result(answer) => return Ok(Answer { entries, ..answer }),
                Part::Other => {}
                Part::Goodbye(answer) => return Err(Verdict::unreachable(answer.words())),
            }
        }
        Err(Verdict::unexpected("the server's answer did not end"))
    }

    /// The content of the next message.
    async fn read(&mut self) -> Ends<Vec<u8>> {
        let head = self.link.exact(2).await?;
        let length = match head[1] {
            short @ 0..=0x7f => usize::from(short),
            count @ 0x81..=0x84 => {
                let bytes = self.link.exact(usize::from(count & 0x7f)).await?;
                bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte))
            }
            _ => return Err(self.link.garbled()),
        };
        if head[0] != 0x30 || length > FRAME {
            return Err(self.link.garbled());
        }
        self.link.exact(length).await
    }
}

/// What a message is to the operation that waits.
enum Part {
    Result(Answer),
    /// An entry, a reference.
    Other,
    /// A notice of disconnection.
    Goodbye(Answer),
}

impl Answer {
    fn read(message: &[u8], id: u8, wanted: u8) -> Option<Part> {
        let mut message = Reader(message);
        let (tag, number) = take(&mut message)?;
        let (operation, content) = take(&mut message)?;
        if tag != 0x02 {
            return None;
        }
        let goodbye = number == [0] && operation == 0x78;
        if number != [id] && !goodbye {
            return None;
        }
        if matches!(operation, 0x64 | 0x73) && wanted == 0x65 {
            return Some(Part::Other);
        }
        if operation != wanted && !goodbye {
            return None;
        }
        let mut content = Reader(content);
        let (tag, code) = take(&mut content)?;
        if tag != 0x0a || code.is_empty() || code.len() > 3 {
            return None;
        }
        let code = code.iter().fold(0, |code, byte| code << 8 | u32::from(*byte));
        take(&mut content)?;
        let said = text(take(&mut content)?.1);
        let mut value = None;
        while let Some((tag, content)) = take(&mut content) {
            if tag == 0x8b {
                value = Some(text(content));
            }
        }
        let answer = Self { code, said, value, entries: 0 };
        Some(if goodbye { Part::Goodbye(answer) } else { Part::Result(answer) })
    }
}

/// The next element: its tag and its content.
fn take<'a>(from: &mut Reader<'a>) -> Option<(u8, &'a [u8])> {
    let tag = from.u8()?;
    let length = match from.u8()? {
        short @ 0..=0x7f => usize::from(short),
        count @ 0x81..=0x84 => from
            .take(usize::from(count & 0x7f))?
            .iter()
            .fold(0, |length, byte| length << 8 | usize::from(*byte)),
        _ => return None,
    };
    Some((tag, from.take(length)?))
}

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut element = vec![tag];
    if let Ok(short @ 0..=0x7f) = u8::try_from(content.len()) {
        element.push(short);
    } else {
        // Only our own texts go in here: far from 4 GiB.
        element.push(0x84);
        element.extend_from_slice(&u32::try_from(content.len()).unwrap_or(u32::MAX).to_be_bytes());
    }
    element.extend_from_slice(content);
    element
}

fn extended(oid: &str) -> Vec<u8> {
    element(0x77, &element(0x80, oid.as_bytes()))
}

/// Whether one entry is there: no attributes are asked for.
fn search(base: &str) -> Vec<u8> {
    let mut content = element(0x04, base.as_bytes());
    // This object, aliases as they are, one entry, 10 s, values and types.
    content.extend_from_slice(&[0x0a, 1, 0, 0x0a, 1, 0, 2, 1, 1, 2, 1, 10, 1, 1, 0]);
    content.extend_from_slice(&element(0x87, b"objectClass"));
    content.extend_from_slice(&element(0x30, &element(0x04, b"1.1")));
    element(0x63, &content)
}

fn refusal(answer: &Answer, encrypted: bool) -> Verdict {
    let words = answer.words();
    // Active Directory says in its text what the code hides: `…, data 532, …`.
    let reason = answer.said.split(", data ").nth(1).and_then(|rest| rest.split(',').next());
    match (answer.code, reason) {
        (49, Some("532" | "773" | "701")) => Verdict::expired(words),
        (49, Some("775")) => Verdict::rejected(words).advice("The account is locked: have it unlocked."),
        (49, Some("533")) => Verdict::rejected(words).advice("The account is disabled."),
        (49, Some("530" | "531")) => Verdict::limited(words),
        (49 | 48 | 32, _) => Verdict::rejected(words),
        (34, _) => {
            Verdict::rejected(words).advice("Give the bind DN in full, such as cn=admin,dc=example,dc=com.")
        }
        (8 | 13, _) if !encrypted => Verdict::unreachable(words).advice("The server wants TLS: set it."),
        (50, _) => Verdict::limited(words),
        (3 | 11 | 51 | 52, _) => Verdict::unreachable(words),
        (7 | 8 | 13, _) => Verdict::not_testable(words),
        _ => Verdict::unexpected(words),
    }
}

/// The names of RFC 4511, of results that a login can have.
fn name(code: u32) -> &'static str {
    match code {
        1 => "operationsError",
        2 => "protocolError",
        3 => "timeLimitExceeded",
        7 => "authMethodNotSupported",
        8 => "strongerAuthRequired",
        10 => "referral",
        11 => "adminLimitExceeded",
        13 => "confidentialityRequired",
        32 => "noSuchObject",
        34 => "invalidDNSyntax",
        48 => "inappropriateAuthentication",
        49 => "invalidCredentials",
        50 => "insufficientAccessRights",
        51 => "busy",
        52 => "unavailable",
        53 => "unwillingToPerform",
        80 => "other",
        _ => "",
    }
}
