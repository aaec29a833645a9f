//! A real browser: Chromium without a window, in a world of its own, told what to do over the DevTools protocol.
//!
//! The protocol goes over two pipes (`--remote-debugging-pipe`: messages of JSON, each ended by a zero byte), so that no
//! port is open and no library is needed. What the browser complains of is kept, and so is every address that it asks for.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{PATIENCE, World};

/// The pipes become those that the browser expects, and everything else is shut.
const LAUNCH: &str = r#"exec chromium "$@" 3<&0 4>&1 </dev/null >/dev/null 2>&1"#;

/// A browser with one page.
pub(crate) struct Browser {
    child: Child,
    commands: ChildStdin,
    messages: Receiver<Value>,
    page: String,
    next: u64,
    /// What it told of its own accord since the last page was opened.
    events: Vec<Value>,
    _world: World,
    _profile: TempDir,
}

/// What is pressed on a keyboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    Tab,
    Enter,
}

impl Browser {
    /// Starts one, with nothing around it but loopback.
    pub(crate) fn start() -> Self {
        let world = World::new();
        let profile = tempfile::tempdir().unwrap();
        let mut command: Command = world.command("sh");
        let mut child = command
            .args(["-c", LAUNCH, "chromium"])
            .args([
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--no-first-run",
            ])
            .args([
                "--disable-dev-shm-usage",
                "--hide-scrollbars",
                "--remote-debugging-pipe",
            ])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .env("HOME", profile.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, messages) = channel();
        let mut pipe = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            let mut message = Vec::new();
            while pipe.read_until(0, &mut message).is_ok_and(|read| read > 0) {
                message.pop();
                let Ok(value) = serde_json::from_slice(&message) else {
                    break;
                };
                if sender.send(value).is_err() {
                    break;
                }
                message.clear();
            }
        });
        let mut browser = Self {
            commands: child.stdin.take().unwrap(),
            child,
            messages,
            page: String::new(),
            next: 0,
            events: Vec::new(),
            _world: world,
            _profile: profile,
        };
        let target = browser.call("Target.createTarget", &json!({"url": "about:blank"}));
        let id = &target["targetId"];
        let attached = browser.call(
            "Target.attachToTarget",
            &json!({"targetId": id, "flatten": true}),
        );
        browser.page = attached["sessionId"].as_str().unwrap().to_owned();
        for domain in ["Page", "Runtime", "Log", "Network", "Audits", "DOM"] {
            browser.call(&format!("{domain}.enable"), &json!({}));
        }
        browser.call(
            "Browser.grantPermissions",
            &json!({"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]}),
        );
        browser
    }

    /// Asks for something, and waits for what comes of it.
    ///
    /// # Panics
    /// When the browser says no, or nothing in time.
    pub(crate) fn call(&mut self, method: &str, params: &Value) -> Value {
        self.next += 1;
        let mut message = json!({"id": self.next, "method": method, "params": params});
        if !self.page.is_empty() && !method.starts_with("Browser.") {
            message["sessionId"] = json!(self.page);
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        self.commands
            .write_all(&bytes)
            .expect("a browser that reads");
        let id = self.next;
        loop {
            let message = self.message(method);
            if message["id"] == id {
                assert!(message["error"].is_null(), "{method}: {}", message["error"]);
                return message["result"].clone();
            }
            self.events.push(message);
        }
    }

    fn message(&self, awaited: &str) -> Value {
        let message = self.messages.recv_timeout(PATIENCE);
        message.unwrap_or_else(|error| {
            panic!("waited in vain for {awaited}: {error} (is chromium installed?)")
        })
    }

    /// Opens a page and waits until it is there.
    pub(crate) fn open(&mut self, url: &str) {
        self.events.clear();
        let opened = self.call("Page.navigate", &json!({"url": url}));
        assert!(opened["errorText"].is_null(), "{url}: {opened}");
        let start = Instant::now();
        while !self
            .events
            .iter()
            .any(|event| event["method"] == "Page.loadEventFired")
        {
            assert!(start.elapsed() < PATIENCE, "waited in vain for {url}");
            let event = self.message(url);
            self.events.push(event);
        }
    }

    /// What an expression of the page comes to; a promise is waited for.
    pub(crate) fn eval(&mut self, expression: &str) -> Value {
        let result = self.call(
            "Runtime.evaluate",
            &json!({"expression": expression, "returnByValue": true, "awaitPromise": true, "userGesture": true}),
        );
        assert!(
            result["exceptionDetails"].is_null(),
            "{expression}: {result}"
        );
        result["result"]["value"].clone()
    }

    /// How large the screen is, in its own pixels.
    pub(crate) fn screen(&mut self, width: u32, height: u32) {
        self.call(
            "Emulation.setDeviceMetricsOverride",
            &json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}),
        );
    }

    /// Whether the reader prefers `dark` or `light`.
    pub(crate) fn scheme(&mut self, scheme: &str) {
        self.call(
            "Emulation.setEmulatedMedia",
            &json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]}),
        );
    }

    /// Whether scripts of pages run.
    pub(crate) fn scripts(&mut self, run: bool) {
        self.call(
            "Emulation.setScriptExecutionDisabled",
            &json!({"value": !run}),
        );
    }

    /// Clicks into the middle of the first element that a selector names, with a mouse.
    pub(crate) fn click(&mut self, selector: &str) {
        let document = self.call("DOM.getDocument", &json!({}));
        let root = &document["root"]["nodeId"];
        let node = self.call(
            "DOM.querySelector",
            &json!({"nodeId": root, "selector": selector}),
        );
        let node = json!({"nodeId": node["nodeId"]});
        self.call("DOM.scrollIntoViewIfNeeded", &node);
        let quads = self.call("DOM.getContentQuads", &node);
        let quad = &quads["quads"][0];
        let middle =
            |a: usize, b: usize| (quad[a].as_f64().unwrap() + quad[b].as_f64().unwrap()) / 2.0;
        let (x, y) = (middle(0, 4), middle(1, 5));
        for kind in ["mousePressed", "mouseReleased"] {
            self.call(
                "Input.dispatchMouseEvent",
                &json!({"type": kind, "x": x, "y": y, "button": "left", "clickCount": 1}),
            );
        }
    }

    /// Presses a key.
    pub(crate) fn press(&mut self, key: Key) {
        let (name, code, text) = match key {
            Key::Tab => ("Tab", 9, ""),
            Key::Enter => ("Enter", 13, "\r"),
        };
        for kind in ["keyDown", "keyUp"] {
            let text = if kind == "keyDown" { text } else { "" };
            self.call(
                "Input.dispatchKeyEvent",
                &json!({"type": kind, "key": name, "code": name, "windowsVirtualKeyCode": code, "text": text}),
            );
        }
    }

    /// What the page is on paper, as PDF in base64.
    pub(crate) fn print(&mut self) -> String {
        let printed = self.call("Page.printToPDF", &json!({"printBackground": true}));
        printed["data"].as_str().unwrap().to_owned()
    }

    /// What it complained of since the page was opened: the console, exceptions, violations of the page's policy.
    pub(crate) fn complaints(&mut self) -> Vec<String> {
        // What was told before this is answered has come before this answer.
        self.eval("0");
        let complains = |event: &&Value| {
            [
                "Runtime.exceptionThrown",
                "Runtime.consoleAPICalled",
                "Log.entryAdded",
                "Audits.issueAdded",
            ]
            .iter()
            .any(|method| event["method"] == *method)
        };
        let complaints = self.events.iter().filter(complains);
        complaints
            .map(|event| event["params"].to_string())
            .collect()
    }

    /// The addresses that it asked for since the page was opened.
    pub(crate) fn asked_for(&self) -> Vec<String> {
        let asked = self
            .events
            .iter()
            .filter(|event| event["method"] == "Network.requestWillBeSent");
        asked
            .map(|event| {
                event["params"]["request"]["url"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned()
            })
            .collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Its world ends with it, and whatever is left of it with that.
        let _asked = self.child.kill();
        let _ended = self.child.wait();
    }
}
