//! What somebody who acts for a child keeps of the child's record from others.

use super::rule::{From, RuleForm, asked_keep, begin_keep};
use super::{AnswerForm, EndForm, Note, Own, RuleView, Views, act, answered, own, said};
use crate::error::Problem;
use crate::frame::Frame;
use crate::portal::Portal;
use crate::reading::{Reading, Relation, banner};
use crate::respond;
use crate::session::Visitor;
use askama::Template;
use axum::Form;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use candour_app::{Refusal, sharing};

/// The list.
#[derive(Template)]
#[template(path = "sharing/charge.html")]
pub struct ChargePage {
    /// Around it.
    pub frame: Frame,
    /// Key of a sentence on top.
    pub note: Option<&'static str>,
    /// Below which address it stands.
    pub base: String,
    /// What is kept from somebody.
    pub kept: Vec<RuleView>,
    /// More can be kept: the patient is still a child.
    pub may_keep: bool,
}

/// The record of a child, to whoever acts for all of it.
async fn charge(
    portal: &Portal,
    visitor: Visitor,
    patient: &str,
) -> Result<(Reading, Own), Problem> {
    let reading = Reading::of(portal, visitor, patient).await?;
    if reading.relation != Relation::Proxy {
        // On the ledger like any other try. One's own record has these pages elsewhere.
        let (_, _undelivered) = reading.identity(portal).await?;
        let own = own(portal, &reading.visitor).await?;
        return Ok((reading, own));
    }
    let (token, network) = (reading.visitor.signed_in()?, &reading.visitor.network);
    let of = Some(reading.patient);
    let own = Own {
        patient: reading.patient,
        sharing: sharing::sharing(portal.app(), token, network, of).await?,
        base: reading.path("/sharing"),
        is_viewers: false,
    };
    Ok((reading, own))
}

/// `GET /patients/{patient}/sharing`.
pub async fn show(
    State(portal): State<Portal>,
    visitor: Visitor,
    Path(patient): Path<String>,
    Query(Note { note }): Query<Note>,
) -> Result<Response, Problem> {
    let (reading, own) = charge(&portal, visitor, &patient).await?;
    if own.is_viewers {
        return Ok(respond::to(&own.base));
    }
    let (identity, first_byte) = reading.identity(&portal).await?;
    let frame = reading.frame(&portal, "charge.title", None).await;
    let around = banner(frame.texts(), identity.as_ref());
    let frame = frame.about(around);
    let view = Views {
        texts: frame.texts(),
        zone: &portal.settings().zone,
    };
    let page = ChargePage {
        note: said(note.as_deref()),
        base: own.base,
        kept: own
            .sharing
            .rules
            .iter()
            .map(|rule| view.rule(rule))
            .collect(),
        may_keep: own.sharing.may_keep,
        frame,
    };
    respond::opened(&page, first_byte)
}

/// `POST /patients/{patient}/sharing`: asks for the answer that letting it be seen again needs.
pub async fn end(
    State(portal): State<Portal>,
    visitor: Visitor,
    Path(patient): Path<String>,
    Form(form): Form<EndForm>,
) -> Result<Response, Problem> {
    let (reading, own) = charge(&portal, visitor, &patient).await?;
    let (app, token) = (portal.app(), reading.visitor.signed_in()?);
    match sharing::end(app, token, own.patient, form.rule, false).await {
        Ok(ceremony) => act(&portal, &reading.visitor, &own.base, ceremony, false).await,
        // It ended meanwhile.
        Err(Refusal::NotFound) => Ok(respond::to(&own.base)),
        Err(refusal) => Err(refusal.into()),
    }
}

/// `GET /patients/{patient}/sharing/keep`.
pub async fn ask(
    State(portal): State<Portal>,
    visitor: Visitor,
    Path(patient): Path<String>,
    Query(from): Query<From>,
) -> Result<Response, Problem> {
    let (reading, own) = charge(&portal, visitor, &patient).await?;
    begin_keep(&portal, &reading.visitor, &own, from).await
}

/// `POST /patients/{patient}/sharing/keep`: asks for the answer that it needs.
pub async fn keep(
    State(portal): State<Portal>,
    visitor: Visitor,
    Path(patient): Path<String>,
    Form(given): Form<RuleForm>,
) -> Result<Response, Problem> {
    let (reading, own) = charge(&portal, visitor, &patient).await?;
    asked_keep(&portal, &reading.visitor, &own, given).await
}

/// `POST /patients/{patient}/sharing/act`.
pub async fn answer(
    State(portal): State<Portal>,
    visitor: Visitor,
    Path(patient): Path<String>,
    Form(form): Form<AnswerForm>,
) -> Result<Response, Problem> {
    let (reading, own) = charge(&portal, visitor, &patient).await?;
    answered(&portal, &reading.visitor, &own.base, form).await
}
