//! The values of a host for the placeholders of its remedies.

use std::collections::BTreeMap;

use crate::model::Placeholder;

/// What is known of this host, by placeholder. Never a secret: what is in here is printed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Values(BTreeMap<Placeholder, String>);

impl Values {
    /// Nothing known: every placeholder shows its fallback.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a value; a later one replaces an earlier one, and an empty one counts as not known.
    pub fn set(&mut self, placeholder: Placeholder, value: impl Into<String>) {
        self.0.insert(placeholder, value.into());
    }

    /// Sets a value, in a chain.
    #[must_use]
    pub fn with(mut self, placeholder: Placeholder, value: impl Into<String>) -> Self {
        self.set(placeholder, value);
        self
    }

    /// The value, if it is known.
    pub fn get(&self, placeholder: Placeholder) -> Option<&str> {
        self.0
            .get(&placeholder)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }
}

impl FromIterator<(Placeholder, String)> for Values {
    fn from_iter<I: IntoIterator<Item = (Placeholder, String)>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_value_is_not_known() {
        let values = Values::new().with(Placeholder::Host, "");
        assert_eq!(values.get(Placeholder::Host), None);
        let values = values.with(Placeholder::Host, "a.example");
        assert_eq!(values.get(Placeholder::Host), Some("a.example"));
    }
}
