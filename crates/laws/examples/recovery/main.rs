//! Whether fits find known coefficients again: for every law, simulated tables of runs with noise, and the share of nominal 95%
//! intervals that hold each coefficient. A table that is refused counts as refused and names what it does not determine.
//!
//!     cargo run --release -p kleiber-laws --example recovery -- [--tables 200] [--rows 60] [--noise 0.01]
//!         [--bootstrap 1000] [--minutes 7] [--law NAME] [--csv crates/laws/src/recovery.csv]
//!
//! Prints rows of a Markdown table as laws finish, the quickest law first. Table `i` of a law is the same whatever the time and the threads:
//! `--minutes` only decides how many of the tables are made, and the row says how many. `--csv` rewrites the file that fits warn from.

mod designs;

use designs::{TRUTHS, Truth};
use kleiber_laws::recovery::{ACCEPTED, HEADER};
use kleiber_laws::{DEFAULT_BOOTSTRAP, Law, LawError, Options, simulate};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

struct Settings {
    tables: u64,
    rows: usize,
    noise: f64,
    bootstrap: usize,
    limit: Duration,
    law: Option<String>,
    csv: Option<PathBuf>,
}

impl Settings {
    fn read() -> Result<Self, Box<dyn Error>> {
        let mut out = Self {
            tables: 200,
            rows: 60,
            noise: 0.01,
            bootstrap: DEFAULT_BOOTSTRAP,
            limit: Duration::from_secs(420),
            law: None,
            csv: None,
        };
        let mut arguments = std::env::args().skip(1);
        while let Some(name) = arguments.next() {
            let value = arguments.next().ok_or_else(|| format!("{name} needs a value"))?;
            match name.as_str() {
                "--tables" => out.tables = value.parse()?,
                "--rows" => out.rows = value.parse()?,
                "--noise" => out.noise = value.parse()?,
                "--bootstrap" => out.bootstrap = value.parse()?,
                "--minutes" => out.limit = Duration::try_from_secs_f64(60.0 * value.parse::<f64>()?)?,
                "--law" => out.law = Some(value),
                "--csv" => out.csv = Some(value.into()),
                _ => return Err(format!("no option {name}").into()),
            }
        }
        Ok(out)
    }

    /// The fit of one simulated table: for each coefficient whether its interval holds the truth and whether an end is open, or why
    /// there is none.
    fn fit(&self, law: &Law, truth: &Truth, seed: u64) -> Result<Vec<(bool, bool)>, String> {
        let table = simulate::scatter(law, truth.coefficients, truth.ranges, self.rows, self.noise, seed);
        let options = Options { bootstrap: self.bootstrap, influence: false, seed, ..Options::default() };
        let fit = law.fit(&table, &options).map_err(|e| e.to_string())?;
        if !fit.is_ok() {
            let why: Vec<String> = fit.reasons.iter().map(|r| format!("{} ({})", r.code, r.message)).collect();
            return Err(why.join("; "));
        }
        let judged = fit.coefficients.values().zip(truth.coefficients).map(|(estimate, truth)| {
            let holds = estimate.low.is_none_or(|low| low <= *truth) && estimate.high.is_none_or(|high| *truth <= high);
            (holds, estimate.low.is_none() || estimate.high.is_none())
        });
        Ok(judged.collect())
    }
}

/// What came of the tables of one law.
struct Recovered {
    tables: usize,
    fitted: usize,
    /// Of each coefficient: intervals that hold the truth, and those with an open end.
    counts: Vec<(usize, usize)>,
    refusals: BTreeMap<String, usize>,
}

impl Recovered {
    fn new(outcomes: &[Result<Vec<(bool, bool)>, String>], coefficients: usize) -> Self {
        let mut out =
            Self { tables: outcomes.len(), fitted: 0, counts: vec![(0, 0); coefficients], refusals: BTreeMap::new() };
        for outcome in outcomes {
            match outcome {
                Ok(judged) => {
                    out.fitted += 1;
                    for (count, (holds, open)) in out.counts.iter_mut().zip(judged) {
                        count.0 += usize::from(*holds);
                        count.1 += usize::from(*open);
                    }
                }
                // Refusals differ in their numbers; their kind is what comes before them.
                Err(why) => {
                    let kind = why.split(" (").next().unwrap_or(why);
                    *out.refusals.entry(kind.to_string()).or_default() += 1;
                }
            }
        }
        out
    }

    fn row(&self, law: &Law, seconds: f64) -> String {
        let share = |held: usize| held as f64 / self.fitted.max(1) as f64;
        let named = || law.info().coefficients.iter().map(|c| c.name.as_str()).zip(&self.counts);
        let shares: Vec<String> = named().map(|(n, c)| format!("{n} {:.3}", share(c.0))).collect();
        let open: Vec<String> = named().filter(|(_, c)| c.1 > 0).map(|(n, c)| format!("{n} {}", c.1)).collect();
        let outside: Vec<&str> =
            named().filter(|(_, c)| !ACCEPTED.contains(&share(c.0))).map(|(name, _)| name).collect();
        let refused: Vec<String> = self.refusals.iter().map(|(why, k)| format!("{k}: {why}")).collect();
        format!(
            "| {} | {} | {} | {} | {} | {} | {} | {seconds:.1} |",
            law.info().name,
            self.tables,
            self.fitted,
            shares.join(", "),
            if self.fitted == 0 { "all".into() } else { outside.join(", ") },
            open.join(", "),
            refused.join("; "),
        )
    }

    fn csv(&self, law: &Law) -> String {
        let line = |(c, k): (&kleiber_laws::form::Coefficient, &(usize, usize))| {
            format!("{},{},{},{},{},{}\n", law.info().name, c.name, self.tables, self.fitted, k.0, k.1)
        };
        law.info().coefficients.iter().zip(&self.counts).map(line).collect()
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let settings = Settings::read()?;
    let start = Instant::now();
    let wanted = |t: &&Truth| settings.law.as_ref().is_none_or(|w| w == t.law);
    let laws: Vec<(&Truth, Law)> =
        TRUTHS.iter().filter(wanted).map(|t| Ok((t, Law::named(t.law)?))).collect::<Result<_, LawError>>()?;
    println!(
        "{} tables of {} runs each, {}% noise, {} bootstrap fits; accepted {} to {}\n",
        settings.tables,
        settings.rows,
        100.0 * settings.noise,
        settings.bootstrap,
        ACCEPTED.start(),
        ACCEPTED.end()
    );
    println!(
        "| law | tables | fitted | share of 95% intervals that hold the truth | outside | open ends | refused | s |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    // The first table of each law tells what its tables cost.
    let mut queue: Vec<_> = laws
        .par_iter()
        .enumerate()
        .map(|(place, (truth, law))| {
            let began = Instant::now();
            let first = settings.fit(law, truth, 0);
            (began.elapsed(), place, first)
        })
        .collect();
    queue.sort_by_key(|(cost, place, _)| (*cost, *place));
    let threads = rayon::current_num_threads() as u64;
    let mut sections: BTreeMap<usize, String> = BTreeMap::new();
    let count = queue.len();
    for (done, (_, place, first)) in queue.into_iter().enumerate() {
        let (truth, law) = &laws[place];
        let began = Instant::now();
        // What the quick laws leave of their time, the slow ones have.
        let share = settings.limit.saturating_sub(start.elapsed()) / (count - done) as u32;
        let mut outcomes = vec![first];
        while (outcomes.len() as u64) < settings.tables && began.elapsed() < share {
            let from = outcomes.len() as u64;
            let next = (from..settings.tables.min(from + threads)).into_par_iter();
            outcomes.append(&mut next.map(|seed| settings.fit(law, truth, seed)).collect());
        }
        let found = Recovered::new(&outcomes, truth.coefficients.len());
        println!("{}", found.row(law, began.elapsed().as_secs_f64()));
        std::io::stdout().flush()?;
        sections.insert(place, found.csv(law));
        if let Some(path) = &settings.csv {
            let lines: String = sections.values().map(String::as_str).collect();
            std::fs::write(path, format!("{HEADER}\n{lines}"))?;
        }
    }
    Ok(())
}
