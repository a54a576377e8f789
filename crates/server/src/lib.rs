//! The portal's pages and routes: what faces the internet. It holds no keys and no session state.

pub mod dates;
pub mod frame;
pub mod pages;
pub mod texts;
