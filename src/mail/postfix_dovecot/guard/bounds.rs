//! How large the things in a message may be. Each bound stands well above honest mail and far below what
//! the guard, or a reader behind it, could be made to stumble over.

/// Fields in the header of a message or a part. Mail that went through many servers has a hundred.
pub(super) const FIELDS: usize = 1_000;
/// One field of a message: Postfix cuts longer ones off, and then nobody knows what was said.
pub(super) const FIELD_BYTES: usize = 100_000;
/// All fields of a message together.
pub(super) const HEADER_BYTES: usize = 512 << 10;
/// A field that says what a part is: a name of 255 letters, each written with nine, is 2,300 bytes.
pub(super) const MIME_FIELD_BYTES: usize = 8 << 10;
/// A field that says who a message is from.
pub(super) const SENDER_FIELD_BYTES: usize = 4 << 10;
/// Messages and multiparts within one another. Long threads that were forwarded have a dozen.
pub(super) const DEPTH: usize = 30;
/// Parts of a message. A digest of a busy week has a few hundred.
pub(super) const PARTS: usize = 1_000;
/// Messages inside encoded attachments inside encoded attachments.
pub(super) const ENCODINGS_DEPTH: usize = 4;
/// Bytes of one message that are looked through, each as often as there are ways to read it, unpacked ones
/// included: a message of the largest size with one large attachment needs about five times its size.
pub(super) const LOOKED_THROUGH_BYTES: usize = 256 << 20;
/// Bytes of messages that are held at once. Beyond this senders are asked to try again.
pub(in super::super) const HELD_BYTES: usize = 512 << 20;
