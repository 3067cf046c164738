//! What is fuzzed, and what must hold: each target is a function of bytes that panics where it does not.
//!
//! `cargo fuzz run TARGET` grows inputs; `tests/it/fuzz.rs` replays those that stand in `seeds/` and makes random ones.

mod answer;
mod bytes;
mod catalogue;
mod document;
mod imports;
mod keys;
mod names;
mod redact;
mod template;
mod vault;

pub use answer::answer;
pub use catalogue::catalogue;
pub use document::document;
pub use imports::{FORMATS, imports};
pub use keys::keys;
pub use names::names;
pub use redact::redact;
pub use template::template;
pub use vault::vault;
