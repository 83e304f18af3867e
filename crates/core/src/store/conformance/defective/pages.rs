use super::{Defect, Defective};
use crate::clock::Timestamp;
use crate::key::{Key, KeyFilter};
use crate::store::{KeyStore as _, Page, PagePosition, PageRequest, StoreError};

impl Defective {
    /// The page as a store with the defect finds it.
    pub(super) async fn misread_page(&self, mut request: PageRequest) -> Result<Page, StoreError> {
        let (limit, later) = (request.limit, request.after.is_some());
        let part = request.filter.name.clone();
        match self.defect {
            Defect::PagesByOffset => return self.page_by_offset(request).await,
            Defect::FilterPartIgnored(part) => request.filter = without(part, request.filter),
            Defect::CaseOfAsciiAlone => request.filter.name = None,
            Defect::LimitIgnored => request.limit = limit + 1,
            Defect::ExpiryLate => {
                request.now = Timestamp::from_millis(request.now.as_millis() - 1);
            }
            _ => {}
        }
        let mut page = match self.store.page(request.clone()).await {
            Err(_) if self.has(Defect::PositionsUnchecked) => {
                let again = PageRequest {
                    after: None,
                    ..request
                };
                self.store.page(again).await?
            }
            answer => answer?,
        };
        if self.has(Defect::PagesUnordered) {
            page.keys.reverse();
        }
        if self.has(Defect::PagesSkipAKey) && later && page.keys.len() > 1 {
            page.keys.remove(0);
        }
        if let Some(part) = part.filter(|_| self.has(Defect::CaseOfAsciiAlone)) {
            let folded = |key: &Key| key.name.as_str().to_ascii_lowercase();
            page.keys.retain(|key| folded(key).contains(part.folded()));
        }
        Ok(page)
    }

    pub(super) async fn page_by_offset(&self, request: PageRequest) -> Result<Page, StoreError> {
        let after = request.after.as_ref().map(PagePosition::as_bytes);
        let offset = after.and_then(|bytes| <[u8; 8]>::try_from(bytes).ok());
        let offset = offset.map_or(0, usize::from_be_bytes);
        let limit = usize::try_from(request.limit).expect("a limit");
        let whole = PageRequest {
            after: None,
            limit: 1_000,
            ..request
        };
        let all = self.store.page(whole).await?.keys;
        let end = offset + limit;
        let next = (end < all.len()).then(|| PagePosition::new(&end.to_be_bytes()));
        Ok(Page {
            keys: all.into_iter().skip(offset).take(limit).collect(),
            damaged: Vec::new(),
            next: next.transpose().expect("a position"),
        })
    }
}

fn without(part: u32, filter: KeyFilter) -> KeyFilter {
    match part {
        0 => KeyFilter {
            service: None,
            ..filter
        },
        1 => KeyFilter {
            owner: None,
            ..filter
        },
        2 => KeyFilter {
            environment: None,
            ..filter
        },
        3 => KeyFilter {
            status: None,
            ..filter
        },
        4 => KeyFilter {
            scope: None,
            ..filter
        },
        5 => KeyFilter {
            created: None,
            ..filter
        },
        6 => KeyFilter {
            last_used: None,
            ..filter
        },
        7 => KeyFilter {
            expires_before: None,
            ..filter
        },
        _ => KeyFilter {
            name: None,
            ..filter
        },
    }
}
