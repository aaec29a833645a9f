//! Lists for a terminal: a line for each thing where it fits, and folded below itself where it does not. What is no terminal
//! gets each line whole, to be searched and cut.

use std::io::IsTerminal as _;

use crate::catalog::FindingDoc;

/// Columns from which a finding's title stands beside its code.
const WIDE: usize = 80;

/// Folds what does not fit on the terminal; `indent` is that of all lines but the first.
pub(super) fn folded(line: &str, indent: usize) -> String {
    match std::io::stdout().is_terminal() {
        true => fold(line, indent, super::output::width()),
        false => line.to_owned(),
    }
}

/// A finding in a line: code, severity, title.
pub(super) fn finding(finding: &FindingDoc) -> String {
    let (code, severity) = (finding.code.as_str(), finding.severity.as_str());
    let line = format!("  {code:<35} {severity:<8} {}", finding.title);
    let is_narrow = std::io::stdout().is_terminal() && super::output::width() < WIDE;
    match is_narrow {
        true => format!(
            "{}\n{}",
            fold(&format!("  {code} {severity}"), 4, super::output::width()),
            folded(&format!("    {}", finding.title), 4)
        ),
        false => folded(&line, 47),
    }
}

fn fold(line: &str, indent: usize, width: usize) -> String {
    let indent = " ".repeat(indent);
    let options = textwrap::Options::new(width)
        .subsequent_indent(&indent)
        .word_splitter(textwrap::WordSplitter::NoHyphenation)
        .break_words(false);
    // The line's own indentation is none of its words.
    let text = line.trim_start();
    let first = " ".repeat(line.len() - text.len());
    textwrap::fill(text, options.initial_indent(&first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_fit_stay_as_they_are_and_others_keep_their_words_whole() {
        let line = "  trust.expired                       error    The certificate has expired";
        assert_eq!(fold(line, 47, 100), line);
        for width in [1, 10, 20, 40, 60] {
            let folded = fold(line, 4, width);
            let words: Vec<&str> = folded.split_whitespace().collect();
            assert_eq!(
                words,
                line.split_whitespace().collect::<Vec<_>>(),
                "{width}"
            );
            for line in folded.lines() {
                let is_word = line.split_whitespace().count() == 1;
                assert!(line.len() <= width || is_word, "{width}: {line}");
            }
        }
    }
}
