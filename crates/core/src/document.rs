//! Documents: what stands on the shelf, what kind of file it is, and how it may be shown.

mod archive;
mod caution;
mod disposition;
mod media;
mod pdf;
mod picture;
mod reference;
mod shelf;

pub use caution::{Caution, cautions};
pub use disposition::{content_disposition, file_name};
pub use media::{MediaType, Showing, sniff};
pub use reference::{NewDocument, Shelved, shelve};
pub use shelf::{DocumentKind, DocumentMeta, Envelope, Title};
