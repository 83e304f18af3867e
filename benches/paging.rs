//! What a page of a listing costs, however many keys there are.
//!
//! `cargo bench -p portcullis-benches --bench paging -- --sizes 10000,100000` takes seconds.

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use portcullis::key::KeyFilter;
use portcullis_benches::{Failure, ended};
use portcullis_store::sample::{Sample, combinations, parts};

/// Counts the steps of pages in samples of several sizes.
#[derive(Debug, Parser)]
struct Options {
    /// How many keys the samples have, the smallest first.
    #[arg(
        long,
        value_delimiter = ',',
        default_values_t = [10_000, 100_000, 1_000_000],
        value_parser = clap::value_parser!(i64).range(10_000..=10_000_000)
    )]
    sizes: Vec<i64>,
    /// What cargo passes to every bench.
    #[arg(long, hide = true)]
    bench: bool,
}

/// What was measured of one filter in one sample.
struct Measured {
    name: String,
    steps: Vec<u64>,
    micros: u128,
}

fn main() -> ExitCode {
    ended(run(&Options::parse()))
}

fn run(options: &Options) -> Result<(), Failure> {
    let mut columns = Vec::new();
    for size in &options.sizes {
        columns.push(measure(*size)?);
    }
    let Some((first, others)) = columns.split_first() else {
        return Ok(());
    };
    let mut strays = 0;
    for (at, row) in first.iter().enumerate() {
        let rows: Vec<&Measured> = others.iter().filter_map(|column| column.get(at)).collect();
        strays += usize::from(!rows.iter().all(|other| within(&row.steps, &other.steps)));
        let cells = std::iter::once(&row).chain(&rows);
        let cells: Vec<String> = cells
            .map(|cell| format!("{:?} {} us", cell.steps, cell.micros))
            .collect();
        println!("{:<32} {}", row.name, cells.join("  "));
    }
    if strays == 0 {
        return Ok(());
    }
    Err(format!("{strays} filters cost more than 10 % more or less in a larger sample").into())
}

fn measure(size: i64) -> Result<Vec<Measured>, Failure> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("sample.db");
    let start = Instant::now();
    let mut sample = Sample::at(&path, size)?;
    let bytes = std::fs::metadata(&path)?.len();
    let each = bytes / u64::try_from(size)?;
    println!(
        "{size} keys, made in {:.0?}, {each} bytes each",
        start.elapsed()
    );
    let mut measured = Vec::new();
    for (name, filter) in parts(size)? {
        let steps = sample.steps(&filter)?;
        let micros = time(&mut sample, &filter)?;
        measured.push(Measured {
            name,
            steps,
            micros,
        });
    }
    for (name, filter) in combinations(size)? {
        let steps = sample.mean_steps(&filter)?;
        let micros = time(&mut sample, &filter)?;
        measured.push(Measured {
            name,
            steps,
            micros,
        });
    }
    Ok(measured)
}

/// The shortest of some readings of the first page, in microseconds.
fn time(sample: &mut Sample, filter: &KeyFilter) -> Result<u128, Failure> {
    let mut shortest = u128::MAX;
    for _ in 0..10 {
        let start = Instant::now();
        sample.first_page(filter)?;
        shortest = shortest.min(start.elapsed().as_micros());
    }
    Ok(shortest)
}

fn within(few: &[u64], many: &[u64]) -> bool {
    let near = |(few, many): (&u64, &u64)| few.abs_diff(*many) * 10 <= *few;
    few.len() == many.len() && few.iter().zip(many).all(near)
}
