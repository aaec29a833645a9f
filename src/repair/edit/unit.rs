//! Variables taken out of the files that give a service its environment: a unit file, a drop-in, a file of `EnvironmentFile=`.

/// What is left of a text without some variables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::repair) enum Without {
    /// They are not in it.
    Same,
    /// This.
    Text(String),
    /// They stand in a way that is not taken apart: over several lines.
    Tangled,
}

/// A unit file or drop-in without `Environment=NAME=…`. Other variables of the same line stay as they are written.
pub(in crate::repair) fn unit_without(text: &str, names: &[&str]) -> Without {
    let mut kept = String::new();
    let mut goes_on = false;
    for line in text.split_inclusive('\n') {
        let (content, end) = split_end(line);
        let is_comment = content.trim_start().starts_with(['#', ';']);
        let continued = content.ends_with('\\') && !is_comment;
        let value = content
            .split_once('=')
            .filter(|(name, _)| name.trim() == "Environment" && !goes_on && !is_comment);
        if goes_on && names_one(content, names) {
            return Without::Tangled;
        }
        goes_on = continued || (goes_on && is_comment);
        match value {
            Some((name, value)) if names_one(value, names) => {
                if continued {
                    return Without::Tangled;
                }
                let words = words(value);
                let rest: Vec<&str> = words
                    .iter()
                    .copied()
                    .filter(|word| !sets(word, names))
                    .collect();
                if rest.len() == words.len() {
                    kept.push_str(line);
                } else if !rest.is_empty() {
                    kept.push_str(&format!("{name}={}{end}", rest.join(" ")));
                }
            }
            _ => kept.push_str(line),
        }
    }
    told(text, kept)
}

/// A file of `EnvironmentFile=` without `NAME=…`.
pub(in crate::repair) fn environment_file_without(text: &str, names: &[&str]) -> Without {
    let mut kept = String::new();
    let mut goes_on = false;
    for line in text.split_inclusive('\n') {
        let (content, _) = split_end(line);
        let is_comment = content.trim_start().starts_with(['#', ';']);
        let continued = content.ends_with('\\') && !is_comment;
        let is_ours = !goes_on && !is_comment && sets(content.trim_start(), names);
        let open_quote = is_ours && content.matches(['"', '\'']).count() % 2 == 1;
        if is_ours && (continued || open_quote) {
            return Without::Tangled;
        }
        goes_on = continued;
        if !is_ours {
            kept.push_str(line);
        }
    }
    told(text, kept)
}

fn told(before: &str, after: String) -> Without {
    match before == after {
        true => Without::Same,
        false => Without::Text(after),
    }
}

fn split_end(line: &str) -> (&str, &str) {
    let content = line.trim_end_matches(['\n', '\r']);
    line.split_at(content.len())
}

fn names_one(text: &str, names: &[&str]) -> bool {
    names.iter().any(|name| text.contains(&format!("{name}=")))
}

/// Whether a word, with its quotation marks, sets one of the variables.
fn sets(word: &str, names: &[&str]) -> bool {
    let word = word.trim_start_matches(['"', '\'']);
    let name = word.split_once('=').map(|(name, _)| name.trim_end());
    name.is_some_and(|name| names.contains(&name))
}

/// The words of a value as they are written, quotation marks and backslashes included.
fn words(value: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut begin = None;
    let mut quote = None;
    let mut characters = value.char_indices();
    while let Some((at, c)) = characters.next() {
        match (c, quote) {
            ('\\', _) => {
                begin.get_or_insert(at);
                characters.next();
            }
            (c, Some(open)) if c == open => quote = None,
            ('"' | '\'', None) => {
                begin.get_or_insert(at);
                quote = Some(c);
            }
            (c, None) if c.is_whitespace() => {
                words.extend(begin.take().map(|begin| &value[begin..at]));
            }
            _ => {
                begin.get_or_insert(at);
            }
        }
    }
    words.extend(begin.map(|begin| &value[begin..]));
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 2] = ["HTTPS_PROXY", "https_proxy"];

    #[test]
    fn a_variable_goes_and_its_line_with_it_if_it_was_alone() {
        for (before, after) in [
            (
                "[Service]\nEnvironment=HTTPS_PROXY=http://p:1\nUser=x\n",
                "[Service]\nUser=x\n",
            ),
            (
                "[Service]\r\nEnvironment=A=b \"HTTPS_PROXY=http://p:1\" 'C=d e'\r\n",
                "[Service]\r\nEnvironment=A=b 'C=d e'\r\n",
            ),
            ("Environment = https_proxy=x HTTPS_PROXY=y", ""),
            (
                "# Environment=HTTPS_PROXY=x\nEnvironment=NO_PROXY=HTTPS_PROXY=x\n",
                "\0",
            ),
            (
                "Environment=HTTPS_PROXY_OLD=x\nExecStart=/x HTTPS_PROXY=y\n",
                "\0",
            ),
        ] {
            let wanted = match after {
                "\0" => Without::Same,
                after => Without::Text(after.to_owned()),
            };
            assert_eq!(unit_without(before, &NAMES), wanted, "{before}");
        }
        for tangled in [
            "Environment=A=b \\\n  HTTPS_PROXY=x\n",
            "Environment=HTTPS_PROXY=x \\\n  A=b\n",
            "Environment=A=b \\\n# c\n  HTTPS_PROXY=x\n",
        ] {
            assert_eq!(unit_without(tangled, &NAMES), Without::Tangled, "{tangled}");
        }
    }

    #[test]
    fn a_file_of_variables_keeps_the_others() {
        let before =
            "# HTTPS_PROXY=old\nA=b\n HTTPS_PROXY='http://p:1'\nhttps_proxy=x\nNO_PROXY=y\n";
        let after = "# HTTPS_PROXY=old\nA=b\nNO_PROXY=y\n";
        assert_eq!(
            environment_file_without(before, &NAMES),
            Without::Text(after.to_owned())
        );
        assert_eq!(environment_file_without(after, &NAMES), Without::Same);
        let long = "HTTPS_PROXY=http://\\\np:1\n";
        assert_eq!(environment_file_without(long, &NAMES), Without::Tangled);
    }

    proptest::proptest! {
        #[test]
        fn what_is_left_sets_none_of_them(text in r#"(Environment ?= ?|HTTPS_PROXY=|A=b|["' \\]|[#;]|x|\n){0,20}"#) {
            if let Without::Text(left) = unit_without(&text, &NAMES) {
                let lines = crate::host::unit_lines(&left);
                for line in lines {
                    if let crate::host::UnitLine::Assignment { name, value } = line && name == "Environment" {
                        let set = words(&value).into_iter().filter(|word| word.starts_with("HTTPS_PROXY="));
                        proptest::prop_assert_eq!(set.count(), 0, "{:?} {:?}", text, left);
                    }
                }
            }
            let _ = environment_file_without(&text, &NAMES);
        }
    }
}
