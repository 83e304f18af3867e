use crate::Started;

/// A line for a shell that calls `Check` with the example's key, by curl: five
/// zeros are an empty message, and the answer's fields tell the rest.
#[must_use]
pub fn command(started: &Started) -> String {
    let Started { address, token } = started;
    format!(
        "printf '\\0\\0\\0\\0\\0' | curl --http2-prior-knowledge -sv -o /dev/null --data-binary @- \\\n  \
         -H 'content-type: application/grpc' -H 'te: trailers' \\\n  \
         -H 'authorization: Bearer {token}' \\\n  \
         http://{address}/grpc.health.v1.Health/Check"
    )
}
