//! The binary's parts: the data directory, the supervisor, the demonstration and what an operator runs.

pub mod accounts;
pub mod backup;
pub mod configuration;
pub mod data_folder;
pub mod demo;
pub mod doctor;
pub mod import;
pub mod installation;
pub mod mailbox_page;
pub mod parts;
pub mod people;
pub mod portal;
pub mod problem;
pub mod programs;
pub mod restore;
pub mod room;
pub mod secrets;
pub mod serve;
pub mod supervisor;
pub mod terminal;
pub mod witness;
pub mod witness_client;
pub mod worker;

pub use configuration::Configuration;
pub use data_folder::DataFolder;
pub use problem::Problem;
