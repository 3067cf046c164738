//! The side panel while nothing is edited: the selected credential, its secrets masked.

use jiff::Timestamp;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use serde_json::Value;
use unicode_width::UnicodeWidthStr;

use crate::model::{Credential, Document, Id, Outcome, Placeholder, Stage, Status, TestRecord, pointer};
use crate::schema::{Kind, Kinds, with_both_spellings};
use crate::secret::{MASK, Secret};
use crate::session::Rotating;
use crate::tui::app::Shared;
use crate::tui::paint;
use crate::tui::theme::{self, Theme};
use crate::words;

/// A secret while it is shown.
struct Revealed {
    id: Id,
    place: String,
    secret: Secret,
    /// The newest timer masks it.
    serial: u64,
}

/// One value of a credential.
pub(super) struct Item {
    pub(super) place: String,
    label: String,
    pub(super) shown: Shown,
}

/// How a value is shown.
pub(super) enum Shown {
    /// As it is.
    Text(String),
    /// Masked; the vault has it.
    Stored,
    /// Required, and not there.
    Missing,
    /// A heading.
    Heading,
}

/// What the pane shows: a credential, and what is known of its tokens, if it is of those that have some.
pub(super) struct Viewed<'a> {
    pub(super) document: &'a Document,
    pub(super) credential: &'a Credential,
    pub(super) kinds: &'a Kinds,
    pub(super) tokens: Vec<(&'static str, String)>,
    /// The workflows that use it, each with its lines.
    pub(super) used_by: Vec<(String, String)>,
    pub(super) rotating: Rotating,
}

/// The details pane.
#[derive(Default)]
pub(super) struct Details {
    selected: usize,
    top: usize,
    revealed: Option<Revealed>,
}

impl Details {
    /// Starts at the top again, for another credential.
    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }

    pub(super) fn reveal(&mut self, id: Id, place: String, secret: Secret, serial: u64) {
        self.revealed = Some(Revealed { id, place, secret, serial });
    }

    /// Masks the secret; for a timer only the one it was set for. Whether it did.
    pub(super) fn mask(&mut self, serial: Option<u64>) -> bool {
        let meant = |revealed: &mut Revealed| serial.is_none_or(|serial| serial == revealed.serial);
        self.revealed.take_if(meant).is_some()
    }

    pub(super) fn is_revealed(&self) -> bool {
        self.revealed.is_some()
    }

    /// Moves between values.
    pub(super) fn step(&mut self, by: isize, viewed: &Viewed<'_>) {
        let items = items(viewed);
        let last = items.len().saturating_sub(1);
        let mut to = self.selected.saturating_add_signed(by).min(last);
        while matches!(items.get(to), Some(Item { shown: Shown::Heading, .. })) {
            match (by < 0, to) {
                (true, 0) | (false, _) if to < last => to += 1,
                (true, _) => to -= 1,
                (false, _) => break,
            }
        }
        self.selected = to;
    }

    /// The selected value.
    pub(super) fn item(&self, viewed: &Viewed<'_>) -> Option<Item> {
        let mut items = items(viewed);
        if self.selected >= items.len() {
            return None;
        }
        Some(items.swap_remove(self.selected))
    }

    /// Draws it into the room inside the pane.
    pub(super) fn draw(
        &mut self,
        viewed: &Viewed<'_>,
        area: Rect,
        buf: &mut Buffer,
        shared: &Shared,
        focused: bool,
    ) {
        let (theme, credential) = (&shared.theme, viewed.credential);
        let items = items(viewed);
        self.selected = self.selected.min(items.len().saturating_sub(1));
        if matches!(items.get(self.selected), Some(Item { shown: Shown::Heading, .. })) {
            self.step(1, viewed);
        }
        let head = head(viewed.document, credential, area, buf, shared);
        let history = history(credential, shared.now(), theme);
        let wanted = u16::try_from(history.len()).unwrap_or(0) + 2;
        let below = wanted.min(area.height.saturating_sub(head) / 3);
        let room = Rect { y: area.y + head, height: area.height.saturating_sub(head + below), ..area };
        self.values(credential, &items, room, buf, shared, focused);
        if below > 2 {
            let y = room.bottom() + 1;
            let mut title = vec![("Tests  ".to_owned(), theme.title)];
            title.extend(latencies(&credential.tests, usize::from(area.width / 2), theme));
            let title: Vec<(&str, Style)> =
                title.iter().map(|(text, style)| (text.as_str(), *style)).collect();
            paint::parts(buf, area.x, y, area.width, &title);
            for (parts, y) in history.iter().zip(y + 1..area.bottom()) {
                let parts: Vec<(&str, Style)> =
                    parts.iter().map(|(text, style)| (text.as_str(), *style)).collect();
                paint::parts(buf, area.x, y, area.width, &parts);
            }
        }
    }

    fn values(
        &mut self,
        credential: &Credential,
        items: &[Item],
        area: Rect,
        buf: &mut Buffer,
        shared: &Shared,
        focused: bool,
    ) {
        let theme = &shared.theme;
        let height = usize::from(area.height.max(1));
        if self.selected < self.top {
            self.top = self.selected;
        } else if self.selected >= self.top + height {
            self.top = self.selected + 1 - height;
        }
        self.top = self.top.min(items.len().saturating_sub(height));
        let labels = items.iter().filter(|item| !matches!(item.shown, Shown::Heading));
        let width = labels.map(|item| item.label.width()).max().unwrap_or(0).min(usize::from(area.width) / 3);
        let width = u16::try_from(width).unwrap_or(0);
        for ((index, item), y) in items.iter().enumerate().skip(self.top).zip(area.y..area.bottom()) {
            if matches!(item.shown, Shown::Heading) {
                paint::put(buf, area.x, y, area.width, &item.label, theme.title);
                continue;
            }
            let selected = focused && index == self.selected;
            let line = Rect { y, height: 1, ..area };
            let base = if selected { theme.selection } else { theme.text };
            if selected {
                buf.set_style(line, base);
            }
            let on = |style: Style| if selected { base } else { style };
            paint::put(buf, area.x, y, width, &item.label, on(theme.dim));
            let x = area.x + width + 2;
            let room = area.right().saturating_sub(x);
            match &item.shown {
                Shown::Text(text) => paint::put(buf, x, y, room, text, base),
                Shown::Missing => paint::put(buf, x, y, room, "? missing", on(theme.warn)),
                Shown::Heading => 0,
                Shown::Stored => match self.shown_secret(&credential.id, &item.place) {
                    Some(secret) => {
                        let (first, more) = match secret.expose().split_once('\n') {
                            Some((first, rest)) => (first, format!("  +{} lines", rest.lines().count())),
                            None => (secret.expose(), String::new()),
                        };
                        paint::parts(buf, x, y, room, &[(first, on(theme.revealed)), (&more, on(theme.dim))])
                    }
                    None => {
                        paint::parts(buf, x, y, room, &[(MASK, on(theme.mask)), ("  stored", on(theme.dim))])
                    }
                },
            };
        }
    }

    fn shown_secret(&self, id: &Id, place: &str) -> Option<&Secret> {
        let revealed = self.revealed.as_ref()?;
        (revealed.id == *id && revealed.place == place).then_some(&revealed.secret)
    }
}

/// Status and version. Gives the rows it took.
fn head(document: &Document, credential: &Credential, area: Rect, buf: &mut Buffer, shared: &Shared) -> u16 {
    let (theme, now) = (&shared.theme, shared.now());
    let days = shared.config.screen.expiring_days;
    let facts = crate::session::facts(document, credential, &shared.kinds, now, days);
    let (status, old) = credential.status(facts);
    let (sign, word) = theme::status(status);
    let word = format!("{sign} {word}{}", if old && status != Status::Untested { ", old" } else { "" });
    let age = paint::ago(now.duration_since(credential.updated_at).as_secs());
    let ago = |age: &str| if age == "now" { age.to_owned() } else { format!("{age} ago") };
    let about = format!("  version {} · changed {}", credential.version, ago(&age));
    paint::parts(buf, area.x, area.y, area.width, &[(&word, theme.status(status)), (&about, theme.dim)]);
    let Some(used) = shared.usage.of(&credential.id) else { return 2 };
    let times = words::times(used.count);
    let last = paint::ago(now.duration_since(used.last).as_secs());
    paint::put(buf, area.x, area.y + 1, area.width, &format!("used {times}, {}", ago(&last)), theme.dim);
    3
}

/// What a credential says, in the order of its kind's form; what the form does not know stands at the end.
fn items(viewed: &Viewed<'_>) -> Vec<Item> {
    let Viewed { credential, kinds, tokens, used_by, rotating, .. } = viewed;
    let content = &credential.content;
    let mut items = Vec::new();
    for (index, violation) in kinds.attention(content).into_iter().enumerate() {
        if index == 0 {
            items.extend(heading("! Needs attention", true));
        }
        let label = pointer::steps(&violation.pointer).last().unwrap_or_default().into_owned();
        let label = if label.is_empty() { "it".to_owned() } else { label };
        let said = match &violation.value {
            Some(value) => format!("{value} {}", violation.message),
            None => violation.message,
        };
        items.push(Item { place: violation.pointer, label, shown: Shown::Text(said) });
    }
    let kind = kinds.of_content(content);
    let kind = kind.as_deref();
    if !tokens.is_empty() {
        let first = items.is_empty();
        items.extend(heading("Tokens", first));
        items.extend(tokens.iter().map(|(label, text)| Item {
            place: String::new(),
            label: (*label).to_owned(),
            shown: Shown::Text(text.clone()),
        }));
    }
    service(credential, kind, &mut items);
    let mut group = String::new();
    let missing = kind.map(|kind| kind.missing(content)).unwrap_or_default();
    for field in kind.map(|kind| kind.fields.as_slice()).unwrap_or_default() {
        let value = content.get(&field.pointer);
        let missing = missing.contains(&field.pointer);
        let at = items.len();
        match value {
            None if missing => {
                items.push(Item {
                    place: field.pointer.clone(),
                    label: field.label.clone(),
                    shown: Shown::Missing,
                });
            }
            None => continue,
            Some(value) => values(&field.pointer, &field.label, value, &mut items),
        }
        if items.len() > at && group != field.group {
            group.clone_from(&field.group);
            items.splice(at..at, heading(&group, at == 0));
        }
    }
    unknown(credential, kind, &mut items);
    let stands = rotating.stage.map(|stage| match stage {
        Stage::Entered => "next value kept, not proven yet",
        Stage::Proven => "next value proven, not used yet",
        Stage::Switched => "switched, not proven since",
        Stage::Confirmed => "switched; revoke the one before",
    });
    let lines = [
        ("Stands", stands.map(str::to_owned)),
        ("Due", rotating.due.map(|due| due.strftime("%F").to_string())),
    ];
    let lines: Vec<_> = lines.into_iter().filter_map(|(label, text)| Some((label, text?))).collect();
    if !lines.is_empty() {
        let first = items.is_empty();
        items.extend(heading("Rotation", first));
        items.extend(lines.into_iter().map(|(label, text)| Item {
            place: String::new(),
            label: label.to_owned(),
            shown: Shown::Text(text),
        }));
    }
    if !used_by.is_empty() {
        let first = items.is_empty();
        items.extend(heading("Used by", first));
        items.extend(used_by.iter().map(|(workflow, lines)| Item {
            place: String::new(),
            label: workflow.clone(),
            shown: Shown::Text(lines.clone()),
        }));
    }
    items
}

/// What the service says, and what it told of the credential in the last good test.
fn service(credential: &Credential, kind: Option<&Kind>, items: &mut Vec<Item>) {
    let (title, page, proof) = match kind.and_then(Kind::service) {
        Some(Ok(chosen)) => {
            let variant = chosen.variant();
            let proof = match (variant.proof(), &variant.not_testable) {
                (Some((method, address)), _) => Some(format!("{method} {address}")),
                (None, why) => why.as_ref().map(|why| format!("none: {why}")),
            };
            // A test of the credential's own stands among its values.
            let proof = proof.filter(|_| !credential.content.document.contains_key("test"));
            let page = kind.and_then(|kind| kind.page(&credential.content));
            (chosen.heading(), page.map(|page| page.address), proof)
        }
        // Where the catalogue has nothing for its kind, any text is allowed there.
        _ => ("The last good test told".to_owned(), None, None),
    };
    let learnt = credential.learnt();
    let facts = [
        ("Belongs to", learnt.and_then(|learnt| learnt.who.clone())),
        ("Scopes", learnt.and_then(|learnt| learnt.scopes.as_ref()).map(|scopes| scopes.join(", "))),
        ("Expires", learnt.and_then(|learnt| learnt.expires_at).map(|at| at.strftime("%F").to_string())),
        ("Key page", page),
        ("Proven by", proof),
    ];
    let lines: Vec<Item> = facts
        .into_iter()
        .filter_map(|(label, text)| {
            Some(Item { place: String::new(), label: label.to_owned(), shown: Shown::Text(text?) })
        })
        .collect();
    if !lines.is_empty() {
        let first = items.is_empty();
        items.extend(heading(&title, first));
        items.extend(lines);
    }
}

/// A heading, with a gap before it.
fn heading(words: &str, first: bool) -> impl Iterator<Item = Item> {
    let line = |label: &str| Item { place: String::new(), label: label.to_owned(), shown: Shown::Heading };
    (!first).then(|| line("")).into_iter().chain([line(words)])
}

/// Members that no field of the form shows.
fn unknown(credential: &Credential, kind: Option<&Kind>, items: &mut Vec<Item>) {
    let known = |place: &str| {
        let fields = kind.map(|kind| kind.fields.as_slice()).unwrap_or_default();
        fields.iter().any(|f| f.pointer == place || f.pointer.starts_with(&format!("{place}/")))
    };
    let mut first = true;
    for (name, value) in &credential.content.document {
        let place = pointer::join("", name);
        if known(&place) {
            continue;
        }
        if std::mem::take(&mut first) {
            let first = items.is_empty();
            items.extend(heading("Other", first));
        }
        values(&place, name, value, items);
    }
}

/// One value as one line, or a line for each member of a table.
fn values(place: &str, label: &str, value: &Value, items: &mut Vec<Item>) {
    let mut push =
        |shown: Shown| items.push(Item { place: place.to_owned(), label: label.to_owned(), shown });
    match (Placeholder::of(value), value) {
        (Some(Placeholder::Stored), _) => push(Shown::Stored),
        (Some(Placeholder::Missing), _) => push(Shown::Missing),
        (None, Value::Object(members)) => {
            for (name, value) in members {
                values(&pointer::join(place, name), name, value, items);
            }
        }
        (None, Value::String(text)) => {
            let mut lines = text.lines();
            let first = lines.next().unwrap_or_default();
            let first = with_both_spellings(place, first).unwrap_or_else(|| first.to_owned());
            let more = lines.count();
            push(Shown::Text(if more > 0 { format!("{first}  +{more} lines") } else { first }));
        }
        (None, Value::Array(list)) => {
            let texts = list.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned));
            push(Shown::Text(texts.collect::<Vec<_>>().join(", ")));
        }
        (None, Value::Bool(true)) => push(Shown::Text("yes".to_owned())),
        (None, Value::Bool(false)) => push(Shown::Text("no".to_owned())),
        (None, other) => push(Shown::Text(other.to_string())),
    }
}

/// Fewer tests make no curve.
const CURVE: usize = 3;

/// How long the newest tests took, the oldest of them first: a bar each, relative to the longest, and the sign
/// of its outcome for one that did not pass. Nothing where there are fewer than [`CURVE`].
fn latencies(tests: &[TestRecord], room: usize, theme: &Theme) -> Vec<(String, Style)> {
    const BARS: [&str; 8] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
    if tests.len() < CURVE {
        return Vec::new();
    }
    let shown = &tests[tests.len().saturating_sub(room.max(CURVE))..];
    let passed = |test: &&TestRecord| matches!(test.outcome, Outcome::Ok | Outcome::Limited);
    let times = || shown.iter().filter(passed).map(|test| test.latency_ms);
    let (least, most) = (times().min(), times().max());
    let mut parts: Vec<(String, Style)> = shown
        .iter()
        .map(|test| {
            let style = theme.outcome(test.outcome);
            if !passed(&test) {
                return (theme::outcome(test.outcome).0.to_owned(), style);
            }
            let step = test.latency_ms.saturating_mul(7) / most.unwrap_or(1).max(1);
            let bar = usize::try_from(step).unwrap_or(0).min(BARS.len() - 1);
            (BARS[bar].to_owned(), style)
        })
        .collect();
    let range = match (least, most) {
        (Some(least), Some(most)) if least == most => format!("  {most} ms"),
        (Some(least), Some(most)) => format!("  {least} to {most} ms"),
        _ => String::new(),
    };
    parts.push((range, theme.dim));
    parts
}

/// What tests found, the newest first.
fn history(credential: &Credential, now: Timestamp, theme: &Theme) -> Vec<Vec<(String, Style)>> {
    let line = |record: &TestRecord| {
        let (sign, word) = theme::outcome(record.outcome);
        let age = paint::ago(now.duration_since(record.at).as_secs());
        let code = record.status_code.map(|code| format!("{code}  ")).unwrap_or_default();
        vec![
            (format!("{sign} {word:<14} "), theme.outcome(record.outcome)),
            (format!("{age:>5}  {:>6} ms  {code}version {}", record.latency_ms, record.version), theme.dim),
        ]
    };
    credential.tests.iter().rev().take(6).map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    fn curve(tests: &[(Outcome, u64)], room: usize) -> String {
        let record = |(outcome, latency_ms): &(Outcome, u64)| TestRecord {
            at: Timestamp::UNIX_EPOCH,
            outcome: *outcome,
            status_code: None,
            latency_ms: *latency_ms,
            message: String::new(),
            facts: crate::model::Learnt::default(),
            version: 1,
        };
        let tests: Vec<TestRecord> = tests.iter().map(record).collect();
        let theme = Theme::new(config::Theme::Plain);
        latencies(&tests, room, &theme).into_iter().map(|(text, _)| text).collect()
    }

    #[test]
    fn a_curve_of_latencies_shows_what_did_not_pass() {
        use Outcome::{Limited, Ok, Rejected, Unreachable};
        assert_eq!(curve(&[(Ok, 1), (Ok, 2)], 20), "");
        assert_eq!(curve(&[(Ok, 10), (Ok, 40), (Limited, 80)], 20), "▁▄█  10 to 80 ms");
        assert_eq!(curve(&[(Ok, 10), (Ok, 40), (Ok, 80), (Ok, 80)], 3), "▄██  40 to 80 ms");
        assert_eq!(curve(&[(Ok, 0), (Ok, 0), (Ok, 0)], 20), "▁▁▁  0 ms");
        let failed = curve(&[(Ok, 80), (Rejected, 900), (Unreachable, 15_000), (Ok, 80)], 20);
        let signs = (theme::outcome(Rejected).0, theme::outcome(Unreachable).0);
        assert_eq!(failed, format!("█{}{}█  80 ms", signs.0, signs.1));
        assert!(curve(&[(Rejected, u64::MAX); 3], 20).ends_with(signs.0));
    }
}
