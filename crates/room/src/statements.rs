//! Every SQL statement of the room's own database, for the test that prepares each.

use crate::{
    acts, alarms, clocks, closing, follower, incidents, notices, publish, register, reopenings,
    scope, texts, unlock, updates,
};

/// The statements on the room's own database.
pub fn statements() -> Vec<&'static str> {
    [
        acts::STATEMENTS,
        alarms::STATEMENTS,
        clocks::STATEMENTS,
        closing::STATEMENTS,
        follower::STATEMENTS,
        incidents::STATEMENTS,
        notices::STATEMENTS,
        publish::STATEMENTS,
        register::STATEMENTS,
        reopenings::STATEMENTS,
        scope::STATEMENTS,
        texts::STATEMENTS,
        unlock::STATEMENTS,
        updates::STATEMENTS,
    ]
    .concat()
}
