//! The machine that measured, which a reader must know to compare numbers.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

/// The machine that measured.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Machine {
    processor: String,
    cores: usize,
    system: String,
    /// The version of Go, where one of its programs was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    go: Option<String>,
    /// Whether this program was built without optimisations.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    debug_build: bool,
}

impl Machine {
    /// This machine; what it does not tell is called unknown.
    pub(crate) fn this() -> Self {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let processor = read("/proc/cpuinfo")
            .lines()
            .find_map(|line| line.strip_prefix("model name")?.split_once(':').map(|(_, name)| name.trim().to_owned()));
        let release = read("/proc/sys/kernel/osrelease");
        Self {
            processor: processor.unwrap_or_else(|| "unknown processor".to_owned()),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            system: format!("Linux {}", release.trim()),
            go: None,
            debug_build: cfg!(debug_assertions),
        }
    }

    /// With the version of Go that built what was measured.
    pub(crate) fn with_go(mut self, version: Option<&str>) -> Self {
        self.go = version.map(str::to_owned);
        self
    }

    /// In one line.
    pub(crate) fn describe(&self) -> String {
        let mut line = format!("{} cores of {}, {}", self.cores, self.processor, self.system);
        if let Some(go) = &self.go {
            let _ = write!(line, ", {go}");
        }
        if self.debug_build {
            let _ = write!(line, ". A DEBUG BUILD: these numbers mean nothing, use --release");
        }
        line
    }
}
