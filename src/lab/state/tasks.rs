//! Work for agents: handed out after approval, to the agent that the change request names, until there is a result.

use super::{Inner, Refusal, State};
use crate::contract::api::{Approval, ChangeState, TASK_NOT_FOUND, Task, TaskList, TaskResult};

/// No more tasks than this go out at once.
const AT_ONCE: usize = 16;

/// A task, and what became of it.
#[derive(Debug, Clone)]
pub(super) struct Assigned {
    task: Task,
    result: Option<TaskResult>,
}

impl Inner {
    /// The tasks that wait for the agent with this hostname.
    pub(super) fn pending<'a>(&'a self, hostname: &'a str) -> impl Iterator<Item = &'a Task> {
        let waiting = self.tasks.values().filter(|it| it.result.is_none());
        waiting
            .map(|assigned| &assigned.task)
            .filter(move |task| self.is_for(task, hostname))
    }

    /// Whether a task may go to this agent: its change request is approved, not over, and names it.
    fn is_for(&self, task: &Task, hostname: &str) -> bool {
        self.change_requests
            .get(&task.change_request)
            .is_some_and(|request| {
                let state = ChangeState::read(&request.status);
                request.target.hostname.eq_ignore_ascii_case(hostname)
                    && state.map(ChangeState::approval) == Some(Approval::Given)
            })
    }
}

impl State {
    /// Adds a task, or replaces it.
    pub fn put_task(&self, task: Task) {
        let assigned = Assigned { task, result: None };
        self.lock().tasks.insert(assigned.task.id.clone(), assigned);
    }

    /// The work that waits for the holder of the client certificate `der`.
    ///
    /// # Errors
    /// The refusal.
    pub fn tasks(&self, der: Option<&[u8]>) -> Result<TaskList, Refusal> {
        let mut inner = self.lock();
        let hostname = inner.by_certificate(der)?.0.agent.hostname.clone();
        let tasks = inner.pending(&hostname).take(AT_ONCE).cloned().collect();
        Ok(TaskList { tasks })
    }

    /// Takes what became of a task; the first result counts.
    ///
    /// # Errors
    /// The refusal.
    pub fn finish_task(
        &self,
        der: Option<&[u8]>,
        id: &str,
        result: TaskResult,
    ) -> Result<(), Refusal> {
        let mut inner = self.lock();
        let hostname = inner.by_certificate(der)?.0.agent.hostname.clone();
        let task = inner.tasks.get(id).map(|assigned| assigned.task.clone());
        if !task.is_some_and(|task| inner.is_for(&task, &hostname)) {
            return Err(Refusal::new(404, TASK_NOT_FOUND));
        }
        if let Some(assigned) = inner.tasks.get_mut(id) {
            assigned.result.get_or_insert(result);
        }
        Ok(())
    }

    /// What became of a task, if that was told.
    pub fn task_result(&self, id: &str) -> Option<TaskResult> {
        self.lock().tasks.get(id)?.result.clone()
    }
}
