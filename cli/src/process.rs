//! Other processes of this machine.

use rustix::process::{Pid, test_kill_process};

/// Whether there is a process of this number. Where that cannot be told there is one.
pub fn is_alive(number: u32) -> bool {
    let pid = i32::try_from(number).ok().and_then(Pid::from_raw);
    // A process of somebody else's is one too: it may not be signalled, but it is there.
    pid.is_some_and(|pid| test_kill_process(pid) != Err(rustix::io::Errno::SRCH))
}

#[cfg(test)]
mod tests {
    use super::is_alive;

    #[test]
    fn the_living_and_the_dead() {
        assert!(is_alive(std::process::id()));
        assert!(is_alive(1));
        // Numbers of processes end at 2^22 on Linux, and zero is none.
        assert!(!is_alive(0x7fff_ffff) && !is_alive(0) && !is_alive(u32::MAX));
    }
}
