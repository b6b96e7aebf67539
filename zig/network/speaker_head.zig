//! The residual network in front of CAM++: 3 x 3 convolutions over frequency and time, 32 channels, whose frequencies
//! halve three times, 80 to 10. Time keeps its length.
//!
//! A plane is [frequencies][frames][channels] with zeros around: one row of frequencies before and behind, one frame
//! before and behind each. So the three frames that a value is made of lie one after the other, and a convolution is
//! one product for each of three frequencies, with all frames of a frequency as its rows. Time goes in pieces, each
//! with so many frames around it as the network sees; these are computed twice, and left out where they are not whole.
//! At 8 bits a value is rounded once, with the others of its frequency and frame, for all nine products that it is in.

const std = @import("std");
const errors = @import("../errors.zig");
const fbank = @import("fbank.zig");
const kernels = @import("../kernels/kernels.zig");
const products = @import("products.zig");
const weights = @import("speaker_weights.zig");
const assert = std.debug.assert;
const Error = errors.Error;
const Rows = products.Rows;
const Weight = products.Weight;
const floats = weights.floats;

pub const channels = 32;
pub const bins_out = 10;
const bins = fbank.bins;
/// Frames of a piece, and how many the network sees on either side: one a convolution.
const piece = 480;
const reach = 10;
const taps = 3;

/// A convolution, its normalisation folded in. One matrix for each frequency.
const Convolution = struct { rows: [taps]Weight, shift: []const f32, stride: usize };

const Residual = struct {
    first: Convolution,
    second: Convolution,
    /// Of one frequency and frame, with the first one's stride.
    shortcut: Weight,
};

pub const Head = struct {
    table: *const kernels.Table,
    precision: products.Precision,
    first: Convolution,
    blocks: [4]Residual,
    last: Convolution,

    pub fn init(reader: *const weights.Reader) Error!Head {
        const name = "embedding.head.";
        var input_reader = reader.*;
        input_reader.precision = .f32; // Three frames of one channel are no block.
        return .{
            .table = reader.table,
            .precision = reader.precision,
            .first = try convolution(&input_reader, name ++ "conv1", name ++ "bn1", 1, 1),
            .blocks = .{
                try residual(reader, name ++ "layer1.0.", 2),
                try residual(reader, name ++ "layer1.1.", 1),
                try residual(reader, name ++ "layer2.0.", 2),
                try residual(reader, name ++ "layer2.1.", 1),
            },
            .last = try convolution(reader, name ++ "conv2", name ++ "bn2", channels, 2),
        };
    }

    /// `mels` f32[frames][bins] to out[bins_out][out_pad + frames + out_pad][channels]; the pads are left alone.
    pub fn run(self: *const Head, mels: []const f32, frames: usize, space: *Space, out: Rows, out_pad: usize) void {
        assert(mels.len == frames * bins);
        var start: usize = 0;
        while (start < frames) : (start += piece) {
            const from = start -| reach;
            const end: usize = @min(start + piece, frames);
            const count: usize = @min(end + reach, frames) - from;
            space.enter(mels[from * bins ..][0 .. count * bins], count);
            const result = self.runPiece(space, count);
            for (0..bins_out) |f| {
                const to = (f * (frames + 2 * out_pad) + out_pad + start) * channels;
                const at = ((f + 1) * (count + 2) + 1 + start - from) * channels;
                out.from(to).copy(result.from(at), (end - start) * channels);
            }
        }
    }

    /// Where the result is, as a plane.
    fn runPiece(self: *const Head, space: *Space, frames: usize) Rows {
        const own = &space.planes;
        var at: usize = 0; // Which plane has the input of what follows.
        var job: Job = .{ .head = self, .frames = frames, .sums = space.sums };
        job.run(&self.first, 1, .{ .f32 = space.input.ptr }, own[0], bins, null);
        var frequencies: usize = bins;
        for (&self.blocks) |*block| {
            const inner, const to = .{ own[(at + 1) % 3], own[(at + 2) % 3] };
            const stride = block.first.stride;
            job.run(&block.first, channels, own[at], inner, frequencies, null);
            frequencies /= stride;
            const beside: Beside = .{ .weight = &block.shortcut, .from = own[at], .stride = stride };
            job.run(&block.second, channels, inner, to, frequencies, beside);
            at = (at + 2) % 3;
        }
        const to = own[(at + 1) % 3];
        job.run(&self.last, channels, own[at], to, frequencies, null);
        assert(frequencies / self.last.stride == bins_out);
        return to;
    }
};

/// Activations of a piece, a thread's own.
pub const Space = struct {
    input: []align(64) f32,
    planes: [3]Rows,
    sums: *Sums,

    /// For recordings of so many frames.
    pub fn init(head: *const Head, arena: std.mem.Allocator, frames: usize) Error!Space {
        const most: usize = @min(frames, piece + 2 * reach) + 2;
        const sums = try weights.room(Sums, arena, 1);
        var self: Space = .{ .input = try floats(arena, (bins + 2) * most), .planes = undefined, .sums = &sums[0] };
        // The second and the third hold what has half of the frequencies, or fewer.
        for (&self.planes, [_]usize{ bins, bins / 2, bins / 2 }) |*plane, frequencies| {
            const count = (frequencies + 2) * most * channels;
            plane.* = Rows.init(arena, head.table, head.precision, count) catch return weights.outOfMemory();
        }
        return self;
    }

    /// Frequencies become rows.
    fn enter(self: *Space, mels: []const f32, frames: usize) void {
        @memset(self.input[0 .. (bins + 2) * (frames + 2)], 0);
        for (0..bins) |f| {
            const row = self.input[(f + 1) * (frames + 2) + 1 ..][0..frames];
            for (row, 0..) |*value, t| value.* = mels[t * bins + f];
        }
    }
};

/// What a convolution is added to: the product of another plane's frames.
const Beside = struct { weight: *const Weight, from: Rows, stride: usize };

/// Frames whose products of all frequencies stay in the first-level cache.
const run_frames = 112;
const run_step = 8;
const Sums = [run_frames * channels]f32;

const Job = struct {
    head: *const Head,
    frames: usize,
    sums: *Sums,
    by: *const Convolution = undefined,
    in: usize = 0,
    from: Rows = undefined,
    to: Rows = undefined,
    rows: usize = 0,
    beside: ?Beside = null,

    /// From a plane of so many frequencies and `in` channels to the next, negative values made 0.
    fn run(
        self: *Job,
        by: *const Convolution,
        in: usize,
        from: Rows,
        to: Rows,
        frequencies: usize,
        beside: ?Beside,
    ) void {
        self.by = by;
        self.in = in;
        self.from = from;
        self.to = to;
        self.rows = frequencies / by.stride;
        self.beside = beside;
        for (0..self.rows) |f| self.row(f);
    }

    fn row(self: *Job, f: usize) void {
        const width = self.frames + 2;
        const line = self.to.from((f + 1) * width * channels);
        // All alike, of whole tiles of rows: few rows take longer, each by itself.
        const runs = (self.frames + run_frames - 1) / run_frames;
        const each = std.mem.alignForward(usize, (self.frames + runs - 1) / runs, run_step);
        var frame: usize = 0;
        while (frame < self.frames) : (frame += each) {
            const count = @min(each, self.frames - frame);
            self.someFrames(f, frame, count, line.from((1 + frame) * channels));
        }
        line.clear(channels);
        line.from((width - 1) * channels).clear(channels);
        if (f == 0) self.to.clear(width * channels);
        if (f + 1 == self.rows) self.to.from((f + 2) * width * channels).clear(width * channels);
    }

    fn someFrames(self: *const Job, f: usize, frame: usize, count: usize, to: Rows) void {
        const sums = self.sums;
        const table = self.head.table;
        const width = self.frames + 2;
        if (self.beside) |beside| {
            const from = beside.from.from(((beside.stride * f + 1) * width + 1 + frame) * channels);
            beside.weight.times(table, count, from, channels, sums, channels, false);
        }
        for (&self.by.rows, 0..) |*tap, k| {
            const from = self.from.from(((self.by.stride * f + k) * width + frame) * self.in);
            tap.times(table, count, from, self.in, sums, channels, k > 0 or self.beside != null);
        }
        to.putAffine(table, .{
            .x = sums,
            .x_stride = channels,
            .scale = null,
            .shift = self.by.shift.ptr,
            .rows = count,
            .columns = channels,
            .slope = 0,
        });
    }
};

fn convolution(
    reader: *const weights.Reader,
    comptime name: []const u8,
    comptime norm_name: []const u8,
    in: usize,
    stride: usize,
) Error!Convolution {
    reader.forget();
    const norm = try reader.norm(norm_name, .{}, channels, true);
    const weight = try reader.tensor(name ++ ".weight", .{}, &.{ channels, in, taps, taps });
    var made: Convolution = .{ .rows = undefined, .shift = norm.shift, .stride = stride };
    const turned = try reader.unset(channels * taps * in);
    for (&made.rows, 0..) |*one, k| {
        for (0..channels) |n| for (0..in) |c| for (0..taps) |t| {
            turned[(n * taps + t) * in + c] = weight[((n * in + c) * taps + k) * taps + t] * norm.scale[n];
        };
        one.* = try reader.weightOf(turned, channels, taps * in);
    }
    return made;
}

fn residual(reader: *const weights.Reader, comptime name: []const u8, stride: usize) Error!Residual {
    var made: Residual = .{
        .first = try convolution(reader, name ++ "conv1", name ++ "bn1", channels, stride),
        .second = try convolution(reader, name ++ "conv2", name ++ "bn2", channels, 1),
        .shortcut = undefined,
    };
    if (stride == 1) {
        made.shortcut = try asItIs(reader);
        return made;
    }
    const norm = try reader.norm(name ++ "shortcut.1", .{}, channels, true);
    const shape = [_]u64{ channels, channels, 1, 1 };
    made.shortcut = try reader.scaled(name ++ "shortcut.0.weight", .{}, &shape, norm.scale);
    const shift = try floats(reader.arena, channels);
    for (shift, made.second.shift, norm.shift) |*to, own, other| to.* = own + other;
    made.second.shift = shift;
    return made;
}

/// The input itself, as a product: wherever it is rounded it is the same, and it costs a tenth of a convolution.
fn asItIs(reader: *const weights.Reader) Error!Weight {
    var ones: [channels * channels]f32 = @splat(0);
    for (0..channels) |c| ones[c * (channels + 1)] = 1;
    return reader.weightOf(&ones, channels, channels);
}
