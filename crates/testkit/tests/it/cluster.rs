use candour_embedded::cluster::{connect, roles};
use candour_testkit::cluster::Migrated;
use candour_testkit::{Template, TestCluster};
use tokio_postgres::Config;

fn migrate(config: Config) -> Migrated {
    Box::pin(async move {
        let client = connect(&config).await?;
        client
            .batch_execute(
                "create table letter (id int primary key, body text); \
                 insert into letter values (1, 'first'); grant select, insert on letter to candour_portal",
            )
            .await?;
        Ok(())
    })
}

const LETTERS: Template = Template {
    name: "testkit_letters",
    owner: roles::MIGRATOR,
    guests: &[roles::PORTAL],
    migrate,
};

#[tokio::test]
async fn two_tests_do_not_see_each_others_rows() {
    let cluster = TestCluster::shared();
    let (one, other) = tokio::join!(cluster.database(&LETTERS), cluster.database(&LETTERS));
    let writer = connect(&one.config()).await.unwrap();
    writer
        .execute("insert into letter values (2, 'second')", &[])
        .await
        .unwrap();
    let reader = connect(&other.config()).await.unwrap();
    let count = reader
        .query_one("select count(*) from letter", &[])
        .await
        .unwrap();
    assert_eq!(count.get::<_, i64>(0), 1);
}

#[tokio::test]
async fn a_role_that_was_not_invited_cannot_connect() {
    let database = TestCluster::shared().database(&LETTERS).await;
    let refused = connect(&database.config_as(roles::KEEPER))
        .await
        .unwrap_err();
    assert!(
        refused
            .as_db_error()
            .unwrap()
            .message()
            .contains("permission denied for database")
    );
}

#[tokio::test]
async fn an_invited_role_has_the_rights_of_the_migration_and_no_more() {
    let database = TestCluster::shared().database(&LETTERS).await;
    let portal = connect(&database.config_as(roles::PORTAL)).await.unwrap();
    portal
        .execute("insert into letter values (3, 'third')", &[])
        .await
        .unwrap();
    let refused = portal.execute("delete from letter", &[]).await.unwrap_err();
    assert!(
        refused
            .as_db_error()
            .unwrap()
            .message()
            .contains("permission denied")
    );
    let refused = portal
        .execute("create table more (id int)", &[])
        .await
        .unwrap_err();
    assert!(
        refused
            .as_db_error()
            .unwrap()
            .message()
            .contains("permission denied")
    );
}

#[tokio::test]
async fn a_database_goes_with_its_value() {
    let cluster = TestCluster::shared();
    let database = cluster.empty_database(roles::KEEPER, &[]).await;
    let config = database.config();
    let held = connect(&config).await.unwrap();
    drop(database);
    assert!(connect(&config).await.is_err());
    drop(held);
}
