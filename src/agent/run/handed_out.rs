//! The tasks in an answer: the first few of however many, and those that were handed out before.

use std::collections::VecDeque;

use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

use crate::contract::api::Task;
use crate::contract::client::Answer;

/// No more tasks than this are taken of one answer.
pub(super) const TASKS: usize = 16;

/// The first tasks of a list; `None`, if the answer holds none.
///
/// They come oldest first, and what has no result yet comes again: so a list too long to be read whole is taken in parts.
pub(super) fn first_of(answer: &Answer) -> Option<Vec<Task>> {
    let mut tasks = Vec::new();
    let mut json = serde_json::Deserializer::from_str(&answer.body);
    let read = List(&mut tasks).deserialize(&mut json);
    let left_out = tasks.len() == TASKS || answer.truncated && !tasks.is_empty();
    (read.is_ok() || left_out).then_some(tasks)
}

/// `{"tasks": […], …}`, into this.
struct List<'a>(&'a mut Vec<Task>);

impl<'de> DeserializeSeed<'de> for List<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for List<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a list of tasks")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut found = false;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "tasks" if !found => {
                    found = true;
                    map.next_value_seed(Elements(&mut *self.0))?;
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        found
            .then_some(())
            .ok_or_else(|| A::Error::missing_field("tasks"))
    }
}

struct Elements<'a>(&'a mut Vec<Task>);

impl<'de> DeserializeSeed<'de> for Elements<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Elements<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("tasks")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(task) = list.next_element()? {
            self.0.push(task);
            if self.0.len() == TASKS {
                return Err(A::Error::custom("enough"));
            }
        }
        Ok(())
    }
}

/// So many are remembered.
const REMEMBERED: usize = 256;

/// The ids of tasks that were refused, so that one which is handed out again and again fills no log.
#[derive(Debug, Default)]
pub(super) struct Refused(VecDeque<String>);

impl Refused {
    /// Remembers one; whether it is a new one.
    pub(super) fn is_new(&mut self, id: &str) -> bool {
        if self.0.iter().any(|known| known == id) {
            return false;
        }
        if self.0.len() == REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back(id.to_owned());
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(body: &str, truncated: bool) -> Option<usize> {
        let answer = Answer {
            status: 200,
            headers: Vec::new(),
            body: body.to_owned(),
            truncated,
            head_after: std::time::Duration::ZERO,
        };
        first_of(&answer).map(|tasks| tasks.len())
    }

    fn list(count: usize) -> String {
        let task = |n| format!(r#"{{"id": "tsk_{n}", "type": "x", "change_request": "cr_1"}}"#);
        let tasks: Vec<String> = (0..count).map(task).collect();
        format!(r#"{{"next": null, "tasks": [{}]}}"#, tasks.join(","))
    }

    #[test]
    fn a_list_is_read_as_far_as_it_is_needed() {
        assert_eq!(first(&list(0), false), Some(0));
        assert_eq!(first(&list(3), false), Some(3));
        assert_eq!(first(&list(TASKS), false), Some(TASKS));
        let long = list(1_000);
        assert_eq!(first(&long, false), Some(TASKS));
        assert_eq!(first(&long[..long.len() / 2], true), Some(TASKS));
        let few = list(3);
        assert_eq!(first(&few[..few.len() - 10], true), Some(2));
    }

    #[test]
    fn what_is_no_list_of_tasks_is_none() {
        let deep = "[".repeat(60_000);
        let few = list(3);
        for body in [
            "",
            "null",
            "[]",
            "{}",
            r#"{"tasks": null}"#,
            r#"{"tasks": {}}"#,
            r#"{"tasks": [1]}"#,
            r#"{"tasks": [{"id": 7, "type": "x", "change_request": "c"}]}"#,
            r#"{"tasks": [{"id": "a"}]}"#,
            &deep,
            &few[..few.len() - 10],
        ] {
            assert_eq!(first(body, false), None, "{body:.40}");
        }
    }

    #[test]
    fn what_was_refused_is_remembered_and_not_for_ever() {
        let mut refused = Refused::default();
        assert!(refused.is_new("a"));
        assert!(!refused.is_new("a"));
        for n in 0..REMEMBERED {
            assert!(refused.is_new(&n.to_string()));
        }
        assert!(refused.is_new("a"));
        assert_eq!(refused.0.len(), REMEMBERED);
    }
}
