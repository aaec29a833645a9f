//! `nexplane-doctor fix`: diagnoses, shows what it would do, asks, does it, and looks again; or takes the last run back.

mod ask;
mod human;
mod json;
#[cfg_attr(unix, path = "silent/unix.rs")]
#[cfg_attr(windows, path = "silent/windows.rs")]
mod silent;
mod undo;

use std::path::PathBuf;
use std::sync::Arc;

use chrono::Utc;
use tokio_util::sync::CancellationToken;

use self::ask::Terminal;
use super::args::{Common, FixArgs, Format};
use super::exit::{Exit, Failure};
use super::output;
use super::progress::Progress;
use super::{diagnose, secrets, sources};
use crate::agent::Privilege;
use crate::doctor::Doctor;
use crate::engine::{Limits, Selection};
use crate::host::live::Settings;
use crate::model::{self, Report, Target, Verdict};
use crate::repair::{
    Ask, Description, ForPerson, Given, Hands, Item, Journal, JournalError, Lock, Outcome, Past,
    Place, Plan, Safety, apply, plan,
};

pub(super) use json::schema;

/// How often a new plan is made from what is left: behind a cause that is gone there may have been another.
const ROUNDS: u32 = 3;

/// Who has to do what only one who may change the host can do.
const ONLY_ROOT: &str = match cfg!(windows) {
    true => {
        "only an administrator can do it: run it in a PowerShell that was started as Administrator"
    }
    false => "only root can do it: run `sudo nexplane-doctor fix`",
};
/// What is said to a user without a home.
const HOMELESS: &str =
    "there is no home to keep the undo journal in; name a directory with --journal";

pub(super) fn run(args: &FixArgs, common: &Common) -> Result<Exit, Failure> {
    let runtime = diagnose::runtime()?;
    let interrupted = {
        let _context = runtime.enter();
        diagnose::interruption()
    };
    let session = Session::prepare(args, common, interrupted)?;
    let exit = runtime.block_on(async {
        match args.undo {
            true => undo::run(&session).await,
            false => session.fix().await,
        }
    });
    // A probe may still hang in a system call; nobody waits for it.
    runtime.shutdown_background();
    exit
}

/// One run, with all that was asked for.
struct Session<'a> {
    args: &'a FixArgs,
    common: &'a Common,
    interrupted: CancellationToken,
    doctor: Doctor,
    given: Given,
    /// None for a user without a home, who can still be shown a plan.
    place: Option<Place>,
    terminal: Option<Terminal>,
    /// What could not be said once something was begun: that is brought to its end first.
    unsaid: Option<Failure>,
}

/// An action of a plan, and what became of it.
struct Done {
    round: u32,
    description: Description,
    /// Places in the list of all actions.
    depends_on: Vec<usize>,
    /// `None`: the plan was only shown.
    outcome: Option<Outcome>,
}

/// What came of a run.
struct Fixed {
    before: Report,
    actions: Vec<Done>,
    for_person: Vec<ForPerson>,
    /// An earlier run that did not come to its end.
    unfinished: Option<PathBuf>,
    journal: Option<PathBuf>,
    after: Option<Report>,
}

impl<'a> Session<'a> {
    fn prepare(
        args: &'a FixArgs,
        common: &'a Common,
        interrupted: CancellationToken,
    ) -> Result<Self, Failure> {
        let (catalog, graph) = sources::graph(None)?;
        if let Some(root) = &args.target.root {
            diagnose::directory(root)?;
        }
        // Paths of a journal are read by another run, which may begin in another directory.
        let root = args
            .target
            .root
            .as_deref()
            .map(std::path::absolute)
            .transpose();
        let root = root.map_err(|error| Failure::usage(format_args!("--root: {error}")))?;
        let token = secrets::enrollment_token(args.token.as_ref(), args.token_file.as_deref())?;
        let place = args.journal.clone().map(Place::at).or_else(Place::usual);
        if place.is_none() && args.undo {
            return Err(Failure::usage(HOMELESS));
        }
        let timeout = args.target.timeout.min(args.target.deadline);
        let doctor = Doctor {
            catalog: Arc::new(catalog),
            graph,
            target: Arc::new(Target {
                control_plane: args.target.control_plane.clone(),
                config: args.target.config.clone(),
                // As the agent would see it once it has been told.
                ca_cert: args.ca_cert.clone(),
                token_given: token.is_some(),
                given: model::Given {
                    token_file: diagnose::token_file(args.token_file.as_deref(), token.as_ref()),
                    ..diagnose::given(&args.target)
                },
                ..Target::unspecified(args.target.timeout)
            }),
            selection: Selection::default(),
            limits: Limits {
                timeout,
                deadline: args.target.deadline,
            },
            ignore: Vec::new(),
            settings: Settings {
                root,
                token: token.clone(),
                ..Settings::new(timeout)
            },
        };
        Ok(Self {
            args,
            common,
            interrupted,
            doctor,
            given: Given {
                token,
                ca_cert: args.ca_cert.clone(),
                fingerprint: args.ca_fingerprint.clone(),
            },
            place,
            terminal: Terminal::of(args),
            unsaid: None,
        })
    }

    async fn look(&self, doctor: &Doctor) -> Report {
        let mut progress = Progress::new(self.common, &self.doctor.ignore);
        let mut show = |event: crate::engine::Event<'_>| progress.event(&event, &doctor.catalog);
        let report = doctor.look(&self.interrupted, &mut show).await;
        progress.finish();
        report
    }

    async fn fix(mut self) -> Result<Exit, Failure> {
        let before = self.look(&self.doctor).await;
        self.show(|look| human::heading(&before, look))?;
        let mut fixed = Fixed {
            unfinished: self.unfinished()?,
            actions: Vec::new(),
            for_person: Vec::new(),
            journal: None,
            after: None,
            before,
        };
        let mut report = fixed.before.clone();
        let mut hands: Option<Hands> = None;
        for round in 1..=ROUNDS {
            let plan = plan(&self.doctor, &report, &self.given, &self.interrupted).await;
            fixed.for_person.clone_from(&plan.for_person);
            let fresh = |item: &Item| !fixed.actions.iter().any(|done| done.is_of(item));
            if round > 1 && !plan.items.iter().any(fresh) {
                break;
            }
            let shown = self.show(|look| human::plan(&plan, &report, look));
            self.goes_unsaid(shown, hands.is_some())?;
            let first = fixed.actions.len();
            if !self.may_act() || plan.items.is_empty() {
                fixed.actions.extend(only_shown(round, first, plan));
                break;
            }
            if round == 1 && !self.goes_on(fixed.unfinished.as_deref()).await {
                fixed.actions.extend(only_shown(round, first, plan));
                break;
            }
            self.work(round, plan, &report, &mut fixed, &mut hands)
                .await?;
            report = self.look(&self.doctor).await;
            let helped = fixed.actions[first..].iter().any(Done::carries);
            fixed.after = Some(report.clone());
            let stops = self.interrupted.is_cancelled() || self.unsaid.is_some();
            if is_well(&report) || !helped || stops {
                break;
            }
        }
        if let Some(mut hands) = hands {
            fixed.journal = Some(hands.journal().directory().to_owned());
            let cut = |done: &Done| done.outcome == Some(Outcome::Interrupted);
            if !fixed.actions.iter().any(cut) {
                hands.journal_mut().finish().map_err(Failure::usage)?;
            }
        }
        match self.unsaid {
            Some(failure) => Err(failure),
            None => self.end(&fixed),
        }
    }

    /// Whoever is not told of a plan has agreed to nothing; what is begun does not stop half way because nobody is told of it.
    fn goes_unsaid(&mut self, said: Result<(), Failure>, begun: bool) -> Result<(), Failure> {
        match said {
            Err(failure) if begun => {
                self.unsaid.get_or_insert(failure);
                Ok(())
            }
            said => said,
        }
    }

    /// Whether anything may be done at all: somebody is asked, or has said yes.
    fn may_act(&self) -> bool {
        !self.args.dry_run
            && !self.interrupted.is_cancelled()
            && (self.args.yes || self.terminal.is_some())
    }

    /// Does what is agreed to, one action after the other.
    async fn work(
        &mut self,
        round: u32,
        plan: Plan,
        report: &Report,
        fixed: &mut Fixed,
        hands: &mut Option<Hands>,
    ) -> Result<(), Failure> {
        let first = fixed.actions.len();
        for item in plan.items {
            let depends_on: Vec<usize> = item.depends_on.iter().map(|at| at + first).collect();
            let missing = depends_on.iter().find(|at| !fixed.actions[**at].carries());
            let outcome = match missing {
                Some(at) => {
                    let on = &fixed.actions[*at].description.title;
                    Outcome::NotDone(format!("it is of no use without: {on}"))
                }
                None if in_vain(&fixed.actions, round, &item) => {
                    Outcome::NotDone("it was tried before, in vain".to_owned())
                }
                None => self.one(&item, report, hands).await,
            };
            let said = self.show(|look| human::outcome(&item.description, &outcome, look));
            self.goes_unsaid(said, hands.is_some())?;
            fixed.actions.push(Done {
                round,
                description: item.description,
                depends_on,
                outcome: Some(outcome),
            });
        }
        Ok(())
    }

    async fn one(&mut self, item: &Item, report: &Report, hands: &mut Option<Hands>) -> Outcome {
        if let Some(why) = self.objection(&item.description).await {
            return Outcome::NotDone(why);
        }
        let hands = match hands {
            Some(hands) => hands,
            None => match self.begin() {
                Ok(begun) => hands.insert(begun),
                Err(why) => {
                    return Outcome::NotDone(format!(
                        "nothing is changed that could not be undone: {why}"
                    ));
                }
            },
        };
        let outcome = apply(
            item,
            &self.doctor,
            report,
            &self.given,
            hands,
            &self.interrupted,
        )
        .await;
        if hands.has_used_token() {
            // Of no use any more, whatever came of it, and no longer what is to be looked at. One that was not needed serves the next.
            self.given.token = None;
            self.doctor.settings.token = None;
            self.doctor.target = Arc::new(Target {
                token_given: false,
                given: model::Given {
                    token_file: None,
                    ..self.doctor.target.given.clone()
                },
                ..(*self.doctor.target).clone()
            });
        }
        outcome
    }

    fn begin(&self) -> Result<Hands, String> {
        let lock = self.lock()?;
        let root = self.doctor.settings.root.as_deref();
        let journal = Journal::begin(lock, root, Utc::now());
        Ok(Hands::new(journal.map_err(|error| error.to_string())?))
    }

    fn lock(&self) -> Result<Lock, String> {
        let place = self.place.as_ref().ok_or(HOMELESS)?;
        place.lock().map_err(|error| error.to_string())
    }

    /// The last run that is not taken back whole.
    fn last(&self) -> Result<Option<Past>, JournalError> {
        let root = self.doctor.settings.root.as_deref();
        let last = self.place.as_ref().map(|place| place.last(root));
        Ok(last.transpose()?.flatten())
    }

    /// Why an action is not begun, after whoever can be asked has been.
    async fn objection(&mut self, description: &Description) -> Option<String> {
        if self.interrupted.is_cancelled() {
            return Some("interrupted before it began".to_owned());
        }
        if description.safety == Safety::Person {
            return Some("a person has to do it".to_owned());
        }
        if description.needs_root && Privilege::of_this_process() == Privilege::Ordinary {
            return Some(ONLY_ROOT.to_owned());
        }
        if !description.is_agreed(self.args.yes, self.args.all) {
            let agreed = match &self.terminal {
                Some(terminal) if !self.args.yes => {
                    let question = format!("{}?", description.title);
                    terminal.agrees(&question, &self.interrupted).await
                }
                _ => {
                    return Some(
                        "it takes more than --yes: --yes --all does it, a terminal is asked"
                            .to_owned(),
                    );
                }
            };
            if !agreed {
                return Some("nobody agreed to it".to_owned());
            }
        }
        self.missing(description.ask.as_ref()).await
    }

    /// What an action has to be given and nobody gave, after it was asked for.
    async fn missing(&mut self, ask: Option<&Ask>) -> Option<String> {
        match (ask?, &self.terminal) {
            (Ask::Token, _) if self.given.token.is_some() => None,
            (Ask::Token, Some(terminal)) => {
                let token = terminal
                    .secret("A new enrollment token (not shown): ", &self.interrupted)
                    .await;
                self.given.token = token;
                match self.given.token {
                    Some(_) => None,
                    None => Some("no token was given".to_owned()),
                }
            }
            (Ask::Token, None) => {
                Some("it needs a new enrollment token: --token-file FILE".to_owned())
            }
            (Ask::Fingerprint { of }, Some(terminal)) => {
                let question =
                    format!("The SHA-256 fingerprint of {of}, from somebody who knows it: ");
                self.given.fingerprint = terminal.line(&question, &self.interrupted).await;
                match self.given.fingerprint {
                    Some(_) => None,
                    None => Some("no fingerprint was typed".to_owned()),
                }
            }
            (Ask::Fingerprint { .. }, None) => {
                Some("it needs the control plane's CA certificate: --ca-cert FILE, or its fingerprint: --ca-fingerprint SHA256".to_owned())
            }
        }
    }

    /// An earlier run that was cut short, if its journal may be looked at.
    fn unfinished(&self) -> Result<Option<PathBuf>, Failure> {
        match self.last() {
            Ok(past) => {
                let past = past.filter(|past| !past.finished);
                let journal = past.map(|past| past.directory);
                if let Some(journal) = &journal {
                    self.tell(&format!(
                        "An earlier `nexplane-doctor fix` did not come to its end; `nexplane-doctor fix --undo` takes back what it did ({}).",
                        journal.display()
                    ));
                }
                Ok(journal)
            }
            Err(error) => {
                self.tell(&format!("warning: {error}"));
                Ok(None)
            }
        }
    }

    /// Whether to go on although an earlier run was cut short.
    async fn goes_on(&self, unfinished: Option<&std::path::Path>) -> bool {
        match (unfinished, &self.terminal) {
            (Some(_), Some(terminal)) if !self.args.yes => {
                terminal
                    .agrees("Go on without taking it back?", &self.interrupted)
                    .await
            }
            _ => true,
        }
    }

    fn end(&self, fixed: &Fixed) -> Result<Exit, Failure> {
        self.show(|look| human::end(fixed, self.args, look))?;
        if self.args.format == Format::Json {
            output::print(&json::render(fixed)?)?;
        }
        let last = fixed.after.as_ref().unwrap_or(&fixed.before);
        Ok(Exit::expected(is_well(last)))
    }

    /// Text for people, where that is the format.
    fn show(&self, text: impl FnOnce(crate::report::human::Look) -> String) -> Result<(), Failure> {
        match self.args.format {
            Format::Human if self.common.quiet < 2 => {
                output::print(&text(output::look(self.common, false)))
            }
            _ => Ok(()),
        }
    }

    fn tell(&self, text: &str) {
        if self.common.quiet == 0 {
            output::tell(&crate::model::printable(text));
        }
    }
}

impl Done {
    /// Whether this is what an action of a later plan would do once more.
    fn is_of(&self, item: &Item) -> bool {
        let (done, next) = (&self.description, &item.description);
        done.repair == next.repair && done.codes == next.codes
    }

    fn carries(&self) -> bool {
        self.outcome.as_ref().is_some_and(Outcome::carries)
    }
}

/// Whether an action has not helped in an earlier round, and nothing that was done since could make it.
fn in_vain(actions: &[Done], round: u32, item: &Item) -> bool {
    let earlier = |done: &Done| done.round < round && done.is_of(item);
    let last = actions.iter().rposition(earlier);
    last.is_some_and(|at| !actions[at..].iter().any(Done::carries))
}

/// A plan that was only shown.
fn only_shown(round: u32, first: usize, plan: Plan) -> impl Iterator<Item = Done> {
    plan.items.into_iter().map(move |item| Done {
        round,
        depends_on: item.depends_on.iter().map(|at| at + first).collect(),
        description: item.description,
        outcome: None,
    })
}

const fn is_well(report: &Report) -> bool {
    matches!(report.verdict, Verdict::Healthy | Verdict::Degraded)
}
