//! The part of `cargo metadata` that the rules look at.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde_json::Value;

use crate::Stop;

/// One crate of the workspace.
#[derive(Debug, Default)]
pub struct Member {
    /// Crates it depends on by its own manifest, tests and build scripts left out.
    pub direct: BTreeSet<String>,
    /// Names of its binaries.
    pub binaries: BTreeSet<String>,
    folder: PathBuf,
}

/// Our crates by name, and what is linked into each.
#[derive(Debug, Default)]
pub struct Graph {
    /// Our crates.
    pub members: BTreeMap<String, Member>,
    /// For every package id: its name and the ids of what it links.
    links: BTreeMap<String, (String, Vec<String>)>,
}

impl Graph {
    /// Reads what `cargo metadata --format-version 1` wrote.
    pub fn read(metadata: &Value) -> Result<Self, Stop> {
        let ours: BTreeSet<&str> = list(metadata, "workspace_members")?
            .iter()
            .filter_map(Value::as_str)
            .collect();
        let mut names = BTreeMap::new();
        let mut graph = Self::default();
        for package in list(metadata, "packages")? {
            let (id, name) = (text(package, "id")?, text(package, "name")?);
            names.insert(id, name);
            if ours.contains(id) {
                graph.members.insert(name.to_owned(), member(package)?);
            }
        }
        let resolve = metadata
            .get("resolve")
            .ok_or("cargo metadata resolves nothing")?;
        for node in list(resolve, "nodes")? {
            let id = text(node, "id")?;
            let name = names.get(id).copied().unwrap_or(id);
            let mut linked = Vec::new();
            for dependency in list(node, "deps")? {
                if is_linked(dependency)? {
                    linked.push(text(dependency, "pkg")?.to_owned());
                }
            }
            graph.links.insert(id.to_owned(), (name.to_owned(), linked));
        }
        Ok(graph)
    }

    /// Everything that is linked into `name`, itself left out; tests and build scripts left out.
    pub fn linked(&self, name: &str) -> BTreeSet<String> {
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        let mut waiting: Vec<&str> = self
            .links
            .iter()
            .filter(|(_, (known, _))| known == name)
            .map(|(id, _)| id.as_str())
            .collect();
        while let Some(id) = waiting.pop() {
            for next in self
                .links
                .get(id)
                .map(|(_, next)| next)
                .into_iter()
                .flatten()
            {
                if seen.insert(next) {
                    waiting.push(next);
                }
            }
        }
        seen.into_iter()
            .filter_map(|id| self.links.get(id))
            .map(|(name, _)| name.clone())
            .collect()
    }

    /// Crates of others that are linked into `name`.
    pub fn linked_of_others(&self, name: &str) -> BTreeSet<String> {
        self.linked(name)
            .into_iter()
            .filter(|linked| !self.members.contains_key(linked))
            .collect()
    }

    /// Folders of our crates that are linked into `name`, itself included.
    pub fn linked_folders_of_ours(&self, name: &str) -> Vec<PathBuf> {
        let mut ours = self.linked(name);
        ours.insert(name.to_owned());
        ours.iter()
            .filter_map(|name| self.members.get(name))
            .map(|member| member.folder.clone())
            .collect()
    }
}

fn member(package: &Value) -> Result<Member, Stop> {
    let mut member = Member::default();
    for dependency in list(package, "dependencies")? {
        if dependency.get("kind").is_none_or(Value::is_null) {
            member.direct.insert(text(dependency, "name")?.to_owned());
        }
    }
    for target in list(package, "targets")? {
        if list(target, "kind")?.iter().any(|kind| kind == "bin") {
            member.binaries.insert(text(target, "name")?.to_owned());
        }
    }
    let manifest = PathBuf::from(text(package, "manifest_path")?);
    member.folder = manifest.parent().map(PathBuf::from).unwrap_or_default();
    Ok(member)
}

/// A dependency that tests or a build script alone have is not linked.
fn is_linked(dependency: &Value) -> Result<bool, Stop> {
    let kinds = list(dependency, "dep_kinds")?;
    Ok(kinds
        .iter()
        .any(|kind| kind.get("kind").is_none_or(Value::is_null)))
}

fn list<'a>(value: &'a Value, key: &str) -> Result<&'a Vec<Value>, Stop> {
    value
        .get(key)
        .and_then(Value::as_array)
        .ok_or_else(|| format!("cargo metadata has no list {key}"))
}

fn text<'a>(value: &'a Value, key: &str) -> Result<&'a str, Stop> {
    value
        .get(key)
        .and_then(Value::as_str)
        .ok_or_else(|| format!("cargo metadata has no text {key}"))
}
