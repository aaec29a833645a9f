//! Variables of the doctor's own environment and of the files of `EnvironmentFile=`: those that are asked for, and no others.

use std::collections::BTreeMap;

use super::{LiveHost, files};
use crate::host::{
    EnvironmentQuestion, FileVariablesQuestion, ReadQuestion, Seen, environment_file,
};

impl LiveHost {
    pub(super) fn ask_environment(
        &self,
        question: EnvironmentQuestion,
    ) -> BTreeMap<String, String> {
        let variable = |name: String| {
            let value = std::env::var_os(&name)?.to_string_lossy().into_owned();
            let value = self.scrubber.variable(&name, &value);
            Some((name, value))
        };
        question.names.into_iter().filter_map(variable).collect()
    }

    pub(super) async fn ask_file_variables(
        &self,
        question: FileVariablesQuestion,
    ) -> Seen<BTreeMap<String, String>> {
        let FileVariablesQuestion { path, names } = question;
        let read = ReadQuestion::new(path);
        let content = self.look(move |root| files::content(root, &read)).await?;
        let mut variables = BTreeMap::new();
        for (name, value) in environment_file(&content.text) {
            if names.contains(&name) {
                let value = self.scrubber.variable(&name, &value);
                variables.insert(name, value);
            }
        }
        Ok(variables)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::time::Duration;

    use super::*;
    use crate::host::live::Settings;
    use crate::host::{Host as _, HostPath, Unseen};

    #[tokio::test]
    async fn nothing_but_what_is_asked_for_comes_out_of_a_file() {
        let root = tempfile::tempdir().unwrap();
        let text = "DB=postgres://app:hunter2@db\nNO_PROXY=a\nHTTPS_PROXY=http://u:hunter2@proxy:1\nNO_PROXY=\"b c\"\n";
        std::fs::write(root.path().join("agent.env"), text).unwrap();
        let host = LiveHost::new(Settings {
            root: Some(root.path().to_owned()),
            ..Settings::new(Duration::from_secs(5))
        });
        let ask = async |path: &str| {
            let question = FileVariablesQuestion {
                path: HostPath::host(path),
                names: vec!["HTTPS_PROXY".into(), "NO_PROXY".into(), "UNSET".into()],
            };
            host.file_variables(question).await
        };
        let expected = [("HTTPS_PROXY", "http://…@proxy:1"), ("NO_PROXY", "b c")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(ask("/agent.env").await, Ok(expected.into()));
        assert_eq!(ask("/none.env").await, Err(Unseen::Absent));
    }
}
