use portcullis_core::key::{Environment, KeyFilter, KeyStatus, Span};
use portcullis_core::store::PagePosition;
use portcullis_core::store::conformance::at;

use super::sample::{Sample, combinations, parts};

fn sample(count: i64) -> Sample {
    Sample::in_memory(count).expect("a sample")
}

#[test]
fn the_steps_of_a_page_do_not_depend_on_how_many_keys_there_are() {
    const FEW: i64 = 10_000;
    const MANY: i64 = 100_000;
    let (mut few, mut many) = (sample(FEW), sample(MANY));
    let compare = |name: &str, few: &[u64], many: &[u64]| {
        println!("{name}: {few:?} {many:?}");
        let within = |(few, many): (&u64, &u64)| few.abs_diff(*many) * 10 <= *few;
        let all = few.len() == many.len() && few.iter().zip(many).all(within);
        assert!(all, "{name}: {few:?} {many:?}");
    };
    let filters = parts(FEW).expect("filters").into_iter();
    for ((name, small), (_, large)) in filters.zip(parts(MANY).expect("filters")) {
        let (small, large) = (few.steps(&small), many.steps(&large));
        compare(&name, &small.expect("steps"), &large.expect("steps"));
    }
    let filters = combinations(FEW).expect("filters").into_iter();
    for ((name, small), (_, large)) in filters.zip(combinations(MANY).expect("filters")) {
        let (small, large) = (few.mean_steps(&small), many.mean_steps(&large));
        compare(&name, &small.expect("steps"), &large.expect("steps"));
    }
}

#[test]
fn a_page_looks_at_a_bounded_number_of_rows_and_says_where_to_go_on() {
    let mut sample = sample(20_000);
    // No index leads to the few that are live and were created late.
    let filter = KeyFilter {
        environment: Some(Environment::Live),
        expires_before: Some(at(38_000)),
        created: Some(Span {
            from: Some(at(4_995)),
            until: None,
        }),
        ..KeyFilter::default()
    };
    let (mut after, mut found, mut pages) = (None, 0, 0);
    loop {
        let (page, steps) = sample.page(&filter, after, 1_000).expect("a page");
        assert!(steps < 1_000_000, "{steps} steps");
        pages += 1;
        found += page.keys.len();
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert!(found > 0 && found < 20, "{found} keys");
    assert!(pages > 3, "{pages} pages");
}

#[test]
fn what_is_no_position_of_the_filters_order_is_refused() {
    let mut sample = sample(100);
    let by_name = KeyFilter {
        name: Some("key".parse().expect("part")),
        ..KeyFilter::default()
    };
    let expired = KeyFilter {
        status: Some(KeyStatus::Expired),
        ..KeyFilter::default()
    };
    let (page, _) = sample.page(&by_name, None, 10).expect("a page");
    let bytes = page.next.expect("more").as_bytes().to_vec();
    let longer = [&bytes[..], &[0]].concat();
    let mut foreign = vec![bytes[1..].to_vec(), longer, vec![0; 18], vec![0xff; 18]];
    // Another order, another stretch, a number below zero.
    for (at, byte) in [(0, 0), (0, 2), (0, 3), (1, 1), (10, 0x80)] {
        let mut altered = bytes.clone();
        altered[at] = byte;
        foreign.push(altered);
    }
    let tried = foreign.into_iter().map(|bytes| (&by_name, bytes));
    for (filter, bytes) in tried.chain([(&expired, bytes)]) {
        let position = PagePosition::new(&bytes).expect("1 to 64 bytes");
        let error = sample
            .page(filter, Some(position), 10)
            .expect_err("foreign");
        assert!(error.to_string().contains("Invalid"), "{bytes:?}: {error}");
    }
}
