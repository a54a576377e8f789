//! A keeper whose root key a token opens: looks whether the token is there, and opens nothing while it is not.

use super::{Fault, Question, RootToken};
use crate::core::Core;
use crate::draft::Draft;
use crate::practice::CommandError;
use crate::unlock::{Door, OPENED};
use candour_keeper_wire::words::{EntryKind, Reason};
use candour_seal::{RootKey, Zeroizing};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// How long between two looks, and between two tries to reach a token that is away.
const PAUSE: Duration = Duration::from_secs(2);
/// So many looks are an hour: then the token's key is used anew.
const AN_HOUR: u32 = 1_800;

impl RootToken {
    /// The root key, if the token gives it now, to whoever typed the PIN or to whoever wrote it in the file.
    ///
    /// # Errors
    /// Why it does not.
    pub async fn try_open(&self, typed: Option<Zeroizing<String>>) -> Result<RootKey, Fault> {
        self.root(Question::Open(typed)).await
    }

    /// The root key, once the token gives it; who types its PIN does so at the door.
    ///
    /// # Errors
    /// When there is no door.
    pub async fn opened(&self) -> Result<RootKey, CommandError> {
        let door = Door::open(&self.door).map_err(CommandError::Socket)?;
        Ok(until_open(self, &door).await)
    }
}

/// Tries until the token gives the root key: by itself where the PIN lies in a file, and with each PIN that is typed.
async fn until_open(token: &RootToken, door: &Door) -> RootKey {
    let mut asked = token.try_open(None).await;
    let mut typing = Box::pin(door.typed());
    loop {
        match asked {
            Ok(root) => return root,
            Err(fault) => token.note_trouble(&fault),
        }
        asked = tokio::select! {
            typed = &mut typing => {
                typing = Box::pin(door.typed());
                let pin = Zeroizing::new(typed.line.trim().to_owned());
                let asked = token.try_open(Some(pin)).await;
                let said = asked.as_ref().map_or_else(|fault| format!("{fault}\n"), |_| OPENED.to_owned());
                typed.answer(&said).await;
                asked
            }
            () = sleep(PAUSE) => token.try_open(None).await,
        };
    }
}

/// Watches the token of a keeper that serves, until `stop`.
pub(crate) async fn run(core: Arc<Core>, token: Arc<RootToken>, stop: CancellationToken) {
    loop {
        let fault = tokio::select! {
            () = stop.cancelled() => return,
            fault = until_trouble(&core, &token) => fault,
        };
        close(&core, &token, &fault).await;
        tokio::select! {
            () = stop.cancelled() => return,
            () = until_back(&core, &token) => {}
        }
    }
}

async fn until_trouble(core: &Core, token: &RootToken) -> Fault {
    let mut looks = 0;
    loop {
        sleep(PAUSE).await;
        looks += 1;
        let asked = if looks % AN_HOUR == 0 {
            use_again(core, token).await
        } else {
            token.look().await
        };
        if let Err(fault) = asked {
            return fault;
        }
    }
}

/// The hour's use: the root key is had anew from the token, and unwraps the epoch keys.
///
/// # Errors
/// Why the token does not give it.
pub async fn use_again(core: &Core, token: &RootToken) -> Result<(), Fault> {
    let root = token.root(Question::Again).await?;
    core.keys.take_root(root).map_err(|_| Fault::Foreign)?;
    core.unwrap_epochs().await;
    Ok(())
}

/// Nothing opens from here on: first by refusal, then because no key is left that could.
async fn close(core: &Core, token: &RootToken, fault: &Fault) {
    token.note_trouble(fault);
    core.subject_keys.seal();
    let mut draft = Draft::of_keeper(EntryKind::KeyUse).refused(Reason::Sealed);
    draft.body.text = fault.to_string();
    let _ = core.ledger.append_one(draft).await;
}

async fn until_back(core: &Core, token: &RootToken) {
    loop {
        match token.opened().await {
            Ok(root) => match core.keys.take_root(root) {
                Ok(()) if goes_on(core, token).await => return,
                Ok(()) => {}
                Err(_) => token.note_trouble(&Fault::Foreign),
            },
            Err(error) => tracing::error!(%error, "nobody can type the token's PIN now"),
        }
        sleep(PAUSE).await;
    }
}

/// Opens again once that is written down; false when the token went away before. Where the ledger is away as well, the
/// token is used no second time for that, and nobody has to type its PIN again.
async fn goes_on(core: &Core, token: &RootToken) -> bool {
    while !core.unwrap_epochs().await {
        sleep(PAUSE).await;
        if let Err(fault) = token.look().await {
            close(core, token, &fault).await;
            return false;
        }
    }
    token.note_back();
    tracing::info!("the token gave the root key: records open again");
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::inside;
    use crate::subject_keys::SubjectKeyError;
    use candour_seal::PracticeId;

    #[tokio::test]
    async fn sealed_nothing_of_anybody_opens_and_entries_about_nobody_are_still_written() {
        let inside = inside().await;
        let core = &inside.core;
        let patient = inside.patient(PracticeId::from_bytes([1; 16]), 40).await;
        let token = core.keys.patient(patient);
        core.subject_keys.load(token).await.unwrap();
        core.subject_keys.installation().await.unwrap();
        core.subject_keys.seal();
        let gone = core.subject_keys.load(token).await;
        assert!(matches!(gone, Err(SubjectKeyError::Sealed)));
        let draft = Draft::of_keeper(EntryKind::KeyUse).refused(Reason::Sealed);
        core.ledger.append_one(draft).await.unwrap();
    }
}
