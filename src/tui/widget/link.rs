//! A text that the terminal opens itself: a hyperlink (OSC 8).
//!
//! Each cell carries the whole escape sequence, so that whatever part of the line ratatui writes anew, nothing
//! beside it becomes part of the link.

use std::num::NonZeroU16;

use ratatui::buffer::{Buffer, CellDiffOption};
use ratatui::style::Style;
use url::Url;

/// Longer addresses are no links: terminals cut or drop them.
const LONGEST: usize = 2000;

/// The address as it may stand in the escape sequence; `None` for one that is no web page, or too long.
fn address(url: &Url) -> Option<&str> {
    let text = url.as_str();
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic());
    (matches!(url.scheme(), "http" | "https") && plain && text.len() <= LONGEST).then_some(text)
}

/// Whether an address can be a link.
pub fn fits(url: &Url) -> bool {
    address(url).is_some()
}

/// Draws words of ASCII that lead to an address, where they fit into the room. Gives the columns they took.
pub fn draw(
    buf: &mut Buffer,
    (x, y): (u16, u16),
    room: u16,
    words: &'static str,
    url: &Url,
    style: Style,
) -> u16 {
    let Some(address) = address(url).filter(|_| words.len() <= usize::from(room)) else { return 0 };
    let mut used = 0;
    for letter in words.chars() {
        let Some(cell) = buf.cell_mut((x + used, y)) else { break };
        cell.set_symbol(&format!("\x1b]8;id=login;{address}\x1b\\{letter}\x1b]8;;\x1b\\"));
        cell.set_style(style).set_diff_option(CellDiffOption::ForcedWidth(NonZeroU16::MIN));
        used += 1;
    }
    used
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;

    use super::*;

    #[test]
    fn a_link_is_our_own_sequence_around_a_percent_encoded_address() {
        let mut buf = Buffer::empty(Rect::new(0, 0, 6, 1));
        let url = Url::parse("https://a.example/x?y=\u{1b}]8;;\u{7}\n ü").unwrap();
        assert_eq!(draw(&mut buf, (1, 0), 5, "open", &url, Style::new()), 4);
        let whole = "\x1b]8;id=login;https://a.example/x?y=%1B]8;;%07%20%C3%BC\x1b\\o\x1b]8;;\x1b\\";
        assert_eq!(buf[(1, 0)].symbol(), whole);
        assert_eq!((buf[(0, 0)].symbol(), buf[(5, 0)].symbol()), (" ", " "));
    }

    #[test]
    fn what_is_no_page_or_finds_no_room_is_no_link() {
        let mut buf = Buffer::empty(Rect::new(0, 0, 6, 1));
        let page = Url::parse("https://a.example/").unwrap();
        assert_eq!(draw(&mut buf, (0, 0), 3, "open", &page, Style::new()), 0);
        let long = format!("https://a.example/{}", "x".repeat(LONGEST));
        for other in ["javascript:alert(1)", "file:///etc/passwd", "mailto:a@b.example", &long] {
            let url = Url::parse(other).unwrap();
            assert!(!fits(&url));
            assert_eq!(draw(&mut buf, (0, 0), 6, "open", &url, Style::new()), 0, "{other}");
        }
        assert!(fits(&page));
        // Half outside.
        draw(&mut buf, (4, 0), 6, "open", &page, Style::new());
    }

    #[test]
    fn the_rest_of_the_line_is_drawn_as_ever() {
        let page = Url::parse("https://a.example/").unwrap();
        let before = Buffer::empty(Rect::new(0, 0, 8, 1));
        let mut after = before.clone();
        draw(&mut after, (0, 0), 8, "open", &page, Style::new());
        after.set_string(5, 0, "now", Style::new());
        let drawn: Vec<u16> = before.diff(&after).into_iter().map(|(x, _, _)| x).collect();
        assert_eq!(drawn, [0, 1, 2, 3, 5, 6, 7]);
    }
}
