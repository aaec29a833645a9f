//! Threads for what may block: each does one thing at a time, and the next when it is done with it.
//!
//! There are as many as are held up at once, so that what hangs holds up nothing else; nobody waits for any of them, not
//! even the end of the program. Making one takes longer than most of what they do, and so they stay for a while.

use std::io;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Duration;

/// Something to do.
type Work = Box<dyn FnOnce() + Send>;

/// How long a thread waits for more to do.
const PATIENCE: Duration = Duration::from_secs(2);

/// A thread with nothing to do.
struct Idle {
    thread: ThreadId,
    work: Sender<Work>,
}

/// The last one had something to do most recently.
static IDLE: Mutex<Vec<Idle>> = Mutex::new(Vec::new());

fn idle() -> MutexGuard<'static, Vec<Idle>> {
    IDLE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Does it on a thread, at once. What panics ends its thread, and nothing else.
///
/// # Errors
/// When the system gives no further thread.
pub(super) fn run(work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let mut work: Work = Box::new(work);
    loop {
        let Some(waiting) = idle().pop() else {
            let thread = thread::Builder::new().name("host".into());
            return thread.spawn(|| serve(work)).map(drop);
        };
        match waiting.work.send(work) {
            Ok(()) => return Ok(()),
            Err(unsent) => work = unsent.0,
        }
    }
}

/// A thread's life.
fn serve(first: Work) {
    let (sender, receiver) = mpsc::channel();
    let thread = thread::current().id();
    let mut work = Some(first);
    while let Some(now) = work {
        now();
        idle().push(Idle {
            thread,
            work: sender.clone(),
        });
        work = next(&receiver, thread, PATIENCE);
    }
}

/// Waits for more to do; what was given just when the patience ended is done all the same.
fn next(receiver: &Receiver<Work>, thread: ThreadId, patience: Duration) -> Option<Work> {
    if let Ok(work) = receiver.recv_timeout(patience) {
        return Some(work);
    }
    let mut idle = idle();
    let place = idle.iter().position(|waiting| waiting.thread == thread);
    match place {
        Some(place) => {
            idle.remove(place);
            None
        }
        // Somebody has taken it from there, and is about to send.
        None => {
            drop(idle);
            receiver.recv().ok()
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    /// Does it on a thread, and says on which one.
    fn done(work: impl FnOnce() + Send + 'static) -> Receiver<ThreadId> {
        let (sender, receiver) = mpsc::channel();
        run(move || {
            work();
            let _unheard = sender.send(thread::current().id());
        })
        .unwrap();
        receiver
    }

    #[test]
    fn what_hangs_holds_up_nothing_else() {
        let (release, held) = mpsc::channel::<()>();
        let held = std::sync::Arc::new(Mutex::new(held));
        let hung: Vec<_> = (0..20)
            .map(|_| {
                let held = std::sync::Arc::clone(&held);
                done(move || drop(held.lock().map(|held| held.recv())))
            })
            .collect();
        assert!(done(|| ()).recv().is_ok());
        drop(release);
        let mut threads: Vec<_> = hung.iter().map(|it| it.recv().unwrap()).collect();
        threads.sort_by_key(|thread| format!("{thread:?}"));
        threads.dedup();
        assert_eq!(threads.len(), 20);
    }

    #[test]
    fn what_panics_takes_nobody_with_it() {
        assert!(done(|| panic!("on purpose")).recv().is_err());
        assert!(done(|| ()).recv().is_ok());
    }

    #[test]
    fn a_thread_ends_when_nobody_needs_it_and_not_with_work_on_its_way() {
        let is_listed = |thread| idle().iter().any(|waiting| waiting.thread == thread);
        // A thread of its own, so that no other test takes it from the list: nobody is given its sender.
        let ended = thread::spawn(move || {
            let (sender, receiver) = mpsc::channel();
            let thread = thread::current().id();
            // First in the list is last taken.
            idle().insert(
                0,
                Idle {
                    thread,
                    work: sender.clone(),
                },
            );
            let ended = next(&receiver, thread, Duration::ZERO).is_none();
            drop(sender);
            (ended, is_listed(thread))
        });
        let (ended, listed) = ended.join().unwrap();
        assert!(!ended || !listed);
        // Taken from the list before its patience ended, and given work after.
        let (sender, receiver) = mpsc::channel::<Work>();
        let waits = thread::spawn(move || {
            next(&receiver, thread::current().id(), Duration::ZERO).is_some()
        });
        sender.send(Box::new(|| ())).unwrap();
        assert!(waits.join().unwrap());
    }
}
