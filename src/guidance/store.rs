//! Votes whether a page helped: counts by article and day, and nothing of whoever voted.

use crate::clock::Timestamp;
use crate::database::{Database, Reads, Result, Tx};

/// What people said of one article.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Votes {
    pub article: String,
    pub helped: i64,
    pub did_not: i64,
}

/// Days are counted from 1 January 1970.
const DAY_MILLISECONDS: i64 = 86_400_000;

/// Counts one vote.
pub async fn add_vote(tx: &mut Tx, now: Timestamp, article: &str, helpful: bool) -> Result<()> {
    let day = now.as_milliseconds() / DAY_MILLISECONDS;
    tx.run(
        "INSERT INTO article_votes (article, day, helpful, votes) VALUES ($1, $2, $3, 1)
         ON CONFLICT (article, day, helpful) DO UPDATE SET votes = article_votes.votes + 1",
        &[&article, &day, &helpful],
    )
    .await?;
    Ok(())
}

/// The votes of every article since a moment.
pub async fn votes(from: &Database, since: Timestamp) -> Result<Vec<Votes>> {
    let day = since.as_milliseconds() / DAY_MILLISECONDS;
    let rows: Vec<(String, bool, i64)> = from
        .all(
            "SELECT article, helpful, CAST(SUM(votes) AS BIGINT) FROM article_votes WHERE day >= $1
             GROUP BY article, helpful ORDER BY article",
            &[&day],
        )
        .await?;
    let mut all: Vec<Votes> = Vec::new();
    for (article, helpful, count) in rows {
        if all.last().is_none_or(|last| last.article != article) {
            all.push(Votes { article, ..Votes::default() });
        }
        if let Some(last) = all.last_mut() {
            if helpful {
                last.helped = count;
            } else {
                last.did_not = count;
            }
        }
    }
    Ok(all)
}
