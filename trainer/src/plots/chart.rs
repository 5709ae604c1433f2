//! Values by step, a line for each stage.

use super::svg::{Axes, colour, legend, paper, range};
use std::fmt::Write;

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 480.0;
/// Share of a line's points over which its bold mean runs.
const WINDOW: f64 = 0.04;

/// One line: its name and its points, by step.
pub type Series = (String, Vec<(f64, f64)>);

/// Every point faint, and boldly the running mean.
pub fn chart(title: &str, series: &[Series]) -> String {
    let points = || series.iter().flat_map(|(_, p)| p);
    let (low, high) = range(points().map(|p| p.1));
    let room = (high - low) * 0.04;
    let axes = Axes {
        left: 62.0,
        right: WIDTH - 20.0,
        top: 70.0,
        bottom: HEIGHT - 46.0,
        x: range(points().map(|p| p.0)),
        y: (low - room, high + room),
    };
    let mut svg = paper(WIDTH, HEIGHT, title);
    axes.draw_x(&mut svg, "step");
    axes.draw_y(&mut svg);
    for (i, (_, points)) in series.iter().enumerate() {
        line(&mut svg, &axes, points, colour(i), "stroke-width='1' stroke-opacity='0.3'");
        line(&mut svg, &axes, &smoothed(points), colour(i), "stroke-width='2'");
        if points.len() < 40 {
            for &(x, y) in points {
                let (x, y) = (axes.across(x), axes.up(y));
                let _ = write!(svg, "<circle cx='{x:.1}' cy='{y:.1}' r='3' fill='{}'/>", colour(i));
            }
        }
    }
    legend(&mut svg, axes.left, 52.0, series.iter().enumerate().map(|(i, (name, _))| (name.as_str(), colour(i))));
    svg + "</svg>\n"
}

fn line(svg: &mut String, axes: &Axes, points: &[(f64, f64)], colour: &str, style: &str) {
    let path: Vec<String> = points.iter().map(|&(x, y)| format!("{:.1},{:.1}", axes.across(x), axes.up(y))).collect();
    let _ = write!(svg, "<polyline points='{}' fill='none' stroke='{colour}' {style}/>", path.join(" "));
}

/// The mean of the points around each; short lines stay as they are.
fn smoothed(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let reach = (points.len() as f64 * WINDOW / 2.0) as usize;
    let around = |i: usize| &points[i.saturating_sub(reach)..(i + reach + 1).min(points.len())];
    let mean = |part: &[(f64, f64)]| part.iter().map(|p| p.1).sum::<f64>() / part.len() as f64;
    points.iter().enumerate().map(|(i, p)| (p.0, mean(around(i)))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_spans_its_points() {
        let svg = chart("a < b", &[("s".to_owned(), vec![(0.0, 1.0), (10.0, 3.0)])]);
        assert!(svg.contains("a &lt; b"));
        // Lowest left, highest right, a little off the edges.
        assert!(svg.contains("points='62.0,420.5 940.0,83.5'"), "{svg}");
    }

    #[test]
    fn the_mean_runs_over_the_neighbours() {
        let points: Vec<(f64, f64)> = (0..100).map(|i| (f64::from(i), f64::from(i % 2))).collect();
        // 4 % of 100 points: two on either side.
        assert_eq!(smoothed(&points)[50], (50.0, 2.0 / 5.0));
        assert_eq!(smoothed(&points[..10]), points[..10]);
    }
}
