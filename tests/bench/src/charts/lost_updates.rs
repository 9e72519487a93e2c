//! The chart of what overlapping requests lose.

use super::{
    chart::{Cell, Chart, Row, Section},
    kind, short_name, versions,
};
use crate::results::{Lost, Outcome};

pub(super) fn chart(lost: &Lost) -> Chart {
    let columns = ["lost updates", "logged in again", "old cookie works"].map(str::to_owned);
    let row = |outcome: &Outcome| Row {
        name: short_name(outcome.peer).to_owned(),
        kind: kind(outcome.peer),
        cells: vec![
            cell(outcome.lost_updates, lost.updates),
            cell(outcome.back_in_browser, lost.logouts),
            cell(outcome.old_cookie_works, lost.logouts),
        ],
    };
    // Ours together, for that is what all of them have in common.
    let (ours, peers): (Vec<_>, Vec<_>) = lost.rows.iter().partition(|outcome| outcome.peer.is_ours());
    let section = Section {
        panel: None,
        heading: "",
        explanation: "",
        columns: columns.into(),
        rows: ours.into_iter().chain(peers).map(row).collect(),
    };
    Chart {
        title: "What overlapping requests lose",
        subtitle: "Updates and logouts that are undone by a request of the same user at the same time; no bar \
                   is best"
            .to_owned(),
        sections: vec![section],
        notes: vec![
            "Lost updates: overlapping requests of one browser, each of which reads the session, waits and writes a key of \
             its own. Logged in again, old cookie works: after a logout that overtook such a request."
                .to_owned(),
            versions(lost.rows.iter().map(|row| row.name.as_str())),
            format!("{}.", lost.machine.describe()),
        ],
        command: lost.command.clone(),
    }
}

fn cell(count: usize, of: usize) -> Cell {
    let share = if of > 0 { count as f64 / of as f64 } else { 0.0 };
    Cell { share, text: format!("{count} of {of}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_a_share() {
        let cell = cell(30, 120);
        assert_eq!((cell.share, cell.text.as_str()), (0.25, "30 of 120"));
    }
}
