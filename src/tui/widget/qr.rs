//! A QR code out of half blocks: two modules in each cell, black on white whatever the theme is.

use qrcode::{Color as Module, EcLevel, QrCode};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};

/// The white margin, in modules. The standard asks for four; scanners read two, and 80×24 has no room for more.
const MARGIN: usize = 2;

/// Of the fixed part of the 256 colours: the first sixteen are whatever a person made of them.
const BLACK: Color = Color::Indexed(16);
const WHITE: Color = Color::Indexed(231);

/// A text as a QR code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Qr {
    /// Modules in a row.
    width: usize,
    /// Which modules are black, row by row.
    black: Vec<bool>,
}

impl Qr {
    /// Encodes a text; `None` where it is too long. A screen has no dirt on it, so the least error correction, and
    /// with it the smallest picture, does.
    pub fn of(text: &str) -> Option<Self> {
        let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
        let width = code.width();
        let black = code.into_colors().into_iter().map(|module| module == Module::Dark).collect();
        Some(Self { width, black })
    }

    /// Columns and rows that it takes, margin included.
    pub fn size(&self) -> (u16, u16) {
        let side = self.width + 2 * MARGIN;
        let cells = |modules: usize| u16::try_from(modules).unwrap_or(u16::MAX);
        (cells(side), cells(side.div_ceil(2)))
    }

    /// Draws it at the top left of an area that has the room.
    pub fn draw(&self, area: Rect, buf: &mut Buffer) {
        let (columns, rows) = self.size();
        let area = Rect { width: columns, height: rows, ..area }.intersection(buf.area);
        let colour = |x: u16, y: usize| if self.is_black(usize::from(x), y) { BLACK } else { WHITE };
        for y in 0..area.height {
            for x in 0..area.width {
                let cell = &mut buf[(area.x + x, area.y + y)];
                cell.reset();
                let upper = 2 * usize::from(y);
                cell.set_symbol("▀").set_style(Style::new().fg(colour(x, upper)).bg(colour(x, upper + 1)));
            }
        }
    }

    fn is_black(&self, x: usize, y: usize) -> bool {
        let inside = |at: usize| at.checked_sub(MARGIN).filter(|at| *at < self.width);
        let (Some(x), Some(y)) = (inside(x), inside(y)) else { return false };
        self.black[y * self.width + x]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a scanner reads off the cells; a cell of the size that fonts have is twice as high as wide.
    fn scanned(buf: &Buffer) -> Option<String> {
        const SCALE: usize = 4;
        let (width, height) = (usize::from(buf.area.width), usize::from(buf.area.height) * 2);
        let mut picture =
            rqrr::PreparedImage::prepare_from_greyscale(width * SCALE, height * SCALE, |x, y| {
                let cell = &buf[((x / SCALE) as u16, (y / SCALE / 2) as u16)];
                let colour = match (cell.symbol(), y / SCALE % 2) {
                    ("▀", 0) => cell.fg,
                    _ => cell.bg,
                };
                match colour {
                    BLACK => 0,
                    WHITE => 255,
                    // A dark theme's background.
                    _ => 30,
                }
            });
        let found = picture.detect_grids();
        found.first().and_then(|grid| grid.decode().ok()).map(|(_, text)| text)
    }

    #[test]
    fn a_scanner_reads_it_off_the_screen() {
        let mut buf = Buffer::empty(Rect::new(0, 0, 80, 40));
        assert_eq!(scanned(&buf), None, "the control: there is nothing to read");
        let address = "https://login.example.com/device?user_code=WDJB-MJHT";
        let qr = Qr::of(address).unwrap();
        assert_eq!(qr.size(), (33, 17), "beside the text on 80×24");
        qr.draw(Rect::new(3, 2, 70, 30), &mut buf);
        assert_eq!(scanned(&buf).as_deref(), Some(address));
    }

    #[test]
    fn nothing_is_drawn_outside_and_nothing_too_long_is_tried() {
        let qr = Qr::of("x").unwrap();
        let mut buf = Buffer::empty(Rect::new(0, 0, 5, 3));
        qr.draw(Rect::new(3, 2, 9, 9), &mut buf);
        qr.draw(Rect::new(9, 9, 9, 9), &mut buf);
        assert_eq!(Qr::of(&"x".repeat(5000)), None);
    }
}
