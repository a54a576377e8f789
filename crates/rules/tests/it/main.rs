//! The rules as the keeper drives them.

mod budget;
mod detect;
mod sequencer;
mod stolen_staff;
