//! Two kinds of chart as SVG, drawn by hand: panels of bars, and curves.

use std::fmt::Write;

const OWN: &str = "#0f766e";
const OWN_PALE: &str = "#5eaaa3";
const RIVAL: &str = "#b6c2cf";
const TEXT: &str = "#1f2933";
const FAINT: &str = "#6b7785";
const GRID: &str = "#e4e9ee";
const COLOURS: [&str; 5] = ["#9aa5b1", "#c2410c", "#0f766e", "#4f46e5", "#be185d"];

const WIDTH: f64 = 960.0;
const MARGIN: f64 = 24.0;
const HEADER: f64 = 62.0;
const LABEL: f64 = 210.0;
const VALUE: f64 = 74.0;
const BAR: f64 = 20.0;
const PANEL_TITLE: f64 = 26.0;
const PANEL_GAP: f64 = 18.0;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    Own,
    /// The project in another arrangement.
    OwnToo,
    Rival,
}

pub struct Bar {
    pub label: String,
    pub value: f64,
    /// What is written behind the bar.
    pub text: String,
    pub whose: Whose,
}

pub struct Panel {
    pub title: String,
    pub bars: Vec<Bar>,
}

/// Panels in two columns, each with its own scale from 0; those without a bar are left out.
pub fn panels(title: &str, subtitle: &str, panels: Vec<Panel>) -> String {
    let panels: Vec<Panel> = panels.into_iter().filter(|panel| !panel.bars.is_empty()).collect();
    let height_of =
        |row: &[Panel]| row.iter().map(|p| p.bars.len()).max().unwrap_or(0) as f64 * BAR + PANEL_TITLE + PANEL_GAP;
    let columns = if panels.len() == 1 { 1 } else { 2 };
    let width = (WIDTH - MARGIN * (columns as f64 + 1.0)) / columns as f64;
    let height = HEADER + panels.chunks(columns).map(height_of).sum::<f64>() + 6.0;
    let mut svg = frame(title, subtitle, height);
    let mut y = HEADER;
    for row in panels.chunks(columns) {
        for (column, panel) in row.iter().enumerate() {
            draw_panel(&mut svg, panel, MARGIN + column as f64 * (width + MARGIN), y, width);
        }
        y += height_of(row);
    }
    svg + "</svg>\n"
}

fn draw_panel(svg: &mut String, panel: &Panel, x: f64, y: f64, width: f64) {
    let _ = writeln!(
        svg,
        "<text x='{x:.1}' y='{:.1}' font-size='13' font-weight='600'>{}</text>",
        y + 16.0,
        escape(&panel.title)
    );
    let most = scale(&panel.bars);
    let (left, room) = (x + LABEL, width - LABEL - VALUE);
    for (i, bar) in panel.bars.iter().enumerate() {
        let top = y + PANEL_TITLE + i as f64 * BAR;
        let length = ((bar.value / most).min(1.0) * room).max(1.5);
        let (colour, weight) = match bar.whose {
            Whose::Own => (OWN, 600),
            Whose::OwnToo => (OWN_PALE, 400),
            Whose::Rival => (RIVAL, 400),
        };
        let base = top + BAR * 0.68;
        let _ = writeln!(
            svg,
            "<text x='{:.1}' y='{base:.1}' text-anchor='end' font-weight='{weight}'>{}</text>\
             <rect x='{left:.1}' y='{:.1}' width='{length:.1}' height='{:.1}' rx='2' fill='{colour}'/>\
             <text x='{:.1}' y='{base:.1}' font-weight='{weight}'>{}</text>",
            left - 8.0,
            escape(&bar.label),
            top + 3.0,
            BAR - 6.0,
            left + length + 6.0,
            escape(&bar.text)
        );
        if bar.value > most {
            let _ = writeln!(
                svg,
                "<path d='M{:.1} {:.1}l8 {BAR}' stroke='white' stroke-width='4'/>",
                left + 0.8 * length,
                top
            );
        }
    }
}

/// What the longest bar stands for: the largest value, unless it would dwarf all others; its bar is then broken.
fn scale(bars: &[Bar]) -> f64 {
    let mut values: Vec<f64> = bars.iter().map(|bar| bar.value).collect();
    values.sort_by(|a, b| b.total_cmp(a));
    match values[..] {
        [first, second, ..] if first > 5.0 * second => 1.4 * second,
        [first, ..] => first.max(f64::MIN_POSITIVE),
        [] => 1.0,
    }
}

pub struct Curve {
    pub name: String,
    /// x, y, and what is written beside the point.
    pub points: Vec<(f64, f64, String)>,
}

pub struct Axis {
    pub title: &'static str,
    pub from: f64,
    pub to: f64,
    pub ticks: Vec<f64>,
    pub logarithmic: bool,
}

impl Axis {
    fn share(&self, value: f64) -> f64 {
        let f = |v: f64| if self.logarithmic { v.log10() } else { v };
        (f(value) - f(self.from)) / (f(self.to) - f(self.from))
    }
}

/// Curves of one plane; `line` is a value of y that is wanted.
pub fn curves(title: &str, subtitle: &str, x: &Axis, y: &Axis, line: f64, curves: &[Curve]) -> String {
    let (left, right, top, bottom) = (78.0, WIDTH - 200.0, HEADER + 12.0, 470.0);
    let across = |v: f64| left + x.share(v) * (right - left);
    let up = |v: f64| bottom - y.share(v) * (bottom - top);
    let mut svg = frame(title, subtitle, 530.0);
    for &tick in &x.ticks {
        let at = across(tick);
        let _ = writeln!(
            svg,
            "<path d='M{at:.1} {top}V{bottom}' stroke='{GRID}'/><text x='{at:.1}' y='{:.1}' text-anchor='middle' fill='{FAINT}'>{tick}</text>",
            bottom + 18.0
        );
    }
    for &tick in &y.ticks {
        let at = up(tick);
        let _ = writeln!(
            svg,
            "<path d='M{left} {at:.1}H{right}' stroke='{GRID}'/><text x='{:.1}' y='{:.1}' text-anchor='end' fill='{FAINT}'>{tick}</text>",
            left - 8.0,
            at + 4.0
        );
    }
    let _ = writeln!(
        svg,
        "<path d='M{left} {at:.1}H{right}' stroke='{FAINT}' stroke-dasharray='5 4'/>\
         <text x='{:.1}' y='{:.1}' text-anchor='middle' fill='{FAINT}'>{}</text>\
         <text x='20' y='{:.1}' text-anchor='middle' fill='{FAINT}' transform='rotate(-90 20 {:.1})'>{}</text>",
        (left + right) / 2.0,
        bottom + 42.0,
        x.title,
        (top + bottom) / 2.0,
        (top + bottom) / 2.0,
        y.title,
        at = up(line)
    );
    for (i, curve) in curves.iter().enumerate() {
        let colour = COLOURS[i % COLOURS.len()];
        let inside: Vec<_> = curve.points.iter().filter(|(_, v, _)| *v >= y.from).collect();
        let path: Vec<String> = inside.iter().map(|(a, b, _)| format!("{:.1},{:.1}", across(*a), up(*b))).collect();
        let _ = writeln!(svg, "<polyline points='{}' fill='none' stroke='{colour}' stroke-width='2'/>", path.join(" "));
        for (a, b, label) in &inside {
            let (px, py) = (across(*a), up(*b));
            let _ = writeln!(
                svg,
                "<circle cx='{px:.1}' cy='{py:.1}' r='3.5' fill='{colour}'/><text x='{px:.1}' y='{:.1}' font-size='10' text-anchor='middle' fill='{colour}'>{label}</text>",
                py - 8.0
            );
        }
        let row = top + 12.0 + i as f64 * 22.0;
        let _ = writeln!(
            svg,
            "<path d='M{:.1} {row:.1}h18' stroke='{colour}' stroke-width='3'/><text x='{:.1}' y='{:.1}'>{}</text>",
            right + 18.0,
            right + 42.0,
            row + 4.0,
            escape(&curve.name)
        );
    }
    svg + "</svg>\n"
}

fn frame(title: &str, subtitle: &str, height: f64) -> String {
    format!(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {height:.0}' width='{WIDTH}' height='{height:.0}' \
         font-family='system-ui, -apple-system, \"Segoe UI\", \"Noto Sans\", \"DejaVu Sans\", sans-serif' font-size='12' fill='{TEXT}'>\n\
         <rect width='100%' height='100%' fill='white'/>\n\
         <text x='{MARGIN}' y='30' font-size='18' font-weight='600'>{}</text><text x='{MARGIN}' y='50' fill='{FAINT}'>{}</text>\n",
        escape(title),
        escape(subtitle)
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
