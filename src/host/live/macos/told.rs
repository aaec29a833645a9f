//! Programs of a Mac, as they were recorded: what they said to which question, and nothing else.

use futures_util::future::BoxFuture;

use super::{Programs, Said};
use crate::host::{Seen, Unseen};

/// Questions (a program and its arguments, with blanks between them) and what was said: exit status, output, complaints.
pub(super) struct Told<'a>(pub(super) &'a [(&'a str, i32, &'a str, &'a str)]);

impl Programs for Told<'_> {
    fn ask<'a>(&'a self, program: &'a str, args: &'a [&'a str]) -> BoxFuture<'a, Seen<Said>> {
        let asked = [&[program], args].concat().join(" ");
        let found = self.0.iter().find(|(question, ..)| *question == asked);
        let said = found.map(|(_, code, out, err)| Said {
            code: Some(*code),
            out: (*out).to_owned(),
            err: (*err).to_owned(),
        });
        Box::pin(async move {
            said.ok_or_else(|| Unseen::unsupported(format!("nobody said anything to: {asked}")))
        })
    }
}
