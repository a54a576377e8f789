use candour_drill::bench::reference::settings;
use candour_embedded::cluster::{SUPERUSER, connect};
use candour_testkit::TestCluster;

#[tokio::test]
async fn nothing_is_measured_where_a_commit_does_not_wait_for_the_disk() {
    // The cluster of tests syncs nothing.
    let config = TestCluster::shared().config(SUPERUSER, "postgres");
    let client = connect(&config).await.unwrap();
    let refused = settings(&[("the keeper", client)]).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "fsync is off for the keeper: a figure without syncs is none. Nothing was measured."
    );
}
