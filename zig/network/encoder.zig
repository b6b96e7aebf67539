//! The audio encoder: log-mel frames to rows in the decoder's width.
//!
//!     mel f32[bins][frames] ─► 1 s chunks ─► 3 convolutions, stride 2 ─► 13 tokens a chunk
//!         ─► + positions (from 0 in every chunk) ─► layers, attention within windows ─► 2 projections
//!
//! Works through the clip in groups of whole windows, so memory does not grow with its length.
//! Convolutions keep channels last, [frequency][time][channel]: a patch is then three runs of memory.

const std = @import("std");
const buffers_ = @import("../compute/buffers.zig");
const errors = @import("../errors.zig");
const compute_ = @import("../compute/compute.zig");
const kernels = @import("../kernels/kernels.zig");
const weights_ = @import("../checkpoint/weights.zig");
const config_ = @import("../checkpoint/config.zig");
const assert = std.debug.assert;
const Compute = compute_.Compute;
const Scratch = compute_.Scratch;
const Matrix = @import("../compute/matrix.zig").Matrix;
const page_keys = kernels.page_keys;

const layer_norm_eps = 1e-5; // torch.nn.LayerNorm's, not in the config.
/// Chunks convolved at a time, and at most per group: what bounds the encoder's memory.
pub const batch_chunks = 4;
pub const group_chunks_max = 32;

/// Positions along one axis after a convolution of width 3, stride 2, padding 1.
fn halve(n: usize) usize {
    return (n + 1) / 2;
}

/// Tokens of a chunk with this many frames.
pub fn chunkTokens(frames: usize) usize {
    return halve(halve(halve(frames)));
}

/// Encoder rows of a clip: every chunk by itself.
pub fn rowsOfFrames(frames: usize, chunk_frames: usize) usize {
    return frames / chunk_frames * chunkTokens(chunk_frames) + chunkTokens(frames % chunk_frames);
}

/// What a model's encoders share: the convolutions in f32, weights reordered for channels last,
/// and the positions of a chunk's tokens.
pub const Stem = struct {
    /// [channels][3][3][channels of the input], f32.
    conv: [3]Matrix,
    /// f32[tokens of a chunk][d_model].
    positions: []f32,

    pub fn init(
        arena: std.mem.Allocator,
        table: *const kernels.Table,
        audio: config_.Audio,
        weights: *const weights_.EncoderWeights,
    ) errors.Error!Stem {
        var stem: Stem = undefined;
        for (&stem.conv, weights.conv) |*to, from| {
            to.* = channelsLast(arena, table, from.weight) catch
                return errors.outOfMemory("the convolutions");
        }
        stem.positions = sinusoids(arena, chunkTokens(audio.chunk_frames), audio.d_model) catch
            return errors.outOfMemory("the positions");
        return stem;
    }
};

/// [out][in][3][3] to [out][3][3][in], f32.
fn channelsLast(arena: std.mem.Allocator, table: *const kernels.Table, weight: Matrix) !Matrix {
    const in = weight.columns / 9;
    const wide = try arena.alloc(f32, weight.columns);
    const out = try arena.alignedAlloc(f32, .@"64", @as(usize, weight.rows) * weight.columns);
    for (0..weight.rows) |row| {
        table.widen(weight.dtype, weight.rowBytes(row), wide.ptr, wide.len);
        const line = out[row * wide.len ..][0..wide.len];
        for (0..in) |channel| {
            for (0..9) |tap| line[tap * in + channel] = wide[channel * 9 + tap];
        }
    }
    const bytes: [*]const u8 = @ptrCast(out.ptr);
    return .{ .rows = weight.rows, .columns = weight.columns, .dtype = .f32, .bytes = bytes };
}

/// Row p: sin(p w_i) for half the width, then cos(p w_i); w_i = 10000^(-i / (half - 1)).
fn sinusoids(arena: std.mem.Allocator, rows: usize, width: usize) ![]f32 {
    const half = width / 2;
    const table = try arena.alloc(f32, rows * width);
    const step = @log(10_000.0) / @as(f64, @floatFromInt(@max(half, 2) - 1));
    for (0..half) |i| {
        const rate: f32 = @floatCast(@exp(-step * @as(f64, @floatFromInt(i))));
        for (0..rows) |row| {
            const angle: f64 = @as(f32, @floatFromInt(row)) * rate;
            table[row * width + i] = @floatCast(@sin(angle));
            table[row * width + half + i] = @floatCast(@cos(angle));
        }
    }
    return table;
}

/// One session's encoder: its buffers, sized once for a group.
pub const Encoder = struct {
    allocator: std.mem.Allocator,
    compute: *Compute,
    audio: config_.Audio,
    weights: *const weights_.EncoderWeights,
    stem: *const Stem,
    cancelled: *const std.atomic.Value(bool),
    buffers: ?Buffers = null,
    quantized: compute_.Quantized,

    const Buffers = struct {
        all: []align(64) f32,
        /// [batch_chunks][frequency][time][channels] after each convolution; where the next one's weights are
        /// packed, it is in `rounded` instead.
        conv: [3][*]f32,
        rounded_all: []align(64) u8,
        rounded: [2]?compute_.Rounded,
        /// [tokens][channels * frequencies], a row per token, channel-major as the checkpoint has it.
        flat: [*]f32,
        /// [tokens of a group][d_model] and wider.
        x: [*]f32,
        normed: [*]f32,
        qkv: [*]f32,
        ffn: [*]f32,
    };

    pub fn deinit(self: *Encoder) void {
        if (self.buffers) |buffers| {
            buffers_.free(self.allocator, buffers.all);
            buffers_.free(self.allocator, buffers.rounded_all);
        }
        self.quantized.deinit();
    }

    /// out: f32[rowsOfFrames(frames)][output_dim].
    pub fn encode(
        self: *Encoder,
        mel: []const f32,
        frames: usize,
        window_frames: usize,
        out: [*]f32,
    ) errors.Error!void {
        assert(mel.len == frames * self.audio.mel_bins);
        const chunk_frames = self.audio.chunk_frames;
        const window_chunks = window_frames / chunk_frames;
        assert(window_chunks >= 1 and frames > 0);
        try self.prepare();

        const chunks = (frames + chunk_frames - 1) / chunk_frames;
        const group_chunks = @max(1, group_chunks_max / window_chunks) * window_chunks;
        if (group_chunks > group_chunks_max) return errors.fail(
            error.Invalid,
            "encoder window of {d} frames: at most {d}",
            .{ window_frames, group_chunks_max * chunk_frames },
        );
        var rows: usize = 0;
        var first: usize = 0;
        while (first < chunks) : (first += group_chunks) {
            const end = @min(first + group_chunks, chunks);
            const tokens = try self.convolve(mel, frames, first, end);
            const window_tokens = window_chunks * chunkTokens(chunk_frames);
            try self.runLayers(tokens, window_tokens);
            self.project(tokens, out + rows * self.audio.output_dim);
            rows += tokens;
        }
        assert(rows == rowsOfFrames(frames, chunk_frames));
    }

    /// Makes the buffers where they are not there yet.
    pub fn prepare(self: *Encoder) errors.Error!void {
        if (self.buffers == null) self.buffers = try self.allocate();
    }

    /// At most batch_chunks chunks of `width` frames, the last one perhaps with fewer, each to its
    /// tokens f32[chunkTokens][d_model], positions added. Every product has one chunk's shape, so that
    /// sums do not depend on which chunks go together, not even those of BLAS.
    pub fn convolveApart(
        self: *Encoder,
        mel: []const f32,
        frames: usize,
        width: usize,
        out: []const [*]f32,
    ) errors.Error!void {
        try self.check();
        const d = self.audio.d_model;
        var batch = Batch.init(self, mel, frames, 0, out.len);
        batch.width = width;
        const tokens = batch.run();
        const whole = chunkTokens(self.audio.chunk_frames);
        for (out, 0..) |to, chunk| {
            const first = chunk * whole;
            const count = @min(whole, tokens - first);
            const flat_width = self.flatWidth();
            self.compute.linear(&self.quantized, count, self.buffers.?.flat + first * flat_width, flat_width, &.{
                .{ .weight = self.weights.conv_out, .out = to, .out_stride = d },
            });
            for (0..count) |row| self.compute.kernels.add(to + row * d, self.stem.positions.ptr + row * d, d);
        }
    }

    /// One attention window, whose chunks' tokens are given, to rows f32[tokens][output_dim].
    pub fn encodeWindow(self: *Encoder, chunks: []const []const f32, out: [*]f32) errors.Error!void {
        const d = self.audio.d_model;
        var tokens: usize = 0;
        for (chunks) |chunk| {
            @memcpy(self.buffers.?.x[tokens * d ..][0..chunk.len], chunk);
            tokens += chunk.len / d;
        }
        try self.runLayers(tokens, tokens);
        self.project(tokens, out);
    }

    fn allocate(self: *Encoder) errors.Error!Buffers {
        const audio = self.audio;
        const c: usize = audio.conv_channels;
        const tokens: usize = group_chunks_max * chunkTokens(audio.chunk_frames);
        const bins: usize = audio.mel_bins;
        const f = [_]usize{ halve(bins), halve(halve(bins)), chunkTokens(bins) };
        const width: usize = audio.chunk_frames;
        const t = [_]usize{ halve(width), halve(halve(width)), chunkTokens(width) };
        var sizes = [_]usize{
            batch_chunks * f[0] * t[0] * c,
            batch_chunks * f[1] * t[1] * c,
            batch_chunks * f[2] * t[2] * c,
            batch_chunks * t[2] * c * f[2],
            tokens * audio.d_model,
            tokens * audio.d_model,
            tokens * audio.d_model * 3,
            tokens * @max(audio.ffn, audio.d_model),
        };
        try self.quantized.reserve(@max(sizes[3], sizes[7]));
        var maps: [2]usize = @splat(0);
        for (&maps, sizes[0..2], self.stem.conv[1..]) |*map, *size, next| {
            if (next.panels != null) std.mem.swap(usize, map, size);
        }
        const room = compute_.Rounded.room(maps[0]) + compute_.Rounded.room(maps[1]);
        const rounded = buffers_.alloc(u8, self.allocator, room) catch
            return errors.outOfMemory("the encoder's buffers");
        errdefer buffers_.free(self.allocator, rounded);
        var total: usize = 0;
        for (sizes) |size| total += std.mem.alignForward(usize, size, 16);
        const all = buffers_.alloc(f32, self.allocator, total) catch
            return errors.outOfMemory("the encoder's buffers");
        var parts: [sizes.len][*]f32 = undefined;
        var at: usize = 0;
        for (sizes, &parts) |size, *part| {
            part.* = all.ptr + at;
            at += std.mem.alignForward(usize, size, 16);
        }
        return .{
            .all = all,
            .conv = parts[0..3].*,
            .rounded_all = rounded,
            .rounded = .{
                if (maps[0] > 0) .in(rounded.ptr, maps[0]) else null,
                if (maps[1] > 0) .in(rounded.ptr + compute_.Rounded.room(maps[0]), maps[1]) else null,
            },
            .flat = parts[3],
            .x = parts[4],
            .normed = parts[5],
            .qkv = parts[6],
            .ffn = parts[7],
        };
    }

    fn check(self: *const Encoder) errors.Error!void {
        if (self.cancelled.load(.monotonic)) return errors.fail(error.Cancelled, "cancelled", .{});
    }

    /// Chunks first..end to rows of x, positions added. Returns their number.
    fn convolve(self: *Encoder, mel: []const f32, frames: usize, first: usize, end: usize) errors.Error!usize {
        const buffers = self.buffers.?;
        const d = self.audio.d_model;
        var tokens: usize = 0;
        var chunk = first;
        while (chunk < end) : (chunk += batch_chunks) {
            try self.check();
            var batch = Batch.init(self, mel, frames, chunk, @min(batch_chunks, end - chunk));
            const count = batch.run();
            const x = buffers.x + tokens * d;
            self.compute.linear(&self.quantized, count, buffers.flat, self.flatWidth(), &.{
                .{ .weight = self.weights.conv_out, .out = x, .out_stride = d },
            });
            for (0..count) |row| { // Whole chunks come first, so a token's place is row mod 13.
                const place = row % chunkTokens(self.audio.chunk_frames);
                self.compute.kernels.add(x + row * d, self.stem.positions.ptr + place * d, d);
            }
            tokens += count;
        }
        return tokens;
    }

    fn flatWidth(self: *const Encoder) usize {
        return @as(usize, self.audio.conv_channels) * chunkTokens(self.audio.mel_bins);
    }

    fn runLayers(self: *Encoder, tokens: usize, window_tokens: usize) errors.Error!void {
        const b = self.buffers.?;
        const d = self.audio.d_model;
        for (self.weights.layers, 0..) |*layer, index| {
            try self.check();
            self.norm(tokens, index > 0, layer.norm1_weight, layer.norm1_bias);
            const stride = 3 * d;
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
    }

    /// normed = layer_norm(x), after x += qkv[tokens][d] if there is such an addend.
    fn norm(self: *Encoder, tokens: usize, addend: bool, weight: []const f32, bias: []const f32) void {
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

    fn project(self: *Encoder, tokens: usize, out: [*]f32) void {
        const b = self.buffers.?;
        const w = self.weights;
        const d = self.audio.d_model;
        self.norm(tokens, w.layers.len > 0, w.norm_post_weight, w.norm_post_bias);
        self.compute.linear(&self.quantized, tokens, b.normed, d, &.{
            .{ .weight = w.proj1, .bias = w.proj1_bias, .out = b.qkv, .out_stride = d, .gelu = true },
        });
        self.compute.linear(&self.quantized, tokens, b.qkv, d, &.{
            .{ .weight = w.proj2, .bias = w.proj2_bias, .out = out, .out_stride = self.audio.output_dim },
        });
    }
};

/// A few chunks on their way through the convolutions.
const Batch = struct {
    encoder: *const Encoder,
    mel: []const f32,
    frames: usize,
    first_chunk: usize,
    chunks: usize,
    /// Frames of a chunk as convolved: a clip under a second keeps its own width, a tail chunk
    /// after whole ones is padded with zeros to theirs.
    width: usize,
    layer: usize = 0,

    fn init(encoder: *const Encoder, mel: []const f32, frames: usize, first: usize, chunks: usize) Batch {
        assert(chunks >= 1 and chunks <= batch_chunks);
        return .{
            .encoder = encoder,
            .mel = mel,
            .frames = frames,
            .first_chunk = first,
            .chunks = chunks,
            .width = @min(frames, encoder.audio.chunk_frames),
        };
    }

    const Shape = struct { f: usize, t: usize, c: usize };

    /// After `layer` convolutions.
    fn shape(self: *const Batch, layer: usize) Shape {
        var result: Shape = .{ .f = self.encoder.audio.mel_bins, .t = self.width, .c = 1 };
        for (0..layer) |_| {
            result = .{ .f = halve(result.f), .t = halve(result.t), .c = self.encoder.audio.conv_channels };
        }
        return result;
    }

    /// Rows of im2col at a time: what the task scratch holds, in even shares of the positions.
    fn tilePositions(self: *const Batch) usize {
        const out = self.shape(self.layer + 1);
        const fits = compute_.scratch_task_floats / (9 * self.shape(self.layer).c);
        const positions = out.f * out.t;
        const tiles = (positions + @min(fits, 400) - 1) / @min(fits, 400);
        return (positions + tiles - 1) / tiles;
    }

    /// Convolves and lays the valid tokens out as rows of `flat`. Returns their number.
    fn run(self: *Batch) usize {
        for (0..3) |layer| {
            self.layer = layer;
            const out = self.shape(layer + 1);
            const tile = self.tilePositions();
            const tiles = (out.f * out.t + tile - 1) / tile;
            self.encoder.compute.overTasks(self.chunks * tiles, self, convolveTile);
        }
        self.encoder.compute.overTasks(self.chunks, self, flatten);
        const chunk_frames = self.encoder.audio.chunk_frames;
        const frames = @min(self.frames - self.first_chunk * chunk_frames, self.chunks * chunk_frames);
        return rowsOfFrames(frames, chunk_frames);
    }

    fn convolveTile(self: *Batch, task: usize, scratch: Scratch) void {
        const encoder = self.encoder;
        const out = self.shape(self.layer + 1);
        const positions = out.f * out.t;
        const tile = self.tilePositions();
        const tiles = (positions + tile - 1) / tile;
        const chunk = task / tiles;
        const first = task % tiles * tile;
        const end = @min(first + tile, positions);
        const rows = end - first;
        const base = (chunk * positions + first) * out.c;
        const buffers = encoder.buffers.?;
        const rounded = if (self.layer < 2) buffers.rounded[self.layer] else null;
        // What is rounded next needs no place of its own: the end of the scratch holds it.
        const held = scratch.task[scratch.task.len - rows * out.c ..];
        const to = if (rounded != null) held.ptr else buffers.conv[self.layer] + base;
        self.multiply(chunk, first, rows, scratch, to);
        const bias = encoder.weights.conv[self.layer].bias.ptr;
        for (0..rows) |row| encoder.compute.kernels.gelu(to + row * out.c, bias, out.c);
        if (rounded) |map| encoder.compute.round(to, rows * out.c, map.from(base));
    }

    /// Patches of consecutive positions times the layer's weights, to[rows][channels].
    fn multiply(self: *const Batch, chunk: usize, first: usize, rows: usize, scratch: Scratch, to: [*]f32) void {
        const compute = self.encoder.compute;
        const out = self.shape(self.layer + 1);
        const weight = self.encoder.stem.conv[self.layer];
        const width = weight.columns;
        if (self.layer > 0) if (self.encoder.buffers.?.rounded[self.layer - 1]) |from| {
            assert(compute_.Rounded.room(rows * width) <= @sizeOf(f32) * (scratch.task.len - rows * out.c));
            const patches: compute_.Rounded = .in(@ptrCast(scratch.task.ptr), rows * width);
            for (0..rows) |row| {
                const at = first + row;
                self.gatherRounded(chunk, at / out.t, at % out.t, from, patches.from(row * width));
            }
            return compute.productOfRounded(rows, patches, width, weight.panels.?, 0, out.c, to, out.c);
        };
        const is_held = self.encoder.buffers.?.rounded[0] != null and self.layer == 0;
        assert(rows * width + (if (is_held) rows * out.c else 0) <= scratch.task.len);
        for (0..rows) |row| {
            const at = first + row;
            self.gather(chunk, at / out.t, at % out.t, scratch.task[row * width ..][0..width]);
        }
        var n: usize = 0; // Weight rows in shares that fit the tile scratch.
        while (n < out.c) {
            const share = @min(out.c - n, 1024);
            compute.product(scratch, rows, scratch.task.ptr, width, weight, n, share, to + n, out.c);
            n += share;
        }
    }

    /// As `gather`, of what is rounded already.
    fn gatherRounded(
        self: *const Batch,
        chunk: usize,
        f: usize,
        t: usize,
        from: compute_.Rounded,
        patch: compute_.Rounded,
    ) void {
        const in = self.shape(self.layer);
        const columns_first: usize = if (t == 0) 1 else 0;
        const columns_end = @min(3, in.t + 1 - 2 * t);
        for (0..3) |df| {
            const line = patch.from(df * 3 * in.c);
            const row = 2 * f + df;
            if (row < 1 or row > in.f) {
                line.clear(3 * in.c);
                continue;
            }
            if (columns_first > 0) line.clear(in.c);
            if (columns_end < 3) line.from(columns_end * in.c).clear((3 - columns_end) * in.c);
            const place = ((chunk * in.f + row - 1) * in.t + 2 * t + columns_first - 1) * in.c;
            line.from(columns_first * in.c).copy(from.from(place), (columns_end - columns_first) * in.c);
        }
    }

    /// The 3 x 3 patch around (2f, 2t) of the layer's input, zero outside it.
    fn gather(self: *const Batch, chunk: usize, f: usize, t: usize, patch: []f32) void {
        const in = self.shape(self.layer);
        for (0..3) |df| {
            const line = patch[df * 3 * in.c ..][0 .. 3 * in.c];
            const row = 2 * f + df;
            if (row < 1 or row > in.f) {
                @memset(line, 0);
                continue;
            }
            for (0..3) |dt| {
                const column = 2 * t + dt;
                const to = line[dt * in.c ..][0..in.c];
                if (column < 1 or column > in.t) @memset(to, 0) else self.read(chunk, row - 1, column - 1, to);
            }
        }
    }

    fn read(self: *const Batch, chunk: usize, f: usize, t: usize, to: []f32) void {
        if (self.layer == 0) {
            const frame = (self.first_chunk + chunk) * self.encoder.audio.chunk_frames + t;
            to[0] = if (frame < self.frames) self.mel[f * self.frames + frame] else 0;
            return;
        }
        const in = self.shape(self.layer);
        const from = self.encoder.buffers.?.conv[self.layer - 1] + ((chunk * in.f + f) * in.t + t) * in.c;
        @memcpy(to, from);
    }

    /// [f][t][c] of one chunk to its rows of `flat`: [t][c * frequencies + f].
    fn flatten(self: *Batch, chunk: usize, _: Scratch) void {
        const encoder = self.encoder;
        const s = self.shape(3);
        const from = encoder.buffers.?.conv[2] + chunk * s.f * s.t * s.c;
        const width = encoder.flatWidth();
        const chunk_frames = encoder.audio.chunk_frames;
        const first_row = chunk * chunkTokens(chunk_frames);
        const frames = @min(self.frames - (self.first_chunk + chunk) * chunk_frames, chunk_frames);
        for (0..chunkTokens(frames)) |t| {
            const row = encoder.buffers.?.flat + (first_row + t) * width;
            for (0..s.c) |c| {
                for (0..s.f) |f| row[c * s.f + f] = from[(f * s.t + t) * s.c + c];
            }
        }
    }
};

test "rows follow the official length formula" {
    const cases = [_][2]usize{
        .{ 1, 1 },     .{ 8, 1 },     .{ 9, 2 },      .{ 17, 3 },     .{ 50, 7 },       .{ 99, 13 },
        .{ 100, 13 },  .{ 101, 14 },  .{ 108, 14 },   .{ 109, 15 },   .{ 200, 26 },     .{ 592, 77 },
        .{ 800, 104 }, .{ 801, 105 }, .{ 1000, 130 }, .{ 3000, 390 }, .{ 18000, 2340 }, .{ 120000, 15600 },
    };
    for (cases) |case| try std.testing.expectEqual(case[1], rowsOfFrames(case[0], 100));
}

test "positions of width 896 have the published values" {
    var arena: std.heap.ArenaAllocator = .init(std.testing.allocator);
    defer arena.deinit();
    const table = try sinusoids(arena.allocator(), 13, 896);
    const near = std.testing.expectApproxEqAbs;
    try near(@as(f32, 0.841471), table[896], 1e-6);
    try near(@as(f32, 0.830278), table[897], 1e-6);
    try near(@as(f32, 0.557350), table[896 + 449], 1e-6);
    try near(@as(f32, -0.725044), table[12 * 896 + 1], 1e-6);
}
