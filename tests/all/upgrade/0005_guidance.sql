INSERT INTO article_votes VALUES ('dspt', 20500, TRUE, 3);
