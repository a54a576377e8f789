//! The real binary on this machine, in temporary data directories.

// Marked as tests so that the lints know it of helpers outside `#[test]` functions too.
#[cfg(test)]
mod backup;
#[cfg(test)]
mod backup_elsewhere;
#[cfg(test)]
mod backup_refused;
#[cfg(test)]
mod demonstration;
#[cfg(test)]
mod documented;
#[cfg(test)]
mod freezing;
#[cfg(test)]
mod import;
#[cfg(test)]
mod import_deposit;
#[cfg(test)]
mod import_documents;
#[cfg(test)]
mod import_people;
#[cfg(test)]
mod installation;
#[cfg(test)]
mod killing;
#[cfg(test)]
mod own_users;
#[cfg(test)]
mod reader;
#[cfg(test)]
mod running;
#[cfg(test)]
mod supervisor;
#[cfg(test)]
mod witness;
