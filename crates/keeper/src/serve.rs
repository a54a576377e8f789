//! The socket: who may call what, and which call answers it.

use crate::acts;
use crate::calls;
use crate::changes;
use crate::clients;
use crate::core::Core;
use crate::epochs;
use crate::erasure;
use crate::freezing;
use crate::identity::{invitations, sessions, sign_in, ways};
use crate::instances::{Instance, InstanceKind, Instances};
use crate::ledger::{Health, Refusal};
use crate::making::Durability;
use crate::memory;
use crate::merges;
use crate::notifications;
use crate::recall;
use crate::sharing;
use candour_keeper_wire::service::Answer;
use candour_keeper_wire::wire::{self, Call, Done, Reply};
use candour_keeper_wire::words::Reason;
use candour_rules::freeze::Frozen;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use tokio::net::unix::UCred;

/// The keeper on its socket.
pub struct KeeperService {
    /// Everything a call needs.
    pub core: Arc<Core>,
    /// Who may call.
    pub instances: Instances,
}

/// One connection.
pub struct Peer {
    uid: Option<u32>,
    instance: OnceLock<Instance>,
}

impl Answer for KeeperService {
    type Peer = Peer;

    fn connected(&self, credentials: Option<UCred>) -> Option<Peer> {
        Some(Peer {
            uid: credentials.map(|credentials| credentials.uid()),
            instance: OnceLock::new(),
        })
    }

    async fn answer(self: Arc<Self>, peer: Arc<Peer>, call: Call) -> Reply {
        let answered = match call {
            Call::Hello(hello) => self.hello(&peer, &hello),
            call => match peer.instance.get() {
                Some(instance) => self.dispatch(instance, call).await,
                None => Err(Reason::NotAllowed.into()),
            },
        };
        answered.unwrap_or_else(|refusal| Reply::Refused(refusal.into()))
    }
}

impl KeeperService {
    async fn dispatch(&self, instance: &Instance, call: Call) -> Result<Reply, Refusal> {
        if let Call::Freezes(call) = call {
            only(instance, &[InstanceKind::Room])?;
            let (core, instances) = (&self.core, &self.instances);
            let freezes = freezing::view(core, instances, instance.id, &call).await?;
            return Ok(Reply::Freezes(freezes));
        }
        dispatch(&self.core, instance, call).await
    }

    fn hello(&self, peer: &Peer, hello: &wire::Hello) -> Result<Reply, Refusal> {
        let found = self
            .instances
            .find(&hello.credential, peer.uid)
            .ok_or(Reason::WrongCredentials)?;
        let instance = peer.instance.get_or_init(|| found.clone());
        if *instance != found {
            return Err(Reason::Invalid.into());
        }
        let config = &self.core.config;
        Ok(Reply::Welcome(wire::Welcome {
            instance: instance.id.as_bytes().to_vec(),
            installation: config.installation.as_bytes().to_vec(),
            demonstration: config.is_demonstration,
        }))
    }
}

fn only(instance: &Instance, kinds: &[InstanceKind]) -> Result<(), Refusal> {
    if kinds.contains(&instance.kind) {
        Ok(())
    } else {
        Err(Reason::NotAllowed.into())
    }
}

async fn dispatch(core: &Core, instance: &Instance, call: Call) -> Result<Reply, Refusal> {
    if let Call::Status(_) = call {
        return Ok(Reply::Status(status(core, instance)));
    }
    if core.ledger.health() != Health::Well {
        return Err(Reason::LedgerUnavailable.into());
    }
    // Before it is written down: what cannot open does not make the ledger longer. Signing in, depositing, freezing and
    // what officers do goes on.
    let releases = matches!(call, Call::Open(_) | Call::Find(_) | Call::History(_));
    if releases && !core.witnesses.let_open(core.ledger.size()) {
        return Err(Reason::LedgerUnavailable.into());
    }
    let needs_keys = releases || matches!(call, Call::Deposit(_) | Call::Enrol(_));
    if needs_keys && core.is_sealed() {
        return Err(Reason::Sealed.into());
    }
    // Most calls are these two, and a call's future is moved several times: it must not be as large as the largest.
    match call {
        Call::Open(call) => calls::open::open(core, instance, call).await,
        Call::Delivered(call) => calls::delivered::delivered(core, instance, call).await,
        other => Box::pin(less_often(core, instance, other)).await,
    }
}

async fn less_often(core: &Core, instance: &Instance, call: Call) -> Result<Reply, Refusal> {
    match call {
        Call::Find(call) => calls::find::find(core, instance, call).await,
        Call::EmergencyStart(call) => Ok(Reply::Ceremony(
            calls::emergency::start(core, instance, call).await?,
        )),
        Call::History(call) => calls::history::history(core, instance, call).await,
        Call::Authorize(call) => calls::authorize::authorize(core, instance, call).await,
        Call::Deposit(call) => calls::deposit::deposit(core, instance, call).await,
        Call::Sealed(call) => calls::sealed::sealed(core, instance, call).await,
        Call::Enrol(call) => calls::enrol::enrol(core, instance, call).await,
        Call::EntriesAfter(call) => {
            only(instance, &[InstanceKind::Room])?;
            Ok(calls::room::entries_after(core, call).await?)
        }
        Call::RoomFacts(call) => {
            only(instance, &[InstanceKind::Room, InstanceKind::Worker])?;
            Ok(calls::room::facts(core, call).await?)
        }
        Call::SectionAt(call) => {
            only(instance, &[InstanceKind::Room])?;
            Ok(calls::room::section_at(core, call).await?)
        }
        Call::Runs(call) => {
            only(instance, &[InstanceKind::Room, InstanceKind::Worker])?;
            Ok(Reply::Runs(changes::runs(core, instance.id, &call).await?))
        }
        Call::NotificationsOwed(_) => {
            only(instance, &[InstanceKind::Worker])?;
            notifications::owed(core, instance).await
        }
        Call::NotificationDone(call) => {
            only(instance, &[InstanceKind::Worker])?;
            notifications::done(core, &call).await
        }
        Call::Erased(call) => {
            only(instance, &[InstanceKind::Worker])?;
            Ok(erasure::erased_after(core, &call).await?)
        }
        other => identity(core, instance, other).await,
    }
}

async fn identity(core: &Core, instance: &Instance, call: Call) -> Result<Reply, Refusal> {
    let id = instance.id;
    match call {
        Call::PasskeyStart(call) => Ok(Reply::Ceremony(
            sign_in::passkey_start(core, id, &call).await?,
        )),
        Call::PasskeyFinish(call) => Ok(Reply::SignedIn(
            sign_in::passkey_finish(core, id, &call).await?,
        )),
        Call::PasswordSignIn(call) => {
            Ok(Reply::SignedIn(sign_in::password(core, id, &call).await?))
        }
        Call::ClientSignIn(call) => Ok(Reply::SignedIn(sign_in::client(core, id, &call).await?)),
        Call::SignOut(call) => {
            sign_in::sign_out(core, id, &call).await?;
            Ok(Reply::Done(Done {}))
        }
        Call::Session(call) => Ok(Reply::Session(sign_in::session(core, id, &call).await?)),
        Call::Sessions(call) => Ok(Reply::Sessions(sessions::list(core, id, &call).await?)),
        Call::EndSessions(call) => {
            sessions::end(core, id, &call).await?;
            Ok(Reply::Done(Done {}))
        }
        Call::SignInWays(call) => Ok(Reply::SignInWays(ways::list(core, id, &call).await?)),
        Call::Batches(call) => Ok(Reply::Batches(
            recall::batches(core, instance, &call).await?,
        )),
        Call::Clients(call) => Ok(Reply::Clients(clients::list(core, instance, &call).await?)),
        Call::Sharing(call) => Ok(Reply::Sharing(sharing::sharing(core, id, &call).await?)),
        Call::Merges(call) => Ok(Reply::Merges(merges::list(core, id, &call).await?)),
        Call::Acting(call) => Ok(Reply::Acting(sharing::acting(core, id, &call).await?)),
        Call::StepUp(call) => Ok(Reply::SignedIn(sign_in::step_up(core, id, &call).await?)),
        Call::Change(call) => Ok(Reply::Changed(changes::change(core, id, &call).await?)),
        Call::Waiting(call) => Ok(Reply::Waiting(
            changes::waiting_at_practice(core, id, &call).await?,
        )),
        Call::ActStart(call) => Ok(Reply::Ceremony(acts::start(core, id, &call).await?)),
        Call::ActFinish(call) => {
            let is_room = instance.kind == InstanceKind::Room;
            Ok(Reply::Changed(
                acts::finish(core, id, is_room, &call).await?,
            ))
        }
        Call::InvitationOpen(call) => {
            Ok(Reply::Invitation(invitations::open(core, id, &call).await?))
        }
        Call::Register(call) => Ok(Reply::Registered(
            invitations::register(core, id, &call).await?,
        )),
        Call::RecoveryOpen(call) => Ok(Reply::Invitation(
            invitations::open_recovery(core, id, &call).await?,
        )),
        Call::Recover(call) => Ok(Reply::Registered(
            invitations::recover(core, id, &call).await?,
        )),
        Call::InvitationLink(call) => {
            invitations::link(core, id, &call).await?;
            Ok(Reply::Done(Done {}))
        }
        _ => Err(Reason::Invalid.into()),
    }
}

fn status(core: &Core, instance: &Instance) -> wire::Status {
    let surrogate = core.keys.instance(instance.id).surrogate();
    wire::Status {
        ledger_size: core.ledger.size(),
        ledger_writable: core.ledger.health() == Health::Well,
        ledger_looked_through: core.ledger.is_looked_through(),
        demonstration: core.config.is_demonstration,
        shares_user: core.config.shares_user,
        shares_cluster: core.config.shares_cluster,
        waits_for_disk: core.config.durability >= Durability::Disk,
        waits_for_standby: core.config.durability == Durability::TwoMachines,
        frozen: core.freezes.is_frozen(Frozen::Installation),
        proof_mode: core.freezes.needs_proof(surrogate),
        checkpoint: core.last_checkpoint(),
        verifier_key: core.checkpoints.verifier().to_string(),
        policy_hash: core.policy.hash().to_vec(),
        root_kind: core.config.root_kind.to_owned(),
        missing_from: core.ledger.loss().map_or(0, |loss| loss.from),
        missing_to: core.ledger.loss().map_or(0, |loss| loss.to),
        limits: core.config.limits.differing.clone(),
        memory_locked: memory::is_locked(),
        witnessing: core.witnesses.status(),
        token: core.token.as_ref().map(|token| token.status()),
        epoch_keys: Some(epochs::status(core)),
        notifications_missed: core.notifications_missed.load(Ordering::Relaxed),
    }
}
