//! The two speaker networks as the ABI hands them out: opened from one file of weights, with a share of the computing
//! threads. One call at a time.

const std = @import("std");
const cores = @import("../compute/cores.zig");
const cpu = @import("../compute/cpu.zig");
const embedding_ = @import("../network/speaker_embedding.zig");
const errors = @import("../errors.zig");
const kernels = @import("../kernels/kernels.zig");
const products = @import("../network/products.zig");
const segmentation_ = @import("../network/speaker_segmentation.zig");
const threads = @import("../compute/threads.zig");
const weights = @import("../network/speaker_weights.zig");
const assert = std.debug.assert;
const Error = errors.Error;

/// Floats of a window's result, and of a voice's.
pub const window_floats = segmentation_.frames * segmentation_.classes;
pub const voice_floats = embedding_.size;

/// A range of samples.
pub const Range = extern struct { start: u32, end: u32 };

pub const Speakers = struct {
    gpa: std.mem.Allocator,
    arena: std.heap.ArenaAllocator,
    pool: threads.Pool,
    segmentation: segmentation_.Segmentation,
    embedding: embedding_.Embedding,
    busy: std.atomic.Value(bool) = .init(false),

    /// `bytes`: a safetensors file (network/speaker_weights.zig), of which nothing is kept. `threads_count` 0: as for
    /// a model.
    pub fn open(gpa: std.mem.Allocator, bytes: []const u8, threads_count: u32) Error!*Speakers {
        return openFor(gpa, bytes, threads_count, (try cpu.choose()).table(), .int8);
    }

    /// With the kernels of one instruction set, and products at one precision.
    pub fn openFor(
        gpa: std.mem.Allocator,
        bytes: []const u8,
        threads_count: u32,
        table: *const kernels.Table,
        precision: products.Precision,
    ) Error!*Speakers {
        const self = gpa.create(Speakers) catch return weights.outOfMemory();
        errdefer gpa.destroy(self);
        self.* = .{
            .gpa = gpa,
            .arena = .init(gpa),
            .pool = .{},
            .segmentation = undefined,
            .embedding = undefined,
        };
        errdefer self.arena.deinit();
        const wanted = if (threads_count == 0) cores.threadsDefault() else threads_count;
        try self.pool.init(@min(wanted, threads.threads_max));
        self.pool.is_apart = self.pool.threads == 1; // A job takes up to seconds: no model has to wait for it.
        errdefer self.pool.deinit();
        var index: std.heap.ArenaAllocator = .init(gpa);
        defer index.deinit();
        var scratch: std.heap.ArenaAllocator = .init(gpa);
        defer scratch.deinit();
        const own = self.arena.allocator();
        const reader: weights.Reader = try .init(own, index.allocator(), &scratch, table, precision, bytes);
        self.segmentation = try .init(&reader, &self.pool);
        self.embedding = try .init(&reader, &self.pool);
        return self;
    }

    pub fn close(self: *Speakers) void {
        assert(!self.busy.load(.acquire));
        const gpa = self.gpa;
        self.pool.deinit();
        self.arena.deinit();
        gpa.destroy(self);
    }

    /// Windows that these samples are, or an error.
    pub fn windowsOf(samples: usize) Error!usize {
        const window = segmentation_.window;
        if (samples % window != 0) return errors.fail(
            error.Invalid,
            "{d} samples are no number of windows of {d}",
            .{ samples, window },
        );
        return samples / window;
    }

    /// To f32[windows][frames][classes].
    pub fn segment(self: *Speakers, samples: []const f32, out: []f32) Error!void {
        return self.segmentation.run(samples, out, {});
    }

    /// Voices of these samples, to f32[voices][voice_floats]. The first `counts[0]` of the ranges are the first
    /// voice's, and so on.
    pub fn embed(
        self: *Speakers,
        samples: []const f32,
        ranges: []const Range,
        counts: []const u32,
        out: []f32,
    ) Error!void {
        assert(out.len == counts.len * voice_floats);
        try check(samples.len, ranges, counts);
        const sounds = self.gpa.alloc([]const f32, ranges.len) catch return weights.outOfMemory();
        defer self.gpa.free(sounds);
        for (sounds, ranges) |*sound, range| sound.* = samples[range.start..range.end];
        var first: usize = 0;
        for (counts, 0..) |count, voice| {
            const to = out[voice * voice_floats ..][0..voice_floats];
            try self.embedding.run(self.gpa, sounds[first..][0..count], to, {});
            first += count;
        }
    }
};

fn check(samples: usize, ranges: []const Range, counts: []const u32) Error!void {
    for (ranges) |range| if (range.start > range.end or range.end > samples) return errors.fail(
        error.Invalid,
        "samples {d} to {d} are no range of {d}",
        .{ range.start, range.end, samples },
    );
    var all: usize = 0;
    for (counts) |count| all += count;
    if (all != ranges.len) return errors.fail(
        error.Invalid,
        "{d} ranges for voices that have {d} together",
        .{ ranges.len, all },
    );
}
