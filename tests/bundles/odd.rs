//! Evidence that no door gives, and that reads as some all the same: it is diagnosed, or refused, and nothing panics.

use nexplane_doctor::bundle::{Bundle, Identities};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::archive::{file, instead};
use super::{Doctor, packed};

/// Every string of a document changed.
pub(super) fn everywhere(value: &mut Value, change: &dyn Fn(&str) -> String) {
    match value {
        Value::String(text) => *text = change(text),
        Value::Array(items) => items.iter_mut().for_each(|item| everywhere(item, change)),
        Value::Object(fields) => fields
            .values_mut()
            .for_each(|field| everywhere(field, change)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// How many values a document has.
fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(fields) => fields.values().map(count).sum(),
        _ => 0,
    }
}

/// Puts something else in the place of the value of this number.
fn replace(value: &mut Value, number: &mut usize, other: &Value) {
    if *number == 0 {
        value.clone_from(other);
    }
    *number = number.wrapping_sub(1);
    match value {
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| replace(item, number, other)),
        Value::Object(fields) => fields
            .values_mut()
            .for_each(|field| replace(field, number, other)),
        _ => {}
    }
}

/// Values that no door gives.
fn odd() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!(null)),
        Just(json!(-1)),
        Just(json!(u64::MAX)),
        Just(json!(1e308)),
        Just(json!("")),
        Just(json!("\u{0}\u{202e}\u{1b}[2J")),
        Just(json!(
            "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
        )),
        Just(json!(
            "-----BEGIN CERTIFICATE FACTS-----\n{\"is\": \"certificate\"}\n"
        )),
        Just(json!("+262142-12-31T23:59:59Z")),
        Just(json!("x".repeat(100_000))),
        Just(json!({"Ok": null})),
        Just(json!({"Err": {"how": "timed_out", "after_ms": u64::MAX}})),
        Just(json!([[], {}, "a"])),
        any::<String>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn evidence_that_no_door_gives_is_diagnosed_or_refused(
        situation in 0..1000_usize,
        changes in prop::collection::vec((0..1_000_000_usize, odd()), 1..6),
    ) {
        let all = super::situations();
        let (_, evidence) = &all[situation % all.len()];
        let mut evidence = serde_json::to_value(evidence).unwrap();
        for (at, other) in changes {
            let mut number = at % count(&evidence["entries"]);
            replace(&mut evidence["entries"], &mut number, &other);
        }
        let Ok(bundle) = Bundle::read(instead(file("evidence.json", evidence.to_string())).as_slice()) else {
            return Ok(());
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let doctor = Doctor::new();
        let report = runtime.block_on(doctor.play(bundle.evidence.clone()));
        // A check that panics is `unknown`, and says so.
        for check in &report.checks {
            let reason = check.reason.clone().unwrap_or_default();
            prop_assert!(!reason.contains("defect"), "{}: {reason}", check.id);
        }
        // What was read can be made a bundle again, anonymized too.
        for names in [Identities::Kept, Identities::Anonymized] {
            let again = packed(&bundle.evidence, &report, names);
            prop_assert!(Bundle::read(again.as_slice()).is_ok());
        }
    }
}
