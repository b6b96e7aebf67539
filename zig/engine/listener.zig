//! Audio that grows at its end: a recording heard piece by piece, to encoder rows of all that is held.
//!
//!     samples ─► log values of mel frames ─► floor ─► 1 s chunks ─► tokens ─► attention windows ─► rows
//!
//! Results that cannot change any more are kept: frames whose 400 samples are all there, tokens of chunks whose
//! frames are, rows of windows whose chunks are. Only the floor of the features, 8 below the greatest
//! log value so far, may still rise; chunks that hold something below the new floor are then done anew,
//! and their windows.
//!
//! The greatest value is that of the whole recording since its start: forgetting does not lower it, so
//! that what is kept stays good. It counts frames whose samples are all there, and for the time being the
//! last one, which mirrors what is missing. The first frames after something was forgotten still see the
//! samples before them.
//!
//! Rows are those of Encoder.encode for the same samples (while nothing is forgotten), to the bit where
//! weights are packed; and whatever was kept, always those that doing everything anew gives, because a
//! chunk and a window are computed by themselves, in products of the same shape.

const std = @import("std");
const clock = @import("clock.zig");
const compute_ = @import("../compute/compute.zig");
const encoder_ = @import("encoder.zig");
const errors = @import("../errors.zig");
const mel_ = @import("../network/mel.zig");
const model_ = @import("model.zig");
const network = @import("../network/encoder.zig");
const stem_ = @import("../network/stem.zig");
const assert = std.debug.assert;
const Encoder = encoder_.Encoder;
const Scratch = compute_.Scratch;
const hop = mel_.hop_samples;

/// Samples before the held ones that their first frames reach back to, in whole frames.
const context_frames = (mel_.padding + hop - 1) / hop;

pub const Listener = struct {
    model: *model_.Model,
    window_frames: usize,
    /// False: everything is computed anew at every encode.
    keeps: bool,
    samples: std.ArrayList(f32) = .empty,
    /// Frames at the start of `samples` that are forgotten: 0, or context_frames.
    before: usize = 0,
    /// Greatest log value since the start of the recording, of frames that cannot change any more.
    greatest: f32 = mel_.log_min,
    /// Held frames whose log values are in their chunks for good.
    settled: usize = 0,
    chunks: std.ArrayList(Chunk) = .empty,
    windows: std.ArrayList(Window) = .empty,
    /// Held samples when the rows were last made; null where something else has changed since.
    encoded_samples: ?usize = null,
    /// Rows have other places than in the last result.
    has_moved: bool = true,
    /// The encode under way.
    work: ?Work = null,
    busy: std.atomic.Value(bool) = .init(false),

    /// Chunks are convolved, then windows go through the layers.
    const Work = struct {
        /// The greatest log value, which sets the floor of the features.
        greatest: f32 = mel_.log_min,
        /// The first chunk that was not looked at, the window that is next or under way, and its layer that is next.
        chunk: usize = 0,
        window: usize = 0,
        layer: usize = 0,
        /// Tokens of that window, once it has entered the layers.
        tokens: usize = 0,
        result: Result = .{ .rows = 0, .kept = 0, .unchanged = 0 },
    };

    /// A second of audio.
    const Chunk = struct {
        /// log10 of the mel powers, f32[bins][chunk_frames].
        logs: []f32,
        /// f32[tokens][d_model], of the convolutions.
        tokens: []f32,
        /// All frames are settled and went into the tokens.
        is_done: bool = false,
        /// The least of `logs`, once `is_done`.
        least: f32 = 0,
        /// The greatest value that set the floor of the tokens' features.
        greatest: f32 = 0,
        /// The greatest log value of the frames that were taken in last.
        peak: f32 = mel_.log_min,

        /// Whether the floor that this greatest value sets gives the features that the tokens were made of.
        fn holds(self: *const Chunk, greatest: f32) bool {
            return self.is_done and
                (self.greatest == greatest or self.least >= mel_.floorBelow(@max(self.greatest, greatest)));
        }
    };

    /// `rows` has room for a whole window, f32[..][output_dim]; once `is_done`, it holds those of its chunks' tokens.
    const Window = struct { rows: []f32, is_done: bool = false };

    pub const Result = struct {
        rows: usize,
        /// Rows that were there from before.
        kept: usize,
        /// Rows at the start that are those of the last result, in the same places.
        unchanged: usize,
    };

    pub fn open(model: *model_.Model, window_frames: usize, keeps: bool) errors.Error!*Listener {
        const audio = model.config.audio;
        const window = try encoder_.windowOf(audio, window_frames);
        if (window > network.group_chunks_max * audio.chunk_frames) return errors.fail(
            error.Invalid,
            "encoder window of {d} frames: at most {d}",
            .{ window, network.group_chunks_max * audio.chunk_frames },
        );
        const self = model.gpa.create(Listener) catch return errors.outOfMemory("a listener");
        self.* = .{ .model = model, .window_frames = window, .keeps = keeps };
        model.addHandle();
        return self;
    }

    pub fn close(self: *Listener) void {
        const model = self.model;
        self.forgetAll();
        model.gpa.destroy(self);
        model.removeHandle();
    }

    pub fn append(self: *Listener, samples: []const f32) errors.Error!void {
        self.work = null;
        self.samples.appendSlice(self.model.gpa, samples) catch return errors.outOfMemory("the audio");
    }

    /// Samples held.
    pub fn held(self: *const Listener) usize {
        return self.samples.items.len - self.before * hop;
    }

    /// The next sample is the first of a new recording.
    pub fn forgetAll(self: *Listener) void {
        self.work = null;
        const gpa = self.model.gpa;
        self.dropChunks(self.chunks.items.len);
        self.dropWindows(self.windows.items.len);
        self.chunks.clearAndFree(gpa);
        self.windows.clearAndFree(gpa);
        self.samples.clearAndFree(gpa);
        self.before = 0;
        self.settled = 0;
        self.greatest = mel_.log_min;
        self.encoded_samples = null;
        self.has_moved = true;
    }

    /// Forgets the first `count` windows.
    pub fn forget(self: *Listener, count: usize) errors.Error!void {
        self.work = null;
        if (count == 0) return;
        const frames = std.math.mul(usize, count, self.window_frames) catch std.math.maxInt(u32);
        if (frames > self.held() / hop) return errors.fail(
            error.Invalid,
            "cannot forget {d} windows of {d} samples: {d} samples are held",
            .{ count, self.window_frames * hop, self.held() },
        );
        try self.settle(try self.view());
        const samples = self.samples.items;
        const first = (self.before + frames - context_frames) * hop;
        std.mem.copyForwards(f32, samples, samples[first..]);
        self.samples.shrinkRetainingCapacity(samples.len - first);
        self.before = context_frames;
        self.settled -|= frames;
        self.dropChunks(@min(frames / self.chunkFrames(), self.chunks.items.len));
        self.dropWindows(@min(count, self.windows.items.len));
        self.encoded_samples = null;
        self.has_moved = true;
        assert(self.settled <= self.framesCount());
    }

    fn dropChunks(self: *Listener, count: usize) void {
        for (self.chunks.items[0..count]) |chunk| {
            self.model.gpa.free(chunk.logs);
            self.model.gpa.free(chunk.tokens);
        }
        self.chunks.replaceRangeAssumeCapacity(0, count, &.{});
    }

    fn dropWindows(self: *Listener, count: usize) void {
        for (self.windows.items[0..count]) |window| self.model.gpa.free(window.rows);
        self.windows.replaceRangeAssumeCapacity(0, count, &.{});
    }

    fn chunkFrames(self: *const Listener) usize {
        return self.model.config.audio.chunk_frames;
    }

    fn framesCount(self: *const Listener) usize {
        return encoder_.framesOf(self.held());
    }

    pub fn rowsCount(self: *const Listener) usize {
        return stem_.rowsOfFrames(self.framesCount(), self.chunkFrames());
    }

    /// Rows of all that is held into out[rowsCount()][output_dim], with the buffers of `encoder`, which has no clip
    /// under way.
    pub fn encode(self: *Listener, encoder: *Encoder, out: [*]f32) errors.Error!Result {
        const is_done = try self.run(encoder, clock.forever);
        assert(is_done);
        const result = self.work.?.result;
        self.work = null;
        const width = self.model.config.audio.output_dim;
        var rows: usize = 0;
        for (self.windows.items, 0..) |window, number| {
            const count = self.windowRows(number);
            if (count == 0) break;
            assert(window.is_done);
            @memcpy(out[rows * width ..][0 .. count * width], window.rows[0 .. count * width]);
            rows += count;
        }
        assert(rows == result.rows and rows == self.rowsCount());
        assert(result.unchanged <= result.kept and result.kept <= result.rows);
        self.encoded_samples = self.held();
        self.has_moved = false;
        return result;
    }

    /// Works on the next `encode` until `deadline` is passed or it only has to copy, which is the result. Where the
    /// audio has changed meanwhile, or the encoder was used for something else, it begins anew, as after a failure.
    pub fn run(self: *Listener, encoder: *Encoder, deadline: clock.Time) errors.Error!bool {
        assert(encoder.model == self.model and !encoder.isUnderWay());
        if (self.work == null or encoder.listener != @as(*const anyopaque, self)) try self.begin(encoder);
        errdefer self.work = null;
        const work = &self.work.?;
        while (!self.isDone(work)) {
            try encoder.check();
            try self.advance(encoder, work);
            if (!self.isDone(work) and clock.now() >= deadline) return false;
        }
        return true;
    }

    fn begin(self: *Listener, encoder: *Encoder) errors.Error!void {
        encoder.enter(self);
        self.work = null;
        if (!self.keeps) self.distrust();
        if (self.encoded_samples == self.held()) {
            self.work = .{ .chunk = self.chunksCount() };
            return;
        }
        self.encoded_samples = null;
        const all = try self.view();
        try self.settle(all);
        const greatest = self.logs(all, self.settled, self.framesCount());
        try encoder.network.prepare();
        self.work = .{ .greatest = @max(self.greatest, greatest) };
    }

    fn isDone(self: *const Listener, work: *const Work) bool {
        if (work.chunk < self.chunksCount()) return false;
        return work.window == self.windows.items.len or self.windowRows(work.window) == 0;
    }

    /// One unit: some chunks convolved, a layer of a window, or its projections.
    fn advance(self: *Listener, encoder: *Encoder, work: *Work) errors.Error!void {
        if (work.chunk < self.chunksCount()) return self.convolve(encoder, work);
        const window = &self.windows.items[work.window];
        const count = self.windowRows(work.window);
        const layers = encoder.network.weights.layers.len;
        if (window.is_done) {
            const result = &work.result;
            if (result.unchanged == result.rows and !self.has_moved) result.unchanged += count;
            result.kept += count;
        } else {
            if (work.layer == 0) work.tokens = self.enterWindow(encoder, work.window);
            assert(work.tokens == count);
            if (work.layer < layers) encoder.network.runLayer(work.layer, count, count);
            work.layer += 1;
            if (work.layer <= layers) return;
            encoder.network.project(count, window.rows.ptr);
            window.is_done = true;
        }
        work.result.rows += count;
        work.window += 1;
        work.layer = 0;
    }

    /// Forgets all that was computed.
    fn distrust(self: *Listener) void {
        self.settled = 0;
        self.encoded_samples = null;
        for (self.chunks.items) |*chunk| chunk.is_done = false;
    }

    /// All samples, with zeros behind those of less than half a second; in `samples`, whose length does
    /// not change.
    fn view(self: *Listener) errors.Error![]const f32 {
        assert(self.samples.items.len >= self.before * hop);
        const missing = encoder_.samples_min -| self.held();
        self.samples.ensureUnusedCapacity(self.model.gpa, missing) catch return errors.outOfMemory("the audio");
        @memset(self.samples.unusedCapacitySlice()[0..missing], 0);
        return self.samples.items.ptr[0 .. self.samples.items.len + missing];
    }

    /// Takes in the log values of frames that have all their samples now.
    fn settle(self: *Listener, all: []const f32) errors.Error!void {
        const chunk_frames = self.chunkFrames();
        const count = self.framesCount();
        try self.grow((count + chunk_frames - 1) / chunk_frames);
        // Frame f is there with samples up to 160 f + 200, which the first one mirrors.
        const samples = self.held();
        const end = if (samples > mel_.padding) @min(count, (samples - mel_.padding - 1) / hop + 1) else 0;
        if (end <= self.settled) return;
        self.greatest = @max(self.greatest, self.logs(all, self.settled, end));
        self.settled = end;
        assert(self.settled <= count);
    }

    fn grow(self: *Listener, chunks: usize) errors.Error!void {
        const gpa = self.model.gpa;
        const audio = self.model.config.audio;
        const fail = errors.outOfMemory;
        const tokens = stem_.chunkTokens(audio.chunk_frames);
        while (self.chunks.items.len < chunks) {
            self.chunks.ensureUnusedCapacity(gpa, 1) catch return fail("the audio");
            const values = @as(usize, audio.mel_bins) * audio.chunk_frames;
            const own_logs = gpa.alloc(f32, values) catch return fail("the audio");
            errdefer gpa.free(own_logs);
            const own_tokens = gpa.alloc(f32, tokens * audio.d_model) catch return fail("the audio");
            self.chunks.appendAssumeCapacity(.{ .logs = own_logs, .tokens = own_tokens });
        }
        const window_chunks = self.window_frames / audio.chunk_frames;
        while (self.windows.items.len * window_chunks < chunks) {
            self.windows.ensureUnusedCapacity(gpa, 1) catch return fail("the audio");
            const rows = gpa.alloc(f32, window_chunks * tokens * audio.output_dim) catch return fail("the audio");
            self.windows.appendAssumeCapacity(.{ .rows = rows });
        }
        assert(self.chunks.items.len >= chunks);
    }

    /// Log values of frames first..end to their chunks. Returns the greatest.
    fn logs(self: *Listener, all: []const f32, first: usize, end: usize) f32 {
        if (first >= end) return mel_.log_min;
        assert(end <= self.framesCount());
        const Job = struct { listener: *Listener, all: []const f32, first: usize, end: usize };
        const job: Job = .{ .listener = self, .all = all, .first = first, .end = end };
        const chunk_frames = self.chunkFrames();
        const chunks = self.chunks.items[first / chunk_frames .. (end - 1) / chunk_frames + 1];
        self.model.compute.overTasks(chunks.len, &job, struct {
            fn run(j: *const Job, task: usize, _: Scratch) void {
                const l = j.listener;
                const size = l.chunkFrames();
                const number = j.first / size + task;
                const from = @max(j.first, number * size);
                const to = @min(j.end, (number + 1) * size);
                const chunk = &l.chunks.items[number];
                const out = chunk.logs[from - number * size ..];
                chunk.peak = l.model.mel.logColumns(j.all, l.before + from, to - from, out, size);
            }
        }.run);
        var greatest: f32 = mel_.log_min;
        for (chunks) |chunk| greatest = @max(greatest, chunk.peak);
        return greatest;
    }

    /// Tokens of the next chunks that do not have those of this floor yet, as many as go together.
    fn convolve(self: *Listener, encoder: *Encoder, work: *Work) errors.Error!void {
        const audio = self.model.config.audio;
        const gpa = self.model.gpa;
        const room = stem_.batch_chunks * audio.chunk_frames * @as(usize, audio.mel_bins);
        const mel = gpa.alloc(f32, room) catch return errors.outOfMemory("the features");
        defer gpa.free(mel);
        var numbers: [stem_.batch_chunks]usize = undefined;
        var count: usize = 0;
        const chunks = self.chunksCount();
        while (work.chunk < chunks and count < numbers.len) : (work.chunk += 1) {
            if (self.chunks.items[work.chunk].holds(work.greatest)) continue;
            numbers[count] = work.chunk;
            count += 1;
        }
        if (count > 0) try self.convolveSome(encoder, numbers[0..count], mel, work.greatest);
    }

    fn chunksCount(self: *const Listener) usize {
        return (self.framesCount() + self.chunkFrames() - 1) / self.chunkFrames();
    }

    fn convolveSome(
        self: *Listener,
        encoder: *Encoder,
        numbers: []const usize,
        mel: []f32,
        greatest: f32,
    ) errors.Error!void {
        const audio = self.model.config.audio;
        const size: usize = audio.chunk_frames;
        var tokens: [stem_.batch_chunks][*]f32 = undefined;
        assert(numbers.len >= 1 and numbers.len <= stem_.batch_chunks);
        var total: usize = 0;
        for (numbers) |number| total += self.chunkLength(number);
        for (numbers, 0..) |number, i| {
            const chunk = &self.chunks.items[number];
            const count = self.chunkLength(number);
            for (0..audio.mel_bins) |bin| {
                @memcpy(mel[bin * total + i * size ..][0..count], chunk.logs[bin * size ..][0..count]);
            }
            tokens[i] = chunk.tokens.ptr;
            // The chunk's tokens are about to change, and with them the rows of its window.
            chunk.is_done = false;
            self.windows.items[number * size / self.window_frames].is_done = false;
        }
        const values = mel[0 .. total * audio.mel_bins];
        mel_.finish(values, greatest);
        const width = @min(self.framesCount(), size);
        encoder.network.convolveApart(values, total, width, tokens[0..numbers.len]);
        for (numbers) |number| {
            const chunk = &self.chunks.items[number];
            chunk.is_done = (number + 1) * size <= self.settled;
            chunk.greatest = greatest;
            if (chunk.is_done) chunk.least = std.mem.min(f32, chunk.logs);
        }
    }

    /// Frames of a chunk: only the last one's may be fewer than a second's.
    fn chunkLength(self: *const Listener, number: usize) usize {
        return @min(self.chunkFrames(), self.framesCount() -| number * self.chunkFrames());
    }

    fn windowRows(self: *const Listener, number: usize) usize {
        const left = self.framesCount() -| number * self.window_frames;
        return stem_.rowsOfFrames(@min(left, self.window_frames), self.chunkFrames());
    }

    fn enterWindow(self: *Listener, encoder: *Encoder, number: usize) usize {
        const audio = self.model.config.audio;
        const window_chunks = self.window_frames / audio.chunk_frames;
        var chunks: [network.group_chunks_max][]const f32 = undefined;
        var count: usize = 0;
        for (number * window_chunks..(number + 1) * window_chunks) |chunk| {
            const tokens = stem_.chunkTokens(self.chunkLength(chunk));
            if (tokens == 0) break;
            chunks[count] = self.chunks.items[chunk].tokens[0 .. tokens * audio.d_model];
            count += 1;
        }
        assert(count >= 1);
        return encoder.network.enterWindow(chunks[0..count]);
    }
};
