//! `kleiber train --watch`: loss, learning rate and speed on the whole terminal.

use super::progress::{Progress, line};
use super::show::duration;
use crate::error::CliError;
use crate::output::write_stderr;
use kleiber_core::process::memory;
use kleiber_core::units::{format_quantity, format_significant};
use kleiber_train::{Event, Outcome, Plan, RunOptions, Texts, TrainError};
use ratatui::Frame;
use ratatui::crossterm::event::{self, Event as Key, KeyCode, KeyEventKind, KeyModifiers};
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Style};
use ratatui::symbols::Marker;
use ratatui::text::Line;
use ratatui::widgets::{Axis, Block, Chart, Dataset, GraphType, List, Paragraph};
use std::io::IsTerminal;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::time::Duration;

/// Time between two pictures.
const FRAME: Duration = Duration::from_millis(200);
/// Messages that are kept.
const MESSAGES: usize = 50;

/// Makes the run and shows it until it ends; without a terminal its progress is lines.
pub(super) fn watch(plan: &Plan, texts: &Texts, options: &RunOptions, name: &str) -> Result<Outcome, CliError> {
    if !std::io::stderr().is_terminal() || !std::io::stdout().is_terminal() {
        write_stderr("note: --watch needs a terminal; progress follows in lines");
        let mut progress = Progress::new(plan.steps, plan.tokens());
        return Ok(kleiber_train::run(plan, texts, options, &mut |event| progress.event(event))?);
    }
    let (sender, receiver) = channel();
    std::thread::scope(|scope| {
        let worker = scope.spawn(move || {
            // A closed channel only means that nobody looks any more.
            kleiber_train::run(plan, texts, options, &mut |event| drop(sender.send(event.clone())))
        });
        let shown = show(&receiver, options, State::new(name, plan));
        if let Err(error) = shown {
            write_stderr(&format!("note: the terminal cannot be drawn on ({error}); the run goes on"));
        }
        let result: Result<Outcome, TrainError> =
            worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        Ok(result?)
    })
}

fn show(receiver: &Receiver<Event>, options: &RunOptions, mut state: State) -> std::io::Result<()> {
    let mut terminal = ratatui::try_init()?;
    let result = loop {
        match receive(receiver, &mut state) {
            Ok(true) => {}
            Ok(false) => break Ok(()),
            Err(error) => break Err(error),
        }
        if let Err(error) = terminal.draw(|frame| draw(frame, &state)) {
            break Err(error);
        }
        match asked_to_stop() {
            Ok(true) => {
                options.stop.store(true, Ordering::Relaxed);
                state.message("ending after this step, with a checkpoint".into());
            }
            Ok(false) => {}
            Err(error) => break Err(error),
        }
    };
    ratatui::restore();
    result
}

/// Takes in what happened; false when the run is over.
fn receive(receiver: &Receiver<Event>, state: &mut State) -> std::io::Result<bool> {
    loop {
        match receiver.try_recv() {
            Ok(event) => state.take(&event),
            Err(TryRecvError::Empty) => return Ok(true),
            Err(TryRecvError::Disconnected) => return Ok(false),
        }
    }
}

fn asked_to_stop() -> std::io::Result<bool> {
    if !event::poll(FRAME)? {
        return Ok(false);
    }
    let Key::Key(key) = event::read()? else { return Ok(false) };
    let control_c = key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
    Ok(key.kind == KeyEventKind::Press && (control_c || matches!(key.code, KeyCode::Char('q') | KeyCode::Esc)))
}

/// What the dashboard shows.
#[derive(Debug)]
struct State {
    name: String,
    steps: u64,
    total: u64,
    step: u64,
    tokens: u64,
    speed: f64,
    seconds: f64,
    losses: Vec<(f64, f64)>,
    held_out: Vec<(f64, f64)>,
    rates: Vec<(f64, f64)>,
    speeds: Vec<(f64, f64)>,
    messages: Vec<String>,
}

impl State {
    fn new(name: &str, plan: &Plan) -> Self {
        Self {
            name: name.into(),
            steps: plan.steps,
            total: plan.tokens(),
            step: 0,
            tokens: 0,
            speed: 0.0,
            seconds: 0.0,
            losses: Vec::new(),
            held_out: Vec::new(),
            rates: Vec::new(),
            speeds: Vec::new(),
            messages: Vec::new(),
        }
    }

    fn take(&mut self, event: &Event) {
        match event {
            Event::Step { step, tokens, loss, rate, tokens_per_second, seconds, .. } => {
                let at = *step as f64;
                (self.step, self.tokens, self.speed, self.seconds) = (*step, *tokens, *tokens_per_second, *seconds);
                self.losses.push((at, *loss));
                self.rates.push((at, *rate));
                self.speeds.push((at, *tokens_per_second));
            }
            Event::Evaluate { step, evaluation, .. } => self.held_out.push((*step as f64, evaluation.loss)),
            _ => {}
        }
        if let Some(text) = line(event) {
            self.message(text);
        }
    }

    fn message(&mut self, text: String) {
        self.messages.push(text);
        let surplus = self.messages.len().saturating_sub(MESSAGES);
        self.messages.drain(..surplus);
    }

    fn headline(&self) -> String {
        let left = self.total.saturating_sub(self.tokens) as f64 / self.speed.max(1e-9);
        let left = if self.speed > 0.0 { format!("{} left", duration(left)) } else { "starting".into() };
        let memory = memory().map_or(String::new(), |m| format!(" | {} MiB", m >> 20));
        format!(
            "{} | step {}/{} | {} of {} tokens | {} tokens/s | {} | {left}{memory} | q ends with a checkpoint",
            self.name,
            self.step,
            self.steps,
            format_quantity(self.tokens as f64),
            format_quantity(self.total as f64),
            format_quantity(self.speed.round()),
            duration(self.seconds),
        )
    }
}

fn draw(frame: &mut Frame<'_>, state: &State) {
    let rows =
        Layout::vertical([Constraint::Length(2), Constraint::Min(8), Constraint::Length(9), Constraint::Length(6)]);
    let [head, loss, small, messages] = rows.areas(frame.area());
    frame.render_widget(Paragraph::new(state.headline()), head);
    let series: [Series<'_>; 2] =
        [("training", Color::Cyan, &state.losses), ("held out", Color::Yellow, &state.held_out)];
    chart(frame, loss, "loss, nats per token", state.steps, &series);
    let [left, right] = Layout::horizontal([Constraint::Percentage(50); 2]).areas(small);
    chart(frame, left, "learning rate", state.steps, &[("", Color::Green, &state.rates)]);
    chart(frame, right, "tokens per second", state.steps, &[("", Color::Magenta, &state.speeds)]);
    let shown = state.messages.iter().rev().take(4).rev().map(|m| Line::from(m.as_str()));
    frame.render_widget(List::new(shown).block(Block::bordered().title("events")), messages);
}

/// A name, a colour, and points of step and value.
type Series<'a> = (&'a str, Color, &'a [(f64, f64)]);

fn chart(frame: &mut Frame<'_>, area: Rect, title: &str, steps: u64, series: &[Series<'_>]) {
    let values = || series.iter().flat_map(|(_, _, points)| points.iter().map(|p| p.1)).filter(|v| v.is_finite());
    let (mut low, mut high) = (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
    if low > high {
        (low, high) = (0.0, 1.0);
    }
    let margin = (0.05 * (high - low)).max(1e-3 * high.abs()).max(f64::MIN_POSITIVE);
    let bounds = [low - margin, high + margin];
    let label = |v: f64| format_significant(v, 3);
    let datasets = series.iter().map(|(name, colour, points)| {
        let kind = if points.len() > 1 { GraphType::Line } else { GraphType::Scatter };
        let set =
            Dataset::default().marker(Marker::Braille).graph_type(kind).style(Style::new().fg(*colour)).data(points);
        if name.is_empty() { set } else { set.name(*name) }
    });
    let x = Axis::default().bounds([0.0, steps as f64]).labels(["0".to_string(), steps.to_string()]);
    let y = Axis::default().bounds(bounds).labels([label(low), label(high)]);
    let half = Constraint::Percentage(50);
    let chart = Chart::new(datasets.collect())
        .hidden_legend_constraints((half, half))
        .block(Block::bordered().title(title))
        .x_axis(x)
        .y_axis(y);
    frame.render_widget(chart, area);
}

#[cfg(test)]
mod tests {
    use super::*;
    use kleiber_train::{Evaluation, RunConfig};
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    #[test]
    fn the_dashboard_shows_curves_and_news_at_any_size() {
        let plan = Plan::new(&RunConfig::default(), 300).unwrap();
        let mut state = State::new("small", &plan);
        let picture = |state: &State, width, height| {
            let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
            terminal.draw(|frame| draw(frame, state)).unwrap();
            terminal.backend().to_string()
        };
        assert!(picture(&state, 100, 30).contains("starting"));
        for step in 1..=40u64 {
            let (loss, rate) = (6.0 / (step as f64).sqrt(), 1e-3 * step as f64);
            let tokens_per_second = 1000.0 + step as f64;
            state.take(&Event::Step {
                step,
                tokens: step * 100,
                loss,
                norm: 1.0,
                rate,
                tokens_per_second,
                seconds: 2.0,
            });
        }
        let evaluation = Evaluation { loss: 1.25, bpb: Some(0.5), tokens: 10, error: 0.1 };
        state.take(&Event::Evaluate { step: 40, tokens: 4000, evaluation });
        let shown = picture(&state, 110, 32);
        for text in [
            "small | step 40/",
            "loss, nats per token",
            "held out",
            "learning rate",
            "held-out loss 1.2500, 0.5000 bits/byte",
        ] {
            assert!(shown.contains(text), "{text} is not in\n{shown}");
        }
        assert!(shown.chars().any(|c| ('\u{2801}'..='\u{28ff}').contains(&c)), "no curve in\n{shown}");
        for (width, height) in [(1, 1), (20, 5), (300, 100)] {
            picture(&state, width, height);
        }
    }
}
