//! Waking those who wait for something to be committed, by numbered channels.

use tokio::sync::Notify;

/// How many channels there are.
const CHANNELS: usize = 16;

/// A wake-up for each channel. One waiter a channel: a wake-up that nobody waits for is kept for the
/// next wait.
#[derive(Default)]
pub(super) struct Signals([Notify; CHANNELS]);

impl Signals {
    /// The bit of a channel; channels beyond the last share it.
    pub(super) fn bit(channel: usize) -> u32 {
        1 << channel.min(CHANNELS - 1)
    }

    /// Wakes the waiters of every channel whose bit is set.
    pub(super) fn wake(&self, bits: u32) {
        for (channel, waiter) in self.0.iter().enumerate() {
            if bits & Self::bit(channel) != 0 {
                waiter.notify_one();
            }
        }
    }

    pub(super) async fn wait(&self, channel: usize) {
        self.0[channel.min(CHANNELS - 1)].notified().await;
    }
}
