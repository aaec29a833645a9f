//! Markdown as a renderer that is not ours reads it.

use proptest::prelude::*;
use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use super::sample::{any_report, report};
use crate::model::{Report, ReportedFinding, printable};
use crate::report::markdown::render;

/// What a page comes to when it is rendered.
#[derive(Debug, Default, PartialEq, Eq)]
struct Page {
    /// The text of headings.
    headings: Vec<String>,
    /// Blocks of code.
    commands: Vec<String>,
    /// All text, as a reader sees it.
    text: String,
    /// What is neither text nor a heading, a paragraph, a list, code or bold type.
    odd: Vec<String>,
    /// Lists, one within another counted too.
    lists: usize,
}

fn read(markdown: &str) -> Page {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_MATH
        | Options::ENABLE_GFM;
    let mut page = Page::default();
    let (mut heading, mut block) = (None::<String>, None::<String>);
    for event in Parser::new_ext(markdown, options) {
        match event {
            Event::Start(Tag::Heading {
                level: HeadingLevel::H2 | HeadingLevel::H3,
                ..
            }) => heading = Some(String::new()),
            Event::End(TagEnd::Heading(_)) => page.headings.extend(heading.take()),
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(_))) => block = Some(String::new()),
            Event::End(TagEnd::CodeBlock) => page.commands.extend(block.take()),
            Event::Text(text) | Event::Code(text) => {
                page.text.push_str(&text);
                for part in [&mut heading, &mut block].into_iter().flatten() {
                    part.push_str(&text);
                }
            }
            Event::SoftBreak => page.text.push(' '),
            Event::Start(Tag::List(_)) => page.lists += 1,
            Event::Start(Tag::Paragraph | Tag::Item | Tag::Strong) | Event::End(_) => {}
            other => page.odd.push(format!("{other:?}")),
        }
    }
    page
}

/// Without blanks and what marks code.
fn bare(text: &str) -> String {
    let text = text.replace("(empty)", "");
    text.chars()
        .filter(|c| !c.is_whitespace() && *c != '`')
        .collect()
}

fn commands(report: &Report) -> Vec<&str> {
    fn of(found: &ReportedFinding) -> Vec<&str> {
        let steps = found.remedy.steps.iter();
        let steps = steps.filter_map(|step| step.command.as_deref());
        steps.chain(found.fix.as_deref()).collect()
    }
    report.findings.iter().flat_map(of).collect()
}

#[test]
fn it_looks_as_a_ticket_should() {
    let page = render(&report());
    assert_eq!(
        page.lines().take(28).collect::<Vec<_>>().join("\n"),
        "\
## Nexplane agent: FAILED

- Host: `web-server-01`
- Control plane: `https://nexplane.example.com:8000`
- Configuration: `/etc/nexplane-agent/config.yaml`
- Root causes: `token.used`
- Ignored, as asked: `config.unknown_key`
- Diagnosed: 1970-01-01 00:00:00 UTC, on the host, in 20 ms, by nexplane-doctor 0.1.0

### Cause: Title of token.used (`token.used`)

Detail of token.used.

- issuer: `CN=Example Private CA`

**What to do** (runbook: `symptom-1/token-used`): Do this.

1. Install again

   ```sh
   nexplane-agent install --token NEW_TOKEN
   ```

Or have the doctor repair it. It shows the plan, and asks:

```sh
nexplane-doctor fix --token-file NEW_TOKEN_FILE
```"
    );
    assert!(!page.contains("\n\n\n"), "{page}");
}

#[test]
fn words_from_outside_are_words() {
    let mut report = report();
    report.findings.truncate(1);
    report.findings[0].detail =
        "1. The server `a`b says \"see [x](http://x.test), or ask @root\" ``and that's all` (#7)."
            .into();
    let page = render(&report);
    assert!(
        page.contains(
            "\n`1.` The server `a`b says \"see `[x](http://x.test`), or ask `@root`\" (empty)and that's all (`#7`).\n"
        ),
        "{page}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn nothing_from_outside_is_markup_and_nothing_is_lost(report in any_report()) {
        let markdown = render(&report);
        let page = read(&markdown);
        prop_assert!(page.odd.is_empty(), "{:?} in {}", page.odd, markdown);
        prop_assert_eq!(page.headings.len(), 2 + report.findings.len(), "{}", markdown);
        let commands = commands(&report);
        let told: Vec<String> = page.commands.iter().map(|block| bare(block)).collect();
        let given: Vec<String> = commands.iter().map(|command| bare(&command.lines().map(printable).collect::<String>())).collect();
        prop_assert_eq!(told, given, "{}", markdown);
        let lists = report.findings.iter().map(|found| usize::from(!found.evidence.is_empty()) + usize::from(!found.remedy.steps.is_empty()));
        prop_assert_eq!(page.lists, 2 + lists.sum::<usize>(), "{}", markdown);
        let text = bare(&page.text);
        for finding in &report.findings {
            let facts = finding.evidence.iter().flat_map(|fact| [&fact.what, &fact.value]);
            for told in facts.chain([&finding.title, &finding.detail, &finding.remedy.text]) {
                prop_assert!(text.contains(&bare(&printable(told))), "{:?} in {}", told, markdown);
            }
        }
    }
}
