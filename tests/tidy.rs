//! The laws of ARCHITECTURE.md that no compiler checks.
