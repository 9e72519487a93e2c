//! Notes: a list in the session, safe to change from several tabs at once.

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use gsession_actix::{Session, SessionError};
use serde::{Deserialize, Serialize};

use super::{
    current_user::user,
    layout::{Layout, html},
};
use crate::{csrf, error::PageError, flash, redirect::see_other};

const KEY: &str = "notes";
const MAX_NOTES: usize = 20;
const MAX_CHARACTERS: usize = 200;

#[derive(Clone, Serialize, Deserialize)]
struct Note {
    id: u64,
    text: String,
}

#[derive(Template)]
#[template(path = "notes.html")]
struct NotesPage {
    layout: Layout,
    notes: Vec<Note>,
    max_notes: usize,
    max_characters: usize,
}

#[derive(Deserialize)]
pub(crate) struct AddForm {
    csrf: Option<String>,
    text: String,
}

#[derive(Deserialize)]
pub(crate) struct DeleteForm {
    csrf: Option<String>,
    id: u64,
}

/// Why a note was not added.
enum Unadded {
    Full,
    Session(SessionError),
}

impl From<SessionError> for Unadded {
    fn from(error: SessionError) -> Self {
        Self::Session(error)
    }
}

pub(crate) async fn show(session: Session) -> Result<HttpResponse, PageError> {
    user(&session, "/notes").await?;
    let layout = Layout::of("Notes", &session).await?;
    let notes = session.get_or(KEY, Vec::new()).await?;
    html(&NotesPage { layout, notes, max_notes: MAX_NOTES, max_characters: MAX_CHARACTERS })
}

pub(crate) async fn add(
    session: Session,
    request: HttpRequest,
    form: web::Form<AddForm>,
) -> Result<HttpResponse, PageError> {
    user(&session, "/notes").await?;
    csrf::check(&session, &request, form.csrf.as_deref()).await?;
    let text = form.text.trim();
    if text.is_empty() {
        flash::bad(&session, "A note needs some text.")?;
        return Ok(see_other("/notes"));
    }
    if text.chars().count() > MAX_CHARACTERS {
        flash::bad(&session, &format!("A note may have {MAX_CHARACTERS} characters at most. It was not kept."))?;
        return Ok(see_other("/notes"));
    }
    // Atomic: a note that another tab adds at the same time is not lost.
    let added = session.try_update(KEY, |notes: Option<Vec<Note>>| {
        let mut notes = notes.unwrap_or_default();
        if notes.len() >= MAX_NOTES {
            return Err(Unadded::Full);
        }
        let id = notes.iter().map(|note| note.id).max().unwrap_or(0) + 1;
        notes.push(Note { id, text: text.to_owned() });
        Ok(Some(notes))
    });
    match added.await {
        Ok(_) => flash::good(&session, "Noted.")?,
        Err(Unadded::Full) => {
            flash::bad(&session, &format!("Your session is full: it holds {MAX_NOTES} notes. Remove one first."))?;
        }
        Err(Unadded::Session(error)) => return Err(error.into()),
    }
    Ok(see_other("/notes"))
}

pub(crate) async fn delete(
    session: Session,
    request: HttpRequest,
    form: web::Form<DeleteForm>,
) -> Result<HttpResponse, PageError> {
    user(&session, "/notes").await?;
    csrf::check(&session, &request, form.csrf.as_deref()).await?;
    let mut removed = false;
    session
        .try_update(KEY, |notes: Option<Vec<Note>>| {
            let mut notes = notes.unwrap_or_default();
            let before = notes.len();
            notes.retain(|note| note.id != form.id);
            removed = notes.len() < before;
            // Without notes the entry is removed. If nothing was removed, nothing is stored.
            Ok::<_, SessionError>(Some(notes).filter(|notes| !notes.is_empty()))
        })
        .await?;
    flash::good(&session, if removed { "Removed." } else { "That note was gone already." })?;
    Ok(see_other("/notes"))
}
