use std::collections::BTreeSet;

use portcullis::token::redact;
use toml::{Table, Value};

use super::documented::{Documented, section_mut};

/// A configuration as it is written, with the defaults of what it leaves out.
///
/// It is made of the text alone, before a variable or a file is read: what comes from there may be
/// secret, and stays `${NAME}` and `{ file = "PATH" }`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Effective {
    table: Table,
}

/// What an upstream has of these fields where it does not say otherwise.
const OF_ALL_UPSTREAMS: [(&str, &str, &str); 5] = [
    ("connect", "timeouts", "connect"),
    ("response", "timeouts", "response"),
    ("body", "timeouts", "body"),
    ("idle", "timeouts", "upstream_idle"),
    ("idle_connections", "limits", "idle_upstream_connections"),
];

/// The sections that mean something by being there.
const BY_BEING_THERE: [&str; 2] = ["access_log", "trace.otlp"];

/// The table whose values are all secret.
pub(super) const SECRET: &str = "trace.otlp.headers";

/// What stands in the place of a secret.
const REDACTED: &str = "[redacted]";

impl Effective {
    /// Of a text that is a configuration; of any other nothing is known but the defaults.
    pub(crate) fn of(text: &str) -> Self {
        let mut table = text.parse::<Table>().unwrap_or_default();
        let mut defaults = Documented::read().defaults().clone();
        for path in BY_BEING_THERE {
            if section_mut(&mut table, path).is_none() {
                remove(&mut defaults, path);
            }
        }
        for (section, default) in &defaults {
            fill(&mut table, section, default);
        }
        let common = table.clone();
        for upstream in tables(&mut table, "upstreams") {
            for (field, section, of_all) in OF_ALL_UPSTREAMS {
                let value = common.get(section).and_then(|section| section.get(of_all));
                if let Some(value) = value {
                    fill(upstream, field, value);
                }
            }
        }
        for route in tables(&mut table, "routes") {
            fill_route(route);
        }
        Self { table }
    }

    /// As TOML, without what is secret in it: it is a configuration that means the same.
    pub(crate) fn print(&self) -> String {
        // What was read as TOML can be written as TOML.
        toml::to_string(&self.table()).unwrap_or_default()
    }

    /// The same as a table.
    pub(crate) fn table(&self) -> Table {
        let mut table = self.table.clone();
        table
            .iter_mut()
            .for_each(|(name, value)| conceal(name, value));
        for (_, value) in section_mut(&mut table, SECRET).into_iter().flatten() {
            if let Value::String(text) = value
                && !is_elsewhere(text)
            {
                REDACTED.clone_into(text);
            }
        }
        table
    }

    /// The fields that are others there: `listen`, `limits.headers`, `routes`.
    pub(crate) fn differences(&self, other: &Self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let names = self.table.keys().chain(other.table.keys());
        for name in names {
            let (ours, theirs) = (self.table.get(name), other.table.get(name));
            match (ours, theirs) {
                (Some(Value::Table(ours)), Some(Value::Table(theirs))) => {
                    let fields = ours.keys().chain(theirs.keys());
                    let fields = fields.filter(|field| ours.get(*field) != theirs.get(*field));
                    found.extend(fields.map(|field| format!("{name}.{field}")));
                }
                (ours, theirs) if ours != theirs => {
                    found.insert(name.clone());
                }
                _ => {}
            }
        }
        found
    }
}

fn remove(table: &mut Table, path: &str) {
    match path.rsplit_once('.') {
        None => drop(table.remove(path)),
        Some((section, field)) => {
            if let Some(table) = section_mut(table, section) {
                table.remove(field);
            }
        }
    }
}

/// Gives a field its default where it has no value, and a section each of its own.
fn fill(table: &mut Table, name: &str, default: &Value) {
    match (table.get_mut(name), default) {
        (Some(Value::Table(section)), Value::Table(defaults)) => {
            for (field, default) in defaults {
                fill(section, field, default);
            }
        }
        (Some(_), _) => {}
        (None, default) => {
            table.insert(name.to_owned(), default.clone());
        }
    }
}

fn fill_route(route: &mut Table) {
    fill(route, "auth", &"required".into());
    if route.get("auth").and_then(Value::as_str) != Some("open") {
        fill(route, "end_with_key", &true.into());
        fill(route, "cut_off", &"keep".into());
    }
    if route.contains_key("upstream") {
        fill(route, "strip_prefix", &false.into());
    }
}

/// The tables of a list of them.
fn tables<'a>(table: &'a mut Table, name: &str) -> impl Iterator<Item = &'a mut Table> {
    let list = table.get_mut(name).and_then(Value::as_array_mut);
    list.into_iter()
        .flatten()
        .filter_map(|value| value.as_table_mut())
}

/// Takes out what looks like a secret: a token of ours anywhere, and the value of a field whose
/// name says that it proves who somebody is.
fn conceal(name: &str, value: &mut Value) {
    match value {
        Value::String(text) if is_secret(name) && !is_elsewhere(text) => REDACTED.clone_into(text),
        Value::String(text) => *text = redact(text).into_owned(),
        Value::Array(array) => array.iter_mut().for_each(|value| conceal(name, value)),
        Value::Table(table) if is_secret(name) && is_file(table) => {}
        Value::Table(table) => {
            let named = table.get("name").and_then(Value::as_str).map(str::to_owned);
            for (field, value) in table.iter_mut() {
                let name = named.as_deref().filter(|_| field == "value");
                conceal(name.unwrap_or(field), value);
            }
        }
        _ => {}
    }
}

/// A string that is a variable and nothing else.
fn is_elsewhere(text: &str) -> bool {
    text.strip_prefix("${")
        .and_then(|rest| rest.strip_suffix('}'))
        .is_some_and(|reference| !reference.contains([':', '$', '{', '}']))
}

fn is_file(table: &Table) -> bool {
    table.len() == 1 && table.contains_key("file")
}

fn is_secret(name: &str) -> bool {
    const PARTS: [&str; 9] = [
        "authorization",
        "cookie",
        "token",
        "secret",
        "passw",
        "api-key",
        "apikey",
        "credential",
        "signature",
    ];
    let name = name.to_ascii_lowercase().replace('_', "-");
    // The name of a section, not of a field that holds one.
    name != "credentials" && PARTS.iter().any(|part| name.contains(part))
}
