//! Durations: as the agent's configuration and the command line write them (Go's syntax, `1m30s`, `500ms`), and as
//! sentences do (`1 min 30 s`, `500 ms`).

use std::time::Duration;

use super::counted;

/// Text that is no duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no duration: a number with a unit (ms, s, m, h), such as 5s, 500ms or 1m30s")]
pub struct InvalidDuration(String);

/// Reads a duration in Go's syntax (`time.ParseDuration`): one or more decimal numbers, each with a unit.
///
/// # Errors
/// When the text is empty, negative, has no unit, or is too large.
pub fn parse_duration(text: &str) -> Result<Duration, InvalidDuration> {
    let invalid = || InvalidDuration(text.to_owned());
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let mut rest = text;
    let mut seconds = 0f64;
    if rest.is_empty() {
        return Err(invalid());
    }
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !(c.is_ascii_digit() || c == '.'))
            .ok_or_else(invalid)?;
        let number: f64 = rest[..digits].parse().map_err(|_| invalid())?;
        rest = &rest[digits..];
        let unit_end = rest
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(rest.len());
        let factor = match &rest[..unit_end] {
            "ns" => 1e-9,
            "us" | "µs" | "μs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return Err(invalid()),
        };
        seconds += number * factor;
        rest = &rest[unit_end..];
    }
    Duration::try_from_secs_f64(seconds).map_err(|_| invalid())
}

/// Writes a duration in Go's syntax, to be read again: not a nanosecond of it is lost.
pub fn exact_duration(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    let units = [
        (1_000_000_000, "s"),
        (1_000_000, "ms"),
        (1_000, "us"),
        (1, "ns"),
    ];
    let whole = units
        .into_iter()
        .find(|(unit, _)| nanos.is_multiple_of(*unit));
    let (unit, name) = whole.unwrap_or((1, "ns"));
    format!("{}{name}", nanos / unit)
}

/// Writes a duration for people, in the same syntax: `41ms`, `1.2s`, `5m10s`, `3h4m`, `2d5h`.
pub fn format_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 if duration.as_millis() == 0 && !duration.is_zero() => "<1ms".to_owned(),
        0 => format!("{}ms", duration.as_millis()),
        1..60 => {
            let text = format!("{:.1}", duration.as_secs_f64());
            format!("{}s", text.strip_suffix(".0").unwrap_or(&text))
        }
        60..3600 => format!("{}m{}s", seconds / 60, seconds % 60),
        3600..86400 => format!("{}h{}m", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{}d{}h", seconds / 86400, seconds % 86400 / 3600),
    }
}

/// Writes a duration as it stands in a sentence: `1.2 ms`, `652 ms`, `1.5 s`, `10 min 5 s`, `2 h 3 min`, `4 days 23 h`.
pub fn spoken_duration(duration: Duration) -> String {
    let (seconds, millis) = (duration.as_secs(), duration.as_secs_f64() * 1e3);
    let two = |much: String, little: u64, unit| match little {
        0 => much,
        little => format!("{much} {little} {unit}"),
    };
    let short = |number: f64, unit| {
        let text = format!("{number:.1}");
        format!("{} {unit}", text.strip_suffix(".0").unwrap_or(&text))
    };
    match seconds {
        0 if millis < 10.0 => short(millis, "ms"),
        0 => format!("{millis:.0} ms"),
        1..60 => short(duration.as_secs_f64(), "s"),
        60..3600 => two(format!("{} min", seconds / 60), seconds % 60, "s"),
        3600..86400 => two(format!("{} h", seconds / 3600), seconds % 3600 / 60, "min"),
        // Nobody counts the hours of weeks.
        864_000.. => format!("{} days", seconds / 86400),
        _ => {
            let days = counted(seconds / 86400, "day", "days");
            two(days, seconds % 86400 / 3600, "h")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_go_durations() {
        for (text, millis) in [
            ("5s", 5000),
            ("500ms", 500),
            ("1m30s", 90_000),
            ("1.5h", 5_400_000),
            ("0", 0),
        ] {
            assert_eq!(
                parse_duration(text),
                Ok(Duration::from_millis(millis)),
                "{text}"
            );
        }
        for bad in [
            "",
            "5",
            "s",
            "-1s",
            "5 s",
            "5x",
            "1..2s",
            "999999999999999999999h",
        ] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn speaks_as_sentences_do() {
        for (millis, text) in [
            (0, "0 ms"),
            (7, "7 ms"),
            (652, "652 ms"),
            (1000, "1 s"),
            (1234, "1.2 s"),
            (60_000, "1 min"),
            (605_000, "10 min 5 s"),
            (3_780_000, "1 h 3 min"),
            (86_400_000, "1 day"),
            (428_400_000, "4 days 23 h"),
            (3_452_400_000, "39 days"),
        ] {
            assert_eq!(spoken_duration(Duration::from_millis(millis)), text);
        }
        assert_eq!(spoken_duration(Duration::from_micros(1240)), "1.2 ms");
    }

    #[test]
    fn writes_what_people_read() {
        for (millis, text) in [
            (41, "41ms"),
            (1200, "1.2s"),
            (5000, "5s"),
            (310_000, "5m10s"),
            (11_040_000, "3h4m"),
        ] {
            assert_eq!(format_duration(Duration::from_millis(millis)), text);
        }
    }
}
