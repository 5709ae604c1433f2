//! Plots of a run as SVG, drawn by hand: a few polylines and bars need no library.

use crate::eval::score::Cosines;
use crate::pairs::write_whole;
use crate::train::run::{Line, Run};
use anyhow::Result;
use std::collections::BTreeMap;
use std::fmt::Write;

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 420.0;
const MARGIN: f64 = 60.0;
const COLOURS: [&str; 8] = ["#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#8c564b", "#17becf", "#7f7f7f"];
/// Bars of a histogram, over cosines from -1 to 1.
const BARS: usize = 80;

/// One line of a chart: its name and its points.
type Series = (String, Vec<(f64, f64)>);

/// Writes `plots/loss.svg` and, when development tasks were watched, `plots/ndcg.svg`.
pub fn draw(run: &Run) -> Result<()> {
    let mut losses: Vec<Series> = Vec::new();
    let mut tasks: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
    for line in run.lines()? {
        match line {
            Line::Step { step, stage, loss, .. } => {
                if losses.last().is_none_or(|(name, _)| *name != stage) {
                    losses.push((stage, Vec::new()));
                }
                losses.last_mut().expect("pushed above").1.push((step as f64, f64::from(loss)));
            }
            Line::Dev { step, tasks: results, .. } => {
                for (task, metrics) in results {
                    tasks.entry(task).or_default().push((step as f64, metrics.ndcg));
                }
            }
        }
    }
    let folder = run.folder.join("plots");
    write_whole(&folder.join("loss.svg"), chart("loss by step", &losses).as_bytes())?;
    if !tasks.is_empty() {
        let tasks: Vec<Series> = tasks.into_iter().collect();
        write_whole(&folder.join("ndcg.svg"), chart("nDCG@10 by step", &tasks).as_bytes())?;
    }
    Ok(())
}

/// A line chart with a legend below.
fn chart(title: &str, series: &[Series]) -> String {
    let points = || series.iter().flat_map(|(_, p)| p);
    let x = range(points().map(|p| p.0));
    let y = range(points().map(|p| p.1));
    let mut svg = frame(title, series.len());
    axes(&mut svg, x, y);
    for (i, (name, points)) in series.iter().enumerate() {
        let colour = COLOURS[i % COLOURS.len()];
        let path: Vec<String> = points.iter().map(|&(a, b)| format!("{:.1},{:.1}", across(a, x), up(b, y))).collect();
        let _ = write!(svg, "<polyline points='{}' fill='none' stroke='{colour}' stroke-width='1.5'/>", path.join(" "));
        legend(&mut svg, i, colour, name);
    }
    svg + "</svg>\n"
}

/// Histogram of the cosines of related and of unrelated pairs, each as a share of its own kind.
pub fn histogram(title: &str, cosines: &Cosines) -> String {
    let shares = |values: &[f32]| -> Vec<f64> {
        let mut bars = vec![0.0; BARS];
        for v in values {
            let bar = ((f64::from(*v) + 1.0) / 2.0 * BARS as f64) as usize;
            bars[bar.min(BARS - 1)] += 1.0 / values.len() as f64;
        }
        bars
    };
    let kinds = [("unrelated", shares(&cosines.unrelated)), ("related", shares(&cosines.related))];
    let y = (0.0, kinds.iter().flat_map(|(_, bars)| bars).fold(1e-9, |a: f64, &b| a.max(b)));
    let x = (-1.0, 1.0);
    let mut svg = frame(&format!("cosines of {title}"), 2);
    axes(&mut svg, x, y);
    for (i, (name, bars)) in kinds.iter().enumerate() {
        let colour = COLOURS[1 - i];
        for (b, &share) in bars.iter().enumerate().filter(|(_, s)| **s > 0.0) {
            let at = |b: usize| across(-1.0 + 2.0 * b as f64 / BARS as f64, x);
            let (left, top) = (at(b), up(share, y));
            let _ = write!(
                svg,
                "<rect x='{left:.1}' y='{top:.1}' width='{:.1}' height='{:.1}' fill='{colour}' fill-opacity='0.5'/>",
                at(b + 1) - left,
                up(0.0, y) - top
            );
        }
        legend(&mut svg, i, colour, name);
    }
    svg + "</svg>\n"
}

fn frame(title: &str, legends: usize) -> String {
    let height = HEIGHT + 18.0 * legends as f64 + 10.0;
    format!(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {height}' font-family='sans-serif' font-size='12'>\
         <rect width='{WIDTH}' height='{height}' fill='white'/><text x='{MARGIN}' y='24' font-size='16'>{}</text>",
        escaped(title)
    )
}

fn axes(svg: &mut String, x: (f64, f64), y: (f64, f64)) {
    for i in 0..=5 {
        let (a, b) = (x.0 + (x.1 - x.0) * f64::from(i) / 5.0, y.0 + (y.1 - y.0) * f64::from(i) / 5.0);
        let (px, py) = (across(a, x), up(b, y));
        let (left, right, bottom) = (MARGIN, WIDTH - 20.0, HEIGHT - 30.0);
        let _ = write!(
            svg,
            "<line x1='{left}' x2='{right}' y1='{py:.1}' y2='{py:.1}' stroke='#ddd'/>\
             <text x='{:.1}' y='{:.1}' text-anchor='end'>{}</text>\
             <text x='{px:.1}' y='{:.1}' text-anchor='middle'>{}</text>",
            left - 6.0,
            py + 4.0,
            short(b),
            bottom + 18.0,
            short(a)
        );
    }
}

fn legend(svg: &mut String, i: usize, colour: &str, name: &str) {
    let y = HEIGHT + 18.0 * i as f64;
    let _ = write!(
        svg,
        "<rect x='{MARGIN}' y='{:.1}' width='12' height='12' fill='{colour}'/><text x='{}' y='{:.1}'>{}</text>",
        y - 10.0,
        MARGIN + 18.0,
        y,
        escaped(name)
    );
}

/// Smallest and largest value, widened when they are the same.
fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) = values.fold((f64::MAX, f64::MIN), |(l, h), v| (l.min(v), h.max(v)));
    if low > high {
        (0.0, 1.0)
    } else if low == high {
        (low - 0.5, high + 0.5)
    } else {
        (low, high)
    }
}

fn across(value: f64, (low, high): (f64, f64)) -> f64 {
    MARGIN + (value - low) / (high - low) * (WIDTH - 20.0 - MARGIN)
}

fn up(value: f64, (low, high): (f64, f64)) -> f64 {
    (HEIGHT - 30.0) - (value - low) / (high - low) * (HEIGHT - 30.0 - 40.0)
}

fn short(value: f64) -> String {
    if value.abs() >= 100.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_spans_its_points() {
        let svg = chart("a < b", &[("s".to_owned(), vec![(0.0, 1.0), (10.0, 3.0)])]);
        assert!(svg.contains("a &lt; b"));
        // Lowest left, highest right.
        assert!(svg.contains(&format!("points='{MARGIN:.1},{:.1} {:.1},40.0'", HEIGHT - 30.0, WIDTH - 20.0)), "{svg}");
    }

    #[test]
    fn histogram_shares_add_up() {
        let svg = histogram("m", &Cosines { related: vec![0.92, 0.91, 0.2], unrelated: vec![-1.0, 1.0] });
        // Bars: 0.92 and 0.91 fall together, 0.2, -1, and 1 into the last bar.
        assert_eq!(svg.matches("fill-opacity").count(), 4);
    }
}
