//! A clock that is really wrong, on a machine that has one of its own: it is set, by the time service that the machine has, and
//! by nothing else.

use crate::harness::{
    BESIDE_IT, Fixed, Lab, OwnClock, Server, Tells, bring_agent_to, chronyd, install_chrony,
};

/// A machine beside a control plane and a time server, which live in the true time, with an agent that is to be installed there.
struct Scene {
    machine: OwnClock,
    lab: Lab,
    _time: Server,
}

/// What chrony is told: to ask often, and to set no clock by a jump unless somebody says so.
const CHRONY: &str = "server 10.98.0.1 iburst minpoll 0 maxpoll 0\nport 0\nuser root\n";
const CHRONY_UNIT: &str = "[Service]\nRuntimeDirectory=chrony\nRuntimeDirectoryMode=0750\nExecStart=/usr/local/bin/chronyd -d -f /etc/chrony/chrony.conf\n[Install]\nWantedBy=multi-user.target\n";

impl Scene {
    fn new() -> Self {
        let machine = OwnClock::new();
        let world = machine.world();
        install_chrony(world);
        bring_agent_to(world, "/usr/local/bin/nexplane-agent");
        let listen = format!("{BESIDE_IT}:0");
        let lab = Lab::serve_with(world, &["--dir", "/etc/lab", "--listen", &listen]);
        let _time = chronyd(world, BESIDE_IT, Tells::Time("+0s"));
        Self {
            machine,
            lab,
            _time,
        }
    }

    /// Installs the agent, does `before`, sets the clock 20 minutes back, repairs, and takes that back.
    fn repairs(&self, before: &str) -> Fixed {
        let (doctor, lab) = (env!("CARGO_BIN_EXE_nexplane-doctor"), &self.lab);
        let fix = format!("{doctor} fix --format json --timeout 5s");
        self.machine.does(&format!(
            "off() {{
               theirs=$(curl -s --head --insecure {url}/health | sed -n 's/^[Dd]ate: //p' | tr -d '\\r')
               echo $(( $(date -d \"$theirs\" +%s) - $(date +%s) ))
             }}
             told install /usr/local/bin/nexplane-agent install --control-plane {url} --token {token} --ca-cert {ca}
             {before}
             date --set '20 minutes ago'
             {FOLLOWS}
             told wrong off
             told fix {fix} --yes
             told right off
             told synchronized timedatectl show --value --property=NTPSynchronized
             told diagnosis {doctor} --format json --timeout 5s
             told undo {fix} --undo --yes
             told after off
             told ntp systemctl is-active chrony systemd-timesyncd",
            url = lab.url,
            ca = lab.ca_cert,
            token = lab.tokens[0],
        ));
        self.machine.said("install");
        let off = |name: &str| self.machine.said(name).parse::<i64>().unwrap();
        let (wrong, right) = (off("wrong"), off("right"));
        let fixed = Fixed::read(self.machine.told("fix"));
        fixed.require(
            (1190..1220).contains(&wrong),
            &format!("{wrong} s off before"),
        );
        fixed.require((-5..=5).contains(&right), &format!("{right} s off now"));
        fixed
            .status(0)
            .before(&["clock.skew"])
            .actions(&[("sync-time", "verified")])
            .after(&[]);
        assert_eq!(self.machine.said("synchronized"), "yes");
        self.machine.said("diagnosis");
        fixed
    }

    /// The time that was set stays; what of the repair goes, says its own test.
    fn is_taken_back(&self, outcomes: &[&str], running: &[&str]) {
        let undone = Fixed::read(self.machine.told("undo"));
        undone.status(0).took_back(outcomes);
        let after: i64 = self.machine.said("after").parse().unwrap();
        undone.require((-5..=5).contains(&after), &format!("{after} s off then"));
        let ntp = self.machine.told("ntp").stdout;
        let ntp = String::from_utf8(ntp).unwrap();
        undone.require(ntp.lines().eq(running.iter().copied()), &ntp);
    }
}

/// Waits until chrony, where it runs, has looked at its source again and knows how far the clock is off. What it had measured
/// before the clock was set it throws away.
const FOLLOWS: &str = r#"[ "$(systemctl is-active chrony)" != active ] || for i in $(seq 600); do
  chronyc -c tracking | awk -F, '{ off = $5 < 0 ? -$5 : $5; exit !(off >= 10 && $14 != "Not synchronised") }' && break
  sleep 0.1
done"#;

/// The lines that give the machine chrony for its time service.
fn with_chrony(started: bool) -> String {
    let start = match started {
        // Followed, and counted as synchronized.
        true => {
            "systemctl enable --now chrony; chronyc waitsync 60 0.5 0 1; until [ \"$(timedatectl show --value --property=NTPSynchronized)\" = yes ]; do :; done"
        }
        false => "",
    };
    format!(
        "mkdir -p /etc/chrony; printf '{}' >/etc/chrony/chrony.conf; printf '{}' >/etc/systemd/system/chrony.service\n\
         systemctl daemon-reload; {start}",
        CHRONY.replace('\n', "\\n"),
        CHRONY_UNIT.replace('\n', "\\n")
    )
}

#[test]
fn chrony_that_runs_is_told_to_step() {
    let scene = Scene::new();
    let fixed = scene.repairs(&with_chrony(true));
    let title = fixed.document()["actions"][0]["title"].to_string();
    fixed.require(title.contains("chronyc makestep"), "a step");
    scene.is_taken_back(&["stays"], &["active", "inactive"]);
}

#[test]
fn chrony_that_does_not_run_is_switched_on_and_steps() {
    let scene = Scene::new();
    scene.repairs(&with_chrony(false));
    scene.is_taken_back(&["undone", "stays"], &["inactive", "inactive"]);
}

#[test]
fn timesyncd_is_switched_on_and_sets_the_clock() {
    let scene = Scene::new();
    scene.repairs(&format!(
        "rm /etc/systemd/system/systemd-timesyncd.service; mkdir -p /etc/systemd/timesyncd.conf.d\n\
         printf '[Time]\\nNTP={BESIDE_IT}\\n' >/etc/systemd/timesyncd.conf.d/test.conf\n\
         systemctl daemon-reload; timedatectl set-ntp false"
    ));
    scene.is_taken_back(&["undone"], &["inactive", "inactive"]);
}
