//! The encoder's start: seconds of mel frames to tokens.
//!
//!     mel f32[bins][frames] ─► 1 s chunks ─► 3 convolutions, stride 2 ─► 13 tokens each, f32[channels * frequencies]
//!
//! Convolutions keep channels last, [frequency][time][channel]: a patch is then three runs of memory. Where a
//! convolution's weights are packed, its input is kept at 8 bits.

const std = @import("std");
const buffers_ = @import("../compute/buffers.zig");
const compute_ = @import("../compute/compute.zig");
const config_ = @import("../checkpoint/config.zig");
const errors = @import("../errors.zig");
const kernels = @import("../kernels/kernels.zig");
const matrix_ = @import("../compute/matrix.zig");
const tiled = @import("../compute/tiled.zig");
const weights_ = @import("../checkpoint/weights.zig");
const assert = std.debug.assert;
const Compute = compute_.Compute;
const Matrix = matrix_.Matrix;
const Scratch = compute_.Scratch;

/// Chunks convolved at a time.
pub const batch_chunks = 4;

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

/// Shared by a model's encoders: the convolutions' weights reordered for channels last, and the positions of a
/// chunk's tokens.
pub const Stem = struct {
    /// [channels][3][3][channels of the input], f32; bf16 where tiles multiply them as they are in the file.
    conv: [3]Matrix,
    /// f32[tokens of a chunk][d_model].
    positions: []f32,

    pub fn init(
        arena: std.mem.Allocator,
        table: *const kernels.Table,
        audio: config_.Audio,
        weights: *const weights_.EncoderWeights,
        /// The weights are multiplied as they are, and not packed.
        is_exact: bool,
    ) errors.Error!Stem {
        var stem: Stem = undefined;
        for (&stem.conv, weights.conv) |*to, from| {
            const keeps = is_exact and table.tile_gemm != null and from.weight.dtype == .bf16;
            const reordered = if (keeps)
                channelsLastHalves(arena, from.weight)
            else
                channelsLast(arena, table, from.weight);
            to.* = reordered catch return errors.outOfMemory("the convolutions");
        }
        stem.positions = sinusoids(arena, chunkTokens(audio.chunk_frames), audio.d_model) catch
            return errors.outOfMemory("the positions");
        return stem;
    }
};

/// [out][in][3][3] to [out][3][3][in], bf16 both.
fn channelsLastHalves(arena: std.mem.Allocator, weight: Matrix) !Matrix {
    assert(weight.columns % 9 == 0 and weight.rows > 0 and weight.dtype == .bf16);
    const out = try arena.alignedAlloc(u16, .@"64", @as(usize, weight.rows) * weight.columns);
    for (0..weight.rows) |row| {
        const from: [*]align(1) const u16 = @ptrCast(weight.rowBytes(row));
        reorder(u16, from, out[row * weight.columns ..][0..weight.columns]);
    }
    const bytes: [*]const u8 = @ptrCast(out.ptr);
    return .{ .rows = weight.rows, .columns = weight.columns, .dtype = .bf16, .bytes = bytes };
}

fn reorder(comptime T: type, from: [*]align(1) const T, line: []T) void {
    const in = line.len / 9;
    for (0..in) |channel| {
        for (0..9) |tap| line[tap * in + channel] = from[channel * 9 + tap];
    }
}

/// [out][in][3][3] to [out][3][3][in], f32.
fn channelsLast(arena: std.mem.Allocator, table: *const kernels.Table, weight: Matrix) !Matrix {
    assert(weight.columns % 9 == 0 and weight.rows > 0);
    const wide = try arena.alloc(f32, weight.columns);
    const out = try arena.alignedAlloc(f32, .@"64", @as(usize, weight.rows) * weight.columns);
    for (0..weight.rows) |row| {
        table.widen(weight.dtype, weight.rowBytes(row), wide.ptr, wide.len);
        reorder(f32, wide.ptr, out[row * wide.len ..][0..wide.len]);
    }
    const bytes: [*]const u8 = @ptrCast(out.ptr);
    return .{ .rows = weight.rows, .columns = weight.columns, .dtype = .f32, .bytes = bytes };
}

/// Row p: sin(p w_i) for half the width, then cos(p w_i); w_i = 10000^(-i / (half - 1)).
fn sinusoids(arena: std.mem.Allocator, rows: usize, width: usize) ![]f32 {
    assert(rows > 0 and width > 0);
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

/// Convolves batches of chunks, with buffers that are made when they are first needed.
pub const Convolver = struct {
    allocator: std.mem.Allocator,
    compute: *Compute,
    audio: config_.Audio,
    weights: *const weights_.EncoderWeights,
    stem: *const Stem,
    buffers: ?Buffers = null,

    const Buffers = struct {
        all: []align(64) f32,
        /// [batch_chunks][frequency][time][channels] after each convolution; where the next one's weights are
        /// packed, it is in `rounded` instead.
        conv: [3][*]f32,
        rounded_all: []align(64) u8,
        rounded: [2]?compute_.Rounded,
        /// [tokens][channels * frequencies], a row per token, channel-major as the checkpoint has it.
        flat: [*]f32,
    };

    pub fn deinit(self: *Convolver) void {
        if (self.buffers) |buffers| {
            buffers_.free(self.allocator, buffers.all);
            buffers_.free(self.allocator, buffers.rounded_all);
        }
        self.buffers = null;
    }

    /// Floats in a row of `flat`.
    pub fn flatWidth(self: *const Convolver) usize {
        return @as(usize, self.audio.conv_channels) * chunkTokens(self.audio.mel_bins);
    }

    /// Rows of `flat` that a batch has at most.
    pub fn flatRows(self: *const Convolver) usize {
        return batch_chunks * chunkTokens(self.audio.chunk_frames);
    }

    /// Values after each convolution, and in `flat`.
    fn sizes(self: *const Convolver) [4]usize {
        const c: usize = self.audio.conv_channels;
        const bins: usize = self.audio.mel_bins;
        const width: usize = self.audio.chunk_frames;
        const f = [_]usize{ halve(bins), halve(halve(bins)), chunkTokens(bins) };
        const t = [_]usize{ halve(width), halve(halve(width)), chunkTokens(width) };
        return .{
            batch_chunks * f[0] * t[0] * c,
            batch_chunks * f[1] * t[1] * c,
            batch_chunks * f[2] * t[2] * c,
            self.flatRows() * self.flatWidth(),
        };
    }

    /// Which of the sizes are kept at 8 bits: sizes[0..2] lose them, the result has them. Tiles take none of these.
    fn takeRounded(self: *const Convolver, all: *[4]usize) [2]usize {
        var maps: [2]usize = @splat(0);
        if (self.compute.multipliesTiles()) return maps;
        for (&maps, all[0..2], self.stem.conv[1..]) |*map, *size, next| {
            if (next.panels != null) std.mem.swap(usize, map, size);
        }
        return maps;
    }

    fn roundedRoom(self: *const Convolver, values: usize) usize {
        return compute_.Rounded.room(values, self.compute.kernels.int8_activation_bytes);
    }

    /// Bytes of the buffers.
    pub fn bytes(self: *const Convolver) usize {
        var floats = self.sizes();
        const maps = self.takeRounded(&floats);
        var total: usize = self.roundedRoom(maps[0]) + self.roundedRoom(maps[1]);
        for (floats) |size| total += size * @sizeOf(f32);
        return total;
    }

    /// Makes the buffers where they are not there yet.
    pub fn prepare(self: *Convolver) errors.Error!void {
        if (self.buffers != null) return;
        const fail = errors.outOfMemory;
        var floats = self.sizes();
        const maps = self.takeRounded(&floats);
        const room = self.roundedRoom(maps[0]) + self.roundedRoom(maps[1]);
        const rounded = buffers_.alloc(u8, self.allocator, room) catch return fail("the encoder's buffers");
        errdefer buffers_.free(self.allocator, rounded);
        var total: usize = 0;
        for (floats) |size| total += std.mem.alignForward(usize, size, 16);
        const all = buffers_.alloc(f32, self.allocator, total) catch return fail("the encoder's buffers");
        var parts: [floats.len][*]f32 = undefined;
        var at: usize = 0;
        for (floats, &parts) |size, *part| {
            part.* = all.ptr + at;
            at += std.mem.alignForward(usize, size, 16);
        }
        assert(at == all.len);
        const each = self.compute.kernels.int8_activation_bytes;
        self.buffers = .{
            .all = all,
            .conv = parts[0..3].*,
            .rounded_all = rounded,
            .rounded = .{
                if (maps[0] > 0) .in(rounded.ptr, maps[0], each) else null,
                if (maps[1] > 0) .in(rounded.ptr + self.roundedRoom(maps[0]), maps[1], each) else null,
            },
            .flat = parts[3],
        };
    }
};

/// A few chunks on their way through the convolutions.
pub const Batch = struct {
    convolver: *const Convolver,
    mel: []const f32,
    frames: usize,
    first_chunk: usize,
    chunks: usize,
    /// Frames of a chunk as convolved: a clip under a second keeps its own width, a tail chunk
    /// after whole ones is padded with zeros to theirs.
    width: usize,
    /// The convolution under way, and the first chunk it is done for.
    layer: usize = 0,
    chunk: usize = 0,

    pub fn init(convolver: *const Convolver, mel: []const f32, frames: usize, first: usize, chunks: usize) Batch {
        assert(chunks >= 1 and chunks <= batch_chunks);
        return .{
            .convolver = convolver,
            .mel = mel,
            .frames = frames,
            .first_chunk = first,
            .chunks = chunks,
            .width = @min(frames, convolver.audio.chunk_frames),
        };
    }

    const Shape = struct { f: usize, t: usize, c: usize };

    /// After `layer` convolutions.
    fn shape(self: *const Batch, layer: usize) Shape {
        var result: Shape = .{ .f = self.convolver.audio.mel_bins, .t = self.width, .c = 1 };
        for (0..layer) |_| {
            result = .{ .f = halve(result.f), .t = halve(result.t), .c = self.convolver.audio.conv_channels };
        }
        return result;
    }

    /// Rows of im2col at a time: what the task scratch holds, in even shares of the positions.
    fn tilePositions(self: *const Batch) usize {
        const out = self.shape(self.layer + 1);
        const width = 9 * self.shape(self.layer).c;
        const fits = if (self.byTiles()) |has_rest|
            tiledPositions(width, has_rest)
        else
            compute_.scratch_task_floats / width;
        const positions = out.f * out.t;
        assert(fits >= 1);
        const tiles = (positions + @min(fits, 400) - 1) / @min(fits, 400);
        const share = (positions + tiles - 1) / tiles;
        return if (self.byTiles() != null) std.mem.alignForward(usize, share, kernels.tile_rows) else share;
    }

    /// Positions whose patches fit as tiles beside some as f32; whole tiles.
    fn tiledPositions(width: usize, has_rest: bool) usize {
        const tile_floats = tiled.Activations.room(kernels.tile_rows, width, has_rest) / 2;
        return (compute_.scratch_task_floats - kernels.tile_rows * width) / tile_floats * kernels.tile_rows;
    }

    /// Whether the convolution under way is multiplied by tiles; if so, whether activations need both parts.
    fn byTiles(self: *const Batch) ?bool {
        const weight = self.convolver.stem.conv[self.layer];
        if (!self.convolver.compute.multipliesTiles() or !tiled.takes(weight)) return null;
        return tiled.needsRest(weight);
    }

    pub const layers = 3;

    /// All at once. Returns the number of tokens.
    pub fn run(self: *Batch) usize {
        for (0..layers) |layer| self.convolve(layer, 0, self.chunks);
        return self.layOut();
    }

    /// One of the convolutions, in their order, for `count` chunks from `chunk` on; then for the others.
    pub fn convolve(self: *Batch, layer: usize, chunk: usize, count: usize) void {
        assert(layer < layers and chunk + count <= self.chunks);
        self.layer = layer;
        self.chunk = chunk;
        const out = self.shape(layer + 1);
        const tile = self.tilePositions();
        const tiles = (out.f * out.t + tile - 1) / tile;
        self.convolver.compute.overTasks(count * tiles, self, convolveTile);
    }

    /// Lays the valid tokens out as rows of `flat`. Returns their number.
    pub fn layOut(self: *Batch) usize {
        assert(self.layer + 1 == layers);
        self.convolver.compute.overTasks(self.chunks, self, flatten);
        const chunk_frames = self.convolver.audio.chunk_frames;
        const frames = @min(self.frames - self.first_chunk * chunk_frames, self.chunks * chunk_frames);
        const tokens = rowsOfFrames(frames, chunk_frames);
        assert(tokens <= self.convolver.flatRows());
        return tokens;
    }

    fn convolveTile(self: *Batch, task: usize, scratch: Scratch) void {
        const convolver = self.convolver;
        const out = self.shape(self.layer + 1);
        const positions = out.f * out.t;
        const tile = self.tilePositions();
        const tiles = (positions + tile - 1) / tile;
        const chunk = self.chunk + task / tiles;
        const first = task % tiles * tile;
        const end = @min(first + tile, positions);
        const rows = end - first;
        assert(first < end and chunk < self.chunks);
        const base = (chunk * positions + first) * out.c;
        const buffers = convolver.buffers.?;
        const rounded = if (self.layer < 2) buffers.rounded[self.layer] else null;
        // A result that is quantised at once needs no buffer: it stays at the end of the scratch.
        const held = scratch.task[scratch.task.len - rows * out.c ..];
        const to = if (rounded != null) held.ptr else buffers.conv[self.layer] + base;
        self.multiply(chunk, first, rows, scratch, to);
        const bias = convolver.weights.conv[self.layer].bias.ptr;
        for (0..rows) |row| convolver.compute.kernels.gelu(to + row * out.c, bias, out.c);
        if (rounded) |map| convolver.compute.round(to, rows * out.c, map.from(base));
    }

    /// Patches of consecutive positions times the layer's weights, to[rows][channels].
    fn multiply(self: *const Batch, chunk: usize, first: usize, rows: usize, scratch: Scratch, to: [*]f32) void {
        const compute = self.convolver.compute;
        const out = self.shape(self.layer + 1);
        const weight = self.convolver.stem.conv[self.layer];
        const width = weight.columns;
        assert(width == 9 * self.shape(self.layer).c and weight.rows == out.c);
        if (self.byTiles()) |has_rest| return self.multiplyTiles(chunk, first, rows, has_rest, scratch, to);
        if (self.layer > 0) if (self.convolver.buffers.?.rounded[self.layer - 1]) |from| {
            const free = scratch.task[0 .. scratch.task.len - rows * out.c];
            assert(self.convolver.roundedRoom(rows * width) <= @sizeOf(f32) * free.len);
            const patches: compute_.Rounded = .in(@ptrCast(free.ptr), rows * width, from.each);
            for (0..rows) |row| {
                const at = first + row;
                self.gatherRounded(chunk, at / out.t, at % out.t, from, patches.from(row * width));
            }
            return compute.productOfRounded(rows, patches, width, weight.panels.?, 0, out.c, to, out.c);
        };
        const is_held = self.convolver.buffers.?.rounded[0] != null and self.layer == 0;
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

    /// As `multiply`, the patches as tiles.
    fn multiplyTiles(
        self: *const Batch,
        chunk: usize,
        first: usize,
        rows: usize,
        has_rest: bool,
        scratch: Scratch,
        to: [*]f32,
    ) void {
        const table = self.convolver.compute.kernels;
        const out = self.shape(self.layer + 1);
        const weight = self.convolver.stem.conv[self.layer];
        const width = weight.columns;
        const few = scratch.task[0 .. kernels.tile_rows * width];
        const memory: []align(64) u16 = @ptrCast(@alignCast(scratch.task[few.len..]));
        const patches: tiled.Activations = .in(memory, rows, width, has_rest);
        var row: usize = 0;
        while (row < rows) : (row += kernels.tile_rows) {
            const end = @min(row + kernels.tile_rows, rows);
            for (row..end) |r| {
                const at = first + r;
                self.gather(chunk, at / out.t, at % out.t, few[(r - row) * width ..][0..width]);
            }
            patches.pack(table, few.ptr, width, row, end);
        }
        tiled.multiply(table, patches, weight, 0, out.c, to, out.c, scratch.tile);
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
        assert(2 * f <= in.f and 2 * t <= in.t);
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
            const frame = (self.first_chunk + chunk) * self.convolver.audio.chunk_frames + t;
            to[0] = if (frame < self.frames) self.mel[f * self.frames + frame] else 0;
            return;
        }
        const in = self.shape(self.layer);
        const from = self.convolver.buffers.?.conv[self.layer - 1] + ((chunk * in.f + f) * in.t + t) * in.c;
        @memcpy(to, from);
    }

    /// [f][t][c] of one chunk to its rows of `flat`: [t][c * frequencies + f].
    fn flatten(self: *Batch, chunk: usize, _: Scratch) void {
        const convolver = self.convolver;
        const s = self.shape(3);
        const from = convolver.buffers.?.conv[2] + chunk * s.f * s.t * s.c;
        const width = convolver.flatWidth();
        const chunk_frames = convolver.audio.chunk_frames;
        const first_row = chunk * chunkTokens(chunk_frames);
        assert(width == s.c * s.f);
        const frames = @min(self.frames - (self.first_chunk + chunk) * chunk_frames, chunk_frames);
        for (0..chunkTokens(frames)) |t| {
            const row = convolver.buffers.?.flat + (first_row + t) * width;
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
