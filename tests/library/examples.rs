use portcullis_examples::{Options, axum_router, hyper_service, order_book};
use tokio::sync::oneshot;

use crate::get;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_axum_router_serves_what_its_documentation_says() {
    let (started, told) = oneshot::channel();
    let (stop, stopped) = oneshot::channel::<()>();
    let running = tokio::spawn(async move {
        let told = |start| drop(started.send(start));
        let options = Options { port: 0, dir: None };
        axum_router::run(&options, told, async { drop(stopped.await) }).await
    });
    let start = told.await.expect("started");
    let status = async |path: &'static str| get(start.address, path, &start.token).await.status;
    assert_eq!(status("/orders").await, 200);
    assert_eq!(get(start.address, "/orders", "nonsense").await.status, 401);
    assert_eq!(get(start.address, "/healthz", "nonsense").await.status, 200);
    let address = start.address;
    let token = start.token.clone();
    let refund = tokio::task::spawn_blocking(move || {
        let head = format!(
            "POST /refunds HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 0\r\n\
             authorization: Bearer {token}\r\n\r\n"
        );
        portcullis_tests::send(address, head.as_bytes())
    });
    assert_eq!(refund.await.expect("answered").status, 403);
    drop(stop);
    running.await.expect("a task").expect("an orderly end");
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address");
    let port = address.port();
    let ended = axum_router::run(&Options { port, dir: None }, drop, async {}).await;
    let told = ended.expect_err("taken").to_string();
    assert!(told.contains(&address.to_string()), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_hyper_service_serves_what_its_documentation_says() {
    let (started, told) = oneshot::channel();
    let (stop, stopped) = oneshot::channel::<()>();
    let running = tokio::spawn(async move {
        let told = |start| drop(started.send(start));
        let options = Options { port: 0, dir: None };
        hyper_service::run(&options, told, async { drop(stopped.await) }).await
    });
    let start = told.await.expect("started");
    assert_eq!(get(start.address, "/", &start.token).await.status, 200);
    assert_eq!(get(start.address, "/", "nonsense").await.status, 401);
    drop(stop);
    running.await.expect("a task").expect("an orderly end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_order_book_serves_what_its_documentation_says() {
    let (started, told) = oneshot::channel();
    let (stop, stopped) = oneshot::channel::<()>();
    let running = tokio::spawn(async move {
        let told = |start| drop(started.send(start));
        let options = Options { port: 0, dir: None };
        order_book::run(&options, told, async { drop(stopped.await) }).await
    });
    let start = told.await.expect("started");
    assert_eq!(
        get(start.address, "/orders", &start.token).await.status,
        200
    );
    assert_eq!(get(start.address, "/orders", "nonsense").await.status, 401);
    let count = get(start.address, "/orders/count", &start.token).await;
    assert_eq!(count.body, "0 orders, 0 of them yours\n");
    drop(stop);
    running.await.expect("a task").expect("an orderly end");
}
