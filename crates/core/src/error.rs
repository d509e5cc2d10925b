//! The one error type of this crate: each variant carries the values needed to find the fault, and
//! [`CoreError::hint`] says what to try.

use std::path::PathBuf;

/// Everything that can go wrong while reading, mapping or writing a run table, or while sizing a model.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CoreError {
    /// The operating system refused a file operation.
    #[error("{path}: cannot {action}: {source}", path = path.display())]
    Io {
        /// The file in question.
        path: PathBuf,
        /// What was being done ("read", "write").
        action: &'static str,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// A file without a single data row.
    #[error("{source_name}: no data rows: found {found}, expected a header and at least one row")]
    Empty {
        /// File name.
        source_name: String,
        /// What the file held instead.
        found: String,
    },
    /// Bytes that are not UTF-8.
    #[error("{source_name}, line {line}: found bytes that are not UTF-8, expected text in UTF-8")]
    Encoding {
        /// File name.
        source_name: String,
        /// Line in the file, the first is 1.
        line: u64,
    },
    /// A record that does not fit the header, or text that is not the format it claims to be.
    #[error("{source_name}{}: found {found}, expected {expected}", if *line > 0 { format!(", line {line}") } else { String::new() })]
    Malformed {
        /// File name.
        source_name: String,
        /// Line in the file, the first is 1; 0 when the format has no lines.
        line: u64,
        /// What stands there.
        found: String,
        /// What should stand there.
        expected: String,
    },
    /// Two columns of the same name.
    #[error("{source_name}: column `{column}` appears twice in the header (columns {first} and {second})")]
    DuplicateColumn {
        /// File name.
        source_name: String,
        /// The repeated name.
        column: String,
        /// Position of the first, counted from 1.
        first: usize,
        /// Position of the second, counted from 1.
        second: usize,
    },
    /// A column that was asked for and is not there.
    #[error("{source_name}: no column `{column}`; the columns are {available}")]
    MissingColumn {
        /// File name.
        source_name: String,
        /// The name that was looked for.
        column: String,
        /// The closest existing name, if one is close.
        nearest: Option<String>,
        /// Existing names, shortened when there are many.
        available: String,
    },
    /// A cell that should be a number and is not.
    #[error("{source_name}, row {row}, column `{column}`: found {found}, expected {expected}")]
    Cell {
        /// File name.
        source_name: String,
        /// Data row, the first below the header is 1.
        row: u64,
        /// Column name.
        column: String,
        /// The text of the cell.
        found: String,
        /// What should stand there.
        expected: String,
    },
    /// An expression that cannot be read or does not fit the columns.
    #[error("cannot read the expression `{text}`: {why}")]
    Expression {
        /// The expression as given.
        text: String,
        /// What is wrong with it.
        why: String,
    },
    /// A quantity such as `1.3B` that cannot be read.
    #[error("cannot read `{text}` as {expected}")]
    Quantity {
        /// The text as given.
        text: String,
        /// The expected kind of quantity.
        expected: &'static str,
    },
    /// A file that is, or claims to be, too large to load.
    #[error("{source_name}: declares {declared}, more than the limit of {limit}")]
    TooLarge {
        /// File name.
        source_name: String,
        /// What the file declares.
        declared: String,
        /// The limit.
        limit: String,
    },
    /// A file whose extension names no known table format.
    #[error("{path}: unknown table format `{extension}`", path = path.display())]
    UnknownFormat {
        /// The file.
        path: PathBuf,
        /// Its extension.
        extension: String,
    },
    /// A shape whose fields do not fit each other.
    #[error("{field} = {found}: expected {expected}")]
    Shape {
        /// The field.
        field: &'static str,
        /// Its value.
        found: String,
        /// What would fit.
        expected: String,
    },
    /// A count beyond 64 bits.
    #[error("{what}: more than 64 bits can count")]
    Overflow {
        /// What was counted.
        what: &'static str,
    },
    /// A model configuration with a field that is missing or cannot be used.
    #[error("{source_name}: {field}: found {found}, expected {expected}")]
    Config {
        /// File name, or the model's name in a catalogue.
        source_name: String,
        /// The field.
        field: String,
        /// What stands there.
        found: String,
        /// What should stand there.
        expected: String,
    },
    /// A model that no catalogue holds.
    #[error("no model `{name}` in the catalogue")]
    UnknownModel {
        /// The name that was looked for.
        name: String,
        /// Names close to it.
        near: Vec<String>,
    },
    /// A column that the catalogue does not have.
    #[error("the catalogue has no column `{column}`")]
    UnknownField {
        /// The name that was looked for.
        column: String,
        /// The closest existing name, if one is close.
        nearest: Option<&'static str>,
        /// Existing names.
        available: String,
    },
    /// A catalogue entry that does not say everything that its size depends on.
    #[error("{name} is incomplete: {} {} missing", missing.join(", "), if missing.len() == 1 { "is" } else { "are" })]
    Incomplete {
        /// The entry.
        name: String,
        /// The fields that are missing.
        missing: Vec<&'static str>,
    },
    /// An assertion that cannot be read, or cannot be asked of this table.
    #[error("assertion `{name}`: {why}")]
    Assertion {
        /// Its name, or where it stands.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// A table of which no assertion can be suggested.
    #[error("{source_name}: {why}")]
    Unsuitable {
        /// File name.
        source_name: String,
        /// Why not.
        why: String,
    },
}

impl CoreError {
    /// One thing to try, in a sentence.
    pub fn hint(&self) -> String {
        match self {
            Self::Io { action: "write", .. } => "check that the folder exists, is writable and has free space".into(),
            Self::Io { action: "open", .. } => "check the path".into(),
            Self::Io { .. } => "check the path; a run table is a .csv, .tsv, .jsonl or .parquet file".into(),
            Self::Empty { .. } => "give a table with a header line and one line per training run".into(),
            Self::Encoding { .. } => {
                "save the file as UTF-8 (for example: iconv -f latin1 -t utf-8 in.csv > out.csv)".into()
            }
            Self::Malformed { .. } => {
                "open the file at that line; the delimiter is taken from the header (comma, tab, semicolon or bar)"
                    .into()
            }
            Self::DuplicateColumn { .. } => "rename one of the two columns in the header".into(),
            Self::MissingColumn { nearest: Some(near), column, .. } if near.contains(' ') => {
                format!("did you mean `{near}`? Name it with --map '{column}={near}'")
            }
            Self::MissingColumn { nearest: Some(near), column, .. } => {
                format!("did you mean `{near}`? Name it with --map {column}={near}")
            }
            Self::MissingColumn { column, .. } if column == "x" => {
                "name the size axis with --map x=COLUMN; a law of model size and data needs params and tokens".into()
            }
            Self::MissingColumn { column, .. } => {
                format!("name the column that holds it with --map {column}=COLUMN, or an expression over columns")
            }
            Self::Cell { column, .. } => {
                format!("correct the cell, or leave the row out with --where (for example --where '{column} > 0')")
            }
            Self::Expression { .. } => {
                "write columns as they stand in the file (in {braces} if they hold spaces), numbers, + - * / ^, \
                 comparisons, && || !, \"text\", and ln log2 log10 exp sqrt abs floor round"
                    .into()
            }
            Self::Quantity { .. } => "write a number with an optional unit: 1.3B, 300M, 2e9, 1e18FLOP, 4GiB".into(),
            Self::TooLarge { .. } => "is this the right file? A table can be split, or written with fewer rows".into(),
            Self::UnknownFormat { .. } => "use .csv, .tsv, .jsonl, .json or .parquet".into(),
            Self::Shape { field, .. } => format!("change `{field}`, or the fields it depends on"),
            Self::Overflow { .. } => "a size was mistyped: no machine holds such a model".into(),
            Self::Config { field, .. } => format!("correct `{field}`; nothing is assumed in its place"),
            Self::UnknownModel { near, .. } if near.is_empty() => "see every name with --list".into(),
            Self::UnknownModel { near, .. } => {
                format!("did you mean {}? See every name with --list", near.join(", "))
            }
            Self::UnknownField { nearest: Some(near), .. } => format!("did you mean `{near}`?"),
            Self::UnknownField { available, .. } => format!("the columns are {available}"),
            Self::Incomplete { .. } => {
                "copy the entry into a file of your own, add the fields, and give it with --catalogue".into()
            }
            Self::Unsuitable { .. } => {
                "give finished runs with more points or sizes, and name their columns with --x, --y and --by".into()
            }
            Self::Assertion { .. } => {
                "docs/assertions.md lists the properties and their keys; `kleiber assert suggest` writes such a file"
                    .into()
            }
        }
    }
}
