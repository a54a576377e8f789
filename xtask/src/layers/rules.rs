//! The arrows of the design's section 10, each with the reason it is there.

use super::graph::Graph;

/// Our crate, and which of our crates it may depend on. A crate that is missing here is a fault.
const ARROWS: &[(&str, &[&str])] = &[
    ("candour-seal", &[]),
    ("candour-ledger", &[]),
    ("candour-verify", &["candour-ledger"]),
    ("candour-embedded", &[]),
    ("candour-rules", &["candour-seal"]),
    ("candour-keeper-wire", &["candour-seal", "candour-ledger"]),
    (
        "candour-keeper-api",
        &["candour-keeper-wire", "candour-seal"],
    ),
    (
        "candour-keeper",
        &[
            "candour-keeper-wire",
            "candour-rules",
            "candour-seal",
            "candour-ledger",
        ],
    ),
    ("candour-core", &["candour-seal"]),
    (
        "candour-store",
        &["candour-core", "candour-keeper-api", "candour-seal"],
    ),
    (
        "candour-app",
        &[
            "candour-store",
            "candour-core",
            "candour-keeper-api",
            "candour-seal",
        ],
    ),
    (
        // seal for its id types, store for the handle it is started with and that handle's error: no SQL.
        "candour-server",
        &[
            "candour-app",
            "candour-core",
            "candour-keeper-api",
            "candour-seal",
            "candour-store",
        ],
    ),
    (
        "candour-room",
        &[
            "candour-core",
            "candour-keeper-api",
            "candour-ledger",
            "candour-seal",
        ],
    ),
    (
        "candour",
        &[
            "candour-app",
            "candour-core",
            "candour-embedded",
            "candour-keeper-api",
            "candour-ledger",
            "candour-room",
            "candour-seal",
            "candour-server",
            "candour-store",
        ],
    ),
    (
        "candour-drill",
        &[
            "candour-app",
            "candour-core",
            "candour-embedded",
            "candour-keeper",
            "candour-keeper-api",
            "candour-ledger",
            "candour-room",
            "candour-rules",
            "candour-seal",
            "candour-server",
            "candour-store",
        ],
    ),
    (
        "candour-testkit",
        &[
            "candour-app",
            "candour-core",
            "candour-embedded",
            "candour-keeper",
            "candour-keeper-api",
            "candour-keeper-wire",
            "candour-ledger",
            "candour-room",
            "candour-rules",
            "candour-seal",
            "candour-server",
            "candour-store",
            "candour-verify",
        ],
    ),
    ("xtask", &[]),
];

/// A crate of others, and which of ours may name it.
const RESERVED: &[(&[&str], &[&str])] = &[
    // SQL. candour-embedded creates roles and databases and knows no table; the drill's bench measures PostgreSQL
    // itself beside what we make of it, and asks it whether it syncs.
    (
        &[
            "tokio-postgres",
            "postgres",
            "deadpool-postgres",
            "refinery",
            "sqlx",
            "diesel",
        ],
        &[
            "candour-store",
            "candour-keeper",
            "candour-room",
            "candour-testkit",
            "candour-embedded",
            "candour-drill",
        ],
    ),
    // HTTP. candour itself serves one page, of the demonstration's mailbox, on the loopback interface.
    (
        &["axum", "hyper", "warp", "actix-web"],
        &["candour-server", "candour-room", "candour-drill", "candour"],
    ),
];

/// Crates that take values and give values, and what would make them do more.
const PURE: &[&str] = &[
    "candour-seal",
    "candour-ledger",
    "candour-rules",
    "candour-core",
];
const IMPURE: &[&str] = &[
    "tokio",
    "async-std",
    "mio",
    "reqwest",
    "hyper",
    "tokio-postgres",
    "tempfile",
    "rustix",
    "socket2",
];

/// The only crates that may link the keeper: everything else asks it over its socket.
const KEEPERS_LINKERS: &[&str] = &["candour-keeper", "candour-testkit", "candour-drill"];

/// Attackers and decoys; a release of the product must not hold them.
const DECOYS: &[&str] = &["careless-portal", "open-keeper"];

/// Every rule that is broken, one sentence each.
pub fn broken(graph: &Graph) -> Vec<String> {
    let mut faults = Vec::new();
    for (name, member) in &graph.members {
        faults.extend(arrows(graph, name, &member.direct));
        faults.extend(reserved(name, &member.direct));
        faults.extend(reach(graph, name));
        let decoys = member
            .binaries
            .iter()
            .filter(|binary| DECOYS.contains(&binary.as_str()));
        faults.extend(
            decoys
                .filter(|_| name != "candour-drill")
                .map(|decoy| format!("{name} builds {decoy}; only the drill may")),
        );
    }
    faults
}

fn arrows<'a>(
    graph: &Graph,
    name: &str,
    direct: impl IntoIterator<Item = &'a String>,
) -> Vec<String> {
    let Some((_, allowed)) = ARROWS.iter().find(|(known, _)| *known == name) else {
        return vec![format!(
            "{name} has no place among the layers; give it one in xtask/src/layers/rules.rs"
        )];
    };
    direct
        .into_iter()
        .filter(|target| graph.members.contains_key(*target) && !allowed.contains(&target.as_str()))
        .map(|target| format!("{name} must not depend on {target}"))
        .collect()
}

fn reserved<'a>(name: &str, direct: impl IntoIterator<Item = &'a String>) -> Vec<String> {
    direct
        .into_iter()
        .filter(|target| {
            RESERVED
                .iter()
                .any(|(crates, users)| crates.contains(&target.as_str()) && !users.contains(&name))
        })
        .map(|target| format!("{name} must not use {target}"))
        .collect()
}

/// What arrives through others counts as well.
fn reach(graph: &Graph, name: &str) -> Vec<String> {
    let linked = graph.linked(name);
    let mut faults = Vec::new();
    if linked.contains("candour-keeper") && !KEEPERS_LINKERS.contains(&name) {
        faults.push(format!(
            "{name} links the keeper; it must ask it over its socket"
        ));
    }
    if linked.contains("candour-testkit") {
        faults.push(format!("{name} links the testkit outside its tests"));
    }
    if PURE.contains(&name) {
        let impure = linked
            .iter()
            .filter(|linked| IMPURE.contains(&linked.as_str()));
        faults.extend(impure.map(|impure| format!("{name} is to be pure and links {impure}")));
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// Metadata of a workspace with these crates; "(dev) name" is a dependency of tests only.
    fn workspace(crates: &[(&str, &[&str])]) -> Graph {
        let mut names: Vec<&str> = crates.iter().map(|(name, _)| *name).collect();
        for dependency in crates.iter().flat_map(|(_, dependencies)| *dependencies) {
            let name = dependency.trim_start_matches("(dev) ");
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let of = |name: &str| {
            crates
                .iter()
                .find(|(known, _)| *known == name)
                .map_or(&[] as &[&str], |(_, list)| *list)
        };
        let kind = |name: &str| {
            if name.starts_with("(dev) ") {
                json!("dev")
            } else {
                Value::Null
            }
        };
        let plain = |name: &str| name.trim_start_matches("(dev) ").to_owned();
        let packages: Vec<Value> = names
            .iter()
            .map(|name| {
                let dependencies: Vec<Value> = of(name)
                    .iter()
                    .map(|one| json!({"name": plain(one), "kind": kind(one)}))
                    .collect();
                json!({"id": name, "name": name, "manifest_path": format!("/{name}/Cargo.toml"),
                    "dependencies": dependencies, "targets": [{"name": name, "kind": ["bin"]}]})
            })
            .collect();
        let nodes: Vec<Value> = names
            .iter()
            .map(|name| {
                let dependencies: Vec<Value> = of(name)
                    .iter()
                    .map(|one| json!({"pkg": plain(one), "dep_kinds": [{"kind": kind(one)}]}))
                    .collect();
                json!({"id": name, "deps": dependencies})
            })
            .collect();
        let members: Vec<&str> = crates.iter().map(|(name, _)| *name).collect();
        Graph::read(&json!({"workspace_members": members, "packages": packages, "resolve": {"nodes": nodes}}))
            .unwrap()
    }

    fn faults(crates: &[(&str, &[&str])]) -> Vec<String> {
        broken(&workspace(crates))
    }

    #[test]
    fn a_workspace_in_its_layers_has_no_fault() {
        let crates: &[(&str, &[&str])] = &[
            ("candour-seal", &["aws-lc-rs"]),
            ("candour-keeper-wire", &["candour-seal", "tokio"]),
            (
                "candour-keeper",
                &[
                    "candour-keeper-wire",
                    "tokio-postgres",
                    "(dev) candour-testkit",
                ],
            ),
            ("candour-testkit", &["candour-keeper"]),
        ];
        assert_eq!(faults(crates), Vec::<String>::new());
    }

    #[test]
    fn sql_in_the_server_is_refused() {
        assert_eq!(
            faults(&[("candour-server", &["tokio-postgres"])]),
            ["candour-server must not use tokio-postgres"]
        );
    }

    #[test]
    fn http_in_the_keeper_is_refused() {
        assert_eq!(
            faults(&[("candour-keeper", &["axum"])]),
            ["candour-keeper must not use axum"]
        );
    }

    #[test]
    fn an_arrow_against_the_layers_is_refused() {
        let faults = faults(&[("candour-core", &["candour-store"]), ("candour-store", &[])]);
        assert_eq!(faults, ["candour-core must not depend on candour-store"]);
    }

    #[test]
    fn a_portal_that_links_the_keeper_is_refused_even_through_another_crate() {
        let faults = faults(&[
            ("candour-server", &["candour-app"]),
            ("candour-app", &["helper"]),
            ("candour-keeper", &[]),
            ("helper", &["candour-keeper"]),
        ]);
        assert!(faults.contains(
            &"candour-server links the keeper; it must ask it over its socket".to_owned()
        ));
        assert!(
            faults.contains(
                &"candour-app links the keeper; it must ask it over its socket".to_owned()
            )
        );
    }

    #[test]
    fn pure_rules_that_link_a_runtime_are_refused_even_through_another_crate() {
        let crates: &[(&str, &[&str])] = &[
            ("candour-rules", &["candour-seal"]),
            ("candour-seal", &["tokio"]),
        ];
        assert_eq!(
            faults(crates),
            [
                "candour-rules is to be pure and links tokio",
                "candour-seal is to be pure and links tokio"
            ]
        );
    }

    #[test]
    fn the_testkit_outside_tests_is_refused() {
        let faults = faults(&[
            ("candour-app", &["candour-testkit"]),
            ("candour-testkit", &[]),
        ]);
        assert!(faults.contains(&"candour-app links the testkit outside its tests".to_owned()));
    }

    #[test]
    fn a_crate_without_a_place_is_refused() {
        let faults = faults(&[("candour-misc", &[])]);
        assert!(
            faults.len() == 1 && faults[0].starts_with("candour-misc has no place"),
            "{faults:?}"
        );
    }

    #[test]
    fn a_decoy_outside_the_drill_is_refused() {
        let graph = workspace(&[("open-keeper", &[])]);
        assert!(
            broken(&graph)
                .contains(&"open-keeper builds open-keeper; only the drill may".to_owned())
        );
    }

    #[test]
    fn the_product_without_the_drill_is_what_the_rules_demand() {
        let faults = faults(&[("candour", &["candour-drill"]), ("candour-drill", &[])]);
        assert_eq!(faults, ["candour must not depend on candour-drill"]);
    }
}
