//! An encoder as a handle: samples to encoder rows, one clip at a time, whole or in slices of time. Belongs to one
//! thread at a time; `cancelled` may be set from any.
//!
//!     begin(samples) ─► features, 20 s at a time ─► encoder units ─► rows f32[rows][hidden]
//!
//! `encode` is begin and run to the end, so both give the same rows to the bit.

const std = @import("std");
const buffers = @import("../compute/buffers.zig");
const clock = @import("clock.zig");
const config_ = @import("../checkpoint/config.zig");
const encoder_ = @import("../network/encoder.zig");
const errors = @import("../errors.zig");
const mel_ = @import("../network/mel.zig");
const model_ = @import("model.zig");
const stem_ = @import("../network/stem.zig");
const assert = std.debug.assert;
const Scratch = @import("../compute/compute.zig").Scratch;

/// Shorter clips are padded with zeros to half a second: fewer empty answers on the shortest.
pub const samples_min = 8000;
/// Frames of a task, and of a slice of the features.
const task_frames = 100;
const slice_frames = 2000;

/// How many mel frames a clip has, after padding.
pub fn framesOf(samples_count: usize) usize {
    const frames = @max(samples_count, samples_min) / mel_.hop_samples;
    assert(frames >= 1);
    return frames;
}

/// Mel frames of an attention window, 0 for the checkpoint's own.
pub fn windowOf(audio: config_.Audio, window_frames: usize) errors.Error!usize {
    const window = if (window_frames == 0) audio.window_frames else window_frames;
    if (window % audio.chunk_frames != 0 or window > audio.window_frames) return errors.fail(
        error.Invalid,
        "encoder window of {d} frames: must be a multiple of {d} up to {d}",
        .{ window, audio.chunk_frames, audio.window_frames },
    );
    return window;
}

pub const Encoder = struct {
    model: *model_.Model,
    network: encoder_.Encoder,
    /// The clip under way or the last one, until the next begins.
    clip: ?Clip = null,
    /// The listener whose encode is under way with these buffers; only ever compared.
    listener: ?*const anyopaque = null,
    cancelled: std.atomic.Value(bool) = .init(false),
    busy: std.atomic.Value(bool) = .init(false),

    pub fn open(model: *model_.Model) errors.Error!*Encoder {
        const self = model.gpa.create(Encoder) catch return errors.outOfMemory("an encoder");
        self.* = .{ .model = model, .network = model.makeEncoder() };
        model.addHandle();
        return self;
    }

    pub fn close(self: *Encoder) void {
        const model = self.model;
        self.drop();
        self.network.deinit();
        model.gpa.destroy(self);
        model.removeHandle();
    }

    /// The buffers are for something else now, or for a listener's encode; a cancellation ends.
    pub fn enter(self: *Encoder, listener: ?*const anyopaque) void {
        self.listener = listener;
        self.cancelled.store(false, .monotonic);
    }

    fn drop(self: *Encoder) void {
        if (self.clip) |*clip| clip.deinit();
        self.clip = null;
    }

    /// A clip is begun and not done.
    pub fn isUnderWay(self: *const Encoder) bool {
        return if (self.clip) |*clip| clip.stage != .done else false;
    }

    pub fn rowsOf(self: *const Encoder, samples_count: usize) usize {
        return stem_.rowsOfFrames(framesOf(samples_count), self.model.config.audio.chunk_frames);
    }

    /// Log-mel features, f32[bins][framesOf(samples)] into `out`.
    pub fn features(self: *Encoder, samples: []const f32, out: []f32) errors.Error!void {
        self.enter(null);
        var some: Features = try .init(self.model, samples, out);
        defer some.deinit();
        while (!some.advance()) try self.check();
    }

    /// Samples to rows f32[rowsOf][hidden].
    pub fn encode(self: *Encoder, samples: []const f32, window_frames: usize, rows: [*]f32) errors.Error!void {
        self.drop();
        defer self.drop();
        self.enter(null);
        const window = try windowOf(self.model.config.audio, window_frames);
        const clip: Clip = try .init(self, samples, window, rows);
        self.clip = clip;
        const is_done = try self.run(clock.forever);
        assert(is_done);
    }

    /// Copies the samples. Returns the number of rows there will be.
    pub fn begin(self: *Encoder, samples: []const f32, window_frames: usize) errors.Error!usize {
        self.drop();
        self.enter(null);
        const gpa = self.model.gpa;
        const window = try windowOf(self.model.config.audio, window_frames);
        const count = self.rowsOf(samples.len);
        const copy = gpa.dupe(f32, samples) catch return errors.outOfMemory("the audio");
        errdefer gpa.free(copy);
        const floats = count * self.model.config.audio.output_dim;
        const rows = buffers.alloc(f32, gpa, floats) catch return errors.outOfMemory("the rows");
        errdefer buffers.free(gpa, rows);
        var clip: Clip = try .init(self, copy, window, rows.ptr);
        clip.own = .{ .samples = copy, .rows = rows };
        self.clip = clip;
        assert(self.isUnderWay());
        return count;
    }

    /// Works until `deadline` is passed or the clip is done, which is the result. After a failure the clip is gone.
    pub fn run(self: *Encoder, deadline: clock.Time) errors.Error!bool {
        if (self.clip == null) return errors.fail(error.Invalid, "no clip is under way in this encoder", .{});
        errdefer self.drop();
        const clip = &self.clip.?;
        while (clip.stage != .done) {
            try self.check();
            try clip.advance();
            if (clip.stage != .done and clock.now() >= deadline) return false;
        }
        return true;
    }

    /// The rows of a clip that was begun and is done.
    pub fn result(self: *const Encoder) errors.Error![]const f32 {
        const clip = self.clip orelse return errors.fail(error.Invalid, "no clip was encoded", .{});
        if (clip.stage != .done) return errors.fail(error.Invalid, "the clip is not done", .{});
        assert(clip.own.rows.len > 0 and clip.mel.len == 0);
        return clip.own.rows;
    }

    pub fn check(self: *const Encoder) errors.Error!void {
        if (self.cancelled.load(.monotonic)) return errors.fail(error.Cancelled, "cancelled", .{});
    }
};

/// One clip on its way to rows.
const Clip = struct {
    encoder: *Encoder,
    window: usize,
    mel: []align(64) f32,
    rows: [*]f32,
    /// Copies and results that `begin` allocated; empty where the caller's memory is used.
    own: struct { samples: []f32 = &.{}, rows: []align(64) f32 = &.{} } = .{},
    stage: union(enum) { features: Features, network: encoder_.Pass, done },

    fn init(encoder: *Encoder, samples: []const f32, window: usize, rows: [*]f32) errors.Error!Clip {
        const model = encoder.model;
        const floats = framesOf(samples.len) * model.config.audio.mel_bins;
        const mel = buffers.alloc(f32, model.gpa, floats) catch return errors.outOfMemory("the features");
        errdefer buffers.free(model.gpa, mel);
        return .{
            .encoder = encoder,
            .window = window,
            .mel = mel,
            .rows = rows,
            .stage = .{ .features = try .init(model, samples, mel) },
        };
    }

    fn deinit(self: *Clip) void {
        const gpa = self.encoder.model.gpa;
        self.leaveFeatures();
        buffers.free(gpa, self.mel);
        buffers.free(gpa, self.own.rows);
    }

    /// Samples and what the features need besides are free after them.
    fn leaveFeatures(self: *Clip) void {
        if (self.stage == .features) self.stage.features.deinit();
        self.encoder.model.gpa.free(self.own.samples);
        self.own.samples = &.{};
        self.stage = .done;
    }

    fn advance(self: *Clip) errors.Error!void {
        const gpa = self.encoder.model.gpa;
        switch (self.stage) {
            .features => |*features| if (features.advance()) {
                const frames = features.frames;
                self.leaveFeatures();
                const network = &self.encoder.network;
                const pass: encoder_.Pass = try .init(network, self.mel, frames, self.window, self.rows);
                self.stage = .{ .network = pass };
            },
            .network => |*pass| if (pass.advance()) {
                assert(pass.rows == stem_.rowsOfFrames(pass.frames, self.encoder.model.config.audio.chunk_frames));
                buffers.free(gpa, self.mel);
                self.mel = &.{};
                self.stage = .done;
            },
            .done => unreachable,
        }
    }
};

/// Samples on their way to log-mel features.
const Features = struct {
    model: *model_.Model,
    samples: []const f32,
    /// Zeros behind what was too short; `samples` is then this.
    padded: []f32 = &.{},
    frames: usize,
    out: []f32,
    /// Greatest log value of each task.
    peaks: []f32,
    done: usize = 0,

    fn init(model: *model_.Model, samples: []const f32, out: []f32) errors.Error!Features {
        const gpa = model.gpa;
        const frames = framesOf(samples.len);
        assert(out.len == frames * model.config.audio.mel_bins);
        const tasks = (frames + task_frames - 1) / task_frames;
        const peaks = gpa.alloc(f32, tasks) catch return errors.outOfMemory("the features");
        errdefer gpa.free(peaks);
        var self: Features = .{ .model = model, .samples = samples, .frames = frames, .out = out, .peaks = peaks };
        if (samples.len < samples_min) {
            self.padded = gpa.alloc(f32, samples_min) catch return errors.outOfMemory("the audio");
            @memcpy(self.padded[0..samples.len], samples);
            @memset(self.padded[samples.len..], 0);
            self.samples = self.padded;
        }
        return self;
    }

    fn deinit(self: *Features) void {
        self.model.gpa.free(self.peaks);
        self.model.gpa.free(self.padded);
    }

    /// The next slice of frames. True behind the last one, when all of `out` is what it should be.
    fn advance(self: *Features) bool {
        assert(self.done < self.frames and self.done % task_frames == 0);
        const end = @min(self.done + slice_frames, self.frames);
        const tasks = (end - self.done + task_frames - 1) / task_frames;
        self.model.compute.overTasks(tasks, self, logFrames);
        self.done = end;
        if (self.done < self.frames) return false;
        mel_.finish(self.out, std.mem.max(f32, self.peaks));
        return true;
    }

    fn logFrames(self: *const Features, task: usize, _: Scratch) void {
        const first = self.done + task * task_frames;
        assert(first < self.frames);
        const count = @min(task_frames, self.frames - first);
        self.peaks[first / task_frames] = self.model.mel.logFrames(self.samples, first, count, self.frames, self.out);
    }
};
