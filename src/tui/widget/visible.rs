//! Text as it may be drawn: nothing in it is hidden and nothing in it reaches the terminal as a command.
//!
//! ratatui drops control characters, so `pay<zero-width space>pal` would look like `paypal`. Here each such
//! character is drawn as a sign, and stacks of combining marks are cut.

use ratatui::buffer::Buffer;
use ratatui::layout::Position;
use ratatui::style::Style;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;
