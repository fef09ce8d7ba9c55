-- Whether an article of the support site helped: counts by article and day (days since 1 January
-- 1970), and nothing of whoever voted.
CREATE TABLE article_votes (
  article TEXT NOT NULL,
  day BIGINT NOT NULL,
  helpful BOOLEAN NOT NULL,
  votes BIGINT NOT NULL,
  PRIMARY KEY (article, day, helpful)
);
