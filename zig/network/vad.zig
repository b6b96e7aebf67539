//! Voice activity: how likely it is that somebody speaks, for every 512 samples at 16 kHz. Silero VAD v6.2.
//!
//!     576 samples (the last 64 of the frame before, 512 new ones), the last 64 mirrored behind them
//!       -> 4 windows of 256, 128 apart: magnitudes of 129 frequencies
//!       -> 4 convolutions over time, 3 wide: 4, 2, 1, 1 positions of 128, 64, 64, 128 channels
//!       -> LSTM of 128 -> one value -> probability
//!
//! All but the LSTM's own state depends on the frame alone, so frames are computed many at a time, each layer as one
//! product per position. A row of a product is summed in the same order whatever rows stand beside it: frames one by
//! one give the same bits. State is that of one recording. One thread at a time.

const std = @import("std");
const buffers = @import("../compute/buffers.zig");
const cpu = @import("../compute/cpu.zig");
const errors = @import("../errors.zig");
const files = @import("../checkpoint/files.zig");
const kernels = @import("../kernels/kernels.zig");
const packed_ = @import("packed.zig");
const safetensors = @import("../checkpoint/safetensors.zig");
const assert = std.debug.assert;
const Packed = packed_.Packed;

/// Samples per probability.
pub const frame = 512;
const context = 64;
const mirrored = 64;
const reach = context + frame + mirrored;
const window = 256;
const half = window / 2;
const hop = 128;
const windows = 4;
const frequencies = 129;
const state_size = 128;
const gates = 4 * state_size;
/// Frames computed together: one second.
const batch = 32;

comptime {
    assert((windows - 1) * hop + window == reach);
}

/// A convolution over time of width 3, with a row of zeros on both sides.
const Layer = struct { name: []const u8, in: usize, out: usize, stride: usize, positions: usize };

const layers = [_]Layer{
    .{ .name = "conv1", .in = frequencies, .out = 128, .stride = 1, .positions = 4 },
    .{ .name = "conv2", .in = 128, .out = 64, .stride = 2, .positions = 2 },
    .{ .name = "conv3", .in = 64, .out = 64, .stride = 2, .positions = 1 },
    .{ .name = "conv4", .in = 64, .out = 128, .stride = 1, .positions = 1 },
};

/// Rows of a frame's input to each layer, zeros included, and of what the last one gives.
fn rowsBefore(comptime index: usize) usize {
    if (index == layers.len) return 1;
    return (if (index == 0) windows else layers[index - 1].positions) + 2;
}

/// The model's weights, Silero Team, MIT; THIRD_PARTY_NOTICES has the licence.
const embedded = @embedFile("silero_vad.safetensors");

pub const Vad = struct {
    allocator: std.mem.Allocator,
    arena: std.heap.ArenaAllocator,
    table: *const kernels.Table,
    /// Rows of cosines, and of sines, under one half of a Hann window: those of the real and of the imaginary parts.
    cosines: Packed,
    sines: Packed,
    convolutions: [layers.len]Packed,
    biases: [layers.len][]f32,
    input: Packed,
    gate_bias: []f32,
    /// f32[gates][state_size], rows as they are: one row of activations streams them.
    recurrent: []align(64) f32,
    final: []f32,
    final_bias: f32,

    /// Samples that make no frame yet, after the last `context` of those before.
    held: [context + frame]f32,
    held_count: usize,
    hidden: [state_size]f32,
    cell: [state_size]f32,

    audio: []align(64) f32,
    /// A window's sums and differences, [batch][2][half], and its parts, [batch][2][frequencies].
    folded: []align(64) f32,
    spectrum: []align(64) f32,
    /// What each layer reads: [batch][rowsBefore][in], zero at both ends; last, what the LSTM reads.
    rows: [layers.len + 1][]align(64) f32,
    gate: []align(64) f32,
    busy: std.atomic.Value(bool) = .init(false),

    /// `weights`: a safetensors file of such a model, which is copied; null: those that are embedded.
    pub fn open(gpa: std.mem.Allocator, weights: ?[]const u8) errors.Error!*Vad {
        const self = gpa.create(Vad) catch return errors.outOfMemory("the voice detector");
        errdefer gpa.destroy(self);
        self.* = undefined;
        self.allocator = gpa;
        self.table = (try cpu.choose()).table();
        self.busy = .init(false);
        self.arena = .init(gpa);
        errdefer self.arena.deinit();
        self.load(self.arena.allocator(), weights orelse embedded) catch |reason| switch (reason) {
            error.OutOfMemory => return errors.outOfMemory("the voice detector"),
            else => return reason,
        };
        self.reset();
        return self;
    }

    pub fn close(self: *Vad) void {
        assert(!self.busy.load(.acquire));
        const gpa = self.allocator;
        self.arena.deinit();
        gpa.destroy(self);
    }

    /// Forgets the recording.
    pub fn reset(self: *Vad) void {
        @memset(&self.held, 0);
        self.held_count = 0;
        @memset(&self.hidden, 0);
        @memset(&self.cell, 0);
    }

    /// Probabilities that the next `run` gives for so many samples.
    pub fn count(self: *const Vad, samples: usize, is_last: bool) usize {
        const all = self.held_count + samples;
        return all / frame + @intFromBool(is_last and all % frame > 0);
    }

    /// Probabilities of the frames that these samples complete, in out[count()]. With `is_last` the rest is a frame
    /// too, filled up with zeros, and the recording ends.
    pub fn run(self: *Vad, samples: []const f32, is_last: bool, out: []f32) void {
        assert(out.len == self.count(samples.len, is_last));
        var left = samples;
        var done: usize = 0;
        while (done < out.len) {
            var frames: usize = 0;
            while (frames < batch and done + frames < out.len) : (frames += 1) {
                left = left[self.hold(left)..];
                if (self.held_count < frame) @memset(self.held[context + self.held_count ..], 0);
                self.enter(frames);
            }
            self.compute(frames, out[done..][0..frames]);
            done += frames;
        }
        const rest = self.hold(left);
        assert(rest == left.len and self.held_count < frame);
        if (is_last) self.reset();
    }

    /// Takes as many samples as complete a frame, or all. Returns how many.
    fn hold(self: *Vad, samples: []const f32) usize {
        const taken = @min(frame - self.held_count, samples.len);
        @memcpy(self.held[context + self.held_count ..][0..taken], samples[0..taken]);
        self.held_count += taken;
        return taken;
    }

    /// The frame that is held becomes the batch's `index`th.
    fn enter(self: *Vad, index: usize) void {
        const to = self.audio[index * reach ..][0..reach];
        @memcpy(to[0 .. context + frame], &self.held);
        for (to[context + frame ..], 0..) |*sample, i| sample.* = to[context + frame - 2 - i];
        @memcpy(self.held[0..context], self.held[frame..][0..context]);
        self.held_count = 0;
    }

    fn compute(self: *Vad, frames: usize, out: []f32) void {
        assert(frames >= 1 and frames <= batch and out.len == frames);
        self.magnitudes(frames);
        inline for (layers, 0..) |layer, index| self.convolve(index, layer, frames);
        const features = self.rows[layers.len];
        self.input.times(self.table, frames, features.ptr, state_size, self.gate.ptr, gates);
        for (out, 0..) |*probability, i| probability.* = self.recur(self.gate[i * gates ..][0..gates]);
    }

    /// The first layer's rows. The window function and the cosines are the same on both sides of the middle, and the
    /// sines change sign only: the two halves are added and subtracted first.
    fn magnitudes(self: *Vad, frames: usize) void {
        const parts = 2 * frequencies;
        for (0..windows) |position| {
            for (0..frames) |i| self.fold(i, self.audio[i * reach + position * hop ..][0..window]);
            const sums = self.folded.ptr;
            self.cosines.times(self.table, frames, sums, 2 * half, self.spectrum.ptr, parts);
            self.sines.times(self.table, frames, sums + half, 2 * half, self.spectrum.ptr + frequencies, parts);
            for (0..frames) |i| {
                const spectrum = self.spectrum[i * parts ..][0..parts];
                const row = (i * rowsBefore(0) + 1 + position) * frequencies;
                const to = self.rows[0][row..][0..frequencies];
                for (to, spectrum[0..frequencies], spectrum[frequencies..]) |*m, re, im| {
                    m.* = @sqrt(re * re + im * im);
                }
            }
        }
    }

    /// Samples 1 to 128 with those at the same distance from the end; sample 0 has no weight, and 128 stands alone.
    fn fold(self: *Vad, index: usize, samples: *const [window]f32) void {
        const to = self.folded[index * 2 * half ..][0 .. 2 * half];
        for (1..half) |n| {
            to[n - 1] = samples[n] + samples[window - n];
            to[half + n - 1] = samples[n] - samples[window - n];
        }
        to[half - 1] = samples[half];
        to[2 * half - 1] = 0;
    }

    /// The three rows that a position reads lie one after the other: a product of them as they are.
    fn convolve(self: *Vad, comptime index: usize, comptime layer: Layer, frames: usize) void {
        const from_stride = rowsBefore(index) * layer.in;
        const to_stride = rowsBefore(index + 1) * layer.out;
        const first = if (index + 1 == layers.len) 0 else layer.out; // After the row of zeros.
        for (0..layer.positions) |position| {
            const from = self.rows[index].ptr + position * layer.stride * layer.in;
            const to = self.rows[index + 1].ptr + first + position * layer.out;
            self.convolutions[index].times(self.table, frames, from, from_stride, to, to_stride);
            for (0..frames) |i| {
                const values = to[i * to_stride ..][0..layer.out];
                for (values, self.biases[index]) |*value, bias| value.* = @max(0, value.* + bias);
            }
        }
    }

    /// One step of the LSTM, whose gates have their share of the input already. Returns the probability.
    fn recur(self: *Vad, gate: *[gates]f32) f32 {
        var own: [gates]f32 = undefined;
        self.table.gemv(.f32, std.mem.sliceAsBytes(self.recurrent).ptr, &self.hidden, gates, state_size, &own);
        for (gate, own, self.gate_bias) |*value, more, bias| value.* += more + bias;
        var sum: f32 = self.final_bias;
        for (0..state_size) |i| {
            const keep = sigmoid(gate[state_size + i]);
            const take = sigmoid(gate[i]) * std.math.tanh(gate[2 * state_size + i]);
            self.cell[i] = keep * self.cell[i] + take;
            self.hidden[i] = sigmoid(gate[3 * state_size + i]) * std.math.tanh(self.cell[i]);
            sum += self.final[i] * @max(0, self.hidden[i]);
        }
        return sigmoid(sum);
    }

    fn load(self: *Vad, arena: std.mem.Allocator, weights: []const u8) errors.Error!void {
        var source: files.Source = .fromMemory(arena, &.{.{ .name = "model.safetensors", .bytes = weights }});
        const checkpoint = try safetensors.open(arena, &source);
        self.cosines = try self.pack(arena, try transformRows(arena, .cosine), frequencies, half);
        self.sines = try self.pack(arena, try transformRows(arena, .sine), frequencies, half);
        inline for (layers, 0..) |layer, i| {
            const weight = try tensor(arena, &checkpoint, layer.name ++ ".weight", &.{ layer.out, layer.in, 3 });
            const turned = try timeFirst(arena, weight, layer);
            self.convolutions[i] = try self.pack(arena, turned, layer.out, 3 * layer.in);
            self.biases[i] = try tensor(arena, &checkpoint, layer.name ++ ".bias", &.{layer.out});
            self.rows[i] = try floats(arena, batch * rowsBefore(i) * layer.in);
        }
        self.rows[layers.len] = try floats(arena, batch * state_size);
        const input = try tensor(arena, &checkpoint, "lstm_cell.weight_ih", &.{ gates, state_size });
        self.input = try self.pack(arena, input, gates, state_size);
        self.recurrent = try tensor(arena, &checkpoint, "lstm_cell.weight_hh", &.{ gates, state_size });
        self.gate_bias = try tensor(arena, &checkpoint, "lstm_cell.bias_ih", &.{gates});
        const more = try tensor(arena, &checkpoint, "lstm_cell.bias_hh", &.{gates});
        for (self.gate_bias, more) |*bias, other| bias.* += other;
        self.final = try tensor(arena, &checkpoint, "final_conv.weight", &.{ 1, state_size, 1 });
        self.final_bias = (try tensor(arena, &checkpoint, "final_conv.bias", &.{1}))[0];
        self.audio = try floats(arena, batch * reach);
        self.folded = try floats(arena, batch * 2 * half);
        self.spectrum = try floats(arena, batch * 2 * frequencies);
        self.gate = try floats(arena, batch * gates);
    }

    fn pack(
        self: *const Vad,
        arena: std.mem.Allocator,
        matrix: []const f32,
        rows: usize,
        depth: usize,
    ) errors.Error!Packed {
        return Packed.init(arena, self.table, matrix, rows, depth) catch errors.outOfMemory("the voice detector");
    }
};

fn sigmoid(x: f32) f32 {
    return 1 / (1 + @exp(-x));
}

/// Zeros.
fn floats(arena: std.mem.Allocator, count: usize) errors.Error![]align(64) f32 {
    const values = buffers.alloc(f32, arena, count) catch return errors.outOfMemory("the voice detector");
    @memset(values, 0);
    return values;
}

fn tensor(
    arena: std.mem.Allocator,
    checkpoint: *const safetensors.Checkpoint,
    name: []const u8,
    shape: []const u64,
) errors.Error![]align(64) f32 {
    const found = checkpoint.find(name) orelse
        return errors.fail(error.Model, "{s}: has no tensor {s}", .{ checkpoint.path, name });
    if (found.dtype != .f32 or !std.mem.eql(u64, found.shape(), shape)) return errors.fail(
        error.Model,
        "{s}: tensor {s} is {f} of {t}, not {f} of f32",
        .{ checkpoint.path, name, safetensors.formatShape(found.shape()), found.dtype, safetensors.formatShape(shape) },
    );
    const values = try floats(arena, found.bytes.len / @sizeOf(f32));
    @memcpy(std.mem.sliceAsBytes(values), found.bytes);
    for (values) |value| if (!std.math.isFinite(value)) {
        return errors.fail(error.Model, "{s}: tensor {s} has values that are no numbers", .{ checkpoint.path, name });
    };
    return values;
}

/// [out][in][3] as [out][3][in]: in the order in which rows of activations lie.
fn timeFirst(arena: std.mem.Allocator, weight: []const f32, layer: Layer) errors.Error![]f32 {
    const turned = try floats(arena, weight.len);
    for (0..layer.out) |n| for (0..layer.in) |channel| for (0..3) |k| {
        turned[(n * 3 + k) * layer.in + channel] = weight[(n * layer.in + channel) * 3 + k];
    };
    return turned;
}

/// f32[frequencies][half]: a periodic Hann window times the cosine or minus the sine, of samples 1 to 128.
fn transformRows(arena: std.mem.Allocator, part: enum { cosine, sine }) errors.Error![]f32 {
    const rows = try floats(arena, frequencies * half);
    for (0..frequencies) |k| for (1..half + 1) |n| {
        const turn = std.math.tau * @as(f64, @floatFromInt(n)) / window;
        const angle = std.math.tau * @as(f64, @floatFromInt(k * n % window)) / window;
        const hann = 0.5 - 0.5 * @cos(turn);
        rows[k * half + n - 1] = @floatCast(hann * if (part == .cosine) @cos(angle) else -@sin(angle));
    };
    return rows;
}

test "frames one by one give the bits of frames together" {
    const vad: *Vad = try .open(std.testing.allocator, null);
    defer vad.close();
    var random: std.Random.DefaultPrng = .init(1);
    var samples: [40 * frame + 100]f32 = undefined;
    for (&samples, 0..) |*sample, i| {
        const time: f32 = @floatFromInt(i);
        sample.* = 0.3 * @sin(time * 0.05) * @sin(time * 0.0007) + 0.01 * random.random().floatNorm(f32);
    }
    var together: [41]f32 = undefined;
    vad.run(&samples, true, &together);
    var alone: [41]f32 = undefined;
    var at: usize = 0;
    var done: usize = 0;
    while (at < samples.len) {
        const step = @min(1 + random.random().uintLessThan(usize, 700), samples.len - at);
        const is_last = at + step == samples.len;
        const some = vad.count(step, is_last);
        vad.run(samples[at..][0..step], is_last, alone[done..][0..some]);
        at += step;
        done += some;
    }
    try std.testing.expectEqual(together.len, done);
    try std.testing.expectEqualSlices(f32, &together, &alone);
    for (together) |probability| try std.testing.expect(probability >= 0 and probability <= 1);
}

test "no samples give no probability, and a recording of one sample gives one" {
    const vad: *Vad = try .open(std.testing.allocator, null);
    defer vad.close();
    vad.run(&.{}, true, &.{});
    var one: [1]f32 = undefined;
    vad.run(&.{0.5}, true, &one);
    try std.testing.expect(one[0] < 0.5);
    try std.testing.expectEqual(@as(usize, 0), vad.count(511, false));
}
