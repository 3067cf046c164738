//! The process itself: what keeps secrets out of freed memory, swap, core dumps and other processes' sight, and its end
//! by a signal.
#![allow(
    unsafe_code,
    reason = "a global allocator, locked pages, what a new process does before its program is loaded, and a signal's own \
              action take unsafe code; nothing else here is"
)]

#[cfg(feature = "cli")]
pub mod child;

use std::alloc::{GlobalAlloc, Layout, System};
#[cfg(any(feature = "cli", feature = "tui"))]
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering, compiler_fence};

use rustix::fs::Mode;
use rustix::process::{DumpableBehavior, Resource, Rlimit};

/// glibc gives blocks above this size their own mapping and unmaps them when freed, whatever it learnt from
/// earlier frees (`DEFAULT_MMAP_THRESHOLD_MAX` on 64-bit systems): the kernel hands the pages out zeroed.
/// Zeroing them first would only cost time.
#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]
const UNMAPPED_ABOVE: usize = 32 * 1024 * 1024;
#[cfg(not(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64")))]
const UNMAPPED_ABOVE: usize = usize::MAX;

/// Gives memory that was freed back to the system: after a lock, what the vault took. glibc would keep it for later.
#[cfg(feature = "tui")]
pub fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: it touches what the allocator holds free, under the allocator's own locks.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// The system allocator, except that it zeroes every block before it frees it: short-lived copies of secrets
/// in buffers of libraries are gone when the buffer is. Growing a block moves it through
/// [`GlobalAlloc::realloc`]'s default, which frees, and so zeroes, the old one.
#[derive(Clone, Copy, Debug, Default)]
pub struct WipingAllocator;

// SAFETY: every call goes to `System` with the layout it came with; a block is written to only before it is
// freed, inside its own bounds.
unsafe impl GlobalAlloc for WipingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if layout.size() <= UNMAPPED_ABOVE {
            // SAFETY: the block is `layout.size()` bytes, still allocated, and nobody else holds it.
            unsafe { block.write_bytes(0, layout.size()) };
            // A write to memory that is freed next is dead to the optimizer. Once the address escapes into
            // a black box it has to assume that somebody reads the zeros.
            std::hint::black_box(block);
            compiler_fence(Ordering::SeqCst);
        }
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(block, layout) }
    }
}

/// Whether the system refused to keep something out of swap.
static SWAPPABLE: AtomicBool = AtomicBool::new(false);

/// Keeps the pages of a value out of swap until it is dropped.
#[derive(Debug)]
pub struct Resident {
    start: usize,
    length: usize,
}

impl Resident {
    /// Locks the pages that a value stands in now; what it points to is not followed. A refusal changes nothing but
    /// what [`is_swappable`] says: it is no reason not to run.
    pub fn new<T: ?Sized>(value: &T) -> Self {
        let (start, length) = (std::ptr::from_ref(value).addr(), size_of_val(value));
        let place = std::ptr::without_provenance_mut(start);
        // SAFETY: locking reads and writes nothing, and the system looks up the address by itself.
        if unsafe { rustix::mm::mlock(place, length) }.is_err() {
            SWAPPABLE.store(true, Ordering::Relaxed);
        }
        Self { start, length }
    }
}

impl Drop for Resident {
    fn drop(&mut self) {
        let place = std::ptr::without_provenance_mut(self.start);
        // SAFETY: as above. A neighbour on the same page that is unlocked with it is dropped with it: all keys of a
        // vault go together. Pages that were given back to the system meanwhile are an error, which is no matter.
        let _ = unsafe { rustix::mm::munlock(place, self.length) };
    }
}

/// Whether keys could not be kept out of swap: `ulimit -l` is too low.
pub fn is_swappable() -> bool {
    SWAPPABLE.load(Ordering::Relaxed)
}

/// What [`harden`] changed, so that a child process can get it back.
#[derive(Clone, Debug)]
pub struct Before {
    /// The limit on core dumps.
    pub core: Rlimit,
    /// The file mode creation mask.
    pub umask: Mode,
}

/// No core dumps, no look into this process from others of the same user, no file that others can read.
/// Works as far as the system lets it and never fails. Call it before any thread starts.
pub fn harden() -> Before {
    let core = rustix::process::getrlimit(Resource::Core);
    // A refusal leaves the process as it was, which is no reason not to run. The hard limit stays: once
    // lowered, a program under `run` could not get its own limit back.
    let none = Rlimit { current: Some(0), maximum: core.maximum };
    let _ = rustix::process::setrlimit(Resource::Core, none);
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable);
    // A file at its size limit is an error to be told, not an end: with a handler the write fails instead.
    #[cfg(any(feature = "cli", feature = "tui"))]
    let _ = signal_hook::flag::register(rustix::process::Signal::XFSZ.as_raw(), Arc::default());
    let umask = rustix::process::umask(Mode::from_raw_mode(0o077));
    Before { core, umask }
}

/// Ends the process by a signal, so that its parent sees what happened. Its handlers are taken away first.
#[cfg(any(feature = "cli", feature = "tui"))]
pub fn die(signal: rustix::process::Signal) -> ! {
    let _ = signal_hook::low_level::emulate_default_handler(signal.as_raw());
    // The signal was ignored from outside (`nohup`): end with the code that a shell gives to it.
    std::process::exit(128 + signal.as_raw())
}

/// What a signal did before this program listened to it.
#[cfg(feature = "tui")]
pub struct Inherited {
    signal: libc::c_int,
    action: libc::sigaction,
}

/// A handler of ours that is taken away while this lives.
#[cfg(feature = "tui")]
pub struct Replaced(Inherited);

#[cfg(feature = "tui")]
impl Inherited {
    /// What a signal does now.
    ///
    /// # Errors
    /// There is no such signal.
    pub fn of(signal: rustix::process::Signal) -> std::io::Result<Self> {
        Self::set(signal.as_raw(), std::ptr::null())
    }

    /// Lets the signal do that again, until what this gives is dropped.
    ///
    /// # Errors
    /// What the system refuses.
    pub fn replace(&self) -> std::io::Result<Replaced> {
        Self::set(self.signal, &self.action).map(Replaced)
    }

    /// Sets what a signal does, where that is given; what it did.
    fn set(signal: libc::c_int, action: *const libc::sigaction) -> std::io::Result<Self> {
        let mut before = std::mem::MaybeUninit::uninit();
        // SAFETY: `action` is null or came from this same call, so that its handler still stands; there is room for
        // what the call tells.
        if unsafe { libc::sigaction(signal, action, before.as_mut_ptr()) } != 0 {
            return Err(std::io::Error::last_os_error());
        }
        // SAFETY: the call filled it in.
        Ok(Self { signal, action: unsafe { before.assume_init() } })
    }
}

#[cfg(feature = "tui")]
impl Drop for Replaced {
    fn drop(&mut self) {
        // It was set before, so it can be set again.
        let _ = Inherited::set(self.0.signal, &self.0.action);
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::unix::fs::FileExt;

    use super::*;

    /// What stands in a block after it was freed, as somebody who reads the process sees it.
    fn left_behind(allocator: &dyn GlobalAlloc) -> Vec<u8> {
        const SIZE: usize = 512;
        let layout = Layout::from_size_align(SIZE, 16).unwrap();
        let memory = File::open("/proc/self/mem").unwrap();
        let mut seen = vec![0; SIZE - 32];
        // SAFETY: the block is used inside its bounds and freed once with its own layout.
        let place = unsafe {
            let block = allocator.alloc(layout);
            block.write_bytes(0xab, SIZE);
            let place = std::hint::black_box(block).expose_provenance() as u64;
            allocator.dealloc(block, layout);
            place
        };
        // The start of a freed block belongs to the allocator's own lists.
        memory.read_exact_at(&mut seen, place + 32).unwrap();
        seen
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_freed_block_is_zero() {
        let pattern = |bytes: &[u8]| bytes.iter().filter(|byte| **byte == 0xab).count();
        assert!(pattern(&left_behind(&System)) > 400, "control: the system's allocator leaves it");
        assert_eq!(pattern(&left_behind(&WipingAllocator)), 0);
    }

    #[test]
    fn blocks_of_all_sizes_are_given_grown_and_taken_back() {
        for size in [1, 4096, 64 * 1024 * 1024] {
            let layout = Layout::from_size_align(size, 8).unwrap();
            // SAFETY: the block is used inside its bounds and freed once with its own layout.
            unsafe {
                let block = WipingAllocator.alloc_zeroed(layout);
                assert!(!block.is_null());
                assert_eq!(block.add(size - 1).read(), 0);
                block.write(7);
                let grown = WipingAllocator.realloc(block, layout, size * 2);
                assert_eq!(grown.read(), 7);
                WipingAllocator.dealloc(grown, Layout::from_size_align(size * 2, 8).unwrap());
            }
        }
    }
}
