//! The pages of the central team.
