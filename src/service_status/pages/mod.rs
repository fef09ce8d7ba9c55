//! The service status as everybody reads it ([`status`]), and the room of the console in which the
//! central team tells of it ([`team`]).

pub mod audit_log;
pub mod status;
pub mod team;

use crate::console::Room;

/// Where the central team sets what everybody reads of the service.
const STATUS: &str = "/casework/status";
/// The room of the console.
pub const ROOM: Room = (STATUS, "Service status");
