//! The one place where failures become pages and status codes. What a person reads says what to do and whom to ring.

use crate::dates;
use crate::frame::Frame;
use crate::pages::ToRing;
use crate::pages::problem::ProblemPage;
use crate::session::Visit;
use axum::response::{IntoResponse, Response};
use candour_app::{DepositError, ReadError, Refusal};
use candour_store::StoreError;
use http::StatusCode;

/// Why a request ends in something else than what was asked for.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Problem {
    /// The keeper let nothing through.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A page for people who are signed in, and nobody is.
    #[error("nobody is signed in")]
    NotSignedIn,
    /// Staff have not said yet why they open records.
    #[error("no purpose is chosen")]
    PurposeNeeded,
    /// No such page.
    #[error("no such page")]
    NoSuchPage,
    /// The address takes another method.
    #[error("the address takes another method")]
    Method,
    /// The form does not read.
    #[error("the form does not read")]
    Form,
    /// More bytes than are taken.
    #[error("too many bytes")]
    TooLarge,
    /// It came from another website.
    #[error("the request came from another site")]
    CrossSite,
    /// It took too long.
    #[error("the request took too long")]
    TooSlow,
    /// Our side failed; the cause is in the log.
    #[error("failed on our side")]
    Internal,
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Refused(refusal) => Self::Refused(refusal),
            ReadError::Store(error) => error.into(),
            ReadError::Unseal(error) => internal(&error),
            ReadError::Content(error) => internal(&error),
        }
    }
}

impl From<DepositError> for Problem {
    fn from(error: DepositError) -> Self {
        match error {
            DepositError::Refused(refusal) => Self::Refused(refusal),
            DepositError::TooLarge => Self::TooLarge,
            DepositError::OtherContent => Self::Form,
            DepositError::Store(error) => error.into(),
            DepositError::Content(error) => internal(&error),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        tracing::error!(error = &error as &dyn std::error::Error, "the store failed");
        // Database away or disk full: for whoever reads the page it is the same as the keeper being away.
        Self::Refused(Refusal::KeeperUnavailable)
    }
}

impl From<askama::Error> for Problem {
    fn from(error: askama::Error) -> Self {
        internal(&error)
    }
}

/// Logs the cause, which no page shows.
fn internal(error: &(dyn std::error::Error + 'static)) -> Problem {
    tracing::error!(error, "a request failed on our side");
    Problem::Internal
}

/// What a problem's page says.
struct Saying {
    status: StatusCode,
    title: &'static str,
    what: &'static str,
    next: &'static str,
}

macro_rules! saying {
    ($status:ident, $name:literal) => {
        Saying {
            status: StatusCode::$status,
            title: concat!("problem.", $name),
            what: concat!("problem.", $name, "_text"),
            next: concat!("problem.", $name, "_do"),
        }
    };
}

impl Problem {
    const fn saying(&self) -> Saying {
        match self {
            Self::Refused(refusal) => refused(*refusal),
            Self::NotSignedIn => saying!(UNAUTHORIZED, "session"),
            Self::PurposeNeeded => saying!(FORBIDDEN, "not_allowed"),
            Self::NoSuchPage => saying!(NOT_FOUND, "not_found"),
            Self::Method => saying!(METHOD_NOT_ALLOWED, "method"),
            Self::Form => saying!(BAD_REQUEST, "invalid"),
            Self::TooLarge => saying!(PAYLOAD_TOO_LARGE, "too_large"),
            Self::CrossSite => saying!(FORBIDDEN, "cross_site"),
            Self::TooSlow => saying!(SERVICE_UNAVAILABLE, "unavailable"),
            Self::Internal => saying!(INTERNAL_SERVER_ERROR, "internal"),
        }
    }

    /// The status code.
    pub const fn status(&self) -> StatusCode {
        self.saying().status
    }

    /// For somebody without a token nothing has ended: what they may not see does not exist.
    #[must_use]
    pub fn for_visitor(self, has_token: bool) -> Self {
        if has_token || !self.ends_session() {
            self
        } else {
            Self::NoSuchPage
        }
    }

    /// Only the people who run the portal can let somebody in again.
    const fn is_ended_by_the_operator(&self) -> bool {
        matches!(
            self,
            Self::Refused(Refusal::Frozen | Refusal::SubjectClosed)
        )
    }

    /// The session is over: its cookies go.
    pub const fn ends_session(&self) -> bool {
        matches!(self, Self::Refused(Refusal::SessionEnded))
    }

    /// Where to go instead of a page, for a request of a page at `path`.
    pub fn elsewhere(&self, path: &str, visit: Option<Visit>) -> Option<String> {
        let back = || url::form_urlencoded::byte_serialize(path.as_bytes()).collect::<String>();
        match (self, visit) {
            (Self::NotSignedIn, _) => Some("/sign-in".to_owned()),
            (Self::PurposeNeeded, _) => Some("/practice/purpose".to_owned()),
            (Self::Refused(Refusal::StepUpNeeded), _) => Some(format!("/step-up?back={}", back())),
            // No dead end for a clinician: with a reason and a passkey the next step of the budget opens.
            // Where that is refused, there is no next step, and the page says so.
            (Self::Refused(Refusal::OverBudget { .. }), Some(Visit::Staff(_)))
                if path != "/step-up" =>
            {
                Some(format!("/step-up?reason=asked&back={}", back()))
            }
            _ => None,
        }
    }

    /// What an emergency passes: limits, a way of signing in that is new, and every freeze but that of the installation.
    pub const fn yields_to_emergency(&self) -> bool {
        matches!(
            self,
            Self::Refused(
                Refusal::OverBudget { .. }
                    | Refusal::SessionSpent { .. }
                    | Refusal::OverCeiling { .. }
                    | Refusal::CredentialIsNew { .. }
                    | Refusal::Frozen
            )
        )
    }

    /// Seconds until it may succeed.
    pub const fn retry_after_seconds(&self) -> Option<u32> {
        match self {
            Self::Refused(
                Refusal::OverBudget {
                    retry_after_seconds,
                }
                | Refusal::OverCeiling {
                    retry_after_seconds,
                }
                | Refusal::SessionSpent {
                    retry_after_seconds,
                }
                | Refusal::TooMany {
                    retry_after_seconds,
                }
                | Refusal::CredentialIsNew {
                    retry_after_seconds,
                },
            ) if *retry_after_seconds > 0 => Some(*retry_after_seconds),
            _ => None,
        }
    }

    /// The page, with the request's number where somebody has to look for it. A 404 is the same for all.
    pub fn page(
        &self,
        mut frame: Frame,
        visit: Option<Visit>,
        operator: Option<&ToRing>,
        request: &str,
    ) -> ProblemPage {
        let saying = self.saying();
        let texts = frame.texts();
        texts.say(saying.title).clone_into(&mut frame.title);
        let wait = self.retry_after_seconds().map(|seconds| {
            texts.fill(
                "problem.budget_wait",
                &[("time", &dates::waiting(texts, seconds))],
            )
        });
        let request = saying
            .status
            .is_server_error()
            .then(|| texts.fill("problem.request", &[("id", request)]));
        let (path, path_words) = match visit {
            Some(visit) if !self.ends_session() => (visit.home(), "frame.back_home"),
            _ => ("/sign-in", "frame.sign_in"),
        };
        ProblemPage {
            frame,
            what: saying.what,
            next: saying.next,
            ring: operator
                .filter(|_| self.is_ended_by_the_operator())
                .map(|operator| ("problem.ring_operator", operator.clone())),
            emergency: None,
            wait,
            path,
            path_words,
            request,
        }
    }
}

const fn refused(refusal: Refusal) -> Saying {
    match refusal {
        Refusal::NotFound => saying!(NOT_FOUND, "not_found"),
        Refusal::SessionEnded | Refusal::WrongCredentials => saying!(UNAUTHORIZED, "session"),
        Refusal::NotAllowed | Refusal::StepUpNeeded => saying!(FORBIDDEN, "not_allowed"),
        Refusal::OverBudget { .. } => saying!(TOO_MANY_REQUESTS, "budget"),
        Refusal::SessionSpent { .. } => saying!(TOO_MANY_REQUESTS, "session_spent"),
        Refusal::OverCeiling { .. } => saying!(TOO_MANY_REQUESTS, "ceiling"),
        Refusal::Frozen => saying!(FORBIDDEN, "frozen"),
        Refusal::LedgerUnavailable | Refusal::KeeperUnavailable => {
            saying!(SERVICE_UNAVAILABLE, "unavailable")
        }
        Refusal::Invalid => saying!(BAD_REQUEST, "invalid"),
        Refusal::TooMany { .. } => saying!(TOO_MANY_REQUESTS, "busy"),
        Refusal::SubjectClosed => saying!(FORBIDDEN, "closed"),
        Refusal::SecondPersonNeeded => saying!(FORBIDDEN, "second_person"),
        Refusal::OnHold => saying!(CONFLICT, "on_hold"),
        Refusal::NotAsShown => saying!(CONFLICT, "not_as_shown"),
        Refusal::NoAccount => saying!(CONFLICT, "no_account"),
        Refusal::HasAccount => saying!(CONFLICT, "has_account"),
        Refusal::RecordsDiffer => saying!(CONFLICT, "records_differ"),
        Refusal::AlreadyMerged => saying!(CONFLICT, "already_merged"),
        Refusal::TwoAccounts => saying!(CONFLICT, "two_accounts"),
        Refusal::WrongAge => saying!(CONFLICT, "wrong_age"),
        Refusal::Deceased => saying!(FORBIDDEN, "deceased"),
        Refusal::CredentialIsNew { .. } => saying!(FORBIDDEN, "new_way"),
    }
}

impl IntoResponse for Problem {
    /// A bare status with the problem beside it; the guard, which knows the visitor, makes the page.
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Standing;

    /// Every problem there is.
    fn all() -> Vec<Problem> {
        let refusals = [
            Refusal::NotFound,
            Refusal::SessionEnded,
            Refusal::NotAllowed,
            Refusal::OverBudget {
                retry_after_seconds: 90,
            },
            Refusal::SessionSpent {
                retry_after_seconds: 90,
            },
            Refusal::OverCeiling {
                retry_after_seconds: 90,
            },
            Refusal::StepUpNeeded,
            Refusal::Frozen,
            Refusal::LedgerUnavailable,
            Refusal::Invalid,
            Refusal::WrongCredentials,
            Refusal::TooMany {
                retry_after_seconds: 0,
            },
            Refusal::SubjectClosed,
            Refusal::SecondPersonNeeded,
            Refusal::OnHold,
            Refusal::NotAsShown,
            Refusal::NoAccount,
            Refusal::HasAccount,
            Refusal::RecordsDiffer,
            Refusal::AlreadyMerged,
            Refusal::TwoAccounts,
            Refusal::WrongAge,
            Refusal::Deceased,
            Refusal::CredentialIsNew {
                retry_after_seconds: 7_200,
            },
            Refusal::KeeperUnavailable,
        ];
        let mut all = vec![
            Problem::NotSignedIn,
            Problem::PurposeNeeded,
            Problem::NoSuchPage,
            Problem::Method,
            Problem::Form,
            Problem::TooLarge,
            Problem::CrossSite,
            Problem::TooSlow,
            Problem::Internal,
        ];
        all.extend(refusals.map(Problem::Refused));
        all
    }

    #[test]
    fn every_problem_says_what_to_do() {
        for problem in all() {
            let frame = Frame::public(Standing::default(), "problem.internal");
            let operator = ToRing::new("Kōwhai Health", "0800 555 0100");
            let page = problem.page(frame, Some(Visit::Patient), operator.as_ref(), "4f1a09");
            let ring = page.ring.as_ref().map(|(words, _)| *words);
            let keys = [page.what, page.next, page.path_words];
            for key in keys.into_iter().chain(ring) {
                assert_ne!(page.frame.say(key), key, "{problem}");
            }
            assert!(!page.frame.title.contains("problem."), "{problem}");
        }
    }

    #[test]
    fn what_is_not_yours_and_what_is_not_there_are_the_same_page() {
        let page = |problem: Problem| {
            let frame = Frame::public(Standing::default(), "problem.internal");
            askama::Template::render(&problem.page(frame, None, None, "one number")).unwrap()
        };
        assert_eq!(
            page(Problem::NoSuchPage),
            page(Problem::Refused(Refusal::NotFound))
        );
        assert!(!page(Problem::NoSuchPage).contains("one number"));
    }
}
