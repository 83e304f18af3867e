//! The trail is read a page at a time.

use super::{head, list, sequences};
use crate::error::ErrorKind;
use crate::manager::ListEvents;
use crate::manager::tests::{BILLING, Fixture, ORDERS};

#[tokio::test]
async fn the_trail_is_listed_in_pages_by_service_and_by_key() {
    let fixture = Fixture::new().await;
    let (one, other) = (fixture.issue().await, fixture.issue().await);
    fixture.revoke(one.key.id).await;
    let all = list(&fixture, ListEvents::new()).await;
    assert_eq!(sequences(&all), [1, 2, 3, 4, 5]);
    assert_eq!(all.next, None);
    let last = all.events.last().expect("five");
    assert_eq!(
        (last.mac, last.root.as_str()),
        (head(&fixture).await.mac, "k1")
    );

    let pages = ListEvents::new().limit(2);
    let first = list(&fixture, pages.clone()).await;
    assert_eq!((sequences(&first), first.next), (vec![1, 2], Some(2)));
    let second = list(&fixture, pages.clone().after(2)).await;
    assert_eq!((sequences(&second), second.next), (vec![3, 4], Some(4)));
    let third = list(&fixture, pages.after(4)).await;
    assert_eq!((sequences(&third), third.next), (vec![5], None));

    let of_one = list(&fixture, ListEvents::new().key(one.key.id)).await;
    assert_eq!(sequences(&of_one), [3, 5]);
    let of_other = list(&fixture, ListEvents::new().key(other.key.id)).await;
    assert_eq!(sequences(&of_other), [4]);
    let of_orders = list(&fixture, ListEvents::new().service(ORDERS).limit(3)).await;
    assert_eq!(
        (sequences(&of_orders), of_orders.next),
        (vec![1, 3, 4], Some(4))
    );
    let of_billing = list(&fixture, ListEvents::new().service(BILLING)).await;
    assert_eq!(sequences(&of_billing), [2]);
    for limit in [0, 1_001] {
        let refused = fixture
            .manager
            .audit_events(ListEvents::new().limit(limit))
            .await;
        assert_eq!(refused.expect_err("limit").kind(), ErrorKind::Invalid);
    }
}
