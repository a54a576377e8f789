//! The portal's pages and routes: what faces the internet. It holds no keys and no session state.

mod assets;
pub mod dates;
pub mod error;
pub mod frame;
mod guard;
pub mod notifications;
pub mod pages;
mod portal;
mod reading;
mod respond;
pub mod routes;
mod run;
pub mod session;
mod text;
pub mod texts;

pub use guard::PAGE_POLICY;
pub use portal::{Portal, PortalSettings};
pub use run::{PortalConfig, RunError, run, serve};
