//! What is known so far: the target, and the facts that judged checks made known.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::Arc;

use crate::host::System;
use crate::model::Target;

/// Facts that checks make known to those after them: at most one of each type. The type is the publisher's, in its file.
#[derive(Clone, Default)]
pub struct Facts {
    by_type: HashMap<TypeId, Arc<dyn Any + Send + Sync>>,
}

impl Facts {
    /// Makes a fact known; a later one of the same type replaces it.
    pub fn publish<T: Any + Send + Sync>(&mut self, fact: T) {
        self.by_type.insert(TypeId::of::<T>(), Arc::new(fact));
    }

    /// The fact of this type, if the check that publishes it is done and did.
    pub fn get<T: Any + Send + Sync>(&self) -> Option<&T> {
        self.by_type.get(&TypeId::of::<T>())?.downcast_ref()
    }

    /// Adds all facts of `other`.
    pub fn merge(&mut self, other: Self) {
        self.by_type.extend(other.by_type);
    }
}

/// What a check may look at beside its own evidence.
#[derive(Clone)]
pub struct Known {
    /// What the user said.
    pub target: Arc<Target>,
    /// The machine: name, system, user.
    pub system: Arc<System>,
    /// What the checks before this one made known.
    pub facts: Facts,
}

impl Known {
    /// The fact of this type, if one is known.
    pub fn get<T: Any + Send + Sync>(&self) -> Option<&T> {
        self.facts.get()
    }
}
