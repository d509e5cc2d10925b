//! Mixtures and their losses in a table: which columns are shares, which the target, and whether the rows can be used.

use super::Points;
use crate::LawError;
use kleiber_core::table::{Column, Table, nearest};
use std::collections::HashMap;

/// Runs with a mixture and a loss each.
#[derive(Debug, Clone)]
pub struct MixtureTable {
    /// Columns of the shares.
    pub columns: Vec<String>,
    /// The same without the beginning that all have in common.
    pub domains: Vec<String>,
    /// Columns whose mean is the loss.
    pub targets: Vec<String>,
    /// Shares, run by run, as given: rows may be off one by [`MOST_OFF`].
    pub shares: Points,
    /// The loss of each run.
    pub losses: Vec<f64>,
    /// Row numbers in the file.
    pub rows: Vec<u64>,
    /// Rows left out because a number is missing.
    pub dropped: usize,
}

/// How far the shares of a run may be from adding up to one: published tables are rounded.
pub const MOST_OFF: f64 = 0.01;
/// Fewest domains of a mixture.
const FEWEST: usize = 2;

impl MixtureTable {
    /// Reads shares and targets.
    ///
    /// `shares` names the columns of shares, or how they begin; without it they are the columns between 0 and 1 that add up to one in
    /// every row. `targets` are names of columns or a part that only one column has; without any it is the one column with
    /// `loss` in its name.
    ///
    /// # Errors
    /// [`LawError::Request`] or [`LawError::Table`] saying which column or row cannot be used.
    pub fn read(table: &Table, shares: Option<&str>, targets: &[String]) -> Result<Self, LawError> {
        let named = shares.map(|text| named_shares(table, text)).transpose()?;
        let free: Vec<&str> = names(table).filter(|n| named.as_ref().is_none_or(|s| !s.contains(n))).collect();
        let targets = find_targets(table, &free, targets)?;
        let columns = match named {
            Some(columns) => columns,
            None => free.into_iter().filter(|n| !targets.contains(n) && between_0_and_1(table, n)).collect(),
        };
        if columns.len() < FEWEST {
            return request(format!(
                "{}: found {} columns of shares, a mixture has at least {FEWEST}: name them with --shares",
                table.source(),
                columns.len()
            ));
        }
        let read = |names: &[&str]| names.iter().map(|n| Ok(table.numbers(n)?)).collect::<Result<Vec<_>, LawError>>();
        let (weights, losses) = (read(&columns)?, read(&targets)?);
        let mean = |i: usize| losses.iter().map(|l| l[i]).sum::<f64>() / losses.len() as f64;
        let complete = |i: &usize| mean(*i).is_finite() && weights.iter().all(|w| !w[*i].is_nan());
        let kept: Vec<usize> = (0..table.rows()).filter(complete).collect();
        if kept.is_empty() {
            return request(format!("{}: no row has all shares and the target", table.source()));
        }
        let mut values = Vec::with_capacity(kept.len() * columns.len());
        for &i in &kept {
            let share = |w: &Vec<f64>| (0.0..=1.0 + MOST_OFF).contains(&w[i]);
            if let Some((name, w)) = columns.iter().zip(&weights).find(|(_, w)| !share(w)) {
                return request(format!(
                    "{}, row {}, column `{name}`: {} is no share; shares lie between 0 and 1",
                    table.source(),
                    table.origin(i),
                    w[i]
                ));
            }
            let sum: f64 = weights.iter().map(|w| w[i]).sum();
            if (sum - 1.0).abs() > MOST_OFF {
                return request(format!(
                    "{}, row {}: the shares of {} add up to {sum:.4}, not to 1 within 1%; name the columns of shares with --shares",
                    table.source(),
                    table.origin(i),
                    listed(&columns)
                ));
            }
            values.extend(weights.iter().map(|w| w[i]));
        }
        let owned = |names: &[&str]| names.iter().map(|n| (*n).to_string()).collect::<Vec<_>>();
        Ok(Self {
            domains: without_common_beginning(&columns),
            columns: owned(&columns),
            targets: owned(&targets),
            shares: Points::new(columns.len(), values),
            losses: kept.iter().map(|&i| mean(i)).collect(),
            rows: kept.iter().map(|&i| table.origin(i)).collect(),
            dropped: table.rows() - kept.len(),
        })
    }

    /// The same columns of another table.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn same(&self, table: &Table) -> Result<Self, LawError> {
        let targets: Vec<String> = self.targets.clone();
        Self::read(table, Some(&self.columns.join(",")), &targets)
    }

    /// Position of a domain, by its column or its short name.
    ///
    /// # Errors
    /// [`LawError::Request`] with the nearest name.
    pub fn domain(&self, name: &str) -> Result<usize, LawError> {
        let found = self.columns.iter().zip(&self.domains).position(|(c, d)| c == name || d == name);
        found.map_or_else(
            || {
                let known: Vec<&str> = self.domains.iter().map(String::as_str).collect();
                let near = nearest(name, &known).map_or(String::new(), |n| format!("; did you mean `{n}`?"));
                request(format!("no domain `{name}`{near} The domains are {}", known.join(", ")))
            },
            Ok,
        )
    }
}

/// One table of two that describe the same runs: rows are paired by the first column that both have, or by position when they have
/// none in common.
///
/// # Errors
/// [`LawError::Request`] when rows have no partner or several.
pub fn pair(mixtures: &Table, losses: &Table) -> Result<Table, LawError> {
    let key = names(mixtures).find(|n| losses.column(n).is_some());
    let rows: Vec<usize> = match key {
        None if mixtures.rows() == losses.rows() => (0..mixtures.rows()).collect(),
        None => {
            return request(format!(
                "{} has {} rows and {} has {}, and no column is in both: they cannot be paired",
                mixtures.source(),
                mixtures.rows(),
                losses.source(),
                losses.rows()
            ));
        }
        Some(key) => {
            let mut partner = HashMap::new();
            for (i, label) in losses.labels(key)?.into_iter().enumerate() {
                if partner.insert(label.clone(), i).is_some() {
                    return request(format!("{}: `{key}` {label} is there twice", losses.source()));
                }
            }
            let of = |label: &std::sync::Arc<str>| {
                let missing = || LawError::Request(format!("{} has no row with `{key}` {label}", losses.source()));
                partner.remove(label).ok_or_else(missing)
            };
            let mut of = of;
            mixtures.labels(key)?.iter().map(&mut of).collect::<Result<_, _>>()?
        }
    };
    let others = losses.take(&rows);
    let mut both = mixtures.clone();
    for column in others.columns().iter().filter(|c| mixtures.column(&c.name).is_none()) {
        both = both.with_column(Column { name: column.name.clone(), cells: column.cells.clone() })?;
    }
    Ok(both)
}

fn request<T>(text: String) -> Result<T, LawError> {
    Err(LawError::Request(text))
}

fn names(table: &Table) -> impl Iterator<Item = &str> {
    table.columns().iter().map(|c| c.name.as_str())
}

fn named_shares<'a>(table: &'a Table, text: &str) -> Result<Vec<&'a str>, LawError> {
    let parts: Vec<&str> = text.split(',').map(str::trim).filter(|p| !p.is_empty()).collect();
    if let [beginning] = parts[..] {
        let found: Vec<&str> = names(table).filter(|n| n.starts_with(beginning)).collect();
        return if found.is_empty() { Err(table.missing(beginning).into()) } else { Ok(found) };
    }
    parts.into_iter().map(|p| table.column(p).map(|c| c.name.as_str()).ok_or_else(|| table.missing(p).into())).collect()
}

fn find_targets<'a>(table: &'a Table, free: &[&'a str], wanted: &[String]) -> Result<Vec<&'a str>, LawError> {
    let like = |text: &str| -> Vec<&'a str> {
        let text = text.to_lowercase();
        free.iter().copied().filter(|n| n.to_lowercase().contains(&text)).collect()
    };
    let one = |text: &str, found: &[&'a str]| match found {
        [one] => Ok(*one),
        [] => Err(table.missing(text).into()),
        many => request(format!("{}: `{text}` may be {}; give the target with --target", table.source(), listed(many))),
    };
    if wanted.is_empty() {
        return Ok(vec![one("loss", &like("loss"))?]);
    }
    // A domain may be both a share and a target: a name that is a target's alone by its ending counts for the target.
    let exact = |text: &str| free.iter().copied().find(|n| *n == text);
    let lossy = |text: &str| like(text).into_iter().filter(|n| n.contains("loss")).collect::<Vec<_>>();
    let find = |text: &String| match exact(text) {
        Some(name) => Ok(name),
        None if lossy(text).len() == 1 => Ok(lossy(text)[0]),
        None => one(text, &like(text)),
    };
    wanted.iter().map(find).collect()
}

fn between_0_and_1(table: &Table, name: &str) -> bool {
    let ok = |v: &f64| v.is_nan() || (0.0..=1.0).contains(v);
    table.numbers(name).is_ok_and(|values| values.iter().all(ok) && values.iter().any(|v| !v.is_nan()))
}

fn listed(names: &[&str]) -> String {
    let shown = names.iter().take(6).map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ");
    if names.len() > 6 { format!("{shown} and {} more", names.len() - 6) } else { shown }
}

/// The names after what all begin with, which ends at a separator.
fn without_common_beginning(names: &[&str]) -> Vec<String> {
    let first = names[0];
    let common =
        (0..first.len()).take_while(|&i| names.iter().all(|n| n.as_bytes().get(i) == Some(&first.as_bytes()[i])));
    let cut = first[..common.count().min(first.len())].rfind(['_', '/', '.', '-', ' ']).map_or(0, |at| at + 1);
    let rest: Vec<String> = names.iter().map(|n| n[cut..].to_string()).collect();
    if rest.iter().any(String::is_empty) { names.iter().map(|n| (*n).to_string()).collect() } else { rest }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn csv(text: &str) -> Table {
        Table::from_csv_text("t.csv", text).unwrap()
    }

    #[test]
    fn shares_and_target_are_found() {
        let table =
            csv("index,train_web,train_code,web_loss,code_loss\n1,0.25,0.75,3.5,2.5\n2,0.5,0.505,,2.6\n3,1,0,3.1,4\n");
        let found = MixtureTable::read(&table, None, &["web".into()]).unwrap();
        assert_eq!(found.domains, ["web", "code"]);
        assert_eq!((found.targets[0].as_str(), found.losses.as_slice()), ("web_loss", [3.5, 3.1].as_slice()));
        assert_eq!((found.rows.as_slice(), found.dropped), ([1, 3].as_slice(), 1));
        assert_eq!(found.shares.row(0), [0.25, 0.75]);
        assert_eq!((found.domain("code").unwrap(), found.domain("train_code").unwrap()), (1, 1));
        assert!(found.domain("cod").unwrap_err().to_string().contains("did you mean `code`?"));
        let both = MixtureTable::read(&table, Some("train_"), &["web_loss".into(), "code_loss".into()]).unwrap();
        assert_eq!(both.losses, [3.0, 3.55]);
        let refused = MixtureTable::read(&table, None, &[]).unwrap_err().to_string();
        assert!(refused.contains("`loss` may be `web_loss`, `code_loss`"), "{refused}");
    }

    #[test]
    fn bad_rows_are_named() {
        let refused =
            |text: &str, shares: Option<&str>| MixtureTable::read(&csv(text), shares, &[]).unwrap_err().to_string();
        let off = refused("a,b,loss\n0.5,0.5,3\n0.5,0.45,3\n", None);
        assert!(off.contains("row 2") && off.contains("0.9500"), "{off}");
        let negative = refused("a,b,loss\n-0.1,1.1,3\n", Some("a,b"));
        assert!(negative.contains("row 1, column `a`: -0.1 is no share"), "{negative}");
        assert!(refused("a,b,loss\n0.5,0.5,\n", None).contains("no row"));
        assert!(refused("a,loss\n1,3\n", None).contains("at least 2"));
        assert!(refused("a,b,loss\n0.5,0.5,3\n", Some("x_")).contains("x_"));
    }

    #[test]
    fn two_tables_are_paired_by_what_they_share() {
        let mixtures = csv("index,a,b\n1,0.2,0.8\n2,0.6,0.4\n");
        let joined = pair(&mixtures, &csv("index,loss\n2,3.2\n1,3.1\n7,9\n")).unwrap();
        assert_eq!(joined.numbers("loss").unwrap(), [3.1, 3.2]);
        let placed = pair(&mixtures, &csv("loss\n3.1\n3.2\n")).unwrap();
        assert_eq!(placed.numbers("loss").unwrap(), [3.1, 3.2]);
        assert!(pair(&mixtures, &csv("loss\n3.1\n")).unwrap_err().to_string().contains("cannot be paired"));
        assert!(
            pair(&mixtures, &csv("index,loss\n1,3.1\n")).unwrap_err().to_string().contains("no row with `index` 2")
        );
        assert!(pair(&mixtures, &csv("index,loss\n1,3\n1,4\n")).unwrap_err().to_string().contains("twice"));
    }
}
