//! What people see when it is over, asked for as they would: the status site, the practices' lists in the room, and
//! a told person's own page in the portal.

mod own_page;
mod room_lists;
mod status_site;

pub use own_page::{Expected as OwnPage, look as look_at_own_page, register, sign_in};
pub use room_lists::{Told, look as look_at_lists};
pub use status_site::{Numbers, look as look_at_status_site};

use crate::browser::plain;

/// What stands before a cell on a narrow screen: its column's name, which is no part of what it says.
const LABEL: &str = "<span class=\"label\" aria-hidden=\"true\">";

/// The cells of the rows of the tables in a piece of a page, as text; the name in front of a row is its first.
fn rows(piece: &str) -> Vec<Vec<String>> {
    piece
        .split("<tr")
        .skip(1)
        .map(|row| {
            row.split("<t")
                .filter(|cell| cell.starts_with('d') || cell.contains("scope=\"row\""))
                .filter_map(|cell| Some(text(said(cell.split_once('>')?.1.split("</t").next()?))))
                .collect::<Vec<_>>()
        })
        .filter(|cells| !cells.is_empty())
        .collect()
}

/// A cell without its label.
fn said(cell: &str) -> &str {
    let labelled = cell.strip_prefix(LABEL);
    let said = labelled.and_then(|rest| rest.split_once("</span>"));
    said.map_or(cell, |(_, said)| said)
}

/// The text of a piece of a page: tags out, entities undone, white space as one blank.
fn text(piece: &str) -> String {
    let mut out = String::with_capacity(piece.len());
    let mut is_tag = false;
    for character in piece.chars() {
        match character {
            '<' => {
                is_tag = true;
                out.push(' ');
            }
            '>' if is_tag => is_tag = false,
            _ if !is_tag => out.push(character),
            _ => {}
        }
    }
    let words: Vec<&str> = out.split_whitespace().collect();
    plain(&words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_read_as_its_reader_reads_it() {
        let page = "<table><tr><th scope=\"col\">Name</th></tr>\n<tr role=\"row\"><th scope=\"row\">Māia O&#39;Neill</th>\
            <td role=\"cell\"><span class=\"label\" aria-hidden=\"true\">Born</span>1 May <b>1980</b></td></tr></table>";
        assert_eq!(rows(page), [["Māia O'Neill", "1 May 1980"]]);
    }
}
