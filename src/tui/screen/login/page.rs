//! How a login looks. What matters most stays where there is little room: the code, the host, the address.

use jiff::Timestamp;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use unicode_segmentation::UnicodeSegmentation;
use url::Url;

use super::{Browser, Device, Login, Stage};
use crate::problem::Problem;
use crate::tui::app::Shared;
use crate::tui::paint;
use crate::tui::screen::sheet::{Line, frame};
use crate::tui::widget::qr::Qr;
use crate::tui::widget::{link, visible};

/// The least columns of text beside a QR code.
const BESIDE: u16 = 36;

/// Between the text and the QR code.
const GAP: u16 = 2;

/// What a person takes away from the page is set in by this.
const INDENT: u16 = 2;

/// A piece of the page: some lines, and a gap above it where there is room.
struct Piece {
    what: What,
    /// Pieces of higher numbers are left out first; 0 never is.
    rank: u8,
    gap: bool,
}

enum What {
    Lines(Vec<Line>),
    /// As many lines of it as find room, at least one.
    Url(Url),
    /// Words that the terminal itself opens.
    Link(Url),
    /// Where one pastes.
    Entry,
}

impl Piece {
    fn new(rank: u8, what: What) -> Self {
        Self { what, rank, gap: false }
    }

    fn text(rank: u8, text: impl AsRef<str>, width: u16, style: Style) -> Self {
        let lines = paint::wrap(text.as_ref(), width).into_iter().map(|line| vec![(line, style)]);
        Self::new(rank, What::Lines(lines.collect()))
    }

    /// What a person takes away from the page, set in a little.
    fn inner(rank: u8, text: &str, width: u16, style: Style) -> Self {
        let lines = paint::wrap(text, width.saturating_sub(INDENT)).into_iter();
        let lines = lines.map(|line| vec![(" ".repeat(INDENT.into()), style), (line, style)]);
        Self::new(rank, What::Lines(lines.collect()))
    }

    fn after_gap(self) -> Self {
        Self { gap: true, ..self }
    }

    fn rows(&self) -> usize {
        match &self.what {
            What::Lines(lines) => lines.len(),
            What::Url(_) | What::Link(_) | What::Entry => 1,
        }
    }
}

/// Draws the page; the cursor's place where one pastes.
pub(super) fn draw(login: &Login, area: Rect, buf: &mut Buffer, shared: &Shared) -> Option<Position> {
    let title = format!("Log in: {}", login.key);
    let room = frame(login, &title, area, buf, shared);
    let mut text = room;
    if let Stage::Device(Device { qr: Some(qr), .. }) = &login.stage
        && let Some(place) = beside(qr, room, shared)
    {
        qr.draw(place, buf);
        text.width = place.x - GAP - room.x;
    }
    let pieces = match &login.stage {
        Stage::Working(what) => vec![Piece::text(0, format!("{what}…"), text.width, shared.theme.text)],
        Stage::Device(device) => of_device(device, text.width, shared),
        Stage::Browser(browser) => of_browser(browser, text.width, shared),
        Stage::Failed(problem) => of_failure(problem, text.width, shared),
    };
    lay(login, pieces, text, buf, shared)
}

/// Where a QR code finds room beside the text: at the right. A terminal without colours cannot show one that is
/// black on white whatever its background is.
fn beside(qr: &Qr, room: Rect, shared: &Shared) -> Option<Rect> {
    let (width, height) = qr.size();
    let shown = shared.seat.unicode && !shared.theme.is_plain();
    let fits = room.width >= BESIDE + GAP + width && room.height >= height;
    (shown && fits).then(|| Rect { x: room.right() - width, width, height, ..room })
}

/// Puts the pieces one below the other; gaps, then pieces of least weight, are left out where there is no room.
fn lay(
    login: &Login,
    mut pieces: Vec<Piece>,
    room: Rect,
    buf: &mut Buffer,
    shared: &Shared,
) -> Option<Position> {
    let height = usize::from(room.height);
    let used = |pieces: &[Piece]| pieces.iter().map(Piece::rows).sum::<usize>();
    while used(&pieces) > height {
        let Some(most) = pieces.iter().map(|piece| piece.rank).max().filter(|rank| *rank > 0) else { break };
        pieces.retain(|piece| piece.rank < most);
    }
    let mut spare = height.saturating_sub(used(&pieces));
    let mut y = room.y;
    let mut cursor = None;
    for (nth, piece) in pieces.iter().enumerate() {
        if nth > 0 && piece.gap && spare > 0 {
            y += 1;
            spare -= 1;
        }
        let line = |y: u16| Rect { y, height: 1, ..room };
        match &piece.what {
            _ if y >= room.bottom() => break,
            What::Lines(lines) => {
                for parts in lines.iter().take(usize::from(room.bottom() - y)) {
                    let parts: Vec<(&str, Style)> =
                        parts.iter().map(|(text, style)| (text.as_str(), *style)).collect();
                    paint::parts(buf, room.x, y, room.width, &parts);
                    y += 1;
                }
            }
            What::Url(url) => {
                // Gaps of what follows come before more lines of an address that is copied anyway.
                let gaps = pieces[nth + 1..].iter().filter(|piece| piece.gap).count();
                let most = 1 + spare.saturating_sub(gaps);
                let shown = address(url, room.width.saturating_sub(INDENT), most);
                spare -= shown.len() - 1;
                for text in shown {
                    paint::put(
                        buf,
                        room.x + INDENT,
                        y,
                        room.width.saturating_sub(INDENT),
                        &text,
                        shared.theme.text,
                    );
                    y += 1;
                }
            }
            What::Link(url) => {
                let place = (room.x + INDENT, y);
                let style = shared.theme.input;
                link::draw(buf, place, room.width.saturating_sub(INDENT), "open it here", url, style);
                y += 1;
            }
            What::Entry => {
                let field = Rect { x: room.x + INDENT, width: room.width.saturating_sub(INDENT), ..line(y) };
                cursor = Some(login.entry.draw(field, buf, &shared.theme));
                y += 1;
            }
        }
    }
    cursor
}

/// An address in lines; of one that is too long, its beginning.
fn address(url: &Url, width: u16, most: usize) -> Vec<String> {
    let mut lines = visible::wrap(url.as_str(), usize::from(width.max(1)));
    if lines.len() > most {
        lines.truncate(most);
        if let Some(last) = lines.last_mut() {
            *last = visible::fit(&format!("{last}…"), usize::from(width));
            if !last.ends_with('…') {
                last.pop();
                last.push('…');
            }
        }
    }
    lines
}

/// The host of an address by itself: the one thing that a person has to check.
fn host(name: &str, width: u16, shared: &Shared) -> Piece {
    Piece::inner(1, name, width, shared.theme.accent.patch(shared.theme.title)).after_gap()
}

fn of_device(device: &Device, width: u16, shared: &Shared) -> Vec<Piece> {
    let theme = &shared.theme;
    let mut pieces = vec![
        Piece::text(4, "On any device, open this page:", width, theme.dim),
        host(&device.host, width, shared),
        Piece::new(2, What::Url(device.url.clone())),
    ];
    pieces.extend(opened_here(device.complete.as_ref().unwrap_or(&device.url), shared));
    let code = spaced(&device.code, usize::from(width.saturating_sub(INDENT)));
    pieces.extend([
        Piece::text(4, "and enter this code:", width, theme.dim).after_gap(),
        Piece::inner(0, &code, width, theme.title).after_gap(),
    ]);
    let careful = format!("Enter it only where the browser shows {}.", device.host);
    let good = format!("The code is good for {}", left(device.ends, shared.now()));
    pieces.extend([
        Piece::text(3, careful, width, theme.text).after_gap(),
        Piece::text(1, good, width, theme.text).after_gap(),
    ]);
    if device.slowed {
        let text = format!("Slowed down by the server: every {} s", device.interval.as_secs());
        pieces.push(Piece::text(2, text, width, theme.warn));
    }
    let wait = device.next.map(|at| at.duration_since(shared.now()).as_secs());
    let asked = match wait {
        Some(wait) if wait > 0 => format!("The server is asked again in {wait} s"),
        _ => "The server is being asked".to_owned(),
    };
    pieces.push(Piece::text(4, asked, width, theme.dim));
    pieces
}

fn of_browser(browser: &Browser, width: u16, shared: &Shared) -> Vec<Piece> {
    let theme = &shared.theme;
    let mut pieces = Vec::new();
    if let (Some(tunnel), Ok(at)) = (&browser.tunnel, browser.listening) {
        let words = "First, on your own machine, so that the browser finds its way back here:";
        let name = shared.seat.ssh.as_ref().and_then(|ssh| ssh.host_name.as_deref());
        let name = name.map(|name| format!(" (this machine calls itself {name})")).unwrap_or_default();
        let other =
            format!("or with the name that you connect with{name}; port {} must be free there", at.port());
        pieces.extend([
            Piece::text(4, words, width, theme.dim),
            Piece::inner(2, tunnel, width, theme.text).after_gap(),
            Piece::inner(5, &other, width, theme.dim),
        ]);
    }
    pieces.extend([
        Piece::text(4, "Open this page in a browser and agree:", width, theme.dim).after_gap(),
        host(&browser.host, width, shared),
        Piece::new(2, What::Url(browser.url.clone())),
    ]);
    pieces.extend(opened_here(&browser.url, shared));
    let words = match (&browser.listening, &browser.tunnel) {
        (Ok(_), None) => "From a browser on another machine: paste the address that it ends at.".to_owned(),
        (Ok(_), Some(_)) => "Without the tunnel: paste the address that the browser ends at.".to_owned(),
        (Err(deaf), _) => format!("Then paste the address that the browser ends at: {deaf}."),
    };
    let waits = match browser.listening {
        Ok(at) => format!("Waiting at {at}"),
        Err(_) => "Waiting for the address".to_owned(),
    };
    let state = format!("{waits} · {} left", left(browser.ends, shared.now()));
    pieces.extend([
        Piece::text(3, words, width, theme.dim).after_gap(),
        Piece::new(0, What::Entry),
        Piece::text(1, state, width, theme.text).after_gap(),
    ]);
    pieces
}

fn of_failure(problem: &Problem, width: u16, shared: &Shared) -> Vec<Piece> {
    let theme = &shared.theme;
    let mut pieces = vec![Piece::text(0, format!("✗ {}", problem.message), width, theme.error)];
    pieces.extend(problem.causes.iter().map(|cause| Piece::text(2, cause, width, theme.text)));
    if let Some(hint) = &problem.hint {
        pieces.push(Piece::text(1, hint, width, theme.text).after_gap());
    }
    pieces.push(Piece::text(3, "Nothing was changed.", width, theme.dim).after_gap());
    pieces
}

/// A link, where the terminal is likely to know one.
fn opened_here(url: &Url, shared: &Shared) -> Option<Piece> {
    (shared.seat.links && link::fits(url)).then(|| Piece::new(4, What::Link(url.clone())))
}

/// A code with a gap between its signs, as wide as the room allows; the server's own groups stay.
fn spaced(code: &str, room: usize) -> String {
    let signs: Vec<&str> = code.graphemes(true).collect();
    for gap in ["  ", " "] {
        let spaced = signs.join(gap);
        if visible::width(&spaced) <= room {
            return spaced;
        }
    }
    code.to_owned()
}

/// How long something is still good: `14:32`.
fn left(ends: Timestamp, now: Timestamp) -> String {
    let seconds = ends.duration_since(now).as_secs().max(0);
    match seconds {
        3600.. => format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60),
        _ => format!("{}:{:02}", seconds / 60, seconds % 60),
    }
}
