//! The two speaker networks as the ABI hands them out: opened from one file of weights, with a share of the computing
//! threads. One call at a time.

const std = @import("std");
const buffers = @import("../compute/buffers.zig");
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
    large: buffers.LargePages,
    arena: std.heap.ArenaAllocator,
    pool: threads.Pool,
    segmentation: segmentation_.Segmentation,
    embedding: embedding_.Embedding,
    /// A thread's own.
    spaces: []embedding_.Space,
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
            .large = .{ .child = gpa },
            .arena = undefined,
            .pool = .{},
            .segmentation = undefined,
            .embedding = undefined,
            .spaces = undefined,
        };
        self.arena = .init(self.large.allocator());
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
        _ = buffers.alloc(u8, own, weights_bytes) catch return weights.outOfMemory();
        _ = self.arena.reset(.retain_capacity);
        const reader: weights.Reader = try .init(own, index.allocator(), &scratch, table, precision, bytes);
        self.segmentation = try .init(&reader, &self.pool);
        self.embedding = try .init(&reader);
        self.spaces = own.alloc(embedding_.Space, self.pool.threadsCount()) catch return weights.outOfMemory();
        for (self.spaces) |*space| space.* = .init(self.large.allocator());
        return self;
    }

    pub fn close(self: *Speakers) void {
        assert(!self.busy.load(.acquire));
        const gpa = self.gpa;
        for (self.spaces) |*space| space.deinit();
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
        const voices = self.gpa.alloc(Voice, counts.len) catch return weights.outOfMemory();
        defer self.gpa.free(voices);
        var first: usize = 0;
        for (voices, counts, 0..) |*voice, count, i| {
            const to = out[i * voice_floats ..][0..voice_floats];
            voice.* = try .init(sounds[first..][0..count], to);
            first += count;
        }
        try self.embedAll(voices);
    }

    /// The longest come first, so that those of a job take as long as each other.
    fn embedAll(self: *Speakers, voices: []Voice) Error!void {
        std.mem.sort(Voice, voices, {}, Voice.isLonger);
        var first: usize = 0;
        while (first < voices.len and voices[first].frames > frames_apart) : (first += 1) {
            try self.embedding.run(&self.spaces[0], voices[first].sounds, voices[first].out, {});
        }
        const most = voices_per_thread * self.pool.threadsCount();
        while (first < voices.len) : (first += most) {
            var job: Job = .{ .speakers = self, .voices = voices[first..@min(first + most, voices.len)] };
            self.pool.run(job.voices.len, &job, Job.embedOne);
            if (job.has_failed.load(.monotonic)) return weights.outOfMemory(); // Nothing else fails.
        }
    }
};

/// The weights at 8 bits are 12 MB. An arena takes half as much again; what is never touched costs nothing.
const weights_bytes = 12 << 20;

/// Voices of a job: 50 ms for two seconds each. A model whose turn is next waits no longer.
const voices_per_thread = 3;
/// Longer voices are computed by the caller's thread alone, beside a model's jobs.
const frames_apart = 500;

const Voice = struct {
    sounds: []const []const f32,
    frames: usize,
    out: *[voice_floats]f32,

    fn init(sounds: []const []const f32, out: *[voice_floats]f32) Error!Voice {
        const frames = embedding_.framesOf(sounds);
        const most = embedding_.frames_max;
        if (frames <= most) return .{ .sounds = sounds, .frames = frames, .out = out };
        return errors.fail(
            error.Invalid,
            "a voice of {d} frames of 10 ms, at most {d} can be taken at once",
            .{ frames, most },
        );
    }

    fn isLonger(_: void, a: Voice, b: Voice) bool {
        return a.frames > b.frames;
    }
};

/// Some voices, each a task: a thread computes a whole one by itself.
const Job = struct {
    speakers: *Speakers,
    voices: []const Voice,
    has_failed: std.atomic.Value(bool) = .init(false),

    fn embedOne(self: *Job, number: usize, thread: usize) void {
        const voice = self.voices[number];
        const speakers = self.speakers;
        speakers.embedding.run(&speakers.spaces[thread], voice.sounds, voice.out, {}) catch {
            self.has_failed.store(true, .monotonic); // A worker's sentence is its own.
        };
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
