//! From a filled page to an answer.

use crate::error::Problem;
use askama::Template;
use axum::body::{Body, Bytes, HttpBody};
use axum::response::{Html, IntoResponse, Redirect, Response};
use candour_app::FirstByte;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A page that shows nothing opened.
pub fn page(template: &impl Template) -> Result<Response, Problem> {
    Ok(Html(template.render()?).into_response())
}

/// A page that shows something opened: the delivery is reported when its first byte is taken.
pub fn opened(template: &impl Template, first_byte: FirstByte) -> Result<Response, Problem> {
    let body = Reporting {
        page: Some(Bytes::from(template.render()?)),
        first_byte: Some(first_byte),
    };
    let mut response = Response::new(Body::new(body));
    response.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/html; charset=utf-8"),
    );
    Ok(response)
}

/// A page whose form has something to mend; nothing was changed.
pub fn to_mend(mut response: Response) -> Response {
    *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    response
}

/// The same, where there is something to mend.
pub fn to_mend_if(has_errors: bool, response: Response) -> Response {
    if has_errors {
        to_mend(response)
    } else {
        response
    }
}

/// After a form was taken: the next page, by GET.
pub fn to(path: &str) -> Response {
    Redirect::to(path).into_response()
}

struct Reporting {
    page: Option<Bytes>,
    first_byte: Option<FirstByte>,
}

impl HttpBody for Reporting {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Infallible>>> {
        if let Some(first_byte) = self.first_byte.take() {
            first_byte.sent();
        }
        Poll::Ready(
            self.page
                .take()
                .map(|page| Ok(http_body::Frame::data(page))),
        )
    }

    fn is_end_stream(&self) -> bool {
        self.page.is_none()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        let length = self
            .page
            .as_ref()
            .map_or(0, |page| u64::try_from(page.len()).unwrap_or(u64::MAX));
        http_body::SizeHint::with_exact(length)
    }
}
