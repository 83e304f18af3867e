use serde_json::{Map, Value, json};

use super::Config;
use super::documented::Documented;
use super::shape::{self, Shape};

impl Config {
    /// A JSON Schema (2020-12) of the file: for editors, and for checks without this program. It
    /// is made of the types that read the file and of the words of its template.
    ///
    /// It knows fields and types; what else a value must be, only the program does. Any single
    /// value may stand in a file or be taken from a variable, so that all of them may be strings
    /// or `{ file = "PATH" }`.
    #[must_use]
    pub fn schema() -> Value {
        let documented = Documented::read();
        let mut schema = Writer { documented }.schema(shape::of_file(), "");
        let Some(root) = schema.as_object_mut() else {
            return schema;
        };
        let dialect = "https://json-schema.org/draft/2020-12/schema";
        root.insert("$schema".to_owned(), dialect.into());
        let title = "The configuration of the Portcullis gateway";
        root.insert("title".to_owned(), title.into());
        root.insert("$defs".to_owned(), definitions());
        schema
    }
}

fn definitions() -> Value {
    json!({
        "file": {
            "description": "What is in a file, without blanks around it.",
            "type": "object",
            "properties": { "file": { "type": "string", "minLength": 1 } },
            "required": ["file"],
            "additionalProperties": false,
        },
        "variable": {
            "description": "With ${NAME} or ${NAME:-default} in it: what is in the environment.",
            "type": "string",
            "pattern": r"\$\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\}",
        },
    })
}

struct Writer {
    documented: Documented,
}

impl Writer {
    fn schema(&self, shape: &Shape, path: &str) -> Value {
        let mut schema = match shape {
            Shape::Text(_) => single(json!({ "type": "string" }), false),
            Shape::Integer => single(json!({ "type": "integer" }), true),
            Shape::Number => single(json!({ "type": "number" }), true),
            Shape::Boolean => single(json!({ "type": "boolean" }), true),
            Shape::Any => Map::new(),
            Shape::OneOf(forms) => {
                let forms = forms.iter().map(|form| self.schema(form, path));
                object(json!({ "anyOf": forms.collect::<Vec<_>>() }))
            }
            Shape::List(element) => object(json!({
                "type": "array",
                "items": self.schema(element, path),
            })),
            Shape::Map(entry) => object(json!({
                "type": "object",
                "additionalProperties": self.schema(entry, &below(path, "*")),
            })),
            Shape::Table(fields) => self.table(fields, path),
        };
        self.describe(&mut schema, shape, path);
        Value::Object(schema)
    }

    fn table(&self, fields: &[(&'static str, Shape)], path: &str) -> Map<String, Value> {
        let fields = fields.iter().map(|(name, shape)| {
            let schema = self.schema(shape, &below(path, name));
            ((*name).to_owned(), schema)
        });
        object(json!({
            "type": "object",
            "properties": fields.collect::<Map<_, _>>(),
            "additionalProperties": false,
        }))
    }

    fn describe(&self, schema: &mut Map<String, Value>, shape: &Shape, path: &str) {
        let words = self.documented.words(path).unwrap_or_default();
        let expected = match shape {
            Shape::Text(expected) => expected.as_str(),
            _ => "",
        };
        let both = [words, expected]
            .into_iter()
            .filter(|text| !text.is_empty());
        let description = both.collect::<Vec<_>>().join("\n\n");
        if !description.is_empty() {
            schema.insert("description".to_owned(), description.into());
        }
        let found = match shape {
            Shape::List(element) if element.is_single() => self.documented.values(path),
            shape if shape.is_single() => self.documented.examples(path),
            _ => return,
        };
        let mut examples: Vec<Value> = Vec::new();
        for example in found {
            let example = serde_json::to_value(example).unwrap_or_default();
            if !example.is_object() && !examples.contains(&example) {
                examples.push(example);
            }
        }
        if let Some(default) = self.default(path) {
            schema.insert("default".to_owned(), default);
        }
        if !examples.is_empty() {
            schema.insert("examples".to_owned(), Value::Array(examples));
        }
    }

    fn default(&self, path: &str) -> Option<Value> {
        let mut steps = path.split('.');
        let mut found = self.documented.defaults().get(steps.next()?)?;
        for step in steps {
            found = found.as_table()?.get(step)?;
        }
        serde_json::to_value(found).ok()
    }
}

fn below(path: &str, name: &str) -> String {
    match path {
        "" => name.to_owned(),
        path => format!("{path}.{name}"),
    }
}

/// One value: what it is, or where it is. A string of its own form needs no other for a variable.
fn single(of: Value, with_variable: bool) -> Map<String, Value> {
    let mut forms = vec![of];
    if with_variable {
        forms.push(json!({ "$ref": "#/$defs/variable" }));
    }
    forms.push(json!({ "$ref": "#/$defs/file" }));
    object(json!({ "anyOf": forms }))
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}
