//! The design system's components, one file each, proved equal to the official examples.
