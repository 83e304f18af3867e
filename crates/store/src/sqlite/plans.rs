//! How SQLite would run what the store asks it: no query reads a table from
//! end to end, or sorts what it found.

use rusqlite::Connection;

use super::{change, counters, list, quota, read, roots, schema, sums, trail};

/// A database with the whole schema.
fn database() -> Connection {
    let mut connection = Connection::open_in_memory().expect("memory");
    schema::fill(&mut connection).expect("migrated");
    connection
}

/// The plan's steps.
fn plan(connection: &Connection, sql: &str) -> Vec<String> {
    let mut statement = connection
        .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
        .expect(sql);
    let nothing = vec![rusqlite::types::Value::Null; statement.parameter_count()];
    let steps = statement
        .query_map(rusqlite::params_from_iter(nothing), |row| row.get("detail"))
        .expect("plan");
    steps.collect::<Result<_, _>>().expect("steps")
}

#[test]
fn each_list_is_a_search_of_its_own_index() {
    let connection = database();
    for (sql, index, columns) in list::QUERIES {
        let steps = plan(&connection, sql);
        let searches: Vec<_> = steps
            .iter()
            .filter(|step| step.starts_with("SEARCH"))
            .collect();
        for search in &searches {
            let wanted = format!("USING {index} ({columns}");
            assert!(search.contains(&wanted), "{sql}: {search}, not {wanted}");
        }
        let merged = ["MERGE (UNION ALL)", "LEFT", "RIGHT"];
        let others = steps.len() - searches.len();
        let joined = steps
            .iter()
            .filter(|step| merged.contains(&step.as_str()))
            .count();
        assert!(!searches.is_empty() && others == joined, "{sql}: {steps:?}");
    }
}

#[test]
fn no_look_up_scans_a_table() {
    let connection = database();
    let queries = read::QUERIES.into_iter().chain([change::STANDING]);
    let queries = queries.chain(counters::QUERIES).chain(quota::QUERIES);
    let queries = queries.chain(roots::QUERIES).chain(sums::QUERIES);
    for sql in queries.chain(trail::QUERIES) {
        let steps = plan(&connection, sql);
        let sorted = steps.iter().any(|step| step.contains("TEMP B-TREE"));
        let scans = |step: &&String| {
            step.starts_with("SCAN") && !step.starts_with("SCAN (") && *step != "SCAN CONSTANT ROW"
        };
        let scan = steps.iter().find(scans);
        assert!(!sorted && scan.is_none(), "{sql}: {steps:?}");
    }
}
