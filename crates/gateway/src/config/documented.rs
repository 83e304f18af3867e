//! What the template says of each field, so that it is said in one place.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::TEMPLATE;

/// Fields that have no default: what the template has for them is an example.
const WITHOUT_DEFAULT: [(&str, &str); 7] = [
    ("credentials", "header"),
    ("forwarded", "trust"),
    ("limits", "body_bytes"),
    ("proxy_protocol", "networks"),
    ("trace.otlp", "endpoint"),
    ("trace.otlp", "headers"),
    ("trace.otlp", "roots"),
];

/// The template without its comment marks, split into what is the default and what is an example.
#[derive(Debug)]
pub(super) struct Documented {
    /// The words before each field, by its path: `limits.headers`, `routes.host`.
    words: BTreeMap<String, String>,
    defaults: Table,
    examples: Table,
}

impl Documented {
    /// Reads the template; what is no TOML in it says nothing.
    pub(super) fn read() -> Self {
        let (fields, tables) = uncommented();
        let mut words = BTreeMap::new();
        gather(&fields, &mut words);
        gather(&tables, &mut words);
        let defaults = fields.parse::<Table>().unwrap_or_default();
        let both = fields + &tables;
        Self {
            words,
            defaults: without_examples(defaults),
            examples: both.parse().unwrap_or_default(),
        }
    }

    /// What is said of a field; of one within a line of another, what is said of that.
    pub(super) fn words(&self, path: &str) -> Option<&str> {
        let mut path = path;
        loop {
            if let Some(words) = self.words.get(path) {
                return Some(words);
            }
            (path, _) = path.rsplit_once('.')?;
        }
    }

    /// The fields of the sections, each with its default.
    pub(super) fn defaults(&self) -> &Table {
        &self.defaults
    }

    /// What the template has in a field, or in the elements of the list that is in it.
    pub(super) fn examples(&self, path: &str) -> Vec<&Value> {
        self.values(path).into_iter().flat_map(elements).collect()
    }

    /// What the template has in a field, its lists and tables looked through for it.
    pub(super) fn values(&self, path: &str) -> Vec<&Value> {
        let mut steps = path.split('.');
        let first = steps.next().and_then(|name| self.examples.get(name));
        let mut found: Vec<&Value> = first.into_iter().collect();
        for step in steps {
            found = found
                .into_iter()
                .flat_map(elements)
                .flat_map(|value| match (value, step) {
                    (Value::Table(table), "*") => table.values().collect(),
                    (Value::Table(table), step) => table.get(step).into_iter().collect(),
                    _ => Vec::new(),
                })
                .collect();
        }
        found
    }
}

/// The elements of a list, and of lists in it; a value that is none is one itself.
fn elements(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(array) => array.iter().flat_map(elements).collect(),
        value => vec![value],
    }
}

fn without_examples(mut defaults: Table) -> Table {
    for (section, field) in WITHOUT_DEFAULT {
        if let Some(table) = section_mut(&mut defaults, section) {
            table.remove(field);
        }
    }
    defaults
}

/// A section by its path: `limits`, `trace.otlp`.
pub(super) fn section_mut<'a>(table: &'a mut Table, path: &str) -> Option<&'a mut Table> {
    path.split('.')
        .try_fold(table, |table, name| table.get_mut(name)?.as_table_mut())
}

/// The sections, whose fields are commented out by a mark alone, and the tables at the end, which
/// are comments as a whole.
pub(super) fn uncommented() -> (String, String) {
    let end = TEMPLATE.find("# [[services]]").unwrap_or(TEMPLATE.len());
    let (fields, tables) = TEMPLATE.split_at(end);
    let field = |line: &'static str| {
        let field = line.strip_prefix('#');
        field
            .filter(|line| !line.starts_with([' ', '#']))
            .unwrap_or(line)
    };
    let table = |line: &'static str| line.strip_prefix("# ").unwrap_or(line);
    (
        join(fields.lines().map(field)),
        join(tables.lines().map(table)),
    )
}

fn join<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// Notes the comments that stand before a field, or before several without a blank line between
/// them, and before the head of a table.
fn gather(text: &str, words: &mut BTreeMap<String, String>) {
    let (mut table, mut comment) = (String::new(), Vec::new());
    let mut is_said = false;
    for line in text.lines() {
        if let Some(text) = line.strip_prefix("# ") {
            if std::mem::take(&mut is_said) {
                comment.clear();
            }
            comment.push(text);
            continue;
        }
        is_said = true;
        let path = match line.split_once(" = ") {
            Some((field, _)) if table.is_empty() => field.to_owned(),
            Some((field, _)) => format!("{table}.{field}"),
            None => line.trim_matches(['[', ']']).to_owned(),
        };
        if !path.is_empty() && !comment.is_empty() {
            words.entry(path.clone()).or_insert(comment.join(" "));
        }
        if !line.contains(" = ") {
            comment.clear();
            if line.starts_with('[') {
                table = path;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Documented;

    #[test]
    fn fields_have_the_words_before_them() {
        let documented = Documented::read();
        let words = |path| documented.words(path).unwrap_or_default();
        assert_eq!(words("listen"), "Where clients connect.");
        assert!(words("limits.headers").starts_with("Header fields in a request, 1 to"));
        assert!(words("routes.host").starts_with("A name, *.example.com"));
        // What stands within a line has the words of the line, or of its table.
        assert_eq!(words("routes.headers.value"), words("routes.headers"));
        assert!(documented.words("nothing").is_none());
        let [port, ..] = documented.examples("limits.headers")[..] else {
            panic!("an example")
        };
        assert_eq!(port.as_integer(), Some(100));
        assert_eq!(documented.examples("routes.redirect.status").len(), 1);
        assert!(!documented.examples("routes.by_method.*").is_empty());
        assert!(documented.defaults().contains_key("manager"));
        assert!(
            !documented.defaults()["credentials"]
                .to_string()
                .contains("header")
        );
    }
}
