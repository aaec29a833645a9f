//! The Windows Time service: started, and told to ask its own sources at once (`w32tm /resync`). Which those are is not the doctor's to say.

use super::{Change, LIMIT};
use crate::host::{StartType, TimeSync};
use crate::repair::hands::{self, Hands, HandsError};
use crate::repair::journal::Undo;
use crate::repair::manager;

/// The service's name.
const SERVICE: &str = "W32Time";

/// What is done, by what was seen.
pub(super) fn resync(sync: &TimeSync) -> Result<Change, String> {
    let property = |name: &str| sync.properties.get(name).map(String::as_str);
    if property("Type").is_some_and(|kind| kind.eq_ignore_ascii_case("NoSync")) {
        return Err(
            "the Windows Time service is told to follow nobody (Type NoSync): which source it shall follow, a person has to say"
                .to_owned(),
        );
    }
    let Some(state) = property(SERVICE) else {
        return Err("what the Windows Time service is doing could not be seen".to_owned());
    };
    Ok(Change::Resync {
        start: match (property("StartType"), sync.enabled) {
            (Some("automatic"), _) => StartType::Automatic,
            (Some("disabled"), _) | (None, Some(false)) => StartType::Disabled,
            _ => StartType::Demand,
        },
        runs: state == "running",
    })
}

/// That in words: what is done, what it changes, how it is taken back.
pub(super) fn words(start: StartType, runs: bool) -> (String, String, Option<String>) {
    let jumps = "the clock is set to the time of its own sources";
    if runs {
        let title = "Have the Windows Time service ask its sources at once (w32tm /resync /force)";
        return (title.to_owned(), jumps.to_owned(), None);
    }
    let back = match start {
        StartType::Automatic | StartType::Demand => format!("Stop-Service {SERVICE}"),
        StartType::Disabled => {
            format!("Stop-Service {SERVICE}, Set-Service {SERVICE} -StartupType Disabled")
        }
    };
    (
        "Switch time synchronisation on (Start-Service W32Time, w32tm /resync /force)".to_owned(),
        format!("{SERVICE} runs, now and at boot, and {jumps}"),
        Some(format!("{back}; the time that was set stays")),
    )
}

/// Does it. Whether the clock follows then, `w32tm /query` says.
pub(super) async fn apply(
    hands: &mut Hands,
    start: StartType,
    runs: bool,
) -> Result<(), HandsError> {
    if !runs {
        if start != StartType::Automatic {
            hands.note(&Undo::RestoreStartType {
                unit: SERVICE.to_owned(),
                start,
            })?;
            let changed = manager::set_start(SERVICE, StartType::Automatic).await;
            changed.map_err(|why| hands::system("change the start type of", SERVICE, why))?;
        }
        hands.note(&Undo::RestoreService {
            unit: SERVICE.to_owned(),
            active: "inactive".to_owned(),
        })?;
        let started = manager::begin(SERVICE).await;
        started.map_err(|why| hands::system("start", SERVICE, why))?;
    }
    hands.note(&Undo::Irreversible {
        what: "the Windows Time service was told to set the clock at once".to_owned(),
    })?;
    hands
        .run(None, "w32tm", &["/resync", "/force"], LIMIT)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sync(enabled: bool, properties: &[(&str, &str)]) -> TimeSync {
        TimeSync {
            enabled: Some(enabled),
            synchronized: None,
            properties: properties
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            keeper: None,
            servers: Vec::new(),
            supplied: false,
        }
    }

    #[test]
    fn a_stopped_time_service_is_started_and_one_that_shall_follow_nobody_is_not() {
        for (enabled, properties, change) in [
            (
                true,
                &[("W32Time", "running"), ("Type", "NTP")][..],
                Ok((StartType::Demand, true)),
            ),
            (
                true,
                &[
                    ("W32Time", "stopped"),
                    ("Type", "NT5DS"),
                    ("StartType", "automatic"),
                ],
                Ok((StartType::Automatic, false)),
            ),
            (
                false,
                &[("W32Time", "stopped"), ("Type", "NTP")],
                Ok((StartType::Disabled, false)),
            ),
            (
                false,
                &[("W32Time", "running"), ("Type", "NoSync")],
                Err("NoSync"),
            ),
            (true, &[("Type", "NTP")], Err("could not be seen")),
        ] {
            let found = resync(&sync(enabled, properties));
            match change {
                Ok((start, runs)) => {
                    assert_eq!(found, Ok(Change::Resync { start, runs }), "{properties:?}");
                }
                Err(word) => assert!(found.is_err_and(|why| why.contains(word)), "{properties:?}"),
            }
        }
    }

    #[test]
    fn what_cannot_be_taken_back_is_not_promised() {
        assert_eq!(words(StartType::Automatic, true).2, None);
        let (_, _, undo) = words(StartType::Disabled, false);
        assert!(undo.is_some_and(|it| it.contains("Disabled") && it.contains("stays")));
    }
}
