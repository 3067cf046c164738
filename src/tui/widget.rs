//! Small building blocks of the screens. None of them knows what it shows.

pub mod link;
pub mod popup;
pub mod qr;
pub mod secret_input;
pub mod text_input;
pub mod visible;
