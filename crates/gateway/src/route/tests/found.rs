//! The most specific place owns a request, and nobody else answers it.

use http::header::HOST;
use http::{HeaderMap, Method, Request};

use super::{canonical, matching};
use crate::route::{Found, RequestHost, Routing};

/// A routing whose routes lead to their own text.
fn routing(routes: &[&'static str]) -> Routing<&'static str> {
    Routing::new(routes.iter().map(|text| (matching(text), *text)))
}

/// What `METHOD TARGET` at a host comes to, with fields beside it.
fn found(
    routing: &Routing<&'static str>,
    host: &str,
    asked: &str,
    fields: &[(&str, &str)],
) -> String {
    let (method, target) = asked.split_once(' ').expect("a method and a target");
    let mut request = Request::builder()
        .method(method)
        .uri(target)
        .header(HOST, host);
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    let (parts, ()) = request.body(()).expect(asked).into_parts();
    let host = RequestHost::of(&parts).expect("one host");
    let path = canonical(target);
    match routing.find(host.as_ref(), &path, &parts.method, &parts.headers) {
        Found::Route(route) => (*route).to_owned(),
        Found::Method(allow) => format!("405 {}", allow.to_str().expect("text")),
        other => format!("{other:?}"),
    }
}

#[track_caller]
fn assert_found(routes: &[&'static str], table: &[(&str, &str)]) {
    for rotation in 0..routes.len() {
        let mut routes = routes.to_vec();
        routes.rotate_left(rotation);
        let routing = routing(&routes);
        for (target, expected) in table {
            let asked = format!("GET {target}");
            assert_eq!(
                found(&routing, "a.test", &asked, &[]),
                *expected,
                "{target}"
            );
        }
    }
}

#[test]
fn the_longest_prefix_counts_in_whatever_order_they_are_written() {
    assert_found(
        &["* /*", "* /orders/*", "* /orders/admin/*", "* /o/*"],
        &[
            ("/", "* /*"),
            ("/orders", "* /orders/*"),
            ("/orders/", "* /orders/*"),
            ("/orders/7", "* /orders/*"),
            ("/orders2", "* /*"),
            ("/orders/admin", "* /orders/admin/*"),
            ("/orders/x/../admin/y", "* /orders/admin/*"),
            ("/orders/%61dmin", "* /orders/admin/*"),
            ("/orders/administrator", "* /orders/*"),
            ("/o/x", "* /o/*"),
        ],
    );
}

#[test]
fn a_literal_counts_before_a_parameter_and_is_walked_back_from() {
    assert_found(
        &[
            "* /users/{id}",
            "* /users/me",
            "* /users/{id}/keys/*",
            "* /users/me/photo",
            "* /{any}/x",
        ],
        &[
            ("/users/7", "* /users/{id}"),
            ("/users/me", "* /users/me"),
            ("/users/me/photo", "* /users/me/photo"),
            ("/users/me/keys/1", "* /users/{id}/keys/*"),
            ("/users/7/keys", "* /users/{id}/keys/*"),
            ("/users/x", "* /users/{id}"),
            ("/other/x", "* /{any}/x"),
            ("/users/7/photo", "Nowhere"),
            ("/users", "Nowhere"),
            ("/users/", "Nowhere"),
            ("/", "Nowhere"),
        ],
    );
}

#[test]
fn the_slash_at_the_end_is_guarded_like_the_path_without_it() {
    assert_found(
        &["* /*", "* /admin", "* /users/{id}"],
        &[
            ("/admin", "* /admin"),
            ("/admin/", "* /admin"),
            ("/admin//", "* /admin"),
            ("/admin/.", "* /admin"),
            ("/admin/x/..", "* /admin"),
            ("/users/7/", "* /users/{id}"),
            ("/admin/x", "* /*"),
            ("/users/", "* /*"),
        ],
    );
}

#[test]
fn a_literal_is_found_however_it_is_encoded() {
    assert_found(
        &["* /*", "* /v1:admin", "* /a%20b/*"],
        &[
            ("/v1:admin", "* /v1:admin"),
            ("/v1%3Aadmin", "* /v1:admin"),
            ("/v1%3aadmin", "* /v1:admin"),
            ("/%761:admin", "* /v1:admin"),
            ("/a%20b/c", "* /a%20b/*"),
            ("/a+b", "* /*"),
        ],
    );
}

#[test]
fn a_path_that_servers_read_in_two_ways_leads_nowhere() {
    assert_found(
        &[
            "* /*",
            "* /admin/*",
            "* /v1:admin",
            "* /users/{id}",
            "* /users/{id}/{key}",
        ],
        &[
            ("/admin;a=1", "Unclear"),
            ("/admin%3Bx", "Unclear"),
            ("/admin%3Fx", "Unclear"),
            ("/admin%23x/y", "Unclear"),
            ("/v1%253Aadmin", "Unclear"),
            // Served as `/users`, by those who end the path there, and as a user by others.
            ("/users/%3Fx", "Unclear"),
            ("/users/7%3Fx/8", "Unclear"),
            // All read these alike.
            ("/admin/x;a=1", "* /admin/*"),
            ("/admin/x%3Fy/z", "* /admin/*"),
            ("/users/7;a=1", "* /users/{id}"),
            ("/users/7%3Fx", "* /users/{id}"),
            ("/other;a=1", "* /*"),
            ("/caf%C3%A9/100%25", "* /*"),
        ],
    );
}

#[test]
fn parameters_behind_a_name_that_nothing_else_holds_are_the_names() {
    assert_found(
        &["* /orders/*", "* /users/{id}", "* /x/a"],
        &[
            ("/orders;v=1", "* /orders/*"),
            ("/orders;v=1/7", "* /orders/*"),
            ("/orders%3Fx/7", "* /orders/*"),
            ("/x/a;v", "* /x/a"),
            ("/x/a%3Fv", "* /x/a"),
            ("/x;v/a;v", "* /x/a"),
            ("/users;v", "Nowhere"),
            ("/users/%3Fx", "Unclear"),
            ("/x/a%3Fv/b", "Unclear"),
            ("/x%3Fv/a", "Unclear"),
        ],
    );
}

#[test]
fn a_field_that_the_upstream_reads_otherwise_tells_no_routes_apart() {
    let routing = routing(&["* /a GET x-mode=full", "* /a"]);
    let found = |fields: &[(&str, &str)]| found(&routing, "a.test", "GET /a", fields);
    assert_eq!(found(&[("x-mode", "full")]), "* /a GET x-mode=full");
    assert_eq!(found(&[]), "* /a");
    for fields in [
        &[("x_mode", "full")][..],
        &[("x-mode", "none"), ("x_mode", "full")],
        &[("x-mode", "full"), ("connection", "x-mode")],
    ] {
        assert_eq!(found(fields), "Unclear", "{fields:?}");
    }
}

#[test]
fn the_most_specific_host_owns_a_request() {
    let routing = routing(&[
        "* /*",
        "* /status",
        "api.test /v1/*",
        "*.test /*",
        "*.eu.test /eu",
        "[::1] /six",
    ]);
    for (host, target, expected) in [
        ("api.test", "/v1/x", "api.test /v1/*"),
        ("API.test.:8080", "/v1/x", "api.test /v1/*"),
        ("api.test", "/status", "Nowhere"),
        ("www.test", "/v1/x", "*.test /*"),
        ("a.b.test", "/status", "*.test /*"),
        ("a.eu.test", "/eu", "*.eu.test /eu"),
        ("b.a.eu.test", "/", "Nowhere"),
        ("eu.test", "/eu", "*.test /*"),
        ("test", "/status", "* /status"),
        ("xtest", "/x", "* /*"),
        ("[0::1]:80", "/six", "[::1] /six"),
    ] {
        let asked = format!("GET {target}");
        assert_eq!(
            found(&routing, host, &asked, &[]),
            expected,
            "{host}{target}"
        );
    }
    let find = |host: Option<&RequestHost<'_>>| {
        let found = routing.find(host, &canonical("/x"), &Method::GET, &HeaderMap::new());
        format!("{found:?}")
    };
    assert_eq!(find(None), "Route(\"* /*\")");
}

#[test]
fn no_request_falls_through_to_a_less_specific_place() {
    let routing = routing(&[
        "* /*",
        "* /admin POST",
        "* /admin PUT,GET x-version=2",
        "* /users/{id} GET",
        "* /{any}/me DELETE",
    ]);
    for (asked, version, expected) in [
        ("POST /admin", "", "* /admin POST"),
        ("PUT /admin", "2", "* /admin PUT,GET x-version=2"),
        ("HEAD /admin", "2", "* /admin PUT,GET x-version=2"),
        ("GET /admin", "1", "Condition"),
        ("GET /admin", "", "Condition"),
        ("DELETE /admin", "2", "405 PUT, GET, HEAD, POST"),
        ("get /admin", "2", "405 PUT, GET, HEAD, POST"),
        ("OPTIONS /admin/", "", "405 PUT, GET, HEAD, POST"),
        ("DELETE /users/me", "", "405 GET, HEAD"),
        ("DELETE /other/me", "", "* /{any}/me DELETE"),
        ("DELETE /admin/x", "", "* /*"),
    ] {
        let fields = [("x-version", version)];
        let fields = if version.is_empty() { &[][..] } else { &fields };
        assert_eq!(
            found(&routing, "a", asked, fields),
            expected,
            "{asked} {version}"
        );
    }
}

#[test]
fn of_one_place_methods_count_before_conditions_and_more_of_these_before_fewer() {
    let routing = routing(&[
        "* /a",
        "* /a - v=1",
        "* /a GET",
        "* /a GET v=1",
        "* /a GET v=1 w",
        "* /a POST v=2",
    ]);
    for (asked, fields, expected) in [
        ("GET /a", &[("v", "1"), ("w", "x")][..], "* /a GET v=1 w"),
        ("GET /a", &[("v", "1")], "* /a GET v=1"),
        ("GET /a", &[("v", "3")], "* /a GET"),
        ("POST /a", &[("v", "2")], "* /a POST v=2"),
        ("POST /a", &[("v", "1")], "* /a - v=1"),
        ("POST /a", &[], "* /a"),
    ] {
        assert_eq!(
            found(&routing, "a", asked, fields),
            expected,
            "{asked} {fields:?}"
        );
    }
}
