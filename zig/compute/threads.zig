//! The process's threads for all the arithmetic: `run` splits a job into numbered tasks and returns
//! when all are done. Tasks are handed out by an atomic counter, so a thread that loses its core
//! delays one task and no more. Threads spin for a moment between jobs, then sleep on a futex.
//!
//! There is one set of workers however many models are open: it starts with the first pool, grows to the largest,
//! and ends with the last. Jobs take turns in the order they ask, whoever asks. A task must not call `run`.
//! Where cores differ, workers fill the fast ones first; the caller's thread is left where the system puts it.

const std = @import("std");
const builtin = @import("builtin");
const cores = @import("cores.zig");
const errors = @import("../errors.zig");
const assert = std.debug.assert;

pub const threads_max = 256;

/// A task: the job's context, the task's number, and the thread's (0 = caller), for its scratch.
pub const Task = *const fn (context: *anyopaque, task: usize, thread: usize) void;

/// Loops of the pause instruction before sleeping: some 20 microseconds.
const spins = 1000;

/// A model's share of the workers. As the value it is made with it has none of them: jobs run on the caller.
pub const Pool = struct {
    /// The caller counts.
    threads: u32 = 1,
    /// Of one thread, the caller's: its jobs take no turn, and no other waits for them.
    is_apart: bool = false,

    /// Starts what workers are missing.
    pub fn init(self: *Pool, threads: u32) errors.Error!void {
        assert(threads >= 1 and threads <= threads_max);
        try workers.join(threads);
        self.* = .{ .threads = threads };
    }

    pub fn deinit(self: *Pool) void {
        workers.leave();
        self.* = .{};
    }

    pub fn threadsCount(self: *const Pool) usize {
        return self.threads;
    }

    /// Runs `task` for every number below `tasks_count`, on all threads of the pool, and waits for the last.
    pub fn run(self: *const Pool, tasks_count: usize, context: anytype, comptime task: anytype) void {
        assert(tasks_count < std.math.maxInt(u32));
        const Context = @TypeOf(context);
        const shim = struct {
            fn call(erased: *anyopaque, number: usize, thread: usize) void {
                task(@as(Context, @ptrCast(@alignCast(erased))), number, thread);
            }
        };
        assert(!self.is_apart or self.threads == 1);
        if (!self.is_apart) workers.turn.take();
        defer if (!self.is_apart) workers.turn.pass();
        if (tasks_count <= 1 or self.threads == 1) {
            for (0..tasks_count) |number| task(context, number, 0);
            return;
        }
        workers.dispatch(@intCast(tasks_count), self.threads, @ptrCast(@constCast(context)), shim.call);
    }
};

/// A fair lock: callers are served in the order in which they asked.
const Turn = struct {
    asked: std.atomic.Value(u32) = .init(0),
    served: std.atomic.Value(u32) = .init(0),

    fn take(self: *Turn) void {
        const own = self.asked.fetchAdd(1, .seq_cst);
        var spun: usize = 0;
        while (true) : (spun += 1) {
            const served = self.served.load(.seq_cst);
            if (served == own) return;
            if (spun < spins) std.atomic.spinLoopHint() else sleep(&self.served, served);
        }
    }

    fn pass(self: *Turn) void {
        const next = self.served.fetchAdd(1, .seq_cst) +% 1;
        if (self.asked.load(.seq_cst) != next) wake(&self.served);
    }
};

var workers: Workers = .{};

const Workers = struct {
    /// Held while workers start or end.
    gate: Turn = .{},
    pools: u32 = 0,
    threads: [threads_max - 1]std.Thread = undefined,
    count: u32 = 0,
    turn: Turn = .{},
    /// Job number in the upper half, next unclaimed task in the lower: one word, so that a late
    /// thread can never claim a task of a job it has not read.
    ticket: std.atomic.Value(u64) = .init(0),
    /// Bumped with every job; what sleeping threads wait on.
    bell: std.atomic.Value(u32) = .init(0),
    sleepers: std.atomic.Value(u32) = .init(0),
    done: std.atomic.Value(u32) = .init(0),
    /// The caller sleeps on `done`.
    waiting: std.atomic.Value(bool) = .init(false),
    stopping: std.atomic.Value(bool) = .init(false),
    task: Task = undefined,
    context: *anyopaque = undefined,
    tasks_count: u32 = 0,
    /// Workers from this number on leave the job alone.
    threads_limit: u32 = 0,
    /// Where cores differ: the workers below this many stay on the fast ones.
    fast: ?cores.Fast = null,

    /// One more pool, for which there are `threads` with the caller.
    fn join(self: *Workers, threads: u32) errors.Error!void {
        self.gate.take();
        defer self.gate.pass();
        self.turn.take(); // No job runs meanwhile.
        defer self.turn.pass();
        assert(threads >= 1 and threads <= threads_max);
        if (self.count == 0 and threads > 1) self.fast = cores.fast();
        while (self.count < threads - 1) : (self.count += 1) {
            const number = self.count + 1;
            const thread = std.Thread.spawn(.{ .stack_size = 1 << 20 }, work, .{ self, number }) catch {
                if (self.pools == 0) self.stop();
                return errors.fail(error.OutOfMemory, "cannot start thread {d} of {d}", .{ number + 1, threads });
            };
            self.threads[self.count] = thread;
        }
        self.pools += 1;
    }

    fn leave(self: *Workers) void {
        self.gate.take();
        defer self.gate.pass();
        assert(self.pools > 0);
        self.pools -= 1;
        if (self.pools == 0) self.stop();
    }

    fn stop(self: *Workers) void {
        self.stopping.store(true, .seq_cst);
        _ = self.bell.fetchAdd(1, .seq_cst);
        wake(&self.bell);
        for (self.threads[0..self.count]) |thread| thread.join();
        assert(self.sleepers.load(.seq_cst) == 0);
        self.count = 0;
        self.stopping.store(false, .seq_cst);
    }

    fn dispatch(self: *Workers, tasks_count: u32, threads: u32, context: *anyopaque, task: Task) void {
        assert(threads <= self.count + 1);
        const job = (self.ticket.load(.monotonic) >> 32) +% 1;
        // Invalidate the old job first: whoever still holds it fails to claim from here on.
        self.ticket.store(job << 32 | std.math.maxInt(u32), .seq_cst);
        self.task = task;
        self.context = context;
        self.tasks_count = tasks_count;
        self.threads_limit = threads;
        self.done.store(0, .monotonic);
        self.ticket.store(job << 32, .seq_cst);
        _ = self.bell.fetchAdd(1, .seq_cst);
        if (self.sleepers.load(.seq_cst) > 0) wake(&self.bell);

        self.claim(0);
        var spun: usize = 0;
        while (self.done.load(.acquire) < tasks_count) : (spun += 1) {
            if (spun < spins) {
                std.atomic.spinLoopHint();
            } else {
                self.waiting.store(true, .seq_cst);
                const seen = self.done.load(.seq_cst);
                if (seen < tasks_count) sleep(&self.done, seen);
                self.waiting.store(false, .seq_cst);
            }
        }
        assert(self.done.load(.monotonic) == tasks_count);
    }

    /// Runs tasks of the current job until none is left.
    fn claim(self: *Workers, thread: usize) void {
        while (true) {
            const ticket = self.ticket.load(.seq_cst);
            const number: u32 = @truncate(ticket);
            const task, const context, const count = .{ self.task, self.context, self.tasks_count };
            if (number >= count or number == std.math.maxInt(u32)) return;
            if (thread >= self.threads_limit) return;
            // Success says that the job was not replaced while its fields were read.
            if (self.ticket.cmpxchgWeak(ticket, ticket + 1, .seq_cst, .monotonic) != null) continue;
            task(context, number, thread);
            const done = self.done.fetchAdd(1, .seq_cst) + 1;
            if (done == count and self.waiting.load(.seq_cst)) wake(&self.done);
        }
    }

    fn placeOf(self: *const Workers, thread: usize) ?*const cores.CpuSet {
        const fast = if (self.fast) |*fast| fast else return null;
        return if (thread < fast.cores) &fast.set else null;
    }

    fn work(self: *Workers, thread: usize) void {
        cores.placeThread(self.placeOf(thread));
        var heard: u32 = 0;
        while (true) {
            var spun: usize = 0;
            while (self.bell.load(.acquire) == heard) : (spun += 1) {
                if (spun < spins) {
                    std.atomic.spinLoopHint();
                } else {
                    _ = self.sleepers.fetchAdd(1, .seq_cst);
                    if (self.bell.load(.seq_cst) == heard) sleep(&self.bell, heard);
                    _ = self.sleepers.fetchSub(1, .seq_cst);
                }
            }
            heard = self.bell.load(.acquire);
            if (self.stopping.load(.acquire)) return;
            self.claim(thread);
        }
    }
};

/// Sleeps while the word has this value; may wake for no reason.
fn sleep(word: *std.atomic.Value(u32), value: u32) void {
    switch (builtin.os.tag) {
        .linux => _ = std.os.linux.futex_4arg(
            &word.raw,
            .{ .cmd = .WAIT, .private = true },
            value,
            null,
        ),
        .macos => _ = std.c.__ulock_wait(
            .{ .op = .COMPARE_AND_WAIT, .NO_ERRNO = true },
            &word.raw,
            value,
            0,
        ),
        .windows => _ = std.os.windows.ntdll.RtlWaitOnAddress(&word.raw, &value, @sizeOf(u32), null),
        else => @compileError("threads.zig: no futex for this system"),
    }
}

fn wake(word: *std.atomic.Value(u32)) void {
    switch (builtin.os.tag) {
        .linux => _ = std.os.linux.futex_3arg(
            &word.raw,
            .{ .cmd = .WAKE, .private = true },
            std.math.maxInt(i32),
        ),
        .macos => _ = std.c.__ulock_wake(
            .{ .op = .COMPARE_AND_WAIT, .NO_ERRNO = true, .WAKE_ALL = true },
            &word.raw,
            0,
        ),
        .windows => std.os.windows.ntdll.RtlWakeAddressAll(&word.raw),
        else => @compileError("threads.zig: no futex for this system"),
    }
}

test "every task runs once, in thousands of jobs of all sizes" {
    var pool: Pool = undefined;
    try pool.init(3);
    defer pool.deinit();
    const Counts = struct {
        runs: [70]std.atomic.Value(u32),
        fn count(self: *@This(), task: usize, _: usize) void {
            _ = self.runs[task].fetchAdd(1, .monotonic);
        }
    };
    for (0..5000) |job| {
        var counts: Counts = .{ .runs = @splat(.init(0)) };
        const tasks = job % 70;
        pool.run(tasks, &counts, Counts.count);
        for (counts.runs, 0..) |runs, task| {
            try std.testing.expectEqual(@as(u32, @intFromBool(task < tasks)), runs.raw);
        }
    }
}

test "jobs from several threads take turns" {
    var pool: Pool = undefined;
    try pool.init(2);
    defer pool.deinit();
    const Sum = struct {
        pool: *Pool,
        total: std.atomic.Value(u64) = .init(0),
        fn add(self: *@This(), task: usize, _: usize) void {
            _ = self.total.fetchAdd(task, .monotonic);
        }
        fn many(self: *@This()) void {
            for (0..2000) |_| self.pool.run(10, self, add);
        }
    };
    var a: Sum = .{ .pool = &pool };
    var b: Sum = .{ .pool = &pool };
    const thread = try std.Thread.spawn(.{}, Sum.many, .{&a});
    b.many();
    thread.join();
    try std.testing.expectEqual(@as(u64, 90_000), a.total.raw);
    try std.testing.expectEqual(@as(u64, 90_000), b.total.raw);
}

test "pools share the workers, each uses as many as it asked for, and the last one ends them" {
    var small: Pool = .{};
    try small.init(2);
    try std.testing.expectEqual(1, workers.count);
    var large: Pool = .{};
    try large.init(4);
    try std.testing.expectEqual(3, workers.count);
    const Seen = struct {
        threads: [4]std.atomic.Value(u32) = @splat(.init(0)),
        fn note(self: *@This(), _: usize, thread: usize) void {
            _ = self.threads[thread].fetchAdd(1, .monotonic);
            for (0..100) |_| std.atomic.spinLoopHint();
        }
    };
    var seen: Seen = .{};
    for (0..200) |_| small.run(50, &seen, Seen.note);
    try std.testing.expectEqual(10_000, seen.threads[0].raw + seen.threads[1].raw);
    large.deinit();
    small.run(50, &seen, Seen.note);
    small.deinit();
    try std.testing.expectEqual(0, workers.count);
    try small.init(2); // They start again.
    small.run(50, &seen, Seen.note);
    small.deinit();
    try std.testing.expectEqual(10_100, seen.threads[0].raw + seen.threads[1].raw);
}

test "a caller with many jobs does not keep another from its turn" {
    var pool: Pool = .{};
    try pool.init(2);
    defer pool.deinit();
    const Greedy = struct {
        pool: *Pool,
        jobs: std.atomic.Value(u32) = .init(0),
        stopping: std.atomic.Value(bool) = .init(false),
        fn rest(_: *@This(), _: usize, _: usize) void {
            for (0..1000) |_| std.atomic.spinLoopHint();
        }
        fn work(self: *@This()) void {
            while (!self.stopping.load(.monotonic)) {
                self.pool.run(4, self, rest);
                _ = self.jobs.fetchAdd(1, .monotonic);
            }
        }
    };
    var greedy: Greedy = .{ .pool = &pool };
    const thread = try std.Thread.spawn(.{}, Greedy.work, .{&greedy});
    while (greedy.jobs.load(.monotonic) == 0) std.atomic.spinLoopHint();
    const before = greedy.jobs.load(.monotonic);
    for (0..100) |_| pool.run(4, &greedy, Greedy.rest);
    const meanwhile = greedy.jobs.load(.monotonic) - before;
    greedy.stopping.store(true, .monotonic);
    thread.join();
    // One of the other's jobs between two of ours, and a few more where our thread was not running.
    try std.testing.expect(meanwhile < 2000);
}

test "a pool apart waits for no job of others, nor they for its own" {
    var pool: Pool = .{};
    try pool.init(2);
    defer pool.deinit();
    const apart: Pool = .{ .is_apart = true };
    const Both = struct {
        begun: std.atomic.Value(bool) = .init(false),
        done: std.atomic.Value(bool) = .init(false),

        fn wait(self: *@This(), _: usize, _: usize) void {
            self.begun.store(true, .release);
            while (!self.done.load(.acquire)) std.atomic.spinLoopHint();
        }
        fn finish(self: *@This(), _: usize, _: usize) void {
            self.done.store(true, .release);
        }
        fn others(self: *@This(), jobs: *const Pool) void {
            jobs.run(1, self, wait);
        }
    };
    var both: Both = .{};
    const thread = try std.Thread.spawn(.{}, Both.others, .{ &both, &pool });
    while (!both.begun.load(.acquire)) std.atomic.spinLoopHint();
    apart.run(1, &both, Both.finish);
    thread.join();
}

test "workers that have nothing to do take no processor time" {
    if (builtin.os.tag == .windows) return error.SkipZigTest;
    var pool: Pool = .{};
    try pool.init(4);
    defer pool.deinit();
    const Nothing = struct {
        fn do(_: *const u8, _: usize, _: usize) void {}
    };
    const context: u8 = 0;
    for (0..100) |_| pool.run(16, &context, Nothing.do);
    pause(50);
    const before = processorNs();
    pause(400);
    // Three workers that spin would take 400 ms each, where they get that much of the machine.
    try std.testing.expect(processorNs() - before < 20 * std.time.ns_per_ms);
}

fn pause(ms: u32) void {
    var request: std.c.timespec = .{ .sec = 0, .nsec = ms * @as(c_long, std.time.ns_per_ms) };
    _ = std.c.nanosleep(&request, null);
}

/// Time of processors that this process has had, all threads together.
fn processorNs() u64 {
    var time: std.c.timespec = undefined;
    assert(std.c.clock_gettime(.PROCESS_CPUTIME_ID, &time) == 0);
    return @as(u64, @intCast(time.sec)) * std.time.ns_per_s + @as(u64, @intCast(time.nsec));
}
