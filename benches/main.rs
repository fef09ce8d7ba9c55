//! Measures what the service promises, against the release program where it can, and prints the
//! figures with their conditions. `make bench` runs it; `docs/performance.md` keeps what it printed.
//!
//! The load driver shares the machine's two cores with the server, so every rate is for both.

mod approvals;
mod browser;
mod imports;
mod lanes;
mod lighthouse;
mod mail;
mod registrations;
mod search;
mod server;
mod support;
mod timing;

use std::time::Duration;

/// Percentiles of some times, in words.
pub fn percentiles(times: &mut [Duration]) -> String {
    if times.is_empty() {
        return "none".to_owned();
    }
    times.sort();
    let at = |share: f64| {
        let place = ((times.len() - 1) as f64 * share).round() as usize;
        times[place].as_secs_f64() * 1000.0
    };
    format!("p50 {:.2} ms, p95 {:.2} ms, p99 {:.2} ms, max {:.2} ms", at(0.5), at(0.95), at(0.99), at(1.0))
}

fn main() {
    rustls::crypto::ring::default_provider().install_default().expect("the cryptography is set up once");
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let wants = |name: &str| wanted.is_empty() || wanted.iter().any(|word| word == name);
    println!(
        "machine: {} cores; load driver and server share them",
        std::thread::available_parallelism().map_or(0, usize::from)
    );
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        if wants("binary") {
            server::binary_and_start().await;
        }
        if wants("imports") {
            imports::measure().await;
        }
        if wants("search") {
            search::measure().await;
        }
        if wants("registrations") {
            registrations::measure().await;
        }
        if wants("support") {
            support::measure().await;
        }
        if wants("lighthouse") {
            lighthouse::measure().await;
        }
        if wants("mail") {
            mail::measure().await;
        }
        if wants("lanes") {
            lanes::measure().await;
        }
        if wants("approvals") {
            approvals::measure().await;
        }
        if wants("timing") {
            timing::measure().await;
        }
    });
}
