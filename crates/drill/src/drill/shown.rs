//! What people see when it is over, asked for as they would: the status site, the practices' lists in the room, and
//! a told person's own page in the portal.

mod own_page;
mod room_lists;
mod status_site;

pub use own_page::{Expected as OwnPage, look as look_at_own_page, register, sign_in};
pub use room_lists::{Told, look as look_at_lists};
pub use status_site::{Numbers, look as look_at_status_site};

use crate::browser::plain;

/// The cells of the rows of the tables in a piece of a page, as text.
fn rows(piece: &str) -> Vec<Vec<String>> {
    piece
        .split("<tr>")
        .skip(1)
        .map(|row| {
            row.split("<td")
                .skip(1)
                .filter_map(|cell| Some(text(cell.split_once('>')?.1.split("</td>").next()?)))
                .collect::<Vec<_>>()
        })
        .filter(|cells| !cells.is_empty())
        .collect()
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
        let page = "<table><tr><th>Name</th></tr>\n<tr><td>Māia O&#39;Neill</td><td class=\"x\">1 May <b>1980</b></td></tr></table>";
        assert_eq!(rows(page), [["Māia O'Neill", "1 May 1980"]]);
    }
}
