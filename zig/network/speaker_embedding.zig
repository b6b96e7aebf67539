//! What a voice is like, as 192 numbers: CAM++ of 3D-Speaker (Apache-2.0), Chinese and English.
//!
//!     frames of 80 log-mels, each bin less its mean
//!       -> a small residual network over frequency and time, whose frequencies halve three times: 10 x 32
//!       -> every second frame: 128 channels
//!       -> 12, 24 and 16 layers, each of which sees what all before it gave and adds 32 channels; a mask of context
//!          (the mean of everything and of 100 frames) weighs them
//!       -> mean and deviation of 512 channels -> 192
//!
//! Fixed normalisations behind a product are folded into its weights. The residual network goes through time in pieces
//! that overlap by what it sees; the rest holds all frames. Values do not depend on the pieces.
//!
//! Products have weights and activations of 8 bits (products.zig), which halves the time; or are in f32, as the network
//! was trained, for tests to compare with.

const std = @import("std");
const buffers = @import("../compute/buffers.zig");
const errors = @import("../errors.zig");
const fbank_ = @import("fbank.zig");
const head_ = @import("speaker_head.zig");
const kernels = @import("../kernels/kernels.zig");
const products = @import("products.zig");
const threads = @import("../compute/threads.zig");
const weights = @import("speaker_weights.zig");
const assert = std.debug.assert;
const Error = errors.Error;
const Norm = weights.Norm;
const Rows = products.Rows;
const Weight = products.Weight;
const floats = weights.floats;

/// Floats of an embedding.
pub const size = 192;
/// Of fewer frames nothing can be said; more are refused, five minutes.
pub const frames_min = 10;
pub const frames_max = 30_000;

const bins = fbank_.bins;
const channels_first = 128;
const growth = 32;
const bottleneck = 128;
const squeezed = 64;
const widest = 1024;
const last = 512;
const Block = struct { layers: usize, dilation: usize };
const blocks = [_]Block{
    .{ .layers = 12, .dilation = 1 },
    .{ .layers = 24, .dilation = 2 },
    .{ .layers = 16, .dilation = 2 },
};
const layers_all = 12 + 24 + 16;
/// Frames of a piece of context, and of a task: two to a piece.
const piece = 100;
const part = 50;
/// Zero rows before and behind a layer's bottleneck.
const pad = 2;
const time_taps = 5;

const Layer = struct {
    in: usize,
    dilation: usize,
    before: Norm,
    narrow: Weight,
    narrow_shift: []const f32,
    /// One for each of three frames.
    local: [3]Weight,
    /// f32[squeezed][bottleneck], f32[growth][squeezed].
    squeeze: []const f32,
    squeeze_bias: []const f32,
    excite: []const f32,
    excite_bias: []const f32,
};

const Transit = struct { before: Norm, weight: Weight };

const Scratch = struct {
    /// [part][up to widest]
    wide: Rows,
    narrow: [part * bottleneck]f32 align(64),
    fbank: fbank_.Scratch,
};

pub const Embedding = struct {
    table: *const kernels.Table,
    pool: *const threads.Pool,
    precision: products.Precision,
    fbank: fbank_.Fbank,
    head: head_.Head,
    /// By frequency, of five frames each.
    entry: [head_.bins_out]Weight,
    entry_shift: []const f32,
    layers: [layers_all]Layer,
    transits: [blocks.len]Transit,
    after: Norm,
    /// f32[size][2 * last].
    dense: []const f32,
    dense_shift: []const f32,
    scratch: []Scratch,

    /// Everything is in the reader's arena.
    pub fn init(reader: *const weights.Reader, pool: *const threads.Pool) Error!Embedding {
        const scratch = reader.arena.alloc(Scratch, pool.threadsCount()) catch return weights.outOfMemory();
        var self: Embedding = undefined;
        self.table = reader.table;
        self.pool = pool;
        self.precision = reader.precision;
        self.scratch = scratch;
        for (scratch) |*own| own.wide = try reader.rowsFor(part * widest);
        self.fbank = try .init(reader);
        self.head = try .init(reader, pool);
        try self.readEntry(reader);
        var index: usize = 0;
        var channels: usize = channels_first;
        for (blocks, 1..) |block, b| {
            for (1..block.layers + 1) |i| {
                reader.forget();
                self.layers[index] = try layerOf(reader, b, i, channels, block.dilation);
                index += 1;
                channels += growth;
            }
            const name = "embedding.xvector.transit{d}.";
            self.transits[b - 1] = .{
                .before = try reader.norm(name ++ "nonlinear.batchnorm", .{b}, channels, true),
                .weight = try reader.scaled(name ++ "linear.weight", .{b}, &.{ channels / 2, channels, 1 }, null),
            };
            channels /= 2;
        }
        assert(index == layers_all and channels == last);
        self.after = try reader.norm("embedding.xvector.out_nonlinear.batchnorm", .{}, last, true);
        const dense = try reader.tensor("embedding.xvector.dense.linear.weight", .{}, &.{ size, 2 * last, 1 });
        const norm = try reader.norm("embedding.xvector.dense.nonlinear.batchnorm", .{}, size, false);
        const own = try floats(reader.arena, size * 2 * last);
        for (0..size) |n| for (own[n * 2 * last ..][0 .. 2 * last], dense[n * 2 * last ..][0 .. 2 * last]) |*to, from| {
            to.* = from * norm.scale[n];
        };
        self.dense = own;
        self.dense_shift = norm.shift;
        return self;
    }

    /// A frequency's five frames lie one after the other; the checkpoint's channels are [channel][frequency].
    fn readEntry(self: *Embedding, reader: *const weights.Reader) Error!void {
        const frequencies = head_.bins_out;
        const channels = head_.channels;
        const norm = try reader.norm("embedding.xvector.tdnn.nonlinear.batchnorm", .{}, channels_first, true);
        const shape = [_]u64{ channels_first, channels * frequencies, time_taps };
        const weight = try reader.tensor("embedding.xvector.tdnn.linear.weight", .{}, &shape);
        const own = try reader.temporary(channels_first * time_taps * channels);
        for (&self.entry, 0..) |*one, f| {
            for (0..channels_first) |n| for (0..time_taps) |k| for (0..channels) |c| {
                const from = (n * channels * frequencies + c * frequencies + f) * time_taps + k;
                own[(n * time_taps + k) * channels + c] = weight[from] * norm.scale[n];
            };
            one.* = try reader.weightOf(own, channels_first, time_taps * channels);
        }
        self.entry_shift = norm.shift;
    }

    /// The embedding of the voice in these pieces of sound, whose frames count one after the other. Too few frames give
    /// zeros. `watch.see(stage, 0, rows, columns)` is shown what stages give; `gpa` holds the activations meanwhile.
    pub fn run(
        self: *const Embedding,
        gpa: std.mem.Allocator,
        sounds: []const []const f32,
        out: *[size]f32,
        watch: anytype,
    ) Error!void {
        var count: usize = 0;
        for (sounds) |sound| count += fbank_.framesOf(sound.len);
        if (count < frames_min) return @memset(out, 0);
        if (count > frames_max) return errors.fail(
            error.Invalid,
            "a voice of {d} frames of 10 ms, at most {d} can be taken at once",
            .{ count, frames_max },
        );
        var arena: std.heap.ArenaAllocator = .init(gpa);
        defer arena.deinit();
        var job: Job = try .init(self, arena.allocator(), sounds, count);
        job.features();
        show(watch, "fbank", job.mels, bins);
        self.head.run(job.mels, count, &job.planes, job.seen, seen_pad);
        job.enter();
        show(watch, "entry", job.wide[0][0 .. job.rows * widest], widest);
        var index: usize = 0;
        inline for (blocks, 0..) |block, b| {
            for (0..block.layers) |_| {
                job.layer = &self.layers[index];
                job.runLayer();
                index += 1;
            }
            job.transit = b;
            self.pool.run(job.parts(), &job, Job.transitPart);
            job.turn = 1 - job.turn;
            const stage = std.fmt.comptimePrint("block{d}", .{b + 1});
            show(watch, stage, job.wide[job.turn][0 .. job.rows * widest], widest);
        }
        job.finish(out);
        show(watch, "embedding", out, size);
    }
};

fn show(watch: anytype, comptime stage: []const u8, values: []const f32, columns: usize) void {
    if (@TypeOf(watch) == void) return;
    watch.see(stage, 0, values, columns);
}

/// Frames before and behind those of the head that the entry sees.
const seen_pad = time_taps / 2;

/// One voice under way.
const Job = struct {
    net: *const Embedding,
    sounds: []const []const f32,
    frames: usize,
    /// Every second frame.
    rows: usize,
    mels: []align(64) f32,
    planes: head_.Planes,
    /// What the head gives: [bins_out][frames + 2 seen_pad][channels].
    seen: Rows,
    /// [rows][widest], in turns.
    wide: [2][]align(64) f32,
    turn: usize = 0,
    /// [pad + rows + pad][bottleneck].
    narrow: Rows,
    /// Sums of each part's rows.
    sums: []align(64) f32,
    /// A mask for each piece.
    masks: []align(64) f32,
    layer: *const Layer = undefined,
    transit: usize = 0,

    fn init(net: *const Embedding, arena: std.mem.Allocator, sounds: []const []const f32, frames: usize) Error!Job {
        const rows = (frames + 1) / 2;
        const parts_count = (rows + part - 1) / part;
        const seen_count = head_.bins_out * (frames + 2 * seen_pad) * head_.channels;
        return .{
            .net = net,
            .sounds = sounds,
            .frames = frames,
            .rows = rows,
            .mels = try floats(arena, frames * bins),
            .planes = try .init(&net.head, arena, frames),
            .seen = try rowsOf(net, arena, seen_count),
            .wide = .{ try floats(arena, rows * widest), try floats(arena, rows * widest) },
            .narrow = try rowsOf(net, arena, (rows + 2 * pad) * bottleneck),
            .sums = try floats(arena, parts_count * bottleneck),
            .masks = try floats(arena, parts_count * growth),
        };
    }

    fn parts(self: *const Job) usize {
        return (self.rows + part - 1) / part;
    }

    fn rowsIn(self: *const Job, number: usize) usize {
        return @min(part, self.rows - number * part);
    }

    /// Log-mels of every frame, each bin less its mean.
    fn features(self: *Job) void {
        self.net.pool.run(self.melBlocks(), self, melBlock);
        var sums: [bins]f64 = @splat(0);
        for (0..self.frames) |frame| {
            for (&sums, self.mels[frame * bins ..][0..bins]) |*sum, value| sum.* += value;
        }
        var shift: [bins]f32 = undefined;
        for (&shift, sums) |*to, sum| to.* = @floatCast(-sum / @as(f64, @floatFromInt(self.frames)));
        self.net.table.affine(&.{
            .x = self.mels.ptr,
            .x_stride = bins,
            .scale = null,
            .shift = &shift,
            .out = self.mels.ptr,
            .out_stride = bins,
            .rows = self.frames,
            .columns = bins,
            .slope = 1,
        });
    }

    /// Tasks of the features: blocks of each sound.
    fn melBlocks(self: *const Job) usize {
        var count: usize = 0;
        for (self.sounds) |sound| count += (fbank_.framesOf(sound.len) + fbank_.block - 1) / fbank_.block;
        return count;
    }

    fn melBlock(self: *Job, task: usize, thread: usize) void {
        var left = task;
        var before: usize = 0;
        for (self.sounds) |sound| {
            const frames = fbank_.framesOf(sound.len);
            const tasks = (frames + fbank_.block - 1) / fbank_.block;
            if (left < tasks) {
                const first = left * fbank_.block;
                const count: usize = @min(fbank_.block, frames - first);
                const out = self.mels[(before + first) * bins ..][0 .. count * bins];
                return self.net.fbank.compute(sound, first, count, &self.net.scratch[thread].fbank, out);
            }
            left -= tasks;
            before += frames;
        }
        unreachable;
    }

    /// From the head's frequencies to channels, every second frame.
    fn enter(self: *Job) void {
        self.net.pool.run(self.parts(), self, enterPart);
    }

    fn enterPart(self: *Job, number: usize, _: usize) void {
        const net = self.net;
        const channels = head_.channels;
        const first = number * part;
        const rows = self.rowsIn(number);
        const to = self.wide[0].ptr + first * widest;
        for (net.entry, 0..) |one, f| {
            const from = self.seen.from((f * (self.frames + 2 * seen_pad) + 2 * first) * channels);
            one.times(net.table, rows, from, 2 * channels, to, widest, f > 0);
        }
        self.activate(to, widest, .{ .scale = null, .shift = net.entry_shift }, rows, channels_first);
    }

    const Fixed = struct { scale: ?[]const f32, shift: []const f32 };

    /// x = max(0, x * scale + shift).
    fn activate(self: *const Job, x: [*]f32, x_stride: usize, norm: Fixed, rows: usize, columns: usize) void {
        assert(norm.shift.len == columns);
        self.net.table.affine(&.{
            .x = x,
            .x_stride = x_stride,
            .scale = if (norm.scale) |scale| scale.ptr else null,
            .shift = norm.shift.ptr,
            .out = x,
            .out_stride = x_stride,
            .rows = rows,
            .columns = columns,
            .slope = 0,
        });
    }

    fn runLayer(self: *Job) void {
        self.net.pool.run(self.parts(), self, narrowPart);
        self.findMasks();
        self.net.pool.run(self.parts(), self, localPart);
    }

    fn narrowPart(self: *Job, number: usize, thread: usize) void {
        const net = self.net;
        const layer = self.layer;
        const rows = self.rowsIn(number);
        const own = self.enterWide(number, thread, layer.before, layer.in);
        const to = &net.scratch[thread].narrow;
        layer.narrow.times(net.table, rows, own, layer.in, to, bottleneck, false);
        const after: Fixed = .{ .scale = null, .shift = layer.narrow_shift };
        self.activate(to, bottleneck, after, rows, bottleneck);
        var squares: [bottleneck]f32 = undefined;
        net.table.moments(&.{
            .x = to,
            .x_stride = bottleneck,
            .centre = null,
            .sums = self.sums.ptr + number * bottleneck,
            .squares = &squares,
            .rows = rows,
            .columns = bottleneck,
        });
        const first = pad + number * part;
        self.narrow.from(first * bottleneck).put(net.table, to[0 .. rows * bottleneck]);
    }

    /// What a part's frames have in their first `in` columns, normalised, negative values made 0.
    fn enterWide(self: *const Job, number: usize, thread: usize, norm: Norm, in: usize) Rows {
        const own = self.net.scratch[thread].wide;
        own.putAffine(self.net.table, .{
            .x = self.wide[self.turn].ptr + number * part * widest,
            .x_stride = widest,
            .scale = norm.scale.ptr,
            .shift = norm.shift.ptr,
            .rows = self.rowsIn(number),
            .columns = in,
            .slope = 0,
        });
        return own;
    }

    /// How much of each channel counts, by the mean of everything and of the piece.
    fn findMasks(self: *Job) void {
        const net = self.net;
        const layer = self.layer;
        var all: [bottleneck]f32 = @splat(0);
        for (0..self.parts()) |p| add(&all, self.sums[p * bottleneck ..][0..bottleneck]);
        const per_piece = piece / part;
        var first: usize = 0;
        while (first < self.parts()) : (first += per_piece) {
            var own: [bottleneck]f32 = @splat(0);
            const end: usize = @min(first + per_piece, self.parts());
            for (first..end) |p| add(&own, self.sums[p * bottleneck ..][0..bottleneck]);
            const rows: f32 = @floatFromInt(@min(piece, self.rows - first * part));
            const total: f32 = @floatFromInt(self.rows);
            for (&own, all) |*value, sum| value.* = value.* / rows + sum / total;
            var small: [squeezed]f32 = undefined;
            net.table.gemv(.f32, std.mem.sliceAsBytes(layer.squeeze).ptr, &own, squeezed, bottleneck, &small);
            for (&small, layer.squeeze_bias) |*value, bias| value.* = @max(0, value.* + bias);
            const mask = self.masks[first / per_piece * growth ..][0..growth];
            net.table.gemv(.f32, std.mem.sliceAsBytes(layer.excite).ptr, &small, growth, squeezed, mask.ptr);
            for (mask, layer.excite_bias) |*value, bias| value.* = 1 / (1 + @exp(-(value.* + bias)));
        }
    }

    fn localPart(self: *Job, number: usize, _: usize) void {
        const net = self.net;
        const layer = self.layer;
        const first = number * part;
        const rows = self.rowsIn(number);
        const to = self.wide[self.turn].ptr + first * widest + layer.in;
        for (layer.local, 0..) |tap, k| {
            const from = self.narrow.from((pad + first + k * layer.dilation - layer.dilation) * bottleneck);
            tap.times(net.table, rows, from, bottleneck, to, widest, k > 0);
        }
        net.table.affine(&.{
            .x = to,
            .x_stride = widest,
            .scale = self.masks.ptr + first / piece * growth,
            .shift = null,
            .out = to,
            .out_stride = widest,
            .rows = rows,
            .columns = growth,
            .slope = 1,
        });
    }

    fn transitPart(self: *Job, number: usize, thread: usize) void {
        const net = self.net;
        const transit = &net.transits[self.transit];
        const in = transit.weight.depth;
        const rows = self.rowsIn(number);
        const own = self.enterWide(number, thread, transit.before, in);
        const to = self.wide[1 - self.turn].ptr + number * part * widest;
        transit.weight.times(net.table, rows, own, in, to, widest, false);
        if (self.transit + 1 == blocks.len) {
            self.activate(to, widest, .{ .scale = net.after.scale, .shift = net.after.shift }, rows, last);
        }
    }

    /// Mean and deviation over time, then the embedding.
    fn finish(self: *Job, out: *[size]f32) void {
        const count: f64 = @floatFromInt(self.rows);
        var sums: [last]f64 = @splat(0);
        var squares: [last]f64 = @splat(0);
        self.addMoments(null, &sums, &squares);
        var statistics: [2 * last]f32 = undefined;
        for (statistics[0..last], sums) |*mean, sum| mean.* = @floatCast(sum / count);
        self.addMoments(&statistics, &sums, &squares);
        for (statistics[last..], squares) |*deviation, square| deviation.* = @floatCast(@sqrt(square / (count - 1)));
        self.net.table.gemv(.f32, std.mem.sliceAsBytes(self.net.dense).ptr, &statistics, size, 2 * last, out);
        for (out, self.net.dense_shift) |*value, shift| value.* += shift;
    }

    fn addMoments(self: *const Job, centre: ?[*]const f32, sums: *[last]f64, squares: *[last]f64) void {
        @memset(sums, 0);
        @memset(squares, 0);
        var some: [2][last]f32 = undefined;
        for (0..self.parts()) |number| {
            self.net.table.moments(&.{
                .x = self.wide[self.turn].ptr + number * part * widest,
                .x_stride = widest,
                .centre = centre,
                .sums = &some[0],
                .squares = &some[1],
                .rows = self.rowsIn(number),
                .columns = last,
            });
            for (sums, some[0]) |*sum, value| sum.* += value;
            for (squares, some[1]) |*sum, value| sum.* += value;
        }
    }
};

fn rowsOf(net: *const Embedding, arena: std.mem.Allocator, count: usize) Error!Rows {
    return Rows.init(arena, net.table, net.precision, count) catch weights.outOfMemory();
}

fn add(to: *[bottleneck]f32, from: *const [bottleneck]f32) void {
    for (to, from) |*value, other| value.* += other;
}

fn layerOf(reader: *const weights.Reader, block: usize, index: usize, in: usize, dilation: usize) Error!Layer {
    const name = "embedding.xvector.block{d}.tdnnd{d}.";
    const at = .{ block, index };
    const after = try reader.norm(name ++ "nonlinear2.batchnorm", at, bottleneck, true);
    var layer: Layer = .{
        .in = in,
        .dilation = dilation,
        .before = try reader.norm(name ++ "nonlinear1.batchnorm", at, in, true),
        .narrow = try reader.scaled(name ++ "linear1.weight", at, &.{ bottleneck, in, 1 }, after.scale),
        .narrow_shift = after.shift,
        .local = undefined,
        .squeeze = undefined,
        .squeeze_bias = try reader.vector(name ++ "cam_layer.linear1.bias", at, squeezed),
        .excite = undefined,
        .excite_bias = try reader.vector(name ++ "cam_layer.linear2.bias", at, growth),
    };
    const local = try reader.tensor(name ++ "cam_layer.linear_local.weight", at, &.{ growth, bottleneck, 3 });
    const tap = try reader.temporary(growth * bottleneck);
    for (&layer.local, 0..) |*one, k| {
        for (tap, 0..) |*value, i| value.* = local[i * 3 + k];
        one.* = try reader.weightOf(tap, growth, bottleneck);
    }
    const squeeze = try floats(reader.arena, squeezed * bottleneck);
    @memcpy(squeeze, try reader.tensor(name ++ "cam_layer.linear1.weight", at, &.{ squeezed, bottleneck, 1 }));
    const excite = try floats(reader.arena, growth * squeezed);
    @memcpy(excite, try reader.tensor(name ++ "cam_layer.linear2.weight", at, &.{ growth, squeezed, 1 }));
    layer.squeeze = squeeze;
    layer.excite = excite;
    return layer;
}
