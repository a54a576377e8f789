use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;

use rustix::process::Signal;

use crate::running::{Demonstration, place, ports, run};

fn send_mail(port: u16, to: &str) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let message = "Subject: =?utf-8?Q?T=C4=93n=C4=81_koe?=\r\n\r\n<b>hello</b>\r\n..dot\r\n.\r\n";
    let lines = format!(
        "EHLO test\r\nMAIL FROM:<a@example.nz>\r\nRCPT TO:<{to}>\r\nDATA\r\n{message}QUIT\r\n"
    );
    stream.write_all(lines.as_bytes()).unwrap();
    let mut answers = String::new();
    stream.read_to_string(&mut answers).unwrap();
    assert!(answers.contains("250 kept as"), "{answers}");
}

fn page(port: u16, path: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_demonstration_starts_captures_mail_ends_in_order_and_starts_again_with_its_mail() {
    let (_place, data) = place();
    let port = ports();
    let demonstration = Demonstration::start(&data, port);
    assert!(
        demonstration
            .said
            .contains(&format!("http://localhost:{}", port + 3))
    );
    send_mail(port + 4, "rewi@example.nz");
    assert!(page(port + 3, "/?to=rewi").contains("Tēnā koe"));
    assert!(page(port + 3, "/?to=aroha").contains("0 messages"));
    // A made-up population is deposited within minutes; whoever looks sees what was set for that.
    let trust = page(port, "/trust");
    assert!(
        trust.contains(
            "The setting budgets.client.deposited_hour_floor is 1000000. Candour sets it to 500, \
             and only a demonstration may go beyond 100000."
        ),
        "{trust}"
    );
    let again = run(&["demo", "--port", &ports().to_string(), "--data"], &data);
    let complaint = String::from_utf8_lossy(&again.stderr);
    assert!(complaint.contains("Candour already runs on"), "{complaint}");
    assert!(demonstration.end());
    assert!(!data.join("postgres/data/postmaster.pid").exists());

    let demonstration = Demonstration::start(&data, port);
    let list = page(port + 3, "/");
    assert!(list.contains("Tēnā koe"));
    let name = list
        .split("/message/")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let letter = page(port + 3, &format!("/message/{name}"));
    assert!(
        letter.contains("&#60;b&#62;hello") && letter.contains("\n.dot"),
        "{letter}"
    );
    drop(demonstration);
}

#[test]
fn after_the_supervisor_was_killed_the_next_start_takes_over() {
    let (_place, data) = place();
    let port = ports();
    let mut demonstration = Demonstration::start(&data, port);
    demonstration.signal(Signal::KILL);
    demonstration.child.wait().unwrap();
    let again = Demonstration::start(&data, port);
    assert!(again.end());
}

#[test]
fn a_taken_port_is_a_sentence_with_the_next_step() {
    let (_place, data) = place();
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = held.local_addr().unwrap().port();
    let output = run(&["demo", "--port", &port.to_string(), "--data"], &data);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(
        complaint.contains("is taken by another program") && complaint.contains("--port"),
        "{complaint}"
    );
    // What was refused is not what the next start tries by itself.
    assert!(!data.join("candour.json").exists());
}

#[test]
fn serve_without_a_data_directory_says_how_to_make_one() {
    let (_place, data) = place();
    let output = run(&["serve", "--data"], &data);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(complaint.contains("candour demo --data"), "{complaint}");
}

#[test]
fn a_database_of_a_postgresql_that_is_not_installed_is_named() {
    let (_place, data) = place();
    let port = ports();
    drop(Demonstration::start(&data, port));
    fs::write(data.join("postgres/data/PG_VERSION"), "12\n").unwrap();
    let output = run(&["doctor", "--data"], &data);
    let findings = String::from_utf8_lossy(&output.stdout);
    assert!(!output.status.success());
    assert!(
        findings.contains("made by PostgreSQL 12, which is not installed"),
        "{findings}"
    );
    let output = run(&["serve", "--data"], &data);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(complaint.contains("Install PostgreSQL 12"), "{complaint}");
}

#[test]
fn the_doctor_finds_a_secret_that_others_can_read() {
    let (_place, data) = place();
    drop(Demonstration::start(&data, ports()));
    let output = run(&["doctor", "--data"], &data);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
    let secret = data.join("secrets/portal.database");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o644)).unwrap();
    let output = run(&["doctor", "--data"], &data);
    let findings = String::from_utf8_lossy(&output.stdout);
    assert!(
        findings.contains("portal.database can be read by others"),
        "{findings}"
    );
}

#[test]
fn no_role_reaches_a_database_that_is_not_its_own() {
    let (_place, data) = place();
    let _demonstration = Demonstration::start(&data, ports());
    let reaches = |name: &str, database: &str| {
        let line = fs::read_to_string(data.join(format!("secrets/{name}.database"))).unwrap();
        let (rest, _) = line.rsplit_once("dbname=").unwrap();
        let config = format!("{rest} dbname='{database}'").parse().unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async { candour_embedded::cluster::connect(&config).await.is_ok() })
    };
    let databases = [
        "candour_keeper",
        "candour_portal",
        "candour_room",
        "postgres",
        "template1",
    ];
    for (name, own) in [
        ("keeper", &["candour_keeper"][..]),
        ("migrator", &["candour_portal"]),
        ("portal", &["candour_portal"]),
        ("worker", &["candour_portal"]),
        ("room", &["candour_room", "candour_portal"]),
    ] {
        for database in databases {
            assert_eq!(
                reaches(name, database),
                own.contains(&database),
                "{name} at {database}"
            );
        }
    }
}
