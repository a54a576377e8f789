//! A practice's list over the room's own pages, while versions of it come and are approved.

use crate::approved::{approve, case, desk, document, put, step, told};
use crate::browser::{Browser, officer, served};
use crate::support::{Row, append};
use crate::world::world;
use candour_seal::PatientId;

/// Who stands on a list's page, by number.
fn people(page: &str) -> Vec<u8> {
    let stands = |number: &u8| page.contains(&PatientId::from_bytes([*number; 16]).to_string());
    (1..=3).filter(stands).collect()
}

const CHECKED: &str = "A newer version of this list is being checked.";

#[tokio::test]
async fn a_practice_keeps_its_list_while_a_newer_version_waits_and_sees_nobody_who_was_not_approved()
 {
    let world = world().await;
    let served = served(&world).await;
    let case = case(&served).await;
    put(
        &served,
        &world,
        case,
        1,
        &[(1, "confirmed"), (3, "confirmed")],
    )
    .await;
    let (desk, list) = desk(&served, &world, case).await;
    let page = desk.get(&list).await;
    assert!(
        page.starts_with("HTTP/1.1 404"),
        "nobody approved it: {page}"
    );
    approve(&served, case).await;
    let page = desk.get(&list).await;
    assert_eq!(people(&page), [1, 3], "{page}");
    assert!(!page.contains(CHECKED), "{page}");

    // A first byte is reported late: the scope has a new version, and the register does not follow it yet.
    append(&served.room.pool, &[Row::delivered(1, 10)]).await;
    step(&served).await;
    let page = desk.get(&list).await;
    assert_eq!(people(&page), [1, 3], "{page}");
    assert!(page.contains(CHECKED), "{page}");

    // Now it does: somebody came in, somebody was never shown anything, and of somebody more was seen.
    let changed = [(1, "confirmed"), (2, "confirmed"), (3, "cleared")];
    put(&served, &world, case, 2, &changed).await;
    let one = [1; 16];
    let practice = world.practice.as_bytes().as_slice();
    document(&served, case.as_bytes(), &one, practice, 9).await;
    step(&served).await;
    let page = desk.get(&list).await;
    assert_eq!(people(&page), [1], "{page}");
    assert!(page.contains(CHECKED), "{page}");
    assert!(page.contains("One document</td>"), "{page}");
    let cases = desk.get("/desk").await;
    assert!(cases.contains("1 of your patients"), "{cases}");
    assert!(told(&desk, &list, 2).await.starts_with("HTTP/1.1 404"));
    assert!(told(&desk, &list, 3).await.starts_with("HTTP/1.1 404"));
    assert!(told(&desk, &list, 1).await.starts_with("HTTP/1.1 303"));
    let page = desk.get(&list).await;
    assert!(page.contains("The practice wrote it down."), "{page}");

    approve(&served, case).await;
    let page = desk.get(&list).await;
    assert_eq!(people(&page), [1, 2], "{page}");
    assert!(page.contains("2 documents</td>"), "{page}");
    assert!(!page.contains(CHECKED), "{page}");
}

#[tokio::test]
async fn officers_see_apart_who_is_on_no_approved_list_and_write_down_of_nobody_of_them_that_they_were_told()
 {
    let world = world().await;
    let served = served(&world).await;
    let case = case(&served).await;
    put(&served, &world, case, 1, &[(1, "confirmed")]).await;
    approve(&served, case).await;
    append(&served.room.pool, &[Row::delivered(1, 10)]).await;
    step(&served).await;
    put(
        &served,
        &world,
        case,
        2,
        &[(1, "confirmed"), (2, "confirmed")],
    )
    .await;
    let officer = Browser {
        room: served.at,
        cookie: officer(&world).await,
    };
    let list = format!("/incidents/{case}/practices/{}", world.practice);
    let page = officer.get(&list).await;
    assert!(page.contains("Not approved yet"), "{page}");
    assert_eq!(people(&page), [1], "only they have a form: {page}");
    assert!(told(&officer, &list, 2).await.starts_with("HTTP/1.1 404"));
    assert!(told(&officer, &list, 1).await.starts_with("HTTP/1.1 303"));
    let page = officer.get(&format!("/incidents/{case}/register")).await;
    let says = "2 of their patients, 0 still to ring, 1 told in person, by phone or by letter, 1 not approved yet";
    assert!(page.contains(says), "{page}");
}
