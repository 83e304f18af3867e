use portcullis_benches::{median, spread};

use crate::Load;
use crate::proxy::Role;
use crate::round::Outcome;

/// Prints what each side did, and the gateway beside the others.
pub(crate) fn print(load: &Load, rounds: &[Vec<Outcome>]) {
    println!(
        "{} connections, {} keys, {} rounds, {} s a side; medians over the rounds, (least to most)",
        load.connections, load.keys, load.rounds, load.seconds
    );
    for role in Role::ALL {
        let outcomes: Vec<&Outcome> = rounds.iter().filter_map(|round| of(round, role)).collect();
        if outcomes.is_empty() {
            continue;
        }
        let each = |figure: fn(&Outcome) -> f64| -> Vec<f64> {
            outcomes.iter().map(|outcome| figure(outcome)).collect()
        };
        let at = |quantile: f64| -> Vec<f64> {
            let micros = |outcome: &&Outcome| outcome.latencies.value_at_quantile(quantile) as f64;
            outcomes.iter().map(micros).collect()
        };
        let requests: u64 = outcomes.iter().map(|outcome| outcome.latencies.len()).sum();
        println!(
            "{:<8} {} requests/s   p50 {} us   p99 {} us   proxy CPU {} us/request   {requests} \
             requests, all 200",
            role.as_str(),
            shown(&each(|outcome| outcome.rate), 0),
            shown(&at(0.5), 0),
            shown(&at(0.99), 0),
            shown(&each(|outcome| outcome.cpu), 1),
        );
    }
    for (role, other) in [
        (Role::Gateway, Role::Bare),
        (Role::Bare, Role::Plain),
        (Role::Gateway, Role::Nginx),
    ] {
        let ratios = |figure: fn(&Outcome) -> f64| -> Vec<f64> {
            let ratio =
                |round: &Vec<Outcome>| Some(figure(of(round, role)?) / figure(of(round, other)?));
            rounds.iter().filter_map(ratio).collect()
        };
        let rates = ratios(|outcome| outcome.rate);
        if rates.is_empty() {
            continue;
        }
        println!(
            "{} / {}: requests/s {}   CPU per request {}",
            role.as_str(),
            other.as_str(),
            shown(&rates, 3),
            shown(&ratios(|outcome| outcome.cpu), 3),
        );
    }
}

fn of(round: &[Outcome], role: Role) -> Option<&Outcome> {
    round.iter().find(|outcome| outcome.role == role)
}

fn shown(values: &[f64], digits: usize) -> String {
    let (least, most) = spread(values);
    let middle = median(values);
    format!("{middle:.digits$} ({least:.digits$} to {most:.digits$})")
}
