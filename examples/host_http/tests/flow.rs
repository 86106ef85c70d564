//! One request, all the way, on each store.

mod common;

use common::{DELETE, Folder, call, config, delete, stores, use_of};
use countersign_host::start;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn approved_request_runs_once_and_survives_a_restart() {
    let folder = Folder::new();
    for store in stores(&folder).await {
        let running = start(&config(&folder.0, &store)).await.unwrap();
        let at = running.address;
        let (status, asked) = call(at, "ana", "/v1/requests", Some(delete())).await;
        assert_eq!((status, &asked["effect"]), (200, &json!("review")), "{asked}");
        let review = asked["review"].as_str().unwrap();
        let vote = format!("/v1/reviews/{review}/votes");

        let approve = || Some(json!({ "approve": true, "comment": "looks right" }));
        assert_eq!(call(at, "ana", &vote, approve()).await.0, 403);
        let (status, first) = call(at, "bo", &vote, approve()).await;
        assert_eq!((status, &first["effect"]), (200, &json!("review")), "{first}");
        running.stop().await.unwrap();

        let running = start(&config(&folder.0, &store)).await.unwrap();
        let at = running.address;
        let (status, second) = call(at, "cy", &vote, approve()).await;
        assert_eq!((status, &second["effect"]), (200, &json!("allow")), "{second}");
        let path = format!("/v1/reviews/{review}/grant");
        assert_eq!(call(at, "bo", &path, Some(json!({}))).await.0, 403);
        let grant = call(at, "ana", &path, Some(json!({}))).await.1["grant"].as_str().unwrap().to_owned();
        let again = call(at, "ana", &path, Some(json!({}))).await.1["grant"].as_str().unwrap().to_owned();
        assert_eq!(grant, again);

        let (status, used) = call(at, "ana", "/v1/redeem", Some(use_of(&grant))).await;
        assert_eq!((status, &used["run"]), (200, &json!(DELETE)), "{used}");
        assert_eq!(call(at, "ana", "/v1/redeem", Some(use_of(&grant))).await.0, 403);
        assert!(running.host.store().rebuild().await.unwrap());
        running.stop().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_and_bad_bodies_are_refused_and_leave_no_record() {
    let folder = Folder::new();
    let store = folder.0.join("host.db").display().to_string();
    let running = start(&config(&folder.0, &store)).await.unwrap();
    let at = running.address;
    let size = running.host.head().size();
    assert_eq!(call(at, "nobody", "/v1/requests", Some(delete())).await.0, 401);
    assert_eq!(call(at, "ana", "/v1/requests", Some(json!([]))).await.0, 400);
    assert_eq!(call(at, "ana", "/v1/requests", Some(json!("x".repeat(2 << 20)))).await.0, 413);
    assert_eq!(call(at, "bo", "/v1/reviews/unknown/votes", Some(json!({ "approve": true }))).await.0, 404);
    assert_eq!(call(at, "ana", "/v1/redeem", Some(use_of("forged"))).await.0, 403);
    assert_eq!(running.host.head().size(), size);
    running.stop().await.unwrap();
}
