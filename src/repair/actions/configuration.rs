//! The configuration's text with one thing changed in it, everything else as it was.

use std::path::PathBuf;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::super::action::{Action, Applied, Description, Refusal, Site};
use super::super::hands::{Hands, HandsError, Wanted};
use super::super::journal::Holds;
use crate::checks::Known;
use crate::checks::config::{Told, told};
use crate::contract::config::CannotEdit;
use crate::host::{Base, Host, HostPath, ReadQuestion};
use crate::model::Encoding;

/// A change to a text, the same whenever it is made.
pub(super) type Edit = Box<dyn Fn(&str) -> Result<String, CannotEdit> + Send + Sync>;

/// A configuration that is edited.
pub(super) struct EditConfiguration {
    pub(super) path: PathBuf,
    /// As it was when the plan was made: what somebody wrote since is not edited on the strength of this one.
    pub(super) before: String,
    pub(super) edit: Edit,
    pub(super) description: Description,
}

/// The configuration, where it is, and what stands in it.
pub(super) struct Configuration {
    pub(super) told: Told,
    pub(super) text: String,
    /// Its absolute path, for the hands.
    pub(super) path: PathBuf,
}

impl Configuration {
    /// Reads it as the checks do.
    ///
    /// # Errors
    /// When it cannot be read as text, or is not the agent's own; says why.
    pub(super) async fn read(site: &Site<'_>, known: &Known) -> Result<Self, String> {
        let told = told(known);
        let path = absolute(site, &told.path)?;
        let shown = path.display();
        let content = site.host.read(ReadQuestion::new(told.path.clone())).await;
        let content = content.map_err(|unseen| format!("{shown} could not be read: {unseen}"))?;
        if content.invalid_utf8_at.is_some() {
            return Err(format!("{shown} is no UTF-8 text"));
        }
        Ok(Self {
            text: content.text,
            told,
            path,
        })
    }
}

/// A path as the hands take it: from the root that is repaired.
///
/// # Errors
/// When the caller named one that lies outside it.
pub(super) fn absolute(site: &Site<'_>, path: &HostPath) -> Result<PathBuf, String> {
    match path.base {
        Base::Caller if site.is_foreign() => Err(format!(
            "{} is this machine's, not the one under --root",
            path.path().display()
        )),
        Base::Caller => std::path::absolute(path.path()).map_err(|error| error.to_string()),
        Base::Host => Ok(path.path().to_owned()),
    }
}

/// What a file holds now, as text.
pub(super) fn text_of(hands: &Hands, path: &std::path::Path) -> Result<String, HandsError> {
    let bytes = hands.read(path)?.unwrap_or_default();
    let text = Encoding::of(&bytes).decode(&bytes);
    text.ok_or_else(|| HandsError::Failed(format!("{} is no UTF-8 text", path.display())))
}

/// Puts another text into a file, in the encoding that it has.
pub(super) fn put_text(
    hands: &mut Hands,
    path: &std::path::Path,
    text: &str,
) -> Result<(), HandsError> {
    let before = hands.read(path)?.unwrap_or_default();
    let bytes = Encoding::of(&before).encode(text);
    hands.replace_file(path, &bytes, Wanted::default(), Holds::Settings)
}

impl Action for EditConfiguration {
    fn describe(&self) -> Description {
        self.description.clone()
    }

    fn check<'a>(&'a self, site: &'a Site<'a>) -> BoxFuture<'a, Result<(), Refusal>> {
        async move {
            let path = HostPath::host(&self.path);
            let content = site.host.read(ReadQuestion::new(path)).await;
            let shown = self.path.display();
            match content {
                Ok(content) if content.text == self.before => Ok(()),
                Ok(content) if (self.edit)(&content.text).is_ok() => Ok(()),
                Ok(_) => Err(Refusal(format!("{shown} was changed meanwhile"))),
                Err(unseen) => Err(Refusal(format!("{shown} could not be read: {unseen}"))),
            }
        }
        .boxed()
    }

    fn apply<'a>(
        &'a self,
        _site: &'a Site<'a>,
        hands: &'a mut Hands,
    ) -> BoxFuture<'a, Result<Applied, HandsError>> {
        async move {
            let text = text_of(hands, &self.path)?;
            let edited = (self.edit)(&text)
                .map_err(|why| HandsError::Failed(format!("{}: {why}", self.path.display())))?;
            if edited == text {
                return Ok(Applied::AlreadySo);
            }
            put_text(hands, &self.path, &edited)?;
            Ok(Applied::Done)
        }
        .boxed()
    }
}
