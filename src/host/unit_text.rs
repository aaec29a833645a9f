//! The text of a unit file or of a drop-in, as systemd.syntax(7) says it is read. Pure.

/// A line that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnitLine {
    /// `[Service]`: what follows is of this section.
    Section(String),
    /// `Name=value`; an empty value takes back those of a list that came before.
    Assignment {
        /// The name.
        name: String,
        /// The value, quotes and all.
        value: String,
    },
}

/// The lines of a text, without comments; one that ends with a backslash goes on in the next.
pub fn unit_lines(text: &str) -> Vec<UnitLine> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for part in text.lines() {
        // A comment within a continued line is left out, and the line goes on.
        if part.trim_start().starts_with(['#', ';']) {
            continue;
        }
        if let Some(part) = part.strip_suffix('\\') {
            line.push_str(part);
            line.push(' ');
            continue;
        }
        line.push_str(part);
        lines.extend(read_line(line.trim()));
        line.clear();
    }
    lines.extend(read_line(line.trim()));
    lines
}

fn read_line(line: &str) -> Option<UnitLine> {
    if let Some(name) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
        return Some(UnitLine::Section(name.to_owned()));
    }
    let (name, value) = line.split_once('=')?;
    Some(UnitLine::Assignment {
        name: name.trim().to_owned(),
        value: value.trim().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_go_on_after_a_backslash_and_around_comments() {
        let text = "[Service]\nEnvironment=A=b \\\n# not this\n  C=d\n;nor this\nUser = x\nnonsense\nGroup=\\";
        let assignment = |name: &str, value: &str| UnitLine::Assignment {
            name: name.into(),
            value: value.into(),
        };
        assert_eq!(
            unit_lines(text),
            [
                UnitLine::Section("Service".into()),
                assignment("Environment", "A=b    C=d"),
                assignment("User", "x"),
                assignment("Group", ""),
            ]
        );
    }
}
