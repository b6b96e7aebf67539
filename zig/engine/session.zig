//! One job's state: a cache with a position, an encoder's buffers, a flag to cancel. Belongs to one
//! thread at a time.

const std = @import("std");
const aligner_ = @import("../network/aligner.zig");
const config_ = @import("../checkpoint/config.zig");
const decoder_ = @import("../network/decoder.zig");
const encoder_ = @import("../network/encoder.zig");
const buffers = @import("../compute/buffers.zig");
const errors = @import("../errors.zig");
const mel_ = @import("../network/mel.zig");
const model_ = @import("model.zig");
const verify_ = @import("../network/verify.zig");
const Scratch = @import("../compute/compute.zig").Scratch;

/// Shorter clips are padded with zeros to half a second: fewer empty answers on the shortest.
pub const samples_min = 8000;

pub const Session = struct {
    model: *model_.Model,
    encoder: encoder_.Encoder,
    decoder: decoder_.Decoder,
    verifier: verify_.Verifier,
    /// Made when it is first needed.
    aligner: ?aligner_.Aligner = null,
    cancelled: std.atomic.Value(bool) = .init(false),
    busy: std.atomic.Value(bool) = .init(false),

    pub fn open(model: *model_.Model) errors.Error!*Session {
        const gpa = model.gpa;
        const self = gpa.create(Session) catch return errors.outOfMemory("a session");
        errdefer gpa.destroy(self);
        self.* = .{
            .model = model,
            .encoder = .{
                .allocator = gpa,
                .compute = &model.compute,
                .audio = model.config.audio,
                .weights = &model.weights.encoder,
                .stem = &model.stem,
                .cancelled = &self.cancelled,
                .quantized = .{ .allocator = gpa },
            },
            .decoder = try decoder_.Decoder.init(
                gpa,
                &model.compute,
                model.config.text,
                &model.weights.decoder,
                &self.cancelled,
            ),
            .verifier = .{ .allocator = gpa },
        };
        _ = model.sessions.fetchAdd(1, .monotonic);
        return self;
    }

    pub fn close(self: *Session) void {
        const model = self.model;
        self.encoder.deinit();
        self.decoder.deinit();
        self.verifier.deinit();
        if (self.aligner) |*aligner| aligner.deinit();
        model.gpa.destroy(self);
        _ = model.sessions.fetchSub(1, .monotonic);
    }

    /// Frames of a clip, after padding.
    pub fn framesOf(samples_count: usize) usize {
        return @max(samples_count, samples_min) / mel_.hop_samples;
    }

    /// Log-mel features, f32[bins][frames] into `out`.
    pub fn features(self: *Session, samples: []const f32, out: []f32) errors.Error!void {
        const gpa = self.model.gpa;
        if (samples.len >= samples_min) return self.featuresOf(samples, out);
        const padded = gpa.alloc(f32, samples_min) catch return errors.outOfMemory("the audio");
        defer gpa.free(padded);
        @memcpy(padded[0..samples.len], samples);
        @memset(padded[samples.len..], 0);
        return self.featuresOf(padded, out);
    }

    fn featuresOf(self: *Session, samples: []const f32, out: []f32) errors.Error!void {
        const frames_per_task = 100;
        const Job = struct {
            mel: *const mel_.Mel,
            samples: []const f32,
            frames: usize,
            out: []f32,
            peaks: []f32,
            fn log(j: *const @This(), task: usize, _: Scratch) void {
                const first = task * frames_per_task;
                const count = @min(frames_per_task, j.frames - first);
                j.peaks[task] = j.mel.logFrames(j.samples, first, count, j.frames, j.out);
            }
        };
        const frames = samples.len / mel_.hop_samples;
        const tasks = (frames + frames_per_task - 1) / frames_per_task;
        const peaks = self.model.gpa.alloc(f32, tasks) catch return errors.outOfMemory("the features");
        defer self.model.gpa.free(peaks);
        const job: Job = .{
            .mel = &self.model.mel,
            .samples = samples,
            .frames = frames,
            .out = out,
            .peaks = peaks,
        };
        self.model.compute.overTasks(tasks, &job, Job.log);
        mel_.finish(out, std.mem.max(f32, peaks));
    }

    pub fn rowsOf(self: *const Session, samples_count: usize) usize {
        return encoder_.rowsOfFrames(framesOf(samples_count), self.model.config.audio.chunk_frames);
    }

    /// Samples to rows f32[rowsOf][hidden].
    pub fn encode(
        self: *Session,
        samples: []const f32,
        window_frames: usize,
        rows: [*]f32,
    ) errors.Error!void {
        const audio = self.model.config.audio;
        const window = try windowOf(audio, window_frames);
        const frames = framesOf(samples.len);
        const gpa = self.model.gpa;
        const mel = buffers.alloc(f32, gpa, frames * audio.mel_bins) catch return errors.outOfMemory("the features");
        defer buffers.free(gpa, mel);
        try self.features(samples, mel);
        try self.encoder.encode(mel, frames, window, rows);
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

    /// See qasr_session_extend.
    pub fn extend(self: *Session, ids: []const u32, rows: []const f32) errors.Error!void {
        try self.checkIds(ids, rows);
        try self.decoder.extend(ids, self.model.special.audio_pad, rows.ptr);
    }

    /// See qasr_session_verify.
    pub fn verify(
        self: *Session,
        keep: u32,
        ids: []const u32,
        rows: []const f32,
        logprobs: []f32,
    ) errors.Error!u32 {
        if (keep > self.decoder.positions) return errors.fail(
            error.Invalid,
            "cannot keep {d} positions: there are {d}",
            .{ keep, self.decoder.positions },
        );
        if (logprobs.len > ids.len) return errors.fail(
            error.Invalid,
            "a draft of {d} among {d} tokens",
            .{ logprobs.len, ids.len },
        );
        try self.checkIds(ids, rows);
        const pad = self.model.special.audio_pad;
        const draft = ids[ids.len - logprobs.len ..];
        if (std.mem.indexOfScalar(u32, draft, pad)) |place| {
            return errors.fail(error.Invalid, "audio at place {d} of the draft", .{place});
        }
        if (keep < self.decoder.positions) self.decoder.truncate(keep);
        return self.verifier.verify(&self.decoder, ids, pad, rows.ptr, logprobs);
    }

    /// See qasr_session_classify; there is room for all markers.
    pub fn classify(
        self: *Session,
        ids: []const u32,
        rows: []const f32,
        marker_id: u32,
        classes: [*]u32,
        margins: [*]f32,
    ) errors.Error!void {
        const model = self.model;
        if (model.config.kind != .aligner) {
            return errors.fail(error.Invalid, "{s} transcribes and does not align", .{model.name()});
        }
        try self.checkIds(ids, rows);
        if (self.aligner == null) self.aligner = try aligner_.Aligner.init(
            model.gpa,
            &model.compute,
            model.config.text,
            &model.weights.decoder,
            &self.cancelled,
        );
        try self.aligner.?.classify(.{
            .ids = ids,
            .audio_id = model.special.audio_pad,
            .rows = rows.ptr,
            .marker_id = marker_id,
            .classes = classes,
            .margins = margins,
        });
    }

    /// All in the vocabulary, and a row for every audio place.
    fn checkIds(self: *const Session, ids: []const u32, rows: []const f32) errors.Error!void {
        const text = self.model.config.text;
        const pad = self.model.special.audio_pad;
        var places: usize = 0;
        for (ids, 0..) |id, i| {
            if (id >= text.vocab) return errors.fail(
                error.Invalid,
                "token {d} at place {d} is not in the vocabulary of {d}",
                .{ id, i, text.vocab },
            );
            places += @intFromBool(id == pad);
        }
        if (places * text.hidden != rows.len) return errors.fail(
            error.Invalid,
            "{d} audio rows for {d} audio places",
            .{ rows.len / text.hidden, places },
        );
    }

    /// See qasr_sessions_step.
    pub fn step(sessions: []const *Session, ids: []const u32) errors.Error!void {
        const model = sessions[0].model;
        const text = model.config.text;
        var decoders: [decoder_.Decoder.step_max]*decoder_.Decoder = undefined;
        for (sessions, ids, 0..) |one, id, i| {
            if (one.model != model) {
                return errors.fail(error.Invalid, "session {d} is of another model", .{i});
            }
            if (id >= text.vocab or id == model.special.audio_pad) {
                return errors.fail(error.Invalid, "token {d} at place {d} is no text token", .{ id, i });
            }
            decoders[i] = &one.decoder;
        }
        try decoder_.Decoder.step(decoders[0..sessions.len], ids);
    }
};
