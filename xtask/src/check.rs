//! `cargo xtask test`: everything that checks the project, in stages.

use std::path::PathBuf;
use std::process::Command;

use crate::children::{self, Companion};
use crate::outcome::{Count, Report};
use crate::{Stop, asvs, layers, migrations, prepare, say, workspace};

/// The variable by which test binaries find the cluster they share.
const CLUSTER: &str = "CANDOUR_TEST_CLUSTER";

/// Runs all stages; later ones run although earlier ones failed, unless they need them. True when all is well.
pub fn run() -> Result<bool, Stop> {
    let mut report = Report::default();
    let is_prepared = report.stage("preparation", || {
        prepare::for_test().map(|()| Count::default())
    })?;
    if !is_prepared {
        return report.finish();
    }
    report.stage("format", || {
        checked(workspace::cargo().args(["fmt", "--all", "--check"]))
    })?;
    report.stage("layers", || {
        let kept = layers::run(&[])?;
        let untouched = migrations::run(&[])?;
        let assessed = asvs::run()?;
        let all = [kept, untouched, assessed].map(Count::one);
        Ok(all.into_iter().fold(Count::default(), Count::plus))
    })?;
    report.stage("web", || prepare::web_is_built().map(|()| Count::one(true)))?;
    let is_built = report.stage("build", build)?;
    if is_built {
        tests(&mut report)?;
        real_machinery(&mut report)?;
        report.stage("browser", browser)?;
    } else {
        say("nothing can be tested before it builds")?;
    }
    report.stage("clippy", || {
        checked(&mut ci_cargo(
            "clippy",
            &["--workspace", "--all-targets", "--", "-D", "warnings"],
        ))
    })?;
    report.finish()
}

fn checked(command: &mut Command) -> Result<Count, Stop> {
    children::run(command).map(|()| Count::one(true))
}

/// Every build of the tests uses the one profile, so that nothing is built twice.
fn ci_cargo(command: &str, arguments: &[&str]) -> Command {
    let mut cargo = workspace::cargo();
    cargo.args([command, "--profile", "ci"]).args(arguments);
    cargo
}

fn build() -> Result<Count, Stop> {
    // The programs come with it: a package's integration tests need them. Asking for them alone builds half of it again,
    // because without the tests fewer features are asked of what they stand on.
    children::run(&mut ci_cargo("test", &["--workspace", "--no-run"]))?;
    Ok(Count::default())
}

/// The binaries that the build stage made.
fn built() -> Result<PathBuf, Stop> {
    Ok(workspace::target()?.join("ci"))
}

fn tests(report: &mut Report) -> Result<(), Stop> {
    report.stage("tests", || {
        if !workspace::root().join("../shared/data").is_dir() {
            say("there is no test data in ../shared/data: tests that need it say \"skipped\" and check nothing")?;
        }
        let server = built()?.join("candour-test-cluster");
        let cluster = Companion::start(&mut Command::new(server))?;
        let mut tests = ci_cargo("test", &["--workspace", "--no-fail-fast"]);
        let oracle = workspace::target()?.join("oracle/bin/python");
        tests
            .env(CLUSTER, &cluster.said)
            .env("CANDOUR_TEST_PYTHON", oracle);
        children::count(&mut tests)
    })?;
    Ok(())
}

/// Crashes, what lies about in memory, and the drill: whole processes, as a demonstration runs them.
fn real_machinery(report: &mut Report) -> Result<(), Stop> {
    let drill = built()?.join("candour-drill");
    let run = |arguments: &[&str]| checked(Command::new(&drill).args(arguments));
    report.stage("crash", || run(&["crash", "--cycles", "20"]))?;
    report.stage("memory", || run(&["memory"]))?;
    report.stage("drill", || {
        run(&["stolen-login", "--patients", "400"])?;
        run(&["stolen-staff", "--patients", "400"])
    })?;
    // Whether every row can be measured, with commits that wait for the disk; its figures mean nothing.
    report.stage("bench", || {
        run(&["bench", "--quick"])?;
        run(&["bench", "--quick", "--others", "2000", "--entries", "9000"])
    })?;
    Ok(())
}

/// The journeys through every page, in the system's Chromium, against a demonstration of their own.
fn browser() -> Result<Count, Stop> {
    let journeys = workspace::root().join("e2e");
    children::run(prepare::npm(&journeys).args(["run", "check", "--silent"]))?;
    let mut playwright = prepare::on_node(journeys.join("node_modules/.bin/playwright"), &journeys);
    playwright
        .arg("test")
        .env("CANDOUR_BINARIES", built()?)
        .env_remove("CANDOUR_ADDRESS")
        .env("FORCE_COLOR", "0");
    children::count(&mut playwright).map(|count| count.plus(Count::one(true)))
}
