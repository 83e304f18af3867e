//! A collector in TLS.

use portcullis_tests::{Gateway, Place, eventually, get_with};

use super::World;
use super::collector::Collector;
use crate::PROGRAM;
use crate::tls::free_address;
use crate::tls::made::authority;

#[test]
fn a_collector_in_tls_must_be_who_it_is_said_to_be() {
    let (ca, collector, of_front) = (authority(), Collector::start(), Collector::start());
    // TLS ends at a gateway in front of it.
    let (place, address) = (Place::new(PROGRAM), free_address());
    ca.issue(&["127.0.0.1"]).write(&place, "a");
    let _front = Gateway::start(
        &place,
        &format!(
            "[[upstreams]]\nname = \"collector\"\nurl = \"http://{}\"\nprotocol = \"http2\"\n\
             [[routes]]\nname = \"all\"\nprefix = \"/\"\nauth = \"open\"\nupstream = \"collector\"\n\
             [tls]\nlisten = \"{address}\"\n[[tls.certificates]]\ncertificate = \"a.pem\"\n\
             key = \"a.key\"\n[trace.otlp]\nendpoint = \"http://{}\"\ndelay = \"20ms\"\n",
            collector.address, of_front.address
        ),
    );
    for (roots, is_trusted) in [(&authority(), false), (&ca, true)] {
        let endpoint = format!("https://{address}");
        let table = "roots = \"roots.pem\"";
        let world = World::start_with_file(&endpoint, table, "roots.pem", &roots.pem);
        let answer = get_with(world.gateway.address, "/orders", &world.fields(""));
        assert_eq!(answer.status, 200);
        if is_trusted {
            collector.wait_for(2);
            // Its own spans say in what it was asked.
            eventually("they arrive", || !of_front.spans().is_empty());
            for span in of_front.spans().iter().filter(|span| span.kind == 2) {
                assert_eq!(span.of_name("tls.protocol.version"), Some("1.3"));
            }
        } else {
            eventually("an attempt fails", || {
                world.log().contains("takes no spans")
            });
            assert!(world.log().contains("failure=tls"), "{}", world.log());
            assert!(collector.spans().is_empty());
        }
    }
}

#[test]
fn roots_that_are_none_keep_the_gateway_from_starting_and_are_named() {
    let place = Place::new(PROGRAM);
    std::fs::write(place.path("roots.pem"), "nothing").expect("written");
    place.write_config("[trace.otlp]\nendpoint = \"https://127.0.0.1:1\"\nroots = \"roots.pem\"\n");
    for command in [&["config", "check"][..], &["serve"]] {
        let outcome = place.run(command);
        let text = format!("{outcome:?}");
        assert!(text.contains("trace.otlp.roots"), "{text}");
    }
}

#[test]
fn a_fault_in_a_field_for_the_collector_is_told_without_its_value() {
    let place = Place::new(PROGRAM);
    for fields in [
        "headers = { te = \"open sesame\" }",
        "headers = { x-key = \"open sesame }",
        "headers = \"open sesame\"",
    ] {
        let table = "[trace.otlp]\nendpoint = \"http://127.0.0.1:1\"\n";
        place.write_config(&format!("{table}{fields}\n"));
        for command in [&["config", "check"][..], &["serve"]] {
            let text = format!("{:?}", place.run(command));
            assert!(text.contains("1 fault") && text.contains(":3:"), "{text}");
            assert!(!text.contains("sesame"), "{text}");
        }
    }
}
