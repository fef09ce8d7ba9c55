//! Tests of the moves.
