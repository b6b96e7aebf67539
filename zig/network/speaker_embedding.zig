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
//! One thread computes a whole voice, in a space of its own: shared among threads, a voice of 2 s would be more than a
//! hundred jobs of a tenth of a millisecond, each of which waits for its turn among a model's.
//!
//! Products have weights and activations of 8 bits (rectified.zig), which takes a third of the time; or are in f32, as
//! the network was trained, for tests to compare with.

const std = @import("std");
const errors = @import("../errors.zig");
const fbank_ = @import("fbank.zig");
const head_ = @import("speaker_head.zig");
const kernels = @import("../kernels/kernels.zig");
const products = @import("products.zig");
const rectified = @import("rectified.zig");
const weights = @import("speaker_weights.zig");
const assert = std.debug.assert;
const Error = errors.Error;
const Norm = weights.Norm;
const Rows = rectified.Rows;
const Weight = rectified.Weight;
const floats = weights.floats;
const room = weights.room;

/// Floats of an embedding.
pub const size = 192;
/// Of fewer frames nothing can be said; more are not taken, five minutes.
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
/// Frames of a piece of context, as many as are computed together.
const part = 100;
/// Zero rows before and behind a layer's bottleneck.
const pad = 2;
const time_taps = 5;
const local_taps = 3;

const Layer = struct {
    in: usize,
    dilation: usize,
    before: Norm,
    narrow: Weight,
    narrow_shift: []const f32,
    /// Of three frames.
    local: Weight,
    /// f32[squeezed][bottleneck], f32[growth][squeezed].
    squeeze: []const f32,
    squeeze_bias: []const f32,
    excite: []const f32,
    excite_bias: []const f32,
};

const Transit = struct { before: Norm, weight: Weight };

/// Frames that a space keeps room for: 10 s.
const frames_kept = 1000;

/// What a thread computes voices in, 4 MB for 2 s. Grows to the longest voice; what very long ones take is given back.
pub const Space = struct {
    arena: std.heap.ArenaAllocator,
    /// Frames that there is room for.
    frames: usize = 0,
    fbank: *fbank_.Scratch = undefined,
    mels: []align(64) f32 = &.{},
    head: head_.Space = undefined,
    /// What the head gives: [bins_out][frames + 2 seen_pad][channels].
    seen: Rows = undefined,
    /// [rows][widest], in turns.
    wide: [2][]align(64) f32 = undefined,
    /// A part of what is wide, normalised: [part][up to widest].
    normal: Rows = undefined,
    /// [pad + rows + pad][bottleneck].
    narrow: Rows = undefined,
    /// Sums of each part's rows.
    sums: []align(64) f32 = &.{},
    /// A mask for each part.
    masks: []align(64) f32 = &.{},

    pub fn init(gpa: std.mem.Allocator) Space {
        return .{ .arena = .init(gpa) };
    }

    pub fn deinit(self: *Space) void {
        self.arena.deinit();
    }

    fn reserve(self: *Space, net: *const Embedding, frames: usize) Error!void {
        if (frames <= self.frames) return;
        self.release();
        const arena = self.arena.allocator();
        const rows = (frames + 2 * part - 1) / (2 * part) * part; // Whole parts.
        const most = 2 * rows;
        self.fbank = &(try room(fbank_.Scratch, arena, 1))[0];
        self.mels = try room(f32, arena, most * bins);
        self.head = try .init(&net.head, arena, most);
        self.seen = try rowsOf(net, arena, head_.bins_out * (most + 2 * seen_pad) * head_.channels);
        for (&self.wide) |*wide| wide.* = try room(f32, arena, rows * widest);
        self.normal = try rowsOf(net, arena, part * widest);
        self.narrow = try rowsOf(net, arena, (rows + 2 * pad) * bottleneck);
        self.sums = try room(f32, arena, rows / part * bottleneck);
        self.masks = try room(f32, arena, rows / part * growth);
        self.frames = most;
    }

    fn release(self: *Space) void {
        _ = self.arena.reset(.free_all);
        self.frames = 0;
    }
};

pub const Embedding = struct {
    table: *const kernels.Table,
    precision: products.Precision,
    fbank: fbank_.Fbank,
    head: head_.Head,
    /// Each frequency's five frames are a run.
    entry: Weight,
    entry_shift: []const f32,
    layers: [layers_all]Layer,
    transits: [blocks.len]Transit,
    after: Norm,
    /// f32[size][2 * last].
    dense: []const f32,
    dense_shift: []const f32,

    /// Everything is in the reader's arena.
    pub fn init(reader: *const weights.Reader) Error!Embedding {
        var self: Embedding = undefined;
        self.table = reader.table;
        self.precision = reader.precision;
        self.fbank = try .init(reader);
        self.head = try .init(reader);
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
                .weight = try weightOf(reader, name ++ "linear.weight", .{b}, channels / 2, channels, null),
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
        const depth = time_taps * channels;
        var parts: [frequencies]rectified.Part = undefined;
        for (&parts, 0..) |*part_of, f| {
            const own = try reader.unset(channels_first * depth);
            for (0..channels_first) |n| for (0..time_taps) |k| for (0..channels) |c| {
                const from = (n * channels * frequencies + c * frequencies + f) * time_taps + k;
                own[n * depth + k * channels + c] = weight[from] * norm.scale[n];
            };
            part_of.* = .{ .values = own, .depth = depth };
        }
        self.entry = try weightOfParts(reader, channels_first, &parts);
        self.entry_shift = norm.shift;
    }

    /// The embedding of the voice in these pieces of sound, whose frames count one after the other. Too few frames give
    /// zeros. `watch.see(stage, 0, rows, columns)` is shown what stages give.
    pub fn run(
        self: *const Embedding,
        space: *Space,
        sounds: []const []const f32,
        out: *[size]f32,
        watch: anytype,
    ) Error!void {
        const count = framesOf(sounds);
        if (count < frames_min) return @memset(out, 0);
        assert(count <= frames_max);
        try space.reserve(self, count);
        defer if (space.frames > frames_kept) space.release();
        var job: Job = .{ .net = self, .space = space, .frames = count, .rows = (count + 1) / 2 };
        job.features(sounds);
        show(watch, "fbank", space.mels[0 .. count * bins], bins);
        job.enter();
        show(watch, "entry", space.wide[0][0 .. job.rows * widest], widest);
        var index: usize = 0;
        inline for (blocks, self.transits, 0..) |block, transit, b| {
            for (0..block.layers) |_| {
                job.throughLayer(&self.layers[index]);
                index += 1;
            }
            job.goOn(transit, if (b + 1 == blocks.len) self.after else null);
            const stage = std.fmt.comptimePrint("block{d}", .{b + 1});
            show(watch, stage, space.wide[job.turn][0 .. job.rows * widest], widest);
        }
        job.finish(out);
        show(watch, "embedding", out, size);
    }
};

/// Frames of a voice in these pieces of sound.
pub fn framesOf(sounds: []const []const f32) usize {
    var count: usize = 0;
    for (sounds) |sound| count += fbank_.framesOf(sound.len);
    return count;
}

fn show(watch: anytype, comptime stage: []const u8, values: []const f32, columns: usize) void {
    if (@TypeOf(watch) == void) return;
    watch.see(stage, 0, values, columns);
}

/// Frames before and behind those of the head that the entry sees.
const seen_pad = time_taps / 2;

/// One voice under way.
const Job = struct {
    net: *const Embedding,
    space: *Space,
    frames: usize,
    /// Every second frame.
    rows: usize,
    /// Which of the wide activations are the latest.
    turn: usize = 0,

    fn parts(self: *const Job) usize {
        return (self.rows + part - 1) / part;
    }

    fn rowsIn(self: *const Job, number: usize) usize {
        return @min(part, self.rows - number * part);
    }

    /// A part's first row of the latest wide activations.
    fn wideAt(self: *const Job, number: usize) [*]f32 {
        return self.space.wide[self.turn].ptr + number * part * widest;
    }

    /// Log-mels of every frame, each bin less its mean.
    fn features(self: *Job, sounds: []const []const f32) void {
        const mels = self.space.mels[0 .. self.frames * bins];
        var before: usize = 0;
        for (sounds) |sound| {
            const frames = fbank_.framesOf(sound.len);
            var first: usize = 0;
            while (first < frames) : (first += fbank_.block) {
                const count: usize = @min(fbank_.block, frames - first);
                const out = mels[(before + first) * bins ..][0 .. count * bins];
                self.net.fbank.compute(sound, first, count, self.space.fbank, out);
            }
            before += frames;
        }
        var sums: [bins]f64 = @splat(0);
        for (0..self.frames) |frame| {
            for (&sums, mels[frame * bins ..][0..bins]) |*sum, value| sum.* += value;
        }
        var shift: [bins]f32 = undefined;
        for (&shift, sums) |*to, sum| to.* = @floatCast(-sum / @as(f64, @floatFromInt(self.frames)));
        self.net.table.affine(&.{
            .x = mels.ptr,
            .x_stride = bins,
            .scale = null,
            .shift = &shift,
            .out = mels.ptr,
            .out_stride = bins,
            .rows = self.frames,
            .columns = bins,
            .slope = 1,
        });
    }

    /// Through the head, and from its frequencies to channels, every second frame.
    fn enter(self: *Job) void {
        const net = self.net;
        const space = self.space;
        const channels = head_.channels;
        const line = self.frames + 2 * seen_pad;
        for (0..head_.bins_out) |f| {
            space.seen.from(f * line * channels).clear(seen_pad * channels);
            space.seen.from((f * line + seen_pad + self.frames) * channels).clear(seen_pad * channels);
        }
        net.head.run(space.mels[0 .. self.frames * bins], self.frames, &space.head, space.seen, seen_pad);
        for (0..self.parts()) |number| {
            var x: [head_.bins_out]Rows = undefined;
            for (&x, 0..) |*run_from, f| run_from.* = space.seen.from((f * line + 2 * number * part) * channels);
            net.entry.times(net.table, .{
                .rows = self.rowsIn(number),
                .x = &x,
                .x_stride = 2 * channels,
                .to = .{ .floats = .{ .at = self.wideAt(number), .stride = widest } },
                .shift = net.entry_shift.ptr,
            });
        }
    }

    fn throughLayer(self: *Job, layer: *const Layer) void {
        const narrow = self.space.narrow;
        narrow.clear(pad * bottleneck);
        narrow.from((pad + self.rows) * bottleneck).clear(pad * bottleneck);
        for (0..self.parts()) |number| self.narrowPart(layer, number);
        self.findMasks(layer);
        for (0..self.parts()) |number| self.localPart(layer, number);
    }

    fn narrowPart(self: *Job, layer: *const Layer, number: usize) void {
        const space = self.space;
        self.normalise(number, layer.before, layer.in);
        layer.narrow.times(self.net.table, .{
            .rows = self.rowsIn(number),
            .x = &.{space.normal},
            .x_stride = layer.in,
            .to = .{ .rows = space.narrow.from((pad + number * part) * bottleneck) },
            .shift = layer.narrow_shift.ptr,
            .sums = space.sums[number * bottleneck ..][0..bottleneck],
        });
    }

    /// What a part's frames have in their first `in` columns, normalised, negative values made 0.
    fn normalise(self: *const Job, number: usize, norm: Norm, in: usize) void {
        self.space.normal.putAffine(self.net.table, .{
            .x = self.wideAt(number),
            .x_stride = widest,
            .scale = norm.scale.ptr,
            .shift = norm.shift.ptr,
            .rows = self.rowsIn(number),
            .columns = in,
            .slope = 0,
        });
    }

    /// How much of each channel counts, by the mean of everything and of the part.
    fn findMasks(self: *Job, layer: *const Layer) void {
        const table = self.net.table;
        const space = self.space;
        var all: [bottleneck]f32 = @splat(0);
        for (0..self.parts()) |number| {
            for (&all, space.sums[number * bottleneck ..][0..bottleneck]) |*value, sum| value.* += sum;
        }
        const total: f32 = @floatFromInt(self.rows);
        for (0..self.parts()) |number| {
            const rows: f32 = @floatFromInt(self.rowsIn(number));
            var own: [bottleneck]f32 = undefined;
            for (&own, space.sums[number * bottleneck ..][0..bottleneck], all) |*value, sum, whole| {
                value.* = sum / rows + whole / total;
            }
            var small: [squeezed]f32 = undefined;
            table.gemv(.f32, std.mem.sliceAsBytes(layer.squeeze).ptr, &own, squeezed, bottleneck, &small);
            for (&small, layer.squeeze_bias) |*value, bias| value.* = @max(0, value.* + bias);
            const mask = space.masks[number * growth ..][0..growth];
            table.gemv(.f32, std.mem.sliceAsBytes(layer.excite).ptr, &small, growth, squeezed, mask.ptr);
            for (mask, layer.excite_bias) |*value, bias| value.* = 1 / (1 + @exp(-(value.* + bias)));
        }
    }

    fn localPart(self: *Job, layer: *const Layer, number: usize) void {
        var x: [local_taps]Rows = undefined;
        for (&x, 0..) |*run_from, k| {
            const row = pad + number * part + k * layer.dilation - layer.dilation;
            run_from.* = self.space.narrow.from(row * bottleneck);
        }
        layer.local.times(self.net.table, .{
            .rows = self.rowsIn(number),
            .x = &x,
            .x_stride = bottleneck,
            .to = .{ .floats = .{ .at = self.wideAt(number) + layer.in, .stride = widest } },
            .scale = self.space.masks.ptr + number * growth,
            .rectifies = false,
        });
    }

    /// From a block of layers to what follows it.
    fn goOn(self: *Job, transit: Transit, after: ?Norm) void {
        for (0..self.parts()) |number| {
            self.normalise(number, transit.before, transit.weight.depth);
            const to = self.space.wide[1 - self.turn].ptr + number * part * widest;
            transit.weight.times(self.net.table, .{
                .rows = self.rowsIn(number),
                .x = &.{self.space.normal},
                .x_stride = transit.weight.depth,
                .to = .{ .floats = .{ .at = to, .stride = widest } },
                .scale = if (after) |norm| norm.scale.ptr else null,
                .shift = if (after) |norm| norm.shift.ptr else null,
                .rectifies = after != null,
            });
        }
        self.turn = 1 - self.turn;
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
                .x = self.wideAt(number),
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
    return Rows.init(arena, net.precision, count) catch weights.outOfMemory();
}

/// Of a tensor [outputs][depth], its rows times `scale`.
fn weightOf(
    reader: *const weights.Reader,
    comptime name: []const u8,
    parts: anytype,
    outputs: usize,
    depth: usize,
    scale: ?[]const f32,
) Error!Weight {
    const values = try reader.tensor(name, parts, &.{ outputs, depth, 1 });
    if (scale) |by| weights.scaleRows(values, by);
    return weightOfParts(reader, outputs, &.{.{ .values = values, .depth = depth }});
}

fn weightOfParts(reader: *const weights.Reader, outputs: usize, parts: []const rectified.Part) Error!Weight {
    return Weight.init(reader.arena, reader.table, reader.precision, outputs, parts) catch weights.outOfMemory();
}

fn layerOf(reader: *const weights.Reader, block: usize, index: usize, in: usize, dilation: usize) Error!Layer {
    const name = "embedding.xvector.block{d}.tdnnd{d}.";
    const at = .{ block, index };
    const after = try reader.norm(name ++ "nonlinear2.batchnorm", at, bottleneck, true);
    var layer: Layer = .{
        .in = in,
        .dilation = dilation,
        .before = try reader.norm(name ++ "nonlinear1.batchnorm", at, in, true),
        .narrow = try weightOf(reader, name ++ "linear1.weight", at, bottleneck, in, after.scale),
        .narrow_shift = after.shift,
        .local = undefined,
        .squeeze = try reader.kept(name ++ "cam_layer.linear1.weight", at, &.{ squeezed, bottleneck, 1 }),
        .squeeze_bias = try reader.vector(name ++ "cam_layer.linear1.bias", at, squeezed),
        .excite = try reader.kept(name ++ "cam_layer.linear2.weight", at, &.{ growth, squeezed, 1 }),
        .excite_bias = try reader.vector(name ++ "cam_layer.linear2.bias", at, growth),
    };
    const local = try reader.tensor(name ++ "cam_layer.linear_local.weight", at, &.{ growth, bottleneck, local_taps });
    var parts: [local_taps]rectified.Part = undefined;
    for (&parts, 0..) |*one, k| one.* = .{ .values = try tapOf(reader, local, k), .depth = bottleneck };
    layer.local = try weightOfParts(reader, growth, &parts);
    return layer;
}

/// One of the three frames of a convolution's weights.
fn tapOf(reader: *const weights.Reader, local: []const f32, k: usize) Error![]const f32 {
    const taps: []const [local_taps]f32 = @ptrCast(local);
    const tap = try reader.unset(taps.len);
    for (tap, taps) |*value, all| value.* = all[k];
    return tap;
}
