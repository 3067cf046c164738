//! The workbench.

pub mod form;
pub mod raw;
pub mod theme;
pub mod widget;
