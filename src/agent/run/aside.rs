//! The log's lines on their way out, on a thread of their own: whoever should read them may have stopped reading, and a pipe that
//! nobody empties, or a journal that hangs, holds up whoever writes to it. The agent goes on, and ends when it is asked to.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

/// So many lines wait for whoever reads them; what comes then is lost, and counted.
const WAITING: usize = 256;

enum Message {
    /// A line, with its end.
    Line(Vec<u8>),
    /// Somebody wants to know that all before this is written.
    Mark(SyncSender<()>),
}

/// Takes whole lines, and never waits.
pub(super) struct Aside {
    thread: SyncSender<Message>,
    lost: u64,
}

/// Who waits until all is written.
pub(super) struct Written(SyncSender<Message>);

/// Lines to `out`.
///
/// # Errors
/// When the system has no thread to give.
pub(super) fn aside(mut out: impl Write + Send + 'static) -> io::Result<(Aside, Written)> {
    let (thread, messages) = sync_channel(WAITING);
    std::thread::Builder::new()
        .name("log".to_owned())
        .spawn(move || pass(&messages, &mut out))?;
    let written = Written(thread.clone());
    Ok((Aside { thread, lost: 0 }, written))
}

fn pass(messages: &Receiver<Message>, out: &mut impl Write) {
    for message in messages {
        match message {
            // Where that cannot be done there is nobody to tell.
            Message::Line(line) => drop(out.write_all(&line).and_then(|()| out.flush())),
            Message::Mark(asker) => drop(asker.try_send(())),
        }
    }
}

impl Written {
    /// Waits until all is written, and not longer than this.
    pub(super) fn wait(&self, limit: Duration) {
        let (asker, answer) = sync_channel(1);
        if self.0.try_send(Message::Mark(asker)).is_ok() {
            let _in_time_or_not = answer.recv_timeout(limit);
        }
    }
}

impl Aside {
    fn send(&self, line: Vec<u8>) -> bool {
        !matches!(
            self.thread.try_send(Message::Line(line)),
            Err(TrySendError::Full(_))
        )
    }
}

impl Write for Aside {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.lost > 0 {
            let notice = format!(
                "WARNING: lines of the log that nobody took: {}\n",
                self.lost
            );
            if self.send(notice.into_bytes()) {
                self.lost = 0;
            }
        }
        if !self.send(line.to_vec()) {
            self.lost = self.lost.saturating_add(1);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::sync::{Arc, Mutex};

    use super::*;

    /// Takes nothing until it is let go.
    struct Stuck {
        gate: Receiver<()>,
        taken: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for Stuck {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            // Open for ever, once it was opened.
            let _opened = self.gate.recv();
            self.taken.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn nobody_waits_for_a_reader_and_what_is_lost_is_counted() {
        let (open, gate) = sync_channel(0);
        let taken = Arc::default();
        let stuck = Stuck {
            gate,
            taken: Arc::clone(&taken),
        };
        let (mut log, written) = aside(stuck).unwrap();
        for number in 0..2 * WAITING {
            writeln!(log, "{number}").unwrap();
        }
        // The queue is full: it is not even tried.
        written.wait(Duration::from_secs(3_600));
        drop(open);
        // Room for the notice comes with the first line that is taken.
        while log.lost > 0 {
            log.write_all(b"again\n").unwrap();
            std::thread::yield_now();
        }
        while written
            .0
            .try_send(Message::Line(b"last\n".to_vec()))
            .is_err()
        {
            std::thread::yield_now();
        }
        written.wait(Duration::from_secs(3_600));
        let text = String::from_utf8(taken.lock().unwrap().clone()).unwrap();
        assert!(text.starts_with('0'), "{text}");
        assert!(
            text.contains("WARNING: lines of the log that nobody took: "),
            "{text}"
        );
    }

    #[test]
    fn all_that_was_said_is_written_in_its_order() {
        let taken = Arc::new(Mutex::new(Vec::new()));
        let (open, gate) = sync_channel(0);
        drop(open);
        let (mut log, written) = aside(Stuck {
            gate,
            taken: Arc::clone(&taken),
        })
        .unwrap();
        log.write_all(b"one\n").unwrap();
        log.write_all(b"two\n").unwrap();
        written.wait(Duration::from_secs(3_600));
        assert_eq!(*taken.lock().unwrap(), b"one\ntwo\n");
    }
}
