//! What is known so far: the target, and the facts that judged checks made known.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::watch;

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

/// The facts of what a check needs and uses, which become known while it collects.
///
/// For a check that begins early, and need not wait for a slow answer where the others have said enough.
#[derive(Debug, Clone, Default)]
pub struct Later(Option<watch::Receiver<Option<Facts>>>);

impl Later {
    /// Facts that will be sent at most once.
    pub fn channel() -> (watch::Sender<Option<Facts>>, Self) {
        let (sender, receiver) = watch::channel(None);
        (sender, Self(Some(receiver)))
    }

    /// Waits until everything that the check needs and uses is settled; for ever where nobody tells.
    pub async fn facts(&self) -> Facts {
        if let Some(mut receiver) = self.0.clone()
            && let Ok(facts) = receiver.wait_for(Option::is_some).await
        {
            return facts.clone().unwrap_or_default();
        }
        std::future::pending().await
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
    /// What becomes known while this one collects.
    pub later: Later,
}

impl Known {
    /// The fact of this type, if one is known.
    pub fn get<T: Any + Send + Sync>(&self) -> Option<&T> {
        self.facts.get()
    }
}

impl std::fmt::Debug for Facts {
    /// How many there are: what they are, their types alone know.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} facts", self.by_type.len())
    }
}
