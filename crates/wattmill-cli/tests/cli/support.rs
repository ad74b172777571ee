//! A folder of its own for each test, and the program run in it.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// A sound factory that tests break in one place: small, so that it is planned in no time.
pub(crate) const MILL: &str = r#"name = "Mill"
start = 2026-07-01
end = 2026-09-30

[[site]]
name = "hall"
grid = { connection = "10 MW", energized = 2026-07-01, price = "47 USD/MWh", carbon = "299 g/kWh" }

[[phase]]
name = "nodes"
site = "hall"
system = "dgx-h100"
power = "1 MW"
first_rack = 2026-07-01

[[service]]
name = "chat"
model = "llama-3.1-70b"
slo = { ttft = "2 s", tpot = "50 ms" }
engine = { tensor = 8, precision = "fp8" }
users = { requests_per_day = 1e6, lengths = "azure-conv-2023" }
"#;

/// Three requests in the three-column form.
pub(crate) const TRACE: &str = "\
arrived_at_s,prefill_tokens,decode_tokens
0.0,100,20
0.5,300,40
1.25,1000,10
";

/// An engine to replay on.
pub(crate) const ENGINE: &str = "--model llama-3.1-8b --system dgx-h100";

/// [`MILL`] with `old` replaced.
#[track_caller]
pub(crate) fn mill(old: &str, new: &str) -> String {
    assert!(MILL.contains(old), "the mill has no {old}");
    MILL.replacen(old, new, 1)
}

/// A folder that goes away with the test.
pub(crate) struct Dir(TempDir);

impl Dir {
    /// An empty one.
    pub(crate) fn new() -> Self {
        Self(TempDir::new().expect("a temporary folder"))
    }

    /// One with a single file.
    pub(crate) fn with(name: &str, content: impl AsRef<[u8]>) -> Self {
        let dir = Self::new();
        dir.write(name, content);
        dir
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), content).expect("a file in a temporary folder");
    }

    /// Every name in it, hidden ones included, in order.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.path()).expect("a folder");
        let mut names: Vec<String> = entries
            .map(|e| e.expect("an entry").file_name().into_string().expect("UTF-8"))
            .collect();
        names.sort();
        names
    }

    /// `wattmill` in this folder, ready to be started.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wattmill"));
        command
            .args(arguments)
            .current_dir(self.0.path())
            .env_remove("RUST_BACKTRACE")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs `wattmill` with `line` cut at its spaces.
    pub(crate) fn run(&self, line: &str) -> Run {
        let arguments: Vec<&str> = line.split_whitespace().collect();
        Run::of(line, self.command(&arguments).output().expect("the program starts"))
    }
}

/// What became of a run.
#[derive(Debug)]
pub(crate) struct Run {
    line: String,
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    pub(crate) fn of(line: &str, output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        Self {
            line: line.to_owned(),
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    /// It ended with `code`, said all of `said` on standard error and nothing on standard output.
    #[track_caller]
    pub(crate) fn refuses(&self, code: i32, said: &[&str]) {
        self.ended(code);
        assert_eq!(self.stdout, "", "`wattmill {}` answers what it refuses", self.line);
        self.says(said);
    }

    /// All of `said` is on standard error.
    #[track_caller]
    pub(crate) fn says(&self, said: &[&str]) {
        for words in said {
            let Self { line, stderr, .. } = self;
            assert!(stderr.contains(words), "`wattmill {line}` does not say {words:?}:\n{stderr}");
        }
    }

    /// It ended well; gives what it printed.
    #[track_caller]
    pub(crate) fn answer(&self) -> &str {
        self.ended(0);
        &self.stdout
    }

    /// The line of its answer that starts with `start`.
    #[track_caller]
    pub(crate) fn line(&self, start: &str) -> &str {
        let Self { line, stdout, .. } = self;
        let found = self.stdout.lines().find(|line| line.starts_with(start));
        found.unwrap_or_else(|| panic!("`wattmill {line}` has no line {start:?}:\n{stdout}"))
    }

    /// The hash of its answer.
    #[track_caller]
    pub(crate) fn hash(&self) -> String {
        let (_, hash) =
            self.answer().trim_end().rsplit_once("answer").expect("an answer has a hash");
        let hash = hash.trim().to_owned();
        assert!(hash.len() == 16 && hash.chars().all(|c| c.is_ascii_hexdigit()), "{hash}");
        hash
    }

    /// Its answer without what the clock says.
    #[track_caller]
    pub(crate) fn timeless(&self) -> String {
        let lines = self.answer().lines().filter(|line| !line.starts_with("simulated"));
        lines.fold(String::new(), |text, line| text + line + "\n")
    }

    /// The one document on its standard output.
    #[track_caller]
    pub(crate) fn document(&self) -> serde_json::Value {
        let Self { line, stdout, .. } = self;
        let document: Option<serde_json::Value> = serde_json::from_str(stdout).ok();
        let document = document.filter(serde_json::Value::is_object);
        document.unwrap_or_else(|| panic!("`wattmill {line}` prints no document:\n{stdout}"))
    }

    #[track_caller]
    pub(crate) fn ended(&self, code: i32) {
        let Self { line, stderr, .. } = self;
        assert!(!stderr.contains("panicked"), "`wattmill {line}` panics:\n{stderr}");
        assert_eq!(self.code, Some(code), "exit code of `wattmill {line}`:\n{stderr}");
    }
}

/// The first `columns` words of each line of a table that starts with one of `starts`.
pub(crate) fn columns(text: &str, starts: &[&str], columns: usize) -> String {
    let wanted = text.lines().filter(|line| starts.iter().any(|start| line.starts_with(start)));
    wanted.fold(String::new(), |all, line| {
        let words: Vec<&str> = line.split_whitespace().take(columns).collect();
        all + &words.join(" ") + "\n"
    })
}

/// A mill with panels, a battery and a file of prices beside it.
pub(crate) fn yard() -> Dir {
    let site = "name = \"hall\"\nlatitude = 35.0\nlongitude = -100.0\nsolar = { capacity = \"2 MW\" }\n\
                battery = { energy = \"500 kWh\", power = \"1 MW\", efficiency = 0.86 }\n\
                grid = { hourly = \"prices.csv\", ";
    let text = mill("name = \"hall\"\ngrid = { ", site);
    let event =
        "\n[[curtailment]]\nsite = \"hall\"\nat = 2026-07-20T09:00:00\nfor = \"3 h\"\ncut = 0.25\n";
    let dir = Dir::with("yard.toml", text + event);
    let hours: String = (0..8760).map(|hour| format!("{}\n", 30 + hour % 24)).collect();
    dir.write("prices.csv", format!("price_usd_per_mwh\n{hours}"));
    dir
}
