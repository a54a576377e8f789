//! The style sheet, the scripts and the sign, built into the binary from `web/dist`.

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};

const FILES: [(&str, &str, &[u8]); 5] = [
    (
        "candour.css",
        "text/css; charset=utf-8",
        include_bytes!("../../../web/dist/candour.css"),
    ),
    (
        "passkey.js",
        "text/javascript; charset=utf-8",
        include_bytes!("../../../web/dist/passkey.js"),
    ),
    (
        "demonstration.js",
        "text/javascript; charset=utf-8",
        include_bytes!("../../../web/dist/demonstration.js"),
    ),
    (
        "check_receipt.js",
        "text/javascript; charset=utf-8",
        include_bytes!("../../../web/dist/check_receipt.js"),
    ),
    (
        "favicon.svg",
        "image/svg+xml",
        include_bytes!("../../../web/dist/favicon.svg"),
    ),
];

/// One of the files, by its name in the list; nothing is looked up on a disk.
pub async fn show(Path(name): Path<String>) -> Response {
    match FILES.iter().find(|(known, ..)| *known == name) {
        Some((_, content_type, bytes)) => (
            [
                (CONTENT_TYPE, *content_type),
                (CACHE_CONTROL, "public, max-age=600"),
            ],
            *bytes,
        )
            .into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
