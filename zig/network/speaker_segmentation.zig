//! Who of up to three speakers talks when, within ten seconds: pyannote segmentation-3.0 (MIT).
//!
//!     160000 samples, normalised as a whole
//!       -> 80 band-pass filters of 251 samples, 10 apart (SincNet): magnitudes, the greatest of three, normalised
//!       -> two convolutions of 5 rows to 60 channels, each: the greatest of three, normalised
//!       -> 4 LSTM layers of 128 in each direction -> 128 -> 128 -> 7 classes, as log-probabilities
//!
//! Rows are over time, 589 at last. The filters multiply spectra (kernels/filter_bank.zig). The bias of a convolution
//! is left out, as the normalisation behind it takes it away again. Several windows are computed together, each layer
//! as products of many rows; only the state of an LSTM goes step by step, of all windows at once. A window's result is
//! the same to the bit whatever goes with it.
//!
//! Convolutions behind the filters and LSTMs multiply at 8 bits (products.zig), or in f32 for tests to compare with:
//! the errors of an LSTM's state do not add up. The filters stay in f32: of loud samples beside soft ones.

const std = @import("std");
const errors = @import("../errors.zig");
const kernels = @import("../kernels/kernels.zig");
const packed_ = @import("packed.zig");
const products = @import("products.zig");
const threads = @import("../compute/threads.zig");
const weights = @import("speaker_weights.zig");
const assert = std.debug.assert;
const Error = errors.Error;
const Packed = packed_.Packed;

/// Samples of a window, at 16 kHz, and what comes out.
pub const window = 160_000;
pub const frames = 589;
pub const classes = 7;
/// Windows computed together. Six rows of activations share one reading of the state's matrix.
pub const batch = 6;

const filters = 80;
const filter_samples = 251;
const half = filter_samples / 2;
const channels = 60;
const taps = 5;
const state = 128;
const gates = 4 * state;
const layers = 4;
/// Rows behind the filters, the first and the second convolution.
const rows_after = [3]usize{ 5325, 1773, frames };
/// Their channels, and floats from row to row: whole blocks of products at 8 bits, filled up with zeros.
const channels_after = [3]usize{ filters, channels, channels };
const columns_after = [3]usize{ 96, 64, 64 };
/// The filters' blocks of a window, and tasks of them.
const bank_blocks = blocksOf(rows_after[0], kernels.bank_rows);
const bank_tasks = blocksOf(bank_blocks, kernels.bank_blocks);
/// Rows that are pooled to one task's.
const block = 32;
const block_rows = block * kernels.pooled_rows;
const slope = 0.01;

comptime {
    assert(half == kernels.bank_reach and filters % (2 * kernels.bank_group) == 0);
    for (channels_after, columns_after) |real, all| assert(real <= all and all % kernels.int8_block == 0);
    assert(((window - filter_samples) / kernels.bank_stride + 1) / kernels.pooled_rows == rows_after[0]);
    for (rows_after[0..2], rows_after[1..]) |before, after| assert((before - taps + 1) / kernels.pooled_rows == after);
}

/// What the filters' kernel takes: spectra, and the angles of its transforms.
const Bank = struct { spectra: []align(64) const f32, turns: []const f32 };

const Affine = struct { weight: []const f32, bias: []const f32 };

const Lstm = struct {
    /// Both directions' gates of a row, forward first.
    input: products.Weight,
    /// By direction.
    recurrent: [2]products.Weight,
    bias: [2][]const f32,
};

const Dense = struct { weight: Packed, bias: []const f32 };

/// Activations of a batch; made at the first use.
const Buffers = struct {
    /// Behind filters and convolutions: [batch][rows_after][columns_after].
    rows: [3][]align(64) f32,
    /// [batch][frames][2][gates].
    gates: []align(64) f32,
    /// What the layers give, in turns: [batch][frames][2][state].
    states: [2][]align(64) f32,
    /// Every window's samples are brought to one level: x * scale + shift.
    level: [batch][2]f32,
};

/// A thread's own.
const Scratch = struct {
    bank: [kernels.bank_space]u8 align(64),
    raw: [block_rows * 2 * state]f32 align(64),
    /// What a product is of, where that is at 8 bits.
    rows: products.Rows,
    more: [block_rows * state]f32 align(64),
};

pub const Segmentation = struct {
    arena: std.mem.Allocator,
    table: *const kernels.Table,
    pool: *const threads.Pool,
    level: Affine,
    bank: Bank,
    norms: [3]Affine,
    convolutions: [2]products.Weight,
    lstm: [layers]Lstm,
    dense: [2]Dense,
    classifier: Dense,
    scratch: []Scratch,
    buffers: ?Buffers = null,

    /// Everything is in the reader's arena.
    pub fn init(reader: *const weights.Reader, pool: *const threads.Pool) Error!Segmentation {
        const scratch = reader.arena.alloc(Scratch, pool.threadsCount()) catch return weights.outOfMemory();
        for (scratch) |*own| own.rows = try reader.rowsFor(block_rows * 2 * state);
        var self: Segmentation = .{
            .arena = reader.arena,
            .table = reader.table,
            .pool = pool,
            .level = try affineOf(reader, "segmentation.sincnet.wav_norm1d", .{}, 1),
            .bank = try bankOf(reader),
            .norms = undefined,
            .convolutions = undefined,
            .lstm = undefined,
            .dense = undefined,
            .classifier = .{
                .weight = try reader.matrix("segmentation.classifier.weight", .{}, &.{ classes, state }),
                .bias = try reader.vector("segmentation.classifier.bias", .{}, classes),
            },
            .scratch = scratch,
        };
        for (&self.norms, 0..) |*norm, i| {
            norm.* = try affineOf(reader, "segmentation.sincnet.norm1d.{d}", .{i}, channels_after[i]);
        }
        for (&self.convolutions, 1.., channels_after[0..2], columns_after[0..2]) |*one, i, in, columns| {
            const from = try reader.tensor("segmentation.sincnet.conv1d.{d}.weight", .{i}, &.{ channels, in, taps });
            const turned = try weights.timeFirst(reader, from, in, taps);
            const wide = try widened(reader, turned, in, columns);
            one.* = try reader.weightOf(wide, channels, taps * columns);
        }
        for (&self.lstm, 0..) |*layer, i| layer.* = try lstmOf(reader, i);
        for (&self.dense, 0..) |*layer, i| {
            const in: usize = if (i == 0) 2 * state else state;
            layer.* = .{
                .weight = try reader.matrix("segmentation.linear.{d}.weight", .{i}, &.{ state, in }),
                .bias = try reader.vector("segmentation.linear.{d}.bias", .{i}, state),
            };
        }
        return self;
    }

    /// Windows one after the other, each of `window` samples, to out[windows][frames][classes]. `watch` is shown what
    /// each stage gives: `watch.see(stage, window, rows, columns)`, rows without gaps.
    pub fn run(self: *Segmentation, samples: []const f32, out: []f32, watch: anytype) Error!void {
        assert(samples.len % window == 0);
        const count = samples.len / window;
        assert(out.len == count * frames * classes);
        if (self.buffers == null) try self.makeBuffers();
        var first: usize = 0;
        while (first < count) : (first += batch) {
            const some: usize = @min(batch, count - first);
            var job: Job = .{
                .net = self,
                .buffers = &self.buffers.?,
                .samples = samples[first * window ..][0 .. some * window],
                .windows = some,
                .first = first,
                .out = out[first * frames * classes ..][0 .. some * frames * classes],
            };
            job.compute(watch);
        }
    }

    fn makeBuffers(self: *Segmentation) Error!void {
        var made: Buffers = undefined;
        for (&made.rows, rows_after, columns_after) |*rows, count, columns| {
            rows.* = try self.makeBuffer(count * columns);
        }
        made.gates = try self.makeBuffer(frames * 2 * gates);
        for (&made.states) |*states| states.* = try self.makeBuffer(frames * 2 * state);
        self.buffers = made;
    }

    /// For every window of a batch. What few windows leave unused is never touched.
    fn makeBuffer(self: *Segmentation, each: usize) Error![]align(64) f32 {
        return weights.room(f32, self.arena, batch * each);
    }
};

fn blocksOf(rows: usize, per_block: usize) usize {
    return (rows + per_block - 1) / per_block;
}

/// A batch under way.
const Job = struct {
    net: *const Segmentation,
    buffers: *Buffers,
    samples: []const f32,
    windows: usize,
    /// The batch's first window.
    first: usize,
    out: []f32,
    /// The convolution, or the LSTM layer, that is computed.
    index: usize = 0,

    fn compute(self: *Job, watch: anytype) void {
        const pool = self.net.pool;
        pool.run(self.windows, self, findLevel);
        pool.run(self.windows * bank_tasks, self, filterBlocks);
        self.index = 0;
        pool.run(self.windows, self, normalise);
        self.show(watch, "filters", self.buffers.rows[0], rows_after[0], columns_after[0]);
        inline for (1..3) |index| {
            self.index = index;
            pool.run(self.windows * blocksOf(rows_after[index], block), self, convolveBlock);
            pool.run(self.windows, self, normalise);
            const stage = std.fmt.comptimePrint("convolution{d}", .{index});
            self.show(watch, stage, self.buffers.rows[index], rows_after[index], columns_after[index]);
        }
        inline for (0..layers) |index| {
            self.index = index;
            pool.run(blocksOf(self.windows * frames, block_rows), self, gateBlock);
            pool.run(2 * self.groups(), self, recur);
            const stage = std.fmt.comptimePrint("lstm{d}", .{index});
            self.show(watch, stage, self.buffers.states[index % 2], frames, 2 * state);
        }
        pool.run(blocksOf(self.windows * frames, block_rows), self, classifyBlock);
        self.show(watch, "classes", self.out, frames, classes);
    }

    fn show(
        self: *const Job,
        watch: anytype,
        comptime stage: []const u8,
        values: []const f32,
        rows: usize,
        columns: usize,
    ) void {
        if (@TypeOf(watch) == void) return;
        for (0..self.windows) |w| {
            watch.see(stage, self.first + w, values[w * rows * columns ..][0 .. rows * columns], columns);
        }
    }

    /// Mean 0, variance 1, then the network's own level.
    fn findLevel(self: *Job, at: usize, _: usize) void {
        const samples = self.samples[at * window ..][0..window];
        const mean = sumOf(samples, 0, false) / window;
        const squares = sumOf(samples, mean, true);
        const scale = self.net.level.weight[0] / @sqrt(squares / window + norm_eps);
        self.buffers.level[at] = .{ @floatCast(scale), @floatCast(self.net.level.bias[0] - mean * scale) };
    }

    fn filterBlocks(self: *Job, task: usize, thread: usize) void {
        const net = self.net;
        const at = task / bank_tasks;
        const first = task % bank_tasks * kernels.bank_blocks;
        const scale, const shift = self.buffers.level[at];
        const out = self.buffers.rows[0][at * rows_after[0] * columns_after[0] ..];
        net.table.filter_bank(&.{
            .samples = self.samples[at * window ..].ptr,
            .count = window,
            .scale = scale,
            .shift = shift,
            .spectra = net.bank.spectra.ptr,
            .filters = filters,
            .turns = net.bank.turns.ptr,
            .out = out.ptr,
            .out_stride = columns_after[0],
            .rows = rows_after[0],
            .block = first,
            .blocks = @min(kernels.bank_blocks, bank_blocks - first),
            .space = &net.scratch[thread].bank,
        });
        const row = first * kernels.bank_rows;
        const end = @min(rows_after[0], row + kernels.bank_blocks * kernels.bank_rows);
        self.fillUp(0, at * rows_after[0] + row, end - row);
    }

    fn convolveBlock(self: *Job, task: usize, thread: usize) void {
        const net = self.net;
        const count = rows_after[self.index];
        const before = rows_after[self.index - 1];
        const in = columns_after[self.index - 1];
        const columns = columns_after[self.index];
        const blocks = blocksOf(count, block);
        const at = task / blocks;
        const row = task % blocks * block;
        const rows: usize = @min(block, count - row);
        const scratch = &net.scratch[thread];
        const raw = &scratch.raw;
        const some = rows * kernels.pooled_rows;
        const from = self.buffers.rows[self.index - 1][(at * before + row * kernels.pooled_rows) * in ..];
        scratch.rows.put(net.table, from[0 .. (some + taps - 1) * in]);
        net.convolutions[self.index - 1].times(net.table, some, scratch.rows, in, raw, channels, false);
        net.table.pool(&.{
            .x = raw,
            .x_stride = channels,
            .out = self.buffers.rows[self.index].ptr + (at * count + row) * columns,
            .out_stride = columns,
            .rows = rows,
            .columns = channels,
        });
        self.fillUp(self.index, at * count + row, rows);
    }

    /// With zeros behind the channels, which are rounded with them.
    fn fillUp(self: *Job, index: usize, first: usize, count: usize) void {
        const columns = columns_after[index];
        for (first..first + count) |row| {
            @memset(self.buffers.rows[index][row * columns ..][channels_after[index]..columns], 0);
        }
    }

    /// Every channel of a window to mean 0 and variance 1, then the network's own, then what is negative made small.
    fn normalise(self: *Job, at: usize, _: usize) void {
        const rows = rows_after[self.index];
        const columns = channels_after[self.index];
        const stride = columns_after[self.index];
        const norm = self.net.norms[self.index];
        const x = self.buffers.rows[self.index].ptr + at * rows * stride;
        const all: f64 = @floatFromInt(rows);
        var means: [filters]f32 = undefined;
        var sums: [2][filters]f64 = undefined;
        self.moments(x, rows, null, &sums);
        for (means[0..columns], sums[0][0..columns]) |*mean, sum| mean.* = @floatCast(sum / all);
        self.moments(x, rows, &means, &sums);
        var scales: [filters]f32 = undefined;
        var shifts: [filters]f32 = undefined;
        for (0..columns) |i| {
            const rest = sums[0][i] / all; // What rounding left of the mean.
            const variance = @max(0, sums[1][i] / all - rest * rest);
            const scale = norm.weight[i] / @sqrt(variance + norm_eps);
            scales[i] = @floatCast(scale);
            shifts[i] = @floatCast(norm.bias[i] - (means[i] + rest) * scale);
        }
        self.net.table.affine(&.{
            .x = x,
            .x_stride = stride,
            .scale = &scales,
            .shift = &shifts,
            .out = x,
            .out_stride = stride,
            .rows = rows,
            .columns = columns,
            .slope = slope,
        });
    }

    fn moments(
        self: *const Job,
        x: [*]const f32,
        rows: usize,
        centre: ?[*]const f32,
        to: *[2][filters]f64,
    ) void {
        const columns = channels_after[self.index];
        const stride = columns_after[self.index];
        for (to) |*all| @memset(all, 0);
        var parts: [2][filters]f32 = undefined;
        var row: usize = 0;
        while (row < rows) : (row += moment_rows) {
            self.net.table.moments(&.{
                .x = x + row * stride,
                .x_stride = stride,
                .centre = centre,
                .sums = &parts[0],
                .squares = &parts[1],
                .rows = @min(moment_rows, rows - row),
                .columns = columns,
            });
            for (to, &parts) |*all, *some| {
                for (all[0..columns], some[0..columns]) |*sum, part| sum.* += part;
            }
        }
    }

    /// The input's share of an LSTM layer's gates.
    fn gateBlock(self: *Job, task: usize, thread: usize) void {
        const first = task * block_rows;
        const rows: usize = @min(block_rows, self.windows * frames - first);
        const layer = &self.net.lstm[self.index];
        const columns = layer.input.depth;
        const from = if (self.index == 0) self.buffers.rows[2] else self.buffers.states[(self.index + 1) % 2];
        const to = self.buffers.gates.ptr + first * 2 * gates;
        const own = self.net.scratch[thread].rows;
        own.put(self.net.table, from[first * columns ..][0 .. rows * columns]);
        layer.input.times(self.net.table, rows, own, columns, to, 2 * gates, false);
    }

    /// How many groups the windows make in each direction: as many as there are threads for.
    fn groups(self: *const Job) usize {
        return @min(self.windows, @max(1, self.net.pool.threadsCount() / 2));
    }

    /// One direction through a group of windows, step by step.
    fn recur(self: *Job, task: usize, thread: usize) void {
        const direction = task % 2;
        const count = self.groups();
        const first = self.windows * (task / 2) / count;
        const some = self.windows * (task / 2 + 1) / count - first;
        const net = self.net;
        const layer = &net.lstm[self.index];
        const values = self.buffers.gates.ptr + first * frames * 2 * gates + direction * gates;
        const states = self.buffers.states[self.index % 2].ptr + first * frames * 2 * state + direction * state;
        var cells: [batch][state]f32 = @splat(@splat(0));
        for (0..frames) |step| {
            const t = if (direction == 0) step else frames - 1 - step;
            const gate = values + t * 2 * gates;
            if (step > 0) {
                const before = if (direction == 0) t - 1 else t + 1;
                const hidden = states + before * 2 * state;
                const by = layer.recurrent[direction];
                const own = net.scratch[thread].rows;
                for (0..some) |w| own.from(w * state).put(net.table, hidden[w * frames * 2 * state ..][0..state]);
                by.times(net.table, some, own, state, gate, frames * 2 * gates, true);
            }
            for (0..some) |w| net.table.lstm(
                gate + w * frames * 2 * gates,
                layer.bias[direction].ptr,
                &cells[w],
                states + (w * frames + t) * 2 * state,
                state,
            );
        }
    }

    fn classifyBlock(self: *Job, task: usize, thread: usize) void {
        const net = self.net;
        const first = task * block_rows;
        const rows: usize = @min(block_rows, self.windows * frames - first);
        const from = self.buffers.states[(layers - 1) % 2].ptr + first * 2 * state;
        const scratch = &net.scratch[thread];
        self.denseRows(net.dense[0], rows, from, &scratch.raw);
        self.denseRows(net.dense[1], rows, &scratch.raw, &scratch.more);
        const out = self.out[first * classes ..][0 .. rows * classes];
        net.classifier.weight.times(net.table, rows, &scratch.more, state, out.ptr, classes);
        for (0..rows) |row| logSoftmax(out[row * classes ..][0..classes], net.classifier.bias);
    }

    fn denseRows(self: *const Job, layer: Dense, rows: usize, from: [*]const f32, to: [*]f32) void {
        layer.weight.times(self.net.table, rows, from, layer.weight.depth, to, state);
        self.net.table.affine(&.{
            .x = to,
            .x_stride = state,
            .scale = null,
            .shift = layer.bias.ptr,
            .out = to,
            .out_stride = state,
            .rows = rows,
            .columns = state,
            .slope = slope,
        });
    }
};

/// Of an instance normalisation.
const norm_eps = 1e-5;
/// Rows whose sum is taken in f32, before it goes on in f64.
const moment_rows = 64;

/// Of differences from a centre, or of their squares.
fn sumOf(samples: *const [window]f32, centre: f64, comptime squared: bool) f64 {
    const lanes = 8;
    const Some = @Vector(lanes, f64);
    var sums: Some = @splat(0);
    var i: usize = 0;
    while (i < window) : (i += lanes) {
        const off = @as(Some, @as(@Vector(lanes, f32), samples[i..][0..lanes].*)) - @as(Some, @splat(centre));
        sums += if (squared) off * off else off;
    }
    return @reduce(.Add, sums);
}

fn logSoftmax(values: *[classes]f32, bias: []const f32) void {
    var most: f32 = -std.math.inf(f32);
    for (values, bias) |*value, b| {
        value.* += b;
        most = @max(most, value.*);
    }
    var sum: f32 = 0;
    for (values) |value| sum += @exp(value - most);
    const least = most + @log(sum);
    for (values) |*value| value.* -= least;
}

fn affineOf(reader: *const weights.Reader, comptime name: []const u8, parts: anytype, count: usize) Error!Affine {
    return .{
        .weight = try reader.vector(name ++ ".weight", parts, count),
        .bias = try reader.vector(name ++ ".bias", parts, count),
    };
}

fn lstmOf(reader: *const weights.Reader, index: usize) Error!Lstm {
    reader.forget();
    const in: usize = if (index == 0) channels else 2 * state;
    const columns = if (index == 0) columns_after[2] else in;
    const both = try reader.unset(2 * gates * in);
    var layer: Lstm = undefined;
    inline for (.{ "", "_reverse" }, 0..) |suffix, d| {
        const name = "segmentation.lstm.{s}_l{d}" ++ suffix;
        const input = try reader.tensor(name, .{ "weight_ih", index }, &.{ gates, in });
        @memcpy(both[d * gates * in ..][0 .. gates * in], input);
        layer.recurrent[d] = try reader.scaled(name, .{ "weight_hh", index }, &.{ gates, state }, null);
        const bias = try reader.vector(name, .{ "bias_ih", index }, gates);
        const more = try reader.tensor(name, .{ "bias_hh", index }, &.{gates});
        for (bias, more) |*value, other| value.* += other;
        layer.bias[d] = bias;
    }
    layer.input = try reader.weightOf(try widened(reader, both, in, columns), 2 * gates, columns);
    return layer;
}

/// Rows of `in` floats as rows of `columns`, filled up with zeros.
fn widened(reader: *const weights.Reader, values: []const f32, in: usize, columns: usize) Error![]const f32 {
    if (in == columns) return values;
    const wide = try reader.temporary(values.len / in * columns);
    for (0..values.len / in) |row| @memcpy(wide[row * columns ..][0..in], values[row * in ..][0..in]);
    return wide;
}

const frequency_max: f32 = 8000;
const low_least: f32 = 50;
const band_least: f32 = 50;

/// Band-pass filters from their lower edges and widths in Hz: even ones of cosines, odd ones of sines; of each the taps
/// before the middle, then the middle (asteroid-filterbanks' ParamSincFB, MIT). In f32 and in its order, sines rounded
/// once: the angles are large, so the network was trained with what rounding makes of them.
fn sincFilters(reader: *const weights.Reader) Error![2][]f32 {
    const count = filters / 2;
    const name = "segmentation.sincnet.conv1d.0.filterbank.";
    const low_hz = try reader.tensor(name ++ "low_hz_", .{}, &.{ count, 1 });
    const band_hz = try reader.tensor(name ++ "band_hz_", .{}, &.{ count, 1 });
    const turns = try reader.tensor(name ++ "n_", .{}, &.{ 1, half });
    const shape = try reader.tensor(name ++ "window_", .{}, &.{half});
    const even = try reader.temporary(count * (half + 1));
    const odd = try reader.temporary(count * (half + 1));
    for (low_hz, band_hz, 0..) |low_raw, band_raw, i| {
        const low = low_least + @abs(low_raw);
        const high = std.math.clamp(low + band_least + @abs(band_raw), low_least, frequency_max);
        const width = 2 * (high - low);
        for (turns, shape, 0..) |n, by, k| {
            const below: f64 = low * n;
            const above: f64 = high * n;
            const sine = rounded(@sin(above)) - rounded(@sin(below));
            const cosine = rounded(@cos(below)) - rounded(@cos(above));
            even[i * (half + 1) + k] = sine / (n / 2) * by / width;
            odd[i * (half + 1) + k] = cosine / (n / 2) * by / width;
        }
        even[i * (half + 1) + half] = 1;
    }
    return .{ even, odd };
}

fn bankOf(reader: *const weights.Reader) Error!Bank {
    const turns = try weights.room(f32, reader.arena, 2 * kernels.bank_samples);
    for (0..kernels.bank_samples) |i| {
        const angle = @as(f64, @floatFromInt(i)) * 2 * std.math.pi / kernels.bank_samples;
        turns[2 * i] = @floatCast(@cos(angle));
        turns[2 * i + 1] = @floatCast(@sin(angle));
    }
    const spectra = try weights.room(f32, reader.arena, filters * kernels.bank_bins * kernels.bank_stride);
    for (try sincFilters(reader), 0..) |some, is_odd| try addSpectra(reader, some, is_odd, turns, spectra);
    return .{ .spectra = spectra, .turns = turns };
}

/// Of the even filters, or of the odd ones: sums of their taps times cosines, or sines.
fn addSpectra(reader: *const weights.Reader, of: []const f32, is_odd: usize, turns: []const f32, to: []f32) Error!void {
    const count = filters / 2;
    const bins = kernels.bank_bins * kernels.bank_stride;
    const matrix = Packed.init(reader.scratch.allocator(), reader.table, of, count, half + 1) catch
        return weights.outOfMemory();
    const waves = try reader.unset(bins * (half + 1));
    for (0..bins) |bin| {
        const m, const t = .{ bin / kernels.bank_stride, bin % kernels.bank_stride };
        const frequency = t * kernels.bank_points + m;
        const row = waves[bin * (half + 1) ..][0 .. half + 1];
        row[half] = if (is_odd == 1) 0 else 1.0 / @as(f32, kernels.bank_samples);
        var turn: usize = 0;
        for (1..half + 1) |distance| {
            turn += frequency;
            if (turn >= kernels.bank_samples) turn -= kernels.bank_samples;
            row[half - distance] = turns[2 * turn + is_odd] * (2.0 / @as(f32, kernels.bank_samples));
        }
    }
    const found = try reader.unset(bins * count);
    matrix.times(reader.table, bins, waves.ptr, half + 1, found.ptr, count);
    const width = kernels.bank_group;
    for (0..bins) |bin| for (0..count / width) |group| {
        const from = found[bin * count + group * width ..][0..width];
        @memcpy(to[((group * bins + bin) * 2 + is_odd) * width ..][0..width], from);
    };
}

fn rounded(x: f64) f32 {
    return @floatCast(x);
}
