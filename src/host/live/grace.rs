//! How long the others are waited for once one nameserver has told a name's addresses.
//!
//! Until somebody has, everybody gets the whole of the time limit: silence is then what the agent would meet. From then
//! on a nameserver that has said nothing is no reason to keep a person waiting, and it gets [`GRACE`]: long enough for a
//! datagram to be lost and sent again, and for a nameserver that has to ask others itself. What has not answered by then is told
//! as what it is, no answer within so many milliseconds. The system's own resolver, which may be waiting for the same
//! silent nameserver, gets no more.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::deadline::whole_millis;
use crate::host::{Seen, Unseen};

/// What everybody else gets.
pub(super) const GRACE: Duration = Duration::from_secs(1);

/// The names of which addresses are known, and since when.
pub(super) struct Answered(watch::Sender<BTreeMap<String, Instant>>);

impl Default for Answered {
    fn default() -> Self {
        Self(watch::Sender::new(BTreeMap::new()))
    }
}

impl Answered {
    /// Waits for an answer about this name, but not beyond the grace. Where it tells addresses, the grace of the others begins.
    pub(super) async fn or<T>(
        &self,
        name: &str,
        answer: impl Future<Output = Seen<T>>,
        tells_addresses: impl FnOnce(&T) -> bool,
    ) -> Seen<T> {
        let (asked, subject) = (Instant::now(), subject(name));
        tokio::select! {
            biased;
            seen = answer => {
                if seen.as_ref().is_ok_and(tells_addresses) {
                    self.tell(subject);
                }
                seen
            }
            () = self.over(&subject, asked) => Err(Unseen::TimedOut {
                after_ms: whole_millis(asked.elapsed()),
            }),
        }
    }

    fn tell(&self, subject: String) {
        let now = Instant::now();
        self.0.send_modify(|known| {
            known.entry(subject).or_insert(now);
        });
    }

    /// Ends with the grace of a question that was asked then; never, while nobody has told an address.
    async fn over(&self, subject: &str, asked: Instant) {
        let mut known = self.0.subscribe();
        let since = known
            .wait_for(|known| known.contains_key(subject))
            .await
            .ok()
            .and_then(|known| known.get(subject).copied());
        sleep_until(since.map_or(asked, |since| since.max(asked)) + GRACE).await;
    }
}

/// What makes one lookup of several questions: a search list makes `n.a.test` and `n.b.test` of `n`.
fn subject(name: &str) -> String {
    let first = name.split('.').next().unwrap_or_default();
    first.to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers after so many milliseconds; nobody waits for more than five seconds.
    async fn ask(answered: &Answered, name: &str, millis: u64, told: usize) -> Seen<usize> {
        let answer = async {
            tokio::time::sleep(Duration::from_millis(millis.min(5000))).await;
            match millis <= 5000 {
                true => Ok(told),
                false => Err(Unseen::TimedOut { after_ms: 5000 }),
            }
        };
        answered.or(name, answer, |told| *told > 0).await
    }

    const NEVER: u64 = u64::MAX;

    const fn given_up(after_ms: u64) -> Seen<usize> {
        Err(Unseen::TimedOut { after_ms })
    }

    #[tokio::test(start_paused = true)]
    async fn while_nobody_tells_an_address_everybody_gets_the_whole_time() {
        let answered = Answered::default();
        let (other, denied, slow, silent) = tokio::join!(
            ask(&answered, "other.test", 10, 1),
            ask(&answered, "cp.test", 10, 0),
            ask(&answered, "cp.test", 4000, 0),
            ask(&answered, "cp.test", NEVER, 0),
        );
        assert_eq!((other, denied, slow), (Ok(1), Ok(0), Ok(0)));
        assert_eq!(silent, given_up(5000));
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_silent_gets_the_grace_from_the_first_address_on() {
        let answered = Answered::default();
        let (first, slow, silent, searched) = tokio::join!(
            ask(&answered, "cp.corp.test", 200, 1),
            ask(&answered, "CP.corp.test.", 1100, 1),
            ask(&answered, "cp", NEVER, 0),
            ask(&answered, "cp.other.test", NEVER, 0),
        );
        assert_eq!((first, slow), (Ok(1), Ok(1)));
        assert_eq!((silent, searched), (given_up(1200), given_up(1200)));
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_asked_later_gets_the_grace_too() {
        let answered = Answered::default();
        assert_eq!(ask(&answered, "cp.test", 1, 1).await, Ok(1));
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(ask(&answered, "cp.test", 900, 1).await, Ok(1));
        assert_eq!(ask(&answered, "cp.test", NEVER, 0).await, given_up(1000));
    }
}
