//! Documents: what stands on the shelf, what kind of file it is, and how it may be shown.

mod archive;
mod disposition;
mod media;
mod pdf;
mod reference;
mod shelf;

pub use disposition::{content_disposition, file_name};
pub use media::{MediaType, Showing, sniff};
pub use pdf::ActiveContent;
pub use reference::{NewDocument, Shelved, shelve};
pub use shelf::{DocumentKind, DocumentMeta, Envelope, Title};
