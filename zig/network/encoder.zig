//! The audio encoder: log-mel frames to rows in the decoder's width.
//!
//!     mel f32[bins][frames] ─► 1 s chunks, 13 tokens each (stem.zig) ─► + positions (from 0 in every chunk)
//!         ─► layers, attention within windows ─► 2 projections
//!
//! Works through the clip in groups of whole windows, so memory does not grow with its length. `Pass` takes a clip
//! through in small units; a caller with other work may let it rest between two of them.

const std = @import("std");
const buffers_ = @import("../compute/buffers.zig");
const compute_ = @import("../compute/compute.zig");
const config_ = @import("../checkpoint/config.zig");
const errors = @import("../errors.zig");
const kernels = @import("../kernels/kernels.zig");
const stem_ = @import("stem.zig");
const weights_ = @import("../checkpoint/weights.zig");
const assert = std.debug.assert;
const Batch = stem_.Batch;
const Compute = compute_.Compute;
const Scratch = compute_.Scratch;
const batch_chunks = stem_.batch_chunks;
const chunkTokens = stem_.chunkTokens;
const page_keys = kernels.page_keys;
const rowsOfFrames = stem_.rowsOfFrames;

const layer_norm_eps = 1e-5; // torch.nn.LayerNorm's, not in the config.
/// Chunks of a group at most: what bounds the encoder's memory.
pub const group_chunks_max = 32;

/// Buffers and arithmetic, for one clip at a time.
pub const Encoder = struct {
    allocator: std.mem.Allocator,
    compute: *Compute,
    audio: config_.Audio,
    weights: *const weights_.EncoderWeights,
    stem: *const stem_.Stem,
    convolver: stem_.Convolver,
    buffers: ?Buffers = null,
    quantized: compute_.Quantized,

    /// [tokens of a group][d_model], `qkv` three times as wide, `ffn` as wide as the feed-forward's inside.
    const Buffers = struct {
        all: []align(64) f32,
        x: [*]f32,
        normed: [*]f32,
        qkv: [*]f32,
        ffn: [*]f32,
    };

    pub fn init(
        allocator: std.mem.Allocator,
        compute: *Compute,
        audio: config_.Audio,
        weights: *const weights_.EncoderWeights,
        stem: *const stem_.Stem,
    ) Encoder {
        assert(weights.layers.len == audio.layers);
        assert(stem.positions.len == chunkTokens(audio.chunk_frames) * audio.d_model);
        return .{
            .allocator = allocator,
            .compute = compute,
            .audio = audio,
            .weights = weights,
            .stem = stem,
            .convolver = .{
                .allocator = allocator,
                .compute = compute,
                .audio = audio,
                .weights = weights,
                .stem = stem,
            },
            .quantized = compute.quantized(allocator),
        };
    }

    pub fn deinit(self: *Encoder) void {
        self.convolver.deinit();
        if (self.buffers) |buffers| buffers_.free(self.allocator, buffers.all);
        self.quantized.deinit();
    }

    fn sizes(self: *const Encoder) [4]usize {
        const audio = self.audio;
        const tokens: usize = group_chunks_max * chunkTokens(audio.chunk_frames);
        return .{
            tokens * audio.d_model,
            tokens * audio.d_model,
            tokens * audio.d_model * 3,
            tokens * @max(audio.ffn, audio.d_model),
        };
    }

    /// Rows and columns that all products fit: those of the convolved tokens, and those of a whole group.
    fn quantizedRoom(self: *const Encoder) [2]usize {
        const tokens: usize = group_chunks_max * chunkTokens(self.audio.chunk_frames);
        const convolved = kernels.tileElements(self.convolver.flatRows(), self.convolver.flatWidth());
        const width = (convolved + tokens - 1) / tokens;
        return .{ tokens, @max(width, self.audio.ffn, self.audio.d_model) };
    }

    /// Bytes of all buffers together.
    pub fn bytes(self: *const Encoder) usize {
        const rows, const columns = self.quantizedRoom();
        const rounded = compute_.Quantized.bytesFor(rows, columns, self.compute.kernels);
        var total = self.convolver.bytes() + rounded;
        for (self.sizes()) |size| total += size * @sizeOf(f32);
        return total;
    }

    /// Makes the buffers where they are not there yet.
    pub fn prepare(self: *Encoder) errors.Error!void {
        try self.convolver.prepare();
        if (self.buffers != null) return;
        const rows, const columns = self.quantizedRoom();
        try self.quantized.reserve(rows, columns);
        const floats = self.sizes();
        var total: usize = 0;
        for (floats) |size| total += std.mem.alignForward(usize, size, 16);
        const all = buffers_.alloc(f32, self.allocator, total) catch
            return errors.outOfMemory("the encoder's buffers");
        var parts: [floats.len][*]f32 = undefined;
        var at: usize = 0;
        for (floats, &parts) |size, *part| {
            part.* = all.ptr + at;
            at += std.mem.alignForward(usize, size, 16);
        }
        assert(at == all.len);
        self.buffers = .{ .all = all, .x = parts[0], .normed = parts[1], .qkv = parts[2], .ffn = parts[3] };
    }

    /// At most batch_chunks chunks of `width` frames, the last one perhaps with fewer, each to its
    /// tokens f32[chunkTokens][d_model], positions added. Every product has one chunk's shape, so that
    /// sums do not depend on which chunks go together, not even those of BLAS.
    pub fn convolveApart(self: *Encoder, mel: []const f32, frames: usize, width: usize, out: []const [*]f32) void {
        assert(width >= 1 and width <= self.audio.chunk_frames);
        assert(self.buffers != null);
        var batch = Batch.init(&self.convolver, mel, frames, 0, out.len);
        batch.width = width;
        const tokens = batch.run();
        const whole = chunkTokens(self.audio.chunk_frames);
        for (out, 0..) |to, chunk| {
            const first = chunk * whole;
            self.embed(first, @min(whole, tokens - first), to);
        }
    }

    /// `count` rows of the convolved batch from `first` on to f32[count][d_model], positions added. `first` is
    /// the start of a chunk.
    fn embed(self: *Encoder, first: usize, count: usize, out: [*]f32) void {
        const d = self.audio.d_model;
        const width = self.convolver.flatWidth();
        const flat = self.convolver.buffers.?.flat;
        assert(first + count <= self.convolver.flatRows());
        self.compute.linear(&self.quantized, count, flat + first * width, width, &.{
            .{ .weight = self.weights.conv_out, .out = out, .out_stride = d },
        });
        for (0..count) |row| { // Whole chunks come first, so a token's place is row mod 13.
            const place = row % chunkTokens(self.audio.chunk_frames);
            self.compute.kernels.add(out + row * d, self.stem.positions.ptr + place * d, d);
        }
    }

    /// Puts one attention window, whose chunks' tokens are given, where `runLayer` and then `project` find it. Returns
    /// the number of its tokens.
    pub fn enterWindow(self: *Encoder, chunks: []const []const f32) usize {
        assert(chunks.len >= 1 and chunks.len <= group_chunks_max);
        const d = self.audio.d_model;
        var tokens: usize = 0;
        for (chunks) |chunk| {
            @memcpy(self.buffers.?.x[tokens * d ..][0..chunk.len], chunk);
            tokens += chunk.len / d;
        }
        assert(tokens >= 1);
        return tokens;
    }

    /// One layer over the tokens of x; what it adds to them stays in qkv, [tokens][d_model].
    pub fn runLayer(self: *Encoder, index: usize, tokens: usize, window_tokens: usize) void {
        const b = self.buffers.?;
        const d = self.audio.d_model;
        const layer = &self.weights.layers[index];
        const stride = 3 * d;
        assert(tokens >= 1 and tokens <= group_chunks_max * chunkTokens(self.audio.chunk_frames));
        self.norm(tokens, index > 0, layer.norm1_weight, layer.norm1_bias);
        self.compute.linear(&self.quantized, tokens, b.normed, d, &.{
            .{ .weight = layer.q, .bias = layer.q_bias, .out = b.qkv, .out_stride = stride },
            .{ .weight = layer.k, .bias = layer.k_bias, .out = b.qkv + d, .out_stride = stride },
            .{ .weight = layer.v, .bias = layer.v_bias, .out = b.qkv + 2 * d, .out_stride = stride },
        });
        self.attend(tokens, window_tokens); // qkv to normed
        self.compute.linear(&self.quantized, tokens, b.normed, d, &.{
            .{ .weight = layer.out, .bias = layer.out_bias, .out = b.qkv, .out_stride = d },
        });
        self.norm(tokens, true, layer.norm2_weight, layer.norm2_bias);
        self.compute.linear(&self.quantized, tokens, b.normed, d, &.{.{
            .weight = layer.fc1,
            .bias = layer.fc1_bias,
            .out = b.ffn,
            .out_stride = self.audio.ffn,
            .gelu = true,
        }});
        self.compute.linear(&self.quantized, tokens, b.ffn, self.audio.ffn, &.{
            .{ .weight = layer.fc2, .bias = layer.fc2_bias, .out = b.qkv, .out_stride = d },
        });
    }

    /// normed = layer_norm(x), after x += qkv[tokens][d] if there is such an addend.
    fn norm(self: *Encoder, tokens: usize, addend: bool, weight: []const f32, bias: []const f32) void {
        assert(weight.len == self.audio.d_model and bias.len == weight.len);
        const Job = struct { encoder: *const Encoder, addend: bool, weight: [*]const f32, bias: [*]const f32 };
        const job: Job = .{ .encoder = self, .addend = addend, .weight = weight.ptr, .bias = bias.ptr };
        self.compute.overRows(tokens, &job, struct {
            fn run(j: *const Job, first: usize, end: usize, _: Scratch) void {
                const b = j.encoder.buffers.?;
                const d = j.encoder.audio.d_model;
                const table = j.encoder.compute.kernels;
                for (first..end) |row| {
                    const x = b.x + row * d;
                    if (j.addend) table.add(x, b.qkv + row * d, d);
                    table.layer_norm(x, j.weight, j.bias, b.normed + row * d, d, layer_norm_eps);
                }
            }
        }.run);
    }

    fn attend(self: *Encoder, tokens: usize, window_tokens: usize) void {
        assert(tokens >= 1 and window_tokens >= 1);
        const windows = (tokens + window_tokens - 1) / window_tokens;
        const Job = struct { encoder: *const Encoder, tokens: usize, window_tokens: usize };
        const job: Job = .{ .encoder = self, .tokens = tokens, .window_tokens = window_tokens };
        self.compute.overTasks(windows * self.audio.heads, &job, struct {
            fn run(j: *const Job, number: usize, scratch: Scratch) void {
                const heads = j.encoder.audio.heads;
                const first = number / heads * j.window_tokens;
                const count = @min(j.window_tokens, j.tokens - first);
                j.encoder.attendHead(first, count, number % heads, scratch);
            }
        }.run);
    }

    /// One head within one window: rows first..first+count of qkv to the same rows of normed.
    fn attendHead(self: *const Encoder, first: usize, count: usize, head: usize, scratch: Scratch) void {
        const b = self.buffers.?;
        const d: usize = self.audio.d_model;
        const size = d / self.audio.heads;
        assert(head < self.audio.heads and count >= 1);
        const pages_count = (count + page_keys - 1) / page_keys;
        const page_floats = 2 * size * page_keys;
        var pages: [pages_max][*]f32 = undefined;
        assert(pages_count <= pages_max);
        const more = 2 * count * size + kernels.attentionScratch(count, size);
        assert(scratch.task.len >= pages_count * page_floats + more);
        for (pages[0..pages_count], 0..) |*page, i| page.* = scratch.task.ptr + i * page_floats;
        const queries = scratch.task.ptr + pages_count * page_floats;
        const out = queries + count * size;
        const scale = 1 / @sqrt(@as(f32, @floatFromInt(size)));
        for (0..count) |row| {
            const line = b.qkv + (first + row) * 3 * d + head * size;
            for (queries[row * size ..][0..size], line) |*to, q| to.* = q * scale;
            const page = pages[row / page_keys];
            for (0..size) |i| page[i * page_keys + row % page_keys] = line[d + i];
            const values = page + size * page_keys + row % page_keys * size;
            @memcpy(values[0..size], line[2 * d ..]);
        }
        self.compute.kernels.attention(&.{
            .queries = queries,
            .out = out,
            .pages = @ptrCast(&pages),
            .kv = .f32,
            .key_offset = 0,
            .value_offset = size * page_keys,
            .scratch = out + count * size,
            .rows = @intCast(count),
            .head_dim = @intCast(size),
            .keys_first = @intCast(count),
            .rows_per_position = 1,
            .causal = false,
        });
        for (0..count) |row| {
            @memcpy(b.normed[(first + row) * d + head * size ..][0..size], out[row * size ..]);
        }
    }

    /// Pages of the widest window: a whole group.
    const pages_max = group_chunks_max * 16 / page_keys;

    /// The tokens of x, all layers behind them, to rows f32[tokens][output_dim].
    pub fn project(self: *Encoder, tokens: usize, out: [*]f32) void {
        const b = self.buffers.?;
        const w = self.weights;
        const d = self.audio.d_model;
        assert(w.proj1.rows == d and w.proj2.rows == self.audio.output_dim);
        self.norm(tokens, w.layers.len > 0, w.norm_post_weight, w.norm_post_bias);
        self.compute.linear(&self.quantized, tokens, b.normed, d, &.{
            .{ .weight = w.proj1, .bias = w.proj1_bias, .out = b.qkv, .out_stride = d, .gelu = true },
        });
        self.compute.linear(&self.quantized, tokens, b.qkv, d, &.{
            .{ .weight = w.proj2, .bias = w.proj2_bias, .out = out, .out_stride = self.audio.output_dim },
        });
    }
};

/// One clip on its way through an encoder. `mel` and `out` are borrowed until the last unit.
pub const Pass = struct {
    encoder: *Encoder,
    /// f32[bins][frames]
    mel: []const f32,
    frames: usize,
    window_chunks: usize,
    /// f32[rowsOfFrames(frames)][output_dim]
    out: [*]f32,
    /// Rows that are written.
    rows: usize = 0,
    /// The group under way: its first chunk, the one behind its last, the tokens that are in x.
    group_first: usize = 0,
    group_end: usize,
    tokens: usize = 0,
    /// The unit that is next.
    stage: union(enum) { convolve: Convolving, layer: usize, project },

    /// The chunks convolved so far end at `chunk`; those of the batch have `layer` convolutions behind them, the first
    /// `done` of them one more.
    const Convolving = struct { chunk: usize, batch: ?Batch = null, layer: usize = 0, done: usize = 0 };

    pub fn init(
        encoder: *Encoder,
        mel: []const f32,
        frames: usize,
        window_frames: usize,
        out: [*]f32,
    ) errors.Error!Pass {
        assert(mel.len == frames * encoder.audio.mel_bins);
        assert(frames > 0);
        const window_chunks = window_frames / encoder.audio.chunk_frames;
        assert(window_chunks >= 1 and window_chunks * encoder.audio.chunk_frames == window_frames);
        if (window_chunks > group_chunks_max) return errors.fail(
            error.Invalid,
            "encoder window of {d} frames: at most {d}",
            .{ window_frames, group_chunks_max * encoder.audio.chunk_frames },
        );
        try encoder.prepare();
        var self: Pass = .{
            .encoder = encoder,
            .mel = mel,
            .frames = frames,
            .window_chunks = window_chunks,
            .out = out,
            .group_end = 0,
            .stage = .project,
        };
        self.enterGroup(0);
        return self;
    }

    /// Does one unit: a convolution of some chunks, a layer of a group, or a group's projections. True when it
    /// was the last and all rows are written.
    pub fn advance(self: *Pass) bool {
        const encoder = self.encoder;
        switch (self.stage) {
            .convolve => |*at| if (self.convolve(at)) {
                self.stage = if (encoder.weights.layers.len > 0) .{ .layer = 0 } else .project;
            },
            .layer => |*index| {
                const window_tokens = self.window_chunks * chunkTokens(encoder.audio.chunk_frames);
                encoder.runLayer(index.*, self.tokens, window_tokens);
                index.* += 1;
                if (index.* == encoder.weights.layers.len) self.stage = .project;
            },
            .project => {
                encoder.project(self.tokens, self.out + self.rows * encoder.audio.output_dim);
                self.rows += self.tokens;
                if (self.group_end < self.chunksCount()) {
                    self.enterGroup(self.group_end);
                    return false;
                }
                assert(self.rows == rowsOfFrames(self.frames, encoder.audio.chunk_frames));
                return true;
            },
        }
        return false;
    }

    fn chunksCount(self: *const Pass) usize {
        const chunk_frames = self.encoder.audio.chunk_frames;
        return (self.frames + chunk_frames - 1) / chunk_frames;
    }

    fn enterGroup(self: *Pass, first: usize) void {
        assert(first < self.chunksCount());
        const group_chunks = group_chunks_max / self.window_chunks * self.window_chunks;
        self.group_first = first;
        self.group_end = @min(first + group_chunks, self.chunksCount());
        self.tokens = 0;
        self.stage = .{ .convolve = .{ .chunk = first } };
    }

    /// The next convolution; behind a batch's last one its tokens go to rows of x. True behind the group's last batch.
    fn convolve(self: *Pass, at: *Convolving) bool {
        const encoder = self.encoder;
        if (at.batch == null) {
            const chunks = @min(batch_chunks, self.group_end - at.chunk);
            at.batch = .init(&encoder.convolver, self.mel, self.frames, at.chunk, chunks);
            at.layer = 0;
            at.done = 0;
        }
        const batch = &at.batch.?;
        assert(at.chunk < self.group_end and at.layer < Batch.layers);
        // So many that every thread has some: with few threads a batch takes long.
        const count = @min(encoder.compute.pool.threadsCount(), batch.chunks - at.done);
        batch.convolve(at.layer, at.done, count);
        at.done += count;
        if (at.done < batch.chunks) return false;
        at.done = 0;
        at.layer += 1;
        if (at.layer < Batch.layers) return false;
        const tokens = batch.layOut();
        encoder.embed(0, tokens, encoder.buffers.?.x + self.tokens * encoder.audio.d_model);
        self.tokens += tokens;
        assert(self.tokens <= group_chunks_max * chunkTokens(encoder.audio.chunk_frames));
        at.chunk += batch.chunks;
        at.batch = null;
        return at.chunk == self.group_end;
    }
};
