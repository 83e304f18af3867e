//! The schema is true, and no key of it is without words, an example and a check.

use serde_json::Value;

use super::faults;
use crate::config::Config;

/// A single value of the schema.
struct Leaf {
    /// Its path as a fault has it, with `[0]` for lists.
    field: String,
    /// A file that has nothing but a wrong value there.
    wrong: String,
    schema: Value,
}

/// Every leaf below a schema. `wrap` makes a whole file of what stands there.
fn leaves(schema: &Value, field: &str, wrap: &dyn Fn(&str) -> String, found: &mut Vec<Leaf>) {
    let forms = schema["anyOf"].as_array();
    let is_several = |form: &Value| form["anyOf"].is_array() || form["type"] == "array";
    if let Some(forms) = forms.filter(|forms| forms.iter().any(is_several)) {
        forms
            .iter()
            .for_each(|form| leaves(form, field, wrap, found));
    } else if let Some(properties) = schema["properties"].as_object() {
        for (name, schema) in properties {
            let below = match field {
                "" => name.clone(),
                field => format!("{field}.{name}"),
            };
            let wrap = |value: &str| match field {
                "" => format!("{name} = {value}"),
                _ => wrap(&format!("{{ {name} = {value} }}")),
            };
            leaves(schema, &below, &wrap, found);
        }
    } else if schema["items"].is_object() {
        let wrap = |value: &str| wrap(&format!("[{value}]"));
        let mut element = schema["items"].clone();
        if element["examples"].is_null() {
            // A list that is empty unless somebody puts something in is an example of itself.
            element["listed"] = schema["examples"].clone();
        }
        leaves(&element, &format!("{field}[0]"), &wrap, found);
    } else if schema["additionalProperties"].is_object() {
        let wrap = |value: &str| wrap(&format!("{{ GET = {value} }}"));
        let entry = &schema["additionalProperties"];
        leaves(entry, &format!("{field}.GET"), &wrap, found);
    } else {
        found.push(Leaf {
            field: field.to_owned(),
            wrong: wrap("[[1979-05-27]]"),
            schema: schema.clone(),
        });
    }
}

fn all_leaves() -> Vec<Leaf> {
    let mut found = Vec::new();
    leaves(&Config::schema(), "", &|value| value.to_owned(), &mut found);
    found
}

#[test]
fn every_key_is_documented_has_an_example_and_refuses_what_is_wrong() {
    let leaves = all_leaves();
    assert!(leaves.len() > 60, "{} keys", leaves.len());
    for Leaf {
        field,
        wrong,
        schema,
    } in leaves
    {
        let words = schema["description"].as_str().unwrap_or_default();
        assert!(words.len() > 10, "{field} is not described in the template");
        // The template is a valid configuration with all of its examples: its own test says so.
        let examples = ["examples", "listed"].map(|name| schema[name].as_array());
        let has_example = examples.iter().flatten().any(|list| !list.is_empty());
        assert!(has_example, "{field} has no example in the template");
        let found = faults(&wrong);
        let refused = found.iter().any(|fault| {
            let place = fault.split_once(' ').map(|(_, rest)| rest);
            place.is_some_and(|rest| rest.starts_with(&format!("{field}: ")))
        });
        assert!(refused, "{field}: {wrong}\n{found:#?}");
    }
}

#[test]
fn an_example_has_the_type_that_the_schema_says() {
    for Leaf { field, schema, .. } in all_leaves() {
        let form = schema["anyOf"][0]["type"].as_str().expect(&field);
        for example in schema["examples"].as_array().into_iter().flatten() {
            let fits = match form {
                "string" => example.is_string(),
                "integer" => example.is_i64(),
                "boolean" => example.is_boolean(),
                _ => example.is_number(),
            };
            assert!(fits, "{field}: {example} is no {form}");
        }
    }
}

#[test]
fn the_schema_knows_defaults_and_refuses_other_keys() {
    let schema = Config::schema();
    assert_eq!(schema["additionalProperties"], false);
    let limits = &schema["properties"]["limits"];
    assert_eq!(limits["additionalProperties"], false);
    assert_eq!(limits["properties"]["headers"]["default"], 100);
    let header = &schema["properties"]["credentials"]["properties"]["header"];
    assert!(header["default"].is_null() && header["examples"][0] == "x-api-key");
    let auth = &schema["properties"]["routes"]["items"]["properties"]["auth"];
    let words = auth["description"].as_str().unwrap_or_default();
    assert!(
        words.contains("expected required, optional or open"),
        "{words}"
    );
}
