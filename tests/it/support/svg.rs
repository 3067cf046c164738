//! A terminal's screen as an SVG picture, for the README.

use std::fmt::Write as _;

const CELL: (usize, usize) = (8, 17);
const PAD: usize = 12;

/// Draws a screen. Runs of cells with one look become one `<text>` of fixed length, so that every viewer
/// keeps the columns, whatever its font.
pub(crate) fn picture(screen: &vt100::Screen) -> String {
    let (rows, columns) = screen.size();
    let (rows, columns) = (rows.get(), columns.get());
    let (width, height) = (usize::from(columns) * CELL.0 + 2 * PAD, usize::from(rows) * CELL.1 + 2 * PAD);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         font-family=\"ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace\" font-size=\"13\">\n\
         <rect width=\"{width}\" height=\"{height}\" rx=\"8\" fill=\"#14171c\"/>\n"
    );
    for row in 0..rows {
        let mut column = 0;
        while column < columns {
            let start = column;
            let look = Look::of(screen, row, column);
            let mut text = String::new();
            while column < columns && Look::of(screen, row, column) == look {
                let cell = screen.cell(row, column);
                let wide = cell.is_some_and(vt100::Cell::is_wide);
                match cell.map(vt100::Cell::contents) {
                    Some(contents) if !contents.is_empty() => text.push_str(contents),
                    _ => text.push(' '),
                }
                column += if wide { 2 } else { 1 };
            }
            look.draw(&mut svg, usize::from(row), usize::from(start), usize::from(column - start), &text);
        }
    }
    svg.push_str("</svg>\n");
    svg
}

#[derive(PartialEq)]
struct Look {
    ink: String,
    paper: Option<String>,
    bold: bool,
    dim: bool,
    underline: bool,
}

impl Look {
    fn of(screen: &vt100::Screen, row: u16, column: u16) -> Self {
        let Some(cell) = screen.cell(row, column) else {
            return Self { ink: String::new(), paper: None, bold: false, dim: false, underline: false };
        };
        let ink = colour(cell.fgcolor()).unwrap_or_else(|| "#d7dae0".to_owned());
        let paper = colour(cell.bgcolor());
        let (ink, paper) = match cell.inverse() {
            true => (paper.unwrap_or_else(|| "#14171c".to_owned()), Some(ink)),
            false => (ink, paper),
        };
        Self { ink, paper, bold: cell.bold(), dim: cell.dim(), underline: cell.underline() }
    }

    fn draw(&self, svg: &mut String, row: usize, column: usize, cells: usize, text: &str) {
        let (x, y) = (PAD + column * CELL.0, PAD + row * CELL.1);
        if let Some(paper) = &self.paper {
            let _ = writeln!(
                svg,
                "<rect x=\"{x}\" y=\"{y}\" width=\"{}\" height=\"{}\" fill=\"{paper}\"/>",
                cells * CELL.0,
                CELL.1
            );
        }
        let mut style = format!("fill=\"{}\"", self.ink);
        for (set, more) in [
            (self.bold, " font-weight=\"bold\""),
            (self.dim, " opacity=\"0.65\""),
            (self.underline, " text-decoration=\"underline\""),
        ] {
            if set {
                style.push_str(more);
            }
        }
        // Words apart by more than a blank are placed one by one: the picture holds with any font.
        let mut at = column;
        for words in text.split("  ") {
            let lead = words.len() - words.trim_start().len();
            let shown = words.trim();
            let width = unicode_width::UnicodeWidthStr::width(shown);
            if !shown.is_empty() {
                let escaped = shown.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
                let _ = writeln!(
                    svg,
                    "<text x=\"{}\" y=\"{}\" textLength=\"{}\" {style}>{escaped}</text>",
                    PAD + (at + lead) * CELL.0,
                    y + 13,
                    width * CELL.0,
                );
            }
            at += unicode_width::UnicodeWidthStr::width(words) + 2;
        }
    }
}

fn colour(colour: vt100::Color) -> Option<String> {
    const SIXTEEN: [&str; 16] = [
        "#3b4048", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#d7dae0", "#7f848e",
        "#ff7b86", "#b5e08f", "#ffd88a", "#7cc4ff", "#dd93f5", "#6fd3e0", "#ffffff",
    ];
    match colour {
        vt100::Color::Default => None,
        vt100::Color::Idx(index @ 0..16) => Some(SIXTEEN[usize::from(index)].to_owned()),
        vt100::Color::Idx(index @ 16..232) => {
            let level = |step: u8| if step == 0 { 0 } else { 55 + 40 * u32::from(step) };
            let cube = index - 16;
            Some(format!("#{:02x}{:02x}{:02x}", level(cube / 36), level(cube / 6 % 6), level(cube % 6)))
        }
        vt100::Color::Idx(index) => {
            let grey = 8 + 10 * u32::from(index - 232);
            Some(format!("#{grey:02x}{grey:02x}{grey:02x}"))
        }
        vt100::Color::Rgb(r, g, b) => Some(format!("#{r:02x}{g:02x}{b:02x}")),
    }
}
