//! What `w32tm /query /status` prints, and the list of servers that the Windows Time service is told to follow. Pure.
//!
//! The labels are in the language of the system; the order of the lines and what begins their values is not.

/// Whether the clock follows a source; nothing where the text says neither.
pub(super) fn is_synchronized(text: &str) -> Option<bool> {
    let mut values = text
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(_, value)| value.trim());
    let number = |value: &str| -> Option<u32> {
        let digits = value.split(|c: char| !c.is_ascii_digit()).next()?;
        digits.parse().ok()
    };
    let leap = number(values.next()?)?;
    let stratum = number(values.next()?)?;
    // Leap indicator 3, and stratum 0 of one that follows nobody; 1 is the machine's own clock.
    Some(leap != 3 && stratum != 0)
}

/// `time.windows.com,0x9 ntp.example.com`: names, each with flags behind a comma.
pub(super) fn servers(list: &str) -> Vec<String> {
    let names = list
        .split_whitespace()
        .filter_map(|word| word.split(',').next());
    names
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As documented ("Windows Time service tools and settings").
    const SYNCHRONIZED: &str = "Leap Indicator: 0(no warning)\r\nStratum: 4 (secondary reference - syncd by (S)NTP)\r\nPrecision: -23 (119.209ns per tick)\r\nRoot Delay: 0.0357521s\r\nRoot Dispersion: 7.7771459s\r\nReferenceId: 0x0A000001 (source IP:  10.0.0.1)\r\nLast Successful Sync Time: 11/24/2026 9:12:01 AM\r\nSource: time.windows.com,0x8\r\nPoll Interval: 10 (1024s)\r\n\r\n";
    const GERMAN: &str = "Sprungindikator: 3(nicht synchronisiert)\r\nStratum: 0 (nicht angegeben)\r\nPräzision: -23 (119.209ns pro Tick)\r\nQuelle: Lokale CMOS-Uhr\r\n";

    #[test]
    fn a_clock_that_follows_nobody_is_not_synchronized() {
        assert_eq!(is_synchronized(SYNCHRONIZED), Some(true));
        assert_eq!(is_synchronized(GERMAN), Some(false));
        let error =
            "The following error occurred: The service has not been started. (0x80070426)\r\n";
        assert_eq!(is_synchronized(error), None);
        assert_eq!(is_synchronized(""), None);
    }

    #[test]
    fn servers_are_names_without_their_flags() {
        let list = "time.windows.com,0x9  ntp.example.com 192.0.2.1,0x1";
        assert_eq!(
            servers(list),
            ["time.windows.com", "ntp.example.com", "192.0.2.1"]
        );
        assert!(servers("").is_empty());
    }
}
