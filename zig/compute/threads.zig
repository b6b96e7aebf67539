//! One pool of threads for all the arithmetic: `run` splits a job into numbered tasks and returns
//! when all are done. Tasks are handed out by an atomic counter, so a thread that loses its core
//! delays one task and no more. Threads spin for a moment between jobs, then sleep on a futex.
//!
//! Several sessions may call `run`; their jobs take turns. A task must not call `run`.

const std = @import("std");
const builtin = @import("builtin");
const errors = @import("../errors.zig");
const assert = std.debug.assert;

pub const threads_max = 256;

/// A task: the job's context, the task's number, and the thread's (0 = caller), for its scratch.
pub const Task = *const fn (context: *anyopaque, task: usize, thread: usize) void;

pub const Pool = struct {
    allocator: std.mem.Allocator,
    workers: []std.Thread,
    turn: std.c.pthread_mutex_t = .{},
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

    /// Loops of the pause instruction before sleeping: some 20 microseconds.
    const spins = 1000;

    /// `threads` counts the caller. The pool must not move afterwards.
    pub fn init(self: *Pool, allocator: std.mem.Allocator, threads: u32) errors.Error!void {
        assert(threads >= 1 and threads <= threads_max);
        self.* = .{ .allocator = allocator, .workers = &.{} };
        const workers = allocator.alloc(std.Thread, threads - 1) catch
            return errors.outOfMemory("the thread pool");
        var started: usize = 0;
        for (workers, 1..) |*worker, thread| {
            worker.* = std.Thread.spawn(.{ .stack_size = 1 << 20 }, work, .{ self, thread }) catch {
                self.workers = workers[0..started];
                self.stop();
                allocator.free(workers);
                return errors.fail(error.OutOfMemory, "cannot start thread {d} of {d}", .{ thread + 1, threads });
            };
            started += 1;
        }
        self.workers = workers;
    }

    pub fn deinit(self: *Pool) void {
        self.stop();
        self.allocator.free(self.workers);
    }

    fn stop(self: *Pool) void {
        self.stopping.store(true, .seq_cst);
        _ = self.bell.fetchAdd(1, .seq_cst);
        wake(&self.bell);
        for (self.workers) |worker| worker.join();
    }

    pub fn threadsCount(self: *const Pool) usize {
        return self.workers.len + 1;
    }

    /// Runs `task` for every number below `tasks_count`, on all threads, and waits for the last.
    pub fn run(self: *Pool, tasks_count: usize, context: anytype, comptime task: anytype) void {
        const Context = @TypeOf(context);
        const shim = struct {
            fn call(erased: *anyopaque, number: usize, thread: usize) void {
                task(@as(Context, @ptrCast(@alignCast(erased))), number, thread);
            }
        };
        _ = std.c.pthread_mutex_lock(&self.turn);
        defer _ = std.c.pthread_mutex_unlock(&self.turn);
        if (tasks_count <= 1 or self.workers.len == 0) {
            for (0..tasks_count) |number| task(context, number, 0);
            return;
        }
        self.dispatch(@intCast(tasks_count), @ptrCast(@constCast(context)), shim.call);
    }

    fn dispatch(self: *Pool, tasks_count: u32, context: *anyopaque, task: Task) void {
        const job = (self.ticket.load(.monotonic) >> 32) +% 1;
        // Invalidate the old job first: whoever still holds it fails to claim from here on.
        self.ticket.store(job << 32 | std.math.maxInt(u32), .seq_cst);
        self.task = task;
        self.context = context;
        self.tasks_count = tasks_count;
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
    }

    /// Runs tasks of the current job until none is left.
    fn claim(self: *Pool, thread: usize) void {
        while (true) {
            const ticket = self.ticket.load(.seq_cst);
            const number: u32 = @truncate(ticket);
            const task, const context, const count = .{ self.task, self.context, self.tasks_count };
            if (number >= count or number == std.math.maxInt(u32)) return;
            // Success says that the job was not replaced while its fields were read.
            if (self.ticket.cmpxchgWeak(ticket, ticket + 1, .seq_cst, .monotonic) != null) continue;
            task(context, number, thread);
            const done = self.done.fetchAdd(1, .seq_cst) + 1;
            if (done == count and self.waiting.load(.seq_cst)) wake(&self.done);
        }
    }

    fn work(self: *Pool, thread: usize) void {
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
        else => @compileError("threads.zig: no futex for this system"),
    }
}

test "every task runs once, in thousands of jobs of all sizes" {
    var pool: Pool = undefined;
    try pool.init(std.testing.allocator, 3);
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
    try pool.init(std.testing.allocator, 2);
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
