//! What of a section somebody sees: what is there, less what the patient keeps from them and the policies leave out.

use super::{Ask, Found, question};
use crate::decision::{Action, Relation};
use crate::draft::Draft;
use crate::erasure::Erasures;
use crate::items::{ItemRow, SectionItem};
use crate::ledger::Refusal;
use crate::merges::Records;
use crate::recall::Recalls;
use crate::sharing::Rules;
use candour_keeper_wire::wire::SectionScope;
use candour_keeper_wire::words::{ItemKind, Section};
use candour_rules::decision::{Lane, Touch};
use candour_seal::{Digester, PracticeId};
use prost::Message;
use std::collections::HashMap;

/// Notes what of the section there is for this session.
pub(super) async fn show(
    ask: &Ask<'_>,
    found: &mut Found,
    records: &Records,
) -> Result<(), Refusal> {
    let facts = &records.facts;
    let items = ask
        .core
        .items
        .section(facts.subject(), found.section)
        .await?;
    let only = ask.caller.sees_only(found.limit);
    let (erased, rules) = (Erasures::of(&records.facts), rules_of(ask, records, only));
    let recalled = Recalls::of(ask.core, items.iter().map(|item| &*item.row)).await?;
    let there = items
        .iter()
        .filter(|item| item.visible_from < ask.as_of && !erased.cover(&item.row));
    for item in there {
        if recalled.cover(&item.row) {
            // What is left is named: it may be put back before somebody asks what this opening covered.
            found.is_by_rules = true;
            continue;
        }
        let is_of_others = rules.is_of_others(&item.row);
        let is_visible = is_visible(&rules, &item.row);
        found.is_by_rules |= is_visible == is_of_others;
        if is_visible {
            found.visible.push(item.clone());
        }
    }
    Ok(())
}

/// Whether an item is not kept from the session, and its practice's own or shared with it.
pub(in crate::calls::open) fn is_visible(rules: &Rules<'_>, item: &ItemRow) -> bool {
    !rules.hide(item) && (!rules.is_of_others(item) || rules.share(item))
}

/// How the session stands to one item, by the patient's own rules too.
pub(super) fn by_rules(
    ask: &Ask<'_>,
    found: &Found,
    records: &Records,
    item: &ItemRow,
) -> Relation {
    let rules = rules_of(ask, records, ask.caller.sees_only(found.limit));
    match found.relation {
        _ if rules.hide(item) => Relation::Stranger,
        Relation::Enrolled if rules.share(item) => Relation::Shared,
        other => other,
    }
}

/// The patient's rules that concern the session, by these facts.
pub(in crate::calls::open) fn rules_of<'a>(
    ask: &Ask<'_>,
    records: &'a Records,
    only: Option<PracticeId>,
) -> Rules<'a> {
    let is_emergency = ask.lane == Lane::Emergency;
    Rules::of(records, ask.caller, only, is_emergency)
}

/// Leaves out what the policies do not let this viewer see; answers the sets of tags left out of what the viewer's own
/// practice put in.
pub(super) fn hide(ask: &Ask<'_>, found: &mut Found) -> Vec<u32> {
    let only = ask.caller.sees_only(found.limit);
    let mut decided: HashMap<(u8, bool), bool> = HashMap::new();
    let mut hidden = Vec::new();
    let mut shown = Vec::with_capacity(found.visible.len());
    for item in std::mem::take(&mut found.visible) {
        let tags = item.row.new.tags;
        let is_shared = only.is_some_and(|own| item.row.new.practice != own);
        let is_shown = *decided.entry((tags, is_shared)).or_insert_with(|| {
            let mut asked = question(ask, found, tags);
            if is_shared {
                asked.relation = Relation::Shared;
            }
            if found.section == Section::Notices {
                // A message is in its section for whoever may open it alone.
                asked.action = Action::OpenItem(ItemKind::Notice);
            }
            let decision = ask.core.policy.decide(&asked);
            if !decision.is_allowed && !is_shared {
                hidden.push(u32::from(tags));
            }
            decision.is_allowed
        });
        if is_shown {
            shown.push(item);
        }
    }
    found.visible = shown;
    hidden
}

/// Writes in a draft which items of the section it releases, so that they can be named later.
pub(super) fn describe(ask: &Ask<'_>, found: &Found, hidden: &[u32], draft: &mut Draft) {
    let keys = &ask.core.keys;
    let only = ask.caller.sees_only(found.limit);
    let mut ids: Vec<[u8; 16]> = found
        .visible
        .iter()
        .map(|item| *keys.item_id(item.row.new.item).as_bytes())
        .collect();
    ids.sort_unstable();
    let mut digester = Digester::new();
    for id in &ids {
        digester.push(id);
    }
    draft.body.count = u32::try_from(ids.len()).unwrap_or(u32::MAX);
    draft.body.items_digest = digester.finish().as_bytes().to_vec();
    let practice = only.map(|id| id.as_bytes().to_vec()).unwrap_or_default();
    // What several practices put in has no one source.
    let is_of_others = |item: &SectionItem| only.is_some_and(|own| item.row.new.practice != own);
    if !found.visible.iter().any(is_of_others) {
        draft.body.source_practice.clone_from(&practice);
    }
    let named = if found.is_by_rules {
        ids.iter().map(|id| id.to_vec()).collect()
    } else {
        Vec::new()
    };
    draft.body.details = SectionScope {
        as_of: ask.as_of,
        practice,
        hidden_tags: hidden.to_vec(),
        is_by_rules: found.is_by_rules,
        items: named,
    }
    .encode_to_vec();
}

/// What kind of items a section holds.
pub(super) fn kind_of(section: Section) -> ItemKind {
    match section {
        Section::Identity => ItemKind::Identity,
        Section::Contact => ItemKind::Contact,
        Section::Notices => ItemKind::Notice,
        Section::None => ItemKind::Document,
        _ => ItemKind::Segment,
    }
}

/// What opening a section counts as.
pub(super) fn touch_of(section: Section) -> Touch {
    match section {
        Section::Shelf | Section::Identity | Section::Contact => Touch::Listed,
        _ => Touch::Opened,
    }
}
