//! Keeps the keys that are in memory there: no core file, no debugger of the same user, no swap where it is allowed.

use rustix::mm::{MlockAllFlags, mlockall};
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit,
};
use std::io;
use std::sync::OnceLock;

/// Of the process, as its memory is.
static IS_LOCKED: OnceLock<bool> = OnceLock::new();

/// Guards the memory of this process. Out of swap too only where `RLIMIT_MEMLOCK` is unlimited: under a limit it would
/// be a later allocation that fails.
///
/// # Errors
/// When core files or debuggers cannot be kept away.
pub fn guard() -> io::Result<()> {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    setrlimit(Resource::Core, none)?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    let all = MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT;
    let is_locked = getrlimit(Resource::Memlock).current.is_none() && mlockall(all).is_ok();
    IS_LOCKED.get_or_init(|| is_locked);
    Ok(())
}

/// Whether the memory of this process stays out of swap.
pub fn is_locked() -> bool {
    IS_LOCKED.get().copied().unwrap_or_default()
}
