//! The one table of routes: to register a route is to list it, with who may call it and a request to try it with.

use crate::guard;
use crate::pages::deposit::LARGEST_FORM;
use crate::pages::invitations::account;
use crate::pages::{
    access_history, demonstration, deposit, documents, emergency, erasures, home, invitations,
    merges, notices, practice, programs, recalls, record, recoveries, reopenings, sessions,
    sharing, sign_in, sign_in_ways, trust,
};
use crate::portal::Portal;
use crate::{assets, error};
use axum::extract::DefaultBodyLimit;
use axum::routing::{MethodFilter, on};
use axum::{Router, middleware};
use tower_http::catch_panic::CatchPanicLayer;

/// Bytes that a form without a file may hold.
const LARGEST_SMALL_FORM: usize = 64 * 1024;

/// Who may call a route. The keeper decides; this says what the tests expect of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody.
    Anyone,
    /// Whoever is signed in.
    SignedIn,
    /// A patient, and whoever acts for one.
    Patient,
    /// Practice staff.
    Staff,
    /// A practice's manager.
    Manager,
    /// Patients, proxies and staff, each as far as the keeper lets them.
    Reader,
}

/// What a request to a route carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sample {
    /// Nothing: a GET.
    Nothing,
    /// A form, as `application/x-www-form-urlencoded`.
    Form(&'static str),
    /// The deposit form with a small file; `{key}` becomes a deposit key.
    Deposit,
}

/// One route.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// The path with its places: `{patient}`, `{document}`, `{section}`, `{name}`.
    pub path: &'static str,
    /// Who may call it.
    pub access: Access,
    /// A request to try it with.
    pub sample: Sample,
}

impl Route {
    /// It names a patient or a document: every stranger gets the same 404.
    pub fn has_id(&self) -> bool {
        self.path.contains("{patient}") || self.path.contains("{document}")
    }
}

const fn limit(sample: Sample) -> usize {
    match sample {
        Sample::Deposit => LARGEST_FORM,
        Sample::Nothing | Sample::Form(_) => LARGEST_SMALL_FORM,
    }
}

macro_rules! routes {
    ($($method:ident $path:literal, $access:ident, $sample:expr, $handler:path;)+) => {
        /// Every route there is.
        pub const ROUTES: &[Route] = &[$(Route {
            method: stringify!($method),
            path: $path,
            access: Access::$access,
            sample: $sample,
        }),+];

        fn registered() -> Router<Portal> {
            Router::new()$(.route(
                $path,
                on(MethodFilter::$method, $handler).layer(DefaultBodyLimit::max(limit($sample))),
            ))+
        }
    };
}

const NOTHING: Sample = Sample::Nothing;

routes! {
    GET "/", Anyone, NOTHING, home::start;
    GET "/assets/{name}", Anyone, NOTHING, assets::show;
    GET "/trust", Anyone, NOTHING, trust::show;
    GET "/trust.json", Anyone, NOTHING, trust::twin::show;
    GET "/demonstration", Anyone, NOTHING, demonstration::show;
    GET "/check-receipt", Anyone, NOTHING, access_history::receipt::show;

    GET "/sign-in", Anyone, NOTHING, sign_in::show;
    POST "/sign-in/passkey/start", Anyone, Sample::Form("login="), sign_in::passkey_start;
    POST "/sign-in/passkey", Anyone, Sample::Form("ceremony=&answer=&acting=patient"), sign_in::with_passkey;
    POST "/sign-in/password", Anyone, Sample::Form("name=a&password=b&code=1"), sign_in::with_password;
    POST "/sign-out", Anyone, Sample::Form(""), sign_in::out;
    GET "/step-up", SignedIn, NOTHING, sign_in::step_up_form;
    POST "/step-up", SignedIn, Sample::Form("back=/&code=1"), sign_in::step_up;

    GET "/sessions", SignedIn, NOTHING, sessions::show;
    POST "/sessions", SignedIn, Sample::Form("session=1"), sessions::end;

    GET "/sign-in-ways", SignedIn, NOTHING, sign_in_ways::show;
    POST "/sign-in-ways", SignedIn, Sample::Form("what=sheet"), sign_in_ways::change;
    POST "/sign-in-ways/act", SignedIn, Sample::Form("ceremony=00000000000000000000000000000000&code=1"), sign_in_ways::answer;
    POST "/sign-in-ways/waited", SignedIn, Sample::Form("pending=00000000000000000000000000000000"), sign_in_ways::waited;

    GET "/sharing", Patient, NOTHING, sharing::show;
    POST "/sharing", Patient, Sample::Form("what=kept&rule=1"), sharing::end;
    GET "/sharing/keep", Patient, NOTHING, sharing::ask_keep;
    POST "/sharing/keep", Patient, Sample::Form("part=everything"), sharing::keep;
    GET "/sharing/share", Patient, NOTHING, sharing::ask_share;
    POST "/sharing/share", Patient, Sample::Form("part=everything"), sharing::share;
    GET "/sharing/proxy", Patient, NOTHING, sharing::proxies::ask_own;
    POST "/sharing/proxy", Patient, Sample::Form("see=medicines&days=365&reason=my+daughter"), sharing::proxies::begin_own;
    POST "/sharing/act", SignedIn, Sample::Form("ceremony=00000000000000000000000000000000&code=1"), sharing::answer;

    GET "/invitation", Anyone, NOTHING, account::show;
    POST "/invitation", Anyone, Sample::Form("code=a&login=abc"), account::take;
    GET "/invitation/account", Anyone, NOTHING, account::ways;
    POST "/invitation/account", Anyone, Sample::Form("way=sheet"), account::make;
    GET "/invitation/link", SignedIn, NOTHING, invitations::ask_link;
    POST "/invitation/link", SignedIn, Sample::Form("code=a&day=1&month=1&year=1950"), invitations::link;

    GET "/recover", Anyone, NOTHING, recoveries::show;
    POST "/recover", Anyone, Sample::Form("code=a&login=abc"), recoveries::take;
    GET "/recover/account", Anyone, NOTHING, recoveries::ways;
    POST "/recover/account", Anyone, Sample::Form("way=sheet"), recoveries::make;
    POST "/recover/stop", SignedIn, Sample::Form(""), recoveries::stop;

    GET "/home", SignedIn, NOTHING, home::show;
    POST "/records/apart", Patient, Sample::Form("people=two"), merges::apart;
    GET "/practice", Staff, NOTHING, practice::start;
    GET "/practice/purpose", SignedIn, NOTHING, practice::purposes;
    POST "/practice/purpose", SignedIn, Sample::Form("purpose=direct_care"), practice::choose_purpose;
    GET "/practice/find", SignedIn, NOTHING, practice::ask;
    GET "/practice/reopenings", Manager, NOTHING, reopenings::show;
    GET "/practice/erasures", Manager, NOTHING, erasures::certificates;
    GET "/practice/recalls", Manager, NOTHING, recalls::show;
    POST "/practice/recalls", Manager, Sample::Form("from=2026-11-29T08:00&until=2026-11-30T09:00&as_of=1&batch=00&reason=wrong"), recalls::begin;
    POST "/practice/recalls/act", Manager, Sample::Form("ceremony=00112233445566778899aabbccddeeff&answer=a"), recalls::answer;
    GET "/practice/recalls/people", Manager, NOTHING, recalls::people;
    POST "/practice/recalls/back", Manager, Sample::Form("recall=1&reason=mistake"), recalls::begin_end;
    GET "/practice/programs", Manager, NOTHING, programs::show;
    POST "/practice/programs", Manager, Sample::Form("name=Kauri+results"), programs::add;
    GET "/practice/programs/{client}/reading", Manager, NOTHING, programs::ask;
    POST "/practice/programs/{client}/reading", Manager, Sample::Form("see=shelf&days=90&reason=printing"), programs::begin;
    POST "/practice/programs/{client}/end", Manager, Sample::Form("what=reading"), programs::end;
    POST "/practice/programs/act", Manager, Sample::Form("ceremony=00112233445566778899aabbccddeeff&answer=a"), programs::answer;
    GET "/practice/waiting", Staff, NOTHING, erasures::waiting;
    POST "/practice/waiting", Staff, Sample::Form("id=00112233445566778899aabbccddeeff"), erasures::begin_approval;
    POST "/practice/act", Staff, Sample::Form("ceremony=00112233445566778899aabbccddeeff&answer=a"), erasures::answer;
    POST "/practice/find", Staff, Sample::Form("nhi=ZZZ0016"), practice::find;

    GET "/patients/{patient}", Reader, NOTHING, practice::patient;
    GET "/patients/{patient}/record", Reader, NOTHING, record::sections;
    GET "/patients/{patient}/record/{section}", Reader, NOTHING, record::section;
    GET "/patients/{patient}/documents", Reader, NOTHING, documents::shelf;
    GET "/patients/{patient}/history", Reader, NOTHING, access_history::show;
    GET "/patients/{patient}/history/receipts", Patient, NOTHING, access_history::receipts;
    GET "/patients/{patient}/notices", Patient, NOTHING, notices::show;
    GET "/patients/{patient}/deposit", Staff, NOTHING, deposit::ask;
    POST "/patients/{patient}/deposit", Staff, Sample::Deposit, deposit::store;
    GET "/patients/{patient}/emergency", Staff, NOTHING, emergency::ask;
    POST "/patients/{patient}/emergency", Staff, Sample::Form("reason=collapsed&ceremony=00112233445566778899aabbccddeeff&answer=a"), emergency::open;
    GET "/patients/{patient}/erase", Staff, NOTHING, erasures::ask;
    POST "/patients/{patient}/erase", Staff, Sample::Form("what=everything&reason=asked"), erasures::begin;
    GET "/patients/{patient}/recover", Staff, NOTHING, recoveries::ask;
    POST "/patients/{patient}/recover", Staff, Sample::Form("identified=1&checked=yes"), recoveries::begin;
    GET "/patients/{patient}/invite", Staff, NOTHING, invitations::ask;
    POST "/patients/{patient}/invite", Staff, Sample::Form("checked=yes"), invitations::invite;
    GET "/patients/{patient}/merge", Staff, NOTHING, merges::show;
    POST "/patients/{patient}/merge", Staff, Sample::Form("nhi=ZZZ0016&stays=this&reason=asked"), merges::begin;
    POST "/patients/{patient}/merge/end", Staff, Sample::Form("people=two&why=asked"), merges::end;
    GET "/patients/{patient}/proxy", Staff, NOTHING, sharing::proxies::ask;
    POST "/patients/{patient}/proxy", Staff, Sample::Form("see=medicines&days=365&reason=daughter&checked=yes"), sharing::proxies::invite;
    GET "/patients/{patient}/sharing", Patient, NOTHING, sharing::charge::show;
    POST "/patients/{patient}/sharing", Patient, Sample::Form("what=kept&rule=1"), sharing::charge::end;
    GET "/patients/{patient}/sharing/keep", Patient, NOTHING, sharing::charge::ask;
    POST "/patients/{patient}/sharing/keep", Patient, Sample::Form("part=everything"), sharing::charge::keep;
    POST "/patients/{patient}/sharing/act", Patient, Sample::Form("ceremony=00000000000000000000000000000000&code=1"), sharing::charge::answer;
    GET "/patients/{patient}/acting", Staff, NOTHING, sharing::acting::show;
    POST "/patients/{patient}/acting", Staff, Sample::Form("person=00112233445566778899aabbccddeeff"), sharing::acting::end;
    POST "/patients/{patient}/marks", Staff, Sample::Form("died=yes"), sharing::acting::mark;
    POST "/patients/{patient}/address", Staff, Sample::Form("protect=yes"), sharing::acting::protect;
    GET "/documents/{document}", Reader, NOTHING, documents::show;
    GET "/documents/{document}/download", Reader, NOTHING, documents::download;
}

/// The portal's router, guard included. A server that is not [`crate::run`] gives each request its peer as
/// `ConnectInfo<SocketAddr>`.
pub fn router(portal: Portal) -> Router {
    registered()
        .fallback(no_such_page)
        .layer(CatchPanicLayer::new())
        .layer(middleware::from_fn_with_state(portal.clone(), guard::guard))
        .with_state(portal)
}

async fn no_such_page() -> error::Problem {
    error::Problem::NoSuchPage
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_listed_once_and_every_post_has_a_body_to_try() {
        for (at, route) in ROUTES.iter().enumerate() {
            let same = |other: &Route| other.method == route.method && other.path == route.path;
            assert!(
                !ROUTES[..at].iter().any(same),
                "{} {} twice",
                route.method,
                route.path
            );
            assert_eq!(
                route.method == "POST",
                route.sample != Sample::Nothing,
                "{}",
                route.path
            );
        }
    }

    #[test]
    fn ids_stand_in_the_path_alone() {
        for route in ROUTES {
            if let Sample::Form(form) = route.sample {
                assert!(
                    !form.contains("patient") || form.contains("acting=patient"),
                    "{form}"
                );
                assert!(!form.contains("document"), "{form}");
            }
        }
    }
}
