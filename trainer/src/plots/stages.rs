//! One metric of every task, on the base and after each stage: a row of dots for each task.

use super::svg::{Axes, colour, legend, paper, range, text};
use std::fmt::Write;

const WIDTH: f64 = 1000.0;
const ROW: f64 = 22.0;

/// A row: its name, and its value on the base and after each stage.
pub type Row = (String, Vec<f64>);

pub fn stages(title: &str, stages: &[&str], rows: &[Row]) -> String {
    let longest = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let (low, high) = range(rows.iter().flat_map(|(_, values)| values.iter().copied()));
    let top = 72.0;
    let axes = Axes {
        left: 24.0 + 6.6 * longest as f64,
        right: WIDTH - 24.0,
        top,
        bottom: top + ROW * rows.len() as f64,
        x: ((low * 10.0).floor() / 10.0, (high * 10.0).ceil() / 10.0),
        y: (0.0, rows.len() as f64),
    };
    let mut svg = paper(WIDTH, axes.bottom + 50.0, title);
    axes.draw_x(&mut svg, "");
    for (i, (name, values)) in rows.iter().enumerate() {
        let y = axes.top + ROW * (i as f64 + 0.5);
        let (first, last) = range_of(values);
        let _ = write!(
            svg,
            "<line x1='{:.1}' x2='{:.1}' y1='{y:.1}' y2='{y:.1}' stroke='#bbb' stroke-width='2'/>",
            axes.across(first),
            axes.across(last)
        );
        text(&mut svg, axes.left - 10.0, y + 4.0, "end", name);
        for (stage, value) in values.iter().enumerate() {
            // Smaller from stage to stage, so that equal values show as rings.
            let (x, radius) = (axes.across(*value), 7.0 - 3.5 * stage as f64 / stages.len() as f64);
            let _ = write!(
                svg,
                "<circle cx='{x:.1}' cy='{y:.1}' r='{radius:.1}' fill='{}' stroke='white'/>",
                shade(stage, stages.len())
            );
        }
    }
    let names = stages.iter().enumerate().map(|(i, name)| (*name, shade(i, stages.len())));
    legend(&mut svg, 16.0, 50.0, names);
    svg + "</svg>\n"
}

/// The base in grey, the last in black, those between in colours.
fn shade(stage: usize, stages: usize) -> &'static str {
    match stage {
        0 => "#b0b0b0",
        _ if stage + 1 == stages => "#111",
        _ => colour(stage - 1),
    }
}

fn range_of(values: &[f64]) -> (f64, f64) {
    values.iter().fold((f64::MAX, f64::MIN), |(l, h), v| (l.min(*v), h.max(*v)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_task_has_a_dot_for_each_stage() {
        let rows = [("types".to_owned(), vec![0.3, 0.8, 0.7]), ("names".to_owned(), vec![0.1, 0.2, 0.6])];
        let svg = stages("nDCG@10", &["base", "1-type", "final"], &rows);
        assert_eq!(svg.matches("stroke='white'").count(), 6);
        // The axis runs from 0.1 to 0.8, the lines from a row's least to its highest value.
        assert!(svg.contains("cx='57.0' cy='105.0'") && svg.contains("x1='319.6' x2='976.0' y1='83.0'"), "{svg}");
    }
}
