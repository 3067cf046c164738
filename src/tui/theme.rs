//! Colours by meaning, and the sign that goes with every state.
//!
//! The colours are the terminal's own sixteen, so its user decides what they look like. A state is never told
//! by colour alone: [`status`] and [`outcome`] give a sign and a word too.

use ratatui::style::{Color, Modifier, Style};

use crate::config;
use crate::model::{Outcome, Status};

/// A style for each meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Theme {
    /// Ordinary text.
    pub text: Style,
    /// Text of less weight: hints, examples, line numbers.
    pub dim: Style,
    /// Headings, keys in hints, what is special on a screen.
    pub accent: Style,
    /// It works.
    pub ok: Style,
    /// It needs a look.
    pub warn: Style,
    /// It failed, or is wrong.
    pub error: Style,
    /// The selected row, in the pane that has the focus.
    pub selection: Style,
    /// The selected row, in a pane that does not.
    pub selection_dim: Style,
    /// Marked rows.
    pub marked: Style,
    /// Characters that a search found.
    pub found: Style,
    /// A pane's border.
    pub border: Style,
    /// The border of the pane that has the focus.
    pub border_focused: Style,
    /// A pane's title.
    pub title: Style,
    /// The line at the top and the line at the bottom.
    pub bar: Style,
    /// The name of a form field.
    pub label: Style,
    /// The name of the form field that has the focus.
    pub label_focused: Style,
    /// The place in a form field where one types.
    pub input: Style,
    /// A secret's mask.
    pub mask: Style,
    /// A secret while it is shown.
    pub revealed: Style,
    /// A control character or a look-alike, made visible.
    pub marker: Style,
    /// JSON: a member's name.
    pub json_key: Style,
    /// JSON: a text.
    pub json_string: Style,
    /// JSON: a number.
    pub json_number: Style,
    /// JSON: `true`, `false`, `null`.
    pub json_keyword: Style,
    /// JSON: brackets, commas, colons.
    pub json_punctuation: Style,
    /// JSON: what stands in place of a stored secret.
    pub json_placeholder: Style,
    /// JSON: the bracket under the cursor and the one that belongs to it.
    pub json_bracket: Style,
    /// Added to the text that an error is about.
    pub error_text: Style,
}

impl Theme {
    /// The styles of a theme.
    pub fn new(theme: config::Theme) -> Self {
        match theme {
            config::Theme::Dark => Self::coloured(&Palette {
                dim: Color::DarkGray,
                accent: Color::Cyan,
                ok: Color::Green,
                warn: Color::Yellow,
                error: Color::LightRed,
                number: Color::Magenta,
                on_selection: Color::White,
                selection: Color::Blue,
            }),
            config::Theme::Light => Self::coloured(&Palette {
                dim: Color::DarkGray,
                accent: Color::Blue,
                ok: Color::Green,
                warn: Color::Magenta,
                error: Color::Red,
                number: Color::Magenta,
                on_selection: Color::Black,
                selection: Color::Cyan,
            }),
            config::Theme::Plain => Self::plain(),
        }
    }

    fn coloured(p: &Palette) -> Self {
        let fg = |color: Color| Style::new().fg(color);
        let text = Style::new();
        Self {
            text,
            dim: fg(p.dim),
            accent: fg(p.accent),
            ok: fg(p.ok),
            warn: fg(p.warn),
            error: fg(p.error),
            selection: fg(p.on_selection).bg(p.selection),
            selection_dim: text.add_modifier(Modifier::REVERSED | Modifier::DIM),
            marked: fg(p.accent).add_modifier(Modifier::BOLD),
            found: fg(p.warn).add_modifier(Modifier::BOLD | Modifier::UNDERLINED),
            border: fg(p.dim),
            border_focused: fg(p.accent),
            title: text.add_modifier(Modifier::BOLD),
            bar: text,
            label: text,
            label_focused: fg(p.accent).add_modifier(Modifier::BOLD),
            input: text.add_modifier(Modifier::UNDERLINED),
            mask: fg(p.dim),
            revealed: fg(p.warn),
            marker: fg(p.error).add_modifier(Modifier::REVERSED),
            json_key: fg(p.accent),
            json_string: fg(p.ok),
            json_number: fg(p.number),
            json_keyword: fg(p.number).add_modifier(Modifier::BOLD),
            json_punctuation: text,
            json_placeholder: fg(p.dim).add_modifier(Modifier::ITALIC),
            json_bracket: text.add_modifier(Modifier::BOLD | Modifier::REVERSED),
            error_text: fg(p.error).add_modifier(Modifier::UNDERLINED),
        }
    }

    /// No colours at all: for `NO_COLOR` and monochrome terminals.
    fn plain() -> Self {
        let with = |modifier: Modifier| Style::new().add_modifier(modifier);
        let text = Style::new();
        Self {
            text,
            dim: with(Modifier::DIM),
            accent: with(Modifier::BOLD),
            ok: text,
            warn: with(Modifier::BOLD),
            error: with(Modifier::BOLD),
            selection: with(Modifier::REVERSED),
            selection_dim: with(Modifier::UNDERLINED),
            marked: with(Modifier::BOLD),
            found: with(Modifier::BOLD | Modifier::UNDERLINED),
            border: with(Modifier::DIM),
            border_focused: with(Modifier::BOLD),
            title: with(Modifier::BOLD),
            bar: text,
            label: text,
            label_focused: with(Modifier::BOLD),
            input: with(Modifier::UNDERLINED),
            mask: with(Modifier::DIM),
            revealed: with(Modifier::BOLD),
            marker: with(Modifier::REVERSED),
            json_key: with(Modifier::BOLD),
            json_string: text,
            json_number: text,
            json_keyword: text,
            json_punctuation: text,
            json_placeholder: with(Modifier::DIM),
            json_bracket: with(Modifier::REVERSED),
            error_text: with(Modifier::UNDERLINED | Modifier::BOLD),
        }
    }

    /// Whether there are no colours.
    pub fn is_plain(&self) -> bool {
        *self == Self::plain()
    }

    /// The style of a status.
    pub fn status(&self, status: Status) -> Style {
        match status {
            Status::Active => self.ok,
            Status::Limited | Status::Expiring | Status::Incomplete => self.warn,
            Status::Error | Status::Expired => self.error,
            Status::Untested | Status::NotTestable => self.dim,
        }
    }

    /// The style of an outcome.
    pub fn outcome(&self, outcome: Outcome) -> Style {
        match outcome {
            Outcome::Ok => self.ok,
            Outcome::Limited | Outcome::RateLimited | Outcome::Unreachable | Outcome::Incomplete => self.warn,
            Outcome::Rejected | Outcome::Expired | Outcome::WrongEndpoint | Outcome::Unexpected => self.error,
            Outcome::NotTestable | Outcome::Cancelled => self.dim,
        }
    }
}

struct Palette {
    dim: Color,
    accent: Color,
    ok: Color,
    warn: Color,
    error: Color,
    number: Color,
    on_selection: Color,
    selection: Color,
}

/// The sign of a status, one column wide, and its word for people.
pub fn status(status: Status) -> (&'static str, &'static str) {
    match status {
        Status::Untested => ("○", "untested"),
        Status::Active => ("●", "active"),
        Status::Limited => ("!", "limited"),
        Status::Expiring => ("◐", "expiring"),
        Status::Expired => ("◌", "expired"),
        Status::Error => ("✗", "error"),
        Status::Incomplete => ("?", "incomplete"),
        Status::NotTestable => ("–", "not testable"),
    }
}

/// The sign of an outcome, one column wide, and its word for people.
pub fn outcome(outcome: Outcome) -> (&'static str, &'static str) {
    match outcome {
        Outcome::Ok => ("●", "ok"),
        Outcome::Limited => ("!", "limited"),
        Outcome::Rejected => ("✗", "rejected"),
        Outcome::Expired => ("◌", "expired"),
        Outcome::RateLimited => ("~", "rate limited"),
        Outcome::Unreachable => ("↯", "unreachable"),
        Outcome::WrongEndpoint => ("✗", "wrong endpoint"),
        Outcome::Unexpected => ("✗", "unexpected"),
        Outcome::Incomplete => ("?", "incomplete"),
        Outcome::NotTestable => ("–", "not testable"),
        Outcome::Cancelled => ("×", "cancelled"),
    }
}

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr;

    use super::*;

    #[test]
    fn every_sign_is_one_column_wide_and_has_a_word() {
        for (sign, word) in Status::ALL.map(status) {
            assert_eq!(sign.width(), 1, "{word}");
            assert!(!word.is_empty());
        }
        let signs: std::collections::BTreeSet<_> = Status::ALL.map(|s| status(s).0).into_iter().collect();
        assert_eq!(signs.len(), Status::ALL.len(), "signs tell the states apart without colour");
    }

    #[test]
    fn plain_has_no_colour() {
        let plain = format!("{:?}", Theme::new(config::Theme::Plain));
        for line in ["fg: Some", "bg: Some", ".fg(", ".bg(", ".cyan", ".red"] {
            assert!(!plain.contains(line), "{plain}");
        }
        let dark = format!("{:?}", Theme::new(config::Theme::Dark));
        assert!(dark.contains("cyan") || dark.contains("Cyan"), "the check can see a colour: {dark}");
    }
}
