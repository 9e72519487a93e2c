//! The table at the end.

use anyhow::Result;
use serde_json::{Map, Value, json};

use crate::{
    cli::Torture,
    ledger::{Action, Ledger, Violation},
    target::Target,
};

/// What was found on one target.
pub(crate) struct Row {
    pub(crate) target: Target,
    pub(crate) ledger: Ledger,
    /// Whether it always answered again soon after a fault.
    pub(crate) came_back: bool,
}

impl Row {
    pub(crate) fn is_sound(&self) -> bool {
        self.ledger.total() == 0 && self.came_back
    }

    /// A count, unless it does not make sense here.
    fn violation(&self, violation: Violation) -> Option<u64> {
        let makes_sense = match violation {
            Violation::EndlessKey => self.target.needs_redis(),
            Violation::Devices | Violation::Growth | Violation::LateWrite => self.target.is_ours(),
            _ => true,
        };
        makes_sense.then(|| self.ledger.violations(violation))
    }
}

pub(crate) fn print(rows: &[Row], settings: &Torture, seed: u64) -> Result<()> {
    if settings.json {
        println!("{}", serde_json::to_string_pretty(&as_json(rows, settings, seed))?);
    } else {
        print_tables(rows);
    }
    Ok(())
}

fn print_tables(rows: &[Row]) {
    let actions: Vec<&str> = Action::ALL.into_iter().map(Action::name).collect();
    let counts = |row: &Row| Action::ALL.map(|action| row.ledger.actions(action).to_string()).to_vec();
    println!("\nWhat was done:\n\n{}", table("", &actions, rows, counts));
    let violations: Vec<&str> = Violation::ALL.into_iter().map(Violation::name).chain(["lost in failover"]).collect();
    let counts = |row: &Row| {
        let violations = Violation::ALL
            .map(|violation| row.violation(violation).map_or_else(|| "–".to_owned(), |count| count.to_string()));
        let in_failover = if row.target.fails_over() { row.ledger.in_failover().to_string() } else { "–".to_owned() };
        violations.into_iter().chain([in_failover]).collect()
    };
    println!("What was found (what an asynchronous failover of Redis may lose, as documented, stands apart):\n");
    println!("{}", table("", &violations, rows, counts));
    for row in rows {
        for finding in row.ledger.findings() {
            println!("- {}: {finding}", row.target);
        }
        if !row.came_back {
            println!("- {}: it did not answer for a minute although everything was running again", row.target);
        }
    }
}

/// A table in Markdown, padded so that it can be read as it is.
fn table(corner: &str, heads: &[&str], rows: &[Row], cells: impl Fn(&Row) -> Vec<String>) -> String {
    let mut lines = vec![std::iter::once(corner.to_owned()).chain(heads.iter().map(|&head| head.to_owned())).collect()];
    lines.extend(rows.iter().map(|row| [vec![row.target.to_string()], cells(row)].concat()));
    let width =
        |column: usize| lines.iter().map(|line: &Vec<String>| line[column].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..=heads.len()).map(width).collect();
    let rule = widths.iter().enumerate().map(|(column, &width)| {
        if column == 0 { "-".repeat(width + 2) } else { format!("{}:", "-".repeat(width + 1)) }
    });
    let rule = format!("|{}|", rule.collect::<Vec<_>>().join("|"));
    let mut text = String::new();
    for (number, line) in lines.iter().enumerate() {
        let cells = line.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| {
            if column == 0 { format!(" {cell:<width$} ") } else { format!(" {cell:>width$} ") }
        });
        text += &format!("|{}|\n", cells.collect::<Vec<_>>().join("|"));
        if number == 0 {
            text += &format!("{rule}\n");
        }
    }
    text
}

fn as_json(rows: &[Row], settings: &Torture, seed: u64) -> Value {
    let rows = rows.iter().map(|row| {
        let actions: Map<_, _> = Action::ALL
            .into_iter()
            .map(|action| (action.name().to_owned(), row.ledger.actions(action).into()))
            .collect();
        let violations: Map<_, _> = Violation::ALL
            .into_iter()
            .map(|violation| (violation.name().to_owned(), json!(row.violation(violation))))
            .collect();
        json!({
            "target": row.target.to_string(),
            "done": actions,
            "found": violations,
            "lost in failover": row.ledger.in_failover(),
            "came back": row.came_back,
            "in words": row.ledger.findings(),
        })
    });
    json!({
        "seed": seed,
        "seconds": settings.duration.as_secs_f64(),
        "clients": settings.clients,
        "tabs": settings.tabs,
        "rows": rows.collect::<Vec<_>>(),
    })
}
