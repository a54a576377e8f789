//! The cluster that all test binaries of one run share: prints its socket folder, and ends with its input.

use std::io::{self, Write};
use std::process::ExitCode;

use candour_testkit::cluster::TestServer;

fn main() -> ExitCode {
    let served = TestServer::start()
        .map_err(io::Error::other)
        .and_then(|server| {
            let mut output = io::stdout().lock();
            writeln!(output, "{}", server.sockets().display())?;
            output.flush()?;
            server.serve_until_input_ends()
        });
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
