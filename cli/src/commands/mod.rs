//! One file per command: its arguments, its help, and what it does.

pub mod add;
pub mod audit;
pub mod check;
pub mod countersign;
pub mod demo;
pub mod dispute;
pub mod fsck;
pub mod get;
pub mod help;
pub mod init;
pub mod key;
pub mod log;
pub mod ls;
pub mod pin;
pub mod prove;
pub mod record;
pub mod seal;
pub mod show;
pub mod sql;
pub mod status;
pub mod trace;
pub mod trust;
pub mod verify;
pub mod version;
pub mod withdraw;
