//! Any text as scopes and permission: what is read prints as it was written,
//! and matching agrees with its definition.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_core::scope::{Permission, Requirement, Scope, Scopes};

fuzz_target!(|data: &str| {
    let (granted, required) = data.split_once('\n').unwrap_or((data, "orders:read"));
    let Ok(scopes) = granted.parse::<Scopes>() else {
        return;
    };
    assert_eq!(scopes.to_string().parse::<Scopes>().unwrap(), scopes);
    let Ok(permission) = required.parse::<Permission>() else {
        return;
    };
    let met = Requirement::all_of([permission.clone()]).is_met_by(&scopes);
    let expected = scopes
        .iter()
        .any(|scope| allows(&scope.to_string(), &permission.to_string()));
    assert_eq!(met, expected, "{scopes} for {permission}");
    for scope in scopes.iter() {
        assert_eq!(scope.to_string().parse::<Scope>().unwrap(), *scope);
    }
});

/// A `*` in the middle is one segment, at the end one or more.
fn allows(scope: &str, permission: &str) -> bool {
    fn matches(scope: &[&str], permission: &[&str]) -> bool {
        match (scope, permission) {
            ([], []) => true,
            (["*"], [_, ..]) => true,
            (["*", scope @ ..], [_, permission @ ..]) => matches(scope, permission),
            ([one, scope @ ..], [other, permission @ ..]) => {
                one == other && matches(scope, permission)
            }
            _ => false,
        }
    }
    let segments = |text: &str| text.split(':').map(str::to_owned).collect::<Vec<_>>();
    let (scope, permission) = (segments(scope), segments(permission));
    let scope: Vec<&str> = scope.iter().map(String::as_str).collect();
    let permission: Vec<&str> = permission.iter().map(String::as_str).collect();
    matches(&scope, &permission)
}
